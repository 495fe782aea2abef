//! The Common Alerting Protocol, CAP 1.2 (OASIS): how a warning goes to other agencies.
//! In: XML from anybody; a warning of one's own as plain fields.
//! Out: alerts that keep every rule of the standard, their XML, and faults by element and value.
//! May not enter: clocks, IO, async, logging, hash order, who may be told what, any Davy crate but model.
//! Start at message.rs (what an alert is); decode.rs and encode.rs are the XML, warning.rs is what Davy itself sends.

mod check;
mod decode;
mod encode;
mod leaf;
mod list;
mod message;
mod shape;
mod stamp;
#[cfg(test)]
mod tests;
mod tree;
mod warning;

mod words;

pub use check::{Alert, Fault, Faults};
pub use decode::{DecodeError, Decoded, decode};
pub use encode::{TooLarge, encode};
pub use leaf::{Decimal, Invalid, Language, TEXT_BYTES_MAX, Text, Token, Uri};
pub use list::{LIST_MAX, Listed, Reference};
pub use message::{Area, Info, Message, Named, Resource};
pub use shape::{Circle, POLYGON_POINTS_MAX, Point, Polygon};
pub use stamp::{Offset, Stamp};
pub use tree::{ATTRIBUTES_MAX, DEPTH_MAX, ELEMENTS_MAX, MESSAGE_BYTES_MAX, XmlFault};

pub use warning::{Approval, Audience, Colour, Kind, Locality, Subject, Warning, WarningError, Words, chain};
pub use words::{Category, Certainty, MsgType, ResponseType, Scope, Severity, Status, Urgency};

/// The namespace of CAP 1.2.
pub const NAMESPACE: &str = "urn:oasis:names:tc:emergency:cap:1.2";
