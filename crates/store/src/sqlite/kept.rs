//! Kept figures: reading them, and what is known of how far they go.
//!
//! A hold that a revision changes counts for what is worked out from then on; what is kept is not worked out anew.

use model::{PointNumber, Span, Time};
use sqlx::sqlite::{SqliteConnection, SqliteRow};
use sqlx::{AssertSqlSafe, query};

use super::errors::during;
use super::insert::{Binding, Insert};
use super::{column, number, time};
use crate::upkeep::{self, Dirty, State};
use crate::{Figure, FigureQuery, MAX_FILTER_TERMS, PendingSpan, Resolution, StoreError};

pub(super) const fn table(resolution: Resolution) -> &'static str {
    match resolution {
        Resolution::Minute => "figures_1m",
        Resolution::Hour => "figures_1h",
        Resolution::Day => "figures_1d",
    }
}

/// Puts figures in the place of those there are, or only where there are none.
pub(super) const fn insert(resolution: Resolution, missing: bool) -> Insert {
    let into = match (resolution, missing) {
        (Resolution::Minute, false) => "insert or replace into figures_1m",
        (Resolution::Hour, false) => "insert or replace into figures_1h",
        (Resolution::Day, false) => "insert or replace into figures_1d",
        (Resolution::Minute, true) => "insert or ignore into figures_1m",
        (Resolution::Hour, true) => "insert or ignore into figures_1h",
        (Resolution::Day, true) => "insert or ignore into figures_1d",
    };
    Insert { into, columns: 11, conflict: "" }
}

pub(super) fn bind(binding: Binding, row: &Figure) -> Binding {
    let place = binding.bind(row.start.micros()).bind(i64::from(row.point.0));
    let plain = place.bind(row.samples.cast_signed()).bind(row.count.cast_signed()).bind(row.sum);
    plain.bind(row.min).bind(row.max).bind(row.first).bind(row.last).bind(row.weighted).bind(row.good.micros())
}

pub(super) async fn state(connection: &mut SqliteConnection) -> Result<State, StoreError> {
    let sql = "select claimed_to, done_to, raw_from, minutes_from from figures_state";
    let row = query(sql).fetch_one(connection).await.map_err(during("read how far figures go"))?;
    Ok(State { claimed_to: time(&row, 0)?, done_to: time(&row, 1)?, raw_from: time(&row, 2)?, minutes_from: time(&row, 3)? })
}

/// The starts that exist are found by one seek each, and each point in them by one more.
pub(super) fn figures_sql(resolution: Resolution) -> String {
    let table = table(resolution);
    format!(
        "with recursive starts(v) as (
            select (select min(start) from {table} where start >= ?1 and start < ?2)
            union all
            select (select min(start) from {table} where start > v and start < ?2) from starts where v is not null)
         select f.start, f.point, f.samples, f.count, f.sum, f.min, f.max, f.first, f.last, f.weighted, f.good
            from starts cross join {table} f where f.start = starts.v and f.point in (select value from json_each(?3))
            order by f.point, f.start"
    )
}

/// Figures as they are kept.
pub(super) async fn figures(connection: &mut SqliteConnection, wanted: &FigureQuery) -> Result<Vec<Figure>, StoreError> {
    let sql = query(AssertSqlSafe(figures_sql(wanted.resolution))).bind(wanted.from.micros()).bind(wanted.to.micros());
    let found = sql.bind(numbers(&wanted.points)?).fetch_all(connection).await.map_err(during("read figures"))?;
    found.iter().map(figure).collect()
}

/// The numbers as JSON, the one parameter that holds a list of any length.
pub(super) fn numbers(points: &[PointNumber]) -> Result<String, StoreError> {
    if points.len() > MAX_FILTER_TERMS {
        return Err(StoreError::InvalidInput { field: "points", reason: "at most 10000 are allowed" });
    }
    Ok(json(points))
}

pub(super) fn json(points: &[PointNumber]) -> String {
    format!("{:?}", points.iter().map(|point| point.0).collect::<Vec<_>>())
}

/// A sum that is no number is stored as none.
fn figure(row: &SqliteRow) -> Result<Figure, StoreError> {
    let sum = |index| column::<Option<f64>>(row, index).map(|sum| sum.unwrap_or(f64::NAN));
    Ok(Figure {
        start: time(row, 0)?,
        point: number(row, 1)?,
        samples: column::<i64>(row, 2)?.cast_unsigned(),
        count: column::<i64>(row, 3)?.cast_unsigned(),
        sum: sum(4)?,
        min: column(row, 5)?,
        max: column(row, 6)?,
        first: column(row, 7)?,
        last: column(row, 8)?,
        weighted: sum(9)?,
        good: Span::from_micros(column(row, 10)?),
    })
}

pub(super) fn dirty(row: &SqliteRow) -> Result<Dirty, StoreError> {
    Ok(Dirty { point: number(row, 0)?, minute: time(row, 1)?, mark: column(row, 2)?, hold: Span::from_micros(column(row, 3)?) })
}

/// Where kept figures are not what the raw samples say.
pub(super) async fn pending(
    connection: &mut SqliteConnection,
    points: &[PointNumber],
    from: Time,
    to: Time,
) -> Result<Vec<PendingSpan>, StoreError> {
    // Marks are read before how far figures are worked out: what is marked in between lies behind the older end.
    let marks = marks(connection, points, from, to).await?;
    let done_to = state(connection).await?.done_to;
    Ok(upkeep::pending(&marks, done_to, from, to))
}

async fn marks(
    connection: &mut SqliteConnection,
    points: &[PointNumber],
    from: Time,
    to: Time,
) -> Result<Vec<Dirty>, StoreError> {
    let doing = || during("look for late samples");
    let longest = query("select max(hold) from points").fetch_one(&mut *connection).await.map_err(doing())?;
    let longest = Span::from_micros(column::<Option<i64>>(&longest, 0)?.unwrap_or(0));
    let first = from.micros().saturating_sub(longest.micros()).saturating_sub(Resolution::Minute.width().micros());
    let sql = "select d.point, d.minute, d.mark, coalesce(p.hold, 0)
        from json_each(?1) j cross join dirty_minutes d left join points p on p.number = d.point
        where d.point = j.value and d.minute >= ?2 and d.minute < ?3 order by d.point, d.minute";
    let found = query(sql).bind(numbers(points)?).bind(first).bind(to.micros()).fetch_all(connection).await.map_err(doing())?;
    found.iter().map(dirty).collect()
}
