//! What stands between two tags: texts, names, languages, addresses, numbers, each checked when it is made.
//!
//! Limits: a text has up to `TEXT_BYTES_MAX` bytes, a name or language up to 256, a number up to 32.

use std::fmt;

/// The longest text, in bytes.
pub const TEXT_BYTES_MAX: usize = 128 * 1024;

const TOKEN_BYTES_MAX: usize = 256;
const NUMBER_BYTES_MAX: usize = 32;
const NUMBER_MAX: f64 = 1e6;

/// How much of a wrong value a message quotes, in characters.
const QUOTED_MAX: usize = 64;

/// Why a value is none.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{value}`: {fault}")]
pub struct Invalid {
    /// The value, cut off at 64 characters.
    pub value: String,
    /// What is wrong, and what would be right.
    pub fault: &'static str,
}

/// A text for people: something in it, all of it characters of XML.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Text(String);

/// An identifier or a sender: without spaces, commas, `<` and `&`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Token(String);

/// A language by RFC 3066, such as `zh-CN`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Language(String);

/// An address on the web or, for a resource, a name relative to it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Uri(String);

/// A number to nine decimals, up to a million either way: degrees, kilometres and feet.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd)]
pub struct Decimal(f64);

impl Invalid {
    pub(crate) fn new(value: &str, fault: &'static str) -> Self {
        Self { value: value.chars().take(QUOTED_MAX).collect(), fault }
    }
}

/// The characters of XML 1.0, section 2.2; a carriage return would come back as a line feed.
fn of_xml(character: char) -> bool {
    matches!(character, '\t' | '\n' | ' '..='\u{fffd}' | '\u{10000}'..)
}

impl Text {
    /// The text; ends of lines become `\n`.
    ///
    /// # Errors
    /// Nothing but white space; control characters; too long.
    pub fn new(text: &str) -> Result<Self, Invalid> {
        let text = text.replace("\r\n", "\n").replace('\r', "\n");
        if text.trim().is_empty() {
            return Err(Invalid::new(&text, "it is empty"));
        }
        if text.len() > TEXT_BYTES_MAX {
            return Err(Invalid::new(&text, "it is too long"));
        }
        if !text.chars().all(of_xml) {
            return Err(Invalid::new(&text, "it holds a character that XML cannot carry"));
        }
        Ok(Self(text))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Token {
    /// The name.
    ///
    /// # Errors
    /// Empty, longer than 256 bytes; white space, a comma, `<`, `&` or a control character in it.
    pub fn new(text: &str) -> Result<Self, Invalid> {
        if text.is_empty() || text.len() > TOKEN_BYTES_MAX {
            return Err(Invalid::new(text, "it has 1 to 256 bytes"));
        }
        if text.chars().any(|it| matches!(it, ',' | '<' | '&') || it.is_whitespace() || it.is_control() || !of_xml(it)) {
            return Err(Invalid::new(text, "it holds no spaces, commas, `<` or `&`"));
        }
        Ok(Self(text.to_owned()))
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Language {
    /// What is meant where none is said.
    pub const DEFAULT: &'static str = "en-US";

    /// The language; case is kept.
    ///
    /// # Errors
    /// Anything but one to eight letters, and after each hyphen one to eight letters or digits.
    pub fn new(text: &str) -> Result<Self, Invalid> {
        let mut subtags = text.split('-');
        let first = subtags.next().is_some_and(|it| (1..=8).contains(&it.len()) && it.bytes().all(|b| b.is_ascii_alphabetic()));
        let rest = subtags.all(|it| (1..=8).contains(&it.len()) && it.bytes().all(|b| b.is_ascii_alphanumeric()));
        if first && rest && text.len() <= TOKEN_BYTES_MAX {
            Ok(Self(text.to_owned()))
        } else {
            Err(Invalid::new(text, "it is no language such as zh-CN"))
        }
    }

    /// The language.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Uri {
    /// The address.
    ///
    /// # Errors
    /// Empty, longer than a text may be; white space, control characters, brackets, `<>"|\^` or a back-tick in it; a `%` without two
    /// digits, a second `#`, a colon after what is no scheme.
    pub fn new(text: &str) -> Result<Self, Invalid> {
        const NEVER: &[char] = &['<', '>', '"', '{', '}', '[', ']', '|', '\\', '^', '`'];
        if text.is_empty() || text.len() > TEXT_BYTES_MAX {
            return Err(Invalid::new(text, "it is no address"));
        }
        if text.chars().any(|it| NEVER.contains(&it) || it.is_whitespace() || it.is_control() || !of_xml(it)) {
            return Err(Invalid::new(text, "it holds a character that no address has"));
        }
        if !escaped(text) || text.matches('#').count() > 1 || !begins_well(text) {
            return Err(Invalid::new(text, "it is no address: look at its `%`, `#` and `:`"));
        }
        Ok(Self(text.to_owned()))
    }

    /// The address.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Every `%` has its two digits.
fn escaped(text: &str) -> bool {
    text.split('%').skip(1).all(|it| it.len() >= 2 && it.bytes().take(2).all(|digit| digit.is_ascii_hexdigit()))
}

/// A colon in the first part ends a scheme.
fn begins_well(text: &str) -> bool {
    let first = text.split(['/', '?', '#']).next().unwrap_or_default();
    let Some((scheme, _)) = first.split_once(':') else { return true };
    let mut letters = scheme.bytes();
    letters.next().is_some_and(|it| it.is_ascii_alphabetic())
        && letters.all(|it| it.is_ascii_alphanumeric() || b"+-.".contains(&it))
}

impl Decimal {
    /// The number, rounded to nine decimals (of a degree: a tenth of a millimetre); -0 is 0.
    ///
    /// # Errors
    /// More than a million either way, or no number.
    pub fn new(number: f64) -> Result<Self, Invalid> {
        // Up to here the rounded number is read back as the same: its billionfold is a whole number that f64 holds exactly.
        if !(-NUMBER_MAX..=NUMBER_MAX).contains(&number) {
            return Err(Invalid::new(&number.to_string(), "it is not in -1000000 to 1000000"));
        }
        Ok(Self((number * 1e9).round_ties_even() / 1e9 + 0.0))
    }

    /// From digits, with a sign and a point where needed; no exponent.
    ///
    /// # Errors
    /// Anything else, or longer than 32 bytes.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
        let digits = unsigned.bytes().filter(u8::is_ascii_digit).count();
        let points = unsigned.bytes().filter(|it| *it == b'.').count();
        let wrong = || Invalid::new(text, "it is no decimal number");
        if digits == 0 || points > 1 || digits + points != unsigned.len() || text.len() > NUMBER_BYTES_MAX {
            return Err(wrong());
        }
        text.parse().map_err(|_| wrong()).and_then(Self::new)
    }

    /// The number.
    pub const fn get(self) -> f64 {
        self.0
    }
}

impl fmt::Display for Decimal {
    /// Without an exponent; read back as the same.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_hold_something_and_nothing_that_xml_cannot() {
        assert_eq!(Text::new(" 疏散\r\nnow\r").unwrap().as_str(), " 疏散\nnow\n");
        for wrong in ["", " \n\t", "a\u{0}", "\u{b}", "x\u{fffe}", &"x".repeat(TEXT_BYTES_MAX + 1)] {
            assert!(Text::new(wrong).is_err());
        }
        assert!(Text::new("\u{10ffff}😀").is_ok());
    }

    #[test]
    fn names_hold_none_of_the_four_characters() {
        assert!(Token::new("davy@rugao.example-17_ä.1").is_ok());
        for wrong in ["", "a b", "a,b", "a<b", "a&b", "a\tb", "a\u{a0}b", "a\u{1}", &"x".repeat(257)] {
            assert!(Token::new(wrong).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn languages_and_addresses() {
        for right in ["zh-CN", "en", "i-klingon", "zh-Hans-CN", "de-1996"] {
            assert!(Language::new(right).is_ok(), "{right}");
        }
        for wrong in ["", "zh_CN", "-", "zh-", "1e", "toolonglanguage", "zh-CN "] {
            assert!(Language::new(wrong).is_err(), "{wrong:?}");
        }
        for right in ["https://x.example/a?b=c#d", "mailto:a@b", "image.jpg", "a%4B/b:c", "?x=a:b", "https://例子.测试/图"] {
            assert!(Uri::new(right).is_ok(), "{right}");
        }
        for wrong in ["a%zz", "a%4", "%", "%é0", "::", "1a:b", "a[b]", "a#b#c"] {
            assert!(Uri::new(wrong).is_err(), "{wrong}");
        }
        assert!(Uri::new("a b").is_err() && Uri::new("<x>").is_err() && Uri::new("").is_err());
    }

    #[test]
    fn numbers_are_plain() {
        assert_eq!(Decimal::parse("-1.50").unwrap().to_string(), "-1.5");
        assert_eq!(Decimal::parse("-0").unwrap().to_string(), "0");
        assert_eq!(Decimal::parse("+.5").unwrap().get(), 0.5);
        assert_eq!(Decimal::new(1e-9).unwrap().to_string(), "0.000000001");
        assert_eq!(Decimal::new(-1e-300).unwrap().to_string(), "0");
        assert_eq!(Decimal::new(999_999.123_456_789_4).unwrap().to_string(), "999999.123456789");
        for wrong in ["", "-", ".", "1e5", "NaN", "inf", "1.2.3", "1,5", "0x1", "١", "--1", &"1".repeat(33)] {
            assert!(Decimal::parse(wrong).is_err(), "{wrong}");
        }
        assert!(Decimal::new(f64::NAN).is_err() && Decimal::new(1_000_000.1).is_err() && Decimal::parse("1000000.1").is_err());
    }
}
