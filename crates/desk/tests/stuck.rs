//! A clerk whose words do not count: the desk says them once, and says in health that it is stuck.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use desk::{Clerk, Config, Standing, desk};
use journal::{Embedded, EmbeddedConfig, Journal, JournalId, Level, ReadLimit};
use model::{Event, EventBody, Position, RecordedEvent, RequestId, RevisionNumber, Scope, Time};
use service::{Health, Shutdown};
use wire::Failure;

/// What it says is due for ever.
struct Deaf;

impl Clerk for Deaf {
    type Ask = RequestId;
    type Answer = ();

    const KEY: &'static str = "desk/deaf";
    const KEEPS: &'static str = "nothing";
    const LOSS: &'static str = "nothing is lost";

    fn apply(&mut self, _event: &RecordedEvent) {}

    fn snapshot(&self) -> Bytes {
        Bytes::new()
    }

    fn restore(&mut self, _body: &[u8]) -> bool {
        true
    }

    fn due(&mut self, _now: Time) -> Vec<Event> {
        let (subject, scope, body) = (Arc::from("p"), Scope::default(), EventBody::CoreVersion(1));
        vec![Event { occurred_at: Time::YEAR_2000, subject, scope, revision: RevisionNumber(1), body }]
    }

    fn next_deadline(&self) -> Option<Time> {
        Some(Time::YEAR_2000)
    }

    fn request_id(ask: &RequestId) -> &RequestId {
        ask
    }

    fn judge(&self, _ask: &RequestId, _now: Time) -> Option<Event> {
        None
    }

    fn answer(&self, _ask: &RequestId, _standing: Standing) -> Result<(), Failure> {
        Ok(())
    }
}

#[tokio::test]
async fn what_does_not_count_is_said_once() {
    let folder = tempfile::tempdir().expect("a folder");
    let journal: Arc<dyn Journal> = Embedded::open(EmbeddedConfig::new(folder.path())).await.expect("opens");
    let (health, shutdown) = (Health::new(), Shutdown::new());
    let config = Config {
        look_every: Duration::from_millis(1),
        snapshot_records: 1_000,
        asks_max: 1,
        wait_limit: Duration::from_secs(20),
    };
    let (_counter, runner) = desk(Arc::clone(&journal), health.latch("deaf"), config, || Deaf);
    let end = shutdown.clone();
    let running = tokio::spawn(async move { runner.run(&end).await });
    let stuck = async {
        while !health.report().contains("does not count as said") {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), stuck).await.expect("health says it");
    shutdown.request();
    running.await.expect("no panic").expect("stops cleanly");
    let records = journal.read(JournalId::Events, Position(0), Level::Durable, ReadLimit::default()).await.expect("reads");
    assert_eq!(records.iter().filter(|record| record.key.as_str() == Deaf::KEY).count(), 1);
}
