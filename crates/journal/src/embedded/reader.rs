//! Reads records from files, each checked before it is given out.

use std::io;

use super::disk::{Disk, DiskFile, corrupt, storage};
use super::frame::{FrameFault, PREFIX_BYTES, decode_frame, frame_length};
use super::lane::Run;
use crate::{JournalError, JournalId, JournalRecord, ReadLimit};

/// Bytes fetched at once; several frames of one journal are often neighbours.
const WINDOW_BYTES: usize = 64 << 10;

/// Why nothing was read.
#[derive(Debug)]
pub(crate) enum ReadFault {
    /// Retention removed the file meanwhile: look again where the records are.
    Moved,
    /// Something is wrong.
    Failed(JournalError),
}

/// Reads the records of these runs, as far as the limit goes.
pub(crate) fn read_stored(
    disk: &dyn Disk,
    journal: JournalId,
    runs: &[Run],
    limit: ReadLimit,
) -> Result<Vec<JournalRecord>, ReadFault> {
    let mut records = Vec::with_capacity(runs.iter().map(|run| run.offsets.len()).sum());
    let mut room = limit.bytes;
    for run in runs {
        match read_run(disk, journal, run, &mut room, &mut records) {
            // What was read before is right all the same.
            Err(ReadFault::Moved) if !records.is_empty() => break,
            other => other?,
        }
        if room == 0 {
            break;
        }
    }
    Ok(records)
}

/// Reads one run until no room for bodies is left.
fn read_run(
    disk: &dyn Disk,
    journal: JournalId,
    run: &Run,
    room: &mut usize,
    records: &mut Vec<JournalRecord>,
) -> Result<(), ReadFault> {
    let path = &run.file.path;
    let handle = disk.open(path, false).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => ReadFault::Moved,
        _ => ReadFault::Failed(storage("open", path)(error)),
    })?;
    let mut window = Window::new(&*handle, run.file.salt);
    for (expected, offset) in (run.first..).zip(&run.offsets) {
        let offset = u64::from(*offset);
        let there = window.frame_at(offset).map_err(|error| ReadFault::Failed(storage("read", path)(error)))?;
        let bad = |reason: &str| ReadFault::Failed(corrupt(path, offset, reason));
        let frame = decode_frame(there, run.file.salt).map_err(|fault| bad(&fault.to_string()))?;
        if frame.header.journal != journal || frame.header.position.0 != expected {
            return Err(bad("another record stands here than the index says"));
        }
        let record = frame.record();
        *room = room.saturating_sub(record.body.len());
        records.push(record);
        if *room == 0 {
            break;
        }
    }
    Ok(())
}

/// A piece of a file in memory.
#[derive(Debug)]
pub(crate) struct Window<'a> {
    handle: &'a dyn DiskFile,
    salt: u64,
    bytes: Vec<u8>,
    at: u64,
}

impl<'a> Window<'a> {
    pub(crate) fn new(handle: &'a dyn DiskFile, salt: u64) -> Self {
        Self { handle, salt, bytes: Vec::new(), at: 0 }
    }

    /// The bytes from an offset on: a whole frame, if one is there.
    pub(crate) fn frame_at(&mut self, offset: u64) -> io::Result<&[u8]> {
        if self.from(offset).len() < PREFIX_BYTES {
            self.fill(offset, WINDOW_BYTES)?;
        }
        if let Ok(length) | Err(FrameFault::Short(length)) = frame_length(self.from(offset), self.salt)
            && self.from(offset).len() < length
        {
            self.fill(offset, length.max(WINDOW_BYTES))?;
        }
        Ok(self.from(offset))
    }

    fn from(&self, offset: u64) -> &[u8] {
        let start = offset.checked_sub(self.at).and_then(|start| usize::try_from(start).ok());
        start.and_then(|start| self.bytes.get(start..)).unwrap_or_default()
    }

    fn fill(&mut self, offset: u64, bytes: usize) -> io::Result<()> {
        self.bytes.resize(bytes, 0);
        self.at = offset;
        let count = self.handle.read_at(&mut self.bytes, offset)?;
        self.bytes.truncate(count);
        Ok(())
    }
}
