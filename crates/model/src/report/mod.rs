//! Reports (上报): what departments say that they did or saw.
//!
//! A report is a fact of its department, not of Davy: nothing is decided by it here.

mod emergency;
mod law;
mod park;
mod transport;

pub use emergency::{AllClear, Dispatch, DispatchState, ExternalAlert, PlanLevel, ResponseLevel};
pub use law::{
    BlackList, BlackListChange, CreditPoints, CreditRepair, Finding, Inspection, InspectionResult, Order, Penalty, Severity,
};
pub use park::{GatePass, HeadCount, Way, Yard, ZoneEmptied};
pub use transport::{Diversion, RouteDeviation, VehiclePosition, Waybill, WaybillState};

use std::sync::Arc;

use crate::site::words;
use crate::{DepartmentId, EnterpriseId, EventId, Location, RequestId, Time};

/// A field's value, for those who show or compare reports of any kind.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Shown<'a> {
    /// It was not given.
    Nothing,
    /// A text, an id or a word.
    Text(&'a str),
    /// A whole number.
    Count(i64),
    /// Any number.
    Number(f64),
    /// A place on earth.
    Place(Location),
    /// A moment.
    Time(Time),
    /// An event.
    Event(&'a EventId),
}

impl<'a> From<&'a String> for Shown<'a> {
    fn from(text: &'a String) -> Self {
        if text.is_empty() { Self::Nothing } else { Self::Text(text) }
    }
}

impl<'a> From<&'a EnterpriseId> for Shown<'a> {
    fn from(id: &'a EnterpriseId) -> Self {
        Self::Text(id.as_str())
    }
}

impl<'a> From<&'a EventId> for Shown<'a> {
    fn from(id: &'a EventId) -> Self {
        Self::Event(id)
    }
}

/// What is there as it is.
macro_rules! shown {
    ($($from:ty => |$it:ident| $shown:expr),+ $(,)?) => {
        $(impl From<&$from> for Shown<'_> {
            fn from($it: &$from) -> Self {
                $shown
            }
        })+
    };
}

shown!(
    u32 => |it| Self::Count(i64::from(*it)),
    i32 => |it| Self::Count(i64::from(*it)),
    i64 => |it| Self::Count(*it),
    f64 => |it| Self::Number(*it),
    Location => |it| Self::Place(*it),
    Time => |it| Self::Time(*it),
    WaybillState => |it| Self::Text(it.as_str()),
    Way => |it| Self::Text(it.as_str()),
    PlanLevel => |it| Self::Text(it.as_str()),
    DispatchState => |it| Self::Text(it.as_str()),
    InspectionResult => |it| Self::Text(it.as_str()),
    Severity => |it| Self::Text(it.as_str()),
    BlackListChange => |it| Self::Text(it.as_str()),
);

impl<'a, T> From<&'a Option<T>> for Shown<'a>
where
    Self: From<&'a T>,
{
    fn from(value: &'a Option<T>) -> Self {
        value.as_ref().map_or(Self::Nothing, <Self as From<&'a T>>::from)
    }
}

/// A body as a struct whose fields are also a list of names and values.
macro_rules! body {
    ($(#[$doc:meta])* $name:ident { $($(#[$field_doc:meta])* $field:ident: $type:ty),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq)]
        pub struct $name { $($(#[$field_doc])* pub $field: $type),+ }

        impl $name {
            /// Its fields by name, in order.
            pub fn fields(&self) -> Vec<(&'static str, $crate::report::Shown<'_>)> {
                vec![$((stringify!($field), (&self.$field).into())),+]
            }
        }
    };
}

use body;

words!(
    /// What is reported; the word is the event's kind.
    ReportKind {
        /// A trip with dangerous goods.
        Waybill = "report.waybill",
        /// A vehicle left its route.
        RouteDeviation = "report.route_deviation",
        /// Where a vehicle is.
        VehiclePosition = "report.vehicle_position",
        /// Traffic is led around something.
        Diversion = "report.diversion",
        /// A vehicle passed a gate.
        GatePass = "report.gate_pass",
        /// How full a parking yard is.
        Yard = "report.yard",
        /// People at a place.
        HeadCount = "report.head_count",
        /// A place was evacuated.
        ZoneEmptied = "report.zone_emptied",
        /// An emergency response was started, changed or ended.
        ResponseLevel = "report.response_level",
        /// Somebody or something is sent.
        Dispatch = "report.dispatch",
        /// The danger at a place is over.
        AllClear = "report.all_clear",
        /// An enterprise was inspected.
        Inspection = "report.inspection",
        /// A hidden danger was found.
        Finding = "report.finding",
        /// An order to put something right.
        Order = "report.order",
        /// A fine.
        Penalty = "report.penalty",
        /// Points of credit were given or taken.
        CreditPoints = "report.credit_points",
        /// An enterprise came on the list of those who broke trust, or off it.
        BlackList = "report.black_list",
        /// An enterprise made good.
        CreditRepair = "report.credit_repair",
        /// An alert of another system.
        ExternalAlert = "report.external_alert",
    }
);

impl ReportKind {
    /// The word alone: `gate_pass`.
    pub fn word(self) -> &'static str {
        let kind = self.as_str();
        kind.strip_prefix("report.").unwrap_or(kind)
    }

    /// The kind of a word.
    pub fn of_word(word: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|it| it.word() == word)
    }

    /// Whether it comes often and is kept as samples; only what changes by it is an event.
    pub const fn is_sample(self) -> bool {
        matches!(self, Self::VehiclePosition | Self::Yard | Self::HeadCount)
    }
}

macro_rules! bodies {
    ($($name:ident),+ $(,)?) => {
        /// What is said, one case a kind.
        #[derive(Clone, Debug, PartialEq)]
        #[expect(missing_docs, reason = "each case is the kind of its name")]
        pub enum ReportBody { $($name($name)),+ }

        impl ReportBody {
            /// Its kind.
            pub const fn kind(&self) -> ReportKind {
                match self { $(Self::$name(_) => ReportKind::$name),+ }
            }

            /// Its fields by name, in order.
            pub fn fields(&self) -> Vec<(&'static str, Shown<'_>)> {
                match self { $(Self::$name(body) => body.fields()),+ }
            }
        }

        $(impl From<$name> for ReportBody {
            fn from(body: $name) -> Self {
                Self::$name(body)
            }
        })+
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

impl ReportBody {
    /// The thing that is reported about, for the event's subject.
    pub fn subject(&self) -> Arc<str> {
        let text = match self {
            Self::Waybill(it) => &*it.number,
            Self::RouteDeviation(it) => &it.vehicle,
            Self::VehiclePosition(it) => &it.vehicle,
            Self::Diversion(it) => it.subject(),
            Self::GatePass(it) => &it.gate,
            Self::Yard(it) => &it.yard,
            Self::HeadCount(it) => &it.place,
            Self::ZoneEmptied(it) => &it.place,
            Self::ResponseLevel(it) => &it.plan,
            Self::Dispatch(it) => &it.resource,
            Self::AllClear(it) => &it.place,
            Self::ExternalAlert(it) => &it.identifier,
            Self::Inspection(_)
            | Self::Finding(_)
            | Self::Order(_)
            | Self::Penalty(_)
            | Self::CreditPoints(_)
            | Self::BlackList(_)
            | Self::CreditRepair(_) => self.enterprise().map_or("", EnterpriseId::as_str),
        };
        Arc::from(text)
    }

    /// The enterprise that it is about, of those kinds that are about one.
    pub const fn enterprise(&self) -> Option<&EnterpriseId> {
        match self {
            Self::Inspection(it) => Some(&it.enterprise),
            Self::Finding(it) => Some(&it.enterprise),
            Self::Order(it) => Some(&it.enterprise),
            Self::Penalty(it) => Some(&it.enterprise),
            Self::CreditPoints(it) => Some(&it.enterprise),
            Self::BlackList(it) => Some(&it.enterprise),
            Self::CreditRepair(it) => Some(&it.enterprise),
            _ => None,
        }
    }
}

/// What a department reported.
#[derive(Clone, Debug, PartialEq)]
pub struct Report {
    /// Who.
    pub department: DepartmentId,
    /// Who, in person.
    pub actor: String,
    /// In words; may be empty.
    pub text: String,
    /// Events that it refers to.
    pub about: Vec<EventId>,
    /// The request behind it.
    pub request_id: RequestId,
    /// What.
    pub body: ReportBody,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_have_their_words() {
        for kind in ReportKind::ALL {
            assert_eq!(ReportKind::of_word(kind.word()), Some(*kind));
            assert!(kind.as_str().ends_with(kind.word()) && kind.word() != kind.as_str());
        }
        assert_eq!(ReportKind::of_word("report.yard"), None);
    }

    #[test]
    fn fields_show_what_was_given() {
        let body = ReportBody::from(GatePass {
            gate: "东门".to_owned(),
            vehicle: "苏F12345".to_owned(),
            way: Way::In,
            waybill: String::new(),
        });
        let expected = [
            ("gate", Shown::Text("东门")),
            ("vehicle", Shown::Text("苏F12345")),
            ("way", Shown::Text("in")),
            ("waybill", Shown::Nothing),
        ];
        assert_eq!((body.fields().as_slice(), &*body.subject(), body.kind()), (&expected[..], "东门", ReportKind::GatePass));
    }
}
