//! Davy: the composition, the one place that names all parts.
//! In: a command line, settings, site files.
//! Out: one process that runs them together, or one command's answer and exit code.
//! May not enter: decisions about the plant; they live in the core and the services.
//! Start at main.rs, then up.rs.

mod broker;
pub mod cli;
pub mod command;
mod demo;
pub mod exit;
mod history;
mod output;
mod play;
mod recorded;
mod running;
mod samples;
mod serve_grpc;
mod settings;
mod site_files;
mod up;
mod upstreams;
mod webhooks;

pub use settings::Settings;
pub use up::up;
