//! Packing: a piece to which no rows come any more is ordered by point, so that a curve is read from neighbouring blocks.
//!
//! Plain PostgreSQL: the rows that stand are copied, sorted, into a table of its own, which then takes the piece's place in a short
//! transaction. Rows that come meanwhile go to the old table, and say so (`touched`): the copy is then thrown away and made again later.
//! Apache edition: the chunk gets an index by point; its rows stay where they are. Community edition: its own columnstore.
//! Limits: a step packs one piece; nobody waits for a lock of it for longer than `LOCK_TIMEOUT`.

use model::{Span, Time};
use sqlx::postgres::PgConnection;
use sqlx::{AssertSqlSafe, Connection, query};

use super::copy::COLUMNS;
use super::errors::{during, said};
use super::pieces::timestamp;
use super::{Layout, column};
use crate::civil::minute;
use crate::{Policy, StoreError, Upkeep};

/// How long the exchange of two tables may wait for those who read or write them, and make others wait behind it.
const LOCK_TIMEOUT: &str = "set local lock_timeout = '500ms'";

/// SQLSTATE of a lock that was not to be had in time.
const LOCK_NOT_AVAILABLE: &str = "55P03";

/// How long after late rows came a piece is left alone.
const QUIET: Span = Span::from_secs(600);

/// One piece, where one is due.
pub(super) async fn step(
    connection: &mut PgConnection,
    layout: Layout,
    policy: &Policy,
    now: Time,
    upkeep: &mut Upkeep,
) -> Result<(), StoreError> {
    let before = now.plus(Span::from_micros(policy.pack_after.micros().saturating_neg()));
    match layout {
        Layout::Plain => plain(connection, before, now, upkeep).await,
        Layout::Apache | Layout::Community => chunk(connection, layout, before, upkeep).await,
    }
}

/// A piece that is to be packed.
struct Piece {
    lo: i64,
    hi: i64,
    name: String,
}

async fn plain(connection: &mut PgConnection, before: Time, now: Time, upkeep: &mut Upkeep) -> Result<(), StoreError> {
    let sql = "select lo, hi, name from pieces where state <> 'packed' and hi <= $1 and not_before <= $2 order by lo limit 1";
    let found = query(sql).bind(before.micros()).bind(now.micros()).fetch_optional(&mut *connection).await;
    let Some(row) = found.map_err(during("look for pieces to pack"))? else { return Ok(()) };
    let piece = Piece { lo: column(&row, 0)?, hi: column(&row, 1)?, name: column(&row, 2)? };
    let bytes = size(connection, &piece.name).await?;
    let rows = copy(connection, &piece).await?;
    let packed = size(connection, &format!("{}_p", piece.name)).await?;
    if exchange(connection, &piece, now).await? {
        upkeep.more = true;
        upkeep.done.push(line(piece.lo, piece.hi, &format!("{rows} rows"), bytes, packed));
    }
    Ok(())
}

/// `packed samples of 2026-11-28 10:00 to 2026-11-28 10:10: 600000 rows, 36 MB to 33 MB`
fn line(lo: i64, hi: i64, what: &str, before: i64, after: i64) -> String {
    let (from, to) = (minute(Time::from_micros(lo)), minute(Time::from_micros(hi)));
    format!("packed samples of {from} to {to}: {what}, {} MB to {} MB", before.div_euclid(1_000_000), after.div_euclid(1_000_000))
}

async fn size(connection: &mut PgConnection, table: &str) -> Result<i64, StoreError> {
    let sql = query("select pg_total_relation_size($1::text::regclass)").bind(table.to_owned());
    let row = sql.fetch_one(connection).await.map_err(during("measure a piece of samples"))?;
    column(&row, 0)
}

/// Copies the rows that stand, by point and time; how many.
async fn copy(connection: &mut PgConnection, piece: &Piece) -> Result<u64, StoreError> {
    let doing = || during("pack samples");
    let Piece { lo, hi, name } = piece;
    // Waits for the writers that hold the piece as an open one: their rows are seen by the copy, and those of later ones are counted.
    let sql = query("update pieces set state = 'packing', seen = touched where lo = $1").bind(lo);
    sql.execute(&mut *connection).await.map_err(doing())?;
    let mut transaction = connection.begin().await.map_err(doing())?;
    // The check saves the exchange from reading all rows once more.
    let make = format!(
        "set local work_mem = '256MB'; set local maintenance_work_mem = '256MB'; drop table if exists {name}_p; \
         create table {name}_p (like samples, check (ts >= {} and ts < {}))",
        timestamp(*lo),
        timestamp(*hi)
    );
    sqlx::raw_sql(AssertSqlSafe(make)).execute(&mut *transaction).await.map_err(doing())?;
    let fill = format!(
        "insert into {name}_p ({COLUMNS}) select distinct on (point, ts) {COLUMNS} from {name} \
         order by point, ts, recorded_at desc, flags desc"
    );
    let rows = query(AssertSqlSafe(fill)).persistent(false).execute(&mut *transaction).await.map_err(doing())?.rows_affected();
    let index = format!("create index {name}_p_by_point on {name}_p (point, ts); analyze {name}_p");
    sqlx::raw_sql(AssertSqlSafe(index)).execute(&mut *transaction).await.map_err(doing())?;
    transaction.commit().await.map_err(doing())?;
    Ok(rows)
}

/// Puts the copy in the piece's place, unless rows came meanwhile or somebody holds the table: then it is tried again later.
async fn exchange(connection: &mut PgConnection, piece: &Piece, now: Time) -> Result<bool, StoreError> {
    let doing = || during("put a packed piece in its place");
    let Piece { lo, hi, name } = piece;
    let mut transaction = connection.begin().await.map_err(doing())?;
    sqlx::raw_sql(LOCK_TIMEOUT).execute(&mut *transaction).await.map_err(doing())?;
    let sql = query("select touched = seen from pieces where lo = $1 for update").bind(lo);
    let row = sql.fetch_one(&mut *transaction).await.map_err(doing())?;
    let swap = format!(
        "alter table samples detach partition {name}; drop table {name}; alter table {name}_p rename to {name}; \
         alter index {name}_p_by_point rename to {name}_by_point; \
         alter table samples attach partition {name} for values from ({}) to ({}); \
         update pieces set state = 'packed' where lo = {lo}",
        timestamp(*lo),
        timestamp(*hi)
    );
    if column(&row, 0)? {
        match sqlx::raw_sql(AssertSqlSafe(swap)).execute(&mut *transaction).await.map_err(doing()) {
            Ok(_) => return transaction.commit().await.map(|()| true).map_err(doing()),
            Err(error) if said(&error).is_some_and(|said| said.code() == LOCK_NOT_AVAILABLE) => {}
            Err(error) => return Err(error),
        }
    }
    transaction.rollback().await.map_err(doing())?;
    let later = now.plus(QUIET).micros();
    let back = format!("drop table if exists {name}_p; update pieces set state = 'open', not_before = {later} where lo = {lo}");
    sqlx::raw_sql(AssertSqlSafe(back)).execute(connection).await.map_err(doing())?;
    Ok(false)
}

/// A chunk of TimescaleDB.
async fn chunk(connection: &mut PgConnection, layout: Layout, before: Time, upkeep: &mut Upkeep) -> Result<(), StoreError> {
    let doing = || during("pack samples");
    let unpacked = if layout == Layout::Community {
        "not is_compressed"
    } else {
        "not exists (select from pg_index where indrelid = format('%I.%I', chunk_schema, chunk_name)::regclass \
             and indkey::text = (select attnum::text from pg_attribute where attrelid = indrelid and attname = 'point') || ' ' || \
                 (select attnum::text from pg_attribute where attrelid = indrelid and attname = 'ts'))"
    };
    let sql = format!(
        "select format('%I.%I', chunk_schema, chunk_name), (extract(epoch from range_start) * 1000000)::int8, \
             (extract(epoch from range_end) * 1000000)::int8 from timescaledb_information.chunks \
         where hypertable_name = 'samples' and hypertable_schema = current_schema() \
             and range_end <= {} and {unpacked} order by range_start limit 1",
        timestamp(before.micros())
    );
    let found = query(AssertSqlSafe(sql)).persistent(false).fetch_optional(&mut *connection).await.map_err(doing())?;
    let Some(row) = found else { return Ok(()) };
    let (name, lo, hi): (String, i64, i64) = (column(&row, 0)?, column(&row, 1)?, column(&row, 2)?);
    upkeep.more = true;
    if layout == Layout::Apache {
        let sql = format!("create index on {name} (point, ts)");
        sqlx::raw_sql(AssertSqlSafe(sql)).execute(connection).await.map_err(doing())?;
        let (from, to) = (minute(Time::from_micros(lo)), minute(Time::from_micros(hi)));
        upkeep.done.push(format!("samples of {from} to {to} have an index by point; packing them needs the community edition"));
        return Ok(());
    }
    let bytes = size(connection, &name).await?;
    let sql = query("select compress_chunk($1::text::regclass)::text").bind(name.clone());
    sql.execute(&mut *connection).await.map_err(doing())?;
    let sql = "select coalesce(sum(total_bytes), 0)::int8 from chunks_detailed_size('samples') \
               where format('%I.%I', chunk_schema, chunk_name) = $1";
    let row = query(sql).bind(name).fetch_one(connection).await.map_err(doing())?;
    upkeep.done.push(line(lo, hi, "into the columnstore", bytes, column(&row, 0)?));
    Ok(())
}
