//! `RespondToWarning`: its fields are checked here; what it does is judged at the desk.

use std::fmt::Write as _;

use model::{DepartmentId, ErrorKind, EventId, RequestId, WarningAction};
use warning::Response;
use wire::{Failure, v1};

const ACTOR_MAX: usize = 200;
const TEXT_MAX: usize = 2_000;
const EVIDENCE_MAX: usize = 100;

/// A request whose every field holds.
pub(crate) fn check(request: v1::RespondToWarningRequest) -> Result<Response, Failure> {
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
