//! Alarms and warnings of other Davys.

use model::{WarningStep, WarningTransition};

use super::*;
use crate::due::event as event_of;
use crate::{RestoreError, Warning};

fn plant() -> Plant {
    Plant::new(vec![rule("high", Colour::Red, kinds(&[AlarmKind::High]))])
}

/// What another Davy that warns by the same rules says, of an alarm of its own.
fn opened() -> (Event, Warning) {
    let mut county = plant();
    county.raise(0, "e1-u1-A", AlarmKind::High);
    county.say(0);
    let warning = county.fold.get(&county.warning_id()).expect("open").clone();
    (county.journal.last().expect("opened").event.clone(), warning)
}

#[test]
fn alarms_of_another_davy_count_beside_own_ones_of_the_same_name() {
    let mut city = plant();
    let theirs = |state| alarm_event(10, "e1-u1-A", AlarmKind::High, state);
    city.record_of("county-a", 10, theirs(AlarmState::Unacknowledged));
    assert_eq!(city.say(10).len(), 1, "a rule of the city is met by it");
    city.raise(11, "e1-u1-A", AlarmKind::High);
    city.record_of("county-a", 12, theirs(AlarmState::Normal));
    assert_eq!(city.fold.active.len(), 1, "the own one stands");
    city.clear(13, "e1-u1-A", AlarmKind::High);
    assert!(city.fold.active.is_empty());
}

#[test]
fn their_warnings_are_shown_and_nothing_is_due_of_them() {
    let mut city = plant();
    let (event, _) = opened();
    let id = city.record_of("county-a", 40, event);
    let warning = city.fold.get(&id).expect("shown").clone();
    assert_eq!((warning.opened_at, city.fold.origin(&id)), (at(10), Some("county-a")));
    assert_eq!((city.fold.open().count(), city.fold.next_deadline()), (0, None));
    assert!(city.fold.due(at(1_000_000)).is_empty(), "its steps are late, and that is said there");
    let response = city.response("e1", WarningAction::Receive);
    assert_eq!(city.fold.judge(&Response { warning: id.clone(), ..response.clone() }, at(50)), None);

    let said = |transition| model::WarningChange {
        department: Some(response.department.clone()),
        step: Some(WarningStep::Received),
        request_id: Some(response.request_id.clone()),
        ..crate::due::about(&warning, transition)
    };
    city.record_of("county-a", 60, event_of(&warning, at(60), said(WarningTransition::Received)));
    let party = city.fold.get(&id).expect("shown").party(&response.department).expect("addressed").clone();
    assert!(party.step(WarningStep::Received).expect("told").done.is_some());
    assert_eq!(city.fold.outcome(&response.request_id), None, "request ids of there mean nothing here");
    city.record_of("county-a", 70, event_of(&warning, at(70), said(WarningTransition::Closed)));
    assert!(city.fold.get(&id).expect("shown").closed.is_some());
    city.raise(80, "e1-u1-A", AlarmKind::High);
    assert_eq!(city.say(80).len(), 1, "the same topic and place are free for a warning of our own");
}

#[test]
fn where_they_come_from_outlives_a_restart() {
    let mut city = plant();
    let empty = city.fold.snapshot();
    let id = city.record_of("county-a", 40, opened().0);
    let restored = crate::Warnings::restore(&city.revision, &city.fold.snapshot()).expect("own bytes");
    assert_eq!((&restored, restored.origin(&id)), (&city.fold, Some("county-a")));
    assert!(matches!(crate::Warnings::restore(&city.revision, &empty[..empty.len() - 4]), Err(RestoreError::Broken { .. })));
}
