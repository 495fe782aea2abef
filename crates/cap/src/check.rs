//! What the fields of an alert have to be together.

use std::fmt;
use std::ops::Deref;

use crate::leaf::Invalid;
use crate::list::{LIST_MAX, TOO_MANY};
use crate::message::{Area, Info, Message};
use crate::words::{MsgType, Scope};

/// An alert that keeps every rule.
#[derive(Clone, Debug, PartialEq)]
pub struct Alert(Message);

/// One broken rule.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{element}: {}{fault}", Quoted(value))]
pub struct Fault {
    /// Which element, such as `alert/info[2]/area[1]/polygon[1]`.
    pub element: String,
    /// Its value, cut off at 64 characters; empty where there is none.
    pub value: String,
    /// What is wrong, and what would be right.
    pub fault: String,
}

/// All broken rules of an alert.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Faults(pub Vec<Fault>);

struct Quoted<'a>(&'a str);

impl fmt::Display for Quoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() { Ok(()) } else { write!(f, "`{}`: ", self.0) }
    }
}

impl fmt::Display for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let texts: Vec<_> = self.0.iter().map(ToString::to_string).collect();
        write!(f, "read the alert: {}", texts.join("; "))
    }
}

impl std::error::Error for Faults {}

impl Fault {
    pub(crate) fn missing(element: impl Into<String>, why: impl Into<String>) -> Self {
        Self { element: element.into(), value: String::new(), fault: why.into() }
    }

    pub(crate) fn of(element: impl Into<String>, invalid: Invalid) -> Self {
        Self { element: element.into(), value: invalid.value, fault: invalid.fault.to_owned() }
    }
}

impl Alert {
    /// Checks the rules that hold over several fields.
    ///
    /// # Errors
    /// Every rule that is broken.
    pub fn new(message: Message) -> Result<Self, Faults> {
        let mut faults = Vec::new();
        of_scope(&message, &mut faults);
        of_type(&message, &mut faults);
        bounded(
            "alert",
            &[
                ("addresses", message.addresses.len()),
                ("code", message.code.len()),
                ("references", message.references.len()),
                ("incidents", message.incidents.len()),
                ("info", message.info.len()),
            ],
            &mut faults,
        );
        for (number, info) in (1..).zip(&message.info) {
            of_info(&format!("alert/info[{number}]"), info, &mut faults);
        }
        if faults.is_empty() { Ok(Self(message)) } else { Err(Faults(faults)) }
    }

    /// The fields, to change them.
    pub fn into_message(self) -> Message {
        self.0
    }
}

impl Deref for Alert {
    type Target = Message;

    fn deref(&self) -> &Message {
        &self.0
    }
}

fn of_scope(message: &Message, faults: &mut Vec<Fault>) {
    match (message.scope, &message.restriction) {
        (Scope::Restricted, None) => {
            faults.push(Fault::missing("alert/restriction", "it is missing; scope Restricted needs it"));
        }
        (Scope::Public | Scope::Private, Some(restriction)) => {
            let fault = "it says who may read, which only scope Restricted does";
            faults.push(Fault::of("alert/restriction", Invalid::new(restriction.as_str(), fault)));
        }
        _ => {}
    }
    if message.scope == Scope::Private && message.addresses.is_empty() {
        faults.push(Fault::missing("alert/addresses", "it is missing; scope Private needs it"));
    }
}

fn of_type(message: &Message, faults: &mut Vec<Fault>) {
    let kind = message.msg_type;
    if kind != MsgType::Alert && message.references.is_empty() {
        faults.push(Fault::missing("alert/references", format!("it is missing; msgType {} needs it", kind.as_str())));
    }
    if matches!(kind, MsgType::Alert | MsgType::Update) && message.info.is_empty() {
        faults.push(Fault::missing(
            "alert/info",
            format!("it is missing; only Ack, Cancel and Error do without, not {}", kind.as_str()),
        ));
    }
}

fn of_info(path: &str, info: &Info, faults: &mut Vec<Fault>) {
    if info.category.is_empty() {
        faults.push(Fault::missing(format!("{path}/category"), "it is missing"));
    }
    bounded(
        path,
        &[
            ("category", info.category.len()),
            ("responseType", info.response_type.len()),
            ("eventCode", info.event_code.len()),
            ("parameter", info.parameter.len()),
            ("resource", info.resource.len()),
            ("area", info.area.len()),
        ],
        faults,
    );
    for (number, area) in (1..).zip(&info.area) {
        of_area(&format!("{path}/area[{number}]"), area, faults);
    }
}

fn of_area(path: &str, area: &Area, faults: &mut Vec<Fault>) {
    if let (Some(ceiling), None) = (area.ceiling, area.altitude) {
        let fault = "a ceiling needs an altitude";
        faults.push(Fault::of(format!("{path}/ceiling"), Invalid::new(&ceiling.to_string(), fault)));
    }
    let lists = [("polygon", area.polygon.len()), ("circle", area.circle.len()), ("geocode", area.geocode.len())];
    bounded(path, &lists, faults);
}

fn bounded(path: &str, lists: &[(&str, usize)], faults: &mut Vec<Fault>) {
    let long = lists.iter().filter(|(_, count)| *count > LIST_MAX);
    faults.extend(long.map(|(name, _)| Fault::missing(format!("{path}/{name}"), TOO_MANY)));
}
