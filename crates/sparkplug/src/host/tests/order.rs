//! Sequence numbers (traps 16).

use super::*;
use crate::payload::Payload;

fn born(first_seq: u8) -> (Bench, Edge) {
    let (mut bench, mut edge) = (Bench::new(), edge(EdgeOptions { first_seq, ..EdgeOptions::default() }));
    let out = bench.play(&edge.node_birth(START, a(-1.0)));
    assert_eq!((moves(&out), done(&out)), (vec!["+g/n".to_owned()], vec![1]));
    (bench, edge)
}

#[test]
fn three_and_four_swapped() {
    let (mut bench, mut edge) = born(0);
    let sent = data(&mut edge, 6);
    let mut out = Vec::new();
    for index in [0, 1, 3, 2, 4, 5] {
        out.extend(bench.play(&sent[index]));
    }
    assert_eq!(numbers(&out), [0.0, 1.0, 2.0, 3.0, 4.0, 5.0]);
    assert_eq!(done(&out), [2, 3, 5, 4, 6, 7], "in the order of the sequence");
    out.extend(bench.wait(seconds(100)));
    assert_eq!((gaps(&out), asks(&out), bench.rules()), (vec![], vec![], vec![]));
}

#[test]
fn seven_is_lost() {
    let (mut bench, mut edge) = born(0);
    let sent = data(&mut edge, 10);
    let mut out = Vec::new();
    for index in [0, 1, 2, 3, 4, 5, 7, 8, 9] {
        out.extend(bench.play(&sent[index]));
    }
    assert_eq!(numbers(&out).len(), 6, "those behind the gap wait");
    assert_eq!(bench.wait(Span::from_millis(1_999)), []);
    let out = bench.wait(Span::from_millis(1));
    assert_eq!((numbers(&out), gaps(&out)), (vec![7.0, 8.0, 9.0], vec![Some(1)]));
    // One request, after the wait; it is answered, and that is the end of it.
    assert_eq!(asks(&bench.wait(seconds(9))), ["sequence"]);
    for message in edge.rebirth(START) {
        bench.play(&message);
    }
    assert_eq!(asks(&bench.wait(seconds(280))), Vec::<&str>::new());
    // What comes after its place was given up is delivered, and does not move the sequence.
    let out = bench.play(&edge.node_data(START, &a(20.0)));
    assert_eq!(numbers(&out), [20.0]);
}

#[test]
fn what_comes_too_late_is_delivered_once() {
    let (mut bench, mut edge) = born(0);
    let sent = data(&mut edge, 4);
    bench.play(&sent[0]);
    bench.play(&sent[2]);
    bench.wait(seconds(2));
    let late = bench.play(&sent[1]);
    assert_eq!((numbers(&late), done(&late).len()), (vec![1.0], 1));
    let again = bench.play(&sent[1]);
    assert_eq!((numbers(&again), done(&again).len()), (vec![], 1));
    assert_eq!(numbers(&bench.play(&sent[3])), [3.0], "in order still");
}

#[test]
fn wraps_at_255_and_counts_from_any_base() {
    for first_seq in [0, 17, 254, 255] {
        let (mut bench, mut edge) = born(first_seq);
        let mut out: Vec<_> = data(&mut edge, 600).iter().flat_map(|message| bench.play(message)).collect();
        out.extend(bench.wait(seconds(100)));
        assert_eq!(numbers(&out).len(), 600);
        assert_eq!((gaps(&out), asks(&out), bench.rules()), (vec![], vec![], vec![]));
    }
}

#[test]
fn doubled_messages_count_once() {
    let (mut bench, mut edge) = born(0);
    let mut out = Vec::new();
    for message in data(&mut edge, 300) {
        out.extend(bench.play(&message));
        out.extend(bench.play(&message));
    }
    out.extend(bench.wait(seconds(100)));
    assert_eq!((numbers(&out).len(), done(&out).len()), (300, 600));
    assert_eq!((gaps(&out), asks(&out)), (vec![], vec![]));
    assert_eq!(bench.host.reports().next().unwrap().repeats, 300);
}

#[test]
fn a_doubled_birth_does_not_unbear_devices() {
    let (mut bench, mut edge) = (Bench::new(), edge(EdgeOptions::default()));
    let birth = edge.node_birth(START, vec![]);
    bench.play(&birth);
    bench.play(&edge.device_birth(&device(), START, a(0.0)));
    bench.play(&birth);
    let mut out = bench.play(&edge.device_data(&device(), START, &a(1.0)));
    out.extend(bench.wait(seconds(100)));
    assert_eq!((numbers(&out), asks(&out), moves(&out)), (vec![1.0], vec![], vec![]));
}

#[test]
fn a_birth_overtaken_by_its_device() {
    let (mut bench, mut edge) = born(0);
    for message in data(&mut edge, 50) {
        bench.play(&message);
    }
    bench.now = bench.now + seconds(60);
    let later = START + seconds(60);
    edge.reconnect(later);
    let node = edge.node_birth(later, vec![]);
    let birth = edge.device_birth(&device(), later, a(3.0));
    let mut out = bench.play(&birth);
    out.extend(bench.play(&node));
    out.extend(bench.play(&edge.device_data(&device(), later, &a(4.0))));
    out.extend(bench.wait(seconds(100)));
    assert_eq!((numbers(&out), asks(&out), gaps(&out)), (vec![4.0], vec![], vec![]));
    assert_eq!(moves(&out), ["+g/n/d"]);
}

#[test]
fn a_full_buffer_gives_up_at_once() {
    let (mut bench, mut edge) = born(0);
    let sent = data(&mut edge, 70);
    let out: Vec<_> = sent[1..].iter().flat_map(|message| bench.play(message)).collect();
    assert_eq!((numbers(&out).len(), gaps(&out)), (69, vec![Some(1)]));
}

#[test]
fn gaps_that_follow_each_other_are_said_together() {
    let (mut bench, mut edge) = born(0);
    let sent = data(&mut edge, 40);
    let mut out = Vec::new();
    for index in (1..40).step_by(2) {
        out.extend(bench.play(&sent[index]));
        out.extend(bench.wait(seconds(1)));
    }
    out.extend(bench.wait(seconds(20)));
    let gaps = gaps(&out);
    assert!(gaps.len() <= 4, "{gaps:?}");
    assert_eq!(gaps.into_iter().flatten().sum::<u64>(), 20);
}

/// Some encoders leave a 0 out.
#[test]
fn a_missing_number_after_255_is_a_zero() {
    let (mut bench, mut edge) = born(254);
    let mut out = Vec::new();
    for message in data(&mut edge, 4) {
        let mut payload = Payload::read(&message.payload).unwrap();
        payload.seq = payload.seq.filter(|seq| *seq != 0);
        out.extend(bench.raw(&message.topic.to_string(), &payload.write()));
    }
    out.extend(bench.wait(seconds(10)));
    assert_eq!((numbers(&out).len(), gaps(&out), bench.rules()), (4, vec![], vec![]));
}

#[test]
fn without_numbers_data_are_taken_and_the_fault_is_named_once() {
    let (mut bench, mut edge) = born(0);
    let mut out = Vec::new();
    for message in data(&mut edge, 4) {
        let mut payload = Payload::read(&message.payload).unwrap();
        payload.seq = None;
        out.extend(bench.raw(&message.topic.to_string(), &payload.write()));
    }
    let faults = out.iter().filter(|said| matches!(said, Output::Fault { .. })).count();
    assert_eq!((numbers(&out).len(), faults, bench.rules()), (4, 1, vec!["sparkplug.no_seq".to_owned()]));
}

/// Two edge nodes of one mqtt-spb-wrapper process share a counter and never answer: their data are kept, and the asking ends.
#[test]
fn two_nodes_with_one_counter() {
    let mut bench = Bench::new();
    let ids = ["a", "b"].map(|node| NodeId::new("g", node).unwrap());
    let mut edges = ids.map(|id| Edge::new(id, EdgeOptions::default()));
    let mut out: Vec<_> = edges.iter_mut().flat_map(|edge| bench.play(&edge.node_birth(START, a(0.0)))).collect();
    for value in 1..2_000 {
        let edge = &mut edges[value as usize % 2];
        edge.skip_seq();
        out.extend(bench.play(&edge.node_data(START, &a(value.into()))));
        out.extend(bench.wait(Span::from_millis(500)));
    }
    out.extend(bench.wait(seconds(10)));
    assert_eq!(numbers(&out).len(), 1_999);
    assert_eq!(asks(&out).len(), 8, "four each");
    assert_eq!(bench.rules(), ["sparkplug.no_rebirth", "sparkplug.no_rebirth"]);
    assert!(bench.host.reports().all(|report| !report.supervised));
}

/// Over one connection nothing is overtaken: no message waits for what is missing, and the gap is said at once.
#[test]
fn what_comes_in_order_is_never_held_back() {
    let (mut bench, mut edge) = born(0);
    let mut out = Vec::new();
    for message in data(&mut edge, 20).iter().step_by(2) {
        bench.sent += 1;
        bench.host.take_in_order(&message.topic.to_string(), &message.payload, bench.sent, bench.now, &mut out);
        assert_eq!(done(&out).last(), Some(&bench.sent));
    }
    assert_eq!(numbers(&out).len(), 10);
    out.extend(bench.wait(seconds(20)));
    assert_eq!((gaps(&out).into_iter().flatten().sum::<u64>(), asks(&out)), (9, vec!["sequence"]));
}

/// A message that is told of after a timer that fired later than it came takes nobody back in time.
#[test]
fn time_does_not_go_back() {
    let (mut bench, mut edge) = born(0);
    bench.wait(seconds(10));
    let sent = data(&mut edge, 2);
    bench.now = START;
    bench.play(&sent[1]);
    assert_eq!(bench.host.next_deadline(), Some(START + seconds(12)));
    let report = bench.host.reports().next().unwrap();
    assert_eq!(report.last_message, Some(START + seconds(10)));
}

/// Numbers of the session before, whichever they are, do not move the new one.
#[test]
fn what_is_of_before_the_birth_does_not_move_the_sequence() {
    let (mut bench, mut edge) = born(0);
    (0..60).for_each(|_| edge.skip_seq());
    let old = edge.node_data(START, &[Reading::new("b", crate::datatype::Datatype::Double, crate::datatype::Datum::Number(9.0))]);
    let now = START + seconds(1);
    edge.reconnect(now);
    bench.play(&edge.node_birth(now, a(0.0)));
    let mut out = bench.play(&old);
    assert_eq!(numbers(&out), [9.0], "by name");
    for value in 0..5 {
        out.extend(bench.play(&edge.node_data(now, &a(value.into()))));
    }
    out.extend(bench.wait(seconds(100)));
    assert_eq!((numbers(&out), gaps(&out), asks(&out)), (vec![9.0, 0.0, 1.0, 2.0, 3.0, 4.0], vec![], vec![]));
}

#[test]
fn a_birth_without_a_number_has_zero() {
    let (mut bench, mut edge) = (Bench::new(), edge(EdgeOptions::default()));
    let birth = edge.node_birth(START, a(0.0));
    let payload = Payload { seq: None, ..Payload::read(&birth.payload).unwrap() };
    let mut out = bench.raw(&birth.topic.to_string(), &payload.write());
    out.extend(bench.play(&edge.node_data(START, &a(1.0))));
    out.extend(bench.wait(seconds(10)));
    assert_eq!((numbers(&out), gaps(&out), bench.rules()), (vec![1.0], vec![], vec![]));
}

/// A sequence that was given up says still that something is missing, seldom and without a number.
#[test]
fn losses_of_a_node_that_is_not_supervised_are_said() {
    let (mut bench, mut edge) = born(0);
    let mut out = Vec::new();
    for _ in 0..600 {
        edge.skip_seq();
        out.extend(bench.play(&edge.node_data(bench.now, &a(1.0))));
        out.extend(bench.wait(seconds(3)));
    }
    assert!(!bench.host.reports().next().unwrap().supervised);
    out.clear();
    for _ in 0..600 {
        edge.skip_seq();
        out.extend(bench.play(&edge.node_data(bench.now, &a(1.0))));
        out.extend(bench.wait(seconds(3)));
    }
    assert_eq!((gaps(&out), asks(&out)), (vec![None; 3], vec![]), "once in ten minutes");
}
