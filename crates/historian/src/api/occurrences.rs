//! Occurrences of alarms, page by page, newest raise first.

use model::{AlarmState, Priority, Time};
use store::{OccurrenceKey, OccurrenceQuery, OccurrenceRow};
use wire::{Failure, time_to_v1, v1};

use crate::api::{Api, failure};
use crate::complete::Concerns;
use crate::request;

/// Most rows of a page: a row takes below 700 bytes with ids of the greatest length, so a page stays below 4 MiB (traps 56).
const PAGE_MAX: usize = 5_000;

/// `ListAlarmOccurrences`.
pub(super) async fn list(
    api: &Api,
    request: v1::ListAlarmOccurrencesRequest,
) -> Result<v1::ListAlarmOccurrencesResponse, Failure> {
    let v1::ListAlarmOccurrencesRequest { selection, page_size, page_token } = request;
    let size = request::page_size(page_size, 500, PAGE_MAX)?;
    let selection = selection.unwrap_or_default();
    let hash = request::filter_hash("ListAlarmOccurrences", &selection);
    let start = page_start(&page_token, hash)?;
    let query = selected(selection)?;
    let complete_to = api.complete(Concerns::Events).await?;
    let page = api.store.occurrences(&query, start, size).await.map_err(failure)?;
    let next_page_token = page.next.map(|key| page_token_of(&key, hash)).unwrap_or_default();
    let occurrences = page.rows.into_iter().map(occurrence_to_v1).collect();
    Ok(v1::ListAlarmOccurrencesResponse { occurrences, next_page_token, complete_to })
}

fn selected(selection: v1::OccurrenceSelection) -> Result<OccurrenceQuery, Failure> {
    let v1::OccurrenceSelection { points, alarms, priorities, parks, enterprises, installations, positions, open, from, to } =
        selection;
    let (from, to) = request::times(from.as_ref(), to.as_ref())?;
    Ok(OccurrenceQuery {
        subjects: request::listed("points", points)?,
        alarms: request::listed("alarms", alarms)?,
        priorities: priorities.into_iter().map(priority).collect::<Result<_, _>>()?,
        parks: request::listed("parks", parks)?,
        enterprises: request::listed("enterprises", enterprises)?,
        installations: request::listed("installations", installations)?,
        operators: request::listed("positions", positions)?,
        open,
        from,
        to,
    })
}

fn priority(number: i32) -> Result<String, Failure> {
    let known = wire::priority_from_v1(number).map(|priority| priority.as_str().to_owned());
    known.ok_or_else(|| {
        Failure::field("priorities", format!("priorities has {number}, which is none; give 1 (low) to 4 (critical)"))
    })
}

/// Hash of the request, time of the raise in microseconds, id. Ids have a `/` in them and never a `.`.
fn page_token_of(key: &OccurrenceKey, hash: u64) -> String {
    format!("{hash:016x}.{}.{}", key.raised_at.micros(), key.id)
}

fn page_start(token: &str, hash: u64) -> Result<Option<OccurrenceKey>, Failure> {
    if token.is_empty() {
        return Ok(None);
    }
    let key = || {
        let (of, rest) = token.split_once('.')?;
        let (raised_at, id) = rest.split_once('.')?;
        let same = u64::from_str_radix(of, 16).is_ok_and(|of| of == hash);
        let raised_at = Time::from_micros(raised_at.parse().ok()?);
        same.then(|| OccurrenceKey { raised_at, id: id.to_owned() })
    };
    key().map(Some).ok_or_else(request::other_page_token)
}

fn state(word: &str) -> v1::AlarmState {
    let known = AlarmState::ALL.iter().find(|state| state.as_str() == word);
    known.map_or(v1::AlarmState::Unspecified, |state| wire::state_to_v1(*state))
}

fn occurrence_to_v1(row: OccurrenceRow) -> v1::AlarmOccurrence {
    v1::AlarmOccurrence {
        id: row.id,
        point: row.subject,
        alarm: row.alarm,
        alarm_kind: row.kind,
        priority: Priority::parse(&row.priority).map_or(v1::Priority::Unspecified, wire::priority_to_v1).into(),
        state: state(&row.state).into(),
        park: row.park,
        enterprise: row.enterprise,
        installation: row.installation,
        position: row.operator,
        activations: row.activations,
        raised_at: row.raised_at.map(time_to_v1),
        recorded_at: row.recorded_at.map(time_to_v1),
        value: row.value,
        limit: row.limit,
        annunciated: row.annunciated,
        returned_at: row.returned_at.map(time_to_v1),
        acknowledged_at: row.acknowledged_at.map(time_to_v1),
        acknowledged_by: row.acknowledged_by.unwrap_or_default(),
        closed_at: row.closed_at.map(time_to_v1),
    }
}
