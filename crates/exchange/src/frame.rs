//! What a feed hands over, and how it goes out: an event's bytes are shared by all feeds, its cursor is each feed's own.

use bytes::BufMut;
use model::Time;
use prost::Message as _;
use prost::encoding::{WireType, encode_key, encode_varint, encoded_len_varint, key_len};
use tonic::Status;
use tonic::codec::{BufferSettings, Codec, EncodeBuf, Encoder};
use tonic_prost::ProstDecoder;
use wire::v1::subscribe_response::Item;
use wire::{Cursor, v1};

use crate::tail::Events;

/// Numbers of fields in `davy.v1.SubscribeResponse` and `davy.v1.Event`.
const EVENT: u32 = 1;
const CURSOR: u32 = 2;
const SNAPSHOT: u32 = 11;

/// One item of a feed.
#[derive(Debug)]
pub(crate) enum Frame {
    /// An event, as one of its record.
    Event {
        events: Events,
        index: usize,
        cursor: Cursor,
        snapshot: bool,
    },
    Heartbeat {
        cursor: Cursor,
        at: Time,
    },
}

impl Frame {
    pub(crate) const fn cursor(&self) -> &Cursor {
        match self {
            Self::Event { cursor, .. } | Self::Heartbeat { cursor, .. } => cursor,
        }
    }

    /// As the message that stands for it.
    pub(crate) fn message(&self) -> v1::SubscribeResponse {
        let item = match self {
            Self::Event { events, index, cursor, snapshot } => {
                let event = wire::recorded_to_v1(&events[*index].event, cursor);
                Item::Event(v1::Event { snapshot: *snapshot, ..event })
            }
            Self::Heartbeat { cursor, at } => {
                Item::Heartbeat(v1::Heartbeat { cursor: cursor.encode(), at: Some(wire::time_to_v1(*at)) })
            }
        };
        v1::SubscribeResponse { item: Some(item) }
    }

    /// Writes the bytes of `message`, with fields in another order, which readers of protobuf do not see.
    fn write(&self, to: &mut impl BufMut) {
        let Self::Event { events, index, cursor, snapshot } = self else { return to.put_slice(&self.message().encode_to_vec()) };
        let (shared, cursor) = (events[*index].bytes(), cursor.encode());
        let cursor_len = key_len(CURSOR) + encoded_len_varint(cursor.len() as u64) + cursor.len();
        let snapshot_len = if *snapshot { key_len(SNAPSHOT) + 1 } else { 0 };
        encode_key(EVENT, WireType::LengthDelimited, to);
        encode_varint((shared.len() + cursor_len + snapshot_len) as u64, to);
        to.put_slice(shared);
        encode_key(CURSOR, WireType::LengthDelimited, to);
        encode_varint(cursor.len() as u64, to);
        to.put_slice(cursor.as_bytes());
        if *snapshot {
            encode_key(SNAPSHOT, WireType::Varint, to);
            to.put_u8(1);
        }
    }
}

/// Reads subscriptions, writes frames.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct FrameCodec;

impl Codec for FrameCodec {
    type Encode = Frame;
    type Decode = v1::SubscribeRequest;
    type Encoder = Self;
    type Decoder = ProstDecoder<v1::SubscribeRequest>;

    fn encoder(&mut self) -> Self {
        Self
    }

    fn decoder(&mut self) -> Self::Decoder {
        ProstDecoder::new(BufferSettings::default())
    }
}

impl Encoder for FrameCodec {
    type Item = Frame;
    type Error = Status;

    fn encode(&mut self, frame: Frame, to: &mut EncodeBuf<'_>) -> Result<(), Status> {
        frame.write(to);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use model::{
        Epoch, Event, EventBody, EventId, KeySeq, Origin, Position, RecordedEvent, RevisionNumber, Scope, SourceChange,
        SourceChangeKind,
    };
    use proptest::prelude::*;

    use super::*;
    use crate::tail::Shared;

    proptest! {
        #[test]
        fn readers_see_the_message(
            position in 1_u64..1 << 40,
            seen: u32,
            at in 0_i64..1 << 52,
            subject in ".{0,300}",
            reason in ".{0,40}",
            node in proptest::option::of("[a-z]{1,9}"),
            snapshot: bool,
            is_heartbeat: bool,
        ) {
            let (at, key) = (Time::from_micros(at), Arc::from("engine/1"));
            let id = EventId { epoch: Epoch(7), key, key_seq: KeySeq(position), ordinal: 3 };
            let source = Arc::from("mqtt");
            let body = EventBody::Source(SourceChange { source, change: SourceChangeKind::Down, of_gateway: false, since: at, reason });
            let (scope, revision) = (Scope { park: Some(Arc::from("p")), ..Scope::default() }, RevisionNumber(9));
            let event = Event { occurred_at: at, subject: Arc::from(subject), scope, revision, body };
            let origin = node.map(|node| Arc::new(Origin { node: Arc::from(node), recorded_at: at }));
            let recorded = RecordedEvent { id, position: Position(position), ordinal: 3, recorded_at: at, event, origin };
            let cursor = Cursor { seen, in_snapshot: snapshot, ..Cursor::after(Epoch(7), Position(position)) };
            let frame = if is_heartbeat {
                Frame::Heartbeat { cursor, at }
            } else {
                Frame::Event { events: Arc::new(vec![Shared::new(recorded)]), index: 0, cursor, snapshot }
            };
            let mut bytes = Vec::new();
            frame.write(&mut bytes);
            prop_assert_eq!(v1::SubscribeResponse::decode(bytes.as_slice()).expect("own bytes"), frame.message());
        }
    }
}
