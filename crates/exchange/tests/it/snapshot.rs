//! Feeds that start with what is active.

use std::sync::Arc;

use exchange::Config;
use journal::Journal as _;
use model::{AlarmState, Event, EventBody, EventId, Priority, Transition, WarningChange, WarningRuleId, WarningTransition};
use wire::v1::StartPosition::{Latest, Snapshot};
use wire::{Cursor, v1};

use crate::mem::MemJournal;
use crate::server::{after, from, put, raise, serve, serve_with, subjects, transition};

async fn three_open() -> Arc<MemJournal> {
    let journal = MemJournal::new();
    put(&*journal, vec![raise("a"), raise("gone"), raise("b")]).await;
    put(&*journal, vec![transition("gone", "e01", Priority::High, Transition::Closed)]).await;
    put(&*journal, vec![transition("c", "e02", Priority::High, Transition::Raised)]).await;
    journal
}

#[tokio::test]
async fn what_is_active_comes_first_then_what_comes() {
    let journal = three_open().await;
    let mut served = serve(Arc::clone(&journal) as _).await;
    let mut feed = served.at(Snapshot).await;
    let active = feed.events(3).await;
    assert_eq!(subjects(&active), ["a", "b", "c"]);
    assert!(active.iter().all(|it| it.snapshot));
    assert_eq!(active[1].id, "0000000000000007-engine/1-1-2", "recorded events keep their names");
    let plain = feed.heartbeat().await;
    assert_eq!(active[2].cursor, plain);
    put(&*journal, vec![raise("d")]).await;
    let next = feed.event().await;
    assert!(next.subject == "d" && !next.snapshot);
    assert_eq!(served.after(&plain).await.event().await, next);
}

#[tokio::test]
async fn a_cut_in_the_middle_of_a_snapshot_begins_it_anew() {
    let journal = three_open().await;
    let mut served = serve(Arc::clone(&journal) as _).await;
    let active = served.at(Snapshot).await.events(3).await;
    // What opens after the cut is in the snapshot that begins anew: nothing is missed.
    put(&*journal, vec![raise("d")]).await;
    for cut in &active[..2] {
        assert!(Cursor::decode(&cut.cursor).expect("a cursor").in_snapshot);
        let mut again = served.after(&cut.cursor).await;
        assert_eq!(subjects(&again.events(4).await), ["a", "b", "c", "d"]);
        again.heartbeat().await;
    }
    let rest = served.after(&active[2].cursor).await.event().await;
    assert!(rest.subject == "d" && !rest.snapshot);
}

#[tokio::test]
async fn a_snapshot_of_nothing_is_a_heartbeat() {
    let mut served = serve(MemJournal::new()).await;
    let cursor = served.at(Snapshot).await.heartbeat().await;
    assert!(!Cursor::decode(&cursor).expect("a cursor").in_snapshot);
    served.after(&cursor).await.heartbeat().await;
}

#[tokio::test]
async fn a_snapshot_is_filtered_like_the_feed() {
    let mut served = serve(three_open().await).await;
    let filter = v1::EventFilter { enterprises: vec!["e02".to_owned()], ..v1::EventFilter::default() };
    let request = v1::SubscribeRequest { filter: Some(filter), ..from(Snapshot) };
    let mut feed = served.subscribe(request.clone()).await.expect("subscribes");
    assert_eq!(feed.event().await.subject, "c");
    let cursor = feed.heartbeat().await;
    let resumed = v1::SubscribeRequest { filter: request.filter, ..after(&cursor) };
    assert!(served.subscribe(resumed).await.is_ok());
}

/// An alarm that is hidden while normal: no occurrence is open.
fn hidden(subject: &str, kind: Transition, state: AlarmState) -> Event {
    let mut event = transition(subject, "e01", Priority::High, kind);
    let EventBody::Alarm(alarm) = &mut event.body else { panic!("an alarm") };
    (alarm.state, alarm.occurrence, alarm.activation) = (state, None, 0);
    event
}

#[tokio::test]
async fn hidden_alarms_are_active_until_they_are_normal() {
    let journal = MemJournal::new();
    put(&*journal, vec![hidden("a", Transition::Shelved, AlarmState::Shelved), raise("b")]).await;
    put(&*journal, vec![hidden("b", Transition::OutOfService, AlarmState::OutOfService)]).await;
    put(&*journal, vec![hidden("c", Transition::Suppressed, AlarmState::Suppressed)]).await;
    put(&*journal, vec![hidden("c", Transition::Unsuppressed, AlarmState::Normal)]).await;
    let mut served = serve(Arc::clone(&journal) as _).await;
    let kinds = |events: &[v1::Event]| events.iter().map(|it| it.kind.clone()).collect::<Vec<_>>();
    let filter = v1::EventFilter { kinds: vec!["alarm.*".to_owned()], ..v1::EventFilter::default() };
    let mut feed = served.subscribe(v1::SubscribeRequest { filter: Some(filter), ..from(Snapshot) }).await.expect("subscribes");
    let active = feed.events(3).await;
    assert_eq!(subjects(&active), ["a", "b", "b"], "why it is hidden comes with what is hidden");
    assert_eq!(kinds(&active), ["alarm.shelved", "alarm.raised", "alarm.out_of_service"]);
    feed.heartbeat().await;
    put(&*journal, vec![hidden("a", Transition::Unshelved, AlarmState::Normal)]).await;
    assert_eq!(feed.event().await.kind, "alarm.unshelved");
    served.stop().await;
    // After a restart the list comes out of its snapshot again.
    journal.trim(journal::JournalId::Events, 6);
    let mut again = serve(Arc::clone(&journal) as _).await;
    assert_eq!(kinds(&again.at(Snapshot).await.events(2).await), ["alarm.raised", "alarm.out_of_service"]);
}

/// Events about one warning, by the id of what opened it.
fn about(warning: Option<&str>, change: WarningTransition, text: &str) -> Event {
    let rule = WarningRuleId::new("gas").expect("valid");
    let said =
        WarningChange { warning: warning.and_then(EventId::parse), text: text.to_owned(), ..WarningChange::new(change, rule) };
    Event { body: EventBody::Warning(Box::new(said)), ..raise("p") }
}

#[tokio::test]
async fn open_warnings_are_active_with_all_that_was_said_of_them() {
    let journal = MemJournal::new();
    put(&*journal, vec![about(None, WarningTransition::Opened, ""), about(None, WarningTransition::Opened, ""), raise("a")])
        .await;
    let [one, other] = [0, 1].map(|ordinal| format!("0000000000000007-engine/1-1-{ordinal}"));
    put(&*journal, vec![about(Some(&one), WarningTransition::Received, "")]).await;
    put(&*journal, vec![about(Some(&one), WarningTransition::Refused, "no such step")]).await;
    for n in 0..100 {
        put(&*journal, vec![about(Some(&other), WarningTransition::Responded, &n.to_string())]).await;
    }
    let mut served = serve(Arc::clone(&journal) as _).await;
    let told = |events: &[v1::Event]| {
        let one_line = |event: &v1::Event| match &event.body {
            Some(v1::event::Body::Warning(change)) => (event.kind.clone(), change.warning.clone(), change.text.clone()),
            _ => (event.kind.clone(), String::new(), String::new()),
        };
        events.iter().map(one_line).collect::<Vec<_>>()
    };
    let line = |kind: &str, warning: &String, text: &str| (kind.to_owned(), warning.clone(), text.to_owned());
    let mut wanted = vec![
        line("warning.opened", &one, ""),
        line("warning.opened", &other, ""),
        line("alarm.raised", &String::new(), ""),
        line("warning.received", &one, ""),
    ];
    wanted.extend((0..100).map(|n| line("warning.responded", &other, &n.to_string())));
    assert_eq!(told(&served.at(Snapshot).await.opening().await), wanted);
    let filter = v1::EventFilter { kinds: vec!["warning.opened".to_owned()], ..v1::EventFilter::default() };
    let request = v1::SubscribeRequest { filter: Some(filter), ..from(Snapshot) };
    assert_eq!(served.subscribe(request).await.expect("subscribes").opening().await.len(), 2, "filtered like the feed");
    // One more pushes out the oldest that was said of it, never its opening.
    put(&*journal, vec![about(Some(&other), WarningTransition::Responded, "100")]).await;
    wanted.remove(4);
    wanted.push(line("warning.responded", &other, "100"));
    assert_eq!(told(&served.at(Snapshot).await.opening().await), wanted);
    served.stop().await;
    // After a restart they come out of the snapshot again.
    journal.trim(journal::JournalId::Events, 104);
    let mut again = serve(Arc::clone(&journal) as _).await;
    assert_eq!(told(&again.at(Snapshot).await.opening().await), wanted);
    put(&*journal, vec![about(Some(&other), WarningTransition::Closed, "over")]).await;
    wanted.retain(|(_, warning, _)| *warning != other);
    assert_eq!(told(&again.at(Snapshot).await.opening().await), wanted, "what is closed is not active");
}

#[tokio::test]
async fn the_list_survives_a_restart_by_its_snapshot() {
    let journal = three_open().await;
    let served = serve(Arc::clone(&journal) as _).await;
    let mut first = served;
    first.at(Snapshot).await.events(3).await;
    first.stop().await;
    // Only the snapshot of the list knows the events that are gone.
    journal.trim(journal::JournalId::Events, 4);
    let mut second = serve(Arc::clone(&journal) as _).await;
    assert_eq!(subjects(&second.at(Snapshot).await.events(3).await), ["a", "b", "c"]);
}

/// All snapshots of the process share one disk: those of 256 partitions may be before this one.
#[tokio::test]
async fn a_snapshot_that_takes_long_delays_no_subscription() {
    let journal = MemJournal::new();
    journal.hold_snapshots("exchange/open");
    let config = Config { snapshot_records: 1, ..Config::default() };
    let mut served = serve_with(Arc::clone(&journal) as _, config).await;
    let mut latest = served.at(Latest).await;
    latest.heartbeat().await;
    for (subject, open) in [("a", 1), ("b", 2), ("c", 3)] {
        put(&*journal, vec![raise(subject)]).await;
        let active = served.at(Snapshot).await.events(open).await;
        assert!(active.iter().all(|it| it.snapshot), "{active:?}");
        assert_eq!(active.last().expect("some").subject, subject);
    }
    assert_eq!(journal.snapshots_stuck(), 1, "one at a time, and one was due");
    served.shutdown.request();
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
    assert!(!served.runner.is_finished(), "a stop waits for the snapshot that is being kept");
    journal.let_snapshots_go();
    served.stop().await;
    let key = journal::Key::new("exchange/open").expect("valid");
    let kept = journal.snapshots(&key).await.expect("reads");
    assert_eq!(kept.first().map(|it| it.position.0), Some(3), "the last state is kept at the end");
}
