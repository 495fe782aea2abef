//! Variants of one rule side by side in one core: each is a point of its own with that one alarm, and all get the same samples.
//!
//! A point each, for the core takes a sample that changes nothing in a few nanoseconds where a point has one rule, and looks at every rule
//! of the point where it has many.

use std::sync::Arc;

use alarm::Core;
use model::{
    AlarmRule, Batch, Body, Epoch, Event, EventBody, Header, Message, Point, PointId, Position, Quality, Record, Sample, Site,
    Span, Time, Transition,
};

use crate::playback::numbered;
use crate::score::{Score, Scores};

/// What is proposed for a rule, or tried.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Setting {
    /// In the point's unit.
    pub deadband: f64,
    /// How long the condition must hold.
    pub on_delay: Span,
    /// How long it must be clear.
    pub off_delay: Span,
}

impl Setting {
    /// Neither deadband nor delays.
    pub const PLAIN: Self = Self { deadband: 0.0, on_delay: Span::ZERO, off_delay: Span::ZERO };

    /// What a rule is set to.
    pub fn of(rule: &AlarmRule) -> Self {
        Self { deadband: rule.deadband, on_delay: rule.on_delay, off_delay: rule.off_delay }
    }

    /// The rule set to this.
    #[must_use]
    pub fn applied_to(&self, rule: &AlarmRule) -> AlarmRule {
        AlarmRule { deadband: self.deadband, on_delay: self.on_delay, off_delay: self.off_delay, ..rule.clone() }
    }
}

/// A rule's variants at some limits.
pub(crate) struct Trial {
    core: Core,
    settings: Vec<Setting>,
    /// By limit.
    scores: Vec<Scores>,
    tick: Record,
    batch: Record,
    position: Position,
    ended: bool,
    events: Vec<Event>,
}

impl Trial {
    pub(crate) fn new(point: &Point, rule: &AlarmRule, limits: &[f64], settings: Vec<Setting>) -> Self {
        let variants = std::iter::once(&Setting::PLAIN).chain(&settings);
        let rules = limits.iter().flat_map(|limit| variants.clone().map(|setting| bare(rule, *limit, *setting)));
        let points: Vec<Point> = rules.enumerate().filter_map(|(index, rule)| variant(point, index, rule)).collect();
        let revision = numbered(Site { points, ..Site::default() });
        let sample = |number| Sample::new(number, Time::MIN, None, Quality::Bad);
        let samples: Vec<Sample> = revision.numbers.iter().copied().map(sample).collect();
        let count = u32::try_from(samples.len()).unwrap_or(u32::MAX);
        let batch = Batch {
            revision: revision.number,
            gateways: vec![point.source.gateway.clone()],
            messages: vec![Message { gateway: 0, samples: count, ..Message::default() }],
            samples,
        };
        Self {
            core: Core::for_recorded_data(Arc::from("trial")),
            scores: vec![Scores::new(settings.len()); limits.len()],
            settings,
            tick: Record { header: Header::default(), body: Body::Revision(Arc::new(revision)) },
            batch: Record { header: Header::default(), body: Body::Batch(batch) },
            position: Position(0),
            ended: false,
            events: Vec::new(),
        }
    }

    /// The next row: its time, the greatest time of any row so far, and what it says of the point.
    pub(crate) fn row(&mut self, time: Time, now: Time, values: impl Iterator<Item = (Option<f64>, Quality)>) {
        if self.ended {
            return;
        }
        // The first record is the revision; after it there are only ticks.
        if matches!(self.tick.body, Body::Revision(_)) {
            self.apply(now, false);
            self.tick.body = Body::Tick;
        }
        let mut sampled = false;
        for (value, quality) in values {
            sampled = true;
            if let Body::Batch(batch) = &mut self.batch.body {
                batch.samples.iter_mut().for_each(|it| *it = Sample::new(it.point, time, value, quality));
            }
            self.apply(now, true);
        }
        if !sampled {
            self.apply(now, false);
        }
    }

    fn apply(&mut self, now: Time, batch: bool) {
        let record = if batch { &mut self.batch } else { &mut self.tick };
        self.position = Position(self.position.0 + 1);
        record.header = Header { position: self.position, time: now, epoch: Epoch(0) };
        self.events.clear();
        self.core.apply(record, &mut self.events);
        let group = self.settings.len() + 1;
        for event in &self.events {
            let (EventBody::Alarm(alarm), Ok(index)) = (&event.body, event.subject.parse::<usize>()) else { continue };
            let Some(scores) = self.scores.get_mut(index / group) else { continue };
            match alarm.transition {
                Transition::Raised => scores.raised(index % group, event.occurred_at),
                Transition::Returned => scores.returned(index % group, event.occurred_at),
                _ => {}
            }
        }
    }

    /// The point had its last sample: nothing changes any more.
    pub(crate) fn end(&mut self, at: Time) {
        if !std::mem::replace(&mut self.ended, true) {
            self.scores.iter_mut().for_each(|it| it.end(at));
        }
    }

    /// Each setting with its scores, and those of the plain rule, limit by limit.
    pub(crate) fn tried(&self) -> impl Iterator<Item = (Setting, Vec<(Score, Score)>)> {
        let of = |index: usize| self.scores.iter().map(|it| (it.variant(index), it.plain())).collect();
        self.settings.iter().copied().enumerate().map(move |(index, setting)| (setting, of(index)))
    }
}

/// The rule without what only people read, at a limit and a setting.
fn bare(rule: &AlarmRule, limit: f64, setting: Setting) -> AlarmRule {
    let nothing = String::new;
    let rule = AlarmRule { cause: nothing(), consequence: nothing(), action: nothing(), position: nothing(), ..rule.clone() };
    AlarmRule { limit: Some(limit), ..setting.applied_to(&rule) }
}

fn variant(point: &Point, index: usize, rule: AlarmRule) -> Option<Point> {
    Some(Point { id: PointId::new(&index.to_string()).ok()?, name: String::new(), alarms: vec![rule], ..point.clone() })
}

#[cfg(test)]
mod tests {
    use model::AlarmKind;
    use proptest::prelude::*;

    use super::*;
    use crate::activation::{Activation, Figures, Recorder};
    use crate::bounds::{LONG, RAISED_WITHIN};
    use crate::playback::{Ends, Value};
    use crate::testing::{at, level, rule, site};

    /// One rule by itself through the whole way: playback, recorder, figures.
    fn alone(limit: f64, setting: Setting, rows: &[(Time, Vec<Value>)]) -> Vec<Activation> {
        let point = level("p", vec![setting.applied_to(&rule(AlarmKind::High, limit))]);
        let revision = Arc::new(numbered(site(vec![point])));
        let mut ends = Ends::default();
        rows.iter().for_each(|(time, values)| ends.row(*time, values));
        let mut recorder = Recorder::new(&revision, &ends);
        rows.iter().for_each(|(time, values)| recorder.row(*time, values));
        recorder.finish().rules().next().map(|(_, said)| said.to_vec()).unwrap_or_default()
    }

    fn lost(plain: &[Activation], variant: &[Activation]) -> usize {
        let kept = |it: &Activation| {
            variant
                .iter()
                .any(|other| other.raised <= it.raised + RAISED_WITHIN && (other.raised >= it.raised || other.ended > it.raised))
        };
        plain.iter().filter(|it| it.lasted() > LONG && !kept(it)).count()
    }

    fn setting() -> impl Strategy<Value = Setting> {
        (0_u8..8, 0_i64..40, 0_i64..70).prop_map(|(deadband, on, off)| Setting {
            deadband: f64::from(deadband) / 2.0,
            on_delay: Span::from_secs(on),
            off_delay: Span::from_secs(off),
        })
    }

    fn rows() -> impl Strategy<Value = Vec<(Time, Vec<Value>)>> {
        // Steps, gaps longer than silence, bad samples, rows without the point.
        let row = (prop_oneof![9 => 1_i64..20, 1 => 290_i64..700], 0_u8..20, 76_u8..84, any::<bool>());
        prop::collection::vec(row, 1..120).prop_map(|steps| {
            let mut time = 0;
            let mut value = 80.0;
            let row = |(step, what, next, moves): (i64, u8, u8, bool)| {
                time += step;
                value = if moves { f64::from(next) } else { value };
                let sample = match what {
                    0 => vec![(0, None, Quality::Good)],
                    1 => vec![(0, Some(value), Quality::Bad)],
                    2 => vec![(0, Some(value), Quality::Uncertain)],
                    3 => Vec::new(),
                    _ => vec![(0, Some(value), Quality::Good)],
                };
                (at(time), sample)
            };
            steps.into_iter().map(row).collect()
        })
    }

    proptest! {
        /// Side by side or alone: the same activations, and the same judgement of them.
        #[test]
        fn side_by_side_is_as_alone(settings in prop::collection::vec(setting(), 1..6), rows in rows()) {
            let limits = [80.0, 81.0];
            let mut ends = Ends::default();
            rows.iter().for_each(|(time, values)| ends.row(*time, values));
            let mut trial = Trial::new(&level("p", Vec::new()), &rule(AlarmKind::High, 0.0), &limits, settings.clone());
            let end = ends.by_row().into_iter().next();
            for (index, (time, values)) in rows.iter().enumerate() {
                trial.row(*time, *time, values.iter().map(|(_, value, quality)| (*value, *quality)));
                if end.as_ref().is_some_and(|(row, _)| *row == index) {
                    trial.end(*time);
                }
            }
            for (setting, scores) in trial.tried() {
                for (limit, (score, plain)) in limits.iter().zip(scores) {
                    let (variant, bare) = (alone(*limit, setting, &rows), alone(*limit, Setting::PLAIN, &rows));
                    let (figures, plain_figures) = (Figures::of(&variant), Figures::of(&bare));
                    prop_assert_eq!((score.raised, plain.raised), (figures.raised, plain_figures.raised));
                    prop_assert_eq!((score.in_alarm, plain.in_alarm), (figures.in_alarm, plain_figures.in_alarm));
                    prop_assert_eq!(score.lost, lost(&bare, &variant), "{:?} against {:?}", variant, bare);
                }
            }
        }
    }
}
