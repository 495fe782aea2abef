//! Metrics of the historian.

use journal::JournalId;
use metrics::{Unit, describe_counter, describe_gauge, describe_histogram};

/// Records taken from journals and stored, by journal.
pub(crate) const RECORDS: &str = "davy_historian_records_total";
/// Records that this version cannot read, by journal; they stay in the journal and are left out of the store.
pub(crate) const UNDECODABLE: &str = "davy_historian_undecodable_total";
/// Samples that their gateway marked as not worth keeping: judged, left out of the history.
pub(crate) const TRANSIENT: &str = "davy_historian_transient_samples_total";
/// Journal time between the oldest record not yet stored and now.
pub(crate) const LAG: &str = "davy_historian_lag_seconds";
/// Failed calls to the store, by kind.
pub(crate) const STORE_FAILURES: &str = "davy_historian_store_failures_total";
/// Positions that retention dropped before they were stored, by journal.
pub(crate) const LOST: &str = "davy_historian_lost_positions_total";
/// How much of what the journal's retention allows the records not yet stored have used up; at 1 they are dropped.
pub(crate) const RETENTION_USED: &str = "davy_historian_retention_used_ratio";
/// Transactions under way.
pub(crate) const UNDER_WAY: &str = "davy_historian_writes_under_way";
/// Time of one step of upkeep.
pub(crate) const UPKEEP_SECONDS: &str = "davy_historian_upkeep_seconds";
/// Steps of upkeep that failed, by kind.
pub(crate) const UPKEEP_FAILURES: &str = "davy_historian_upkeep_failures_total";
/// Requests, by method.
pub(crate) const REQUESTS: &str = "davy_historian_requests_total";
/// Time to an answer, by method; of a stream to its beginning.
pub(crate) const REQUEST_SECONDS: &str = "davy_historian_request_seconds";

/// Says what each is.
pub(crate) fn describe() {
    describe_counter!(RECORDS, "records stored, by journal");
    describe_counter!(UNDECODABLE, "records left out because this version cannot read them, by journal");
    describe_counter!(TRANSIENT, "samples not stored because their gateway marked them transient");
    describe_gauge!(LAG, Unit::Seconds, "age of the oldest record not yet stored");
    describe_counter!(STORE_FAILURES, "failed calls to the store, by kind");
    describe_counter!(LOST, "positions dropped by retention before they were stored, by journal");
    describe_gauge!(RETENTION_USED, "share of the journal's retention used up by what is not stored; at 1 it is dropped");
    describe_gauge!(UNDER_WAY, "transactions under way");
    describe_histogram!(UPKEEP_SECONDS, Unit::Seconds, "time of one step of upkeep: packing, figures, retention");
    describe_counter!(UPKEEP_FAILURES, "steps of upkeep that failed, by kind");
    describe_counter!(REQUESTS, "requests for history, by method");
    describe_histogram!(REQUEST_SECONDS, Unit::Seconds, "time to an answer, by method; of a stream to its beginning");
}

/// The journal as a label: all partitions are one.
pub(crate) const fn label(journal: JournalId) -> &'static str {
    match journal {
        JournalId::Telemetry(_) => "telemetry",
        JournalId::Events => "events",
        JournalId::Dead => "dead",
    }
}
