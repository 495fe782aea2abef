//! Transactions under way: a few at a time, settled in the order in which they were begun.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use journal::JournalId;
use model::{Position, Time};
use store::{Store, StoreError, WriteBatch};
use tokio::time::Instant;
use tokio_util::task::AbortOnDropHandle;

use crate::gather::Set;

/// What is stored once a transaction is.
#[derive(Debug)]
pub(crate) struct Written {
    /// Up to where each journal is, with the journal time of the record there, and how many records that were.
    pub(crate) reached: Vec<(JournalId, Position, Time, u64)>,
    /// As many samples as the transaction held in bytes.
    pub(crate) rows: usize,
    /// How long it took.
    pub(crate) took: Duration,
}

struct Write {
    task: AbortOnDropHandle<(Result<(), StoreError>, Duration)>,
    reached: Vec<(JournalId, Position, Time, u64)>,
    rows: usize,
}

/// The transactions under way.
pub(crate) struct Writes {
    store: Arc<dyn Store>,
    under_way: VecDeque<Write>,
}

impl Writes {
    pub(crate) fn new(store: Arc<dyn Store>) -> Self {
        Self { store, under_way: VecDeque::new() }
    }

    pub(crate) fn len(&self) -> usize {
        self.under_way.len()
    }

    /// Begins one.
    pub(crate) fn begin(&mut self, set: Set) {
        let rows = set.rows();
        let count = |journal: &JournalId| set.records.get(journal).copied().unwrap_or(0);
        let reached = set.batches.iter().map(|(journal, batch)| (*journal, batch.upto, batch.time, count(journal))).collect();
        let batches: Vec<WriteBatch> = set.batches.into_values().collect();
        let store = Arc::clone(&self.store);
        let task = tokio::spawn(async move {
            let started = Instant::now();
            let written = store.write_all(&batches).await;
            (written, started.elapsed())
        });
        self.under_way.push_back(Write { task: AbortOnDropHandle::new(task), reached, rows });
    }

    /// Waits for the oldest; `None` where none is under way. After an error the others are waited for as well: they build on what is
    /// not there, or are carried out, and only the store can say which.
    pub(crate) async fn settle(&mut self) -> Option<Result<Written, StoreError>> {
        let Write { task, reached, rows } = self.under_way.pop_front()?;
        let (written, took) = task.await.expect("a write neither panics nor is it cancelled");
        if let Err(error) = written {
            while let Some(other) = self.under_way.pop_front() {
                drop(other.task.await);
            }
            return Some(Err(error));
        }
        Some(Ok(Written { reached, rows, took }))
    }
}
