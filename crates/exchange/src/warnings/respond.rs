//! `RespondToWarning`: its fields are checked here; what it does is judged at the desk.

use model::{EventId, WarningAction};
use warning::Response;
use wire::{Failure, v1};

use crate::fields;

/// A request whose every field holds.
pub(crate) fn check(request: v1::RespondToWarningRequest) -> Result<Response, Failure> {
    let v1::RespondToWarningRequest { request_id, warning, department, action, actor, text, evidence } = request;
    Ok(Response {
        warning: EventId::parse(&warning).ok_or_else(|| Failure::field("warning", "give its id as ListWarnings shows it"))?,
        department: fields::department("department", &department)?,
        action: WarningAction::parse(&action).ok_or_else(|| {
            let all: Vec<_> = WarningAction::ALL.iter().map(|it| it.as_str()).collect();
            Failure::field("action", format!("use one of {}", all.join(", ")))
        })?,
        evidence: fields::events("evidence", &evidence)?,
        request_id: fields::request_id_or_new(&request_id)?,
        actor: fields::actor(actor)?,
        text: fields::text("text", text)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fields::{EVENTS_MAX, TEXT_MAX};

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
        assert_eq!(field(|it| it.evidence = vec![it.warning.clone(); EVENTS_MAX + 1]), Some("evidence"));
    }

    #[test]
    fn a_request_without_an_id_gets_one_of_its_own() {
        let id = || check(v1::RespondToWarningRequest { request_id: String::new(), ..request() }).expect("valid").request_id;
        assert_ne!(id(), id());
    }
}
