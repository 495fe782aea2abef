//! Times at the edge: protobuf timestamps and RFC 3339.

use jiff::Timestamp;
use model::Time;

const SECOND: i64 = 1_000_000;

/// A time for the network.
pub fn time_to_v1(time: Time) -> prost_types::Timestamp {
    let (seconds, micros) = (time.micros().div_euclid(SECOND), time.micros().rem_euclid(SECOND));
    #[expect(clippy::cast_possible_truncation, reason = "below 1,000,000,000")]
    let nanos = (micros * 1_000) as i32;
    prost_types::Timestamp { seconds, nanos }
}

/// A time from the network, rounded half-even to microseconds; what no i64 of microseconds holds ends at its limits.
pub fn time_from_v1(time: &prost_types::Timestamp) -> Time {
    let (whole, rest) = (i64::from(time.nanos).div_euclid(1_000), i64::from(time.nanos).rem_euclid(1_000));
    let up = rest > 500 || (rest == 500 && whole % 2 != 0);
    Time::from_micros(time.seconds.saturating_mul(SECOND).saturating_add(whole + i64::from(up)))
}

/// RFC 3339 in UTC with six decimals and `Z`; a time that no calendar holds is shown as the nearest one that does.
pub fn format_time(time: Time) -> String {
    let stamp =
        Timestamp::from_microsecond(time.micros()).unwrap_or(if time.micros() < 0 { Timestamp::MIN } else { Timestamp::MAX });
    stamp.strftime("%Y-%m-%dT%H:%M:%S.%6fZ").to_string()
}

/// Reads RFC 3339 with any offset, rounded half-even to microseconds.
pub fn parse_time(text: &str) -> Option<Time> {
    let stamp: Timestamp = text.parse().ok()?;
    let nanos = stamp.as_nanosecond();
    let (whole, rest) = (nanos.div_euclid(1_000), nanos.rem_euclid(1_000));
    let up = rest > 500 || (rest == 500 && whole % 2 != 0);
    i64::try_from(whole + i128::from(up)).ok().map(Time::from_micros)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn reads_and_writes_rfc_3339() {
        let time = Time::from_micros(1_732_370_000_123_456);
        assert_eq!(format_time(time), "2024-11-23T13:53:20.123456Z");
        assert_eq!(parse_time("2024-11-23T21:53:20.1234564+08:00"), Some(time));
        assert_eq!(parse_time("2024-11-23 13:53"), None);
        assert_eq!(format_time(Time::from_micros(0)), "1970-01-01T00:00:00.000000Z");
    }

    #[test]
    fn ends_of_the_range_are_shown() {
        assert!(format_time(Time::MAX).starts_with("9999-"));
        assert!(format_time(Time::MIN).starts_with('-'));
    }

    proptest! {
        #[test]
        fn timestamps_read_back(micros in -62_135_596_800_000_000_i64..253_402_300_799_999_999) {
            let time = Time::from_micros(micros);
            prop_assert_eq!(time_from_v1(&time_to_v1(time)), time);
            prop_assert_eq!(parse_time(&format_time(time)), Some(time));
        }
    }
}
