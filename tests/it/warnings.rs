//! A warning with real processes: an alarm opens it, Davy is killed while deadlines run, and what is late is said exactly once.

use std::time::Duration;

use harness::{Davy, Feed, Publisher, micros, run, until_within};
use wire::v1::event::Body;
use wire::v1::{self, WarningChange};

use crate::sites::{Point, TOPIC, level, message, now_ms, site};

const WITHIN: Duration = Duration::from_secs(60);

/// The enterprise has eight seconds to say that it has the warning, then the park.
const WARNINGS: &str = r#"
[[department]]
id = "office"
name = "园区管委会"
kind = "park"
park = "rugang"

[[warning]]
id = "level"
name = "液位预警"
colour = "orange"
when = { kinds = ["high"], per = "point" }
addressees = { enterprise = ["enterprise"], park = ["office"] }
action = "stop the feed"
deadlines = { received = "8s", responded = "1h" }
"#;

fn warned_site() -> String {
    let alarm = ["kind = \"high\"\nlimit = 80.0"];
    let points: [Point<'_>; 2] = [level("a", &alarm), level("b", &alarm)];
    site(&points) + WARNINGS
}

fn change(event: &v1::Event) -> Option<&WarningChange> {
    match &event.body {
        Some(Body::Warning(change)) => Some(change),
        _ => None,
    }
}

/// What was said of the warning about a point: the kind, and who did it or is late.
fn story(events: &[v1::Event], subject: &str) -> Vec<(String, String)> {
    let own = events.iter().filter(|event| event.subject == subject);
    own.filter_map(|event| Some((event.kind.clone(), change(event)?.department.clone()))).collect()
}

fn davy(davy: &Davy, words: &[&str]) -> harness::Run {
    run([words, &["--server", &format!("http://{}", davy.grpc())]].concat())
}

#[tokio::test(flavor = "multi_thread")]
async fn deadlines_survive_kills_and_an_answer_stops_the_escalation() {
    let mut plant = Davy::embedded(&warned_site(), &[]);
    plant.start_again().await;
    let feed = Feed::follow(plant.addresses());
    let mut gateway = Publisher::connect(plant.mqtt(), "gw1");
    gateway.publish(TOPIC, message(now_ms(), "a", 90.0)).await;
    gateway.publish(TOPIC, message(now_ms(), "b", 90.0)).await;
    let opened = feed.first("warning.opened", "b").await;
    feed.first("warning.opened", "a").await;
    assert_eq!(change(&opened).expect("a warning").warning, opened.id, "it names itself");
    let told = ["receive", &opened.id, "e01", "--actor", "李工", "--request-id", "r1"];
    let told = |plant: &Davy| davy(plant, &[&["warning"], &told[..]].concat());
    assert!(told(&plant).err.contains("receive accepted"));

    // Killed while the deadlines run; they pass while nobody is there.
    plant.kill();
    let late = micros(opened.recorded_at.as_ref()) / 1_000 + 9_000;
    until_within(WITHIN, "the deadlines have passed", async || (now_ms() > late).then_some(())).await;
    plant.start_again().await;
    feed.first("warning.escalated", "a").await;
    // Once more while the park's own deadline runs.
    plant.kill();
    plant.start_again().await;
    let is_over = |events: &[v1::Event]| (story(events, "a").len() >= 4).then(|| events.to_vec());
    let events = feed.until(WITHIN, "the park is late too", is_over).await;
    let said = |kind: &str, who: &str| (format!("warning.{kind}"), who.to_owned());
    let lifted = [said("opened", ""), said("overdue", "e01"), said("escalated", ""), said("overdue", "office")];
    assert_eq!(story(&events, "a"), lifted, "each once");
    assert_eq!(story(&events, "b"), [said("opened", ""), said("received", "e01")], "what was answered is not late");
    check_shell(&plant, &opened.id, told(&plant)).await;
}

/// The same from a shell: the list, a repeat, a refusal, and the end.
async fn check_shell(plant: &Davy, warning: &str, again: harness::Run) {
    assert!(again.err.contains("receive accepted"), "a repeat of what is on record is answered: {}", again.err);
    let lines = davy(plant, &["query", "warnings", "--open", "--json"]).succeeded();
    let listed: Vec<serde_json::Value> = lines.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    let of = |subject: &str| listed.iter().find(|it| it["subject"] == subject).expect("listed").clone();
    assert_eq!((listed.len(), &of("a")["level"], &of("a")["late"]), (2, &"park".into(), &true.into()));
    let step = of("b")["addressees"][0]["steps"][0].clone();
    assert_eq!((&step["actor"], &step["late"]), (&"李工".into(), &false.into()));
    let close = ["warning", "close", warning, "e01", "--text", "阀门已关"];
    let refused = davy(plant, &close);
    assert!(refused.code() == 1 && refused.err.contains("name the events that show it"), "{refused:?}");
    davy(plant, &[&close[..], &["--evidence", warning]].concat()).succeeded();
    let left = davy(plant, &["query", "warnings", "--open", "--json"]).succeeded();
    assert_eq!(left.lines().count(), 1, "{left}");
    let feed = Feed::follow(plant.addresses());
    let closed = feed.first("warning.closed", "b").await;
    assert_eq!(change(&closed).map(|it| it.text.as_str()), Some("阀门已关"));
}
