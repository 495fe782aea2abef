//! The site as ingest needs it: from (gateway, tag) to the point's number, in which partition; and the fold that follows it.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use bytes::Bytes;
use journal::{Fold, JournalRecord, RecordKind};
use model::{EnterpriseId, GatewayPath, Partition, PointNumber, Protocol, Quantity, Range, Revision, RevisionNumber};
use tracing::warn;
use wire::EventRecord;

/// A point as its tag leads to it.
#[derive(Clone, Debug)]
pub(crate) struct TagPoint {
    pub(crate) tag: Box<str>,
    pub(crate) number: PointNumber,
    pub(crate) is_state: bool,
    range: Option<Range>,
    states: Vec<(String, f64)>,
}

impl TagPoint {
    pub(crate) fn is_out_of_range(&self, value: Option<f64>) -> bool {
        let outside = |range: Range| value.is_some_and(|value| value < range.low || value > range.high);
        self.range.is_some_and(outside)
    }

    pub(crate) fn state(&self, text: &str) -> Option<f64> {
        self.states.iter().find(|(state, _)| state == text).map(|(_, value)| *value)
    }
}

/// The tags of one gateway.
#[derive(Clone, Debug)]
pub struct GatewayTags {
    pub(crate) protocol: Protocol,
    pub(crate) path: GatewayPath,
    pub(crate) enterprise: EnterpriseId,
    pub(crate) partition: Partition,
    points: Vec<TagPoint>,
    by_tag: HashMap<Box<str>, u32>,
}

impl GatewayTags {
    fn new(protocol: Protocol, path: GatewayPath, enterprise: EnterpriseId) -> Self {
        let partition = Partition::of(&enterprise);
        Self { protocol, path, enterprise, partition, points: Vec::new(), by_tag: HashMap::new() }
    }

    /// Of a gateway that no point names: every tag is one that no point claims.
    pub(crate) fn none(protocol: Protocol, path: GatewayPath) -> Self {
        Self::new(protocol, path, EnterpriseId::new("-").expect("an id"))
    }

    fn add(&mut self, point: TagPoint) {
        let index = u32::try_from(self.points.len()).expect("point numbers are u32");
        self.by_tag.insert(point.tag.clone(), index);
        self.points.push(point);
    }

    pub(crate) fn len(&self) -> usize {
        self.points.len()
    }

    pub(crate) fn index_of(&self, tag: &str) -> Option<u32> {
        self.by_tag.get(tag).copied()
    }

    pub(crate) fn point(&self, index: u32) -> &TagPoint {
        &self.points[index as usize]
    }

    pub(crate) fn for_tests(numbers: &[&str], states: &[(&str, &[(&str, f64)])]) -> Self {
        let path = GatewayPath::new("park/e01/gw1").expect("valid");
        let mut tags = Self::new(Protocol::Mqtt, path, EnterpriseId::new("e01").expect("valid"));
        let mut number = 0;
        let mut point = |tag: &str, is_state: bool, states: &[(&str, f64)]| {
            number += 1;
            TagPoint {
                tag: tag.into(),
                number: PointNumber(number),
                is_state,
                range: (!is_state).then_some(Range { low: 0.0, high: 4_000.0 }),
                states: states.iter().map(|(text, value)| ((*text).to_owned(), *value)).collect(),
            }
        };
        for tag in numbers {
            tags.add(point(tag, false, &[]));
        }
        for (tag, states) in states {
            tags.add(point(tag, true, states));
        }
        tags
    }
}

/// A Sparkplug edge node with all its devices.
#[derive(Clone, Debug)]
pub(crate) struct NodeTags {
    /// Where its own records go, and its sequence numbers: the partition of the first of its points.
    pub(crate) home: Partition,
    pub(crate) enterprise: EnterpriseId,
    /// Partitions of its points; more than one where its devices belong to several enterprises.
    pub(crate) partitions: BTreeSet<Partition>,
}

/// All gateways of the site.
#[derive(Clone, Debug, Default)]
pub(crate) struct SiteIndex {
    pub(crate) revision: RevisionNumber,
    /// Partitions that have points.
    pub(crate) partitions: BTreeSet<Partition>,
    gateways: BTreeMap<Protocol, HashMap<Arc<str>, Arc<GatewayTags>>>,
    nodes: HashMap<Box<str>, NodeTags>,
}

impl SiteIndex {
    pub(crate) fn new(revision: &Revision) -> Self {
        let mut gateways: BTreeMap<Protocol, HashMap<Arc<str>, GatewayTags>> = BTreeMap::new();
        let (mut partitions, mut nodes) = (BTreeSet::new(), HashMap::new());
        for (number, point) in revision.points() {
            let partition = Partition::of(&point.enterprise);
            partitions.insert(partition);
            let (protocol, path) = (point.source.protocol, &point.source.gateway);
            let of_protocol = gateways.entry(protocol).or_default();
            let new = || GatewayTags::new(protocol, path.clone(), point.enterprise.clone());
            let tags = of_protocol.entry(path.shared()).or_insert_with(new);
            if tags.partition != partition {
                // A message never splits over partitions; `davy check` refuses such a site.
                warn!(gateway = %path, point = %point.id, "gateway of two enterprises, point not taken in");
                continue;
            }
            if protocol == Protocol::Sparkplug {
                let new = || NodeTags { home: partition, enterprise: point.enterprise.clone(), partitions: BTreeSet::new() };
                nodes.entry(Box::from(node_of(path.as_str()))).or_insert_with(new).partitions.insert(partition);
            }
            tags.add(TagPoint {
                tag: point.source.tag.as_str().into(),
                number,
                is_state: point.quantity == Quantity::State,
                range: point.range,
                states: point.states.clone(),
            });
        }
        let share = |tags: HashMap<Arc<str>, GatewayTags>| tags.into_iter().map(|(path, tags)| (path, Arc::new(tags))).collect();
        let gateways = gateways.into_iter().map(|(protocol, tags)| (protocol, share(tags))).collect();
        Self { revision: revision.number, partitions, gateways, nodes }
    }

    pub(crate) fn gateway(&self, protocol: Protocol, path: &str) -> Option<&Arc<GatewayTags>> {
        self.gateways.get(&protocol)?.get(path)
    }

    /// All gateways of a protocol, in no order.
    pub(crate) fn gateways(&self, protocol: Protocol) -> impl Iterator<Item = &Arc<GatewayTags>> {
        self.gateways.get(&protocol).into_iter().flat_map(HashMap::values)
    }

    /// The Sparkplug node of this name (`group/node`), where a point names it or a device of it.
    pub(crate) fn node(&self, node: &str) -> Option<&NodeTags> {
        self.nodes.get(node)
    }

    /// All Sparkplug nodes, in no order.
    pub(crate) fn nodes(&self) -> impl Iterator<Item = (&str, &NodeTags)> {
        self.nodes.iter().map(|(name, node)| (&**name, node))
    }

    pub(crate) fn gateway_count(&self) -> usize {
        self.gateways.values().map(HashMap::len).sum()
    }
}

/// `group/node` of `group/node[/device]`.
pub(crate) fn node_of(path: &str) -> &str {
    path.match_indices('/').nth(1).map_or(path, |(end, _)| &path[..end])
}

/// The newest site revision, as a fold over `events`.
#[derive(Debug, Default)]
pub(crate) struct NewestSite {
    pub(crate) revision: Option<Arc<Revision>>,
}

impl Fold for NewestSite {
    fn apply(&mut self, record: &JournalRecord) {
        // Engines write most of `events` and never a site.
        if record.kind != RecordKind::Data || record.key.as_str().starts_with("engine/") {
            return;
        }
        match wire::decode_event_record(&record.body) {
            Ok(EventRecord { site: Some(site), .. }) => self.take(site),
            Ok(_) => {}
            Err(error) => warn!(%error, position = record.position.0, "event record skipped"),
        }
    }

    fn snapshot(&self) -> Bytes {
        wire::encode_event_record(&EventRecord { site: self.revision.clone(), ..EventRecord::default() })
    }

    fn restore(&mut self, body: &[u8]) -> bool {
        let read = wire::decode_event_record(body);
        self.revision = read.as_ref().ok().and_then(|record| record.site.clone());
        read.is_ok()
    }
}

impl NewestSite {
    fn take(&mut self, site: Arc<Revision>) {
        if self.revision.as_ref().is_none_or(|known| known.number < site.number) {
            self.revision = Some(site);
        }
    }
}
