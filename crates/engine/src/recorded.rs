//! What the engine of a partition has written already, read again beside a replay.

use std::collections::VecDeque;

use journal::{Journal, JournalError, JournalId, JournalRecord, Key, Level, ReadLimit};
use model::{KeySeq, Position};
use sha2::{Digest as _, Sha256};
use tracing::warn;

use crate::EngineError;

/// One record of `events` under the engine's key.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Written {
    /// The input it covers.
    pub(crate) input: Position,
    /// The writer's count.
    pub(crate) key_seq: KeySeq,
    /// Its place in `events`.
    pub(crate) position: Position,
    /// SHA-256 of its body.
    pub(crate) hash: [u8; 32],
}

/// The records of one key in `events`, from a position up to a count, in order.
pub(crate) struct Recorded {
    key: Key,
    read: Position,
    until: KeySeq,
    seen: KeySeq,
    ahead: VecDeque<Written>,
}

impl Recorded {
    /// The records of `key` after a position, up to its count `until`.
    pub(crate) fn new(key: Key, after: Position, seen: KeySeq, until: KeySeq) -> Self {
        Self { key, read: after, until, seen, ahead: VecDeque::new() }
    }

    /// The next one; `None` when all were taken.
    pub(crate) async fn peek(&mut self, journal: &dyn Journal) -> Result<Option<Written>, EngineError> {
        while self.ahead.is_empty() && self.seen < self.until {
            let records = self.read_on(journal).await?;
            let Some(last) = records.last() else {
                warn!(key = %self.key, seen = self.seen.0, until = self.until.0, "recorded outputs are missing");
                self.seen = self.until;
                break;
            };
            self.read = last.position;
            for record in records.iter().filter(|it| it.key == self.key) {
                self.seen = record.key_seq;
                self.ahead.push_back(written(record)?);
            }
        }
        Ok(self.ahead.front().copied())
    }

    /// Takes the one that `peek` showed.
    pub(crate) fn pop(&mut self) {
        self.ahead.pop_front();
    }

    async fn read_on(&mut self, journal: &dyn Journal) -> Result<Vec<JournalRecord>, EngineError> {
        let read = |after| journal.read(JournalId::Events, after, Level::Appended, ReadLimit::default());
        let failed = EngineError::of(JournalId::Events);
        match read(self.read).await {
            Err(JournalError::Trimmed { first, .. }) => {
                warn!(key = %self.key, first = first.0, "recorded outputs were pruned; those cannot be compared");
                self.read = Position(first.0.saturating_sub(1));
                read(self.read).await.map_err(failed)
            }
            answer => answer.map_err(failed),
        }
    }
}

fn written(record: &JournalRecord) -> Result<Written, EngineError> {
    let decoded = wire::decode_event_record(&record.body).map_err(|source| EngineError::Undecodable {
        journal: record.journal,
        position: record.position,
        source,
    })?;
    Ok(Written { input: decoded.input_position, key_seq: record.key_seq, position: record.position, hash: hash(&record.body) })
}

/// SHA-256.
pub(crate) fn hash(body: &[u8]) -> [u8; 32] {
    Sha256::digest(body).into()
}

/// A hash as lower-case hex; empty for none.
pub(crate) fn hex(hash: Option<[u8; 32]>) -> String {
    use std::fmt::Write as _;
    let mut text = String::new();
    for byte in hash.iter().flatten() {
        write!(text, "{byte:02x}").expect("writing to a String cannot fail");
    }
    text
}
