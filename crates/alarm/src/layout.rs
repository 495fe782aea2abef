//! A site revision laid out for judging: points in the order of their numbers, each with its rules side by side.

use std::ops::Range;

use model::{GatewayPath, Point, PointNumber, Revision};

use crate::index::Index;
use crate::point::Rule;
use crate::tree::Tree;

/// What of a revision every record needs.
#[derive(Debug, Default)]
pub(crate) struct Layout {
    /// The number of each point, growing.
    pub(crate) numbers: Vec<PointNumber>,
    /// The rules of all points; `first` says whose.
    pub(crate) rules: Vec<Rule>,
    /// The gateway of each point, as a place in `gateways`.
    pub(crate) gateway: Vec<usize>,
    /// The source of each gateway, as a place in `tree`.
    pub(crate) source_of_gateway: Vec<usize>,
    /// The sources that any point depends on.
    pub(crate) tree: Tree,
    /// The gateways that feed any point, in order.
    pub(crate) gateways: Vec<GatewayPath>,
    /// Local points in the order of their gateways; `first_fed` says whose.
    fed: Vec<usize>,
    first_fed: Vec<usize>,
    index: Index,
    site: Vec<usize>,
    by_id: Vec<usize>,
    first: Vec<usize>,
}

impl Layout {
    /// Lays a revision out. Numbers that come twice count once.
    pub(crate) fn of(revision: &Revision) -> Self {
        let points = &revision.site.points;
        let mut site: Vec<usize> = (0..points.len().min(revision.numbers.len())).collect();
        site.sort_by_key(|&at| revision.numbers[at]);
        site.dedup_by_key(|&mut at| revision.numbers[at]);
        let numbers: Vec<_> = site.iter().map(|&at| revision.numbers[at]).collect();
        let mut by_id: Vec<usize> = (0..site.len()).collect();
        by_id.sort_by_key(|&local| &points[site[local]].id);
        let mut gateways: Vec<_> = site.iter().map(|&at| points[at].source.gateway.clone()).collect();
        gateways.sort();
        gateways.dedup();
        let here: Vec<&Point> = site.iter().map(|&at| &points[at]).collect();
        let gateway: Vec<usize> = here.iter().map(|it| gateways.partition_point(|other| other < &it.source.gateway)).collect();
        let mut first = vec![0];
        first.extend(here.iter().scan(0, |sum, it| {
            *sum += it.alarms.len();
            Some(*sum)
        }));
        let mut fed: Vec<usize> = (0..here.len()).collect();
        fed.sort_by_key(|local| gateway[*local]);
        let first_fed: Vec<_> = (0..=gateways.len()).map(|at| fed.partition_point(|local| gateway[*local] < at)).collect();
        let (tree, source) = Tree::of(&here);
        let source_of_gateway = first_fed.iter().take(gateways.len()).map(|at| source[fed[*at]]).collect();
        Self {
            rules: here.iter().flat_map(|it| it.alarms.iter().map(Rule::of)).collect(),
            source_of_gateway,
            tree,
            fed,
            first_fed,
            index: Index::of(&numbers),
            numbers,
            gateway,
            gateways,
            site,
            by_id,
            first,
        }
    }

    /// How many points live here.
    pub(crate) fn len(&self) -> usize {
        self.numbers.len()
    }

    /// The place of a point's number.
    #[inline]
    pub(crate) fn local(&self, number: PointNumber) -> Option<usize> {
        self.index.get(number)
    }

    /// Where the rules and cells of a point stand.
    pub(crate) fn rules_of(&self, local: usize) -> Range<usize> {
        match self.first.get(local..local + 2) {
            Some(&[from, to]) => from..to,
            _ => 0..0,
        }
    }

    /// A point as configured.
    pub(crate) fn point<'a>(&self, revision: &'a Revision, local: usize) -> &'a Point {
        &revision.site.points[self.site[local]]
    }

    /// The place of a point's id.
    pub(crate) fn local_of_id(&self, revision: &Revision, id: &str) -> Option<usize> {
        let at = self.by_id.binary_search_by(|&local| self.point(revision, local).id.as_str().cmp(id)).ok()?;
        Some(self.by_id[at])
    }

    /// The place of a gateway, if it feeds any point here.
    pub(crate) fn gateway_of_path(&self, path: &GatewayPath) -> Option<usize> {
        self.gateways.binary_search(path).ok()
    }

    /// The local points that a gateway feeds, itself or by its devices.
    pub(crate) fn points_of_path(&self, path: &GatewayPath) -> impl Iterator<Item = usize> + use<'_> {
        let below = format!("{path}/");
        let first = self.gateways.partition_point(|it| it.as_str() < below.as_str());
        let end = self.gateways.partition_point(|it| it.as_str() < below.as_str() || it.as_str().starts_with(&below));
        let own = self.gateway_of_path(path).map_or(0..0, |at| at..at + 1);
        let fed = |gateway: usize| self.fed[self.first_fed[gateway]..self.first_fed[gateway + 1]].iter().copied();
        own.chain(first..end).flat_map(fed)
    }
}
