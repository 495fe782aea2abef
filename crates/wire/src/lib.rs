//! The wire: the contract's generated code and the one place where values of the model become bytes, JSON or a status, and back.
//! In: values of the model; bytes of journals and of the network.
//! Out: protobuf of `davy.v1` and `davy.record.v1`, JSON lines, cursors, `tonic::Status`.
//! May not enter: decisions, IO, clocks, any Davy crate but model.
//! Start at record.rs (journals) and event.rs (facts); the public contract is in proto/davy/v1.

mod alarm;
mod casework;
mod casework_json;
mod cursor;
mod dead;
mod event;
mod incident;
mod json;
mod pb;
mod picture;
mod picture_json;
mod place;
mod record;
mod report;
mod rule;
mod site;
mod status;
#[cfg(test)]
mod tests;
mod time;
mod warning;
mod words;

pub use alarm::{Beside, alarm_to_v1};
pub use cursor::{Cursor, CursorError, FilterBinding};
pub use dead::DeadLetter;
pub use event::{event_to_v1, recorded_to_kept_v1, recorded_to_v1, v1_to_recorded};
pub use incident::{losses_from_v1, losses_to_v1, notice_to_v1};
pub use json::{JsonExtras, event_json};
pub use pb::{FILE_DESCRIPTOR_SET, record as record_v1, v1};
pub use picture::picture_to_v1;
pub use picture_json::picture_json;
pub use record::{
    DecodeError, EventRecord, Kept, UpstreamMark, decode_body, decode_event_record, encode_body, encode_event_record,
    mark_from_record, mark_to_record, recorded_events, seal_notice,
};
pub use report::{Wrong, body_to_submit, report_body_from_v1, report_to_v1, submitted_body};
pub use site::{point_to_v1, revision_from_record, revision_to_record, site_to_v1};
pub use status::{Failure, status};
pub use time::{format_time, parse_time, time_from_v1, time_to_v1};
pub use warning::cause_to_v1;
pub use words::{priority_from_v1, priority_to_v1, quality_to_v1, state_from_v1, state_to_v1};
