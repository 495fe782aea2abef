//! Facts: model <-> `davy.v1.Event`, the one schema of events in journals and on feeds.

use std::sync::Arc;

use model::{
    Advice, AlarmId, AlarmKind, AlarmTransition, CaseTransition, ClockFault, ClockFaultKind, ClockOffset, CommandKind,
    CommandOutcome, CommandVerdict, DutyTransition, Event, EventBody, EventId, FloodChange, GatewayFault, HistoryLoss,
    IncidentTransition, KeySeq, Nuisance, NuisanceKind, Origin, Position, PossibleGap, Quantity, RecordedEvent, Refusal,
    ReplayDifference, RequestId, RevisionNumber, Scope, SealNotice, SiteRevised, SourceChange, SourceChangeKind, Span, Time,
    Transition, UnmappedTags, WarningTransition,
};

use crate::casework::{case_from_v1, case_to_v1, duty_from_v1, duty_to_v1};
use crate::incident::{incident_from_v1, incident_to_v1};
use crate::picture::{picture_from_v1, picture_to_v1};
use crate::record::DecodeError;
use crate::report::{report_from_v1, report_to_v1};
use crate::v1::event::Body;
use crate::warning::{warning_from_v1, warning_to_v1};
use crate::{Cursor, priority_from_v1, priority_to_v1, state_from_v1, state_to_v1, time_from_v1, time_to_v1, v1};

/// An event as it stands in journals: without id, cursor and record time, which its place gives.
pub fn event_to_v1(event: &Event) -> v1::Event {
    let text = |it: &Option<Arc<str>>| it.as_deref().unwrap_or_default().to_owned();
    v1::Event {
        id: String::new(),
        cursor: String::new(),
        occurred_at: Some(time_to_v1(event.occurred_at)),
        recorded_at: None,
        kind: event.body.kind().to_owned(),
        subject: event.subject.to_string(),
        park: text(&event.scope.park),
        enterprise: text(&event.scope.enterprise),
        installation: text(&event.scope.installation),
        revision: event.revision.0,
        snapshot: false,
        origin: String::new(),
        origin_recorded_at: None,
        body: Some(body_to_v1(&event.body)),
    }
}

/// The same with who recorded it first, where that is another Davy.
pub(crate) fn with_origin(event: v1::Event, origin: Option<&Arc<Origin>>) -> v1::Event {
    let Some(origin) = origin else { return event };
    v1::Event { origin: origin.node.to_string(), origin_recorded_at: Some(time_to_v1(origin.recorded_at)), ..event }
}

/// Who recorded it first, where that is another Davy than the one that tells it.
pub(crate) fn origin_from_v1(event: &v1::Event) -> Option<Arc<Origin>> {
    let recorded_at = event.origin_recorded_at.as_ref().map_or(Time::MIN, time_from_v1);
    (!event.origin.is_empty()).then(|| Arc::new(Origin { node: Arc::from(event.origin.as_str()), recorded_at }))
}

/// An event with its name and when it was recorded, for those who keep it: a cursor is made when it is asked for, in the epoch of then.
pub fn recorded_to_kept_v1(recorded: &RecordedEvent) -> v1::Event {
    v1::Event {
        id: recorded.id.to_string(),
        recorded_at: Some(time_to_v1(recorded.recorded_at)),
        ..with_origin(event_to_v1(&recorded.event), recorded.origin.as_ref())
    }
}

/// An event as feeds and queries show it, with a cursor.
pub fn recorded_to_v1(recorded: &RecordedEvent, cursor: &Cursor) -> v1::Event {
    let mut event = v1::Event { cursor: cursor.encode(), ..recorded_to_kept_v1(recorded) };
    // An event that opens a warning names it, and cannot say so before it has its own name.
    match event.body.as_mut() {
        Some(Body::Warning(change)) if event.kind == WarningTransition::Opened.as_str() => change.warning.clone_from(&event.id),
        Some(Body::Case(change)) if event.kind == CaseTransition::Opened.as_str() => change.case.clone_from(&event.id),
        Some(Body::Incident(change)) if event.kind == IncidentTransition::Declared.as_str() => {
            change.incident.clone_from(&event.id);
        }
        Some(Body::Duty(change)) if event.kind == DutyTransition::HandedOver.as_str() => change.hand_over.clone_from(&event.id),
        _ => {}
    }
    event
}

/// An event from a feed; its position is that of its cursor, or 0.
pub fn v1_to_recorded(event: &v1::Event) -> Result<RecordedEvent, DecodeError> {
    let id = EventId::parse(&event.id).ok_or_else(|| DecodeError::field("event.id", &event.id))?;
    let position = Cursor::decode(&event.cursor).map_or(Position(0), |cursor| cursor.position);
    let recorded_at = event.recorded_at.as_ref().map_or(Time::MIN, time_from_v1);
    let origin = origin_from_v1(event);
    Ok(RecordedEvent { ordinal: id.ordinal, id, position, recorded_at, event: event_from_v1(event)?, origin })
}

/// An event from a journal or a feed, without its name and place.
pub(crate) fn event_from_v1(event: &v1::Event) -> Result<Event, DecodeError> {
    let text = |it: &str| (!it.is_empty()).then(|| Arc::from(it));
    let body = event.body.as_ref().ok_or_else(|| DecodeError::field("event.body", &event.kind))?;
    Ok(Event {
        occurred_at: event.occurred_at.as_ref().map_or(Time::MIN, time_from_v1),
        subject: Arc::from(event.subject.as_str()),
        scope: Scope { park: text(&event.park), enterprise: text(&event.enterprise), installation: text(&event.installation) },
        revision: RevisionNumber(event.revision),
        body: body_from_v1(&event.kind, body)?,
    })
}

fn body_to_v1(body: &EventBody) -> Body {
    match body {
        EventBody::Alarm(alarm) => Body::Alarm(alarm_to_v1(alarm)),
        EventBody::Command(outcome) => Body::Command(outcome_to_v1(outcome)),
        EventBody::Source(change) => Body::Source(v1::SourceChange {
            source: change.source.to_string(),
            since: Some(time_to_v1(change.since)),
            reason: change.reason.clone(),
        }),
        EventBody::Clock(fault) => {
            Body::Clock(v1::ClockFault { fault: fault.fault.as_str().to_owned(), offset_us: fault.offset_us })
        }
        EventBody::Gap(gap) => Body::Gap(v1::PossibleGap {
            source: gap.source.to_string(),
            from: Some(time_to_v1(gap.from)),
            to: Some(time_to_v1(gap.to)),
            reason: gap.reason.clone(),
            messages: gap.messages,
            points: gap.points.clone(),
            more_points: gap.more_points,
        }),
        EventBody::Site(site) => Body::Site(v1::SiteRevised {
            revision: site.revision.0,
            content_hash: hex(&site.content_hash),
            points: site.points,
            alarms: site.alarms,
        }),
        EventBody::Replay(difference) => Body::Replay(replay_to_v1(difference)),
        EventBody::HistoryLost(loss) => Body::HistoryLoss(loss_to_v1(loss)),
        EventBody::CoreVersion(version) => Body::CoreVersion(v1::CoreVersion { version: *version }),
        EventBody::Unmapped(tags) => Body::UnmappedTags(v1::UnmappedTags { tags: tags.tags.clone(), more: tags.more }),
        EventBody::Fault(fault) => Body::Fault(v1::GatewayFault { rule: fault.rule.clone(), detail: fault.detail.clone() }),
        EventBody::Nuisance(nuisance) => Body::Nuisance(nuisance_to_v1(nuisance)),
        EventBody::Flood(flood) => Body::Flood(flood_to_v1(flood)),
        EventBody::Warning(change) => Body::Warning(warning_to_v1(change)),
        EventBody::Case(change) => Body::Case(case_to_v1(change)),
        EventBody::Incident(change) => Body::Incident(incident_to_v1(change)),
        EventBody::Duty(change) => Body::Duty(duty_to_v1(change)),
        EventBody::Picture(picture) => Body::Picture(picture_to_v1(picture)),
        EventBody::Report(report) => Body::Report(report_to_v1(report)),
        EventBody::Seal(seal) => Body::Seal(v1::Seal {
            position: seal.position.0,
            public_key: seal.public_key.clone(),
            signature: seal.signature.clone(),
        }),
    }
}

fn body_from_v1(kind: &str, body: &Body) -> Result<EventBody, DecodeError> {
    Ok(match body {
        Body::Alarm(alarm) => EventBody::Alarm(Box::new(alarm_from_v1(kind, alarm)?)),
        Body::Command(outcome) => EventBody::Command(outcome_from_v1(kind, outcome)?),
        Body::Source(change) => EventBody::Source(source_from_v1(kind, change)?),
        Body::Clock(fault) => EventBody::Clock(ClockFault {
            fault: ClockFaultKind::parse(&fault.fault).ok_or_else(|| DecodeError::field("clock.fault", &fault.fault))?,
            offset_us: fault.offset_us,
        }),
        Body::Gap(gap) => EventBody::Gap(PossibleGap {
            source: Arc::from(gap.source.as_str()),
            from: gap.from.as_ref().map_or(Time::MIN, time_from_v1),
            to: gap.to.as_ref().map_or(Time::MIN, time_from_v1),
            reason: gap.reason.clone(),
            messages: gap.messages,
            points: gap.points.clone(),
            more_points: gap.more_points,
        }),
        Body::Site(site) => EventBody::Site(SiteRevised {
            revision: RevisionNumber(site.revision),
            content_hash: unhex(&site.content_hash)?,
            points: site.points,
            alarms: site.alarms,
        }),
        Body::Replay(difference) => EventBody::Replay(replay_from_v1(difference)?),
        Body::HistoryLoss(loss) => EventBody::HistoryLost(loss_from_v1(loss)?),
        Body::CoreVersion(version) => EventBody::CoreVersion(version.version),
        Body::UnmappedTags(tags) => EventBody::Unmapped(UnmappedTags { tags: tags.tags.clone(), more: tags.more }),
        Body::Fault(fault) => EventBody::Fault(GatewayFault { rule: fault.rule.clone(), detail: fault.detail.clone() }),
        Body::Nuisance(nuisance) => EventBody::Nuisance(nuisance_from_v1(kind, nuisance)?),
        Body::Flood(flood) => EventBody::Flood(flood_from_v1(flood)),
        Body::Warning(change) => EventBody::Warning(Box::new(warning_from_v1(kind, change)?)),
        Body::Case(change) => EventBody::Case(Box::new(case_from_v1(kind, change)?)),
        Body::Incident(change) => EventBody::Incident(Box::new(incident_from_v1(kind, change)?)),
        Body::Duty(change) => EventBody::Duty(Box::new(duty_from_v1(kind, change)?)),
        Body::Picture(picture) => EventBody::Picture(Box::new(picture_from_v1(picture)?)),
        Body::Report(report) => EventBody::Report(Box::new(report_from_v1(kind, report)?)),
        Body::Seal(seal) => EventBody::Seal(SealNotice {
            position: Position(seal.position),
            public_key: seal.public_key.clone(),
            signature: seal.signature.clone(),
        }),
    })
}

fn alarm_to_v1(alarm: &AlarmTransition) -> v1::AlarmTransition {
    let advice = alarm.advice.as_deref().cloned().unwrap_or_default();
    v1::AlarmTransition {
        alarm: alarm.alarm.to_string(),
        alarm_kind: alarm.alarm_kind.as_str().to_owned(),
        priority: priority_to_v1(alarm.priority).into(),
        state: state_to_v1(alarm.state).into(),
        occurrence: alarm.occurrence.as_ref().map(EventId::to_string).unwrap_or_default(),
        activation: alarm.activation,
        value: alarm.value,
        limit: alarm.limit,
        annunciated: alarm.annunciated,
        late: alarm.late,
        held: alarm.held,
        clock_suspect: alarm.clock_suspect,
        reason: alarm.reason.clone(),
        actor: alarm.actor.clone(),
        request_id: request_to_v1(alarm.request_id.as_ref()),
        out_of_range: alarm.out_of_range,
        unit: alarm.unit.to_string(),
        quantity: alarm.quantity.as_str().to_owned(),
        position: alarm.position.to_string(),
        group: alarm.group.to_string(),
        first_out: alarm.first_out,
        until: alarm.until.map(time_to_v1),
        in_alarm: alarm.in_alarm,
        clock_offset_us: alarm.clock.map(|it| it.offset.micros()),
        clock_uncertainty_us: alarm.clock.map(|it| it.uncertainty.micros()),
        cause: advice.cause,
        consequence: advice.consequence,
        action: advice.action,
        respond_within_us: advice.respond_within.map(Span::micros),
    }
}

fn alarm_from_v1(kind: &str, alarm: &v1::AlarmTransition) -> Result<AlarmTransition, DecodeError> {
    Ok(AlarmTransition {
        transition: Transition::parse(kind).ok_or_else(|| DecodeError::field("event.kind", kind))?,
        alarm: alarm_id(&alarm.alarm)?,
        alarm_kind: AlarmKind::parse(&alarm.alarm_kind)
            .ok_or_else(|| DecodeError::field("alarm.alarm_kind", &alarm.alarm_kind))?,
        priority: priority_from_v1(alarm.priority).ok_or_else(|| DecodeError::field("alarm.priority", "unspecified"))?,
        state: state_from_v1(alarm.state).ok_or_else(|| DecodeError::field("alarm.state", alarm.state))?,
        occurrence: occurrence(&alarm.occurrence)?,
        activation: alarm.activation,
        value: alarm.value,
        limit: alarm.limit,
        annunciated: alarm.annunciated,
        late: alarm.late,
        held: alarm.held,
        clock_suspect: alarm.clock_suspect,
        out_of_range: alarm.out_of_range,
        reason: alarm.reason.clone(),
        actor: alarm.actor.clone(),
        request_id: request_from_v1(&alarm.request_id)?,
        unit: Arc::from(alarm.unit.as_str()),
        quantity: Quantity::parse(&alarm.quantity).ok_or_else(|| DecodeError::field("alarm.quantity", &alarm.quantity))?,
        position: Arc::from(alarm.position.as_str()),
        group: Arc::from(alarm.group.as_str()),
        first_out: alarm.first_out,
        until: alarm.until.as_ref().map(time_from_v1),
        in_alarm: alarm.in_alarm,
        clock: alarm.clock_offset_us.zip(alarm.clock_uncertainty_us).map(|(offset, uncertainty)| ClockOffset {
            offset: Span::from_micros(offset),
            uncertainty: Span::from_micros(uncertainty),
        }),
        advice: advice_from_v1(alarm),
    })
}

fn advice_from_v1(alarm: &v1::AlarmTransition) -> Option<Box<Advice>> {
    let advice = Advice {
        cause: alarm.cause.clone(),
        consequence: alarm.consequence.clone(),
        action: alarm.action.clone(),
        respond_within: alarm.respond_within_us.map(Span::from_micros),
    };
    (advice != Advice::default()).then(|| Box::new(advice))
}

fn nuisance_to_v1(nuisance: &Nuisance) -> v1::Nuisance {
    v1::Nuisance {
        alarm: nuisance.alarm.to_string(),
        occurrence: nuisance.occurrence.as_ref().map(EventId::to_string).unwrap_or_default(),
        activations: nuisance.activations,
        span_us: nuisance.span.micros(),
        propose_shelve_us: nuisance.propose_shelve.map(Span::micros),
        advice: nuisance.advice.clone(),
    }
}

fn nuisance_from_v1(kind: &str, nuisance: &v1::Nuisance) -> Result<Nuisance, DecodeError> {
    Ok(Nuisance {
        kind: NuisanceKind::parse(kind).ok_or_else(|| DecodeError::field("event.kind", kind))?,
        alarm: alarm_id(&nuisance.alarm)?,
        occurrence: occurrence(&nuisance.occurrence)?,
        activations: nuisance.activations,
        span: Span::from_micros(nuisance.span_us),
        propose_shelve: nuisance.propose_shelve_us.map(Span::from_micros),
        advice: nuisance.advice.clone(),
    })
}

fn flood_to_v1(flood: &FloodChange) -> v1::Flood {
    v1::Flood {
        since: Some(time_to_v1(flood.since)),
        ended: flood.ended.map(time_to_v1),
        alarms: flood.alarms,
        by_priority: flood.by_priority.to_vec(),
        window_us: flood.window.micros(),
    }
}

fn flood_from_v1(flood: &v1::Flood) -> FloodChange {
    FloodChange {
        since: flood.since.as_ref().map_or(Time::MIN, time_from_v1),
        ended: flood.ended.as_ref().map(time_from_v1),
        alarms: flood.alarms,
        by_priority: std::array::from_fn(|at| flood.by_priority.get(at).copied().unwrap_or(0)),
        window: Span::from_micros(flood.window_us),
    }
}

fn outcome_to_v1(outcome: &CommandOutcome) -> v1::CommandOutcome {
    let (reason, refusal) = match &outcome.verdict {
        CommandVerdict::Accepted => (String::new(), ""),
        CommandVerdict::Refused { refusal, reason } => (reason.clone(), refusal.as_str()),
    };
    v1::CommandOutcome {
        request_id: outcome.request_id.as_str().to_owned(),
        command: outcome.command.as_str().to_owned(),
        alarm: outcome.alarm.to_string(),
        occurrence: outcome.occurrence.as_ref().map(EventId::to_string).unwrap_or_default(),
        activation: outcome.activation,
        actor: outcome.actor.clone(),
        reason,
        state: state_to_v1(outcome.state).into(),
        refusal: refusal.to_owned(),
    }
}

fn outcome_from_v1(kind: &str, outcome: &v1::CommandOutcome) -> Result<CommandOutcome, DecodeError> {
    let refused = || -> Result<CommandVerdict, DecodeError> {
        let refusal = Refusal::parse(&outcome.refusal).ok_or_else(|| DecodeError::field("command.refusal", &outcome.refusal))?;
        Ok(CommandVerdict::Refused { refusal, reason: outcome.reason.clone() })
    };
    Ok(CommandOutcome {
        request_id: RequestId::new(&outcome.request_id)
            .map_err(|_| DecodeError::field("command.request_id", &outcome.request_id))?,
        command: CommandKind::parse(&outcome.command).ok_or_else(|| DecodeError::field("command.command", &outcome.command))?,
        alarm: alarm_id(&outcome.alarm)?,
        occurrence: occurrence(&outcome.occurrence)?,
        activation: outcome.activation,
        actor: outcome.actor.clone(),
        verdict: if kind == "command.accepted" { CommandVerdict::Accepted } else { refused()? },
        state: state_from_v1(outcome.state).ok_or_else(|| DecodeError::field("command.state", outcome.state))?,
    })
}

fn source_from_v1(kind: &str, change: &v1::SourceChange) -> Result<SourceChange, DecodeError> {
    let (change_kind, of_gateway) = match kind {
        "source.down" => (SourceChangeKind::Down, false),
        "source.up" => (SourceChangeKind::Up, false),
        "gateway.down" => (SourceChangeKind::Down, true),
        "gateway.up" => (SourceChangeKind::Up, true),
        _ => return Err(DecodeError::field("event.kind", kind)),
    };
    Ok(SourceChange {
        change: change_kind,
        of_gateway,
        source: Arc::from(change.source.as_str()),
        since: change.since.as_ref().map_or(Time::MIN, time_from_v1),
        reason: change.reason.clone(),
    })
}

fn replay_to_v1(difference: &ReplayDifference) -> v1::ReplayDifference {
    v1::ReplayDifference {
        partition: difference.partition.into(),
        input_position: difference.input_position.0,
        key_seq: difference.key_seq.0,
        recorded_hash: difference.recorded_hash.clone(),
        replayed_hash: difference.replayed_hash.clone(),
    }
}

fn replay_from_v1(difference: &v1::ReplayDifference) -> Result<ReplayDifference, DecodeError> {
    Ok(ReplayDifference {
        partition: partition(difference.partition)?,
        input_position: Position(difference.input_position),
        key_seq: KeySeq(difference.key_seq),
        recorded_hash: difference.recorded_hash.clone(),
        replayed_hash: difference.replayed_hash.clone(),
    })
}

fn loss_to_v1(loss: &HistoryLoss) -> v1::HistoryLoss {
    v1::HistoryLoss {
        partition: loss.partition.into(),
        from_position: loss.from_position.0,
        to_position: loss.to_position.0,
        from: Some(time_to_v1(loss.from)),
        to: Some(time_to_v1(loss.to)),
        points: loss.points.clone(),
    }
}

fn loss_from_v1(loss: &v1::HistoryLoss) -> Result<HistoryLoss, DecodeError> {
    Ok(HistoryLoss {
        partition: partition(loss.partition)?,
        from_position: Position(loss.from_position),
        to_position: Position(loss.to_position),
        from: loss.from.as_ref().map_or(Time::MIN, time_from_v1),
        to: loss.to.as_ref().map_or(Time::MIN, time_from_v1),
        points: loss.points.clone(),
    })
}

fn partition(number: u32) -> Result<u8, DecodeError> {
    u8::try_from(number).map_err(|_| DecodeError::field("partition", number))
}

fn alarm_id(text: &str) -> Result<AlarmId, DecodeError> {
    AlarmId::new(text).map_err(|_| DecodeError::field("alarm", text))
}

pub(crate) fn occurrence(text: &str) -> Result<Option<EventId>, DecodeError> {
    if text.is_empty() {
        return Ok(None);
    }
    EventId::parse(text).map(Some).ok_or_else(|| DecodeError::field("occurrence", text))
}

pub(crate) fn request_to_v1(request_id: Option<&RequestId>) -> String {
    request_id.map(|it| it.as_str().to_owned()).unwrap_or_default()
}

fn request_from_v1(text: &str) -> Result<Option<RequestId>, DecodeError> {
    if text.is_empty() {
        return Ok(None);
    }
    RequestId::new(text).map(Some).map_err(|_| DecodeError::field("request_id", text))
}

/// Bytes as lower-case hex.
pub(crate) fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digit = |nibble: u8| char::from(DIGITS[usize::from(nibble)]);
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}

fn unhex(text: &str) -> Result<[u8; 32], DecodeError> {
    let wrong = || DecodeError::field("content_hash", text);
    let digits = text.as_bytes();
    if digits.len() != 64 || !digits.iter().all(u8::is_ascii_hexdigit) {
        return Err(wrong());
    }
    let mut hash = [0; 32];
    for (byte, pair) in hash.iter_mut().zip(digits.chunks_exact(2)) {
        let pair = std::str::from_utf8(pair).map_err(|_| wrong())?;
        *byte = u8::from_str_radix(pair, 16).map_err(|_| wrong())?;
    }
    Ok(hash)
}
