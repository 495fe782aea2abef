//! What an edge node says: births, data and deaths of its points, each as `Double`, so that values arrive bit by bit.

use std::collections::BTreeMap;
use std::sync::Arc;

use model::{Quality, Site, Time};
use sparkplug::edge::{Edge, EdgeOptions, Naming, Outgoing, REBIRTH, Reading};
use sparkplug::{Datatype, Datum, MetricValue, NodeId, NodeKind, Payload, Topic};

use super::feed::Row;

/// A message on its way: topic and payload.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Message {
    pub(super) topic: String,
    pub(super) payload: Vec<u8>,
}

impl From<Outgoing> for Message {
    fn from(outgoing: Outgoing) -> Self {
        Self { topic: outgoing.topic.to_string(), payload: outgoing.payload }
    }
}

/// One edge node's side of Sparkplug, with the newest value of each of its points.
#[derive(Debug)]
pub(super) struct Speech {
    edge: Edge,
    path: String,
    has_connected: bool,
    has_values: bool,
    metrics: BTreeMap<usize, Known>,
}

/// One point as a metric.
#[derive(Debug)]
struct Known {
    /// `None` is the node itself.
    device: Option<Arc<str>>,
    name: Arc<str>,
    unit: Arc<str>,
    /// `None` until there is any.
    newest: Option<(Time, Option<f64>, Quality)>,
}

impl Known {
    fn reading(&self, value: Option<f64>) -> Reading {
        Reading::new(Arc::clone(&self.name), Datatype::Double, value.map_or(Datum::Null, Datum::Number))
    }
}

impl Speech {
    /// The node of this path (`group/node`) with these points of a site, by index.
    pub(super) fn new(site: &Site, path: &str, points: &[usize], aliases: bool) -> Self {
        let id = NodeId::parse(path).expect("the site was checked, and its paths are narrower");
        let naming = if aliases { Naming::Aliases } else { Naming::Names };
        let known = |index: &usize| {
            let point = &site.points[*index];
            let device = point.source.gateway.as_str().split('/').nth(2).map(Arc::from);
            let (name, unit) = (Arc::from(point.source.tag.as_str()), Arc::from(point.unit.as_str()));
            (*index, Known { device, name, unit, newest: None })
        };
        Self {
            edge: Edge::new(id, EdgeOptions { naming, ..EdgeOptions::default() }),
            path: path.to_owned(),
            has_connected: false,
            has_values: false,
            metrics: points.iter().map(known).collect(),
        }
    }

    /// `group/node`.
    pub(super) fn path(&self) -> &str {
        &self.path
    }

    /// Whether any point has a value yet.
    pub(super) fn has_values(&self) -> bool {
        self.has_values
    }

    /// Keeps what births are to say from now on.
    pub(super) fn learn(&mut self, row: &Row) {
        self.has_values = true;
        for (point, value, quality) in &row.values {
            if let Some(known) = self.metrics.get_mut(point) {
                known.newest = Some((row.time, *value, *quality));
            }
        }
    }

    /// Where commands to the node come.
    pub(super) fn command_topic(&self) -> String {
        Topic::Node { kind: NodeKind::NCmd, id: self.edge.id().clone() }.to_string()
    }

    /// The Will of the next connection, with a bdSeq of its own.
    pub(super) fn will(&mut self, now: Time) -> Message {
        let again = std::mem::replace(&mut self.has_connected, true);
        if again { self.edge.reconnect(now) } else { self.edge.will(now) }.into()
    }

    /// What the node says before it leaves: the same as its Will.
    pub(super) fn death(&self, now: Time) -> Message {
        self.edge.will(now).into()
    }

    /// The node's birth, then those of its devices, with the newest values; a point that has none yet is null.
    pub(super) fn births(&mut self, now: Time) -> Vec<Message> {
        let mut of_device: BTreeMap<Option<Arc<str>>, Vec<Reading>> = BTreeMap::from([(None, Vec::new())]);
        for known in self.metrics.values() {
            let (time, value, quality) = match known.newest {
                Some((time, value, quality)) => (Some(time), value, Some(quality)),
                None => (None, None, None),
            };
            let reading = Reading { time, quality, unit: Some(Arc::clone(&known.unit)), ..known.reading(value) };
            of_device.entry(known.device.clone()).or_default().push(reading);
        }
        // None comes first in order: the node is born before its devices.
        let birth = |(device, readings): (Option<Arc<str>>, Vec<Reading>)| match device {
            None => self.edge.node_birth(now, readings).into(),
            Some(device) => self.edge.device_birth(&device, now, readings).into(),
        };
        of_device.into_iter().map(birth).collect()
    }

    /// One message for the node's own points of a row and one for each device; historical rows do not change what births say.
    pub(super) fn data(&mut self, row: &Row, historical: bool, now: Time) -> Vec<Message> {
        let mut of_device: BTreeMap<Option<Arc<str>>, Vec<Reading>> = BTreeMap::new();
        for (point, value, quality) in &row.values {
            let Some(known) = self.metrics.get(point) else { continue };
            let was_good = known.newest.is_none_or(|(_, _, quality)| quality == Quality::Good);
            // Good quality is said only where it comes back.
            let quality = (!was_good || *quality != Quality::Good || historical).then_some(*quality);
            let reading = Reading { time: Some(row.time), quality, historical, ..known.reading(*value) };
            of_device.entry(known.device.clone()).or_default().push(reading);
        }
        if !historical {
            self.learn(row);
        }
        let data = |(device, readings): (Option<Arc<str>>, Vec<Reading>)| match device {
            None => self.edge.node_data(now, &readings).into(),
            Some(device) => self.edge.device_data(&device, now, &readings).into(),
        };
        of_device.into_iter().map(data).collect()
    }
}

/// Whether a command asks for new births.
pub(super) fn asks_rebirth(payload: &[u8]) -> bool {
    let Ok(command) = Payload::read(payload) else { return false };
    let asked = |value: &Option<MetricValue>| *value == Some(MetricValue::Boolean(true));
    command.metrics.iter().any(|metric| metric.name.as_deref() == Some(REBIRTH) && asked(&metric.value))
}

#[cfg(test)]
mod tests {
    use model::Protocol;
    use sparkplug::edge::{BD_SEQ, rebirth_command};
    use sparkplug::{Properties, time_of};

    use super::*;

    const NOW: Time = Time::from_micros(1_740_787_200_000_000);

    fn speech(aliases: bool) -> (Site, Speech) {
        let text = simulator::generated_site(1, 9, Protocol::Sparkplug);
        let site = site::load(&[site::SourceFile { name: "site.toml".to_owned(), text }]).expect("a generated site loads").site;
        let points: Vec<_> = (0..site.points.len()).collect();
        let speech = Speech::new(&site, "p001/e00001-gw1", &points, aliases);
        (site, speech)
    }

    fn read(message: &Message) -> Payload {
        Payload::read(&message.payload).expect("it is a payload")
    }

    #[test]
    fn births_name_every_metric_and_data_follow_by_alias_or_name() {
        for aliases in [true, false] {
            let (site, mut speech) = speech(aliases);
            let row = Row { time: NOW, values: vec![(0, Some(0.1), Quality::Good)] };
            speech.will(NOW);
            speech.learn(&row);
            let births = speech.births(NOW);
            let topics: Vec<_> = births.iter().map(|birth| birth.topic.as_str()).collect();
            let device = |kind: &str, name: &str| format!("spBv1.0/p001/{kind}/e00001-gw1/{name}");
            assert_eq!(topics, ["spBv1.0/p001/NBIRTH/e00001-gw1", &device("DBIRTH", "dcs"), &device("DBIRTH", "gds")]);
            let named: Vec<_> = births.iter().flat_map(|birth| read(birth).metrics).filter_map(|metric| metric.name).collect();
            assert!(site.points.iter().all(|point| named.contains(&point.source.tag)), "{named:?}");
            let data = speech.data(&row, false, NOW);
            assert_eq!((data.len(), read(&data[0]).seq), (1, Some(3)));
            let metric = read(&data[0]).metrics.remove(0);
            assert_eq!((metric.name.is_some(), metric.alias.is_some()), (!aliases, aliases));
            assert_eq!(metric.value, Some(MetricValue::Double(0.1)), "bit by bit");
            assert_eq!(metric.timestamp.and_then(time_of), Some(NOW));
            assert_eq!((metric.is_historical, Properties::of(&metric).quality), (None, None));
        }
    }

    #[test]
    fn deaths_carry_the_bd_seq_of_their_connection() {
        let (_, mut speech) = speech(true);
        for bd_seq in 0..3 {
            let will = speech.will(NOW);
            assert_eq!(will.topic, "spBv1.0/p001/NDEATH/e00001-gw1");
            let birth = speech.births(NOW).remove(0);
            for message in [&will, &birth, &speech.death(NOW)] {
                assert_eq!(read(message).integer(BD_SEQ), Some(bd_seq));
            }
        }
    }

    #[test]
    fn quality_is_said_while_it_is_bad_and_when_it_comes_back() {
        let (_, mut speech) = speech(true);
        let mut said = |value: Option<f64>, quality| {
            let row = Row { time: NOW, values: vec![(1, value, quality)] };
            let metric = read(&speech.data(&row, false, NOW)[0]).metrics.remove(0);
            (metric.value.is_some(), Properties::of(&metric).quality)
        };
        assert_eq!(said(Some(1.0), Quality::Good), (true, None));
        assert_eq!(said(Some(1.0), Quality::Bad), (true, Some(Quality::Bad)));
        assert_eq!(said(None, Quality::Bad), (false, Some(Quality::Bad)));
        assert_eq!(said(Some(2.0), Quality::Good), (true, Some(Quality::Good)));
        assert_eq!(said(Some(3.0), Quality::Good), (true, None));
    }

    #[test]
    fn what_comes_late_is_historical_and_no_birth_says_it() {
        let (_, mut speech) = speech(true);
        let row = |value| Row { time: NOW, values: vec![(0, Some(value), Quality::Good)] };
        speech.learn(&row(2.0));
        speech.births(NOW);
        let late = read(&speech.data(&row(1.0), true, NOW)[0]);
        assert_eq!(late.metrics[0].is_historical, Some(true));
        let births = speech.births(NOW);
        let values: Vec<_> = births.iter().flat_map(|birth| read(birth).metrics).filter_map(|metric| metric.value).collect();
        assert!(values.contains(&MetricValue::Double(2.0)) && !values.contains(&MetricValue::Double(1.0)), "{values:?}");
    }

    #[test]
    fn only_a_rebirth_command_asks_for_births() {
        let (_, speech) = speech(true);
        let command = rebirth_command(speech.edge.id(), NOW);
        assert_eq!(command.topic.to_string(), speech.command_topic());
        assert!(asks_rebirth(&command.payload));
        assert!(!asks_rebirth(b"rebirth, please") && !asks_rebirth(&[]));
        let (_, mut node) = self::speech(true);
        assert!(!asks_rebirth(&node.births(NOW)[0].payload), "a birth offers the command and does not give it");
    }
}
