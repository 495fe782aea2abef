//! Repeats, samples and what of them is news, and bounds.

use super::*;
use crate::changes::{Count, Filling};
use crate::{KNOWN_MAX, Reason, SILENCE, reporters};

#[test]
fn a_repeat_changes_nothing_and_another_content_is_refused() {
    let mut desk = Desk::new();
    let first = Draft { occurred_at: Some(at(5)), ..draft("r", "emergency", AllClear { place: text("unit") }) };
    let event = desk.submit(10, &first).expect("taken");
    assert!(event.is_some());
    for repeat in
        [first.clone(), Draft { occurred_at: None, ..first.clone() }, Draft { enterprise: text("e01"), ..first.clone() }]
    {
        assert_eq!(desk.submit(20, &repeat).expect("answered"), event);
    }
    let others = [
        Draft { actor: text("wang"), ..first.clone() },
        Draft { text: text("x"), ..first.clone() },
        Draft { occurred_at: Some(at(6)), ..first.clone() },
        Draft { about: event.clone().into_iter().collect(), ..first.clone() },
        Draft { park: text("yangkou"), ..first.clone() },
        Draft { body: AllClear { place: text("e01") }.into(), ..first.clone() },
        Draft { department: DepartmentId::new("county").expect("valid"), ..first.clone() },
    ];
    for other in others {
        let refusal = desk.submit(20, &other).expect_err("another report");
        assert_eq!((refusal.reason, refusal.field), (Reason::Reused, "request_id"), "{other:?}");
    }
    assert_eq!(desk.journal.len(), 1);
    // Forgotten after a day, when the next report is on record.
    let day = 24 * 3_600;
    desk.submit(11 + day, &draft("s", "emergency", AllClear { place: text("unit") })).expect("taken");
    let anew = Draft { occurred_at: None, actor: text("wang"), ..first };
    assert_ne!(desk.submit(12 + day, &anew).expect("taken"), event);
    assert_eq!(desk.journal.len(), 3);
}

#[test]
fn a_head_count_is_news_when_somebody_comes_or_all_are_gone() {
    let mut desk = Desk::new();
    for (n, (people, news)) in [(0, true), (0, false), (3, true), (5, false), (0, true), (0, false), (1, true)].iter().enumerate()
    {
        let taken =
            desk.submit(i64::try_from(n).expect("small"), &draft(&format!("r{n}"), "office", head_count("unit", *people)));
        assert_eq!(taken.expect("taken").is_some(), *news, "{n}: {people}");
    }
    assert!(desk.submit(9, &draft("other", "park", head_count("unit", 7))).expect("taken").is_some(), "in its own words");
    let late = Draft { occurred_at: Some(at(5)), ..draft("late", "office", head_count("unit", 0)) };
    assert_eq!(desk.submit(9, &late).expect("taken"), None, "older than what is known");
}

#[test]
fn a_yard_is_news_when_it_is_full_or_empty_or_no_longer() {
    let mut desk = Desk::new();
    let steps = [(1, 2, true), (2, 2, true), (3, 2, false), (1, 2, true), (0, 2, true), (0, 3, false), (1, 1, true)];
    for (n, (vehicles, capacity, news)) in steps.iter().enumerate() {
        let taken = desk.submit(1, &draft(&format!("r{n}"), "office", yard(*vehicles, *capacity)));
        assert_eq!(taken.expect("taken").is_some(), *news, "{n}");
    }
}

#[test]
fn a_position_is_news_after_silence_or_of_another_waybill() {
    let mut desk = Desk::new();
    let silence = SILENCE.micros() / 1_000_000;
    let steps = [
        (0, "W1", true),
        (silence, "W1", false),
        (2 * silence, "W1", false),
        (3 * silence + 1, "W1", true),
        (3 * silence + 2, "W2", true),
        (3 * silence + 3, "W2", false),
        (3 * silence + 4, "", true),
    ];
    for (n, (seconds, waybill, news)) in steps.iter().enumerate() {
        let taken = desk.submit(*seconds, &draft(&format!("r{n}"), "transport", position("v", waybill)));
        assert_eq!(taken.expect("taken").is_some(), *news, "{n}");
    }
    assert!(
        desk.submit(3 * silence + 4, &draft("park", "office", position("w", ""))).expect("taken").is_some(),
        "another vehicle"
    );
    // A vehicle is one vehicle, whoever sees it.
    assert!(desk.submit(3 * silence + 5, &draft("again", "transport", position("w", ""))).expect("taken").is_none());
}

#[test]
fn a_sample_that_is_repeated_is_the_same_sample() {
    let mut desk = Desk::new();
    desk.submit(0, &draft("a", "office", head_count("unit", 3))).expect("taken");
    let sample = draft("b", "office", head_count("unit", 5));
    assert_eq!(desk.submit(1, &sample).expect("taken"), None);
    desk.submit(2, &draft("c", "office", head_count("unit", 0))).expect("taken");
    let judged = desk.fold.judge(&sample, &mut desk.seen).expect("answered");
    assert_eq!(judged, Judged::Sampled { at: at(1) }, "nobody came back");
    let other = Draft { body: head_count("unit", 6).into(), ..sample };
    assert_eq!(desk.submit(3, &other).expect_err("another report").reason, Reason::Reused);
}

#[test]
fn samples_are_for_points_that_stand_for_them() {
    let desk = Desk::new();
    let office = draft("r", "office", yard(3, 10));
    let sample = desk.fold.sample(&office, at(7)).expect("a point stands for it");
    let values = vec![(text("P1.vehicles"), 3.0), (text("P1.capacity"), 10.0)];
    assert_eq!((&*sample.gateway, sample.at, sample.values), ("rugang/office/reports", at(7), values));
    assert_eq!(desk.fold.sample(&draft("r", "park", yard(3, 10)), at(7)), None, "no point names that department");
    let vehicle = desk.fold.sample(&draft("r", "office", position("v", "")), at(7)).expect("of the same department");
    let names: Vec<_> = vehicle.values.iter().map(|(tag, _)| tag.as_str()).collect();
    assert_eq!(names, ["v.lat", "v.lon", "v.speed_kmh"]);
    assert_eq!(desk.fold.sample(&draft("r", "emergency", AllClear { place: text("unit") }), at(7)), None, "no sample");
    let (_, body) = all().into_iter().find(|(_, body)| reporters(body.kind()).len() == 1).expect("there is one");
    assert_eq!(desk.fold.sample(&draft("r", "transport", body), at(7)), None);
}

#[test]
fn what_nothing_was_heard_of_for_longest_is_forgotten() {
    let mut desk = Desk::new();
    let place =
        |n: usize| (model::ReportKind::HeadCount, DepartmentId::new("office").expect("valid"), Arc::from(format!("p{n}")));
    for n in 0..KNOWN_MAX {
        desk.fold.changes.counts.set(place(n), Count { filling: Filling::Some, at: at(0) });
    }
    desk.submit(1, &draft("a", "office", head_count("p0", 0))).expect("taken");
    desk.submit(2, &draft("b", "office", head_count("new", 1))).expect("taken");
    assert_eq!(desk.fold.changes.counts.iter().count(), KNOWN_MAX);
    assert!(desk.fold.changes.counts.get(&place(0)).is_some() && desk.fold.changes.counts.get(&place(1)).is_none());
    assert_eq!(desk.said(), [("report.head_count", "p0"), ("report.head_count", "new")]);
}
