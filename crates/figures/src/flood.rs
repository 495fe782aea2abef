//! Floods of one operator position: more new alarms than a person can take in (ISA-18.2-2016, 16.5; EEMUA 191).
//!
//! The window is half open: an alarm counts until exactly `window` after it. A flood begins with the alarm that makes more than
//! `start_above` in the window, and ends at the instant at which fewer than `end_below` are left: exact by events, not by buckets.
//! Memory: the times of the last window, `ENTRIES_MAX` at most; where more come, the newest two are taken as one at the later time,
//! so a count can only leave late, by as much as the two lie apart.

use std::collections::VecDeque;

use model::{Priority, Span, Time};

use crate::rank;

/// Different times of alarms remembered in one window.
const ENTRIES_MAX: usize = 65_536;

/// When a position is flooded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FloodConfig {
    /// Alarms are counted over this time.
    pub window: Span,
    /// More than this in a window begin a flood.
    pub start_above: u32,
    /// Fewer than this in a window end it.
    pub end_below: u32,
}

impl Default for FloodConfig {
    /// More than 10 in 10 minutes, until fewer than 5 are.
    fn default() -> Self {
        Self { window: Span::from_secs(600), start_above: 10, end_below: 5 }
    }
}

impl FloodConfig {
    /// What makes sense of it: a flood that has begun can end, and does not end by beginning.
    fn sane(self) -> Self {
        let (start_above, window) = (self.start_above.max(1), self.window.max(Span::from_micros(1)));
        Self { window, start_above, end_below: self.end_below.clamp(1, start_above) }
    }
}

/// One flood.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Flood {
    /// The alarm that began it.
    pub since: Time,
    /// When it ended; `None` while it lasts.
    pub ended: Option<Time>,
    /// All its alarms, those in the window when it began included.
    pub alarms: u32,
    /// The same by priority, from low to critical.
    pub by_priority: [u32; 4],
}

/// Alarms of one instant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) at: Time,
    pub(crate) by_priority: [u32; 4],
}

impl Entry {
    fn count(&self) -> u32 {
        self.by_priority.iter().fold(0, |sum, count| sum.saturating_add(*count))
    }
}

/// The new alarms of one position over the last window, and the flood it is in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Meter {
    config: FloodConfig,
    pub(crate) entries: VecDeque<Entry>,
    inside: u32,
    pub(crate) open: Option<Flood>,
}

impl Meter {
    pub(crate) fn new(config: FloodConfig) -> Self {
        Self { config: config.sane(), entries: VecDeque::new(), inside: 0, open: None }
    }

    /// A meter as it was.
    pub(crate) fn restore(config: FloodConfig, entries: VecDeque<Entry>, open: Option<Flood>) -> Self {
        let inside = entries.iter().fold(0_u32, |sum, entry| sum.saturating_add(entry.count()));
        Self { config: config.sane(), entries, inside, open }
    }

    /// Alarms in the window.
    pub(crate) const fn inside(&self) -> u32 {
        self.inside
    }

    /// A new alarm; gives the flood that had ended by then.
    pub(crate) fn take(&mut self, at: Time, priority: Priority) -> Option<Flood> {
        let at = self.entries.back().map_or(at, |last| last.at.max(at));
        let ended = self.advance(at);
        self.push(at, priority);
        self.inside = self.inside.saturating_add(1);
        match &mut self.open {
            Some(flood) => {
                flood.alarms = flood.alarms.saturating_add(1);
                flood.by_priority[rank(priority)] = flood.by_priority[rank(priority)].saturating_add(1);
            }
            None if self.inside > self.config.start_above => {
                self.open = Some(Flood { since: at, ended: None, alarms: self.inside, by_priority: self.by_priority() });
            }
            None => {}
        }
        ended
    }

    fn push(&mut self, at: Time, priority: Priority) {
        let full = self.entries.len() >= ENTRIES_MAX;
        match self.entries.back_mut().filter(|last| full || last.at == at) {
            Some(last) => {
                last.at = at;
                last.by_priority[rank(priority)] = last.by_priority[rank(priority)].saturating_add(1);
            }
            None => {
                let mut by_priority = [0; 4];
                by_priority[rank(priority)] = 1;
                self.entries.push_back(Entry { at, by_priority });
            }
        }
    }

    fn by_priority(&self) -> [u32; 4] {
        let mut sums = [0_u32; 4];
        for entry in &self.entries {
            sums.iter_mut().zip(entry.by_priority).for_each(|(sum, count)| *sum = sum.saturating_add(count));
        }
        sums
    }

    /// Time goes on without an alarm; gives the flood that ended.
    pub(crate) fn advance(&mut self, now: Time) -> Option<Flood> {
        let ended = self.ends_at().filter(|at| *at <= now);
        while let Some(first) = self.entries.front().filter(|first| first.at.plus(self.config.window) <= now) {
            self.inside = self.inside.saturating_sub(first.count());
            self.entries.pop_front();
        }
        let flood = self.open.take_if(|_| ended.is_some())?;
        Some(Flood { ended, ..flood })
    }

    /// When the flood ends unless another alarm comes.
    pub(crate) fn ends_at(&self) -> Option<Time> {
        let flood = self.open?;
        let mut newer = 0_u32;
        for entry in self.entries.iter().rev() {
            newer = newer.saturating_add(entry.count());
            if newer >= self.config.end_below {
                return Some(entry.at.plus(self.config.window));
            }
        }
        // Only after a change of the settings can so few be left of a flood.
        Some(flood.since)
    }
}
