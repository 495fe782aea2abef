//! Rows of the store as what the judge takes.
//!
//! Limits: the store answers with `MAX_PAGE` rows at most. More gaps than that are asked for in smaller pieces; more rules than that are
//! more than an answer holds.

use std::sync::Arc;

use ::supervision::{Gaps, Needs, RuleSpan};
use model::{Span, Time};
use store::{GapQuery, MAX_PAGE, RuleQuery, RuleRow, Store, StoreError};

use super::days::gap_of;

/// Rules with their times in force.
pub(super) type Spans = Vec<RuleSpan>;

/// Scopes of one question.
const SCOPES: usize = 1_000;

/// What was found.
pub(super) struct Found {
    pub(super) spans: Spans,
    /// There were more than the store answers with at once.
    pub(super) more: bool,
}

/// The rules that were in force; those that this version cannot read are left out.
pub(super) async fn spans(store: &dyn Store, query: &RuleQuery) -> Result<Found, StoreError> {
    let rows = store.rules(query).await?;
    let more = rows.len() >= MAX_PAGE;
    Ok(Found { spans: rows.into_iter().filter_map(span).collect(), more })
}

fn span(row: RuleRow) -> Option<RuleSpan> {
    let needs = Needs::decode(&row.body);
    if let Err(error) = &needs {
        tracing::error!(%error, point = row.point, alarm = row.alarm, "rule left out of an answer: this version cannot read it");
    }
    Some(RuleSpan {
        point: Arc::from(row.point),
        alarm: Arc::from(row.alarm),
        from: row.from,
        to: row.to,
        kind: ::supervision::kind(&row.kind)?,
        park: Arc::from(row.park),
        enterprise: Arc::from(row.enterprise),
        installation: Arc::from(row.installation),
        needs: needs.ok()?,
    })
}

/// All gaps that concern these rules.
pub(super) async fn gaps(store: &dyn Store, spans: &Spans, from: Time, to: Time) -> Result<Gaps, StoreError> {
    let mut scopes: Vec<String> = spans.iter().flat_map(RuleSpan::scopes).collect();
    scopes.sort_unstable();
    scopes.dedup();
    let mut all = Gaps::default();
    // One without length at the very begin ends there and not after it.
    let from = from.plus(Span::from_micros(-1));
    for scopes in scopes.chunks(SCOPES) {
        take(store, scopes, (from, to), &mut all).await?;
    }
    Ok(all)
}

/// Takes the gaps of some scopes in pieces that the store can answer with.
async fn take(store: &dyn Store, scopes: &[String], range: (Time, Time), all: &mut Gaps) -> Result<(), StoreError> {
    let mut pieces = vec![(scopes, range)];
    while let Some((scopes, (from, to))) = pieces.pop() {
        let rows = store.gaps(&GapQuery { scopes: scopes.to_vec(), from, to }).await?;
        let whole = rows.len() < MAX_PAGE;
        all.extend(rows.into_iter().filter_map(gap_of));
        let half = Span::from_micros(to.since(from).micros() / 2);
        if whole {
            continue;
        } else if scopes.len() > 1 {
            let (one, other) = scopes.split_at(scopes.len() / 2);
            pieces.extend([(one, (from, to)), (other, (from, to))]);
        } else if half > Span::ZERO {
            let middle = from.plus(half);
            pieces.extend([(scopes, (from, middle)), (scopes, (middle, to))]);
        }
    }
    Ok(())
}
