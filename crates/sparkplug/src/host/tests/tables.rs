//! Names, aliases and values (traps 21, 22, 23), and what is kept over a restart.

use super::*;
use crate::datatype::Datatype;
use crate::edge::Naming;
use crate::payload::{Metric, MetricValue, Payload};

fn birth_of(metrics: Vec<Metric>) -> Vec<u8> {
    Payload { timestamp: Some(1_732_370_000_000), metrics, seq: Some(0) }.write()
}

fn metric(name: &str, alias: Option<u64>, datatype: Datatype, value: MetricValue) -> Metric {
    let (name, datatype) = (Some(name.to_owned()), Some(datatype.number()));
    Metric { name, alias, datatype, value: Some(value), ..Metric::default() }
}

fn data_of(seq: u64, metrics: Vec<Metric>) -> Vec<u8> {
    Payload { timestamp: Some(1_732_370_001_000), metrics, seq: Some(seq) }.write()
}

#[test]
fn an_unknown_alias_holds_back_itself_alone() {
    let (mut bench, mut edge) = (Bench::new(), edge(EdgeOptions::default()));
    bench.play(&edge.node_birth(START, a(0.0)));
    let unknown = Metric { alias: Some(99), value: Some(MetricValue::Double(1.0)), ..Metric::default() };
    let known = Metric { alias: Some(1), value: Some(MetricValue::Double(2.0)), ..Metric::default() };
    let out = bench.raw("spBv1.0/g/NDATA/n", &data_of(1, vec![unknown, known]));
    assert_eq!((numbers(&out), refusals(&out), done(&out)), (vec![2.0], vec!["unknown_alias"], vec![2]));
    assert_eq!(values(&out)[0].datatype, Some(Datatype::Double), "of the birth");
    assert_eq!(asks(&bench.wait(seconds(60))), ["unknown_alias"]);
}

/// mqtt-spb-wrapper: `DATA/Pressure` in the birth, `Pressure` in the data. A new metric, one fault, no question.
#[test]
fn a_name_that_no_birth_declares() {
    let mut bench = Bench::new();
    let born = metric("DATA/Pressure", None, Datatype::Double, MetricValue::Double(1.0));
    bench.raw("spBv1.0/g/NBIRTH/n", &birth_of(vec![born]));
    let mut out = Vec::new();
    for seq in 1..100 {
        let data = metric("Pressure", None, Datatype::Float, MetricValue::Float(0.5));
        out.extend(bench.raw("spBv1.0/g/NDATA/n", &data_of(seq, vec![data])));
    }
    out.extend(bench.wait(seconds(200)));
    assert_eq!((numbers(&out).len(), asks(&out), refusals(&out)), (99, vec![], vec![]));
    assert_eq!(bench.rules(), ["sparkplug.birth_without_bdseq", "sparkplug.undeclared_metric"]);
}

#[test]
fn an_alias_is_looked_up_in_the_birth_of_its_device() {
    let mut bench = Bench::new();
    let born = |name| birth_of(vec![metric(name, Some(1), Datatype::Double, MetricValue::Double(0.0))]);
    let numbered = |payload: Vec<u8>, seq| Payload { seq: Some(seq), ..Payload::read(&payload).unwrap() }.write();
    bench.raw("spBv1.0/g/NBIRTH/n", &born("own"));
    bench.raw("spBv1.0/g/DBIRTH/n/d1", &numbered(born("first"), 1));
    bench.raw("spBv1.0/g/DBIRTH/n/d2", &numbered(born("second"), 2));
    let data = |seq| data_of(seq, vec![Metric { alias: Some(1), value: Some(MetricValue::Double(1.0)), ..Metric::default() }]);
    let mut out = bench.raw("spBv1.0/g/DDATA/n/d1", &data(3));
    out.extend(bench.raw("spBv1.0/g/DDATA/n/d2", &data(4)));
    out.extend(bench.raw("spBv1.0/g/NDATA/n", &data(5)));
    let names: Vec<_> = values(&out).iter().map(|value| value.name.to_string()).collect();
    assert_eq!(names, ["first", "second", "own"]);
    assert!(bench.rules().contains(&"sparkplug.alias_collision".to_owned()));
}

#[test]
fn an_alias_of_two_names_is_refused_and_a_name_is_not() {
    let mut bench = Bench::new();
    let born = |name| metric(name, Some(0), Datatype::Double, MetricValue::Double(0.0));
    bench.raw("spBv1.0/g/NBIRTH/n", &birth_of(vec![born("x"), born("y")]));
    let by_alias = Metric { alias: Some(0), value: Some(MetricValue::Double(1.0)), ..Metric::default() };
    let by_name = Metric { name: Some("y".to_owned()), ..by_alias.clone() };
    let out = bench.raw("spBv1.0/g/NDATA/n", &data_of(1, vec![by_alias, by_name]));
    assert_eq!((values(&out).len(), refusals(&out)), (1, vec!["ambiguous_alias"]));
    assert_eq!(&*values(&out)[0].name, "y");
}

#[test]
fn an_alias_that_is_used_anew_means_the_new() {
    let mut bench = Bench::new();
    let born = |name, sent| {
        let mut payload =
            Payload::read(&birth_of(vec![metric(name, Some(1), Datatype::Double, MetricValue::Double(0.0))])).unwrap();
        payload.timestamp = Some(sent);
        payload.write()
    };
    bench.raw("spBv1.0/g/NBIRTH/n", &born("old", 1_732_370_000_000));
    bench.raw("spBv1.0/g/NBIRTH/n", &born("new", 1_732_370_002_000));
    let value = || vec![Metric { alias: Some(1), value: Some(MetricValue::Double(1.0)), ..Metric::default() }];
    // A message of before the birth that comes after it: its alias means nothing any more, and is not guessed.
    let stale = Payload { timestamp: Some(1_732_370_001_000), metrics: value(), seq: Some(250) };
    let out = bench.raw("spBv1.0/g/NDATA/n", &stale.write());
    assert_eq!((values(&out).len(), refusals(&out)), (0, vec!["ambiguous_alias"]));
    let fresh = Payload { timestamp: Some(1_732_370_003_000), metrics: value(), seq: Some(1) };
    let out = bench.raw("spBv1.0/g/NDATA/n", &fresh.write());
    assert_eq!(&*values(&out)[0].name, "new");
}

/// traps 22: null is no value and bad, history and passing values are marked, the quality is what is said.
#[test]
fn what_is_said_of_a_value() {
    let (mut bench, mut edge) = (Bench::new(), edge(EdgeOptions::default()));
    let mut born = Reading::number("a", 0.0);
    born.unit = Some("kPa".into());
    bench.play(&edge.node_birth(START, vec![born]));
    let null = Reading::new("a", Datatype::Double, Datum::Null);
    let mut old = Reading::number("a", 1.0).at(START);
    (old.historical, old.transient, old.quality) = (true, true, Some(Quality::Bad));
    let later = START + seconds(5);
    let out = bench.play(&edge.node_data(later, &[null, old]));
    let said = values(&out);
    assert_eq!((&said[0].value, said[0].quality, said[0].time), (&Datum::Null, Quality::Bad, Some(later)));
    assert_eq!((said[1].quality, said[1].historical, said[1].transient, said[1].time), (Quality::Bad, true, true, Some(START)));
    assert_eq!(said[1].unit.as_deref(), Some("kPa"), "of the birth");
}

#[test]
fn times_beyond_all_calendars_are_refused_by_name() {
    let mut bench = Bench::new();
    let late = Metric { timestamp: Some(u64::MAX), ..metric("a", None, Datatype::Double, MetricValue::Double(1.0)) };
    let out = bench.raw("spBv1.0/g/NDATA/n", &data_of(1, vec![late]));
    assert!(matches!(&values(&out)[0].value, Datum::Refused(why) if why.contains("timestamp = 18446744073709551615")));
    let none =
        Payload { timestamp: None, metrics: vec![metric("a", None, Datatype::Double, MetricValue::Double(1.0))], seq: Some(2) };
    assert_eq!(values(&bench.raw("spBv1.0/g/NDATA/n", &none.write()))[0].time, None, "arrival counts");
}

#[test]
fn case_alone_makes_two_nodes_and_a_fault() {
    let mut bench = Bench::new();
    for id in ["Tank1", "tank1"] {
        let mut edge = Edge::new(NodeId::new("g", id).unwrap(), EdgeOptions::default());
        bench.play(&edge.node_birth(START, vec![]));
        bench.play(&edge.device_birth(&id.into(), START, vec![]));
    }
    assert_eq!(bench.host.reports().count(), 2);
    assert_eq!(bench.rules(), ["sparkplug.case_collision"]);
}

fn restarted(naming: Naming, resume: Option<u8>) -> (Bench, Edge) {
    let (mut bench, mut edge) = (Bench::new(), edge(EdgeOptions { naming, ..EdgeOptions::default() }));
    bench.play(&edge.node_birth(START, vec![]));
    bench.play(&edge.device_birth(&device(), START, a(0.0)));
    let kept = bench.host.keep(edge.id()).unwrap();
    let mut host = Host::new(HostConfig::default(), 8);
    assert_eq!(host.restore(&kept).as_ref(), Ok(edge.id()));
    if let Some(seq) = resume {
        host.resume_seq(edge.id(), seq);
    }
    assert_eq!(host.keep(edge.id()).as_ref(), Some(&kept), "kept again it is the same");
    edge.device_data(&device(), START, &[]);
    (Bench::of(host), edge)
}

/// traps 21: after a restart of the host.
#[test]
fn data_by_alias_after_a_restart() {
    // It goes on where the journal ended: good at once, no question.
    let (mut bench, mut edge) = restarted(Naming::Aliases, Some(2));
    let mut out = bench.play(&edge.device_data(&device(), START, &a(5.0)));
    assert_eq!(qualities(&out), [Quality::Good]);
    out.extend(bench.wait(seconds(600)));
    assert_eq!(asks(&out), Vec::<&str>::new());
    // It does not, or nobody knows: uncertain until it is born again; a name is good at once.
    for (naming, quality) in
        [(Naming::Aliases, Quality::Uncertain), (Naming::Names, Quality::Good), (Naming::Both, Quality::Good)]
    {
        for resume in [Some(77), None] {
            let (mut bench, mut edge) = restarted(naming, resume);
            let out = bench.play(&edge.device_data(&device(), START, &a(5.0)));
            assert_eq!((numbers(&out), qualities(&out)), (vec![5.0], vec![quality]), "{naming:?} {resume:?}");
            assert_eq!(values(&out)[0].alias_only, naming == Naming::Aliases);
            assert_eq!(asks(&bench.wait(seconds(60))), ["resume"]);
            edge.rebirth(START).iter().for_each(|message| drop(bench.play(message)));
            assert_eq!(qualities(&bench.play(&edge.device_data(&device(), START, &a(6.0)))), [Quality::Good]);
        }
    }
}

#[test]
fn data_by_alias_without_any_birth_are_held_back_and_asked_for() {
    let (mut bench, mut edge) = (Bench::new(), edge(EdgeOptions::default()));
    edge.node_birth(START, a(0.0));
    let out = bench.play(&edge.node_data(START, &a(1.0)));
    assert_eq!((values(&out).len(), refusals(&out), done(&out)), (0, vec!["unknown_alias"], vec![1]));
    assert_eq!(asks(&bench.wait(seconds(9))), ["no_birth"]);
}

#[test]
fn what_is_no_kept_node_is_an_error() {
    let (bench, edge) = restarted(Naming::Aliases, None);
    let kept = bench.host.keep(edge.id()).unwrap();
    let mut host = Host::new(HostConfig::default(), 8);
    assert!(host.restore(&[]).is_err());
    assert!(host.restore(b"no").is_err());
    for end in 0..kept.len() {
        // Cut short it may be a shorter one; it is never a panic.
        drop(Host::new(HostConfig::default(), 8).restore(&kept[..end]));
    }
    assert!(host.restore(&kept).is_ok());
}

#[test]
fn messages_for_others_are_done_with_and_nonsense_is_refused() {
    let mut bench = Bench::new();
    for topic in ["spBv1.0/STATE/davy", "spBv1.0/g/NCMD/n", "spBv1.0/g/DCMD/n/d"] {
        let out = bench.raw(topic, b"\xff\xff");
        assert_eq!((out.len(), done(&out).len()), (1, 1), "{topic}");
    }
    assert_eq!(refusals(&bench.raw("spBv1.0/g/NDATA/n", b"\xff\xff")), ["not_sparkplug"]);
    assert_eq!(refusals(&bench.raw("spBv1.0/g/NDATA", b"")), ["topic"]);
    assert_eq!(bench.host.reports().count(), 0, "nobody is known by nonsense");
}

#[test]
fn strangers_are_bounded_and_the_expected_are_not() {
    let mut host = Host::new(HostConfig { unknown_nodes_max: 2, ..HostConfig::default() }, 7);
    let expected = NodeId::new("g", "expected").unwrap();
    host.set_expected([expected.clone()]);
    let mut bench = Bench::of(host);
    for (node, refused) in [("a", false), ("b", false), ("c", true), ("a", false), ("expected", false)] {
        let out = bench.raw(&format!("spBv1.0/g/NDATA/{node}"), &data_of(1, vec![]));
        assert_eq!(refusals(&out), if refused { vec!["too_many_nodes"] } else { vec![] }, "{node}");
    }
}
