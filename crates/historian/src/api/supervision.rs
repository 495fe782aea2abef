//! The supervision record as callers see it.
//!
//! Limits: see `QuerySupervision` and `GetOnlineRates` in history.proto; the lists of a request have `MAX_FILTER_TERMS` entries at most.

use model::{Span, Time};
use prost_types::Timestamp;
use wire::{Failure, time_to_v1, v1};

use crate::api::{Api, failure};
use crate::request;
use crate::supervision::answer::{self, GapAnswer, OnlineBy, OnlineRate, RuleAnswer, Wanted};

/// Longest period.
const DAYS_MAX: i64 = 400;

/// Most gaps of an answer; each takes below 200 bytes, so it stays below 4 MiB (traps 56).
const GAPS_MAX: usize = 20_000;

/// Most rules of a moment; each is looked up by itself.
const MOMENTS_MAX: usize = 100;

/// Most rates of an answer.
const RATES_MAX: usize = 20_000;

/// `QuerySupervision`.
pub(super) async fn query(api: &Api, request: v1::QuerySupervisionRequest) -> Result<v1::QuerySupervisionResponse, Failure> {
    let v1::QuerySupervisionRequest { points, alarms, enterprises, parks, from, to, at } = request;
    let (moment, (from, to)) = match at {
        Some(_) if from.is_some() || to.is_some() => {
            return Err(Failure::field("at", "at is said together with from or to; give a moment or a period"));
        }
        Some(at) => {
            let at = request::time("at", &at)?;
            (Some(at), (at, at.plus(Span::from_micros(1))))
        }
        None => (None, period(from.as_ref(), to.as_ref())?),
    };
    let wanted = Wanted {
        points: request::listed("points", points)?,
        alarms: request::listed("alarms", alarms)?,
        enterprises: request::listed("enterprises", enterprises)?,
        parks: request::listed("parks", parks)?,
        from,
        to,
    };
    match moment {
        Some(at) => moments(api, &wanted, at).await,
        None => rules(api, &wanted).await,
    }
}

fn period(from: Option<&Timestamp>, to: Option<&Timestamp>) -> Result<(Time, Time), Failure> {
    let (from, to) = request::period(from, to)?;
    if to.since(from) > Span::from_secs(DAYS_MAX * 86_400) {
        return Err(Failure::field("from", format!("from lies more than {DAYS_MAX} days before to; give a shorter period")));
    }
    Ok((from, to))
}

async fn rules(api: &Api, wanted: &Wanted) -> Result<v1::QuerySupervisionResponse, Failure> {
    let found = answer::answer(&*api.store, &*api.journal, &api.folded, wanted).await.map_err(failure)?;
    let share = GAPS_MAX / found.rules.len().max(1);
    Ok(v1::QuerySupervisionResponse {
        rules: found.rules.into_iter().map(|rule| rule_to_v1(rule, share)).collect(),
        moments: Vec::new(),
        more: found.more,
        complete_to: found.complete_to.map(time_to_v1),
    })
}

/// Rules named by point and alarm are looked up as named, so that one that was not in force is told from one that could not fire.
async fn moments(api: &Api, wanted: &Wanted, at: Time) -> Result<v1::QuerySupervisionResponse, Failure> {
    let named = wanted.points.iter().flat_map(|point| wanted.alarms.iter().map(move |alarm| (point.clone(), alarm.clone())));
    let mut pairs: Vec<_> = named.take(MOMENTS_MAX + 1).collect();
    let (mut more, mut complete_to) = (false, None);
    if pairs.is_empty() || !(wanted.enterprises.is_empty() && wanted.parks.is_empty()) {
        let found = answer::answer(&*api.store, &*api.journal, &api.folded, wanted).await.map_err(failure)?;
        pairs = found.rules.into_iter().map(|rule| (rule.point, rule.alarm)).collect();
        (more, complete_to) = (found.more, found.complete_to);
    }
    pairs.sort_unstable();
    pairs.dedup();
    more |= pairs.len() > MOMENTS_MAX;
    let mut moments = Vec::new();
    for (point, alarm) in pairs.into_iter().take(MOMENTS_MAX) {
        let found = answer::at(&*api.store, &*api.journal, &api.folded, (&point, &alarm), at).await.map_err(failure)?;
        complete_to = complete_to.min(found.complete_to).or(found.complete_to);
        moments.push(v1::RuleAtMoment {
            point,
            alarm,
            could_have_fired: found.could_have_fired,
            not_in_force: found.not_in_force,
            gaps: found.gaps.into_iter().take(GAPS_MAX / MOMENTS_MAX).map(gap_to_v1).collect(),
        });
    }
    Ok(v1::QuerySupervisionResponse { rules: Vec::new(), moments, more, complete_to: complete_to.map(time_to_v1) })
}

fn rule_to_v1(rule: RuleAnswer, gaps_max: usize) -> v1::RuleSupervision {
    let RuleAnswer { point, alarm, kind, park, enterprise, installation, in_force, supervised, gaps } = rule;
    let more_gaps = gaps.len().saturating_sub(gaps_max);
    v1::RuleSupervision {
        point,
        alarm,
        alarm_kind: kind,
        park,
        enterprise,
        installation,
        in_force_us: in_force.micros(),
        supervised_us: supervised.micros(),
        gaps: gaps.into_iter().take(gaps_max).map(gap_to_v1).collect(),
        more_gaps: u32::try_from(more_gaps).unwrap_or(u32::MAX),
    }
}

fn gap_to_v1(gap: GapAnswer) -> v1::SupervisionGap {
    let GapAnswer { from, to, reason, scope, evidence } = gap;
    v1::SupervisionGap { reason, from: Some(time_to_v1(from)), to: Some(time_to_v1(to)), scope, evidence }
}

/// `GetOnlineRates`.
pub(super) async fn online_rates(api: &Api, request: v1::GetOnlineRatesRequest) -> Result<v1::GetOnlineRatesResponse, Failure> {
    let by = match request.by() {
        v1::OnlineBy::Point => OnlineBy::Point,
        v1::OnlineBy::Enterprise | v1::OnlineBy::Unspecified => OnlineBy::Enterprise,
        v1::OnlineBy::Park => OnlineBy::Park,
    };
    let (from, to) = period(request.from.as_ref(), request.to.as_ref())?;
    let wanted = Wanted {
        points: request::points(request.points)?,
        alarms: Vec::new(),
        enterprises: request::listed("enterprises", request.enterprises)?,
        parks: request::listed("parks", request.parks)?,
        from,
        to,
    };
    let found = answer::online(&*api.store, &*api.journal, &api.folded, &wanted, by).await.map_err(failure)?;
    Ok(v1::GetOnlineRatesResponse {
        more: found.rates.len() > RATES_MAX,
        rates: found.rates.into_iter().take(RATES_MAX).map(rate_to_v1).collect(),
        complete_to: found.complete_to.map(time_to_v1),
    })
}

#[expect(clippy::cast_precision_loss, reason = "a share of at most 400 days in microseconds is known well enough")]
fn rate_to_v1(rate: OnlineRate) -> v1::PeriodOnlineRate {
    let OnlineRate { id, points, in_force, online } = rate;
    let (in_force_us, online_us) = (in_force.micros(), online.micros());
    let rate = (in_force_us > 0).then(|| online_us as f64 / in_force_us as f64);
    v1::PeriodOnlineRate { id, points, in_force_us, online_us, rate }
}
