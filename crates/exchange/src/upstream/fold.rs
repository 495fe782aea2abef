//! What is known of upstreams, as a fold over records of `events`: what was taken, and how far each feed is.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use bytes::Bytes;
use journal::{Fold, JournalRecord, Key, RecordKind};
use model::{Epoch, EventId, KeySeq, Time};
use prost::Message as _;
use tracing::error;
use wire::{UpstreamMark, mark_from_record, mark_to_record, record_v1, v1};

use super::taken::{RECENT_MAX, Taken, WriterId};

/// What begins the key of every upstream.
pub(super) const KEYS: &str = "upstream/";

/// One upstream.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Known {
    /// Where to go on.
    pub(super) mark: UpstreamMark,
    /// Our count under its key.
    pub(super) key_seq: KeySeq,
    /// Events taken, ever.
    pub(super) taken: u64,
    /// Whose events came this way.
    pub(super) nodes: BTreeSet<Arc<str>>,
    /// When the last event was first recorded; not in snapshots.
    pub(super) last_event_at: Option<Time>,
}

/// All upstreams after some prefix of `events`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Upstreams {
    pub(super) taken: Taken,
    /// By the key of their records.
    pub(super) known: BTreeMap<Arc<str>, Known>,
}

impl Upstreams {
    /// Before the first record of a journal of this epoch.
    pub(super) fn new(epoch: Epoch) -> Self {
        let mut taken = Taken::new(RECENT_MAX);
        taken.owns(epoch);
        Self { taken, known: BTreeMap::new() }
    }

    /// Whether events of a Davy come this way, the one of `own` node, and by none of the others that are taken.
    pub(super) fn is_only_way(&self, taken: &[Key], key: &str, node: &str, own: &str) -> bool {
        (node == own || self.comes_by(key, node)) && !self.comes_another_way(taken, key, node)
    }

    fn comes_by(&self, key: &str, node: &str) -> bool {
        self.known.get(key).is_some_and(|known| known.nodes.contains(node))
    }

    fn comes_another_way(&self, taken: &[Key], key: &str, node: &str) -> bool {
        taken.iter().map(Key::as_str).any(|other| other != key && self.comes_by(other, node))
    }

    /// What a relay says of an alarm or a warning that it only passes on, from a comparison of its own, while we hear whose it is another way
    /// as well: that way tells it, and in order.
    pub(super) fn is_told_elsewhere(&self, taken: &[Key], key: &str, event: &v1::Event) -> bool {
        let is_of_relay = || EventId::parse(&event.id).is_some_and(|id| id.key.starts_with(KEYS));
        !event.origin.is_empty() && is_of_relay() && self.comes_another_way(taken, key, &event.origin)
    }

    fn take(&mut self, record: &JournalRecord) {
        // Also of one that cannot be read: the fence goes by it.
        self.known.entry(record.key.shared()).or_default().key_seq = record.key_seq;
        let decoded = match wire::decode_event_record(&record.body) {
            Ok(decoded) => decoded,
            Err(error) => {
                let (position, key) = (record.position.0, record.key.as_str());
                return error!(%error, position, key, "a record of an upstream cannot be read; its events may be taken twice");
            }
        };
        let key = record.key.shared();
        let known = self.known.entry(Arc::clone(&key)).or_default();
        if let Some(mark) = &decoded.upstream {
            known.mark = mark.clone();
        }
        let place = (record.epoch, &key, record.key_seq);
        for event in wire::recorded_events(decoded, place, record.position, record.time) {
            let Some(origin) = &event.origin else { continue };
            known.nodes.insert(Arc::clone(&origin.node));
            if !self.taken.is_own(&event.id) {
                self.taken.take(&event.id);
                known.taken += 1;
                known.last_event_at = Some(origin.recorded_at);
            }
        }
    }

    fn to_record(&self) -> record_v1::UpstreamSnapshot {
        let floors: Vec<_> = self.taken.floors().collect();
        let index: BTreeMap<&WriterId, u32> = floors.iter().map(|(id, _)| *id).zip(0..).collect();
        let key = |((epoch, key), floor): &(&WriterId, Option<(KeySeq, u32)>)| record_v1::TakenKey {
            epoch: epoch.0,
            key: key.to_string(),
            // Counts of records begin at 1.
            floor_seq: floor.map_or(0, |(seq, _)| seq.0),
            floor_ordinal: floor.map_or(0, |(_, ordinal)| ordinal),
        };
        let upstream = |(key, known): (&Arc<str>, &Known)| record_v1::UpstreamState {
            key: key.to_string(),
            mark: Some(mark_to_record(&known.mark)),
            key_seq: known.key_seq.0,
            taken: known.taken,
            nodes: known.nodes.iter().map(ToString::to_string).collect(),
        };
        record_v1::UpstreamSnapshot {
            own_epochs: self.taken.own_epochs().map(|it| it.0).collect(),
            keys: floors.iter().map(key).collect(),
            recent_key: self.taken.recent().filter_map(|(id, _)| index.get(id).copied()).collect(),
            recent_seq: self.taken.recent().map(|(_, (seq, _))| seq.0).collect(),
            recent_ordinal: self.taken.recent().map(|(_, (_, ordinal))| *ordinal).collect(),
            upstreams: self.known.iter().map(upstream).collect(),
        }
    }

    fn take_over(&mut self, snapshot: record_v1::UpstreamSnapshot) -> Option<()> {
        snapshot.own_epochs.iter().for_each(|epoch| self.taken.owns(Epoch(*epoch)));
        let writers: Vec<WriterId> = snapshot.keys.iter().map(|it| (Epoch(it.epoch), Arc::from(it.key.as_str()))).collect();
        for (writer, it) in writers.iter().zip(&snapshot.keys) {
            let floor = (it.floor_seq > 0).then_some((KeySeq(it.floor_seq), it.floor_ordinal));
            self.taken.restore_floor(writer.clone(), floor);
        }
        let columns = [snapshot.recent_seq.len(), snapshot.recent_ordinal.len()];
        if columns != [snapshot.recent_key.len(); 2] {
            return None;
        }
        let places = snapshot.recent_seq.iter().map(|seq| KeySeq(*seq)).zip(snapshot.recent_ordinal);
        for (key, place) in snapshot.recent_key.iter().zip(places) {
            self.taken.restore_recent(writers.get(usize::try_from(*key).ok()?)?, place);
        }
        for it in snapshot.upstreams {
            let known = Known {
                mark: mark_from_record(it.mark.unwrap_or_default()),
                key_seq: KeySeq(it.key_seq),
                taken: it.taken,
                nodes: it.nodes.iter().map(|node| Arc::from(node.as_str())).collect(),
                last_event_at: None,
            };
            self.known.insert(Arc::from(it.key), known);
        }
        Some(())
    }
}

impl Fold for Upstreams {
    fn apply(&mut self, record: &JournalRecord) {
        self.taken.owns(record.epoch);
        if record.kind == RecordKind::Data && record.key.as_str().starts_with(KEYS) {
            self.take(record);
        }
    }

    fn snapshot(&self) -> Bytes {
        self.to_record().encode_to_vec().into()
    }

    fn restore(&mut self, body: &[u8]) -> bool {
        record_v1::UpstreamSnapshot::decode(body).ok().and_then(|snapshot| self.take_over(snapshot)).is_some()
    }
}

#[cfg(test)]
mod tests {
    use journal::{JournalId, Key};
    use model::{Event, EventBody, EventId, Origin, Position, RevisionNumber, Scope};
    use proptest::prelude::*;
    use wire::{EventRecord, Kept};

    use super::*;

    fn record(epoch: u64, key: &str, seq: u64, taken: &EventRecord) -> JournalRecord {
        JournalRecord {
            journal: JournalId::Events,
            position: Position(seq),
            epoch: Epoch(epoch),
            time: Time::YEAR_2000,
            key: Key::new(key).expect("valid"),
            key_seq: KeySeq(seq),
            kind: RecordKind::Data,
            body: wire::encode_event_record(taken),
        }
    }

    fn event() -> Event {
        let body = EventBody::CoreVersion(1);
        Event {
            occurred_at: Time::YEAR_2000,
            subject: Arc::from("p"),
            scope: Scope::default(),
            revision: RevisionNumber(1),
            body,
        }
    }

    /// A record with events of a county, and one that is said here.
    fn transfer(node: &str, seqs: &[u64], cursor: &str) -> EventRecord {
        let origin = Arc::new(Origin { node: Arc::from(node), recorded_at: Time::YEAR_2000 });
        let id = |seq: &u64| EventId { epoch: Epoch(2), key: Arc::from("engine/1"), key_seq: KeySeq(*seq), ordinal: 0 };
        let theirs = seqs.iter().map(|seq| Some(Kept { id: Some(id(seq)), origin: Arc::clone(&origin) }));
        let said_here = Some(Kept { id: None, origin: Arc::clone(&origin) });
        let mark = UpstreamMark { cursor: cursor.to_owned(), node: node.to_owned(), complete_to: Some(Time::YEAR_2000) };
        EventRecord {
            events: vec![event(); seqs.len() + 1],
            kept: theirs.chain([said_here]).collect(),
            upstream: Some(mark),
            ..EventRecord::default()
        }
    }

    #[test]
    fn the_last_record_of_a_key_says_where_to_go_on() {
        let mut fold = Upstreams::new(Epoch(1));
        fold.apply(&record(9, "engine/1", 1, &EventRecord { events: vec![event()], ..EventRecord::default() }));
        fold.apply(&record(1, "upstream/a", 3, &transfer("a", &[1, 2], "c1")));
        fold.apply(&record(1, "upstream/b", 1, &transfer("a", &[3], "x1")));
        fold.apply(&record(1, "upstream/a", 4, &transfer("b", &[4], "c2")));
        let own = |epoch| fold.taken.own_epochs().any(|it| it == Epoch(epoch));
        assert!(own(1) && own(9) && !own(2), "epochs of records that stand here are ours");
        let a = &fold.known["upstream/a"];
        assert_eq!((a.mark.cursor.as_str(), a.key_seq, a.taken), ("c2", KeySeq(4), 3));
        let both = ["upstream/a", "upstream/b"].map(|key| Key::new(key).expect("valid"));
        let only = |key, node| fold.is_only_way(&both, key, node, "");
        assert!(only("upstream/a", "b") && !only("upstream/a", "a") && !only("upstream/b", "b"));
        assert!(fold.is_only_way(&both[..1], "upstream/a", "a", ""), "what is taken no more is no way");
        assert!(fold.is_only_way(&both, "upstream/b", "c", "c"), "it is the one that is asked");
        let told = |id: &str, origin: &str| {
            let event = v1::Event { id: id.to_owned(), origin: origin.to_owned(), ..v1::Event::default() };
            fold.is_told_elsewhere(&both, "upstream/b", &event)
        };
        let (relay, engine) = ("0000000000000003-upstream/k-7-0", "0000000000000003-engine/1-7-0");
        assert!(told(relay, "a") && !told(engine, "a"), "what it says itself, not what it passes on");
        assert!(!told(relay, "") && !told(relay, "c"), "of its own, or of one that comes no other way");
    }

    proptest! {
        #[test]
        fn a_snapshot_and_what_follows_is_the_whole(
            records in proptest::collection::vec((0_usize..2, proptest::collection::vec(1_u64..40, 0..5)), 1..30),
            at in 0_usize..30,
        ) {
            let records: Vec<_> = records.iter().zip(1..).map(|((way, seqs), n)| {
                record(1, ["upstream/a", "upstream/b"][*way], n, &transfer("a", seqs, &n.to_string()))
            }).collect();
            let at = at.min(records.len());
            let new = || Upstreams { taken: Taken::new(10), known: BTreeMap::new() };
            let (mut whole, mut first, mut second) = (new(), new(), new());
            records.iter().for_each(|it| whole.apply(it));
            records[..at].iter().for_each(|it| first.apply(it));
            prop_assert!(second.restore(&first.snapshot()));
            records[at..].iter().for_each(|it| second.apply(it));
            for known in whole.known.values_mut().chain(second.known.values_mut()) {
                known.last_event_at = None;
            }
            prop_assert_eq!(whole, second);
        }
    }

    #[test]
    fn other_bytes_are_no_snapshot() {
        let bad = record_v1::UpstreamSnapshot { recent_key: vec![0], ..Default::default() }.encode_to_vec();
        assert!(!Upstreams::new(Epoch(1)).restore(&bad), "columns of unequal length");
        assert!(!Upstreams::new(Epoch(1)).restore(b"x"));
    }
}
