//! Outages: while a source is down the clocks of its points stand still (design: outages; traps 18, 27).
//!
//! A protocol is up or down, and each enterprise with points of it hears of both. A gateway whose own link is known is up, down and said
//! so, or *awaited*: its protocol was down since it was last heard of, so nobody knows; its clocks stand still and nothing is said, lest a
//! restart tell of every gateway. A device is up or down by itself. Clocks of a point run while its source and all above are up.

use std::collections::BTreeMap;
use std::sync::Arc;

use model::{EnterpriseId, Event, EventBody, Revision, Scope, SourceChange, SourceChangeKind, SourceId, Time};

use crate::apply::Core;
use crate::emit::enterprise_scope_of;
use crate::gap::Gap;
use crate::layout::Layout;
use crate::point::Hot;
use crate::tree::Tree;

/// The state of every source, by its place in the layout's tree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Sources {
    pub(crate) outages: Vec<Option<Outage>>,
}

/// Nothing comes from a source.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Outage {
    /// Journal time of the last thing known from it.
    pub(crate) since: Time,
    /// Somebody was told; a gateway of which nobody was is awaited.
    pub(crate) said: bool,
}

impl Default for Sources {
    fn default() -> Self {
        Self { outages: vec![None; Tree::default().len()] }
    }
}

impl Sources {
    /// Whether clocks of a source's own points stand still.
    fn stopped(&self, tree: &Tree, at: usize) -> bool {
        let mut next = Some(at);
        while let Some(at) = next {
            if self.outages[at].is_some() {
                return true;
            }
            next = tree.parent(at);
        }
        false
    }

    /// Nothing is known of the gateways of a protocol from here on, where they were not down before.
    pub(crate) fn await_gateways(&mut self, tree: &Tree, protocol: usize, since: Time) {
        for gateway in tree.gateways(protocol) {
            self.outages[gateway].get_or_insert(Outage { since, said: false });
        }
    }
}

impl Core {
    /// Nothing came since `since`: clocks of its points run to there and stop, all others run on.
    pub(crate) fn source_down(&mut self, source: &SourceId, since: Time, reason: &str, events: &mut Vec<Event>) {
        let record_before = self.now;
        let since = since.min(self.header.time);
        self.run(since, events);
        let mut stopped = Vec::new();
        for place in self.layout.tree.named(source) {
            if self.layout.tree.is_protocol(place) {
                self.sources.await_gateways(&self.layout.tree, place, since);
            }
            // Down twice is down once; since the first. What was awaited is as long down as nothing was known of it.
            let outage = self.sources.outages[place].get_or_insert(Outage { since, said: false });
            if !std::mem::replace(&mut outage.said, true) {
                stopped.push((place, outage.since.min(since)));
            }
            self.fit_points_to(place);
        }
        self.fit_group_clocks();
        self.run(self.header.time, events);
        let at = since.max(record_before);
        for (place, since) in stopped {
            for scope in self.enterprises_of(place).into_values() {
                events.push(self.source_event(place, SourceChangeKind::Down, at, since, reason, scope));
            }
        }
        self.judge_links(events);
    }

    /// The source is back: clocks of its points go on from where they stood, unless something else holds them.
    pub(crate) fn source_up(&mut self, source: &SourceId, session_lost: bool, events: &mut Vec<Event>) {
        for place in self.layout.tree.named(source) {
            let Some(outage) = self.sources.outages[place].take() else { continue };
            if self.judges_like_the_first() && self.layout.tree.is_protocol(place) {
                self.hear_all_of(place);
            }
            self.fit_points_to(place);
            let mut lost = if session_lost { self.lost_session(place, outage.since) } else { BTreeMap::new() };
            for (enterprise, scope) in self.enterprises_of(place) {
                if outage.said {
                    events.push(self.source_event(place, SourceChangeKind::Up, self.now, outage.since, "", scope));
                }
                events.extend(lost.remove(&enterprise));
            }
        }
        self.fit_group_clocks();
        self.judge_links(events);
    }

    /// A message came from an awaited gateway whose protocol is up, so it is there: for one that a revision brought while its link was up
    /// already there may be no other sign.
    pub(crate) fn hear(&mut self, source: usize, events: &mut Vec<Event>) {
        let Some(gateway) = self.layout.tree.gateway(source) else { return };
        let awaited = self.sources.outages[gateway].is_some_and(|it| !it.said);
        let parent = self.layout.tree.parent(gateway).and_then(|protocol| self.sources.outages[protocol]);
        if awaited && parent.is_none() {
            self.sources.outages[gateway] = None;
            self.fit_points_to(gateway);
            self.fit_group_clocks();
            // What is due on clocks that go on comes before the message, wherever its batch begins.
            self.run(self.now, events);
        }
    }

    fn hear_all_of(&mut self, protocol: usize) {
        for gateway in self.layout.tree.gateways(protocol) {
            let outage = &mut self.sources.outages[gateway];
            *outage = outage.filter(|it| it.said);
        }
    }

    /// Points of a source and of all below it stand still or run as their sources do.
    fn fit_points_to(&mut self, place: usize) {
        for at in self.layout.tree.below(place) {
            let stopped = self.sources.stopped(&self.layout.tree, at);
            for index in 0..self.layout.tree.points_at(at).len() {
                let local = self.layout.tree.points_at(at)[index];
                let hot = &mut self.hot[local];
                match (stopped, hot.has(Hot::DOWN)) {
                    (true, false) => {
                        hot.freeze(Hot::DOWN, self.now);
                        hot.set(Hot::OUTAGE, true);
                    }
                    (false, true) => {
                        hot.thaw(Hot::DOWN, self.now);
                        self.refresh(local);
                    }
                    _ => {}
                }
            }
        }
    }

    /// Under a new layout sources keep their state, and points that are new, or changed their source, stand still or run as it does.
    pub(crate) fn fit_to_sources(&mut self, old: &Layout) {
        let tree = &self.layout.tree;
        let mut outages = Vec::with_capacity(tree.len());
        for at in 0..tree.len() {
            let kept = old.tree.find(tree.name(at)).map(|was| self.sources.outages[was]);
            outages.push(kept.unwrap_or_else(|| self.outage_of_new(at, &outages)));
        }
        self.sources.outages = outages;
        for protocol in self.layout.tree.named(&SourceId::all()) {
            self.fit_points_to(protocol);
        }
    }

    /// A gateway is awaited at first: it speaks up when it is there. Recorded data have no links.
    fn outage_of_new(&self, at: usize, above: &[Option<Outage>]) -> Option<Outage> {
        let tree = &self.layout.tree;
        let protocol = tree.parent(at).filter(|parent| tree.is_protocol(*parent))?;
        let follows = self.recorded || self.judges_like_the_first();
        // Protocols come before what is below them.
        let down = above.get(protocol).copied().flatten().is_some();
        (down || !follows).then_some(Outage { since: self.now, said: false })
    }

    /// The enterprises that hear of a source: all that have points of a protocol, and the one whose gateway it is.
    fn enterprises_of(&self, place: usize) -> BTreeMap<EnterpriseId, Scope> {
        self.revision.as_ref().map_or_else(BTreeMap::new, |it| enterprises_of(it, &self.layout, place))
    }

    fn lost_session(&self, place: usize, since: Time) -> BTreeMap<EnterpriseId, Event> {
        let reason = "the broker had not kept the session";
        let gap = Gap { source: self.layout.tree.name(place).as_str(), from: since, to: self.now, reason, messages: None };
        self.gap_events(&gap, self.layout.tree.name(place).subject(), self.layout.tree.points_below(place))
    }

    fn source_event(&self, place: usize, change: SourceChangeKind, at: Time, since: Time, reason: &str, scope: Scope) -> Event {
        let source = self.layout.tree.name(place);
        let of_gateway = !self.layout.tree.is_protocol(place);
        let body = SourceChange { change, of_gateway, source: Arc::from(source.as_str()), since, reason: reason.to_owned() };
        self.event(at, Arc::from(source.subject()), scope, EventBody::Source(body))
    }

    /// Tells enterprises that came to have points of a source while it is down: their clocks stand still too, and somebody must know.
    pub(crate) fn tell_of_outages(&self, before: Option<(&Revision, &Layout)>, events: &mut Vec<Event>) {
        let tree = &self.layout.tree;
        let protocols = tree.named(&SourceId::all());
        let others = (0..tree.len()).filter(|at| !tree.is_protocol(*at));
        for place in protocols.into_iter().chain(others) {
            let Some(Outage { since, said: true }) = self.sources.outages[place] else { continue };
            let known = before.and_then(|(revision, layout)| {
                let was = layout.tree.find(tree.name(place))?;
                Some(enterprises_of(revision, layout, was))
            });
            let known = known.unwrap_or_default();
            for (enterprise, scope) in self.enterprises_of(place) {
                if !known.contains_key(&enterprise) {
                    let reason = "was down when its points came";
                    events.push(self.source_event(place, SourceChangeKind::Down, self.now, since, reason, scope));
                }
            }
        }
    }
}

/// The enterprises that have points of a source.
fn enterprises_of(revision: &Revision, layout: &Layout, place: usize) -> BTreeMap<EnterpriseId, Scope> {
    let mut found = BTreeMap::new();
    for point in layout.tree.points_below(place).iter().map(|local| layout.point(revision, *local)) {
        if !found.contains_key(&point.enterprise) {
            found.insert(point.enterprise.clone(), enterprise_scope_of(point));
        }
    }
    found
}
