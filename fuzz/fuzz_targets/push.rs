//! A message pushed over gRPC: bytes to protobuf to samples. Accepted: at least one sample came out.
#![no_main]

use fuzz_targets::Tally;
use libfuzzer_sys::fuzz_target;

static TALLY: Tally = Tally::new();

fuzz_target!(|payload: &[u8]| {
    TALLY.note(ingest::decode_push_for_fuzzing(payload) > 0);
});
