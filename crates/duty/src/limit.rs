//! Time limits of reports: who tells whom, within which time, by which law.
//!
//! A limit is counted from when the one who reports knew. The latest times given here add up the limits of all who report before.
//! Limits in days are counted as so many times 24 hours from the accident, which is never later than the end of the last day.

use model::{Span, Time};

use crate::class::AccidentClass;

/// How sure a limit is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Confidence {
    /// Several sources agree.
    High,
    /// One source: have it checked before it is relied on.
    Medium,
}

/// Who reports or is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Party {
    /// Who is on the spot.
    OnTheSpot,
    /// The head of the unit.
    HeadOfUnit,
    /// The unit as such.
    Unit,
    /// Emergency management of the county, and the department in charge of the line of business.
    County,
    /// The same of the city.
    City,
    /// The same of the province.
    Province,
    /// Departments of the State Council, the Ministry.
    StateCouncil,
    /// The department of ecology on the spot.
    Ecology,
    /// One's own government, and the department of ecology one level up.
    OwnGovernmentAndAbove,
    /// Departments of ecology of the province and the Ministry.
    ProvinceAndMinistry,
    /// Police.
    Police,
    /// Whoever investigates.
    Investigators,
    /// Whom the investigation answers to.
    OwnGovernment,
    /// Whom the accident was reported to.
    ReportedTo,
}

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Event {
    /// An accident at work.
    Accident,
    /// One of road traffic, or a fire.
    TrafficOrFire,
    /// An environmental event (突发环境事件).
    Environmental,
    /// Highly toxic or precursor chemicals are lost or stolen.
    LossOrTheft,
}

/// Within which time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Within {
    /// At once (立即).
    AtOnce,
    /// From when the one who reports knew.
    Of(Span),
    /// From the accident.
    OfAccident(Span),
}

/// A duty to report.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limit {
    /// Its name in events and messages.
    pub id: &'static str,
    /// After what.
    pub events: &'static [Event],
    /// From which class on; `None` for every one.
    pub from_class: Option<AccidentClass>,
    /// Up to which class.
    pub to_class: Option<AccidentClass>,
    /// Who.
    pub who: Party,
    /// Whom.
    pub whom: Party,
    /// Within which time.
    pub within: Within,
    /// Which limit has to run before it; the times add up.
    pub after: Option<&'static str>,
    /// The law.
    pub source: &'static str,
    /// How sure.
    pub confidence: Confidence,
}

const ACCIDENTS: &[Event] = &[Event::Accident, Event::TrafficOrFire];
const ORDER_493: &str = "State Council Order 493 of 2007";
const QUICK: &str = "Measures on reporting accident information, SAWS Order 21 of 2009";
const ORDER_17: &str = "Measures on reporting environmental events, MEP Order 17 of 2011";

const HOUR: Span = Span::from_secs(3_600);
const TWO_HOURS: Span = Span::from_secs(2 * 3_600);
const FOUR_HOURS: Span = Span::from_secs(4 * 3_600);
const fn days(days: i64) -> Span {
    Span::from_secs(days * 24 * 3_600)
}

/// A row of which most is as usual.
const fn row(id: &'static str, events: &'static [Event], who: Party, whom: Party, within: Within, source: &'static str) -> Limit {
    Limit { id, events, from_class: None, to_class: None, who, whom, within, after: None, source, confidence: Confidence::High }
}

/// The table.
pub const LIMITS: &[Limit] = &[
    row("spot-to-head", ACCIDENTS, Party::OnTheSpot, Party::HeadOfUnit, Within::AtOnce, ORDER_493),
    row("head-to-county", ACCIDENTS, Party::HeadOfUnit, Party::County, Within::Of(HOUR), ORDER_493),
    Limit {
        after: Some("head-to-county"),
        ..row("county-to-city", ACCIDENTS, Party::County, Party::City, Within::Of(TWO_HOURS), ORDER_493)
    },
    Limit {
        from_class: Some(AccidentClass::Larger),
        after: Some("county-to-city"),
        ..row("city-to-province", ACCIDENTS, Party::City, Party::Province, Within::Of(TWO_HOURS), ORDER_493)
    },
    Limit {
        from_class: Some(AccidentClass::Serious),
        after: Some("city-to-province"),
        ..row("province-to-state-council", ACCIDENTS, Party::Province, Party::StateCouncil, Within::Of(TWO_HOURS), ORDER_493)
    },
    Limit {
        from_class: Some(AccidentClass::Larger),
        after: Some("head-to-county"),
        confidence: Confidence::Medium,
        ..row("quick-call-to-province", ACCIDENTS, Party::County, Party::Province, Within::Of(HOUR), QUICK)
    },
    Limit {
        from_class: Some(AccidentClass::Larger),
        after: Some("quick-call-to-province"),
        confidence: Confidence::Medium,
        ..row("quick-call-to-ministry", ACCIDENTS, Party::Province, Party::StateCouncil, Within::Of(HOUR), QUICK)
    },
    row("supplement", &[Event::Accident], Party::Unit, Party::ReportedTo, Within::OfAccident(days(30)), ORDER_493),
    row(
        "supplement-traffic-fire",
        &[Event::TrafficOrFire],
        Party::Unit,
        Party::ReportedTo,
        Within::OfAccident(days(7)),
        ORDER_493,
    ),
    // It may be extended by 60 days more.
    row("investigation", ACCIDENTS, Party::Investigators, Party::OwnGovernment, Within::OfAccident(days(60)), ORDER_493),
    Limit {
        to_class: Some(AccidentClass::Larger),
        confidence: Confidence::Medium,
        ..row(
            "environment",
            &[Event::Environmental],
            Party::Ecology,
            Party::OwnGovernmentAndAbove,
            Within::Of(FOUR_HOURS),
            ORDER_17,
        )
    },
    Limit {
        from_class: Some(AccidentClass::Serious),
        confidence: Confidence::Medium,
        ..row(
            "environment-serious",
            &[Event::Environmental],
            Party::Ecology,
            Party::ProvinceAndMinistry,
            Within::Of(TWO_HOURS),
            ORDER_17,
        )
    },
    Limit {
        from_class: Some(AccidentClass::Serious),
        after: Some("environment-serious"),
        confidence: Confidence::Medium,
        ..row("environment-province", &[Event::Environmental], Party::Province, Party::StateCouncil, Within::Of(HOUR), ORDER_17)
    },
    row("loss-to-police", &[Event::LossOrTheft], Party::Unit, Party::Police, Within::AtOnce, "State Council Order 591 of 2011"),
];

/// At which parts of the time that a duty has it is said that it is due.
pub const REMINDERS_PERCENT: [i64; 3] = [50, 80, 100];

/// What happened, as far as known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Case {
    /// What.
    pub event: Event,
    /// How bad; `None` as long as nobody knows: then the duties of every class are listed.
    pub class: Option<AccidentClass>,
    /// When it happened.
    pub occurred_at: Time,
    /// When the first one who has to report knew.
    pub known_at: Time,
}

/// A duty with its times.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Duty {
    /// The row of the table.
    pub limit: &'static Limit,
    /// Listed because the class is not known; it may not apply.
    pub if_of_class: bool,
    /// From when it is counted.
    pub from: Time,
    /// The latest time; `from` for what has to be done at once.
    pub due: Time,
}

/// The duties after an event, in the order of the table. What several hand on is given with the latest time that the law leaves them all.
pub fn duties(case: &Case) -> Vec<Duty> {
    let mut found: Vec<Duty> = Vec::new();
    for limit in LIMITS.iter().filter(|limit| limit.events.contains(&case.event)) {
        if !limit.holds_for(case.class) {
            continue;
        }
        let before = limit.after.and_then(|id| found.iter().find(|duty| duty.limit.id == id));
        let known = before.map_or(case.known_at, |duty| duty.due);
        let (from, span) = match limit.within {
            Within::AtOnce => (known, Span::ZERO),
            Within::Of(span) => (known, span),
            Within::OfAccident(span) => (case.occurred_at, span),
        };
        let if_of_class = case.class.is_none() && (limit.from_class.is_some() || limit.to_class.is_some());
        found.push(Duty { limit, if_of_class, from, due: from + span });
    }
    found
}

impl Limit {
    fn holds_for(&self, class: Option<AccidentClass>) -> bool {
        class.is_none_or(|class| self.from_class.is_none_or(|from| class >= from) && self.to_class.is_none_or(|to| class <= to))
    }
}

impl Duty {
    /// When to say that it is due: at half, at four fifths and at the end of its time.
    pub fn reminders(&self) -> [Time; 3] {
        let span = self.due.since(self.from).micros();
        REMINDERS_PERCENT.map(|percent| self.from + Span::from_micros(span / 100 * percent + span % 100 * percent / 100))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KNOWN: Time = Time::YEAR_2000;

    fn of(event: Event, class: Option<AccidentClass>) -> Vec<(&'static str, i64)> {
        let occurred_at = Time::from_micros(KNOWN.micros() - 600_000_000);
        let duties = duties(&Case { event, class, occurred_at, known_at: KNOWN });
        duties.iter().map(|duty| (duty.limit.id, duty.due.since(KNOWN).micros() / 60_000_000)).collect()
    }

    #[test]
    fn an_ordinary_accident_goes_up_to_the_city() {
        let day = 24 * 60;
        let wanted = [
            ("spot-to-head", 0),
            ("head-to-county", 60),
            ("county-to-city", 180),
            ("supplement", 30 * day - 10),
            ("investigation", 60 * day - 10),
        ];
        assert_eq!(of(Event::Accident, Some(AccidentClass::Ordinary)), wanted);
        let traffic = of(Event::TrafficOrFire, Some(AccidentClass::Ordinary));
        assert!(traffic.contains(&("supplement-traffic-fire", 7 * day - 10)) && !traffic.iter().any(|it| it.0 == "supplement"));
    }

    #[test]
    fn worse_ones_go_higher() {
        let of_class = |class| of(Event::Accident, Some(class));
        let larger = of_class(AccidentClass::Larger);
        for duty in [("city-to-province", 300), ("quick-call-to-province", 120), ("quick-call-to-ministry", 180)] {
            assert!(larger.contains(&duty), "{larger:?}");
        }
        assert!(!larger.iter().any(|it| it.0 == "province-to-state-council"));
        for class in [AccidentClass::Serious, AccidentClass::ExtraordinarilySerious] {
            assert!(of_class(class).contains(&("province-to-state-council", 420)));
        }
    }

    #[test]
    fn environmental_events_and_losses_have_their_own() {
        for class in [AccidentClass::Ordinary, AccidentClass::Larger] {
            assert_eq!(of(Event::Environmental, Some(class)), [("environment", 240)]);
        }
        for class in [AccidentClass::Serious, AccidentClass::ExtraordinarilySerious] {
            assert_eq!(of(Event::Environmental, Some(class)), [("environment-serious", 120), ("environment-province", 180)]);
        }
        assert_eq!(of(Event::LossOrTheft, None), [("loss-to-police", 0)]);
    }

    #[test]
    fn an_unknown_class_lists_all_and_says_so() {
        let case = Case { event: Event::Accident, class: None, occurred_at: KNOWN, known_at: KNOWN };
        let all = duties(&case);
        let doubtful: Vec<_> = all.iter().filter(|duty| duty.if_of_class).map(|duty| duty.limit.id).collect();
        assert_eq!(
            doubtful,
            ["city-to-province", "province-to-state-council", "quick-call-to-province", "quick-call-to-ministry"]
        );
        assert_eq!(all.len(), 9);
    }

    #[test]
    fn reminders_come_at_half_at_four_fifths_and_at_the_end() {
        let case = Case { event: Event::Accident, class: None, occurred_at: KNOWN, known_at: KNOWN };
        let hour = duties(&case).into_iter().find(|duty| duty.limit.id == "head-to-county").unwrap();
        assert_eq!(hour.reminders().map(|at| at.since(KNOWN).micros() / 60_000_000), [30, 48, 60]);
    }

    #[test]
    fn the_table_is_in_order() {
        for (index, limit) in LIMITS.iter().enumerate() {
            assert!(LIMITS[..index].iter().all(|it| it.id != limit.id), "{} twice", limit.id);
            let before = limit.after.is_none_or(|id| LIMITS[..index].iter().any(|it| it.id == id));
            assert!(before, "{} follows one that is not before it", limit.id);
        }
        let far = Case { event: Event::Accident, class: None, occurred_at: Time::MAX, known_at: Time::MAX };
        assert!(duties(&far).iter().all(|duty| duty.due == Time::MAX), "no overflow");
    }
}
