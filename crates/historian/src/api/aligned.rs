//! Several points side by side at even steps of time. The store is read as the caller takes the rows.

use std::sync::Arc;

use futures_util::stream::unfold;
use model::{Span, Time};
use store::query::aligned;
use store::{Store, StoreError};
use tonic::Status;
use wire::{Failure, time_to_v1, v1};

use crate::api::values::known;
use crate::api::{Answers, Api, failure};
use crate::complete::Concerns;
use crate::request;

const POINTS_MAX: usize = 100;
const ROWS_MAX: i64 = 1_000_000;
const STEP_MIN_US: i64 = 1_000;

/// Rows, and values, of one message: about 300 KiB.
const PAGE_ROWS: usize = 500;
const PAGE_VALUES: usize = 20_000;

/// `QueryAligned`.
pub(super) async fn query(api: &Api, request: v1::QueryAlignedRequest) -> Result<Answers<v1::QueryAlignedResponse>, Failure> {
    let (from, to) = request::period(request.from.as_ref(), request.to.as_ref())?;
    let step = step(request.step_us, from, to)?;
    let points = request::some_points(request.points, POINTS_MAX)?;
    let points: Vec<_> = known(&*api.store, &points).await?.into_iter().map(|point| point.id).collect();
    let complete_to = api.complete(Concerns::Samples).await?;
    let rows = Rows { store: Arc::clone(&api.store), points, next: Some(from), to, step, complete_to };
    Ok(Box::pin(unfold(rows, Rows::next_page)))
}

fn step(step_us: i64, from: Time, to: Time) -> Result<Span, Failure> {
    if step_us < STEP_MIN_US {
        return Err(Failure::field("step_us", format!("step_us {step_us} is out of range; give at least {STEP_MIN_US}")));
    }
    if (to.since(from).micros() - 1) / step_us >= ROWS_MAX {
        let message = format!("step_us {step_us} gives more than {ROWS_MAX} rows; make it longer, or ask for less time");
        return Err(Failure::field("step_us", message));
    }
    Ok(Span::from_micros(step_us))
}

/// A stream of rows.
struct Rows {
    store: Arc<dyn Store>,
    points: Vec<String>,
    /// `None` at the end.
    next: Option<Time>,
    to: Time,
    step: Span,
    complete_to: Option<prost_types::Timestamp>,
}

impl Rows {
    async fn next_page(mut self) -> Option<(Result<v1::QueryAlignedResponse, Status>, Self)> {
        let from = self.next.take()?;
        let page = self.read(from).await.map_err(|error| Status::from(failure(error)));
        Some((page, self))
    }

    async fn read(&mut self, from: Time) -> Result<v1::QueryAlignedResponse, StoreError> {
        let rows = PAGE_ROWS.min(PAGE_VALUES / self.points.len().max(1)).max(1);
        let stretch = self.step.micros().saturating_mul(i64::try_from(rows).unwrap_or(1));
        let to = from.plus(Span::from_micros(stretch)).min(self.to);
        let found = aligned(&*self.store, &self.points, from, to, self.step).await?;
        self.next = Some(to).filter(|to| *to < self.to);
        let value = |value: Option<f64>| v1::AlignedValue { value };
        let row = |(time, values): (Time, Vec<Option<f64>>)| v1::AlignedRow {
            time: Some(time_to_v1(time)),
            values: values.into_iter().map(value).collect(),
        };
        Ok(v1::QueryAlignedResponse {
            points: found.points.into_iter().map(|point| point.id).collect(),
            rows: found.times.into_iter().zip(found.values).map(row).collect(),
            complete_to: self.complete_to,
        })
    }
}
