//! Journal time: follows the monotonic clock, slews to the wall clock, jumps after it where it is more than a minute ahead, reports its
//! steps, and never goes back, not even over a restart.
//!
//! Why a jump: a machine without a clock of its own is set by days once it finds the network, and one that was suspended wakes an hour
//! behind. Slewed at 0.5 % every sample would seem to come from the future for hours or for ever, and be refused or judged at a wrong time.
//! No delay and no silence runs through a jump: ingest finds that nothing was journaled for so long and tells it as an outage of all sources
//! before anything else, and in an outage the clocks of points do not run with journal time. (An append that is on its way at that very
//! moment can still come first.)

use std::collections::VecDeque;
use std::fmt;
use std::sync::Arc;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use model::{Span, Time};
use parking_lot::Mutex;
use tokio::sync::Notify;

use crate::ClockStep;

/// Journal time gains or loses at most one part in this many on the monotonic clock: 5 ms a second. Ten seconds of delay are at most
/// 50 ms off while a step is made good.
const SLEW_DIVISOR: i64 = 200;
/// A wall clock that moves by more than this against the monotonic one was set.
const STEP: Span = Span::from_secs(1);
/// A wall clock that is further ahead than this is jumped to; nearer, or behind, it is slewed to. As much as a sample may be ahead before it
/// counts as wrong.
const JUMP: Span = Span::from_secs(60);
/// Steps kept for whoever asks; beyond it the oldest is dropped and logged.
const STEPS_KEPT: usize = 64;

/// The machine's clocks.
pub trait Clock: Send + Sync + fmt::Debug {
    /// What the wall clock shows; may be set, forward and back.
    fn wall(&self) -> Time;
    /// Time since some fixed instant; never goes back.
    fn monotonic(&self) -> Span;
}

/// The clocks of this machine.
#[derive(Debug)]
pub struct SystemClock {
    start: Instant,
}

impl Default for SystemClock {
    fn default() -> Self {
        Self { start: Instant::now() }
    }
}

impl Clock for SystemClock {
    fn wall(&self) -> Time {
        let micros = match SystemTime::now().duration_since(UNIX_EPOCH) {
            Ok(after) => i64::try_from(after.as_micros()).unwrap_or(i64::MAX),
            Err(before) => i64::try_from(before.duration().as_micros()).map_or(i64::MIN, |micros| -micros),
        };
        Time::from_micros(micros)
    }

    fn monotonic(&self) -> Span {
        Span::from_micros(i64::try_from(self.start.elapsed().as_micros()).unwrap_or(i64::MAX))
    }
}

#[derive(Debug)]
struct State {
    monotonic: i64,
    time: i64,
    /// Wall clock minus journal time when last seen.
    offset: i64,
    /// Elapsed time not yet turned into slew; frequent calls would otherwise round every slew down to nothing.
    credit: i64,
    steps: VecDeque<ClockStep>,
}

/// Journal time.
#[derive(Debug)]
pub(crate) struct JournalClock {
    source: Arc<dyn Clock>,
    state: Mutex<State>,
    stepped: Notify,
}

impl JournalClock {
    /// Starts at the wall clock, or at the last recorded journal time where that is later.
    pub(crate) fn new(source: Arc<dyn Clock>, last: Time) -> Self {
        let wall = source.wall().micros();
        let time = wall.max(last.micros());
        let state = State { monotonic: source.monotonic().micros(), time, offset: 0, credit: 0, steps: VecDeque::new() };
        let clock = Self { source, state: Mutex::new(state), stepped: Notify::new() };
        clock.now();
        clock
    }

    /// Journal time now.
    pub(crate) fn now(&self) -> Time {
        let mut state = self.state.lock();
        let wall = self.source.wall().micros();
        let monotonic = self.source.monotonic().micros().max(state.monotonic);
        let elapsed = monotonic.saturating_sub(state.monotonic);
        state.monotonic = monotonic;
        let plain = state.time.saturating_add(elapsed);
        let offset = wall.saturating_sub(plain);
        let stepped = offset.saturating_sub(state.offset).saturating_abs() > STEP.micros();
        if offset > JUMP.micros() {
            // Reported as seen before the jump: that is when, and by how much, the clocks differed.
            (state.time, state.offset) = (plain, offset);
            self.report(&mut state);
            (state.time, state.offset, state.credit) = (wall, 0, 0);
            return Time::from_micros(wall);
        }
        let credit = state.credit.saturating_add(elapsed);
        let most = credit / SLEW_DIVISOR;
        state.credit = credit % SLEW_DIVISOR;
        let slew = offset.clamp(-most, most);
        state.time = plain.saturating_add(slew).max(state.time);
        state.offset = offset.saturating_sub(slew);
        if stepped {
            self.report(&mut state);
        }
        Time::from_micros(state.time)
    }

    fn report(&self, state: &mut State) {
        let step = ClockStep { at: Time::from_micros(state.time), offset_us: state.offset };
        if state.steps.len() == STEPS_KEPT {
            state.steps.pop_front();
            tracing::warn!(kept = STEPS_KEPT, "clock step dropped, nobody asks for them");
        }
        state.steps.push_back(step);
        self.stepped.notify_one();
    }

    /// The next step that was not yet given out. Cancel-safe: a step is taken and returned without a wait in between.
    pub(crate) async fn step(&self) -> ClockStep {
        loop {
            if let Some(step) = self.state.lock().steps.pop_front() {
                return step;
            }
            self.stepped.notified().await;
        }
    }
}

/// A clock that only moves when told to.
#[cfg(test)]
#[derive(Debug)]
pub(crate) struct TestClock(Mutex<(i64, i64)>);

#[cfg(test)]
impl TestClock {
    pub(crate) fn at(wall: Time) -> Arc<Self> {
        Arc::new(Self(Mutex::new((wall.micros(), 0))))
    }

    pub(crate) fn pass(&self, span: Span) {
        let mut now = self.0.lock();
        *now = (now.0 + span.micros(), now.1 + span.micros());
    }

    pub(crate) fn set_wall(&self, wall: Time) {
        self.0.lock().0 = wall.micros();
    }
}

#[cfg(test)]
impl Clock for TestClock {
    fn wall(&self) -> Time {
        Time::from_micros(self.0.lock().0)
    }

    fn monotonic(&self) -> Span {
        Span::from_micros(self.0.lock().1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn steps(clock: &JournalClock) -> Vec<ClockStep> {
        clock.state.lock().steps.drain(..).collect()
    }

    #[test]
    fn follows_the_wall_without_steps() {
        let source = TestClock::at(Time::from_micros(1_000_000));
        let clock = JournalClock::new(source.clone(), Time::MIN);
        source.pass(Span::from_secs(5));
        assert_eq!(clock.now(), Time::from_micros(6_000_000));
        assert!(steps(&clock).is_empty());
    }

    #[test]
    fn a_step_is_reported_once_and_slewed_away() {
        let source = TestClock::at(Time::from_micros(0));
        let clock = JournalClock::new(source.clone(), Time::MIN);
        source.set_wall(Time::from_micros(2_000_000));
        clock.now();
        assert_eq!(steps(&clock), [ClockStep { at: Time::from_micros(0), offset_us: 2_000_000 }]);
        let mut before = clock.now();
        for _ in 0..500_000 {
            source.pass(Span::from_millis(1));
            let now = clock.now();
            assert!(now >= before + Span::from_micros(995) && now <= before + Span::from_micros(1_005), "the rate is bounded");
            before = now;
        }
        assert_eq!(clock.now(), source.wall(), "after 400 s the 2 s are made good");
        assert!(steps(&clock).is_empty(), "slewing is no step");
    }

    #[test]
    fn a_wall_clock_far_ahead_is_jumped_to_at_once_and_reported_once() {
        let start = Time::from_micros(1_000_000);
        for ahead in [Span::from_micros(60_000_001), Span::from_secs(3_600), Span::from_secs(20 * 365 * 86_400)] {
            let source = TestClock::at(start);
            let clock = JournalClock::new(source.clone(), Time::MIN);
            source.pass(Span::from_secs(2));
            let before = source.wall();
            source.set_wall(before + ahead);
            assert_eq!(clock.now(), before + ahead);
            source.pass(Span::from_secs(1));
            assert_eq!(clock.now(), source.wall(), "from there on it follows");
            assert_eq!(steps(&clock), [ClockStep { at: before, offset_us: ahead.micros() }]);
        }
    }

    #[test]
    fn exactly_a_minute_ahead_is_slewed_to() {
        let source = TestClock::at(Time::from_micros(0));
        let clock = JournalClock::new(source.clone(), Time::MIN);
        source.set_wall(Time::from_micros(60_000_000));
        assert_eq!(clock.now(), Time::from_micros(0));
        source.pass(Span::from_secs(1));
        assert_eq!(clock.now(), Time::from_micros(1_005_000));
        assert_eq!(steps(&clock), [ClockStep { at: Time::from_micros(0), offset_us: 60_000_000 }]);
    }

    #[test]
    fn steps_that_come_to_more_than_a_minute_end_in_a_jump() {
        let source = TestClock::at(Time::from_micros(0));
        let clock = JournalClock::new(source.clone(), Time::MIN);
        for offset_us in [40_000_000, 70_000_000] {
            source.set_wall(Time::from_micros(offset_us));
            clock.now();
            assert_eq!(steps(&clock), [ClockStep { at: Time::from_micros(0), offset_us }]);
        }
        assert_eq!(clock.now(), Time::from_micros(70_000_000));
        assert!(steps(&clock).is_empty());
    }

    #[test]
    fn a_clock_set_far_back_is_slewed_to_and_never_turns_time_back() {
        let source = TestClock::at(Time::from_micros(0));
        let clock = JournalClock::new(source.clone(), Time::MIN);
        source.set_wall(Time::from_micros(86_400_000_000));
        assert_eq!(clock.now(), source.wall());
        source.set_wall(Time::from_micros(0));
        assert_eq!(clock.now(), Time::from_micros(86_400_000_000));
        source.pass(Span::from_secs(1));
        assert_eq!(clock.now(), Time::from_micros(86_400_995_000));
        let offsets: Vec<i64> = steps(&clock).iter().map(|step| step.offset_us).collect();
        assert_eq!(offsets, [86_400_000_000, -86_400_000_000]);
        source.set_wall(Time::from_micros(86_400_000_000 + 62_000_000));
        assert_eq!(clock.now(), source.wall(), "ahead again");
    }

    #[test]
    fn a_step_of_exactly_the_bound_is_none() {
        let source = TestClock::at(Time::from_micros(0));
        let clock = JournalClock::new(source.clone(), Time::MIN);
        source.set_wall(Time::from_micros(1_000_000));
        clock.now();
        assert!(steps(&clock).is_empty());
    }

    #[test]
    fn a_wall_clock_set_back_over_a_restart_does_not_turn_time_back() {
        let source = TestClock::at(Time::from_micros(10_000_000));
        let clock = JournalClock::new(source.clone(), Time::from_micros(60_000_000));
        assert_eq!(clock.now(), Time::from_micros(60_000_000));
        assert_eq!(steps(&clock), [ClockStep { at: Time::from_micros(60_000_000), offset_us: -50_000_000 }]);
        source.pass(Span::from_secs(1));
        assert_eq!(clock.now(), Time::from_micros(60_995_000), "slower, never back");
    }
}
