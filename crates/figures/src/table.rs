//! The figures of a period: a fold over the alarm events of `events`, in the order of the journal.
//!
//! What belongs where:
//! - A new alarm is an `alarm.raised` with `annunciated`; its place in time is `recorded_at`, the time of the operator. So are floods,
//!   rates, standing and not cleared. Chattering and fleeting go by `occurred_at`, the time of the alarm's own source.
//! - Time to acknowledge: `recorded_at` of the acknowledgement less `recorded_at` of the raise. Time to return: `occurred_at` of the
//!   return less `occurred_at` of the raise. Each within one clock; of raises inside the period only, whose answer lies inside too.
//! - Events before the period (give `LEAD_IN` of them) make known what is open, chattering and flooded at its start; they are not
//!   counted. An alarm raised before the first event given is not known: neither its return nor that it stands.
//! - 10-minute periods and hours are counted from the start of the period, not by the calendar.
//! - Total: as if everything came to one operator; its floods and peaks are no sums.
//!
//! Memory: by the number of alarms and positions, not of events; see flood.rs and durations.rs.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use model::{AlarmId, AlarmKey, AlarmKind, AlarmState, AlarmTransition, Event, RecordedEvent, Span, Time, Transition};

use crate::chatter::{CHATTER, Chatter};
use crate::flood::FloodConfig;
use crate::report::Statistics;
use crate::tally::{Period, Tally};
use crate::{FLEETING, STANDING, position_of, transition};

/// How much before a period should be given: a week, so that what has stood for so long is known.
pub const LEAD_IN: Span = Span::from_secs(7 * 86_400);

/// Which way a limit alarm looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Direction {
    Up,
    Down,
}

impl Direction {
    const fn of(kind: AlarmKind) -> Option<Self> {
        match kind {
            AlarmKind::High | AlarmKind::HighHigh => Some(Self::Up),
            AlarmKind::Low | AlarmKind::LowLow => Some(Self::Down),
            _ => None,
        }
    }
}

/// A point beyond limits in one direction.
#[derive(Clone, Debug, Default)]
struct Excursion {
    in_alarm: BTreeSet<AlarmId>,
    counted: bool,
}

/// An annunciated raise whose return has not come.
#[derive(Clone, Copy, Debug)]
struct Active {
    occurred_at: Time,
    recorded_at: Time,
}

/// What is known of one alarm.
#[derive(Clone, Debug, Default)]
struct Life {
    position: Arc<str>,
    active: Option<Active>,
    /// When the raise that waits for its acknowledgement was recorded.
    unacknowledged: Option<Time>,
    /// When the first annunciated raise of the open occurrence was recorded.
    open_since: Option<Time>,
    chatter: Chatter,
    /// Fleeting activations that may yet turn out to be the beginning of a chatter: when they began, and whether they count.
    fleeting: Vec<(Time, bool)>,
}

/// The tallies of all positions, and of all together.
#[derive(Clone, Debug)]
struct Tallies {
    period: Period,
    config: FloodConfig,
    total: Tally,
    positions: BTreeMap<Arc<str>, Tally>,
}

impl Tallies {
    fn each(&mut self, position: &Arc<str>, count: impl Fn(&mut Tally)) {
        count(&mut self.total);
        let Self { period, config, positions, .. } = self;
        count(positions.entry(Arc::clone(position)).or_insert_with(|| Tally::new(*period, *config, Arc::clone(position))));
    }

    fn stood(&mut self, position: &Arc<str>, recorded_at: Time, until: Option<Time>) {
        let period = self.period;
        let overlap = period.overlap(recorded_at.plus(STANDING), until.unwrap_or(period.to));
        if let Some(inside) = overlap {
            self.each(position, |tally| tally.stood(inside, until.is_none()));
        }
    }

    fn not_cleared(&mut self, position: &Arc<str>, since: Time, until: Option<Time>) {
        let period = self.period;
        if period.overlap(since.plus(STANDING), until.unwrap_or(period.to)).is_some() {
            self.each(position, |tally| tally.figures.not_cleared += 1);
        }
    }
}

/// Accumulates the figures of a period `[from, to)`.
#[derive(Clone, Debug)]
pub struct Table {
    tallies: Tallies,
    lives: BTreeMap<AlarmKey, Life>,
    excursions: BTreeMap<(Arc<str>, Direction), Excursion>,
}

impl Table {
    /// An empty table, with the floods of the standard.
    pub fn new(from: Time, to: Time) -> Self {
        Self::with(from, to, FloodConfig::default())
    }

    /// An empty table with floods of another kind.
    pub fn with(from: Time, to: Time, config: FloodConfig) -> Self {
        let period = Period { from, to: to.max(from) };
        let total = Tally::new(period, config, Arc::from(""));
        let tallies = Tallies { period, config, total, positions: BTreeMap::new() };
        Self { tallies, lives: BTreeMap::new(), excursions: BTreeMap::new() }
    }

    /// Takes the next event in the order of the journal; what is no alarm transition, or comes after the period, changes nothing.
    pub fn take(&mut self, recorded: &RecordedEvent) {
        let Some(alarm) = transition(&recorded.event) else { return };
        // The figures of another Davy's operators are its own.
        if recorded.is_foreign() || recorded.recorded_at >= self.tallies.period.to {
            return;
        }
        let key = (Arc::clone(&recorded.event.subject), alarm.alarm.clone());
        match alarm.transition {
            Transition::Raised if alarm.annunciated => self.raised(recorded, &key, alarm),
            Transition::Raised => self.hidden(recorded, alarm),
            Transition::Returned => self.returned(recorded, &key, alarm),
            Transition::Acknowledged => self.acknowledged(recorded.recorded_at, &key),
            _ => self.handled(recorded, alarm),
        }
        if alarm.transition == Transition::Closed || alarm.state == AlarmState::Normal {
            self.closed(recorded, &key, alarm);
        }
    }

    fn raised(&mut self, recorded: &RecordedEvent, key: &AlarmKey, alarm: &AlarmTransition) {
        let (at, position) = (recorded.recorded_at, position_of(&recorded.event, alarm));
        let counts = self.tallies.period.holds(at);
        self.tallies.each(&position, |tally| tally.alarm(at, key, alarm.priority));
        if self.begins_excursion(&recorded.event, alarm) && counts {
            self.tallies.each(&position, |tally| tally.figures.excursions += 1);
        }
        let life = self.lives.entry(key.clone()).or_default();
        life.position = Arc::clone(&position);
        let occurred_at = recorded.event.occurred_at;
        settle_fleeting(&mut self.tallies, life, Some(occurred_at));
        if life.chatter.take(occurred_at).is_some() {
            // What came and went fast in this minute was the chatter's beginning.
            life.fleeting.clear();
            if counts {
                self.tallies.each(&position, |tally| tally.chatter(key));
            }
        }
        // Announced anew while in alarm, it has been in alarm since before.
        life.active.get_or_insert(Active { occurred_at, recorded_at: at });
        life.open_since.get_or_insert(at);
        life.unacknowledged = Some(at);
    }

    /// Whether the raise is the first one annunciated of its excursion; an alarm without a direction is an excursion of its own.
    fn begins_excursion(&mut self, event: &Event, alarm: &AlarmTransition) -> bool {
        let Some(direction) = Direction::of(alarm.alarm_kind) else { return true };
        let excursion = self.excursions.entry((Arc::clone(&event.subject), direction)).or_default();
        excursion.in_alarm.insert(alarm.alarm.clone());
        alarm.annunciated && !std::mem::replace(&mut excursion.counted, true)
    }

    fn end_excursion(&mut self, event: &Event, alarm: &AlarmTransition) {
        let Some(direction) = Direction::of(alarm.alarm_kind) else { return };
        let key = (Arc::clone(&event.subject), direction);
        let Some(excursion) = self.excursions.get_mut(&key) else { return };
        excursion.in_alarm.remove(&alarm.alarm);
        if excursion.in_alarm.is_empty() {
            self.excursions.remove(&key);
        }
    }

    fn hidden(&mut self, recorded: &RecordedEvent, alarm: &AlarmTransition) {
        self.begins_excursion(&recorded.event, alarm);
        if self.tallies.period.holds(recorded.recorded_at) {
            let position = position_of(&recorded.event, alarm);
            self.tallies.each(&position, |tally| tally.figures.hidden += 1);
        }
    }

    fn returned(&mut self, recorded: &RecordedEvent, key: &AlarmKey, alarm: &AlarmTransition) {
        self.end_excursion(&recorded.event, alarm);
        let period = self.tallies.period;
        let Some(life) = self.lives.get_mut(key) else { return };
        let Some(active) = life.active.take() else { return };
        let (raised_inside, position) = (period.holds(active.recorded_at), Arc::clone(&life.position));
        let lasted = recorded.event.occurred_at.since(active.occurred_at);
        if lasted < FLEETING && !life.chatter.holds(active.occurred_at) {
            life.fleeting.push((active.occurred_at, raised_inside));
        }
        if raised_inside && period.holds(recorded.recorded_at) {
            self.tallies.each(&position, |tally| tally.returned.add(lasted));
        }
        self.tallies.stood(&position, active.recorded_at, Some(recorded.recorded_at));
    }

    fn acknowledged(&mut self, at: Time, key: &AlarmKey) {
        let period = self.tallies.period;
        let Some(life) = self.lives.get_mut(key) else { return };
        let Some(raised_at) = life.unacknowledged.take() else { return };
        if period.holds(raised_at) && period.holds(at) {
            self.tallies.each(&life.position, |tally| tally.acknowledged.add(at.since(raised_at)));
        }
    }

    fn handled(&mut self, recorded: &RecordedEvent, alarm: &AlarmTransition) {
        if !self.tallies.period.holds(recorded.recorded_at) {
            return;
        }
        let position = position_of(&recorded.event, alarm);
        match alarm.transition {
            Transition::Shelved => self.tallies.each(&position, |tally| tally.figures.shelved += 1),
            Transition::Suppressed => self.tallies.each(&position, |tally| tally.figures.suppressed += 1),
            Transition::OutOfService => self.tallies.each(&position, |tally| tally.figures.out_of_service += 1),
            _ => {}
        }
    }

    /// The occurrence ended; without a return where its rule was removed.
    fn closed(&mut self, recorded: &RecordedEvent, key: &AlarmKey, alarm: &AlarmTransition) {
        self.end_excursion(&recorded.event, alarm);
        let Some(life) = self.lives.get_mut(key) else { return };
        life.unacknowledged = None;
        if let Some(active) = life.active.take() {
            self.tallies.stood(&life.position, active.recorded_at, Some(recorded.recorded_at));
        }
        if let Some(since) = life.open_since.take() {
            self.tallies.not_cleared(&life.position, since, Some(recorded.recorded_at));
        }
    }

    /// The figures, what is still open counted up to the end of the period.
    pub fn finish(mut self) -> Statistics {
        for life in self.lives.values_mut() {
            settle_fleeting(&mut self.tallies, life, None);
            if let Some(active) = life.active {
                self.tallies.stood(&life.position, active.recorded_at, None);
            }
            if let Some(since) = life.open_since {
                self.tallies.not_cleared(&life.position, since, None);
            }
        }
        let Tallies { period, mut total, mut positions, .. } = self.tallies;
        total.close();
        positions.values_mut().for_each(Tally::close);
        positions.retain(|_, tally| !tally.is_empty());
        let mut positions: Vec<_> = positions.into_values().map(Tally::finish).collect();
        // Stable: of equal counts the order of names stays.
        positions.sort_by_key(|figures| std::cmp::Reverse(figures.alarms));
        Statistics { from: period.from, to: period.to, total: total.finish(), positions }
    }
}

/// Counts the fleeting activations that no chatter can claim any more: those too long before `now`, at the end all.
fn settle_fleeting(tallies: &mut Tallies, life: &mut Life, now: Option<Time>) {
    let settled = |began: Time| now.is_none_or(|now| now.since(began) > CHATTER);
    let count = life.fleeting.iter().filter(|(began, counts)| *counts && settled(*began)).count() as u64;
    life.fleeting.retain(|(began, _)| !settled(*began));
    if count > 0 {
        tallies.each(&life.position, |tally| tally.figures.fleeting += count);
    }
}
