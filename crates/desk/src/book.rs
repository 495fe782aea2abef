//! What a clerk knows after some prefix of `events`, read by calls while it is folded; the lock is held for one record at a time.

use std::sync::Arc;

use bytes::Bytes;
use journal::{Fold, JournalRecord, RecordKind};
use model::Position;
use parking_lot::RwLock;
use tracing::error;

use crate::clerk::Clerk;

/// The clerk and its place.
#[derive(Debug)]
pub(crate) struct Book<C> {
    pub(crate) clerk: C,
    /// Everything up to here is in it; true as soon as the runner has told so.
    pub(crate) position: Position,
    /// Records that could not be read.
    pub(crate) unreadable: u64,
}

impl<C: Clerk> Book<C> {
    pub(crate) const fn new(clerk: C) -> Self {
        Self { clerk, position: Position(0), unreadable: 0 }
    }

    fn apply(&mut self, record: &JournalRecord) {
        self.position = record.position;
        if record.kind == RecordKind::Seal {
            return;
        }
        let decoded = match wire::decode_event_record(&record.body) {
            Ok(decoded) => decoded,
            Err(error) => {
                self.unreadable += 1;
                self.clerk.missed();
                let (position, key) = (record.position.0, record.key.as_str());
                return error!(%error, position, key, desk = C::KEY, "a record of events cannot be read; {}", C::LOSS);
            }
        };
        if let Some(site) = &decoded.site {
            self.clerk.revise(site, record.time);
        }
        let place = (record.epoch, &record.key.shared(), record.key_seq);
        for event in wire::recorded_events(decoded, place, record.position, record.time) {
            self.clerk.apply(&event);
        }
    }
}

/// The book as the runner writes it while calls read it.
pub(crate) struct Shared<C>(pub(crate) Arc<RwLock<Book<C>>>);

impl<C: Clerk> Shared<C> {
    /// A fold that starts anew inside the shared place.
    pub(crate) fn anew(book: &Arc<RwLock<Book<C>>>, clerk: C) -> Self {
        *book.write() = Book::new(clerk);
        Self(Arc::clone(book))
    }
}

impl<C: Clerk> Fold for Shared<C> {
    fn apply(&mut self, record: &JournalRecord) {
        self.0.write().apply(record);
    }

    fn snapshot(&self) -> Bytes {
        self.0.read().clerk.snapshot()
    }

    fn restore(&mut self, body: &[u8]) -> bool {
        self.0.write().clerk.restore(body)
    }
}
