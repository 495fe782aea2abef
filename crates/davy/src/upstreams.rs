//! `[[upstream]]` of the settings file and `--upstream`: whose events are taken.

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;

use exchange::{UPSTREAMS_MAX, Upstream};
use serde::Deserialize;
use wire::v1;

use crate::webhooks::min_priority;

/// gRPC's port unless a URL says otherwise; it is left out of names.
const PORT: u16 = 50_051;

/// One upstream as it is written.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct Written {
    /// Its name here: a-z 0-9 _ . -; its records stand under it, so it stays what it is.
    name: String,
    /// Where its gRPC listens: http or https.
    url: String,
    /// Whom to trust, in PEM; left out, those whom this machine trusts.
    ca_file: Option<PathBuf>,
    /// Which events, as in a feed's filter; all lists left out mean all events.
    #[serde(default)]
    kinds: Vec<String>,
    #[serde(default)]
    parks: Vec<String>,
    #[serde(default)]
    enterprises: Vec<String>,
    #[serde(default)]
    installations: Vec<String>,
    /// critical, high, medium or low; of alarms only.
    min_priority: Option<String>,
}

impl Written {
    /// `[NAME=]URL` of a flag; the name is that of the host unless it is given.
    fn of_flag(text: &str) -> Self {
        let is_name = |it: &str| !it.contains([':', '/']);
        let (name, url) = match text.split_once('=').filter(|(name, _)| is_name(name)) {
            Some((name, url)) => (name.to_owned(), url),
            None => (host(text), text),
        };
        Self { name, url: url.to_owned(), ..Self::default() }
    }
}

/// The host of a URL as a name, with a port that is not the usual one.
fn host(url: &str) -> String {
    let Ok(uri) = url.parse::<tonic::transport::Uri>() else { return String::new() };
    let port = uri.port_u16().filter(|port| *port != PORT).map(|port| format!("-{port}")).unwrap_or_default();
    let letter = |it: char| if it.is_ascii_lowercase() || it.is_ascii_digit() || ".-".contains(it) { it } else { '_' };
    let host = uri.host().unwrap_or_default().to_ascii_lowercase();
    format!("{}{port}", host.trim_matches(['[', ']']).chars().map(letter).collect::<String>())
}

/// The upstreams of file and flags, with every fault said.
pub(crate) fn upstreams(written: Vec<Written>, flags: &[String], faults: &mut Vec<String>) -> Vec<Upstream> {
    let all: Vec<_> = written.into_iter().chain(flags.iter().map(|flag| Written::of_flag(flag))).collect();
    if all.len() > UPSTREAMS_MAX {
        faults.push(format!("[[upstream]]: {} of them; {UPSTREAMS_MAX} at most", all.len()));
    }
    let mut keys = BTreeSet::new();
    let mut upstreams = Vec::new();
    for one in all {
        let name = one.name.clone();
        match upstream(one) {
            Ok(upstream) if keys.insert(upstream.key().to_owned()) => upstreams.push(upstream),
            Ok(_) => {
                faults.push(format!("[[upstream]] name = \"{name}\": there is one of that name already, - and _ being alike"))
            }
            Err(fault) => faults.push(format!("[[upstream]] {name}: {fault}")),
        }
    }
    upstreams
}

fn upstream(one: Written) -> Result<Upstream, String> {
    let read = |path: &PathBuf| fs::read_to_string(path).map_err(|error| format!("ca-file {}: {error}", path.display()));
    let ca = one.ca_file.as_ref().map(read).transpose()?;
    let filter = v1::EventFilter {
        kinds: one.kinds,
        parks: one.parks,
        enterprises: one.enterprises,
        installations: one.installations,
        min_priority: min_priority(one.min_priority.as_deref())?.into(),
    };
    Upstream::new(&one.name, &one.url, filter, ca.as_deref())
        .map_err(|failure| format!("{}: {}", failure.field.unwrap_or("upstream"), failure.message))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(flags: &[&str]) -> (Vec<String>, Vec<String>) {
        let (flags, mut faults): (Vec<_>, _) = (flags.iter().map(|it| (*it).to_owned()).collect(), Vec::new());
        let upstreams = upstreams(Vec::new(), &flags, &mut faults);
        (upstreams.iter().map(|it| it.key().to_owned()).collect(), faults)
    }

    #[test]
    fn a_flag_is_named_by_its_host_unless_it_says_a_name() {
        let flags = ["http://county-a.example:50051", "http://[::1]:7000", "county-b=https://10.0.0.1", "http://10.0.0.1/?a=b"];
        let wanted = ["upstream/county_a.example", "upstream/__1_7000", "upstream/county_b", "upstream/10.0.0.1"];
        assert_eq!(keys(&flags), (wanted.map(str::to_owned).to_vec(), Vec::new()));
    }

    #[test]
    fn every_fault_of_every_upstream_is_said() {
        let (good, faults) = keys(&["county-a=http://a", "county_a=http://b", "County=http://c", "d=ftp://d"]);
        assert_eq!((good.len(), faults.len()), (1, 3), "{faults:#?}");
        for (fault, word) in faults.iter().zip(["already", "name", "url"]) {
            assert!(fault.contains(word), "{fault}");
        }
        let text = "name = \"a\"\nurl = \"https://a\"\nca-file = \"/none\"\nmin-priority = \"high\"\nkinds = [\"alarm.*\"]";
        let written: Written = toml::from_str(text).expect("TOML");
        let mut faults = Vec::new();
        assert!(upstreams(vec![written], &[], &mut faults).is_empty() && faults[0].contains("ca-file /none"), "{faults:?}");
    }
}
