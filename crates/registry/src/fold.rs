//! The site in force: a fold over `events`.

use std::sync::Arc;

use bytes::Bytes;
use journal::{Fold, JournalId, JournalRecord, RecordKind};
use model::Revision;
use prost::Message as _;

/// The newest site revision in `events`.
#[derive(Debug, Default)]
pub struct SiteFold {
    /// The newest revision; number 0 where there is none.
    pub revision: Arc<Revision>,
    /// Why a record could not be read, if one could not.
    pub fault: Option<wire::DecodeError>,
}

impl Fold for SiteFold {
    fn apply(&mut self, record: &JournalRecord) {
        if record.journal != JournalId::Events || record.kind != RecordKind::Data || record.key.as_str() != crate::publish::KEY {
            return;
        }
        match wire::decode_event_record(&record.body) {
            Ok(event) => self.revision = event.site.unwrap_or_else(|| Arc::clone(&self.revision)),
            Err(error) => self.fault = Some(error),
        }
    }

    fn snapshot(&self) -> Bytes {
        wire::revision_to_record(&self.revision).encode_to_vec().into()
    }

    fn restore(&mut self, body: &[u8]) -> bool {
        let record = wire::record_v1::SiteRevision::decode(body).ok();
        let revision = record.and_then(|record| wire::revision_from_record(&record).ok());
        self.revision = revision.map(Arc::new).unwrap_or_default();
        self.revision.number.0 > 0
    }
}
