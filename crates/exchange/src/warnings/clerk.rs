//! The warnings at their desk: what of the site concerns them, their snapshot, their counters and log lines.

use std::sync::Arc;

use bytes::Bytes;
use desk::{Clerk, Standing};
use metrics::{counter, gauge};
use model::{
    Colour, ErrorKind, Event, EventBody, Picture, Point, Quantity, RecordedEvent, RequestId, Revision, Site, Time, WarningChange,
    WarningRefusal, WarningTransition,
};
use prost::Message as _;
use tracing::info;
use warning::{Outcome, Response, Warnings};
use wire::{Cursor, Failure, record_v1, v1};

use super::convert::{is_late, warning_to_v1};
use crate::metrics::{LATE_WARNINGS, WARNING_EVENTS, WARNINGS, WARNINGS_UNREADABLE};

/// What comes to the desk.
#[derive(Debug)]
pub(crate) enum WarningAsk {
    /// What an addressee says.
    Response(Response),
    /// A picture that was made.
    Picture(Box<PictureAsk>),
}

/// A picture, under the name of what asked for it.
#[derive(Debug)]
pub(crate) struct PictureAsk {
    pub(crate) request_id: RequestId,
    pub(crate) picture: Picture,
}

/// What it answers.
#[derive(Debug)]
pub(crate) enum WarningAnswer {
    /// To an addressee.
    Response(Box<v1::RespondToWarningResponse>),
    /// The picture is on record, or nobody wants it any more.
    Picture,
}

/// The fold, and the site in force.
#[derive(Debug, Default)]
pub(crate) struct WarningClerk {
    pub(crate) warnings: Warnings,
    /// What of the site in force concerns warnings and their pictures.
    pub(crate) site: Arc<Revision>,
}

impl WarningClerk {
    /// What of the site in force concerns warnings: all but its points.
    pub(crate) fn site(&self) -> &Revision {
        &self.site
    }
}

impl Clerk for WarningClerk {
    type Ask = WarningAsk;
    type Answer = WarningAnswer;

    const KEY: &'static str = "exchange/warnings";
    const KEEPS: &'static str = "warnings";
    const LOSS: &'static str = "a warning may be missed or stand too long";

    fn revise(&mut self, site: &Revision, at: Time) {
        self.site = Arc::new(of_warnings(site));
        self.warnings.revise(&self.site, at);
    }

    fn apply(&mut self, event: &RecordedEvent) {
        self.warnings.apply(event);
    }

    fn snapshot(&self) -> Bytes {
        let site = Some(wire::revision_to_record(&self.site));
        record_v1::WarningSnapshot { site, state: self.warnings.snapshot() }.encode_to_vec().into()
    }

    fn restore(&mut self, body: &[u8]) -> bool {
        let restored = || {
            let snapshot = record_v1::WarningSnapshot::decode(body).ok()?;
            let site = wire::revision_from_record(&snapshot.site?).ok()?;
            let warnings = Warnings::restore(&site, &snapshot.state).ok()?;
            Some(Self { warnings, site: Arc::new(site) })
        };
        restored().map(|it| *self = it).is_some()
    }

    fn due(&mut self, now: Time) -> Vec<Event> {
        self.warnings.due(now)
    }

    fn next_deadline(&self) -> Option<Time> {
        self.warnings.next_deadline()
    }

    fn request_id(ask: &WarningAsk) -> &RequestId {
        match ask {
            WarningAsk::Response(response) => &response.request_id,
            WarningAsk::Picture(ask) => &ask.request_id,
        }
    }

    fn judge(&self, ask: &WarningAsk, now: Time) -> Option<Event> {
        match ask {
            WarningAsk::Response(response) if self.warnings.outcome(&response.request_id).is_some() => None,
            WarningAsk::Response(response) => self.warnings.judge(response, now),
            WarningAsk::Picture(ask) => self.warnings.pictured(&ask.picture),
        }
    }

    fn answer(&self, ask: &WarningAsk, standing: Standing) -> Result<WarningAnswer, Failure> {
        let WarningAsk::Response(response) = ask else { return Ok(WarningAnswer::Picture) };
        let outcome = self.warnings.outcome(&response.request_id).ok_or_else(|| unknown(&self.warnings, response))?;
        answer(&self.warnings, response, outcome, standing).map(Box::new).map(WarningAnswer::Response)
    }

    fn missed(&self) {
        counter!(WARNINGS_UNREADABLE).increment(1);
    }

    fn said(&self, event: &Event) {
        note(event);
    }

    fn tell(&self, now: Time) {
        for colour in Colour::ALL {
            let open = self.warnings.open().filter(|it| it.colour == *colour).count();
            gauge!(WARNINGS, "colour" => colour.as_str()).set(u32::try_from(open).unwrap_or(u32::MAX));
        }
        let late = self.warnings.open().filter(|it| is_late(it, now)).count();
        gauge!(LATE_WARNINGS).set(u32::try_from(late).unwrap_or(u32::MAX));
    }
}

/// Most points stay out, and all alarms: a snapshot of 200,000 would be kept for nothing.
fn of_warnings(revision: &Revision) -> Revision {
    let drawn = |quantity: Quantity| {
        quantity.is_gas_detector() || matches!(quantity, Quantity::WindSpeed | Quantity::WindDirection | Quantity::Headcount)
    };
    let points = revision.points().filter(|(_, point)| drawn(point.quantity));
    let (numbers, points) = points.map(|(number, point)| (number, Point { alarms: Vec::new(), ..point.clone() })).unzip();
    let Site { parks, enterprises, installations, departments, warnings, places, resources, plans, .. } = revision.site.clone();
    Revision {
        number: revision.number,
        content_hash: revision.content_hash,
        numbers,
        site: Site {
            parks,
            enterprises,
            installations,
            points,
            departments,
            warnings,
            places,
            resources,
            plans,
            ..Site::default()
        },
        ..Revision::default()
    }
}

/// Counts and logs what is on record from now on.
fn note(event: &Event) {
    if let EventBody::Picture(_) = &event.body {
        counter!(WARNING_EVENTS, "kind" => event.body.kind()).increment(1);
    }
    let EventBody::Warning(change) = &event.body else { return };
    counter!(WARNING_EVENTS, "kind" => change.transition.as_str()).increment(1);
    let WarningChange { rule, colour, level, .. } = &**change;
    let (subject, colour, level) = (&*event.subject, colour.as_str(), level.as_str());
    match change.transition {
        WarningTransition::Opened => info!(%rule, subject, colour, level, "warning opened"),
        WarningTransition::Escalated => info!(%rule, subject, colour, level, "warning escalated: a step is late"),
        WarningTransition::Closed => info!(%rule, subject, colour, level, "warning closed"),
        WarningTransition::Cancelled => info!(%rule, subject, colour, level, "warning cancelled"),
        _ => {}
    }
}

/// No such warning, or one that was closed long ago, or one that another Davy issued.
fn unknown(warnings: &Warnings, response: &Response) -> Failure {
    if let Some(node) = warnings.origin(&response.warning) {
        let message = format!("the warning {} was issued by {node}; respond to it there", response.warning);
        return Failure::new(ErrorKind::Conflict, "issued_elsewhere", message).with("origin", node);
    }
    let message = format!("no warning {} is open or was closed lately", response.warning);
    Failure::new(ErrorKind::NotFound, "no_such_warning", message)
}

/// The answer to a response from its recorded outcome.
fn answer(
    warnings: &Warnings,
    response: &Response,
    outcome: &Outcome,
    standing: Standing,
) -> Result<v1::RespondToWarningResponse, Failure> {
    let same =
        (&outcome.warning, &outcome.department, outcome.action) == (&response.warning, &response.department, response.action);
    if !same {
        return Err(Failure::field("request_id", "it was used for another response within the last 24 h; use a new one"));
    }
    if let Some((refusal, reason)) = &outcome.refused {
        return Err(refused(*refusal, reason, outcome));
    }
    Ok(v1::RespondToWarningResponse {
        warning: warnings.get(&response.warning).map(|warning| warning_to_v1(warnings, warning, standing.now)),
        event_id: outcome.event.to_string(),
        cursor: Cursor::after(standing.epoch, outcome.position).encode(),
    })
}

fn refused(refusal: WarningRefusal, reason: &str, outcome: &Outcome) -> Failure {
    let kind = match refusal {
        WarningRefusal::NoEvidence => ErrorKind::InvalidInput,
        WarningRefusal::NotAddressed | WarningRefusal::WrongState | WarningRefusal::NotAllowed => ErrorKind::Conflict,
    };
    let message = format!("{} by {} was refused: {reason}", outcome.action.as_str(), outcome.department);
    Failure::new(kind, refusal.as_str(), message).with("event_id", outcome.event.to_string())
}
