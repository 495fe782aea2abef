//! Figures out of samples: the one fold that every database uses, so that kept figures are what anybody would work out from raw rows.
//!
//! A database's own aggregates cannot carry a held value over the border of a bucket, so the time-weighted sum would be wrong at every
//! border (traps 68). Here samples of one point go in by time, with the sample before the first, and figures of the cells of a grid
//! come out. Only times of the years that figures are kept for take part in kept figures: a clock that was never set must not make
//! upkeep walk through decades (traps 65).

use model::{PointNumber, Quality, Span, Time};

use crate::{Figure, SampleRow};

/// Kept figures begin here; what is dated earlier is read from raw rows.
pub(crate) const KEPT_FROM: Time = Time::YEAR_2000;

/// Kept figures end here: 2100-01-01T00:00:00Z.
pub(crate) const KEPT_TO: Time = Time::from_micros(4_102_444_800_000_000);

/// The cells of a sum: all of one width, one of them begins at the origin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Grid {
    /// Where a cell begins.
    pub(crate) origin: Time,
    /// At least a microsecond.
    pub(crate) width: Span,
}

impl Grid {
    /// Cells that are aligned to 1970.
    pub(crate) const fn aligned(width: Span) -> Self {
        Self { origin: Time::from_micros(0), width }
    }

    /// The start of the cell that a time lies in; the first one begins with time itself.
    pub(crate) fn floor(self, time: Time) -> Time {
        let (time, origin, width) =
            (i128::from(time.micros()), i128::from(self.origin.micros()), i128::from(self.width.micros().max(1)));
        at(origin + (time - origin).div_euclid(width) * width)
    }

    /// The end of the cell that a time lies in.
    pub(crate) fn end(self, time: Time) -> Time {
        let (time, origin, width) =
            (i128::from(time.micros()), i128::from(self.origin.micros()), i128::from(self.width.micros().max(1)));
        at(origin + ((time - origin).div_euclid(width) + 1) * width)
    }

    /// How many cells a range touches that begins at or before its end.
    pub(crate) fn count(self, from: Time, to: Time) -> u128 {
        let range = i128::from(to.micros()) - i128::from(self.floor(from).micros());
        range.unsigned_abs().div_ceil(u128::from(self.width.micros().max(1).unsigned_abs()))
    }

    /// The first start of a cell at or after a time.
    pub(crate) fn ceil(self, time: Time) -> Time {
        if self.floor(time) == time { time } else { self.end(time) }
    }
}

#[expect(clippy::cast_possible_truncation, reason = "clamped to the range of i64")]
fn at(micros: i128) -> Time {
    Time::from_micros(micros.clamp(i128::from(i64::MIN), i128::from(i64::MAX)) as i64)
}

/// The value that counts: there, and of a good or uncertain sample.
pub(crate) fn judged(row: &SampleRow) -> Option<f64> {
    match row.quality {
        Quality::Good | Quality::Uncertain => row.value,
        Quality::Bad | Quality::Calibrating => None,
    }
}

impl Figure {
    /// Of nothing.
    pub(crate) fn empty(point: PointNumber, start: Time) -> Self {
        let (min, max, first, last) = (None, None, None, None);
        Self { point, start, samples: 0, count: 0, sum: 0.0, min, max, first, last, weighted: 0.0, good: Span::ZERO }
    }

    /// The mean of the held value over the good time; none without good time, or where the sum is beyond what a number holds.
    pub fn mean(&self) -> Option<f64> {
        let seconds = self.good.micros() as f64 / 1e6;
        let mean = self.weighted / seconds;
        (self.good > Span::ZERO && mean.is_finite()).then_some(mean)
    }

    /// Takes in what follows in time.
    pub(crate) fn add(&mut self, next: &Self) {
        self.samples += next.samples;
        self.count += next.count;
        self.sum += next.sum;
        self.min = self.min.into_iter().chain(next.min).reduce(f64::min);
        self.max = self.max.into_iter().chain(next.max).reduce(f64::max);
        self.first = self.first.or(next.first);
        self.last = next.last.or(self.last);
        self.weighted += next.weighted;
        self.good = self.good + next.good;
    }

    fn take(&mut self, row: &SampleRow) {
        self.samples += 1;
        if let Some(value) = judged(row) {
            self.count += 1;
            self.sum += value;
            self.min = Some(self.min.map_or(value, |least| least.min(value)));
            self.max = Some(self.max.map_or(value, |most| most.max(value)));
            self.first = self.first.or(Some(value));
            self.last = Some(value);
        }
    }

    fn hold(&mut self, value: f64, span: Span) {
        self.weighted += value * (span.micros() as f64 / 1e6);
        self.good = self.good + span;
    }

    fn is_empty(&self) -> bool {
        self.samples == 0 && self.good == Span::ZERO
    }
}

/// A value that holds.
#[derive(Clone, Copy, Debug)]
struct Held {
    value: f64,
    since: Time,
    until: Time,
}

/// Samples of one point in, by time, each time once; figures of the cells out.
#[derive(Clone, Debug)]
pub(crate) struct Fold {
    grid: Grid,
    hold: Span,
    to: Time,
    held: Option<Held>,
    cell: Figure,
    end: Time,
    done: Vec<Figure>,
}

impl Fold {
    /// From one time to before another; `before` is the point's last sample before the first of them, where it is known.
    pub(crate) fn new(
        (point, hold): (PointNumber, Span),
        grid: Grid,
        (from, to): (Time, Time),
        before: Option<&SampleRow>,
    ) -> Self {
        let cell = Figure::empty(point, grid.floor(from));
        let mut fold = Self { grid, hold, to, held: None, cell, end: grid.end(from), done: Vec::new() };
        fold.held = before.and_then(|row| fold.held_by(row)).map(|held| Held { since: held.since.max(from), ..held });
        fold
    }

    /// The next sample; one at or after the end, or not after the one before it, is not for this fold.
    pub(crate) fn push(&mut self, row: &SampleRow) {
        debug_assert!(row.time < self.to && row.point == self.cell.point, "{row:?} is not of this fold");
        self.run(row.time);
        self.go(row.time);
        self.cell.take(row);
        self.held = self.held_by(row);
    }

    /// The figures of the cells that have a sample or good time, by time.
    pub(crate) fn finish(mut self) -> Vec<Figure> {
        self.run(self.to);
        self.close();
        self.done
    }

    fn held_by(&self, row: &SampleRow) -> Option<Held> {
        judged(row).map(|value| Held { value, since: row.time, until: row.time.plus(self.hold) })
    }

    /// Gives every cell up to a time its part of the held value.
    fn run(&mut self, time: Time) {
        let Some(Held { value, mut since, until }) = self.held.take() else { return };
        let until = until.min(time).min(self.to);
        while since < until {
            self.go(since);
            let upto = until.min(self.end);
            self.cell.hold(value, upto.since(since));
            since = upto;
        }
    }

    /// Goes on to the cell of a time.
    fn go(&mut self, time: Time) {
        if time >= self.end && self.end != Time::MAX {
            self.close();
            self.cell.start = self.grid.floor(time);
            self.end = self.grid.end(time);
        }
    }

    fn close(&mut self) {
        let empty = Figure::empty(self.cell.point, self.cell.start);
        let cell = std::mem::replace(&mut self.cell, empty);
        if !cell.is_empty() {
            self.done.push(cell);
        }
    }
}

/// The same for rows that are all there.
pub(crate) fn cells<'a>(
    point: (PointNumber, Span),
    grid: Grid,
    range: (Time, Time),
    before: Option<&SampleRow>,
    rows: impl IntoIterator<Item = &'a SampleRow>,
) -> Vec<Figure> {
    let mut fold = Fold::new(point, grid, range, before);
    rows.into_iter().for_each(|row| fold.push(row));
    fold.finish()
}

/// Figures of wider cells out of those of narrower ones, which come by point and time.
pub(crate) fn roll_up<'a>(figures: impl IntoIterator<Item = &'a Figure>, grid: Grid) -> Vec<Figure> {
    let mut wider: Vec<Figure> = Vec::new();
    for figure in figures {
        let start = grid.floor(figure.start);
        match wider.last_mut().filter(|last| (last.point, last.start) == (figure.point, start)) {
            Some(last) => last.add(figure),
            None => wider.push(Figure { start, ..*figure }),
        }
    }
    wider
}

#[cfg(test)]
mod tests;
