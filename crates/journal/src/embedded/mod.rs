//! The embedded journal: one physical log in a folder, one process that owns it, group commit.
//!
//! Three threads around state machines that have none: the writer (writer.rs) takes batches off the queue and writes them; the syncer makes
//! them durable (shared.rs has the rule); the keeper (keeper.rs) indexes closed segments and drops old ones.
//! All journals go into one log, so what is durable is always a prefix of what was written: an event is never durable before the telemetry
//! that it was derived from.

pub(crate) mod archive;
pub(crate) mod clock;
pub(crate) mod config;
pub(crate) mod disk;
pub(crate) mod export;
pub(crate) mod file;
pub(crate) mod frame;
pub(crate) mod identity;
pub(crate) mod index;
pub(crate) mod keeper;
pub(crate) mod lane;
pub(crate) mod open;
pub(crate) mod reader;
pub(crate) mod seal;
pub(crate) mod shared;
pub(crate) mod shelf;
pub(crate) mod snapshots;
pub(crate) mod state;
pub(crate) mod threads;
pub(crate) mod verify;
pub(crate) mod writer;

#[cfg(test)]
mod laws;
#[cfg(test)]
pub(crate) mod sim;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod tests_proof;
#[cfg(test)]
mod tests_recovery;
#[cfg(test)]
mod tests_upkeep;

use std::fs::{File, TryLockError};
use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use model::{Epoch, KeySeq, PARTITIONS, Partition, Position, Time};
use parking_lot::Mutex;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot, watch};

use self::config::EmbeddedConfig;
use self::disk::{Disk, RealDisk, storage};
use self::lane::{Mark, Plan, RECORD_BYTES};
use self::reader::{ReadFault, read_stored};
use self::shared::Shared;
use self::threads::{Task, Threads};
use self::writer::{Request, Work, check_append};
use crate::{
    Append, Appended, Bounds, ClockStep, Journal, JournalError, JournalId, JournalRecord, Key, Level, ReadLimit, Snapshot,
};

/// How often a reader looks again when retention moved what it was about to read. Each time it moved once, oldest first.
const LOOKS: usize = 8;
/// The least that a request counts for in the queue.
const REQUEST_BYTES: usize = 256;

/// The embedded journal.
#[derive(Debug)]
pub struct Embedded {
    shared: Arc<Shared>,
    queue: Arc<Semaphore>,
    threads: Threads,
    /// Writing snapshots, one at a time.
    snapshots: Arc<Mutex<()>>,
    /// Held as long as the journal is open; the last to go.
    _lock: Option<FolderLock>,
}

/// The folder is ours as long as this lives.
#[derive(Debug)]
pub(crate) struct FolderLock(#[expect(dead_code, reason = "the lock is held by the open file")] File);

impl FolderLock {
    pub(crate) fn take(folder: &Path) -> Result<Self, JournalError> {
        std::fs::create_dir_all(folder).map_err(storage("make", folder))?;
        let path = folder.join("lock");
        let file = File::options().read(true).write(true).create(true).truncate(false).open(&path);
        let file = file.map_err(storage("open", &path))?;
        match file.try_lock() {
            Ok(()) => Ok(Self(file)),
            Err(TryLockError::WouldBlock) => Err(JournalError::Locked { folder: folder.display().to_string() }),
            Err(TryLockError::Error(error)) => Err(storage("lock", &path)(error)),
        }
    }
}

impl Embedded {
    /// Opens the journal in a folder, or makes it there.
    pub async fn open(config: EmbeddedConfig) -> Result<Arc<Self>, JournalError> {
        tokio::task::spawn_blocking(|| Self::open_blocking(config)).await.map_err(|_| JournalError::Closed)?
    }

    /// The same for callers that may block.
    pub fn open_blocking(config: EmbeddedConfig) -> Result<Arc<Self>, JournalError> {
        let lock = FolderLock::take(&config.folder)?;
        Self::open_on(Arc::new(RealDisk), config, Some(lock))
    }

    fn open_on(disk: Arc<dyn Disk>, config: EmbeddedConfig, lock: Option<FolderLock>) -> Result<Arc<Self>, JournalError> {
        crate::metrics::describe();
        let queue = Arc::new(Semaphore::new(config.queue_bytes.max(1) as usize));
        let opened = open::open(disk, config)?;
        let shared = Arc::clone(&opened.shared);
        tracing::info!(folder = %shared.config.folder.display(), epoch = %shared.epoch, "journal open");
        let threads = Threads::start(opened).map_err(storage("start the threads of", &shared.config.folder))?;
        Ok(Arc::new(Self { shared, queue, threads, snapshots: Arc::default(), _lock: lock }))
    }

    /// Drops old segments now, as is done by itself after each closed segment and once a minute; says how many went.
    pub async fn retain(&self) -> Result<usize, JournalError> {
        let (reply, answer) = oneshot::channel();
        self.threads.keep(Task::Retain(reply))?;
        answer.await.map_err(|_| JournalError::Closed)?
    }

    async fn ask(&self, work: Work, bytes: usize) -> Result<Option<Appended>, JournalError> {
        let permit = self.room(bytes).await?;
        let (reply, answer) = oneshot::channel();
        self.threads.write(Request { work, reply, permit: Some(permit) }).map_err(|_| self.shared.error())?;
        answer.await.map_err(|_| self.shared.error())?
    }

    /// Waits for room in the queue. One append larger than the whole queue waits until it is empty.
    async fn room(&self, bytes: usize) -> Result<OwnedSemaphorePermit, JournalError> {
        if self.shared.failed() || self.shared.is_closed() {
            return Err(self.shared.error());
        }
        let bound = self.shared.config.queue_bytes.max(1);
        let share = u32::try_from(bytes.saturating_add(REQUEST_BYTES)).unwrap_or(u32::MAX).min(bound);
        let permit = Arc::clone(&self.queue).acquire_many_owned(share).await.map_err(|_| self.shared.error())?;
        #[expect(clippy::cast_precision_loss, reason = "a gauge of bytes below 2^32")]
        metrics::gauge!(crate::metrics::QUEUE_BYTES).set((bound as usize - self.queue.available_permits()) as f64);
        Ok(permit)
    }

    async fn reach(&self, marks: &watch::Sender<Mark>, position: u64) -> Result<Position, JournalError> {
        let mut marks = marks.subscribe();
        let mark = marks.wait_for(|mark| mark.position >= position || mark.ended).await.map_err(|_| JournalError::Closed)?;
        if mark.position >= position { Ok(Position(mark.position)) } else { Err(self.shared.error()) }
    }
}

#[async_trait]
impl Journal for Embedded {
    fn epoch(&self) -> Epoch {
        self.shared.epoch
    }

    fn now(&self) -> Time {
        self.shared.clock.now()
    }

    async fn append(&self, append: Append) -> Result<Appended, JournalError> {
        check_append(&append)?;
        let bytes = append.bodies.iter().map(|body| body.len() + RECORD_BYTES).sum();
        self.ask(Work::Append(append), bytes).await?.ok_or(JournalError::Closed)
    }

    async fn durable(&self, journal: JournalId, position: Position) -> Result<(), JournalError> {
        self.reach(&self.shared.lane(journal).durable, position.0).await.map(drop)
    }

    async fn read(
        &self,
        journal: JournalId,
        after: Position,
        level: Level,
        limit: ReadLimit,
    ) -> Result<Vec<JournalRecord>, JournalError> {
        // After a failed sync what was only appended may be gone from the file.
        let level = if self.shared.failed() { Level::Durable } else { level };
        for _ in 0..LOOKS {
            let runs = match self.shared.lane(journal).plan(after, level, limit) {
                Plan::Ready(records) => return Ok(records),
                Plan::Trimmed(first) => return Err(JournalError::Trimmed { journal, after, first }),
                Plan::Stored(runs) => runs,
            };
            let disk = Arc::clone(&self.shared.disk);
            let read = move || read_stored(&*disk, journal, &runs, limit);
            match tokio::task::spawn_blocking(read).await.map_err(|_| JournalError::Closed)? {
                Ok(records) => return Ok(records),
                Err(ReadFault::Failed(error)) => return Err(error),
                Err(ReadFault::Moved) => {}
            }
        }
        Err(JournalError::Trimmed { journal, after, first: self.bounds(journal).first })
    }

    async fn wait(&self, journal: JournalId, after: Position, level: Level) -> Result<Position, JournalError> {
        let lane = self.shared.lane(journal);
        let marks = if level == Level::Appended { &lane.appended } else { &lane.durable };
        self.reach(marks, after.0.saturating_add(1)).await
    }

    fn bounds(&self, journal: JournalId) -> Bounds {
        self.shared.lane(journal).bounds()
    }

    fn retention_used(&self, journal: JournalId, after: Position, time: Time) -> f64 {
        let lane = self.shared.lane(journal);
        if !matches!(journal, JournalId::Telemetry(_)) || after >= lane.bounds().appended {
            return 0.0;
        }
        let config = &self.shared.config;
        // All segments but the last have about the same size, so their numbers tell how much stands behind one.
        let segments = lane.file_after(after).map_or(u64::MAX, |number| self.shared.active_file().saturating_sub(number) + 1);
        let share = |used: u64, of: u64| used as f64 / of.max(1) as f64;
        let age = self.shared.clock.now().since(time).micros().max(0).cast_unsigned();
        let by_age = if time == Time::MIN { 0.0 } else { share(age, config.telemetry_keep.micros().cast_unsigned()) };
        by_age.max(share(segments.saturating_mul(config.segment_bytes), config.telemetry_bytes))
    }

    fn key_seq(&self, journal: JournalId, key: &Key) -> KeySeq {
        self.shared.lane(journal).key_seq(key)
    }

    fn partitions(&self) -> Vec<Partition> {
        let ever = |partition: &Partition| self.bounds(JournalId::Telemetry(*partition)).appended > Position(0);
        (0..PARTITIONS).filter_map(|number| u8::try_from(number).ok()).map(Partition).filter(ever).collect()
    }

    async fn put_snapshot(&self, snapshot: Snapshot) -> Result<(), JournalError> {
        self.durable(snapshot.journal, snapshot.position).await?;
        let (shared, turn) = (Arc::clone(&self.shared), Arc::clone(&self.snapshots));
        let put = move || {
            let _turn = turn.lock();
            shared.put_snapshot(&snapshot)
        };
        tokio::task::spawn_blocking(put).await.map_err(|_| JournalError::Closed)?
    }

    async fn snapshots(&self, key: &Key) -> Result<Vec<Snapshot>, JournalError> {
        let (shared, key) = (Arc::clone(&self.shared), key.clone());
        tokio::task::spawn_blocking(move || shared.read_snapshots(&key)).await.map_err(|_| JournalError::Closed)
    }

    async fn seal(&self) -> Result<Option<Appended>, JournalError> {
        self.ask(Work::Seal, Bytes::new().len()).await
    }

    fn seal_public_key(&self) -> [u8; 32] {
        self.shared.public_key
    }

    async fn clock_step(&self) -> ClockStep {
        self.shared.clock.step().await
    }

    async fn close(&self) -> Result<(), JournalError> {
        self.shared.close();
        self.queue.close();
        let stop = self.threads.stop();
        tokio::task::spawn_blocking(move || stop.join()).await.map_err(|_| JournalError::Closed)??;
        self.shared.lanes.iter().for_each(lane::Lane::end);
        if self.shared.failed() { Err(self.shared.error()) } else { Ok(()) }
    }
}

impl Drop for Embedded {
    fn drop(&mut self) {
        self.shared.close();
        // The folder stays ours until nobody writes to it any more.
        drop(self.threads.stop().join());
    }
}
