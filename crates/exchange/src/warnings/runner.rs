//! The loop: reads durable `events`, appends what is due and what addressees say, reads that, and sleeps until something comes or a
//! deadline does. A deadline is a fact of the fold, not a timer: one that passed while nobody ran is said at the next start.
//!
//! Why nothing is said twice: what is due follows from the durable events alone, those said before included, and before the fold is asked
//! again its last answer is durable and read. An answer that a crash took back was never read by anybody, and is due again. Two
//! processes cannot both answer: each append is fenced by the count that its answer rests on.

use std::sync::Arc;
use std::time::Duration;

use journal::{Append, Follower, Journal, JournalError, JournalId, Key, Level};
use metrics::{counter, gauge};
use model::{Colour, Event, EventBody, KeySeq, Position, Time, WarningChange, WarningTransition};
use parking_lot::RwLock;
use service::{Component, Latch, Shutdown};
use tokio::sync::{mpsc, watch};
use tokio::task::{JoinError, JoinSet};
use tracing::{info, warn};
use warning::Response;
use wire::{Failure, v1};

use super::convert::is_late;
use super::fold::{Shared, State};
use super::respond::{Ask, answer, unknown};
use crate::metrics::{LATE_WARNINGS, WARNING_EVENTS, WARNINGS};
use crate::{Config, ExchangeError};

/// Our name in `events`, and of our snapshots.
const KEY: &str = "exchange/warnings";

/// Events of one record: a start that finds thousands of late steps writes several.
const RECORD_EVENTS: usize = 500;

/// A deadline that has come while records before it are not durable yet is looked at again after this.
const NAP: Duration = Duration::from_millis(10);

/// What the loop needs.
pub(crate) struct WarningRunner {
    pub(crate) journal: Arc<dyn Journal>,
    pub(crate) latch: Latch,
    pub(crate) config: Config,
    pub(crate) state: Arc<RwLock<State>>,
    /// How far the state is; `None` before it is there.
    pub(crate) folded: watch::Sender<Option<Position>>,
    pub(crate) inbox: mpsc::Receiver<Ask>,
}

impl WarningRunner {
    /// Runs until shutdown.
    pub(crate) async fn run(self, shutdown: &Shutdown) -> Result<(), ExchangeError> {
        let Self { journal, latch, config, state, folded, inbox } = self;
        let starting = Runner::start(journal, config, state, folded);
        // Cancel-safe: a start that is dropped has written nothing.
        let mut runner = tokio::select! {
            runner = starting => runner.map_err(ExchangeError::Journal)?,
            () = shutdown.requested() => return Ok(()),
        };
        let open = runner.state.read().warnings.open().count();
        info!(position = runner.follower.position.0, open, "warnings watched");
        let health = latch.release();
        runner.run(inbox, shutdown, &health).await.map_err(ExchangeError::Journal)
    }
}

struct Runner {
    journal: Arc<dyn Journal>,
    config: Config,
    key: Key,
    state: Arc<RwLock<State>>,
    folded: watch::Sender<Option<Position>>,
    follower: Follower<Shared>,
    /// Our count in `events`, all of it read.
    fence: KeySeq,
    /// At most one snapshot is being kept, beside the loop.
    saves: JoinSet<Result<(), JournalError>>,
}

impl Runner {
    async fn start(
        journal: Arc<dyn Journal>,
        config: Config,
        state: Arc<RwLock<State>>,
        folded: watch::Sender<Option<Position>>,
    ) -> Result<Self, JournalError> {
        let key = Key::new(KEY)?;
        // The fence is older than what is read behind it: whoever appends in between makes our append fail.
        let fence = journal.key_seq(JournalId::Events, &key);
        let written = journal.bounds(JournalId::Events).appended;
        journal.durable(JournalId::Events, written).await?;
        let anew = || Shared::anew(&state);
        let follower = Follower::start(&*journal, JournalId::Events, key.clone(), Level::Durable, anew).await?;
        let runner = Self { journal, config, key, state, folded, follower, fence, saves: JoinSet::new() };
        runner.tell_position();
        Ok(runner)
    }

    async fn run(&mut self, mut inbox: mpsc::Receiver<Ask>, shutdown: &Shutdown, health: &Component) -> Result<(), JournalError> {
        while !shutdown.is_requested() {
            while self.say().await? && !shutdown.is_requested() {}
            self.tell(health);
            self.save_if_due();
            // Cancel-safe: waiting changes nothing, an ask that is not taken now is taken next time, and a snapshot that is kept is kept
            // either way.
            tokio::select! {
                more = self.follower.more(&*self.journal) => more?,
                () = tokio::time::sleep(self.nap()) => {}
                Some(ask) = inbox.recv() => self.take(ask).await?,
                Some(kept) = self.saves.join_next() => note_kept(kept),
                () = shutdown.requested() => break,
            }
            self.step().await?;
        }
        while let Some(kept) = self.saves.join_next().await {
            note_kept(kept);
        }
        self.follower.snapshot_every(&*self.journal, 1).await
    }

    async fn step(&mut self) -> Result<(), JournalError> {
        self.follower.step(&*self.journal).await?;
        self.tell_position();
        Ok(())
    }

    /// Appends what is due, and reads on until it is known as said; whether there was anything.
    async fn say(&mut self) -> Result<bool, JournalError> {
        let events = self.state.read().warnings.due(self.now());
        if events.is_empty() {
            return Ok(false);
        }
        self.append(&events).await?;
        Ok(true)
    }

    async fn append(&mut self, events: &[Event]) -> Result<(), JournalError> {
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
            self.step().await?;
        }
        events.iter().for_each(note);
        Ok(())
    }

    /// Judges a response on everything that is due and said before it, and answers when the outcome is on record.
    async fn take(&mut self, ask: Ask) -> Result<(), JournalError> {
        let Ask { response, answer } = ask;
        while self.say().await? {}
        if self.state.read().warnings.outcome(&response.request_id).is_none() {
            let event = self.state.read().warnings.judge(&response, self.now());
            if let Some(event) = event {
                self.append(&[event]).await?;
            }
        }
        // Who gave up waiting repeats the request.
        drop(answer.send(self.answered(&response)));
        Ok(())
    }

    fn answered(&self, response: &Response) -> Result<v1::RespondToWarningResponse, Failure> {
        let state = self.state.read();
        let outcome = state.warnings.outcome(&response.request_id).ok_or_else(|| unknown(&state, response))?;
        answer(&state, response, outcome, (self.journal.epoch(), self.journal.now()))
    }

    /// Journal time as far as the fold may know it: an alarm that is written and not durable yet comes before now.
    fn now(&self) -> Time {
        let read_all = self.journal.bounds(JournalId::Events).appended <= self.follower.position;
        if read_all { self.journal.now() } else { Time::MIN }
    }

    /// How long nothing can become due unless something comes.
    fn nap(&self) -> Duration {
        let look_every = self.config.poll_interval;
        let Some(deadline) = self.state.read().warnings.next_deadline() else { return look_every };
        let left = u64::try_from(deadline.since(self.journal.now()).micros()).unwrap_or(0);
        Duration::from_micros(left).clamp(NAP.min(look_every), look_every)
    }

    fn tell_position(&self) {
        self.folded.send_replace(Some(self.follower.position));
    }

    fn tell(&self, health: &Component) {
        let (state, now) = (self.state.read(), self.journal.now());
        for colour in Colour::ALL {
            let open = state.warnings.open().filter(|it| it.colour == *colour).count();
            gauge!(WARNINGS, "colour" => colour.as_str()).set(u32::try_from(open).unwrap_or(u32::MAX));
        }
        let late = state.warnings.open().filter(|it| is_late(it, now)).count();
        gauge!(LATE_WARNINGS).set(u32::try_from(late).unwrap_or(u32::MAX));
        if state.unreadable > 0 {
            let unreadable = state.unreadable;
            health.degraded(format!("{unreadable} records of events cannot be read; a warning may be missed or stand too long"));
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

/// Counts and logs what is on record from now on.
fn note(event: &Event) {
    let EventBody::Warning(change) = &event.body else { return };
    counter!(WARNING_EVENTS, "kind" => change.transition.as_str()).increment(1);
    let WarningChange { rule, colour, level, .. } = &**change;
    let (subject, colour, level) = (&*event.subject, colour.as_str(), level.as_str());
    match change.transition {
        WarningTransition::Opened => info!(%rule, subject, colour, level, "warning opened"),
        WarningTransition::Escalated => info!(%rule, subject, colour, level, "warning escalated: a step is late"),
        WarningTransition::Closed => info!(%rule, subject, colour, level, "warning closed"),
        WarningTransition::Cancelled => info!(%rule, subject, colour, level, "warning cancelled"),
        _ => {}
    }
}

fn note_kept(kept: Result<Result<(), JournalError>, JoinError>) {
    let error = match kept {
        Ok(Ok(())) => return,
        Ok(Err(error)) => error.to_string(),
        Err(error) => error.to_string(),
    };
    warn!(error, "a snapshot of warnings was not kept");
}
