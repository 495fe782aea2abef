//! The registry: gives sites their revisions and points their numbers for life, and journals them.
//! In: a checked site with its canonical content.
//! Out: revision records in `events` and, part by part, in `telemetry/<p>`; RegistryService; seals and steps of the clock in `events`.
//! May not enter: site text, rules of alarms, SQL, another service.
//! Start at number.rs (pure), then publish.rs.

mod api;
mod error;
mod fold;
mod metrics;
mod number;
mod publish;
mod run;

pub use api::registry_service;
pub use error::RegistryError;
pub use fold::SiteFold;
pub use publish::publish;
pub use run::{Parts, serve};
