//! Starts after damage and crashes, retention and the recent records, on a real folder.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::sync::Arc;

use bytes::Bytes;
use model::{KeySeq, Partition, Position, Span, Time};
use tempfile::TempDir;

use super::clock::TestClock;
use super::file::file_name;
use super::sim::{Fault, SimDisk};
use super::tests::{T7, append, bodies, key, open};
use crate::{
    Append, Embedded, EmbeddedConfig, Journal, JournalError, JournalId, Key, Level, ReadLimit, Snapshot, renew_epoch, verify,
};

fn segment(folder: &TempDir, number: u64) -> PathBuf {
    folder.path().join("segments").join(file_name(number))
}

/// Three durable records and no clean end.
async fn three(folder: &TempDir) {
    let journal = open(folder).await;
    for body in ["one", "two", "three"] {
        let appended = journal.append(append(T7, "ingest", &[body])).await.expect("appends");
        journal.durable(T7, appended.last).await.expect("durable");
    }
    drop(journal);
    fs::remove_file(segment(folder, 1).with_extension("idx")).expect("an end leaves an index; a crash does not");
}

fn change(folder: &TempDir, number: u64, by: impl FnOnce(&mut Vec<u8>)) {
    let mut bytes = fs::read(segment(folder, number)).expect("reads");
    by(&mut bytes);
    fs::write(segment(folder, number), bytes).expect("writes");
}

async fn refused(folder: &TempDir) -> JournalError {
    Embedded::open(EmbeddedConfig::new(folder.path())).await.expect_err("not to be trusted")
}

#[tokio::test]
async fn a_torn_tail_is_cut_and_written_over() {
    let folder = TempDir::new().expect("a folder");
    three(&folder).await;
    change(&folder, 1, |bytes| bytes.truncate(bytes.len() - 3));
    let journal = open(&folder).await;
    assert_eq!(bodies(&journal, T7, 0, Level::Durable).await, ["one", "two"]);
    journal.append(append(T7, "ingest", &["again"])).await.expect("appends");
    drop(journal);
    assert_eq!(bodies(&*open(&folder).await, T7, 0, Level::Durable).await, ["one", "two", "again"]);
}

#[tokio::test]
async fn zeros_and_rubbish_behind_the_end_are_cut() {
    for rubbish in [vec![0; 5_000], vec![0xDA; 4_096], vec![1]] {
        let folder = TempDir::new().expect("a folder");
        three(&folder).await;
        change(&folder, 1, |bytes| bytes.extend_from_slice(&rubbish));
        assert_eq!(bodies(&*open(&folder).await, T7, 0, Level::Durable).await, ["one", "two", "three"]);
    }
}

#[tokio::test]
async fn damage_in_what_was_synced_is_never_cut() {
    let folder = TempDir::new().expect("a folder");
    three(&folder).await;
    change(&folder, 1, |bytes| {
        let at = bytes.windows(3).position(|three| three == b"one").expect("the first body");
        bytes[at] ^= 1;
    });
    let error = refused(&folder).await;
    assert!(matches!(error, JournalError::Corrupt { .. }), "the third record tells that the first was synced: {error}");
}

#[tokio::test]
async fn a_frame_inside_a_body_is_no_frame() {
    let folder = TempDir::new().expect("a folder");
    three(&folder).await;
    let inner = fs::read(segment(&folder, 1)).expect("reads");
    let other = TempDir::new().expect("a folder");
    let journal = open(&other).await;
    let body = Bytes::from(inner);
    journal.append(Append { bodies: vec![body], ..append(T7, "ingest", &[]) }).await.expect("appends");
    drop(journal);
    fs::remove_file(segment(&other, 1).with_extension("idx")).expect("an index");
    change(&other, 1, |bytes| bytes.truncate(bytes.len() - 1));
    assert!(
        bodies(&*open(&other).await, T7, 0, Level::Durable).await.is_empty(),
        "torn, although it holds whole frames of another file"
    );
}

fn small(folder: &TempDir, clock: &Arc<TestClock>) -> EmbeddedConfig {
    EmbeddedConfig {
        segment_bytes: 4_000,
        telemetry_bytes: 20_000,
        dead_bytes: 6_000,
        tail_cache_bytes: 2_000,
        clock: Arc::clone(clock) as Arc<_>,
        ..EmbeddedConfig::new(folder.path())
    }
}

fn clock() -> Arc<TestClock> {
    TestClock::at(Time::from_micros(1_700_000_000_000_000))
}

async fn fill(journal: &Embedded, count: usize) {
    for number in 0..count {
        let body = format!("{number:>500}");
        journal.append(append(T7, "ingest", &[&body])).await.expect("appends");
        journal.append(append(JournalId::Events, "engine/7", &[&format!("event {number}")])).await.expect("appends");
        journal.append(append(JournalId::Dead, "ingest", &[&body])).await.expect("appends");
    }
}

async fn all(journal: &Embedded, id: JournalId) -> Vec<crate::JournalRecord> {
    let (mut after, mut records) = (Position(journal.bounds(id).first.0 - 1), Vec::new());
    loop {
        let more = journal.read(id, after, Level::Appended, ReadLimit::default()).await.expect("reads");
        let Some(last) = more.last() else { return records };
        after = last.position;
        records.extend(more);
    }
}

#[tokio::test]
async fn memory_and_disk_say_the_same() {
    let folder = TempDir::new().expect("a folder");
    let (clock, keep) = (clock(), usize::MAX);
    let journal = Embedded::open(EmbeddedConfig { tail_cache_bytes: keep, ..small(&folder, &clock) }).await.expect("opens");
    fill(&journal, 40).await;
    let (remembered, events) = (all(&journal, T7).await, all(&journal, JournalId::Events).await);
    drop(journal);
    let journal = Embedded::open(small(&folder, &clock)).await.expect("opens");
    assert_eq!(remembered.len(), 40);
    assert_eq!(all(&journal, T7).await, remembered);
    assert_eq!(all(&journal, JournalId::Events).await, events);
}

#[tokio::test]
async fn a_missing_or_broken_index_is_made_anew() {
    let folder = TempDir::new().expect("a folder");
    let clock = clock();
    let journal = Embedded::open(small(&folder, &clock)).await.expect("opens");
    fill(&journal, 20).await;
    let before = all(&journal, T7).await;
    drop(journal);
    fs::remove_file(segment(&folder, 1).with_extension("idx")).expect("an index");
    let second = segment(&folder, 2).with_extension("idx");
    let index = fs::read(&second).expect("an index");
    fs::write(&second, &index[..index.len() / 2]).expect("writes");
    let journal = Embedded::open(small(&folder, &clock)).await.expect("opens");
    assert_eq!(all(&journal, T7).await, before);
    assert_eq!(fs::read(&second).expect("made anew"), index);
}

#[tokio::test]
async fn damage_in_a_closed_segment_is_refused_when_it_is_read() {
    let folder = TempDir::new().expect("a folder");
    let clock = clock();
    let journal = Embedded::open(small(&folder, &clock)).await.expect("opens");
    fill(&journal, 20).await;
    drop(journal);
    change(&folder, 1, |bytes| {
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
    });
    let journal = Embedded::open(small(&folder, &clock)).await.expect("opens: the index is whole");
    let mut found = 0;
    for id in [T7, JournalId::Events, JournalId::Dead] {
        let read = journal.read(id, Position(0), Level::Durable, ReadLimit::default()).await;
        found += usize::from(matches!(read, Err(JournalError::Corrupt { .. })));
    }
    assert_eq!(found, 1, "one record is damaged, and it is not given out");
    drop(journal);
    fs::remove_file(segment(&folder, 1).with_extension("idx")).expect("an index");
    assert!(matches!(refused(&folder).await, JournalError::Corrupt { .. }), "nor is it cut off");
}

#[tokio::test]
async fn a_missing_segment_is_refused() {
    let folder = TempDir::new().expect("a folder");
    let journal = Embedded::open(small(&folder, &clock())).await.expect("opens");
    fill(&journal, 20).await;
    drop(journal);
    fs::remove_file(segment(&folder, 2)).expect("it was there");
    assert!(matches!(refused(&folder).await, JournalError::Corrupt { .. }));
}

async fn keep(journal: &Embedded, position: u64) {
    let body = Bytes::from_static(b"state");
    let snapshot = Snapshot { key: Key::engine(Partition(7)), journal: T7, position: Position(position), body };
    journal.put_snapshot(snapshot).await.expect("kept");
}

#[tokio::test]
async fn retention_waits_for_two_snapshots_and_keeps_the_events() {
    let folder = TempDir::new().expect("a folder");
    let clock = clock();
    let journal = Embedded::open(small(&folder, &clock)).await.expect("opens");
    fill(&journal, 60).await;
    keep(&journal, 50).await;
    assert_eq!(journal.retain().await.expect("runs"), 0, "one snapshot is not enough");
    keep(&journal, 60).await;
    assert!(journal.retain().await.expect("runs") > 0);
    let first = journal.bounds(T7).first;
    assert!(first > Position(1) && first <= Position(51), "{first:?}");
    let trimmed = journal.read(T7, Position(0), Level::Durable, ReadLimit::default()).await;
    assert!(matches!(trimmed, Err(JournalError::Trimmed { first: said, .. }) if said == first));
    let events: Vec<String> = (0..60).map(|number| format!("event {number}")).collect();
    assert_eq!(bodies(&journal, JournalId::Events, 0, Level::Durable).await, events);
    let report = verify(folder.path(), None).expect("can be read");
    assert_eq!((report.fault, report.last_event), (None, Position(60)));
    drop(journal);
    let journal = Embedded::open(small(&folder, &clock)).await.expect("opens");
    let first_after = journal.bounds(T7).first;
    assert!(first_after >= first && first_after <= Position(51), "the end closed one more segment, which may let go of another");
    assert_eq!(bodies(&journal, JournalId::Events, 0, Level::Durable).await, events);
    assert_eq!(all(&journal, T7).await.len() as u64, 61 - first_after.0);
}

#[tokio::test]
async fn old_age_lets_go_as_size_does() {
    let folder = TempDir::new().expect("a folder");
    let clock = clock();
    let config = EmbeddedConfig { telemetry_bytes: u64::MAX, telemetry_keep: Span::from_secs(60), ..small(&folder, &clock) };
    let journal = Embedded::open(config).await.expect("opens");
    fill(&journal, 30).await;
    keep(&journal, 29).await;
    keep(&journal, 30).await;
    clock.pass(Span::from_secs(60));
    assert_eq!(journal.retain().await.expect("runs"), 0, "exactly as old is not older");
    clock.pass(Span::from_secs(1));
    assert!(journal.retain().await.expect("runs") > 0);
}

#[tokio::test]
async fn the_ring_of_dead_letters_has_its_bound() {
    let folder = TempDir::new().expect("a folder");
    let journal = Embedded::open(small(&folder, &clock())).await.expect("opens");
    fill(&journal, 150).await;
    keep(&journal, 149).await;
    keep(&journal, 150).await;
    journal.retain().await.expect("runs");
    let bytes: u64 = fs::read_dir(folder.path().join("dead"))
        .expect("a folder")
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.extension().is_some_and(|ending| ending == "davyj"))
        .map(|path| path.metadata().expect("a file").len())
        .sum();
    assert!(bytes > 0 && bytes <= 6_000, "{bytes}");
    let bounds = journal.bounds(JournalId::Dead);
    assert!(bounds.first > Position(1));
    assert_eq!(all(&journal, JournalId::Dead).await.len() as u64, bounds.appended.0 + 1 - bounds.first.0);
}

#[tokio::test]
async fn time_does_not_go_back_over_a_restart() {
    let folder = TempDir::new().expect("a folder");
    let clock = clock();
    let journal = Embedded::open(small(&folder, &clock)).await.expect("opens");
    let before = journal.append(append(T7, "ingest", &["a"])).await.expect("appends").time;
    drop(journal);
    clock.set_wall(Time::from_micros(before.micros() - 3_600_000_000));
    let journal = Embedded::open(small(&folder, &clock)).await.expect("opens");
    let step = journal.clock_step().await;
    assert_eq!((step.at, step.offset_us), (before, -3_600_000_000));
    let after = journal.append(append(T7, "ingest", &["b"])).await.expect("appends").time;
    assert!(after >= before);
}

#[tokio::test]
async fn an_epoch_is_renewed_for_new_records_only() {
    let folder = TempDir::new().expect("a folder");
    let journal = open(&folder).await;
    let old = journal.epoch();
    journal.append(append(T7, "ingest", &["a"])).await.expect("appends");
    assert!(matches!(renew_epoch(folder.path()), Err(JournalError::Locked { .. })));
    journal.close().await.expect("closes");
    drop(journal);
    let new = renew_epoch(folder.path()).expect("renews");
    assert_ne!(new, old);
    let journal = open(&folder).await;
    journal.append(append(T7, "ingest", &["b"])).await.expect("appends");
    let epochs: Vec<_> = all(&journal, T7).await.iter().map(|record| record.epoch).collect();
    assert_eq!(epochs, [old, new]);
}

#[tokio::test]
async fn the_signing_key_is_the_owners_alone_and_never_replaced() {
    let folder = TempDir::new().expect("a folder");
    three(&folder).await;
    let path = folder.path().join("seal.key");
    assert_eq!(fs::metadata(&path).expect("there").permissions().mode() & 0o777, 0o600);
    fs::remove_file(&path).expect("it was there");
    assert!(matches!(refused(&folder).await, JournalError::Corrupt { .. }));
}

#[tokio::test]
async fn what_cannot_be_appended_is_refused() {
    let folder = TempDir::new().expect("a folder");
    let journal = open(&folder).await;
    let none = journal.append(append(T7, "ingest", &[])).await;
    let seal = journal.append(append(JournalId::Events, "journal", &["x"])).await;
    let long = Append { bodies: vec![Bytes::from(vec![0; crate::MAX_BODY_BYTES + 1])], ..append(T7, "ingest", &[]) };
    let long = journal.append(long).await;
    for refused in [none, seal, long] {
        assert!(matches!(refused, Err(JournalError::InvalidAppend { .. })));
    }
    let longest = Append { bodies: vec![Bytes::from(vec![7; crate::MAX_BODY_BYTES])], ..append(T7, "ingest", &[]) };
    let appended = journal.append(longest).await.expect("just long enough");
    journal.durable(T7, appended.last).await.expect("durable");
    drop(journal);
    assert_eq!(all(&*open(&folder).await, T7).await[0].body.len(), crate::MAX_BODY_BYTES);
    assert_eq!(key("ingest").as_str(), "ingest");
}

#[tokio::test]
async fn one_append_larger_than_the_queue_goes_through() {
    let folder = TempDir::new().expect("a folder");
    let config = EmbeddedConfig { queue_bytes: 1_000, ..EmbeddedConfig::new(folder.path()) };
    let journal = Embedded::open(config).await.expect("opens");
    let body = "x".repeat(5_000);
    for _ in 0..3 {
        journal.append(append(T7, "ingest", &[&body])).await.expect("appends");
    }
}

#[tokio::test]
async fn after_a_failed_sync_nothing_is_accepted_and_everybody_is_told() {
    let disk = SimDisk::new(1);
    let config = EmbeddedConfig::new("/sim");
    let journal = Embedded::open_on(Arc::new(disk.clone()), config.clone(), None).expect("opens");
    let first = journal.append(append(T7, "ingest", &["safe"])).await.expect("appends");
    journal.durable(T7, first.last).await.expect("durable");
    let waiter = {
        let journal = Arc::clone(&journal);
        tokio::spawn(async move { journal.wait(JournalId::Events, Position(0), Level::Appended).await })
    };
    disk.fault(Some(Fault::Sync));
    let lost = journal.append(append(T7, "ingest", &["lost"])).await.expect("is written");
    assert!(matches!(journal.durable(T7, lost.last).await, Err(JournalError::Storage { .. })));
    assert!(matches!(waiter.await.expect("joins"), Err(JournalError::Storage { .. })));
    assert!(matches!(journal.append(append(T7, "ingest", &["more"])).await, Err(JournalError::Storage { .. })));
    assert_eq!(bodies(&journal, T7, 0, Level::Appended).await, ["safe"], "what may be gone is not shown");
    assert!(journal.close().await.is_err());
    drop(journal);
    let journal = Embedded::open_on(Arc::new(disk), config, None).expect("opens");
    assert_eq!(bodies(&journal, T7, 0, Level::Appended).await, ["safe"]);
}

#[tokio::test]
async fn after_a_failed_write_the_next_one_goes_on() {
    let disk = SimDisk::new(2);
    let journal = Embedded::open_on(Arc::new(disk.clone()), EmbeddedConfig::new("/sim"), None).expect("opens");
    journal.append(append(T7, "ingest", &["one"])).await.expect("appends");
    disk.fault(Some(Fault::Write));
    let failed = journal.append(append(T7, "ingest", &["half of it"])).await;
    assert!(matches!(failed, Err(JournalError::Storage { .. })));
    let fenced = Append { fence: Some(KeySeq(1)), ..append(T7, "ingest", &["two"]) };
    assert_eq!(journal.append(fenced).await.expect("appends").last, Position(2));
    assert_eq!(bodies(&journal, T7, 0, Level::Appended).await, ["one", "two"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn readers_at_any_speed_see_everything_once_while_segments_come_and_go() {
    let folder = TempDir::new().expect("a folder");
    let journal = Embedded::open(small(&folder, &clock())).await.expect("opens");
    let writers: Vec<_> =
        ["engine/7", "exchange", "registry"].map(|by| tokio::spawn(write_many(Arc::clone(&journal), by))).into();
    let readers: Vec<_> =
        [Level::Appended, Level::Durable].map(|level| tokio::spawn(follow_many(Arc::clone(&journal), level))).into();
    for position in (1..=WRITES).step_by(20) {
        journal.wait(T7, Position(position), Level::Durable).await.expect("there is more");
        keep(&journal, position).await;
        journal.retain().await.expect("runs");
    }
    for writer in writers {
        writer.await.expect("joins");
    }
    for reader in readers {
        let read = reader.await.expect("joins");
        assert_eq!(read, (1..=3 * WRITES).collect::<Vec<_>>());
    }
    assert!(journal.bounds(T7).first > Position(1), "segments went meanwhile");
}

/// Appends of each of three writers.
const WRITES: u64 = 150;

async fn write_many(journal: Arc<Embedded>, by: &'static str) {
    for number in 0..WRITES {
        let fence = Some(KeySeq(number));
        journal.append(append(T7, by, &["sample"])).await.expect("appends");
        journal.append(Append { fence, ..append(JournalId::Events, by, &[&"event".repeat(40)]) }).await.expect("appends");
    }
}

async fn follow_many(journal: Arc<Embedded>, level: Level) -> Vec<u64> {
    let mut read = Vec::new();
    while read.len() < 3 * usize::try_from(WRITES).expect("small") {
        let after = Position(read.last().copied().unwrap_or_default());
        journal.wait(JournalId::Events, after, level).await.expect("there is more");
        let limit = ReadLimit { records: 7, bytes: 2_000 };
        let records = journal.read(JournalId::Events, after, level, limit).await.expect("reads");
        assert!(!records.is_empty(), "a wait that resolves is followed by a read that finds something");
        read.extend(records.iter().map(|record| record.position.0));
    }
    read
}
