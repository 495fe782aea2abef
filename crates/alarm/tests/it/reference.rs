//! A second opinion: limit alarms over good samples in order, worked out from the words of the semantics and not from the core.
//!
//! The value is a step function. An alarm that is not raised is raised at the end of the first `on_delay` during which the active condition
//! held throughout; one that is raised returns at the end of the first `off_delay` during which the clear condition held throughout.

use model::{
    AlarmKind, AlarmRule, Batch, Body, EventBody, GatewayPath, Message, PointNumber, Quality, Sample, Span, Time, Transition,
};
use proptest::prelude::*;
use proptest::sample::select;

use crate::plant::{ZERO, point, revision, rule};
use crate::random::{core, number, replay};

/// Stretches of time over which a condition holds, ends included: what falls due with a sample comes before it.
fn stretches(trace: &[(i64, f64)], end: i64, holds: impl Fn(f64) -> bool) -> Vec<(i64, i64)> {
    let mut found: Vec<(i64, i64)> = Vec::new();
    let mut open = None;
    for &(time, value) in trace {
        if holds(value) {
            open = open.or(Some(time));
        } else if let Some(start) = open.take() {
            found.push((start, time));
        }
    }
    found.extend(open.map(|start| (start, end)));
    found
}

fn second_opinion(rule: &AlarmRule, trace: &[(i64, f64)], end: i64) -> Vec<(Transition, i64)> {
    let limit = rule.limit.expect("a limit");
    let high = matches!(rule.kind, AlarmKind::High | AlarmKind::HighHigh);
    let active = stretches(trace, end, |value| if high { value >= limit } else { value <= limit });
    let clear = stretches(trace, end, |value| if high { value < limit - rule.deadband } else { value > limit + rule.deadband });
    let mut said = Vec::new();
    let mut now = i64::MIN;
    loop {
        let raised = said.len() % 2 == 1;
        let (stretches, delay) = if raised { (&clear, rule.off_delay) } else { (&active, rule.on_delay) };
        let due = stretches.iter().filter(|(start, _)| *start >= now).map(|(start, end)| (start + delay.micros(), *end));
        let Some((due, _)) = due.into_iter().find(|(due, end)| due <= end) else { return said };
        said.push((if raised { Transition::Returned } else { Transition::Raised }, due));
        now = due;
    }
}

fn rules() -> impl Strategy<Value = AlarmRule> {
    let kinds = select(vec![AlarmKind::High, AlarmKind::HighHigh, AlarmKind::Low, AlarmKind::LowLow]);
    let delay = || prop_oneof![1 => Just(0), 2 => 1..8_i64].prop_map(Span::from_secs);
    (kinds, 0..8_i32, 0..4_i32, delay(), delay()).prop_map(|(kind, limit, deadband, on_delay, off_delay)| AlarmRule {
        deadband: f64::from(deadband),
        on_delay,
        off_delay,
        ..rule(kind, Some(f64::from(limit)))
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_core_agrees_with_the_second_opinion(rule in rules(), steps in prop::collection::vec((1..6_i64, 0..9_i32), 1..80)) {
        let mut time = ZERO;
        let trace: Vec<(i64, f64)> = steps.iter().map(|(pause, value)| {
            time += pause * 1_000_000;
            (time, f64::from(*value))
        }).collect();
        let end = time + 4_000_000;

        let mut alarmed = point(1);
        alarmed.stale_after = Span::from_secs(3_600);
        alarmed.alarms.push(rule.clone());
        let mut bodies = vec![(Time::from_micros(ZERO), Body::Revision(revision(1, vec![(1, alarmed)])))];
        bodies.extend(trace.iter().map(|(time, value)| (Time::from_micros(*time), one_sample(*time, *value))));
        bodies.push((Time::from_micros(end), Body::Tick));
        let said: Vec<(Transition, i64)> = replay(&mut core(), &number(bodies)).iter().filter_map(|(_, event)| match &event.body {
            EventBody::Alarm(alarm) => Some((alarm.transition, event.occurred_at.micros())),
            _ => None,
        }).collect();

        prop_assert_eq!(said, second_opinion(&rule, &trace, end));
    }
}

pub(crate) fn one_sample(time: i64, value: f64) -> Body {
    Body::Batch(Batch {
        gateways: vec![GatewayPath::new("rugang/e1/g1").expect("a path")],
        messages: vec![Message { samples: 1, ..Message::default() }],
        samples: vec![Sample::new(PointNumber(1), Time::from_micros(time), Some(value), Quality::Good)],
        ..Batch::default()
    })
}

#[test]
fn the_second_opinion_can_count() {
    let rule = AlarmRule { on_delay: Span::from_micros(10), off_delay: Span::from_micros(5), ..rule(AlarmKind::High, Some(7.0)) };
    let trace = [(0, 7.0), (9, 6.0), (20, 8.0), (30, 6.0), (33, 8.0), (40, 0.0)];
    assert_eq!(second_opinion(&rule, &trace, 45), [(Transition::Raised, 30), (Transition::Returned, 45)]);
    assert_eq!(second_opinion(&rule, &trace, 44), [(Transition::Raised, 30)]);
}
