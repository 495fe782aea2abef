//! Lives of joint cases.

use super::*;
use crate::{CLOSED_KEPT, Case};

type Tasks = Vec<(DepartmentId, String, Time)>;
type Change<'a> = &'a dyn Fn(&mut Place, &mut Tasks, &mut Vec<EventId>);

/// Transport has until 100 s, ecology until 200 s.
fn open(office: &mut Office, seconds: i64) -> EventId {
    let said = office.want(seconds, "emergency", opening(office, seconds));
    assert_eq!(said, "case.opened e1");
    office.last()
}

fn opening(office: &Office, seconds: i64) -> Want {
    Want::Open {
        title: "装载量与库存不符".to_owned(),
        place: place(WarningPlace::Enterprise, "e1"),
        tasks: vec![
            (department("transport"), "查运单".to_owned(), at(seconds + 100)),
            (department("ecology"), "查台账".to_owned(), at(seconds + 200)),
        ],
        evidence: office.journal.first().map(|it| vec![it.id.clone()]).unwrap_or_default(),
    }
}

fn opened() -> (Office, EventId) {
    let mut office = Office::new();
    office.raise(0);
    let case = open(&mut office, 0);
    (office, case)
}

fn answer(case: &EventId) -> Want {
    Want::Answer { case: case.clone(), evidence: vec![case.clone()] }
}

fn extend(case: &EventId, of: &str, seconds: i64) -> Want {
    Want::Extend { case: case.clone(), of: department(of), due: at(seconds) }
}

fn known<'a>(office: &'a Office, case: &EventId) -> &'a Case {
    office.fold.case(case).expect("known")
}

#[test]
fn a_case_closes_by_itself_when_all_have_answered() {
    let (mut office, case) = opened();
    assert_eq!(office.fold.next_deadline(), Some(at(100)));
    assert_eq!(office.want(99, "transport", answer(&case)), "case.answered e1 transport");
    assert_eq!((office.say(199), office.fold.next_deadline()), (vec![], Some(at(200))));
    assert_eq!(office.want(199, "ecology", answer(&case)), "case.answered e1 ecology");
    assert_eq!(office.say(199), ["case.closed e1"]);
    assert_eq!((office.say(10_000), office.fold.next_deadline()), (vec![], None));
    let case = known(&office, &case);
    assert!(case.ended.as_ref().is_some_and(|it| !it.cancelled && it.at == at(199) && it.actor.is_empty()));
    assert_eq!(
        case.tasks.iter().map(|it| (it.name.as_str(), it.overdue)).collect::<Vec<_>>(),
        [("transport 局", false), ("ecology 局", false)]
    );
    assert_eq!(case.scope.park.as_deref(), Some("p"));
}

#[test]
fn a_late_task_is_said_once_and_its_answer_is_marked() {
    let (mut office, case) = opened();
    assert_eq!(office.say(99), [""; 0]);
    assert_eq!(office.say(100), ["case.overdue e1 transport late"], "the due time itself is late");
    assert_eq!(office.say(150), [""; 0]);
    assert!(known(&office, &case).is_late(at(150)));
    assert_eq!(office.want(150, "transport", answer(&case)), "case.answered e1 transport late");
    assert!(!known(&office, &case).is_late(at(150)));
    // Both while nobody ran: late, then nothing more.
    assert_eq!(office.say(5_000), ["case.overdue e1 ecology late"]);
    assert_eq!((office.say(9_000), office.fold.next_deadline()), (vec![], None));
}

#[test]
fn an_extension_is_on_record_and_starts_the_clock_anew() {
    let (mut office, case) = opened();
    office.say(100);
    assert_eq!(office.want(110, "emergency", extend(&case, "transport", 300)), "case.extended e1 transport");
    assert_eq!((office.say(199), office.fold.next_deadline()), (vec![], Some(at(200))));
    assert_eq!(office.say(300), ["case.overdue e1 transport late", "case.overdue e1 ecology late"]);
    let task = &known(&office, &case).tasks[0];
    let extension = &task.extensions[0];
    assert_eq!((extension.at, extension.from, extension.to, task.due), (at(110), at(100), at(300), at(300)));
    assert_eq!((extension.actor.as_str(), extension.text.as_str()), ("li", "done so"));
}

#[test]
fn its_opener_ends_it_with_a_reason() {
    let (mut office, case) = opened();
    assert_eq!(office.want(10, "emergency", Want::Cancel { case: case.clone() }), "case.cancelled e1 emergency");
    assert_eq!((office.say(1_000), office.fold.next_deadline()), (vec![], None));
    assert!(known(&office, &case).ended.as_ref().is_some_and(|it| it.cancelled && it.text == "done so"));
    assert_eq!(office.want(11, "transport", answer(&case)), "case.refused e1 transport answer wrong_state");
}

/// The desk may know journal time only up to the last event; whoever asked knew more.
#[test]
fn what_was_asked_late_is_late() {
    let (mut office, case) = opened();
    let ask = Ask { at: at(100), ..office.ask("transport", answer(&case)) };
    assert_eq!(office.send(10, &ask), "case.answered e1 transport late");
}

#[test]
fn what_is_refused() {
    let (mut office, case) = opened();
    let mut refused = |who: &str, want: Want, why: &str| {
        let action = want.action().as_str();
        assert_eq!(office.want(50, who, want), format!("case.refused e1 {who} {action} {why}"));
    };
    refused("emergency", answer(&case), "not_assigned");
    refused("nobody", answer(&case), "not_assigned");
    refused("transport", extend(&case, "transport", 300), "not_allowed");
    refused("emergency", extend(&case, "emergency", 300), "not_assigned");
    refused("emergency", extend(&case, "transport", 100), "bad_time");
    refused("transport", Want::Cancel { case: case.clone() }, "not_allowed");
    let mut silent = office.ask("transport", answer(&case));
    silent.text = " ".to_owned();
    assert_eq!(office.send(51, &silent), "case.refused e1 transport answer no_evidence");
    let mut silent = office.ask("emergency", extend(&case, "transport", 300));
    silent.text.clear();
    assert_eq!(office.send(52, &silent), "case.refused e1 emergency extend no_evidence");
    office.want(53, "transport", answer(&case));
    assert_eq!(office.want(54, "transport", answer(&case)), "case.refused e1 transport answer wrong_state");
    assert_eq!(office.want(55, "emergency", extend(&case, "transport", 300)), "case.refused e1 emergency extend wrong_state");
    assert_eq!(known(&office, &case).tasks[0].due, at(100), "none of that changed anything");
    let stranger = office.ask("transport", answer(&office.journal[0].id));
    assert!(office.fold.judge(&stranger, at(56)).is_none(), "nobody knows what was never opened");
}

#[test]
fn what_no_case_is_opened_for() {
    let mut office = Office::new();
    office.raise(0);
    let mut check = |who: &str, why: &str, change: Change<'_>| {
        let Want::Open { title, mut place, mut tasks, mut evidence } = opening(&office, 0) else { panic!("an opening") };
        change(&mut place, &mut tasks, &mut evidence);
        let subject = Arc::clone(&place.id);
        let said = office.want(0, who, Want::Open { title, place, tasks, evidence });
        assert_eq!(said, format!("case.refused {subject} {who} open {why}"));
    };
    check("nobody", "unknown_department", &|_, _, _| {});
    check("emergency", "unknown_place", &|place, _, _| place.id = Arc::from("e9"));
    check("emergency", "unknown_place", &|place, _, _| *place = super::place(WarningPlace::Installation, "e1-u1"));
    check("emergency", "no_evidence", &|_, _, evidence| evidence.clear());
    check("emergency", "no_evidence", &|_, tasks, _| tasks.clear());
    check("emergency", "no_evidence", &|_, tasks, _| tasks[0].1.clear());
    check("emergency", "unknown_department", &|_, tasks, _| tasks[0].0 = department("nobody"));
    check("emergency", "wrong_state", &|_, tasks, _| tasks[1].0 = tasks[0].0.clone());
    check("emergency", "bad_time", &|_, tasks, _| tasks[1].2 = at(0));
    assert_eq!(office.fold.cases().count(), 0);
}

#[test]
fn a_repeat_finds_its_outcome_for_a_day() {
    let (mut office, case) = opened();
    let ask = office.ask("transport", answer(&case));
    office.send(5, &ask);
    let outcome = office.fold.outcome(&ask.request_id).expect("remembered").clone();
    assert_eq!(
        (outcome.action.as_str(), &outcome.of, outcome.at, &outcome.refused),
        ("answer", &Some(case.clone()), at(5), &None)
    );
    assert_eq!((outcome.event, outcome.department), (office.last(), department("transport")));
    let refused = office.ask("transport", answer(&case));
    office.send(6, &refused);
    let outcome = office.fold.outcome(&refused.request_id).expect("remembered");
    assert_eq!(outcome.refused.as_ref().map(|(why, _)| why.as_str()), Some("wrong_state"));
    let later = office.ask("emergency", extend(&case, "ecology", 100_000));
    office.send(86_406, &later);
    assert!(office.fold.outcome(&ask.request_id).is_none() && office.fold.outcome(&refused.request_id).is_some());
    let opened = office.ask("emergency", opening(&office, 90_000));
    office.send(90_000, &opened);
    assert_eq!(office.fold.outcome(&opened.request_id).and_then(|it| it.of.clone()), Some(office.last()), "its own name");
}

#[test]
fn ended_ones_are_kept_for_lists_up_to_a_number() {
    let (mut office, first) = opened();
    for round in 0..CLOSED_KEPT {
        let case = if round == 0 { first.clone() } else { open(&mut office, 1) };
        office.want(2, "emergency", Want::Cancel { case });
    }
    assert!(office.fold.case(&first).is_some());
    let case = open(&mut office, 3);
    office.want(4, "emergency", Want::Cancel { case });
    assert!(office.fold.case(&first).is_none());
    assert_eq!(office.fold.cases().count(), CLOSED_KEPT);
}
