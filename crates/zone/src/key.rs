//! How a substance is named: by UN number or by CAS registry number.

use std::fmt;

/// A UN number of the transport of dangerous goods, 1 to 9999.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UnNumber(u16);

/// A CAS registry number whose check digit holds.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Cas(String);

/// Which row of a UN number that has more than one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Variant {
    /// Spilled on land.
    Land,
    /// Spilled in water.
    Water,
    /// Inhalation hazard zone A.
    ZoneA,
    /// Inhalation hazard zone B.
    ZoneB,
}

/// A substance as it was named.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SubstanceKey {
    /// By UN number.
    Un(UnNumber),
    /// By CAS registry number.
    Cas(Cas),
}

/// Why a text or number names no substance.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidKey {
    /// Not 1 to 9999.
    #[error("read the UN number: `{0}` is none; it has one to four digits and is not 0")]
    Un(String),
    /// Not a CAS number.
    #[error("read the CAS number: `{0}` is none; it is like `7664-41-7`, and its last digit checks the others")]
    Cas(String),
}

/// How much of a wrong text a message quotes.
const QUOTED_MAX: usize = 32;

impl UnNumber {
    /// The number, if it is one.
    ///
    /// # Errors
    /// 0, or above 9999.
    pub fn new(number: u16) -> Result<Self, InvalidKey> {
        if (1..=9_999).contains(&number) { Ok(Self(number)) } else { Err(InvalidKey::Un(number.to_string())) }
    }

    /// From `1005` or `UN 1005`.
    ///
    /// # Errors
    /// Anything else.
    pub fn parse(text: &str) -> Result<Self, InvalidKey> {
        let wrong = || InvalidKey::Un(text.chars().take(QUOTED_MAX).collect());
        let digits = text.strip_prefix("UN").map_or(text, str::trim_start);
        if digits.len() > 4 || !digits.bytes().all(|it| it.is_ascii_digit()) {
            return Err(wrong());
        }
        digits.parse().ok().and_then(|number| Self::new(number).ok()).ok_or_else(wrong)
    }

    /// The number.
    pub const fn get(self) -> u16 {
        self.0
    }
}

impl fmt::Display for UnNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "UN {:04}", self.0)
    }
}

impl Cas {
    /// From `7664-41-7`.
    ///
    /// # Errors
    /// Other groups than two to seven digits, two digits, one digit; a check digit that does not hold.
    pub fn parse(text: &str) -> Result<Self, InvalidKey> {
        let wrong = || InvalidKey::Cas(text.chars().take(QUOTED_MAX).collect());
        let groups: Vec<_> = text.split('-').collect();
        let [first, second, check] = groups[..] else { return Err(wrong()) };
        let digits = || first.bytes().chain(second.bytes()).rev().map(|it| u32::from(it.wrapping_sub(b'0')));
        let shaped = (2..=7).contains(&first.len()) && second.len() == 2 && check.len() == 1;
        let numeric = text.bytes().all(|it| it == b'-' || it.is_ascii_digit());
        if !shaped || !numeric || first.starts_with('0') {
            return Err(wrong());
        }
        // Each digit counts by its place from the right.
        let sum: u32 = (1..).zip(digits()).map(|(place, digit)| place * digit).sum();
        if check.parse() == Ok(sum % 10) { Ok(Self(text.to_owned())) } else { Err(wrong()) }
    }

    /// The number with its hyphens.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Cas {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CAS {}", self.0)
    }
}

impl fmt::Display for SubstanceKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Un(it) => it.fmt(f),
            Self::Cas(it) => it.fmt(f),
        }
    }
}

impl Variant {
    /// The word in the table.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Land => "land",
            Self::Water => "water",
            Self::ZoneA => "zone_a",
            Self::ZoneB => "zone_b",
        }
    }

    /// In Chinese.
    pub const fn zh(self) -> &'static str {
        match self {
            Self::Land => "陆上",
            Self::Water => "水中",
            Self::ZoneA => "吸入危害A区",
            Self::ZoneB => "吸入危害B区",
        }
    }

    /// From the word in the table.
    pub fn parse(word: &str) -> Option<Self> {
        [Self::Land, Self::Water, Self::ZoneA, Self::ZoneB].into_iter().find(|it| it.as_str() == word)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn un_numbers_have_one_to_four_digits() {
        assert_eq!(UnNumber::parse("1005").unwrap().get(), 1_005);
        assert_eq!(UnNumber::parse("UN 0004").unwrap().to_string(), "UN 0004");
        for wrong in ["", "UN", "0", "10050", "-1", "+5", "1 5", "１００５"] {
            assert!(UnNumber::parse(wrong).is_err(), "{wrong}");
        }
        assert!(UnNumber::new(0).is_err() && UnNumber::new(10_000).is_err());
    }

    #[test]
    fn cas_numbers_check_themselves() {
        for right in ["7664-41-7", "50-00-0", "7782-50-5", "8014-95-7"] {
            assert_eq!(Cas::parse(right).unwrap().as_str(), right);
        }
        for wrong in
            ["7664-41-8", "7664-14-7", "7664417", "7664-41-", "-41-7", "766a-41-7", "0664-41-7", "", "7664-41-7-1", "氨-41-7"]
        {
            assert!(Cas::parse(wrong).is_err(), "{wrong}");
        }
    }
}
