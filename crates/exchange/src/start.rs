//! Where a feed begins, and the ways out where it cannot (traps 50, 51).

use std::sync::Arc;

use journal::{Journal, JournalError, JournalId, Level, ReadLimit};
use model::{Epoch, ErrorKind, Position, RecordedEvent, Time};
use tokio::time::timeout;
use wire::{Cursor, Failure, FilterBinding};

use crate::error::reading;
use crate::filter::Filter;
use crate::request::{Start, Subscription};
use crate::runner::Hub;

/// Where a feed goes on from.
pub(crate) struct Beginning {
    /// After this.
    pub(crate) cursor: Cursor,
    /// What is sent before, each as part of a snapshot.
    pub(crate) snapshot: Option<Vec<RecordedEvent>>,
    /// Says a heartbeat at once, so that the consumer has a cursor.
    pub(crate) heartbeat_first: bool,
    /// Wherever the oldest event is, even if retention moves on meanwhile.
    pub(crate) earliest: bool,
}

const WAY_OUT: &str = "start at START_POSITION_SNAPSHOT and go on from there, or at START_POSITION_EARLIEST for all that is kept";

/// Finds where a subscription begins.
pub(crate) async fn begin(hub: &Hub, subscription: &Subscription, binding: FilterBinding) -> Result<Beginning, Failure> {
    let bounds = hub.journal.bounds(JournalId::Events);
    let after = |position| Cursor { filter: binding, ..Cursor::after(hub.journal.epoch(), position) };
    let at = |cursor| Beginning { cursor, snapshot: None, heartbeat_first: false, earliest: false };
    let given = match subscription.start {
        Start::Earliest => return Ok(Beginning { earliest: true, ..at(after(Position(bounds.first.0.saturating_sub(1)))) }),
        Start::Latest => return Ok(Beginning { heartbeat_first: true, ..at(after(bounds.durable)) }),
        Start::Time(time) => {
            let before = before(&*hub.journal, time).await.map_err(|error| reading(&error))?;
            return Ok(Beginning { heartbeat_first: true, ..at(after(before)) });
        }
        Start::Snapshot => return snapshot(hub, &subscription.filter, binding).await,
        Start::Cursor(cursor) => cursor,
        Start::Committed => committed(hub, &subscription.name).await?,
    };
    check(&*hub.journal, &given, Some(binding))?;
    if given.in_snapshot {
        return snapshot(hub, &subscription.filter, binding).await;
    }
    Ok(at(Cursor { filter: binding, ..given }))
}

/// The last durable position whose record is older than a moment. The journal's time never falls, so halving finds it.
async fn before(journal: &dyn Journal, time: Time) -> Result<Position, JournalError> {
    let bounds = journal.bounds(JournalId::Events);
    let (mut low, mut high) = (bounds.first.0.saturating_sub(1), bounds.durable.0);
    while low < high {
        let middle = low + (high - low) / 2;
        match recorded_after(journal, Position(middle)).await {
            Ok(Some(recorded)) if recorded < time => low = middle + 1,
            Ok(_) => high = middle,
            // Retention has moved on meanwhile: what it took was the oldest.
            Err(JournalError::Trimmed { first, .. }) => {
                low = low.max(first.0.saturating_sub(1));
                high = high.max(low);
            }
            Err(error) => return Err(error),
        }
    }
    Ok(Position(low))
}

/// When the first durable record after a position was recorded.
pub(crate) async fn recorded_after(journal: &dyn Journal, position: Position) -> Result<Option<Time>, JournalError> {
    let one = ReadLimit { records: 1, ..ReadLimit::default() };
    Ok(journal.read(JournalId::Events, position, Level::Durable, one).await?.first().map(|record| record.time))
}

async fn committed(hub: &Hub, name: &str) -> Result<Cursor, Failure> {
    let none = |message: &str| Err(Failure::field("start", message));
    if name.is_empty() {
        return none("give a cursor or a position to start at, or the name of a subscription with a committed cursor");
    }
    hub.loaded().await?;
    match hub.committed.get(name) {
        Some(cursor) => Ok(cursor),
        None => none("this subscription has committed no cursor yet; give a cursor or a position to start at"),
    }
}

/// Whether a cursor can be resumed at, or committed where no filter is given.
pub(crate) fn check(journal: &dyn Journal, cursor: &Cursor, binding: Option<FilterBinding>) -> Result<(), Failure> {
    let bounds = journal.bounds(JournalId::Events);
    if cursor.epoch != journal.epoch() {
        let message =
            format!("the cursor is of epoch {}, the journal is of epoch {}: it was restored", cursor.epoch, journal.epoch());
        return Err(out_of_range(journal, "cursor_epoch", message));
    }
    if binding.is_some_and(|binding| cursor.filter != FilterBinding::Any && cursor.filter != binding) {
        let message = "the cursor belongs to another filter; resume with that filter, or start anew with this one".to_owned();
        return Err(out_of_range(journal, "cursor_filter", message));
    }
    if cursor.position > bounds.durable {
        let message = format!("the cursor is at {}, the journal ends at {}", cursor.position.0, bounds.durable.0);
        return Err(out_of_range(journal, "cursor_ahead", message));
    }
    if binding.is_some() && !cursor.in_snapshot && read_after(cursor).0 + 1 < bounds.first.0 {
        return Err(expired(journal, bounds.first));
    }
    Ok(())
}

/// The position after which a feed reads to go on from a cursor: a record seen in part is read again.
pub(crate) fn read_after(cursor: &Cursor) -> Position {
    if cursor.seen == Cursor::WHOLE { cursor.position } else { Position(cursor.position.0.saturating_sub(1)) }
}

/// Retention has passed a feed.
pub(crate) fn expired(journal: &dyn Journal, first: Position) -> Failure {
    out_of_range(journal, "cursor_expired", format!("events before position {} are no longer kept here", first.0))
}

fn out_of_range(journal: &dyn Journal, reason: &'static str, message: String) -> Failure {
    let epoch: Epoch = journal.epoch();
    let first = journal.bounds(JournalId::Events).first;
    let earliest = Cursor::after(epoch, Position(first.0.saturating_sub(1)));
    Failure::new(ErrorKind::OutOfRange, reason, message)
        .with("epoch", epoch.to_string())
        .with("earliest_cursor", earliest.encode())
        .with("way_out", WAY_OUT)
}

/// What is active at a durable position not before this call, then what comes after it.
async fn snapshot(hub: &Hub, filter: &Filter, binding: FilterBinding) -> Result<Beginning, Failure> {
    let target = hub.journal.bounds(JournalId::Events).durable;
    hub.folded(target).await?;
    let open = Arc::clone(&hub.open);
    let (position, mut events) = {
        let open = open.read();
        (open.position, open.essence())
    };
    events.retain(|event| filter.lets_through(event));
    let cursor = Cursor { filter: binding, ..Cursor::after(hub.journal.epoch(), position) };
    Ok(Beginning { cursor, snapshot: Some(events), heartbeat_first: true, earliest: false })
}

impl Hub {
    /// Waits until what is open is known at a position or later.
    pub(crate) async fn folded(&self, target: Position) -> Result<(), Failure> {
        let mut folded = self.folded.subscribe();
        let waited = timeout(self.config.wait_limit, folded.wait_for(|it| it.is_some_and(|it| it >= target))).await;
        self.waited(matches!(waited, Ok(Ok(_))))
    }

    /// Waits until the committed cursors are there.
    pub(crate) async fn loaded(&self) -> Result<(), Failure> {
        let mut loaded = self.loaded.subscribe();
        let waited = timeout(self.config.wait_limit, loaded.wait_for(|it| *it)).await;
        self.waited(matches!(waited, Ok(Ok(_))))
    }

    fn waited(&self, in_time: bool) -> Result<(), Failure> {
        if in_time {
            return Ok(());
        }
        let message = "the exchange is still starting, or stopping; try again";
        Err(Failure::new(ErrorKind::Unavailable, "not_ready", message))
    }
}
