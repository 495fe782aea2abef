//! What ingest can fail with.

use std::net::SocketAddr;

use journal::JournalError;
use model::ErrorKind;

use crate::broker::UserFault;

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
    /// The users file of the embedded broker could not be read.
    #[error("read the users of the embedded broker from {file}")]
    UsersFile {
        /// Which file.
        file: String,
        /// The cause.
        #[source]
        source: std::io::Error,
    },
    /// The users file of the embedded broker is at fault.
    #[error("take the users of the embedded broker: {}", faults.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))]
    Users {
        /// Every fault.
        faults: Vec<UserFault>,
    },
    /// A password could not be hashed.
    #[error("hash the password: {reason}")]
    PasswordHash {
        /// Why.
        reason: String,
    },
    /// The embedded broker could not listen.
    #[error("listen for MQTT on {address}; choose another with --mqtt-listen, or give the broker there with --mqtt")]
    Listen {
        /// Where.
        address: SocketAddr,
        /// The cause.
        #[source]
        source: std::io::Error,
    },
    /// Anybody could connect over a network.
    #[error(
        "listen for MQTT on {address}: it is not only this machine that reaches it; say who may connect with --mqtt-users FILE"
    )]
    Anonymous {
        /// Where.
        address: SocketAddr,
    },
    /// Too many ask how gateways are doing at once.
    #[error("answer how gateways are: too many ask at once; ask again in a second")]
    Busy,
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
            Self::InvalidUrl { .. } | Self::UsersFile { .. } | Self::Users { .. } | Self::Anonymous { .. } => {
                ErrorKind::InvalidInput
            }
            Self::ClientId { .. } | Self::Certificates | Self::Listen { .. } => ErrorKind::Unavailable,
            Self::Busy => ErrorKind::Exhausted,
            Self::PasswordHash { .. } | Self::Ended { .. } => ErrorKind::Internal,
        }
    }

    /// Names what was being done when the journal failed.
    pub(crate) fn journal(doing: &'static str) -> impl FnOnce(JournalError) -> Self {
        move |source| Self::Journal { doing, source }
    }
}
