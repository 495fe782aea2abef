//! Feeds under load: between replay and live, beside slow ones, at shutdown (traps 48, 54, 55).

use std::sync::Arc;

use bytes::Bytes;
use prost::Message as _;
use tonic::Code;
use wire::v1::StartPosition::{Earliest, Latest};
use wire::v1::subscribe_response::Item;
use wire::{Cursor, record_v1};

use crate::mem::MemJournal;
use crate::server::{facts, put, put_body, raise, serve};

const RECORDS: usize = 1_200;
const EVENTS: usize = 3_000;

/// Appends numbered events in records of one to four, letting others run in between.
async fn append_all(journal: Arc<MemJournal>) {
    let mut number = 0;
    for record in 0..RECORDS {
        let size = record % 4 + 1;
        put(&*journal, (number..number + size).map(|it| raise(&format!("n{it}"))).collect()).await;
        number += size;
        tokio::task::yield_now().await;
    }
}

fn ends(cursor: &str) -> bool {
    Cursor::decode(cursor).expect("a cursor").position.0 == RECORDS as u64
}

fn number(event: &wire::v1::Event) -> usize {
    event.subject[1..].parse().expect("a number")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn consumers_that_connect_at_any_moment_miss_nothing_and_see_nothing_twice() {
    let journal = MemJournal::new();
    let mut served = serve(Arc::clone(&journal) as _).await;
    let appending = tokio::spawn(append_all(Arc::clone(&journal)));
    let mut readers = Vec::new();
    for round in 0..16_usize {
        let mut feed = served.at(if round % 4 == 0 { Earliest } else { Latest }).await;
        let mut client = served.client.clone();
        readers.push(tokio::spawn(async move {
            let (mut expected, mut count) = (None, 0_usize);
            loop {
                let event = match feed.item().await.expect("goes on") {
                    Item::Event(event) => event,
                    // The last events may have come before this feed.
                    Item::Heartbeat(beat) if expected.is_none() && ends(&beat.cursor) => return,
                    Item::Heartbeat(_) => continue,
                };
                let number = number(&event);
                assert_eq!(number, expected.unwrap_or(number), "round {round}");
                expected = Some(number + 1);
                count += 1;
                if number + 1 == EVENTS {
                    return;
                }
                if count == 50 * (round + 1) {
                    // A cut, and on at the last cursor.
                    let request = crate::server::after(&event.cursor);
                    feed = crate::server::Feed::of(client.subscribe(request).await.expect("resumes").into_inner());
                }
            }
        }));
    }
    appending.await.expect("appends");
    for reader in readers {
        reader.await.expect("contiguous");
    }
    served.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_slow_consumer_slows_nobody_and_catches_up() {
    let journal = MemJournal::new();
    let mut served = serve(Arc::clone(&journal) as _).await;
    let mut slow = served.at(Earliest).await;
    let mut fast = served.at(Earliest).await;
    append_all(Arc::clone(&journal)).await;
    assert_eq!(number(fast.events(EVENTS).await.last().expect("some")), EVENTS - 1);
    let events = slow.events(EVENTS).await;
    assert!(events.iter().enumerate().all(|(at, event)| number(event) == at));
}

#[tokio::test]
async fn nothing_is_fed_that_is_not_durable() {
    let journal = MemJournal::new();
    put(&*journal, vec![raise("a")]).await;
    journal.hold();
    put(&*journal, vec![raise("b")]).await;
    let mut served = serve(Arc::clone(&journal) as _).await;
    let mut feed = served.at(Earliest).await;
    assert_eq!(feed.event().await.subject, "a");
    let quiet = Cursor::decode(&feed.heartbeat().await).expect("a cursor");
    assert_eq!(quiet.position.0, 1, "a cursor never points at what a crash could take back");
    journal.sync();
    assert_eq!(feed.event().await.subject, "b");
}

#[tokio::test]
async fn shutdown_ends_a_feed_with_its_cursor() {
    let journal = MemJournal::new();
    put(&*journal, vec![raise("a"), raise("b")]).await;
    let mut served = serve(Arc::clone(&journal) as _).await;
    let mut feed = served.at(Earliest).await;
    feed.events(2).await;
    let quiet = feed.heartbeat().await;
    served.shutdown.request();
    let last = feed.heartbeat().await;
    assert_eq!(last, quiet);
    let end = feed.item().await.expect_err("ends");
    let (reason, facts) = facts(&end);
    assert_eq!((end.code(), reason.as_str(), &facts["cursor"]), (Code::Unavailable, "shutting_down", &last));
    served.stop().await;
    put(&*journal, vec![raise("c")]).await;
    let mut again = serve(journal).await;
    assert_eq!(again.after(&last).await.event().await.subject, "c");
}

#[tokio::test]
async fn seals_are_events_and_what_cannot_be_read_is_passed_over() {
    let journal = MemJournal::new();
    put_body(&*journal, Bytes::from_static(b"\xff\xff")).await;
    let seal = record_v1::SealRecord { position: 1, public_key: vec![1; 32], signature: vec![2; 64], ..Default::default() };
    journal.seal_with(seal.encode_to_vec().into());
    put(&*journal, vec![raise("a")]).await;
    let mut served = serve(journal).await;
    let events = served.at(Earliest).await.events(2).await;
    assert_eq!((events[0].kind.as_str(), events[0].id.as_str()), ("journal.seal", "0000000000000007-journal-1-0"));
    assert_eq!(events[0].occurred_at, events[0].recorded_at);
    assert_eq!(events[1].subject, "a");
}
