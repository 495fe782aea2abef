//! What is known of all journals at one place of the log: the last position of each, the heads of its keys, the last seal.
//! It stands at the start of every file, so that no file is needed to understand a later one.

use std::collections::BTreeMap;

use model::{KeySeq, Position, Time};
use prost::Message;

use super::frame::{Frame, Hash, Header};
use super::lane::{journal_of, lane_of};
use crate::{JournalId, Key, RecordKind};

/// Where one writer stands in one journal.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct KeyHead {
    pub(crate) seq: KeySeq,
    /// The chain after its last record; zeros outside `events`.
    pub(crate) chain: Hash,
}

/// Where one journal stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct JournalHead {
    pub(crate) appended: Position,
    pub(crate) last_time: Time,
    pub(crate) keys: BTreeMap<Key, KeyHead>,
}

impl Default for JournalHead {
    fn default() -> Self {
        Self { appended: Position(0), last_time: Time::MIN, keys: BTreeMap::new() }
    }
}

/// The last seal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct LastSeal {
    pub(crate) position: Position,
    /// SHA-256 of its body.
    pub(crate) hash: Hash,
}

/// Where the whole log stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct LogState {
    pub(crate) time: Time,
    pub(crate) journals: BTreeMap<JournalId, JournalHead>,
    pub(crate) seal: Option<LastSeal>,
}

impl Default for LogState {
    fn default() -> Self {
        Self { time: Time::MIN, journals: BTreeMap::new(), seal: None }
    }
}

/// How to take the last record back.
#[derive(Debug)]
pub(crate) struct Undo {
    time: Time,
    seal: Option<LastSeal>,
    journal: JournalId,
    head: Option<(Position, Time)>,
    key: Key,
    key_head: Option<KeyHead>,
}

impl LogState {
    pub(crate) fn appended(&self, journal: JournalId) -> Position {
        self.journals.get(&journal).map_or(Position(0), |head| head.appended)
    }

    pub(crate) fn key_head(&self, journal: JournalId, key: &Key) -> KeyHead {
        self.journals.get(&journal).and_then(|head| head.keys.get(key)).copied().unwrap_or_default()
    }

    /// Takes a record that follows.
    pub(crate) fn apply(&mut self, header: &Header, link: Option<(Hash, Hash)>) -> Undo {
        let known = self.journals.get(&header.journal);
        let undo = Undo {
            time: self.time,
            seal: self.seal,
            journal: header.journal,
            head: known.map(|head| (head.appended, head.last_time)),
            key: header.key.clone(),
            key_head: known.and_then(|head| head.keys.get(&header.key)).copied(),
        };
        let (body_hash, chain) = link.unwrap_or_default();
        self.time = self.time.max(header.time);
        if header.kind == RecordKind::Seal {
            self.seal = Some(LastSeal { position: header.position, hash: body_hash });
        }
        let head = self.journals.entry(header.journal).or_default();
        head.appended = header.position;
        head.last_time = header.time;
        head.keys.insert(header.key.clone(), KeyHead { seq: header.key_seq, chain });
        undo
    }

    /// Takes the last record back.
    pub(crate) fn undo(&mut self, undo: Undo) {
        self.time = undo.time;
        self.seal = undo.seal;
        let Some((appended, last_time)) = undo.head else {
            self.journals.remove(&undo.journal);
            return;
        };
        let head = self.journals.entry(undo.journal).or_default();
        (head.appended, head.last_time) = (appended, last_time);
        match undo.key_head {
            Some(key_head) => head.keys.insert(undo.key, key_head),
            None => head.keys.remove(&undo.key),
        };
    }

    /// Takes the record of a frame if it follows without a hole, in its journal, its key, its chain and in time.
    pub(crate) fn follow(&mut self, frame: &Frame<'_>) -> Result<(), &'static str> {
        let header = &frame.header;
        let key_head = self.key_head(header.journal, &header.key);
        if header.position.0 != self.appended(header.journal).0 + 1 {
            return Err("its position does not follow the record before");
        }
        if header.key_seq.0 != key_head.seq.0 + 1 {
            return Err("its key_seq does not follow the record of that key before");
        }
        if header.time < self.time {
            return Err("its journal time is less than that of the record before");
        }
        if let Some(link) = frame.link
            && header.chain(&key_head.chain, &link.body_hash) != link.chain
        {
            return Err("its chain does not follow from the record of that key before");
        }
        self.apply(header, frame.link.map(|link| (link.body_hash, link.chain)));
        Ok(())
    }

    pub(crate) fn encode(&self) -> Vec<u8> {
        self.mirror().encode_to_vec()
    }

    pub(crate) fn decode(bytes: &[u8]) -> Option<Self> {
        StateMirror::decode(bytes).ok().and_then(|mirror| mirror.state())
    }

    pub(crate) fn mirror(&self) -> StateMirror {
        let journal = |(id, head): (&JournalId, &JournalHead)| JournalMirror {
            lane: u32::try_from(lane_of(*id)).expect("there are 258 lanes"),
            appended: head.appended.0,
            last_time: head.last_time.micros(),
            keys: head.keys.iter().map(key_mirror).collect(),
        };
        StateMirror {
            time: self.time.micros(),
            journals: self.journals.iter().map(journal).collect(),
            seal: self.seal.map(|seal| SealMirror { position: seal.position.0, hash: seal.hash.to_vec() }),
        }
    }
}

fn key_mirror((key, head): (&Key, &KeyHead)) -> KeyMirror {
    let chain = if head.chain == Hash::default() { Vec::new() } else { head.chain.to_vec() };
    KeyMirror { key: key.as_str().to_owned(), seq: head.seq.0, chain }
}

/// `LogState` as it is stored.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct StateMirror {
    #[prost(sint64, tag = "1")]
    time: i64,
    #[prost(message, repeated, tag = "2")]
    journals: Vec<JournalMirror>,
    #[prost(message, optional, tag = "3")]
    seal: Option<SealMirror>,
}

#[derive(Clone, PartialEq, Message)]
struct JournalMirror {
    #[prost(uint32, tag = "1")]
    lane: u32,
    #[prost(uint64, tag = "2")]
    appended: u64,
    #[prost(sint64, tag = "3")]
    last_time: i64,
    #[prost(message, repeated, tag = "4")]
    keys: Vec<KeyMirror>,
}

#[derive(Clone, PartialEq, Message)]
struct KeyMirror {
    #[prost(string, tag = "1")]
    key: String,
    #[prost(uint64, tag = "2")]
    seq: u64,
    #[prost(bytes = "vec", tag = "3")]
    chain: Vec<u8>,
}

#[derive(Clone, PartialEq, Message)]
struct SealMirror {
    #[prost(uint64, tag = "1")]
    position: u64,
    #[prost(bytes = "vec", tag = "2")]
    hash: Vec<u8>,
}

impl StateMirror {
    pub(crate) fn state(&self) -> Option<LogState> {
        let mut journals = BTreeMap::new();
        for journal in &self.journals {
            let mut keys = BTreeMap::new();
            for key in &journal.keys {
                let chain = if key.chain.is_empty() { Hash::default() } else { key.chain.as_slice().try_into().ok()? };
                keys.insert(Key::new(&key.key).ok()?, KeyHead { seq: KeySeq(key.seq), chain });
            }
            let last_time = Time::from_micros(journal.last_time);
            let head = JournalHead { appended: Position(journal.appended), last_time, keys };
            journals.insert(journal_of(journal.lane as usize)?, head);
        }
        let seal = match &self.seal {
            Some(seal) => Some(LastSeal { position: Position(seal.position), hash: seal.hash.as_slice().try_into().ok()? }),
            None => None,
        };
        Some(LogState { time: Time::from_micros(self.time), journals, seal })
    }
}
