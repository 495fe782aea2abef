//! The keeper by itself: when it ends early, and what it drops in spite of.

use std::sync::Arc;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use model::{Partition, Position, Span, Time};
use tempfile::TempDir;

use super::clock::{Clock, TestClock};
use super::disk::RealDisk;
use super::open::open;
use super::shared::Shared;
use super::tests::{T7, append};
use crate::{Embedded, EmbeddedConfig, Journal, JournalId, Key, Snapshot};

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
