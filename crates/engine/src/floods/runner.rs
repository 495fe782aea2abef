//! The loop: reads durable `events`, appends what is due, reads that, and sleeps until something comes or a deadline does.
//!
//! Why nothing is said twice: what is due follows from the durable events alone, those said before included, and before the watch is asked
//! again its last answer is durable and read. An answer that a crash took back was never read by anybody, and is due again. Two
//! processes cannot both answer: each append is fenced by the count that its answer rests on.

use std::sync::Arc;
use std::time::Duration;

use journal::{Append, Follower, Journal, JournalError, JournalId, Key, Level};
use metrics::{counter, gauge};
use model::{Event, EventBody, KeySeq, Time};
use service::{Component, Latch, Shutdown};
use tokio::task::{JoinError, JoinSet};
use tracing::{info, warn};

use super::fold::Watched;
use crate::metrics::{FLOODS, NUISANCES};
use crate::{EngineError, FloodsConfig};

/// Our name in `events`, and of our snapshots.
const KEY: &str = "floods";

/// Events of one record: a start that finds thousands of standing alarms writes several.
const RECORD_EVENTS: usize = 500;

/// A deadline that has come while records before it are not durable yet is looked at again after this.
const NAP: Duration = Duration::from_millis(10);

/// What the watch needs.
pub struct FloodParts {
    /// Where events come from and go.
    pub journal: Arc<dyn Journal>,
    /// Held until the watch is up to date.
    pub latch: Latch,
    /// Settings.
    pub config: FloodsConfig,
}

/// Watches until shutdown.
pub async fn watch_floods(parts: FloodParts, shutdown: Shutdown) -> Result<(), EngineError> {
    let FloodParts { journal, latch, config } = parts;
    let starting = Runner::start(journal, config);
    // Cancel-safe: a start that is dropped has written nothing.
    let mut runner = tokio::select! {
        runner = starting => runner?,
        () = shutdown.requested() => return Ok(()),
    };
    info!(position = runner.follower.position.0, floods = runner.follower.fold.watch.floods(), "floods watched");
    let health = latch.release();
    runner.run(&shutdown, &health).await
}

struct Runner {
    journal: Arc<dyn Journal>,
    config: FloodsConfig,
    key: Key,
    follower: Follower<Watched>,
    /// Our count in `events`, all of it read.
    fence: KeySeq,
    /// At most one snapshot is being kept, beside the loop.
    saves: JoinSet<Result<(), JournalError>>,
}

impl Runner {
    async fn start(journal: Arc<dyn Journal>, config: FloodsConfig) -> Result<Self, EngineError> {
        let failed = EngineError::of(JournalId::Events);
        let key = Key::new(KEY).map_err(&failed)?;
        // The fence is older than what is read behind it: whoever appends in between makes our append fail.
        let fence = journal.key_seq(JournalId::Events, &key);
        let written = journal.bounds(JournalId::Events).appended;
        journal.durable(JournalId::Events, written).await.map_err(&failed)?;
        let anew = || Watched::new(config.flood);
        let follower = Follower::start(&*journal, JournalId::Events, key.clone(), Level::Durable, anew).await;
        Ok(Self { follower: follower.map_err(failed)?, journal, config, key, fence, saves: JoinSet::new() })
    }

    async fn run(&mut self, shutdown: &Shutdown, health: &Component) -> Result<(), EngineError> {
        let failed = EngineError::of(JournalId::Events);
        while !shutdown.is_requested() {
            while self.say().await.map_err(&failed)? && !shutdown.is_requested() {}
            self.tell(health);
            self.save_if_due();
            // Cancel-safe: waiting changes nothing, and a snapshot that is kept is kept either way.
            tokio::select! {
                more = self.follower.more(&*self.journal) => more.map_err(&failed)?,
                () = tokio::time::sleep(self.nap()) => {}
                Some(kept) = self.saves.join_next() => note_kept(kept),
                () = shutdown.requested() => break,
            }
            self.follower.step(&*self.journal).await.map_err(&failed)?;
        }
        while let Some(kept) = self.saves.join_next().await {
            note_kept(kept);
        }
        self.follower.snapshot_every(&*self.journal, 1).await.map_err(failed)
    }

    /// Appends what is due, and reads on until it is known as said; whether there was anything.
    async fn say(&mut self) -> Result<bool, JournalError> {
        let events = self.follower.fold.watch.due(self.now());
        if events.is_empty() {
            return Ok(false);
        }
        let record = |events: &[Event]| {
            wire::encode_event_record(&wire::EventRecord { events: events.to_vec(), ..wire::EventRecord::default() })
        };
        let append = Append {
            journal: JournalId::Events,
            key: self.key.clone(),
            fence: Some(self.fence),
            bodies: events.chunks(RECORD_EVENTS).map(record).collect(),
        };
        let appended = self.journal.append(append).await?;
        self.fence = appended.key_seq;
        self.journal.durable(JournalId::Events, appended.last).await?;
        while self.follower.position < appended.last {
            self.follower.more(&*self.journal).await?;
            self.follower.step(&*self.journal).await?;
        }
        count(&events);
        Ok(true)
    }

    /// Journal time as far as the watch may know it: an alarm that is written and not durable yet comes before now.
    fn now(&self) -> Time {
        let read_all = self.journal.bounds(JournalId::Events).appended <= self.follower.position;
        if read_all { self.journal.now() } else { Time::MIN }
    }

    /// How long nothing can become due unless something comes.
    fn nap(&self) -> Duration {
        let Some(deadline) = self.follower.fold.watch.next_deadline() else { return self.config.look_every };
        let left = u64::try_from(deadline.since(self.journal.now()).micros()).unwrap_or(0);
        Duration::from_micros(left).clamp(NAP.min(self.config.look_every), self.config.look_every)
    }

    fn tell(&self, health: &Component) {
        let Watched { watch, unreadable, .. } = &self.follower.fold;
        gauge!(FLOODS).set(u32::try_from(watch.floods()).unwrap_or(u32::MAX));
        if *unreadable > 0 {
            health.degraded(format!("{unreadable} records of events cannot be read; a flood or a nuisance may be missed"));
        }
    }

    fn save_if_due(&mut self) {
        if self.saves.is_empty()
            && let Some(snapshot) = self.follower.snapshot_due(self.config.snapshot_records)
        {
            let journal = Arc::clone(&self.journal);
            self.saves.spawn(async move { journal.put_snapshot(snapshot).await });
        }
    }
}

fn count(events: &[Event]) {
    for event in events {
        if let EventBody::Nuisance(nuisance) = &event.body {
            counter!(NUISANCES, "kind" => nuisance.kind.as_str()).increment(1);
        }
    }
}

fn note_kept(kept: Result<Result<(), JournalError>, JoinError>) {
    let error = match kept {
        Ok(Ok(())) => return,
        Ok(Err(error)) => error.to_string(),
        Err(error) => error.to_string(),
    };
    warn!(error, "a snapshot of floods and nuisances was not kept");
}
