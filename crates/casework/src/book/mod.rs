//! The duty book: shifts, hand-overs, and who has seen what.

mod judge;

use std::collections::{BTreeMap, VecDeque};

use model::{DepartmentId, DutyChange, DutyTransition, EventId, RecordedEvent, Time};

/// So many shifts are remembered; those that ended first go first.
pub(crate) const SHIFTS_KEPT: usize = 50_000;

/// So many hand-overs are remembered.
const HAND_OVERS_KEPT: usize = 5_000;

/// So many times it is remembered that a person has seen an event.
const SEEN_KEPT: usize = 20_000;

/// Which shift: one of the same department, role and times is the same.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct ShiftKey {
    /// First, so that those that ended stand first.
    pub(crate) to: Time,
    pub(crate) from: Time,
    pub(crate) department: DepartmentId,
    pub(crate) role: String,
}

/// Who is on duty when.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shift {
    /// Of which department.
    pub department: DepartmentId,
    /// Who.
    pub person: String,
    /// As what.
    pub role: String,
    /// From when.
    pub from: Time,
    /// Until before when.
    pub to: Time,
}

/// What a shift handed over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HandOver {
    /// The id of the event.
    pub id: EventId,
    /// Of which department.
    pub department: DepartmentId,
    /// When, journal time.
    pub at: Time,
    /// Who went.
    pub from_person: String,
    /// Who takes over.
    pub to_person: String,
    /// What they wrote.
    pub text: String,
    /// Alarms and warnings that were open.
    pub events: Vec<EventId>,
    /// When the next one took over, journal time.
    pub confirmed_at: Option<Time>,
    /// What they wrote.
    pub confirmed_text: String,
}

/// That a person has seen an event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    /// When, journal time.
    pub at: Time,
    /// The event that says so.
    pub by: EventId,
    /// Of which department.
    pub department: DepartmentId,
    /// Who.
    pub person: String,
    /// What.
    pub event: EventId,
}

/// The book.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Book {
    pub(crate) shifts: BTreeMap<ShiftKey, String>,
    pub(crate) hand_overs: BTreeMap<EventId, HandOver>,
    /// Oldest first.
    pub(crate) in_order: VecDeque<EventId>,
    /// Oldest first.
    pub(crate) seen: VecDeque<Seen>,
}

impl Book {
    pub(crate) fn apply(&mut self, recorded: &RecordedEvent, change: &DutyChange) {
        match change.transition {
            DutyTransition::Rostered => self.rostered(change),
            DutyTransition::HandedOver => self.handed_over(recorded, change),
            DutyTransition::Confirmed => {
                let known = change.hand_over.as_ref().and_then(|id| self.hand_overs.get_mut(id));
                if let Some(hand_over) = known.filter(|it| it.confirmed_at.is_none()) {
                    hand_over.confirmed_at = Some(recorded.recorded_at);
                    hand_over.confirmed_text.clone_from(&change.text);
                }
            }
            DutyTransition::Seen => self.saw(recorded, change),
            DutyTransition::Refused => {}
        }
    }

    fn rostered(&mut self, change: &DutyChange) {
        for shift in &change.shifts {
            let (to, from, role) = (shift.to, shift.from, shift.role.clone());
            let key = ShiftKey { to, from, department: change.department.clone(), role };
            if shift.person.is_empty() {
                self.shifts.remove(&key);
            } else {
                self.shifts.insert(key, shift.person.clone());
            }
        }
        while self.shifts.len() > SHIFTS_KEPT {
            self.shifts.pop_first();
        }
    }

    fn handed_over(&mut self, recorded: &RecordedEvent, change: &DutyChange) {
        let hand_over = HandOver {
            id: recorded.id.clone(),
            department: change.department.clone(),
            at: recorded.recorded_at,
            from_person: change.actor.clone(),
            to_person: change.to_person.clone(),
            text: change.text.clone(),
            events: change.events.clone(),
            confirmed_at: None,
            confirmed_text: String::new(),
        };
        self.in_order.push_back(hand_over.id.clone());
        self.hand_overs.insert(hand_over.id.clone(), hand_over);
        while self.in_order.len() > HAND_OVERS_KEPT {
            self.in_order.pop_front().map(|id| self.hand_overs.remove(&id));
        }
    }

    fn saw(&mut self, recorded: &RecordedEvent, change: &DutyChange) {
        self.seen.extend(change.events.iter().map(|event| Seen {
            at: recorded.recorded_at,
            by: recorded.id.clone(),
            department: change.department.clone(),
            person: change.actor.clone(),
            event: event.clone(),
        }));
        while self.seen.len() > SEEN_KEPT {
            self.seen.pop_front();
        }
    }

    /// Who is on duty at a time, in order of department, role and end.
    pub fn on_duty(&self, at: Time) -> Vec<Shift> {
        let mut found: Vec<_> = self.shifts().filter(|it| it.from <= at && at < it.to).collect();
        found.sort_by(|one, other| (&one.department, &one.role, one.to).cmp(&(&other.department, &other.role, other.to)));
        found
    }

    /// Shifts that lie at least partly within a period, those that end first before.
    pub fn shifts_within(&self, from: Time, to: Time) -> impl Iterator<Item = Shift> {
        self.shifts().filter(move |it| it.from < to && from < it.to)
    }

    fn shifts(&self) -> impl Iterator<Item = Shift> {
        self.shifts.iter().map(|(key, person)| Shift {
            department: key.department.clone(),
            person: person.clone(),
            role: key.role.clone(),
            from: key.from,
            to: key.to,
        })
    }

    /// A hand-over not long ago.
    pub fn hand_over(&self, id: &EventId) -> Option<&HandOver> {
        self.hand_overs.get(id)
    }

    /// Hand-overs, oldest first.
    pub fn hand_overs(&self) -> impl Iterator<Item = &HandOver> {
        self.in_order.iter().filter_map(|id| self.hand_overs.get(id))
    }

    /// Who has seen what, oldest first.
    pub fn seen(&self) -> impl Iterator<Item = &Seen> {
        self.seen.iter()
    }

    pub(crate) fn seen_of(&self, event: &EventId) -> impl Iterator<Item = &Seen> {
        self.seen.iter().filter(move |it| it.event == *event)
    }
}
