//! Could this alarm have fired? A scripted minute seen from outside: the record's gaps are as long as the script made them, and named.

use std::time::Duration;

use harness::{Davy, Mosquitto, Store, run, timestamp, until};
use serde_json::Value;
use wire::v1;

use crate::push::{GATEWAY, Push};
use crate::sites::now_ms;

const SITE: &str = r#"
[[park]]
id = "rugang"
[[enterprise]]
id = "e01"
park = "rugang"
[[installation]]
id = "e01-tank"
enterprise = "e01"
[[point]]
id = "LT"
installation = "e01-tank"
quantity = "level"
unit = "%"
stale_after = "2s"
source = { grpc = "rugang/e01/gw1", tag = "LT" }
[[point.alarm]]
kind = "high"
limit = 80.0
"#;

/// What the script and the record may differ by: half a second to either side of what takes one.
const NEAR_MS: i64 = 1_000;

/// A gateway that sends a level below its limit five times a second.
struct Gateway {
    push: Push,
    sequence: u64,
}

impl Gateway {
    async fn connect(davy: &Davy, sequence: u64) -> Self {
        let grpc = davy.grpc();
        let push = until("the gateway's stream is open", async || Push::open(&grpc).await.ok()).await;
        Self { push, sequence }
    }

    /// Sends until a moment; when the first and the last was acknowledged.
    async fn send_until(&mut self, end_ms: i64) -> (i64, i64) {
        let mut pace = tokio::time::interval(Duration::from_millis(200));
        let (mut first, mut last) = (None, 0);
        while now_ms() < end_ms {
            pace.tick().await;
            self.sequence += 1;
            let value =
                v1::TagValue { tag: "LT".to_owned(), value: Some(v1::tag_value::Value::Number(50.0)), ..Default::default() };
            let (sequence, time) = (self.sequence, Some(timestamp(now_ms() * 1_000)));
            let gateway = GATEWAY.to_owned();
            let request = v1::PushSamplesRequest { gateway, sequence, time, values: vec![value], ..Default::default() };
            self.push.requests.send(request).await.expect("the stream is open");
            while self.push.answers.message().await.expect("an answer").expect("the stream goes on").acknowledged_sequence
                < sequence
            {}
            last = now_ms();
            first.get_or_insert(last);
        }
        (first.expect("something was sent"), last)
    }
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

#[tokio::test(flavor = "multi_thread")]
async fn a_scripted_minute_is_exact_to_the_second() {
    let broker = Mosquitto::start(Store::None).await;
    let mut davy = Davy::start(SITE, &broker.url()).await;
    let server = format!("http://{}", davy.grpc());
    let mut gateway = Gateway::connect(&davy, 0).await;
    let (begin, _) = gateway.send_until(now_ms() + 2_000).await;

    // Shelved for three seconds, and taken from the shelf by hand.
    run(["alarm", "shelve", "--server", &server, "LT", "high", "--why", "test of the pump", "--until", "10m"]).succeeded();
    let shelved = now_ms();
    gateway.send_until(shelved + 3_000).await;
    run(["alarm", "unshelve", "--server", &server, "LT", "high"]).succeeded();
    let unshelved = now_ms();
    let (_, closed) = gateway.send_until(unshelved + 1_000).await;

    // The gateway's link is gone for four seconds.
    let sequence = gateway.sequence;
    drop(gateway);
    wait_until(closed + 4_000).await;
    let mut gateway = Gateway::connect(&davy, sequence).await;
    let (opened, killed) = gateway.send_until(closed + 6_000).await;

    // Davy is killed, and comes back with its gateway after four seconds.
    davy.kill();
    wait_until(killed + 4_000).await;
    davy.start_again().await;
    let mut gateway = Gateway::connect(&davy, gateway.sequence).await;
    let (back, silent) = gateway.send_until(now_ms() + 2_000).await;

    // Nothing comes for five seconds, of which the point's patience covers two.
    wait_until(silent + 5_000).await;
    let (heard, end) = gateway.send_until(now_ms() + 1_000).await;

    let answer = supervision(&davy, begin, end).await;
    let gaps = gaps(&answer);
    assert_near(&gaps, "shelved", (shelved, unshelved));
    assert_near(&gaps, "gateway_offline", (closed, opened));
    assert_near(&gaps, "stale", (silent + 2_000, heard));
    // While Davy is away, and then until its gateway is there again.
    let away: Vec<_> = gaps.iter().filter(|gap| gap.1 + NEAR_MS >= killed && gap.2 <= back + NEAR_MS && gap.1 < back).collect();
    let (first, last) = (away.iter().map(|gap| gap.1).min(), away.iter().map(|gap| gap.2).max());
    assert!(away.iter().any(|gap| gap.0 == "engine_down"), "{gaps:#?}");
    assert!((first.expect("a gap") - killed).abs() <= NEAR_MS && (last.expect("a gap") - back).abs() <= NEAR_MS, "{gaps:#?}");
    // What was supervised is what no gap covers.
    let supervised = answer["supervised_us"].as_i64().expect("a number") / 1_000;
    let covered = (unshelved - shelved) + (opened - closed) + (back - killed) + (heard - silent - 2_000);
    assert!((supervised - (end - begin - covered)).abs() <= 2 * NEAR_MS, "{supervised} ms of {}; {gaps:#?}", end - begin);
}
