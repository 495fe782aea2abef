//! County to city with real processes: kills of both, cuts of the wire between them, a loop, and days to catch up with.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use harness::{Davy, Feed, Proxy, Publisher, Way, run, until_within};
use serde_json::Value;
use wire::v1;

use crate::sites::{Point, TOPIC, from_environment, level, message, message_of_all, now_ms, site};

const LONG: Duration = Duration::from_secs(90);

const HIGH: &str = "kind = \"high\"\nlimit = 80.0";

/// Rounds of raise and return of each of three points.
const ROUNDS: usize = 24;

fn site_of(tags: &[String]) -> String {
    let alarms = [HIGH];
    let points: Vec<Point<'_>> = tags.iter().map(|tag| level(tag, &alarms)).collect();
    site(&points)
}

fn named(tags: &[&str]) -> Vec<String> {
    tags.iter().map(|tag| (*tag).to_owned()).collect()
}

fn port(davy: &Davy) -> u16 {
    davy.grpc().rsplit_once(':').and_then(|(_, port)| port.parse().ok()).expect("an address ends with a port")
}

fn davy(davy: &Davy, words: &[&str]) -> harness::Run {
    run([words, &["--server", &format!("http://{}", davy.grpc())]].concat())
}

fn asked(plant: &Davy, what: &str) -> Vec<Value> {
    let lines = davy(plant, &["query", what, "--json"]).succeeded();
    lines.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
}

/// Ids of what alarms did, and what follows from that, as one Davy told it first.
fn ids(events: &[v1::Event], origin: &str) -> Vec<String> {
    let kinds = ["alarm.", "nuisance.", "flood."];
    let wanted = |it: &&v1::Event| it.origin == origin && kinds.iter().any(|kind| it.kind.starts_with(kind));
    events.iter().filter(wanted).map(|it| it.id.clone()).collect()
}

fn once(ids: Vec<String>) -> BTreeSet<String> {
    let count = ids.len();
    let set: BTreeSet<String> = ids.into_iter().collect();
    assert_eq!(set.len(), count, "each once");
    set
}

/// A small generator of random numbers, for a seed that can be printed.
struct Random(u64);

impl Random {
    fn seeded() -> Self {
        let seed = getrandom::u64().expect("the system has random numbers") | 1;
        eprintln!("seed {seed}");
        Self(seed)
    }

    fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % bound
    }
}

/// A county, and a city that reaches it over a wire.
async fn pair(tags: &[String]) -> (Davy, Davy, Proxy) {
    let mut county = Davy::embedded(&site_of(tags), &["--node", "county-a"]);
    county.start_again().await;
    let wire = Proxy::start(port(&county)).await;
    let upstream = format!("county-a=http://127.0.0.1:{}", wire.port());
    let mut city = Davy::embedded(&site_of(&named(&["z"])), &["--node", "city", "--upstream", &upstream]);
    city.start_again().await;
    connected(&city).await;
    (county, city, wire)
}

async fn connected(city: &Davy) {
    let it = async || asked(city, "upstreams").iter().all(|it| it["connected"] == true && it["cursor"] != "").then_some(());
    until_within(LONG, "the feed is open and its place is on disk", it).await;
}

/// The city has everything that the county says, and nothing twice.
async fn same(county: &Feed, city: &Feed, least: usize) {
    let alarms = |feed: &Feed| feed.transitions().iter().filter(|it| it.kind != "alarm.closed").count();
    let all = until_within(LONG * 4, "the county has said everything", async || {
        (alarms(county) >= least).then(|| ids(&county.events(), ""))
    });
    let wanted = once(all.await);
    let is_all = |events: &[v1::Event]| wanted.is_subset(&ids(events, "county-a").into_iter().collect()).then(|| events.to_vec());
    let events = city.until(LONG * 4, "the city has everything", is_all).await;
    // What follows from alarms may be said still, but of what was there nothing is missing and nothing is new.
    let said: BTreeSet<String> = once(ids(&county.events(), ""));
    assert!(once(ids(&events, "county-a")).is_subset(&said), "every id is the county's");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_city_sees_each_event_of_its_county_once_through_kills_and_cuts() {
    let tags = named(&["a", "b", "c"]);
    let (mut county, mut city, wire) = pair(&tags).await;
    let (there, here) = (Feed::follow(county.addresses()), Feed::follow(city.addresses()));
    let mut random = Random::seeded();
    let base = now_ms() - 600_000;
    for round in 0..ROUNDS {
        let mut gateway = Publisher::connect(county.mqtt(), "gw1");
        for (half, value) in [(0, 90.0), (1, 10.0)] {
            for tag in &tags {
                let ms = base + i64::try_from(round * 2 + half).expect("small") * 1_000;
                gateway.publish(TOPIC, message(ms, tag, value)).await;
            }
        }
        gateway.flushed(LONG).await;
        match (round, random.below(3)) {
            (7 | 15, _) => {
                county.kill();
                county.start_again().await;
                wire.leads_to(port(&county));
            }
            (3 | 11 | 19, _) => {
                city.kill();
                city.start_again().await;
            }
            (_, 0) => wire.cut_after(u32::try_from(random.below(4_000)).expect("small"), Way::Back),
            _ => {}
        }
    }
    wire.mend();
    same(&there, &here, ROUNDS * 6).await;

    let mut gateway = Publisher::connect(county.mqtt(), "gw1");
    gateway.publish(TOPIC, message(now_ms(), "a", 90.0)).await;
    let raised = there.until(LONG, "the last one is raised", |events| {
        events.iter().rev().find(|it| it.kind == "alarm.raised" && it.subject == "a").filter(|it| !it.snapshot).cloned()
    });
    check_shells(&county, &city, &raised.await).await;
}

/// The same from shells on both sides.
async fn check_shells(county: &Davy, city: &Davy, raised: &v1::Event) {
    let listed = until_within(LONG, "the city lists it", async || {
        asked(city, "alarms").into_iter().find(|it| it["point"] == "a" && it["state"] == "unacknowledged")
    })
    .await;
    assert_eq!(listed["origin"], "county-a");
    let refused = davy(city, &["alarm", "ack", "a", "high", "--actor", "li"]);
    assert!(refused.code() != 0 && refused.err.contains("judged by county-a"), "{refused:?}");
    davy(county, &["alarm", "ack", "a", "high", "--actor", "li"]).succeeded();
    until_within(LONG, "what the county did is seen here", async || {
        asked(city, "alarms").into_iter().find(|it| it["point"] == "a" && it["acknowledged_by"] == "li")
    })
    .await;
    let level = until_within(LONG, "both sides know that nothing is behind", async || {
        let there = asked(county, "subscriptions").into_iter().find(|it| it["subscription"] == "upstream.city")?;
        let here = asked(city, "upstreams").into_iter().next()?;
        (there["records_behind"] == 0 && here["records_behind"] == 0).then_some(here)
    });
    let level = level.await;
    assert!(level["node"] == "county-a" && level["lag_seconds"].as_f64().is_some_and(|lag| lag < 60.0), "{level}");
    let history = async || davy(city, &["query", "events", "--json"]).succeeded().contains(&raised.id).then_some(());
    until_within(LONG, "it is in the city's history", history).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_that_take_each_others_events_have_each_once() {
    let (to_one, to_two) = (Proxy::start(9).await, Proxy::start(9).await);
    let upstream = |it: &Proxy| format!("http://127.0.0.1:{}", it.port());
    let (at_one, at_two) = (upstream(&to_one), upstream(&to_two));
    let mut one = Davy::embedded(&site_of(&named(&["a"])), &["--node", "one", "--upstream", &at_two]);
    let mut two = Davy::embedded(&site_of(&named(&["b"])), &["--node", "two", "--upstream", &at_one]);
    one.start_again().await;
    two.start_again().await;
    to_one.leads_to(port(&one));
    to_two.leads_to(port(&two));
    connected(&one).await;
    connected(&two).await;
    let (of_one, of_two) = (Feed::follow(one.addresses()), Feed::follow(two.addresses()));
    let (mut a, mut b) = (Publisher::connect(one.mqtt(), "gw1"), Publisher::connect(two.mqtt(), "gw1"));
    for round in 0..6 {
        for (half, value) in [(0, 90.0), (1, 10.0)] {
            let ms = now_ms() - 60_000 + i64::from(round * 2 + half) * 1_000;
            a.publish(TOPIC, message(ms, "a", value)).await;
            b.publish(TOPIC, message(ms, "b", value)).await;
        }
        if round == 3 {
            // What the broker inside has not acknowledged goes with it.
            b.flushed(LONG).await;
            two.kill();
            two.start_again().await;
            to_two.leads_to(port(&two));
            b = Publisher::connect(two.mqtt(), "gw1");
        }
    }
    let (own, theirs) = (|feed: &Feed, node: &str| ids(&feed.events(), node), 12);
    until_within(LONG, "both have said everything and have the other's", async || {
        let counts = [own(&of_one, ""), own(&of_one, "two"), own(&of_two, ""), own(&of_two, "one")].map(|it| it.len());
        counts.iter().all(|count| *count >= theirs).then_some(())
    })
    .await;
    // What comes round is counted at home, and goes no farther.
    until_within(LONG, "each has seen its own come round", async || {
        let round = |plant: &Davy| asked(plant, "upstreams")[0]["skipped"]["own"].as_u64().unwrap_or(0) > 0;
        (round(&one) && round(&two)).then_some(())
    })
    .await;
    for (feed, other) in [(&of_one, "two"), (&of_two, "one")] {
        once([own(feed, ""), own(feed, other)].concat());
    }
    assert_eq!(once(own(&of_one, "two")), once(own(&of_two, "")));
    assert_eq!(once(own(&of_two, "one")), once(own(&of_one, "")));
}

/// 2,000 events and 10 cuts, unless `DAVY_UPSTREAM_EVENTS` and `DAVY_UPSTREAM_CUTS` say otherwise; the city was away while they came.
#[tokio::test(flavor = "multi_thread")]
async fn a_city_that_was_away_catches_up_over_a_wire_that_breaks() {
    const POINTS: u64 = 50;
    let (events, cuts) = (from_environment("DAVY_UPSTREAM_EVENTS", 2_000), from_environment("DAVY_UPSTREAM_CUTS", 10));
    let tags: Vec<String> = (0..POINTS).map(|n| format!("p{n}")).collect();
    let (county, mut city, wire) = pair(&tags).await;
    let (there, here) = (Feed::follow(county.addresses()), Feed::follow(city.addresses()));
    city.kill();
    let flips = events / POINTS;
    let base = now_ms() - i64::try_from(flips).expect("small") * 1_000 - 10_000;
    let mut gateway = Publisher::connect(county.mqtt(), "gw1");
    for flip in 0..flips {
        let ms = base + i64::try_from(flip).expect("small") * 1_000;
        gateway.publish(TOPIC, message_of_all(&tags, ms, if flip % 2 == 0 { 90.0 } else { 10.0 })).await;
    }
    gateway.flushed(LONG * 4).await;
    let least = usize::try_from(flips * POINTS).expect("small");
    let said = async || (there.transitions().iter().filter(|it| it.kind != "alarm.closed").count() >= least).then_some(());
    until_within(LONG * 4, "the county has said everything", said).await;

    let mut random = Random::seeded();
    // All together less than the events are, or the last cuts would wait for bytes that never come.
    let bytes = events * 150 / (cuts + 2);
    let began = Instant::now();
    city.launch();
    let broken = async {
        for cut in 1..=cuts {
            wire.cut_after(u32::try_from(1 + random.below(bytes)).expect("small"), Way::Back);
            until_within(LONG, "the wire breaks", async || (wire.cuts() >= cut).then_some(())).await;
        }
    };
    tokio::join!(broken, city.wait_ready());
    same(&there, &here, least).await;
    let seconds = began.elapsed().as_secs_f64();
    eprintln!("{least} events through {cuts} cuts in {seconds:.1} s, a start of the city and its own feed included");
}
