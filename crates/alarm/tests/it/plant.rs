//! Plants and timelines written as short texts, and events read back as short texts.

use std::sync::Arc;

use alarm::Core;
use model::{
    AlarmId, AlarmKind, AlarmRule, Batch, Body, Command, CommandKind, CommandVerdict, Condition, Direction, Enterprise,
    EnterpriseId, Epoch, Event, EventBody, EventId, Formula, GatewayPath, Header, Installation, InstallationId, InstallationKind,
    KeySeq, Message, MissingMember, Park, ParkId, Point, PointId, PointNumber, PointSource, Position, Priority, Protocol,
    Quality, Quantity, Range, Record, Reference, RequestId, Revision, RevisionNumber, Sample, Site, SourceId, Span, Subject,
    Suppression, Time, Transition, UnmappedTags,
};

/// Time 0 of all timelines.
pub(crate) const ZERO: i64 = 1_732_370_000_000_000;

/// An instant so many seconds after time 0.
pub(crate) fn at(seconds: f64) -> Time {
    Time::from_seconds_f64(seconds).expect("a time").plus(Span::from_micros(ZERO))
}

fn span(seconds: &str) -> Span {
    Time::from_seconds_f64(seconds.parse().expect("seconds")).expect("a span").since(Time::from_micros(0))
}

/// A rule without delays, deadband or latch.
pub(crate) fn rule(kind: AlarmKind, limit: Option<f64>) -> AlarmRule {
    AlarmRule {
        id: AlarmId::new(kind.as_str()).expect("an id"),
        kind,
        limit,
        deadband: 0.0,
        on_delay: Span::ZERO,
        off_delay: Span::ZERO,
        priority: Priority::Medium,
        latching: false,
        cause: String::new(),
        consequence: String::new(),
        action: String::new(),
        respond_within: None,
        position: String::new(),
        implied: false,
        ..AlarmRule::default()
    }
}

/// A point `p<number>` of enterprise e1, fed by `rugang/e1/g1`, stale after 60 s.
pub(crate) fn point(number: u32) -> Point {
    Point {
        id: PointId::new(&format!("p{number}")).expect("an id"),
        name: String::new(),
        installation: InstallationId::new("e1-i").expect("an id"),
        enterprise: EnterpriseId::new("e1").expect("an id"),
        park: Some(ParkId::new("rugang").expect("an id")),
        quantity: Quantity::Pressure,
        unit: "kPa".to_owned(),
        range: None,
        stale_after: Span::from_secs(60),
        source: PointSource {
            protocol: Protocol::Mqtt,
            gateway: GatewayPath::new("rugang/e1/g1").expect("a path"),
            tag: format!("T{number}"),
        },
        states: Vec::new(),
        alarms: Vec::new(),
        cas: String::new(),
    }
}

/// Two enterprises in one park, with these points.
pub(crate) fn revision(number: u32, points: Vec<(u32, Point)>) -> Arc<Revision> {
    let park = ParkId::new("rugang").expect("an id");
    let enterprise = |id: &str| Enterprise {
        id: EnterpriseId::new(id).expect("an id"),
        name: String::new(),
        park: Some(park.clone()),
        district: String::new(),
    };
    let installation = |id: &str, of: &str| Installation {
        id: InstallationId::new(id).expect("an id"),
        name: String::new(),
        enterprise: EnterpriseId::new(of).expect("an id"),
        kind: InstallationKind::Process,
        exposed_people: 0,
        location: None,
        substances: Vec::new(),
        wind: None,
    };
    let (numbers, points) = points.into_iter().map(|(number, point)| (PointNumber(number), point)).unzip();
    Arc::new(Revision {
        number: RevisionNumber(number),
        content_hash: [u8::try_from(number % 256).expect("a byte"); 32],
        site: Site {
            parks: vec![Park {
                id: park.clone(),
                name: String::new(),
                time_zone: "Asia/Shanghai".to_owned(),
                district: String::new(),
                wind: None,
            }],
            enterprises: vec![enterprise("e1"), enterprise("e2")],
            installations: vec![installation("e1-i", "e1"), installation("e2-i", "e2")],
            points,
            ..Site::default()
        },
        numbers,
        next_point_number: PointNumber(u32::MAX),
        retired: Vec::new(),
    })
}

/// Reads a plant: a line `p1 stale=30 gw=g2 source=sparkplug of=e2` (or `gw=group/node/device`) for a point, and below it indented
/// `high 100 id=x db=5 on=10 off=5 latch prio=low cause=text` for each alarm; see `read_condition` for the other kinds. A line
/// `suppress id when=x>0.0 x=p3 alarms=p1,p2/high` is a suppression.
pub(crate) fn read_plant(number: u32, text: &str) -> Arc<Revision> {
    let mut points: Vec<(u32, Point)> = Vec::new();
    let mut suppressions = Vec::new();
    for line in text.lines().filter(|line| !line.trim().is_empty()) {
        let mut words = line.split_whitespace();
        let first = words.next().expect("a word");
        if first == "suppress" {
            suppressions.push(read_suppression(words));
        } else if let Some(number) = first.strip_prefix('p') {
            let number = number.parse().expect("a number");
            points.push((number, read_point(number, words)));
        } else {
            points.last_mut().expect("a point first").1.alarms.push(read_rule(first, words));
        }
    }
    let mut made = Arc::unwrap_or_clone(revision(number, points));
    made.site.suppressions = suppressions;
    Arc::new(made)
}

fn read_suppression<'a>(mut words: impl Iterator<Item = &'a str>) -> Suppression {
    let id = words.next().expect("an id").to_owned();
    let (mut when, mut alarms) = (Formula::default(), Vec::new());
    for word in words {
        match word.split_once('=').expect("name=value") {
            ("when", value) => value.clone_into(&mut when.text),
            ("alarms", value) => {
                alarms = value
                    .split(',')
                    .map(|it| match it.split_once('/') {
                        Some((point, alarm)) => (point_id(point), Some(AlarmId::new(alarm).expect("an id"))),
                        None => (point_id(it), None),
                    })
                    .collect();
            }
            (name, value) => when.inputs.push((name.to_owned(), point_id(value))),
        }
    }
    Suppression { id, enterprise: EnterpriseId::new("e1").expect("an id"), when, alarms }
}

fn point_id(text: &str) -> PointId {
    PointId::new(text).expect("an id")
}

fn read_point<'a>(number: u32, words: impl Iterator<Item = &'a str>) -> Point {
    let mut made = point(number);
    for word in words {
        match word.split_once('=').expect("name=value") {
            ("stale", value) => made.stale_after = span(value),
            ("range", value) => {
                let (low, high) = value.split_once("..").expect("low..high");
                made.range = Some(Range { low: low.parse().expect("a number"), high: high.parse().expect("a number") });
            }
            ("of", value) => {
                made.enterprise = EnterpriseId::new(value).expect("an id");
                made.installation = InstallationId::new(&format!("{value}-i")).expect("an id");
            }
            ("gw", value) => made.source.gateway = gateway(value),
            ("source", value) => made.source.protocol = Protocol::parse(value).expect("a protocol"),
            other => panic!("{other:?}"),
        }
    }
    made
}

/// A gateway by its whole path, or one of `rugang/e1`.
fn gateway(name: &str) -> GatewayPath {
    let whole = if name.contains('/') { name.to_owned() } else { format!("rugang/e1/{name}") };
    GatewayPath::new(&whole).expect("a path")
}

fn read_rule<'a>(kind: &str, words: impl Iterator<Item = &'a str>) -> AlarmRule {
    let mut made = rule(AlarmKind::parse(kind).expect("a kind"), None);
    let words: Vec<&str> = words.collect();
    made.condition = read_condition(made.kind, &words);
    for word in words {
        match word.split_once('=').unwrap_or((word, "")) {
            ("id", value) => made.id = AlarmId::new(value).expect("an id"),
            ("db", value) => made.deadband = value.parse().expect("a number"),
            ("on", value) => made.on_delay = span(value),
            ("off", value) => made.off_delay = span(value),
            ("prio", value) => made.priority = Priority::parse(value).expect("a priority"),
            ("cause", value) => made.cause = value.to_owned(),
            ("latch", _) => made.latching = true,
            ("group", value) => value.clone_into(&mut made.group),
            ("shelve", value) => made.shelve_max = span(value),
            ("realarm", value) => made.realarm_after = Some(span(value)),
            ("repeat", value) => made.repeat_within = span(value),
            _ if word.contains('=') => {}
            (limit, _) => made.limit = Some(limit.parse().expect("a limit")),
        }
    }
    made
}

/// `rate 5 per=60 win=60 dir=up`, `deviation 5 from=p2 fb=50`, `stuck win=60 noise=1`, `state in=1,2`, `vote 10 of=p1,p2 m=2 miss=degrade`,
/// `expression when=a>1.0 a=p1`, `time_to_limit 100 win=60 within=120`, `rule_fault of=vote`.
fn read_condition(kind: AlarmKind, words: &[&str]) -> Condition {
    let word = |name: &str| words.iter().filter_map(|it| it.split_once('=')).find(|it| it.0 == name).map(|it| it.1);
    let number = |name: &str| word(name).map(|it| it.parse::<f64>().expect("a number"));
    let window = || span(word("win").unwrap_or("60"));
    let direction = |default| word("dir").map_or(default, |it| Direction::parse(it).expect("a direction"));
    match kind {
        AlarmKind::Rate => {
            Condition::Rate { window: window(), per: span(word("per").unwrap_or("60")), direction: direction(Direction::Both) }
        }
        AlarmKind::Deviation => {
            let from = word("from").expect("from");
            let from = match from.parse() {
                Ok(value) => Reference::Value(value),
                Err(_) => Reference::Point { point: point_id(from), fallback: number("fb") },
            };
            Condition::Deviation { from, direction: direction(Direction::Both) }
        }
        AlarmKind::Stuck => Condition::Stuck { noise: number("noise").unwrap_or(0.0), window: window() },
        AlarmKind::State => {
            Condition::State { values: word("in").expect("in").split(',').map(|it| it.parse().expect("a number")).collect() }
        }
        AlarmKind::Vote => Condition::Vote {
            members: word("of").expect("of").split(',').map(point_id).collect(),
            votes: word("m").expect("m").parse().expect("a number"),
            direction: direction(Direction::Up),
            missing: word("miss").map_or(MissingMember::Vote, |it| MissingMember::parse(it).expect("a word")),
        },
        AlarmKind::Expression => {
            let known = ["when", "on", "off", "id", "prio", "group", "cause", "realarm", "repeat", "shelve"];
            let inputs = words.iter().filter_map(|it| it.split_once('=')).filter(|it| !known.contains(&it.0));
            Condition::Expression(Formula {
                text: word("when").expect("when").to_owned(),
                inputs: inputs.map(|(name, point)| (name.to_owned(), point_id(point))).collect(),
            })
        }
        AlarmKind::TimeToLimit => Condition::TimeToLimit {
            window: window(),
            within: span(word("within").unwrap_or("120")),
            direction: direction(Direction::Up),
        },
        AlarmKind::RuleFault => Condition::FaultOf { alarm: AlarmId::new(word("of").expect("of")).expect("an id") },
        _ => Condition::Plain,
    }
}

/// Plays timelines: each line is a journal time in seconds and what comes then.
pub(crate) struct Player {
    pub(crate) core: Core,
    position: u64,
    plants: Vec<String>,
    /// Everything said so far, a line an event.
    pub(crate) said: Vec<String>,
}

impl Player {
    pub(crate) fn new(plants: &[&str]) -> Self {
        Self {
            core: Core::new(Arc::from("engine/7")),
            position: 0,
            plants: plants.iter().map(|it| (*it).to_owned()).collect(),
            said: Vec::new(),
        }
    }

    pub(crate) fn play(&mut self, timeline: &str) {
        for line in timeline.lines().map(|line| line.split('#').next().unwrap_or("").trim()).filter(|line| !line.is_empty()) {
            let (time, what) = line.split_once(char::is_whitespace).expect("a time and what comes");
            let time = time.parse().expect("seconds");
            let body = self.body(time, what.trim());
            self.put(at(time), body);
        }
    }

    /// Applies a record and writes down what it causes.
    pub(crate) fn put(&mut self, time: Time, body: Body) {
        self.position += 1;
        let header = Header { position: Position(self.position), time, epoch: Epoch(1) };
        let mut events = Vec::new();
        self.core.apply(&Record { header, body }, &mut events);
        self.said.extend(events.iter().map(say));
    }

    fn body(&self, time: f64, what: &str) -> Body {
        let words: Vec<&str> = what.split_whitespace().collect();
        match words.as_slice() {
            ["tick"] => Body::Tick,
            ["rev", number] => {
                let number: usize = number.parse().expect("a number");
                Body::Revision(read_plant(u32::try_from(number).expect("small"), &self.plants[number - 1]))
            }
            ["down", source, rest @ ..] => Body::SourceDown {
                source: SourceId::named(source),
                since: rest.first().map_or(at(time), |since| at(since.parse().expect("seconds"))),
                reason: "test".to_owned(),
            },
            ["up", source, rest @ ..] => Body::SourceUp { source: SourceId::named(source), session_lost: rest == ["lost"] },
            ["core", version] => Body::CoreVersion(version.parse().expect("a number")),
            ["unmapped", gateway, tag] => Body::Unmapped {
                gateway: GatewayPath::new(gateway).expect("a path"),
                tags: UnmappedTags { tags: vec![(*tag).to_owned()], more: 0 },
            },
            ["gap", gateway, count] => Body::SequenceGap {
                gateway: GatewayPath::new(gateway).expect("a path"),
                first_missing: 1,
                count: count.parse().expect("a number"),
            },
            ["loss", source, from, to, rest @ ..] => Body::Loss {
                source: SourceId::named(source),
                from: at(from.parse().expect("seconds")),
                to: at(to.parse().expect("seconds")),
                reason: "test".to_owned(),
                messages: rest.first().map(|messages| messages.parse().expect("a number")),
            },
            ["fault", gateway, rule] => Body::Fault {
                gateway: GatewayPath::new(gateway).expect("a path"),
                rule: (*rule).to_owned(),
                detail: "test".to_owned(),
            },
            [kind, request, point, alarm, rest @ ..] if command_kind(kind).is_some() => {
                command(command_kind(kind).expect("a command"), request, point, alarm, rest)
            }
            _ => Body::Batch(read_batch(time, what)),
        }
    }
}

fn command_kind(word: &str) -> Option<CommandKind> {
    match word {
        "ack" => Some(CommandKind::Acknowledge),
        "oos" => Some(CommandKind::OutOfService),
        "rts" => Some(CommandKind::ReturnToService),
        other => CommandKind::parse(other),
    }
}

fn command(kind: CommandKind, request: &str, point: &str, alarm: &str, rest: &[&str]) -> Body {
    let mut made = Command {
        request_id: RequestId::new(request).expect("an id"),
        kind,
        subject: Subject::new(point).expect("an id"),
        alarm: AlarmId::new(alarm).expect("an id"),
        occurrence: None,
        activation: 0,
        actor: "赵".to_owned(),
        why: "seen".to_owned(),
        until: None,
    };
    for word in rest {
        match word.split_once('=').expect("name=value") {
            ("until", value) => made.until = Some(at(value.parse().expect("seconds"))),
            ("act", value) => made.activation = value.parse().expect("a number"),
            ("occ", value) => {
                let (key_seq, ordinal) = value.split_once('.').expect("key_seq.ordinal");
                made.occurrence = Some(EventId {
                    epoch: Epoch(1),
                    key: Arc::from("engine/7"),
                    key_seq: KeySeq(key_seq.parse().expect("a number")),
                    ordinal: ordinal.parse().expect("a number"),
                });
            }
            other => panic!("{other:?}"),
        }
    }
    Body::Command(made)
}

/// Messages separated by `;`, samples by spaces: `g2: p1=7.5 p2=bad p1=8@3.5 p1=9!h`; without a time the sample is of journal time;
/// `!h` historical, `!b` bad with its value, `!u` uncertain, `!o` out of range,
/// `!t` transient, `!c` calibrating.
fn read_batch(time: f64, text: &str) -> Batch {
    let mut batch = Batch::default();
    for message in text.split(';') {
        let (gateway, samples) = message.split_once(':').unwrap_or(("g1", message));
        let path = self::gateway(gateway.trim());
        let samples: Vec<Sample> = samples.split_whitespace().map(|word| read_sample(time, word)).collect();
        let index = batch.gateways.iter().position(|it| *it == path).unwrap_or_else(|| {
            batch.gateways.push(path);
            batch.gateways.len() - 1
        });
        batch.messages.push(Message {
            gateway: u32::try_from(index).expect("few"),
            samples: u32::try_from(samples.len()).expect("few"),
            ..Message::default()
        });
        batch.samples.extend(samples);
    }
    batch
}

fn read_sample(time: f64, word: &str) -> Sample {
    let (word, marks) = word.split_once('!').unwrap_or((word, ""));
    let (word, time) = word.split_once('@').map_or((word, time), |(word, time)| (word, time.parse().expect("seconds")));
    let (point, value) = word.split_once('=').expect("point=value");
    let point = PointNumber(point.strip_prefix('p').expect("a point").parse().expect("a number"));
    let mut sample = Sample::new(point, at(time), value.parse().ok(), Quality::Good);
    sample.flags.historical = marks.contains('h');
    sample.flags.out_of_range = marks.contains('o');
    sample.flags.transient = marks.contains('t');
    if marks.contains('c') {
        sample.quality = Quality::Calibrating;
    } else if marks.contains('b') {
        sample.quality = Quality::Bad;
    } else if marks.contains('u') {
        sample.quality = Quality::Uncertain;
    }
    sample
}

/// One event as a line.
pub(crate) fn say(event: &Event) -> String {
    let rest = match &event.body {
        EventBody::Alarm(alarm) => {
            let quiet = alarm.transition == Transition::Raised && !alarm.annunciated;
            let marks = [
                (quiet, "quiet"),
                (alarm.first_out, "first"),
                (alarm.late, "late"),
                (alarm.held, "held"),
                (alarm.clock_suspect, "suspect"),
                (alarm.out_of_range, "range"),
            ];
            let mut text = format!("{}.{} {} #{}", event.subject, alarm.alarm, alarm.state.as_str(), alarm.activation);
            if let Some(value) = alarm.value {
                text.push_str(&format!(" v={value}"));
            }
            for (_, mark) in marks.iter().filter(|(set, _)| *set) {
                text.push(' ');
                text.push_str(mark);
            }
            if let Some(until) = alarm.until {
                text.push_str(&format!(" until {}", seconds(until)));
            }
            if !alarm.reason.is_empty() {
                text.push_str(&format!(" ({})", alarm.reason));
            }
            text
        }
        EventBody::Command(outcome) => {
            let verdict = match &outcome.verdict {
                CommandVerdict::Accepted => String::new(),
                CommandVerdict::Refused { refusal, reason } => format!(" {}: {reason}", refusal.as_str()),
            };
            format!("{}.{} {} {}{verdict}", event.subject, outcome.alarm, outcome.request_id.as_str(), outcome.state.as_str())
        }
        EventBody::Source(change) => format!("{} {} since {}", event.subject, enterprise(event), seconds(change.since)),
        EventBody::Clock(fault) => {
            format!("{} {} {}", event.subject, fault.fault.as_str(), Span::from_micros(fault.offset_us))
        }
        EventBody::Gap(gap) => {
            let messages = gap.messages.map_or(String::new(), |messages| format!(" {messages} messages"));
            let more = if gap.more_points == 0 { String::new() } else { format!(" +{}", gap.more_points) };
            let (who, from, to) = (enterprise(event), seconds(gap.from), seconds(gap.to));
            format!("{} {who} {from} to {to}{messages} {:?}{more}", event.subject, gap.points)
        }
        EventBody::Unmapped(tags) => format!("{} {} {:?}", event.subject, enterprise(event), tags.tags),
        EventBody::Fault(fault) => format!("{} {} {}", event.subject, enterprise(event), fault.rule),
        EventBody::CoreVersion(version) => format!("{version}"),
        other => format!("{other:?}"),
    };
    format!("{} {} {rest}", seconds(event.occurred_at), event.body.kind())
}

fn enterprise(event: &Event) -> &str {
    event.scope.enterprise.as_deref().unwrap_or("-")
}

fn seconds(time: Time) -> String {
    let text = time.since(Time::from_micros(ZERO)).to_string();
    text.strip_suffix('s').unwrap_or(&text).to_owned()
}

/// Plays a timeline over plants (`rev 1` is the first) and compares what is said, line by line.
#[track_caller]
pub(crate) fn check(plants: &[&str], timeline: &str, want: &str) {
    let mut player = Player::new(plants);
    player.play(timeline);
    let want: Vec<&str> = want.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    assert!(player.said == want, "\n--- said\n{}\n--- wanted\n{}\n", player.said.join("\n"), want.join("\n"));
}
