//! `davy journal`: proof and evidence from a data folder.

use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, anyhow};
use journal::{JournalError, JournalRecord, RecordKind, VerifyReport};
use model::{Event, EventBody, Position, RevisionNumber, Scope};
use wire::{Cursor, JsonExtras};

use crate::cli::JournalAction;
use crate::exit::CommandError;
use crate::output::{Output, Reader};

/// Verifies or exports.
pub fn run(action: &JournalAction) -> Result<(), CommandError> {
    match action {
        JournalAction::Verify { data, proof, public_key } => verify(data, proof.as_deref(), public_key.as_deref()),
        JournalAction::Export { data, proof } => export(data, proof.as_deref()),
    }
}

fn journal_error(error: JournalError) -> CommandError {
    CommandError::of(error.kind(), error)
}

fn verify(data: &Path, proof: Option<&Path>, public_key: Option<&str>) -> Result<(), CommandError> {
    let public_key = public_key.map(parse_key).transpose()?;
    let report = match proof {
        Some(file) => journal::verify_export(file, public_key),
        None => journal::verify(&folder(data)?, public_key),
    }
    .map_err(journal_error)?;
    say(&report);
    if report.is_intact() { Ok(()) } else { Err(CommandError::input(anyhow!("prove the journal: {}", first_fault(&report)))) }
}

fn say(report: &VerifyReport) {
    let key: String = report.public_key.iter().map(|byte| format!("{byte:02x}")).collect();
    eprintln!("files      {}", report.files);
    eprintln!(
        "records    {} ({} erased bodies, {} bytes of an unfinished last write)",
        report.records, report.erased, report.torn_bytes
    );
    eprintln!(
        "events     up to position {}; {} seals, the last binds up to {}",
        report.last_event.0, report.seals, report.sealed_to.0
    );
    eprintln!("seal key   {key}");
    match &report.fault {
        None => eprintln!("intact"),
        Some(_) => eprintln!("NOT intact: {}", first_fault(report)),
    }
}

fn first_fault(report: &VerifyReport) -> String {
    let Some(fault) = &report.fault else { return "no fault is named".to_owned() };
    let place = match (fault.journal, fault.position, &fault.key) {
        (Some(journal), Some(position), Some(key)) => format!("{journal} position {} of {key}", position.0),
        (Some(journal), Some(position), None) => format!("{journal} position {}", position.0),
        _ => "a record that cannot be named".to_owned(),
    };
    format!("{place}, {} at byte {}: {}", fault.file.display(), fault.offset, fault.reason)
}

fn parse_key(text: &str) -> Result<[u8; 32], CommandError> {
    let wrong = || CommandError::usage(anyhow!("use --public-key `{text}`; give 64 hex digits, as `davy up` prints them"));
    let mut key = [0; 32];
    if text.len() != 64 || !text.is_ascii() {
        return Err(wrong());
    }
    for (byte, at) in key.iter_mut().zip((0..64).step_by(2)) {
        *byte = u8::from_str_radix(&text[at..at + 2], 16).map_err(|_| wrong())?;
    }
    Ok(key)
}

/// The journal inside a data folder; never made by looking for it.
fn folder(data: &Path) -> Result<std::path::PathBuf, CommandError> {
    let folder = data.join("journal");
    if folder.is_dir() {
        Ok(folder)
    } else {
        Err(CommandError::input(anyhow!("find a journal in {}; name the data folder of a Davy with --data", data.display())))
    }
}

fn export(data: &Path, proof: Option<&Path>) -> Result<(), CommandError> {
    let folder = folder(data)?;
    if let Some(proof) = proof {
        let doing = || format!("write the copy {}", proof.display());
        let mut file = BufWriter::new(File::create(proof).with_context(doing).map_err(CommandError::input)?);
        let report = journal::export(&folder, Position(0)..=Position(u64::MAX), &mut file).map_err(journal_error)?;
        file.flush().with_context(doing).map_err(CommandError::input)?;
        eprintln!("davy: {} records up to position {} copied to {}", report.records, report.last.0, proof.display());
    }
    let (mut out, mut failed) = (Output::new(), None);
    let read = journal::read_events(&folder, &mut |record| match print(&record, &mut out) {
        Ok(reader) => reader == Reader::There,
        Err(error) => {
            failed = Some(error);
            false
        }
    });
    out.flush()?;
    failed.map_or(Ok(()), Err)?;
    read.map_err(journal_error)
}

fn print(record: &JournalRecord, out: &mut Output) -> Result<Reader, CommandError> {
    let decoded = match record.kind {
        RecordKind::Data => wire::decode_event_record(&record.body).map_err(CommandError::input)?,
        RecordKind::Seal => wire::EventRecord { events: vec![seal(record)?], ..wire::EventRecord::default() },
    };
    let place = (record.epoch, &record.key.shared(), record.key_seq);
    for event in wire::recorded_events(decoded, place, record.position, record.time) {
        let cursor = Cursor { seen: event.ordinal + 1, ..Cursor::after(record.epoch, record.position) };
        out.line(&wire::event_json(&event, JsonExtras::Recorded(&cursor)))?;
    }
    Ok(out.reader())
}

/// A seal as feeds show it.
fn seal(record: &JournalRecord) -> Result<Event, CommandError> {
    let notice = wire::seal_notice(&record.body).map_err(CommandError::input)?;
    Ok(Event {
        occurred_at: record.time,
        subject: Arc::from("journal"),
        scope: Scope::default(),
        revision: RevisionNumber(0),
        body: EventBody::Seal(notice),
    })
}
