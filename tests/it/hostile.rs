//! Half a minute of random bytes on the MQTT and gRPC ports: for everybody else nothing changes (traps 3, 74).

use std::time::{Duration, Instant};

use harness::{Davy, Feed, Publisher, dead_letters, ready, samples, until_within};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use crate::sites::{TOPIC, level, message, now_ms, site};

const NOISE: Duration = Duration::from_secs(30);
/// Connections that make noise at the same time, a port.
const NOISY: u64 = 8;
/// One message each of these, so that a stall would be seen.
const EVERY: Duration = Duration::from_millis(50);
/// The longest a raise may take to reach the feed while it is noisy.
const RAISED_WITHIN: Duration = Duration::from_secs(5);

/// What a connection opens with before it turns to noise: nothing, or what makes a server listen further.
fn openings(port: &str) -> &'static [&'static [u8]] {
    match port {
        // CONNECT of MQTT 3.1.1 and of 5, clean, without a name; a length that never ends; a packet of 256 MiB.
        "mqtt" => &[
            b"",
            b"\x10\x0c\x00\x04MQTT\x04\x02\x00\x3c\x00\x00",
            b"\x10\x0d\x00\x04MQTT\x05\x02\x00\x3c\x00\x00\x00",
            b"\x10\xff\xff\xff\xff",
            b"\x10\xff\xff\xff\x7f",
        ],
        // The preface of HTTP/2, with settings; a header frame of 16 MiB; plain HTTP/1.1.
        _ => &[
            b"",
            b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00",
            b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\xff\xff\xff\x01\x04\x00\x00\x00\x01",
            b"POST /davy.v1.IngestService/PushSamples HTTP/1.1\r\nhost: x\r\ncontent-length: 99999999\r\n\r\n",
        ],
    }
}

struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn bytes(&mut self, count: usize) -> Vec<u8> {
        (0..count).map(|_| (self.next() >> 24).to_le_bytes()[0]).collect()
    }
}

/// Connects, says something that begins well or not, and goes on with noise until it is thrown out; again and again.
async fn noise(address: String, port: &'static str, seed: u64, ends: Instant) -> u64 {
    let (mut random, mut connections) = (Random(seed | 1), 0);
    while Instant::now() < ends {
        let Ok(mut stream) = TcpStream::connect(&address).await else { continue };
        connections += 1;
        let openings = openings(port);
        let opening = openings[usize::try_from(random.next() % openings.len() as u64).expect("small")];
        if stream.write_all(opening).await.is_err() {
            continue;
        }
        let mut answer = [0_u8; 4096];
        for _ in 0..64 {
            let size = usize::try_from(random.next() % 4_096).expect("small");
            if Instant::now() > ends || stream.write_all(&random.bytes(size)).await.is_err() {
                break;
            }
            // What comes back does not matter, but it must not fill the socket.
            let read = tokio::time::timeout(Duration::from_millis(20), stream.read(&mut answer)).await;
            if let Ok(Ok(0) | Err(_)) = read {
                break;
            }
        }
    }
    connections
}

#[tokio::test(flavor = "multi_thread")]
async fn random_bytes_on_both_ports_change_nothing_for_the_others() {
    let seed = getrandom::u64().expect("the system has random numbers");
    eprintln!("seed {seed}");
    let mut davy = Davy::embedded(&site(&[level("n", &[]), level("x", &["kind = \"high\"\nlimit = 80.0"])]), &[]);
    davy.start_again().await;
    let feed = Feed::follow(davy.addresses());
    let mut gateway = Publisher::connect(davy.mqtt(), "gw1");
    let ends = Instant::now() + NOISE;
    let mut noises = JoinSet::new();
    for number in 0..NOISY {
        let seed = |more: u64| seed.wrapping_add(number * 2 + more).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        noises.spawn(noise(format!("127.0.0.1:{}", davy.mqtt()), "mqtt", seed(0), ends));
        noises.spawn(noise(davy.grpc(), "grpc", seed(1), ends));
    }

    let (mut sent, mut raises) = (0_i64, 0_usize);
    let base = now_ms();
    let mut pace = tokio::time::interval(EVERY);
    while Instant::now() < ends {
        pace.tick().await;
        gateway.publish(TOPIC, message(base + sent, "n", f64::from(u32::try_from(sent).expect("small")))).await;
        sent += 1;
        if sent % 60 == 0 {
            raises += 1;
            gateway.publish(TOPIC, message(base + sent, "x", 90.0)).await;
            let come = |events: &[wire::v1::Event]| {
                (events.iter().filter(|it| it.kind == "alarm.raised").count() >= raises).then_some(())
            };
            feed.until(RAISED_WITHIN, "the alarm is raised in all the noise", come).await;
            gateway.publish(TOPIC, message(base + sent + 1, "x", 10.0)).await;
        }
    }
    let connections: u64 = noises.join_all().await.into_iter().sum();
    assert!(connections > 100, "the noise was heard: {connections} connections");
    gateway.flushed(Duration::from_secs(30)).await;

    let grpc = davy.grpc();
    let wanted = usize::try_from(sent).expect("small");
    let stored = until_within(Duration::from_secs(30), "every sample is stored", async || {
        Some(samples(&grpc, &["n"]).await).filter(|stored| stored.len() >= wanted)
    })
    .await;
    let values: Vec<_> = stored.iter().map(|it| it.value.unwrap_or(f64::NAN)).collect();
    let numbers: Vec<_> = (0..u32::try_from(sent).expect("small")).map(f64::from).collect();
    assert_eq!(values, numbers, "each once, in order");
    assert!(ready(davy.http()).await, "still ready");
    assert!(raises >= 5, "alarms went through meanwhile");
    let strangers = dead_letters(&grpc).await.into_iter().filter(|letter| letter.topic == TOPIC).count();
    assert_eq!(strangers, 0, "noise is not taken for a message of the gateway");
    for kind in ["source.down", "gap.possible"] {
        let said = feed.events().into_iter().filter(|event| event.kind == kind && event.recorded_at.is_some()).count();
        assert!(said <= 1, "{kind} is said of the start alone, not {said} times");
    }
}
