//! What upkeep of figures asks of SQLite.

use std::collections::BTreeMap;

use async_trait::async_trait;
use model::{PointNumber, Span, Time};
use sqlx::pool::PoolConnection;
use sqlx::sqlite::Sqlite;
use sqlx::{AssertSqlSafe, query};

use super::errors::during;
use super::kept;
use super::write::{BUCKET_US, bucket};
use super::{SqliteStore, column, number, points};
pub(super) use crate::upkeep::Patch;
use crate::upkeep::{Dirty, Ground, State};
use crate::{Figure, FigureQuery, Resolution, SampleRow, StoreError};

/// Reads on a connection of upkeep's own, writes on the writer's.
pub(super) struct Tables<'a> {
    pub(super) store: &'a SqliteStore,
    pub(super) reader: PoolConnection<Sqlite>,
}

fn start(bucket: i64) -> Time {
    Time::from_micros(bucket.saturating_mul(BUCKET_US))
}

/// Samples are counted and looked for by their buckets, of which a minute has six.
fn buckets(from: Time, to: Time) -> (i64, i64) {
    (bucket(from.micros()), bucket(to.micros()))
}

#[async_trait]
impl Ground for Tables<'_> {
    async fn state(&mut self) -> Result<State, StoreError> {
        kept::state(&mut self.reader).await
    }

    async fn holds(&mut self) -> Result<BTreeMap<PointNumber, Span>, StoreError> {
        Ok(points::all(&mut self.reader).await?.into_iter().map(|row| (row.number, row.hold)).collect())
    }

    async fn last(&mut self, points: &[PointNumber], not_before: Time, at: Time) -> Result<Vec<SampleRow>, StoreError> {
        points::last(&mut self.reader, points, not_before, at).await
    }

    async fn samples(&mut self, points: &[PointNumber], from: Time, to: Time) -> Result<Vec<SampleRow>, StoreError> {
        points::samples(&mut self.reader, points, from, to).await
    }

    async fn first_sample(&mut self, from: Time, to: Time) -> Result<Option<Time>, StoreError> {
        let (first, end) = buckets(from, to);
        let sql = query("select min(bucket) from samples where bucket >= ?1 and bucket < ?2").bind(first).bind(end);
        let found = sql.fetch_one(&mut *self.reader).await.map_err(during("look for samples"))?;
        Ok(column::<Option<i64>>(&found, 0)?.map(start))
    }

    async fn full(&mut self, from: Time, to: Time, rows: usize) -> Result<Option<Time>, StoreError> {
        let (first, end) = buckets(from, to);
        let sql = "select bucket from samples where bucket >= ?1 and bucket < ?2 order by bucket limit 1 offset ?3";
        let sql = query(sql).bind(first).bind(end).bind(rows.cast_signed() as i64);
        let found = sql.fetch_optional(&mut *self.reader).await.map_err(during("look for samples"))?;
        found.map(|row| column(&row, 0).map(start)).transpose()
    }

    async fn counts(&mut self, from: Time, to: Time) -> Result<Vec<(PointNumber, usize)>, StoreError> {
        let (first, end) = buckets(from, to);
        let sql = "select point, count(*) from samples where bucket >= ?1 and bucket < ?2 group by point";
        let found = query(sql).bind(first).bind(end).fetch_all(&mut *self.reader).await.map_err(during("count samples"))?;
        found.iter().map(|row| Ok((number(row, 0)?, usize::try_from(column::<i64>(row, 1)?).unwrap_or(0)))).collect()
    }

    async fn dirty(&mut self, before: Time, limit: usize) -> Result<Vec<Dirty>, StoreError> {
        let sql = "select d.point, d.minute, d.mark, coalesce(p.hold, 0) from dirty_minutes d \
                   left join points p on p.number = d.point where d.minute < ?1 order by d.point, d.minute limit ?2";
        let sql = query(sql).bind(before.micros()).bind(limit.cast_signed() as i64);
        let found = sql.fetch_all(&mut *self.reader).await.map_err(during("look for late samples"))?;
        found.iter().map(kept::dirty).collect()
    }

    async fn figures(&mut self, wanted: &FigureQuery) -> Result<Vec<Figure>, StoreError> {
        kept::figures(&mut self.reader, wanted).await
    }

    async fn first_figure(&mut self, resolution: Resolution, from: Time, to: Time) -> Result<Option<Time>, StoreError> {
        let sql = format!("select min(start) from {} where start >= ?1 and start < ?2", kept::table(resolution));
        let sql = query(AssertSqlSafe(sql)).bind(from.micros()).bind(to.micros());
        let found = sql.fetch_one(&mut *self.reader).await.map_err(during("look for figures"))?;
        Ok(column::<Option<i64>>(&found, 0)?.map(Time::from_micros))
    }

    async fn points_of_figures(&mut self, resolution: Resolution, from: Time, to: Time) -> Result<Vec<PointNumber>, StoreError> {
        let table = kept::table(resolution);
        let sql = format!("select distinct point from {table} where start >= ?1 and start < ?2 order by point");
        let sql = query(AssertSqlSafe(sql)).bind(from.micros()).bind(to.micros());
        let found = sql.fetch_all(&mut *self.reader).await.map_err(during("look for figures"))?;
        found.iter().map(|row| number(row, 0)).collect()
    }

    async fn patch(&mut self, patch: &Patch) -> Result<(), StoreError> {
        self.store.patch(patch).await
    }
}
