//! Events and dead letters: in journal order, each once.

use model::{ErrorKind, Position, Time};

use super::{batch, event};
use crate::{DeadQuery, DeadRow, EventKey, EventQuery, EventRow, FORGET_BYTES, FORGET_ROWS, KindFilter, MAX_FILTER_TERMS, Store};

async fn every_event(store: &dyn Store, query: &EventQuery, limit: usize) -> Vec<EventRow> {
    let mut rows: Vec<EventRow> = Vec::new();
    let mut after = None;
    loop {
        let page = store.events(query, after, limit).await.expect("a page");
        assert!(page.rows.len() <= limit);
        rows.extend(page.rows);
        let Some(next) = page.next else { return rows };
        let last = rows.last().expect("a page that goes on has rows");
        assert_eq!(next, EventKey { position: last.position, ordinal: last.ordinal });
        after = Some(next);
    }
}

pub(super) async fn come_in_journal_order(store: &dyn Store) {
    // Several events a record, and times that run backwards.
    let rows: Vec<_> = (1..=1_234).map(|n| event(1 + n / 3, (n % 3) as u32, "alarm.raised", "p1", 5_000 - n as i64)).collect();
    let mut all = batch("events", 0, 412);
    all.events = rows.clone();
    store.write(&all).await.expect("a batch");
    for limit in [1_000, 100, 3, 7, 10_000] {
        assert_eq!(every_event(store, &EventQuery::default(), limit).await, rows, "in pages of {limit}");
    }
    let some = EventQuery { from: Some(Time::from_micros(4_000)), to: Some(Time::from_micros(4_100)), ..EventQuery::default() };
    let want: Vec<_> = rows.iter().filter(|row| (4_000..4_100).contains(&row.occurred_at.micros())).cloned().collect();
    assert_eq!(want.len(), 100);
    for limit in [7, 100, 10_000] {
        assert_eq!(every_event(store, &some, limit).await, want, "in pages of {limit}");
    }
}

pub(super) async fn are_filtered(store: &dyn Store) {
    let mut all = batch("events", 0, 9);
    all.events = vec![
        event(1, 0, "alarm.raised", "p1", 10),
        event(2, 0, "alarm.returned", "p1", 30),
        event(2, 1, "alarms.other", "p1", 20),
        event(5, 0, "source.down", "mqtt", 20),
        event(6, 0, "alarm.raised", "p2", 15),
        event(7, 0, "alarm_raised", "p_1", 40),
    ];
    store.write(&all).await.expect("a batch");
    let positions = async |query: EventQuery| -> Vec<_> {
        let rows = every_event(store, &query, 2).await;
        rows.iter().map(|row| (row.position.0, row.ordinal)).collect()
    };
    let kinds = |kinds: &[&str]| EventQuery {
        kinds: kinds.iter().map(|kind| KindFilter::parse(kind)).collect(),
        ..EventQuery::default()
    };
    assert_eq!(positions(kinds(&["alarm.*"])).await, [(1, 0), (2, 0), (6, 0)]);
    assert_eq!(positions(kinds(&["alarm.raised", "source.*"])).await, [(1, 0), (5, 0), (6, 0)]);
    for nothing in ["alarm", "*", "alarm.ra*", "ALARM.RAISED", "alarm%"] {
        assert_eq!(positions(kinds(&[nothing])).await, [], "{nothing}");
    }
    let subjects = |subjects: &[&str]| EventQuery {
        subjects: subjects.iter().map(|it| (*it).to_owned()).collect(),
        ..EventQuery::default()
    };
    assert_eq!(positions(subjects(&["p1"])).await, [(1, 0), (2, 0), (2, 1)]);
    assert_eq!(positions(subjects(&["p_1", "mqtt"])).await, [(5, 0), (7, 0)]);
    let times = |from, to, query| EventQuery { from: Some(Time::from_micros(from)), to: Some(Time::from_micros(to)), ..query };
    assert_eq!(positions(times(15, 30, EventQuery::default())).await, [(2, 1), (5, 0), (6, 0)]);
    assert_eq!(positions(times(10, 31, kinds(&["alarm.*"]))).await, [(1, 0), (2, 0), (6, 0)]);
    assert_eq!(positions(times(20, 31, EventQuery { kinds: kinds(&["alarm.*"]).kinds, ..subjects(&["p1"]) })).await, [(2, 0)]);
    assert_eq!(positions(times(50, 60, EventQuery::default())).await, []);
    assert_eq!(positions(times(30, 10, EventQuery::default())).await, []);

    let many = EventQuery { subjects: vec!["p1".to_owned(); MAX_FILTER_TERMS + 1], ..EventQuery::default() };
    assert_eq!(store.events(&many, None, 1).await.expect_err("too many").field(), Some("subjects"));
    let many = EventQuery { kinds: vec![KindFilter::parse("a.*"); MAX_FILTER_TERMS + 1], ..EventQuery::default() };
    let error = store.events(&many, None, 1).await.expect_err("too many");
    assert_eq!((error.kind(), error.field()), (ErrorKind::InvalidInput, Some("kinds")));
    let most = EventQuery {
        kinds: (0..MAX_FILTER_TERMS)
            .map(|n| KindFilter::parse(&format!("a{n}.{}", if n % 2 == 0 { "*" } else { "b" })))
            .collect(),
        subjects: vec!["p1".to_owned(); MAX_FILTER_TERMS],
        ..EventQuery::default()
    };
    assert_eq!(store.events(&most, None, 1).await.expect("just few enough").rows, []);
}

pub(super) async fn are_unique_by_id(store: &dyn Store) {
    let mut first = batch("events", 0, 1);
    first.events = vec![event(1, 0, "alarm.raised", "p1", 10)];
    store.write(&first).await.expect("a batch");
    // A repeat must not stop what comes with it.
    let mut second = batch("events", 1, 3);
    let repeat = EventRow { id: first.events[0].id.clone(), ..event(2, 0, "alarm.closed", "p1", 20) };
    second.events = vec![repeat, event(3, 0, "alarm.returned", "p1", 30)];
    store.write(&second).await.expect("a batch");
    let want = [first.events[0].clone(), second.events[1].clone()];
    assert_eq!(every_event(store, &EventQuery::default(), 10).await, want);
}

pub(super) async fn hold_any_text(store: &dyn Store) {
    let texts =
        ["", "如皋港化工新材料产业园", "a\0b", "\0", "' or 1=1 --", "\u{10ffff}\u{feff}\r\n", "%_*?", &"长".repeat(40_000)];
    let mut all = batch("events", 0, 100);
    for (text, n) in texts.iter().zip(1..) {
        let text = (*text).to_owned();
        let ends = if n % 2 == 0 { Time::MIN } else { Time::MAX };
        all.events.push(EventRow {
            park: text.clone(),
            enterprise: text.clone(),
            installation: text.clone(),
            kind: text.clone(),
            subject: text.clone(),
            id: format!("{text}-{n}"),
            occurred_at: ends,
            recorded_at: ends,
            ordinal: u32::MAX,
            body: text.clone().into_bytes(),
            ..event(n, 0, "", "", 0)
        });
        let (gateway, topic, reason, detail) = (text.clone(), text.clone(), text.clone(), text.clone());
        let payload = vec![0xff; if n == 1 { 0 } else { 65_536 }];
        let (position, count) = (Position(n), i64::MAX as u64);
        all.dead.push(DeadRow { position, at: ends, gateway, topic, reason, detail, payload, payload_bytes: count, count });
    }
    store.write(&all).await.expect("nothing is refused");
    assert_eq!(every_event(store, &EventQuery::default(), 3).await, all.events);
    assert_eq!(store.dead_letters(&DeadQuery::default(), None, 100).await.expect("dead letters").rows, all.dead);
    for (text, n) in texts.iter().zip(0..) {
        let by_subject = EventQuery { subjects: vec![(*text).to_owned()], ..EventQuery::default() };
        assert_eq!(every_event(store, &by_subject, 3).await, [all.events[n].clone()], "{n}");
    }
    let mut beyond = batch("dead", 0, 1);
    beyond.dead = vec![DeadRow { count: u64::MAX, payload_bytes: u64::MAX, position: Position(101), ..all.dead[0].clone() }];
    store.write(&beyond).await.expect("a count beyond all counting is not refused");
}

pub(super) async fn dead_letters_page_and_filter(store: &dyn Store) {
    let letter = |n: u64| DeadRow {
        position: Position(n * 2),
        at: Time::from_micros(n as i64 * 10),
        gateway: format!("rugang/e01/gw{}", n % 2),
        topic: "davy/v1/rugang/e01/gw1/telemetry".to_owned(),
        reason: if n.is_multiple_of(3) { "not_json" } else { "unknown_gateway" }.to_owned(),
        detail: "写错了".to_owned(),
        payload: n.to_le_bytes().to_vec(),
        payload_bytes: 8,
        count: n,
    };
    let mut all = batch("dead", 0, 40);
    all.dead = (1..=20).map(letter).collect();
    store.write(&all).await.expect("a batch");
    let numbers = async |query: DeadQuery| -> Vec<_> {
        let (mut rows, mut after) = (Vec::new(), None);
        loop {
            let page = store.dead_letters(&query, after, 3).await.expect("a page");
            rows.extend(page.rows.iter().map(|row| row.count));
            let Some(next) = page.next else { return rows };
            after = Some(next);
        }
    };
    assert_eq!(store.dead_letters(&DeadQuery::default(), None, 100).await.expect("a page").rows, all.dead);
    assert_eq!(numbers(DeadQuery::default()).await, (1..=20).collect::<Vec<_>>());
    let (gateway, reason) = (Some("rugang/e01/gw1".to_owned()), Some("not_json".to_owned()));
    assert_eq!(
        numbers(DeadQuery { gateway: gateway.clone(), ..DeadQuery::default() }).await,
        (1..=20).step_by(2).collect::<Vec<_>>()
    );
    assert_eq!(numbers(DeadQuery { gateway: gateway.clone(), reason, ..DeadQuery::default() }).await, [3, 9, 15]);
    let times =
        |from, to| DeadQuery { from: Some(Time::from_micros(from)), to: Some(Time::from_micros(to)), ..DeadQuery::default() };
    assert_eq!(numbers(times(50, 80)).await, [5, 6, 7]);
    assert_eq!(numbers(DeadQuery { gateway, ..times(50, 80) }).await, [5, 7]);
    assert_eq!(numbers(times(80, 50)).await, []);
}

pub(super) async fn last_of_a_kind_and_subject(store: &dyn Store) {
    assert_eq!(store.last_event("history.lost", "telemetry/1").await.expect("an answer"), None);
    let mut all = batch("events", 0, 9);
    all.events = vec![
        event(1, 0, "history.lost", "telemetry/1", 90),
        event(2, 0, "history.lost", "telemetry/1", 10),
        event(2, 1, "history.lost", "telemetry/1", 5),
        event(3, 0, "history.lost", "telemetry/17", 95),
        event(4, 0, "core.version", "telemetry/1", 96),
    ];
    store.write(&all).await.expect("a batch");
    for (kind, subject, want) in [
        ("history.lost", "telemetry/1", Some(2)),
        ("history.lost", "telemetry/17", Some(3)),
        ("core.version", "telemetry/1", Some(4)),
        ("core.version", "telemetry/17", None),
        ("history.*", "telemetry/1", None),
    ] {
        let last = store.last_event(kind, subject).await.expect("an answer");
        assert_eq!(last, want.map(|index| all.events[index].clone()), "{kind} {subject}");
    }
}

pub(super) async fn are_found_by_the_time_of_their_record(store: &dyn Store) {
    assert_eq!(store.recorded_before(Time::MAX).await.expect("an answer"), Position(0), "nothing is there");
    // Records without events between them, several events a record, several records a time.
    let places = [(3_u64, 100), (3, 100), (4, 100), (9, 250), (10, 251), (700, 251), (1_000, 9_000)];
    let mut all = batch("events", 0, 2_000);
    for (ordinal, (position, recorded_at)) in (0_u32..).zip(places) {
        let row = event(position, ordinal, "alarm.raised", "p1", -50);
        all.events.push(EventRow { recorded_at: Time::from_micros(recorded_at), ..row });
    }
    store.write(&all).await.expect("a batch");
    let wanted =
        [(i64::MIN, 0), (100, 0), (101, 4), (250, 4), (251, 9), (252, 700), (9_000, 700), (9_001, 1_000), (i64::MAX, 1_000)];
    for (time, position) in wanted {
        let found = store.recorded_before(Time::from_micros(time)).await.expect("an answer");
        assert_eq!(found, Position(position), "before {time}");
    }
}

fn dead(position: u64, payload: usize) -> DeadRow {
    DeadRow {
        position: Position(position),
        at: Time::from_micros(position as i64),
        gateway: "rugang/e01/gw1".to_owned(),
        topic: "t".to_owned(),
        reason: "not_json".to_owned(),
        detail: String::new(),
        payload: vec![7; payload],
        payload_bytes: payload as u64,
        count: 1,
    }
}

async fn kept(store: &dyn Store) -> Vec<u64> {
    let (mut rows, mut after) = (Vec::new(), None);
    loop {
        let page = store.dead_letters(&DeadQuery::default(), after, 1_000).await.expect("a page");
        rows.extend(page.rows.iter().map(|row| row.position.0));
        let Some(next) = page.next else { return rows };
        after = Some(next);
    }
}

pub(super) async fn dead_letters_are_forgotten_from_the_oldest(store: &dyn Store) {
    assert!(!store.forget_dead_before(Position(7)).await.expect("nothing to forget"));
    let mut all = batch("dead", 0, 20);
    all.dead = [2, 3, 5, 8].map(|position| dead(position, 3)).to_vec();
    all.events = vec![event(1, 0, "alarm.raised", "p1", 10)];
    store.write(&all).await.expect("a batch");
    let before = store.progress().await.expect("progress");
    for (position, want) in [(0, &[2, 3, 5, 8][..]), (2, &[2, 3, 5, 8]), (5, &[5, 8]), (3, &[5, 8]), (6, &[8]), (u64::MAX, &[])] {
        assert!(!store.forget_dead_before(Position(position)).await.expect("forgets"), "{position}");
        assert_eq!(kept(store).await, want, "{position}");
    }
    assert_eq!(store.progress().await.expect("progress"), before, "what is forgotten was stored");
    assert_eq!(store.events(&EventQuery::default(), None, 10).await.expect("events").rows, all.events);
    let mut next = batch("dead", 20, 21);
    next.dead = vec![dead(21, 3)];
    store.write(&next).await.expect("goes on");
    assert_eq!(kept(store).await, [21]);
}

pub(super) async fn dead_letters_are_forgotten_in_bounded_steps(store: &dyn Store) {
    let small = FORGET_ROWS as u64 + 1;
    let large = FORGET_BYTES as u64 / 65_536 + 1;
    let mut all = batch("dead", 0, 1 + small + large);
    all.dead = vec![dead(1, FORGET_BYTES * 2)];
    all.dead.extend((2..=1 + small).map(|position| dead(position, 0)));
    all.dead.extend((2 + small..=1 + small + large).map(|position| dead(position, 65_536)));
    store.write(&all).await.expect("a batch");
    let end = Position(1 + small + large);
    // One of more bytes than a step takes, then as many rows as one takes, then as many bytes.
    for first in [2, 2 + FORGET_ROWS as u64] {
        assert!(store.forget_dead_before(end).await.expect("forgets"));
        assert_eq!(kept(store).await.first(), Some(&first));
    }
    let mut steps = 0;
    while store.forget_dead_before(end).await.expect("forgets") {
        steps += 1;
        assert!(steps < 3, "each step takes as much as it may");
    }
    assert_eq!(kept(store).await, [end.0]);
}
