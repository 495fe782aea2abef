//! What cannot be read: counted, kept with its reason, and never in the way of what comes after it (traps 3, 11).

use std::collections::BTreeMap;
use std::time::Duration;

use harness::{Davy, Feed, Mosquitto, Publisher, Store, dead_letters, micros, run_with, samples, until, until_within};
use wire::v1::event::Body;

use crate::sites::{TOPIC, message, now_ms, plain, site};

const STRANGER: &str = "davy/v1/rugang/e01/nobody/telemetry";

/// Topic, payload, the word that must name it.
fn poisons(now: i64) -> Vec<(&'static str, Vec<u8>, &'static str)> {
    let deep = "[".repeat(10_000) + &"]".repeat(10_000);
    let values = |ts: &str, value: &str| format!("{{\"ts\":{ts},\"values\":{{\"n\":{value}}}}}").into_bytes();
    let now = now.to_string();
    vec![
        (TOPIC, values(&now, "Infinity"), "not_a_number"),
        (TOPIC, values(&now, "1e999"), "not_a_number"),
        (TOPIC, values(&now, "\"high\""), "wrong_type"),
        (TOPIC, format!("{{\"ts\":{now},\"values\":7}}").into_bytes(), "wrong_type"),
        (TOPIC, b"42".to_vec(), "not_json"),
        (TOPIC, b"{\"ts\":".to_vec(), "not_json"),
        (TOPIC, deep.clone().into_bytes(), "wrong_type"),
        (TOPIC, values(&now, &deep), "wrong_type"),
        (TOPIC, Vec::new(), "empty"),
        (TOPIC, b"{\"values\":{\"n\":\xff\xfe}}".to_vec(), "invalid_utf8"),
        (TOPIC, values("1000", "1"), "time_out_of_range"),
        (TOPIC, values("4294967295000", "1"), "time_out_of_range"),
        (TOPIC, values("\"yesterday\"", "1"), "bad_time"),
        (STRANGER, values(&now, "1"), "unknown_gateway"),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn each_poison_is_kept_with_its_reason_and_stops_nothing() {
    let broker = Mosquitto::start(Store::None).await;
    let davy = Davy::start(&site(&[plain("n"), plain("good")]), &broker.url()).await;
    let feed = Feed::follow(davy.addresses());
    let mut gateway = Publisher::connect(broker.port(), "gw1");
    let (grpc, now) = (davy.grpc(), now_ms());
    let poisons = poisons(now);
    let unknown_tag = message(now, "nameless", 1.0);
    let five_mib = vec![b' '; 5 << 20];
    let sent = poisons.iter().map(|it| (it.0, it.1.clone())).chain([(TOPIC, unknown_tag.into_bytes()), (TOPIC, five_mib)]);
    for (index, (topic, payload)) in sent.enumerate() {
        gateway.publish(topic, payload).await;
        let ms = now - 60_000 + i64::try_from(index).expect("small");
        gateway.publish(TOPIC, message(ms, "good", 1.0)).await;
        let arrived = async || (samples(&grpc, &["good"]).await.len() > index).then_some(());
        until_within(Duration::from_secs(10), &format!("the good one after poison {index} arrives"), arrived).await;
    }

    let kept = until("every poison is kept", async || {
        let kept = dead_letters(&grpc).await;
        (kept.iter().map(|letter| letter.count).sum::<u64>() >= poisons.len() as u64).then_some(kept)
    })
    .await;
    let mut wanted: Vec<_> = poisons.iter().map(|it| (it.0, it.2, it.1.as_slice())).collect();
    let mut told: Vec<_> = kept.iter().map(|it| (it.topic.as_str(), it.reason.as_str(), &it.payload[..])).collect();
    wanted.sort_unstable();
    told.sort_unstable();
    for (one, other) in told.iter().zip(&wanted) {
        assert_eq!((one.0, one.1), (other.0, other.1), "{}", String::from_utf8_lossy(&one.2[..one.2.len().min(100)]));
        assert_eq!(one.2, other.2, "the payload is kept as it came");
    }
    assert_eq!(told.len(), wanted.len());
    assert!(kept.iter().all(|letter| !letter.detail.is_empty() && letter.at.is_some()), "each with a cure and a time");
    nothing_unreadable_was_stored(&grpc, now).await;

    let unmapped = feed.first("gateway.unmapped", "").await;
    assert!(matches!(&unmapped.body, Some(Body::UnmappedTags(it)) if it.tags == ["nameless"]), "{unmapped:?}");
    receipt_counts(&broker, poisons.len() - 1).await;
}

/// Of all that poison, only the two infinities leave a row: that the gateway had a value and that it was none.
async fn nothing_unreadable_was_stored(grpc: &str, now: i64) {
    let rows: Vec<_> = samples(grpc, &["n"]).await;
    assert!(rows.iter().all(|row| row.value.is_none()), "{rows:?}");
    assert!(rows.iter().all(|row| micros(row.time.as_ref()) == now * 1_000), "{rows:?}");
}

/// How a gateway's engineer sees it.
async fn receipt_counts(broker: &Mosquitto, refused: usize) {
    let receipt = until("the receipt counts what was refused", async || {
        let mut command = broker.client("mosquitto_sub");
        command.args(["-t", "davy/v1/rugang/e01/gw1/receipt", "-C", "1", "-W", "5"]);
        let text = tokio::task::spawn_blocking(move || run_with(&mut command).out).await.expect("no panic");
        let receipt: serde_json::Value = serde_json::from_str(&text).ok()?;
        (receipt["refused"].as_u64()? >= refused as u64).then_some(receipt)
    });
    let receipt = receipt.await;
    assert_eq!(receipt["refused"].as_u64(), Some(refused as u64), "{receipt}");
    assert_eq!(receipt["unmapped"].as_u64(), Some(1), "{receipt}");
}

const FLOOD: u64 = 20_000;
const FLOOD_BYTES: usize = 4_096;
const GROWTH_MAX: u64 = 16 << 20;

#[tokio::test(flavor = "multi_thread")]
async fn a_flood_of_poison_fills_no_disk() {
    let broker = Mosquitto::start(Store::None).await;
    let davy = Davy::start(&site(&[plain("good")]), &broker.url()).await;
    let mut gateway = Publisher::connect(broker.port(), "gw1");
    let (grpc, before) = (davy.grpc(), davy.disk_bytes());
    for n in 0..FLOOD {
        let payload = format!("{n:0>width$}", width = FLOOD_BYTES).replace('0', "x");
        if n % 2 == 0 {
            gateway.publish(TOPIC, payload).await;
        } else {
            gateway.publish(&format!("davy/v1/rugang/e01/stranger{n}/telemetry"), payload).await;
        }
    }
    gateway.publish(TOPIC, message(now_ms(), "good", 1.0)).await;
    let arrived = async || (samples(&grpc, &["good"]).await.len() == 1).then_some(());
    until_within(Duration::from_secs(60), "the good one behind the flood arrives", arrived).await;
    let letters = until_within(Duration::from_secs(60), "every poison is counted", async || {
        let letters = dead_letters(&grpc).await;
        (letters.iter().map(|letter| letter.count).sum::<u64>() >= FLOOD).then_some(letters)
    })
    .await;
    let counted = letters.iter().map(|letter| letter.count).sum::<u64>();
    assert_eq!(counted, FLOOD, "each counted once");
    let grown = davy.disk_bytes().saturating_sub(before);
    assert!(grown < GROWTH_MAX, "{grown} bytes more for {} letters", letters.len());
    let reasons = letters.iter().fold(BTreeMap::<_, u64>::new(), |mut all, letter| {
        *all.entry(letter.reason.as_str()).or_default() += letter.count;
        all
    });
    assert_eq!(reasons, BTreeMap::from([("not_json", FLOOD / 2), ("unknown_gateway", FLOOD / 2)]));
}

/// Numbers keep their last digit: a limit is compared with what was sent.
#[tokio::test(flavor = "multi_thread")]
async fn numbers_arrive_to_the_last_digit() {
    const NUMBERS: [&str; 10] = [
        "0.1",
        "2726.9999999999995",
        "123.45678901234567",
        "9007199254740993",
        "1.7976931348623157e308",
        "5e-324",
        "0.30000000000000004",
        "-273.15",
        "8.41245361089432e-17",
        "100000000000000000000",
    ];
    let broker = Mosquitto::start(Store::None).await;
    let davy = Davy::start(&site(&[plain("n")]), &broker.url()).await;
    let mut gateway = Publisher::connect(broker.port(), "gw1");
    let (grpc, start) = (davy.grpc(), now_ms() - 60_000);
    for (index, number) in NUMBERS.iter().enumerate() {
        let ts = start + i64::try_from(index).expect("small");
        gateway.publish(TOPIC, format!("{{\"ts\":{ts},\"values\":{{\"n\":{number}}}}}")).await;
    }
    let stored =
        until("all are stored", async || Some(samples(&grpc, &["n"]).await).filter(|it| it.len() >= NUMBERS.len())).await;
    let stored: Vec<_> = stored.iter().map(|sample| sample.value.map(f64::to_bits)).collect();
    let wanted: Vec<_> = NUMBERS.iter().map(|number| number.parse().ok().map(f64::to_bits)).collect();
    assert_eq!(stored, wanted);
}
