//! Which events were taken already, so that each is taken once whichever ways it comes. Pure.
//!
//! An event of our own is known by its epoch. One of another Davy may come over two of our upstreams: the last `RECENT_MAX` ids are
//! remembered singly, and of each writer the highest of those that are not any more. Ids of one writer come in order on each way, so what
//! lies below that was taken, unless two ways carry different parts of one writer's events and one of them is farther behind than that.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use model::{Epoch, EventId, KeySeq};

/// Ids that are remembered singly, about 10 MB.
pub(super) const RECENT_MAX: usize = 100_000;

/// A role of another Davy that writes events.
pub(super) type WriterId = (Epoch, Arc<str>);

/// Which event of a writer.
pub(super) type Place = (KeySeq, u32);

#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Writer {
    /// Up to here nothing is remembered singly, and all counts as taken.
    floor: Option<Place>,
    recent: BTreeSet<Place>,
}

/// What was taken, after some prefix of `events`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Taken {
    recent_max: usize,
    own: BTreeSet<Epoch>,
    writers: BTreeMap<WriterId, Writer>,
    /// Oldest first.
    recent: VecDeque<(WriterId, Place)>,
}

impl Taken {
    pub(super) const fn new(recent_max: usize) -> Self {
        Self { recent_max, own: BTreeSet::new(), writers: BTreeMap::new(), recent: VecDeque::new() }
    }

    /// Our journal has, or once had, this epoch.
    pub(super) fn owns(&mut self, epoch: Epoch) {
        self.own.insert(epoch);
    }

    /// Whether an event was recorded here first.
    pub(super) fn is_own(&self, id: &EventId) -> bool {
        self.own.contains(&id.epoch)
    }

    /// Whether an event was taken.
    pub(super) fn has(&self, id: &EventId) -> bool {
        let place = (id.key_seq, id.ordinal);
        let writer = self.writers.get(&(id.epoch, Arc::clone(&id.key)));
        writer.is_some_and(|it| it.floor.is_some_and(|floor| place <= floor) || it.recent.contains(&place))
    }

    /// Remembers an event; once more changes nothing.
    pub(super) fn take(&mut self, id: &EventId) {
        if self.has(id) {
            return;
        }
        let (writer, place) = ((id.epoch, Arc::clone(&id.key)), (id.key_seq, id.ordinal));
        self.writers.entry(writer.clone()).or_default().recent.insert(place);
        self.recent.push_back((writer, place));
        while self.recent.len() > self.recent_max {
            self.forget_oldest();
        }
    }

    fn forget_oldest(&mut self) {
        let Some((writer, place)) = self.recent.pop_front() else { return };
        let Some(writer) = self.writers.get_mut(&writer) else { return };
        writer.recent.remove(&place);
        writer.floor = writer.floor.max(Some(place));
    }

    pub(super) fn own_epochs(&self) -> impl Iterator<Item = Epoch> {
        self.own.iter().copied()
    }

    pub(super) fn floors(&self) -> impl Iterator<Item = (&WriterId, Option<Place>)> {
        self.writers.iter().map(|(id, writer)| (id, writer.floor))
    }

    pub(super) fn recent(&self) -> impl Iterator<Item = &(WriterId, Place)> {
        self.recent.iter()
    }

    /// As it was: floors first, then what is remembered singly, oldest first.
    pub(super) fn restore_floor(&mut self, writer: WriterId, floor: Option<Place>) {
        self.writers.entry(writer).or_default().floor = floor;
    }

    pub(super) fn restore_recent(&mut self, writer: &WriterId, place: Place) {
        self.writers.entry(writer.clone()).or_default().recent.insert(place);
        self.recent.push_back((writer.clone(), place));
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn id(epoch: u64, key: &str, seq: u64, ordinal: u32) -> EventId {
        EventId { epoch: Epoch(epoch), key: Arc::from(key), key_seq: KeySeq(seq), ordinal }
    }

    #[test]
    fn what_is_forgotten_singly_counts_as_taken_with_all_before_it() {
        let mut taken = Taken::new(2);
        taken.owns(Epoch(1));
        for seq in [5, 7, 9] {
            taken.take(&id(2, "a", seq, 0));
        }
        assert!(taken.is_own(&id(1, "a", 99, 0)) && !taken.is_own(&id(2, "a", 5, 0)));
        let has = |taken: &Taken| (4..=10).filter(|seq| taken.has(&id(2, "a", *seq, 0))).collect::<Vec<_>>();
        assert_eq!(has(&taken), [4, 5, 7, 9], "up to the floor, and singly");
        assert!(!taken.has(&id(2, "a", 5, 1)), "the next of the same record");
        assert!(!taken.has(&id(2, "b", 1, 0)) && !taken.has(&id(3, "a", 1, 0)), "other writers have other floors");
        taken.take(&id(2, "a", 4, 0));
        assert_eq!(has(&taken), [4, 5, 7, 9], "once more changes nothing");
    }

    proptest! {
        /// Two ways that carry the same events in the order of each writer, however they interleave: each is taken once, and all are.
        #[test]
        fn each_event_of_a_diamond_is_taken_once(
            writers in proptest::collection::vec(0_u8..3, 1..120),
            turns in proptest::collection::vec(any::<bool>(), 0..240),
            again in 0_usize..40,
            recent_max in 1_usize..20,
        ) {
            let mut next = [0_u64; 3];
            let events: Vec<EventId> = writers.iter().map(|writer| {
                let seq = &mut next[usize::from(*writer)];
                *seq += 1;
                id(2, ["a", "b", "c"][usize::from(*writer)], *seq / 2, u32::from(*seq % 2 == 1))
            }).collect();
            let (mut taken, mut got, mut at) = (Taken::new(recent_max), Vec::new(), [0, 0]);
            let mut step = |way: usize, at: &mut [usize; 2], taken: &mut Taken| {
                let Some(event) = events.get(at[way]) else { return };
                at[way] += 1;
                if !taken.has(event) {
                    taken.take(event);
                    got.push(event.clone());
                }
            };
            for (n, turn) in turns.iter().enumerate() {
                step(usize::from(*turn), &mut at, &mut taken);
                if n == again {
                    // A way that is cut begins some events before its end.
                    at[0] = at[0].saturating_sub(5);
                }
            }
            for way in [0, 1] {
                while at[way] < events.len() {
                    step(way, &mut at, &mut taken);
                }
            }
            let mut wanted = events.clone();
            got.sort();
            wanted.sort();
            prop_assert_eq!(got, wanted);
        }
    }
}
