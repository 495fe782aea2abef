//! Tests of the alarm core from outside: scenarios as data, laws over random plants, and an independent reference.

mod laws;
mod lifecycle;
mod plant;
mod random;
mod reference;
mod scenarios;
mod snapshots;
