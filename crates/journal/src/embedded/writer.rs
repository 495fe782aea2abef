//! The writer: gives positions, checks fences, links chains, writes. A state machine without threads: `write` takes a batch of requests and
//! does all there is to do for them but the sync.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use bytes::Bytes;
use ed25519_dalek::SigningKey;
use model::{KeySeq, Position, Time};
use tokio::sync::{OwnedSemaphorePermit, oneshot};

use super::file::{FileKind, LogFile, OpenFile, create_file};
use super::frame::{Content, Header, Link, encode_frame, frame_bytes, sha256};
use super::lane::{RECORD_BYTES, lane_of};
use super::seal::{make_seal, seal_is_due};
use super::shared::Shared;
use super::state::{LogState, Undo};
use crate::{Append, Appended, JournalError, JournalId, JournalRecord, Key, MAX_BODY_BYTES, RecordKind, metrics as names};

/// All bodies of one append; more is refused.
pub(crate) const MAX_APPEND_BYTES: usize = 256 << 20;
/// A segment never grows beyond this by configuration: offsets in it are 32 bits.
pub(crate) const MAX_SEGMENT_BYTES: u64 = 2 << 30;
/// A buffer that one huge append needed is not kept.
const BUFFER_BYTES: usize = 8 << 20;
/// The key under which the journal writes seals.
pub(crate) const SEAL_KEY: &str = "journal";

/// What an append resolves to; `None` for a seal that is not due.
pub(crate) type Outcome = Result<Option<Appended>, JournalError>;

/// What is to be written.
#[derive(Debug)]
pub(crate) enum Work {
    Append(Append),
    Seal,
}

/// One request, with whom to tell.
#[derive(Debug)]
pub(crate) struct Request {
    pub(crate) work: Work,
    pub(crate) reply: oneshot::Sender<Outcome>,
    /// Its share of the queue, given back when the request is done.
    pub(crate) permit: Option<OwnedSemaphorePermit>,
}

impl Request {
    /// Whoever asked may have gone; the record stands all the same.
    fn answer(self, outcome: Outcome) {
        drop(self.permit);
        drop(self.reply.send(outcome));
    }
}

/// A segment that was closed; complete and synced.
#[derive(Debug)]
pub(crate) struct Closed {
    pub(crate) file: Arc<LogFile>,
    pub(crate) len: u64,
    /// Where all journals stand after it.
    pub(crate) end: LogState,
}

/// What a batch will have done once it is written.
#[derive(Debug, Default)]
struct Batch {
    records: Vec<(u32, JournalRecord)>,
    undo: Vec<Undo>,
    done: Vec<(Request, Option<Appended>)>,
}

/// The one that writes.
#[derive(Debug)]
pub(crate) struct Writer {
    pub(crate) shared: Arc<Shared>,
    state: LogState,
    active: OpenFile,
    key: SigningKey,
    seal_key: Key,
    buffer: Vec<u8>,
    /// Segments closed and not yet handed on.
    closed: Vec<Closed>,
    /// In which lanes the records in memory are, oldest first, and what they cost.
    cached: VecDeque<(usize, usize)>,
    cached_bytes: usize,
}

impl Writer {
    pub(crate) fn new(shared: Arc<Shared>, state: LogState, active: OpenFile, key: SigningKey) -> Result<Self, JournalError> {
        let seal_key = Key::new(SEAL_KEY)?;
        let (buffer, closed, cached) = (Vec::new(), Vec::new(), VecDeque::new());
        Ok(Self { shared, state, active, key, seal_key, buffer, closed, cached, cached_bytes: 0 })
    }

    /// Writes a batch and answers each request in it.
    pub(crate) fn write(&mut self, requests: Vec<Request>) {
        if let Err(error) = self.prepare(&requests) {
            metrics::counter!(names::ERRORS, "stage" => "roll").increment(1);
            refuse(requests, &error);
            return;
        }
        let time = self.shared.clock.now().max(self.state.time);
        let synced = u32::try_from(self.shared.synced()).expect("a segment is shorter than 4 GiB");
        let mut batch = Batch::default();
        self.buffer.clear();
        for request in requests {
            match self.stage(&mut batch, &request.work, time, synced) {
                Ok(appended) => batch.done.push((request, appended)),
                Err(error) => request.answer(Err(error)),
            }
        }
        if !self.buffer.is_empty()
            && let Err(error) = self.active.handle.write_at(&self.buffer, self.active.len)
        {
            self.take_back(batch, error);
            return;
        }
        self.publish(batch);
    }

    /// Makes room: closes the segment when it is full.
    fn prepare(&mut self, requests: &[Request]) -> Result<(), JournalError> {
        if self.shared.failed() {
            return Err(self.shared.error());
        }
        let size: u64 = requests.iter().map(|request| size_of_work(&request.work)).sum();
        let limit = self.shared.config.segment_bytes.min(MAX_SEGMENT_BYTES);
        if self.active.len > self.active.frames_at && self.active.len + size > limit { self.roll() } else { Ok(()) }
    }

    /// Syncs and closes the active segment and begins the next one, in this order: that a segment has a successor proves it complete.
    fn roll(&mut self) -> Result<(), JournalError> {
        self.shared.sync_now()?;
        let disk = &*self.shared.disk;
        let folder = self.active.file.path.parent().expect("a segment stands in a folder");
        let number = self.active.file.number + 1;
        let next = match create_file(disk, folder, FileKind::Segment, number, &self.state) {
            Ok(next) => next,
            Err(error) => {
                let named = disk.open(&folder.join(super::file::file_name(number)), false).is_ok();
                if let (JournalError::Storage { doing, source }, true) = (&error, named) {
                    // It has its name and is perhaps not safe: no more may go into the one before.
                    self.shared.fail(doing.clone(), std::io::Error::from(source.kind()));
                }
                return Err(error);
            }
        };
        self.shared.switch(&next);
        let before = std::mem::replace(&mut self.active, next);
        let end = self.state.clone();
        self.closed.push(Closed { file: before.file, len: before.len, end });
        Ok(())
    }

    fn stage(&mut self, batch: &mut Batch, work: &Work, time: Time, synced: u32) -> Result<Option<Appended>, JournalError> {
        match work {
            Work::Append(append) => self.stage_append(batch, append, time, synced).map(Some),
            Work::Seal if seal_is_due(&self.state) => {
                let body = make_seal(&self.state, self.shared.epoch, time, &self.key);
                let key = self.seal_key.clone();
                let header =
                    self.stage_record(batch, JournalId::Events, &key, RecordKind::Seal, &Bytes::from(body), time, synced);
                Ok(Some(Appended { first: header.0, last: header.0, key_seq: header.1, time }))
            }
            Work::Seal => Ok(None),
        }
    }

    fn stage_append(&mut self, batch: &mut Batch, append: &Append, time: Time, synced: u32) -> Result<Appended, JournalError> {
        let actual = self.state.key_head(append.journal, &append.key).seq;
        if let Some(expected) = append.fence
            && expected != actual
        {
            metrics::counter!(names::REFUSED, "reason" => "fenced").increment(1);
            return Err(JournalError::Fenced { key: append.key.clone(), expected, actual });
        }
        let first = Position(self.state.appended(append.journal).0 + 1);
        let (mut last, mut key_seq) = (first, actual);
        for body in &append.bodies {
            (last, key_seq) = self.stage_record(batch, append.journal, &append.key, RecordKind::Data, body, time, synced);
        }
        Ok(Appended { first, last, key_seq, time })
    }

    #[expect(clippy::too_many_arguments, reason = "one record has that many parts")]
    fn stage_record(
        &mut self,
        batch: &mut Batch,
        journal: JournalId,
        key: &Key,
        kind: RecordKind,
        body: &Bytes,
        time: Time,
        synced: u32,
    ) -> (Position, KeySeq) {
        let head = self.state.key_head(journal, key);
        let header = Header {
            journal,
            kind,
            epoch: self.shared.epoch,
            position: Position(self.state.appended(journal).0 + 1),
            time,
            key: key.clone(),
            key_seq: KeySeq(head.seq.0 + 1),
            body_bytes: u32::try_from(body.len()).expect("bodies are bounded"),
        };
        let link = (journal == JournalId::Events).then(|| {
            let body_hash = sha256(body);
            Link { body_hash, chain: header.chain(&head.chain, &body_hash) }
        });
        let offset = self.active.len + self.buffer.len() as u64;
        encode_frame(&mut self.buffer, self.active.file.salt, synced, &header, link.as_ref(), Content::Whole(body));
        batch.undo.push(self.state.apply(&header, link.map(|link| (link.body_hash, link.chain))));
        let (position, key_seq) = (header.position, header.key_seq);
        let record =
            JournalRecord { journal, position, epoch: header.epoch, time, key: header.key, key_seq, kind, body: body.clone() };
        batch.records.push((u32::try_from(offset).expect("a segment is shorter than 4 GiB"), record));
        (position, key_seq)
    }

    /// A write failed: the file is cut back to what stood before, and everybody in the batch is told.
    fn take_back(&mut self, batch: Batch, error: std::io::Error) {
        metrics::counter!(names::ERRORS, "stage" => "write").increment(1);
        tracing::error!(%error, "write failed, batch taken back");
        for undo in batch.undo.into_iter().rev() {
            self.state.undo(undo);
        }
        let kind = error.kind();
        let told = super::disk::storage("write", &self.active.file.path)(error);
        // Synced as well, so that no piece of the failed batch can come up behind what is written next.
        let cut = self.active.handle.truncate(self.active.len).and_then(|()| self.active.handle.sync());
        if cut.is_err() {
            self.shared.fail(format!("write {} and cut it back", self.active.file.path.display()), kind.into());
        }
        refuse(batch.done.into_iter().map(|(request, _)| request), &told);
    }

    /// Shows the written records to readers, has them synced, and answers.
    fn publish(&mut self, batch: Batch) {
        self.active.len += self.buffer.len() as u64;
        let mut touched = BTreeMap::new();
        for (offset, record) in batch.records {
            let lane = lane_of(record.journal);
            metrics::counter!(names::APPENDED, "journal" => names::journal_label(record.journal)).increment(1);
            touched.insert(lane, record.position.0);
            let cost = record.body.len() + RECORD_BYTES;
            self.shared.lanes[lane].push(&self.active.file, offset, record);
            self.cached.push_back((lane, cost));
            self.cached_bytes += cost;
        }
        self.trim_cache();
        if !touched.is_empty() {
            self.shared.wrote(&touched, self.active.len);
        }
        for lane in touched.keys() {
            self.shared.lanes[*lane].announce_appended();
        }
        metrics::counter!(names::APPENDED_BYTES).increment(self.buffer.len() as u64);
        self.buffer.clear();
        self.buffer.shrink_to(BUFFER_BYTES);
        for (request, appended) in batch.done {
            request.answer(Ok(appended));
        }
    }

    fn trim_cache(&mut self) {
        while self.cached_bytes > self.shared.config.tail_cache_bytes {
            let Some((lane, cost)) = self.cached.pop_front() else { return };
            self.shared.lanes[lane].forget_oldest();
            self.cached_bytes -= cost;
        }
    }

    /// The segments closed since the last call.
    pub(crate) fn take_closed(&mut self) -> Vec<Closed> {
        std::mem::take(&mut self.closed)
    }

    /// Syncs what is written; a segment with records is closed for good, so that the next start need not read it.
    pub(crate) fn finish(&mut self) -> Result<Option<Closed>, JournalError> {
        self.shared.sync_now()?;
        if self.active.len == self.active.frames_at {
            return Ok(None);
        }
        let (file, end) = (Arc::clone(&self.active.file), self.state.clone());
        Ok(Some(Closed { file, len: self.active.len, end }))
    }
}

/// Checks what can be checked of an append before it is queued.
pub(crate) fn check_append(append: &Append) -> Result<(), JournalError> {
    let refuse = |reason| Err(JournalError::InvalidAppend { journal: append.journal, reason });
    if append.bodies.is_empty() {
        return refuse("there is no body to append");
    }
    if append.bodies.iter().any(|body| body.len() > MAX_BODY_BYTES) {
        return refuse("a body is longer than 128 MiB");
    }
    if append.bodies.iter().map(Bytes::len).sum::<usize>() > MAX_APPEND_BYTES {
        return refuse("the bodies together are longer than 256 MiB");
    }
    if append.journal == JournalId::Events && append.key.as_str() == SEAL_KEY {
        return refuse("the key `journal` is for seals");
    }
    Ok(())
}

fn size_of_work(work: &Work) -> u64 {
    match work {
        Work::Append(append) => {
            append.bodies.iter().map(|body| frame_bytes(append.journal, &append.key, body.len()) as u64).sum()
        }
        // Heads of a few hundred keys.
        Work::Seal => 64 << 10,
    }
}

fn refuse(requests: impl IntoIterator<Item = Request>, error: &JournalError) {
    for request in requests {
        request.answer(Err(again(error)));
    }
}

/// The same error once more; only those that a whole batch can meet.
fn again(error: &JournalError) -> JournalError {
    match error {
        JournalError::Storage { doing, source } => JournalError::Storage { doing: doing.clone(), source: Arc::clone(source) },
        _ => JournalError::Closed,
    }
}
