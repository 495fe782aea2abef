//! From XML to an alert.
//!
//! Strict about the standard's own elements: their order, number and values, each fault told with element and value. Lenient about the rest:
//! prefixes, comments, CDATA, attributes, white space around a word, optional elements that are empty, and elements of other namespaces
//! (such as an XML signature), which are skipped and counted. A signature is not verified here.

use crate::check::{Alert, Fault, Faults};
use crate::leaf::{Decimal, Invalid, Language, Text, Token, Uri};
use crate::list::{Listed, Reference};
use crate::message::{Area, Info, Message, Named, Resource};
use crate::shape::{Circle, Polygon};
use crate::stamp::Stamp;
use crate::tree::{self, Element, XmlFault};
use crate::words::{Category, Certainty, MsgType, ResponseType, Scope, Severity, Status, Urgency};

/// What was read.
#[derive(Clone, Debug, PartialEq)]
pub struct Decoded {
    /// The alert.
    pub alert: Alert,
    /// Whether it holds an XML signature. It is not verified here.
    pub signed: bool,
    /// Elements of other namespaces that were skipped, a signature among them.
    pub skipped: usize,
}

/// Why there is no alert in it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// It is no XML of CAP 1.2.
    #[error("read the message")]
    Xml(#[from] XmlFault),
    /// It breaks rules of the standard.
    #[error(transparent)]
    Rules(#[from] Faults),
}

/// How many faults are told of one message; the first ones tell most.
const FAULTS_MAX: usize = 100;

/// Reads a message.
///
/// # Errors
/// What is no XML, no alert of CAP 1.2, larger than the limits, or breaks a rule of the standard.
pub fn decode(bytes: &[u8]) -> Result<Decoded, DecodeError> {
    let tree = tree::read(bytes)?;
    let mut faults = Vec::new();
    let message = message(&mut Block::new("alert", &tree.root, &mut faults));
    let alert = match message {
        Some(message) if faults.is_empty() => Alert::new(message)?,
        _ => {
            faults.truncate(FAULTS_MAX);
            return Err(Faults(faults).into());
        }
    };
    Ok(Decoded { alert, signed: tree.signed, skipped: tree.skipped })
}

fn message(block: &mut Block<'_>) -> Option<Message> {
    let identifier = block.required("identifier", Token::new);
    let sender = block.required("sender", Token::new);
    let sent = block.required("sent", Stamp::parse);
    let status = block.required("status", Status::parse);
    let msg_type = block.required("msgType", MsgType::parse);
    let source = block.text("source");
    let scope = block.required("scope", Scope::parse);
    let restriction = block.text("restriction");
    let addresses = block.optional("addresses", Listed::parse_all).unwrap_or_default();
    let code = block.texts("code");
    let note = block.text("note");
    let references = block.optional("references", Reference::parse_all).unwrap_or_default();
    let incidents = block.optional("incidents", Listed::parse_all).unwrap_or_default();
    let info = block.blocks("info", info);
    block.finish();
    Some(Message {
        identifier: identifier?,
        sender: sender?,
        sent: sent?,
        status: status?,
        msg_type: msg_type?,
        source,
        scope: scope?,
        restriction,
        addresses,
        code,
        note,
        references,
        incidents,
        info,
    })
}

fn info(block: &mut Block<'_>) -> Option<Info> {
    let language = block.optional("language", Language::new);
    let category = block.words("category", Category::parse);
    let event = block.required_text("event");
    let response_type = block.words("responseType", ResponseType::parse);
    let urgency = block.required("urgency", Urgency::parse);
    let severity = block.required("severity", Severity::parse);
    let certainty = block.required("certainty", Certainty::parse);
    let audience = block.text("audience");
    let event_code = block.blocks("eventCode", named);
    let effective = block.optional("effective", Stamp::parse);
    let onset = block.optional("onset", Stamp::parse);
    let expires = block.optional("expires", Stamp::parse);
    let sender_name = block.text("senderName");
    let headline = block.text("headline");
    let description = block.text("description");
    let instruction = block.text("instruction");
    let web = block.optional("web", Uri::new);
    let contact = block.text("contact");
    let parameter = block.blocks("parameter", named);
    let resource = block.blocks("resource", resource);
    let area = block.blocks("area", area);
    block.finish();
    Some(Info {
        language,
        category,
        event: event?,
        response_type,
        urgency: urgency?,
        severity: severity?,
        certainty: certainty?,
        audience,
        event_code,
        effective,
        onset,
        expires,
        sender_name,
        headline,
        description,
        instruction,
        web,
        contact,
        parameter,
        resource,
        area,
    })
}

fn named(block: &mut Block<'_>) -> Option<Named> {
    let name = block.required_text("valueName");
    let value = block.required_text("value");
    block.finish();
    Some(Named { name: name?, value: value? })
}

fn resource(block: &mut Block<'_>) -> Option<Resource> {
    let desc = block.required_text("resourceDesc");
    let mime_type = block.required_text("mimeType");
    let size = block.optional("size", bytes);
    let uri = block.optional("uri", Uri::new);
    let deref_uri = block.text("derefUri");
    let digest = block.text("digest");
    block.finish();
    Some(Resource { desc: desc?, mime_type: mime_type?, size, uri, deref_uri, digest })
}

fn bytes(text: &str) -> Result<u64, Invalid> {
    text.parse().map_err(|_| Invalid::new(text, "it is no number of bytes"))
}

fn area(block: &mut Block<'_>) -> Option<Area> {
    let desc = block.required_text("areaDesc");
    let polygon = block.words("polygon", Polygon::parse);
    let circle = block.words("circle", Circle::parse);
    let geocode = block.blocks("geocode", named);
    let altitude = block.optional("altitude", Decimal::parse);
    let ceiling = block.optional("ceiling", Decimal::parse);
    block.finish();
    Some(Area { desc: desc?, polygon, circle, geocode, altitude, ceiling })
}

/// A block while its elements are taken out in order.
struct Block<'a> {
    path: String,
    element: &'a Element,
    next: usize,
    faults: &'a mut Vec<Fault>,
}

impl<'a> Block<'a> {
    fn new(path: impl Into<String>, element: &'a Element, faults: &'a mut Vec<Fault>) -> Self {
        Self { path: path.into(), element, next: 0, faults }
    }

    /// The next element, if it has that name.
    fn take(&mut self, name: &str) -> Option<&'a Element> {
        let found = self.element.children.get(self.next).filter(|it| it.name == name)?;
        self.next += 1;
        Some(found)
    }

    fn fault(&mut self, name: &str, invalid: Invalid) {
        self.faults.push(Fault::of(format!("{}/{name}", self.path), invalid));
    }

    /// What one element says, if it is what it should be.
    fn leaf<T>(&mut self, element: &Element, text: &str, read: impl Fn(&str) -> Result<T, Invalid>) -> Option<T> {
        if let Some(child) = element.children.first() {
            self.fault(&format!("{}/{}", element.name, child.name), Invalid::new("", "no element is expected here"));
            return None;
        }
        read(text).map_err(|invalid| self.fault(&element.name, invalid)).ok()
    }

    fn required<T>(&mut self, name: &str, read: impl Fn(&str) -> Result<T, Invalid>) -> Option<T> {
        match self.take(name) {
            Some(element) => self.leaf(element, element.text.trim(), read),
            None => {
                self.fault(name, Invalid::new("", "it is missing, or not in its place"));
                None
            }
        }
    }

    fn optional<T>(&mut self, name: &str, read: impl Fn(&str) -> Result<T, Invalid>) -> Option<T> {
        let element = self.take(name)?;
        let empty = element.text.trim().is_empty() && element.children.is_empty();
        if empty { None } else { self.leaf(element, element.text.trim(), read) }
    }

    /// White space belongs to a text.
    fn required_text(&mut self, name: &str) -> Option<Text> {
        match self.take(name) {
            Some(element) => self.leaf(element, &element.text, Text::new),
            None => self.required(name, Text::new),
        }
    }

    fn text(&mut self, name: &str) -> Option<Text> {
        let element = self.take(name)?;
        let empty = element.text.trim().is_empty() && element.children.is_empty();
        if empty { None } else { self.leaf(element, &element.text, Text::new) }
    }

    fn texts(&mut self, name: &str) -> Vec<Text> {
        let mut found = Vec::new();
        while self.element.children.get(self.next).is_some_and(|it| it.name == name) {
            found.extend(self.text(name));
        }
        found
    }

    fn words<T>(&mut self, name: &str, read: impl Fn(&str) -> Result<T, Invalid>) -> Vec<T> {
        let mut found = Vec::new();
        while let Some(element) = self.take(name) {
            found.extend(self.leaf(element, element.text.trim(), &read));
        }
        found
    }

    fn blocks<T>(&mut self, name: &str, read: impl Fn(&mut Block<'_>) -> Option<T>) -> Vec<T> {
        let mut found = Vec::new();
        let mut number = 0;
        while let Some(element) = self.take(name) {
            number += 1;
            found.extend(read(&mut Block::new(format!("{}/{name}[{number}]", self.path), element, self.faults)));
        }
        found
    }

    /// Nothing may be left over.
    fn finish(&mut self) {
        if !self.element.text.trim().is_empty() {
            let invalid = Invalid::new(self.element.text.trim(), "no text is expected between its elements");
            self.faults.push(Fault::of(self.path.clone(), invalid));
        }
        if let Some(left) = self.element.children.get(self.next) {
            let name: String = left.name.chars().take(64).collect();
            self.fault(
                &name,
                Invalid::new(left.text.trim(), "it is not expected here: out of order, once too often, or unknown to CAP 1.2"),
            );
        }
    }
}
