//! Nodes that come and go, gaps, faults and rebirths as records; and how every node is doing, for whoever asks.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use metrics::counter;
use model::{Body, GatewayPath, Partition, Protocol, SourceId, Time};
use sparkplug::{NodeId, NodeReport};
use tracing::{debug, info, warn};

use crate::index::{SiteIndex, node_of};
use crate::intake::Intake;
use crate::link::Outgoing;
use crate::metrics as names;
use crate::report::{Book, GatewayFaultReport, GatewayReport, PossibleLoss};

impl Intake {
    /// The site changed: other nodes ought to be there, and of those that are there some are named for the first time.
    pub(crate) fn adopt_sparkplug(&mut self, before: &SiteIndex) {
        self.hosting.expect(&self.index);
        let index = &self.index;
        self.hosting.nodes.retain(|node, _| index.node(&node.to_string()).is_some());
        let mut told: BTreeMap<&str, BTreeSet<Partition>> = BTreeMap::new();
        for tags in index.gateways(Protocol::Sparkplug) {
            let path = tags.path.as_str();
            if before.gateway(Protocol::Sparkplug, path).is_none_or(|it| it.partition != tags.partition) {
                told.entry(node_of(path)).or_default().insert(tags.partition);
            }
        }
        for path in &self.hosting.present {
            let (Some(partitions), source) = (told.get(node_of(path)), source_of(path)) else { continue };
            self.up.insert(source.clone());
            // A partition that is new is told all that is up.
            for partition in partitions.intersection(&before.partitions) {
                self.round.push_in_order(*partition, Body::SourceUp { source: source.clone(), session_lost: false });
            }
        }
        for (path, (since, reason)) in &self.hosting.gone {
            for partition in told.get(node_of(path)).into_iter().flatten() {
                let (source, reason) = (source_of(path), reason.clone());
                self.round.push_in_order(*partition, Body::SourceDown { source, since: *since, reason });
            }
        }
    }

    pub(super) fn present(&mut self, path: &str, now: Time) {
        self.hosting.present.insert(path.to_owned());
        self.hosting.gone.remove(path);
        if let Ok(node) = NodeId::parse(path) {
            self.book(&node).connected(true, now);
            info!(node = path, "Sparkplug node is up");
        }
        let Some(node) = self.index.node(node_of(path)).cloned() else { return };
        let source = source_of(path);
        self.up.insert(source.clone());
        for partition in node.partitions {
            self.round.push_in_order(partition, Body::SourceUp { source: source.clone(), session_lost: false });
        }
    }

    pub(super) fn absent(&mut self, path: &str, since: Time, reason: &str, now: Time) {
        let source = source_of(path);
        self.hosting.present.retain(|it| it != path && !it.strip_prefix(path).is_some_and(|rest| rest.starts_with('/')));
        self.hosting.gone.insert(path.to_owned(), (since, reason.to_owned()));
        self.up.retain(|it| !source.covers(it));
        if let Ok(node) = NodeId::parse(path) {
            self.book(&node).connected(false, now);
        }
        info!(path, reason, "Sparkplug node or device is down");
        let Some(node) = self.index.node(node_of(path)).cloned() else { return };
        for partition in node.partitions {
            let down = Body::SourceDown { source: source.clone(), since, reason: reason.to_owned() };
            self.round.push_in_order(partition, down);
        }
    }

    pub(super) fn ask_rebirth(&mut self, node: &NodeId, cause: &'static str, now: Time) {
        counter!(names::REBIRTHS, "cause" => cause).increment(1);
        debug!(%node, cause, "rebirth asked for");
        self.book(node).rebirth_asked(cause, now);
        let command = sparkplug::edge::rebirth_command(node, now);
        let (topic, payload) = (command.topic.to_string(), Bytes::from(command.payload));
        self.hosting.commands.publish(Outgoing { topic, payload, retain: false });
    }

    pub(super) fn session_gap(&mut self, node: &NodeId, (from, to): (Time, Time), missing: Option<u64>, reason: &str) {
        let (name, source) = (node.to_string(), source_of(&node.to_string()));
        counter!(names::SEQUENCE_GAPS).increment(missing.unwrap_or(1));
        let points = self
            .index
            .gateways(Protocol::Sparkplug)
            .filter(|it| node_of(it.path.as_str()) == name)
            .map(|it| it.len())
            .sum::<usize>();
        let book = self.book(node);
        book.gaps += missing.unwrap_or(1);
        let points = u32::try_from(points).unwrap_or(u32::MAX);
        book.lost(PossibleLoss { from, to, reason: reason.to_owned(), messages: missing, points });
        let Some(tags) = self.index.node(&name).cloned() else { return };
        for partition in tags.partitions {
            let (source, reason) = (source.clone(), reason.to_owned());
            self.round.part(partition).push_before(Body::Loss { source, from, to, reason, messages: missing });
        }
    }

    pub(super) fn session_fault(&mut self, node: &NodeId, device: Option<&str>, rule: &'static str, detail: &str) {
        counter!(names::FAULTS, "rule" => rule).increment(1);
        let name = node.to_string();
        let path = device.map_or_else(|| name.clone(), |device| format!("{name}/{device}"));
        warn!(gateway = path, rule, detail, "Sparkplug node breaks a rule");
        let (Some(tags), Ok(gateway)) = (self.index.node(&name), GatewayPath::new(&path)) else { return };
        let fault = Body::Fault { gateway, rule: rule.to_owned(), detail: detail.to_owned() };
        self.round.part(tags.home).push_before(fault);
    }

    /// The book of a node, of the site or not.
    pub(super) fn book(&mut self, node: &NodeId) -> &mut Book {
        let name = node.to_string();
        if self.index.node(&name).is_some() {
            return &mut self.hosting.nodes.entry(node.clone()).or_default().book;
        }
        self.stranger(Protocol::Sparkplug, &name)
    }

    /// How all nodes are doing: those of the site, seen or not, and the others.
    pub(crate) fn sparkplug_reports(&self, now: Time) -> Vec<GatewayReport> {
        let told: BTreeMap<String, NodeReport> = self.hosting.host.reports().map(|it| (it.node.to_string(), it)).collect();
        let nothing = Book::default();
        let known = self.index.nodes().map(|(name, tags)| {
            let kept = NodeId::parse(name).ok().and_then(|node| self.hosting.nodes.get(&node));
            kept.map_or(&nothing, |it| &it.book).report(Protocol::Sparkplug, name, Some(&tags.enterprise), now)
        });
        let strangers = self.strangers.iter().filter(|((protocol, _), _)| *protocol == Protocol::Sparkplug);
        let strangers = strangers.map(|((protocol, path), book)| book.report(*protocol, path, None, now));
        let mut reports: Vec<_> = known.chain(strangers).collect();
        for report in &mut reports {
            if let Some(told) = told.get(&report.path) {
                add_session(report, told);
            }
        }
        reports
    }
}

/// What the session knows beyond the book.
fn add_session(report: &mut GatewayReport, told: &NodeReport) {
    report.connected = told.connected;
    report.connected_since = told.since;
    report.last_message = report.last_message.max(told.last_message);
    report.faults = told
        .faults
        .iter()
        .map(|fault| GatewayFaultReport {
            rule: fault.rule.to_string(),
            detail: fault.detail.clone(),
            since: fault.since,
            last: fault.last,
            count: fault.count,
        })
        .collect();
}

pub(super) fn source_of(path: &str) -> SourceId {
    SourceId::named(&format!("{}/{path}", Protocol::Sparkplug.as_str()))
}
