//! The versions of the tables, each applied once and never changed afterwards.
//!
//! Which of them a database gets is its layout, chosen when its tables are made: versions below 100 are common to all, from 101 on plain,
//! from 201 on of TimescaleDB, from 301 on of its community edition.

use sqlx::migrate::{Migration, MigrationType, Migrator};
use sqlx::postgres::PgConnection;
use sqlx::{SqlSafeStr, SqlStr, query};

use super::Layout;
use super::errors::{corrupt, during, migrating};
use crate::StoreError;

/// A server that does not answer to a lock for so long has somebody else in the middle of it.
const LOCK_TIMEOUT: &str = "set lock_timeout = '10s'; set statement_timeout = 0";

/// Made by hand, as those of SQLite: the macro that reads folders would build its driver a second time.
fn all(layout: Layout) -> Vec<Migration> {
    let plain = [(101, "plain", include_str!("../../migrations/postgres/0101_plain.sql"))];
    let hypertable = (201, "hypertable", include_str!("../../migrations/postgres/0201_hypertable.sql"));
    let apache = [hypertable, (202, "apache", include_str!("../../migrations/postgres/0202_apache.sql"))];
    let community = [hypertable, (301, "community", include_str!("../../migrations/postgres/0301_community.sql"))];
    let of_layout: &[_] = match layout {
        Layout::Plain => &plain,
        Layout::Apache => &apache,
        Layout::Community => &community,
    };
    let common = [
        (1, "history", include_str!("../../migrations/postgres/0001_history.sql")),
        (3, "supervision", include_str!("../../migrations/postgres/0003_supervision.sql")),
    ];
    let version = |(version, name, sql): &(i64, &'static str, &'static str)| {
        // A statement that refuses to run in a transaction stands alone in a file that begins so.
        let alone = sql.starts_with("-- no-transaction");
        Migration::new(*version, (*name).into(), MigrationType::Simple, text(sql), alone)
    };
    common.iter().chain(of_layout).map(version).collect()
}

fn text(sql: &'static str) -> SqlStr {
    sql.into_sql_str()
}

/// Runs them on a connection that is of no other use and is closed afterwards: an early return of the migrator keeps its lock for as long
/// as the connection lives, which in a pool is for ever.
pub(super) async fn run(connection: &mut PgConnection, layout: Layout) -> Result<(), StoreError> {
    sqlx::raw_sql(LOCK_TIMEOUT).execute(&mut *connection).await.map_err(during("bring the tables up to date"))?;
    Migrator::with_migrations(all(layout)).run_direct(None, connection, false).await.map_err(migrating)
}

/// The layout of the tables that are there.
pub(super) async fn stored_layout(connection: &mut PgConnection) -> Result<Option<Layout>, StoreError> {
    let doing = "look at the tables";
    let there = query("select 1 where to_regclass('history_settings') is not null");
    if there.fetch_optional(&mut *connection).await.map_err(during(doing))?.is_none() {
        return Ok(None);
    }
    let row = query("select layout from history_settings").fetch_optional(connection).await.map_err(during(doing))?;
    row.map(|row| Layout::parse(&super::column::<String>(&row, 0)?).map_err(corrupt("read the layout of the tables"))).transpose()
}
