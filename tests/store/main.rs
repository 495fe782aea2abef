//! The store on real database servers, one of each kind: what every backend must do, and what happens when a server fails.

mod conformance;
mod faults;
mod load;
#[cfg(test)]
mod postgres;
mod servers;
