//! What each rule said over recorded samples: its activations, and figures of them.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::fmt;
use std::sync::Arc;

use model::{AlarmId, Event, EventBody, PointId, Revision, Site, Span, Time, Transition};

use crate::playback::{Ends, Playback, Said, Value};

/// So many activations of one alarm ...
pub const CHATTER_COUNT: usize = 3;
/// ... raised within this are chattering (ISA-18.2-2016): the boundary belongs to it.
pub const CHATTER_SPAN: Span = Span::from_secs(60);

/// Which rule: its point and its id there.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct RuleName {
    /// The point.
    pub point: PointId,
    /// The alarm on it.
    pub alarm: AlarmId,
}

impl fmt::Display for RuleName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.point, self.alarm)
    }
}

/// From a raise to its return, or to the point's last sample where it did not return.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Activation {
    /// When it was raised.
    pub raised: Time,
    /// When it returned, or where the data ended.
    pub ended: Time,
}

impl Activation {
    /// How long it was in alarm.
    pub fn lasted(&self) -> Span {
        self.ended.since(self.raised).max(Span::ZERO)
    }
}

/// The activations of every rule of a site, in order of time; a rule that said nothing has an empty list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Activations {
    rules: BTreeMap<RuleName, Vec<Activation>>,
}

impl Activations {
    /// The activations of one rule; `None` where there is no such rule.
    pub fn of(&self, rule: &RuleName) -> Option<&[Activation]> {
        self.rules.get(rule).map(Vec::as_slice)
    }

    /// Every rule with its activations.
    pub fn rules(&self) -> impl Iterator<Item = (&RuleName, &[Activation])> {
        self.rules.iter().map(|(rule, activations)| (rule, activations.as_slice()))
    }
}

/// Plays rows and keeps what each rule said.
pub struct Recorder<'r> {
    playback: Playback<'r>,
    site: &'r Site,
    rules: BTreeMap<(Arc<str>, AlarmId), Vec<Activation>>,
    ends: Ends,
}

/// Stands for the end of an activation that has not returned.
const OPEN: Time = Time::MAX;

impl<'r> Recorder<'r> {
    /// Ready for the first row.
    pub fn new(revision: &'r Arc<Revision>, ends: &Ends) -> Self {
        let rules = revision
            .site
            .points
            .iter()
            .flat_map(|point| point.alarms.iter().map(|rule| ((point.id.shared(), rule.id.clone()), Vec::new())));
        Self { playback: Playback::new(revision, ends), site: &revision.site, rules: rules.collect(), ends: ends.clone() }
    }

    /// Plays the next row.
    pub fn row(&mut self, time: Time, values: &[Value]) {
        let Self { playback, rules, .. } = self;
        let Ok(()) = playback.row(time, values, &mut |said: Said<'_>| {
            said.events.drain(..).for_each(|event| take(rules, &event));
            Ok::<(), Infallible>(())
        });
    }

    /// After the last row: what each rule said.
    pub fn finish(mut self) -> Activations {
        let mut all = Activations::default();
        for (index, point) in self.site.points.iter().enumerate() {
            let end = self.ends.of(index).unwrap_or(Time::MIN);
            for rule in &point.alarms {
                let mut activations = self.rules.remove(&(point.id.shared(), rule.id.clone())).unwrap_or_default();
                for open in activations.iter_mut().filter(|it| it.ended == OPEN) {
                    open.ended = end.max(open.raised);
                }
                all.rules.insert(RuleName { point: point.id.clone(), alarm: rule.id.clone() }, activations);
            }
        }
        all
    }
}

fn take(rules: &mut BTreeMap<(Arc<str>, AlarmId), Vec<Activation>>, event: &Event) {
    let EventBody::Alarm(alarm) = &event.body else { return };
    let Some(activations) = rules.get_mut(&(Arc::clone(&event.subject), alarm.alarm.clone())) else { return };
    match alarm.transition {
        Transition::Raised => activations.push(Activation { raised: event.occurred_at, ended: OPEN }),
        Transition::Returned => {
            if let Some(last) = activations.last_mut().filter(|it| it.ended == OPEN) {
                last.ended = event.occurred_at;
            }
        }
        _ => {}
    }
}

/// Figures of one rule's activations.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Figures {
    /// How often it was raised.
    pub raised: usize,
    /// How long it was in alarm, all activations together.
    pub in_alarm: Span,
    /// Activations that belong to a chatter.
    pub chattering: usize,
    /// Chatters: runs of such activations.
    pub chatters: usize,
}

impl Figures {
    /// The figures of activations in order of time.
    pub fn of(activations: &[Activation]) -> Self {
        let in_alarm = activations.iter().fold(Span::ZERO, |sum, it| sum + it.lasted());
        let (mut chattering, mut chatters, mut counted) = (0, 0, 0);
        for (first, window) in activations.windows(CHATTER_COUNT).enumerate() {
            if window[CHATTER_COUNT - 1].raised.since(window[0].raised) > CHATTER_SPAN {
                continue;
            }
            // Those from `counted` on are new to the chatter; nothing in common with the one before makes it another one.
            let end = first + CHATTER_COUNT;
            chatters += usize::from(first >= counted);
            chattering += end - first.max(counted);
            counted = end;
        }
        Self { raised: activations.len(), in_alarm, chattering, chatters }
    }

    /// The figures of several rules together.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self {
            raised: self.raised + other.raised,
            in_alarm: self.in_alarm + other.in_alarm,
            chattering: self.chattering + other.chattering,
            chatters: self.chatters + other.chatters,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::testing::activations;

    fn figures(seconds: &[i64]) -> (usize, usize) {
        let all: Vec<_> = seconds.iter().map(|at| (*at, *at)).collect();
        let figures = Figures::of(&activations(&all));
        (figures.chattering, figures.chatters)
    }

    #[test]
    fn three_within_a_minute_chatter_and_the_boundary_belongs_to_it() {
        assert_eq!(figures(&[0, 30, 60]), (3, 1));
        assert_eq!(figures(&[0, 30, 61]), (0, 0));
        assert_eq!(figures(&[0, 60]), (0, 0));
        assert_eq!(figures(&[]), (0, 0));
    }

    #[test]
    fn each_activation_counts_once_and_each_run_is_one_chatter() {
        assert_eq!(figures(&[0, 20, 40, 60, 80]), (5, 1));
        assert_eq!(figures(&[0, 20, 40, 200, 220, 240]), (6, 2));
        assert_eq!(figures(&[0, 20, 40, 200, 400, 420, 440]), (6, 2), "one alone belongs to none");
        assert_eq!(figures(&[0, 30, 60, 90, 120]), (5, 1), "windows that share activations are one");
    }

    #[test]
    fn time_in_alarm_is_the_sum() {
        let all = activations(&[(0, 4), (10, 10), (20, 50)]);
        assert_eq!(Figures::of(&all).in_alarm, Span::from_secs(34));
    }

    proptest! {
        /// The definition word for word: an activation chatters if any three raises that include it lie within a minute.
        #[test]
        fn chattering_is_as_defined(mut seconds in prop::collection::vec(0_i64..600, 0..40)) {
            seconds.sort_unstable();
            let near = |at: usize| {
                let others = |of: usize| seconds.get(of + 2).is_some_and(|third| third - seconds[of] <= 60);
                (at.saturating_sub(2)..=at).any(others)
            };
            let expected = (0..seconds.len()).filter(|at| near(*at)).count();
            prop_assert_eq!(figures(&seconds).0, expected);
        }
    }
}
