//! The same on the embedded journal: from a sample to a durable, acknowledged alarm, and through a restart.
