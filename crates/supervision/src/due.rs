//! Which points fall silent when, by journal time.
//!
//! As in the core an entry may be too early, never too late: a sample that only moves silence later costs nothing here.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use model::Time;

/// A point is looked at no later than it may fall silent.
#[derive(Clone, Debug, Default)]
pub(crate) struct Due {
    heap: BinaryHeap<Reverse<(Time, usize)>>,
    /// The time each point stands in the heap with; other entries of it are void.
    registered: Vec<Time>,
}

impl Due {
    /// For so many points, none of them due.
    pub(crate) fn new(points: usize) -> Self {
        Self { heap: BinaryHeap::new(), registered: vec![Time::MAX; points] }
    }

    /// Sees to it that the point is looked at by then.
    #[inline]
    pub(crate) fn at_the_latest(&mut self, local: usize, time: Time) {
        if time < self.registered[local] {
            if self.heap.len() > 2 * self.registered.len() + 64 {
                self.drop_void();
            }
            self.registered[local] = time;
            self.heap.push(Reverse((time, local)));
        }
    }

    /// The next point to look at; it stands in the heap no longer.
    pub(crate) fn pop(&mut self, now: Time) -> Option<usize> {
        while self.heap.peek().is_some_and(|Reverse((time, _))| *time <= now) {
            let Reverse((time, local)) = self.heap.pop()?;
            if self.registered[local] == time {
                self.registered[local] = Time::MAX;
                return Some(local);
            }
        }
        None
    }

    fn drop_void(&mut self) {
        let mut entries = std::mem::take(&mut self.heap).into_vec();
        entries.retain(|Reverse((time, local))| self.registered[*local] == *time);
        entries.sort_unstable();
        entries.dedup();
        self.heap = BinaryHeap::from(entries);
    }
}
