//! Filters: which events a feed lets through, and the hash that binds its cursors to it (traps 52).

use model::{EventBody, Priority, RecordedEvent};
use wire::{Failure, v1};

const KINDS_MAX: usize = 100;
const IDS_MAX: usize = 1_000;

/// A checked filter; every list is sorted and without repeats, and an empty one lets all through.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Filter {
    kinds: Vec<Kind>,
    parks: Vec<String>,
    enterprises: Vec<String>,
    installations: Vec<String>,
    min_priority: Option<Priority>,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    Exact(String),
    /// With its dot.
    Prefix(String),
}

impl Filter {
    /// Checks a filter, naming the first field that is wrong.
    pub(crate) fn check(filter: v1::EventFilter) -> Result<Self, Failure> {
        if filter.kinds.len() > KINDS_MAX {
            return Err(Failure::field("filter.kinds", format!("name {KINDS_MAX} kinds at most")));
        }
        let min_priority = match v1::Priority::try_from(filter.min_priority) {
            Ok(priority) => wire::priority_from_v1(priority.into()),
            Err(_) => {
                let cure = "use PRIORITY_LOW, _MEDIUM, _HIGH or _CRITICAL, or leave it out";
                return Err(Failure::field("filter.min_priority", cure));
            }
        };
        let kinds = filter.kinds.iter().map(|kind| check_kind(kind)).collect::<Result<Vec<_>, _>>()?;
        Ok(Self {
            kinds: sorted(kinds),
            parks: ids("filter.parks", filter.parks)?,
            enterprises: ids("filter.enterprises", filter.enterprises)?,
            installations: ids("filter.installations", filter.installations)?,
            min_priority,
        })
    }

    /// FNV-1a over the canonical form; it stands in cursors and never changes.
    pub(crate) fn hash(&self) -> u64 {
        let mut hash = Fnv(0xcbf2_9ce4_8422_2325);
        for kind in &self.kinds {
            match kind {
                Kind::Exact(kind) => hash.text(b'k', kind),
                Kind::Prefix(prefix) => hash.text(b'x', prefix),
            }
        }
        for (tag, values) in [(b'p', &self.parks), (b'e', &self.enterprises), (b'i', &self.installations)] {
            for value in values {
                hash.text(tag, value);
            }
        }
        if let Some(priority) = self.min_priority {
            hash.text(b'm', priority.as_str());
        }
        hash.0
    }

    /// Whether an event passes.
    pub(crate) fn lets_through(&self, event: &RecordedEvent) -> bool {
        let scope = &event.event.scope;
        let kind = event.event.body.kind();
        (self.kinds.is_empty() || self.kinds.iter().any(|it| it.matches(kind)))
            && within(&self.parks, scope.park.as_deref())
            && within(&self.enterprises, scope.enterprise.as_deref())
            && within(&self.installations, scope.installation.as_deref())
            && self.is_urgent_enough(&event.event.body)
    }

    fn is_urgent_enough(&self, body: &EventBody) -> bool {
        match (self.min_priority, body) {
            (Some(least), EventBody::Alarm(alarm)) => alarm.priority >= least,
            _ => true,
        }
    }
}

impl Kind {
    fn matches(&self, kind: &str) -> bool {
        match self {
            Self::Exact(exact) => exact == kind,
            Self::Prefix(prefix) => kind.starts_with(prefix.as_str()),
        }
    }
}

struct Fnv(u64);

impl Fnv {
    fn text(&mut self, tag: u8, text: &str) {
        // A zero ends each text: no text holds one.
        for byte in std::iter::once(tag).chain(text.bytes()).chain([0]) {
            self.0 = (self.0 ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }
}

fn check_kind(kind: &str) -> Result<Kind, Failure> {
    let (name, prefix) = kind.strip_suffix(".*").map_or((kind, false), |name| (name, true));
    let word = |it: &str| !it.is_empty() && it.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_');
    if kind.len() > 64 || !name.split('.').all(word) {
        let shown: String = kind.chars().take(80).collect();
        let message = format!("`{shown}` is no kind: give one like alarm.raised, or a prefix like alarm.*");
        return Err(Failure::field("filter.kinds", message));
    }
    Ok(if prefix { Kind::Prefix(format!("{name}.")) } else { Kind::Exact(name.to_owned()) })
}

fn ids(field: &'static str, values: Vec<String>) -> Result<Vec<String>, Failure> {
    if values.len() > IDS_MAX {
        return Err(Failure::field(field, format!("name {IDS_MAX} at most")));
    }
    for value in &values {
        model::EnterpriseId::new(value).map_err(|error| Failure::field(field, error.to_string()))?;
    }
    Ok(sorted(values))
}

fn sorted<T: Ord>(mut values: Vec<T>) -> Vec<T> {
    values.sort_unstable();
    values.dedup();
    values
}

fn within(wanted: &[String], value: Option<&str>) -> bool {
    wanted.is_empty() || value.is_some_and(|value| wanted.binary_search_by(|it| it.as_str().cmp(value)).is_ok())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn filter(kinds: &[&str], enterprises: &[&str]) -> v1::EventFilter {
        let owned = |it: &[&str]| it.iter().map(|it| (*it).to_owned()).collect();
        v1::EventFilter { kinds: owned(kinds), enterprises: owned(enterprises), ..v1::EventFilter::default() }
    }

    fn hash(kinds: &[&str], enterprises: &[&str]) -> u64 {
        Filter::check(filter(kinds, enterprises)).unwrap().hash()
    }

    #[test]
    fn kinds_are_exact_or_a_prefix() {
        for good in ["alarm.raised", "alarm.*", "hazard.level_changed", "a.b.*"] {
            assert!(Filter::check(filter(&[good], &[])).is_ok(), "{good}");
        }
        for bad in ["", "*", ".*", "alarm.", "alarm*", "Alarm.raised", "alarm.*.x", "alarm..x", &"a".repeat(65)] {
            let failure = Filter::check(filter(&[bad], &[])).expect_err(bad);
            assert_eq!(failure.field, Some("filter.kinds"));
        }
    }

    #[test]
    fn a_prefix_ends_at_its_dot() {
        let Kind::Prefix(prefix) = check_kind("alarm.*").unwrap() else { panic!("a prefix") };
        assert!(Kind::Prefix(prefix.clone()).matches("alarm.raised"));
        assert!(!Kind::Prefix(prefix).matches("alarms.raised"));
        assert!(!Kind::Exact("alarm.raised".to_owned()).matches("alarm.raised.x"));
    }

    #[test]
    fn hashes_stay_what_they_are() {
        // They stand in consumers' cursors.
        assert_eq!(hash(&[], &[]), 0xcbf2_9ce4_8422_2325);
        assert_eq!(hash(&["alarm.*"], &["e01"]), PINNED);
    }

    const PINNED: u64 = 4_828_740_229_933_202_105;

    #[test]
    fn what_differs_hashes_differently() {
        let all =
            [hash(&[], &[]), hash(&["alarm.raised"], &[]), hash(&["alarm.*"], &[]), hash(&[], &["e01"]), hash(&[], &["e0", "1"])];
        let distinct: std::collections::BTreeSet<_> = all.iter().collect();
        assert_eq!(distinct.len(), all.len());
    }

    proptest! {
        #[test]
        fn order_and_repeats_do_not_matter(mut ids in proptest::collection::vec("[a-z]{1,3}", 0..6), swap in 0_usize..6) {
            let before: Vec<_> = ids.iter().map(String::as_str).collect();
            let before = hash(&[], &before);
            if !ids.is_empty() {
                let at = swap % ids.len();
                ids.push(ids[at].clone());
                ids.swap(0, at);
            }
            let after: Vec<_> = ids.iter().map(String::as_str).collect();
            prop_assert_eq!(before, hash(&[], &after));
        }
    }
}
