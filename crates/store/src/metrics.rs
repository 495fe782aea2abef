//! Names of the store's metrics.

use metrics::{Unit, counter, describe_counter, describe_histogram, histogram};

use crate::{StoreError, WriteBatch};

const ROWS: &str = "davy_store_rows_total";
const WRITE: &str = "davy_store_write_seconds";
const WRITE_ROWS: &str = "davy_store_write_rows";
const ERRORS: &str = "davy_store_errors_total";
const REPEATED_EVENTS: &str = "davy_store_repeated_events_total";
const REFUSED: &str = "davy_store_refused_rows_total";
const RETRIES: &str = "davy_store_retries_total";

/// Says what each metric means.
pub fn describe() {
    describe_counter!(ROWS, "Rows written, by table.");
    describe_histogram!(WRITE, Unit::Seconds, "Time of one transaction.");
    describe_histogram!(WRITE_ROWS, "Samples of one transaction.");
    describe_counter!(ERRORS, "Failed calls, by stage (write, read) and kind.");
    describe_counter!(REPEATED_EVENTS, "Events whose id was stored before; the first row stands.");
    describe_counter!(REFUSED, "Rows that the database refused and that became dead letters of reason `store_refused`.");
    describe_counter!(RETRIES, "Transactions run again at once, by class of SQLSTATE.");
}

pub(crate) fn wrote(batches: &[WriteBatch], seconds: f64) {
    histogram!(WRITE).record(seconds);
    let sum = |rows: fn(&WriteBatch) -> usize| batches.iter().map(rows).sum::<usize>();
    let rows = [
        ("samples", sum(|batch| batch.samples.len())),
        ("events", sum(|batch| batch.events.len())),
        ("dead_letters", sum(|batch| batch.dead.len())),
        ("points", sum(|batch| batch.points.len())),
        ("occurrences", sum(|batch| batch.occurrences.len())),
    ];
    #[expect(clippy::cast_precision_loss, reason = "a histogram of sizes")]
    histogram!(WRITE_ROWS).record(rows[0].1 as f64);
    for (table, rows) in rows.into_iter().filter(|(_, rows)| *rows > 0) {
        counter!(ROWS, "table" => table).increment(rows as u64);
    }
}

pub(crate) fn repeated_events(rows: u64) {
    counter!(REPEATED_EVENTS).increment(rows);
}

pub(crate) fn refused(rows: usize) {
    counter!(REFUSED).increment(rows as u64);
}

/// The class is the first two characters, of which there are a few dozen.
pub(crate) fn retried(sqlstate: &str) {
    counter!(RETRIES, "class" => sqlstate.chars().take(2).collect::<String>()).increment(1);
}

pub(crate) fn failed(stage: &'static str, error: &StoreError) {
    let kind = format!("{:?}", error.kind()).to_ascii_lowercase();
    counter!(ERRORS, "stage" => stage, "kind" => kind).increment(1);
}
