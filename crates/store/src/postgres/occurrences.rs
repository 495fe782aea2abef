//! Occurrences of alarms: changed by events, read newest raise first. The rules of a change are those of `crate::occurrences`.

use model::Time;
use sqlx::postgres::{PgConnection, PgRow};
use sqlx::{AssertSqlSafe, QueryBuilder, query};

use super::errors::{corrupt, during};
use super::events::{push_list, push_subjects};
use super::text::{read, stored};
use super::{column, page_limit, position, range};
use crate::occurrences::UNKNOWN;
use crate::{OccurrenceChange, OccurrenceKey, OccurrenceQuery, OccurrenceRow, Page, StoreError};

const COLUMNS: &str = "id, position, subject, alarm, kind, priority, park, enterprise, installation, operator, state, activations, \
                       raised_at, recorded_at, value, \"limit\", annunciated, returned_at, acknowledged_at, acknowledged_by, closed_at";

/// What the list goes by, as in its indices: a raise that is not known stands last.
const RAISED: &str = "coalesce(raised_at, -9223372036854775808)";

/// Applies changes, one an occurrence.
pub(super) async fn change(connection: &mut PgConnection, changes: &[OccurrenceChange]) -> Result<(), StoreError> {
    // In the order of ids, so that two writers lock them in the same one.
    let mut rows: Vec<&OccurrenceChange> = changes.iter().collect();
    rows.sort_by(|one, other| one.row.id.cmp(&other.row.id));
    let (raises, others): (Vec<&OccurrenceChange>, Vec<_>) = rows.into_iter().partition(|change| change.raise);
    upsert(connection, &raises, "excluded.returned_at").await?;
    upsert(connection, &others, "coalesce(excluded.returned_at, o.returned_at)").await
}

async fn upsert(connection: &mut PgConnection, changes: &[&OccurrenceChange], returned_at: &str) -> Result<(), StoreError> {
    if changes.is_empty() {
        return Ok(());
    }
    let rows: Vec<&OccurrenceRow> = changes.iter().map(|change| &change.row).collect();
    let insert = query(AssertSqlSafe(upsert_sql(returned_at)))
        .bind(texts(&rows, |row| &row.id))
        .bind(each(&rows, |row| row.position.0.cast_signed()))
        .bind(texts(&rows, |row| &row.subject))
        .bind(texts(&rows, |row| &row.alarm))
        .bind(texts(&rows, |row| &row.kind))
        .bind(texts(&rows, |row| &row.priority))
        .bind(texts(&rows, |row| &row.park))
        .bind(texts(&rows, |row| &row.enterprise))
        .bind(texts(&rows, |row| &row.installation))
        .bind(texts(&rows, |row| &row.operator))
        .bind(texts(&rows, |row| &row.state))
        .bind(each(&rows, |row| i64::from(row.activations)))
        .bind(each(&rows, |row| row.raised_at.map(Time::micros)))
        .bind(each(&rows, |row| row.recorded_at.map(Time::micros)))
        .bind(each(&rows, |row| row.value))
        .bind(each(&rows, |row| row.limit))
        .bind(each(&rows, |row| row.annunciated))
        .bind(each(&rows, |row| row.returned_at.map(Time::micros)))
        .bind(each(&rows, |row| row.acknowledged_at.map(Time::micros)))
        .bind(each(&rows, |row| row.acknowledged_by.as_deref().map(|text| stored(text).into_owned())))
        .bind(each(&rows, |row| row.closed_at.map(Time::micros)));
    insert.execute(connection).await.map(drop).map_err(during("write occurrences"))
}

fn upsert_sql(returned_at: &str) -> String {
    let said = |column: &str| format!("{column} = coalesce(nullif(excluded.{column}, ''), o.{column})");
    let texts = ["subject", "alarm", "kind", "priority", "park", "enterprise", "installation", "operator", "state"].map(said);
    let known = |column: &str| format!("{column} = coalesce(excluded.{column}, o.{column})");
    let known = ["value", "\"limit\"", "acknowledged_at", "acknowledged_by", "closed_at"].map(known);
    format!(
        "insert into occurrences as o ({COLUMNS}) \
         select * from unnest($1::text[], $2::int8[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[], \
             $9::text[], $10::text[], $11::text[], $12::int8[], $13::int8[], $14::int8[], $15::float8[], $16::float8[], $17::bool[], \
             $18::int8[], $19::int8[], $20::text[], $21::int8[]) \
         on conflict (id) do update set {}, {}, \
             position = greatest(o.position, excluded.position), activations = greatest(o.activations, excluded.activations), \
             raised_at = least(o.raised_at, excluded.raised_at), recorded_at = least(o.recorded_at, excluded.recorded_at), \
             annunciated = greatest(o.annunciated, excluded.annunciated), returned_at = {returned_at}",
        texts.join(", "),
        known.join(", "),
    )
}

fn each<T>(rows: &[&OccurrenceRow], of: impl Fn(&OccurrenceRow) -> T) -> Vec<T> {
    rows.iter().map(|row| of(row)).collect()
}

fn texts(rows: &[&OccurrenceRow], of: impl Fn(&OccurrenceRow) -> &str) -> Vec<String> {
    rows.iter().map(|row| stored(of(row)).into_owned()).collect()
}

/// The next occurrences after a key, newest raise first.
pub(super) async fn page(
    connection: &mut PgConnection,
    wanted: &OccurrenceQuery,
    after: Option<OccurrenceKey>,
    limit: usize,
) -> Result<Page<OccurrenceRow, OccurrenceKey>, StoreError> {
    let limit = page_limit(limit);
    let Some((low, high)) = range(wanted.from, wanted.to) else { return Ok(Page { rows: Vec::new(), next: None }) };
    let mut sql = QueryBuilder::new(format!("select {COLUMNS} from occurrences where {RAISED} between "));
    sql.push_bind(low).push(" and ").push_bind(high);
    if let Some(after) = after {
        sql.push(format_args!(" and ({RAISED}, id) < (")).push_bind(after.raised_at.micros());
        sql.push(",").push_bind(stored(&after.id).into_owned()).push(")");
    }
    match wanted.open {
        Some(true) => drop(sql.push(" and closed_at is null")),
        Some(false) => drop(sql.push(" and closed_at is not null")),
        None => (),
    }
    push_subjects(&mut sql, &wanted.subjects)?;
    for (names, terms) in [
        (("alarms", "alarm"), &wanted.alarms),
        (("priorities", "priority"), &wanted.priorities),
        (("parks", "park"), &wanted.parks),
        (("enterprises", "enterprise"), &wanted.enterprises),
        (("installations", "installation"), &wanted.installations),
        (("operators", "operator"), &wanted.operators),
    ] {
        push_list(&mut sql, names, terms)?;
    }
    sql.push(format_args!(" order by {RAISED} desc, id desc limit ")).push_bind((limit + 1).cast_signed() as i64);
    let found = sql.build().persistent(false).fetch_all(connection).await.map_err(during("read occurrences"))?;
    let mut rows = found.iter().map(occurrence).collect::<Result<Vec<_>, _>>()?;
    let next = (rows.len() > limit).then(|| key(&rows[limit - 1]));
    rows.truncate(limit);
    Ok(Page { rows, next })
}

fn key(row: &OccurrenceRow) -> OccurrenceKey {
    OccurrenceKey { raised_at: row.raised_at.unwrap_or(UNKNOWN), id: row.id.clone() }
}

fn occurrence(row: &PgRow) -> Result<OccurrenceRow, StoreError> {
    let text = |index| column(row, index).map(read);
    let time = |index| column::<Option<i64>>(row, index).map(|time| time.map(Time::from_micros));
    Ok(OccurrenceRow {
        id: text(0)?,
        position: position(row, 1)?,
        subject: text(2)?,
        alarm: text(3)?,
        kind: text(4)?,
        priority: text(5)?,
        park: text(6)?,
        enterprise: text(7)?,
        installation: text(8)?,
        operator: text(9)?,
        state: text(10)?,
        activations: u32::try_from(column::<i64>(row, 11)?).map_err(corrupt("read a count"))?,
        raised_at: time(12)?,
        recorded_at: time(13)?,
        value: column(row, 14)?,
        limit: column(row, 15)?,
        annunciated: column(row, 16)?,
        returned_at: time(17)?,
        acknowledged_at: time(18)?,
        acknowledged_by: column::<Option<String>>(row, 19)?.map(read),
        closed_at: time(20)?,
    })
}
