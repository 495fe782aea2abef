//! The alarm core alone, 100,000 points in random order, against a bare look-up-and-compare loop over the same samples.

use std::hint::black_box;
use std::sync::Arc;
use std::time::Instant;

use alarm::Core;
use model::{
    AlarmId, AlarmKind, AlarmRule, Batch, Body, Enterprise, EnterpriseId, Epoch, GatewayPath, Header, Installation,
    InstallationId, InstallationKind, Message, Point, PointId, PointNumber, PointSource, Position, Priority, Protocol, Quality,
    Quantity, Record, Revision, RevisionNumber, Sample, Site, Span, Time,
};

use crate::stats::median;

const POINTS: u32 = 100_000;
const BATCHES: usize = 3_000;
const MESSAGES: usize = 20;
const SAMPLES: usize = 50;
const ROUNDS: usize = 5;

pub(crate) fn run() -> anyhow::Result<()> {
    let revision = Arc::new(revision()?);
    let (first, records) = records()?;
    let samples = BATCHES * MESSAGES * SAMPLES;
    let [mut core_rates, mut bare_rates, mut kept_rates, mut ratios, mut kept_ratios]: [Vec<f64>; 5] = Default::default();
    for _ in 0..ROUNDS {
        let bare = bare(&records, samples);
        let kept = bare_with_newest(&records, samples);
        let core = core(&revision, &first, &records, samples);
        bare_rates.push(bare);
        kept_rates.push(kept);
        core_rates.push(core);
        ratios.push(core / bare);
        kept_ratios.push(core / kept);
    }
    println!(
        "core: {POINTS} points, 4 limits (one with an on-delay) and stale each, random order, {samples} samples, {ROUNDS} rounds"
    );
    println!("| what | M samples/s (median) |\n| --- | --- |");
    println!(
        "| bare look-up and four compares, nothing remembered but which limit is crossed | {:.1} |",
        median(&mut bare_rates)
    );
    println!(
        "| the same, refusing what is not newer and remembering time and value of the newest | {:.1} |",
        median(&mut kept_rates)
    );
    println!("| alarm core | {:.1} |", median(&mut core_rates));
    println!("| core to bare | {:.2} |", median(&mut ratios));
    println!("| core to bare that remembers | {:.2} |", median(&mut kept_ratios));
    Ok(())
}

#[expect(clippy::cast_precision_loss, reason = "a rate")]
fn rate(samples: usize, started: Instant) -> f64 {
    samples as f64 / started.elapsed().as_secs_f64() / 1e6
}

fn core(revision: &Arc<Revision>, first: &Record, records: &[Record], samples: usize) -> f64 {
    let mut core = Core::new(Arc::from("engine/0"));
    let mut events = Vec::new();
    let header = Header { position: Position(1), time: start(), epoch: Epoch(1) };
    core.apply(&Record { header, body: Body::Revision(Arc::clone(revision)) }, &mut events);
    core.apply(first, &mut events);
    let started = Instant::now();
    let mut raised = 0;
    for record in records {
        events.clear();
        core.apply(record, &mut events);
        raised += events.len();
    }
    let rate = rate(samples, started);
    black_box(raised);
    rate
}

fn bare(records: &[Record], samples: usize) -> f64 {
    let limits = vec![[10.0_f64, 20.0, 80.0, 90.0]; POINTS as usize + 1];
    let mut state = vec![0_u8; POINTS as usize + 1];
    let started = Instant::now();
    for record in records {
        let Body::Batch(batch) = &record.body else { continue };
        for sample in &batch.samples {
            let at = sample.point.0 as usize;
            let (limit, value) = (&limits[at], sample.value.unwrap_or(f64::NAN));
            let now = u8::from(value <= limit[0]) | u8::from(value <= limit[1]) << 1 | u8::from(value >= limit[2]) << 2;
            let now = now | u8::from(value >= limit[3]) << 3;
            if now != state[at] {
                state[at] = now;
            }
        }
    }
    let rate = rate(samples, started);
    black_box(&state);
    rate
}

/// What any evaluation in order must keep of a point, beside its limits.
#[derive(Clone, Copy)]
struct Newest {
    limits: [f64; 4],
    time: Time,
    value: f64,
    crossed: u8,
}

fn bare_with_newest(records: &[Record], samples: usize) -> f64 {
    let new = Newest { limits: [10.0, 20.0, 80.0, 90.0], time: Time::MIN, value: 0.0, crossed: 0 };
    let mut points = vec![new; POINTS as usize + 1];
    let started = Instant::now();
    let mut crossings = 0_u64;
    for record in records {
        let Body::Batch(batch) = &record.body else { continue };
        for sample in &batch.samples {
            let point = &mut points[sample.point.0 as usize];
            let (limit, value) = (&point.limits, sample.value.unwrap_or(f64::NAN));
            if sample.time <= point.time {
                continue;
            }
            let now = u8::from(value <= limit[0]) | u8::from(value <= limit[1]) << 1 | u8::from(value >= limit[2]) << 2;
            let now = now | u8::from(value >= limit[3]) << 3;
            crossings += u64::from(now != point.crossed);
            (point.time, point.value, point.crossed) = (sample.time, value, now);
        }
    }
    let rate = rate(samples, started);
    black_box((&points, crossings));
    rate
}

fn start() -> Time {
    Time::from_micros(1_800_000_000_000_000)
}

/// A small generator; the order must not be the order of the points.
fn next(state: &mut u64) -> u64 {
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    *state
}

/// A record in which every point has its first sample, and the records that are measured.
fn records() -> anyhow::Result<(Record, Vec<Record>)> {
    let gateway = GatewayPath::new("park/e/gw")?;
    let record = |index: usize, time: Time, samples: Vec<Sample>| {
        let message = Message { samples: u32::try_from(SAMPLES).unwrap_or(0), ..Message::default() };
        let messages = vec![message; samples.len() / SAMPLES];
        let batch = Batch { revision: RevisionNumber(1), gateways: vec![gateway.clone()], samples, messages };
        Record { header: Header { position: Position(2 + index as u64), time, epoch: Epoch(1) }, body: Body::Batch(batch) }
    };
    let at = |index: usize| start() + Span::from_millis(10 * i64::try_from(index).unwrap_or(0));
    let first = (1..=POINTS).map(|point| Sample::new(PointNumber(point), at(0), Some(50.0), Quality::Good)).collect();
    let mut seed = 0x9e37_79b9_7f4a_7c15;
    let mut batch = |index: usize| {
        let samples = (0..MESSAGES * SAMPLES).map(|_| {
            let point = PointNumber(u32::try_from(next(&mut seed) % u64::from(POINTS)).unwrap_or(0) + 1);
            let value = if next(&mut seed).is_multiple_of(200) { 85.0 } else { 50.0 + f64::from(point.0 % 10) };
            Sample::new(point, at(index), Some(value), Quality::Good)
        });
        record(index, at(index), samples.collect())
    };
    let records = (1..=BATCHES).map(&mut batch).collect();
    Ok((record(0, at(0), first), records))
}

fn revision() -> anyhow::Result<Revision> {
    let enterprise = EnterpriseId::new("e")?;
    let installation = InstallationId::new("i")?;
    let rule = |kind: AlarmKind, limit: Option<f64>, on_delay: Span| -> anyhow::Result<AlarmRule> {
        Ok(AlarmRule {
            id: AlarmId::new(kind.as_str())?,
            kind,
            limit,
            deadband: if limit.is_some() { 2.0 } else { 0.0 },
            on_delay,
            off_delay: Span::ZERO,
            priority: Priority::High,
            latching: false,
            cause: String::new(),
            consequence: String::new(),
            action: String::new(),
            respond_within: None,
            position: String::new(),
            implied: false,
            ..AlarmRule::default()
        })
    };
    let alarms = vec![
        rule(AlarmKind::LowLow, Some(10.0), Span::ZERO)?,
        rule(AlarmKind::Low, Some(20.0), Span::ZERO)?,
        rule(AlarmKind::High, Some(80.0), Span::from_secs(10))?,
        rule(AlarmKind::HighHigh, Some(90.0), Span::ZERO)?,
        rule(AlarmKind::Stale, None, Span::ZERO)?,
    ];
    let gateway = GatewayPath::new("park/e/gw")?;
    let point = |number: u32| -> anyhow::Result<Point> {
        Ok(Point {
            id: PointId::new(&format!("p{number}"))?,
            name: String::new(),
            installation: installation.clone(),
            enterprise: enterprise.clone(),
            park: None,
            quantity: Quantity::Pressure,
            unit: "kPa".to_owned(),
            range: None,
            stale_after: Span::from_secs(300),
            source: PointSource { protocol: Protocol::Mqtt, gateway: gateway.clone(), tag: format!("T{number}") },
            states: Vec::new(),
            alarms: alarms.clone(),
            cas: String::new(),
        })
    };
    let site = Site {
        parks: Vec::new(),
        enterprises: vec![Enterprise { id: enterprise.clone(), name: String::new(), park: None, district: String::new() }],
        installations: vec![Installation {
            id: installation.clone(),
            name: String::new(),
            enterprise: enterprise.clone(),
            kind: InstallationKind::Process,
            exposed_people: 0,
            location: None,
            substances: Vec::new(),
            wind: None,
        }],
        points: (1..=POINTS).map(point).collect::<anyhow::Result<_>>()?,
        ..Site::default()
    };
    Ok(Revision { number: RevisionNumber(1), numbers: (1..=POINTS).map(PointNumber).collect(), site, ..Revision::default() })
}
