//! Answers from the supervision record. What the service offers is a thin coat around these functions.
//!
//! Every answer is complete up to `complete_to`: beyond it nothing was judged, and `to` is cut there. An open end of a gap is shown as
//! the end of what was asked.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use ::supervision::{Gaps, Judged, ONLINE, Rate, judge};
use journal::{Journal, JournalId};
use model::{EnterpriseId, Partition, Span, Time};
use store::{MAX_PAGE, Progress, RuleDayRow, RuleQuery, Store, StoreError};

use super::Folded;
use super::rows::{self, Found, Spans};
use crate::complete::{complete_in, newest_visible};

/// How long an answer waits for what was durable when it was asked for.
const WAIT: Duration = Duration::from_secs(1);

/// Points looked at a time for online rates.
const ONLINE_POINTS: usize = 1_000;

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

/// Days that are over.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct DaysAnswer {
    pub(crate) days: Vec<RuleDayRow>,
    /// There are more than an answer holds: ask for fewer.
    pub(crate) more: bool,
}

/// For each rule the time in which it could have fired, and every gap with its reason and evidence.
pub(crate) async fn answer(
    store: &dyn Store,
    journal: &dyn Journal,
    folded: &Folded,
    wanted: &Wanted,
) -> Result<SupervisionAnswer, StoreError> {
    let query = wanted.query();
    let complete_to = complete_for(store, journal, folded, &query).await?;
    let to = wanted.to.min(complete_to.unwrap_or(Time::MIN));
    let Found { spans, mut more } = rows::spans(store, &RuleQuery { to, ..query }).await?;
    let mut by_rule: BTreeMap<(Arc<str>, Arc<str>), Spans> = BTreeMap::new();
    for span in spans.into_iter().filter(|it| it.kind != ONLINE) {
        by_rule.entry((Arc::clone(&span.point), Arc::clone(&span.alarm))).or_default().push(span);
    }
    more |= by_rule.len() > RULES_MAX;
    let rules: Vec<Spans> = by_rule.into_values().take(RULES_MAX).collect();
    let all: Spans = rules.iter().flatten().cloned().collect();
    let gaps = rows::gaps(store, &all, wanted.from, to).await?;
    let rules = rules.iter().filter_map(|spans| rule_answer(spans, &gaps, wanted.from, to)).collect();
    Ok(SupervisionAnswer { rules, complete_to, more })
}

/// Could this alarm have fired at that moment?
pub(crate) async fn at(
    store: &dyn Store,
    journal: &dyn Journal,
    folded: &Folded,
    (point, alarm): (&str, &str),
    moment: Time,
) -> Result<MomentAnswer, StoreError> {
    let next = moment.plus(Span::from_micros(1));
    let (points, alarms) = (vec![point.to_owned()], vec![alarm.to_owned()]);
    let query = RuleQuery { points, alarms, from: moment, to: next, ..RuleQuery::default() };
    let complete_to = complete_for(store, journal, folded, &query).await?;
    if complete_to.is_none_or(|complete| complete < next) {
        return Ok(MomentAnswer { complete_to, ..MomentAnswer::default() });
    }
    let spans = rows::spans(store, &query).await?.spans;
    let gaps = rows::gaps(store, &spans, moment, next).await?;
    let Some(found) = spans.iter().find_map(|span| ::supervision::at(span, &gaps, moment)) else {
        return Ok(MomentAnswer { could_have_fired: Some(false), not_in_force: true, complete_to, ..MomentAnswer::default() });
    };
    let open = complete_to.unwrap_or(next);
    let gaps = found.gaps.into_iter().map(|gap| GapAnswer {
        from: gap.from,
        to: gap.to.unwrap_or(open),
        reason: gap.reason.as_str().to_owned(),
        scope: gap.scope,
        evidence: gap.evidence,
    });
    Ok(MomentAnswer { could_have_fired: Some(found.could_have_fired), not_in_force: false, gaps: gaps.collect(), complete_to })
}

/// Online monitoring rate of points, enterprises or parks; of `wanted.alarms` nothing is taken.
pub(crate) async fn online(
    store: &dyn Store,
    journal: &dyn Journal,
    folded: &Folded,
    wanted: &Wanted,
    by: OnlineBy,
) -> Result<OnlineAnswer, StoreError> {
    let points = points_of(store, wanted).await?;
    let query = |points: &[String]| RuleQuery {
        points: points.to_vec(),
        // The rows that stand for points themselves.
        alarms: vec![String::new()],
        enterprises: wanted.enterprises.clone(),
        parks: wanted.parks.clone(),
        from: wanted.from,
        to: wanted.to,
    };
    let complete_to = complete_for(store, journal, folded, &query(&[])).await?;
    let to = wanted.to.min(complete_to.unwrap_or(Time::MIN));
    let mut rates: BTreeMap<String, (BTreeSet<String>, Rate)> = BTreeMap::new();
    for points in points.chunks(ONLINE_POINTS) {
        let spans = rows::spans(store, &RuleQuery { to, ..query(points) }).await?.spans;
        let gaps = rows::gaps(store, &spans, wanted.from, to).await?;
        for span in spans.iter().filter(|it| it.kind == ONLINE) {
            let id = match by {
                OnlineBy::Point => &span.point,
                OnlineBy::Enterprise => &span.enterprise,
                OnlineBy::Park => &span.park,
            };
            let (counted, rate) = rates.entry(id.to_string()).or_default();
            counted.insert(span.point.to_string());
            rate.add(::supervision::rate(span, &gaps, wanted.from, to));
        }
    }
    let rate = |(id, (points, rate)): (String, (BTreeSet<String>, Rate))| {
        let points = u32::try_from(points.len()).unwrap_or(u32::MAX);
        OnlineRate { id, points, in_force: rate.in_force, online: rate.online }
    };
    Ok(OnlineAnswer { rates: rates.into_iter().map(rate).collect(), complete_to })
}

/// Days of rules that begin in the time asked for, as they are stored; what is not over yet is `answer`'s. Without the rows of points
/// themselves (`online`).
pub(crate) async fn days(store: &dyn Store, wanted: &Wanted) -> Result<DaysAnswer, StoreError> {
    let mut days = store.rule_days(&wanted.query()).await?;
    let more = days.len() >= MAX_PAGE;
    days.retain(|row| !row.alarm.is_empty());
    Ok(DaysAnswer { days, more })
}

impl Wanted {
    fn query(&self) -> RuleQuery {
        let Self { points, alarms, enterprises, parks, from, to } = self.clone();
        RuleQuery { points, alarms, enterprises, parks, from, to }
    }
}

/// The ids of all points that may be meant: of each its rows are looked at.
async fn points_of(store: &dyn Store, wanted: &Wanted) -> Result<Vec<String>, StoreError> {
    if !wanted.points.is_empty() {
        return Ok(wanted.points.clone());
    }
    // Not by enterprise or park: a point may have been of another one then, and the rows say of which.
    Ok(store.points().await?.into_iter().map(|it| it.id).collect())
}

fn rule_answer(spans: &Spans, gaps: &Gaps, from: Time, to: Time) -> Option<RuleAnswer> {
    let mut judged = Judged::default();
    spans.iter().for_each(|span| judged.add(judge(span, gaps, from, to)));
    let last = spans.last()?;
    let gaps = judged.gaps.into_iter().map(|gap| GapAnswer {
        from: gap.from,
        to: gap.to,
        reason: gap.reason.as_str().to_owned(),
        scope: gap.scope,
        evidence: gap.evidence,
    });
    Some(RuleAnswer {
        point: last.point.to_string(),
        alarm: last.alarm.to_string(),
        kind: last.kind.to_owned(),
        park: last.park.to_string(),
        enterprise: last.enterprise.to_string(),
        installation: last.installation.to_string(),
        in_force: judged.in_force,
        supervised: judged.supervised,
        gaps: gaps.collect(),
    })
}

/// Waits until what was durable when this was asked is folded and stored, for `WAIT` at most, and says how far the answer goes: to the
/// last record of every partition that has such rules in force, for what comes after it is not known before the next one, and as far as
/// `events` is folded.
async fn complete_for(
    store: &dyn Store,
    journal: &dyn Journal,
    folded: &Folded,
    query: &RuleQuery,
) -> Result<Option<Time>, StoreError> {
    let newest = newest_visible(journal);
    if newest == Time::MIN {
        return Ok(None);
    }
    let partitions = partitions(store, journal, query).await?;
    let journals: Vec<JournalId> = partitions.into_iter().map(JournalId::Telemetry).chain([JournalId::Events]).collect();
    let targets: Vec<_> = journals.iter().map(|id| (*id, journal.bounds(*id).durable)).collect();
    folded.wait(&targets, WAIT).await;
    let stored = store.progress().await?;
    let positions = stored.positions.iter().filter_map(|(name, at)| Some((name.strip_prefix("supervision/")?.to_owned(), *at)));
    let progress = Progress { epoch: stored.epoch, positions: positions.collect() };
    let mut complete = complete_in(journal, JournalId::Events, &progress, newest).await;
    for id in journals.iter().filter(|id| **id != JournalId::Events) {
        complete = complete.min(progress.positions.get(&id.to_string()).map_or(Time::MIN, |(_, time)| *time));
    }
    Ok((complete > Time::MIN).then_some(complete))
}

/// The partitions in which such rules are in force; all, where none is known.
async fn partitions(store: &dyn Store, journal: &dyn Journal, query: &RuleQuery) -> Result<BTreeSet<Partition>, StoreError> {
    let found = rows::spans(store, query).await?;
    let of = |enterprise: &str| EnterpriseId::new(enterprise).ok().map(|id| Partition::of(&id));
    let open = found.spans.iter().filter(|it| it.to.is_none());
    let mut partitions: BTreeSet<Partition> = open.filter_map(|it| of(&it.enterprise)).collect();
    partitions.extend(query.enterprises.iter().filter_map(|it| of(it)));
    let here: BTreeSet<Partition> = journal.partitions().into_iter().collect();
    if found.spans.is_empty() && query.enterprises.is_empty() || found.more {
        return Ok(here);
    }
    Ok(partitions.intersection(&here).copied().collect())
}
