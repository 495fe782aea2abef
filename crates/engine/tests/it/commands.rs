//! The operator's commands over a real server and a real engine: what is accepted, what is refused, what the list shows then.

use std::sync::Arc;
use std::time::Duration;

use engine::AlarmConfig;
use journal::Journal as _;
use model::{Body, Span, Time};
use tonic::{Code, Status};
use wire::v1;

use crate::api::{Box_, connect, facts, revise};
use crate::listed::{list, now};
use crate::mem::MemJournal;
use crate::plant::{GAS, PRESSURE, put_on};

/// What is wanted of an alarm, as all requests say it.
#[derive(Clone, Default)]
struct Said {
    point: &'static str,
    alarm: &'static str,
    occurrence: String,
    activation: u32,
    why: &'static str,
    until: Option<Time>,
    request_id: String,
}

type Answer = Result<(v1::CommandOutcome, String), Status>;

/// Sends a request of one kind.
macro_rules! send {
    ($plant:ident, $said:ident, $method:ident, $request:ident $(, $until:ident)?) => {{
        let Said { point, alarm, occurrence, activation, why, until: _end, request_id } = $said.clone();
        let request = v1::$request {
            point: point.to_owned(),
            alarm: alarm.to_owned(),
            occurrence,
            activation,
            actor: "li".to_owned(),
            why: why.to_owned(),
            request_id,
            $($until: _end.map(wire::time_to_v1),)?
        };
        let answer = $plant.client.$method(request).await?.into_inner();
        assert!(wire::Cursor::decode(&answer.cursor).is_ok());
        Ok((answer.outcome.expect("an outcome"), answer.event_id))
    }};
}

async fn command(plant: &mut Box_, kind: &str, said: &Said) -> Answer {
    match kind {
        "acknowledge" => send!(plant, said, acknowledge_alarm, AcknowledgeAlarmRequest),
        "reset" => send!(plant, said, reset_alarm, ResetAlarmRequest),
        "silence" => send!(plant, said, silence_alarm, SilenceAlarmRequest),
        "shelve" => send!(plant, said, shelve_alarm, ShelveAlarmRequest, until),
        "unshelve" => send!(plant, said, unshelve_alarm, UnshelveAlarmRequest),
        "suppress" => send!(plant, said, suppress_alarm, SuppressAlarmRequest, until),
        "unsuppress" => send!(plant, said, unsuppress_alarm, UnsuppressAlarmRequest),
        "out_of_service" => send!(plant, said, set_out_of_service, SetOutOfServiceRequest, until),
        "return_to_service" => send!(plant, said, return_to_service, ReturnToServiceRequest),
        _ => panic!("no command {kind}"),
    }
}

async fn plant() -> (Arc<MemJournal>, Box_) {
    let journal = MemJournal::new();
    revise(&*journal).await;
    let plant = connect(Arc::clone(&journal) as _, AlarmConfig::default(), true).await;
    (journal, plant)
}

fn on(point: &'static str, alarm: &'static str) -> Said {
    Said { point, alarm, why: "because", ..Said::default() }
}

/// The alarm as listed, if it is.
async fn shown(plant: &mut Box_, said: &Said) -> Option<v1::Alarm> {
    now(plant).await.alarms.into_iter().find(|it| it.point == said.point && it.alarm == said.alarm)
}

fn field_of(status: &Status) -> String {
    use tonic_types::StatusExt as _;
    status.get_error_details().bad_request().map(|it| it.field_violations[0].field.clone()).unwrap_or_default()
}

#[tokio::test]
async fn every_command_is_accepted_where_the_table_has_an_arc_and_refused_elsewhere() {
    let (journal, mut plant) = plant().await;
    plant.sample(2, 30.0).await;
    plant.listed(1).await;
    let until = Some(journal.now() + Span::from_secs(3_600));
    let said = Said { until, ..on(GAS, "high") };
    let steps = [
        ("unshelve", Err("wrong_state")),
        ("unsuppress", Ok("unacknowledged")),
        ("return_to_service", Err("wrong_state")),
        ("reset", Err("wrong_state")),
        ("silence", Ok("unacknowledged")),
        ("shelve", Ok("shelved")),
        ("acknowledge", Err("wrong_state")),
        ("silence", Err("wrong_state")),
        ("shelve", Ok("shelved")),
        ("unshelve", Ok("unacknowledged")),
        ("acknowledge", Ok("acknowledged")),
        ("silence", Err("wrong_state")),
        ("suppress", Ok("suppressed")),
        ("shelve", Err("wrong_state")),
        ("unshelve", Err("wrong_state")),
        ("out_of_service", Ok("out_of_service")),
        ("unsuppress", Ok("out_of_service")),
        ("return_to_service", Ok("unacknowledged")),
    ];
    for (at, (kind, wanted)) in steps.into_iter().enumerate() {
        let answer = command(&mut plant, kind, &said).await;
        match (answer, wanted) {
            (Ok((outcome, event_id)), Ok(state)) => {
                let now = wire::state_from_v1(outcome.state).map(model::AlarmState::as_str);
                assert_eq!((outcome.command.as_str(), now), (kind, Some(state)), "step {at}");
                assert!(model::EventId::parse(&event_id).is_some());
            }
            (Err(status), Err(reason)) => {
                let (why, facts) = facts(&status);
                assert_eq!((status.code(), why.as_str()), (Code::FailedPrecondition, reason), "step {at}: {kind}");
                assert!(!facts["state"].is_empty() && !facts["event_id"].is_empty());
            }
            (answer, wanted) => panic!("step {at}: {kind} gave {answer:?}, not {wanted:?}"),
        }
    }
    let last = shown(&mut plant, &said).await.expect("listed");
    assert_eq!((last.activation, last.in_alarm, &last.hidden), (3, true, &None), "annunciated anew after each hiding");
    assert_eq!(last.acknowledged_by, "", "what was acknowledged before is not any more");
    plant.shutdown.request();
}

#[tokio::test]
async fn a_normal_alarm_is_hidden_and_listed_until_it_is_not() {
    let (journal, mut plant) = plant().await;
    let until = journal.now() + Span::from_secs(7_200);
    for (hide, unhide, state) in [
        ("shelve", "unshelve", v1::AlarmState::Shelved),
        ("suppress", "unsuppress", v1::AlarmState::Suppressed),
        ("out_of_service", "return_to_service", v1::AlarmState::OutOfService),
    ] {
        let said = Said { until: Some(until), ..on(PRESSURE, "high") };
        let (outcome, _) = command(&mut plant, hide, &said).await.expect("accepted");
        assert_eq!((outcome.state(), outcome.occurrence.as_str()), (state, ""), "{hide}");
        let listed = shown(&mut plant, &said).await.expect("listed");
        let hidden = listed.hidden.expect("hidden");
        assert_eq!((listed.state, hidden.state()), (state.into(), state));
        assert_eq!((hidden.by.as_str(), hidden.why.as_str()), ("li", "because"));
        assert_eq!(hidden.until.as_ref().map(wire::time_from_v1), Some(until));
        let (outcome, _) = command(&mut plant, unhide, &said).await.expect("accepted");
        assert_eq!(outcome.state(), v1::AlarmState::Normal, "{unhide}");
        assert_eq!(shown(&mut plant, &said).await, None);
    }
    // Without an end, where that is allowed.
    command(&mut plant, "suppress", &on(PRESSURE, "high")).await.expect("accepted");
    let listed = shown(&mut plant, &on(PRESSURE, "high")).await.expect("listed");
    assert_eq!(listed.hidden.expect("hidden").until, None);
    plant.shutdown.request();
}

#[tokio::test]
async fn hiding_needs_a_reason_and_an_end_that_lies_ahead() {
    let (journal, mut plant) = plant().await;
    let time = journal.now();
    let said = Said { until: Some(time + Span::from_secs(60)), ..on(PRESSURE, "high") };
    for kind in ["shelve", "suppress", "out_of_service"] {
        for why in ["", "  "] {
            let refused = command(&mut plant, kind, &Said { why, ..said.clone() }).await.expect_err("no reason");
            assert_eq!((refused.code(), field_of(&refused).as_str()), (Code::InvalidArgument, "why"), "{kind}");
        }
        for past in [Span::ZERO, Span::from_micros(-1), Span::from_secs(-60)] {
            let said = Said { until: Some(time + past), ..said.clone() };
            let refused = command(&mut plant, kind, &said).await.expect_err("in the past");
            assert_eq!((refused.code(), field_of(&refused).as_str()), (Code::InvalidArgument, "until"), "{kind}");
        }
    }
    let endless = command(&mut plant, "shelve", &Said { until: None, ..said.clone() }).await.expect_err("no end");
    assert_eq!(field_of(&endless), "until");
    let max = Span::from_secs(8 * 3_600);
    let too_long = Said { until: Some(time + max + Span::from_micros(1)), ..said.clone() };
    let refused = command(&mut plant, "shelve", &too_long).await.expect_err("beyond the rule's bound");
    assert_eq!((refused.code(), facts(&refused).0.as_str()), (Code::FailedPrecondition, "not_allowed"));
    assert_eq!(shown(&mut plant, &said).await, None, "nothing of it was done");
    command(&mut plant, "shelve", &Said { until: Some(time + max), ..said }).await.expect("just allowed");
    plant.shutdown.request();
}

#[tokio::test]
async fn a_shelf_ends_by_itself_and_a_repeat_is_answered_even_then() {
    let (journal, mut plant) = plant().await;
    plant.sample(2, 30.0).await;
    plant.listed(1).await;
    let until = journal.now() + Span::from_secs(600);
    let said = Said { until: Some(until), request_id: "shelve-1".to_owned(), ..on(GAS, "high") };
    let first = command(&mut plant, "shelve", &said).await.expect("accepted");
    let before = journal.bounds(crate::plant::input()).appended;
    assert_eq!(command(&mut plant, "shelve", &said).await.expect("a repeat"), first);
    assert_eq!(journal.bounds(crate::plant::input()).appended, before, "it is not carried out again");
    journal.set_now(until);
    put_on(&*journal, &Body::Tick).await;
    let back = async {
        loop {
            let alarm = shown(&mut plant, &said).await.expect("listed");
            if alarm.hidden.is_none() {
                return alarm;
            }
            tokio::task::yield_now().await;
        }
    };
    let back = tokio::time::timeout(Duration::from_secs(10), back).await.expect("it ends");
    assert_eq!((back.state(), back.activation, back.annunciated), (v1::AlarmState::Unacknowledged, 2, true));
    assert_eq!(command(&mut plant, "shelve", &said).await.expect("its end has passed, its outcome stands"), first);
    let other = Said { request_id: "shelve-2".to_owned(), ..said };
    assert_eq!(field_of(&command(&mut plant, "shelve", &other).await.expect_err("a new one")), "until");
    plant.shutdown.request();
}

#[tokio::test]
async fn an_occurrence_that_ended_is_refused_with_what_is() {
    let (_, mut plant) = plant().await;
    plant.sample(2, 30.0).await;
    let seen = plant.listed(1).await.alarms.remove(0);
    let said = on(GAS, "high");
    command(&mut plant, "acknowledge", &said).await.expect("accepted");
    plant.sample(2, 1.0).await;
    let returned = async {
        while command(&mut plant, "reset", &said).await.is_err() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), returned).await.expect("reset");
    let ended = Said { occurrence: seen.occurrence.clone(), activation: 1, ..said.clone() };
    for kind in ["acknowledge", "silence", "reset", "suppress", "unsuppress", "out_of_service", "return_to_service", "unshelve"] {
        let refused = command(&mut plant, kind, &ended).await.expect_err(kind);
        let (reason, facts) = facts(&refused);
        assert_eq!((refused.code(), reason.as_str()), (Code::FailedPrecondition, "stale_activation"), "{kind}");
        assert_eq!(facts["state"], "normal", "{kind}");
    }
    for kind in ["acknowledge", "silence", "reset"] {
        assert_eq!(command(&mut plant, kind, &said).await.expect_err("nothing is open").code(), Code::NotFound, "{kind}");
    }
    plant.shutdown.request();
}

#[tokio::test]
async fn a_gateway_that_is_down_is_an_alarm_to_be_answered() {
    let (journal, mut plant) = plant().await;
    plant.sample(1, 1.0).await;
    for _ in 0..3 {
        journal.set_now(journal.now() + Span::from_secs(3));
        put_on(&*journal, &Body::Tick).await;
    }
    let down = plant.listed(1).await.alarms.remove(0);
    assert_eq!((down.point.as_str(), down.alarm.as_str()), ("none/e01/gw1", "gateway_down"));
    let said = Said { occurrence: down.occurrence, activation: down.activation, ..on("none/e01/gw1", "gateway_down") };
    let (outcome, _) = command(&mut plant, "acknowledge", &said).await.expect("accepted");
    assert_eq!(outcome.state(), v1::AlarmState::Acknowledged);
    let until = Some(journal.now() + Span::from_secs(60));
    let (outcome, _) = command(&mut plant, "suppress", &Said { until, ..on("e01", "enterprise_down") }).await.expect("accepted");
    assert_eq!(outcome.state(), v1::AlarmState::Suppressed);
    assert_eq!(plant.listed(2).await.hidden_size, 1);
    let nothing = command(&mut plant, "acknowledge", &on("e01", "gateway_down")).await.expect_err("no such alarm");
    assert_eq!(nothing.code(), Code::NotFound);
    plant.shutdown.request();
}

#[tokio::test]
async fn what_was_listed_between_commands_can_be_asked_for_later() {
    let (journal, mut plant) = plant().await;
    plant.sample(2, 60.0).await;
    plant.listed(2).await;
    let until = Some(journal.now() + Span::from_secs(3_600));
    let mut recorded = vec![now(&mut plant).await];
    for (kind, said) in [
        ("silence", on(GAS, "high")),
        ("acknowledge", on(GAS, "high_high")),
        ("shelve", Said { until, ..on(GAS, "high") }),
        ("shelve", Said { until, ..on(PRESSURE, "high") }),
        ("out_of_service", on(PRESSURE, "high")),
        ("unshelve", on(GAS, "high")),
        ("return_to_service", on(PRESSURE, "high")),
        ("unshelve", on(PRESSURE, "high")),
    ] {
        journal.set_now(journal.now() + Span::from_millis(10));
        command(&mut plant, kind, &said).await.unwrap_or_else(|status| panic!("{kind}: {status}"));
        recorded.push(now(&mut plant).await);
    }
    journal.set_now(journal.now() + Span::from_secs(1));
    for then in recorded.iter().rev() {
        let by_cursor = v1::ListAlarmsRequest { cursor: then.cursor.clone(), ..Default::default() };
        assert_eq!(&list(&mut plant, by_cursor).await.expect("lists"), then);
        let by_time = v1::ListAlarmsRequest { time: then.time, ..Default::default() };
        assert_eq!(&list(&mut plant, by_time).await.expect("lists"), then);
    }
    plant.shutdown.request();
}
