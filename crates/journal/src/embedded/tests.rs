//! The embedded journal as its users see it, on a real folder.

use std::sync::Arc;

use bytes::Bytes;
use model::{KeySeq, Partition, Position};
use tempfile::TempDir;

use crate::{Append, Appended, Embedded, EmbeddedConfig, Journal, JournalError, JournalId, Key, Level, ReadLimit, Snapshot};

pub(crate) const T7: JournalId = JournalId::Telemetry(Partition(7));

pub(crate) fn key(text: &str) -> Key {
    Key::new(text).expect("a valid key")
}

pub(crate) fn append(journal: JournalId, by: &str, bodies: &[&str]) -> Append {
    let bodies = bodies.iter().map(|body| Bytes::copy_from_slice(body.as_bytes())).collect();
    Append { journal, key: key(by), fence: None, bodies }
}

pub(crate) async fn open(folder: &TempDir) -> Arc<Embedded> {
    Embedded::open(EmbeddedConfig::new(folder.path())).await.expect("opens")
}

pub(crate) async fn bodies(journal: &Embedded, id: JournalId, after: u64, level: Level) -> Vec<String> {
    let records = journal.read(id, Position(after), level, ReadLimit::default()).await.expect("reads");
    records.iter().map(|record| String::from_utf8_lossy(&record.body).into_owned()).collect()
}

#[tokio::test]
async fn what_is_durable_is_there_after_a_restart() {
    let folder = TempDir::new().expect("a folder");
    let journal = open(&folder).await;
    let epoch = journal.epoch();
    let first = journal.append(append(T7, "ingest", &["a", "b"])).await.expect("appends");
    assert_eq!((first.first, first.last, first.key_seq), (Position(1), Position(2), KeySeq(2)));
    let event = journal.append(append(JournalId::Events, "engine/7", &["e"])).await.expect("appends");
    journal.durable(JournalId::Events, event.last).await.expect("durable");
    assert_eq!(journal.bounds(T7).durable, Position(2), "the log is one: what was written before is durable too");
    drop(journal);
    let journal = open(&folder).await;
    assert_eq!(journal.epoch(), epoch);
    assert_eq!(bodies(&journal, T7, 0, Level::Durable).await, ["a", "b"]);
    assert_eq!(bodies(&journal, T7, 1, Level::Durable).await, ["b"]);
    assert_eq!(bodies(&journal, JournalId::Events, 0, Level::Durable).await, ["e"]);
    assert_eq!(journal.key_seq(JournalId::Events, &key("engine/7")), KeySeq(1));
    assert_eq!(journal.partitions(), [Partition(7)]);
    let Appended { first, key_seq, .. } = journal.append(append(T7, "ingest", &["c"])).await.expect("appends");
    assert_eq!((first, key_seq), (Position(3), KeySeq(3)));
}

#[tokio::test]
async fn a_fence_lets_only_the_faster_through() {
    let folder = TempDir::new().expect("a folder");
    let journal = open(&folder).await;
    let fenced = |seq| Append { fence: Some(KeySeq(seq)), ..append(JournalId::Events, "engine/7", &["e"]) };
    journal.append(fenced(0)).await.expect("the first");
    let error = journal.append(fenced(0)).await.expect_err("the second");
    assert!(matches!(error, JournalError::Fenced { actual: KeySeq(1), expected: KeySeq(0), .. }), "{error}");
    journal.append(append(JournalId::Events, "exchange", &["x"])).await.expect("another key");
    journal.append(fenced(1)).await.expect("its own count");
}

#[tokio::test]
async fn only_one_may_have_the_folder() {
    let folder = TempDir::new().expect("a folder");
    let journal = open(&folder).await;
    let second = Embedded::open(EmbeddedConfig::new(folder.path())).await;
    assert!(matches!(second, Err(JournalError::Locked { .. })));
    journal.close().await.expect("closes");
    drop(journal);
    open(&folder).await;
}

#[tokio::test]
async fn waiters_wake_and_end_with_the_journal() {
    let folder = TempDir::new().expect("a folder");
    let journal = open(&folder).await;
    let waiter = |level| {
        let journal = Arc::clone(&journal);
        tokio::spawn(async move { journal.wait(JournalId::Dead, Position(0), level).await })
    };
    let (appended, durable) = (waiter(Level::Appended), waiter(Level::Durable));
    journal.append(append(JournalId::Dead, "ingest", &["d"])).await.expect("appends");
    assert_eq!(appended.await.expect("joins").expect("wakes"), Position(1));
    assert_eq!(durable.await.expect("joins").expect("wakes"), Position(1));
    let never = {
        let journal = Arc::clone(&journal);
        tokio::spawn(async move { journal.wait(JournalId::Dead, Position(1), Level::Appended).await })
    };
    journal.close().await.expect("closes");
    assert!(matches!(never.await.expect("joins"), Err(JournalError::Closed)));
    assert!(matches!(journal.append(append(T7, "ingest", &["late"])).await, Err(JournalError::Closed)));
}

#[tokio::test]
async fn two_snapshots_are_kept() {
    let folder = TempDir::new().expect("a folder");
    let journal = open(&folder).await;
    journal.append(append(T7, "ingest", &["a", "b", "c"])).await.expect("appends");
    let snapshot = |position| Snapshot {
        key: Key::engine(Partition(7)),
        journal: T7,
        position: Position(position),
        body: Bytes::from(vec![1, 2, 3]),
    };
    for position in [1, 2, 3] {
        journal.put_snapshot(snapshot(position)).await.expect("kept");
    }
    let engine = Key::engine(Partition(7));
    assert_eq!(journal.snapshots(&engine).await.expect("reads"), [snapshot(3), snapshot(2)]);
    drop(journal);
    let journal = open(&folder).await;
    assert_eq!(journal.snapshots(&engine).await.expect("reads"), [snapshot(3), snapshot(2)]);
    assert_eq!(journal.snapshots(&key("engine/8")).await.expect("reads"), []);
}

#[tokio::test]
async fn seals_only_what_is_not_sealed() {
    let folder = TempDir::new().expect("a folder");
    let journal = open(&folder).await;
    assert_eq!(journal.seal().await.expect("nothing to seal"), None);
    journal.append(append(JournalId::Events, "engine/7", &["e"])).await.expect("appends");
    let sealed = journal.seal().await.expect("seals").expect("something to seal");
    assert_eq!(sealed.last, Position(2));
    assert_eq!(journal.seal().await.expect("nothing to seal"), None);
}
