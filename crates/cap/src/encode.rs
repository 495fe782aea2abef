//! An alert as XML: the elements in the standard's order, indented, UTF-8.

use quick_xml::Writer;
use quick_xml::escape::partial_escape;
use quick_xml::events::{BytesDecl, BytesEnd, BytesStart, BytesText, Event};

use crate::NAMESPACE;
use crate::check::Alert;
use crate::message::{Area, Info, Message, Named, Resource};
use crate::tree::{ELEMENTS_MAX, MESSAGE_BYTES_MAX};

/// The alert is larger than what is read back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("write the alert: it has {bytes} bytes and {elements} elements; up to {MESSAGE_BYTES_MAX} and {ELEMENTS_MAX} are read")]
pub struct TooLarge {
    /// How many bytes it has.
    pub bytes: usize,
    /// How many elements.
    pub elements: usize,
}

/// The XML of an alert; `decode` reads it as the same.
///
/// # Errors
/// Larger than `decode` reads.
pub fn encode(alert: &Alert) -> Result<String, TooLarge> {
    let mut out = Out { writer: Writer::new_with_indent(Vec::new(), b' ', 2), elements: 0 };
    out.event(Event::Decl(BytesDecl::new("1.0", Some("UTF-8"), None)));
    out.message(alert);
    let bytes = out.writer.into_inner();
    if bytes.len() > MESSAGE_BYTES_MAX || out.elements > ELEMENTS_MAX {
        return Err(TooLarge { bytes: bytes.len(), elements: out.elements });
    }
    let mut text = String::from_utf8(bytes).expect("made of texts");
    text.push('\n');
    Ok(text)
}

struct Out {
    writer: Writer<Vec<u8>>,
    elements: usize,
}

impl Out {
    fn event(&mut self, event: Event<'_>) {
        self.writer.write_event(event).expect("a Vec takes every write");
    }

    fn block(&mut self, start: BytesStart<'_>, content: impl FnOnce(&mut Self)) {
        let end = start.name().as_ref().to_owned();
        self.elements += 1;
        self.event(Event::Start(start));
        content(self);
        self.event(Event::End(BytesEnd::new(end)));
    }

    fn leaf(&mut self, name: &str, text: &str) {
        // Quotes need no escape between tags, and lists are full of them.
        let escaped = BytesText::from_escaped(partial_escape(text));
        self.block(BytesStart::new(name), |out| out.event(Event::Text(escaped)));
    }

    fn maybe(&mut self, name: &str, text: Option<&str>) {
        if let Some(text) = text {
            self.leaf(name, text);
        }
    }

    /// One element with several items.
    fn list(&mut self, name: &str, items: &[impl ToString]) {
        if !items.is_empty() {
            let items: Vec<_> = items.iter().map(ToString::to_string).collect();
            self.leaf(name, &items.join(" "));
        }
    }

    /// An element for each.
    fn each<'a>(&mut self, name: &str, texts: impl IntoIterator<Item = &'a str>) {
        texts.into_iter().for_each(|text| self.leaf(name, text));
    }

    fn named(&mut self, name: &str, values: &[Named]) {
        for value in values {
            self.block(BytesStart::new(name), |out| {
                out.leaf("valueName", value.name.as_str());
                out.leaf("value", value.value.as_str());
            });
        }
    }

    fn message(&mut self, message: &Message) {
        self.block(BytesStart::new("alert").with_attributes([("xmlns", NAMESPACE)]), |out| {
            out.leaf("identifier", message.identifier.as_str());
            out.leaf("sender", message.sender.as_str());
            out.leaf("sent", &message.sent.to_string());
            out.leaf("status", message.status.as_str());
            out.leaf("msgType", message.msg_type.as_str());
            out.maybe("source", message.source.as_ref().map(|it| it.as_str()));
            out.leaf("scope", message.scope.as_str());
            out.maybe("restriction", message.restriction.as_ref().map(|it| it.as_str()));
            out.list("addresses", &message.addresses);
            out.each("code", message.code.iter().map(|it| it.as_str()));
            out.maybe("note", message.note.as_ref().map(|it| it.as_str()));
            out.list("references", &message.references);
            out.list("incidents", &message.incidents);
            message.info.iter().for_each(|info| out.info(info));
        });
    }

    fn info(&mut self, info: &Info) {
        self.block(BytesStart::new("info"), |out| {
            out.maybe("language", info.language.as_ref().map(|it| it.as_str()));
            out.each("category", info.category.iter().map(|it| it.as_str()));
            out.leaf("event", info.event.as_str());
            out.each("responseType", info.response_type.iter().map(|it| it.as_str()));
            out.leaf("urgency", info.urgency.as_str());
            out.leaf("severity", info.severity.as_str());
            out.leaf("certainty", info.certainty.as_str());
            out.maybe("audience", info.audience.as_ref().map(|it| it.as_str()));
            out.named("eventCode", &info.event_code);
            for (name, stamp) in [("effective", info.effective), ("onset", info.onset), ("expires", info.expires)] {
                out.maybe(name, stamp.map(|it| it.to_string()).as_deref());
            }
            out.maybe("senderName", info.sender_name.as_ref().map(|it| it.as_str()));
            out.maybe("headline", info.headline.as_ref().map(|it| it.as_str()));
            out.maybe("description", info.description.as_ref().map(|it| it.as_str()));
            out.maybe("instruction", info.instruction.as_ref().map(|it| it.as_str()));
            out.maybe("web", info.web.as_ref().map(|it| it.as_str()));
            out.maybe("contact", info.contact.as_ref().map(|it| it.as_str()));
            out.named("parameter", &info.parameter);
            info.resource.iter().for_each(|resource| out.resource(resource));
            info.area.iter().for_each(|area| out.area(area));
        });
    }

    fn resource(&mut self, resource: &Resource) {
        self.block(BytesStart::new("resource"), |out| {
            out.leaf("resourceDesc", resource.desc.as_str());
            out.leaf("mimeType", resource.mime_type.as_str());
            out.maybe("size", resource.size.map(|it| it.to_string()).as_deref());
            out.maybe("uri", resource.uri.as_ref().map(|it| it.as_str()));
            out.maybe("derefUri", resource.deref_uri.as_ref().map(|it| it.as_str()));
            out.maybe("digest", resource.digest.as_ref().map(|it| it.as_str()));
        });
    }

    fn area(&mut self, area: &Area) {
        self.block(BytesStart::new("area"), |out| {
            out.leaf("areaDesc", area.desc.as_str());
            area.polygon.iter().for_each(|it| out.leaf("polygon", &it.to_string()));
            area.circle.iter().for_each(|it| out.leaf("circle", &it.to_string()));
            out.named("geocode", &area.geocode);
            out.maybe("altitude", area.altitude.map(|it| it.to_string()).as_deref());
            out.maybe("ceiling", area.ceiling.map(|it| it.to_string()).as_deref());
        });
    }
}
