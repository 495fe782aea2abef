//! The commands, one module each.

pub mod alarm;
mod alarms;
mod aligned;
pub mod backtest;
pub mod check;
mod events;
pub mod export;
mod gateways;
pub mod journal;
pub mod migrate;
mod moment;
pub mod mqtt_password;
mod occurrences;
mod online;
pub mod query;
mod said;
pub mod server;
pub mod simulate;
pub mod site;
mod statistics;
mod subscriptions;
mod supervision;
mod trend;
mod unused;
pub mod warning;
mod warnings;
pub mod watch;
