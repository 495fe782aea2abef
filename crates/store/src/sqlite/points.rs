//! Points, and samples by point: what figures and queries of some points are worked out from.

use std::collections::BTreeSet;

use model::{PointNumber, Span, Time};
use sqlx::sqlite::{SqliteConnection, SqliteRow};
use sqlx::{AssertSqlSafe, query};

use super::errors::during;
use super::kept::{json, numbers};
use super::samples::{BUCKETS, sample_row};
use super::write::{BUCKET_US, bucket};
use super::{column, number, range};
use crate::{MAX_FILTER_TERMS, PointRow, SampleRow, StoreError};

/// Most buckets times points looked into by one statement that goes back in time.
const LOOKUPS_MAX: usize = 16_384;

const COLUMNS: &str = "select number, id, unit, quantity, park, enterprise, installation, hold from points";

/// Every point ever named.
pub(super) async fn all(connection: &mut SqliteConnection) -> Result<Vec<PointRow>, StoreError> {
    let sql = AssertSqlSafe(format!("{COLUMNS} order by number"));
    let rows = query(sql).fetch_all(connection).await.map_err(during("read points"))?;
    rows.iter().map(point).collect()
}

/// The points of these ids.
pub(super) async fn named(connection: &mut SqliteConnection, ids: &[String]) -> Result<Vec<PointRow>, StoreError> {
    if ids.len() > MAX_FILTER_TERMS {
        return Err(StoreError::InvalidInput { field: "points", reason: "at most 10000 are allowed" });
    }
    // One parameter an id: texts may hold NUL, which ends a text in JSON functions.
    let list = vec!["?"; ids.len()].join(",");
    let sql = format!("{COLUMNS} where id in ({list}) order by number");
    let sql = ids.iter().fold(query(AssertSqlSafe(sql)), |sql, id| sql.bind(id.clone()));
    let rows = sql.persistent(false).fetch_all(connection).await.map_err(during("look for points"))?;
    rows.iter().map(point).collect()
}

fn point(row: &SqliteRow) -> Result<PointRow, StoreError> {
    Ok(PointRow {
        number: number(row, 0)?,
        id: column(row, 1)?,
        unit: column(row, 2)?,
        quantity: column(row, 3)?,
        park: column(row, 4)?,
        enterprise: column(row, 5)?,
        installation: column(row, 6)?,
        hold: Span::from_micros(column(row, 7)?),
    })
}

pub(super) fn by_point_sql() -> String {
    format!(
        "{BUCKETS} select ts, point, value, quality, flags, recorded_at from b cross join samples s
            where s.bucket = b.v and s.point in (select value from json_each(?6)) and s.ts between ?4 and ?5 order by point, ts"
    )
}

/// Samples of some points by (point number, time).
pub(super) async fn samples(
    connection: &mut SqliteConnection,
    points: &[PointNumber],
    from: Time,
    to: Time,
) -> Result<Vec<SampleRow>, StoreError> {
    let points = numbers(points)?;
    let Some((low, high)) = range(Some(from), Some(to)) else { return Ok(Vec::new()) };
    let sql = query(AssertSqlSafe(by_point_sql())).bind(bucket(low)).bind(bucket(high)).bind(-1_i64);
    let found = sql.bind(low).bind(high).bind(points).fetch_all(connection).await.map_err(during("read samples"))?;
    found.iter().map(sample_row).collect()
}

/// The newest buckets from ?1 to ?2, ?3 at most, found by one seek each.
const NEWEST_BUCKETS: &str = "with recursive b(v) as (
    select (select max(bucket) from samples where bucket between ?1 and ?2)
    union all
    select (select max(bucket) from samples where bucket < v and bucket >= ?1) from b where v is not null limit ?3)";

/// SQLite takes the other columns from the row that has the greatest time.
pub(super) fn last_sql() -> String {
    format!(
        "{NEWEST_BUCKETS} select max(ts), point, value, quality, flags, recorded_at from b cross join samples s
            where s.bucket = b.v and s.point in (select value from json_each(?6)) and s.ts between ?4 and ?5 group by point"
    )
}

/// For each point the last sample at or before a time and not before another. Goes back from the newest bucket, further each time, and
/// looks only for the points not found yet: most have a sample in the newest two.
pub(super) async fn last(
    connection: &mut SqliteConnection,
    points: &[PointNumber],
    not_before: Time,
    at: Time,
) -> Result<Vec<SampleRow>, StoreError> {
    numbers(points)?;
    let mut left: BTreeSet<PointNumber> = points.iter().copied().collect();
    let (low, mut high, mut window) = (not_before.micros(), at.micros(), 2_usize);
    let mut found = Vec::new();
    while !left.is_empty() && low <= high {
        let sql = query(AssertSqlSafe(format!("{NEWEST_BUCKETS} select min(v) from b")));
        let sql = sql.bind(bucket(low)).bind(bucket(high)).bind(window.cast_signed() as i64);
        let oldest = sql.fetch_one(&mut *connection).await.map_err(during("look for samples"))?;
        let Some(oldest) = column::<Option<i64>>(&oldest, 0)? else { break };
        let wanted = json(&left.iter().copied().collect::<Vec<_>>());
        let sql = query(AssertSqlSafe(last_sql())).bind(oldest).bind(bucket(high)).bind(-1_i64).bind(low).bind(high).bind(wanted);
        for row in sql.fetch_all(&mut *connection).await.map_err(during("read samples"))? {
            let row = sample_row(&row)?;
            left.remove(&row.point);
            found.push(row);
        }
        match oldest.checked_mul(BUCKET_US).and_then(|start| start.checked_sub(1)) {
            Some(before) => high = before,
            None => break,
        }
        window = (window * 2).min((LOOKUPS_MAX / left.len().max(1)).max(2));
    }
    found.sort_by_key(|row| row.point);
    Ok(found)
}
