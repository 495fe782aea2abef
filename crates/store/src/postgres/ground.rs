//! What upkeep of figures asks of PostgreSQL, all on one connection.

use std::collections::BTreeMap;

use async_trait::async_trait;
use model::{PointNumber, Span, Time};
use sqlx::{AssertSqlSafe, query};

use super::connect::Lane;
use super::errors::during;
use super::pieces::{self, Direction, timestamp};
use super::rows::USUAL;
use super::walk::{Points, Walk, window_sql};
use super::{Layout, column, kept, number, samples, time};
use crate::upkeep::{Dirty, Ground, Patch, State};
use crate::{Figure, FigureQuery, Resolution, SampleRow, StoreError};

const MINUTE: i64 = 60_000_000;

/// The tables behind upkeep's own connection.
pub(super) struct Tables {
    pub(super) lane: Lane,
    pub(super) layout: Layout,
}

impl Tables {
    /// The first sample of a piece from one time to before another; of a packed piece no more than where it begins.
    async fn first_in(&mut self, piece: &pieces::Piece, from: i64, to: i64) -> Result<Option<i64>, StoreError> {
        let (from, to) = (from.max(piece.lo), to.min(piece.hi));
        if piece.is_packed {
            return Ok(Some(from));
        }
        let sql = format!(
            "select ((extract(epoch from min(ts)) * 1000000)::int8) from samples where ts >= {} and ts < {}",
            timestamp(from),
            timestamp(to)
        );
        let row = query(AssertSqlSafe(sql)).fetch_one(&mut *self.lane).await.map_err(during("look for samples"))?;
        column(&row, 0)
    }

    async fn first_strange(&mut self, from: i64, to: i64) -> Result<Option<i64>, StoreError> {
        let sql = query("select min(ts) from samples_strange where ts >= $1 and ts < $2").bind(from).bind(to);
        let row = sql.fetch_one(&mut *self.lane).await.map_err(during("look for samples"))?;
        column(&row, 0)
    }
}

#[async_trait]
impl Ground for Tables {
    async fn state(&mut self) -> Result<State, StoreError> {
        kept::state(&mut self.lane).await
    }

    async fn holds(&mut self) -> Result<BTreeMap<PointNumber, Span>, StoreError> {
        Ok(samples::points(&mut self.lane).await?.into_iter().map(|row| (row.number, row.hold)).collect())
    }

    async fn last(&mut self, points: &[PointNumber], not_before: Time, at: Time) -> Result<Vec<SampleRow>, StoreError> {
        samples::at(&mut self.lane, self.layout, points, not_before, at).await
    }

    async fn samples(&mut self, points: &[PointNumber], from: Time, to: Time) -> Result<Vec<SampleRow>, StoreError> {
        samples::by_point(&mut self.lane, points, from, to).await
    }

    async fn first_sample(&mut self, from: Time, to: Time) -> Result<Option<Time>, StoreError> {
        let (from, to) = (from.micros(), to.micros());
        let mut first = self.first_strange(from, to).await?;
        let mut at = from.max(USUAL.start);
        while at < to {
            let pieces = pieces::list(&mut self.lane, self.layout, (at, to), Direction::Forwards).await?;
            let Some(last) = pieces.last() else { break };
            let end = last.hi;
            for piece in pieces {
                if let Some(found) = self.first_in(&piece, from, to).await? {
                    first = Some(first.map_or(found, |first| first.min(found)));
                    return Ok(first.map(Time::from_micros));
                }
            }
            at = end;
        }
        Ok(first.map(Time::from_micros))
    }

    /// As if each minute had as many samples as the first one: reads are bounded by what is counted, not by this.
    async fn full(&mut self, from: Time, to: Time, rows: usize) -> Result<Option<Time>, StoreError> {
        let minute = from.plus(Span::from_micros(MINUTE)).min(to);
        let count: usize = self.counts(from, minute).await?.iter().map(|(_, count)| count).sum();
        let minutes = rows.checked_div(count).map(|minutes| (minutes.cast_signed() as i64).max(1));
        Ok(minutes.map(|minutes| from.plus(Span::from_micros(minutes.saturating_mul(MINUTE)))).filter(|full| *full < to))
    }

    async fn counts(&mut self, from: Time, to: Time) -> Result<Vec<(PointNumber, usize)>, StoreError> {
        let doing = || during("count samples");
        let mut counts: BTreeMap<PointNumber, usize> = BTreeMap::new();
        let sql = query("select point, count(*) from samples_strange where ts >= $1 and ts < $2 group by point");
        let mut found = sql.bind(from.micros()).bind(to.micros()).fetch_all(&mut *self.lane).await.map_err(doing())?;
        let mut walk = Walk::new(self.layout, from.micros(), to.micros());
        while let Some(window) = walk.next(&mut self.lane, i64::MAX).await? {
            let sql = format!("select point::int8, count(*) from ({}) w group by point", window_sql(&Points::All, &window, ""));
            found.extend(query(AssertSqlSafe(sql)).fetch_all(&mut *self.lane).await.map_err(doing())?);
        }
        for row in &found {
            *counts.entry(number(row, 0)?).or_default() += usize::try_from(column::<i64>(row, 1)?).unwrap_or(0);
        }
        Ok(counts.into_iter().collect())
    }

    async fn dirty(&mut self, before: Time, limit: usize) -> Result<Vec<Dirty>, StoreError> {
        // A continuous aggregate sums up an hour of all points at once: what lies together in time is worked out together.
        let order = if self.sums() { "d.minute, d.point" } else { "d.point, d.minute" };
        let sql = format!(
            "select d.point, d.minute, d.mark, coalesce(p.hold, 0) from dirty_minutes d left join points p on p.number = d.point \
             where d.minute < $1 order by {order} limit $2"
        );
        let sql = query(AssertSqlSafe(sql)).bind(before.micros()).bind(limit.cast_signed() as i64);
        let found = sql.fetch_all(&mut *self.lane).await.map_err(during("look for late samples"))?;
        found.iter().map(kept::dirty).collect()
    }

    async fn figures(&mut self, wanted: &FigureQuery) -> Result<Vec<Figure>, StoreError> {
        kept::figures(&mut self.lane, self.layout, wanted).await
    }

    async fn first_figure(&mut self, resolution: Resolution, from: Time, to: Time) -> Result<Option<Time>, StoreError> {
        let sql = format!("select min(start) from {} where start >= $1 and start < $2", kept::table(resolution));
        let sql = query(AssertSqlSafe(sql)).bind(from.micros()).bind(to.micros());
        let row = sql.fetch_one(&mut *self.lane).await.map_err(during("look for figures"))?;
        Ok(column::<Option<i64>>(&row, 0)?.map(Time::from_micros))
    }

    async fn points_of_figures(&mut self, resolution: Resolution, from: Time, to: Time) -> Result<Vec<PointNumber>, StoreError> {
        let table = kept::table(resolution);
        let sql = format!("select distinct point from {table} where start >= $1 and start < $2 order by point");
        let sql = query(AssertSqlSafe(sql)).bind(from.micros()).bind(to.micros());
        let found = sql.fetch_all(&mut *self.lane).await.map_err(during("look for figures"))?;
        found.iter().map(|row| number(row, 0)).collect()
    }

    async fn patch(&mut self, patch: &Patch) -> Result<(), StoreError> {
        kept::apply(&mut self.lane, self.layout, patch).await
    }

    fn sums(&self) -> bool {
        self.layout == Layout::Community
    }

    async fn sum(&mut self, resolution: Resolution, from: Time, to: Time) -> Result<(), StoreError> {
        // The call refuses to run in a transaction, and knows no parameters.
        let sql = format!(
            "call refresh_continuous_aggregate('{}', {}::int8, {}::int8)",
            kept::table(resolution),
            from.micros(),
            to.micros()
        );
        sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut *self.lane).await.map(drop).map_err(during("sum up figures"))
    }
}

/// How far figures have seen samples, and how long a value may be held: what is older is not needed any more.
pub(super) async fn seen_to(lane: &mut Lane) -> Result<Time, StoreError> {
    let sql = "select (select max(hold) from points), (select min(minute) from dirty_minutes), done_to from figures_state";
    let row = query(sql).fetch_one(&mut **lane).await.map_err(during("look for late samples"))?;
    let longest = column::<Option<i64>>(&row, 0)?.unwrap_or(0);
    let needed = column::<Option<i64>>(&row, 1)?.map_or(Time::MAX, Time::from_micros).min(time(&row, 2)?);
    Ok(needed.plus(Span::from_micros(longest.saturating_neg())))
}
