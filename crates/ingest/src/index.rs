//! The site as ingest needs it: from (gateway, tag) to the point's number, in which partition; and the fold that follows it.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use bytes::Bytes;
use journal::{Fold, JournalRecord, RecordKind};
use model::{GatewayPath, Partition, PointNumber, Protocol, Quantity, Range, Revision, RevisionNumber};
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
    pub(crate) path: GatewayPath,
    pub(crate) partition: Partition,
    points: Vec<TagPoint>,
    by_tag: HashMap<Box<str>, u32>,
}

impl GatewayTags {
    fn new(path: GatewayPath, partition: Partition) -> Self {
        Self { path, partition, points: Vec::new(), by_tag: HashMap::new() }
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
        let mut tags = Self::new(path, Partition(0));
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

/// All gateways that speak plain JSON.
#[derive(Clone, Debug, Default)]
pub(crate) struct SiteIndex {
    pub(crate) revision: RevisionNumber,
    /// Partitions that have points.
    pub(crate) partitions: BTreeSet<Partition>,
    gateways: HashMap<Arc<str>, Arc<GatewayTags>>,
}

impl SiteIndex {
    pub(crate) fn new(revision: &Revision) -> Self {
        let mut gateways: HashMap<Arc<str>, GatewayTags> = HashMap::new();
        let mut partitions = BTreeSet::new();
        for (number, point) in revision.points() {
            let partition = Partition::of(&point.enterprise);
            partitions.insert(partition);
            if point.source.protocol != Protocol::Mqtt {
                continue;
            }
            let path = &point.source.gateway;
            let tags = gateways.entry(path.shared()).or_insert_with(|| GatewayTags::new(path.clone(), partition));
            if tags.partition != partition {
                // A message never splits over partitions; `davy check` refuses such a site.
                warn!(gateway = %path, point = %point.id, "gateway of two enterprises, point not taken in");
                continue;
            }
            tags.add(TagPoint {
                tag: point.source.tag.as_str().into(),
                number,
                is_state: point.quantity == Quantity::State,
                range: point.range,
                states: point.states.clone(),
            });
        }
        let gateways = gateways.into_iter().map(|(path, tags)| (path, Arc::new(tags))).collect();
        Self { revision: revision.number, partitions, gateways }
    }

    pub(crate) fn gateway(&self, path: &str) -> Option<&Arc<GatewayTags>> {
        self.gateways.get(path)
    }

    pub(crate) fn gateway_count(&self) -> usize {
        self.gateways.len()
    }
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
