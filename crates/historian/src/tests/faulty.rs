//! A store that fails when told to.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use model::{Position, Time};
use store::{
    Aggregate, AggregateQuery, DeadQuery, DeadRow, EventKey, EventQuery, EventRow, Page, PointRow, Progress, SampleKey,
    SampleQuery, Store, StoreError, StoredSample, WriteBatch,
};
use tokio::sync::Semaphore;

/// What becomes of a write.
#[derive(Clone, Copy, Debug)]
pub(super) enum Fate {
    Works,
    /// Nothing is written.
    FailsBefore,
    /// All is written, and the caller is told otherwise.
    FailsAfter,
}

/// Passes everything on, but for what fate has in store for each write of rows.
pub(super) struct Faulty {
    pub(super) inner: Arc<dyn Store>,
    /// One for each write; those after the last work.
    pub(super) fates: Mutex<VecDeque<Fate>>,
    /// How many times samples were read.
    pub(super) sample_reads: AtomicUsize,
    /// How many times dead letters were to be forgotten.
    pub(super) forgets: AtomicUsize,
    /// Forgetting fails.
    pub(super) forgets_nothing: bool,
    /// Writes wait for a permit each.
    pub(super) gate: Semaphore,
}

impl Faulty {
    pub(super) fn new(inner: Arc<dyn Store>, fates: impl IntoIterator<Item = Fate>) -> Arc<Self> {
        Arc::new(Self::of(inner, fates))
    }

    pub(super) fn that_cannot_forget(inner: Arc<dyn Store>) -> Arc<Self> {
        Arc::new(Self { forgets_nothing: true, ..Self::of(inner, []) })
    }

    fn of(inner: Arc<dyn Store>, fates: impl IntoIterator<Item = Fate>) -> Self {
        let fates = Mutex::new(fates.into_iter().collect());
        let gate = Semaphore::new(Semaphore::MAX_PERMITS);
        let (sample_reads, forgets) = (AtomicUsize::new(0), AtomicUsize::new(0));
        Self { inner, fates, sample_reads, forgets, forgets_nothing: false, gate }
    }
}

fn away() -> StoreError {
    StoreError::Unavailable { doing: "reach the database", source: "it is away".into() }
}

#[async_trait]
impl Store for Faulty {
    async fn progress(&self) -> Result<Progress, StoreError> {
        self.inner.progress().await
    }

    async fn write(&self, batch: &WriteBatch) -> Result<(), StoreError> {
        self.gate.acquire().await.unwrap().forget();
        let fate = self.fates.lock().unwrap().pop_front().unwrap_or(Fate::Works);
        match fate {
            Fate::Works => self.inner.write(batch).await,
            Fate::FailsBefore => Err(away()),
            Fate::FailsAfter => {
                self.inner.write(batch).await?;
                Err(away())
            }
        }
    }

    async fn points(&self) -> Result<Vec<PointRow>, StoreError> {
        self.inner.points().await
    }

    async fn samples(
        &self,
        query: &SampleQuery,
        after: Option<SampleKey>,
        limit: usize,
    ) -> Result<Page<StoredSample, SampleKey>, StoreError> {
        self.sample_reads.fetch_add(1, Ordering::Relaxed);
        self.inner.samples(query, after, limit).await
    }

    async fn aggregates(&self, query: &AggregateQuery) -> Result<Vec<Aggregate>, StoreError> {
        self.inner.aggregates(query).await
    }

    async fn events(
        &self,
        query: &EventQuery,
        after: Option<EventKey>,
        limit: usize,
    ) -> Result<Page<EventRow, EventKey>, StoreError> {
        self.inner.events(query, after, limit).await
    }

    async fn recorded_before(&self, time: Time) -> Result<Position, StoreError> {
        self.inner.recorded_before(time).await
    }

    async fn dead_letters(
        &self,
        query: &DeadQuery,
        after: Option<Position>,
        limit: usize,
    ) -> Result<Page<DeadRow, Position>, StoreError> {
        self.inner.dead_letters(query, after, limit).await
    }

    async fn last_event(&self, kind: &str, subject: &str) -> Result<Option<EventRow>, StoreError> {
        self.inner.last_event(kind, subject).await
    }

    async fn forget_dead_before(&self, position: Position) -> Result<bool, StoreError> {
        self.forgets.fetch_add(1, Ordering::Relaxed);
        if self.forgets_nothing { Err(away()) } else { self.inner.forget_dead_before(position).await }
    }

    async fn close(&self) {
        self.inner.close().await;
    }
}
