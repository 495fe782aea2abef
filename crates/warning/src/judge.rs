//! What addressees say: taken or refused by what is known, each with one event for its request.

use model::{DepartmentId, Event, EventId, RequestId, Time, WarningAction, WarningChange, WarningRefusal, WarningTransition};

use crate::due::{about, event};
use crate::fold::Warnings;
use crate::warning::{Party, Warning};

/// What an addressee wants of a warning.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Response {
    /// Makes a repeat within 24 h harmless.
    pub request_id: RequestId,
    /// The warning.
    pub warning: EventId,
    /// Who.
    pub department: DepartmentId,
    /// What.
    pub action: WarningAction,
    /// Who, in person.
    pub actor: String,
    /// What they do, have done or found; why a warning is taken back.
    pub text: String,
    /// Events that show it; whether there are such events is not looked up.
    pub evidence: Vec<EventId>,
}

type Refused = (WarningRefusal, String);

impl Warnings {
    /// The event that answers a response; `None` where no such warning is known here. Whoever asks has looked at `outcome` and at `origin`
    /// first: what another Davy issued is answered there.
    pub fn judge(&self, response: &Response, now: Time) -> Option<Event> {
        let now = now.max(self.now);
        let warning = self.warnings.get(&response.warning).filter(|it| !self.origins.contains_key(&it.id))?;
        let said = WarningChange {
            department: Some(response.department.clone()),
            actor: response.actor.clone(),
            text: response.text.clone(),
            evidence: response.evidence.clone(),
            request_id: Some(response.request_id.clone()),
            ..about(warning, response.action.transition())
        };
        let change = match self.check(warning, response) {
            Ok(party) => {
                let step = response.action.step();
                let deadline = party.zip(step).and_then(|(party, step)| party.step(step)).map(|step| step.deadline);
                WarningChange { step, deadline, late: deadline.is_some_and(|deadline| now >= deadline), ..said }
            }
            Err((refusal, text)) => {
                let refused = Some((response.action, refusal));
                WarningChange { transition: WarningTransition::Refused, refused, text, evidence: Vec::new(), ..said }
            }
        };
        Some(event(warning, now, change))
    }

    /// The addressee who says it; `None` where a warning that reached nobody is ended by a department of the site: somebody has to.
    fn check<'a>(&self, warning: &'a Warning, response: &Response) -> Result<Option<&'a Party>, Refused> {
        if let Some(closing) = &warning.closed {
            let ended = if closing.cancelled { "cancelled" } else { "closed" };
            return Err((WarningRefusal::WrongState, format!("the warning is {ended}")));
        }
        let party = warning.party(&response.department).filter(|party| party.steps.is_some());
        let ends = matches!(response.action, WarningAction::Close | WarningAction::Cancel);
        let reached_nobody = || warning.addressees.iter().all(|party| party.steps.is_none());
        if party.is_none() && !(ends && reached_nobody() && self.rules.knows(&response.department)) {
            let message = format!("the warning is not addressed to {}, or not yet", response.department);
            return Err((WarningRefusal::NotAddressed, message));
        }
        if let Some(party) = party {
            match response.action {
                WarningAction::Receive | WarningAction::Resolve => check_undone(party, response)?,
                WarningAction::Respond => {}
                WarningAction::Close | WarningAction::Cancel => check_level(warning, party)?,
            }
        }
        check_evidence(response)?;
        Ok(party)
    }
}

fn check_undone(party: &Party, response: &Response) -> Result<(), Refused> {
    let done = response.action.step().and_then(|step| party.step(step)).and_then(|step| step.done.as_ref());
    match done {
        None => Ok(()),
        Some(done) => Err((WarningRefusal::WrongState, format!("{} did that already, by {}", party.department, done.actor))),
    }
}

/// Whom a warning was lifted to, that level ends it.
fn check_level(warning: &Warning, party: &Party) -> Result<(), Refused> {
    if party.level >= warning.level {
        return Ok(());
    }
    let (level, own) = (warning.level.as_str(), party.level.as_str());
    let message = format!("the level {level} answers for the warning, {} is of the level {own}", party.department);
    Err((WarningRefusal::NotAllowed, message))
}

fn check_evidence(response: &Response) -> Result<(), Refused> {
    let (written, shown) = (!response.text.trim().is_empty(), !response.evidence.is_empty());
    let (enough, wanted) = match response.action {
        WarningAction::Receive => (true, ""),
        WarningAction::Respond => (written, "say what is done about it"),
        WarningAction::Resolve => (written || shown, "say what was done, or name the events that show it"),
        WarningAction::Close => (written && shown, "say what was found and done, and name the events that show it"),
        WarningAction::Cancel => (written, "say why it was issued in error"),
    };
    if enough { Ok(()) } else { Err((WarningRefusal::NoEvidence, wanted.to_owned())) }
}
