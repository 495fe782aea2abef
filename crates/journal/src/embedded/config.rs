//! What an embedded journal is opened with.

use std::path::PathBuf;
use std::sync::Arc;

use model::Span;

use super::clock::{Clock, SystemClock};

/// Where an embedded journal lives and how much it may hold.
#[derive(Clone, Debug)]
pub struct EmbeddedConfig {
    /// The folder; made where missing.
    pub folder: PathBuf,
    /// A segment file that has grown to this is closed and the next one begun.
    pub segment_bytes: u64,
    /// Telemetry older than this may go.
    pub telemetry_keep: Span,
    /// The oldest telemetry goes where all segments together are larger than this.
    pub telemetry_bytes: u64,
    /// The oldest of `dead` goes where it holds more than this.
    pub dead_bytes: u64,
    /// Bytes of appends that may wait to be written; at the bound `append` waits.
    pub queue_bytes: u32,
    /// Bytes of recent records kept in memory, so that readers of the tail never touch the disk; at the bound the oldest go.
    pub tail_cache_bytes: usize,
    /// The machine's clocks.
    pub clock: Arc<dyn Clock>,
}

impl EmbeddedConfig {
    /// The defaults: segments of 64 MiB, telemetry of one day or 20 GB, 1 GB of `dead`, 64 MiB each for the queue and the recent records.
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        Self {
            folder: folder.into(),
            segment_bytes: 64 << 20,
            telemetry_keep: Span::from_secs(24 * 60 * 60),
            telemetry_bytes: 20_000_000_000,
            dead_bytes: 1_000_000_000,
            queue_bytes: 64 << 20,
            tail_cache_bytes: 64 << 20,
            clock: Arc::new(SystemClock::default()),
        }
    }
}
