//! Reading events and dead letters.
//!
//! Both are read in the order of the journal, and the time of an event says little about its place there (late data). So a query
//! with times first asks the index which positions can be meant at all, and then reads no further.

use model::{Position, Time};
use sqlx::sqlite::{Sqlite, SqliteConnection, SqliteRow};
use sqlx::{QueryBuilder, query};

use super::errors::{corrupt, during};
use super::{column, page_limit, position, range, signed, time};
use crate::{DeadQuery, DeadRow, EventKey, EventQuery, EventRow, KindFilter, MAX_FILTER_TERMS, Page, StoreError};

/// The next events after a key.
pub(super) async fn page(
    connection: &mut SqliteConnection,
    wanted: &EventQuery,
    after: Option<EventKey>,
    limit: usize,
) -> Result<Page<EventRow, EventKey>, StoreError> {
    let limit = page_limit(limit);
    let Some(times) = range(wanted.from, wanted.to) else { return Ok(Page { rows: Vec::new(), next: None }) };
    let mut sql = QueryBuilder::new(
        "select position, ordinal, id, occurred_at, recorded_at, kind, subject, park, enterprise, installation, body from events where ",
    );
    let after = after.unwrap_or(EventKey { position: Position(0), ordinal: 0 });
    sql.push("(position, ordinal) > (").push_bind(signed("after", after.position.0)?);
    // The first event of all has the key (1, 0): nothing stands at position 0.
    sql.push(",").push_bind(i64::from(after.ordinal)).push(")");
    if wanted.from.is_some() || wanted.to.is_some() {
        push_times(&mut sql, "events", "occurred_at", times);
    }
    push_kinds(&mut sql, &wanted.kinds)?;
    push_texts(&mut sql, "subject", "subjects", &wanted.subjects)?;
    push_texts(&mut sql, "park", "parks", &wanted.parks)?;
    push_texts(&mut sql, "enterprise", "enterprises", &wanted.enterprises)?;
    push_texts(&mut sql, "installation", "installations", &wanted.installations)?;
    sql.push(" order by position, ordinal limit ").push_bind((limit + 1).cast_signed() as i64);
    let found = sql.build().persistent(false).fetch_all(connection).await.map_err(during("read events"))?;
    let mut rows = found.iter().map(event).collect::<Result<Vec<_>, _>>()?;
    let next = (rows.len() > limit).then(|| EventKey { position: rows[limit - 1].position, ordinal: rows[limit - 1].ordinal });
    rows.truncate(limit);
    Ok(Page { rows, next })
}

/// The index of subjects is walked backwards: it ends with the key.
pub(super) const LAST: &str = "select position, ordinal, id, occurred_at, recorded_at, kind, subject, park, enterprise, installation, body \
     from events where subject = ? and kind = ? order by position desc, ordinal desc limit 1";

/// The last event of a kind on a subject.
pub(super) async fn last(connection: &mut SqliteConnection, kind: &str, subject: &str) -> Result<Option<EventRow>, StoreError> {
    let found = query(LAST).bind(subject.to_owned()).bind(kind.to_owned()).fetch_optional(connection).await;
    found.map_err(during("read an event"))?.as_ref().map(event).transpose()
}

/// The first event behind a position: the key ends the search at once.
pub(super) const FIRST_AFTER: &str =
    "select position, recorded_at from events where position > ? order by position, ordinal limit 1";

/// Halves the positions until the last one recorded before the time is left: some forty reads by key, and no index that every write
/// would have to keep.
pub(super) async fn recorded_before(connection: &mut SqliteConnection, wanted: Time) -> Result<Position, StoreError> {
    let newest = query("select position from events order by position desc limit 1").fetch_optional(&mut *connection).await;
    let newest = newest.map_err(during("read events"))?;
    // What stands at or before `low` was recorded before the time, what stands behind `high` was not.
    let (mut low, mut high) = (0_i64, newest.as_ref().map_or(Ok(0), |row| column::<i64>(row, 0))?);
    while low < high {
        let middle = low + (high - low) / 2;
        let found = query(FIRST_AFTER).bind(middle).fetch_optional(&mut *connection).await.map_err(during("read events"))?;
        let found = found.map(|row| Ok::<_, StoreError>((column::<i64>(&row, 0)?, time(&row, 1)?))).transpose()?;
        match found.filter(|(_, recorded_at)| *recorded_at < wanted) {
            Some((position, _)) => low = position,
            None => high = middle,
        }
    }
    u64::try_from(low).map(Position).map_err(corrupt("read a position"))
}

/// The next dead letters after a position.
pub(super) async fn dead_page(
    connection: &mut SqliteConnection,
    wanted: &DeadQuery,
    after: Option<Position>,
    limit: usize,
) -> Result<Page<DeadRow, Position>, StoreError> {
    let limit = page_limit(limit);
    let Some(times) = range(wanted.from, wanted.to) else { return Ok(Page { rows: Vec::new(), next: None }) };
    let mut sql = QueryBuilder::new(
        "select position, at, gateway, topic, reason, detail, payload, payload_bytes, count from dead_letters where position > ",
    );
    sql.push_bind(signed("after", after.unwrap_or(Position(0)).0)?);
    if wanted.from.is_some() || wanted.to.is_some() {
        push_times(&mut sql, "dead_letters", "at", times);
    }
    for (column, value) in [("gateway", &wanted.gateway), ("reason", &wanted.reason)] {
        if let Some(value) = value {
            sql.push(format_args!(" and {column} = ")).push_bind(value.clone());
        }
    }
    sql.push(" order by position limit ").push_bind((limit + 1).cast_signed() as i64);
    let found = sql.build().persistent(false).fetch_all(connection).await.map_err(during("read dead letters"))?;
    let mut rows = found.iter().map(dead).collect::<Result<Vec<_>, _>>()?;
    let next = (rows.len() > limit).then(|| rows[limit - 1].position);
    rows.truncate(limit);
    Ok(Page { rows, next })
}

fn push_times(sql: &mut QueryBuilder<Sqlite>, table: &str, column: &str, (low, high): (i64, i64)) {
    for (compare, end) in [(">=", "min"), ("<=", "max")] {
        sql.push(format_args!(
            " and position {compare} (select {end}(position) from {table} indexed by {table}_by_time where {column} between "
        ));
        sql.push_bind(low).push(" and ").push_bind(high).push(")");
    }
    // The plus keeps the index of times from being the one that is walked: then every page would sort all rows of the range.
    sql.push(format_args!(" and +{column} between ")).push_bind(low).push(" and ").push_bind(high);
}

fn push_kinds(sql: &mut QueryBuilder<Sqlite>, kinds: &[KindFilter]) -> Result<(), StoreError> {
    check_terms("kinds", kinds.len())?;
    if kinds.is_empty() {
        return Ok(());
    }
    sql.push(" and (kind in (");
    let mut exact = sql.separated(",");
    let prefixes: Vec<_> = kinds
        .iter()
        .filter_map(|kind| match kind {
            KindFilter::Exact(kind) => {
                exact.push_bind(kind.clone());
                None
            }
            KindFilter::Prefix(prefix) => Some(prefix.clone()),
        })
        .collect();
    sql.push(")");
    if !prefixes.is_empty() {
        // Rows to compare with and no chain of `or`: SQLite refuses expressions that nest a thousand deep.
        sql.push(" or exists (select 1 from (values ");
        let mut list = sql.separated(",");
        for prefix in prefixes {
            list.push("(").push_bind_unseparated(prefix).push_unseparated(")");
        }
        sql.push(") where substr(kind, 1, length(column1)) = column1)");
    }
    sql.push(")");
    Ok(())
}

/// Longer lists go as one JSON parameter, so that all lists of a query together stay within the parameters that SQLite allows.
const BOUND_TEXTS_MAX: usize = 1_000;

/// Only rows whose column is one of the texts; none means all.
pub(super) fn push_texts(
    sql: &mut QueryBuilder<Sqlite>,
    column: &str,
    field: &'static str,
    texts: &[String],
) -> Result<(), StoreError> {
    check_terms(field, texts.len())?;
    if texts.is_empty() {
        return Ok(());
    }
    // NUL ends a text in JSON functions.
    let (bound, json): (Vec<_>, Vec<_>) = texts.iter().partition(|text| texts.len() <= BOUND_TEXTS_MAX || text.contains('\0'));
    sql.push(format_args!(" and {column} in ("));
    if json.is_empty() {
        let mut list = sql.separated(",");
        bound.into_iter().for_each(|text| {
            list.push_bind(text.clone());
        });
    } else {
        sql.push("select value from json_each(").push_bind(json_list(&json)).push(")");
        for text in bound {
            sql.push(" union all select ").push_bind(text.clone());
        }
    }
    sql.push(")");
    Ok(())
}

fn json_list(texts: &[&String]) -> String {
    let mut list = String::from("[");
    for text in texts {
        list.push_str(if list.len() > 1 { ",\"" } else { "\"" });
        for letter in text.chars() {
            match letter {
                '"' | '\\' => list.extend(['\\', letter]),
                '\0'..'\u{20}' => list.push_str(&format!("\\u{:04x}", u32::from(letter))),
                _ => list.push(letter),
            }
        }
        list.push('"');
    }
    list.push(']');
    list
}

fn check_terms(field: &'static str, terms: usize) -> Result<(), StoreError> {
    if terms <= MAX_FILTER_TERMS { Ok(()) } else { Err(StoreError::InvalidInput { field, reason: "at most 10000 are allowed" }) }
}

fn event(row: &SqliteRow) -> Result<EventRow, StoreError> {
    Ok(EventRow {
        position: position(row, 0)?,
        ordinal: u32::try_from(column::<i64>(row, 1)?).map_err(corrupt("read an ordinal"))?,
        id: column(row, 2)?,
        occurred_at: time(row, 3)?,
        recorded_at: time(row, 4)?,
        kind: column(row, 5)?,
        subject: column(row, 6)?,
        park: column(row, 7)?,
        enterprise: column(row, 8)?,
        installation: column(row, 9)?,
        body: column(row, 10)?,
    })
}

fn dead(row: &SqliteRow) -> Result<DeadRow, StoreError> {
    Ok(DeadRow {
        position: position(row, 0)?,
        at: time(row, 1)?,
        gateway: column(row, 2)?,
        topic: column(row, 3)?,
        reason: column(row, 4)?,
        detail: column(row, 5)?,
        payload: column(row, 6)?,
        payload_bytes: column::<i64>(row, 7)?.cast_unsigned(),
        count: column::<i64>(row, 8)?.cast_unsigned(),
    })
}
