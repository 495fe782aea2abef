//! The inlet: takes what links bring, writes what is to be taken, and tells how far each is once that is on disk.
//!
//! Why nothing is taken twice: one loop judges all, by what `events` says was taken and by what it has judged since. An event and the
//! cursor behind it are one record, and each append is fenced by the count of the record before. What a crash takes back was never known
//! as taken by anybody: its cursor is gone with it.

use std::sync::Arc;
use std::time::Duration;

use journal::{Append, Follower, JournalError, JournalId, Key, Level};
use model::{Position, Time};
use service::Shutdown;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tracing::{info, warn};
use wire::v1;

use super::RECORD_EVENTS;
use super::fold::{Known, Upstreams};
use super::gap::{Differences, Standing};
use super::judge::Skip;
use super::lane::Lane;
use crate::runner::Hub;

/// The key of our snapshots.
const KEY: &str = "exchange/upstreams";

/// How often records of others are read and quiet feeds are looked at.
const TICK: Duration = Duration::from_secs(1);

/// What a link brings.
#[derive(Debug)]
pub(super) struct Arrival {
    /// Which upstream, by its place in the settings.
    pub(super) upstream: usize,
    pub(super) what: What,
}

#[derive(Debug)]
pub(super) enum What {
    /// The feed is open: what that Davy calls itself, and whether it opens with what is active.
    Began {
        node: String,
        anew: bool,
    },
    Event(Box<v1::Event>),
    /// Everything recorded until `complete_to` was sent.
    Heartbeat {
        cursor: String,
        complete_to: Option<Time>,
    },
    /// The cursor is of no use any more, and why.
    Lost(String),
}

/// How a link begins, and how it learns what is on disk.
pub(super) struct Beginning {
    pub(super) cursor: String,
    pub(super) stored: watch::Receiver<String>,
}

pub(super) struct Inlet {
    hub: Arc<Hub>,
    follower: Follower<Upstreams>,
    keys: Vec<Key>,
    lanes: Vec<Lane>,
    stored: Vec<watch::Sender<String>>,
    saves: JoinSet<Result<(), JournalError>>,
}

impl Inlet {
    /// Everything that was ever written is known; gives what each link begins with.
    pub(super) async fn start(hub: Arc<Hub>) -> Result<(Self, Vec<Beginning>), JournalError> {
        let journal = &*hub.journal;
        let written = journal.bounds(JournalId::Events).appended;
        journal.durable(JournalId::Events, written).await?;
        let new = || Upstreams::new(journal.epoch());
        let follower = Follower::start(journal, JournalId::Events, Key::new(KEY)?, Level::Durable, new).await?;
        let (mut keys, mut lanes, mut stored, mut beginnings) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        for (at, upstream) in hub.config.upstreams.iter().enumerate() {
            let known = follower.fold.known.get(upstream.key()).cloned().unwrap_or_default();
            let Known { mark, key_seq, taken, last_event_at, .. } = known;
            hub.upstreams.stored(at, &mark, taken, last_event_at);
            let (sender, receiver) = watch::channel(String::new());
            beginnings.push(Beginning { cursor: mark.cursor.clone(), stored: receiver });
            stored.push(sender);
            lanes.push(Lane::new(&upstream.name, mark, key_seq, journal.now()));
            keys.push(upstream.key.clone());
        }
        info!(position = follower.position.0, upstreams = lanes.len(), "upstreams known");
        Ok((Self { hub, follower, keys, lanes, stored, saves: JoinSet::new() }, beginnings))
    }

    /// Writes until shutdown, or until no link is left.
    pub(super) async fn run(mut self, mut inbox: mpsc::Receiver<Arrival>, shutdown: &Shutdown) -> Result<(), JournalError> {
        let mut tick = tokio::time::interval(TICK);
        tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut arrivals = Vec::with_capacity(RECORD_EVENTS);
        while !shutdown.is_requested() {
            // Cancel-safe: arrivals that are not taken now are taken next time; ticks and snapshots are as they were.
            tokio::select! {
                count = inbox.recv_many(&mut arrivals, RECORD_EVENTS) => {
                    if count == 0 {
                        break;
                    }
                    for arrival in arrivals.drain(..) {
                        self.take(arrival).await?;
                    }
                }
                _ = tick.tick() => self.follower.catch_up(&*self.hub.journal).await?,
                Some(kept) = self.saves.join_next() => {
                    note_kept(kept);
                    continue;
                }
                () = shutdown.requested() => break,
            }
            self.write().await?;
            self.save_if_due();
        }
        while let Some(kept) = self.saves.join_next().await {
            note_kept(kept);
        }
        self.follower.snapshot_every(&*self.hub.journal, 1).await
    }

    async fn take(&mut self, Arrival { upstream, what }: Arrival) -> Result<(), JournalError> {
        let now = self.hub.journal.now();
        let (lane, board) = (&mut self.lanes[upstream], &self.hub.upstreams);
        match what {
            What::Began { node, anew } => lane.began(&node, anew),
            What::Lost(reason) => lane.lost(&reason, now),
            What::Heartbeat { cursor, complete_to } => lane.heartbeat(&cursor, complete_to),
            What::Event(event) => {
                let is_told_elsewhere = self.follower.fold.is_told_elsewhere(&self.keys, self.keys[upstream].as_str(), &event);
                let judged = lane.event(&event, &mut self.follower.fold.taken, &board.node, is_told_elsewhere);
                board.count(upstream, judged.err(), 1);
                if judged == Err(Skip::Unreadable) {
                    let (id, kind) = (&event.id, &event.kind);
                    warn!(id, kind, "an event of an upstream cannot be read by this version and is passed over");
                }
            }
        }
        if let Some(standing) = lane.opened_with() {
            self.compare(upstream, standing).await?;
        }
        Ok(())
    }

    /// The feed has said what is active: what stands here and not there, and comes no other way, has ended; and the other way round.
    async fn compare(&mut self, upstream: usize, standing: Standing) -> Result<(), JournalError> {
        self.write().await?;
        if let Err(failure) = self.hub.folded(self.follower.position).await {
            warn!(message = failure.message, "what an upstream has open could not be compared yet");
            self.lanes[upstream].put_back(standing);
            return Ok(());
        }
        let (now, key, known) = (self.hub.journal.now(), self.keys[upstream].as_str(), &self.follower.fold);
        let own = Arc::clone(&self.lanes[upstream].node);
        let is_only_way = |node: &str| known.is_only_way(&self.keys, key, node, &own);
        let Differences { gone, back } = Differences::between(&self.hub.open.read(), &standing, now, is_only_way);
        if !gone.is_empty() {
            let count = gone.len();
            warn!(upstream = key, count, "alarms and warnings of an upstream are closed here: they do not stand there any more");
        }
        if !back.is_empty() {
            warn!(
                upstream = key,
                count = back.len(),
                "alarms of an upstream are told again: they stand there and were closed here"
            );
        }
        self.lanes[upstream].compared(gone.into_iter().chain(back).collect());
        Ok(())
    }

    /// Everything judged so far is on disk and known when this returns.
    async fn write(&mut self) -> Result<(), JournalError> {
        let (journal, now) = (Arc::clone(&self.hub.journal), self.hub.journal.now());
        let mut last: Option<Position> = None;
        for (lane, key) in self.lanes.iter_mut().zip(&self.keys) {
            let bodies: Vec<_> = lane.records(now).iter().map(wire::encode_event_record).collect();
            if bodies.is_empty() {
                continue;
            }
            let (fence, key) = (Some(lane.fence), key.clone());
            let appended = journal.append(Append { journal: JournalId::Events, key, fence, bodies }).await?;
            lane.fence = appended.key_seq;
            last = last.max(Some(appended.last));
        }
        if let Some(last) = last {
            journal.durable(JournalId::Events, last).await?;
            while self.follower.position < last {
                self.follower.more(&*journal).await?;
                self.follower.step(&*journal).await?;
            }
        }
        self.tell(last.is_some());
        Ok(())
    }

    fn tell(&self, is_written: bool) {
        for (at, (lane, stored)) in self.lanes.iter().zip(&self.stored).enumerate() {
            if is_written && let Some(known) = self.follower.fold.known.get(&*self.keys[at].shared()) {
                self.hub.upstreams.stored(at, &known.mark, known.taken, known.last_event_at);
            }
            self.hub.upstreams.read(at, &lane.mark);
            stored.send_if_modified(|told| {
                let is_new = *told != lane.mark.cursor;
                lane.mark.cursor.clone_into(told);
                is_new
            });
        }
    }

    fn save_if_due(&mut self) {
        if self.saves.is_empty()
            && let Some(snapshot) = self.follower.snapshot_due(self.hub.config.snapshot_records)
        {
            let journal = Arc::clone(&self.hub.journal);
            self.saves.spawn(async move { journal.put_snapshot(snapshot).await });
        }
    }
}

fn note_kept(kept: Result<Result<(), JournalError>, tokio::task::JoinError>) {
    let error = match kept {
        Ok(Ok(())) => return,
        Ok(Err(error)) => error.to_string(),
        Err(error) => error.to_string(),
    };
    warn!(error, "a snapshot of upstreams was not kept");
}
