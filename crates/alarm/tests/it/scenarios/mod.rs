//! Scenarios as data, by what they are about.

mod clocks;
mod gateways;
mod life;
mod limits;
mod outages;
mod revisions;
