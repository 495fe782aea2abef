//! Retention: what is older than the policy says goes, a bounded piece at a time and never while the writer waits for long.
//!
//! Raw samples go by the time they are of, after the figures have seen them (traps 67): nothing is deleted that a minute not yet worked
//! out, or marked, might still be held from. Those whose time no calendar of a plant holds go by the time they were recorded (traps 65).
//! Freed pages are used again by what is written next, so the file is never made smaller: that would write all of it anew.

use model::{Span, Time};
use sqlx::query::Query;
use sqlx::sqlite::{Sqlite, SqliteArguments, SqliteConnection};
use sqlx::{AssertSqlSafe, Connection, query};

use super::errors::during;
use super::events::recorded_before;
use super::kept;
use super::write::{BUCKET_US, bucket};
use super::{SqliteStore, column};
use crate::civil::minute;
use crate::figures::{Grid, KEPT_FROM, KEPT_TO};
use crate::policy::{deletable, outside};
use crate::upkeep::State;
use crate::{Policy, Resolution, StoreError, Upkeep};

/// Most rows of one table that a step deletes: some 50 ms of the writer.
const DELETE_MAX: i64 = 20_000;

/// Most events or occurrences: their rows are larger and have more indexes.
const DELETE_EVENTS_MAX: i64 = 5_000;

pub(super) const DELETE_SAMPLES: &str = "delete from samples where (bucket, point, ts) in \
     (select bucket, point, ts from samples where bucket between ?1 and ?2 order by bucket, point, ts limit ?3)";

/// Only the first so many are looked at: the rest waits behind them.
pub(super) const DELETE_STRANGE: &str = "delete from samples where (bucket, point, ts) in \
     (select bucket, point, ts from (select bucket, point, ts, recorded_at from samples \
        where bucket between ?1 and ?2 order by bucket, point, ts limit ?3) where recorded_at < ?4)";

pub(super) const DELETE_MINUTES: &str = "delete from figures_1m where (start, point) in \
     (select start, point from figures_1m where start >= ?1 and start < ?2 order by start, point limit ?3)";

type Deletion = Query<'static, Sqlite, SqliteArguments>;

/// One step: a piece of each.
pub(super) async fn step(
    store: &SqliteStore,
    reader: &mut SqliteConnection,
    policy: &Policy,
    now: Time,
    upkeep: &mut Upkeep,
) -> Result<(), StoreError> {
    let ago = |span: Span| now.plus(Span::from_micros(span.micros().saturating_neg()));
    let state = kept::state(reader).await?;
    samples(store, reader, policy, (ago(policy.raw), state), upkeep).await?;
    strange(store, reader, ago(policy.raw), upkeep).await?;
    // Queries take minutes to be there where raw samples are.
    figures(store, reader, policy, (ago(policy.minutes.max(policy.raw)), state), upkeep).await?;
    events(store, reader, policy, ago(policy.events), upkeep).await?;
    occurrences(store, reader, policy, ago(policy.events), upkeep).await?;
    record(store, reader, policy, ago(policy.events), upkeep).await
}

/// Deletes from the first stretch that has something, and says how much.
async fn delete(store: &SqliteStore, deletion: Deletion, moved: Option<(&'static str, Time)>) -> Result<i64, StoreError> {
    let doing = || during("delete what is older than the policy says");
    let mut connection = store.writer.acquire().await.map_err(during("reach the database"))?;
    let deleted = async {
        let mut transaction = connection.begin_with("begin immediate").await.map_err(doing())?;
        if let Some((sql, time)) = moved {
            query(sql).bind(time.micros()).execute(&mut *transaction).await.map_err(doing())?;
        }
        let deleted = deletion.execute(&mut *transaction).await.map_err(doing())?.rows_affected();
        transaction.commit().await.map_err(doing())?;
        Ok(deleted.cast_signed())
    }
    .await;
    if deleted.is_err() {
        // As after any failed write.
        connection.close_on_drop();
    }
    deleted
}

async fn samples(
    store: &SqliteStore,
    reader: &mut SqliteConnection,
    policy: &Policy,
    (before, state): (Time, State),
    upkeep: &mut Upkeep,
) -> Result<(), StoreError> {
    let sql = "select (select max(hold) from points), (select min(minute) from dirty_minutes)";
    let found = query(sql).fetch_one(&mut *reader).await.map_err(during("look for late samples"))?;
    let longest = column::<Option<i64>>(&found, 0)?.unwrap_or(0);
    let needed = column::<Option<i64>>(&found, 1)?.map_or(Time::MAX, Time::from_micros).min(state.done_to);
    let before = before.min(needed.plus(Span::from_micros(longest.saturating_neg())));
    for (from, to) in deletable(policy, before) {
        // Whole buckets only.
        let (first, end) = (bucket(from.max(KEPT_FROM).micros().saturating_add(BUCKET_US - 1)), bucket(to.micros()));
        let sql = query("select min(bucket) from samples where bucket between ? and ?").bind(first).bind(end.saturating_sub(1));
        let found = sql.fetch_one(&mut *reader).await.map_err(during("look for old samples"))?;
        let Some(oldest) = column::<Option<i64>>(&found, 0)? else { continue };
        let deletion = query(DELETE_SAMPLES).bind(oldest).bind(end.saturating_sub(1)).bind(DELETE_MAX);
        let end = Time::from_micros(end.saturating_mul(BUCKET_US));
        let moved = "update figures_state set raw_from = max(raw_from, ?)";
        let deleted = delete(store, deletion, Some((moved, end))).await?;
        upkeep.more |= deleted == DELETE_MAX;
        let since = minute(Time::from_micros(oldest.saturating_mul(BUCKET_US)));
        upkeep.done.push(format!("deleted raw samples since {since} and before {}: {deleted} rows", minute(end)));
        return Ok(());
    }
    Ok(())
}

async fn strange(
    store: &SqliteStore,
    reader: &mut SqliteConnection,
    before: Time,
    upkeep: &mut Upkeep,
) -> Result<(), StoreError> {
    let ends = [(i64::MIN, bucket(KEPT_FROM.micros()) - 1), (bucket(KEPT_TO.micros()), i64::MAX)];
    for (first, last) in ends {
        let sql = "select 1 from (select recorded_at from samples where bucket between ? and ? order by bucket, point, ts limit ?) \
                   where recorded_at < ?";
        let found = query(sql).bind(first).bind(last).bind(DELETE_MAX).bind(before.micros()).fetch_optional(&mut *reader).await;
        if found.map_err(during("look for old samples"))?.is_some() {
            let deletion = query(DELETE_STRANGE).bind(first).bind(last).bind(DELETE_MAX).bind(before.micros());
            let deleted = delete(store, deletion, None).await?;
            upkeep.more |= deleted == DELETE_MAX;
            upkeep
                .done
                .push(format!("deleted raw samples of impossible times, recorded before {}: {deleted} rows", minute(before)));
        }
    }
    Ok(())
}

async fn figures(
    store: &SqliteStore,
    reader: &mut SqliteConnection,
    policy: &Policy,
    (before, state): (Time, State),
    upkeep: &mut Upkeep,
) -> Result<(), StoreError> {
    // Whole hours, so that an hour has all of its minutes or is not worked out anew.
    let hours = Grid::aligned(Resolution::Hour.width());
    for (from, to) in deletable(policy, hours.floor(before.min(state.done_to))) {
        let (from, to) = (hours.ceil(from.max(KEPT_FROM)), hours.floor(to));
        let sql = query("select min(start) from figures_1m where start >= ? and start < ?").bind(from.micros()).bind(to.micros());
        let found = sql.fetch_one(&mut *reader).await.map_err(during("look for old figures"))?;
        let Some(oldest) = column::<Option<i64>>(&found, 0)? else { continue };
        let deletion = query(DELETE_MINUTES).bind(oldest).bind(to.micros()).bind(DELETE_MAX);
        let moved = "update figures_state set minutes_from = max(minutes_from, ?)";
        let deleted = delete(store, deletion, Some((moved, to))).await?;
        upkeep.more |= deleted == DELETE_MAX;
        let since = minute(Time::from_micros(oldest));
        upkeep.done.push(format!("deleted figures of minutes since {since} and before {}: {deleted} rows", minute(to)));
        return Ok(());
    }
    Ok(())
}

/// Neither the time of the record nor that of what happened may lie in a legal hold.
async fn events(
    store: &SqliteStore,
    reader: &mut SqliteConnection,
    policy: &Policy,
    before: Time,
    upkeep: &mut Upkeep,
) -> Result<(), StoreError> {
    for (from, to) in deletable(policy, before) {
        let first = recorded_before(reader, from).await?.0.cast_signed();
        let last = recorded_before(reader, to).await?.0.cast_signed();
        let which = format!("position > ?1 and position <= ?2{}", outside(policy, "occurred_at", "occurred_at"));
        let some = format!("select 1 from events where {which} limit 1");
        let some = query(AssertSqlSafe(some)).persistent(false).bind(first).bind(last).fetch_optional(&mut *reader).await;
        if some.map_err(during("look for old events"))?.is_none() {
            continue;
        }
        let sql = format!(
            "delete from events where (position, ordinal) in \
                (select position, ordinal from events where {which} order by position, ordinal limit ?3)"
        );
        let deletion = query(AssertSqlSafe(sql)).persistent(false).bind(first).bind(last).bind(DELETE_EVENTS_MAX);
        let deleted = delete(store, deletion, None).await?;
        upkeep.more |= deleted == DELETE_EVENTS_MAX;
        upkeep.done.push(format!("deleted events recorded before {}: {deleted} rows", minute(to)));
        return Ok(());
    }
    Ok(())
}

/// Those that are open stay, however old.
async fn occurrences(
    store: &SqliteStore,
    reader: &mut SqliteConnection,
    policy: &Policy,
    before: Time,
    upkeep: &mut Upkeep,
) -> Result<(), StoreError> {
    let which = format!("closed_at < ?1 and coalesce(recorded_at, closed_at) < ?1{}", outside(policy, "raised_at", "closed_at"));
    let some = format!("select 1 from occurrences where {which} limit 1");
    let some = query(AssertSqlSafe(some)).persistent(false).bind(before.micros()).fetch_optional(&mut *reader).await;
    if some.map_err(during("look for old occurrences"))?.is_none() {
        return Ok(());
    }
    let sql = format!("delete from occurrences where id in (select id from occurrences where {which} limit ?2)");
    let deletion = query(AssertSqlSafe(sql)).persistent(false).bind(before.micros()).bind(DELETE_EVENTS_MAX);
    let deleted = delete(store, deletion, None).await?;
    upkeep.more |= deleted == DELETE_EVENTS_MAX;
    upkeep.done.push(format!("deleted alarms closed before {}: {deleted} rows", minute(before)));
    Ok(())
}

/// The supervision record: what has ended, and days that are over.
async fn record(
    store: &SqliteStore,
    reader: &mut SqliteConnection,
    policy: &Policy,
    before: Time,
    upkeep: &mut Upkeep,
) -> Result<(), StoreError> {
    let tables = [
        ("gaps", "scope, reason, from_us", "from_us", "to_us", "to_us"),
        ("rules", "point, alarm, from_us", "from_us", "to_us", "to_us"),
        ("rule_days", "day, point, alarm", "day", "day + 86399999999", "day"),
    ];
    for (table, key, from, to, by) in tables {
        let which = format!("{by} < ?1{}", outside(policy, from, to));
        let some = format!("select 1 from {table} where {which} limit 1");
        let some = query(AssertSqlSafe(some)).persistent(false).bind(before.micros()).fetch_optional(&mut *reader).await;
        if some.map_err(during("look for old parts of the supervision record"))?.is_none() {
            continue;
        }
        let sql = format!("delete from {table} where ({key}) in (select {key} from {table} where {which} limit ?2)");
        let deletion = query(AssertSqlSafe(sql)).persistent(false).bind(before.micros()).bind(DELETE_EVENTS_MAX);
        let deleted = delete(store, deletion, None).await?;
        upkeep.more |= deleted == DELETE_EVENTS_MAX;
        upkeep.done.push(format!("deleted {table} of the supervision record, before {}: {deleted} rows", minute(before)));
    }
    Ok(())
}
