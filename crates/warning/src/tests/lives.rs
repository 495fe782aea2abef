//! Lives of warnings, one after the other.

use super::*;

const HIGH: AlarmKind = AlarmKind::High;
const WORSE: AlarmKind = AlarmKind::HighHigh;

fn two_colours() -> Vec<WarningRule> {
    vec![rule("high", Colour::Yellow, kinds(&[HIGH])), rule("worse", Colour::Red, kinds(&[WORSE]))]
}

#[test]
fn an_alarm_opens_one_warning_and_its_return_is_said() {
    let mut plant = Plant::new(vec![rule("high", Colour::Yellow, kinds(&[HIGH]))]);
    plant.raise(1, "e1-u1-LI", WORSE);
    assert_eq!(plant.say(1), [""; 0]);
    plant.raise(2, "e1-u1-PI", HIGH);
    assert_eq!(plant.say(2), ["opened e1-u1 yellow enterprise: e1@62 park county-emergency county-fire"]);
    plant.raise(3, "e1-u1-TI", HIGH);
    plant.clear(4, "e1-u1-PI", HIGH);
    plant.raise(5, "e1-u1-PI", HIGH);
    assert_eq!(plant.say(5), [""; 0], "another alarm of the same place joins it");
    plant.raise(6, "e1-u2-PI", HIGH);
    assert_eq!(plant.say(6), ["opened e1-u2 yellow enterprise: e1@66 park county-emergency county-fire"]);
    plant.clear(7, "e1-u2-PI", HIGH);
    assert_eq!(plant.say(65), ["overdue e1-u1 yellow enterprise e1 received late", "escalated e1-u1 yellow park: park@125"]);
    let said = plant.say(67);
    assert!(said.contains(&"condition_returned e1-u2 yellow enterprise".to_owned()), "{said:?}");
    let warning = plant.fold.get(&plant.warning_id()).expect("known");
    assert!(warning.closed.is_none() && warning.returned_at == Some(at(67)));
}

#[test]
fn deadlines_escalate_from_level_to_level_once() {
    let mut plant = Plant::new(two_colours());
    plant.raise(0, "e1-u1-PI", HIGH);
    plant.say(0);
    assert_eq!(plant.fold.next_deadline(), Some(at(60)));
    assert_eq!(plant.say(59), [""; 0]);
    assert_eq!(plant.say(60), ["overdue e1-u1 yellow enterprise e1 received late", "escalated e1-u1 yellow park: park@120"]);
    assert_eq!(plant.say(60), [""; 0]);
    let county = "escalated e1-u1 yellow county: county-emergency@180 county-fire@180";
    assert_eq!(plant.say(120), ["overdue e1-u1 yellow park park received late", county]);
    // Nobody answers for what nobody is above: the steps are late, and that is all.
    let late = plant.say(100_000);
    assert_eq!(late.len(), 10, "{late:?}");
    assert!(late.iter().all(|it| it.starts_with("overdue")), "{late:?}");
    assert_eq!((plant.say(200_000), plant.fold.next_deadline()), (Vec::new(), None));
}

#[test]
fn a_worse_rule_lifts_the_colour_and_everybody_starts_anew() {
    let mut plant = Plant::new(two_colours());
    plant.raise(0, "e1-u1-PI", HIGH);
    plant.say(0);
    plant.respond(10, "e1", WarningAction::Receive);
    plant.raise(20, "e1-u1-PI", WORSE);
    assert_eq!(plant.say(20), ["adjusted e1-u1 red enterprise: e1@80"]);
    let warning = plant.fold.get(&plant.warning_id()).expect("known");
    assert_eq!((warning.name.as_str(), warning.colour), ("worse 预警", Colour::Red));
    let e1 = &warning.addressees[0];
    let deadlines: Vec<_> = e1.steps().map(|(_, step)| step.deadline.since(at(0)).micros() / 1_000_000).collect();
    assert_eq!(deadlines, [80, 300, 3_600], "nobody gets more time for what was to be done anyway");
    assert!(e1.steps().all(|(_, step)| step.done.is_none()));
    plant.raise(21, "e1-u1-TI", HIGH);
    assert_eq!(plant.say(21), [""; 0], "a lesser rule that addresses nobody else is no news");
}

#[test]
fn both_rules_at_once_are_one_warning_of_the_worse_colour() {
    let mut plant = Plant::new(two_colours());
    plant.raise(0, "e1-u1-PI", HIGH);
    plant.raise(0, "e1-u1-PI", WORSE);
    assert_eq!(plant.say(0), ["opened e1-u1 red enterprise: e1@60 park county-emergency county-fire"]);
}

#[test]
fn a_lesser_rule_adds_those_it_addresses() {
    let mut rules = two_colours();
    rules[1].addressees.truncate(1);
    let mut plant = Plant::new(rules);
    plant.raise(0, "e1-u1-PI", WORSE);
    assert_eq!(plant.say(0), ["opened e1-u1 red enterprise: e1@60"]);
    plant.raise(1, "e1-u1-PI", HIGH);
    assert_eq!(plant.say(1), ["adjusted e1-u1 red enterprise: park county-emergency county-fire"]);
    let warning = plant.fold.get(&plant.warning_id()).expect("known");
    assert_eq!((warning.name.as_str(), warning.action.as_str()), ("worse 预警", "evacuate"));
}

#[test]
fn a_rule_of_the_same_colour_may_tell_further_levels() {
    let mut rules = two_colours();
    (rules[1].colour, rules[1].level) = (Colour::Yellow, Some(Level::Park));
    let mut plant = Plant::new(rules);
    plant.raise(0, "e1-u1-PI", HIGH);
    plant.say(0);
    plant.raise(1, "e1-u1-PI", WORSE);
    assert_eq!(plant.say(1), ["adjusted e1-u1 yellow park: park@61"], "the enterprise knows and has nothing to do anew");
}

#[test]
fn topics_are_warnings_of_their_own() {
    let mut rules = two_colours();
    rules[1].topic = "pressure".to_owned();
    let mut plant = Plant::new(rules);
    plant.raise(0, "e1-u1-PI", HIGH);
    plant.raise(0, "e1-u1-PI", WORSE);
    assert_eq!(plant.say(0).len(), 2);
    assert_eq!(plant.fold.open().count(), 2);
}

#[test]
fn a_count_is_of_alarms_that_stand_at_the_same_time_at_one_place() {
    let several = WarningRule { count: 3, per: WarningPlace::Enterprise, ..rule("many", Colour::Orange, kinds(&[HIGH])) };
    let mut plant = Plant::new(vec![several]);
    plant.raise(0, "e1-u1-A", HIGH);
    plant.raise(1, "e1-u2-B", HIGH);
    plant.raise(2, "e2-u1-C", HIGH);
    plant.clear(3, "e1-u1-A", HIGH);
    plant.raise(4, "e1-u3-D", HIGH);
    assert_eq!(plant.say(4), [""; 0]);
    plant.raise(5, "e1-u3-E", HIGH);
    assert_eq!(plant.say(5), ["opened e1 orange enterprise: e1@65 park county-emergency county-fire"]);
    let opened = change(&plant.journal.last().expect("one").event);
    assert_eq!((opened.alarms.len(), opened.place), (3, WarningPlace::Enterprise));
    assert_eq!(plant.journal.last().expect("one").event.scope.installation, None);
}

#[test]
fn a_condition_has_to_hold_without_a_break() {
    let held = WarningRule { hold: Span::from_secs(30), ..rule("held", Colour::Blue, kinds(&[HIGH])) };
    let mut plant = Plant::new(vec![held]);
    plant.raise(0, "e1-u1-A", HIGH);
    assert_eq!((plant.say(29), plant.fold.next_deadline()), (Vec::new(), Some(at(30))));
    plant.clear(29, "e1-u1-A", HIGH);
    assert_eq!((plant.say(30), plant.fold.next_deadline()), (Vec::new(), None));
    plant.raise(31, "e1-u1-A", HIGH);
    plant.alarm(40, "e1-u1-A", HIGH, AlarmState::Acknowledged);
    assert_eq!(plant.say(61).len(), 1, "an acknowledgement is no break");
    assert_eq!(plant.journal.last().expect("one").event.occurred_at, at(61));
}

#[test]
fn what_is_hidden_later_has_not_returned_and_what_was_hidden_before_does_not_count() {
    let mut plant = Plant::new(vec![rule("high", Colour::Yellow, kinds(&[HIGH]))]);
    plant.alarm(0, "e1-u1-A", HIGH, AlarmState::Shelved);
    assert_eq!(plant.say(0), [""; 0]);
    plant.raise(1, "e1-u1-A", HIGH);
    plant.say(1);
    plant.alarm(2, "e1-u1-A", HIGH, AlarmState::Shelved);
    plant.respond(3, "e1", WarningAction::Resolve);
    assert_eq!(plant.say(1_000), [""; 0]);
    plant.alarm(1_001, "e1-u1-A", HIGH, AlarmState::ReturnedUnacknowledged);
    assert_eq!(plant.say(1_061), ["condition_returned e1-u1 yellow enterprise"]);
}

#[test]
fn a_condition_that_is_back_is_said_and_starts_everybody_anew() {
    let mut plant = Plant::new(vec![rule("high", Colour::Yellow, kinds(&[HIGH]))]);
    plant.raise(0, "e1-u1-A", HIGH);
    plant.say(0);
    plant.respond(1, "e1", WarningAction::Resolve);
    plant.clear(2, "e1-u1-A", HIGH);
    plant.raise(30, "e1-u1-A", HIGH);
    plant.clear(31, "e1-u1-A", HIGH);
    assert_eq!((plant.say(62), plant.fold.next_deadline()), (Vec::new(), Some(at(91))), "what comes back soon never returned");
    assert_eq!(plant.say(91), ["condition_returned e1-u1 yellow enterprise"]);
    plant.raise(100, "e1-u1-A", HIGH);
    assert_eq!(plant.say(100), ["adjusted e1-u1 yellow enterprise: e1@160"]);
    assert_eq!(plant.say(160).len(), 2, "late again");
}

#[test]
fn a_closed_warning_is_over_until_its_condition_comes_again() {
    let mut plant = Plant::new(two_colours());
    plant.raise(0, "e1-u1-A", HIGH);
    plant.say(0);
    assert_eq!(plant.respond(5, "e1", WarningAction::Close), "closed e1-u1 yellow enterprise e1");
    assert_eq!((plant.say(100_000), plant.fold.next_deadline()), (Vec::new(), None));
    plant.raise(100_001, "e1-u1-B", HIGH);
    assert_eq!(plant.say(100_001), [""; 0], "the condition has held all the time");
    plant.raise(100_002, "e1-u1-B", WORSE);
    assert_eq!(plant.say(100_002).len(), 1, "a worse one is met for the first time");
    plant.respond(100_003, "e1", WarningAction::Cancel);
    plant.clear(100_004, "e1-u1-A", HIGH);
    plant.clear(100_004, "e1-u1-B", HIGH);
    plant.raise(100_005, "e1-u1-A", HIGH);
    assert_eq!(plant.say(100_005).len(), 1);
}

#[test]
fn a_lesser_rule_that_held_all_along_opens_nothing_after_the_end() {
    let mut plant = Plant::new(two_colours());
    plant.raise(0, "e1-u1-A", HIGH);
    plant.raise(0, "e1-u1-A", WORSE);
    plant.say(0);
    assert_eq!(plant.respond(5, "e1", WarningAction::Close), "closed e1-u1 red enterprise e1");
    assert_eq!(plant.say(6), [""; 0], "yellow was part of the red one");
    plant.clear(7, "e1-u1-A", HIGH);
    plant.raise(8, "e1-u1-A", HIGH);
    assert_eq!(plant.say(8), ["opened e1-u1 yellow enterprise: e1@68 park county-emergency county-fire"]);
}

#[test]
fn a_rule_may_close_by_itself() {
    let closing = WarningRule { close_on_return: true, ..rule("self", Colour::Blue, kinds(&[HIGH])) };
    let mut plant = Plant::new(vec![closing]);
    plant.raise(0, "e1-u1-A", HIGH);
    plant.say(0);
    plant.clear(1, "e1-u1-A", HIGH);
    plant.respond(2, "e1", WarningAction::Receive);
    assert_eq!(plant.say(61), ["condition_returned e1-u1 blue enterprise", "closed e1-u1 blue enterprise"]);
    let warning = plant.fold.get(&plant.warning_id()).expect("kept for lists");
    assert!(warning.closed.as_ref().is_some_and(|it| !it.cancelled && it.department.is_none()));
    assert_eq!(plant.say(100_000), [""; 0]);
}

#[test]
fn a_rule_may_tell_several_levels_at_once_and_never_escalate() {
    let wide = WarningRule { level: Some(Level::Park), escalate: false, ..rule("wide", Colour::Red, kinds(&[HIGH])) };
    let mut plant = Plant::new(vec![wide]);
    plant.raise(0, "e1-u1-A", HIGH);
    assert_eq!(plant.say(0), ["opened e1-u1 red park: e1@60 park@60 county-emergency county-fire"]);
    let late = plant.say(60);
    assert_eq!(late, ["overdue e1-u1 red park e1 received late", "overdue e1-u1 red park park received late"]);
}

#[test]
fn who_does_not_answer_for_a_place_is_not_addressed() {
    let mut plant = Plant::new(vec![rule("high", Colour::Yellow, kinds(&[HIGH]))]);
    plant.raise(0, "e3-u1-A", HIGH);
    assert_eq!(plant.say(0), ["opened e3-u1 yellow park: park@60 county-emergency county-fire"]);
    let mut nobody = rule("nobody", Colour::Yellow, kinds(&[HIGH]));
    nobody.addressees.clear();
    let mut plant = Plant::new(vec![nobody]);
    plant.raise(0, "e1-u1-A", HIGH);
    assert_eq!(plant.say(0), ["opened e1-u1 yellow enterprise"], "it stands in the list all the same");
}

#[test]
fn a_site_that_changes_keeps_what_was_told() {
    let mut plant = Plant::new(two_colours());
    plant.raise(0, "e1-u1-A", HIGH);
    plant.raise(0, "e2-u1-A", WORSE);
    plant.say(0);
    plant.fold.revise(
        &revision(2, vec![rule("worse", Colour::Orange, kinds(&[WORSE])), rule("new", Colour::Blue, kinds(&[WORSE]))]),
        at(10),
    );
    assert_eq!(plant.say(10), [""; 0], "the lesser new rule joins, and what holds is not told again");
    let said = plant.say(60);
    assert_eq!(said.len(), 4, "{said:?}");
    assert!(plant.say(70).contains(&"condition_returned e1-u1 yellow park".to_owned()), "its rule is gone");
    assert_eq!(plant.fold.revision(), RevisionNumber(2));
}

#[test]
fn of_many_messages_the_opening_and_the_last_ones_are_kept() {
    let mut plant = Plant::new(vec![rule("high", Colour::Yellow, kinds(&[HIGH]))]);
    plant.raise(0, "e1-u1-A", HIGH);
    plant.say(0);
    let id = plant.warning_id();
    let opened = plant.journal.last().expect("opened").clone();
    let EventBody::Warning(change) = &opened.event.body else { panic!("a warning") };
    for n in 1..=150 {
        let again =
            WarningChange { transition: model::WarningTransition::Adjusted, warning: Some(id.clone()), ..(**change).clone() };
        plant.record("exchange/warnings", at(n), Event { body: EventBody::Warning(Box::new(again)), ..opened.event.clone() });
    }
    let messages = &plant.fold.get(&id).expect("open").messages;
    assert_eq!((messages.len(), &messages[0].event, messages[1].at), (crate::MESSAGES_KEPT, &id, at(52)));
    assert_eq!(messages.last().map(|it| it.at), Some(at(150)));
}
