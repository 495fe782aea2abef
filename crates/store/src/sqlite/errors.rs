//! What SQLite's result codes mean to a caller.

use sqlx::error::DatabaseError;
use sqlx::migrate::MigrateError;

use crate::StoreError;

/// Primary result codes after which the same call may work: nomem, readonly, busy, locked, interrupt, ioerr, full, cantopen, protocol.
const UNAVAILABLE: &[i32] = &[5, 6, 7, 8, 9, 10, 13, 14, 15];

/// Primary result codes of a file that is damaged, or none of SQLite: corrupt, notadb.
const CORRUPT: &[i32] = &[11, 26];

/// Turns a driver's error into the store's.
pub(super) fn during(doing: &'static str) -> impl FnOnce(sqlx::Error) -> StoreError {
    move |error| {
        let source = Box::new(error);
        match &*source {
            sqlx::Error::Database(cause) => by_code(doing, code(&**cause), source),
            sqlx::Error::Io(_) | sqlx::Error::PoolTimedOut | sqlx::Error::PoolClosed | sqlx::Error::WorkerCrashed => {
                StoreError::Unavailable { doing, source }
            }
            sqlx::Error::ColumnDecode { .. } | sqlx::Error::Decode(_) => StoreError::Corrupt { doing, source },
            _ => StoreError::Internal { doing, source },
        }
    }
}

/// The error of a value that Davy cannot have written.
pub(super) fn corrupt<E: std::error::Error + Send + Sync + 'static>(doing: &'static str) -> impl FnOnce(E) -> StoreError {
    move |source| StoreError::Corrupt { doing, source: Box::new(source) }
}

pub(super) fn migrating(error: MigrateError) -> StoreError {
    let doing = "bring the tables up to date";
    match error {
        MigrateError::VersionMissing(_) | MigrateError::VersionTooNew(..) => StoreError::Newer,
        MigrateError::Execute(source) | MigrateError::ExecuteMigration(source, _) => during(doing)(source),
        other => StoreError::Corrupt { doing, source: Box::new(other) },
    }
}

fn by_code(doing: &'static str, code: i32, source: Box<sqlx::Error>) -> StoreError {
    if UNAVAILABLE.contains(&code) {
        StoreError::Unavailable { doing, source }
    } else if CORRUPT.contains(&code) {
        StoreError::Corrupt { doing, source }
    } else {
        StoreError::Internal { doing, source }
    }
}

/// The primary code: the lowest byte of the extended one.
fn code(error: &dyn DatabaseError) -> i32 {
    error.code().and_then(|code| code.parse::<i32>().ok()).unwrap_or(0) & 0xff
}
