//! How a gateway is doing: what is counted and remembered of each, for whoever asks.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use model::{EnterpriseId, Protocol, Span, Time};

/// Seconds over which the rate is taken.
const RATE_SECONDS: usize = 60;
/// Live messages from which the offset of a gateway's clock is told.
const CLOCK_MESSAGES: usize = 61;
/// Losses remembered of one gateway, the newest.
const MAX_LOSSES: usize = 16;
/// Tags that no point claims, remembered of one gateway.
const MAX_TAGS: usize = 512;
/// Characters kept of such a tag's last value, and of its unit.
const MAX_VALUE_CHARS: usize = 80;
/// Causes of rebirth requests told apart of one gateway.
const MAX_KINDS: usize = 32;
/// Gateways that are not in the site, remembered together; beyond it the one that was silent longest gives way.
pub(crate) const MAX_STRANGERS: usize = 256;

/// How one gateway is doing since the start of this run.
#[derive(Clone, Debug, PartialEq)]
pub struct GatewayReport {
    /// How it speaks.
    pub protocol: Protocol,
    /// `park/enterprise/gateway`, or `group/node` with all its devices; verbatim, for one outside the site may have any name.
    pub path: String,
    /// Whether a point of the site names it.
    pub known: bool,
    /// Whose it is, where it is known.
    pub enterprise: Option<EnterpriseId>,
    /// Whether it is connected, where its own link is known: not for plain JSON.
    pub connected: Option<bool>,
    /// Since when it is connected or not, journal time.
    pub connected_since: Option<Time>,
    /// When its last message arrived, journal time.
    pub last_message: Option<Time>,
    /// Messages a second over the last minute.
    pub rate_per_s: f64,
    /// Messages (one timestamp each) taken.
    pub messages: u64,
    /// Samples taken.
    pub samples: u64,
    /// Messages something of which was refused.
    pub refused: u64,
    /// Sequence numbers that did not come.
    pub gaps: u64,
    /// Values whose tags no point claims.
    pub unmapped_values: u64,
    /// How its clock stands to journal time.
    pub clock: Option<ClockOffset>,
    /// What may have been lost, oldest first, the newest 16.
    pub losses: Vec<PossibleLoss>,
    /// Tags that no point claims, in order, 512 at most.
    pub unmapped: Vec<UnmappedTag>,
    /// Rebirth requests by cause.
    pub rebirths: Vec<(String, u64)>,
    /// The last one: when, and its cause.
    pub last_rebirth: Option<(Time, String)>,
    /// Rules of its protocol that it breaks.
    pub faults: Vec<GatewayFaultReport>,
}

/// Arrival minus source time of a gateway's last live messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClockOffset {
    /// The median: positive where the gateway's clock is behind, or its messages travel long.
    pub offset: Span,
    /// Half of the spread of all of them.
    pub uncertainty: Span,
    /// How many, 61 at most.
    pub messages: u32,
}

/// Something that may have been lost.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PossibleLoss {
    /// From when, journal time.
    pub from: Time,
    /// To when, journal time.
    pub to: Time,
    /// In words.
    pub reason: String,
    /// How many messages, where it is known.
    pub messages: Option<u64>,
    /// How many points it may concern.
    pub points: u32,
}

/// A tag that no point claims.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnmappedTag {
    /// The gateway's name for it.
    pub tag: String,
    /// The device it belongs to, where the protocol has devices.
    pub device: Option<String>,
    /// `number`, `text`, `boolean`, or the type that a Sparkplug birth tells; empty where nothing told it.
    pub datatype: String,
    /// Empty where nothing told it.
    pub unit: String,
    /// As text, 80 characters at most.
    pub last_value: String,
    /// How many values came.
    pub count: u64,
}

/// A rule of its protocol that a gateway breaks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GatewayFaultReport {
    /// The rule, for programs: `sparkplug.bdseq_mismatch`.
    pub rule: String,
    /// What it did and what would be right, for people.
    pub detail: String,
    /// When it was seen first, journal time.
    pub since: Time,
    /// When it was seen last.
    pub last: Time,
    /// How often.
    pub count: u64,
}

/// A value of a tag that no point claims, as the decoder saw it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Stray<'a> {
    pub(crate) tag: &'a str,
    pub(crate) device: Option<&'a str>,
    pub(crate) datatype: &'a str,
    pub(crate) unit: &'a str,
    pub(crate) value: String,
}

/// The book kept of one gateway.
#[derive(Debug, Default)]
pub(crate) struct Book {
    pub(crate) messages: u64,
    pub(crate) samples: u64,
    pub(crate) refused: u64,
    pub(crate) gaps: u64,
    pub(crate) unmapped_values: u64,
    pub(crate) connected: Option<(bool, Time)>,
    last_message: Option<Time>,
    rate: Rate,
    offsets: VecDeque<i64>,
    losses: VecDeque<PossibleLoss>,
    unmapped: BTreeMap<(Option<Arc<str>>, Arc<str>), Tag>,
    rebirths: BTreeMap<String, u64>,
    last_rebirth: Option<(Time, String)>,
}

#[derive(Debug, Default)]
struct Tag {
    datatype: String,
    unit: String,
    last_value: String,
    count: u64,
}

impl Book {
    /// Messages that arrived together.
    pub(crate) fn arrived(&mut self, at: Time, messages: u64, samples: u64) {
        self.messages += messages;
        self.samples += samples;
        self.last_message = self.last_message.max(Some(at));
        self.rate.add(at, messages);
    }

    /// When something last came.
    pub(crate) fn last_message(&self) -> Option<Time> {
        self.last_message
    }

    /// The newest source time of a live message.
    pub(crate) fn offset(&mut self, arrival: Time, source: Time) {
        if self.offsets.len() == CLOCK_MESSAGES {
            self.offsets.pop_front();
        }
        self.offsets.push_back(arrival.since(source).micros());
    }

    /// Notes that the gateway is connected or not; the same again changes nothing.
    pub(crate) fn connected(&mut self, connected: bool, now: Time) {
        if self.connected.is_none_or(|(known, _)| known != connected) {
            self.connected = Some((connected, now));
        }
    }

    pub(crate) fn lost(&mut self, loss: PossibleLoss) {
        if self.losses.len() == MAX_LOSSES {
            self.losses.pop_front();
        }
        self.losses.push_back(loss);
    }

    /// Notes a value of a tag that no point claims.
    pub(crate) fn stray(&mut self, stray: &Stray<'_>) {
        let key = (stray.device.map(Arc::from), Arc::from(stray.tag));
        if self.unmapped.len() >= MAX_TAGS && !self.unmapped.contains_key(&key) {
            return;
        }
        let tag = self.unmapped.entry(key).or_default();
        tag.count += 1;
        keep(&mut tag.datatype, stray.datatype);
        keep(&mut tag.unit, stray.unit);
        keep(&mut tag.last_value, &stray.value);
    }

    pub(crate) fn rebirth_asked(&mut self, cause: &str, now: Time) {
        if self.rebirths.len() < MAX_KINDS || self.rebirths.contains_key(cause) {
            *self.rebirths.entry(cause.to_owned()).or_default() += 1;
        }
        self.last_rebirth = Some((now, cause.to_owned()));
    }

    /// What is told of it.
    pub(crate) fn report(&self, protocol: Protocol, path: &str, enterprise: Option<&EnterpriseId>, now: Time) -> GatewayReport {
        GatewayReport {
            protocol,
            path: path.to_owned(),
            known: enterprise.is_some(),
            enterprise: enterprise.cloned(),
            connected: self.connected.map(|it| it.0),
            connected_since: self.connected.map(|it| it.1),
            last_message: self.last_message,
            rate_per_s: self.rate.per_second(now),
            messages: self.messages,
            samples: self.samples,
            refused: self.refused,
            gaps: self.gaps,
            unmapped_values: self.unmapped_values,
            clock: self.clock(),
            losses: self.losses.iter().cloned().collect(),
            unmapped: self.unmapped.iter().map(|((device, tag), known)| known.report(device.as_deref(), tag)).collect(),
            rebirths: self.rebirths.iter().map(|(cause, count)| (cause.clone(), *count)).collect(),
            last_rebirth: self.last_rebirth.clone(),
            faults: Vec::new(),
        }
    }

    fn clock(&self) -> Option<ClockOffset> {
        let mut sorted: Vec<i64> = self.offsets.iter().copied().collect();
        sorted.sort_unstable();
        let (first, last) = (sorted.first()?, sorted.last()?);
        let messages = u32::try_from(sorted.len()).unwrap_or(u32::MAX);
        let offset = Span::from_micros(sorted[sorted.len() / 2]);
        Some(ClockOffset { offset, uncertainty: Span::from_micros(last.saturating_sub(*first) / 2), messages })
    }
}

impl Tag {
    fn report(&self, device: Option<&str>, tag: &str) -> UnmappedTag {
        UnmappedTag {
            tag: tag.to_owned(),
            device: device.map(str::to_owned),
            datatype: self.datatype.clone(),
            unit: self.unit.clone(),
            last_value: self.last_value.clone(),
            count: self.count,
        }
    }
}

/// What is newer counts, but nothing does not.
fn keep(known: &mut String, newer: &str) {
    if !newer.is_empty() && known != newer {
        known.clear();
        known.extend(newer.chars().take(MAX_VALUE_CHARS));
    }
}

/// Messages of each of the last seconds.
#[derive(Debug, Default)]
struct Rate {
    /// Second and count, oldest first.
    seconds: VecDeque<(i64, u64)>,
}

impl Rate {
    fn add(&mut self, at: Time, count: u64) {
        let second = second(at);
        match self.seconds.back_mut() {
            // Of arrivals that come in another order than they are taken the newer second counts.
            Some((newest, known)) if *newest >= second => *known += count,
            _ => {
                if self.seconds.len() == RATE_SECONDS {
                    self.seconds.pop_front();
                }
                self.seconds.push_back((second, count));
            }
        }
    }

    #[expect(clippy::cast_precision_loss, reason = "a minute's messages are fewer than 2^53")]
    fn per_second(&self, now: Time) -> f64 {
        let from = second(now) - RATE_SECONDS as i64;
        let count: u64 = self.seconds.iter().filter(|(second, _)| *second > from).map(|it| it.1).sum();
        count as f64 / RATE_SECONDS as f64
    }
}

fn second(at: Time) -> i64 {
    at.micros().div_euclid(1_000_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Time = Time::from_micros(1_732_370_000_000_000);

    fn report(book: &Book, now: Time) -> GatewayReport {
        book.report(Protocol::Mqtt, "park/e01/gw1", None, now)
    }

    #[test]
    fn the_rate_is_that_of_the_last_minute() {
        let mut book = Book::default();
        for n in 0..300 {
            book.arrived(NOW + Span::from_secs(n), 2, 3);
        }
        let end = NOW + Span::from_secs(299);
        assert!((report(&book, end).rate_per_s - 2.0).abs() < 1e-9);
        assert!((report(&book, end + Span::from_secs(30)).rate_per_s - 1.0).abs() < 1e-9);
        assert_eq!(report(&book, end + Span::from_secs(60)).rate_per_s, 0.0);
        let told = report(&book, end);
        assert_eq!((told.messages, told.samples, told.last_message), (600, 900, Some(end)));
    }

    #[test]
    fn one_slow_message_does_not_move_the_clock() {
        let mut book = Book::default();
        assert_eq!(report(&book, NOW).clock, None);
        for n in 0..100 {
            let travel = if n == 90 { 50_000_000 } else { 2_000_000 + n };
            book.offset(NOW, NOW + Span::from_micros(-travel));
        }
        let clock = report(&book, NOW).clock.expect("messages came");
        assert_eq!((clock.messages, clock.offset.micros() / 1_000), (61, 2_000));
        assert_eq!(clock.uncertainty.micros() / 1_000_000, 23);
    }

    #[test]
    fn everything_that_grows_is_bounded() {
        let mut book = Book::default();
        for n in 0..1_000_i64 {
            let name = n.to_string();
            book.stray(&Stray { tag: &name, value: "x".repeat(1_000), ..Stray::default() });
            let loss = PossibleLoss { from: NOW, to: NOW, reason: name.clone(), messages: None, points: 1 };
            book.lost(loss);
            book.rebirth_asked(&name, NOW);
        }
        let told = report(&book, NOW);
        assert_eq!((told.unmapped.len(), told.losses.len(), told.rebirths.len()), (512, 16, 32));
        assert_eq!((&*told.losses[15].reason, told.unmapped[0].last_value.len()), ("999", 80));
        assert_eq!(told.last_rebirth, Some((NOW, "999".to_owned())));
    }

    #[test]
    fn a_tag_keeps_what_it_was_told() {
        let mut book = Book::default();
        let birth = Stray { tag: "T", device: Some("d"), datatype: "Float", unit: "kPa", value: "1".to_owned() };
        book.stray(&birth);
        book.stray(&Stray { value: "2".to_owned(), datatype: "", unit: "", ..birth });
        let told = report(&book, NOW);
        let tag = &told.unmapped[0];
        assert_eq!((&*tag.datatype, &*tag.unit, &*tag.last_value, tag.count), ("Float", "kPa", "2", 2));
    }
}
