//! `SubmitReport`: its fields are checked here; what it does is judged at the desk.

use model::{DepartmentId, EventId, ReportKind, Time};
use report::{Draft, Reason, Refusal};
use wire::v1::submit_report_request::Body;
use wire::{Failure, Wrong, v1};

use super::alert;
use crate::fields::request_id_or_new;

/// A request whose every field holds by itself.
pub(crate) fn check(request: v1::SubmitReportRequest, arrived_at: Time) -> Result<Draft, Failure> {
    let v1::SubmitReportRequest { request_id, department, actor, occurred_at, text, about, park, enterprise, installation, body } =
        request;
    let event = |it: &String| EventId::parse(it).ok_or_else(|| Failure::field("about", "give ids of events as feeds show them"));
    let draft = Draft {
        request_id: request_id_or_new(&request_id)?,
        department: DepartmentId::new(&department).map_err(|error| Failure::field("department", error.to_string()))?,
        actor,
        arrived_at,
        occurred_at: occurred_at.as_ref().map(wire::time_from_v1),
        text,
        about: about.iter().map(event).collect::<Result<_, _>>()?,
        park,
        enterprise,
        installation,
        body: match body {
            None => return Err(none_given()),
            Some(Body::ExternalAlert(it)) => alert::read(&it.xml)?.into(),
            Some(body) => wire::report_body_from_v1(&wire::submitted_body(body)).map_err(|wrong| wrong_field(&wrong))?,
        },
    };
    draft.check().map_err(refused)?;
    Ok(draft)
}

fn none_given() -> Failure {
    let all: Vec<_> = ReportKind::ALL.iter().map(|it| it.word()).collect();
    Failure::field("body", format!("say what is reported: exactly one of {}", all.join(", ")))
}

fn wrong_field(wrong: &Wrong) -> Failure {
    let value: String = wrong.value.chars().take(80).collect();
    Failure::field(wrong.field, format!("`{value}` is not possible: {}", wrong.cure))
}

/// What the caller learns of a refusal.
pub(crate) fn refused(refusal: Refusal) -> Failure {
    let Refusal { reason, field, message } = refusal;
    match reason {
        Reason::Invalid | Reason::Reused => Failure::field(field, message),
        Reason::NotAllowed => Failure { field: Some(field), ..Failure::new(model::ErrorKind::Conflict, "not_allowed", message) },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request() -> v1::SubmitReportRequest {
        let pass = v1::report::GatePass {
            gate: "东门".to_owned(),
            vehicle: "苏F1".to_owned(),
            way: "in".to_owned(),
            waybill: String::new(),
        };
        v1::SubmitReportRequest {
            request_id: "r1".to_owned(),
            department: "office".to_owned(),
            actor: "li".to_owned(),
            about: vec!["00000000000000ab-engine/17-42-3".to_owned()],
            body: Some(Body::GatePass(pass)),
            ..v1::SubmitReportRequest::default()
        }
    }

    #[test]
    fn each_fault_names_its_field() {
        let field = |change: fn(&mut v1::SubmitReportRequest)| {
            let mut request = request();
            change(&mut request);
            check(request, Time::YEAR_2000).err().and_then(|failure| failure.field)
        };
        assert_eq!(field(|_| {}), None);
        assert_eq!(field(|it| it.request_id = "a b".to_owned()), Some("request_id"));
        assert_eq!(field(|it| it.department.clear()), Some("department"));
        assert_eq!(field(|it| it.actor.clear()), Some("actor"));
        assert_eq!(field(|it| it.about = vec!["photo.jpg".to_owned()]), Some("about"));
        assert_eq!(field(|it| it.body = None), Some("body"));
        let way = |it: &mut v1::SubmitReportRequest| {
            if let Some(Body::GatePass(pass)) = &mut it.body {
                pass.way = "sideways".to_owned();
            }
        };
        assert_eq!(field(way), Some("gate_pass.way"));
        let order = v1::report::Order { enterprise: "e01".to_owned(), number: "1".to_owned(), due: None };
        let body = |body| v1::SubmitReportRequest { body: Some(body), ..request() };
        let fault = |it| check(body(it), Time::YEAR_2000).expect_err("not right");
        assert_eq!(fault(Body::Order(order.clone())).field, Some("order.due"));
        assert_eq!(
            fault(Body::Order(v1::report::Order { enterprise: "e 1".to_owned(), ..order })).field,
            Some("order.enterprise")
        );
        let off = v1::report::RouteDeviation { vehicle: "v".to_owned(), ..v1::report::RouteDeviation::default() };
        assert_eq!(fault(Body::RouteDeviation(off)).field, Some("route_deviation.location"));
        let around =
            v1::report::Diversion { vehicle: "v".to_owned(), warning: "w".to_owned(), ..v1::report::Diversion::default() };
        assert_eq!(fault(Body::Diversion(around)).field, Some("diversion.warning"));
        assert_eq!(fault(Body::ExternalAlert(v1::report::ExternalAlert::default())).field, Some("external_alert.xml"));
    }

    #[test]
    fn a_wrong_word_is_told_the_right_ones() {
        let level = v1::report::ResponseLevel { level: "v".to_owned(), plan: "p".to_owned() };
        let request = v1::SubmitReportRequest { body: Some(Body::ResponseLevel(level)), ..request() };
        let failure = check(request, Time::YEAR_2000).expect_err("no such level");
        assert_eq!(failure.message, "`v` is not possible: use one of none, iv, iii, ii, i");
    }
}
