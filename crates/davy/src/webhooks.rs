//! `[[webhook]]` of the settings file: whose HTTP servers get the feed pushed.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use cloudevents::Secret;
use exchange::Webhook;
use model::Priority;
use serde::Deserialize;
use wire::v1;

/// Webhooks at most.
const WEBHOOKS_MAX: usize = 100;

/// One webhook as it is written.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct Written {
    /// Its name; its subscription is `webhook.<name>`.
    name: String,
    /// Where events are posted: http or https.
    url: String,
    /// A file with a secret a line, `whsec_` and base64 of 24 to 64 bytes: the first signs, the others are those it replaces.
    secret_file: PathBuf,
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

/// The webhooks, with every fault said.
pub(crate) fn webhooks(written: Vec<Written>, faults: &mut Vec<String>) -> Vec<Webhook> {
    if written.len() > WEBHOOKS_MAX {
        faults.push(format!("[[webhook]]: {} of them; {WEBHOOKS_MAX} at most", written.len()));
    }
    let mut names = BTreeSet::new();
    let mut webhooks = Vec::new();
    for one in written {
        if !names.insert(one.name.clone()) {
            faults.push(format!("[[webhook]] name = \"{}\": there is one of that name already", one.name));
        }
        let name = one.name.clone();
        match webhook(one) {
            Ok(webhook) => webhooks.push(webhook),
            Err(fault) => faults.push(format!("[[webhook]] {name}: {fault}")),
        }
    }
    webhooks
}

fn webhook(one: Written) -> Result<Webhook, String> {
    let secrets = secrets(&one.secret_file)?;
    let filter = v1::EventFilter {
        kinds: one.kinds,
        parks: one.parks,
        enterprises: one.enterprises,
        installations: one.installations,
        min_priority: min_priority(one.min_priority.as_deref())?.into(),
    };
    Webhook::new(&one.name, &one.url, secrets, filter)
        .map_err(|failure| format!("{}: {}", failure.field.unwrap_or("webhook"), failure.message))
}

/// The least priority of alarms by its word.
pub(crate) fn min_priority(word: Option<&str>) -> Result<v1::Priority, String> {
    let wrong = |word: &str| format!("min-priority = \"{word}\": use critical, high, medium or low");
    let Some(word) = word else { return Ok(v1::Priority::Unspecified) };
    Priority::parse(word).map(wire::priority_to_v1).ok_or_else(|| wrong(word))
}

fn secrets(path: &Path) -> Result<Vec<Secret>, String> {
    let text = fs::read_to_string(path).map_err(|error| format!("secret-file {}: {error}", path.display()))?;
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    lines.map(|line| Secret::parse(line).map_err(|fault| format!("secret-file {}: {fault}", path.display()))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &str = "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=";

    fn faults_of(text: &str) -> Vec<String> {
        #[derive(Deserialize)]
        struct File {
            webhook: Vec<Written>,
        }
        let file: File = toml::from_str(text).expect("TOML");
        let mut faults = Vec::new();
        webhooks(file.webhook, &mut faults);
        faults
    }

    #[test]
    fn every_fault_of_every_webhook_is_said() {
        let folder = tempfile::tempdir().expect("folder");
        let (good, bad) = (folder.path().join("secret"), folder.path().join("bad"));
        fs::write(&good, format!("{SECRET}\n\n{SECRET}\n")).expect("write");
        fs::write(&bad, "geheim\n").expect("write");
        let one = |name: &str, url: &str, file: &Path, more: &str| {
            format!("[[webhook]]\nname = \"{name}\"\nurl = \"{url}\"\nsecret-file = \"{}\"\n{more}\n", file.display())
        };
        let fine = one("city", "https://city.example/in", &good, "kinds = [\"alarm.*\"]\nmin-priority = \"high\"");
        assert_eq!(faults_of(&fine), Vec::<String>::new());
        let wrong = [
            one("city", "city.example", &good, ""),
            one("a", "https://a", &bad, ""),
            one("b", "https://a", Path::new("/none"), ""),
            one("c", "https://a", &good, "min-priority = \"urgent\""),
            one("d", "https://a", &good, "kinds = [\"Alarm\"]"),
        ];
        let faults = faults_of(&format!("{fine}{}", wrong.concat()));
        assert_eq!(faults.len(), 6, "{faults:#?}");
        for (fault, word) in faults.iter().zip(["already", "url", "bad", "/none", "urgent", "kinds"]) {
            assert!(fault.contains(word) && !fault.contains("geheim"), "{fault}");
        }
    }
}
