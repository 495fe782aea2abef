//! Floods and nuisances of the present: a watch over durable `events` that appends what it sees to `events`, under a key of its own.

mod fold;
mod runner;

pub use runner::{FloodParts, watch_floods};
