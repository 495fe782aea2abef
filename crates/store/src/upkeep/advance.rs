//! Working out the next stretch.

use std::collections::BTreeMap;

use model::{PointNumber, Span, Time};

use super::{FIGURES_MAX, Ground, MINUTES_MAX, Patch, ROWS_MAX, State, before, minutes, put};
use crate::figures::{Fold, Grid, judged, roll_up};
use crate::{Figure, FigureQuery, Resolution, SampleRow, StoreError};

/// Works out the next stretch; answers its end. Where nothing is left it goes no further: what comes next is not late then.
pub(super) async fn advance(ground: &mut dyn Ground, state: State, limit: Time) -> Result<Time, StoreError> {
    let from = state.done_to;
    let holds = ground.holds().await?;
    let held = held_at(ground, &holds, from).await?;
    let to = next_end(ground, holds.len(), held.is_empty(), from, limit).await?;
    if to == from {
        return Ok(to);
    }
    ground.patch(&Patch { claimed_to: Some(to), ..Patch::default() }).await?;
    // Points may have been named since, together with samples that lie before the claim.
    let (holds, held) = match ground.holds().await? {
        same if same == holds => (holds, held),
        newer => {
            let held = held_at(ground, &newer, from).await?;
            (newer, held)
        }
    };
    ground.patch(&Patch { clear: Some((Resolution::Minute, from, to)), ..Patch::default() }).await?;
    for some in groups(ground, &held, from, to).await? {
        let rows = ground.samples(&some, from, to).await?;
        let worked_out =
            work_out(&some, &rows, |point| (holds.get(&point).copied().unwrap_or_default(), held.get(&point)), from, to);
        put(ground, Resolution::Minute, &worked_out).await?;
    }
    for resolution in [Resolution::Hour, Resolution::Day] {
        sum_up(ground, resolution, from, to).await?;
    }
    ground.patch(&Patch { done_to: Some(to), ..Patch::default() }).await?;
    Ok(to)
}

/// The samples that hold a good value at a time.
async fn held_at(
    ground: &mut dyn Ground,
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
            let rows = ground.last(some, not_before, before(at)).await?;
            let holding = rows.into_iter().filter(|row| judged(row).is_some() && row.time.plus(hold) > at);
            held.extend(holding.map(|row| (row.point, row)));
        }
    }
    Ok(held)
}

/// The end of the next stretch. Where nothing is held, the time without samples is passed at once.
async fn next_end(
    ground: &mut dyn Ground,
    points: usize,
    nothing_held: bool,
    from: Time,
    limit: Time,
) -> Result<Time, StoreError> {
    let mut begin = from;
    if nothing_held {
        let Some(first) = ground.first_sample(from, limit).await? else { return Ok(from) };
        begin = minutes().floor(first).max(from);
    }
    let length = FIGURES_MAX.checked_div(points).map_or(MINUTES_MAX, |length| length.cast_signed() as i64);
    let least = begin.plus(Resolution::Minute.width());
    let most = begin.plus(Span::from_secs(60 * length.clamp(1, MINUTES_MAX))).min(limit);
    if most <= least {
        return Ok(most);
    }
    let full = ground.full(begin, most, ROWS_MAX).await?.map_or(most, |full| minutes().floor(full));
    Ok(full.max(least).min(most))
}

/// The points that have samples in a stretch or hold a value at its start, in groups of about `ROWS_MAX` samples.
async fn groups(
    ground: &mut dyn Ground,
    held: &BTreeMap<PointNumber, SampleRow>,
    from: Time,
    to: Time,
) -> Result<Vec<Vec<PointNumber>>, StoreError> {
    let mut counts: BTreeMap<PointNumber, usize> = held.keys().map(|point| (*point, 0)).collect();
    counts.extend(ground.counts(from, to).await?);
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

/// Sums the hours or days that end in a stretch.
async fn sum_up(ground: &mut dyn Ground, resolution: Resolution, from: Time, to: Time) -> Result<(), StoreError> {
    let grid = Grid::aligned(resolution.width());
    let (from, to) = (grid.floor(from), grid.floor(to));
    let Some(finer) = resolution.finer().filter(|_| from < to) else { return Ok(()) };
    // Passed empty stretches are years long: only the wide cells that have narrow ones are looked into.
    if ground.sums() {
        return match ground.first_figure(finer, from, to).await? {
            Some(start) => ground.sum(resolution, grid.floor(start), to).await,
            None => Ok(()),
        };
    }
    ground.patch(&Patch { clear: Some((resolution, from, to)), ..Patch::default() }).await?;
    let mut next = from;
    while let Some(start) = ground.first_figure(finer, next, to).await? {
        let (start, end) = (grid.floor(start), grid.end(start));
        let points = ground.points_of_figures(finer, start, end).await?;
        for some in points.chunks(1_000) {
            let wanted = FigureQuery { points: some.to_vec(), resolution: finer, from: start, to: end };
            let wider = roll_up(&ground.figures(&wanted).await?, grid);
            put(ground, resolution, &wider).await?;
        }
        next = end;
    }
    Ok(())
}
