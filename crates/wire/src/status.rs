//! The only place that makes a `tonic::Status`.

use std::collections::HashMap;

use model::ErrorKind;
use tonic::{Code, Status};
use tonic_types::{ErrorDetails, StatusExt};

/// What a caller over the network learns of a failure.
#[derive(Clone, Debug)]
pub struct Failure {
    /// Which kind.
    pub kind: ErrorKind,
    /// What failed and what to do, for a person.
    pub message: String,
    /// The field of the request at fault.
    pub field: Option<&'static str>,
    /// A word for programs: `stale_activation`, `cursor_expired`.
    pub reason: &'static str,
    /// Facts for programs: `earliest_cursor`, `state`.
    pub facts: Vec<(&'static str, String)>,
}

impl Failure {
    /// A field of the request is wrong.
    pub fn field(field: &'static str, message: impl Into<String>) -> Self {
        let message = message.into();
        Self { kind: ErrorKind::InvalidInput, message, field: Some(field), reason: "invalid_field", facts: Vec::new() }
    }

    /// A failure of a kind, with a word for programs.
    pub fn new(kind: ErrorKind, reason: &'static str, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), field: None, reason, facts: Vec::new() }
    }

    /// Adds a fact for programs.
    #[must_use]
    pub fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.facts.push((name, value.into()));
        self
    }
}

impl From<Failure> for Status {
    fn from(failure: Failure) -> Self {
        status(&failure)
    }
}

/// The status of a failure: code by kind, `BadRequest` with the field, `ErrorInfo` with reason and facts.
pub fn status(failure: &Failure) -> Status {
    let mut details = ErrorDetails::new();
    if let Some(field) = failure.field {
        details.add_bad_request_violation(field, &failure.message);
    }
    let facts: HashMap<String, String> = failure.facts.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect();
    details.set_error_info(failure.reason, "davy", facts);
    Status::with_error_details(code(failure.kind), failure.message.clone(), details)
}

const fn code(kind: ErrorKind) -> Code {
    match kind {
        ErrorKind::InvalidInput => Code::InvalidArgument,
        ErrorKind::NotFound => Code::NotFound,
        ErrorKind::Conflict => Code::FailedPrecondition,
        ErrorKind::OutOfRange => Code::OutOfRange,
        ErrorKind::Unavailable => Code::Unavailable,
        ErrorKind::Exhausted => Code::ResourceExhausted,
        ErrorKind::Corrupt => Code::DataLoss,
        ErrorKind::Internal => Code::Internal,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_the_field_and_the_way_out() {
        let failure =
            Failure::field("page_token", "page_token is of another request; leave it empty to start anew").with("a", "b");
        let status = Status::from(failure);
        assert_eq!(status.code(), Code::InvalidArgument);
        let details = status.get_error_details();
        assert_eq!(details.bad_request().map(|it| it.field_violations[0].field.as_str()), Some("page_token"));
        assert_eq!(details.error_info().and_then(|it| it.metadata.get("a")).map(String::as_str), Some("b"));
    }
}
