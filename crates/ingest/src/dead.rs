//! Dead letters, rate-limited: so many at once per gateway and reason, so many a second, the rest counted into the next one.

use std::collections::BTreeMap;

use model::{Span, Time};
use wire::DeadLetter;

use crate::json::cut;

/// How much of a payload is kept.
pub(crate) const KEPT_BYTES: usize = 64 * 1024;
/// Letters of one gateway and reason at once, and then one a `REFILL`.
const BURST: u32 = 10;
const REFILL: Span = Span::from_secs(1);
/// Letters of all gateways at once, and a second.
const BURST_TOTAL: u32 = 200;
const REFILL_TOTAL: Span = Span::from_millis(100);
/// Pairs told apart. Names of unknown gateways are chosen by whoever may publish, so what is beyond goes to one `*`.
const MAX_PAIRS: usize = 1_000;
const OTHERS: &str = "*";

#[derive(Clone, Copy, Debug)]
struct Bucket {
    tokens: u32,
    filled: Time,
}

impl Bucket {
    fn full(tokens: u32, now: Time) -> Self {
        Self { tokens, filled: now }
    }

    fn refill(&mut self, burst: u32, every: Span, now: Time) {
        let due = now.since(self.filled).micros().max(0) / every.micros();
        self.filled = self.filled + Span::from_micros(due * every.micros());
        self.tokens = self.tokens.saturating_add(u32::try_from(due).unwrap_or(u32::MAX)).min(burst);
    }
}

#[derive(Debug)]
struct Pair {
    bucket: Bucket,
    /// Letters not written since the last one.
    withheld: u64,
    topic: String,
    detail: String,
}

/// What could not be read.
pub(crate) struct Refused<'a> {
    pub(crate) gateway: &'a str,
    pub(crate) topic: &'a str,
    /// A word of a closed set.
    pub(crate) reason: &'static str,
    pub(crate) detail: String,
    pub(crate) payload: &'a [u8],
}

/// Decides which dead letters are written.
#[derive(Debug)]
pub(crate) struct DeadLetters {
    pairs: BTreeMap<(String, &'static str), Pair>,
    total: Bucket,
    swept: Time,
}

impl DeadLetters {
    pub(crate) fn new(now: Time) -> Self {
        Self { pairs: BTreeMap::new(), total: Bucket::full(BURST_TOTAL, now), swept: Time::MIN }
    }

    /// The letter to write, if it is its turn.
    pub(crate) fn admit(&mut self, refused: Refused<'_>, now: Time) -> Option<DeadLetter> {
        let Refused { gateway, topic, reason, detail, payload } = refused;
        let key = self.key(gateway, reason, now);
        let pair = self.pairs.entry(key).or_insert_with(|| Pair {
            bucket: Bucket::full(BURST, now),
            withheld: 0,
            topic: String::new(),
            detail: String::new(),
        });
        pair.bucket.refill(BURST, REFILL, now);
        self.total.refill(BURST_TOTAL, REFILL_TOTAL, now);
        if pair.bucket.tokens == 0 || self.total.tokens == 0 {
            pair.withheld = pair.withheld.saturating_add(1);
            (pair.topic, pair.detail) = (cut(topic, 1_000), detail);
            return None;
        }
        pair.bucket.tokens -= 1;
        self.total.tokens -= 1;
        Some(DeadLetter {
            gateway: cut(gateway, 200),
            topic: cut(topic, 1_000),
            reason: (*reason).to_owned(),
            detail,
            payload: payload[..payload.len().min(KEPT_BYTES)].to_vec(),
            payload_bytes: payload.len() as u64,
            count: std::mem::take(&mut pair.withheld).saturating_add(1),
        })
    }

    /// Letters that stand for withheld ones whose flood has ended, without payload; all of them at the end.
    pub(crate) fn overdue(&mut self, now: Time, end: bool) -> Vec<DeadLetter> {
        let mut letters = Vec::new();
        for ((gateway, reason), pair) in self.pairs.iter_mut().filter(|(_, pair)| pair.withheld > 0) {
            pair.bucket.refill(BURST, REFILL, now);
            if pair.bucket.tokens == 0 && !end {
                continue;
            }
            pair.bucket.tokens = pair.bucket.tokens.saturating_sub(1);
            letters.push(DeadLetter {
                gateway: gateway.clone(),
                topic: std::mem::take(&mut pair.topic),
                reason: (*reason).to_owned(),
                detail: std::mem::take(&mut pair.detail),
                payload: Vec::new(),
                payload_bytes: 0,
                count: std::mem::take(&mut pair.withheld),
            });
        }
        letters
    }

    fn key(&mut self, gateway: &str, reason: &'static str, now: Time) -> (String, &'static str) {
        let key = (cut(gateway, 200), reason);
        if self.pairs.contains_key(&key) {
            return key;
        }
        // Forgets pairs that have been quiet, once a second at most: the table is walked.
        if self.pairs.len() >= MAX_PAIRS && now.since(self.swept) >= REFILL {
            self.swept = now;
            self.pairs.retain(|_, pair| {
                pair.bucket.refill(BURST, REFILL, now);
                pair.withheld > 0 || pair.bucket.tokens < BURST
            });
        }
        if self.pairs.len() < MAX_PAIRS { key } else { (OTHERS.to_owned(), reason) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Time = Time::from_micros(1_732_370_000_000_000);

    fn refused(gateway: &str) -> Refused<'_> {
        Refused { gateway, topic: "t", reason: "not_json", detail: "d".to_owned(), payload: b"x" }
    }

    #[test]
    fn a_burst_then_one_a_second_and_none_uncounted() {
        let mut dead = DeadLetters::new(NOW);
        let written = (0..100).filter_map(|_| dead.admit(refused("g"), NOW)).count();
        assert_eq!(written, 10);
        assert!(dead.admit(refused("g"), NOW + Span::from_millis(999)).is_none());
        let next = dead.admit(refused("g"), NOW + REFILL).expect("one a second");
        assert_eq!(next.count, 92, "90 at once, one just before, itself");
        assert!(dead.overdue(NOW + REFILL, false).is_empty(), "nothing is withheld");
    }

    #[test]
    fn what_a_flood_withheld_is_said_after_it() {
        let mut dead = DeadLetters::new(NOW);
        let written: u64 = (0..15).filter_map(|_| dead.admit(refused("g"), NOW)).map(|it| it.count).sum();
        assert!(dead.overdue(NOW, false).is_empty(), "not its turn yet");
        let overdue = dead.overdue(NOW + REFILL, false);
        assert_eq!((written, overdue.len(), overdue[0].count), (10, 1, 5));
        assert!(dead.overdue(NOW + REFILL, true).is_empty());
    }

    #[test]
    fn names_beyond_the_table_share_one_place() {
        let mut dead = DeadLetters::new(NOW);
        for n in 0..5_000 {
            dead.admit(refused(&format!("park/e/{n}")), NOW);
        }
        assert_eq!(dead.pairs.len(), MAX_PAIRS + 1);
        let other: u64 = dead.pairs.get(&(OTHERS.to_owned(), "not_json")).map_or(0, |it| it.withheld);
        assert_eq!(other, 4_000, "the total bucket was long empty");
        let later = NOW + Span::from_secs(60);
        let counted: u64 = dead.overdue(later, false).iter().map(|it| it.count).sum();
        assert_eq!(counted, 4_800, "and nothing is uncounted");
        dead.admit(refused("new"), later + Span::from_secs(60));
        assert!(dead.pairs.len() <= 2, "quiet pairs make room");
    }

    #[test]
    fn long_payloads_are_cut_and_measured() {
        let payload = vec![b'x'; 100_000];
        let letter = DeadLetters::new(NOW).admit(Refused { payload: &payload, ..refused("g") }, NOW).expect("first");
        assert_eq!((letter.payload.len(), letter.payload_bytes), (65_536, 100_000));
    }
}
