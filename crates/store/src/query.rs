//! Questions over time, answered out of kept figures where they are complete and out of raw samples elsewhere: the answer is the same.
//!
//! Limits: `POINTS_MAX` points, `PIXELS_MAX` buckets a point, `CELLS_MAX` buckets of all points together, `FIGURES_MAX` kept figures
//! read for one answer, `SAMPLES_MAX` samples to choose from, `LOOK_BACK` into the past for a last value. Raw samples are read in
//! stretches of about `gather::ROWS` rows, so memory is bounded however long the range. Unknown points are left out of an answer.

mod gather;
mod held;
mod triangles;

use model::{Span, Time};

pub use self::held::{Aligned, ValueAt, aligned, values_at};
pub use self::triangles::lttb;
use crate::figures::Grid;
use crate::{Figure, PointRow, Resolution, Store, StoreError};

/// Most points of a question.
pub const POINTS_MAX: usize = 1_000;
/// Most buckets of one point.
pub const PIXELS_MAX: u32 = 10_000;
/// Most buckets, or values, of all points.
pub const CELLS_MAX: u128 = 200_000;
/// Most kept figures read for one answer.
pub const FIGURES_MAX: i64 = 5_000_000;
/// Most samples to choose from.
pub const SAMPLES_MAX: usize = 500_000;
/// How far back a last value is looked for, or as long as it holds.
pub const LOOK_BACK: Span = Span::from_secs(86_400);

/// Points over a stretch of time, for a screen of so many pixels.
#[derive(Clone, Debug, PartialEq)]
pub struct Trend {
    /// The figures it is made of; `None` means raw samples. Ends and what is pending are of raw samples in any case.
    pub resolution: Option<Resolution>,
    /// Width of a bucket; buckets are aligned to 1970.
    pub bucket: Span,
    /// In the order of point numbers.
    pub series: Vec<Series>,
}

/// One point's part of an answer.
#[derive(Clone, Debug, PartialEq)]
pub struct Series {
    /// The point.
    pub point: PointRow,
    /// By time; buckets without a sample and without a value held are left out.
    pub buckets: Vec<TrendBucket>,
}

/// What is known of one bucket, as far as it lies in the range asked for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TrendBucket {
    /// Its start; that of the first may lie before the range.
    pub start: Time,
    /// All samples.
    pub samples: u64,
    /// Those that are good or uncertain and have a value; `sum` to `last` are over these.
    pub count: u64,
    /// Sum of the values; may be infinite.
    pub sum: f64,
    /// Least value: extremes are never smoothed away (traps 68).
    pub min: Option<f64>,
    /// Greatest value.
    pub max: Option<f64>,
    /// Value of the earliest.
    pub first: Option<f64>,
    /// Value of the latest.
    pub last: Option<f64>,
    /// Mean over the time in which a good value was held; none without such a time.
    pub mean: Option<f64>,
    /// How long a good value was held.
    pub good: Span,
}

impl From<&Figure> for TrendBucket {
    fn from(figure: &Figure) -> Self {
        let Figure { start, samples, count, sum, min, max, first, last, good, .. } = *figure;
        Self { start, samples, count, sum, min, max, first, last, mean: figure.mean(), good }
    }
}

/// Points for a screen: at most so many buckets, each with its extremes.
pub async fn trend(store: &dyn Store, points: &[String], from: Time, to: Time, pixels: u32) -> Result<Trend, StoreError> {
    if !(2..=PIXELS_MAX).contains(&pixels) {
        return Err(StoreError::InvalidInput { field: "pixels", reason: "at least 2 and at most 10000 are allowed" });
    }
    check_range(from, to)?;
    let points = named(store, points).await?;
    let bucket = width(from, to, pixels);
    check_cells("pixels", &points, Grid::aligned(bucket), from, to)?;
    let mut trend = trend_of(store, &points, bucket, (from, to)).await?;
    // The finer, the shorter it is kept: rather wider buckets than none.
    for resolution in Resolution::ALL.iter().filter(|resolution| resolution.width() > bucket) {
        if trend.series.iter().any(|series| !series.buckets.is_empty()) {
            break;
        }
        trend = trend_of(store, &points, resolution.width(), (from, to)).await?;
    }
    Ok(trend)
}

async fn trend_of(store: &dyn Store, points: &[PointRow], bucket: Span, (from, to): (Time, Time)) -> Result<Trend, StoreError> {
    let resolution = Resolution::ALL.iter().rev().copied().find(|it| it.width() <= bucket);
    Ok(Trend { resolution, bucket, series: series(store, points, Grid::aligned(bucket), from, to).await? })
}

/// Means by time, good times and sums, in buckets that begin with the range; the last one ends with it.
pub async fn means(store: &dyn Store, points: &[String], from: Time, to: Time, bucket: Span) -> Result<Vec<Series>, StoreError> {
    if bucket < Span::from_micros(1) {
        return Err(StoreError::InvalidInput { field: "bucket", reason: "a bucket is at least one microsecond wide" });
    }
    check_range(from, to)?;
    let points = named(store, points).await?;
    let grid = Grid { origin: from, width: bucket };
    check_cells("bucket", &points, grid, from, to)?;
    series(store, &points, grid, from, to).await
}

async fn series(store: &dyn Store, points: &[PointRow], grid: Grid, from: Time, to: Time) -> Result<Vec<Series>, StoreError> {
    let mut figures = gather::gather(store, points, grid, (from, to)).await?;
    let series = |point: &PointRow| {
        let buckets = figures.remove(&point.number).unwrap_or_default();
        Series { point: point.clone(), buckets: buckets.iter().map(TrendBucket::from).collect() }
    };
    Ok(points.iter().map(series).collect())
}

/// The narrowest width of which no more than so many aligned buckets touch the range: whole days, hours or minutes, and below a minute
/// whole seconds, milliseconds or microseconds.
fn width(from: Time, to: Time, pixels: u32) -> Span {
    // An aligned bucket more than fit may touch the range, so one less is to fill it.
    let range = i128::from(to.micros()) - i128::from(from.micros());
    let least = range.unsigned_abs().div_ceil(u128::from(pixels.saturating_sub(1).max(1)));
    let units = [86_400_000_000, 3_600_000_000, 60_000_000, 1_000_000, 1_000, 1];
    // A minute and a half is two minutes, and 59.5 s are one: finer figures than fit are not kept.
    let unit = units.into_iter().find(|unit| least > *unit || (*unit == 60_000_000 && least > 59_000_000)).unwrap_or(1);
    let width = least.div_ceil(unit) * unit;
    Span::from_micros(i64::try_from(width).unwrap_or(i64::MAX))
}

async fn named(store: &dyn Store, points: &[String]) -> Result<Vec<PointRow>, StoreError> {
    if points.is_empty() || points.len() > POINTS_MAX {
        return Err(StoreError::InvalidInput { field: "points", reason: "name at least 1 and at most 1000 points" });
    }
    store.points_named(points).await
}

fn check_range(from: Time, to: Time) -> Result<(), StoreError> {
    if from < to { Ok(()) } else { Err(StoreError::InvalidInput { field: "to", reason: "it must lie after `from`" }) }
}

fn check_cells(field: &'static str, points: &[PointRow], grid: Grid, from: Time, to: Time) -> Result<(), StoreError> {
    let cells = grid.count(from, to);
    if cells > u128::from(PIXELS_MAX) || cells * points.len() as u128 > CELLS_MAX {
        let reason =
            "at most 10000 buckets a point and 200000 together are allowed: ask for fewer, wider buckets or a shorter range";
        return Err(StoreError::InvalidInput { field, reason });
    }
    Ok(())
}

#[cfg(test)]
mod tests;
