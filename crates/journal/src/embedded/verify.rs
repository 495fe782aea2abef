//! The proof: reads a journal's files without changing them, and names the first record that is not right.
//!
//! It proves that every frame holds, that positions, key counts and chains go on without a hole from the first record of `events`, and that
//! every seal is signed with the one key and binds exactly what stands before it. Records after the last seal can be cut off by somebody
//! with access to the disk without being missed here: hold `sealed_to` and the key against what was published.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use model::Position;

use super::disk::{Disk, DiskFile, RealDisk, storage};
use super::file::{FileStart, Found, Scan, file_number, read_start, synced_past};
use super::frame::{Content, Frame, sha256};
use super::identity::read_public_key;
use super::index::read_index;
use super::open::{DEAD, EVENTS, SEGMENTS};
use super::seal::check_seal;
use super::state::LogState;
use crate::{JournalError, JournalId, Key, RecordKind};

/// How often a proof starts over because retention moved files under it.
const ATTEMPTS: usize = 3;

/// What a proof found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifyReport {
    /// Files read.
    pub files: u64,
    /// Records read, of all journals.
    pub records: u64,
    /// Last position of `events`.
    pub last_event: Position,
    /// Seals of `events`.
    pub seals: u64,
    /// Everything in `events` up to here is bound by a seal.
    pub sealed_to: Position,
    /// Bodies that were lawfully erased; the chain proves that nothing else of their records changed.
    pub erased: u64,
    /// Bytes behind the last whole record: what a crash, or a write going on, left there.
    pub torn_bytes: u64,
    /// The key that the seals were checked with.
    pub public_key: [u8; 32],
    /// The first thing that is not right.
    pub fault: Option<VerifyFault>,
}

impl VerifyReport {
    pub(crate) fn new(public_key: [u8; 32]) -> Self {
        Self {
            files: 0,
            records: 0,
            last_event: Position(0),
            seals: 0,
            sealed_to: Position(0),
            erased: 0,
            torn_bytes: 0,
            public_key,
            fault: None,
        }
    }

    /// Nothing is wrong.
    pub fn is_intact(&self) -> bool {
        self.fault.is_none()
    }
}

/// The first record that is not right.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifyFault {
    /// Which file.
    pub file: PathBuf,
    /// Where in it.
    pub offset: u64,
    /// Which journal, if that much can be read.
    pub journal: Option<JournalId>,
    /// Which position, if that much can be read.
    pub position: Option<Position>,
    /// Whose record, if that much can be read.
    pub key: Option<Key>,
    /// What is wrong with it.
    pub reason: String,
}

impl fmt::Display for VerifyFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at byte {}", self.file.display(), self.offset)?;
        if let (Some(journal), Some(position), Some(key)) = (self.journal, self.position, &self.key) {
            write!(f, ", record {} of {journal} by {key}", position.0)?;
        }
        write!(f, ": {}", self.reason)
    }
}

/// Why a walk ended early.
#[derive(Debug)]
pub(crate) enum Stop {
    /// Something is not right.
    Fault(VerifyFault),
    /// A file went away: retention is at work.
    Moved,
    /// The disk failed.
    Failed(JournalError),
}

impl From<JournalError> for Stop {
    fn from(error: JournalError) -> Self {
        match error {
            JournalError::Corrupt { file, offset, reason } => Self::Fault(fault_at(Path::new(&file), offset, reason)),
            other => Self::Failed(other),
        }
    }
}

fn fault_at(path: &Path, offset: u64, reason: impl Into<String>) -> VerifyFault {
    VerifyFault { file: path.to_owned(), offset, journal: None, position: None, key: None, reason: reason.into() }
}

pub(crate) fn fault_of(path: &Path, offset: u64, frame: &Frame<'_>, reason: &str) -> Stop {
    let header = &frame.header;
    let (journal, position, key) = (Some(header.journal), Some(header.position), Some(header.key.clone()));
    Stop::Fault(VerifyFault { file: path.to_owned(), offset, journal, position, key, reason: reason.to_owned() })
}

/// Proves the journal in a folder, whether a process owns it or not. The seals are checked with the key given, or with the folder's own; only
/// a key that was kept elsewhere tells that the folder was not made anew as a whole.
pub fn verify(folder: &Path, public_key: Option<[u8; 32]>) -> Result<VerifyReport, JournalError> {
    verify_on(&RealDisk, folder, public_key)
}

pub(crate) fn verify_on(disk: &dyn Disk, folder: &Path, public_key: Option<[u8; 32]>) -> Result<VerifyReport, JournalError> {
    let public_key = public_key.map_or_else(|| read_public_key(disk, folder), Ok)?;
    for _ in 0..ATTEMPTS {
        let mut proof =
            Proof { report: VerifyReport::new(public_key), events: LogState::default(), seals_from: Some(public_key) };
        match proof.folder(disk, folder) {
            Ok(()) => {}
            Err(Stop::Fault(fault)) => proof.report.fault = Some(fault),
            Err(Stop::Failed(error)) => return Err(error),
            Err(Stop::Moved) => continue,
        }
        return Ok(proof.report);
    }
    let moving = io::Error::other("its files moved while they were read");
    Err(storage("read", folder)(moving))
}

/// What is proven so far.
pub(crate) struct Proof {
    pub(crate) report: VerifyReport,
    /// Where `events` stands, from its first record on.
    pub(crate) events: LogState,
    /// The key of the seals; taken from the first one where none is given.
    pub(crate) seals_from: Option<[u8; 32]>,
}

impl Proof {
    fn folder(&mut self, disk: &dyn Disk, folder: &Path) -> Result<(), Stop> {
        // Segments are listed before the kept events are read: what moves from one to the other meanwhile is then seen at least once.
        let segments = files_in(disk, &folder.join(SEGMENTS))?;
        self.shelf(disk, &files_in(disk, &folder.join(EVENTS))?)?;
        self.shelf(disk, &files_in(disk, &folder.join(DEAD))?)?;
        self.shelf(disk, &segments)
    }

    /// Proves files that follow each other.
    fn shelf(&mut self, disk: &dyn Disk, paths: &[PathBuf]) -> Result<(), Stop> {
        let mut state: Option<LogState> = None;
        for (at, path) in paths.iter().enumerate() {
            let last = at + 1 == paths.len();
            let begin = |start: &FileStart| match &state {
                Some(state) if *state != start.state => {
                    Err(Stop::Fault(fault_at(path, 0, "it does not start where the file before ends")))
                }
                _ => Ok(start.state.clone()),
            };
            let mut now = LogState::default();
            let walked = walk(disk, path, last, &mut |step| match step {
                Step::Start(start) => begin(start).map(|state| now = state),
                Step::Frame(offset, frame) => {
                    now.follow(frame).map_err(|reason| fault_of(path, offset, frame, reason))?;
                    self.record(path, offset, frame)
                }
            })?;
            self.report.files += 1;
            self.report.torn_bytes += walked;
            state = Some(now);
        }
        Ok(())
    }

    /// Takes a record. One of `events` that was proven before, because a crash or a move going on left it in two files, is passed over.
    pub(crate) fn record(&mut self, path: &Path, offset: u64, frame: &Frame<'_>) -> Result<(), Stop> {
        let wrong = |reason: &str| fault_of(path, offset, frame, reason);
        self.report.records += 1;
        let seen = self.events.appended(JournalId::Events);
        let Some(link) = frame.link.filter(|_| frame.header.position > seen) else { return Ok(()) };
        match frame.content {
            Content::Whole(body) if sha256(body) != link.body_hash => {
                return Err(wrong("its body is not the one that was written"));
            }
            Content::Erased => self.report.erased += 1,
            Content::Whole(_) | Content::LeftOut => {}
        }
        let before = (frame.header.kind == RecordKind::Seal).then(|| self.events.clone());
        self.events.follow(frame).map_err(wrong)?;
        if let Some(before) = before {
            let body = frame.body().ok_or_else(|| wrong("a seal has no body"))?;
            let key = self.seals_from.or_else(|| super::seal::key_of(body)).ok_or_else(|| wrong("the seal cannot be read"))?;
            check_seal(body, &before, &key).map_err(wrong)?;
            (self.seals_from, self.report.public_key) = (Some(key), key);
            self.report.seals += 1;
            self.report.sealed_to = seen;
        }
        self.report.last_event = frame.header.position;
        Ok(())
    }
}

/// What a walk over a file comes to.
pub(crate) enum Step<'a> {
    Start(&'a FileStart),
    Frame(u64, &'a Frame<'a>),
}

/// The files of a folder, in order.
pub(crate) fn files_in(disk: &dyn Disk, folder: &Path) -> Result<Vec<PathBuf>, Stop> {
    let names = disk.list(folder).map_err(storage("list", folder))?;
    let numbers: Vec<u64> = names.iter().filter_map(|name| file_number(name)).collect();
    for pair in numbers.windows(2) {
        if pair[1] != pair[0] + 1 {
            let path = folder.join(super::file::file_name(pair[0] + 1));
            return Err(Stop::Fault(fault_at(&path, 0, "the file is missing")));
        }
    }
    Ok(numbers.iter().map(|number| folder.join(super::file::file_name(*number))).collect())
}

/// Visits the start and the frames of a file; says how many bytes behind the last one are torn, which only the last file may have.
pub(crate) fn walk(
    disk: &dyn Disk,
    path: &Path,
    last: bool,
    visit: &mut dyn FnMut(Step<'_>) -> Result<(), Stop>,
) -> Result<u64, Stop> {
    let handle = disk.open(path, false).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => Stop::Moved,
        _ => Stop::Failed(storage("open", path)(error)),
    })?;
    let start = read_start(&*handle, path)?;
    visit(Step::Start(&start))?;
    let index = read_index(disk, &start.file);
    let mut next = start.frames_at;
    let mut damaged_at = None;
    loop {
        let mut scan = Scan::new(&*handle, &start.file, next);
        let (at, reason) = loop {
            match scan.next()? {
                Found::End => {
                    let cut = index.is_some_and(|index| index.len != next);
                    let fault = || Stop::Fault(fault_at(path, next, "the file is not as long as its index says"));
                    return if cut { Err(fault()) } else { Ok(0) };
                }
                Found::Frame(at, frame) => {
                    visit(Step::Frame(at, &frame))?;
                    next = at + frame.frame_bytes as u64;
                }
                Found::Bad(at, fault) => break (at, fault.to_string()),
            }
        };
        if last && index.is_none() && !synced_past(&*handle, &start.file, at)? {
            return torn(&*handle, path, at);
        }
        // The writer may have written on since: what was synced is whole when it is read afresh.
        if damaged_at == Some(at) {
            return Err(Stop::Fault(fault_at(path, at, reason)));
        }
        damaged_at = Some(at);
    }
}

fn torn(handle: &dyn DiskFile, path: &Path, at: u64) -> Result<u64, Stop> {
    let size = handle.size().map_err(storage("read", path))?;
    Ok(size.saturating_sub(at))
}
