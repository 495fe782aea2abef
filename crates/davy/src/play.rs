//! Turns simulated or recorded values into the messages a gateway would send.

use std::collections::BTreeMap;

use model::{Quality, Site, Time};
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

    /// The messages of one instant; values by index of the site's points.
    pub(crate) fn messages(&mut self, time: Time, values: &[(usize, Option<f64>, Quality)]) -> Vec<Outgoing> {
        let mut by_gateway: BTreeMap<&str, (Object, Object)> = BTreeMap::new();
        for (point, value, quality) in values {
            let Some(point) = self.site.points.get(*point) else { continue };
            let (named, qualities) = by_gateway.entry(point.source.gateway.as_str()).or_default();
            named.insert(point.source.tag.clone(), json!(value));
            if *quality != Quality::Good {
                qualities.insert(point.source.tag.clone(), json!(quality.as_str()));
            }
        }
        by_gateway.into_iter().map(|(gateway, (values, qualities))| self.message(gateway, time, values, qualities)).collect()
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
