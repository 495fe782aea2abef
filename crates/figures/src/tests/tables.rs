//! Tables worked out by hand.

use model::{AlarmKind, AlarmState, Priority, Span, Time, Transition};

use super::{Alarm, Log, at};
use crate::{DurationFigures, Figure, Figures, Statistics, Table, Verdict};

const DAY: i64 = 86_400;

fn table(log: &Log, from: i64, to: i64) -> Statistics {
    let mut table = Table::new(at(from), at(to));
    log.events.iter().for_each(|event| table.take(event));
    table.finish()
}

fn total(log: &Log, from: i64, to: i64) -> Figures {
    table(log, from, to).total
}

const HIGH: Alarm = Alarm::on("PI-1");
const HIGH_HIGH: Alarm = Alarm::on("PI-1").kind(AlarmKind::HighHigh).priority(Priority::High);

#[test]
fn a_day_worked_out_by_hand() {
    let mut log = Log::default();
    // 08:00 the pressure rises through both limits, is acknowledged, and falls.
    log.raise(28_800, HIGH);
    log.raise(28_810, HIGH_HIGH);
    log.ack(28_830, HIGH);
    log.ack(28_840, HIGH_HIGH);
    log.back(28_900, HIGH_HIGH);
    log.close(28_900, HIGH_HIGH);
    log.back(29_000, HIGH);
    log.close(29_000, HIGH);
    // 12:00 a level alarm of another desk, never answered.
    let level = Alarm::on("LI-1").priority(Priority::Medium).position("tanks");
    log.raise(43_200, level);
    let day = table(&log, 0, DAY);
    let names: Vec<_> = day.positions.iter().map(|it| (&*it.position, it.alarms, it.excursions)).collect();
    assert_eq!(names, [("desk", 2, 1), ("tanks", 1, 1)]);
    let Figures { alarms, excursions, by_priority, peak_ten_minutes, floods, .. } = day.total;
    assert_eq!((alarms, excursions, by_priority, peak_ten_minutes, floods), (3, 2, [1, 1, 1, 0], 2, 0));
    assert_eq!(day.total.per_day.to_bits(), 3.0_f64.to_bits());
    assert_eq!(day.total.per_hour.to_bits(), 0.125_f64.to_bits());
    let seconds = Span::from_secs;
    let acks = DurationFigures { count: 2, mean: seconds(30), median: seconds(30), p90: seconds(30), max: seconds(30) };
    assert_eq!(day.total.to_acknowledge, acks);
    let returns = day.total.to_return;
    assert_eq!((returns.count, returns.median, returns.p90), (2, seconds(90), seconds(200)));
    assert_eq!(day.positions[0].most_frequent.len(), 2);
    assert_eq!(day.positions[0].most_frequent[0].alarm.1.as_str(), "high", "equal counts stand by name");
    assert_eq!(day.positions[1].most_frequent[0].share.to_bits(), 1.0_f64.to_bits());
}

#[test]
fn an_excursion_ends_when_all_alarms_of_its_direction_returned() {
    let low = HIGH.kind(AlarmKind::Low);
    let mut log = Log::default();
    log.raise(0, HIGH);
    log.raise(1, HIGH_HIGH);
    log.back(100, HIGH_HIGH);
    log.raise(200, HIGH_HIGH);
    assert_eq!(total(&log, 0, 1_000).excursions, 1, "high stands all the while");
    log.back(300, HIGH_HIGH);
    log.back(300, HIGH);
    log.raise(400, HIGH);
    log.raise(400, low);
    let figures = total(&log, 0, 1_000);
    assert_eq!((figures.alarms, figures.excursions), (5, 3), "a new one, and one downwards");
    log.raise(500, HIGH.kind(AlarmKind::Stale));
    assert_eq!(total(&log, 0, 1_000).excursions, 4, "what has no direction is one of its own");
}

#[test]
fn an_excursion_that_begins_hidden_counts_with_its_first_annunciated_alarm() {
    let mut log = Log::default();
    log.raise_hidden(0, HIGH);
    log.raise(10, HIGH_HIGH);
    let figures = total(&log, 0, 100);
    assert_eq!((figures.alarms, figures.hidden, figures.excursions), (1, 1, 1));
}

fn flood_of(count: i64, every: i64) -> Log {
    let mut log = Log::default();
    (0..count).for_each(|n| log.raise(n * every, Alarm::on("P").priority(Priority::High)));
    log
}

#[test]
fn the_eleventh_alarm_in_ten_minutes_begins_a_flood() {
    assert_eq!(total(&flood_of(10, 59), 0, 3_600).floods, 0);
    let figures = total(&flood_of(11, 59), 0, 3_600);
    // The 11th comes at 590 s. The 5th from behind came at 354 s and leaves at 954 s: then four are left.
    assert_eq!((figures.floods, figures.flood_time), (1, Span::from_secs(954 - 590)));
    assert_eq!(figures.peak_ten_minutes, 11);
    let figures = total(&flood_of(11, 60), 0, 3_600);
    assert_eq!((figures.floods, figures.peak_ten_minutes), (0, 10), "the first left when the eleventh came");
}

#[test]
fn five_in_the_window_hold_a_flood_and_four_end_it() {
    let mut log = flood_of(11, 0);
    // Of the eleven at 0 s nothing is left at 600 s; these keep it going.
    (0..5).for_each(|n| log.raise(500 + n, HIGH));
    let figures = total(&log, 0, 10_000);
    assert_eq!(figures.flood_time, Span::from_secs(1_100), "the first of the five leaves at 1100 s");
    log.raise(1_099, HIGH);
    assert_eq!(total(&log, 0, 10_000).flood_time, Span::from_secs(1_101));
}

#[test]
fn floods_are_cut_at_the_borders_of_the_period() {
    let log = flood_of(11, 0);
    assert_eq!(total(&log, 0, 300).flood_time, Span::from_secs(300));
    let later = total(&log, 100, 400);
    assert_eq!((later.floods, later.flood_time, later.alarms), (1, Span::from_secs(300), 0));
    assert_eq!(later.flood_share.to_bits(), 1.0_f64.to_bits());
    assert_eq!(total(&log, 600, 1_000).floods, 0, "it ended at the very start");
}

#[test]
fn periods_of_ten_minutes_and_hours_count_from_the_start() {
    let mut log = flood_of(11, 1);
    (0..31).for_each(|n| log.raise(3_600 + n * 100, HIGH));
    let figures = total(&log, 0, 2 * 3_600);
    assert_eq!(figures.ten_minutes_over_10.to_bits(), (1.0_f64 / 12.0).to_bits());
    assert_eq!(figures.hours_over_30.to_bits(), 0.5_f64.to_bits());
    let figures = total(&log, 5, 2 * 3_600);
    assert_eq!(figures.ten_minutes_over_10.to_bits(), 0.0_f64.to_bits(), "six of the eleven are inside");
}

#[test]
fn chatter_is_not_fleeting() {
    let mut log = Log::default();
    [0, 30, 60, 90].into_iter().for_each(|second| log.pulse(second, 2, HIGH));
    let figures = total(&log, 0, 1_000);
    assert_eq!((figures.chattering_alarms, figures.chatter_episodes, figures.fleeting), (1, 1, 0));
    let mut log = Log::default();
    [0, 30, 61].into_iter().for_each(|second| log.pulse(second, 2, HIGH));
    log.pulse(500, 10, HIGH);
    let figures = total(&log, 0, 1_000);
    assert_eq!((figures.chatter_episodes, figures.fleeting), (0, 3), "10 s are not fleeting");
    log.pulse(600, 1, HIGH);
    [700, 710, 720, 900, 910, 920].into_iter().for_each(|second| log.pulse(second, 1, HIGH));
    let figures = total(&log, 0, 1_000);
    assert_eq!((figures.chattering_alarms, figures.chatter_episodes, figures.fleeting), (1, 2, 4));
}

#[test]
fn what_stands_for_more_than_a_day_is_counted_while_it_does() {
    let mut log = Log::default();
    log.raise(0, HIGH);
    assert_eq!(total(&log, 0, DAY).standing, 0, "a day is not more than a day");
    let figures = total(&log, 0, 2 * DAY);
    assert_eq!((figures.standing, figures.standing_at_end, figures.not_cleared), (1, 1, 1));
    assert_eq!(figures.standing_mean.to_bits(), 0.5_f64.to_bits());
    log.back(DAY + DAY / 2, HIGH);
    let figures = total(&log, 0, 2 * DAY);
    assert_eq!((figures.standing, figures.standing_at_end, figures.not_cleared), (1, 0, 1), "returned and not closed");
    assert_eq!(figures.standing_mean.to_bits(), 0.25_f64.to_bits());
    assert_eq!(total(&log, 2 * DAY, 3 * DAY).standing, 0);
    let lead_in = total(&log, DAY, 2 * DAY);
    assert_eq!((lead_in.standing, lead_in.alarms, lead_in.to_return.count), (1, 0, 0), "known from before the period");
    log.close(DAY + DAY / 2, HIGH);
    assert_eq!(total(&log, 2 * DAY, 3 * DAY).not_cleared, 0);
}

#[test]
fn an_occurrence_closed_within_a_day_is_cleared() {
    let mut log = Log::default();
    log.raise(0, HIGH);
    log.back(10, HIGH);
    log.close(DAY, HIGH);
    assert_eq!(total(&log, 0, 3 * DAY).not_cleared, 0);
    log.raise(3 * DAY, HIGH);
    log.close(4 * DAY + 1, HIGH);
    let figures = total(&log, 0, 10 * DAY);
    assert_eq!((figures.not_cleared, figures.standing), (1, 1), "its rule was removed: no return, and no time to it");
    assert_eq!(figures.to_return.count, 1);
}

#[test]
fn answers_to_raises_before_the_period_do_not_count() {
    let mut log = Log::default();
    log.raise(0, HIGH);
    log.ack(100, HIGH);
    log.back(110, HIGH);
    log.raise(120, HIGH);
    log.back(130, HIGH);
    log.ack(150, HIGH);
    let figures = total(&log, 50, 140);
    assert_eq!((figures.to_acknowledge.count, figures.to_return.count, figures.alarms), (0, 1, 1));
    let figures = total(&log, 50, 160);
    assert_eq!(figures.to_acknowledge.max, Span::from_secs(30), "acknowledged after the return");
}

#[test]
fn times_keep_to_one_clock() {
    let mut log = Log::default();
    let event = |transition| {
        model::EventBody::Alarm(Box::new(HIGH.transition(
            transition,
            AlarmState::Unacknowledged,
            transition == Transition::Raised,
        )))
    };
    // The gateway is 1,000 s behind, and its return came late.
    log.write(at(0), at(1_000), "PI-1", event(Transition::Raised));
    log.write(at(1_030), at(1_030), "PI-1", event(Transition::Acknowledged));
    log.write(at(60), at(1_200), "PI-1", event(Transition::Returned));
    let figures = total(&log, 500, 2_000);
    assert_eq!(figures.to_acknowledge.max, Span::from_secs(30), "by journal time");
    assert_eq!(figures.to_return.max, Span::from_secs(60), "by the gateway's time");
}

#[test]
fn what_operators_hide_is_counted() {
    let mut log = Log::default();
    log.moved(10, HIGH, Transition::Shelved, AlarmState::Shelved);
    log.moved(20, HIGH, Transition::Unshelved, AlarmState::Normal);
    log.moved(30, HIGH, Transition::Suppressed, AlarmState::Suppressed);
    log.moved(40, HIGH, Transition::OutOfService, AlarmState::OutOfService);
    log.moved(50, HIGH, Transition::OutOfService, AlarmState::OutOfService);
    let figures = total(&log, 15, 100);
    assert_eq!((figures.shelved, figures.suppressed, figures.out_of_service, figures.alarms), (0, 1, 2, 0));
}

#[test]
fn alarms_without_a_position_are_of_their_enterprise() {
    let mut log = Log::default();
    log.raise(0, HIGH.position(""));
    assert_eq!(&*table(&log, 0, 10).positions[0].position, "e01");
}

#[test]
fn the_ends_of_the_period_are_inside_and_outside() {
    let mut log = Log::default();
    [9, 10, 19, 20].into_iter().for_each(|second| log.raise(second, HIGH));
    assert_eq!(total(&log, 10, 20).alarms, 2);
    let nothing = Table::new(Time::MAX, Time::MIN).finish().total;
    assert_eq!((nothing.alarms, nothing.per_day.to_bits()), (0, 0.0_f64.to_bits()));
}

#[test]
fn the_verdicts_stand_beside_the_figures() {
    let mut log = Log::default();
    (0..301).for_each(|n| log.raise(n * 240, HIGH));
    let figures = total(&log, 0, DAY);
    let verdict = |figure| figures.judged().iter().find(|it| it.target.figure == figure).unwrap().verdict;
    assert_eq!(verdict(Figure::AlarmsPerDay), Verdict::OverMaximum);
    assert_eq!(verdict(Figure::AlarmsPerHour), Verdict::OverMaximum);
    assert_eq!(verdict(Figure::PeakTenMinutes), Verdict::Ok);
    assert_eq!(verdict(Figure::TopTenShare), Verdict::OverMaximum);
    assert_eq!(verdict(Figure::CriticalShare), Verdict::Ok);
    assert_eq!(figures.class().as_str(), "stable");
}
