//! Times as CAP writes them: a local time to the second with its offset, never `Z`.

use std::fmt;

use jiff::civil;
use jiff::tz;
use model::Time;

use crate::leaf::Invalid;

/// How far local time is ahead of UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Offset {
    minutes: i16,
    /// `-00:00`: UTC, and no more is said of local time.
    plain_utc: bool,
}

/// An instant to the second with the offset it was written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Stamp {
    /// Seconds since 1970, UTC.
    seconds: i64,
    offset: Offset,
}

/// The largest offset of XML Schema.
const OFFSET_MAX: i16 = 14 * 60;

const FORM: &str = "it has to be like 2026-11-29T08:36:00+08:00, with an offset instead of Z";

impl Offset {
    /// China, `+08:00`.
    pub const CHINA: Self = Self { minutes: 480, plain_utc: false };
    /// UTC as CAP wants it written, `-00:00`.
    pub const UTC: Self = Self { minutes: 0, plain_utc: true };

    /// So many minutes ahead.
    ///
    /// # Errors
    /// More than 14 hours either way.
    pub fn minutes(minutes: i16) -> Result<Self, Invalid> {
        if (-OFFSET_MAX..=OFFSET_MAX).contains(&minutes) {
            Ok(Self { minutes, plain_utc: false })
        } else {
            Err(Invalid::new(&minutes.to_string(), "an offset is up to 14 hours"))
        }
    }
}

impl Stamp {
    /// The second that an instant lies in.
    ///
    /// # Errors
    /// A year that is not 1 to 9999, or the last day of these.
    pub fn new(at: Time, offset: Offset) -> Result<Self, Invalid> {
        let stamp = Self { seconds: at.micros().div_euclid(1_000_000), offset };
        match stamp.local() {
            Some(_) => Ok(stamp),
            None => Err(Invalid::new(&at.micros().to_string(), "its year is not 1 to 9999")),
        }
    }

    /// From the standard's form.
    ///
    /// # Errors
    /// Any other form; a day or a second that there is not.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        let wrong = || Invalid::new(text, FORM);
        let shaped = text.len() == 25
            && text.bytes().zip(b"0000-00-00T00:00:00+00:00").all(|(found, wanted)| match wanted {
                b'0' => found.is_ascii_digit(),
                b'+' => found == b'+' || found == b'-',
                other => found == *other,
            });
        if !shaped {
            return Err(wrong());
        }
        // All of it is ASCII by now.
        let number = |from: usize, to: usize| text[from..to].parse::<i16>().map_err(|_| wrong());
        let part = |from: usize| number(from, from + 2).and_then(|it| i8::try_from(it).map_err(|_| wrong()));
        let (hours, minutes) = (number(20, 22)?, number(23, 25)?);
        let minus = text.as_bytes()[19] == b'-';
        let size = hours * 60 + minutes;
        if minutes > 59 || size > OFFSET_MAX {
            return Err(wrong());
        }
        let offset = Offset { minutes: if minus { -size } else { size }, plain_utc: minus && size == 0 };
        let year = number(0, 4)?;
        // `new` takes second 60 for none.
        let local = civil::DateTime::new(year, part(5)?, part(8)?, part(11)?, part(14)?, part(17)?, 0).map_err(|_| wrong())?;
        let instant = offset.of_jiff().and_then(|it| it.to_timestamp(local).ok()).ok_or_else(wrong)?;
        let stamp = Self { seconds: instant.as_second(), offset };
        if stamp.local().is_some() { Ok(stamp) } else { Err(wrong()) }
    }

    /// The instant.
    pub const fn time(self) -> Time {
        Time::from_micros(self.seconds * 1_000_000)
    }

    /// How far local time was ahead of UTC where it was written.
    pub const fn offset(self) -> Offset {
        self.offset
    }

    fn local(self) -> Option<civil::DateTime> {
        let instant = jiff::Timestamp::from_second(self.seconds).ok()?;
        let local = self.offset.of_jiff()?.to_datetime(instant);
        (1..=9_999).contains(&local.year()).then_some(local)
    }
}

impl Offset {
    /// Minutes ahead of UTC.
    pub const fn get(self) -> i16 {
        self.minutes
    }

    fn of_jiff(self) -> Option<tz::Offset> {
        tz::Offset::from_seconds(i32::from(self.minutes) * 60).ok()
    }
}

impl fmt::Display for Stamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let local = self.local().expect("checked when it was made");
        let size = self.offset.minutes.unsigned_abs();
        let sign = if self.offset.minutes < 0 || self.offset.plain_utc { '-' } else { '+' };
        write!(
            f,
            "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}{sign}{:02}:{:02}",
            local.year(),
            local.month(),
            local.day(),
            local.hour(),
            local.minute(),
            local.second(),
            size / 60,
            size % 60
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_read_is_written_again() {
        for text in [
            "2026-11-29T08:36:00+08:00",
            "2002-05-24T16:49:00-07:00",
            "2026-11-29T00:36:00-00:00",
            "2026-11-29T00:36:00+00:00",
            "2024-02-29T23:59:59+14:00",
            "0001-01-01T00:00:00-14:00",
            "9999-12-30T21:59:59+00:00",
            "2026-11-29T00:36:00-00:30",
        ] {
            assert_eq!(Stamp::parse(text).unwrap().to_string(), text);
        }
        let instant = Stamp::parse("2026-11-29T08:36:00+08:00").unwrap();
        assert_eq!(instant.time().micros(), 1_795_912_560_000_000);
        assert_eq!(Stamp::new(Time::from_micros(1_795_912_560_999_999), Offset::CHINA).unwrap(), instant);
        assert_eq!(Stamp::new(Time::from_micros(-1), Offset::UTC).unwrap().to_string(), "1969-12-31T23:59:59-00:00");
    }

    #[test]
    fn other_forms_and_days_that_there_are_not_are_refused() {
        for text in [
            "2026-11-29T08:36:00Z",
            "2026-11-29T08:36:00",
            "2026-11-29T08:36:00.5+08:00",
            "2026-11-29T08:36+08:00",
            "2026-11-29 08:36:00+08:00",
            "2026-11-31T08:36:00+08:00",
            "2026-02-29T08:36:00+08:00",
            "2026-11-29T24:00:00+08:00",
            "2026-11-29T08:60:00+08:00",
            "2026-12-31T23:59:60+00:00",
            "2026-11-29T08:36:00,08:00",
            "2026-11-29T08:36:00+14:01",
            "2026-11-29T08:36:00+08:60",
            "0000-01-01T00:00:00+00:00",
            "２026-11-29T08:36:00+08",
            "",
        ] {
            assert!(Stamp::parse(text).is_err(), "{text}");
        }
        assert!(Stamp::new(Time::MAX, Offset::CHINA).is_err() && Stamp::new(Time::MIN, Offset::UTC).is_err());
        assert!(Offset::minutes(841).is_err() && Offset::minutes(-840).is_ok());
    }
}
