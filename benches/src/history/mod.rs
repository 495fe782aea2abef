//! The history: how fast rows come in, and how fast they are found, on real servers of the harness.

mod bare;
mod load;
mod rows;

pub(crate) use load::run as load;
