//! Walking over `samples` by windows of time: an open piece has no index that is in order, so it is read and sorted a window at a time.

use std::collections::{BTreeSet, VecDeque};

use futures_util::StreamExt;
use sqlx::postgres::{PgConnection, PgRow};
use sqlx::{AssertSqlSafe, query};

use super::copy::{COLUMNS, Decoder};
use super::errors::during;
use super::pieces::{self, Direction, LIST_MAX, Piece, timestamp};
use super::rows::{Stored, USUAL, quality, read_flags};
use super::{Layout, column, time};
use crate::{SampleKey, SampleRow, StoreError};
use model::PointNumber;

/// Points that are looked up by number; of more, all rows of the time are read and sorted out.
const LOOKED_UP_MAX: usize = 1_000;

/// Windows read by one statement.
const UNITED_MAX: usize = 16;

/// Stretches of numbers looked up one after the other, each for one walk through an index of extremes.
const STRETCHES_MAX: usize = 32;

/// Numbers no further apart than this stay together: a few blocks hold them all.
const GAP: i32 = 16;

/// Which of the points are meant: all, or those of these numbers.
#[derive(Clone, Debug)]
pub(super) enum Points {
    All,
    Numbers(Vec<PointNumber>),
}

impl Points {
    /// Numbers that `samples` can hold, in stretches of neighbours; `None` where too many are meant for looking them up.
    fn stretches(&self) -> Option<Vec<Vec<i32>>> {
        let Self::Numbers(numbers) = self else { return None };
        let mut numbers: Vec<i32> = numbers.iter().filter_map(|number| i32::try_from(number.0).ok()).collect();
        numbers.sort_unstable();
        numbers.dedup();
        (numbers.len() <= LOOKED_UP_MAX).then(|| stretches(&numbers))
    }

    fn list(&self) -> String {
        match self {
            Self::All => String::new(),
            Self::Numbers(_) => format!(" and point = any({})", self.array()),
        }
    }

    /// The numbers that `samples` can hold, each once.
    fn array(&self) -> String {
        let Self::Numbers(numbers) = self else { return array([].into_iter()) };
        let numbers: BTreeSet<i32> = numbers.iter().filter_map(|number| i32::try_from(number.0).ok()).collect();
        array(numbers.into_iter())
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

/// A stretch of time, its end exclusive.
pub(super) struct Window {
    pub(super) from: i64,
    pub(super) to: i64,
    /// The table that holds its rows by point, where only that does.
    by_point: Option<String>,
}

impl Walk {
    /// Over what is usual of a stretch; its end is exclusive.
    pub(super) fn new(layout: Layout, from: i64, end: i64) -> Self {
        Self { layout, pieces: VecDeque::new(), more: true, at: from.max(USUAL.start), end: end.min(USUAL.end) }
    }

    /// The next window of at most this width; it may begin later than the last one ended, where there are no pieces.
    pub(super) async fn next(&mut self, connection: &mut PgConnection, width: i64) -> Result<Option<Window>, StoreError> {
        while self.at < self.end {
            while self.pieces.pop_front_if(|piece| piece.hi <= self.at).is_some() {}
            if let Some(window) = self.first(width) {
                self.at = window.to;
                return Ok(Some(window));
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

    /// Windows one behind the other, of this width in all at most, and of so many pieces that planning for them stays cheap.
    pub(super) async fn stretch(&mut self, connection: &mut PgConnection, width: i64) -> Result<Vec<Window>, StoreError> {
        let (mut windows, mut left) = (Vec::new(), width);
        while left > 0
            && windows.len() < UNITED_MAX
            && let Some(window) = self.next(connection, left).await?
        {
            left = left.saturating_sub(window.to - window.from);
            windows.push(window);
        }
        Ok(windows)
    }

    fn first(&self, width: i64) -> Option<Window> {
        let piece = self.pieces.front()?;
        let from = self.at.max(piece.lo);
        let mut to = from.saturating_add(width).min(self.end);
        // A window with a packed piece has nothing else: it is read from its own table, by its index.
        let by_point = piece.by_point.clone();
        let packed = self.pieces.iter().skip(1).find(|piece| piece.by_point.is_some());
        let end = if by_point.is_some() { Some(piece.hi) } else { packed.map(|piece| piece.lo) };
        // What is behind the list may be packed.
        let listed = self.pieces.back().filter(|_| self.more).map(|piece| piece.hi);
        to = [end, listed].into_iter().flatten().fold(to, i64::min);
        (from < to).then_some(Window { from, to, by_point })
    }
}

/// The samples of a window, with more conditions.
pub(super) fn window_sql(points: &Points, window: &Window, and: &str) -> String {
    let Window { from, to, by_point } = window;
    let times = format!("ts >= {} and ts < {}{and}", timestamp(*from), timestamp(*to));
    match (by_point, points.stretches()) {
        // The index is led by the point, so each point is looked up; which there are, the index tells with a step each.
        (Some(table), _) if matches!(points, Points::Numbers(_)) => format!(
            "select {COLUMNS} from unnest({}) p (v) cross join lateral (select * from {table} where point = v and {times} offset 0) s",
            points.array()
        ),
        (Some(table), _) => format!(
            "with recursive p (v) as ((select min(point) from {table}) union all \
                 select (select min(point) from {table} where point > v) from p where v is not null) \
             select {COLUMNS} from p cross join lateral (select * from {table} where point = v and {times} offset 0) s"
        ),
        (None, None) => format!("select {COLUMNS} from samples where {times}{}", points.list()),
        (None, Some(stretches)) if stretches.is_empty() => format!("select {COLUMNS} from samples where false"),
        // An index of extremes knows no lists but ranges; where a piece is ordered by point, its index knows both.
        (None, Some(stretches)) => format!(
            "select {COLUMNS} from (values {}) v (least, greatest, numbers) cross join lateral (select * from samples \
                 where {times} and point >= least and point <= greatest and point = any(numbers) offset 0) s",
            stretches.iter().map(|numbers| stretch_sql(numbers)).collect::<Vec<_>>().join(", ")
        ),
    }
}

/// The samples of several windows, with more conditions.
pub(super) fn windows_sql(points: &Points, windows: &[Window], and: &str) -> String {
    let each: Vec<String> = windows.iter().map(|window| format!("({})", window_sql(points, window, and))).collect();
    each.join(" union all ")
}

fn stretch_sql(numbers: &[i32]) -> String {
    let (least, greatest) = (numbers.first().copied().unwrap_or(0), numbers.last().copied().unwrap_or(0));
    format!("({least}, {greatest}, {})", array(numbers.iter().copied()))
}

fn array(numbers: impl Iterator<Item = i32>) -> String {
    let list: Vec<String> = numbers.map(|number| number.to_string()).collect();
    format!("'{{{}}}'::int4[]", list.join(","))
}

/// Cuts sorted numbers at the widest gaps between them.
fn stretches(numbers: &[i32]) -> Vec<Vec<i32>> {
    let gap = |index: usize| numbers[index].saturating_sub(numbers[index - 1]);
    let mut cuts: Vec<usize> = (1..numbers.len()).filter(|index| gap(*index) > GAP).collect();
    cuts.sort_by_key(|index| std::cmp::Reverse(gap(*index)));
    cuts.truncate(STRETCHES_MAX - 1);
    cuts.sort_unstable();
    let starts = [0].into_iter().chain(cuts.iter().copied());
    let ends = cuts.iter().copied().chain([numbers.len()]);
    starts.zip(ends).map(|(start, end)| numbers[start..end].to_vec()).filter(|stretch| !stretch.is_empty()).collect()
}

/// What is behind a key in the order of samples.
pub(super) fn behind(key: Option<SampleKey>) -> String {
    // One before or behind everything usual leaves nothing out of a window that begins at its time.
    let Some(key) = key.filter(|key| USUAL.contains(&key.time.micros())) else { return String::new() };
    let point = i32::try_from(key.point.0).unwrap_or(i32::MAX);
    format!(" and (ts, point) > ({}, {point})", timestamp(key.time.micros()))
}

impl Window {
    /// A window over pieces of any kind.
    pub(super) const fn of(from: i64, to: i64) -> Self {
        Self { from, to, by_point: None }
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_cut_at_the_widest_gaps() {
        assert_eq!(stretches(&[]), Vec::<Vec<i32>>::new());
        assert_eq!(stretches(&[7]), [[7]]);
        assert_eq!(stretches(&[1, 2, 17, 34, 35]), [vec![1, 2, 17], vec![34, 35]]);
        let far: Vec<i32> = (0..100).map(|n| n * 1_000 - n % 2).collect();
        let cut = stretches(&far);
        assert_eq!((cut.len(), cut.concat()), (STRETCHES_MAX, far));
        assert_eq!(stretches(&[i32::MIN, i32::MAX]).len(), 2);
    }
}
