//! The pieces that `samples` is cut into by time.
//!
//! TimescaleDB makes its chunks itself. On plain PostgreSQL they are partitions, made in a short transaction of their own: attaching one
//! takes a lock that would be held until the write commits. What writers and packing owe each other is said in `0101_plain.sql`.

use std::collections::BTreeMap;

use sqlx::postgres::{PgConnection, PgRow};
use sqlx::{AssertSqlSafe, Connection, query};

use super::errors::during;
use super::rows::{Stored, USUAL};
use super::{Layout, column};
use crate::StoreError;

/// Pieces that one write may touch: a gateway that fills in a year, one sample an hour, must not cut it into thousands (traps 64, 65).
pub(super) const SPREAD_MAX: usize = 64;

/// Bounds of pieces read at once.
pub(super) const LIST_MAX: i64 = 256;

/// Newest pieces whose indices are kept up to date; some of them are made ahead and empty.
const SUMMARIZED: i64 = 8;

/// The lock under which pieces are made; any number that nobody else takes.
const MAKE_LOCK: i64 = 0x6461_7679_0001;

/// One piece.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Piece {
    /// Inclusive, microseconds since 1970.
    pub(super) lo: i64,
    /// Exclusive.
    pub(super) hi: i64,
    /// The table of a piece with an index led by the point and none led by time.
    pub(super) by_point: Option<String>,
    /// Whether its rows are ordered by point, so that a look for a time of all points is dear.
    pub(super) is_packed: bool,
}

/// The windows of a width in which samples lie: start of the window, then the earliest and the latest time in it.
pub(super) type Windows = BTreeMap<i64, (i64, i64)>;

pub(super) fn windows(samples: &[Stored], width: i64) -> Windows {
    let mut windows = Windows::new();
    let mut last = None;
    for sample in samples {
        let ts = sample.row.time.micros();
        let start = ts.div_euclid(width) * width;
        // Neighbours mostly lie in the same window.
        let (first, latest) = match last {
            Some((at, ends)) if at == start => ends,
            _ => *windows.get(&start).unwrap_or(&(ts, ts)),
        };
        let ends = (ts.min(first), ts.max(latest));
        if last != Some((start, ends)) {
            windows.insert(start, ends);
            last = Some((start, ends));
        }
    }
    windows
}

/// Moves samples of all but the newest windows over to the strange ones where they are too many.
pub(super) fn limit_spread(windows: &mut Windows, samples: &mut Vec<Stored>, strange: &mut Vec<Stored>) {
    let Some(oldest) = windows.keys().rev().nth(SPREAD_MAX - 1).copied() else { return };
    *windows = windows.split_off(&oldest);
    let (kept, moved) = samples.drain(..).partition(|sample: &Stored| sample.row.time.micros() >= oldest);
    *samples = kept;
    strange.extend::<Vec<_>>(moved);
}

/// Holds the open pieces of the windows under a shared lock until the transaction ends; their bounds.
pub(super) async fn hold_open(connection: &mut PgConnection, windows: &Windows) -> Result<Vec<(i64, i64)>, StoreError> {
    let sql = "select p.lo, p.hi from pieces p join unnest($1::int8[], $2::int8[]) w (earliest, latest) \
               on p.lo <= w.latest and p.hi > w.earliest where p.state = 'open' order by p.lo for share of p";
    bounds(connection, sql, windows).await
}

/// Tells whoever packs the other pieces of the windows that rows come; their bounds.
pub(super) async fn touch_others(connection: &mut PgConnection, windows: &Windows) -> Result<Vec<(i64, i64)>, StoreError> {
    // Locked in their order first, so that two writers do not wait for each other in a circle.
    let sql = "with others as (select p.lo from pieces p join unnest($1::int8[], $2::int8[]) w (earliest, latest) \
                   on p.lo <= w.latest and p.hi > w.earliest where p.state <> 'open' order by p.lo for update of p) \
               update pieces set touched = touched + 1 from others where pieces.lo = others.lo returning pieces.lo, pieces.hi";
    bounds(connection, sql, windows).await
}

async fn bounds(connection: &mut PgConnection, sql: &'static str, windows: &Windows) -> Result<Vec<(i64, i64)>, StoreError> {
    let (earliest, latest): (Vec<i64>, Vec<i64>) = windows.values().copied().unzip();
    let rows = query(sql).bind(earliest).bind(latest).fetch_all(connection).await.map_err(during("look for pieces"))?;
    rows.iter().map(|row| Ok((column(row, 0)?, column(row, 1)?))).collect()
}

/// The starts of the windows that the pieces do not wholly cover.
pub(super) fn uncovered(windows: &Windows, mut pieces: Vec<(i64, i64)>) -> Vec<i64> {
    pieces.sort_unstable();
    let open = windows.iter().filter(|(_, (earliest, latest))| !gaps(&pieces, *earliest, latest + 1).is_empty());
    open.map(|(start, _)| *start).collect()
}

/// What the pieces, in their order, leave open of a stretch.
fn gaps(pieces: &[(i64, i64)], from: i64, to: i64) -> Vec<(i64, i64)> {
    let (mut gaps, mut at) = (Vec::new(), from);
    for (lo, hi) in pieces.iter().copied().filter(|(lo, hi)| *lo < to && *hi > from) {
        if lo > at {
            gaps.push((at, lo));
        }
        at = at.max(hi);
    }
    if at < to {
        gaps.push((at, to));
    }
    gaps
}

/// Makes the pieces that are missing from windows of a width, from their start to their end.
pub(super) async fn make(connection: &mut PgConnection, starts: &[i64], width: i64) -> Result<(), StoreError> {
    let doing = "make a piece of samples";
    let mut transaction = connection.begin().await.map_err(during(doing))?;
    // Of two writers that miss the same piece one makes it.
    let lock = query("select pg_advisory_xact_lock($1)").bind(MAKE_LOCK);
    lock.execute(&mut *transaction).await.map_err(during(doing))?;
    for start in starts {
        let sql = "select lo, hi from pieces where lo < $2 and hi > $1 order by lo";
        let rows = query(sql).bind(start).bind(start + width).fetch_all(&mut *transaction).await.map_err(during(doing))?;
        let there = rows.iter().map(|row| Ok((column(row, 0)?, column(row, 1)?))).collect::<Result<Vec<_>, StoreError>>()?;
        for (lo, hi) in gaps(&there, *start, start + width) {
            sqlx::raw_sql(AssertSqlSafe(make_sql(lo, hi))).execute(&mut *transaction).await.map_err(during(doing))?;
        }
    }
    transaction.commit().await.map_err(during(doing))
}

fn make_sql(lo: i64, hi: i64) -> String {
    let name = name(lo);
    let (from, to) = (timestamp(lo), timestamp(hi));
    // The index of extremes lets a query skip blocks by time, and by point as far as batches are ordered by it.
    format!(
        "create table {name} (like samples including defaults including constraints including storage); \
         create index {name}_by_time on {name} using brin (ts, point) with (pages_per_range = 4); \
         alter table samples attach partition {name} for values from ({from}) to ({to}); \
         insert into pieces (lo, hi, name, state, touched) values ({lo}, {hi}, '{name}', 'open', 0)"
    )
}

/// The table of an open piece.
pub(super) fn name(lo: i64) -> String {
    format!("samples_{lo}")
}

/// A time of the years 2000 to 2100 as a literal of SQL: of a computed one the planner does not know which pieces it leaves out.
pub(super) fn timestamp(micros: i64) -> String {
    let micros = micros.clamp(USUAL.start, USUAL.end);
    let (days, of_day) = (micros.div_euclid(86_400_000_000), micros.rem_euclid(86_400_000_000));
    // Days since the 1st of March of the year 0, by eras of 400 years; the leap day is then the last of a year.
    let days = days + 719_468;
    let (era, of_era) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let year = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month + 2) / 5 + 1;
    let (year, month) = if month < 10 { (year + era * 400, month + 3) } else { (year + era * 400 + 1, month - 9) };
    let (seconds, micros) = (of_day / 1_000_000, of_day % 1_000_000);
    let (hour, minute, second) = (seconds / 3_600, seconds / 60 % 60, seconds % 60);
    format!("timestamptz '{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02}.{micros:06}+00'")
}

/// Which way a list goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Direction {
    Forwards,
    Backwards,
}

/// Pieces with a part in a stretch, `LIST_MAX` at most.
pub(super) async fn list(
    connection: &mut PgConnection,
    layout: Layout,
    (from, to): (i64, i64),
    direction: Direction,
) -> Result<Vec<Piece>, StoreError> {
    let pieces = match layout {
        Layout::Plain => {
            "select lo, hi, case state when 'packed' then name end as by_point, state = 'packed' as is_packed from pieces"
        }
        Layout::Apache | Layout::Community => {
            "select (extract(epoch from range_start) * 1000000)::int8 as lo, (extract(epoch from range_end) * 1000000)::int8 as hi, \
                 case when exists (select from pg_index join pg_class c on c.oid = indexrelid join pg_am a on a.oid = c.relam \
                     where indrelid = format('%I.%I', chunk_schema, chunk_name)::regclass and amname = 'btree') \
                 then format('%I.%I', chunk_schema, chunk_name) end as by_point, is_compressed as is_packed \
             from timescaledb_information.chunks where hypertable_name = 'samples' and hypertable_schema = current_schema()"
        }
    };
    let order = if direction == Direction::Forwards { "lo" } else { "lo desc" };
    let sql = format!("select lo, hi, by_point, is_packed from ({pieces}) p where hi > $1 and lo < $2 order by {order} limit $3");
    let rows = query(AssertSqlSafe(sql))
        .bind(from)
        .bind(to)
        .bind(LIST_MAX)
        .fetch_all(connection)
        .await
        .map_err(during("list the pieces"))?;
    let piece = |row: &PgRow| {
        let (lo, hi, by_point) = (column(row, 0)?, column(row, 1)?, column(row, 2)?);
        Ok(Piece { lo, hi, by_point, is_packed: column(row, 3)? })
    };
    rows.iter().map(piece).collect()
}

/// Tells the indices of the newest pieces what the blocks hold that have been filled since the last time: a block not told of is read by
/// every query. Rows come to some block behind the last one told of, so this reads each block once.
pub(super) async fn summarize(connection: &mut PgConnection, layout: Layout) -> Result<(), StoreError> {
    let doing = "summarize the newest samples";
    let pieces = match layout {
        Layout::Plain => "select name::regclass from pieces where state = 'open' order by lo desc limit $1",
        Layout::Apache | Layout::Community => {
            "select format('%I.%I', chunk_schema, chunk_name)::regclass from timescaledb_information.chunks \
             where hypertable_name = 'samples' and hypertable_schema = current_schema() and not is_compressed \
             order by range_start desc limit $1"
        }
    };
    let sql = format!(
        "select indexrelid::int8 from pg_index join pg_class on pg_class.oid = indexrelid join pg_am on pg_am.oid = relam \
         where amname = 'brin' and indrelid = any(array({pieces}))"
    );
    let rows = query(AssertSqlSafe(sql)).bind(SUMMARIZED).fetch_all(&mut *connection).await.map_err(during(doing))?;
    for row in &rows {
        let index: i64 = column(row, 0)?;
        let sql = query("select brin_summarize_new_values($1::oid::regclass)").bind(index);
        sql.execute(&mut *connection).await.map_err(during(doing))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::conformance::sample;

    fn at(time: i64) -> Stored {
        Stored { row: sample(1, time, 1.0), ties: 0 }
    }

    #[test]
    fn windows_have_the_ends_of_what_lies_in_them() {
        let samples = [at(5), at(7), at(12), at(6), at(9), at(-1)];
        assert_eq!(windows(&samples, 10), Windows::from([(-10, (-1, -1)), (0, (5, 9)), (10, (12, 12))]));
    }

    #[test]
    fn gaps_are_what_no_piece_covers() {
        assert_eq!(gaps(&[], 0, 10), [(0, 10)]);
        assert_eq!(gaps(&[(0, 10)], 0, 10), []);
        assert_eq!(gaps(&[(-5, 3), (4, 6), (6, 7), (9, 20)], 0, 10), [(3, 4), (7, 9)]);
    }

    #[test]
    fn windows_without_pieces_are_named() {
        let windows = Windows::from([(0, (3, 8)), (10, (10, 19)), (20, (25, 25))]);
        assert_eq!(uncovered(&windows, vec![(20, 30), (0, 10), (10, 15)]), [10]);
        assert_eq!(uncovered(&windows, Vec::new()), [0, 10, 20]);
    }

    #[test]
    fn times_are_literals() {
        for (micros, want) in [
            (946_684_800_000_000, "2000-01-01 00:00:00.000000"),
            (951_782_400_000_000, "2000-02-29 00:00:00.000000"),
            (1_795_895_999_999_999, "2026-11-28 19:59:59.999999"),
            (4_102_444_800_000_000, "2100-01-01 00:00:00.000000"),
            (i64::MIN, "2000-01-01 00:00:00.000000"),
        ] {
            assert_eq!(timestamp(micros), format!("timestamptz '{want}+00'"));
        }
    }

    #[test]
    fn samples_scattered_over_too_many_pieces_are_strange() {
        let mut samples: Vec<_> = (0..100).map(|n| at(n * 10)).collect();
        let (mut windows, mut strange) = (windows(&samples, 10), Vec::new());
        limit_spread(&mut windows, &mut samples, &mut strange);
        assert_eq!((windows.len(), samples.len(), strange.len()), (SPREAD_MAX, SPREAD_MAX, 36));
        assert_eq!(strange[35].row.time.micros(), 350);
        limit_spread(&mut windows, &mut samples, &mut strange);
        assert_eq!(strange.len(), 36);
    }
}
