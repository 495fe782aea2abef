//! Two sets of rules over the same samples, rule by rule: what was raised, how long, how much of it chattered, what came later or not at all.

use std::collections::BTreeMap;

use model::{AlarmRule, Site, Span};

use crate::activation::{Activation, Activations, Figures, RuleName};
use crate::bounds::LONG;

/// What a rule says before and after.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Compared {
    /// Which rule.
    pub rule: RuleName,
    /// By the first set; `None` where it has no such rule.
    pub before: Option<Figures>,
    /// By the second set; `None` where it has no such rule.
    pub after: Option<Figures>,
    /// How much later the second set says it; `None` where the two never say the same.
    pub delay: Option<DelayAdded>,
    /// Activations that the first set raised and the second did not.
    pub missed: usize,
    /// Those of them that lasted over a minute.
    pub missed_long: usize,
}

/// How much later activations are raised than those they cover; negative where earlier.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DelayAdded {
    /// The median; of an even number the lower of the middle two.
    pub median: Span,
    /// The greatest.
    pub max: Span,
}

/// What a rule says by each set, where the set has it.
type Both<'a> = (Option<&'a [Activation]>, Option<&'a [Activation]>);

/// Compares rule by rule, in order of their names; rules of one set alone are there too.
pub fn compare(before: (&Site, &Activations), after: (&Site, &Activations)) -> Vec<Compared> {
    let mut rules: BTreeMap<&RuleName, Both<'_>> = BTreeMap::new();
    before.1.rules().for_each(|(rule, said)| rules.entry(rule).or_default().0 = Some(said));
    after.1.rules().for_each(|(rule, said)| rules.entry(rule).or_default().1 = Some(said));
    let on_delay = |site: &Site, name: &RuleName| rule_of(site, name).map_or(Span::ZERO, |rule| rule.on_delay);
    let compared = |(rule, (was, is)): (&RuleName, Both<'_>)| {
        let added = on_delay(after.0, rule).micros().saturating_sub(on_delay(before.0, rule).micros());
        let patience = Span::from_micros(added.max(0));
        one(rule.clone(), was, is, patience)
    };
    rules.into_iter().map(compared).collect()
}

fn rule_of<'s>(site: &'s Site, name: &RuleName) -> Option<&'s AlarmRule> {
    let at = site.points.binary_search_by(|point| point.id.cmp(&name.point)).ok()?;
    site.points[at].alarms.iter().find(|rule| rule.id == name.alarm)
}

fn one(rule: RuleName, before: Option<&[Activation]>, after: Option<&[Activation]>, patience: Span) -> Compared {
    let (was, is) = (before.unwrap_or_default(), after.unwrap_or_default());
    let missed = was.iter().filter(|it| first_at_or_after(is, it).is_none_or(|other| other.raised > it.ended + patience));
    let (mut count, mut long) = (0, 0);
    for activation in missed {
        count += 1;
        long += usize::from(activation.lasted() > LONG);
    }
    Compared {
        rule,
        before: before.map(Figures::of),
        after: after.map(Figures::of),
        delay: delay_added(was, is, patience),
        missed: count,
        missed_long: long,
    }
}

/// The first of a rule's activations that did not end before another began.
fn first_at_or_after<'a>(activations: &'a [Activation], other: &Activation) -> Option<&'a Activation> {
    activations.get(activations.partition_point(|it| it.ended < other.raised))
}

/// For each activation the one it covers first: how much later it is.
fn delay_added(was: &[Activation], is: &[Activation], patience: Span) -> Option<DelayAdded> {
    let delay = |it: &Activation| {
        let covered = &was[was.partition_point(|other| other.ended + patience < it.raised)..];
        covered.first().filter(|other| other.raised <= it.ended).map(|other| it.raised.since(other.raised))
    };
    let mut delays: Vec<Span> = is.iter().filter_map(delay).collect();
    delays.sort_unstable();
    Some(DelayAdded { median: *delays.get((delays.len().checked_sub(1)?) / 2)?, max: *delays.last()? })
}

#[cfg(test)]
mod tests {
    use model::AlarmKind;
    use proptest::prelude::*;

    use super::*;
    use crate::activation::Recorder;
    use crate::playback::{Ends, numbered};
    use crate::testing::{activations, level, rule, series, site};

    fn compared(before: &[(i64, i64)], after: &[(i64, i64)], patience: i64) -> Compared {
        let name = RuleName { point: level("p", Vec::new()).id, alarm: rule(AlarmKind::High, 1.0).id };
        let (before, after) = (activations(before), activations(after));
        one(name, Some(before.as_slice()), Some(after.as_slice()), Span::from_secs(patience))
    }

    #[test]
    fn what_nothing_overlaps_is_missed() {
        let it = compared(&[(0, 10), (100, 110), (200, 261), (300, 360)], &[(5, 20)], 0);
        assert_eq!((it.missed, it.missed_long), (3, 1), "60 s are not over a minute");
        assert_eq!(it.delay, Some(DelayAdded { median: Span::from_secs(5), max: Span::from_secs(5) }));
    }

    #[test]
    fn one_activation_may_cover_many_and_counts_its_delay_once() {
        let it = compared(&[(0, 4), (8, 12), (16, 20)], &[(3, 60)], 0);
        assert_eq!(it.missed, 0);
        assert_eq!(it.delay.map(|it| (it.median, it.max)), Some((Span::from_secs(3), Span::from_secs(3))));
        let several = compared(&[(0, 40), (100, 140), (200, 240)], &[(1, 40), (105, 140), (230, 240)], 0);
        assert_eq!(several.delay.map(|it| (it.median, it.max)), Some((Span::from_secs(5), Span::from_secs(30))));
    }

    #[test]
    fn a_raise_within_the_added_on_delay_is_no_miss() {
        assert_eq!(compared(&[(0, 10)], &[(15, 30)], 0).missed, 1);
        assert_eq!(compared(&[(0, 10)], &[(15, 30)], 5).missed, 0);
        assert_eq!(compared(&[(0, 10)], &[(15, 30)], 4).missed, 1);
    }

    #[test]
    fn instants_overlap_themselves() {
        assert_eq!(compared(&[(5, 5)], &[(5, 5)], 0).missed, 0);
    }

    /// Real cores, whole sites: a rule in one set only is shown, and a delay is what the samples make of it.
    #[test]
    fn sites_are_compared_over_samples() {
        let plain = rule(AlarmKind::High, 80.0);
        let calm = AlarmRule { on_delay: Span::from_secs(10), deadband: 2.0, ..plain.clone() };
        let before = site(vec![level("p", vec![plain.clone(), rule(AlarmKind::Low, 10.0)])]);
        let after = site(vec![level("p", vec![calm]), level("q", vec![plain])]);
        let rows = series(1, &[&[81.0, 79.0, 81.0, 79.0, 81.0, 79.0][..], &[81.0; 20], &[79.0; 5], &[70.0; 2]].concat());
        let play = |site: &Site| {
            let mut ends = Ends::default();
            rows.iter().for_each(|(time, values)| ends.row(*time, values));
            let revision = std::sync::Arc::new(numbered(site.clone()));
            let mut recorder = Recorder::new(&revision, &ends);
            rows.iter().for_each(|(time, values)| recorder.row(*time, values));
            recorder.finish()
        };
        let all = compare((&before, &play(&before)), (&after, &play(&after)));
        let names: Vec<_> = all.iter().map(|it| it.rule.to_string()).collect();
        assert_eq!(names, ["p high", "p low", "q high"]);
        let high = &all[0];
        assert_eq!(high.before.map(|it| (it.raised, it.in_alarm, it.chattering)), Some((4, Span::from_secs(23), 4)));
        assert_eq!(high.after.map(|it| (it.raised, it.in_alarm, it.chattering)), Some((1, Span::from_secs(15), 0)));
        assert_eq!(high.delay.map(|it| it.max), Some(Span::from_secs(10)));
        assert_eq!((high.missed, high.missed_long), (3, 0));
        assert_eq!((all[1].before.map(|it| it.raised), all[1].after), (Some(0), None));
        assert_eq!((all[2].before, all[2].after.map(|it| it.raised)), (None, Some(0)));
    }

    fn ordered(cuts: Vec<i64>) -> Vec<Activation> {
        let mut cuts = cuts;
        cuts.sort_unstable();
        let pairs: Vec<_> = cuts.chunks_exact(2).map(|pair| (pair[0], pair[1])).collect();
        activations(&pairs)
    }

    proptest! {
        #[test]
        fn a_set_misses_nothing_of_itself(cuts in prop::collection::vec(0_i64..10_000, 0..60)) {
            let all = ordered(cuts);
            let name = RuleName { point: level("p", Vec::new()).id, alarm: rule(AlarmKind::High, 1.0).id };
            let it = one(name, Some(&all), Some(&all), Span::ZERO);
            prop_assert_eq!(it.missed, 0);
            prop_assert_eq!(it.before, it.after);
            prop_assert!(it.delay.is_none_or(|delay| delay.max == Span::ZERO || delay.median <= delay.max));
        }

        /// Missed word for word: no activation of the other set has an instant in common with it.
        #[test]
        fn missed_is_as_defined(a in prop::collection::vec(0_i64..2_000, 0..40), b in prop::collection::vec(0_i64..2_000, 0..40)) {
            let (was, is) = (ordered(a), ordered(b));
            let name = RuleName { point: level("p", Vec::new()).id, alarm: rule(AlarmKind::High, 1.0).id };
            let apart = |it: &&Activation| !is.iter().any(|other| other.raised <= it.ended && it.raised <= other.ended);
            let expected = was.iter().filter(apart).count();
            prop_assert_eq!(one(name, Some(&was), Some(&is), Span::ZERO).missed, expected);
        }
    }
}
