//! Whose turn it is: writes of one journal are carried out in the order of their positions, although two are under way.
//!
//! Samples may be copied out of turn, since no index makes one wait for the other. Everything that takes a lock on a row comes after the
//! turn: the database cannot see that a write waits here, so it could not break a circle of waiting.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use model::{Position, Time};
use tokio::sync::watch;

use crate::WriteBatch;

/// The writes under way.
pub(super) struct Turns {
    inner: Mutex<Inner>,
    /// Changes whenever a write has moved its positions or has ended.
    changed: watch::Sender<u64>,
}

#[derive(Default)]
struct Inner {
    next: u64,
    writes: BTreeMap<u64, Entry>,
}

struct Entry {
    /// By journal: what the first batch follows, and the journal time of the last.
    journals: BTreeMap<String, (Position, Time)>,
    /// Its positions are moved, and locked until it commits.
    moved: bool,
}

/// A write's place among them; gives it up when dropped.
pub(super) struct Turn<'a> {
    turns: &'a Turns,
    ticket: u64,
}

impl Turns {
    pub(super) fn new() -> Self {
        Self { inner: Mutex::default(), changed: watch::Sender::new(0) }
    }

    /// Takes a place behind all that have one.
    pub(super) fn take(&self, batches: &[WriteBatch]) -> Turn<'_> {
        let mut journals = BTreeMap::new();
        for batch in batches {
            journals.entry(batch.journal.clone()).or_insert((batch.after, batch.time)).1 = batch.time;
        }
        let mut inner = self.lock();
        let ticket = inner.next;
        inner.next += 1;
        inner.writes.insert(ticket, Entry { journals, moved: false });
        Turn { turns: self, ticket }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        // Nothing that is done under the lock can leave it half done.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn change(&self) {
        self.changed.send_modify(|count| *count += 1);
    }
}

impl Turn<'_> {
    /// Waits until those before it have moved their positions or have failed.
    pub(super) async fn come(&self) {
        self.wait(|_, entry| entry.moved).await;
    }

    /// Whether some write before it has not ended, so that the database does not show yet what it follows.
    pub(super) fn is_behind(&self) -> bool {
        blocked(&self.turns.lock(), self.ticket, |_, _| false)
    }

    /// Waits until those before it have ended whose last record of a journal is no older than the earliest of this write: what is to be
    /// stored with them is to be known before the rows are.
    pub(super) async fn settle(&self, earliest: &BTreeMap<&str, Time>) {
        self.wait(|journal, entry| match (earliest.get(journal), entry.journals.get(journal)) {
            (Some(earliest), Some((_, last))) => earliest > last,
            _ => true,
        })
        .await;
    }

    /// The positions are moved.
    pub(super) fn done(&self) {
        if let Some(entry) = self.turns.lock().writes.get_mut(&self.ticket) {
            entry.moved = true;
        }
        self.turns.change();
    }

    async fn wait(&self, over: impl Fn(&str, &Entry) -> bool) {
        let mut changed = self.turns.changed.subscribe();
        while blocked(&self.turns.lock(), self.ticket, &over) {
            // The sender lives as long as the turns do.
            changed.changed().await.expect("turns outlive a turn");
        }
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        self.turns.lock().writes.remove(&self.ticket);
        self.turns.change();
    }
}

/// Whether an earlier write follows a lower position of one of the same journals and is not over. Only earlier ones: so nobody waits in a
/// circle, whatever the positions say.
fn blocked(inner: &Inner, ticket: u64, over: impl Fn(&str, &Entry) -> bool) -> bool {
    let Some(own) = inner.writes.get(&ticket) else { return false };
    let before = inner.writes.range(..ticket).map(|(_, entry)| entry);
    before.into_iter().any(|entry| {
        own.journals.iter().any(|(journal, (after, _))| {
            entry.journals.get(journal).is_some_and(|(other, _)| other < after) && !over(journal, entry)
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::conformance::batch;

    #[tokio::test]
    async fn a_later_stretch_waits_for_the_earlier() {
        let turns = Turns::new();
        let first = turns.take(&[batch("telemetry/1", 0, 5)]);
        let same = turns.take(&[batch("telemetry/1", 0, 5)]);
        let second = turns.take(&[batch("telemetry/1", 5, 9), batch("events", 3, 4)]);
        let other = turns.take(&[batch("telemetry/2", 5, 9)]);
        assert!(!first.is_behind() && !same.is_behind() && second.is_behind() && !other.is_behind());
        drop(same);
        first.done();
        second.come().await;
        assert!(second.is_behind(), "nothing is committed");
        drop(first);
        assert!(!second.is_behind());
        let third = turns.take(&[batch("events", 4, 5)]);
        let (waited, ()) = tokio::join!(
            async {
                third.come().await;
                second.turns.lock().writes.contains_key(&second.ticket)
            },
            async { second.done() }
        );
        assert!(waited, "moved is enough");
        let times = BTreeMap::from([("events", Time::YEAR_2000.plus(model::Span::from_micros(1)))]);
        third.settle(&times).await;
        let times = BTreeMap::from([("events", Time::YEAR_2000)]);
        tokio::join!(third.settle(&times), async { drop(second) });
    }
}
