//! What came with first pictures: a picture that says everything, one that knows nothing, and a site with places, resources and plans.

use std::sync::Arc;

use model::{
    Daylight, EventBody, Extent, HeadCount, HeadSource, HeadTotal, InZone, InstallationKind, Level, Lies, Location, Picture,
    PictureArea, PictureNote, PicturePlan, PictureResource, PictureShape, PictureSubstance, PictureWind, PictureZone, Place,
    PlaceId, PlaceKind, Plan, PlanId, PointId, Resource, ResourceId, ResourceKind, SpillSize, SubstanceFrom, WarningChange,
    WarningRuleId, WarningTransition, WindPoints,
};
use prost::Message as _;
use wire::record_v1;

use super::{at, event, golden, occurrence, revision_with_warnings};

const HERE: Location = Location { lat: 32.061, lon: 120.513 };

fn unknown() -> Picture {
    Picture {
        warning: occurrence(),
        asked_by: occurrence(),
        at: at(6),
        substances: Vec::new(),
        substance_from: SubstanceFrom::Unknown,
        installation: String::new(),
        location: None,
        spill: SpillSize::Unknown,
        fire: false,
        light: None,
        wind: PictureWind::default(),
        isolate_m: None,
        protect_km: None,
        protect_or_more: false,
        shape: PictureShape::Unknown,
        towards_deg: None,
        areas: Vec::new(),
        places: Vec::new(),
        more_places: 0,
        installations: Vec::new(),
        more_installations: 0,
        in_isolation: HeadTotal::default(),
        in_protective: HeadTotal::default(),
        total: HeadTotal::default(),
        resources: Vec::new(),
        plans: Vec::new(),
        notes: Vec::new(),
        label: "guide".to_owned(),
        label_zh: "指南".to_owned(),
    }
}

fn item<K>(id: &str, kind: K, people: HeadCount) -> InZone<K> {
    let lies = Lies { zone: PictureZone::Protective, distance_m: 812.5, bearing_deg: Some(225.0) };
    InZone { id: Arc::from(id), name: "实验小学".to_owned(), kind, lies, people, substances: vec!["7664-41-7".to_owned()] }
}

fn whole() -> Picture {
    let doubted = HeadCount { doubt: "bad quality".to_owned(), doubt_zh: "数据质量差".to_owned(), ..HeadCount::default() };
    let measured =
        HeadCount { heads: Some(12), measured_at: Some(at(4)), counted_with: "zone-1".to_owned(), ..HeadCount::default() };
    Picture {
        substances: vec![PictureSubstance {
            cas: "7664-41-7".to_owned(),
            un: Some(1_005),
            name: "Ammonia, anhydrous".to_owned(),
            name_zh: "氨".to_owned(),
            counted: true,
        }],
        substance_from: SubstanceFrom::Detector,
        installation: "i01".to_owned(),
        location: Some(HERE),
        spill: SpillSize::Large,
        fire: true,
        light: Some(Daylight::Night),
        wind: PictureWind {
            from_deg: Some(45.0),
            speed_mps: Some(3.25),
            measured_at: Some(at(4)),
            direction_point: "WD-1".to_owned(),
            speed_point: "WS-1".to_owned(),
            used: true,
            doubt: "old".to_owned(),
            doubt_zh: "过旧".to_owned(),
        },
        isolate_m: Some(30.0),
        protect_km: Some(0.7),
        protect_or_more: true,
        shape: PictureShape::Square,
        towards_deg: Some(225.0),
        areas: vec![
            PictureArea { zone: PictureZone::Isolation, circle: Some((HERE, 30.0)), outline: vec![HERE, HERE] },
            PictureArea { zone: PictureZone::Protective, circle: None, outline: vec![HERE] },
        ],
        places: vec![item("school", PlaceKind::School, measured)],
        more_places: 2,
        installations: vec![item("i02", InstallationKind::TankFarm, doubted)],
        more_installations: 3,
        in_isolation: HeadTotal { known: 1, places: 2, unknown: 3 },
        in_protective: HeadTotal { known: 4, places: 5, unknown: 6 },
        total: HeadTotal { known: 5, places: 7, unknown: 9 },
        resources: vec![PictureResource {
            id: Arc::from("team"),
            name: "救援队".to_owned(),
            kind: ResourceKind::Team,
            amount: "12 人".to_owned(),
            contact: "119".to_owned(),
            distance_m: Some(900.0),
            bearing_deg: Some(10.0),
            zone: Some(PictureZone::Isolation),
        }],
        plans: vec![PicturePlan {
            id: Arc::from("plan"),
            name: "液氨泄漏专项预案".to_owned(),
            level: Some(Level::Park),
            document: "plans/ammonia.pdf".to_owned(),
            contact: "0513".to_owned(),
            certain: true,
        }],
        notes: vec![PictureNote { text: "size of spill unknown: large".to_owned(), zh: "泄漏量不明".to_owned() }],
        ..unknown()
    }
}

#[test]
fn what_pictures_added() {
    event("event_picture", EventBody::Picture(Box::new(whole())));
    event("event_picture_unknown", EventBody::Picture(Box::new(unknown())));
    let rule = WarningRuleId::new("gas").expect("valid");
    let opened = WarningChange { picture: true, ..WarningChange::new(WarningTransition::Opened, rule) };
    event("event_warning_opened_picture", EventBody::Warning(Box::new(opened)));
}

#[test]
fn what_pictures_added_to_sites() {
    let point = |id: &str| PointId::new(id).expect("valid");
    let mut revision = revision_with_warnings();
    revision.site.warnings[0].picture = Some(false);
    let wind = WindPoints { speed: point("WS-1"), direction: point("WD-1") };
    revision.site.parks[0].wind = Some(wind.clone());
    revision.site.installations[0].wind = Some(wind);
    let place = |id: &str, extent, heads| Place {
        id: PlaceId::new(id).expect("valid"),
        name: "实验小学".to_owned(),
        kind: PlaceKind::School,
        enterprise: revision.site.enterprises.first().map(|it| it.id.clone()),
        park: revision.site.parks.first().map(|it| it.id.clone()),
        extent,
        heads,
    };
    revision.site.places = vec![
        place("a", Extent::Point(HERE), HeadSource::Unknown),
        place("b", Extent::Outline(vec![HERE; 3]), HeadSource::Fixed(0)),
        place("c", Extent::Point(HERE), HeadSource::Point(point("HC-1"))),
    ];
    revision.site.resources = vec![Resource {
        id: ResourceId::new("team").expect("valid"),
        name: "救援队".to_owned(),
        kind: ResourceKind::Team,
        location: Some(HERE),
        amount: "12 人".to_owned(),
        contact: "119".to_owned(),
    }];
    revision.site.plans = vec![Plan {
        id: PlanId::new("plan").expect("valid"),
        name: "专项预案".to_owned(),
        substances: vec!["7664-41-7".to_owned()],
        places: vec![PlaceKind::School],
        enterprise: revision.site.enterprises.first().map(|it| it.id.clone()),
        park: revision.site.parks.first().map(|it| it.id.clone()),
        level: Some(Level::Park),
        document: "plans/ammonia.pdf".to_owned(),
        contact: "0513".to_owned(),
    }];
    let bytes = golden("site_revision_places", &wire::revision_to_record(&revision).encode_to_vec());
    let record = record_v1::SiteRevision::decode(bytes.as_slice()).expect("golden");
    assert_eq!(wire::revision_from_record(&record).expect("golden"), revision);
    let mut broken = wire::revision_to_record(&revision);
    broken.places[0].outline.clear();
    assert!(wire::revision_from_record(&broken).is_err(), "a place is somewhere");
}
