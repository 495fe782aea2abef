//! Rows to write, and what must be found of them: neither lost nor doubled.

use std::sync::Arc;

use harness::{Postgres, until};
use model::{Span, Time};
use sqlx::Row;
use store::conformance::{batch, sample};
use store::{Store, StoreError, WriteBatch};

/// Where the rows come from.
pub(crate) const JOURNAL: &str = "telemetry/1";

/// So many that they go by COPY.
pub(crate) const ROWS: u64 = 5_000;

const POINTS: u64 = 50;

/// What a batch of `ROWS` takes of time: a sample a second of each point.
const SECONDS: u64 = ROWS / POINTS;

/// 2026-01-01.
const START: Time = Time::from_micros(1_767_225_600_000_000);

/// Point, microseconds since 1970, value.
pub(crate) type Raw = (i32, i64, f64);

pub(crate) async fn open(url: &str) -> Arc<dyn Store> {
    store::open(&url.parse().expect("a URL of a store")).await.expect("a store")
}

/// The batch that follows a position: so many rows of seconds that no other batch has.
pub(crate) fn next(after: u64, rows: u64) -> WriteBatch {
    let time = |second: u64| START.plus(Span::from_secs(i64::try_from(second).expect("a small number")));
    let mut next = batch(JOURNAL, after, after + 1);
    next.time = time((after + 1) * SECONDS);
    let row = |n: u64| {
        let second = time(after * SECONDS + n / POINTS).micros();
        sample(
            u32::try_from(n % POINTS).expect("a small number") + 1,
            second,
            f64::from(u32::try_from(n).expect("a small number")),
        )
    };
    next.samples = (0..rows).map(row).collect();
    next
}

/// What must be stored up to a position where every batch has `ROWS`.
pub(crate) fn expected(position: u64) -> Vec<Raw> {
    raw((0..position).map(|after| next(after, ROWS)))
}

/// The rows of batches as they are to be found.
pub(crate) fn raw(batches: impl Iterator<Item = WriteBatch>) -> Vec<Raw> {
    let row = |row: &store::SampleRow| {
        (row.point.0.cast_signed(), row.time.micros(), row.value.expect("every row of the load has a value"))
    };
    let mut rows: Vec<Raw> = batches.flat_map(|batch| batch.samples.iter().map(row).collect::<Vec<_>>()).collect();
    rows.sort_by(|a, b| a.partial_cmp(b).expect("no value is NaN"));
    rows
}

/// How far the journal is stored and every row of the table, of one moment: not through the store, which would hide a row that is there
/// twice.
pub(crate) async fn stored(server: &Postgres, database: &str) -> (u64, Vec<Raw>) {
    let mut session = server.session(database).await;
    sqlx::raw_sql("BEGIN ISOLATION LEVEL REPEATABLE READ").execute(&mut session).await.expect("a transaction");
    let position = sqlx::query_scalar::<_, i64>("SELECT position FROM progress WHERE journal = $1").bind(JOURNAL);
    let position = position.fetch_optional(&mut session).await.expect("a position").unwrap_or_default();
    let sql = "SELECT point, (extract(epoch FROM ts) * 1000000)::int8, value FROM samples ORDER BY 1, 2, 3";
    let rows = sqlx::query(sql).fetch_all(&mut session).await.expect("rows");
    (position.cast_unsigned(), rows.iter().map(|row| (row.get(0), row.get(1), row.get(2))).collect())
}

/// What is stored is what the batches up to the stored position hold; that position.
pub(crate) async fn check(server: &Postgres, database: &str) -> u64 {
    let (position, rows) = stored(server, database).await;
    let expected = expected(position);
    assert_eq!(rows.len(), expected.len(), "rows up to position {position}");
    assert!(rows == expected, "the rows up to position {position} are others");
    position
}

/// How far the journal is stored, once the store can tell.
pub(crate) async fn position(store: &dyn Store) -> u64 {
    let progress = until("the store says how far it has come", async || store.progress().await.ok());
    progress.await.position(JOURNAL).0
}

/// Writes batches up to a position as the historian does: after every error it asks how far it has come. The errors.
pub(crate) async fn write_upto(store: &dyn Store, upto: u64) -> Vec<StoreError> {
    let mut errors = Vec::new();
    while errors.len() < 1_000 {
        let mut after = position(store).await;
        while after < upto {
            match store.write(&next(after, ROWS)).await {
                Ok(()) => after += 1,
                Err(error) => {
                    errors.push(error);
                    break;
                }
            }
        }
        if after == upto {
            return errors;
        }
    }
    panic!("no way through: {:?}", errors.last());
}
