//! Deadbands and delays that remove chattering inside the bounds of bounds.rs.
//!
//! A trace shows at a rule's limit only how the values crossed it there and then; tuned to that alone, a rule chatters again as soon as
//! the plant runs a little higher. So every candidate is also tried at limits of the point's own percentiles, and has to keep the bounds at
//! each of them; and it may nowhere be longer in alarm than the plain rule, though 1.2 times is the bound. (Plant traces, tuned on one and
//! judged on two others: 90 to 92 % fewer alarms without this, and rules beyond the bounds; 97 to 99 % with it, and none.)

use std::collections::BTreeMap;
use std::fmt;

use model::{AlarmRule, Point, Site, Span, Time};

use crate::activation::{Activations, Figures, RuleName};
use crate::bounds::{Bounds, bounds, is_tuned};
use crate::playback::{Ends, Value};
use crate::score::Score;
use crate::spread::Spread;
use crate::trial::{Setting, Trial};

/// Where else candidates are tried: percentiles of the point's values.
const PERCENTS: [usize; 5] = [10, 30, 50, 70, 90];
/// Deadbands that are tried, as parts of the range.
const RANGE_PARTS: [f64; 6] = [1_000.0, 500.0, 200.0, 100.0, 50.0, 20.0];
/// On-delays that are tried, seconds; the longest that is allowed is tried too.
const ON_DELAYS: [i64; 7] = [0, 2, 5, 10, 15, 20, 30];
/// Off-delays that are tried, seconds.
const OFF_DELAYS: [i64; 6] = [0, 5, 10, 20, 30, 60];
/// A shorter delay is worth this part of the plain rule's alarms.
const TOLERANCE: usize = 100;
/// So many rules are tried in one pass over the samples: their candidates take some 2 MB each.
const TRIALS_MAX: usize = 64;

/// Why a rule stays as it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kept {
    /// Only high, `high_high`, low and `low_low` are tuned.
    NoLimit,
    /// The samples say nothing of the point.
    NoSamples,
    /// Nothing to remove.
    NoChatter,
    /// No candidate inside the bounds is raised less often.
    BestAlready,
}

impl fmt::Display for Kept {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NoLimit => "is not of a kind that is tuned",
            Self::NoSamples => "has no samples here",
            Self::NoChatter => "does not chatter here",
            Self::BestAlready => "nothing inside the bounds is raised less often",
        })
    }
}

/// What is proposed for a rule.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Verdict {
    /// To be set to this.
    Proposed(Setting),
    /// To stay as it is.
    Kept(Kept),
}

/// A rule and what is proposed for it.
#[derive(Clone, Debug, PartialEq)]
pub struct Suggestion {
    /// Which rule.
    pub rule: RuleName,
    /// What it is set to.
    pub was: Setting,
    /// What is proposed.
    pub verdict: Verdict,
    /// The point has no range, so no deadband can be proposed.
    pub no_range: bool,
}

/// What is to be known of the samples before anything is tried; a first pass over the rows.
#[derive(Clone, Debug, Default)]
pub struct Survey {
    ends: Ends,
    spreads: BTreeMap<usize, Spread>,
}

impl Survey {
    /// Takes the next row.
    pub fn row(&mut self, time: Time, values: &[Value]) {
        self.ends.row(time, values);
        for (point, value, quality) in values {
            if let Some(value) = value.filter(|value| value.is_finite() && *quality != model::Quality::Bad) {
                self.spreads.entry(*point).or_default().take(value);
            }
        }
    }

    /// Where the samples of each point end.
    pub fn ends(&self) -> &Ends {
        &self.ends
    }
}

/// Tries candidates for the rules that chatter, some of them in each pass over the rows.
pub struct Tuner<'s> {
    site: &'s Site,
    survey: &'s Survey,
    waiting: Vec<Waiting<'s>>,
    trials: Vec<(Waiting<'s>, Trial)>,
    found: BTreeMap<RuleName, Verdict>,
    now: Time,
    ends: BTreeMap<usize, Vec<usize>>,
    rows: usize,
}

struct Waiting<'s> {
    name: RuleName,
    index: usize,
    point: &'s Point,
    rule: &'s AlarmRule,
    /// How often it is raised as it is.
    raised: usize,
}

impl<'s> Tuner<'s> {
    /// For a site and what its rules say over the same rows.
    pub fn new(site: &'s Site, survey: &'s Survey, said: &Activations) -> Self {
        let mut waiting = Vec::new();
        let mut found = BTreeMap::new();
        for (index, point, rule) in rules(site) {
            let name = RuleName { point: point.id.clone(), alarm: rule.id.clone() };
            let figures = said.of(&name).map(Figures::of).unwrap_or_default();
            let kept = match (is_tuned(rule), survey.ends.of(index)) {
                (false, _) => Kept::NoLimit,
                (true, None) => Kept::NoSamples,
                (true, Some(_)) if figures.chatters == 0 => Kept::NoChatter,
                _ => {
                    waiting.push(Waiting { name, index, point, rule, raised: figures.raised });
                    continue;
                }
            };
            found.insert(name, Verdict::Kept(kept));
        }
        Self { site, survey, waiting, trials: Vec::new(), found, now: Time::MIN, ends: BTreeMap::new(), rows: 0 }
    }

    /// Whether another pass over all rows is needed; if so, ready for its first row.
    pub fn begin_pass(&mut self) -> bool {
        let from = self.waiting.len().saturating_sub(TRIALS_MAX);
        let trial = |it: Waiting<'s>| {
            let trial = self.survey.trial(&it);
            (it, trial)
        };
        self.trials = self.waiting.split_off(from).into_iter().map(trial).collect();
        (self.now, self.ends, self.rows) = (Time::MIN, self.survey.ends.by_row(), 0);
        !self.trials.is_empty()
    }

    /// The next row of the pass.
    pub fn row(&mut self, time: Time, values: &[Value]) {
        self.now = self.now.max(time);
        let ended = self.ends.remove(&self.rows).unwrap_or_default();
        for (it, trial) in &mut self.trials {
            let own = values.iter().filter(|(point, ..)| *point == it.index);
            trial.row(time, self.now, own.map(|(_, value, quality)| (*value, *quality)));
            if ended.contains(&it.index) {
                trial.end(self.survey.ends.of(it.index).unwrap_or(self.now));
            }
        }
        self.rows += 1;
    }

    /// After the last row of the pass.
    pub fn end_pass(&mut self) {
        for (it, trial) in self.trials.drain(..) {
            let best = choose(trial.tried()).filter(|(setting, raised)| *raised < it.raised && *setting != Setting::of(it.rule));
            let verdict = best.map_or(Verdict::Kept(Kept::BestAlready), |(setting, _)| Verdict::Proposed(setting));
            self.found.insert(it.name, verdict);
        }
    }

    /// After the last pass: every rule of the site, in order.
    pub fn finish(mut self) -> Vec<Suggestion> {
        let suggestion = |(_, point, rule): (usize, &Point, &AlarmRule)| {
            let name = RuleName { point: point.id.clone(), alarm: rule.id.clone() };
            let verdict = self.found.remove(&name)?;
            Some(Suggestion { rule: name, was: Setting::of(rule), verdict, no_range: point.range.is_none() })
        };
        rules(self.site).filter_map(suggestion).collect()
    }
}

/// Every rule that somebody configured.
fn rules(site: &Site) -> impl Iterator<Item = (usize, &Point, &AlarmRule)> {
    let of = |(index, point): (usize, &'_ Point)| (index, point.alarms.len());
    let indices = site.points.iter().enumerate().map(of).flat_map(|(index, count)| (0..count).map(move |rule| (index, rule)));
    let all = indices.map(|(index, rule)| (index, &site.points[index], &site.points[index].alarms[rule]));
    all.filter(|(_, _, rule)| !rule.implied)
}

impl Survey {
    fn trial(&self, it: &Waiting<'_>) -> Trial {
        let percentiles = self.spreads.get(&it.index).map(|spread| spread.percentiles(&PERCENTS)).unwrap_or_default();
        // Its own limit is the first.
        let limits: Vec<f64> = it.rule.limit.into_iter().chain(percentiles).collect();
        Trial::new(it.point, it.rule, &limits, candidates(it.point, it.rule, &bounds(it.point, it.rule)))
    }
}

fn candidates(point: &Point, rule: &AlarmRule, bounds: &Bounds) -> Vec<Setting> {
    let parts = point.range.iter().flat_map(|range| RANGE_PARTS.map(|part| (range.high - range.low) / part));
    let deadbands: Vec<f64> = std::iter::once(0.0).chain(parts).collect();
    let mut on_delays: Vec<Span> = ON_DELAYS.map(Span::from_secs).into_iter().filter(|it| *it < bounds.on_delay_max).collect();
    on_delays.push(bounds.on_delay_max);
    let mut all = vec![Setting::of(rule)];
    for off_delay in OFF_DELAYS.map(Span::from_secs) {
        for on_delay in &on_delays {
            all.extend(deadbands.iter().map(|deadband| Setting { deadband: *deadband, on_delay: *on_delay, off_delay }));
        }
    }
    all.retain(|it| bounds.hold(it.deadband, it.on_delay));
    all
}

/// Of those that keep the bounds at every limit and are raised nearly as rarely as any: the one with the shortest delays. With it, how often
/// it is raised at the first limit, the rule's own.
fn choose(tried: impl Iterator<Item = (Setting, Vec<(Score, Score)>)>) -> Option<(Setting, usize)> {
    let inside = |(variant, plain): &(Score, Score)| variant.lost == 0 && variant.in_alarm <= plain.in_alarm;
    let inside: Vec<_> = tried.filter(|(_, scores)| scores.iter().all(inside)).collect();
    let raised = |scores: &[(Score, Score)]| scores.iter().map(|(variant, _)| variant.raised).sum::<usize>();
    let plain: usize = inside.first()?.1.iter().map(|(_, plain)| plain.raised).sum();
    let enough = inside.iter().map(|(_, scores)| raised(scores)).min()? + plain / TOLERANCE;
    let cost = |(setting, scores): &(Setting, Vec<(Score, Score)>)| {
        // An on-delay costs the operator time, an off-delay only a longer list.
        (2 * setting.on_delay.micros() + setting.off_delay.micros(), raised(scores))
    };
    let cheaper = |one: &(Setting, Vec<(Score, Score)>), other: &(Setting, Vec<(Score, Score)>)| {
        cost(one).cmp(&cost(other)).then(one.0.deadband.total_cmp(&other.0.deadband))
    };
    let (setting, scores) = inside.into_iter().filter(|(_, scores)| raised(scores) <= enough).min_by(cheaper)?;
    Some((setting, scores.first()?.0.raised))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use model::{AlarmKind, Quantity};
    use proptest::prelude::*;

    use super::*;
    use crate::activation::Recorder;
    use crate::bounds::{LONG, RAISED_WITHIN};
    use crate::playback::numbered;
    use crate::testing::{level, noise, rule, series, site};

    type Rows = Vec<(Time, Vec<Value>)>;

    fn surveyed(rows: &Rows) -> Survey {
        let mut survey = Survey::default();
        rows.iter().for_each(|(time, values)| survey.row(*time, values));
        survey
    }

    fn said(site: &Site, survey: &Survey, rows: &Rows) -> Activations {
        let revision = Arc::new(numbered(site.clone()));
        let mut recorder = Recorder::new(&revision, survey.ends());
        rows.iter().for_each(|(time, values)| recorder.row(*time, values));
        recorder.finish()
    }

    fn suggested(point: Point, rows: &Rows) -> Vec<Suggestion> {
        let site = site(vec![point]);
        let survey = surveyed(rows);
        let said = said(&site, &survey, rows);
        let mut tuner = Tuner::new(&site, &survey, &said);
        while tuner.begin_pass() {
            rows.iter().for_each(|(time, values)| tuner.row(*time, values));
            tuner.end_pass();
        }
        tuner.finish()
    }

    fn only(point: Point, rows: &Rows) -> Verdict {
        suggested(point, rows).first().expect("a rule").verdict
    }

    /// A level around 80 that shakes by one, some of it above for minutes.
    fn shaking() -> Vec<f64> {
        let base = |step: usize| if step % 400 > 300 { 80.6 } else { 79.4 };
        noise(1_200, 7).into_iter().enumerate().map(|(step, noise)| base(step) + 2.0 * noise - 1.0).collect()
    }

    fn high() -> AlarmRule {
        rule(AlarmKind::High, 80.0)
    }

    #[test]
    fn chattering_is_removed_and_what_lasts_is_kept() {
        let rows = series(3, &shaking());
        let Verdict::Proposed(setting) = only(level("p", vec![high()]), &rows) else { panic!("nothing proposed") };
        let (before, after) = (level("p", vec![high()]), level("p", vec![setting.applied_to(&high())]));
        let survey = surveyed(&rows);
        let raised = |point: &Point| {
            let said = said(&site(vec![point.clone()]), &survey, &rows);
            said.rules().map(|(_, said)| said.len()).sum::<usize>()
        };
        assert!(raised(&before) > 150, "{}", raised(&before));
        assert!(raised(&after) * 20 <= raised(&before), "{} by {setting:?}", raised(&after));
    }

    #[test]
    fn the_mirror_of_a_trace_gets_the_mirror_of_a_rule() {
        let mirrored: Vec<f64> = shaking().into_iter().map(|value| 160.0 - value).collect();
        let low = only(level("p", vec![rule(AlarmKind::Low, 80.0)]), &series(3, &mirrored));
        assert!(matches!(low, Verdict::Proposed(_)), "{low:?}");
    }

    #[test]
    fn what_does_not_chatter_or_has_no_limit_stays() {
        let rows = series(3, &shaking());
        let quiet = AlarmRule { limit: Some(99.0), ..high() };
        let all = suggested(level("p", vec![quiet, rule(AlarmKind::Stale, 0.0)]), &rows);
        let verdicts: Vec<_> = all.iter().map(|it| it.verdict).collect();
        assert_eq!(verdicts, [Verdict::Kept(Kept::NoChatter), Verdict::Kept(Kept::NoLimit)]);
        assert_eq!(only(level("p", vec![high()]), &Vec::new()), Verdict::Kept(Kept::NoSamples));
    }

    #[test]
    fn what_is_proposed_is_not_proposed_again() {
        let rows = series(3, &shaking());
        let Verdict::Proposed(setting) = only(level("p", vec![high()]), &rows) else { panic!("nothing proposed") };
        let again = only(level("p", vec![setting.applied_to(&high())]), &rows);
        assert!(matches!(again, Verdict::Kept(_)), "{again:?}");
    }

    #[test]
    fn bounds_of_the_point_hold() {
        let rows = series(3, &shaking());
        let gas = Point { quantity: Quantity::ToxicGas, ..level("p", vec![high()]) };
        let Verdict::Proposed(setting) = only(gas, &rows) else { panic!("nothing proposed") };
        assert!(setting.on_delay <= Span::from_secs(5), "{setting:?}");
        let blind = Point { range: None, ..level("p", vec![high()]) };
        let suggestion = suggested(blind, &rows).remove(0);
        assert!(suggestion.no_range);
        assert!(matches!(suggestion.verdict, Verdict::Proposed(it) if it.deadband == 0.0), "{suggestion:?}");
    }

    #[test]
    fn many_rules_take_many_passes() {
        let rules = (0_u8..70).map(|index| AlarmRule {
            id: model::AlarmId::new(&format!("high{index}")).expect("an id"),
            respond_within: Some(Span::ZERO),
            ..high()
        });
        let blind = Point { range: None, ..level("p", rules.collect()) };
        let rows = series(3, &shaking()[..150]);
        let all = suggested(blind, &rows);
        assert_eq!(all.len(), 70);
        assert!(all.iter().all(|it| it.verdict == all[0].verdict), "the same rule over the same rows");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(12))]

        /// Whatever the trace: what is proposed keeps every bound on it, judged by activations of real cores.
        #[test]
        fn proposals_keep_the_bounds(seed in any::<u64>(), drift in 0_u32..40, every in 1_i64..8, limit in 78.0..82.0_f64) {
            let base = |step: usize| 80.0 + f64::from(drift) / 10.0 * (f64::from(u32::try_from(step % 200).expect("small")) / 100.0 - 1.0);
            let values: Vec<f64> = noise(500, seed).into_iter().enumerate().map(|(step, noise)| base(step) + 2.0 * noise - 1.0).collect();
            let rows = series(every, &values);
            let plain = AlarmRule { limit: Some(limit), ..high() };
            let point = level("p", vec![plain.clone()]);
            if let Verdict::Proposed(setting) = only(point.clone(), &rows) {
                prop_assert!(bounds(&point, &plain).hold(setting.deadband, setting.on_delay));
                let survey = surveyed(&rows);
                let play = |rule: AlarmRule| {
                    let said = said(&site(vec![level("p", vec![rule])]), &survey, &rows);
                    said.rules().next().map(|(_, said)| said.to_vec()).expect("the rule")
                };
                let (before, after) = (play(plain.clone()), play(setting.applied_to(&plain)));
                let (was, is) = (Figures::of(&before), Figures::of(&after));
                prop_assert!(is.raised < was.raised);
                prop_assert!(is.in_alarm.micros() * 5 <= was.in_alarm.micros() * 6);
                for long in before.iter().filter(|it| it.lasted() > LONG) {
                    let in_time = |it: &crate::activation::Activation| it.raised <= long.raised + RAISED_WITHIN && it.ended >= long.raised;
                    prop_assert!(after.iter().any(in_time), "lost {long:?}: {after:?}");
                }
            }
        }
    }
}
