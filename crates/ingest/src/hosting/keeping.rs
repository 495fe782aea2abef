//! When births are encoded to be kept: not at each that comes, for a node with many devices would be encoded whole for each of them.
//!
//! A node is encoded at the next look, and then again after a wait that grows with its size: one byte a microsecond, 8 s at most.

use std::collections::{BTreeMap, BTreeSet};

use model::{Span, Time};
use sparkplug::NodeId;

use super::Hosting;
use super::births::MAX_BYTES;
use crate::intake::Intake;

/// Bytes encoded in one look, unless one node alone has more.
const LOOK_BYTES: usize = MAX_BYTES;

/// Nodes whose births changed since they were encoded.
#[derive(Debug, Default)]
pub(super) struct Keeping {
    changed: BTreeSet<NodeId>,
    /// Not before; those that are past are forgotten.
    rests: BTreeMap<NodeId, Time>,
}

impl Keeping {
    pub(super) fn want(&mut self, node: &NodeId) {
        self.changed.insert(node.clone());
    }

    /// Encodes what is due, at the end everything; the next look begins behind the last.
    fn due(&mut self, now: Time, end: bool, mut keep: impl FnMut(&NodeId) -> usize) {
        self.rests.retain(|_, until| *until > now);
        let due: Vec<_> = self.changed.iter().filter(|it| end || !self.rests.contains_key(it)).cloned().collect();
        let mut room = LOOK_BYTES;
        for node in due {
            if room == 0 && !end {
                return;
            }
            let bytes = keep(&node);
            room = room.saturating_sub(bytes);
            let rest = Span::from_micros(i64::try_from(bytes.min(MAX_BYTES)).unwrap_or(i64::MAX));
            self.rests.insert(node.clone(), now + rest);
            self.changed.remove(&node);
        }
    }
}

impl Hosting {
    /// Whether the newest births of a node are not on disk yet.
    pub(super) fn is_unkept(&self, node: &NodeId) -> bool {
        self.keeping.changed.contains(node) || self.births.is_pending(node)
    }
}

impl Intake {
    /// Hands births that changed to whoever writes them.
    pub(super) fn keep_births(&mut self, now: Time, end: bool) {
        let Hosting { keeping, host, births, .. } = &mut self.hosting;
        keeping.due(now, end, |node| {
            let Some(kept) = host.keep(node) else { return 0 };
            let bytes = kept.len();
            births.keep(node, kept);
            bytes
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_node_rests_as_long_as_it_is_large_and_a_look_takes_so_many_bytes() {
        let node = |n: u32| NodeId::new("g", &format!("n{n}")).expect("valid");
        let (mut keeping, start) = (Keeping::default(), Time::from_micros(1_732_370_000_000_000));
        let look = |keeping: &mut Keeping, after_ms: i64, end: bool| {
            let mut kept = Vec::new();
            keeping.due(start + Span::from_millis(after_ms), end, |it| {
                kept.push(it.to_string());
                1_000_000
            });
            kept
        };
        for _ in 0..500 {
            keeping.want(&node(1));
        }
        assert_eq!(look(&mut keeping, 0, false), ["g/n1"], "once for all births that came");
        keeping.want(&node(1));
        assert!(look(&mut keeping, 999, false).is_empty() && keeping.changed.contains(&node(1)));
        assert_eq!(look(&mut keeping, 1_000, false), ["g/n1"]);
        keeping.want(&node(1));
        assert_eq!(look(&mut keeping, 1_001, true), ["g/n1"], "at the end at once");
        (0..20).for_each(|n| keeping.want(&node(100 + n)));
        let counts = [0, 1, 2, 3].map(|_| look(&mut keeping, 10_000, false).len());
        assert_eq!(counts, [9, 9, 2, 0]);
    }
}
