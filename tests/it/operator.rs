//! An operator at a gas alarm: raised, acknowledged, reset, closed, with a stale hand, a double click and a restart in between.

use harness::{Davy, Feed, Mosquitto, Publisher, Store, acknowledge, alarms, reset, until};
use tonic::Code;
use tonic_types::StatusExt;
use wire::v1::event::Body;
use wire::v1::{self, AlarmState};

use crate::sites::{Point, TOPIC, message, now_ms, site};

const TAG: &str = "GT-1";

fn gas_site() -> String {
    let alarm = ["kind = \"high\"\nlimit = 25.0\npriority = \"high\""];
    site(&[Point { tag: TAG, quantity: "combustible_gas", unit: "%LEL", alarms: &alarm }])
}

/// Waits until the one open alarm is as wanted.
async fn listed(davy: &Davy, state: AlarmState, activation: u32) -> v1::Alarm {
    let grpc = davy.grpc();
    until(&format!("the alarm is listed {state:?}, activation {activation}"), async || {
        let mut open = alarms(&grpc).await;
        assert!(open.len() <= 1, "one alarm at most: {open:?}");
        open.pop().filter(|alarm| alarm.state() == state && alarm.activation == activation)
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gas_alarm_from_raise_to_reset() {
    let broker = Mosquitto::start(Store::Kept).await;
    let mut davy = Davy::start(&gas_site(), &broker.url()).await;
    let feed = Feed::follow(davy.addresses());
    let mut gateway = Publisher::connect(broker.port(), "gw1");
    let start = now_ms() - 5_000;
    assert!(alarms(&davy.grpc()).await.is_empty());

    gateway.publish(TOPIC, message(start, TAG, 10.0)).await;
    gateway.publish(TOPIC, message(start + 100, TAG, 25.0)).await;
    let first = listed(&davy, AlarmState::Unacknowledged, 1).await;
    assert_eq!((first.point.as_str(), first.alarm.as_str(), first.value, first.limit), (TAG, "high", Some(25.0), Some(25.0)));

    // It returns and comes back: what the operator saw is no longer what is.
    gateway.publish(TOPIC, message(start + 200, TAG, 10.0)).await;
    listed(&davy, AlarmState::LatchedUnacknowledged, 1).await;
    gateway.publish(TOPIC, message(start + 300, TAG, 30.0)).await;
    let second = listed(&davy, AlarmState::Unacknowledged, 2).await;
    assert_eq!(second.occurrence, first.occurrence, "one occurrence");
    stale_hand_is_refused(&davy, &first).await;
    assert_eq!(listed(&davy, AlarmState::Unacknowledged, 2).await.acknowledged_by, "");

    double_click_is_harmless(&davy, &feed, &second).await;
    assert_eq!(listed(&davy, AlarmState::Acknowledged, 2).await.acknowledged_by, "李工");
    let early = reset(&davy.grpc(), &second, "reset-early").await.expect_err("a reset while gas is there");
    assert_eq!(early.code(), Code::FailedPrecondition, "{early:?}");

    // A restart keeps what was done.
    davy.kill();
    davy.start_again().await;
    let kept = listed(&davy, AlarmState::Acknowledged, 2).await;
    assert_eq!((kept.occurrence.as_str(), kept.acknowledged_by.as_str()), (first.occurrence.as_str(), "李工"));
    gateway.publish(TOPIC, message(start + 400, TAG, 5.0)).await;
    let latched = listed(&davy, AlarmState::LatchedAcknowledged, 2).await;
    let repeated = acknowledge(&davy.grpc(), &second, "ack-1").await.expect("the same request once more, after a restart");
    assert_eq!(repeated.outcome.expect("an outcome").request_id, "ack-1");
    reset(&davy.grpc(), &latched, "reset-1").await.expect("a latched, acknowledged alarm is reset");
    let grpc = davy.grpc();
    until("nothing is listed", async || alarms(&grpc).await.is_empty().then_some(())).await;
    gateway.publish(TOPIC, message(start + 500, TAG, 26.0)).await;
    let next = listed(&davy, AlarmState::Unacknowledged, 1).await;
    assert_ne!(next.occurrence, first.occurrence, "a new occurrence");
    check_story(&feed, &first.occurrence, &next.occurrence).await;
}

async fn stale_hand_is_refused(davy: &Davy, seen: &v1::Alarm) {
    let refused = acknowledge(&davy.grpc(), seen, "ack-stale").await.expect_err("a stale acknowledgement");
    assert_eq!(refused.code(), Code::FailedPrecondition, "{refused:?}");
    let details = refused.get_error_details();
    let info = details.error_info().expect("a word for programs");
    assert_eq!(info.reason, "stale_activation");
    let state = info.metadata.get("state").map(String::as_str);
    assert_eq!(state, Some("unacknowledged"), "the state as it is: {:?}", info.metadata);
}

async fn double_click_is_harmless(davy: &Davy, feed: &Feed, alarm: &v1::Alarm) {
    let one = acknowledge(&davy.grpc(), alarm, "ack-1").await.expect("what is listed can be acknowledged");
    let two = acknowledge(&davy.grpc(), alarm, "ack-1").await.expect("the same request again");
    assert_eq!(one.outcome, two.outcome);
    assert_eq!(one.event_id, two.event_id, "the recorded outcome is told again");
    feed.first("command.accepted", TAG).await;
    let outcomes =
        feed.events().into_iter().filter(|event| matches!(&event.body, Some(Body::Command(it)) if it.request_id == "ack-1"));
    assert_eq!(outcomes.count(), 1, "exactly one outcome");
}

async fn check_story(feed: &Feed, first: &str, next: &str) {
    let told = feed.until(std::time::Duration::from_secs(30), "the next occurrence is fed", |events| {
        let story = events.iter().filter_map(|event| match &event.body {
            Some(Body::Alarm(alarm)) => Some((event.kind.clone(), alarm.activation, alarm.occurrence.clone(), alarm.state())),
            _ => None,
        });
        let story: Vec<_> = story.collect();
        story.iter().any(|it| it.2 == next).then_some(story)
    });
    let told = told.await;
    let story: Vec<_> = told.iter().map(|it| (it.0.as_str(), it.1, it.3)).collect();
    let wanted = [
        ("alarm.raised", 1, AlarmState::Unacknowledged),
        ("alarm.returned", 1, AlarmState::LatchedUnacknowledged),
        ("alarm.raised", 2, AlarmState::Unacknowledged),
        ("alarm.acknowledged", 2, AlarmState::Acknowledged),
        ("alarm.returned", 2, AlarmState::LatchedAcknowledged),
        ("alarm.reset", 2, AlarmState::Normal),
        ("alarm.closed", 2, AlarmState::Normal),
        ("alarm.raised", 1, AlarmState::Unacknowledged),
    ];
    assert_eq!(story, wanted);
    assert!(told.iter().take(7).all(|it| it.2 == first), "one occurrence up to its end");
}
