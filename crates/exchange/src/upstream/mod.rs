//! Upstreams: the feeds of other Davys, taken into our own `events`, so that a city sees what its counties see.
//!
//! A link for each upstream follows its feed, one inlet writes what they bring. An event keeps its id and gets an origin; it stands under
//! the key `upstream/<name>`, in one record with the cursor that it came with: after a crash the last record of the key says where to go
//! on, and each event is taken once. Not taken are our own events that come round, what another way brought already, and what concerns the
//! other Davy's journal alone (`journal.*`, `core.version`).
//!
//! A new upstream begins with what is active. So does one whose cursor is of no use any more: `gap.possible` says so, and alarms that stand
//! here and not there are closed here.
//! Limits: `UPSTREAMS_MAX` upstreams; `ARRIVALS_MAX` events between links and inlet, then the feeds wait; `RECORD_EVENTS` events and about
//! `RECORD_BYTES` a record.

mod board;
mod fold;
mod gap;
mod inlet;
mod judge;
mod lane;
mod link;
mod pause;
mod run;
mod taken;

use journal::Key;
use tonic::transport::{Certificate, ClientTlsConfig, Endpoint};
use wire::{Failure, v1};

pub(crate) use board::Board;
pub(crate) use run::run;

use crate::filter::Filter;

/// Upstreams at most.
pub const UPSTREAMS_MAX: usize = 100;

/// Longest name of an upstream: its key has 64 bytes.
const NAME_BYTES_MAX: usize = 55;

/// Longest name of a Davy: its subscription is `upstream.<name>`, of 64 bytes.
const NODE_BYTES_MAX: usize = 55;

/// Events between links and inlet, of all upstreams.
const ARRIVALS_MAX: usize = 4_000;

/// Events of one record.
const RECORD_EVENTS: usize = 1_000;

/// Bytes of one record, but for a single event that is larger.
const RECORD_BYTES: usize = 1024 * 1024;

/// The longest event that is taken, bytes.
const EVENT_BYTES_MAX: usize = 16 * 1024 * 1024;

/// Another Davy whose events are taken.
#[derive(Clone, Debug)]
pub struct Upstream {
    pub(crate) name: String,
    pub(crate) url: String,
    pub(crate) key: Key,
    filter: v1::EventFilter,
    endpoint: Endpoint,
}

impl Upstream {
    /// Checks what an upstream is to be. A server's certificate is checked against `ca`, in PEM, or against what this machine trusts.
    ///
    /// # Errors
    /// The field at fault: a name of other letters than a-z 0-9 _ . -, a URL that is not `http` or `https` with a host, or that holds a
    /// user, a filter as for `Subscribe`.
    pub fn new(name: &str, url: &str, filter: v1::EventFilter, ca: Option<&str>) -> Result<Self, Failure> {
        let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"_.-".contains(&byte);
        if !(1..=NAME_BYTES_MAX).contains(&name.len()) || !name.bytes().all(allowed) {
            return Err(Failure::field("name", format!("1 to {NAME_BYTES_MAX} of a-z 0-9 _ . - are allowed")));
        }
        let wrong =
            || Failure::field("url", "give an http or https URL with a host and no user, like https://county.example:50051");
        let uri: http::Uri = url.parse().map_err(|_| wrong())?;
        let has_user = uri.authority().is_none_or(|it| it.as_str().contains('@'));
        if !matches!(uri.scheme_str(), Some("http" | "https")) || uri.host().is_none_or(str::is_empty) || has_user {
            return Err(wrong());
        }
        Filter::check(filter.clone())?;
        let is_secure = uri.scheme_str() == Some("https");
        let mut endpoint = link::patient(Endpoint::from(uri));
        if is_secure {
            let tls = ClientTlsConfig::new();
            let tls =
                ca.map_or_else(|| tls.clone().with_native_roots(), |pem| tls.clone().ca_certificate(Certificate::from_pem(pem)));
            endpoint =
                endpoint.tls_config(tls).map_err(|error| Failure::field("ca", format!("TLS cannot be set up: {error}")))?;
        } else if ca.is_some() {
            return Err(Failure::field("ca", "it is of no use for an http URL; leave it out, or use https"));
        }
        let key = Key::new(&format!("{}{}", fold::KEYS, name.replace('-', "_")));
        let key = key.map_err(|error| Failure::field("name", error.to_string()))?;
        Ok(Self { name: name.to_owned(), url: url.to_owned(), key, filter, endpoint })
    }

    /// What its records stand under; two upstreams of one key are one too many.
    pub fn key(&self) -> &str {
        self.key.as_str()
    }
}

/// Checks the name of a Davy, by which others know its events.
///
/// # Errors
/// Which letters are allowed, for the field `node`.
pub fn check_node(name: &str) -> Result<(), Failure> {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"_.-".contains(&byte);
    if (1..=NODE_BYTES_MAX).contains(&name.len()) && name.bytes().all(allowed) {
        Ok(())
    } else {
        Err(Failure::field("node", format!("1 to {NODE_BYTES_MAX} of A-Z a-z 0-9 _ . - are allowed")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn field(name: &str, url: &str, ca: Option<&str>) -> Option<&'static str> {
        Upstream::new(name, url, v1::EventFilter::default(), ca).err().and_then(|failure| failure.field)
    }

    #[test]
    fn each_fault_names_its_field() {
        assert_eq!(field("county-a", "http://127.0.0.1:50051", None), None);
        for (name, url, ca, wanted) in [
            ("", "http://a", None, "name"),
            ("County", "http://a", None, "name"),
            (&*"a".repeat(56), "http://a", None, "name"),
            ("a", "a:50051", None, "url"),
            ("a", "ftp://a", None, "url"),
            ("a", "http://li:geheim@a", None, "url"),
            ("a", "http://a", Some("pem"), "ca"),
        ] {
            assert_eq!(field(name, url, ca), Some(wanted), "{name} {url}");
        }
        let filter = v1::EventFilter { kinds: vec!["Alarm".to_owned()], ..v1::EventFilter::default() };
        assert_eq!(Upstream::new("a", "http://a", filter, None).err().and_then(|it| it.field), Some("filter.kinds"));
    }

    #[test]
    fn a_name_with_a_hyphen_has_a_key() {
        let upstream = Upstream::new("county-a", "http://a", v1::EventFilter::default(), None).expect("valid");
        assert_eq!(upstream.key(), "upstream/county_a");
        assert!(check_node("County_1.a-b").is_ok() && check_node("").is_err() && check_node("a b").is_err());
    }
}
