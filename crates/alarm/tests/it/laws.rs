//! Laws of the core over random plants and random journals.

use std::collections::BTreeMap;
use std::sync::Arc;

use alarm::Core;
use model::{
    AlarmKind, AlarmState, AlarmTransition, Batch, Body, Event, EventBody, EventId, Message, Record, RequestId, Revision,
    RevisionNumber, Span, Time, Transition,
};
use proptest::prelude::*;
use proptest::strategy::ValueTree;

use crate::random::{core, journal, number, replay, without_ids};

proptest! {
    // PROPTEST_CASES asks for more.
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn two_replays_are_equal_byte_for_byte(records in journal(0..60)) {
        let (mut one, mut other) = (core(), core());
        prop_assert_eq!(format!("{:?}", replay(&mut one, &records)), format!("{:?}", replay(&mut other, &records)));
        prop_assert_eq!(one.snapshot(), other.snapshot());
    }

    #[test]
    fn a_snapshot_and_the_tail_are_the_whole(records in journal(1..60), cut in any::<prop::sample::Index>()) {
        let cut = cut.index(records.len() + 1);
        let mut whole = core();
        let wanted = replay(&mut whole, &records);
        let mut head = core();
        let mut said = replay(&mut head, &records[..cut]);
        let bytes = head.snapshot();
        let mut tail = Core::restore(Arc::from("engine/7"), head.revision().cloned(), &bytes).expect("its own snapshot");
        prop_assert_eq!(tail.position(), head.position());
        prop_assert_eq!(tail.key_seq(), head.key_seq());
        prop_assert_eq!(tail.snapshot(), bytes);
        said.extend(replay(&mut tail, &records[cut..]));
        prop_assert_eq!(said, wanted);
        prop_assert_eq!(tail.snapshot(), whole.snapshot());
    }

    #[test]
    fn where_a_batch_is_split_makes_no_difference(records in journal(0..60)) {
        let split: Vec<(Time, Body)> = records.iter().flat_map(split).collect();
        let (mut one, mut other) = (core(), core());
        prop_assert_eq!(without_ids(&replay(&mut one, &records)), without_ids(&replay(&mut other, &number(split))));
    }

    #[test]
    fn more_ticks_change_nothing(records in journal(0..60), ticks in prop::collection::vec(0.0..1.0_f64, 60)) {
        let ticked = with_ticks(&records, &ticks);
        let (mut one, mut other) = (core(), core());
        prop_assert_eq!(without_ids(&replay(&mut one, &records)), without_ids(&replay(&mut other, &ticked)));
    }

    #[test]
    fn nothing_is_due_before_the_next_deadline(records in journal(1..40)) {
        let mut whole = core();
        for record in &records {
            whole.apply(record, &mut Vec::new());
            let deadline = whole.next_deadline().unwrap_or(Time::MAX);
            prop_assert!(deadline > whole.time(), "nothing due is left behind");
            let mut copy = Core::restore(Arc::from("engine/7"), whole.revision().cloned(), &whole.snapshot()).expect("its own snapshot");
            prop_assert!(copy.next_deadline().unwrap_or(Time::MAX) >= deadline, "a lazy deadline is never later than the true one");
            let before = Time::from_micros(copy.next_deadline().unwrap_or(Time::MAX).micros() - 1).max(whole.time());
            let said = replay(&mut copy, &number(vec![(before, Body::Tick)]));
            prop_assert_eq!(said, vec![]);
        }
    }

    #[test]
    fn each_alarm_lives_by_the_rules(records in journal(0..120)) {
        let said = replay(&mut core(), &records);
        let revisions: BTreeMap<u32, &Arc<Revision>> = records.iter().filter_map(|record| match &record.body {
            Body::Revision(revision) => Some((revision.number.0, revision)),
            _ => None,
        }).collect();
        let mut lives: BTreeMap<(String, String), Life> = BTreeMap::new();
        for (id, event) in &said {
            if let EventBody::Alarm(alarm) = &event.body {
                let key = (event.subject.to_string(), alarm.alarm.as_str().to_owned());
                lives.entry(key).or_default().follow(id, event, alarm);
                if alarm.transition == Transition::Returned {
                    clears(event, alarm, revisions[&event.revision.0]);
                }
            }
        }
    }

    #[test]
    fn each_request_is_answered_once(records in journal(0..80)) {
        let said = replay(&mut core(), &records);
        let mut asked: Vec<&RequestId> = records.iter().filter_map(|record| match &record.body {
            Body::Command(command) => Some(&command.request_id),
            _ => None,
        }).collect();
        let mut answered: Vec<&RequestId> = said.iter().filter_map(|(_, event)| match &event.body {
            EventBody::Command(outcome) => Some(&outcome.request_id),
            _ => None,
        }).collect();
        asked.sort();
        asked.dedup();
        answered.sort();
        prop_assert_eq!(asked, answered);
    }
}

fn split(record: &Record) -> Vec<(Time, Body)> {
    let Body::Batch(batch) = &record.body else { return vec![(record.header.time, record.body.clone())] };
    let one = |(message, gateway, samples): (&Message, &model::GatewayPath, &[model::Sample])| Batch {
        gateways: vec![gateway.clone()],
        messages: vec![Message { gateway: 0, ..*message }],
        samples: samples.to_vec(),
        revision: batch.revision,
    };
    batch.messages().map(|message| (record.header.time, Body::Batch(one(message)))).collect()
}

fn with_ticks(records: &[Record], ticks: &[f64]) -> Vec<Record> {
    let mut bodies: Vec<(Time, Body)> = Vec::new();
    for (record, share) in records.iter().zip(ticks.iter().cycle()) {
        let latest = match &record.body {
            // What an outage says depends on what was journaled after its beginning.
            Body::SourceDown { since, .. } => *since,
            _ => record.header.time,
        };
        if let Some((before, _)) = bodies.last() {
            let pause = latest.since(*before).micros();
            #[expect(clippy::cast_possible_truncation, clippy::cast_precision_loss, reason = "any instant between will do")]
            let tick = model::Span::from_micros((pause as f64 * share) as i64);
            bodies.push((before.plus(tick), Body::Tick));
        }
        bodies.push((record.header.time, record.body.clone()));
    }
    number(bodies)
}

/// What is known of an alarm from its events alone.
#[derive(Default)]
struct Life {
    open: Option<(EventId, u32)>,
    cond: bool,
    last: Option<Time>,
    state: Option<AlarmState>,
    /// The event before let it out of what hid it.
    came_out: bool,
    revision: RevisionNumber,
}

impl Life {
    fn follow(&mut self, id: &EventId, event: &Event, alarm: &AlarmTransition) {
        if self.open.is_none() && self.revision != event.revision {
            // Its rule may have gone and come back as another alarm.
            self.last = None;
        }
        assert!(alarm.reason != "rule_removed" || event.revision > self.revision, "the new revision removes: {event:?}");
        self.revision = event.revision;
        assert!(self.last <= Some(event.occurred_at), "dated before what it follows: {event:?}");
        match alarm.transition {
            Transition::Raised => {
                let anew = self.came_out || alarm.reason == "it still stands";
                assert!(!self.cond || anew, "raised twice: {event:?}");
                assert!(alarm.clock.is_none_or(|it| it.uncertainty >= Span::ZERO), "{event:?}");
                let open = match self.open.take() {
                    Some((occurrence, activation)) => (occurrence, activation + 1),
                    None => (id.clone(), 1),
                };
                self.open = Some(open);
                self.cond = true;
                assert_eq!(alarm.state == AlarmState::Unacknowledged, !is_hidden(alarm.state), "{event:?}");
                assert!(
                    !alarm.annunciated || alarm.state == AlarmState::Unacknowledged,
                    "nobody is told of what is hidden: {event:?}"
                );
            }
            Transition::Returned => {
                assert!(self.cond, "returned twice: {event:?}");
                self.cond = false;
            }
            Transition::Acknowledged => assert!(self.state != Some(AlarmState::Acknowledged), "{event:?}"),
            Transition::Reset => assert_eq!(self.state, Some(AlarmState::LatchedAcknowledged)),
            Transition::Closed => {
                let ended = self.state == Some(AlarmState::Normal) || is_hidden(alarm.state);
                assert!(ended || alarm.reason == "rule_removed", "{event:?}");
                self.cond = false;
            }
            _ => {}
        }
        assert_eq!(self.open.as_ref(), alarm.occurrence.clone().map(|it| (it, alarm.activation)).as_ref(), "{event:?}");
        assert_eq!(alarm.state == AlarmState::Normal && alarm.transition != Transition::Closed, self.is_closing(alarm));
        if alarm.transition == Transition::Closed {
            self.open = None;
        }
        assert_eq!(alarm.in_alarm, self.cond, "{event:?}");
        let shows = [Transition::Unshelved, Transition::Unsuppressed, Transition::InService];
        self.came_out = shows.contains(&alarm.transition) && !is_hidden(alarm.state);
        (self.last, self.state) = (Some(event.occurred_at), Some(alarm.state));
    }

    fn is_closing(&self, alarm: &AlarmTransition) -> bool {
        alarm.state == AlarmState::Normal && alarm.transition != Transition::Closed && !self.cond
    }
}

fn is_hidden(state: AlarmState) -> bool {
    matches!(state, AlarmState::Shelved | AlarmState::Suppressed | AlarmState::OutOfService)
}

/// A limit alarm returns on a value that clears it by the rule in force.
fn clears(event: &Event, alarm: &AlarmTransition, revision: &Revision) {
    // Alarms of gateways and enterprises are no point's.
    let Some(point) = revision.site.points.iter().find(|it| it.id.as_str() == &*event.subject) else { return };
    let rule = point.alarms.iter().find(|it| it.id == alarm.alarm).expect("a rule");
    let limit = rule.limit.unwrap_or_default();
    match alarm.alarm_kind {
        AlarmKind::High | AlarmKind::HighHigh => assert!(alarm.value.expect("a value") < limit - rule.deadband, "{event:?}"),
        AlarmKind::Low | AlarmKind::LowLow => assert!(alarm.value.expect("a value") > limit + rule.deadband, "{event:?}"),
        _ => {}
    }
}

/// Laws over journals in which nothing happens would prove nothing.
#[test]
fn random_journals_reach_everything_there_is() {
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let mut reached: BTreeMap<String, u32> = BTreeMap::new();
    for _ in 0..600 {
        let records = journal(0..120).new_tree(&mut runner).expect("a journal").current();
        for (_, event) in replay(&mut core(), &records) {
            for word in words(&event) {
                *reached.entry(word).or_default() += 1;
            }
        }
    }
    let wanted = [
        "alarm.raised",
        "alarm.returned",
        "alarm.acknowledged",
        "alarm.closed",
        "command.accepted",
        "not_found",
        "stale_activation",
        "wrong_state",
        "source.down",
        "source.up",
        "gateway.down",
        "gateway.up",
        "gateway.fault",
        "gap.possible",
        "ahead",
        "recovered",
        "set_back",
        "rule_removed",
        "late",
        "held",
        "suspect",
        "range",
        "stale",
        "bad_quality",
        "high",
        "low",
        "again",
        "alarm.shelved",
        "alarm.unshelved",
        "alarm.suppressed",
        "alarm.unsuppressed",
        "alarm.out_of_service",
        "alarm.in_service",
        "alarm.silenced",
        "not_allowed",
        "rate",
        "deviation",
        "stuck",
        "state",
        "out_of_range",
        "calibrating",
        "vote",
        "expression",
        "time_to_limit",
        "rule_fault",
        "gateway_down",
        "enterprise_down",
        "it still stands",
        "quiet",
        "first",
    ];
    let rare: Vec<_> = wanted.iter().filter(|word| reached.get(**word).copied().unwrap_or(0) < 10).collect();
    assert!(rare.is_empty(), "{rare:?} of {reached:?}");
}

fn words(event: &Event) -> Vec<String> {
    let mut words = vec![event.body.kind().to_owned()];
    match &event.body {
        EventBody::Alarm(alarm) => {
            words.extend([alarm.reason.clone(), alarm.alarm_kind.as_str().to_owned()]);
            let marks = [
                (alarm.late, "late"),
                (alarm.held, "held"),
                (alarm.clock_suspect, "suspect"),
                (alarm.out_of_range, "range"),
                (alarm.activation > 1, "again"),
                (alarm.transition == Transition::Raised && !alarm.annunciated, "quiet"),
                (alarm.first_out, "first"),
            ];
            words.extend(marks.iter().filter(|(set, _)| *set).map(|(_, mark)| (*mark).to_owned()));
        }
        EventBody::Clock(fault) => words.push(fault.fault.as_str().to_owned()),
        EventBody::Command(outcome) => {
            if let model::CommandVerdict::Refused { refusal, .. } = &outcome.verdict {
                words.push(refusal.as_str().to_owned());
            }
        }
        _ => {}
    }
    words
}
