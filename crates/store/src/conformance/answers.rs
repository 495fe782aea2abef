//! Questions over time: the answers are those of the raw rows, whatever upkeep has done or not.

use model::{PointNumber, Quality, Span, Time};

use super::figures_kept::{DAY, HOUR, MINUTE, SECOND, START, holding, settle, time};
use super::{Standing, batch, dated, sample};
use crate::figures::{Grid, judged};
use crate::query::{LOOK_BACK, Series, TrendBucket, aligned, means, trend, values_at};
use crate::{PointRow, Policy, Resolution, SampleRow, Store};

/// A stretch of time to ask about.
#[derive(Clone, Debug)]
pub struct Asked {
    /// Inclusive.
    pub from: Time,
    /// Exclusive.
    pub to: Time,
    /// Of a trend.
    pub pixels: u32,
    /// Of means.
    pub bucket: Span,
}

fn close(got: &TrendBucket, want: &TrendBucket) -> bool {
    let near = |got: f64, want: f64| (got - want).abs() <= 1e-9 * want.abs().max(1.0);
    let plain = |bucket: &TrendBucket| TrendBucket { sum: 0.0, mean: bucket.mean.map(|_| 0.0), ..*bucket };
    near(got.sum, want.sum) && near(got.mean.unwrap_or(0.0), want.mean.unwrap_or(0.0)) && plain(got) == plain(want)
}

fn compare(got: &[Series], standing: &Standing, points: &[PointRow], grid: Grid, asked: &Asked) {
    assert_eq!(got.len(), points.len(), "an unknown point is left out");
    for (got, point) in got.iter().zip(points) {
        assert_eq!(&got.point, point);
        let want: Vec<_> = standing.figures(point, grid, asked.from, asked.to).iter().map(TrendBucket::from).collect();
        assert_eq!(got.buckets.len(), want.len(), "{asked:?}: {:?} should be {want:?}", got.buckets);
        for (got, want) in got.buckets.iter().zip(&want) {
            assert!(close(got, want), "{asked:?}: {got:?} should be {want:?}");
        }
    }
}

/// The newest row at or before a time, by looking at each.
fn newest(standing: &Standing, point: &PointRow, at: Time) -> Option<SampleRow> {
    standing.rows(point.number).into_iter().rfind(|row| row.time <= at)
}

/// Compares every kind of answer with what the rows say; points are named as by `point` and come by number.
pub async fn answers_match(store: &dyn Store, standing: &Standing, points: &[PointRow], asked: &Asked) {
    let Asked { from, to, pixels, bucket } = *asked;
    let ids: Vec<_> = points.iter().rev().map(|point| point.id.clone()).chain(["unknown".to_owned()]).collect();
    let trend = trend(store, &ids, from, to, pixels).await.expect("a trend");
    let kept = Resolution::ALL.iter().rev().copied().find(|resolution| resolution.width() <= trend.bucket);
    assert_eq!(trend.resolution, kept, "{:?}", trend.bucket);
    assert!(i128::from(trend.bucket.micros()) * i128::from(pixels) >= i128::from(to.since(from).micros()));
    assert!(trend.series.iter().all(|series| series.buckets.len() <= pixels as usize));
    compare(&trend.series, standing, points, Grid::aligned(trend.bucket), asked);
    let means = means(store, &ids, from, to, bucket).await.expect("means");
    compare(&means, standing, points, Grid { origin: from, width: bucket }, asked);

    let values = values_at(store, &ids, from).await.expect("values");
    assert_eq!(values.len(), points.len());
    for value in values {
        let oldest = from.plus(Span::from_micros(-LOOK_BACK.max(value.point.hold).micros()));
        let want = newest(standing, &value.point, from).filter(|row| row.time >= oldest);
        assert_eq!(value.sample, want, "{:?} at {from:?}", value.point);
        assert_eq!(value.held, want.is_some_and(|row| row.time == from || from < row.time.plus(value.point.hold)));
    }
    let step = Span::from_micros(to.since(from).micros() / 50 + 1);
    let aligned = aligned(store, &ids, from, to, step).await.expect("aligned values");
    assert!(aligned.times.first() == Some(&from) && aligned.times.last().is_some_and(|last| *last < to));
    assert_eq!(aligned.points, points);
    for (at, values) in aligned.times.iter().zip(&aligned.values) {
        for (point, value) in points.iter().zip(values) {
            let newest = newest(standing, point, *at).filter(|row| row.time == *at || *at < row.time.plus(point.hold));
            assert_eq!(*value, newest.as_ref().and_then(judged), "{:?} at {at:?}", point.id);
        }
    }
}

/// Three points over two days: every half minute with bad ones, seldom, and without any hold.
fn two_days(points: &[PointRow]) -> Vec<SampleRow> {
    let number = |index: usize| points[index].number.0;
    let often = (0..3_000_i64).map(|n| {
        let row = sample(number(0), START + n * 31 * SECOND + n % 7, (n % 89) as f64 - 30.0);
        SampleRow { quality: if n % 11 == 0 { Quality::Bad } else { Quality::Good }, ..row }
    });
    let seldom = (0..48).map(|n| sample(number(1), START + n * HOUR - n * MINUTE + 250, 100.0 - n as f64));
    let unheld = (0..90).map(|n| sample(number(2), START + n * 17 * MINUTE, 1.0));
    often.chain(seldom).chain(unheld).collect()
}

pub(super) async fn are_those_of_the_raw_rows(store: &dyn Store) {
    let points = vec![holding(1, Span::from_secs(60)), holding(2, Span::from_secs(7_000)), holding(5, Span::ZERO)];
    let mut rows = two_days(&points);
    // Every twentieth comes late, the rest by time.
    let late: Vec<_> = rows.iter().copied().enumerate().filter(|(n, _)| n % 20 == 3).map(|(_, row)| row).collect();
    rows.retain(|row| !late.contains(row));
    rows.sort_by_key(|row| row.time);
    let mut standing = Standing::default();
    let now = time(2 * DAY);
    let ask = |from: i64, to: i64, pixels, bucket: i64| Asked {
        from: time(from),
        to: time(to),
        pixels,
        bucket: Span::from_micros(bucket),
    };
    let asked = [
        ask(0, DAY, 1_000, HOUR),
        ask(-3 * HOUR + 7, 2 * DAY + 5, 100, DAY),
        ask(5 * HOUR + 1, 6 * HOUR - 1, 1_000, MINUTE),
        ask(16 * HOUR, 16 * HOUR + DAY, 50, 8 * HOUR),
        ask(DAY - 90 * SECOND, DAY + 45 * MINUTE, 20, 7 * MINUTE),
        ask(4 * HOUR, 4 * HOUR + 1, 2, 1),
    ];
    for (piece, after) in [&rows[..1_500], &rows[1_500..], &late[..]].into_iter().zip(0..) {
        let mut next = batch("telemetry/1", after, after + 1);
        next.points = points.clone();
        next.samples = piece.to_vec();
        store.write(&dated(next)).await.expect("a batch");
        standing.add(piece);
        for settled in [false, true] {
            if settled {
                settle(store, &Policy::default(), now).await;
            }
            for asked in &asked {
                answers_match(store, &standing, &points, asked).await;
            }
        }
    }
    let numbers: Vec<PointNumber> = points.iter().map(|point| point.number).collect();
    assert_eq!(store.pending(&numbers, time(0), time(DAY)).await.expect("pending"), [], "the last answers are of kept figures");
}
