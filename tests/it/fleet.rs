//! Five hundred edge nodes, and a host that is killed under them: no storm of rebirths, no alarm lost (traps 15, 21, 33).

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use harness::reference::{Rule, Side};
use harness::{Davy, Feed, Mosquitto, Process, Store, alarms, binary, channel, micros, samples, until_within};
use rumqttc::{AsyncClient, Event, MqttOptions, Packet, QoS};
use wire::v1;
use wire::v1::event::Body;
use wire::v1::ingest_service_client::IngestServiceClient;

const NODES: usize = 500;
/// What the host promises: so many rebirth requests at once, and so many a second.
const BURST: f64 = 10.0;
const PER_SECOND: f64 = 5.0;
/// Requests are stamped where they arrive: a busy machine may bunch them up a little.
const BUNCHED: f64 = 2.0;
/// Within which all points are good again.
const GOOD_WITHIN: Duration = Duration::from_secs(300);
/// Between two rounds of values of one node.
const STEP_US: i64 = 2_000_000;

/// When a rebirth was asked for, and of whom.
type Requests = Arc<Mutex<Vec<(Instant, String)>>>;

fn gas(node: usize) -> String {
    format!("e{:05}-GT-101", node + 1)
}

/// A site as the simulator writes it, with two points a node: a pressure and a gas detector, both behind a device.
fn write_site(path: &Path) -> String {
    let nodes = NODES.to_string();
    let arguments = ["simulate", "--format", "sparkplug", "--nodes", &nodes, "--points-per-node", "2", "--write-site"];
    let written = Command::new(binary()).args(arguments).arg(path).status().expect("davy runs");
    assert!(written.success());
    std::fs::read_to_string(path).expect("the site was written")
}

fn simulate(broker: &Mosquitto, site: &Path) -> Process {
    let mut command = Command::new(binary());
    command.args(["simulate", "--format", "sparkplug", "--scenario", "flood", "--alias", "mixed", "--rate", "0.5", "--site"]);
    Process::start("simulate", command.arg(site).args(["--mqtt", &broker.url()]))
}

/// Notes every rebirth request that the broker sees.
async fn note_requests(port: u16) -> Requests {
    let requests = Requests::default();
    let mut options = MqttOptions::new("requests", "127.0.0.1", port);
    options.set_keep_alive(Duration::from_secs(30));
    let (client, mut events) = AsyncClient::new(options, 10);
    client.subscribe("spBv1.0/+/NCMD/#", QoS::AtMostOnce).await.expect("the task below runs");
    let noted = Arc::clone(&requests);
    let (heard, subscribed) = tokio::sync::oneshot::channel();
    tokio::spawn(async move {
        let (mut heard, _client) = (Some(heard), client);
        while let Ok(event) = events.poll().await {
            match event {
                Event::Incoming(Packet::SubAck(_)) => drop(heard.take().map(|it| it.send(()))),
                Event::Incoming(Packet::Publish(it)) => {
                    noted.lock().expect("no holder panics").push((Instant::now(), it.topic));
                }
                _ => {}
            }
        }
    });
    subscribed.await.expect("the broker acknowledges the subscription");
    requests
}

async fn gateways(grpc: &str) -> Vec<v1::Gateway> {
    let Ok(channel) = channel(grpc).await else { return Vec::new() };
    let mut client = IngestServiceClient::new(channel).max_decoding_message_size(64 << 20);
    let request = v1::ListGatewaysRequest { protocol: "sparkplug".to_owned(), page_size: 1_000, ..Default::default() };
    client.list_gateways(request).await.map_or_else(|_| Vec::new(), |answer| answer.into_inner().gateways)
}

async fn all_connected(davy: &Davy, within: Duration) {
    let grpc = davy.grpc();
    until_within(within, "every node is connected", async || {
        let connected = gateways(&grpc).await.iter().filter(|it| it.connected == Some(true)).count();
        (connected == NODES).then_some(())
    })
    .await;
}

fn quality_of_newest(stored: &[v1::Sample], after: i64) -> BTreeMap<&str, i32> {
    let newer = stored.iter().filter(|it| micros(it.recorded_at.as_ref()) > after);
    newer.map(|it| (it.point.as_str(), it.quality)).collect()
}

/// The stored samples of all gas detectors.
async fn gas_samples(grpc: &str) -> Vec<v1::Sample> {
    let points: Vec<String> = (0..NODES).map(gas).collect();
    samples(grpc, &points.iter().map(String::as_str).collect::<Vec<_>>()).await
}

fn never_more_than_the_bucket(requests: &[(Instant, String)]) {
    for (first, (from, _)) in requests.iter().enumerate() {
        for (count, (to, _)) in requests[first..].iter().enumerate() {
            let allowed = BURST + BUNCHED + PER_SECOND * to.duration_since(*from).as_secs_f64();
            let count = f64::from(u32::try_from(count + 1).expect("small"));
            assert!(count <= allowed, "{count} requests within {:?}, {allowed:.1} are allowed", to.duration_since(*from));
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_host_comes_back_to_five_hundred_nodes() {
    let broker = Mosquitto::start(Store::None).await;
    let folder = tempfile::tempdir().expect("a temporary folder");
    let site_path = folder.path().join("site.toml");
    let site = write_site(&site_path);
    let mut davy = Davy::start(&site, &broker.url()).await;
    let feed = Feed::follow(davy.addresses());
    let requests = note_requests(broker.port()).await;
    let mut nodes = simulate(&broker, &site_path);
    all_connected(&davy, Duration::from_secs(90)).await;
    assert!(requests.lock().expect("no holder panics").is_empty(), "nobody is asked who gave birth under the host's eyes");
    // The flood begins: hundreds of alarms are open while the host dies.
    feed.until(Duration::from_secs(90), "hundreds of gas alarms", |events| (raises(events).count() >= NODES).then_some(())).await;

    davy.kill();
    let killed = now_us();
    davy.start_again().await;
    let back = Instant::now();
    let grpc = davy.grpc();
    let good = i32::from(v1::Quality::Good);
    let named: Vec<String> = (0..NODES).filter(|node| node % 2 == 1).map(gas).collect();
    until_within(Duration::from_secs(30), "metrics sent by name are good at once", async || {
        let stored = gas_samples(&grpc).await;
        let newest = quality_of_newest(&stored, killed);
        named.iter().all(|point| newest.get(point.as_str()) == Some(&good)).then_some(())
    })
    .await;
    eprintln!("named metrics good after {:?}", back.elapsed());
    until_within(GOOD_WITHIN, "all points are good", async || {
        let stored = gas_samples(&grpc).await;
        let newest = quality_of_newest(&stored, killed);
        (newest.len() == NODES && newest.values().all(|quality| *quality == good)).then_some(())
    })
    .await;
    eprintln!("all points good after {:?}", back.elapsed());
    all_connected(&davy, Duration::from_secs(60)).await;

    let asked = requests.lock().expect("no holder panics").clone();
    eprintln!("{} rebirth requests", asked.len());
    never_more_than_the_bucket(&asked);
    assert!(asked.len() <= NODES, "no node is asked twice for one stop of the host");
    nodes.terminate(Duration::from_secs(20)).await;
    no_alarm_is_lost(&davy, &feed).await;
}

fn now_us() -> i64 {
    crate::sites::now_ms() * 1_000
}

fn raises(events: &[v1::Event]) -> impl Iterator<Item = &v1::Event> {
    events.iter().filter(|event| event.kind == "alarm.raised" && event.subject.ends_with("-GT-101"))
}

/// What the stored samples must have raised and returned is in the feed, once, whatever happened to the host in between.
async fn no_alarm_is_lost(davy: &Davy, feed: &Feed) {
    let grpc = davy.grpc();
    // The nodes have ended, so what is stored comes to rest; the last of it is at least one step old by then.
    let stored = until_within(Duration::from_secs(60), "everything is stored and judged", async || {
        let stored = gas_samples(&grpc).await;
        let newest = stored.iter().map(|it| micros(it.recorded_at.as_ref())).max()?;
        (now_us() - newest > STEP_US).then_some(stored)
    })
    .await;
    let mut told: BTreeMap<(String, String), Vec<(bool, i64)>> = BTreeMap::new();
    for event in feed.transitions() {
        let Some(Body::Alarm(alarm)) = &event.body else { continue };
        let raised = match event.kind.as_str() {
            "alarm.raised" => true,
            "alarm.returned" => false,
            _ => continue,
        };
        let at = micros(event.occurred_at.as_ref());
        told.entry((event.subject.clone(), alarm.alarm.clone())).or_default().push((raised, at));
    }
    let mut transitions = 0;
    for point in (0..NODES).map(gas) {
        let own = stored.iter().filter(|it| it.point == point && it.quality != i32::from(v1::Quality::Bad));
        let values: Vec<_> = own.filter_map(|it| Some((micros(it.time.as_ref()), it.value?))).collect();
        for (alarm, limit) in [("high", 25.0), ("high_high", 50.0)] {
            let (side, deadband) = (Side::High, 5.0);
            let rule = Rule { point: point.clone(), alarm: alarm.to_owned(), side, limit, deadband, on_delay: 0, off_delay: 0 };
            let wanted: Vec<_> = rule.judge(values.iter().copied()).into_iter().map(|it| (it.raised, it.at)).collect();
            transitions += wanted.len();
            let told = told.remove(&(point.clone(), alarm.to_owned())).unwrap_or_default();
            assert_eq!(told, wanted, "{point} {alarm}");
        }
    }
    assert!(transitions >= 2 * NODES, "only {transitions} transitions");
    let open = alarms(&grpc).await;
    let stale = open.iter().filter(|it| it.alarm == "stale").count();
    assert_eq!(stale, 0, "nothing goes stale because the host was away");
}
