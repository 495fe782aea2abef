//! Retention: what is older than the policy says goes, pieces of samples as a whole and rows of other tables a bounded number at a time.
//!
//! Samples go by the time they are of, after the figures have seen them (traps 67): nothing is dropped that a minute not yet worked out,
//! or marked, might still be held from. A piece that a legal hold touches stays as a whole.

use model::{Span, Time};
use sqlx::postgres::{PgConnection, Postgres};
use sqlx::query::Query;
use sqlx::{AssertSqlSafe, Connection, query};

use super::connect::Lane;
use super::errors::{during, said};
use super::events::recorded_before;
use super::pieces::{self, Direction, timestamp};
use super::rows::USUAL;
use super::{Layout, column, ground, kept};
use crate::civil::minute;
use crate::figures::{Grid, KEPT_FROM};
use crate::policy::{deletable, outside};
use crate::{Policy, Resolution, StoreError, Upkeep};

/// Pieces that a step drops.
const PIECES: usize = 16;

/// Rows of one table that a step deletes.
const ROWS: i64 = 50_000;

/// How long dropping a piece may wait for those who read it, and make others wait behind it.
const LOCK_TIMEOUT: &str = "set local lock_timeout = '500ms'";

const LOCK_NOT_AVAILABLE: &str = "55P03";

/// The first number of `refused_letters`: dead letters of rows that this database refused, which no position of a journal reaches.
const REFUSED_FROM: i64 = 1 << 62;

type Deletion = Query<'static, Postgres, sqlx::postgres::PgArguments>;

/// One step: a piece of each.
pub(super) async fn step(
    lane: &mut Lane,
    layout: Layout,
    policy: &Policy,
    now: Time,
    upkeep: &mut Upkeep,
) -> Result<(), StoreError> {
    let ago = |span: Span| now.plus(Span::from_micros(span.micros().saturating_neg()));
    let seen_to = ground::seen_to(lane).await?;
    samples(lane, layout, policy, ago(policy.raw).min(seen_to), upkeep).await?;
    strange(lane, policy, ago(policy.raw), seen_to, upkeep).await?;
    // Queries take minutes to be there where raw samples are.
    figures(lane, policy, ago(policy.minutes.max(policy.raw)), upkeep).await?;
    events(lane, policy, ago(policy.events), upkeep).await?;
    let before = ago(policy.events).micros();
    let raised = outside(policy, "coalesce(raised_at, closed_at)", "closed_at");
    let closed = format!("closed_at < {before} and coalesce(recorded_at, closed_at) < {before}{raised}");
    rows(lane, ("occurrences", "id"), &closed, "alarms closed", upkeep).await?;
    let gaps = format!("to_us < {before}{}", outside(policy, "from_us", "to_us"));
    rows(lane, ("gaps", "scope, reason, from_us"), &gaps, "gaps of the supervision record", upkeep).await?;
    let rules = format!("to_us < {before}{}", outside(policy, "from_us", "to_us"));
    rows(lane, ("rules", "point, alarm, from_us"), &rules, "rules that are gone", upkeep).await?;
    let days = format!("day < {before}{}", outside(policy, "day", "day + 86399999999"));
    rows(lane, ("rule_days", "day, point, alarm"), &days, "days of the supervision record", upkeep).await?;
    // Those from the journal go with its ring; these are from here.
    let refused = format!("position >= {REFUSED_FROM} and at < {before}{}", outside(policy, "at", "at"));
    rows(lane, ("dead_letters", "position"), &refused, "rows that the database had refused", upkeep).await.map(drop)
}

/// Drops pieces that lie in what may be deleted.
async fn samples(lane: &mut Lane, layout: Layout, policy: &Policy, before: Time, upkeep: &mut Upkeep) -> Result<(), StoreError> {
    for (from, to) in deletable(policy, before) {
        let (from, to) = (from.micros().max(USUAL.start), to.micros().min(USUAL.end));
        if from >= to {
            continue;
        }
        let list = pieces::list(lane, layout, (from, to), Direction::Forwards).await?;
        let whole: Vec<_> = list.into_iter().filter(|piece| piece.lo >= from && piece.hi <= to).collect();
        for piece in whole.iter().take(PIECES) {
            if drop_piece(lane, layout, (piece.lo, piece.hi)).await? {
                let (first, end) = (minute(Time::from_micros(piece.lo)), minute(Time::from_micros(piece.hi)));
                upkeep.done.push(format!("deleted raw samples of {first} to {end}"));
            }
        }
        if !whole.is_empty() {
            upkeep.more |= whole.len() > PIECES;
            return Ok(());
        }
    }
    Ok(())
}

/// Drops one piece, or leaves it for the next step where somebody reads it for long.
async fn drop_piece(connection: &mut PgConnection, layout: Layout, (lo, hi): (i64, i64)) -> Result<bool, StoreError> {
    let doing = || during("drop old samples");
    let mut transaction = connection.begin().await.map_err(doing())?;
    sqlx::raw_sql(LOCK_TIMEOUT).execute(&mut *transaction).await.map_err(doing())?;
    let moved = query("update figures_state set raw_from = greatest(raw_from, $1)").bind(hi);
    moved.execute(&mut *transaction).await.map_err(doing())?;
    let sql = match layout {
        Layout::Plain => {
            let row = query("select name from pieces where lo = $1 for update").bind(lo).fetch_one(&mut *transaction).await;
            let name: String = column(&row.map_err(doing())?, 0)?;
            format!(
                "alter table samples detach partition {name}; drop table {name}; drop table if exists {name}_p; \
                 delete from pieces where lo = {lo}"
            )
        }
        Layout::Apache | Layout::Community => {
            format!("select drop_chunks('samples', older_than => {}, newer_than => {})", timestamp(hi), timestamp(lo))
        }
    };
    match sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut *transaction).await.map_err(doing()) {
        Ok(_) => transaction.commit().await.map(|()| true).map_err(doing()),
        Err(error) if said(&error).is_some_and(|said| said.code() == LOCK_NOT_AVAILABLE) => {
            transaction.rollback().await.map(|()| false).map_err(doing())
        }
        Err(error) => Err(error),
    }
}

/// Scattered ones go by their time as those of pieces do, those of impossible times by when they were recorded (traps 65).
async fn strange(
    connection: &mut PgConnection,
    policy: &Policy,
    before: Time,
    seen_to: Time,
    upkeep: &mut Upkeep,
) -> Result<(), StoreError> {
    let (usual, end) = (USUAL.start, USUAL.end);
    let impossible = format!("(ts < {usual} or ts >= {end}) and recorded_at < {}", before.micros());
    rows(connection, ("samples_strange", "ts, point"), &impossible, "raw samples of impossible times", upkeep).await?;
    let scattered = format!("ts >= {usual} and ts < {}{}", before.min(seen_to).micros(), outside(policy, "ts", "ts"));
    rows(connection, ("samples_strange", "ts, point"), &scattered, "scattered raw samples", upkeep).await.map(drop)
}

async fn figures(connection: &mut PgConnection, policy: &Policy, before: Time, upkeep: &mut Upkeep) -> Result<(), StoreError> {
    let state = kept::state(connection).await?;
    // Whole hours, so that an hour has all of its minutes or is not worked out anew.
    let hours = Grid::aligned(Resolution::Hour.width());
    for (from, to) in deletable(policy, hours.floor(before.min(state.done_to))) {
        let (from, to) = (hours.ceil(from.max(KEPT_FROM)), hours.floor(to));
        let sql = query("select min(start) from figures_1m where start >= $1 and start < $2").bind(from.micros());
        let row = sql.bind(to.micros()).fetch_one(&mut *connection).await.map_err(during("look for old figures"))?;
        let Some(oldest) = column::<Option<i64>>(&row, 0)? else { continue };
        let sql = "delete from figures_1m f using (select point, start from figures_1m where start >= $1 and start < $2 \
                       order by start limit $3) g where f.point = g.point and f.start = g.start";
        let deletion = query(sql).bind(oldest).bind(to.micros()).bind(ROWS);
        let moved = query("update figures_state set minutes_from = greatest(minutes_from, $1)").bind(to.micros());
        let deleted = delete(connection, deletion, Some(moved)).await?;
        upkeep.more |= deleted == ROWS;
        let since = minute(Time::from_micros(oldest));
        upkeep.done.push(format!("deleted figures of minutes since {since} and before {}: {deleted} rows", minute(to)));
        return Ok(());
    }
    Ok(())
}

/// Neither the time of the record nor that of what happened may lie in a legal hold.
async fn events(connection: &mut PgConnection, policy: &Policy, before: Time, upkeep: &mut Upkeep) -> Result<(), StoreError> {
    for (from, to) in deletable(policy, before) {
        let first = recorded_before(connection, from).await?.0.cast_signed();
        let last = recorded_before(connection, to).await?.0.cast_signed();
        let which = format!("position > {first} and position <= {last}{}", outside(policy, "occurred_at", "occurred_at"));
        if rows(connection, ("events", "position, ordinal"), &which, "events", upkeep).await? {
            return Ok(());
        }
    }
    Ok(())
}

/// Deletes some rows of a table by its key, and says how many; whether there were any.
async fn rows(
    connection: &mut PgConnection,
    (table, key): (&str, &str),
    which: &str,
    what: &str,
    upkeep: &mut Upkeep,
) -> Result<bool, StoreError> {
    let sql =
        format!("delete from {table} where ({key}) in (select {key} from {table} where {which} order by {key} limit {ROWS})");
    let deleted = delete(connection, query(AssertSqlSafe(sql)).persistent(false), None).await?;
    upkeep.more |= deleted == ROWS;
    if deleted > 0 {
        upkeep.done.push(format!("deleted {what}, older than the policy says: {deleted} rows"));
    }
    Ok(deleted > 0)
}

async fn delete(connection: &mut PgConnection, deletion: Deletion, moved: Option<Deletion>) -> Result<i64, StoreError> {
    let doing = || during("delete what is older than the policy says");
    let mut transaction = connection.begin().await.map_err(doing())?;
    if let Some(moved) = moved {
        moved.execute(&mut *transaction).await.map_err(doing())?;
    }
    let deleted = deletion.execute(&mut *transaction).await.map_err(doing())?.rows_affected();
    transaction.commit().await.map_err(doing())?;
    Ok(deleted.cast_signed())
}
