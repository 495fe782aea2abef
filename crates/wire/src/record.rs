//! Records of journals: model <-> bytes of `davy.record.v1`.
//!
//! Flags of a sample, one byte: bits 0-1 quality (1 good, 2 uncertain, 3 bad, 0 calibrating), bit 2 no value, bit 3 historical, bit 4 arrival
//! time, bit 5 out of range, bit 6 retained, bit 7 transient.

use std::fmt::Display;
use std::sync::Arc;

use bytes::Bytes;
use model::{
    AlarmId, Batch, Body, Command, CommandKind, Epoch, Event, EventId, GatewayPath, KeySeq, Message, Origin, PointNumber,
    Position, Quality, RecordedEvent, RequestId, Revision, RevisionNumber, Sample, SampleFlags, SourceId, Subject, Time,
    UnmappedTags,
};
use prost::Message as _;

use crate::event::{event_from_v1, event_to_v1, occurrence, origin_from_v1, with_origin};
use crate::pb::record;
use crate::pb::record::telemetry_record::Body as Wire;
use crate::site::{revision_from_record, revision_to_record};
use crate::v1;

/// Why bytes are no record, or a message no value of the model.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// Not protobuf of this type.
    #[error("decode a record: {0}")]
    Protobuf(#[from] prost::DecodeError),
    /// A field holds what this version cannot take.
    #[error("decode a record: {field} is `{value}`, which this version does not know")]
    Field {
        /// Which field.
        field: &'static str,
        /// Its value, cut after 80 characters.
        value: String,
    },
}

impl DecodeError {
    pub(crate) fn field(field: &'static str, value: impl Display) -> Self {
        Self::Field { field, value: value.to_string().chars().take(80).collect() }
    }
}

/// A record of `telemetry/<p>` as bytes.
pub fn encode_body(body: &Body) -> Bytes {
    let wire = match body {
        Body::Batch(batch) => Wire::Batch(batch_to_record(batch)),
        Body::Command(command) => Wire::Command(command_to_record(command)),
        Body::Revision(revision) => Wire::Revision(revision_to_record(revision)),
        Body::SourceDown { source, since, reason } => Wire::SourceDown(record::SourceDown {
            source: source.as_str().to_owned(),
            since: since.micros(),
            reason: reason.clone(),
        }),
        Body::SourceUp { source, session_lost } => {
            Wire::SourceUp(record::SourceUp { source: source.as_str().to_owned(), session_lost: *session_lost })
        }
        Body::CoreVersion(version) => Wire::CoreVersion(record::CoreVersion { version: *version }),
        Body::Tick => Wire::Tick(record::IdleTick {}),
        Body::Unmapped { gateway, tags } => Wire::Unmapped(record::UnmappedTags {
            gateway: gateway.as_str().to_owned(),
            tags: tags.tags.clone(),
            more: tags.more,
        }),
        Body::SequenceGap { gateway, first_missing, count } => {
            Wire::Gap(record::SequenceGap { gateway: gateway.as_str().to_owned(), first_missing: *first_missing, count: *count })
        }
        Body::Loss { source, from, to, reason, messages } => Wire::Loss(record::Loss {
            source: source.as_str().to_owned(),
            from: from.micros(),
            to: to.micros(),
            reason: reason.clone(),
            messages: *messages,
        }),
        Body::Fault { gateway, rule, detail } => {
            Wire::Fault(record::GatewayFault { gateway: gateway.as_str().to_owned(), rule: rule.clone(), detail: detail.clone() })
        }
    };
    record::TelemetryRecord { body: Some(wire) }.encode_to_vec().into()
}

/// A record of `telemetry/<p>` from bytes.
pub fn decode_body(bytes: &[u8]) -> Result<Body, DecodeError> {
    let record = record::TelemetryRecord::decode(bytes)?;
    let body = record.body.ok_or_else(|| DecodeError::field("telemetry_record.body", "of a kind that came later"))?;
    Ok(match body {
        Wire::Batch(batch) => Body::Batch(batch_from_record(batch)?),
        Wire::Command(command) => Body::Command(command_from_record(command)?),
        Wire::Revision(revision) => Body::Revision(Arc::new(revision_from_record(&revision)?)),
        Wire::SourceDown(down) => {
            Body::SourceDown { source: SourceId::named(&down.source), since: Time::from_micros(down.since), reason: down.reason }
        }
        Wire::SourceUp(up) => Body::SourceUp { source: SourceId::named(&up.source), session_lost: up.session_lost },
        Wire::CoreVersion(version) => Body::CoreVersion(version.version),
        Wire::Tick(record::IdleTick {}) => Body::Tick,
        Wire::Unmapped(unmapped) => Body::Unmapped {
            gateway: gateway(&unmapped.gateway)?,
            tags: UnmappedTags { tags: unmapped.tags, more: unmapped.more },
        },
        Wire::Gap(gap) => {
            Body::SequenceGap { gateway: gateway(&gap.gateway)?, first_missing: gap.first_missing, count: gap.count }
        }
        Wire::Loss(loss) => Body::Loss {
            source: SourceId::named(&loss.source),
            from: Time::from_micros(loss.from),
            to: Time::from_micros(loss.to),
            reason: loss.reason,
            messages: loss.messages,
        },
        Wire::Fault(fault) => Body::Fault { gateway: gateway(&fault.gateway)?, rule: fault.rule, detail: fault.detail },
    })
}

fn gateway(path: &str) -> Result<GatewayPath, DecodeError> {
    GatewayPath::new(path).map_err(|_| DecodeError::field("gateway", path))
}

fn batch_to_record(batch: &Batch) -> record::Batch {
    let mut last = 0;
    let delta = |sample: &Sample| {
        let delta = sample.time.micros().wrapping_sub(last);
        last = sample.time.micros();
        delta
    };
    record::Batch {
        revision: batch.revision.0,
        gateways: batch.gateways.iter().map(|it| it.as_str().to_owned()).collect(),
        message_gateway: batch.messages.iter().map(|it| it.gateway).collect(),
        message_samples: batch.messages.iter().map(|it| it.samples).collect(),
        message_seq: batch.messages.iter().map(|it| it.seq.map_or(0, |seq| seq.saturating_add(1))).collect(),
        message_digest: batch.messages.iter().flat_map(|it| it.digest).collect(),
        time_delta: batch.samples.iter().map(delta).collect(),
        point: batch.samples.iter().map(|it| it.point.0).collect(),
        value: batch.samples.iter().map(|it| it.value.unwrap_or(0.0)).collect(),
        flags: batch.samples.iter().map(flags_to_byte).collect(),
    }
}

fn batch_from_record(batch: record::Batch) -> Result<Batch, DecodeError> {
    let (messages, samples) = (batch.message_gateway.len(), batch.point.len());
    let owned: u64 = batch.message_samples.iter().map(|count| u64::from(*count)).sum();
    let whole = batch.message_samples.len() == messages
        && batch.message_seq.len() == messages
        && batch.message_digest.len() == messages.saturating_mul(16)
        && batch.time_delta.len() == samples
        && batch.value.len() == samples
        && batch.flags.len() == samples
        && owned == samples as u64
        && batch.message_gateway.iter().all(|it| (*it as usize) < batch.gateways.len());
    if !whole {
        return Err(DecodeError::field("batch", "columns of unequal length"));
    }
    let digests = batch.message_digest.chunks_exact(16);
    let columns = batch.message_gateway.iter().zip(&batch.message_samples).zip(&batch.message_seq).zip(digests);
    let messages = columns.map(|(((gateway, samples), seq), digest)| Message {
        gateway: *gateway,
        samples: *samples,
        seq: seq.checked_sub(1),
        digest: std::array::from_fn(|i| digest[i]),
    });
    let mut time = 0_i64;
    let columns = batch.point.iter().zip(&batch.time_delta).zip(&batch.value).zip(&batch.flags);
    let samples = columns.map(|(((point, delta), value), flags)| {
        time = time.wrapping_add(*delta);
        sample_from_columns(PointNumber(*point), Time::from_micros(time), *value, *flags)
    });
    Ok(Batch {
        revision: RevisionNumber(batch.revision),
        messages: messages.collect(),
        samples: samples.collect(),
        gateways: batch.gateways.iter().map(|path| gateway(path)).collect::<Result<_, _>>()?,
    })
}

fn flags_to_byte(sample: &Sample) -> u8 {
    let quality = match sample.quality {
        Quality::Good => 1,
        Quality::Uncertain => 2,
        Quality::Bad => 3,
        Quality::Calibrating => 0,
    };
    let flags = sample.flags;
    quality
        | u8::from(sample.value.is_none()) << 2
        | u8::from(flags.historical) << 3
        | u8::from(flags.arrival_time) << 4
        | u8::from(flags.out_of_range) << 5
        | u8::from(flags.retained) << 6
        | u8::from(flags.transient) << 7
}

fn sample_from_columns(point: PointNumber, time: Time, value: f64, byte: u8) -> Sample {
    let bit = |bit: u8| byte >> bit & 1 == 1;
    let quality = match byte & 3 {
        1 => Quality::Good,
        2 => Quality::Uncertain,
        3 => Quality::Bad,
        _ => Quality::Calibrating,
    };
    let mut sample = Sample::new(point, time, (!bit(2)).then_some(value), quality);
    sample.flags =
        SampleFlags { historical: bit(3), arrival_time: bit(4), out_of_range: bit(5), retained: bit(6), transient: bit(7) };
    sample
}

fn command_to_record(command: &Command) -> record::Command {
    record::Command {
        request_id: command.request_id.as_str().to_owned(),
        command: command.kind.as_str().to_owned(),
        point: command.subject.to_string(),
        alarm: command.alarm.to_string(),
        occurrence: command.occurrence.as_ref().map(EventId::to_string).unwrap_or_default(),
        activation: command.activation,
        actor: command.actor.clone(),
        why: command.why.clone(),
        until: command.until.map(Time::micros),
    }
}

fn command_from_record(command: record::Command) -> Result<Command, DecodeError> {
    Ok(Command {
        request_id: RequestId::new(&command.request_id)
            .map_err(|_| DecodeError::field("command.request_id", &command.request_id))?,
        kind: CommandKind::parse(&command.command).ok_or_else(|| DecodeError::field("command.command", &command.command))?,
        subject: Subject::new(&command.point).map_err(|_| DecodeError::field("command.point", &command.point))?,
        alarm: AlarmId::new(&command.alarm).map_err(|_| DecodeError::field("command.alarm", &command.alarm))?,
        occurrence: occurrence(&command.occurrence)?,
        activation: command.activation,
        actor: command.actor,
        why: command.why,
        until: command.until.map(Time::from_micros),
    })
}

/// A record of `events`: the facts that one writer derived from one input.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct EventRecord {
    /// Position in the engine's partition of the one input it covers; 0 for other writers.
    pub input_position: Position,
    /// Epoch of that input; 0 means that of the record.
    pub epoch: Epoch,
    /// In order.
    pub events: Vec<Event>,
    /// With `site.revised`: the whole site.
    pub site: Option<Arc<Revision>>,
    /// What events of another Davy keep, by their places in `events`; events beyond its end are own.
    pub kept: Vec<Option<Kept>>,
    /// How far another Davy's feed is taken with this record.
    pub upstream: Option<UpstreamMark>,
}

/// What an event of another Davy keeps.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kept {
    /// Its id; `None`: said here of an alarm there, and named by its place here.
    pub id: Option<EventId>,
    /// Who recorded it first.
    pub origin: Arc<Origin>,
}

/// How far another Davy's feed is taken.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UpstreamMark {
    /// Its cursor, as it gave it; empty: begin anew with what is active.
    pub cursor: String,
    /// Its name, as it gives it itself.
    pub node: String,
    /// Everything that it recorded until then is taken, its journal time.
    pub complete_to: Option<Time>,
}

/// A record of `events` as bytes; the same record gives the same bytes.
pub fn encode_event_record(record: &EventRecord) -> Bytes {
    let record = record::EventRecord {
        input_position: record.input_position.0,
        epoch: record.epoch.0,
        events: record.events.iter().enumerate().map(|(at, event)| kept_to_v1(event, record.kept.get(at))).collect(),
        site: record.site.as_deref().map(revision_to_record),
        upstream: record.upstream.as_ref().map(mark_to_record),
    };
    record.encode_to_vec().into()
}

fn kept_to_v1(event: &Event, kept: Option<&Option<Kept>>) -> v1::Event {
    let own = event_to_v1(event);
    let Some(Kept { id, origin }) = kept.and_then(Option::as_ref) else { return own };
    let id = id.as_ref().map(EventId::to_string).unwrap_or_default();
    v1::Event { id, ..with_origin(own, Some(origin)) }
}

fn kept_from_v1(event: &v1::Event) -> Result<Option<Kept>, DecodeError> {
    let Some(origin) = origin_from_v1(event) else { return Ok(None) };
    let parse = |id: &str| EventId::parse(id).ok_or_else(|| DecodeError::field("event.id", id));
    let id = if event.id.is_empty() { None } else { Some(parse(&event.id)?) };
    Ok(Some(Kept { id, origin }))
}

/// A mark for records and snapshots.
pub fn mark_to_record(mark: &UpstreamMark) -> record::UpstreamMark {
    let complete_to = mark.complete_to.map_or(0, Time::micros);
    record::UpstreamMark { cursor: mark.cursor.clone(), node: mark.node.clone(), complete_to }
}

/// A mark from a record or a snapshot.
pub fn mark_from_record(mark: record::UpstreamMark) -> UpstreamMark {
    let complete_to = (mark.complete_to != 0).then(|| Time::from_micros(mark.complete_to));
    UpstreamMark { cursor: mark.cursor, node: mark.node, complete_to }
}

/// A record of `events` from bytes.
pub fn decode_event_record(bytes: &[u8]) -> Result<EventRecord, DecodeError> {
    let record = record::EventRecord::decode(bytes)?;
    Ok(EventRecord {
        input_position: Position(record.input_position),
        epoch: Epoch(record.epoch),
        events: record.events.iter().map(event_from_v1).collect::<Result<_, _>>()?,
        site: record.site.as_ref().map(revision_from_record).transpose()?.map(Arc::new),
        kept: all_kept(&record.events)?,
        upstream: record.upstream.map(mark_from_record),
    })
}

/// None at all where all events are own.
fn all_kept(events: &[v1::Event]) -> Result<Vec<Option<Kept>>, DecodeError> {
    if events.iter().all(|event| event.origin.is_empty()) {
        return Ok(Vec::new());
    }
    events.iter().map(kept_from_v1).collect()
}

/// The events of a record with their names, from where and when it stands; those of another Davy keep the names they had there.
pub fn recorded_events(
    record: EventRecord,
    (epoch, key, key_seq): (Epoch, &Arc<str>, KeySeq),
    position: Position,
    recorded_at: Time,
) -> impl Iterator<Item = RecordedEvent> {
    let epoch = if record.epoch == Epoch(0) { epoch } else { record.epoch };
    let key = Arc::clone(key);
    let kept = record.kept.into_iter().chain(std::iter::repeat(None));
    (0_u32..).zip(record.events).zip(kept).map(move |((ordinal, event), kept)| {
        let (id, origin) = kept.map_or((None, None), |kept| (kept.id, Some(kept.origin)));
        let id = id.unwrap_or_else(|| EventId { epoch, key: Arc::clone(&key), key_seq, ordinal });
        RecordedEvent { id, position, ordinal, recorded_at, event, origin }
    })
}

/// What a seal record says, for feeds; the proof itself is checked by the journal.
pub fn seal_notice(body: &[u8]) -> Result<model::SealNotice, DecodeError> {
    let seal = record::SealRecord::decode(body)?;
    Ok(model::SealNotice {
        position: Position(seal.position),
        public_key: crate::event::hex(&seal.public_key),
        signature: crate::event::hex(&seal.signature),
    })
}
