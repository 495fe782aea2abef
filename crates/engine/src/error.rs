//! What stops an engine. It always stops loudly: an engine that ended in silence is a lost alarm.

use journal::{JournalError, JournalId};
use model::{ErrorKind, Position};

/// Why an engine stopped or did not start.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// The journal refused or failed.
    #[error("evaluate {journal}")]
    Journal {
        /// Of which journal the work was.
        journal: JournalId,
        /// The cause.
        #[source]
        source: JournalError,
    },
    /// The fence of `events` was moved by somebody else (traps 71).
    #[error("evaluate {journal}: another engine writes its events; only one may run")]
    AnotherEngine {
        /// Whose engine.
        journal: JournalId,
        /// The cause.
        #[source]
        source: JournalError,
    },
    /// A record cannot be read by this version.
    #[error("read {journal} at position {position}", position = position.0)]
    Undecodable {
        /// Where.
        journal: JournalId,
        /// Which record.
        position: Position,
        /// The cause.
        #[source]
        source: wire::DecodeError,
    },
    /// State was kept nowhere: no snapshot can be read, and the records that would give it again are gone (traps 33).
    #[error(
        "restore {journal}: no snapshot can be read that its records go on from; the oldest kept is {first}, and {after} would be \
         needed; restore a backup, or start with an empty data folder and know that open alarms are forgotten",
        first = first.0, after = after.0 + 1
    )]
    StateLost {
        /// Which partition.
        journal: JournalId,
        /// The oldest position kept.
        first: Position,
        /// The position after which records are needed.
        after: Position,
    },
    /// `events` knows of inputs that telemetry does not hold (traps 77).
    #[error(
        "restore {journal}: `events` covers its position {covered}, and it ends at {end}; these journals do not belong together",
        covered = covered.0, end = end.0
    )]
    InputLost {
        /// Which partition.
        journal: JournalId,
        /// The input that `events` covers.
        covered: Position,
        /// The last position there is.
        end: Position,
    },
    /// A task ended that should run for ever.
    #[error("keep its tasks running: {0}")]
    Task(String),
}

impl EngineError {
    /// The kind, for exit codes.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Journal { source, .. } => source.kind(),
            Self::AnotherEngine { .. } => ErrorKind::Conflict,
            Self::Undecodable { .. } | Self::StateLost { .. } | Self::InputLost { .. } => ErrorKind::Corrupt,
            Self::Task(_) => ErrorKind::Internal,
        }
    }

    /// Wraps what the journal said while a partition was worked on.
    pub(crate) fn of(journal: JournalId) -> impl Fn(JournalError) -> Self {
        move |source| match source {
            JournalError::Fenced { .. } => Self::AnotherEngine { journal, source },
            source => Self::Journal { journal, source },
        }
    }
}
