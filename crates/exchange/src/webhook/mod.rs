//! Webhooks: the feed pushed to HTTP servers of others, each event as a signed CloudEvent, for platforms without gRPC.
//!
//! A webhook is a subscription of its own, `webhook.<name>`: it follows `events` at its own pace and commits how far everything was taken
//! or put aside, so a restart sends nothing twice but what was under way. Events of one subject are sent one after the other; of several,
//! side by side. What is given up goes to the dead letters, with the event, and does not hold up what comes after it.
//! Limits: `FLIGHTS_MAX` attempts at a time, `WAITING_MAX` events not yet taken, `WINDOW_MAX` events since the first of those; at either
//! bound nothing more is read. An answer's body is read up to `ANSWER_BYTES_MAX` and thrown away.

mod run;
mod send;
mod window;

use cloudevents::Secret;
use wire::{Failure, v1};

pub(crate) use run::run;

use crate::filter::Filter;
use crate::request::check_name;

/// One webhook.
#[derive(Clone, Debug)]
pub struct Webhook {
    /// Its name; the subscription is `webhook.<name>`.
    pub(crate) name: String,
    /// Where events go.
    pub(crate) url: http::Uri,
    /// The first signs, the others are those it replaces; one at least.
    pub(crate) secrets: Vec<Secret>,
    /// Which events.
    pub(crate) filter: Filter,
}

/// Longest name: the subscription's has 64 bytes.
const NAME_BYTES_MAX: usize = 56;

impl Webhook {
    /// Checks what a webhook is to be.
    ///
    /// # Errors
    /// The field at fault: a name of other letters than a subscription's, a URL that is not `http` or `https` with a host, no secret, a
    /// filter as for `Subscribe`.
    pub fn new(name: &str, url: &str, secrets: Vec<Secret>, filter: v1::EventFilter) -> Result<Self, Failure> {
        if name.len() > NAME_BYTES_MAX {
            return Err(Failure::field("name", format!("{NAME_BYTES_MAX} bytes at most")));
        }
        check_name(name).map_err(|_| Failure::field("name", "1 to 56 of A-Z a-z 0-9 _ . - are allowed"))?;
        let wrong = || Failure::field("url", "give an http or https URL with a host, like https://platform.example/hazchem");
        let url: http::Uri = url.parse().map_err(|_| wrong())?;
        if !matches!(url.scheme_str(), Some("http" | "https")) || url.host().is_none_or(str::is_empty) {
            return Err(wrong());
        }
        if secrets.is_empty() || secrets.len() > cloudevents::SIGNATURES_MAX {
            return Err(Failure::field("secret", "give one secret, and up to seven that it replaces"));
        }
        Ok(Self { name: name.to_owned(), url, secrets, filter: Filter::check(filter)? })
    }

    /// Where events go, without what may be secret in it: a user, a password, a query.
    pub(crate) fn place(&self) -> String {
        let port = self.url.port_u16().map(|port| format!(":{port}")).unwrap_or_default();
        let (scheme, host) = (self.url.scheme_str().unwrap_or_default(), self.url.host().unwrap_or_default());
        format!("{scheme}://{host}{port}{}", self.url.path())
    }

    /// The name of its subscription.
    pub(crate) fn subscription(&self) -> String {
        format!("webhook.{}", self.name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn field(name: &str, url: &str, secrets: usize) -> Option<&'static str> {
        let secrets = vec![Secret::new(&[7; 32]).unwrap(); secrets];
        Webhook::new(name, url, secrets, v1::EventFilter::default()).err().and_then(|failure| failure.field)
    }

    #[test]
    fn what_may_be_secret_in_a_url_is_not_shown() {
        let secrets = vec![Secret::new(&[7; 32]).unwrap()];
        let webhook =
            Webhook::new("city", "https://li:geheim@city.example:8443/in?token=geheim", secrets, v1::EventFilter::default());
        assert_eq!(webhook.unwrap().place(), "https://city.example:8443/in");
    }

    #[test]
    fn each_fault_names_its_field() {
        assert_eq!(field("city", "https://city.example/in?a=b", 1), None);
        assert_eq!(field("city", "http://10.0.0.1:8080", 2), None);
        for (name, url, secrets, wanted) in [
            ("", "https://a", 1, "name"),
            ("a b", "https://a", 1, "name"),
            (&*"a".repeat(57), "https://a", 1, "name"),
            ("a", "ftp://a", 1, "url"),
            ("a", "/path", 1, "url"),
            ("a", "https://", 1, "url"),
            ("a", "https://a", 0, "secret"),
            ("a", "https://a", 9, "secret"),
        ] {
            assert_eq!(field(name, url, secrets), Some(wanted), "{name} {url}");
        }
    }
}
