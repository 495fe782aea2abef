//! A plant in a box: real brokers, real database servers and real Davys as processes of their own, on free ports, in temporary folders.
//! In: site text, samples, kills.
//! Out: what the outside world would see: feeds, answers, files, exit codes.
//! May not enter: any Davy crate but wire's generated client; what is expected is computed here anew.
//! Start at davy.rs, then feed.rs; reference.rs says what alarms there must be.

mod davy;
mod feed;
pub mod foreign;
mod mosquitto;
mod port;
mod postgres;
mod process;
mod proxy;
mod publisher;
mod query;
pub mod reference;
pub mod strace;
pub mod tls;
mod trace;
mod wait;

pub use davy::{Davy, Run, binary, run, run_with};
pub use feed::{Feed, micros};
pub use mosquitto::{Mosquitto, Store};
pub use port::Port;
pub use postgres::{Disk, Kind, Postgres};
pub use process::Process;
pub use proxy::{Proxy, Way};
pub use publisher::Publisher;
pub use query::{acknowledge, alarms, channel, dead_letters, events, page, ready, reset, samples, timestamp};
pub use trace::{Trace, data, rules};
pub use wait::{until, until_within};
