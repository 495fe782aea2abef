//! Records of journals into rows of the store. Nothing here can stop the pipeline: what this version cannot read is counted, logged and
//! left out (traps 60); it stays in the journal.

use std::sync::Arc;

use journal::{JournalId, JournalRecord, RecordKind};
use model::{Body, Epoch, Event, EventBody, Position, RecordedEvent, Revision, RevisionNumber, Scope};
use prost::Message as _;
use store::{DeadRow, EventRow, PointRow, SampleRow, WriteBatch};
use wire::{DecodeError, EventRecord};

use crate::{metrics, occurrences};

/// The batch that brings a journal's store from `after` to the last of the records, which follow it.
pub(crate) fn batch(journal: JournalId, epoch: Epoch, after: Position, records: &[JournalRecord]) -> WriteBatch {
    let mut batch = WriteBatch { journal: journal.to_string(), epoch, after, upto: after, ..WriteBatch::default() };
    for record in records {
        if let Err(error) = add(&mut batch, record) {
            let position = record.position.0;
            tracing::error!(%error, %journal, position, "record left out of the history: this version cannot read it");
            ::metrics::counter!(metrics::UNDECODABLE, "journal" => metrics::label(journal)).increment(1);
        }
        batch.upto = record.position;
        batch.time = record.time;
    }
    batch
}

/// Adds the batch that follows in the same journal.
pub(crate) fn join(batch: &mut WriteBatch, next: WriteBatch) {
    let WriteBatch { upto, time, samples, events, dead, points, occurrences, .. } = next;
    (batch.upto, batch.time) = (upto, time);
    batch.samples.extend(samples);
    batch.events.extend(events);
    batch.dead.extend(dead);
    batch.points.extend(points);
    batch.occurrences.extend(occurrences);
}

fn add(batch: &mut WriteBatch, record: &JournalRecord) -> Result<(), DecodeError> {
    match (record.journal, record.kind) {
        (JournalId::Telemetry(_), _) => {
            if let Body::Batch(samples) = wire::decode_body(&record.body)? {
                let kept = samples.samples.iter().filter(|sample| !sample.flags.transient);
                batch.samples.extend(kept.map(|sample| sample_row(sample, record)));
                let transient = samples.samples.iter().filter(|sample| sample.flags.transient).count();
                ::metrics::counter!(metrics::TRANSIENT).increment(transient as u64);
            }
        }
        (JournalId::Events, RecordKind::Data) => {
            let decoded = wire::decode_event_record(&record.body)?;
            batch.points.extend(decoded.site.iter().flat_map(|site| point_rows(site)));
            let recorded = recorded_events(decoded, record);
            batch.occurrences.extend(recorded.iter().filter_map(occurrences::change));
            batch.events.extend(recorded.into_iter().map(event_row));
        }
        (JournalId::Events, RecordKind::Seal) => {
            let seal = Event {
                occurred_at: record.time,
                subject: Arc::from("journal"),
                scope: Scope::default(),
                revision: RevisionNumber(0),
                body: EventBody::Seal(wire::seal_notice(&record.body)?),
            };
            let seal = recorded_events(EventRecord { events: vec![seal], ..EventRecord::default() }, record);
            batch.events.extend(seal.into_iter().map(event_row));
        }
        (JournalId::Dead, _) => batch.dead.push(dead_row(wire::DeadLetter::decode(&record.body)?, record)),
    }
    Ok(())
}

fn sample_row(sample: &model::Sample, record: &JournalRecord) -> SampleRow {
    let model::Sample { point, time, value, quality, flags } = *sample;
    SampleRow { point, time, value, quality, flags, recorded_at: record.time }
}

fn point_rows(revision: &Revision) -> impl Iterator<Item = PointRow> {
    revision.points().map(|(number, point)| PointRow {
        number,
        id: point.id.to_string(),
        unit: point.unit.clone(),
        quantity: point.quantity.as_str().to_owned(),
        park: point.park.as_ref().map(ToString::to_string).unwrap_or_default(),
        enterprise: point.enterprise.to_string(),
        installation: point.installation.to_string(),
        hold: point.stale_after,
    })
}

fn recorded_events(decoded: EventRecord, record: &JournalRecord) -> Vec<RecordedEvent> {
    let key = record.key.shared();
    wire::recorded_events(decoded, (record.epoch, &key, record.key_seq), record.position, record.time).collect()
}

fn event_row(recorded: RecordedEvent) -> EventRow {
    let text = |it: &Option<Arc<str>>| it.as_deref().unwrap_or_default().to_owned();
    let scope = &recorded.event.scope;
    let id = recorded.id.to_string();
    let body = wire::recorded_to_kept_v1(&recorded);
    EventRow {
        position: recorded.position,
        ordinal: recorded.ordinal,
        id,
        occurred_at: recorded.event.occurred_at,
        recorded_at: recorded.recorded_at,
        kind: recorded.event.body.kind().to_owned(),
        subject: recorded.event.subject.to_string(),
        park: text(&scope.park),
        enterprise: text(&scope.enterprise),
        installation: text(&scope.installation),
        body: body.encode_to_vec(),
    }
}

fn dead_row(letter: wire::DeadLetter, record: &JournalRecord) -> DeadRow {
    DeadRow {
        position: record.position,
        at: record.time,
        gateway: letter.gateway,
        topic: letter.topic,
        reason: letter.reason,
        detail: letter.detail,
        payload: letter.payload,
        payload_bytes: letter.payload_bytes,
        count: letter.count,
    }
}
