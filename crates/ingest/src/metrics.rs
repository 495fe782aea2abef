//! Names of ingest's metrics, and what they mean. Labels: `reason`, `source`, `cause`, `rule`: closed sets of words.

use metrics::{Unit, describe_counter, describe_gauge, describe_histogram};

pub(crate) const MESSAGES: &str = "davy_ingest_messages_total";
pub(crate) const SAMPLES: &str = "davy_ingest_samples_total";
pub(crate) const REFUSED: &str = "davy_ingest_refused_total";
pub(crate) const REDELIVERED: &str = "davy_ingest_redelivered_total";
pub(crate) const UNMAPPED: &str = "davy_ingest_unmapped_values_total";
pub(crate) const SEQUENCE_GAPS: &str = "davy_ingest_sequence_missing_total";
pub(crate) const OVERFLOWED: &str = "davy_ingest_qos0_dropped_total";
pub(crate) const STALE_ACKS: &str = "davy_ingest_stale_acks_total";
pub(crate) const RECONNECTS: &str = "davy_ingest_connections_ended_total";
pub(crate) const IN_FLIGHT: &str = "davy_ingest_in_flight";
pub(crate) const IN_FLIGHT_LIMIT: &str = "davy_ingest_in_flight_limit";
pub(crate) const SOURCE_UP: &str = "davy_ingest_source_up";
pub(crate) const PRESENT: &str = "davy_ingest_sparkplug_present";
pub(crate) const REBIRTHS: &str = "davy_ingest_sparkplug_rebirth_requests_total";
pub(crate) const FAULTS: &str = "davy_ingest_gateway_faults_total";
pub(crate) const COMMANDS_DROPPED: &str = "davy_ingest_sparkplug_commands_dropped_total";
pub(crate) const BIRTHS_NOT_KEPT: &str = "davy_ingest_sparkplug_births_not_kept_total";
pub(crate) const BROKER_DROPPED: &str = "davy_ingest_broker_dropped_total";
pub(crate) const ACK_LATENCY: &str = "davy_ingest_ack_latency_seconds";
pub(crate) const BROKER_CONNECTIONS: &str = "davy_ingest_broker_connections";
pub(crate) const BROKER_REFUSED: &str = "davy_ingest_broker_refused_total";
pub(crate) const BROKER_DENIED: &str = "davy_ingest_broker_denied_total";
pub(crate) const BROKER_MESSAGES: &str = "davy_ingest_broker_messages_total";
pub(crate) const BROKER_WITHHELD: &str = "davy_ingest_broker_withheld_total";
pub(crate) const BROKER_WILLS: &str = "davy_ingest_broker_wills_total";

pub(crate) fn describe() {
    describe_counter!(MESSAGES, "messages (one timestamp of one gateway) appended");
    describe_counter!(SAMPLES, "samples appended");
    describe_counter!(REFUSED, "messages something of which was refused, by reason");
    describe_counter!(REDELIVERED, "deliveries dropped because they were taken before; intended");
    describe_counter!(UNMAPPED, "values whose tags no point claims");
    describe_counter!(SEQUENCE_GAPS, "sequence numbers of gateways that did not come");
    describe_counter!(OVERFLOWED, "QoS 0 deliveries dropped because the queue was full");
    describe_counter!(STALE_ACKS, "acknowledgements dropped because their connection had ended; redelivered");
    describe_counter!(RECONNECTS, "connections to the broker that ended, or were not made");
    describe_gauge!(IN_FLIGHT, "QoS 1 deliveries not yet acknowledged");
    describe_gauge!(IN_FLIGHT_LIMIT, "QoS 1 deliveries the broker may send unacknowledged (Receive Maximum)");
    describe_gauge!(SOURCE_UP, "by source: 1 while its link is up; of a broker, while the canary comes back");
    describe_gauge!(PRESENT, "Sparkplug nodes and devices that are there");
    describe_counter!(REBIRTHS, "rebirths asked of Sparkplug nodes, by cause");
    describe_counter!(FAULTS, "rules of their protocol that gateways break, each counted the first time, by rule");
    describe_counter!(COMMANDS_DROPPED, "commands to Sparkplug nodes dropped because too many waited; asked again");
    describe_counter!(BIRTHS_NOT_KEPT, "births that could not be written; tried again");
    describe_counter!(BROKER_DROPPED, "messages the broker dropped, as its own counter tells");
    describe_gauge!(BROKER_CONNECTIONS, "connections to the embedded broker");
    describe_counter!(BROKER_REFUSED, "connections the embedded broker refused, by reason: password, rights, full");
    describe_counter!(BROKER_DENIED, "what the embedded broker denied, by what: publish, subscribe");
    describe_counter!(BROKER_MESSAGES, "messages of gateways the embedded broker handed on");
    describe_counter!(
        BROKER_WITHHELD,
        "messages the embedded broker did not acknowledge because they were not durable; sent again"
    );
    describe_counter!(BROKER_WILLS, "wills the embedded broker handed on");
    describe_histogram!(ACK_LATENCY, Unit::Seconds, "from the arrival of a round's first delivery to its acknowledgement");
}
