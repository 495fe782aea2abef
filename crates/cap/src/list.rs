//! Lists within one element: references, and words that may be quoted.
//!
//! Limits: `LIST_MAX` items in a list and elements of one name in a block.

use std::fmt;

use crate::leaf::{Invalid, Text, Token};
use crate::stamp::Stamp;

/// The most items of a list, and elements of one name in a block.
pub const LIST_MAX: usize = 1_000;

/// An earlier message, by its sender, identifier and time.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Reference {
    /// Who sent it.
    pub sender: Token,
    /// Which it is.
    pub identifier: Token,
    /// When it was sent.
    pub sent: Stamp,
}

/// One of several addresses or incidents; quoted where it holds a space.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Listed(String);

impl Reference {
    /// From `sender,identifier,sent`.
    ///
    /// # Errors
    /// Any other form.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        let parts: Vec<_> = text.split(',').collect();
        let [sender, identifier, sent] = parts[..] else {
            return Err(Invalid::new(text, "a reference is sender,identifier,sent"));
        };
        Ok(Self { sender: Token::new(sender)?, identifier: Token::new(identifier)?, sent: Stamp::parse(sent)? })
    }

    /// From references with white space between them.
    pub(crate) fn parse_all(text: &str) -> Result<Vec<Self>, Invalid> {
        let found: Result<Vec<_>, _> = text.split_whitespace().take(LIST_MAX + 1).map(Self::parse).collect();
        found.and_then(|found| if found.len() > LIST_MAX { Err(Invalid::new(text, TOO_MANY)) } else { Ok(found) })
    }
}

pub(crate) const TOO_MANY: &str = "more than 1000 of these are not read";

impl Listed {
    /// An item.
    ///
    /// # Errors
    /// What is no text; a double quote in it, white space other than single spaces between words.
    pub fn new(text: &str) -> Result<Self, Invalid> {
        Text::new(text)?;
        if text.contains('"') {
            return Err(Invalid::new(text, "it holds no double quotes"));
        }
        if text.split(' ').any(str::is_empty) || text.chars().any(|it| it != ' ' && it.is_whitespace()) {
            return Err(Invalid::new(text, "its words have single spaces between them"));
        }
        Ok(Self(text.to_owned()))
    }

    /// The item without quotes.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// From items with white space between them, those that hold some in double quotes.
    pub(crate) fn parse_all(text: &str) -> Result<Vec<Self>, Invalid> {
        let mut found = Vec::new();
        let mut rest = text.trim();
        while !rest.is_empty() {
            if found.len() == LIST_MAX {
                return Err(Invalid::new(text, TOO_MANY));
            }
            let (item, after) = match rest.strip_prefix('"') {
                Some(quoted) => quoted.split_once('"').ok_or_else(|| Invalid::new(rest, "its double quote is never closed"))?,
                None => rest.split_once(char::is_whitespace).unwrap_or((rest, "")),
            };
            // What is quoted may be broken over lines.
            let item: Vec<_> = item.split_whitespace().collect();
            found.push(Self::new(&item.join(" "))?);
            rest = after.trim_start();
        }
        Ok(found)
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{},{},{}", self.sender.as_str(), self.identifier.as_str(), self.sent)
    }
}

impl fmt::Display for Listed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.contains(' ') { write!(f, "\"{}\"", self.0) } else { f.write_str(&self.0) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_are_triples() {
        let text = "hsas@dhs.gov,43b080713727,2003-04-02T14:39:01-05:00";
        let all = Reference::parse_all(&format!("  {text}\n\t{text} ")).unwrap();
        assert_eq!((all.len(), all[0].to_string().as_str()), (2, text));
        for wrong in ["a,b", "a,b,c", "a,b,2003-04-02T14:39:01-05:00,d", ",b,2003-04-02T14:39:01-05:00"] {
            assert!(Reference::parse(wrong).is_err(), "{wrong}");
        }
        assert!(Reference::parse_all(&format!("{text} ").repeat(LIST_MAX + 1)).is_err());
        assert!(Reference::parse_all(" ").unwrap().is_empty());
    }

    #[test]
    fn items_with_spaces_are_quoted() {
        let all = Listed::parse_all(r#" fire@rugao "transport bureau" 应急局 "one"  "#).unwrap();
        let texts: Vec<_> = all.iter().map(ToString::to_string).collect();
        assert_eq!(texts, ["fire@rugao", "\"transport bureau\"", "应急局", "one"]);
        for wrong in ["\"open", "\"\"", "a\"b"] {
            assert!(Listed::parse_all(wrong).is_err(), "{wrong}");
        }
        assert!(Listed::new("a  b").is_err() && Listed::new("a\nb").is_err() && Listed::new(" a").is_err());
        assert_eq!(Listed::parse_all("\"a\n b\"").unwrap()[0].as_str(), "a b");
        assert!(Listed::parse_all(&"a ".repeat(LIST_MAX + 1)).is_err());
    }
}
