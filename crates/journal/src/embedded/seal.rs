//! Seals: a signed record that binds the heads of all keys of `events` and a position (traps 79).
//! The stored form is `davy.record.v1.SealRecord`, mirrored here by hand so that this crate needs no generated code.

use ed25519_dalek::{Signature, Signer, SigningKey, VerifyingKey};
use model::{Epoch, Position, Time};
use prost::Message;

use super::frame::Hash;
use super::state::LogState;
use crate::JournalId;

#[derive(Clone, PartialEq, Message)]
pub(crate) struct SealRecord {
    #[prost(fixed64, tag = "1")]
    pub(crate) epoch: u64,
    #[prost(uint64, tag = "2")]
    pub(crate) position: u64,
    #[prost(int64, tag = "3")]
    pub(crate) sealed_at: i64,
    #[prost(message, repeated, tag = "4")]
    pub(crate) heads: Vec<SealedHead>,
    #[prost(bytes = "vec", tag = "5")]
    pub(crate) previous: Vec<u8>,
    #[prost(bytes = "vec", tag = "6")]
    pub(crate) public_key: Vec<u8>,
    #[prost(bytes = "vec", tag = "7")]
    pub(crate) signature: Vec<u8>,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct SealedHead {
    #[prost(string, tag = "1")]
    pub(crate) key: String,
    #[prost(uint64, tag = "2")]
    pub(crate) key_seq: u64,
    #[prost(bytes = "vec", tag = "3")]
    pub(crate) chain: Vec<u8>,
}

fn heads(state: &LogState) -> Vec<SealedHead> {
    let head = state.journals.get(&JournalId::Events);
    let keys = head.iter().flat_map(|head| &head.keys);
    keys.map(|(key, head)| SealedHead { key: key.as_str().to_owned(), key_seq: head.seq.0, chain: head.chain.to_vec() }).collect()
}

/// Something in `events` is not bound by a seal yet.
pub(crate) fn seal_is_due(state: &LogState) -> bool {
    state.appended(JournalId::Events) > state.seal.map_or(Position(0), |seal| seal.position)
}

/// The body of a seal of everything in `events` so far.
pub(crate) fn make_seal(state: &LogState, epoch: Epoch, at: Time, key: &SigningKey) -> Vec<u8> {
    let mut record = SealRecord {
        epoch: epoch.0,
        position: state.appended(JournalId::Events).0,
        sealed_at: at.micros(),
        heads: heads(state),
        previous: state.seal.map(|seal| seal.hash.to_vec()).unwrap_or_default(),
        public_key: key.verifying_key().to_bytes().to_vec(),
        signature: Vec::new(),
    };
    record.signature = key.sign(&record.encode_to_vec()).to_bytes().to_vec();
    record.encode_to_vec()
}

/// Checks a seal against the state that its record follows; says what does not hold.
pub(crate) fn check_seal(body: &[u8], before: &LogState, public_key: &[u8; 32]) -> Result<(), &'static str> {
    let mut record = SealRecord::decode(body).map_err(|_| "the seal cannot be read")?;
    let signature = std::mem::take(&mut record.signature);
    if record.public_key != public_key {
        return Err("the seal was made with another key");
    }
    let key = VerifyingKey::from_bytes(public_key).map_err(|_| "the public key is none")?;
    let signature = Signature::from_slice(&signature).map_err(|_| "the seal is not signed")?;
    key.verify_strict(&record.encode_to_vec(), &signature).map_err(|_| "the signature of the seal does not hold")?;
    if record.position != before.appended(JournalId::Events).0 {
        return Err("the seal is not where it says it is");
    }
    if record.heads != heads(before) {
        return Err("the heads that the seal binds are not those of the records before it");
    }
    let previous: Option<Hash> = before.seal.map(|seal| seal.hash);
    if record.previous != previous.map(|hash| hash.to_vec()).unwrap_or_default() {
        return Err("the seal does not follow the one before");
    }
    Ok(())
}

/// The public key that a seal names.
pub(crate) fn key_of(body: &[u8]) -> Option<[u8; 32]> {
    SealRecord::decode(body).ok()?.public_key.try_into().ok()
}
