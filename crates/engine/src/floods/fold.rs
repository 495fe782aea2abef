//! The watch as a fold over records of `events`.

use bytes::Bytes;
use figures::{FloodConfig, Watch};
use journal::{Fold, JournalRecord, RecordKind};
use metrics::counter;
use tracing::error;

use crate::metrics::UNREADABLE;

/// The watch after some prefix of `events`.
#[derive(Debug)]
pub(crate) struct Watched {
    pub(crate) watch: Watch,
    config: FloodConfig,
    /// Records that could not be read; a flood may have been missed.
    pub(crate) unreadable: u64,
}

impl Watched {
    pub(crate) const fn new(config: FloodConfig) -> Self {
        Self { watch: Watch::new(config), config, unreadable: 0 }
    }
}

impl Fold for Watched {
    fn apply(&mut self, record: &JournalRecord) {
        if record.kind == RecordKind::Seal {
            return;
        }
        let decoded = match wire::decode_event_record(&record.body) {
            Ok(decoded) => decoded,
            Err(error) => {
                self.unreadable += 1;
                counter!(UNREADABLE).increment(1);
                let (position, key) = (record.position.0, record.key.as_str());
                return error!(%error, position, key, "a record of events cannot be read; a flood or a nuisance may be missed");
            }
        };
        let place = (record.epoch, &record.key.shared(), record.key_seq);
        for event in wire::recorded_events(decoded, place, record.position, record.time) {
            self.watch.apply(&event);
        }
    }

    fn snapshot(&self) -> Bytes {
        self.watch.snapshot().into()
    }

    fn restore(&mut self, body: &[u8]) -> bool {
        match Watch::restore(self.config, body) {
            Ok(watch) => self.watch = watch,
            Err(_) => return false,
        }
        true
    }
}
