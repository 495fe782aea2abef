//! Ten subscribers at once read a journal of events from the earliest on, beside ten of a bare tonic stream of the same messages.

use std::convert::Infallible;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::pin::Pin;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::task::{Context as TaskContext, Poll};
use std::time::Instant;

use anyhow::Context;
use futures_util::{Stream, StreamExt};
use journal::{Append, Embedded, EmbeddedConfig, Journal, JournalId, Key};
use model::{
    AlarmId, AlarmKind, AlarmState, AlarmTransition, Event, EventBody, Priority, Quantity, RevisionNumber, Scope, Span, Time,
    Transition,
};
use prost::Message as _;
use tonic::codegen::http;
use tonic::server::{Grpc, NamedService, ServerStreamingService};
use tonic::transport::Server;
use tonic::transport::server::TcpIncoming;
use wire::v1;
use wire::v1::exchange_service_client::ExchangeServiceClient;
use wire::v1::subscribe_response::Item;

use crate::plant::{Broker, Davy, POINTS, Process};
use crate::stats::median;

const EVENTS: usize = 100_000;
const RECORD_EVENTS: usize = 10;
const SUBSCRIBERS: usize = 10;
const ROUNDS: usize = 5;

pub(crate) async fn run() -> anyhow::Result<()> {
    let folder = tempfile::tempdir_in(".")?;
    fill(&folder.path().join("data/journal")).await?;
    let broker = Broker::start(folder.path()).await?;
    let davy = Davy::start(folder.path(), broker.port()).await?;
    let messages = read(&davy.grpc, true).await?.1;
    let file = folder.path().join("messages");
    let bytes = messages.iter().flat_map(v1::SubscribeResponse::encode_length_delimited_to_vec).collect::<Vec<_>>();
    std::fs::write(&file, &bytes)?;
    let (bare, _process) = start_bare(&file)?;
    let (mut feeds, mut bares) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        bares.push(round(&bare).await?);
        feeds.push(round(&davy.grpc).await?);
    }
    let mut ratios: Vec<f64> = feeds.iter().zip(&bares).map(|(feed, bare)| feed / bare).collect();
    println!(
        "feeds: {SUBSCRIBERS} subscribers at once, {EVENTS} events each, {} bytes a message, {ROUNDS} rounds alternated; medians",
        bytes.len() / EVENTS
    );
    println!("| what | messages/s, all together |\n| --- | --- |");
    println!("| bare tonic stream of the same messages, from memory | {:.0} |", median(&mut bares));
    println!("| Davy's feed, from the journal | {:.0} |", median(&mut feeds));
    println!("| ratio | {:.2} |", median(&mut ratios));
    Ok(())
}

/// Messages a second that all subscribers together take.
async fn round(server: &str) -> anyhow::Result<f64> {
    let started = Instant::now();
    let readers: Vec<_> = (0..SUBSCRIBERS).map(|_| tokio::spawn(read(server.to_owned(), false))).collect();
    let mut taken = 0;
    for reader in readers {
        taken += reader.await??.0;
    }
    #[expect(clippy::cast_precision_loss, reason = "a rate")]
    Ok(taken as f64 / started.elapsed().as_secs_f64())
}

/// Reads the events of the filling, and keeps them if wanted.
async fn read(server: impl AsRef<str>, keep: bool) -> anyhow::Result<(usize, Vec<v1::SubscribeResponse>)> {
    let mut client = ExchangeServiceClient::connect(server.as_ref().to_owned()).await?;
    let filter = v1::EventFilter { kinds: vec!["alarm.*".to_owned()], ..v1::EventFilter::default() };
    let request = v1::SubscribeRequest {
        start: Some(v1::subscribe_request::Start::Position(v1::StartPosition::Earliest.into())),
        filter: Some(filter),
        ..v1::SubscribeRequest::default()
    };
    let mut stream = client.subscribe(request).await?.into_inner();
    let (mut taken, mut kept) = (0, Vec::new());
    while taken < EVENTS {
        let message = stream.message().await?.context("the feed ended")?;
        if matches!(message.item, Some(Item::Event(_))) {
            taken += 1;
            if keep {
                kept.push(message);
            }
        }
    }
    Ok((taken, kept))
}

/// Writes raises and returns of the plant's points to `events`, as an engine does.
async fn fill(folder: &Path) -> anyhow::Result<()> {
    std::fs::create_dir_all(folder)?;
    let journal = Embedded::open(EmbeddedConfig::new(folder)).await?;
    let key = Key::new("bench")?;
    for record in 0..EVENTS / RECORD_EVENTS {
        let events = (0..RECORD_EVENTS).map(|n| event(record * RECORD_EVENTS + n)).collect::<anyhow::Result<_>>()?;
        let body = wire::encode_event_record(&wire::EventRecord { events, ..wire::EventRecord::default() });
        let append = Append { journal: JournalId::Events, key: key.clone(), fence: None, bodies: vec![body] };
        journal.append(append).await?;
    }
    Ok(journal.close().await?)
}

fn event(n: usize) -> anyhow::Result<Event> {
    let raised = (n / POINTS).is_multiple_of(2);
    let transition = if raised { Transition::Raised } else { Transition::Returned };
    let alarm = AlarmTransition {
        transition,
        alarm: AlarmId::new("high")?,
        alarm_kind: AlarmKind::High,
        priority: Priority::High,
        state: if raised { AlarmState::Unacknowledged } else { AlarmState::ReturnedUnacknowledged },
        occurrence: None,
        activation: 1,
        in_alarm: raised,
        value: Some(85.0),
        limit: Some(80.0),
        annunciated: true,
        late: false,
        held: false,
        clock_suspect: false,
        out_of_range: false,
        reason: String::new(),
        actor: String::new(),
        request_id: None,
        unit: Arc::from("kPa"),
        quantity: Quantity::Pressure,
        position: Arc::from("e01"),
        group: Arc::from(""),
        first_out: false,
        until: None,
        clock: None,
        advice: None,
    };
    Ok(Event {
        occurred_at: Time::YEAR_2000 + Span::from_secs(i64::try_from(n)?),
        subject: Arc::from(format!("p{}", n % POINTS)),
        scope: Scope { park: Some(Arc::from("bench")), enterprise: Some(Arc::from("e01")), installation: Some(Arc::from("i01")) },
        revision: RevisionNumber(1),
        body: EventBody::Alarm(Box::new(alarm)),
    })
}

/// The baseline as a process of its own, as Davy is.
fn start_bare(messages: &Path) -> anyhow::Result<(String, Process)> {
    let mut child = Command::new(std::env::current_exe()?).arg("bare-feed").arg(messages).stdout(Stdio::piped()).spawn()?;
    let mut lines = BufReader::new(child.stdout.take().context("read its lines")?).lines();
    let process = Process::of(child);
    let server = lines.by_ref().map_while(Result::ok).find_map(|line| line.strip_prefix("grpc ").map(str::to_owned));
    Ok((server.context("it ended before it said where it listens")?, process))
}

/// Serves messages of a file to everybody who asks, until it is killed.
pub(crate) async fn bare(messages: &Path) -> anyhow::Result<()> {
    let bytes = std::fs::read(messages)?;
    let (mut rest, mut messages) = (bytes.as_slice(), Vec::with_capacity(EVENTS));
    while !rest.is_empty() {
        messages.push(v1::SubscribeResponse::decode_length_delimited(&mut rest)?);
    }
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    println!("grpc http://{}", listener.local_addr()?);
    let incoming = TcpIncoming::from(listener).with_nodelay(Some(true));
    let server = Server::builder().tcp_nodelay(true).add_service(Bare(Arc::new(messages)));
    Ok(server.serve_with_incoming(incoming).await?)
}

#[derive(Clone)]
struct Bare(Arc<Vec<v1::SubscribeResponse>>);

impl NamedService for Bare {
    const NAME: &'static str = "davy.v1.ExchangeService";
}

type Boxed<T> = Pin<Box<dyn Future<Output = T> + Send>>;
type Messages = Pin<Box<dyn Stream<Item = Result<v1::SubscribeResponse, tonic::Status>> + Send>>;

impl tonic::codegen::Service<http::Request<tonic::body::Body>> for Bare {
    type Response = http::Response<tonic::body::Body>;
    type Error = Infallible;
    type Future = Boxed<Result<Self::Response, Infallible>>;

    fn poll_ready(&mut self, _: &mut TaskContext<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<tonic::body::Body>) -> Self::Future {
        let messages = self.clone();
        Box::pin(async move {
            let codec = tonic_prost::ProstCodec::<v1::SubscribeResponse, v1::SubscribeRequest>::default();
            Ok(Grpc::new(codec).server_streaming(messages, request).await)
        })
    }
}

impl ServerStreamingService<v1::SubscribeRequest> for Bare {
    type Response = v1::SubscribeResponse;
    type ResponseStream = Messages;
    type Future = Boxed<Result<tonic::Response<Messages>, tonic::Status>>;

    fn call(&mut self, _: tonic::Request<v1::SubscribeRequest>) -> Self::Future {
        let messages = Arc::clone(&self.0);
        Box::pin(async move {
            let all = (0..messages.len()).map(move |at| Ok(messages[at].clone()));
            let stream: Messages = Box::pin(futures_util::stream::iter(all).chain(futures_util::stream::pending()));
            Ok(tonic::Response::new(stream))
        })
    }
}
