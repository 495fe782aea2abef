//! The sources of a partition as a tree: protocols, below them the gateways whose own link is known, below those their devices.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use model::{GatewayPath, Point, Protocol, SourceId};

/// All sources in an order in which what is below one follows it, and the points of each.
#[derive(Debug)]
pub(crate) struct Tree {
    names: Vec<SourceId>,
    parents: Vec<Option<usize>>,
    /// Where what is below each source ends.
    ends: Vec<usize>,
    /// Local points in the order of their sources; `first` says whose.
    order: Vec<usize>,
    /// One more than there are sources.
    first: Vec<usize>,
}

impl Default for Tree {
    fn default() -> Self {
        Self::of(&[]).0
    }
}

impl Tree {
    /// The tree of these points, which has every protocol in it, and the place of each point's source.
    pub(crate) fn of(points: &[&Point]) -> (Self, Vec<usize>) {
        let mut named: BTreeMap<Key<'_>, SourceId> = BTreeMap::new();
        for point in points {
            named.entry(key(point)).or_insert_with(|| point.source_id());
        }
        let names = with_ancestors(named.values());
        let place = |name: &SourceId| names.binary_search_by(|other| by_parts(other, name)).ok();
        let places: BTreeMap<Key<'_>, usize> = named.iter().filter_map(|(key, name)| Some((*key, place(name)?))).collect();
        let source: Vec<usize> = points.iter().map(|it| places.get(&key(it)).copied().unwrap_or(0)).collect();
        let parents: Vec<_> = names.iter().map(|name| ancestors(name).find_map(|it| place(&it))).collect();
        let mut ends: Vec<usize> = (1..=names.len()).collect();
        for (at, parent) in parents.iter().enumerate().rev() {
            if let Some(parent) = *parent {
                ends[parent] = ends[parent].max(ends[at]);
            }
        }
        let mut order: Vec<usize> = (0..points.len()).collect();
        order.sort_by_key(|local| source[*local]);
        let first = (0..=names.len()).map(|at| order.partition_point(|local| source[*local] < at)).collect();
        (Self { names, parents, ends, order, first }, source)
    }

    /// How many sources there are.
    pub(crate) fn len(&self) -> usize {
        self.names.len()
    }

    /// A source's name.
    pub(crate) fn name(&self, at: usize) -> &SourceId {
        &self.names[at]
    }

    /// The place of a source, if points here depend on it; protocols are always there.
    pub(crate) fn find(&self, name: &SourceId) -> Option<usize> {
        self.names.binary_search_by(|other| by_parts(other, name)).ok()
    }

    /// The source above; a protocol has none.
    pub(crate) fn parent(&self, at: usize) -> Option<usize> {
        self.parents[at]
    }

    /// Whether this is a whole protocol.
    pub(crate) fn is_protocol(&self, at: usize) -> bool {
        self.parents[at].is_none()
    }

    /// A source and all below it.
    pub(crate) fn below(&self, at: usize) -> Range<usize> {
        at..self.ends[at]
    }

    /// The gateway that a source is or belongs to; `None` for a protocol.
    pub(crate) fn gateway(&self, at: usize) -> Option<usize> {
        let mut at = at;
        loop {
            let parent = self.parents[at]?;
            if self.parents[parent].is_none() {
                return Some(at);
            }
            at = parent;
        }
    }

    /// The gateways right below a protocol.
    pub(crate) fn gateways(&self, protocol: usize) -> impl Iterator<Item = usize> + use<'_> {
        self.below(protocol).filter(move |at| self.parents[*at] == Some(protocol))
    }

    /// What a record's source names: all protocols, one of them, one gateway or device; nothing that feeds no point here.
    pub(crate) fn named(&self, source: &SourceId) -> Vec<usize> {
        if *source == SourceId::all() {
            return Protocol::ALL.iter().filter_map(|it| self.find(&SourceId::of(*it))).collect();
        }
        self.find(source).into_iter().collect()
    }

    /// The local points that depend on a source alone, not on one below it.
    pub(crate) fn points_at(&self, at: usize) -> &[usize] {
        &self.order[self.first[at]..self.first[at + 1]]
    }

    /// The local points of a source and of all below it.
    pub(crate) fn points_below(&self, at: usize) -> &[usize] {
        &self.order[self.first[at]..self.first[self.ends[at]]]
    }
}

/// What tells the source of one point from that of another, without making its name.
type Key<'a> = (Protocol, Option<&'a GatewayPath>);

fn key(point: &Point) -> Key<'_> {
    let own_link = point.source.protocol != Protocol::Mqtt;
    (point.source.protocol, own_link.then_some(&point.source.gateway))
}

/// These sources, the devices' nodes and every protocol, in order.
fn with_ancestors<'a>(named: impl Iterator<Item = &'a SourceId>) -> Vec<SourceId> {
    let mut all: BTreeSet<SourceId> = Protocol::ALL.iter().map(|it| SourceId::of(*it)).collect();
    for name in named {
        // Of Sparkplug alone: what is above a gateway of gRPC is no source.
        if let Some((node, _)) = name.as_str().rsplit_once('/').filter(|(node, _)| is_node(node)) {
            all.insert(SourceId::named(node));
        }
        all.insert(name.clone());
    }
    let mut all: Vec<_> = all.into_iter().collect();
    all.sort_by(by_parts);
    all
}

fn is_node(name: &str) -> bool {
    let mut parts = name.split('/');
    parts.next() == Some(Protocol::Sparkplug.as_str()) && parts.count() == 2
}

/// The names above a source, the nearest first; not all of them are sources.
fn ancestors(name: &SourceId) -> impl Iterator<Item = SourceId> {
    let text = name.as_str();
    text.rmatch_indices('/').map(|(at, _)| SourceId::named(&text[..at]))
}

/// Part by part: `g/n` is followed by `g/n/d`, and only then by `g/n 2`.
fn by_parts(one: &SourceId, other: &SourceId) -> Ordering {
    one.as_str().split('/').cmp(other.as_str().split('/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(tree: &Tree, places: impl Iterator<Item = usize>) -> Vec<&str> {
        places.map(|at| tree.name(at).as_str()).collect()
    }

    #[test]
    fn what_is_below_a_source_follows_it() {
        let named = ["sparkplug/g/n 2", "sparkplug/g/n/d", "grpc/p/e/g", "sparkplug/g/n/c", "sparkplug/g/m"].map(SourceId::named);
        let all = with_ancestors(named.iter());
        let wanted = [
            "grpc",
            "grpc/p/e/g",
            "mqtt",
            "sparkplug",
            "sparkplug/g/m",
            "sparkplug/g/n",
            "sparkplug/g/n/c",
            "sparkplug/g/n/d",
            "sparkplug/g/n 2",
        ];
        assert_eq!(all.iter().map(SourceId::as_str).collect::<Vec<_>>(), wanted);
    }

    #[test]
    fn a_partition_without_points_knows_its_protocols() {
        let tree = Tree::default();
        assert_eq!(names(&tree, 0..tree.len()), ["grpc", "mqtt", "sparkplug"]);
        assert_eq!(names(&tree, tree.named(&SourceId::all()).into_iter()), ["mqtt", "sparkplug", "grpc"]);
        assert!(tree.named(&SourceId::named("sparkplug/g/n")).is_empty());
        assert!((0..tree.len()).all(|at| tree.is_protocol(at) && tree.points_below(at).is_empty()));
    }
}
