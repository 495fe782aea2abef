//! What a webhook has read and its receiver has not yet taken: which event is next, and how far everything is settled. Pure.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use cloudevents::{Answer, Next, next};
use model::Time;
use wire::Cursor;

/// Events read since the first that is not settled.
pub(super) const WINDOW_MAX: usize = 10_000;

/// Events not yet settled, which hold their bodies: 16 MB at most.
pub(super) const WAITING_MAX: usize = 256;

/// Attempts of an event that the receiver itself calls wrong; more will not mend it, and events of its subject wait.
const REFUSALS_MAX: u32 = 3;

/// An event on its way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Message {
    pub(super) id: String,
    pub(super) kind: String,
    pub(super) subject: String,
    pub(super) body: Arc<str>,
}

/// What became of an attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// Taken.
    Delivered,
    /// Tried again later.
    Again,
    /// Never to be tried again; why, for the dead letter.
    GivenUp(&'static str, Message),
}

struct Waiting {
    message: Message,
    attempts: u32,
    not_before: Time,
    in_flight: bool,
}

/// Events in the order of the journal, by a number of their own.
#[derive(Default)]
pub(super) struct Window {
    /// Cursors of all since the first that is not settled, and whether they are.
    read: VecDeque<(Cursor, bool)>,
    /// The number of the first of these.
    first: u64,
    waiting: BTreeMap<u64, Waiting>,
    /// Numbers of waiting events, by subject: the first of each may be tried.
    lanes: BTreeMap<String, VecDeque<u64>>,
    /// Up to here all is settled and not yet told.
    settled: Option<Cursor>,
    /// The receiver wants to be left alone until then.
    quiet_until: Option<Time>,
}

impl Window {
    /// Whether another event may be read.
    pub(super) fn has_room(&self) -> bool {
        self.read.len() < WINDOW_MAX && self.waiting.len() < WAITING_MAX
    }

    /// Takes the next event; `None` for what is not to be sent but was read.
    pub(super) fn push(&mut self, cursor: Cursor, message: Option<Message>) {
        let number = self.first + self.read.len() as u64;
        self.read.push_back((cursor, message.is_none()));
        if let Some(message) = message {
            self.lanes.entry(message.subject.clone()).or_default().push_back(number);
            self.waiting.insert(number, Waiting { message, attempts: 0, not_before: Time::MIN, in_flight: false });
        }
        self.advance();
    }

    /// Whether an event waits that was tried and not taken.
    pub(super) fn is_failing(&self) -> bool {
        self.waiting.values().any(|it| it.attempts > 0)
    }

    /// The event to try next, which is then under way: the earliest that is the first of its subject and due.
    pub(super) fn start(&mut self, now: Time) -> Option<(u64, Message)> {
        if self.quiet_until.is_some_and(|until| now < until) {
            return None;
        }
        let due = |number: &u64| self.waiting.get(number).is_some_and(|it| !it.in_flight && it.not_before <= now);
        let number = self.lanes.values().filter_map(|lane| lane.front().copied()).filter(due).min()?;
        let waiting = self.waiting.get_mut(&number)?;
        waiting.in_flight = true;
        Some((number, waiting.message.clone()))
    }

    /// When something may be tried that may not yet.
    pub(super) fn next_due(&self) -> Option<Time> {
        let firsts = self.lanes.values().filter_map(|lane| self.waiting.get(lane.front()?));
        let due = firsts.filter(|it| !it.in_flight).map(|it| it.not_before).min()?;
        Some(self.quiet_until.map_or(due, |until| due.max(until)))
    }

    /// Notes how an attempt ended at a time; `chance` spreads the next one.
    pub(super) fn ended(&mut self, number: u64, answer: Answer, at: Time, chance: u16) -> Outcome {
        let Some(waiting) = self.waiting.get_mut(&number) else { return Outcome::Again };
        waiting.in_flight = false;
        waiting.attempts += 1;
        let refused = matches!(answer, Answer::Status { status: 400 | 413 | 415 | 422, .. });
        match next(answer, waiting.attempts, at, chance) {
            Next::Delivered => {
                self.settle(number);
                Outcome::Delivered
            }
            Next::Again { .. } if refused && waiting.attempts >= REFUSALS_MAX => self.give_up(number, "webhook_refused"),
            Next::Again { at, slow_down } => {
                waiting.not_before = at;
                if slow_down {
                    self.quiet_until = Some(at);
                }
                Outcome::Again
            }
            Next::Gone => self.give_up(number, "webhook_gone"),
            Next::GivenUp => self.give_up(number, "webhook_given_up"),
        }
    }

    /// The dead letter has to be durable before the event is settled; see `put_aside`.
    fn give_up(&mut self, number: u64, why: &'static str) -> Outcome {
        let Some(waiting) = self.waiting.get_mut(&number) else { return Outcome::Again };
        waiting.in_flight = true;
        Outcome::GivenUp(why, waiting.message.clone())
    }

    /// An event that was given up is kept elsewhere.
    pub(super) fn put_aside(&mut self, number: u64) {
        self.settle(number);
    }

    fn settle(&mut self, number: u64) {
        let Some(waiting) = self.waiting.remove(&number) else { return };
        if let Some(lane) = self.lanes.get_mut(&waiting.message.subject) {
            lane.pop_front();
            if lane.is_empty() {
                self.lanes.remove(&waiting.message.subject);
            }
        }
        let index = usize::try_from(number - self.first).expect("a number of the window");
        self.read[index].1 = true;
        self.advance();
    }

    fn advance(&mut self) {
        while let Some((cursor, true)) = self.read.front() {
            self.settled = Some(*cursor);
            self.read.pop_front();
            self.first += 1;
        }
    }

    /// How far everything is settled, where that has changed.
    pub(super) fn take_settled(&mut self) -> Option<Cursor> {
        self.settled.take()
    }
}

#[cfg(test)]
mod tests {
    use model::{Epoch, Position, Span};

    use super::*;

    const AT: Time = Time::YEAR_2000;

    fn message(id: u64, subject: &str) -> Message {
        Message { id: id.to_string(), kind: "alarm.raised".to_owned(), subject: subject.to_owned(), body: Arc::from("{}") }
    }

    fn cursor(position: u64) -> Cursor {
        Cursor::after(Epoch(1), Position(position))
    }

    fn window(subjects: &[&str]) -> Window {
        let mut window = Window::default();
        for (n, subject) in (1..).zip(subjects) {
            window.push(cursor(n), Some(message(n, subject)));
        }
        window
    }

    fn status(status: u16) -> Answer {
        Answer::Status { status, retry_after: None }
    }

    fn after(seconds: i64) -> Time {
        AT + Span::from_secs(seconds)
    }

    fn started(window: &mut Window, now: Time) -> Vec<String> {
        std::iter::from_fn(|| window.start(now)).map(|(_, message)| message.id).collect()
    }

    #[test]
    fn one_of_each_subject_is_under_way() {
        let mut window = window(&["a", "a", "b", "c", "b"]);
        assert_eq!(started(&mut window, AT), ["1", "3", "4"]);
        assert_eq!(window.ended(2, status(200), AT, 0), Outcome::Delivered);
        assert_eq!(started(&mut window, AT), ["5"]);
        assert_eq!(window.take_settled(), None, "the first is still under way");
        window.ended(0, status(204), AT, 0);
        assert_eq!(window.take_settled(), Some(cursor(1)));
        assert_eq!(window.take_settled(), None, "told once");
        assert_eq!(started(&mut window, AT), ["2"]);
        for number in [1, 3, 4] {
            window.ended(number, status(200), AT, 0);
        }
        assert_eq!((window.take_settled(), window.waiting.len()), (Some(cursor(5)), 0));
    }

    #[test]
    fn a_subject_waits_for_its_first_and_others_do_not() {
        let mut window = window(&["a", "a", "b"]);
        started(&mut window, AT);
        assert_eq!(window.ended(0, status(500), AT, 0), Outcome::Again);
        window.ended(2, status(200), AT, 0);
        assert_eq!((started(&mut window, after(4)), window.next_due()), (Vec::new(), Some(after(5))));
        assert_eq!(started(&mut window, after(5)), ["1"]);
        window.ended(0, status(200), after(5), 0);
        assert_eq!((started(&mut window, after(5)), window.take_settled()), (vec!["2".to_owned()], Some(cursor(1))));
    }

    #[test]
    fn a_receiver_that_has_too_much_to_do_is_left_alone() {
        let mut window = window(&["a", "b"]);
        let (first, _) = window.start(AT).unwrap();
        window.ended(first, Answer::Status { status: 503, retry_after: Some(Span::from_secs(60)) }, AT, 0);
        assert_eq!((started(&mut window, after(59)), window.next_due()), (Vec::new(), Some(after(60))));
        assert_eq!(started(&mut window, after(60)), ["1", "2"]);
    }

    #[test]
    fn what_the_receiver_calls_wrong_three_times_is_put_aside() {
        let mut window = window(&["a", "a"]);
        let mut at = AT;
        for attempt in 1..=3 {
            assert_eq!(started(&mut window, at), ["1"], "attempt {attempt}");
            let outcome = window.ended(0, status(422), at, 0);
            if attempt < 3 {
                assert_eq!(outcome, Outcome::Again);
                at = window.next_due().unwrap();
            } else {
                assert_eq!(outcome, Outcome::GivenUp("webhook_refused", message(1, "a")));
            }
        }
        assert!(
            started(&mut window, after(1_000_000)).is_empty() && window.take_settled().is_none(),
            "not before it is kept elsewhere"
        );
        window.put_aside(0);
        assert_eq!((window.take_settled(), started(&mut window, at)), (Some(cursor(1)), vec!["2".to_owned()]));
    }

    #[test]
    fn it_fails_until_the_last_that_was_tried_in_vain_is_taken() {
        let mut window = window(&["a", "b"]);
        assert_eq!(started(&mut window, AT), ["1", "2"]);
        assert!(!window.is_failing(), "nothing has come back");
        window.ended(0, status(500), AT, 0);
        window.ended(1, status(200), AT, 0);
        assert!(window.is_failing(), "the other subject waits");
        assert_eq!(started(&mut window, after(60)), ["1"]);
        window.ended(0, status(204), after(60), 0);
        assert!(!window.is_failing());
    }

    #[test]
    fn thirteen_attempts_without_an_answer_are_enough_and_gone_is_gone() {
        let mut window = window(&["a", "b"]);
        let mut at = AT;
        for attempt in 1..=13 {
            window.start(at).unwrap();
            let outcome = window.ended(0, Answer::None, at, 0);
            assert_eq!(outcome == Outcome::Again, attempt < 13, "{attempt}");
            if attempt == 1 {
                let (gone, _) = window.start(at).unwrap();
                assert!(matches!(window.ended(gone, status(410), at, 0), Outcome::GivenUp("webhook_gone", _)));
                window.put_aside(gone);
            }
            at = window.next_due().unwrap_or(at);
        }
    }

    #[test]
    fn both_bounds_hold() {
        let mut window = Window::default();
        for n in 0..WAITING_MAX as u64 {
            assert!(window.has_room());
            window.push(cursor(n), Some(message(n, "a")));
        }
        assert!(!window.has_room());
        let mut window = window_of_settled();
        assert!(!window.has_room(), "behind the one that waits");
        window.start(AT).unwrap();
        window.ended(0, status(200), AT, 0);
        assert!(window.has_room());
        assert_eq!(window.take_settled(), Some(cursor(WINDOW_MAX as u64 - 1)));
    }

    fn window_of_settled() -> Window {
        let mut window = Window::default();
        window.push(cursor(0), Some(message(0, "a")));
        for n in 1..WINDOW_MAX as u64 {
            window.push(cursor(n), None);
        }
        window
    }
}
