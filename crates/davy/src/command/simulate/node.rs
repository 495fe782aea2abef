//! One edge node's life: connect, birth, data, death, and again.
//!
//! What comes while it is away from its broker or host is kept, 1,000 rows at most (then the oldest go, counted), and sent as
//! historical after the next birth; so is what was sent at QoS 1 and not acknowledged. What a scenario cuts off is not even made.

use std::collections::VecDeque;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use ingest::MqttConfig;
use tokio::sync::Semaphore;

use super::connection::{Connection, Ears};
use super::counts::Counts;
use super::feed::{Fed, Feed, Row};
use super::speech::{Message, Speech};

const KEPT_ROWS: usize = 1_000;

/// The first wait before another attempt, doubled each time up to the longest.
const BACKOFF_MIN: Duration = Duration::from_millis(500);
const BACKOFF_MAX: Duration = Duration::from_secs(30);

/// What all nodes share.
pub(super) struct Common {
    pub(super) broker: MqttConfig,
    pub(super) qos: u8,
    /// The id of the host that nodes wait for before they send.
    pub(super) primary_host: Option<String>,
    pub(super) counts: Arc<Counts>,
    /// Connects that may be under way at once.
    pub(super) connecting: Semaphore,
}

/// An edge node.
pub(super) struct Node {
    /// Its place among all, which spreads what hundreds would else do in the same instant.
    pub(super) index: usize,
    pub(super) common: Arc<Common>,
    pub(super) speech: Speech,
    pub(super) feed: Feed,
    pub(super) kept: VecDeque<Row>,
    /// Rows that are sent, each with the number of its last message, until that is acknowledged.
    pub(super) unacknowledged: VecDeque<(u64, Row)>,
    pub(super) was_ready: bool,
}

/// Why a connection ended.
enum End {
    Over,
    CutOff,
    HostAway,
    Lost(String),
}

impl Node {
    /// Lives until its feed is over and everything is said.
    pub(super) async fn live(mut self) {
        let mut failures = 0;
        loop {
            let end = match self.session(&mut failures).await {
                Ok(end) => end,
                Err(reason) => End::Lost(reason),
            };
            let unacknowledged = std::mem::take(&mut self.unacknowledged);
            for (_, row) in unacknowledged.into_iter().rev() {
                self.kept.push_front(row);
            }
            match end {
                End::Over => return,
                End::HostAway => {}
                End::CutOff => {
                    if self.stay_away().await {
                        return;
                    }
                }
                End::Lost(reason) => {
                    tracing::debug!(node = %self.speech.path(), reason, "edge node lost its connection");
                    self.common.counts.failed(&reason);
                    let pause = backoff(failures, self.index);
                    failures += 1;
                    self.meanwhile(tokio::time::sleep(pause)).await;
                }
            }
        }
    }

    async fn session(&mut self, failures: &mut u32) -> Result<End, String> {
        let mut connection = self.connect().await?;
        *failures = 0;
        self.wait_for_host(&mut connection).await?;
        if !self.was_ready {
            self.was_ready = true;
            self.common.counts.ready.add(1);
            self.common.counts.changed.notify_waiters();
        }
        if !self.speech.has_values() {
            // The first birth carries the first values.
            match self.feed.next().await {
                Fed::Row(row) => self.speech.learn(&row),
                Fed::CutOff => return Ok(End::CutOff),
                Fed::Over => {
                    connection.leave(self.speech.death(self.feed.clock())).await;
                    return Ok(End::Over);
                }
            }
        }
        self.birth(&mut connection).await?;
        for row in std::mem::take(&mut self.kept) {
            self.common.counts.late.add(1);
            self.say(&mut connection, row, true).await?;
        }
        self.talk(connection).await
    }

    async fn connect(&mut self) -> Result<Connection, String> {
        let common = Arc::clone(&self.common);
        let will = self.speech.will(self.feed.clock());
        let host = common.primary_host.as_deref().map(super::host_topic);
        let ears = Ears { commands: self.speech.command_topic(), host };
        let client_id = format!("davy-simulate-{}-{}", std::process::id(), self.speech.path().replace('/', "-"));
        let opening = async move {
            let _turn = common.connecting.acquire().await.map_err(|error| error.to_string())?;
            Connection::open(&common.broker, &client_id, (will, ears, common.qos), &common.counts).await
        };
        self.meanwhile(opening).await
    }

    async fn wait_for_host(&mut self, connection: &mut Connection) -> Result<(), String> {
        if self.common.primary_host.is_none() {
            return Ok(());
        }
        let mut said = connection.said.clone();
        let online = async move { said.wait_for(|said| said.host_is_online() || said.ended.is_some()).await.map(drop) };
        self.meanwhile(online).await.map_err(|_| "closed".to_owned())?;
        if connection.said.borrow().ended.is_some() { Err(connection.why()) } else { Ok(()) }
    }

    /// Sends what comes until there is a reason to stop.
    async fn talk(&mut self, mut connection: Connection) -> Result<End, String> {
        let mut rebirths = 0;
        let waits_for_host = self.common.primary_host.is_some();
        loop {
            tokio::select! {
                // Neither wait loses anything when it is dropped: a row stays in the feed, a change is seen at the next look.
                fed = self.feed.next() => match fed {
                    Fed::Row(row) => self.say(&mut connection, row, false).await?,
                    // Dropped without a word: the broker publishes the Will.
                    Fed::CutOff => return Ok(End::CutOff),
                    Fed::Over => {
                        connection.leave(self.speech.death(self.feed.clock())).await;
                        self.unacknowledged.clear();
                        return Ok(End::Over);
                    }
                },
                changed = connection.said.changed() => changed.map_err(|_| "closed".to_owned())?,
            }
            let said = connection.said.borrow_and_update().clone();
            if let Some(reason) = said.ended {
                return Err(reason);
            }
            self.unacknowledged.retain(|(last, _)| *last > said.acknowledged);
            if waits_for_host && !said.host_is_online() {
                // A node whose primary host is away says its death and waits (Sparkplug 3.0, 5.5).
                connection.leave(self.speech.death(self.feed.clock())).await;
                return Ok(End::HostAway);
            }
            if said.rebirths > rebirths {
                // Several that came together are answered by one.
                rebirths = said.rebirths;
                self.birth(&mut connection).await?;
                self.common.counts.rebirths.add(1);
            }
        }
    }

    async fn birth(&mut self, connection: &mut Connection) -> Result<(), String> {
        let births = self.speech.births(self.feed.clock());
        self.common.counts.births.add(1);
        send(connection, births).await
    }

    async fn say(&mut self, connection: &mut Connection, row: Row, historical: bool) -> Result<(), String> {
        let messages = self.speech.data(&row, historical, self.feed.clock());
        let sent = send(connection, messages).await;
        if self.common.qos > 0 || sent.is_err() {
            self.unacknowledged.push_back((connection.sent, row));
        }
        sent
    }

    /// Waits for something else while what comes is kept.
    async fn meanwhile<T>(&mut self, something: impl Future<Output = T>) -> T {
        let mut something = std::pin::pin!(something);
        while self.was_ready {
            tokio::select! {
                // The other wait is pinned and goes on; a row stays in the feed.
                done = &mut something => return done,
                fed = self.feed.next() => match fed {
                    Fed::Row(row) => self.keep(row),
                    Fed::CutOff => {}
                    Fed::Over => break,
                },
            }
        }
        something.await
    }

    fn keep(&mut self, row: Row) {
        self.speech.learn(&row);
        self.kept.push_back(row);
        if self.kept.len() > KEPT_ROWS {
            self.kept.pop_front();
            self.common.counts.dropped.add(1);
        }
    }

    /// Waits until the scenario lets it come back; true when the feed is over first.
    async fn stay_away(&mut self) -> bool {
        loop {
            match self.feed.next().await {
                Fed::CutOff => {}
                Fed::Row(row) => {
                    self.speech.learn(&row);
                    return false;
                }
                Fed::Over => return true,
            }
        }
    }
}

async fn send(connection: &mut Connection, messages: Vec<Message>) -> Result<(), String> {
    for message in messages {
        connection.send(message).await?;
    }
    Ok(())
}

/// Half of it is the node's own, so that hundreds do not come back in the same instant.
fn backoff(failures: u32, index: usize) -> Duration {
    let whole = BACKOFF_MIN.saturating_mul(1 << failures.min(10)).min(BACKOFF_MAX);
    // Fibonacci hashing: neighbours land far apart.
    let own = u32::try_from(index).unwrap_or(u32::MAX).wrapping_mul(2_654_435_769) >> 16;
    whole / 2 + whole * own / (2 << 16)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_to_a_bound_and_differ_from_node_to_node() {
        for failures in 0..100 {
            let waits: std::collections::BTreeSet<_> = (0..100).map(|index| backoff(failures, index)).collect();
            let whole = BACKOFF_MIN * 2_u32.pow(failures.min(7));
            let whole = whole.min(BACKOFF_MAX);
            assert!(waits.iter().all(|wait| (whole / 2..whole).contains(wait)), "{failures}");
            assert_eq!(waits.len(), 100, "each its own");
        }
    }
}
