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
    let mut asked = std::collections::BTreeSet::new();
    for second in 0..300 {
        let out = bench.wait(seconds(1));
        let now = asks(&out).len();
        asked.extend(
            out.into_iter().filter_map(|said| if let Output::AskRebirth { node, .. } = said { Some(node) } else { None }),
        );
        assert!(now <= 31, "{now} in second {second}");
    }
    assert_eq!(asked.len(), 5_000);
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

/// A node that speaks seldom is asked after each outage of the link, not after the first alone.
#[test]
fn a_quiet_node_is_asked_after_every_outage() {
    let (mut bench, mut edge) = (Bench::new(), edge(EdgeOptions::default()));
    bench.play(&edge.node_birth(START, a(0.0)));
    for outage in 0..6 {
        let mut out = Vec::new();
        bench.host.link_down(bench.now, &mut out);
        bench.now = bench.now + seconds(1);
        bench.host.link_up(bench.now, &mut out);
        out.extend(bench.wait(seconds(61)));
        assert_eq!(asks(&out), ["silent"], "outage {outage}");
        out = edge.rebirth(bench.now).iter().flat_map(|message| bench.play(message)).collect();
        out.extend(bench.wait(seconds(300)));
        assert_eq!((moves(&out), asks(&out)), (vec!["+g/n".to_owned()], vec![]), "outage {outage}");
    }
}

/// An outage may come while the node stands in the queue for its request.
#[test]
fn an_outage_while_the_request_is_queued() {
    let mut host = Host::new(HostConfig { bucket_burst: 1, bucket_per_s: 1, ..HostConfig::default() }, 9);
    host.set_expected((0..200).map(name));
    let mut bench = Bench::of(host);
    bench.wait(seconds(61));
    assert!(bench.host.waiting() > 100);
    let mut out = Vec::new();
    bench.host.link_down(bench.now, &mut out);
    bench.host.link_up(bench.now, &mut out);
    out.extend(bench.wait(seconds(29)));
    assert_eq!(asks(&out), Vec::<&str>::new(), "not before its time");
    out = bench.wait(seconds(270));
    let asked = out.iter().filter_map(|said| if let Output::AskRebirth { node, .. } = said { Some(node) } else { None });
    assert_eq!(asked.collect::<std::collections::BTreeSet<_>>().len(), 200);
}

/// Commands go at QoS 0: one may get lost.
#[test]
fn a_silent_node_is_asked_three_times() {
    let mut host = Host::new(HostConfig::default(), 7);
    host.set_expected([name(0)]);
    let mut bench = Bench::of(host);
    assert_eq!(asks(&bench.wait(seconds(61))), ["silent"]);
    let out = bench.wait(seconds(243));
    assert_eq!((asks(&out), moves(&out)), (vec!["silent", "silent"], vec![]));
    assert_eq!(moves(&bench.wait(seconds(1))), ["-g/n0"]);
    assert_eq!(asks(&bench.wait(seconds(600))), Vec::<&str>::new());
}

/// Four outages in which something was lost, each cured by births, are no reason to give the sequence up.
#[test]
fn answered_requests_are_no_failed_attempts() {
    let (mut bench, mut edge) = (Bench::new(), edge(EdgeOptions::default()));
    bench.play(&edge.node_birth(START, a(0.0)));
    for _ in 0..8 {
        let mut out = Vec::new();
        bench.host.link_down(bench.now, &mut out);
        bench.host.link_up(bench.now, &mut out);
        edge.skip_seq();
        out.extend(bench.play(&edge.node_data(bench.now, &a(1.0))));
        out.extend(bench.wait(seconds(20)));
        assert_eq!(asks(&out), ["resume"]);
        edge.rebirth(bench.now).iter().for_each(|message| drop(bench.play(message)));
    }
    assert!(bench.host.reports().next().unwrap().supervised);
}

/// A node that answers each time, and whose sequence is in trouble all the same, is given up in the end.
#[test]
fn a_birth_does_not_cure_a_sequence() {
    let (mut bench, mut edge) = (Bench::new(), edge(EdgeOptions::default()));
    bench.play(&edge.node_birth(START, a(0.0)));
    let mut asked = 0;
    for _ in 0..600 {
        (0..200).for_each(|_| edge.skip_seq());
        let mut out = bench.play(&edge.node_data(bench.now, &a(1.0)));
        out.extend(bench.wait(seconds(3)));
        for _ in asks(&out) {
            asked += 1;
            edge.rebirth(bench.now).iter().for_each(|message| drop(bench.play(message)));
        }
    }
    assert_eq!((asked, bench.rules()), (4, vec!["sparkplug.no_rebirth".to_owned()]));
}
