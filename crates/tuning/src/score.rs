//! How variants of one rule do against its plain form, as their activations come.

use model::{Span, Time};

use crate::activation::CHATTER_SPAN;
use crate::bounds::{LONG, RAISED_WITHIN};

/// What became of one variant at one limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Score {
    /// How often it was raised.
    pub(crate) raised: usize,
    /// How long it was in alarm.
    pub(crate) in_alarm: Span,
    /// Long activations of the plain rule that it lost, or raised too late.
    pub(crate) lost: usize,
    /// Raises that were the third within a minute.
    pub(crate) chattered: usize,
    /// The last two raises, the older one first.
    before: [Option<Time>; 2],
    since: Option<Time>,
    /// The plain rule's activation at hand was raised in time.
    covered: bool,
}

/// The plain rule and its variants at one limit.
#[derive(Clone, Debug)]
pub(crate) struct Scores {
    plain: Score,
    variants: Vec<Score>,
}

impl Scores {
    pub(crate) fn new(variants: usize) -> Self {
        Self { plain: Score::default(), variants: vec![Score::default(); variants] }
    }

    /// Who 0 is the plain rule, the others are the variants in order; of what happens at one time the plain rule's comes first.
    pub(crate) fn raised(&mut self, who: usize, at: Time) {
        if who > 0 {
            let onset = self.plain.since;
            let Some(score) = self.variants.get_mut(who - 1) else { return };
            score.raise(at);
            score.covered |= onset.is_some_and(|onset| at.since(onset) <= RAISED_WITHIN);
        } else {
            self.plain.raise(at);
            // Who is in alarm already when it begins is in time.
            self.variants.iter_mut().for_each(|it| it.covered = it.since.is_some());
        }
    }

    pub(crate) fn returned(&mut self, who: usize, at: Time) {
        if who > 0 {
            if let Some(score) = self.variants.get_mut(who - 1) {
                score.give_back(at);
            }
        } else if self.plain.give_back(at) > LONG {
            self.variants.iter_mut().for_each(|it| it.lost += usize::from(!it.covered));
        }
    }

    /// The data end: what is still in alarm was so until here.
    pub(crate) fn end(&mut self, at: Time) {
        (0..=self.variants.len()).for_each(|who| self.returned(who, at));
    }

    pub(crate) fn plain(&self) -> Score {
        self.plain
    }

    pub(crate) fn variant(&self, index: usize) -> Score {
        self.variants[index]
    }
}

impl Score {
    fn raise(&mut self, at: Time) {
        let first = self.before[0];
        self.chattered += usize::from(first.is_some_and(|first| at.since(first) <= CHATTER_SPAN));
        self.before = [self.before[1], Some(at)];
        self.raised += 1;
        self.since = Some(at);
    }

    /// How long it was in alarm this time; nothing where it was not.
    fn give_back(&mut self, at: Time) -> Span {
        let lasted = self.since.take().map_or(Span::ZERO, |since| at.since(since).max(Span::ZERO));
        self.in_alarm = self.in_alarm + lasted;
        lasted
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::at;

    /// Plays intervals of the plain rule and of one variant, the plain rule first where times are equal.
    fn lost(plain: &[(i64, i64)], variant: &[(i64, i64)]) -> usize {
        let moves = |who: usize, all: &[(i64, i64)]| {
            all.iter().flat_map(move |(up, down)| [(*up, who, true), (*down, who, false)]).collect::<Vec<_>>()
        };
        let mut moves = [moves(0, plain), moves(1, variant)].concat();
        moves.sort_by_key(|it| (it.0, it.1));
        let mut scores = Scores::new(1);
        for (time, who, up) in moves {
            if up { scores.raised(who, at(time)) } else { scores.returned(who, at(time)) }
        }
        assert_eq!(scores.variant(0).raised, variant.len());
        scores.variant(0).lost
    }

    #[test]
    fn long_ones_must_be_raised_within_half_a_minute() {
        assert_eq!(lost(&[(0, 61)], &[(30, 90)]), 0);
        assert_eq!(lost(&[(0, 61)], &[(31, 90)]), 1);
        assert_eq!(lost(&[(0, 61)], &[]), 1);
        assert_eq!(lost(&[(0, 60)], &[]), 0, "60 s are not over a minute");
        assert_eq!(lost(&[(100, 161)], &[(0, 120)]), 0, "in alarm already");
        assert_eq!(lost(&[(100, 161)], &[(0, 99), (140, 150)]), 1);
        assert_eq!(lost(&[(0, 90), (100, 190)], &[(10, 95)]), 1, "each for itself");
    }

    #[test]
    fn the_third_within_a_minute_chatters() {
        let chattered = |seconds: &[i64]| {
            let mut score = Score::default();
            seconds.iter().for_each(|second| score.raise(at(*second)));
            score.chattered
        };
        assert_eq!(chattered(&[0, 30, 60]), 1);
        assert_eq!(chattered(&[0, 30, 61]), 0);
        assert_eq!(chattered(&[0, 30, 60, 90]), 2);
    }

    #[test]
    fn the_end_closes_what_is_open() {
        let mut scores = Scores::new(2);
        scores.raised(0, at(0));
        scores.raised(1, at(10));
        scores.end(at(100));
        assert_eq!((scores.plain().in_alarm, scores.variant(0).in_alarm), (Span::from_secs(100), Span::from_secs(90)));
        assert_eq!((scores.variant(0).lost, scores.variant(1).lost), (0, 1));
    }
}
