//! A journal in memory whose clock, crashes, trims and syncs are in the hands of the test.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use journal::{
    Append, Appended, Bounds, ClockStep, Journal, JournalError, JournalId, JournalRecord, Key, Level, ReadLimit, RecordKind,
    Snapshot,
};
use model::{Epoch, KeySeq, Partition, Position, Time};
use parking_lot::Mutex;
use tokio::sync::watch;

pub(crate) const EPOCH: Epoch = Epoch(7);

/// Where an append to `events` by an engine, the watch over floods, a desk of the exchange or the inlet of upstreams gets stuck for ever, as if
/// the process had been killed there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Crash {
    BeforeWrite,
    AfterWrite,
}

#[derive(Default)]
struct State {
    epoch: Epoch,
    now: Time,
    /// How often anybody asked for the time.
    looks: u64,
    /// An append got stuck since the last word about crashes.
    caught: bool,
    logs: BTreeMap<JournalId, Vec<JournalRecord>>,
    first: BTreeMap<JournalId, u64>,
    /// `None`: everything is durable at once.
    durable: Option<BTreeMap<JournalId, Position>>,
    snapshots: BTreeMap<Key, Vec<Snapshot>>,
    crash: Option<(u32, Crash)>,
    /// Whose snapshots get stuck, and how many are.
    stuck: Option<(Key, usize)>,
    damaged: Option<(JournalId, u64)>,
    /// Reads of `events` get stuck, and how many did.
    reads_held: Option<usize>,
}

pub(crate) struct MemJournal {
    state: Mutex<State>,
    changed: watch::Sender<u64>,
}

impl MemJournal {
    pub(crate) fn new() -> Arc<Self> {
        Self::of_epoch(EPOCH)
    }

    /// The journal of another Davy.
    pub(crate) fn of_epoch(epoch: Epoch) -> Arc<Self> {
        let state = State { epoch, now: Time::YEAR_2000, ..State::default() };
        Arc::new(Self { state: Mutex::new(state), changed: watch::channel(0).0 })
    }

    pub(crate) fn set_now(&self, now: Time) {
        self.state.lock().now = now;
    }

    /// Waits until whoever follows has looked at the time in two more of its rounds, or is stuck: what it had to say by now, it has said.
    pub(crate) async fn looked_at(&self) {
        // A round asks for the time three times at most, several may follow, and who works beside them asks less often.
        let looks = self.state.lock().looks;
        let looked = async {
            while !self.has_looked(looks + 40) {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(Duration::from_secs(10), looked).await.expect("somebody looks");
    }

    fn has_looked(&self, times: u64) -> bool {
        let state = self.state.lock();
        state.caught || state.looks >= times
    }

    /// The engine's append number `after` from now gets stuck.
    pub(crate) fn crash(&self, after: u32, how: Crash) {
        let mut state = self.state.lock();
        (state.crash, state.caught) = (Some((after, how)), false);
    }

    /// Whether an append got stuck.
    pub(crate) fn is_caught(&self) -> bool {
        self.state.lock().caught
    }

    pub(crate) fn no_crash(&self) {
        let mut state = self.state.lock();
        (state.crash, state.caught) = (None, false);
    }

    /// Nothing more becomes durable until `sync`.
    pub(crate) fn hold(&self) {
        let mut state = self.state.lock();
        let durable = state.logs.iter().map(|(id, log)| (*id, last(log))).collect();
        state.durable = Some(durable);
    }

    pub(crate) fn sync(&self) {
        self.state.lock().durable = None;
        self.changed.send_modify(|n| *n += 1);
    }

    /// The machine ends: what is not durable is gone, everything else stays.
    pub(crate) fn lose_the_rest(&self) {
        let mut state = self.state.lock();
        let Some(durable) = state.durable.take() else { return };
        for (id, log) in &mut state.logs {
            let end = durable.get(id).copied().unwrap_or_default();
            log.retain(|it| it.position <= end);
        }
    }

    pub(crate) fn trim(&self, journal: JournalId, first: u64) {
        self.state.lock().first.insert(journal, first);
    }

    pub(crate) fn forget_snapshots(&self) {
        self.state.lock().snapshots.clear();
    }

    /// Snapshots of a key get stuck, as on a disk that is busy with others, until they are let go.
    pub(crate) fn hold_snapshots(&self, key: &str) {
        self.state.lock().stuck = Some((Key::new(key).expect("valid"), 0));
    }

    pub(crate) fn let_snapshots_go(&self) {
        self.state.lock().stuck = None;
        self.changed.send_modify(|n| *n += 1);
    }

    pub(crate) fn snapshots_stuck(&self) -> usize {
        self.state.lock().stuck.as_ref().map_or(0, |(_, count)| *count)
    }

    /// Reads of `events` get stuck, as on a disk that is busy, until they are let go.
    pub(crate) fn hold_reads(&self) {
        self.state.lock().reads_held = Some(0);
    }

    pub(crate) fn let_reads_go(&self) {
        self.state.lock().reads_held = None;
        self.changed.send_modify(|n| *n += 1);
    }

    /// How many reads got stuck since they are held.
    pub(crate) fn reads_stuck(&self) -> usize {
        self.state.lock().reads_held.unwrap_or(0)
    }

    /// A record cannot be read any more.
    pub(crate) fn damage(&self, journal: JournalId, position: u64) {
        self.state.lock().damaged = Some((journal, position));
    }

    pub(crate) fn all(&self, journal: JournalId) -> Vec<JournalRecord> {
        self.state.lock().logs.get(&journal).cloned().unwrap_or_default()
    }

    pub(crate) fn replace(&self, journal: JournalId, position: u64, body: Bytes) {
        let mut state = self.state.lock();
        let log = state.logs.get_mut(&journal).expect("a log");
        let at = usize::try_from(position).expect("small") - 1;
        log[at].body = body;
    }

    /// Appends a seal, as the journal itself does.
    pub(crate) fn seal_with(&self, body: Bytes) {
        let key = Key::new("journal").expect("valid");
        write(&mut self.state.lock(), JournalId::Events, &key, vec![body], RecordKind::Seal);
        self.changed.send_modify(|n| *n += 1);
    }

    fn level(state: &State, journal: JournalId, level: Level) -> Position {
        let appended = state.logs.get(&journal).map_or(Position(0), |log| last(log));
        match (&state.durable, level) {
            (Some(durable), Level::Durable) => durable.get(&journal).copied().unwrap_or_default(),
            _ => appended,
        }
    }

    /// Counts a snapshot of a key that is held.
    fn gets_stuck(&self, key: &Key) -> bool {
        let mut state = self.state.lock();
        let Some((_, count)) = state.stuck.as_mut().filter(|(held, _)| held == key) else { return false };
        *count += 1;
        true
    }

    fn crashes(&self, key: &Key) -> bool {
        ["engine/", "upstream/"].iter().any(|start| key.as_str().starts_with(start))
            || ["floods", "exchange/warnings", "exchange/reports"].contains(&key.as_str())
    }

    /// Waits while reads are held.
    async fn wait_to_read(&self) {
        let mut changed = self.changed.subscribe();
        if let Some(count) = self.state.lock().reads_held.as_mut() {
            *count += 1;
        }
        while self.state.lock().reads_held.is_some() {
            changed.changed().await.expect("the journal is there");
        }
    }

    fn must_crash(&self, append: &Append) -> Option<Crash> {
        if append.journal != JournalId::Events || !self.crashes(&append.key) {
            return None;
        }
        let mut state = self.state.lock();
        let (left, how) = state.crash.as_mut()?;
        if *left == 0 {
            return Some(*how);
        }
        *left -= 1;
        None
    }
}

fn last(log: &[JournalRecord]) -> Position {
    log.last().map_or(Position(0), |it| it.position)
}

fn count(log: &[JournalRecord], key: &Key) -> KeySeq {
    log.iter().rev().find(|it| it.key == *key).map_or(KeySeq(0), |it| it.key_seq)
}

fn write(state: &mut State, journal: JournalId, key: &Key, bodies: Vec<Bytes>, kind: RecordKind) -> Appended {
    let (epoch, time) = (state.epoch, state.now);
    let log = state.logs.entry(journal).or_default();
    let first = Position(last(log).0 + 1);
    for body in bodies {
        let (position, key_seq) = (Position(last(log).0 + 1), KeySeq(count(log, key).0 + 1));
        log.push(JournalRecord { journal, position, epoch, time, key: key.clone(), key_seq, kind, body });
    }
    Appended { first, last: last(log), key_seq: count(log, key), time }
}

#[async_trait]
impl Journal for MemJournal {
    fn epoch(&self) -> Epoch {
        self.state.lock().epoch
    }

    fn now(&self) -> Time {
        let mut state = self.state.lock();
        state.looks += 1;
        state.now
    }

    async fn append(&self, append: Append) -> Result<Appended, JournalError> {
        let crash = self.must_crash(&append);
        if crash == Some(Crash::BeforeWrite) {
            self.state.lock().caught = true;
            std::future::pending::<()>().await;
        }
        let appended = {
            let mut state = self.state.lock();
            let actual = state.logs.get(&append.journal).map_or(KeySeq(0), |log| count(log, &append.key));
            if let Some(expected) = append.fence.filter(|it| *it != actual) {
                return Err(JournalError::Fenced { key: append.key, expected, actual });
            }
            write(&mut state, append.journal, &append.key, append.bodies, RecordKind::Data)
        };
        self.changed.send_modify(|n| *n += 1);
        if crash.is_some() {
            self.state.lock().caught = true;
            std::future::pending::<()>().await;
        }
        Ok(appended)
    }

    async fn durable(&self, journal: JournalId, position: Position) -> Result<(), JournalError> {
        let mut changed = self.changed.subscribe();
        while Self::level(&self.state.lock(), journal, Level::Durable) < position {
            changed.changed().await.map_err(|_| JournalError::Closed)?;
        }
        Ok(())
    }

    async fn read(
        &self,
        journal: JournalId,
        after: Position,
        level: Level,
        limit: ReadLimit,
    ) -> Result<Vec<JournalRecord>, JournalError> {
        if journal == JournalId::Events {
            self.wait_to_read().await;
        }
        let state = self.state.lock();
        let first = state.first.get(&journal).copied().unwrap_or(1);
        if after.0 + 1 < first {
            return Err(JournalError::Trimmed { journal, after, first: Position(first) });
        }
        let end = Self::level(&state, journal, level);
        let Some(log) = state.logs.get(&journal) else { return Ok(Vec::new()) };
        let from = usize::try_from(after.0).expect("small").min(log.len());
        // What stands behind it can be read by those who start there.
        let damaged = state.damaged.filter(|(of, position)| *of == journal && *position > after.0);
        let damaged = damaged.map_or(u64::MAX, |(_, position)| position);
        if after.0 + 1 == damaged {
            return Err(JournalError::Corrupt { file: "a file".to_owned(), offset: 0, reason: "a record is damaged".to_owned() });
        }
        let there = log[from..].iter().take_while(|it| it.position <= end && it.position.0 < damaged);
        Ok(there.take(limit.records).cloned().collect())
    }

    async fn wait(&self, journal: JournalId, after: Position, level: Level) -> Result<Position, JournalError> {
        let mut changed = self.changed.subscribe();
        loop {
            let end = Self::level(&self.state.lock(), journal, level);
            if end > after {
                return Ok(end);
            }
            changed.changed().await.map_err(|_| JournalError::Closed)?;
        }
    }

    fn bounds(&self, journal: JournalId) -> Bounds {
        let state = self.state.lock();
        let appended = Self::level(&state, journal, Level::Appended);
        let first = Position(state.first.get(&journal).copied().unwrap_or(1));
        let last_time = state.logs.get(&journal).and_then(|log| log.last()).map_or(Time::MIN, |it| it.time);
        Bounds { first, appended, durable: Self::level(&state, journal, Level::Durable), last_time }
    }

    fn retention_used(&self, _journal: JournalId, _after: Position, _time: Time) -> f64 {
        0.0
    }

    fn key_seq(&self, journal: JournalId, key: &Key) -> KeySeq {
        self.state.lock().logs.get(&journal).map_or(KeySeq(0), |log| count(log, key))
    }

    fn partitions(&self) -> Vec<Partition> {
        let telemetry = |id: &JournalId| match id {
            JournalId::Telemetry(partition) => Some(*partition),
            _ => None,
        };
        self.state.lock().logs.keys().filter_map(telemetry).collect()
    }

    async fn put_snapshot(&self, snapshot: Snapshot) -> Result<(), JournalError> {
        self.durable(snapshot.journal, snapshot.position).await?;
        if self.gets_stuck(&snapshot.key) {
            let mut changed = self.changed.subscribe();
            while self.state.lock().stuck.is_some() {
                changed.changed().await.map_err(|_| JournalError::Closed)?;
            }
        }
        let mut state = self.state.lock();
        let kept = state.snapshots.entry(snapshot.key.clone()).or_default();
        kept.insert(0, snapshot);
        kept.truncate(2);
        Ok(())
    }

    async fn snapshots(&self, key: &Key) -> Result<Vec<Snapshot>, JournalError> {
        Ok(self.state.lock().snapshots.get(key).cloned().unwrap_or_default())
    }

    async fn seal(&self) -> Result<Option<Appended>, JournalError> {
        Ok(None)
    }

    fn seal_public_key(&self) -> [u8; 32] {
        [0; 32]
    }

    async fn clock_step(&self) -> ClockStep {
        std::future::pending().await
    }

    async fn close(&self) -> Result<(), JournalError> {
        Ok(())
    }
}
