//! The index beside a closed file: where its frames stand and how it ends, so that a start need not read the file itself.
//!
//! `NUMBER.idx` beside `NUMBER.davyj`: 8 bytes "DAVYJIDX", u32 version 1, u32 CRC-32C of the rest, then protobuf. Made from the file and
//! made anew from it whenever it is missing or broken. It exists only for a file that is complete and synced.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use prost::Message;

use super::disk::{Disk, put_file, read_file};
use super::file::LogFile;
use super::lane::{journal_of, lane_of};
use super::state::{LogState, StateMirror};
use crate::{JournalError, JournalId};

const MAGIC: &[u8; 8] = b"DAVYJIDX";
const VERSION: u32 = 1;
const FIXED_BYTES: usize = 16;

/// Offsets of the records of one journal, with the position of the first.
pub(crate) type Offsets = BTreeMap<JournalId, (u64, Vec<u32>)>;

/// What an index says of its file.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Index {
    /// Length of the file.
    pub(crate) len: u64,
    pub(crate) offsets: Offsets,
    /// Where all journals stand after it.
    pub(crate) end: LogState,
}

#[derive(Clone, PartialEq, Message)]
struct IndexMirror {
    #[prost(fixed64, tag = "1")]
    salt: u64,
    #[prost(uint64, tag = "2")]
    len: u64,
    #[prost(message, repeated, tag = "3")]
    runs: Vec<RunMirror>,
    #[prost(message, optional, tag = "4")]
    end: Option<StateMirror>,
}

#[derive(Clone, PartialEq, Message)]
struct RunMirror {
    #[prost(uint32, tag = "1")]
    lane: u32,
    #[prost(uint64, tag = "2")]
    first: u64,
    #[prost(fixed32, repeated, tag = "3")]
    offsets: Vec<u32>,
}

pub(crate) fn index_path(file: &Path) -> PathBuf {
    file.with_extension("idx")
}

/// Writes the index of a closed file.
pub(crate) fn write_index(disk: &dyn Disk, file: &LogFile, index: &Index) -> Result<(), JournalError> {
    let run = |(journal, (first, offsets)): (&JournalId, &(u64, Vec<u32>))| RunMirror {
        lane: u32::try_from(lane_of(*journal)).expect("there are 258 lanes"),
        first: *first,
        offsets: offsets.clone(),
    };
    let runs = index.offsets.iter().map(run).collect();
    let body = IndexMirror { salt: file.salt, len: index.len, runs, end: Some(index.end.mirror()) }.encode_to_vec();
    let mut bytes = Vec::with_capacity(FIXED_BYTES + body.len());
    bytes.extend_from_slice(MAGIC);
    bytes.extend_from_slice(&VERSION.to_le_bytes());
    bytes.extend_from_slice(&crc32c::crc32c(&body).to_le_bytes());
    bytes.extend_from_slice(&body);
    put_file(disk, &index_path(&file.path), &bytes, false).map(drop)
}

/// The index of a file; `None` where it is missing, broken or of another file.
pub(crate) fn read_index(disk: &dyn Disk, file: &LogFile) -> Option<Index> {
    let bytes = read_file(disk, &index_path(&file.path)).ok()?;
    let (fixed, body) = bytes.split_at_checked(FIXED_BYTES)?;
    let expected = [MAGIC.as_slice(), &VERSION.to_le_bytes(), &crc32c::crc32c(body).to_le_bytes()].concat();
    if fixed != expected {
        return None;
    }
    let mirror = IndexMirror::decode(body).ok().filter(|mirror| mirror.salt == file.salt)?;
    let mut offsets = Offsets::new();
    for run in mirror.runs {
        offsets.insert(journal_of(run.lane as usize)?, (run.first, run.offsets));
    }
    Some(Index { len: mirror.len, offsets, end: mirror.end?.state()? })
}
