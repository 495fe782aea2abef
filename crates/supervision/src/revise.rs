//! A site revision takes effect: points that stay keep their state, what is gone is supervised no more.

use std::collections::BTreeMap;
use std::sync::Arc;

use model::{Revision, Time};

use crate::due::Due;
use crate::fold::{Gateway, PartitionFold};
use crate::gap::{Gap, Reason, Said};
use crate::layout::{Layout, Place};
use crate::needs::RuleSpan;
use crate::point::Hot;
use crate::sources::{Outage, Sources};

impl PartitionFold {
    /// From here on this revision is in force; one that is not newer changes nothing.
    pub(crate) fn revise(&mut self, revision: &Revision, said: &mut Said) {
        if revision.number <= self.revision {
            return;
        }
        self.revision = revision.number;
        let Layout { points, gateways, sources, rules } = Layout::of(revision, self.partition, self.now);
        self.let_points_go(&points, said);
        self.let_gateways_go(&gateways, said);
        let hot = points.iter().map(|place| self.was(place).map_or_else(|| self.hot_of_new(), |was| self.hot[was])).collect();
        let old_points = std::mem::replace(&mut self.points, points);
        self.hot = hot;
        self.due = Due::new(self.points.len());
        self.adopt_gateways(gateways);
        self.adopt_sources(sources, said);
        self.fit_points();
        self.judge_silence_anew(said);
        self.greet_points(&old_points, said);
        self.adopt_rules(rules, said);
        let parks = revision.site.parks.iter();
        self.zones = parks.map(|park| (park.id.shared(), Arc::from(park.time_zone.as_str()))).collect();
    }

    fn hot_of_new(&self) -> Hot {
        Hot::new(self.now, self.header.position)
    }

    /// Where a point was: the same number and the same id.
    fn was(&self, place: &Place) -> Option<usize> {
        let was = self.points.binary_search_by_key(&place.number, |it| it.number).ok()?;
        (self.points[was].id == place.id).then_some(was)
    }

    /// The gaps of points that are not in the site any more end.
    fn let_points_go(&self, points: &[Place], said: &mut Said) {
        for local in 0..self.points.len() {
            let here = &self.points[local];
            let stays = points.binary_search_by_key(&here.number, |it| it.number).is_ok_and(|at| points[at].id == here.id);
            if !stays {
                said.gaps.extend(self.open_of(local).map(|gap| Gap { to: Some(self.now), ..gap }));
            }
        }
    }

    /// What is open of a point.
    fn open_of(&self, local: usize) -> impl Iterator<Item = Gap> {
        let hot = &self.hot[local];
        let unseen = (!hot.has(Hot::SEEN)).then(|| self.point_gap(local, Reason::NeverSeen, hot.last, hot.at));
        let stale = hot.stale.map(|from| self.point_gap(local, Reason::Stale, from, hot.at));
        let quality = hot.quality.map(|(reason, from, at)| self.point_gap(local, reason, from, at));
        [unseen, stale, quality].into_iter().flatten()
    }

    fn let_gateways_go(&self, gateways: &[(Arc<str>, usize)], said: &mut Said) {
        for (at, gateway) in self.gateways.iter().enumerate() {
            let stays = gateways.binary_search_by(|(path, _)| path.cmp(&gateway.path)).is_ok();
            if let (Some(since), false) = (gateway.ahead, stays) {
                said.gaps.push(self.clock_gap(at, since, Some(self.now)));
            }
        }
    }

    fn adopt_gateways(&mut self, gateways: Vec<(Arc<str>, usize)>) {
        let old = std::mem::take(&mut self.gateways);
        let adopt = |(path, source): (Arc<str>, usize)| {
            let was = old.binary_search_by(|it| it.path.cmp(&path)).ok().map(|at| old[at].clone());
            let new = Gateway { path, source, ahead: None, row: 0, row_since: Time::from_micros(0) };
            was.map_or(new, |was| Gateway { source, ..was })
        };
        self.gateways = gateways.into_iter().map(adopt).collect();
    }

    /// Sources keep their state; a gateway that is new is awaited, for it speaks up when it is there.
    fn adopt_sources(&mut self, mut sources: Sources, said: &mut Said) {
        for place in 0..self.sources.0.len() {
            if sources.find(&self.sources.0[place].name).is_none() {
                self.end_outage(place, said);
            }
        }
        let mut new = Vec::new();
        for at in 0..sources.0.len() {
            sources.0[at].outage = match self.sources.find(&sources.0[at].name) {
                Some(was) => self.sources.0[was].outage,
                None => {
                    let outage = self.outage_of_new(&sources, at);
                    new.extend(outage.map(|outage| (at, outage)));
                    outage
                }
            };
        }
        self.sources = sources;
        said.gaps.extend(new.into_iter().map(|(at, outage)| self.outage_gap(at, outage, None)));
    }

    fn outage_of_new(&self, sources: &Sources, at: usize) -> Option<Outage> {
        let protocol = sources.0[at].parent.filter(|parent| sources.0[*parent].parent.is_none())?;
        // The first version of the core took a new gateway for as up as its protocol. Protocols come before what is below them.
        let awaited = self.version != 1 || sources.0[protocol].outage.is_some();
        awaited.then_some(Outage { since: self.now, at: self.header.position, said: false })
    }

    /// Another patience may end a silence, or begin one: from here on, as the core counts it.
    fn judge_silence_anew(&mut self, said: &mut Said) {
        for local in 0..self.hot.len() {
            let hot = self.hot[local];
            let silent = hot.elapsed(self.now) > self.points[local].stale_after;
            match (hot.stale, silent) {
                (Some(from), false) => {
                    self.hot[local].stale = None;
                    let gap = self.point_gap(local, Reason::Stale, from, hot.at);
                    said.gaps.push(Gap { to: Some(self.now), ..gap });
                }
                (None, true) => self.fall_silent(local, self.now, said),
                _ => {}
            }
            self.register(local);
        }
    }

    /// Points that are new have not been seen.
    fn greet_points(&self, old: &[Place], said: &mut Said) {
        for (local, place) in self.points.iter().enumerate() {
            let was = old.binary_search_by_key(&place.number, |it| it.number).ok();
            if was.is_none_or(|was| old[was].id != place.id) {
                let hot = &self.hot[local];
                said.gaps.push(self.point_gap(local, Reason::NeverSeen, hot.last, hot.at));
            }
        }
    }

    fn adopt_rules(&mut self, mut rules: BTreeMap<(Arc<str>, Arc<str>), RuleSpan>, said: &mut Said) {
        for (key, before) in &self.rules {
            match rules.get_mut(key) {
                Some(now) if now.is_like(before) => now.from = before.from,
                _ => said.rules.push(RuleSpan { to: Some(self.now), ..before.clone() }),
            }
        }
        for (key, now) in &rules {
            if self.rules.get(key).is_none_or(|before| !before.is_like(now)) {
                said.rules.push(now.clone());
            }
        }
        self.rules = rules;
    }
}
