//! Reports of departments with real processes: on another's feed, the same after kill -9, refused with a reason, and as samples of a point.

use std::time::Duration;

use harness::{Davy, Feed, Run, run, samples, until_within};
use wire::v1::event::Body;
use wire::v1::{self, EventFilter};

use crate::sites::{plain, site};

const WITHIN: Duration = Duration::from_secs(30);

const REPORTED: &str = r#"
[[department]]
id = "office"
name = "园区管委会"
kind = "park"
park = "rugang"

[[department]]
id = "county-emergency"
name = "县应急管理局"
kind = "emergency"

[[point]]
id = "people"
installation = "e01-reactor"
quantity = "headcount"
unit = "1"
source = { mqtt = "rugang/office/reports", tag = "e01-reactor.people" }
"#;

fn report(plant: &Davy, words: &[&str]) -> Run {
    let server = format!("http://{}", plant.grpc());
    run([&["report"], words, &["--actor", "李工", "--server", &server]].concat())
}

/// The id of the event on record, as the command tells it.
fn on_record(run: Run) -> String {
    let err = run.err.clone();
    run.succeeded();
    let (_, id) = err.split_once("on record as ").unwrap_or_else(|| panic!("no event: {err}"));
    id.trim().split(',').next().expect("an id").to_owned()
}

fn said(event: &v1::Event) -> &v1::Report {
    match &event.body {
        Some(Body::Report(report)) => report,
        other => panic!("no report: {other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_report_is_on_anothers_feed_and_the_same_after_a_kill() {
    let mut plant = Davy::embedded(&(site(&[plain("a")]) + REPORTED), &[]);
    plant.start_again().await;
    let filter = EventFilter { kinds: vec!["report.*".to_owned()], parks: vec!["rugang".to_owned()], ..EventFilter::default() };
    let feed = Feed::follow_some(plant.addresses(), filter);
    let pass = ["gate_pass", "--department", "office", "--set", "gate=东门", "--set", "vehicle=苏F12345", "--set", "way=in"];
    let pass = [&pass[..], &["--request-id", "r1"]].concat();
    let id = on_record(report(&plant, &pass));
    let event = feed.first("report.gate_pass", "东门").await;
    assert_eq!((&event.id, said(&event).actor.as_str(), event.park.as_str()), (&id, "李工", "rugang"));

    // Nobody says when it is on disk but the answer: what was answered is there after kill -9.
    let clear =
        ["all_clear", "--department", "county-emergency", "--set", "place=e01-reactor", "--about", &id, "--request-id", "r2"];
    let second = on_record(report(&plant, &clear));
    plant.kill();
    plant.start_again().await;
    assert_eq!(on_record(report(&plant, &pass)), id);
    assert_eq!(on_record(report(&plant, &clear)), second);
    let other = report(&plant, &[&pass[..], &["--text", "another"]].concat());
    assert!(other.code() == 1 && other.err.contains("another report"), "{other:?}");
    let event = feed.first("report.all_clear", "e01-reactor").await;
    assert_eq!((&event.id, &said(&event).about, event.installation.as_str()), (&second, &vec![id], "e01-reactor"));

    let refused = report(&plant, &["gate_pass", "--department", "county-emergency", "--set", "gate=东门", "--set", "way=in"]);
    assert!(refused.code() == 1 && refused.err.contains("gate_pass.vehicle"), "{refused:?}");
    let refused = report(
        &plant,
        &["yard", "--department", "county-emergency", "--set", "yard=P1", "--set", "vehicles=1", "--set", "capacity=2"],
    );
    assert!(refused.code() == 1 && refused.err.contains("yard is reported by park"), "{refused:?}");
    assert_eq!(report(&plant, &["yard", "--department", "office", "--set", "yard=P1"]).code(), 2, "it cannot even be sent");
    head_counts(&plant, &feed).await;
}

/// Samples of a point; only what changes between somebody and nobody is an event.
async fn head_counts(plant: &Davy, feed: &Feed) {
    let count = |people: &str| {
        let people = format!("people={people}");
        report(plant, &["head_count", "--department", "office", "--set", "place=e01-reactor", "--set", &people])
    };
    for (people, news) in [("7", true), ("9", false), ("0", true)] {
        let told = count(people);
        assert!(told.err.contains("taken as a sample") && told.err.contains("on record") == news, "{told:?}");
    }
    let stored = until_within(WITHIN, "the samples are in the history", async || {
        let stored = samples(&plant.grpc(), &["people"]).await;
        (stored.len() == 3).then_some(stored)
    });
    let values: Vec<_> = stored.await.into_iter().filter_map(|sample| sample.value).collect();
    assert_eq!(values, [7.0, 9.0, 0.0]);
    let both = |events: &[v1::Event]| (events.iter().filter(|it| it.kind == "report.head_count").count() == 2).then_some(());
    feed.until(WITHIN, "both changes are events", both).await;
    assert_eq!(feed.events().len(), 4, "nothing came twice");
}
