//! The commands, one module each.

pub mod alarm;
mod alarms;
pub mod backtest;
pub mod check;
mod events;
mod gateways;
pub mod journal;
pub mod migrate;
mod moment;
pub mod mqtt_password;
mod online;
pub mod query;
mod said;
pub mod server;
pub mod simulate;
pub mod site;
mod statistics;
pub mod watch;
