//! How far behind the history is, and how near to being lost.

use std::collections::BTreeMap;

use journal::{Journal, JournalId};
use model::{PARTITIONS, Partition, Position, Time};
use tokio::time::Instant;

use crate::metrics;
use crate::pace::{self, TREND, Trend};

/// From this share of the journal's retention on a person has to look: with the defaults and a database that is away, six hours after it
/// went and eighteen before the first row is lost.
const USED_WORTH_SAYING: f64 = 0.25;

/// How far a journal is stored.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place {
    pub(crate) position: Position,
    /// Journal time of the record there.
    pub(crate) time: Time,
    /// When everything was stored last.
    pub(crate) whole_at: Time,
}

impl Place {
    pub(crate) const START: Self = Self { position: Position(0), time: Time::MIN, whole_at: Time::MIN };
}

pub(crate) type Places = BTreeMap<JournalId, Place>;

/// How far behind the history is.
pub(crate) struct Watch {
    /// Places as known last.
    pub(crate) known: Places,
    /// Age of the oldest record not yet stored.
    pub(crate) lag_s: f64,
    /// Up to when recorded samples are stored.
    pub(crate) samples_to: Time,
    /// How much of the journal's retention is used up.
    used: f64,
    /// Said at this tenth.
    said: u8,
    /// How many transactions may be under way, and how many the store takes.
    pub(crate) lanes: usize,
    lanes_max: usize,
    /// When the trend was looked at last, with the lag and what was appended then.
    since: (Instant, f64, u64),
}

impl Watch {
    pub(crate) fn new(lanes: usize) -> Self {
        let lanes = lanes.max(1);
        let since = (Instant::now(), 0.0, 0);
        Self { known: Places::new(), lag_s: 0.0, samples_to: Time::MIN, used: 0.0, said: 0, lanes, lanes_max: lanes, since }
    }

    pub(crate) fn look(&mut self, journal: &dyn Journal) {
        let now = journal.now();
        (self.lag_s, self.used, self.samples_to) = (0.0, 0.0, now);
        for id in every_journal() {
            let place = self.known.get(&id).copied().unwrap_or(Place::START);
            if journal.bounds(id).durable <= place.position {
                continue;
            }
            if matches!(id, JournalId::Telemetry(_)) {
                self.samples_to = self.samples_to.min(place.time.max(place.whole_at));
            }
            self.used = self.used.max(journal.retention_used(id, place.position, place.time));
            // What is not stored came after the last stored record, and after the moment when nothing was missing.
            if place.position > Position(0) {
                #[expect(clippy::cast_precision_loss, reason = "a gauge")]
                let lag = now.since(place.time.max(place.whole_at)).micros() as f64 / 1e6;
                self.lag_s = self.lag_s.max(lag);
            }
        }
        ::metrics::gauge!(metrics::LAG).set(self.lag_s);
        ::metrics::gauge!(metrics::RETENTION_USED).set(self.used);
        self.warn();
        self.follow_trend(journal);
    }

    /// What a person has to know while it is time.
    pub(crate) fn risk(&self) -> Option<String> {
        let (lag, percent) = (self.lag_s, (self.used * 100.0).round());
        let text =
            || format!("history is {lag:.0} s behind, {percent} % of what the journal keeps; at 100 % rows are lost to history");
        (self.used >= USED_WORTH_SAYING).then(text)
    }

    /// Said once for each tenth that is used up, and again only after it was made good.
    fn warn(&mut self) {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "0 to 10")]
        let tenth = (self.used.clamp(0.0, 1.0) * 10.0) as u8;
        if self.used >= USED_WORTH_SAYING && tenth > self.said {
            tracing::error!(
                lag_s = self.lag_s.round(),
                used = self.used,
                "history is behind; at used = 1 the journal drops what is not stored: mend the store or make room"
            );
            self.said = tenth;
        } else if self.used < USED_WORTH_SAYING / 2.0 {
            self.said = 0;
        }
    }

    fn follow_trend(&mut self, journal: &dyn Journal) {
        let (at, lag, appended) = self.since;
        if at.elapsed() < TREND {
            return;
        }
        let appended_now = every_journal().map(|id| journal.bounds(id).appended.0).sum();
        let trend = Trend { live: appended_now > appended, lag: (lag, self.lag_s), used: self.used };
        self.lanes = pace::lanes(self.lanes_max, trend);
        self.since = (Instant::now(), self.lag_s, appended_now);
    }
}

pub(crate) fn every_journal() -> impl Iterator<Item = JournalId> {
    let partitions = (0..PARTITIONS).filter_map(|number| u8::try_from(number).ok());
    partitions.map(|number| JournalId::Telemetry(Partition(number))).chain([JournalId::Events, JournalId::Dead])
}
