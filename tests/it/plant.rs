//! Plant traces through broker, journal and feed: the same transitions as `davy backtest` prints and as the reference computes.

use std::collections::BTreeMap;
use std::process::Stdio;
use std::time::Duration;

use harness::reference::Transition;
use harness::{Davy, Feed, Mosquitto, Store, Trace, data, micros, rules, run, run_with, samples, until};
use wire::v1;
use wire::v1::event::Body;

use crate::sites::{TOPIC, message, now_ms};

/// Comes last and tells that nothing more will.
pub(crate) const SENTINEL: &str = r#"
[[point]]
id = "e01-END"
installation = "e01-reactor"
quantity = "other"
unit = "1"
source = { mqtt = "rugang/e01/gw1", tag = "end" }

  [[point.alarm]]
  kind = "high"
  limit = 1.0
"#;

pub(crate) type ByAlarm = BTreeMap<(String, String), Vec<(String, i64, u32, f64)>>;

fn grouped(transitions: impl IntoIterator<Item = Transition>) -> ByAlarm {
    let mut grouped = ByAlarm::new();
    for it in transitions {
        let kind = if it.raised { "alarm.raised" } else { "alarm.returned" };
        grouped.entry((it.point, it.alarm)).or_default().push((kind.to_owned(), it.at, it.activation, it.value));
    }
    grouped
}

pub(crate) fn computed(site: &str, trace: &Trace) -> ByAlarm {
    grouped(rules(site).into_iter().flat_map(|(tag, rule)| rule.judge(trace.samples(&tag))))
}

pub(crate) fn fed(events: &[v1::Event], end: i64) -> ByAlarm {
    let in_time = events.iter().filter(|event| event.subject != "e01-END" && micros(event.occurred_at.as_ref()) <= end);
    grouped(in_time.filter_map(|event| {
        let Some(Body::Alarm(alarm)) = &event.body else { return None };
        assert!(["alarm.raised", "alarm.returned"].contains(&event.kind.as_str()), "nobody acknowledges here: {event:?}");
        let at = micros(event.occurred_at.as_ref());
        let (point, alarm_id) = (event.subject.clone(), alarm.alarm.clone());
        let value = alarm.value.unwrap_or(f64::NAN);
        Some(Transition { point, alarm: alarm_id, raised: event.kind == "alarm.raised", at, activation: alarm.activation, value })
    }))
}

pub(crate) fn printed(lines: &str) -> ByAlarm {
    grouped(lines.lines().map(|line| {
        let event: serde_json::Value = serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
        assert!(event.get("cursor").is_none() && event.get("recorded_at").is_none(), "{line}");
        let text = |key: &str| event[key].as_str().unwrap_or_else(|| panic!("{key}: {line}")).to_owned();
        let at = wire::parse_time(&text("occurred_at")).expect("RFC 3339").micros();
        let activation = u32::try_from(event["activation"].as_u64().expect("a number")).expect("small");
        let value = event["value"].as_f64().unwrap_or(f64::NAN);
        Transition { point: text("subject"), alarm: text("alarm"), raised: text("kind") == "alarm.raised", at, activation, value }
    }))
}

/// Compares alarm by alarm, so that a failure shows the first difference and not hundreds of lines.
pub(crate) fn assert_same(what: &str, left: &ByAlarm, right: &ByAlarm) {
    assert_eq!(left.keys().collect::<Vec<_>>(), right.keys().collect::<Vec<_>>(), "{what}: other alarms");
    for (alarm, transitions) in left {
        let others = &right[alarm];
        for (index, (one, other)) in transitions.iter().zip(others).enumerate() {
            assert_eq!(one, other, "{what}: transition {index} of {alarm:?}");
        }
        assert_eq!(transitions.len(), others.len(), "{what}: how many transitions of {alarm:?}");
    }
}

async fn lives_as_backtested(name: &str, protocol: &str, at_least: usize) {
    let trace = Trace::read(name).ending_at(now_ms() - 1_000);
    let site = std::fs::read_to_string(data("plant.toml")).expect("the site") + SENTINEL;
    let broker = Mosquitto::start(Store::None).await;
    let davy = Davy::start(&site, &broker.url()).await;
    let feed = Feed::follow(davy.addresses());

    let csv = davy.folder().join("trace.csv");
    std::fs::write(&csv, trace.csv()).expect("the shifted trace can be written");
    let wanted = computed(&std::fs::read_to_string(data("plant.toml")).expect("the site"), &trace);
    let count: usize = wanted.values().map(Vec::len).sum();
    assert!(count >= at_least, "{name} holds only {count} transitions");
    let backtest = run(["backtest".as_ref(), "--site".as_ref(), davy.site().as_os_str(), "--samples".as_ref(), csv.as_os_str()]);
    assert_same("backtest and reference", &printed(&backtest.succeeded()), &wanted);

    let lines = davy.folder().join("messages.jsonl");
    let last = message(now_ms(), "end", 1.0);
    let text: Vec<String> = trace.messages().chain([last]).collect();
    std::fs::write(&lines, text.join("\n") + "\n").expect("the messages can be written");
    let mut publish = broker.client("mosquitto_pub");
    publish.args(["-V", protocol, "-q", "1", "-t", TOPIC, "-l"]).stdout(Stdio::null());
    let published = tokio::task::spawn_blocking(move || {
        let file = std::fs::File::open(lines).expect("the messages");
        publish.stdin(file).status().expect("mosquitto_pub runs")
    });
    assert!(published.await.expect("the publisher does not panic").success());

    let ended = |events: &[v1::Event]| events.iter().any(|event| event.subject == "e01-END").then_some(());
    feed.until(Duration::from_secs(60), "the sentinel's alarm is in the feed", ended).await;
    let live = fed(&feed.transitions(), trace.end());
    assert_same("feed and reference", &live, &wanted);
    let grpc = davy.grpc();
    let stored = async || {
        let stored = samples(&grpc, &["e01-PI-101"]).await;
        (stored.len() >= trace.rows.len()).then_some(stored)
    };
    let stored = until("every sample is stored", stored).await;
    let stored: Vec<_> = stored.iter().map(|it| (micros(it.time.as_ref()), it.value.unwrap_or(f64::NAN))).collect();
    assert_eq!(stored, trace.samples("reactor_pressure").collect::<Vec<_>>(), "stored as sent, once");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_feed_composition_step_alarms_as_backtested() {
    lives_as_backtested("idv01.csv.gz", "mqttv5", 500).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_feed_alarms_as_backtested() {
    lives_as_backtested("idv06.csv.gz", "mqttv311", 500).await;
}

/// Columns that no point claims are named once and skipped; standard output stays clean.
#[test]
fn backtest_reads_the_cut_as_it_lies_there() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let mut command = std::process::Command::new(harness::binary());
    command.current_dir(folder.path()).arg("backtest").arg("--site").arg(data("plant.toml"));
    let trace = Trace::read("idv01.csv.gz");
    let site = std::fs::read_to_string(data("plant.toml")).expect("the site");
    let out = run_with(command.arg("--samples").arg(data("idv01.csv.gz"))).succeeded();
    assert_same("the cut and the reference", &printed(&out), &computed(&site, &trace));
}
