//! Figures of any cells: days, hours and minutes as they are kept where they fit and are complete, raw samples for the rest.
//!
//! For each point the range is cut into pieces of one source. Pieces that several points share are read together. What each gives is put
//! together by time, so that first and last are right.

use std::collections::BTreeMap;

use model::{PointNumber, Span, Time};

use super::FIGURES_MAX;
use crate::figures::{Fold, Grid, roll_up};
use crate::{Figure, FigureQuery, PendingSpan, PointRow, Resolution, SampleQuery, SampleRow, Store, StoreError};

/// Rows of one read, about.
pub(super) const ROWS: usize = 100_000;

/// The longest stretch of one read of raw samples.
const STRETCH_MAX: Span = Span::from_secs(86_400);

/// The first one.
const STRETCH: Span = Span::from_secs(600);

/// Pending stretches nearer to each other than this part of the range are read as one: a read costs more than some rows.
const APART: i64 = 256;

/// Where a piece comes from.
type Source = Option<Resolution>;

/// Pieces by source, start and end, and whose they are.
type Plan = BTreeMap<(Source, Time, Time), Vec<PointNumber>>;

/// Figures by point and cell, by time, from one time to before another.
pub(super) async fn gather(
    store: &dyn Store,
    points: &[PointRow],
    grid: Grid,
    (from, to): (Time, Time),
) -> Result<BTreeMap<PointNumber, Vec<Figure>>, StoreError> {
    let numbers: Vec<_> = points.iter().map(|point| point.number).collect();
    let usable = usable(grid);
    let pending = if usable.is_empty() { Vec::new() } else { store.pending(&numbers, from, to).await? };
    let mut plan = Plan::new();
    for number in numbers {
        for piece in pieces(&pending_of(&pending, number, from, to), &usable, from, to) {
            plan.entry(piece).or_default().push(number);
        }
    }
    check(&plan)?;
    let mut parts: BTreeMap<(PointNumber, Time), Vec<Figure>> = BTreeMap::new();
    for ((source, from, to), numbers) in plan {
        let figures = match source {
            Some(resolution) => kept(store, &numbers, resolution, grid, (from, to)).await?,
            None => {
                let of_piece: Vec<_> = points.iter().filter(|point| numbers.contains(&point.number)).collect();
                raw(store, &of_piece, grid, (from, to)).await?
            }
        };
        for figure in figures {
            parts.entry((figure.point, from)).or_default().push(figure);
        }
    }
    let mut whole: BTreeMap<PointNumber, Vec<Figure>> = BTreeMap::new();
    for ((point, _), figures) in parts {
        let so_far = whole.entry(point).or_default();
        so_far.extend(figures);
    }
    Ok(whole.into_iter().map(|(point, figures)| (point, roll_up(&figures, grid))).collect())
}

/// The resolutions whose buckets never cross the border of a cell, widest first.
fn usable(grid: Grid) -> Vec<Resolution> {
    let fits = |width: i64| grid.origin.micros() % width == 0 && grid.width.micros() % width == 0;
    Resolution::ALL.iter().rev().copied().filter(|resolution| fits(resolution.width().micros())).collect()
}

/// What is pending of one point, by time, none touching or near another.
fn pending_of(pending: &[PendingSpan], point: PointNumber, from: Time, to: Time) -> Vec<(Time, Time)> {
    let mine = pending.iter().filter(|span| span.point.is_none_or(|of| of == point));
    let mut spans: Vec<_> = mine.map(|span| (span.from.max(from), span.to.min(to))).collect();
    spans.sort_unstable();
    let apart = Span::from_micros(to.since(from).micros() / APART).max(STRETCH);
    let mut joined: Vec<(Time, Time)> = Vec::new();
    for (begin, end) in spans {
        match joined.last_mut().filter(|last| begin <= last.1.plus(apart)) {
            Some(last) => last.1 = last.1.max(end),
            None => joined.push((begin, end)),
        }
    }
    joined
}

/// Cuts a range into pieces of one source each.
fn pieces(pending: &[(Time, Time)], usable: &[Resolution], from: Time, to: Time) -> Vec<(Source, Time, Time)> {
    let minutes = Grid::aligned(Resolution::Minute.width());
    let mut pieces = Vec::new();
    let mut done = from;
    if !usable.is_empty() {
        for (begin, end) in pending.iter().copied().chain([(to, to)]) {
            let (clean, upto) = (minutes.ceil(done), minutes.floor(begin));
            if clean < upto {
                pieces.push((None, done, clean));
                split(usable, clean, upto, &mut pieces);
                done = upto;
            }
            if begin < end {
                pieces.push((None, done, end));
                done = end;
            }
        }
    }
    pieces.push((None, done, to));
    pieces.retain(|(_, from, to)| from < to);
    pieces
}

/// The widest buckets in the middle, narrower ones at the ends.
fn split(usable: &[Resolution], from: Time, to: Time, pieces: &mut Vec<(Source, Time, Time)>) {
    let Some((widest, narrower)) = usable.split_first().filter(|_| from < to) else { return };
    let grid = Grid::aligned(widest.width());
    let (first, last) = (grid.ceil(from), grid.floor(to));
    if first < last {
        split(narrower, from, first, pieces);
        pieces.push((Some(*widest), first, last));
        split(narrower, last, to, pieces);
    } else {
        split(narrower, from, to, pieces);
    }
}

fn check(plan: &Plan) -> Result<(), StoreError> {
    let figures = |((source, from, to), numbers): (&(Source, Time, Time), &Vec<PointNumber>)| {
        source.map_or(0, |resolution| to.since(*from).micros() / resolution.width().micros() * numbers.len().cast_signed() as i64)
    };
    if plan.iter().map(figures).sum::<i64>() > FIGURES_MAX {
        let reason = "more than 5000000 kept figures would have to be read: ask for whole hours or days, or a shorter range";
        return Err(StoreError::InvalidInput { field: "bucket", reason });
    }
    Ok(())
}

async fn kept(
    store: &dyn Store,
    points: &[PointNumber],
    resolution: Resolution,
    grid: Grid,
    (from, to): (Time, Time),
) -> Result<Vec<Figure>, StoreError> {
    let buckets = (ROWS / points.len().max(1)).max(1).cast_signed() as i64;
    let stretch = Span::from_micros(resolution.width().micros().saturating_mul(buckets));
    let mut figures = Vec::new();
    let mut next = from;
    while next < to {
        let end = next.plus(stretch).min(to);
        let query = FigureQuery { points: points.to_vec(), resolution, from: next, to: end };
        figures.extend(roll_up(&store.figures(&query).await?, grid));
        next = end;
    }
    Ok(figures)
}

async fn raw(store: &dyn Store, points: &[&PointRow], grid: Grid, (from, to): (Time, Time)) -> Result<Vec<Figure>, StoreError> {
    let before = held_before(store, points, from).await?;
    let fold =
        |point: &&PointRow| (point.number, Fold::new((point.number, point.hold), grid, (from, to), before.get(&point.number)));
    let mut folds: BTreeMap<PointNumber, Fold> = points.iter().map(fold).collect();
    let mut rows = RawRows::new(store, points, from, to);
    while let Some(some) = rows.next().await? {
        for row in &some {
            if let Some(fold) = folds.get_mut(&row.point) {
                fold.push(row);
            }
        }
    }
    Ok(folds.into_values().flat_map(Fold::finish).collect())
}

/// The last sample of each point before a time, as far back as any of them may hold.
pub(super) async fn held_before(
    store: &dyn Store,
    points: &[&PointRow],
    at: Time,
) -> Result<BTreeMap<PointNumber, SampleRow>, StoreError> {
    let numbers: Vec<_> = points.iter().map(|point| point.number).collect();
    let longest = points.iter().map(|point| point.hold.micros()).max().unwrap_or(0);
    let not_before = at.plus(Span::from_micros(longest.saturating_neg()));
    let rows = store.samples_at(&numbers, not_before, at.plus(Span::from_micros(-1))).await?;
    Ok(rows.into_iter().map(|row| (row.point, row)).collect())
}

/// Raw samples of some points in stretches by time, each by point and time.
pub(super) struct RawRows<'a> {
    store: &'a dyn Store,
    numbers: Vec<PointNumber>,
    ids: Vec<String>,
    next: Time,
    to: Time,
    stretch: Span,
}

impl<'a> RawRows<'a> {
    pub(super) fn new(store: &'a dyn Store, points: &[&PointRow], from: Time, to: Time) -> Self {
        let numbers = points.iter().map(|point| point.number).collect();
        let ids = points.iter().map(|point| point.id.clone()).collect();
        Self { store, numbers, ids, next: from, to, stretch: STRETCH }
    }

    /// The next rows; none at the end.
    pub(super) async fn next(&mut self) -> Result<Option<Vec<SampleRow>>, StoreError> {
        while self.next < self.to {
            let end = self.next.plus(self.stretch).min(self.to);
            let rows = self.store.samples_by_point(&self.numbers, self.next, end).await?;
            self.next = end;
            if rows.len() > ROWS {
                self.stretch = Span::from_micros((self.stretch.micros() / 2).max(1_000_000));
            } else if rows.len() < ROWS / 4 {
                self.stretch = Span::from_micros(self.stretch.micros() * 2).min(STRETCH_MAX);
            }
            if !rows.is_empty() {
                return Ok(Some(rows));
            }
            self.skip().await?;
        }
        Ok(None)
    }

    /// Passes a stretch without samples, however long.
    async fn skip(&mut self) -> Result<(), StoreError> {
        let query = SampleQuery { points: self.ids.clone(), from: Some(self.next), to: Some(self.to) };
        let page = self.store.samples(&query, None, 1).await?;
        self.next = page.rows.first().map_or(self.to, |row| row.row.time);
        Ok(())
    }
}
