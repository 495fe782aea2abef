//! Values at a time, and several points on one grid: what was measured last and still held.

use model::{Span, Time};

use super::gather::RawRows;
use super::{CELLS_MAX, LOOK_BACK, PIXELS_MAX, check_range, named};
use crate::figures::{Grid, judged};
use crate::{PointRow, SampleRow, Store, StoreError};

/// What one point showed at a time.
#[derive(Clone, Debug, PartialEq)]
pub struct ValueAt {
    /// The point.
    pub point: PointRow,
    /// Its last sample at or before the time, of whatever quality; none within `LOOK_BACK` and the time it would hold.
    pub sample: Option<SampleRow>,
    /// Whether it still held: it is of that very time, or not older than the point's `hold`.
    pub held: bool,
}

/// Several points on one grid of times.
#[derive(Clone, Debug, PartialEq)]
pub struct Aligned {
    /// In the order of numbers.
    pub points: Vec<PointRow>,
    /// The times, by step.
    pub times: Vec<Time>,
    /// For each time the good value that each point held; none where none did.
    pub values: Vec<Vec<Option<f64>>>,
}

fn holds(row: &SampleRow, hold: Span, at: Time) -> bool {
    row.time == at || at < row.time.plus(hold)
}

/// The sample that stood at a time, for each point.
pub async fn values_at(store: &dyn Store, points: &[String], at: Time) -> Result<Vec<ValueAt>, StoreError> {
    let points = named(store, points).await?;
    let numbers: Vec<_> = points.iter().map(|point| point.number).collect();
    let longest = points.iter().map(|point| point.hold).max().unwrap_or_default().max(LOOK_BACK);
    let rows = store.samples_at(&numbers, at.plus(Span::from_micros(longest.micros().saturating_neg())), at).await?;
    let value = |point: PointRow| {
        let oldest = at.plus(Span::from_micros(point.hold.max(LOOK_BACK).micros().saturating_neg()));
        let sample = rows.iter().find(|row| row.point == point.number && row.time >= oldest).copied();
        let held = sample.is_some_and(|row| holds(&row, point.hold, at));
        ValueAt { point, sample, held }
    };
    Ok(points.into_iter().map(value).collect())
}

/// The good values of some points at every step of a range.
pub async fn aligned(store: &dyn Store, points: &[String], from: Time, to: Time, step: Span) -> Result<Aligned, StoreError> {
    if step < Span::from_micros(1) {
        return Err(StoreError::InvalidInput { field: "step", reason: "a step is at least one microsecond" });
    }
    check_range(from, to)?;
    let points = named(store, points).await?;
    let times = times(from, to, step, points.len())?;
    let mut values = vec![vec![None; points.len()]; times.len()];
    let columns: Vec<&PointRow> = points.iter().collect();
    let before = super::gather::held_before(store, &columns, from).await?;
    let mut newest: Vec<Option<SampleRow>> = points.iter().map(|point| before.get(&point.number).copied()).collect();
    let mut filled = vec![0; points.len()];
    let mut fill = |column: usize, next: Option<SampleRow>| {
        while let Some(at) = times.get(filled[column]).filter(|at| next.is_none_or(|next| **at < next.time)) {
            let held = newest[column].filter(|row| holds(row, points[column].hold, *at));
            values[filled[column]][column] = held.as_ref().and_then(judged);
            filled[column] += 1;
        }
        newest[column] = next;
    };
    let mut rows = RawRows::new(store, &columns, from, to);
    while let Some(some) = rows.next().await? {
        for row in some {
            if let Ok(column) = points.binary_search_by_key(&row.point, |point| point.number) {
                fill(column, Some(row));
            }
        }
    }
    (0..points.len()).for_each(|column| fill(column, None));
    Ok(Aligned { points, times, values })
}

fn times(from: Time, to: Time, step: Span, points: usize) -> Result<Vec<Time>, StoreError> {
    let count = Grid { origin: from, width: step }.count(from, to);
    if count > u128::from(PIXELS_MAX) || count * points as u128 > CELLS_MAX {
        let reason = "at most 10000 times and 200000 values are allowed: ask for wider steps or a shorter range";
        return Err(StoreError::InvalidInput { field: "step", reason });
    }
    let steps = std::iter::successors(Some(from), |at| at.micros().checked_add(step.micros()).map(Time::from_micros));
    Ok(steps.take_while(|at| *at < to).collect())
}
