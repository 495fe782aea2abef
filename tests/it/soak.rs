//! Everything at once: a county under load, its city over a wire that breaks, consumers that are cut, and one that does not read.
//!
//! 500 events a second for 6 s and 5 cuts of each wire, unless `DAVY_SOAK_RATE`, `DAVY_SOAK_SECONDS` and `DAVY_SOAK_CUTS` say otherwise. What
//! one who does not read costs in memory shows beside a run with `DAVY_SOAK_DEAF=0`.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use harness::{Davy, Feed, Proxy, Publisher, Way, until_within};
use tokio::sync::watch;
use tonic::Streaming;
use tonic::transport::Endpoint;
use wire::v1;
use wire::v1::exchange_service_client::ExchangeServiceClient;
use wire::v1::subscribe_request::Start;

use crate::sites::{Point, TOPIC, from_environment, level, message_of_all, now_ms, site};

const LONG: Duration = Duration::from_secs(240);

const HIGH: &str = "kind = \"high\"\nlimit = 80.0";

/// Each changes with each message.
const POINTS: u64 = 50;

/// Consumers of the county, each over a wire of its own; one more is of the city.
const CONSUMERS: usize = 3;

/// A consumer whose wire can be cut.
struct Cut {
    wire: Proxy,
    feed: Feed,
    _address: watch::Sender<String>,
}

impl Cut {
    async fn of(davy: &Davy) -> Self {
        let wire = Proxy::start(port(davy)).await;
        let (address, addresses) = watch::channel(format!("127.0.0.1:{}", wire.port()));
        Self { wire, feed: Feed::follow(addresses), _address: address }
    }
}

fn port(davy: &Davy) -> u16 {
    davy.grpc().rsplit_once(':').and_then(|(_, port)| port.parse().ok()).expect("an address ends with a port")
}

/// Bytes of memory that a process has.
fn memory(davy: &Davy) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", davy.process().id())).expect("it runs");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("Linux says so");
    line.trim().trim_end_matches(" kB").parse::<u64>().expect("a number") * 1024
}

fn f64_of(number: u64) -> f64 {
    u32::try_from(number).expect("small").into()
}

/// Subscribes, and never reads.
async fn deaf(davy: &Davy) -> Streaming<v1::SubscribeResponse> {
    let endpoint = Endpoint::from_shared(format!("http://{}", davy.grpc())).expect("an address makes a URI");
    let narrow = endpoint.initial_stream_window_size(65_535).initial_connection_window_size(65_535);
    let start = Some(Start::Position(v1::StartPosition::Earliest.into()));
    let request = v1::SubscribeRequest { start, ..v1::SubscribeRequest::default() };
    let mut client = ExchangeServiceClient::new(narrow.connect().await.expect("davy serves"));
    client.subscribe(request).await.expect("it subscribes").into_inner()
}

/// Cuts a wire at random moments of a time.
async fn cut(wire: &Proxy, cuts: u64, within: Duration) {
    for _ in 0..cuts {
        let (before, chance) = (wire.cuts(), getrandom::u32().expect("the system has random numbers"));
        let share = f64::from(chance % 1_000) / 500.0;
        tokio::time::sleep(within.div_f64(f64_of(cuts)).mul_f64(share)).await;
        wire.cut_after(chance % 20_000, Way::Back);
        until_within(LONG, "the wire breaks", async || (wire.cuts() > before).then_some(())).await;
    }
}

/// Publishes at a rate until the last cut, but for that time at least; how many transitions of alarms follow, and the memory of the county
/// after a third of it.
async fn load(county: &Davy, tags: &[String], (rate, seconds): (u64, u64), is_cut: &AtomicBool) -> (usize, u64) {
    let mut gateway = Publisher::connect(county.mqtt(), "gw1");
    let messages = rate * seconds / POINTS;
    let mut step = tokio::time::interval(Duration::from_secs(POINTS).div_f64(f64_of(rate)));
    let (mut last, mut after_a_third, mut n) = (0, 0, 0);
    while n < messages || !is_cut.load(Ordering::SeqCst) {
        step.tick().await;
        // Two messages of one millisecond would be the same samples.
        last = now_ms().max(last + 1);
        gateway.publish(TOPIC, message_of_all(tags, last, if n.is_multiple_of(2) { 90.0 } else { 10.0 })).await;
        if n == messages / 3 {
            after_a_third = memory(county);
        }
        n += 1;
    }
    gateway.flushed(LONG).await;
    (usize::try_from(n * POINTS).expect("small"), after_a_third)
}

fn ids(events: &[v1::Event], origin: &str) -> Vec<String> {
    events.iter().filter(|it| it.origin == origin && it.kind.starts_with("alarm.")).map(|it| it.id.clone()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn each_consumer_has_all_in_order_once_whatever_is_cut() {
    let (rate, seconds) = (from_environment("DAVY_SOAK_RATE", 500), from_environment("DAVY_SOAK_SECONDS", 6));
    let cuts = from_environment("DAVY_SOAK_CUTS", 5);
    let tags: Vec<String> = (0..POINTS).map(|n| format!("p{n}")).collect();
    let points: Vec<Point<'_>> = tags.iter().map(|tag| level(tag, &[HIGH])).collect();
    let mut county = Davy::embedded(&site(&points), &["--node", "county-a"]);
    county.start_again().await;
    let wire = Proxy::start(port(&county)).await;
    let upstream = format!("county-a=http://127.0.0.1:{}", wire.port());
    let mut city = Davy::embedded(&site(&[level("z", &[HIGH])]), &["--node", "city", "--upstream", &upstream]);
    city.start_again().await;

    let mut consumers = Vec::new();
    for _ in 0..CONSUMERS {
        consumers.push(Cut::of(&county).await);
    }
    let of_city = Cut::of(&city).await;
    let mut unread = Vec::new();
    for _ in 0..from_environment("DAVY_SOAK_DEAF", 1) {
        unread.push(deaf(&county).await);
    }
    let within = Duration::from_secs(seconds);
    let began = Instant::now();
    let wires = [&wire, &of_city.wire].into_iter().chain(consumers.iter().map(|it| &it.wire));
    let is_cut = AtomicBool::new(false);
    let breaking = async {
        join_all(wires.clone().map(|wire| cut(wire, cuts, within))).await;
        is_cut.store(true, Ordering::SeqCst);
    };
    let ((least, after_a_third), ()) = tokio::join!(load(&county, &tags, (rate, seconds), &is_cut), breaking);
    let (sent, at_the_end) = (began.elapsed(), memory(&county));
    assert!(wires.clone().all(|wire| wire.mend() >= cuts), "each was cut");

    // The truth: what one who is never cut reads at the end.
    let whole = Feed::follow(county.addresses());
    let truth = at_rest(&whole, "", least, "the county has said everything").await;
    let mut once = truth.clone();
    once.sort();
    once.dedup();
    assert_eq!(once.len(), truth.len(), "each once");
    for (n, consumer) in consumers.iter().enumerate() {
        has(&consumer.feed, "", &truth, &format!("consumer {n}")).await;
    }
    has(&of_city.feed, "county-a", &truth, "the consumer of the city").await;
    let [third, end] = [after_a_third, at_the_end].map(|bytes| bytes >> 20);
    eprintln!(
        "{least} transitions in {:.1} s, {cuts} cuts of each of {} wires; all there after {:.1} s; the county had {third} MiB after a third \
         and {end} MiB at the end with {} who do not read",
        sent.as_secs_f64(),
        CONSUMERS + 2,
        began.elapsed().as_secs_f64(),
        unread.len()
    );
}

/// What a consumer has when it has so much and nothing came between two looks: to look through all at each would keep it from reading.
async fn at_rest(feed: &Feed, origin: &str, least: usize, who: &str) -> Vec<String> {
    let mut before = 0;
    let got = feed.until(LONG, who, |events| {
        let is_at_rest = events.len() >= least && std::mem::replace(&mut before, events.len()) == events.len();
        is_at_rest.then(|| ids(events, origin)).filter(|got| got.len() >= least)
    });
    got.await
}

/// A consumer has what there is: in order, without repeats, nothing missing.
async fn has(feed: &Feed, origin: &str, truth: &[String], who: &str) {
    let got = at_rest(feed, origin, truth.len(), who).await;
    let differs = got.iter().zip(truth).position(|(got, wanted)| got != wanted);
    assert_eq!(differs, None, "{who}: {:?}", differs.map(|at| (&got[at], &truth[at])));
}
