//! One connection: the poll loop, which only moves publications into the queue, and the canary beside it.

use std::future::pending;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use metrics::counter;
use model::{SourceId, Time};
use parking_lot::Mutex;
use rumqttc::Outgoing;
use rumqttc::v5::mqttbytes::QoS;
use rumqttc::v5::mqttbytes::v5::{ConnAck, DisconnectReasonCode, Filter, Packet, Publish, SubAck, SubscribeReasonCode};
use rumqttc::v5::{AsyncClient, ConnectionError, Event, EventLoop, StateError};
use service::Shutdown;
use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::{Notify, mpsc};
use tokio::time::{MissedTickBehavior, interval, sleep, timeout};
use tracing::{debug, info, warn};

use super::voice::Say;
use super::{LEAVE_WAIT, Last, MqttAck, MqttLink, Shared};
use crate::acks::Publisher;
use crate::link::{Ack, Arrival, Content, Delivery, Outgoing as Command, Room};
use crate::{MqttConfig, metrics as names};

/// How long a delivery's place in the queue may take.
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
    /// The canary came back.
    up: AtomicBool,
    /// The writer was told that the link is up.
    told: AtomicBool,
    subscribed: Notify,
}

impl Alive {
    pub(super) fn new(now: Time) -> Self {
        Self {
            last: Mutex::new((Instant::now(), now)),
            connected: AtomicBool::new(false),
            up: AtomicBool::new(false),
            told: AtomicBool::new(false),
            subscribed: Notify::new(),
        }
    }

    pub(super) fn is_up(&self) -> bool {
        self.up.load(Ordering::Acquire)
    }

    /// Whether the writer was told that the link is up, so that it must be told of its end.
    pub(super) fn was_told(&self) -> bool {
        self.told.load(Ordering::Acquire)
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
                Ok(Event::Incoming(Packet::SubAck(ack))) => self.subscribed(&ack, client, alive),
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
        self.link.role.connected(ack);
        let retain = ack.properties.as_ref().and_then(|it| it.retain_available) != Some(0);
        let mut filters = self.link.role.filters();
        filters.push(Filter::new(&self.canary_topic, QoS::AtMostOnce));
        client.try_subscribe_many(filters).map_err(|error| End::other(error.to_string()))?;
        let publisher = Publisher { client: client.clone(), retain, farewell: self.link.role.farewell() };
        self.link.clients.send_replace(Some(publisher));
        Ok(())
    }

    fn subscribed(&mut self, ack: &SubAck, client: &AsyncClient, alive: &Alive) -> Result<(), End> {
        // What can be done without is asked for alone.
        if ack.return_codes.len() == 1 {
            self.link.role.extra_subscribed(&ack.return_codes[0]);
            return Ok(());
        }
        let refused = |code: &&SubscribeReasonCode| !matches!(code, SubscribeReasonCode::Success(_));
        if let Some(code) = ack.return_codes.iter().find(refused) {
            let topics = self.link.role.topics();
            return Err(End::other(format!("the broker refused the subscription: {code:?}: let this client read {topics}")));
        }
        if ack.return_codes.first() == Some(&SubscribeReasonCode::Success(QoS::AtMostOnce)) {
            warn!("the broker grants QoS 0 only: messages may be lost");
        }
        let retain = self.keeps_messages();
        self.link.role.subscribed(client, retain).map_err(End::other)?;
        alive.subscribed.notify_one();
        Ok(())
    }

    /// Whether the broker of this connection keeps retained messages.
    fn keeps_messages(&self) -> bool {
        self.link.clients.borrow().as_ref().is_some_and(|it| it.retain)
    }

    async fn publication(&mut self, publish: Publish, client: &AsyncClient, alive: &Alive) -> Result<(), End> {
        let now = self.link.journal.now();
        alive.touch(now);
        if publish.topic == self.canary_topic.as_bytes() {
            return self.canary_back(alive);
        }
        let retain = self.keeps_messages();
        if let Some(change) = self.link.role.take_own(&publish, (client, retain), now) {
            return change.map_or(Ok(()), |arrival| self.enqueue(arrival));
        }
        if self.link.role.is_up_with_data() {
            self.tell_up(alive)?;
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
        self.tell_up(alive)?;
        alive.up.store(true, Ordering::Release);
        self.link.voice.say(self.link.role.name(), Say::Ready);
        let MqttLink { config, client_id, role, .. } = &self.link;
        info!(broker = %config.host, client_id = %client_id, link = role.name(), "link to the broker is up");
        Ok(())
    }

    /// Tells the writer, once a connection.
    fn tell_up(&mut self, alive: &Alive) -> Result<(), End> {
        if !alive.told.swap(true, Ordering::AcqRel) {
            let (source, session_lost) = (SourceId::of(self.link.role.protocol()), self.link.role.take_session_lost());
            self.enqueue(Arrival::Up { source, session_lost })?;
        }
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

/// Sends commands to nodes; never ends. Beside the poll loop, never in it (traps 10).
pub(super) async fn send_commands(commands: &mut Option<mpsc::Receiver<Command>>, client: &AsyncClient) {
    let Some(commands) = commands else { return pending().await };
    while let Some(Command { topic, payload, retain }) = commands.recv().await {
        if let Err(error) = client.publish(topic, QoS::AtMostOnce, retain, payload).await {
            debug!(%error, "command not sent");
        }
    }
    pending().await
}

/// Resolves when the connection should be given up at shutdown: at once where there is none, else after the rest had its time.
pub(super) async fn leave(shutdown: &Shutdown, alive: &Alive) {
    shutdown.requested().await;
    if alive.connected.load(Ordering::Acquire) {
        sleep(LEAVE_WAIT).await;
    }
}
