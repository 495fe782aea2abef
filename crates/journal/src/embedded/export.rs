//! A provable copy of `events`: one file in the form of file.rs, begun with an empty state, of all records from the first to the last. Bodies
//! that were not asked for are left out; their hashes stand in the chain, so that what is there is proven all the same, offline.

use std::io::{self, Write};
use std::ops::RangeInclusive;
use std::path::Path;

use model::Position;

use super::disk::{Disk, RealDisk, random, storage};
use super::file::{FileKind, encode_start};
use super::frame::{Content, Frame, encode_frame};
use super::open::{EVENTS, SEGMENTS};
use super::state::LogState;
use super::verify::{Proof, Step, Stop, VerifyReport, fault_of, files_in, walk};
use crate::{JournalError, JournalId, JournalRecord, RecordKind};

/// What an export wrote.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ExportReport {
    /// Records of `events`, all of them.
    pub records: u64,
    /// Those with their bodies.
    pub bodies: u64,
    /// The last position.
    pub last: Position,
}

/// Writes a provable copy of the `events` of the journal in a folder, whether a process owns it or not, with the bodies of the given
/// positions.
pub fn export(folder: &Path, bodies: RangeInclusive<Position>, out: &mut dyn Write) -> Result<ExportReport, JournalError> {
    export_on(&RealDisk, folder, &bodies, out).map_err(|stop| stopped(folder, stop))
}

/// Reads all records of `events` in a folder in order, whether a process owns it or not, until `visit` says false.
pub fn read_events(folder: &Path, visit: &mut dyn FnMut(JournalRecord) -> bool) -> Result<(), JournalError> {
    let mut wanted = true;
    let read = each_event(&RealDisk, folder, &mut |frame| {
        wanted = wanted && visit(frame.record());
        Ok(())
    });
    read.map_err(|stop| stopped(folder, stop))
}

fn stopped(folder: &Path, stop: Stop) -> JournalError {
    match stop {
        Stop::Failed(error) => error,
        Stop::Fault(fault) => super::disk::corrupt(&fault.file, fault.offset, fault.reason),
        // What is written cannot be taken back, so there is no second attempt here.
        Stop::Moved => storage("read", folder)(io::Error::other("its files moved while they were read")),
    }
}

/// Visits the frames of `events` in order, each once, wherever they stand.
fn each_event(disk: &dyn Disk, folder: &Path, visit: &mut dyn FnMut(&Frame<'_>) -> Result<(), Stop>) -> Result<(), Stop> {
    let segments = files_in(disk, &folder.join(SEGMENTS))?;
    let kept = files_in(disk, &folder.join(EVENTS))?;
    let mut at = Position(0);
    for (path, last) in with_last(&kept).chain(with_last(&segments)) {
        walk(disk, path, last, &mut |step| {
            let Step::Frame(offset, frame) = step else { return Ok(()) };
            let position = frame.header.position;
            if frame.header.journal != JournalId::Events || position <= at {
                return Ok(());
            }
            if position.0 != at.0 + 1 {
                return Err(fault_of(path, offset, frame, "its position does not follow the record before"));
            }
            at = position;
            visit(frame)
        })?;
    }
    Ok(())
}

fn export_on(
    disk: &dyn Disk,
    folder: &Path,
    bodies: &RangeInclusive<Position>,
    out: &mut dyn Write,
) -> Result<ExportReport, Stop> {
    let salt = u64::from_le_bytes(random().map_err(storage("draw a salt for the export of", folder))?);
    let mut report = ExportReport::default();
    let mut buffer = encode_start(FileKind::Export, 1, salt, &LogState::default());
    each_event(disk, folder, &mut |frame| {
        take(&mut report, &mut buffer, salt, frame, bodies.contains(&frame.header.position));
        out.write_all(&buffer).map_err(storage("write the export of", folder))?;
        buffer.clear();
        Ok(())
    })?;
    out.write_all(&buffer).and_then(|()| out.flush()).map_err(storage("write the export of", folder))?;
    Ok(report)
}

fn with_last(paths: &[std::path::PathBuf]) -> impl Iterator<Item = (&Path, bool)> {
    paths.iter().enumerate().map(|(at, path)| (path.as_path(), at + 1 == paths.len()))
}

fn take(report: &mut ExportReport, buffer: &mut Vec<u8>, salt: u64, frame: &Frame<'_>, asked: bool) {
    // Seals prove the rest, so they are always there.
    let content = if asked || frame.header.kind == RecordKind::Seal { frame.content } else { Content::LeftOut };
    report.records += 1;
    report.bodies += u64::from(matches!(content, Content::Whole(_)));
    report.last = frame.header.position;
    encode_frame(buffer, salt, 0, &frame.header, frame.link.as_ref(), content);
}

/// Proves an exported copy, with the key given or, where none is, with the one its first seal names: then it is for the reader to hold the
/// key in the report against the published one. The copy must end with a whole record.
pub fn verify_export(file: &Path, public_key: Option<[u8; 32]>) -> Result<VerifyReport, JournalError> {
    let report = VerifyReport::new(public_key.unwrap_or_default());
    let mut proof = Proof { report, events: LogState::default(), seals_from: public_key };
    let result = walk(&RealDisk, file, false, &mut |step| match step {
        Step::Start(start) if start.file.kind != FileKind::Export || start.state != LogState::default() => {
            Err(super::disk::corrupt(file, 0, "it is no export from the first record on").into())
        }
        Step::Start(_) => Ok(()),
        Step::Frame(offset, frame) if frame.header.journal != JournalId::Events => {
            Err(fault_of(file, offset, frame, "it is no record of events"))
        }
        Step::Frame(offset, frame) => match frame.header.position > proof.report.last_event {
            true => proof.record(file, offset, frame),
            false => Err(fault_of(file, offset, frame, "its position does not follow the record before")),
        },
    });
    proof.report.files = 1;
    match result {
        Ok(_) => Ok(proof.report),
        Err(Stop::Fault(fault)) => Ok(VerifyReport { fault: Some(fault), ..proof.report }),
        Err(Stop::Failed(error)) => Err(error),
        Err(Stop::Moved) => Err(storage("open", file)(io::ErrorKind::NotFound.into())),
    }
}
