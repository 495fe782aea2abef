//! `ListSubscriptions`: who follows, and how far each is behind, so that a consumer that stands still is seen before retention passes it.

use std::collections::BTreeSet;

use journal::{JournalError, JournalId};
use model::Position;
use wire::{Cursor, Failure, v1};

use crate::error::reading;
use crate::runner::{Hub, OpenFeeds};
use crate::start::{read_after, recorded_after};

const PAGE: usize = 100;
const PAGE_MAX: usize = 1_000;

/// A page of subscriptions, by name.
pub(crate) async fn list(hub: &Hub, request: &v1::ListSubscriptionsRequest) -> Result<v1::ListSubscriptionsResponse, Failure> {
    let size = match usize::try_from(request.page_size) {
        Ok(0) => PAGE,
        Ok(size @ 1..=PAGE_MAX) => size,
        _ => return Err(Failure::field("page_size", format!("use 1 to {PAGE_MAX}, or 0 for {PAGE}"))),
    };
    hub.loaded().await?;
    let (committed, open) = (hub.committed.all(), hub.open_feeds());
    let names: BTreeSet<&str> = committed.keys().chain(open.keys()).map(String::as_str).collect();
    let behind: Vec<&str> = names.into_iter().filter(|name| *name > request.page_token.as_str()).take(size + 1).collect();
    let mut subscriptions = Vec::new();
    for name in behind.iter().take(size) {
        subscriptions.push(one(hub, name, committed.get(*name), open.get(*name).copied()).await?);
    }
    let next = behind.get(size).and_then(|_| subscriptions.last()).map(|last: &v1::Subscription| last.name.clone());
    let last = Cursor::after(hub.journal.epoch(), hub.journal.bounds(JournalId::Events).durable);
    Ok(v1::ListSubscriptionsResponse { subscriptions, next_page_token: next.unwrap_or_default(), last_cursor: last.encode() })
}

async fn one(hub: &Hub, name: &str, committed: Option<&Cursor>, open: Option<OpenFeeds>) -> Result<v1::Subscription, Failure> {
    let last = hub.journal.bounds(JournalId::Events).durable;
    let open = open.unwrap_or_default();
    let stored = committed.map_or(open.slowest, read_after);
    let of_this = committed.is_none_or(|cursor| cursor.epoch == hub.journal.epoch());
    let behind = match recorded_after(&*hub.journal, stored).await {
        Err(JournalError::Trimmed { .. }) => None,
        recorded => Some(recorded.map_err(|error| reading(&error))?),
    };
    let records = |from: Position| last.0.saturating_sub(from.0).cast_signed();
    Ok(v1::Subscription {
        name: name.to_owned(),
        committed_cursor: committed.map(Cursor::encode).unwrap_or_default(),
        records_behind: records(stored),
        behind_since: behind.flatten().map(wire::time_to_v1),
        expired: behind.is_none() || !of_this,
        open_feeds: i32::try_from(open.count).unwrap_or(i32::MAX),
        records_unsent: if open.count == 0 { 0 } else { records(open.slowest) },
    })
}
