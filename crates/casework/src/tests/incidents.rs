//! Lives of incidents: clocks of the law, corrections, notices, doubts.

use model::{AccidentClass, IncidentDoubt, IncidentKind, IncidentLosses};

use super::*;
use crate::{CLOSED_KEPT, Incident, Told};

/// Of the place, when it happened, when it was known.
type Change<'a> = &'a dyn Fn(&mut Place, &mut Option<Time>, &mut Option<Time>);

const MINUTE: i64 = 60;
const HOUR: i64 = 3_600;

fn losses(dead: u32, injured: u32) -> IncidentLosses {
    let known = (Some(dead), Some(injured), Some(0));
    IncidentLosses { dead: known.0, severely_injured: known.1, poisoned: known.2, direct_loss_yuan: Some(0) }
}

fn declaration(kind: IncidentKind, losses: IncidentLosses) -> Want {
    Want::Declare {
        kind,
        title: "反应釜泄漏".to_owned(),
        place: place(WarningPlace::Installation, "e1-u1"),
        happened_at: Some(at(-600)),
        known_at: Some(at(0)),
        losses,
        about: Vec::new(),
    }
}

/// Known at 0, declared at 0; what is due at once is done.
fn declared(kind: IncidentKind, losses: IncidentLosses) -> (Office, EventId) {
    let mut office = Office::new();
    office.want(0, "e1", declaration(kind, losses));
    let id = office.last();
    if office.fold.incident(&id).expect("known").row("spot-to-head").is_some() {
        assert_eq!(notify(&mut office, 0, &id, "spot-to-head"), "incident.notified e1-u1 e1 spot-to-head");
    }
    (office, id)
}

fn notify(office: &mut Office, seconds: i64, id: &EventId, duty: &str) -> String {
    told(office, seconds, (id, duty), Told { how: "telephone".to_owned(), ..Told::default() })
}

fn told(office: &mut Office, seconds: i64, (id, duty): (&EventId, &str), told: Told) -> String {
    office.want(seconds, "e1", Want::Notify { incident: id.clone(), duty: duty.to_owned(), told })
}

fn correct(id: &EventId, kind: Option<IncidentKind>, losses: IncidentLosses) -> Want {
    Want::Correct { incident: id.clone(), kind, losses, about: Vec::new() }
}

fn known<'a>(office: &'a Office, id: &EventId) -> &'a Incident {
    office.fold.incident(id).expect("known")
}

/// Duties that are neither waived nor done, with the minutes from 0 to their end; `?` where the class is not known.
fn open_rows(incident: &Incident) -> Vec<(String, i64)> {
    let open = incident.rows.iter().filter(|row| !row.waived && row.done.is_none());
    let mark = |row: &crate::Row| format!("{}{}", row.duty.duty, if row.duty.if_of_class { "?" } else { "" });
    open.map(|row| (mark(row), row.duty.due.since(at(0)).micros() / 60_000_000)).collect()
}

#[test]
fn each_duty_is_reminded_of_at_half_and_four_fifths_and_said_to_be_late_once() {
    let (mut office, id) = declared(IncidentKind::Accident, losses(1, 0));
    assert_eq!(known(&office, &id).class, Some(AccidentClass::Ordinary));
    let days = 24 * 60;
    let rows =
        [("head-to-county", 60), ("county-to-city", 180), ("supplement", 30 * days - 10), ("investigation", 60 * days - 10)];
    assert_eq!(open_rows(known(&office, &id)), rows.map(|(name, due)| (name.to_owned(), due)));
    let own = |office: &mut Office, minutes: i64| {
        let said = office.say(minutes * MINUTE);
        said.into_iter()
            .filter(|it| it.contains("head-to-county"))
            .map(|it| it.replace(" e1-u1 head-to-county", ""))
            .collect::<Vec<_>>()
    };
    assert_eq!(own(&mut office, 29), [""; 0]);
    assert_eq!(own(&mut office, 30), ["incident.reminder 50%"]);
    assert_eq!(own(&mut office, 47), [""; 0]);
    assert_eq!(own(&mut office, 48), ["incident.reminder 80%"]);
    assert_eq!(own(&mut office, 60), ["incident.overdue late"]);
    assert_eq!(own(&mut office, 600), [""; 0]);
    assert!(known(&office, &id).is_late(at(600 * MINUTE)));
    assert_eq!(notify(&mut office, 601 * MINUTE, &id, "head-to-county"), "incident.notified e1-u1 e1 head-to-county late");
    let row = known(&office, &id).row("head-to-county").expect("a row");
    assert!(row.overdue && row.done.as_ref().is_some_and(|it| it.late && it.told_at == at(601 * MINUTE)));
}

#[test]
fn a_notice_in_time_stops_its_clock_and_the_last_thing_that_is_over_is_all_that_is_said() {
    let (mut office, id) = declared(IncidentKind::Accident, losses(1, 0));
    assert_eq!(notify(&mut office, HOUR - 1, &id, "head-to-county"), "incident.notified e1-u1 e1 head-to-county");
    assert_eq!(office.say(2 * HOUR + 36 * MINUTE), ["incident.reminder e1-u1 county-to-city 80%"]);
    assert_eq!(office.say(3 * HOUR), ["incident.overdue e1-u1 county-to-city late"]);
    let notice = &known(&office, &id).notices[1];
    assert_eq!(
        (notice.notice.who.as_str(), notice.notice.whom.as_str(), notice.notice.how.as_str()),
        ("li", "county", "telephone")
    );
}

#[test]
fn at_once_is_a_quarter_of_an_hour() {
    let mut office = Office::new();
    office.want(0, "e1", declaration(IncidentKind::LossOrTheft, IncidentLosses::default()));
    let id = office.last();
    assert_eq!(open_rows(known(&office, &id)), [("loss-to-police".to_owned(), 15)]);
    assert_eq!(office.say(15 * MINUTE), ["incident.overdue e1-u1 loss-to-police late"]);
}

#[test]
fn a_near_miss_has_no_duties_until_it_is_found_to_be_an_accident() {
    let (mut office, id) = declared(IncidentKind::NearMiss, IncidentLosses::default());
    assert_eq!((office.say(100 * 24 * HOUR), office.fold.next_deadline()), (vec![], None));
    let later = 101 * 24 * HOUR;
    office.want(later, "e1", correct(&id, Some(IncidentKind::Accident), losses(0, 1)));
    let row = known(&office, &id).row("head-to-county").expect("a row").clone();
    assert_eq!((row.duty.from, row.duty.due), (at(later), at(later + HOUR)), "it counts from then on");
}

#[test]
fn a_class_that_nobody_knows_reminds_and_is_never_late_and_counts_from_when_it_is_known() {
    let (mut office, id) = declared(IncidentKind::Accident, IncidentLosses::default());
    let open = open_rows(known(&office, &id));
    assert!(open.contains(&("city-to-province?".to_owned(), 300)) && open.contains(&("county-to-city".to_owned(), 180)));
    let said = office.say(10 * HOUR);
    let of = |duty: &str| said.iter().filter(|it| it.contains(duty)).cloned().collect::<Vec<_>>();
    assert_eq!(of("city-to-province"), ["incident.reminder e1-u1 city-to-province 80%"]);
    assert_eq!(of("county-to-city"), ["incident.overdue e1-u1 county-to-city late"]);
    let dead = IncidentLosses { dead: Some(3), ..IncidentLosses::default() };
    assert_eq!(office.want(10 * HOUR, "emergency", correct(&id, None, dead)), "incident.corrected e1-u1 emergency larger");
    let open = open_rows(known(&office, &id));
    assert!(open.contains(&("city-to-province".to_owned(), 600 + 300)), "{open:?}");
    assert!(open.contains(&("county-to-city".to_owned(), 180)), "what had to be done keeps its time: {open:?}");
    assert!(!open.iter().any(|(duty, _)| duty.starts_with("province-to-state-council")), "{open:?}");
    assert_eq!(office.say(15 * HOUR).iter().filter(|it| it.contains("overdue e1-u1 city-to-province")).count(), 1);
    assert_eq!(known(&office, &id).losses.dead, Some(3));
}

#[test]
fn a_lesser_class_waives_what_it_does_not_ask_for() {
    let (mut office, id) = declared(IncidentKind::Accident, losses(3, 0));
    notify(&mut office, 10, &id, "quick-call-to-province");
    office.want(20, "emergency", correct(&id, None, losses(2, 0)));
    let waived: Vec<_> = known(&office, &id).rows.iter().filter(|it| it.waived).map(|it| it.duty.duty.clone()).collect();
    assert_eq!(waived, ["city-to-province", "quick-call-to-ministry"], "what was done stays");
    assert_eq!(
        notify(&mut office, 30, &id, "city-to-province"),
        "incident.refused e1-u1 e1 city-to-province notify no_such_duty"
    );
    assert!(!office.say(6 * HOUR).iter().any(|it| it.contains("province")));
}

#[test]
fn late_and_concealed_reports_become_visible() {
    let mut office = Office::new();
    let (early, near) = (office.raise(-HOUR - 1), office.raise(-HOUR));
    for (about, doubtful) in [(vec![near.clone()], ""), (vec![near.clone(), early.clone()], " alarm_earlier"), (vec![], "")] {
        let Want::Declare { kind, title, place, known_at, losses, .. } = declaration(IncidentKind::Accident, losses(1, 0)) else {
            panic!("a declaration")
        };
        let happened_at = Some(at(-HOUR - 1));
        let said = office.want(5, "e1", Want::Declare { kind, title, place, happened_at, known_at, losses, about });
        assert_eq!(said, format!("incident.declared e1-u1 e1 ordinary{doubtful}"));
    }
    let id = office.last();
    let knew = Told { known_at: Some(at(-30)), ..Told::default() };
    assert_eq!(told(&mut office, 10, (&id, "head-to-county"), knew), "incident.notified e1-u1 e1 head-to-county known_earlier");
    let back = Told { told_at: Some(at(10)), ..Told::default() };
    let said = told(&mut office, 4 * HOUR, (&id, "county-to-city"), back);
    assert_eq!(said, "incident.notified e1-u1 e1 county-to-city recorded_after_due");
    let more = Want::Correct { incident: id.clone(), kind: None, losses: IncidentLosses::default(), about: vec![early] };
    assert!(office.want(4 * HOUR, "emergency", more).ends_with("ordinary alarm_earlier"));
    use IncidentDoubt::{AlarmEarlier, KnownEarlier, RecordedAfterDue};
    assert_eq!(known(&office, &id).doubts, [KnownEarlier, RecordedAfterDue, AlarmEarlier]);
}

#[test]
fn the_record_tells_who_knew_what_when() {
    let mut office = Office::new();
    let alarm = office.raise(0);
    office.want(30, "e1", Want::See { events: vec![alarm.clone()] });
    let Want::Declare { kind, title, place, losses, .. } = declaration(IncidentKind::Accident, losses(1, 0)) else {
        panic!("a declaration")
    };
    let (happened_at, known_at, about) = (Some(at(0)), Some(at(60)), vec![alarm.clone()]);
    office.want(90, "e1", Want::Declare { kind, title, place, happened_at, known_at, losses, about });
    let id = office.last();
    let told_at =
        Told { told_at: Some(at(70)), whom: "县应急局".to_owned(), reference: "2026-1".to_owned(), ..Told::default() };
    told(&mut office, 100, (&id, "head-to-county"), told_at);
    office.want(110, "emergency", Want::See { events: vec![id.clone()] });
    let record = known(&office, &id).record();
    let lines: Vec<_> =
        record.iter().map(|it| (it.kind.as_str(), it.at.since(at(0)).micros() / 1_000_000, it.department.as_str())).collect();
    let wanted = [
        ("alarm.raised", 0, ""),
        ("duty.seen", 30, "e1"),
        ("incident.notified", 70, "e1"),
        ("incident.declared", 90, "e1"),
        ("duty.seen", 110, "emergency"),
    ];
    assert_eq!(lines, wanted);
    assert_eq!((record[2].text.as_str(), record[2].recorded_at), ("li -> 县应急局 (2026-1): done so", at(100)));
}

#[test]
fn an_incident_closes_when_its_duties_are_done_or_it_was_none() {
    let (mut office, id) = declared(IncidentKind::Environmental, losses(0, 1));
    let close = |in_error| Want::Close { incident: id.clone(), in_error };
    assert_eq!(office.want(10, "e1", close(false)), "incident.refused e1-u1 e1 close duties_open");
    notify(&mut office, 20, &id, "environment");
    assert_eq!(office.want(30, "e2", close(false)), "incident.closed e1-u1 e2", "an enterprise without an office too");
    assert_eq!(office.want(40, "e1", close(true)), "incident.refused e1-u1 e1 close wrong_state");
    let (mut office, id) = declared(IncidentKind::Accident, losses(0, 1));
    office.want(10, "e1", Want::Close { incident: id.clone(), in_error: true });
    assert_eq!((office.say(100 * 24 * HOUR), office.fold.next_deadline()), (vec![], None));
    assert!(known(&office, &id).closing.as_ref().is_some_and(|it| it.in_error));
}

#[test]
fn what_is_refused() {
    let (mut office, id) = declared(IncidentKind::Accident, losses(1, 0));
    let mut declare = |who: &str, why: &str, change: Change<'_>| {
        let Want::Declare { kind, title, mut place, mut happened_at, mut known_at, losses, about } =
            declaration(IncidentKind::Accident, losses(1, 0))
        else {
            panic!("a declaration")
        };
        change(&mut place, &mut happened_at, &mut known_at);
        let said = office.want(0, who, Want::Declare { kind, title, place, happened_at, known_at, losses, about });
        assert!(said.starts_with("incident.refused") && said.ends_with(&format!("{who} declare {why}")), "{said}");
    };
    declare("nobody", "unknown_department", &|_, _, _| {});
    declare("e1", "unknown_place", &|place, _, _| place.id = Arc::from("e9"));
    declare("e1", "unknown_place", &|place, _, _| place.kind = WarningPlace::Point);
    declare("e1", "bad_time", &|_, _, known_at| *known_at = Some(at(61)));
    declare("e1", "bad_time", &|_, happened_at, known_at| *happened_at = known_at.map(|it| it + Span::from_secs(1)));
    declare("e1", "bad_time", &|_, happened_at, _| *happened_at = Some(Time::MIN));
    assert_eq!(office.fold.incidents().count(), 1);
    let refused = |office: &mut Office, notice: Told, duty: &str, why: &str| {
        let said = told(office, 10, (&id, duty), notice);
        assert!(said.ends_with(&format!("notify {why}")), "{said}");
    };
    refused(&mut office, Told::default(), "head-to-king", "no_such_duty");
    refused(&mut office, Told::default(), "", "no_evidence");
    refused(&mut office, Told { told_at: Some(at(71)), ..Told::default() }, "head-to-county", "bad_time");
    refused(&mut office, Told { told_at: Some(at(-601)), ..Told::default() }, "head-to-county", "bad_time");
    refused(&mut office, Told { known_at: Some(at(11)), ..Told::default() }, "head-to-county", "bad_time");
    let beside = Told { whom: "fire brigade".to_owned(), ..Told::default() };
    assert_eq!(told(&mut office, 10, (&id, ""), beside), "incident.notified e1-u1 e1", "beside the law");
    assert_eq!(
        office.want(20, "nobody", Want::Close { incident: id.clone(), in_error: true }),
        "incident.refused e1-u1 nobody close unknown_department"
    );
    let mut silent = office.ask("e1", correct(&id, None, losses(5, 0)));
    silent.text.clear();
    assert_eq!(office.send(30, &silent), "incident.refused e1-u1 e1 correct no_evidence");
    assert_eq!(known(&office, &id).losses.dead, Some(1));
}

#[test]
fn closed_ones_are_kept_for_lists_up_to_a_number() {
    let (mut office, first) = declared(IncidentKind::NearMiss, IncidentLosses::default());
    for _ in 0..CLOSED_KEPT {
        let incident = office.fold.incidents().find(|it| it.closing.is_none()).expect("one").id.clone();
        office.want(1, "e1", Want::Close { incident, in_error: false });
        office.want(1, "e1", declaration(IncidentKind::NearMiss, IncidentLosses::default()));
    }
    assert_eq!((office.fold.incident(&first).is_some(), office.fold.incidents().count()), (true, CLOSED_KEPT + 1));
    let incident = office.last();
    office.want(2, "e1", Want::Close { incident, in_error: false });
    assert_eq!((office.fold.incident(&first).is_some(), office.fold.incidents().count()), (false, CLOSED_KEPT));
}
