//! Snapshots: one file each, verified by reading it back before it counts.
//!
//! `KEY.POSITION.snap` with `/` in the key written as `-`: 8 bytes "DAVYSNAP", u32 version 1, u32 zero, SHA-256 of the rest, then protobuf.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use model::Position;
use prost::Message;

use super::disk::{Disk, corrupt, put_file, read_file, remove_unfinished, storage};
use super::frame::sha256;
use super::lane::{journal_of, lane_of};
use super::open::SNAPSHOTS;
use super::shared::Shared;
use crate::{JournalError, JournalId, Key, Snapshot};

const MAGIC: &[u8; 8] = b"DAVYSNAP";
const VERSION: u32 = 1;
const FIXED_BYTES: usize = 48;
const ENDING: &str = ".snap";
/// How many verified snapshots of a key are kept.
pub(crate) const KEPT: usize = 2;

/// The verified snapshots of each key, newest first.
pub(crate) type Verified = BTreeMap<Key, Vec<(JournalId, Position)>>;

#[derive(Clone, PartialEq, Message)]
struct SnapshotMirror {
    #[prost(string, tag = "1")]
    key: String,
    #[prost(uint32, tag = "2")]
    lane: u32,
    #[prost(uint64, tag = "3")]
    position: u64,
    #[prost(bytes = "bytes", tag = "4")]
    body: Bytes,
}

fn snapshot_path(folder: &Path, key: &Key, position: Position) -> PathBuf {
    folder.join(format!("{}.{:020}{ENDING}", key.as_str().replace('/', "-"), position.0))
}

fn parse_name(name: &str) -> Option<(Key, Position)> {
    let (key, position) = name.strip_suffix(ENDING)?.rsplit_once('.')?;
    Some((Key::new(&key.replace('-', "/")).ok()?, Position(position.parse().ok()?)))
}

fn encode(snapshot: &Snapshot) -> Vec<u8> {
    let mirror = SnapshotMirror {
        key: snapshot.key.as_str().to_owned(),
        lane: u32::try_from(lane_of(snapshot.journal)).expect("there are 258 lanes"),
        position: snapshot.position.0,
        body: snapshot.body.clone(),
    };
    let mut bytes = Vec::with_capacity(FIXED_BYTES + mirror.encoded_len());
    bytes.extend_from_slice(MAGIC);
    bytes.extend_from_slice(&VERSION.to_le_bytes());
    bytes.resize(FIXED_BYTES, 0);
    mirror.encode(&mut bytes).expect("a Vec grows");
    let hash = sha256(&bytes[FIXED_BYTES..]);
    bytes[16..FIXED_BYTES].copy_from_slice(&hash);
    bytes
}

fn decode(bytes: Vec<u8>) -> Option<Snapshot> {
    let (fixed, rest) = bytes.split_at_checked(FIXED_BYTES)?;
    if !fixed.starts_with(MAGIC) || fixed[8..12] != VERSION.to_le_bytes() || fixed[16..] != sha256(rest) {
        return None;
    }
    let mirror = SnapshotMirror::decode(Bytes::from(bytes).slice(FIXED_BYTES..)).ok()?;
    let journal = journal_of(mirror.lane as usize)?;
    Some(Snapshot { key: Key::new(&mirror.key).ok()?, journal, position: Position(mirror.position), body: mirror.body })
}

/// Reads one snapshot; `None` where it is missing, broken or not what its name says.
pub(crate) fn read_snapshot(disk: &dyn Disk, folder: &Path, key: &Key, position: Position) -> Option<Snapshot> {
    let path = snapshot_path(folder, key, position);
    let read = read_file(disk, &path).map_err(|error| error.to_string());
    let snapshot = read.and_then(|bytes| decode(bytes).ok_or_else(|| "its hash does not hold".to_owned()));
    match snapshot {
        Ok(snapshot) if snapshot.key == *key && snapshot.position == position => Some(snapshot),
        Ok(_) => {
            tracing::warn!(path = %path.display(), "snapshot left out, it is not what its name says");
            None
        }
        Err(reason) => {
            tracing::warn!(path = %path.display(), reason, "snapshot left out, it cannot be read");
            None
        }
    }
}

/// Verifies all snapshots of a folder. One that is ahead of its journal belongs to another past of it and is left out (traps 51, 77).
pub(crate) fn load_snapshots(
    disk: &dyn Disk,
    folder: &Path,
    appended: impl Fn(JournalId) -> Position,
) -> Result<Verified, JournalError> {
    remove_unfinished(disk, folder)?;
    disk.sync_folder(folder).map_err(storage("sync the folder", folder))?;
    let mut verified = Verified::new();
    let names = disk.list(folder).map_err(storage("list", folder))?;
    // By name is by key and position; backwards is newest first.
    for (key, position) in names.iter().rev().filter_map(|name| parse_name(name)) {
        let kept = verified.entry(key.clone()).or_default();
        if kept.len() == KEPT {
            continue;
        }
        let Some(snapshot) = read_snapshot(disk, folder, &key, position) else { continue };
        if position > appended(snapshot.journal) {
            tracing::warn!(%key, position = position.0, "snapshot left out, it is ahead of its journal");
            continue;
        }
        kept.push((snapshot.journal, position));
    }
    Ok(verified)
}

/// Writes a snapshot and reads it back.
pub(crate) fn write_snapshot(disk: &dyn Disk, folder: &Path, snapshot: &Snapshot) -> Result<(), JournalError> {
    let path = snapshot_path(folder, &snapshot.key, snapshot.position);
    put_file(disk, &path, &encode(snapshot), false)?;
    match read_snapshot(disk, folder, &snapshot.key, snapshot.position) {
        Some(read) if read == *snapshot => Ok(()),
        _ => Err(corrupt(&path, 0, "what was written is not what is read back")),
    }
}

/// Removes the snapshots of a key that are not kept.
pub(crate) fn remove_others(
    disk: &dyn Disk,
    folder: &Path,
    key: &Key,
    kept: &[(JournalId, Position)],
) -> Result<(), JournalError> {
    for name in disk.list(folder).map_err(storage("list", folder))? {
        let other = parse_name(&name).is_some_and(|(of, position)| of == *key && !kept.iter().any(|(_, kept)| *kept == position));
        if other {
            let path = folder.join(name);
            disk.remove(&path).map_err(storage("remove", &path))?;
        }
    }
    Ok(())
}

impl Shared {
    /// Keeps a snapshot whose position is durable. One at a time.
    pub(crate) fn put_snapshot(&self, snapshot: &Snapshot) -> Result<(), JournalError> {
        let folder = self.config.folder.join(SNAPSHOTS);
        let mut kept = self.snapshots.lock().get(&snapshot.key).cloned().unwrap_or_default();
        if kept.len() == KEPT && kept.iter().all(|(_, position)| *position > snapshot.position) {
            // Older than all that is kept: it would be removed at once.
            return Ok(());
        }
        write_snapshot(&*self.disk, &folder, snapshot)?;
        kept.retain(|(_, position)| *position != snapshot.position);
        kept.push((snapshot.journal, snapshot.position));
        kept.sort_by_key(|(_, position)| std::cmp::Reverse(*position));
        kept.truncate(KEPT);
        self.snapshots.lock().insert(snapshot.key.clone(), kept.clone());
        remove_others(&*self.disk, &folder, &snapshot.key, &kept)
    }

    /// The verified snapshots of a key, newest first.
    pub(crate) fn read_snapshots(&self, key: &Key) -> Vec<Snapshot> {
        let folder = self.config.folder.join(SNAPSHOTS);
        let kept = self.snapshots.lock().get(key).cloned().unwrap_or_default();
        kept.iter().filter_map(|(_, position)| read_snapshot(&*self.disk, &folder, key, *position)).collect()
    }
}
