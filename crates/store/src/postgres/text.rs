//! Texts that PostgreSQL can hold: it has no room for NUL.
//!
//! Format: U+10FFFF, which no text is likely to hold, begins an escape: U+10FFFF `0` is NUL, U+10FFFF `1` is U+10FFFF itself. No code is
//! the beginning of another, so equal texts stay equal and beginnings stay beginnings.

use std::borrow::Cow;

const ESCAPE: char = '\u{10ffff}';

/// The text as it is stored.
pub(super) fn stored(text: &str) -> Cow<'_, str> {
    if !text.contains(['\0', ESCAPE]) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 16);
    for character in text.chars() {
        match character {
            '\0' => out.extend([ESCAPE, '0']),
            ESCAPE => out.extend([ESCAPE, '1']),
            other => out.push(other),
        }
    }
    Cow::Owned(out)
}

/// The text as it was before `stored`.
pub(super) fn read(text: String) -> String {
    if !text.contains(ESCAPE) {
        return text;
    }
    let mut out = String::with_capacity(text.len());
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        match character {
            ESCAPE => out.push(if characters.next() == Some('0') { '\0' } else { ESCAPE }),
            other => out.push(other),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn usual_texts_are_stored_as_they_are() {
        for text in ["", "反应釜", "0", "%_\\'\u{feff}"] {
            assert!(matches!(stored(text), Cow::Borrowed(same) if same == text));
        }
        assert_eq!(stored("a\0b"), "a\u{10ffff}0b");
        assert_eq!(stored("\u{10ffff}0"), "\u{10ffff}10");
    }

    proptest! {
        #[test]
        fn every_text_comes_back(text in "[\\x00\u{10ffff}01a长]{0,12}", start in "[\\x00\u{10ffff}01a长]{0,4}") {
            prop_assert!(!stored(&text).contains('\0'));
            prop_assert_eq!(read(stored(&text).into_owned()), text.clone());
            prop_assert_eq!(stored(&text).starts_with(&*stored(&start)), text.starts_with(&start));
        }
    }
}
