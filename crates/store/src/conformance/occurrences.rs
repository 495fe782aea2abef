//! Occurrences of alarms: one row each, whatever the number of events and writes.

use model::{ErrorKind, Position, Time};

use super::batch;
use crate::{MAX_FILTER_TERMS, OccurrenceChange, OccurrenceKey, OccurrenceQuery, OccurrenceRow, Store};

fn at(second: i64) -> Option<Time> {
    Some(Time::YEAR_2000.plus(model::Span::from_secs(second)))
}

fn raised(id: &str, position: u64, second: i64) -> OccurrenceRow {
    OccurrenceRow {
        id: id.to_owned(),
        position: Position(position),
        subject: "p1".to_owned(),
        alarm: "high".to_owned(),
        kind: "high".to_owned(),
        priority: "low".to_owned(),
        park: "rugang".to_owned(),
        enterprise: "e01".to_owned(),
        installation: "tank-farm".to_owned(),
        operator: "west".to_owned(),
        state: "active".to_owned(),
        activations: 1,
        raised_at: at(second),
        recorded_at: at(second + 1),
        value: Some(81.5),
        limit: Some(80.0),
        annunciated: Some(false),
        ..OccurrenceRow::default()
    }
}

/// What a later event says: the id, and nothing else.
fn later(id: &str, position: u64) -> OccurrenceRow {
    OccurrenceRow { id: id.to_owned(), position: Position(position), ..OccurrenceRow::default() }
}

async fn every(store: &dyn Store, query: &OccurrenceQuery, limit: usize) -> Vec<OccurrenceRow> {
    let mut rows: Vec<OccurrenceRow> = Vec::new();
    let mut after = None;
    loop {
        let page = store.occurrences(query, after, limit).await.expect("a page");
        assert!(page.rows.len() <= limit);
        rows.extend(page.rows);
        let Some(next) = page.next else { return rows };
        let last = rows.last().expect("a page that goes on has rows");
        assert_eq!(next, OccurrenceKey { raised_at: last.raised_at.unwrap_or(Time::MIN), id: last.id.clone() });
        after = Some(next);
    }
}

/// The same life written at once and event by event.
pub(super) async fn live_as_their_events_say(store: &dyn Store) {
    let change = |raise, row| OccurrenceChange { row, raise };
    let life = |id: &str| {
        let returned = OccurrenceRow { state: "returned".to_owned(), returned_at: at(20), ..later(id, 2) };
        let again =
            OccurrenceRow { activations: 2, value: Some(99.0), limit: None, annunciated: Some(true), ..raised(id, 3, 30) };
        let answered = OccurrenceRow {
            state: "acknowledged".to_owned(),
            acknowledged_at: at(35),
            acknowledged_by: Some("李\0".to_owned()),
            annunciated: Some(false),
            ..later(id, 4)
        };
        let closed = OccurrenceRow { state: "closed".to_owned(), returned_at: at(40), closed_at: at(40), ..later(id, 5) };
        vec![
            change(true, raised(id, 1, 10)),
            change(false, returned),
            change(true, again),
            change(false, answered),
            change(false, closed),
        ]
    };
    let stand = |id: &str| OccurrenceRow {
        position: Position(5),
        state: "closed".to_owned(),
        activations: 2,
        value: Some(99.0),
        annunciated: Some(true),
        returned_at: at(40),
        acknowledged_at: at(35),
        acknowledged_by: Some("李\0".to_owned()),
        closed_at: at(40),
        ..raised(id, 1, 10)
    };
    let mut after = 0;
    let mut returned = Vec::new();
    for change in life("a") {
        let mut one = batch("events", after, after + 1);
        one.occurrences = vec![change];
        store.write(&one).await.expect("a batch");
        after += 1;
        returned.push(every(store, &OccurrenceQuery::default(), 10).await[0].returned_at);
    }
    assert_eq!(returned, [None, at(20), None, None, at(40)], "a raise takes back the return before it");
    let mut whole = batch("events", after, after + 10);
    whole.occurrences = life("b");
    store.write(&whole).await.expect("a batch");
    let whole = life("c");
    let (one, two) = whole.split_at(2);
    let mut pieces = [batch("events", after + 10, after + 11), batch("events", after + 11, after + 12)];
    (pieces[0].occurrences, pieces[1].occurrences) = (one.to_vec(), two.to_vec());
    store.write_all(&pieces).await.expect("two batches at once");
    assert_eq!(every(store, &OccurrenceQuery::default(), 2).await, [stand("c"), stand("b"), stand("a")]);

    // Late news of an earlier activation does not make it younger, and nothing is lost to what an event does not know.
    let mut more = batch("events", after + 12, after + 13);
    more.occurrences = vec![change(false, OccurrenceRow { raised_at: at(5), recorded_at: at(60), ..later("a", 3) })];
    store.write(&more).await.expect("a batch");
    let got = every(store, &OccurrenceQuery::default(), 10).await;
    assert_eq!(got[2], OccurrenceRow { raised_at: at(5), ..stand("a") });
}

pub(super) async fn are_filtered_and_paged(store: &dyn Store) {
    let mut all = batch("events", 0, 1_000);
    let word = |n: u64, words: [&str; 3]| words[(n % 3) as usize].to_owned();
    let rows: Vec<OccurrenceRow> = (0..1_200_u64)
        .map(|n| OccurrenceRow {
            subject: format!("p{}", n % 7),
            alarm: word(n, ["high", "low", "stale"]),
            priority: word(n / 3, ["low", "high", "critical"]),
            park: word(n / 9, ["rugang", "", "下沙"]),
            enterprise: format!("e{:02}", n % 11),
            installation: word(n, ["", "tank-farm", "reactor"]),
            operator: word(n / 2, ["", "west", "east"]),
            closed_at: if n % 5 == 0 { None } else { at(5_000) },
            ..raised(&format!("id-{n}"), n + 1, (n as i64 * 7_919) % 400)
        })
        .collect();
    all.occurrences = rows.iter().map(|row| OccurrenceChange { row: row.clone(), raise: true }).collect();
    store.write(&all).await.expect("a batch");
    let texts = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
    let every_field = OccurrenceQuery {
        subjects: texts(&["p1", "p2", "p3"]),
        alarms: texts(&["high", "stale"]),
        priorities: texts(&["critical", "high"]),
        parks: texts(&["rugang", ""]),
        enterprises: (0..10).map(|n| format!("e{n:02}")).collect(),
        installations: texts(&["", "reactor"]),
        operators: texts(&["west", "east"]),
        open: Some(false),
        from: at(10),
        to: at(390),
    };
    let queries = [
        OccurrenceQuery::default(),
        OccurrenceQuery { subjects: texts(&["p3", "unknown"]), ..OccurrenceQuery::default() },
        OccurrenceQuery { parks: texts(&[""]), open: Some(true), ..OccurrenceQuery::default() },
        OccurrenceQuery { from: at(100), to: at(101), ..OccurrenceQuery::default() },
        OccurrenceQuery { from: at(101), to: at(100), ..OccurrenceQuery::default() },
        OccurrenceQuery { subjects: texts(&["P3", "p3\0"]), ..OccurrenceQuery::default() },
        every_field,
    ];
    let is_in = |list: &[String], text: &String| list.is_empty() || list.contains(text);
    for query in queries {
        let mut want: Vec<OccurrenceRow> = rows
            .iter()
            .filter(|row| is_in(&query.subjects, &row.subject) && is_in(&query.alarms, &row.alarm))
            .filter(|row| is_in(&query.priorities, &row.priority) && is_in(&query.parks, &row.park))
            .filter(|row| is_in(&query.enterprises, &row.enterprise) && is_in(&query.installations, &row.installation))
            .filter(|row| is_in(&query.operators, &row.operator))
            .filter(|row| query.open.is_none_or(|open| row.closed_at.is_none() == open))
            .filter(|row| row.raised_at >= query.from && query.to.is_none_or(|to| row.raised_at < Some(to)))
            .cloned()
            .collect();
        want.sort_by(|a, b| (b.raised_at, &b.id).cmp(&(a.raised_at, &a.id)));
        for limit in [7, 100, 10_000] {
            assert_eq!(every(store, &query, limit).await, want, "{query:?} in pages of {limit}");
        }
    }
}

pub(super) async fn hold_whatever_an_event_holds(store: &dyn Store) {
    let odd = OccurrenceRow {
        subject: "\0' or 1=1 --\u{10ffff}".to_owned(),
        operator: "操作员".to_owned(),
        activations: u32::MAX,
        position: Position(i64::MAX as u64),
        recorded_at: Some(Time::MAX),
        value: Some(-0.0),
        limit: Some(f64::MAX),
        closed_at: Some(Time::MAX),
        ..raised("\0", 1, 3)
    };
    let unknown = OccurrenceRow { state: "closed".to_owned(), ..later("lost its raise", 7) };
    let no_number = OccurrenceRow { value: Some(f64::NAN), limit: Some(f64::INFINITY), ..raised("n", 8, 2) };
    let mut all = batch("events", 0, 9);
    all.occurrences =
        [&odd, &unknown, &no_number].map(|row| OccurrenceChange { row: row.clone(), raise: false }).into_iter().collect();
    store.write(&all).await.expect("nothing is refused");
    let want = [odd.clone(), OccurrenceRow { value: None, limit: None, ..no_number }, unknown.clone()];
    for limit in [1, 10] {
        assert_eq!(every(store, &OccurrenceQuery::default(), limit).await, want, "what has no raise comes last");
    }
    let by_subject = OccurrenceQuery { subjects: vec![odd.subject.clone()], ..OccurrenceQuery::default() };
    assert_eq!(every(store, &by_subject, 5).await, [odd]);
    let mut news = batch("events", 9, 10);
    news.occurrences = vec![OccurrenceChange { row: raised("lost its raise", 6, 1), raise: true }];
    store.write(&news).await.expect("a batch");
    let got = every(store, &OccurrenceQuery::default(), 10).await;
    assert_eq!(got[2], OccurrenceRow { position: Position(7), ..raised("lost its raise", 6, 1) });

    let many = OccurrenceQuery { operators: vec!["west".to_owned(); MAX_FILTER_TERMS + 1], ..OccurrenceQuery::default() };
    let error = store.occurrences(&many, None, 1).await.expect_err("too many");
    assert_eq!((error.kind(), error.field()), (ErrorKind::InvalidInput, Some("operators")));
    let list: Vec<String> = (0..MAX_FILTER_TERMS).map(|n| format!("\"\\{n}\u{1}")).chain(["west".to_owned()]).skip(1).collect();
    let most = OccurrenceQuery {
        subjects: list.clone(),
        alarms: list.clone(),
        priorities: list.clone(),
        parks: list.clone(),
        enterprises: list.clone(),
        installations: list.clone(),
        operators: list.clone(),
        ..OccurrenceQuery::default()
    };
    assert_eq!(store.occurrences(&most, None, 1).await.expect("just few enough").rows, []);
    let found = OccurrenceQuery { operators: list, ..OccurrenceQuery::default() };
    assert_eq!(every(store, &found, 10).await.len(), 2, "each of many texts is compared as it is");
}
