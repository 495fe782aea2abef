//! Reading events and dead letters, and forgetting the latter.
//!
//! Both are read in the order of the journal, and the time of an event says little about its place there (late data). So a query
//! with times first asks the index which positions can be meant at all, and then reads no further.

use model::{Position, Time};
use sqlx::postgres::{PgConnection, PgRow, Postgres};
use sqlx::{QueryBuilder, query};

use super::errors::{corrupt, during};
use super::text::{read, stored};
use super::{check_terms, column, page_limit, position, range, signed, time};
use crate::{DeadQuery, DeadRow, EventKey, EventQuery, EventRow, FORGET_BYTES, FORGET_ROWS, KindFilter, Page, StoreError};

/// The next events after a key.
pub(super) async fn page(
    connection: &mut PgConnection,
    wanted: &EventQuery,
    after: Option<EventKey>,
    limit: usize,
) -> Result<Page<EventRow, EventKey>, StoreError> {
    let limit = page_limit(limit);
    let Some(times) = range(wanted.from, wanted.to) else { return Ok(Page { rows: Vec::new(), next: None }) };
    let mut sql = QueryBuilder::new(
        "select position, ordinal, id, occurred_at, recorded_at, kind, subject, park, enterprise, installation, body from events where ",
    );
    // The first event of all has the key (1, 0): nothing stands at position 0.
    let after = after.unwrap_or(EventKey { position: Position(0), ordinal: 0 });
    sql.push("(position, ordinal) > (").push_bind(signed("after", after.position.0)?);
    sql.push(",").push_bind(i64::from(after.ordinal)).push(")");
    if wanted.from.is_some() || wanted.to.is_some() {
        push_times(&mut sql, "events", "occurred_at", times);
    }
    push_kinds(&mut sql, &wanted.kinds)?;
    push_subjects(&mut sql, &wanted.subjects)?;
    push_list(&mut sql, ("parks", "park"), &wanted.parks)?;
    push_list(&mut sql, ("enterprises", "enterprise"), &wanted.enterprises)?;
    push_list(&mut sql, ("installations", "installation"), &wanted.installations)?;
    sql.push(" order by position, ordinal limit ").push_bind((limit + 1).cast_signed() as i64);
    let found = sql.build().persistent(false).fetch_all(connection).await.map_err(during("read events"))?;
    let mut rows = found.iter().map(event).collect::<Result<Vec<_>, _>>()?;
    let next = (rows.len() > limit).then(|| EventKey { position: rows[limit - 1].position, ordinal: rows[limit - 1].ordinal });
    rows.truncate(limit);
    Ok(Page { rows, next })
}

/// The last event of a kind on a subject.
pub(super) async fn last(connection: &mut PgConnection, kind: &str, subject: &str) -> Result<Option<EventRow>, StoreError> {
    // The index is walked backwards: it ends with the key.
    let sql = "select position, ordinal, id, occurred_at, recorded_at, kind, subject, park, enterprise, installation, body from events \
               where left(subject, 200) = left($1, 200) and left(kind, 100) = left($2, 100) and subject = $1 and kind = $2 \
               order by position desc, ordinal desc limit 1";
    let found = query(sql).bind(stored(subject).into_owned()).bind(stored(kind).into_owned()).fetch_optional(connection).await;
    found.map_err(during("read an event"))?.as_ref().map(event).transpose()
}

/// Halves the positions until the last one recorded before the time is left: some forty reads by key, and no index that every write
/// would have to keep.
pub(super) async fn recorded_before(connection: &mut PgConnection, wanted: Time) -> Result<Position, StoreError> {
    let sql = "select position from events order by position desc limit 1";
    let newest = query(sql).fetch_optional(&mut *connection).await.map_err(during("read events"))?;
    // What stands at or before `low` was recorded before the time, what stands behind `high` was not.
    let (mut low, mut high) = (0_i64, newest.as_ref().map_or(Ok(0), |row| column::<i64>(row, 0))?);
    let sql = "select position, recorded_at from events where position > $1 order by position, ordinal limit 1";
    while low < high {
        let middle = low + (high - low) / 2;
        let found = query(sql).bind(middle).fetch_optional(&mut *connection).await.map_err(during("read events"))?;
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
    connection: &mut PgConnection,
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
    if let Some(gateway) = &wanted.gateway {
        let gateway = stored(gateway).into_owned();
        sql.push(" and left(gateway, 200) = left(").push_bind(gateway.clone()).push(", 200) and gateway = ").push_bind(gateway);
    }
    if let Some(reason) = &wanted.reason {
        sql.push(" and reason = ").push_bind(stored(reason).into_owned());
    }
    sql.push(" order by position limit ").push_bind((limit + 1).cast_signed() as i64);
    let found = sql.build().persistent(false).fetch_all(connection).await.map_err(during("read dead letters"))?;
    let mut rows = found.iter().map(dead).collect::<Result<Vec<_>, _>>()?;
    let next = (rows.len() > limit).then(|| rows[limit - 1].position);
    rows.truncate(limit);
    Ok(Page { rows, next })
}

/// Deletes some of the oldest dead letters before a position; true where more are left.
pub(super) async fn forget_dead_before(connection: &mut PgConnection, before: Position) -> Result<bool, StoreError> {
    // The oldest rows that together make less than the bytes allowed, and the one after. The length of a payload is read without it.
    let sql = "delete from dead_letters where position in (select position from ( \
                   select position, sum(bytes) over (order by position) - bytes as older from ( \
                       select position, length(payload)::int8 as bytes from dead_letters where position < $1 order by position limit $2) o) s \
               where older < $3)";
    // Positions end where the database's numbers end.
    let before = i64::try_from(before.0).unwrap_or(i64::MAX);
    let (rows, bytes) = (FORGET_ROWS.cast_signed() as i64, FORGET_BYTES.cast_signed() as i64);
    let deleted = query(sql).bind(before).bind(rows).bind(bytes).execute(&mut *connection).await;
    if deleted.map_err(during("delete dead letters"))?.rows_affected() == 0 {
        return Ok(false);
    }
    let left = query("select 1 from dead_letters where position < $1 limit 1").bind(before).fetch_optional(connection).await;
    left.map(|row| row.is_some()).map_err(during("look for dead letters"))
}

fn push_times(sql: &mut QueryBuilder<Postgres>, table: &str, column: &str, (low, high): (i64, i64)) {
    for (compare, end) in [(">=", "min"), ("<=", "max")] {
        // Grouped by nothing: `min(position)` alone would be looked for along the key.
        sql.push(format_args!(
            " and position {compare} (select {end}(position) from (select position from {table} where {column} between "
        ));
        sql.push_bind(low).push(" and ").push_bind(high).push(" offset 0) t)");
    }
    sql.push(format_args!(" and {column} between ")).push_bind(low).push(" and ").push_bind(high);
}

fn push_kinds(sql: &mut QueryBuilder<Postgres>, kinds: &[KindFilter]) -> Result<(), StoreError> {
    check_terms("kinds", kinds.len())?;
    if kinds.is_empty() {
        return Ok(());
    }
    let (mut exact, mut prefixes) = (Vec::new(), Vec::new());
    for kind in kinds {
        match kind {
            KindFilter::Exact(kind) => exact.push(stored(kind).into_owned()),
            KindFilter::Prefix(prefix) => prefixes.push(stored(prefix).into_owned()),
        }
    }
    sql.push(" and (kind = any(").push_bind(exact).push(") or exists (select 1 from unnest(");
    sql.push_bind(prefixes).push("::text[]) prefix where starts_with(kind, prefix)))");
    Ok(())
}

pub(super) fn push_list(
    sql: &mut QueryBuilder<Postgres>,
    (field, column): (&'static str, &str),
    terms: &[String],
) -> Result<(), StoreError> {
    check_terms(field, terms.len())?;
    if !terms.is_empty() {
        let terms: Vec<String> = terms.iter().map(|term| stored(term).into_owned()).collect();
        sql.push(format_args!(" and {column} = any(")).push_bind(terms).push(")");
    }
    Ok(())
}

/// By their beginnings, which the index holds, and as a whole.
pub(super) fn push_subjects(sql: &mut QueryBuilder<Postgres>, subjects: &[String]) -> Result<(), StoreError> {
    push_list(sql, ("subjects", "subject"), subjects)?;
    if !subjects.is_empty() {
        let starts: Vec<String> = subjects.iter().map(|subject| stored(subject).chars().take(200).collect()).collect();
        sql.push(" and left(subject, 200) = any(").push_bind(starts).push(")");
    }
    Ok(())
}

fn event(row: &PgRow) -> Result<EventRow, StoreError> {
    Ok(EventRow {
        position: position(row, 0)?,
        ordinal: u32::try_from(column::<i64>(row, 1)?).map_err(corrupt("read an ordinal"))?,
        id: read(column(row, 2)?),
        occurred_at: time(row, 3)?,
        recorded_at: time(row, 4)?,
        kind: read(column(row, 5)?),
        subject: read(column(row, 6)?),
        park: read(column(row, 7)?),
        enterprise: read(column(row, 8)?),
        installation: read(column(row, 9)?),
        body: column(row, 10)?,
    })
}

fn dead(row: &PgRow) -> Result<DeadRow, StoreError> {
    Ok(DeadRow {
        position: position(row, 0)?,
        at: time(row, 1)?,
        gateway: read(column(row, 2)?),
        topic: read(column(row, 3)?),
        reason: read(column(row, 4)?),
        detail: read(column(row, 5)?),
        payload: column(row, 6)?,
        payload_bytes: column::<i64>(row, 7)?.cast_unsigned(),
        count: column::<i64>(row, 8)?.cast_unsigned(),
    })
}
