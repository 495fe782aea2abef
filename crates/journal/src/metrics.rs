//! Names of what the journal counts, in one place.

use metrics::{Unit, describe_counter, describe_gauge, describe_histogram};

use crate::JournalId;

/// Records appended, by journal: telemetry, events or dead.
pub(crate) const APPENDED: &str = "davy_journal_appended_records_total";
/// Bytes of frames appended.
pub(crate) const APPENDED_BYTES: &str = "davy_journal_appended_bytes_total";
/// Appends refused, by reason.
pub(crate) const REFUSED: &str = "davy_journal_refused_appends_total";
/// Seconds one sync of the log took.
pub(crate) const SYNC_SECONDS: &str = "davy_journal_sync_seconds";
/// Disk operations that failed, by stage.
pub(crate) const ERRORS: &str = "davy_journal_errors_total";
/// Bytes of appends that wait to be written.
pub(crate) const QUEUE_BYTES: &str = "davy_journal_queue_bytes";
/// Segment files kept.
pub(crate) const SEGMENTS: &str = "davy_journal_segments";
/// Segment files dropped by retention.
pub(crate) const DROPPED: &str = "davy_journal_dropped_segments_total";
/// 1 while the oldest segment is over age or size and stays because a snapshot is missing or what must be kept of it cannot be moved.
pub(crate) const HELD: &str = "davy_journal_retention_held";

/// The kind of a journal as a label; 258 would be too many.
pub(crate) fn journal_label(journal: JournalId) -> &'static str {
    match journal {
        JournalId::Telemetry(_) => "telemetry",
        JournalId::Events => "events",
        JournalId::Dead => "dead",
    }
}

/// Says what each is; once, at an open.
pub(crate) fn describe() {
    describe_counter!(APPENDED, Unit::Count, "records appended");
    describe_counter!(APPENDED_BYTES, Unit::Bytes, "bytes of frames appended");
    describe_counter!(REFUSED, Unit::Count, "appends refused, by reason");
    describe_histogram!(SYNC_SECONDS, Unit::Seconds, "time one sync of the log took");
    describe_counter!(ERRORS, Unit::Count, "disk operations that failed, by stage");
    describe_gauge!(QUEUE_BYTES, Unit::Bytes, "bytes of appends that wait to be written");
    describe_gauge!(SEGMENTS, Unit::Count, "segment files kept");
    describe_counter!(DROPPED, Unit::Count, "segment files dropped by retention");
    describe_gauge!(HELD, "1 while old segments stay for want of a snapshot or because they are damaged");
}
