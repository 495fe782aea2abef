//! Recorded samples.
