//! The park that is played: every point of a site with its course, and one scenario.

use model::{Point, Quality, Site, Span, Time};

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
}

impl Park {
    /// All points of a site, moving by a seed. A scenario that no point has what it takes for is like `Normal`.
    pub fn new(site: &Site, seed: u64, scenario: Scenario) -> Self {
        let signals = site.points.iter().map(|point| Signal::of(point, seed)).collect();
        let target = scenario.target(site).map(|index| (index, site.points[index].clone()));
        Self { signals, scenario, target }
    }

    /// The index of the point that the scenario happens to.
    pub fn target(&self) -> Option<usize> {
        self.target.as_ref().map(|(index, _)| *index)
    }

    /// One sample of every point, in the order of the site: `time` is that of the day, `elapsed` counts from the start.
    pub fn samples_at(&self, time: Time, elapsed: Span) -> Vec<Value> {
        let sample = |(index, signal): (usize, &Signal)| {
            let ordinary = signal.value(time, elapsed);
            match &self.target {
                Some((target, point)) if *target == index => {
                    let (value, quality) = self.scenario.apply(point, ordinary, elapsed);
                    (index, value, quality)
                }
                _ => (index, ordinary, Quality::Good),
            }
        };
        self.signals.iter().enumerate().map(sample).collect()
    }
}
