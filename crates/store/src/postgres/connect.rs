//! Reaching the server and finding out what it is.

use std::ops::{Deref, DerefMut};
use std::time::Duration;

use sqlx::pool::PoolConnection;
use sqlx::postgres::{PgConnectOptions, PgConnection, PgPool, PgPoolOptions};
use sqlx::{ConnectOptions, Connection, Postgres, Row, query};
use tokio::time::timeout;

use super::errors::{during, too_slow};
use super::{Layout, column, migrations};
use crate::{Description, StoreError, StoreKind};

/// Transactions under way at most; with more, the server's own processes have nothing left on the machine.
pub(super) const LANES: u32 = 2;

/// Readers at a time; more wait.
const READERS: u32 = 4;

/// How long a call waits for a connection before it is unavailable.
const ACQUIRE: Duration = Duration::from_secs(5);

/// How long making a connection by itself may take.
const CONNECT: Duration = Duration::from_secs(10);

/// The pools; no connection is made before one is asked for.
pub(super) struct Pools {
    /// For `write_all`.
    pub(super) writers: PgPool,
    /// For what others ask.
    pub(super) readers: PgPool,
    /// For what the writer itself has to know, so that slow queries cannot take its place.
    pub(super) own: PgPool,
    /// For `maintain`, and one more to forget dead letters meanwhile.
    pub(super) upkeep: PgPool,
}

impl Pools {
    pub(super) fn new(options: &PgConnectOptions) -> Self {
        // Compiling a statement takes longer than running most of these.
        let options = options.clone().application_name("davy").options([("jit", "off"), ("timezone", "UTC")]);
        // A client that died in the middle of a transaction must not hold its locks.
        let writer = options.clone().options([("idle_in_transaction_session_timeout", "60s")]);
        // A piece without statistics looks small and would be read as a whole; plans for any value know of no piece at all; and starting
        // another process for a query takes longer than most of them.
        let reader = options.clone().options([
            ("statement_timeout", "30s"),
            ("enable_seqscan", "off"),
            ("plan_cache_mode", "force_custom_plan"),
            ("max_parallel_workers_per_gather", "0"),
            ("default_transaction_read_only", "on"),
        ]);
        let pool = |most| PgPoolOptions::new().max_connections(most).acquire_timeout(ACQUIRE);
        Self {
            writers: pool(LANES).connect_lazy_with(writer.clone()),
            readers: pool(READERS).connect_lazy_with(reader.clone()),
            own: pool(1).connect_lazy_with(reader),
            upkeep: pool(2).connect_lazy_with(writer),
        }
    }

    pub(super) async fn close(&self) {
        self.readers.close().await;
        self.own.close().await;
        self.upkeep.close().await;
        self.writers.close().await;
    }
}

/// A connection that goes back to its pool only when its user says that all is well: after an error, a timeout or a call that was given
/// up, nobody can say what state its transaction or its COPY is in (traps 70).
pub(super) struct Lane(Option<PoolConnection<Postgres>>);

impl Lane {
    pub(super) async fn acquire(pool: &PgPool) -> Result<Self, StoreError> {
        pool.acquire().await.map(|connection| Self(Some(connection))).map_err(during("reach the database"))
    }

    /// All is well.
    pub(super) fn release(mut self) {
        drop(self.0.take());
    }
}

impl Deref for Lane {
    type Target = PgConnection;

    fn deref(&self) -> &PgConnection {
        self.0.as_ref().expect("it is taken at the end only")
    }
}

impl DerefMut for Lane {
    fn deref_mut(&mut self) -> &mut PgConnection {
        self.0.as_mut().expect("it is taken at the end only")
    }
}

impl Drop for Lane {
    fn drop(&mut self) {
        if let Some(connection) = self.0.take() {
            drop(connection.detach());
        }
    }
}

/// What was found.
#[derive(Clone, Debug)]
pub(super) struct Found {
    pub(super) description: Description,
    pub(super) layout: Layout,
}

/// Finds out what the server is and brings the tables up to date, on a connection of its own.
pub(super) async fn prepare(options: &PgConnectOptions) -> Result<Found, StoreError> {
    let doing = "reach the database";
    let options = options.clone().application_name("davy");
    let mut connection = timeout(CONNECT, options.connect()).await.map_err(|_| too_slow(doing))?.map_err(during(doing))?;
    let found = look_and_migrate(&mut connection).await;
    let closed = connection.close().await.map_err(during("close the connection"));
    closed.and(found)
}

async fn look_and_migrate(connection: &mut PgConnection) -> Result<Found, StoreError> {
    let postgres = postgres_version(connection).await?;
    let extension = timescale(connection).await?;
    let stored = migrations::stored_layout(connection).await?;
    let layout = stored.unwrap_or(extension.layout());
    check(layout, &extension)?;
    migrations::run(connection, layout).await?;
    let version = match &extension {
        Extension::Ready { version, community } => {
            let edition = if *community { "community" } else { "Apache" };
            format!("PostgreSQL {postgres}, TimescaleDB {version} ({edition})")
        }
        _ => format!("PostgreSQL {postgres}"),
    };
    let description = Description { kind: layout.kind(), version, without: without(layout, &extension) };
    Ok(Found { description, layout })
}

async fn postgres_version(connection: &mut PgConnection) -> Result<String, StoreError> {
    let sql = "select current_setting('server_version_num')::int4, current_setting('server_version'), \
               current_setting('server_encoding')";
    let row = query(sql).fetch_one(connection).await.map_err(during("ask for the server's version"))?;
    let (number, version): (i32, String) = (column(&row, 0)?, column(&row, 1)?);
    if number < 150_000 {
        return Err(StoreError::InvalidInput { field: "store", reason: "PostgreSQL 15 or newer is needed" });
    }
    if column::<String>(&row, 2)? != "UTF8" {
        return Err(StoreError::InvalidInput { field: "store", reason: "the database's encoding must be UTF8" });
    }
    Ok(version.split_whitespace().next().unwrap_or_default().to_owned())
}

/// What there is of TimescaleDB.
enum Extension {
    /// Its files are not there.
    Missing,
    /// They are there, but the server was started without it.
    NotLoaded,
    /// It could not be made in this database.
    Refused,
    Ready {
        version: String,
        community: bool,
    },
}

impl Extension {
    fn layout(&self) -> Layout {
        match self {
            Self::Ready { community: true, .. } => Layout::Community,
            Self::Ready { community: false, .. } => Layout::Apache,
            Self::Missing | Self::NotLoaded | Self::Refused => Layout::Plain,
        }
    }
}

async fn timescale(connection: &mut PgConnection) -> Result<Extension, StoreError> {
    let doing = "look for TimescaleDB";
    let sql = "select installed_version from pg_available_extensions where name = 'timescaledb'";
    let Some(row) = query(sql).fetch_optional(&mut *connection).await.map_err(during(doing))? else {
        return Ok(Extension::Missing);
    };
    if column::<Option<String>>(&row, 0)?.is_none() {
        // Without the library the command would not fail but end the connection. Who may not read the setting may not make it either.
        let loaded = query("select current_setting('shared_preload_libraries')").fetch_one(&mut *connection).await;
        if !loaded.is_ok_and(|row| row.try_get::<String, _>(0).is_ok_and(|libraries| libraries.contains("timescaledb"))) {
            return Ok(Extension::NotLoaded);
        }
        if query("create extension if not exists timescaledb").execute(&mut *connection).await.is_err() {
            return Ok(Extension::Refused);
        }
    }
    let sql = "select extversion, current_setting('timescaledb.license', true) from pg_extension where extname = 'timescaledb'";
    let row = query(sql).fetch_one(connection).await.map_err(during(doing))?;
    let community = column::<Option<String>>(&row, 1)?.as_deref() == Some("timescale");
    Ok(Extension::Ready { version: column(&row, 0)?, community })
}

/// Tables can do with more than they were made for, never with less.
fn check(layout: Layout, extension: &Extension) -> Result<(), StoreError> {
    let missing = |reason| Err(StoreError::InvalidInput { field: "store", reason });
    match (layout, extension.layout()) {
        (Layout::Apache | Layout::Community, Layout::Plain) => {
            missing("its tables were made with TimescaleDB, which is not there")
        }
        (Layout::Community, Layout::Apache) => {
            missing("its tables were made with TimescaleDB's community edition: set timescaledb.license = 'timescale'")
        }
        _ => Ok(()),
    }
}

fn without(layout: Layout, extension: &Extension) -> Vec<&'static str> {
    let mut without = Vec::new();
    match (layout, extension) {
        (Layout::Plain, Extension::Missing) => {
            without.push("no TimescaleDB: samples are partitioned, packed and dropped by Davy");
        }
        (Layout::Plain, Extension::NotLoaded) => {
            without.push(
                "TimescaleDB is there but not in shared_preload_libraries: samples are partitioned, packed and dropped by Davy",
            );
        }
        (Layout::Plain, Extension::Refused) => {
            without.push("`create extension timescaledb` was refused: samples are partitioned, packed and dropped by Davy");
        }
        (Layout::Plain, Extension::Ready { .. }) => {
            without.push(
                "the tables were made without TimescaleDB and stay so: samples are partitioned, packed and dropped by Davy",
            );
        }
        (Layout::Apache, Extension::Ready { community: true, .. }) => {
            without.push(
                "the tables were made with TimescaleDB's Apache edition and stay so: no columnstore, figures are Davy's own",
            );
        }
        (Layout::Apache, _) => {
            without.push("TimescaleDB's Apache edition has no columnstore and no continuous aggregates: figures are Davy's own")
        }
        (Layout::Community, _) => (),
    }
    without
}

impl Layout {
    const fn kind(self) -> StoreKind {
        match self {
            Self::Plain => StoreKind::Postgres,
            Self::Apache => StoreKind::TimescaleApache,
            Self::Community => StoreKind::TimescaleCommunity,
        }
    }
}
