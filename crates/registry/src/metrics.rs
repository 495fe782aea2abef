//! Metrics of the registry.

/// Site revision in force.
pub(crate) const REVISION: &str = "davy_registry_revision";
/// Points of the revision in force.
pub(crate) const POINTS: &str = "davy_registry_points";
/// Seals made.
pub(crate) const SEALS: &str = "davy_registry_seals_total";

/// Says what each is.
pub(crate) fn describe() {
    metrics::describe_gauge!(REVISION, "site revision in force");
    metrics::describe_gauge!(POINTS, "points of the site revision in force");
    metrics::describe_counter!(SEALS, "seals made over the event journal");
}
