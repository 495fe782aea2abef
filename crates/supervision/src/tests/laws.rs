//! The fold says what the core does, wherever it is split and whenever it is restored.

use std::collections::BTreeMap;
use std::sync::Arc;

use alarm::Core;
use model::{
    Body, ClockFaultKind, EnterpriseId, Epoch, EventBody, Header, Point, PointNumber, Position, Protocol, Quality, Record,
    Revision, SourceId, Span, Time,
};
use proptest::prelude::*;

use super::{PARTITION, at, message, numbered, point, sample};
use crate::{Gap, Gaps, PartitionFold, Reason, Said};

/// Points of every protocol; the third gateway is a device below a node with points of its own.
const SOURCES: [(Protocol, &str); 6] = [
    (Protocol::Mqtt, "p/e/json"),
    (Protocol::Mqtt, "p/e/json"),
    (Protocol::Sparkplug, "g/n"),
    (Protocol::Sparkplug, "g/n/d"),
    (Protocol::Grpc, "p/e/rpc"),
    (Protocol::Grpc, "p/e/rpc"),
];

const NAMES: [&str; 8] = ["*", "mqtt", "sparkplug", "grpc", "sparkplug/g/n", "sparkplug/g/n/d", "grpc/p/e/rpc", "mqtt"];

#[derive(Clone, Debug)]
enum Deed {
    /// Samples of one gateway: which of its points, how far from now in seconds, and how good.
    Message(usize, Vec<(bool, i64, u8, bool)>),
    Down(usize, i64),
    Up(usize),
    Tick,
    /// Which points stay, with what patience in seconds.
    Revise(Vec<Option<i64>>),
}

fn deeds() -> impl Strategy<Value = Vec<(i64, Deed)>> {
    let sample =
        (any::<bool>(), prop_oneof![8 => -3_i64..=2, 1 => -20_i64..=-4, 1 => 61_i64..80], 0_u8..6, prop::bool::weighted(0.05));
    let deed = prop_oneof![
        10 => (0_usize..6, prop::collection::vec(sample, 1..4)).prop_map(|(gateway, samples)| Deed::Message(gateway, samples)),
        2 => (0_usize..8, 0_i64..6_000_000).prop_map(|(name, before)| Deed::Down(name, before)),
        3 => (0_usize..8).prop_map(Deed::Up),
        4 => Just(Deed::Tick),
        1 => prop::collection::vec(prop::option::weighted(0.9, 0_i64..9), 6).prop_map(Deed::Revise),
    ];
    let pause = prop_oneof![8 => 0_i64..1_500_000, 1 => 3_000_000_i64..9_000_000];
    prop::collection::vec((pause, deed), 1..60)
}

/// Every point is of an enterprise of its own, so that the core tells of each.
fn site(number: u32, patience: &[Option<i64>]) -> Arc<Revision> {
    let (mut numbers, mut points) = (Vec::new(), Vec::new());
    for ((index, patience), (protocol, gateway)) in (1_u32..).zip(patience).zip(SOURCES) {
        if let Some(patience) = patience {
            numbers.push(PointNumber(index));
            let enterprise = EnterpriseId::new(&format!("e{index}")).unwrap();
            points.push(Point { enterprise, ..point(&format!("p{index}"), protocol, gateway, *patience) });
        }
    }
    numbered(number, numbers, points)
}

fn records(deeds: &[(i64, Deed)]) -> Vec<Record> {
    let (mut now, mut number) = (at(0), 1);
    let mut bodies = vec![(now, Body::Revision(site(1, &[Some(5); 6])))];
    for (pause, deed) in deeds {
        now = now.plus(Span::from_micros(*pause));
        bodies.push((now, body(deed, now, &mut number)));
    }
    let record =
        |(position, (time, body))| Record { header: Header { position: Position(position), time, epoch: Epoch(1) }, body };
    (1..).zip(bodies).map(record).collect()
}

fn body(deed: &Deed, now: Time, number: &mut u32) -> Body {
    match deed {
        Deed::Message(gateway, samples) => {
            let path = SOURCES[*gateway].1;
            let own: Vec<u32> = (1_u32..).zip(SOURCES).filter(|(_, it)| it.1 == path).map(|(number, _)| number).collect();
            let samples = samples.iter().map(|(other, seconds, quality, historical)| {
                let quality =
                    [Quality::Good, Quality::Good, Quality::Good, Quality::Uncertain, Quality::Bad, Quality::Calibrating]
                        [usize::from(*quality)];
                let number = own[usize::from(*other).min(own.len() - 1)];
                let mut sample = sample(number, now.plus(Span::from_secs(*seconds)), quality);
                sample.flags.historical = *historical;
                sample
            });
            message(path, samples.collect())
        }
        Deed::Down(name, before) => Body::SourceDown {
            source: SourceId::named(NAMES[*name]),
            since: now.plus(Span::from_micros(-before)),
            reason: String::new(),
        },
        Deed::Up(name) => Body::SourceUp { source: SourceId::named(NAMES[*name]), session_lost: false },
        Deed::Tick => Body::Tick,
        Deed::Revise(patience) => {
            *number += 1;
            Body::Revision(site(*number, patience))
        }
    }
}

fn is_open(gap: &Gap, now: Time) -> bool {
    gap.from <= now && gap.to.is_none_or(|to| now < to)
}

/// Whether a point is online at `now`, by the gaps.
fn online(gaps: &Gaps, index: u32, now: Time) -> bool {
    let source = super::point("x", SOURCES[index as usize - 1].0, SOURCES[index as usize - 1].1, 1).source_id();
    !gaps.iter().filter(|gap| is_open(gap, now)).any(|gap| match gap.reason {
        Reason::Stale | Reason::NeverSeen => gap.scope == format!("point/p{index}"),
        Reason::GatewayOffline => {
            let name = gap.scope.strip_prefix("source/17/").expect("a source");
            SourceId::named(name).covers(&source)
        }
        _ => false,
    })
}

/// From when to when the core said that clocks of gateways are ahead.
type Clocks = Vec<(String, Time, Option<Time>)>;

fn clocks_by_core(core: &mut Core, records: &[Record]) -> Clocks {
    let (mut open, mut all) = (BTreeMap::new(), Clocks::new());
    for record in records {
        let mut events = Vec::new();
        core.apply(record, &mut events);
        for event in events {
            let EventBody::Clock(fault) = event.body else { continue };
            let subject = event.subject.to_string();
            match fault.fault {
                ClockFaultKind::Ahead => drop(open.insert(subject, event.occurred_at)),
                ClockFaultKind::Recovered => {
                    let from = open.remove(&subject).expect("it was ahead");
                    all.push((subject, from, Some(event.occurred_at)));
                }
                _ => {}
            }
        }
    }
    all.extend(open.into_iter().map(|(subject, from)| (subject, from, None)));
    all.sort();
    all
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_500, ..ProptestConfig::default() })]

    #[test]
    fn a_point_is_online_where_the_core_says_so(deeds in deeds()) {
        let (mut core, mut fold) = (Core::new(Arc::from("engine/17")), PartitionFold::new(PARTITION));
        let (mut events, mut said) = (Vec::new(), Said::default());
        let mut gaps = Gaps::default();
        for record in records(&deeds) {
            core.apply(&record, &mut events);
            events.clear();
            said.gaps.clear();
            fold.apply(&record, &mut said);
            gaps.extend(said.gaps.iter().cloned());
            for (enterprise, _, _, count) in core.online() {
                let index: u32 = enterprise.as_str()[1..].parse().unwrap();
                let wanted = count == 1;
                prop_assert_eq!(online(&gaps, index, core.time()), wanted, "point {} at {:?}", index, record);
            }
        }
    }

    #[test]
    fn a_clock_is_ahead_where_the_core_says_so(deeds in deeds()) {
        let records: Vec<Record> = records(&deeds).into_iter().filter(|it| it.header.position.0 == 1 || !matches!(it.body, Body::Revision(_))).collect();
        let wanted = clocks_by_core(&mut Core::new(Arc::from("engine/17")), &records);
        let (mut fold, mut said) = (PartitionFold::new(PARTITION), Said::default());
        records.iter().for_each(|record| fold.apply(record, &mut said));
        let gaps: Gaps = said.gaps.into_iter().collect();
        let of_clock = gaps.iter().filter(|gap| gap.reason == Reason::ClockNotTrusted);
        let mut got: Clocks = of_clock.map(|gap| (gap.scope.replace("gateway/17/", ""), gap.from, gap.to)).collect();
        got.sort();
        prop_assert_eq!(got, wanted);
    }

    #[test]
    fn state_and_tail_equal_the_whole(deeds in deeds(), cut in 0_usize..60) {
        let records = records(&deeds);
        let (mut whole, mut all) = (PartitionFold::new(PARTITION), Said::default());
        records.iter().for_each(|record| whole.apply(record, &mut all));

        let (mut fold, mut said) = (PartitionFold::new(PARTITION), Said::default());
        for (at, record) in records.iter().enumerate() {
            if at == cut || at % 7 == 3 {
                let state = fold.snapshot();
                fold = PartitionFold::restore(&state).expect("a state");
                prop_assert_eq!(fold.snapshot(), state);
            }
            fold.apply(record, &mut said);
        }
        prop_assert_eq!(said, all);
        prop_assert_eq!(fold.snapshot(), whole.snapshot());
    }

    #[test]
    fn where_messages_are_batched_makes_no_difference(deeds in deeds()) {
        // Neighbours of one time, in one batch or in two records.
        let records = records(&deeds);
        let mut merged: Vec<Record> = Vec::new();
        for record in &records {
            match (merged.last_mut(), &record.body) {
                (Some(Record { header, body: Body::Batch(last) }), Body::Batch(next)) if header.time == record.header.time => {
                    let shift = u32::try_from(last.gateways.len()).unwrap();
                    last.gateways.extend(next.gateways.iter().cloned());
                    last.messages.extend(next.messages.iter().map(|it| model::Message { gateway: it.gateway + shift, ..*it }));
                    last.samples.extend(next.samples.iter().copied());
                }
                _ => merged.push(record.clone()),
            }
        }
        let gaps = |records: &[Record]| {
            let (mut fold, mut said) = (PartitionFold::new(PARTITION), Said::default());
            records.iter().for_each(|record| fold.apply(record, &mut said));
            said.gaps.into_iter().map(|gap| Gap { evidence: String::new(), ..gap }).collect::<Gaps>()
        };
        let (one, two) = (gaps(&records), gaps(&merged));
        prop_assert_eq!(one.iter().collect::<Vec<_>>(), two.iter().collect::<Vec<_>>());
    }

    #[test]
    fn gaps_end_after_they_begin_and_what_is_open_is_known(deeds in deeds()) {
        let (mut fold, mut said) = (PartitionFold::new(PARTITION), Said::default());
        let mut open: BTreeMap<(String, Reason), Time> = BTreeMap::new();
        for record in records(&deeds) {
            let before = said.gaps.len();
            fold.apply(&record, &mut said);
            for gap in &said.gaps[before..] {
                let name = (gap.scope.clone(), gap.reason);
                match (gap.to, gap.scope.starts_with("partition/") || gap.reason == Reason::NeverSeen) {
                    (None, _) => prop_assert_eq!(open.insert(name, gap.from), None, "begun twice: {:?}", gap),
                    (Some(to), false) => {
                        prop_assert_eq!(open.remove(&name), Some(gap.from), "ended without a begin: {:?}", gap);
                        prop_assert!(to >= gap.from);
                    }
                    (Some(to), true) => {
                        prop_assert!(to >= gap.from);
                        open.remove(&name);
                    }
                }
            }
        }
    }
}
