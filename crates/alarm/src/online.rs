//! Which points deliver now: a live figure, no part of any decision.

use std::collections::BTreeMap;

use model::{EnterpriseId, ParkId};

use crate::apply::Core;
use crate::point::Hot;

impl Core {
    /// For each enterprise, in the order of their ids: its park, how many points it has here, and how many of them are online now: heard of,
    /// not silent, and of a source that is not down.
    pub fn online(&self) -> Vec<(EnterpriseId, Option<ParkId>, u32, u32)> {
        let Some(revision) = self.revision.as_deref() else { return Vec::new() };
        let mut counts: BTreeMap<&EnterpriseId, (Option<&ParkId>, u32, u32)> = BTreeMap::new();
        // Behind the points stand the places of groups and links.
        for (local, hot) in self.hot.iter().enumerate().take(self.layout.len()) {
            let point = self.layout.point(revision, local);
            let (_, points, online) = counts.entry(&point.enterprise).or_insert((point.park.as_ref(), 0, 0));
            *points += 1;
            *online += u32::from(self.is_online(hot));
        }
        counts.into_iter().map(|(id, (park, points, online))| (id.clone(), park.cloned(), points, online)).collect()
    }

    fn is_online(&self, hot: &Hot) -> bool {
        hot.has(Hot::SEEN) && !hot.has(Hot::DOWN) && hot.clock(self.now) <= hot.silence()
    }
}
