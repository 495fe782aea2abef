//! Laws over random lives: what holds whatever happens, and wherever Davy is stopped.

use std::collections::{BTreeMap, BTreeSet};

use model::{CaseTransition, DutyShift, IncidentKind, IncidentLosses, IncidentTransition};
use proptest::prelude::*;

use super::*;
use crate::{RestoreError, Told};

/// Something happens so many seconds after the last thing. A number picks one of what is there.
#[derive(Clone, Debug)]
enum Act {
    Alarm,
    Open(Vec<i64>),
    Answer(usize, &'static str),
    Extend(usize, &'static str, i64),
    Cancel(usize),
    Declare(IncidentKind, Option<u32>, i64),
    Correct(usize, Option<IncidentKind>, Option<u32>),
    Notify(usize, usize),
    Close(usize, bool),
    Roster(i64),
    HandOver,
    See(usize),
    Repeat(usize),
    Wait,
    Revise,
}

const WHO: [&str; 3] = ["emergency", "transport", "ecology"];

fn acts() -> impl Strategy<Value = Vec<(i64, Act)>> {
    let who = || prop::sample::select(WHO.to_vec());
    let kind = || prop::sample::select(IncidentKind::ALL.to_vec());
    let dead = || prop::option::of(prop::sample::select(vec![0_u32, 1, 3, 30]));
    let case = prop_oneof![
        2 => prop::collection::vec(prop::sample::select(vec![1_i64, 60, 3_600]), 1..4).prop_map(Act::Open),
        4 => (0..4_usize, who()).prop_map(|(case, who)| Act::Answer(case, who)),
        1 => (0..4_usize, who(), 1..10_000_i64).prop_map(|(case, who, more)| Act::Extend(case, who, more)),
        1 => (0..4_usize).prop_map(Act::Cancel),
    ];
    let incident = prop_oneof![
        2 => (kind(), dead(), 0..20_000_i64).prop_map(|(kind, dead, ago)| Act::Declare(kind, dead, ago)),
        2 => (0..3_usize, prop::option::of(kind()), dead()).prop_map(|(it, kind, dead)| Act::Correct(it, kind, dead)),
        4 => (0..3_usize, 0..10_usize).prop_map(|(it, duty)| Act::Notify(it, duty)),
        1 => (0..3_usize, any::<bool>()).prop_map(|(it, in_error)| Act::Close(it, in_error)),
    ];
    let act = prop_oneof![
        3 => case,
        3 => incident,
        1 => Just(Act::Alarm),
        1 => (-100..100_i64).prop_map(Act::Roster),
        1 => Just(Act::HandOver),
        1 => (0..5_usize).prop_map(Act::See),
        1 => (0..9_usize).prop_map(Act::Repeat),
        2 => Just(Act::Wait),
        1 => Just(Act::Revise),
    ];
    prop::collection::vec((prop::sample::select(vec![0, 1, 60, 1_800, 3_600, 20_000]), act), 1..40)
}

/// An event of this kind, the one of this number of them; any event where there is none.
fn pick(office: &Office, kind: &str, number: usize) -> Option<EventId> {
    let found: Vec<_> = office.journal.iter().filter(|it| it.event.body.kind() == kind).collect();
    let at = number.checked_rem(found.len())?;
    Some(found[at].id.clone())
}

fn want(office: &Office, act: &Act, now: i64) -> Option<(&'static str, Want)> {
    let losses = |dead: Option<u32>| IncidentLosses { dead, ..IncidentLosses::default() };
    let case = |number: usize| pick(office, "case.opened", number);
    let incident = |number: usize| pick(office, "incident.declared", number);
    let any = office.journal.first().map(|it| it.id.clone());
    Some(match act {
        Act::Alarm | Act::Wait | Act::Revise | Act::Repeat(_) => return None,
        Act::Open(dues) => {
            let tasks = WHO.iter().zip(dues).map(|(who, due)| (department(who), "look".to_owned(), at(now + due))).collect();
            let place = place(WarningPlace::Park, "p");
            ("emergency", Want::Open { title: "t".to_owned(), place, tasks, evidence: any.into_iter().collect() })
        }
        Act::Answer(number, who) => (who, Want::Answer { case: case(*number)?, evidence: vec![] }),
        Act::Extend(number, of, more) => {
            ("emergency", Want::Extend { case: case(*number)?, of: department(of), due: at(now + more) })
        }
        Act::Cancel(number) => ("emergency", Want::Cancel { case: case(*number)? }),
        Act::Declare(kind, dead, ago) => {
            let (place, known_at) = (place(WarningPlace::Enterprise, "e1"), Some(at(now - ago)));
            let (title, losses, about) = ("t".to_owned(), losses(*dead), any.into_iter().collect());
            ("e1", Want::Declare { kind: *kind, title, place, happened_at: None, known_at, losses, about })
        }
        Act::Correct(number, kind, dead) => {
            ("e1", Want::Correct { incident: incident(*number)?, kind: *kind, losses: losses(*dead), about: vec![] })
        }
        Act::Notify(number, duty) => {
            let incident = incident(*number)?;
            let rows = &office.fold.incident(&incident)?.rows;
            let duty = duty.checked_rem(rows.len()).map(|it| rows[it].duty.duty.clone()).unwrap_or_default();
            ("e1", Want::Notify { incident, duty, told: Told::default() })
        }
        Act::Close(number, in_error) => ("e1", Want::Close { incident: incident(*number)?, in_error: *in_error }),
        Act::Roster(from) => {
            let shift = DutyShift { person: "li".to_owned(), role: "leader".to_owned(), from: at(now + from), to: at(now + 200) };
            ("transport", Want::Roster { shifts: vec![shift] })
        }
        Act::HandOver => ("e1", Want::HandOver { to_person: "wang".to_owned(), events: any.into_iter().collect() }),
        Act::See(number) => {
            ("ecology", Want::See { events: pick(office, "incident.declared", *number).or(any).into_iter().collect() })
        }
    })
}

/// Lives it; after each act everything that is due is said, by a fold that is restored there where `stops` says so.
fn live(acts: &[(i64, Act)], stops: &[bool]) -> Office {
    let (mut office, mut now, mut asked, mut number) = (Office::new(), 0, Vec::<Ask>::new(), 1);
    for (index, (after, act)) in acts.iter().enumerate() {
        now += after;
        if let Some((who, want)) = want(&office, act, now) {
            let ask = office.ask(who, want);
            office.send(now, &ask);
            asked.push(ask);
        }
        match act {
            Act::Alarm => drop(office.raise(now)),
            Act::Revise => {
                number += 1;
                office.fold.revise(&revision(number), at(now));
            }
            Act::Repeat(number) => {
                if let Some(ask) = number.checked_rem(asked.len()).map(|it| asked[it].clone()) {
                    repeat(&mut office, &ask, now);
                }
            }
            _ => {}
        }
        if stops.get(index).copied().unwrap_or_default() {
            let restored = Casework::restore(&revision(number), &office.fold.snapshot()).expect("own bytes");
            assert_eq!(restored, office.fold, "a snapshot is the whole state");
            office.fold = restored;
        }
        let due = office.fold.due(at(now));
        assert_eq!(due, office.fold.due(at(now)), "asking changes nothing");
        office.say(now);
        assert_eq!(office.say(now), [""; 0], "more ticks say nothing more");
    }
    office
}

/// Whoever asks looks at the outcome first: that of the last day is there and is what is on record, an older one is judged anew.
fn repeat(office: &mut Office, ask: &Ask, now: i64) {
    let own = |recorded: &&RecordedEvent| request_of(&recorded.event.body) == Some(&ask.request_id);
    let recorded = office.journal.iter().rev().find(own).expect("it was asked").clone();
    match office.fold.outcome(&ask.request_id) {
        Some(outcome) => assert_eq!((&outcome.event, outcome.at), (&recorded.id, recorded.recorded_at)),
        None => {
            assert!(at(now).since(recorded.recorded_at) > Span::from_secs(86_400), "forgotten too early");
            office.send(now, ask);
        }
    }
}

fn request_of(body: &EventBody) -> Option<&RequestId> {
    match body {
        EventBody::Case(change) => change.request_id.as_ref(),
        EventBody::Incident(change) => change.request_id.as_ref(),
        EventBody::Duty(change) => change.request_id.as_ref(),
        _ => None,
    }
}

proptest! {
    #[test]
    fn a_restart_anywhere_changes_nothing(acts in acts(), stops in prop::collection::vec(any::<bool>(), 40)) {
        let (whole, stopped) = (live(&acts, &[]), live(&acts, &stops));
        prop_assert_eq!(&whole.journal, &stopped.journal);
        prop_assert_eq!(&whole.fold, &stopped.fold);
    }

    /// By a model of its own: a task that was not answered in its time is said to be late exactly once for each time that was set, nobody
    /// else is, and a case that ended says nothing more.
    #[test]
    fn no_task_is_said_to_be_late_twice_or_lost(acts in acts()) {
        let office = live(&acts, &[]);
        let end = office.journal.last().map_or(Time::MIN, |it| it.recorded_at);
        let mut pending: BTreeMap<(EventId, DepartmentId), Time> = BTreeMap::new();
        let mut unanswered: BTreeMap<EventId, BTreeSet<DepartmentId>> = BTreeMap::new();
        for recorded in &office.journal {
            let EventBody::Case(change) = &recorded.event.body else { continue };
            if change.transition == CaseTransition::Refused {
                continue;
            }
            let id = change.case.clone().unwrap_or_else(|| recorded.id.clone());
            if change.transition == CaseTransition::Opened {
                pending.extend(change.tasks.iter().map(|it| ((id.clone(), it.department.clone()), it.due)));
                unanswered.insert(id, change.tasks.iter().map(|it| it.department.clone()).collect());
                continue;
            }
            let left = unanswered.get_mut(&id);
            prop_assert!(left.is_some(), "nothing is said of a case that ended or never was");
            let (left, key) = (left.unwrap(), change.department.clone().map(|who| (id.clone(), who)));
            match (change.transition, key) {
                (CaseTransition::Overdue, Some(key)) => {
                    let due = pending.remove(&key);
                    prop_assert_eq!(due, change.due);
                    prop_assert!(due.is_some_and(|it| it <= recorded.recorded_at));
                }
                (CaseTransition::Answered, Some(key)) => {
                    pending.remove(&key);
                    prop_assert!(left.remove(&key.1), "answered once");
                }
                (CaseTransition::Extended, Some(key)) => drop(pending.insert(key, change.due.unwrap())),
                (CaseTransition::Closed | CaseTransition::Cancelled, _) => {
                    prop_assert!(change.transition == CaseTransition::Cancelled || left.is_empty());
                    pending.retain(|(open, _), _| *open != id);
                    unanswered.remove(&id);
                }
                other => prop_assert!(false, "{other:?}"),
            }
        }
        prop_assert!(unanswered.values().all(|left| !left.is_empty()), "what all have answered is closed");
        for (key, due) in pending {
            prop_assert!(due > end || office.fold.next_deadline().is_some_and(|it| it <= due), "{key:?} was forgotten");
        }
    }

    /// By a model of its own: of a duty as it was set each reminder is said at most once, in order, before it is late; it is late exactly once,
    /// never after a notice, and never without its time being over.
    #[test]
    fn no_duty_is_said_to_be_late_twice_or_lost(acts in acts()) {
        let office = live(&acts, &[]);
        let end = office.journal.last().map_or(Time::MIN, |it| it.recorded_at);
        // Of each duty its latest time, and how much was said: in percent, 100 when it was said to be late.
        let mut open: BTreeMap<(EventId, String), (Time, bool, u32)> = BTreeMap::new();
        let mut done: BTreeSet<(EventId, String)> = BTreeSet::new();
        for recorded in &office.journal {
            let EventBody::Incident(change) = &recorded.event.body else { continue };
            let id = change.incident.clone().unwrap_or_else(|| recorded.id.clone());
            let key = (id.clone(), change.duty.clone());
            match change.transition {
                IncidentTransition::Declared | IncidentTransition::Corrected => {
                    let before = open.clone();
                    open.retain(|(it, _), _| *it != id);
                    for duty in change.duties.iter().filter(|it| !done.contains(&(id.clone(), it.duty.clone()))) {
                        let key = (id.clone(), duty.duty.clone());
                        let kept = before.get(&key).filter(|(due, of_class, _)| (*due, *of_class) == (duty.due, duty.if_of_class));
                        open.insert(key, (duty.due, duty.if_of_class, kept.map_or(0, |it| it.2)));
                    }
                }
                IncidentTransition::Notified => {
                    open.remove(&key);
                    done.insert(key);
                }
                IncidentTransition::Reminder | IncidentTransition::Overdue => {
                    let percent = if change.transition == IncidentTransition::Overdue { 100 } else { change.percent };
                    let row = open.get_mut(&key);
                    prop_assert!(row.is_some(), "{key:?} has not to be done");
                    let (due, if_of_class, said) = row.unwrap();
                    prop_assert!(*said < percent, "{key:?} at {said} %, then {percent} %");
                    prop_assert_eq!(Some(*due), change.due);
                    prop_assert!(percent < 100 || (!*if_of_class && *due <= recorded.recorded_at));
                    *said = percent;
                }
                IncidentTransition::Closed => open.retain(|(it, _), _| *it != id),
                IncidentTransition::Refused => {}
            }
        }
        for (key, (due, if_of_class, said)) in open {
            let waits = due > end || if_of_class || said == 100 || office.fold.next_deadline().is_some_and(|it| it <= due);
            prop_assert!(waits, "{key:?} was forgotten");
        }
    }

    #[test]
    fn any_bytes_are_a_fold_or_an_error(
        bytes in prop::collection::vec(any::<u8>(), 0..300), acts in acts(), cut in any::<prop::sample::Index>(),
    ) {
        let whole = live(&acts, &[]).fold.snapshot();
        prop_assert!(Casework::restore(&revision(1), &whole[..cut.index(whole.len())]).is_err());
        let mut headed = whole[..8].to_vec();
        headed.extend(&bytes);
        if let Ok(fold) = Casework::restore(&revision(1), &headed) {
            prop_assert!(fold.due(at(0)).len() < 1_000);
        }
        prop_assert!(Casework::restore(&revision(1), &bytes).is_err());
    }
}

#[test]
fn snapshots_of_others_are_told_apart() {
    let mut bytes = Office::new().fold.snapshot();
    bytes[4] = 9;
    let of = "casework";
    assert_eq!(Casework::restore(&revision(1), &bytes), Err(RestoreError::Version { of, found: 9, known: 1 }));
    assert_eq!(Casework::restore(&revision(1), b"DVWN"), Err(RestoreError::NotASnapshot { of }));
    bytes[4] = 1;
    bytes.push(0);
    assert!(matches!(Casework::restore(&revision(1), &bytes), Err(RestoreError::Broken { .. })));
}

/// A journal read record by record and one read in one go are the same; so are two readers of one journal.
#[test]
fn whoever_replays_the_journal_has_nothing_to_say() {
    let acts = [
        (0, Act::Alarm),
        (0, Act::Open(vec![60, 60, 3_600])),
        (0, Act::Declare(IncidentKind::Accident, Some(1), 0)),
        (3_600, Act::Answer(0, "transport")),
        (1, Act::Notify(0, 1)),
    ];
    let office = live(&acts, &[]);
    let mut other = Casework::default();
    other.revise(&revision(1), at(0));
    office.journal.iter().for_each(|event| other.apply(event));
    assert_eq!(other, office.fold);
    assert_eq!((other.due(at(3_601)), office.journal.len()), (vec![], 9));
}
