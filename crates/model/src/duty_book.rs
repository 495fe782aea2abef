//! The duty book (值班记录): who is on duty when, what a shift hands over, and who has seen what.

use crate::site::words;
use crate::{CaseworkAction, CaseworkRefusal, DepartmentId, EventId, RequestId, Time};

words!(
    /// What was written.
    DutyTransition {
        /// Who is on duty when.
        Rostered = "duty.rostered",
        /// A shift handed over.
        HandedOver = "duty.handed_over",
        /// The next one took over.
        Confirmed = "duty.confirmed",
        /// A person has seen events.
        Seen = "duty.seen",
        /// What was asked was not done.
        Refused = "duty.refused",
    }
);

/// Who is on duty when. Shifts of one department may overlap; one of the same role and times replaces the one before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DutyShift {
    /// Who; empty: nobody, the shift is taken back.
    pub person: String,
    /// As what: leader, dispatcher ...
    pub role: String,
    /// From when.
    pub from: Time,
    /// Until before when.
    pub to: Time,
}

/// Something was written; the event's subject is the department. What a transition has no word for stays empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DutyChange {
    /// What.
    pub transition: DutyTransition,
    /// Whose book.
    pub department: DepartmentId,
    /// Of a roster.
    pub shifts: Vec<DutyShift>,
    /// Of a confirmation: the id of the event that handed over.
    pub hand_over: Option<EventId>,
    /// Of a hand-over and its confirmation: who takes over.
    pub to_person: String,
    /// Alarms and warnings that were open at a hand-over; events that were seen.
    pub events: Vec<EventId>,
    /// Who: of a hand-over the one who goes, of what was seen the one who saw.
    pub actor: String,
    /// What they wrote, or why it was refused.
    pub text: String,
    /// The request behind it.
    pub request_id: Option<RequestId>,
    /// Of a refusal: what was wanted, and why not.
    pub refused: Option<(CaseworkAction, CaseworkRefusal)>,
}

impl DutyChange {
    /// Something with nothing else said yet.
    pub const fn new(transition: DutyTransition, department: DepartmentId) -> Self {
        Self {
            transition,
            department,
            shifts: Vec::new(),
            hand_over: None,
            to_person: String::new(),
            events: Vec::new(),
            actor: String::new(),
            text: String::new(),
            request_id: None,
            refused: None,
        }
    }
}
