//! What follows an attempt: delivered, again at a time, gone, or given up, by the codes and the schedule of Standard Webhooks 1.0.0.
//!
//! Its second delay is five minutes; an alarm cannot wait so long for a receiver that was away for ten seconds, so three more attempts come
//! within the first minute.
//!
//! Limits: thirteen attempts over three days; a receiver that asks for more time gets a day at most.

use model::{Span, Time};

/// From a failed attempt to the next one.
pub const DELAYS: [Span; 12] = [
    Span::from_secs(5),
    Span::from_secs(10),
    Span::from_secs(15),
    Span::from_secs(25),
    Span::from_secs(5 * 60),
    Span::from_secs(30 * 60),
    Span::from_secs(2 * 3_600),
    Span::from_secs(5 * 3_600),
    Span::from_secs(10 * 3_600),
    Span::from_secs(14 * 3_600),
    Span::from_secs(20 * 3_600),
    Span::from_secs(24 * 3_600),
];

/// The longest time that a receiver may ask for.
pub const RETRY_AFTER_MAX: Span = Span::from_secs(24 * 3_600);

/// An attempt without an answer for so long has failed.
pub const ANSWER_WITHIN: Span = Span::from_secs(20);

/// A delay is lengthened by up to a tenth, so that what failed together is not tried together.
const JITTER_SHARE: i64 = 10;

/// How an attempt ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// With a status of HTTP, and what its `Retry-After` asks for.
    Status {
        /// The status.
        status: u16,
        /// How long to wait, if it said so.
        retry_after: Option<Span>,
    },
    /// With none: no connection, a broken one, or too late.
    None,
}

/// What follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// It was taken: 2xx.
    Delivered,
    /// Try again.
    Again {
        /// When.
        at: Time,
        /// The receiver has too much to do: other messages to it should wait too.
        slow_down: bool,
    },
    /// 410: the receiver wants no more, of this or any message.
    Gone,
    /// All attempts failed: tell a person, and switch the endpoint off.
    GivenUp,
}

/// What follows an attempt that ended at a time. `attempts` counts it, from 1; `chance` is any random number.
pub fn next(answer: Answer, attempts: u32, at: Time, chance: u16) -> Next {
    let (status, asked) = match answer {
        Answer::Status { status, retry_after } => (status, retry_after),
        Answer::None => (0, None),
    };
    match status {
        200..=299 => return Next::Delivered,
        410 => return Next::Gone,
        _ => {}
    }
    let index = usize::try_from(attempts.saturating_sub(1)).unwrap_or(usize::MAX);
    let Some(delay) = DELAYS.get(index) else { return Next::GivenUp };
    let jitter = delay.micros() / JITTER_SHARE * i64::from(chance) / i64::from(u16::MAX);
    let delay = Span::from_micros(delay.micros() + jitter);
    let delay = asked.map_or(delay, |asked| delay.max(asked.min(RETRY_AFTER_MAX)));
    Next::Again { at: at + delay, slow_down: asked.is_some() || matches!(status, 429 | 502 | 503 | 504) }
}

/// What a `Retry-After` asks for, where it is a number of seconds. A date is not read: it would need the receiver's clock.
pub fn retry_after(header: &str) -> Option<Span> {
    let digits = header.trim();
    let plain = !digits.is_empty() && digits.bytes().all(|it| it.is_ascii_digit());
    plain.then(|| digits.parse().map_or(RETRY_AFTER_MAX, |seconds| Span::from_secs(seconds).min(RETRY_AFTER_MAX)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const AT: Time = Time::YEAR_2000;

    fn status(status: u16) -> Answer {
        Answer::Status { status, retry_after: None }
    }

    fn seconds(next: Next) -> i64 {
        let Next::Again { at, .. } = next else { panic!("{next:?}") };
        at.since(AT).micros() / 1_000_000
    }

    #[test]
    fn the_schedule_is_that_of_the_specification_after_a_first_minute_of_its_own() {
        let mut since_start = Vec::new();
        let mut at = AT;
        for attempts in 1.. {
            let Next::Again { at: again, .. } = next(Answer::None, attempts, at, 0) else { break };
            at = again;
            since_start.push(at.since(AT).micros() / 1_000_000);
        }
        let later = [(0, 5), (0, 35), (2, 35), (7, 35), (17, 35), (31, 35), (51, 35), (75, 35)];
        let later = later.map(|(hours, minutes)| (hours * 60 + minutes) * 60 + 55);
        let wanted: Vec<i64> = [5, 15, 30, 55].into_iter().chain(later).collect();
        assert_eq!(since_start, wanted);
        assert_eq!(next(Answer::None, 13, AT, 0), Next::GivenUp);
        assert_eq!(next(Answer::None, u32::MAX, AT, 0), Next::GivenUp);
        assert_eq!(seconds(next(Answer::None, 0, AT, 0)), 5, "a count from 0 is no reason to give up");
    }

    #[test]
    fn codes_are_told_apart() {
        for (code, wanted) in [(200, Next::Delivered), (204, Next::Delivered), (299, Next::Delivered), (410, Next::Gone)] {
            assert_eq!(next(status(code), 3, AT, 0), wanted, "{code}");
        }
        for (code, slow_down) in
            [(199, false), (301, false), (404, false), (500, false), (429, true), (502, true), (503, true), (504, true)]
        {
            let again = next(status(code), 1, AT, 0);
            assert_eq!(again, Next::Again { at: AT + DELAYS[0], slow_down }, "{code}");
        }
        assert_eq!(next(status(200), 13, AT, 0), Next::Delivered, "the last attempt counts");
    }

    #[test]
    fn a_receiver_may_ask_for_time_but_not_for_ever() {
        let asks = |asked| next(Answer::Status { status: 503, retry_after: Some(Span::from_secs(asked)) }, 1, AT, 0);
        assert_eq!((seconds(asks(1)), seconds(asks(120)), seconds(asks(i64::MAX))), (5, 120, 86_400));
        for (header, wanted) in
            [("120", Some(120)), (" 0 ", Some(0)), ("99999999999999999999", Some(86_400)), ("-1", None), ("", None)]
        {
            assert_eq!(retry_after(header), wanted.map(Span::from_secs), "{header}");
        }
        assert_eq!(retry_after("Sun, 29 Nov 2026 00:36:00 GMT"), None);
    }

    proptest! {
        #[test]
        fn chance_lengthens_by_a_tenth_at_most(attempts in 1..13_u32, chance: u16) {
            let span = |chance| seconds(next(Answer::None, attempts, AT, chance));
            let (least, most) = (span(0), span(u16::MAX));
            prop_assert!((least..=most).contains(&span(chance)));
            prop_assert!(most - least <= least / 10 + 1);
        }
    }
}
