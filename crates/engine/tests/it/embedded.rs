//! The same on the embedded journal: from a sample to a durable alarm, through an unclean end and a restart.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use engine::{Config, EngineError, Parts, serve};
use journal::{Embedded, EmbeddedConfig, Journal as _, JournalError, JournalId, Level, ReadLimit};
use model::{Body, Position};
use service::{Health, Shutdown};
use tokio::task::JoinHandle;

use crate::plant::{put_on, revision, sample};

/// The lock of a run before may be held a moment longer by tasks that end.
async fn open(folder: &Path) -> Arc<Embedded> {
    loop {
        match Embedded::open(EmbeddedConfig::new(folder)).await {
            Ok(journal) => return journal,
            Err(JournalError::Locked { .. }) => tokio::task::yield_now().await,
            Err(error) => panic!("{error}"),
        }
    }
}

fn start(journal: &Arc<Embedded>) -> (JoinHandle<Result<(), EngineError>>, Shutdown) {
    let (health, shutdown) = (Health::new(), Shutdown::new());
    let config = Config { snapshot_records: 5, poll_interval: Duration::from_millis(10), ..Config::default() };
    let parts = Parts { journal: Arc::clone(journal) as _, latch: health.latch("engine"), online: Arc::default(), config };
    (tokio::spawn(serve(parts, shutdown.clone())), shutdown)
}

async fn kinds(journal: &Embedded) -> Vec<String> {
    let records = journal.read(JournalId::Events, Position(0), Level::Durable, ReadLimit::default()).await.expect("reads");
    let events = records.iter().flat_map(|it| wire::decode_event_record(&it.body).expect("own bytes").events);
    events.map(|event| event.body.kind().to_owned()).collect()
}

/// The kinds of all durable events, once the last one is as expected.
async fn until(journal: &Embedded, last: &str, count: usize) -> Vec<String> {
    let wait = async {
        loop {
            let kinds = kinds(journal).await;
            if kinds.len() >= count && kinds.last().is_some_and(|it| it == last) {
                return kinds;
            }
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), wait).await.expect("in time")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn alarms_are_durable_and_said_once_over_restarts() {
    let folder = tempfile::tempdir().expect("a folder");
    let journal = open(folder.path()).await;
    put_on(&*journal, &Body::Revision(revision(1))).await;
    let (engine, _) = start(&journal);
    let first = journal.now();
    put_on(&*journal, &sample(2, first, 60.0)).await;
    // Two raises, and the core version at its journaled position.
    let kinds = until(&journal, kinds_end(&journal).await, 3).await;
    assert_eq!(kinds.iter().filter(|it| *it == "alarm.raised").count(), 2);
    engine.abort();
    assert!(engine.await.is_err());
    journal.close().await.expect("closes");
    drop(journal);

    for round in 0..3 {
        let journal = open(folder.path()).await;
        let (engine, shutdown) = start(&journal);
        put_on(&*journal, &sample(2, journal.now(), if round % 2 == 0 { 1.0 } else { 60.0 })).await;
        let last = if round % 2 == 0 { "alarm.returned" } else { "alarm.raised" };
        let kinds = until(&journal, last, 5 + 2 * round).await;
        assert_eq!(kinds.len(), 5 + 2 * round, "each change once: {kinds:?}");
        assert!(!kinds.iter().any(|it| it == "replay.differs"), "{kinds:?}");
        shutdown.request();
        engine.await.expect("no panic").expect("stops cleanly");
        journal.close().await.expect("closes");
    }
}

/// Which of the two comes last depends on what the engine met first.
async fn kinds_end(journal: &Embedded) -> &'static str {
    let wait = async {
        loop {
            let kinds = kinds(journal).await;
            match kinds.last().map(String::as_str) {
                Some("core.version") if kinds.len() == 3 => return "core.version",
                Some("alarm.raised") if kinds.len() == 3 => return "alarm.raised",
                _ => tokio::task::yield_now().await,
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(10), wait).await.expect("in time")
}
