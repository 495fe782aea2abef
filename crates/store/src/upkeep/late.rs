//! Working out anew what late samples came to.

use std::collections::{BTreeMap, BTreeSet};

use model::{PointNumber, Span, Time};

use super::{DIRTY_MAX, Dirty, Ground, Patch, State, TOUCHED_MAX, before, minutes};
use crate::figures::{Grid, KEPT_FROM, cells, roll_up};
use crate::{Figure, FigureQuery, Resolution, StoreError, Upkeep};

/// Works out marked minutes anew.
pub(super) async fn catch_up(ground: &mut dyn Ground, state: State, upkeep: &mut Upkeep) -> Result<(), StoreError> {
    let mut marks = ground.dirty(state.done_to, DIRTY_MAX).await?;
    let marked = marks.len();
    let mut touched = 0;
    marks.retain(|dirty| {
        let (from, to) = dirty.span();
        let fits = touched == 0 || touched + minutes_between(from, to) <= TOUCHED_MAX;
        touched += minutes_between(from, to);
        fits
    });
    marks.sort_unstable_by_key(|dirty| (dirty.point, dirty.minute));
    let sums = ground.sums();
    let stretches = stretches(&marks, state.done_to);
    for (stretch, some) in &stretches {
        work_out_anew(ground, state, *stretch).await?;
        if !sums {
            unmark(ground, some).await?;
        }
    }
    if sums {
        sum_anew(ground, state, &stretches).await?;
        unmark(ground, &marks).await?;
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

async fn unmark(ground: &mut dyn Ground, marks: &[Dirty]) -> Result<(), StoreError> {
    if marks.is_empty() {
        return Ok(());
    }
    let unmark = marks.iter().map(|dirty| (dirty.point.0, dirty.minute.micros(), dirty.mark)).collect();
    ground.patch(&Patch { unmark, ..Patch::default() }).await
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
async fn work_out_anew(ground: &mut dyn Ground, state: State, stretch: Stretch) -> Result<(), StoreError> {
    let Stretch { point, hold, from, to } = stretch;
    let held = ground.last(&[point], from.plus(Span::from_micros(-hold.micros())), before(from)).await?;
    let rows = ground.samples(&[point], from, to).await?;
    let fresh = cells((point, hold), minutes(), (from, to), held.first(), &rows);
    let raw_from = state.raw_from.plus(if state.raw_from > KEPT_FROM { hold } else { Span::ZERO });
    replace(ground, (Resolution::Minute, point), (from, to), minutes().ceil(raw_from), fresh).await?;
    if ground.sums() {
        return Ok(());
    }
    for (resolution, since) in [(Resolution::Hour, state.minutes_from), (Resolution::Day, Time::MIN)] {
        let (grid, finer) = (Grid::aligned(resolution.width()), resolution.finer().unwrap_or(resolution));
        let (from, to) = (grid.floor(from), grid.ceil(to).min(grid.floor(state.done_to)));
        if from < to {
            let wanted = FigureQuery { points: vec![point], resolution: finer, from, to };
            let fresh = roll_up(&ground.figures(&wanted).await?, grid);
            replace(ground, (resolution, point), (from, to), since, fresh).await?;
        }
    }
    Ok(())
}

/// Has the database sum up the hours and days of all stretches, each once. An hour whose minutes are gone stays as it is.
async fn sum_anew(ground: &mut dyn Ground, state: State, stretches: &[(Stretch, &[Dirty])]) -> Result<(), StoreError> {
    for (resolution, since) in [(Resolution::Hour, state.minutes_from), (Resolution::Day, Time::MIN)] {
        let grid = Grid::aligned(resolution.width());
        let cells = |(stretch, _): &(Stretch, &[Dirty])| {
            (grid.floor(stretch.from).max(since), grid.ceil(stretch.to).min(grid.floor(state.done_to)))
        };
        let mut touched: Vec<(Time, Time)> = stretches.iter().map(cells).filter(|(from, to)| from < to).collect();
        touched.sort_unstable();
        touched.dedup_by(|next, last| {
            let joins = next.0 <= last.1;
            if joins {
                last.1 = last.1.max(next.1);
            }
            joins
        });
        for (from, to) in touched {
            ground.sum(resolution, from, to).await?;
        }
    }
    Ok(())
}

/// Writes what differs. Before a time, figures that are there stay: the rows that made them are deleted.
async fn replace(
    ground: &mut dyn Ground,
    (resolution, point): (Resolution, PointNumber),
    (from, to): (Time, Time),
    since: Time,
    fresh: Vec<Figure>,
) -> Result<(), StoreError> {
    let wanted = FigureQuery { points: vec![point], resolution, from, to };
    let mut old: BTreeMap<Time, Figure> =
        ground.figures(&wanted).await?.into_iter().map(|figure| (figure.start, figure)).collect();
    let mut patch = Patch::default();
    for figure in fresh {
        match old.remove(&figure.start) {
            Some(same) if same == figure => {}
            _ if figure.start < since => patch.missing.push((resolution, figure)),
            _ => patch.put.push((resolution, figure)),
        }
    }
    let gone: BTreeSet<Time> = old.into_keys().filter(|start| *start >= since).collect();
    patch.gone = gone.into_iter().map(|start| (resolution, start, point)).collect();
    ground.patch(&patch).await
}
