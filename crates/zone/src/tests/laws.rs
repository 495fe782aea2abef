//! What holds for every release: area, rotation, containment, no panic.

use proptest::prelude::*;

use super::*;

/// Area by the surveyor's formula on the sphere that touches the ellipsoid there.
fn area_m2(outline: &[Location]) -> f64 {
    let lat = outline[0].lat.to_radians();
    let (a, e2) = (6_378_137.0, 0.006_694_379_990_14);
    let w = (1.0 - e2 * lat.sin() * lat.sin()).sqrt();
    let (meridian, parallel) = (a * (1.0 - e2) / (w * w * w), a / w);
    let metres: Vec<_> = outline
        .iter()
        .map(|it| {
            (
                (it.lon - outline[0].lon).to_radians() * parallel * it.lat.to_radians().cos(),
                (it.lat - outline[0].lat).to_radians() * meridian,
            )
        })
        .collect();
    metres.windows(2).map(|pair| pair[0].0 * pair[1].1 - pair[1].0 * pair[0].1).sum::<f64>().abs() / 2.0
}

fn square(lat: f64, lon: f64, from_deg: f64, km: f64) -> Guide {
    let towards_deg = (from_deg + 180.0) % 360.0;
    Guide {
        source: Location { lat, lon },
        protect: Some(Reach { km, or_more: false }),
        shape: Shape::Square { towards_deg },
        ..asked(&release(un(1_053))).unwrap()
    }
}

/// Distance by the haversine formula.
fn haversine_m(a: Location, b: Location) -> f64 {
    let (dlat, dlon) = ((b.lat - a.lat).to_radians(), (b.lon - a.lon).to_radians());
    let h = (dlat / 2.0).sin().powi(2) + a.lat.to_radians().cos() * b.lat.to_radians().cos() * (dlon / 2.0).sin().powi(2);
    2.0 * 6_371_008.8 * h.sqrt().asin()
}

proptest! {
    #[test]
    fn a_square_has_its_area_and_its_diagonals(
        lat in -80.0..80.0f64, lon in -170.0..170.0f64, from in 0.0..360.0f64, km in 0.1..11.0f64,
    ) {
        let outline = polygon(&square(lat, lon, from, km));
        let side = km * 1e3;
        // The formula is flat: the outline of 11 km bulges more near the poles.
        prop_assert!((area_m2(&outline) / (side * side) - 1.0).abs() < 0.005, "{}", area_m2(&outline));
        // The sphere is off by up to 0.6 % from the ellipsoid.
        let half = side * 1.25_f64.sqrt();
        for corner in &outline[2..4] {
            let off = haversine_m(Location { lat, lon }, *corner) / half - 1.0;
            prop_assert!(off.abs() < 0.006, "off by {off}");
        }
    }

    #[test]
    fn a_turned_wind_turns_the_square_and_keeps_its_size(
        lat in -80.0..80.0f64, from in 0.0..360.0f64, turn in 0.0..360.0f64, km in 0.1..11.0f64,
    ) {
        let plane = Plane::around(Location { lat, lon: 10.0 }).unwrap();
        let of = |from: f64| polygon(&square(lat, 10.0, from, km)).iter().map(|it| plane.spot(*it).unwrap()).collect::<Vec<_>>();
        for (before, after) in of(from).into_iter().zip(of((from + turn) % 360.0)) {
            let turned = before.turned(-turn);
            prop_assert!((turned.east - after.east).abs() < 0.1 && (turned.north - after.north).abs() < 0.1, "{turned:?} {after:?}");
        }
    }

    #[test]
    fn what_is_inside_stays_inside_a_longer_reach(
        lat in -80.0..80.0f64, from in 0.0..360.0f64, km in 0.1..10.0f64, more in 0.0..1.0f64,
        metres in 0.0..15_000.0f64, bearing in 0.0..360.0f64,
    ) {
        let source = Location { lat, lon: 10.0 };
        let place = Plane::around(source).unwrap().location(Spot::polar(metres, bearing));
        let place = [Place { id: "x".to_owned(), extent: Extent::Point(place), heads: Some(1) }];
        let inside = |km| survey(&square(lat, 10.0, from, km), &place).unwrap().total.places;
        prop_assert!(inside(km) <= inside(km + more));
    }

    #[test]
    fn the_middle_of_the_square_is_in_it_and_its_mirror_upwind_is_not(
        lat in -80.0..80.0f64, from in 0.0..360.0f64, km in 1.0..11.0f64, share in 0.5..0.99f64, across in -0.49..0.49f64,
    ) {
        let source = Location { lat, lon: -60.0 };
        let plane = Plane::around(source).unwrap();
        let side = km * 1e3;
        let spot = Spot { east: across * side, north: share * side };
        let towards = (from + 180.0) % 360.0;
        let at = |spot: Spot, id: &str| Place { id: id.to_owned(), extent: Extent::Point(plane.location(spot.turned(-towards))), heads: None };
        let places = [at(spot, "in"), at(Spot { north: -spot.north, ..spot }, "out")];
        let found = survey(&square(lat, -60.0, from, km), &places).unwrap();
        let ids: Vec<_> = found.within.iter().map(|it| it.id.as_str()).filter(|_| share * side > 400.0).collect();
        prop_assert!(share * side <= 400.0 || ids == ["in"], "{:?}", found);
    }

    #[test]
    fn no_number_panics(lat in any::<f64>(), lon in any::<f64>(), from in any::<f64>(), speed in any::<f64>(), at in any::<i64>(), number in 1..9_999u16) {
        let asked_for = Release {
            wind: wind(from, speed), location: Location { lat, lon }, at: Time::from_micros(at), light: Light::BySun, ..release(un(number))
        };
        if let Ok(found) = asked(&asked_for) {
            let _outline = found.protective();
        }
        let mut known = release(un(1_053));
        known.location = Location { lat, lon };
        known.wind = wind(from, speed);
        if let Ok(found) = asked(&known) {
            let place = Place { id: "x".to_owned(), extent: Extent::Point(Location { lat: lon, lon: lat }), heads: None };
            let _counted = survey(&found, &[place]);
        }
    }
}
