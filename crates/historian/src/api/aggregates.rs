//! Figures per bucket of time, aligned to 1970.

use std::collections::BTreeMap;

use model::{PointNumber, Span, Time};
use store::query::{CELLS_MAX, PIXELS_MAX, POINTS_MAX, TrendBucket, means};
use store::{AggregateQuery, Store};
use wire::{Failure, time_to_v1, v1};

use crate::api::{Api, failure};
use crate::complete::Concerns;
use crate::request;

/// `QueryAggregates`.
pub(super) async fn query(api: &Api, request: v1::QueryAggregatesRequest) -> Result<v1::QueryAggregatesResponse, Failure> {
    let include_held = request.include_held;
    let wanted = request::aggregates(request)?;
    let complete_to = api.complete(Concerns::Samples).await?;
    let points = if wanted.points.is_empty() { every_point(&*api.store).await? } else { wanted.points.clone() };
    let mut aggregates = Vec::new();
    for points in points.chunks(POINTS_MAX) {
        let found = of_points(&*api.store, points, &wanted).await?;
        aggregates.extend(found.into_iter().filter(|it| include_held || it.samples > 0));
        if aggregates.len() > request::BUCKETS_MAX {
            return Err(request::too_many_buckets());
        }
    }
    Ok(v1::QueryAggregatesResponse { aggregates, complete_to })
}

async fn every_point(store: &dyn Store) -> Result<Vec<String>, Failure> {
    Ok(store.points().await.map_err(failure)?.into_iter().map(|point| point.id).collect())
}

/// By point number and start, worked out in pieces that the store answers at a time.
async fn of_points(store: &dyn Store, points: &[String], wanted: &AggregateQuery) -> Result<Vec<v1::Aggregate>, Failure> {
    let mut by_point: BTreeMap<PointNumber, Vec<v1::Aggregate>> = BTreeMap::new();
    for (from, to) in pieces(wanted, points.len()) {
        for series in means(store, points, from, to, wanted.bucket).await.map_err(failure)? {
            let aggregate = |bucket: TrendBucket| {
                let start = floor(bucket.start, wanted.bucket);
                v1::Aggregate { point: series.point.id.clone(), ..bucket_to_v1(TrendBucket { start, ..bucket }) }
            };
            by_point.entry(series.point.number).or_default().extend(series.buckets.into_iter().map(aggregate));
        }
    }
    Ok(by_point.into_values().flatten().collect())
}

fn floor(time: Time, width: Span) -> Time {
    Time::from_micros(time.micros().div_euclid(width.micros()).saturating_mul(width.micros()))
}

/// The first piece ends with the first border of a bucket, the others have as many buckets as one call gives.
fn pieces(wanted: &AggregateQuery, points: usize) -> Vec<(Time, Time)> {
    let cells = CELLS_MAX / points.max(1) as u128;
    let buckets = i64::try_from(cells.min(u128::from(PIXELS_MAX))).unwrap_or(1).max(1);
    let stretch = Span::from_micros(wanted.bucket.micros().saturating_mul(buckets));
    let (mut from, mut pieces) = (wanted.from, Vec::new());
    while from < wanted.to {
        let start = floor(from, wanted.bucket);
        let to = if start < from { start.plus(wanted.bucket) } else { start.plus(stretch) }.min(wanted.to);
        pieces.push((from, to));
        from = to;
    }
    pieces
}

/// Without the point.
pub(super) fn bucket_to_v1(bucket: TrendBucket) -> v1::Aggregate {
    let TrendBucket { start, samples, count, sum, min, max, first, last, mean, good } = bucket;
    #[expect(clippy::cast_precision_loss, reason = "no bucket has 2^53 samples")]
    let plain = Some(sum / count as f64).filter(|mean| mean.is_finite());
    v1::Aggregate {
        point: String::new(),
        start: Some(time_to_v1(start)),
        count,
        samples,
        min,
        max,
        mean: plain,
        first,
        last,
        time_weighted_mean: mean,
        good_us: good.micros(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_end_with_buckets() {
        let time = Time::from_micros;
        let wanted = |from, to| AggregateQuery {
            points: Vec::new(),
            from: time(from),
            to: time(to),
            bucket: Span::from_micros(10),
            limit: 0,
        };
        assert_eq!(pieces(&wanted(-5, 25), 100_000), [(time(-5), time(0)), (time(0), time(20)), (time(20), time(25))]);
        assert_eq!(pieces(&wanted(3, 7), 1), [(time(3), time(7))]);
        assert_eq!(pieces(&wanted(0, 200_000), 1), [(time(0), time(100_000)), (time(100_000), time(200_000))]);
        assert_eq!(pieces(&wanted(7, 7), 1), []);
    }
}
