//! What stops the exchange, and what the journal's failures look like from outside.

use journal::JournalError;
use model::ErrorKind;
use tracing::error;
use wire::Failure;

/// Why the exchange stopped or did not start.
#[derive(Debug, thiserror::Error)]
pub enum ExchangeError {
    /// The journal refused or failed.
    #[error("follow `events`")]
    Journal(#[source] JournalError),
    /// The committed cursors cannot be read.
    #[error("read the committed cursors; consumers would start at the wrong place")]
    Cursors,
}

impl ExchangeError {
    /// The kind, for exit codes.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Journal(source) => source.kind(),
            Self::Cursors => ErrorKind::Corrupt,
        }
    }
}

/// The journal failed under a call; the cause goes to the log.
pub(crate) fn unavailable(failure: &JournalError) -> Failure {
    error!(error = %failure, "the journal failed under a call");
    Failure::new(ErrorKind::Unavailable, "journal", "the journal cannot be used at present; resume at your last cursor")
}
