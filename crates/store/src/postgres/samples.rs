//! Reading samples: pages, stretches by point, and what a point read at a moment.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use model::{PointNumber, Time};
use sqlx::postgres::{PgConnection, PgRow};
use sqlx::query;

use super::copy::COLUMNS;
use super::errors::during;
use super::pieces::{self, Direction};
use super::rows::{Stored, USUAL, standing, standing_by_time};
use super::text::{read, stored};
use super::walk::{self, Points, Walk, Window, window_sql, windows_sql};
use super::{Layout, check_terms, column, number, range};
use crate::{MAX_SAMPLES, Page, PointRow, SampleKey, SampleQuery, SampleRow, StoreError, StoredSample};

const SECOND: i64 = 1_000_000;

/// How far back the first look for the last sample goes.
const LOOK_BACK: i64 = 10 * SECOND;

const POINT_COLUMNS: &str = "number, id, unit, quantity, park, enterprise, installation, hold";

/// The next samples after a key.
pub(super) async fn page(
    connection: &mut PgConnection,
    layout: Layout,
    wanted: &SampleQuery,
    after: Option<SampleKey>,
    limit: usize,
) -> Result<Page<StoredSample, SampleKey>, StoreError> {
    let limit = limit.clamp(1, MAX_SAMPLES);
    let (points, names) = resolve(connection, &wanted.points).await?;
    let mut rows = Vec::new();
    if let Some((low, high)) = range(wanted.from, wanted.to) {
        let low = after.map_or(low, |key| low.max(key.time.micros()));
        rows = strange_page(connection, &points, (low, high), after, limit + 1).await?;
        let before_all = rows.len() > limit && rows.last().is_some_and(|row| row.row.time.micros() < USUAL.start);
        if !before_all {
            rows.extend(usual_page(connection, layout, &points, (low, high), after, limit + 1).await?);
        }
        rows = standing_by_time(rows);
    }
    let key = |row: &Stored| SampleKey { time: row.row.time, point: row.row.point };
    let next = (rows.len() > limit).then(|| key(&rows[limit - 1]));
    rows.truncate(limit);
    let names = match names {
        Some(names) => names,
        None => names_in(connection, &rows).await?,
    };
    let rows = rows.iter().map(|row| StoredSample { id: names.get(&row.row.point).cloned(), row: row.row }).collect();
    Ok(Page { rows, next })
}

async fn strange_page(
    connection: &mut PgConnection,
    points: &Points,
    range: (i64, i64),
    after: Option<SampleKey>,
    limit: usize,
) -> Result<Vec<Stored>, StoreError> {
    // Without a key every row is after this one: no point has the number -1.
    let (time, point) = after.map_or((i64::MIN, -1), |key| (key.time.micros(), i64::from(key.point.0)));
    // The least number cannot be written as one: the minus comes after the digits have been read.
    let rest = format!("and (ts, point) > ('{time}'::int8, {point}) order by ts, point limit {limit}");
    walk::strange(connection, points, range, &rest).await
}

/// Stretches as wide as the rows of the last one say that the page needs: a few times of that is read at most, however thin they lie.
async fn usual_page(
    connection: &mut PgConnection,
    layout: Layout,
    points: &Points,
    (low, high): (i64, i64),
    after: Option<SampleKey>,
    limit: usize,
) -> Result<Vec<Stored>, StoreError> {
    let mut width = match points {
        Points::All => SECOND,
        // As if each had a sample a second.
        Points::Numbers(numbers) => {
            SECOND.saturating_mul((limit / numbers.len().max(1)).clamp(1, 3_600).cast_signed() as i64 + 1)
        }
    };
    let mut walk = Walk::new(layout, low, high.saturating_add(1));
    let (mut rows, behind) = (Vec::new(), walk::behind(after));
    while rows.len() < limit {
        let windows = walk.stretch(connection, width).await?;
        if windows.is_empty() {
            break;
        }
        let found = stretch_rows(connection, &windows_sql(points, &windows, &behind), limit).await?;
        let missing = limit.saturating_sub(rows.len() + found.len());
        width = next_width(width, found.len(), missing);
        rows.extend(found);
    }
    Ok(rows)
}

/// All rows of a stretch, or of more than a few pages the first in order: sorting here is several times as fast as on the server, which
/// also has them to write.
async fn stretch_rows(connection: &mut PgConnection, select: &str, limit: usize) -> Result<Vec<Stored>, StoreError> {
    let most = limit.saturating_mul(4);
    let rows = walk::read(connection, &format!("{select} limit {}", most + 1)).await?;
    if rows.len() <= most {
        // Only those that stand count: a page that seems full of rows written twice would be the last one.
        return Ok(standing_by_time(rows));
    }
    let order = "order by ts, point, recorded_at desc, flags desc";
    walk::read(connection, &format!("select distinct on (ts, point) {COLUMNS} from ({select}) w {order} limit {limit}")).await
}

/// How much time the missing rows may take, as the last stretch had them; of an empty one nothing is known but that rows are thin.
fn next_width(width: i64, found: usize, missing: usize) -> i64 {
    let most = width.saturating_mul(4);
    let (found, missing) = (found.cast_signed() as i64, missing.cast_signed() as i64);
    if found == 0 { most } else { (width / found).saturating_add(1).saturating_mul(missing + missing / 8 + 1).clamp(1, most) }
}

/// Samples of some points in a stretch, by point and time.
pub(super) async fn by_point(
    connection: &mut PgConnection,
    points: &[PointNumber],
    from: Time,
    to: Time,
) -> Result<Vec<SampleRow>, StoreError> {
    let Some((low, high)) = range(Some(from), Some(to)) else { return Ok(Vec::new()) };
    let points = Points::Numbers(points.to_vec());
    let mut rows = walk::strange(connection, &points, (low, high), "").await?;
    let (low, end) = (low.max(USUAL.start), high.saturating_add(1).min(USUAL.end));
    if low < end {
        rows.extend(walk::read(connection, &window_sql(&points, &Window::of(low, end), "")).await?);
    }
    Ok(standing(rows).into_iter().map(|row| row.row).collect())
}

/// For each point the last sample at or before a time and not before another.
pub(super) async fn at(
    connection: &mut PgConnection,
    layout: Layout,
    points: &[PointNumber],
    not_before: Time,
    at: Time,
) -> Result<Vec<SampleRow>, StoreError> {
    let (low, high) = (not_before.micros(), at.micros());
    if low > high {
        return Ok(Vec::new());
    }
    let of_points = Points::Numbers(points.to_vec());
    let newest = "order by point, ts desc, recorded_at desc, flags desc";
    let mut rows = walk::strange_columns(connection, &of_points, (low, high), "distinct on (point)", newest).await?;
    rows.extend(usual_at(connection, layout, points, (low.max(USUAL.start), high.saturating_add(1).min(USUAL.end))).await?);
    let mut last: BTreeMap<PointNumber, Stored> = BTreeMap::new();
    for row in rows {
        let rank = |row: &Stored| (row.row.time, row.rank());
        last.entry(row.row.point).and_modify(|kept| *kept = if rank(&row) > rank(kept) { row } else { *kept }).or_insert(row);
    }
    Ok(last.into_values().map(|row| row.row).collect())
}

/// Windows that grow backwards in time, for the points that have not been found in the one before.
async fn usual_at(
    connection: &mut PgConnection,
    layout: Layout,
    points: &[PointNumber],
    (low, mut end): (i64, i64),
) -> Result<Vec<Stored>, StoreError> {
    let (mut rows, mut width) = (Vec::new(), LOOK_BACK);
    let mut left: BTreeSet<PointNumber> = points.iter().copied().collect();
    let mut pieces: Vec<pieces::Piece> = Vec::new();
    while low < end && !left.is_empty() {
        pieces.retain(|piece| piece.lo < end);
        if pieces.is_empty() {
            pieces = pieces::list(connection, layout, (low, end), Direction::Backwards).await?;
        }
        let Some(newest) = pieces.first() else { break };
        end = end.min(newest.hi);
        let from = end.saturating_sub(width).max(low);
        let of_left = Points::Numbers(left.iter().copied().collect());
        let sql = format!(
            "select distinct on (point) {COLUMNS} from ({}) w order by point, ts desc, recorded_at desc, flags desc",
            window_sql(&of_left, &Window::of(from, end), "")
        );
        let found = walk::read(connection, &sql).await?;
        for row in found {
            left.remove(&row.row.point);
            rows.push(row);
        }
        (end, width) = (from, width.saturating_mul(4));
    }
    Ok(rows)
}

/// Every point ever named.
pub(super) async fn points(connection: &mut PgConnection) -> Result<Vec<PointRow>, StoreError> {
    let sql = sqlx::AssertSqlSafe(format!("select {POINT_COLUMNS} from points order by number"));
    query(sql).fetch_all(connection).await.map_err(during("read points"))?.iter().map(point).collect()
}

/// The points of these ids.
pub(super) async fn points_named(connection: &mut PgConnection, ids: &[String]) -> Result<Vec<PointRow>, StoreError> {
    check_terms("points", ids.len())?;
    let ids: Vec<String> = ids.iter().map(|id| stored(id).into_owned()).collect();
    let sql = sqlx::AssertSqlSafe(format!("select {POINT_COLUMNS} from points where id = any($1) order by number"));
    query(sql).bind(ids).fetch_all(connection).await.map_err(during("read points"))?.iter().map(point).collect()
}

fn point(row: &PgRow) -> Result<PointRow, StoreError> {
    Ok(PointRow {
        number: number(row, 0)?,
        id: read(column(row, 1)?),
        unit: read(column(row, 2)?),
        quantity: read(column(row, 3)?),
        park: read(column(row, 4)?),
        enterprise: read(column(row, 5)?),
        installation: read(column(row, 6)?),
        hold: model::Span::from_micros(column(row, 7)?),
    })
}

/// The ids of points by their numbers.
type Names = BTreeMap<PointNumber, Arc<str>>;

/// The points of these ids, with the ids beside their numbers; without ids all points, whose ids nobody has looked up.
async fn resolve(connection: &mut PgConnection, ids: &[String]) -> Result<(Points, Option<Names>), StoreError> {
    if ids.is_empty() {
        return Ok((Points::All, None));
    }
    let points = points_named(connection, ids).await?;
    let numbers = points.iter().map(|point| point.number).collect();
    let names = points.into_iter().map(|point| (point.number, Arc::from(point.id))).collect();
    Ok((Points::Numbers(numbers), Some(names)))
}

/// The ids of the points in rows.
async fn names_in(connection: &mut PgConnection, rows: &[Stored]) -> Result<Names, StoreError> {
    let numbers: BTreeSet<i64> = rows.iter().map(|row| i64::from(row.row.point.0)).collect();
    let numbers: Vec<i64> = numbers.into_iter().collect();
    let sql = "select number, id from points where number = any($1)";
    let found = query(sql).bind(numbers).fetch_all(connection).await.map_err(during("read points"))?;
    let ids = found.iter().map(|row| Ok((number(row, 0)?, Arc::from(read(column(row, 1)?)))));
    ids.collect()
}

#[cfg(test)]
mod tests {
    use super::next_width;

    #[test]
    fn widths_follow_how_dense_the_rows_lie() {
        assert_eq!(next_width(1_000, 0, 10), 4_000);
        assert_eq!(next_width(1_000, 100, 80), 11 * 91);
        assert_eq!(next_width(1_000, 1, 1_000_000), 4_000);
        assert_eq!(next_width(1_000, 4_000_000, 0), 1);
        assert_eq!(next_width(i64::MAX, 1, usize::MAX >> 8), i64::MAX);
    }
}
