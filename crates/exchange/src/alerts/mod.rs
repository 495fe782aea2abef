//! Warnings as alerts of CAP 1.2 over HTTP: `/cap` is an Atom feed of each one's latest message, `/cap/<id of the warning>` that message.
//!
//! Nothing of it is ever public: no approval is on record here, so every alert is Restricted, and the listener is for a network that is
//! trusted. Feeds are of the present: open warnings and those closed not long ago, up to `ENTRIES_MAX`.

mod atom;
mod fresh;
mod message;
mod place;

use std::sync::Arc;

use axum::Router;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use cap::WarningError;
use model::EventId;
use tracing::error;
use warning::Warning;
use wire::Failure;

use crate::warnings::{WarningApi, WarningClerk};
use atom::Entry;
use fresh::Page;

/// The newest messages of a feed.
const ENTRIES_MAX: usize = 1_000;

const FEED: &str = "application/atom+xml; charset=utf-8";
const ALERT: &str = "application/cap+xml; charset=utf-8";

/// What is served under `/cap`.
pub(crate) fn routes(warnings: Arc<WarningApi>) -> Router {
    Router::new().route("/cap", get(feed)).route("/cap/{*id}", get(alert)).with_state(warnings)
}

async fn feed(State(warnings): State<Arc<WarningApi>>, headers: HeaderMap) -> Response {
    let entries = warnings.read(|clerk, now| (newest(clerk), now)).await;
    match entries {
        Ok((entries, now)) => {
            let changed = entries.first().map(|it| it.updated);
            Page { kind: FEED, body: atom::feed(&entries), changed, now }.answer(&headers)
        }
        Err(failure) => unavailable(&failure),
    }
}

fn newest(clerk: &WarningClerk) -> Vec<Entry> {
    let mut warnings: Vec<_> = clerk.warnings.iter().filter_map(|it| Some((it.messages.last()?, it))).collect();
    warnings.sort_by(|(one, _), (other, _)| (other.at, &other.event).cmp(&(one.at, &one.event)));
    warnings.truncate(ENTRIES_MAX);
    warnings.into_iter().map(|(message, warning)| Entry::of(warning, message, &clerk.site().site)).collect()
}

async fn alert(State(warnings): State<Arc<WarningApi>>, Path(id): Path<String>, headers: HeaderMap) -> Response {
    let Some(warning_id) = EventId::parse(&id) else { return unknown(&id) };
    let found = warnings.read(|clerk, now| clerk.warnings.get(&warning_id).map(|it| (changed(it), now, xml(clerk, it)))).await;
    match found {
        Err(failure) => unavailable(&failure),
        Ok(None) => unknown(&id),
        Ok(Some((changed, now, Ok(body)))) => Page { kind: ALERT, body, changed, now }.answer(&headers),
        Ok(Some((_, _, Err(error)))) => {
            error!(%error, warning = %warning_id, "a warning cannot be written as an alert");
            text(StatusCode::INTERNAL_SERVER_ERROR, format!("the warning cannot be written as an alert: {error}\n"))
        }
    }
}

fn changed(warning: &Warning) -> Option<model::Time> {
    warning.messages.last().map(|it| it.at)
}

fn xml(clerk: &WarningClerk, warning: &Warning) -> Result<String, String> {
    let alert = message::alert(warning, clerk.warnings.picture(&warning.id), &clerk.site().site)
        .and_then(|it| it.alert())
        .map_err(|error: WarningError| error.to_string());
    alert.and_then(|alert| cap::encode(&alert).map_err(|error| error.to_string()))
}

fn unknown(id: &str) -> Response {
    let id: String = id.chars().take(200).map(|it| if it.is_control() { ' ' } else { it }).collect();
    text(StatusCode::NOT_FOUND, format!("no warning `{id}` is open or was closed lately; /cap lists those there are\n"))
}

fn unavailable(failure: &Failure) -> Response {
    text(StatusCode::SERVICE_UNAVAILABLE, format!("{}\n", failure.message))
}

fn text(status: StatusCode, body: String) -> Response {
    (status, [(header::CONTENT_TYPE, "text/plain; charset=utf-8")], body).into_response()
}
