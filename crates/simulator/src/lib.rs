//! The simulator: a plausible park, so that everything can be shown and tried without a plant.
//! In: a site, a seed, a scenario, and the time to play.
//! Out: samples of all its points; the same seed and time give the same samples, in whatever steps they are asked for.
//! May not enter: clocks, IO, async, random sources, any Davy crate but model.
//! Start at `Park` in park.rs; noise.rs is where chance comes from.

mod noise;
mod park;
mod scenario;
mod signal;
#[cfg(test)]
mod tests;

pub use park::{Park, Value};
pub use scenario::Scenario;

/// The site file of the park that the demonstration plays.
pub const DEMO_SITE: &str = include_str!("../data/demo/site.toml");
