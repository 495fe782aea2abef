//! The supervision record: states of its folds, gaps, rules and their days.

use std::collections::BTreeMap;

use model::{Position, Span, Time};
use sqlx::postgres::{PgConnection, PgRow, Postgres};
use sqlx::{Connection, QueryBuilder, query};

use super::errors::{corrupt, during};
use super::events::push_list;
use super::text::{read, stored};
use super::write::claim;
use super::{column, epoch, position, time};
use crate::reasons::{self, BrokenReasons};
use crate::{GapQuery, GapRow, MAX_PAGE, RuleDayRow, RuleQuery, RuleRow, StoreError, SupervisionBatch};

/// Rows of a statement with arrays.
const ARRAY_ROWS: usize = 5_000;

/// Stores the batch as a whole, or nothing.
pub(super) async fn write(connection: &mut PgConnection, batch: &SupervisionBatch) -> Result<(), StoreError> {
    if batch.upto < batch.after {
        return Err(StoreError::InvalidInput { field: "upto", reason: "a batch does not end before the position it follows" });
    }
    let mut transaction = connection.begin().await.map_err(during("begin a transaction"))?;
    check_epoch(&mut transaction, batch).await?;
    advance(&mut transaction, batch).await?;
    let sql = "insert into supervision_state (key, state) values ($1, $2) on conflict (key) do update set state = excluded.state";
    let kept = query(sql).bind(stored(&batch.key).into_owned()).bind(batch.state.clone()).execute(&mut *transaction).await;
    kept.map_err(during("write a state of the supervision record"))?;
    write_gaps(&mut transaction, &batch.gaps).await?;
    write_rules(&mut transaction, &batch.rules).await?;
    write_days(&mut transaction, &batch.days).await?;
    transaction.commit().await.map_err(during("commit a transaction"))
}

/// The first write of all claims the database for its journal.
async fn check_epoch(connection: &mut PgConnection, batch: &SupervisionBatch) -> Result<(), StoreError> {
    let known =
        query("select epoch from source").fetch_optional(&mut *connection).await.map_err(during("read the stored epoch"))?;
    let known: String = match known {
        Some(row) => column(&row, 0)?,
        None => claim(connection, batch.epoch).await?,
    };
    let stored = epoch(&known)?;
    if stored == batch.epoch { Ok(()) } else { Err(StoreError::OtherEpoch { given: batch.epoch, stored }) }
}

/// Moves the position, if it stands where the batch follows.
async fn advance(connection: &mut PgConnection, batch: &SupervisionBatch) -> Result<(), StoreError> {
    let sql = "insert into progress as p (journal, position, after, time, ties) values ($1, $2, $3, $4, 0) \
               on conflict (journal) do update set position = excluded.position, after = excluded.after, time = excluded.time \
                   where p.position = excluded.after returning xmax = 0";
    let place = |position: Position, field| {
        let reason = "positions end at 9223372036854775807";
        i64::try_from(position.0).map_err(|_| StoreError::InvalidInput { field, reason })
    };
    let (after, upto) = (place(batch.after, "after")?, place(batch.upto, "upto")?);
    let moved = query(sql).bind(stored(&batch.key).into_owned()).bind(upto).bind(after).bind(batch.time.micros());
    let moved = moved.fetch_optional(&mut *connection).await.map_err(during("write the position"))?;
    let came = moved.map(|row| column::<bool>(&row, 0)).transpose()?;
    // A row that was not there before is none to follow a position.
    if came == Some(false) || (came == Some(true) && after == 0) {
        return Ok(());
    }
    let sql = "select position from progress where journal = $1 and not $2";
    let found = query(sql).bind(stored(&batch.key).into_owned()).bind(came == Some(true)).fetch_optional(connection).await;
    let head = found.map_err(during("read the stored position"))?.map(|row| position(&row, 0)).transpose()?;
    Err(StoreError::conflict(&batch.key, batch.after, head.unwrap_or_default()))
}

fn each<R, T>(rows: &[R], of: impl Fn(&R) -> T) -> Vec<T> {
    rows.iter().map(of).collect()
}

fn texts<R>(rows: &[R], of: impl Fn(&R) -> &str) -> Vec<String> {
    rows.iter().map(|row| stored(of(row)).into_owned()).collect()
}

/// One row a name, which is all that one statement may change (traps 59): the evidence of the first, the end of the last.
async fn write_gaps(connection: &mut PgConnection, rows: &[GapRow]) -> Result<(), StoreError> {
    let mut named: BTreeMap<(&str, &str, Time), GapRow> = BTreeMap::new();
    for row in rows {
        named.entry((&row.scope, &row.reason, row.from)).or_insert_with(|| row.clone()).to = row.to;
    }
    let sql = "insert into gaps (scope, reason, from_us, to_us, evidence) \
               select * from unnest($1::text[], $2::text[], $3::int8[], $4::int8[], $5::text[]) \
               on conflict (scope, reason, from_us) do update set to_us = excluded.to_us";
    for rows in named.into_values().collect::<Vec<_>>().chunks(ARRAY_ROWS) {
        let insert = query(sql)
            .bind(texts(rows, |row| &row.scope))
            .bind(texts(rows, |row| &row.reason))
            .bind(each(rows, |row| row.from.micros()))
            .bind(each(rows, |row| row.to.map(Time::micros)))
            .bind(texts(rows, |row| &row.evidence));
        insert.execute(&mut *connection).await.map_err(during("write gaps"))?;
    }
    Ok(())
}

async fn write_rules(connection: &mut PgConnection, rows: &[RuleRow]) -> Result<(), StoreError> {
    let named: BTreeMap<_, _> = rows.iter().map(|row| ((&row.point, &row.alarm, row.from), row)).collect();
    let sql = "insert into rules (point, alarm, from_us, to_us, kind, park, enterprise, installation, body) \
               select * from unnest($1::text[], $2::text[], $3::int8[], $4::int8[], $5::text[], $6::text[], $7::text[], $8::text[], \
                   $9::bytea[]) \
               on conflict (point, alarm, from_us) do update set to_us = excluded.to_us, kind = excluded.kind, park = excluded.park, \
                   enterprise = excluded.enterprise, installation = excluded.installation, body = excluded.body";
    for rows in named.into_values().collect::<Vec<_>>().chunks(ARRAY_ROWS) {
        let insert = query(sql)
            .bind(texts(rows, |row| &row.point))
            .bind(texts(rows, |row| &row.alarm))
            .bind(each(rows, |row| row.from.micros()))
            .bind(each(rows, |row| row.to.map(Time::micros)))
            .bind(texts(rows, |row| &row.kind))
            .bind(texts(rows, |row| &row.park))
            .bind(texts(rows, |row| &row.enterprise))
            .bind(texts(rows, |row| &row.installation))
            .bind(each(rows, |row| row.body.clone()));
        insert.execute(&mut *connection).await.map_err(during("write rules"))?;
    }
    Ok(())
}

async fn write_days(connection: &mut PgConnection, rows: &[RuleDayRow]) -> Result<(), StoreError> {
    let named: BTreeMap<_, _> = rows.iter().map(|row| ((row.day, &row.point, &row.alarm), row)).collect();
    let sql = "insert into rule_days (day, point, alarm, park, enterprise, in_force_us, supervised_us, reasons) \
               select * from unnest($1::int8[], $2::text[], $3::text[], $4::text[], $5::text[], $6::int8[], $7::int8[], $8::bytea[]) \
               on conflict (day, point, alarm) do update set park = excluded.park, enterprise = excluded.enterprise, \
                   in_force_us = excluded.in_force_us, supervised_us = excluded.supervised_us, reasons = excluded.reasons";
    for rows in named.into_values().collect::<Vec<_>>().chunks(ARRAY_ROWS) {
        let insert = query(sql)
            .bind(each(rows, |row| row.day.micros()))
            .bind(texts(rows, |row| &row.point))
            .bind(texts(rows, |row| &row.alarm))
            .bind(texts(rows, |row| &row.park))
            .bind(texts(rows, |row| &row.enterprise))
            .bind(each(rows, |row| row.in_force.micros()))
            .bind(each(rows, |row| row.supervised.micros()))
            .bind(each(rows, |row| reasons::encode(&row.reasons)));
        insert.execute(&mut *connection).await.map_err(during("write days of rules"))?;
    }
    Ok(())
}

/// Position and state of a fold.
pub(super) async fn state(connection: &mut PgConnection, key: &str) -> Result<Option<(Position, Vec<u8>)>, StoreError> {
    let sql = "select position, state from supervision_state join progress on journal = key where key = $1";
    let found = query(sql).bind(stored(key).into_owned()).fetch_optional(connection).await;
    let found = found.map_err(during("read a state of the supervision record"))?;
    found.map(|row| Ok((position(&row, 0)?, column(&row, 1)?))).transpose()
}

/// Gaps by scope, reason and start.
pub(super) async fn gaps(connection: &mut PgConnection, wanted: &GapQuery) -> Result<Vec<GapRow>, StoreError> {
    let mut sql = QueryBuilder::new("select scope, reason, from_us, to_us, evidence from gaps where from_us < ");
    push_times(&mut sql, wanted.from, wanted.to);
    push_list(&mut sql, ("scopes", "scope"), &wanted.scopes)?;
    sql.push(" order by scope, reason, from_us limit ").push_bind(page());
    let found = sql.build().persistent(false).fetch_all(connection).await.map_err(during("read gaps"))?;
    found.iter().map(gap).collect()
}

/// Rules by point, alarm and start.
pub(super) async fn rules(connection: &mut PgConnection, wanted: &RuleQuery) -> Result<Vec<RuleRow>, StoreError> {
    let mut sql = QueryBuilder::new(
        "select point, alarm, from_us, to_us, kind, park, enterprise, installation, body from rules where from_us < ",
    );
    push_times(&mut sql, wanted.from, wanted.to);
    push_filter(&mut sql, wanted)?;
    sql.push(" order by point, alarm, from_us limit ").push_bind(page());
    let found = sql.build().persistent(false).fetch_all(connection).await.map_err(during("read rules"))?;
    found.iter().map(rule).collect()
}

/// Days of rules by day, point and alarm.
pub(super) async fn rule_days(connection: &mut PgConnection, wanted: &RuleQuery) -> Result<Vec<RuleDayRow>, StoreError> {
    let mut sql = QueryBuilder::new(
        "select day, point, alarm, park, enterprise, in_force_us, supervised_us, reasons from rule_days where day >= ",
    );
    sql.push_bind(wanted.from.micros()).push(" and day < ").push_bind(wanted.to.micros());
    push_filter(&mut sql, wanted)?;
    sql.push(" order by day, point, alarm limit ").push_bind(page());
    let found = sql.build().persistent(false).fetch_all(connection).await.map_err(during("read days of rules"))?;
    found.iter().map(day).collect()
}

fn push_times(sql: &mut QueryBuilder<Postgres>, from: Time, to: Time) {
    sql.push_bind(to.micros()).push(" and (to_us is null or to_us > ").push_bind(from.micros()).push(")");
}

fn push_filter(sql: &mut QueryBuilder<Postgres>, wanted: &RuleQuery) -> Result<(), StoreError> {
    let RuleQuery { points, alarms, enterprises, parks, .. } = wanted;
    push_list(sql, ("points", "point"), points)?;
    push_list(sql, ("alarms", "alarm"), alarms)?;
    push_list(sql, ("enterprises", "enterprise"), enterprises)?;
    push_list(sql, ("parks", "park"), parks)
}

const fn page() -> i64 {
    MAX_PAGE.cast_signed() as i64
}

fn end(row: &PgRow, index: usize) -> Result<Option<Time>, StoreError> {
    Ok(column::<Option<i64>>(row, index)?.map(Time::from_micros))
}

fn text(row: &PgRow, index: usize) -> Result<String, StoreError> {
    column(row, index).map(read)
}

fn span(row: &PgRow, index: usize) -> Result<Span, StoreError> {
    column(row, index).map(Span::from_micros)
}

fn gap(row: &PgRow) -> Result<GapRow, StoreError> {
    Ok(GapRow { scope: text(row, 0)?, reason: text(row, 1)?, from: time(row, 2)?, to: end(row, 3)?, evidence: text(row, 4)? })
}

fn rule(row: &PgRow) -> Result<RuleRow, StoreError> {
    Ok(RuleRow {
        point: text(row, 0)?,
        alarm: text(row, 1)?,
        from: time(row, 2)?,
        to: end(row, 3)?,
        kind: text(row, 4)?,
        park: text(row, 5)?,
        enterprise: text(row, 6)?,
        installation: text(row, 7)?,
        body: column(row, 8)?,
    })
}

fn day(row: &PgRow) -> Result<RuleDayRow, StoreError> {
    let stored: Vec<u8> = column(row, 7)?;
    Ok(RuleDayRow {
        day: time(row, 0)?,
        point: text(row, 1)?,
        alarm: text(row, 2)?,
        park: text(row, 3)?,
        enterprise: text(row, 4)?,
        in_force: span(row, 5)?,
        supervised: span(row, 6)?,
        reasons: reasons::decode(&stored).ok_or(BrokenReasons).map_err(corrupt("read a day of a rule"))?,
    })
}
