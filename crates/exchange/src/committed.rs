//! Committed cursors: how far each named subscription has stored what it got, as it says itself (traps 53).
//!
//! Kept as a snapshot under the key `exchange/cursors`: `CommitCursorRequest` after `CommitCursorRequest`, each behind its length.

use std::collections::BTreeMap;
use std::sync::Arc;

use journal::{Journal, JournalError, JournalId, Key, Snapshot};
use metrics::{counter, gauge};
use model::{ErrorKind, Position};
use parking_lot::Mutex;
use prost::Message as _;
use wire::{Cursor, Failure, v1};

use crate::ExchangeError;
use crate::error::unavailable;
use crate::metrics::{COMMITS, SUBSCRIPTIONS};

#[derive(Default)]
struct State {
    cursors: BTreeMap<String, Cursor>,
    /// Grows with every change.
    changes: u64,
}

/// The committed cursors of all subscriptions.
pub(crate) struct Committed {
    journal: Arc<dyn Journal>,
    max: usize,
    state: Mutex<State>,
    /// How many changes are durable; held while a snapshot is written, so that those who wait share the next one.
    durable: tokio::sync::Mutex<u64>,
}

impl Committed {
    pub(crate) fn new(journal: Arc<dyn Journal>, max: usize) -> Self {
        Self { journal, max, state: Mutex::default(), durable: tokio::sync::Mutex::new(0) }
    }

    fn key() -> Result<Key, JournalError> {
        Key::new("exchange/cursors")
    }

    /// Reads what was committed before this start.
    pub(crate) async fn load(&self) -> Result<(), ExchangeError> {
        let key = Self::key().map_err(ExchangeError::Journal)?;
        let snapshots = self.journal.snapshots(&key).await.map_err(ExchangeError::Journal)?;
        let Some(newest) = snapshots.first() else { return Ok(()) };
        let cursors = decode(&newest.body).ok_or(ExchangeError::Cursors)?;
        tell(cursors.len());
        self.state.lock().cursors = cursors;
        Ok(())
    }

    /// The cursor that a subscription committed last.
    pub(crate) fn get(&self, subscription: &str) -> Option<Cursor> {
        self.state.lock().cursors.get(subscription).copied()
    }

    /// Every subscription with a committed cursor, by name.
    pub(crate) fn all(&self) -> BTreeMap<String, Cursor> {
        self.state.lock().cursors.clone()
    }

    /// Remembers a cursor; returns when it is durable. One that lies further back than the last is the consumer's own decision.
    pub(crate) async fn commit(&self, subscription: String, cursor: Cursor) -> Result<(), Failure> {
        let change = self.note(subscription, cursor)?;
        let mut durable = self.durable.lock().await;
        if *durable < change {
            let (changes, snapshot) = self.snapshot().map_err(|error| unavailable(&error))?;
            self.journal.put_snapshot(snapshot).await.map_err(|error| unavailable(&error))?;
            *durable = changes;
        }
        counter!(COMMITS).increment(1);
        Ok(())
    }

    fn note(&self, subscription: String, cursor: Cursor) -> Result<u64, Failure> {
        let mut state = self.state.lock();
        if state.cursors.len() >= self.max && !state.cursors.contains_key(&subscription) {
            let message =
                format!("{} subscriptions have committed cursors, more are not kept; keep the cursor yourself", self.max);
            return Err(Failure::new(ErrorKind::Exhausted, "too_many_subscriptions", message));
        }
        state.cursors.insert(subscription, cursor);
        state.changes += 1;
        tell(state.cursors.len());
        Ok(state.changes)
    }

    fn snapshot(&self) -> Result<(u64, Snapshot), JournalError> {
        let position: Position = self.journal.bounds(JournalId::Events).durable;
        let state = self.state.lock();
        let body = encode(&state.cursors).into();
        Ok((state.changes, Snapshot { key: Self::key()?, journal: JournalId::Events, position, body }))
    }
}

fn tell(subscriptions: usize) {
    gauge!(SUBSCRIPTIONS).set(u32::try_from(subscriptions).unwrap_or(u32::MAX));
}

fn encode(cursors: &BTreeMap<String, Cursor>) -> Vec<u8> {
    let mut bytes = Vec::new();
    for (subscription, cursor) in cursors {
        let entry = v1::CommitCursorRequest { subscription: subscription.clone(), cursor: cursor.encode() };
        bytes.extend(entry.encode_length_delimited_to_vec());
    }
    bytes
}

fn decode(mut bytes: &[u8]) -> Option<BTreeMap<String, Cursor>> {
    let mut cursors = BTreeMap::new();
    while !bytes.is_empty() {
        let entry = v1::CommitCursorRequest::decode_length_delimited(&mut bytes).ok()?;
        cursors.insert(entry.subscription, Cursor::decode(&entry.cursor).ok()?);
    }
    Some(cursors)
}

#[cfg(test)]
mod tests {
    use model::Epoch;

    use super::*;

    #[test]
    fn cursors_read_back_and_broken_ones_are_none() {
        let cursors: BTreeMap<_, _> =
            (0..3).map(|it| (format!("s{it}"), Cursor { seen: it, ..Cursor::after(Epoch(1), Position(it.into())) })).collect();
        let bytes = encode(&cursors);
        assert_eq!(decode(&bytes), Some(cursors));
        assert_eq!(decode(&[]), Some(BTreeMap::new()));
        assert_eq!(decode(&bytes[..bytes.len() - 1]), None);
    }
}
