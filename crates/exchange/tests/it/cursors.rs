//! Resuming, and the ways out where that is not possible (traps 50 to 52).

use std::sync::Arc;
use std::time::Duration;

use journal::JournalId;
use model::{Epoch, Position, Priority, Transition};
use tonic::Code;
use wire::v1::StartPosition::{Earliest, Latest, Snapshot};
use wire::{Cursor, FilterBinding, v1};

use crate::mem::{EPOCH, MemJournal};
use crate::server::{after, facts, from, put, raise, serve, serve_with, subjects, transition};

#[tokio::test]
async fn a_feed_resumes_after_every_event_of_every_record() {
    let journal = MemJournal::new();
    for (record, size) in [3, 1, 4].into_iter().enumerate() {
        put(&*journal, (0..size).map(|it| raise(&format!("p{record}-{it}"))).collect()).await;
    }
    let mut served = serve(Arc::clone(&journal) as _).await;
    let all = served.at(Earliest).await.events(8).await;
    assert_eq!(subjects(&all), ["p0-0", "p0-1", "p0-2", "p1-0", "p2-0", "p2-1", "p2-2", "p2-3"]);
    assert_eq!(all[5].id, "0000000000000007-engine/1-3-1");
    let mut feeds = Vec::new();
    for (seen, event) in all.iter().enumerate() {
        let mut resumed = served.after(&event.cursor).await;
        assert_eq!(resumed.events(7 - seen).await, all[seen + 1..], "after {seen}");
        feeds.push(resumed);
    }
    put(&*journal, vec![raise("next")]).await;
    for mut feed in feeds {
        assert_eq!(feed.event().await.subject, "next", "and nothing else before it");
    }
}

#[tokio::test]
async fn a_filter_lets_through_what_it_names_and_binds_the_cursor() {
    let journal = MemJournal::new();
    let events = vec![
        transition("a", "e01", Priority::Low, Transition::Raised),
        transition("b", "e02", Priority::Critical, Transition::Raised),
        transition("c", "e02", Priority::Low, Transition::Returned),
        transition("d", "e02", Priority::High, Transition::Returned),
    ];
    put(&*journal, events).await;
    put(&*journal, vec![transition("e", "e02", Priority::Critical, Transition::Raised)]).await;
    let mut served = serve(journal).await;
    let filtered = |kinds: &[&str], enterprises: &[&str], least: v1::Priority| v1::SubscribeRequest {
        filter: Some(v1::EventFilter {
            kinds: kinds.iter().map(|it| (*it).to_owned()).collect(),
            enterprises: enterprises.iter().map(|it| (*it).to_owned()).collect(),
            min_priority: least.into(),
            ..v1::EventFilter::default()
        }),
        ..from(Earliest)
    };
    let cases = [
        (filtered(&["alarm.returned"], &[], v1::Priority::Unspecified), vec!["c", "d"]),
        (filtered(&["alarm.*"], &["e02", "e01", "e02"], v1::Priority::High), vec!["b", "d", "e"]),
        (filtered(&["source.*", "alarm.raised"], &["e02"], v1::Priority::Unspecified), vec!["b", "e"]),
    ];
    for (request, expected) in cases {
        let mut feed = served.subscribe(request.clone()).await.expect("subscribes");
        let events = feed.events(expected.len()).await;
        assert_eq!(subjects(&events), expected);
        feed.heartbeat().await;
        let same = v1::SubscribeRequest { filter: request.filter.clone(), ..after(&events[0].cursor) };
        assert_eq!(served.subscribe(same).await.expect("resumes").events(events.len() - 1).await, events[1..]);
        let refused = served.subscribe(after(&events[0].cursor)).await.err().expect("another filter");
        assert_eq!((refused.code(), facts(&refused).0.as_str()), (Code::OutOfRange, "cursor_filter"));
    }
    // A cursor that stands for a place in the whole journal, as lists give it, goes with any filter.
    let anywhere = Cursor::after(EPOCH, Position(1)).encode();
    let request =
        v1::SubscribeRequest { filter: filtered(&["alarm.*"], &["e02"], v1::Priority::Unspecified).filter, ..after(&anywhere) };
    assert_eq!(served.subscribe(request).await.expect("resumes").event().await.subject, "e");
}

#[tokio::test]
async fn cursors_that_cannot_be_resumed_name_the_way_out() {
    let journal = MemJournal::new();
    for number in 0..10 {
        put(&*journal, vec![raise(&format!("p{number}"))]).await;
    }
    journal.trim(JournalId::Events, 4);
    let mut served = serve(journal).await;
    let filter = Cursor::decode(&served.at(Latest).await.heartbeat().await).expect("a cursor").filter;
    let cases = [
        ("cursor_epoch", Cursor::after(Epoch(8), Position(5))),
        ("cursor_ahead", Cursor::after(EPOCH, Position(11))),
        ("cursor_expired", Cursor::after(EPOCH, Position(2))),
        ("cursor_expired", Cursor { seen: 1, ..Cursor::after(EPOCH, Position(3)) }),
        ("cursor_filter", Cursor { filter: FilterBinding::Hash(1), ..Cursor::after(EPOCH, Position(5)) }),
    ];
    for (reason, cursor) in cases {
        let refused = served.subscribe(after(&cursor.encode())).await.err().expect(reason);
        let (given, facts) = facts(&refused);
        assert_eq!((refused.code(), given.as_str()), (Code::OutOfRange, reason));
        assert!(facts["way_out"].contains("SNAPSHOT") && facts["epoch"] == EPOCH.to_string());
        let mut way_out = served.after(&facts["earliest_cursor"]).await;
        assert_eq!(way_out.event().await.subject, "p3", "the oldest kept");
    }
    assert_eq!(served.after(&Cursor { filter, ..Cursor::after(EPOCH, Position(3)) }.encode()).await.event().await.subject, "p3");
    assert_eq!(served.at(Earliest).await.event().await.subject, "p3");
    let refused = served.subscribe(after("nonsense")).await.err().expect("no cursor");
    assert_eq!(refused.code(), Code::InvalidArgument);
}

#[tokio::test]
async fn a_feed_that_retention_passes_is_told() {
    let journal = MemJournal::new();
    // More than all buffers on the way hold.
    for number in 0..2_000 {
        put(&*journal, vec![raise(&format!("p{number}-{}", "x".repeat(8_000)))]).await;
    }
    let mut served = serve(Arc::clone(&journal) as _).await;
    let mut feed = served.at(Earliest).await;
    assert!(feed.event().await.subject.starts_with("p0-"));
    journal.trim(JournalId::Events, 2_000);
    let refused = loop {
        match feed.item().await {
            Ok(_) => {}
            Err(status) => break status,
        }
    };
    assert_eq!((refused.code(), facts(&refused).0.as_str()), (Code::OutOfRange, "cursor_expired"));
}

#[tokio::test]
async fn a_quiet_feed_beats_with_its_cursor() {
    let journal = MemJournal::new();
    put(&*journal, vec![raise("a")]).await;
    let mut served = serve(Arc::clone(&journal) as _).await;
    let started = tokio::time::Instant::now();
    let mut feed = served.subscribe(v1::SubscribeRequest { heartbeat_seconds: 2, ..from(Latest) }).await.expect("subscribes");
    let first = feed.heartbeat().await;
    assert!(started.elapsed() < Duration::from_millis(1_900), "at once, so that there is a cursor");
    assert_eq!(feed.heartbeat().await, first);
    assert!(started.elapsed() >= Duration::from_millis(1_900));
    put(&*journal, vec![raise("b")]).await;
    assert_eq!(served.after(&first).await.event().await.subject, "b");
    assert_eq!(feed.event().await.subject, "b");
}

#[tokio::test]
async fn a_feed_whose_filter_holds_all_back_gets_bookmarks() {
    let journal = MemJournal::new();
    for _ in 0..300 {
        put(&*journal, (0..10).map(|it| raise(&format!("p{it}"))).collect()).await;
    }
    let mut served = serve(journal).await;
    let filter = v1::EventFilter { kinds: vec!["site.revised".to_owned()], ..v1::EventFilter::default() };
    let mut feed = served
        .subscribe(v1::SubscribeRequest { filter: Some(filter), heartbeat_seconds: 300, ..from(Earliest) })
        .await
        .expect("subscribes");
    let started = tokio::time::Instant::now();
    let position = Cursor::decode(&feed.heartbeat().await).expect("a cursor").position;
    assert!((100..=300).contains(&position.0), "{position:?}");
    assert!(started.elapsed() < Duration::from_secs(5), "long before a heartbeat is due");
}

#[tokio::test]
async fn one_more_feed_than_there_may_be_is_refused() {
    let config = exchange::Config { feeds_max: 1, ..exchange::Config::default() };
    let mut served = serve_with(MemJournal::new(), config).await;
    let mut only = served.at(Latest).await;
    only.heartbeat().await;
    let refused = served.subscribe(from(Latest)).await.err().expect("full");
    assert_eq!(refused.code(), Code::ResourceExhausted);
    drop(only);
    let freed = async {
        while served.subscribe(from(Latest)).await.is_err() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), freed).await.expect("the seat is free again");
}

#[tokio::test]
async fn a_damaged_record_is_said_for_good_with_a_way_out() {
    let journal = MemJournal::new();
    for subject in ["a", "b", "c"] {
        put(&*journal, vec![raise(subject)]).await;
    }
    let mut served = serve(Arc::clone(&journal) as _).await;
    // The list of what is active stands behind it.
    served.at(Snapshot).await.events(3).await;
    journal.damage(JournalId::Events, 2);
    let mut feed = served.at(Earliest).await;
    let last = feed.event().await;
    assert_eq!(last.subject, "a", "what comes before it is fed");
    for mut feed in [feed, served.after(&last.cursor).await] {
        let status = feed.item().await.expect_err("it cannot be read");
        assert_eq!(status.code(), Code::DataLoss);
        let (reason, facts) = facts(&status);
        assert_eq!(reason, "events_damaged");
        assert!(facts["way_out"].contains("START_POSITION_SNAPSHOT"), "{facts:?}");
    }
    let mut out = served.at(Snapshot).await;
    out.events(3).await;
    let cursor = out.heartbeat().await;
    put(&*journal, vec![raise("d")]).await;
    assert_eq!(served.after(&cursor).await.event().await.subject, "d");
}
