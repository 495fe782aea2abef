//! The supervision record: states of its folds, gaps, rules and their days.

use model::{Position, Span, Time};
use sqlx::sqlite::{Sqlite, SqliteConnection, SqliteRow};
use sqlx::{Connection, QueryBuilder, query};

use super::errors::{corrupt, during};
use super::insert::{Binding, Insert};
use super::write::{advance, claim_epoch};
use super::{column, position, time};
use crate::reasons::{self, BrokenReasons};
use crate::{
    GapQuery, GapRow, MAX_FILTER_TERMS, MAX_PAGE, RuleDayRow, RuleQuery, RuleRow, StoreError, SupervisionBatch, WriteBatch,
};

/// Parameters of one statement: SQLite takes 32,766 (traps 59).
const MAX_TERMS: usize = 30_000;

/// What began is known by its name; what proves it is what proved it first.
const GAPS: Insert = Insert {
    into: "insert into gaps (scope, reason, from_us, to_us, evidence)",
    columns: 5,
    conflict: "on conflict do update set to_us = excluded.to_us",
};

const RULES: Insert = Insert {
    into: "insert into rules (point, alarm, from_us, to_us, kind, park, enterprise, installation, body)",
    columns: 9,
    conflict: "on conflict do update set to_us = excluded.to_us, kind = excluded.kind, park = excluded.park, \
               enterprise = excluded.enterprise, installation = excluded.installation, body = excluded.body",
};

const DAYS: Insert = Insert {
    into: "insert into rule_days (day, point, alarm, park, enterprise, in_force_us, supervised_us, reasons)",
    columns: 8,
    conflict: "on conflict do update set park = excluded.park, enterprise = excluded.enterprise, \
               in_force_us = excluded.in_force_us, supervised_us = excluded.supervised_us, reasons = excluded.reasons",
};

/// Stores the batch as a whole, or nothing.
pub(super) async fn write(connection: &mut SqliteConnection, batch: &SupervisionBatch) -> Result<(), StoreError> {
    if batch.upto < batch.after {
        return Err(StoreError::InvalidInput { field: "upto", reason: "a batch does not end before the position it follows" });
    }
    let SupervisionBatch { key, epoch, after, upto, time, .. } = batch.clone();
    let place = WriteBatch { journal: key.clone(), epoch, after, upto, time, ..WriteBatch::default() };
    // Immediate: the check of the position and the writes that rest on it see the same database.
    let mut transaction = connection.begin_with("begin immediate").await.map_err(during("begin a transaction"))?;
    claim_epoch(&mut transaction, &place).await?;
    advance(&mut transaction, &place).await?;
    let sql = "insert into supervision_state (key, state) values (?, ?) on conflict do update set state = excluded.state";
    let kept = query(sql).bind(key).bind(batch.state.clone()).execute(&mut *transaction).await;
    kept.map_err(during("write a state of the supervision record"))?;
    GAPS.rows(&mut transaction, &batch.gaps, bind_gap).await.map_err(during("write gaps"))?;
    RULES.rows(&mut transaction, &batch.rules, bind_rule).await.map_err(during("write rules"))?;
    DAYS.rows(&mut transaction, &batch.days, bind_day).await.map_err(during("write days of rules"))?;
    transaction.commit().await.map_err(during("commit a transaction"))
}

fn bind_gap(binding: Binding, row: &GapRow) -> Binding {
    let GapRow { scope, reason, from, to, evidence } = row.clone();
    binding.bind(scope).bind(reason).bind(from.micros()).bind(to.map(Time::micros)).bind(evidence)
}

fn bind_rule(binding: Binding, row: &RuleRow) -> Binding {
    let RuleRow { point, alarm, from, to, kind, park, enterprise, installation, body } = row.clone();
    let place = binding.bind(point).bind(alarm).bind(from.micros()).bind(to.map(Time::micros)).bind(kind);
    place.bind(park).bind(enterprise).bind(installation).bind(body)
}

fn bind_day(binding: Binding, row: &RuleDayRow) -> Binding {
    let RuleDayRow { day, point, alarm, park, enterprise, in_force, supervised, reasons } = row.clone();
    let place = binding.bind(day.micros()).bind(point).bind(alarm).bind(park).bind(enterprise);
    place.bind(in_force.micros()).bind(supervised.micros()).bind(reasons::encode(&reasons))
}

/// Position and state of a fold.
pub(super) async fn state(connection: &mut SqliteConnection, key: &str) -> Result<Option<(Position, Vec<u8>)>, StoreError> {
    let sql = "select position, state from supervision_state join progress on journal = key where key = ?";
    let found = query(sql).bind(key.to_owned()).fetch_optional(connection).await;
    let found = found.map_err(during("read a state of the supervision record"))?;
    found.map(|row| Ok((position(&row, 0)?, column(&row, 1)?))).transpose()
}

/// Gaps by scope, reason and start.
pub(super) async fn gaps(connection: &mut SqliteConnection, wanted: &GapQuery) -> Result<Vec<GapRow>, StoreError> {
    let mut sql = QueryBuilder::new("select scope, reason, from_us, to_us, evidence from gaps where from_us < ");
    sql.push_bind(wanted.to.micros()).push(" and (to_us is null or to_us > ").push_bind(wanted.from.micros()).push(")");
    push_lists(&mut sql, &[("scope", &wanted.scopes)])?;
    sql.push(" order by scope, reason, from_us limit ").push_bind(page());
    let found = sql.build().persistent(false).fetch_all(connection).await.map_err(during("read gaps"))?;
    found.iter().map(gap).collect()
}

/// Rules by point, alarm and start.
pub(super) async fn rules(connection: &mut SqliteConnection, wanted: &RuleQuery) -> Result<Vec<RuleRow>, StoreError> {
    let mut sql = QueryBuilder::new(
        "select point, alarm, from_us, to_us, kind, park, enterprise, installation, body from rules where from_us < ",
    );
    sql.push_bind(wanted.to.micros()).push(" and (to_us is null or to_us > ").push_bind(wanted.from.micros()).push(")");
    push_filter(&mut sql, wanted)?;
    sql.push(" order by point, alarm, from_us limit ").push_bind(page());
    let found = sql.build().persistent(false).fetch_all(connection).await.map_err(during("read rules"))?;
    found.iter().map(rule).collect()
}

/// Days of rules by day, point and alarm.
pub(super) async fn rule_days(connection: &mut SqliteConnection, wanted: &RuleQuery) -> Result<Vec<RuleDayRow>, StoreError> {
    let mut sql = QueryBuilder::new(
        "select day, point, alarm, park, enterprise, in_force_us, supervised_us, reasons from rule_days where day >= ",
    );
    sql.push_bind(wanted.from.micros()).push(" and day < ").push_bind(wanted.to.micros());
    push_filter(&mut sql, wanted)?;
    sql.push(" order by day, point, alarm limit ").push_bind(page());
    let found = sql.build().persistent(false).fetch_all(connection).await.map_err(during("read days of rules"))?;
    found.iter().map(day).collect()
}

fn push_filter(sql: &mut QueryBuilder<Sqlite>, wanted: &RuleQuery) -> Result<(), StoreError> {
    let RuleQuery { points, alarms, enterprises, parks, .. } = wanted;
    push_lists(sql, &[("point", points), ("alarm", alarms), ("enterprise", enterprises), ("park", parks)])
}

fn push_lists(sql: &mut QueryBuilder<Sqlite>, lists: &[(&'static str, &[String])]) -> Result<(), StoreError> {
    let total: usize = lists.iter().map(|(_, list)| list.len()).sum();
    for (field, list) in lists {
        if list.len() > MAX_FILTER_TERMS || total > MAX_TERMS {
            return Err(StoreError::InvalidInput { field, reason: "at most 10000 are allowed, and 30000 of all lists" });
        }
        if list.is_empty() {
            continue;
        }
        sql.push(format_args!(" and {field} in ("));
        let mut terms = sql.separated(",");
        for term in *list {
            terms.push_bind(term.clone());
        }
        sql.push(")");
    }
    Ok(())
}

const fn page() -> i64 {
    MAX_PAGE.cast_signed() as i64
}

fn end(row: &SqliteRow, index: usize) -> Result<Option<Time>, StoreError> {
    Ok(column::<Option<i64>>(row, index)?.map(Time::from_micros))
}

fn span(row: &SqliteRow, index: usize) -> Result<Span, StoreError> {
    column(row, index).map(Span::from_micros)
}

fn gap(row: &SqliteRow) -> Result<GapRow, StoreError> {
    Ok(GapRow {
        scope: column(row, 0)?,
        reason: column(row, 1)?,
        from: time(row, 2)?,
        to: end(row, 3)?,
        evidence: column(row, 4)?,
    })
}

fn rule(row: &SqliteRow) -> Result<RuleRow, StoreError> {
    Ok(RuleRow {
        point: column(row, 0)?,
        alarm: column(row, 1)?,
        from: time(row, 2)?,
        to: end(row, 3)?,
        kind: column(row, 4)?,
        park: column(row, 5)?,
        enterprise: column(row, 6)?,
        installation: column(row, 7)?,
        body: column(row, 8)?,
    })
}

fn day(row: &SqliteRow) -> Result<RuleDayRow, StoreError> {
    let stored: Vec<u8> = column(row, 7)?;
    Ok(RuleDayRow {
        day: time(row, 0)?,
        point: column(row, 1)?,
        alarm: column(row, 2)?,
        park: column(row, 3)?,
        enterprise: column(row, 4)?,
        in_force: span(row, 5)?,
        supervised: span(row, 6)?,
        reasons: reasons::decode(&stored).ok_or(BrokenReasons).map_err(corrupt("read a day of a rule"))?,
    })
}
