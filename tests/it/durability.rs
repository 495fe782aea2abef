//! Nothing is acknowledged before it is on the disk (traps 1), seen from outside: the order of system calls.

use harness::strace::{Call, Strace, Target};
use harness::{Davy, Mosquitto, Publisher, Store, acknowledge, alarms, samples, until, until_within};

use crate::sites::{TOPIC, level, message, now_ms, site};

const SLOW: usize = 10;
const BURST: usize = 200;

/// The value of the k-th message: found again in the journal as eight bytes.
fn value(k: usize) -> f64 {
    1_000.0 + f64::from(u32::try_from(k).expect("small")) + 0.123_456_789
}

/// Calls that write the bytes into a file of the journal.
fn journaled<'a>(calls: &'a [Call], bytes: &'a [u8]) -> impl Iterator<Item = &'a Call> {
    let in_journal = |call: &Call| matches!(&call.target, Target::File(path) if path.contains("/journal/"));
    calls.iter().filter(move |call| call.is_write() && in_journal(call) && contains(&call.bytes, bytes))
}

fn contains(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|window| window == part)
}

/// Whether a sync of the same file began after the write had come back and came back before the answer began.
fn covered(calls: &[Call], write: &Call, answer: &Call) -> bool {
    let covers =
        |sync: &&Call| sync.is_sync() && sync.target == write.target && sync.begin > write.end && sync.end < answer.begin;
    calls.iter().any(|call| covers(&call))
}

/// The MQTT packets of one direction of the broker's connection, each with the call that moved its last byte.
fn packets(calls: &[Call], broker: u16, read: bool) -> Vec<(u8, Vec<u8>, &Call)> {
    let mut packets = Vec::new();
    let mut stream: Vec<u8> = Vec::new();
    let moved =
        calls.iter().filter(|call| matches!(call.target, Target::Tcp(_, there) if there == broker) && call.is_read() == read);
    for call in moved {
        stream.extend(&call.bytes);
        while let Some((kind, body, rest)) = packet(&stream) {
            packets.push((kind, body.to_vec(), call));
            stream = rest.to_vec();
        }
    }
    packets
}

/// The first whole packet: its first byte, its body, what follows.
fn packet(stream: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (kind, rest) = stream.split_first()?;
    let (length, rest) = variable_length(rest)?;
    let (body, rest) = rest.split_at_checked(length)?;
    Some((*kind, body, rest))
}

fn variable_length(bytes: &[u8]) -> Option<(usize, &[u8])> {
    let last = bytes.iter().take(4).position(|byte| byte & 0x80 == 0)?;
    let length = bytes[..=last].iter().rev().fold(0, |length, byte| length << 7 | usize::from(byte & 0x7f));
    Some((length, &bytes[last + 1..]))
}

/// Packet identifier of a QoS 1 PUBLISH that carries this text.
fn publish_id(kind: u8, body: &[u8], text: &str) -> Option<[u8; 2]> {
    let topic = usize::from(u16::from_be_bytes(*body.first_chunk()?));
    let id = *body.get(2 + topic..)?.first_chunk()?;
    (kind & 0xf6 == 0x32 && contains(body, text.as_bytes())).then_some(id)
}

/// The acknowledgement of the message with this text, if it was sent.
fn acknowledgement<'a>(calls: &'a [Call], broker: u16, text: &str) -> Option<&'a Call> {
    let id = packets(calls, broker, true).into_iter().find_map(|(kind, body, _)| publish_id(kind, &body, text))?;
    let sent = packets(calls, broker, false).into_iter();
    sent.filter(|(kind, body, _)| *kind == 0x40 && body.starts_with(&id)).map(|(_, _, call)| call).next()
}

#[tokio::test(flavor = "multi_thread")]
async fn no_acknowledgement_leaves_before_its_bytes_are_synced() {
    let broker = Mosquitto::start(Store::None).await;
    let davy = Davy::start(&site(&[level("n", &["kind = \"high\"\nlimit = 1.0"])]), &broker.url()).await;
    let strace = Strace::attach(davy.process()).await;
    let mut gateway = Publisher::connect(broker.port(), "gw1");
    let (start, grpc) = (now_ms() - 60_000, davy.grpc());
    let text = |k: usize| message(start + i64::try_from(k).expect("small"), "n", value(k));
    for k in 0..SLOW {
        gateway.publish(TOPIC, text(k)).await;
        until("the sample is stored", async || (samples(&grpc, &["n"]).await.len() > k).then_some(())).await;
    }
    for k in SLOW..SLOW + BURST {
        gateway.publish(TOPIC, text(k)).await;
    }
    let last = text(SLOW + BURST - 1);
    let within = std::time::Duration::from_secs(60);
    let calls = until_within(within, "the last message is acknowledged", async || {
        let calls = strace.calls();
        acknowledgement(&calls, broker.port(), &last).is_some().then_some(calls)
    })
    .await;
    for k in 0..SLOW + BURST {
        let bytes = value(k).to_le_bytes();
        let write = journaled(&calls, &bytes).next().unwrap_or_else(|| panic!("message {k} was written to the journal"));
        let answer = acknowledgement(&calls, broker.port(), &text(k)).unwrap_or_else(|| panic!("message {k} was acknowledged"));
        assert!(covered(&calls, write, answer), "message {k} was acknowledged before it was synced\n{write:?}\n{answer:?}");
    }
    a_command_is_answered_when_it_is_durable(&davy, &strace, broker.port()).await;
}

async fn a_command_is_answered_when_it_is_durable(davy: &Davy, strace: &Strace, broker: u16) {
    let grpc = davy.grpc();
    let alarm = until("the alarm is listed", async || alarms(&grpc).await.pop()).await;
    let request = "request-0a1b2c3d";
    let answer = acknowledge(&grpc, &alarm, request).await.expect("what is listed can be acknowledged");
    let told = |call: &&Call| {
        let to_a_client = matches!(call.target, Target::Tcp(_, there) if there != broker);
        to_a_client && call.is_write() && contains(&call.bytes, answer.event_id.as_bytes())
    };
    let calls = until("the answer is seen by strace", async || {
        let calls = strace.calls();
        calls.iter().any(|call| told(&call)).then_some(calls)
    })
    .await;
    let answer = calls.iter().find(told).expect("it was there a moment ago");
    let writes: Vec<_> = journaled(&calls, request.as_bytes()).filter(|write| write.begin < answer.begin).collect();
    assert!(writes.len() >= 2, "the command and its outcome were written before the answer: {}", writes.len());
    for write in writes {
        assert!(covered(&calls, write, answer), "answered before it was synced: {write:?}");
    }
}

/// The check itself can fail: an acknowledgement between the write and the end of its sync is seen.
#[test]
fn an_early_acknowledgement_would_be_seen() {
    let call = |name: &str, target: &Target, begin, end| Call {
        name: name.to_owned(),
        target: target.clone(),
        bytes: Vec::new(),
        begin,
        end,
    };
    let (file, other, socket) = (Target::File("/j".to_owned()), Target::File("/k".to_owned()), Target::Tcp(1, 2));
    let write = call("pwrite64", &file, 1, 2);
    let told = |sync: Call, answer| covered(&[write.clone(), sync], &write, &call("sendto", &socket, answer, answer));
    assert!(told(call("fdatasync", &file, 3, 5), 6));
    assert!(!told(call("fdatasync", &file, 3, 5), 4), "answered while it was still syncing");
    assert!(!told(call("fdatasync", &file, 0, 5), 6), "the sync began before the write was there");
    assert!(!told(call("fdatasync", &other, 3, 5), 6), "another file");
    let publish = [0x32, 11, 0, 1, b't', 0, 7, 0, b'h', b'e', b'l', b'l', b'o', 0x40, 2, 0, 7];
    let (kind, body, rest) = packet(&publish).expect("a whole packet");
    assert_eq!(publish_id(kind, body, "hello"), Some([0, 7]));
    assert_eq!(packet(rest), Some((0x40, [0, 7].as_slice(), [].as_slice())));
}
