//! The decoder of CAP: any bytes as a message. Accepted: an alert. Written again, it reads as the same.
#![no_main]

use fuzz_targets::Tally;
use libfuzzer_sys::fuzz_target;

static TALLY: Tally = Tally::new();

fuzz_target!(|bytes: &[u8]| {
    let Ok(decoded) = cap::decode(bytes) else { return TALLY.note(false) };
    // Escapes may make it longer than what is read.
    if let Ok(written) = cap::encode(&decoded.alert) {
        let again = cap::decode(written.as_bytes()).expect("what was written is read");
        assert_eq!(again.alert, decoded.alert);
    }
    TALLY.note(true);
});
