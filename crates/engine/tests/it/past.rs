//! The list as it was at a moment of the past, over a real server.

use std::collections::BTreeMap;
use std::sync::Arc;

use engine::AlarmConfig;
use journal::{Journal, JournalId};
use model::{AlarmState, AlarmTransition, Position, Span, Time, Transition};
use tonic::Code;
use wire::{Cursor, FilterBinding, v1};

use crate::api::{connect, facts};
use crate::listed::{event, list, now, points, put, raise, served, transition};
use crate::mem::{EPOCH, MemJournal};

fn at(seconds: i64) -> Time {
    Time::YEAR_2000 + Span::from_secs(seconds)
}

fn closed() -> AlarmTransition {
    transition(Transition::Closed, AlarmState::Normal)
}

fn at_cursor(cursor: &str) -> v1::ListAlarmsRequest {
    v1::ListAlarmsRequest { cursor: cursor.to_owned(), ..v1::ListAlarmsRequest::default() }
}

fn at_time(time: Time) -> v1::ListAlarmsRequest {
    v1::ListAlarmsRequest { time: Some(wire::time_to_v1(time)), ..v1::ListAlarmsRequest::default() }
}

/// Something happens at each second from 1 to 9.
async fn history(journal: &MemJournal) {
    happen(journal, 1..10).await;
}

async fn happen(journal: &MemJournal, seconds: std::ops::Range<i64>) {
    let happenings = [
        ("a", raise()),
        ("b", raise()),
        ("a", transition(Transition::Acknowledged, AlarmState::Acknowledged)),
        ("c", transition(Transition::Shelved, AlarmState::Shelved)),
        ("a", closed()),
        ("b", AlarmTransition { activation: 2, ..raise() }),
        ("d", raise()),
        ("c", transition(Transition::Unshelved, AlarmState::Normal)),
        ("b", closed()),
    ];
    for (second, (subject, alarm)) in (1..).zip(happenings).filter(|(second, _)| seconds.contains(second)) {
        journal.set_now(at(second));
        put(journal, vec![event(subject, second, alarm)]).await;
    }
}

#[tokio::test]
async fn the_list_then_is_what_was_listed_then() {
    let (journal, mut plant) = served().await;
    let mut recorded = BTreeMap::new();
    for second in 1..10 {
        journal.set_now(at(second));
        let (subject, alarm) = match second % 3 {
            0 => ("a", closed()),
            1 => ("a", raise()),
            _ => ("b", AlarmTransition { activation: u32::try_from(second).expect("small"), ..raise() }),
        };
        put(&*journal, vec![event(subject, second, alarm)]).await;
        recorded.insert(second, now(&mut plant).await);
    }
    journal.set_now(at(20));
    // Not in order: each answer may stand on the one before only where that was earlier.
    for second in [9, 2, 5, 1, 6, 3, 9] {
        let then = &recorded[&second];
        let by_cursor = list(&mut plant, at_cursor(&then.cursor)).await.expect("lists");
        assert_eq!(&by_cursor, then, "by the cursor of second {second}");
        let by_time = list(&mut plant, at_time(at(second))).await.expect("lists");
        assert_eq!(&by_time, then, "by the time of second {second}");
        let between = list(&mut plant, at_time(at(second) + Span::from_millis(500))).await.expect("lists");
        assert_eq!((&between.alarms, &between.cursor), (&then.alarms, &then.cursor));
    }
    plant.shutdown.request();
}

/// Waits for the newest snapshot of the list to be of this position.
async fn snapshot_at(journal: &MemJournal, position: u64) -> Position {
    let key = journal::Key::new("alarms").expect("valid");
    let there = async {
        while journal.snapshots(&key).await.expect("reads").first().map(|it| it.position) != Some(Position(position)) {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(10), there).await.expect("a snapshot");
    Position(position)
}

#[tokio::test]
async fn a_snapshot_of_the_list_stands_for_what_lies_before_it() {
    let journal = MemJournal::new();
    let config = AlarmConfig { snapshot_records: 4, ..AlarmConfig::default() };
    let mut plant = connect(Arc::clone(&journal) as _, config, false).await;
    happen(&journal, 1..6).await;
    now(&mut plant).await;
    let older = snapshot_at(&journal, 5).await;
    happen(&journal, 6..10).await;
    journal.set_now(at(20));
    let whole: Vec<_> = {
        let mut whole = Vec::new();
        for second in 1..10 {
            whole.push(list(&mut plant, at_time(at(second))).await.expect("lists"));
        }
        whole
    };
    plant.shutdown.request();
    snapshot_at(&journal, 9).await;
    // What lies before the older snapshot is gone: it can be asked for from there on.
    journal.trim(JournalId::Events, older.0);
    let mut again = connect(Arc::clone(&journal) as _, AlarmConfig::default(), false).await;
    for (then, second) in whole.iter().zip(1..) {
        let asked = list(&mut again, at_time(at(second))).await;
        if u64::try_from(second).expect("small") < older.0 {
            let refused = asked.expect_err("not kept");
            let (reason, facts) = facts(&refused);
            assert_eq!((refused.code(), reason.as_str()), (Code::OutOfRange, "past_not_kept"));
            assert!(Cursor::decode(&facts["earliest_cursor"]).is_ok());
        } else {
            assert_eq!(&asked.expect("lists"), then, "second {second}");
        }
    }
    again.shutdown.request();
}

#[tokio::test]
async fn a_cursor_inside_a_record_is_taken_at_its_word() {
    let (journal, mut plant) = served().await;
    put(&*journal, vec![event("a", 1, raise()), event("b", 1, raise()), event("c", 1, raise())]).await;
    let end = Cursor::decode(&now(&mut plant).await.cursor).expect("a cursor");
    let after = |seen| Cursor { seen, filter: FilterBinding::Hash(5), ..end }.encode();
    for (seen, shown) in [(0, vec![]), (1, vec!["a"]), (2, vec!["a", "b"]), (3, vec!["a", "b", "c"])] {
        let then = list(&mut plant, at_cursor(&after(seen))).await.expect("lists");
        assert_eq!(points(&then), shown, "{seen} seen");
        // Its own cursor gives the same again.
        assert_eq!(list(&mut plant, at_cursor(&then.cursor)).await.expect("lists").alarms, then.alarms);
    }
    plant.shutdown.request();
}

#[tokio::test]
async fn pages_of_the_past_are_of_one_list() {
    let (journal, mut plant) = served().await;
    history(&journal).await;
    journal.set_now(at(20));
    let request = v1::ListAlarmsRequest { page_size: 1, ..at_time(at(7)) };
    let first = list(&mut plant, request.clone()).await.expect("lists");
    assert_eq!(first.total_size, 3, "b, d, and c on its shelf");
    put(&*journal, vec![event("z", 21, raise())]).await;
    // Somebody else asks in between.
    assert!(list(&mut plant, at_time(at(2))).await.is_ok());
    let second = list(&mut plant, v1::ListAlarmsRequest { page_token: first.next_page_token.clone(), ..request.clone() }).await;
    let second = second.expect("lists");
    let third = list(&mut plant, v1::ListAlarmsRequest { page_token: second.next_page_token.clone(), ..request }).await;
    let third = third.expect("lists");
    assert_eq!([points(&first), points(&second), points(&third)], [["b"], ["d"], ["c"]]);
    assert!(third.next_page_token.is_empty());
    assert!([&second, &third].iter().all(|it| (&it.cursor, &it.time) == (&first.cursor, &first.time)));
    let other = v1::ListAlarmsRequest { page_token: first.next_page_token, ..at_time(at(8)) };
    assert_eq!(list(&mut plant, other).await.expect_err("of another time").code(), Code::InvalidArgument);
    plant.shutdown.request();
}

#[tokio::test]
async fn what_is_no_past_is_refused_with_a_cure() {
    let (journal, mut plant) = served().await;
    history(&journal).await;
    journal.set_now(at(20));
    let end = journal.bounds(JournalId::Events).durable;
    let both = v1::ListAlarmsRequest { cursor: Cursor::after(EPOCH, end).encode(), ..at_time(at(1)) };
    let wrong = [
        (both, Code::InvalidArgument, "invalid_field"),
        (at_cursor("yesterday"), Code::InvalidArgument, "invalid_field"),
        (at_time(at(20)), Code::InvalidArgument, "invalid_field"),
        (at_cursor(&Cursor::after(EPOCH, Position(end.0 + 1)).encode()), Code::OutOfRange, "cursor_ahead"),
        (at_cursor(&Cursor::after(model::Epoch(9), end).encode()), Code::OutOfRange, "cursor_epoch"),
    ];
    for (request, code, reason) in wrong {
        let status = list(&mut plant, request).await.expect_err(reason);
        assert_eq!((status.code(), facts_reason(&status).as_str()), (code, reason));
    }
    // Before anything was recorded nothing was open.
    let before = list(&mut plant, at_time(at(-5))).await.expect("lists");
    assert!(before.alarms.is_empty());
    plant.shutdown.request();
}

fn facts_reason(status: &tonic::Status) -> String {
    facts(status).0
}

#[tokio::test]
async fn one_question_about_the_past_at_a_time_and_who_goes_makes_room() {
    let (journal, mut plant) = served().await;
    history(&journal).await;
    now(&mut plant).await;
    journal.set_now(at(20));
    journal.hold_reads();
    let asker = plant.client.clone();
    let ask = |second| {
        let mut client = asker.clone();
        tokio::spawn(async move { client.list_alarms(at_time(at(second))).await })
    };
    let stuck = |count| {
        let journal = Arc::clone(&journal);
        let wait = async move {
            while journal.reads_stuck() < count {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(std::time::Duration::from_secs(10), wait)
    };
    let first = ask(3);
    stuck(1).await.expect("it reads");
    let refused = ask(4).await.expect("no panic").expect_err("one at a time");
    assert_eq!((refused.code(), facts_reason(&refused).as_str()), (Code::ResourceExhausted, "busy_with_the_past"));
    // The list of now is answered meanwhile.
    assert_eq!(points(&now(&mut plant).await), ["d"]);
    first.abort();
    let mut again = ask(3);
    let seated = async {
        while journal.reads_stuck() < 2 {
            if again.is_finished() {
                again = ask(3);
            }
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(10), seated).await.expect("the seat is free");
    journal.let_reads_go();
    assert_eq!(points(&again.await.expect("no panic").expect("lists").into_inner()), ["b", "a"]);
    plant.shutdown.request();
}
