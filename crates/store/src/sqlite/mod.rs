//! SQLite behind the trait: the store of a single process.
//!
//! One connection writes, a few read, and one more reads what the writer itself has to know, so that slow queries cannot take its place: with a write-ahead log neither waits for the other. `synchronous = normal` syncs only at
//! checkpoints, so a power cut may undo the last transactions as a whole: rows and positions stand in the same one, and the journal
//! still has what comes after the position, so that nothing is lost (traps 69).

mod errors;
mod events;
mod insert;
mod kept;
mod migrations;
mod occurrences;
mod patch;
mod points;
mod retention;
mod samples;
mod supervision;
#[cfg(test)]
mod tests;
mod upkeep;
mod write;

use std::path::Path;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use model::{Epoch, PointNumber, Position, Time};
use sqlx::Row;
use sqlx::pool::PoolConnection;
use sqlx::sqlite::{
    Sqlite, SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteRow, SqliteSynchronous,
};

use self::errors::{corrupt, during};
use self::upkeep::{Patch, Tables};
use crate::{
    Aggregate, AggregateQuery, DeadQuery, DeadRow, Description, EventKey, EventQuery, EventRow, Figure, FigureQuery, GapQuery,
    GapRow, OccurrenceKey, OccurrenceQuery, OccurrenceRow, Page, PendingSpan, PointRow, Policy, Progress, RuleDayRow, RuleQuery,
    RuleRow, SampleKey, SampleQuery, SampleRow, Store, StoreError, StoreKind, StoredSample, SupervisionBatch, Upkeep, WriteBatch,
    metrics,
};

/// Readers at a time; more wait.
const READERS: u32 = 4;

/// How long a statement waits for another process to let go of the file before it fails as unavailable.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// Page cache of the writer, KiB: the bucket being written (10 s) of 100,000 samples/s fits.
const WRITER_CACHE_KIB: &str = "-65536";

/// The log is cut to this after a checkpoint that emptied it, bytes.
const LOG_BYTES_MAX: &str = "67108864";

/// A database file.
pub(crate) struct SqliteStore {
    writer: SqlitePool,
    readers: SqlitePool,
    /// One connection, for short reads only.
    own: SqlitePool,
    /// One connection, so that one step of upkeep runs at a time and takes no place of a query.
    upkeep: SqlitePool,
}

impl SqliteStore {
    pub(crate) async fn open(path: &Path) -> Result<Self, StoreError> {
        Self::open_with(path, BUSY_TIMEOUT).await
    }

    async fn open_with(path: &Path, busy_timeout: Duration) -> Result<Self, StoreError> {
        if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
            let doing = "make the folder of the database";
            tokio::fs::create_dir_all(folder).await.map_err(|error| during(doing)(error.into()))?;
        }
        let options = options(path).busy_timeout(busy_timeout);
        migrations::run(&options.clone().create_if_missing(true)).await?;
        let doing = "open the database";
        let writer = options.clone().pragma("cache_size", WRITER_CACHE_KIB).pragma("journal_size_limit", LOG_BYTES_MAX);
        let pool = || SqlitePoolOptions::new().acquire_timeout(busy_timeout + Duration::from_secs(5));
        let reader = options.pragma("query_only", "on");
        Ok(Self {
            writer: pool().max_connections(1).connect_with(writer).await.map_err(during(doing))?,
            readers: pool().max_connections(READERS).connect_with(reader.clone()).await.map_err(during(doing))?,
            own: pool().max_connections(1).connect_with(reader.clone()).await.map_err(during(doing))?,
            upkeep: pool().max_connections(1).connect_with(reader).await.map_err(during(doing))?,
        })
    }

    async fn reader(&self) -> Result<PoolConnection<Sqlite>, StoreError> {
        self.readers.acquire().await.map_err(during("reach the database"))
    }

    async fn own(&self) -> Result<PoolConnection<Sqlite>, StoreError> {
        self.own.acquire().await.map_err(during("reach the database"))
    }

    async fn try_forget(&self, position: Position) -> Result<bool, StoreError> {
        let mut connection = self.writer.acquire().await.map_err(during("reach the database"))?;
        let forgotten = write::forget_dead_before(&mut connection, position).await;
        if forgotten.is_err() {
            // As in `try_write`.
            connection.close_on_drop();
        }
        forgotten
    }

    async fn try_write(&self, batches: &[WriteBatch]) -> Result<(), StoreError> {
        let mut connection = self.writer.acquire().await.map_err(during("reach the database"))?;
        let written = write::write(&mut connection, batches).await;
        if written.is_err() {
            // After a full disk nobody can say what state its transaction is in.
            connection.close_on_drop();
        }
        written
    }

    async fn patch(&self, patch: &Patch) -> Result<(), StoreError> {
        let mut connection = self.writer.acquire().await.map_err(during("reach the database"))?;
        let applied = patch::apply(&mut connection, patch).await;
        if applied.is_err() {
            // As in `try_write`.
            connection.close_on_drop();
        }
        applied
    }

    async fn try_maintain(&self, policy: &Policy, now: Time) -> Result<Upkeep, StoreError> {
        let reader = self.upkeep.acquire().await.map_err(during("reach the database"))?;
        let mut tables = Tables { store: self, reader };
        let mut upkeep = Upkeep::default();
        crate::upkeep::figures(&mut tables, now, &mut upkeep).await?;
        retention::step(self, &mut tables.reader, policy, now, &mut upkeep).await?;
        Ok(upkeep)
    }
}

fn options(path: &Path) -> SqliteConnectOptions {
    SqliteConnectOptions::new()
        .filename(path)
        .create_if_missing(false)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Normal)
        .row_buffer_size(256)
}

#[async_trait]
impl Store for SqliteStore {
    async fn progress(&self) -> Result<Progress, StoreError> {
        let mut connection = self.own().await?;
        read(write::progress(&mut connection).await)
    }

    async fn prepare(&self) -> Result<Description, StoreError> {
        let mut connection = self.own().await?;
        let row =
            sqlx::query("select sqlite_version()").fetch_one(&mut *connection).await.map_err(during("ask for the version"))?;
        let version = format!("SQLite {}", column::<String>(&row, 0)?);
        Ok(Description { kind: StoreKind::Sqlite, version, without: Vec::new() })
    }

    fn lanes(&self) -> usize {
        1
    }

    async fn write_all(&self, batches: &[WriteBatch]) -> Result<(), StoreError> {
        let started = Instant::now();
        let written = self.try_write(batches).await;
        match &written {
            Ok(()) => metrics::wrote(batches, started.elapsed().as_secs_f64()),
            Err(error) => metrics::failed("write", error),
        }
        written
    }

    async fn points(&self) -> Result<Vec<PointRow>, StoreError> {
        let mut connection = self.own().await?;
        read(points::all(&mut connection).await)
    }

    async fn samples(
        &self,
        query: &SampleQuery,
        after: Option<SampleKey>,
        limit: usize,
    ) -> Result<Page<StoredSample, SampleKey>, StoreError> {
        let mut connection = self.reader().await?;
        read(samples::page(&mut connection, query, after, limit).await)
    }

    async fn aggregates(&self, query: &AggregateQuery) -> Result<Vec<Aggregate>, StoreError> {
        let mut connection = self.reader().await?;
        read(samples::aggregates(&mut connection, query).await)
    }

    async fn events(
        &self,
        query: &EventQuery,
        after: Option<EventKey>,
        limit: usize,
    ) -> Result<Page<EventRow, EventKey>, StoreError> {
        let mut connection = self.reader().await?;
        read(events::page(&mut connection, query, after, limit).await)
    }

    async fn recorded_before(&self, time: Time) -> Result<Position, StoreError> {
        let mut connection = self.reader().await?;
        read(events::recorded_before(&mut connection, time).await)
    }

    async fn dead_letters(
        &self,
        query: &DeadQuery,
        after: Option<Position>,
        limit: usize,
    ) -> Result<Page<DeadRow, Position>, StoreError> {
        let mut connection = self.reader().await?;
        read(events::dead_page(&mut connection, query, after, limit).await)
    }

    async fn last_event(&self, kind: &str, subject: &str) -> Result<Option<EventRow>, StoreError> {
        let mut connection = self.own().await?;
        read(events::last(&mut connection, kind, subject).await)
    }

    async fn forget_dead_before(&self, position: Position) -> Result<bool, StoreError> {
        self.try_forget(position).await.inspect_err(|error| metrics::failed("write", error))
    }

    async fn points_named(&self, ids: &[String]) -> Result<Vec<PointRow>, StoreError> {
        let mut connection = self.reader().await?;
        read(points::named(&mut connection, ids).await)
    }

    async fn samples_by_point(&self, points: &[PointNumber], from: Time, to: Time) -> Result<Vec<SampleRow>, StoreError> {
        let mut connection = self.reader().await?;
        read(points::samples(&mut connection, points, from, to).await)
    }

    async fn samples_at(&self, points: &[PointNumber], not_before: Time, at: Time) -> Result<Vec<SampleRow>, StoreError> {
        let mut connection = self.reader().await?;
        read(points::last(&mut connection, points, not_before, at).await)
    }

    async fn figures(&self, query: &FigureQuery) -> Result<Vec<Figure>, StoreError> {
        let mut connection = self.reader().await?;
        read(kept::figures(&mut connection, query).await)
    }

    async fn pending(&self, points: &[PointNumber], from: Time, to: Time) -> Result<Vec<PendingSpan>, StoreError> {
        let mut connection = self.reader().await?;
        read(kept::pending(&mut connection, points, from, to).await)
    }

    async fn occurrences(
        &self,
        query: &OccurrenceQuery,
        after: Option<OccurrenceKey>,
        limit: usize,
    ) -> Result<Page<OccurrenceRow, OccurrenceKey>, StoreError> {
        let mut connection = self.reader().await?;
        read(occurrences::page(&mut connection, query, after, limit).await)
    }

    async fn write_supervision(&self, batch: &SupervisionBatch) -> Result<(), StoreError> {
        let mut connection = self.writer.acquire().await.map_err(during("reach the database"))?;
        let written = supervision::write(&mut connection, batch).await;
        if let Err(error) = &written {
            // As in `try_write`.
            connection.close_on_drop();
            metrics::failed("write", error);
        }
        written
    }

    async fn supervision_state(&self, key: &str) -> Result<Option<(Position, Vec<u8>)>, StoreError> {
        let mut connection = self.own().await?;
        read(supervision::state(&mut connection, key).await)
    }

    async fn gaps(&self, query: &GapQuery) -> Result<Vec<GapRow>, StoreError> {
        let mut connection = self.reader().await?;
        read(supervision::gaps(&mut connection, query).await)
    }

    async fn rules(&self, query: &RuleQuery) -> Result<Vec<RuleRow>, StoreError> {
        let mut connection = self.reader().await?;
        read(supervision::rules(&mut connection, query).await)
    }

    async fn rule_days(&self, query: &RuleQuery) -> Result<Vec<RuleDayRow>, StoreError> {
        let mut connection = self.reader().await?;
        read(supervision::rule_days(&mut connection, query).await)
    }

    async fn maintain(&self, policy: &Policy, now: Time) -> Result<Upkeep, StoreError> {
        self.try_maintain(policy, now).await.inspect_err(|error| metrics::failed("maintain", error))
    }

    async fn close(&self) {
        self.readers.close().await;
        self.own.close().await;
        self.upkeep.close().await;
        self.writer.close().await;
    }
}

fn read<T>(result: Result<T, StoreError>) -> Result<T, StoreError> {
    result.inspect_err(|error| metrics::failed("read", error))
}

/// The rows asked for, at least one and at most a page.
fn page_limit(limit: usize) -> usize {
    limit.clamp(1, crate::MAX_PAGE)
}

/// Both ends inclusive; `None` where nothing can lie between. A time without an end includes the greatest there is.
fn range(from: Option<Time>, to: Option<Time>) -> Option<(i64, i64)> {
    let low = from.map_or(i64::MIN, Time::micros);
    let high = to.map_or(Some(i64::MAX), |to| to.micros().checked_sub(1))?;
    (low <= high).then_some((low, high))
}

fn signed(field: &'static str, number: u64) -> Result<i64, StoreError> {
    i64::try_from(number).map_err(|_| StoreError::InvalidInput { field, reason: "positions end at 9223372036854775807" })
}

fn column<'r, T>(row: &'r SqliteRow, index: usize) -> Result<T, StoreError>
where
    T: sqlx::Decode<'r, Sqlite> + sqlx::Type<Sqlite>,
{
    row.try_get(index).map_err(during("read a row"))
}

fn position(row: &SqliteRow, index: usize) -> Result<Position, StoreError> {
    u64::try_from(column::<i64>(row, index)?).map(Position).map_err(corrupt("read a position"))
}

fn time(row: &SqliteRow, index: usize) -> Result<Time, StoreError> {
    column(row, index).map(Time::from_micros)
}

fn number(row: &SqliteRow, index: usize) -> Result<PointNumber, StoreError> {
    u32::try_from(column::<i64>(row, index)?).map(PointNumber).map_err(corrupt("read a point number"))
}

fn epoch(text: &str) -> Result<Epoch, StoreError> {
    u64::from_str_radix(text, 16).map(Epoch).map_err(corrupt("read the epoch"))
}
