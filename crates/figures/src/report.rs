//! The finished figures of a period.

use std::sync::Arc;

use model::{AlarmKey, Span, Time};

use crate::durations::DurationFigures;
use crate::targets::{Class, Figure, Judged, TARGETS};

/// The figures of a period, by operator position and in total.
#[derive(Clone, Debug, PartialEq)]
pub struct Statistics {
    /// Inclusive.
    pub from: Time,
    /// Exclusive.
    pub to: Time,
    /// As if everything came to one operator; its position is empty.
    pub total: Figures,
    /// Those with most alarms first.
    pub positions: Vec<Figures>,
}

/// One of the alarms raised most often.
#[derive(Clone, Debug, PartialEq)]
pub struct Frequent {
    /// Which.
    pub alarm: AlarmKey,
    /// How often it was annunciated.
    pub count: u64,
    /// Its share of all.
    pub share: f64,
}

/// The figures of one operator position. Rates and shares are over the whole period; shares of alarms are 0 where there were none.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Figures {
    /// Whose; empty for the total.
    pub position: Arc<str>,
    /// Annunciated alarms.
    pub alarms: u64,
    /// The same with those of one direction of one point counted once while any of them is in alarm.
    pub excursions: u64,
    /// Raised and not annunciated: shelved, suppressed or out of service.
    pub hidden: u64,
    /// Annunciated alarms by priority, from low to critical.
    pub by_priority: [u64; 4],
    /// Annunciated alarms a day.
    pub per_day: f64,
    /// An hour.
    pub per_hour: f64,
    /// In 10 minutes.
    pub per_ten_minutes: f64,
    /// The most in any 10 minutes.
    pub peak_ten_minutes: u32,
    /// Share of 10-minute periods, counted from the start, with more than 10.
    pub ten_minutes_over_10: f64,
    /// Share of hours, counted from the start, with more than 30.
    pub hours_over_30: f64,
    /// Floods under way at any time of the period.
    pub floods: u64,
    /// Time in flood.
    pub flood_time: Span,
    /// Its share.
    pub flood_share: f64,
    /// The alarms raised most often, ten at most, the most frequent first.
    pub most_frequent: Vec<Frequent>,
    /// Their share of all.
    pub top_ten_share: f64,
    /// Alarms that chattered.
    pub chattering_alarms: u64,
    /// How often one began to chatter.
    pub chatter_episodes: u64,
    /// Activations shorter than 10 s that were no part of a chatter.
    pub fleeting: u64,
    /// Activations that had lasted longer than 24 h at some time of the period.
    pub standing: u64,
    /// Those of them that still last at its end.
    pub standing_at_end: u64,
    /// How many stood on average.
    pub standing_mean: f64,
    /// Occurrences that were not closed within 24 h.
    pub not_cleared: u64,
    /// Times that an alarm was shelved.
    pub shelved: u64,
    /// Suppressed.
    pub suppressed: u64,
    /// Taken out of service.
    pub out_of_service: u64,
    /// From the raise to its acknowledgement.
    pub to_acknowledge: DurationFigures,
    /// From the raise to the return.
    pub to_return: DurationFigures,
}

impl Figures {
    /// The share of a priority, by its rank from low to critical, among annunciated alarms.
    pub fn share_of(&self, rank: usize) -> f64 {
        share(self.by_priority.get(rank).copied().unwrap_or_default(), self.alarms)
    }

    /// The value of a figure that has a target.
    pub fn value(&self, figure: Figure) -> f64 {
        match figure {
            Figure::AlarmsPerDay => self.per_day,
            Figure::AlarmsPerHour => self.per_hour,
            Figure::AlarmsPerTenMinutes => self.per_ten_minutes,
            Figure::HoursOver30 => self.hours_over_30,
            Figure::TenMinutesOver10 => self.ten_minutes_over_10,
            Figure::PeakTenMinutes => f64::from(self.peak_ten_minutes),
            Figure::FloodShare => self.flood_share,
            Figure::TopTenShare => self.top_ten_share,
            Figure::Chattering => float(self.chattering_alarms),
            Figure::Fleeting => float(self.fleeting),
            Figure::StandingMean => self.standing_mean,
            Figure::MediumShare => self.share_of(1),
            Figure::HighShare => self.share_of(2),
            Figure::CriticalShare => self.share_of(3),
        }
    }

    /// Each figure that has a target, beside it, in the order of the table.
    pub fn judged(&self) -> Vec<Judged> {
        TARGETS.iter().map(|target| target.judge(self.value(target.figure))).collect()
    }

    /// The class of EEMUA 191.
    pub fn class(&self) -> Class {
        Class::of(self.per_ten_minutes, f64::from(self.peak_ten_minutes))
    }
}

/// A part of a whole; 0 of nothing.
pub(crate) fn share(part: u64, whole: u64) -> f64 {
    if whole == 0 { 0.0 } else { float(part) / float(whole) }
}

/// A count as a number; beyond 2^53 the last digits go.
#[expect(clippy::cast_precision_loss, reason = "figures are shown with few digits")]
pub(crate) const fn float(count: u64) -> f64 {
    count as f64
}
