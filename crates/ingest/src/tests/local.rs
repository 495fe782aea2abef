//! Ingest fed from inside: durability before acknowledgement, outages, ticks, repeats, gaps, dead letters, receipts.

use super::*;
use crate::{LocalPublisher, local_link};
use journal::{Journal, JournalId};
use model::{Sample, SourceId, Time};
use wire::DeadLetter;

async fn plant(enterprises: &[&str]) -> (LocalPublisher, Plant) {
    let (publisher, receiver) = local_link();
    (publisher, Plant::with_site(Link::Local(receiver), enterprises).await)
}

fn dead(journal: &Memory) -> Vec<DeadLetter> {
    journal.all(JournalId::Dead).iter().map(|it| DeadLetter::decode(&it.body).unwrap()).collect()
}

fn down_at_start(since: Time) -> Body {
    Body::SourceDown { source: SourceId::all(), since, reason: "start".to_owned() }
}

#[tokio::test]
async fn a_start_is_down_first_then_up_then_data() {
    let (publisher, plant) = plant(&["e01", "e02"]).await;
    publisher.publish(&topic("e01"), r#"{"values":{"PI-101":1.5}}"#).await.unwrap();
    for enterprise in ["e01", "e02"] {
        let bodies = plant.journal.bodies(partition(enterprise));
        assert!(matches!(&bodies[0], Body::SourceDown { source, reason, .. } if source.as_str() == "*" && reason == "start"));
        assert!(matches!(&bodies[1], Body::SourceUp { source, session_lost: false } if source.as_str() == "mqtt"));
    }
    let batch = &plant.batches("e01")[0];
    assert_eq!(
        (batch.revision, batch.samples[0].value, batch.samples[0].flags.arrival_time),
        (RevisionNumber(1), Some(1.5), true)
    );
    assert_eq!(batch.messages[0].digest, [0; 16], "without a time a repeat cannot be told from news");
    assert!(plant.health.is_ready());
    plant.stop().await.unwrap();
}

#[tokio::test]
async fn nothing_is_acknowledged_before_it_is_durable_and_then_in_order() {
    let (publisher, plant) = plant(&["e01"]).await;
    publisher.publish(&topic("e01"), r#"{"values":{}}"#).await.unwrap();
    plant.journal.hold_durability(true);
    let mut publications = Vec::new();
    for n in 0..50 {
        publications.push(publisher.begin(&topic("e01"), format!(r#"{{"values":{{"PI-101":{n}}}}}"#).into()).await.unwrap());
    }
    plant.journal.until("all values appended", |journal| values(journal, "e01", 1).len() == 50).await;
    let mut waiting: Vec<_> = publications.into_iter().map(|it| Box::pin(it.done())).collect();
    for publication in &mut waiting {
        assert!(futures_util::poll!(publication).is_pending(), "acknowledged before it was durable");
    }
    plant.journal.hold_durability(false);
    for publication in waiting {
        publication.await.unwrap();
    }
    assert_eq!(plant.values("e01", 1), (0..50).map(f64::from).collect::<Vec<_>>());
    plant.stop().await.unwrap();
}

#[tokio::test]
async fn while_a_round_syncs_the_next_one_grows() {
    let (publisher, plant) = plant(&["e01"]).await;
    publisher.publish(&topic("e01"), r#"{"values":{}}"#).await.unwrap();
    plant.journal.hold_durability(true);
    let mut publications = Vec::new();
    for n in 0..500 {
        publications.push(publisher.begin(&topic("e01"), format!(r#"{{"values":{{"PI-101":{n}}}}}"#).into()).await.unwrap());
        tokio::task::yield_now().await;
    }
    plant.journal.hold_durability(false);
    for publication in publications {
        publication.done().await.unwrap();
    }
    let batches = plant.batches("e01");
    assert!(batches.len() <= 32, "{} records for 500 messages", batches.len());
    assert_eq!(batches.iter().map(|it| it.messages.len()).sum::<usize>(), 500);
    plant.stop().await.unwrap();
}

#[tokio::test]
async fn a_journal_that_fails_stops_everything_unacknowledged() {
    let (publisher, plant) = plant(&["e01"]).await;
    publisher.publish(&topic("e01"), r#"{"values":{}}"#).await.unwrap();
    plant.journal.break_appends();
    assert!(publisher.publish(&topic("e01"), r#"{"values":{"PI-101":1}}"#).await.is_err());
    let error = within(plant.serving, "the end").await.unwrap().unwrap_err();
    assert_eq!(error.kind(), model::ErrorKind::Unavailable, "{error}");
}

#[tokio::test]
async fn repeats_with_times_are_dropped_also_after_a_restart() {
    let (publisher, plant) = plant(&["e01"]).await;
    let timed = format!(r#"{{"ts":{},"values":{{"PI-101":1}},"seq":4}}"#, plant.journal.now().micros() / 1_000);
    for _ in 0..3 {
        publisher.publish(&topic("e01"), timed.clone()).await.unwrap();
        publisher.publish(&topic("e01"), r#"{"values":{"TI-1":2}}"#).await.unwrap();
    }
    assert_eq!((plant.values("e01", 1).len(), plant.values("e01", 2).len()), (1, 3));
    let (journal, data) = (Arc::clone(&plant.journal), Arc::clone(&plant.data));
    plant.stop().await.unwrap();

    let last = journal.bounds(JournalId::Telemetry(partition("e01"))).last_time;
    let before = journal.bodies(partition("e01")).len();
    let (publisher, receiver) = local_link();
    let plant = Plant::start(&journal, Link::Local(receiver), &data);
    publisher.publish(&topic("e01"), timed).await.unwrap();
    publisher.publish(&topic("e01"), r#"{"values":{"PI-101":3},"seq":7}"#).await.unwrap();
    assert_eq!(plant.values("e01", 1), [1.0, 3.0], "the repeat was dropped");
    let bodies = journal.bodies(partition("e01"));
    assert_eq!(bodies[before], down_at_start(last), "down since the last record");
    let gap = bodies.iter().find_map(|it| {
        if let Body::SequenceGap { first_missing, count, .. } = it { Some((*first_missing, *count)) } else { None }
    });
    assert_eq!(gap, Some((5, 2)), "the sequence goes on over the restart");
    plant.stop().await.unwrap();
}

#[tokio::test]
async fn bad_input_never_stops_what_comes_after_it() {
    let (publisher, plant) = plant(&["e01"]).await;
    publisher.publish(&topic("e01"), "{").await.unwrap();
    publisher.publish("davy/v1/rugang/e99/gw1/telemetry", r#"{"values":{"PI-101":1}}"#).await.unwrap();
    publisher.publish("nonsense", "x").await.unwrap();
    publisher.publish(&topic("e01"), r#"{"values":{"PI-101":true,"TI-1":2,"XV-1":"ajar"}}"#).await.unwrap();
    publisher.publish(&topic("e01"), r#"{"values":{"PI-101":9,"XV-1":"open"}}"#).await.unwrap();
    let letters = dead(&plant.journal);
    let reasons: Vec<_> = letters.iter().map(|it| &*it.reason).collect();
    assert_eq!(reasons, ["not_json", "unknown_gateway", "bad_topic", "wrong_type"]);
    assert!(letters[3].detail.contains("values.PI-101") && letters[3].detail.contains("values.XV-1: unknown_state: `ajar`"));
    assert_eq!((letters[3].gateway.as_str(), letters[3].payload.len()), ("rugang/e01/gw1", 49));
    assert_eq!((plant.values("e01", 1), plant.values("e01", 2), plant.values("e01", 3)), (vec![9.0], vec![2.0], vec![1.0]));
    plant.stop().await.unwrap();
}

#[tokio::test]
async fn gaps_stand_before_the_batch_that_shows_them() {
    let (publisher, plant) = plant(&["e01"]).await;
    for seq in [1, 2, 5, 1] {
        publisher.publish(&topic("e01"), format!(r#"{{"values":{{"PI-101":{seq}}},"seq":{seq}}}"#)).await.unwrap();
    }
    let bodies = plant.journal.bodies(partition("e01"));
    let at = bodies.iter().position(|it| matches!(it, Body::SequenceGap { first_missing: 3, count: 2, .. })).expect("a gap");
    assert!(matches!(&bodies[at + 1], Body::Batch(batch) if batch.messages[0].seq == Some(5)));
    assert_eq!(bodies.iter().filter(|it| matches!(it, Body::SequenceGap { .. })).count(), 1, "a restart is no gap");
    plant.stop().await.unwrap();
}

#[tokio::test]
async fn receipts_tell_what_is_durable() {
    let (publisher, plant) = plant(&["e01"]).await;
    let mut receipts = publisher.receipts();
    let now = plant.journal.now().micros() / 1_000;
    publisher.publish(&topic("e01"), format!(r#"[{{"ts":{now},"values":{{"PI-101":1,"NEW":2}},"seq":3}},7]"#)).await.unwrap();
    publisher.publish(&topic("e01"), format!(r#"{{"ts":{},"values":{{"PI-101":1}},"seq":5}}"#, now + 3_600_000)).await.unwrap();
    let gateway = GatewayPath::new("rugang/e01/gw1").unwrap();
    let known =
        within(receipts.wait_for(|it| it.get(&gateway).is_some_and(|it| it.seq == Some(5))), "a receipt").await.unwrap().clone();
    let receipt = known[&gateway];
    assert_eq!((receipt.messages, receipt.refused, receipt.gaps, receipt.unmapped), (2, 1, 1, 1));
    let time = receipt.durable_time.unwrap().micros();
    assert!((now * 1_000..=plant.journal.now().micros()).contains(&time), "an hour ahead counts as now (traps 24)");
    plant.stop().await.unwrap();
}

#[tokio::test]
async fn a_gateway_that_missed_its_receipt_gets_it_after_a_restart_and_for_a_repeat() {
    let (publisher, plant) = plant(&["e01"]).await;
    let time = plant.journal.now().micros() / 1_000;
    let payload = format!(r#"{{"ts":{time},"values":{{"PI-101":1}},"seq":17}}"#);
    publisher.publish(&topic("e01"), payload.clone()).await.unwrap();
    let (journal, data) = (Arc::clone(&plant.journal), Arc::clone(&plant.data));
    plant.stop().await.unwrap();
    let (publisher, receiver) = local_link();
    let plant = Plant::start(&journal, Link::Local(receiver), &data);
    let mut receipts = publisher.receipts();
    let told = within(receipts.wait_for(|it| !it.is_empty()), "the receipt of the run before").await.unwrap().clone();
    let receipt = told.values().next().unwrap();
    assert_eq!((receipt.seq, receipt.durable_time.map(|it| it.micros() / 1_000)), (Some(17), Some(time)));
    receipts.mark_unchanged();
    publisher.publish(&topic("e01"), payload).await.unwrap();
    within(receipts.changed(), "the receipt for the repeat").await.unwrap();
    plant.stop().await.unwrap();
}

#[tokio::test]
async fn silent_partitions_get_ticks_also_without_publishers() {
    let (publisher, plant) = plant(&["e01"]).await;
    publisher.publish(&topic("e01"), r#"{"values":{"PI-101":1}}"#).await.unwrap();
    drop(publisher);
    let ticks = |journal: &Memory| journal.bodies(partition("e01")).iter().filter(|it| **it == Body::Tick).count();
    assert_eq!(ticks(&plant.journal), 0, "a batch is a tick");
    for n in 1..=2 {
        plant.journal.advance(1_000_000);
        plant.journal.until("a tick", |journal| ticks(journal) == n).await;
    }
    plant.stop().await.unwrap();
}

#[tokio::test]
async fn a_standstill_is_told_as_an_outage_before_what_waited() {
    let (publisher, plant) = plant(&["e01"]).await;
    publisher.publish(&topic("e01"), r#"{"values":{"PI-101":1}}"#).await.unwrap();
    let before = plant.journal.bounds(JournalId::Telemetry(partition("e01"))).last_time;
    let told = plant.journal.bodies(partition("e01")).len();
    plant.journal.advance(9_000_000);
    publisher.publish(&topic("e01"), r#"{"values":{"PI-101":2}}"#).await.unwrap();
    let bodies = plant.journal.bodies(partition("e01"));
    let down = Body::SourceDown { source: SourceId::all(), since: before, reason: "davy stood still".to_owned() };
    assert_eq!(bodies[told], down, "{bodies:?}");
    let again =
        matches!(&bodies[told + 1..], [Body::SourceUp { session_lost: false, .. }, Body::SourceUp { .. }, Body::Batch(_)]);
    assert!(again, "{bodies:?}");
    plant.stop().await.unwrap();
}

#[tokio::test]
async fn a_start_is_marked_in_every_partition_from_its_last_record() {
    let (publisher, plant) = plant(&["e01", "e02"]).await;
    publisher.publish(&topic("e01"), r#"{"values":{"PI-101":1}}"#).await.unwrap();
    let journal = Arc::clone(&plant.journal);
    plant.stop().await.unwrap();
    let since = |enterprise| journal.bounds(JournalId::Telemetry(partition(enterprise))).last_time;
    let (first, second) = (since("e01"), since("e02"));
    journal.advance(60_000_000);
    crate::mark_start(&*journal).await.unwrap();
    for (enterprise, since) in [("e01", first), ("e02", second)] {
        assert_eq!(journal.bodies(partition(enterprise)).last(), Some(&down_at_start(since)));
    }
}

#[tokio::test]
async fn it_waits_for_a_site_and_takes_newer_ones() {
    let (journal, data) = (Arc::new(Memory::new()), Arc::new(tempfile::tempdir().unwrap()));
    let (publisher, receiver) = local_link();
    let plant = Plant::start(&journal, Link::Local(receiver), &data);
    let first = publisher.begin(&topic("e01"), r#"{"values":{"PI-101":1}}"#.into()).await.unwrap();
    tokio::task::yield_now().await;
    assert!(!plant.health.is_ready() && journal.partitions().is_empty());
    put_site(&*journal, site(1, &["e01"])).await;
    within(first.done(), "the first message").await.unwrap();
    assert!(plant.health.is_ready());

    publisher.publish(&topic("e02"), r#"{"values":{"PI-101":1}}"#).await.unwrap();
    assert_eq!(dead(&journal)[0].reason, "unknown_gateway");
    put_site(&*journal, site(2, &["e01", "e02"])).await;
    journal.until("the new partition told", |journal| journal.bodies(partition("e02")).len() >= 2).await;
    publisher.publish(&topic("e02"), r#"{"values":{"PI-101":2}}"#).await.unwrap();
    let bodies = journal.bodies(partition("e02"));
    assert!(matches!((&bodies[0], &bodies[1]), (Body::SourceDown { .. }, Body::SourceUp { .. })), "{bodies:?}");
    let batch = &plant.batches("e02")[0];
    assert_eq!((batch.revision, batch.samples[0].point), (RevisionNumber(2), PointNumber(4)));
    assert_eq!(journal.bodies(partition("e01")).iter().filter(|it| matches!(it, Body::SourceDown { .. })).count(), 1);
    plant.stop().await.unwrap();
}

#[tokio::test]
async fn unmapped_tags_are_journaled_and_a_message_stays_whole() {
    let (publisher, plant) = plant(&["e01"]).await;
    publisher.publish(&topic("e01"), r#"{"values":{"PI-101":1,"NEW-2":1,"TI-1":2,"NEW-1":0}}"#).await.unwrap();
    publisher.publish(&topic("e01"), r#"{"values":{"NEW-1":0}}"#).await.unwrap();
    plant.journal.advance(11_000_000);
    let unmapped = |journal: &Memory| {
        let tags = |body| if let Body::Unmapped { tags, .. } = body { Some(tags.tags) } else { None };
        journal.bodies(partition("e01")).into_iter().find_map(tags)
    };
    plant.journal.until("the list", |journal| unmapped(journal).is_some()).await;
    assert_eq!(unmapped(&plant.journal).unwrap(), ["NEW-1", "NEW-2"]);
    let batches = plant.batches("e01");
    assert_eq!(batches.len(), 1, "a message without samples says nothing");
    let samples: Vec<Option<f64>> = batches[0].samples.iter().map(|it: &Sample| it.value).collect();
    assert_eq!((batches[0].messages[0].samples, samples), (2, vec![Some(1.0), Some(2.0)]));
    plant.stop().await.unwrap();
}

#[tokio::test]
async fn what_comes_from_beside_a_broker_says_nothing_of_the_broker() {
    let (publisher, receiver) = local_link();
    let plant = Plant::with_site(Link::Beside(receiver), &["e01"]).await;
    publisher.publish(&topic("e01"), r#"{"values":{"PI-101":4}}"#).await.unwrap();
    assert_eq!(plant.values("e01", 1), [4.0]);
    let bodies = plant.journal.bodies(partition("e01"));
    assert!(!bodies.iter().any(|it| matches!(it, Body::SourceUp { .. })), "{bodies:?}");
    plant.stop().await.unwrap();
}

#[tokio::test]
async fn several_publishers_inside_are_taken_side_by_side() {
    let ((broker, local), (reports, beside)) = (local_link(), local_link());
    let (journal, data) = (Arc::new(Memory::new()), Arc::new(tempfile::tempdir().unwrap()));
    put_site(&*journal, site(1, &["e01"])).await;
    let plant = Plant::start_with(&journal, vec![Link::Local(local), Link::Beside(beside)], &data);
    broker.publish(&topic("e01"), r#"{"values":{"PI-101":1}}"#).await.unwrap();
    reports.publish(&topic("e01"), r#"{"values":{"PI-101":2}}"#).await.unwrap();
    broker.publish(&topic("e01"), r#"{"values":{"PI-101":3}}"#).await.unwrap();
    assert_eq!(plant.values("e01", 1), [1.0, 2.0, 3.0]);
    // Receipts go where the broker is.
    let mut receipts = broker.receipts();
    within(receipts.wait_for(|it| !it.is_empty()), "a receipt").await.unwrap();
    plant.stop().await.unwrap();
}
