//! First pictures on a real journal: the wind and head counts of its telemetry, kills between the opening and the picture, and what is
//! shown.

use std::sync::Arc;
use std::time::Duration;

use exchange::Config;
use journal::{Append, Embedded, EmbeddedConfig, Journal, JournalId, Key, Level, ReadLimit};
use model::{
    Addressed, AlarmFilter, AlarmKind, Batch, Body, Colour, Department, DepartmentId, DepartmentKind, Enterprise, EnterpriseId,
    Event, EventBody, Extent, GatewayPath, HeadSource, Installation, InstallationId, InstallationKind, Level as Stage, Location,
    Message, Partition, Picture, Place, PlaceId, PlaceKind, Point, PointId, PointNumber, PointSource, Position, Priority,
    Protocol, Quality, Quantity, Revision, RevisionNumber, Sample, Scope, Site, SiteRevised, Span, StepSpans, Substance, Time,
    Transition, WarningPlace, WarningRule, WarningRuleId, WindPoints,
};
use wire::v1;

use crate::mem::{Crash, MemJournal};
use crate::server::{Served, put, serve_with, transition};

const PATIENCE: Duration = Duration::from_secs(20);
const HERE: Location = Location { lat: 32.061, lon: 120.513 };

fn enterprise() -> EnterpriseId {
    EnterpriseId::new("e01").expect("valid")
}

fn telemetry() -> JournalId {
    JournalId::Telemetry(Partition::of(&enterprise()))
}

fn point(id: &str, quantity: Quantity, unit: &str) -> Point {
    Point {
        id: PointId::new(id).expect("valid"),
        name: String::new(),
        installation: InstallationId::new("u1").expect("valid"),
        enterprise: enterprise(),
        park: None,
        quantity,
        unit: unit.to_owned(),
        range: None,
        stale_after: Span::from_secs(60),
        source: PointSource {
            protocol: Protocol::Mqtt,
            gateway: GatewayPath::new("p/e01/gw").expect("valid"),
            tag: id.to_owned(),
        },
        states: Vec::new(),
        alarms: Vec::new(),
        cas: if quantity == Quantity::ToxicGas { "7783-06-4".to_owned() } else { String::new() },
    }
}

fn place(id: &str, north: f64, heads: HeadSource) -> Place {
    let at = Location { lat: HERE.lat + north, lon: HERE.lon };
    let (enterprise, park, extent) = (None, None, Extent::Point(at));
    Place { id: PlaceId::new(id).expect("valid"), name: id.to_owned(), kind: PlaceKind::School, enterprise, park, extent, heads }
}

/// A wind from the south blows to the school in the north; the village lies in the south.
fn revision() -> Revision {
    let id = |text: &str| PointId::new(text).expect("valid");
    let rule = WarningRule {
        id: WarningRuleId::new("gas").expect("valid"),
        name: "有毒气体泄漏".to_owned(),
        topic: "gas".to_owned(),
        colour: Colour::Red,
        when: AlarmFilter { kinds: vec![AlarmKind::HighHigh], ..AlarmFilter::default() },
        count: 1,
        per: WarningPlace::Installation,
        hold: Span::ZERO,
        addressees: vec![(Stage::Park, vec![Addressed::Kind(DepartmentKind::Park)])],
        level: None,
        action: String::new(),
        deadlines: StepSpans::default(),
        escalate: true,
        close_on_return: false,
        picture: None,
    };
    let office = Department {
        id: DepartmentId::new("office").expect("valid"),
        name: "管委会".to_owned(),
        kind: DepartmentKind::Park,
        level: Stage::Park,
        enterprise: None,
        park: None,
        district: String::new(),
    };
    let installation = Installation {
        id: InstallationId::new("u1").expect("valid"),
        name: "合成装置".to_owned(),
        enterprise: enterprise(),
        kind: InstallationKind::Process,
        exposed_people: 0,
        location: Some(HERE),
        substances: vec![Substance { cas: "7783-06-4".to_owned(), name: "硫化氢".to_owned(), design_max_tonnes: 1.0 }],
        wind: Some(WindPoints { speed: id("WS"), direction: id("WD") }),
    };
    let points = vec![
        point("AT", Quantity::ToxicGas, "mg/m3"),
        point("HC", Quantity::Headcount, "人"),
        point("WD", Quantity::WindDirection, "°"),
        point("WS", Quantity::WindSpeed, "m/s"),
        point("XX", Quantity::Other, "-"),
    ];
    let site = Site {
        enterprises: vec![Enterprise { id: enterprise(), name: "示例".to_owned(), park: None, district: String::new() }],
        installations: vec![installation],
        points,
        departments: vec![office],
        warnings: vec![rule],
        places: vec![place("school", 0.01, HeadSource::Fixed(860)), place("village", -0.01, HeadSource::Fixed(300))],
        ..Site::default()
    };
    Revision { number: RevisionNumber(1), site, numbers: (1..=5).map(PointNumber).collect(), ..Revision::default() }
}

async fn append(journal: &dyn Journal, id: JournalId, key: &str, bodies: Vec<bytes::Bytes>) {
    let key = Key::new(key).expect("valid");
    let appended = journal.append(Append { journal: id, key, fence: None, bodies }).await.expect("appends");
    journal.durable(id, appended.last).await.expect("durable");
}

async fn with_site(journal: &dyn Journal) {
    let revised = SiteRevised { revision: RevisionNumber(1), content_hash: [0; 32], points: 5, alarms: 0 };
    let event = Event {
        occurred_at: Time::YEAR_2000,
        subject: Arc::from("site"),
        scope: Scope::default(),
        revision: RevisionNumber(1),
        body: EventBody::Site(revised),
    };
    let record = wire::EventRecord { events: vec![event], site: Some(Arc::new(revision())), ..wire::EventRecord::default() };
    append(journal, JournalId::Events, "registry", vec![wire::encode_event_record(&record)]).await;
}

/// One message of samples of the numbers given, dated now or so many seconds off.
async fn measure(journal: &dyn Journal, samples: &[(u32, Option<f64>, i64)]) {
    append(journal, telemetry(), "ingest", vec![batch(journal.now(), samples)]).await;
}

fn batch(now: Time, samples: &[(u32, Option<f64>, i64)]) -> bytes::Bytes {
    let sample = |(number, value, off): &(u32, Option<f64>, i64)| {
        Sample::new(PointNumber(*number), now.plus(Span::from_secs(*off)), *value, Quality::Good)
    };
    let count = u32::try_from(samples.len()).expect("few");
    wire::encode_body(&Body::Batch(Batch {
        revision: RevisionNumber(1),
        gateways: vec![GatewayPath::new("p/e01/gw").expect("valid")],
        messages: vec![Message { samples: count, ..Message::default() }],
        samples: samples.iter().map(sample).collect(),
    }))
}

const HEADS: u32 = 2;
const DIRECTION: u32 = 3;
const SPEED: u32 = 4;
const OTHER: u32 = 5;

/// Gas at its second level.
fn leak() -> Event {
    let mut event = transition("AT", "e01", Priority::Critical, Transition::Raised);
    event.scope.installation = Some(Arc::from("u1"));
    if let EventBody::Alarm(alarm) = &mut event.body {
        alarm.alarm_kind = AlarmKind::HighHigh;
        alarm.quantity = Quantity::ToxicGas;
    }
    event
}

async fn start(journal: Arc<dyn Journal>) -> Served {
    let config = Config { poll_interval: Duration::from_millis(5), snapshot_records: 3, ..Config::default() };
    serve_with(journal, config).await
}

/// The one warning, as soon as its picture is there.
async fn pictured(served: &mut Served) -> v1::Warning {
    let wait = async {
        loop {
            let answer = served.client.list_warnings(v1::ListWarningsRequest::default()).await.expect("lists").into_inner();
            if let Some(warning) = answer.warnings.into_iter().find(|it| it.picture.is_some()) {
                return warning;
            }
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, wait).await.expect("a picture in time")
}

async fn embedded(folder: &std::path::Path) -> Arc<dyn Journal> {
    Embedded::open(EmbeddedConfig::new(folder)).await.expect("opens")
}

fn places(picture: &v1::Picture) -> Vec<&str> {
    picture.places.iter().map(|it| it.id.as_str()).collect()
}

/// Kinds of what the keeper of warnings said, and its pictures.
async fn said(journal: &dyn Journal) -> (Vec<&'static str>, Vec<Picture>) {
    let records = journal.read(JournalId::Events, Position(0), Level::Appended, ReadLimit::default()).await.expect("reads");
    let own = records.into_iter().filter(|it| it.key.as_str() == "exchange/warnings");
    let events: Vec<_> = own.flat_map(|it| wire::decode_event_record(&it.body).expect("own bytes").events).collect();
    let kinds = events.iter().map(|it| it.body.kind()).collect();
    let picture = |event: Event| match event.body {
        EventBody::Picture(picture) => Some(*picture),
        _ => None,
    };
    (kinds, events.into_iter().filter_map(picture).collect())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_measured_wind_turns_the_picture_and_people_are_counted() {
    let folder = tempfile::tempdir().expect("a folder");
    let journal = embedded(folder.path()).await;
    with_site(&*journal).await;
    // What came last counts, wherever it stands behind other records; more than one read of them.
    measure(&*journal, &[(DIRECTION, Some(0.0), -5), (SPEED, Some(9.0), -5)]).await;
    measure(&*journal, &[(DIRECTION, Some(180.0), 0), (SPEED, Some(3.0), 0), (HEADS, Some(17.0), 0)]).await;
    let noise: Vec<_> = (0..600).map(|_| batch(journal.now(), &[(OTHER, Some(1.0), 0)])).collect();
    append(&*journal, telemetry(), "ingest", noise).await;
    let mut served = start(Arc::clone(&journal)).await;
    put(&*journal, vec![leak()]).await;
    let warning = pictured(&mut served).await;
    let picture = warning.picture.expect("there");
    assert_eq!((picture.warning.as_str(), warning.picture_pending), (warning.id.as_str(), false));
    assert_eq!((picture.isolate_m, picture.shape.as_str(), picture.towards_deg), (Some(400.0), "square", Some(0.0)));
    let wind = picture.wind.as_ref().expect("there");
    assert_eq!((wind.from_deg, wind.speed_mps, wind.used), (Some(180.0), Some(3.0), true));
    assert_eq!(places(&picture), ["school"], "the village is upwind");
    let [unit] = &picture.installations[..] else { panic!("one") };
    assert_eq!((unit.name.as_str(), unit.heads), ("合成装置", Some(17)));
    assert_eq!(picture.total, Some(v1::HeadTotal { known: 877, places: 2, unknown: 0 }));
    assert_eq!(picture.substances[0].un, 1_053);
    let (kinds, pictures) = said(&*journal).await;
    assert_eq!((kinds, pictures.len()), (vec!["warning.opened", "warning.picture"], 1), "the warning did not wait");
    served.stop().await;

    // Another start has nothing to make, and shows the same.
    let mut served = start(Arc::clone(&journal)).await;
    assert_eq!(pictured(&mut served).await.picture, Some(picture));
    served.stop().await;
    assert_eq!(said(&*journal).await.0.len(), 2);
    journal.close().await.expect("closes");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_not_measured_is_unknown_and_says_so() {
    let folder = tempfile::tempdir().expect("a folder");
    let journal = embedded(folder.path()).await;
    with_site(&*journal).await;
    measure(&*journal, &[(DIRECTION, None, 0), (SPEED, Some(3.0), 0)]).await;
    let mut served = start(Arc::clone(&journal)).await;
    put(&*journal, vec![leak()]).await;
    let picture = pictured(&mut served).await.picture.expect("there");
    assert_eq!((picture.shape.as_str(), places(&picture)), ("circle", vec!["village", "school"]));
    let wind = picture.wind.as_ref().expect("there");
    assert_eq!((wind.from_deg, wind.doubt.as_str()), (None, "wind direction of WD: bad quality"));
    let [unit] = &picture.installations[..] else { panic!("one") };
    assert_eq!((unit.heads, unit.heads_doubt.as_str()), (None, "HC: nothing measured in the last 10 minutes"));
    assert_eq!(picture.total, Some(v1::HeadTotal { known: 1_160, places: 3, unknown: 1 }));
    served.stop().await;
    journal.close().await.expect("closes");
}

/// Killed right after the opening, and right after the picture was written: it is there once in the end.
#[tokio::test]
async fn a_kill_between_the_opening_and_the_picture_leaves_it_wanted() {
    for how in [Crash::BeforeWrite, Crash::AfterWrite] {
        let journal = MemJournal::new();
        with_site(&*journal).await;
        let wind = batch(Time::YEAR_2000, &[(DIRECTION, Some(180.0), 0), (SPEED, Some(3.0), 0)]);
        append(&*journal, telemetry(), "ingest", vec![wind]).await;
        // The opening goes through; the picture is the append that gets stuck.
        put(&*journal, vec![leak()]).await;
        journal.crash(1, how);
        let served = start(Arc::<MemJournal>::clone(&journal)).await;
        let wait = async {
            while !journal.is_caught() {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(PATIENCE, wait).await.expect("the picture is written");
        served.runner.abort();
        drop(served);
        journal.no_crash();
        assert_eq!(said(&*journal).await.0[0], "warning.opened");
        let mut served = start(Arc::<MemJournal>::clone(&journal)).await;
        let warning = pictured(&mut served).await;
        assert_eq!(places(warning.picture.as_ref().expect("there")), ["school"]);
        served.stop().await;
        assert_eq!(said(&*journal).await.0, ["warning.opened", "warning.picture"], "{how:?}");
    }
}
