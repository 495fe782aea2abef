//! What happens to gateways: their clocks, and whether they are connected.

use std::collections::BTreeMap;

use model::{PointSource, Protocol, Site, Span};

use crate::noise;
use crate::scenario::{Scenario, seconds_into};

/// Of how many gateways, in order of their paths, the first is afflicted.
const ONE_IN: usize = 10;

/// Seconds between two cuts of a flapping gateway, and how long each lasts, on average.
const FLAP_PERIOD_S: f64 = 20.0;
const FLAP_S: f64 = 3.0;

/// How a gateway is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Link {
    /// Whether it reaches the broker; where not, it was cut off without a word.
    pub connected: bool,
    /// How far its clock is ahead of the right time; negative where it is behind.
    pub clock_offset: Span,
}

impl Link {
    const GOOD: Self = Self { connected: true, clock_offset: Span::ZERO };
}

/// The gateway that holds the connection of a source: `group/node` of a Sparkplug device, else the whole path.
pub fn gateway_of(source: &PointSource) -> &str {
    let path = source.gateway.as_str();
    match source.protocol {
        Protocol::Sparkplug => path.match_indices('/').nth(1).map_or(path, |(end, _)| &path[..end]),
        _ => path,
    }
}

/// The gateways that something happens to, each with the key of its chance.
#[derive(Clone, Debug)]
pub(crate) struct Afflicted(BTreeMap<String, u64>);

impl Afflicted {
    pub(crate) fn of(site: &Site, seed: u64) -> Self {
        let gateways: std::collections::BTreeSet<_> = site.points.iter().map(|point| gateway_of(&point.source)).collect();
        Self(gateways.into_iter().step_by(ONE_IN).map(|path| (path.to_owned(), noise::key(seed, path))).collect())
    }

    pub(crate) fn link(&self, scenario: Scenario, gateway: &str, elapsed: Span) -> Link {
        let Some(key) = self.0.get(gateway) else { return Link::GOOD };
        match scenario {
            Scenario::ClockStep => Link { clock_offset: clock_offset(elapsed), ..Link::GOOD },
            Scenario::GatewayFlapping => Link { connected: !is_cut_off(*key, elapsed), ..Link::GOOD },
            _ => Link::GOOD,
        }
    }
}

/// Right for 20 seconds, two minutes ahead for a minute, five minutes behind for a minute, then right again.
fn clock_offset(elapsed: Span) -> Span {
    match seconds_into(elapsed, 240) {
        20.0..80.0 => Span::from_secs(120),
        80.0..140.0 => Span::from_secs(-300),
        _ => Span::ZERO,
    }
}

/// Once in each period, about its end; each gateway has periods of its own.
fn is_cut_off(key: u64, elapsed: Span) -> bool {
    #[expect(clippy::cast_precision_loss, reason = "2^53 microseconds are 285 years")]
    let seconds = elapsed.micros() as f64 / 1e6 + 5.0 * (1.0 + noise::even(key, -1));
    #[expect(clippy::cast_possible_truncation, reason = "a count of periods in 285 years fits")]
    let period = (seconds / FLAP_PERIOD_S).floor() as i64;
    let starts = 14.0 + 2.0 * noise::even(noise::mix(key), period);
    let lasts = FLAP_S + 0.5 * noise::even(noise::mix(key ^ 1), period);
    let second = seconds.rem_euclid(FLAP_PERIOD_S);
    (starts..starts + lasts).contains(&second)
}
