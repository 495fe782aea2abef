//! Outages as the core sees them: a protocol is up or down; a gateway whose own link is known is up, down, or *awaited*, for its protocol
//! was down since it was last heard of. In each case nothing comes from it and the clocks of its points stand still.

use std::cmp::Ordering;
use std::collections::BTreeSet;

use model::{Body, Position, Protocol, SourceId, Time};

use crate::fold::PartitionFold;
use crate::gap::{Gap, Reason, Said, record, scope};
use crate::point::Hot;

/// A source of the partition's points.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Source {
    pub(crate) name: SourceId,
    /// The place of the one above; a protocol has none.
    pub(crate) parent: Option<usize>,
    pub(crate) outage: Option<Outage>,
}

/// Nothing comes from a source.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Outage {
    /// Since when, journal time.
    pub(crate) since: Time,
    /// The record that told of it.
    pub(crate) at: Position,
    /// It is known to be down, and not only awaited.
    pub(crate) said: bool,
}

/// The sources in an order in which what is below one follows it; every protocol is there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Sources(pub(crate) Vec<Source>);

impl Default for Sources {
    fn default() -> Self {
        Self::of(std::iter::empty())
    }
}

impl Sources {
    /// These, what is above them, and every protocol.
    pub(crate) fn of(named: impl Iterator<Item = SourceId>) -> Self {
        let mut all: BTreeSet<SourceId> = Protocol::ALL.iter().map(|it| SourceId::of(*it)).collect();
        for name in named {
            // Of Sparkplug alone a device is below its node: what is above a gateway of gRPC is no source.
            if let Some((node, _)) = name.as_str().rsplit_once('/').filter(|(node, _)| is_node(node)) {
                all.insert(SourceId::named(node));
            }
            all.insert(name);
        }
        let mut names: Vec<_> = all.into_iter().collect();
        names.sort_by(by_parts);
        let place = |name: &str| names.binary_search_by(|other| by_parts(other, &SourceId::named(name))).ok();
        let parent = |name: &SourceId| name.as_str().rmatch_indices('/').find_map(|(at, _)| place(&name.as_str()[..at]));
        Self(names.iter().map(|name| Source { name: name.clone(), parent: parent(name), outage: None }).collect())
    }

    pub(crate) fn find(&self, name: &SourceId) -> Option<usize> {
        self.0.binary_search_by(|other| by_parts(&other.name, name)).ok()
    }

    /// What a record's source names: all protocols, one of them, one gateway or device; nothing that feeds no point here.
    fn named(&self, source: &SourceId) -> Vec<usize> {
        if *source == SourceId::all() {
            return (0..self.0.len()).filter(|at| self.0[*at].parent.is_none()).collect();
        }
        self.find(source).into_iter().collect()
    }

    /// The gateways right below a protocol.
    fn gateways(&self, protocol: usize) -> Vec<usize> {
        (0..self.0.len()).filter(|at| self.0[*at].parent == Some(protocol)).collect()
    }

    /// The gateway that a source is or belongs to; `None` for a protocol.
    fn gateway(&self, at: usize) -> Option<usize> {
        let mut at = at;
        loop {
            let parent = self.0[at].parent?;
            if self.0[parent].parent.is_none() {
                return Some(at);
            }
            at = parent;
        }
    }

    /// Whether clocks of a source's own points stand still.
    pub(crate) fn stopped(&self, at: usize) -> bool {
        let mut next = Some(at);
        while let Some(at) = next {
            if self.0[at].outage.is_some() {
                return true;
            }
            next = self.0[at].parent;
        }
        false
    }
}

fn is_node(name: &str) -> bool {
    let mut parts = name.split('/');
    parts.next() == Some(Protocol::Sparkplug.as_str()) && parts.count() == 2
}

/// Part by part: `g/n` is followed by `g/n/d`, and only then by `g/n 2`.
fn by_parts(one: &SourceId, other: &SourceId) -> Ordering {
    one.as_str().split('/').cmp(other.as_str().split('/'))
}

impl PartitionFold {
    /// The first version of the core took all gateways for back with their protocol.
    const fn judges_like_the_first(&self) -> bool {
        self.version == 1
    }

    pub(crate) fn source_record(&mut self, body: &Body, said: &mut Said) {
        match body {
            Body::SourceDown { source, since, .. } => self.source_down(source, *since, said),
            Body::SourceUp { source, .. } => self.source_up(source, said),
            _ => {}
        }
    }

    /// Nothing came since `since`: clocks of its points run to there and stop, all others run on.
    fn source_down(&mut self, source: &SourceId, since: Time, said: &mut Said) {
        let since = since.min(self.header.time);
        self.run(since, said);
        for place in self.sources.named(source) {
            if self.sources.0[place].parent.is_none() {
                for gateway in self.sources.gateways(place) {
                    self.begin_outage(gateway, since, false, said);
                }
            }
            self.begin_outage(place, since, true, said);
        }
        self.fit_points();
        self.run(self.header.time, said);
    }

    /// Down twice is down once, since the first time.
    fn begin_outage(&mut self, place: usize, since: Time, known: bool, said: &mut Said) {
        let at = self.header.position;
        match &mut self.sources.0[place].outage {
            Some(outage) => outage.said |= known,
            none => {
                let outage = Outage { since, at, said: known };
                *none = Some(outage);
                said.gaps.push(self.outage_gap(place, outage, None));
            }
        }
    }

    /// The source is back: clocks of its points go on from where they stood, unless something else holds them.
    fn source_up(&mut self, source: &SourceId, said: &mut Said) {
        for place in self.sources.named(source) {
            if self.end_outage(place, said) && self.judges_like_the_first() && self.sources.0[place].parent.is_none() {
                for gateway in self.sources.gateways(place) {
                    if self.sources.0[gateway].outage.is_some_and(|it| !it.said) {
                        self.end_outage(gateway, said);
                    }
                }
            }
        }
        self.fit_points();
    }

    pub(crate) fn end_outage(&mut self, place: usize, said: &mut Said) -> bool {
        let Some(outage) = self.sources.0[place].outage.take() else { return false };
        said.gaps.push(self.outage_gap(place, outage, Some(self.now)));
        true
    }

    pub(crate) fn outage_gap(&self, place: usize, outage: Outage, to: Option<Time>) -> Gap {
        Gap {
            scope: scope::source(self.partition.0, self.sources.0[place].name.as_str()),
            reason: Reason::GatewayOffline,
            from: outage.since,
            to,
            evidence: record(self.partition.0, outage.at),
        }
    }

    /// A message came from an awaited gateway whose protocol is up, so it is there.
    pub(crate) fn hear(&mut self, source: usize, said: &mut Said) {
        let Some(gateway) = self.sources.gateway(source) else { return };
        let awaited = self.sources.0[gateway].outage.is_some_and(|it| !it.said);
        let above = self.sources.0[gateway].parent.and_then(|protocol| self.sources.0[protocol].outage);
        if awaited && above.is_none() {
            self.end_outage(gateway, said);
            self.fit_points();
            self.run(self.now, said);
        }
    }

    /// Points stand still or run as their sources do.
    pub(crate) fn fit_points(&mut self) {
        let stopped: Vec<bool> = (0..self.sources.0.len()).map(|at| self.sources.stopped(at)).collect();
        for local in 0..self.hot.len() {
            let hot = &mut self.hot[local];
            match (stopped[self.points[local].source], hot.has(Hot::DOWN)) {
                (true, false) => hot.freeze(self.now),
                (false, true) => {
                    hot.thaw(self.now);
                    self.register(local);
                }
                _ => {}
            }
        }
    }
}
