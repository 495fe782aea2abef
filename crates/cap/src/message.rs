//! What an alert says: the blocks alert, info, resource and area with their elements, in the standard's order.

use crate::leaf::{Decimal, Language, Text, Token, Uri};
use crate::list::{Listed, Reference};
use crate::shape::{Circle, Polygon};
use crate::stamp::Stamp;
use crate::words::{Category, Certainty, MsgType, ResponseType, Scope, Severity, Status, Urgency};

/// The fields of an alert, each right by itself. `Alert::new` checks what they have to be together.
#[derive(Clone, Debug, PartialEq)]
pub struct Message {
    /// Unique for its sender.
    pub identifier: Token,
    /// Who sends it, globally unique.
    pub sender: Token,
    /// When it is sent.
    pub sent: Stamp,
    /// How to take it.
    pub status: Status,
    /// What it does.
    pub msg_type: MsgType,
    /// The operator or device it comes from.
    pub source: Option<Text>,
    /// Whom it may reach.
    pub scope: Scope,
    /// The rule for whom it may reach; with scope Restricted and no other.
    pub restriction: Option<Text>,
    /// Whom it is for; needed with scope Private.
    pub addresses: Vec<Listed>,
    /// Codes for special handling.
    pub code: Vec<Text>,
    /// Purpose or significance, needed in practice for Exercise and Error.
    pub note: Option<Text>,
    /// Earlier messages; needed for all but a first Alert.
    pub references: Vec<Reference>,
    /// What the message is about, to group several.
    pub incidents: Vec<Listed>,
    /// The same or different aspects of the event, one for each language.
    pub info: Vec<Info>,
}

/// One aspect of the event in one language.
#[derive(Clone, Debug, PartialEq)]
pub struct Info {
    /// The language; en-US where none is given.
    pub language: Option<Language>,
    /// What kind of event; one or more.
    pub category: Vec<Category>,
    /// The event in words.
    pub event: Text,
    /// What to do.
    pub response_type: Vec<ResponseType>,
    /// How soon.
    pub urgency: Urgency,
    /// How bad.
    pub severity: Severity,
    /// How sure.
    pub certainty: Certainty,
    /// Whom it is meant for.
    pub audience: Option<Text>,
    /// Codes of the event in systems of its own.
    pub event_code: Vec<Named>,
    /// From when the information holds.
    pub effective: Option<Stamp>,
    /// When the event is expected to begin.
    pub onset: Option<Stamp>,
    /// Until when the information holds.
    pub expires: Option<Stamp>,
    /// The sender for people.
    pub sender_name: Option<Text>,
    /// The headline.
    pub headline: Option<Text>,
    /// What happens.
    pub description: Option<Text>,
    /// What to do about it.
    pub instruction: Option<Text>,
    /// A page with more.
    pub web: Option<Uri>,
    /// Whom to ask.
    pub contact: Option<Text>,
    /// More, in systems of its own.
    pub parameter: Vec<Named>,
    /// Files with more.
    pub resource: Vec<Resource>,
    /// Where.
    pub area: Vec<Area>,
}

/// A value in a system of its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Named {
    /// Which system.
    pub name: Text,
    /// The value.
    pub value: Text,
}

/// A file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resource {
    /// What it shows.
    pub desc: Text,
    /// Its type.
    pub mime_type: Text,
    /// Its size in bytes.
    pub size: Option<u64>,
    /// Where it is, or its name with `deref_uri`.
    pub uri: Option<Uri>,
    /// The file itself in base 64, for broadcast only.
    pub deref_uri: Option<Text>,
    /// Its SHA-1.
    pub digest: Option<Text>,
}

/// A place: the union of its shapes.
#[derive(Clone, Debug, PartialEq)]
pub struct Area {
    /// The place in words.
    pub desc: Text,
    /// Outlines.
    pub polygon: Vec<Polygon>,
    /// Circles.
    pub circle: Vec<Circle>,
    /// Codes of the place, such as those of districts.
    pub geocode: Vec<Named>,
    /// The altitude, or the lowest one with a ceiling; feet above mean sea level.
    pub altitude: Option<Decimal>,
    /// The highest altitude, feet; only with `altitude`.
    pub ceiling: Option<Decimal>,
}
