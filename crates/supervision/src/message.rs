//! Messages: which points were heard of, how good what they say is, and whether their gateways' clocks are right (traps 24, 25).

use model::{Batch, Sample, Span, Time};

use crate::fold::PartitionFold;
use crate::gap::{Gap, Reason, Said, record, scope};
use crate::point::{Hot, not_judged};

/// More than this ahead of journal time is a wrong clock.
const SKEW: Span = Span::from_secs(60);
/// So many messages in a row without a newer sample mean that the gateway's clock was set back ...
const SET_BACK_MESSAGES: u32 = 5;
/// ... if they took so long in journal time.
const SET_BACK_SPAN: Span = Span::from_secs(5);

impl PartitionFold {
    pub(crate) fn batch(&mut self, batch: &Batch, said: &mut Said) {
        for (_, path, samples) in batch.messages() {
            let named = self.gateways.binary_search_by(|it| (*it.path).cmp(path.as_str())).ok();
            // A message of another name still is of the gateway whose points it brings.
            let by_point = || samples.iter().find_map(|it| self.local(it)).map(|local| self.points[local].gateway);
            if let Some(gateway) = named.or_else(by_point) {
                self.message(gateway, samples, said);
            }
        }
    }

    fn local(&self, sample: &Sample) -> Option<usize> {
        self.points.binary_search_by_key(&sample.point, |it| it.number).ok()
    }

    fn message(&mut self, gateway: usize, samples: &[Sample], said: &mut Said) {
        self.hear(self.gateways[gateway].source, said);
        let limit = self.now.plus(SKEW);
        if self.row_is_ripe(gateway) && self.nothing_newer(samples, limit) {
            self.set_back(gateway);
        }
        let (mut counted, mut older, mut newer, mut ahead) = (false, false, false, false);
        for sample in samples.iter().filter(|it| !it.flags.historical) {
            let Some(local) = self.local(sample) else { continue };
            counted = true;
            ahead |= sample.time > limit;
            older |= self.hot[local].is_behind(sample.time);
            newer |= self.take(local, sample, sample.time > limit, said);
        }
        self.note_clock(gateway, counted, ahead, said);
        self.count_message(gateway, older, newer);
    }

    /// Takes a sample where it is newer than the point's last; tells whether it was.
    fn take(&mut self, local: usize, sample: &Sample, ahead: bool, said: &mut Said) -> bool {
        let hot = self.hot[local];
        let Some(time) = hot.judged_time(sample, ahead, self.now) else { return false };
        let ends = |gap: Gap| Gap { to: Some(self.now), ..gap };
        if !hot.has(Hot::SEEN) {
            said.gaps.push(ends(self.point_gap(local, Reason::NeverSeen, hot.last, hot.at)));
        }
        if let Some(from) = hot.stale {
            said.gaps.push(ends(self.point_gap(local, Reason::Stale, from, hot.at)));
        }
        let reason = not_judged(sample);
        let quality = match hot.quality {
            Some((before, ..)) if Some(before) == reason => hot.quality,
            before => {
                said.gaps.extend(before.map(|(reason, from, at)| ends(self.point_gap(local, reason, from, at))));
                let now = reason.map(|reason| (reason, self.now, self.header.position));
                said.gaps.extend(now.map(|(reason, from, at)| self.point_gap(local, reason, from, at)));
                now
            }
        };
        let hot = &mut self.hot[local];
        (hot.stale, hot.quality) = (None, quality);
        hot.restart(time, self.now, self.header.position);
        self.register(local);
        true
    }

    /// A gateway's clock is ahead from its first message with a sample of the future to its first one without.
    fn note_clock(&mut self, gateway: usize, counted: bool, ahead: bool, said: &mut Said) {
        let was = self.gateways[gateway].ahead;
        let (now, at) = (self.now, self.header.position);
        match (was, ahead) {
            (None, true) => {
                self.gateways[gateway].ahead = Some((now, at));
                said.gaps.push(self.clock_gap(gateway, (now, at), None));
            }
            (Some(since), false) if counted => {
                self.gateways[gateway].ahead = None;
                said.gaps.push(self.clock_gap(gateway, since, Some(now)));
            }
            _ => {}
        }
    }

    pub(crate) fn clock_gap(&self, gateway: usize, (from, at): (Time, model::Position), to: Option<Time>) -> Gap {
        Gap {
            scope: scope::gateway(self.partition.0, &self.gateways[gateway].path),
            reason: Reason::ClockNotTrusted,
            from,
            to,
            evidence: record(self.partition.0, at),
        }
    }

    fn count_message(&mut self, gateway: usize, older: bool, newer: bool) {
        let now = self.now;
        let state = &mut self.gateways[gateway];
        if newer {
            state.row = 0;
        } else if older {
            if state.row == 0 {
                state.row_since = now;
            }
            state.row = state.row.saturating_add(1);
        }
    }

    /// Whether one more message without a newer sample would be one too many.
    fn row_is_ripe(&self, gateway: usize) -> bool {
        let state = &self.gateways[gateway];
        state.row.saturating_add(1) >= SET_BACK_MESSAGES && self.now.since(state.row_since) >= SET_BACK_SPAN
    }

    fn nothing_newer(&self, samples: &[Sample], limit: Time) -> bool {
        let live = || samples.iter().filter(|it| !it.flags.historical).filter_map(|it| Some((it, &self.hot[self.local(it)?])));
        let not_newer = |(sample, hot): (&Sample, &Hot)| {
            hot.has(Hot::SEEN) && !hot.has(Hot::SET_BACK) && sample.time <= limit && sample.time <= hot.last
        };
        live().any(|(sample, hot)| hot.is_behind(sample.time)) && live().all(not_newer)
    }

    /// Every point of the gateway takes its next sample, whatever its time.
    fn set_back(&mut self, gateway: usize) {
        for (hot, place) in self.hot.iter_mut().zip(&self.points) {
            if place.gateway == gateway && hot.has(Hot::SEEN) {
                hot.set(Hot::SET_BACK, true);
            }
        }
    }
}
