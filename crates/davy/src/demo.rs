//! The demo: a simulated park that sends, and a simulated operator who answers gas alarms through `AlarmService` like anybody else.

use std::time::Duration;

use anyhow::{Context, anyhow};
use ingest::{LocalPublisher, MqttConfig};
use model::{AlarmState, EventBody, Quantity, RecordedEvent, Site, Span, Time, Transition};
use service::Shutdown;
use simulator::{Park, Scenario};
use tokio::time::MissedTickBehavior;
use tonic::transport::Channel;
use wire::v1;
use wire::v1::alarm_service_client::AlarmServiceClient;
use wire::v1::exchange_service_client::ExchangeServiceClient;
use wire::v1::subscribe_request::Start;
use wire::v1::subscribe_response::Item;

use crate::broker::Broker;
use crate::play::{self, Gateways, Outgoing};

const STEP: Duration = Duration::from_millis(250);
const ACTOR: &str = "demo-operator";

/// Where the simulated gateways publish.
pub(crate) enum Outlet {
    /// Inside the process.
    Local(LocalPublisher),
    /// To a broker, as any gateway.
    Mqtt(MqttConfig),
}

/// Sends the samples of a simulated park with a leak once a minute, until shutdown.
pub(crate) async fn park(site: Site, outlet: Outlet, shutdown: Shutdown) -> anyhow::Result<()> {
    let mut sender = match outlet {
        Outlet::Local(publisher) => Sender::Local(publisher),
        Outlet::Mqtt(config) => Sender::Mqtt(Broker::connect(&config, "davy-demo").await.map_err(|error| anyhow!("{error}"))?),
    };
    let park = Park::new(&site, 1, Scenario::Leak);
    let mut gateways = Gateways::new(&site);
    let started = std::time::Instant::now();
    let mut step = tokio::time::interval(STEP);
    step.set_missed_tick_behavior(MissedTickBehavior::Skip);
    loop {
        // Waiting for a step or the end; nothing is lost when either is dropped.
        tokio::select! {
            _ = step.tick() => {}
            () = shutdown.requested() => return Ok(()),
        }
        let at = now();
        let values = play::values(park.samples_at(at, span(started.elapsed())));
        for message in gateways.messages(at, &values) {
            tokio::select! {
                // A message cut off by the end was not acknowledged to anybody.
                sent = sender.send(message) => sent?,
                () = shutdown.requested() => return Ok(()),
            }
        }
    }
}

enum Sender {
    Local(LocalPublisher),
    Mqtt(Broker),
}

impl Sender {
    async fn send(&mut self, message: Outgoing) -> anyhow::Result<()> {
        match self {
            Self::Local(publisher) => {
                publisher.publish(&message.topic, message.payload).await.context("publish inside the process")
            }
            Self::Mqtt(broker) => broker.send(message).await.map_err(|error| anyhow!("{error}")),
        }
    }
}

fn now() -> Time {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    Time::from_micros(span(since).micros())
}

fn span(duration: Duration) -> Span {
    Span::from_micros(i64::try_from(duration.as_micros()).unwrap_or(i64::MAX))
}

/// Acknowledges each gas alarm a second after it came, and resets it once it has returned.
pub(crate) async fn operator(server: String, shutdown: Shutdown) -> anyhow::Result<()> {
    let channel = tonic::transport::Endpoint::from_shared(server).context("reach the demo's own server")?.connect_lazy();
    let mut start = Start::Position(v1::StartPosition::Snapshot.into());
    loop {
        tokio::select! {
            // Shutdown may come between looking and answering; the alarm then simply stays as it is.
            () = watch(&channel, &mut start) => {}
            () = shutdown.requested() => return Ok(()),
        }
        tokio::select! {
            // Waiting before the next try, or the end.
            () = tokio::time::sleep(Duration::from_millis(200)) => {}
            () = shutdown.requested() => return Ok(()),
        }
    }
}

/// Answers the alarms of one stream until it ends.
async fn watch(channel: &Channel, start: &mut Start) {
    let request = v1::SubscribeRequest {
        start: Some(start.clone()),
        filter: Some(v1::EventFilter { kinds: vec!["alarm.*".to_owned()], ..v1::EventFilter::default() }),
        ..v1::SubscribeRequest::default()
    };
    let mut alarms = AlarmServiceClient::new(channel.clone());
    let Ok(events) = ExchangeServiceClient::new(channel.clone()).subscribe(request).await else { return };
    let mut events = events.into_inner();
    while let Ok(Some(v1::SubscribeResponse { item })) = events.message().await {
        let Some(Item::Event(event)) = item else { continue };
        if let Ok(recorded) = wire::v1_to_recorded(&event) {
            answer(&mut alarms, &recorded).await;
        }
        *start = Start::Cursor(event.cursor);
    }
}

async fn answer(alarms: &mut AlarmServiceClient<Channel>, recorded: &RecordedEvent) {
    let EventBody::Alarm(alarm) = &recorded.event.body else { return };
    if alarm.quantity != Quantity::CombustibleGas || recorded.is_foreign() {
        return;
    }
    let (point, rule) = (recorded.event.subject.to_string(), alarm.alarm.to_string());
    let (occurrence, activation) = (alarm.occurrence.as_ref().map(ToString::to_string).unwrap_or_default(), alarm.activation);
    let result = match (alarm.transition, alarm.state) {
        (Transition::Raised, AlarmState::Unacknowledged) => {
            tokio::time::sleep(Duration::from_secs(1)).await;
            let request = v1::AcknowledgeAlarmRequest {
                point,
                alarm: rule,
                occurrence,
                activation,
                actor: ACTOR.to_owned(),
                why: "seen, patrol sent".to_owned(),
                request_id: String::new(),
            };
            alarms.acknowledge_alarm(request).await.map(drop)
        }
        (_, AlarmState::LatchedAcknowledged) => {
            let request = v1::ResetAlarmRequest {
                point,
                alarm: rule,
                occurrence,
                activation,
                actor: ACTOR.to_owned(),
                why: "patrol found the flange tight again".to_owned(),
                request_id: String::new(),
            };
            alarms.reset_alarm(request).await.map(drop)
        }
        _ => return,
    };
    if let Err(status) = result {
        tracing::info!(message = status.message(), "demo operator came too late");
    }
}
