//! What is active now, for feeds that start with it: open alarms and open warnings as a fold over durable `events` (traps 46a).

use std::sync::Arc;

use bytes::Bytes;
use journal::{Fold, JournalRecord};
use model::{AlarmList, Position, RecordedEvent};
use parking_lot::RwLock;
use prost::Message as _;
use wire::{Cursor, record_v1};

use crate::open_warnings::OpenWarnings;
use crate::tail::decode;

/// Both lists and where they stand.
#[derive(Debug, Default)]
pub(crate) struct Open {
    /// Everything up to here is in them; true as soon as the runner has told so.
    pub(crate) position: Position,
    pub(crate) alarms: AlarmList,
    pub(crate) warnings: OpenWarnings,
}

impl Open {
    fn take(&mut self, event: &RecordedEvent) {
        self.alarms.apply(event);
        self.warnings.apply(event);
    }

    /// The recorded events from which all of it comes out again, in the order of the journal.
    pub(crate) fn essence(&self) -> Vec<RecordedEvent> {
        let mut events = self.alarms.essence();
        events.extend(self.warnings.essence().cloned());
        events.sort_by_key(|event| (event.position, event.ordinal));
        events
    }
}

/// The lists as the runner folds them while feeds read them.
pub(crate) struct SharedOpen(Arc<RwLock<Open>>);

impl SharedOpen {
    /// A fold that starts anew inside the shared place.
    pub(crate) fn anew(open: &Arc<RwLock<Open>>) -> Self {
        *open.write() = Open::default();
        Self(Arc::clone(open))
    }
}

impl Fold for SharedOpen {
    fn apply(&mut self, record: &JournalRecord) {
        let mut open = self.0.write();
        open.position = record.position;
        // A record that cannot be read is told by the feeds that meet it.
        for event in decode(record).iter().flatten() {
            open.take(event);
        }
    }

    fn snapshot(&self) -> Bytes {
        // The place in our own record: the id of an event of another Davy names the place in its record.
        let cursor = |event: &RecordedEvent| Cursor {
            seen: event.ordinal.saturating_add(1),
            ..Cursor::after(event.id.epoch, event.position)
        };
        let encode = |event: &RecordedEvent| wire::recorded_to_v1(event, &cursor(event));
        let last_events = self.0.read().essence().iter().map(encode).collect();
        record_v1::AlarmListSnapshot { last_events, raises: Vec::new() }.encode_to_vec().into()
    }

    fn restore(&mut self, body: &[u8]) -> bool {
        let Ok(snapshot) = record_v1::AlarmListSnapshot::decode(body) else { return false };
        let mut open = self.0.write();
        for event in &snapshot.last_events {
            let (Ok(known), Ok(cursor)) = (wire::v1_to_recorded(event), Cursor::decode(&event.cursor)) else { return false };
            let ordinal = if cursor.seen == Cursor::WHOLE { known.ordinal } else { cursor.seen.saturating_sub(1) };
            open.take(&RecordedEvent { ordinal, ..known });
        }
        true
    }
}
