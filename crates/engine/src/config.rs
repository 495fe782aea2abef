//! Settings, each with the reason for its default.

use std::time::Duration;

use figures::FloodConfig;

/// How partitions are driven.
#[derive(Clone, Debug)]
pub struct Config {
    /// A snapshot after this many records: bounds the replay at a start to a few seconds.
    pub snapshot_records: u64,
    /// A snapshot after this long even of a slow partition: lets retention go on. Staggered by partition.
    pub snapshot_interval: Duration,
    /// How often new partitions are looked for and health is told.
    pub poll_interval: Duration,
    /// A partition further behind than this is called degraded.
    pub lag_limit: Duration,
    /// The points that deliver are counted at most this often; a partition that is silent has a tick every second.
    pub online_interval: Duration,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            snapshot_records: 50_000,
            snapshot_interval: Duration::from_secs(300),
            poll_interval: Duration::from_millis(500),
            lag_limit: Duration::from_secs(5),
            online_interval: Duration::from_secs(1),
        }
    }
}

/// How the list of open alarms is kept and served.
#[derive(Clone, Debug)]
pub struct AlarmConfig {
    /// A snapshot of the list after this many records of `events`.
    pub snapshot_records: u64,
    /// How long a call waits for the outcome of its command, or for the list to be up to date.
    pub wait_limit: Duration,
    /// Outcomes remembered at most; they are remembered for 24 h (as the core does).
    pub outcomes_max: usize,
}

impl Default for AlarmConfig {
    fn default() -> Self {
        Self { snapshot_records: 10_000, wait_limit: Duration::from_secs(10), outcomes_max: 100_000 }
    }
}

/// How floods and nuisances are watched.
#[derive(Clone, Debug)]
pub struct FloodsConfig {
    /// When a position is flooded.
    pub flood: FloodConfig,
    /// A snapshot of the watch after this many records of `events`.
    pub snapshot_records: u64,
    /// How long it sleeps at most: journal time may step.
    pub look_every: Duration,
}

impl Default for FloodsConfig {
    fn default() -> Self {
        Self { flood: FloodConfig::default(), snapshot_records: 10_000, look_every: Duration::from_secs(5) }
    }
}
