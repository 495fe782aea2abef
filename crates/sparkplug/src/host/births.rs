//! The births of one node, as far as they show that two nodes speak under its id (traps 15).
//!
//! Limits: the newest `NOTED_MAX` births are noted.

use std::collections::VecDeque;

use model::{Span, Time};

const NOTED_MAX: usize = 16;
/// Births within this time belong together.
const WINDOW: Span = Span::from_secs(60);
/// More births than these within the time are no node's that is well.
const OFTEN: usize = 10;
/// Without a sign for this long there is one node again.
const FORGOTTEN_AFTER: Span = Span::from_secs(600);

#[derive(Clone, Debug, Default)]
pub(super) struct Births {
    newest: VecDeque<(Time, Option<u64>)>,
    duplicate_at: Option<Time>,
}

impl Births {
    /// Notes a birth; what it shows, if it shows two nodes.
    pub(super) fn note(&mut self, now: Time, bd_seq: Option<u64>) -> Option<String> {
        self.newest.retain(|(at, _)| now.since(*at) < WINDOW);
        if self.newest.len() >= NOTED_MAX {
            self.newest.pop_front();
        }
        self.newest.push_back((now, bd_seq));
        let shown = self.shown();
        if shown.is_some() {
            self.duplicate_at = Some(now);
        }
        shown
    }

    /// One node again, when nothing was seen of two for long.
    pub(super) fn forget(&mut self, now: Time) {
        self.duplicate_at = self.duplicate_at.filter(|at| now.since(*at) < FORGOTTEN_AFTER);
    }

    /// Two nodes seem to speak under one id.
    pub(super) const fn duplicate(&self) -> bool {
        self.duplicate_at.is_some()
    }

    fn shown(&self) -> Option<String> {
        let mut newest = self.newest.iter().rev().map(|(_, bd_seq)| *bd_seq);
        if let (Some(Some(d)), Some(Some(c)), Some(Some(b)), Some(Some(a))) =
            (newest.next(), newest.next(), newest.next(), newest.next())
            && (a, b) == (c, d)
            && a != b
        {
            return Some(format!(
                "births with bdSeq {c} and {d} by turns: two publishers share this edge node id; give each one of its own"
            ));
        }
        let births = self.newest.len();
        (births > OFTEN).then(|| {
            format!("{births} births within a minute: two publishers share this edge node id, or its connection does not hold")
        })
    }
}
