//! What retention dropped before it was stored: said once, with what is known of it, and then left behind.

use std::sync::Arc;

use journal::{Append, Journal, JournalId, Key, Level, ReadLimit};
use model::{EnterpriseId, Event, EventBody, HistoryLoss, Partition, Position, RevisionNumber, Scope, Time};
use prost::Message as _;
use store::Store;
use wire::v1::event::Body;

use crate::run::Fault;
use crate::{HistorianError, metrics};

/// Under which name the historian writes to `events`.
const KEY: &str = "historian";

/// Most points that one event names; a partition with more is not one enterprise's any more.
const POINTS_MAX: usize = 10_000;

/// A stretch of a journal that is gone: from after `stored`, which was recorded at `time`, to before `first`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Gap {
    pub(crate) journal: JournalId,
    pub(crate) stored: Position,
    pub(crate) time: Time,
    pub(crate) first: Position,
}

impl Gap {
    /// The last position that is gone.
    pub(crate) fn last(&self) -> Position {
        Position(self.first.0.saturating_sub(1))
    }
}

/// Says what is lost: for telemetry as an event. A crash between the event and the step over the gap says it only once: our own
/// events are stored before any partition is looked at.
pub(crate) async fn tell(journal: &dyn Journal, store: &dyn Store, gap: &Gap) -> Result<(), Fault> {
    let name = gap.journal.to_string();
    let (from, to) = (gap.stored.0 + 1, gap.last().0);
    tracing::error!(journal = name, from, to, "history lost: retention dropped records before the store took them");
    ::metrics::counter!(metrics::LOST, "journal" => metrics::label(gap.journal)).increment(gap.last().0 - gap.stored.0);
    let JournalId::Telemetry(partition) = gap.journal else { return Ok(()) };
    let said = said_up_to(store, &name).await?;
    if said >= gap.last() {
        return Ok(());
    }
    let loss = HistoryLoss {
        partition: partition.0,
        from_position: Position(gap.stored.max(said).0 + 1),
        to_position: gap.last(),
        from: gap.time,
        to: time_of_first(journal, gap).await?,
        points: points(store, partition).await?,
    };
    append(journal, &name, loss).await
}

/// Up to which position an earlier event has said the loss of this journal.
async fn said_up_to(store: &dyn Store, name: &str) -> Result<Position, Fault> {
    // The last says the most: stretches of a journal are lost in its order.
    let last = store.last_event("history.lost", name).await?;
    let event = last.and_then(|row| wire::v1::Event::decode(row.body.as_slice()).ok());
    match event.and_then(|event| event.body) {
        Some(Body::HistoryLoss(loss)) => Ok(Position(loss.to_position)),
        _ => Ok(Position(0)),
    }
}

async fn time_of_first(journal: &dyn Journal, gap: &Gap) -> Result<Time, Fault> {
    let one = ReadLimit { records: 1, bytes: 1 };
    match journal.read(gap.journal, gap.last(), Level::Durable, one).await {
        Ok(records) => Ok(records.first().map_or_else(|| journal.now(), |record| record.time)),
        // Retention went on meanwhile; the next look will tell the rest.
        Err(journal::JournalError::Trimmed { .. }) => Ok(journal.now()),
        Err(error) => Err(error.into()),
    }
}

async fn points(store: &dyn Store, partition: Partition) -> Result<Vec<String>, Fault> {
    let here = |enterprise: &str| EnterpriseId::new(enterprise).is_ok_and(|id| Partition::of(&id) == partition);
    let points = store.points().await?;
    Ok(points.into_iter().filter(|point| here(&point.enterprise)).map(|point| point.id).take(POINTS_MAX).collect())
}

async fn append(journal: &dyn Journal, subject: &str, loss: HistoryLoss) -> Result<(), Fault> {
    let key = Key::new(KEY)?;
    let event = Event {
        occurred_at: journal.now(),
        subject: Arc::from(subject),
        scope: Scope::default(),
        revision: RevisionNumber(0),
        body: EventBody::HistoryLost(loss),
    };
    let record = wire::EventRecord { events: vec![event], ..wire::EventRecord::default() };
    let fence = Some(journal.key_seq(JournalId::Events, &key));
    let bodies = vec![wire::encode_event_record(&record)];
    let appended = journal.append(Append { journal: JournalId::Events, key, fence, bodies }).await?;
    Ok(journal.durable(JournalId::Events, appended.last).await?)
}

impl From<journal::JournalError> for Fault {
    fn from(error: journal::JournalError) -> Self {
        Self::Fatal(HistorianError::Journal(error))
    }
}

impl From<HistorianError> for Fault {
    fn from(error: HistorianError) -> Self {
        Self::Fatal(error)
    }
}

impl From<store::StoreError> for Fault {
    fn from(error: store::StoreError) -> Self {
        Self::Store(error)
    }
}
