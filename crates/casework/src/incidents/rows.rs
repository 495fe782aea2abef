//! The duties of an incident by law, as rows that stay what they were when the law changes.

use duty::{Within, classify, duties};
use model::{AccidentClass, IncidentDuty, IncidentKind, IncidentLosses, Span, Time};

use super::Row;
use crate::AT_ONCE;

/// What the law calls it; a near miss is nothing to the law.
const fn law_of(kind: IncidentKind) -> Option<duty::Event> {
    match kind {
        IncidentKind::Accident => Some(duty::Event::Accident),
        IncidentKind::TrafficOrFire => Some(duty::Event::TrafficOrFire),
        IncidentKind::Environmental => Some(duty::Event::Environmental),
        IncidentKind::LossOrTheft => Some(duty::Event::LossOrTheft),
        IncidentKind::NearMiss => None,
    }
}

/// The class, where the losses tell one. The poisoned count among the severely injured.
pub(super) fn class_of(kind: IncidentKind, losses: &IncidentLosses) -> Option<AccidentClass> {
    if matches!(kind, IncidentKind::NearMiss | IncidentKind::LossOrTheft) {
        return None;
    }
    let injured = match (losses.severely_injured, losses.poisoned) {
        (None, None) => None,
        (injured, poisoned) => Some(injured.unwrap_or(0).saturating_add(poisoned.unwrap_or(0))),
    };
    let (deaths, direct_loss_yuan) = (losses.dead, losses.direct_loss_yuan);
    let found = classify(&duty::Losses { deaths, serious_injuries: injured, direct_loss_yuan });
    // An accident that cost nothing is below every limit of the ordinary class, which has no lower end.
    let harmless = found.unknown.is_empty() && losses.poisoned.is_some() && losses.severely_injured.is_some();
    found.class.or_else(|| harmless.then_some(AccidentClass::Ordinary))
}

/// All duties when it is declared.
pub(super) fn rows(kind: IncidentKind, class: Option<AccidentClass>, (happened_at, known_at): (Time, Time)) -> Vec<IncidentDuty> {
    let Some(event) = law_of(kind) else { return Vec::new() };
    let case = duty::Case { event, class, occurred_at: happened_at, known_at };
    duties(&case).iter().map(row).collect()
}

fn row(duty: &duty::Duty) -> IncidentDuty {
    let limit = duty.limit;
    let due = if limit.within == Within::AtOnce { duty.from + AT_ONCE } else { duty.due };
    IncidentDuty {
        duty: limit.id.to_owned(),
        who: limit.who.as_str().to_owned(),
        whom: limit.whom.as_str().to_owned(),
        from: duty.from,
        due,
        if_of_class: duty.if_of_class,
        source: limit.source.to_owned(),
    }
}

/// All duties after a correction. What had to be done keeps its times; what has to be done only now counts from now, when it is known that
/// it has to be.
pub(super) fn rows_after(
    before: &[Row],
    (kind, class): (IncidentKind, Option<AccidentClass>),
    (happened_at, known_at): (Time, Time),
    now: Time,
) -> Vec<IncidentDuty> {
    let later = rows(kind, class, (happened_at, now));
    let own = |fresh: IncidentDuty, later: IncidentDuty| {
        let known = before.iter().find(|row| !row.waived && row.duty.duty == fresh.duty);
        match known {
            Some(row) if !row.duty.if_of_class || fresh.if_of_class => row.duty.clone(),
            _ => later,
        }
    };
    rows(kind, class, (happened_at, known_at)).into_iter().zip(later).map(|(fresh, later)| own(fresh, later)).collect()
}

/// The first limit that is counted from when somebody knew: who reports later than that is late in any case.
pub(super) fn first_limit(kind: IncidentKind, class: Option<AccidentClass>) -> Option<Span> {
    let event = law_of(kind)?;
    let case = duty::Case { event, class, occurred_at: Time::MIN, known_at: Time::MIN };
    let limits = duties(&case);
    let counted = limits.iter().filter_map(|it| match it.limit.within {
        Within::Of(span) => Some(span),
        Within::AtOnce | Within::OfAccident(_) => None,
    });
    Some(counted.min().unwrap_or(AT_ONCE))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn losses(dead: u32, severely_injured: u32, poisoned: u32, yuan: u64) -> IncidentLosses {
        let some = (Some(dead), Some(severely_injured), Some(poisoned));
        IncidentLosses { dead: some.0, severely_injured: some.1, poisoned: some.2, direct_loss_yuan: Some(yuan) }
    }

    #[test]
    fn the_poisoned_count_and_what_is_unknown_is_not_nothing() {
        use AccidentClass::{Larger, Ordinary};
        let of = |losses| class_of(IncidentKind::Accident, &losses);
        assert_eq!(of(losses(0, 4, 5, 0)), Some(Ordinary));
        assert_eq!(of(losses(0, 4, 6, 0)), Some(Larger));
        assert_eq!(of(losses(0, 0, 0, 0)), Some(Ordinary), "nothing lost is an ordinary one");
        assert_eq!(of(IncidentLosses::default()), None);
        assert_eq!(of(IncidentLosses { poisoned: None, ..losses(0, 0, 0, 0) }), None);
        assert_eq!(of(IncidentLosses { poisoned: Some(12), ..IncidentLosses::default() }), Some(Larger));
        assert_eq!(class_of(IncidentKind::NearMiss, &losses(30, 0, 0, 0)), None);
    }

    #[test]
    fn the_first_limit_is_that_of_the_law() {
        let hours = |kind, class| first_limit(kind, class).map(|it| it.micros() / 60_000_000);
        assert_eq!(hours(IncidentKind::Accident, None), Some(60));
        assert_eq!(hours(IncidentKind::Environmental, Some(AccidentClass::Ordinary)), Some(240));
        assert_eq!(hours(IncidentKind::Environmental, Some(AccidentClass::Serious)), Some(60));
        assert_eq!(hours(IncidentKind::LossOrTheft, None), Some(15));
        assert_eq!(hours(IncidentKind::NearMiss, None), None);
    }
}
