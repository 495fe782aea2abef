//! The duty book.

use model::DutyShift;

use super::*;

fn shift(person: &str, role: &str, from: i64, to: i64) -> DutyShift {
    DutyShift { person: person.to_owned(), role: role.to_owned(), from: at(from), to: at(to) }
}

fn on_duty(office: &Office, seconds: i64) -> Vec<String> {
    let found = office.fold.book().on_duty(at(seconds));
    found.into_iter().map(|it| format!("{} {} {}", it.department, it.role, it.person)).collect()
}

#[test]
fn who_is_on_duty_at_a_time_is_known() {
    let mut office = Office::new();
    let shifts = vec![shift("zhang", "leader", 0, 100), shift("li", "leader", 100, 200), shift("wu", "dispatcher", 50, 150)];
    assert_eq!(office.want(0, "emergency", Want::Roster { shifts }), "duty.rostered emergency");
    office.want(0, "e1", Want::Roster { shifts: vec![shift("chen", "leader", 0, 200)] });
    assert_eq!(on_duty(&office, 0), ["e1 leader chen", "emergency leader zhang"]);
    assert_eq!(on_duty(&office, 99), ["e1 leader chen", "emergency dispatcher wu", "emergency leader zhang"]);
    assert_eq!(on_duty(&office, 100), ["e1 leader chen", "emergency dispatcher wu", "emergency leader li"]);
    assert_eq!(on_duty(&office, 200), [""; 0]);
    // The same shift again is another person's; an empty name takes it back.
    office.want(
        10,
        "emergency",
        Want::Roster { shifts: vec![shift("sun", "leader", 100, 200), shift("", "dispatcher", 50, 150)] },
    );
    assert_eq!(on_duty(&office, 120), ["e1 leader chen", "emergency leader sun"]);
    assert_eq!(office.fold.book().shifts_within(at(150), at(160)).count(), 2);
}

#[test]
fn the_next_shift_confirms_what_it_was_handed() {
    let mut office = Office::new();
    let alarm = office.raise(0);
    let want = Want::HandOver { to_person: "wang".to_owned(), events: vec![alarm.clone()] };
    assert_eq!(office.want(10, "e1", want), "duty.handed_over e1 wang");
    let hand_over = office.last();
    let confirm = |office: &Office, actor: &str, who: &str| {
        let mut ask = office.ask(who, Want::Confirm { hand_over: hand_over.clone() });
        ask.actor = actor.to_owned();
        ask
    };
    let ask = confirm(&office, "li", "e1");
    assert_eq!(office.send(11, &ask), "duty.refused e1 wang confirm not_allowed");
    let ask = confirm(&office, "wang", "emergency");
    assert_eq!(office.send(12, &ask), "duty.refused emergency wang confirm not_allowed");
    assert!(office.fold.book().hand_over(&hand_over).is_some_and(|it| it.confirmed_at.is_none() && it.events == [alarm]));
    let ask = confirm(&office, "wang", "e1");
    assert_eq!(office.send(13, &ask), "duty.confirmed e1 wang");
    assert_eq!(office.fold.book().hand_over(&hand_over).and_then(|it| it.confirmed_at), Some(at(13)));
    let ask = confirm(&office, "wang", "e1");
    assert_eq!(office.send(14, &ask), "duty.refused e1 wang confirm wrong_state");
    let stranger = office.ask("e1", Want::Confirm { hand_over: office.journal[0].id.clone() });
    assert!(office.fold.judge(&stranger, at(15)).is_none());
}

#[test]
fn what_is_refused() {
    let mut office = Office::new();
    let mut refused = |who: &str, want: Want, why: &str| {
        let action = want.action().as_str();
        let said = office.want(0, who, want);
        assert!(said.starts_with("duty.refused") && said.ends_with(&format!("{action} {why}")), "{said}");
    };
    let month = 31 * 24 * 3_600;
    refused("e1", Want::Roster { shifts: vec![] }, "no_evidence");
    refused("e1", Want::Roster { shifts: vec![shift("li", "leader", 5, 5)] }, "bad_time");
    refused("e1", Want::Roster { shifts: vec![shift("li", "leader", 0, month + 1)] }, "bad_time");
    refused("nobody", Want::Roster { shifts: vec![shift("li", "leader", 0, month)] }, "unknown_department");
    refused("e1", Want::HandOver { to_person: "li".to_owned(), events: vec![] }, "not_allowed");
    refused("e1", Want::HandOver { to_person: String::new(), events: vec![] }, "no_evidence");
    refused("e1", Want::See { events: vec![] }, "no_evidence");
    assert_eq!(office.fold.book(), &crate::Book::default());
}
