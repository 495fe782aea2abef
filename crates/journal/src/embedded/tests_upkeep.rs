//! The keeper by itself: when it ends early, and what it drops in spite of.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use model::{Partition, Position, Span, Time};
use tempfile::TempDir;

use super::clock::{Clock, TestClock};
use super::disk::RealDisk;
use super::file::file_name;
use super::open::open;
use super::shared::Shared;
use super::sim::{Fault, SimDisk};
use super::tests::{T7, append, bodies};
use crate::{Embedded, EmbeddedConfig, Journal, JournalError, JournalId, Key, Level, Snapshot, verify};

/// A clock whose looks are counted; at the last one the journal is closed.
#[derive(Debug)]
struct ClosingClock {
    inner: Arc<TestClock>,
    left: AtomicUsize,
    shared: OnceLock<Arc<Shared>>,
}

impl Clock for ClosingClock {
    fn wall(&self) -> Time {
        if let Some(shared) = self.shared.get()
            && self.left.fetch_sub(1, Ordering::Relaxed) == 1
        {
            shared.close();
        }
        self.inner.wall()
    }

    fn monotonic(&self) -> Span {
        self.inner.monotonic()
    }
}

/// Segments of a few records each; nothing is dropped.
fn config(folder: &TempDir, clock: Arc<dyn Clock>) -> EmbeddedConfig {
    EmbeddedConfig { segment_bytes: 4_000, tail_cache_bytes: 2_000, clock, ..EmbeddedConfig::new(folder.path()) }
}

/// The same where everything closed is over size.
fn tight(folder: &TempDir, clock: Arc<dyn Clock>) -> EmbeddedConfig {
    EmbeddedConfig { telemetry_bytes: 0, ..config(folder, clock) }
}

fn clock() -> Arc<TestClock> {
    TestClock::at(Time::from_micros(1_700_000_000_000_000))
}

async fn fill(journal: &Embedded, count: usize) {
    for number in 0..count {
        let body = format!("sample {number:>500}");
        journal.append(append(T7, "ingest", &[&body])).await.expect("appends");
        journal.append(append(JournalId::Events, "engine/7", &[&format!("event {number}")])).await.expect("appends");
        journal.append(append(JournalId::Dead, "ingest", &[&format!("dead {number}")])).await.expect("appends");
    }
}

async fn keep(journal: &Embedded, position: u64) {
    let body = Bytes::from_static(b"state");
    let snapshot = Snapshot { key: Key::engine(Partition(7)), journal: T7, position: Position(position), body };
    journal.put_snapshot(snapshot).await.expect("kept");
}

/// A folder with many segments that nothing holds.
async fn many_segments() -> TempDir {
    let folder = TempDir::new().expect("a folder");
    let journal = Embedded::open(config(&folder, clock())).await.expect("opens");
    fill(&journal, 60).await;
    keep(&journal, 59).await;
    keep(&journal, 60).await;
    journal.close().await.expect("closes");
    folder
}

#[tokio::test]
async fn a_stop_ends_retention_between_two_segments() {
    let folder = many_segments().await;
    let closing = Arc::new(ClosingClock { inner: clock(), left: AtomicUsize::new(3), shared: OnceLock::new() });
    let mut opened = open(Arc::new(RealDisk), tight(&folder, Arc::clone(&closing) as Arc<_>)).expect("opens");
    closing.shared.set(Arc::clone(&opened.shared)).expect("set once");
    assert_eq!(opened.keeper.retain().expect("runs"), 2, "closed at the third look");
    assert_eq!(opened.keeper.retain().expect("runs"), 0, "stays closed");
    let mut opened = open(Arc::new(RealDisk), tight(&folder, clock())).expect("opens");
    assert!(opened.keeper.retain().expect("runs") > 5, "the next start goes on");
}

fn segment(folder: &TempDir, number: u64) -> PathBuf {
    folder.path().join("segments").join(file_name(number))
}

/// Changes a byte of the first body with this text.
fn damage(path: &Path, text: &str) {
    let mut bytes = fs::read(path).expect("reads");
    let at = bytes.windows(text.len()).position(|there| there == text.as_bytes()).expect("the text is there");
    bytes[at] ^= 1;
    fs::write(path, bytes).expect("writes");
}

#[tokio::test]
async fn what_retention_allows_is_used_up_by_age_and_by_size() {
    let folder = TempDir::new().expect("a folder");
    let clock = clock();
    let config = EmbeddedConfig { telemetry_bytes: 400_000, ..config(&folder, Arc::clone(&clock) as Arc<_>) };
    let journal = Embedded::open(config).await.expect("opens");
    fill(&journal, 60).await;
    let appended = journal.bounds(T7).appended;
    let used = |after: u64| journal.retention_used(T7, Position(after), journal.now());
    assert_eq!(used(appended.0), 0.0, "nothing stands behind the last one");
    assert_eq!(journal.retention_used(JournalId::Events, Position(1), Time::MIN), 0.0, "events are kept");
    let (whole, half) = (used(0), used(30));
    assert!(whole > 1.5 * half && half > 0.0 && whole < 1.0, "{whole} {half}");
    let start = journal.now();
    clock.pass(Span::from_secs(18 * 3_600));
    let by_age = journal.retention_used(T7, Position(appended.0 - 1), start);
    assert!((by_age - 0.75).abs() < 1e-6, "three quarters of a day: {by_age}");
}

#[tokio::test]
async fn damaged_telemetry_goes_with_its_segment() {
    let folder = many_segments().await;
    for number in [1, 2] {
        damage(&segment(&folder, number), "sample ");
    }
    let journal = Embedded::open(tight(&folder, clock())).await.expect("opens: the index is whole");
    assert!(journal.retain().await.expect("runs") > 5);
    let events: Vec<String> = (0..60).map(|number| format!("event {number}")).collect();
    assert_eq!(bodies(&journal, JournalId::Events, 0, Level::Durable).await, events);
    let dead: Vec<String> = (0..60).map(|number| format!("dead {number}")).collect();
    assert_eq!(bodies(&journal, JournalId::Dead, 0, Level::Durable).await, dead);
    journal.close().await.expect("closes");
    drop(journal);
    assert_eq!(verify(folder.path(), None).expect("can be read").fault, None, "the damage is gone with the telemetry");
    let journal = Embedded::open(tight(&folder, clock())).await.expect("opens");
    assert_eq!(bodies(&journal, JournalId::Events, 0, Level::Durable).await, events);
}

#[tokio::test]
async fn a_damaged_record_that_must_be_kept_holds_its_segment() {
    for text in ["event ", "dead "] {
        let folder = many_segments().await;
        damage(&segment(&folder, 2), text);
        let mut opened = open(Arc::new(RealDisk), tight(&folder, clock())).expect("opens: the index is whole");
        for _ in 0..2 {
            let error = opened.keeper.retain().expect_err("cannot be moved");
            assert!(matches!(error, JournalError::Corrupt { .. }), "{error}");
            assert!(error.to_string().contains(&file_name(2)) && error.to_string().contains("restore the file"), "{error}");
        }
        assert!(!segment(&folder, 1).exists() && segment(&folder, 2).exists() && segment(&folder, 3).exists());
        drop(opened);
        let journal = Embedded::open(tight(&folder, clock())).await.expect("opens all the same");
        let behind = journal.bounds(JournalId::Events);
        assert_eq!((behind.first, behind.appended), (Position(1), Position(60)), "nothing else is lost");
        damage(&segment(&folder, 2), &format!("{}{}", char::from(text.as_bytes()[0] ^ 1), &text[1..]));
        assert!(journal.retain().await.expect("runs") > 5, "restored, it goes on");
    }
}

#[tokio::test]
async fn a_file_that_could_not_be_removed_is_tried_again_first() {
    let (folder, disk) = (TempDir::new().expect("only a name here"), SimDisk::new(3));
    let bounded = || EmbeddedConfig { dead_bytes: 0, ..config(&folder, clock()) };
    let journal = Embedded::open_on(Arc::new(disk.clone()), bounded(), None).expect("opens");
    fill(&journal, 60).await;
    keep(&journal, 59).await;
    keep(&journal, 60).await;
    journal.close().await.expect("closes");
    let tight = || EmbeddedConfig { telemetry_bytes: 0, ..bounded() };
    let mut opened = open(Arc::new(disk.clone()), tight()).expect("opens");
    for _ in 0..3 {
        disk.fault(Some(Fault::Remove));
        opened.keeper.retain().expect_err("cannot be removed");
    }
    disk.fault(None);
    assert!(opened.keeper.retain().expect("runs") > 0);
    drop(opened);
    let journal = Embedded::open_on(Arc::new(disk), tight(), None).expect("finds no hole");
    assert_eq!(bodies(&journal, JournalId::Events, 0, Level::Durable).await.len(), 60);
}

#[tokio::test]
async fn a_quiet_partition_with_one_snapshot_of_all_it_has_holds_nothing() {
    let folder = TempDir::new().expect("a folder");
    let journal = Embedded::open(tight(&folder, clock())).await.expect("opens");
    let quiet = JournalId::Telemetry(Partition(9));
    let snapshot = |position| {
        let body = Bytes::from_static(b"state");
        Snapshot { key: Key::engine(Partition(9)), journal: quiet, position: Position(position), body }
    };
    for number in 0..2 {
        journal.append(append(quiet, "ingest", &[&format!("last words {number}")])).await.expect("appends");
    }
    fill(&journal, 60).await;
    keep(&journal, 59).await;
    keep(&journal, 60).await;
    assert_eq!(journal.retain().await.expect("runs"), 0, "no snapshot");
    journal.put_snapshot(snapshot(1)).await.expect("kept");
    assert_eq!(journal.retain().await.expect("runs"), 0, "one record stands behind the only snapshot");
    journal.put_snapshot(snapshot(2)).await.expect("kept");
    assert!(journal.retain().await.expect("runs") > 5);
    assert_eq!(journal.bounds(quiet).first, Position(3), "none is left");
    journal.append(append(quiet, "ingest", &["back again"])).await.expect("appends");
    assert_eq!(bodies(&journal, quiet, 2, Level::Appended).await, ["back again"], "the snapshot leads on to it");
    fill(&journal, 20).await;
    keep(&journal, 79).await;
    keep(&journal, 80).await;
    journal.retain().await.expect("runs");
    assert_eq!(bodies(&journal, quiet, 2, Level::Appended).await, ["back again"], "needed until a snapshot has it");
    drop(journal);
    let journal = Embedded::open(tight(&folder, clock())).await.expect("opens");
    assert_eq!(bodies(&journal, quiet, 2, Level::Durable).await, ["back again"]);
    assert_eq!(journal.snapshots(&Key::engine(Partition(9))).await.expect("reads")[0], snapshot(2));
}

#[tokio::test]
async fn one_snapshot_of_all_there_is_is_enough() {
    let folder = TempDir::new().expect("a folder");
    let journal = Embedded::open(tight(&folder, clock())).await.expect("opens");
    fill(&journal, 60).await;
    keep(&journal, 60).await;
    journal.retain().await.expect("runs");
    assert!(journal.bounds(T7).first > Position(30));
}
