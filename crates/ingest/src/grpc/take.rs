//! A pushed message into the round of the writer.

use std::sync::Arc;

use metrics::counter;
use model::{GatewayPath, Protocol, Time};
use wire::v1;

use super::decode::decode;
use super::{Asked, Pushed, Taken};
use crate::dead::Refused;
use crate::intake::{Intake, Origin, known};
use crate::json::{Reason, Received};
use crate::{Faults, GatewayTags, metrics as names};

impl Intake {
    /// Takes one message of a gRPC stream; says what became of it. A gateway that the site knows for MQTT may push too, and its points
    /// keep MQTT as their source; not where users of MQTT have rights, for this would be the way round them.
    pub(crate) fn take_push(&mut self, pushed: &Pushed, arrival: Received, now: Time) -> Taken {
        let path = &pushed.gateway;
        let allowed = if self.mqtt_guarded { &[Protocol::Grpc][..] } else { &[Protocol::Grpc, Protocol::Mqtt] };
        let found = allowed.iter().copied().find_map(|it| self.index().gateway(it, path.as_str()).cloned());
        let Some(tags) = found else { return self.take_stranger(pushed, arrival, now) };
        if tags.protocol == Protocol::Grpc {
            self.gateway_up(&tags.path, now);
        }
        match &pushed.asked {
            Asked::Opening => Taken { receipt: known(&mut self.gateways, &tags).receipt, ..Taken::default() },
            Asked::Samples(request) => self.take_samples(pushed, request, &tags, arrival, now),
        }
    }

    fn take_samples(
        &mut self,
        pushed: &Pushed,
        request: &v1::PushSamplesRequest,
        tags: &Arc<GatewayTags>,
        arrival: Received,
        now: Time,
    ) -> Taken {
        let topic = topic(&tags.path);
        let (digest, counted) = (pushed.digest(), pushed.is_counted());
        let gateway = known(&mut self.gateways, tags);
        if gateway.remembered.contains(&digest) {
            counter!(names::REDELIVERED).increment(1);
            return Taken { repeated: true, receipt: gateway.receipt, ..Taken::default() };
        }
        let faulty_tags = decode(request, tags, arrival.at, &mut self.decoded);
        let (refusals, more_refusals) = refusals(&self.decoded.faults, faulty_tags);
        let origin = Origin { topic: topic.as_bytes(), payload: &pushed.raw, digest, counted };
        self.take_decoded(tags, &origin, arrival, now);
        let receipt = known(&mut self.gateways, tags).receipt;
        Taken { repeated: false, refusals, more_refusals, receipt }
    }

    /// A gateway that no point names: its tags are listed, so that it can be made part of the site.
    fn take_stranger(&mut self, pushed: &Pushed, arrival: Received, now: Time) -> Taken {
        let path = &pushed.gateway;
        let Asked::Samples(request) = &pushed.asked else { return Taken::default() };
        decode(request, &GatewayTags::none(Protocol::Grpc, path.clone()), arrival.at, &mut self.decoded);
        self.note_stranger(Protocol::Grpc, path, arrival);
        let reason = Reason::UnknownGateway;
        let guarded = self.mqtt_guarded && self.index().gateway(Protocol::Mqtt, path.as_str()).is_some();
        let cure = if guarded { GUARDED } else { reason.cure() };
        let value = path.as_str();
        let refusal = v1::Refusal {
            field: "gateway".to_owned(),
            reason: reason.as_str().to_owned(),
            detail: format!("`{value}`: {cure}"),
            ..v1::Refusal::default()
        };
        let detail = format!("gateway: {}: `{value}`: {cure}", reason.as_str());
        self.refuse(Refused { gateway: value, topic: &topic(path), reason: reason.as_str(), detail, payload: &pushed.raw }, now);
        Taken { refusals: vec![refusal], ..Taken::default() }
    }
}

/// What would be right for a gateway that speaks MQTT as a user with rights.
const GUARDED: &str =
    "the site knows it for MQTT, where --mqtt-users says who may speak for it; name it `grpc = …` to let it push";

fn topic(path: &GatewayPath) -> String {
    format!("grpc/{path}")
}

/// Faults as the contract names them, each with its tag, and how many more there were.
fn refusals(faults: &Faults, tags: Vec<String>) -> (Vec<v1::Refusal>, u64) {
    let named = faults.listed.iter().zip(tags).map(|(fault, tag)| v1::Refusal {
        sequence: 0,
        tag,
        field: fault.field.clone(),
        reason: fault.reason.as_str().to_owned(),
        detail: if fault.value.is_empty() {
            fault.reason.cure().to_owned()
        } else {
            format!("`{}`: {}", fault.value, fault.reason.cure())
        },
    });
    (named.collect(), u64::from(faults.more))
}
