//! What is asked of the duty book: written or refused by what is known, each with one event for its request.

use model::{CaseworkRefusal, DutyChange, DutyShift, DutyTransition, Event, EventBody, Time};

use super::{Book, HandOver, SHIFTS_KEPT};
use crate::SHIFT_MAX;
use crate::ask::{Ask, Want};
use crate::sites::{Refused, Sites};

impl Book {
    pub(crate) fn judge(&self, ask: &Ask, sites: &Sites, now: Time) -> Option<Event> {
        let change = |transition| DutyChange {
            actor: ask.actor.clone(),
            text: ask.text.clone(),
            request_id: Some(ask.request_id.clone()),
            ..DutyChange::new(transition, ask.department.clone())
        };
        let (change, checked) = match &ask.want {
            Want::Roster { shifts } => {
                (DutyChange { shifts: shifts.clone(), ..change(DutyTransition::Rostered) }, self.check_shifts(shifts, now))
            }
            Want::HandOver { to_person, events } => {
                let (to_person, events) = (to_person.clone(), events.clone());
                let checked = check_hand_over(ask, &to_person);
                (DutyChange { to_person, events, ..change(DutyTransition::HandedOver) }, checked)
            }
            Want::Confirm { hand_over } => {
                let known = self.hand_over(hand_over)?;
                let (hand_over, to_person) = (Some(hand_over.clone()), known.to_person.clone());
                (DutyChange { hand_over, to_person, ..change(DutyTransition::Confirmed) }, check_confirm(known, ask))
            }
            Want::See { events } => {
                (DutyChange { events: events.clone(), ..change(DutyTransition::Seen) }, check_seen(events.is_empty()))
            }
            _ => return None,
        };
        let checked = sites.department(&ask.department).and(checked);
        let change = match checked {
            Ok(()) => change,
            Err((refusal, text)) => DutyChange {
                transition: DutyTransition::Refused,
                refused: Some((ask.want.action(), refusal)),
                shifts: Vec::new(),
                events: Vec::new(),
                text,
                ..change
            },
        };
        Some(Event {
            occurred_at: now,
            subject: ask.department.shared(),
            scope: sites.scope_of(&ask.department),
            revision: sites.revision,
            body: EventBody::Duty(Box::new(change)),
        })
    }

    fn check_shifts(&self, shifts: &[DutyShift], now: Time) -> Result<(), Refused> {
        if shifts.is_empty() {
            return Err((CaseworkRefusal::NoEvidence, "say who is on duty when: one shift at least".to_owned()));
        }
        for shift in shifts {
            let (from, to) = (shift.from, shift.to);
            if from >= to || to.since(from) > SHIFT_MAX {
                let wrong = format!("a shift of {} ends after it begins, and within 31 days", shift.person);
                return Err((CaseworkRefusal::BadTime, wrong));
            }
        }
        let coming = || self.shifts.keys().rev().take_while(|key| key.to > now).count();
        if self.shifts.len() + shifts.len() > SHIFTS_KEPT && coming() + shifts.len() > SHIFTS_KEPT {
            return Err((CaseworkRefusal::TooMany, format!("{SHIFTS_KEPT} shifts are to come; set later ones later")));
        }
        Ok(())
    }
}

fn check_hand_over(ask: &Ask, to_person: &str) -> Result<(), Refused> {
    if to_person.trim().is_empty() || ask.text.trim().is_empty() {
        return Err((CaseworkRefusal::NoEvidence, "say to whom, and what the next shift has to know".to_owned()));
    }
    if ask.actor == to_person {
        return Err((CaseworkRefusal::NotAllowed, format!("{to_person} cannot hand over to themselves")));
    }
    Ok(())
}

fn check_confirm(hand_over: &HandOver, ask: &Ask) -> Result<(), Refused> {
    if hand_over.department != ask.department {
        return Err((CaseworkRefusal::NotAllowed, format!("it is a hand-over of {}", hand_over.department)));
    }
    if hand_over.to_person != ask.actor {
        return Err((CaseworkRefusal::NotAllowed, format!("{} has to take over, not {}", hand_over.to_person, ask.actor)));
    }
    if hand_over.confirmed_at.is_some() {
        return Err((CaseworkRefusal::WrongState, format!("{} has taken over already", hand_over.to_person)));
    }
    Ok(())
}

fn check_seen(nothing: bool) -> Result<(), Refused> {
    if nothing { Err((CaseworkRefusal::NoEvidence, "name the events that were seen".to_owned())) } else { Ok(()) }
}
