//! Laws over random lives: what holds whatever happens, and wherever Davy is stopped.

use std::collections::BTreeMap;

use model::{WarningStep, WarningTransition};
use proptest::prelude::*;

use super::*;
use crate::RestoreError;

/// Something happens so many seconds after the last thing.
#[derive(Clone, Debug)]
enum Act {
    Alarm(&'static str, AlarmKind, AlarmState),
    Respond(&'static str, WarningAction),
    Wait,
    Revise(usize),
}

fn acts() -> impl Strategy<Value = Vec<(i64, Act)>> {
    let point = prop::sample::select(vec!["e1-u1-A", "e1-u1-B", "e1-u2-C", "e2-u1-D"]);
    let kind = prop::sample::select(vec![AlarmKind::High, AlarmKind::HighHigh]);
    let states = [AlarmState::Unacknowledged, AlarmState::Acknowledged, AlarmState::Normal, AlarmState::Shelved];
    let state = prop::sample::select(states.to_vec());
    let who = prop::sample::select(vec!["e1", "e2", "park", "county-fire"]);
    let action = prop::sample::select(WarningAction::ALL.to_vec());
    let act = prop_oneof![
        4 => (point, kind, state).prop_map(|(point, kind, state)| Act::Alarm(point, kind, state)),
        3 => (who, action).prop_map(|(who, action)| Act::Respond(who, action)),
        2 => Just(Act::Wait),
        1 => (0_usize..3).prop_map(Act::Revise),
    ];
    prop::collection::vec((prop::sample::select(vec![0, 1, 20, 60, 61, 400]), act), 1..40)
}

fn rules(which: usize) -> Vec<WarningRule> {
    let high = rule("high", Colour::Yellow, kinds(&[AlarmKind::High]));
    let worse = WarningRule {
        hold: Span::from_secs(20),
        level: Some(Level::Park),
        ..rule("worse", Colour::Red, kinds(&[AlarmKind::HighHigh]))
    };
    let many = WarningRule {
        count: 2,
        per: WarningPlace::Enterprise,
        close_on_return: true,
        ..rule("many", Colour::Orange, AlarmFilter::default())
    };
    match which {
        0 => vec![high, worse, many],
        1 => vec![high, many],
        _ => vec![WarningRule { addressees: vec![(Level::County, vec![Addressed::Kind(DepartmentKind::Fire)])], ..high }, worse],
    }
}

/// Lives it; after each act everything that is due is said, by a fold that is restored there where `stops` says so.
fn live(acts: &[(i64, Act)], stops: &[bool]) -> Plant {
    let mut plant = Plant::new(rules(0));
    let mut now = 0;
    for (index, (after, act)) in acts.iter().enumerate() {
        now += after;
        match act {
            Act::Alarm(point, kind, state) => plant.alarm(now, point, *kind, *state),
            Act::Respond(who, action) if plant.journal.iter().any(|it| it.event.body.kind() == "warning.opened") => {
                plant.respond(now, who, *action);
            }
            Act::Respond(..) | Act::Wait => {}
            Act::Revise(which) => {
                plant.revision = revision(plant.revision.number.0 + 1, rules(*which));
                plant.fold.revise(&plant.revision, at(now));
            }
        }
        if stops.get(index).copied().unwrap_or_default() {
            let restored = Warnings::restore(&plant.revision, &plant.fold.snapshot()).expect("own bytes");
            assert_eq!(restored, plant.fold, "a snapshot is the whole state");
            plant.fold = restored;
        }
        let asked = plant.fold.due(at(now));
        assert_eq!(asked, plant.fold.due(at(now)), "asking changes nothing");
        plant.say(now);
        assert!(plant.fold.next_deadline().is_none_or(|it| it > at(now)), "nothing that is due is left");
    }
    plant
}

fn changes(plant: &Plant) -> Vec<(&RecordedEvent, &WarningChange)> {
    let found = plant.journal.iter().filter_map(|it| match &it.event.body {
        EventBody::Warning(change) => Some((it, &**change)),
        _ => None,
    });
    found.collect()
}

proptest! {
    #[test]
    fn a_restart_anywhere_changes_nothing(acts in acts(), stops in prop::collection::vec(any::<bool>(), 40)) {
        let (whole, stopped) = (live(&acts, &[]), live(&acts, &stops));
        prop_assert_eq!(&whole.journal, &stopped.journal);
        prop_assert_eq!(&whole.fold, &stopped.fold);
    }

    /// The chain of messages to those outside: each that is news, in order, and nothing else.
    #[test]
    fn messages_are_the_news_of_the_journal(acts in acts()) {
        let plant = live(&acts, &[]);
        for warning in plant.fold.iter() {
            let own = changes(&plant).into_iter().filter(|(recorded, change)| {
                change.transition.is_news() && change.warning.as_ref().unwrap_or(&recorded.id) == &warning.id
            });
            let told: Vec<_> = own.map(|(it, change)| (it.id.clone(), it.recorded_at, change.transition)).collect();
            let kept: Vec<_> = warning.messages.iter().map(|it| (it.event.clone(), it.at, it.transition)).collect();
            prop_assert_eq!(kept, told);
            let ended = warning.messages.last().map(|it| it.transition);
            let ends = matches!(ended, Some(WarningTransition::Closed | WarningTransition::Cancelled));
            prop_assert_eq!(ends, warning.closed.is_some());
        }
    }

    #[test]
    fn a_closed_warning_says_nothing_more_and_each_has_one_opening(acts in acts()) {
        let plant = live(&acts, &[]);
        let mut ended: BTreeMap<EventId, bool> = BTreeMap::new();
        let mut places: BTreeMap<(String, String, WarningPlace), EventId> = BTreeMap::new();
        for (recorded, change) in changes(&plant) {
            let place = (change.topic.clone(), recorded.event.subject.to_string(), change.place);
            match (&change.warning, change.transition) {
                (None, WarningTransition::Opened) => {
                    prop_assert!(ended.insert(recorded.id.clone(), false).is_none());
                    prop_assert!(places.insert(place, recorded.id.clone()).is_none(), "one open warning of a topic at a place");
                }
                (Some(_), WarningTransition::Refused) => {}
                (Some(id), transition) => {
                    prop_assert_eq!(ended.get(id), Some(&false), "{:?}", transition);
                    if matches!(transition, WarningTransition::Closed | WarningTransition::Cancelled) {
                        ended.insert(id.clone(), true);
                        places.remove(&place);
                    }
                }
                other => prop_assert!(false, "{other:?}"),
            }
        }
        prop_assert_eq!(plant.fold.open().count(), places.len());
    }

    /// By a model of its own: whoever was told and did nothing in time is said to be late exactly once, and nobody else is.
    #[test]
    fn no_deadline_is_said_twice_or_lost(acts in acts()) {
        let plant = live(&acts, &[]);
        let end = plant.journal.last().map_or(Time::MIN, |it| it.recorded_at);
        let mut pending: BTreeMap<(EventId, String, WarningStep), Time> = BTreeMap::new();
        for (recorded, change) in changes(&plant) {
            let id = change.warning.clone().unwrap_or_else(|| recorded.id.clone());
            for told in &change.addressees {
                let Some(deadlines) = told.deadlines else { continue };
                for step in WarningStep::ALL {
                    let key = (id.clone(), told.department.to_string(), *step);
                    let own = deadlines.of(*step);
                    pending.entry(key).and_modify(|it| *it = own.min(*it)).or_insert(own);
                }
            }
            let who = change.department.as_ref().map(ToString::to_string).unwrap_or_default();
            let key = change.step.map(|step| (id.clone(), who, step));
            match (change.transition, key) {
                (WarningTransition::Overdue, Some(key)) => {
                    let deadline = pending.remove(&key);
                    prop_assert_eq!(deadline, change.deadline, "late is what was told and not done, once: {:?}", key);
                    prop_assert!(deadline.is_some_and(|it| it <= recorded.recorded_at));
                }
                (WarningTransition::Received | WarningTransition::Responded | WarningTransition::Resolved, Some((id, who, step))) => {
                    for step in WarningStep::ALL.iter().filter(|it| **it <= step) {
                        pending.remove(&(id.clone(), who.clone(), *step));
                    }
                }
                (WarningTransition::Closed | WarningTransition::Cancelled, _) => pending.retain(|(open, _, _), _| *open != id),
                _ => {}
            }
        }
        for (key, deadline) in pending {
            prop_assert!(deadline > end || plant.fold.next_deadline().is_some_and(|it| it <= deadline), "{key:?} was forgotten");
        }
    }

    #[test]
    fn any_bytes_are_a_fold_or_an_error(bytes in prop::collection::vec(any::<u8>(), 0..300), acts in acts(), cut in any::<prop::sample::Index>()) {
        let plant = live(&acts, &[]);
        let whole = plant.fold.snapshot();
        prop_assert!(Warnings::restore(&plant.revision, &whole[..cut.index(whole.len())]).is_err());
        let mut headed = whole[..8].to_vec();
        headed.extend(&bytes);
        if let Ok(fold) = Warnings::restore(&plant.revision, &headed) {
            prop_assert!(fold.due(at(0)).len() < 1_000);
        }
        prop_assert!(Warnings::restore(&plant.revision, &bytes).is_err());
    }
}

#[test]
fn snapshots_of_others_are_told_apart() {
    let (plant, revision) = (Plant::new(rules(0)), Revision::default());
    let mut bytes = plant.fold.snapshot();
    bytes[4] = 9;
    assert_eq!(Warnings::restore(&revision, &bytes), Err(RestoreError::Version { of: "warnings", found: 9, known: 2 }));
    assert_eq!(Warnings::restore(&revision, b"DVFW"), Err(RestoreError::NotASnapshot { of: "warnings" }));
    // What an earlier version kept is not guessed at.
    bytes[4] = 1;
    assert_eq!(Warnings::restore(&revision, &bytes), Err(RestoreError::Version { of: "warnings", found: 1, known: 2 }));
    bytes = plant.fold.snapshot();
    bytes.push(0);
    assert!(matches!(Warnings::restore(&revision, &bytes), Err(RestoreError::Broken { .. })));
}

/// A journal read record by record and one read in one go are the same; so are two readers of one journal.
#[test]
fn whoever_replays_the_journal_has_nothing_to_say() {
    let mut plant = Plant::new(rules(0));
    plant.raise(0, "e1-u1-A", AlarmKind::High);
    plant.say(0);
    plant.say(61);
    plant.respond(62, "e1", WarningAction::Respond);
    let mut other = Warnings::default();
    other.revise(&plant.revision, at(0));
    plant.journal.iter().for_each(|event| other.apply(event));
    assert_eq!(other, plant.fold);
    assert_eq!(other.due(at(62)), []);
}
