//! Where the wind is measured, for a park or an installation.

use model::{PointId, Quantity, WindPoints};

use crate::fault::{At, Sink};
use crate::node::Entry;
use crate::resolve::{Drafts, refer};

const KEYS: &[&str] = &["speed", "direction"];
const SPEED_UNITS: &[&str] = &["m/s", "km/h"];
const DIRECTION_UNITS: &[&str] = &["°", "deg"];

pub(crate) struct WindDraft {
    speed: At<PointId>,
    direction: At<PointId>,
}

pub(crate) fn wind(entry: Entry<'_, '_>, sink: &mut Sink) -> Option<WindDraft> {
    let wind = entry.entries("wind", "wind", sink).into_iter().next()?;
    wind.check_keys(KEYS, sink);
    let (speed, direction) = (wind.required_id("speed", PointId::new, sink), wind.required_id("direction", PointId::new, sink));
    Some(WindDraft { speed: speed?, direction: direction? })
}

impl WindDraft {
    pub(crate) fn points(&self) -> WindPoints {
        WindPoints { speed: self.speed.value.clone(), direction: self.direction.value.clone() }
    }

    fn check(&self, points: &[&str], drafts: &Drafts, sink: &mut Sink) {
        let both = [
            ("speed", &self.speed, Quantity::WindSpeed, SPEED_UNITS),
            ("direction", &self.direction, Quantity::WindDirection, DIRECTION_UNITS),
        ];
        for (key, At { value, place }, quantity, units) in both {
            let Some(found) = refer("point", key, value.as_str(), *place, points, sink) else { continue };
            let point = &drafts.points[found];
            if point.quantity.is_some_and(|it| it != quantity) {
                let cure = format!("use a point of quantity {}", quantity.as_str());
                sink.fault(*place, key, value.as_str(), "measures something else", cure);
            } else if let Some(unit) = point.unit.as_deref().filter(|unit| !units.contains(unit)) {
                let problem = format!("is in {unit}");
                sink.fault(*place, key, value.as_str(), problem, format!("use a point in {}", units.join(" or ")));
            }
        }
    }
}

/// Looks the points of all winds up.
pub(crate) fn check(drafts: &Drafts, sink: &mut Sink) {
    let of_parks = drafts.parks.iter().filter_map(|it| it.wind.as_ref());
    let all: Vec<_> = of_parks.chain(drafts.installations.iter().filter_map(|it| it.wind.as_ref())).collect();
    if all.is_empty() {
        return;
    }
    let points: Vec<_> = drafts.points.iter().map(|it| it.id.value.as_str()).collect();
    all.into_iter().for_each(|wind| wind.check(&points, drafts, sink));
}
