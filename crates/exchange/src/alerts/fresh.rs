//! A page and whether a client has it already (RFC 9110, 13): by its bytes, or by when it changed for those who know no more.

use axum::http::{HeaderMap, HeaderName, StatusCode, header};
use axum::response::{IntoResponse, Response};
use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::fmt::strtime;
use jiff::tz::Offset;
use model::Time;

const HTTP_DATE: &str = "%a, %d %b %Y %H:%M:%S GMT";

/// What is served.
pub(super) struct Page {
    pub(super) kind: &'static str,
    pub(super) body: String,
    /// When it changed last; `None`: it never did.
    pub(super) changed: Option<Time>,
    /// When it was made.
    pub(super) now: Time,
}

impl Page {
    /// The page, or that it is not modified.
    pub(super) fn answer(self, asked: &HeaderMap) -> Response {
        let Self { kind, body, changed, now } = self;
        let tag = tag(&body);
        // A date of the second that is not over yet would also stand for what changes later in it.
        let changed = changed.and_then(second).filter(|changed| second(now).is_some_and(|now| *changed < now));
        let mut headers = vec![(header::ETAG, tag.clone()), (header::CACHE_CONTROL, "no-cache".to_owned())];
        headers.extend(changed.and_then(http_date).map(|date| (header::LAST_MODIFIED, date)));
        let mut answer = if has_it(asked, &tag, changed) {
            StatusCode::NOT_MODIFIED.into_response()
        } else {
            ([(header::CONTENT_TYPE, kind)], body).into_response()
        };
        for (name, value) in headers {
            if let Ok(value) = value.parse() {
                answer.headers_mut().insert(name, value);
            }
        }
        answer
    }
}

/// A date says nothing where a tag is asked for.
fn has_it(asked: &HeaderMap, tag: &str, changed: Option<Timestamp>) -> bool {
    let text = |name: HeaderName| asked.get(name).and_then(|it| it.to_str().ok());
    if let Some(tags) = text(header::IF_NONE_MATCH) {
        return tags.split(',').map(str::trim).any(|it| it == "*" || it.strip_prefix("W/").unwrap_or(it) == tag);
    }
    let since = text(header::IF_MODIFIED_SINCE).and_then(parse);
    since.zip(changed).is_some_and(|(since, changed)| changed <= since)
}

/// FNV-1a of 64 bits: it tells versions of one page apart, and no more is asked of it.
fn tag(body: &str) -> String {
    let hash = body.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
    format!("\"{hash:016x}\"")
}

/// To the second, which is all that a date of HTTP holds.
fn second(time: Time) -> Option<Timestamp> {
    Timestamp::from_second(time.micros().div_euclid(1_000_000)).ok()
}

fn http_date(at: Timestamp) -> Option<String> {
    strtime::format(HTTP_DATE, Offset::UTC.to_datetime(at)).ok()
}

fn parse(text: &str) -> Option<Timestamp> {
    let civil: DateTime = strtime::parse(HTTP_DATE, text).ok()?.to_datetime().ok()?;
    Offset::UTC.to_timestamp(civil).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status(headers: &[(HeaderName, &str)], changed: Option<Time>) -> StatusCode {
        let asked = headers.iter().map(|(name, value)| (name.clone(), value.parse().unwrap())).collect();
        Page { kind: "text/plain", body: "a".to_owned(), changed, now: Time::from_micros(1_795_912_561_000_000) }
            .answer(&asked)
            .status()
    }

    #[test]
    fn a_client_that_has_it_is_told_so() {
        let changed = Some(Time::from_micros(1_795_912_560_999_999));
        let (date, before) = ("Sun, 29 Nov 2026 00:36:00 GMT", "Sun, 29 Nov 2026 00:35:59 GMT");
        let own = tag("a");
        let weak = format!("\"x\", W/{own}");
        let (none, since) = (header::IF_NONE_MATCH, header::IF_MODIFIED_SINCE);
        for (headers, status_wanted) in [
            (vec![], StatusCode::OK),
            (vec![(none.clone(), own.as_str())], StatusCode::NOT_MODIFIED),
            (vec![(none.clone(), weak.as_str())], StatusCode::NOT_MODIFIED),
            (vec![(none.clone(), "*")], StatusCode::NOT_MODIFIED),
            (vec![(none.clone(), "\"x\"")], StatusCode::OK),
            (vec![(since.clone(), date)], StatusCode::NOT_MODIFIED),
            (vec![(since.clone(), before)], StatusCode::OK),
            (vec![(since.clone(), "yesterday")], StatusCode::OK),
            (vec![(none, "\"x\""), (since.clone(), date)], StatusCode::OK),
        ] {
            assert_eq!(status(&headers, changed), status_wanted, "{headers:?}");
        }
        assert_eq!(status(&[(since.clone(), date)], None), StatusCode::OK);
        let this_second = Some(Time::from_micros(1_795_912_561_000_000));
        assert_eq!(status(&[(since, "Sun, 29 Nov 2026 00:36:01 GMT")], this_second), StatusCode::OK, "more may come in it");
        assert_eq!(changed.and_then(second).and_then(http_date).as_deref(), Some(date));
    }
}
