//! Small sites and series for the tests of this crate.

use model::{
    AlarmId, AlarmKind, AlarmRule, Enterprise, EnterpriseId, GatewayPath, Installation, InstallationId, InstallationKind, Point,
    PointId, PointSource, Protocol, Quality, Quantity, Range, Site, Span, Time,
};

use crate::activation::Activation;
use crate::playback::Value;

/// Activations from seconds.
pub(crate) fn activations(seconds: &[(i64, i64)]) -> Vec<Activation> {
    seconds.iter().map(|(raised, ended)| Activation { raised: at(*raised), ended: at(*ended) }).collect()
}

pub(crate) fn at(seconds: i64) -> Time {
    Time::from_micros(seconds * 1_000_000)
}

/// A rule with neither deadband nor delays.
pub(crate) fn rule(kind: AlarmKind, limit: f64) -> AlarmRule {
    AlarmRule {
        id: AlarmId::new(kind.as_str()).expect("the words of kinds are ids"),
        kind,
        limit: kind.has_limit().then_some(limit),
        ..AlarmRule::default()
    }
}

/// A level with a range of 0 to 100.
pub(crate) fn level(id: &str, alarms: Vec<AlarmRule>) -> Point {
    Point {
        id: PointId::new(id).expect("an id"),
        name: String::new(),
        installation: InstallationId::new("e01-tank").expect("an id"),
        enterprise: EnterpriseId::new("e01").expect("an id"),
        park: None,
        quantity: Quantity::Level,
        unit: "%".to_owned(),
        range: Some(Range { low: 0.0, high: 100.0 }),
        stale_after: Span::from_secs(300),
        source: PointSource {
            protocol: Protocol::Mqtt,
            gateway: GatewayPath::strict("p/e01/gw1").expect("a path"),
            tag: id.to_owned(),
        },
        states: Vec::new(),
        alarms,
        cas: String::new(),
    }
}

/// A site of one enterprise with these points, which are in order of id.
pub(crate) fn site(points: Vec<Point>) -> Site {
    let enterprise = EnterpriseId::new("e01").expect("an id");
    Site {
        enterprises: vec![Enterprise { id: enterprise.clone(), name: String::new(), park: None, district: "320682".to_owned() }],
        installations: vec![Installation {
            id: InstallationId::new("e01-tank").expect("an id"),
            name: String::new(),
            enterprise,
            kind: InstallationKind::TankFarm,
            exposed_people: 0,
            location: None,
            substances: Vec::new(),
            wind: None,
        }],
        points,
        ..Site::default()
    }
}

/// One row each so many seconds for the only point of a site.
pub(crate) fn series(every: i64, values: &[f64]) -> Vec<(Time, Vec<Value>)> {
    let row = |(step, value): (i64, &f64)| (at(step * every), vec![(0, Some(*value), Quality::Good)]);
    (0..).zip(values).map(row).collect()
}

/// Numbers between 0 and 1 that look random and are the same on every run.
pub(crate) fn noise(count: usize, seed: u64) -> Vec<f64> {
    let mut state = seed;
    let mut next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        f64::from(u32::try_from(state >> 33).expect("31 bits")) / f64::from(1_u32 << 31)
    };
    (0..count).map(|_| next()).collect()
}
