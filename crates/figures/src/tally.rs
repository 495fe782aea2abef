//! What is counted for one operator position, or for all together.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use model::{AlarmKey, Priority, Span, Time};

use crate::durations::Durations;
use crate::flood::{Flood, FloodConfig, Meter};
use crate::rank;
use crate::report::{Figures, Frequent, float, share};

const TEN_MINUTES: Span = Span::from_secs(600);
const HOUR: Span = Span::from_secs(3_600);
const DAY: Span = Span::from_secs(86_400);

/// How many of the most frequent alarms are named.
const MOST_FREQUENT: usize = 10;

/// The period looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Period {
    pub(crate) from: Time,
    pub(crate) to: Time,
}

impl Period {
    pub(crate) fn holds(self, at: Time) -> bool {
        self.from <= at && at < self.to
    }

    pub(crate) fn length(self) -> Span {
        self.to.since(self.from)
    }

    /// How long something that lasted from `since` to `until` lasted inside; `None` where it did not touch the period.
    pub(crate) fn overlap(self, since: Time, until: Time) -> Option<Span> {
        let (since, until) = (since.max(self.from), until.min(self.to));
        (since < until).then(|| until.since(since))
    }

    /// So many a `width`.
    fn rate(self, count: u64, width: Span) -> f64 {
        if self.length() <= Span::ZERO { 0.0 } else { float(count) * micros(width) / micros(self.length()) }
    }
}

#[expect(clippy::cast_precision_loss, reason = "figures are shown with few digits")]
const fn micros(span: Span) -> f64 {
    span.micros() as f64
}

/// Neighbouring periods of one width from the start on, and how many hold more than a limit.
#[derive(Clone, Debug)]
struct Buckets {
    width: Span,
    limit: u64,
    current: i64,
    count: u64,
    over: u64,
}

impl Buckets {
    const fn new(width: Span, limit: u64) -> Self {
        Self { width, limit, current: 0, count: 0, over: 0 }
    }

    fn take(&mut self, since_start: Span) {
        let bucket = since_start.micros() / self.width.micros();
        if bucket != self.current {
            self.close();
            self.current = bucket;
        }
        self.count += 1;
    }

    fn close(&mut self) {
        self.over += u64::from(self.count > self.limit);
        self.count = 0;
    }

    /// The share of all buckets, the last one counted whole.
    fn share(&mut self, period: Span) -> f64 {
        self.close();
        let all = u64::try_from(period.micros()).unwrap_or_default().div_ceil(self.width.micros().unsigned_abs());
        share(self.over, all)
    }
}

/// The counts of a position.
#[derive(Clone, Debug)]
pub(crate) struct Tally {
    period: Period,
    meter: Meter,
    counts: BTreeMap<AlarmKey, u64>,
    chattered: BTreeSet<AlarmKey>,
    ten_minutes: Buckets,
    hours: Buckets,
    standing_time: i128,
    pub(crate) acknowledged: Durations,
    pub(crate) returned: Durations,
    /// What needs no more than adding up.
    pub(crate) figures: Figures,
}

impl Tally {
    pub(crate) fn new(period: Period, config: FloodConfig, position: Arc<str>) -> Self {
        Self {
            period,
            meter: Meter::new(config),
            counts: BTreeMap::new(),
            chattered: BTreeSet::new(),
            ten_minutes: Buckets::new(TEN_MINUTES, 10),
            hours: Buckets::new(HOUR, 30),
            standing_time: 0,
            acknowledged: Durations::default(),
            returned: Durations::default(),
            figures: Figures { position, ..Figures::default() },
        }
    }

    /// An annunciated alarm; one before the period only fills the window.
    pub(crate) fn alarm(&mut self, at: Time, key: &AlarmKey, priority: Priority) {
        let ended = self.meter.take(at, priority);
        self.flood(ended);
        if !self.period.holds(at) {
            return;
        }
        self.figures.alarms += 1;
        self.figures.by_priority[rank(priority)] += 1;
        self.figures.peak_ten_minutes = self.figures.peak_ten_minutes.max(self.meter.inside());
        *self.counts.entry(key.clone()).or_default() += 1;
        let since = at.since(self.period.from);
        self.ten_minutes.take(since);
        self.hours.take(since);
    }

    fn flood(&mut self, flood: Option<Flood>) {
        let Some(Flood { since, ended, .. }) = flood else { return };
        let Some(inside) = self.period.overlap(since, ended.unwrap_or(self.period.to)) else { return };
        self.figures.floods += 1;
        self.figures.flood_time = self.figures.flood_time + inside;
    }

    /// An alarm began to chatter.
    pub(crate) fn chatter(&mut self, key: &AlarmKey) {
        self.figures.chatter_episodes += 1;
        self.chattered.insert(key.clone());
    }

    /// An activation stood inside the period for so long beyond its first 24 h.
    pub(crate) fn stood(&mut self, inside: Span, at_end: bool) {
        self.figures.standing += 1;
        self.figures.standing_at_end += u64::from(at_end);
        self.standing_time += i128::from(inside.micros());
    }

    /// Whether anything is there to show.
    pub(crate) fn is_empty(&self) -> bool {
        let Figures { alarms, hidden, standing, not_cleared, shelved, suppressed, out_of_service, .. } = self.figures;
        let seen = alarms + hidden + standing + not_cleared + shelved + suppressed + out_of_service;
        seen == 0 && self.figures.floods == 0
    }

    /// The flood under way goes on to the end of the period, or ends before it.
    pub(crate) fn close(&mut self) {
        let ended = self.meter.advance(self.period.to);
        self.flood(ended.or(self.meter.open));
    }

    pub(crate) fn finish(mut self) -> Figures {
        let period = self.period;
        let mut figures = self.figures;
        figures.per_day = period.rate(figures.alarms, DAY);
        figures.per_hour = period.rate(figures.alarms, HOUR);
        figures.per_ten_minutes = period.rate(figures.alarms, TEN_MINUTES);
        figures.ten_minutes_over_10 = self.ten_minutes.share(period.length());
        figures.hours_over_30 = self.hours.share(period.length());
        let length = micros(period.length()).max(1.0);
        figures.flood_share = micros(figures.flood_time) / length;
        #[expect(clippy::cast_precision_loss, reason = "figures are shown with few digits")]
        let standing_time = self.standing_time as f64;
        figures.standing_mean = standing_time / length;
        figures.chattering_alarms = self.chattered.len() as u64;
        figures.most_frequent = most_frequent(self.counts, figures.alarms);
        figures.top_ten_share = share(figures.most_frequent.iter().map(|it| it.count).sum(), figures.alarms);
        figures.to_acknowledge = self.acknowledged.figures();
        figures.to_return = self.returned.figures();
        figures
    }
}

/// The first by count, then by name.
fn most_frequent(counts: BTreeMap<AlarmKey, u64>, alarms: u64) -> Vec<Frequent> {
    let mut all: Vec<_> = counts.into_iter().collect();
    // Stable: of equal counts the order of names stays.
    all.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    all.truncate(MOST_FREQUENT);
    all.into_iter().map(|(alarm, count)| Frequent { alarm, count, share: share(count, alarms) }).collect()
}
