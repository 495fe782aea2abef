//! Requests about incidents: their fields are checked here; what they do is judged at the desk.

use casework::{Ask, Told, Want};
use model::{IncidentKind, Time};
use wire::{Failure, losses_from_v1, time_from_v1, v1};

use super::check::{Head, named, place};
use crate::fields;

fn kind(word: &str) -> Result<IncidentKind, Failure> {
    IncidentKind::parse(word).ok_or_else(|| {
        let all: Vec<_> = IncidentKind::ALL.iter().map(|it| it.as_str()).collect();
        Failure::field("what", format!("use one of {}", all.join(", ")))
    })
}

pub(super) fn kinds(words: &[String]) -> Result<Vec<IncidentKind>, Failure> {
    words.iter().map(|it| kind(it)).collect()
}

pub(super) fn declare(request: v1::DeclareIncidentRequest, at: Time) -> Result<Ask, Failure> {
    let v1::DeclareIncidentRequest { request_id, department, actor, what, title, place: kind_of_place, .. } = request;
    let v1::DeclareIncidentRequest { subject, happened_at, known_at, losses, about, text, .. } = request;
    let want = Want::Declare {
        kind: kind(&what)?,
        title: fields::text("title", title)?,
        place: place(&kind_of_place, &subject)?,
        happened_at: happened_at.as_ref().map(time_from_v1),
        known_at: known_at.as_ref().map(time_from_v1),
        losses: losses_from_v1(losses.as_ref()),
        about: fields::events("about", &about)?,
    };
    Head { request_id, department, actor, text }.ask(at, want)
}

pub(super) fn correct(request: v1::CorrectIncidentRequest, at: Time) -> Result<Ask, Failure> {
    let v1::CorrectIncidentRequest { request_id, incident, department, actor, what, losses, about, text } = request;
    let want = Want::Correct {
        incident: named("incident", &incident)?,
        kind: if what.is_empty() { None } else { Some(kind(&what)?) },
        losses: losses_from_v1(losses.as_ref()),
        about: fields::events("about", &about)?,
    };
    Head { request_id, department, actor, text }.ask(at, want)
}

pub(super) fn notify(request: v1::NotifyRequest, at: Time) -> Result<Ask, Failure> {
    let v1::NotifyRequest { request_id, incident, department, actor, duty, who, whom, .. } = request;
    let v1::NotifyRequest { told_at, how, reference, known_at, text, .. } = request;
    let told = Told {
        who: fields::name("who", who)?,
        whom: fields::name("whom", whom)?,
        told_at: told_at.as_ref().map(time_from_v1),
        how: fields::name("how", how)?,
        reference: fields::name("reference", reference)?,
        known_at: known_at.as_ref().map(time_from_v1),
    };
    let want = Want::Notify { incident: named("incident", &incident)?, duty: fields::name("duty", duty)?, told };
    Head { request_id, department, actor, text }.ask(at, want)
}

pub(super) fn close(request: v1::CloseIncidentRequest, at: Time) -> Result<Ask, Failure> {
    let v1::CloseIncidentRequest { request_id, incident, department, actor, text, in_error } = request;
    let want = Want::Close { incident: named("incident", &incident)?, in_error };
    Head { request_id, department, actor, text }.ask(at, want)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_fault_names_its_field() {
        let declaration = || v1::DeclareIncidentRequest {
            department: "e1".to_owned(),
            actor: "li".to_owned(),
            what: "accident".to_owned(),
            title: "t".to_owned(),
            place: "installation".to_owned(),
            subject: "u1".to_owned(),
            ..v1::DeclareIncidentRequest::default()
        };
        let field = |change: fn(&mut v1::DeclareIncidentRequest)| {
            let mut request = declaration();
            change(&mut request);
            declare(request, Time::YEAR_2000).err().and_then(|failure| failure.field)
        };
        assert_eq!(field(|_| {}), None);
        assert_eq!(field(|it| it.what = "fire".to_owned()), Some("what"));
        assert_eq!(field(|it| it.place = "point".to_owned()), Some("place"));
        assert_eq!(field(|it| it.subject.clear()), Some("subject"));
        assert_eq!(field(|it| it.about = vec!["a".to_owned()]), Some("about"));
        let notice = v1::NotifyRequest { incident: "x".to_owned(), ..v1::NotifyRequest::default() };
        assert_eq!(notify(notice, Time::YEAR_2000).err().and_then(|it| it.field), Some("incident"));
        let how = v1::NotifyRequest { how: "x".repeat(201), ..v1::NotifyRequest::default() };
        assert_eq!(notify(how, Time::YEAR_2000).err().and_then(|it| it.field), Some("how"));
    }
}
