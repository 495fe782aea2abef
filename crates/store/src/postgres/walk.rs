//! Walking over `samples` by windows of time: an open piece has no index that is in order, so it is read and sorted a window at a time.

use std::collections::VecDeque;

use futures_util::StreamExt;
use sqlx::postgres::{PgConnection, PgRow};
use sqlx::{AssertSqlSafe, query};

use super::copy::{COLUMNS, Decoder};
use super::errors::during;
use super::pieces::{self, Direction, LIST_MAX, Piece, timestamp};
use super::rows::{Stored, USUAL, quality, read_flags};
use super::{Layout, column, time};
use crate::{SampleRow, StoreError};
use model::PointNumber;

/// Which of the points are meant: all, or those of these numbers.
#[derive(Clone, Debug)]
pub(super) enum Points {
    All,
    Numbers(Vec<PointNumber>),
}

impl Points {
    /// A condition on the column `point` of `samples`, which knows no number beyond int4.
    pub(super) fn sql(&self) -> String {
        match self {
            Self::All => String::new(),
            Self::Numbers(numbers) => {
                let numbers = numbers.iter().filter_map(|number| i32::try_from(number.0).ok());
                let list: Vec<String> = numbers.map(|number| number.to_string()).collect();
                format!(" and point = any('{{{}}}'::int4[])", list.join(","))
            }
        }
    }

    /// For a condition `$1 is null or point = any($1)`.
    fn numbers(&self) -> Option<Vec<i64>> {
        match self {
            Self::All => None,
            Self::Numbers(numbers) => Some(numbers.iter().map(|number| i64::from(number.0)).collect()),
        }
    }
}

/// The windows of a stretch in which there are pieces, forwards.
pub(super) struct Walk {
    layout: Layout,
    pieces: VecDeque<Piece>,
    /// Whether there may be pieces behind those in the list.
    more: bool,
    at: i64,
    end: i64,
}

impl Walk {
    /// Over what is usual of a stretch; its end is exclusive.
    pub(super) fn new(layout: Layout, from: i64, end: i64) -> Self {
        Self { layout, pieces: VecDeque::new(), more: true, at: from.max(USUAL.start), end: end.min(USUAL.end) }
    }

    /// The next window of at most this width; it may begin later than the last one ended, where there are no pieces.
    pub(super) async fn next(&mut self, connection: &mut PgConnection, width: i64) -> Result<Option<(i64, i64)>, StoreError> {
        while self.at < self.end {
            if let Some(piece) = self.pieces.front() {
                if piece.hi <= self.at {
                    self.pieces.pop_front();
                    continue;
                }
                let from = self.at.max(piece.lo);
                if from >= self.end {
                    return Ok(None);
                }
                self.at = from.saturating_add(width).min(self.end);
                return Ok(Some((from, self.at)));
            }
            if !self.more {
                return Ok(None);
            }
            let list = pieces::list(connection, self.layout, (self.at, self.end), Direction::Forwards).await?;
            self.more = list.len() as i64 == LIST_MAX;
            self.pieces = list.into();
        }
        Ok(None)
    }
}

/// What is asked of `samples`: conditions and order after `select COLUMNS from samples where`.
pub(super) fn window_sql(points: &Points, (from, to): (i64, i64)) -> String {
    format!("select {COLUMNS} from samples where ts >= {} and ts < {}{}", timestamp(from), timestamp(to), points.sql())
}

/// Reads samples by COPY, several times as fast as row by row.
pub(super) async fn read(connection: &mut PgConnection, select: &str) -> Result<Vec<Stored>, StoreError> {
    let doing = "read samples";
    let sql = format!("copy ({select}) to stdout (format binary)");
    let mut stream = connection.copy_out_raw(&sql).await.map_err(during(doing))?;
    let (mut decoder, mut rows) = (Decoder::default(), Vec::new());
    while let Some(piece) = stream.next().await {
        decoder.push(&piece.map_err(during(doing))?, &mut rows)?;
    }
    decoder.finish()?;
    Ok(rows)
}

/// Reads strange samples of a stretch with both ends, with more conditions, order and limit.
pub(super) async fn strange(
    connection: &mut PgConnection,
    points: &Points,
    (low, high): (i64, i64),
    rest: &str,
) -> Result<Vec<Stored>, StoreError> {
    strange_columns(connection, points, (low, high), "", rest).await
}

/// The same with something before the columns: `distinct on (point)`.
pub(super) async fn strange_columns(
    connection: &mut PgConnection,
    points: &Points,
    (low, high): (i64, i64),
    distinct: &str,
    rest: &str,
) -> Result<Vec<Stored>, StoreError> {
    let only = if matches!(points, Points::All) { "and $3::int8[] is null" } else { "and point = any($3)" };
    let sql = format!(
        "select {distinct} point, ts, recorded_at, value, quality, flags from samples_strange \
         where ts between $1 and $2 {only} {rest}"
    );
    let rows = query(AssertSqlSafe(sql)).bind(low).bind(high).bind(points.numbers()).fetch_all(connection).await;
    rows.map_err(during("read strange samples"))?.iter().map(stored).collect()
}

fn stored(row: &PgRow) -> Result<Stored, StoreError> {
    let (flags, ties) = read_flags(column(row, 5)?);
    let row = SampleRow {
        point: super::number(row, 0)?,
        time: time(row, 1)?,
        value: column(row, 3)?,
        quality: quality(column(row, 4)?)?,
        flags,
        recorded_at: time(row, 2)?,
    };
    Ok(Stored { row, ties })
}
