//! The loop: round after round over all journals, `events` first, so that points are named before their samples are stored.
//!
//! Limits: one transaction holds what one read gives, about 10,000 samples. A round of little begins 50 ms after the last one,
//! or later when rounds take long (many partitions with a row each cost a transaction each), 500 ms at most; a round that could not
//! take all there was begins at once. A store that fails is asked again after 100 ms, and then after twice as long each time up to 5 s.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use journal::{Journal, JournalError, JournalId, Level, ReadLimit};
use model::{PARTITIONS, Partition, Position, Time};
use service::{Component, Latch, Shutdown};
use store::{Store, StoreError, WriteBatch};
use tokio::time::Instant;

use crate::forget::Forgetting;
use crate::lost::{self, Gap};
use crate::progress::Stored;
use crate::supervision::Supervisor;
use crate::{HistorianError, convert, metrics};

/// A sample takes about 20 bytes in the journal.
const READ: ReadLimit = ReadLimit { records: 4_096, bytes: 192 * 1_024 };

const PAUSE_MIN: Duration = Duration::from_millis(50);
const PAUSE_MAX: Duration = Duration::from_millis(500);
const RETRY_MIN: Duration = Duration::from_millis(100);
const RETRY_MAX: Duration = Duration::from_secs(5);

/// How long what is left may take at a stop; the next start goes on where this ends.
const DRAIN_WITHIN: Duration = Duration::from_secs(2);

/// From this lag on the health page says it.
const LAG_WORTH_SAYING_S: i64 = 30;

/// What stops a round.
#[derive(Debug)]
pub(crate) enum Fault {
    /// To be tried again.
    Store(StoreError),
    /// Not to be.
    Fatal(HistorianError),
}

/// How far a journal is stored.
#[derive(Clone, Copy, Debug)]
struct Place {
    position: Position,
    /// Journal time of the record there.
    time: Time,
    /// When everything was stored last.
    whole_at: Time,
}

impl Place {
    const START: Self = Self { position: Position(0), time: Time::MIN, whole_at: Time::MIN };
}

type Places = BTreeMap<JournalId, Place>;

/// The loop that brings journals into the store.
pub struct Historian {
    journal: Arc<dyn Journal>,
    store: Arc<dyn Store>,
    stored: Arc<Stored>,
    /// `None` where only the store knows: at the start, and after every failure.
    places: Option<Places>,
    /// Journals that could not be read last time, and why.
    stuck: BTreeMap<JournalId, String>,
    forgetting: Forgetting,
    /// The loop beside this one that keeps the supervision record.
    supervisor: Option<Supervisor>,
    latch: Option<Latch>,
    health: Component,
}

impl Historian {
    pub(crate) fn new(journal: Arc<dyn Journal>, store: Arc<dyn Store>, stored: Arc<Stored>, latch: Latch) -> Self {
        let health = latch.component().clone();
        let (stuck, forgetting) = (BTreeMap::new(), Forgetting::default());
        Self { journal, store, stored, places: None, stuck, forgetting, supervisor: None, latch: Some(latch), health }
    }

    /// Keeps the supervision record too.
    pub(crate) fn supervising(self, supervisor: Supervisor) -> Self {
        Self { supervisor: Some(supervisor), ..self }
    }

    /// Stores what is durable until shutdown, and then what is left, for two seconds at most. Ends early only where the journal is
    /// gone or the store holds the history of another one.
    pub async fn serve(mut self, shutdown: Shutdown) -> Result<(), HistorianError> {
        metrics::describe();
        store::describe_metrics();
        let Some(supervisor) = self.supervisor.take() else { return self.store_rows(shutdown).await };
        // A task of its own: folding must not wait for rows, nor rows for folding. It ends with this call, whatever ends first.
        let mut beside = tokio::task::JoinSet::new();
        beside.spawn(supervisor.serve(shutdown.clone()));
        self.store_rows(shutdown).await?;
        match beside.join_next().await {
            Some(Ok(kept)) => kept,
            // Rows are stored, and alarms are not concerned.
            Some(Err(error)) => {
                tracing::error!(%error, "the loop of the supervision record ended");
                Ok(())
            }
            None => Ok(()),
        }
    }

    async fn store_rows(mut self, shutdown: Shutdown) -> Result<(), HistorianError> {
        let mut failing = Failing::default();
        let mut drain_until = None;
        loop {
            if shutdown.is_requested() {
                drain_until.get_or_insert(Instant::now() + DRAIN_WITHIN);
            }
            let started = Instant::now();
            match self.round().await {
                Ok(behind) => {
                    failing.over();
                    self.say_lag();
                    if drain_until.is_some_and(|until| !behind || Instant::now() >= until) {
                        return Ok(());
                    }
                    if !behind {
                        self.pause(started.elapsed(), &shutdown).await;
                    }
                }
                Err(Fault::Fatal(HistorianError::Journal(JournalError::Closed))) if drain_until.is_some() => return Ok(()),
                Err(Fault::Fatal(error)) => return Err(error),
                Err(Fault::Store(error)) => {
                    // A write may have been carried out all the same: the store says how far it is.
                    self.places = None;
                    let wait = failing.again(&error, &self.health, self.latch.is_none());
                    if drain_until.is_some() {
                        tracing::warn!("stopping with records not yet stored; the next start goes on there");
                        return Ok(());
                    }
                    sleep(wait, &shutdown).await;
                }
            }
        }
    }

    /// Takes some of every journal; true where more is there.
    async fn round(&mut self) -> Result<bool, Fault> {
        if self.places.is_none() {
            self.load().await?;
        }
        // As far as it goes now: events that keep coming must not keep the samples waiting.
        let events = self.journal.bounds(JournalId::Events).durable;
        while self.step(JournalId::Events).await? && self.place(JournalId::Events).position < events {}
        let mut behind = false;
        for partition in self.journal.partitions() {
            behind |= self.step(JournalId::Telemetry(partition)).await?;
        }
        behind |= self.step(JournalId::Dead).await?;
        // Last: the store has to keep up with what comes before it looks after what is old.
        self.forgetting.step(&*self.journal, &*self.store).await;
        Ok(behind)
    }

    /// Takes the next records of one journal; true where more are there.
    async fn step(&mut self, journal: JournalId) -> Result<bool, Fault> {
        let Place { position: after, time, .. } = self.place(journal);
        if self.journal.bounds(journal).durable <= after {
            return Ok(false);
        }
        let batch = match self.journal.read(journal, after, Level::Durable, READ).await {
            Ok(records) if records.is_empty() => return Ok(false),
            Ok(records) => {
                let label = metrics::label(journal);
                ::metrics::counter!(metrics::RECORDS, "journal" => label).increment(records.len() as u64);
                convert::batch(journal, self.journal.epoch(), after, &records)
            }
            Err(JournalError::Trimmed { first, .. }) => {
                let gap = Gap { journal, stored: after, time, first };
                lost::tell(&*self.journal, &*self.store, &gap).await?;
                let (journal, epoch) = (journal.to_string(), self.journal.epoch());
                WriteBatch { journal, epoch, after, upto: gap.last(), time, ..WriteBatch::default() }
            }
            Err(error @ (JournalError::Corrupt { .. } | JournalError::Storage { .. })) => {
                self.stuck(journal, &error);
                return Ok(false);
            }
            Err(error) => return Err(error.into()),
        };
        self.stuck.remove(&journal);
        self.store.write(&batch).await?;
        self.reached(journal, batch.upto, batch.time);
        Ok(batch.upto < self.journal.bounds(journal).durable)
    }

    /// A journal that cannot be read is passed over: the others go on, and so does the process. It is tried again each round, until it
    /// can be read or retention has passed it.
    fn stuck(&mut self, journal: JournalId, error: &JournalError) {
        if !self.stuck.contains_key(&journal) {
            let cause = std::error::Error::source(error).map(ToString::to_string).unwrap_or_default();
            tracing::error!(%error, cause, %journal, "journal cannot be read; its history waits, alarms go on");
        }
        self.stuck.insert(journal, error.to_string());
    }

    /// Asks the store how far it is, and whether it belongs to this journal.
    async fn load(&mut self) -> Result<(), Fault> {
        let progress = self.store.progress().await?;
        let journal = self.journal.epoch();
        if let Some(stored) = progress.epoch.filter(|stored| *stored != journal) {
            return Err(Fault::Fatal(HistorianError::OtherEpoch { stored, journal }));
        }
        self.places = Some(Places::new());
        for id in every_journal() {
            let name = id.to_string();
            let Some(&(stored, time)) = progress.positions.get(&name) else { continue };
            let end = self.journal.bounds(id).appended;
            if stored > end {
                return Err(Fault::Fatal(HistorianError::Ahead { name, stored, end }));
            }
            self.reached(id, stored, time);
        }
        if let Some(latch) = self.latch.take() {
            latch.release();
            tracing::info!(journals = progress.positions.len(), "historian goes on where the store ends");
        }
        Ok(())
    }

    fn place(&self, journal: JournalId) -> Place {
        self.places.as_ref().and_then(|places| places.get(&journal).copied()).unwrap_or(Place::START)
    }

    fn reached(&mut self, journal: JournalId, position: Position, time: Time) {
        let whole = position >= self.journal.bounds(journal).durable;
        let whole_at = if whole { self.journal.now() } else { self.place(journal).whole_at };
        if let Some(places) = &mut self.places {
            places.insert(journal, Place { position, time, whole_at });
        }
        self.stored.reached(journal, position);
    }

    fn say_lag(&self) {
        let now = self.journal.now();
        // What is not stored came after the last stored record, and after the moment when nothing was missing.
        let lag = |journal: JournalId| {
            let Place { position, time, whole_at } = self.place(journal);
            let behind = self.journal.bounds(journal).durable > position && position > Position(0);
            if behind { now.since(time.max(whole_at)).micros() } else { 0 }
        };
        let lag_us = every_journal().map(lag).max().unwrap_or(0);
        #[expect(clippy::cast_precision_loss, reason = "a gauge")]
        ::metrics::gauge!(metrics::LAG).set(lag_us as f64 / 1e6);
        if let Some((journal, why)) = self.stuck.first_key_value() {
            self.health.degraded(format!("cannot read {journal}: {why}; alarms are not concerned"));
        } else if lag_us >= LAG_WORTH_SAYING_S * 1_000_000 {
            self.health.degraded(format!("history is {} s behind; alarms are not concerned", lag_us / 1_000_000));
        } else {
            self.health.ready();
        }
    }

    async fn pause(&self, took: Duration, shutdown: &Shutdown) {
        let pause = (took * 3).clamp(PAUSE_MIN, PAUSE_MAX);
        // Every arm is cancel-safe: waits that change nothing when dropped.
        tokio::select! {
            () = shutdown.requested() => {}
            () = self.stored.wanted() => {}
            () = tokio::time::sleep(pause) => {}
        }
    }
}

fn every_journal() -> impl Iterator<Item = JournalId> {
    let partitions = (0..PARTITIONS).filter_map(|number| u8::try_from(number).ok());
    partitions.map(|number| JournalId::Telemetry(Partition(number))).chain([JournalId::Events, JournalId::Dead])
}

pub(crate) async fn sleep(wait: Duration, shutdown: &Shutdown) {
    // Both arms are cancel-safe: waits that change nothing when dropped.
    tokio::select! {
        () = shutdown.requested() => {}
        () = tokio::time::sleep(wait) => {}
    }
}

/// A store that fails: said when it begins, changes its kind or ends, and not at every try.
#[derive(Default)]
struct Failing {
    since: Option<(Instant, Duration, model::ErrorKind)>,
}

impl Failing {
    /// How long to wait this time.
    fn again(&mut self, error: &StoreError, health: &Component, started: bool) -> Duration {
        let kind = error.kind();
        let label = format!("{kind:?}").to_ascii_lowercase();
        ::metrics::counter!(metrics::STORE_FAILURES, "kind" => label).increment(1);
        let (since, wait, before) = self.since.unwrap_or((Instant::now(), RETRY_MIN, kind));
        if self.since.is_none() || before != kind {
            let cause = std::error::Error::source(error).map(ToString::to_string).unwrap_or_default();
            tracing::error!(%error, cause, "store fails; history waits in the journal and is tried again, alarms go on");
        }
        let why = format!("history waits in the journal for {} s: {error}", since.elapsed().as_secs());
        // Never yet reached: the service would have nothing to answer from.
        if started {
            health.degraded(why)
        } else {
            health.unready(why)
        }
        self.since = Some((since, (wait * 2).min(RETRY_MAX), kind));
        wait
    }

    fn over(&mut self) {
        if let Some((since, ..)) = self.since.take() {
            tracing::warn!(after_s = since.elapsed().as_secs(), "store is back; history catches up");
        }
    }
}
