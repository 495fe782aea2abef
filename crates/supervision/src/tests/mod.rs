//! What the record says, held against scripted days, a brute-force reference and the core itself.

mod day;
mod judging;
mod laws;
mod needs;
mod states;

use std::sync::Arc;

use model::{
    AlarmId, AlarmKind, AlarmRule, AlarmState, AlarmTransition, Batch, Body, EnterpriseId, Epoch, Event, EventBody, EventId,
    GatewayPath, Header, InstallationId, KeySeq, Message, Partition, Point, PointId, PointNumber, PointSource, Position,
    Priority, Protocol, Quality, Quantity, Record, RecordedEvent, Revision, RevisionNumber, Sample, Scope, Site, Span, Time,
    Transition,
};

use crate::{Gap, Gaps, PartitionFold, Reason, Said};

const PARTITION: Partition = Partition(17);

/// Seconds of a day as time.
fn at(seconds: i64) -> Time {
    Time::YEAR_2000.plus(Span::from_secs(seconds))
}

fn point(id: &str, protocol: Protocol, gateway: &str, stale_after_s: i64) -> Point {
    Point {
        id: PointId::new(id).unwrap(),
        name: String::new(),
        installation: InstallationId::new("i1").unwrap(),
        enterprise: EnterpriseId::new("e01").unwrap(),
        park: None,
        quantity: Quantity::Level,
        unit: "m".to_owned(),
        range: None,
        stale_after: Span::from_secs(stale_after_s),
        source: PointSource { protocol, gateway: GatewayPath::new(gateway).unwrap(), tag: id.to_owned() },
        states: Vec::new(),
        alarms: vec![rule("high", AlarmKind::High), rule("stale", AlarmKind::Stale), rule("bad_quality", AlarmKind::BadQuality)],
        cas: String::new(),
    }
}

fn rule(id: &str, kind: AlarmKind) -> AlarmRule {
    AlarmRule { id: AlarmId::new(id).unwrap(), kind, limit: kind.has_limit().then_some(80.0), ..AlarmRule::default() }
}

/// Points numbered from 1.
fn revision(number: u32, points: Vec<Point>) -> Arc<Revision> {
    let numbers = (1..=u32::try_from(points.len()).unwrap()).map(PointNumber).collect();
    numbered(number, numbers, points)
}

fn numbered(number: u32, numbers: Vec<PointNumber>, points: Vec<Point>) -> Arc<Revision> {
    let site = Site { points, ..Site::default() };
    Arc::new(Revision { number: RevisionNumber(number), site, numbers, ..Revision::default() })
}

fn sample(number: u32, time: Time, quality: Quality) -> Sample {
    Sample::new(PointNumber(number), time, Some(1.0), quality)
}

/// One message.
fn message(gateway: &str, samples: Vec<Sample>) -> Body {
    let count = u32::try_from(samples.len()).unwrap();
    Body::Batch(Batch {
        revision: RevisionNumber(1),
        gateways: vec![GatewayPath::new(gateway).unwrap()],
        messages: vec![Message { gateway: 0, samples: count, seq: None, digest: [0; 16] }],
        samples,
    })
}

/// A fold and what it said; positions from 1.
struct Run {
    fold: PartitionFold,
    position: u64,
    said: Said,
}

impl Run {
    fn new() -> Self {
        Self { fold: PartitionFold::new(PARTITION), position: 0, said: Said::default() }
    }

    fn apply(&mut self, time: Time, body: Body) {
        self.position += 1;
        let header = Header { position: Position(self.position), time, epoch: Epoch(1) };
        self.fold.apply(&Record { header, body }, &mut self.said);
    }

    fn gaps(&self) -> Gaps {
        self.said.gaps.iter().cloned().collect()
    }
}

/// An event of `events`; ids count on.
fn recorded(seq: u64, recorded_at: Time, subject: &str, body: EventBody) -> RecordedEvent {
    RecordedEvent {
        id: EventId { epoch: Epoch(1), key: Arc::from("engine/17"), key_seq: KeySeq(seq), ordinal: 0 },
        position: Position(seq),
        ordinal: 0,
        recorded_at,
        event: Event {
            occurred_at: recorded_at,
            subject: Arc::from(subject),
            scope: Scope::default(),
            revision: RevisionNumber(1),
            body,
        },
        origin: None,
    }
}

fn transition(transition: Transition, alarm: &str, alarm_kind: AlarmKind, state: AlarmState) -> EventBody {
    EventBody::Alarm(Box::new(AlarmTransition {
        transition,
        alarm: AlarmId::new(alarm).unwrap(),
        alarm_kind,
        priority: Priority::Medium,
        state,
        occurrence: None,
        activation: 0,
        in_alarm: false,
        value: None,
        limit: None,
        annunciated: false,
        late: false,
        held: false,
        clock_suspect: false,
        out_of_range: false,
        reason: String::new(),
        actor: String::new(),
        request_id: None,
        unit: Arc::from(""),
        quantity: Quantity::Level,
        position: Arc::from(""),
        group: Arc::from(""),
        first_out: false,
        until: None,
        clock: None,
        advice: None,
    }))
}

fn gap(scope: &str, reason: Reason, from: Time, to: Option<Time>) -> Gap {
    Gap { scope: scope.to_owned(), reason, from, to, evidence: "e".to_owned() }
}
