//! JSON at QoS 1 through Mosquitto: Davy (journaled with sync, evaluated, stored) against a bare client that counts and acknowledges
//! from a second task. The same publisher, the same broker, alternated.

use std::time::{Duration, Instant};

use anyhow::Context;
use rumqttc::v5::mqttbytes::QoS;
use rumqttc::v5::{AsyncClient, Event, EventLoop, Incoming};
use tokio::sync::mpsc;

use crate::plant::{Broker, Davy, GATEWAYS, POINTS, message, now_micros};
use crate::stats::median;

const MESSAGES: usize = 200_000;
const ROUNDS: usize = 3;

pub(crate) async fn run() -> anyhow::Result<()> {
    let (mut bare_rates, mut davy_rates) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        bare_rates.push(bare().await?);
        davy_rates.push(davy().await?);
    }
    println!("ingest: {MESSAGES} JSON messages of one sample at QoS 1, Mosquitto with TCP_NODELAY, {ROUNDS} rounds alternated");
    println!("| what | messages/s, each round | median |\n| --- | --- | --- |");
    let (bare, davy) = (median(&mut bare_rates), median(&mut davy_rates));
    println!("| bare client, acks from a second task | {bare_rates:.0?} | {bare:.0} |");
    println!("| davy up: durable (receipts say so), evaluated, stored | {davy_rates:.0?} | {davy:.0} |");
    println!("| ratio | | {:.2} |", davy / bare);
    Ok(())
}

async fn bare() -> anyhow::Result<f64> {
    let folder = tempfile::tempdir_in(".")?;
    let broker = Broker::start(folder.path()).await?;
    let (client, mut events) = broker.client("bare", true);
    client.subscribe("davy/v1/+/+/+/telemetry", QoS::AtLeastOnce).await?;
    let (to_ack, mut acks) = mpsc::channel(8_192);
    let acking = tokio::spawn(async move {
        while let Some(publish) = acks.recv().await {
            if client.ack(&publish).await.is_err() {
                return;
            }
        }
    });
    let (subscribed, mut on_subscribed) = mpsc::channel(1);
    let counting = tokio::spawn(async move {
        let mut count = 0;
        while count < MESSAGES {
            match events.poll().await? {
                Event::Incoming(Incoming::Publish(publish)) => {
                    count += 1;
                    to_ack.send(publish).await?;
                }
                Event::Incoming(Incoming::SubAck(_)) => subscribed.send(()).await?,
                _ => {}
            }
        }
        anyhow::Ok(Instant::now())
    });
    on_subscribed.recv().await.context("subscribe")?;
    let started = publish(&broker).await?;
    let ended = counting.await??;
    acking.abort();
    Ok(rate(ended.duration_since(started)))
}

async fn davy() -> anyhow::Result<f64> {
    let folder = tempfile::tempdir_in(".")?;
    let broker = Broker::start(folder.path()).await?;
    let _davy = Davy::start(folder.path(), broker.port()).await?;
    let (client, mut events) = broker.client("receipts", false);
    client.subscribe("davy/v1/+/+/+/receipt", QoS::AtLeastOnce).await?;
    let receiving = tokio::spawn(async move { all_receipts(&mut events).await });
    let started = publish(&broker).await?;
    let ended = tokio::time::timeout(Duration::from_secs(120), receiving).await.context("wait for the receipts")???;
    Ok(rate(ended.duration_since(started)))
}

/// Until the receipts of all gateways add up; they come once a second, so the end is up to a second late.
async fn all_receipts(events: &mut EventLoop) -> anyhow::Result<Instant> {
    let mut counts = std::collections::BTreeMap::new();
    loop {
        let Event::Incoming(Incoming::Publish(publish)) = events.poll().await? else { continue };
        let text = std::str::from_utf8(&publish.payload)?;
        let count =
            text.split("\"messages\":").nth(1).and_then(|rest| rest.split([',', '}']).next()?.trim().parse::<usize>().ok());
        counts.insert(publish.topic.clone(), count.unwrap_or(0));
        if counts.values().sum::<usize>() >= MESSAGES && counts.len() == GATEWAYS {
            return Ok(Instant::now());
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "a rate")]
fn rate(took: Duration) -> f64 {
    MESSAGES as f64 / took.as_secs_f64()
}

/// Publishes everything as fast as the broker takes it; gives back when it began.
async fn publish(broker: &Broker) -> anyhow::Result<Instant> {
    let (client, mut events): (AsyncClient, EventLoop) = broker.client("publisher", false);
    tokio::spawn(async move { while events.poll().await.is_ok() {} });
    let first = now_micros();
    let started = Instant::now();
    for index in 0..MESSAGES {
        let (round, point) = (index / POINTS, index % POINTS);
        let value = if round % 50 == 49 { 85.0 } else { 50.0 };
        // Each sample has a time of its own, never ahead of the clock.
        let (topic, payload) = message(point, first - 1_000_000 + i64::try_from(round).unwrap_or(0) * 1_000, value);
        client.publish(topic, QoS::AtLeastOnce, false, payload).await?;
    }
    Ok(started)
}
