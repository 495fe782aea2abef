//! What PostgreSQL's SQLSTATEs mean to a caller.

use sqlx::migrate::MigrateError;

use crate::StoreError;

/// Classes and codes after which the same call may work once somebody has helped: connection, log-in, unknown database (it may be made
/// yet), read-only (a standby about to take over), rights, resources such as the disk, locks not got in time, the server going down or
/// the statement ended from outside, files of the server, and what `Retry` tried in vain.
const UNAVAILABLE: &[&str] = &["08", "28", "3D", "25006", "42501", "53", "55", "57", "58", "40"];

/// Tables that are not as Davy makes them, and pages that cannot be trusted.
const CORRUPT: &[&str] = &["42", "XX001", "XX002"];

/// Codes of a transaction that lost against another and is to be run again at once: serialization, deadlock.
const RETRY: &[&str] = &["40001", "40P01"];

/// A table that is not there.
const NO_TABLE: &str = "42P01";

/// Classes of errors that one row is to blame for: data, constraints, and what is too large for an index (traps 60).
const ROW: &[&str] = &["22", "23", "54"];

/// Turns a driver's error into the store's.
pub(super) fn during(doing: &'static str) -> impl FnOnce(sqlx::Error) -> StoreError {
    move |error| {
        let source = Box::new(error);
        match &*source {
            sqlx::Error::Database(cause) => {
                let code = cause.code().unwrap_or_default().into_owned();
                by_code(doing, &code, source)
            }
            // A server that goes away in the middle of an answer looks like a breach of the protocol.
            sqlx::Error::Io(_) | sqlx::Error::PoolTimedOut | sqlx::Error::PoolClosed | sqlx::Error::WorkerCrashed => {
                StoreError::Unavailable { doing, source }
            }
            sqlx::Error::Protocol(_) | sqlx::Error::Tls(_) => StoreError::Unavailable { doing, source },
            sqlx::Error::ColumnDecode { .. } | sqlx::Error::Decode(_) => StoreError::Corrupt { doing, source },
            _ => StoreError::Internal { doing, source },
        }
    }
}

fn by_code(doing: &'static str, code: &str, source: Box<sqlx::Error>) -> StoreError {
    if starts(UNAVAILABLE, code) {
        StoreError::Unavailable { doing, source }
    } else if starts(CORRUPT, code) {
        StoreError::Corrupt { doing, source }
    } else {
        StoreError::Internal { doing, source }
    }
}

fn starts(list: &[&str], code: &str) -> bool {
    list.iter().any(|start| code.starts_with(start))
}

/// The error of a value that Davy cannot have written.
pub(super) fn corrupt<E: std::error::Error + Send + Sync + 'static>(doing: &'static str) -> impl FnOnce(E) -> StoreError {
    move |source| StoreError::Corrupt { doing, source: Box::new(source) }
}

/// The error of what took longer than it may.
pub(super) fn too_slow(doing: &'static str) -> StoreError {
    StoreError::Unavailable { doing, source: "it took too long".into() }
}

pub(super) fn migrating(error: MigrateError) -> StoreError {
    let doing = "bring the tables up to date";
    match error {
        MigrateError::VersionMissing(_) | MigrateError::VersionTooNew(..) => StoreError::Newer,
        MigrateError::Execute(source) | MigrateError::ExecuteMigration(source, _) => during(doing)(source),
        other => StoreError::Corrupt { doing, source: Box::new(other) },
    }
}

/// What the server said, where it said something.
pub(super) fn said(error: &StoreError) -> Option<&sqlx::postgres::PgDatabaseError> {
    let (StoreError::Unavailable { source, .. } | StoreError::Corrupt { source, .. } | StoreError::Internal { source, .. }) =
        error
    else {
        return None;
    };
    let error = source.downcast_ref::<sqlx::Error>()?;
    error.as_database_error()?.try_downcast_ref()
}

/// Whether a table went away between being looked up and being read: retention dropped it, or packing made another.
pub(super) fn is_gone(error: &StoreError) -> bool {
    said(error).is_some_and(|said| said.code() == NO_TABLE || said.message().starts_with("could not open relation with OID"))
}

/// What is to be done after a transaction that failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Remedy {
    /// The same again at once.
    Retry,
    /// Make the piece that a row belongs to, then the same again.
    Piece,
    /// Find the row that is to blame.
    FindRow,
    /// Tell the caller.
    Tell,
}

pub(super) fn remedy(error: &StoreError) -> Remedy {
    let Some(said) = said(error) else { return Remedy::Tell };
    // A row without a partition is a violated constraint by its code; only there the server names no constraint.
    if said.code() == "23514" && said.constraint().is_none() {
        Remedy::Piece
    } else if RETRY.contains(&said.code()) {
        Remedy::Retry
    } else if starts(ROW, said.code()) {
        Remedy::FindRow
    } else {
        Remedy::Tell
    }
}

#[cfg(test)]
mod tests {
    use model::ErrorKind;

    use super::*;

    #[test]
    fn codes_have_kinds() {
        for (code, kind) in [
            ("08006", ErrorKind::Unavailable),
            ("53100", ErrorKind::Unavailable),
            ("57P01", ErrorKind::Unavailable),
            ("55P03", ErrorKind::Unavailable),
            ("40P01", ErrorKind::Unavailable),
            ("28P01", ErrorKind::Unavailable),
            ("42P01", ErrorKind::Corrupt),
            ("42501", ErrorKind::Unavailable),
            ("XX001", ErrorKind::Corrupt),
            ("XX000", ErrorKind::Internal),
            ("22003", ErrorKind::Internal),
        ] {
            assert_eq!(by_code("x", code, Box::new(sqlx::Error::RowNotFound)).kind(), kind, "{code}");
        }
    }
}
