//! `ListGateways`: reports as the contract has them, page by page.

use model::{Span, Time};
use prost::Message as _;
use wire::{Failure, time_to_v1, v1};

use crate::report::{ClockOffset, GatewayFaultReport, GatewayReport, PossibleLoss, UnmappedTag};

const PAGE_DEFAULT: usize = 100;
const PAGE_MAX: usize = 1_000;
/// A page ends once it is this long: clients take 4 MiB unless told otherwise, and one gateway is far below 1 MiB.
const PAGE_BYTES: usize = 2 * 1024 * 1024;

/// A request that is well formed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Page {
    protocol: String,
    gateway: String,
    size: usize,
    after: usize,
}

impl Page {
    pub(super) fn check(request: &v1::ListGatewaysRequest) -> Result<Self, Failure> {
        let size = usize::try_from(request.page_size)
            .map_err(|_| Failure::field("page_size", "page_size is negative; send 0 for the default of 100"))?;
        let size = if size == 0 { PAGE_DEFAULT } else { size.min(PAGE_MAX) };
        let after = match request.page_token.as_str() {
            "" => 0,
            token => token.parse().map_err(|_| {
                Failure::field("page_token", "page_token is of no answer of this call; leave it empty to start anew")
            })?,
        };
        let protocol = request.protocol.clone();
        if !["", "mqtt", "sparkplug", "grpc"].contains(&protocol.as_str()) {
            return Err(Failure::field("protocol", "protocol is none of mqtt, sparkplug, grpc; leave it empty for all"));
        }
        Ok(Self { protocol, gateway: request.gateway.clone(), size, after })
    }

    pub(super) fn of(&self, reports: &[GatewayReport]) -> v1::ListGatewaysResponse {
        let asked = |report: &&GatewayReport| {
            (self.protocol.is_empty() || report.protocol.as_str() == self.protocol)
                && (self.gateway.is_empty() || report.path == self.gateway)
        };
        let mut asked: Vec<_> = reports.iter().filter(asked).collect();
        asked.sort_by(|one, other| (one.protocol.as_str(), &one.path).cmp(&(other.protocol.as_str(), &other.path)));
        let (mut page, mut bytes) = (Vec::new(), 0);
        for report in asked.iter().skip(self.after).take(self.size) {
            if bytes >= PAGE_BYTES {
                break;
            }
            let gateway = gateway_to_v1(report);
            bytes += gateway.encoded_len();
            page.push(gateway);
        }
        let end = self.after.saturating_add(page.len());
        v1::ListGatewaysResponse {
            gateways: page,
            next_page_token: if end < asked.len() { end.to_string() } else { String::new() },
            total_size: i32::try_from(asked.len()).unwrap_or(i32::MAX),
        }
    }
}

fn gateway_to_v1(report: &GatewayReport) -> v1::Gateway {
    let time = |time: Option<Time>| time.map(time_to_v1);
    v1::Gateway {
        protocol: report.protocol.as_str().to_owned(),
        path: report.path.clone(),
        known: report.known,
        enterprise: report.enterprise.as_ref().map(|it| it.as_str().to_owned()).unwrap_or_default(),
        connected: report.connected,
        connected_since: time(report.connected_since),
        last_message_at: time(report.last_message),
        messages_per_second: report.rate_per_s,
        messages: report.messages,
        samples: report.samples,
        refused: report.refused,
        gaps: report.gaps,
        unmapped_values: report.unmapped_values,
        clock: report.clock.map(clock_to_v1),
        losses: report.losses.iter().map(loss_to_v1).collect(),
        unmapped_tags: report.unmapped.iter().map(tag_to_v1).collect(),
        rebirths: report.rebirths.iter().map(|(cause, count)| v1::RebirthCount { cause: cause.clone(), count: *count }).collect(),
        last_rebirth_at: time(report.last_rebirth.as_ref().map(|it| it.0)),
        last_rebirth_cause: report.last_rebirth.as_ref().map(|it| it.1.clone()).unwrap_or_default(),
        faults: report.faults.iter().map(fault_to_v1).collect(),
    }
}

fn clock_to_v1(clock: ClockOffset) -> v1::ClockOffset {
    let micros = |span: Span| span.micros();
    v1::ClockOffset {
        offset_us: micros(clock.offset),
        uncertainty_us: micros(clock.uncertainty),
        messages: u64::from(clock.messages),
    }
}

fn loss_to_v1(loss: &PossibleLoss) -> v1::GatewayLoss {
    v1::GatewayLoss {
        from: Some(time_to_v1(loss.from)),
        to: Some(time_to_v1(loss.to)),
        reason: loss.reason.clone(),
        messages: loss.messages,
        points: loss.points,
    }
}

fn tag_to_v1(tag: &UnmappedTag) -> v1::UnmappedTag {
    v1::UnmappedTag {
        tag: tag.tag.clone(),
        device: tag.device.clone().unwrap_or_default(),
        datatype: tag.datatype.clone(),
        unit: tag.unit.clone(),
        last_value: tag.last_value.clone(),
        count: tag.count,
    }
}

fn fault_to_v1(fault: &GatewayFaultReport) -> v1::ConformanceFault {
    v1::ConformanceFault {
        rule: fault.rule.clone(),
        detail: fault.detail.clone(),
        since: Some(time_to_v1(fault.since)),
        last_seen_at: Some(time_to_v1(fault.last)),
        count: fault.count,
    }
}
