//! Which sources are up: links, and gateways whose own link is known. Told to each partition that they concern, in one order with data.

use std::sync::Arc;

use metrics::gauge;
use model::{Body, GatewayPath, Partition, Protocol, SourceId, Time};

use crate::index::{SiteIndex, node_of};
use crate::intake::{Intake, known};
use crate::metrics as names;
use crate::push::GRACE;
use crate::report::PossibleLoss;

/// A gateway of gRPC has no stream.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Absence {
    since: Time,
    /// The engine was told.
    said: bool,
}

impl Intake {
    /// A link came up: told to every partition, between what came before and what comes after.
    pub(crate) fn source_up(&mut self, source: &SourceId, session_lost: bool, now: Time) {
        gauge!(names::SOURCE_UP, "source" => label(source)).set(1.0);
        self.up.insert(source.clone());
        for partition in self.index.partitions.clone() {
            self.round.push_in_order(partition, Body::SourceUp { source: source.clone(), session_lost });
        }
        if session_lost {
            self.note_lost_session(now);
        }
        if *source == SourceId::of(Protocol::Sparkplug) {
            self.sparkplug_up(now);
        }
    }

    /// The record says it to the engine; this to whoever asks how gateways are doing.
    fn note_lost_session(&mut self, now: Time) {
        for tags in self.index.gateways(Protocol::Mqtt) {
            let book = &mut known(&mut self.gateways, tags).book;
            let from = book.last_message().unwrap_or(now);
            let points = u32::try_from(tags.len()).unwrap_or(u32::MAX);
            let reason = "the broker had not kept the session".to_owned();
            book.lost(PossibleLoss { from, to: now, reason, messages: None, points });
        }
    }

    /// A link went down, and with it every gateway behind it.
    pub(crate) fn source_down(&mut self, source: &SourceId, since: Time, reason: &str, now: Time) {
        gauge!(names::SOURCE_UP, "source" => label(source)).set(0.0);
        if *source == SourceId::of(Protocol::Sparkplug) {
            // First, for what the session held back came before the end.
            self.sparkplug_down(now);
            self.hosting.missed.note(self.index.partitions.iter().copied(), since);
        }
        self.up.retain(|it| !source.covers(it));
        for partition in self.index.partitions.clone() {
            let down = Body::SourceDown { source: source.clone(), since, reason: reason.to_owned() };
            self.round.push_in_order(partition, down);
        }
        let covered = self.gateways.iter_mut().filter(|(protocol, _)| source.covers(&SourceId::of(**protocol)));
        for gateway in covered.flat_map(|(_, gateways)| gateways.values_mut()).filter(|it| it.book.connected.is_some()) {
            gateway.book.connected(false, now);
        }
    }

    /// Messages of a source may have been lost, as other signs than sequence numbers tell.
    pub(crate) fn loss(&mut self, source: &SourceId, (from, to): (Time, Time), reason: &str, messages: Option<u64>) {
        for partition in self.index.partitions.clone() {
            let (source, reason) = (source.clone(), reason.to_owned());
            self.round.part(partition).push_before(Body::Loss { source, from, to, reason, messages });
        }
        let concerned = [Protocol::Mqtt, Protocol::Grpc].into_iter().filter(|it| source.covers(&SourceId::of(*it)));
        for tags in concerned.flat_map(|it| self.index.gateways(it)) {
            let points = u32::try_from(tags.len()).unwrap_or(u32::MAX);
            let loss = PossibleLoss { from, to, reason: reason.to_owned(), messages, points };
            known(&mut self.gateways, tags).book.lost(loss);
        }
    }

    /// A gateway whose own link is known came up; nothing where it is up.
    pub(crate) fn gateway_up(&mut self, path: &GatewayPath, now: Time) {
        let source = SourceId::gateway(Protocol::Grpc, path);
        self.without_stream.remove(path);
        let Some(tags) = self.index.gateway(Protocol::Grpc, path.as_str()) else { return };
        let gateway = known(&mut self.gateways, tags);
        if self.up.insert(source.clone()) {
            gateway.book.connected(true, now);
            self.round.push_in_order(gateway.partition, Body::SourceUp { source, session_lost: false });
        }
    }

    /// Streams come and go; a gateway of the site is down when none was open for the grace, whether it was ever up or not: one that does
    /// not come back after a start is as silent as one that broke off.
    pub(crate) fn look_at_streams(&mut self, now: Time) {
        let open: Vec<GatewayPath> = self.streams.lock().keys().cloned().collect();
        for path in &open {
            self.gateway_up(path, now);
        }
        let index = Arc::clone(&self.index);
        let mut missed = Vec::new();
        for tags in index.gateways(Protocol::Grpc).filter(|it| open.binary_search(&it.path).is_err()) {
            let absence = self.without_stream.entry(tags.path.clone()).or_insert(Absence { since: now, said: false });
            if !absence.said && now.since(absence.since) >= GRACE {
                absence.said = true;
                missed.push((tags, absence.since));
            }
        }
        missed.sort_by_key(|(tags, _)| &tags.path);
        for (tags, since) in missed {
            let source = SourceId::gateway(Protocol::Grpc, &tags.path);
            let seconds = GRACE.micros() / 1_000_000;
            let reason = if self.up.remove(&source) {
                format!("no stream of it was open for {seconds} s")
            } else {
                format!("it has not connected, {seconds} s since Davy started or the site names it")
            };
            known(&mut self.gateways, tags).book.connected(false, now);
            self.round.push_in_order(tags.partition, Body::SourceDown { source, since, reason });
        }
    }

    /// Under another site: a gateway that left it, or moved to another partition, is neither up nor missed. The next look begins anew.
    pub(crate) fn adopt_streams(&mut self, before: &SiteIndex) {
        let partition = |index: &SiteIndex, path: &str| index.gateway(Protocol::Grpc, path).map(|it| it.partition);
        let stays = |path: &str| {
            let now = partition(&self.index, path);
            now.is_some() && now == partition(before, path)
        };
        let grpc = SourceId::of(Protocol::Grpc);
        self.up.retain(|source| !grpc.covers(source) || source.path().is_none_or(stays));
        self.without_stream.retain(|path, _| stays(path.as_str()));
    }

    /// What a partition is told after an outage of everything: the sources that are up, links before their gateways.
    pub(crate) fn ups(&self, partition: Partition) -> Vec<Body> {
        let concerns = |source: &&SourceId| {
            let protocol = [Protocol::Grpc, Protocol::Sparkplug].into_iter().find(|it| SourceId::of(*it).covers(source));
            match (protocol, source.path()) {
                (Some(Protocol::Sparkplug), Some(path)) => {
                    self.index.node(node_of(path)).is_some_and(|node| node.partitions.contains(&partition))
                }
                (Some(protocol), Some(path)) => self.index.gateway(protocol, path).is_some_and(|it| it.partition == partition),
                _ => true,
            }
        };
        self.up.iter().filter(concerns).map(|source| Body::SourceUp { source: source.clone(), session_lost: false }).collect()
    }
}

/// A source as a metric's label: the protocol.
fn label(source: &SourceId) -> &'static str {
    [Protocol::Mqtt, Protocol::Sparkplug, Protocol::Grpc]
        .into_iter()
        .find(|it| SourceId::of(*it).covers(source))
        .map_or("other", Protocol::as_str)
}
