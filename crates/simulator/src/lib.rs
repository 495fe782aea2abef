//! The simulator: a plausible park, so that everything can be shown and tried without a plant.
//! In: a site, a seed, a scenario, and the time to play; or only how large a site there shall be.
//! Out: samples of all its points and the state of its gateways; the same seed and time give the same, in whatever steps; site files.
//! May not enter: clocks, IO, async, random sources, any Davy crate but model.
//! Start at `Park` in park.rs; noise.rs is where chance comes from; generated.rs writes sites of any size.

mod flood;
mod gateway;
mod generated;
mod noise;
mod park;
mod scenario;
mod signal;
#[cfg(test)]
mod tests;

pub use gateway::{Link, gateway_of};
pub use generated::{PARK_ENTERPRISES, generated_site};
pub use park::{Park, Value};
pub use scenario::Scenario;

/// The site file of the park that the demonstration plays.
pub const DEMO_SITE: &str = include_str!("../data/demo/site.toml");
