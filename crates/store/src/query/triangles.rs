//! Real samples for a picture: of each bucket the one that makes the largest triangle with its neighbours (Steinarsson 2013).
//!
//! A picture so made looks right and may still miss an extreme; where that matters ask for a trend.

use model::Time;

use super::gather::RawRows;
use super::{PIXELS_MAX, SAMPLES_MAX, check_range, named};
use crate::figures::judged;
use crate::{SampleRow, Store, StoreError};

/// At most so many good samples of one point, the first and the last among them.
pub async fn lttb(store: &dyn Store, point: &str, from: Time, to: Time, count: u32) -> Result<Vec<SampleRow>, StoreError> {
    if !(3..=PIXELS_MAX).contains(&count) {
        return Err(StoreError::InvalidInput { field: "count", reason: "at least 3 and at most 10000 are allowed" });
    }
    check_range(from, to)?;
    let points = named(store, &[point.to_owned()]).await?;
    let Some(point) = points.first() else { return Ok(Vec::new()) };
    let mut rows = RawRows::new(store, &[point], from, to);
    let mut good: Vec<(SampleRow, f64)> = Vec::new();
    while let Some(some) = rows.next().await? {
        good.extend(some.into_iter().filter_map(|row| judged(&row).map(|value| (row, value))));
        if good.len() > SAMPLES_MAX {
            let reason = "more than 500000 samples would have to be read: ask for a shorter range, or for a trend";
            return Err(StoreError::InvalidInput { field: "to", reason });
        }
    }
    Ok(largest_triangles(&good, count as usize))
}

fn largest_triangles(good: &[(SampleRow, f64)], count: usize) -> Vec<SampleRow> {
    if good.len() <= count {
        return good.iter().map(|(row, _)| *row).collect();
    }
    // The first and the last are buckets of their own; those between share what is left evenly.
    let (inner, buckets) = (good.len() - 2, count - 2);
    let border = |bucket: usize| 1 + bucket * inner / buckets;
    let mut chosen = vec![0];
    for bucket in 0..buckets {
        let next = if bucket + 1 < buckets { border(bucket + 1)..border(bucket + 2) } else { good.len() - 1..good.len() };
        let corner = (place(&good[chosen[bucket]]), mean(&good[next]));
        let area = |index: &usize| area(corner.0, place(&good[*index]), corner.1);
        let best = (border(bucket)..border(bucket + 1)).max_by(|a, b| area(a).total_cmp(&area(b)));
        chosen.push(best.unwrap_or(border(bucket)));
    }
    chosen.push(good.len() - 1);
    chosen.into_iter().map(|index| good[index].0).collect()
}

fn place((row, value): &(SampleRow, f64)) -> (f64, f64) {
    (row.time.micros() as f64, *value)
}

fn mean(some: &[(SampleRow, f64)]) -> (f64, f64) {
    let sum = some.iter().map(place).fold((0.0, 0.0), |sum, place| (sum.0 + place.0, sum.1 + place.1));
    (sum.0 / some.len() as f64, sum.1 / some.len() as f64)
}

/// Twice the area: for comparison only.
fn area(a: (f64, f64), b: (f64, f64), c: (f64, f64)) -> f64 {
    ((a.0 - c.0) * (b.1 - a.1) - (a.0 - b.0) * (c.1 - a.1)).abs()
}

#[cfg(test)]
mod tests {
    use model::{PointNumber, Quality, SampleFlags};
    use proptest::prelude::*;

    use super::*;

    fn sample(second: i64, value: f64) -> (SampleRow, f64) {
        let time = Time::from_micros(second * 1_000_000);
        let (quality, flags) = (Quality::Good, SampleFlags::default());
        (SampleRow { point: PointNumber(1), time, value: Some(value), quality, flags, recorded_at: time }, value)
    }

    #[test]
    fn a_peak_is_chosen() {
        let flat: Vec<_> = (0..1_000).map(|n| sample(n, if n == 543 { 9.0 } else { 1.0 })).collect();
        let chosen = largest_triangles(&flat, 20);
        assert_eq!((chosen.len(), chosen[0], chosen[19]), (20, flat[0].0, flat[999].0));
        assert!(chosen.iter().any(|row| row.value == Some(9.0)));
    }

    proptest! {
        #[test]
        fn so_many_in_order(values in prop::collection::vec(-9.0_f64..9.0, 0..300), count in 3_usize..50) {
            let all: Vec<_> = (0..).zip(&values).map(|(second, value)| sample(second, *value)).collect();
            let chosen = largest_triangles(&all, count);
            prop_assert_eq!(chosen.len(), all.len().min(count));
            prop_assert!(chosen.windows(2).all(|pair| pair[0].time < pair[1].time));
        }
    }
}
