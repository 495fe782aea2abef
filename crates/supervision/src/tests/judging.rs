//! Judging against a reference that looks at every second.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use model::{MissingMember, Span, Time};
use proptest::prelude::*;

use super::{PARTITION, at, gap};
use crate::needs::{Input, Needs, Quorum, RuleSpan};
use crate::{Gap, Gaps, Reason, judge};

const SECONDS: i64 = 40;

fn input(index: usize) -> Input {
    Input {
        point: Arc::from(format!("p{index}")),
        source: Arc::from(["mqtt", "sparkplug/g/n", "sparkplug/g/n/d"][index]),
        gateway: Arc::from(format!("gw{index}")),
    }
}

/// Which scopes concern the whole rule, and which each input.
const OWN: [&str; 4] = ["journal", "events", "partition/17", "rule/p/a"];
const OF_INPUTS: [&[&str]; 3] = [
    &["point/p0", "gateway/17/gw0", "source/17/mqtt"],
    &["point/p1", "gateway/17/gw1", "source/17/sparkplug", "source/17/sparkplug/g", "source/17/sparkplug/g/n"],
    &[
        "point/p2",
        "gateway/17/gw2",
        "source/17/sparkplug",
        "source/17/sparkplug/g",
        "source/17/sparkplug/g/n",
        "source/17/sparkplug/g/n/d",
    ],
];
const OTHERS: [&str; 3] = ["point/p9", "rule/p/b", "partition/18"];

fn gaps() -> impl Strategy<Value = Vec<Gap>> {
    let scopes: Vec<&str> = OWN.into_iter().chain(OF_INPUTS.into_iter().flatten().copied()).chain(OTHERS).collect();
    let one = (0..scopes.len(), 0..Reason::ALL.len(), 0..SECONDS, prop::option::weighted(0.9, 0_i64..15));
    let one = one.prop_map(move |(scope, reason, from, length)| {
        gap(scopes[scope], Reason::ALL[reason], at(from), length.map(|length| at(from + length)))
    });
    prop::collection::vec(one, 0..14)
}

fn quorum() -> impl Strategy<Value = Quorum> {
    let missing = prop_oneof![Just(MissingMember::Vote), Just(MissingMember::NoVote), Just(MissingMember::Degrade)];
    prop_oneof![
        3 => Just(Quorum::All),
        1 => Just(Quorum::One),
        6 => (1_u32..=3, missing).prop_map(|(votes, missing)| Quorum::Votes(votes, missing)),
    ]
}

fn rule() -> impl Strategy<Value = RuleSpan> {
    (quorum(), 0_u16..1 << Reason::ALL.len(), any::<bool>(), 0_usize..=3, 0_i64..20, prop::option::of(0_i64..40)).prop_map(
        |(quorum, ignores, none, inputs, from, length)| RuleSpan {
            point: Arc::from("p"),
            alarm: Arc::from("a"),
            from: at(from),
            to: length.map(|length| at(from + length)),
            kind: "high",
            park: Arc::from(""),
            enterprise: Arc::from("e"),
            installation: Arc::from("i"),
            needs: Needs {
                partition: PARTITION,
                ignores: if none { 0 } else { ignores },
                quorum,
                inputs: (0..inputs).map(input).collect(),
            },
        },
    )
}

fn holds(gap: &Gap, time: Time) -> bool {
    gap.from <= time && gap.to.is_none_or(|to| time < to)
}

/// What keeps a rule from firing in the second that begins at `time`: `None` where nothing does.
fn reference(rule: &RuleSpan, gaps: &[&Gap], time: Time) -> Option<BTreeSet<Reason>> {
    let open: Vec<&&Gap> = gaps.iter().filter(|it| holds(it, time) && !rule.needs.ignores(it.reason)).collect();
    let mut why: BTreeSet<Reason> = open.iter().filter(|it| OWN.contains(&it.scope.as_str())).map(|it| it.reason).collect();
    let of = |input: usize| open.iter().filter(move |it| OF_INPUTS[input].contains(&it.scope.as_str())).map(|it| it.reason);
    let inputs = rule.needs.inputs.len();
    let absent = |reason: &Reason| [Reason::Stale, Reason::BadQuality, Reason::Calibrating].contains(reason);
    let absences = (0..inputs).filter(|input| of(*input).any(|it| absent(&it))).count();
    let usable = (0..inputs).filter(|input| of(*input).next().is_none()).count();
    let present = inputs - absences;
    let met = match rule.needs.quorum {
        Quorum::All => usable == inputs,
        Quorum::One => usable >= 1,
        Quorum::Votes(votes, MissingMember::NoVote) => usable >= votes as usize,
        // Who is missing counts as a vote for the alarm.
        Quorum::Votes(votes, MissingMember::Vote) => usable + absences >= votes as usize,
        // As many as are there, if these are fewer.
        Quorum::Votes(votes, MissingMember::Degrade) => present > 0 && usable >= present.min(votes as usize),
    };
    if !met {
        why.extend((0..inputs).flat_map(of));
    }
    (!met || !why.is_empty()).then_some(why)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 3_000, ..ProptestConfig::default() })]

    #[test]
    fn every_second_is_judged_as_by_hand(rule in rule(), list in gaps(), from in 0_i64..30, length in 0_i64..40) {
        let gaps: Gaps = list.into_iter().collect();
        let judged = judge(&rule, &gaps, at(from), at(from + length));
        let list: Vec<&Gap> = gaps.iter().collect();
        let (mut in_force, mut supervised) = (0, 0);
        let mut reasons: BTreeMap<Reason, i64> = BTreeMap::new();
        for second in from..from + length {
            let time = at(second);
            if time < rule.from || rule.to.is_some_and(|to| time >= to) {
                prop_assert!(!judged.could_have_fired(time));
                continue;
            }
            in_force += 1;
            let why = reference(&rule, &list, time);
            // A vote among nobody: nothing is to blame, and it cannot be.
            let blamed = why.as_ref().is_none_or(|why| !why.is_empty());
            if blamed {
                prop_assert_eq!(judged.could_have_fired(time), why.is_none(), "second {}", second);
            }
            supervised += i64::from(judged.could_have_fired(time));
            for reason in why.into_iter().flatten() {
                *reasons.entry(reason).or_default() += 1;
            }
        }
        prop_assert_eq!((judged.in_force, judged.supervised), (Span::from_secs(in_force), Span::from_secs(supervised)));
        let told: BTreeMap<Reason, i64> = judged.by_reason().into_iter().filter(|(_, it)| *it > Span::ZERO).map(|(reason, it)| (reason, it.micros() / 1_000_000)).collect();
        prop_assert_eq!(told, reasons);
        for gap in &judged.gaps {
            prop_assert!(gap.from >= at(from) && gap.to <= at(from + length) && gap.from <= gap.to);
        }
    }

    #[test]
    fn two_halves_make_the_whole(rule in rule(), list in gaps(), from in 0_i64..30, first in 0_i64..30, second in 0_i64..30) {
        let gaps: Gaps = list.into_iter().collect();
        let (middle, end) = (at(from + first), at(from + first + second));
        let mut halves = judge(&rule, &gaps, at(from), middle);
        halves.add(judge(&rule, &gaps, middle, end));
        let whole = judge(&rule, &gaps, at(from), end);
        prop_assert_eq!((halves.in_force, halves.supervised, &halves.stretches), (whole.in_force, whole.supervised, &whole.stretches));
        prop_assert_eq!(halves.by_reason(), whole.by_reason());
    }
}
