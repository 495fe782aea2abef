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

/// A start behind a damaged record; the earliest there is may lie before it.
const WAY_OUT: &str = "start at START_POSITION_SNAPSHOT for what is active and go on from there, or at START_POSITION_LATEST";

/// The journal failed under a feed. What is damaged stays damaged: a consumer who is told to try again would do so for ever.
pub(crate) fn reading(failure: &JournalError) -> Failure {
    if failure.kind() != ErrorKind::Corrupt {
        return unavailable(failure);
    }
    error!(error = %failure, "a feed has met a damaged record");
    let message = "events after your last cursor are damaged and cannot be read; resuming there fails again, start behind them";
    Failure::new(ErrorKind::Corrupt, "events_damaged", message).with("way_out", WAY_OUT)
}

/// The journal failed under a call; the cause goes to the log.
pub(crate) fn unavailable(failure: &JournalError) -> Failure {
    error!(error = %failure, "the journal failed under a call");
    Failure::new(ErrorKind::Unavailable, "journal", "the journal cannot be used at present; resume at your last cursor")
}

/// The innermost cause says what happened: `tcp connect error` says nothing.
pub(crate) fn cause(error: &dyn std::error::Error) -> String {
    let mut cause = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    cause.to_string()
}
