//! What is known after some prefix of `events`: the site in force, outcomes of requests, and what samples said last that was news.
//!
//! State changes by applied events alone. What `judge` gives is to be appended to `events` under one fence; it counts when it is read back.
//! Samples that are no news leave nothing in `events`: what they tell is in `Seen`, which a process has for itself. After a start the
//! next position of a vehicle may be called news that would have been none.

use std::sync::Arc;

use model::{Event, EventBody, RecordedEvent, Report, ReportKind, RequestId, Revision, RevisionNumber, Time};

use crate::KNOWN_MAX;
use crate::changes::Changes;
use crate::draft::{Draft, Refusal};
use crate::outcomes::{KEPT_MAX, Outcome, Outcomes, reused, said};
use crate::places::Places;
use crate::recent::Recent;
use crate::sample::{Sample, values};

/// The fold.
#[derive(Clone, Debug, PartialEq)]
pub struct Reports {
    pub(crate) places: Places,
    pub(crate) outcomes: Outcomes,
    pub(crate) changes: Changes,
    pub(crate) now: Time,
}

impl Default for Reports {
    fn default() -> Self {
        let (places, outcomes, changes) = (Places::default(), Outcomes::default(), Changes::default());
        Self { places, outcomes, changes, now: Time::MIN }
    }
}

/// What samples tell that were no events.
#[derive(Clone, Debug)]
pub struct Seen {
    /// When each vehicle was seen last.
    vehicles: Recent<Arc<str>, Time>,
    /// What requests said, and when it happened.
    requests: Recent<RequestId, (u128, Time)>,
}

impl Default for Seen {
    fn default() -> Self {
        Self { vehicles: Recent::new(KNOWN_MAX), requests: Recent::new(KEPT_MAX) }
    }
}

/// What is to be done about a draft.
#[derive(Clone, Debug, PartialEq)]
pub enum Judged {
    /// It is on record already.
    Known,
    /// It is a sample that is no news.
    Sampled {
        /// When it happened.
        at: Time,
    },
    /// It is to be put on record.
    News(Box<Event>),
}

impl Reports {
    /// Takes the next event in the order of the journal.
    pub fn apply(&mut self, recorded: &RecordedEvent) {
        self.now = self.now.max(recorded.recorded_at);
        // What was reported to another Davy is known by the requests and changes of there.
        if let EventBody::Report(report) = &recorded.event.body
            && !recorded.is_foreign()
        {
            self.outcomes.apply(recorded, report);
            self.changes.apply(recorded, report);
        }
    }

    /// Another site is in force from here on.
    pub fn revise(&mut self, revision: &Revision, at: Time) {
        self.now = self.now.max(at);
        self.places = Places::of(revision);
    }

    /// What is to be done about a draft that is right by itself.
    ///
    /// # Errors
    /// Its request id was used otherwise; its department may not say that there.
    pub fn judge(&self, draft: &Draft, seen: &mut Seen) -> Result<Judged, Refusal> {
        if let Some(outcome) = self.outcome(&draft.request_id) {
            return outcome.answers(draft).map(|()| Judged::Known);
        }
        if let Some((digest, at)) = seen.requests.get(&draft.request_id).copied() {
            let same = digest == said(draft) && draft.occurred_at.is_none_or(|it| it == at);
            return if same { Ok(Judged::Sampled { at }) } else { Err(reused()) };
        }
        let scope = self.places.admit(draft)?;
        let (at, subject) = (draft.occurred_at(), draft.body.subject());
        let seen_at = seen.vehicles.get(&subject).copied();
        if !self.changes.is_news(&draft.department, &draft.body, at, seen_at) {
            seen.requests.set(draft.request_id.clone(), (said(draft), at));
            if draft.body.kind() == ReportKind::VehiclePosition {
                seen.vehicles.set(subject, seen_at.map_or(at, |it| it.max(at)));
            }
            return Ok(Judged::Sampled { at });
        }
        let report = Report {
            department: draft.department.clone(),
            actor: draft.actor.clone(),
            text: draft.text.clone(),
            about: draft.about.clone(),
            request_id: draft.request_id.clone(),
            body: draft.body.clone(),
        };
        let revision = self.places.revision;
        Ok(Judged::News(Box::new(Event { occurred_at: at, subject, scope, revision, body: EventBody::Report(Box::new(report)) })))
    }

    /// What points take of a draft that happened then; `None` where it is no sample, or no point stands for it.
    pub fn sample(&self, draft: &Draft, at: Time) -> Option<Sample> {
        if !draft.body.kind().is_sample() {
            return None;
        }
        let scope = self.places.admit(draft).ok()?;
        let gateway = self.places.gateway(scope.park.as_deref(), &draft.department)?;
        Some(Sample { gateway, at, values: values(&draft.body) })
    }

    /// What became of a request of the last day.
    pub fn outcome(&self, request: &RequestId) -> Option<&Outcome> {
        self.outcomes.by_request.get(request)
    }

    /// The site revision in force.
    pub const fn revision(&self) -> RevisionNumber {
        self.places.revision
    }
}
