//! Every poison with its reason, and that valid messages read back.

use model::{PointNumber, Quality};
use proptest::prelude::*;

use super::*;

const NOW: Time = Time::from_micros(1_732_370_000_000_000);

fn tags() -> GatewayTags {
    GatewayTags::for_tests(&["P", "T"], &[("S", &[("open", 1.0), ("closed", 0.0)])])
}

fn decode_with(payload: &[u8], retained: bool) -> Decoded {
    let mut out = Decoded::default();
    Decoder::default().decode(payload, &tags(), Received { at: NOW, retained }, &mut out);
    out
}

fn decode(payload: impl AsRef<[u8]>) -> Decoded {
    decode_with(payload.as_ref(), false)
}

/// `P=1 T=-!` is point P with 1, then T without a value, bad; `?` is uncertain, `>` out of range.
fn show(decoded: &Decoded) -> String {
    let sample = |it: &Sample| {
        let name = ["P", "T", "S"][it.point.0 as usize - 1];
        let value = it.value.map_or_else(|| "-".to_owned(), |value| value.to_string());
        let quality = match it.quality {
            Quality::Good => "",
            Quality::Uncertain => "?",
            Quality::Bad => "!",
            Quality::Calibrating => "~",
        };
        format!("{name}={value}{quality}{}", if it.flags.out_of_range { ">" } else { "" })
    };
    decoded.samples.iter().map(sample).collect::<Vec<_>>().join(" ")
}

#[test]
#[expect(clippy::too_many_lines, reason = "a table")]
fn poison_is_named_and_the_rest_is_kept() {
    let deep = format!("{{\"values\":{{\"P\":{}1{},\"T\":2}}}}", "[".repeat(10_000), "]".repeat(10_000));
    let deep_unknown = format!("{{\"x\":{}{},\"values\":{{\"P\":1}}}}", "[".repeat(10_000), "]".repeat(10_000));
    let deep_message = format!("[{}{},{{\"values\":{{\"P\":1}}}}]", "[".repeat(10_000), "]".repeat(10_000));
    let big = " ".repeat(MAX_PAYLOAD_BYTES + 1);
    #[rustfmt::skip]
    let cases: &[(&str, &str, &str, usize)] = &[
        // payload, reasons, samples, messages
        ("", "empty", "", 0),
        (" \n", "empty", "", 0),
        (&big, "too_large", "", 0),
        ("{", "not_json", "", 0),
        ("hello", "not_json", "", 0),
        ("{\"values\":{\"P\":1}} x", "not_json", "", 0),
        ("[{\"values\":{\"P\":1}},{\"values\":", "not_json", "", 0),
        ("5", "not_json", "", 0),
        ("\"NaN\"", "not_json", "", 0),
        ("null", "not_json", "", 0),
        ("[]", "", "", 0),
        ("{}", "no_values", "", 1),
        ("{\"values\":{}}", "", "", 1),
        ("{\"values\":{\"P\":1}}", "", "P=1", 1),
        ("{\"values\":null,\"seq\":1}", "wrong_type", "", 1),
        ("{\"values\":[1]}", "wrong_type", "", 1),
        ("{\"values\":\"x\"}", "wrong_type", "", 1),
        ("[5,{\"values\":{\"P\":1}},null,\"x\",[1],true,-1,1.5]", "wrong_type*7", "P=1", 1),
        ("{\"values\":{\"P\":\"1\",\"T\":2}}", "wrong_type", "T=2", 1),
        ("{\"values\":{\"P\":\"Infinity\",\"T\":2}}", "wrong_type", "T=2", 1),
        ("{\"values\":{\"P\":true,\"T\":{\"v\":1},\"S\":[]}}", "wrong_type*3", "", 1),
        ("{\"values\":{\"P\":null,\"T\":2}}", "", "P=-! T=2", 1),
        ("{\"values\":{\"P\":NaN,\"T\":2}}", "not_a_number", "P=-! T=2", 1),
        ("{\"values\":{\"P\":-Infinity,\"T\":2}}", "not_a_number", "P=-! T=2", 1),
        ("{\"values\":{\"P\":1e999,\"T\":2}}", "not_a_number", "P=-! T=2", 1),
        ("{\"values\":{\"P\":-1e308,\"T\":5e-324}}", "", &format!("P={}> T={}", -1e308, 5e-324), 1),
        ("{\"values\":{\"P\":18446744073709551616,\"T\":-9223372036854775809}}", "", "P=18446744073709552000> T=-9223372036854776000>", 1),
        ("{\"values\":{\"P\":4000,\"T\":4000.0000001}}", "", "P=4000 T=4000.0000001>", 1),
        ("{\"values\":{\"S\":\"open\"}}", "", "S=1", 1),
        ("{\"values\":{\"S\":true}}", "", "S=1", 1),
        ("{\"values\":{\"S\":0}}", "", "S=0", 1),
        ("{\"values\":{\"S\":\"ajar\",\"P\":1}}", "unknown_state", "P=1", 1),
        ("{\"values\":{\"P\":1,\"P\":2,\"T\":3}}", "duplicate_key", "P=2? T=3", 1),
        ("{\"values\":{\"P\":1},\"values\":{\"T\":3}}", "", "P=1 T=3", 1),
        ("{\"ts\":1732370000000,\"ts\":1732370000001,\"values\":{\"P\":1}}", "duplicate_key", "P=1", 1),
        ("{\"ts\":0,\"values\":{\"P\":1}}", "time_out_of_range", "", 0),
        ("{\"ts\":946684799999,\"values\":{\"P\":1}}", "time_out_of_range", "", 0),
        ("{\"ts\":946684800000,\"values\":{\"P\":1}}", "", "P=1", 1),
        ("{\"ts\":4291747200000,\"values\":{\"P\":1}}", "time_out_of_range", "", 0),
        ("{\"ts\":1732456400000,\"values\":{\"P\":1}}", "", "P=1", 1),
        ("{\"ts\":1732456400001,\"values\":{\"P\":1}}", "time_out_of_range", "", 0),
        ("{\"ts\":1732370000,\"values\":{\"P\":1}}", "time_out_of_range", "", 0),
        ("{\"ts\":18446744073709551615,\"values\":{\"P\":1}}", "time_out_of_range", "", 0),
        ("{\"ts\":1e300,\"values\":{\"P\":1}}", "time_out_of_range", "", 0),
        ("{\"ts\":1e999,\"values\":{\"P\":1}}", "bad_time", "", 0),
        ("{\"ts\":-1,\"values\":{\"P\":1}}", "time_out_of_range", "", 0),
        ("{\"ts\":\"yesterday\",\"values\":{\"P\":1}}", "bad_time", "", 0),
        ("{\"ts\":\"2106-01-01T00:00:00Z\",\"values\":{\"P\":1}}", "time_out_of_range", "", 0),
        ("{\"ts\":true,\"values\":{\"P\":1}}", "bad_time", "", 0),
        ("{\"ts\":[1],\"values\":{\"P\":1}}", "bad_time", "", 0),
        ("[{\"ts\":0,\"values\":{\"P\":1}},{\"values\":{\"T\":1}}]", "time_out_of_range", "T=1", 1),
        ("{\"values\":{\"P\":1},\"quality\":{\"P\":\"BAD\"}}", "", "P=1!", 1),
        ("{\"quality\":{\"P\":\"uncertain\",\"T\":\"good\"},\"values\":{\"P\":1,\"T\":2}}", "", "P=1? T=2", 1),
        ("{\"values\":{\"P\":1},\"quality\":{\"P\":\"meh\"}}", "unknown_quality", "P=1?", 1),
        ("{\"values\":{\"P\":1},\"quality\":{\"P\":192}}", "unknown_quality", "P=1?", 1),
        ("{\"values\":{\"P\":1},\"quality\":\"good\"}", "wrong_type", "P=1", 1),
        ("{\"values\":{},\"quality\":{\"P\":\"bad\",\"T\":\"good\"}}", "", "P=-!", 1),
        ("{\"values\":{\"P\":5,\"T\":null},\"quality\":{\"P\":\"calibrating\",\"T\":\"calibrating\"}}", "", "P=5~ T=-~", 1),
        ("{\"values\":{},\"quality\":{\"P\":\"calibrating\"}}", "", "P=-~", 1),
        ("{\"values\":{\"P\":1},\"seq\":-1}", "bad_seq", "P=1", 1),
        ("{\"values\":{\"P\":1},\"seq\":\"1\"}", "bad_seq", "P=1", 1),
        ("{\"values\":{\"P\":1},\"seq\":null,\"x\":{\"y\":[1]}}", "", "P=1", 1),
        (&deep, "wrong_type", "T=2", 1),
        (&deep_unknown, "", "P=1", 1),
        (&deep_message, "wrong_type", "P=1", 1),
    ];
    for (payload, reasons, samples, messages) in cases {
        let decoded = decode(payload);
        let shown = &payload[..payload.len().min(100)];
        let (reason, count) = reasons.split_once('*').map_or((*reasons, 1), |(reason, n)| (reason, n.parse().unwrap()));
        let got: Vec<_> = decoded.faults.listed.iter().map(|it| it.reason.as_str()).collect();
        let want = if reason.is_empty() { Vec::new() } else { vec![reason; count] };
        assert_eq!((got, show(&decoded).as_str(), decoded.messages.len()), (want, *samples, *messages), "{shown}");
        assert_eq!(decoded.faulty > 0, !reason.is_empty(), "{shown}");
    }
    let decoded = decode(b"{\"values\":{\"P\":\"\xff\"}}");
    assert_eq!(decoded.faults.reason(), Some(Reason::InvalidUtf8));
}

#[test]
fn times_and_sequence_numbers_are_exact() {
    let times = [
        ("1732370000000", 1_732_370_000_000_000),
        ("1732370000000.25", 1_732_370_000_000_250),
        ("\"2024-11-23T21:53:20.123456+08:00\"", 1_732_370_000_123_456),
    ];
    for (ts, want) in times {
        let decoded = decode(format!("{{\"seq\":18446744073709551615,\"values\":{{\"P\":1}},\"ts\":{ts}}}"));
        assert_eq!(decoded.samples[0].time, Time::from_micros(want), "{ts}");
        assert!(!decoded.samples[0].flags.arrival_time && decoded.has_source_times());
        assert_eq!(decoded.messages[0].seq, Some(u64::MAX));
    }
    let decoded = decode("{\"values\":{\"P\":1},\"seq\":17.0,\"ts\":null}");
    assert_eq!((decoded.samples[0].time, decoded.messages[0].seq), (NOW, Some(17)));
    assert!(decoded.samples[0].flags.arrival_time && !decoded.has_source_times());
}

#[test]
fn a_retained_message_without_a_time_is_dropped() {
    let decoded = decode_with(b"[{\"values\":{\"P\":1}},{\"ts\":1732369999000,\"values\":{\"T\":1}}]", true);
    assert_eq!((show(&decoded).as_str(), decoded.retained_dropped, decoded.faulty), ("T=1", 1, 0));
    assert!(decoded.samples[0].flags.retained);
}

#[test]
fn faults_and_tags_are_bounded_and_counted() {
    let values: Vec<_> = (0..1_000).map(|n| format!("\"X{n}\":1")).collect();
    let decoded = decode(format!("{{\"values\":{{{}}}}}", values.join(",")));
    assert_eq!((decoded.unmapped.len(), decoded.unmapped_values), (MAX_UNMAPPED, 1_000));
    let decoded = decode(format!("[{}]", vec!["1"; 100].join(",")));
    assert_eq!((decoded.faults.listed.len(), decoded.faults.more, decoded.faulty), (MAX_FAULTS, 84, 100));
    assert!(decoded.faults.detail().ends_with("; and 84 more"));
    let decoded = decode(format!("{{\"values\":{{\"{}\":1,\"P\":\"{}\"}}}}", "化".repeat(500), "工".repeat(500)));
    assert_eq!((decoded.unmapped[0].tag.chars().count(), decoded.faults.listed[0].value.chars().count()), (MAX_TAG_CHARS, 80));
}

#[test]
fn the_field_is_named() {
    let decoded = decode("[{\"values\":{}},{\"values\":{\"P\":\"x\"}}]");
    let detail = decoded.faults.detail();
    assert!(detail.starts_with("[1].values.P: wrong_type: `x`: send "), "{detail}");
    let decoded = decode("{\"values\":{\"P\":NaN}}");
    assert!(decoded.faults.detail().starts_with("values.P: not_a_number: `NaN`: send null"), "{}", decoded.faults.detail());
}

#[test]
fn scratch_memory_does_not_leak_from_message_to_message() {
    let mut decoder = Decoder::default();
    let (tags, received, mut out) = (tags(), Received { at: NOW, retained: false }, Decoded::default());
    decoder.decode(b"{\"values\":{\"P\":1,\"T\":2},\"quality\":{\"P\":\"bad\"}}", &tags, received, &mut out);
    decoder.decode(b"{\"values\":{\"P\":3", &tags, received, &mut out);
    assert_eq!(show(&out), "");
    decoder.decode(b"[{\"values\":{\"P\":4}},{\"values\":{\"T\":5,\"P\":6}}]", &tags, received, &mut out);
    assert_eq!(show(&out), "P=4 T=5 P=6");
    assert_eq!(out.messages.iter().map(|it| it.samples).collect::<Vec<_>>(), [1, 2]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn valid_messages_read_back(
        millis in 946_684_800_000_i64..1_732_456_400_000,
        p in proptest::option::of(any::<f64>().prop_filter("finite", |it| it.is_finite())),
        t in -1e6_f64..1e6,
        seq in any::<u64>(),
        quality in 0..3_usize,
    ) {
        let quality = [Quality::Good, Quality::Uncertain, Quality::Bad][quality];
        let payload = serde_json::json!({
            "quality": {"T": quality.as_str()}, "values": {"P": p, "T": t}, "ts": millis, "seq": seq,
        });
        let decoded = decode(payload.to_string());
        prop_assert_eq!(decoded.faulty, 0);
        prop_assert_eq!(decoded.messages[0].seq, Some(seq));
        prop_assert_eq!(decoded.samples.len(), 2);
        let of = |number| *decoded.samples.iter().find(|it| it.point == PointNumber(number)).unwrap();
        let (first, second) = (of(1), of(2));
        prop_assert_eq!(first.value.map(f64::to_bits), p.map(f64::to_bits), "to the last bit: a value equal to its limit must meet it");
        prop_assert_eq!((second.value, second.quality), (Some(t), quality));
        prop_assert_eq!(first.time.micros(), millis * 1_000);
    }

    #[test]
    fn arbitrary_bytes_never_panic(payload in proptest::collection::vec(any::<u8>(), 0..256)) {
        decode_for_fuzzing(&payload);
    }

    #[test]
    fn near_json_never_panics(payload in r#"[\[{"]{0,3}(("values"|"quality"|"ts"|"seq"|"PI-101"|"a"|NaN|1e999|-1|true|null|[\]:,{}\["\\]){1,1}){0,24}"#) {
        decode_for_fuzzing(payload.as_bytes());
    }
}
