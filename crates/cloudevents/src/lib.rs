//! Events for other people's HTTP servers: CloudEvents 1.0 in structured JSON, signed by the Standard Webhooks specification.
//! In: an event's attributes and its body as JSON; secrets and the time of an attempt.
//! Out: the bytes to send and the three headers beside them; when to try again; whether the headers of another are genuine.
//! May not enter: clocks, IO, async, logging, hash order, random numbers, any Davy crate but model.
//! Start at event.rs; webhook.rs signs, retry.rs says what follows an attempt.

mod event;
mod retry;
mod webhook;

pub use event::{CONTENT_TYPE, EVENT_BYTES_MAX, Event, EventFault, encode};
pub use retry::{ANSWER_WITHIN, Answer, DELAYS, Next, RETRY_AFTER_MAX, next, retry_after};
pub use webhook::{
    Headers, ID_HEADER, SIGNATURE_HEADER, SIGNATURES_MAX, Secret, SignFault, TIMESTAMP_HEADER, TOLERANCE, VerifyFault, sign,
    verify,
};
