//! What readers share of one journal: where its records stand, the newest ones themselves, and how far they are appended and durable.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use model::{KeySeq, PARTITIONS, Partition, Position, Time};
use parking_lot::Mutex;
use tokio::sync::watch;

use super::file::LogFile;
use crate::{Bounds, JournalId, JournalRecord, Key, Level, ReadLimit};

const EVENTS: usize = PARTITIONS as usize;
const DEAD: usize = EVENTS + 1;
/// How many journals there are.
pub(crate) const LANES: usize = DEAD + 1;
/// What a record in memory costs beside its body.
pub(crate) const RECORD_BYTES: usize = 128;

/// The number of a journal; part of the stored format.
pub(crate) fn lane_of(journal: JournalId) -> usize {
    match journal {
        JournalId::Telemetry(partition) => usize::from(partition.0),
        JournalId::Events => EVENTS,
        JournalId::Dead => DEAD,
    }
}

/// The journal of a number.
pub(crate) fn journal_of(lane: usize) -> Option<JournalId> {
    match lane {
        EVENTS => Some(JournalId::Events),
        DEAD => Some(JournalId::Dead),
        _ => u8::try_from(lane).ok().map(|partition| JournalId::Telemetry(Partition(partition))),
    }
}

/// Records of one journal that stand in one file, without a hole.
#[derive(Clone, Debug)]
pub(crate) struct Run {
    pub(crate) file: Arc<LogFile>,
    /// Position of the first one.
    pub(crate) first: u64,
    /// Where each frame starts; a file is shorter than 4 GiB.
    pub(crate) offsets: Vec<u32>,
}

impl Run {
    /// Position of the last one.
    pub(crate) fn last(&self) -> u64 {
        self.first + self.offsets.len() as u64 - 1
    }

    /// Leaves out what is at or before a position; `None` where nothing stays.
    pub(crate) fn after(mut self, position: u64) -> Option<Self> {
        if position >= self.last() {
            return None;
        }
        if position >= self.first {
            let gone = usize::try_from(position + 1 - self.first).expect("fewer than the offsets");
            self.offsets.drain(..gone);
            self.first = position + 1;
        }
        Some(self)
    }
}

/// How far a journal is at one level.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Mark {
    pub(crate) position: u64,
    /// Nothing more will come.
    pub(crate) ended: bool,
}

#[derive(Debug)]
struct LaneState {
    appended: u64,
    durable: u64,
    last_time: Time,
    runs: VecDeque<Run>,
    keys: BTreeMap<Key, KeySeq>,
    /// The newest records, ending with `appended`.
    recent: VecDeque<JournalRecord>,
}

/// One journal as readers see it.
#[derive(Debug)]
pub(crate) struct Lane {
    state: Mutex<LaneState>,
    pub(crate) appended: watch::Sender<Mark>,
    pub(crate) durable: watch::Sender<Mark>,
}

/// Where the next records for a reader are.
#[derive(Debug)]
pub(crate) enum Plan {
    /// Here.
    Ready(Vec<JournalRecord>),
    /// In files, in this order.
    Stored(Vec<Run>),
    /// Gone; this is the oldest kept.
    Trimmed(Position),
}

impl Lane {
    pub(crate) fn new(appended: u64, last_time: Time, keys: BTreeMap<Key, KeySeq>, runs: VecDeque<Run>) -> Self {
        let mark = Mark { position: appended, ended: false };
        let state = LaneState { appended, durable: appended, last_time, runs, keys, recent: VecDeque::new() };
        Self { state: Mutex::new(state), appended: watch::Sender::new(mark), durable: watch::Sender::new(mark) }
    }

    pub(crate) fn bounds(&self) -> Bounds {
        let state = self.state.lock();
        Bounds {
            first: Position(state.first()),
            appended: Position(state.appended),
            durable: Position(state.durable),
            last_time: state.last_time,
        }
    }

    pub(crate) fn key_seq(&self, key: &Key) -> KeySeq {
        self.state.lock().keys.get(key).copied().unwrap_or_default()
    }

    /// Adds a written record; wakes nobody yet.
    pub(crate) fn push(&self, file: &Arc<LogFile>, offset: u32, record: JournalRecord) {
        let mut state = self.state.lock();
        let position = record.position.0;
        match state.runs.back_mut() {
            Some(run) if run.file.number == file.number && run.file.kind == file.kind => run.offsets.push(offset),
            _ => state.runs.push_back(Run { file: Arc::clone(file), first: position, offsets: vec![offset] }),
        }
        state.appended = position;
        state.last_time = record.time;
        match state.keys.get_mut(&record.key) {
            Some(seq) => *seq = record.key_seq,
            None => _ = state.keys.insert(record.key.clone(), record.key_seq),
        }
        state.recent.push_back(record);
    }

    /// Forgets the oldest record in memory.
    pub(crate) fn forget_oldest(&self) {
        self.state.lock().recent.pop_front();
    }

    /// Tells everybody who waits for records that are appended.
    pub(crate) fn announce_appended(&self) {
        let position = self.state.lock().appended;
        self.appended.send_modify(|mark| mark.position = position);
    }

    /// Everything up to a position survives a crash.
    pub(crate) fn announce_durable(&self, position: u64) {
        let mut state = self.state.lock();
        state.durable = state.durable.max(position);
        let position = state.durable;
        drop(state);
        self.durable.send_modify(|mark| mark.position = position);
    }

    /// Nothing more will come.
    pub(crate) fn end(&self) {
        self.appended.send_modify(|mark| mark.ended = true);
        self.durable.send_modify(|mark| mark.ended = true);
    }

    /// Where the records after a position are, as far as a level and a limit go.
    pub(crate) fn plan(&self, after: Position, level: Level, limit: ReadLimit) -> Plan {
        let state = self.state.lock();
        let last = if level == Level::Appended { state.appended } else { state.durable };
        let next = after.0.saturating_add(1);
        if next > last {
            return Plan::Ready(Vec::new());
        }
        if next < state.first() {
            return Plan::Trimmed(Position(state.first()));
        }
        let wanted = usize::try_from(last - after.0).unwrap_or(usize::MAX).min(limit.records.max(1));
        if next > state.appended - state.recent.len() as u64 {
            return Plan::Ready(state.take_recent(next, wanted, limit.bytes));
        }
        Plan::Stored(state.find_stored(next, wanted))
    }

    /// The oldest run, if it stands in this file.
    pub(crate) fn first_run_in(&self, file: &LogFile) -> Option<u64> {
        self.state.lock().runs.front().filter(|run| *run.file == *file).map(Run::last)
    }

    /// The number of the file in which the record after a position stands, or the oldest kept where that is gone.
    pub(crate) fn file_after(&self, position: Position) -> Option<u64> {
        let state = self.state.lock();
        let at = state.runs.partition_point(|run| run.last() <= position.0);
        state.runs.get(at).map(|run| run.file.number)
    }

    /// The runs that stand in this file.
    pub(crate) fn runs_in(&self, file: &LogFile) -> Vec<Run> {
        self.state.lock().runs.iter().filter(|run| *run.file == *file).cloned().collect()
    }

    /// Forgets what stands in a file; what it held may stand in another one now, and in memory it is no more than there.
    pub(crate) fn replace(&self, file: &LogFile, moved: Option<Run>) {
        let mut state = self.state.lock();
        state.runs.retain(|run| *run.file != *file);
        if let Some(moved) = moved {
            let at = state.runs.partition_point(|run| run.last() < moved.first);
            match at.checked_sub(1).and_then(|before| state.runs.get_mut(before)) {
                Some(before) if *before.file == *moved.file => before.offsets.extend_from_slice(&moved.offsets),
                _ => state.runs.insert(at, moved),
            }
        }
    }
}

impl LaneState {
    fn first(&self) -> u64 {
        self.runs.front().map_or(self.appended + 1, |run| run.first)
    }

    fn find_stored(&self, next: u64, mut wanted: usize) -> Vec<Run> {
        let at = self.runs.partition_point(|run| run.last() < next);
        let (mut next, mut found) = (next, Vec::new());
        for run in self.runs.range(at..) {
            let start = usize::try_from(next - run.first).expect("runs follow each other without a hole");
            let offsets: Vec<u32> = run.offsets[start..].iter().copied().take(wanted).collect();
            wanted -= offsets.len();
            let part = Run { file: Arc::clone(&run.file), first: next, offsets };
            next = part.last() + 1;
            found.push(part);
            if wanted == 0 {
                break;
            }
        }
        found
    }

    fn take_recent(&self, next: u64, wanted: usize, bytes: usize) -> Vec<JournalRecord> {
        let oldest = self.appended + 1 - self.recent.len() as u64;
        let start = usize::try_from(next - oldest).expect("inside what is recent");
        let mut taken = Vec::with_capacity(wanted.min(self.recent.len() - start));
        let mut size = 0;
        for record in self.recent.range(start..).take(wanted) {
            taken.push(record.clone());
            size += record.body.len();
            if size >= bytes {
                break;
            }
        }
        taken
    }
}
