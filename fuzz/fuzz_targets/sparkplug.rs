//! The decoder of Sparkplug B: payloads, and every value in them by every datatype. Accepted: a payload with at least one metric. Written
//! again, it reads as the same.
#![no_main]

use fuzz_targets::Tally;
use libfuzzer_sys::fuzz_target;
use sparkplug::{Datatype, Payload, Properties};

static TALLY: Tally = Tally::new();

fuzz_target!(|bytes: &[u8]| {
    let Ok(payload) = Payload::read(bytes) else { return TALLY.note(false) };
    let written = payload.write();
    let again = Payload::read(&written).expect("what was written is read");
    assert_eq!(again.write(), written);
    for metric in &payload.metrics {
        std::hint::black_box(Properties::of(metric));
        let Some(value) = &metric.value else { continue };
        for datatype in (1..=34).filter_map(Datatype::of) {
            std::hint::black_box(datatype.read(value));
        }
    }
    TALLY.note(!payload.metrics.is_empty());
});
