//! Random plants and random journals for the laws.

use std::sync::Arc;

use alarm::Core;
use model::{
    AlarmId, AlarmKind, AlarmRule, Batch, Body, Command, CommandKind, Condition, Direction, EnterpriseId, Epoch, Event,
    EventBody, EventId, Formula, GatewayPath, Header, Message, MissingMember, Point, PointId, PointNumber, Position, Protocol,
    Quality, Range, Record, Reference, RequestId, Revision, Sample, SampleFlags, SourceId, Span, Subject, Suppression, Time,
};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

use crate::plant::{ZERO, point, revision, rule};

/// Far apart, so that every page of the index is met.
const NUMBERS: [u32; 3] = [1, 2, 5_000];

const NODE: &str = "rugang/节点 1";
const DEVICE: &str = "rugang/节点 1/g1";
const SOURCES: [&str; 7] =
    ["mqtt", "sparkplug", "*", "sparkplug/rugang/节点 1", "sparkplug/rugang/节点 1/g1", "grpc", "sparkplug/a/b"];

fn half_seconds(range: std::ops::Range<i64>) -> impl Strategy<Value = Span> {
    range.prop_map(|halves| Span::from_millis(500 * halves))
}

fn rules() -> impl Strategy<Value = Vec<AlarmRule>> {
    let kinds: Vec<AlarmKind> = AlarmKind::ALL.iter().copied().filter(|kind| kind.is_configurable()).collect();
    let one = (select(kinds), -1..11_i32, 0..3_i32, half_seconds(0..8), half_seconds(0..8), any::<bool>(), shapes());
    let made = one.prop_map(|(kind, limit, deadband, on, off, latching, shape)| AlarmRule {
        condition: shape.condition(kind),
        group: if shape.first_out { "g".to_owned() } else { String::new() },
        shelve_max: Span::from_secs(60),
        realarm_after: shape.again.then(|| Span::from_secs(7)),
        repeat_within: if shape.again { Span::from_secs(2) } else { Span::ZERO },
        deadband: f64::from(deadband),
        on_delay: if on > Span::from_secs(2) { on } else { Span::ZERO },
        off_delay: if off > Span::from_secs(2) { off } else { Span::ZERO },
        latching,
        ..rule(kind, kind.has_limit().then(|| f64::from(limit)))
    });
    vec(made, 0..4).prop_map(|mut rules| {
        for (at, rule) in rules.iter_mut().enumerate() {
            rule.id = AlarmId::new(&format!("r{at}")).expect("an id");
        }
        let watched: Vec<AlarmId> = rules.iter().filter(|rule| rule.kind.is_group()).map(|rule| rule.id.clone()).collect();
        rules.extend(watched.into_iter().map(|alarm| AlarmRule {
            id: AlarmId::new(&format!("{alarm}.fault")).expect("an id"),
            condition: Condition::FaultOf { alarm },
            ..rule(AlarmKind::RuleFault, None)
        }));
        rules
    })
}

/// What kinds beyond limits judge by, of one random draw.
#[derive(Clone, Debug)]
struct Shape {
    window: Span,
    direction: Direction,
    missing: MissingMember,
    members: Vec<u32>,
    votes: u32,
    text: &'static str,
    first_out: bool,
    again: bool,
}

fn shapes() -> impl Strategy<Value = Shape> {
    let texts = select(vec!["a > 5.0", "a > b", "a / b > 2.0", "a < 3.0 || b > 9.0"]);
    let members = select(vec![vec![1, 2], vec![1, 2, 5_000], vec![2, 5_000], vec![1, 77]]);
    (
        half_seconds(2..20),
        select(Direction::ALL),
        select(MissingMember::ALL),
        members,
        1..4_u32,
        texts,
        any::<bool>(),
        any::<bool>(),
    )
        .prop_map(|(window, direction, missing, members, votes, text, first_out, again)| Shape {
            window,
            direction,
            missing,
            votes: votes.min(u32::try_from(members.len()).expect("few")),
            members,
            text,
            first_out,
            again,
        })
}

impl Shape {
    fn condition(&self, kind: AlarmKind) -> Condition {
        let (window, direction) = (self.window, self.direction);
        let members: Vec<PointId> = self.members.iter().map(|it| point_id(*it)).collect();
        match kind {
            AlarmKind::Rate => Condition::Rate { window, per: Span::from_secs(5), direction },
            AlarmKind::Deviation if self.again => Condition::Deviation { from: Reference::Value(5.0), direction },
            AlarmKind::Deviation => {
                let fallback = self.first_out.then_some(4.0);
                Condition::Deviation { from: Reference::Point { point: members[1].clone(), fallback }, direction }
            }
            AlarmKind::Stuck => Condition::Stuck { noise: f64::from(self.votes), window },
            AlarmKind::State => Condition::State { values: vec![1.0, 5.0, 6.0] },
            AlarmKind::Vote => Condition::Vote { members, votes: self.votes, direction, missing: self.missing },
            AlarmKind::Expression => Condition::Expression(self.formula()),
            AlarmKind::TimeToLimit => Condition::TimeToLimit { window, within: Span::from_secs(9), direction },
            _ => Condition::Plain,
        }
    }

    fn formula(&self) -> Formula {
        let inputs = [("a", self.members[0]), ("b", self.members[1])];
        Formula {
            text: self.text.to_owned(),
            inputs: inputs.into_iter().map(|(name, number)| (name.to_owned(), point_id(number))).collect(),
        }
    }
}

fn point_id(number: u32) -> PointId {
    PointId::new(&format!("p{number}")).expect("an id")
}

/// A condition that suppresses alarms of the first point.
fn suppressions() -> impl Strategy<Value = Vec<Suppression>> {
    let one = shapes().prop_map(|shape| Suppression {
        id: format!("s{}", shape.votes),
        enterprise: EnterpriseId::new("e1").expect("an id"),
        when: shape.formula(),
        alarms: vec![(point_id(1), shape.again.then(|| AlarmId::new("r0").expect("an id"))), (point_id(2), None)],
    });
    vec(one, 0..2)
}

fn points() -> impl Strategy<Value = Vec<(u32, Point)>> {
    let one = (rules(), half_seconds(2..14), any::<bool>(), any::<bool>(), prop::bool::weighted(0.9));
    vec(one, NUMBERS.len()).prop_map(|points| {
        let numbered = NUMBERS.into_iter().zip(points).filter(|(_, (.., there))| *there);
        let made = numbered.map(|(number, (alarms, stale_after, second, sparkplug, _))| {
            let range = Some(Range { low: 0.0, high: 10.0 });
            let mut made = Point { alarms, stale_after, range, ..point(number) };
            if second {
                made.source.gateway = GatewayPath::new("rugang/e1/g2").expect("a path");
            }
            if sparkplug {
                // A node's own point, or one of its devices.
                made.source.protocol = Protocol::Sparkplug;
                made.source.gateway = GatewayPath::new(if second { NODE } else { DEVICE }).expect("a path");
            }
            (number, made)
        });
        made.collect()
    })
}

/// Three revisions of a small plant.
pub(crate) fn plants() -> impl Strategy<Value = Vec<Arc<Revision>>> {
    // A later revision keeps each point of the first, or takes it from a plant of its own.
    (points(), suppressions(), vec((points(), suppressions(), any::<bool>()), 2)).prop_map(|(first, suppressed, others)| {
        let with = |revision: Arc<Revision>, suppressions: Vec<Suppression>| {
            let mut revision = Arc::unwrap_or_clone(revision);
            revision.site.suppressions = suppressions;
            Arc::new(revision)
        };
        let mut made = vec![with(revision(1, first.clone()), suppressed)];
        for (number, (other, suppressed, keep)) in (2..).zip(others) {
            let mixed = if keep {
                let first = first.iter().filter(|(number, _)| *number == 1);
                first.chain(other.iter().filter(|(number, _)| *number != 1)).cloned().collect()
            } else {
                other
            };
            made.push(with(revision(number, mixed), suppressed));
        }
        made
    })
}

/// What comes next, and how long after the record before.
#[derive(Clone, Debug)]
pub(crate) enum Step {
    Batch(Vec<(bool, Vec<Spot>)>),
    Down(u8, bool),
    Up(u8, bool),
    Loss(u8, Option<u64>),
    Fault,
    Command(CommandKind, usize, usize, u32, u32, Option<Span>),
    Revision(usize),
    Tick,
    /// The plant's clock is so far off from here on; no record.
    Clock(Span),
}

/// A sample: point, time against the journal, value, quality, flags.
type Spot = (usize, Span, i32, Quality, SampleFlags);

fn spots() -> impl Strategy<Value = Vec<Spot>> {
    let behind = prop_oneof![
        6 => Just(Span::ZERO),
        4 => half_seconds(-6..6),
        1 => half_seconds(-300..300),
    ];
    let quality = prop_oneof![8 => Just(Quality::Good), 1 => Just(Quality::Bad), 1 => Just(Quality::Uncertain),
        1 => Just(Quality::Calibrating)];
    let flags = (prop::bool::weighted(0.05), prop::bool::weighted(0.1)).prop_map(|(historical, out_of_range)| SampleFlags {
        historical,
        out_of_range,
        ..SampleFlags::default()
    });
    vec((0..=NUMBERS.len(), behind, -2..12_i32, quality, flags), 0..4)
}

fn sources() -> impl Strategy<Value = u8> {
    prop_oneof![3 => 0..3_u8, 4 => 3..5_u8, 1 => 5..7_u8]
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        20 => vec((any::<bool>(), spots()), 1..4).prop_map(Step::Batch),
        2 => (sources(), any::<bool>()).prop_map(|(source, back)| Step::Down(source, back)),
        4 => (sources(), any::<bool>()).prop_map(|(source, lost)| Step::Up(source, lost)),
        1 => (sources(), prop::option::of(0..9_u64)).prop_map(|(source, messages)| Step::Loss(source, messages)),
        1 => Just(Step::Fault),
        9 => command(),
        1 => (1..3_usize).prop_map(Step::Revision),
        2 => Just(Step::Tick),
        1 => half_seconds(-150..20).prop_map(Step::Clock),
    ]
}

fn command() -> impl Strategy<Value = Step> {
    let kinds = prop_oneof![
        2 => select(vec![CommandKind::Acknowledge, CommandKind::Reset]),
        1 => select(CommandKind::ALL.to_vec()),
    ];
    let until = prop_oneof![1 => Just(None), 2 => half_seconds(0..60).prop_map(Some)];
    (kinds, 0..NUMBERS.len(), 0..2_usize, select(vec![0, 0, 0, 1, 2]), 0..200_u32, until)
        .prop_map(|(kind, point, rule, activation, request, until)| Step::Command(kind, point, rule, activation, request, until))
}

/// A journal over three plants, the first in force from the beginning.
pub(crate) fn journal(steps: std::ops::Range<usize>) -> impl Strategy<Value = Vec<Record>> {
    let pause = prop_oneof![3 => Just(Span::ZERO), 8 => half_seconds(1..5), 1 => half_seconds(1..40)];
    (plants(), vec((pause, step()), steps)).prop_map(|(plants, steps)| {
        let mut now = Time::from_micros(ZERO);
        let mut skew = Span::ZERO;
        let mut bodies = vec![(now, Body::Revision(Arc::clone(&plants[0])))];
        for (pause, step) in steps {
            let before = now;
            now = now.plus(pause);
            match step {
                Step::Clock(by) => (now, skew) = (before, by),
                Step::Batch(messages) => bodies.push((now, Body::Batch(batch(messages, now.plus(skew))))),
                other => bodies.push((now, body(other, before, now, &plants))),
            }
        }
        number(bodies)
    })
}

/// Gives records their places.
pub(crate) fn number(bodies: Vec<(Time, Body)>) -> Vec<Record> {
    let header = |(position, time)| Header { position: Position(position), time, epoch: Epoch(1) };
    (1..).zip(bodies).map(|(position, (time, body))| Record { header: header((position, time)), body }).collect()
}

fn source(which: u8) -> SourceId {
    SourceId::named(SOURCES[usize::from(which)])
}

fn body(step: Step, before: Time, now: Time, plants: &[Arc<Revision>]) -> Body {
    match step {
        Step::Down(which, back) => {
            Body::SourceDown { source: source(which), since: if back { before } else { now }, reason: String::new() }
        }
        Step::Up(which, session_lost) => Body::SourceUp { source: source(which), session_lost },
        Step::Loss(which, messages) => {
            Body::Loss { source: source(which), from: before, to: now, reason: String::new(), messages }
        }
        Step::Fault => Body::Fault {
            gateway: GatewayPath::new(NODE).expect("a path"),
            rule: "sparkplug.bdseq_mismatch".to_owned(),
            detail: String::new(),
        },
        Step::Command(kind, point, rule, activation, request, until) => Body::Command(Command {
            request_id: RequestId::new(&format!("r{request}")).expect("an id"),
            kind,
            subject: Subject::new(&format!("p{}", NUMBERS[point])).expect("an id"),
            until: until.map(|until| now.plus(until)),
            alarm: AlarmId::new(&format!("r{rule}")).expect("an id"),
            occurrence: None,
            activation,
            actor: "钱".to_owned(),
            why: String::new(),
        }),
        Step::Revision(which) => Body::Revision(Arc::clone(&plants[which])),
        Step::Tick | Step::Clock(_) | Step::Batch(_) => Body::Tick,
    }
}

fn batch(messages: Vec<(bool, Vec<Spot>)>, now: Time) -> Batch {
    let paths = ["rugang/e1/g1", "rugang/e1/g2", NODE].map(|path| GatewayPath::new(path).expect("a path"));
    let mut batch = Batch { gateways: paths.to_vec(), ..Batch::default() };
    for (second, spots) in messages {
        let samples = u32::try_from(spots.len()).expect("few");
        batch.messages.push(Message { gateway: u32::from(second), samples, ..Message::default() });
        batch.samples.extend(spots.into_iter().map(|(point, behind, value, quality, flags)| {
            let number = PointNumber(NUMBERS.get(point).copied().unwrap_or(77));
            Sample { flags, ..Sample::new(number, now.plus(behind), Some(f64::from(value)), quality) }
        }));
    }
    batch
}

/// A fresh core.
pub(crate) fn core() -> Core {
    Core::new(Arc::from("engine/7"))
}

/// Applies records and gives each event its name.
pub(crate) fn replay(core: &mut Core, records: &[Record]) -> Vec<(EventId, Event)> {
    let mut said = Vec::new();
    let mut events = Vec::new();
    for record in records {
        events.clear();
        let before = core.key_seq();
        core.apply(record, &mut events);
        assert_eq!(core.key_seq().0, before.0 + u64::from(!events.is_empty()), "a record with events is one output record");
        let id = |ordinal| EventId { epoch: record.header.epoch, key: Arc::from("engine/7"), key_seq: core.key_seq(), ordinal };
        said.extend((0..).map(id).zip(events.drain(..)));
    }
    said
}

/// The events alone, each occurrence named by the number of its first raise instead of by its id.
pub(crate) fn without_ids(said: &[(EventId, Event)]) -> Vec<String> {
    let place = |id: &EventId| said.iter().position(|(other, _)| other == id).expect("an occurrence is named by an event");
    let named = said.iter().map(|(_, event)| {
        let mut event = event.clone();
        let occurrence = match &mut event.body {
            EventBody::Alarm(alarm) => alarm.occurrence.as_mut(),
            EventBody::Command(outcome) => outcome.occurrence.as_mut(),
            _ => None,
        };
        let place = occurrence.map(|id| place(&std::mem::replace(id, EventId { key: Arc::from(""), ..id.clone() })));
        let mut text = format!("{event:?}");
        if let Some(start) = text.find("EventId {") {
            let end = text[start..].find('}').expect("it ends") + start + 1;
            text.replace_range(start..end, &format!("{place:?}"));
        }
        text
    });
    named.collect()
}
