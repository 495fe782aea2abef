//! Moments as people write them at a shell: a time, or a span from now.

use anyhow::anyhow;
use model::{Span, Time};
use prost_types::Timestamp;

use crate::exit::CommandError;

/// A moment to come: RFC 3339, or a span from now; by this machine's clock.
pub(super) fn ahead(flag: &str, text: &str) -> Result<Time, CommandError> {
    let wrong = || anyhow!("read {flag} `{text}`; write it like 2026-01-31T08:00:00Z, or as a span from now like 30m or 2h");
    let time = wire::parse_time(text).or_else(|| site::duration(text).ok().map(|span| now() + span));
    time.ok_or_else(wrong).map_err(CommandError::usage)
}

/// A moment of the past: RFC 3339, or a span before now; `None` for other texts, such as cursors.
pub(super) fn behind(text: &str) -> Option<Time> {
    let before = |span: Span| now().plus(Span::from_micros(-span.micros()));
    wire::parse_time(text).or_else(|| site::duration(text).ok().map(before))
}

/// The same, where nothing else is meant.
pub(super) fn past(flag: &str, text: &str) -> Result<Time, CommandError> {
    let wrong = || anyhow!("read {flag} `{text}`; write it like 2026-01-31T08:00:00Z, or as a span before now like 30m or 2h");
    behind(text).ok_or_else(wrong).map_err(CommandError::usage)
}

/// A period: its beginning has to be said, it ends now unless said.
pub(super) fn period(from: Option<&str>, to: Option<&str>) -> Result<(Timestamp, Timestamp), CommandError> {
    let wrong = || anyhow!("choose a period: say --from, like --from 2026-01-31T08:00:00Z or --from 2h");
    let from = from.ok_or_else(wrong).map_err(CommandError::usage)?;
    let to = to.map_or_else(|| Ok(now()), |to| past("--to", to))?;
    Ok((wire::time_to_v1(past("--from", from)?), wire::time_to_v1(to)))
}

/// A span of more than nothing.
pub(super) fn span(flag: &str, text: &str) -> Result<Span, CommandError> {
    let wrong = || anyhow!("read {flag} `{text}`; write a decimal number and ms, s, m, h or d, like 10s");
    site::duration(text).ok().filter(|span| *span > Span::ZERO).ok_or_else(wrong).map_err(CommandError::usage)
}

fn now() -> Time {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    Time::from_micros(i64::try_from(since.as_micros()).unwrap_or(i64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_and_spans_are_told_from_cursors() {
        let time = wire::parse_time("2026-01-31T08:00:00Z");
        assert_eq!(ahead("--until", "2026-01-31T08:00:00Z").ok(), time);
        assert_eq!(behind("2026-01-31T08:00:00Z"), time);
        let (early, late) = (now() + Span::from_secs(5_400), ahead("--until", "1.5h").expect("a span"));
        assert!(late >= early && late.since(early) < Span::from_secs(60));
        assert!(behind("30m").expect("a span") < now());
        for text in ["", "tomorrow", "-2h", "2", "AQEAAAAAAAAAB_8"] {
            assert!(ahead("--until", text).is_err() && behind(text).is_none(), "{text}");
        }
    }
}
