//! What happens to clocks, connections, and to everything at once.

use model::{AlarmKind, Protocol, Quality, Site, Span};

use super::{START, active, demo};
use crate::{Park, Scenario, gateway_of, generated_site};

const FIRST: &str = "rugang/e01/gds";

fn many() -> Site {
    let file = site::SourceFile { name: "site.toml".to_owned(), text: generated_site(40, 9, Protocol::Sparkplug) };
    site::load(&[file]).expect("a generated site loads").site
}

#[test]
fn one_gateway_in_ten_is_afflicted_and_the_others_are_well() {
    let site = many();
    let gateways: std::collections::BTreeSet<_> = site.points.iter().map(|point| gateway_of(&point.source)).collect();
    assert_eq!(gateways.len(), 40, "a device has no connection of its own");
    for scenario in [Scenario::ClockStep, Scenario::GatewayFlapping] {
        let park = Park::new(&site, 3, scenario);
        let well = |gateway: &&str| {
            (0..2_400).all(|tenth| {
                let link = park.link_at(gateway, Span::from_millis(100 * tenth));
                link.connected && link.clock_offset == Span::ZERO
            })
        };
        assert_eq!(gateways.iter().filter(|gateway| !well(gateway)).count(), 4, "{scenario:?}");
    }
    let calm = Park::new(&site, 3, Scenario::Flood).link_at("p001/e00001-gw1", Span::from_secs(50));
    assert!(calm.connected && calm.clock_offset == Span::ZERO);
}

#[test]
fn a_clock_steps_forward_then_behind_then_right_while_values_stay_ordinary() {
    let site = demo();
    let (stepping, normal) = (Park::new(&site, 1, Scenario::ClockStep), Park::new(&site, 1, Scenario::Normal));
    let offset = |second: i64| stepping.link_at(FIRST, Span::from_secs(second)).clock_offset.micros() / 1_000_000;
    assert_eq!([0, 19, 20, 79, 80, 139, 140, 239, 240, 260].map(offset), [0, 0, 120, 120, -300, -300, 0, 0, 0, 120]);
    assert_eq!(stepping.link_at("rugang/e01/gw1", Span::from_secs(30)).clock_offset, Span::ZERO);
    let elapsed = Span::from_secs(90);
    assert_eq!(stepping.samples_at(START, elapsed), normal.samples_at(START, elapsed));
}

#[test]
fn a_flapping_gateway_is_away_about_three_seconds_in_every_twenty() {
    let park = Park::new(&demo(), 9, Scenario::GatewayFlapping);
    let connected = |tenth: i64| park.link_at(FIRST, Span::from_millis(100 * tenth)).connected;
    let states: Vec<_> = (0..10_000).map(connected).collect();
    let cuts: Vec<_> = states.windows(2).enumerate().filter(|(_, pair)| pair[0] && !pair[1]).map(|(at, _)| at).collect();
    assert!((45..=51).contains(&cuts.len()), "{} cuts in 1,000 s", cuts.len());
    assert!(cuts.windows(2).all(|pair| (150..250).contains(&(pair[1] - pair[0]))), "{cuts:?}");
    for cut in &cuts {
        let away = states[cut + 1..].iter().take_while(|connected| !**connected).count();
        assert!((24..=36).contains(&away) || cut + 1 + away == states.len(), "{away} tenths at {cut}");
    }
}

#[test]
fn in_a_flood_every_point_with_limits_is_beyond_them_at_once() {
    let site = many();
    let park = Park::new(&site, 5, Scenario::Flood);
    let in_alarm = |second: i64| {
        let elapsed = Span::from_secs(second);
        let samples = park.samples_at(START + elapsed, elapsed);
        assert!(samples.iter().all(|(_, _, quality)| *quality == Quality::Good));
        samples.iter().filter(|(index, value, _)| !active(&site, *index, *value).is_empty()).count()
    };
    assert_eq!(site.points.len(), 360);
    assert!([0, 9, 100, 119, 120].iter().all(|second| in_alarm(*second) == 0));
    assert!(in_alarm(11) > 50 && in_alarm(11) < 360, "they do not all come in the same instant: {}", in_alarm(11));
    assert_eq!([14, 40, 54, 134].map(in_alarm), [360; 4]);
    let levels = site.points.iter().position(|point| point.alarms.iter().any(|rule| rule.kind == AlarmKind::HighHigh));
    let (index, value, _) = park.sample_at(levels.expect("there is one"), START, Span::from_secs(30)).expect("it is played");
    assert!(active(&site, index, value).contains(&AlarmKind::HighHigh), "beyond the outermost limit");
    // Afterwards a few go in and out.
    let chattering: Vec<_> = (59..94).map(in_alarm).collect();
    assert!(chattering.iter().all(|count| *count < 90) && chattering.iter().any(|count| *count >= 10), "{chattering:?}");
}

#[test]
fn a_point_alone_is_played_as_among_all() {
    let site = demo();
    for scenario in Scenario::ALL {
        let park = Park::new(&site, 11, *scenario);
        let elapsed = Span::from_millis(31_700);
        let alone: Vec<_> = (0..site.points.len()).filter_map(|it| park.sample_at(it, START + elapsed, elapsed)).collect();
        assert_eq!(alone, park.samples_at(START + elapsed, elapsed));
        assert_eq!(park.sample_at(site.points.len(), START, elapsed), None);
    }
}
