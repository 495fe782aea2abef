//! Figures are what anybody would work out from the raw samples.

use std::collections::BTreeMap;

use model::{ErrorKind, PointNumber, Quality, Span, Time};

use super::{batch, point, sample};
use crate::{Aggregate, AggregateQuery, SampleRow, Store};

/// Compares the store's figures with those worked out here from the rows it holds; points are named as by `point`.
pub async fn figures_match(store: &dyn Store, rows: &[SampleRow], query: &AggregateQuery) {
    let got = store.aggregates(query).await.expect("figures");
    let want = worked_out(rows, query);
    assert_eq!(got.len(), want.len(), "{query:?}");
    for (got, want) in got.iter().zip(&want) {
        let mean = (got.mean.unwrap_or(0.0), want.mean.unwrap_or(0.0));
        assert!((mean.0 - mean.1).abs() <= 1e-9 * mean.1.abs().max(1.0), "{got:?} {want:?}");
        assert_eq!(&Aggregate { mean: want.mean, ..got.clone() }, want);
    }
}

fn worked_out(rows: &[SampleRow], query: &AggregateQuery) -> Vec<Aggregate> {
    let named = |row: &SampleRow| query.points.is_empty() || query.points.contains(&format!("p{}", row.point.0));
    let width = query.bucket.micros();
    let mut buckets: BTreeMap<(PointNumber, i64), BTreeMap<Time, SampleRow>> = BTreeMap::new();
    for row in rows.iter().filter(|row| named(row) && query.from <= row.time && row.time < query.to) {
        let start = row.time.micros().div_euclid(width) * width;
        buckets.entry((row.point, start)).or_default().insert(row.time, *row);
    }
    let figures = buckets.into_iter().map(|((point, start), rows)| {
        let values: Vec<f64> = rows.values().filter(|row| row.quality != Quality::Bad).filter_map(|row| row.value).collect();
        let least = |f: fn(f64, f64) -> f64| values.iter().copied().reduce(f);
        Aggregate {
            id: format!("p{}", point.0),
            start: Time::from_micros(start),
            count: values.len() as u64,
            samples: rows.len() as u64,
            min: least(f64::min),
            max: least(f64::max),
            mean: least(|a, b| a + b).map(|sum| sum / values.len() as f64),
            first: values.first().copied(),
            last: values.last().copied(),
        }
    });
    figures.take(query.limit).collect()
}

pub(super) async fn of_a_worked_example(store: &dyn Store) {
    let minute = 60_000_000;
    let bad = |row: SampleRow| SampleRow { quality: Quality::Bad, ..row };
    let mut all = batch("telemetry/1", 0, 1);
    all.points = vec![point(1), point(2)];
    all.samples = vec![
        sample(1, -1, 100.0),
        sample(1, 0, 4.0),
        sample(1, minute / 2, 1.0),
        SampleRow { quality: Quality::Uncertain, ..sample(1, minute - 2, 7.0) },
        bad(sample(1, minute - 1, 900.0)),
        bad(SampleRow { value: None, ..sample(1, minute, 0.0) }),
        sample(2, minute / 2, 5.0),
        sample(3, 5, 5.0),
    ];
    store.write(&all).await.expect("a batch");
    let query = |points: &[&str], limit| AggregateQuery {
        points: points.iter().map(|id| (*id).to_owned()).collect(),
        from: Time::from_micros(0),
        to: Time::from_micros(2 * minute),
        bucket: Span::from_secs(60),
        limit,
    };
    let got = store.aggregates(&query(&["p1"], 10)).await.expect("figures");
    let full = Aggregate {
        id: "p1".to_owned(),
        start: Time::from_micros(0),
        count: 3,
        samples: 4,
        min: Some(1.0),
        max: Some(7.0),
        mean: Some(4.0),
        first: Some(4.0),
        last: Some(7.0),
    };
    let (none, start) = (None, Time::from_micros(minute));
    let only_bad =
        Aggregate { start, count: 0, samples: 1, min: none, max: none, mean: none, first: none, last: none, ..full.clone() };
    assert_eq!(got, [full.clone(), only_bad]);
    assert_eq!(store.aggregates(&query(&[], 10)).await.expect("figures").len(), 3, "a number without a name has no figures");
    assert_eq!(store.aggregates(&query(&[], 1)).await.expect("figures"), [full]);
    assert_eq!(store.aggregates(&query(&["p9"], 10)).await.expect("figures"), []);
    let whole = AggregateQuery { from: Time::from_micros(-minute), bucket: Span::from_secs(86_400), ..query(&["p1", "p2"], 10) };
    figures_match(store, &all.samples, &whole).await;
}

pub(super) async fn of_bad_input(store: &dyn Store) {
    let mut all = batch("telemetry/1", 0, 1);
    all.points = vec![point(1)];
    all.samples = vec![sample(1, 0, f64::MAX), sample(1, 1, f64::MAX)];
    store.write(&all).await.expect("a batch");
    let query = |from, to, bucket| AggregateQuery { points: Vec::new(), from, to, bucket: Span::from_micros(bucket), limit: 10 };
    for (from, bucket, field) in
        [(Time::from_micros(0), 0, "bucket"), (Time::from_micros(0), -1, "bucket"), (Time::MIN, 1, "from")]
    {
        let error = store.aggregates(&query(from, Time::MAX, bucket)).await.expect_err("cannot be worked out");
        assert_eq!((error.kind(), error.field()), (ErrorKind::InvalidInput, Some(field)));
    }
    let (zero, one) = (Time::from_micros(0), Time::from_micros(1));
    assert_eq!(store.aggregates(&query(one, zero, 1)).await.expect("nothing lies between"), []);
    let got = store.aggregates(&query(zero, Time::MAX, i64::MAX)).await.expect("the widest bucket there is");
    assert_eq!((got[0].count, got[0].mean, got[0].max), (2, None, Some(f64::MAX)), "a sum beyond all numbers has no mean");
}
