//! Could this alarm have fired? A scripted minute seen from outside: the record's gaps are as long as the script made them, and named.

use std::time::Duration;

use harness::{Davy, Mosquitto, Publisher, Store, events, micros, run, samples, until};
use serde_json::Value;

use crate::sites::{TOPIC, level, message, now_ms, site};

/// What the script and the record may differ by.
const NEAR_MS: i64 = 1_000;

/// Sends a level below its limit five times a second until a moment; when the first and the last was sent.
async fn send_until(port: u16, end_ms: i64) -> (i64, i64) {
    send_with_clock(port, end_ms, 0).await
}

/// The same with a clock that is ahead.
async fn send_with_clock(port: u16, end_ms: i64, ahead_ms: i64) -> (i64, i64) {
    let mut gateway = Publisher::connect(port, "gw1");
    let mut pace = tokio::time::interval(Duration::from_millis(200));
    let (first, mut last) = (now_ms(), 0);
    while now_ms() < end_ms {
        pace.tick().await;
        last = now_ms();
        gateway.publish(TOPIC, message(last + ahead_ms, "LT", 50.0)).await;
    }
    gateway.flushed(Duration::from_secs(10)).await;
    (first, last)
}

async fn wait_until(end_ms: i64) {
    until("the moment of the script", async || (now_ms() >= end_ms).then_some(())).await;
}

/// What `davy query supervision` says of the one rule in a period, once the record goes beyond it.
async fn supervision(davy: &Davy, from_ms: i64, to_ms: i64) -> Value {
    let server = format!("http://{}", davy.grpc());
    let time = |ms: i64| wire::format_time(model::Time::from_micros(ms * 1_000));
    let (from, to) = (time(from_ms), time(to_ms));
    until("the record has come to the end of the script", async || {
        let asked = ["query", "supervision", "--server", &server, "--point", "LT", "--from", &from, "--to", &to, "--json"];
        let line: Value = serde_json::from_str(run(asked).succeeded().lines().next()?).expect("JSON");
        (line["complete_to"].as_str()? >= to.as_str()).then_some(line)
    })
    .await
}

fn millis(time: &Value) -> i64 {
    wire::parse_time(time.as_str().expect("a time")).expect("a time").micros() / 1_000
}

/// The reason, the first and the last moment of each gap, joined where one follows the other.
fn gaps(answer: &Value) -> Vec<(String, i64, i64)> {
    let gaps = answer["gaps"].as_array().expect("gaps").iter();
    let mut gaps: Vec<_> = gaps
        .map(|gap| (gap["reason"].as_str().expect("a reason").to_owned(), millis(&gap["from"]), millis(&gap["to"])))
        .collect();
    gaps.sort_by_key(|gap| gap.1);
    gaps
}

fn assert_near(gaps: &[(String, i64, i64)], reason: &str, (from, to): (i64, i64)) {
    let near = |gap: &&(String, i64, i64)| gap.0 == reason && (gap.1 - from).abs() <= NEAR_MS && (gap.2 - to).abs() <= NEAR_MS;
    assert!(gaps.iter().any(|gap| near(&gap)), "no {reason} from {from} to {to} in {gaps:#?}");
}

/// When the source of MQTT went and came, by the events.
async fn source_times(davy: &Davy, kind: &str) -> Vec<i64> {
    let all = events(&davy.grpc()).await;
    let of_kind = all.iter().filter(|event| event.kind == kind);
    of_kind.map(|event| micros(event.recorded_at.as_ref()) / 1_000).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_scripted_minute_is_exact_to_the_second() {
    let mut broker = Mosquitto::start(Store::None).await;
    let port = broker.port();
    let rule = ["kind = \"high\"\nlimit = 80.0"];
    let text = site(&[level("LT", &rule)]).replace("quantity = \"level\"", "stale_after = \"2s\"\nquantity = \"level\"");
    let mut davy = Davy::start(&text, &broker.url()).await;
    let server = format!("http://{}", davy.grpc());
    let (begin, _) = send_until(port, now_ms() + 2_000).await;

    // Shelved for three seconds, and taken from the shelf by hand.
    run(["alarm", "shelve", "--server", &server, "LT", "high", "--why", "test of the pump", "--until", "10m"]).succeeded();
    let shelved = now_ms();
    send_until(port, shelved + 3_000).await;
    run(["alarm", "unshelve", "--server", &server, "LT", "high"]).succeeded();
    let unshelved = now_ms();
    send_until(port, unshelved + 1_000).await;

    // The broker is gone for four seconds, and every gateway behind it.
    broker.kill();
    let cut = now_ms();
    wait_until(cut + 4_000).await;
    broker.start_again().await;
    until("davy says that the source is back", async || (source_times(&davy, "source.up").await.len() >= 2).then_some(())).await;
    let joined = *source_times(&davy, "source.up").await.last().expect("it came back");
    let (_, killed) = send_until(port, now_ms() + 2_000).await;

    // Davy is killed, and comes back after four seconds.
    davy.kill();
    wait_until(killed + 4_000).await;
    davy.start_again().await;
    let back = now_ms();
    send_until(port, now_ms() + 2_000).await;

    // The gateway's clock is set two minutes ahead, and back after three seconds.
    let (ahead, _) = send_with_clock(port, now_ms() + 3_000, 120_000).await;
    let (right, silent) = send_until(port, now_ms() + 2_000).await;

    // Nothing comes for five seconds, of which the point's patience covers two.
    wait_until(silent + 5_000).await;
    let (heard, end) = send_until(port, now_ms() + 1_000).await;
    let grpc = davy.grpc();
    until("the last sample is stored", async || {
        samples(&grpc, &["LT"]).await.last().is_some_and(|last| micros(last.time.as_ref()) / 1_000 >= end).then_some(())
    })
    .await;

    let answer = supervision(&davy, begin, end).await;
    let gaps = gaps(&answer);
    assert_near(&gaps, "shelved", (shelved, unshelved));
    assert_near(&gaps, "gateway_offline", (cut, joined));
    assert_near(&gaps, "engine_down", (killed, back));
    assert_near(&gaps, "clock_not_trusted", (ahead, right));
    assert_near(&gaps, "stale", (silent + 2_000, heard));
    // What was supervised is what no gap covers.
    let supervised = answer["supervised_us"].as_i64().expect("a number") / 1_000;
    let covered = (unshelved - shelved) + (joined - cut) + (back - killed) + (right - ahead) + (heard - silent - 2_000);
    assert!((supervised - (end - begin - covered)).abs() <= 2 * NEAR_MS, "{supervised} ms of {}; {gaps:#?}", end - begin);
}
