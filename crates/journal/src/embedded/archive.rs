//! Files of their own for `events` and `dead`: what a segment held of them moves here before the segment is dropped.
//!
//! It is copied from where it is known to stand, so damaged telemetry, which goes with its segment, stops nothing. A damaged record of the
//! journal itself does: without it neither the chain nor the positions go on, and no start or proof would trust what is behind it.

use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::disk::{Disk, corrupt, storage};
use super::file::{FileKind, LogFile, OpenFile, create_file};
use super::frame::{Frame, decode_frame, encode_frame};
use super::index::{Index, write_index};
use super::lane::Run;
use super::reader::Window;
use super::shelf::Shelf;
use super::state::LogState;
use super::writer::Closed;
use crate::{JournalError, JournalId};

/// Bytes gathered before they are written.
const CHUNK_BYTES: usize = 1 << 20;

/// The kept records of one journal.
#[derive(Debug)]
pub(crate) struct Archive {
    folder: PathBuf,
    kind: FileKind,
    journal: JournalId,
    /// A file that has grown to this is closed.
    file_bytes: u64,
    /// Closed files with their lengths, oldest first.
    closed: VecDeque<(Arc<LogFile>, u64)>,
    open: Option<OpenFile>,
    /// Runs of the open file, for its index.
    offsets: Option<(u64, Vec<u32>)>,
    next: u64,
    /// Where the journal stands after the last record kept here.
    state: LogState,
    /// A failed write could not be taken back: nothing is moved any more until the next start.
    broken: bool,
}

impl Archive {
    /// Goes on with what a start found.
    pub(crate) fn new(shelf: Shelf, journal: JournalId, file_bytes: u64) -> Self {
        let state = shelf.end().cloned().unwrap_or_default();
        let next = shelf.files().last().map_or(1, |last| last.file.number + 1);
        let closed = shelf.closed.into_iter().map(|shelved| (shelved.file, shelved.index.len)).collect();
        let (open, mut index) = shelf.open.map(|(open, shelved)| (open, shelved.index)).unzip();
        let offsets = index.as_mut().and_then(|index| index.offsets.remove(&journal));
        Self { folder: shelf.folder, kind: shelf.kind, journal, file_bytes, closed, open, offsets, next, state, broken: false }
    }

    /// Bytes of all files.
    pub(crate) fn bytes(&self) -> u64 {
        self.closed.iter().map(|(_, len)| len).sum::<u64>() + self.open.as_ref().map_or(0, |open| open.len)
    }

    /// The oldest file, if it may go. The last one may not: it says how far the journal is kept, and without it a start would find a hole
    /// before the segments.
    pub(crate) fn spare(&self) -> Option<Arc<LogFile>> {
        let files = self.closed.len() + usize::from(self.open.is_some());
        self.closed.front().filter(|_| files > 1).map(|(file, _)| Arc::clone(file))
    }

    /// The oldest file is gone.
    pub(crate) fn forget_oldest(&mut self) {
        self.closed.pop_front();
    }

    /// Copies what a segment holds of the journal and was not copied before, and syncs it. Gives back where it stands now.
    pub(crate) fn take(&mut self, disk: &dyn Disk, segment: &Closed, runs: &[Run]) -> Result<Option<Run>, JournalError> {
        if segment.end.appended(self.journal) <= self.state.appended(self.journal) {
            return Ok(None);
        }
        if self.broken {
            return Err(corrupt(&self.folder, 0, "an earlier write could not be taken back"));
        }
        let mut open = self.file_to_write(disk)?;
        let (before, len) = (self.state.clone(), open.len);
        let result = self.copy(disk, segment, runs, &mut open);
        let result = result.and_then(|run| open.handle.sync().map(|()| run).map_err(storage("sync", &open.file.path)));
        if result.is_err() {
            self.state = before;
            open.len = len;
            self.broken = open.handle.truncate(len).and_then(|()| open.handle.sync()).is_err();
        }
        self.open = Some(open);
        let run = result?;
        let (_, offsets) = self.offsets.get_or_insert((run.first, Vec::new()));
        offsets.extend_from_slice(&run.offsets);
        Ok(Some(run))
    }

    fn file_to_write(&mut self, disk: &dyn Disk) -> Result<OpenFile, JournalError> {
        if let Some(open) = self.open.take_if(|open| open.len < self.file_bytes) {
            return Ok(open);
        }
        if let Some(full) = &self.open {
            let offsets = self.offsets.iter().map(|run| (self.journal, run.clone())).collect();
            write_index(disk, &full.file, &Index { len: full.len, offsets, end: self.state.clone() })?;
            self.closed.push_back((Arc::clone(&full.file), full.len));
            (self.open, self.offsets) = (None, None);
        }
        let open = create_file(disk, &self.folder, self.kind, self.next, &self.state)?;
        self.next += 1;
        Ok(open)
    }

    fn copy(&mut self, disk: &dyn Disk, segment: &Closed, runs: &[Run], open: &mut OpenFile) -> Result<Run, JournalError> {
        let path = &segment.file.path;
        let source = disk.open(path, false).map_err(storage("open", path))?;
        let synced = u32::try_from(open.len).map_err(|_| too_long(open))?;
        let first = self.state.appended(self.journal).0 + 1;
        let mut run = Run { file: Arc::clone(&open.file), first, offsets: Vec::new() };
        let mut chunk = Vec::new();
        let mut window = Window::new(&*source, segment.file.salt);
        for at in runs.iter().flat_map(|run| &run.offsets).copied().map(u64::from) {
            let there = window.frame_at(at).map_err(storage("read", path))?;
            let frame = decode_frame(there, segment.file.salt).map_err(|fault| self.held(path, at, &fault.to_string()))?;
            if frame.header.journal != self.journal {
                return Err(self.held(path, at, "another record stands here than the index says"));
            }
            if frame.header.position <= self.state.appended(self.journal) {
                continue;
            }
            self.state.follow(&frame).map_err(|reason| self.held(path, at, reason))?;
            let offset = u32::try_from(open.len + chunk.len() as u64).map_err(|_| too_long(open))?;
            run.offsets.push(offset);
            copy_frame(&mut chunk, open.file.salt, synced, &frame);
            if chunk.len() >= CHUNK_BYTES {
                flush(open, &mut chunk)?;
            }
        }
        flush(open, &mut chunk)?;
        if self.state.appended(self.journal) != segment.end.appended(self.journal) {
            return Err(self.held(path, segment.len, "it ends before its last record"));
        }
        Ok(run)
    }

    /// A record that must be kept cannot be: a person has to bring the file back from a backup.
    fn held(&self, path: &Path, at: u64, reason: &str) -> JournalError {
        let journal = self.journal;
        corrupt(
            path,
            at,
            format!("{reason}; it holds {journal} that cannot be moved, so no segment is dropped: restore the file"),
        )
    }
}

fn too_long(open: &OpenFile) -> JournalError {
    corrupt(&open.file.path, open.len, "the file is longer than 4 GiB")
}

fn copy_frame(chunk: &mut Vec<u8>, salt: u64, synced: u32, frame: &Frame<'_>) {
    encode_frame(chunk, salt, synced, &frame.header, frame.link.as_ref(), frame.content);
}

fn flush(open: &mut OpenFile, chunk: &mut Vec<u8>) -> Result<(), JournalError> {
    open.handle.write_at(chunk, open.len).map_err(storage("write", &open.file.path))?;
    open.len += chunk.len() as u64;
    chunk.clear();
    Ok(())
}
