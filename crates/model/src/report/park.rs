//! What a park's management reports.

use super::body;
use crate::site::words;

words!(
    /// Which way through a gate.
    Way {
        /// Into the park.
        In = "in",
        /// Out of it.
        Out = "out",
    }
);

body!(
    /// A vehicle passed a gate (卡口).
    GatePass {
        /// Which.
        gate: String,
        /// The vehicle's plate.
        vehicle: String,
        /// Which way.
        way: Way,
        /// Its waybill's number; empty where it has none.
        waybill: String,
    }
);

body!(
    /// How full a parking yard is.
    Yard {
        /// Which.
        yard: String,
        /// How many vehicles are there.
        vehicles: u32,
        /// How many there is room for.
        capacity: u32,
    }
);

body!(
    /// People at a place.
    HeadCount {
        /// Where.
        place: String,
        /// How many.
        people: u32,
    }
);

body!(
    /// A place was evacuated.
    ZoneEmptied {
        /// Where.
        place: String,
        /// How many are known to be there still.
        people_left: u32,
    }
);
