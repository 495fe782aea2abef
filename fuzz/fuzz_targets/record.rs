//! What is read back from journals: telemetry bodies, event records, frames. The first byte chooses. Accepted: it decoded; and then
//! what is written of it reads back as the same.
#![no_main]

use fuzz_targets::Tally;
use libfuzzer_sys::fuzz_target;

static TALLY: Tally = Tally::new();

fuzz_target!(|input: &[u8]| {
    let Some((choice, bytes)) = input.split_first() else { return };
    TALLY.note(match choice % 3 {
        0 => body(bytes),
        1 => events(bytes),
        _ => frame(bytes),
    });
});

fn body(bytes: &[u8]) -> bool {
    let Ok(body) = wire::decode_body(bytes) else { return false };
    let written = wire::encode_body(&body);
    let again = wire::decode_body(&written).expect("what was written is read");
    assert_eq!(wire::encode_body(&again), written);
    true
}

fn events(bytes: &[u8]) -> bool {
    let Ok(record) = wire::decode_event_record(bytes) else { return false };
    let written = wire::encode_event_record(&record);
    let again = wire::decode_event_record(&written).expect("what was written is read");
    assert_eq!(wire::encode_event_record(&again), written);
    true
}

/// The bytes as they are, and as a frame whose length and checksum hold: a fuzzer does not guess those.
fn frame(bytes: &[u8]) -> bool {
    const SALT: u64 = 7;
    let plain = journal::decode_frame(bytes, SALT).is_ok();
    let mut made = bytes[..bytes.len() & !7].to_vec();
    if made.len() < 16 {
        return plain;
    }
    let length = u32::try_from(made.len()).expect("the fuzzer's inputs are small");
    made[..4].copy_from_slice(&length.to_le_bytes());
    let sum = crc32c::crc32c_append(crc32c::crc32c_append(crc32c::crc32c(&SALT.to_le_bytes()), &made[..4]), &made[8..]);
    made[4..8].copy_from_slice(&sum.to_le_bytes());
    plain | journal::decode_frame(&made, SALT).is_ok()
}
