//! What the API knows after some prefix of `events`: open and hidden alarms, where points live, outcomes of commands.
//!
//! Its snapshot is two messages of `davy.record.v1`, each behind its length: `AlarmListSnapshot` (`last_events`: the events the list comes
//! out of again; `raises`: the outcomes) and `EventRecord` (`input_position`: the position; `site`: what `Homes` knows of the site).

use std::sync::Arc;

use bytes::Bytes;
use journal::{Fold, JournalRecord, RecordKind};
use metrics::counter;
use model::{AlarmList, Command, EnterpriseId, EventId, Partition, Position, RecordedEvent, Time};
use parking_lot::RwLock;
use prost::Message as _;
use tracing::error;
use wire::{Cursor, record_v1};

use super::homes::Homes;
use super::outcomes::Outcomes;
use crate::metrics::UNREADABLE;

/// The state that calls are answered from.
#[derive(Clone, Debug)]
pub(crate) struct Open {
    /// Everything up to here is in it.
    pub(crate) position: Position,
    /// Journal time of the last record in it; `None` before the first, and after a restore before the next.
    pub(crate) time: Option<Time>,
    /// The open and hidden alarms.
    pub(crate) list: AlarmList,
    /// Outcomes of commands.
    pub(crate) outcomes: Outcomes,
    /// The site in force.
    pub(crate) homes: Arc<Homes>,
    /// Records that could not be read; the list may be wrong.
    pub(crate) unreadable: u64,
}

impl Open {
    pub(crate) fn new(outcomes_max: usize) -> Self {
        Self {
            position: Position(0),
            time: None,
            list: AlarmList::default(),
            outcomes: Outcomes::new(outcomes_max),
            homes: Arc::default(),
            unreadable: 0,
        }
    }

    /// Where commands on a point, a gateway or an enterprise go; those that the site gave up but that still are in alarm are found by their
    /// alarm.
    pub(crate) fn partition_of(&self, subject: &str) -> Option<Partition> {
        let by_alarm = || {
            let (_, open) = self.list.iter().find(|((it, _), open)| &**it == subject && !open.last.is_foreign())?;
            let enterprise = EnterpriseId::new(open.last.event.scope.enterprise.as_deref()?).ok()?;
            Some(Partition::of(&enterprise))
        };
        self.homes.partition_of(subject).or_else(by_alarm)
    }

    /// Who judges the alarm that a command means, where that is another Davy: none of ours is named so, or it names an occurrence there.
    pub(crate) fn judged_elsewhere(&self, command: &Command) -> Option<&str> {
        let named = || self.list.named(command.subject.as_str(), &command.alarm);
        let of_occurrence = |it: &EventId| named().find(|open| open.now().occurrence.as_ref() == Some(it));
        let is_ours = || self.homes.partition_of(command.subject.as_str()).is_some();
        let meant = command.occurrence.as_ref().and_then(of_occurrence);
        let meant = meant.or_else(|| named().next().filter(|_| !is_ours()))?;
        Some(meant.last.node()).filter(|node| !node.is_empty())
    }

    /// Takes the next record.
    pub(crate) fn apply(&mut self, record: &JournalRecord) {
        self.apply_until(record, Cursor::WHOLE);
    }

    /// Takes the first so many events of the next record.
    pub(crate) fn apply_until(&mut self, record: &JournalRecord, events: u32) {
        (self.position, self.time) = (record.position, Some(record.time));
        if record.kind == RecordKind::Seal {
            return;
        }
        let decoded = match wire::decode_event_record(&record.body) {
            Ok(decoded) => decoded,
            Err(error) => {
                self.unreadable += 1;
                counter!(UNREADABLE).increment(1);
                let (position, key) = (record.position.0, record.key.as_str());
                return error!(%error, position, key, "a record of events cannot be read; the list of alarms may be wrong");
            }
        };
        if let Some(site) = &decoded.site {
            self.homes = Arc::new(Homes::of(site));
        }
        let place = (record.epoch, &record.key.shared(), record.key_seq);
        for event in wire::recorded_events(decoded, place, record.position, record.time) {
            if event.ordinal < events {
                self.take_event(&event);
            }
        }
    }

    fn take_event(&mut self, event: &RecordedEvent) {
        self.list.apply(event);
        // Request ids of another Davy are its own affair.
        if !event.is_foreign() {
            self.outcomes.apply(event);
        }
    }

    fn snapshot(&self) -> Bytes {
        // The place in our own record: the id of an event of another Davy names the place in its record.
        let cursor = |event: &RecordedEvent| Cursor {
            seen: event.ordinal.saturating_add(1),
            ..Cursor::after(event.id.epoch, event.position)
        };
        let encode = |event: &RecordedEvent| wire::recorded_to_v1(event, &cursor(event));
        let list = record_v1::AlarmListSnapshot {
            last_events: self.list.essence().iter().map(encode).collect(),
            raises: self.outcomes.iter().map(encode).collect(),
        };
        let site = Some(self.homes.to_record());
        let rest = record_v1::EventRecord { input_position: self.position.0, site, ..Default::default() };
        let mut bytes = list.encode_length_delimited_to_vec();
        bytes.extend(rest.encode_length_delimited_to_vec());
        bytes.into()
    }

    /// Takes the state that a snapshot holds; into a fresh one only.
    pub(crate) fn restore(&mut self, mut body: &[u8]) -> Option<()> {
        let list = record_v1::AlarmListSnapshot::decode_length_delimited(&mut body).ok()?;
        let rest = record_v1::EventRecord::decode_length_delimited(&mut body).ok()?;
        for event in list.last_events.iter().chain(&list.raises) {
            let (known, cursor) = (wire::v1_to_recorded(event).ok()?, Cursor::decode(&event.cursor).ok()?);
            let ordinal = if cursor.seen == Cursor::WHOLE { known.ordinal } else { cursor.seen.saturating_sub(1) };
            self.take_event(&RecordedEvent { ordinal, ..known });
        }
        self.homes = Arc::new(Homes::from_record(&rest.site.unwrap_or_default())?);
        self.position = Position(rest.input_position);
        Some(())
    }
}

/// The state as the follower folds it while calls read it; the lock is held for one record at a time.
#[derive(Clone)]
pub(crate) struct Shared {
    open: Arc<RwLock<Open>>,
}

impl Shared {
    /// A fold that starts anew inside the shared place.
    pub(crate) fn anew(open: &Arc<RwLock<Open>>, outcomes_max: usize) -> Self {
        *open.write() = Open::new(outcomes_max);
        Self { open: Arc::clone(open) }
    }
}

impl Fold for Shared {
    fn apply(&mut self, record: &JournalRecord) {
        self.open.write().apply(record);
    }

    fn snapshot(&self) -> Bytes {
        self.open.read().snapshot()
    }

    fn restore(&mut self, body: &[u8]) -> bool {
        self.open.write().restore(body).is_some()
    }
}
