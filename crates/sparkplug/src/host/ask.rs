//! Rebirth requests: what one node may be asked, and how many all nodes together (traps 15).

use std::collections::{BTreeMap, VecDeque};

use model::{Span, Time};

use super::config::HostConfig;
use crate::topic::NodeId;

/// The cause of a request to a node that goes on after births that may be out of date.
pub(super) const RESUME: &str = "resume";
/// The cause of a request to a node that says nothing by itself.
pub(super) const SILENT: &str = "silent";
/// After this long without a request the next counts as the first.
const FORGOTTEN_AFTER: Span = Span::from_secs(1_800);
/// In this part of `catch_up_within` all known nodes can be asked: the rest is for what comes before and after.
const NODES_PER_RATE: u64 = 240;

/// A generator of jitter: splitmix64.
#[derive(Clone, Debug)]
pub(super) struct Jitter(pub(super) u64);

impl Jitter {
    /// Something from zero to the span.
    pub(super) fn within(&mut self, span: Span) -> Span {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^= mixed >> 31;
        let range = u64::try_from(span.micros()).unwrap_or(0).saturating_add(1);
        Span::from_micros(i64::try_from(mixed % range).expect("below the span, which is an i64"))
    }
}

/// What one node has been asked, and is to be asked.
#[derive(Clone, Debug, Default)]
pub(super) struct Ask {
    /// Why, and not before when; at most one at a time.
    wanted: Option<(&'static str, Time)>,
    /// It stands in the queue of the bucket.
    queued: bool,
    /// Requests that changed nothing; those for silence do not count, they are no doubt of the sequence.
    attempts: u32,
    pub(super) last: Option<Time>,
    /// Why it was last asked.
    pub(super) last_cause: Option<&'static str>,
    next: Option<Time>,
    pub(super) by_cause: BTreeMap<&'static str, u64>,
}

impl Ask {
    /// Wants a request; false where the node has been asked often enough and never cured.
    pub(super) fn want(&mut self, cause: &'static str, now: Time, config: &HostConfig) -> bool {
        if self.wanted.is_some() {
            return true;
        }
        if self.last.is_some_and(|last| now.since(last) > FORGOTTEN_AFTER) {
            self.attempts = 0;
        }
        let next = self.next.unwrap_or(now);
        if self.attempts >= config.rebirth_attempts {
            // The last request has its time to be answered, too.
            return now < next;
        }
        self.wanted = Some((cause, next.max(now + config.reorder_wait)));
        true
    }

    /// Wants a request at a time of the caller's choice, however often it was asked: the time between two requests is kept.
    pub(super) fn want_at(&mut self, cause: &'static str, at: Time) {
        if self.wanted.is_none() {
            self.wanted = Some((cause, self.next.map_or(at, |next| next.max(at))));
        }
    }

    /// The reason is gone.
    pub(super) const fn forget(&mut self) {
        self.wanted = None;
    }

    /// Nothing was at fault for long: the next trouble starts anew.
    pub(super) const fn cured(&mut self) {
        self.attempts = 0;
    }

    /// The reason is gone, if it was this one.
    pub(super) fn forget_if(&mut self, cause: &'static str) {
        if self.wanted.is_some_and(|(wanted, _)| wanted == cause) {
            self.wanted = None;
        }
    }

    pub(super) fn deadline(&self) -> Option<Time> {
        self.wanted.filter(|_| !self.queued).map(|(_, at)| at)
    }

    /// Whether it has to be put in the queue now.
    pub(super) fn enqueue(&mut self, now: Time) -> bool {
        let due = self.deadline().is_some_and(|at| at <= now);
        self.queued |= due;
        due
    }

    /// Why it is to be asked now, if there still is a reason.
    pub(super) fn cause(&self, now: Time) -> Option<&'static str> {
        self.wanted.filter(|(_, at)| *at <= now).map(|(cause, _)| cause)
    }

    /// Its turn in the queue has come; what became wanted for later while it stood there stays so.
    pub(super) fn turn(&mut self, now: Time) {
        self.queued = false;
        self.wanted = self.wanted.filter(|(_, at)| *at > now);
    }

    /// It is asked.
    pub(super) fn asked(&mut self, cause: &'static str, now: Time, config: &HostConfig, jitter: &mut Jitter) {
        let doubled = config.rebirth_min_interval.micros().saturating_mul(1 << self.attempts.min(20));
        let interval = Span::from_micros(doubled.min(config.rebirth_max_interval.micros()));
        self.attempts += u32::from(cause != SILENT);
        (self.last, self.last_cause) = (Some(now), Some(cause));
        self.next = Some(now + interval + jitter.within(Span::from_micros(interval.micros() / 4)));
        *self.by_cause.entry(cause).or_default() += 1;
    }
}

/// The token bucket of all requests, and who waits for one. Each node stands in the queue at most once.
#[derive(Clone, Debug)]
pub(super) struct Bucket {
    /// Millionths of a request.
    tokens: i128,
    at: Option<Time>,
    pub(super) queue: VecDeque<NodeId>,
}

const REQUEST: i128 = 1_000_000;

impl Bucket {
    pub(super) const fn new() -> Self {
        Self { tokens: 0, at: None, queue: VecDeque::new() }
    }

    /// Requests a second: enough for all nodes in four of the five minutes.
    pub(super) fn rate(config: &HostConfig, nodes: usize) -> u64 {
        let seconds = u64::try_from(config.catch_up_within.micros() / 1_000_000).unwrap_or(0) * NODES_PER_RATE / 300;
        u64::from(config.bucket_per_s.max(1)).max((nodes as u64).div_ceil(seconds.max(1)))
    }

    /// Takes one request if there is one.
    pub(super) fn take(&mut self, now: Time, config: &HostConfig, nodes: usize) -> bool {
        let full = i128::from(config.bucket_burst.max(1)) * REQUEST;
        let passed = self.at.map_or(i64::MAX, |at| now.since(at).micros().max(0));
        self.tokens = (self.tokens + i128::from(passed) * i128::from(Self::rate(config, nodes))).min(full);
        // A clock that goes back gives nothing twice.
        self.at = Some(self.at.map_or(now, |at| at.max(now)));
        let granted = self.tokens >= REQUEST;
        if granted {
            self.tokens -= REQUEST;
        }
        granted
    }

    /// When the next in the queue may be asked.
    pub(super) fn deadline(&self, config: &HostConfig, nodes: usize) -> Option<Time> {
        let at = self.at.filter(|_| !self.queue.is_empty())?;
        let rate = i128::from(Self::rate(config, nodes));
        let wait = ((REQUEST - self.tokens).max(0) + rate - 1) / rate;
        Some(at + Span::from_micros(i64::try_from(wait).unwrap_or(i64::MAX)))
    }
}
