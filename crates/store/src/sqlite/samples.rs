//! Reading samples: pages and figures.
//!
//! The key is (bucket, point, ts), so a query walks the buckets that exist and looks into each. A window of buckets is read and
//! sorted at a time, and the window doubles while the page is not full: about twice what is needed is read, however thin the rows lie.

use model::{Quality, SampleFlags, Time};
use sqlx::sqlite::{Sqlite, SqliteConnection, SqliteRow};
use sqlx::{AssertSqlSafe, QueryBuilder, query};

use super::errors::during;
use super::write::{BUCKET_US, bucket};
use super::{column, number, range, time};
use crate::{
    Aggregate, AggregateQuery, MAX_FILTER_TERMS, MAX_SAMPLES, Page, SampleKey, SampleQuery, SampleRow, StoreError, StoredSample,
};

/// Most buckets of a window times points looked up in each; bounds what is read in vain where thin rows turn dense.
const WINDOW_LOOKUPS_MAX: usize = 4_096;

/// Most buckets of a window of all points.
const WINDOW_ALL_MAX: usize = 64;

/// The buckets that exist from ?1 to ?2, ?3 at most, found by one seek each.
pub(super) const BUCKETS: &str = "with recursive b(v) as (
    select (select min(bucket) from samples where bucket between ?1 and ?2)
    union all
    select (select min(bucket) from samples where bucket > v and bucket <= ?2) from b where v is not null limit ?3)";

/// Which of the points are meant: all, or those numbers.
enum Points {
    All,
    Numbers(Vec<i64>),
}

impl Points {
    /// As JSON, the one parameter that holds a list of any length.
    fn json(&self) -> Option<String> {
        match self {
            Self::All => None,
            Self::Numbers(numbers) => Some(format!("{numbers:?}")),
        }
    }

    fn window_max(&self) -> usize {
        match self {
            Self::All => WINDOW_ALL_MAX,
            Self::Numbers(numbers) => (WINDOW_LOOKUPS_MAX / numbers.len().max(1)).max(WINDOW_ALL_MAX),
        }
    }
}

/// The next samples after a key.
pub(super) async fn page(
    connection: &mut SqliteConnection,
    wanted: &SampleQuery,
    after: Option<SampleKey>,
    limit: usize,
) -> Result<Page<StoredSample, SampleKey>, StoreError> {
    let limit = limit.clamp(1, MAX_SAMPLES);
    let points = resolve(connection, &wanted.points).await?;
    let mut rows = Vec::new();
    if let Some((low, high)) = range(wanted.from, wanted.to) {
        let low = after.map_or(low, |key| low.max(key.time.micros()));
        let mut scan = Scan { points, after, low, high, window: 1 };
        while rows.len() <= limit && scan.next(connection, limit + 1, &mut rows).await? {}
    }
    let next = (rows.len() > limit).then(|| key(&rows[limit - 1].row));
    rows.truncate(limit);
    Ok(Page { rows, next })
}

/// A walk over buckets.
struct Scan {
    points: Points,
    after: Option<SampleKey>,
    low: i64,
    high: i64,
    window: usize,
}

impl Scan {
    /// Reads the next window that has rows in it or not; false where there is none.
    async fn next(
        &mut self,
        connection: &mut SqliteConnection,
        upto: usize,
        rows: &mut Vec<StoredSample>,
    ) -> Result<bool, StoreError> {
        if self.low > self.high {
            return Ok(false);
        }
        let sql = format!("{BUCKETS} select min(v), max(v) from b");
        let found =
            query(AssertSqlSafe(sql)).bind(bucket(self.low)).bind(bucket(self.high)).bind(self.window.cast_signed() as i64);
        let found = found.fetch_one(&mut *connection).await.map_err(during("look for samples"))?;
        let (Some(first), Some(last)) = (column::<Option<i64>>(&found, 0)?, column::<Option<i64>>(&found, 1)?) else {
            return Ok(false);
        };
        self.read(connection, (first, last), upto - rows.len(), rows).await?;
        self.window = (self.window * 2).min(self.points.window_max());
        match last.checked_add(1).and_then(|next| next.checked_mul(BUCKET_US)) {
            Some(next) => self.low = next,
            None => return Ok(false),
        }
        Ok(true)
    }

    async fn read(
        &self,
        connection: &mut SqliteConnection,
        (first, last): (i64, i64),
        limit: usize,
        rows: &mut Vec<StoredSample>,
    ) -> Result<(), StoreError> {
        // Without a key every row is after this one: no point has the number -1.
        let (time, point) = self.after.map_or((i64::MIN, -1), |key| (key.time.micros(), i64::from(key.point.0)));
        let sql = query(AssertSqlSafe(page_sql(&self.points)));
        let sql = sql.bind(first).bind(last).bind(-1_i64).bind(self.low).bind(self.high).bind(time).bind(point);
        let found = sql.bind(limit.cast_signed() as i64).bind(self.points.json()).fetch_all(connection).await;
        for row in found.map_err(during("read samples"))? {
            rows.push(sample(&row)?);
        }
        Ok(())
    }
}

fn page_sql(points: &Points) -> String {
    let from = match points {
        Points::All => "from samples s where bucket between ?1 and ?2",
        Points::Numbers(_) => "from b cross join samples s where s.bucket = b.v and s.point in (select value from json_each(?9))",
    };
    format!(
        "{BUCKETS}, page as (select ts, point, value, quality, flags, recorded_at {from}
            and ts between ?4 and ?5 and (ts, point) > (?6, ?7) order by ts, point limit ?8)
         select ts, point, value, quality, flags, recorded_at, points.id
            from page left join points on points.number = page.point order by ts, point"
    )
}

/// Figures per point and bucket of time.
pub(super) async fn aggregates(connection: &mut SqliteConnection, wanted: &AggregateQuery) -> Result<Vec<Aggregate>, StoreError> {
    let width = wanted.bucket.micros();
    if width < 1 {
        return Err(StoreError::InvalidInput { field: "bucket", reason: "a bucket is at least one microsecond wide" });
    }
    if wanted.from.micros().checked_sub(width).is_none() {
        return Err(StoreError::InvalidInput { field: "from", reason: "its bucket begins before all time" });
    }
    let Some((low, high)) = range(Some(wanted.from), Some(wanted.to)) else { return Ok(Vec::new()) };
    let points = resolve(connection, &wanted.points).await?;
    // `%` and `/` of SQLite round towards zero, so times before 1970 take one step more down.
    let sql = query(AssertSqlSafe(aggregate_sql(&points))).bind(bucket(low)).bind(bucket(high)).bind(-1_i64);
    let sql = sql.bind(low).bind(high).bind(width).bind(BUCKET_US).bind(i64::try_from(wanted.limit).unwrap_or(i64::MAX));
    let found = sql.bind(points.json()).fetch_all(connection).await.map_err(during("read aggregates"))?;
    found.iter().map(aggregate).collect()
}

/// First and last are looked up by key once the figures are known, which is cheaper than a window over all rows.
fn aggregate_sql(points: &Points) -> String {
    let only = match points {
        Points::All => "",
        Points::Numbers(_) => "and s.point in (select value from json_each(?9))",
    };
    let value_at = |ts: &str| {
        format!(
            "(select value from samples x where x.bucket = {ts} / ?7 - ({ts} % ?7 < 0) and x.point = a.point and x.ts = {ts})"
        )
    };
    format!(
        "{BUCKETS}, a as (
            select point, ts - ts % ?6 - ?6 * (ts % ?6 < 0) as start, count(*) as samples, count(judged) as judged,
                min(judged) as least, max(judged) as greatest, avg(judged) as mean,
                min(case when judged is not null then ts end) as t0, max(case when judged is not null then ts end) as t1
            from (select point, ts, case when quality < 3 then value end as judged
                from b cross join samples s where s.bucket = b.v {only} and s.ts between ?4 and ?5)
            group by 1, 2)
         select points.id, a.start, a.judged, a.samples, a.least, a.greatest, a.mean, {}, {}
            from a join points on points.number = a.point order by a.point, a.start limit ?8",
        value_at("a.t0"),
        value_at("a.t1"),
    )
}

async fn resolve(connection: &mut SqliteConnection, ids: &[String]) -> Result<Points, StoreError> {
    if ids.is_empty() {
        return Ok(Points::All);
    }
    if ids.len() > MAX_FILTER_TERMS {
        return Err(StoreError::InvalidInput { field: "points", reason: "at most 10000 are allowed" });
    }
    let mut sql = QueryBuilder::<Sqlite>::new("select number from points where id in (");
    let mut list = sql.separated(",");
    for id in ids {
        list.push_bind(id.clone());
    }
    sql.push(") order by number");
    let rows = sql.build().persistent(false).fetch_all(connection).await.map_err(during("look for points"))?;
    rows.iter().map(|row| column(row, 0)).collect::<Result<_, _>>().map(Points::Numbers)
}

fn key(row: &SampleRow) -> SampleKey {
    SampleKey { time: row.time, point: row.point }
}

fn sample(row: &SqliteRow) -> Result<StoredSample, StoreError> {
    let id: Option<String> = column(row, 6)?;
    Ok(StoredSample { id: id.map(Into::into), row: sample_row(row)? })
}

/// Of ts, point, value, quality, flags and recorded_at.
pub(super) fn sample_row(row: &SqliteRow) -> Result<SampleRow, StoreError> {
    let bits: i64 = column(row, 4)?;
    let flags = SampleFlags {
        historical: bits & 1 != 0,
        arrival_time: bits & 2 != 0,
        out_of_range: bits & 4 != 0,
        retained: bits & 8 != 0,
        transient: bits & 16 != 0,
    };
    let (point, quality) = (number(row, 1)?, quality(column(row, 3)?)?);
    Ok(SampleRow { point, time: time(row, 0)?, value: column(row, 2)?, quality, flags, recorded_at: time(row, 5)? })
}

fn quality(code: i64) -> Result<Quality, StoreError> {
    match code {
        1 => Ok(Quality::Good),
        2 => Ok(Quality::Uncertain),
        3 => Ok(Quality::Bad),
        4 => Ok(Quality::Calibrating),
        _ => Err(StoreError::Corrupt { doing: "read a quality", source: format!("{code} is none").into() }),
    }
}

fn aggregate(row: &SqliteRow) -> Result<Aggregate, StoreError> {
    Ok(Aggregate {
        id: column(row, 0)?,
        start: Time::from_micros(column(row, 1)?),
        count: column::<i64>(row, 2)?.cast_unsigned(),
        samples: column::<i64>(row, 3)?.cast_unsigned(),
        min: column(row, 4)?,
        max: column(row, 5)?,
        mean: column::<Option<f64>>(row, 6)?.filter(|mean| mean.is_finite()),
        first: column(row, 7)?,
        last: column(row, 8)?,
    })
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    pub(in super::super) fn statements() -> Vec<String> {
        let some = Points::Numbers(vec![1, 2]);
        vec![
            format!("{BUCKETS} select min(v), max(v) from b"),
            page_sql(&Points::All),
            page_sql(&some),
            aggregate_sql(&Points::All),
            aggregate_sql(&some),
        ]
    }
}
