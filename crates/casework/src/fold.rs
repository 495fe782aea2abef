//! What is known after some prefix of `events`: cases, incidents, the duty book, when alarms and warnings came, outcomes of requests.
//!
//! State changes by applied events alone. What `due` and `judge` give is to be appended to `events` under one fence; it counts when it is
//! read back, so that a replay and another process agree, and nothing is said twice. A deadline is a fact of the state and no timer: one
//! that passed while nobody ran is said at the next start.

use model::{Event, EventBody, EventId, RecordedEvent, RequestId, Revision, RevisionNumber, Time};

use crate::ask::{Ask, Want};
use crate::book::Book;
use crate::cases::{Case, Cases};
use crate::incidents::{Incident, Incidents};
use crate::outcomes::{Outcome, Outcomes};
use crate::sites::Sites;

/// The fold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Casework {
    pub(crate) sites: Sites,
    pub(crate) cases: Cases,
    pub(crate) incidents: Incidents,
    pub(crate) book: Book,
    pub(crate) outcomes: Outcomes,
    pub(crate) now: Time,
}

impl Default for Casework {
    fn default() -> Self {
        Self {
            sites: Sites::default(),
            cases: Cases::default(),
            incidents: Incidents::default(),
            book: Book::default(),
            outcomes: Outcomes::default(),
            now: Time::MIN,
        }
    }
}

impl Casework {
    /// Takes the next event in the order of the journal.
    pub fn apply(&mut self, recorded: &RecordedEvent) {
        self.now = self.now.max(recorded.recorded_at);
        match &recorded.event.body {
            EventBody::Alarm(_) | EventBody::Warning(_) => self.incidents.sighted(recorded),
            // Cases, incidents and duty books are kept where they were opened; of another Davy they are seen in the feed alone.
            _ if recorded.is_foreign() => {}
            EventBody::Case(change) => self.cases.apply(recorded, change),
            EventBody::Incident(change) => self.incidents.apply(recorded, change, &self.book),
            EventBody::Duty(change) => {
                self.book.apply(recorded, change);
                self.incidents.noted(recorded, change);
            }
            _ => {}
        }
        if !recorded.is_foreign() {
            self.outcomes.apply(recorded);
        }
    }

    /// Another site is in force from here on. What was opened under another stands as it is.
    pub fn revise(&mut self, revision: &Revision, at: Time) {
        self.now = self.now.max(at);
        self.sites = Sites::of(revision);
    }

    /// What is to be appended to `events` now. Asked again before its answer was applied, it gives the same again.
    pub fn due(&self, now: Time) -> Vec<Event> {
        let now = now.max(self.now);
        let mut events = self.cases.due(now);
        events.extend(self.incidents.due(now));
        events
    }

    /// When `due` will have more to give though nothing happens.
    pub fn next_deadline(&self) -> Option<Time> {
        self.cases.next.into_iter().chain(self.incidents.next).min()
    }

    /// The event that answers what is asked; `None` where no such case, incident or hand-over is known. Whoever asks has looked at `outcome`
    /// first.
    pub fn judge(&self, ask: &Ask, now: Time) -> Option<Event> {
        let now = now.max(self.now).max(ask.at);
        match &ask.want {
            Want::Open { .. } | Want::Answer { .. } | Want::Extend { .. } | Want::Cancel { .. } => {
                self.cases.judge(ask, &self.sites, now)
            }
            Want::Declare { .. } | Want::Correct { .. } | Want::Notify { .. } | Want::Close { .. } => {
                self.incidents.judge(ask, &self.sites, now)
            }
            Want::Roster { .. } | Want::HandOver { .. } | Want::Confirm { .. } | Want::See { .. } => {
                self.book.judge(ask, &self.sites, now)
            }
        }
    }

    /// A case, open or ended not long ago.
    pub fn case(&self, id: &EventId) -> Option<&Case> {
        self.cases.all.get(id)
    }

    /// All cases, open and ended not long ago, in order of id.
    pub fn cases(&self) -> impl Iterator<Item = &Case> {
        self.cases.all.values()
    }

    /// An incident, open or closed not long ago.
    pub fn incident(&self, id: &EventId) -> Option<&Incident> {
        self.incidents.all.get(id)
    }

    /// All incidents, open and closed not long ago, in order of id.
    pub fn incidents(&self) -> impl Iterator<Item = &Incident> {
        self.incidents.all.values()
    }

    /// The duty book.
    pub const fn book(&self) -> &Book {
        &self.book
    }

    /// What became of a request of the last day.
    pub fn outcome(&self, request: &RequestId) -> Option<&Outcome> {
        self.outcomes.by_request.get(request)
    }

    /// The site revision in force.
    pub const fn revision(&self) -> RevisionNumber {
        self.sites.revision
    }
}
