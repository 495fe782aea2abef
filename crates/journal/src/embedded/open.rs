//! The start: reads the folder, cuts off what a crash left unsynced, and puts the parts together.

use std::collections::VecDeque;
use std::path::Path;
use std::sync::Arc;

use ed25519_dalek::SigningKey;
use model::Time;

use super::archive::Archive;
use super::clock::JournalClock;
use super::config::EmbeddedConfig;
use super::disk::{Disk, corrupt, remove_unfinished, storage};
use super::file::FileKind;
use super::identity::Identity;
use super::keeper::{DEAD_FILES, Keeper};
use super::lane::{LANES, Lane, Run, journal_of};
use super::shared::{Parts, Shared};
use super::shelf::{Shelf, load_shelf};
use super::snapshots::load_snapshots;
use super::state::LogState;
use super::writer::{Closed, Writer};
use crate::{JournalError, JournalId};

/// Folder of the segments.
pub(crate) const SEGMENTS: &str = "segments";
/// Folder of kept events.
pub(crate) const EVENTS: &str = "events";
/// Folder of kept dead letters.
pub(crate) const DEAD: &str = "dead";
/// Folder of snapshots.
pub(crate) const SNAPSHOTS: &str = "snapshots";

/// The parts of an open journal, without threads.
#[derive(Debug)]
pub(crate) struct Opened {
    pub(crate) shared: Arc<Shared>,
    pub(crate) writer: Writer,
    pub(crate) keeper: Keeper,
}

/// Opens a journal; makes it where there is none.
pub(crate) fn open(disk: Arc<dyn Disk>, config: EmbeddedConfig) -> Result<Opened, JournalError> {
    let folder = config.folder.clone();
    make_folders(&*disk, &folder)?;
    let log = load_shelf(&*disk, &folder.join(SEGMENTS), FileKind::Segment)?;
    let events = load_shelf(&*disk, &folder.join(EVENTS), FileKind::Events)?;
    let dead = load_shelf(&*disk, &folder.join(DEAD), FileKind::Dead)?;
    let new = log.end().is_none();
    let identity = Identity::load(&*disk, &folder, new)?;
    let end = log.end().cloned().unwrap_or_default();
    check_kept(&log, &end, &events, JournalId::Events)?;
    check_kept(&log, &end, &dead, JournalId::Dead)?;
    let snapshots = load_snapshots(&*disk, &folder.join(SNAPSHOTS), |journal| end.appended(journal))?;
    let public_key = identity.key.verifying_key().to_bytes();
    let parts = Parts {
        lanes: lanes(&log, &events, &dead, &end),
        clock: JournalClock::new(Arc::clone(&config.clock), end.time),
        epoch: identity.epoch,
        disk,
        config,
        public_key,
        snapshots,
    };
    assemble(parts, log, events, dead, end, identity.key)
}

fn make_folders(disk: &dyn Disk, folder: &Path) -> Result<(), JournalError> {
    for name in [SEGMENTS, EVENTS, DEAD, SNAPSHOTS] {
        let path = folder.join(name);
        disk.make_folder(&path).map_err(storage("make", &path))?;
    }
    remove_unfinished(disk, folder)?;
    disk.sync_folder(folder).map_err(storage("sync the folder", folder))?;
    let parent = folder.parent().filter(|parent| !parent.as_os_str().is_empty());
    parent.map_or(Ok(()), |parent| disk.sync_folder(parent).map_err(storage("sync the folder", parent)))
}

/// What is kept of a journal in files of its own must reach to where the segments begin, and not past where they end.
fn check_kept(log: &Shelf, end: &LogState, kept: &Shelf, journal: JournalId) -> Result<(), JournalError> {
    let reaches = kept.end().map(|end| end.appended(journal)).unwrap_or_default();
    let begins = log.files().next().map(|first| first.start.appended(journal)).unwrap_or_default();
    if reaches < begins {
        let reason = format!("{journal} is kept up to {}, but the segments begin after {}", reaches.0, begins.0);
        return Err(corrupt(&kept.folder, 0, reason));
    }
    if reaches > end.appended(journal) {
        let reason = format!("{journal} is kept up to {}, but the segments end at {}", reaches.0, end.appended(journal).0);
        return Err(corrupt(&log.folder, 0, reason));
    }
    Ok(())
}

fn lanes(log: &Shelf, events: &Shelf, dead: &Shelf, end: &LogState) -> Vec<Lane> {
    let lane = |number| {
        let journal = journal_of(number).expect("every lane is a journal's");
        let mut runs: VecDeque<Run> = VecDeque::new();
        for shelved in events.files().chain(dead.files()).chain(log.files()) {
            let Some((first, offsets)) = shelved.index.offsets.get(&journal) else { continue };
            let run = Run { file: Arc::clone(&shelved.file), first: *first, offsets: offsets.clone() };
            // A crash between copy and removal leaves both: the copy counts.
            runs.extend(run.after(runs.back().map_or(0, Run::last)));
        }
        let head = end.journals.get(&journal);
        let keys = head.map(|head| head.keys.iter().map(|(key, head)| (key.clone(), head.seq)).collect());
        let last_time = head.map_or(Time::MIN, |head| head.last_time);
        Lane::new(end.appended(journal).0, last_time, keys.unwrap_or_default(), runs)
    };
    (0..LANES).map(lane).collect()
}

fn assemble(
    parts: Parts,
    log: Shelf,
    events: Shelf,
    dead: Shelf,
    end: LogState,
    key: SigningKey,
) -> Result<Opened, JournalError> {
    let fresh = if log.open.is_none() { Some(log.begin(&*parts.disk, &end)?) } else { None };
    let closed =
        log.closed.into_iter().map(|shelved| Closed { file: shelved.file, len: shelved.index.len, end: shelved.index.end });
    let segments = closed.collect();
    let active = fresh.or(log.open.map(|(open, _)| open)).expect("there is one or the other");
    let segment_bytes = parts.config.segment_bytes;
    let dead_bytes = segment_bytes.min(parts.config.dead_bytes / DEAD_FILES);
    let shared = Arc::new(Shared::new(parts, &active));
    let events = Archive::new(events, JournalId::Events, segment_bytes);
    let dead = Archive::new(dead, JournalId::Dead, dead_bytes);
    let keeper = Keeper::new(Arc::clone(&shared), segments, events, dead);
    let writer = Writer::new(Arc::clone(&shared), end, active, key)?;
    Ok(Opened { shared, writer, keeper })
}
