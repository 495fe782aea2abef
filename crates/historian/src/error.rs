//! What ends the historian. A store that is away does not: it is waited for.

use journal::JournalError;
use model::{Epoch, ErrorKind, Position};
use store::StoreError;

/// What ends the historian.
#[derive(Debug, thiserror::Error)]
pub enum HistorianError {
    /// The journal is gone; nothing of Davy can go on.
    #[error("read the journal: {0}")]
    Journal(#[from] JournalError),
    /// The store was opened, and will never do.
    #[error("use the store: {0}")]
    Store(#[from] StoreError),
    /// The database holds the history of another journal.
    #[error(
        "store history: the database belongs to journal epoch {stored}, this data folder's is {journal}; start with the database \
         that belongs to the folder, or with a new one"
    )]
    OtherEpoch {
        /// Epoch of the database.
        stored: Epoch,
        /// Epoch of the journal.
        journal: Epoch,
    },
    /// The database knows of records that the journal does not have (traps 51).
    #[error(
        "store history: the database holds {name} up to position {stored:?}, the journal ends at {end:?}: it is an older copy; \
         start with the newer journal, or with a new database"
    )]
    Ahead {
        /// Which journal.
        name: String,
        /// Stored up to here.
        stored: Position,
        /// The journal's last position.
        end: Position,
    },
}

impl HistorianError {
    /// The kind, for exit codes.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Journal(error) => error.kind(),
            Self::Store(error) => error.kind(),
            Self::OtherEpoch { .. } | Self::Ahead { .. } => ErrorKind::Conflict,
        }
    }
}
