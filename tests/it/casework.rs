//! A joint case and an incident with real processes: Davy is killed while their clocks run, and what is late is said exactly once.

use std::time::Duration;

use harness::{Davy, Feed, Publisher, Run, micros, run, until_within};
use wire::v1;
use wire::v1::event::Body;

use crate::sites::{Point, TOPIC, level, message, now_ms, site};

const WITHIN: Duration = Duration::from_secs(60);

const DEPARTMENTS: &str = r#"
[[department]]
id = "county-emergency"
name = "应急管理局"
kind = "emergency"

[[department]]
id = "county-transport"
name = "交通运输局"
kind = "transport"
"#;

fn case_site() -> String {
    let alarm = ["kind = \"high\"\nlimit = 80.0"];
    let points: [Point<'_>; 1] = [level("a", &alarm)];
    site(&points) + DEPARTMENTS
}

fn davy(davy: &Davy, words: &[&str]) -> Run {
    run([words, &["--server", &format!("http://{}", davy.grpc())]].concat())
}

/// The id that an accepted command names: `case ID: open accepted ...`.
fn named(run: &Run) -> String {
    assert!(run.err.contains("accepted"), "{run:?}");
    let line = run.err.lines().find(|line| line.contains("accepted")).expect("told");
    line.split(": ").next().and_then(|head| head.split(' ').next_back()).expect("an id").to_owned()
}

/// The kinds of what was said of cases and incidents, each with whom or which duty it is about.
fn story(events: &[v1::Event]) -> Vec<(String, String)> {
    let about = |event: &v1::Event| match &event.body {
        Some(Body::Case(change)) => Some(change.department.clone()),
        Some(Body::Incident(change)) => Some(change.duty.clone()),
        _ => None,
    };
    events.iter().filter_map(|event| Some((event.kind.clone(), about(event)?))).collect()
}

fn count(events: &[v1::Event], kind: &str) -> usize {
    events.iter().filter(|event| event.kind == kind).count()
}

#[tokio::test(flavor = "multi_thread")]
async fn clocks_of_cases_and_incidents_survive_kills() {
    let mut plant = Davy::embedded(&case_site(), &[]);
    plant.start_again().await;
    let feed = Feed::follow(plant.addresses());
    let mut gateway = Publisher::connect(plant.mqtt(), "gw1");
    gateway.publish(TOPIC, message(now_ms(), "a", 90.0)).await;
    let alarm = feed.first("alarm.raised", "a").await;

    let open = ["case", "open", "county-emergency", "--title", "装载量与库存不符", "--enterprise", "e01", "--actor", "李"];
    let tasks =
        ["--task", "county-transport@8s=查运单", "--task", "e01@24h=查台账", "--evidence", &alarm.id, "--request-id", "c1"];
    let opened = davy(&plant, &[&open[..], &tasks].concat());
    let case = named(&opened);
    let again = davy(&plant, &[&open[..], &tasks].concat());
    assert_eq!(named(&again), case, "a repeat is answered and changes nothing");
    // Known for 892 s: the quarter of an hour for the police is over in eight.
    let declare = ["incident", "declare", "e01", "--what", "loss-or-theft", "--title", "氰化钠丢失", "--enterprise", "e01"];
    let when = ["--known-at", "892s", "--about", &alarm.id, "--actor", "陈", "--request-id", "i1"];
    let incident = named(&davy(&plant, &[&declare[..], &when].concat()));
    davy(&plant, &["case", "answer", &case, "e01", "--text", "台账已查", "--actor", "陈"]).succeeded();

    // Killed while the clocks run; they run out while nobody is there.
    plant.kill();
    let declared = feed.first("incident.declared", "e01").await;
    let late = micros(declared.recorded_at.as_ref()) / 1_000 + 9_000;
    until_within(WITHIN, "the clocks have run out", async || (now_ms() > late).then_some(())).await;
    plant.start_again().await;
    feed.first("case.overdue", "e01").await;
    feed.first("incident.overdue", "e01").await;
    plant.kill();
    plant.start_again().await;

    let answer = ["case", "answer", &case, "county-transport", "--text", "运单已补", "--actor", "吴"];
    davy(&plant, &answer).succeeded();
    let notify = ["incident", "notify", &incident, "e01", "--duty", "loss-to-police", "--how", "电话", "--actor", "陈"];
    davy(&plant, &notify).succeeded();
    let is_closed = |events: &[v1::Event]| {
        (count(events, "case.closed") > 0 && count(events, "incident.notified") > 0).then(|| events.to_vec())
    };
    let events = feed.until(WITHIN, "all have answered", is_closed).await;
    let mut wanted = vec![
        ("case.opened", ""),
        ("incident.declared", ""),
        ("incident.reminder", "loss-to-police"),
        ("case.answered", "e01"),
        ("case.overdue", "county-transport"),
        ("incident.overdue", "loss-to-police"),
        ("case.answered", "county-transport"),
        ("case.closed", ""),
        ("incident.notified", "loss-to-police"),
    ];
    let mut said = story(&events);
    said.sort();
    wanted.sort_unstable();
    assert_eq!(
        said,
        wanted.into_iter().map(|(kind, about)| (kind.to_owned(), about.to_owned())).collect::<Vec<_>>(),
        "each once"
    );
    check_shell(&plant, &incident);
}

/// The same from a shell: lists, the record, the duty book, a refusal.
fn check_shell(plant: &Davy, incident: &str) {
    let cases = davy(plant, &["query", "cases"]).succeeded();
    assert!(cases.contains("closed") && cases.contains("answered late"), "{cases}");
    assert_eq!(davy(plant, &["query", "cases", "--open", "--json"]).succeeded(), "");
    let listed = davy(plant, &["query", "incidents", "--open"]).succeeded();
    assert!(listed.contains("loss_or_theft 丢失被盗") && listed.contains("LATE"), "{listed}");
    let seen = ["duty", "seen", "county-emergency", "--event", incident, "--actor", "孙"];
    davy(plant, &seen).succeeded();
    let roster = "孙,值班员,2026-01-01T00:00:00Z,2026-01-02T00:00:00Z";
    davy(plant, &["duty", "roster", "county-emergency", "--shift", roster]).succeeded();
    let on_duty = davy(plant, &["query", "duty", "--at", "2026-01-01T12:00:00Z"]).succeeded();
    assert!(on_duty.contains("值班员 孙"), "{on_duty}");
    let over =
        ["duty", "hand-over", "county-emergency", "--to", "钱", "--text", "丢失未结", "--event", incident, "--actor", "孙"];
    let run = davy(plant, &over);
    let hand_over = run.err.lines().find_map(|line| line.split("on record as ").nth(1)).expect("an id").to_owned();
    let refused = davy(plant, &["duty", "confirm", "county-emergency", &hand_over, "--actor", "孙"]);
    assert!(refused.code() == 1 && refused.err.contains("钱 has to take over"), "{refused:?}");
    davy(plant, &["duty", "confirm", "county-emergency", &hand_over, "--actor", "钱"]).succeeded();
    let record = davy(plant, &["query", "incident", incident]).succeeded();
    let kinds = ["alarm.raised", "incident.declared", "incident.overdue", "incident.notified", "duty.seen", "duty.handed_over"];
    let places: Vec<_> = kinds.iter().map(|kind| record.find(kind).unwrap_or_else(|| panic!("{kind}: {record}"))).collect();
    assert!(places.is_sorted(), "in the order of time: {record}");
    let close = ["incident", "close", incident, "e01", "--text", "已找回"];
    davy(plant, &close).succeeded();
}
