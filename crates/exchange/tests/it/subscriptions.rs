//! Starting at a time, and who is how far behind (traps 51, 53, 54).

use std::sync::Arc;

use journal::JournalId;
use model::{Span, Time};
use tonic::Code;
use wire::v1;
use wire::v1::StartPosition::Earliest;
use wire::v1::subscribe_request::Start;

use crate::mem::MemJournal;
use crate::server::{Served, put, raise, serve, subjects};

fn second(second: i64) -> Time {
    Time::YEAR_2000.plus(Span::from_secs(second))
}

/// A record a second, named by it; two in the third.
async fn five(journal: &MemJournal) {
    for (at, name) in [(1, "p1"), (2, "p2"), (3, "p3"), (3, "p3b"), (4, "p4")] {
        journal.set_now(second(at));
        put(journal, vec![raise(name)]).await;
    }
}

fn at(time: Time) -> v1::SubscribeRequest {
    let start = Some(Start::Time(wire::time_to_v1(time)));
    v1::SubscribeRequest { start, heartbeat_seconds: 1, ..v1::SubscribeRequest::default() }
}

#[tokio::test]
async fn a_feed_starts_at_the_first_event_of_a_time() {
    let journal = MemJournal::new();
    five(&journal).await;
    let mut served = serve(Arc::clone(&journal) as _).await;
    let all = ["p1", "p2", "p3", "p3b", "p4"];
    let half = Span::from_micros(500_000);
    for (time, skipped) in
        [(Time::MIN, 0), (second(1), 0), (second(1).plus(half), 1), (second(3), 2), (second(3).plus(half), 4), (second(4), 4)]
    {
        let mut feed = served.subscribe(at(time)).await.expect("subscribes");
        let got = feed.events(all.len() - skipped).await;
        assert_eq!(subjects(&got), all[skipped..], "{time:?}");
    }
    // A time to come: what comes from now on, whenever that is.
    let mut late = served.subscribe(at(second(9))).await.expect("subscribes");
    late.heartbeat().await;
    put(&*journal, vec![raise("next")]).await;
    assert_eq!(late.event().await.subject, "next");
    // What retention took is not looked for.
    journal.trim(JournalId::Events, 4);
    assert_eq!(served.subscribe(at(Time::MIN)).await.expect("subscribes").event().await.subject, "p3b");
}

async fn list(served: &mut Served, page_size: i32, page_token: &str) -> v1::ListSubscriptionsResponse {
    let request = v1::ListSubscriptionsRequest { page_size, page_token: page_token.to_owned() };
    served.client.list_subscriptions(request).await.expect("lists").into_inner()
}

async fn commit(served: &mut Served, subscription: &str, cursor: &str) {
    let request = v1::CommitCursorRequest { subscription: subscription.to_owned(), cursor: cursor.to_owned() };
    served.client.commit_cursor(request).await.expect("commits");
}

#[tokio::test]
async fn who_follows_is_listed_with_how_far_each_is_behind() {
    let journal = MemJournal::new();
    five(&journal).await;
    let mut served = serve(Arc::clone(&journal) as _).await;
    let nobody = list(&mut served, 0, "").await;
    assert_eq!((nobody.subscriptions.len(), nobody.next_page_token.as_str()), (0, ""));
    let events = served.at(Earliest).await.events(5).await;
    commit(&mut served, "emergency", &events[1].cursor).await;
    commit(&mut served, "transport", &events[4].cursor).await;
    let mut open = served
        .subscribe(v1::SubscribeRequest { subscription: "park".to_owned(), ..crate::server::from(Earliest) })
        .await
        .expect("subscribes");
    open.events(3).await;

    let all = list(&mut served, 0, "").await;
    let said: Vec<_> =
        all.subscriptions.iter().map(|it| (it.name.as_str(), it.records_behind, it.open_feeds, it.expired)).collect();
    assert_eq!((said[0], said[2]), (("emergency", 3, 0, false), ("transport", 0, 0, false)));
    assert_eq!((said[1].0, said[1].2, said[1].3), ("park", 1, false));
    let since = |it: &v1::Subscription| it.behind_since.as_ref().map(wire::time_from_v1);
    assert_eq!((since(&all.subscriptions[0]), since(&all.subscriptions[2])), (Some(second(3)), None));
    assert_eq!(all.subscriptions[0].committed_cursor, events[1].cursor);
    assert!(all.subscriptions[1].committed_cursor.is_empty());
    drop(open);

    let first = list(&mut served, 1, "").await;
    assert_eq!((first.subscriptions[0].name.as_str(), first.next_page_token.as_str()), ("emergency", "emergency"));
    let rest = list(&mut served, 1_000, &first.next_page_token).await;
    assert_eq!((rest.subscriptions.last().map(|it| it.name.as_str()), rest.next_page_token.as_str()), (Some("transport"), ""));

    // Retention passes the one that stands still; nobody else.
    journal.trim(JournalId::Events, 5);
    let passed = list(&mut served, 0, "").await.subscriptions;
    let expired: Vec<_> = passed.iter().filter(|it| it.expired).map(|it| it.name.as_str()).collect();
    assert_eq!(expired, ["emergency"]);
    let too_many = v1::ListSubscriptionsRequest { page_size: 1_001, ..Default::default() };
    assert_eq!(served.client.list_subscriptions(too_many).await.expect_err("refused").code(), Code::InvalidArgument);
}
