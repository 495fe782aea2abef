//! How the reasons of a day are stored: for each `length:reason=microseconds;`, the length that of the reason in bytes.
//!
//! Not by separators alone: a reason may be any text, and a text of a database may not hold every one.

use std::collections::BTreeMap;

use model::Span;

/// In the order of the reasons.
pub(crate) fn encode(reasons: &BTreeMap<String, Span>) -> Vec<u8> {
    let one = |(reason, span): (&String, &Span)| format!("{}:{reason}={};", reason.len(), span.micros());
    reasons.iter().map(one).collect::<String>().into_bytes()
}

/// Reads what `encode` wrote; `None` where it is broken.
pub(crate) fn decode(bytes: &[u8]) -> Option<BTreeMap<String, Span>> {
    let mut rest = std::str::from_utf8(bytes).ok()?;
    let mut reasons = BTreeMap::new();
    while !rest.is_empty() {
        let (length, tail) = rest.split_once(':')?;
        let (reason, tail) = tail.split_at_checked(length.parse().ok()?)?;
        let (micros, tail) = tail.strip_prefix('=')?.split_once(';')?;
        reasons.insert(reason.to_owned(), Span::from_micros(micros.parse().ok()?));
        rest = tail;
    }
    Some(reasons)
}

/// What is stored is no list of reasons.
#[derive(Debug, thiserror::Error)]
#[error("the reasons of a day are broken")]
pub(crate) struct BrokenReasons;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_reason_reads_back() {
        let reasons = ["", "stale", "a=1;2:b", "\0错"].map(|it| (it.to_owned(), Span::from_micros(-7)));
        let reasons = BTreeMap::from(reasons);
        assert_eq!(decode(&encode(&reasons)), Some(reasons));
        assert_eq!(decode(b""), Some(BTreeMap::new()));
    }

    #[test]
    fn what_is_broken_is_none() {
        for broken in ["5:stale", "9:stale=1;", "5:stale=x;", "x", "2:错=1;", "5:stale=1"] {
            assert_eq!(decode(broken.as_bytes()), None, "{broken}");
        }
    }
}
