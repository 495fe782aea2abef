//! Fields that requests have in common, each checked with its name and a cure.

use std::fmt::Write as _;

use model::{DepartmentId, ErrorKind, EventId, RequestId};
use wire::Failure;

/// Characters of a person's name.
const ACTOR_MAX: usize = 200;

/// Characters of what somebody wrote.
pub(crate) const TEXT_MAX: usize = 2_000;

/// Events that one request names.
pub(crate) const EVENTS_MAX: usize = 100;

/// Who, in person.
pub(crate) fn actor(actor: String) -> Result<String, Failure> {
    if actor.trim().is_empty() || actor.chars().count() > ACTOR_MAX {
        return Err(Failure::field("actor", format!("say who: 1 to {ACTOR_MAX} characters")));
    }
    Ok(actor)
}

/// The name of a person or a thing; may be empty.
pub(crate) fn name(field: &'static str, name: String) -> Result<String, Failure> {
    if name.chars().count() > ACTOR_MAX {
        return Err(Failure::field(field, format!("{ACTOR_MAX} characters at most")));
    }
    Ok(name)
}

/// What somebody wrote; may be empty.
pub(crate) fn text(field: &'static str, text: String) -> Result<String, Failure> {
    if text.chars().count() > TEXT_MAX {
        return Err(Failure::field(field, format!("{TEXT_MAX} characters at most")));
    }
    Ok(text)
}

/// Ids of events.
pub(crate) fn events(field: &'static str, events: &[String]) -> Result<Vec<EventId>, Failure> {
    if events.len() > EVENTS_MAX {
        return Err(Failure::field(field, format!("name {EVENTS_MAX} events at most")));
    }
    let event = |it: &String| EventId::parse(it).ok_or_else(|| Failure::field(field, "give ids of events as feeds show them"));
    events.iter().map(event).collect()
}

/// Who, by id.
pub(crate) fn department(field: &'static str, id: &str) -> Result<DepartmentId, Failure> {
    DepartmentId::new(id).map_err(|error| Failure::field(field, error.to_string()))
}

/// The id of a request, or a new one where the caller gave none.
pub(crate) fn request_id_or_new(text: &str) -> Result<RequestId, Failure> {
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
