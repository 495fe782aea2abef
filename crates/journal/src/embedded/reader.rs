//! Reads records from files, each checked before it is given out.

use std::io;

use super::disk::{Disk, DiskFile, corrupt, storage};
use super::file::LogFile;
use super::frame::{FrameFault, PREFIX_BYTES, decode_frame, frame_length};
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

/// Reads the records at these offsets, as far as the limit goes.
pub(crate) fn read_stored(
    disk: &dyn Disk,
    file: &LogFile,
    journal: JournalId,
    first: u64,
    offsets: &[u32],
    limit: ReadLimit,
) -> Result<Vec<JournalRecord>, ReadFault> {
    let handle = disk.open(&file.path, false).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => ReadFault::Moved,
        _ => ReadFault::Failed(storage("open", &file.path)(error)),
    })?;
    let mut window = Window { handle: &*handle, bytes: Vec::new(), at: 0 };
    let mut records: Vec<JournalRecord> = Vec::with_capacity(offsets.len());
    let mut bytes = 0;
    for (expected, offset) in (first..).zip(offsets) {
        let offset = u64::from(*offset);
        let there = window.frame_at(offset).map_err(|error| ReadFault::Failed(storage("read", &file.path)(error)))?;
        let bad = |reason: &str| ReadFault::Failed(corrupt(&file.path, offset, reason));
        let frame = decode_frame(there, file.salt).map_err(|fault| bad(&fault.to_string()))?;
        if frame.header.journal != journal || frame.header.position.0 != expected {
            return Err(bad("another record stands here than the index says"));
        }
        let record = frame.record();
        bytes += record.body.len();
        records.push(record);
        if bytes >= limit.bytes {
            break;
        }
    }
    Ok(records)
}

/// A piece of a file in memory.
struct Window<'a> {
    handle: &'a dyn DiskFile,
    bytes: Vec<u8>,
    at: u64,
}

impl Window<'_> {
    /// The bytes from an offset on: a whole frame, if one is there.
    fn frame_at(&mut self, offset: u64) -> io::Result<&[u8]> {
        if self.from(offset).len() < PREFIX_BYTES {
            self.fill(offset, WINDOW_BYTES)?;
        }
        if let Ok(length) | Err(FrameFault::Short(length)) = frame_length(self.from(offset))
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
