//! What the API knows after some prefix of `events`: open alarms, where points live, outcomes of commands.
//!
//! Its snapshot is two messages of `davy.record.v1`, each behind its length: `AlarmListSnapshot` (`last_events`: the events the list comes
//! out of again; `raises`: the outcomes) and `EventRecord` (`input_position`: the position; `site`: ids and enterprises of all points).

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use journal::{Fold, JournalRecord, RecordKind};
use metrics::counter;
use model::{AlarmList, EnterpriseId, Partition, Position, RecordedEvent, Revision};
use parking_lot::RwLock;
use prost::Message as _;
use tracing::error;
use wire::{Cursor, record_v1, v1};

use super::outcomes::Outcomes;
use crate::metrics::UNREADABLE;

/// The state that calls are answered from.
#[derive(Clone, Debug)]
pub(crate) struct Open {
    /// Everything up to here is in it.
    pub(crate) position: Position,
    /// The open alarms.
    pub(crate) list: AlarmList,
    /// Outcomes of commands.
    pub(crate) outcomes: Outcomes,
    /// Whose each point of the site is.
    homes: BTreeMap<Arc<str>, EnterpriseId>,
    /// Records that could not be read; the list may be wrong.
    pub(crate) unreadable: u64,
}

impl Open {
    pub(crate) fn new(outcomes_max: usize) -> Self {
        Self {
            position: Position(0),
            list: AlarmList::default(),
            outcomes: Outcomes::new(outcomes_max),
            homes: BTreeMap::new(),
            unreadable: 0,
        }
    }

    /// Where the commands on a point go; points that the site gave up but that still are in alarm are found by their alarm.
    pub(crate) fn partition_of(&self, point: &str) -> Option<Partition> {
        let by_alarm = || {
            let (_, open) = self.list.iter().find(|((subject, _), _)| &**subject == point)?;
            EnterpriseId::new(open.last.event.scope.enterprise.as_deref()?).ok()
        };
        self.homes.get(point).cloned().or_else(by_alarm).as_ref().map(Partition::of)
    }

    fn apply(&mut self, record: &JournalRecord) {
        self.position = record.position;
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
            self.take_site(site);
        }
        let place = (record.epoch, &record.key.shared(), record.key_seq);
        for event in wire::recorded_events(decoded, place, record.position, record.time) {
            self.take_event(&event);
        }
    }

    fn take_event(&mut self, event: &RecordedEvent) {
        self.list.apply(event);
        self.outcomes.apply(event);
    }

    fn take_site(&mut self, site: &Revision) {
        self.homes = site.site.points.iter().map(|point| (point.id.shared(), point.enterprise.clone())).collect();
    }

    fn snapshot(&self) -> Bytes {
        let encode = |event: &RecordedEvent| wire::recorded_to_v1(event, &Cursor::after(event.id.epoch, event.position));
        let list = record_v1::AlarmListSnapshot {
            last_events: self.list.essence().iter().map(encode).collect(),
            raises: self.outcomes.iter().map(encode).collect(),
        };
        let point = |(id, enterprise): (&Arc<str>, &EnterpriseId)| v1::Point {
            id: id.to_string(),
            enterprise: enterprise.to_string(),
            ..v1::Point::default()
        };
        let site = record_v1::SiteRevision { points: self.homes.iter().map(point).collect(), ..Default::default() };
        let rest = record_v1::EventRecord { input_position: self.position.0, site: Some(site), ..Default::default() };
        let mut bytes = list.encode_length_delimited_to_vec();
        bytes.extend(rest.encode_length_delimited_to_vec());
        bytes.into()
    }

    fn restore(&mut self, mut body: &[u8]) -> Option<()> {
        let list = record_v1::AlarmListSnapshot::decode_length_delimited(&mut body).ok()?;
        let rest = record_v1::EventRecord::decode_length_delimited(&mut body).ok()?;
        for event in list.last_events.iter().chain(&list.raises) {
            self.take_event(&wire::v1_to_recorded(event).ok()?);
        }
        for point in rest.site.as_ref().map(|site| site.points.as_slice()).unwrap_or_default() {
            self.homes.insert(Arc::from(point.id.as_str()), EnterpriseId::new(&point.enterprise).ok()?);
        }
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
