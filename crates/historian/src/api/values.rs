//! What points were at one moment.

use std::collections::BTreeSet;

use model::ErrorKind;
use store::query::{ValueAt, values_at};
use store::{PointRow, Store};
use wire::{Failure, time_to_v1, v1};

use crate::api::{Api, failure};
use crate::complete::Concerns;
use crate::request;

/// Most points of a question.
const POINTS_MAX: usize = store::query::POINTS_MAX;

/// `GetValuesAt`.
pub(super) async fn at(api: &Api, request: v1::GetValuesAtRequest) -> Result<v1::GetValuesAtResponse, Failure> {
    let at = request.at.ok_or_else(|| request::required("at"))?;
    let at = request::time("at", &at)?;
    let points = request::some_points(request.points, POINTS_MAX)?;
    known(&*api.store, &points).await?;
    let complete_to = api.complete(Concerns::Samples).await?;
    let values = values_at(&*api.store, &points, at).await.map_err(failure)?;
    Ok(v1::GetValuesAtResponse { values: values.into_iter().map(value_to_v1).collect(), complete_to })
}

/// The points of these ids, in the order of numbers; fails where nobody knows one.
pub(super) async fn known(store: &dyn Store, ids: &[String]) -> Result<Vec<PointRow>, Failure> {
    let points = store.points_named(ids).await.map_err(failure)?;
    let found: BTreeSet<_> = points.iter().map(|point| point.id.as_str()).collect();
    match ids.iter().find(|id| !found.contains(id.as_str())) {
        None => Ok(points),
        Some(id) => {
            let message = format!("points has `{id}`, which no site has ever named; `davy query points` lists them");
            Err(Failure { field: Some("points"), ..Failure::new(ErrorKind::NotFound, "unknown_point", message) })
        }
    }
}

fn value_to_v1(value: ValueAt) -> v1::ValueAt {
    let ValueAt { point, sample, held } = value;
    v1::ValueAt {
        point: point.id,
        unit: point.unit,
        time: sample.map(|row| time_to_v1(row.time)),
        value: sample.and_then(|row| row.value),
        quality: sample.map_or(v1::Quality::Unspecified, |row| wire::quality_to_v1(row.quality)).into(),
        held,
    }
}
