//! Births, deaths and who is there (traps 17, 18), and outages of the link.

use super::*;
use crate::payload::Payload;

fn alive() -> (Bench, Edge) {
    let (mut bench, mut edge) = (Bench::new(), edge(EdgeOptions { bd_seq: 4, ..EdgeOptions::default() }));
    bench.play(&edge.node_birth(START, a(0.0)));
    bench.play(&edge.device_birth(&device(), START, a(0.0)));
    (bench, edge)
}

#[test]
fn a_death_that_fits_counts_at_once_and_by_the_clock_of_the_host() {
    let (mut bench, edge) = alive();
    bench.now = bench.now + seconds(3_600);
    let out = bench.play(&edge.will(START));
    let down = out.iter().find_map(|said| if let Output::NodeDown { since, .. } = said { Some(*since) } else { None });
    assert_eq!((moves(&out), down), (vec!["-g/n".to_owned()], Some(bench.now)));
}

#[test]
fn an_old_will_after_a_new_birth_is_no_death() {
    let (mut bench, mut edge) = alive();
    let old = edge.will(START);
    edge.reconnect(START);
    bench.play(&edge.node_birth(START, a(0.0)));
    let mut out = bench.play(&old);
    out.extend(bench.wait(seconds(4)));
    out.extend(bench.play(&edge.node_data(START, &a(1.0))));
    out.extend(bench.wait(seconds(20)));
    assert_eq!((moves(&out), numbers(&out)), (vec![], vec![1.0]));
    assert_eq!(bench.rules(), Vec::<String>::new(), "the broker's doing, not the node's");
}

/// pysparkplug's graceful end says the next bdSeq, mqtt-spb-wrapper's Will the one before; some say none.
#[test]
fn a_death_that_does_not_fit_counts_after_silence() {
    for said in [Some(5), Some(3), None] {
        let (mut bench, mut edge) = alive();
        let mut death = edge.will(START);
        if let Some(bd_seq) = said {
            edge.set_bd_seq(bd_seq);
            death = edge.will(START);
        } else {
            let mut payload = Payload::read(&death.payload).unwrap();
            payload.metrics.clear();
            death.payload = payload.write();
        }
        assert_eq!(moves(&bench.play(&death)), Vec::<String>::new());
        let at = bench.now;
        let out = bench.wait(seconds(5));
        let since = out.iter().find_map(|said| if let Output::NodeDown { since, .. } = said { Some(*since) } else { None });
        assert_eq!((moves(&out), since), (vec!["-g/n".to_owned()], Some(at)), "{said:?}");
        assert_eq!(bench.rules().len(), 1);
    }
}

#[test]
fn bd_seq_is_compared_modulo_256() {
    let (mut bench, edge) = alive();
    let mut payload = Payload::read(&edge.will(START).payload).unwrap();
    payload.metrics[0].value = Some(crate::payload::MetricValue::Long(260));
    assert_eq!(moves(&bench.raw("spBv1.0/g/NDEATH/n", &payload.write())), ["-g/n"]);
}

/// The answer to a rebirth request: same bdSeq, node alive, new aliases; the device has to be born again.
#[test]
fn a_rebirth_with_the_same_bd_seq_replaces_everything() {
    let (mut bench, _) = alive();
    let mut again = edge(EdgeOptions { bd_seq: 4, ..EdgeOptions::default() });
    let later = START + seconds(1);
    let mut out = bench.play(&again.node_birth(later, vec![Reading::number("b", 0.0), Reading::number("a", 0.0)]));
    out.extend(bench.play(&again.node_data(later, &[Reading::number("a", 7.0)])));
    assert_eq!(&*values(&out)[0].name, "a", "alias 1 was `a` and is `b` now");
    assert_eq!(moves(&out), Vec::<String>::new());
    assert_eq!(moves(&bench.wait(seconds(29))), Vec::<String>::new());
    assert_eq!(moves(&bench.wait(seconds(1))), ["-g/n/d"], "not born again in time");
}

/// After an NBIRTH a device counts for nothing until its DBIRTH: the aliases of before are not guessed with.
#[test]
fn data_of_a_device_that_was_not_born_again() {
    let (mut bench, mut edge) = alive();
    let later = START + seconds(1);
    bench.play(&edge.node_birth(later, vec![]));
    let mut out = Vec::new();
    for _ in 0..20 {
        out.extend(bench.play(&edge.device_data(&device(), later, &a(1.0))));
    }
    assert_eq!((values(&out).len(), refusals(&out).len()), (0, 20), "held back, each said");
    assert_eq!(asks(&bench.wait(seconds(8))), ["no_birth"]);
    assert_eq!(bench.rules(), ["sparkplug.data_before_birth"]);
    bench.play(&edge.device_birth(&device(), later, a(0.0)));
    let out = bench.play(&edge.device_data(&device(), later, &a(2.0)));
    assert_eq!((numbers(&out), refusals(&out)), (vec![2.0], vec![]));
}

#[test]
fn a_birth_with_an_older_clock_is_a_birth() {
    let (mut bench, mut edge) = alive();
    edge.reconnect(START);
    let past = Time::from_micros(START.micros() - 86_400_000_000);
    let mut out = bench.play(&edge.node_birth(past, vec![Reading::number("z", 1.0)]));
    out.extend(bench.play(&edge.node_data(past, &[Reading::number("z", 2.0)])));
    out.extend(bench.wait(seconds(10)));
    assert_eq!((numbers(&out), asks(&out), refusals(&out)), (vec![2.0], vec![], vec![]));
}

#[test]
fn a_device_dies_alone() {
    let (mut bench, mut edge) = alive();
    assert_eq!(moves(&bench.play(&edge.device_death(&device(), START))), ["-g/n/d"]);
    assert_eq!(numbers(&bench.play(&edge.node_data(START, &a(1.0)))), [1.0]);
    assert_eq!(moves(&bench.play(&edge.device_birth(&device(), START, a(2.0)))), ["+g/n/d"]);
}

#[test]
fn a_node_that_speaks_after_its_death_is_there_again() {
    let (mut bench, mut edge) = alive();
    bench.play(&edge.will(START));
    assert_eq!(moves(&bench.play(&edge.node_data(START, &a(1.0)))), Vec::<String>::new(), "on its way before the death");
    bench.wait(seconds(10));
    let out = bench.play(&edge.node_data(START, &a(2.0)));
    assert_eq!((moves(&out), numbers(&out), qualities(&out)), (vec!["+g/n".to_owned()], vec![2.0], vec![Quality::Uncertain]));
    assert_eq!(asks(&bench.wait(seconds(5))), ["resume"]);
}

/// The link breaks and comes back: what goes on where it was is trusted at once, without a question.
#[test]
fn a_short_outage_of_the_link() {
    let (mut bench, mut edge) = alive();
    let mut out = Vec::new();
    bench.host.link_down(bench.now, &mut out);
    assert_eq!(moves(&out), Vec::<String>::new());
    assert_eq!(bench.host.reports().next().unwrap().connected, None);
    bench.host.link_up(bench.now, &mut out);
    out.extend(bench.play(&edge.node_data(START, &a(1.0))));
    out.extend(bench.wait(seconds(400)));
    assert_eq!((qualities(&out), asks(&out), moves(&out)), (vec![Quality::Good], vec![], vec!["+g/n".to_owned()]));
    assert_eq!(gaps(&out), vec![]);
}

#[test]
fn an_outage_in_which_messages_were_lost() {
    let (mut bench, mut edge) = alive();
    let mut out = Vec::new();
    bench.host.link_down(bench.now, &mut out);
    (0..3).for_each(|_| edge.skip_seq());
    bench.now = bench.now + seconds(60);
    bench.host.link_up(bench.now, &mut out);
    out.extend(bench.play(&edge.node_data(START, &a(1.0))));
    assert_eq!((gaps(&out), qualities(&out)), (vec![None], vec![Quality::Uncertain]), "three, or 259, or more");
    assert_eq!(asks(&bench.wait(seconds(10))), ["resume"]);
    edge.rebirth(START + seconds(61)).iter().for_each(|message| drop(bench.play(message)));
    assert_eq!(qualities(&bench.play(&edge.node_data(START, &a(1.0)))), [Quality::Good]);
}

#[test]
fn what_is_expected_and_never_speaks_is_asked_and_then_said_to_be_down() {
    let mut host = Host::new(HostConfig::default(), 7);
    host.set_expected([NodeId::new("g", "n").unwrap()]);
    let mut bench = Bench::of(host);
    let out = bench.wait(seconds(304));
    assert_eq!((asks(&out), moves(&out)), (vec!["silent"; 3], vec![]));
    let out = bench.wait(seconds(1));
    assert_eq!(moves(&out), ["-g/n"]);
    assert!(out.iter().any(|said| matches!(said, Output::NodeDown { since, .. } if *since == START)));
}

/// A node that is named or met long after the link came up is awaited from then on, not from the link.
#[test]
fn what_is_expected_later_has_its_own_time() {
    let mut bench = Bench::new();
    bench.wait(seconds(3_600));
    bench.host.set_expected([NodeId::new("g", "n").unwrap()]);
    assert!(bench.host.next_deadline().is_some_and(|at| at > bench.now));
    assert_eq!(moves(&bench.wait(seconds(304))), Vec::<String>::new());
    assert_eq!(moves(&bench.wait(seconds(1))), ["-g/n"]);
    let stranger = Edge::new(NodeId::new("g", "stranger").unwrap(), EdgeOptions::default());
    bench.wait(seconds(3_600));
    bench.play(&stranger.will(START));
    assert_eq!(moves(&bench.wait(seconds(4))), Vec::<String>::new());
    assert_eq!(moves(&bench.wait(seconds(1))), ["-g/stranger"], "by its death");
}

#[test]
fn two_nodes_under_one_id_are_named_and_asked_no_more() {
    let mut bench = Bench::new();
    let options = |bd_seq| EdgeOptions { bd_seq, ..EdgeOptions::default() };
    let mut edges = [edge(options(1)), edge(options(9))];
    let mut out = Vec::new();
    for round in 0..40_i64 {
        let at = START + seconds(round);
        let edge = &mut edges[usize::from(round % 2 == 1)];
        if round < 8 {
            out.extend(bench.play(&edge.node_birth(at, a(0.0))));
        }
        out.extend(bench.play(&edge.node_data(at, &[Reading::number("a", 1.0), Reading::number("b", 1.0)])));
        out.extend(bench.wait(seconds(1)));
    }
    assert!(bench.rules().contains(&"sparkplug.duplicate_node".to_owned()));
    assert!(asks(&out).len() <= 1, "{:?}", asks(&out));
    assert_eq!(numbers(&out).len(), 80);
}

/// A device whose data name their metrics is there, born again or not.
#[test]
fn a_device_that_speaks_by_name_is_not_missed() {
    let options = EdgeOptions { naming: crate::edge::Naming::Names, ..EdgeOptions::default() };
    let (mut bench, mut edge) = (Bench::new(), edge(options));
    bench.play(&edge.node_birth(START, a(0.0)));
    bench.play(&edge.device_birth(&device(), START, a(0.0)));
    let later = START + seconds(1);
    bench.play(&edge.node_birth(later, a(0.0)));
    let mut out = bench.play(&edge.device_data(&device(), later, &a(1.0)));
    out.extend(bench.wait(seconds(60)));
    assert_eq!((moves(&out), numbers(&out)), (vec![], vec![1.0]));
}

/// A site that names a node which is there no more: it is awaited anew, and missed anew.
#[test]
fn a_stranger_that_is_named_while_it_is_down_is_said_to_be_down() {
    let (mut bench, edge) = alive();
    bench.play(&edge.will(START));
    bench.wait(seconds(3_600));
    bench.host.set_expected([edge.id().clone()]);
    assert_eq!(bench.host.reports().next().unwrap().connected, None);
    let out = bench.wait(seconds(304));
    assert_eq!((asks(&out).first(), moves(&out)), (Some(&"silent"), vec![]));
    bench.host.set_expected([edge.id().clone()]);
    assert_eq!(moves(&bench.wait(seconds(1))), ["-g/n"], "naming it again changes nothing");
}

/// Kept births of a stranger that never came, and a site that names it afterwards.
#[test]
fn a_restored_stranger_that_is_named_later_is_awaited() {
    let (first, edge) = alive();
    let mut host = Host::new(HostConfig::default(), 7);
    host.restore(&first.host.keep(edge.id()).unwrap()).unwrap();
    let mut bench = Bench::of(host);
    assert_eq!(moves(&bench.wait(seconds(400))), ["-g/n"]);
    bench.host.set_expected([edge.id().clone()]);
    assert_eq!(moves(&bench.wait(seconds(305))), ["-g/n"]);
}

#[test]
fn a_death_that_cannot_be_read_is_a_suspicion() {
    let (mut bench, mut edge) = alive();
    let out = bench.raw("spBv1.0/g/NDEATH/n", b"{}");
    assert_eq!((refusals(&out), moves(&out)), (vec!["not_sparkplug"], vec![]));
    let mut out = bench.play(&edge.node_data(START, &a(1.0)));
    out.extend(bench.wait(seconds(20)));
    assert_eq!(moves(&out), Vec::<String>::new(), "it speaks");
    bench.raw("spBv1.0/g/NDEATH/n", b"{}");
    assert_eq!(moves(&bench.wait(seconds(5))), ["-g/n"]);
    assert_eq!(bench.rules(), ["sparkplug.death_unreadable"]);
}

/// The DDATA was on its way when the births were asked for, and the DBIRTH follows: nothing is wrong.
#[test]
fn data_between_the_births_of_a_node_and_its_device() {
    for later in [0, 1] {
        let (mut bench, mut edge) = alive();
        let old = edge.device_data(&device(), START, &a(1.0));
        let now = START + seconds(1);
        bench.play(&edge.node_birth(now, vec![]));
        // Either of before the birth, or after it.
        let data = if later == 0 { old } else { edge.device_data(&device(), now, &a(1.0)) };
        let mut out = bench.play(&data);
        out.extend(bench.play(&edge.device_birth(&device(), now, a(0.0))));
        out.extend(bench.wait(seconds(100)));
        assert_eq!((asks(&out), moves(&out)), (vec![], vec![]), "{later}");
    }
}

/// A birth of another device cures nothing.
#[test]
fn a_device_that_is_missed_is_asked_for_whoever_else_is_born() {
    let (mut bench, mut edge) = alive();
    let now = START + seconds(1);
    bench.play(&edge.node_birth(now, vec![]));
    bench.play(&edge.device_data(&device(), now, &a(1.0)));
    bench.play(&edge.device_birth(&"e".into(), now, a(0.0)));
    assert_eq!(asks(&bench.wait(seconds(8))), ["no_birth"]);
}

/// A client whose births never change, not even by their time, after it was gone.
#[test]
fn a_birth_that_is_the_same_after_a_death_is_a_birth() {
    let (mut bench, mut edge) = (Bench::new(), edge(EdgeOptions { bd_seq: 4, ..EdgeOptions::default() }));
    let birth = edge.node_birth(START, a(0.0));
    bench.play(&birth);
    bench.play(&edge.node_data(START, &a(1.0)));
    bench.play(&edge.will(START));
    assert_eq!(moves(&bench.play(&birth)), ["+g/n"]);
    // Nor is it a repeat long after, when the sequence is elsewhere.
    bench.play(&edge.node_data(START, &a(2.0)));
    bench.wait(seconds(60));
    assert_eq!(bench.host.reports().next().unwrap().births, 2);
    bench.play(&birth);
    let report = bench.host.reports().next().unwrap();
    assert_eq!((report.births, report.repeats), (3, 0));
}

/// A Will of the connection before, with the same bdSeq as the new one: who speaks right after it is asked, and is back by its answer.
#[test]
fn a_late_will_of_a_client_that_does_not_count() {
    let (mut bench, mut edge) =
        (Bench::new(), edge(EdgeOptions { naming: crate::edge::Naming::Names, ..EdgeOptions::default() }));
    bench.play(&edge.node_birth(START, a(0.0)));
    bench.play(&edge.device_birth(&device(), START, a(0.0)));
    assert_eq!(moves(&bench.play(&edge.will(START))), ["-g/n"]);
    let mut out = bench.play(&edge.node_data(START, &a(1.0)));
    out.extend(bench.wait(seconds(3)));
    assert_eq!((asks(&out), moves(&out)), (vec!["resume"], vec![]));
    let out: Vec<_> = edge.rebirth(bench.now).iter().flat_map(|message| bench.play(message)).collect();
    assert_eq!(moves(&out), ["+g/n", "+g/n/d"]);
}
