//! Online monitoring rate (在线率), from the same gaps.
//!
//! A point is online at a moment if it was heard of since it is in the site, is not silent on its clock, its source is not down, and
//! Davy runs. What nobody knows any more (`not_recorded`) is not online. A bad or calibrated instrument and a wrong clock are online: they
//! speak. The rate of an enterprise or a park is the time online of all its points over the time all of them were in the site.

use model::{Span, Time};

use crate::judge::{Gaps, judge};
use crate::needs::{ONLINE, RuleSpan};

/// Time online of time in the site, summed over points.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rate {
    /// Time in the site.
    pub in_force: Span,
    /// Time online.
    pub online: Span,
}

impl Rate {
    /// Adds another's times.
    pub fn add(&mut self, other: Self) {
        self.in_force = self.in_force + other.in_force;
        self.online = self.online + other.online;
    }

    /// From 0 to 1; `None` where there was nothing to be online.
    #[expect(clippy::cast_precision_loss, reason = "a share, for people")]
    pub fn share(&self) -> Option<f64> {
        (self.in_force > Span::ZERO).then(|| self.online.micros() as f64 / self.in_force.micros() as f64)
    }
}

/// The rate of a point over a range of time; of rows that stand for no point nothing.
pub fn rate(row: &RuleSpan, gaps: &Gaps, from: Time, to: Time) -> Rate {
    if row.kind != ONLINE {
        return Rate::default();
    }
    let judged = judge(row, gaps, from, to);
    Rate { in_force: judged.in_force, online: judged.supervised }
}
