//! Reports that come often, as samples for points of the site.

use std::sync::Arc;

use model::Time;
use model::report::ReportBody;

/// What points take.
#[derive(Clone, Debug, PartialEq)]
pub struct Sample {
    /// The path of the gateway: `park/department/reports`.
    pub gateway: Arc<str>,
    /// When it was so.
    pub at: Time,
    /// Values by tag, which is the place or the vehicle, a dot, and what of it.
    pub values: Vec<(String, f64)>,
}

/// The values of a report.
pub(crate) fn values(body: &ReportBody) -> Vec<(String, f64)> {
    match body {
        ReportBody::HeadCount(it) => vec![(format!("{}.people", it.place), f64::from(it.people))],
        ReportBody::Yard(it) => vec![
            (format!("{}.vehicles", it.yard), f64::from(it.vehicles)),
            (format!("{}.capacity", it.yard), f64::from(it.capacity)),
        ],
        ReportBody::VehiclePosition(it) => {
            let parts = [
                ("lat", Some(it.location.lat)),
                ("lon", Some(it.location.lon)),
                ("speed_kmh", it.speed_kmh),
                ("heading", it.heading),
            ];
            parts.iter().filter_map(|(what, value)| Some((format!("{}.{what}", it.vehicle), (*value)?))).collect()
        }
        _ => Vec::new(),
    }
}
