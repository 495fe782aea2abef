//! One file of frames: a segment of the log, a file of kept events or dead letters, or an exported copy.
//!
//! ```text
//!  0  8 bytes "DAVYJRNL"
//!  8  u32     version of the format: 1
//! 12  u32     length of the state
//! 16  u64     number of the file
//! 24  u64     salt of its frames
//! 32  u32     what it is: 1 segment, 2 kept events, 3 kept dead letters, 4 export
//! 36  u32     CRC-32C over bytes 0..36 and the state
//! 40          state: where all journals stood when the file was begun (protobuf, state.rs)
//!             zeros up to a multiple of 8, then frames (frame.rs)
//! ```
//! A file gets its name only when this much is synced: a file with a bad start is damage, never a crash.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::disk::{Disk, DiskFile, corrupt, put_file, random, storage};
use super::frame::{Frame, FrameFault, MAX_FRAME_BYTES, PREFIX_BYTES, decode_frame, frame_length};
use super::state::LogState;
use crate::JournalError;

const MAGIC: &[u8; 8] = b"DAVYJRNL";
const VERSION: u32 = 1;
const FIXED_BYTES: usize = 40;
/// Bytes read ahead by a scan.
const WINDOW_BYTES: usize = 1 << 20;

/// What a file is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FileKind {
    Segment = 1,
    Events = 2,
    Dead = 3,
    Export = 4,
}

/// A file that readers may find records in.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct LogFile {
    pub(crate) path: PathBuf,
    pub(crate) kind: FileKind,
    pub(crate) number: u64,
    pub(crate) salt: u64,
}

/// The file that is written at present.
#[derive(Debug)]
pub(crate) struct OpenFile {
    pub(crate) file: Arc<LogFile>,
    pub(crate) handle: Arc<dyn DiskFile>,
    /// Where the first frame stands.
    pub(crate) frames_at: u64,
    /// Where the next frame goes.
    pub(crate) len: u64,
}

/// The name of a file by its number.
pub(crate) fn file_name(number: u64) -> String {
    format!("{number:016}.davyj")
}

/// The number of a file by its name.
pub(crate) fn file_number(name: &str) -> Option<u64> {
    name.strip_suffix(".davyj").filter(|digits| digits.len() == 16)?.parse().ok()
}

/// The start of a file.
pub(crate) fn encode_start(kind: FileKind, number: u64, salt: u64, state: &LogState) -> Vec<u8> {
    let state = state.encode();
    let mut bytes = Vec::with_capacity(FIXED_BYTES + state.len() + 8);
    bytes.extend_from_slice(MAGIC);
    bytes.extend_from_slice(&VERSION.to_le_bytes());
    bytes.extend_from_slice(&u32::try_from(state.len()).expect("keys are few").to_le_bytes());
    bytes.extend_from_slice(&number.to_le_bytes());
    bytes.extend_from_slice(&salt.to_le_bytes());
    bytes.extend_from_slice(&(kind as u32).to_le_bytes());
    let crc = crc32c::crc32c_append(crc32c::crc32c(&bytes), &state);
    bytes.extend_from_slice(&crc.to_le_bytes());
    bytes.extend_from_slice(&state);
    bytes.resize(bytes.len().next_multiple_of(8), 0);
    bytes
}

/// Begins a file: it is there, empty and synced, before it is used.
pub(crate) fn create_file(
    disk: &dyn Disk,
    folder: &Path,
    kind: FileKind,
    number: u64,
    state: &LogState,
) -> Result<OpenFile, JournalError> {
    let path = folder.join(file_name(number));
    let salt = u64::from_le_bytes(random().map_err(storage("draw the salt of", &path))?);
    let start = encode_start(kind, number, salt, state);
    let handle = put_file(disk, &path, &start, false)?;
    let frames_at = start.len() as u64;
    Ok(OpenFile { file: Arc::new(LogFile { path, kind, number, salt }), handle, frames_at, len: frames_at })
}

/// What stands at the start of a file.
#[derive(Debug)]
pub(crate) struct FileStart {
    pub(crate) file: Arc<LogFile>,
    pub(crate) state: LogState,
    pub(crate) frames_at: u64,
}

/// Reads and checks the start of a file.
pub(crate) fn read_start(handle: &dyn DiskFile, path: &Path) -> Result<FileStart, JournalError> {
    let bad = |reason: &str| corrupt(path, 0, reason);
    let mut fixed = [0; FIXED_BYTES];
    if handle.read_at(&mut fixed, 0).map_err(storage("read", path))? < FIXED_BYTES {
        return Err(bad("the file is shorter than its start"));
    }
    let u32_at = |at: usize| u32::from_le_bytes([fixed[at], fixed[at + 1], fixed[at + 2], fixed[at + 3]]);
    let u64_at = |at: usize| u64::from(u32_at(at)) | u64::from(u32_at(at + 4)) << 32;
    if &fixed[..8] != MAGIC || u32_at(8) != VERSION {
        return Err(bad("it does not start as a journal file of version 1"));
    }
    let state_bytes = u32_at(12) as usize;
    if state_bytes as u64 > handle.size().map_err(storage("read", path))? {
        return Err(bad("the file is shorter than its start"));
    }
    let mut state = vec![0; state_bytes];
    let count = handle.read_at(&mut state, FIXED_BYTES as u64).map_err(storage("read", path))?;
    if count < state_bytes || crc32c::crc32c_append(crc32c::crc32c(&fixed[..36]), &state) != u32_at(36) {
        return Err(bad("the checksum of its start does not hold"));
    }
    let state = LogState::decode(&state).ok_or_else(|| bad("the state at its start cannot be read"))?;
    let kind = match u32_at(32) {
        1 => FileKind::Segment,
        2 => FileKind::Events,
        3 => FileKind::Dead,
        4 => FileKind::Export,
        _ => return Err(bad("it is a journal file of an unknown kind")),
    };
    let file = Arc::new(LogFile { path: path.to_owned(), kind, number: u64_at(16), salt: u64_at(24) });
    Ok(FileStart { file, state, frames_at: (FIXED_BYTES + state_bytes).next_multiple_of(8) as u64 })
}

/// What a scan finds next.
#[derive(Debug)]
pub(crate) enum Found<'a> {
    /// A frame at an offset.
    Frame(u64, Frame<'a>),
    /// The file ends where a frame ended.
    End,
    /// From this offset on there is something that is no frame.
    Bad(u64, FrameFault),
}

/// Reads the frames of a file in order.
#[derive(Debug)]
pub(crate) struct Scan<'a> {
    handle: &'a dyn DiskFile,
    path: &'a Path,
    salt: u64,
    window: Vec<u8>,
    window_at: u64,
    next: u64,
}

impl<'a> Scan<'a> {
    /// Starts at the frame at an offset.
    pub(crate) fn new(handle: &'a dyn DiskFile, file: &'a LogFile, offset: u64) -> Self {
        Self { handle, path: &file.path, salt: file.salt, window: Vec::new(), window_at: offset, next: offset }
    }

    /// The next frame.
    pub(crate) fn next(&mut self) -> Result<Found<'_>, JournalError> {
        self.look(PREFIX_BYTES)?;
        if self.ahead().is_empty() {
            return Ok(Found::End);
        }
        let at = self.next;
        if let Ok(needed) | Err(FrameFault::Short(needed)) = frame_length(self.ahead(), self.salt) {
            self.look(needed)?;
        }
        let start = usize::try_from(at - self.window_at).expect("inside the window");
        match decode_frame(&self.window[start..], self.salt) {
            Ok(frame) => {
                self.next = at + frame.frame_bytes as u64;
                Ok(Found::Frame(at, frame))
            }
            Err(fault) => Ok(Found::Bad(at, fault)),
        }
    }

    fn ahead(&self) -> &[u8] {
        usize::try_from(self.next - self.window_at).ok().and_then(|start| self.window.get(start..)).unwrap_or_default()
    }

    /// Makes the window hold this much from the next offset on, as far as the file goes.
    fn look(&mut self, needed: usize) -> Result<(), JournalError> {
        if self.ahead().len() >= needed {
            return Ok(());
        }
        self.window.resize(needed.max(WINDOW_BYTES), 0);
        self.window_at = self.next;
        let count = self.handle.read_at(&mut self.window, self.next).map_err(storage("read", self.path))?;
        self.window.truncate(count);
        Ok(())
    }
}

/// Looks behind a bad place for a frame that was written when more than `offset` bytes were synced: then the place was synced too, and what
/// is wrong with it is damage, not a torn write. A torn tail has none, for whatever stands behind it was never synced.
pub(crate) fn synced_past(handle: &dyn DiskFile, file: &LogFile, offset: u64) -> Result<bool, JournalError> {
    let len = handle.size().map_err(storage("read", &file.path))?;
    let mut window = vec![0; WINDOW_BYTES + MAX_FRAME_BYTES];
    let mut at = offset + 8;
    while at < len {
        let count = handle.read_at(&mut window, at).map_err(storage("read", &file.path))?;
        let mut start = 0;
        while start < count.min(WINDOW_BYTES) {
            if let Ok(frame) = decode_frame(&window[start..count], file.salt)
                && u64::from(frame.synced) > offset
            {
                return Ok(true);
            }
            start += 8;
        }
        at += WINDOW_BYTES as u64;
    }
    Ok(false)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_layout_stays_what_it_is() {
        let bytes = encode_start(FileKind::Events, 7, 0x0102_0304_0506_0708, &LogState::default());
        let mut expected = b"DAVYJRNL\x01\0\0\0\x0b\0\0\0\x07\0\0\0\0\0\0\0\x08\x07\x06\x05\x04\x03\x02\x01\x02\0\0\0".to_vec();
        expected.extend_from_slice(&bytes[36..40]);
        // Field 1, the least time there is.
        expected.extend_from_slice(b"\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01\0\0\0\0\0");
        assert_eq!(bytes, expected);
        assert_eq!(file_name(7), "0000000000000007.davyj");
        assert_eq!(file_number(&file_name(7)), Some(7));
        assert_eq!(file_number("7.davyj"), None);
    }
}
