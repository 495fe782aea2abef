//! `[history]` of the settings file: how long what is kept, and what must not go.

use model::Span;
use serde::Deserialize;
use store::{LegalHold, Policy};

/// Longest time that can be asked for, in days: a hundred years.
const DAYS_MAX: u32 = 36_500;

/// The keys as they are written; what is left out has its default.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct History {
    /// Raw samples; 90.
    raw_days: Option<u32>,
    /// Figures of minutes; 365.
    minute_days: Option<u32>,
    /// Alarms, events, the supervision record; 1,095.
    event_days: Option<u32>,
    /// Raw samples are packed by point when they are so old; 60.
    pack_after_minutes: Option<u32>,
    /// Width of a piece of raw samples; left out, it follows the rate.
    chunk_minutes: Option<u32>,
    /// Legal holds.
    #[serde(default)]
    hold: Vec<Hold>,
}

/// Nothing of this time is deleted.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Hold {
    /// RFC 3339, inclusive.
    from: String,
    /// RFC 3339, exclusive; left out while the hold goes on.
    to: Option<String>,
    /// Who asked for it, and why.
    why: String,
}

impl History {
    /// The policy, with every fault said.
    pub(crate) fn policy(self, faults: &mut Vec<String>) -> Policy {
        let standard = Policy::default();
        let mut days = |key: &str, days: Option<u32>, standard: Span| match days {
            None => standard,
            Some(days) if (1..=DAYS_MAX).contains(&days) => Span::from_secs(i64::from(days) * 86_400),
            Some(days) => {
                faults.push(format!("[history] {key} = {days}: 1 to {DAYS_MAX} days"));
                standard
            }
        };
        let raw = days("raw-days", self.raw_days, standard.raw);
        let minutes = days("minute-days", self.minute_days, standard.minutes);
        let events = days("event-days", self.event_days, standard.events);
        let mut minutes_of = |key: &str, minutes: Option<u32>, most: u32| match minutes {
            Some(minutes) if !(1..=most).contains(&minutes) => {
                faults.push(format!("[history] {key} = {minutes}: 1 to {most} minutes"));
                None
            }
            minutes => minutes.map(|minutes| Span::from_secs(i64::from(minutes) * 60)),
        };
        let pack_after = minutes_of("pack-after-minutes", self.pack_after_minutes, 60 * 24 * 30).unwrap_or(standard.pack_after);
        let chunk = minutes_of("chunk-minutes", self.chunk_minutes, 60 * 24 * 7);
        if minutes < raw {
            faults.push("[history] minute-days: figures of minutes are kept at least as long as the raw samples".to_owned());
        }
        let holds = self.hold.into_iter().enumerate().filter_map(|(number, hold)| hold.checked(number + 1, faults)).collect();
        Policy { raw, minutes, events, pack_after, chunk, holds }
    }
}

impl Hold {
    fn checked(self, number: usize, faults: &mut Vec<String>) -> Option<LegalHold> {
        let mut time = |key: &str, text: &str| {
            let time = wire::parse_time(text);
            if time.is_none() {
                faults
                    .push(format!("[[history.hold]] {number}: {key} = \"{text}\": write RFC 3339, as 2026-11-28T03:12:00+08:00"));
            }
            time
        };
        let from = time("from", &self.from)?;
        let to = match self.to.as_deref() {
            Some(text) => Some(time("to", text)?),
            None => None,
        };
        if to.is_some_and(|to| to <= from) {
            faults.push(format!("[[history.hold]] {number}: it ends before it begins"));
        }
        if self.why.trim().is_empty() {
            faults.push(format!("[[history.hold]] {number}: why is empty; say who asked for it and why"));
        }
        Some(LegalHold { from, to, why: self.why })
    }
}

#[cfg(test)]
mod tests {
    use model::Time;

    use super::*;

    fn policy(text: &str) -> Result<Policy, Vec<String>> {
        let mut faults = Vec::new();
        let policy = toml::from_str::<History>(text).unwrap().policy(&mut faults);
        if faults.is_empty() { Ok(policy) } else { Err(faults) }
    }

    #[test]
    fn what_is_left_out_has_its_default() {
        assert_eq!(policy(""), Ok(Policy::default()));
        let some = policy("raw-days = 30\nchunk-minutes = 10").unwrap();
        assert_eq!((some.raw, some.chunk), (Span::from_secs(30 * 86_400), Some(Span::from_secs(600))));
    }

    #[test]
    fn a_hold_says_from_when_to_when_and_why() {
        let held = policy(
            "[[hold]]\nfrom = \"2026-11-28T03:00:00+08:00\"\nto = \"2026-11-28T04:00:00+08:00\"\nwhy = \"accident 12, safety bureau\"\n\
             [[hold]]\nfrom = \"2027-01-01T00:00:00Z\"\nwhy = \"court\"",
        )
        .unwrap();
        assert_eq!(held.holds[0].from, Time::from_micros(1_795_806_000_000_000));
        let hour = |n: i64| Time::from_micros(1_795_806_000_000_000 + n * 3_600_000_000);
        assert!(held.may_delete(hour(-2), hour(0)) && held.may_delete(hour(1), hour(9)), "it begins and ends exactly");
        assert!(!held.may_delete(hour(-2), hour(1)) && !held.may_delete(hour(0), hour(9)));
        assert!(!held.may_delete(hour(24 * 400), hour(24 * 401)), "the other one has no end");
    }

    #[test]
    fn faults_are_told_together() {
        let faults = policy(
            "raw-days = 0\nminute-days = 99999\npack-after-minutes = 0\n[[hold]]\nfrom = \"yesterday\"\nwhy = \"x\"\n\
             [[hold]]\nfrom = \"2026-11-28T03:00:00Z\"\nto = \"2026-11-28T02:00:00Z\"\nwhy = \" \"",
        )
        .unwrap_err();
        assert_eq!(faults.len(), 6, "{faults:#?}");
        assert!(faults.iter().any(|fault| fault.contains("yesterday")));
    }
}
