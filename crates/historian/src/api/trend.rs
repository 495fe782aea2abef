//! Curves for a screen.
//!
//! Limits: see `QueryTrend` in history.proto. A bucket takes about 80 bytes, so an answer stays below 4 MiB (traps 56).

use model::Time;
use store::query::{PIXELS_MAX, Series, lttb, trend};
use store::{PointRow, SampleRow};
use wire::{Failure, time_to_v1, v1};

use crate::api::aggregates::bucket_to_v1;
use crate::api::values::known;
use crate::api::{Api, failure};
use crate::complete::Concerns;
use crate::request;

const POINTS_MAX: usize = 100;
/// Fewest pixels: a line needs its ends and something between.
const PIXELS_MIN: u32 = 3;
/// Pixels unless said.
const PIXELS: u32 = 1_000;
/// Most of all points together.
const CELLS_MAX: u32 = 40_000;

/// `QueryTrend`.
pub(super) async fn query(api: &Api, request: v1::QueryTrendRequest) -> Result<v1::QueryTrendResponse, Failure> {
    let (from, to) = request::period(request.from.as_ref(), request.to.as_ref())?;
    let mode = mode(request.mode)?;
    let points = request::some_points(request.points, POINTS_MAX)?;
    let pixels = pixels(request.pixels, points.len())?;
    let points = known(&*api.store, &points).await?;
    let complete_to = api.complete(Concerns::Samples).await?;
    let curves = match mode {
        v1::TrendMode::Lttb => triangles(api, points, (from, to), pixels).await?,
        v1::TrendMode::MinMax | v1::TrendMode::Unspecified => buckets(api, &points, (from, to), pixels).await?,
    };
    Ok(v1::QueryTrendResponse { complete_to, ..curves })
}

/// A mode of a later version would be drawn as something else than was meant.
fn mode(number: i32) -> Result<v1::TrendMode, Failure> {
    let unknown = |_| Failure::field("mode", format!("mode {number} is unknown; give TREND_MODE_MIN_MAX or TREND_MODE_LTTB"));
    v1::TrendMode::try_from(number).map_err(unknown)
}

fn pixels(asked: i32, points: usize) -> Result<u32, Failure> {
    let most = CELLS_MAX / u32::try_from(points.max(1)).unwrap_or(CELLS_MAX);
    let most = most.min(PIXELS_MAX);
    match u32::try_from(asked) {
        Ok(0) => Ok(PIXELS.min(most)),
        Ok(pixels) if (PIXELS_MIN..=most).contains(&pixels) => Ok(pixels),
        _ => Err(Failure::field(
            "pixels",
            format!(
                "pixels {asked} is out of range; give {PIXELS_MIN} to {most} for {points} points, or 0 for {}",
                PIXELS.min(most)
            ),
        )),
    }
}

async fn buckets(
    api: &Api,
    points: &[PointRow],
    (from, to): (Time, Time),
    pixels: u32,
) -> Result<v1::QueryTrendResponse, Failure> {
    let ids: Vec<_> = points.iter().map(|point| point.id.clone()).collect();
    let trend = trend(&*api.store, &ids, from, to, pixels).await.map_err(failure)?;
    let series = |Series { point, buckets }: Series| v1::TrendSeries {
        point: point.id,
        unit: point.unit,
        buckets: buckets.into_iter().map(bucket_to_v1).collect(),
        values: Vec::new(),
    };
    Ok(v1::QueryTrendResponse {
        bucket_us: trend.bucket.micros(),
        resolution: resolution_to_v1(trend.resolution).into(),
        series: trend.series.into_iter().map(series).collect(),
        complete_to: None,
    })
}

async fn triangles(
    api: &Api,
    points: Vec<PointRow>,
    (from, to): (Time, Time),
    pixels: u32,
) -> Result<v1::QueryTrendResponse, Failure> {
    let mut series = Vec::new();
    for PointRow { id, unit, .. } in points {
        let rows = lttb(&*api.store, &id, from, to, pixels).await.map_err(failure)?;
        let value = |row: SampleRow| Some(v1::TrendValue { time: Some(time_to_v1(row.time)), value: row.value? });
        let values = rows.into_iter().filter_map(value).collect();
        series.push(v1::TrendSeries { point: id, unit, buckets: Vec::new(), values });
    }
    let resolution = v1::Resolution::Raw.into();
    Ok(v1::QueryTrendResponse { bucket_us: 0, resolution, series, complete_to: None })
}

fn resolution_to_v1(resolution: Option<store::Resolution>) -> v1::Resolution {
    match resolution {
        None => v1::Resolution::Raw,
        Some(store::Resolution::Minute) => v1::Resolution::Minute,
        Some(store::Resolution::Hour) => v1::Resolution::Hour,
        Some(store::Resolution::Day) => v1::Resolution::Day,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_screen_has_so_many_pixels_and_all_together_not_too_many() {
        assert_eq!([pixels(0, 1).ok(), pixels(0, 100).ok(), pixels(10_000, 4).ok()], [Some(1_000), Some(400), Some(10_000)]);
        assert!([pixels(2, 1), pixels(-1, 1), pixels(10_001, 1), pixels(8_001, 5)].iter().all(Result::is_err));
    }
}
