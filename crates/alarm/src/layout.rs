//! A site revision laid out for judging: points in the order of their numbers, each with its rules side by side; behind them what has a
//! clock of its own without being a point: rules over several points, suppressions, the links of gateways and enterprises.

use std::collections::BTreeMap;
use std::ops::Range;

use model::{AlarmRule, EnterpriseId, GatewayPath, Point, PointNumber, Protocol, Revision};

use crate::group::{self, Group};
use crate::index::Index;
use crate::link::Links;
use crate::point::{Rule, RuleKind};
use crate::tree::Tree;

/// Whose rule a cell belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Owner {
    /// The rule at this place among the alarms of a point, which is given by its local place.
    Rule { local: usize, alarm: usize },
    /// The link at this place.
    Link(usize),
}

/// What of a revision every record needs.
#[derive(Debug, Default)]
pub(crate) struct Layout {
    /// The number of each point, growing.
    pub(crate) numbers: Vec<PointNumber>,
    /// The rules of all places; `first` says whose.
    pub(crate) rules: Vec<Rule>,
    /// Whose each rule is.
    pub(crate) owners: Vec<Owner>,
    /// Rules over several points and suppressions; their places follow those of the points.
    pub(crate) groups: Vec<Group>,
    /// Gateways, then enterprises; their places follow those of the groups.
    pub(crate) links: Links,
    /// The gateway of each point, as a place in `gateways`.
    pub(crate) gateway: Vec<usize>,
    /// The source of each gateway, as a place in `tree`.
    pub(crate) source_of_gateway: Vec<usize>,
    /// The sources that any point depends on.
    pub(crate) tree: Tree,
    /// The gateways that feed any point, in order.
    pub(crate) gateways: Vec<GatewayPath>,
    /// The enterprises that have any point, in order.
    pub(crate) enterprises: Vec<EnterpriseId>,
    /// The protocols that each enterprise's points come by, as bits in the order of `Protocol::ALL`.
    protocols: Vec<u8>,
    /// Cells of alarms of one first-out group, each list by its number.
    pub(crate) first_outs: Vec<Vec<usize>>,
    first_out_of: BTreeMap<usize, usize>,
    suppressions_of: BTreeMap<usize, Vec<usize>>,
    groups_of: BTreeMap<usize, Vec<usize>>,
    /// Local points in the order of their gateways; `first_fed` says whose.
    fed: Vec<usize>,
    first_fed: Vec<usize>,
    index: Index,
    site: Vec<usize>,
    by_id: Vec<usize>,
    first: Vec<usize>,
    /// The cell of each alarm of each point, as configured; `first_alarm` says whose.
    cell_of_alarm: Vec<usize>,
    first_alarm: Vec<usize>,
}

/// Places with their rules, as they are laid out one after the other.
#[derive(Default)]
struct Places {
    rules: Vec<Rule>,
    owners: Vec<Owner>,
    first: Vec<usize>,
}

impl Places {
    fn push(&mut self, rule: Rule, owner: Owner) -> usize {
        self.rules.push(rule);
        self.owners.push(owner);
        self.rules.len() - 1
    }

    fn end_place(&mut self) {
        self.first.push(self.rules.len());
    }
}

impl Layout {
    /// Lays a revision out. Numbers that come twice count once.
    pub(crate) fn of(revision: &Revision) -> Self {
        let points = &revision.site.points;
        let mut site: Vec<usize> = (0..points.len().min(revision.numbers.len())).collect();
        site.sort_by_key(|&at| revision.numbers[at]);
        site.dedup_by_key(|&mut at| revision.numbers[at]);
        let numbers: Vec<_> = site.iter().map(|&at| revision.numbers[at]).collect();
        let here: Vec<&Point> = site.iter().map(|&at| &points[at]).collect();
        let mut by_id: Vec<usize> = (0..site.len()).collect();
        by_id.sort_by_key(|&local| &here[local].id);
        let mut layout = Self { index: Index::of(&numbers), numbers, site, by_id, ..Self::default() };
        layout.lay_gateways(&here);
        layout.lay_rules(&here, revision);
        layout
    }

    fn lay_gateways(&mut self, here: &[&Point]) {
        let mut gateways: Vec<_> = here.iter().map(|it| it.source.gateway.clone()).collect();
        gateways.sort();
        gateways.dedup();
        let gateway: Vec<usize> = here.iter().map(|it| gateways.partition_point(|other| other < &it.source.gateway)).collect();
        let mut enterprises: Vec<_> = here.iter().map(|it| it.enterprise.clone()).collect();
        enterprises.sort();
        enterprises.dedup();
        let mut fed: Vec<usize> = (0..here.len()).collect();
        fed.sort_by_key(|local| gateway[*local]);
        let first_fed: Vec<_> = (0..=gateways.len()).map(|at| fed.partition_point(|local| gateway[*local] < at)).collect();
        let (tree, source) = Tree::of(here);
        let first_of = |at: usize| fed[first_fed[at]];
        self.source_of_gateway = (0..gateways.len()).map(|at| source[first_of(at)]).collect();
        self.protocols = vec![0; enterprises.len()];
        for point in here {
            let enterprise = enterprises.partition_point(|other| other < &point.enterprise);
            self.protocols[enterprise] |= bit(point.source.protocol);
        }
        (self.tree, self.gateways, self.enterprises) = (tree, gateways, enterprises);
        (self.gateway, self.fed, self.first_fed) = (gateway, fed, first_fed);
    }

    fn lay_rules(&mut self, here: &[&Point], revision: &Revision) {
        let mut places = Places { first: vec![0], ..Places::default() };
        let mut cells: Vec<Vec<usize>> = here.iter().map(|it| vec![usize::MAX; it.alarms.len()]).collect();
        for (local, point) in here.iter().enumerate() {
            for (alarm, rule) in point.alarms.iter().enumerate() {
                if group_of(point, rule).is_none() {
                    cells[local][alarm] = places.push(Rule::of(rule, point.range), Owner::Rule { local, alarm });
                }
            }
            places.end_place();
        }
        self.lay_groups(here, &mut cells, &mut places);
        (self.cell_of_alarm, self.first_alarm) = (Vec::new(), vec![0]);
        for cells in &cells {
            self.cell_of_alarm.extend(cells);
            self.first_alarm.push(self.cell_of_alarm.len());
        }
        self.lay_suppressions(revision, &mut places);
        self.links = Links::of(here, &self.gateways, &self.enterprises, &self.tree);
        for (at, link) in self.links.all.iter().enumerate() {
            places.push(Rule::of(&link.rule, None), Owner::Link(at));
            places.end_place();
        }
        (self.rules, self.owners, self.first) = (places.rules, places.owners, places.first);
        self.lay_first_outs(here);
    }

    /// Each rule over several points, with what watches over it beside it.
    fn lay_groups(&mut self, here: &[&Point], cells: &mut [Vec<usize>], places: &mut Places) {
        for (local, point) in here.iter().enumerate() {
            for (alarm, rule) in point.alarms.iter().enumerate() {
                if Rule::of(rule, None).kind != RuleKind::Group {
                    continue;
                }
                let (members, judge) = group::of_rule(rule, local, |id| self.local_by_id(here, id));
                let mut group = Group::new(here.len() + self.groups.len(), members, judge);
                for (beside, other) in point.alarms.iter().enumerate() {
                    if beside == alarm || group_of(point, other) == Some(alarm) {
                        cells[local][beside] = places.push(Rule::of(other, None), Owner::Rule { local, alarm: beside });
                    }
                }
                group.rule = Some((local, alarm));
                self.push_group(group);
                places.end_place();
            }
        }
    }

    fn lay_suppressions(&mut self, revision: &Revision, places: &mut Places) {
        let points = self.numbers.len();
        for suppression in &revision.site.suppressions {
            let (members, judge) = group::of_formula(&suppression.when, |id| self.local_of_id(revision, id));
            let mut group = Group::new(points + self.groups.len(), members, judge);
            group.suppression = Some(suppression.id.as_str().into());
            for (point, alarm) in &suppression.alarms {
                let Some(local) = self.local_of_id(revision, point.as_str()) else { continue };
                let alarms = self.point(revision, local).alarms.iter().enumerate();
                let named = alarms.filter(|(_, rule)| alarm.as_ref().is_none_or(|it| *it == rule.id));
                group.targets.extend(named.map(|(at, _)| self.cell_of(local, at)));
            }
            for target in &group.targets {
                self.suppressions_of.entry(*target).or_default().push(self.groups.len());
            }
            self.push_group(group);
            places.end_place();
        }
    }

    fn push_group(&mut self, group: Group) {
        for member in &group.members {
            let groups = self.groups_of.entry(*member).or_default();
            if groups.last() != Some(&self.groups.len()) {
                groups.push(self.groups.len());
            }
        }
        self.groups.push(group);
    }

    fn lay_first_outs(&mut self, here: &[&Point]) {
        let mut named: BTreeMap<(&EnterpriseId, &str), Vec<usize>> = BTreeMap::new();
        for (local, point) in here.iter().enumerate() {
            for (alarm, rule) in point.alarms.iter().enumerate().filter(|(_, rule)| !rule.group.is_empty()) {
                named.entry((&point.enterprise, &rule.group)).or_default().push(self.cell_of(local, alarm));
            }
        }
        for (number, cells) in named.into_values().enumerate() {
            self.first_out_of.extend(cells.iter().map(|cell| (*cell, number)));
            self.first_outs.push(cells);
        }
    }

    fn local_by_id(&self, here: &[&Point], id: &str) -> Option<usize> {
        let at = self.by_id.binary_search_by(|&local| here[local].id.as_str().cmp(id)).ok()?;
        Some(self.by_id[at])
    }

    /// How many points live here.
    pub(crate) fn len(&self) -> usize {
        self.numbers.len()
    }

    /// How many places there are: points, groups, links.
    pub(crate) fn places(&self) -> usize {
        self.first.len().saturating_sub(1)
    }

    /// The place of a link.
    pub(crate) fn place_of_link(&self, link: usize) -> usize {
        self.numbers.len() + self.groups.len() + link
    }

    /// Whether any point of an enterprise comes by a protocol.
    pub(crate) fn enterprise_uses(&self, enterprise: usize, protocol: Protocol) -> bool {
        self.protocols[enterprise] & bit(protocol) != 0
    }

    /// The group whose place this is.
    pub(crate) fn group_at(&self, local: usize) -> Option<usize> {
        local.checked_sub(self.numbers.len()).filter(|at| *at < self.groups.len())
    }

    /// The groups that look at a point.
    pub(crate) fn groups_of(&self, local: usize) -> &[usize] {
        self.groups_of.get(&local).map_or(&[], Vec::as_slice)
    }

    /// Whether any group looks at a point.
    pub(crate) fn is_member(&self, local: usize) -> bool {
        self.groups_of.contains_key(&local)
    }

    /// The suppressions that name an alarm.
    pub(crate) fn suppressions_of(&self, cell: usize) -> &[usize] {
        self.suppressions_of.get(&cell).map_or(&[], Vec::as_slice)
    }

    /// The first-out group of an alarm.
    pub(crate) fn first_out_of(&self, cell: usize) -> Option<usize> {
        self.first_out_of.get(&cell).copied()
    }

    /// The place of a point's number.
    #[inline]
    pub(crate) fn local(&self, number: PointNumber) -> Option<usize> {
        self.index.get(number)
    }

    /// Where the rules and cells of a place stand.
    pub(crate) fn rules_of(&self, local: usize) -> Range<usize> {
        match self.first.get(local..local + 2) {
            Some(&[from, to]) => from..to,
            _ => 0..0,
        }
    }

    /// The place that a rule's clock is that of.
    pub(crate) fn place_of_cell(&self, cell: usize) -> usize {
        self.first.partition_point(|first| *first <= cell).saturating_sub(1)
    }

    /// The cell of an alarm of a point, as configured.
    pub(crate) fn cell_of(&self, local: usize, alarm: usize) -> usize {
        self.cell_of_alarm[self.first_alarm[local] + alarm]
    }

    /// A point as configured.
    pub(crate) fn point<'a>(&self, revision: &'a Revision, local: usize) -> &'a Point {
        &revision.site.points[self.site[local]]
    }

    /// A rule as configured, or that of a link.
    pub(crate) fn rule<'a>(&'a self, revision: &'a Revision, cell: usize) -> &'a AlarmRule {
        match self.owners[cell] {
            Owner::Rule { local, alarm } => &self.point(revision, local).alarms[alarm],
            Owner::Link(link) => &self.links.all[link].rule,
        }
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

    /// The local points that a gateway feeds, without those of its devices.
    pub(crate) fn fed_by(&self, gateway: usize) -> &[usize] {
        &self.fed[self.first_fed[gateway]..self.first_fed[gateway + 1]]
    }

    /// The local points that a gateway feeds, itself or by its devices.
    pub(crate) fn points_of_path(&self, path: &GatewayPath) -> impl Iterator<Item = usize> + use<'_> {
        let below = format!("{path}/");
        let first = self.gateways.partition_point(|it| it.as_str() < below.as_str());
        let end = self.gateways.partition_point(|it| it.as_str() < below.as_str() || it.as_str().starts_with(&below));
        let own = self.gateway_of_path(path).map_or(0..0, |at| at..at + 1);
        own.chain(first..end).flat_map(|gateway| self.fed_by(gateway).iter().copied())
    }
}

fn bit(protocol: Protocol) -> u8 {
    Protocol::ALL.iter().position(|it| *it == protocol).map_or(0, |at| 1 << at)
}

/// The place, among the alarms of its point, of the group rule that a rule is laid beside: of a group rule its own.
fn group_of(point: &Point, rule: &AlarmRule) -> Option<usize> {
    let watched = match &rule.condition {
        model::Condition::FaultOf { alarm } => alarm,
        _ => &rule.id,
    };
    let at = point.alarms.iter().position(|it| it.id == *watched)?;
    (Rule::of(&point.alarms[at], None).kind == RuleKind::Group).then_some(at)
}
