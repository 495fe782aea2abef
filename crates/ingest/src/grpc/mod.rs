//! Push over gRPC: what one message of a stream holds, and what became of it.
//!
//! A stream is pulled by its connection: it is read while its answers are taken and while the queue to the writer has room, so the disk
//! slows the client, and a client that does not read its acknowledgements is not read either (traps 54, 55).
//! Limits: a message `MAX_MESSAGE_BYTES`; `IN_FLIGHT` messages of a stream that wait for durability; `MAX_GATEWAYS` gateways a stream.

mod answer;
mod decode;
mod gateways;
mod service;
mod stream;
mod take;
#[cfg(test)]
mod tests;

use bytes::Bytes;
use model::GatewayPath;
use prost::Message as _;
use wire::v1;

use crate::Receipt;
use crate::redelivery::{Digest, NO_DIGEST, digest};

pub use decode::decode_for_fuzzing as decode_push_for_fuzzing;
pub use service::{IngestApi, ingest_service};

/// Longest message taken, as announced in the contract.
pub(crate) const MAX_MESSAGE_BYTES: usize = 1024 * 1024;
/// Values of one message at most.
const MAX_VALUES: usize = 20_000;
/// Messages of one stream that wait for durability at most.
const IN_FLIGHT: usize = 1_024;
/// Gateways of one stream at most.
const MAX_GATEWAYS: usize = 256;

/// What one message of a stream asks for.
#[derive(Debug)]
pub(crate) enum Asked {
    /// The stream begins to speak for this gateway: where does it stand?
    Opening,
    /// One timestamp.
    Samples(v1::PushSamplesRequest),
}

/// One message of a gateway's stream.
#[derive(Debug)]
pub(crate) struct Pushed {
    /// Whose it says to be.
    pub(crate) gateway: GatewayPath,
    pub(crate) asked: Asked,
    /// Its bytes, for a dead letter and for its digest.
    pub(crate) raw: Bytes,
}

impl Pushed {
    /// The first of a gateway on a stream.
    pub(crate) fn opening(gateway: GatewayPath) -> Self {
        Self { gateway, asked: Asked::Opening, raw: Bytes::new() }
    }

    /// A message; its gateway may have been left out.
    pub(crate) fn samples(gateway: GatewayPath, mut request: v1::PushSamplesRequest) -> Self {
        // Left out or not, it is the same message when it comes again.
        gateway.as_str().clone_into(&mut request.gateway);
        let raw = Bytes::from(request.encode_to_vec());
        Self { gateway, asked: Asked::Samples(request), raw }
    }

    pub(crate) fn is_opening(&self) -> bool {
        matches!(self.asked, Asked::Opening)
    }

    /// What it counts towards the bounds of queues and rounds: what it takes in memory, for a value of two bytes is a hundred decoded.
    pub(crate) fn bytes(&self) -> usize {
        let values = if let Asked::Samples(request) = &self.asked { request.values.len() } else { 0 };
        self.raw.len() + values * size_of::<v1::TagValue>()
    }

    /// Whether the client counts: then a message without a time can be told from a repeat too.
    pub(crate) fn is_counted(&self) -> bool {
        matches!(&self.asked, Asked::Samples(request) if request.sequence > 0)
    }

    /// Tells a repeat from news, over gateway, sequence number and content; all zero where nothing was sent yet.
    pub(crate) fn digest(&self) -> Digest {
        match &self.asked {
            Asked::Opening => NO_DIGEST,
            Asked::Samples(_) => digest(b"grpc", &self.raw),
        }
    }
}

/// What became of a message; told when it is durable.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Taken {
    /// Taken before: nothing was appended.
    pub(crate) repeated: bool,
    /// What was not taken as it was sent, the first ones.
    pub(crate) refusals: Vec<v1::Refusal>,
    /// How many more there were.
    pub(crate) more_refusals: u64,
    /// Where the gateway stands; nothing where it is not known.
    pub(crate) receipt: Receipt,
}
