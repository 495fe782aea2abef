//! The park that is played: every point of a site with its course, and one scenario.

use model::{Point, Quality, Site, Span, Time};

use crate::flood::Flooded;
use crate::gateway::{Afflicted, Link};
use crate::scenario::Scenario;
use crate::signal::Signal;

/// One value: the index of its point in `site.points`, the value, and its quality.
pub type Value = (usize, f64, Quality);

/// A simulated park.
#[derive(Clone, Debug)]
pub struct Park {
    signals: Vec<Signal>,
    scenario: Scenario,
    target: Option<(usize, Point)>,
    /// Of each point, in a flood; empty otherwise.
    flooded: Vec<Option<Flooded>>,
    afflicted: Afflicted,
}

impl Park {
    /// All points of a site, moving by a seed. A scenario that no point has what it takes for is like `Normal`.
    pub fn new(site: &Site, seed: u64, scenario: Scenario) -> Self {
        let signals = site.points.iter().map(|point| Signal::of(point, seed)).collect();
        let target = scenario.target(site).map(|index| (index, site.points[index].clone()));
        let in_flood = site.points.iter().filter(|_| scenario == Scenario::Flood);
        let flooded = in_flood.map(|point| Flooded::of(point, seed)).collect();
        Self { signals, scenario, target, flooded, afflicted: Afflicted::of(site, seed) }
    }

    /// The index of the point that the scenario happens to, where it is one.
    pub fn target(&self) -> Option<usize> {
        self.target.as_ref().map(|(index, _)| *index)
    }

    /// One sample of every point, in the order of the site: `time` is that of the day, `elapsed` counts from the start.
    pub fn samples_at(&self, time: Time, elapsed: Span) -> Vec<Value> {
        (0..self.signals.len()).filter_map(|point| self.sample_at(point, time, elapsed)).collect()
    }

    /// The sample of one point, by its index in the site; `None` where there is no such point.
    pub fn sample_at(&self, point: usize, time: Time, elapsed: Span) -> Option<Value> {
        let ordinary = self.signals.get(point)?.value(time, elapsed);
        let (value, quality) = match &self.target {
            Some((target, of)) if *target == point => self.scenario.apply(of, ordinary, elapsed),
            _ => (ordinary, Quality::Good),
        };
        let flooded = self.flooded.get(point).and_then(Option::as_ref);
        Some((point, flooded.map_or(value, |flooded| flooded.value(value, elapsed)), quality))
    }

    /// How a gateway (by `gateway_of`) is doing; one that the site does not know is doing well.
    pub fn link_at(&self, gateway: &str, elapsed: Span) -> Link {
        self.afflicted.link(self.scenario, gateway, elapsed)
    }
}
