//! Answers are those of the raw rows, whatever upkeep has done or not.

use std::sync::Arc;

use model::{ErrorKind, Quality};
use proptest::prelude::*;

use super::*;
use crate::conformance::{Asked, Standing, answers_match, batch, holding, sample, settle};
use crate::{Policy, SampleRow, StoreUrl};

const MINUTE: i64 = 60_000_000;
const DAY: i64 = 1_440 * MINUTE;

/// 2026-01-01T00:00:00Z, an hour before.
const START: i64 = 1_767_222_000_000_000;

async fn open(folder: &tempfile::TempDir) -> Arc<dyn Store> {
    crate::open(&StoreUrl::Sqlite(folder.path().join("davy.db"))).await.unwrap()
}

fn points() -> Vec<PointRow> {
    vec![holding(1, Span::from_secs(90)), holding(2, Span::from_secs(3_600)), holding(3, Span::ZERO)]
}

fn ids() -> Vec<String> {
    ["p1", "p3", "p2", "p9"].map(str::to_owned).to_vec()
}

fn asked() -> impl Strategy<Value = Asked> {
    let length = prop_oneof![1_i64..5 * MINUTE, 1_i64..3 * 60 * MINUTE, 1_i64..4 * DAY, Just(DAY), Just(60 * MINUTE)];
    let from = prop_oneof![-DAY..3 * DAY, (-24_i64..72).prop_map(|hour| hour * 60 * MINUTE)];
    let from = from.prop_map(|from| Time::from_micros(START + from));
    let bucket = prop_oneof![Just(MINUTE), Just(60 * MINUTE), Just(DAY), Just(7 * MINUTE), Just(120 * MINUTE), 1_i64..2 * DAY];
    (from, length, 2_u32..2_000, bucket).prop_map(|(from, length, pixels, bucket)| Asked {
        from,
        to: from + Span::from_micros(length),
        pixels,
        bucket: Span::from_micros(bucket.max(length / 3_000 + 1)),
    })
}

fn rows() -> impl Strategy<Value = Vec<SampleRow>> {
    let quality = prop_oneof![4 => Just(Quality::Good), 1 => Just(Quality::Uncertain), 1 => Just(Quality::Bad)];
    let value = prop_oneof![1 => Just(None), 6 => (-1_000_i32..1_000).prop_map(|value| Some(f64::from(value) / 8.0))];
    // Long stretches of time, and some short ones in which many rows lie.
    let at = prop_oneof![0_i64..3 * DAY, (0_i64..6, 0_i64..3 * MINUTE).prop_map(|(n, at)| n * 11 * 60 * MINUTE + at)];
    let at = at.prop_map(|at| at - at % 500_000);
    let row = (1_u32..4, at, value, quality);
    prop::collection::vec(
        row.prop_map(|(point, at, value, quality)| SampleRow { value, quality, ..sample(point, START + at, 0.0) }),
        1..120,
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// Rows in any order, so most are late; upkeep now and then, and in between; questions all the time.
    #[test]
    fn are_those_of_the_raw_rows(
        pieces in prop::collection::vec((rows(), prop::option::of(0_i64..4 * DAY), 0_usize..3), 1..5),
        asked in prop::collection::vec(asked(), 3),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let folder = tempfile::tempdir().unwrap();
            let store = open(&folder).await;
            let mut standing = Standing::default();
            for ((mut rows, now, steps), after) in pieces.into_iter().zip(0..) {
                // The row written last is the one that stands.
                let recorded_at = Time::from_micros(START + after as i64);
                rows.iter_mut().for_each(|row| row.recorded_at = recorded_at);
                let mut next = batch("telemetry/1", after, after + 1);
                next.points = points();
                next.samples = rows.clone();
                store.write(&next).await.unwrap();
                standing.add(&rows);
                if let Some(now) = now.map(|now| Time::from_micros(START + now)) {
                    match steps {
                        0 => drop(settle(&*store, &Policy::default(), now).await),
                        steps => for _ in 0..steps {
                            store.maintain(&Policy::default(), now).await.unwrap();
                        }
                    }
                }
                for asked in &asked {
                    answers_match(&*store, &standing, &points(), asked).await;
                }
            }
        });
    }

    #[test]
    fn no_more_buckets_than_pixels(from in any::<i64>(), length in 1_i64..i64::MAX, short in 1_i64..100_000, pixels in 2_u32..PIXELS_MAX) {
        for length in [length, length / 1_000_000 + 1, short] {
            let (from, to) = (Time::from_micros(from), Time::from_micros(from.saturating_add(length)));
            prop_assume!(from < to);
            let bucket = width(from, to, pixels);
            check_cells("pixels", &[], Grid::aligned(bucket), from, to).unwrap();
            let range = i128::from(to.micros()) - i128::from(from.micros());
            prop_assert!(i128::from(bucket.micros()) * i128::from(pixels) >= range);
            let cells = Grid::aligned(bucket).count(from, to);
            prop_assert!(cells <= u128::from(pixels), "{} cells of {:?}", cells, bucket);
        }
    }
}

#[test]
fn widths_are_those_of_kept_figures_where_they_can_be() {
    let of = |seconds: i64, pixels| width(Time::YEAR_2000, Time::YEAR_2000 + Span::from_secs(seconds), pixels).micros() / 1_000;
    let day = 86_400;
    assert_eq!(of(day, 1_000), 120_000, "a day");
    assert_eq!(of(3_600, 1_000), 4_000, "an hour: raw samples");
    assert_eq!(of(10, 1_001), 10, "ten seconds");
    assert_eq!(of(59 * 999, 1_000), 59_000);
    assert_eq!(of(60 * 999, 1_000), 60_000);
    assert_eq!(of(30 * day, 1_000), 44 * 60_000);
    assert_eq!(of(365 * day, 1_000), 9 * 3_600_000);
    assert_eq!(of(365 * day, 100), 4 * day * 1_000);
}

#[tokio::test]
async fn what_is_asked_wrongly_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(&folder).await;
    let mut first = batch("events", 0, 1);
    first.points = points();
    store.write(&first).await.unwrap();
    let (zero, one, ids) = (Time::YEAR_2000, Time::YEAR_2000 + Span::from_secs(1), ids());
    let of = |error: StoreError| {
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
        error.field().unwrap()
    };
    assert_eq!(of(trend(&*store, &ids, zero, one, 1).await.unwrap_err()), "pixels");
    assert_eq!(of(trend(&*store, &ids, zero, one, PIXELS_MAX + 1).await.unwrap_err()), "pixels");
    assert_eq!(of(trend(&*store, &ids, one, one, 10).await.unwrap_err()), "to");
    assert_eq!(of(trend(&*store, &[], zero, one, 10).await.unwrap_err()), "points");
    assert_eq!(of(means(&*store, &vec!["p1".to_owned(); 1_001], zero, one, Span::from_secs(1)).await.unwrap_err()), "points");
    assert_eq!(of(means(&*store, &ids, zero, one, Span::ZERO).await.unwrap_err()), "bucket");
    assert_eq!(of(means(&*store, &ids, zero, one, Span::from_micros(1)).await.unwrap_err()), "bucket");
    assert_eq!(of(aligned(&*store, &ids, zero, one, Span::ZERO).await.unwrap_err()), "step");
    assert_eq!(of(aligned(&*store, &ids, Time::MIN, Time::MAX, Span::from_secs(1)).await.unwrap_err()), "step");
    assert_eq!(of(lttb(&*store, "p1", zero, one, 2).await.unwrap_err()), "count");
    // All of time is a range like any other.
    let mut odd = batch("telemetry/1", 0, 1);
    odd.samples = [i64::MIN, 0, START, i64::MAX - 1].map(|at| sample(1, at, 1.0)).to_vec();
    store.write(&odd).await.unwrap();
    let trend = trend(&*store, &ids, Time::MIN, Time::MAX, 2_000).await.unwrap();
    assert_eq!(trend.series[0].buckets.iter().map(|bucket| bucket.samples).sum::<u64>(), 4);
    assert_eq!(lttb(&*store, "p1", Time::MIN, Time::MAX, 3).await.unwrap().len(), 3);
    assert_eq!(lttb(&*store, "p9", Time::MIN, Time::MAX, 3).await.unwrap(), []);
}

/// Raw samples go after days, figures of minutes after a year: a close look at last month shows what there is.
#[tokio::test]
async fn where_finer_figures_are_gone_wider_ones_are_shown() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(&folder).await;
    let mut all = batch("telemetry/1", 0, 1);
    all.points = points();
    all.samples = (0..2_000).map(|n| sample(1, START + n * MINUTE, n as f64)).collect();
    store.write(&all).await.unwrap();
    let policy = Policy { raw: Span::from_secs(86_400), ..Policy::default() };
    let now = Time::from_micros(START + 60 * DAY);
    settle(&*store, &policy, now).await;
    let (from, to) = (Time::from_micros(START + 5 * MINUTE), Time::from_micros(START + 20 * MINUTE));
    let trend = super::trend(&*store, &["p1".to_owned()], from, to, 1_000).await.unwrap();
    assert_eq!((trend.resolution, trend.series[0].buckets.len()), (Some(Resolution::Minute), 15));
    assert_eq!(trend.series[0].buckets[3].max, Some(8.0));
    // After a year those are gone too.
    settle(&*store, &policy, Time::from_micros(START + 400 * DAY)).await;
    let to = Time::from_micros(START + 120 * MINUTE + 1);
    let trend = super::trend(&*store, &["p1".to_owned()], Time::from_micros(START), to, 1_000).await.unwrap();
    assert_eq!((trend.resolution, trend.series[0].buckets.len()), (Some(Resolution::Hour), 2));
}
