//! What is remembered of a point: the part of the core's own state that says whether it is heard of, kept by the same rules.

use model::{Position, Quality, Sample, Span, Time};

use crate::gap::{Reason, TICK};

/// A point's state between samples.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Hot {
    /// Judged time of the newest sample; of a point never seen the journal time at which it came into the site.
    pub(crate) last: Time,
    /// Journal time at which its clock stood at `last`; of a clock that stands still how far beyond `last` it stands, in microseconds.
    pub(crate) anchor: Time,
    /// The record of its newest sample, or of the revision that brought the point.
    pub(crate) at: Position,
    /// Since when it is silent, journal time.
    pub(crate) stale: Option<Time>,
    /// Its newest sample is not to be judged: why, and since which record.
    pub(crate) quality: Option<(Reason, Time, Position)>,
    /// See the constants.
    pub(crate) flags: u8,
}

impl Hot {
    /// A sample of it was taken.
    pub(crate) const SEEN: u8 = 1;
    /// Its gateway's clock was set back: the next sample counts whatever its time.
    pub(crate) const SET_BACK: u8 = 1 << 1;
    /// Its source is down: its clock stands still.
    pub(crate) const DOWN: u8 = 1 << 2;
    /// Every flag there is.
    pub(crate) const ALL: u8 = (1 << 3) - 1;

    /// A point that comes into the site now.
    pub(crate) const fn new(now: Time, at: Position) -> Self {
        Self { last: now, anchor: now, at, stale: None, quality: None, flags: 0 }
    }

    pub(crate) const fn has(&self, flag: u8) -> bool {
        self.flags & flag != 0
    }

    pub(crate) const fn set(&mut self, flag: u8, on: bool) {
        if on {
            self.flags |= flag;
        } else {
            self.flags &= !flag;
        }
    }

    /// How far its clock stands beyond its newest sample.
    pub(crate) const fn elapsed(&self, now: Time) -> Span {
        if self.has(Self::DOWN) { Span::from_micros(self.anchor.micros()) } else { now.since(self.anchor) }
    }

    /// The first instant of silence in journal time, if nothing comes; never, while its clock stands still.
    pub(crate) const fn silent_at(&self, stale_after: Span) -> Time {
        if self.has(Self::DOWN) { Time::MAX } else { self.anchor.plus(stale_after).plus(TICK) }
    }

    /// Stops its clock.
    pub(crate) const fn freeze(&mut self, now: Time) {
        if !self.has(Self::DOWN) {
            self.anchor = Time::from_micros(self.elapsed(now).micros());
            self.set(Self::DOWN, true);
        }
    }

    /// Lets its clock go on from where it stands.
    pub(crate) const fn thaw(&mut self, now: Time) {
        if self.has(Self::DOWN) {
            self.set(Self::DOWN, false);
            self.anchor = Time::from_micros(now.micros().saturating_sub(self.anchor.micros()));
        }
    }

    /// Its clock stands at a new sample.
    pub(crate) const fn restart(&mut self, time: Time, now: Time, at: Position) {
        self.last = time;
        self.anchor = if self.has(Self::DOWN) { Time::from_micros(0) } else { now };
        self.at = at;
        self.set(Self::SEEN, true);
        self.set(Self::SET_BACK, false);
    }

    /// Whether a sample of this time is older than the newest one.
    pub(crate) fn is_behind(&self, time: Time) -> bool {
        self.has(Self::SEEN) && !self.has(Self::SET_BACK) && time < self.last
    }

    /// The time a sample is judged at; `None` where it is not newer than the newest one.
    pub(crate) fn judged_time(&self, sample: &Sample, ahead: bool, now: Time) -> Option<Time> {
        let least = if self.has(Self::SEEN) { self.last.plus(TICK) } else { Time::MIN };
        let time = if ahead { now.max(least) } else { sample.time };
        let newer = !self.has(Self::SEEN) || self.has(Self::SET_BACK) || time > self.last;
        newer.then_some(time)
    }
}

/// Why a sample is not judged, if it is not.
pub(crate) fn not_judged(sample: &Sample) -> Option<Reason> {
    match sample.quality {
        Quality::Calibrating => Some(Reason::Calibrating),
        Quality::Bad => Some(Reason::BadQuality),
        Quality::Good | Quality::Uncertain => sample.value.is_none_or(|it| !it.is_finite()).then_some(Reason::BadQuality),
    }
}
