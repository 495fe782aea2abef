//! One feed: reads `events` after its own position at its own pace, for replay and live alike (traps 48).
//!
//! It is pulled by the connection: nothing is read for a consumer that does not take what is there already, nobody waits for it, and when
//! its connection goes, the feed goes with it (traps 54, 55). The journal's wake-up is a hint; a poll is the net under it (traps 49).

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use futures_util::Stream;
use journal::{JournalError, JournalId, Level, ReadLimit};
use metrics::{Counter, Histogram, counter, histogram};
use model::{ErrorKind, Position};
use tokio::time::{Instant, timeout};
use tonic::Status;
use tracing::debug;
use wire::{Cursor, Failure, FilterBinding};

use crate::error::reading;
use crate::filter::Filter;
use crate::frame::Frame;
use crate::metrics::{DELAY, ENDED, EVENTS, HEARTBEATS};
use crate::runner::{Hub, Seat};
use crate::start::{Beginning, expired, read_after};
use crate::tail::{Events, Shared};

/// What one feed holds in memory at most: the records of one read.
const READ: ReadLimit = ReadLimit { records: 256, bytes: 1024 * 1024 };

enum Ready {
    Event { events: Events, index: usize, cursor: Cursor, snapshot: bool },
    Heartbeat(Cursor),
}

/// One subscriber's reader.
pub(crate) struct Feed {
    hub: Arc<Hub>,
    filter: Filter,
    heartbeat: Duration,
    /// Read so far.
    cursor: Cursor,
    /// Handed over so far.
    sent: Cursor,
    ready: VecDeque<Ready>,
    earliest: bool,
    /// Events that the filter held back since the last item.
    skipped: u64,
    heartbeat_due: Instant,
    ended: Option<Failure>,
    over: bool,
    seat: Seat,
    counted: Counted,
}

/// Looked up once: for each event, looking its counters up would cost as much as sending it.
struct Counted {
    events: Counter,
    heartbeats: Counter,
    delay: Histogram,
}

impl Feed {
    pub(crate) fn new(hub: Arc<Hub>, seat: Seat, filter: Filter, heartbeat: Duration, beginning: Beginning) -> Self {
        let Beginning { cursor, snapshot, heartbeat_first, earliest } = beginning;
        let mut feed = Self {
            hub,
            filter,
            heartbeat,
            cursor,
            sent: Cursor { in_snapshot: snapshot.is_some(), ..cursor },
            ready: VecDeque::new(),
            earliest,
            skipped: 0,
            heartbeat_due: Instant::now() + heartbeat,
            ended: None,
            over: false,
            seat,
            counted: Counted { events: counter!(EVENTS), heartbeats: counter!(HEARTBEATS), delay: histogram!(DELAY) },
        };
        feed.open_with(snapshot.unwrap_or_default());
        if heartbeat_first {
            feed.ready.push_back(Ready::Heartbeat(cursor));
        }
        feed
    }

    /// A cursor in the midst of a snapshot begins it anew: only the last one stands for all of it.
    fn open_with(&mut self, snapshot: Vec<model::RecordedEvent>) {
        let events: Events = Arc::new(snapshot.into_iter().map(Shared::new).collect());
        for index in 0..events.len() {
            let cursor = Cursor { in_snapshot: index + 1 < events.len(), ..self.cursor };
            self.ready.push_back(Ready::Event { events: Arc::clone(&events), index, cursor, snapshot: true });
        }
    }

    /// As the stream that tonic polls.
    pub(crate) fn into_stream(self) -> impl Stream<Item = Result<Frame, Status>> + Send + 'static {
        futures_util::stream::unfold(Box::new(self), async |mut feed| {
            let item = feed.next().await?;
            Some((item, feed))
        })
    }

    pub(crate) async fn next(&mut self) -> Option<Result<Frame, Status>> {
        loop {
            self.end_at_shutdown();
            if let Some(ready) = self.ready.pop_front() {
                return Some(Ok(self.hand_over(ready)));
            }
            if self.over {
                return None;
            }
            if let Some(failure) = self.ended.take() {
                self.over = true;
                debug!(subscriber = self.seat.number, reason = failure.reason, "feed ended");
                counter!(ENDED, "reason" => failure.reason).increment(1);
                return Some(Err(failure.into()));
            }
            if let Err(failure) = self.fill().await {
                self.ended = Some(failure);
            }
        }
    }

    /// The last thing a consumer gets is its cursor: what was read and not yet handed over comes again when it resumes.
    fn end_at_shutdown(&mut self) {
        if self.over || self.ended.is_some() || !self.hub.shutdown.is_requested() {
            return;
        }
        let last = if self.ready.is_empty() { self.cursor } else { self.sent };
        self.ready.clear();
        self.ready.push_back(Ready::Heartbeat(last));
        let failure = Failure::new(ErrorKind::Unavailable, "shutting_down", "Davy is stopping; resume at your last cursor");
        self.ended = Some(failure.with("cursor", last.encode()));
    }

    fn hand_over(&mut self, ready: Ready) -> Frame {
        let now = self.hub.journal.now();
        self.heartbeat_due = Instant::now() + self.heartbeat;
        let frame = match ready {
            Ready::Heartbeat(cursor) => {
                self.counted.heartbeats.increment(1);
                Frame::Heartbeat { cursor, at: now }
            }
            Ready::Event { events, index, cursor, snapshot } => {
                self.counted.events.increment(1);
                if !snapshot {
                    let micros = u64::try_from(now.since(events[index].event.recorded_at).micros()).unwrap_or(0);
                    self.counted.delay.record(Duration::from_micros(micros).as_secs_f64());
                }
                Frame::Event { events, index, cursor, snapshot }
            }
        };
        self.sent = *frame.cursor();
        self.seat.at(self.sent.position);
        frame
    }

    /// Reads on, or waits until there is more to read or a heartbeat is due.
    async fn fill(&mut self) -> Result<(), Failure> {
        let journal = &*self.hub.journal;
        let read = journal.read(JournalId::Events, read_after(&self.cursor), Level::Durable, READ).await;
        let records = match read {
            Err(JournalError::Trimmed { first, .. }) if self.earliest => {
                self.cursor = Cursor {
                    filter: self.cursor.filter,
                    ..Cursor::after(self.cursor.epoch, Position(first.0.saturating_sub(1)))
                };
                return Ok(());
            }
            Err(JournalError::Trimmed { first, .. }) => return Err(expired(journal, first)),
            other => other.map_err(|error| reading(&error))?,
        };
        if records.is_empty() {
            return self.wait().await;
        }
        self.earliest = false;
        let durable = journal.bounds(JournalId::Events).durable;
        let hub = Arc::clone(&self.hub);
        for record in &records {
            self.take(record.position, &hub.tail.events(record, durable));
        }
        if self.skipped >= self.hub.config.bookmark_events || (self.ready.is_empty() && Instant::now() >= self.heartbeat_due) {
            self.skipped = 0;
            self.ready.push_back(Ready::Heartbeat(self.cursor));
        }
        if self.ready.is_empty() {
            // A long way through events that the filter holds back must not keep others from this thread.
            tokio::task::yield_now().await;
        }
        Ok(())
    }

    /// Takes the events of the next record, but those that the consumer has seen.
    fn take(&mut self, position: Position, events: &Events) {
        let seen =
            if self.cursor.position == position && self.cursor.seen != Cursor::WHOLE { self.cursor.seen as usize } else { 0 };
        let whole = Cursor { position, seen: Cursor::WHOLE, ..self.cursor };
        for (index, event) in events.iter().enumerate().skip(seen) {
            if !self.filter.lets_through(&event.event) {
                self.skipped += 1;
                continue;
            }
            let cursor = match u32::try_from(index + 1) {
                Ok(seen) if index + 1 < events.len() => Cursor { seen, ..whole },
                _ => whole,
            };
            self.skipped = 0;
            self.ready.push_back(Ready::Event { events: Arc::clone(events), index, cursor, snapshot: false });
        }
        self.cursor = whole;
    }

    async fn wait(&mut self) -> Result<(), Failure> {
        let (hub, after) = (Arc::clone(&self.hub), self.cursor.position);
        let more = timeout(hub.config.poll_interval, hub.journal.wait(JournalId::Events, after, Level::Durable));
        // Cancel-safe: waiting changes nothing, and the next read starts where the last one ended.
        tokio::select! {
            more = more => if let Ok(Err(error)) = more {
                return Err(reading(&error));
            },
            () = tokio::time::sleep_until(self.heartbeat_due) => self.ready.push_back(Ready::Heartbeat(self.cursor)),
            () = hub.shutdown.requested() => {}
        }
        Ok(())
    }
}

/// The binding of a feed's cursors.
pub(crate) fn binding_of(filter: &Filter) -> FilterBinding {
    FilterBinding::Hash(filter.hash())
}
