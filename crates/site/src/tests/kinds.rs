//! Every kind of rule as it is written, and as the model has it.

use model::{AlarmId, AlarmRule, Condition, Direction, Formula, MissingMember, PointId, Reference, SHELVE_MAX};

use super::*;

/// A site with all of them; it is a seed for the fuzzer too.
pub(super) const KINDS: &str = include_str!("kinds.toml");

fn point_id(id: &str) -> PointId {
    PointId::new(id).expect("an id")
}

fn rule<'a>(loaded: &'a Loaded, point: &str, alarm: &str) -> &'a AlarmRule {
    let point = loaded.site.points.iter().find(|it| it.id.as_str() == point).expect("the point is there");
    point.alarms.iter().find(|it| it.id.as_str() == alarm).expect("the alarm is there")
}

fn inputs(inputs: &[(&str, &str)]) -> Vec<(String, PointId)> {
    inputs.iter().map(|(name, point)| ((*name).to_owned(), point_id(point))).collect()
}

#[test]
fn every_kind_has_its_condition() {
    let loaded = toml(KINDS).expect("loads");
    assert_eq!(lines(&loaded.warnings), [""; 0]);
    let minutes = |count: i64| Span::from_secs(60 * count);
    let deviation = |from: Reference, direction| Condition::Deviation { from, direction };
    let other = Reference::Point { point: point_id("PI-2"), fallback: Some(1990.0) };
    let expression = Formula {
        text: "(value > 3000.0 && t > 80.0) || shut == 1.0".to_owned(),
        inputs: inputs(&[("shut", "XV-1"), ("t", "TI-1"), ("value", "PI-1")]),
    };
    let members = ["GT-1", "GT-2", "GT-3"].map(point_id).to_vec();
    let vote = Condition::Vote { members, votes: 2, direction: Direction::Up, missing: MissingMember::Degrade };
    let rate = |window, per, direction| Condition::Rate { window, per, direction };
    let ahead = |window, within, direction| Condition::TimeToLimit { window, within, direction };
    let expected = [
        ("PI-1", "high_high", AlarmKind::HighHigh, Some(3500.0), 0.0, Condition::Plain),
        ("PI-1", "rate", AlarmKind::Rate, Some(50.0), 5.0, rate(minutes(2), minutes(60), Direction::Up)),
        ("PI-1", "plain_rate", AlarmKind::Rate, Some(10.0), 0.0, rate(minutes(1), minutes(1), Direction::Both)),
        ("PI-1", "deviation", AlarmKind::Deviation, Some(100.0), 0.0, deviation(Reference::Value(2000.0), Direction::Both)),
        ("PI-1", "pair", AlarmKind::Deviation, Some(20.0), 2.0, deviation(other, Direction::Down)),
        ("PI-1", "stuck", AlarmKind::Stuck, None, 0.0, Condition::Stuck { noise: 0.5, window: minutes(10) }),
        ("PI-1", "out_of_range", AlarmKind::OutOfRange, None, 10.0, Condition::Plain),
        ("PI-1", "stale", AlarmKind::Stale, None, 0.0, Condition::Plain),
        ("PI-1", "bad_quality", AlarmKind::BadQuality, None, 0.0, Condition::Plain),
        ("PI-1", "calibrating", AlarmKind::Calibrating, None, 0.0, Condition::Plain),
        ("PI-1", "expression", AlarmKind::Expression, None, 0.0, Condition::Expression(expression)),
        ("PI-1", "time_to_limit", AlarmKind::TimeToLimit, Some(3500.0), 0.0, ahead(minutes(5), minutes(15), Direction::Up)),
        ("PI-2", "time_to_limit", AlarmKind::TimeToLimit, Some(100.0), 0.0, ahead(minutes(20), minutes(60), Direction::Down)),
        ("XV-1", "state", AlarmKind::State, None, 0.0, Condition::State { values: vec![0.5, 1.0, 2.0] }),
        ("GT-1", "vote", AlarmKind::Vote, Some(20.0), 1.0, vote),
    ];
    for (point, alarm, kind, limit, deadband, condition) in expected {
        let rule = rule(&loaded, point, alarm);
        assert_eq!((rule.kind, rule.limit, rule.deadband), (kind, limit, deadband), "{point}/{alarm}");
        assert_eq!((&rule.condition, rule.implied), (&condition, false), "{point}/{alarm}");
    }
}

#[test]
fn every_rule_that_may_be_unable_to_judge_says_so() {
    let loaded = toml(KINDS).expect("loads");
    let fault_of = |alarm: &str| Condition::FaultOf { alarm: AlarmId::new(alarm).expect("an id") };
    let expected = [
        ("PI-1", "pair", Priority::Medium, "panel-1", "reactor", SHELVE_MAX),
        ("PI-1", "expression", Priority::Medium, "", "", SHELVE_MAX),
        ("GT-1", "vote", Priority::High, "panel-2", "", Span::ZERO),
    ];
    for (point, alarm, priority, position, group, shelve_max) in expected {
        let fault = rule(&loaded, point, &format!("{alarm}.fault"));
        assert_eq!((fault.kind, &fault.condition), (AlarmKind::RuleFault, &fault_of(alarm)));
        assert_eq!((fault.priority, fault.latching, fault.implied), (priority, false, true), "{alarm}");
        assert_eq!((fault.position.as_str(), fault.group.as_str(), fault.shelve_max), (position, group, shelve_max), "{alarm}");
    }
    let count = |point: &model::Point| point.alarms.iter().filter(|it| it.kind == AlarmKind::RuleFault).count();
    assert_eq!(loaded.site.points.iter().map(count).sum::<usize>(), 3, "a set value never goes silent");
}

#[test]
fn defaults_follow_kind_and_quantity() {
    let loaded = toml(KINDS).expect("loads");
    let of = |point, alarm| {
        let rule = rule(&loaded, point, alarm);
        (rule.priority, rule.latching, rule.shelve_max)
    };
    let medium = (Priority::Medium, false, SHELVE_MAX);
    for alarm in ["rate", "deviation", "stuck", "out_of_range", "stale", "bad_quality", "expression", "time_to_limit"] {
        assert_eq!(of("PI-1", alarm), medium, "{alarm}");
    }
    assert_eq!(of("XV-1", "state"), medium);
    assert_eq!(of("PI-1", "calibrating"), (Priority::Low, false, SHELVE_MAX));
    assert_eq!(of("PI-1", "high_high"), (Priority::High, false, Span::ZERO), "as written");
    assert_eq!(of("GT-1", "vote"), (Priority::Critical, true, Span::ZERO));
    assert_eq!(of("GT-1", "high"), (Priority::High, true, Span::ZERO));
    assert_eq!(of("GT-1", "calibrating"), (Priority::Low, false, Span::ZERO));
    assert_eq!(of("GT-3", "high_high"), (Priority::Critical, true, Span::from_secs(3_600)), "as written");
    let rule = rule(&loaded, "PI-1", "high_high");
    assert_eq!((rule.realarm_after, rule.repeat_within), (Some(Span::from_secs(1_800)), Span::from_secs(10)));
    let vote = "[[point.alarm]]\nkind = \"vote\"\nmembers = [\"P\", \"Q\"]\nvotes = 1\nlimit = 1\ndirection = \"down\"\n";
    let text = format!("{PLACE}{}{}", point("P", "level", "%", vote), point("Q", "level", "%", ""));
    let loaded = toml(&text).expect("loads");
    let rule = &loaded.site.points[0].alarms[0];
    assert_eq!((rule.priority, rule.latching), (Priority::High, false));
    let Condition::Vote { direction, missing, .. } = rule.condition else { panic!("a vote") };
    assert_eq!((direction, missing), (Direction::Down, MissingMember::Vote));
}

#[test]
fn a_suppression_has_an_enterprise_and_its_alarms_in_order() {
    let site = toml(KINDS).expect("loads").site;
    let [suppression] = &site.suppressions[..] else { panic!("one suppression") };
    assert_eq!((suppression.id.as_str(), suppression.enterprise.as_str()), ("shut_down", "e"));
    let when = Formula { text: "closed == 0.0 && p < 10.0".to_owned(), inputs: inputs(&[("closed", "XV-1"), ("p", "PI-1")]) };
    assert_eq!(suppression.when, when);
    let alarms: Vec<_> =
        suppression.alarms.iter().map(|(point, alarm)| (point.as_str(), alarm.as_ref().map(AlarmId::as_str))).collect();
    assert_eq!(alarms, [("PI-1", Some("pair.fault")), ("PI-2", Some("time_to_limit")), ("TI-1", None)]);
}

#[test]
fn rows_say_the_same_as_tables() {
    let points = "id,installation,quantity,unit,mqtt,tag,cas,oel\nP,unit,state,s,p/e01/gw,P,,\nQ,unit,toxic_gas,mg/m3,p/e01/gw,Q,71-43-2,3\n\
                  R,unit,toxic_gas,mg/m3,p/e01/gw,R,71-43-2,3.0\n";
    let alarms = "point,kind,id,limit,states,members,votes,missing,when,inputs,from,fallback,group,shelve_max,realarm_after,repeat_within\n\
                  P,state,,,1; 2.5,,,,,,,,,,,\n\
                  Q,high,,3,,,,,,,,,g1,0s,5m,1s\n\
                  Q,high_high,,6,,,,,,,,,,,,\n\
                  Q,vote,,6,,R;Q;,2,no_vote,,,,,,,,\n\
                  Q,expression,,,,,,,a > 2.0 && value > 1.0,a = R,,,,,,\n\
                  Q,deviation,,1,,,,,,,R,2.5,,,,\n\
                  Q,deviation,set,1,,,,,,,2.5,,,,,\n\
                  R,high,,3,,,,,,,,,,,,\nR,high_high,,6,,,,,,,,,,,,\n";
    let csv = load(&[file("points.csv", points), file("alarms.csv", alarms), file("site.toml", PLACE)]).expect("loads");
    let levels = "{ kind = \"high\", limit = 3 }, { kind = \"high_high\", limit = 6 }";
    let of_q = "cas = \"71-43-2\"\noel = 3\nalarm = [
        { kind = \"high\", limit = 3, group = \"g1\", shelve_max = \"0s\", realarm_after = \"5m\", repeat_within = \"1s\" },
        { kind = \"high_high\", limit = 6 },
        { kind = \"vote\", members = [\"Q\", \"R\"], votes = 2, missing = \"no_vote\", limit = 6 },
        { kind = \"expression\", when = \"a > 2.0 && value > 1.0\", inputs = { a = \"R\" } },
        { kind = \"deviation\", limit = 1, from = \"R\", fallback = 2.5 },
        { kind = \"deviation\", id = \"set\", limit = 1, from = 2.5 },
    ]\n";
    let text = [
        PLACE.to_owned(),
        point("P", "state", "s", "alarm = [{ kind = \"state\", states = [2.5, 1] }]\n"),
        point("Q", "toxic_gas", "mg/m3", of_q),
        point("R", "toxic_gas", "mg/m3", &format!("cas = \"71-43-2\"\noel = 3.0\nalarm = [{levels}]\n")),
    ];
    assert_eq!(csv, toml(&text.concat()).expect("loads"));
    assert_eq!((lines(&csv.warnings), csv.site.points[1].cas.as_str()), (vec![], "71-43-2"));
}

#[test]
fn every_change_of_a_rule_changes_the_content() {
    let content = |text: &str| toml(text).expect("loads").content;
    let before = content(KINDS);
    let changes = [
        ("group = \"reactor\"", "group = \"reactors\""),
        ("shelve_max = \"0s\"", "shelve_max = \"1s\""),
        ("realarm_after = \"30m\"", "realarm_after = \"31m\""),
        ("repeat_within = \"10s\"", ""),
        ("per = \"1h\"", "per = \"2h\""),
        ("window = \"2m\"", "window = \"3m\""),
        ("direction = \"up\"", "direction = \"down\""),
        ("from = 2000", "from = 2001"),
        ("from = 2000", "from = \"PI-2\""),
        ("fallback = 1990.0", "fallback = 1991.0"),
        ("fallback = 1990.0", ""),
        ("window = \"10m\"", "window = \"11m\""),
        ("noise = 0.5", "noise = 0.6"),
        ("t > 80.0", "t > 81.0"),
        ("t = \"TI-1\"", "t = \"PI-2\""),
        ("within = \"15m\"", "within = \"16m\""),
        ("window = \"20m\"", "window = \"21m\""),
        ("\"open\", 2.0", "\"open\""),
        ("\"GT-3\", \"GT-1\", \"GT-2\"", "\"GT-1\", \"GT-2\""),
        ("votes = 2", "votes = 3"),
        ("missing = \"degrade\"", "missing = \"vote\""),
        ("cas = \"7783-06-4\"", "cas = \"7783-06-4\"\noel = 10.0\nname = \"x\""),
        ("id = \"shut_down\"", "id = \"shutdown\""),
        ("p < 10.0", "p < 11.0"),
        ("p = \"PI-1\"", "p = \"PI-2\""),
        ("alarms = [\"TI-1\", ", "alarms = ["),
        ("\"PI-2/time_to_limit\"", "\"PI-2\""),
    ];
    for (from, to) in changes {
        assert!(KINDS.contains(from), "{from}");
        assert_ne!(content(&KINDS.replacen(from, to, 1)), before, "{from}");
    }
    let moved = KINDS.replace("[\"GT-3\", \"GT-1\", \"GT-2\"]", "[\"GT-1\", \"GT-2\", \"GT-3\"]");
    let moved = moved.replace("{ t = \"TI-1\", shut = \"XV-1\" }", "{ shut = \"XV-1\", t = \"TI-1\" }");
    assert_eq!(content(&moved.replace("[\"open\", 2.0, \"moving\", 1]", "[0.5, 1, 2]")), before, "order is no meaning");
}
