//! Answers from the supervision record. What the service offers is a thin coat around these functions.
//!
//! Every answer is complete up to `complete_to`: beyond it nothing was judged, and `to` is cut there. An open end of a gap is shown as
//! the end of what was asked.

use journal::Journal;
use model::{Span, Time};
use store::{RuleDayRow, Store, StoreError};

use crate::progress::Stored;

/// Most rules of one answer; `more` says that there would be others.
pub(crate) const RULES_MAX: usize = 1_000;

/// Which rules, and when; each empty list means all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Wanted {
    /// Points; of the alarm that a gateway or an enterprise is down, its path or id.
    pub(crate) points: Vec<String>,
    /// Ids of alarms.
    pub(crate) alarms: Vec<String>,
    /// Enterprises.
    pub(crate) enterprises: Vec<String>,
    /// Parks.
    pub(crate) parks: Vec<String>,
    /// Journal time, inclusive.
    pub(crate) from: Time,
    /// Journal time, exclusive.
    pub(crate) to: Time,
}

/// What kept a rule from firing, within the time asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct GapAnswer {
    /// Inclusive.
    pub(crate) from: Time,
    /// Exclusive.
    pub(crate) to: Time,
    /// `stale`, `shelved` ... as in `store::GapRow`.
    pub(crate) reason: String,
    /// What it concerns, as in `store::GapRow`.
    pub(crate) scope: String,
    /// The record (`telemetry/17@123`) or the event (its id) that proves it.
    pub(crate) evidence: String,
}

/// One rule over the time asked for; its times in force under several revisions are one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct RuleAnswer {
    /// Its point.
    pub(crate) point: String,
    /// Its id on the point.
    pub(crate) alarm: String,
    /// Its kind, as it was last.
    pub(crate) kind: String,
    /// Empty outside any park.
    pub(crate) park: String,
    /// Whose.
    pub(crate) enterprise: String,
    /// Where; empty for gateways and enterprises.
    pub(crate) installation: String,
    /// How long it was in force.
    pub(crate) in_force: Span,
    /// How long it could have fired.
    pub(crate) supervised: Span,
    /// What kept it from that, by start; where several did at once, each is here.
    pub(crate) gaps: Vec<GapAnswer>,
}

/// The answer for several rules, by point and alarm.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct SupervisionAnswer {
    /// The rules that were in force at any time asked for.
    pub(crate) rules: Vec<RuleAnswer>,
    /// `None` where nothing was ever recorded.
    pub(crate) complete_to: Option<Time>,
    /// There are more rules than an answer holds: ask for fewer.
    pub(crate) more: bool,
}

/// Whether an alarm could have fired at one moment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct MomentAnswer {
    /// `None` where it is not yet known: the moment lies beyond `complete_to`.
    pub(crate) could_have_fired: Option<bool>,
    /// No such rule was in force.
    pub(crate) not_in_force: bool,
    /// What kept it from that; each gap as a whole, not cut.
    pub(crate) gaps: Vec<GapAnswer>,
    /// `None` where nothing was ever recorded.
    pub(crate) complete_to: Option<Time>,
}

/// Rates of what.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum OnlineBy {
    Point,
    Enterprise,
    Park,
}

/// Online monitoring rate (在线率) of one point, enterprise or park: `online` of `in_force`, both summed over its points. A point is
/// online while it was heard of and neither stale, nor its source down, nor the engine; bad quality and calibration do not count.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct OnlineRate {
    /// The point's, enterprise's or park's id; empty for what lies outside any park.
    pub(crate) id: String,
    /// How many points count.
    pub(crate) points: u32,
    /// For how long they were of the site.
    pub(crate) in_force: Span,
    /// For how long they were online.
    pub(crate) online: Span,
}

/// The answer for several, by id.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct OnlineAnswer {
    pub(crate) rates: Vec<OnlineRate>,
    /// `None` where nothing was ever recorded.
    pub(crate) complete_to: Option<Time>,
}

/// Days that are over, and the day that goes on judged up to now.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct DaysAnswer {
    pub(crate) days: Vec<RuleDayRow>,
    /// There are more than an answer holds: ask for fewer.
    pub(crate) more: bool,
}

/// How far the record has come, for answers that wait for what was durable when they were asked; see `Stored`.
pub(crate) type Folded = Stored;

/// For each rule the time in which it could have fired, and every gap with its reason and evidence.
pub(crate) async fn answer(
    _store: &dyn Store,
    _journal: &dyn Journal,
    _folded: &Folded,
    _wanted: &Wanted,
) -> Result<SupervisionAnswer, StoreError> {
    Ok(SupervisionAnswer::default())
}

/// Could this alarm have fired at that moment?
pub(crate) async fn at(
    _store: &dyn Store,
    _journal: &dyn Journal,
    _folded: &Folded,
    (_point, _alarm): (&str, &str),
    _moment: Time,
) -> Result<MomentAnswer, StoreError> {
    Ok(MomentAnswer::default())
}

/// Online monitoring rate of points, enterprises or parks; of `wanted.alarms` nothing is taken.
pub(crate) async fn online(
    _store: &dyn Store,
    _journal: &dyn Journal,
    _folded: &Folded,
    _wanted: &Wanted,
    _by: OnlineBy,
) -> Result<OnlineAnswer, StoreError> {
    Ok(OnlineAnswer::default())
}

/// Days of rules that begin in the time asked for, as they are stored. Without the rows of points themselves (`online`).
pub(crate) async fn days(_store: &dyn Store, _wanted: &Wanted) -> Result<DaysAnswer, StoreError> {
    Ok(DaysAnswer::default())
}
