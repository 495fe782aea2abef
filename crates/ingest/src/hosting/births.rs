//! Births of Sparkplug nodes, kept over restarts: one file a node, written by a task of its own, the newest wins.
//!
//! Limits: `MAX_FILES`, the oldest give way at the start; `MAX_BYTES` a file, larger ones are not kept, so such a node is asked again.
//! A file that cannot be written stays pending: until it is, no sequence number of its node is journaled (see `Hosting`), so a restart
//! never takes data by an older table of aliases than they were sent with (traps 21).

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use metrics::counter;
use parking_lot::Mutex;
use service::Shutdown;
use sha2::{Digest as _, Sha256};
use sparkplug::NodeId;
use tokio::sync::Notify;
use tracing::warn;

use crate::{IngestError, metrics as names};

const FOLDER: &str = "sparkplug";
const SUFFIX: &str = "birth";
const MAX_FILES: usize = 10_000;
pub(super) const MAX_BYTES: usize = 8 * 1024 * 1024;
/// Wait before what could not be written is tried again.
const AGAIN_AFTER: Duration = Duration::from_secs(5);

/// What is to be kept. Clones share it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Births(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    state: Mutex<State>,
    wake: Notify,
}

#[derive(Debug, Default)]
struct State {
    pending: BTreeMap<NodeId, Vec<u8>>,
    writing: BTreeSet<NodeId>,
    /// Too large to be kept: for ever pending, until they are smaller.
    too_large: BTreeSet<NodeId>,
}

impl Births {
    /// Keeps what a restart needs of a node, in place of what was kept before.
    pub(crate) fn keep(&self, node: &NodeId, kept: Vec<u8>) {
        let mut state = self.0.state.lock();
        if kept.len() > MAX_BYTES {
            warn!(%node, bytes = kept.len(), "births too large to be kept; after a restart the node is asked for them");
            state.too_large.insert(node.clone());
            return;
        }
        state.too_large.remove(node);
        state.pending.insert(node.clone(), kept);
        drop(state);
        self.0.wake.notify_one();
    }

    /// Whether the newest births of a node are not on disk yet.
    pub(crate) fn is_pending(&self, node: &NodeId) -> bool {
        let state = self.0.state.lock();
        state.pending.contains_key(node) || state.writing.contains(node) || state.too_large.contains(node)
    }

    fn take(&self) -> BTreeMap<NodeId, Vec<u8>> {
        let mut state = self.0.state.lock();
        let pending = std::mem::take(&mut state.pending);
        state.writing = pending.keys().cloned().collect();
        pending
    }

    fn written(&self) {
        self.0.state.lock().writing.clear();
    }

    /// Newer ones may be there already.
    fn put_back(&self, unwritten: BTreeMap<NodeId, Vec<u8>>) {
        let mut state = self.0.state.lock();
        state.writing.clear();
        for (node, kept) in unwritten {
            state.pending.entry(node).or_insert(kept);
        }
    }
}

/// Writes births until nothing more can come, then what still waits.
pub(crate) async fn write_births(data: PathBuf, births: Births, drained: Shutdown) -> Result<(), IngestError> {
    let folder = data.join(FOLDER);
    let mut failing = false;
    loop {
        let end = drained.is_requested();
        let due = Arc::new(births.take());
        if !due.is_empty() {
            let (to, writing) = (folder.clone(), Arc::clone(&due));
            let written = tokio::task::spawn_blocking(move || write_all(&to, &writing)).await;
            let written = written.map_err(|_| IngestError::Ended { part: "writing births" })?;
            match written {
                Ok(()) => {
                    births.written();
                    failing = false;
                }
                Err(error) => {
                    counter!(names::BIRTHS_NOT_KEPT).increment(due.len() as u64);
                    if !std::mem::replace(&mut failing, true) {
                        warn!(%error, folder = %folder.display(), nodes = due.len(), "births of Sparkplug nodes not kept; trying again");
                    }
                    births.put_back(Arc::unwrap_or_clone(due));
                }
            }
        }
        if end {
            return Ok(());
        }
        // Every arm is cancel-safe: a notification, a timer, a token.
        tokio::select! {
            () = births.0.wake.notified(), if !failing => {}
            () = tokio::time::sleep(AGAIN_AFTER), if failing => {}
            () = drained.requested() => {}
        }
    }
}

fn write_all(folder: &Path, births: &BTreeMap<NodeId, Vec<u8>>) -> io::Result<()> {
    fs::create_dir_all(folder)?;
    for (node, kept) in births {
        let file = folder.join(file_name(node));
        let new = file.with_extension("new");
        let mut writing = File::create(&new)?;
        writing.write_all(kept)?;
        writing.sync_data()?;
        fs::rename(&new, &file)?;
    }
    File::open(folder)?.sync_all()
}

fn file_name(node: &NodeId) -> String {
    let hash = Sha256::digest(node.to_string());
    let hex: String = hash.iter().take(16).map(|byte| format!("{byte:02x}")).collect();
    format!("{hex}.{SUFFIX}")
}

/// What earlier runs kept, newest first.
pub(crate) fn files(data: &Path) -> Vec<PathBuf> {
    let folder = data.join(FOLDER);
    let entries = match fs::read_dir(&folder) {
        Ok(entries) => entries,
        Err(error) => {
            if error.kind() != io::ErrorKind::NotFound {
                warn!(%error, folder = %folder.display(), "births kept by earlier runs cannot be read");
            }
            return Vec::new();
        }
    };
    let kept = |entry: &fs::DirEntry| entry.path().extension().is_some_and(|it| it == SUFFIX);
    let age = |entry: &fs::DirEntry| entry.metadata().and_then(|it| it.modified()).unwrap_or(SystemTime::UNIX_EPOCH);
    let mut files: Vec<_> = entries.filter_map(Result::ok).filter(kept).map(|it| (age(&it), it.path())).collect();
    files.sort();
    let many = files.len().saturating_sub(MAX_FILES);
    for (_, path) in files.drain(..many) {
        if let Err(error) = fs::remove_file(&path) {
            warn!(%error, path = %path.display(), "births of a node not heard of for long stay");
        }
    }
    files.into_iter().rev().map(|(_, path)| path).collect()
}

/// What an earlier run kept of one node. What cannot be read is left out and said: its node is asked again.
pub(crate) fn load(file: &Path) -> Option<Vec<u8>> {
    fs::read(file).inspect_err(|error| warn!(%error, path = %file.display(), "births left out")).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn node(n: u32) -> NodeId {
        NodeId::new("g", &format!("n{n}")).expect("valid")
    }

    #[tokio::test]
    async fn the_newest_is_kept_and_pending_until_it_is_on_disk() {
        let data = tempfile::tempdir().expect("a folder");
        let (births, drained) = (Births::default(), Shutdown::new());
        births.keep(&node(1), b"old".to_vec());
        births.keep(&node(1), b"new".to_vec());
        births.keep(&node(2), b"other".to_vec());
        births.keep(&node(3), vec![0; MAX_BYTES + 1]);
        assert!(births.is_pending(&node(1)) && !births.is_pending(&node(4)));
        drained.request();
        write_births(data.path().to_owned(), births.clone(), drained).await.expect("written");
        assert!(!births.is_pending(&node(1)) && births.is_pending(&node(3)), "what is too large never counts as kept");
        let mut kept: Vec<_> = files(data.path()).iter().filter_map(|it| load(it)).collect();
        kept.sort();
        assert_eq!(kept, [b"new".to_vec(), b"other".to_vec()]);
    }

    #[tokio::test]
    async fn what_cannot_be_written_stays_pending() {
        let data = tempfile::tempdir().expect("a folder");
        fs::write(data.path().join(FOLDER), "a file where the folder should be").expect("written");
        let (births, drained) = (Births::default(), Shutdown::new());
        births.keep(&node(1), b"kept".to_vec());
        drained.request();
        write_births(data.path().to_owned(), births.clone(), drained).await.expect("it goes on");
        assert!(births.is_pending(&node(1)) && files(data.path()).is_empty());
    }
}
