//! A disk that forgets: writes, cuts and names are safe only when synced. At a crash each of the others happens or not, in pieces and in any
//! order, and a write that an error was reported for may be lost for ever although it can still be read.

use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use parking_lot::Mutex;

use super::disk::{Disk, DiskFile};

/// The pieces in which a write reaches the disk.
const SECTOR: usize = 512;

/// Small, seeded, good enough.
#[derive(Clone, Debug)]
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ 0xD1B5_4A32_D192_ED03)
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }

    /// True this often in a hundred.
    pub(crate) fn percent(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }
}

#[derive(Clone, Debug)]
enum Change {
    Write(usize, Vec<u8>),
    Cut(usize),
}

impl Change {
    fn apply(&self, content: &mut Vec<u8>) {
        match self {
            Self::Write(at, bytes) => {
                let end = at + bytes.len();
                if content.len() < end {
                    content.resize(end, 0);
                }
                content[*at..end].copy_from_slice(bytes);
            }
            Self::Cut(len) => content.resize(*len, 0),
        }
    }

    /// What of it happens at a crash.
    fn tear(&self, content: &mut Vec<u8>, likely: u64, random: &mut Random) {
        let Self::Write(at, bytes) = self else {
            if random.percent(likely) {
                self.apply(content);
            }
            return;
        };
        let mut done = 0;
        while done < bytes.len() {
            let count = (SECTOR - (at + done) % SECTOR).min(bytes.len() - done);
            if random.percent(likely) {
                Self::Write(at + done, bytes[done..done + count].to_vec()).apply(content);
            }
            done += count;
        }
        // The length is metadata: it may be there without the bytes.
        if random.percent(likely) && content.len() < at + bytes.len() {
            content.resize(at + bytes.len(), 0);
        }
    }
}

#[derive(Clone, Debug, Default)]
struct Inode {
    live: Vec<u8>,
    safe: Vec<u8>,
    unsafe_changes: Vec<Change>,
}

#[derive(Clone, Debug)]
enum Naming {
    Put { path: PathBuf, inode: usize, from: Option<PathBuf> },
    Remove(PathBuf),
}

impl Naming {
    fn path(&self) -> &Path {
        match self {
            Self::Put { path, .. } | Self::Remove(path) => path,
        }
    }

    fn apply(&self, names: &mut BTreeMap<PathBuf, usize>) {
        match self {
            Self::Put { path, inode, from } => {
                if let Some(from) = from {
                    names.remove(from);
                }
                names.insert(path.clone(), *inode);
            }
            Self::Remove(path) => _ = names.remove(path),
        }
    }
}

/// An error to come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// The next write does half of it.
    Write,
    /// The next sync of a file loses what it should have made safe.
    Sync,
    /// The next removal of a file does nothing.
    Remove,
}

#[derive(Debug)]
struct World {
    random: Random,
    inodes: Vec<Inode>,
    live: BTreeMap<PathBuf, usize>,
    safe: BTreeMap<PathBuf, usize>,
    namings: Vec<Naming>,
    steps: u64,
    crash_at: Option<u64>,
    fault: Option<Fault>,
}

impl World {
    fn gone(&self) -> bool {
        self.crash_at.is_some_and(|at| self.steps >= at)
    }

    /// Counts a step; an error from the crash on.
    fn step(&mut self) -> io::Result<()> {
        if self.gone() {
            return Err(io::Error::other("the machine is down"));
        }
        self.steps += 1;
        if self.gone() { Err(io::Error::other("the machine goes down")) } else { Ok(()) }
    }

    fn name(&mut self, naming: Naming) {
        naming.apply(&mut self.live);
        self.namings.push(naming);
    }

    fn change(&mut self, inode: usize, change: Change) {
        let inode = &mut self.inodes[inode];
        change.apply(&mut inode.live);
        inode.unsafe_changes.push(change);
    }

    fn take_fault(&mut self, fault: Fault) -> bool {
        let due = self.fault == Some(fault);
        if due {
            self.fault = None;
        }
        due
    }
}

/// The disk.
#[derive(Clone)]
pub(crate) struct SimDisk(Arc<Mutex<World>>);

struct SimFile {
    world: Arc<Mutex<World>>,
    inode: usize,
}

impl fmt::Debug for SimDisk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SimDisk")
    }
}

impl fmt::Debug for SimFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SimFile")
    }
}

impl SimDisk {
    pub(crate) fn new(seed: u64) -> Self {
        let world = World {
            random: Random::new(seed),
            inodes: Vec::new(),
            live: BTreeMap::new(),
            safe: BTreeMap::new(),
            namings: Vec::new(),
            steps: 0,
            crash_at: None,
            fault: None,
        };
        Self(Arc::new(Mutex::new(world)))
    }

    /// The machine goes down at the step that is this many away.
    pub(crate) fn crash_in(&self, steps: u64) {
        let mut world = self.0.lock();
        world.crash_at = Some(world.steps + steps);
    }

    pub(crate) fn is_down(&self) -> bool {
        self.0.lock().gone()
    }

    pub(crate) fn fault(&self, fault: Option<Fault>) {
        self.0.lock().fault = fault;
    }

    /// The machine comes up again with what had become safe, and with pieces of the rest.
    pub(crate) fn come_up(&self) {
        let mut world = self.0.lock();
        let World { random, inodes, live, safe, namings, crash_at, .. } = &mut *world;
        // Nothing of the rest, all of it, or anything between.
        let likely = [0, 30, 50, 90, 100][usize::try_from(random.below(5)).expect("small")];
        for naming in namings.drain(..) {
            if random.percent(likely) {
                naming.apply(safe);
            }
        }
        for inode in inodes {
            for change in std::mem::take(&mut inode.unsafe_changes) {
                change.tear(&mut inode.safe, likely, random);
            }
            inode.live.clone_from(&inode.safe);
        }
        live.clone_from(safe);
        *crash_at = None;
    }
}

impl Disk for SimDisk {
    fn create(&self, path: &Path, _private: bool) -> io::Result<Arc<dyn DiskFile>> {
        let mut world = self.0.lock();
        let result = world.step();
        let inode = world.inodes.len();
        world.inodes.push(Inode::default());
        world.name(Naming::Put { path: path.to_owned(), inode, from: None });
        result.map(|()| Arc::new(SimFile { world: Arc::clone(&self.0), inode }) as Arc<dyn DiskFile>)
    }

    fn open(&self, path: &Path, _write: bool) -> io::Result<Arc<dyn DiskFile>> {
        let inode = *self.0.lock().live.get(path).ok_or(io::ErrorKind::NotFound)?;
        Ok(Arc::new(SimFile { world: Arc::clone(&self.0), inode }))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        let mut world = self.0.lock();
        let inode = *world.live.get(from).ok_or(io::ErrorKind::NotFound)?;
        let result = world.step();
        world.name(Naming::Put { path: to.to_owned(), inode, from: Some(from.to_owned()) });
        result
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        let mut world = self.0.lock();
        if !world.live.contains_key(path) {
            return Err(io::ErrorKind::NotFound.into());
        }
        if world.take_fault(Fault::Remove) {
            return Err(io::Error::other("the disk is busy"));
        }
        let result = world.step();
        world.name(Naming::Remove(path.to_owned()));
        result
    }

    fn list(&self, folder: &Path) -> io::Result<Vec<String>> {
        let world = self.0.lock();
        let inside = world.live.keys().filter(|path| path.parent() == Some(folder));
        Ok(inside.filter_map(|path| path.file_name()?.to_str().map(str::to_owned)).collect())
    }

    fn make_folder(&self, _folder: &Path) -> io::Result<()> {
        Ok(())
    }

    fn sync_folder(&self, folder: &Path) -> io::Result<()> {
        let mut world = self.0.lock();
        world.step()?;
        let (inside, outside) = std::mem::take(&mut world.namings)
            .into_iter()
            .partition::<Vec<_>, _>(|naming| naming.path().parent() == Some(folder));
        world.namings = outside;
        inside.iter().for_each(|naming| naming.apply(&mut world.safe));
        Ok(())
    }
}

impl DiskFile for SimFile {
    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        let mut world = self.world.lock();
        let result = world.step();
        let at = usize::try_from(offset).expect("small files");
        if result.is_ok() && world.take_fault(Fault::Write) {
            world.change(self.inode, Change::Write(at, bytes[..bytes.len() / 2].to_vec()));
            return Err(io::ErrorKind::StorageFull.into());
        }
        world.change(self.inode, Change::Write(at, bytes.to_vec()));
        result
    }

    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        let world = self.world.lock();
        let at = usize::try_from(offset).expect("small files");
        let rest = world.inodes[self.inode].live.get(at..).unwrap_or_default();
        let count = rest.len().min(buffer.len());
        buffer[..count].copy_from_slice(&rest[..count]);
        Ok(count)
    }

    fn sync(&self) -> io::Result<()> {
        let mut world = self.world.lock();
        world.step()?;
        let lost = world.take_fault(Fault::Sync);
        let inode = &mut world.inodes[self.inode];
        let changes = std::mem::take(&mut inode.unsafe_changes);
        if lost {
            return Err(io::Error::other("the disk gave up"));
        }
        changes.iter().for_each(|change| change.apply(&mut inode.safe));
        Ok(())
    }

    fn truncate(&self, len: u64) -> io::Result<()> {
        let mut world = self.world.lock();
        let result = world.step();
        world.change(self.inode, Change::Cut(usize::try_from(len).expect("small files")));
        result
    }

    fn size(&self) -> io::Result<u64> {
        Ok(self.world.lock().inodes[self.inode].live.len() as u64)
    }
}
