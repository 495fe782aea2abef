//! The history on a real PostgreSQL: it goes away and comes back, it and Davy are killed, and nothing is lost, doubled or held up
//! (traps 2, 60, 69, 70).

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::Duration;

use harness::{Davy, Feed, Kind, Postgres, alarms, page, samples, timestamp, until_within};
use sqlx::Row;
use tokio::sync::watch;
use tokio::time::timeout;
use wire::v1;
use wire::v1::tag_value::Value;

use crate::push::{GATEWAY, Push};
use crate::sites::now_ms;

const LONG: Duration = Duration::from_secs(120);

const HEAD: &str = r#"
[[park]]
id = "rugang"
[[enterprise]]
id = "e01"
park = "rugang"
[[installation]]
id = "e01-reactor"
enterprise = "e01"
"#;

/// So many points of the gateway; the first has an alarm.
fn site(points: u32) -> String {
    let mut text = HEAD.to_owned();
    for n in 0..points {
        write!(
            text,
            "\n[[point]]\nid = \"n{n}\"\ninstallation = \"e01-reactor\"\nquantity = \"other\"\nunit = \"1\"\n\
             source = {{ grpc = \"{GATEWAY}\", tag = \"N{n}\" }}\n"
        )
        .expect("a String takes every write");
        if n == 0 {
            text += "[[point.alarm]]\nkind = \"high\"\nlimit = 1000000000.0\n";
        }
    }
    text
}

/// What point `n` shows in message `k`; below 2^53, so that it is exact.
fn shown(n: u32, k: u64) -> i64 {
    i64::from(n) * 1_000_003 + i64::try_from(k).expect("small") * 7
}

/// Message `k`: a value of every point, of its own moment.
fn message(points: u32, base_ms: i64, k: u64) -> v1::PushSamplesRequest {
    let value = |n| v1::TagValue { tag: format!("N{n}"), value: Some(Value::Integer(shown(n, k))), ..v1::TagValue::default() };
    v1::PushSamplesRequest {
        gateway: GATEWAY.to_owned(),
        sequence: k,
        time: Some(timestamp(moment_us(base_ms, k))),
        values: (0..points).map(value).collect(),
        ..v1::PushSamplesRequest::default()
    }
}

fn moment_us(base_ms: i64, k: u64) -> i64 {
    (base_ms + i64::try_from(k).expect("small") * 10) * 1_000
}

/// What a gateway sends, and how fast.
#[derive(Clone, Copy)]
struct Load {
    points: u32,
    messages: u64,
    base_ms: i64,
    every: Duration,
}

/// A client that keeps what is not acknowledged and sends it again on the next stream, until all is.
async fn push_all(addresses: watch::Receiver<String>, load: Load, told: watch::Sender<u64>) {
    let mut acknowledged = 0;
    while acknowledged < load.messages {
        let address = addresses.borrow().clone();
        let Ok(mut push) = Push::open(&address).await else {
            tokio::task::yield_now().await;
            continue;
        };
        let (requests, first) = (push.requests.clone(), acknowledged + 1);
        let mut pace = tokio::time::interval(load.every);
        let sending = async {
            for k in first..=load.messages {
                pace.tick().await;
                if requests.send(message(load.points, load.base_ms, k)).await.is_err() {
                    return;
                }
            }
            std::future::pending::<()>().await;
        };
        let reading = async {
            while acknowledged < load.messages
                && let Ok(Some(answer)) = push.answers.message().await
            {
                assert!(answer.refusals.is_empty(), "{answer:?}");
                acknowledged = answer.acknowledged_sequence.max(acknowledged);
                told.send_replace(acknowledged);
            }
        };
        // Either may be dropped: what is not acknowledged is sent again.
        tokio::select! {
            () = sending => {}
            () = reading => {}
        }
    }
}

/// A Davy that stores in this database and is its own broker, not started yet.
fn davy(points: u32, url: &str) -> Davy {
    Davy::embedded(&site(points), &["--store", url])
}

/// By point number: rows, different times, and a sum that no other set of rows gives.
async fn stored(server: &Postgres, database: &str) -> BTreeMap<String, (i64, i64, i64)> {
    let mut session = server.session(database).await;
    let sql = "select p.id, count(*), count(distinct s.ts), \
                   sum(((extract(epoch from s.ts) * 1000)::int8 % 1000003) * (s.value::int8 % 999983))::int8 \
               from samples s join points p on p.number = s.point group by p.id";
    let rows = sqlx::query(sql).fetch_all(&mut session).await.expect("the samples are counted");
    rows.iter().map(|row| (row.get(0), (row.get(1), row.get(2), row.get(3)))).collect()
}

fn wanted(load: Load) -> BTreeMap<String, (i64, i64, i64)> {
    let count = i64::try_from(load.messages).expect("small");
    let sum = |n| -> i64 {
        let part = |k| (moment_us(load.base_ms, k) / 1_000 % 1_000_003) * (shown(n, k) % 999_983);
        (1..=load.messages).map(part).sum()
    };
    (0..load.points).map(|n| (format!("n{n}"), (count, count, sum(n)))).collect()
}

async fn caught_up(server: &Postgres, database: &str, load: Load) {
    let wanted = wanted(load);
    let rows: i64 = wanted.values().map(|it| it.0).sum();
    until_within(LONG, "the history has caught up", async || {
        let got = stored(server, database).await;
        (got.values().map(|it| it.0).sum::<i64>() >= rows).then_some(())
    })
    .await;
    assert_eq!(stored(server, database).await, wanted, "each row once, as it was sent");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_database_goes_away_and_alarms_go_on() {
    let mut server = Postgres::start(Kind::Plain).await;
    let url = server.database("davy").await;
    let mut davy = davy(3, &url);
    davy.start_again().await;
    let feed = Feed::follow(davy.addresses());
    let load = Load { points: 3, messages: 400, base_ms: now_ms() - 60_000, every: Duration::from_millis(5) };
    let (told, mut acknowledged) = watch::channel(0);
    let pushing = tokio::spawn(push_all(davy.addresses(), load, told));
    acknowledged.wait_for(|it| *it >= 100).await.expect("the gateway goes on");
    server.kill().await;
    let http = davy.http().to_owned();
    until_within(LONG, "the health page says it", async || {
        page(&http, "/healthz").await.contains("history waits in the journal").then_some(())
    })
    .await;
    // Without its database Davy takes samples, raises alarms, feeds and lists them.
    timeout(LONG, pushing).await.expect("all is acknowledged").expect("no panic");
    let mut push = Push::open(&davy.grpc()).await.expect("davy serves");
    let high = v1::TagValue { tag: "N0".to_owned(), value: Some(Value::Number(2e9)), ..v1::TagValue::default() };
    let raise = v1::PushSamplesRequest { values: vec![high], ..message(0, load.base_ms, load.messages + 1) };
    push.requests.send(raise).await.expect("the stream is open");
    feed.first("alarm.raised", "n0").await;
    assert_eq!(alarms(&davy.grpc()).await.len(), 1);
    drop(push.requests);
    while push.answers.message().await.expect("it ends well").is_some() {}

    server.start_again().await;
    let grpc = davy.grpc();
    until_within(LONG, "the history has caught up", async || {
        (samples(&grpc, &["n0"]).await.len() as u64 > load.messages).then_some(())
    })
    .await;
    let mut got = stored(&server, "davy").await;
    let (rows, times, _) = got.remove("n0").expect("the first point has rows");
    assert_eq!((rows, times), (401, 401));
    let mut rest = wanted(load);
    rest.remove("n0");
    assert_eq!(got, rest);
    until_within(LONG, "the health page says that it is over", async || {
        page(&http, "/healthz").await.contains("historian: ready").then_some(())
    })
    .await;
    davy.terminate().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_start_without_its_database_watches_all_the_same() {
    let mut server = Postgres::start(Kind::Plain).await;
    let url = server.database("davy").await;
    server.stop().await;
    let mut davy = davy(2, &url);
    davy.launch();
    davy.wait_addresses().await;
    let feed = Feed::follow(davy.addresses());
    let load = Load { points: 2, messages: 50, base_ms: now_ms() - 60_000, every: Duration::from_millis(2) };
    let (told, _) = watch::channel(0);
    timeout(LONG, push_all(davy.addresses(), load, told)).await.expect("all is acknowledged");
    feed.first("site.revised", "").await;
    let http = davy.http().to_owned();
    assert!(page(&http, "/healthz").await.contains("historian: not ready"), "{}", page(&http, "/healthz").await);
    server.start_again().await;
    davy.wait_ready().await;
    caught_up(&server, "davy", load).await;
    let said = davy.process().err().join("\n");
    assert!(said.contains("the store is away") && said.contains("PostgreSQL 15"), "{said}");
    davy.terminate().await;
}

const KILLS: u64 = 20;

/// Points of the load, each a hundred times a second: a machine that has nothing else to do may be given more, by hand.
fn points_of_load() -> u32 {
    let given = std::env::var("DAVY_TEST_KILL_POINTS").ok();
    given.map_or(200, |points| points.parse().expect("DAVY_TEST_KILL_POINTS is a number"))
}

/// About ten of Davy, ten of the database, at random moments of a load that goes on.
#[tokio::test(flavor = "multi_thread")]
async fn twenty_kills_lose_no_row_and_double_none() {
    let seed = getrandom::u64().expect("the system has random numbers") | 1;
    eprintln!("seed {seed}");
    let mut server = Postgres::start(Kind::Plain).await;
    let url = server.database("davy").await;
    let points = points_of_load();
    let mut davy = davy(points, &url);
    davy.start_again().await;
    let load = Load { points, messages: 4_000, base_ms: now_ms() - 60_000, every: Duration::from_millis(10) };
    let (told, mut acknowledged) = watch::channel(0);
    let pushing = tokio::spawn(push_all(davy.addresses(), load, told));
    let mut random = seed;
    for kill in 1..=KILLS {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        let moment = load.messages / (KILLS + 2) * kill + random % 100;
        acknowledged.wait_for(|it| *it >= moment).await.expect("the gateway goes on");
        if random.is_multiple_of(2) {
            server.kill().await;
            server.start_again().await;
        } else {
            davy.kill();
            davy.start_again().await;
        }
    }
    timeout(LONG, pushing).await.expect("all is acknowledged").expect("no panic");
    caught_up(&server, "davy", load).await;
    davy.terminate().await;
}
