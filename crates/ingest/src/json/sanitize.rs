//! The second look at a payload that is not JSON: gateways print NaN, Infinity and numbers beyond binary64 bare. Each becomes a
//! marked text, so that one such value does not take its whole message with it.

use std::borrow::Cow;

/// Marks a text that stood bare in the payload; a noncharacter, which no gateway sends.
pub(super) const MARK: char = '\u{fdd0}';

/// The payload with its bare non-numbers marked; borrowed where there are none.
pub(super) fn sanitize(text: &str) -> Cow<'_, str> {
    let bytes = text.as_bytes();
    let (mut marked, mut kept, mut at) = (String::new(), 0, 0);
    while at < bytes.len() {
        at = match bytes[at] {
            b'"' => end_of_string(bytes, at),
            byte if is_word(byte) => {
                let end = at + bytes[at..].iter().take_while(|byte| is_word(**byte)).count();
                if is_no_number(&text[at..end]) {
                    marked.push_str(&text[kept..at]);
                    marked.extend(['"', MARK]);
                    marked.push_str(&text[at..end.min(at + 40)]);
                    marked.push('"');
                    kept = end;
                }
                end
            }
            _ => at + 1,
        };
    }
    if kept == 0 {
        return Cow::Borrowed(text);
    }
    marked.push_str(&text[kept..]);
    Cow::Owned(marked)
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"+-.".contains(&byte)
}

/// Rust reads `nan`, `inf`, `infinity` in any case and with a sign, and what is too large as an infinity.
fn is_no_number(word: &str) -> bool {
    word.parse::<f64>().is_ok_and(|value| !value.is_finite())
}

fn end_of_string(bytes: &[u8], start: usize) -> usize {
    let mut at = start + 1;
    while at < bytes.len() {
        match bytes[at] {
            b'\\' => at += 2,
            b'"' => return at + 1,
            _ => at += 1,
        }
    }
    bytes.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_only_what_stands_bare() {
        let text = r#"{"NaN":NaN,"a\"Infinity":-Infinity,"b":1e999,"c":[1,-0.5e3,true,null],"d":"1e999"}"#;
        let want = format!(
            r#"{{"NaN":"{MARK}NaN","a\"Infinity":"{MARK}-Infinity","b":"{MARK}1e999","c":[1,-0.5e3,true,null],"d":"1e999"}}"#
        );
        assert_eq!(sanitize(text), want);
        assert!(matches!(sanitize("{\"a\":1, \"b\\"), Cow::Borrowed(_)), "an open string ends with the text");
    }
}
