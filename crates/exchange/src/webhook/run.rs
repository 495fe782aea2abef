//! The loop of one webhook.

use std::sync::Arc;
use std::time::Duration;

use cloudevents::Answer;
use journal::{Append, JournalError, JournalId, Key};
use metrics::counter;
use model::ErrorKind;
use tokio::task::JoinSet;
use tokio::time::Instant;
use tonic::Status;
use tracing::{error, info, warn};
use wire::v1::subscribe_response::Item;
use wire::{Cursor, DeadLetter, Failure, FilterBinding, v1};

use super::send::{Attempt, Sender, message};
use super::window::{Outcome, Window};
use super::{Webhook, window::Message};
use crate::error::unavailable;
use crate::feed::{Feed, binding_of};
use crate::frame::Frame;
use crate::metrics::ATTEMPTS;
use crate::request::{Start, Subscription};
use crate::runner::Hub;
use crate::start::begin;

/// Attempts at a time.
const FLIGHTS_MAX: usize = 8;

/// What was taken is committed so often; after a crash as much of it is sent once more.
const COMMIT_EVERY: Duration = Duration::from_secs(1);

/// A cursor while nothing passes the filter.
const HEARTBEAT: Duration = Duration::from_secs(30);

/// After the feed failed.
const PAUSE: Duration = Duration::from_secs(5);

/// What the dead letters keep of an event, bytes.
const KEPT_MAX: usize = 64 * 1024;

/// Runs a webhook until the exchange stops, or until its receiver says that it wants no more.
pub(crate) async fn run(hub: Arc<Hub>, webhook: Webhook) {
    let name = webhook.name.clone();
    let sender = match Sender::new(webhook.clone()) {
        Ok(sender) => sender,
        Err(error) => {
            error!(webhook = name, %error, "a webhook cannot be served");
            hub.trouble(&name, Some(format!("it is not served: {error}")));
            return;
        }
    };
    while !hub.shutdown.is_requested() {
        let failure = match follow(&hub, &webhook, &sender).await {
            Ok(()) => return,
            Err(failure) => failure,
        };
        let Failure { reason, message, .. } = failure;
        warn!(webhook = name, reason, message, "a webhook has lost its feed and takes it up again");
        hub.trouble(&name, Some(format!("it lost its feed and takes it up again: {message}")));
        // Both arms only wait.
        tokio::select! {
            () = tokio::time::sleep(PAUSE) => {}
            () = hub.shutdown.requested() => return,
        }
    }
}

/// Where it went on from the last time; a new one begins with what is active.
async fn feed(hub: &Arc<Hub>, webhook: &Webhook) -> Result<Feed, Failure> {
    hub.loaded().await?;
    let (name, filter) = (webhook.subscription(), webhook.filter.clone());
    let binding = binding_of(&filter);
    let start = hub.committed.get(&name).map_or(Start::Snapshot, Start::Cursor);
    let mut subscription = Subscription { name, start, filter, heartbeat: HEARTBEAT };
    let mut beginning = begin(hub, &subscription, binding).await;
    if let Err(failure) = &beginning
        && failure.kind == ErrorKind::OutOfRange
    {
        // Nobody is there to choose the way out.
        error!(
            webhook = webhook.name,
            message = failure.message,
            "events were lost to a webhook; it begins anew with what is active"
        );
        subscription.start = Start::Snapshot;
        beginning = begin(hub, &subscription, binding).await;
    }
    let beginning = beginning?;
    let seat = hub.seat(&subscription.name, beginning.cursor.position)?;
    info!(webhook = webhook.name, url = webhook.place(), start = ?subscription.start, "webhook follows");
    Ok(Feed::new(Arc::clone(hub), seat, subscription.filter, subscription.heartbeat, beginning))
}

struct Course<'a> {
    hub: &'a Arc<Hub>,
    webhook: &'a Webhook,
    window: Window,
    flights: JoinSet<(u64, Attempt)>,
    settled: Option<Cursor>,
    commit_due: Instant,
    is_gone: bool,
}

async fn follow(hub: &Arc<Hub>, webhook: &Webhook, sender: &Sender) -> Result<(), Failure> {
    let mut feed = feed(hub, webhook).await?;
    hub.trouble(&webhook.name, None);
    let (window, commit_due) = (Window::default(), Instant::now());
    let mut course = Course { hub, webhook, window, flights: JoinSet::new(), settled: None, commit_due, is_gone: false };
    while !hub.shutdown.is_requested() && !course.is_gone {
        course.start(sender);
        course.commit(false).await?;
        let (has_room, wake) = (course.window.has_room(), course.wake());
        // Cancel-safe: a feed that is not waited for has only not read on; flights, ticks and the shutdown are as they were.
        tokio::select! {
            item = feed.next(), if has_room => course.read(item).await?,
            Some(landed) = course.flights.join_next() => match landed {
                Ok((number, attempt)) => course.landed(number, attempt).await?,
                // Its event would stay under way for ever; taken up again, it is sent once more.
                Err(error) => return Err(Failure::new(ErrorKind::Internal, "attempt_broke_off", error.to_string())),
            },
            () = tokio::time::sleep_until(wake) => {}
            () = hub.shutdown.requested() => break,
        }
    }
    // What is under way is sent again after the next start: its receiver knows it by its id.
    course.flights.shutdown().await;
    course.commit(true).await
}

impl Course<'_> {
    fn start(&mut self, sender: &Sender) {
        let now = self.hub.journal.now();
        while self.flights.len() < FLIGHTS_MAX
            && let Some((number, message)) = self.window.start(now)
        {
            let sender = sender.clone();
            self.flights.spawn(async move { (number, sender.attempt(&message, now).await) });
        }
    }

    /// When to look again though nothing has come.
    fn wake(&self) -> Instant {
        let now = self.hub.journal.now();
        let due = self.window.next_due().filter(|_| self.flights.len() < FLIGHTS_MAX);
        let wait = due.map_or(HEARTBEAT, |due| Duration::from_micros(due.since(now).micros().max(1_000).unsigned_abs()));
        let wake = Instant::now() + wait.min(HEARTBEAT);
        if self.settled.is_some() { wake.min(self.commit_due) } else { wake }
    }

    async fn read(&mut self, item: Option<Result<Frame, Status>>) -> Result<(), Failure> {
        let item = match item {
            Some(Ok(frame)) => frame.message().item,
            Some(Err(status)) => return Err(Failure::new(ErrorKind::Unavailable, "feed_ended", status.message())),
            None => return Err(Failure::new(ErrorKind::Unavailable, "feed_ended", "the feed has ended")),
        };
        match item {
            Some(Item::Event(event)) => self.take(&event).await,
            Some(Item::Heartbeat(heartbeat)) => self.note(cursor(&heartbeat.cursor)?, None),
            None => Ok(()),
        }
    }

    fn note(&mut self, cursor: Cursor, message: Option<Message>) -> Result<(), Failure> {
        self.window.push(cursor, message);
        self.settled = self.window.take_settled().or(self.settled);
        Ok(())
    }

    async fn take(&mut self, event: &v1::Event) -> Result<(), Failure> {
        let cursor = cursor(&event.cursor)?;
        let broken = |error: String| Failure::new(ErrorKind::Internal, "event", error);
        let recorded = wire::v1_to_recorded(event).map_err(|error| broken(error.to_string()))?;
        match message(&recorded, &cursor) {
            (message, Ok(())) => self.note(cursor, Some(message)),
            (message, Err(fault)) => {
                self.bury("webhook_unsendable", &message, &fault.to_string()).await?;
                self.note(cursor, None)
            }
        }
    }

    async fn landed(&mut self, number: u64, attempt: Attempt) -> Result<(), Failure> {
        let Attempt { answer, said } = attempt;
        counter!(ATTEMPTS, "result" => result(answer)).increment(1);
        let chance = getrandom::u32().map_or(0, |it| u16::try_from(it >> 16).unwrap_or(0));
        match self.window.ended(number, answer, self.hub.journal.now(), chance) {
            // While another event waits to be tried again, not all is well.
            Outcome::Delivered if self.window.is_failing() => {}
            Outcome::Delivered => {
                if self.hub.trouble(&self.webhook.name, None) {
                    info!(webhook = self.webhook.name, "a webhook's receiver takes all its events again");
                }
            }
            Outcome::Again => self.in_trouble(format!("{said}; it is tried again")),
            Outcome::GivenUp(why, message) => {
                self.bury(why, &message, &said).await?;
                self.window.put_aside(number);
                self.is_gone = why == "webhook_gone";
                let then =
                    if self.is_gone { "it wants no more, and gets none until the next start" } else { "an event was put aside" };
                self.in_trouble(format!("{said}; {then}"));
            }
        }
        self.settled = self.window.take_settled().or(self.settled);
        Ok(())
    }

    fn in_trouble(&self, trouble: String) {
        // Once: every attempt that fails is told by its metric.
        if self.hub.trouble(&self.webhook.name, Some(trouble.clone())) {
            warn!(webhook = self.webhook.name, trouble, "a webhook's receiver does not take what it is sent");
        }
    }

    /// Keeps an event that the receiver will not get with the dead letters, durably.
    async fn bury(&self, reason: &'static str, message: &Message, detail: &str) -> Result<(), Failure> {
        let name = &self.webhook.name;
        error!(
            webhook = name,
            reason,
            event = message.id,
            detail,
            "an event was put aside that a webhook's receiver did not take"
        );
        let payload = &message.body.as_bytes()[..message.body.len().min(KEPT_MAX)];
        let letter = DeadLetter {
            gateway: format!("webhook/{name}"),
            topic: message.kind.clone(),
            reason: reason.to_owned(),
            detail: format!("{}: {detail}; the event is {}", self.webhook.place(), message.id),
            payload: payload.to_vec(),
            payload_bytes: message.body.len() as u64,
            count: 1,
        };
        self.append(letter).await.map_err(|error| unavailable(&error))
    }

    async fn append(&self, letter: DeadLetter) -> Result<(), JournalError> {
        let (journal, key) = (JournalId::Dead, Key::new("exchange/webhooks")?);
        let appended = self.hub.journal.append(Append { journal, key, fence: None, bodies: vec![letter.encode()] }).await?;
        self.hub.journal.durable(journal, appended.last).await
    }

    /// Remembers how far everything is settled, now and then or at once.
    async fn commit(&mut self, at_once: bool) -> Result<(), Failure> {
        if !at_once && Instant::now() < self.commit_due {
            return Ok(());
        }
        let Some(cursor) = self.settled.take() else { return Ok(()) };
        self.commit_due = Instant::now() + COMMIT_EVERY;
        // Another filter may go on there: what it would have let through before is not sent later.
        let cursor = Cursor { filter: FilterBinding::Any, ..cursor };
        self.hub.committed.commit(self.webhook.subscription(), cursor).await
    }
}

fn cursor(text: &str) -> Result<Cursor, Failure> {
    Cursor::decode(text).map_err(|error| Failure::new(ErrorKind::Internal, "cursor", error.to_string()))
}

fn result(answer: Answer) -> &'static str {
    match answer {
        Answer::None => "no_answer",
        Answer::Status { status: 200..=299, .. } => "delivered",
        Answer::Status { status: 400..=499, .. } => "refused",
        Answer::Status { .. } => "failed",
    }
}
