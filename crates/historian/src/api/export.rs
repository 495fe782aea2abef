//! Samples of a period as a file. The store is read as the caller takes the bytes; between two reads nothing is held there.

use std::collections::VecDeque;
use std::fmt::Write as _;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::stream::unfold;
use store::{SampleKey, SampleQuery, Store, StoreError, StoredSample};
use tonic::Status;
use wire::{Failure, v1};

use crate::api::samples::unnamed;
use crate::api::table::{GROUP_ROWS, Table};
use crate::api::{Answers, Api, failure};
use crate::complete::Concerns;
use crate::request;

/// Bytes of one message of the stream.
const CHUNK_BYTES: usize = 1_024 * 1_024;

/// Samples of one read: two fill a group.
const READ: usize = GROUP_ROWS / 2;

/// `ExportSamples`.
pub(super) async fn samples(api: &Api, request: v1::ExportSamplesRequest) -> Result<Answers<v1::ExportSamplesResponse>, Failure> {
    let (from, to) = request::period(request.from.as_ref(), request.to.as_ref())?;
    let file = match request.format() {
        v1::ExportFormat::Parquet => File::Parquet(Box::new(Table::new().map_err(|error| failure(not_written(error)))?)),
        v1::ExportFormat::Csv => File::Csv("ts,point,value,quality\n".to_owned()),
        v1::ExportFormat::Unspecified => {
            return Err(Failure::field(
                "format",
                "format is not said, or unknown; give EXPORT_FORMAT_PARQUET or EXPORT_FORMAT_CSV",
            ));
        }
    };
    let query = SampleQuery { points: request::points(request.points)?, from: Some(from), to: Some(to) };
    let complete_to = api.complete(Concerns::Samples).await?;
    let store = Arc::clone(&api.store);
    let export = Export { store, query, complete_to, after: None, ready: VecDeque::new(), file: Some(file) };
    Ok(Box::pin(unfold(export, Export::next_chunk)))
}

/// A file in the making.
enum File {
    Parquet(Box<Table>),
    /// What is written and not yet taken.
    Csv(String),
}

/// A stream of a file's bytes.
struct Export {
    store: Arc<dyn Store>,
    query: SampleQuery,
    complete_to: Option<prost_types::Timestamp>,
    after: Option<SampleKey>,
    ready: VecDeque<Bytes>,
    /// `None` where it is whole, or was given up.
    file: Option<File>,
}

impl Export {
    async fn next_chunk(mut self) -> Option<(Result<v1::ExportSamplesResponse, Status>, Self)> {
        while self.ready.is_empty() {
            let file = self.file.take()?;
            if let Err(error) = self.extend(file).await {
                return Some((Err(failure(error).into()), self));
            }
        }
        let data = self.ready.pop_front()?;
        Some((Ok(v1::ExportSamplesResponse { data, complete_to: self.complete_to }), self))
    }

    /// Reads some rows and makes the next bytes of them.
    async fn extend(&mut self, file: File) -> Result<(), StoreError> {
        let page = self.store.samples(&self.query, self.after, READ).await?;
        let last = page.next.is_none();
        self.after = page.next;
        let (file, bytes) = file.extended(page.rows, last).await?;
        let mut bytes = Bytes::from(bytes);
        while !bytes.is_empty() {
            self.ready.push_back(bytes.split_to(bytes.len().min(CHUNK_BYTES)));
        }
        self.file = Some(file).filter(|_| !last);
        Ok(())
    }
}

impl File {
    /// The file with these rows, and the bytes that are ready.
    async fn extended(self, rows: Vec<StoredSample>, last: bool) -> Result<(Self, Vec<u8>), StoreError> {
        match self {
            Self::Csv(mut text) => {
                rows.into_iter().for_each(|row| csv_line(&mut text, row));
                Ok((Self::Csv(String::new()), text.into_bytes()))
            }
            Self::Parquet(mut table) => {
                table.add(rows);
                if !last && table.rows() + READ <= GROUP_ROWS {
                    return Ok((Self::Parquet(table), Vec::new()));
                }
                // Packing a group takes longer than other requests of this thread should wait.
                let packed = tokio::task::spawn_blocking(move || table.write(last).map(|bytes| (Self::Parquet(table), bytes)));
                packed.await.map_err(not_written)?.map_err(not_written)
            }
        }
    }
}

fn not_written(error: impl std::error::Error + Send + Sync + 'static) -> StoreError {
    StoreError::Internal { doing: "write a file of samples", source: Box::new(error) }
}

/// As `davy query samples` prints it. No id has a comma or a quote in it.
fn csv_line(text: &mut String, sample: StoredSample) {
    let StoredSample { id, row } = sample;
    let (time, point) = (wire::format_time(row.time), id.map_or_else(|| unnamed(row.point), |id| String::from(&*id)));
    let value = row.value.map(|value| value.to_string()).unwrap_or_default();
    writeln!(text, "{time},{point},{value},{}", row.quality.as_str()).expect("a text takes whatever is written to it");
}
