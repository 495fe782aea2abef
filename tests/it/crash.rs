//! kill -9 at random moments under load: nothing lost, nothing twice (traps 1, 2).

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::time::Duration;

use harness::{Davy, Feed, Mosquitto, Publisher, Store, alarms, micros, samples, until, until_within};
use tokio::sync::watch;
use wire::v1::event::Body;

use crate::sites::{TOPIC, level, message, now_ms, plain, site};

/// 25,000 moments of eight values make 200,000 samples.
const ROWS: usize = 25_000;
const ROWS_A_MESSAGE: usize = 25;
const MESSAGES: usize = ROWS / ROWS_A_MESSAGE;
const STEP_MS: i64 = 10;
const COUNTERS: [&str; 5] = ["n0", "n1", "n2", "n3", "n4"];
/// Rows for which `fast` and `slow` stay on one side of their limits.
const FAST_HALF: usize = 50;
const SLOW_HALF: usize = 100;
const DELAY_MS: i64 = 200;
const KILLS: usize = 5;

fn fast(row: usize) -> f64 {
    if (row / FAST_HALF) % 2 == 1 { 90.0 } else { 10.0 }
}

fn slow(row: usize) -> f64 {
    if (row / SLOW_HALF) % 2 == 1 { 90.0 } else { 10.0 }
}

fn last(row: usize) -> f64 {
    if row == ROWS - 1 { 1.0 } else { 0.0 }
}

fn payload(base: i64, message: usize) -> String {
    let mut text = String::from("[");
    for row in message * ROWS_A_MESSAGE..(message + 1) * ROWS_A_MESSAGE {
        let separator = if text.len() > 1 { "," } else { "" };
        let ts = time(base, row);
        write!(text, "{separator}{{\"ts\":{ts},\"values\":{{").expect("a String takes every write");
        for (index, counter) in COUNTERS.iter().enumerate() {
            write!(text, "\"{counter}\":{},", number(index, row)).expect("a String takes every write");
        }
        write!(text, "\"fast\":{},\"slow\":{},\"last\":{}}}}}", fast(row), slow(row), last(row))
            .expect("a String takes every write");
    }
    text + "]"
}

fn time(base: i64, row: usize) -> i64 {
    base + i64::try_from(row).expect("small") * STEP_MS
}

fn number(counter: usize, row: usize) -> usize {
    counter * 1_000_000 + row
}

/// Raise or return, time in microseconds, activation: what must be in the feed of one point.
fn expected(base: i64, half: usize, delay_ms: i64) -> Vec<(bool, i64, u32)> {
    let changes = (1..).map(|half_period| half_period * half).take_while(|row| *row < ROWS);
    let changes = changes.enumerate().map(|(index, row)| {
        let activation = u32::try_from(index / 2 + 1).expect("small");
        (index % 2 == 0, (time(base, row) + delay_ms) * 1_000, activation)
    });
    changes.collect()
}

/// A small generator of random numbers, for a seed that can be printed.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % bound as u64).expect("small")
    }
}

async fn publish_all(port: u16, base: i64, published: watch::Sender<usize>) {
    let mut gateway = Publisher::connect(port, "gw1");
    // Faster than the plant, slow enough that five restarts fall into it.
    let mut pace = tokio::time::interval(Duration::from_millis(15));
    for message in 0..MESSAGES {
        pace.tick().await;
        gateway.publish(TOPIC, payload(base, message)).await;
        published.send_replace(message + 1);
    }
    gateway.flushed(Duration::from_secs(60)).await;
}

async fn kill_again_and_again(davy: &mut Davy, random: &mut Random, mut published: watch::Receiver<usize>) {
    let mut moments: Vec<usize> = (0..KILLS).map(|_| 20 + random.below(MESSAGES - 120)).collect();
    moments.sort_unstable();
    for (index, moment) in moments.into_iter().enumerate() {
        published.wait_for(|published| *published >= moment).await.expect("the gateway publishes");
        davy.kill();
        if index == KILLS / 2 {
            // Once more in the middle of the start, while it replays.
            davy.launch();
            until_within(Duration::from_secs(20), "davy says its first line", async || {
                let process = davy.process();
                (!process.err().is_empty() || !process.out().is_empty()).then_some(())
            })
            .await;
            davy.kill();
        }
        davy.start_again().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn five_kills_lose_nothing_and_double_nothing() {
    let seed = getrandom::u64().expect("the system has random numbers") | 1;
    eprintln!("seed {seed}");
    let mut random = Random(seed);
    let base = now_ms() - i64::try_from(ROWS).expect("small") * STEP_MS;
    let high = "kind = \"high\"\nlimit = 80.0\ndeadband = 5.0";
    let delayed = format!("{high}\non_delay = \"0.2s\"\noff_delay = \"0.2s\"");
    let mut points: Vec<_> = COUNTERS.iter().map(|tag| plain(tag)).collect();
    let (fast_rule, slow_rule, last_rule) = ([high], [delayed.as_str()], ["kind = \"high\"\nlimit = 1.0"]);
    points.extend([level("fast", &fast_rule), level("slow", &slow_rule), level("last", &last_rule)]);

    let broker = Mosquitto::start(Store::None).await;
    let mut davy = Davy::start(&site(&points), &broker.url()).await;
    let feed = Feed::follow(davy.addresses());
    let (sender, published) = watch::channel(0);
    tokio::join!(publish_all(broker.port(), base, sender), kill_again_and_again(&mut davy, &mut random, published));

    feed.until(Duration::from_secs(90), "the last sample's alarm is in the feed", |events| {
        events.iter().any(|event| event.kind == "alarm.raised" && event.subject == "last").then_some(())
    })
    .await;
    check_feed(&feed, base);
    check_history(&davy, base).await;
}

fn check_feed(feed: &Feed, base: i64) {
    let events = feed.events();
    let ids: BTreeSet<_> = events.iter().map(|event| &event.id).collect();
    assert_eq!(ids.len(), events.len(), "no event twice");
    let cursors: BTreeSet<_> = events.iter().map(|event| &event.cursor).collect();
    assert_eq!(cursors.len(), events.len(), "no cursor twice");
    let count = |kind: &str| events.iter().filter(|event| event.kind == kind).count();
    assert!(count("source.down") >= KILLS, "each start says that nothing was supervised");
    for kind in ["gap.possible", "gateway.clock", "replay.differs"] {
        assert_eq!(count(kind), 0, "{kind}: {:?}", events.iter().find(|event| event.kind == kind));
    }
    let mut told: BTreeMap<&str, Vec<(bool, i64, u32)>> = BTreeMap::new();
    for event in &events {
        if let Some(Body::Alarm(alarm)) = &event.body {
            let raised = event.kind == "alarm.raised";
            told.entry(&event.subject).or_default().push((raised, micros(event.occurred_at.as_ref()), alarm.activation));
        }
    }
    for (subject, half, delay) in [("fast", FAST_HALF, 0), ("slow", SLOW_HALF, DELAY_MS)] {
        let wanted = expected(base, half, delay);
        // What the last half period owes comes due on the running clock and is no matter of the crash.
        let told: Vec<_> = told[subject].iter().copied().take_while(|it| it.1 <= wanted.last().expect("some").1).collect();
        assert_eq!(told.len(), wanted.len(), "{subject}: every transition once");
        assert_eq!(told, wanted, "{subject}");
    }
    assert_eq!(told["last"], [(true, time(base, ROWS - 1) * 1_000, 1)]);
    assert!(feed.connections() > 3, "the consumer resumed, {} streams", feed.connections());
}

async fn check_history(davy: &Davy, base: i64) {
    let grpc = davy.grpc();
    until_within(Duration::from_secs(90), "the history has caught up", async || {
        (samples(&grpc, &["last"]).await.len() >= ROWS).then_some(())
    })
    .await;
    let stored = samples(&grpc, &[]).await;
    assert_eq!(stored.len(), ROWS * 8, "every sample once");
    let mut seen = BTreeSet::new();
    for sample in &stored {
        let at = micros(sample.time.as_ref());
        assert!(seen.insert((sample.point.as_str(), at)), "{} at {at} twice", sample.point);
        let row = usize::try_from((at / 1_000 - base) / STEP_MS).expect("a time that was sent");
        assert_eq!(at, time(base, row) * 1_000);
        let wanted = match sample.point.as_str() {
            "fast" => fast(row),
            "slow" => slow(row),
            "last" => last(row),
            counter => number(COUNTERS.iter().position(|it| *it == counter).expect("a point that was sent"), row) as f64,
        };
        assert_eq!(sample.value, Some(wanted), "{} of row {row}", sample.point);
    }
}

/// A snapshot is only a short cut: with all of them broken, the records alone bring the same alarms back.
#[tokio::test(flavor = "multi_thread")]
async fn broken_snapshots_are_replayed_around() {
    let high = ["kind = \"high\"\nlimit = 80.0"];
    let broker = Mosquitto::start(Store::None).await;
    let mut davy = Davy::start(&site(&[level("x", &high)]), &broker.url()).await;
    let feed = Feed::follow(davy.addresses());
    let mut gateway = Publisher::connect(broker.port(), "gw1");
    gateway.publish(TOPIC, message(now_ms() - 1_000, "x", 90.0)).await;
    feed.first("alarm.raised", "x").await;
    let before = alarms(&davy.grpc()).await;
    assert_eq!(before.len(), 1);
    // A stop in good order writes snapshots.
    davy.terminate().await;
    let broken = break_files(&davy.data().join("journal").join("snapshots"));
    assert!(broken > 0, "there was something to break");
    davy.start_again().await;
    let grpc = davy.grpc();
    let after = until("the alarm is listed again", async || Some(alarms(&grpc).await).filter(|open| !open.is_empty())).await;
    assert_eq!(after, before);
    gateway.publish(TOPIC, message(now_ms(), "x", 10.0)).await;
    feed.first("alarm.returned", "x").await;
    let raised = feed.events().iter().filter(|event| event.kind == "alarm.raised").count();
    assert_eq!(raised, 1, "nothing is said twice");
    let differs = feed.events().iter().any(|event| event.kind == "replay.differs");
    assert!(!differs, "the same records give the same events");
}

fn break_files(folder: &std::path::Path) -> usize {
    let paths = std::fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path());
    let files: Vec<_> = paths.filter(|path| path.is_file()).collect();
    for path in &files {
        let mut bytes = std::fs::read(path).expect("a snapshot");
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
        std::fs::write(path, bytes).expect("it can be written");
    }
    files.len()
}
