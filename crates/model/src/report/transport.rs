//! What transport reports.

use super::body;
use crate::site::words;
use crate::{EventId, Location};

words!(
    /// How far a trip is.
    WaybillState {
        /// It is to be.
        Planned = "planned",
        /// The vehicle left.
        Departed = "departed",
        /// It is on its way.
        OnTheWay = "on_the_way",
        /// It is there.
        Arrived = "arrived",
        /// The goods are unloaded.
        Unloaded = "unloaded",
        /// The consignee did not take them.
        Rejected = "rejected",
        /// It will not be.
        Cancelled = "cancelled",
    }
);

body!(
    /// A trip with dangerous goods (运单).
    Waybill {
        /// Its number.
        number: String,
        /// How far it is.
        state: WaybillState,
        /// The vehicle's plate.
        vehicle: String,
        /// UN number of the goods.
        un: Option<u32>,
        /// How much.
        tonnes: Option<f64>,
        /// From where: the id of an enterprise of the site, or any text.
        from_enterprise: String,
        /// To where, in the same way.
        to_enterprise: String,
    }
);

body!(
    /// A vehicle left its route.
    RouteDeviation {
        /// Its plate.
        vehicle: String,
        /// Its waybill's number; empty where it has none.
        waybill: String,
        /// Where it is.
        location: Location,
        /// How far from the route.
        metres: u32,
        /// Why.
        reason: String,
    }
);

body!(
    /// Where a vehicle is.
    VehiclePosition {
        /// Its plate.
        vehicle: String,
        /// Its waybill's number; empty where it has none.
        waybill: String,
        /// Where it is.
        location: Location,
        /// How fast, km/h.
        speed_kmh: Option<f64>,
        /// Degrees from north.
        heading: Option<f64>,
    }
);

body!(
    /// Traffic is led around something.
    Diversion {
        /// The vehicle that is led; empty where all of a road is.
        vehicle: String,
        /// The road; empty where it is one vehicle.
        road: String,
        /// Around the place of this warning.
        warning: Option<EventId>,
        /// Around this place; empty where a warning is named.
        place: String,
    }
);

impl Diversion {
    /// The vehicle or the road.
    pub fn subject(&self) -> &str {
        if self.vehicle.is_empty() { &self.road } else { &self.vehicle }
    }
}
