//! Names of metrics and labels.

use metrics::{describe_counter, describe_gauge, describe_histogram};

pub(crate) const FEEDS: &str = "davy_exchange_feeds";
pub(crate) const EVENTS: &str = "davy_exchange_events_total";
pub(crate) const HEARTBEATS: &str = "davy_exchange_heartbeats_total";
pub(crate) const DELAY: &str = "davy_exchange_record_to_feed_seconds";
pub(crate) const LAG: &str = "davy_exchange_lag_records";
pub(crate) const ENDED: &str = "davy_exchange_feeds_ended_total";
pub(crate) const REFUSED: &str = "davy_exchange_refused_total";
pub(crate) const COMMITS: &str = "davy_exchange_commits_total";
pub(crate) const SUBSCRIPTIONS: &str = "davy_exchange_subscriptions";
pub(crate) const ATTEMPTS: &str = "davy_exchange_webhook_attempts_total";
pub(crate) const UPSTREAM_EVENTS: &str = "davy_exchange_upstream_events_total";
pub(crate) const UPSTREAM_CONNECTED: &str = "davy_exchange_upstream_connected";
pub(crate) const UPSTREAM_LAG: &str = "davy_exchange_upstream_lag_seconds";
pub(crate) const UPSTREAM_LAG_RECORDS: &str = "davy_exchange_upstream_lag_records";
pub(crate) const UNREADABLE: &str = "davy_exchange_unreadable_records_total";
pub(crate) const WARNINGS: &str = "davy_exchange_warnings";
pub(crate) const LATE_WARNINGS: &str = "davy_exchange_late_warnings";
pub(crate) const WARNING_EVENTS: &str = "davy_exchange_warning_events_total";
pub(crate) const WARNINGS_UNREADABLE: &str = "davy_exchange_warnings_unreadable_records_total";
pub(crate) const CASES: &str = "davy_exchange_cases";
pub(crate) const LATE_CASES: &str = "davy_exchange_late_cases";
pub(crate) const INCIDENTS: &str = "davy_exchange_incidents";
pub(crate) const LATE_INCIDENTS: &str = "davy_exchange_late_incidents";
pub(crate) const DOUBTFUL_INCIDENTS: &str = "davy_exchange_doubtful_incidents";
pub(crate) const CASEWORK_EVENTS: &str = "davy_exchange_casework_events_total";
pub(crate) const CASEWORK_UNREADABLE: &str = "davy_exchange_casework_unreadable_records_total";
pub(crate) const REPORTS: &str = "davy_exchange_reports_total";
pub(crate) const REPORT_SAMPLES: &str = "davy_exchange_report_samples_total";
pub(crate) const REPORTS_UNREADABLE: &str = "davy_exchange_reports_unreadable_records_total";

/// Says what each metric is.
pub fn describe() {
    describe_gauge!(FEEDS, "Feeds open");
    describe_counter!(EVENTS, "Events sent to feeds");
    describe_counter!(HEARTBEATS, "Heartbeats sent to feeds");
    describe_histogram!(DELAY, "From the journal time of an event to its being handed to a feed, seconds");
    describe_gauge!(LAG, "Records of events that the slowest feed is behind");
    describe_counter!(ENDED, "Feeds ended, by reason");
    describe_counter!(REFUSED, "Calls refused, by reason");
    describe_counter!(COMMITS, "Cursors committed");
    describe_gauge!(SUBSCRIPTIONS, "Subscriptions with a committed cursor");
    describe_counter!(ATTEMPTS, "Events posted to webhooks, by result: delivered, refused, failed, no_answer");
    describe_counter!(UPSTREAM_EVENTS, "Events of upstreams, by result: taken, own, duplicate, not_carried, unreadable");
    describe_gauge!(UPSTREAM_CONNECTED, "Whether the feed of an upstream is open");
    describe_gauge!(UPSTREAM_LAG, "From the time up to which an upstream's events are complete here to now, seconds");
    describe_gauge!(UPSTREAM_LAG_RECORDS, "Records of an upstream's journal that are still to come, as it said last");
    describe_counter!(UNREADABLE, "Records of events that could not be read and were passed over");
    describe_gauge!(WARNINGS, "Warnings open, by colour");
    describe_gauge!(LATE_WARNINGS, "Open warnings of which a step is late and not done");
    describe_counter!(WARNING_EVENTS, "What became of warnings, by kind of event");
    describe_counter!(WARNINGS_UNREADABLE, "Records of events that could not be read; a warning may be missed or stand too long");
    describe_gauge!(CASES, "Joint cases open");
    describe_gauge!(LATE_CASES, "Open joint cases of which a task is late and not answered");
    describe_gauge!(INCIDENTS, "Incidents open, by what happened");
    describe_gauge!(LATE_INCIDENTS, "Open incidents of which a duty to report is late and not done");
    describe_gauge!(DOUBTFUL_INCIDENTS, "Open incidents of which it is doubtful when they were known or told");
    describe_counter!(CASEWORK_EVENTS, "What became of joint cases, incidents and duty books, by kind of event");
    describe_counter!(
        CASEWORK_UNREADABLE,
        "Records of events that could not be read; a case, an incident or a duty may be missed"
    );
    describe_counter!(REPORTS, "Reports of departments put on record, by kind");
    describe_counter!(REPORT_SAMPLES, "Reports of departments taken as samples of points");
    describe_counter!(
        REPORTS_UNREADABLE,
        "Records of events that could not be read; a repeated report may be taken for a new one"
    );
}
