//! Times without a session: a host's is clean (Sparkplug B 3.0, 5.3), so no broker queues anything for it, and what nodes said meanwhile
//! and did not store is lost. Each such time is owned up to when the link is back.

use std::collections::{BTreeMap, BTreeSet};

use model::{Body, Partition, Protocol, SourceId, Time};
use sparkplug::NodeId;

use crate::index::node_of;
use crate::intake::Intake;
use crate::report::PossibleLoss;

/// For people.
const REASON: &str = "a Sparkplug host has no queue in the broker: what nodes sent meanwhile and did not store is lost";

/// Since when partitions heard nothing of nodes.
#[derive(Debug, Default)]
pub(crate) struct Missed(BTreeMap<Partition, Time>);

impl Missed {
    /// Nothing is heard since then; what began earlier goes on.
    pub(crate) fn note(&mut self, partitions: impl IntoIterator<Item = Partition>, since: Time) {
        for partition in partitions {
            self.0.entry(partition).or_insert(since);
        }
    }
}

impl Intake {
    /// Nodes are heard again: says once a partition that has any what may be lost.
    pub(super) fn say_missed(&mut self, now: Time) {
        let missed = std::mem::take(&mut self.hosting.missed.0);
        let with_nodes: BTreeSet<Partition> = self.index.nodes().flat_map(|(_, node)| node.partitions.iter().copied()).collect();
        for (partition, from) in missed.iter().filter(|(partition, _)| with_nodes.contains(partition)) {
            let (source, reason) = (SourceId::of(Protocol::Sparkplug), REASON.to_owned());
            self.round.part(*partition).push_before(Body::Loss { source, from: *from, to: now, reason, messages: None });
        }
        let mut points: BTreeMap<NodeId, (Time, usize)> = BTreeMap::new();
        for tags in self.index.gateways(Protocol::Sparkplug) {
            if let (Some(from), Ok(node)) = (missed.get(&tags.partition), NodeId::parse(node_of(tags.path.as_str()))) {
                points.entry(node).or_insert((*from, 0)).1 += tags.len();
            }
        }
        for (node, (from, points)) in points {
            let points = u32::try_from(points).unwrap_or(u32::MAX);
            self.book(&node).lost(PossibleLoss { from, to: now, reason: REASON.to_owned(), messages: None, points });
        }
    }
}
