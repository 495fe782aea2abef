//! How wide the pieces of `samples` are, and on plain PostgreSQL that there is one before its first row comes.
//!
//! A piece is open for its width and a while: what queries and packing have to do with it grows with its rows. So the width follows the
//! rate, from ten minutes to a day, for about `ROWS` rows a piece; the settings may say another (traps 64).

use model::{Span, Time};
use sqlx::postgres::PgConnection;
use sqlx::query;

use super::errors::during;
use super::{Layout, column, pieces};
use crate::{Policy, StoreError, Upkeep};

/// Rows of a piece, about: some 2 GB that are still open.
const ROWS: i64 = 30_000_000;

/// What a row takes in an open piece, bytes.
const ROW_BYTES: i64 = 62;

const MINUTE: i64 = 60_000_000;

/// The widths there are, microseconds: each divides the next, so that pieces of both fit side by side.
const WIDTHS: [i64; 6] = [10 * MINUTE, 30 * MINUTE, 60 * MINUTE, 180 * MINUTE, 720 * MINUTE, 1_440 * MINUTE];

/// A piece must have been open for so long before its rate is believed.
const OPEN_FOR: i64 = 5 * MINUTE;

/// Sets the width of the pieces to come, and makes the next ones where rows come.
pub(super) async fn follow(
    connection: &mut PgConnection,
    layout: Layout,
    policy: &Policy,
    now: Time,
    upkeep: &mut Upkeep,
) -> Result<(), StoreError> {
    let row = query("select width from history_settings").fetch_one(&mut *connection).await;
    let width: i64 = column(&row.map_err(during("read the settings"))?, 0)?;
    let wanted = match policy.chunk {
        Some(chunk) => Some(chunk.micros().max(MINUTE)),
        None => of_rate(connection, layout, now).await?,
    };
    let width = match wanted {
        Some(wanted) if wanted != width => {
            set(connection, layout, wanted).await?;
            upkeep.done.push(format!("pieces of samples are {} minutes wide from now on", wanted / MINUTE));
            wanted
        }
        _ => width,
    };
    if layout == Layout::Plain { ahead(connection, width, now).await } else { Ok(()) }
}

/// The width that fits what comes into the piece of this moment; none where that says nothing.
async fn of_rate(connection: &mut PgConnection, layout: Layout, now: Time) -> Result<Option<i64>, StoreError> {
    let sql = match layout {
        Layout::Plain => {
            "select lo, pg_relation_size(name::regclass) from pieces where state = 'open' and lo <= $1 and hi > $1 order by lo desc limit 1"
        }
        Layout::Apache | Layout::Community => {
            "select (extract(epoch from range_start) * 1000000)::int8, \
                 pg_relation_size(format('%I.%I', chunk_schema, chunk_name)::regclass) from timescaledb_information.chunks \
             where hypertable_name = 'samples' and hypertable_schema = current_schema() and not is_compressed \
                 and range_start <= to_timestamp($1 / 1000000.0) and range_end > to_timestamp($1 / 1000000.0) limit 1"
        }
    };
    let found = query(sql).bind(now.micros()).fetch_optional(connection).await.map_err(during("measure a piece of samples"))?;
    let Some(row) = found else { return Ok(None) };
    let (lo, bytes): (i64, i64) = (column(&row, 0)?, column(&row, 1)?);
    Ok(fitting(now.micros() - lo, bytes / ROW_BYTES))
}

/// The widest that holds no more than `ROWS` at this rate.
fn fitting(open_for: i64, rows: i64) -> Option<i64> {
    if open_for < OPEN_FOR || rows == 0 {
        return None;
    }
    let holds = |width: &&i64| i128::from(**width) * i128::from(rows) <= i128::from(ROWS) * i128::from(open_for);
    Some(*WIDTHS.iter().rev().find(holds).unwrap_or(&WIDTHS[0]))
}

async fn set(connection: &mut PgConnection, layout: Layout, width: i64) -> Result<(), StoreError> {
    let doing = || during("set the width of pieces");
    if layout != Layout::Plain {
        let sql = query("select set_chunk_time_interval('samples', $1 * interval '1 microsecond')").bind(width);
        sql.execute(&mut *connection).await.map_err(doing())?;
    }
    query("update history_settings set width = $1").bind(width).execute(connection).await.map(drop).map_err(doing())
}

/// The piece of this moment and the next one, where rows came lately.
async fn ahead(connection: &mut PgConnection, width: i64, now: Time) -> Result<(), StoreError> {
    let lately = now.plus(Span::from_micros(-2 * width)).micros();
    let row = query("select count(*), max(hi) from pieces where hi > $1").bind(lately).fetch_one(&mut *connection).await;
    let row = row.map_err(during("look for pieces"))?;
    let start = now.micros().div_euclid(width) * width;
    let there = column::<Option<i64>>(&row, 1)?.is_some_and(|hi| hi >= start.saturating_add(2 * width));
    if column::<i64>(&row, 0)? == 0 || there {
        return Ok(());
    }
    pieces::make(connection, &[start, start + width], width).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_piece_holds_about_so_many_rows() {
        let of = |rows_per_s: i64| fitting(60 * MINUTE, rows_per_s * 3_600).map(|width| width / MINUTE);
        assert_eq!(of(1), Some(1_440));
        assert_eq!(of(1_000), Some(180));
        assert_eq!(of(10_000), Some(30));
        assert_eq!(of(100_000), Some(10), "never less");
        assert_eq!(fitting(MINUTE, 1_000_000), None, "too soon to say");
        assert_eq!(fitting(60 * MINUTE, 0), None);
    }
}
