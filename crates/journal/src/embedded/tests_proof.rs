//! What somebody with access to the disk, and care for checksums, cannot do without being found out.

use std::fs;
use std::path::{Path, PathBuf};

use ed25519_dalek::SigningKey;
use model::{Epoch, Position, Time};
use tempfile::TempDir;

use super::disk::{Disk, RealDisk};
use super::file::{FileStart, Found, Scan, encode_start, file_name, read_start};
use super::frame::{Content, Header, Link, encode_frame, sha256};
use super::seal::make_seal;
use super::state::LogState;
use super::tests::{T7, append, open};
use super::verify::{VerifyFault, VerifyReport, verify};
use crate::{Journal, JournalId, RecordKind, export, verify_export};

/// A frame taken apart.
#[derive(Clone)]
struct Part {
    header: Header,
    link: Option<Link>,
    body: Option<Vec<u8>>,
}

fn segment(folder: &Path) -> PathBuf {
    folder.join("segments").join(file_name(1))
}

fn take_apart(path: &Path) -> (FileStart, Vec<Part>) {
    let handle = RealDisk.open(path, false).expect("opens");
    let start = read_start(&*handle, path).expect("starts well");
    let mut scan = Scan::new(&*handle, &start.file, start.frames_at);
    let mut parts = Vec::new();
    loop {
        match scan.next().expect("reads") {
            Found::Frame(_, frame) => {
                let body = frame.body().map(<[u8]>::to_vec);
                parts.push(Part { header: frame.header, link: frame.link, body });
            }
            Found::End => break,
            Found::Bad(..) => panic!("a whole file"),
        }
    }
    (start, parts)
}

/// Writes the file anew, checksums and all, without its index.
fn put_together(path: &Path, start: &FileStart, parts: &[Part]) {
    let mut bytes = encode_start(start.file.kind, start.file.number, start.file.salt, &start.state);
    for part in parts {
        let content = part.body.as_deref().map_or(Content::Erased, Content::Whole);
        encode_frame(&mut bytes, start.file.salt, 0, &part.header, part.link.as_ref(), content);
    }
    fs::write(path, bytes).expect("writes");
    fs::remove_file(path.with_extension("idx")).ok();
}

/// Three events of two keys, a seal, another event, a seal, an event that is not sealed; and telemetry between.
async fn filled() -> TempDir {
    let folder = TempDir::new().expect("a folder");
    let journal = open(&folder).await;
    for (by, body) in [("engine/7", "one"), ("exchange", "two"), ("engine/7", "three")] {
        journal.append(append(T7, "ingest", &["sample"])).await.expect("appends");
        journal.append(append(JournalId::Events, by, &[body])).await.expect("appends");
    }
    journal.seal().await.expect("seals").expect("due");
    journal.append(append(JournalId::Events, "engine/7", &["five"])).await.expect("appends");
    journal.seal().await.expect("seals").expect("due");
    journal.append(append(JournalId::Events, "engine/7", &["seven"])).await.expect("appends");
    journal.close().await.expect("closes");
    folder
}

fn proven(folder: &TempDir) -> VerifyReport {
    verify(folder.path(), None).expect("can be read")
}

fn fault(folder: &TempDir) -> VerifyFault {
    proven(folder).fault.expect("something is wrong")
}

/// Changes the frames of the one segment.
fn tamper(folder: &TempDir, change: impl FnOnce(&mut Vec<Part>)) {
    let path = segment(folder.path());
    let (start, mut parts) = take_apart(&path);
    change(&mut parts);
    put_together(&path, &start, &parts);
}

fn event(parts: &[Part], position: u64) -> usize {
    let found = parts.iter().position(|part| part.link.is_some() && part.header.position.0 == position);
    found.expect("the event is there")
}

#[tokio::test]
async fn an_untouched_journal_is_intact() {
    let folder = filled().await;
    let report = proven(&folder);
    assert_eq!(report.fault, None);
    assert_eq!((report.seals, report.sealed_to, report.last_event), (2, Position(5), Position(7)));
    assert_eq!((report.records, report.erased, report.torn_bytes), (10, 0, 0));
    tamper(&folder, |_| {});
    assert!(proven(&folder).is_intact(), "the tampering itself leaves no trace");
}

#[tokio::test]
async fn a_changed_body_is_named() {
    let folder = filled().await;
    tamper(&folder, |parts| {
        let at = event(parts, 2);
        parts[at].body = Some(b"twO".to_vec());
    });
    let fault = fault(&folder);
    assert_eq!((fault.journal, fault.position), (Some(JournalId::Events), Some(Position(2))));
    assert_eq!(fault.key.map(|key| key.to_string()), Some("exchange".into()));
    assert!(fault.reason.contains("body"), "{}", fault.reason);
}

#[tokio::test]
async fn a_flipped_bit_is_named_by_file_and_offset() {
    let folder = filled().await;
    let path = segment(folder.path());
    let mut bytes = fs::read(&path).expect("reads");
    let at = bytes.windows(5).position(|five| five == b"three").expect("the body is there");
    bytes[at] ^= 1;
    fs::write(&path, bytes).expect("writes");
    let fault = fault(&folder);
    assert!(fault.file.ends_with(file_name(1)) && fault.offset < at as u64, "{fault}");
    assert!(fault.reason.contains("checksum"), "{fault}");
}

#[tokio::test]
async fn a_removed_record_is_missed() {
    let folder = filled().await;
    tamper(&folder, |parts| {
        let at = event(parts, 2);
        parts.remove(at);
    });
    assert_eq!(fault(&folder).position, Some(Position(3)));
}

#[tokio::test]
async fn swapped_records_are_named() {
    let folder = filled().await;
    tamper(&folder, |parts| {
        let (one, other) = (event(parts, 1), event(parts, 2));
        parts.swap(one, other);
    });
    assert_eq!(fault(&folder).position, Some(Position(2)));
}

#[tokio::test]
async fn an_erased_body_breaks_nothing() {
    let folder = filled().await;
    tamper(&folder, |parts| {
        let at = event(parts, 3);
        parts[at].body = None;
    });
    let report = proven(&folder);
    assert_eq!((report.fault, report.erased), (None, 1));
    let journal = open(&folder).await;
    assert_eq!(journal.bounds(JournalId::Events).appended, Position(7));
}

/// Makes everything anew from a changed body on: chains, and seals with this key.
fn forge(parts: &mut [Part], key: &SigningKey) {
    let mut state = LogState::default();
    for part in parts {
        if part.header.journal == JournalId::Events {
            if part.header.kind == RecordKind::Seal {
                let body = make_seal(&state, Epoch(part.header.epoch.0), part.header.time, key);
                part.header.body_bytes = u32::try_from(body.len()).expect("small");
                part.body = Some(body);
            }
            let body_hash = sha256(part.body.as_deref().expect("nothing is erased"));
            let head = state.key_head(JournalId::Events, &part.header.key);
            part.link = Some(Link { body_hash, chain: part.header.chain(&head.chain, &body_hash) });
        }
        state.apply(&part.header, part.link.map(|link| (link.body_hash, link.chain)));
    }
}

#[tokio::test]
async fn a_chain_made_anew_needs_the_key() {
    let folder = filled().await;
    let wrong = SigningKey::from_bytes(&[7; 32]);
    tamper(&folder, |parts| {
        let at = event(parts, 2);
        parts[at].body = Some(b"TWO".to_vec());
        forge(parts, &wrong);
    });
    let fault = fault(&folder);
    assert_eq!((fault.position, fault.reason.as_str()), (Some(Position(4)), "the seal was made with another key"));
    let report = verify(folder.path(), Some(wrong.verifying_key().to_bytes())).expect("can be read");
    assert_eq!(report.fault, None, "but for the key the forgery is perfect");
}

#[tokio::test]
async fn a_chain_made_anew_without_the_seals_does_not_fit_them() {
    let folder = filled().await;
    tamper(&folder, |parts| {
        let seals: Vec<(usize, Part)> =
            parts.iter().cloned().enumerate().filter(|(_, part)| part.header.kind == RecordKind::Seal).collect();
        let at = event(parts, 2);
        parts[at].body = Some(b"TWO".to_vec());
        forge(parts, &SigningKey::from_bytes(&[7; 32]));
        seals.into_iter().for_each(|(at, seal)| parts[at] = seal);
    });
    assert!(fault(&folder).reason.contains("heads"));
}

#[tokio::test]
async fn a_cut_closed_file_is_missed() {
    let folder = filled().await;
    let path = segment(folder.path());
    let (start, parts) = take_apart(&path);
    let index = fs::read(path.with_extension("idx")).expect("a closed segment has an index");
    put_together(&path, &start, &parts[..parts.len() - 1]);
    fs::write(path.with_extension("idx"), index).expect("writes");
    assert!(fault(&folder).reason.contains("not as long"));
}

fn exported(folder: &TempDir, from: u64, to: u64) -> PathBuf {
    let path = folder.path().join("copy");
    let mut file = fs::File::create(&path).expect("creates");
    let report = export(folder.path(), Position(from)..=Position(to), &mut file).expect("exports");
    assert_eq!((report.records, report.last), (7, Position(7)));
    path
}

#[tokio::test]
async fn an_exported_copy_is_proven_by_itself() {
    let folder = filled().await;
    let key = proven(&folder).public_key;
    let copy = exported(&folder, 2, 3);
    let report = verify_export(&copy, Some(key)).expect("can be read");
    assert_eq!((report.fault, report.seals, report.sealed_to), (None, 2, Position(5)));
    let (_, parts) = take_apart(&copy);
    let there: Vec<u64> = parts.iter().filter(|part| part.body.is_some()).map(|part| part.header.position.0).collect();
    assert_eq!(there, [2, 3, 4, 6], "what was asked for, and the seals");
    assert_eq!(verify_export(&copy, None).expect("can be read").public_key, key, "the key as the seals name it");
    let report = verify_export(&copy, Some([9; 32])).expect("can be read");
    assert_eq!(report.fault.expect("another key").position, Some(Position(4)));
}

#[tokio::test]
async fn a_changed_or_cut_copy_is_found_out() {
    let folder = filled().await;
    let copy = exported(&folder, 1, 7);
    let (start, parts) = take_apart(&copy);
    let mut changed = parts.clone();
    changed[2].body = Some(b"THREE".to_vec());
    put_together(&copy, &start, &changed);
    let report = verify_export(&copy, None).expect("can be read");
    assert_eq!(report.fault.expect("a changed body").position, Some(Position(3)));
    put_together(&copy, &start, &parts[1..]);
    assert_eq!(verify_export(&copy, None).expect("can be read").fault.expect("no beginning").position, Some(Position(2)));
    put_together(&copy, &start, &parts);
    let bytes = fs::read(&copy).expect("reads");
    fs::write(&copy, &bytes[..bytes.len() - 8]).expect("writes");
    assert!(verify_export(&copy, None).expect("can be read").fault.is_some());
}

#[tokio::test]
async fn a_journal_at_work_can_be_proven() {
    let folder = TempDir::new().expect("a folder");
    let journal = open(&folder).await;
    let event = journal.append(append(JournalId::Events, "engine/7", &["e"])).await.expect("appends");
    let sealed = journal.seal().await.expect("seals").expect("due");
    let report = proven(&folder);
    assert_eq!((report.fault, report.sealed_to), (None, event.last));
    assert!(sealed.time >= Time::YEAR_2000);
    assert_eq!(report.public_key, journal.seal_public_key());
}
