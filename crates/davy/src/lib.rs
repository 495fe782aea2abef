//! davy
