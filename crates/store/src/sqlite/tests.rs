//! The conformance suite on SQLite, and what only SQLite can do wrong.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use model::{ErrorKind, Quality, Span, Time};
use proptest::prelude::*;
use sqlx::{ConnectOptions, Connection, Executor};

use super::SqliteStore;
use crate::conformance::{self, batch, every_sample, figures_match, point, sample};
use crate::{AggregateQuery, SampleQuery, SampleRow, Store};

/// A store in a folder of its own, which goes when this is dropped.
struct Temporary {
    folder: tempfile::TempDir,
}

impl Temporary {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("history").join("davy.db")
    }

    async fn open(&self) -> SqliteStore {
        SqliteStore::open_with(&self.path(), Duration::from_millis(20)).await.unwrap()
    }
}

#[tokio::test]
async fn conforms() {
    let folders = std::sync::Mutex::new(Vec::new());
    conformance::all(async || {
        let temporary = Temporary::new();
        let store = SqliteStore::open(&temporary.path()).await.unwrap();
        folders.lock().unwrap().push(temporary);
        Arc::new(store) as Arc<dyn Store>
    })
    .await;
}

#[tokio::test]
async fn keeps_the_supervision_record() {
    let folders = std::sync::Mutex::new(Vec::new());
    conformance::supervision_record(async || {
        let temporary = Temporary::new();
        let store = SqliteStore::open(&temporary.path()).await.unwrap();
        folders.lock().unwrap().push(temporary);
        Arc::new(store) as Arc<dyn Store>
    })
    .await;
}

#[tokio::test]
async fn everything_is_there_after_a_restart() {
    let temporary = Temporary::new();
    let store = temporary.open().await;
    let mut first = batch("telemetry/1", 0, 3);
    first.samples = vec![sample(1, 10, 1.0)];
    store.write(&first).await.unwrap();
    let before = store.progress().await.unwrap();
    store.close().await;
    assert_eq!(store.write(&batch("telemetry/1", 3, 4)).await.unwrap_err().kind(), ErrorKind::Unavailable);

    let store = temporary.open().await;
    assert_eq!(store.progress().await.unwrap(), before);
    assert_eq!(every_sample(&store, &SampleQuery::default(), 5).await.len(), 1);
    store.write(&batch("telemetry/1", 3, 4)).await.unwrap();
}

#[tokio::test]
async fn a_locked_database_is_unavailable_and_then_not() {
    let temporary = Temporary::new();
    let store = temporary.open().await;
    let mut other = super::options(&temporary.path()).connect().await.unwrap();
    let holding = other.begin_with("begin immediate").await.unwrap();
    assert_eq!(store.write(&batch("events", 0, 1)).await.unwrap_err().kind(), ErrorKind::Unavailable);
    assert_eq!(store.progress().await.unwrap().positions.len(), 0, "readers wait for no writer");
    holding.rollback().await.unwrap();
    store.write(&batch("events", 0, 1)).await.unwrap();
}

/// The historian asks these before it can store anything: a pool emptied by slow queries must not stop it.
#[tokio::test]
async fn the_writer_waits_for_no_query_of_others() {
    let temporary = Temporary::new();
    let store = temporary.open().await;
    let mut slow = Vec::new();
    for _ in 0..super::READERS {
        slow.push(store.reader().await.unwrap());
    }
    assert!(store.readers.try_acquire().is_none(), "no reader is left");
    let mut first = batch("events", 0, 1);
    first.events = vec![conformance::event(1, 0, "history.lost", "telemetry/1", 5)];
    first.points = vec![point(1)];
    store.write(&first).await.unwrap();
    assert_eq!(store.progress().await.unwrap().position("events").0, 1);
    assert_eq!(store.points().await.unwrap(), first.points);
    assert_eq!(store.last_event("history.lost", "telemetry/1").await.unwrap().as_ref(), first.events.first());
    assert!(!store.forget_dead_before(model::Position(9)).await.unwrap());
}

#[tokio::test]
async fn a_full_disk_stores_nothing_and_then_everything() {
    let temporary = Temporary::new();
    let store = temporary.open().await;
    store.write(&batch("telemetry/1", 0, 1)).await.unwrap();
    // The limit lives as long as its connection.
    store.writer.acquire().await.unwrap().execute("pragma max_page_count = 40").await.unwrap();
    let mut large = batch("telemetry/1", 1, 2);
    large.samples = (0..10_000).map(|n| sample(1, n * 1_000, 1.0)).collect();
    let error = store.write(&large).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable, "{error:?}");
    assert_eq!(store.progress().await.unwrap().position("telemetry/1").0, 1);
    assert!(every_sample(&store, &SampleQuery::default(), 10).await.is_empty());
    store.write(&large).await.unwrap();
    assert_eq!(every_sample(&store, &SampleQuery::default(), 9_999).await.len(), 10_000);
}

#[tokio::test]
async fn what_is_no_database_of_davy_is_said_so() {
    let temporary = Temporary::new();
    std::fs::create_dir_all(temporary.path().parent().unwrap()).unwrap();
    std::fs::write(temporary.path(), vec![7; 8_192]).unwrap();
    assert_eq!(SqliteStore::open(&temporary.path()).await.err().unwrap().kind(), ErrorKind::Corrupt);
    std::fs::write(temporary.path(), b"").unwrap();
    let store = temporary.open().await;
    let later = "insert into _sqlx_migrations (version, description, success, checksum, execution_time) values (9999, 'later', true, x'00', 0)";
    store.writer.acquire().await.unwrap().execute(later).await.unwrap();
    store.close().await;
    assert!(matches!(SqliteStore::open(&temporary.path()).await, Err(crate::StoreError::Newer)));
    let file_in_the_way = temporary.path().join("davy.db");
    assert_eq!(SqliteStore::open(&file_in_the_way).await.err().unwrap().kind(), ErrorKind::Unavailable);
}

/// An index not used is a query that reads everything: the plans are part of the promise.
#[tokio::test]
async fn queries_walk_the_keys() {
    let temporary = Temporary::new();
    let store = temporary.open().await;
    let mut connection = store.reader().await.unwrap();
    let more = [super::points::by_point_sql(), super::points::last_sql(), super::retention::DELETE_SAMPLES.to_owned()];
    for sql in super::samples::tests::statements().into_iter().chain(more) {
        let sql = format!("explain query plan {sql}");
        let rows = sqlx::query(sqlx::AssertSqlSafe(sql.clone())).fetch_all(&mut *connection).await.unwrap();
        let plan: Vec<String> = rows.iter().map(|row| sqlx::Row::get(row, "detail")).collect();
        let reads = |step: &String| step.contains(" s ") || step.contains(" samples ");
        assert!(plan.iter().filter(|step| reads(step)).all(|step| step.starts_with("SEARCH")), "{plan:#?}\n{sql}");
        let by_point = plan.iter().any(|step| step.contains("(bucket=? AND point=? AND ts>? AND ts<?)"));
        assert_eq!(by_point, sql.contains("json_each"), "{plan:#?}\n{sql}");
    }
}

/// Both run once in a while beside the storing of samples, over tables of any size.
#[tokio::test]
async fn the_last_event_and_old_letters_are_found_by_key() {
    let temporary = Temporary::new();
    let store = temporary.open().await;
    let mut connection = store.reader().await.unwrap();
    for (sql, table) in [(super::events::LAST, "events"), (super::write::FORGET, "dead_letters")] {
        let sql = sqlx::AssertSqlSafe(format!("explain query plan {sql}"));
        let rows = sqlx::query(sql).fetch_all(&mut *connection).await.unwrap();
        let plan: Vec<String> = rows.iter().map(|row| sqlx::Row::get(row, "detail")).collect();
        assert!(plan.iter().any(|step| step.starts_with(&format!("SEARCH {table} USING I"))), "{plan:#?}");
        let slow = |step: &&String| step.contains(&format!("SCAN {table}")) || step.contains("TEMP B-TREE FOR ORDER BY");
        assert_eq!(plan.iter().find(slow), None, "{plan:#?}");
    }
}

/// What runs every few seconds, or for every screen.
#[tokio::test]
async fn figures_and_alarms_are_found_by_key() {
    let temporary = Temporary::new();
    let store = temporary.open().await;
    let mut connection = store.reader().await.unwrap();
    let figures = |resolution| super::kept::figures_sql(resolution);
    let statements = [
        (figures(crate::Resolution::Minute), "SEARCH f USING PRIMARY KEY (start=? AND point=?)"),
        (figures(crate::Resolution::Day), "SEARCH f USING PRIMARY KEY (start=? AND point=?)"),
        (super::retention::DELETE_MINUTES.to_owned(), "SEARCH figures_1m USING PRIMARY KEY (start>? AND start<?)"),
        (super::retention::DELETE_STRANGE.to_owned(), "SEARCH samples USING PRIMARY KEY (bucket>? AND bucket<?)"),
        (super::patch::UNMARK.to_owned(), "SEARCH dirty_minutes USING PRIMARY KEY (point=? AND minute=?)"),
        (
            super::occurrences::NEWEST.to_owned(),
            "SEARCH occurrences USING INDEX occurrences_by_raise (raised_at>? AND raised_at<?)",
        ),
    ];
    for (sql, want) in statements {
        let rows =
            sqlx::query(sqlx::AssertSqlSafe(format!("explain query plan {sql}"))).fetch_all(&mut *connection).await.unwrap();
        let plan: Vec<String> = rows.iter().map(|row| sqlx::Row::get(row, "detail")).collect();
        assert!(plan.iter().any(|step| step == want), "{plan:#?}\n{sql}");
        let tables = ["figures_1m", "samples", "dirty_minutes", "occurrences", "f"];
        let scans = |step: &&String| tables.iter().any(|table| **step == format!("SCAN {table}"));
        assert_eq!(plan.iter().find(scans), None, "{plan:#?}\n{sql}");
    }
}

/// A late sample that comes while its minute is worked out leaves it marked.
#[tokio::test]
async fn a_mark_that_grew_stays() {
    let temporary = Temporary::new();
    let store = temporary.open().await;
    let start = 1_767_225_600_000_000;
    let mut first = batch("telemetry/1", 0, 1);
    first.points = vec![point(1)];
    first.samples = vec![sample(1, start, 1.0)];
    store.write(&first).await.unwrap();
    conformance::settle(&store, &crate::Policy::default(), Time::from_micros(start + 70_000_000)).await;
    for (after, pending) in [(1, 1), (2, 1)] {
        let mut late = batch("telemetry/1", after, after + 1);
        late.samples = vec![sample(1, start + 1_000_000 + after as i64, 2.0)];
        store.write(&late).await.unwrap();
        // What the first of the two was marked with.
        if after == 2 {
            let unmark = vec![(1, start, 0), (1, start + 60_000_000, 0)];
            store.patch(&super::upkeep::Patch { unmark, ..Default::default() }).await.unwrap();
        }
        let (from, to) = (Time::from_micros(start), Time::from_micros(start + 60_000_000));
        assert_eq!(store.pending(&[model::PointNumber(1)], from, to).await.unwrap().len(), pending);
    }
    let unmark = vec![(1, start, 1)];
    store.patch(&super::upkeep::Patch { unmark, ..Default::default() }).await.unwrap();
    let (from, to) = (Time::from_micros(start), Time::from_micros(start + 60_000_000));
    assert_eq!(store.pending(&[model::PointNumber(1)], from, to).await.unwrap(), []);
}

/// A step that fails anywhere is done again as if it had not begun.
#[tokio::test]
async fn upkeep_that_failed_is_done_again() {
    let temporary = Temporary::new();
    let store = temporary.open().await;
    let start = 1_767_225_600_000_000;
    let points = vec![conformance::holding(1, Span::from_secs(40))];
    let mut first = batch("telemetry/1", 0, 1);
    first.points = points.clone();
    first.samples = (0..500).map(|n| sample(1, start + n * 9_000_000, 1.0)).collect();
    store.write(&first).await.unwrap();
    let mut standing = conformance::Standing::default();
    standing.add(&first.samples);
    let now = Time::from_micros(start + 7_200_000_000);
    let mut blocked = super::options(&temporary.path()).connect().await.unwrap();
    for trigger in ["figures_1m", "figures_1h"] {
        let stop = format!(
            "create trigger stop before insert on {trigger} when new.start >= {start} begin select raise(abort, 'stop'); end"
        );
        blocked.execute(sqlx::AssertSqlSafe(stop)).await.unwrap();
        store.maintain(&crate::Policy::default(), now).await.unwrap_err();
        // What comes now is late, and seen by the next step.
        let mut more = batch("telemetry/1", standing_position(&store).await, 0);
        more.upto = model::Position(more.after.0 + 1);
        more.samples = vec![sample(1, start + 61_000_000 + more.after.0 as i64, 5.0)];
        store.write(&more).await.unwrap();
        standing.add(&more.samples);
        blocked.execute("drop trigger stop").await.unwrap();
        let (from, to) = (Time::from_micros(start), Time::from_micros(start + 7_200_000_000));
        conformance::kept_match(&store, &standing, &points, from, to).await;
    }
    conformance::settle(&store, &crate::Policy::default(), now).await;
    let (from, to) = (Time::from_micros(start), Time::from_micros(start + 3_600_000_000));
    assert_eq!(conformance::kept_match(&store, &standing, &points, from, to).await, []);
}

async fn standing_position(store: &SqliteStore) -> u64 {
    store.progress().await.unwrap().position("telemetry/1").0
}

fn rows() -> impl Strategy<Value = Vec<SampleRow>> {
    let quality = prop_oneof![Just(Quality::Good), Just(Quality::Uncertain), Just(Quality::Bad)];
    let value = prop_oneof![1 => Just(None), 5 => (-1_000_000_i32..1_000_000).prop_map(|value| Some(f64::from(value) / 64.0))];
    let row = (1_u32..4, -40_000_000_i64..60_000_000, value, quality);
    prop::collection::vec(
        row.prop_map(|(point, time, value, quality)| SampleRow { value, quality, ..sample(point, time, 0.0) }),
        0..300,
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn figures_are_those_of_the_raw_samples(
        rows in rows(), from in -50_000_000_i64..60_000_000, length in 0_i64..120_000_000, bucket in 1_i64..50_000_000, some: bool,
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let store = Temporary::new();
            let store = store.open().await;
            let mut all = batch("telemetry/1", 0, 1);
            all.points = (1..4).map(point).collect();
            all.samples = rows.clone();
            store.write(&all).await.unwrap();
            let points = if some { vec!["p1".to_owned(), "p3".to_owned()] } else { Vec::new() };
            let (from, to) = (Time::from_micros(from), Time::from_micros(from + length));
            let query = AggregateQuery { points, from, to, bucket: Span::from_micros(bucket.max(length / 1_000 + 1)), limit: 5_000 };
            figures_match(&store, &rows, &query).await;
        });
    }
}
