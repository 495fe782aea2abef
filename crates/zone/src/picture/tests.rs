//! Pictures of a small park: a known wind, none, no substance, two of them, and people who are counted once.

use std::sync::Arc;

use model::{
    Enterprise, EnterpriseId, Epoch, EventId, Extent, GatewayPath, HeadSource, Installation, InstallationId, InstallationKind,
    KeySeq, Location, ParkId, Picture, PictureShape, PictureZone, Place, PlaceId, PlaceKind, Plan, PlanId, Point, PointId,
    PointSource, Protocol, Quantity, Resource, ResourceId, ResourceKind, Scope, Site, Span, SpillSize, Substance, SubstanceFrom,
    Time, WindPoints,
};

use crate::picture::{Asked, Reading, Readings, Source};
use crate::release::Bounds;
use crate::table::Tables;

const HERE: Location = Location { lat: 32.061, lon: 120.513 };
/// 2026-11-29T00:36:00Z, a morning in Rugao.
const NOW: Time = Time::from_micros(1_795_912_560_000_000);
const AMMONIA: &str = "7664-41-7";
const SULFIDE: &str = "7783-06-4";

fn id(text: &str) -> PointId {
    PointId::new(text).unwrap()
}

/// So many metres from the source.
fn away(north_m: f64, east_m: f64) -> Location {
    Location { lat: HERE.lat + north_m / 110_900.0, lon: HERE.lon + east_m / 94_400.0 }
}

fn point(name: &str, installation: &str, quantity: Quantity, unit: &str) -> Point {
    Point {
        id: id(name),
        name: String::new(),
        installation: InstallationId::new(installation).unwrap(),
        enterprise: EnterpriseId::new("e1").unwrap(),
        park: ParkId::new("p").ok(),
        quantity,
        unit: unit.to_owned(),
        range: None,
        stale_after: Span::from_secs(60),
        source: PointSource { protocol: Protocol::Mqtt, gateway: GatewayPath::new("p/e1/gw").unwrap(), tag: name.to_owned() },
        states: Vec::new(),
        alarms: Vec::new(),
        cas: String::new(),
    }
}

fn installation(name: &str, location: Option<Location>, substances: &[(&str, &str)]) -> Installation {
    let substance =
        |(cas, name): &(&str, &str)| Substance { cas: (*cas).to_owned(), name: (*name).to_owned(), design_max_tonnes: 1.0 };
    Installation {
        id: InstallationId::new(name).unwrap(),
        name: format!("装置 {name}"),
        enterprise: EnterpriseId::new("e1").unwrap(),
        kind: InstallationKind::Process,
        exposed_people: 0,
        location,
        substances: substances.iter().map(substance).collect(),
        wind: Some(WindPoints { speed: id("WS"), direction: id("WD") }),
    }
}

fn place(name: &str, kind: PlaceKind, at: Location, heads: HeadSource) -> Place {
    let (enterprise, park) = (None, None);
    Place {
        id: PlaceId::new(name).unwrap(),
        name: format!("地点 {name}"),
        kind,
        enterprise,
        park,
        extent: Extent::Point(at),
        heads,
    }
}

/// A school 1 km south-west, a village 1 km north-east; the wind comes from the north-east.
fn site() -> Site {
    Site {
        enterprises: vec![Enterprise {
            id: EnterpriseId::new("e1").unwrap(),
            name: "示例".to_owned(),
            park: ParkId::new("p").ok(),
            district: String::new(),
        }],
        installations: vec![
            installation("u1", Some(HERE), &[(AMMONIA, "氨"), (SULFIDE, "硫化氢")]),
            installation("u2", None, &[]),
        ],
        points: vec![
            Point { cas: SULFIDE.to_owned(), ..point("AT", "u1", Quantity::ToxicGas, "mg/m3") },
            point("GT", "u1", Quantity::CombustibleGas, "%LEL"),
            point("WS", "u1", Quantity::WindSpeed, "m/s"),
            point("WD", "u1", Quantity::WindDirection, "°"),
            point("HC", "u1", Quantity::Headcount, "人"),
        ],
        places: vec![
            place("gate", PlaceKind::Gate, away(-100.0, 0.0), HeadSource::Unknown),
            place("school", PlaceKind::School, away(-700.0, -700.0), HeadSource::Fixed(860)),
            place("village", PlaceKind::Residential, away(700.0, 700.0), HeadSource::Fixed(300)),
        ],
        ..Site::default()
    }
}

fn asked(point: &str, topic: &str) -> Asked {
    let event = |seq| EventId { epoch: Epoch(1), key: Arc::from("exchange/warnings"), key_seq: KeySeq(seq), ordinal: 0 };
    Asked {
        warning: event(1),
        asked_by: event(2),
        topic: topic.to_owned(),
        scope: Scope { park: Some(Arc::from("p")), enterprise: Some(Arc::from("e1")), installation: Some(Arc::from("u1")) },
        points: vec![Arc::from(point)],
        at: NOW,
    }
}

fn value(value: f64) -> Reading {
    Reading::Value { value, at: NOW }
}

fn readings(pairs: &[(&str, Reading)]) -> Readings {
    pairs.iter().map(|(name, reading)| (id(name), *reading)).collect()
}

fn wind() -> [(&'static str, Reading); 2] {
    [("WS", value(3.0)), ("WD", value(45.0))]
}

fn picture(site: &Site, asked: Asked, wind: &[(&str, Reading)], heads: &[(&str, Reading)]) -> Picture {
    let draft = Source::of(site, asked).draft(&Tables::shipped(), &Bounds::default(), &readings(wind));
    draft.picture(&readings(heads))
}

fn notes(picture: &Picture) -> String {
    picture.notes.iter().map(|it| format!("{} / {}\n", it.text, it.zh)).collect()
}

fn names(picture: &Picture) -> Vec<&str> {
    picture.places.iter().map(|it| &*it.id).collect()
}

#[test]
fn a_known_wind_turns_the_zone_to_the_school_and_away_from_the_village() {
    let site = site();
    let source = Source::of(&site, asked("AT", "alarm"));
    assert_eq!(source.wind_points().map(PointId::as_str).collect::<Vec<_>>(), ["WS", "WD"]);
    let draft = source.draft(&Tables::shipped(), &Bounds::default(), &readings(&wind()));
    assert_eq!(draft.head_points(), [&id("HC")]);
    let found = draft.picture(&readings(&[("HC", value(17.0))]));
    assert_eq!((found.isolate_m, found.protect_km, found.shape), (Some(400.0), Some(2.4), PictureShape::Square));
    assert_eq!(
        (found.substance_from, found.spill, found.towards_deg),
        (SubstanceFrom::Detector, SpillSize::Unknown, Some(225.0))
    );
    let [sulfide] = &found.substances[..] else { panic!("one") };
    assert_eq!((sulfide.un, sulfide.name.as_str(), sulfide.name_zh.as_str()), (Some(1_053), "Hydrogen sulfide", "硫化氢"));
    assert!(sulfide.counted && found.wind.used && found.wind.doubt.is_empty());
    assert_eq!((found.wind.from_deg, found.wind.speed_mps, found.wind.measured_at), (Some(45.0), Some(3.0), Some(NOW)));
    assert_eq!(names(&found), ["gate", "school"], "the village is upwind");
    let school = &found.places[1];
    assert_eq!((school.lies.zone, school.people.heads), (PictureZone::Protective, Some(860)));
    assert!((985.0..995.0).contains(&school.lies.distance_m), "{}", school.lies.distance_m);
    assert!(school.lies.bearing_deg.is_some_and(|it| (224.0..226.0).contains(&it)));
    let [unit] = &found.installations[..] else { panic!("one") };
    assert_eq!((unit.people.heads, unit.lies.distance_m, unit.substances.len()), (Some(17), 0.0, 2));
    // The gate's people are unknown and not nobody.
    assert_eq!((found.in_isolation.known, found.in_isolation.places, found.in_isolation.unknown), (17, 2, 1));
    assert_eq!((found.total.known, found.total.places, found.total.unknown), (877, 3, 1));
    let [isolation, protective] = &found.areas[..] else { panic!("two") };
    assert_eq!((isolation.circle, isolation.outline.len()), (Some((HERE, 400.0)), 37));
    assert_eq!((protective.circle, protective.outline.len()), (None, 5));
    for area in &found.areas {
        assert_eq!(area.outline.first(), area.outline.last());
    }
    assert!(notes(&found).contains("location unknown, may lie in a zone: 装置 u2"), "{}", notes(&found));
    assert!(!found.label.is_empty() && !found.label_zh.is_empty());
}

#[test]
fn an_unknown_wind_is_a_circle_and_says_why() {
    let site = site();
    let old = Reading::Value { value: 45.0, at: NOW.plus(Span::from_secs(-700)) };
    for (wind, why, zh) in [
        ([("WS", value(3.0)), ("WD", Reading::Bad)], "wind direction of WD: bad quality", "风向 WD：数据质量差"),
        (
            [("WS", Reading::NotSeen), ("WD", value(1.0))],
            "wind speed of WS: nothing measured in the last 10 minutes",
            "近 10 分钟内无数据",
        ),
        ([("WS", value(3.0)), ("WD", old)], "wind direction of WD: measured 700s before", "测量已过 700 秒"),
        ([("WS", value(3.0)), ("WD", value(361.0))], "wind direction of WD: out of range", "数值超出范围"),
        ([("WS", value(-1.0)), ("WD", Reading::NotRead)], "wind speed of WS: out of range", "风速 WS"),
        ([("WS", value(0.4)), ("WD", value(45.0))], "wind light (0.4 m/s)", "风力微弱"),
    ] {
        let found = picture(&site, asked("AT", "alarm"), &wind, &[]);
        assert_eq!((found.shape, found.wind.used, found.towards_deg), (PictureShape::Circle, false, None), "{why}");
        assert!(
            found.wind.doubt.contains(why) && found.wind.doubt_zh.contains(zh),
            "{} {}",
            found.wind.doubt,
            found.wind.doubt_zh
        );
        assert_eq!(names(&found), ["gate", "village", "school"], "it may blow anywhere");
        assert!(found.areas.iter().all(|it| it.circle.is_some()));
    }
    let mut still = site;
    still.installations[0].wind = None;
    let found = picture(&still, asked("AT", "alarm"), &[], &[]);
    assert_eq!((found.wind.doubt.as_str(), found.wind.speed_point.as_str()), ("the site names no points of the wind", ""));
}

#[test]
fn of_two_substances_the_worse_one_counts_and_is_said_to_be_assumed() {
    let found = picture(&site(), asked("GT", "alarm"), &wind(), &[]);
    assert_eq!((found.substance_from, found.isolate_m), (SubstanceFrom::Installation, Some(400.0)));
    let shown: Vec<_> = found.substances.iter().map(|it| (it.cas.as_str(), it.counted)).collect();
    assert_eq!(shown, [(SULFIDE, true), (AMMONIA, false)]);
    assert_eq!(found.substances[1].un, Some(1_005));
    let said = "assumed: of 2 substances that 装置 u1 holds the one with the worst zones got out / 假定泄漏物质为 装置 u1 所存 2 种物质中影响范围最大者";
    assert!(notes(&found).contains(said), "{}", notes(&found));
}

#[test]
fn what_is_not_known_is_said_and_no_zone_is_guessed() {
    let mut site = site();
    site.installations[0].substances.clear();
    site.resources = vec![Resource {
        id: ResourceId::new("team").unwrap(),
        name: "救援队".to_owned(),
        kind: ResourceKind::Team,
        location: Some(away(0.0, 1_000.0)),
        amount: String::new(),
        contact: "119".to_owned(),
    }];
    let found = picture(&site, asked("GT", "alarm"), &wind(), &[]);
    assert_eq!((found.substance_from, found.isolate_m, found.protect_km), (SubstanceFrom::Unknown, None, None));
    assert_eq!((found.shape, found.areas.len(), names(&found).len()), (PictureShape::Unknown, 0, 0));
    assert!(notes(&found).contains("what got out is unknown: no distances / 泄漏物质不明"), "{}", notes(&found));
    assert!(notes(&found).contains("who is in danger is unknown"), "{}", notes(&found));
    assert!(found.resources[0].distance_m.is_some_and(|it| (995.0..1_005.0).contains(&it)), "help is found all the same");
    assert!(found.wind.from_deg.is_some() && !found.wind.used);

    site.installations[0].substances = installation("x", None, &[("68476-85-7", "液化石油气"), ("", "混合物")]).substances;
    let found = picture(&site, asked("GT", "alarm"), &wind(), &[]);
    assert_eq!((found.isolate_m, found.substances.len()), (None, 2));
    assert!(notes(&found).contains("液化石油气: find distances for CAS 68476-85-7: it is not listed"), "{}", notes(&found));
    assert!(notes(&found).contains("混合物: no CAS number"), "{}", notes(&found));

    site.installations[0].location = None;
    let found = picture(&site, asked("AT", "alarm"), &wind(), &[]);
    assert_eq!((found.location, found.isolate_m), (None, None));
    assert!(notes(&found).contains("the location of 装置 u1 is unknown"), "{}", notes(&found));

    let nowhere = Asked { scope: Scope::default(), points: vec![Arc::from("stranger")], ..asked("AT", "alarm") };
    let found = picture(&site, nowhere, &[], &[]);
    assert_eq!((found.installation.as_str(), found.isolate_m), ("", None));
    assert!(notes(&found).contains("the installation is unknown"), "{}", notes(&found));
}

#[test]
fn a_fire_has_its_own_distance_and_a_gas_without_large_figures_those_of_a_small_spill() {
    let mut site = site();
    let found = picture(&site, asked("AT", "fire"), &wind(), &[]);
    assert_eq!((found.fire, found.isolate_m), (true, Some(1_600.0)));
    site.points[0].cas = "7446-09-5".to_owned();
    let found = picture(&site, asked("AT", "alarm"), &wind(), &[]);
    assert_eq!((found.spill, found.isolate_m), (SpillSize::Small, Some(100.0)));
    assert!(notes(&found).contains("distances of a small spill, a large one needs more"), "{}", notes(&found));
}

#[test]
fn nobody_is_counted_twice_and_no_bad_count_is_taken() {
    let mut site = site();
    let hall = |name: &str| place(name, PlaceKind::Zone, away(-50.0, 0.0), HeadSource::Point(id("HC")));
    site.places = vec![hall("hall-a"), hall("hall-b")];
    let found = picture(&site, asked("AT", "alarm"), &wind(), &[("HC", value(12.4))]);
    let counts: Vec<_> = found.places.iter().map(|it| (it.people.heads, it.people.counted_with.as_str())).collect();
    assert_eq!(counts, [(Some(12), ""), (None, "hall-a")]);
    assert_eq!(found.installations[0].people.counted_with, "hall-a");
    assert_eq!((found.total.known, found.total.places, found.total.unknown), (12, 1, 0));
    let old = Reading::Value { value: 12.0, at: NOW.plus(Span::from_secs(-601)) };
    for (reading, why) in [
        (Reading::Bad, "HC: bad quality"),
        (old, "HC: measured 601s before"),
        (value(-1.0), "HC: no count"),
        (Reading::NotSeen, "HC: nothing measured in the last 10 minutes"),
    ] {
        let found = picture(&site, asked("AT", "alarm"), &wind(), &[("HC", reading)]);
        assert_eq!((found.places[0].people.doubt.as_str(), found.total.known, found.total.unknown), (why, 0, 1));
    }
    let found = picture(&site, asked("AT", "alarm"), &wind(), &[]);
    assert_eq!(found.places[0].people.doubt, "HC: not read in time");
}

#[test]
fn the_ten_nearest_resources_and_the_plans_that_apply() {
    let mut site = site();
    let resource = |at: usize| Resource {
        id: ResourceId::new(&format!("r{at:02}")).unwrap(),
        name: String::new(),
        kind: ResourceKind::Vehicle,
        location: (at > 0).then(|| away(-100.0 * at as f64, 0.0)),
        amount: String::new(),
        contact: String::new(),
    };
    site.resources = (0..12).map(resource).collect();
    let plan = |name: &str, substances: &[&str], places: &[PlaceKind], enterprise: Option<&str>| Plan {
        id: PlanId::new(name).unwrap(),
        name: name.to_owned(),
        substances: substances.iter().map(|it| (*it).to_owned()).collect(),
        places: places.to_vec(),
        enterprise: enterprise.and_then(|it| EnterpriseId::new(it).ok()),
        park: None,
        level: None,
        document: "plan.pdf".to_owned(),
        contact: String::new(),
    };
    site.plans = vec![
        plan("all", &[], &[], None),
        plan("ammonia", &[AMMONIA], &[], None),
        plan("ours", &[SULFIDE], &[PlaceKind::School], Some("e1")),
        plan("theirs", &[], &[], Some("e2")),
        plan("water", &[], &[PlaceKind::Water], None),
    ];
    let applied = |picture: &Picture| picture.plans.iter().map(|it| (it.id.to_string(), it.certain)).collect::<Vec<_>>();
    let some = |plans: &[(&str, bool)]| plans.iter().map(|(id, certain)| ((*id).to_owned(), *certain)).collect::<Vec<_>>();
    let found = picture(&site, asked("AT", "alarm"), &wind(), &[]);
    assert_eq!(applied(&found), some(&[("all", true), ("ours", true)]));
    let ids: Vec<_> = found.resources.iter().map(|it| &*it.id).collect();
    assert_eq!(ids, ["r01", "r02", "r03", "r04", "r05", "r06", "r07", "r08", "r09", "r10"]);
    assert_eq!((found.resources[0].zone, found.resources[9].zone), (Some(PictureZone::Isolation), Some(PictureZone::Protective)));
    // Assumed, not detected: what fits may be wrong.
    let found = picture(&site, asked("GT", "alarm"), &wind(), &[]);
    assert_eq!(applied(&found), some(&[("all", true), ("ammonia", false), ("ours", false)]));
    site.installations[0].substances.clear();
    let found = picture(&site, asked("GT", "alarm"), &wind(), &[]);
    assert_eq!(applied(&found), some(&[("all", true), ("ammonia", false), ("ours", false), ("water", false)]));
}

#[test]
fn a_place_that_cannot_be_judged_is_named_and_hides_no_other() {
    let mut site = site();
    let far = |lat| Location { lat, lon: 120.5 };
    site.places[0].extent = Extent::Outline(vec![far(32.0), far(50.0), far(60.0)]);
    let found = picture(&site, asked("AT", "alarm"), &wind(), &[]);
    assert_eq!(names(&found), ["school"]);
    assert!(notes(&found).contains("cannot be judged and may lie in a zone: 地点 gate"), "{}", notes(&found));
}
