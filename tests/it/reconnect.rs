//! The broker comes back and has forgotten everything, or its queue was too small: data flow again, and the gap is said (traps 6, 8).

use harness::{Davy, Feed, Mosquitto, Publisher, Store, samples, until};
use wire::v1::event::Body;

use crate::sites::{TOPIC, message, now_ms, plain, site};

#[tokio::test(flavor = "multi_thread")]
async fn a_broker_that_lost_its_sessions_is_subscribed_anew_and_the_gap_is_said() {
    let mut broker = Mosquitto::start(Store::None).await;
    let davy = Davy::start(&site(&[plain("n")]), &broker.url()).await;
    let feed = Feed::follow(davy.addresses());
    let mut gateway = Publisher::connect(broker.port(), "gw1");
    let start = now_ms() - 60_000;
    gateway.publish(TOPIC, message(start, "n", 1.0)).await;
    let grpc = davy.grpc();
    until("the first sample is stored", async || (samples(&grpc, &["n"]).await.len() == 1).then_some(())).await;
    assert!(!feed.events().iter().any(|event| event.kind == "gap.possible"), "no gap before there is one");

    broker.kill();
    feed.first("source.down", "").await;
    let http = davy.http().to_owned();
    until("it says that it is not ready", async || (!harness::ready(&http).await).then_some(())).await;
    broker.start_again().await;
    until("it is ready again", async || harness::ready(&http).await.then_some(())).await;
    let gap = feed.first("gap.possible", "").await;
    let Some(Body::Gap(gap)) = gap.body else { panic!("another body: {gap:?}") };
    assert!(gap.from.is_some() && gap.to.is_some(), "from when to when: {gap:?}");
    assert_eq!(gap.points, ["n"], "and which points");

    gateway.publish(TOPIC, message(start + 1_000, "n", 2.0)).await;
    until("data flow again", async || (samples(&grpc, &["n"]).await.len() == 2).then_some(())).await;
    let gaps = feed.events().into_iter().filter(|event| event.kind == "gap.possible").count();
    assert_eq!(gaps, 1, "one gap, said once");
}

/// The other side of it: a session that was kept delivers what came meanwhile, and no gap is claimed.
#[tokio::test(flavor = "multi_thread")]
async fn a_davy_that_was_away_gets_what_came_meanwhile() {
    let broker = Mosquitto::start(Store::None).await;
    let mut davy = Davy::start(&site(&[plain("n")]), &broker.url()).await;
    let feed = Feed::follow(davy.addresses());
    davy.kill();
    let mut gateway = Publisher::connect(broker.port(), "gw1");
    let start = now_ms() - 60_000;
    for n in 0..50_u8 {
        gateway.publish(TOPIC, message(start + i64::from(n), "n", f64::from(n))).await;
    }
    gateway.flushed(std::time::Duration::from_secs(20)).await;
    davy.start_again().await;
    let grpc = davy.grpc();
    let stored = until("all fifty are stored", async || Some(samples(&grpc, &["n"]).await).filter(|it| it.len() >= 50)).await;
    let values: Vec<_> = stored.iter().filter_map(|sample| sample.value).collect();
    assert_eq!(values, (0..50_u8).map(f64::from).collect::<Vec<_>>());
    feed.first("source.up", "").await;
    assert!(!feed.events().iter().any(|event| event.kind == "gap.possible"), "nothing was lost and nothing is claimed");
}

/// The queue of a client that is away is a small bucket: what it drops is said, with how many messages and which points (traps 8).
#[tokio::test(flavor = "multi_thread")]
async fn what_the_broker_dropped_while_davy_was_away_is_said() {
    const SENT: u32 = 500;
    // The last line wins; what the broker counts is said every second.
    const SMALL: &str = "max_queued_messages 100\nsys_interval 1";
    let broker = Mosquitto::start_with(Store::None, SMALL).await;
    let mut davy = Davy::start(&site(&[plain("n")]), &broker.url()).await;
    let feed = Feed::follow(davy.addresses());
    let mut gateway = Publisher::connect(broker.port(), "gw1");
    let start = now_ms() - 60_000;
    let numbered = |n: u32| format!("{{\"ts\":{},\"seq\":{n},\"values\":{{\"n\":{n}}}}}", start + i64::from(n));
    gateway.publish(TOPIC, numbered(0)).await;
    let grpc = davy.grpc();
    until("the first sample is stored", async || (samples(&grpc, &["n"]).await.len() == 1).then_some(())).await;
    davy.kill();
    for n in 1..=SENT {
        gateway.publish(TOPIC, numbered(n)).await;
    }
    gateway.flushed(std::time::Duration::from_secs(20)).await;
    davy.start_again().await;
    feed.first("source.up", "").await;
    gateway.publish(TOPIC, numbered(SENT + 1)).await;
    let grpc = davy.grpc();
    let stored = until("the newest sample is stored", async || {
        let stored = samples(&grpc, &["n"]).await;
        (stored.last()?.value == Some(f64::from(SENT + 1))).then_some(stored)
    })
    .await;
    let missing = u64::from(SENT) + 2 - stored.len() as u64;
    assert!(missing > 100, "the queue was too small: only {missing} are missing");
    let gap = |reason: &'static str| {
        move |events: &[wire::v1::Event]| {
            events.iter().find_map(|event| match &event.body {
                Some(Body::Gap(gap)) if gap.reason.contains(reason) => Some(gap.clone()),
                _ => None,
            })
        }
    };
    let by_sequence = feed.until(std::time::Duration::from_secs(30), "the gap in the sequence", gap("sequence")).await;
    assert_eq!((by_sequence.messages, by_sequence.points), (Some(missing), vec!["n".to_owned()]));
    // Mosquitto counts what it drops for all its clients together.
    let by_broker = feed.until(std::time::Duration::from_secs(30), "what the broker counts", gap("broker dropped")).await;
    assert!(by_broker.messages >= Some(missing), "{by_broker:?}, {missing} are missing");
    assert_eq!(by_broker.points, ["n"]);
}
