//! Kept figures: reading and writing them, and what is known of how far they go.

use model::{PointNumber, Span, Time};
use sqlx::postgres::{PgConnection, PgRow};
use sqlx::{AssertSqlSafe, Connection, query};

use super::errors::during;
use super::{Layout, check_terms, column, number, time};
use crate::upkeep::{self, Dirty, Patch, State};
use crate::{Figure, FigureQuery, PendingSpan, Resolution, StoreError};

pub(super) const fn table(resolution: Resolution) -> &'static str {
    match resolution {
        Resolution::Minute => "figures_1m",
        Resolution::Hour => "figures_1h",
        Resolution::Day => "figures_1d",
    }
}

/// A continuous aggregate keeps what is too large for a sum of the server apart, a 10^20th of it.
const HUGE: f64 = 1e20;

/// Whether hours and days are continuous aggregates.
fn is_aggregate(layout: Layout, resolution: Resolution) -> bool {
    layout == Layout::Community && resolution != Resolution::Minute
}

pub(super) async fn state(connection: &mut PgConnection) -> Result<State, StoreError> {
    let sql = "select claimed_to, done_to, raw_from, minutes_from from figures_state";
    let row = query(sql).fetch_one(connection).await.map_err(during("read how far figures go"))?;
    Ok(State { claimed_to: time(&row, 0)?, done_to: time(&row, 1)?, raw_from: time(&row, 2)?, minutes_from: time(&row, 3)? })
}

/// Figures as they are kept.
pub(super) async fn figures(
    connection: &mut PgConnection,
    layout: Layout,
    wanted: &FigureQuery,
) -> Result<Vec<Figure>, StoreError> {
    check_terms("points", wanted.points.len())?;
    let sums = if is_aggregate(layout, wanted.resolution) {
        "coalesce(sum, 0), coalesce(weighted, 0), good, coalesce(sum_huge, 0), coalesce(weighted_huge, 0)"
    } else {
        "sum, weighted, good, 0::float8, 0::float8"
    };
    let sql = format!(
        "select start, point, samples, count, min, max, first, last, {sums} from {} \
         where point = any($1) and start >= $2 and start < $3 order by point, start",
        table(wanted.resolution)
    );
    let points: Vec<i64> = wanted.points.iter().map(|point| i64::from(point.0)).collect();
    let sql = query(AssertSqlSafe(sql)).bind(points).bind(wanted.from.micros()).bind(wanted.to.micros());
    let found = sql.fetch_all(connection).await.map_err(during("read figures"))?;
    found.iter().map(figure).collect()
}

fn figure(row: &PgRow) -> Result<Figure, StoreError> {
    let whole = |index, huge| Ok::<f64, StoreError>(column::<f64>(row, index)? + column::<f64>(row, huge)? * HUGE);
    Ok(Figure {
        start: time(row, 0)?,
        point: number(row, 1)?,
        samples: column::<i64>(row, 2)?.cast_unsigned(),
        count: column::<i64>(row, 3)?.cast_unsigned(),
        sum: whole(8, 11)?,
        min: column(row, 4)?,
        max: column(row, 5)?,
        first: column(row, 6)?,
        last: column(row, 7)?,
        weighted: whole(9, 12)?,
        good: Span::from_micros(column(row, 10)?),
    })
}

pub(super) fn dirty(row: &PgRow) -> Result<Dirty, StoreError> {
    Ok(Dirty { point: number(row, 0)?, minute: time(row, 1)?, mark: column(row, 2)?, hold: Span::from_micros(column(row, 3)?) })
}

/// Where kept figures are not what the raw samples say.
pub(super) async fn pending(
    connection: &mut PgConnection,
    points: &[PointNumber],
    from: Time,
    to: Time,
) -> Result<Vec<PendingSpan>, StoreError> {
    // Marks are read before how far figures are worked out: what is marked in between lies behind the older end.
    let marks = marks(connection, points, from, to).await?;
    let done_to = state(connection).await?.done_to;
    Ok(upkeep::pending(&marks, done_to, from, to))
}

async fn marks(connection: &mut PgConnection, points: &[PointNumber], from: Time, to: Time) -> Result<Vec<Dirty>, StoreError> {
    check_terms("points", points.len())?;
    // Of a point with a long hold an earlier minute concerns the stretch too; each point has its own.
    let sql = "select d.point, d.minute, d.mark, coalesce(p.hold, 0) \
               from unnest($1::int8[]) u (point) left join points p on p.number = u.point \
               join dirty_minutes d on d.point = u.point and d.minute < $3 \
                   and d.minute > $2::numeric - coalesce(p.hold, 0) - 120000000 \
               order by d.point, d.minute";
    let points: Vec<i64> = points.iter().map(|point| i64::from(point.0)).collect();
    let sql = query(sql).bind(points).bind(from.micros()).bind(to.micros());
    let found = sql.fetch_all(connection).await.map_err(during("look for late samples"))?;
    found.iter().map(dirty).collect()
}

/// Makes all of the changes of a patch, or none. Raising what is claimed waits for the writers that have looked at it.
pub(super) async fn apply(connection: &mut PgConnection, layout: Layout, patch: &Patch) -> Result<(), StoreError> {
    let doing = || during("write figures");
    let mut transaction = connection.begin().await.map_err(during("begin a transaction"))?;
    if let Some(claimed_to) = patch.claimed_to {
        let sql = query("update figures_state set claimed_to = greatest(claimed_to, $1)").bind(claimed_to.micros());
        sql.execute(&mut *transaction).await.map_err(doing())?;
    }
    if let Some((resolution, from, to)) = patch.clear {
        let sql = format!("delete from {} where start >= $1 and start < $2", table(resolution));
        let sql = query(AssertSqlSafe(sql)).bind(from.micros()).bind(to.micros());
        sql.execute(&mut *transaction).await.map_err(doing())?;
    }
    for resolution in Resolution::ALL.iter().filter(|resolution| !is_aggregate(layout, **resolution)) {
        let of = |some: &[(Resolution, Figure)]| some.iter().filter(|(of, _)| of == resolution).map(|(_, it)| *it).collect();
        let (put, missing): (Vec<Figure>, Vec<Figure>) = (of(&patch.put), of(&patch.missing));
        remove(&mut transaction, *resolution, &patch.gone).await?;
        insert(&mut transaction, *resolution, &put, true).await?;
        insert(&mut transaction, *resolution, &missing, false).await?;
    }
    unmark(&mut transaction, &patch.unmark).await?;
    if let Some(done_to) = patch.done_to {
        let sql = query("update figures_state set done_to = greatest(done_to, $1)").bind(done_to.micros());
        sql.execute(&mut *transaction).await.map_err(doing())?;
    }
    transaction.commit().await.map_err(during("commit a transaction"))
}

async fn remove(
    connection: &mut PgConnection,
    resolution: Resolution,
    gone: &[(Resolution, Time, PointNumber)],
) -> Result<(), StoreError> {
    let of = gone.iter().filter(|(of, ..)| *of == resolution);
    let (starts, points): (Vec<i64>, Vec<i64>) = of.map(|(_, start, point)| (start.micros(), i64::from(point.0))).unzip();
    if starts.is_empty() {
        return Ok(());
    }
    let sql = format!(
        "delete from {} f using unnest($1::int8[], $2::int8[]) g (start, point) where f.point = g.point and f.start = g.start",
        table(resolution)
    );
    let sql = query(AssertSqlSafe(sql)).bind(starts).bind(points);
    sql.execute(connection).await.map(drop).map_err(during("delete figures"))
}

/// Puts figures in the place of those there are, or only where there are none.
async fn insert(
    connection: &mut PgConnection,
    resolution: Resolution,
    figures: &[Figure],
    replace: bool,
) -> Result<(), StoreError> {
    if figures.is_empty() {
        return Ok(());
    }
    let conflict = if replace {
        "do update set samples = excluded.samples, count = excluded.count, sum = excluded.sum, min = excluded.min, \
             max = excluded.max, first = excluded.first, last = excluded.last, weighted = excluded.weighted, good = excluded.good"
    } else {
        "do nothing"
    };
    let sql = format!(
        "insert into {} (start, point, samples, count, sum, min, max, first, last, weighted, good) \
         select * from unnest($1::int8[], $2::int8[], $3::int8[], $4::int8[], $5::float8[], $6::float8[], $7::float8[], \
             $8::float8[], $9::float8[], $10::float8[], $11::int8[]) on conflict (point, start) {conflict}",
        table(resolution)
    );
    let whole = |of: fn(&Figure) -> i64| figures.iter().map(of).collect::<Vec<_>>();
    let number = |of: fn(&Figure) -> f64| figures.iter().map(of).collect::<Vec<_>>();
    let maybe = |of: fn(&Figure) -> Option<f64>| figures.iter().map(of).collect::<Vec<_>>();
    let sql = query(AssertSqlSafe(sql)).bind(whole(|it| it.start.micros())).bind(whole(|it| i64::from(it.point.0)));
    let sql = sql.bind(whole(|it| it.samples.cast_signed())).bind(whole(|it| it.count.cast_signed()));
    let sql = sql.bind(number(|it| it.sum)).bind(maybe(|it| it.min)).bind(maybe(|it| it.max));
    let sql = sql.bind(maybe(|it| it.first)).bind(maybe(|it| it.last));
    let sql = sql.bind(number(|it| it.weighted)).bind(whole(|it| it.good.micros()));
    sql.execute(connection).await.map(drop).map_err(during("write figures"))
}

/// Takes marks away as they were read: one that grew since then stays.
async fn unmark(connection: &mut PgConnection, marks: &[(u32, i64, i64)]) -> Result<(), StoreError> {
    if marks.is_empty() {
        return Ok(());
    }
    let sql = "delete from dirty_minutes d using unnest($1::int8[], $2::int8[], $3::int8[]) u (point, minute, mark) \
               where d.point = u.point and d.minute = u.minute and d.mark = u.mark";
    let sql = query(sql)
        .bind(marks.iter().map(|(point, ..)| i64::from(*point)).collect::<Vec<_>>())
        .bind(marks.iter().map(|(_, minute, _)| *minute).collect::<Vec<_>>())
        .bind(marks.iter().map(|(.., mark)| *mark).collect::<Vec<_>>());
    sql.execute(connection).await.map(drop).map_err(during("take marks away"))
}
