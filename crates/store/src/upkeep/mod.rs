//! Upkeep of figures, the same on every database: working out the next minutes, and those that late samples came to.
//!
//! Samples come while this runs. So the end of the next stretch is claimed first, in a transaction of its own: what is written before
//! that is seen by the reads that follow, and what is written after it marks its minute. Only then the stretch is worked out, and the end
//! of what is done moves last, so that a failure anywhere leaves stretches to be worked out again and no hole. Hours and days are sums
//! of minutes and are written before the end moves past theirs.
//!
//! Limits: a step works out the stretch in which about `ROWS_MAX` samples lie, a minute at least, and about `FIGURES_MAX` figures; or
//! `DIRTY_MAX` marked minutes. Samples are read for some points at a time, `ROWS_MAX` or those of one point; a transaction writes
//! `PUT_MAX` figures. Empty stretches are passed in one step.

mod advance;
mod late;

use std::collections::BTreeMap;

use async_trait::async_trait;
use model::{PointNumber, Span, Time};

use crate::figures::{Grid, KEPT_FROM, KEPT_TO};
use crate::{Figure, FigureQuery, PendingSpan, Resolution, SampleRow, StoreError, Upkeep};

/// Samples of a step, and of one read.
const ROWS_MAX: usize = 200_000;
/// Figures of a step.
const FIGURES_MAX: usize = 200_000;
/// Figures of a transaction: some 50 ms of SQLite's writer.
const PUT_MAX: usize = 10_000;
/// Marked minutes of a step, and minutes that they may touch.
const DIRTY_MAX: usize = 2_000;
/// See `DIRTY_MAX`.
const TOUCHED_MAX: i64 = 100_000;
/// Most minutes of a step.
const MINUTES_MAX: i64 = 1_440;

/// How long after its end a minute is worked out: what comes later than this is late.
const SETTLE: Span = Span::from_secs(10);

/// How far figures and retention have come; times as in the table `figures_state`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct State {
    pub(crate) claimed_to: Time,
    pub(crate) done_to: Time,
    pub(crate) raw_from: Time,
    pub(crate) minutes_from: Time,
}

/// A marked minute, and until when a sample in it may be held.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Dirty {
    pub(crate) point: PointNumber,
    pub(crate) minute: Time,
    pub(crate) mark: i64,
    pub(crate) hold: Span,
}

impl Dirty {
    /// The minutes whose figures a sample in this one has a part in.
    pub(crate) fn span(&self) -> (Time, Time) {
        (self.minute, minutes().ceil(self.minute + Resolution::Minute.width() + self.hold))
    }
}

/// What a transaction of upkeep changes.
#[derive(Debug, Default)]
pub(crate) struct Patch {
    pub(crate) claimed_to: Option<Time>,
    pub(crate) done_to: Option<Time>,
    /// Every figure of these starts goes first.
    pub(crate) clear: Option<(Resolution, Time, Time)>,
    /// In the place of those there are.
    pub(crate) put: Vec<(Resolution, Figure)>,
    /// Only where there are none: the samples of those there are may be gone.
    pub(crate) missing: Vec<(Resolution, Figure)>,
    pub(crate) gone: Vec<(Resolution, Time, PointNumber)>,
    /// Point, minute and mark as they were read.
    pub(crate) unmark: Vec<(u32, i64, i64)>,
}

/// What upkeep of figures asks of a database. Reads see what was committed before each of them.
#[async_trait]
pub(crate) trait Ground: Send {
    async fn state(&mut self) -> Result<State, StoreError>;

    /// How long the values of each named point hold.
    async fn holds(&mut self) -> Result<BTreeMap<PointNumber, Span>, StoreError>;

    /// As `Store::samples_at`.
    async fn last(&mut self, points: &[PointNumber], not_before: Time, at: Time) -> Result<Vec<SampleRow>, StoreError>;

    /// As `Store::samples_by_point`.
    async fn samples(&mut self, points: &[PointNumber], from: Time, to: Time) -> Result<Vec<SampleRow>, StoreError>;

    /// About when the first sample of a stretch is, and no later.
    async fn first_sample(&mut self, from: Time, to: Time) -> Result<Option<Time>, StoreError>;

    /// About the time in a stretch before which so many samples lie; none where there are fewer.
    async fn full(&mut self, from: Time, to: Time, rows: usize) -> Result<Option<Time>, StoreError>;

    /// The points that have samples in a stretch, and about how many.
    async fn counts(&mut self, from: Time, to: Time) -> Result<Vec<(PointNumber, usize)>, StoreError>;

    /// Some of the marked minutes before a time, those that are best worked out together.
    async fn dirty(&mut self, before: Time, limit: usize) -> Result<Vec<Dirty>, StoreError>;

    /// As `Store::figures`.
    async fn figures(&mut self, wanted: &FigureQuery) -> Result<Vec<Figure>, StoreError>;

    /// The start of the first figure from one time to before another.
    async fn first_figure(&mut self, resolution: Resolution, from: Time, to: Time) -> Result<Option<Time>, StoreError>;

    /// The points that have figures there.
    async fn points_of_figures(&mut self, resolution: Resolution, from: Time, to: Time) -> Result<Vec<PointNumber>, StoreError>;

    /// Makes all of the changes, or none.
    async fn patch(&mut self, patch: &Patch) -> Result<(), StoreError>;

    /// Whether hours and days are aggregates of the database's own, which is only to be told what to sum up anew.
    fn sums(&self) -> bool {
        false
    }

    /// Has the database sum up whole cells.
    async fn sum(&mut self, _resolution: Resolution, _from: Time, _to: Time) -> Result<(), StoreError> {
        Ok(())
    }
}

/// One step; says whether more is to be done.
pub(crate) async fn figures(ground: &mut dyn Ground, now: Time, upkeep: &mut Upkeep) -> Result<(), StoreError> {
    let limit = minutes().floor(now.plus(Span::from_micros(-SETTLE.micros()))).min(KEPT_TO);
    let state = ground.state().await?;
    if state.done_to < limit {
        let to = advance::advance(ground, state, limit).await?;
        upkeep.more |= state.done_to < to && to < limit;
    }
    let state = ground.state().await?;
    late::catch_up(ground, state, upkeep).await
}

/// Where kept figures are not what the raw samples say, out of the marks by point and minute and how far figures are worked out.
pub(crate) fn pending(marks: &[Dirty], done_to: Time, from: Time, to: Time) -> Vec<PendingSpan> {
    let mut spans: Vec<PendingSpan> = Vec::new();
    if from < KEPT_FROM {
        spans.push(PendingSpan { point: None, from: Time::MIN, to: KEPT_FROM });
    }
    if done_to < to {
        spans.push(PendingSpan { point: None, from: done_to, to: Time::MAX });
    }
    for dirty in marks {
        let (begin, end) = dirty.span();
        match spans.last_mut().filter(|last| last.point == Some(dirty.point) && begin <= last.to) {
            Some(last) => last.to = end.max(last.to),
            None => spans.push(PendingSpan { point: Some(dirty.point), from: begin, to: end }),
        }
    }
    spans.retain(|span| span.from < to && from < span.to);
    spans
}

fn minutes() -> Grid {
    Grid::aligned(Resolution::Minute.width())
}

fn before(time: Time) -> Time {
    time.plus(Span::from_micros(-1))
}

async fn put(ground: &mut dyn Ground, resolution: Resolution, figures: &[Figure]) -> Result<(), StoreError> {
    for some in figures.chunks(PUT_MAX) {
        let put = some.iter().map(|figure| (resolution, *figure)).collect();
        ground.patch(&Patch { put, ..Patch::default() }).await?;
    }
    Ok(())
}
