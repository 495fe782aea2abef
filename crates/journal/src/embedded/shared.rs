//! What the writer, the syncer, the keeper and all readers share, and the one rule of durability: a position is durable when a sync that
//! began after it was written has succeeded, and after a failed sync nothing is, ever again.

use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use model::{Epoch, Position};
use parking_lot::{Condvar, Mutex, MutexGuard};

use super::clock::JournalClock;
use super::config::EmbeddedConfig;
use super::disk::{Disk, DiskFile};
use super::file::OpenFile;
use super::lane::{Lane, lane_of};
use crate::{JournalError, JournalId, Key, metrics as names};

/// A sync of telemetry alone waits this long for events to join it: an engine that reads at `Appended` answers within it, and the event then
/// needs no second sync after the first.
const GATHER: Duration = Duration::from_micros(200);
/// Only where the last sync took longer than this: on a quiet disk two syncs cost less than the wait.
const SLOW_SYNC: Duration = Duration::from_millis(1);

/// What is written and not yet synced.
struct Pending {
    /// Last written position of each journal that has any.
    lanes: BTreeMap<usize, u64>,
    handle: Arc<dyn DiskFile>,
    path: PathBuf,
    number: u64,
    written: u64,
    synced: u64,
    /// How long the last sync took.
    took: Duration,
    /// The writer is done.
    stop: bool,
}

/// A sync that has begun: what it covers if it succeeds.
pub(crate) struct Ticket {
    lanes: BTreeMap<usize, u64>,
    pub(crate) handle: Arc<dyn DiskFile>,
    path: PathBuf,
    number: u64,
    written: u64,
    synced: u64,
}

/// Shared by all.
pub(crate) struct Shared {
    pub(crate) disk: Arc<dyn Disk>,
    pub(crate) config: EmbeddedConfig,
    pub(crate) epoch: Epoch,
    pub(crate) public_key: [u8; 32],
    pub(crate) clock: JournalClock,
    pub(crate) lanes: Vec<Lane>,
    /// The verified snapshots of each key, newest first, two at most.
    pub(crate) snapshots: Mutex<BTreeMap<Key, Vec<(JournalId, Position)>>>,
    pending: Mutex<Pending>,
    work: Condvar,
    /// One sync at a time: Linux tells a failed write-back to one caller only, so a second sync running beside the failing one could
    /// succeed and cover what is lost.
    turn: Mutex<()>,
    failure: OnceLock<(String, Arc<io::Error>)>,
    closed: AtomicBool,
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared").field("config", &self.config).field("epoch", &self.epoch).finish_non_exhaustive()
    }
}

/// What `Shared` is made of.
pub(crate) struct Parts {
    pub(crate) disk: Arc<dyn Disk>,
    pub(crate) config: EmbeddedConfig,
    pub(crate) epoch: Epoch,
    pub(crate) public_key: [u8; 32],
    pub(crate) clock: JournalClock,
    pub(crate) lanes: Vec<Lane>,
    pub(crate) snapshots: BTreeMap<Key, Vec<(JournalId, Position)>>,
}

impl Shared {
    pub(crate) fn new(parts: Parts, active: &OpenFile) -> Self {
        let pending = Pending {
            lanes: BTreeMap::new(),
            handle: Arc::clone(&active.handle),
            path: active.file.path.clone(),
            number: active.file.number,
            written: active.len,
            synced: active.len,
            took: Duration::ZERO,
            stop: false,
        };
        Self {
            disk: parts.disk,
            config: parts.config,
            epoch: parts.epoch,
            public_key: parts.public_key,
            clock: parts.clock,
            lanes: parts.lanes,
            snapshots: Mutex::new(parts.snapshots),
            pending: Mutex::new(pending),
            work: Condvar::new(),
            turn: Mutex::new(()),
            failure: OnceLock::new(),
            closed: AtomicBool::new(false),
        }
    }

    pub(crate) fn lane(&self, journal: JournalId) -> &Lane {
        &self.lanes[lane_of(journal)]
    }

    /// The number of the file that is written.
    pub(crate) fn active_file(&self) -> u64 {
        self.pending.lock().number
    }

    /// How much of the active file is known to be synced.
    pub(crate) fn synced(&self) -> u64 {
        self.pending.lock().synced
    }

    /// Frames were written: they are due for a sync.
    pub(crate) fn wrote(&self, lanes: &BTreeMap<usize, u64>, written: u64) {
        let mut pending = self.pending.lock();
        pending.lanes.extend(lanes);
        pending.written = written;
        self.work.notify_all();
    }

    /// The next file is the one that is written. Everything in the one before is synced.
    pub(crate) fn switch(&self, active: &OpenFile) {
        let mut pending = self.pending.lock();
        debug_assert!(pending.lanes.is_empty(), "a file is left only when it is synced");
        pending.handle = Arc::clone(&active.handle);
        pending.path.clone_from(&active.file.path);
        pending.number = active.file.number;
        (pending.written, pending.synced) = (active.len, active.len);
    }

    /// Begins a sync: all that is written by now is covered by it. `None` where nothing is due.
    pub(crate) fn begin_sync(&self) -> Option<Ticket> {
        let mut pending = self.pending.lock();
        if pending.lanes.is_empty() {
            return None;
        }
        Some(Ticket {
            lanes: std::mem::take(&mut pending.lanes),
            handle: Arc::clone(&pending.handle),
            path: pending.path.clone(),
            number: pending.number,
            written: pending.written,
            synced: pending.synced,
        })
    }

    /// Publishes what a sync did.
    pub(crate) fn finish_sync(&self, ticket: &Ticket, result: io::Result<()>) -> Result<(), JournalError> {
        if let Err(error) = result {
            // What was not synced may now be gone from the page cache although it looks written; nobody was told that it is durable, so
            // it is better gone from the file as well (a later start would take it for good).
            if let Err(error) = ticket.handle.truncate(ticket.synced) {
                tracing::warn!(%error, "cutting off what could not be synced failed as well");
            }
            self.fail(format!("sync {}", ticket.path.display()), error);
            return Err(self.error());
        }
        let mut pending = self.pending.lock();
        if pending.number == ticket.number {
            pending.synced = pending.synced.max(ticket.written);
        }
        drop(pending);
        for (lane, position) in &ticket.lanes {
            self.lanes[*lane].announce_durable(*position);
        }
        Ok(())
    }

    /// Syncs what is due, after any sync that is running.
    pub(crate) fn sync_now(&self) -> Result<(), JournalError> {
        let _turn = self.turn.lock();
        if self.failed() {
            return Err(self.error());
        }
        let Some(ticket) = self.begin_sync() else { return Ok(()) };
        let start = Instant::now();
        let result = ticket.handle.sync();
        let took = start.elapsed();
        self.pending.lock().took = took;
        metrics::histogram!(names::SYNC_SECONDS).record(took);
        self.finish_sync(&ticket, result)
    }

    /// Waits until something is due for a sync; false when the writer is done and nothing is.
    pub(crate) fn wait_for_work(&self) -> bool {
        let mut pending = self.pending.lock();
        loop {
            if !pending.lanes.is_empty() && !self.failed() {
                self.gather(&mut pending);
                return true;
            }
            if pending.stop {
                return false;
            }
            self.work.wait(&mut pending);
        }
    }

    /// Gives events the time to join a sync of the telemetry they come from.
    fn gather(&self, pending: &mut MutexGuard<'_, Pending>) {
        let deadline = Instant::now() + GATHER;
        let events = lane_of(JournalId::Events);
        while pending.took > SLOW_SYNC && !pending.stop && !pending.lanes.contains_key(&events) {
            if self.work.wait_until(pending, deadline).timed_out() {
                return;
            }
        }
    }

    /// Lets `wait_for_work` end.
    pub(crate) fn stop(&self) {
        self.pending.lock().stop = true;
        self.work.notify_all();
    }

    /// The journal takes no more, for good; everybody who waits is told.
    pub(crate) fn fail(&self, doing: String, error: io::Error) {
        tracing::error!(%error, doing, "journal stopped, nothing is accepted any more");
        metrics::counter!(names::ERRORS, "stage" => "sync").increment(1);
        if self.failure.set((doing, Arc::new(error))).is_ok() {
            self.lanes.iter().for_each(Lane::end);
        }
    }

    pub(crate) fn failed(&self) -> bool {
        self.failure.get().is_some()
    }

    /// Nothing more is accepted, on request.
    pub(crate) fn close(&self) {
        self.closed.store(true, Ordering::Release);
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.closed.load(Ordering::Acquire)
    }

    /// Why the journal takes no more.
    pub(crate) fn error(&self) -> JournalError {
        match self.failure.get() {
            Some((doing, source)) => JournalError::Storage { doing: doing.clone(), source: Arc::clone(source) },
            None => JournalError::Closed,
        }
    }
}
