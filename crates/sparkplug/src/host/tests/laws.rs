//! What holds for all inputs.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::payload::Payload;

/// One thing that happens to a host.
#[derive(Clone, Debug)]
enum Step {
    Raw { kind: u8, node: u8, device: u8, payload: Vec<u8> },
    Made { node: u8, what: u8, skip: bool, twice: bool },
    Wait(u32),
    LinkDown,
    LinkUp,
    Restart,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        2 => (0..10_u8, 0..3_u8, 0..3_u8, proptest::collection::vec(any::<u8>(), 0..40))
            .prop_map(|(kind, node, device, payload)| Step::Raw { kind, node, device, payload }),
        12 => (0..3_u8, 0..8_u8, proptest::bool::weighted(0.1), proptest::bool::weighted(0.1))
            .prop_map(|(node, what, skip, twice)| Step::Made { node, what, skip, twice }),
        4 => (0..20_000_u32).prop_map(Step::Wait),
        1 => Just(Step::LinkDown),
        1 => Just(Step::LinkUp),
        1 => Just(Step::Restart),
    ]
}

const KINDS: [&str; 10] = ["NBIRTH", "NDATA", "NDEATH", "NCMD", "DBIRTH", "DDATA", "DDEATH", "DCMD", "STATE", "x"];

fn raw_topic(kind: u8, node: u8, device: u8) -> String {
    let kind = KINDS[usize::from(kind)];
    if kind.starts_with('D') { format!("spBv1.0/g/{kind}/n{node}/d{device}") } else { format!("spBv1.0/g/{kind}/n{node}") }
}

fn made(edge: &mut Edge, what: u8, now: Time) -> Outgoing {
    match what {
        0 => edge.node_birth(now, a(0.0)),
        1 => edge.device_birth(&device(), now, a(0.0)),
        2 => edge.device_death(&device(), now),
        3 => edge.will(now),
        4 => edge.reconnect(now),
        5 | 6 => edge.node_data(now, &a(1.0)),
        _ => edge.device_data(&device(), now, &a(1.0)),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    /// Nothing panics; each delivery is done with exactly once; rebirths never come faster than the bucket gives; values are never empty.
    #[test]
    fn every_delivery_is_done_once(steps in proptest::collection::vec(step(), 1..120)) {
        let mut bench = Bench::new();
        let mut edges: Vec<Edge> =
            (0..3).map(|index| Edge::new(NodeId::new("g", &format!("n{index}")).unwrap(), EdgeOptions::default())).collect();
        let mut dones: BTreeMap<u64, u32> = BTreeMap::new();
        let mut asked: Vec<Time> = Vec::new();
        for step in steps {
            let out = match step {
                Step::Raw { kind, node, device, payload } => bench.raw(&raw_topic(kind, node, device), &payload),
                Step::Made { node, what, skip, twice } => {
                    let edge = &mut edges[usize::from(node)];
                    if skip {
                        edge.skip_seq();
                    }
                    let message = made(edge, what, bench.now);
                    let mut out = bench.play(&message);
                    if twice {
                        out.extend(bench.play(&message));
                    }
                    out
                }
                Step::Wait(millis) => bench.wait(Span::from_millis(millis.into())),
                Step::LinkDown => {
                    bench.host.link_down(bench.now, &mut bench.out);
                    std::mem::take(&mut bench.out)
                }
                Step::LinkUp => {
                    bench.host.link_up(bench.now, &mut bench.out);
                    std::mem::take(&mut bench.out)
                }
                Step::Restart => {
                    // What was held is done with before a host goes.
                    bench.host.link_down(bench.now, &mut bench.out);
                    let mut host = Host::new(HostConfig::default(), 3);
                    for edge in &edges {
                        if let Some(kept) = bench.host.keep(edge.id()) {
                            prop_assert_eq!(host.restore(&kept), Ok(edge.id().clone()));
                            prop_assert_eq!(host.keep(edge.id()), Some(kept));
                        }
                    }
                    bench.host = host;
                    asked.clear();
                    bench.host.link_up(bench.now, &mut bench.out);
                    std::mem::take(&mut bench.out)
                }
            };
            done(&out).into_iter().for_each(|delivery| *dones.entry(delivery).or_default() += 1);
            asked.extend(asks(&out).iter().map(|_| bench.now));
            let empty = out.iter().any(|said| matches!(said, Output::Values { values, .. } if values.is_empty()));
            prop_assert!(!empty);
        }
        bench.host.link_down(bench.now, &mut bench.out);
        done(&bench.out).into_iter().for_each(|delivery| *dones.entry(delivery).or_default() += 1);
        let expected: BTreeMap<u64, u32> = (1..=bench.sent).map(|delivery| (delivery, 1)).collect();
        prop_assert_eq!(dones, expected);
        prop_assert!(asked.len() <= 3 * 20);
    }

    /// Whatever comes within the wait is said in the order of the sequence, with no gap and no question.
    #[test]
    fn order_within_the_wait(
        first_seq in any::<u8>(),
        order in Just((0..50_usize).collect::<Vec<_>>()).prop_shuffle(),
        step in 0..40_i64,
    ) {
        let (mut bench, mut edge) = (Bench::new(), edge(EdgeOptions { first_seq, ..EdgeOptions::default() }));
        bench.play(&edge.node_birth(START, a(0.0)));
        let sent = data(&mut edge, 50);
        let mut out = Vec::new();
        for index in order {
            out.extend(bench.play(&sent[index]));
            out.extend(bench.wait(Span::from_millis(step)));
        }
        let in_order: Vec<f64> = (0..50).map(f64::from).collect();
        prop_assert_eq!(numbers(&out), in_order);
        prop_assert_eq!((gaps(&out), asks(&out)), (vec![], vec![]));
    }

    /// However many nodes are in trouble, and for whatever reason: within any window no more than burst and rate.
    #[test]
    fn requests_stay_within_the_bucket(
        troubles in proptest::collection::vec((0..200_usize, 0..500_i64), 1..600),
        seed in any::<u64>(),
    ) {
        let config = HostConfig::default();
        let mut bench = Bench::of(Host::new(config, seed));
        let mut at: Vec<Time> = Vec::new();
        for (node, pause) in troubles {
            let payload = Payload { timestamp: None, metrics: vec![], seq: Some(u64::try_from(pause).unwrap()) };
            let mut out = bench.raw(&format!("spBv1.0/g/NDATA/n{node}"), &payload.write());
            let before = bench.now;
            // Step by step, so that the time of each request is known.
            let until = bench.now + Span::from_millis(pause);
            while let Some(next) = bench.host.next_deadline().filter(|next| *next <= until) {
                bench.now = bench.now.max(next);
                bench.host.run(bench.now, &mut out);
                at.extend(asks(&out).iter().map(|_| bench.now));
                out.clear();
            }
            at.extend(asks(&out).iter().map(|_| before));
            bench.now = until;
        }
        for (index, start) in at.iter().enumerate() {
            for (more, end) in at[index..].iter().enumerate() {
                let allowed = i64::from(config.bucket_burst) * 1_000_000 + end.since(*start).micros() * i64::from(config.bucket_per_s);
                prop_assert!(i64::try_from(more + 1).unwrap() * 1_000_000 <= allowed + 1);
            }
        }
    }

    /// A host that took in what another kept goes on like it.
    #[test]
    fn a_restored_host_goes_on_like_the_first(count in 1..20_u32, later in 1..20_u32) {
        let (mut bench, mut edge) = (Bench::new(), edge(EdgeOptions::default()));
        bench.play(&edge.node_birth(START, a(0.0)));
        bench.play(&edge.device_birth(&device(), START, a(0.0)));
        data(&mut edge, count).iter().for_each(|message| drop(bench.play(message)));
        let mut host = Host::new(HostConfig::default(), 7);
        host.restore(&bench.host.keep(edge.id()).unwrap()).unwrap();
        host.resume_seq(edge.id(), edge.next_seq().wrapping_sub(1));
        let mut again = Bench::of(host);
        for _ in 0..later {
            let message = edge.device_data(&device(), START, &a(1.0));
            let (first, second) = (values(&bench.play(&message)), values(&again.play(&message)));
            prop_assert_eq!(first, second);
        }
    }

    /// Bytes are a payload or an error, never a panic; kept bytes likewise.
    #[test]
    fn any_bytes(bytes in proptest::collection::vec(any::<u8>(), 0..200), topic in ".{0,40}") {
        let mut host = Host::new(HostConfig::default(), 7);
        drop(host.restore(&bytes));
        let mut out = Vec::new();
        host.take(&topic, &bytes, 1, START, &mut out);
        prop_assert_eq!(done(&out), [1]);
    }
}
