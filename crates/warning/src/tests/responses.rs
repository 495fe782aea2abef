//! What addressees say, and what is refused.

use model::{WarningStep, WarningTransition};

use super::*;

fn opened() -> Plant {
    let mut plant = Plant::new(vec![rule("high", Colour::Yellow, kinds(&[AlarmKind::High]))]);
    plant.raise(0, "e1-u1-A", AlarmKind::High);
    plant.say(0);
    plant
}

#[test]
fn a_step_in_time_stops_the_escalation_of_that_step() {
    let mut plant = opened();
    assert_eq!(plant.respond(59, "e1", WarningAction::Receive), "received e1-u1 yellow enterprise e1 received");
    assert_eq!((plant.say(299), plant.fold.next_deadline()), (Vec::new(), Some(at(300))));
    assert_eq!(plant.respond(299, "e1", WarningAction::Respond), "responded e1-u1 yellow enterprise e1 responded");
    assert_eq!((plant.say(3_599), plant.fold.next_deadline()), (Vec::new(), Some(at(3_600))));
    assert_eq!(plant.respond(3_599, "e1", WarningAction::Resolve), "resolved e1-u1 yellow enterprise e1 resolved");
    assert_eq!((plant.say(10_000), plant.fold.next_deadline()), (Vec::new(), None));
}

#[test]
fn a_later_step_implies_those_before_it() {
    let mut plant = opened();
    plant.respond(10, "e1", WarningAction::Resolve);
    assert_eq!((plant.say(10_000), plant.fold.next_deadline()), (Vec::new(), None));
    let warning = plant.fold.get(&plant.warning_id()).expect("known");
    let party = warning.party(&DepartmentId::new("e1").expect("valid")).expect("told");
    let done: Vec<_> = party.steps().map(|(_, step)| step.done.clone().expect("done")).collect();
    assert!(done.iter().all(|it| it.at == at(10) && it.actor == "li" && !it.late));
    assert_eq!((done[0].text.as_str(), done[2].text.as_str()), ("", "done so"));
}

#[test]
fn a_late_step_is_taken_and_marked() {
    let mut plant = opened();
    plant.say(61);
    assert_eq!(plant.respond(62, "e1", WarningAction::Receive), "received e1-u1 yellow park e1 received late");
    let warning = plant.fold.get(&plant.warning_id()).expect("known");
    let step = warning.addressees[0].step(WarningStep::Received).expect("told").clone();
    assert!(step.overdue && step.done.is_some_and(|it| it.late));
}

#[test]
fn feedback_may_be_given_again_and_the_first_time_counts() {
    let mut plant = opened();
    plant.respond(10, "e1", WarningAction::Respond);
    let mut again = plant.response("e1", WarningAction::Respond);
    again.text = "valve shut".to_owned();
    plant.send(20, &again);
    let warning = plant.fold.get(&plant.warning_id()).expect("known");
    let done = warning.addressees[0].step(WarningStep::Responded).expect("told").done.clone().expect("done");
    assert_eq!((done.at, done.text.as_str()), (at(10), "valve shut"));
}

#[test]
fn what_is_refused() {
    let mut plant = opened();
    let refused = |plant: &mut Plant, who: &str, action, why: &str| {
        let word = model::WarningAction::as_str(action);
        assert!(plant.respond(10, who, action).ends_with(&format!(" {who} {word} {why}")), "{who} {word} {why}");
    };
    refused(&mut plant, "e2", WarningAction::Receive, "not_addressed");
    refused(&mut plant, "park", WarningAction::Receive, "not_addressed");
    plant.respond(10, "e1", WarningAction::Receive);
    refused(&mut plant, "e1", WarningAction::Receive, "wrong_state");
    for action in [WarningAction::Respond, WarningAction::Resolve, WarningAction::Close, WarningAction::Cancel] {
        let mut empty = plant.response("e1", action);
        (empty.text, empty.evidence) = (" ".to_owned(), Vec::new());
        assert!(plant.send(11, &empty).ends_with(" no_evidence"), "{action:?}");
    }
    let mut unproven = plant.response("e1", WarningAction::Close);
    unproven.evidence.clear();
    assert!(plant.send(11, &unproven).ends_with(" close no_evidence"));
    assert_eq!(plant.say(300).len(), 2, "none of that was an answer");
    refused(&mut plant, "e1", WarningAction::Close, "not_allowed");
    assert_eq!(plant.respond(301, "park", WarningAction::Close), "closed e1-u1 yellow park park");
    for action in WarningAction::ALL {
        refused(&mut plant, "park", *action, "wrong_state");
    }
}

#[test]
fn what_reached_nobody_is_ended_by_any_department_of_the_site() {
    let mut nobody = rule("nobody", Colour::Yellow, kinds(&[AlarmKind::High]));
    nobody.addressees.clear();
    let mut plant = Plant::new(vec![nobody]);
    plant.raise(0, "e1-u1-A", AlarmKind::High);
    plant.say(0);
    assert!(plant.respond(1, "park", WarningAction::Receive).ends_with("receive not_addressed"));
    assert!(plant.respond(1, "stranger", WarningAction::Close).ends_with("close not_addressed"));
    assert_eq!(plant.respond(2, "park", WarningAction::Close), "closed e1-u1 yellow enterprise park");
}

#[test]
fn a_repeat_finds_its_outcome_for_a_day() {
    let mut plant = opened();
    let response = plant.response("e1", WarningAction::Receive);
    plant.send(5, &response);
    let outcome = plant.fold.outcome(&response.request_id).expect("remembered").clone();
    assert_eq!((outcome.action, outcome.at, outcome.refused), (WarningAction::Receive, at(5), None));
    let refused = plant.response("e2", WarningAction::Close);
    plant.send(6, &refused);
    let outcome = plant.fold.outcome(&refused.request_id).expect("remembered");
    assert_eq!(outcome.refused.as_ref().map(|(why, _)| why.as_str()), Some("not_addressed"));
    let later = plant.response("e1", WarningAction::Respond);
    plant.send(86_406, &later);
    assert!(plant.fold.outcome(&response.request_id).is_none() && plant.fold.outcome(&refused.request_id).is_some());
}

#[test]
fn nobody_knows_what_was_never_opened() {
    let plant = opened();
    let mut response = plant.response("e1", WarningAction::Receive);
    response.warning = plant.journal[0].id.clone();
    assert!(plant.fold.judge(&response, at(1)).is_none());
}

#[test]
fn closed_ones_are_kept_for_lists_up_to_a_number() {
    let mut plant = opened();
    let first = plant.warning_id();
    for round in 0..i64::try_from(crate::CLOSED_KEPT).expect("small") {
        plant.respond(10 * round + 5, "e1", WarningAction::Close);
        plant.clear(10 * round + 6, "e1-u1-A", AlarmKind::High);
        plant.raise(10 * round + 7, "e1-u1-A", AlarmKind::High);
        plant.say(10 * round + 7);
    }
    assert!(plant.fold.get(&first).is_some());
    plant.respond(100_000, "e1", WarningAction::Close);
    assert!(plant.fold.get(&first).is_none());
    assert_eq!((plant.fold.iter().count(), plant.fold.open().count()), (crate::CLOSED_KEPT, 0));
    assert_eq!(change(&plant.journal.last().expect("one").event).transition, WarningTransition::Closed);
}
