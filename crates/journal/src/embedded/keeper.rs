//! The keeper: indexes closed segments, and drops the oldest when age or size says so and snapshots allow it.
//!
//! Order of a drop, so that a crash anywhere neither loses nor doubles a record: copy `events` and `dead` to files of their own, sync; show
//! readers the copies; remove the segment; sync the folder before the next one. A start that finds both takes the copy.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use model::{Partition, Position, Time};

use super::archive::Archive;
use super::disk::{corrupt, storage};
use super::file::LogFile;
use super::index::{Index, index_path, write_index};
use super::lane::{Lane, journal_of, lane_of};
use super::shared::Shared;
use super::writer::Closed;
use crate::{JournalError, JournalId, Key, metrics as names};

/// `dead` stands in at least this many files, so that the ring gives up little at a time.
pub(crate) const DEAD_FILES: u64 = 8;

/// The one that keeps the folder in bounds.
#[derive(Debug)]
pub(crate) struct Keeper {
    shared: Arc<Shared>,
    segments: VecDeque<Closed>,
    events: Archive,
    dead: Archive,
}

impl Keeper {
    pub(crate) fn new(shared: Arc<Shared>, segments: VecDeque<Closed>, events: Archive, dead: Archive) -> Self {
        Self { shared, segments, events, dead }
    }

    /// Takes a segment that was closed and writes its index.
    pub(crate) fn take(&mut self, segment: Closed) -> Result<(), JournalError> {
        let result = self.index(&segment);
        self.segments.push_back(segment);
        result
    }

    /// Writes the index of a closed segment.
    pub(crate) fn index(&self, segment: &Closed) -> Result<(), JournalError> {
        let mut offsets = BTreeMap::new();
        for (number, lane) in self.shared.lanes.iter().enumerate() {
            for run in lane.runs_in(&segment.file) {
                let journal = journal_of(number).expect("every lane is a journal's");
                offsets.insert(journal, (run.first, run.offsets));
            }
        }
        let index = Index { len: segment.len, offsets, end: segment.end.clone() };
        write_index(&*self.shared.disk, &segment.file, &index)
    }

    /// Drops what is over age or size and not needed, until the journal is closed; says how many segments.
    pub(crate) fn retain(&mut self) -> Result<usize, JournalError> {
        let before = self.segments.len();
        let held = self.drop_due();
        let trimmed = self.trim_dead();
        let dropped = before - self.segments.len();
        metrics::gauge!(names::HELD).set(f64::from(u8::from(!matches!(held, Ok(false)))));
        #[expect(clippy::cast_precision_loss, reason = "a gauge of files")]
        metrics::gauge!(names::SEGMENTS).set(self.segments.len() as f64);
        metrics::counter!(names::DROPPED).increment(dropped as u64);
        held.and(trimmed).map(|()| dropped)
    }

    /// Drops segments, oldest first; true where one is due and still needed.
    fn drop_due(&mut self) -> Result<bool, JournalError> {
        // A stop is waited for with a deadline, and hundreds of segments may be due after a long time off: the next start goes on.
        while self.oldest_is_over() && !self.shared.is_closed() {
            if self.oldest_is_held() {
                tracing::warn!(
                    segments = self.segments.len(),
                    "old segments are held, a partition has records in them that its snapshots do not make good"
                );
                return Ok(true);
            }
            self.drop_oldest()?;
        }
        Ok(false)
    }

    /// Something of a journal stands in files of its own.
    #[cfg(test)]
    pub(crate) fn has_moved(&self, journal: JournalId) -> bool {
        let kept = if journal == JournalId::Events { &self.events } else { &self.dead };
        kept.bytes() > 0
    }

    fn oldest_is_over(&self) -> bool {
        let Some(oldest) = self.segments.front() else { return false };
        let config = &self.shared.config;
        let bytes: u64 = self.segments.iter().map(|segment| segment.len).sum();
        let age = self.shared.clock.now().since(oldest.end.time);
        bytes > config.telemetry_bytes || (age > config.telemetry_keep && oldest.end.time > Time::MIN)
    }

    /// Some partition could not be restored without this segment.
    fn oldest_is_held(&self) -> bool {
        let Some(oldest) = self.segments.front() else { return false };
        (0..=u8::MAX).map(Partition).any(|partition| {
            let last = self.shared.lane(JournalId::Telemetry(partition)).first_run_in(&oldest.file);
            last.is_some_and(|last| Position(last) > self.needed_after(partition))
        })
    }

    /// Up to here nothing of a partition is needed: the position of the older of its two verified snapshots. Of the newer one where nothing
    /// stands behind it: a partition that went quiet may never have a second snapshot, or a second one that gets any further, and would
    /// hold the segments of all others for ever.
    fn needed_after(&self, partition: Partition) -> Position {
        let journal = JournalId::Telemetry(partition);
        let appended = self.shared.lane(journal).bounds().appended;
        let snapshots = self.shared.snapshots.lock();
        let kept = snapshots.get(&Key::engine(partition)).map(Vec::as_slice).unwrap_or_default();
        let mut positions = kept.iter().filter(|(of, _)| *of == journal).map(|(_, position)| *position);
        let newest = positions.next().unwrap_or_default();
        if newest == appended { newest } else { positions.next().unwrap_or_default() }
    }

    fn drop_oldest(&mut self) -> Result<(), JournalError> {
        let disk = Arc::clone(&self.shared.disk);
        let Some(oldest) = self.segments.front() else { return Ok(()) };
        for (archive, journal) in [(&mut self.events, JournalId::Events), (&mut self.dead, JournalId::Dead)] {
            let lane = self.shared.lane(journal);
            let moved = archive.take(&*disk, oldest, &lane.runs_in(&oldest.file))?;
            lane.replace(&oldest.file, moved);
        }
        let telemetry = &self.shared.lanes[..lane_of(JournalId::Events)];
        telemetry.iter().for_each(|lane: &Lane| lane.replace(&oldest.file, None));
        let file = Arc::clone(&oldest.file);
        self.remove(&file)?;
        self.segments.pop_front();
        Ok(())
    }

    /// Keeps the ring of dead letters in its bound.
    fn trim_dead(&mut self) -> Result<(), JournalError> {
        while self.dead.bytes() > self.shared.config.dead_bytes && !self.shared.is_closed() {
            let Some(file) = self.dead.spare() else { break };
            self.shared.lane(JournalId::Dead).replace(&file, None);
            self.remove(&file)?;
            self.dead.forget_oldest();
        }
        Ok(())
    }

    /// Removes a file and its index; either may be gone already, if an earlier attempt failed half-way. The folder is synced before anything
    /// else is removed, and one that could not be removed is tried again before any younger one: were an older file there but not a
    /// younger one, the next start would find a hole.
    fn remove(&self, file: &LogFile) -> Result<(), JournalError> {
        let disk = &self.shared.disk;
        for path in [&file.path, &index_path(&file.path)] {
            match disk.remove(path) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(storage("remove", path)(error)),
                _ => {}
            }
        }
        let folder = file.path.parent().ok_or_else(|| corrupt(&file.path, 0, "it stands in no folder"))?;
        disk.sync_folder(folder).map_err(storage("sync the folder", folder))
    }
}
