//! Davys that take each other's events: chains, loops and diamonds, crashes at every point, holes, and what foreign events may not do.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use exchange::{Config, Upstream};
use journal::{Journal as _, JournalId};
use model::{
    Addressee, Colour, DepartmentId, Epoch, Event, EventBody, EventId, Level, Priority, RevisionNumber, Scope, Span, StepSpans,
    Time, Transition, WarningChange, WarningRuleId, WarningTransition,
};
use tokio::net::TcpListener;
use tonic::Code;
use wire::v1::StartPosition::{Earliest, Snapshot};
use wire::{Cursor, v1};

use crate::mem::{Crash, MemJournal};
use crate::server::{Served, facts, put, raise, serve_on, serve_with, transition};

const PATIENCE: Duration = Duration::from_secs(20);

fn upstream(name: &str, address: std::net::SocketAddr) -> Upstream {
    Upstream::new(name, &format!("http://{address}"), v1::EventFilter::default(), None).expect("valid")
}

fn node(name: &str, upstreams: Vec<Upstream>) -> Config {
    Config {
        node: Some(name.to_owned()),
        upstreams,
        poll_interval: Duration::from_millis(2),
        snapshot_records: 3,
        ..Config::default()
    }
}

async fn serve(journal: &Arc<MemJournal>, config: Config) -> Served {
    serve_with(Arc::<MemJournal>::clone(journal), config).await
}

async fn eventually<T>(what: &str, mut look: impl AsyncFnMut() -> Option<T>) -> T {
    let wait = async {
        loop {
            if let Some(found) = look().await {
                return found;
            }
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, wait).await.unwrap_or_else(|_| panic!("{what}"))
}

async fn upstreams(served: &mut Served) -> Vec<v1::Upstream> {
    served.client.list_upstreams(v1::ListUpstreamsRequest {}).await.expect("lists").into_inner().upstreams
}

/// Waits until an upstream's opening is taken whole: a city that stops before begins it anew, and has no cursor that could be lost.
async fn opening_is_over(city: &mut Served) {
    eventually("the opening is over", async || {
        let cursor = Cursor::decode(&upstreams(city).await[0].cursor).ok()?;
        (!cursor.in_snapshot).then_some(())
    })
    .await;
}

/// Ids, subjects and origins of all events that a journal holds.
fn all(journal: &MemJournal) -> Vec<(String, String, String)> {
    let records = journal.all(JournalId::Events);
    let events = records.iter().flat_map(|record| {
        let decoded = wire::decode_event_record(&record.body).expect("own bytes");
        wire::recorded_events(decoded, (record.epoch, &record.key.shared(), record.key_seq), record.position, record.time)
            .collect::<Vec<_>>()
    });
    events.map(|it| (it.id.to_string(), it.event.subject.to_string(), it.node().to_owned())).collect()
}

fn each_once(journal: &MemJournal) -> BTreeSet<String> {
    let all = all(journal);
    let ids: BTreeSet<String> = all.iter().map(|(id, ..)| id.clone()).collect();
    assert_eq!(ids.len(), all.len(), "each once: {all:?}");
    ids
}

fn epoch(epoch: u64) -> Arc<MemJournal> {
    MemJournal::of_epoch(Epoch(epoch))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn events_keep_their_ids_and_both_sides_see_how_far_they_are() {
    let (county_journal, city_journal) = (epoch(2), epoch(1));
    put(&*county_journal, vec![raise("before")]).await;
    let mut county = serve(&county_journal, node("county-a", vec![])).await;
    let mut city = serve(&city_journal, node("city", vec![upstream("a", county.address)])).await;
    let mut feed = city.at(Earliest).await;
    let first = feed.event().await;
    assert_eq!((first.subject.as_str(), first.origin.as_str()), ("before", "county-a"), "it begins with what is active");
    put(&*county_journal, vec![raise("a"), raise("b")]).await;
    let theirs = county.at(Earliest).await.events(3).await;
    let taken = [vec![first], feed.events(2).await].concat();
    for (there, here) in theirs.iter().zip(&taken) {
        assert_eq!((&there.id, &there.body, &there.recorded_at), (&here.id, &here.body, &here.origin_recorded_at));
        assert!(there.origin.is_empty() && here.origin == "county-a");
    }
    assert_eq!(city.at(Snapshot).await.events(3).await.len(), 3, "they are active here as well");
    let there = eventually("the county learns it", async || {
        let request = v1::ListSubscriptionsRequest::default();
        let all = county.client.list_subscriptions(request).await.expect("lists").into_inner().subscriptions;
        all.into_iter().find(|it| it.name == "upstream.city" && it.records_behind == 0 && !it.committed_cursor.is_empty())
    })
    .await;
    assert_eq!(there.open_feeds, 1);
    let here = eventually("the city knows it", async || {
        upstreams(&mut city).await.into_iter().find(|it| it.taken == 3 && it.records_behind == Some(0))
    })
    .await;
    assert_eq!((here.node.as_str(), here.connected, here.trouble.as_str()), ("county-a", true, ""));
    assert!(here.last_event_at.is_some() && !here.cursor.is_empty());
    city.stop().await;
    county.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_loop_ends_with_each_event_once_on_each_side() {
    let listener = async || TcpListener::bind("127.0.0.1:0").await.expect("binds");
    let (first, second) = (listener().await, listener().await);
    let at = |it: &TcpListener| it.local_addr().expect("bound");
    let (to_first, to_second) = (upstream("one", at(&first)), upstream("two", at(&second)));
    let (one, two) = (epoch(1), epoch(2));
    // Each needs the other's address, so neither is there when the other asks first.
    let serve =
        async |listener, journal: &Arc<MemJournal>, config| serve_on(listener, Arc::<MemJournal>::clone(journal), config).await;
    let (served_one, served_two) =
        (serve(first, &one, node("one", vec![to_second])).await, serve(second, &two, node("two", vec![to_first])).await);
    for n in 0..20 {
        put(&*one, vec![raise(&format!("one-{n}"))]).await;
        put(&*two, vec![raise(&format!("two-{n}")), raise(&format!("also-two-{n}"))]).await;
    }
    for journal in [&one, &two] {
        eventually("all 60 are there", async || (all(journal).len() >= 60).then_some(())).await;
    }
    put(&*one, vec![raise("last")]).await;
    eventually("the last one came", async || all(&two).iter().any(|it| it.1 == "last").then_some(())).await;
    assert_eq!(each_once(&one), each_once(&two));
    assert_eq!(each_once(&one).len(), 61);
    served_one.stop().await;
    served_two.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_comes_two_ways_is_taken_once() {
    let (county_journal, left_journal, right_journal, city_journal) = (epoch(2), epoch(3), epoch(4), epoch(1));
    let county = serve(&county_journal, node("county", vec![])).await;
    let left = serve(&left_journal, node("left", vec![upstream("county", county.address)])).await;
    let right = serve(&right_journal, node("right", vec![upstream("county", county.address)])).await;
    let ways = vec![upstream("left", left.address), upstream("right", right.address)];
    let mut city = serve(&city_journal, node("city", ways)).await;
    for n in 0..30 {
        put(&*county_journal, vec![raise(&format!("p{n}"))]).await;
    }
    let skipped = eventually("the second way has brought them too", async || {
        let all = upstreams(&mut city).await;
        let skipped: u64 = all.iter().flat_map(|it| &it.skipped).filter(|it| it.reason == "duplicate").map(|it| it.count).sum();
        (skipped + all.iter().map(|it| it.taken).sum::<u64>() >= 60).then_some(skipped)
    })
    .await;
    assert_eq!((skipped, each_once(&city_journal).len()), (30, 30));
    assert!(all(&city_journal).iter().all(|(.., node)| node == "county"), "the first Davy is the origin, whichever way");
    for served in [city, left, right, county] {
        served.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_crash_at_any_append_neither_loses_nor_doubles() {
    let (county_journal, city_journal) = (epoch(2), epoch(1));
    let county = serve(&county_journal, node("county", vec![])).await;
    for (round, how) in [Crash::BeforeWrite, Crash::AfterWrite].into_iter().cycle().take(8).enumerate() {
        city_journal.crash(u32::try_from(round / 4).expect("small"), how);
        let city = serve(&city_journal, node("city", vec![upstream("a", county.address)])).await;
        for n in 0..3 {
            put(&*county_journal, vec![raise(&format!("{round}-{n}"))]).await;
        }
        if round % 3 == 2 {
            city_journal.hold();
        }
        // Killed: nothing of it runs any more.
        let wanted = (round + 1) * 3;
        let stuck = tokio::time::timeout(Duration::from_millis(200), async {
            while all(&city_journal).len() < wanted {
                tokio::task::yield_now().await;
            }
        });
        drop(stuck.await);
        city.runner.abort();
        drop(city.runner.await);
        city_journal.lose_the_rest();
        city_journal.sync();
    }
    city_journal.no_crash();
    let city = serve(&city_journal, node("city", vec![upstream("a", county.address)])).await;
    eventually("everything is there in the end", async || (all(&city_journal).len() >= 24).then_some(())).await;
    assert_eq!(each_once(&city_journal), each_once(&county_journal));
    city.stop().await;
    county.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hole_is_said_and_what_ended_in_it_is_closed() {
    let (county_journal, city_journal) = (epoch(2), epoch(1));
    put(&*county_journal, vec![raise("stands"), raise("ends")]).await;
    put(&*city_journal, vec![raise("ours")]).await;
    let mut county = serve(&county_journal, node("county", vec![])).await;
    let to_county = upstream("a", county.address);
    let mut city = serve(&city_journal, node("city", vec![to_county.clone()])).await;
    eventually("both came", async || (all(&city_journal).len() == 3).then_some(())).await;
    opening_is_over(&mut city).await;
    city.stop().await;
    put(&*county_journal, vec![transition("ends", "e01", Priority::High, Transition::Closed)]).await;
    put(&*county_journal, vec![raise("new")]).await;
    put(&*county_journal, vec![raise("newest")]).await;
    // The county has read itself what is trimmed then.
    assert_eq!(county.at(Snapshot).await.events(3).await.len(), 3);
    county.client.list_warnings(v1::ListWarningsRequest::default()).await.expect("lists");
    county_journal.trim(JournalId::Events, 4);
    let mut city = serve(&city_journal, node("city", vec![to_county])).await;
    let mut feed = city.at(Earliest).await;
    let mut events = feed.events(7).await;
    events.drain(..3);
    events.sort_by(|a, b| (&a.kind, &a.subject).cmp(&(&b.kind, &b.subject)));
    let said: Vec<_> = events.iter().map(|it| (it.kind.as_str(), it.subject.as_str(), it.origin.as_str())).collect();
    let wanted = [
        ("alarm.closed", "ends", "county"),
        ("alarm.raised", "new", "county"),
        ("alarm.raised", "newest", "county"),
        ("gap.possible", "a", ""),
    ];
    assert_eq!(said, wanted);
    let Some(v1::event::Body::Gap(gap)) = &events[3].body else { panic!("a gap") };
    assert!(gap.source == "upstream/a" && gap.reason.contains("no longer kept"), "{gap:?}");
    let open = city.at(Snapshot).await.events(4).await;
    let open: BTreeSet<_> = open.iter().map(|it| it.subject.as_str()).collect();
    assert_eq!(open, BTreeSet::from(["new", "newest", "ours", "stands"]));
    each_once(&city_journal);
    city.stop().await;
    county.stop().await;
}

fn opened() -> Event {
    let department = DepartmentId::new("office").expect("valid");
    let within = StepSpans { received: Span::from_secs(1), ..StepSpans::default() };
    let deadlines = Some(within.from(Time::YEAR_2000));
    let told = Addressee { department, name: "管委会".to_owned(), level: Level::Park, deadlines };
    let rule = WarningRuleId::new("gas").expect("valid");
    let change = WarningChange {
        topic: "gas".to_owned(),
        colour: Colour::Red,
        level: Level::Park,
        escalate: true,
        addressees: vec![told],
        ..WarningChange::new(WarningTransition::Opened, rule)
    };
    Event {
        occurred_at: Time::YEAR_2000,
        subject: Arc::from("p"),
        scope: Scope::default(),
        revision: RevisionNumber(1),
        body: EventBody::Warning(Box::new(change)),
    }
}

fn warning(change: WarningTransition, of: &str) -> Event {
    let mut event = opened();
    let EventBody::Warning(said) = &mut event.body else { panic!("a warning") };
    (said.transition, said.warning, said.addressees) = (change, EventId::parse(of), Vec::new());
    event
}

/// What is open there: points with an alarm, and ids of warnings as the feed and as the list tell them.
async fn open(served: &mut Served) -> (BTreeSet<String>, BTreeSet<String>, BTreeSet<String>) {
    let opening = served.at(Snapshot).await.opening().await;
    let alarms = opening.iter().filter(|it| it.kind.starts_with("alarm.")).map(|it| it.subject.clone()).collect();
    let warnings = opening.iter().filter_map(|it| match &it.body {
        Some(v1::event::Body::Warning(change)) => Some(change.warning.clone()),
        _ => None,
    });
    let warnings = warnings.collect();
    let request = v1::ListWarningsRequest { open_only: true, ..v1::ListWarningsRequest::default() };
    let listed = served.client.list_warnings(request).await.expect("lists").into_inner().warnings;
    (alarms, warnings, listed.into_iter().map(|it| it.id).collect())
}

async fn has_open(served: &mut Served, alarms: &[&str], warnings: &[&String]) {
    let (points, ids): (BTreeSet<_>, BTreeSet<_>) =
        (alarms.iter().map(ToString::to_string).collect(), warnings.iter().map(|id| (*id).clone()).collect());
    let wanted = (points, ids.clone(), ids);
    let mut last = None;
    let wait = eventually("what is open", async || {
        let found = open(served).await;
        let is_so = found == wanted;
        last = Some(found);
        is_so.then_some(())
    });
    if tokio::time::timeout(PATIENCE / 2, wait).await.is_err() {
        panic!("{last:?} instead of {wanted:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_narrower_filter_closed_is_told_again_by_a_wider_one() {
    let (county_journal, city_journal) = (epoch(2), epoch(1));
    let county = serve(&county_journal, node("county", vec![])).await;
    put(&*county_journal, vec![raise("a"), opened(), raise("b"), opened()]).await;
    let ids: Vec<String> = all(&county_journal).into_iter().map(|(id, ..)| id).collect();
    let (lasts, ends) = (&ids[1], &ids[3]);
    let with = |kinds: &[&str]| {
        let filter = v1::EventFilter { kinds: kinds.iter().map(ToString::to_string).collect(), ..v1::EventFilter::default() };
        let upstream = Upstream::new("a", &format!("http://{}", county.address), filter, None).expect("valid");
        node("city", vec![upstream])
    };
    let mut city = serve(&city_journal, with(&[])).await;
    has_open(&mut city, &["a", "b"], &[lasts, ends]).await;
    city.stop().await;
    let mut city = serve(&city_journal, with(&["source.*"])).await;
    has_open(&mut city, &[], &[]).await;
    city.stop().await;
    put(&*county_journal, vec![transition("b", "e01", Priority::High, Transition::Closed)]).await;
    put(&*county_journal, vec![warning(WarningTransition::Closed, ends)]).await;
    let mut city = serve(&city_journal, with(&[])).await;
    // A warning is closed for good: what was done about it meanwhile could not be told in order.
    has_open(&mut city, &["a"], &[]).await;
    put(&*county_journal, vec![warning(WarningTransition::Closed, lasts)]).await;
    put(&*county_journal, vec![transition("a", "e01", Priority::High, Transition::Closed)]).await;
    has_open(&mut city, &[], &[]).await;
    each_once(&city_journal);
    city.stop().await;
    county.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn warnings_that_ended_in_a_hole_are_closed_and_others_stand() {
    let (county_journal, city_journal) = (epoch(2), epoch(1));
    put(&*county_journal, vec![opened(), opened()]).await;
    let ids: Vec<String> = all(&county_journal).into_iter().map(|(id, ..)| id).collect();
    let (stands, ends) = (&ids[0], &ids[1]);
    let mut county = serve(&county_journal, node("county", vec![])).await;
    let to_county = upstream("a", county.address);
    let mut city = serve(&city_journal, node("city", vec![to_county.clone()])).await;
    has_open(&mut city, &[], &[stands, ends]).await;
    opening_is_over(&mut city).await;
    city.stop().await;
    put(&*county_journal, vec![warning(WarningTransition::Closed, ends)]).await;
    put(&*county_journal, vec![raise("new")]).await;
    has_open(&mut county, &["new"], &[stands]).await;
    county_journal.trim(JournalId::Events, county_journal.bounds(JournalId::Events).durable.0);
    let mut city = serve(&city_journal, node("city", vec![to_county])).await;
    has_open(&mut city, &["new"], &[stands]).await;
    each_once(&city_journal);
    city.stop().await;
    county.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn warnings_of_another_davy_are_shown_and_left_to_it() {
    let (county_journal, city_journal) = (epoch(2), epoch(1));
    let county = serve(&county_journal, node("county", vec![])).await;
    let mut city = serve(&city_journal, node("city", vec![upstream("a", county.address)])).await;
    eventually("it is connected", async || upstreams(&mut city).await[0].connected.then_some(())).await;
    put(&*county_journal, vec![opened()]).await;
    let warning = eventually("it is listed", async || {
        let answer = city.client.list_warnings(v1::ListWarningsRequest::default()).await.expect("lists").into_inner();
        answer.warnings.into_iter().next()
    })
    .await;
    assert_eq!((warning.origin.as_str(), warning.colour.as_str(), warning.addressees.len()), ("county", "red", 1));
    assert_eq!(EventId::parse(&warning.id).map(|it| it.epoch), Some(Epoch(2)));
    let request = v1::RespondToWarningRequest {
        warning: warning.id.clone(),
        department: "office".to_owned(),
        action: "receive".to_owned(),
        actor: "li".to_owned(),
        ..v1::RespondToWarningRequest::default()
    };
    let refused = city.client.respond_to_warning(request).await.expect_err("not here");
    assert_eq!((refused.code(), facts(&refused).0.as_str()), (Code::FailedPrecondition, "issued_elsewhere"));
    assert!(refused.message().contains("county"), "{}", refused.message());
    // Its step is long late; that is for the county to say.
    city_journal.set_now(Time::YEAR_2000 + Span::from_secs(3_600));
    put(&*city_journal, vec![raise("ours")]).await;
    eventually("the city has looked at its warnings again", async || {
        let request = v1::ListWarningsRequest { late_only: true, ..v1::ListWarningsRequest::default() };
        let answer = city.client.list_warnings(request).await.expect("lists").into_inner();
        (answer.total_size == 1).then_some(())
    })
    .await;
    city.stop().await;
    let own: Vec<_> = city_journal.all(JournalId::Events).into_iter().map(|it| it.key.to_string()).collect();
    assert!(!own.iter().any(|key| key == "exchange/warnings"), "{own:?}");
    county.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_of_one_name_do_not_mix() {
    let (county_journal, city_journal) = (epoch(2), epoch(1));
    let county = serve(&county_journal, node("city", vec![])).await;
    let mut city = serve(&city_journal, node("city", vec![upstream("a", county.address)])).await;
    put(&*county_journal, vec![raise("p")]).await;
    let trouble = eventually("it is refused", async || {
        let it = upstreams(&mut city).await.remove(0);
        it.trouble.contains("--node").then_some(it)
    })
    .await;
    assert!(!trouble.connected && all(&city_journal).is_empty());
    city.stop().await;
    county.stop().await;
}
