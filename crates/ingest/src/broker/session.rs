//! One connection as the broker's own rules see it: who it is, what it may do, what becomes of what it says. Knows nothing of the MQTT crate.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use metrics::counter;
use parking_lot::Mutex;
use service::Shutdown;
use tracing::{debug, warn};

use crate::broker::rights::{Rights, is_telemetry};
use crate::broker::users::Users;
use crate::{LocalPublisher, metrics as names};

/// How long a connection waits for the end of the one whose client id it took over: its last words come before the first new ones.
const TAKEOVER_WAIT: Duration = Duration::from_secs(5);
/// A kind of refusal is logged this often at most; the counters know them all.
const LOG_EVERY: Duration = Duration::from_secs(10);

/// What all connections share.
#[derive(Debug)]
pub(crate) struct House {
    users: Option<Users>,
    publisher: LocalPublisher,
    /// Connections of each client id, oldest first; more than one only while one takes over from another.
    guests: Mutex<BTreeMap<String, Vec<Guest>>>,
    serial: AtomicU64,
    pub(crate) refused: Seldom,
    denied: Seldom,
    stopping: Shutdown,
}

impl House {
    pub(crate) fn new(users: Option<Users>, publisher: LocalPublisher, stopping: Shutdown) -> Self {
        let (guests, serial) = (Mutex::default(), AtomicU64::new(0));
        Self { users, publisher, guests, serial, refused: Seldom::default(), denied: Seldom::default(), stopping }
    }

    /// A connection that has not said who it is.
    pub(crate) fn session(self: &Arc<Self>, peer: SocketAddr) -> Session {
        let serial = self.serial.fetch_add(1, Ordering::Relaxed);
        Session { house: Arc::clone(self), peer, serial, over: Shutdown::new(), state: Mutex::default() }
    }
}

#[derive(Debug)]
struct Guest {
    serial: u64,
    user: Option<String>,
    over: Shutdown,
}

/// One connection.
#[derive(Debug)]
pub(crate) struct Session {
    house: Arc<House>,
    peer: SocketAddr,
    serial: u64,
    /// Requested when the connection and its will are over.
    over: Shutdown,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    client: String,
    user: Option<String>,
    rights: Option<Arc<Rights>>,
    /// MQTT 5 has words for a refusal; an earlier version only knows the end of the connection.
    has_reasons: bool,
    will: Option<Said>,
    /// Whose client id this one took over.
    before: Option<Shutdown>,
    /// It was told that it is welcome; a will is due from then on.
    arrived: bool,
    took_leave: bool,
    closing: bool,
}

/// A topic and what was said there.
#[derive(Clone, Debug)]
pub(crate) struct Said {
    pub(crate) topic: String,
    pub(crate) payload: Bytes,
    pub(crate) retain: bool,
}

/// How a client introduces itself.
#[derive(Debug)]
pub(crate) struct Login<'a> {
    pub(crate) client: &'a str,
    pub(crate) user: Option<&'a str>,
    pub(crate) password: Option<&'a [u8]>,
    pub(crate) will: Option<Said>,
    pub(crate) has_reasons: bool,
}

/// The answer to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Admission {
    Welcome { user: Option<String> },
    WrongPassword,
    NotAuthorized,
}

impl Session {
    /// Decides about a CONNECT: password, will, and that nobody takes the client id of another user.
    pub(crate) async fn admit(&self, login: Login<'_>) -> Admission {
        let (user, rights) = match &self.house.users {
            None => (None, Arc::new(Rights::Anybody)),
            Some(users) => {
                let (Some(name), Some(password)) = (login.user, login.password) else {
                    return self.refuse(&login, "no user or password", Admission::WrongPassword);
                };
                let Some(rights) = users.admit(name, password).await else {
                    return self.refuse(&login, "unknown user or wrong password", Admission::WrongPassword);
                };
                (Some(name.to_owned()), rights)
            }
        };
        if login.will.as_ref().is_some_and(|will| !rights.may_publish(&will.topic)) {
            return self.refuse(&login, "its will is not of its own topics", Admission::NotAuthorized);
        }
        if login.will.as_ref().is_some_and(|will| will.retain) {
            return self.refuse(&login, "its will is retained; let it have a will without retain", Admission::NotAuthorized);
        }
        let Ok(before) = self.register(login.client, user.as_deref()) else {
            return self.refuse(&login, "another user is connected under its client id", Admission::NotAuthorized);
        };
        let Login { client, will, has_reasons, .. } = login;
        let (client, rights) = (client.to_owned(), Some(rights));
        *self.state.lock() = State { client, user: user.clone(), rights, has_reasons, will, before, ..State::default() };
        Admission::Welcome { user }
    }

    fn refuse(&self, login: &Login<'_>, why: &'static str, admission: Admission) -> Admission {
        let reason = if admission == Admission::WrongPassword { "password" } else { "rights" };
        counter!(names::BROKER_REFUSED, "reason" => reason).increment(1);
        if let Some(hidden) = self.house.refused.due() {
            warn!(client.addr = %self.peer, client.id = login.client, user = login.user, why, hidden, "connection refused");
        }
        admission
    }

    /// Enters the client id; `Err` where another user holds it. Gives the connection that it takes it over from.
    fn register(&self, client: &str, user: Option<&str>) -> Result<Option<Shutdown>, ()> {
        let mut guests = self.house.guests.lock();
        let holders = guests.entry(client.to_owned()).or_default();
        if holders.iter().any(|holder| holder.user.as_deref() != user) {
            return Err(());
        }
        let before = holders.last().map(|holder| holder.over.clone());
        holders.push(Guest { serial: self.serial, user: user.map(str::to_owned), over: self.over.clone() });
        Ok(before)
    }

    /// Waits until the connection it took over from is over.
    pub(crate) async fn arrive(&self) {
        let before = {
            let mut state = self.state.lock();
            state.arrived = true;
            state.before.take()
        };
        if let Some(before) = before
            && tokio::time::timeout(TAKEOVER_WAIT, before.requested()).await.is_err()
        {
            warn!(client.addr = %self.peer, client.id = self.client(), "the connection it took over from has not ended");
        }
    }

    /// The client id.
    pub(crate) fn client(&self) -> String {
        self.state.lock().client.clone()
    }

    /// Whether its client id is still its own: nobody took it over.
    pub(crate) fn holds_client_id(&self) -> bool {
        let client = self.client();
        self.house.guests.lock().get(&client).and_then(|holders| holders.last()).is_some_and(|last| last.serial == self.serial)
    }

    /// Whether a refusal can be answered with a reason.
    pub(crate) fn has_reasons(&self) -> bool {
        self.state.lock().has_reasons
    }

    /// Whether nothing more is taken from it.
    pub(crate) fn is_closing(&self) -> bool {
        self.state.lock().closing
    }

    /// Takes nothing more from it.
    pub(crate) fn close(&self) {
        self.state.lock().closing = true;
    }

    /// Whether it may publish to a topic; counts where it may not.
    pub(crate) fn may_publish(&self, topic: &str) -> bool {
        self.may("publish", topic, Rights::may_publish)
    }

    /// Whether it may subscribe to a filter; counts where it may not.
    pub(crate) fn may_subscribe(&self, filter: &str) -> bool {
        self.may("subscribe", filter, Rights::may_subscribe)
    }

    fn may(&self, what: &'static str, topic: &str, allowed: fn(&Rights, &str) -> bool) -> bool {
        let state = self.state.lock();
        if state.rights.as_ref().is_some_and(|rights| allowed(rights, topic)) {
            return true;
        }
        counter!(names::BROKER_DENIED, "what" => what).increment(1);
        if let Some(hidden) = self.house.denied.due() {
            let (client, user, topic) = (&*state.client, state.user.as_deref(), topic.get(..200).unwrap_or(topic));
            warn!(
                client.addr = %self.peer, client.id = client, user, what, topic, hidden,
                "denied: a gateway publishes to davy/v1/PARK/ENTERPRISE/GATEWAY/telemetry or to the topics of its Sparkplug node, and hears its own"
            );
        }
        false
    }

    /// Hands a message over: `durable` waits until it is on disk. `false`: it was not taken and must not be acknowledged.
    pub(crate) async fn take(&self, topic: &str, payload: Bytes, durable: bool) -> bool {
        if !is_telemetry(topic) {
            return true;
        }
        counter!(names::BROKER_MESSAGES).increment(1);
        // Waits for room: this connection is not read meanwhile, the others are.
        let taken = match self.house.publisher.begin(topic, payload).await {
            Ok(publication) if durable => publication.done().await,
            begun => begun.map(drop),
        };
        if let Err(error) = &taken {
            counter!(names::BROKER_WITHHELD).increment(1);
            debug!(%error, client.addr = %self.peer, "not acknowledged: it is not durable");
        }
        taken.is_ok()
    }

    /// The client said goodbye, or did not: then its will is due.
    pub(crate) fn part(&self, took_leave: bool) {
        self.state.lock().took_leave = took_leave;
    }

    /// The connection is over: its will, where it is telemetry, follows what it has said. A Davy that stops says nothing in the name of those
    /// who are still there.
    pub(crate) async fn end(&self) {
        let will = {
            let mut state = self.state.lock();
            let due = state.arrived && !state.took_leave && !self.house.stopping.is_requested();
            state.will.take().filter(|_| due)
        };
        if let Some(Said { topic, payload, .. }) = will {
            counter!(names::BROKER_WILLS).increment(1);
            self.take(&topic, payload, true).await;
        }
        self.over.request();
        let mut guests = self.house.guests.lock();
        let client = self.client();
        if let Some(holders) = guests.get_mut(&client) {
            holders.retain(|holder| holder.serial != self.serial);
            if holders.is_empty() {
                guests.remove(&client);
            }
        }
    }
}

/// Says something now and then, and how often it was not said meanwhile.
#[derive(Debug, Default)]
pub(crate) struct Seldom(Mutex<(Option<Instant>, u64)>);

impl Seldom {
    /// How many were hidden since the last one, if it is time for the next.
    pub(crate) fn due(&self) -> Option<u64> {
        let mut state = self.0.lock();
        let (last, hidden) = &mut *state;
        if last.is_some_and(|last| last.elapsed() < LOG_EVERY) {
            *hidden += 1;
            return None;
        }
        *last = Some(Instant::now());
        Some(std::mem::take(hidden))
    }
}
