//! Samples that may be missing, the points they may be missing of, and other news of gateways.

use std::collections::BTreeMap;
use std::sync::Arc;

use model::{
    EnterpriseId, Event, EventBody, GatewayFault, GatewayPath, PointId, PossibleGap, Scope, SourceId, Time, UnmappedTags,
};

use crate::apply::Core;
use crate::emit::enterprise_scope_of;

/// How many points a gap names; the rest is counted.
const POINTS_NAMED_MAX: usize = 100;

/// What is known of a gap, whomever it concerns.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Gap<'a> {
    /// Source or gateway.
    pub(crate) source: &'a str,
    pub(crate) from: Time,
    pub(crate) to: Time,
    pub(crate) reason: &'a str,
    pub(crate) messages: Option<u64>,
}

impl Core {
    /// Samples of a source may have been lost.
    pub(crate) fn loss(&mut self, source: &SourceId, gap: &Gap<'_>, events: &mut Vec<Event>) {
        let tree = &self.layout.tree;
        let mut points: Vec<usize> = Vec::new();
        tree.named(source).into_iter().for_each(|place| points.extend(tree.points_below(place)));
        // Of plain JSON one gateway's link is not known, but what it lost may be.
        let path = source.path().and_then(|path| GatewayPath::new(path).ok());
        if points.is_empty()
            && let Some(path) = &path
        {
            points = self.layout.points_of_path(path).collect();
        }
        let said = self.gap_events(gap, source.subject(), &points);
        if said.is_empty()
            && let Some(path) = &path
        {
            events.push(self.gap_event(gap, source.subject(), self.scope_of_gateway(path), Vec::new()));
        }
        events.extend(said.into_values());
    }

    /// A gateway's sequence numbers skipped.
    pub(crate) fn sequence_gap(&mut self, gateway: &GatewayPath, count: u64, events: &mut Vec<Event>) {
        let last = self.layout.gateway_of_path(gateway).and_then(|it| self.gateways[it].last_message);
        let gap = Gap {
            source: gateway.as_str(),
            from: last.unwrap_or(self.now),
            to: self.now,
            reason: "sequence numbers were skipped",
            messages: Some(count),
        };
        let points: Vec<usize> = self.layout.points_of_path(gateway).collect();
        let said = self.gap_events(&gap, gateway.as_str(), &points);
        if said.is_empty() {
            events.push(self.gap_event(&gap, gateway.as_str(), self.scope_of_gateway(gateway), Vec::new()));
        }
        events.extend(said.into_values());
    }

    /// Tags that no point claims.
    pub(crate) fn unmapped(&mut self, gateway: &GatewayPath, tags: &UnmappedTags, events: &mut Vec<Event>) {
        let scope = self.scope_of_gateway(gateway);
        events.push(self.event(self.now, gateway.shared(), scope, EventBody::Unmapped(tags.clone())));
    }

    /// A gateway breaks a rule of its protocol.
    pub(crate) fn fault(&mut self, gateway: &GatewayPath, rule: &str, detail: &str, events: &mut Vec<Event>) {
        let body = EventBody::Fault(GatewayFault { rule: rule.to_owned(), detail: detail.to_owned() });
        events.push(self.event(self.now, gateway.shared(), self.scope_of_gateway(gateway), body));
    }

    /// One event for each enterprise that these points belong to.
    pub(crate) fn gap_events(&self, gap: &Gap<'_>, subject: &str, points: &[usize]) -> BTreeMap<EnterpriseId, Event> {
        let Some(revision) = self.revision.as_deref() else { return BTreeMap::new() };
        let mut concerned: BTreeMap<&EnterpriseId, (Scope, Vec<&PointId>)> = BTreeMap::new();
        for point in points.iter().map(|local| self.layout.point(revision, *local)) {
            let (_, points) = concerned.entry(&point.enterprise).or_insert_with(|| (enterprise_scope_of(point), Vec::new()));
            points.push(&point.id);
        }
        let event = |(enterprise, (scope, points)): (&EnterpriseId, (Scope, Vec<&PointId>))| {
            (enterprise.clone(), self.gap_event(gap, subject, scope, points))
        };
        concerned.into_iter().map(event).collect()
    }

    fn gap_event(&self, gap: &Gap<'_>, subject: &str, scope: Scope, mut points: Vec<&PointId>) -> Event {
        if self.judges_like_the_first() {
            points.clear();
        }
        points.sort_unstable();
        let more = points.len().saturating_sub(POINTS_NAMED_MAX);
        let body = PossibleGap {
            source: Arc::from(gap.source),
            from: gap.from,
            to: gap.to,
            reason: gap.reason.to_owned(),
            messages: gap.messages,
            points: points.into_iter().take(POINTS_NAMED_MAX).map(ToString::to_string).collect(),
            more_points: u32::try_from(more).unwrap_or(u32::MAX),
        };
        self.event(self.now, Arc::from(subject), scope, EventBody::Gap(body))
    }

    /// Whom a gateway's events concern: the enterprise of its points; if it has none, the one its path names.
    pub(crate) fn scope_of_gateway(&self, path: &GatewayPath) -> Scope {
        let Some(revision) = self.revision.as_deref() else { return Scope::default() };
        if let Some(local) = self.layout.points_of_path(path).next() {
            return enterprise_scope_of(self.layout.point(revision, local));
        }
        let named = path.as_str().split('/').nth(1).unwrap_or_default();
        let enterprise = revision.site.enterprises.iter().find(|it| it.id.as_str() == named);
        enterprise.map_or_else(Scope::default, |it| Scope {
            park: it.park.as_ref().map(model::ParkId::shared),
            enterprise: Some(it.id.shared()),
            installation: None,
        })
    }
}
