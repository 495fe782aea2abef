//! Snapshots: a format that stays, and no bytes that could break the reader.

use std::sync::Arc;

use alarm::{Core, RestoreError};
use model::{
    Batch, Body, Epoch, GatewayPath, Header, Message, PointNumber, Position, Quality, Record, Sample, SampleFlags, SourceId,
    Span, Time,
};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

use crate::plant::{Player, at, read_plant};
use crate::random::{core, journal, number, plants, replay};

const PLANT: &str = "p1\n high 100 on=10\n low 10 latch\n stale\np2 source=sparkplug gw=g2\n bad_quality off=5";

fn player() -> Player {
    let mut player = Player::new(&[PLANT]);
    player.play(
        "0 rev 1
         0 core 1
         1 p1=5 ; g2: p2=7!b
         2 ack a1 p1 low
         3 p1=100 ; g2: p2=1@70
         3 down mqtt",
    );
    player
}

const NODES: &str = "p1 source=sparkplug gw=g/n/d\n high 100 on=10\np2 source=sparkplug gw=g/n\n low 10\n\
                     p3 source=sparkplug gw=g/m\n stale\np4 source=grpc gw=g1\n high 1\np5\n high 1";

/// One device down, one node down, one gateway awaited.
fn with_outages() -> Player {
    let mut player = Player::new(&[NODES]);
    player.play(
        "0 core 2
         0 rev 1
         1 up sparkplug/g/n
         2 g/n/d: p1=100
         3 down sparkplug/g/n/d 2
         4 down sparkplug/g/m",
    );
    player
}

fn bytes_of(hex: &str) -> Vec<u8> {
    let digits: Vec<u8> = hex.bytes().filter(|it| !it.is_ascii_whitespace()).collect();
    let byte = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).expect("ascii"), 16).expect("hex");
    digits.chunks_exact(2).map(byte).collect()
}

const EVERYTHING: &str = "p1 stale=100\n high 100 shelve=600 group=g realarm=50 repeat=5\n rate 60 win=10\n stuck win=30\n stale\n\
                          p2 stale=100 gw=g2\n vote 10 of=p1,p2 m=2 on=30\n rule_fault of=vote id=v.fault\n high 5 group=g\n\
                          p3 stale=100\n low 1\nsuppress s when=a>90.0 a=p1 alarms=p3";

/// A shelf, a suppression, windows, a group whose delay runs, a gateway with an offset.
fn with_everything() -> Player {
    let mut player = Player::new(&[EVERYTHING]);
    player.play(
        "0 rev 1
         1 p1=50 p3=0 ; g2: p2=20
         6 p1=95@5.9 p3=0
         8 p1=120
         9 p1=95
         10 p1=150
         11 shelve s1 p2 high until=100
         12 g2: p2=30@11.5
         13 g2: p2=30@12.25",
    );
    player
}

/// Written by version 3 for ever: what it wrote must stay readable.
#[test]
fn the_format_stays_as_it_is() {
    let bytes = with_everything().core.snapshot();
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    assert!(bytes_of(include_str!("../golden/snapshot-v3.hex")) == bytes, "\n--- is\n{hex}");
    let restored = Core::restore(Arc::from("engine/7"), Some(read_plant(1, EVERYTHING)), &bytes).expect("its own snapshot");
    assert_eq!(restored.snapshot(), bytes);
}

/// What version 2 wrote reads, and goes on as if nothing had been written.
#[test]
fn what_version_2_wrote_is_read() {
    let bytes = bytes_of(include_str!("../golden/snapshot-v2.hex"));
    let mut restored = Player::new(&[NODES]);
    restored.core = Core::restore(Arc::from("engine/7"), Some(read_plant(1, NODES)), &bytes).expect("of version 2");
    goes_on_alike(
        with_outages(),
        restored,
        "5 up sparkplug/g/n/d\n6 g/n/d: p1=100\n9 core 3\n13 tick\n20 down sparkplug/g/n\n31 tick",
    );
}

/// What is said from here on is the same.
fn goes_on_alike(mut whole: Player, mut restored: Player, timeline: &str) {
    let before = whole.said.len();
    whole.play(timeline);
    restored.play(timeline);
    assert!(whole.said.len() > before, "something is said");
    assert_eq!(whole.said[before..], restored.said);
}

/// What version 1 wrote: gateways stand as their protocol did, awaited where it was down.
#[test]
fn what_version_1_wrote_is_read() {
    let revision = || Some(read_plant(1, PLANT));
    let up = bytes_of(include_str!("../golden/snapshot-v1.hex"));
    let mut continued = Player::new(&[PLANT]);
    continued.core = Core::restore(Arc::from("engine/7"), revision(), &up).expect("of version 1");
    goes_on_alike(player(), continued, "4 up mqtt\n5 p1=50\n6 reset r1 p1 low\n7 p1=100\n17 tick\n20 g2: p2=1\n200 tick");
    let down = bytes_of(include_str!("../golden/snapshot-v1-down.hex"));
    let mut restored = Player::new(&[PLANT]);
    restored.core = Core::restore(Arc::from("engine/7"), revision(), &down).expect("of version 1");
    restored.play("3 core 2\n9 up sparkplug\n10 tick");
    let awaited = restored.core.snapshot();
    assert!(awaited.windows(16).any(|it| it == b"sparkplug/rugang"), "its gateway is awaited");
    restored.play("11 up sparkplug/rugang/e1");
    assert!(!restored.core.snapshot().windows(16).any(|it| it == b"sparkplug/rugang"));
    assert_eq!(restored.said, ["3 core.version 2", "9 source.up sparkplug e1 since 3"]);
}

#[test]
fn what_does_not_fit_is_refused_by_name() {
    let bytes = player().core.snapshot();
    let revision = Some(read_plant(1, PLANT));
    let restore = |key: &str, revision, bytes: &[u8]| Core::restore(Arc::from(key), revision, bytes).map(drop);
    assert_eq!(restore("engine/7", revision.clone(), &bytes), Ok(()));
    assert_eq!(restore("engine/8", revision.clone(), &bytes), Err(RestoreError::Key { found: "engine/7".to_owned() }));
    assert_eq!(restore("engine/7", None, &bytes), Err(RestoreError::Revision { wanted: 1 }));
    assert_eq!(restore("engine/7", Some(read_plant(2, PLANT)), &bytes), Err(RestoreError::Revision { wanted: 1 }));
    assert_eq!(restore("engine/7", revision.clone(), b"nothing"), Err(RestoreError::NotASnapshot));
    let mut newer = bytes.clone();
    newer[4] = 4;
    assert_eq!(restore("engine/7", revision.clone(), &newer), Err(RestoreError::Version { found: 4 }));
    let mut longer = bytes.clone();
    longer.push(0);
    assert!(matches!(restore("engine/7", revision.clone(), &longer), Err(RestoreError::Broken { what: "end", .. })));
    for length in 0..bytes.len() {
        assert!(restore("engine/7", revision.clone(), &bytes[..length]).is_err(), "{length} bytes");
    }
}

#[test]
fn a_core_that_saw_nothing_is_restored_too() {
    let bytes = core().snapshot();
    let restored = Core::restore(Arc::from("engine/7"), None, &bytes).expect("its own snapshot");
    assert_eq!(restored.snapshot(), bytes);
    assert_eq!(restored.next_deadline(), None);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_bytes_break_the_reader(bytes in vec(any::<u8>(), 0..400), head in any::<bool>()) {
        let mut all = if head { b"DVAC\x01\0\0\0\x08\0engine/7".to_vec() } else { Vec::new() };
        if let (Some(version), Some(byte)) = (all.get_mut(4), bytes.first()) {
            *version = 1 + byte % 3;
        }
        all.extend(bytes);
        drop(Core::restore(Arc::from("engine/7"), Some(read_plant(1, PLANT)), &all));
    }

    #[test]
    fn what_can_be_read_can_be_gone_on_with(at in any::<prop::sample::Index>(), with in any::<[u8; 8]>(), records in journal(0..40)) {
        let player = player();
        let mut bytes = player.core.snapshot();
        let at = at.index(bytes.len());
        for (byte, with) in bytes[at..].iter_mut().zip(with) {
            *byte = with;
        }
        if let Ok(mut core) = Core::restore(Arc::from("engine/7"), Some(read_plant(1, PLANT)), &bytes) {
            for record in &records {
                core.apply(record, &mut Vec::new());
            }
            drop(Core::restore(Arc::from("engine/7"), core.revision().cloned(), &core.snapshot()).expect("its own snapshot"));
        }
    }

    #[test]
    fn nothing_that_a_record_can_hold_breaks_the_core(plants in plants(), records in vec(wild_record(), 0..60)) {
        let mut core = core();
        core.apply(&Record { header: Header { time: at(0.0), ..Header::default() }, body: Body::Revision(plants[0].clone()) }, &mut Vec::new());
        let mut other = Core::restore(Arc::from("engine/7"), core.revision().cloned(), &core.snapshot()).expect("its own snapshot");
        for record in &records {
            let (mut events, mut others) = (Vec::new(), Vec::new());
            core.apply(record, &mut events);
            other.apply(record, &mut others);
            prop_assert_eq!(format!("{events:?}"), format!("{others:?}"));
        }
        prop_assert_eq!(core.snapshot(), other.snapshot());
        replay(&mut core, &number(vec![(Time::MAX, Body::Tick)]));
    }
}

fn wild_time() -> impl Strategy<Value = Time> {
    prop_oneof![
        any::<i64>().prop_map(Time::from_micros),
        (-100..100_i64).prop_map(|seconds| at(0.0).plus(Span::from_secs(seconds))),
        select(vec![
            Time::MIN,
            Time::MAX,
            Time::from_micros(0),
            Time::from_micros(i64::MAX - 1),
            Time::from_micros(i64::MIN + 1)
        ]),
    ]
}

fn wild_sample() -> impl Strategy<Value = Sample> {
    let flags = any::<[bool; 5]>().prop_map(|[historical, arrival_time, out_of_range, retained, transient]| SampleFlags {
        historical: historical && retained,
        arrival_time,
        out_of_range,
        retained,
        transient,
    });
    let value = prop_oneof![any::<u64>().prop_map(f64::from_bits), (0..12_i32).prop_map(f64::from)];
    let quality = select(vec![Quality::Good, Quality::Uncertain, Quality::Bad]);
    let point = select(vec![0, 1, 2, 5_000, 77, u32::MAX]).prop_map(PointNumber);
    (point, wild_time(), prop::option::of(value), quality, flags).prop_map(|(point, time, value, quality, flags)| Sample {
        point,
        time,
        value,
        quality,
        flags,
    })
}

fn wild_record() -> impl Strategy<Value = Record> {
    let gateways = ["rugang/e1/g1", "rugang/e1/g2", "a/b"].map(|path| GatewayPath::new(path).expect("a path"));
    let message = (0..5_u32, 0..5_u32).prop_map(|(gateway, samples)| Message { gateway, samples, ..Message::default() });
    let batch = (vec(message, 0..4), vec(wild_sample(), 0..8)).prop_map(move |(messages, samples)| {
        let gateways = gateways.to_vec();
        Body::Batch(Batch { gateways, messages, samples, ..Batch::default() })
    });
    let source = || {
        select(vec!["mqtt", "sparkplug", "*", "?", "sparkplug/rugang/节点 1", "sparkplug/rugang/节点 1/g1"])
            .prop_map(SourceId::named)
    };
    let body = prop_oneof![
        8 => batch,
        1 => (source(), wild_time()).prop_map(|(source, since)| Body::SourceDown { source, since, reason: String::new() }),
        1 => (source(), any::<bool>()).prop_map(|(source, session_lost)| Body::SourceUp { source, session_lost }),
        1 => Just(Body::Tick),
    ];
    let header = (any::<u64>(), wild_time(), any::<u64>());
    (header, body).prop_map(|((position, time, epoch), body)| Record {
        header: Header { position: Position(position), time, epoch: Epoch(epoch) },
        body,
    })
}
