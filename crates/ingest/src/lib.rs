//! Ingest: telemetry as gateways send it becomes records of the telemetry journal.
//! In: MQTT publications (plain JSON, Sparkplug B; or the same from inside the process), streams of gRPC, site revisions from `events`.
//! Out: batches, source outages, sequence gaps, idle ticks, dead letters; acknowledgements and receipts after durability.
//! May not enter: what a value means for an alarm, SQL, a Status of its own making, any Davy crate but model, wire, journal and service.
//! Start at serve.rs; then json/mod.rs (what is read), intake.rs and round.rs (what a round is), mqtt/mod.rs and grpc/mod.rs (the links).

mod acks;
mod broker;
mod config;
mod dead;
mod error;
mod gateway;
mod grpc;
mod hosting;
mod inbox;
mod index;
mod intake;
mod json;
mod link;
mod metrics;
mod mqtt;
mod push;
mod rebuild;
mod redelivery;
mod report;
mod round;
mod serve;
mod sources;
#[cfg(test)]
mod tests;
mod writer;

pub use broker::{BrokerConfig, EmbeddedBroker, UserFault, Users, hash_password};
pub use config::{DEFAULT_HOST_ID, IngestConfig, MqttConfig, Secret, check_host_id};
pub use error::IngestError;
pub use gateway::Receipt;
pub use grpc::{IngestApi, decode_push_for_fuzzing, ingest_service};
pub use index::GatewayTags;
pub use json::{
    Decoded, DecodedMessage, Decoder, Fault, Faults, MAX_FAULTS, MAX_PAYLOAD_BYTES, MAX_TAG_CHARS, MAX_UNMAPPED, Reason,
    Received, UnmappedValue, decode_for_fuzzing,
};
pub use link::{Link, LocalPublisher, LocalReceiver, Outgoing, Publication, Receipts, local_link};
pub use push::{PushHandle, PushReceiver, push_link};
pub use report::{ClockOffset, GatewayFaultReport, GatewayReport, PossibleLoss, UnmappedTag};
pub use serve::{Parts, mark_start, serve};
