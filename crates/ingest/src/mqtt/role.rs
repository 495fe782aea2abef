//! What a connection is for, and what differs with it: session, Will, filters, what is the connection's own business.

use metrics::counter;
use model::{Protocol, SourceId, Time};
use rumqttc::v5::mqttbytes::QoS;
use rumqttc::v5::mqttbytes::v5::{ConnAck, ConnectProperties, Filter, LastWill, Publish, RetainForwardRule, SubscribeReasonCode};
use rumqttc::v5::{AsyncClient, MqttOptions};
use tracing::{debug, info, warn};

use super::dropped::{self, Dropped};
use crate::hosting::HostState;
use crate::index::SiteIndex;
use crate::link::{Arrival, Outgoing};
use crate::metrics as names;

/// The one filter of plain JSON (traps 14).
const TELEMETRY: &str = "davy/v1/+/+/+/telemetry";
/// What edge nodes say; commands, which hosts say, are none of it.
const SPARKPLUG: [&str; 6] = [
    "spBv1.0/+/NBIRTH/+",
    "spBv1.0/+/NDATA/+",
    "spBv1.0/+/NDEATH/+",
    "spBv1.0/+/DBIRTH/+/+",
    "spBv1.0/+/DDATA/+/+",
    "spBv1.0/+/DDEATH/+/+",
];
/// How long the broker keeps the session of a Davy that is away.
const SESSION_EXPIRY_S: u32 = 7 * 24 * 3_600;

/// What a connection is for.
#[derive(Debug)]
pub(crate) enum Role {
    /// Plain JSON: the broker keeps the session.
    Json(JsonRole),
    /// A Sparkplug host: a clean session, and STATE (traps 19, 20).
    Sparkplug(HostState),
}

#[derive(Debug)]
pub(crate) struct JsonRole {
    /// The broker should still have the session.
    session_expected: bool,
    /// The broker had not kept the session, and nobody was told yet.
    session_lost: bool,
    dropped: Dropped,
    /// Whether the broker lets its counter be read; asked for once more after each answer, and never again after an end without one.
    counter: CounterAccess,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum CounterAccess {
    Unknown,
    Asked,
    Never,
}

impl Role {
    pub(crate) fn json(session_expected: bool, dropped: Dropped) -> Self {
        Self::Json(JsonRole { session_expected, session_lost: false, dropped, counter: CounterAccess::Unknown })
    }

    pub(crate) const fn protocol(&self) -> Protocol {
        match self {
            Self::Json(_) => Protocol::Mqtt,
            Self::Sparkplug(_) => Protocol::Sparkplug,
        }
    }

    /// For logs and readiness.
    pub(crate) const fn name(&self) -> &'static str {
        match self {
            Self::Json(_) => "plain JSON",
            Self::Sparkplug(_) => "Sparkplug B",
        }
    }

    /// Whether readiness waits for it. Nodes are looked for in any case, so that a new one can be seen; but who has none may forbid it.
    pub(super) fn is_required(&self, site: &SiteIndex) -> bool {
        match self {
            Self::Json(_) => true,
            Self::Sparkplug(_) => site.nodes().next().is_some(),
        }
    }

    /// Options of the next attempt: a host's Will has a new timestamp for each.
    pub(super) fn prepare(&mut self, options: &mut MqttOptions, properties: &mut ConnectProperties, now: Time) {
        match self {
            Self::Json(json) => {
                if json.counter == CounterAccess::Asked {
                    // The connection ended where others answer: perhaps for that question.
                    json.counter = CounterAccess::Never;
                }
                properties.session_expiry_interval = Some(SESSION_EXPIRY_S);
                options.set_clean_start(false);
            }
            Self::Sparkplug(state) => {
                state.reconnect(u64::try_from(now.micros() / 1_000).unwrap_or_default());
                let will = LastWill::new(state.topic(), state.payload(false), QoS::AtLeastOnce, true, None);
                properties.session_expiry_interval = Some(0);
                options.set_clean_start(true).set_last_will(will);
            }
        }
    }

    pub(super) fn connected(&mut self, ack: &ConnAck) {
        if let Self::Json(json) = self {
            if json.session_expected && !ack.session_present {
                warn!("the broker had not kept the session: what was sent meanwhile may be lost");
                json.session_lost = true;
            }
            json.session_expected = true;
        }
    }

    /// Subscribed to anew on every connection: subscriptions live in a session that may be gone (traps 6).
    pub(super) fn filters(&self) -> Vec<Filter> {
        // Retained messages are not wanted on subscribing; those of live publications come without the flag (traps 12).
        let filter = |path: &str| {
            let mut filter = Filter::new(path, QoS::AtLeastOnce);
            filter.retain_forward_rule = RetainForwardRule::Never;
            filter
        };
        match self {
            Self::Json(_) => vec![filter(TELEMETRY)],
            Self::Sparkplug(state) => {
                let mut filters: Vec<_> = SPARKPLUG.into_iter().map(filter).collect();
                // Nothing of it is journaled, so at QoS 0: acknowledgements keep the order in which deliveries came.
                filters.push(Filter::new(state.topic(), QoS::AtMostOnce));
                filters
            }
        }
    }

    /// What the broker must let this client read, in words.
    pub(super) fn topics(&self) -> String {
        match self {
            Self::Json(_) => format!("{TELEMETRY} and davy/v1/_canary/#"),
            Self::Sparkplug(_) => "spBv1.0/# and davy/v1/_canary/#, and write spBv1.0/STATE/# and spBv1.0/+/NCMD/+".to_owned(),
        }
    }

    /// The subscriptions are acknowledged.
    pub(super) fn subscribed(&mut self, client: &AsyncClient, retain: bool) -> Result<(), String> {
        match self {
            Self::Json(json) => {
                if json.counter == CounterAccess::Unknown {
                    json.counter = CounterAccess::Asked;
                    client.try_subscribe(dropped::TOPIC, QoS::AtMostOnce).map_err(|error| error.to_string())?;
                }
                Ok(())
            }
            Self::Sparkplug(state) => say_online(state, client, retain),
        }
    }

    /// The answer to what was asked for alone.
    pub(super) fn extra_subscribed(&mut self, code: &SubscribeReasonCode) {
        if let Self::Json(json) = self {
            json.counter = CounterAccess::Unknown;
            if !matches!(code, SubscribeReasonCode::Success(_)) {
                debug!(?code, topic = dropped::TOPIC, "the broker's counter of dropped messages may not be read");
            }
        }
    }

    /// Takes a publication that is the connection's own business; `Some` where it was, with what the writer is to be told. `retain`: the
    /// broker keeps messages.
    pub(super) fn take_own(
        &mut self,
        publish: &Publish,
        (client, retain): (&AsyncClient, bool),
        now: Time,
    ) -> Option<Option<Arrival>> {
        match self {
            Self::Json(json) => (publish.topic == dropped::TOPIC.as_bytes()).then(|| {
                let rise = json.dropped.read(&publish.payload, now)?;
                counter!(names::BROKER_DROPPED).increment(rise.messages);
                warn!(messages = rise.messages, "the broker dropped messages: a queue was full");
                let reason = format!(
                    "the broker dropped {} messages of its clients because a queue was full: raise max_queued_messages",
                    rise.messages
                );
                let source = SourceId::of(Protocol::Mqtt);
                Some(Arrival::Loss { source, from: rise.from, to: rise.to, reason, messages: Some(rise.messages) })
            }),
            Self::Sparkplug(state) => publish.topic.starts_with(b"spBv1.0/STATE/").then(|| {
                if state.is_denied_by(&publish.topic, &publish.payload) {
                    info!(topic = state.topic(), "somebody said that this host is gone; said again that it is there");
                    if let Err(error) = say_online(state, client, retain) {
                        warn!(error, "STATE not published");
                    }
                }
                None
            }),
        }
    }

    /// Whether data alone show that the link is up. A node's birth must not be journaled before its link, and nodes do not wait for canaries.
    pub(super) const fn is_up_with_data(&self) -> bool {
        matches!(self, Self::Sparkplug(_))
    }

    pub(super) fn take_session_lost(&mut self) -> bool {
        match self {
            Self::Json(json) => std::mem::take(&mut json.session_lost),
            Self::Sparkplug(_) => false,
        }
    }

    /// The last thing to say before a leave.
    pub(super) fn farewell(&self) -> Option<Outgoing> {
        match self {
            Self::Json(_) => None,
            Self::Sparkplug(state) => {
                Some(Outgoing { topic: state.topic().to_owned(), payload: state.payload(false).into(), retain: true })
            }
        }
    }
}

fn say_online(state: &HostState, client: &AsyncClient, retain: bool) -> Result<(), String> {
    let sent = client.try_publish(state.topic(), QoS::AtLeastOnce, retain, state.payload(true));
    sent.map_err(|error| error.to_string())
}
