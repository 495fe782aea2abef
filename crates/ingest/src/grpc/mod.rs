//! Push over gRPC: what one message of a stream holds, and what became of it.

use bytes::Bytes;
use model::GatewayPath;

use crate::GatewayTags;
use crate::json::{Decoded, Faults, Received};
use crate::redelivery::{Digest, NO_DIGEST};

/// One message of a gateway's stream.
#[derive(Debug)]
pub(crate) struct Pushed {
    /// Whose it says to be.
    pub(crate) gateway: GatewayPath,
    /// As it came, for a dead letter.
    pub(crate) raw: Bytes,
}

impl Pushed {
    /// What it counts towards the bounds of queues and rounds.
    pub(crate) fn bytes(&self) -> usize {
        self.raw.len()
    }

    /// Tells a repeat from news; all zero where nothing can.
    #[expect(clippy::unused_self, reason = "the stream's own identity comes with its service")]
    pub(crate) fn digest(&self) -> Digest {
        NO_DIGEST
    }

    /// Reads it into `out`, which is cleared first.
    #[expect(clippy::unused_self, reason = "the message's own form comes with its service")]
    pub(crate) fn decode(&self, _tags: &GatewayTags, _arrival: Received, out: &mut Decoded) {
        *out = Decoded::default();
    }
}

/// What became of a message; told when it is durable.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Taken {
    /// Taken before: nothing was appended.
    pub(crate) repeated: bool,
    /// No point names this gateway: a dead letter.
    pub(crate) unknown: bool,
    /// Samples appended.
    pub(crate) samples: u64,
    /// What is wrong with it.
    pub(crate) faults: Faults,
    /// Tags that no point claims, the first ones.
    pub(crate) unmapped: Vec<String>,
    /// How many values had such tags.
    pub(crate) unmapped_values: u64,
}
