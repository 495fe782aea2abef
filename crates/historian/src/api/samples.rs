//! Raw samples as a stream.

use std::collections::VecDeque;
use std::sync::Arc;

use futures_util::stream::unfold;
use model::PointNumber;
use store::{MAX_SAMPLES, SampleKey, SampleQuery, Store, StoredSample};
use tonic::Status;
use wire::{Failure, time_to_v1, v1};

use crate::api::{Answers, Api, failure};
use crate::complete::Concerns;
use crate::request;

/// Samples of one message of the stream.
const STREAM_PAGE: usize = 1_000;

/// Samples read first: the answer begins soon. Then as many as the store gives at once.
const FIRST_READ: usize = 10_000;

/// `QuerySamples`.
pub(super) async fn query(api: &Api, request: v1::QuerySamplesRequest) -> Result<Answers<v1::QuerySamplesResponse>, Failure> {
    let v1::QuerySamplesRequest { points, from, to, limit } = request;
    let (from, to) = request::times(from.as_ref(), to.as_ref())?;
    let query = SampleQuery { points: request::points(points)?, from, to };
    let left = request::limit(limit)?;
    let complete_to = api.complete(Concerns::Samples).await?;
    let store = Arc::clone(&api.store);
    let pages = Pages { store, query, left, complete_to, read: VecDeque::new(), next: Next::First };
    Ok(Box::pin(unfold(pages, Pages::next_page)))
}

/// Where a stream of samples stands.
enum Next {
    First,
    After(SampleKey),
    End,
}

/// A stream of samples, read from the store as the caller takes it.
struct Pages {
    store: Arc<dyn Store>,
    query: SampleQuery,
    /// How many samples are still wanted.
    left: usize,
    complete_to: Option<prost_types::Timestamp>,
    read: VecDeque<StoredSample>,
    next: Next,
}

impl Pages {
    /// The next message; one at least, since that says up to when nothing is there.
    async fn next_page(mut self) -> Option<(Result<v1::QuerySamplesResponse, Status>, Self)> {
        if self.read.is_empty() {
            let (after, first, most) = match self.next {
                Next::First => (None, true, FIRST_READ),
                Next::After(key) => (Some(key), false, MAX_SAMPLES),
                Next::End => return None,
            };
            match self.store.samples(&self.query, after, self.left.min(most)).await {
                Ok(page) => {
                    self.left = self.left.saturating_sub(page.rows.len());
                    self.next = page.next.filter(|_| self.left > 0).map_or(Next::End, Next::After);
                    self.read = page.rows.into();
                }
                Err(error) => {
                    self.next = Next::End;
                    return Some((Err(failure(error).into()), self));
                }
            }
            if self.read.is_empty() && !first {
                return None;
            }
        }
        let samples = self.read.drain(..self.read.len().min(STREAM_PAGE)).map(sample_to_v1).collect();
        Some((Ok(v1::QuerySamplesResponse { samples, complete_to: self.complete_to }), self))
    }
}

fn sample_to_v1(stored: StoredSample) -> v1::Sample {
    let row = stored.row;
    v1::Sample {
        time: Some(time_to_v1(row.time)),
        point: stored.id.map_or_else(|| unnamed(row.point), |id| String::from(&*id)),
        value: row.value,
        quality: wire::quality_to_v1(row.quality).into(),
        historical: row.flags.historical,
        arrival_time: row.flags.arrival_time,
        out_of_range: row.flags.out_of_range,
        recorded_at: Some(time_to_v1(row.recorded_at)),
    }
}

/// A number that no revision has named yet is shown as it is: no id begins like that.
pub(super) fn unnamed(point: PointNumber) -> String {
    format!("#{}", point.0)
}
