//! Points by id, and samples by point and at a time.

use model::{ErrorKind, PointNumber, Quality, Span, Time};

use super::{batch, event, point, sample};
use crate::{EventQuery, EventRow, MAX_FILTER_TERMS, PointRow, SampleRow, Store};

/// 2026-01-01T00:00:00Z.
const START: i64 = 1_767_225_600_000_000;
const SECOND: i64 = 1_000_000;

pub(super) async fn points_by_id(store: &dyn Store) {
    let ids = |ids: &[&str]| ids.iter().map(|id| (*id).to_owned()).collect::<Vec<_>>();
    assert_eq!(store.points_named(&ids(&["p1"])).await.expect("points"), []);
    let odd = PointRow { id: "反应釜\0".to_owned(), hold: Span::from_micros(i64::MAX), ..point(3) };
    let second = PointRow {
        quantity: "pressure".to_owned(),
        park: "rugang".to_owned(),
        enterprise: "e01".to_owned(),
        installation: "tank-farm".to_owned(),
        hold: Span::from_millis(1_500),
        ..point(2)
    };
    let mut all = batch("events", 0, 1);
    all.points = vec![odd.clone(), point(1), second.clone()];
    store.write(&all).await.expect("a batch");
    assert_eq!(store.points().await.expect("points"), [point(1), second.clone(), odd.clone()]);
    let got = store.points_named(&ids(&["反应釜\0", "p2", "P1", "p9", "p2"])).await.expect("points");
    assert_eq!(got, [second.clone(), odd]);
    assert_eq!(store.points_named(&[]).await.expect("points"), []);
    let mut later = batch("events", 1, 2);
    later.points = vec![PointRow { hold: Span::from_secs(9), ..second.clone() }];
    store.write(&later).await.expect("a revision");
    assert_eq!(store.points_named(&ids(&["p2"])).await.expect("points"), later.points);
    let error = store.points_named(&vec!["p1".to_owned(); MAX_FILTER_TERMS + 1]).await.expect_err("too many");
    assert_eq!((error.kind(), error.field()), (ErrorKind::InvalidInput, Some("points")));
    assert_eq!(store.points_named(&vec!["p1".to_owned(); MAX_FILTER_TERMS]).await.expect("points"), [point(1)]);
}

/// Points 1 to 4: one a second, one in 45 s, one bad and without values, one before 2000, after 2100 and at the ends of time.
fn rows() -> Vec<SampleRow> {
    let often = (0..600).map(|n| sample(1, START + n * SECOND, n as f64));
    let seldom = (0..14).map(|n| sample(2, START + 7 * SECOND + n * 45 * SECOND, -(n as f64)));
    let bad = (0..20).map(|n| SampleRow { value: None, quality: Quality::Bad, ..sample(3, START + n * 31 * SECOND + 500, 0.0) });
    let strange = [i64::MIN, -1, 0, 946_684_799_999_999, 4_102_444_800_000_000, i64::MAX - 1].map(|time| sample(4, time, 4.0));
    often.chain(seldom).chain(bad).chain(strange).collect()
}

pub(super) async fn samples_by_point_and_time(store: &dyn Store) {
    let mut all = batch("telemetry/1", 0, 1);
    all.samples = rows();
    // A row replaced: only what stands is read.
    all.samples.insert(0, sample(1, START, 1e9));
    all.points = vec![point(1), point(2)];
    store.write(&all).await.expect("a batch");
    let time = Time::from_micros;
    let cases = [
        (vec![1, 2, 3, 4, 9], i64::MIN, i64::MAX),
        (vec![2, 1, 2], START, START + 60 * SECOND),
        (vec![3], START + 500, START + 31 * SECOND + 500),
        (vec![3], START + 501, START + 31 * SECOND + 501),
        (vec![4], -1, 4_102_444_800_000_000),
        (vec![1], START + 60 * SECOND, START),
        (vec![9], i64::MIN, i64::MAX),
        (vec![], i64::MIN, i64::MAX),
    ];
    for (numbers, from, to) in cases {
        let points: Vec<_> = numbers.iter().map(|number| PointNumber(*number)).collect();
        let mut want: Vec<_> = rows();
        want.retain(|row| points.contains(&row.point) && time(from) <= row.time && row.time < time(to));
        want.sort_by_key(|row| (row.point, row.time));
        let got = store.samples_by_point(&points, time(from), time(to)).await.expect("samples");
        assert_eq!(got, want, "points {numbers:?} from {from} to {to}");
    }
}

pub(super) async fn samples_at_a_time(store: &dyn Store) {
    assert_eq!(store.samples_at(&[PointNumber(1)], Time::MIN, Time::MAX).await.expect("samples"), []);
    let mut all = batch("telemetry/1", 0, 1);
    all.samples = rows();
    store.write(&all).await.expect("a batch");
    let points: Vec<_> = [4, 3, 2, 1, 9, 2].map(PointNumber).to_vec();
    let (begin, day) = (START - SECOND, 86_400 * SECOND);
    let cases = [
        (i64::MIN, i64::MAX),
        (i64::MIN, START + 599 * SECOND),
        (i64::MIN, START),
        (i64::MIN, i64::MIN),
        (begin, START + 7 * SECOND - 1),
        (begin, START + 7 * SECOND),
        (START + 100 * SECOND, START + 100 * SECOND),
        (START + 80 * SECOND, START + 98 * SECOND),
        (START + day, START + 2 * day),
        (START, START + 400 * day),
        (START, begin),
    ];
    for (not_before, at) in cases {
        let (not_before, at) = (Time::from_micros(not_before), Time::from_micros(at));
        let within = |row: &&SampleRow| not_before <= row.time && row.time <= at;
        let last = |number| rows().iter().filter(|row| row.point == number).filter(within).max_by_key(|row| row.time).copied();
        let want: Vec<_> = [1, 2, 3, 4, 9].map(PointNumber).into_iter().filter_map(last).collect();
        let got = store.samples_at(&points, not_before, at).await.expect("samples");
        assert_eq!(got, want, "from {not_before:?} to {at:?}");
    }
}

pub(super) async fn events_by_place(store: &dyn Store) {
    let places = [("rugang", "e01", ""), ("rugang", "e02", "reactor"), ("下沙", "e01", "reactor"), ("", "", "\0")];
    let mut all = batch("events", 0, 99);
    for (position, (park, enterprise, installation)) in (1..=12).zip(places.into_iter().cycle()) {
        let (park, enterprise, installation) = (park.to_owned(), enterprise.to_owned(), installation.to_owned());
        all.events.push(EventRow { park, enterprise, installation, ..event(position, 0, "alarm.raised", "p1", position as i64) });
    }
    store.write(&all).await.expect("a batch");
    let texts = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
    let all_of = |parks: &[&str], enterprises: &[&str], installations: &[&str]| EventQuery {
        parks: texts(parks),
        enterprises: texts(enterprises),
        installations: texts(installations),
        ..EventQuery::default()
    };
    let cases: [(EventQuery, &[u64]); 7] = [
        (all_of(&["rugang"], &[], &[]), &[1, 2, 5, 6, 9, 10]),
        (all_of(&["下沙", ""], &[], &[]), &[3, 4, 7, 8, 11, 12]),
        (all_of(&[], &["e01"], &[]), &[1, 3, 5, 7, 9, 11]),
        (all_of(&[], &[], &["reactor", "\0"]), &[2, 3, 4, 6, 7, 8, 10, 11, 12]),
        (all_of(&["rugang"], &["e01", "e02"], &["reactor"]), &[2, 6, 10]),
        (all_of(&["RUGANG"], &[], &[]), &[]),
        (EventQuery { from: Some(Time::from_micros(6)), ..all_of(&["rugang"], &["e02"], &[]) }, &[6, 10]),
    ];
    for (query, want) in cases {
        let page = store.events(&query, None, 100).await.expect("events");
        assert_eq!(page.rows.iter().map(|row| row.position.0).collect::<Vec<_>>(), want, "{query:?}");
    }
    let many = vec!["e01".to_owned(); MAX_FILTER_TERMS + 1];
    for (field, query) in [
        ("parks", EventQuery { parks: many.clone(), ..EventQuery::default() }),
        ("enterprises", EventQuery { enterprises: many.clone(), ..EventQuery::default() }),
        ("installations", EventQuery { installations: many.clone(), ..EventQuery::default() }),
    ] {
        assert_eq!(store.events(&query, None, 1).await.expect_err("too many").field(), Some(field));
    }
}
