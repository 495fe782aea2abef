//! A broker inside Davy, for one site that has none: MQTT 3.1.1 and 5 on one listener, PUBACK after the journal's append.
//!
//! Limits. Packets: as for an external broker, 1.1 MiB. Connections: `CONNECTIONS`, fewer where the process may open fewer files; one more
//! is closed at once. CONNECT must come within ten seconds; each connection is a task of its own, so one that stalls keeps nobody waiting.
//! QoS 1 and 2: one message of a connection at a time goes to the journal, its answer leaves when it is durable. QoS 0: as soon as it has a
//! place in ingest's queue. A full queue stops the reading of that connection only. Sessions and what Davy retains live in memory; what a
//! client wants retained is passed on and not retained, a retained will is refused.
//! Without a users file anybody may connect, and only from this machine. No TLS.

mod engine;
mod rights;
mod session;
#[cfg(test)]
mod tests;
mod users;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use metrics::{counter, gauge};
use service::{Latch, Shutdown};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, mpsc};
use tokio::task::JoinSet;
use tokio::time::MissedTickBehavior;
use tracing::{error, info, warn};

use crate::{IngestError, LocalPublisher, Outgoing, metrics as names};
use session::{House, Session};
pub use users::{UserFault, Users, hash_password};

/// Connections at most.
const CONNECTIONS: usize = 1_000;
/// Files the rest of the process may have open; connections leave them alone.
const SPARE_FILES: usize = 200;
/// How long connections may take to end at a stop.
const STOP_WITHIN: Duration = Duration::from_secs(1);
/// How often ended sessions are forgotten.
const TIDY_EVERY: Duration = Duration::from_secs(60);
/// The wait after a connection could not be accepted, as when the process may open no more files.
const ACCEPT_AGAIN: Duration = Duration::from_millis(100);

/// Where the embedded broker listens, and for whom.
#[derive(Debug)]
pub struct BrokerConfig {
    /// Address and port; port 0 takes a free one.
    pub listen: SocketAddr,
    /// Who may connect; `None`: anybody, and then only on a loopback address.
    pub users: Option<Users>,
}

/// What speaks MQTT. One crate does so today; this is all that is asked of it, so that another can take its place.
#[async_trait]
trait Engine: Send + Sync {
    /// Speaks with one client until the connection ends, asking the session before it grants or acknowledges anything.
    async fn connection(&self, stream: TcpStream, peer: SocketAddr, session: Arc<Session>);
    /// Publishes for Davy itself.
    async fn publish(&self, message: Outgoing);
    /// Forgets what has expired.
    async fn tidy(&self);
    /// Ends all connections when what they are doing is done.
    fn stop(&self);
}

/// A broker that is bound to its port and not yet serving.
#[derive(Debug)]
pub struct EmbeddedBroker {
    listener: TcpListener,
    address: SocketAddr,
    users: Option<Users>,
}

impl EmbeddedBroker {
    /// Binds the port. `Unavailable` where it is taken; `InvalidInput` where anybody could connect over a network.
    pub async fn bind(config: BrokerConfig) -> Result<Self, IngestError> {
        let BrokerConfig { listen: address, users } = config;
        if users.is_none() && !address.ip().is_loopback() {
            return Err(IngestError::Anonymous { address });
        }
        let listening = async {
            let listener = TcpListener::bind(address).await?;
            let address = listener.local_addr()?;
            Ok((listener, address))
        };
        let (listener, address) = listening.await.map_err(|source| IngestError::Listen { address, source })?;
        Ok(Self { listener, address, users })
    }

    /// Where it listens.
    pub fn local_addr(&self) -> SocketAddr {
        self.address
    }

    /// Serves until shutdown: what clients publish goes to the publisher, and what Davy publishes over its link to them.
    pub async fn serve(self, publisher: LocalPublisher, latch: Latch, shutdown: Shutdown) -> Result<(), IngestError> {
        let outgoing = publisher.outgoing();
        self.serve_with(publisher, outgoing, latch, shutdown).await
    }

    async fn serve_with(
        self,
        publisher: LocalPublisher,
        outgoing: Option<mpsc::Receiver<Outgoing>>,
        latch: Latch,
        shutdown: Shutdown,
    ) -> Result<(), IngestError> {
        crate::metrics::describe();
        let Self { listener, address, users } = self;
        let connections = connections();
        info!(%address, connections, users = users.as_ref().map(Users::len), "broker listens");
        let rooms = Rooms {
            house: Arc::new(House::new(users, publisher, shutdown.clone())),
            engine: Arc::new(engine::Mqtt5::new()),
            places: Arc::new(Semaphore::new(connections)),
            tasks: JoinSet::new(),
        };
        latch.release();
        rooms.run(listener, outgoing, shutdown).await;
        info!("broker closed");
        Ok(())
    }
}

/// How many connections the files that this process may open leave room for.
fn connections() -> usize {
    let limits = std::fs::read_to_string("/proc/self/limits").unwrap_or_default();
    let files =
        limits.lines().find_map(|line| line.strip_prefix("Max open files")?.split_whitespace().next()?.parse::<usize>().ok());
    files.map_or(CONNECTIONS, |files| files.saturating_sub(SPARE_FILES).clamp(1, CONNECTIONS))
}

/// The connections, all owned here.
struct Rooms {
    house: Arc<House>,
    engine: Arc<dyn Engine>,
    places: Arc<Semaphore>,
    tasks: JoinSet<()>,
}

impl Rooms {
    async fn run(mut self, listener: TcpListener, outgoing: Option<mpsc::Receiver<Outgoing>>, shutdown: Shutdown) {
        let engine = Arc::clone(&self.engine);
        let mut saying = Box::pin(say(&*engine, outgoing));
        let mut tidy = tokio::time::interval(TIDY_EVERY);
        tidy.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            // `accept`, `tick`, `join_next` and the token are cancel-safe; `saying` lives outside the loop and is only polled here.
            tokio::select! {
                accepted = listener.accept() => match accepted {
                    Ok((stream, peer)) => self.welcome(stream, peer),
                    Err(error) => {
                        if let Some(hidden) = self.house.refused.due() {
                            error!(%error, hidden, "a connection could not be accepted");
                        }
                        tokio::time::sleep(ACCEPT_AGAIN).await;
                    }
                },
                Some(ended) = self.tasks.join_next() => note(ended),
                () = &mut saying => {}
                _ = tidy.tick() => engine.tidy().await,
                () = shutdown.requested() => break,
            }
        }
        // The port is free from here on.
        drop(listener);
        engine.stop();
        let ended = async {
            while let Some(ended) = self.tasks.join_next().await {
                note(ended);
            }
        };
        if tokio::time::timeout(STOP_WITHIN, ended).await.is_err() {
            warn!(connections = self.tasks.len(), "connections did not end in time and are cut");
            self.tasks.shutdown().await;
        }
        gauge!(names::BROKER_CONNECTIONS).set(0.0);
    }

    fn welcome(&mut self, stream: TcpStream, peer: SocketAddr) {
        let Ok(place) = Arc::clone(&self.places).try_acquire_owned() else {
            counter!(names::BROKER_REFUSED, "reason" => "full").increment(1);
            if let Some(hidden) = self.house.refused.due() {
                warn!(client.addr = %peer, hidden, "connection refused: there are as many as there may be");
            }
            return;
        };
        // Without it every PUBACK may wait for the peer's delayed acknowledgement.
        if let Err(error) = stream.set_nodelay(true) {
            return warn!(%error, client.addr = %peer, "connection ended before it began");
        }
        let (engine, session) = (Arc::clone(&self.engine), Arc::new(self.house.session(peer)));
        gauge!(names::BROKER_CONNECTIONS).increment(1.0);
        self.tasks.spawn(async move {
            engine.connection(stream, peer, Arc::clone(&session)).await;
            session.end().await;
            gauge!(names::BROKER_CONNECTIONS).decrement(1.0);
            drop(place);
        });
    }
}

/// A cut at the end is ours; anything else is a fault of this program.
fn note(ended: Result<(), tokio::task::JoinError>) {
    if let Err(failure) = ended
        && failure.is_panic()
    {
        error!(%failure, "a connection of the broker stumbled");
    }
}

/// Publishes what Davy has to say; never ends, so that its arm of a `select!` is taken by nobody.
async fn say(engine: &dyn Engine, outgoing: Option<mpsc::Receiver<Outgoing>>) {
    if let Some(mut outgoing) = outgoing {
        while let Some(message) = outgoing.recv().await {
            engine.publish(message).await;
        }
    }
    std::future::pending().await
}
