//! A shelf: the files of one kind in one folder, numbered without a hole, all complete but the last.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::disk::{Disk, DiskFile, corrupt, remove_unfinished, storage};
use super::file::{FileKind, Found, LogFile, OpenFile, Scan, create_file, file_number, read_start, synced_past};
use super::index::{Index, Offsets, read_index, write_index};
use super::state::LogState;
use crate::JournalError;

/// A file as a start finds it.
#[derive(Debug)]
pub(crate) struct Shelved {
    pub(crate) file: Arc<LogFile>,
    pub(crate) start: LogState,
    pub(crate) index: Index,
}

/// What a start finds in a folder.
#[derive(Debug)]
pub(crate) struct Shelf {
    pub(crate) folder: PathBuf,
    pub(crate) kind: FileKind,
    /// Closed files, oldest first.
    pub(crate) closed: Vec<Shelved>,
    /// The one that is still written, with what it holds so far.
    pub(crate) open: Option<(OpenFile, Shelved)>,
}

/// Reads a folder. What a crash left behind the last synced record of the last file is cut off; anything else that is wrong is damage.
pub(crate) fn load_shelf(disk: &dyn Disk, folder: &Path, kind: FileKind) -> Result<Shelf, JournalError> {
    remove_unfinished(disk, folder)?;
    let names = disk.list(folder).map_err(storage("list", folder))?;
    let numbers: Vec<u64> = names.iter().filter_map(|name| file_number(name)).collect();
    remove_orphans(disk, folder, &names, &numbers)?;
    // The process may have died between a rename and the sync of the folder; what is used must not vanish later.
    disk.sync_folder(folder).map_err(storage("sync the folder", folder))?;
    let mut shelf = Shelf { folder: folder.to_owned(), kind, closed: Vec::new(), open: None };
    for (at, number) in numbers.iter().enumerate() {
        let path = folder.join(super::file::file_name(*number));
        if at > 0 && *number != numbers[at - 1] + 1 {
            return Err(corrupt(&path, 0, format!("file {} is missing before it", number - 1)));
        }
        load_file(disk, &mut shelf, &path, *number, at + 1 == numbers.len())?;
    }
    Ok(shelf)
}

/// Removes indexes whose file is gone: a crash came between the two removals.
fn remove_orphans(disk: &dyn Disk, folder: &Path, names: &[String], numbers: &[u64]) -> Result<(), JournalError> {
    for name in names {
        let number = name.strip_suffix(".idx").and_then(|number| number.parse().ok());
        if number.is_some_and(|number| !numbers.contains(&number)) {
            let path = folder.join(name);
            disk.remove(&path).map_err(storage("remove", &path))?;
        }
    }
    Ok(())
}

fn load_file(disk: &dyn Disk, shelf: &mut Shelf, path: &Path, number: u64, last: bool) -> Result<(), JournalError> {
    let handle = disk.open(path, true).map_err(storage("open", path))?;
    let start = read_start(&*handle, path)?;
    if start.file.number != number || start.file.kind != shelf.kind {
        return Err(corrupt(path, 0, "its name does not fit what it says it is"));
    }
    if shelf.closed.last().is_some_and(|before| before.index.end != start.state) {
        return Err(corrupt(path, 0, "it does not start where the file before ends"));
    }
    let size = handle.size().map_err(storage("read", path))?;
    let known = read_index(disk, &start.file);
    if known.as_ref().is_some_and(|index| index.len != size) {
        return Err(corrupt(path, size, "its length is not what its index says"));
    }
    let (closed, missing) = (known.is_some() || !last, known.is_none());
    let index = match known {
        Some(index) => index,
        None => scan(&*handle, &start.file, start.frames_at, start.state.clone(), last)?,
    };
    let shelved = Shelved { file: Arc::clone(&start.file), start: start.state, index };
    if closed {
        if missing {
            write_index(disk, &shelved.file, &shelved.index)?;
        }
        shelf.closed.push(shelved);
        return Ok(());
    }
    let len = shelved.index.len;
    if len < size {
        tracing::warn!(file = %path.display(), from = len, bytes = size - len, "unsynced tail cut off");
        handle.truncate(len).map_err(storage("cut", path))?;
    }
    // Even a whole tail may be only in the page cache, if the process died and not the machine.
    handle.sync().map_err(storage("sync", path))?;
    let open = OpenFile { file: Arc::clone(&start.file), handle, frames_at: start.frames_at, len };
    shelf.open = Some((open, shelved));
    Ok(())
}

/// Reads all frames of a file. What is no frame is where the file ends if `torn` allows it, that is in the last file, and if nothing behind it
/// was written when it was already synced. A whole frame that does not follow the one before is never a crash's work.
fn scan(handle: &dyn DiskFile, file: &Arc<LogFile>, frames_at: u64, start: LogState, torn: bool) -> Result<Index, JournalError> {
    let mut index = Index { len: frames_at, offsets: Offsets::new(), end: start };
    let mut scan = Scan::new(handle, file, frames_at);
    loop {
        match scan.next()? {
            Found::End => return Ok(index),
            Found::Bad(at, _) if torn && !synced_past(handle, file, at)? => return Ok(index),
            Found::Bad(at, fault) => return Err(corrupt(&file.path, at, fault.to_string())),
            Found::Frame(at, frame) => {
                index.end.follow(&frame).map_err(|reason| corrupt(&file.path, at, reason))?;
                let offset = u32::try_from(at).map_err(|_| corrupt(&file.path, at, "the file is longer than 4 GiB"))?;
                let run = (frame.header.position.0, Vec::new());
                index.offsets.entry(frame.header.journal).or_insert(run).1.push(offset);
                index.len = at + frame.frame_bytes as u64;
            }
        }
    }
}

impl Shelf {
    /// The state after everything on the shelf.
    pub(crate) fn end(&self) -> Option<&LogState> {
        let last = self.open.as_ref().map(|(_, shelved)| shelved).or(self.closed.last());
        last.map(|shelved| &shelved.index.end)
    }

    /// All files, oldest first.
    pub(crate) fn files(&self) -> impl Iterator<Item = &Shelved> {
        self.closed.iter().chain(self.open.as_ref().map(|(_, shelved)| shelved))
    }

    /// Begins the next file, in the given state.
    pub(crate) fn begin(&self, disk: &dyn Disk, state: &LogState) -> Result<OpenFile, JournalError> {
        let number = self.files().last().map_or(1, |last| last.file.number + 1);
        create_file(disk, &self.folder, self.kind, number, state)
    }
}
