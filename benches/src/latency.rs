//! Publish to feed: 1,000 messages/s at QoS 1, one in ten (or each) crosses a limit; the time from just before the publish to the event at a
//! gRPC subscriber, beside one write and fdatasync of the same disk in the same run.

use std::collections::BTreeMap;
use std::io::Write;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use anyhow::Context;
use rumqttc::v5::mqttbytes::QoS;
use rumqttc::v5::{Event, Incoming};
use tokio::time::MissedTickBehavior;
use wire::v1;
use wire::v1::exchange_service_client::ExchangeServiceClient;
use wire::v1::subscribe_response::Item;

use crate::plant::{Broker, Davy, POINTS, message, now_micros};
use crate::stats::percentile;

const RATE: u64 = 1_000;
const SECONDS: u64 = 20;

/// One message in so many crosses a limit: 10 or 1.
pub(crate) async fn run(one_in: u64) -> anyhow::Result<()> {
    let folder = tempfile::tempdir_in(".")?;
    let broker = Broker::start(folder.path()).await?;
    let davy = Davy::start(folder.path(), broker.port()).await?;
    let mut syncs = fdatasync(folder.path())?;
    let mut relayed = relay(&broker).await?;
    let sent: Arc<Mutex<BTreeMap<(String, i64), Instant>>> = Arc::default();
    let expected = usize::try_from(RATE * SECONDS / one_in).unwrap_or(0);
    let receiving = tokio::spawn(receive(davy.grpc.clone(), Arc::clone(&sent), expected));
    publish(&broker, &sent, one_in).await?;
    let mut took = tokio::time::timeout(Duration::from_secs(20), receiving).await.context("wait for the events")???;
    syncs.extend(fdatasync(folder.path())?);
    let ms = |duration: Duration| duration.as_secs_f64() * 1e3;
    println!("latency: {RATE} messages/s at QoS 1 for {SECONDS} s, {} events", took.len());
    println!("| what | p50 ms | p90 ms | p99 ms | max ms |\n| --- | --- | --- | --- | --- |");
    let shares = [0.5, 0.9, 0.99, 1.0];
    let bare = shares.map(|share| ms(percentile(&mut syncs, share)));
    let relay = shares.map(|share| ms(percentile(&mut relayed, share)));
    let feed = shares.map(|share| ms(percentile(&mut took, share)));
    let row = |values: [f64; 4]| values.map(|value| format!("{value:.2}")).join(" | ");
    println!("| write of 200 bytes and fdatasync, nothing else | {} |", row(bare));
    println!("| publish to a bare MQTT subscriber through the broker, same rate | {} |", row(relay));
    println!("| publish to feed | {} |", row(feed));
    println!("| ratio to the write and fdatasync | {} |", row(std::array::from_fn(|at| feed[at] / bare[at])));
    println!("| ratio to relay and fdatasync together | {} |", row(std::array::from_fn(|at| feed[at] / (bare[at] + relay[at]))));
    Ok(())
}

/// The broker's share: the same rate for five seconds to a subscriber that does nothing.
async fn relay(broker: &Broker) -> anyhow::Result<Vec<Duration>> {
    let messages = usize::try_from(RATE * 5)?;
    let (client, mut events) = broker.client("relay-in", false);
    client.subscribe("relay/#", QoS::AtLeastOnce).await?;
    let (subscribed, mut on_subscribed) = tokio::sync::mpsc::channel(1);
    let receiving = tokio::spawn(async move {
        let mut took = Vec::with_capacity(messages);
        let started = Instant::now();
        while took.len() < messages && started.elapsed() < Duration::from_secs(30) {
            match events.poll().await? {
                Event::Incoming(Incoming::Publish(publish)) => {
                    let at: i64 = std::str::from_utf8(&publish.payload)?.parse()?;
                    took.push(Duration::from_micros(u64::try_from(now_micros() - at).unwrap_or(0)));
                }
                Event::Incoming(Incoming::SubAck(_)) => subscribed.send(()).await?,
                _ => {}
            }
        }
        anyhow::Ok(took)
    });
    on_subscribed.recv().await.context("subscribe")?;
    let (client, mut events) = broker.client("relay-out", false);
    tokio::spawn(async move { while events.poll().await.is_ok() {} });
    let mut step = tokio::time::interval(Duration::from_micros(1_000_000 / RATE));
    for _ in 0..messages {
        step.tick().await;
        client.publish("relay/x", QoS::AtLeastOnce, false, now_micros().to_string()).await?;
    }
    receiving.await?
}

fn fdatasync(folder: &std::path::Path) -> anyhow::Result<Vec<Duration>> {
    let mut file = std::fs::File::create(folder.join("sync"))?;
    let once = |_| {
        let started = Instant::now();
        file.write_all(&[7; 200])?;
        file.sync_data()?;
        anyhow::Ok(started.elapsed())
    };
    (0..500).map(once).collect()
}

async fn publish(broker: &Broker, sent: &Mutex<BTreeMap<(String, i64), Instant>>, one_in: u64) -> anyhow::Result<()> {
    let (client, mut events) = broker.client("publisher", false);
    tokio::spawn(async move { while events.poll().await.is_ok() {} });
    let mut step = tokio::time::interval(Duration::from_micros(1_000_000 / RATE));
    step.set_missed_tick_behavior(MissedTickBehavior::Burst);
    let mut high = vec![false; POINTS];
    for index in 0..RATE * SECONDS {
        step.tick().await;
        let crosses = index % one_in == 0;
        let point =
            usize::try_from(if crosses { index / one_in } else { index })? % (POINTS / 2) + if crosses { 0 } else { POINTS / 2 };
        if crosses {
            high[point] = !high[point];
        }
        let at = now_micros();
        let (topic, payload) = message(point, at, if high[point] { 85.0 } else { 50.0 });
        if crosses {
            sent.lock().expect("no panic while held").insert((format!("p{point}"), at), Instant::now());
        }
        client.publish(topic, QoS::AtLeastOnce, false, payload).await?;
    }
    Ok(())
}

async fn receive(
    server: String,
    sent: Arc<Mutex<BTreeMap<(String, i64), Instant>>>,
    expected: usize,
) -> anyhow::Result<Vec<Duration>> {
    let mut client = ExchangeServiceClient::connect(server).await?;
    let filter =
        v1::EventFilter { kinds: vec!["alarm.raised".to_owned(), "alarm.returned".to_owned()], ..v1::EventFilter::default() };
    let request = v1::SubscribeRequest {
        start: Some(v1::subscribe_request::Start::Position(v1::StartPosition::Latest.into())),
        filter: Some(filter),
        ..v1::SubscribeRequest::default()
    };
    let mut stream = client.subscribe(request).await?.into_inner();
    let mut took = Vec::with_capacity(expected);
    while took.len() < expected {
        let item = stream.message().await?.context("the feed ended")?.item;
        let (Some(Item::Event(event)), arrived) = (item, Instant::now()) else { continue };
        let at = event.occurred_at.as_ref().map(|at| wire::time_from_v1(at).micros()).unwrap_or_default();
        if let Some(published) = sent.lock().expect("no panic while held").remove(&(event.subject, at)) {
            took.push(arrived.duration_since(published));
        }
    }
    Ok(took)
}
