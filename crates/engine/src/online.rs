//! Which share of the points delivers: as each partition's engine last counted, shared with the API. A live figure: it decides nothing and is
//! kept nowhere.

use std::collections::BTreeMap;

use metrics::gauge;
use model::{EnterpriseId, ParkId, Partition, Time};
use parking_lot::Mutex;

use crate::metrics::{POINTS, POINTS_ONLINE};

/// The counts of all partitions.
#[derive(Debug, Default)]
pub struct OnlineRates {
    by_partition: Mutex<BTreeMap<Partition, Vec<OnlineCount>>>,
}

/// How many points of an enterprise deliver.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct OnlineCount {
    pub(crate) enterprise: EnterpriseId,
    pub(crate) park: Option<ParkId>,
    pub(crate) points: u32,
    pub(crate) online: u32,
    /// Journal time of the count.
    pub(crate) at: Time,
}

impl OnlineRates {
    /// Takes what a core counts now.
    pub(crate) fn take(&self, partition: Partition, core: &alarm::Core) {
        let at = core.time();
        let count = |(enterprise, park, points, online)| OnlineCount { enterprise, park, points, online, at };
        let counts = core.online().into_iter().map(count).collect();
        self.by_partition.lock().insert(partition, counts);
    }

    /// All counts, in the order of the enterprises' ids.
    pub(crate) fn counts(&self) -> Vec<OnlineCount> {
        let mut counts: Vec<_> = self.by_partition.lock().values().flatten().cloned().collect();
        counts.sort_by(|a, b| a.enterprise.cmp(&b.enterprise));
        counts
    }

    /// Tells the totals to whoever collects metrics.
    pub(crate) fn tell(&self) {
        let by_partition = self.by_partition.lock();
        let sum = |of: fn(&OnlineCount) -> u32| by_partition.values().flatten().map(of).fold(0_u32, u32::saturating_add);
        gauge!(POINTS).set(sum(|it| it.points));
        gauge!(POINTS_ONLINE).set(sum(|it| it.online));
    }
}
