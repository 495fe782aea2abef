//! Sparkplug B through the link inside the process: what an edge node says becomes records in that order, also over a restart.

use ::sparkplug::edge::{Edge, EdgeOptions, Outgoing as Said, Reading};
use ::sparkplug::{Datatype, Datum, NodeId};
use journal::{Journal, JournalId};
use model::{Quality, Sample, Span, Time};
use tokio::sync::mpsc;
use wire::DeadLetter;

use super::*;
use crate::{GatewayReport, LocalPublisher, Outgoing, PushHandle, local_link, push_link};

/// Of enterprise e01: PI-101 and XV-1 of the device `d`, TI-1 of the node `plant/n1` itself.
pub(super) fn site_of_nodes() -> Revision {
    let mut revision = site(1, &["e01"]);
    for (point, path) in revision.site.points.iter_mut().zip(["plant/n1/d", "plant/n1", "plant/n1/d"]) {
        point.source.protocol = Protocol::Sparkplug;
        point.source.gateway = GatewayPath::new(path).unwrap();
    }
    revision
}

pub(super) fn edge(options: EdgeOptions) -> Edge {
    Edge::new(NodeId::new("plant", "n1").unwrap(), options)
}

/// Now, as whole milliseconds: Sparkplug has no finer times.
pub(super) fn now(plant: &Plant) -> Time {
    Time::from_micros(plant.journal.now().micros() / 1_000 * 1_000)
}

struct Host {
    plant: Plant,
    publisher: LocalPublisher,
    outgoing: mpsc::Receiver<Outgoing>,
    handle: PushHandle,
}

impl Host {
    async fn start() -> Self {
        let (journal, data) = (Arc::new(Memory::new()), Arc::new(tempfile::tempdir().unwrap()));
        put_site(&*journal, site_of_nodes()).await;
        Self::on(&journal, &data)
    }

    fn on(journal: &Arc<Memory>, data: &Arc<tempfile::TempDir>) -> Self {
        let ((publisher, receiver), (handle, pushed)) = (local_link(), push_link());
        let outgoing = publisher.outgoing().unwrap();
        let plant = Plant::start_with(journal, vec![Link::Local(receiver), Link::Push(pushed)], data);
        Self { plant, publisher, outgoing, handle }
    }

    async fn restart(self) -> Self {
        let (journal, data) = (Arc::clone(&self.plant.journal), Arc::clone(&self.plant.data));
        self.plant.stop().await.unwrap();
        Self::on(&journal, &data)
    }

    async fn hears(&self, said: Said) {
        within(self.publisher.publish(&said.topic.to_string(), said.payload), "a message to be durable").await.unwrap();
    }

    /// The next thing Davy publishes under a prefix.
    async fn says(&mut self, prefix: &str) -> Outgoing {
        loop {
            let outgoing = within(self.outgoing.recv(), prefix).await.expect("running");
            if outgoing.topic.starts_with(prefix) {
                return outgoing;
            }
        }
    }

    async fn report(&self, path: &str) -> GatewayReport {
        let reports = within(self.handle.report(), "a report").await.unwrap();
        reports.iter().find(|it| it.path == path).cloned().unwrap_or_else(|| panic!("no {path}"))
    }

    /// Records of single gateways and batches, in order.
    fn story(&self) -> Vec<String> {
        let tell = |body| match body {
            Body::SourceUp { source, .. } => source.path().map(|path| format!("up {path}")),
            Body::SourceDown { source, .. } => source.path().map(|path| format!("down {path}")),
            Body::Batch(batch) => {
                let values = |own: &[Sample]| own.iter().map(|it| it.value.unwrap_or(f64::NAN)).collect::<Vec<_>>();
                let told = batch.messages().map(|(_, path, own)| format!("{path} {:?}", values(own)));
                Some(told.collect::<Vec<_>>().join(", "))
            }
            _ => None,
        };
        self.plant.journal.bodies(partition("e01")).into_iter().filter_map(tell).collect()
    }

    fn samples(&self) -> Vec<Sample> {
        self.plant.batches("e01").into_iter().flat_map(|it| it.samples).collect()
    }

    fn dead(&self) -> Vec<DeadLetter> {
        self.plant.journal.all(JournalId::Dead).iter().map(|it| DeadLetter::decode(&it.body).unwrap()).collect()
    }

    async fn births(&self, node: &mut Edge) {
        let (at, device) = (now(&self.plant), Arc::from("d"));
        let birth = node.node_birth(at, vec![Reading::number("TI-1", 1.0).at(at)]);
        self.hears(birth).await;
        let open = Reading::new("XV-1", Datatype::String, Datum::Text("open".into())).at(at);
        let birth = node.device_birth(&device, at, vec![Reading::number("PI-101", 2.0).at(at), open]);
        self.hears(birth).await;
    }
}

#[tokio::test]
async fn a_nodes_life_is_journaled_in_its_order() {
    let mut host = Host::start().await;
    let state = host.says("spBv1.0/STATE/davy").await;
    assert!(state.retain && state.payload.starts_with(br#"{"online":true,"timestamp":"#), "{state:?}");
    let (mut node, device) = (edge(EdgeOptions::default()), Arc::from("d"));
    host.births(&mut node).await;
    let at = now(&host.plant);
    let later = at + Span::from_millis(5);
    let readings =
        [Reading::number("PI-101", 4.0).at(later), Reading::number("PI-101", 3.0).at(at), Reading::number("NEW", 9.0).at(at)];
    host.hears(node.device_data(&device, at, &readings)).await;
    host.hears(node.device_death(&device, at)).await;
    host.hears(node.node_data(at, &[Reading::number("TI-1", 5.0).at(later)])).await;
    host.hears(node.will(at)).await;
    let story = host.story();
    let place = |what: &str| story.iter().position(|it| it.contains(what)).unwrap_or_else(|| panic!("no {what} in {story:#?}"));
    let order = [
        "up plant/n1",
        "plant/n1 [1.0]",
        "plant/n1/d [2.0, 1.0]",
        "plant/n1/d [3.0], plant/n1/d [4.0]",
        "down plant/n1/d",
        "plant/n1 [5.0]",
    ]
    .map(place);
    assert!(order.is_sorted(), "{story:#?}");
    assert_eq!(story.last().unwrap(), "down plant/n1");
    let report = host.report("plant/n1").await;
    assert_eq!((report.known, report.connected, report.gaps, report.unmapped_values), (true, Some(false), 0, 1));
    let new = &report.unmapped[0];
    assert_eq!((&*new.tag, new.device.as_deref(), &*new.datatype, &*new.last_value), ("NEW", Some("d"), "Double", "9"));
    assert!(host.dead().is_empty(), "{:?}", host.dead());
    let (plant, mut outgoing) = (host.plant, host.outgoing);
    plant.stop().await.unwrap();
    let mut last = None;
    while let Ok(outgoing) = outgoing.try_recv() {
        last = Some(outgoing);
    }
    let last = last.expect("a farewell");
    assert!(last.topic == "spBv1.0/STATE/davy" && last.payload.starts_with(br#"{"online":false"#), "{last:?}");
}

#[tokio::test]
async fn after_a_restart_a_sequence_that_goes_on_is_trusted_and_one_that_does_not_is_asked() {
    let mut host = Host::start().await;
    let (mut node, device) = (edge(EdgeOptions::default()), Arc::from("d"));
    host.births(&mut node).await;
    let mut at = now(&host.plant);
    // Until its births are on disk a node's messages carry no number.
    let numbered = |host: &Host| host.plant.batches("e01").iter().flat_map(|it| &it.messages).any(|it| it.seq.is_some());
    while !numbered(&host) {
        at = at + Span::from_millis(1);
        host.hears(node.device_data(&device, at, &[Reading::number("PI-101", 3.0).at(at)])).await;
    }
    host = host.restart().await;
    at = now(&host.plant);
    host.hears(node.device_data(&device, at, &[Reading::number("PI-101", 4.0).at(at)])).await;
    let newest = |host: &Host| *host.samples().last().unwrap();
    assert_eq!((newest(&host).value, newest(&host).quality), (Some(4.0), Quality::Good), "named by the births kept");
    host = host.restart().await;
    for _ in 0..3 {
        node.skip_seq();
    }
    at = now(&host.plant);
    let data = node.device_data(&device, at, &[Reading::number("PI-101", 5.0).at(at)]);
    let waiting = host.publisher.begin(&data.topic.to_string(), data.payload.into()).await.unwrap();
    let asked = async {
        loop {
            host.plant.journal.advance(200_000);
            if let Ok(outgoing) = tokio::time::timeout(Duration::from_millis(50), host.says("spBv1.0/plant/NCMD/n1")).await {
                return outgoing;
            }
        }
    };
    let asked = within(asked, "a rebirth request").await;
    assert!(node.asks_rebirth(&asked.topic, &asked.payload) && !asked.retain);
    within(waiting.done(), "the message behind the gap").await.unwrap();
    let doubtful = *host.samples().iter().rfind(|it| it.value == Some(5.0)).expect("taken");
    assert_eq!(doubtful.quality, Quality::Uncertain, "the table may no longer be the node's");
    for said in node.rebirth(now(&host.plant)) {
        host.hears(said).await;
    }
    at = now(&host.plant);
    host.hears(node.device_data(&device, at, &[Reading::number("PI-101", 6.0).at(at)])).await;
    assert_eq!((newest(&host).value, newest(&host).quality), (Some(6.0), Quality::Good));
    let report = host.report("plant/n1").await;
    assert_eq!(report.rebirths.iter().map(|it| it.1).sum::<u64>(), 1, "{:?}", report.rebirths);
    host.plant.stop().await.unwrap();
}

#[tokio::test]
async fn what_cannot_be_taken_is_a_dead_letter_and_the_rest_is_taken() {
    let host = Host::start().await;
    let (mut node, device) = (edge(EdgeOptions::default()), Arc::from("d"));
    host.births(&mut node).await;
    let at = now(&host.plant);
    let ajar = Reading::new("XV-1", Datatype::String, Datum::Text("ajar".into())).at(at);
    let ahead = Reading::number("PI-101", 8.0).at(at + Span::from_secs(25 * 3_600));
    let old = Reading { historical: true, ..Reading::number("PI-101", 7.0).at(at + Span::from_millis(1)) };
    host.hears(node.device_data(&device, at, &[ajar, ahead, old])).await;
    host.publisher.publish("spBv1.0/plant/NDATA/n1", vec![0xff, 0xff]).await.unwrap();
    host.publisher.publish("spBv1.0/plant/WHAT/n1", "x").await.unwrap();
    let letters = host.dead();
    assert_eq!(letters.len(), 3, "{letters:?}");
    assert_eq!((&*letters[0].reason, &*letters[0].gateway), ("unknown_state", "plant/n1/d"));
    assert!(
        letters[0].detail.contains("metrics.XV-1") && letters[0].detail.contains("metrics.PI-101.timestamp"),
        "{}",
        letters[0].detail
    );
    assert_eq!(letters[1].payload, [0xff, 0xff]);
    let newest = *host.samples().last().unwrap();
    assert_eq!((newest.value, newest.flags.historical), (Some(7.0), true));
    host.plant.stop().await.unwrap();
}

#[tokio::test]
async fn a_node_that_no_point_names_is_seen_with_what_its_birth_tells() {
    let host = Host::start().await;
    let mut node = Edge::new(NodeId::new("plant", "新节点").unwrap(), EdgeOptions::default());
    let at = now(&host.plant);
    let reading = Reading { unit: Some("kPa".into()), ..Reading::new("压力", Datatype::Float, Datum::Number(1.5)) };
    host.hears(node.node_birth(at, vec![reading.at(at)])).await;
    let report = host.report("plant/新节点").await;
    assert_eq!((report.known, report.connected, report.unmapped.len()), (false, Some(true), 1), "{report:?}");
    let tag = &report.unmapped[0];
    assert_eq!((&*tag.tag, &*tag.datatype, &*tag.unit, &*tag.last_value), ("压力", "Float", "kPa", "1.5"));
    assert!(host.story().is_empty(), "{:?}", host.story());
    // The site names it: its partition is told that it is up.
    let mut revision = site_of_nodes();
    revision.number = RevisionNumber(2);
    revision.site.points[1].source.gateway = GatewayPath::new("plant/新节点").unwrap();
    put_site(&*host.plant.journal, revision).await;
    let up = |journal: &Memory| {
        let up = |body: &Body| matches!(body, Body::SourceUp { source, .. } if source.as_str() == "sparkplug/plant/新节点");
        journal.bodies(partition("e01")).iter().any(up)
    };
    host.plant.journal.until("the node up", up).await;
    host.plant.stop().await.unwrap();
}
