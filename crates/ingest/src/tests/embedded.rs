//! On the journal that is really used: what one run took the next one knows, however many records came after it.

use journal::{Append, Embedded, EmbeddedConfig, Journal, JournalId, Key, Level, ReadLimit};
use model::Position;

use super::*;
use crate::{LocalPublisher, local_link};

async fn start(folder: &tempfile::TempDir) -> (Arc<Embedded>, LocalPublisher, Shutdown, JoinHandle<Result<(), IngestError>>) {
    let journal = Embedded::open(EmbeddedConfig::new(folder.path().join("journal"))).await.unwrap();
    if journal.bounds(JournalId::Events).appended == Position(0) {
        put_site(&*journal, site(1, &["e01", "e02"])).await;
    }
    let (publisher, receiver) = local_link();
    let shutdown = Shutdown::new();
    let parts = Parts {
        journal: Arc::clone(&journal) as _,
        links: vec![Link::Local(receiver)],
        latch: Health::new().latch("ingest"),
        config: IngestConfig { data: folder.path().to_owned(), sparkplug_host_id: "davy".to_owned(), mqtt_guarded: false },
    };
    let serving = tokio::spawn(Box::pin(serve(parts, shutdown.clone())));
    (journal, publisher, shutdown, serving)
}

async fn count(journal: &Embedded, enterprise: &str) -> usize {
    let (mut after, mut samples) = (Position(0), 0);
    loop {
        let id = JournalId::Telemetry(partition(enterprise));
        let records = journal.read(id, after, Level::Durable, ReadLimit::default()).await.unwrap();
        let Some(last) = records.last() else { return samples };
        after = last.position;
        for record in &records {
            if let Body::Batch(batch) = wire::decode_body(&record.body).unwrap() {
                samples += batch.samples.len();
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn deliveries_are_remembered_over_restarts_beyond_one_window() {
    let folder = tempfile::tempdir().unwrap();
    let (journal, publisher, shutdown, serving) = start(&folder).await;
    let now = journal.now().micros() / 1_000;
    let payload = |n: i64| format!(r#"{{"ts":{},"values":{{"PI-101":{n}}},"seq":{n}}}"#, now + n);
    for n in 0..20 {
        publisher.publish(&topic("e01"), payload(n)).await.unwrap();
        publisher.publish(&topic("e02"), payload(n)).await.unwrap();
    }
    // More records than one window of the recall holds.
    let tick = wire::encode_body(&Body::Tick);
    let (id, key) = (JournalId::Telemetry(partition("e01")), Key::new("test").unwrap());
    journal.append(Append { journal: id, key, fence: None, bodies: vec![tick; 700] }).await.unwrap();
    shutdown.request();
    within(serving, "the end").await.unwrap().unwrap();
    journal.close().await.unwrap();
    drop(journal);

    let (journal, publisher, shutdown, serving) = start(&folder).await;
    for n in 0..21 {
        publisher.publish(&topic("e01"), payload(n)).await.unwrap();
        publisher.publish(&topic("e02"), payload(n)).await.unwrap();
    }
    assert_eq!((count(&journal, "e01").await, count(&journal, "e02").await), (21, 21));
    shutdown.request();
    within(serving, "the end").await.unwrap().unwrap();
    journal.close().await.unwrap();
}
