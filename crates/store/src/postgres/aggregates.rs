//! Figures per bucket of time, worked out here from raw samples: reading them costs less than having the server sort out repeats.

use std::collections::BTreeMap;

use model::{PointNumber, Quality, Time};
use sqlx::postgres::PgConnection;

use super::rows::{Stored, standing};
use super::walk::{self, Points, Walk, window_sql};
use super::{Layout, range, samples};
use crate::{Aggregate, AggregateQuery, StoreError};

/// Rows of a window aimed at; between half and twice of it are read at a time.
const WINDOW_ROWS: usize = 200_000;

/// Figures by point number and bucket.
pub(super) async fn aggregates(
    connection: &mut PgConnection,
    layout: Layout,
    wanted: &AggregateQuery,
) -> Result<Vec<Aggregate>, StoreError> {
    let width = wanted.bucket.micros();
    if width < 1 {
        return Err(StoreError::InvalidInput { field: "bucket", reason: "a bucket is at least one microsecond wide" });
    }
    if wanted.from.micros().checked_sub(width).is_none() {
        return Err(StoreError::InvalidInput { field: "from", reason: "its bucket begins before all time" });
    }
    let Some((low, high)) = range(Some(wanted.from), Some(wanted.to)) else { return Ok(Vec::new()) };
    let points = if wanted.points.is_empty() {
        samples::points(connection).await?
    } else {
        samples::points_named(connection, &wanted.points).await?
    };
    let ids: BTreeMap<PointNumber, String> = points.into_iter().map(|point| (point.number, point.id)).collect();
    let mut fold = Fold { width, limit: wanted.limit, sums: BTreeMap::new() };
    let numbers = Points::Numbers(ids.keys().copied().collect());
    // Those with a time that is usual may repeat one that lies in a window, so they are folded with it.
    let mut strange = walk::strange(connection, &numbers, (low, high), "order by ts").await?;
    let mut walk = Walk::new(layout, low, high.saturating_add(1));
    let mut window_width = 1_000_000;
    while let Some(window) = walk.next(connection, window_width).await? {
        let mut rows = walk::read(connection, &window_sql(&numbers, &window, "")).await?;
        let read = rows.len();
        rows.extend(strange.extract_if(.., |row| (window.from..window.to).contains(&row.row.time.micros())));
        standing(rows).iter().for_each(|row| fold.add(row));
        if read < WINDOW_ROWS / 2 {
            window_width = window_width.saturating_mul(2);
        } else if read > WINDOW_ROWS * 2 {
            window_width = (window_width / 2).max(1);
        }
    }
    standing(strange).iter().for_each(|row| fold.add(row));
    Ok(fold.finish(&ids))
}

struct Fold {
    width: i64,
    limit: usize,
    sums: BTreeMap<(PointNumber, i64), Sums>,
}

/// What is known of a bucket; samples come in any order of time.
#[derive(Default)]
struct Sums {
    samples: u64,
    count: u64,
    sum: f64,
    min: Option<f64>,
    max: Option<f64>,
    first: Option<(Time, f64)>,
    last: Option<(Time, f64)>,
}

impl Fold {
    fn add(&mut self, sample: &Stored) {
        let row = &sample.row;
        let start = row.time.micros().div_euclid(self.width).saturating_mul(self.width);
        self.sums.entry((row.point, start)).or_default().add(sample);
        // What is behind as many buckets as are wanted stays behind them.
        while self.sums.len() > self.limit {
            self.sums.pop_last();
        }
    }

    fn finish(self, ids: &BTreeMap<PointNumber, String>) -> Vec<Aggregate> {
        let aggregate = |((point, start), sums): ((PointNumber, i64), Sums)| {
            #[expect(clippy::cast_precision_loss, reason = "nobody counts so far")]
            let mean = (sums.count > 0).then(|| sums.sum / sums.count as f64);
            Some(Aggregate {
                id: ids.get(&point)?.clone(),
                start: Time::from_micros(start),
                count: sums.count,
                samples: sums.samples,
                min: sums.min,
                max: sums.max,
                mean: mean.filter(|mean| mean.is_finite()),
                first: sums.first.map(|(_, value)| value),
                last: sums.last.map(|(_, value)| value),
            })
        };
        self.sums.into_iter().filter_map(aggregate).collect()
    }
}

impl Sums {
    fn add(&mut self, sample: &Stored) {
        self.samples += 1;
        let row = &sample.row;
        let Some(value) = row.value.filter(|_| matches!(row.quality, Quality::Good | Quality::Uncertain)) else { return };
        self.count += 1;
        self.sum += value;
        self.min = Some(self.min.map_or(value, |min| min.min(value)));
        self.max = Some(self.max.map_or(value, |max| max.max(value)));
        self.first = Some(self.first.filter(|(time, _)| *time < row.time).unwrap_or((row.time, value)));
        self.last = Some(self.last.filter(|(time, _)| *time > row.time).unwrap_or((row.time, value)));
    }
}
