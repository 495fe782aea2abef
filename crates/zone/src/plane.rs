//! The neighbourhood of a source as a plane: metres east and north of it, distance and bearing true (azimuthal equidistant).
//!
//! Over the longest reach of the tables the plane is within centimetres of the ellipsoid. Positions that are given out are rounded to
//! 1e-7 degrees, a centimetre, so that the last digit of a sine on another platform does not show.

use geographiclib_rs::{DirectGeodesic, Geodesic, InverseGeodesic};
use model::Location;

/// Nearer to a pole no square is drawn: bearings turn too fast there.
pub(crate) const LATITUDE_MAX: f64 = 85.0;

/// Why a location is no use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidPlace {
    /// Not -90 to 90.
    #[error("use the location: its latitude is not in -90 to 90")]
    Latitude,
    /// Not -180 to 180.
    #[error("use the location: its longitude is not in -180 to 180")]
    Longitude,
    /// A source within 5 degrees of a pole.
    #[error("use the location: no zone is drawn beyond 85 degrees of latitude")]
    NearPole,
}

/// A point of the plane: metres east and north of the source.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Spot {
    pub(crate) east: f64,
    pub(crate) north: f64,
}

/// The plane around a source.
#[derive(Clone, Debug)]
pub(crate) struct Plane {
    geodesic: Geodesic,
    source: Location,
}

/// The location, if it is one.
pub(crate) fn checked(place: Location) -> Result<Location, InvalidPlace> {
    // NaN lies in no range.
    if !(-90.0..=90.0).contains(&place.lat) {
        return Err(InvalidPlace::Latitude);
    }
    if !(-180.0..=180.0).contains(&place.lon) {
        return Err(InvalidPlace::Longitude);
    }
    Ok(place)
}

impl Plane {
    /// The plane around a source that is not at a pole.
    pub(crate) fn around(source: Location) -> Result<Self, InvalidPlace> {
        let source = checked(source)?;
        if source.lat.abs() > LATITUDE_MAX {
            return Err(InvalidPlace::NearPole);
        }
        Ok(Self { geodesic: Geodesic::wgs84(), source })
    }

    /// Where a location lies.
    pub(crate) fn spot(&self, place: Location) -> Result<Spot, InvalidPlace> {
        let place = checked(place)?;
        let (metres, bearing, _, _): (f64, f64, f64, f64) =
            self.geodesic.inverse(self.source.lat, self.source.lon, place.lat, place.lon);
        Ok(Spot::polar(metres, bearing))
    }

    /// The location of a spot.
    pub(crate) fn location(&self, spot: Spot) -> Location {
        let (lat, lon): (f64, f64) = self.geodesic.direct(self.source.lat, self.source.lon, spot.bearing(), spot.metres());
        Location { lat: centimetre(lat), lon: centimetre(lon) }
    }
}

fn centimetre(degrees: f64) -> f64 {
    let rounded = (degrees * 1e7).round_ties_even() / 1e7;
    // No -0: it would be written with its sign.
    if rounded == 0.0 { 0.0 } else { rounded }
}

impl Spot {
    pub(crate) const SOURCE: Self = Self { east: 0.0, north: 0.0 };

    /// So many metres in a direction, degrees from north over east.
    pub(crate) fn polar(metres: f64, bearing: f64) -> Self {
        let bearing = bearing.to_radians();
        Self { east: metres * libm::sin(bearing), north: metres * libm::cos(bearing) }
    }

    /// How far from the source.
    pub(crate) fn metres(self) -> f64 {
        libm::hypot(self.east, self.north)
    }

    /// In which direction from the source, 0 to below 360.
    pub(crate) fn bearing(self) -> f64 {
        full_circle(libm::atan2(self.east, self.north).to_degrees())
    }

    /// Seen by one who looks in a direction: metres to the right (east) and ahead (north).
    pub(crate) fn turned(self, bearing: f64) -> Self {
        let (sin, cos) = (libm::sin(bearing.to_radians()), libm::cos(bearing.to_radians()));
        Self { east: self.east * cos - self.north * sin, north: self.east * sin + self.north * cos }
    }

    /// The nearest point of the line from `a` to `b` to the source.
    pub(crate) fn nearest_of(a: Self, b: Self) -> Self {
        let (east, north) = (b.east - a.east, b.north - a.north);
        let length_squared = east * east + north * north;
        if length_squared <= 0.0 {
            return a;
        }
        let share = (-(a.east * east + a.north * north) / length_squared).clamp(0.0, 1.0);
        Self { east: a.east + share * east, north: a.north + share * north }
    }
}

/// Degrees, 0 to below 360.
pub(crate) fn full_circle(degrees: f64) -> f64 {
    let turned = degrees.rem_euclid(360.0);
    // A tiny negative number comes out as 360.
    if turned >= 360.0 { 0.0 } else { turned }
}

/// The lines of a polygon, closed if it is not.
fn edges(polygon: &[Spot]) -> impl Iterator<Item = (Spot, Spot)> {
    let next = polygon.iter().cycle().skip(1);
    polygon.iter().copied().zip(next.copied())
}

/// Whether a spot lies in a polygon, by the number of its lines east of it.
pub(crate) fn holds(polygon: &[Spot], spot: Spot) -> bool {
    let crosses = |(a, b): &(Spot, Spot)| {
        (a.north > spot.north) != (b.north > spot.north)
            && spot.east < (b.east - a.east) * (spot.north - a.north) / (b.north - a.north) + a.east
    };
    edges(polygon).filter(crosses).count() % 2 == 1
}

/// The point of a polygon that is nearest to the source: the source itself where it lies inside.
pub(crate) fn nearest(polygon: &[Spot]) -> Spot {
    if holds(polygon, Spot::SOURCE) {
        return Spot::SOURCE;
    }
    let points = edges(polygon).map(|(a, b)| Spot::nearest_of(a, b));
    points.min_by(|a, b| a.metres().total_cmp(&b.metres())).unwrap_or(Spot::SOURCE)
}

/// Whether two polygons share a point.
pub(crate) fn overlap(one: &[Spot], other: &[Spot]) -> bool {
    one.iter().any(|spot| holds(other, *spot))
        || other.iter().any(|spot| holds(one, *spot))
        || edges(one).any(|line| edges(other).any(|other| cross(line, other)))
}

fn cross((a, b): (Spot, Spot), (c, d): (Spot, Spot)) -> bool {
    let side = |p: Spot, q: Spot, r: Spot| (q.east - p.east) * (r.north - p.north) - (q.north - p.north) * (r.east - p.east);
    let between = |p: Spot, q: Spot, r: Spot| {
        r.east >= p.east.min(q.east)
            && r.east <= p.east.max(q.east)
            && r.north >= p.north.min(q.north)
            && r.north <= p.north.max(q.north)
    };
    let (ac, ad, ca, cb) = (side(a, b, c), side(a, b, d), side(c, d, a), side(c, d, b));
    let apart = |x: f64, y: f64| (x > 0.0 && y < 0.0) || (x < 0.0 && y > 0.0);
    (apart(ac, ad) && apart(ca, cb))
        || (ac == 0.0 && between(a, b, c))
        || (ad == 0.0 && between(a, b, d))
        || (ca == 0.0 && between(c, d, a))
        || (cb == 0.0 && between(c, d, b))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spots<const N: usize>(points: [(f64, f64); N]) -> [Spot; N] {
        points.map(|(east, north)| Spot { east, north })
    }

    #[test]
    fn polygons_hold_their_inside_and_find_their_nearest_point() {
        let square = spots([(10.0, -10.0), (30.0, -10.0), (30.0, 10.0), (10.0, 10.0)]);
        assert!(holds(&square, Spot { east: 20.0, north: 0.0 }));
        assert!(!holds(&square, Spot::SOURCE));
        assert_eq!(nearest(&square), Spot { east: 10.0, north: 0.0 });
        let around = spots([(-1.0, -1.0), (1.0, -1.0), (0.0, 1.0)]);
        assert_eq!(nearest(&around).metres(), 0.0, "the source is in it");
        // A closed polygon is the same one.
        let closed = spots([(10.0, -10.0), (30.0, -10.0), (30.0, 10.0), (10.0, 10.0), (10.0, -10.0)]);
        assert!(holds(&closed, Spot { east: 20.0, north: 0.0 }) && !holds(&closed, Spot { east: 40.0, north: 0.0 }));
    }

    #[test]
    fn polygons_overlap_by_corner_by_inclusion_and_by_crossing_lines() {
        let square = spots([(0.0, 0.0), (10.0, 0.0), (10.0, 10.0), (0.0, 10.0)]);
        let inside = spots([(4.0, 4.0), (5.0, 4.0), (5.0, 5.0)]);
        let bar = spots([(-5.0, 4.0), (15.0, 4.0), (15.0, 5.0), (-5.0, 5.0)]);
        let touching = spots([(10.0, 2.0), (20.0, 2.0), (20.0, 3.0)]);
        let away = spots([(11.0, 2.0), (20.0, 2.0), (20.0, 3.0)]);
        for (other, wanted) in [(&inside[..], true), (&bar, true), (&touching, true), (&away, false)] {
            assert_eq!(overlap(&square, other), wanted, "{other:?}");
            assert_eq!(overlap(other, &square), wanted, "{other:?}");
        }
    }

    #[test]
    fn there_and_back_is_the_same_centimetre() {
        for (lat, lon) in [(0.0, 0.0), (32.061, 120.513), (-54.8, -68.3), (84.9, 10.0), (10.0, 179.999), (-10.0, -180.0)] {
            let plane = Plane::around(Location { lat, lon }).unwrap();
            for bearing in [0.0, 44.0, 90.0, 133.3, 270.0, 359.0] {
                let spot = Spot::polar(11_000.0, bearing);
                let back = plane.spot(plane.location(spot)).unwrap();
                assert!((back.metres() - 11_000.0).abs() < 0.02, "{lat} {lon} {bearing}: {back:?}");
                assert!((back.east - spot.east).abs() < 0.02 && (back.north - spot.north).abs() < 0.02);
            }
        }
    }
}
