//! A journal in memory whose durability the test holds in its hand.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};

use async_trait::async_trait;
use bytes::Bytes;
use journal::{
    Append, Appended, Bounds, ClockStep, Journal, JournalError, JournalId, JournalRecord, Key, Level, ReadLimit, RecordKind,
    Snapshot,
};
use model::{Body, Epoch, KeySeq, PARTITIONS, Partition, Position, Time};
use parking_lot::Mutex;
use tokio::sync::watch;

const EPOCH: Epoch = Epoch(7);

#[derive(Debug)]
pub(crate) struct Memory {
    records: Mutex<BTreeMap<JournalId, Vec<JournalRecord>>>,
    /// Everything is durable while open.
    gate: watch::Sender<bool>,
    changed: watch::Sender<u64>,
    broken: AtomicBool,
    snapshots: Mutex<Vec<Snapshot>>,
    /// Journal time is wall time plus this.
    ahead_us: AtomicI64,
}

impl Memory {
    pub(crate) fn new() -> Self {
        Self {
            records: Mutex::default(),
            gate: watch::channel(true).0,
            changed: watch::channel(0).0,
            broken: AtomicBool::new(false),
            snapshots: Mutex::default(),
            ahead_us: AtomicI64::new(0),
        }
    }

    pub(crate) fn hold_durability(&self, hold: bool) {
        self.gate.send_replace(!hold);
    }

    pub(crate) fn break_appends(&self) {
        self.broken.store(true, Ordering::SeqCst);
    }

    pub(crate) fn advance(&self, micros: i64) {
        self.ahead_us.fetch_add(micros, Ordering::SeqCst);
    }

    pub(crate) fn all(&self, id: JournalId) -> Vec<JournalRecord> {
        self.records.lock().get(&id).cloned().unwrap_or_default()
    }

    pub(crate) fn bodies(&self, partition: Partition) -> Vec<Body> {
        self.all(JournalId::Telemetry(partition)).iter().map(|it| wire::decode_body(&it.body).unwrap()).collect()
    }

    /// Waits until the records of a journal are as wanted.
    pub(crate) async fn until(&self, what: &str, wanted: impl Fn(&Self) -> bool) {
        let mut changes = self.changed.subscribe();
        let wait = async {
            while !wanted(self) {
                changes.changed().await.unwrap();
            }
        };
        tokio::time::timeout(std::time::Duration::from_secs(30), wait).await.unwrap_or_else(|_| panic!("never came: {what}"));
    }
}

#[async_trait]
impl Journal for Memory {
    fn epoch(&self) -> Epoch {
        EPOCH
    }

    fn now(&self) -> Time {
        let wall = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_micros();
        Time::from_micros(i64::try_from(wall).unwrap() + self.ahead_us.load(Ordering::SeqCst))
    }

    async fn append(&self, append: Append) -> Result<Appended, JournalError> {
        if self.broken.load(Ordering::SeqCst) {
            return Err(JournalError::Closed);
        }
        assert!(!append.bodies.is_empty(), "an append of nothing is refused as invalid");
        let time = self.now();
        let (first, last, key_seq) = {
            let mut journals = self.records.lock();
            let records = journals.entry(append.journal).or_default();
            let first = records.len() as u64 + 1;
            let mut key_seq = records.iter().filter(|it| it.key == append.key).count() as u64;
            for body in append.bodies {
                key_seq += 1;
                let position = Position(records.len() as u64 + 1);
                let (journal, key, key_seq) = (append.journal, append.key.clone(), KeySeq(key_seq));
                records.push(JournalRecord { journal, position, epoch: EPOCH, time, key, key_seq, kind: RecordKind::Data, body });
            }
            (Position(first), Position(records.len() as u64), KeySeq(key_seq))
        };
        self.changed.send_modify(|n| *n += 1);
        Ok(Appended { first, last, key_seq, time })
    }

    async fn durable(&self, _: JournalId, _: Position) -> Result<(), JournalError> {
        self.gate.subscribe().wait_for(|open| *open).await.map(drop).map_err(|_| JournalError::Closed)
    }

    async fn read(&self, id: JournalId, after: Position, _: Level, limit: ReadLimit) -> Result<Vec<JournalRecord>, JournalError> {
        let records = self.records.lock();
        let after = usize::try_from(after.0).unwrap();
        Ok(records.get(&id).into_iter().flatten().skip(after).take(limit.records).cloned().collect())
    }

    async fn wait(&self, id: JournalId, after: Position, _: Level) -> Result<Position, JournalError> {
        let mut changes = self.changed.subscribe();
        loop {
            let last = self.bounds(id).appended;
            if last > after {
                return Ok(last);
            }
            changes.changed().await.map_err(|_| JournalError::Closed)?;
        }
    }

    fn bounds(&self, id: JournalId) -> Bounds {
        let records = self.records.lock();
        let Some(last) = records.get(&id).and_then(|it| it.last()) else {
            return Bounds { first: Position(1), last_time: Time::MIN, ..Bounds::default() };
        };
        Bounds { first: Position(1), appended: last.position, durable: last.position, last_time: last.time }
    }

    fn retention_used(&self, _journal: JournalId, _after: Position, _time: Time) -> f64 {
        0.0
    }

    fn key_seq(&self, id: JournalId, key: &Key) -> KeySeq {
        KeySeq(self.all(id).iter().filter(|it| it.key == *key).count() as u64)
    }

    fn partitions(&self) -> Vec<Partition> {
        let partitions = (0..PARTITIONS).map(|it| Partition(u8::try_from(it).unwrap()));
        partitions.filter(|it| self.records.lock().contains_key(&JournalId::Telemetry(*it))).collect()
    }

    async fn put_snapshot(&self, snapshot: Snapshot) -> Result<(), JournalError> {
        self.snapshots.lock().insert(0, snapshot);
        Ok(())
    }

    async fn snapshots(&self, key: &Key) -> Result<Vec<Snapshot>, JournalError> {
        Ok(self.snapshots.lock().iter().filter(|it| it.key == *key).take(2).cloned().collect())
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

/// Appends a site revision as the registry does.
pub(crate) async fn put_site(journal: &dyn Journal, revision: model::Revision) {
    let record = wire::EventRecord { site: Some(std::sync::Arc::new(revision)), ..wire::EventRecord::default() };
    let bodies: Vec<Bytes> = vec![wire::encode_event_record(&record)];
    let key = Key::new("registry").unwrap();
    journal.append(Append { journal: JournalId::Events, key, fence: None, bodies }).await.unwrap();
}
