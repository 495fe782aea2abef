//! The sequence of one edge node: one counter from 0 to 255 over the node and all its devices (traps 16).
//!
//! Limits: `HELD_MAX` messages of `HELD_BYTES_MAX` bytes in all wait for missing ones; at the limit the gap is said at once.

use std::sync::Arc;

use model::{Span, Time};

pub(super) const HELD_MAX: usize = 64;
pub(super) const HELD_BYTES_MAX: usize = 1 << 20;

/// A number that was never seen and is no longer waited for.
const HOLE: u64 = 0;
/// A number of an earlier session of the node.
const STALE: u64 = 1;
/// Half the ring: what is farther ahead lies behind.
const AHEAD_MAX: u8 = 127;

/// Messages that carry a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Numbered {
    NodeData,
    DeviceBirth,
    DeviceData,
    DeviceDeath,
}

/// A message that waits for those before it. Kept as it came: read, it would be many times larger.
#[derive(Clone, Debug)]
pub(super) struct Held {
    pub(super) seq: u8,
    pub(super) kind: Numbered,
    pub(super) device: Option<Arc<str>>,
    pub(super) payload: Vec<u8>,
    pub(super) digest: u64,
    pub(super) delivery: u64,
    pub(super) at: Time,
}

/// What is still waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Patience {
    /// Everything that is missing.
    InOrder,
    /// What is missing before messages that have not waited as long as this.
    Waited { wait: Span, now: Time },
    /// Nothing.
    AtOnce,
}

/// What a number says of its message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// The first, or the next.
    Next,
    /// It came before, byte for byte.
    Repeat,
    /// Its place was given up before it came.
    Late,
    /// Older than the birth in force.
    Stale,
    /// Something before it is missing, or the counter was set back.
    Early,
}

/// What was left out between two messages.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Missing {
    /// How many numbers were passed over.
    pub(super) count: u64,
    /// The counter went back: nobody can tell how many.
    pub(super) back: bool,
}

#[derive(Clone, Debug, Default)]
pub(super) struct Sequence {
    last: Option<u8>,
    /// Digests by number, made with the first message.
    slots: Option<Box<[u64; 256]>>,
    held: Vec<Held>,
    held_bytes: usize,
    /// Messages in a row without a fault.
    pub(super) run: u32,
}

impl Sequence {
    pub(super) const fn last(&self) -> Option<u8> {
        self.last
    }

    pub(super) const fn held_bytes(&self) -> usize {
        self.held_bytes
    }

    /// Goes on after a number of an earlier run.
    pub(super) const fn resume(&mut self, seq: u8) {
        self.last = Some(seq);
    }

    /// A birth of the node: whatever it carries is the base.
    pub(super) fn rebase(&mut self, seq: u8, digest: u64) {
        let slots = self.slots.get_or_insert_with(|| Box::new([STALE; 256]));
        slots.fill(STALE);
        slots[usize::from(seq)] = digest;
        self.last = Some(seq);
    }

    pub(super) fn judge(&self, seq: u8, digest: u64) -> Verdict {
        let Some(last) = self.last else { return Verdict::Next };
        let ahead = seq.wrapping_sub(last.wrapping_add(1));
        if ahead == 0 {
            return Verdict::Next;
        }
        if self.held.iter().any(|held| held.seq == seq && held.digest == digest) {
            return Verdict::Repeat;
        }
        if ahead <= AHEAD_MAX {
            return Verdict::Early;
        }
        match self.slots.as_ref().map_or(STALE, |slots| slots[usize::from(seq)]) {
            known if known == digest => Verdict::Repeat,
            HOLE => Verdict::Late,
            STALE => Verdict::Stale,
            _ => Verdict::Early,
        }
    }

    /// Takes a message as the newest; says what was left out before it.
    pub(super) fn advance(&mut self, seq: u8, digest: u64) -> Missing {
        let slots = self.slots.get_or_insert_with(|| Box::new([STALE; 256]));
        let ahead = self.last.map_or(0, |last| seq.wrapping_sub(last.wrapping_add(1)));
        let missing = if ahead <= AHEAD_MAX {
            (0..ahead).for_each(|step| slots[usize::from(seq.wrapping_sub(step + 1))] = HOLE);
            Missing { count: ahead.into(), back: false }
        } else {
            slots.fill(STALE);
            Missing { count: 0, back: true }
        };
        slots[usize::from(seq)] = digest;
        self.last = Some(seq);
        self.run = if missing == Missing::default() { self.run.saturating_add(1) } else { 0 };
        missing
    }

    /// Fills a place that was given up.
    pub(super) fn fill(&mut self, seq: u8, digest: u64) {
        if let Some(slots) = &mut self.slots {
            slots[usize::from(seq)] = digest;
        }
    }

    pub(super) fn hold(&mut self, held: Held) {
        self.held_bytes += held.payload.len();
        self.held.push(held);
    }

    /// No more than the limits are held.
    pub(super) const fn full(&self) -> bool {
        self.held.len() > HELD_MAX || self.held_bytes > HELD_BYTES_MAX
    }

    /// When the message that has waited longest is no longer held back.
    pub(super) fn deadline(&self, wait: Span) -> Option<Time> {
        self.held.iter().map(|held| held.at + wait).min()
    }

    /// The next message in order, if it is there: the very next, or beyond a gap one that was waited for in vain.
    pub(super) fn release(&mut self, patience: Patience) -> Option<Held> {
        let next = self.last.map_or(0, |last| last.wrapping_add(1));
        let (index, held) = self.held.iter().enumerate().min_by_key(|(_, held)| held.seq.wrapping_sub(next))?;
        // A message behind a gap goes too once any later one has waited long enough: nobody jumps the queue.
        let ready = held.seq == next || self.due(patience);
        if !ready {
            return None;
        }
        let held = self.held.remove(index);
        self.held_bytes -= held.payload.len();
        Some(held)
    }

    /// Whether a held message is due, be it in order or not.
    pub(super) fn due(&self, patience: Patience) -> bool {
        self.held.iter().any(|held| match patience {
            Patience::InOrder => false,
            Patience::Waited { wait, now } => held.at + wait <= now,
            Patience::AtOnce => true,
        })
    }

    /// Takes out those messages that go on from a new base and satisfy `of_new`; they belong to the new session.
    pub(super) fn split_from(&mut self, base: u8, of_new: impl Fn(&Held) -> bool) -> Vec<Held> {
        let mut found = Vec::new();
        let mut next = base.wrapping_add(1);
        while let Some(index) = self.held.iter().position(|held| held.seq == next && of_new(held)) {
            let held = self.held.remove(index);
            self.held_bytes -= held.payload.len();
            found.push(held);
            next = next.wrapping_add(1);
        }
        found
    }
}

/// FNV-1a over everything that makes a message the same; never one of the two marks.
pub(super) fn digest(kind: u8, device: Option<&str>, payload: &[u8]) -> u64 {
    let device = device.unwrap_or_default().as_bytes();
    let bytes = [kind].into_iter().chain(device.iter().copied()).chain([0xff]).chain(payload.iter().copied());
    let sum = bytes.fold(0xcbf2_9ce4_8422_2325_u64, |sum, byte| (sum ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3));
    sum.max(STALE + 1)
}
