//! A report before it is on record, and what is wrong with it whatever is known.

use model::report::{CreditPoints, Diversion, Finding, Order, ReportBody, Shown};
use model::{DepartmentId, EventId, RequestId, Time};

use crate::limits::{Rule, rules};
use crate::{ABOUT_MAX, AGE_MAX, AHEAD_MAX, NAME_MAX, TEXT_MAX};

/// What somebody wants to have on record.
#[derive(Clone, Debug, PartialEq)]
pub struct Draft {
    /// The request.
    pub request_id: RequestId,
    /// Who.
    pub department: DepartmentId,
    /// Who, in person.
    pub actor: String,
    /// When it came, journal time.
    pub arrived_at: Time,
    /// When it happened; `None`: when it came.
    pub occurred_at: Option<Time>,
    /// In words.
    pub text: String,
    /// Events that it refers to.
    pub about: Vec<EventId>,
    /// Where, by id; empty: not said.
    pub park: String,
    /// Where, by id; empty: not said.
    pub enterprise: String,
    /// Where, by id; empty: not said.
    pub installation: String,
    /// What.
    pub body: ReportBody,
}

/// Why a report is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// The field is not as it has to be.
    Invalid,
    /// The department may not report that, or not of this place.
    NotAllowed,
    /// The request id was used for something else.
    Reused,
}

/// A report that is not taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// Why, for programs.
    pub reason: Reason,
    /// The field at fault.
    pub field: &'static str,
    /// What is wrong and what would be right.
    pub message: String,
}

impl Refusal {
    pub(crate) fn invalid(field: &'static str, message: impl Into<String>) -> Self {
        Self { reason: Reason::Invalid, field, message: message.into() }
    }

    pub(crate) fn not_allowed(field: &'static str, message: impl Into<String>) -> Self {
        Self { reason: Reason::NotAllowed, field, message: message.into() }
    }
}

type Checked = Result<(), Refusal>;

impl Draft {
    /// Whether it is right by itself.
    ///
    /// # Errors
    /// The first field that is not as it has to be.
    pub fn check(&self) -> Checked {
        if self.actor.trim().is_empty() || self.actor.chars().count() > NAME_MAX {
            return Err(Refusal::invalid("actor", format!("say who: 1 to {NAME_MAX} characters")));
        }
        if self.text.chars().count() > TEXT_MAX {
            return Err(Refusal::invalid("text", format!("{TEXT_MAX} characters at most")));
        }
        if self.about.len() > ABOUT_MAX {
            return Err(Refusal::invalid("about", format!("name {ABOUT_MAX} events at most")));
        }
        let occurred_at = self.occurred_at();
        if occurred_at > self.arrived_at.plus(AHEAD_MAX) {
            return Err(Refusal::invalid("occurred_at", "it is more than 60 s ahead; set the clock, or leave it out for now"));
        }
        if self.arrived_at.since(occurred_at) > AGE_MAX {
            return Err(Refusal::invalid("occurred_at", "it is more than 400 days ago; such reports are not taken"));
        }
        for ((field, rule), (_, value)) in rules(self.body.kind()).iter().zip(self.body.fields()) {
            fits(field, *rule, value)?;
        }
        self.check_together(occurred_at)
    }

    /// When it happened.
    pub fn occurred_at(&self) -> Time {
        self.occurred_at.unwrap_or(self.arrived_at)
    }

    /// What fields have to be together.
    fn check_together(&self, occurred_at: Time) -> Checked {
        let due = |field, due: Time| {
            let past = || Refusal::invalid(field, "it is not later than when it happened; say until when");
            if due > occurred_at { Ok(()) } else { Err(past()) }
        };
        match &self.body {
            ReportBody::Diversion(body) => check_diversion(body),
            ReportBody::CreditPoints(CreditPoints { points: 0, .. }) => {
                Err(Refusal::invalid("credit_points.points", "0 changes nothing; give what was given or, negative, taken"))
            }
            ReportBody::Finding(Finding { due: Some(time), .. }) => due("finding.due", *time),
            ReportBody::Order(Order { due: time, .. }) => due("order.due", *time),
            _ => Ok(()),
        }
    }
}

fn check_diversion(body: &Diversion) -> Checked {
    if body.vehicle.is_empty() == body.road.is_empty() {
        return Err(Refusal::invalid("diversion.vehicle", "give a vehicle or a road, and not both"));
    }
    if body.place.is_empty() == body.warning.is_none() {
        return Err(Refusal::invalid("diversion.place", "give the warning or the place that it leads around, and not both"));
    }
    Ok(())
}

fn fits(field: &'static str, rule: Rule, value: Shown<'_>) -> Checked {
    let wrong = |message: String| Err(Refusal::invalid(field, message));
    match (rule, value) {
        (Rule::Name, Shown::Nothing) => wrong(format!("give it: 1 to {NAME_MAX} characters")),
        (Rule::Name | Rule::NameOrNothing, Shown::Text(text)) if !is_name(text) => {
            wrong(format!("`{}` is no name: 1 to {NAME_MAX} characters, none of them control characters", cut(text)))
        }
        (Rule::Count { least, most }, Shown::Count(count)) if !(least..=most).contains(&count) => {
            wrong(format!("{count} is not possible: {least} to {most}"))
        }
        (Rule::Number { least, most }, Shown::Number(number)) if !(least..=most).contains(&number) => {
            wrong(format!("{number} is not possible: {least} to {most}"))
        }
        (Rule::Place, Shown::Place(at)) if !((-90.0..=90.0).contains(&at.lat) && (-180.0..=180.0).contains(&at.lon)) => {
            wrong(format!("{}, {} is no place: lat -90 to 90, lon -180 to 180, WGS 84", at.lat, at.lon))
        }
        _ => Ok(()),
    }
}

fn is_name(text: &str) -> bool {
    !text.trim().is_empty() && text.chars().count() <= NAME_MAX && !text.chars().any(char::is_control)
}

/// As much of a wrong value as a message quotes.
pub(crate) fn cut(text: &str) -> String {
    text.chars().take(80).map(|it| if it.is_control() { ' ' } else { it }).collect()
}
