//! Scenarios as data, by what they are about.

mod clocks;
mod gateways;
mod groups;
mod hiding;
mod kinds;
mod life;
mod limits;
mod links;
mod outages;
mod revisions;
