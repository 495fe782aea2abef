//! How patient a host is.

use model::Span;

/// How patient a host is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HostConfig {
    /// How long a message that is missing in the sequence is waited for: 2 s.
    pub reorder_wait: Span,
    /// How long a death that does not fit the birth is doubted: 5 s.
    pub death_grace: Span,
    /// The least time between two rebirth requests to one node: 10 s; doubled with each that changes nothing.
    pub rebirth_min_interval: Span,
    /// The longest time between two rebirth requests to one node: 10 min.
    pub rebirth_max_interval: Span,
    /// Requests without an answer after which a node is no longer supervised by its sequence: 4.
    pub rebirth_attempts: u32,
    /// Rebirth requests a second, over all nodes: 5; more where that is needed for `catch_up_within`.
    pub bucket_per_s: u32,
    /// Rebirth requests at once: 10.
    pub bucket_burst: u32,
    /// Every known node can be asked within this time: 5 min.
    pub catch_up_within: Span,
    /// Edge nodes known beyond those that are expected: 5,000; others are refused.
    pub unknown_nodes_max: usize,
}

impl Default for HostConfig {
    fn default() -> Self {
        Self {
            reorder_wait: Span::from_secs(2),
            death_grace: Span::from_secs(5),
            rebirth_min_interval: Span::from_secs(10),
            rebirth_max_interval: Span::from_secs(600),
            rebirth_attempts: 4,
            bucket_per_s: 5,
            bucket_burst: 10,
            catch_up_within: Span::from_secs(300),
            unknown_nodes_max: 5_000,
        }
    }
}
