//! Chattering of one alarm: three activations or more within 60 s of its source's time (ISA-18.2-2016, 16.5).

use model::{Span, Time};

/// Three activations not farther apart than this chatter; so long without one ends it.
pub(crate) const CHATTER: Span = Span::from_secs(60);

/// How many activations chatter.
pub(crate) const ACTIVATIONS: u32 = 3;

/// A stretch of chattering.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Episode {
    /// The first of its activations.
    pub(crate) first: Time,
    /// The one that made three.
    pub(crate) trigger: Time,
}

/// What has to be known of an alarm's activations.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Chatter {
    /// The last two activations, the newer one last.
    pub(crate) recent: [Option<Time>; 2],
    /// The episode under way.
    pub(crate) episode: Option<Episode>,
}

impl Chatter {
    /// An activation; gives the episode that it begins.
    pub(crate) fn take(&mut self, at: Time) -> Option<Episode> {
        let [first, last] = self.recent;
        // Late data must not run backwards here.
        let at = last.map_or(at, |last| last.max(at));
        if last.is_some_and(|last| at.since(last) > CHATTER) {
            self.episode = None;
        }
        self.recent = [last, Some(at)];
        let first = first.filter(|first| at.since(*first) <= CHATTER)?;
        if self.episode.is_some() {
            return None;
        }
        self.episode = Some(Episode { first, trigger: at });
        self.episode
    }

    /// Whether an activation belongs to the episode under way.
    pub(crate) fn holds(&self, at: Time) -> bool {
        self.episode.is_some_and(|episode| episode.first <= at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn episodes(seconds: &[i64]) -> Vec<i64> {
        let mut chatter = Chatter::default();
        let at = |s: i64| Time::YEAR_2000 + Span::from_secs(s);
        seconds.iter().copied().filter(|s| chatter.take(at(*s)).is_some()).collect()
    }

    #[test]
    fn three_within_a_minute_chatter_and_a_second_more_does_not() {
        assert_eq!(episodes(&[0, 30, 60]), [60]);
        assert_eq!(episodes(&[0, 30, 61]), []);
        assert_eq!(episodes(&[0, 30, 61, 90]), [90], "30, 61, 90");
        assert_eq!(episodes(&[0, 0, 0]), [0]);
    }

    #[test]
    fn an_episode_is_one_until_a_minute_passes_without_an_activation() {
        assert_eq!(episodes(&[0, 1, 2, 3, 63, 123]), [2], "60 s apart goes on");
        assert_eq!(episodes(&[0, 1, 2, 63, 64, 65]), [2, 65], "61 s apart ends it");
        assert_eq!(episodes(&[0, 50, 60, 110, 170, 231, 232]), [60]);
    }

    #[test]
    fn time_does_not_run_backwards() {
        assert_eq!(episodes(&[100, 0, 0]), [0]);
    }
}
