//! Reports of departments: model <-> `davy.v1`.

use model::report::{
    AllClear, BlackList, BlackListChange, CreditPoints, CreditRepair, Dispatch, DispatchState, Diversion, ExternalAlert, Finding,
    GatePass, HeadCount, Inspection, InspectionResult, Order, Penalty, PlanLevel, ResponseLevel, RouteDeviation, Severity,
    VehiclePosition, Way, Waybill, WaybillState, Yard, ZoneEmptied,
};
use model::{DepartmentId, EnterpriseId, EventId, Location, Report, ReportBody, RequestId, Time};
use prost_types::Timestamp;

use crate::record::DecodeError;
use crate::v1::report::{self, Body};
use crate::v1::submit_report_request::Body as Submitted;
use crate::{time_from_v1, time_to_v1, v1};

/// Why a body says nothing that this version knows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wrong {
    /// The field at fault, such as `waybill.state`.
    pub field: &'static str,
    /// Its value.
    pub value: String,
    /// What would be right.
    pub cure: String,
}

impl From<Wrong> for DecodeError {
    fn from(wrong: Wrong) -> Self {
        Self::field(wrong.field, wrong.value)
    }
}

type Read<T> = Result<T, Wrong>;

/// A value that has a counterpart in the contract.
trait Mirror: Sized {
    type V1;
    fn to_v1(&self) -> Self::V1;
    fn from_v1(field: &'static str, value: &Self::V1) -> Read<Self>;
}

/// What looks the same on both sides.
macro_rules! same {
    ($($type:ty),+) => {
        $(impl Mirror for $type {
            type V1 = Self;

            fn to_v1(&self) -> Self {
                self.clone()
            }

            fn from_v1(_: &'static str, value: &Self) -> Read<Self> {
                Ok(value.clone())
            }
        })+
    };
}

same!(String, u32, i32, i64, Option<u32>, Option<f64>);

/// Words of closed sets.
macro_rules! worded {
    ($($type:ty),+) => {
        $(impl Mirror for $type {
            type V1 = String;

            fn to_v1(&self) -> String {
                self.as_str().to_owned()
            }

            fn from_v1(field: &'static str, value: &String) -> Read<Self> {
                Self::parse(value).ok_or_else(|| {
                    let all: Vec<_> = Self::ALL.iter().map(|it| it.as_str()).collect();
                    Wrong { field, value: value.clone(), cure: format!("use one of {}", all.join(", ")) }
                })
            }
        })+
    };
}

worded!(WaybillState, Way, PlanLevel, DispatchState, InspectionResult, Severity, BlackListChange);

impl Mirror for EnterpriseId {
    type V1 = String;

    fn to_v1(&self) -> String {
        self.to_string()
    }

    fn from_v1(field: &'static str, value: &String) -> Read<Self> {
        Self::new(value).map_err(|error| Wrong { field, value: value.clone(), cure: error.to_string() })
    }
}

impl Mirror for Option<EventId> {
    type V1 = String;

    fn to_v1(&self) -> String {
        self.as_ref().map(EventId::to_string).unwrap_or_default()
    }

    fn from_v1(field: &'static str, value: &String) -> Read<Self> {
        if value.is_empty() {
            return Ok(None);
        }
        let wrong = || Wrong { field, value: value.clone(), cure: "give an id as feeds show it".to_owned() };
        EventId::parse(value).map(Some).ok_or_else(wrong)
    }
}

impl Mirror for Option<Time> {
    type V1 = Option<Timestamp>;

    fn to_v1(&self) -> Option<Timestamp> {
        self.map(time_to_v1)
    }

    fn from_v1(_: &'static str, value: &Option<Timestamp>) -> Read<Self> {
        Ok(value.as_ref().map(time_from_v1))
    }
}

fn missing(field: &'static str, what: &str) -> Wrong {
    Wrong { field, value: String::new(), cure: format!("give {what}") }
}

impl Mirror for Time {
    type V1 = Option<Timestamp>;

    fn to_v1(&self) -> Option<Timestamp> {
        Some(time_to_v1(*self))
    }

    fn from_v1(field: &'static str, value: &Option<Timestamp>) -> Read<Self> {
        value.as_ref().map(time_from_v1).ok_or_else(|| missing(field, "a time"))
    }
}

impl Mirror for Location {
    type V1 = Option<report::Location>;

    fn to_v1(&self) -> Option<report::Location> {
        Some(report::Location { lat: self.lat, lon: self.lon })
    }

    fn from_v1(field: &'static str, value: &Option<report::Location>) -> Read<Self> {
        let location = value.as_ref().ok_or_else(|| missing(field, "lat and lon"))?;
        Ok(Self { lat: location.lat, lon: location.lon })
    }
}

/// Bodies by their fields, which have the same names on both sides.
macro_rules! mirrored {
    ($($word:literal $name:ident { $($field:ident),+ })+) => {
        $(impl Mirror for $name {
            type V1 = report::$name;

            fn to_v1(&self) -> report::$name {
                report::$name { $($field: self.$field.to_v1()),+ }
            }

            fn from_v1(_: &'static str, value: &report::$name) -> Read<Self> {
                Ok(Self { $($field: Mirror::from_v1(concat!($word, ".", stringify!($field)), &value.$field)?),+ })
            }
        })+
    };
}

mirrored! {
    "waybill" Waybill { number, state, vehicle, un, tonnes, from_enterprise, to_enterprise }
    "route_deviation" RouteDeviation { vehicle, waybill, location, metres, reason }
    "vehicle_position" VehiclePosition { vehicle, waybill, location, speed_kmh, heading }
    "diversion" Diversion { vehicle, road, warning, place }
    "gate_pass" GatePass { gate, vehicle, way, waybill }
    "yard" Yard { yard, vehicles, capacity }
    "head_count" HeadCount { place, people }
    "zone_emptied" ZoneEmptied { place, people_left }
    "response_level" ResponseLevel { level, plan }
    "dispatch" Dispatch { resource, from, to, state }
    "all_clear" AllClear { place }
    "inspection" Inspection { enterprise, result }
    "finding" Finding { enterprise, severity, due }
    "order" Order { enterprise, number, due }
    "penalty" Penalty { enterprise, amount_fen, number }
    "credit_points" CreditPoints { enterprise, points, reason }
    "black_list" BlackList { enterprise, change }
    "credit_repair" CreditRepair { enterprise, what }
}

impl Mirror for ExternalAlert {
    type V1 = report::ExternalAlert;

    fn to_v1(&self) -> report::ExternalAlert {
        report::ExternalAlert {
            xml: String::new(),
            identifier: self.identifier.clone(),
            sender: self.sender.clone(),
            sent: self.sent.to_v1(),
            msg_type: self.msg_type.clone(),
            headline: self.headline.clone(),
            event: self.event.clone(),
            severity: self.severity.clone(),
            urgency: self.urgency.clone(),
            certainty: self.certainty.clone(),
            expires: self.expires.to_v1(),
            area: self.area.clone(),
        }
    }

    fn from_v1(_: &'static str, value: &report::ExternalAlert) -> Read<Self> {
        Ok(Self {
            identifier: value.identifier.clone(),
            sender: value.sender.clone(),
            sent: Mirror::from_v1("external_alert.sent", &value.sent)?,
            msg_type: value.msg_type.clone(),
            headline: value.headline.clone(),
            event: value.event.clone(),
            severity: value.severity.clone(),
            urgency: value.urgency.clone(),
            certainty: value.certainty.clone(),
            expires: Mirror::from_v1("external_alert.expires", &value.expires)?,
            area: value.area.clone(),
        })
    }
}

macro_rules! bodies {
    ($($name:ident),+ $(,)?) => {
        fn body_to_v1(body: &ReportBody) -> Body {
            match body { $(ReportBody::$name(body) => Body::$name(body.to_v1())),+ }
        }

        /// A body from the contract.
        ///
        /// # Errors
        /// A word, an id or a time that is none; a place that is missing.
        pub fn report_body_from_v1(body: &Body) -> Result<ReportBody, Wrong> {
            Ok(match body { $(Body::$name(body) => ReportBody::$name(Mirror::from_v1("body", body)?)),+ })
        }

        /// What was submitted, as it stands in events.
        pub fn submitted_body(body: Submitted) -> Body {
            match body { $(Submitted::$name(body) => Body::$name(body)),+ }
        }

        /// What stands in events, as it is submitted.
        pub fn body_to_submit(body: Body) -> Submitted {
            match body { $(Body::$name(body) => Submitted::$name(body)),+ }
        }
    };
}

bodies!(
    Waybill,
    RouteDeviation,
    VehiclePosition,
    Diversion,
    GatePass,
    Yard,
    HeadCount,
    ZoneEmptied,
    ResponseLevel,
    Dispatch,
    AllClear,
    Inspection,
    Finding,
    Order,
    Penalty,
    CreditPoints,
    BlackList,
    CreditRepair,
    ExternalAlert,
);

/// An event's body for journals and feeds.
pub fn report_to_v1(report: &Report) -> v1::Report {
    v1::Report {
        department: report.department.to_string(),
        actor: report.actor.clone(),
        text: report.text.clone(),
        about: report.about.iter().map(EventId::to_string).collect(),
        request_id: report.request_id.as_str().to_owned(),
        body: Some(body_to_v1(&report.body)),
    }
}

/// An event's body from a journal or a feed.
pub(crate) fn report_from_v1(kind: &str, report: &v1::Report) -> Result<Report, DecodeError> {
    let body = report.body.as_ref().ok_or_else(|| DecodeError::field("report.body", kind))?;
    let about = |it: &String| EventId::parse(it).ok_or_else(|| DecodeError::field("report.about", it));
    Ok(Report {
        department: DepartmentId::new(&report.department)
            .map_err(|_| DecodeError::field("report.department", &report.department))?,
        actor: report.actor.clone(),
        text: report.text.clone(),
        about: report.about.iter().map(about).collect::<Result<_, _>>()?,
        request_id: RequestId::new(&report.request_id)
            .map_err(|_| DecodeError::field("report.request_id", &report.request_id))?,
        body: report_body_from_v1(body)?,
    })
}
