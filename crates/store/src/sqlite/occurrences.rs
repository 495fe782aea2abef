//! Occurrences of alarms: one row each, brought up to date by what their events say.

use model::Time;
use sqlx::sqlite::{Sqlite, SqliteConnection, SqliteRow};
use sqlx::{QueryBuilder, Row};

use super::errors::{corrupt, during};
use super::events::push_texts;
use super::insert::{Binding, Insert};
use super::{column, page_limit, position, range, signed, time};
use crate::occurrences::{UNKNOWN, fold};
use crate::{OccurrenceChange, OccurrenceKey, OccurrenceQuery, OccurrenceRow, Page, StoreError, WriteBatch};

macro_rules! columns {
    () => {
        "id, position, subject, alarm, kind, priority, park, enterprise, installation, operator, state, activations, \
         raised_at, recorded_at, value, limit_value, annunciated, returned_at, acknowledged_at, acknowledged_by, closed_at"
    };
}

/// The rules of crate::occurrences. A minimum or maximum with null is null, so the other stands.
macro_rules! upsert {
    ($returned_at:literal) => {
        Insert {
            into: concat!("insert into occurrences (", columns!(), ")"),
            columns: 21,
            conflict: concat!(
                "on conflict do update set position = max(position, excluded.position),
                 activations = max(activations, excluded.activations),
                 subject = coalesce(nullif(excluded.subject, ''), subject), alarm = coalesce(nullif(excluded.alarm, ''), alarm),
                 kind = coalesce(nullif(excluded.kind, ''), kind), priority = coalesce(nullif(excluded.priority, ''), priority),
                 park = coalesce(nullif(excluded.park, ''), park),
                 enterprise = coalesce(nullif(excluded.enterprise, ''), enterprise),
                 installation = coalesce(nullif(excluded.installation, ''), installation),
                 operator = coalesce(nullif(excluded.operator, ''), operator),
                 state = coalesce(nullif(excluded.state, ''), state),
                 raised_at = case -9223372036854775808 when excluded.raised_at then raised_at
                    when raised_at then excluded.raised_at else min(raised_at, excluded.raised_at) end,
                 recorded_at = coalesce(min(recorded_at, excluded.recorded_at), recorded_at, excluded.recorded_at),
                 value = coalesce(excluded.value, value), limit_value = coalesce(excluded.limit_value, limit_value),
                 annunciated = coalesce(max(annunciated, excluded.annunciated), annunciated, excluded.annunciated),
                 acknowledged_at = coalesce(excluded.acknowledged_at, acknowledged_at),
                 acknowledged_by = coalesce(excluded.acknowledged_by, acknowledged_by),
                 closed_at = coalesce(excluded.closed_at, closed_at), returned_at = ",
                $returned_at
            ),
        }
    };
}

/// What stood of return is of the activation before.
const RAISED: Insert = upsert!("excluded.returned_at");
const OTHERS: Insert = upsert!("coalesce(excluded.returned_at, returned_at)");

/// A page without filters, as the planner sees it.
#[cfg(test)]
pub(super) const NEWEST: &str = concat!(
    "select ",
    columns!(),
    " from occurrences where raised_at between ? and ? and (raised_at, id) < (?, ?) order by raised_at desc, id desc limit ?"
);

/// Brings the rows up to date; each is touched once.
pub(super) async fn upsert(connection: &mut SqliteConnection, batches: &[WriteBatch]) -> Result<(), StoreError> {
    let changes = fold(batches.iter().flat_map(|batch| &batch.occurrences));
    for change in &changes {
        signed("occurrences", change.row.position.0)?;
    }
    let (raised, others): (Vec<_>, Vec<_>) = changes.into_iter().partition(|change| change.raise);
    for (insert, changes) in [(RAISED, raised), (OTHERS, others)] {
        insert.rows(connection, &changes, bind).await.map_err(during("write occurrences"))?;
    }
    Ok(())
}

fn bind(binding: Binding, change: &OccurrenceChange) -> Binding {
    let row = change.row.clone();
    let micros = |time: Option<Time>| time.map(Time::micros);
    let what = binding.bind(row.id).bind(row.position.0.cast_signed()).bind(row.subject).bind(row.alarm).bind(row.kind);
    let place = what.bind(row.priority).bind(row.park).bind(row.enterprise).bind(row.installation).bind(row.operator);
    let raise = place.bind(row.state).bind(i64::from(row.activations)).bind(row.raised_at.unwrap_or(UNKNOWN).micros());
    let raise = raise.bind(micros(row.recorded_at)).bind(row.value).bind(row.limit).bind(row.annunciated);
    let end = raise.bind(micros(row.returned_at)).bind(micros(row.acknowledged_at)).bind(row.acknowledged_by);
    end.bind(micros(row.closed_at))
}

/// The next occurrences after a key, newest raise first.
pub(super) async fn page(
    connection: &mut SqliteConnection,
    wanted: &OccurrenceQuery,
    after: Option<OccurrenceKey>,
    limit: usize,
) -> Result<Page<OccurrenceRow, OccurrenceKey>, StoreError> {
    let limit = page_limit(limit);
    let Some((low, high)) = range(wanted.from, wanted.to) else { return Ok(Page { rows: Vec::new(), next: None }) };
    let mut sql = QueryBuilder::<Sqlite>::new(concat!("select ", columns!(), " from occurrences where raised_at between "));
    sql.push_bind(low).push(" and ").push_bind(high);
    if let Some(key) = after {
        sql.push(" and (raised_at, id) < (").push_bind(key.raised_at.micros()).push(",").push_bind(key.id).push(")");
    }
    push_filters(&mut sql, wanted)?;
    sql.push(" order by raised_at desc, id desc limit ").push_bind((limit + 1).cast_signed() as i64);
    let found = sql.build().persistent(false).fetch_all(connection).await.map_err(during("read occurrences"))?;
    let mut rows = found.iter().map(occurrence).collect::<Result<Vec<_>, _>>()?;
    let next = (rows.len() > limit).then(|| key(&rows[limit - 1]));
    rows.truncate(limit);
    Ok(Page { rows, next })
}

fn push_filters(sql: &mut QueryBuilder<Sqlite>, wanted: &OccurrenceQuery) -> Result<(), StoreError> {
    push_texts(sql, "subject", "subjects", &wanted.subjects)?;
    push_texts(sql, "alarm", "alarms", &wanted.alarms)?;
    push_texts(sql, "priority", "priorities", &wanted.priorities)?;
    push_texts(sql, "park", "parks", &wanted.parks)?;
    push_texts(sql, "enterprise", "enterprises", &wanted.enterprises)?;
    push_texts(sql, "installation", "installations", &wanted.installations)?;
    push_texts(sql, "operator", "operators", &wanted.operators)?;
    match wanted.open {
        Some(true) => sql.push(" and closed_at is null"),
        Some(false) => sql.push(" and closed_at is not null"),
        None => sql,
    };
    Ok(())
}

fn key(row: &OccurrenceRow) -> OccurrenceKey {
    OccurrenceKey { raised_at: row.raised_at.unwrap_or(UNKNOWN), id: row.id.clone() }
}

fn occurrence(row: &SqliteRow) -> Result<OccurrenceRow, StoreError> {
    let at = |name: &str| row.try_get::<Option<i64>, _>(name).map(|at| at.map(Time::from_micros)).map_err(during("read a row"));
    Ok(OccurrenceRow {
        id: column(row, 0)?,
        position: position(row, 1)?,
        subject: column(row, 2)?,
        alarm: column(row, 3)?,
        kind: column(row, 4)?,
        priority: column(row, 5)?,
        park: column(row, 6)?,
        enterprise: column(row, 7)?,
        installation: column(row, 8)?,
        operator: column(row, 9)?,
        state: column(row, 10)?,
        activations: u32::try_from(column::<i64>(row, 11)?).map_err(corrupt("read a count"))?,
        raised_at: Some(time(row, 12)?).filter(|at| *at != UNKNOWN),
        recorded_at: at("recorded_at")?,
        value: column(row, 14)?,
        limit: column(row, 15)?,
        annunciated: column(row, 16)?,
        returned_at: at("returned_at")?,
        acknowledged_at: at("acknowledged_at")?,
        acknowledged_by: column(row, 19)?,
        closed_at: at("closed_at")?,
    })
}
