//! XML as far as CAP needs it: a tree of the standard's own elements; what is of other namespaces is skipped and counted.
//!
//! Limits: `MESSAGE_BYTES_MAX` bytes, `DEPTH_MAX` elements within each other, `ELEMENTS_MAX` elements, `ATTRIBUTES_MAX` attributes of one.
//! A document type is refused, and with it every entity but the five of XML: nothing grows while it is read.

use quick_xml::NsReader;
use quick_xml::events::{BytesRef, BytesStart, Event};
use quick_xml::name::{Namespace, ResolveResult};

use crate::NAMESPACE;

/// The largest message, in bytes.
pub const MESSAGE_BYTES_MAX: usize = 512 * 1024;

/// How deep elements may lie within each other.
pub const DEPTH_MAX: usize = 32;

/// The most elements of a message, those of other namespaces too.
pub const ELEMENTS_MAX: usize = 20_000;

/// The most attributes of an element.
pub const ATTRIBUTES_MAX: usize = 64;

const SIGNATURE_NAMESPACE: &str = "http://www.w3.org/2000/09/xmldsig#";

/// How much of a name a message quotes, in characters.
const QUOTED_MAX: usize = 64;

/// Why a text is no XML that is read here.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum XmlFault {
    /// Too many bytes.
    #[error("it has {bytes} bytes; up to {MESSAGE_BYTES_MAX} are read")]
    TooLarge {
        /// How many.
        bytes: usize,
    },
    /// In another encoding.
    #[error("its encoding is {0}; UTF-8 is read")]
    Encoding(String),
    /// A later version of XML.
    #[error("it is XML {0}; XML 1.0 is read")]
    Version(String),
    /// Not well-formed.
    #[error("it is not well-formed at byte {at}: {cause}")]
    IllFormed {
        /// Where.
        at: u64,
        /// How.
        cause: String,
    },
    /// A document type, with which entities could be declared.
    #[error("it has a document type, which CAP has not")]
    DocumentType,
    /// An entity that XML does not know by itself.
    #[error("it refers to the entity `{0}`, which is not declared")]
    Entity(String),
    /// Too deep, too many elements or attributes.
    #[error("it has more than {max} {what}")]
    TooMany {
        /// Of what.
        what: &'static str,
        /// The limit.
        max: usize,
    },
    /// Another root.
    #[error("its root is `{name}` in the namespace `{namespace}`; `alert` in `{NAMESPACE}` is read")]
    Root {
        /// The root's name, cut off at 64 characters.
        name: String,
        /// Its namespace, cut off likewise.
        namespace: String,
    },
}

/// An element of the standard's namespace.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Element {
    /// Its name without prefix.
    pub(crate) name: String,
    /// What text it holds outside of its children.
    pub(crate) text: String,
    /// Its children, in order.
    pub(crate) children: Vec<Self>,
}

/// A message as a tree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Tree {
    pub(crate) root: Element,
    /// Whether it holds an XML signature, which is not verified here.
    pub(crate) signed: bool,
    /// Elements of other namespaces that were skipped, outermost only.
    pub(crate) skipped: usize,
}

pub(crate) fn read(bytes: &[u8]) -> Result<Tree, XmlFault> {
    if bytes.len() > MESSAGE_BYTES_MAX {
        return Err(XmlFault::TooLarge { bytes: bytes.len() });
    }
    let text = std::str::from_utf8(bytes).map_err(|_| XmlFault::Encoding("not UTF-8".to_owned()))?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut reader = NsReader::from_str(text);
    reader.config_mut().check_comments = true;
    reader.config_mut().expand_empty_elements = true;
    let mut growing = Growing::default();
    loop {
        let at = reader.buffer_position();
        let ill_formed = |error: quick_xml::Error| XmlFault::IllFormed { at, cause: cut(&error.to_string()) };
        let (namespace, event) = reader.read_resolved_event().map_err(ill_formed)?;
        if matches!(event, Event::Eof) {
            return growing.finished(at);
        }
        growing.take(at, &namespace, event)?;
    }
}

fn cut(text: &str) -> String {
    text.chars().take(QUOTED_MAX).collect()
}

/// A tree while it is read.
#[derive(Debug, Default)]
struct Growing {
    /// Elements that are open, the root first.
    open: Vec<Element>,
    root: Option<Element>,
    /// How many elements of other namespaces are open.
    foreign: usize,
    elements: usize,
    signed: bool,
    skipped: usize,
}

impl Growing {
    fn take(&mut self, at: u64, namespace: &ResolveResult<'_>, event: Event<'_>) -> Result<(), XmlFault> {
        let ill_formed = |cause: &str| Err(XmlFault::IllFormed { at, cause: cause.to_owned() });
        match event {
            Event::Decl(_) if at > 0 => ill_formed("a declaration of XML after the beginning"),
            Event::Decl(declaration) => declared(at, &declaration),
            Event::DocType(_) => Err(XmlFault::DocumentType),
            Event::Start(start) => self.start(at, namespace, &start),
            Event::End(_) => {
                self.end();
                Ok(())
            }
            Event::Text(text) => self.text(at, &text.xml10_content()),
            Event::CData(_) if self.open.is_empty() => ill_formed("text outside of the root"),
            Event::CData(text) => self.text(at, &text.xml10_content()),
            Event::GeneralRef(reference) => {
                let character = resolved(at, &reference)?;
                self.text(at, character.encode_utf8(&mut [0; 4]))
            }
            Event::Empty(_) => ill_formed("an empty element, which is read as two tags"),
            Event::Comment(_) | Event::PI(_) | Event::Eof => Ok(()),
        }
    }

    fn start(&mut self, at: u64, namespace: &ResolveResult<'_>, start: &BytesStart<'_>) -> Result<(), XmlFault> {
        self.elements += 1;
        if self.elements > ELEMENTS_MAX {
            return Err(XmlFault::TooMany { what: "elements", max: ELEMENTS_MAX });
        }
        if self.open.len() + self.foreign >= DEPTH_MAX {
            return Err(XmlFault::TooMany { what: "elements within each other", max: DEPTH_MAX });
        }
        attributes(at, start)?;
        let name = start.local_name();
        let namespace = match namespace {
            ResolveResult::Bound(Namespace(namespace)) => namespace,
            ResolveResult::Unbound => "",
            ResolveResult::Unknown(prefix) => {
                return Err(XmlFault::IllFormed { at, cause: cut(&format!("the prefix `{prefix}` is bound to no namespace")) });
            }
        };
        if self.open.is_empty() {
            if self.root.is_some() {
                return Err(XmlFault::IllFormed { at, cause: "a second root".to_owned() });
            }
            if namespace != NAMESPACE || name.as_ref() != "alert" {
                return Err(XmlFault::Root { name: cut(name.as_ref()), namespace: cut(namespace) });
            }
        }
        if self.foreign > 0 || namespace != NAMESPACE {
            self.skipped += usize::from(self.foreign == 0);
            self.signed |= self.foreign == 0 && namespace == SIGNATURE_NAMESPACE;
            self.foreign += 1;
        } else {
            self.open.push(Element { name: name.as_ref().to_owned(), ..Element::default() });
        }
        Ok(())
    }

    /// The reader has seen that the tag is that of the element open last.
    fn end(&mut self) {
        if self.foreign > 0 {
            self.foreign -= 1;
            return;
        }
        let Some(element) = self.open.pop() else { return };
        match self.open.last_mut() {
            Some(parent) => parent.children.push(element),
            None => self.root = Some(element),
        }
    }

    fn text(&mut self, at: u64, text: &str) -> Result<(), XmlFault> {
        match self.open.last_mut() {
            _ if self.foreign > 0 => Ok(()),
            Some(element) => {
                element.text.push_str(text);
                Ok(())
            }
            None if text.trim().is_empty() => Ok(()),
            None => Err(XmlFault::IllFormed { at, cause: "text outside of the root".to_owned() }),
        }
    }

    fn finished(self, at: u64) -> Result<Tree, XmlFault> {
        match self.root {
            Some(root) if self.open.is_empty() => Ok(Tree { root, signed: self.signed, skipped: self.skipped }),
            _ => Err(XmlFault::IllFormed { at, cause: "it ends too early".to_owned() }),
        }
    }
}

fn declared(at: u64, declaration: &quick_xml::events::BytesDecl<'_>) -> Result<(), XmlFault> {
    let ill_formed = |error: &dyn ToString| XmlFault::IllFormed { at, cause: cut(&error.to_string()) };
    let version = declaration.version().map_err(|error| ill_formed(&error))?;
    if version != "1.0" {
        return Err(XmlFault::Version(cut(&version)));
    }
    let Some(encoding) = declaration.encoding() else { return Ok(()) };
    let encoding = encoding.map_err(|error| ill_formed(&error))?;
    if ["utf-8", "us-ascii"].iter().any(|read| encoding.eq_ignore_ascii_case(read)) {
        Ok(())
    } else {
        Err(XmlFault::Encoding(cut(&encoding)))
    }
}

/// No attribute means anything in CAP, but each has to be one. The reader compares each name with all before it: few are let through.
fn attributes(at: u64, start: &BytesStart<'_>) -> Result<(), XmlFault> {
    for (index, attribute) in start.attributes().enumerate() {
        if index >= ATTRIBUTES_MAX {
            return Err(XmlFault::TooMany { what: "attributes of one element", max: ATTRIBUTES_MAX });
        }
        attribute.map_err(|error| XmlFault::IllFormed { at, cause: cut(&error.to_string()) })?;
    }
    Ok(())
}

fn resolved(at: u64, reference: &BytesRef<'_>) -> Result<char, XmlFault> {
    let wrong = |error: quick_xml::Error| XmlFault::IllFormed { at, cause: cut(&error.to_string()) };
    if let Some(character) = reference.resolve_char_ref().map_err(wrong)? {
        return Ok(character);
    }
    match &**reference {
        "amp" => Ok('&'),
        "lt" => Ok('<'),
        "gt" => Ok('>'),
        "apos" => Ok('\''),
        "quot" => Ok('"'),
        name => Err(XmlFault::Entity(cut(name))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn alert(content: &str) -> String {
        format!("<alert xmlns=\"{NAMESPACE}\">{content}</alert>")
    }

    fn fault(text: &str) -> String {
        read(text.as_bytes()).unwrap_err().to_string()
    }

    #[test]
    fn prefixes_comments_and_sections_are_taken_as_meant() {
        let text = format!(
            "\u{feff}<?xml version='1.0' encoding='utf-8'?><!-- x --><?go?>\n<c:alert xmlns:c=\"{NAMESPACE}\" c:x='1'>\
             <c:note>a<!-- b --><![CDATA[<&]]>&amp;&#x6c;&#108;\r\n</c:note><c:code/></c:alert> <!-- y -->"
        );
        let tree = read(text.as_bytes()).unwrap();
        assert_eq!(tree.root.children[0].text, "a<&&ll\n");
        assert_eq!((tree.root.children[1].name.as_str(), tree.signed, tree.skipped), ("code", false, 0));
    }

    #[test]
    fn other_namespaces_are_skipped_with_all_they_hold() {
        let text = alert(
            "<x:a xmlns:x='urn:x'>t<b xmlns=''/><status>Draft</status></x:a><code>1</code><s:Signature xmlns:s='http://www.w3.org/2000/09/xmldsig#'><s:Signature/></s:Signature>",
        );
        let tree = read(text.as_bytes()).unwrap();
        assert_eq!((tree.root.children.len(), tree.root.text.as_str()), (1, ""));
        assert_eq!((tree.signed, tree.skipped), (true, 2));
    }

    #[test]
    fn nothing_grows_and_nothing_is_endless() {
        let bomb = format!("<!DOCTYPE alert [<!ENTITY a \"aaaa\"><!ENTITY b \"&a;&a;\">]>{}", alert("<note>&b;</note>"));
        assert_eq!(fault(&bomb), "it has a document type, which CAP has not");
        assert_eq!(fault(&alert("<note>&b;</note>")), "it refers to the entity `b`, which is not declared");
        assert!(fault(&alert(&"<a>".repeat(DEPTH_MAX))).contains("more than 32 elements within"));
        assert!(fault(&alert(&"<x xmlns='u'>".repeat(DEPTH_MAX))).contains("more than 32 elements within"));
        assert!(fault(&alert(&"<a/>".repeat(ELEMENTS_MAX))).contains("more than 20000 elements"));
        assert!(fault(&" ".repeat(MESSAGE_BYTES_MAX + 1)).contains("bytes; up to"));
        let many: String = (0..=ATTRIBUTES_MAX).map(|n| format!(" a{n}='1'")).collect();
        assert!(fault(&alert(&format!("<a{many}/>"))).contains("more than 64 attributes"));
    }

    #[test]
    fn what_is_no_xml_or_no_alert_is_named() {
        for (text, word) in [
            ("", "ends too early"),
            (&alert("")[..20], "at byte 0"),
            (&format!("<alert xmlns='{NAMESPACE}'>"), "ends too early"),
            ("<alert>x</alert>", "root is `alert` in the namespace ``"),
            ("<alert xmlns='urn:oasis:names:tc:emergency:cap:1.1'/>", "cap:1.1"),
            (&format!("<info xmlns='{NAMESPACE}'/>"), "root is `info`"),
            (&format!("{}{}", alert(""), alert("")), "second root"),
            (&format!("x{}", alert("")), "text outside"),
            (&format!("{}&amp;", alert("")), "text outside"),
            (&format!("<![CDATA[ ]]>{}", alert("")), "text outside"),
            (&format!(" <?xml version='1.0'?>{}", alert("")), "after the beginning"),
            (&format!("<?xml version='1.1'?>{}", alert("")), "XML 1.1"),
            (&format!("<?xml version='1.0' encoding='GBK'?>{}", alert("")), "encoding is GBK"),
            (&alert("<a></b>"), "not well-formed"),
            (&alert("<x:a/>"), "prefix `x`"),
            (&alert("<a b='1' b='2'/>"), "not well-formed"),
            (&alert("<a b=1/>"), "not well-formed"),
            (&alert("a & b"), "not well-formed"),
            (&alert("<!-- a -- b -->"), "not well-formed"),
            (&alert("&#0;"), "not well-formed"),
            (&alert("&#xd800;"), "not well-formed"),
        ] {
            assert!(fault(text).contains(word), "{text}: {}", fault(text));
        }
        assert!(read(b"\xff\xfe<\0").unwrap_err().to_string().contains("not UTF-8"));
    }
}
