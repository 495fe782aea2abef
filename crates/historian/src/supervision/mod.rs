//! The supervision record: for every rule the time in which it could have fired, and what kept it from that.

pub(crate) mod answer;
