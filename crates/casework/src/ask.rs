//! What departments and persons on duty ask.

use model::{CaseworkAction, DepartmentId, DutyShift, EventId, IncidentKind, IncidentLosses, RequestId, Time};

use crate::sites::Place;

/// Who asks for what.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ask {
    /// Makes a repeat within 24 h harmless.
    pub request_id: RequestId,
    /// For which department; of an incident also an enterprise.
    pub department: DepartmentId,
    /// Who, in person.
    pub actor: String,
    /// What they found, did or note; why.
    pub text: String,
    /// When it was asked, journal time: whoever judges it later may not know so late a time yet.
    pub at: Time,
    /// What.
    pub want: Want,
}

/// That somebody was told of an incident.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Told {
    /// Who told; empty: the one who asks.
    pub who: String,
    /// Whom; empty: as the duty names it.
    pub whom: String,
    /// When; `None`: now.
    pub told_at: Option<Time>,
    /// How.
    pub how: String,
    /// The reference number.
    pub reference: String,
    /// Since when the one who told had known, where they say so.
    pub known_at: Option<Time>,
}

/// What is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Want {
    /// To open a case.
    Open {
        /// What it is about, in words.
        title: String,
        /// Where: an enterprise or a park.
        place: Place,
        /// Who has to do what until when.
        tasks: Vec<(DepartmentId, String, Time)>,
        /// The events behind it.
        evidence: Vec<EventId>,
    },
    /// To answer the own task of a case.
    Answer {
        /// The case.
        case: EventId,
        /// Events that show it; whether there are such events is not looked up.
        evidence: Vec<EventId>,
    },
    /// To give a task more time.
    Extend {
        /// The case.
        case: EventId,
        /// Whose task.
        of: DepartmentId,
        /// Until when.
        due: Time,
    },
    /// To end a case without answers.
    Cancel {
        /// The case.
        case: EventId,
    },
    /// To declare an incident.
    Declare {
        /// What happened.
        kind: IncidentKind,
        /// The same in words.
        title: String,
        /// Where: an installation, an enterprise or a park.
        place: Place,
        /// When it happened; `None`: when it was known.
        happened_at: Option<Time>,
        /// When the first one who has to report knew; `None`: now.
        known_at: Option<Time>,
        /// What it cost, as far as known.
        losses: IncidentLosses,
        /// Alarms and warnings about it.
        about: Vec<EventId>,
    },
    /// To correct an incident.
    Correct {
        /// The incident.
        incident: EventId,
        /// What it is, if it is something else.
        kind: Option<IncidentKind>,
        /// What is known better; the rest stays.
        losses: IncidentLosses,
        /// More alarms and warnings about it.
        about: Vec<EventId>,
    },
    /// To put on record that somebody was told.
    Notify {
        /// The incident.
        incident: EventId,
        /// The duty that is done by it; empty: none of those by law.
        duty: String,
        /// Who told whom.
        told: Told,
    },
    /// To end an incident.
    Close {
        /// The incident.
        incident: EventId,
        /// It was declared in error.
        in_error: bool,
    },
    /// To set who is on duty when.
    Roster {
        /// The shifts; what is not named stays.
        shifts: Vec<DutyShift>,
    },
    /// To hand over to the next shift.
    HandOver {
        /// Who takes over.
        to_person: String,
        /// Alarms and warnings that are open.
        events: Vec<EventId>,
    },
    /// To take over.
    Confirm {
        /// The id of the event that handed over.
        hand_over: EventId,
    },
    /// To say that events were seen.
    See {
        /// Which.
        events: Vec<EventId>,
    },
}

impl Want {
    /// Its word.
    pub const fn action(&self) -> CaseworkAction {
        match self {
            Self::Open { .. } => CaseworkAction::Open,
            Self::Answer { .. } => CaseworkAction::Answer,
            Self::Extend { .. } => CaseworkAction::Extend,
            Self::Cancel { .. } => CaseworkAction::Cancel,
            Self::Declare { .. } => CaseworkAction::Declare,
            Self::Correct { .. } => CaseworkAction::Correct,
            Self::Notify { .. } => CaseworkAction::Notify,
            Self::Close { .. } => CaseworkAction::Close,
            Self::Roster { .. } => CaseworkAction::Roster,
            Self::HandOver { .. } => CaseworkAction::HandOver,
            Self::Confirm { .. } => CaseworkAction::Confirm,
            Self::See { .. } => CaseworkAction::See,
        }
    }

    /// The case, incident or hand-over that it is asked of.
    pub const fn of(&self) -> Option<&EventId> {
        match self {
            Self::Answer { case, .. } | Self::Extend { case, .. } | Self::Cancel { case } => Some(case),
            Self::Correct { incident, .. } | Self::Notify { incident, .. } | Self::Close { incident, .. } => Some(incident),
            Self::Confirm { hand_over } => Some(hand_over),
            Self::Open { .. } | Self::Declare { .. } | Self::Roster { .. } | Self::HandOver { .. } | Self::See { .. } => None,
        }
    }
}
