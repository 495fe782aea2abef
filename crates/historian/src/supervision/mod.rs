//! The supervision record: for every rule the time in which it could have fired, and what kept it from that.
//!
//! A loop of its own beside the one that stores rows: it reads every partition and `events` once more, from a position of its own, folds
//! them, and stores what the folds say together with their states. It never holds more than a few seconds of what it read: while the store
//! is away it reads nothing on, and when it is back it begins where the store ends, with the folds as they were stored.
//!
//! Limits: a journal's fold is stored after `RECORDS_MAX` records, `ROWS_MAX` rows, or `SAY_AFTER` where there is anything to say; the
//! position alone, which costs the whole state, every `KEEP_AFTER`; at once where somebody asks for an answer.

#[cfg_attr(not(test), expect(dead_code, reason = "the calls of the service come with their messages"))]
pub(crate) mod answer;
mod days;
mod folded;
mod lane;
mod rows;
mod site;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use journal::{Journal, JournalError, JournalId, Level, ReadLimit};
use model::Time;
use service::Shutdown;
use store::Store;
use tokio::time::Instant;

pub(crate) use self::folded::Folded;
use self::lane::{Fold, Lane};
use crate::HistorianError;
use crate::run::{Fault, sleep};

const READ: ReadLimit = ReadLimit { records: 4_096, bytes: 192 * 1_024 };
const RECORDS_MAX: usize = 16_384;
const ROWS_MAX: usize = 4_096;
const SAY_AFTER: Duration = Duration::from_secs(10);
const KEEP_AFTER: Duration = Duration::from_secs(60);

/// Between rounds of little.
const PAUSE: Duration = Duration::from_secs(1);
const RETRY_MIN: Duration = Duration::from_millis(100);
const RETRY_MAX: Duration = Duration::from_secs(5);

/// How long what is left may take at a stop; the next start goes on where this ends.
const DRAIN_WITHIN: Duration = Duration::from_secs(2);

/// The loop.
pub(crate) struct Supervisor {
    journal: Arc<dyn Journal>,
    store: Arc<dyn Store>,
    folded: Arc<Folded>,
    lanes: BTreeMap<JournalId, Lane>,
    /// Journals that could not be read last time.
    stuck: BTreeSet<JournalId>,
    /// Every event recorded before this was folded.
    events_to: Time,
}

impl Supervisor {
    pub(crate) fn new(journal: Arc<dyn Journal>, store: Arc<dyn Store>, folded: Arc<Folded>) -> Self {
        Self { journal, store, folded, lanes: BTreeMap::new(), stuck: BTreeSet::new(), events_to: Time::MIN }
    }

    /// Folds what is durable until shutdown, and then stores what is folded. Ends early only where the journal is gone.
    pub(crate) async fn serve(mut self, shutdown: Shutdown) -> Result<(), HistorianError> {
        let (mut retry, mut failing) = (RETRY_MIN, false);
        let mut drain_until = None;
        loop {
            if shutdown.is_requested() {
                drain_until.get_or_insert(Instant::now() + DRAIN_WITHIN);
            }
            let wanted = self.folded.take_wanted();
            match self.round(&wanted, drain_until.is_some()).await {
                Ok(behind) => {
                    (retry, failing) = (RETRY_MIN, false);
                    if drain_until.is_some_and(|until| !behind || Instant::now() >= until) {
                        return Ok(());
                    }
                    if !behind {
                        self.pause(&shutdown).await;
                    }
                }
                Err(Fault::Fatal(HistorianError::Journal(JournalError::Closed))) if drain_until.is_some() => return Ok(()),
                Err(Fault::Fatal(error)) => return Err(error),
                Err(Fault::Store(error)) => {
                    // A write may have been carried out all the same: the store says how far it is, and what the folds were there.
                    self.lanes.clear();
                    if !std::mem::replace(&mut failing, true) {
                        tracing::warn!(%error, "the supervision record waits for the store; it goes on where the store ends");
                    }
                    if drain_until.is_some() {
                        return Ok(());
                    }
                    sleep(retry, &shutdown).await;
                    retry = (retry * 2).min(RETRY_MAX);
                }
            }
        }
    }

    /// Takes some of every journal, stores what is due; true where more is there.
    pub(crate) async fn round(&mut self, wanted: &BTreeSet<JournalId>, all: bool) -> Result<bool, Fault> {
        let now = self.journal.now();
        let mut behind = self.step(JournalId::Events).await?;
        if !behind && !self.stuck.contains(&JournalId::Events) {
            self.events_to = now;
        }
        for partition in self.journal.partitions() {
            behind |= self.step(JournalId::Telemetry(partition)).await?;
        }
        let due = |lane: &Lane| all || wanted.contains(&lane.journal) || is_due(lane);
        let due: Vec<JournalId> = self.lanes.values().filter(|lane| due(lane)).map(|lane| lane.journal).collect();
        for journal in due {
            self.keep(journal).await?;
        }
        self.judge_days().await?;
        Ok(behind)
    }

    /// Folds the next records of one journal; true where more are there.
    async fn step(&mut self, journal: JournalId) -> Result<bool, Fault> {
        let durable = self.journal.bounds(journal).durable;
        let after = self.lane(journal).await?.read;
        if durable <= after {
            return Ok(false);
        }
        match self.journal.read(journal, after, Level::Durable, READ).await {
            Ok(records) if records.is_empty() => return Ok(false),
            Ok(records) => {
                let cut = std::mem::take(&mut self.lane(journal).await?.cut);
                let site = match (cut, journal, records.first()) {
                    (true, JournalId::Telemetry(partition), Some(next)) => {
                        site::in_force(&*self.journal, &*self.store, partition, next.time).await?
                    }
                    _ => None,
                };
                let lane = self.lane(journal).await?;
                if let (Some(site), Some(next)) = (site, records.first()) {
                    lane.take_site(site, next);
                }
                lane.apply(&records);
            }
            Err(JournalError::Trimmed { first, .. }) => {
                tracing::error!(%journal, "supervision record: retention dropped records before they were read");
                self.lane(journal).await?.skip_to(first);
            }
            Err(error @ (JournalError::Corrupt { .. } | JournalError::Storage { .. })) => {
                if self.stuck.insert(journal) {
                    tracing::error!(%error, %journal, "journal cannot be read; its supervision record waits");
                }
                return Ok(false);
            }
            Err(error) => return Err(error.into()),
        }
        self.stuck.remove(&journal);
        let lane = self.lane(journal).await?;
        let behind = lane.read < durable;
        if lane.records >= RECORDS_MAX || lane.waiting() >= ROWS_MAX {
            self.keep(journal).await?;
        }
        Ok(behind)
    }

    /// The journal's fold, as the store has it where it is not at hand.
    async fn lane(&mut self, journal: JournalId) -> Result<&mut Lane, Fault> {
        if !self.lanes.contains_key(&journal) {
            let stored = self.store.supervision_state(&Lane::key(journal)).await?;
            let lane = stored.map(|(position, state)| Lane::restore(journal, position, &state));
            let lane = lane.unwrap_or_else(|| Lane::new(journal));
            self.folded.reached(journal, lane.stored);
            self.lanes.insert(journal, lane);
        }
        Ok(self.lanes.get_mut(&journal).expect("it has just been put there"))
    }

    /// Stores what a fold said, with its state and its position.
    async fn keep(&mut self, journal: JournalId) -> Result<(), Fault> {
        let epoch = self.journal.epoch();
        let Some(lane) = self.lanes.get_mut(&journal).filter(|lane| lane.read > lane.stored || lane.waiting() > 0) else {
            return Ok(());
        };
        self.store.write_supervision(&lane.batch(epoch)).await?;
        lane.was_stored();
        self.folded.reached(journal, lane.stored);
        Ok(())
    }

    /// Judges the days that are over, from what is stored.
    async fn judge_days(&mut self) -> Result<(), Fault> {
        let partitions: Vec<JournalId> = self.lanes.keys().copied().filter(|it| matches!(it, JournalId::Telemetry(_))).collect();
        for journal in partitions {
            while let Some(day) = self.day_due(journal) {
                self.keep(JournalId::Events).await?;
                self.keep(journal).await?;
                self.judge_day(journal, &day).await?;
            }
        }
        Ok(())
    }

    fn day_due(&mut self, journal: JournalId) -> Option<days::Day> {
        let events_to = self.events_to;
        let lane = self.lanes.get_mut(&journal)?;
        let Fold::Partition(fold) = &lane.fold else { return None };
        if lane.time == Time::MIN {
            return None;
        }
        lane.days.due(fold, lane.time).filter(|day| events_to >= day.to.plus(days::SETTLED))
    }

    async fn judge_day(&mut self, journal: JournalId, day: &days::Day) -> Result<(), Fault> {
        let epoch = self.journal.epoch();
        let (JournalId::Telemetry(partition), Some(lane)) = (journal, self.lanes.get_mut(&journal)) else { return Ok(()) };
        let Fold::Partition(fold) = &lane.fold else { return Ok(()) };
        let subjects = days::subjects(&*self.store, partition, fold).await?;
        for subjects in subjects.chunks(days::SUBJECTS) {
            let rows = days::judge_day(&*self.store, fold, subjects, day).await?;
            // Until the last of them is stored the day counts as not judged: after a crash it is judged again, to the same rows.
            self.store.write_supervision(&store::SupervisionBatch { days: rows, ..lane.batch(epoch) }).await?;
        }
        lane.days.done(day);
        Ok(self.store.write_supervision(&lane.batch(epoch)).await?)
    }

    async fn pause(&self, shutdown: &Shutdown) {
        // Every arm is cancel-safe: waits that change nothing when dropped.
        tokio::select! {
            () = shutdown.requested() => {}
            () = self.folded.wanted() => {}
            () = tokio::time::sleep(PAUSE) => {}
        }
    }
}

fn is_due(lane: &Lane) -> bool {
    let waited = lane.stored_at.elapsed();
    (lane.waiting() > 0 && waited >= SAY_AFTER) || (lane.read > lane.stored && waited >= KEEP_AFTER)
}
