//! One journal under its fold: what was read and not yet stored.

use std::collections::BTreeMap;

use ::supervision::{EventsFold, Gap, PartitionFold, RestoreError, RuleSpan, Said};
use journal::{JournalId, JournalRecord, RecordKind};
use model::{Body, Header, Position, Record, Revision, Time};
use store::{GapRow, RuleRow, SupervisionBatch};
use tokio::time::Instant;

use super::days::DaysDone;
use crate::metrics;

/// A journal's fold.
#[derive(Clone, Debug)]
pub(super) enum Fold {
    Partition(PartitionFold),
    Events(EventsFold),
}

/// A journal, its fold, and what the fold said since it was stored.
#[derive(Clone, Debug)]
pub(super) struct Lane {
    pub(super) journal: JournalId,
    pub(super) fold: Fold,
    /// Everything up to here is stored.
    pub(super) stored: Position,
    /// Everything up to here is in the fold.
    pub(super) read: Position,
    /// Journal time of the record there.
    pub(super) time: Time,
    /// What came before the next record is gone: the site it was under is to be looked up.
    pub(super) cut: bool,
    /// Days that are over and stored.
    pub(super) days: DaysDone,
    gaps: BTreeMap<(String, &'static str, Time), Gap>,
    rules: BTreeMap<(String, String, Time), RuleSpan>,
    /// Records since it was stored, and when that was.
    pub(super) records: usize,
    pub(super) stored_at: Instant,
}

impl Lane {
    /// A journal of which nothing is folded.
    pub(super) fn new(journal: JournalId) -> Self {
        let fold = match journal {
            JournalId::Telemetry(partition) => Fold::Partition(PartitionFold::new(partition)),
            JournalId::Events | JournalId::Dead => Fold::Events(EventsFold::default()),
        };
        Self {
            journal,
            fold,
            stored: Position(0),
            read: Position(0),
            time: Time::MIN,
            cut: false,
            days: DaysDone::default(),
            gaps: BTreeMap::new(),
            rules: BTreeMap::new(),
            records: 0,
            stored_at: Instant::now(),
        }
    }

    /// The journal as it was when its state was stored. A state that cannot be read is given up: the record goes on from its position.
    pub(super) fn restore(journal: JournalId, position: Position, state: &[u8]) -> Self {
        let new = Self { stored: position, read: position, ..Self::new(journal) };
        match Self::read_state(journal, state) {
            Ok((fold, days)) => {
                let time = match &fold {
                    Fold::Partition(fold) => fold.time(),
                    Fold::Events(fold) => fold.time(),
                };
                Self { fold, days, time, ..new }
            }
            Err(error) => {
                tracing::error!(%error, %journal, "state of the supervision record cannot be read; it begins anew");
                Self { cut: true, ..new }
            }
        }
    }

    fn read_state(journal: JournalId, state: &[u8]) -> Result<(Fold, DaysDone), RestoreError> {
        let (days, fold) = DaysDone::split_from(state).ok_or(RestoreError::NotAState)?;
        let fold = match journal {
            JournalId::Telemetry(_) => Fold::Partition(PartitionFold::restore(fold)?),
            JournalId::Events | JournalId::Dead => Fold::Events(EventsFold::restore(fold)?),
        };
        Ok((fold, days))
    }

    /// Its name in the store.
    pub(super) fn key(journal: JournalId) -> String {
        format!("supervision/{journal}")
    }

    /// Applies the next records.
    pub(super) fn apply(&mut self, records: &[JournalRecord]) {
        let mut said = Said::default();
        if let Some(first) = records.first() {
            self.days.begin(first.time);
        }
        for record in records {
            match &mut self.fold {
                Fold::Partition(fold) => fold.apply(&telemetry(record), &mut said),
                Fold::Events(fold) => {
                    for event in events(record) {
                        fold.apply(&event, &mut said);
                    }
                }
            }
            (self.read, self.time) = (record.position, record.time);
        }
        self.records += records.len();
        self.note(said);
    }

    /// What came up to before `first` is gone from the journal.
    pub(super) fn skip_to(&mut self, first: Position) {
        match &mut self.fold {
            Fold::Partition(fold) => fold.skip(),
            Fold::Events(fold) => fold.skip(),
        }
        self.read = Position(first.0.saturating_sub(1));
        self.cut = true;
    }

    /// Puts a site in force that stands in no record any more, from the next record's time.
    pub(super) fn take_site(&mut self, revision: std::sync::Arc<Revision>, next: &JournalRecord) {
        let Fold::Partition(fold) = &mut self.fold else { return };
        if revision.number <= fold.revision() {
            return;
        }
        let header = Header { position: self.read, time: next.time, epoch: next.epoch };
        let mut said = Said::default();
        fold.apply(&Record { header, body: Body::Revision(revision) }, &mut said);
        self.note(said);
    }

    fn note(&mut self, said: Said) {
        for gap in said.gaps {
            self.gaps.insert((gap.scope.clone(), gap.reason.as_str(), gap.from), gap);
        }
        for rule in said.rules {
            self.rules.insert((rule.point.to_string(), rule.alarm.to_string(), rule.from), rule);
        }
    }

    /// How many rows wait to be stored.
    pub(super) fn waiting(&self) -> usize {
        self.gaps.len() + self.rules.len()
    }

    /// What is to be stored now.
    pub(super) fn batch(&self, epoch: model::Epoch) -> SupervisionBatch {
        let fold = match &self.fold {
            Fold::Partition(fold) => fold.snapshot(),
            Fold::Events(fold) => fold.snapshot(),
        };
        SupervisionBatch {
            key: Self::key(self.journal),
            epoch,
            after: self.stored,
            upto: self.read,
            time: self.time,
            state: self.days.joined_to(&fold),
            gaps: self.gaps.values().map(gap_row).collect(),
            rules: self.rules.values().map(rule_row).collect(),
            days: Vec::new(),
        }
    }

    /// Everything read is stored.
    pub(super) fn was_stored(&mut self) {
        self.gaps.clear();
        self.rules.clear();
        (self.stored, self.records, self.stored_at) = (self.read, 0, Instant::now());
    }
}

/// A record that this version cannot read still says that Davy ran.
fn telemetry(record: &JournalRecord) -> Record {
    let body = wire::decode_body(&record.body).unwrap_or_else(|error| {
        undecodable(record, &error);
        Body::Tick
    });
    Record { header: Header { position: record.position, time: record.time, epoch: record.epoch }, body }
}

fn events(record: &JournalRecord) -> Vec<model::RecordedEvent> {
    if record.kind != RecordKind::Data {
        return Vec::new();
    }
    match wire::decode_event_record(&record.body) {
        Ok(decoded) => {
            let key = record.key.shared();
            wire::recorded_events(decoded, (record.epoch, &key, record.key_seq), record.position, record.time).collect()
        }
        Err(error) => {
            undecodable(record, &error);
            Vec::new()
        }
    }
}

fn undecodable(record: &JournalRecord, error: &wire::DecodeError) {
    let position = record.position.0;
    tracing::error!(%error, journal = %record.journal, position, "record left out of the supervision record: this version cannot read it");
    ::metrics::counter!(metrics::UNDECODABLE, "journal" => metrics::label(record.journal)).increment(1);
}

fn gap_row(gap: &Gap) -> GapRow {
    let Gap { scope, reason, from, to, evidence } = gap.clone();
    GapRow { scope, reason: reason.as_str().to_owned(), from, to, evidence }
}

fn rule_row(rule: &RuleSpan) -> RuleRow {
    RuleRow {
        point: rule.point.to_string(),
        alarm: rule.alarm.to_string(),
        from: rule.from,
        to: rule.to,
        kind: rule.kind.to_owned(),
        park: rule.park.to_string(),
        enterprise: rule.enterprise.to_string(),
        installation: rule.installation.to_string(),
        body: rule.needs.encode(),
    }
}
