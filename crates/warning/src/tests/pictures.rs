//! Which warnings want a picture, and what becomes of it.

use model::{
    HeadTotal, InZone, InstallationKind, Lies, Location, Picture, PictureArea, PictureNote, PicturePlan, PictureResource,
    PictureShape, PictureSubstance, PictureWind, PictureZone, PlaceKind, ResourceKind, SpillSize, SubstanceFrom,
};

use super::*;
use crate::Wanted;

fn with(picture: Option<bool>, topic: &str, id: &str, colour: Colour, kind: AlarmKind) -> WarningRule {
    WarningRule { picture, topic: topic.to_owned(), ..rule(id, colour, kinds(&[kind])) }
}

fn team() -> PictureResource {
    PictureResource {
        id: Arc::from("team"),
        name: String::new(),
        kind: ResourceKind::Team,
        amount: String::new(),
        contact: "119".to_owned(),
        distance_m: None,
        bearing_deg: None,
        zone: None,
    }
}

/// A picture that says something of everything.
fn drawn(wanted: &Wanted, seconds: i64) -> Picture {
    let here = Location { lat: 32.0, lon: 120.0 };
    let lies = Lies { zone: PictureZone::Isolation, distance_m: 1.5, bearing_deg: None };
    let item = |name: &str| (Arc::<str>::from(name), name.to_owned());
    let ((id, name), (other, other_name)) = (item("school"), item("u2"));
    Picture {
        warning: wanted.warning.clone(),
        asked_by: wanted.asked_by.clone(),
        at: at(seconds),
        substances: vec![PictureSubstance {
            cas: "7664-41-7".to_owned(),
            un: Some(1_005),
            name: "Ammonia".to_owned(),
            name_zh: "氨".to_owned(),
            counted: true,
        }],
        substance_from: SubstanceFrom::Detector,
        installation: "e1-u1".to_owned(),
        location: Some(here),
        spill: SpillSize::Unknown,
        fire: false,
        light: Some(model::Daylight::Night),
        wind: PictureWind { from_deg: Some(45.0), measured_at: Some(at(1)), ..PictureWind::default() },
        isolate_m: Some(30.0),
        protect_km: None,
        protect_or_more: false,
        shape: PictureShape::Circle,
        towards_deg: None,
        areas: vec![PictureArea { zone: PictureZone::Isolation, circle: Some((here, 30.0)), outline: vec![here] }],
        places: vec![InZone {
            id,
            name,
            kind: PlaceKind::School,
            lies,
            people: model::HeadCount::default(),
            substances: Vec::new(),
        }],
        more_places: 0,
        installations: vec![InZone {
            id: other,
            name: other_name,
            kind: InstallationKind::TankFarm,
            lies,
            people: model::HeadCount { heads: Some(3), ..model::HeadCount::default() },
            substances: vec!["氨".to_owned()],
        }],
        more_installations: 1,
        in_isolation: HeadTotal { known: 3, places: 2, unknown: 1 },
        in_protective: HeadTotal::default(),
        total: HeadTotal { known: 3, places: 2, unknown: 1 },
        resources: vec![team()],
        plans: vec![PicturePlan {
            id: Arc::from("plan"),
            name: String::new(),
            level: Some(Level::Park),
            document: "plan.pdf".to_owned(),
            contact: String::new(),
            certain: false,
        }],
        notes: vec![PictureNote { text: "wind unknown".to_owned(), zh: "风不明".to_owned() }],
        label: "guide".to_owned(),
        label_zh: "指南".to_owned(),
    }
}

fn wanted(plant: &Plant) -> Vec<Wanted> {
    plant.fold.wanted().collect()
}

fn restored(plant: &Plant) -> Warnings {
    let restored = Warnings::restore(&plant.revision, &plant.fold.snapshot()).expect("own bytes");
    assert_eq!(restored, plant.fold, "a snapshot is the whole state");
    restored
}

#[test]
fn an_opening_asks_once_and_the_picture_is_kept() {
    let mut plant = Plant::new(vec![with(Some(true), "gas", "gas", Colour::Red, AlarmKind::HighHigh)]);
    plant.raise(0, "e1-u1-A", AlarmKind::HighHigh);
    plant.say(0);
    let id = plant.warning_id();
    let asked = wanted(&plant);
    let [one] = &asked[..] else { panic!("{asked:?}") };
    assert_eq!((&one.warning, &one.asked_by, one.topic.as_str()), (&id, &id, "gas"));
    assert_eq!(one.points, [Arc::from("e1-u1-A")]);
    plant.fold = restored(&plant);
    assert_eq!(wanted(&plant), asked, "a crash before the picture leaves it wanted");

    let picture = drawn(one, 1);
    let event = plant.fold.pictured(&picture).expect("wanted");
    assert_eq!((event.body.kind(), &*event.subject, event.occurred_at), ("warning.picture", "e1-u1", at(1)));
    plant.record("exchange/warnings", at(1), event);
    assert_eq!((wanted(&plant).len(), plant.fold.picture(&id)), (0, Some(&picture)));
    assert_eq!(plant.fold.pictured(&picture), None, "nobody wants it twice");
    plant.fold = restored(&plant);
    assert_eq!(plant.fold.picture(&id), Some(&picture));
}

#[test]
fn a_worse_colour_or_another_place_asks_anew_and_what_came_for_the_one_before_is_shown_until_then() {
    let worse = with(None, "gas", "worse", Colour::Red, AlarmKind::HighHigh);
    let worse = WarningRule { picture: Some(true), per: WarningPlace::Enterprise, ..worse };
    let first =
        WarningRule { per: WarningPlace::Enterprise, ..with(Some(true), "gas", "first", Colour::Yellow, AlarmKind::High) };
    let mut plant = Plant::new(vec![first, worse]);
    plant.raise(0, "e1-u1-A", AlarmKind::High);
    plant.say(0);
    let before = wanted(&plant);
    plant.raise(5, "e1-u2-B", AlarmKind::HighHigh);
    assert_eq!(plant.say(5).len(), 1, "adjusted");
    let after = wanted(&plant);
    assert_eq!(after.len(), 1);
    assert!(after[0].warning == before[0].warning && after[0].asked_by != before[0].asked_by);
    let late = drawn(&before[0], 6);
    assert_eq!(plant.fold.pictured(&late), None, "it is of what is over");
    let event = plant.fold.pictured(&drawn(&after[0], 6)).expect("wanted");
    plant.record("exchange/warnings", at(6), event);
    assert!(wanted(&plant).is_empty() && plant.fold.picture(&after[0].warning).is_some());
}

#[test]
fn who_wants_a_picture() {
    let facts = |kind, quantity| model::AlarmFacts {
        point: Arc::from("p"),
        alarm: AlarmId::new("a").expect("valid"),
        kind,
        quantity,
        priority: Priority::High,
        scope: Scope::default(),
        occurrence: None,
    };
    let (gas, pressure) = (Quantity::ToxicGas, Quantity::Pressure);
    for (picture, topic, kind, quantity, wants) in [
        (None, "alarm", AlarmKind::HighHigh, gas, true),
        (None, "alarm", AlarmKind::Vote, gas, true),
        (None, "alarm", AlarmKind::High, gas, false),
        (None, "alarm", AlarmKind::HighHigh, pressure, false),
        (None, "fire", AlarmKind::State, Quantity::State, true),
        (None, "explosion", AlarmKind::State, Quantity::State, true),
        (Some(false), "fire", AlarmKind::HighHigh, gas, false),
        (Some(true), "alarm", AlarmKind::High, pressure, true),
    ] {
        let rule = with(picture, topic, "r", Colour::Red, kind);
        assert_eq!(rule.wants_picture([&facts(kind, quantity)]), wants, "{picture:?} {topic} {kind:?} {quantity:?}");
    }
}
