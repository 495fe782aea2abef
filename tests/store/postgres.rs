//! What only a database server can do wrong, on plain PostgreSQL and on TimescaleDB, each test in a database of its own.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use harness::{Kind, Postgres};
use model::{ErrorKind, PointNumber, Position, Quality, Span, Time};
use sqlx::postgres::PgConnection;
use sqlx::{AssertSqlSafe, Executor, Row, query};
use store::conformance::{batch, event, every_sample, figures_match, point, sample};
use store::{
    AggregateQuery, DeadQuery, EventQuery, OccurrenceChange, OccurrenceQuery, OccurrenceRow, Policy, SampleQuery, SampleRow,
    Store, StoreError, StoreKind, WriteBatch,
};

use crate::load::open;

/// 2026-11-28 20:00 UTC.
const NOW: i64 = 1_795_896_000_000_000;

/// Pieces that one write may touch, as the store has it.
const SPREAD_MAX: i64 = 64;

/// A store in a database of its own.
struct Fresh {
    server: Postgres,
    store: Arc<dyn Store>,
}

impl Fresh {
    async fn on(kind: Kind) -> Self {
        let server = Postgres::start(kind).await;
        let store = open(&server.database("fresh").await).await;
        Self { server, store }
    }

    async fn session(&self) -> PgConnection {
        self.server.session("fresh").await
    }

    fn is_plain(&self) -> bool {
        self.server.kind() == Kind::Plain
    }
}

async fn on_each(test: impl AsyncFn(Fresh)) {
    for kind in [Kind::Plain, Kind::Apache] {
        test(Fresh::on(kind).await).await;
    }
}

/// Numbers that look like chance and are the same in every run.
struct Chance(u64);

impl Chance {
    fn below(&mut self, end: u32) -> u32 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        u32::try_from(self.0 >> 33).unwrap() % end
    }
}

/// Batches of one journal whose samples repeat each other, come late and jump over pieces.
fn scattered(seed: u64) -> Vec<WriteBatch> {
    let mut chance = Chance(seed);
    let mut batches: Vec<WriteBatch> = Vec::new();
    for (number, rows) in [(0, 5_000), (1, 300), (2, 4_500), (3, 7), (4, 900)] {
        let mut one = batch("telemetry/1", number, number + 1);
        let at = NOW + number as i64 * 2_000_000;
        one.time = Time::from_micros(at);
        one.points = (1..=9).map(point).collect();
        for _ in 0..rows {
            let back = [0, 0, 0, 3_600_000_000, 86_400_000_000 * 200][chance.below(5) as usize];
            let (ago, older) = (i64::from(chance.below(40)) * 500_000, i64::from(chance.below(2)) * 2_000_000);
            let time = at - back - ago;
            let quality = if chance.below(9) == 0 { Quality::Bad } else { Quality::Good };
            let value = if chance.below(20) == 0 { None } else { Some(f64::from(chance.below(1_000))) };
            let row = sample(1 + chance.below(9), time, 0.0);
            one.samples.push(SampleRow { value, quality, recorded_at: Time::from_micros(at - older), ..row });
        }
        // In the order of the journal: its time never falls.
        let mut times: Vec<Time> = one.samples.iter().map(|row| row.recorded_at).collect();
        times.sort();
        one.samples.iter_mut().zip(times).for_each(|(row, time)| row.recorded_at = time);
        batches.push(one);
    }
    batches
}

/// What stands of them.
fn standing(batches: &[WriteBatch]) -> Vec<SampleRow> {
    let rows = batches.iter().flat_map(|batch| &batch.samples);
    let rows: BTreeMap<(Time, PointNumber), SampleRow> = rows.map(|row| ((row.time, row.point), *row)).collect();
    rows.into_values().collect()
}

#[tokio::test]
async fn samples_of_our_time_are_read_as_they_stand() {
    on_each(async |fresh| {
        let (store, batches) = (&*fresh.store, scattered(1));
        store.write_all(&batches[..2]).await.unwrap();
        for one in &batches[2..] {
            store.write(one).await.unwrap();
        }
        let keep = Span::from_secs(86_400 * 3_650);
        let policy = Policy { raw: keep, minutes: keep, ..Policy::default() };
        store.maintain(&policy, Time::from_micros(NOW)).await.unwrap();
        let want = standing(&batches);
        for limit in [777, 10_000] {
            let read: Vec<_> = every_sample(store, &SampleQuery::default(), limit).await.into_iter().map(|row| row.row).collect();
            assert_eq!(read, want, "in pages of {limit}");
        }
        let some = SampleQuery { points: vec!["p3".to_owned(), "p7".to_owned()], ..SampleQuery::default() };
        let read: Vec<_> = every_sample(store, &some, 500).await.into_iter().map(|row| row.row).collect();
        let chosen = |row: &&SampleRow| matches!(row.point.0, 3 | 7);
        assert_eq!(read, want.iter().filter(chosen).copied().collect::<Vec<_>>());
        by_point_and_at(store, &want).await;
        for (back, bucket) in [(60_000_000, 7_000_000), (86_400_000_000 * 300, 3_600_000_000)] {
            let (from, to) = (Time::from_micros(NOW - back), Time::from_micros(NOW + 60_000_000));
            let points = vec!["p2".to_owned(), "p9".to_owned()];
            let query = AggregateQuery { points, from, to, bucket: Span::from_micros(bucket), limit: 5_000 };
            figures_match(store, &want, &query).await;
        }
    })
    .await;
}

async fn by_point_and_at(store: &dyn Store, rows: &[SampleRow]) {
    let points = [PointNumber(9), PointNumber(2), PointNumber(77)];
    for (from, to) in [(NOW - 10_000_000, NOW), (NOW - 86_400_000_000 * 201, NOW + 10_000_000), (NOW, NOW), (0, i64::MAX)] {
        let (from, to) = (Time::from_micros(from), Time::from_micros(to));
        let mut want: Vec<SampleRow> =
            rows.iter().filter(|row| points.contains(&row.point) && from <= row.time && row.time < to).copied().collect();
        want.sort_by_key(|row| (row.point, row.time));
        assert_eq!(store.samples_by_point(&points, from, to).await.unwrap(), want, "{from:?} {to:?}");
        let mut last: BTreeMap<PointNumber, SampleRow> = BTreeMap::new();
        for row in rows.iter().filter(|row| points.contains(&row.point) && from <= row.time && row.time <= to) {
            last.insert(row.point, *row);
        }
        let got = store.samples_at(&points, from, to).await.unwrap();
        assert_eq!(got, last.into_values().collect::<Vec<_>>(), "{from:?} {to:?}");
    }
}

/// What packing leaves behind: a piece ordered by point, without an index of times.
#[tokio::test]
async fn packed_pieces_are_read_like_others() {
    on_each(async |fresh| {
        let (store, batches) = (&*fresh.store, scattered(2));
        store.write_all(&batches).await.unwrap();
        store.prepare().await.unwrap();
        if fresh.is_plain() {
            let mut session = fresh.session().await;
            let pieces = query("select name from pieces order by lo desc offset 1").fetch_all(&mut session).await.unwrap();
            assert!(pieces.len() > 1, "the newest stays open");
            for piece in pieces {
                let name: String = piece.get(0);
                let sql = format!(
                    "drop index {name}_by_time; create index on {name} (point, ts); update pieces set state = 'packed' where name = '{name}'"
                );
                session.execute(AssertSqlSafe(sql)).await.unwrap();
            }
        }
        let want = standing(&batches);
        for limit in [97, 2_000] {
            let read: Vec<_> = every_sample(store, &SampleQuery::default(), limit).await.into_iter().map(|row| row.row).collect();
            assert_eq!(read, want, "in pages of {limit}");
        }
        by_point_and_at(store, &want).await;
    })
    .await;
}

/// Of two rows with one time of record the one behind in the journal stands, whichever way they were stored.
#[tokio::test]
async fn of_rows_recorded_at_once_the_last_stands() {
    on_each(async |fresh| {
        let store = &*fresh.store;
        for (after, rows) in [(0, 4_100_u32), (1, 3), (2, 4_100), (3, 2)] {
            let mut one = batch("telemetry/1", after, after + 1);
            one.time = Time::from_micros(NOW);
            let row = |n| SampleRow { recorded_at: one.time, ..sample(n, NOW, after as f64) };
            one.samples = (0..rows).map(row).collect();
            store.write(&one).await.unwrap();
        }
        let read = every_sample(store, &SampleQuery::default(), 10_000).await;
        let values: Vec<_> = [0, 1, 2, 4_099].map(|n: usize| read[n].row.value.unwrap()).into();
        assert_eq!((read.len(), values), (4_100, vec![3.0, 3.0, 2.0, 2.0]));
    })
    .await;
}

#[tokio::test]
async fn a_row_a_day_for_half_a_year_makes_few_pieces() {
    on_each(async |fresh| {
        let store = &*fresh.store;
        let mut all = batch("telemetry/1", 0, 1);
        all.samples = (0..180).map(|day| sample(1 + day % 3, NOW - i64::from(day) * 86_400_000_000, f64::from(day))).collect();
        store.write(&all).await.unwrap();
        let read: Vec<_> = every_sample(store, &SampleQuery::default(), 50).await.into_iter().map(|row| row.row).collect();
        assert_eq!(read, standing(&[all]));
        let strange = query("select count(*) from samples_strange").fetch_one(&mut fresh.session().await).await.unwrap();
        assert_eq!(strange.get::<i64, _>(0), 180 - SPREAD_MAX);
    })
    .await;
}

#[tokio::test]
async fn two_writes_of_one_journal_are_carried_out_in_order() {
    on_each(async |fresh| {
        let store = &*fresh.store;
        let stretch = |after: u64, rows: u32| {
            let mut one = batch("telemetry/1", after, after + 1);
            one.time = Time::from_micros(NOW + after as i64);
            one.points = vec![point(1)];
            let row = |n| SampleRow { recorded_at: one.time, ..sample(n, NOW, after as f64) };
            one.samples = (0..rows).map(row).collect();
            one
        };
        for pair in 0..10 {
            // The first has more to copy: alone, the second would be there before it.
            let (first, second) = (stretch(pair * 2, 6_000), stretch(pair * 2 + 1, 3));
            let (first, second) = tokio::join!(store.write(&first), store.write(&second));
            first.unwrap();
            second.unwrap();
        }
        assert_eq!(store.progress().await.unwrap().position("telemetry/1"), Position(20));
        let first = every_sample(store, &SampleQuery::default(), 10_000).await;
        assert_eq!((first.len(), first[0].row.value, first[5_999].row.value), (6_000, Some(19.0), Some(18.0)));
        // The first does not follow, so neither does the second.
        let (first, second) = (stretch(50, 5_000), stretch(51, 3));
        let (first, second) = tokio::join!(store.write(&first), store.write(&second));
        assert_eq!((first.unwrap_err().kind(), second.unwrap_err().kind()), (ErrorKind::Conflict, ErrorKind::Conflict));
    })
    .await;
}

#[tokio::test]
async fn rows_that_the_database_refuses_become_dead_letters() {
    on_each(async |fresh| {
        let store = &*fresh.store;
        store.prepare().await.unwrap();
        let mut session = fresh.session().await;
        for constraint in
            ["samples add constraint no_beast check (value <> 666)", "events add constraint no_word check (subject <> '禁')"]
        {
            session.execute(AssertSqlSafe(format!("alter table {constraint}"))).await.unwrap();
        }
        let mut all = batch("telemetry/1", 0, 1);
        all.samples = (0..5_000).map(|n| sample(n % 50, NOW + i64::from(n / 50) * 1_000, f64::from(n))).collect();
        all.events = vec![event(1, 0, "alarm.raised", "禁", 5), event(1, 1, "alarm.raised", "p1", 5)];
        store.write(&all).await.unwrap();
        assert_eq!(store.progress().await.unwrap().position("telemetry/1"), Position(1));
        assert_eq!(every_sample(store, &SampleQuery::default(), 10_000).await.len(), 4_999);
        assert_eq!(store.events(&EventQuery::default(), None, 9).await.unwrap().rows, all.events[1..]);
        let refused = DeadQuery { reason: Some("store_refused".to_owned()), ..DeadQuery::default() };
        let letters = store.dead_letters(&refused, None, 1).await.unwrap();
        let mut rows = letters.rows;
        rows.extend(store.dead_letters(&refused, letters.next, 9).await.unwrap().rows);
        assert_eq!(rows.iter().map(|row| row.topic.as_str()).collect::<Vec<_>>(), ["samples", "events"]);
        assert!(rows[0].detail.starts_with("23514") && rows[0].position.0 >= 1 << 62, "{:?}", rows[0]);
        assert!(String::from_utf8_lossy(&rows[0].payload).contains("666"), "{:?}", rows[0]);
        store.write(&batch("telemetry/1", 1, 2)).await.unwrap();
    })
    .await;
}

#[tokio::test]
async fn late_samples_are_marked_and_overtaken_packing_is_told() {
    on_each(async |fresh| {
        let (store, is_plain) = (&*fresh.store, fresh.is_plain());
        let mut session = fresh.session().await;
        let mut first = batch("telemetry/1", 0, 1);
        first.samples = vec![sample(1, NOW, 1.0), sample(u32::MAX, 5, 1.0)];
        store.write(&first).await.unwrap();
        let claim = query("update figures_state set claimed_to = $1").bind(NOW + 60_000_000);
        claim.execute(&mut session).await.unwrap();
        if is_plain {
            session.execute("update pieces set state = 'packed'").await.unwrap();
        }
        let mut late = batch("telemetry/1", 1, 2);
        late.samples =
            vec![sample(2, NOW + 1, 1.0), sample(2, NOW + 2, 1.0), sample(3, NOW + 60_000_000, 1.0), sample(7, 5, 1.0)];
        store.write(&late).await.unwrap();
        let rows = query("select point, minute from dirty_minutes order by point").fetch_all(&mut session).await.unwrap();
        let marked: Vec<(i64, i64)> = rows.iter().map(|row| (row.get(0), row.get(1))).collect();
        // Of 1970 there are no figures that could be worked out again.
        assert_eq!(marked, [(2, NOW)]);
        if is_plain {
            let touched = query("select sum(touched)::int8 from pieces").fetch_one(&mut session).await.unwrap();
            assert_eq!(touched.get::<i64, _>(0), 1);
        }
        assert_eq!(every_sample(store, &SampleQuery::default(), 2).await.len(), 6);
    })
    .await;
}

#[tokio::test]
async fn occurrences_change_and_are_listed() {
    on_each(async |fresh| {
        let store = &*fresh.store;
        let row = |id: &str, raised_at: Option<i64>| OccurrenceRow {
            id: id.to_owned(),
            subject: format!("p\0{id}"),
            raised_at: raised_at.map(Time::from_micros),
            activations: 1,
            ..OccurrenceRow::default()
        };
        let change = |row: OccurrenceRow, raise| OccurrenceChange { row, raise };
        let mut first = batch("events", 0, 1);
        let returned = OccurrenceRow { returned_at: Some(Time::from_micros(9)), ..row("a", None) };
        first.occurrences = vec![
            change(row("a", Some(5)), true),
            change(returned, false),
            change(row("b", Some(5)), true),
            change(row("c", None), false),
        ];
        store.write(&first).await.unwrap();
        let mut second = batch("events", 1, 2);
        let again = OccurrenceRow { activations: 2, subject: String::new(), ..row("a", Some(7)) };
        second.occurrences = vec![change(again, true)];
        store.write(&second).await.unwrap();
        let (mut rows, mut after) = (Vec::new(), None);
        loop {
            let page = store.occurrences(&OccurrenceQuery::default(), after, 1).await.unwrap();
            rows.extend(page.rows);
            after = page.next;
            if after.is_none() {
                break;
            }
        }
        let want = OccurrenceRow { activations: 2, ..row("a", Some(5)) };
        assert_eq!(rows, [row("b", Some(5)), want.clone(), row("c", None)]);
        let query = OccurrenceQuery { subjects: vec!["p\0a".to_owned()], open: Some(true), ..OccurrenceQuery::default() };
        assert_eq!(store.occurrences(&query, None, 9).await.unwrap().rows, [want]);
        let query = OccurrenceQuery { from: Some(Time::from_micros(6)), ..OccurrenceQuery::default() };
        assert_eq!(store.occurrences(&query, None, 9).await.unwrap().rows, []);
    })
    .await;
}

#[tokio::test]
async fn tables_stay_what_they_were_made_as() {
    let fresh = Fresh::on(Kind::Apache).await;
    let mut session = fresh.session().await;
    // Somebody who may not make the extension gets plain tables; later it is made by somebody who may.
    for sql in ["drop extension timescaledb cascade", "create role davy login", "grant all on schema public to davy"] {
        session.execute(sql).await.unwrap();
    }
    drop(session);
    let url = fresh.server.url_of("fresh").replace("postgres@", "davy@");
    assert_eq!(open(&url).await.prepare().await.unwrap().kind, StoreKind::Postgres);
    let mut session = fresh.session().await;
    session.execute("create extension timescaledb").await.unwrap();
    let again = open(&url).await;
    let (one, two) = tokio::join!(again.prepare(), again.prepare());
    assert_eq!((one.unwrap().kind, two.unwrap().kind), (StoreKind::Postgres, StoreKind::Postgres));
    let mut first = batch("telemetry/1", 0, 1);
    first.samples = vec![sample(1, NOW, 1.0)];
    again.write(&first).await.unwrap();
    again.close().await;
    assert_eq!(again.write(&batch("telemetry/1", 1, 2)).await.unwrap_err().kind(), ErrorKind::Unavailable);

    let again = open(&url).await;
    let description = again.prepare().await.unwrap();
    assert!(description.version.starts_with("PostgreSQL 1"), "{description:?}");
    assert!(description.without[0].ends_with("partitioned, packed and dropped by Davy"), "{description:?}");
    assert_eq!(every_sample(&*again, &SampleQuery::default(), 9).await.len(), 1);
    let later = "insert into _sqlx_migrations (version, description, success, checksum, execution_time) values (9999, 'later', true, '', 0)";
    session.execute(later).await.unwrap();
    assert!(matches!(open(&url).await.prepare().await, Err(StoreError::Newer)));
    session.execute("update history_settings set layout = 'pile'").await.unwrap();
    assert_eq!(open(&url).await.prepare().await.unwrap_err().kind(), ErrorKind::Corrupt);
}

/// A call that was given up leaves no half of anything: neither in the tables nor on a connection that another call gets.
#[tokio::test]
async fn a_write_given_up_is_as_if_it_had_not_been() {
    on_each(async |fresh| {
        let store = &*fresh.store;
        store.write(&batch("telemetry/1", 0, 1)).await.unwrap();
        let mut large = batch("telemetry/1", 1, 2);
        large.samples = (0..60_000).map(|n| sample(n % 50, NOW + i64::from(n / 50) * 1_000, f64::from(n))).collect();
        for millis in [1, 5, 20] {
            drop(tokio::time::timeout(Duration::from_millis(millis), store.write(&large)).await);
            if store.progress().await.unwrap().position("telemetry/1") != Position(1) {
                break;
            }
        }
        let position = store.progress().await.unwrap().position("telemetry/1");
        if position == Position(1) {
            store.write(&large).await.unwrap();
        }
        assert_eq!(every_sample(store, &SampleQuery::default(), 9_999).await.len(), 60_000);
    })
    .await;
}

#[tokio::test]
async fn a_server_that_is_away_is_unavailable() {
    let store = open("postgres://davy:geheim@127.0.0.1:1/davy").await;
    let error = store.prepare().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable, "{error:?}");
    assert_eq!(store.progress().await.unwrap_err().kind(), ErrorKind::Unavailable);
    assert_eq!(store.write(&batch("events", 0, 1)).await.unwrap_err().kind(), ErrorKind::Unavailable);
    assert!(!format!("{error:?}").contains("geheim"), "{error:?}");
    store.close().await;
}
