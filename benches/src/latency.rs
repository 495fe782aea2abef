//! Publish to feed: 1,000 messages/s at QoS 1, one in ten crosses a limit; the time from just before the publish to the event at a
//! gRPC subscriber, beside one write and fdatasync of the same disk in the same run.

use std::collections::BTreeMap;
use std::io::Write;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use anyhow::Context;
use rumqttc::v5::mqttbytes::QoS;
use tokio::time::MissedTickBehavior;
use wire::v1;
use wire::v1::exchange_service_client::ExchangeServiceClient;
use wire::v1::subscribe_response::Item;

use crate::plant::{Broker, Davy, POINTS, message, now_micros};
use crate::stats::percentile;

const RATE: u64 = 1_000;
const SECONDS: u64 = 20;

pub(crate) async fn run() -> anyhow::Result<()> {
    let folder = tempfile::tempdir_in(".")?;
    let broker = Broker::start(folder.path()).await?;
    let davy = Davy::start(folder.path(), broker.port).await?;
    let mut syncs = fdatasync(folder.path())?;
    let sent: Arc<Mutex<BTreeMap<(String, i64), Instant>>> = Arc::default();
    let expected = usize::try_from(RATE * SECONDS / 10).unwrap_or(0);
    let receiving = tokio::spawn(receive(davy.grpc.clone(), Arc::clone(&sent), expected));
    publish(&broker, &sent).await?;
    let mut took = tokio::time::timeout(Duration::from_secs(20), receiving).await.context("wait for the events")???;
    syncs.extend(fdatasync(folder.path())?);
    let ms = |duration: Duration| duration.as_secs_f64() * 1e3;
    println!("latency: {RATE} messages/s at QoS 1 for {SECONDS} s, {} events", took.len());
    println!("| what | p50 ms | p99 ms | max ms |\n| --- | --- | --- | --- |");
    let (s50, s99, smax) = (percentile(&mut syncs, 0.5), percentile(&mut syncs, 0.99), percentile(&mut syncs, 1.0));
    println!("| write of 200 bytes and fdatasync, nothing else | {:.2} | {:.2} | {:.2} |", ms(s50), ms(s99), ms(smax));
    let (p50, p99, max) = (percentile(&mut took, 0.5), percentile(&mut took, 0.99), percentile(&mut took, 1.0));
    println!("| publish to feed | {:.2} | {:.2} | {:.2} |", ms(p50), ms(p99), ms(max));
    println!("| ratio | {:.2} | {:.2} | {:.2} |", ms(p50) / ms(s50), ms(p99) / ms(s99), ms(max) / ms(smax));
    Ok(())
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

async fn publish(broker: &Broker, sent: &Mutex<BTreeMap<(String, i64), Instant>>) -> anyhow::Result<()> {
    let (client, mut events) = broker.client("publisher", false);
    tokio::spawn(async move { while events.poll().await.is_ok() {} });
    let mut step = tokio::time::interval(Duration::from_micros(1_000_000 / RATE));
    step.set_missed_tick_behavior(MissedTickBehavior::Burst);
    let mut high = vec![false; POINTS];
    for index in 0..RATE * SECONDS {
        step.tick().await;
        let crosses = index % 10 == 0;
        let point =
            usize::try_from(if crosses { index / 10 } else { index })? % (POINTS / 2) + if crosses { 0 } else { POINTS / 2 };
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
