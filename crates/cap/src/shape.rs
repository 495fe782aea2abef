//! Places in WGS 84: latitude first, then longitude, as CAP writes them.
//!
//! Limits: a polygon has 4 to `POLYGON_POINTS_MAX` points, the last one the first.

use std::fmt;

use crate::leaf::{Decimal, Invalid};

/// The most points of a polygon.
pub const POLYGON_POINTS_MAX: usize = 4_096;

/// No circle reaches farther than round the earth, km.
const RADIUS_KM_MAX: f64 = 20_040.0;

/// A point.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Point {
    lat: Decimal,
    lon: Decimal,
}

/// A closed outline.
#[derive(Clone, Debug, PartialEq)]
pub struct Polygon(Vec<Point>);

/// A circle.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Circle {
    centre: Point,
    radius_km: Decimal,
}

impl Point {
    /// Degrees north and east.
    ///
    /// # Errors
    /// A latitude not in -90 to 90, a longitude not in -180 to 180.
    pub fn new(lat: f64, lon: f64) -> Result<Self, Invalid> {
        let point = Self { lat: Decimal::new(lat)?, lon: Decimal::new(lon)? };
        if !(-90.0..=90.0).contains(&lat) {
            return Err(Invalid::new(&point.to_string(), "its latitude is not in -90 to 90; latitude comes first"));
        }
        if !(-180.0..=180.0).contains(&lon) {
            return Err(Invalid::new(&point.to_string(), "its longitude is not in -180 to 180"));
        }
        Ok(point)
    }

    /// From `lat,lon`.
    ///
    /// # Errors
    /// Any other form; as `new`.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        let pair = text.split_once(',').ok_or_else(|| Invalid::new(text, "a point is latitude,longitude"))?;
        Self::new(Decimal::parse(pair.0)?.get(), Decimal::parse(pair.1)?.get())
    }

    /// Degrees north.
    pub const fn lat(self) -> f64 {
        self.lat.get()
    }

    /// Degrees east.
    pub const fn lon(self) -> f64 {
        self.lon.get()
    }
}

impl Polygon {
    /// The outline.
    ///
    /// # Errors
    /// Fewer than four or too many points; a last point that is not the first.
    pub fn new(points: Vec<Point>) -> Result<Self, Invalid> {
        let said = |fault| Invalid::new(&joined(points.iter().take(4)), fault);
        if points.len() < 4 {
            return Err(said("a polygon has four points or more"));
        }
        if points.len() > POLYGON_POINTS_MAX {
            return Err(said("a polygon has 4096 points at most"));
        }
        if points.first() != points.last() {
            return Err(said("a polygon ends where it begins"));
        }
        Ok(Self(points))
    }

    /// From `lat,lon lat,lon ...`.
    ///
    /// # Errors
    /// A point that is none; as `new`.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        let points: Result<Vec<_>, _> = text.split_whitespace().take(POLYGON_POINTS_MAX + 1).map(Point::parse).collect();
        Self::new(points?)
    }

    /// The points, the last one the first.
    pub fn points(&self) -> &[Point] {
        &self.0
    }
}

impl Circle {
    /// Round a point.
    ///
    /// # Errors
    /// A radius below 0, or larger than the earth.
    pub fn new(centre: Point, radius_km: f64) -> Result<Self, Invalid> {
        let radius_km = Decimal::new(radius_km)?;
        if !(0.0..=RADIUS_KM_MAX).contains(&radius_km.get()) {
            return Err(Invalid::new(&radius_km.to_string(), "its radius is not in 0 to 20040 km"));
        }
        Ok(Self { centre, radius_km })
    }

    /// From `lat,lon radius`.
    ///
    /// # Errors
    /// Any other form; as `new`.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        let mut words = text.split_whitespace();
        let (Some(centre), Some(radius), None) = (words.next(), words.next(), words.next()) else {
            return Err(Invalid::new(text, "a circle is latitude,longitude and its radius in km"));
        };
        Self::new(Point::parse(centre)?, Decimal::parse(radius)?.get())
    }

    /// Its middle.
    pub const fn centre(self) -> Point {
        self.centre
    }

    /// Its radius.
    pub const fn radius_km(self) -> f64 {
        self.radius_km.get()
    }
}

fn joined<'a>(points: impl Iterator<Item = &'a Point>) -> String {
    points.map(ToString::to_string).collect::<Vec<_>>().join(" ")
}

impl fmt::Display for Point {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{},{}", self.lat, self.lon)
    }
}

impl fmt::Display for Polygon {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&joined(self.0.iter()))
    }
}

impl fmt::Display for Circle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.centre, self.radius_km)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn latitude_comes_first() {
        let point = Point::parse("32.061,120.513").unwrap();
        assert_eq!((point.lat(), point.lon(), point.to_string().as_str()), (32.061, 120.513, "32.061,120.513"));
        let error = Point::parse("120.513,32.061").unwrap_err().to_string();
        assert!(error.contains("latitude comes first"), "{error}");
        for wrong in ["", "1", "1,", ",1", "1,2,3", "1, 2", "NaN,1", "1,181", "-90.1,0", "1e1,2"] {
            assert!(Point::parse(wrong).is_err(), "{wrong}");
        }
        assert!(Point::new(f64::NAN, 0.0).is_err() && Point::new(0.0, f64::INFINITY).is_err());
    }

    #[test]
    fn polygons_are_closed_and_have_four_points() {
        let text = "1,1 1,2 2,2 1,1";
        assert_eq!(Polygon::parse(" 1,1\n1.0,2\t2,2  1,1 ").unwrap().to_string(), text);
        for wrong in ["", "1,1 1,2 1,1", "1,1 1,2 2,2 2,1", "1,1 1,2 2,2 x"] {
            assert!(Polygon::parse(wrong).is_err(), "{wrong}");
        }
        assert!(Polygon::parse(&"1,1 ".repeat(POLYGON_POINTS_MAX)).is_ok());
        assert!(Polygon::parse(&"1,1 ".repeat(POLYGON_POINTS_MAX + 1)).is_err());
    }

    #[test]
    fn circles_have_a_radius() {
        assert_eq!(Circle::parse("32.9525,-115.5527 0").unwrap().to_string(), "32.9525,-115.5527 0");
        for wrong in ["", "1,1", "1,1 -1", "1,1 1 1", "1,1 20041", "1 1 1"] {
            assert!(Circle::parse(wrong).is_err(), "{wrong}");
        }
    }
}
