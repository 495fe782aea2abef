//! The alarm core: decides, from records in order, which alarms exist.
//! In: samples, commands, ticks, site revisions, source outages, each with its position and time.
//! Out: events; the same records give the same events, byte for byte.
//! May not enter: clocks, IO, async, logging, serde, hash order, any Davy crate but model.
//! Start at apply.rs; the laws are in laws.rs under tests.

mod apply;
mod batch;
mod clock;
mod command;
mod emit;
mod gap;
mod group;
mod index;
mod judge;
mod layout;
mod life;
mod link;
mod online;
mod point;
mod revision;
mod snapshot;
mod source;
mod timer;
mod tree;
mod window;

pub use apply::{Core, Counters};
pub use snapshot::{RestoreError, SNAPSHOT_VERSION};

/// The version of the judgement in this crate; it changes with any change of what comes out for the same records.
/// 2 knows the links of single gateways and names points in gaps; what 1 judged it judges again as 1 did.
/// 3 raises alarms of gateways and enterprises, and its events say what the operator reads, the group's first and the gateway's clock.
pub const CORE_VERSION: u32 = 3;
