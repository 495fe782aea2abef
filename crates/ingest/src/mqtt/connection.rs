//! One connection: the poll loop, which only moves publications into the queue, and the canary beside it.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use metrics::counter;
use model::{Protocol, SourceId, Time};
use parking_lot::Mutex;
use rumqttc::Outgoing;
use rumqttc::v5::mqttbytes::QoS;
use rumqttc::v5::mqttbytes::v5::{
    ConnAck, DisconnectReasonCode, Filter, Packet, Publish, RetainForwardRule, SubAck, SubscribeReasonCode,
};
use rumqttc::v5::{AsyncClient, ConnectionError, Event, EventLoop, StateError};
use service::Shutdown;
use std::sync::Arc;
use tokio::sync::Notify;
use tokio::sync::mpsc::error::TrySendError;
use tokio::time::{MissedTickBehavior, interval, sleep, timeout};
use tracing::{debug, info, warn};

use super::{LEAVE_WAIT, Last, MqttAck, Shared};
use crate::acks::Publisher;
use crate::link::{Ack, Arrival, Content, Delivery, Room};
use crate::{MqttConfig, metrics as names};

/// The one filter of telemetry (traps 14), and how long its place in the queue may take.
const TELEMETRY: &str = "davy/v1/+/+/+/telemetry";
const ROOM_WAIT: Duration = Duration::from_secs(5);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum EndKind {
    TakenOver,
    Other,
}

/// Why a connection ended.
#[derive(Clone, Debug)]
pub(super) struct End {
    pub(super) kind: EndKind,
    pub(super) reason: String,
}

impl End {
    pub(super) fn other(reason: impl Into<String>) -> Self {
        Self { kind: EndKind::Other, reason: reason.into() }
    }

    fn of(error: &ConnectionError) -> Self {
        match error {
            ConnectionError::MqttState(StateError::ServerDisconnect { reason_code, reason_string }) => {
                let taken = *reason_code == DisconnectReasonCode::SessionTakenOver;
                let text = reason_string.as_deref().unwrap_or_default();
                let kind = if taken { EndKind::TakenOver } else { EndKind::Other };
                Self { kind, reason: format!("the broker closed: {reason_code:?} {text}").trim_end().to_owned() }
            }
            ConnectionError::Timeout(_) => Self::other("no answer in time"),
            ConnectionError::ConnectionRefused(code) => Self::other(format!("the broker refused: {code:?}")),
            error => Self::other(error.to_string()),
        }
    }
}

/// How a connection is doing; the poll loop writes it, the canary reads it.
pub(super) struct Alive {
    last: Last,
    connected: AtomicBool,
    up: AtomicBool,
    subscribed: Notify,
}

impl Alive {
    pub(super) fn new(now: Time) -> Self {
        Self {
            last: Mutex::new((Instant::now(), now)),
            connected: AtomicBool::new(false),
            up: AtomicBool::new(false),
            subscribed: Notify::new(),
        }
    }

    pub(super) fn is_up(&self) -> bool {
        self.up.load(Ordering::Acquire)
    }

    /// Journal time when something last came.
    pub(super) fn last(&self) -> Time {
        self.last.lock().1
    }

    fn touch(&self, now: Time) {
        *self.last.lock() = (Instant::now(), now);
    }

    fn silence(&self) -> Duration {
        self.last.lock().0.elapsed()
    }
}

impl Shared {
    /// Polls until the connection ends. Nothing here waits but for bytes in the queue, and for that not long (traps 9, 10).
    pub(super) async fn poll(&mut self, events: &mut EventLoop, client: &AsyncClient, alive: &Arc<Alive>) -> End {
        loop {
            let handled = match events.poll().await {
                Ok(Event::Incoming(Packet::ConnAck(ack))) => self.connected(&ack, client, alive),
                Ok(Event::Incoming(Packet::SubAck(ack))) => subscribed(&ack, alive),
                Ok(Event::Incoming(Packet::Publish(publish))) => self.publication(publish, client, alive).await,
                Ok(Event::Outgoing(Outgoing::Disconnect)) => Err(End::other("closed")),
                Ok(_) => Ok(()),
                Err(error) => Err(End::of(&error)),
            };
            if let Err(end) = handled {
                return end;
            }
        }
    }

    /// Subscribes anew on every connection: subscriptions live in a session that may be gone (traps 6).
    fn connected(&mut self, ack: &ConnAck, client: &AsyncClient, alive: &Alive) -> Result<(), End> {
        alive.touch(self.link.journal.now());
        alive.connected.store(true, Ordering::Release);
        if self.session_expected && !ack.session_present {
            warn!("the broker had not kept the session: what was sent meanwhile may be lost");
            self.session_lost = true;
        }
        self.session_expected = true;
        let mut telemetry = Filter::new(TELEMETRY, QoS::AtLeastOnce);
        // Retained messages are not wanted on subscribing; those of a gateway's live publications come without the flag (traps 12).
        telemetry.retain_forward_rule = RetainForwardRule::Never;
        let canary = Filter::new(&self.canary_topic, QoS::AtMostOnce);
        client.try_subscribe_many([telemetry, canary]).map_err(|error| End::other(error.to_string()))?;
        let retain = ack.properties.as_ref().and_then(|it| it.retain_available) != Some(0);
        self.link.clients.send_replace(Some(Publisher { client: client.clone(), retain }));
        Ok(())
    }

    async fn publication(&mut self, publish: Publish, client: &AsyncClient, alive: &Alive) -> Result<(), End> {
        let now = self.link.journal.now();
        alive.touch(now);
        if publish.topic == self.canary_topic.as_bytes() {
            return self.canary_back(alive);
        }
        let Some(room) = self.room(&publish).await? else {
            counter!(names::OVERFLOWED).increment(1);
            return Ok(());
        };
        let ack = if publish.qos == QoS::AtMostOnce { Ack::Nobody } else { Ack::Mqtt(MqttAck::new(client, publish.pkid)) };
        let content = Content::Publication { topic: publish.topic, payload: publish.payload, retained: publish.retain };
        let delivery = Delivery { content, at: Some(now), ack, room: Some(room) };
        self.enqueue(Arrival::Delivery(delivery))
    }

    fn canary_back(&mut self, alive: &Alive) -> Result<(), End> {
        if alive.is_up() {
            return Ok(());
        }
        self.enqueue(Arrival::Up { source: SourceId::of(Protocol::Mqtt), session_lost: self.session_lost })?;
        self.session_lost = false;
        alive.up.store(true, Ordering::Release);
        self.link.component.ready();
        info!(broker = %self.link.config.host, client_id = %self.link.client_id, "link to the broker is up");
        Ok(())
    }

    /// Room for a publication; `None` drops it, which only QoS 0 knows.
    async fn room(&self, publish: &Publish) -> Result<Option<Room>, End> {
        let bytes = super::delivery_bytes(publish.payload.len());
        if publish.qos == QoS::AtMostOnce {
            let place = Arc::clone(&self.qos0).try_acquire_owned().ok();
            let bytes = Arc::clone(&self.bytes).try_acquire_many_owned(bytes).ok();
            return Ok(bytes.zip(place).map(|(bytes, place)| Room { _bytes: bytes, _place: Some(place) }));
        }
        // The wait ends: while it lasts neither pings nor acknowledgements go out. Let go, the broker keeps what is unacknowledged.
        let waited = timeout(ROOM_WAIT, Arc::clone(&self.bytes).acquire_many_owned(bytes)).await;
        match waited {
            Ok(Ok(bytes)) => Ok(Some(Room { _bytes: bytes, _place: None })),
            Ok(Err(_)) | Err(_) => Err(End::other("the journal does not keep up: 256 MiB wait")),
        }
    }

    fn enqueue(&self, arrival: Arrival) -> Result<(), End> {
        match self.link.arrivals.try_send(arrival) {
            Ok(()) => Ok(()),
            // At shutdown nothing is taken any more; unacknowledged, it comes again.
            Err(TrySendError::Closed(_)) => Ok(()),
            Err(TrySendError::Full(_)) => Err(End::other("more deliveries wait than there is room for")),
        }
    }
}

fn subscribed(ack: &SubAck, alive: &Alive) -> Result<(), End> {
    let refused = |code: &&SubscribeReasonCode| !matches!(code, SubscribeReasonCode::Success(_));
    if let Some(code) = ack.return_codes.iter().find(refused) {
        return Err(End::other(format!("the broker refused the subscription: {code:?}")));
    }
    if ack.return_codes.first() == Some(&SubscribeReasonCode::Success(QoS::AtMostOnce)) {
        warn!("the broker grants QoS 0 only: messages may be lost");
    }
    alive.subscribed.notify_one();
    Ok(())
}

/// Sends a canary every few seconds once the subscription is acknowledged; ends when nothing comes back.
pub(super) async fn send_canaries(config: &MqttConfig, topic: &str, client: &AsyncClient, alive: &Alive) -> End {
    if timeout(config.canary_timeout, alive.subscribed.notified()).await.is_err() {
        return End::other("the broker did not acknowledge the subscription");
    }
    let mut every = interval(config.canary_every);
    every.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let subscribed = Instant::now();
    loop {
        every.tick().await;
        if !alive.is_up() && subscribed.elapsed() > config.canary_timeout {
            return End::other("the canary does not come back: let this client publish and subscribe to davy/v1/_canary/#");
        }
        if alive.silence() > config.canary_timeout {
            return End::other("nothing comes back from the broker, not even the canary");
        }
        if let Err(error) = client.try_publish(topic, QoS::AtMostOnce, false, "canary") {
            debug!(%error, "canary not sent");
        }
    }
}

/// Resolves when the connection should be given up at shutdown: at once where there is none, else after the rest had its time.
pub(super) async fn leave(shutdown: &Shutdown, alive: &Alive) {
    shutdown.requested().await;
    if alive.connected.load(Ordering::Acquire) {
        sleep(LEAVE_WAIT).await;
    }
}
