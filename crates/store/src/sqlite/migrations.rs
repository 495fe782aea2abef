//! The versions of the tables, each applied once and never changed afterwards.

use sqlx::migrate::{Migration, MigrationType, Migrator};
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions, Connection, SqlSafeStr};

use super::errors::{during, migrating};
use crate::StoreError;

/// Made by hand: the macro that reads the folder would build SQLite a second time.
fn all() -> Vec<Migration> {
    let history = include_str!("../../migrations/sqlite/0001_history.sql");
    let figures = include_str!("../../migrations/sqlite/0002_figures.sql");
    let supervision = include_str!("../../migrations/sqlite/0003_supervision.sql");
    vec![
        Migration::new(1, "history".into(), MigrationType::Simple, history.into_sql_str(), false),
        Migration::new(2, "figures".into(), MigrationType::Simple, figures.into_sql_str(), false),
        Migration::new(3, "supervision".into(), MigrationType::Simple, supervision.into_sql_str(), false),
    ]
}

/// Runs them on a connection of its own, closed afterwards: an early return of the migrator keeps its lock for as long as the
/// connection lives, which in a pool is for ever.
pub(super) async fn run(options: &SqliteConnectOptions) -> Result<(), StoreError> {
    let mut connection = options.connect().await.map_err(during("open the database"))?;
    let migrated = Migrator::with_migrations(all()).run(&mut connection).await.map_err(migrating);
    let closed = connection.close().await.map_err(during("close the database"));
    migrated.and(closed)
}
