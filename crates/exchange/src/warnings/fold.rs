//! The warnings as a fold over records of `events`, read by calls while it is folded; the lock is held for one record at a time.

use std::sync::Arc;

use bytes::Bytes;
use journal::{Fold, JournalRecord, RecordKind};
use metrics::counter;
use model::{Position, Revision, Site};
use parking_lot::RwLock;
use prost::Message as _;
use tracing::error;
use warning::Warnings;
use wire::record_v1;

use crate::metrics::WARNINGS_UNREADABLE;

/// The warnings after some prefix of `events`.
#[derive(Debug, Default)]
pub(crate) struct State {
    /// Everything up to here is in it; true as soon as the runner has told so.
    pub(crate) position: Position,
    pub(crate) warnings: Warnings,
    /// What of the site in force concerns warnings.
    site: Revision,
    /// Records that could not be read; a warning may have been missed.
    pub(crate) unreadable: u64,
}

impl State {
    fn apply(&mut self, record: &JournalRecord) {
        self.position = record.position;
        if record.kind == RecordKind::Seal {
            return;
        }
        let decoded = match wire::decode_event_record(&record.body) {
            Ok(decoded) => decoded,
            Err(error) => {
                self.unreadable += 1;
                counter!(WARNINGS_UNREADABLE).increment(1);
                let (position, key) = (record.position.0, record.key.as_str());
                return error!(%error, position, key, "a record of events cannot be read; a warning may be missed or stand too long");
            }
        };
        if let Some(site) = &decoded.site {
            self.site = of_warnings(site);
            self.warnings.revise(&self.site, record.time);
        }
        let place = (record.epoch, &record.key.shared(), record.key_seq);
        for event in wire::recorded_events(decoded, place, record.position, record.time) {
            self.warnings.apply(&event);
        }
    }

    fn snapshot(&self) -> Bytes {
        let site = Some(wire::revision_to_record(&self.site));
        record_v1::WarningSnapshot { site, state: self.warnings.snapshot() }.encode_to_vec().into()
    }

    fn restore(&mut self, body: &[u8]) -> Option<()> {
        let snapshot = record_v1::WarningSnapshot::decode(body).ok()?;
        self.site = wire::revision_from_record(&snapshot.site?).ok()?;
        self.warnings = Warnings::restore(&self.site, &snapshot.state).ok()?;
        Some(())
    }
}

/// Points stay out: a snapshot of 200,000 would be kept for nothing.
fn of_warnings(revision: &Revision) -> Revision {
    let Site { parks, enterprises, departments, warnings, .. } = revision.site.clone();
    Revision {
        number: revision.number,
        content_hash: revision.content_hash,
        site: Site { parks, enterprises, departments, warnings, ..Site::default() },
        ..Revision::default()
    }
}

/// The state as the runner folds it while calls read it.
#[derive(Clone, Debug)]
pub(crate) struct Shared(pub(crate) Arc<RwLock<State>>);

impl Shared {
    /// A fold that starts anew inside the shared place.
    pub(crate) fn anew(state: &Arc<RwLock<State>>) -> Self {
        *state.write() = State::default();
        Self(Arc::clone(state))
    }
}

impl Fold for Shared {
    fn apply(&mut self, record: &JournalRecord) {
        self.0.write().apply(record);
    }

    fn snapshot(&self) -> Bytes {
        self.0.read().snapshot()
    }

    fn restore(&mut self, body: &[u8]) -> bool {
        self.0.write().restore(body).is_some()
    }
}
