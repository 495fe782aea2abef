//! The pages of the book played through; laws.rs holds what is so for every release.

mod laws;

use model::{Location, Span, Time};

use crate::plane::{Plane, Spot};
use crate::*;

const RUGAO: Location = Location { lat: 32.061, lon: 120.513 };
/// 2026-11-29T00:36:00Z, a morning in Rugao.
const NOW: Time = Time::from_micros(1_795_912_560_000_000);

fn un(number: u16) -> SubstanceKey {
    SubstanceKey::Un(UnNumber::new(number).unwrap())
}

fn wind(from_deg: f64, speed_mps: f64) -> Option<Wind> {
    Some(Wind { from_deg, speed_mps, measured_at: NOW })
}

fn release(substance: SubstanceKey) -> Release {
    Release {
        substance,
        variant: None,
        spill: Spill::Large,
        tank_on_fire: false,
        orange_guide: None,
        light: Light::Given(DayNight::Day),
        wind: wind(45.0, 3.0),
        location: RUGAO,
        at: NOW,
    }
}

fn asked(release: &Release) -> Result<Guide, GuideError> {
    guide(&Tables::shipped(), release, &Bounds::default())
}

fn notes(guide: &Guide) -> Vec<String> {
    guide.notes.iter().map(ToString::to_string).collect()
}

fn polygon(guide: &Guide) -> Vec<Location> {
    match guide.protective().unwrap() {
        Some(Area::Polygon(outline)) => outline,
        other => panic!("no polygon: {other:?}"),
    }
}

#[test]
fn a_large_spill_of_hydrogen_sulfide_by_day_with_wind() {
    let found = asked(&release(un(1_053))).unwrap();
    assert_eq!((found.isolate_m, found.protect), (400.0, Some(Reach { km: 2.4, or_more: false })));
    assert_eq!(found.shape, Shape::Square { towards_deg: 225.0 });
    assert_eq!(notes(&found), [""; 0], "everything was known");
    let night = asked(&Release { light: Light::Given(DayNight::Night), ..release(un(1_053)) }).unwrap();
    assert_eq!(night.protect.unwrap().km, 6.3);
    let small = asked(&Release { spill: Spill::Small, ..release(un(1_053)) }).unwrap();
    assert_eq!((small.isolate_m, small.protect.unwrap().km), (30.0, 0.1));
}

#[test]
fn what_is_unknown_takes_the_larger_figure_and_is_said() {
    let unknown = Release {
        substance: SubstanceKey::Cas(Cas::parse("7783-06-4").unwrap()),
        spill: Spill::Unknown,
        light: Light::BySun,
        wind: None,
        ..release(un(1_053))
    };
    let found = asked(&unknown).unwrap();
    assert_eq!((found.isolate_m, found.protect.unwrap().km, found.shape), (400.0, 2.4, Shape::Circle));
    assert_eq!(found.protective().unwrap(), Some(Area::Circle { centre: RUGAO, radius_m: 2_400.0 }));
    let said = [
        "CAS 7783-06-4 looked up as UN 1053",
        "day by the sun's position",
        "size of spill unknown: large",
        "wind unknown: circle",
    ];
    assert_eq!(notes(&found), said);
    // Trichloride on land or in water: the book wants the row with the larger figures; they come from two rows here.
    let either = asked(&Release { spill: Spill::Small, ..release(un(1_809)) }).unwrap();
    assert_eq!((either.isolate_m, either.protect.unwrap().km), (30.0, 0.2));
    assert_eq!(notes(&either), ["kind of spill unknown (land, water): the larger figures"]);
    let water = asked(&Release { variant: Some(Variant::Water), ..release(un(1_836)) }).unwrap();
    assert_eq!((water.isolate_m, water.protect.unwrap().km), (600.0, 7.6));
    let wrong = Release { variant: Some(Variant::ZoneA), ..release(un(1_053)) };
    assert!(matches!(asked(&wrong), Err(GuideError::NoVariant { .. })));
}

#[test]
fn eleven_kilometres_are_eleven_or_more() {
    let found = asked(&release(un(2_480))).unwrap();
    assert_eq!(found.protect.unwrap().to_string(), "11.0 km or more");
    assert_eq!(found.protect.unwrap().zh(), "11.0 公里或更远");
    assert_eq!(notes(&found), ["the protective distance is this or more: the table ends here"]);
    let water = Release { light: Light::Given(DayNight::Night), ..release(un(1_836)) };
    assert!(asked(&water).unwrap().protect.unwrap().or_more, "in water, by night");
    assert!(!asked(&release(un(1_836))).unwrap().protect.unwrap().or_more, "7.6 km by day");
}

#[test]
fn the_wind_decides_over_cylinders_and_every_doubt_takes_the_longest() {
    let of = |wind| {
        let found = asked(&Release { wind, ..release(un(1_017)) }).unwrap();
        (found.protect.unwrap().km, found.shape == Shape::Circle, notes(&found).pop().unwrap())
    };
    let kmh = |speed: f64| wind(0.0, speed / 3.6);
    let sure = "confidence medium: ERG 2024 table 3".to_owned();
    assert_eq!(of(kmh(9.9)), (1.3, false, sure.clone()));
    assert_eq!(of(kmh(10.1)), (0.7, false, sure.clone()));
    assert_eq!(of(kmh(19.9)), (0.7, false, sure.clone()));
    assert_eq!(of(kmh(20.1)), (0.5, false, sure));
    assert_eq!(of(None), (1.3, true, "wind unknown: circle".to_owned()));
    assert_eq!(of(wind(0.0, 0.99)), (1.3, true, "wind light (1.0 m/s): circle".to_owned()));
    let at = |measured_at| Some(Wind { from_deg: 0.0, speed_mps: 9.0, measured_at });
    assert_eq!(of(at(Time::from_micros(NOW.micros() - 600_000_000))).0, 0.5, "ten minutes still count");
    let old = at(Time::from_micros(NOW.micros() - 601_000_000));
    assert_eq!(of(old), (1.3, true, "wind measured 601s before: circle".to_owned()));
    assert!(!of(at(NOW + Span::from_secs(5))).1);
    assert_eq!(of(at(NOW + Span::from_secs(6))), (1.3, true, "wind measured 6s after the time asked about: circle".to_owned()));
    assert!(of(at(Time::MIN)).1 && of(at(Time::MAX)).1);
}

#[test]
fn gases_of_table_3_without_their_row_are_refused_not_guessed() {
    for number in [1_040, 1_079] {
        let found = asked(&Release { spill: Spill::Unknown, ..release(un(number)) });
        assert!(matches!(found, Err(GuideError::NoLargeFigures { .. })), "{found:?}");
        assert!(asked(&Release { spill: Spill::Small, ..release(un(number)) }).is_ok());
    }
    let error = asked(&release(un(1_079))).unwrap_err().to_string();
    assert_eq!(
        error,
        "find distances for a large spill of UN 1079: they are not listed; a small one needs 100 m and 2.6 km already"
    );
    let unlisted = asked(&release(SubstanceKey::Cas(Cas::parse("7697-37-2").unwrap())));
    assert!(unlisted.unwrap_err().to_string().contains("does not make it harmless"));
    assert!(asked(&release(un(1_203))).is_err());
}

#[test]
fn the_larger_of_fire_and_spill_isolates() {
    let fire = |number, orange_guide| asked(&Release { tank_on_fire: true, orange_guide, ..release(un(number)) });
    let ammonia = fire(1_005, None).unwrap();
    assert_eq!((ammonia.isolate_m, ammonia.protect.unwrap().km), (1_600.0, 0.2));
    assert!(notes(&ammonia).contains(&"isolation for the fire; the spill alone needs 30 m".to_owned()), "{ammonia:?}");
    // Arsine: 1000 m for the spill, 800 m by guide 124 if somebody said so.
    assert_eq!(fire(2_188, Some(124)).unwrap().isolate_m, 1_000.0);
    assert!(
        notes(&fire(2_188, None).unwrap()).contains(&"isolation for a fire unknown: the orange guide is not listed".to_owned())
    );
    // LPG is in no table of spills.
    let gas = fire(1_075, None).unwrap();
    assert_eq!((gas.isolate_m, gas.protect, gas.protective().unwrap()), (1_600.0, None, None));
    assert!(notes(&gas).contains(&"no figures for a spill: protective zone unknown".to_owned()));
    assert!(asked(&release(un(1_075))).is_err(), "without a fire nothing is known of it");
    assert_eq!(fire(1_203, Some(128)).unwrap().isolate_m, 800.0);
    assert!(fire(1_203, None).is_err());
    // Sulfur dioxide: nothing is listed for its large spill, but the fire's figure is not lost with it.
    let dioxide = fire(1_079, Some(125)).unwrap();
    assert_eq!((dioxide.isolate_m, dioxide.protect), (1_600.0, None));
    assert!(fire(1_079, None).is_err());
}

/// Source, where the wind is from, kilometres, corners.
type Known = (Location, f64, f64, [(f64, f64); 4]);

/// Corners by Vincenty's direct formula, computed apart from this library.
#[test]
fn corners_are_those_of_an_independent_formula() {
    let known: [Known; 4] = [
        (
            Location { lat: 0.0, lon: 0.5 },
            0.0,
            11.0,
            [(0.0, 0.549_407_3), (-0.099_480_6, 0.549_407_4), (-0.099_480_6, 0.450_592_6), (0.0, 0.450_592_7)],
        ),
        (
            RUGAO,
            45.0,
            6.3,
            [
                (32.040_910_9, 120.536_582_4),
                (32.000_737, 120.489_427_9),
                (32.040_893_4, 120.442_252_8),
                (32.081_084_6, 120.489_407_3),
            ],
        ),
        (
            Location { lat: -54.8, lon: -68.3 },
            200.0,
            2.4,
            [
                (-54.796_311_8, -68.317_532_1),
                (-54.776_053_7, -68.304_767_4),
                (-54.783_423_8, -68.269_715_1),
                (-54.803_685_6, -68.282_464_7),
            ],
        ),
        (
            Location { lat: 69.65, lon: 18.95 },
            315.0,
            9.5,
            [
                (69.680_086_4, 19.036_630_1),
                (69.619_700_6, 19.209_154),
                (69.559_654_8, 19.036_141_7),
                (69.619_870_8, 18.863_614_9),
            ],
        ),
    ];
    for (source, from_deg, km, wanted) in known {
        let found = Guide {
            source,
            protect: Some(Reach { km, or_more: false }),
            shape: Shape::Square { towards_deg: (from_deg + 180.0) % 360.0 },
            ..asked(&release(un(1_053))).unwrap()
        };
        let outline = polygon(&found);
        let [a, b, c, d] = wanted;
        // Theirs go round the other way.
        for (found, (lat, lon)) in outline.iter().zip([a, d, c, b]) {
            assert!((found.lat - lat).abs() < 3e-7 && (found.lon - lon).abs() < 6e-7, "{source:?}: {found:?}, not {lat} {lon}");
        }
        assert_eq!((outline.len(), outline[0]), (5, outline[4]));
    }
}

#[test]
fn people_are_counted_by_zone_and_unknown_is_not_nobody() {
    // Wind from the north, square 2.4 km to the south.
    let found = asked(&Release { wind: wind(0.0, 3.0), ..release(un(1_053)) }).unwrap();
    let plane = Plane::around(RUGAO).unwrap();
    let at = |metres, bearing| plane.location(Spot::polar(metres, bearing));
    let point = |id: &str, metres, bearing, heads| Place { id: id.to_owned(), extent: Extent::Point(at(metres, bearing)), heads };
    let field = |id: &str, corners: [(f64, f64); 3], heads| Place {
        id: id.to_owned(),
        extent: Extent::Polygon(corners.map(|(metres, bearing)| at(metres, bearing)).to_vec()),
        heads,
    };
    let places = [
        point("gate", 399.9, 10.0, Some(20)),
        point("upwind", 400.1, 10.0, Some(7)),
        point("school", 2_399.9, 180.0, Some(100)),
        point("behind", 2_400.1, 180.0, Some(900)),
        point("corner", 1_000.0, 100.0, None),
        field("village", [(3_000.0, 170.0), (2_300.0, 175.0), (3_000.0, 190.0)], None),
        field("plant", [(900.0, 0.0), (900.0, 120.0), (900.0, 240.0)], Some(30)),
    ];
    let counted = survey(&found, &places).unwrap();
    let ids: Vec<_> = counted.within.iter().map(|it| (it.id.as_str(), it.inside)).collect();
    assert_eq!(
        ids,
        [
            ("plant", Inside::Isolation),
            ("gate", Inside::Isolation),
            ("corner", Inside::Protective),
            ("village", Inside::Protective),
            ("school", Inside::Protective),
        ]
    );
    assert_eq!(counted.within[0].bearing_deg, None, "the source lies in the plant");
    let school = counted.within.iter().find(|it| it.id == "school").unwrap();
    assert!((school.distance_m - 2_399.9).abs() < 0.02 && (school.bearing_deg.unwrap() - 180.0).abs() < 0.001);
    assert_eq!(counted.isolation.to_string(), "50");
    assert_eq!(counted.protective.to_string(), "at least 100, 2 places unknown");
    assert_eq!(counted.protective.zh(), "至少 100 人，另有 2 处人数不明");
    assert_eq!(counted.total, Heads { known: 150, places: 5, unknown: 2 });
    assert_eq!(Heads { known: 0, places: 1, unknown: 1 }.to_string(), "at least 0, 1 place unknown");
}

#[test]
fn places_that_cannot_be_judged_are_all_told() {
    let found = asked(&release(un(1_053))).unwrap();
    let nowhere = Location { lat: f64::NAN, lon: 0.0 };
    let far = Location { lat: -20.0, lon: 100.0 };
    let place = |id: &str, extent| Place { id: id.to_owned(), extent, heads: Some(1) };
    let places = [
        place("a", Extent::Point(nowhere)),
        place("b", Extent::Polygon(vec![RUGAO, RUGAO])),
        place("c", Extent::Polygon(vec![RUGAO; POLYGON_VERTICES_MAX + 1])),
        place("d", Extent::Polygon(vec![RUGAO, far, RUGAO])),
        place("e", Extent::Point(far)),
        place("f", Extent::Polygon(vec![])),
    ];
    let faults = survey(&found, &places).unwrap_err();
    let ids: Vec<_> = faults
        .iter()
        .map(|fault| match fault {
            PlaceFault::Location { id, .. } | PlaceFault::Outline { id, .. } => id.as_str(),
        })
        .collect();
    assert_eq!(ids, ["a", "b", "c", "d", "f"]);
}

#[test]
fn the_poles_and_what_is_no_number_are_refused_and_the_antimeridian_is_refused_as_a_polygon() {
    let at = |lat, lon| asked(&Release { location: Location { lat, lon }, ..release(un(1_053)) });
    assert_eq!(at(85.1, 0.0), Err(GuideError::Place(InvalidPlace::NearPole)));
    assert_eq!(at(f64::NAN, 0.0), Err(GuideError::Place(InvalidPlace::Latitude)));
    assert_eq!(at(0.0, f64::INFINITY), Err(GuideError::Place(InvalidPlace::Longitude)));
    for wrong in [wind(f64::NAN, 3.0), wind(-1.0, 3.0), wind(361.0, 3.0), wind(0.0, f64::NAN), wind(0.0, -0.1), wind(0.0, 121.0)]
    {
        assert!(matches!(asked(&Release { wind: wrong, ..release(un(1_053)) }), Err(GuideError::Wind { .. })), "{wrong:?}");
    }
    // Wind from the north-east at 179.99 degrees west: the square reaches over to the east.
    let found = at(0.0, -179.99).unwrap();
    assert_eq!(found.protective(), Err(GuideError::Antimeridian));
    let beyond = Place { id: "x".to_owned(), extent: Extent::Point(Location { lat: -0.005, lon: 179.999 }), heads: Some(3) };
    assert_eq!(survey(&found, &[beyond]).unwrap().total.known, 3, "people are counted all the same");
    // A circle has no corners to cross with.
    let circle = asked(&Release { wind: None, location: Location { lat: 0.0, lon: 180.0 }, ..release(un(1_053)) }).unwrap();
    assert!(circle.protective().is_ok());
}
