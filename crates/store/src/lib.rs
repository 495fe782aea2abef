//! The store: history and read models behind one trait; the only room that knows SQL.
//! In: rows of samples, events, dead letters and points, with the journal position they reach, in one transaction.
//! Out: pages of rows in a fixed order, figures per bucket of time, answers over time (query.rs), how far each journal is stored.
//! May not enter: journals, protobuf, decisions about the plant, SQL of one database in the trait, any Davy crate but model.
//! Start at api.rs; every backend passes conformance/: sqlite/ in one file, postgres/ on a server with or without TimescaleDB.

mod api;
mod civil;
#[cfg(any(test, feature = "conformance"))]
pub mod conformance;
mod error;
mod figures;
mod metrics;
mod occurrences;
mod policy;
mod postgres;
pub mod query;
mod reasons;
mod sqlite;
mod upkeep;
mod url;

use std::sync::Arc;

pub use api::{
    Aggregate, AggregateQuery, DeadQuery, DeadRow, Description, EventKey, EventQuery, EventRow, FORGET_BYTES, FORGET_ROWS,
    Figure, FigureQuery, GapQuery, GapRow, KindFilter, LegalHold, MAX_FILTER_TERMS, MAX_PAGE, MAX_SAMPLES, OccurrenceChange,
    OccurrenceKey, OccurrenceQuery, OccurrenceRow, Page, PendingSpan, PointRow, Policy, Progress, Resolution, RuleDayRow,
    RuleQuery, RuleRow, SampleKey, SampleQuery, SampleRow, Store, StoreKind, StoredSample, SupervisionBatch, Upkeep, WriteBatch,
};
pub use error::StoreError;
pub use metrics::describe as describe_metrics;
pub use url::{PostgresUrl, StoreUrl};

/// Opens the store that the URL names. A file is made where there is none and brought up to date; a server is not asked for before the
/// first call.
pub async fn open(url: &StoreUrl) -> Result<Arc<dyn Store>, StoreError> {
    match url {
        StoreUrl::Sqlite(path) => Ok(Arc::new(sqlite::SqliteStore::open(path).await?)),
        StoreUrl::Postgres(url) => Ok(Arc::new(postgres::PostgresStore::new(url)?)),
    }
}
