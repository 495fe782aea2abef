//! `RespondToWarning`: checked here, judged by the runner on the durable state, answered by what is on record.

use std::fmt::Write as _;
use std::time::Duration;

use model::{DepartmentId, Epoch, ErrorKind, EventId, RequestId, Time, WarningAction, WarningRefusal};
use tokio::sync::{mpsc, oneshot};
use tokio::time::timeout;
use warning::{Outcome, Response};
use wire::{Cursor, Failure, v1};

use super::convert::warning_to_v1;
use super::fold::State;

const ACTOR_MAX: usize = 200;
const TEXT_MAX: usize = 2_000;
const EVIDENCE_MAX: usize = 100;

/// A response on its way to the runner, and where its answer goes.
pub(crate) struct Ask {
    pub(crate) response: Response,
    pub(crate) answer: oneshot::Sender<Result<v1::RespondToWarningResponse, Failure>>,
}

/// The way to the runner.
#[derive(Clone)]
pub(crate) struct Desk {
    asks: mpsc::Sender<Ask>,
    wait_limit: Duration,
}

impl Desk {
    /// At most so many wait at the same time; one more is refused.
    pub(crate) fn new(waiting_max: usize, wait_limit: Duration) -> (Self, mpsc::Receiver<Ask>) {
        let (asks, inbox) = mpsc::channel(waiting_max.max(1));
        (Self { asks, wait_limit }, inbox)
    }

    /// Waits for the durable outcome; a caller who gives up repeats with the same request id.
    pub(crate) async fn respond(&self, request: v1::RespondToWarningRequest) -> Result<v1::RespondToWarningResponse, Failure> {
        let response = check(request)?;
        let request_id = response.request_id.clone();
        let (answer, answered) = oneshot::channel();
        self.asks.try_send(Ask { response, answer }).map_err(|error| match error {
            mpsc::error::TrySendError::Full(_) => {
                Failure::new(ErrorKind::Exhausted, "too_many_responses", "too many responses wait to be taken; try again")
            }
            mpsc::error::TrySendError::Closed(_) => {
                Failure::new(ErrorKind::Unavailable, "stopping", "responses are not taken at present; try again")
            }
        })?;
        match timeout(self.wait_limit, answered).await {
            Ok(Ok(answer)) => answer,
            Ok(Err(_)) | Err(_) => {
                let request_id = request_id.as_str();
                let message = format!("outcome not known yet; repeat with the same request_id `{request_id}`");
                Err(Failure::new(ErrorKind::Unavailable, "outcome_unknown", message).with("request_id", request_id))
            }
        }
    }
}

fn check(request: v1::RespondToWarningRequest) -> Result<Response, Failure> {
    let v1::RespondToWarningRequest { request_id, warning, department, action, actor, text, evidence } = request;
    if actor.trim().is_empty() || actor.chars().count() > ACTOR_MAX {
        return Err(Failure::field("actor", format!("say who: 1 to {ACTOR_MAX} characters")));
    }
    if text.chars().count() > TEXT_MAX {
        return Err(Failure::field("text", format!("{TEXT_MAX} characters at most")));
    }
    if evidence.len() > EVIDENCE_MAX {
        return Err(Failure::field("evidence", format!("name {EVIDENCE_MAX} events at most")));
    }
    let event =
        |it: &String| EventId::parse(it).ok_or_else(|| Failure::field("evidence", "give ids of events as feeds show them"));
    Ok(Response {
        warning: EventId::parse(&warning).ok_or_else(|| Failure::field("warning", "give its id as ListWarnings shows it"))?,
        department: DepartmentId::new(&department).map_err(|error| Failure::field("department", error.to_string()))?,
        action: WarningAction::parse(&action).ok_or_else(|| {
            let all: Vec<_> = WarningAction::ALL.iter().map(|it| it.as_str()).collect();
            Failure::field("action", format!("use one of {}", all.join(", ")))
        })?,
        evidence: evidence.iter().map(event).collect::<Result<_, _>>()?,
        request_id: request_id_or_new(&request_id)?,
        actor,
        text,
    })
}

fn request_id_or_new(text: &str) -> Result<RequestId, Failure> {
    if !text.is_empty() {
        let cure = "1 to 128 printable ASCII characters without blanks";
        return RequestId::new(text).map_err(|_| Failure::field("request_id", cure));
    }
    let mut random = [0; 16];
    let failed = |what: String| Failure::new(ErrorKind::Internal, "no_randomness", what);
    getrandom::fill(&mut random).map_err(|error| failed(error.to_string()))?;
    let mut text = String::with_capacity(32);
    for byte in random {
        write!(text, "{byte:02x}").map_err(|error| failed(error.to_string()))?;
    }
    RequestId::new(&text).map_err(|error| failed(error.to_string()))
}

/// No such warning, or one that was closed long ago, or one that another Davy issued.
pub(crate) fn unknown(state: &State, response: &Response) -> Failure {
    if let Some(node) = state.warnings.origin(&response.warning) {
        let message = format!("the warning {} was issued by {node}; respond to it there", response.warning);
        return Failure::new(ErrorKind::Conflict, "issued_elsewhere", message).with("origin", node);
    }
    let message = format!("no warning {} is open or was closed lately", response.warning);
    Failure::new(ErrorKind::NotFound, "no_such_warning", message)
}

/// The answer to a response from its recorded outcome.
pub(crate) fn answer(
    state: &State,
    response: &Response,
    outcome: &Outcome,
    (epoch, now): (Epoch, Time),
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
        warning: state.warnings.get(&response.warning).map(|warning| warning_to_v1(warning, None, now)),
        event_id: outcome.event.to_string(),
        cursor: Cursor::after(epoch, outcome.position).encode(),
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

#[cfg(test)]
mod tests {
    use super::*;

    fn request() -> v1::RespondToWarningRequest {
        v1::RespondToWarningRequest {
            request_id: "r1".to_owned(),
            warning: "00000000000000ab-exchange/warnings-42-3".to_owned(),
            department: "park".to_owned(),
            action: "close".to_owned(),
            actor: "li".to_owned(),
            text: "valve shut".to_owned(),
            evidence: vec!["00000000000000ab-engine/17-42-3".to_owned()],
        }
    }

    #[test]
    fn each_fault_names_its_field() {
        let field = |change: fn(&mut v1::RespondToWarningRequest)| {
            let mut request = request();
            change(&mut request);
            check(request).err().and_then(|failure| failure.field)
        };
        assert_eq!(field(|_| {}), None);
        assert_eq!(field(|it| it.request_id = "a b".to_owned()), Some("request_id"));
        assert_eq!(field(|it| it.warning = "42".to_owned()), Some("warning"));
        assert_eq!(field(|it| it.department.clear()), Some("department"));
        assert_eq!(field(|it| it.action = "acknowledge".to_owned()), Some("action"));
        assert_eq!(field(|it| it.actor = " ".to_owned()), Some("actor"));
        assert_eq!(field(|it| it.text = "x".repeat(TEXT_MAX + 1)), Some("text"));
        assert_eq!(field(|it| it.evidence = vec!["photo.jpg".to_owned()]), Some("evidence"));
        assert_eq!(field(|it| it.evidence = vec![it.warning.clone(); EVIDENCE_MAX + 1]), Some("evidence"));
    }

    #[test]
    fn a_request_without_an_id_gets_one_of_its_own() {
        let id = || check(v1::RespondToWarningRequest { request_id: String::new(), ..request() }).expect("valid").request_id;
        assert_ne!(id(), id());
    }
}
