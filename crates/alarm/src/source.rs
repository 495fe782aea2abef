//! Outages: while a source is down the clocks of its points stand still (design: outages; traps 18, 27).

use std::collections::BTreeMap;
use std::sync::Arc;

use model::{
    EnterpriseId, Event, EventBody, PossibleGap, Protocol, Revision, Scope, SourceChange, SourceChangeKind, SourceId, Time,
};

use crate::apply::Core;
use crate::emit::enterprise_scope_of;
use crate::layout::{Layout, protocol};
use crate::point::Hot;

/// For each protocol, in the order of `Protocol::ALL`, since when its source is down.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Sources {
    pub(crate) down: [Option<Time>; Protocol::ALL.len()],
}

impl Sources {
    /// Since when the source of a point is down.
    pub(crate) fn down_since(&self, source: u8) -> Option<Time> {
        self.down.get(usize::from(source)).copied().flatten()
    }

    /// Those of a protocol that `source` covers, as places in `down`.
    fn covered(source: &SourceId) -> impl Iterator<Item = (usize, SourceId)> {
        Protocol::ALL.iter().map(|it| SourceId::of(*it)).enumerate().filter(|(_, it)| source.covers(it))
    }
}

impl Core {
    /// Nothing came since `since`: clocks of its points run to there and stop, all others run on.
    pub(crate) fn source_down(&mut self, source: &SourceId, since: Time, reason: &str, events: &mut Vec<Event>) {
        let record_before = self.now;
        let since = since.min(self.header.time);
        self.run(since, events);
        let mut stopped = Vec::new();
        for (place, source) in Sources::covered(source) {
            // Down twice is down once; since the first.
            if self.sources.down[place].is_none() {
                self.sources.down[place] = Some(since);
                self.freeze_points_of(place);
                stopped.push((place, source));
            }
        }
        self.run(self.header.time, events);
        for (place, source) in stopped {
            let scopes = self.revision.as_ref().map_or_else(BTreeMap::new, |it| enterprises_of(it, &self.layout, place));
            for scope in scopes.into_values() {
                events.push(self.source_event(&source, SourceChangeKind::Down, since.max(record_before), since, reason, scope));
            }
        }
    }

    fn freeze_points_of(&mut self, place: usize) {
        for (hot, source) in self.hot.iter_mut().zip(&self.layout.source) {
            if usize::from(*source) == place {
                hot.freeze(Hot::DOWN, self.now);
                hot.set(Hot::OUTAGE, true);
            }
        }
    }

    /// The source is back: clocks of its points go on from where they stood.
    pub(crate) fn source_up(&mut self, source: &SourceId, session_lost: bool, events: &mut Vec<Event>) {
        for (place, source) in Sources::covered(source) {
            let Some(since) = self.sources.down[place].take() else { continue };
            for local in 0..self.layout.len() {
                if usize::from(self.layout.source[local]) == place {
                    self.hot[local].thaw(Hot::DOWN, self.now);
                    self.refresh(local);
                }
            }
            let scopes = self.revision.as_ref().map_or_else(BTreeMap::new, |it| enterprises_of(it, &self.layout, place));
            for scope in scopes.into_values() {
                events.push(self.source_event(&source, SourceChangeKind::Up, self.now, since, "", scope.clone()));
                if session_lost {
                    events.push(self.lost_session(&source, since, scope));
                }
            }
        }
    }

    fn lost_session(&self, source: &SourceId, since: Time, scope: Scope) -> Event {
        let name: Arc<str> = Arc::from(source.as_str());
        let gap = PossibleGap {
            source: Arc::clone(&name),
            from: since,
            to: self.now,
            reason: "the broker had not kept the session".to_owned(),
            messages: None,
            points: Vec::new(),
            more_points: 0,
        };
        self.event(self.now, name, scope, EventBody::Gap(gap))
    }

    fn source_event(
        &self,
        source: &SourceId,
        change: SourceChangeKind,
        at: Time,
        since: Time,
        reason: &str,
        scope: Scope,
    ) -> Event {
        let name: Arc<str> = Arc::from(source.as_str());
        let body = SourceChange { change, of_gateway: false, source: Arc::clone(&name), since, reason: reason.to_owned() };
        self.event(at, name, scope, EventBody::Source(body))
    }

    /// Tells enterprises that came to have points of a source while it is down: their clocks stand still too, and somebody must know.
    pub(crate) fn tell_of_outages(&self, before: Option<(&Revision, &Layout)>, events: &mut Vec<Event>) {
        let Some(revision) = self.revision.as_ref() else { return };
        for source in Protocol::ALL {
            let place = usize::from(protocol(*source));
            let Some(since) = self.sources.down[place] else { continue };
            let known = before.map_or_else(BTreeMap::new, |(revision, layout)| enterprises_of(revision, layout, place));
            for (enterprise, scope) in enterprises_of(revision, &self.layout, place) {
                if !known.contains_key(&enterprise) {
                    let source = SourceId::of(*source);
                    let reason = "was down when its points came";
                    events.push(self.source_event(&source, SourceChangeKind::Down, self.now, since, reason, scope));
                }
            }
        }
    }
}

/// The enterprises that have points of a source.
fn enterprises_of(revision: &Revision, layout: &Layout, place: usize) -> BTreeMap<EnterpriseId, Scope> {
    let points = (0..layout.len()).filter(|local| usize::from(layout.source[*local]) == place);
    let mut found = BTreeMap::new();
    for point in points.map(|local| layout.point(revision, local)) {
        if !found.contains_key(&point.enterprise) {
            found.insert(point.enterprise.clone(), enterprise_scope_of(point));
        }
    }
    found
}
