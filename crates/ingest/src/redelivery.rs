//! Which deliveries of a gateway were taken before: the last digests, in a ring and a set (traps 2, 5).

use std::collections::{HashSet, VecDeque};

use sha2::{Digest as _, Sha256};

/// A delivery by its content.
pub(crate) type Digest = [u8; 16];

/// Of messages that give no time, a repeat cannot be told from news: they have none.
pub(crate) const NO_DIGEST: Digest = [0; 16];

/// Deliveries remembered of one gateway at most; MQTT has no more packet identifiers.
pub(crate) const MAX_REMEMBERED: usize = 65_535;
/// Digests of all gateways together, about 200 MB: with many gateways each remembers fewer, at least `MIN_REMEMBERED`.
const MAX_REMEMBERED_TOTAL: usize = 4 * 1024 * 1024;
const MIN_REMEMBERED: usize = 1_024;

/// SHA-256 over topic and payload, cut to 16 bytes; the length keeps the two apart.
pub(crate) fn digest(topic: &[u8], payload: &[u8]) -> Digest {
    let mut hash = Sha256::new();
    hash.update((topic.len() as u64).to_le_bytes());
    hash.update(topic);
    hash.update(payload);
    let hash = hash.finalize();
    std::array::from_fn(|i| hash[i])
}

/// How many digests each of so many gateways may keep.
pub(crate) fn share(gateways: usize) -> usize {
    (MAX_REMEMBERED_TOTAL / gateways.max(1)).clamp(MIN_REMEMBERED, MAX_REMEMBERED)
}

/// The digests of one gateway.
#[derive(Debug, Default)]
pub(crate) struct Remembered {
    ring: VecDeque<Digest>,
    set: HashSet<Digest>,
}

impl Remembered {
    pub(crate) fn contains(&self, digest: &Digest) -> bool {
        self.set.contains(digest)
    }

    /// Remembers one, and forgets the oldest beyond `limit`.
    pub(crate) fn insert(&mut self, digest: Digest, limit: usize) {
        if digest == NO_DIGEST || !self.set.insert(digest) {
            return;
        }
        self.ring.push_back(digest);
        while self.ring.len() > limit {
            if let Some(oldest) = self.ring.pop_front() {
                self.set.remove(&oldest);
            }
        }
    }

    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        assert_eq!(self.ring.len(), self.set.len());
        self.ring.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number(n: u32) -> Digest {
        digest(b"topic", &n.to_le_bytes())
    }

    #[test]
    fn the_ring_is_bounded_and_forgets_the_oldest() {
        let mut remembered = Remembered::default();
        for n in 0..=65_535 {
            remembered.insert(number(n), MAX_REMEMBERED);
        }
        assert_eq!(remembered.len(), MAX_REMEMBERED);
        assert!(!remembered.contains(&number(0)) && remembered.contains(&number(1)));
        remembered.insert(number(1), MAX_REMEMBERED);
        assert_eq!(remembered.len(), MAX_REMEMBERED, "a repeat takes no room");
        remembered.insert(number(70_000), 10);
        assert_eq!(remembered.len(), 10, "a smaller share holds at once");
    }

    #[test]
    fn topic_and_payload_do_not_run_together() {
        assert_ne!(digest(b"ab", b"c"), digest(b"a", b"bc"));
        assert_ne!(digest(b"", b""), NO_DIGEST);
    }

    #[test]
    fn shares_hold_the_total() {
        assert_eq!((share(0), share(64), share(1_000_000)), (65_535, 65_535, 1_024));
        assert_eq!(share(1_024), 4_096);
    }

    #[test]
    fn no_digest_is_never_remembered() {
        let mut remembered = Remembered::default();
        remembered.insert(NO_DIGEST, 10);
        assert!(!remembered.contains(&NO_DIGEST));
    }
}
