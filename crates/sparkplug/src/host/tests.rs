//! What a host does, trap by trap: a table to play messages at, and laws.

mod asks;
mod deaths;
mod laws;
mod order;
mod tables;

use std::sync::Arc;

use model::{Quality, Span, Time};

use super::{Host, HostConfig, Output, Value};
use crate::datatype::Datum;
use crate::edge::{Edge, EdgeOptions, Outgoing, Reading};
use crate::topic::NodeId;

pub(super) const START: Time = Time::from_micros(1_732_370_000_000_000);

/// A host, its clock, and everything it said.
pub(super) struct Bench {
    pub(super) host: Host,
    pub(super) now: Time,
    pub(super) out: Vec<Output>,
    pub(super) sent: u64,
}

impl Bench {
    pub(super) fn new() -> Self {
        Self::of(Host::new(HostConfig::default(), 7))
    }

    pub(super) fn of(host: Host) -> Self {
        let mut bench = Self { host, now: START, out: Vec::new(), sent: 0 };
        bench.host.link_up(bench.now, &mut bench.out);
        bench
    }

    /// Plays a message and gives what was said since the last one.
    pub(super) fn play(&mut self, message: &Outgoing) -> Vec<Output> {
        self.raw(&message.topic.to_string(), &message.payload)
    }

    pub(super) fn raw(&mut self, topic: &str, payload: &[u8]) -> Vec<Output> {
        self.sent += 1;
        self.host.take(topic, payload, self.sent, self.now, &mut self.out);
        std::mem::take(&mut self.out)
    }

    /// Lets time pass, doing what is due when it is due.
    pub(super) fn wait(&mut self, span: Span) -> Vec<Output> {
        let until = self.now + span;
        while let Some(at) = self.host.next_deadline().filter(|at| *at <= until) {
            self.now = self.now.max(at);
            self.host.run(self.now, &mut self.out);
        }
        self.now = until;
        self.host.run(self.now, &mut self.out);
        std::mem::take(&mut self.out)
    }

    pub(super) fn rules(&self) -> Vec<String> {
        let mut rules: Vec<String> =
            self.host.reports().flat_map(|report| report.faults).map(|fault| fault.rule.to_string()).collect();
        rules.sort();
        rules
    }
}

pub(super) fn edge(options: EdgeOptions) -> Edge {
    Edge::new(NodeId::new("g", "n").unwrap(), options)
}

pub(super) fn device() -> Arc<str> {
    "d".into()
}

/// One value of the metric `a`.
pub(super) fn a(value: f64) -> Vec<Reading> {
    vec![Reading::number("a", value).at(START)]
}

/// The messages of a node's own metric `a`, with the values 0, 1, 2 …
pub(super) fn data(edge: &mut Edge, count: u32) -> Vec<Outgoing> {
    (0..count).map(|value| edge.node_data(START, &a(value.into()))).collect()
}

/// The numbers in values, in the order they were said; births left out.
pub(super) fn numbers(out: &[Output]) -> Vec<f64> {
    values(out)
        .into_iter()
        .filter_map(|value| if let Datum::Number(number) = value.value { Some(number) } else { None })
        .collect()
}

pub(super) fn values(out: &[Output]) -> Vec<Value> {
    out.iter()
        .filter_map(|said| if let Output::Values { birth: false, values, .. } = said { Some(values) } else { None })
        .flatten()
        .cloned()
        .collect()
}

pub(super) fn asks(out: &[Output]) -> Vec<&'static str> {
    out.iter().filter_map(|said| if let Output::AskRebirth { cause, .. } = said { Some(*cause) } else { None }).collect()
}

pub(super) fn done(out: &[Output]) -> Vec<u64> {
    out.iter().filter_map(|said| if let Output::Done { delivery } = said { Some(*delivery) } else { None }).collect()
}

pub(super) fn gaps(out: &[Output]) -> Vec<Option<u64>> {
    out.iter().filter_map(|said| if let Output::Gap { missing, .. } = said { Some(*missing) } else { None }).collect()
}

pub(super) fn refusals(out: &[Output]) -> Vec<&'static str> {
    out.iter().filter_map(|said| if let Output::Refused { reason, .. } = said { Some(*reason) } else { None }).collect()
}

/// Who came (`+`) and went (`-`).
pub(super) fn moves(out: &[Output]) -> Vec<String> {
    let said = out.iter().filter_map(|said| match said {
        Output::NodeUp { node } => Some(format!("+{node}")),
        Output::NodeDown { node, .. } => Some(format!("-{node}")),
        Output::DeviceUp { node, device } => Some(format!("+{node}/{device}")),
        Output::DeviceDown { node, device, .. } => Some(format!("-{node}/{device}")),
        _ => None,
    });
    said.collect()
}

pub(super) const fn seconds(seconds: i64) -> Span {
    Span::from_secs(seconds)
}

pub(super) fn qualities(out: &[Output]) -> Vec<Quality> {
    values(out).into_iter().map(|value| value.quality).collect()
}
