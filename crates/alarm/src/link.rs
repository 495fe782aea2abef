//! Gateways and enterprises from which nothing comes: one alarm each, instead of one for every point (traps 18, 27).
//!
//! Where a gateway's own link is known, its alarm follows the link. Of plain JSON nobody knows a link: when a point falls silent and its
//! gateway has said nothing either for as long, the gateway is silent, and the point's own alarm waits until the gateway is back and the
//! point is not. Gateways that fall silent together are one alarm of their enterprise, and so is an outage of a whole protocol.

use std::collections::BTreeMap;
use std::sync::Arc;

use model::{
    AlarmId, AlarmKind, AlarmRule, EnterpriseId, Event, GatewayPath, Point, Priority, Protocol, Scope, SourceId, Span, Time,
};

use crate::apply::Core;
use crate::emit::{Cause, enterprise_scope_of};
use crate::life::Happening;
use crate::point::Hot;
use crate::tree::Tree;

/// A link that is down for less is no alarm: it flaps, or Davy was started anew.
const LINK_DELAY: Span = Span::from_secs(10);

/// What has a link: a gateway, a node of gateways, or an enterprise.
#[derive(Debug)]
pub(crate) struct Link {
    /// As if it were configured.
    pub(crate) rule: AlarmRule,
    /// The gateway's path, or the enterprise's id.
    pub(crate) subject: Arc<str>,
    pub(crate) scope: Scope,
    /// Its source in the tree, where its own link is known.
    source: Option<usize>,
    /// The enterprise, as a place among them.
    enterprise: usize,
}

/// The links of a partition: of gateways and of nodes above them, in order, then of enterprises.
#[derive(Debug, Default)]
pub(crate) struct Links {
    pub(crate) all: Vec<Link>,
    /// The link of each gateway's unit: its node if it is a device, else itself.
    unit_of_gateway: Vec<usize>,
    /// Gateways of each unit, by link.
    gateways_of: BTreeMap<usize, Vec<usize>>,
    /// The first one of an enterprise.
    first_enterprise: usize,
}

impl Links {
    /// The links of these points and gateways.
    pub(crate) fn of(here: &[&Point], gateways: &[GatewayPath], enterprises: &[EnterpriseId], tree: &Tree) -> Self {
        let mut of_path: BTreeMap<GatewayPath, (Priority, &Point)> = BTreeMap::new();
        let mut of_enterprise: BTreeMap<&EnterpriseId, (Priority, &Point)> = BTreeMap::new();
        for point in here {
            let stale = point.alarms.iter().filter(|rule| rule.kind == AlarmKind::Stale).map(|rule| rule.priority).max();
            // As urgent as the most urgent silence that it stands for.
            let priority = stale.unwrap_or(Priority::Medium).max(Priority::Medium);
            for path in [point.source.gateway.clone(), unit(point.source.protocol, &point.source.gateway)] {
                let entry = of_path.entry(path).or_insert((priority, point));
                entry.0 = entry.0.max(priority);
            }
            let entry = of_enterprise.entry(&point.enterprise).or_insert((priority, point));
            entry.0 = entry.0.max(priority);
        }
        let place = |point: &Point| enterprises.partition_point(|other| other < &point.enterprise);
        let mut all: Vec<Link> = Vec::with_capacity(of_path.len() + enterprises.len());
        for (path, (priority, point)) in &of_path {
            let known = point.source.protocol != Protocol::Mqtt;
            let source = tree.find(&SourceId::gateway(point.source.protocol, path)).filter(|_| known);
            all.push(link(AlarmKind::GatewayDown, path.shared(), *priority, point, (source, place(point))));
        }
        let first_enterprise = all.len();
        for (id, (priority, point)) in &of_enterprise {
            all.push(link(AlarmKind::EnterpriseDown, id.shared(), *priority, point, (None, place(point))));
        }
        let paths: Vec<&GatewayPath> = of_path.keys().collect();
        let mut links = Self { all, first_enterprise, ..Self::default() };
        for (gateway, path) in gateways.iter().enumerate() {
            let protocol = here.iter().find(|it| it.source.gateway == *path).map_or(Protocol::Mqtt, |it| it.source.protocol);
            let own = paths.binary_search(&&unit(protocol, path)).unwrap_or_default();
            links.unit_of_gateway.push(own);
            links.gateways_of.entry(own).or_default().push(gateway);
        }
        links
    }

    /// The link of an enterprise.
    pub(crate) fn of_enterprise(&self, enterprise: usize) -> usize {
        self.first_enterprise + enterprise
    }

    /// The link of a gateway's path.
    pub(crate) fn of_path(&self, path: &str) -> Option<usize> {
        self.all[..self.first_enterprise].binary_search_by(|it| (*it.subject).cmp(path)).ok()
    }

    fn gateways_of(&self, unit: usize) -> &[usize] {
        self.gateways_of.get(&unit).map_or(&[], Vec::as_slice)
    }

    fn units_of(&self, enterprise: usize) -> impl Iterator<Item = usize> + use<'_> {
        self.gateways_of.keys().copied().filter(move |unit| self.all[*unit].enterprise == enterprise)
    }
}

fn link(kind: AlarmKind, subject: Arc<str>, priority: Priority, point: &Point, at: (Option<usize>, usize)) -> Link {
    let rule = AlarmRule {
        id: AlarmId::new(kind.as_str()).expect("the words of kinds are ids"),
        kind,
        on_delay: LINK_DELAY,
        priority,
        implied: true,
        ..AlarmRule::default()
    };
    Link { rule, subject, scope: enterprise_scope_of(point), source: at.0, enterprise: at.1 }
}

/// What falls silent as one: a device with its node, any other gateway by itself.
fn unit(protocol: Protocol, path: &GatewayPath) -> GatewayPath {
    let node = path.as_str().rsplit_once('/').filter(|(node, _)| protocol == Protocol::Sparkplug && node.contains('/'));
    node.and_then(|(node, _)| GatewayPath::new(node).ok()).unwrap_or_else(|| path.clone())
}

impl Core {
    /// A point falls silent by its clock at `journal`: whether its gateway does, so that the point's own alarm has to wait.
    pub(crate) fn rolls_up(&mut self, local: usize, journal: Time, events: &mut Vec<Event>) -> bool {
        if self.recorded || self.judges_like_the_second() {
            return false;
        }
        let patience = self.hot[local].stale_after;
        let unit = self.layout.links.unit_of_gateway[self.layout.gateway[local]];
        let points: usize = self.layout.links.gateways_of(unit).iter().map(|it| self.layout.fed_by(*it).len()).sum();
        if points < 2 || !self.said_nothing(unit, journal, patience) {
            return false;
        }
        if !std::mem::replace(&mut self.silent[unit], true) {
            self.tell_silence(unit, journal, patience, events);
        }
        true
    }

    fn said_nothing(&self, unit: usize, journal: Time, patience: Span) -> bool {
        let mut gateways = self.layout.links.gateways_of(unit).iter();
        gateways.all(|it| self.gateways[*it].last_message.is_none_or(|last| journal.since(last) >= patience))
    }

    /// Whether the points of a gateway wait for it.
    pub(crate) fn is_silent(&self, gateway: usize) -> bool {
        self.silent[self.layout.links.unit_of_gateway[gateway]]
    }

    /// Of one gateway, or of its enterprise if all that it has fell silent together.
    fn tell_silence(&mut self, unit: usize, journal: Time, patience: Span, events: &mut Vec<Event>) {
        let enterprise = self.layout.links.all[unit].enterprise;
        let whole = self.layout.links.of_enterprise(enterprise);
        let half = Span::from_micros(patience.micros() / 2);
        let links = &self.layout.links;
        let several = links.units_of(enterprise).nth(1).is_some();
        let together = several && links.units_of(enterprise).all(|it| self.said_nothing(it, journal, half));
        if together || self.silent[whole] {
            self.silent[whole] = true;
            self.raise_link(whole, journal, "nothing comes from any of its gateways", events);
        } else {
            self.raise_link(unit, journal, "nothing comes from it", events);
        }
    }

    /// It was waited for long enough: no delay more.
    fn raise_link(&mut self, link: usize, at: Time, reason: &str, events: &mut Vec<Event>) {
        let place = self.layout.place_of_link(link);
        self.hot[place].restart(at, at);
        for cell in self.layout.rules_of(place) {
            self.cells[cell].pending = false;
            if !self.cells[cell].flags.cond() {
                self.change(cell, Happening::Alm, &Cause { at, reason, ..Cause::default() }, events);
            }
        }
        self.refresh(place);
    }

    /// A gateway that was silent speaks: its alarm returns, and points that stay silent have one patience more before they are told of.
    pub(crate) fn speaks_again(&mut self, gateway: usize, events: &mut Vec<Event>) {
        let unit = self.layout.links.unit_of_gateway[gateway];
        if !std::mem::replace(&mut self.silent[unit], false) {
            return;
        }
        self.judge_link(unit, events);
        let enterprise = self.layout.links.all[unit].enterprise;
        let whole = self.layout.links.of_enterprise(enterprise);
        if std::mem::replace(&mut self.silent[whole], false) {
            self.judge_link(whole, events);
            let still: Vec<usize> = self.layout.links.units_of(enterprise).filter(|it| self.silent[*it]).collect();
            for other in still {
                self.raise_link(other, self.now, "nothing comes from it", events);
            }
        }
        for index in 0..self.layout.links.gateways_of(unit).len() {
            let gateway = self.layout.links.gateways_of(unit)[index];
            for point in 0..self.layout.fed_by(gateway).len() {
                let local = self.layout.fed_by(gateway)[point];
                self.release(local);
                if self.hot[local].has(Hot::SILENT) {
                    // Rules that look at it judge again, at the end of the message: from now on it is missing by itself.
                    self.touch_groups(local);
                }
            }
        }
    }

    /// A point's silence counts anew from here.
    pub(crate) fn release(&mut self, local: usize) {
        let hot = self.hot[local];
        let again = hot.clock(self.now).plus(hot.stale_after);
        for cell in self.layout.rules_of(local) {
            let state = &mut self.cells[cell];
            if state.due == Time::MAX && !state.flags.cond() {
                state.due = again;
            }
        }
        self.refresh(local);
    }

    /// A link alarm follows what is known of the link, and what is not rolled up into that of its enterprise.
    fn judge_link(&mut self, link: usize, events: &mut Vec<Event>) {
        if self.recorded || self.judges_like_the_second() {
            return;
        }
        let about = &self.layout.links.all[link];
        let down = about.source.is_some_and(|source| self.sources.outages[source].is_some_and(|it| it.said));
        let whole = self.layout.links.of_enterprise(about.enterprise);
        let lost = link == whole && self.lost_a_protocol(about.enterprise);
        let active = down || lost || self.silent[link] && (link == whole || !self.silent[whole]);
        let reason = match (active, down, lost) {
            (false, ..) => "it is back",
            (_, true, _) => "its link is down",
            (_, _, true) => "its connection is down",
            _ => "nothing comes from it",
        };
        let (place, at) = (self.layout.place_of_link(link), self.now);
        self.run_point(place, at, events);
        self.hot[place].restart(at, at);
        for cell in self.layout.rules_of(place) {
            self.hold(cell, (active, !active), &Cause { at, reason, ..Cause::default() }, events);
        }
        self.refresh(place);
    }

    /// Whether a protocol that points of an enterprise come by is down as a whole.
    fn lost_a_protocol(&self, enterprise: usize) -> bool {
        Protocol::ALL.iter().filter(|protocol| self.layout.enterprise_uses(enterprise, **protocol)).any(|protocol| {
            let place = self.layout.tree.find(&SourceId::of(*protocol));
            place.is_some_and(|place| self.sources.outages[place].is_some_and(|it| it.said))
        })
    }

    /// After a source went or came: the alarms of all that may depend on it.
    pub(crate) fn judge_links(&mut self, events: &mut Vec<Event>) {
        for link in 0..self.layout.links.all.len() {
            self.judge_link(link, events);
        }
    }
}
