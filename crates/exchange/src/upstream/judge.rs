//! Whether an event of an upstream's feed is taken. Pure.

use std::sync::Arc;

use model::{EventId, Origin, RecordedEvent};
use wire::v1;

use super::check_node;
use super::taken::Taken;

/// Why an event is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Skip {
    /// It was recorded here first and has come round.
    Own,
    /// It came another way, or before.
    Duplicate,
    /// It concerns the other Davy's journal alone.
    NotCarried,
    /// Of a newer version.
    Unreadable,
}

impl Skip {
    pub(crate) const ALL: [Self; 4] = [Self::Own, Self::Duplicate, Self::NotCarried, Self::Unreadable];

    /// The word in metrics and answers.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Own => "own",
            Self::Duplicate => "duplicate",
            Self::NotCarried => "not_carried",
            Self::Unreadable => "unreadable",
        }
    }
}

/// Seals and steps of a clock prove another journal, and versions of the core judge there: nothing here can be told from them.
fn is_carried(kind: &str) -> bool {
    !kind.starts_with("journal.") && kind != "core.version"
}

/// The event with its origin: that of the Davy that recorded it first, which is `upstream` where the feed names none.
pub(crate) fn judge(event: &v1::Event, taken: &Taken, upstream: &Arc<str>, own_node: &str) -> Result<RecordedEvent, Skip> {
    if !is_carried(&event.kind) {
        return Err(Skip::NotCarried);
    }
    let id = EventId::parse(&event.id).ok_or(Skip::Unreadable)?;
    if !event.origin.is_empty() && check_node(&event.origin).is_err() {
        return Err(Skip::Unreadable);
    }
    // What another Davy says of our alarms carries our name and its own id.
    if taken.is_own(&id) || event.origin == own_node {
        return Err(Skip::Own);
    }
    if taken.has(&id) {
        return Err(Skip::Duplicate);
    }
    let mut recorded = wire::v1_to_recorded(event).map_err(|_| Skip::Unreadable)?;
    if recorded.origin.is_none() {
        recorded.origin = Some(Arc::new(Origin { node: Arc::clone(upstream), recorded_at: recorded.recorded_at }));
    }
    Ok(recorded)
}

#[cfg(test)]
mod tests {
    use model::{Epoch, Time};

    use super::*;

    fn event(id: &str, kind: &str) -> v1::Event {
        let since = Some(wire::time_to_v1(Time::YEAR_2000));
        let change = v1::SourceChange { source: "mqtt".to_owned(), since, reason: String::new() };
        let body = Some(v1::event::Body::Source(change));
        v1::Event { id: id.to_owned(), kind: kind.to_owned(), recorded_at: since, body, ..v1::Event::default() }
    }

    fn judged(event: &v1::Event, taken: &Taken) -> Result<(String, String), Skip> {
        let county = Arc::from("county-a");
        let recorded = judge(event, taken, &county, "city")?;
        Ok((recorded.id.to_string(), recorded.node().to_owned()))
    }

    #[test]
    fn what_is_ours_known_or_of_no_concern_is_not_taken() {
        let mut taken = Taken::new(10);
        taken.owns(Epoch(1));
        let theirs = event("0000000000000002-engine/1-7-0", "source.down");
        let id = "0000000000000002-engine/1-7-0".to_owned();
        assert_eq!(judged(&theirs, &taken), Ok((id.clone(), "county-a".to_owned())));
        let through = v1::Event { origin: "county-b".to_owned(), ..theirs.clone() };
        assert_eq!(judged(&through, &taken), Ok((id, "county-b".to_owned())), "the first one is its origin");
        assert_eq!(judged(&v1::Event { origin: "city".to_owned(), ..theirs.clone() }, &taken), Err(Skip::Own));
        assert_eq!(judged(&event("0000000000000001-engine/1-7-0", "source.down"), &taken), Err(Skip::Own));
        for kind in ["journal.seal", "journal.clock", "core.version"] {
            assert_eq!(judged(&event("0000000000000002-journal-1-0", kind), &taken), Err(Skip::NotCarried), "{kind}");
        }
        assert_eq!(judged(&event("7", "source.down"), &taken), Err(Skip::Unreadable));
        assert_eq!(judged(&v1::Event { origin: "a\u{1b}[2J".to_owned(), ..theirs.clone() }, &taken), Err(Skip::Unreadable));
        assert_eq!(judged(&v1::Event { body: None, ..theirs.clone() }, &taken), Err(Skip::Unreadable));
        taken.take(&EventId::parse(&theirs.id).expect("valid"));
        assert_eq!(judged(&theirs, &taken), Err(Skip::Duplicate));
    }
}
