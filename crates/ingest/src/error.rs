//! What ingest can fail with.

use journal::JournalError;
use model::ErrorKind;

/// Why ingest could not start, or stopped.
#[derive(Debug, thiserror::Error)]
pub enum IngestError {
    /// The journal refused or is gone: nothing is acknowledged from here on.
    #[error("{doing}")]
    Journal {
        /// What was being done.
        doing: &'static str,
        /// The cause.
        #[source]
        source: JournalError,
    },
    /// Not a broker's address.
    #[error("read the broker's address: {reason}: use mqtt[s]://[user:pass@]host:port")]
    InvalidUrl {
        /// What is wrong with it; never holds the password.
        reason: &'static str,
    },
    /// The file that keeps the client id.
    #[error("keep the MQTT client id in {file}")]
    ClientId {
        /// Which file.
        file: String,
        /// The cause.
        #[source]
        source: std::io::Error,
    },
    /// No certificates of this machine to trust.
    #[error("load the certificates this machine trusts")]
    Certificates,
    /// A part of ingest ended on its own.
    #[error("keep {part} running: it ended")]
    Ended {
        /// Which part.
        part: &'static str,
    },
}

impl IngestError {
    /// The kind, for statuses and exit codes.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Journal { source, .. } => source.kind(),
            Self::InvalidUrl { .. } => ErrorKind::InvalidInput,
            Self::ClientId { .. } | Self::Certificates => ErrorKind::Unavailable,
            Self::Ended { .. } => ErrorKind::Internal,
        }
    }

    /// Names what was being done when the journal failed.
    pub(crate) fn journal(doing: &'static str) -> impl FnOnce(JournalError) -> Self {
        move |source| Self::Journal { doing, source }
    }
}
