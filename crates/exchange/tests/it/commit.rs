//! Committed cursors (traps 53).

use std::sync::Arc;

use model::{Epoch, Position};
use tonic::{Code, Status};
use wire::v1::StartPosition::Earliest;
use wire::{Cursor, v1};

use crate::mem::{EPOCH, MemJournal};
use crate::server::{Served, facts, from, put, raise, serve, serve_with, subjects};

async fn commit(served: &mut Served, subscription: &str, cursor: &str) -> Result<(), Status> {
    let request = v1::CommitCursorRequest { subscription: subscription.to_owned(), cursor: cursor.to_owned() };
    served.client.commit_cursor(request).await.map(drop)
}

fn named(subscription: &str) -> v1::SubscribeRequest {
    v1::SubscribeRequest { subscription: subscription.to_owned(), ..v1::SubscribeRequest::default() }
}

#[tokio::test]
async fn a_subscription_goes_on_where_it_committed_after_a_restart_too() {
    let journal = MemJournal::new();
    put(&*journal, vec![raise("a"), raise("b"), raise("c")]).await;
    let mut served = serve(Arc::clone(&journal) as _).await;
    let none = served.subscribe(named("emergency")).await.err().expect("nothing committed");
    assert_eq!(none.code(), Code::InvalidArgument);
    assert!(none.message().contains("committed no cursor"), "{none}");
    let events = served.at(Earliest).await.events(3).await;
    for event in &events[..2] {
        commit(&mut served, "emergency", &event.cursor).await.expect("commits");
    }
    commit(&mut served, "transport", &events[0].cursor).await.expect("commits");
    assert_eq!(served.subscribe(named("emergency")).await.expect("resumes").event().await.subject, "c");
    // Further back than before: the consumer's own decision.
    commit(&mut served, "emergency", &events[0].cursor).await.expect("commits");
    served.stop().await;
    let mut again = serve(journal).await;
    let rest = again.subscribe(named("emergency")).await.expect("resumes").events(2).await;
    assert_eq!(subjects(&rest), ["b", "c"]);
    assert_eq!(again.subscribe(named("transport")).await.expect("resumes").event().await.subject, "b");
}

#[tokio::test]
async fn what_cannot_be_resumed_is_not_committed() {
    let journal = MemJournal::new();
    put(&*journal, vec![raise("a")]).await;
    let mut served = serve(journal).await;
    let wrong = [
        ("s", Cursor::after(Epoch(8), Position(1)).encode(), Code::OutOfRange),
        ("s", Cursor::after(EPOCH, Position(2)).encode(), Code::OutOfRange),
        ("s", "x".to_owned(), Code::InvalidArgument),
        ("", Cursor::after(EPOCH, Position(1)).encode(), Code::InvalidArgument),
        ("a b", Cursor::after(EPOCH, Position(1)).encode(), Code::InvalidArgument),
    ];
    for (subscription, cursor, code) in wrong {
        assert_eq!(commit(&mut served, subscription, &cursor).await.expect_err("refused").code(), code);
    }
}

#[tokio::test]
async fn subscriptions_are_bounded() {
    let config = exchange::Config { subscriptions_max: 1, ..exchange::Config::default() };
    let mut served = serve_with(MemJournal::new(), config).await;
    let cursor = Cursor::after(EPOCH, Position(0)).encode();
    commit(&mut served, "one", &cursor).await.expect("commits");
    commit(&mut served, "one", &cursor).await.expect("commits again");
    let refused = commit(&mut served, "two", &cursor).await.expect_err("full");
    assert_eq!((refused.code(), facts(&refused).0.as_str()), (Code::ResourceExhausted, "too_many_subscriptions"));
}

#[tokio::test]
async fn many_commits_at_once_are_all_kept() {
    let journal = MemJournal::new();
    put(&*journal, vec![raise("a"), raise("b")]).await;
    let mut served = serve(Arc::clone(&journal) as _).await;
    let cursor = served.subscribe(from(Earliest)).await.expect("subscribes").event().await.cursor;
    let commits = (0..50).map(|number| {
        let mut client = served.client.clone();
        let request = v1::CommitCursorRequest { subscription: format!("s{number}"), cursor: cursor.clone() };
        tokio::spawn(async move { client.commit_cursor(request).await.map(drop) })
    });
    for commit in commits.collect::<Vec<_>>() {
        commit.await.expect("no panic").expect("commits");
    }
    served.stop().await;
    let mut again = serve(journal).await;
    for number in [0, 17, 49] {
        assert_eq!(again.subscribe(named(&format!("s{number}"))).await.expect("resumes").event().await.subject, "b");
    }
}
