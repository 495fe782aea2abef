//! A store that fails when told to.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use model::{PointNumber, Position, Time};
use store::{
    Aggregate, AggregateQuery, DeadQuery, DeadRow, Description, EventKey, EventQuery, EventRow, Figure, FigureQuery, GapQuery,
    GapRow, OccurrenceKey, OccurrenceQuery, OccurrenceRow, Page, PendingSpan, PointRow, Policy, Progress, RuleDayRow, RuleQuery,
    RuleRow, SampleKey, SampleQuery, SampleRow, Store, StoreError, StoredSample, SupervisionBatch, Upkeep, WriteBatch,
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

    async fn prepare(&self) -> Result<Description, StoreError> {
        self.inner.prepare().await
    }

    fn lanes(&self) -> usize {
        self.inner.lanes()
    }

    async fn write_all(&self, batches: &[WriteBatch]) -> Result<(), StoreError> {
        self.gate.acquire().await.unwrap().forget();
        let fate = self.fates.lock().unwrap().pop_front().unwrap_or(Fate::Works);
        match fate {
            Fate::Works => self.inner.write_all(batches).await,
            Fate::FailsBefore => Err(away()),
            Fate::FailsAfter => {
                self.inner.write_all(batches).await?;
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

    async fn points_named(&self, ids: &[String]) -> Result<Vec<PointRow>, StoreError> {
        self.inner.points_named(ids).await
    }

    async fn samples_by_point(&self, points: &[PointNumber], from: Time, to: Time) -> Result<Vec<SampleRow>, StoreError> {
        self.sample_reads.fetch_add(1, Ordering::Relaxed);
        self.inner.samples_by_point(points, from, to).await
    }

    async fn samples_at(&self, points: &[PointNumber], not_before: Time, at: Time) -> Result<Vec<SampleRow>, StoreError> {
        self.inner.samples_at(points, not_before, at).await
    }

    async fn figures(&self, query: &FigureQuery) -> Result<Vec<Figure>, StoreError> {
        self.inner.figures(query).await
    }

    async fn pending(&self, points: &[PointNumber], from: Time, to: Time) -> Result<Vec<PendingSpan>, StoreError> {
        self.inner.pending(points, from, to).await
    }

    async fn occurrences(
        &self,
        query: &OccurrenceQuery,
        after: Option<OccurrenceKey>,
        limit: usize,
    ) -> Result<Page<OccurrenceRow, OccurrenceKey>, StoreError> {
        self.inner.occurrences(query, after, limit).await
    }

    async fn write_supervision(&self, batch: &SupervisionBatch) -> Result<(), StoreError> {
        let fate = self.fates.lock().unwrap().pop_front().unwrap_or(Fate::Works);
        match fate {
            Fate::Works => self.inner.write_supervision(batch).await,
            Fate::FailsBefore => Err(away()),
            Fate::FailsAfter => {
                self.inner.write_supervision(batch).await?;
                Err(away())
            }
        }
    }

    async fn supervision_state(&self, key: &str) -> Result<Option<(Position, Vec<u8>)>, StoreError> {
        self.inner.supervision_state(key).await
    }

    async fn gaps(&self, query: &GapQuery) -> Result<Vec<GapRow>, StoreError> {
        self.inner.gaps(query).await
    }

    async fn rules(&self, query: &RuleQuery) -> Result<Vec<RuleRow>, StoreError> {
        self.inner.rules(query).await
    }

    async fn rule_days(&self, query: &RuleQuery) -> Result<Vec<RuleDayRow>, StoreError> {
        self.inner.rule_days(query).await
    }

    async fn maintain(&self, policy: &Policy, now: Time) -> Result<Upkeep, StoreError> {
        self.inner.maintain(policy, now).await
    }

    async fn close(&self) {
        self.inner.close().await;
    }
}
