//! Names of metrics and labels.

use alarm::Counters;
use metrics::{counter, describe_counter, describe_gauge, describe_histogram};

pub(crate) const RECORDS: &str = "davy_engine_records_total";
pub(crate) const EVENTS: &str = "davy_engine_events_total";
pub(crate) const SAMPLES: &str = "davy_engine_samples_total";
pub(crate) const DELAY: &str = "davy_engine_record_to_event_seconds";
pub(crate) const DIFFERENCES: &str = "davy_engine_replay_differences_total";
pub(crate) const SNAPSHOTS: &str = "davy_engine_snapshots_total";
pub(crate) const PARTITIONS: &str = "davy_engine_partitions";
pub(crate) const LAG: &str = "davy_engine_lag_seconds";
pub(crate) const COMMANDS: &str = "davy_engine_commands_total";
pub(crate) const OPEN_ALARMS: &str = "davy_engine_open_alarms";
pub(crate) const POINTS: &str = "davy_engine_points";
pub(crate) const POINTS_ONLINE: &str = "davy_engine_points_online";
pub(crate) const UNREADABLE: &str = "davy_engine_unreadable_records_total";
pub(crate) const FLOODS: &str = "davy_engine_floods_active";
pub(crate) const NUISANCES: &str = "davy_engine_nuisances_total";

/// Says what each metric is.
pub fn describe() {
    describe_counter!(RECORDS, "Records of telemetry evaluated, replay included");
    describe_counter!(EVENTS, "Events appended");
    describe_counter!(SAMPLES, "Samples by what became of them");
    describe_histogram!(DELAY, "From the journal time of an input to its events being written, seconds");
    describe_counter!(DIFFERENCES, "Outputs that a replay gave otherwise than recorded");
    describe_counter!(SNAPSHOTS, "Snapshots by outcome");
    describe_gauge!(PARTITIONS, "Partitions evaluated");
    describe_gauge!(LAG, "How far the slowest partition is behind its journal, seconds");
    describe_counter!(COMMANDS, "Operators' commands answered, by outcome");
    describe_gauge!(OPEN_ALARMS, "Open alarms");
    describe_counter!(UNREADABLE, "Records of events that the list of alarms or the watch over floods could not read");
    describe_gauge!(FLOODS, "Operator positions in flood");
    describe_counter!(NUISANCES, "Nuisance alarms said, by kind");
    describe_gauge!(POINTS, "Points of the site");
    describe_gauge!(POINTS_ONLINE, "Points heard of, not silent, and of a source that is up");
}

/// Adds what became of samples between two counts.
pub(crate) fn count_samples(before: Counters, now: Counters) {
    let columns = [
        ("judged", before.judged, now.judged),
        ("not_newer", before.not_newer, now.not_newer),
        ("repeated", before.repeated, now.repeated),
        ("historical", before.historical, now.historical),
        ("unknown_point", before.unknown_point, now.unknown_point),
        ("ahead", before.ahead, now.ahead),
    ];
    for (fate, before, now) in columns {
        if now > before {
            counter!(SAMPLES, "fate" => fate).increment(now - before);
        }
    }
}
