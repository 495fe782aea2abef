//! Upkeep of figures: working out the next minutes, and those that late samples came to.
//!
//! Samples come while this runs. So the end of the next stretch is claimed first, in a transaction of its own: what is written before
//! that is seen by the reads that follow, and what is written after it marks its minute. Only then the stretch is worked out, and the end
//! of what is done moves last, so that a failure anywhere leaves stretches to be worked out again and no hole. Hours and days are sums
//! of minutes and are written before the end moves past theirs.
//!
//! Limits: a step works out the stretch in which about `ROWS_MAX` samples lie, a minute at least, and about `FIGURES_MAX` figures; or
//! `DIRTY_MAX` marked minutes. Samples are read for some points at a time, `ROWS_MAX` or those of one point; a transaction writes
//! `PUT_MAX` figures. Empty stretches are passed in one step.

use std::collections::{BTreeMap, BTreeSet};

use model::{PointNumber, Span, Time};
use sqlx::sqlite::SqliteConnection;
use sqlx::{AssertSqlSafe, query};

use super::errors::during;
use super::kept::{self, Dirty, State};
use super::write::{BUCKET_US, bucket};
use super::{SqliteStore, column, number, points};
use crate::figures::{Fold, Grid, KEPT_TO, cells, judged, roll_up};
use crate::{Figure, FigureQuery, Resolution, SampleRow, StoreError, Upkeep};

/// Samples of a step, and of one read.
const ROWS_MAX: usize = 200_000;
/// Figures of a step.
const FIGURES_MAX: usize = 200_000;
/// Figures of a transaction: some 50 ms of the writer.
const PUT_MAX: usize = 10_000;
/// Marked minutes of a step, and minutes that they may touch.
const DIRTY_MAX: usize = 2_000;
/// See `DIRTY_MAX`.
const TOUCHED_MAX: i64 = 100_000;
/// Most minutes of a step.
const MINUTES_MAX: i64 = 1_440;

/// How long after its end a minute is worked out: what comes later than this is late.
const SETTLE: Span = Span::from_secs(10);

/// What a transaction of upkeep changes.
#[derive(Debug, Default)]
pub(super) struct Patch {
    pub(super) claimed_to: Option<Time>,
    pub(super) done_to: Option<Time>,
    /// Every figure of these starts goes first.
    pub(super) clear: Option<(Resolution, Time, Time)>,
    /// In the place of those there are.
    pub(super) put: Vec<(Resolution, Figure)>,
    /// Only where there are none: the samples of those there are may be gone.
    pub(super) missing: Vec<(Resolution, Figure)>,
    pub(super) gone: Vec<(Resolution, Time, PointNumber)>,
    /// Point, minute and mark as they were read.
    pub(super) unmark: Vec<(u32, i64, i64)>,
}

fn minutes() -> Grid {
    Grid::aligned(Resolution::Minute.width())
}

/// One step; says whether more is to be done.
pub(super) async fn figures(
    store: &SqliteStore,
    reader: &mut SqliteConnection,
    now: Time,
    upkeep: &mut Upkeep,
) -> Result<(), StoreError> {
    let limit = minutes().floor(now.plus(Span::from_micros(-SETTLE.micros()))).min(KEPT_TO);
    let state = kept::state(reader).await?;
    if state.done_to < limit {
        let to = advance(store, reader, state, limit).await?;
        upkeep.more |= state.done_to < to && to < limit;
    }
    let state = kept::state(reader).await?;
    catch_up(store, reader, state, upkeep).await
}

/// Works out the next stretch; answers its end. Where nothing is left it goes no further: what comes next is not late then.
async fn advance(store: &SqliteStore, reader: &mut SqliteConnection, state: State, limit: Time) -> Result<Time, StoreError> {
    let from = state.done_to;
    let holds: BTreeMap<PointNumber, Span> = points::all(reader).await?.into_iter().map(|row| (row.number, row.hold)).collect();
    let held = held_at(reader, &holds, from).await?;
    let to = next_end(reader, &held, from, limit).await?;
    if to == from {
        return Ok(to);
    }
    store.patch(&Patch { claimed_to: Some(to), ..Patch::default() }).await?;
    store.patch(&Patch { clear: Some((Resolution::Minute, from, to)), ..Patch::default() }).await?;
    for some in groups(reader, &held, from, to).await? {
        let rows = points::samples(reader, &some, from, to).await?;
        let worked_out =
            work_out(&some, &rows, |point| (holds.get(&point).copied().unwrap_or_default(), held.get(&point)), from, to);
        put(store, Resolution::Minute, &worked_out).await?;
    }
    for resolution in [Resolution::Hour, Resolution::Day] {
        sum_up(store, reader, resolution, from, to).await?;
    }
    store.patch(&Patch { done_to: Some(to), ..Patch::default() }).await?;
    Ok(to)
}

/// The samples that hold a good value at a time.
async fn held_at(
    reader: &mut SqliteConnection,
    holds: &BTreeMap<PointNumber, Span>,
    at: Time,
) -> Result<BTreeMap<PointNumber, SampleRow>, StoreError> {
    let mut by_hold: BTreeMap<Span, Vec<PointNumber>> = BTreeMap::new();
    for (point, hold) in holds.iter().filter(|(_, hold)| **hold > Span::ZERO) {
        by_hold.entry(*hold).or_default().push(*point);
    }
    let mut held = BTreeMap::new();
    for (hold, numbers) in by_hold {
        let not_before = at.plus(Span::from_micros(-hold.micros()));
        for some in numbers.chunks(crate::MAX_FILTER_TERMS) {
            let rows = points::last(reader, some, not_before, before(at)).await?;
            let holding = rows.into_iter().filter(|row| judged(row).is_some() && row.time.plus(hold) > at);
            held.extend(holding.map(|row| (row.point, row)));
        }
    }
    Ok(held)
}

fn before(time: Time) -> Time {
    time.plus(Span::from_micros(-1))
}

/// The end of the next stretch. Where nothing is held, the time without samples is passed at once.
async fn next_end(
    reader: &mut SqliteConnection,
    held: &BTreeMap<PointNumber, SampleRow>,
    from: Time,
    limit: Time,
) -> Result<Time, StoreError> {
    let ahead = "select min(bucket), (select bucket from samples where bucket >= ?1 and bucket < ?2 order by bucket limit 1 offset ?3) \
         from samples where bucket >= ?1 and bucket < ?2";
    let found = query(ahead).bind(bucket(from.micros())).bind(bucket(limit.micros())).bind(ROWS_MAX.cast_signed() as i64);
    let found = found.fetch_one(&mut *reader).await.map_err(during("look for samples"))?;
    let start = |bucket: i64| minutes().floor(Time::from_micros(bucket.saturating_mul(BUCKET_US)));
    let first = column::<Option<i64>>(&found, 0)?.map(start);
    if held.is_empty() && first.is_none() {
        return Ok(from);
    }
    let full = column::<Option<i64>>(&found, 1)?.map_or(limit, start);
    let begin = first.filter(|_| held.is_empty()).unwrap_or(from).max(from);
    let named = query("select count(*) from points").fetch_one(reader).await.map_err(during("count points"))?;
    let points = column::<i64>(&named, 0)?.max(1);
    let length = (FIGURES_MAX.cast_signed() as i64 / points).clamp(1, MINUTES_MAX);
    let least = begin.plus(Resolution::Minute.width());
    Ok(full.max(least).min(begin.plus(Span::from_secs(60 * length))).min(limit))
}

/// The points that have samples in a stretch or hold a value at its start, in groups of about `ROWS_MAX` samples.
async fn groups(
    reader: &mut SqliteConnection,
    held: &BTreeMap<PointNumber, SampleRow>,
    from: Time,
    to: Time,
) -> Result<Vec<Vec<PointNumber>>, StoreError> {
    let sql = "select point, count(*) from samples where bucket between ?1 and ?2 group by point";
    let found = query(sql).bind(bucket(from.micros())).bind(bucket(before(to).micros())).fetch_all(reader).await;
    let mut counts: BTreeMap<PointNumber, usize> = held.keys().map(|point| (*point, 0)).collect();
    for row in found.map_err(during("count samples"))? {
        counts.insert(number(&row, 0)?, usize::try_from(column::<i64>(&row, 1)?).unwrap_or(0));
    }
    let (mut groups, mut rows) = (vec![Vec::new()], 0);
    for (point, count) in counts {
        let group: &mut Vec<PointNumber> = groups.last_mut().expect("there is always one");
        if !group.is_empty() && (rows + count > ROWS_MAX || group.len() == crate::MAX_FILTER_TERMS) {
            groups.push(vec![point]);
            rows = count;
        } else {
            group.push(point);
            rows += count;
        }
    }
    Ok(groups)
}

/// Figures of minutes of some points out of their rows, which come by point and time.
fn work_out<'a>(
    points: &[PointNumber],
    mut rows: &[SampleRow],
    of: impl Fn(PointNumber) -> (Span, Option<&'a SampleRow>),
    from: Time,
    to: Time,
) -> Vec<Figure> {
    let mut worked_out = Vec::new();
    for point in points {
        let (own, rest) = rows.split_at(rows.partition_point(|row| row.point <= *point));
        let (hold, before) = of(*point);
        let mut fold = Fold::new((*point, hold), minutes(), (from, to), before);
        own.iter().for_each(|row| fold.push(row));
        worked_out.extend(fold.finish());
        rows = rest;
    }
    worked_out
}

async fn put(store: &SqliteStore, resolution: Resolution, figures: &[Figure]) -> Result<(), StoreError> {
    for some in figures.chunks(PUT_MAX) {
        let put = some.iter().map(|figure| (resolution, *figure)).collect();
        store.patch(&Patch { put, ..Patch::default() }).await?;
    }
    Ok(())
}

/// Sums the hours or days that end in a stretch.
async fn sum_up(
    store: &SqliteStore,
    reader: &mut SqliteConnection,
    resolution: Resolution,
    from: Time,
    to: Time,
) -> Result<(), StoreError> {
    let grid = Grid::aligned(resolution.width());
    let (from, to) = (grid.floor(from), grid.floor(to));
    let Some(finer) = resolution.finer().filter(|_| from < to) else { return Ok(()) };
    store.patch(&Patch { clear: Some((resolution, from, to)), ..Patch::default() }).await?;
    // Passed empty stretches are years long: only the wide cells that have narrow ones are looked into.
    let mut next = from;
    while let Some(start) = first_start(reader, finer, next, to).await? {
        let (start, end) = (grid.floor(start), grid.end(start));
        let sql = format!("select distinct point from {} where start >= ?1 and start < ?2 order by point", kept::table(finer));
        let found = query(AssertSqlSafe(sql)).bind(start.micros()).bind(end.micros()).fetch_all(&mut *reader).await;
        let found = found.map_err(during("look for figures"))?;
        let points = found.iter().map(|row| number(row, 0)).collect::<Result<Vec<_>, _>>()?;
        for some in points.chunks(1_000) {
            let wanted = FigureQuery { points: some.to_vec(), resolution: finer, from: start, to: end };
            put(store, resolution, &roll_up(&kept::figures(reader, &wanted).await?, grid)).await?;
        }
        next = end;
    }
    Ok(())
}

async fn first_start(
    reader: &mut SqliteConnection,
    resolution: Resolution,
    from: Time,
    to: Time,
) -> Result<Option<Time>, StoreError> {
    let sql = format!("select min(start) from {} where start >= ?1 and start < ?2", kept::table(resolution));
    let found = query(AssertSqlSafe(sql)).bind(from.micros()).bind(to.micros()).fetch_one(reader).await;
    Ok(column::<Option<i64>>(&found.map_err(during("look for figures"))?, 0)?.map(Time::from_micros))
}

/// Works out marked minutes anew.
async fn catch_up(
    store: &SqliteStore,
    reader: &mut SqliteConnection,
    state: State,
    upkeep: &mut Upkeep,
) -> Result<(), StoreError> {
    let sql = "select d.point, d.minute, d.mark, coalesce(p.hold, 0) from dirty_minutes d left join points p on p.number = d.point \
               where d.minute < ?1 order by d.point, d.minute limit ?2";
    let found = query(sql).bind(state.done_to.micros()).bind(DIRTY_MAX.cast_signed() as i64).fetch_all(&mut *reader).await;
    let found = found.map_err(during("look for late samples"))?;
    let mut marks = found.iter().map(kept::dirty).collect::<Result<Vec<_>, _>>()?;
    let marked = marks.len();
    let mut touched = 0;
    marks.retain(|dirty| {
        let (from, to) = dirty.span();
        let fits = touched == 0 || touched + minutes_between(from, to) <= TOUCHED_MAX;
        touched += minutes_between(from, to);
        fits
    });
    for (span, some) in stretches(&marks, state.done_to) {
        work_out_anew(store, reader, state, span).await?;
        let unmark = some.iter().map(|dirty| (dirty.point.0, dirty.minute.micros(), dirty.mark)).collect();
        store.patch(&Patch { unmark, ..Patch::default() }).await?;
    }
    upkeep.more |= marked == DIRTY_MAX || marks.len() < marked;
    if let Some(first) = marks.iter().map(|dirty| dirty.minute).min() {
        let since = crate::civil::minute(first);
        upkeep.done.push(format!("worked out figures anew after late samples: {} minutes of points since {since}", marks.len()));
    }
    Ok(())
}

fn minutes_between(from: Time, to: Time) -> i64 {
    to.since(from).micros() / Resolution::Minute.width().micros()
}

/// A stretch of one point that is worked out anew.
#[derive(Clone, Copy)]
struct Stretch {
    point: PointNumber,
    hold: Span,
    from: Time,
    to: Time,
}

/// What marks of one point touch together; they come by point and minute.
fn stretches(marks: &[Dirty], done_to: Time) -> Vec<(Stretch, &[Dirty])> {
    let mut stretches: Vec<(Stretch, usize, usize)> = Vec::new();
    for (index, dirty) in marks.iter().enumerate() {
        let (from, to) = (dirty.span().0, dirty.span().1.min(done_to));
        match stretches.last_mut().filter(|(last, ..)| last.point == dirty.point && from <= last.to) {
            Some((last, _, end)) => (last.to, *end) = (last.to.max(to), index + 1),
            None => stretches.push((Stretch { point: dirty.point, hold: dirty.hold, from, to }, index, index + 1)),
        }
    }
    stretches.into_iter().map(|(stretch, from, to)| (stretch, &marks[from..to])).collect()
}

/// Works out a stretch of one point and the hours and days it lies in, and leaves alone what retention has taken the ground from.
async fn work_out_anew(
    store: &SqliteStore,
    reader: &mut SqliteConnection,
    state: State,
    stretch: Stretch,
) -> Result<(), StoreError> {
    let Stretch { point, hold, from, to } = stretch;
    let held = points::last(reader, &[point], from.plus(Span::from_micros(-hold.micros())), before(from)).await?;
    let rows = points::samples(reader, &[point], from, to).await?;
    let fresh = cells((point, hold), minutes(), (from, to), held.first(), &rows);
    let ground = state.raw_from.plus(if state.raw_from > crate::figures::KEPT_FROM { hold } else { Span::ZERO });
    replace(store, reader, (Resolution::Minute, point), (from, to), minutes().ceil(ground), fresh).await?;
    let grounds = [(Resolution::Hour, state.minutes_from), (Resolution::Day, Time::MIN)];
    for (resolution, ground) in grounds {
        let (grid, finer) = (Grid::aligned(resolution.width()), resolution.finer().unwrap_or(resolution));
        let (from, to) = (grid.floor(from), grid.ceil(to).min(grid.floor(state.done_to)));
        if from < to {
            let wanted = FigureQuery { points: vec![point], resolution: finer, from, to };
            let fresh = roll_up(&kept::figures(reader, &wanted).await?, grid);
            replace(store, reader, (resolution, point), (from, to), ground, fresh).await?;
        }
    }
    Ok(())
}

/// Writes what differs. Before the ground, figures that are there stay: the rows that made them are deleted.
async fn replace(
    store: &SqliteStore,
    reader: &mut SqliteConnection,
    (resolution, point): (Resolution, PointNumber),
    (from, to): (Time, Time),
    ground: Time,
    fresh: Vec<Figure>,
) -> Result<(), StoreError> {
    let wanted = FigureQuery { points: vec![point], resolution, from, to };
    let mut old: BTreeMap<Time, Figure> =
        kept::figures(reader, &wanted).await?.into_iter().map(|figure| (figure.start, figure)).collect();
    let mut patch = Patch::default();
    for figure in fresh {
        match old.remove(&figure.start) {
            Some(same) if same == figure => {}
            _ if figure.start < ground => patch.missing.push((resolution, figure)),
            _ => patch.put.push((resolution, figure)),
        }
    }
    let gone: BTreeSet<Time> = old.into_keys().filter(|start| *start >= ground).collect();
    patch.gone = gone.into_iter().map(|start| (resolution, start, point)).collect();
    store.patch(&patch).await
}
