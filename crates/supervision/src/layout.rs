//! A site revision as the record needs it: points in the order of their numbers, their gateways and sources, and every rule with what it
//! needs, the implied ones of gateways and enterprises among them.

use std::collections::BTreeMap;
use std::sync::Arc;

use model::{AlarmKind, GatewayPath, Partition, Point, PointNumber, Protocol, Revision, Span, Time};

use crate::needs::{Needs, ONLINE, RuleSpan};
use crate::sources::Sources;

/// A point and where it comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) number: PointNumber,
    pub(crate) id: Arc<str>,
    pub(crate) stale_after: Span,
    /// Its gateway, as a place among them.
    pub(crate) gateway: usize,
    /// Its source, as a place among them.
    pub(crate) source: usize,
}

/// A revision laid out.
#[derive(Debug)]
pub(crate) struct Layout {
    /// In the order of numbers, each once.
    pub(crate) points: Vec<Place>,
    /// In order, each with its source.
    pub(crate) gateways: Vec<(Arc<str>, usize)>,
    pub(crate) sources: Sources,
    /// By point and alarm, in force from `now`.
    pub(crate) rules: BTreeMap<(Arc<str>, Arc<str>), RuleSpan>,
}

impl Layout {
    pub(crate) fn of(revision: &Revision, partition: Partition, now: Time) -> Self {
        let mut here: Vec<(PointNumber, &Point)> = revision.points().collect();
        here.sort_by_key(|(number, _)| *number);
        here.dedup_by_key(|(number, _)| *number);
        let sources = Sources::of(here.iter().map(|(_, point)| point.source_id()));
        let source_of = |point: &Point| sources.find(&point.source_id()).unwrap_or_default();
        let mut by_path: BTreeMap<Arc<str>, usize> = BTreeMap::new();
        for (_, point) in &here {
            // Of several protocols under one path the first point's counts, as in the core.
            by_path.entry(point.source.gateway.shared()).or_insert_with(|| source_of(point));
        }
        let gateways: Vec<(Arc<str>, usize)> = by_path.into_iter().collect();
        let points = here.iter().map(|(number, point)| Place {
            number: *number,
            id: point.id.shared(),
            stale_after: point.stale_after.max(Span::ZERO),
            gateway: gateways.partition_point(|(path, _)| **path < *point.source.gateway.as_str()),
            source: source_of(point),
        });
        let points = points.collect();
        let here: Vec<&Point> = here.into_iter().map(|(_, point)| point).collect();
        let rules = rules(&here, partition, now).map(|it| ((Arc::clone(&it.point), Arc::clone(&it.alarm)), it)).collect();
        Self { points, gateways, sources, rules }
    }
}

fn rules<'a>(here: &'a [&'a Point], partition: Partition, now: Time) -> impl Iterator<Item = RuleSpan> {
    let by_id: BTreeMap<&str, &Point> = here.iter().map(|point| (point.id.as_str(), *point)).collect();
    let find = move |id: &str| by_id.get(id).copied();
    let mut rules = Vec::new();
    for point in here {
        let span = |alarm: Arc<str>, kind, needs| RuleSpan {
            alarm,
            kind,
            installation: point.installation.shared(),
            ..of_enterprise(point, point.id.shared(), needs, now)
        };
        rules.push(span(Arc::from(""), ONLINE, Needs::of_point(partition, point)));
        for rule in &point.alarms {
            rules.push(span(rule.id.shared(), rule.kind.as_str(), Needs::of_rule(partition, point, rule, &find)));
        }
    }
    rules.into_iter().chain(links(here, partition, now))
}

/// The alarms of gateways and of nodes above them, and of enterprises: every one has them, none is configured.
fn links(here: &[&Point], partition: Partition, now: Time) -> impl Iterator<Item = RuleSpan> {
    let mut links: BTreeMap<(AlarmKind, Arc<str>), RuleSpan> = BTreeMap::new();
    for point in here {
        let protocol = point.source.protocol;
        for path in [point.source.gateway.shared(), unit(protocol, &point.source.gateway)] {
            let needs = Needs::of_gateway(partition, protocol);
            let span = || link(AlarmKind::GatewayDown, of_enterprise(point, Arc::clone(&path), needs, now));
            links.entry((AlarmKind::GatewayDown, Arc::clone(&path))).or_insert_with(span);
        }
        let id = point.enterprise.shared();
        let needs = Needs::of_enterprise(partition);
        let span = || link(AlarmKind::EnterpriseDown, of_enterprise(point, Arc::clone(&id), needs, now));
        links.entry((AlarmKind::EnterpriseDown, Arc::clone(&id))).or_insert_with(span);
    }
    links.into_values()
}

fn link(kind: AlarmKind, span: RuleSpan) -> RuleSpan {
    RuleSpan { alarm: Arc::from(kind.as_str()), kind: kind.as_str(), ..span }
}

/// What falls silent as one: a device with its node, any other gateway by itself.
fn unit(protocol: Protocol, path: &GatewayPath) -> Arc<str> {
    let node = path.as_str().rsplit_once('/').filter(|(node, _)| protocol == Protocol::Sparkplug && node.contains('/'));
    node.map_or_else(|| path.shared(), |(node, _)| Arc::from(node))
}

fn of_enterprise(point: &Point, subject: Arc<str>, needs: Needs, now: Time) -> RuleSpan {
    RuleSpan {
        point: subject,
        alarm: Arc::from(""),
        from: now,
        to: None,
        kind: ONLINE,
        park: point.park.as_ref().map_or_else(|| Arc::from(""), model::ParkId::shared),
        enterprise: point.enterprise.shared(),
        installation: Arc::from(""),
        needs,
    }
}
