//! The loop: reads durable `events`, appends what is due and what callers ask for, reads that, and sleeps until something comes or a
//! deadline does. A deadline is a fact of the fold, not a timer: one that passed while nobody ran is said at the next start.
//!
//! Why nothing is said twice: what is due follows from the durable events alone, those said before included, and before the clerk is asked
//! again its last answer is durable and read. An answer that a crash took back was never read by anybody, and is due again. Two
//! processes cannot both answer: each append is fenced by the count that its answer rests on.

use std::sync::Arc;
use std::time::Duration;

use journal::{Append, Follower, Journal, JournalError, JournalId, Key, Level};
use model::{Event, KeySeq, Position, Time};
use parking_lot::RwLock;
use service::{Component, Latch, Shutdown};
use tokio::sync::{mpsc, watch};
use tokio::task::{JoinError, JoinSet};
use tracing::{error, info, warn};

use crate::Config;
use crate::book::{Book, Shared};
use crate::clerk::{Clerk, Standing};
use crate::counter::Asked;

/// Events of one record: a start that finds thousands of things due writes several.
const RECORD_EVENTS: usize = 500;

/// A deadline that has come while records before it are not durable yet is looked at again after this.
const NAP: Duration = Duration::from_millis(10);

/// The loop of one desk.
pub struct DeskRunner<C: Clerk> {
    pub(crate) journal: Arc<dyn Journal>,
    pub(crate) latch: Latch,
    pub(crate) config: Config,
    pub(crate) book: Arc<RwLock<Book<C>>>,
    /// How far the book is; `None` before it is there.
    pub(crate) folded: watch::Sender<Option<Position>>,
    pub(crate) inbox: mpsc::Receiver<Asked<C>>,
    pub(crate) new: Box<dyn Fn() -> C + Send + Sync>,
}

impl<C: Clerk> DeskRunner<C> {
    /// Runs until shutdown.
    pub async fn run(self, shutdown: &Shutdown) -> Result<(), JournalError> {
        let Self { journal, latch, config, book, folded, inbox, new } = self;
        let starting = Runner::start(journal, config, book, folded, new);
        // Cancel-safe: a start that is dropped has written nothing.
        let mut runner = tokio::select! {
            runner = starting => runner?,
            () = shutdown.requested() => return Ok(()),
        };
        info!(position = runner.follower.position.0, desk = C::KEY, "the list of {} is up to date", C::KEEPS);
        let health = latch.release();
        runner.run(inbox, shutdown, &health).await
    }
}

struct Runner<C: Clerk> {
    journal: Arc<dyn Journal>,
    config: Config,
    key: Key,
    book: Arc<RwLock<Book<C>>>,
    folded: watch::Sender<Option<Position>>,
    follower: Follower<Shared<C>>,
    /// Our count in `events`, all of it read.
    fence: KeySeq,
    /// What was said last because it was due.
    said: Vec<Event>,
    /// It is due still.
    is_stuck: bool,
    /// At most one snapshot is being kept, beside the loop.
    saves: JoinSet<Result<(), JournalError>>,
}

impl<C: Clerk> Runner<C> {
    async fn start(
        journal: Arc<dyn Journal>,
        config: Config,
        book: Arc<RwLock<Book<C>>>,
        folded: watch::Sender<Option<Position>>,
        new: Box<dyn Fn() -> C + Send + Sync>,
    ) -> Result<Self, JournalError> {
        let key = Key::new(C::KEY)?;
        // The fence is older than what is read behind it: whoever appends in between makes our append fail.
        let fence = journal.key_seq(JournalId::Events, &key);
        let written = journal.bounds(JournalId::Events).appended;
        journal.durable(JournalId::Events, written).await?;
        let anew = || Shared::anew(&book, new());
        let follower = Follower::start(&*journal, JournalId::Events, key.clone(), Level::Durable, anew).await?;
        // A snapshot does not say where it stands; the follower does.
        book.write().position = follower.position;
        let runner = Self {
            journal,
            config,
            key,
            book,
            folded,
            follower,
            fence,
            said: Vec::new(),
            is_stuck: false,
            saves: JoinSet::new(),
        };
        runner.tell_position();
        Ok(runner)
    }

    async fn run(
        &mut self,
        mut inbox: mpsc::Receiver<Asked<C>>,
        shutdown: &Shutdown,
        health: &Component,
    ) -> Result<(), JournalError> {
        while !shutdown.is_requested() {
            while self.say().await? && !shutdown.is_requested() {}
            self.tell(health);
            self.save_if_due();
            // Cancel-safe: waiting changes nothing, what is not taken from the inbox now is taken next time, and a snapshot that is kept is
            // kept either way.
            tokio::select! {
                more = self.follower.more(&*self.journal) => more?,
                () = tokio::time::sleep(self.nap()) => {}
                Some(asked) = inbox.recv() => self.take(asked).await?,
                Some(kept) = self.saves.join_next() => note_kept(kept, C::KEEPS),
                () = shutdown.requested() => break,
            }
            self.step().await?;
        }
        while let Some(kept) = self.saves.join_next().await {
            note_kept(kept, C::KEEPS);
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
        let events = self.book.write().clerk.due(self.now());
        if events.is_empty() {
            self.said.clear();
            self.is_stuck = false;
            return Ok(false);
        }
        if events == self.said {
            // It stands in the journal and did not count. Once more would not count either, and would fill the disk.
            if !std::mem::replace(&mut self.is_stuck, true) {
                let kinds: Vec<_> = events.iter().map(|event| event.body.kind()).collect();
                error!(desk = C::KEY, ?kinds, "what is due was said and is due still; it is not said again: {}", C::LOSS);
            }
            return Ok(false);
        }
        self.is_stuck = false;
        self.append(&events).await?;
        self.said = events;
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
        let book = self.book.read();
        events.iter().for_each(|event| book.clerk.said(event));
        Ok(())
    }

    /// Judges a request on everything that is due and said before it, and answers when the outcome is on record.
    async fn take(&mut self, asked: Asked<C>) -> Result<(), JournalError> {
        let Asked { ask, answer } = asked;
        while self.say().await? {}
        let event = self.book.read().clerk.judge(&ask, self.now());
        if let Some(event) = event {
            self.append(&[event]).await?;
        }
        // Who gave up waiting repeats the request.
        drop(answer.send(self.book.read().clerk.answer(&ask, self.standing())));
        Ok(())
    }

    fn standing(&self) -> Standing {
        Standing { epoch: self.journal.epoch(), position: self.follower.position, now: self.journal.now() }
    }

    /// Journal time as far as the clerk may know it: an event that is written and not durable yet comes before now.
    fn now(&self) -> Time {
        let read_all = self.journal.bounds(JournalId::Events).appended <= self.follower.position;
        if read_all { self.journal.now() } else { Time::MIN }
    }

    /// How long nothing can become due unless something comes.
    fn nap(&self) -> Duration {
        let look_every = self.config.look_every;
        let Some(deadline) = self.book.read().clerk.next_deadline() else { return look_every };
        let left = u64::try_from(deadline.since(self.journal.now()).micros()).unwrap_or(0);
        Duration::from_micros(left).clamp(NAP.min(look_every), look_every)
    }

    fn tell_position(&self) {
        self.folded.send_replace(Some(self.follower.position));
    }

    fn tell(&self, health: &Component) {
        let book = self.book.read();
        book.clerk.tell(self.journal.now());
        if book.unreadable > 0 {
            health.degraded(format!("{} records of events cannot be read; {}", book.unreadable, C::LOSS));
        } else if self.is_stuck {
            health.degraded(format!("what was said of {} does not count as said; {}", C::KEEPS, C::LOSS));
        } else {
            health.ready();
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

fn note_kept(kept: Result<Result<(), JournalError>, JoinError>, keeps: &str) {
    let error = match kept {
        Ok(Ok(())) => return,
        Ok(Err(error)) => error.to_string(),
        Err(error) => error.to_string(),
    };
    warn!(error, "a snapshot of {keeps} was not kept");
}
