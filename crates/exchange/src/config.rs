//! Settings, each with the reason for its default.

use std::time::Duration;

use crate::{Upstream, Webhook};

/// How feeds are served.
#[derive(Clone, Debug)]
pub struct Config {
    /// Feeds at the same time; one more is refused.
    pub feeds_max: usize,
    /// Subscriptions with a committed cursor; one more is refused.
    pub subscriptions_max: usize,
    /// A feed whose filter lets nothing through gets a cursor after this many events, so that it never resumes far back (traps 52).
    pub bookmark_events: u64,
    /// The net under the journal's wake-up (traps 49).
    pub poll_interval: Duration,
    /// How long a call waits until what is open or the committed cursors are known.
    pub wait_limit: Duration,
    /// Snapshots of what is open and of the warnings after this many records of `events`.
    pub snapshot_records: u64,
    /// Feeds that are pushed to HTTP servers of others.
    pub webhooks: Vec<Webhook>,
    /// Other Davys whose events are taken.
    pub upstreams: Vec<Upstream>,
    /// The name by which others know events of this Davy; `None`: one of the journal's own.
    pub node: Option<String>,
    /// Responses to warnings that wait to be taken; one more is refused.
    pub responses_max: usize,
}

impl Config {
    /// How the desks of the exchange are run.
    pub(crate) const fn desk(&self) -> desk::Config {
        desk::Config {
            look_every: self.poll_interval,
            snapshot_records: self.snapshot_records,
            asks_max: self.responses_max,
            wait_limit: self.wait_limit,
        }
    }
}

impl Default for Config {
    fn default() -> Self {
        Self {
            feeds_max: 1_000,
            subscriptions_max: 10_000,
            bookmark_events: 1_000,
            poll_interval: Duration::from_secs(1),
            wait_limit: Duration::from_secs(10),
            snapshot_records: 10_000,
            webhooks: Vec::new(),
            upstreams: Vec::new(),
            node: None,
            responses_max: 100,
        }
    }
}
