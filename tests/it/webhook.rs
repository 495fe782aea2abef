//! Webhooks with real processes: a foreign receiver takes what Davy posts, through kills of both, and misses nothing (traps 45, 48).

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use harness::foreign::python;
use harness::{Davy, Feed, Port, Process, Publisher, until, until_within};
use serde_json::Value;

use crate::sites::{TOPIC, level, message, now_ms, site};

const SECRET: &str = "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=";

/// Rounds of raise and return, of each point.
const ROUNDS: usize = 30;

/// Events of a round.
const EVENTS: usize = 6;

const LONG: Duration = Duration::from_secs(90);

/// The platform, on a port that it keeps over a restart.
async fn platform(port: &Port, fail: u32) -> Process {
    let mut command = python(".venv-formats", "tests/foreign/webhook_server.py");
    command.args(["--secret", SECRET, "--fail", &fail.to_string(), "--port", &port.number().to_string()]);
    let process = Process::start("platform", &mut command);
    let listens = until("the platform listens", async || process.out().first()?.parse::<u16>().ok()).await;
    assert_eq!(listens, port.number());
    process
}

/// What it took: id, type, subject.
fn taken(platform: &Process) -> Vec<(String, String, String)> {
    let word = |event: &Value, key: &str| event[key].as_str().expect("a text").to_owned();
    let lines = platform.out();
    let events = lines.iter().skip(1).map(|line| serde_json::from_str::<Value>(line).expect("JSON"));
    events.map(|event| (word(&event, "id"), word(&event, "type"), word(&event, "subject"))).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_foreign_receiver_misses_nothing_through_kills() {
    let port = Port::take();
    let mut receiver = platform(&port, 17).await;
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (secret, settings) = (folder.path().join("secret"), folder.path().join("davy.toml"));
    std::fs::write(&secret, SECRET).expect("a file");
    let text = format!(
        "[[webhook]]\nname = \"city\"\nurl = \"http://127.0.0.1:{}/in\"\nsecret-file = \"{}\"\nkinds = [\"alarm.*\"]\n",
        port.number(),
        secret.display()
    );
    std::fs::write(&settings, text).expect("a file");
    let rule = ["kind = \"high\"\nlimit = 80.0"];
    let points = [level("a", &rule), level("b", &rule), level("c", &rule)];
    let mut davy = Davy::embedded(&site(&points), &["--config", settings.to_str().expect("text")]);
    davy.start_again().await;
    let feed = Feed::follow(davy.addresses());
    let base = now_ms() - 600_000;
    let mut told = Vec::new();
    for round in 0..ROUNDS {
        let mut gateway = Publisher::connect(davy.mqtt(), "gw1");
        for (half, value) in [(0, 90.0), (1, 10.0)] {
            for tag in ["a", "b", "c"] {
                let ms = base + i64::try_from(round * 2 + half).expect("small") * 1_000;
                gateway.publish(TOPIC, message(ms, tag, value)).await;
            }
        }
        gateway.flushed(LONG).await;
        // At odd moments one of them is killed.
        match round {
            10 | 20 => {
                davy.kill();
                davy.start_again().await;
            }
            15 => {
                // What failed is tried again after 5 s, 10 s, 15 s …: nothing is to be in between now.
                until_within(LONG, "the platform has taken all so far", async || {
                    let ids: BTreeSet<String> = taken(&receiver).into_iter().map(|(id, ..)| id).collect();
                    (ids.len() >= (round + 1) * EVENTS).then_some(())
                })
                .await;
                told.extend(taken(&receiver));
                drop(receiver);
                receiver = platform(&port, 0).await;
            }
            _ => {}
        }
    }
    let returned = ROUNDS * 3;
    let is_all = |events: &[wire::v1::Event]| {
        let count = events.iter().filter(|event| event.kind == "alarm.returned").count();
        (count == returned).then(|| events.iter().filter(|event| event.kind.starts_with("alarm.")).cloned().collect::<Vec<_>>())
    };
    let events = feed.until(LONG, "every alarm has returned", is_all).await;
    let wanted: BTreeSet<&str> = events.iter().map(|event| event.id.as_str()).collect();
    let all = until_within(LONG, "the platform has taken every event", async || {
        let all = [told.clone(), taken(&receiver)].concat();
        let ids: BTreeSet<&str> = all.iter().map(|(id, ..)| id.as_str()).collect();
        ids.is_superset(&wanted).then(|| all.clone())
    })
    .await;
    in_order(&all, &events);
}

/// Of each subject, what came first of each event is in the order of the feed, and nothing else came.
fn in_order(taken: &[(String, String, String)], events: &[wire::v1::Event]) {
    let mut seen = BTreeSet::new();
    let mut by_subject: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (id, kind, subject) in taken {
        assert!(kind.starts_with("davy.alarm.") && kind.ends_with(".v1"), "{kind}");
        if seen.insert(id.as_str()) {
            by_subject.entry(subject.as_str()).or_default().push(id.as_str());
        }
    }
    for (subject, ids) in by_subject {
        let fed: Vec<&str> = events.iter().filter(|event| event.subject == subject).map(|event| event.id.as_str()).collect();
        assert_eq!(ids, fed, "{subject}");
    }
}
