//! The link that gateways push over: which of them are up, what an unknown one is told, and reports.

use journal::Journal;
use model::SourceId;
use wire::v1;

use super::*;
use crate::grpc::{Pushed, Taken};
use crate::{GatewayReport, PushHandle, local_link, push_link};

/// Points of e01 come over gRPC, those of e02 as plain JSON.
fn site_of_both() -> Revision {
    let mut revision = site(1, &["e01", "e02"]);
    for point in &mut revision.site.points[..3] {
        point.source.protocol = Protocol::Grpc;
    }
    revision
}

async fn plant() -> (PushHandle, crate::LocalPublisher, Plant) {
    let (journal, data) = (Arc::new(Memory::new()), Arc::new(tempfile::tempdir().unwrap()));
    put_site(&*journal, site_of_both()).await;
    let ((handle, pushed), (publisher, receiver)) = (push_link(), local_link());
    let plant = Plant::start_with(&journal, vec![Link::Push(pushed), Link::Local(receiver)], &data);
    (handle, publisher, plant)
}

fn gateway(enterprise: &str) -> GatewayPath {
    GatewayPath::new(&format!("rugang/{enterprise}/gw1")).unwrap()
}

/// A message without a time.
fn pushed(enterprise: &str, sequence: u64, tag: &str) -> Pushed {
    let value = Some(v1::tag_value::Value::Number(1.0));
    let values = vec![v1::TagValue { tag: tag.to_owned(), value, ..v1::TagValue::default() }];
    Pushed::samples(gateway(enterprise), v1::PushSamplesRequest { sequence, values, ..v1::PushSamplesRequest::default() })
}

async fn push(handle: &PushHandle, pushed: Pushed) -> Taken {
    let mut pushing = handle.push(pushed).await.unwrap();
    within(pushing.done(), "the answer").await.unwrap()
}

/// Ups and downs of a partition after the start's, by name.
fn changes(journal: &Memory, enterprise: &str) -> Vec<String> {
    let change = |body| match body {
        Body::SourceUp { source, .. } => Some(format!("up {source}")),
        Body::SourceDown { source, .. } => Some(format!("down {source}")),
        _ => None,
    };
    journal.bodies(partition(enterprise)).into_iter().filter_map(change).collect()
}

fn of<'a>(reports: &'a [GatewayReport], path: &str) -> &'a GatewayReport {
    reports.iter().find(|it| it.path == path).unwrap_or_else(|| panic!("no {path} in {reports:?}"))
}

/// Time passes in steps that are no standstill; each ends with a look, which is a tick.
async fn pass(journal: &Memory, seconds: i64) {
    let ticks = |journal: &Memory| journal.bodies(partition("e01")).iter().filter(|it| **it == Body::Tick).count();
    for _ in 0..seconds * 2 / 3 {
        let before = ticks(journal);
        journal.advance(1_500_000);
        journal.until("a look", |journal| ticks(journal) > before).await;
    }
}

/// Changes of e01's gateway alone.
fn of_gateway(journal: &Memory, enterprise: &str) -> Vec<String> {
    let changes = changes(journal, enterprise).into_iter();
    changes.filter(|it| it.ends_with("gw1")).map(|it| it.split(' ').next().unwrap().to_owned()).collect()
}

/// Whoever is missing after a start is said to be, once; so is one whose points a revision brought into another partition.
#[tokio::test]
async fn a_gateway_that_does_not_come_back_after_a_start_is_down() {
    let (handle, _publisher, plant) = plant().await;
    pass(&plant.journal, 39).await;
    assert_eq!(of_gateway(&plant.journal, "e01"), [""; 0], "it has its time");
    pass(&plant.journal, 75).await;
    assert_eq!(of_gateway(&plant.journal, "e01"), ["down"]);
    assert_eq!(of(&handle.report().await.unwrap(), "rugang/e01/gw1").connected, Some(false));
    let stream = handle.open(&gateway("e01"));
    plant.journal.until("it up", |journal| of_gateway(journal, "e01") == ["down", "up"]).await;
    let mut moved = site_of_both();
    moved.number = RevisionNumber(2);
    for point in &mut moved.site.points[..3] {
        point.enterprise = EnterpriseId::new("e02").unwrap();
    }
    assert_ne!(partition("e01"), partition("e02"));
    put_site(&*plant.journal, moved.clone()).await;
    plant.journal.until("it up there", |journal| of_gateway(journal, "e02") == ["up"]).await;
    moved.number = RevisionNumber(3);
    for point in &mut moved.site.points[..3] {
        point.enterprise = EnterpriseId::new("e01").unwrap();
    }
    drop(stream);
    put_site(&*plant.journal, moved).await;
    pass(&plant.journal, 66).await;
    assert_eq!(of_gateway(&plant.journal, "e01"), ["down", "up", "down"]);
    plant.stop().await.unwrap();
}

#[tokio::test]
async fn a_gateway_is_up_while_a_stream_of_it_is_open_and_a_minute_longer() {
    let (handle, _publisher, plant) = plant().await;
    let of_gateway = |journal: &Memory| of_gateway(journal, "e01");
    let first = handle.open(&gateway("e01"));
    let second = handle.open(&gateway("e01"));
    plant.journal.until("the gateway up", |journal| of_gateway(journal) == ["up"]).await;
    drop(first);
    let pass = async |seconds: i64| pass(&plant.journal, seconds).await;
    pass(90).await;
    assert_eq!(of_gateway(&plant.journal), ["up"], "one stream is enough");
    drop(second);
    pass(30).await;
    let connected = async || of(&handle.report().await.unwrap(), "rugang/e01/gw1").connected;
    assert_eq!((connected().await, of_gateway(&plant.journal)), (Some(true), vec!["up".to_owned()]));
    pass(36).await;
    assert_eq!((connected().await, of_gateway(&plant.journal)), (Some(false), vec!["up".to_owned(), "down".to_owned()]));
    let start = ["down *", "up grpc", "up mqtt", "up sparkplug"];
    assert_eq!(changes(&plant.journal, "e02"), start, "another enterprise hears nothing of it");
    // After an outage of all, each partition is told which are up: links, and gateways of its own.
    let _third = handle.open(&gateway("e01"));
    plant.journal.until("up again", |journal| of_gateway(journal).len() == 3).await;
    let told = changes(&plant.journal, "e01").len();
    plant.journal.advance(60_000_000);
    plant.journal.until("told anew", |journal| changes(journal, "e01").len() == told + 5).await;
    let again = ["down *", "up grpc", "up grpc/rugang/e01/gw1", "up mqtt", "up sparkplug"];
    assert_eq!(changes(&plant.journal, "e01")[told..], again);
    plant.stop().await.unwrap();
}

#[tokio::test]
async fn what_is_pushed_is_answered_when_it_is_durable() {
    let (handle, _publisher, plant) = plant().await;
    handle.report().await.unwrap();
    plant.journal.hold_durability(true);
    let mut pushing = handle.push(pushed("e01", 1, "PI-101")).await.unwrap();
    let mut done = Box::pin(pushing.done());
    let up = SourceId::gateway(Protocol::Grpc, &gateway("e01"));
    plant.journal.until("it taken", |journal| changes(journal, "e01").contains(&format!("up {up}"))).await;
    assert!(futures_util::poll!(&mut done).is_pending(), "answered before it was durable");
    plant.journal.hold_durability(false);
    assert_eq!(within(done, "the answer").await.unwrap().refusals, []);
    let taken = push(&handle, pushed("e09", 1, "PI-101")).await;
    assert_eq!((taken.refusals[0].reason.as_str(), taken.refusals[0].field.as_str()), ("unknown_gateway", "gateway"));
    plant.stop().await.unwrap();
}

/// What carries a number is taken once, also without a time and after a restart; what the number skips is a gap, what was refused is not.
#[tokio::test]
async fn numbered_messages_are_taken_once_over_restarts() {
    let (handle, _publisher, plant) = plant().await;
    assert_eq!(push(&handle, Pushed::opening(gateway("e01"))).await.receipt.seq, None);
    for sequence in [1, 2, 2, 3, 5] {
        // Of the third no tag is a point's: it came all the same.
        let taken = push(&handle, pushed("e01", sequence, if sequence == 3 { "NEW" } else { "PI-101" })).await;
        assert_eq!(taken.receipt.seq, Some(sequence));
    }
    let mut old = v1::PushSamplesRequest { sequence: 6, ..v1::PushSamplesRequest::default() };
    old.time = Some(wire::time_to_v1(model::Time::from_micros(0)));
    let taken = push(&handle, Pushed::samples(gateway("e01"), old)).await;
    assert_eq!((taken.refusals[0].reason.as_str(), taken.receipt.seq, taken.receipt.gaps), ("time_out_of_range", Some(6), 1));
    let (journal, data) = (Arc::clone(&plant.journal), Arc::clone(&plant.data));
    plant.stop().await.unwrap();
    let (handle, receiver) = push_link();
    let plant = Plant::start_with(&journal, vec![Link::Push(receiver)], &data);
    let standing = push(&handle, Pushed::opening(gateway("e01"))).await;
    assert_eq!((standing.receipt.seq, standing.receipt.gaps), (Some(6), 0));
    assert!(push(&handle, pushed("e01", 5, "PI-101")).await.repeated);
    assert!(!push(&handle, pushed("e01", 7, "PI-101")).await.repeated);
    let batches = plant.journal.bodies(partition("e01")).into_iter();
    let samples = batches.map(|body| if let Body::Batch(batch) = body { batch.samples.len() } else { 0 });
    assert_eq!(samples.sum::<usize>(), 4, "1, 2, 5 and 7");
    let gaps = plant.journal.bodies(partition("e01")).into_iter().filter(|it| matches!(it, Body::SequenceGap { .. })).count();
    assert_eq!(gaps, 1, "only 4 never came");
    plant.stop().await.unwrap();
}

#[tokio::test]
async fn every_gateway_is_reported_and_an_unknown_one_with_what_it_sends() {
    let (handle, publisher, plant) = plant().await;
    let now = plant.journal.now().micros() / 1_000;
    let payload = format!(
        r#"[{{"ts":{},"seq":1,"values":{{"PI-101":1,"NEW":2.5}}}},{{"ts":{now},"seq":4,"values":{{"TI-1":true}}}}]"#,
        now - 2_000
    );
    publisher.publish(&topic("e02"), payload).await.unwrap();
    publisher.publish(&topic("e77"), r#"{"values":{"A":1,"B":"open","C":false}}"#).await.unwrap();
    let reports = handle.report().await.unwrap();
    let known = of(&reports, "rugang/e02/gw1");
    assert_eq!((known.known, known.connected, known.messages, known.samples, known.refused), (true, None, 2, 1, 1));
    assert_eq!((known.gaps, known.unmapped_values, known.losses.len()), (2, 1, 1));
    assert_eq!((known.losses[0].messages, known.losses[0].points), (Some(2), 3));
    let clock = known.clock.expect("it sends times");
    assert!((2_000_000..5_000_000).contains(&clock.offset.micros()), "{clock:?}");
    assert_eq!((&*known.unmapped[0].tag, &*known.unmapped[0].datatype, &*known.unmapped[0].last_value), ("NEW", "number", "2.5"));
    let stranger = of(&reports, "rugang/e77/gw1");
    assert_eq!((stranger.known, stranger.enterprise.clone(), stranger.unmapped_values), (false, None, 3));
    let tags: Vec<_> = stranger.unmapped.iter().map(|it| (&*it.tag, &*it.datatype)).collect();
    assert_eq!(tags, [("A", "number"), ("B", "text"), ("C", "boolean")]);
    let silent = of(&reports, "rugang/e01/gw1");
    assert_eq!((silent.protocol, silent.messages, silent.last_message), (Protocol::Grpc, 0, None));
    for n in 0..300 {
        publisher.publish(&topic(&format!("x{n}")), r#"{"values":{"A":1}}"#).await.unwrap();
    }
    assert_eq!(handle.report().await.unwrap().iter().filter(|it| !it.known).count(), 256);
    plant.stop().await.unwrap();
}

/// Where users of MQTT have rights nobody walks round them without a password.
#[tokio::test]
async fn nobody_pushes_for_a_guarded_gateway() {
    let (journal, data) = (Arc::new(Memory::new()), Arc::new(tempfile::tempdir().unwrap()));
    put_site(&*journal, site_of_both()).await;
    for guarded in [false, true] {
        let (handle, receiver) = push_link();
        let plant = Plant::start_guarded(&journal, vec![Link::Push(receiver)], &data, guarded);
        let refusals = push(&handle, pushed("e02", 1 + u64::from(guarded), "PI-101")).await.refusals;
        let told: Vec<_> = refusals.iter().map(|it| (&*it.reason, it.detail.contains("--mqtt-users"))).collect();
        assert_eq!(told, if guarded { vec![("unknown_gateway", true)] } else { vec![] });
        assert_eq!(push(&handle, pushed("e01", 1 + u64::from(guarded), "PI-101")).await.refusals, []);
        plant.stop().await.unwrap();
    }
    assert_eq!(values(&journal, "e02", 4), [1.0]);
}

/// Whoever asks more often than it is answered costs one report, and no more wait than may.
#[tokio::test]
async fn those_who_ask_share_a_report() {
    let (handle, _publisher, plant) = plant().await;
    let first = handle.report().await.unwrap();
    let asked: Vec<_> = (0..64).map(|_| Box::pin(handle.report())).collect();
    let mut together = Box::pin(futures_util::future::join_all(asked));
    assert!(futures_util::poll!(&mut together).is_pending(), "they wait for the next look");
    assert!(matches!(handle.report().await, Err(IngestError::Busy)));
    let reports: Vec<_> = within(together, "the reports").await.into_iter().map(Result::unwrap).collect();
    let shared = reports.iter().filter(|it| Arc::ptr_eq(it, &reports[0])).count();
    assert_eq!((shared, reports[0].len()), (64, first.len()));
    plant.stop().await.unwrap();
}
