//! What a store can fail with, and what the caller is to make of it.

use model::{Epoch, ErrorKind, Position};

/// The driver's own error, kept for the log.
type Cause = Box<dyn std::error::Error + Send + Sync>;

/// What a store can fail with.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The URL names no store that this version can open.
    #[error("use `{url}` as store: {reason}")]
    InvalidUrl {
        /// The scheme, or the text where it has none.
        url: String,
        /// What is wrong and what would be right.
        reason: &'static str,
    },
    /// The request cannot be carried out.
    #[error("use `{field}`: {reason}")]
    InvalidInput {
        /// Which field of the query or batch.
        field: &'static str,
        /// What is wrong.
        reason: &'static str,
    },
    /// The stored position is not the one the batch follows: another writer is at work, or the caller's memory is old.
    #[error("write {journal} after position {after}: it is stored up to {stored}; another writer is at work")]
    Conflict {
        /// Which journal.
        journal: String,
        /// What the batch follows.
        after: u64,
        /// What is stored.
        stored: u64,
    },
    /// The database holds the history of another journal.
    #[error(
        "write history of journal epoch {given}: the database holds that of epoch {stored}; use the database that belongs to this data folder, or a new one"
    )]
    OtherEpoch {
        /// The epoch of the batch.
        given: Epoch,
        /// The epoch of the database.
        stored: Epoch,
    },
    /// A later version of Davy has changed the tables.
    #[error("open the database: its tables are of a later version of Davy; use that version")]
    Newer,
    /// Locked, full, unreachable: the same call may work later. Whether a write was carried out is then unknown: ask `progress`.
    #[error("{doing}")]
    Unavailable {
        /// What was being done.
        doing: &'static str,
        /// The cause.
        #[source]
        source: Cause,
    },
    /// What is stored cannot be trusted; a person must decide.
    #[error("{doing}: the database is damaged or no database of Davy")]
    Corrupt {
        /// What was being done.
        doing: &'static str,
        /// The cause.
        #[source]
        source: Cause,
    },
    /// Davy is at fault.
    #[error("{doing}")]
    Internal {
        /// What was being done.
        doing: &'static str,
        /// The cause.
        #[source]
        source: Cause,
    },
}

impl StoreError {
    /// The kind, for statuses and exit codes.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::InvalidUrl { .. } | Self::InvalidInput { .. } => ErrorKind::InvalidInput,
            Self::Conflict { .. } | Self::OtherEpoch { .. } | Self::Newer => ErrorKind::Conflict,
            Self::Unavailable { .. } => ErrorKind::Unavailable,
            Self::Corrupt { .. } => ErrorKind::Corrupt,
            Self::Internal { .. } => ErrorKind::Internal,
        }
    }

    /// The field at fault, where there is one.
    pub fn field(&self) -> Option<&'static str> {
        match self {
            Self::InvalidInput { field, .. } => Some(field),
            _ => None,
        }
    }

    pub(crate) fn conflict(journal: &str, after: Position, stored: Position) -> Self {
        Self::Conflict { journal: journal.to_owned(), after: after.0, stored: stored.0 }
    }
}
