//! Decoded records at the tail of `events`, shared by all feeds: ten feeds decode a record once.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use journal::{JournalRecord, RecordKind};
use metrics::counter;
use model::{Event, EventBody, Position, RecordedEvent, RevisionNumber, Scope};
use parking_lot::Mutex;
use tracing::error;
use wire::EventRecord;

use crate::metrics::UNREADABLE;

/// The events of one record, in order.
pub(crate) type Events = Arc<Vec<RecordedEvent>>;

/// Records kept; enough for feeds that are about level with each other.
const RECORDS_MAX: usize = 1_024;

/// The records decoded last.
#[derive(Default)]
pub(crate) struct Tail {
    decoded: Mutex<BTreeMap<Position, Events>>,
    unreadable: AtomicU64,
}

impl Tail {
    /// The events of a record. One that cannot be read gives none: it is logged, counted and shown in health, and what comes after it
    /// still reaches its consumers (traps 60).
    pub(crate) fn events(&self, record: &JournalRecord, durable: Position) -> Events {
        // Feeds far behind would only push out what the others share.
        let is_near = record.position.0 + RECORDS_MAX as u64 > durable.0;
        if is_near && let Some(events) = self.decoded.lock().get(&record.position) {
            return Arc::clone(events);
        }
        let events = Arc::new(decode(record).unwrap_or_else(|error| {
            self.unreadable.fetch_add(1, Ordering::Relaxed);
            counter!(UNREADABLE).increment(1);
            let (position, key) = (record.position.0, record.key.as_str());
            error!(%error, position, key, "a record of events cannot be read and is passed over");
            Vec::new()
        }));
        if is_near {
            let mut decoded = self.decoded.lock();
            decoded.insert(record.position, Arc::clone(&events));
            while decoded.len() > RECORDS_MAX {
                decoded.pop_first();
            }
        }
        events
    }

    /// How many records could not be read.
    pub(crate) fn unreadable(&self) -> u64 {
        self.unreadable.load(Ordering::Relaxed)
    }
}

/// The events of a record with their names; a seal is one event.
pub(crate) fn decode(record: &JournalRecord) -> Result<Vec<RecordedEvent>, wire::DecodeError> {
    let decoded = match record.kind {
        RecordKind::Data => wire::decode_event_record(&record.body)?,
        RecordKind::Seal => EventRecord { events: vec![seal(record)?], ..EventRecord::default() },
    };
    let place = (record.epoch, &record.key.shared(), record.key_seq);
    Ok(wire::recorded_events(decoded, place, record.position, record.time).collect())
}

fn seal(record: &JournalRecord) -> Result<Event, wire::DecodeError> {
    Ok(Event {
        occurred_at: record.time,
        subject: Arc::from("journal"),
        scope: Scope::default(),
        revision: RevisionNumber(0),
        body: EventBody::Seal(wire::seal_notice(&record.body)?),
    })
}
