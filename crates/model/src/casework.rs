//! What departments and persons on duty ask of joint cases, incidents and the duty book, and why it is not done.

use crate::site::words;

words!(
    /// What is asked.
    CaseworkAction {
        /// To open a joint case.
        Open = "open",
        /// To answer the own task of a case.
        Answer = "answer",
        /// To give a task more time.
        Extend = "extend",
        /// To end a case without answers.
        Cancel = "cancel",
        /// To declare an incident.
        Declare = "declare",
        /// To correct what an incident is and what it cost.
        Correct = "correct",
        /// To put on record that somebody was told of an incident.
        Notify = "notify",
        /// To end an incident.
        Close = "close",
        /// To set who is on duty when.
        Roster = "roster",
        /// To hand over to the next shift.
        HandOver = "hand_over",
        /// To take over.
        Confirm = "confirm",
        /// To say that events were seen.
        See = "see",
    }
);

words!(
    /// Why it is not done.
    CaseworkRefusal {
        /// The site in force has no such department.
        UnknownDepartment = "unknown_department",
        /// The site in force has no such place.
        UnknownPlace = "unknown_place",
        /// The department has no task in the case.
        NotAssigned = "not_assigned",
        /// It is over, or was done already.
        WrongState = "wrong_state",
        /// Somebody else may do that.
        NotAllowed = "not_allowed",
        /// Nothing says or shows why, or what was done.
        NoEvidence = "no_evidence",
        /// A time lies where it cannot.
        BadTime = "bad_time",
        /// The incident has no such duty.
        NoSuchDuty = "no_such_duty",
        /// Duties to report are not done.
        DutiesOpen = "duties_open",
        /// There are as many as are kept.
        TooMany = "too_many",
    }
);
