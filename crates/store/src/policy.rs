//! What retention may delete.

use model::Time;

use crate::{LegalHold, Policy};

/// The stretches before a time that no legal hold touches, by time.
pub(crate) fn deletable(policy: &Policy, before: Time) -> Vec<(Time, Time)> {
    let mut holds: Vec<_> = policy.holds.iter().map(|hold| (hold.from, hold.to.unwrap_or(Time::MAX))).collect();
    holds.sort_unstable();
    let (mut free, mut from) = (Vec::new(), Time::MIN);
    for (begin, end) in holds.into_iter().chain([(before, Time::MAX)]) {
        let to = begin.min(before);
        if from < to {
            free.push((from, to));
        }
        from = from.max(end);
    }
    free
}

/// The condition that a stretch from one column to another touches no legal hold; nothing but numbers is put into the text.
pub(crate) fn outside(policy: &Policy, from: &str, to: &str) -> String {
    let hold = |hold: &LegalHold| {
        let end = hold.to.map_or(i64::MAX, Time::micros);
        format!(" and not ({to} >= {} and {from} < {end})", hold.from.micros())
    };
    policy.holds.iter().map(hold).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn is_what_no_hold_touches(holds in prop::collection::vec((-50_i64..50, prop::option::of(1_i64..20)), 0..5), before in -60_i64..60) {
            let time = Time::from_micros;
            let hold = |(from, length): &(i64, Option<i64>)| LegalHold {
                from: time(*from),
                to: length.map(|length| time(from + length)),
                why: "court".to_owned(),
            };
            let policy = Policy { holds: holds.iter().map(hold).collect(), ..Policy::default() };
            let free = deletable(&policy, time(before));
            for at in -100..100 {
                let within = free.iter().filter(|(from, to)| *from <= time(at) && time(at) < *to).count();
                let may = at < before && policy.may_delete(time(at), time(at + 1));
                prop_assert_eq!(within, usize::from(may), "{} of {:?}", at, free);
            }
        }
    }
}
