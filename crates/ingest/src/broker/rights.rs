//! Who may say and hear what (traps 78). Pure.
//!
//! A gateway says its own telemetry and hears what is meant for it; what only Davy says (receipts, commands, STATE) nobody else may say.
//! A topic that is none of a gateway's is refused, so that a mistyped one does not vanish without a word.

use model::GatewayPath;

/// The namespace of Sparkplug.
pub(crate) const SPARKPLUG: &str = "spBv1.0";

/// Under which nothing is ever published to others: a publication taken back from the crate's routing goes there.
pub(crate) const NOWHERE: &str = "$davy/nowhere";

/// A gateway as a users file names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Gateway {
    /// `park/enterprise/gateway`, or `enterprise/gateway`.
    Json(GatewayPath),
    /// `spBv1.0/group/node`.
    Node { group: String, node: String },
}

impl Gateway {
    /// Reads `park/enterprise/gateway` or `spBv1.0/group/node`.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let Some(path) = text.strip_prefix("spBv1.0/") else { return GatewayPath::new(text).ok().map(Self::Json) };
        let (group, node) = path.split_once('/')?;
        let named = |id: &str| !id.is_empty() && !id.contains(['/', '+', '#', '\0']);
        (named(group) && group != "STATE" && named(node)).then(|| Self::Node { group: group.to_owned(), node: node.to_owned() })
    }

    fn says(&self, topic: &str) -> bool {
        match (self, speaker(topic)) {
            (Self::Json(own), Some(Speaker::Json(path))) => own.as_str() == path,
            (Self::Node { group, node }, Some(Speaker::Node(said_group, said_node))) => group == said_group && node == said_node,
            _ => false,
        }
    }

    fn hears(&self, filter: &str) -> bool {
        let within = |pattern: String| lies_within(filter, &pattern);
        match self {
            Self::Json(path) => within(format!("davy/v1/{path}/receipt")),
            Self::Node { group, node } => {
                within(format!("{SPARKPLUG}/{group}/NCMD/{node}/#")) || within(format!("{SPARKPLUG}/{group}/DCMD/{node}/#"))
            }
        }
    }
}

/// What one connection may do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Rights {
    /// Nobody has to say who he is: the topics of every gateway.
    Anybody,
    /// The topics of these gateways.
    Gateways(Vec<Gateway>),
    /// Hears everything, says nothing.
    Reader,
}

impl Rights {
    /// Whether a message may be published to a topic.
    pub(crate) fn may_publish(&self, topic: &str) -> bool {
        match self {
            Self::Anybody => speaker(topic).is_some(),
            Self::Gateways(gateways) => gateways.iter().any(|gateway| gateway.says(topic)),
            Self::Reader => false,
        }
    }

    /// Whether a filter names nothing but what may be heard; that of a shared subscription counts without `$share/group/`.
    pub(crate) fn may_subscribe(&self, filter: &str) -> bool {
        let filter = shared(filter);
        match self {
            // Nothing is said under `$` here.
            Self::Anybody | Self::Reader => !filter.starts_with('$'),
            Self::Gateways(gateways) => {
                // STATE of both versions of Sparkplug: every node waits for its host.
                lies_within(filter, "spBv1.0/STATE/#")
                    || lies_within(filter, "STATE/#")
                    || gateways.iter().any(|gateway| gateway.hears(filter))
            }
        }
    }
}

/// Whose data a topic carries.
#[derive(Debug, PartialEq, Eq)]
enum Speaker<'a> {
    Json(&'a str),
    Node(&'a str, &'a str),
}

/// The gateway that may say this topic; `None` where it is no gateway's.
fn speaker(topic: &str) -> Option<Speaker<'_>> {
    if let Some(path) = topic.strip_prefix("davy/v1/").and_then(|rest| rest.strip_suffix("/telemetry")) {
        let levels = path.split('/').filter(|level| !level.is_empty()).count();
        return (levels == 3 && path.split('/').count() == 3).then_some(Speaker::Json(path));
    }
    let mut levels = topic.split('/');
    let (namespace, group, kind, node) = (levels.next()?, levels.next()?, levels.next()?, levels.next()?);
    let device = levels.next();
    let fits = match kind {
        "NBIRTH" | "NDATA" | "NDEATH" => device.is_none(),
        "DBIRTH" | "DDATA" | "DDEATH" => device.is_some_and(|device| !device.is_empty()) && levels.next().is_none(),
        _ => false,
    };
    (namespace == SPARKPLUG && fits && !group.is_empty() && !node.is_empty()).then_some(Speaker::Node(group, node))
}

/// Whether what is published to a topic is telemetry for Davy.
pub(crate) fn is_telemetry(topic: &str) -> bool {
    speaker(topic).is_some()
}

fn shared(filter: &str) -> &str {
    let inner = filter.strip_prefix("$share/").and_then(|rest| rest.split_once('/')).map(|(_, filter)| filter);
    inner.unwrap_or(filter)
}

/// Whether every topic that fits a filter fits a pattern too; neither begins with a wildcard in the pattern.
fn lies_within(filter: &str, pattern: &str) -> bool {
    let mut levels = filter.split('/');
    for wanted in pattern.split('/') {
        match (levels.next(), wanted) {
            (_, "#") => return true,
            (Some("#") | None, _) => return false,
            (Some(_), "+") => {}
            (Some(level), wanted) if level == wanted => {}
            (Some(_), _) => return false,
        }
    }
    levels.next().is_none()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gateways(names: &[&str]) -> Rights {
        Rights::Gateways(names.iter().map(|name| Gateway::parse(name).unwrap()).collect())
    }

    #[test]
    fn names_of_gateways_are_read() {
        for name in ["rugang/e01/gw1", "e01/gw1", "spBv1.0/plant 1/node.1"] {
            assert!(Gateway::parse(name).is_some(), "{name}");
        }
        for name in ["", "gw1", "a/b/c/d", "a/+/c", "spBv1.0/g", "spBv1.0//n", "spBv1.0/g/n/d", "spBv1.0/g/#", "spBv1.0/STATE/n"]
        {
            assert!(Gateway::parse(name).is_none(), "{name}");
        }
    }

    #[test]
    fn a_gateway_says_its_own_topics_only() {
        let rights = gateways(&["rugang/e01/gw1", "spBv1.0/g/n"]);
        let own = ["davy/v1/rugang/e01/gw1/telemetry", "spBv1.0/g/NBIRTH/n", "spBv1.0/g/NDATA/n", "spBv1.0/g/NDEATH/n"];
        let devices = ["spBv1.0/g/DBIRTH/n/d", "spBv1.0/g/DDATA/n/d", "spBv1.0/g/DDEATH/n/d"];
        for topic in own.iter().chain(&devices) {
            assert!(rights.may_publish(topic) && Rights::Anybody.may_publish(topic) && is_telemetry(topic), "{topic}");
            assert!(!Rights::Reader.may_publish(topic), "{topic}");
        }
        for topic in
            ["davy/v1/rugang/e01/gw2/telemetry", "davy/v1/rugang/e02/gw1/telemetry", "spBv1.0/g/NDATA/m", "spBv1.0/h/NDATA/n"]
        {
            assert!(!rights.may_publish(topic) && Rights::Anybody.may_publish(topic), "{topic}");
        }
    }

    #[test]
    fn what_davy_says_nobody_else_does() {
        let rights = gateways(&["rugang/e01/gw1", "spBv1.0/g/n"]);
        for topic in [
            "davy/v1/rugang/e01/gw1/receipt",
            "davy/v1/rugang/e01/gw1/telemetry/",
            "davy/v1//e01/gw1/telemetry",
            "davy/v1/e01/gw1/telemetry",
            "spBv1.0/g/NCMD/n",
            "spBv1.0/g/DCMD/n/d",
            "spBv1.0/STATE/davy",
            "STATE/davy",
            "spBv1.0/g/NDATA/n/d",
            "spBv1.0/g/DDATA/n",
            "spBv1.0/g/DDATA/n/d/e",
            "spBv1.0/g/DDATA/n/",
            "spbv1.0/g/NDATA/n",
            "davy/v1/rugang/e01/gw1/telemtry",
            "$SYS/x",
            "",
        ] {
            assert!(!rights.may_publish(topic) && !Rights::Anybody.may_publish(topic) && !is_telemetry(topic), "{topic}");
        }
    }

    #[test]
    fn a_gateway_hears_what_is_meant_for_it() {
        let rights = gateways(&["rugang/e01/gw1", "spBv1.0/g/n"]);
        for filter in [
            "davy/v1/rugang/e01/gw1/receipt",
            "spBv1.0/g/NCMD/n",
            "spBv1.0/g/NCMD/n/#",
            "spBv1.0/g/DCMD/n/+",
            "spBv1.0/g/DCMD/n/#",
            "spBv1.0/g/DCMD/n/d",
            "spBv1.0/STATE/davy",
            "spBv1.0/STATE/+",
            "spBv1.0/STATE/#",
            "STATE/davy",
            "$share/us/spBv1.0/g/NCMD/n",
        ] {
            assert!(rights.may_subscribe(filter), "{filter}");
        }
        for filter in [
            "#",
            "+/#",
            "davy/#",
            "davy/v1/rugang/e01/+/receipt",
            "davy/v1/rugang/e01/gw1/#",
            "davy/v1/rugang/e01/gw2/receipt",
            "davy/v1/rugang/e01/gw1/telemetry",
            "spBv1.0/#",
            "spBv1.0/+/NCMD/n",
            "spBv1.0/g/+/n",
            "spBv1.0/g/NCMD/#",
            "spBv1.0/g/NCMD/+",
            "spBv1.0/g/NDATA/n",
            "spBv1.0/+/davy",
            "$share/us/#",
            "$SYS/#",
        ] {
            assert!(!rights.may_subscribe(filter), "{filter}");
        }
        assert!(Rights::Reader.may_subscribe("#") && Rights::Anybody.may_subscribe("davy/#"));
        assert!(!Rights::Reader.may_subscribe("$davy/#") && !Rights::Anybody.may_subscribe("$share/g/$davy/nowhere"));
    }
}
