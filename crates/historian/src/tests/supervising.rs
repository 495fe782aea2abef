//! The supervision record: the same whatever stops in between, and answered from.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use journal::{Clock, Journal, JournalId};
use model::{
    AlarmId, AlarmKind, AlarmRule, AlarmState, Body, EventBody, Park, ParkId, PointNumber, Protocol, Quantity, Revision,
    RevisionNumber, Site, SourceId, Span, Time, Transition,
};
use service::Shutdown;
use store::{GapQuery, GapRow, RuleDayRow, RuleQuery, RuleRow, Store};

use super::faulty::{Fate, Faulty};
use super::storing::trimmed;
use super::{E01, Plant, batch, event, open_store, sample, telemetry};
use crate::supervision::answer::{self, OnlineBy, Wanted};
use crate::supervision::{Folded, Supervisor};

/// A clock that moves when told to.
#[derive(Debug)]
struct Hands(Mutex<Time>);

impl Hands {
    fn set(&self, time: Time) {
        *self.0.lock().unwrap() = time;
    }
}

impl Clock for Hands {
    fn wall(&self) -> Time {
        *self.0.lock().unwrap()
    }

    fn monotonic(&self) -> Span {
        self.wall().since(Time::YEAR_2000)
    }
}

/// Seconds from 15:00:00 UTC; at 16:00:00 a day ends in Shanghai.
fn at(second: i64) -> Time {
    Time::YEAR_2000.plus(Span::from_secs(15 * 3_600 + second))
}

const MIDNIGHT: i64 = 3_600;

fn site() -> Arc<Revision> {
    let plain = |id: &str, number: u32| {
        let rule = |id: &str, kind| AlarmRule { id: AlarmId::new(id).unwrap(), kind, ..AlarmRule::default() };
        model::Point {
            id: model::PointId::new(id).unwrap(),
            name: String::new(),
            installation: model::InstallationId::new("i1").unwrap(),
            enterprise: model::EnterpriseId::new("e01").unwrap(),
            park: Some(ParkId::new("rugang").unwrap()),
            quantity: Quantity::Level,
            unit: "m".to_owned(),
            range: None,
            stale_after: Span::from_secs(10),
            source: model::PointSource {
                protocol: Protocol::Mqtt,
                gateway: model::GatewayPath::new("rugang/e01/gw1").unwrap(),
                tag: number.to_string(),
            },
            states: Vec::new(),
            alarms: vec![AlarmRule { limit: Some(1.0), ..rule("high", AlarmKind::High) }, rule("stale", AlarmKind::Stale)],
            cas: String::new(),
        }
    };
    let park = Park {
        id: ParkId::new("rugang").unwrap(),
        name: String::new(),
        time_zone: "Asia/Shanghai".to_owned(),
        district: String::new(),
        wind: None,
    };
    let points = vec![plain("e01-LI-1", 1), plain("e01-LI-2", 2)];
    let site = Site { parks: vec![park], points, ..Site::default() };
    Arc::new(Revision { number: RevisionNumber(1), site, numbers: vec![PointNumber(1), PointNumber(2)], ..Revision::default() })
}

fn alarm(transition: Transition, state: AlarmState) -> EventBody {
    EventBody::Alarm(Box::new(model::AlarmTransition {
        transition,
        alarm: AlarmId::new("high").unwrap(),
        alarm_kind: AlarmKind::High,
        priority: model::Priority::Medium,
        state,
        occurrence: None,
        activation: 0,
        in_alarm: false,
        value: None,
        limit: None,
        annunciated: false,
        late: false,
        held: false,
        clock_suspect: false,
        out_of_range: false,
        reason: String::new(),
        actor: String::new(),
        request_id: None,
        unit: Arc::from(""),
        quantity: Quantity::Level,
        position: Arc::from(""),
        group: Arc::from(""),
        first_out: false,
        until: None,
        clock: None,
        advice: None,
    }))
}

/// A journal whose time is told.
async fn plant() -> (Plant, Arc<Hands>) {
    let hands = Arc::new(Hands(Mutex::new(at(0))));
    let clock: Arc<dyn Clock> = Arc::<Hands>::clone(&hands);
    (Plant::with(|config| config.clock = clock).await, hands)
}

impl Plant {
    async fn tell(&self, hands: &Hands, second: i64, bodies: &[Body]) {
        hands.set(at(second));
        self.append(telemetry(E01), "ingest", bodies.iter().map(wire::encode_body).collect()).await;
    }

    /// What happens in a second of the script: the second point falls silent, the first one's alarm is shelved, Davy stands still for 4 s.
    async fn second(&self, hands: &Hands, second: i64) {
        let up = Body::SourceUp { source: SourceId::named("mqtt"), session_lost: false };
        let down = |since| Body::SourceDown { source: SourceId::all(), since: at(since), reason: "start".to_owned() };
        match second {
            0 => self.tell(hands, 0, &[down(0), up, Body::Revision(site())]).await,
            80..83 => {}
            83 => self.tell(hands, 83, &[down(79), up]).await,
            _ => {
                hands.set(at(second));
                let mut samples = vec![sample(1, at(second).micros(), 0.0)];
                samples.extend((!(30..60).contains(&second)).then(|| sample(2, at(second).micros(), 0.0)));
                self.append(telemetry(E01), "ingest", vec![batch(samples)]).await;
            }
        }
        match second {
            20 => self.event(event("e01-LI-1", 0, alarm(Transition::Shelved, AlarmState::Shelved))).await,
            50 => self.event(event("e01-LI-1", 0, alarm(Transition::Unshelved, AlarmState::Normal))).await,
            _ => {}
        }
    }

    fn supervisor(&self, store: &Arc<dyn Store>) -> Supervisor {
        let journal: Arc<dyn Journal> = Arc::clone(&self.journal) as Arc<dyn Journal>;
        Supervisor::new(journal, Arc::clone(store), Arc::default())
    }
}

/// Everything the record holds.
async fn record(store: &dyn Store) -> (Vec<GapRow>, Vec<RuleRow>, Vec<RuleDayRow>) {
    let gaps = store.gaps(&GapQuery { scopes: Vec::new(), from: Time::MIN, to: Time::MAX }).await.unwrap();
    let all = RuleQuery { from: Time::MIN, to: Time::MAX, ..RuleQuery::default() };
    (gaps, store.rules(&all).await.unwrap(), store.rule_days(&all).await.unwrap())
}

fn told(gaps: &[GapRow]) -> Vec<(&str, &str, i64, Option<i64>)> {
    let second = |time: Time| time.since(at(0)).micros();
    gaps.iter().map(|it| (it.scope.as_str(), it.reason.as_str(), second(it.from), it.to.map(second))).collect()
}

/// Ends the script after midnight, with events there too.
async fn past_midnight(plant: &Plant, hands: &Hands) {
    plant.tell(hands, MIDNIGHT + 601, &[Body::Tick]).await;
}

const S: i64 = 1_000_000;

#[tokio::test]
async fn is_the_same_whatever_stops_in_between() {
    let (plant, hands) = plant().await;
    let (one, two) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (killed, failing) = (open_store(one.path()).await, open_store(two.path()).await);
    let fates = [Fate::FailsBefore, Fate::Works, Fate::FailsAfter, Fate::Works, Fate::FailsAfter, Fate::FailsBefore];
    let faulty: Arc<dyn Store> = Faulty::new(Arc::clone(&failing), fates.into_iter().cycle().take(150));
    let mut beside = plant.supervisor(&faulty);
    for second in 0..100 {
        plant.second(&hands, second).await;
        // A new one each second: killed after every write, and once in three times before one.
        plant.supervisor(&killed).round(&BTreeSet::new(), second % 3 != 0).await.unwrap();
        if beside.round(&BTreeSet::new(), true).await.is_err() {
            beside = plant.supervisor(&faulty);
        }
    }
    past_midnight(&plant, &hands).await;
    for store in [&killed, &failing, &plant.store] {
        while plant.supervisor(store).round(&BTreeSet::new(), true).await.unwrap() {}
    }

    let (gaps, rules, days) = record(&*plant.store).await;
    let wanted = [
        ("partition/68", "engine_down", 79 * S, Some(83 * S)),
        ("partition/68", "engine_down", 99 * S, Some((MIDNIGHT + 601) * S)),
        ("point/e01-LI-1", "never_seen", 0, Some(S)),
        ("point/e01-LI-1", "stale", 109 * S + 1, None),
        ("point/e01-LI-2", "never_seen", 0, Some(S)),
        ("point/e01-LI-2", "stale", 39 * S + 1, Some(60 * S)),
        ("point/e01-LI-2", "stale", 109 * S + 1, None),
        ("rule/e01-LI-1/high", "shelved", 20 * S, Some(50 * S)),
        ("source/68/grpc", "gateway_offline", 0, None),
        ("source/68/mqtt", "gateway_offline", 0, Some(0)),
        ("source/68/mqtt", "gateway_offline", 79 * S, Some(83 * S)),
        ("source/68/sparkplug", "gateway_offline", 0, None),
    ];
    assert_eq!(told(&gaps), wanted);
    let names: Vec<_> = rules.iter().map(|it| (it.point.as_str(), it.alarm.as_str(), it.kind.as_str(), it.to)).collect();
    let wanted = [
        ("e01", "enterprise_down", "enterprise_down", None),
        ("e01-LI-1", "", "online", None),
        ("e01-LI-1", "high", "high", None),
        ("e01-LI-1", "stale", "stale", None),
        ("e01-LI-2", "", "online", None),
        ("e01-LI-2", "high", "high", None),
        ("e01-LI-2", "stale", "stale", None),
        ("rugang/e01/gw1", "gateway_down", "gateway_down", None),
    ];
    assert_eq!(names, wanted);
    let whole = (gaps, rules, days);
    assert_eq!(record(&*killed).await, whole);
    assert_eq!(record(&*failing).await, whole);
}

#[tokio::test]
async fn days_end_at_the_parks_own_midnight() {
    let (plant, hands) = plant().await;
    for second in 0..100 {
        plant.second(&hands, second).await;
    }
    let mut supervisor = plant.supervisor(&plant.store);
    while supervisor.round(&BTreeSet::new(), true).await.unwrap() {}
    assert!(record(&*plant.store).await.2.is_empty(), "the day is not over");
    plant.tell(&hands, MIDNIGHT + 599, &[Body::Tick]).await;
    supervisor.round(&BTreeSet::new(), true).await.unwrap();
    assert!(record(&*plant.store).await.2.is_empty(), "something may yet be told of it");
    past_midnight(&plant, &hands).await;
    supervisor.round(&BTreeSet::new(), true).await.unwrap();

    let days = record(&*plant.store).await.2;
    assert!(days.iter().all(|it| it.day == at(MIDNIGHT - 86_400)));
    let high = days.iter().find(|it| (it.point.as_str(), it.alarm.as_str()) == ("e01-LI-1", "high")).unwrap();
    assert_eq!((high.in_force, high.enterprise.as_str(), high.park.as_str()), (Span::from_secs(MIDNIGHT), "e01", "rugang"));
    // Never seen for 1 s, shelved for 30, not running for 4 and from the last record on.
    assert_eq!(high.supervised, Span::from_secs(MIDNIGHT - 1 - 30 - 4 - (MIDNIGHT - 99)));
    let reasons: Vec<_> = high.reasons.iter().map(|(reason, span)| (reason.as_str(), span.micros())).collect();
    let wanted = [
        ("engine_down", (4 + MIDNIGHT - 99) * S),
        ("gateway_offline", 4 * S),
        ("never_seen", S),
        ("shelved", 30 * S),
        ("stale", (MIDNIGHT - 109) * S - 1),
    ];
    assert_eq!(reasons, wanted);
    let stale = days.iter().find(|it| (it.point.as_str(), it.alarm.as_str()) == ("e01-LI-1", "stale")).unwrap();
    assert_eq!(stale.supervised, Span::from_secs(99 - 4));
}

#[tokio::test]
async fn answers_wait_for_what_was_durable() {
    let (plant, hands) = plant().await;
    plant.second(&hands, 0).await;
    let (folded, shutdown) = (Arc::<Folded>::default(), Shutdown::new());
    let journal = Arc::clone(&plant.journal) as Arc<dyn Journal>;
    let supervisor = Supervisor::new(Arc::clone(&journal), Arc::clone(&plant.store), Arc::clone(&folded));
    let task = tokio::spawn(supervisor.serve(shutdown.clone()));
    for second in 1..100 {
        plant.second(&hands, second).await;
    }
    let targets = [telemetry(E01), JournalId::Events].map(|id| (id, journal.bounds(id).durable));
    folded.wait(&targets, super::LONG).await;

    let listed = |it: &str| vec![it.to_owned()];
    let wanted = Wanted { points: listed("e01-LI-1"), alarms: listed("high"), from: at(0), to: at(1_000), ..Wanted::default() };
    let answer = answer::answer(&*plant.store, &*journal, &folded, &wanted).await.unwrap();
    assert_eq!(answer.complete_to, Some(at(99)));
    let [rule] = &*answer.rules else { panic!("{answer:?}") };
    assert_eq!((rule.in_force, rule.supervised), (Span::from_secs(99), Span::from_secs(99 - 1 - 30 - 4)));
    let reasons: Vec<_> = rule.gaps.iter().map(|it| (it.reason.as_str(), it.from, it.to)).collect();
    let (shelved, down) = (("shelved", at(20), at(50)), ("engine_down", at(79), at(83)));
    // The link was down for no time at all: it is told, and counts for nothing.
    let start = [("gateway_offline", at(0), at(0)), ("never_seen", at(0), at(1))];
    assert_eq!(reasons, [start[0], start[1], shelved, down, ("gateway_offline", at(79), at(83))]);

    let moment = async |second| answer::at(&*plant.store, &*journal, &folded, ("e01-LI-1", "high"), at(second)).await.unwrap();
    assert_eq!(moment(10).await.could_have_fired, Some(true));
    let shelved = moment(30).await;
    assert_eq!(shelved.could_have_fired, Some(false));
    assert!(shelved.gaps[0].evidence.contains("-engine/17-"), "{shelved:?}");
    assert_eq!(moment(99).await.could_have_fired, None, "nobody knows yet");
    let none = answer::at(&*plant.store, &*journal, &folded, ("e01-LI-1", "low"), at(30)).await.unwrap();
    assert!(none.not_in_force);

    let all = Wanted { from: at(0), to: at(1_000), ..Wanted::default() };
    let by = async |by| answer::online(&*plant.store, &*journal, &folded, &all, by).await.unwrap().rates;
    let told = |rates: Vec<answer::OnlineRate>| {
        rates.into_iter().map(|it| (it.id, it.points, it.in_force.micros(), it.online.micros())).collect::<Vec<_>>()
    };
    // The store names points by `site.revised`, which this script has none of.
    let points = vec!["e01-LI-1".to_owned(), "e01-LI-2".to_owned()];
    let named = Wanted { points, ..all.clone() };
    let rates = answer::online(&*plant.store, &*journal, &folded, &named, OnlineBy::Point).await.unwrap().rates;
    let second = 94 * S - (21 * S - 1);
    assert_eq!(told(rates), [("e01-LI-1".to_owned(), 1, 99 * S, 94 * S), ("e01-LI-2".to_owned(), 1, 99 * S, second)]);
    let rates = answer::online(&*plant.store, &*journal, &folded, &named, OnlineBy::Park).await.unwrap().rates;
    assert_eq!(told(rates), [("rugang".to_owned(), 2, 198 * S, 94 * S + second)]);
    assert_eq!(told(by(OnlineBy::Enterprise).await), []);
    assert!(answer::days(&*plant.store, &all).await.unwrap().days.is_empty());
    let every = answer::answer(&*plant.store, &*journal, &folded, &all).await.unwrap();
    assert_eq!(every.rules.len(), 6, "points themselves are no rules");
    shutdown.request();
    task.await.unwrap().unwrap();
}

#[tokio::test]
async fn what_retention_dropped_is_a_gap_and_no_stop() {
    let plant = trimmed().await;
    let first = plant.journal.bounds(telemetry(E01)).first;
    // The rows of events name the site that no record of the partition has any more.
    plant.store_all().await;
    let mut supervisor = plant.supervisor(&plant.store);
    while supervisor.round(&BTreeSet::new(), true).await.unwrap() {}
    let (gaps, rules, _) = record(&*plant.store).await;
    assert!(rules.iter().any(|it| it.point == "e01-PI-101" && it.kind == "online"), "{rules:?}");
    assert!(gaps.iter().all(|it| it.reason != "not_recorded"), "before the first record no rule was in force");

    // From here on it has a state, and the journal moves on without it.
    let stored = plant.store.supervision_state("supervision/telemetry/68").await.unwrap().unwrap().0;
    for n in 400..800 {
        let position = plant.samples(E01, vec![sample(1, n * 1_000, 1.0); 20]).await;
        if n % 150 == 0 {
            let (key, journal) = (journal::Key::engine(model::Partition(E01)), telemetry(E01));
            let body = bytes::Bytes::new();
            plant.journal.put_snapshot(journal::Snapshot { key, journal, position, body }).await.unwrap();
        }
    }
    plant.journal.retain().await.unwrap();
    let next = plant.journal.bounds(telemetry(E01)).first;
    assert!(next.0 > stored.0 + 1 && next > first, "nothing was trimmed");
    while supervisor.round(&BTreeSet::new(), true).await.unwrap() {}
    let gaps = record(&*plant.store).await.0;
    let lost: Vec<_> = gaps.iter().filter(|it| it.reason == "not_recorded").collect();
    let [lost] = &*lost else { panic!("{gaps:?}") };
    assert_eq!(
        (lost.scope.as_str(), lost.evidence.as_str()),
        ("partition/68", &*format!("telemetry/68@{} to {}", stored.0, next.0))
    );
    assert!(gaps.iter().all(|it| it.reason != "engine_down"));
}

#[tokio::test]
async fn a_state_that_cannot_be_read_stops_nothing() {
    let (plant, hands) = plant().await;
    plant.second(&hands, 0).await;
    while plant.supervisor(&plant.store).round(&BTreeSet::new(), true).await.unwrap() {}
    let position = plant.store.supervision_state("supervision/telemetry/68").await.unwrap().unwrap().0;
    let broken = store::SupervisionBatch {
        key: "supervision/telemetry/68".to_owned(),
        epoch: plant.journal.epoch(),
        after: position,
        upto: position,
        state: vec![1, 2, 3],
        ..store::SupervisionBatch::default()
    };
    plant.store.write_supervision(&broken).await.unwrap();
    plant.second(&hands, 1).await;
    while plant.supervisor(&plant.store).round(&BTreeSet::new(), true).await.unwrap() {}
    let after = plant.store.supervision_state("supervision/telemetry/68").await.unwrap().unwrap();
    assert!(after.0 > position && after.1.len() > 3);
}
