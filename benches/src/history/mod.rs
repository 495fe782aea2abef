//! The history: how fast rows come in, and how fast they are found, on real servers of the harness.

mod bare;
mod load;
mod queries;
mod rows;

pub(crate) use load::run as load;
pub(crate) use queries::run as queries;
