//! The link to one upstream: follows its feed, through cuts of any length, and tells it what is on disk here.

use std::sync::Arc;
use std::time::Duration;

use model::ErrorKind;
use tokio::sync::{mpsc, watch};
use tokio::time::{MissedTickBehavior, interval, timeout};
use tonic::transport::{Channel, Endpoint};
use tonic::{Code, Status, Streaming};
use tracing::{info, warn};
use wire::v1::exchange_service_client::ExchangeServiceClient;
use wire::v1::subscribe_request::Start;
use wire::v1::subscribe_response::Item;
use wire::{Cursor, v1};

use super::inlet::{Arrival, Beginning, What};
use super::pause::Pause;
use super::{EVENT_BYTES_MAX, Upstream, check_node};
use crate::error::cause;
use crate::runner::Hub;

/// A feed that says nothing for so long, not even a heartbeat, is taken up anew.
const SILENCE_MAX: Duration = Duration::from_secs(30);

/// Heartbeats of a quiet feed, seconds.
const HEARTBEAT: u32 = 1;

/// How often it is told what is on disk.
const COMMIT_EVERY: Duration = Duration::from_secs(1);

/// How often it is asked where its journal ends, in turns of the above.
const ASK_EVERY: u32 = 5;

/// How long a call may take.
const CALL_WITHIN: Duration = Duration::from_secs(20);

type Client = ExchangeServiceClient<Channel>;

/// How connections to upstreams are made.
pub(super) fn patient(endpoint: Endpoint) -> Endpoint {
    endpoint
        .connect_timeout(Duration::from_secs(5))
        .tcp_nodelay(true)
        .http2_keep_alive_interval(Duration::from_secs(10))
        .keep_alive_timeout(Duration::from_secs(10))
        .keep_alive_while_idle(true)
        // At a distance of 50 ms the usual window lets 1.3 MB/s through.
        .initial_stream_window_size(1024 * 1024)
        .initial_connection_window_size(2 * 1024 * 1024)
}

/// Why a feed ended.
enum Ended {
    /// Taken up again after a pause.
    Because(String),
    /// The cursor is of no use any more.
    Lost(String),
    /// Nobody takes what it brings.
    Over,
}

impl From<Status> for Ended {
    fn from(status: Status) -> Self {
        match status.code() {
            // Retention, another epoch, another filter; a damaged record behind the cursor.
            Code::OutOfRange | Code::DataLoss => Self::Lost(status.message().to_owned()),
            code => Self::Because(format!("{code:?}: {}", status.message())),
        }
    }
}

pub(super) struct Link {
    hub: Arc<Hub>,
    upstream: Upstream,
    at: usize,
    inbox: mpsc::Sender<Arrival>,
    /// Behind the last thing that was handed over; empty: begin with what is active.
    cursor: String,
    stored: watch::Receiver<String>,
}

impl Link {
    pub(super) fn new(hub: Arc<Hub>, at: usize, inbox: mpsc::Sender<Arrival>, beginning: Beginning) -> Self {
        let Beginning { cursor, stored } = beginning;
        let upstream = hub.config.upstreams[at].clone();
        Self { hub, upstream, at, inbox, cursor, stored }
    }

    /// Follows until shutdown.
    pub(super) async fn run(mut self) {
        let (hub, mut pause) = (Arc::clone(&self.hub), Pause::new());
        while !hub.shutdown.is_requested() {
            let ended = tokio::select! {
                // What is dropped of it was not handed over: the cursor stands before it.
                ended = self.follow(&mut pause) => ended,
                () = hub.shutdown.requested() => return,
            };
            let why = match ended {
                Ended::Because(why) => why,
                Ended::Lost(why) => {
                    warn!(
                        upstream = self.upstream.name,
                        why, "events of an upstream may be lost; it begins anew with what is active"
                    );
                    self.cursor.clear();
                    if self.hand_over(What::Lost(why.clone())).await.is_err() {
                        return;
                    }
                    why
                }
                Ended::Over => return,
            };
            hub.upstreams.lost(self.at, &why, hub.journal.now());
            let wait = pause.next(getrandom::u32().unwrap_or(0));
            warn!(upstream = self.upstream.name, why, wait_ms = wait.as_millis(), "an upstream is not connected");
            // Both arms only wait.
            tokio::select! {
                () = tokio::time::sleep(wait) => {}
                () = hub.shutdown.requested() => return,
            }
        }
    }

    async fn hand_over(&self, what: What) -> Result<(), Ended> {
        self.inbox.send(Arrival { upstream: self.at, what }).await.map_err(|_| Ended::Over)
    }

    async fn follow(&mut self, pause: &mut Pause) -> Ended {
        let (client, items) = match self.open().await {
            Ok(open) => open,
            Err(ended) => return ended,
        };
        self.hub.upstreams.connected(self.at, self.hub.journal.now());
        info!(upstream = self.upstream.name, url = self.upstream.url, anew = self.begins_anew(), "an upstream is connected");
        let keep = keep(client, Arc::clone(&self.hub), self.at, self.stored.clone());
        tokio::select! {
            // What is dropped of reading was not handed over; a commit that is dropped is made again.
            ended = self.read(items, pause) => ended,
            () = keep => Ended::Over,
        }
    }

    async fn open(&self) -> Result<(Client, Streaming<v1::SubscribeResponse>), Ended> {
        let failed = |what: String| Ended::Because(what);
        let connecting = timeout(CALL_WITHIN, self.upstream.endpoint.connect()).await;
        let channel =
            connecting.map_err(|_| failed("no connection in time".to_owned()))?.map_err(|error| failed(cause(&error)))?;
        let mut client = Client::new(channel).max_decoding_message_size(EVENT_BYTES_MAX);
        let node = self.node(&mut client).await?;
        let start = match self.cursor.as_str() {
            "" => Start::Position(v1::StartPosition::Snapshot.into()),
            cursor => Start::Cursor(cursor.to_owned()),
        };
        let request = v1::SubscribeRequest {
            subscription: subscription(&self.hub),
            start: Some(start),
            filter: Some(self.upstream.filter.clone()),
            heartbeat_seconds: HEARTBEAT,
        };
        let items = timeout(CALL_WITHIN, client.subscribe(request)).await;
        let items = items.map_err(|_| failed("no feed in time".to_owned()))??.into_inner();
        self.hand_over(What::Began { node, anew: self.begins_anew() }).await?;
        Ok((client, items))
    }

    /// Whether its feed opens with what is active: it has no cursor, or one of the midst of that.
    fn begins_anew(&self) -> bool {
        self.cursor.is_empty() || Cursor::decode(&self.cursor).is_ok_and(|cursor| cursor.in_snapshot)
    }

    /// What that Davy calls itself; one that is too old to say is called as the settings do.
    async fn node(&self, client: &mut Client) -> Result<String, Ended> {
        let answer = timeout(CALL_WITHIN, client.list_upstreams(v1::ListUpstreamsRequest {})).await;
        let node = match answer.map_err(|_| Ended::Because("no answer in time".to_owned()))? {
            Ok(answer) => answer.into_inner().node,
            Err(status) if status.code() == Code::Unimplemented => String::new(),
            Err(status) => return Err(status.into()),
        };
        let node = if check_node(&node).is_ok() { node } else { self.upstream.name.clone() };
        if node == self.hub.upstreams.node {
            let message = format!("it calls itself {node}, as this Davy does; give one of them another name with --node");
            return Err(Ended::Because(message));
        }
        Ok(node)
    }

    async fn read(&mut self, mut items: Streaming<v1::SubscribeResponse>, pause: &mut Pause) -> Ended {
        loop {
            let item = match timeout(SILENCE_MAX, items.message()).await {
                Err(_) => return Ended::Because(format!("it said nothing for {} s", SILENCE_MAX.as_secs())),
                Ok(Err(status)) => return status.into(),
                Ok(Ok(None)) => return Ended::Because("it ended the feed".to_owned()),
                Ok(Ok(Some(v1::SubscribeResponse { item }))) => item,
            };
            let (cursor, what) = match item {
                Some(Item::Event(event)) => (event.cursor.clone(), What::Event(Box::new(event))),
                Some(Item::Heartbeat(heartbeat)) => (heartbeat.cursor.clone(), self.heartbeat(heartbeat)),
                // Of a newer version, and no event.
                None => continue,
            };
            if let Err(ended) = self.hand_over(what).await {
                return ended;
            }
            self.cursor = cursor;
            *pause = Pause::new();
        }
    }

    fn heartbeat(&self, v1::Heartbeat { cursor, at }: v1::Heartbeat) -> What {
        // On a long way through what a filter holds back, heartbeats come before the end.
        let is_level = Cursor::decode(&cursor).is_ok_and(|cursor| self.hub.upstreams.is_level(self.at, &cursor));
        let complete_to = at.as_ref().filter(|_| is_level).map(wire::time_from_v1);
        What::Heartbeat { cursor, complete_to }
    }
}

fn subscription(hub: &Hub) -> String {
    format!("upstream.{}", hub.upstreams.node)
}

/// Tells an upstream what is on disk here, and asks where its journal ends, for as long as the feed is open. What fails is tried again; the
/// feed says by itself when the connection is gone.
async fn keep(mut client: Client, hub: Arc<Hub>, at: usize, mut stored: watch::Receiver<String>) {
    let mut tick = interval(COMMIT_EVERY);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut told = String::new();
    for turn in (0..ASK_EVERY).cycle() {
        tick.tick().await;
        let cursor = stored.borrow_and_update().clone();
        if !cursor.is_empty() && cursor != told {
            let request = v1::CommitCursorRequest { subscription: subscription(&hub), cursor: cursor.clone() };
            match timeout(CALL_WITHIN, client.commit_cursor(request)).await {
                Ok(Ok(_)) => told = cursor,
                Ok(Err(status)) => {
                    warn!(message = status.message(), kind = ?ErrorKind::Unavailable, "an upstream did not take a cursor")
                }
                Err(_) => warn!("an upstream did not take a cursor in time"),
            }
        }
        if turn == 0 {
            let request = v1::ListSubscriptionsRequest { page_size: 1, ..v1::ListSubscriptionsRequest::default() };
            if let Ok(Ok(answer)) = timeout(CALL_WITHIN, client.list_subscriptions(request)).await
                && let Ok(end) = Cursor::decode(&answer.into_inner().last_cursor)
            {
                hub.upstreams.ends_at(at, end);
            }
        }
    }
}
