//! The one trait of journals, and what goes in and comes out of them.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use model::{Epoch, ErrorKind, KeySeq, Partition, Position, Time};

/// Which journal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum JournalId {
    /// What came in, of the enterprises of one partition.
    Telemetry(Partition),
    /// Facts; hash-chained and sealed.
    Events,
    /// What could not be read; a ring.
    Dead,
}

impl fmt::Display for JournalId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Telemetry(partition) => write!(f, "telemetry/{partition}"),
            Self::Events => f.write_str("events"),
            Self::Dead => f.write_str("dead"),
        }
    }
}

/// One writer's role: `engine/17`, `exchange`, `ingest`, `registry`, `journal`. 1 to 64 of `[a-z0-9_/.]`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key(Arc<str>);

impl Key {
    /// Checks the text.
    pub fn new(text: &str) -> Result<Self, JournalError> {
        let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"_/.".contains(&byte);
        if (1..=64).contains(&text.len()) && text.bytes().all(allowed) {
            Ok(Self(Arc::from(text)))
        } else {
            Err(JournalError::InvalidKey { key: text.chars().take(80).collect() })
        }
    }

    /// The key of a partition's engine.
    pub fn engine(partition: Partition) -> Self {
        Self(Arc::from(format!("engine/{partition}")))
    }

    /// The key as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The key as shared text.
    pub fn shared(&self) -> Arc<str> {
        Arc::clone(&self.0)
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", &*self.0)
    }
}

/// What the body of a record is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RecordKind {
    /// A record of the application: its format is the business of the writer.
    Data,
    /// A seal, made by the journal itself; only in `events`.
    Seal,
}

/// One record as it stands in a journal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JournalRecord {
    /// Which journal it stands in.
    pub journal: JournalId,
    /// Its place there; dense from 1 in the embedded journal, strictly growing in any.
    pub position: Position,
    /// Epoch it was appended in.
    pub epoch: Epoch,
    /// Journal time of the append; never less than that of any record before it, in any journal of the process.
    pub time: Time,
    /// Who wrote it.
    pub key: Key,
    /// That writer's own count in this journal, from 1 without holes.
    pub key_seq: KeySeq,
    /// What the body is.
    pub kind: RecordKind,
    /// The body.
    pub body: Bytes,
}

/// Records to append to one journal under one key, in order.
#[derive(Clone, Debug)]
pub struct Append {
    /// Where.
    pub journal: JournalId,
    /// Under whose name.
    pub key: Key,
    /// The writer's last `key_seq` as it believes; the append fails if another was faster.
    pub fence: Option<KeySeq>,
    /// Each becomes one record. At most `MAX_BODY_BYTES` each; none is refused as invalid.
    pub bodies: Vec<Bytes>,
}

/// Longest body of a record, bytes: a site of 200,000 points with long texts fits.
pub const MAX_BODY_BYTES: usize = 128 * 1024 * 1024;

/// Where an append went. It is written and visible at `Level::Appended`, not yet durable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Appended {
    /// Position of the first record.
    pub first: Position,
    /// Position of the last record.
    pub last: Position,
    /// `key_seq` of the last record.
    pub key_seq: KeySeq,
    /// Journal time of the records.
    pub time: Time,
}

/// How far a reader looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    /// Whatever is written, synced or not: only for evaluation whose outputs wait for durability.
    Appended,
    /// Only what survives a crash.
    Durable,
}

/// How much one read may return; at least one record is returned where there is one.
#[derive(Clone, Copy, Debug)]
pub struct ReadLimit {
    /// Records at most.
    pub records: usize,
    /// Bytes of bodies after which no further record is added.
    pub bytes: usize,
}

impl Default for ReadLimit {
    fn default() -> Self {
        Self { records: 1_024, bytes: 4 * 1024 * 1024 }
    }
}

/// What a journal holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Bounds {
    /// Oldest position kept; one past `appended` where none is.
    pub first: Position,
    /// Last position written; 0 where none ever was.
    pub appended: Position,
    /// Last position that survives a crash.
    pub durable: Position,
    /// Journal time of the last record written; `Time::MIN` where there is none.
    pub last_time: Time,
}

/// A reader's state at a position, kept outside the journal's records.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Snapshot {
    /// Whose: `engine/17`, `alarms`.
    pub key: Key,
    /// Which journal it is a fold of.
    pub journal: JournalId,
    /// Everything up to here is in it.
    pub position: Position,
    /// Its content; the format is the business of the owner.
    pub body: Bytes,
}

/// A change of this machine's clock against the monotonic clock, as the journal saw it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClockStep {
    /// Journal time when it was seen.
    pub at: Time,
    /// Wall clock minus journal time, microseconds.
    pub offset_us: i64,
}

/// What a journal can fail with.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// Another writer of this key was faster.
    #[error("append as {key}: its last record is {actual:?}, not {expected:?}: another writer is at work")]
    Fenced {
        /// The key.
        key: Key,
        /// What the caller believed.
        expected: KeySeq,
        /// What is.
        actual: KeySeq,
    },
    /// Retention has passed the position.
    #[error("read {journal} after {after:?}: the oldest kept is {first:?}")]
    Trimmed {
        /// Where.
        journal: JournalId,
        /// After which position.
        after: Position,
        /// The oldest position kept.
        first: Position,
    },
    /// Not a key.
    #[error("use `{key}` as key: 1 to 64 of a-z 0-9 _ / . are allowed")]
    InvalidKey {
        /// The text as given.
        key: String,
    },
    /// Not a request the journal can carry out.
    #[error("append to {journal}: {reason}")]
    InvalidAppend {
        /// Where.
        journal: JournalId,
        /// Why not.
        reason: &'static str,
    },
    /// The data folder is in use by another process.
    #[error("open the journal in {folder}: another process uses it")]
    Locked {
        /// The folder.
        folder: String,
    },
    /// What is stored cannot be trusted; a person must decide.
    #[error("trust {file} at byte {offset}: {reason}")]
    Corrupt {
        /// Which file.
        file: String,
        /// Where in it.
        offset: u64,
        /// What is wrong.
        reason: String,
    },
    /// A disk operation failed; after a failed sync the journal takes no more.
    #[error("{doing}")]
    Storage {
        /// What was being done.
        doing: String,
        /// The cause.
        #[source]
        source: Arc<std::io::Error>,
    },
    /// The journal was closed, or stopped after a failed sync.
    #[error("use the journal: it is closed")]
    Closed,
}

impl JournalError {
    /// The kind, for statuses and exit codes.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Fenced { .. } | Self::Locked { .. } => ErrorKind::Conflict,
            Self::Trimmed { .. } => ErrorKind::OutOfRange,
            Self::InvalidKey { .. } | Self::InvalidAppend { .. } => ErrorKind::InvalidInput,
            Self::Corrupt { .. } => ErrorKind::Corrupt,
            Self::Storage { .. } | Self::Closed => ErrorKind::Unavailable,
        }
    }
}

/// An ordered, partitioned, tamper-evident journal.
#[async_trait]
pub trait Journal: Send + Sync + 'static {
    /// The present epoch.
    fn epoch(&self) -> Epoch;

    /// Journal time now: monotone, never behind the last record.
    fn now(&self) -> Time;

    /// Appends. Resolves when the records are written and visible at `Level::Appended`; waits while the queue is full.
    /// All records of one call are neighbours; a crash may keep a prefix of them until they are durable.
    async fn append(&self, append: Append) -> Result<Appended, JournalError>;

    /// Resolves when everything of the journal up to `position` survives a crash.
    async fn durable(&self, journal: JournalId, position: Position) -> Result<(), JournalError>;

    /// The next records after a position, in order; empty where there is none at that level yet.
    async fn read(
        &self,
        journal: JournalId,
        after: Position,
        level: Level,
        limit: ReadLimit,
    ) -> Result<Vec<JournalRecord>, JournalError>;

    /// Resolves when a record after the position is there at that level, with the last such position. Cancel-safe.
    async fn wait(&self, journal: JournalId, after: Position, level: Level) -> Result<Position, JournalError>;

    /// What the journal holds.
    fn bounds(&self, journal: JournalId) -> Bounds;

    /// How much of what retention allows is used up behind a position whose record was appended at `time`: 0 where nothing stands behind it;
    /// from 1 on the next trim may drop what does. A journal that keeps everything uses nothing up.
    fn retention_used(&self, journal: JournalId, after: Position, time: Time) -> f64;

    /// The last `key_seq` that a key has written in a journal, at `Level::Appended`.
    fn key_seq(&self, journal: JournalId, key: &Key) -> KeySeq;

    /// The partitions of telemetry that ever had a record, in order.
    fn partitions(&self) -> Vec<Partition>;

    /// Keeps a snapshot: waits until its position is durable, writes, syncs, reads back and compares before it returns; the newest
    /// two of a key are kept.
    /// Telemetry is never trimmed past the older of the two, or past the newer one where nothing stands behind it.
    async fn put_snapshot(&self, snapshot: Snapshot) -> Result<(), JournalError>;

    /// The verified snapshots of a key, newest first, two at most. One that cannot be read is left out and logged.
    async fn snapshots(&self, key: &Key) -> Result<Vec<Snapshot>, JournalError>;

    /// Seals `events`: binds the heads of all keys and the position with a signature, as a record of key `journal`.
    /// `None` where nothing was appended since the last seal.
    async fn seal(&self) -> Result<Option<Appended>, JournalError>;

    /// The public half of the key that signs seals.
    fn seal_public_key(&self) -> [u8; 32];

    /// The next step of this machine's clock; pending while there is none. Cancel-safe.
    async fn clock_step(&self) -> ClockStep;

    /// Writes and syncs what is queued, and takes no more.
    async fn close(&self) -> Result<(), JournalError>;
}
