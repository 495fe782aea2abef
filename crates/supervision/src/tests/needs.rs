//! What each kind of rule needs, as the core judges it.

use std::collections::BTreeSet;

use model::{
    AlarmId, AlarmKind, AlarmRule, Condition, Direction, Formula, MissingMember, Point, PointId, Protocol, Reference, Time,
};

use super::{PARTITION, at, gap, point, revision, rule};
use crate::layout::Layout;
use crate::{Gap, Gaps, Needs, Reason, RuleSpan, judge};

fn id(text: &str) -> PointId {
    PointId::new(text).unwrap()
}

fn with(rules: Vec<AlarmRule>) -> Vec<Point> {
    let own = Point { alarms: rules, ..point("a", Protocol::Sparkplug, "g/n/d", 60) };
    let others = ["b", "c"].map(|it| Point { alarms: Vec::new(), ..point(it, Protocol::Mqtt, "p/e/json", 60) });
    [own].into_iter().chain(others).collect()
}

fn spans(rules: Vec<AlarmRule>) -> Vec<RuleSpan> {
    Layout::of(&revision(1, with(rules)), PARTITION, at(0)).rules.into_values().collect()
}

fn span(rule: AlarmRule) -> RuleSpan {
    let alarm = rule.id.as_str().to_owned();
    spans(vec![rule]).into_iter().find(|it| *it.alarm == *alarm && &*it.point == "a").unwrap()
}

fn conditioned(kind: AlarmKind, condition: Condition) -> AlarmRule {
    AlarmRule { condition, ..rule("x", kind) }
}

/// The gaps, of all that could be, that keep it from firing: by scope and reason.
fn kept_by(span: &RuleSpan) -> BTreeSet<(String, Reason)> {
    let all = span.scopes().into_iter().flat_map(|scope| Reason::ALL.iter().map(move |reason| (scope.clone(), *reason)));
    let keeps = |(scope, reason): &(String, Reason)| {
        let gaps: Gaps = [gap(scope, *reason, at(0), None)].into_iter().collect();
        !judge(span, &gaps, at(0), at(1)).could_have_fired(at(0))
    };
    all.filter(keeps).collect()
}

#[test]
fn gateways_enterprises_and_points_have_rows_of_their_own() {
    let rows = spans(vec![rule("high", AlarmKind::High)]);
    let names: Vec<_> = rows.iter().map(|it| (&*it.point, &*it.alarm, it.kind, &*it.installation)).collect();
    let wanted = [
        ("a", "", "online", "i1"),
        ("a", "high", "high", "i1"),
        ("b", "", "online", "i1"),
        ("c", "", "online", "i1"),
        ("e01", "enterprise_down", "enterprise_down", ""),
        ("g/n", "gateway_down", "gateway_down", ""),
        ("g/n/d", "gateway_down", "gateway_down", ""),
        ("p/e/json", "gateway_down", "gateway_down", ""),
    ];
    assert_eq!(names, wanted);
    assert_eq!(rows.iter().map(|it| Needs::decode(&it.needs.encode())).collect::<Result<Vec<_>, _>>().unwrap().len(), 8);
    assert!(rows.iter().all(|it| Needs::decode(&it.needs.encode()).unwrap() == it.needs));
}

#[test]
fn a_rule_of_one_point_needs_its_point_gateway_and_source() {
    let high = span(rule("high", AlarmKind::High));
    let scopes = [
        "events",
        "gateway/17/g/n/d",
        "journal",
        "partition/17",
        "point/a",
        "rule/a/high",
        "source/17/sparkplug",
        "source/17/sparkplug/g",
        "source/17/sparkplug/g/n",
        "source/17/sparkplug/g/n/d",
    ];
    assert_eq!(high.scopes(), scopes);
    assert_eq!(kept_by(&high).len(), scopes.len() * Reason::ALL.len(), "every reason counts");
}

#[test]
fn what_a_rule_judges_does_not_keep_it_from_firing() {
    let ignored = |kind: AlarmKind| {
        let kept = kept_by(&span(rule("x", kind)));
        Reason::ALL.iter().copied().filter(|it| !kept.contains(&("point/a".to_owned(), *it))).collect::<Vec<_>>()
    };
    use Reason::{BadQuality, Calibrating, ClockNotTrusted, NeverSeen, Stale};
    assert_eq!(ignored(AlarmKind::Stale), [Stale, NeverSeen, BadQuality, Calibrating, ClockNotTrusted]);
    assert_eq!(ignored(AlarmKind::BadQuality), [BadQuality, Calibrating]);
    assert_eq!(ignored(AlarmKind::Calibrating), [BadQuality, Calibrating]);
    assert_eq!(ignored(AlarmKind::Rate), []);
}

#[test]
fn a_rule_over_several_points_needs_theirs() {
    let kept = |rule: AlarmRule, scope: &str, reason: Reason| kept_by(&span(rule)).contains(&(scope.to_owned(), reason));
    let fallback = |fallback| {
        let from = Reference::Point { point: id("b"), fallback };
        conditioned(AlarmKind::Deviation, Condition::Deviation { from, direction: Direction::Both })
    };
    assert!(kept(fallback(None), "point/b", Reason::Stale) && kept(fallback(None), "source/17/mqtt", Reason::GatewayOffline));
    let scopes = span(fallback(Some(1.0))).scopes();
    assert!(!scopes.contains(&"point/b".to_owned()), "without the other it takes the set value");
    assert!(kept(fallback(Some(1.0)), "point/a", Reason::Stale) && !kept(fallback(Some(1.0)), "rule/a/x", Reason::RuleFault));
    let formula = Formula { text: "b > 1.0".to_owned(), inputs: vec![("b".to_owned(), id("b"))] };
    let expression = || conditioned(AlarmKind::Expression, Condition::Expression(formula.clone()));
    assert!(kept(expression(), "point/b", Reason::BadQuality) && kept(expression(), "rule/a/x", Reason::RuleFault));
    assert!(!span(expression()).scopes().contains(&"point/a".to_owned()), "its own point is none of its inputs");
}

fn fault_rows(missing: MissingMember, votes: u32) -> (RuleSpan, RuleSpan) {
    let members = vec![id("a"), id("b"), id("c")];
    let vote = conditioned(AlarmKind::Vote, Condition::Vote { members, votes, direction: Direction::Up, missing });
    let watched = Condition::FaultOf { alarm: AlarmId::new("x").unwrap() };
    let fault = AlarmRule { condition: watched, ..rule("x.fault", AlarmKind::RuleFault) };
    let rows = spans(vec![vote, fault]);
    let find = |alarm: &str| rows.iter().find(|it| &*it.alarm == alarm).unwrap().clone();
    (find("x"), find("x.fault"))
}

fn could(span: &RuleSpan, gaps: &[Gap], time: Time) -> bool {
    judge(span, &gaps.iter().cloned().collect(), time, time.plus(model::Span::from_secs(1))).could_have_fired(time)
}

#[test]
fn a_vote_needs_as_many_as_the_core_counts() {
    let bad = |point: &str| gap(&format!("point/{point}"), Reason::BadQuality, at(0), None);
    let mqtt = gap("source/17/mqtt", Reason::GatewayOffline, at(0), None);
    let fault = gap("rule/a/x", Reason::RuleFault, at(0), None);
    let (no_vote, of_fault) = fault_rows(MissingMember::NoVote, 2);
    assert!(could(&no_vote, &[bad("b"), fault.clone()], at(0)), "two are left; that one is missing is told by its own alarm");
    assert!(!could(&no_vote, &[bad("b"), bad("c")], at(0)));
    assert!(!could(&no_vote, std::slice::from_ref(&mqtt), at(0)), "both others stand still");
    let (vote, _) = fault_rows(MissingMember::Vote, 2);
    assert!(could(&vote, &[bad("b"), bad("c")], at(0)), "who is bad votes for the alarm");
    assert!(!could(&vote, std::slice::from_ref(&mqtt), at(0)), "who stands still does not");
    let (degrade, _) = fault_rows(MissingMember::Degrade, 2);
    assert!(could(&degrade, &[bad("b"), bad("c")], at(0)), "one of one is left");
    assert!(!could(&degrade, &[bad("a"), bad("b"), bad("c")], at(0)));
    assert!(!could(&degrade, std::slice::from_ref(&mqtt), at(0)), "the core counts what stands still as there");
    assert!(could(&of_fault, &[mqtt.clone(), bad("a")], at(0)), "its own source still runs");
    let all = gap("source/17/sparkplug/g/n", Reason::GatewayOffline, at(0), None);
    assert!(!could(&of_fault, &[mqtt, all], at(0)));
}
