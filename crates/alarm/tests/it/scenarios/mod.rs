//! Scenarios as data, by what they are about.

mod clocks;
mod life;
mod limits;
mod outages;
mod revisions;
