//! Turns simulated or recorded values into the messages a gateway would send.

use std::collections::BTreeMap;

use model::{Protocol, Quality, Site, Time};
use serde_json::{Map, Value, json};

/// Simulated values as a gateway would read them.
pub(crate) fn values(simulated: Vec<simulator::Value>) -> Vec<(usize, Option<f64>, Quality)> {
    simulated.into_iter().map(|(point, value, quality)| (point, Some(value), quality)).collect()
}

/// A message on its way: topic and payload.
pub(crate) struct Outgoing {
    pub(crate) topic: String,
    pub(crate) payload: Vec<u8>,
}

type Object = Map<String, Value>;

/// One message a gateway for the values of one instant; `seq` is counted per gateway.
pub(crate) struct Gateways<'a> {
    site: &'a Site,
    seq: BTreeMap<String, u64>,
}

impl<'a> Gateways<'a> {
    pub(crate) fn new(site: &'a Site) -> Self {
        Self { site, seq: BTreeMap::new() }
    }

    /// The messages of one instant; values by index of the site's points. Points of other protocols are passed over.
    pub(crate) fn messages(&mut self, time: Time, values: &[(usize, Option<f64>, Quality)]) -> Vec<Outgoing> {
        self.messages_by(|_| Some(time), values)
    }

    /// The same, with what each gateway's clock shows; `None`: it says nothing.
    pub(crate) fn messages_by(
        &mut self,
        clock: impl Fn(&str) -> Option<Time>,
        values: &[(usize, Option<f64>, Quality)],
    ) -> Vec<Outgoing> {
        let mut by_gateway: BTreeMap<&str, (Object, Object)> = BTreeMap::new();
        for (point, value, quality) in values {
            let Some(point) = self.site.points.get(*point).filter(|it| it.source.protocol == Protocol::Mqtt) else { continue };
            let (named, qualities) = by_gateway.entry(point.source.gateway.as_str()).or_default();
            named.insert(point.source.tag.clone(), json!(value));
            if *quality != Quality::Good {
                qualities.insert(point.source.tag.clone(), json!(quality.as_str()));
            }
        }
        let said = by_gateway.into_iter().filter_map(|(gateway, said)| Some((gateway, clock(gateway)?, said)));
        said.map(|(gateway, time, (values, qualities))| self.message(gateway, time, values, qualities)).collect()
    }

    fn message(&mut self, gateway: &str, time: Time, values: Object, qualities: Object) -> Outgoing {
        let seq = self.seq.entry(gateway.to_owned()).or_insert(0);
        let mut payload = json!({ "ts": wire::format_time(time), "seq": *seq, "values": values });
        *seq += 1;
        if !qualities.is_empty() {
            payload["quality"] = Value::Object(qualities);
        }
        Outgoing { topic: format!("davy/v1/{gateway}/telemetry"), payload: payload.to_string().into_bytes() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gateway_says_its_values_by_its_own_clock_or_nothing() {
        let text = simulator::generated_site(2, 2, Protocol::Mqtt)
            + &simulator::generated_site(1, 1, Protocol::Sparkplug)
                .split_once("[[point]]")
                .map(|(_, point)| {
                    format!("[[point]]{}", point.replace("e00001-PI-101", "other").replace("e00001-unit", "e00002-unit"))
                })
                .expect("it has a point");
        let file = site::SourceFile { name: "site.toml".to_owned(), text };
        let site = site::load(&[file]).unwrap_or_else(|faults| panic!("{}", faults[0])).site;
        let values: Vec<_> = (0..site.points.len()).map(|point| (point, Some(1.5), Quality::Good)).collect();
        let at = Time::from_micros(1_740_787_200_000_000);
        let mut gateways = Gateways::new(&site);
        let said = gateways.messages(at, &values);
        let topics: Vec<_> = said.iter().map(|message| message.topic.as_str()).collect();
        let all = ["davy/v1/p001/e00001/gw1/telemetry", "davy/v1/p001/e00002/gw1/telemetry"];
        assert_eq!(topics, all, "one message a gateway, none for Sparkplug");
        let later = at + model::Span::from_secs(120);
        let said = gateways.messages_by(|gateway| gateway.contains("e00002").then_some(later), &values);
        assert_eq!(said.len(), 1);
        let payload: Value = serde_json::from_slice(&said[0].payload).expect("JSON");
        assert_eq!((&payload["seq"], &payload["ts"]), (&json!(1), &json!(wire::format_time(later))));
    }
}
