//! What the registry can fail with.

use journal::JournalError;
use model::ErrorKind;

/// What the registry can fail with.
#[derive(Debug, thiserror::Error)]
pub enum RegistryError {
    /// The journal refused or is gone.
    #[error("journal the site: {0}")]
    Journal(#[from] JournalError),
    /// A record of another kind than this version knows.
    #[error("read the site from the journal: {0}")]
    Decode(#[from] wire::DecodeError),
    /// Four thousand million points were numbered.
    #[error("number the points: no number is left")]
    NumbersUsedUp,
}

impl RegistryError {
    /// The kind, for statuses and exit codes.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Journal(error) => error.kind(),
            Self::Decode(_) => ErrorKind::Corrupt,
            Self::NumbersUsedUp => ErrorKind::Exhausted,
        }
    }
}
