//! Topics: who speaks, and what kind of message it is.
//!
//! Limits: ids are 1 to `ID_BYTES_MAX` bytes, verbatim (case counts, traps 23), without `/`, `+`, `#` and control characters.

use std::fmt;
use std::sync::Arc;

/// The longest group, edge node, device or host id, in bytes.
pub const ID_BYTES_MAX: usize = 256;

const NAMESPACE: &str = "spBv1.0";
const STATE: &str = "STATE";

/// An edge node: unique in its broker.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NodeId {
    group: Arc<str>,
    node: Arc<str>,
}

/// What a message of or to an edge node is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum NodeKind {
    /// The node is here; these are its metrics.
    NBirth,
    /// Values of the node's own metrics.
    NData,
    /// The node is gone; its Will, or said by itself.
    NDeath,
    /// A command to the node.
    NCmd,
}

/// What a message of or to a device is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum DeviceKind {
    /// The device is here; these are its metrics.
    DBirth,
    /// Values of its metrics.
    DData,
    /// The device is gone.
    DDeath,
    /// A command to the device.
    DCmd,
}

/// A topic under `spBv1.0/`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Topic {
    /// Of or to an edge node.
    Node {
        /// What it is.
        kind: NodeKind,
        /// The node.
        id: NodeId,
    },
    /// Of or to a device of an edge node.
    Device {
        /// What it is.
        kind: DeviceKind,
        /// The node.
        id: NodeId,
        /// The device, unique in its node.
        device: Arc<str>,
    },
    /// Whether a host is there.
    State {
        /// The host's id.
        host: Arc<str>,
    },
}

/// Why a topic or an id is none.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidTopic {
    /// It does not begin with `spBv1.0/`.
    #[error("read the topic: it does not begin with `{NAMESPACE}/`")]
    Namespace,
    /// Not three to five levels as the specification has them.
    #[error(
        "read the topic: it has {levels} levels; `{NAMESPACE}/group/NBIRTH/node`, `{NAMESPACE}/group/DDATA/node/device` and `{NAMESPACE}/STATE/host` are known"
    )]
    Levels {
        /// How many.
        levels: usize,
    },
    /// A kind of message that there is not, or one of a node with a device, or the other way round.
    #[error(
        "read the topic: `{kind}` with {levels} levels is no kind of message; NBIRTH NDATA NDEATH NCMD have 4, DBIRTH DDATA DDEATH DCMD have 5"
    )]
    Kind {
        /// What it says, cut off at 32 characters.
        kind: String,
        /// How many levels the topic has.
        levels: usize,
    },
    /// An id that is empty, too long, or has characters that a topic cannot have.
    #[error("read the {what} id: {fault}")]
    Id {
        /// Of what.
        what: &'static str,
        /// What is wrong.
        fault: &'static str,
    },
}

impl NodeId {
    /// An edge node of a group.
    ///
    /// # Errors
    /// An id that is empty, longer than `ID_BYTES_MAX`, or has `/`, `+`, `#` or control characters in it.
    pub fn new(group: &str, node: &str) -> Result<Self, InvalidTopic> {
        Ok(Self { group: id("group", group)?, node: id("edge node", node)? })
    }

    /// What `Display` writes: `group/node`.
    ///
    /// # Errors
    /// As `new`; also if there is not exactly one `/`.
    pub fn parse(text: &str) -> Result<Self, InvalidTopic> {
        let (group, node) =
            text.split_once('/').ok_or(InvalidTopic::Id { what: "edge node", fault: "it is not `group/node`" })?;
        Self::new(group, node)
    }

    /// The group's id.
    pub fn group(&self) -> &str {
        &self.group
    }

    /// The edge node's id.
    pub fn node(&self) -> &str {
        &self.node
    }
}

impl fmt::Display for NodeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.group, self.node)
    }
}

impl NodeKind {
    /// The word in the topic.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NBirth => "NBIRTH",
            Self::NData => "NDATA",
            Self::NDeath => "NDEATH",
            Self::NCmd => "NCMD",
        }
    }

    fn parse(word: &str) -> Option<Self> {
        [Self::NBirth, Self::NData, Self::NDeath, Self::NCmd].into_iter().find(|kind| kind.as_str() == word)
    }
}

impl DeviceKind {
    /// The word in the topic.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::DBirth => "DBIRTH",
            Self::DData => "DDATA",
            Self::DDeath => "DDEATH",
            Self::DCmd => "DCMD",
        }
    }

    fn parse(word: &str) -> Option<Self> {
        [Self::DBirth, Self::DData, Self::DDeath, Self::DCmd].into_iter().find(|kind| kind.as_str() == word)
    }
}

impl Topic {
    /// Reads a topic.
    ///
    /// # Errors
    /// What is wrong with it, and what there is.
    pub fn parse(topic: &str) -> Result<Self, InvalidTopic> {
        let rest = topic.strip_prefix(NAMESPACE).and_then(|rest| rest.strip_prefix('/')).ok_or(InvalidTopic::Namespace)?;
        // One part more than there may be is enough to know; a topic of slashes is not cut into thousands.
        let parts: Vec<&str> = rest.splitn(5, '/').collect();
        match parts[..] {
            [STATE, host] => Ok(Self::State { host: id("host", host)? }),
            [group, kind, node] => {
                let kind = NodeKind::parse(kind).ok_or_else(|| unknown_kind(kind, 4))?;
                Ok(Self::Node { kind, id: NodeId::new(group, node)? })
            }
            [group, kind, node, device] => {
                let kind = DeviceKind::parse(kind).ok_or_else(|| unknown_kind(kind, 5))?;
                Ok(Self::Device { kind, id: NodeId::new(group, node)?, device: id("device", device)? })
            }
            _ => Err(InvalidTopic::Levels { levels: parts.len() + 1 }),
        }
    }

    /// The edge node it is of or to.
    pub const fn node(&self) -> Option<&NodeId> {
        match self {
            Self::Node { id, .. } | Self::Device { id, .. } => Some(id),
            Self::State { .. } => None,
        }
    }
}

impl fmt::Display for Topic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Node { kind, id } => write!(f, "{NAMESPACE}/{}/{}/{}", id.group, kind.as_str(), id.node),
            Self::Device { kind, id, device } => write!(f, "{NAMESPACE}/{}/{}/{}/{device}", id.group, kind.as_str(), id.node),
            Self::State { host } => write!(f, "{NAMESPACE}/{STATE}/{host}"),
        }
    }
}

fn unknown_kind(kind: &str, levels: usize) -> InvalidTopic {
    InvalidTopic::Kind { kind: kind.chars().take(32).collect(), levels }
}

fn id(what: &'static str, text: &str) -> Result<Arc<str>, InvalidTopic> {
    let fault = match text {
        "" => Some("it is empty"),
        _ if text.len() > ID_BYTES_MAX => Some("it is longer than 256 bytes"),
        _ if text.contains(['/', '+', '#']) => Some("it has one of / + # in it"),
        _ if text.chars().any(char::is_control) => Some("it has control characters in it"),
        _ => None,
    };
    fault.map_or_else(|| Ok(Arc::from(text)), |fault| Err(InvalidTopic::Id { what, fault }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_read_is_written() {
        for topic in [
            "spBv1.0/g/NBIRTH/n",
            "spBv1.0/g/NDATA/n",
            "spBv1.0/g/NDEATH/n",
            "spBv1.0/g/NCMD/n",
            "spBv1.0/G 1/DBIRTH/Tank1/d",
            "spBv1.0/如皋/DDATA/tank1/设备",
            "spBv1.0/g/DDEATH/n/d",
            "spBv1.0/g/DCMD/n/d",
            "spBv1.0/STATE/davy",
        ] {
            assert_eq!(Topic::parse(topic).unwrap().to_string(), topic);
        }
    }

    #[test]
    fn what_is_wrong_is_named() {
        let long = format!("spBv1.0/{}/NDATA/n", "g".repeat(257));
        for (topic, part) in [
            ("spAv1.0/g/NDATA/n", "begin with"),
            ("spBv1.0", "begin with"),
            ("spBv1.0/g", "2 levels"),
            ("spBv1.0/g/NDATA", "3 levels"),
            ("spBv1.0/g/DDATA/n/d/e", "6 levels"),
            ("spBv1.0/g/DDATA/n", "`DDATA` with 4"),
            ("spBv1.0/g/NDATA/n/d", "`NDATA` with 5"),
            ("spBv1.0/g/ndata/n", "`ndata`"),
            ("spBv1.0//NDATA/n", "group id: it is empty"),
            ("spBv1.0/g/NDATA/a\u{7}", "control characters"),
            ("spBv1.0/g/NDATA/+", "/ + #"),
            (&long, "longer than 256"),
        ] {
            let error = Topic::parse(topic).unwrap_err().to_string();
            assert!(error.contains(part), "{topic}: {error}");
        }
    }

    #[test]
    fn node_ids_read_as_group_and_node() {
        let id = NodeId::new("g", "n").unwrap();
        assert_eq!(NodeId::parse(&id.to_string()), Ok(id));
        assert!(NodeId::parse("g").is_err());
        assert!(NodeId::parse("g/n/d").is_err());
    }
}
