//! The service, over the network and from the journal to the answer.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use futures_util::StreamExt;
use journal::{Journal, JournalId};
use model::{EventBody, SourceChange, SourceChangeKind, Time};
use prost_types::Timestamp;
use service::{Health, Shutdown};
use store::Store;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tonic::Request;
use tonic::transport::{Channel, Server};
use wire::v1;
use wire::v1::history_service_client::HistoryServiceClient;
use wire::v1::history_service_server::HistoryService;

use super::faulty::Faulty;
use super::{E01, Plant, assert_field, at, event, letter, sample};
use crate::HistorianError;
use crate::api::Api;

/// A plant whose history is served.
struct Served {
    plant: Plant,
    client: HistoryServiceClient<Channel>,
    shutdown: Shutdown,
    historian: JoinHandle<Result<(), HistorianError>>,
    server: JoinHandle<()>,
}

impl Served {
    async fn new() -> Self {
        let plant = Plant::new().await;
        let (shutdown, health) = (Shutdown::new(), Health::new());
        let journal: Arc<dyn Journal> = Arc::<journal::Embedded>::clone(&plant.journal);
        let (service, historian) = crate::build(crate::Parts {
            journal,
            store: Arc::clone(&plant.store),
            latch: health.latch("historian"),
            upkeep: health.latch("upkeep").release(),
            policy: store::Policy::default(),
        });
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let incoming = tokio_stream::wrappers::TcpListenerStream::new(listener);
        let stop = shutdown.clone();
        let server = tokio::spawn(async move {
            let server = Server::builder().add_service(service);
            server.serve_with_incoming_shutdown(incoming, async move { stop.requested().await }).await.unwrap();
        });
        let historian = tokio::spawn(historian.serve(shutdown.clone()));
        let client = HistoryServiceClient::connect(format!("http://{address}")).await.unwrap();
        Self { plant, client, shutdown, historian, server }
    }

    async fn samples(&mut self, request: v1::QuerySamplesRequest) -> (Vec<v1::Sample>, Option<Timestamp>) {
        let mut stream = self.client.query_samples(request).await.unwrap().into_inner();
        let (mut samples, mut complete_to) = (Vec::new(), None);
        while let Some(page) = stream.message().await.unwrap() {
            assert!(page.samples.len() <= 1_000);
            samples.extend(page.samples);
            complete_to = page.complete_to;
        }
        (samples, complete_to)
    }

    async fn stop(self) {
        drop(self.client);
        self.shutdown.request();
        self.historian.await.unwrap().unwrap();
        self.server.await.unwrap();
    }
}

fn down(source: &str) -> EventBody {
    let (change, since, reason) = (SourceChangeKind::Down, Time::from_micros(0), String::new());
    EventBody::Source(SourceChange { change, of_gateway: false, source: Arc::from(source), since, reason })
}

#[tokio::test]
async fn what_was_acknowledged_before_is_in_the_answer() {
    let mut served = Served::new().await;
    let (nothing, complete_to) = served.samples(v1::QuerySamplesRequest::default()).await;
    assert_eq!((nothing.len(), complete_to), (0, None), "one page says that nothing was ever recorded");
    served.plant.revise(&[(1, "e01-PI-101")]).await;
    for n in 0..20_u8 {
        let n = i64::from(n);
        served.plant.samples(E01, vec![sample(1, n, 0.5), sample(2, n, 1.5)]).await;
        let (samples, complete_to) = served.samples(v1::QuerySamplesRequest::default()).await;
        assert_eq!(i64::try_from(samples.len()), Ok(2 * (n + 1)));
        let recorded_at = samples.last().unwrap().recorded_at.unwrap();
        assert!(wire::time_from_v1(&complete_to.unwrap()) >= wire::time_from_v1(&recorded_at), "{complete_to:?}");
    }
    let request = v1::QuerySamplesRequest { points: vec!["e01-PI-101".to_owned()], from: at(3), to: at(5), limit: 0 };
    let (samples, _) = served.samples(request).await;
    let shown: Vec<_> = samples.iter().map(|it| (it.point.as_str(), it.time, it.value, it.quality)).collect();
    assert_eq!(shown, [("e01-PI-101", at(3), Some(0.5), 1), ("e01-PI-101", at(4), Some(0.5), 1)]);
    let (unnamed, _) = served.samples(v1::QuerySamplesRequest { from: at(19), ..v1::QuerySamplesRequest::default() }).await;
    assert_eq!(unnamed[1].point, "#2");
    served.stop().await;
}

#[tokio::test]
async fn long_answers_come_in_pages_and_in_order() {
    let mut served = Served::new().await;
    let samples: Vec<_> = (0..23_456).map(|n| sample(n % 7 + 1, i64::from(n / 7) * 10_000, f64::from(n))).collect();
    for chunk in samples.chunks(2_000) {
        served.plant.samples(E01, chunk.to_vec()).await;
    }
    let (read, _) = served.samples(v1::QuerySamplesRequest::default()).await;
    let values: Vec<_> = read.iter().map(|it| it.value.unwrap()).collect();
    assert_eq!(values, (0..23_456).map(f64::from).collect::<Vec<_>>());
    served.stop().await;
}

#[tokio::test]
async fn a_caller_that_does_not_read_reads_nothing() {
    let plant = Plant::new().await;
    plant.samples(1, (0..12_000).map(|n| sample(1, n, 1.0)).collect()).await;
    plant.store_all().await;
    let faulty = Faulty::new(Arc::clone(&plant.store), []);
    let api = plant.api(Arc::clone(&faulty) as Arc<dyn Store>);
    let mut pages = api.query_samples(Request::new(v1::QuerySamplesRequest::default())).await.unwrap().into_inner();
    let reads = || faulty.sample_reads.load(Ordering::Relaxed);
    assert_eq!(reads(), 0);
    for _ in 0..10 {
        assert_eq!(pages.next().await.unwrap().unwrap().samples.len(), 1_000);
    }
    assert_eq!(reads(), 1);
    assert_eq!(pages.next().await.unwrap().unwrap().samples.len(), 1_000);
    assert_eq!(reads(), 2);
    assert_eq!(pages.next().await.unwrap().unwrap().samples.len(), 1_000);
    assert!(pages.next().await.is_none());
    assert_eq!(reads(), 2);
}

#[tokio::test]
async fn an_answer_does_not_claim_what_is_not_stored() {
    let plant = Plant::new().await;
    plant.samples(1, vec![sample(1, 1, 1.0)]).await;
    plant.store_all().await;
    let first = plant.journal.bounds(super::telemetry(1)).last_time;
    // Nobody stores this one.
    plant.samples(1, vec![sample(1, 2, 1.0)]).await;
    let second = plant.journal.bounds(super::telemetry(1)).last_time;
    plant.event(event("mqtt", 5, down("mqtt"))).await;
    let journal: Arc<dyn Journal> = Arc::<journal::Embedded>::clone(&plant.journal);
    let api = Api::new(journal, Arc::clone(&plant.store), Arc::default(), Arc::default());
    let mut pages = api.query_samples(Request::new(v1::QuerySamplesRequest::default())).await.unwrap().into_inner();
    let page = pages.next().await.unwrap().unwrap();
    assert_eq!(page.samples.len(), 1);
    let complete_to = wire::time_from_v1(&page.complete_to.unwrap());
    assert!(first <= complete_to && complete_to < second, "{first:?} {complete_to:?} {second:?}");
}

#[tokio::test]
async fn figures_are_served_and_bounded() {
    let mut served = Served::new().await;
    served.plant.revise(&[(1, "p1"), (2, "p2")]).await;
    served.plant.samples(E01, (0..120).map(|n| sample(1, n * 1_000_000, n as f64)).collect()).await;
    let request = v1::QueryAggregatesRequest {
        points: vec!["p1".to_owned()],
        from: at(0),
        to: at(120_000_000),
        bucket_seconds: 60,
        include_held: false,
    };
    let answer = served.client.query_aggregates(request.clone()).await.unwrap().into_inner();
    let shown: Vec<_> = answer.aggregates.iter().map(|it| (it.start, it.count, it.min, it.max, it.mean)).collect();
    assert_eq!(
        shown,
        [(at(0), 60, Some(0.0), Some(59.0), Some(29.5)), (at(60_000_000), 60, Some(60.0), Some(119.0), Some(89.5))]
    );
    assert!(answer.complete_to.is_some());

    let change = |change: fn(&mut v1::QueryAggregatesRequest)| {
        let mut request = request.clone();
        change(&mut request);
        request
    };
    let wrong = [
        (change(|it| it.bucket_seconds = 0), "bucket_seconds"),
        (change(|it| it.bucket_seconds = 31_536_001), "bucket_seconds"),
        (change(|it| (it.to, it.bucket_seconds) = (at(100_001_000_000), 1)), "bucket_seconds"),
        (
            change(|it| (it.to, it.bucket_seconds, it.points) = (at(50_001_000_000), 1, vec!["a".into(), "b".into()])),
            "bucket_seconds",
        ),
        (change(|it| it.from = None), "from"),
        (change(|it| it.to = None), "to"),
        (change(|it| it.to = at(-1)), "to"),
        (change(|it| it.from = Some(Timestamp { seconds: 0, nanos: 1_000_000_000 })), "from"),
        (change(|it| it.from = Some(Timestamp { seconds: -62_135_596_801, nanos: 0 })), "from"),
        (change(|it| it.to = Some(Timestamp { seconds: 253_402_300_800, nanos: 0 })), "to"),
        (change(|it| it.points = vec!["a b".to_owned()]), "points"),
    ];
    for (request, field) in wrong {
        let shown = format!("{request:?}");
        assert_field(&served.client.query_aggregates(request).await.unwrap_err(), field, &shown);
    }
    let most = change(|it| (it.to, it.bucket_seconds) = (at(100_000_000_000), 1));
    assert_eq!(served.client.query_aggregates(most).await.unwrap().into_inner().aggregates.len(), 120);
    served.stop().await;
}

#[tokio::test]
async fn events_come_page_by_page() {
    let mut served = Served::new().await;
    for n in 0..25 {
        served.plant.event(event(if n % 2 == 0 { "mqtt" } else { "sparkplug" }, 1_000 - n, down("mqtt"))).await;
    }
    let selection =
        v1::EventSelection { kinds: vec!["source.*".to_owned()], subjects: vec!["mqtt".to_owned()], ..Default::default() };
    let request = v1::ListEventsRequest { selection: Some(selection), page_size: 4, page_token: String::new() };
    let (mut events, mut token, mut tokens) = (Vec::new(), String::new(), Vec::new());
    loop {
        let request = v1::ListEventsRequest { page_token: token, ..request.clone() };
        let page = served.client.list_events(request).await.unwrap().into_inner();
        assert!(page.complete_to.is_some());
        events.extend(page.events);
        token = page.next_page_token;
        if token.is_empty() {
            break;
        }
        tokens.push(token.clone());
    }
    assert_eq!((events.len(), tokens.len()), (13, 3));
    let recorded = events.iter().map(|event| wire::v1_to_recorded(event).unwrap()).collect::<Vec<_>>();
    assert!(recorded.is_sorted_by_key(|event| event.position), "in the order of the journal");
    assert!(recorded.iter().all(|event| event.recorded_at > Time::MIN && event.event.body.kind() == "source.down"));

    // The same request with another page size goes on; anything else is refused.
    let on = v1::ListEventsRequest { page_token: tokens[0].clone(), page_size: 0, ..request.clone() };
    assert_eq!(served.client.list_events(on.clone()).await.unwrap().into_inner().events.len(), 9);
    let other = v1::ListEventsRequest { selection: None, ..on.clone() };
    assert_field(&served.client.list_events(other).await.unwrap_err(), "page_token", "another selection");
    let dead = v1::ListDeadLettersRequest { page_token: tokens[0].clone(), ..Default::default() };
    assert_field(&served.client.list_dead_letters(dead).await.unwrap_err(), "page_token", "another method");
    for token in ["x", "AAAA", &tokens[0][1..]] {
        let request = v1::ListEventsRequest { page_token: token.to_owned(), ..request.clone() };
        assert_field(&served.client.list_events(request).await.unwrap_err(), "page_token", token);
    }
    for page_size in [-1, 10_001, i32::MIN, i32::MAX] {
        let request = v1::ListEventsRequest { page_size, ..request.clone() };
        assert_field(&served.client.list_events(request).await.unwrap_err(), "page_size", "page_size");
    }
    served.stop().await;
}

#[tokio::test]
async fn dead_letters_come_whole_and_pages_stay_small() {
    let mut served = Served::new().await;
    let letters = (0..100).map(|n| letter(if n == 99 { "a/c" } else { "a/b" }, vec![n; 65_536])).collect();
    served.plant.append(JournalId::Dead, "ingest", letters).await;
    let (mut read, mut token, mut pages) = (Vec::new(), String::new(), 0);
    loop {
        let request = v1::ListDeadLettersRequest { page_size: 1_000, page_token: token, ..Default::default() };
        let page = served.client.list_dead_letters(request).await.unwrap().into_inner();
        read.extend(page.dead_letters);
        pages += 1;
        token = page.next_page_token;
        if token.is_empty() {
            break;
        }
    }
    assert_eq!((read.len(), pages), (100, 3), "6.5 MB do not fit into one message of 4 MiB");
    assert!(
        read.iter().zip(0..).all(|(letter, n)| letter.payload[..] == vec![n; 65_536] && letter.id == format!("dead-{}", n + 1))
    );
    let request = v1::ListDeadLettersRequest { gateway: "a/c".to_owned(), reason: "not_json".to_owned(), ..Default::default() };
    let page = served.client.list_dead_letters(request).await.unwrap().into_inner();
    assert_eq!((page.dead_letters.len(), page.next_page_token.as_str()), (1, ""));
    assert_eq!(page.dead_letters[0].detail, "写错了");
    for page_size in [-1, 1_001] {
        let request = v1::ListDeadLettersRequest { page_size, ..Default::default() };
        assert_field(&served.client.list_dead_letters(request).await.unwrap_err(), "page_size", "page_size");
    }
    served.stop().await;
}

#[tokio::test]
async fn bad_requests_for_samples_name_the_field() {
    let mut served = Served::new().await;
    let ask = |points: &[&str], from, to| v1::QuerySamplesRequest {
        points: points.iter().map(|it| (*it).to_owned()).collect(),
        from,
        to,
        limit: 0,
    };
    let wrong = [
        (ask(&["PI 101"], None, None), "points"),
        (ask(&["ok", ""], None, None), "points"),
        (ask(&[], at(5), at(4)), "to"),
        (ask(&[], Some(Timestamp { seconds: 0, nanos: -1 }), None), "from"),
    ];
    for (request, field) in wrong {
        let shown = format!("{request:?}");
        assert_field(&served.client.query_samples(request).await.unwrap_err(), field, &shown);
    }
    assert_eq!(served.samples(ask(&["nobody-knows-it"], at(5), at(5))).await.0, []);
    served.stop().await;
}
