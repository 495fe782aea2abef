//! `SubscribeRequest`, checked field by field.

use std::time::Duration;

use model::Time;
use wire::v1::subscribe_request::Start as Wire;
use wire::{Cursor, Failure, v1};

use crate::filter::Filter;

/// A checked request.
#[derive(Debug)]
pub(crate) struct Subscription {
    /// Empty where the consumer keeps its cursor itself.
    pub(crate) name: String,
    pub(crate) start: Start,
    pub(crate) filter: Filter,
    pub(crate) heartbeat: Duration,
}

/// Where a feed starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Start {
    Cursor(Cursor),
    Committed,
    Earliest,
    Latest,
    Snapshot,
    /// At the first event recorded then or later.
    Time(Time),
}

impl Subscription {
    pub(crate) fn check(request: v1::SubscribeRequest) -> Result<Self, Failure> {
        if !request.subscription.is_empty() {
            check_name(&request.subscription)?;
        }
        let heartbeat = match request.heartbeat_seconds {
            0 => 5,
            seconds @ 1..=300 => seconds,
            _ => return Err(Failure::field("heartbeat_seconds", "use 1 to 300, or 0 for 5")),
        };
        Ok(Self {
            start: check_start(request.start.as_ref())?,
            name: request.subscription,
            filter: Filter::check(request.filter.unwrap_or_default())?,
            heartbeat: Duration::from_secs(heartbeat.into()),
        })
    }
}

fn check_start(start: Option<&Wire>) -> Result<Start, Failure> {
    let position = match start {
        None => return Ok(Start::Committed),
        Some(Wire::Cursor(text)) => return check_cursor(text).map(Start::Cursor),
        Some(Wire::Time(time)) => return Ok(Start::Time(wire::time_from_v1(time))),
        Some(Wire::Position(position)) => v1::StartPosition::try_from(*position),
    };
    match position {
        Ok(v1::StartPosition::Unspecified) => Ok(Start::Committed),
        Ok(v1::StartPosition::Earliest) => Ok(Start::Earliest),
        Ok(v1::StartPosition::Latest) => Ok(Start::Latest),
        Ok(v1::StartPosition::Snapshot) => Ok(Start::Snapshot),
        Err(_) => Err(Failure::field("position", "use START_POSITION_EARLIEST, _LATEST or _SNAPSHOT, or leave it out")),
    }
}

/// A cursor as a consumer gives it back.
pub(crate) fn check_cursor(text: &str) -> Result<Cursor, Failure> {
    Cursor::decode(text).map_err(|error| Failure::field("cursor", error.to_string()))
}

/// The name of a subscription.
pub(crate) fn check_name(name: &str) -> Result<(), Failure> {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"_.-".contains(&byte);
    if (1..=64).contains(&name.len()) && name.bytes().all(allowed) {
        Ok(())
    } else {
        Err(Failure::field("subscription", "1 to 64 of A-Z a-z 0-9 _ . - are allowed"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn field(request: v1::SubscribeRequest) -> Option<&'static str> {
        Subscription::check(request).err().and_then(|failure| failure.field)
    }

    #[test]
    fn each_fault_names_its_field() {
        let good = v1::SubscribeRequest::default();
        assert_eq!(field(good.clone()), None);
        assert_eq!(field(v1::SubscribeRequest { subscription: "a b".to_owned(), ..good.clone() }), Some("subscription"));
        assert_eq!(field(v1::SubscribeRequest { heartbeat_seconds: 301, ..good.clone() }), Some("heartbeat_seconds"));
        assert_eq!(field(v1::SubscribeRequest { heartbeat_seconds: 300, ..good.clone() }), None);
        assert_eq!(field(v1::SubscribeRequest { start: Some(Wire::Cursor("x".to_owned())), ..good.clone() }), Some("cursor"));
        assert_eq!(field(v1::SubscribeRequest { start: Some(Wire::Position(9)), ..good.clone() }), Some("position"));
        let filter = v1::EventFilter { min_priority: 9, ..v1::EventFilter::default() };
        assert_eq!(field(v1::SubscribeRequest { filter: Some(filter), ..good.clone() }), Some("filter.min_priority"));
        let filter = v1::EventFilter { installations: vec!["a/b".to_owned()], ..v1::EventFilter::default() };
        assert_eq!(field(v1::SubscribeRequest { filter: Some(filter), ..good }), Some("filter.installations"));
    }

    #[test]
    fn no_start_is_the_committed_cursor() {
        let start = |start| Subscription::check(v1::SubscribeRequest { start, ..Default::default() }).unwrap().start;
        assert_eq!(start(None), Start::Committed);
        assert_eq!(start(Some(Wire::Position(0))), Start::Committed);
        assert_eq!(start(Some(Wire::Position(3))), Start::Snapshot);
    }
}
