//! A consumer of the feed that resumes at its last cursor, over restarts of the server, and keeps everything it got.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinHandle;
use tonic::Code;
use wire::v1;
use wire::v1::exchange_service_client::ExchangeServiceClient;
use wire::v1::subscribe_request::Start;
use wire::v1::subscribe_response::Item;

use crate::{channel, until_within};

/// Microseconds since 1970 of a time on the wire.
#[track_caller]
pub fn micros(time: Option<&prost_types::Timestamp>) -> i64 {
    let time = time.expect("the time is there");
    time.seconds * 1_000_000 + i64::from(time.nanos / 1_000)
}

/// Everything one consumer got, in order.
#[derive(Debug)]
pub struct Feed {
    kept: Arc<Mutex<Kept>>,
    task: JoinHandle<()>,
}

#[derive(Debug, Default)]
struct Kept {
    events: Vec<v1::Event>,
    cursor: String,
    connections: u32,
    refused: Option<tonic::Status>,
}

impl Feed {
    /// Follows everything from the oldest event on; addresses change with restarts.
    pub fn follow(addresses: watch::Receiver<String>) -> Self {
        Self::follow_some(addresses, v1::EventFilter::default())
    }

    /// The same with a filter.
    pub fn follow_some(addresses: watch::Receiver<String>, filter: v1::EventFilter) -> Self {
        let kept = Arc::new(Mutex::new(Kept::default()));
        let task = tokio::spawn(follow(addresses, filter, Arc::clone(&kept)));
        Self { kept, task }
    }

    /// What came so far.
    pub fn events(&self) -> Vec<v1::Event> {
        self.lock().events.clone()
    }

    /// Alarm transitions so far.
    pub fn transitions(&self) -> Vec<v1::Event> {
        self.lock().events.iter().filter(|event| event.kind.starts_with("alarm.")).cloned().collect()
    }

    /// How many streams were opened.
    pub fn connections(&self) -> u32 {
        self.lock().connections
    }

    /// Waits until the events so far answer a question.
    pub async fn until<T>(&self, within: Duration, what: &str, mut look: impl FnMut(&[v1::Event]) -> Option<T>) -> T {
        until_within(within, what, async || {
            let kept = self.lock();
            assert!(kept.refused.is_none(), "the feed was refused: {:?}", kept.refused);
            look(&kept.events)
        })
        .await
    }

    /// Waits for the first event of a kind about a subject.
    pub async fn first(&self, kind: &str, subject: &str) -> v1::Event {
        let wanted = |event: &&v1::Event| event.kind == kind && (subject.is_empty() || event.subject == subject);
        let what = format!("{kind} about {subject}");
        self.until(Duration::from_secs(30), &what, |events| events.iter().find(wanted).cloned()).await
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Kept> {
        self.kept.lock().expect("no holder panics")
    }
}

impl Drop for Feed {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn follow(addresses: watch::Receiver<String>, filter: v1::EventFilter, kept: Arc<Mutex<Kept>>) {
    let mut pause = tokio::time::interval(Duration::from_millis(50));
    loop {
        pause.tick().await;
        let address = addresses.borrow().clone();
        if address.is_empty() {
            continue;
        }
        if let Err(status) = stream(&address, &filter, &kept).await {
            // These do not pass by themselves: the cursor or the request is refused.
            if matches!(status.code(), Code::OutOfRange | Code::InvalidArgument | Code::Unimplemented | Code::DataLoss) {
                kept.lock().expect("no holder panics").refused = Some(status);
                return;
            }
        }
    }
}

async fn stream(address: &str, filter: &v1::EventFilter, kept: &Mutex<Kept>) -> Result<(), tonic::Status> {
    let lock = || kept.lock().expect("no holder panics");
    let cursor = lock().cursor.clone();
    let start = if cursor.is_empty() { Start::Position(v1::StartPosition::Earliest.into()) } else { Start::Cursor(cursor) };
    let request = v1::SubscribeRequest { start: Some(start), filter: Some(filter.clone()), ..v1::SubscribeRequest::default() };
    let mut client = ExchangeServiceClient::new(channel(address).await?);
    let mut items = client.subscribe(request).await?.into_inner();
    lock().connections += 1;
    while let Some(answer) = items.message().await? {
        let mut kept = lock();
        match answer.item {
            Some(Item::Event(event)) => {
                kept.cursor.clone_from(&event.cursor);
                kept.events.push(event);
            }
            Some(Item::Heartbeat(beat)) => kept.cursor = beat.cursor,
            None => {}
        }
    }
    Ok(())
}
