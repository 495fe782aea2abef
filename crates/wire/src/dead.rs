//! Dead letters: what could not be read, as it stands in the `dead` journal.

use bytes::Bytes;
use prost::Message as _;

use crate::pb::record;

/// What could not be read, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeadLetter {
    /// Gateway path, or what the topic says where no gateway is known.
    pub gateway: String,
    /// Topic it came on.
    pub topic: String,
    /// A word for programs: `not_json`, `unknown_gateway`.
    pub reason: String,
    /// Field, value and cure, in words.
    pub detail: String,
    /// The first 64 KiB.
    pub payload: Vec<u8>,
    /// Length of the whole payload.
    pub payload_bytes: u64,
    /// How many this one stands for, itself included.
    pub count: u64,
}

impl DeadLetter {
    /// As it stands in the journal.
    pub fn encode(&self) -> Bytes {
        let record = record::DeadLetter {
            gateway: self.gateway.clone(),
            topic: self.topic.clone(),
            reason: self.reason.clone(),
            detail: self.detail.clone(),
            payload: self.payload.clone(),
            payload_bytes: self.payload_bytes,
            count: self.count,
        };
        record.encode_to_vec().into()
    }

    /// From the body of a record.
    pub fn decode(body: &[u8]) -> Result<Self, prost::DecodeError> {
        let record = record::DeadLetter::decode(body)?;
        Ok(Self {
            gateway: record.gateway,
            topic: record.topic,
            reason: record.reason,
            detail: record.detail,
            payload: record.payload,
            payload_bytes: record.payload_bytes,
            count: record.count,
        })
    }
}
