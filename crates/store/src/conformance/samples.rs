//! What was written is read, once, in order.

use model::{ErrorKind, PointNumber, Position, Quality, SampleFlags, Time};

use super::{batch, every_sample, point, sample};
use crate::{MAX_FILTER_TERMS, SampleQuery, SampleRow, Store};

pub(super) async fn last_recorded_stands(store: &dyn Store) {
    let recorded =
        |value: f64, recorded_at: i64| SampleRow { recorded_at: Time::from_micros(recorded_at), ..sample(1, 100, value) };
    // Within a batch the later stands, even where the time of record is the same or behind.
    let mut one = batch("telemetry/1", 0, 1);
    one.samples = vec![recorded(1.0, 500), sample(2, 100, 9.0), recorded(2.0, 500), recorded(3.0, 499)];
    store.write(&one).await.expect("a batch");
    let values =
        async || -> Vec<_> { every_sample(store, &SampleQuery::default(), 10).await.iter().map(|row| row.row.value).collect() };
    assert_eq!(values().await, [Some(3.0), Some(9.0)]);
    // A later batch: equal or later times of record replace, earlier ones do not.
    for (after, (value, recorded_at), want) in [(1, (4.0, 499), 4.0), (2, (5.0, 600), 5.0), (3, (6.0, 599), 5.0)] {
        let mut more = batch("telemetry/1", after, after + 1);
        more.samples = vec![recorded(value, recorded_at)];
        store.write(&more).await.expect("a batch");
        assert_eq!(values().await, [Some(want), Some(9.0)]);
    }
    // No value is a value: everything of the row is replaced.
    let mut none = batch("telemetry/2", 0, 1);
    let flags = SampleFlags { historical: true, ..SampleFlags::default() };
    none.samples = vec![SampleRow { value: None, quality: Quality::Bad, flags, ..recorded(0.0, 601) }];
    store.write(&none).await.expect("a batch");
    assert_eq!(every_sample(store, &SampleQuery::default(), 1).await[0].row, none.samples[0]);
}

pub(super) async fn pages_join_up(store: &dyn Store) {
    // Many points at the same times, times around 1970 and around whole seconds, in no order; and more rows than one statement takes.
    let mut rows: Vec<_> =
        (0..3_211_u32).map(|n| sample(n * 7 % 13, i64::from(n / 13) * 999_983 - 60_000_000, f64::from(n))).collect();
    rows.reverse();
    let mut all = batch("telemetry/1", 0, 5);
    all.samples = rows.clone();
    store.write(&all).await.expect("a batch");
    rows.sort_by_key(|row| (row.time, row.point));
    for limit in [7, 13, 1_000, 3_210, 3_211, 10_000] {
        let read: Vec<_> = every_sample(store, &SampleQuery::default(), limit).await.into_iter().map(|row| row.row).collect();
        assert_eq!(read, rows, "in pages of {limit}");
    }
    let page = store.samples(&SampleQuery::default(), None, 0).await.expect("a page");
    assert_eq!(page.rows.len(), 1, "a page has at least one row");
}

pub(super) async fn pages_join_up_where_thin_rows_turn_dense(store: &dyn Store) {
    // One row an hour for days, then a thousand in a second, then one after years.
    let thin = (0..200).map(|n| sample(1 + n % 2, i64::from(n) * 3_600_000_000, 1.0));
    let dense = (0..1_000).map(|n| sample(1 + n % 5, 720_000_000_000 + i64::from(n) * 1_000, 2.0));
    let mut rows: Vec<_> = thin.chain(dense).chain([sample(1, 200_000_000_000_000, 3.0)]).collect();
    let mut all = batch("telemetry/1", 0, 5);
    all.samples = rows.clone();
    all.points = (1..=5).map(point).collect();
    store.write(&all).await.expect("a batch");
    rows.sort_by_key(|row| (row.time, row.point));
    for points in [vec![], vec![1], vec![2, 5]] {
        let of_points = |row: &&SampleRow| points.is_empty() || points.contains(&row.point.0);
        let want: Vec<_> = rows.iter().filter(of_points).copied().collect();
        let query = SampleQuery { points: points.iter().map(|number| format!("p{number}")).collect(), ..SampleQuery::default() };
        for limit in [3, 250, 10_000] {
            let read: Vec<_> = every_sample(store, &query, limit).await.into_iter().map(|row| row.row).collect();
            assert_eq!(read, want, "points {points:?} in pages of {limit}");
        }
    }
}

pub(super) async fn ranges_have_exact_ends(store: &dyn Store) {
    let mut all = batch("telemetry/1", 0, 5);
    all.samples = [-1, 0, 9_999_999, 10_000_000, 10_000_001].map(|time| sample(1, time, 1.0)).into();
    all.points = vec![point(1), point(2)];
    store.write(&all).await.expect("a batch");
    let cases: [(Option<i64>, Option<i64>, &[i64]); 7] = [
        (None, None, &[-1, 0, 9_999_999, 10_000_000, 10_000_001]),
        (Some(0), Some(10_000_000), &[0, 9_999_999]),
        (Some(10_000_000), None, &[10_000_000, 10_000_001]),
        (None, Some(0), &[-1]),
        (Some(10_000_000), Some(10_000_000), &[]),
        (Some(10_000_001), Some(-1), &[]),
        (None, Some(i64::MIN), &[]),
    ];
    for points in [vec![], vec!["p1".to_owned(), "p2".to_owned(), "p1".to_owned()]] {
        for (from, to, want) in cases {
            let query = SampleQuery { points: points.clone(), from: from.map(Time::from_micros), to: to.map(Time::from_micros) };
            let read: Vec<_> = every_sample(store, &query, 2).await.iter().map(|row| row.row.time.micros()).collect();
            assert_eq!(read, want, "{query:?}");
        }
    }
}

pub(super) async fn points_are_named_by_revisions(store: &dyn Store) {
    let mut all = batch("telemetry/1", 0, 1);
    all.samples = vec![sample(1, 10, 1.0), sample(2, 10, 2.0), sample(3, 10, 3.0)];
    all.points = vec![point(1), point(2)];
    store.write(&all).await.expect("a batch");
    let ids = async |points: &[&str]| -> Vec<_> {
        let points = points.iter().map(|id| (*id).to_owned()).collect();
        every_sample(store, &SampleQuery { points, ..SampleQuery::default() }, 10).await.into_iter().map(|row| row.id).collect()
    };
    let named = |id: &str| Some(std::sync::Arc::<str>::from(id));
    assert_eq!(ids(&[]).await, [named("p1"), named("p2"), None]);
    assert_eq!(ids(&["p2", "p9", "P1"]).await, [named("p2")]);
    assert_eq!(ids(&["p9"]).await, [], "an unknown point is no reason to answer with all");

    let mut later = batch("events", 0, 1);
    later.points = vec![point(3), crate::PointRow { id: "反应釜-1".to_owned(), ..point(1) }];
    store.write(&later).await.expect("a revision");
    assert_eq!(ids(&[]).await, [named("反应釜-1"), named("p2"), named("p3")]);
    assert_eq!(ids(&["反应釜-1"]).await, [named("反应釜-1")]);
    assert_eq!(store.points().await.expect("points"), [later.points[1].clone(), point(2), point(3)]);

    let many = SampleQuery { points: vec!["p1".to_owned(); MAX_FILTER_TERMS + 1], ..SampleQuery::default() };
    let error = store.samples(&many, None, 10).await.expect_err("too many");
    assert_eq!((error.kind(), error.field()), (ErrorKind::InvalidInput, Some("points")));
    let many = SampleQuery { points: vec!["p2".to_owned(); MAX_FILTER_TERMS], ..SampleQuery::default() };
    assert_eq!(store.samples(&many, None, 10).await.expect("just few enough").rows.len(), 1);
}

/// Whatever a journal may hold, a store takes: one row refused would stop everything behind it (traps 60).
pub(super) async fn nothing_is_refused(store: &dyn Store) {
    let values = [
        0.0,
        -0.0,
        f64::MAX,
        f64::MIN,
        f64::MIN_POSITIVE,
        5e-324,
        0.1,
        1.0 / 3.0,
        9_007_199_254_740_993.0,
        f64::EPSILON,
        -1e-300,
    ];
    let mut all = batch("telemetry/0", 0, i64::MAX as u64);
    all.time = Time::MAX;
    all.samples = values.iter().zip(1..).map(|(value, time)| sample(u32::MAX, time, *value)).collect();
    let ends = [Time::MIN, Time::MAX].map(|time| SampleRow { time, recorded_at: time, ..sample(0, 0, 1.5) });
    all.samples.extend(ends);
    let every_flag = SampleFlags { historical: true, arrival_time: true, out_of_range: true, retained: true, transient: true };
    all.samples.push(SampleRow { value: None, quality: Quality::Bad, flags: every_flag, ..sample(3, 3, 0.0) });
    all.samples.push(SampleRow { quality: Quality::Uncertain, ..sample(4, 4, -0.5) });
    store.write(&all).await.expect("nothing is refused");

    let mut want = all.samples.clone();
    want.sort_by_key(|row| (row.time, row.point));
    let read: Vec<_> = every_sample(store, &SampleQuery::default(), 4).await.into_iter().map(|row| row.row).collect();
    assert_eq!(read, want);
    assert_eq!(store.progress().await.expect("progress").position("telemetry/0"), Position(i64::MAX as u64));

    let mut not_finite = batch("telemetry/1", 0, 1);
    not_finite.samples = [f64::NAN, f64::INFINITY, f64::NEG_INFINITY].map(|value| sample(9, 50, value)).into();
    store.write(&not_finite).await.expect("nor what is not finite");
    let query = SampleQuery { from: Some(Time::from_micros(50)), to: Some(Time::from_micros(51)), ..SampleQuery::default() };
    let read = every_sample(store, &query, 4).await;
    assert_eq!((read.len(), read[0].row.point, read[0].row.value), (1, PointNumber(9), None));
}
