//! The threads around the state machines. Each loop is the whole of its thread.

use std::io;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::{Builder, JoinHandle};
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::oneshot;

use super::keeper::Keeper;
use super::open::Opened;
use super::shared::Shared;
use super::writer::{Closed, Request, Work, Writer};
use crate::{JournalError, metrics as names};

/// A batch takes no further request once it has this many bytes.
const BATCH_BYTES: usize = 4 << 20;
/// The clock is looked at this often even where nothing is written, so that no step goes unseen.
const CLOCK_LOOK: Duration = Duration::from_secs(1);
/// Age is looked at this often even where no segment is closed.
const RETAIN_EVERY: Duration = Duration::from_secs(60);

/// What the keeper is asked to do.
#[derive(Debug)]
pub(crate) enum Task {
    /// A segment was closed.
    Take(Closed),
    /// Drop what is due now.
    Retain(oneshot::Sender<Result<usize, JournalError>>),
}

#[derive(Debug)]
struct Running {
    requests: Sender<Request>,
    tasks: Sender<Task>,
    handles: Vec<JoinHandle<()>>,
    shared: Arc<Shared>,
}

/// The running threads.
#[derive(Debug)]
pub(crate) struct Threads(Mutex<Option<Running>>);

/// The way to their end.
#[derive(Debug)]
#[must_use]
pub(crate) struct Stop(Option<Running>);

impl Threads {
    pub(crate) fn start(opened: Opened) -> io::Result<Self> {
        let Opened { shared, writer, keeper } = opened;
        let (requests, queue) = channel();
        let (tasks, work) = channel();
        let syncer = Arc::clone(&shared);
        let tell = tasks.clone();
        let handles = vec![
            Builder::new().name("journal-write".into()).spawn(move || write_loop(writer, &queue, &tell))?,
            Builder::new().name("journal-sync".into()).spawn(move || sync_loop(&syncer))?,
            Builder::new().name("journal-keep".into()).spawn(move || keep_loop(keeper, &work))?,
        ];
        Ok(Self(Mutex::new(Some(Running { requests, tasks, handles, shared }))))
    }

    /// Queues a request for the writer.
    pub(crate) fn write(&self, request: Request) -> Result<(), JournalError> {
        let running = self.0.lock();
        let running = running.as_ref().ok_or(JournalError::Closed)?;
        running.requests.send(request).map_err(|_| JournalError::Closed)
    }

    /// Queues a task for the keeper.
    pub(crate) fn keep(&self, task: Task) -> Result<(), JournalError> {
        let running = self.0.lock();
        let running = running.as_ref().ok_or(JournalError::Closed)?;
        running.tasks.send(task).map_err(|_| JournalError::Closed)
    }

    /// Takes the threads out; nothing can be queued any more.
    pub(crate) fn stop(&self) -> Stop {
        Stop(self.0.lock().take())
    }
}

impl Stop {
    /// Lets them do what is queued, and waits for their end.
    pub(crate) fn join(self) -> Result<(), JournalError> {
        let Some(Running { requests, tasks, handles, shared }) = self.0 else { return Ok(()) };
        drop((requests, tasks));
        let mut whole = true;
        for handle in handles {
            whole &= handle.join().is_ok();
        }
        if whole { Ok(()) } else { Err(shared.error()) }
    }
}

fn write_loop(mut writer: Writer, queue: &Receiver<Request>, tell: &Sender<Task>) {
    loop {
        match queue.recv_timeout(CLOCK_LOOK) {
            Ok(first) => {
                let batch = gather(first, queue);
                writer.write(batch);
            }
            Err(RecvTimeoutError::Timeout) => _ = writer.shared.clock.now(),
            Err(RecvTimeoutError::Disconnected) => break,
        }
        for closed in writer.take_closed() {
            hand_on(tell, closed);
        }
    }
    match writer.finish() {
        Ok(closed) => closed.into_iter().for_each(|closed| hand_on(tell, closed)),
        Err(error) => tracing::error!(%error, "journal closed without its last records being synced"),
    }
    writer.shared.stop();
}

/// The keeper lives as long as the writer's end of its queue.
fn hand_on(tell: &Sender<Task>, closed: Closed) {
    if tell.send(Task::Take(closed)).is_err() {
        tracing::warn!("segment not indexed, the keeper has gone");
    }
}

/// Whatever else waits goes into the same write.
fn gather(first: Request, queue: &Receiver<Request>) -> Vec<Request> {
    let mut bytes = size(&first);
    let mut batch = vec![first];
    while bytes < BATCH_BYTES {
        let Ok(next) = queue.try_recv() else { break };
        bytes += size(&next);
        batch.push(next);
    }
    batch
}

fn size(request: &Request) -> usize {
    match &request.work {
        Work::Append(append) => append.bodies.iter().map(bytes::Bytes::len).sum(),
        Work::Seal => 0,
    }
}

fn sync_loop(shared: &Shared) {
    while shared.wait_for_work() {
        if let Err(error) = shared.sync_now() {
            tracing::error!(%error, "sync failed");
        }
    }
}

fn keep_loop(mut keeper: Keeper, work: &Receiver<Task>) {
    loop {
        match work.recv_timeout(RETAIN_EVERY) {
            Ok(Task::Take(closed)) => {
                report("index", keeper.take(closed));
                report("retain", keeper.retain());
            }
            // Whoever asked may have gone.
            Ok(Task::Retain(reply)) => drop(reply.send(keeper.retain())),
            Err(RecvTimeoutError::Timeout) => report("retain", keeper.retain()),
            Err(RecvTimeoutError::Disconnected) => return,
        }
    }
}

/// The log goes on without an index or a drop; a person must look before the disk is full.
fn report<T>(stage: &'static str, result: Result<T, JournalError>) {
    if let Err(error) = result {
        metrics::counter!(names::ERRORS, "stage" => stage).increment(1);
        tracing::error!(%error, stage, "journal upkeep failed");
    }
}
