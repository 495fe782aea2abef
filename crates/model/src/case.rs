//! Joint cases (联动执法): what several departments have to do about one finding, each until a time.

use crate::site::words;
use crate::{CaseworkAction, CaseworkRefusal, DepartmentId, EventId, RequestId, Time, WarningPlace};

words!(
    /// How a case moved.
    CaseTransition {
        /// A department opened it.
        Opened = "case.opened",
        /// A department answered its task.
        Answered = "case.answered",
        /// A task has more time.
        Extended = "case.extended",
        /// A task is late; said once for each time that was set.
        Overdue = "case.overdue",
        /// All have answered.
        Closed = "case.closed",
        /// Its opener ended it without answers.
        Cancelled = "case.cancelled",
        /// What was asked was not done.
        Refused = "case.refused",
    }
);

/// What one department has to do in a case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CaseTask {
    /// Who.
    pub department: DepartmentId,
    /// Its name as people read it.
    pub name: String,
    /// What.
    pub task: String,
    /// Until when, journal time.
    pub due: Time,
}

/// A case moved; the event's subject is the place that it is about. What a transition has no word for stays empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CaseChange {
    /// How.
    pub transition: CaseTransition,
    /// Its name: the id of the event that opened it; `None` in that event itself, and where an opening was refused.
    pub case: Option<EventId>,
    /// What it is about, in words.
    pub title: String,
    /// What kind of place the subject is.
    pub place: WarningPlace,
    /// Who opened it.
    pub opener: DepartmentId,
    /// Of an opening: one for each department.
    pub tasks: Vec<CaseTask>,
    /// Whose task was answered, extended or is late; who wanted what was refused.
    pub department: Option<DepartmentId>,
    /// Until when that task is to be done, after this.
    pub due: Option<Time>,
    /// Whether it was done later than that.
    pub late: bool,
    /// Who, in person; empty for Davy itself.
    pub actor: String,
    /// What they did or found, why it takes longer or was ended, why it was refused.
    pub text: String,
    /// Of an opening, the events behind it; of an answer, those that show it.
    pub evidence: Vec<EventId>,
    /// The request behind it.
    pub request_id: Option<RequestId>,
    /// Of a refusal: what was wanted, and why not.
    pub refused: Option<(CaseworkAction, CaseworkRefusal)>,
}

impl CaseChange {
    /// A transition with nothing else said yet.
    pub const fn new(transition: CaseTransition, place: WarningPlace, opener: DepartmentId) -> Self {
        Self {
            transition,
            case: None,
            title: String::new(),
            place,
            opener,
            tasks: Vec::new(),
            department: None,
            due: None,
            late: false,
            actor: String::new(),
            text: String::new(),
            evidence: Vec::new(),
            request_id: None,
            refused: None,
        }
    }
}
