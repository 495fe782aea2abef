//! Rebirth requests: no storm (traps 15).

use super::*;

fn name(index: usize) -> NodeId {
    NodeId::new("g", &format!("n{index}")).unwrap()
}

/// 500 nodes, the host restarts, and none goes on where the journal ended: never more requests than the bucket gives, every node asked and
/// good within five minutes.
#[test]
fn five_hundred_nodes_after_a_restart() {
    let mut first = Bench::new();
    let mut edges: Vec<Edge> = (0..500).map(|index| Edge::new(name(index), EdgeOptions::default())).collect();
    let mut second = Host::new(HostConfig::default(), 9);
    for edge in &mut edges {
        first.play(&edge.node_birth(START, a(0.0)));
        second.restore(&first.host.keep(edge.id()).unwrap()).unwrap();
        second.resume_seq(edge.id(), 0);
        edge.skip_seq();
    }
    let mut bench = Bench::of(second);
    let mut asked: Vec<Time> = Vec::new();
    let mut reborn = vec![false; edges.len()];
    for tick in 0..3_000_i64 {
        let mut out = bench.wait(Span::from_millis(100));
        let index = usize::try_from(tick).unwrap() % edges.len();
        out.extend(bench.play(&edges[index].node_data(bench.now, &a(1.0))));
        let good = qualities(&out) == [Quality::Good];
        assert_eq!(good, reborn[index], "tick {tick}");
        for said in &out {
            let Output::AskRebirth { node, .. } = said else { continue };
            asked.push(bench.now);
            let index = edges.iter().position(|edge| edge.id() == node).unwrap();
            assert!(!std::mem::replace(&mut reborn[index], true), "asked once");
            edges[index].rebirth(bench.now).iter().for_each(|message| drop(bench.play(message)));
        }
    }
    assert!(
        reborn.iter().all(|reborn| *reborn),
        "{} of 500 within five minutes",
        reborn.iter().filter(|reborn| **reborn).count()
    );
    let config = HostConfig::default();
    for (index, at) in asked.iter().enumerate() {
        let within = asked[index..].iter().take_while(|other| other.since(*at) <= seconds(10)).count();
        assert!(within <= (config.bucket_burst + 11 * config.bucket_per_s) as usize, "{within} within ten seconds");
    }
}

/// All that are known can be asked in time, however many they are.
#[test]
fn five_thousand_silent_nodes() {
    let mut host = Host::new(HostConfig::default(), 9);
    host.set_expected((0..5_000).map(name));
    let mut bench = Bench::of(host);
    let mut asked = 0;
    for second in 0..300 {
        let now = asks(&bench.wait(seconds(1))).len();
        asked += now;
        assert!(now <= 31, "{now} in second {second}");
    }
    assert_eq!((asked, bench.host.waiting()), (5_000, 0));
}

#[test]
fn one_node_is_asked_ever_more_rarely_and_then_no_more() {
    let (mut bench, mut edge) = (Bench::new(), edge(EdgeOptions::default()));
    edge.node_birth(START, a(0.0));
    let mut asked = Vec::new();
    let mut out = Vec::new();
    for _ in 0..6_000 {
        out.extend(bench.play(&edge.node_data(START, &a(1.0))));
        let said = bench.wait(Span::from_millis(500));
        asked.extend(asks(&said).iter().map(|_| bench.now));
        out.extend(said);
    }
    assert_eq!(asked.len(), 4);
    let pauses: Vec<i64> = asked.windows(2).map(|pair| (pair[1] - pair[0]).micros() / 1_000_000).collect();
    assert!(pauses[0] >= 10 && pauses[1] >= 20 && pauses[2] >= 40 && pauses[2] <= 60, "{pauses:?}");
    assert_eq!(bench.rules(), ["sparkplug.no_rebirth"]);
    let report = bench.host.reports().next().unwrap();
    assert_eq!((report.rebirths, report.supervised), (vec![("no_birth", 4)], false));
    // Born after all, and in order for long: supervised again.
    bench.play(&edge.node_birth(START, a(0.0)));
    for message in data(&mut edge, 256) {
        bench.play(&message);
    }
    assert!(bench.host.reports().next().unwrap().supervised);
}

#[test]
fn the_fall_back_is_kept() {
    let (mut bench, mut edge) = (Bench::new(), edge(EdgeOptions::default()));
    edge.node_birth(START, a(0.0));
    for _ in 0..600 {
        bench.play(&edge.node_data(START, &a(1.0)));
        bench.wait(seconds(1));
    }
    let mut host = Host::new(HostConfig::default(), 1);
    host.restore(&bench.host.keep(edge.id()).unwrap()).unwrap();
    let report = host.reports().next().unwrap();
    assert_eq!((report.supervised, &*report.faults[0].rule), (false, "sparkplug.no_rebirth"));
    let mut bench = Bench::of(host);
    bench.play(&edge.node_data(START, &a(1.0)));
    assert_eq!(asks(&bench.wait(seconds(600))), Vec::<&str>::new());
}
