//! What is remembered of each gateway: deliveries taken, the next sequence number, totals, tags that no point claims.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use model::{GatewayPath, Partition, Span, Time, UnmappedTags};

use crate::redelivery::Remembered;
use crate::report::{Book, PossibleLoss};
use crate::round::Slot;

/// Tags that no point claims, told apart per gateway at most.
const MAX_TAGS: usize = 512;
/// How many of them one record lists.
const LISTED_TAGS: usize = 100;
/// After the first such tag, time for the rest to come before they are journaled; and from then on between two such records.
const FIRST_AFTER: Span = Span::from_secs(10);
const EVERY: Span = Span::from_secs(24 * 3_600);

/// Totals of a gateway since the start, as its receipt says them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Receipt {
    /// The newest sample's time, no later than journal time (traps 24).
    pub durable_time: Option<Time>,
    /// Sequence number of the last message that gave one.
    pub seq: Option<u64>,
    /// Messages taken.
    pub messages: u64,
    /// Messages something of which was refused.
    pub refused: u64,
    /// Sequence numbers that did not come.
    pub gaps: u64,
    /// Values whose tags no point claims.
    pub unmapped: u64,
}

impl Receipt {
    /// The payload on the receipt's topic.
    pub fn to_json(self) -> String {
        let mut text = String::new();
        let time = self.durable_time.map_or_else(|| "null".to_owned(), |time| time.micros().div_euclid(1_000).to_string());
        let seq = self.seq.map_or_else(|| "null".to_owned(), |seq| seq.to_string());
        let Self { messages, refused, gaps, unmapped, .. } = self;
        write!(
            text,
            "{{\"durable_ts\":{time},\"seq\":{seq},\"messages\":{messages},\"refused\":{refused},\"gaps\":{gaps},\"unmapped\":{unmapped}}}"
        )
        .expect("a String takes every write");
        text
    }

    /// The topic a gateway's receipt is published to.
    pub fn topic(gateway: &GatewayPath) -> String {
        format!("davy/v1/{gateway}/receipt")
    }
}

/// Everything remembered of one gateway.
#[derive(Debug)]
pub(crate) struct Gateway {
    pub(crate) path: GatewayPath,
    pub(crate) partition: Partition,
    pub(crate) remembered: Remembered,
    pub(crate) receipt: Receipt,
    pub(crate) book: Book,
    /// Its place among the gateways of the present batch.
    pub(crate) slot: Slot,
    next_seq: Option<u64>,
    unmapped: BTreeSet<String>,
    unmapped_due: Option<Time>,
}

impl Gateway {
    pub(crate) fn new(path: GatewayPath, partition: Partition) -> Self {
        Self {
            path,
            partition,
            remembered: Remembered::default(),
            receipt: Receipt::default(),
            book: Book::default(),
            slot: None,
            next_seq: None,
            unmapped: BTreeSet::new(),
            unmapped_due: None,
        }
    }

    /// Takes the next sequence number; says the gap before it: first missing number and how many. A smaller number is a restart
    /// of the gateway or a repeat, no gap.
    pub(crate) fn sequence(&mut self, seq: u64) -> Option<(u64, u64)> {
        let expected = self.next_seq.replace(seq.saturating_add(1))?;
        let missing = seq.checked_sub(expected).filter(|missing| *missing > 0)?;
        self.receipt.gaps = self.receipt.gaps.saturating_add(missing);
        self.book.gaps = self.receipt.gaps;
        Some((expected, missing))
    }

    /// Notes a gap of sequence numbers among the losses.
    pub(crate) fn note_sequence_loss(&mut self, (first, count): (u64, u64), points: usize, now: Time) {
        let reason = format!("sequence numbers {first} to {} did not come", first.saturating_add(count - 1));
        let points = u32::try_from(points).unwrap_or(u32::MAX);
        let from = self.book.last_message().unwrap_or(now);
        self.book.lost(PossibleLoss { from, to: now, reason, messages: Some(count), points });
    }

    /// The number an earlier run saw last.
    pub(crate) fn recall_sequence(&mut self, seq: u64) {
        self.next_seq = Some(seq.saturating_add(1));
    }

    /// Notes tags that no point claims.
    pub(crate) fn note_unmapped(&mut self, tags: impl IntoIterator<Item = String>, values: u64, now: Time) {
        self.receipt.unmapped += values;
        for tag in tags {
            if self.unmapped.len() < MAX_TAGS {
                self.unmapped.insert(tag);
            }
        }
        if values > 0 && self.unmapped_due.is_none() {
            self.unmapped_due = Some(now + FIRST_AFTER);
        }
    }

    /// The tags to journal, once a day.
    pub(crate) fn unmapped_now(&mut self, now: Time) -> Option<UnmappedTags> {
        if self.unmapped.is_empty() || self.unmapped_due.is_none_or(|due| now < due) {
            return None;
        }
        self.unmapped_due = Some(now + EVERY);
        let tags = std::mem::take(&mut self.unmapped);
        let more = u32::try_from(tags.len().saturating_sub(LISTED_TAGS)).unwrap_or(u32::MAX);
        Some(UnmappedTags { tags: tags.into_iter().take(LISTED_TAGS).collect(), more })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Time = Time::from_micros(1_732_370_000_000_000);

    fn gateway() -> Gateway {
        Gateway::new(GatewayPath::new("park/e01/gw1").expect("valid"), Partition(0))
    }

    #[test]
    fn a_jump_forward_is_a_gap_and_nothing_else_is() {
        let mut gateway = gateway();
        let gaps: Vec<_> = [17, 18, 20, 20, 21, 1, 2, 5, u64::MAX, u64::MAX].map(|seq| gateway.sequence(seq)).into();
        let some = [Some((19, 1)), Some((3, 2)), Some((6, u64::MAX - 6))];
        assert_eq!(gaps, [None, None, some[0], None, None, None, None, some[1], some[2], None]);
        assert_eq!(gateway.receipt.gaps, u64::MAX - 3);
    }

    #[test]
    fn unmapped_tags_are_listed_once_a_day() {
        let mut gateway = gateway();
        assert_eq!(gateway.unmapped_now(NOW), None);
        gateway.note_unmapped((0..600).map(|n| format!("T{n:04}")), 600, NOW);
        assert_eq!(gateway.unmapped_now(NOW + Span::from_secs(9)), None);
        let listed = gateway.unmapped_now(NOW + FIRST_AFTER).expect("due");
        assert_eq!((listed.tags.len(), listed.more, &*listed.tags[99]), (100, 412, "T0099"));
        gateway.note_unmapped(["late".to_owned()], 1, NOW + FIRST_AFTER);
        assert_eq!(gateway.unmapped_now(NOW + EVERY), None);
        let listed = gateway.unmapped_now(NOW + FIRST_AFTER + EVERY).expect("a day later");
        assert_eq!((listed.tags, listed.more), (vec!["late".to_owned()], 0));
        assert_eq!(gateway.unmapped_now(NOW + FIRST_AFTER + EVERY + EVERY), None, "nothing new");
        assert_eq!(gateway.receipt.unmapped, 601);
    }

    #[test]
    fn receipts_read_as_the_contract_says() {
        let mut receipt = Receipt::default();
        let json = receipt.to_json();
        assert_eq!(json, r#"{"durable_ts":null,"seq":null,"messages":0,"refused":0,"gaps":0,"unmapped":0}"#);
        receipt = Receipt { durable_time: Some(NOW), seq: Some(17), messages: 3, ..receipt };
        assert!(receipt.to_json().starts_with(r#"{"durable_ts":1732370000000,"seq":17,"messages":3,"#));
        assert_eq!(Receipt::topic(&gateway().path), "davy/v1/park/e01/gw1/receipt");
    }
}
