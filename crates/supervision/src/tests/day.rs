//! A scripted day, exact to the microsecond: a sample a second of each of three gateways, and what goes wrong in between.

use model::{AlarmKind, AlarmState, Body, Protocol, Quality, SourceId, Span, Time, Transition};

use super::{Run, at, message, point, recorded, revision, sample, transition};
use crate::{EventsFold, Gaps, Judged, ONLINE, Reason, RuleSpan, judge, rate};

const DAY: i64 = 86_400;
const JSON: (u32, &str) = (1, "p/e/json");
const SPARKPLUG: (u32, &str) = (2, "g/n");
const GRPC: (u32, &str) = (3, "p/e/rpc");

/// Records of a second stand this long after it began.
const WITHIN: Span = Span::from_micros(123_457);

fn moment(second: i64) -> Time {
    at(second).plus(WITHIN)
}

fn micros(time: Time, micros: i64) -> Time {
    time.plus(Span::from_micros(micros))
}

fn down(source: &str, since: Time) -> Body {
    Body::SourceDown { source: SourceId::named(source), since, reason: "start".to_owned() }
}

fn up(source: &str) -> Body {
    Body::SourceUp { source: SourceId::named(source), session_lost: false }
}

fn start(run: &mut Run, time: Time, since: Time) {
    run.apply(time, down("*", since));
    run.apply(micros(time, 400_000), down("*", time));
    for source in ["mqtt", "sparkplug", "sparkplug/g/n", "grpc", "grpc/p/e/rpc"] {
        run.apply(micros(time, 500_000), up(source));
    }
}

/// Seconds in which no sample of a gateway comes.
fn is_silent(gateway: &str, second: i64) -> bool {
    match gateway {
        "g/n" => (3_600..4_020).contains(&second),
        "p/e/json" => (10_800..11_220).contains(&second),
        _ => false,
    }
}

fn a_second(run: &mut Run, second: i64) {
    let time = moment(second);
    match second {
        // The node's last word came a second before its end was noticed.
        3_601 => run.apply(time, down("sparkplug/g/n", moment(3_599))),
        4_020 => run.apply(time, up("sparkplug/g/n")),
        _ => run.apply(time, Body::Tick),
    }
    for (number, gateway) in [JSON, SPARKPLUG, GRPC] {
        // The clock of one gateway is ten minutes ahead for five.
        let ahead = if gateway == GRPC.1 && (25_200..25_500).contains(&second) { Span::from_secs(600) } else { Span::ZERO };
        if !is_silent(gateway, second) {
            run.apply(time, message(gateway, vec![sample(number, at(second).plus(ahead), Quality::Good)]));
        }
    }
}

fn day() -> Run {
    let mut run = Run::new();
    start(&mut run, at(0), at(0));
    let points = vec![
        point("LI-1", Protocol::Mqtt, JSON.1, 60),
        point("LI-2", Protocol::Sparkplug, SPARKPLUG.1, 60),
        point("LI-3", Protocol::Grpc, GRPC.1, 60),
    ];
    run.apply(micros(at(0), 600_000), Body::Revision(revision(1, points)));
    for second in 1..DAY {
        match second {
            // Davy is killed at 05:00:00 and back four seconds later.
            18_001..18_004 => {}
            18_004 => start(&mut run, at(second), moment(18_000)),
            _ => a_second(&mut run, second),
        }
    }
    run
}

/// A level alarm is shelved for half an hour, and its end says so in the same record in which another is suppressed and shown.
fn events(gaps: &mut Gaps) {
    let (mut fold, mut said) = (EventsFold::default(), Default::default());
    let steps = [
        (32_400, Transition::Shelved, AlarmState::Shelved),
        (33_000, Transition::Shelved, AlarmState::Shelved),
        (34_200, Transition::Unshelved, AlarmState::Normal),
        (36_000, Transition::Suppressed, AlarmState::Suppressed),
        (36_060, Transition::OutOfService, AlarmState::OutOfService),
        (36_120, Transition::InService, AlarmState::Suppressed),
        (36_180, Transition::Unsuppressed, AlarmState::Unacknowledged),
    ];
    for (seq, (second, moved, state)) in (1..).zip(steps) {
        fold.apply(&recorded(seq, at(second), "LI-1", transition(moved, "high", AlarmKind::High, state)), &mut said);
    }
    gaps.extend(said.gaps);
}

fn find<'a>(run: &'a Run, point: &str, alarm: &str) -> &'a RuleSpan {
    run.fold.rules().find(|it| &*it.point == point && &*it.alarm == alarm).unwrap()
}

fn judged(run: &Run, gaps: &Gaps, point: &str, alarm: &str) -> Judged {
    judge(find(run, point, alarm), gaps, at(0), at(DAY))
}

/// Reason, scope, from and to in microseconds of the day.
fn told(judged: &Judged) -> Vec<(&'static str, String, i64, i64)> {
    let since = |time: Time| time.since(at(0)).micros();
    judged.gaps.iter().map(|gap| (gap.reason.as_str(), gap.scope.clone(), since(gap.from), since(gap.to))).collect()
}

#[test]
fn is_told_to_the_microsecond() {
    let run = day();
    let mut gaps = run.gaps();
    events(&mut gaps);

    let in_force = Span::from_micros(86_399_400_000);
    let killed = [
        ("engine_down", "partition/17".to_owned(), 18_000_123_457, 18_004_000_000),
        ("gateway_offline", "source/17/mqtt".to_owned(), 18_000_123_457, 18_004_500_000),
    ];
    let json = judged(&run, &gaps, "LI-1", "high");
    assert_eq!(json.in_force, in_force);
    let wanted = [
        ("never_seen", "point/LI-1".to_owned(), 600_000, 1_123_457),
        // The last sample came at 02:59:59; silence is more than a minute after it.
        ("stale", "point/LI-1".to_owned(), 10_859_123_458, 11_220_123_457),
        killed[0].clone(),
        killed[1].clone(),
        ("shelved", "rule/LI-1/high".to_owned(), 32_400_000_000, 34_200_000_000),
        ("suppressed", "rule/LI-1/high".to_owned(), 36_000_000_000, 36_060_000_000),
        ("out_of_service", "rule/LI-1/high".to_owned(), 36_060_000_000, 36_120_000_000),
        ("suppressed", "rule/LI-1/high".to_owned(), 36_120_000_000, 36_180_000_000),
    ];
    assert_eq!(told(&json), wanted);
    let lost = 523_457 + 360_999_999 + 4_376_543 + 1_800_000_000 + 180_000_000;
    assert_eq!(json.supervised, Span::from_micros(in_force.micros() - lost));

    let sparkplug = judged(&run, &gaps, "LI-2", "high");
    let wanted = [
        // It is awaited from the revision that names it until it is heard of.
        ("gateway_offline", "source/17/sparkplug/g/n".to_owned(), 600_000, 1_123_457),
        ("never_seen", "point/LI-2".to_owned(), 600_000, 1_123_457),
        ("gateway_offline", "source/17/sparkplug/g/n".to_owned(), 3_599_123_457, 4_020_123_457),
        killed[0].clone(),
        ("gateway_offline", "source/17/sparkplug".to_owned(), 18_000_123_457, 18_004_500_000),
        ("gateway_offline", "source/17/sparkplug/g/n".to_owned(), 18_000_123_457, 18_004_500_000),
    ];
    assert_eq!(told(&sparkplug), wanted);
    assert_eq!(sparkplug.supervised, Span::from_micros(in_force.micros() - 523_457 - 421_000_000 - 4_376_543));

    let grpc = judged(&run, &gaps, "LI-3", "high");
    assert!(told(&grpc).contains(&("clock_not_trusted", "gateway/17/p/e/rpc".to_owned(), 25_200_123_457, 25_500_123_457)));
    assert_eq!(grpc.supervised, Span::from_micros(in_force.micros() - 523_457 - 300_000_000 - 4_376_543));
}

#[test]
fn rules_that_judge_what_is_missing_fire_through_it() {
    let run = day();
    let mut gaps = run.gaps();
    events(&mut gaps);
    let reasons = |point: &str, alarm: &str| {
        let mut reasons: Vec<_> = judged(&run, &gaps, point, alarm).gaps.iter().map(|it| it.reason).collect();
        reasons.dedup();
        reasons
    };
    use Reason::{EngineDown, GatewayOffline, NeverSeen, Stale};
    assert_eq!(reasons("LI-1", "stale"), [EngineDown, GatewayOffline], "neither silence nor the shelf of another rule");
    assert_eq!(reasons("LI-1", "bad_quality"), [NeverSeen, Stale, EngineDown, GatewayOffline]);
    assert_eq!(reasons("g/n", "gateway_down"), [EngineDown, GatewayOffline], "but for the outage of its protocol");
    assert_eq!(judged(&run, &gaps, "g/n", "gateway_down").supervised, Span::from_micros(86_399_400_000 - 4_376_543));
    assert_eq!(reasons("e01", "enterprise_down"), [EngineDown]);
}

#[test]
fn could_it_have_fired_at_a_moment() {
    let run = day();
    let mut gaps = run.gaps();
    events(&mut gaps);
    let high = find(&run, "LI-1", "high");
    let ask = |time: Time| crate::at(high, &gaps, time);
    assert_eq!(ask(at(0)), None, "it was not in force");
    assert!(ask(at(11_500)).unwrap().could_have_fired);
    assert!(ask(micros(at(10_859), 123_457)).unwrap().could_have_fired);
    let answer = ask(micros(at(10_859), 123_458)).unwrap();
    assert!(!answer.could_have_fired);
    let [gap] = &*answer.gaps else { panic!("{answer:?}") };
    assert_eq!((gap.reason, gap.to), (Reason::Stale, Some(moment(11_220))), "the gap as a whole");
    assert!(ask(moment(11_220)).unwrap().could_have_fired, "the end is exclusive");
    let both = ask(at(18_002)).unwrap();
    assert_eq!(both.gaps.iter().map(|it| it.reason).collect::<Vec<_>>(), [Reason::EngineDown, Reason::GatewayOffline]);
}

#[test]
fn the_online_rate_comes_from_the_same_gaps() {
    let run = day();
    let gaps = run.gaps();
    let of = |point: &str| rate(find(&run, point, ""), &gaps, at(0), at(DAY));
    let in_force = 86_399_400_000;
    assert_eq!(find(&run, "LI-1", "").kind, ONLINE);
    assert_eq!(of("LI-1").online.micros(), in_force - 523_457 - 360_999_999 - 4_376_543);
    assert_eq!(of("LI-2").online.micros(), in_force - 523_457 - 421_000_000 - 4_376_543);
    assert_eq!(of("LI-3").online.micros(), in_force - 523_457 - 4_376_543, "a wrong clock speaks");
    let mut all = of("LI-1");
    all.add(of("LI-2"));
    assert!(all.share().unwrap() > 0.99 && all.share().unwrap() < 1.0);
}

#[test]
fn holes_say_what_they_are() {
    let mut run = Run::new();
    run.apply(at(0), Body::Revision(revision(1, vec![point("p", Protocol::Mqtt, "p/e/json", 60)])));
    run.apply(at(3), Body::Tick);
    assert!(run.gaps().iter().all(|it| it.reason != Reason::EngineDown), "three seconds are no hole");
    run.apply(micros(at(6), 1), Body::Tick);
    // A start a second later is one whatever its length, and says so once.
    run.apply(at(7), down("*", micros(at(6), 1)));
    run.apply(at(8), down("*", at(7)));
    run.apply(at(9), up("mqtt"));
    run.fold.skip();
    run.apply(at(100), Body::Tick);
    let gaps = run.gaps();
    let of = gaps.iter().filter(|it| it.scope == "partition/17");
    let told: Vec<_> = of.map(|it| (it.reason, it.from, it.to.unwrap(), it.evidence.as_str())).collect();
    let (first, start) = ((at(3), micros(at(6), 1)), (micros(at(6), 1), at(7)));
    let wanted = [
        (Reason::EngineDown, first.0, first.1, "telemetry/17@2 to 3"),
        (Reason::EngineDown, start.0, start.1, "telemetry/17@3 to 4"),
        (Reason::NotRecorded, at(9), at(100), "telemetry/17@6 to 7"),
    ];
    assert_eq!(told, wanted);
    run.apply(at(140), Body::Tick);
    assert!(run.gaps().iter().all(|it| it.reason != Reason::Stale), "no clock ran through what is not known");
}

#[test]
fn a_step_of_this_machines_clock_is_on_record() {
    let (mut fold, mut said) = (EventsFold::default(), crate::Said::default());
    for (seq, offset_us) in [(1, 90_000_000), (2, 2_000_000), (3, -7_200_000_000)] {
        let fault = model::ClockFault { fault: model::ClockFaultKind::Step, offset_us };
        let time = at(i64::try_from(seq).unwrap() * 1_000);
        fold.apply(&recorded(seq, time, "journal", model::EventBody::Clock(fault)), &mut said);
    }
    let told: Vec<_> = said.gaps.iter().map(|it| (it.scope.as_str(), it.from, it.to.unwrap())).collect();
    // Jumped over; slewed to.
    assert_eq!(told, [("journal", at(1_000), at(1_090)), ("journal", at(2_000), at(2_000)), ("journal", at(3_000), at(3_000))]);
    assert!(said.gaps[0].evidence.ends_with("-engine/17-1-0"));
}
