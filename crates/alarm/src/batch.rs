//! Messages and the clocks of their gateways (traps 24, 25).

use model::{Batch, ClockFault, ClockFaultKind, Event, EventBody, Sample, Span, Time};

use crate::apply::Core;
use crate::point::{Hot, SKEW};

/// So many messages in a row without a newer sample mean that the gateway's clock was set back ...
const SET_BACK_MESSAGES: u32 = 5;
/// ... if they took so long in journal time.
const SET_BACK_SPAN: Span = Span::from_secs(5);

/// How many samples ahead the state of points is loaded: few enough to stay in the first cache.
const WARM_SAMPLES: usize = 128;

impl Core {
    /// Judges message by message: where a batch begins and ends makes no difference.
    pub(crate) fn batch(&mut self, batch: &Batch, events: &mut Vec<Event>) {
        let mut gateways = std::mem::take(&mut self.batch_gateways);
        gateways.clear();
        gateways.extend(batch.gateways.iter().map(|path| self.layout.gateway_of_path(path)));
        let (mut judged, mut warm) = (0, 0);
        for (message, _, samples) in batch.messages() {
            judged += samples.len();
            while warm < judged {
                let ahead = batch.samples.len().min(warm + WARM_SAMPLES);
                self.warm(&batch.samples[warm..ahead]);
                warm = ahead;
            }
            let named = gateways.get(message.gateway as usize).copied().flatten();
            // A message of another name still is of the gateway whose points it brings.
            let gateway =
                named.or_else(|| samples.iter().find_map(|it| self.layout.local(it.point)).map(|it| self.layout.gateway[it]));
            self.message(gateway, samples, events);
        }
        self.batch_gateways = gateways;
    }

    /// Loads the state of these samples' points all at once: one after the other each would wait for memory, which costs most of the time
    /// a sample takes once the points do not fit the cache.
    fn warm(&self, samples: &[Sample]) {
        let flags = samples.iter().filter_map(|sample| self.layout.local(sample.point)).map(|local| self.hot[local].flags);
        std::hint::black_box(flags.fold(0, |all, flags| all | flags));
    }

    fn message(&mut self, gateway: Option<usize>, samples: &[Sample], events: &mut Vec<Event>) {
        let Some(gateway) = gateway else {
            self.counters.unknown_point += samples.len() as u64;
            return;
        };
        self.hear(self.layout.source_of_gateway[gateway], events);
        self.speaks_again(gateway, events);
        if self.row_is_ripe(gateway) && self.nothing_newer(samples) {
            self.set_back(gateway, samples, events);
        }
        let (mut counted, mut older, mut newer, mut ahead) = (false, false, false, false);
        let limit = self.ahead_limit();
        for sample in samples {
            let Some(local) = self.layout.local(sample.point) else {
                self.counters.unknown_point += 1;
                continue;
            };
            let hot = &mut self.hot[local];
            if hot.take_quiet(sample, self.now, limit) {
                if hot.timer < Time::MAX {
                    self.deadlines.at_the_latest(local, hot.journal_time_of(hot.timer));
                }
                self.counters.judged += 1;
                (counted, newer) = (true, true);
                continue;
            }
            if sample.flags.historical {
                self.counters.historical += 1;
                continue;
            }
            if sample.time > limit {
                self.clock_is_ahead(gateway, sample.time, events);
                ahead = true;
            }
            counted = true;
            older |= self.hot[local].is_behind(sample.time);
            newer |= self.judge_sample(local, sample, sample.time > limit, events);
        }
        if counted && !ahead {
            self.clock_recovers(gateway, samples, events);
        }
        self.count_message(gateway, older, newer);
        if let Some(sample) = samples.last().filter(|it| !self.recorded && !it.flags.historical && !it.flags.arrival_time) {
            self.gateways[gateway].note_offset(self.now.since(sample.time));
        }
        self.judge_touched(events);
    }

    /// The latest sample time that no wrong clock is suspected of.
    fn ahead_limit(&self) -> Time {
        if self.recorded { Time::MAX } else { self.now.plus(SKEW) }
    }

    /// A repeat of what is known says nothing of a clock: only older samples speak for one that was set back.
    fn count_message(&mut self, gateway: usize, older: bool, newer: bool) {
        let state = &mut self.gateways[gateway];
        state.last_message = Some(self.now);
        if newer {
            state.row = 0;
        } else if older {
            if state.row == 0 {
                state.row_since = self.now;
            }
            state.row = state.row.saturating_add(1);
        }
    }

    /// Whether one more message without a newer sample would be one too many.
    fn row_is_ripe(&self, gateway: usize) -> bool {
        let state = &self.gateways[gateway];
        !self.recorded && state.row.saturating_add(1) >= SET_BACK_MESSAGES && self.now.since(state.row_since) >= SET_BACK_SPAN
    }

    /// The samples that count for wrong clocks: of points here, and not historical.
    fn counting<'a>(&'a self, samples: &'a [Sample]) -> impl Iterator<Item = (&'a Sample, &'a Hot)> {
        let live = samples.iter().filter(|sample| !sample.flags.historical);
        live.filter_map(|sample| Some((sample, &self.hot[self.layout.local(sample.point)?])))
    }

    fn nothing_newer(&self, samples: &[Sample]) -> bool {
        let limit = self.ahead_limit();
        let not_newer = |(sample, hot): (&Sample, &Hot)| {
            hot.has(Hot::SEEN) && !hot.has(Hot::SET_BACK) && sample.time <= limit && sample.time <= hot.last
        };
        self.counting(samples).any(|(sample, hot)| hot.is_behind(sample.time)) && self.counting(samples).all(not_newer)
    }

    /// Anchors all points of a gateway anew: each takes its next sample, whatever its time.
    fn set_back(&mut self, gateway: usize, samples: &[Sample], events: &mut Vec<Event>) {
        let offset = self.counting(samples).next().map_or(Span::ZERO, |(sample, hot)| sample.time.since(hot.clock(self.now)));
        for (hot, fed_by) in self.hot.iter_mut().zip(&self.layout.gateway) {
            if *fed_by == gateway && hot.has(Hot::SEEN) {
                hot.set(Hot::SET_BACK, true);
            }
        }
        events.push(self.clock_event(gateway, ClockFaultKind::SetBack, offset));
    }

    fn clock_is_ahead(&mut self, gateway: usize, time: Time, events: &mut Vec<Event>) {
        if !std::mem::replace(&mut self.gateways[gateway].ahead, true) {
            events.push(self.clock_event(gateway, ClockFaultKind::Ahead, time.since(self.now)));
        }
    }

    fn clock_recovers(&mut self, gateway: usize, samples: &[Sample], events: &mut Vec<Event>) {
        if std::mem::replace(&mut self.gateways[gateway].ahead, false) {
            let offset = self.counting(samples).next().map_or(Span::ZERO, |(sample, _)| sample.time.since(self.now));
            events.push(self.clock_event(gateway, ClockFaultKind::Recovered, offset));
        }
    }

    fn clock_event(&self, gateway: usize, fault: ClockFaultKind, offset: Span) -> Event {
        let path = &self.layout.gateways[gateway];
        let body = EventBody::Clock(ClockFault { fault, offset_us: offset.micros() });
        self.event(self.now, path.shared(), self.scope_of_gateway(path), body)
    }
}
