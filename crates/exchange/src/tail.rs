//! Decoded records of `events`, and their events as bytes, shared by all feeds: ten feeds that are about level decode a record once and
//! encode its events once, at the tail and on the way to it.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use journal::{JournalRecord, RecordKind};
use metrics::counter;
use model::{Event, EventBody, Position, RecordedEvent, RevisionNumber, Scope};
use parking_lot::Mutex;
use prost::Message as _;
use tracing::error;
use wire::{Cursor, EventRecord, v1};

use crate::metrics::UNREADABLE;

/// The events of one record, in order.
pub(crate) type Events = Arc<Vec<Shared>>;

/// An event that many feeds hand over.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) event: RecordedEvent,
    bytes: OnceLock<Box<[u8]>>,
}

impl Shared {
    pub(crate) const fn new(event: RecordedEvent) -> Self {
        Self { event, bytes: OnceLock::new() }
    }

    /// `davy.v1.Event` without a cursor, which each feed has its own of; encoded when it is first asked for.
    pub(crate) fn bytes(&self) -> &[u8] {
        self.bytes.get_or_init(|| {
            let any = Cursor::after(self.event.id.epoch, self.event.position);
            let event = v1::Event { cursor: String::new(), ..wire::recorded_to_v1(&self.event, &any) };
            event.encode_to_vec().into()
        })
    }
}

/// Records at the end of the journal that count as near.
const NEAR_RECORDS: u64 = 1_024;

/// Events kept near the end, and as many far from it, each about 35 MB: a record may have ten thousand. One with more is decoded by each
/// feed for itself. Feeds that begin at the same moment drift apart by ten thousand; those behind are faster for what they share.
const EVENTS_MAX: usize = 25_000;

/// So many bytes in the journal weigh as one event; most have less.
const LARGE_BYTES: usize = 512;

/// The records decoded last.
pub(crate) struct Tail {
    near: Mutex<Decoded>,
    /// By themselves: feeds far behind would push out what the others share.
    far: Mutex<Decoded>,
    unreadable: AtomicU64,
}

impl Default for Tail {
    fn default() -> Self {
        let new = || Mutex::new(Decoded::default());
        Self { near: new(), far: new(), unreadable: AtomicU64::new(0) }
    }
}

/// Decoded records, bounded in what they hold; the oldest positions go first.
#[derive(Default)]
struct Decoded {
    records: BTreeMap<Position, (usize, Events)>,
    /// What all records weigh.
    weight: usize,
}

impl Decoded {
    fn insert(&mut self, position: Position, events: Events, weight: usize) {
        if weight > EVENTS_MAX {
            return;
        }
        self.weight += weight;
        // Two feeds may have decoded the same record at the same time.
        let replaced = self.records.insert(position, (weight, events));
        self.weight -= replaced.map_or(0, |(weight, _)| weight);
        while self.weight > EVENTS_MAX {
            let Some((_, (oldest, _))) = self.records.pop_first() else { return };
            self.weight -= oldest;
        }
    }
}

/// A record counts as one event at least, and a large event as many.
fn weight(events: usize, bytes: usize) -> usize {
    events.max(bytes / LARGE_BYTES).max(1)
}

impl Tail {
    /// The events of a record. One that cannot be read gives none: it is logged, counted and shown in health, and what comes after it
    /// still reaches its consumers (traps 60).
    pub(crate) fn events(&self, record: &JournalRecord, durable: Position) -> Events {
        let is_near = record.position.0 + NEAR_RECORDS > durable.0;
        let decoded = if is_near { &self.near } else { &self.far };
        if let Some((_, events)) = decoded.lock().records.get(&record.position) {
            return Arc::clone(events);
        }
        let events = decode(record).unwrap_or_else(|error| {
            self.unreadable.fetch_add(1, Ordering::Relaxed);
            counter!(UNREADABLE).increment(1);
            let (position, key) = (record.position.0, record.key.as_str());
            error!(%error, position, key, "a record of events cannot be read and is passed over");
            Vec::new()
        });
        let events: Events = Arc::new(events.into_iter().map(Shared::new).collect());
        decoded.lock().insert(record.position, Arc::clone(&events), weight(events.len(), record.body.len()));
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

#[cfg(test)]
mod tests {
    use model::{Epoch, EventId, KeySeq, Time};

    use super::*;

    fn events(count: usize) -> Events {
        let body = EventBody::CoreVersion(1);
        let (subject, scope, revision) = (Arc::from("p"), Scope::default(), RevisionNumber(1));
        let event = Event { occurred_at: Time::YEAR_2000, subject, scope, revision, body };
        let id = EventId { epoch: Epoch(1), key: Arc::from("engine/1"), key_seq: KeySeq(1), ordinal: 0 };
        let one = RecordedEvent { id, position: Position(1), ordinal: 0, recorded_at: Time::YEAR_2000, event, origin: None };
        Arc::new((0..count).map(|_| Shared::new(one.clone())).collect())
    }

    fn insert(decoded: &mut Decoded, position: u64, events: Events) {
        let weight = weight(events.len(), 0);
        decoded.insert(Position(position), events, weight);
    }

    fn kept(decoded: &Decoded) -> Vec<u64> {
        assert_eq!(decoded.weight, decoded.records.values().map(|(weight, _)| weight).sum::<usize>());
        decoded.records.keys().map(|it| it.0).collect()
    }

    #[test]
    fn small_records_are_bounded_by_their_number() {
        let mut decoded = Decoded::default();
        let none = events(0);
        for position in 0..=EVENTS_MAX as u64 {
            insert(&mut decoded, position, Arc::clone(&none));
        }
        assert_eq!(kept(&decoded).len(), EVENTS_MAX);
        assert_eq!(kept(&decoded).first(), Some(&1));
    }

    #[test]
    fn large_records_are_bounded_by_their_events() {
        let mut decoded = Decoded::default();
        let large = events(5_000);
        for position in 1..=5 {
            insert(&mut decoded, position, Arc::clone(&large));
        }
        assert_eq!(kept(&decoded), [1, 2, 3, 4, 5], "just as many as may be");
        insert(&mut decoded, 3, Arc::clone(&large));
        assert_eq!(kept(&decoded), [1, 2, 3, 4, 5], "the same again is no more");
        insert(&mut decoded, 6, events(1));
        assert_eq!(kept(&decoded), [2, 3, 4, 5, 6]);
        insert(&mut decoded, 7, events(EVENTS_MAX));
        assert_eq!(kept(&decoded), [7]);
    }

    #[test]
    fn a_record_beyond_the_bound_is_not_kept_and_pushes_nothing_out() {
        let mut decoded = Decoded::default();
        insert(&mut decoded, 1, events(EVENTS_MAX + 1));
        assert_eq!(kept(&decoded), Vec::<u64>::new());
        insert(&mut decoded, 2, events(2));
        insert(&mut decoded, 3, events(EVENTS_MAX + 1));
        assert_eq!(kept(&decoded), [2]);
    }

    #[test]
    fn a_large_event_weighs_as_many() {
        assert_eq!([weight(0, 0), weight(3, 600), weight(1, 10 * LARGE_BYTES)], [1, 3, 10]);
    }
}
