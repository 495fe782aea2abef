//! Day or night at a place: the sun's altitude by the low-precision formulae of the Astronomical Almanac (0.01 degrees, 1950 to 2050).

use libm::{asin, cos, sin};
use model::{Location, Time};

use crate::plane::{InvalidPlace, checked};
use crate::release::DayNight;

/// The years for which the formulae are good enough.
pub const SUN_YEARS: std::ops::Range<u16> = 1950..2101;

/// 1950-01-01 and 2101-01-01, microseconds since 1970.
const SPAN: std::ops::Range<i64> = -631_152_000_000_000..4_133_980_800_000_000;

/// 2000-01-01T12:00:00Z, microseconds since 1970.
const J2000: i64 = 946_728_000_000_000;

/// The sun rises and sets with its upper edge, through refracting air.
const HORIZON_DEG: f64 = -0.833;

/// Why it cannot be said.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum SunError {
    /// No place on earth.
    #[error(transparent)]
    Place(#[from] InvalidPlace),
    /// Too far in the past or future.
    #[error("tell day from night: the time is not in the years {} to {}", SUN_YEARS.start, SUN_YEARS.end - 1)]
    Years,
}

/// Whether the sun is up.
///
/// # Errors
/// A place that is none; a time outside `SUN_YEARS`.
pub fn day_or_night(place: Location, at: Time) -> Result<DayNight, SunError> {
    let place = checked(place)?;
    if !SPAN.contains(&at.micros()) {
        return Err(SunError::Years);
    }
    Ok(if altitude_deg(place, at) > HORIZON_DEG { DayNight::Day } else { DayNight::Night })
}

/// How high the middle of the sun stands, without refraction.
fn altitude_deg(place: Location, at: Time) -> f64 {
    // Whole microseconds of a century are exact in f64.
    let days = (at.micros() - J2000) as f64 / 86_400e6;
    let mean_longitude = 280.460 + 0.985_647_4 * days;
    let anomaly = (357.528 + 0.985_600_3 * days).to_radians();
    let longitude = (mean_longitude + 1.915 * sin(anomaly) + 0.020 * sin(2.0 * anomaly)).to_radians();
    let obliquity = (23.439 - 0.000_000_4 * days).to_radians();
    let ascension = libm::atan2(cos(obliquity) * sin(longitude), cos(longitude));
    let declination = asin(sin(obliquity) * sin(longitude));
    let sidereal = (280.460_618_37 + 360.985_647_366_29 * days + place.lon).to_radians();
    let latitude = place.lat.to_radians();
    let height = sin(latitude) * sin(declination) + cos(latitude) * cos(declination) * cos(sidereal - ascension);
    asin(height.clamp(-1.0, 1.0)).to_degrees()
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::Span;

    const SHANGHAI: Location = Location { lat: 31.230_4, lon: 121.473_7 };
    const URUMQI: Location = Location { lat: 43.825_6, lon: 87.616_8 };
    const TROMSO: Location = Location { lat: 69.649_2, lon: 18.955_3 };
    const USHUAIA: Location = Location { lat: -54.801_9, lon: -68.303 };

    /// Seconds since 1970 and the altitude by VSOP87 (`PyEphem` 4.2.1, without refraction).
    #[test]
    fn altitudes_are_those_of_a_fuller_theory() {
        let known: [(Location, i64, f64); 24] = [
            (SHANGHAI, 196_207_200, -0.221),
            (SHANGHAI, 1_718_942_400, 82.156),
            (SHANGHAI, 1_795_912_560, 20.961),
            (SHANGHAI, 1_795_942_800, -2.518),
            (SHANGHAI, 1_896_201_000, -54.717),
            (SHANGHAI, 2_523_700_800, -38.392),
            (URUMQI, 196_207_200, -23.808),
            (URUMQI, 1_718_942_400, 56.256),
            (URUMQI, 1_795_912_560, -8.125),
            (URUMQI, 1_795_942_800, 12.483),
            (URUMQI, 1_896_201_000, -63.062),
            (URUMQI, 2_523_700_800, -14.657),
            (TROMSO, 196_207_200, -19.653),
            (TROMSO, 1_718_942_400, 18.013),
            (TROMSO, 1_795_912_560, -38.349),
            (TROMSO, 1_795_942_800, -2.641),
            (TROMSO, 1_896_201_000, -23.785),
            (TROMSO, 2_523_700_800, -4.123),
            (USHUAIA, 196_207_200, 5.681),
            (USHUAIA, 1_718_942_400, -57.964),
            (USHUAIA, 1_795_912_560, 0.072),
            (USHUAIA, 1_795_942_800, 6.480),
            (USHUAIA, 1_896_201_000, 47.252),
            (USHUAIA, 2_523_700_800, 31.619),
        ];
        for (place, seconds, altitude) in known {
            let found = altitude_deg(place, Time::from_micros(seconds * 1_000_000));
            // Parallax, which is left out here, is 0.002 degrees.
            assert!((found - altitude).abs() < 0.015, "{place:?} {seconds}: {found}, not {altitude}");
        }
    }

    /// Sunrise and sunset of the same library, of the sun's centre at -0:50.
    #[test]
    fn the_day_begins_and_ends_with_the_almanac() {
        let known: [(Location, i64, i64); 4] = [
            (SHANGHAI, 1_795_905_178, 1_795_942_281),
            (SHANGHAI, 1_781_988_625, 1_782_039_676),
            (URUMQI, 1_795_915_256, 1_795_948_451),
            (USHUAIA, 1_795_939_087, 1_795_999_555),
        ];
        let within = Span::from_secs(20);
        for (place, rise, set) in known {
            let (rise, set) = (Time::from_micros(rise * 1_000_000), Time::from_micros(set * 1_000_000));
            let is = |at| day_or_night(place, at).unwrap();
            let back = |at: Time, span: Span| Time::from_micros(at.micros() - span.micros());
            assert_eq!((is(back(rise, within)), is(rise + within)), (DayNight::Night, DayNight::Day), "{place:?} rises");
            assert_eq!((is(back(set, within)), is(set + within)), (DayNight::Day, DayNight::Night), "{place:?} sets");
        }
    }
    #[test]
    fn no_place_and_no_year_are_refused() {
        let noon = Time::from_micros(J2000);
        assert!(day_or_night(Location { lat: f64::NAN, lon: 0.0 }, noon).is_err());
        assert_eq!(day_or_night(SHANGHAI, Time::MAX), Err(SunError::Years));
        assert_eq!(day_or_night(SHANGHAI, Time::MIN), Err(SunError::Years));
    }
}
