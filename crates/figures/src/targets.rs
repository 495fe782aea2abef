//! What the standards ask, as data: targets with their clauses, and the classes of EEMUA 191.

/// A figure that has a target.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Figure {
    /// Annunciated alarms a day.
    AlarmsPerDay,
    /// Annunciated alarms an hour, on average.
    AlarmsPerHour,
    /// Annunciated alarms in 10 minutes, on average.
    AlarmsPerTenMinutes,
    /// Share of hours with more than 30.
    HoursOver30,
    /// Share of 10-minute periods with more than 10.
    TenMinutesOver10,
    /// The most in any 10 minutes.
    PeakTenMinutes,
    /// Share of time in flood.
    FloodShare,
    /// Share of the 10 most frequent alarms among all.
    TopTenShare,
    /// Alarms that chattered.
    Chattering,
    /// Fleeting activations.
    Fleeting,
    /// Alarms standing longer than 24 h, on average over the period.
    StandingMean,
    /// Share of medium priority among annunciated alarms.
    MediumShare,
    /// Share of high priority.
    HighShare,
    /// Share of critical priority.
    CriticalShare,
}

impl Figure {
    /// Its word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::AlarmsPerDay => "alarms_per_day",
            Self::AlarmsPerHour => "alarms_per_hour",
            Self::AlarmsPerTenMinutes => "alarms_per_10_min",
            Self::HoursOver30 => "hours_over_30_share",
            Self::TenMinutesOver10 => "10_min_over_10_share",
            Self::PeakTenMinutes => "peak_10_min",
            Self::FloodShare => "flood_share",
            Self::TopTenShare => "top_10_share",
            Self::Chattering => "chattering_alarms",
            Self::Fleeting => "fleeting",
            Self::StandingMean => "standing_mean",
            Self::MediumShare => "medium_share",
            Self::HighShare => "high_share",
            Self::CriticalShare => "critical_share",
        }
    }

    /// Whether its value is a share of 1.
    pub const fn is_share(self) -> bool {
        matches!(
            self,
            Self::HoursOver30
                | Self::TenMinutesOver10
                | Self::FloodShare
                | Self::TopTenShare
                | Self::MediumShare
                | Self::HighShare
                | Self::CriticalShare
        )
    }
}

/// What is asked of a figure.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Target {
    /// Of which.
    pub figure: Figure,
    /// Very likely acceptable.
    pub target: f64,
    /// The value must stay below the target; otherwise it may reach it.
    pub below: bool,
    /// Maximum manageable, where one is named; it may be reached.
    pub maximum: Option<f64>,
    /// Who asks.
    pub clause: &'static str,
}

/// How a figure stands to its target.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verdict {
    /// Within the target.
    Ok,
    /// Beyond what is very likely acceptable.
    OverTarget,
    /// Beyond what can be managed.
    OverMaximum,
}

impl Verdict {
    /// Its word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::OverTarget => "over_target",
            Self::OverMaximum => "over_maximum",
        }
    }
}

/// A figure beside its target.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Judged {
    /// What is asked.
    pub target: Target,
    /// What is.
    pub value: f64,
    /// The verdict.
    pub verdict: Verdict,
}

impl Target {
    const fn at_most(figure: Figure, target: f64, maximum: Option<f64>, clause: &'static str) -> Self {
        Self { figure, target, below: false, maximum, clause }
    }

    const fn below(figure: Figure, target: f64, maximum: Option<f64>, clause: &'static str) -> Self {
        Self { figure, target, below: true, maximum, clause }
    }

    /// Judges a value.
    pub fn judge(self, value: f64) -> Judged {
        let within = if self.below { value < self.target } else { value <= self.target };
        let verdict = match self.maximum {
            _ if within => Verdict::Ok,
            Some(maximum) if value > maximum => Verdict::OverMaximum,
            _ => Verdict::OverTarget,
        };
        Judged { target: self, value, verdict }
    }
}

const RATE: &str = "ISA-18.2-2016, 16.5: average alarm rate";
const PEAK: &str = "ISA-18.2-2016, 16.5: peak alarm rate";
const FLOOD: &str = "ISA-18.2-2016, 16.5: alarm floods";
const FREQUENT: &str = "ISA-18.2-2016, 16.5: frequently occurring alarms";
const NUISANCE: &str = "ISA-18.2-2016, 16.5: chattering and fleeting alarms";
const STALE: &str = "ISA-18.2-2016, 16.5: stale alarms";
const PRIORITY: &str = "ISA-18.2-2016, 16.5: annunciated alarm priority distribution";

/// The table of ISA-18.2-2016, clause 16, for one operator position and at least 30 days. The standard gives approximate numbers; here they
/// are limits. Fewer than 5 stale alarms on any day is judged by their mean. Of the priorities the shares above low are limited.
pub const TARGETS: &[Target] = &[
    Target::at_most(Figure::AlarmsPerDay, 150.0, Some(300.0), RATE),
    Target::at_most(Figure::AlarmsPerHour, 6.0, Some(12.0), RATE),
    Target::at_most(Figure::AlarmsPerTenMinutes, 1.0, Some(2.0), RATE),
    Target::below(Figure::HoursOver30, 0.01, None, PEAK),
    Target::below(Figure::TenMinutesOver10, 0.01, None, PEAK),
    Target::at_most(Figure::PeakTenMinutes, 10.0, None, PEAK),
    Target::below(Figure::FloodShare, 0.01, None, FLOOD),
    Target::below(Figure::TopTenShare, 0.01, Some(0.05), FREQUENT),
    Target::at_most(Figure::Chattering, 0.0, None, NUISANCE),
    Target::at_most(Figure::Fleeting, 0.0, None, NUISANCE),
    Target::below(Figure::StandingMean, 5.0, None, STALE),
    Target::at_most(Figure::MediumShare, 0.15, None, PRIORITY),
    Target::at_most(Figure::HighShare, 0.05, None, PRIORITY),
    Target::at_most(Figure::CriticalShare, 0.01, None, PRIORITY),
];

/// How an alarm system serves its operator (EEMUA 191), from best to worst.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Class {
    /// Hardly an alarm, and no peaks.
    Predictive,
    /// Steady also in upsets.
    Robust,
    /// Steady in normal operation; less so in upsets.
    Stable,
    /// Unsteady; in upsets of little use.
    Reactive,
    /// Of no use in upsets.
    Overloaded,
}

impl Class {
    /// Its word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Predictive => "predictive",
            Self::Robust => "robust",
            Self::Stable => "stable",
            Self::Reactive => "reactive",
            Self::Overloaded => "overloaded",
        }
    }

    /// The best class whose bounds the average and the peak in 10 minutes both keep.
    pub fn of(average: f64, peak: f64) -> Self {
        let fits = |(_, most_average, most_peak): &&(Self, f64, f64)| average <= *most_average && peak <= *most_peak;
        CLASSES.iter().find(fits).map_or(Self::Overloaded, |(class, _, _)| *class)
    }
}

/// The grid of EEMUA 191 as we read it: most alarms in 10 minutes on average, and in the worst 10 minutes; beyond the last is overloaded.
pub const CLASSES: &[(Class, f64, f64)] = &[
    (Class::Predictive, 1.0, 10.0),
    (Class::Robust, 1.0, 100.0),
    (Class::Stable, 10.0, 100.0),
    (Class::Reactive, 100.0, 1_000.0),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_borders_of_verdicts() {
        let judge = |figure, value| TARGETS.iter().find(|it| it.figure == figure).unwrap().judge(value).verdict;
        assert_eq!(judge(Figure::AlarmsPerDay, 150.0), Verdict::Ok);
        assert_eq!(judge(Figure::AlarmsPerDay, 150.1), Verdict::OverTarget);
        assert_eq!(judge(Figure::AlarmsPerDay, 300.0), Verdict::OverTarget);
        assert_eq!(judge(Figure::AlarmsPerDay, 300.1), Verdict::OverMaximum);
        assert_eq!(judge(Figure::FloodShare, 0.01), Verdict::OverTarget, "less than 1 % is asked");
        assert_eq!(judge(Figure::FloodShare, 1.0), Verdict::OverTarget, "the standard names no maximum");
        assert_eq!(judge(Figure::Chattering, 0.0), Verdict::Ok);
        assert_eq!(judge(Figure::StandingMean, 5.0), Verdict::OverTarget);
        assert_eq!(judge(Figure::TopTenShare, 0.06), Verdict::OverMaximum);
    }

    #[test]
    fn classes_go_by_average_and_peak() {
        let classes = [(0.5, 10.0), (0.5, 11.0), (1.1, 5.0), (10.1, 5.0), (0.5, 101.0), (100.1, 5.0), (0.5, 1_001.0)];
        let wanted = ["predictive", "robust", "stable", "reactive", "reactive", "overloaded", "overloaded"];
        assert_eq!(classes.map(|(average, peak)| Class::of(average, peak).as_str()), wanted);
    }
}
