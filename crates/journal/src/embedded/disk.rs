//! The file layer: the few disk operations the journal makes, behind a trait so that tests can crash between any two of them.

use std::fmt;
use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::JournalError;

/// What the journal asks of a disk.
pub(crate) trait Disk: Send + Sync + fmt::Debug {
    /// Makes an empty file, or empties one; readable by its owner only where `private`.
    fn create(&self, path: &Path, private: bool) -> io::Result<Arc<dyn DiskFile>>;
    /// Opens a file that exists.
    fn open(&self, path: &Path, write: bool) -> io::Result<Arc<dyn DiskFile>>;
    /// Gives a file another name, in place of whatever had it.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;
    /// Removes a file.
    fn remove(&self, path: &Path) -> io::Result<()>;
    /// Names of the files in a folder, in order.
    fn list(&self, folder: &Path) -> io::Result<Vec<String>>;
    /// Makes a folder and those above it where they are missing.
    fn make_folder(&self, folder: &Path) -> io::Result<()>;
    /// Makes names in a folder survive a crash.
    fn sync_folder(&self, folder: &Path) -> io::Result<()>;
}

/// An open file.
pub(crate) trait DiskFile: Send + Sync + fmt::Debug {
    /// Writes all bytes at an offset.
    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()>;
    /// Reads until the buffer is full or the file ends; says how much.
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize>;
    /// Makes content and length survive a crash.
    fn sync(&self) -> io::Result<()>;
    /// Cuts the file.
    fn truncate(&self, len: u64) -> io::Result<()>;
    /// Its length.
    fn size(&self) -> io::Result<u64>;
}

/// The machine's own disk.
#[derive(Debug)]
pub(crate) struct RealDisk;

impl Disk for RealDisk {
    fn create(&self, path: &Path, private: bool) -> io::Result<Arc<dyn DiskFile>> {
        let mode = if private { 0o600 } else { 0o640 };
        let file = OpenOptions::new().read(true).write(true).create(true).truncate(true).mode(mode).open(path)?;
        Ok(Arc::new(file))
    }

    fn open(&self, path: &Path, write: bool) -> io::Result<Arc<dyn DiskFile>> {
        Ok(Arc::new(OpenOptions::new().read(true).write(write).open(path)?))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        std::fs::rename(from, to)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        std::fs::remove_file(path)
    }

    fn list(&self, folder: &Path) -> io::Result<Vec<String>> {
        let mut names = Vec::new();
        for entry in std::fs::read_dir(folder)? {
            let entry = entry?;
            if entry.file_type()?.is_file() {
                names.extend(entry.file_name().into_string());
            }
        }
        names.sort();
        Ok(names)
    }

    fn make_folder(&self, folder: &Path) -> io::Result<()> {
        std::fs::create_dir_all(folder)
    }

    fn sync_folder(&self, folder: &Path) -> io::Result<()> {
        File::open(folder)?.sync_all()
    }
}

impl DiskFile for File {
    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        self.write_all_at(bytes, offset)
    }

    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        let mut done = 0;
        while done < buffer.len() {
            match FileExt::read_at(self, &mut buffer[done..], offset + done as u64) {
                Ok(0) => break,
                Ok(count) => done += count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(done)
    }

    fn sync(&self) -> io::Result<()> {
        self.sync_data()
    }

    fn truncate(&self, len: u64) -> io::Result<()> {
        self.set_len(len)
    }

    fn size(&self) -> io::Result<u64> {
        Ok(self.metadata()?.len())
    }
}

/// A storage error with what was being done to which path.
pub(crate) fn storage(doing: &str, path: &Path) -> impl FnOnce(io::Error) -> JournalError {
    let doing = format!("{doing} {}", path.display());
    move |source| JournalError::Storage { doing, source: Arc::new(source) }
}

/// What is stored at a place cannot be trusted.
pub(crate) fn corrupt(path: &Path, offset: u64, reason: impl Into<String>) -> JournalError {
    JournalError::Corrupt { file: path.display().to_string(), offset, reason: reason.into() }
}

/// Ending of files that are not finished; a start removes them.
pub(crate) const UNFINISHED: &str = ".tmp";

fn unfinished(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(UNFINISHED);
    PathBuf::from(name)
}

/// Puts a whole file under its name so that after a crash it is there complete or not at all; gives it back open.
pub(crate) fn put_file(disk: &dyn Disk, path: &Path, bytes: &[u8], private: bool) -> Result<Arc<dyn DiskFile>, JournalError> {
    let draft = unfinished(path);
    let file = disk.create(&draft, private).map_err(storage("create", &draft))?;
    file.write_at(bytes, 0).map_err(storage("write", &draft))?;
    file.sync().map_err(storage("sync", &draft))?;
    disk.rename(&draft, path).map_err(storage("rename", &draft))?;
    let folder = path.parent().unwrap_or(Path::new("."));
    disk.sync_folder(folder).map_err(storage("sync the folder", folder))?;
    Ok(file)
}

/// The whole content of a file.
pub(crate) fn read_file(disk: &dyn Disk, path: &Path) -> Result<Vec<u8>, JournalError> {
    let read = || {
        let file = disk.open(path, false)?;
        let len = usize::try_from(file.size()?).map_err(|_| io::Error::from(io::ErrorKind::FileTooLarge))?;
        let mut bytes = vec![0; len];
        let count = file.read_at(&mut bytes, 0)?;
        bytes.truncate(count);
        Ok(bytes)
    };
    read().map_err(storage("read", path))
}

/// Removes what a crash left unfinished.
pub(crate) fn remove_unfinished(disk: &dyn Disk, folder: &Path) -> Result<(), JournalError> {
    for name in disk.list(folder).map_err(storage("list", folder))? {
        if name.ends_with(UNFINISHED) {
            let path = folder.join(name);
            disk.remove(&path).map_err(storage("remove", &path))?;
        }
    }
    Ok(())
}

/// Random bytes of the operating system.
pub(crate) fn random<const N: usize>() -> io::Result<[u8; N]> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(|error| io::Error::other(error.to_string()))?;
    Ok(bytes)
}
