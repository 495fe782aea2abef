//! Every poison with its reason, that valid messages read back, and how a stream answers.

use model::{GatewayPath, PointNumber, Quality, Sample, Time};
use proptest::prelude::*;
use prost::Message as _;
use tokio::sync::mpsc;
use wire::v1;
use wire::v1::tag_value::Value;

use super::answer::{Answers, Pending};
use super::decode::{decode, decode_for_fuzzing};
use super::gateways::Page;
use super::{Pushed, Taken};
use crate::json::{Decoded, MAX_UNMAPPED};
use crate::link::{Ack, Arrival};
use crate::{GatewayTags, MAX_FAULTS, PushReceiver, Receipt, push_link};

const NOW: Time = Time::from_micros(1_732_370_000_000_000);

fn value(tag: &str, value: impl Into<Option<Value>>) -> v1::TagValue {
    v1::TagValue { tag: tag.to_owned(), value: value.into(), ..v1::TagValue::default() }
}

fn request(values: Vec<v1::TagValue>) -> v1::PushSamplesRequest {
    v1::PushSamplesRequest { sequence: 1, time: Some(wire::time_to_v1(NOW)), values, ..v1::PushSamplesRequest::default() }
}

fn read(request: &v1::PushSamplesRequest) -> (Decoded, Vec<String>) {
    let tags = GatewayTags::for_tests(&["P", "T"], &[("S", &[("open", 1.0), ("closed", 0.0)])]);
    let mut out = Decoded::default();
    let faulty = decode(request, &tags, NOW, &mut out);
    (out, faulty)
}

/// `P=1 T=-!` is point P with 1, then T without a value, bad; `?` is uncertain, `>` out of range, `h` historical, `a` of arrival.
fn show(decoded: &Decoded) -> String {
    let sample = |it: &Sample| {
        let name = ["P", "T", "S"][it.point.0 as usize - 1];
        let value = it.value.map_or_else(|| "-".to_owned(), |value| value.to_string());
        let quality = ["", "?", "!"][it.quality as usize];
        let flags = [(it.flags.out_of_range, ">"), (it.flags.historical, "h"), (it.flags.arrival_time, "a")];
        let flags: String = flags.iter().filter(|it| it.0).map(|it| it.1).collect();
        format!("{name}={value}{quality}{flags}")
    };
    decoded.samples.iter().map(sample).collect::<Vec<_>>().join(" ")
}

#[test]
fn poison_is_named_and_the_rest_is_kept() {
    let (number, text) = (Value::Number, |it: &str| Value::Text(it.to_owned()));
    let with_quality = |quality: i32| v1::TagValue { quality, ..value("P", number(1.0)) };
    let at = |seconds: i64| v1::TagValue { time: Some(prost_types::Timestamp { seconds, nanos: 0 }), ..value("P", number(1.0)) };
    #[rustfmt::skip]
    let cases = [
        // value, what is wrong, with which field, what becomes of it
        (value("P", number(1.0)), "", "", "P=1"),
        (value("P", number(f64::NAN)), "not_a_number", "values[0].number", "P=-!"),
        (value("P", number(f64::NEG_INFINITY)), "not_a_number", "values[0].number", "P=-!"),
        (value("P", number(4_000.5)), "", "", "P=4000.5>"),
        (value("P", Value::Integer(-7)), "", "", "P=-7>"),
        (value("P", Value::Null(0)), "", "", "P=-!"),
        (value("P", None), "wrong_type", "values[0].value", ""),
        (value("P", text("1")), "wrong_type", "values[0].text", ""),
        (value("P", Value::Boolean(true)), "wrong_type", "values[0].boolean", ""),
        (value("", number(1.0)), "wrong_type", "values[0].tag", ""),
        (value("S", text("open")), "", "", "S=1"),
        (value("S", Value::Boolean(false)), "", "", "S=0"),
        (value("S", number(1.0)), "", "", "S=1"),
        (value("S", text("ajar")), "unknown_state", "values[0].text", ""),
        (with_quality(0), "", "", "P=1"),
        (with_quality(2), "", "", "P=1?"),
        (with_quality(3), "", "", "P=1!"),
        (with_quality(99), "unknown_quality", "values[0].quality", "P=1?"),
        (at(0), "time_out_of_range", "values[0].time", ""),
        (at(i64::MAX), "time_out_of_range", "values[0].time", ""),
        (at(NOW.micros() / 1_000_000 + 86_401), "time_out_of_range", "values[0].time", ""),
        (at(NOW.micros() / 1_000_000 + 86_400), "", "", "P=1"),
    ];
    for (first, reason, field, want) in cases {
        let shown = format!("{first:?}");
        let tag = first.tag.clone();
        let (decoded, tags) = read(&request(vec![first, value("T", number(2.0))]));
        let kept = if want.is_empty() { "T=2".to_owned() } else { format!("{want} T=2") };
        assert_eq!(show(&decoded), kept, "{shown}");
        let told: Vec<_> = decoded.faults.listed.iter().map(|it| (it.reason.as_str(), it.field.as_str())).collect();
        let wanted = if reason.is_empty() { Vec::new() } else { vec![(reason, field)] };
        assert_eq!(told, wanted, "{shown}");
        assert_eq!(tags, vec![tag; wanted.len()], "{shown}");
    }
}

#[test]
fn a_message_that_cannot_be_taken_keeps_its_number() {
    let mut message = request(vec![value("P", Value::Number(1.0))]);
    message.time = Some(prost_types::Timestamp { seconds: 86_400, nanos: 0 });
    let (decoded, tags) = read(&message);
    assert_eq!((show(&decoded).as_str(), decoded.messages[0].seq, decoded.faulty), ("", Some(1), 1));
    assert_eq!((decoded.faults.listed[0].field.as_str(), tags), ("time", vec![String::new()]));
    let (decoded, _) = read(&v1::PushSamplesRequest { historical: true, time: None, ..message.clone() });
    assert_eq!(decoded.faults.reason().map(crate::Reason::as_str), Some("historical_without_time"));
    let (decoded, _) = read(&v1::PushSamplesRequest { time: None, sequence: 0, ..message });
    assert_eq!((show(&decoded).as_str(), decoded.messages[0].seq, decoded.has_source_times()), ("P=1a", None, false));
}

#[test]
fn a_tag_named_twice_is_doubtful_and_unmapped_ones_are_bounded() {
    let (decoded, _) = read(&request(vec![value("P", Value::Number(1.0)), value("P", Value::Number(2.0))]));
    assert_eq!((show(&decoded).as_str(), decoded.faults.reason()), ("P=2?", Some(crate::Reason::DuplicateKey)));
    let strangers = (0..300).map(|n| value(&format!("X{n}"), Value::Boolean(true))).collect();
    let (decoded, _) = read(&request(strangers));
    assert_eq!((decoded.unmapped.len(), decoded.unmapped_values, decoded.unmapped[0].datatype), (MAX_UNMAPPED, 300, "boolean"));
    let wrong = (0..100).map(|_| value("P", None)).collect();
    let (decoded, tags) = read(&request(wrong));
    assert_eq!((decoded.faults.listed.len(), tags.len(), decoded.faults.more), (MAX_FAULTS, MAX_FAULTS, 84));
}

#[test]
fn a_repeat_is_told_by_gateway_number_and_content() {
    let pushed = |gateway: &str, request: v1::PushSamplesRequest| {
        Pushed::samples(GatewayPath::new(gateway).expect("valid"), request).digest()
    };
    let first = request(vec![value("P", Value::Number(1.0))]);
    let same = v1::PushSamplesRequest { gateway: "park/e01/gw1".to_owned(), ..first.clone() };
    assert_eq!(pushed("park/e01/gw1", first.clone()), pushed("park/e01/gw1", same), "named again or left out");
    let others = [
        pushed("park/e01/gw2", first.clone()),
        pushed("park/e01/gw1", v1::PushSamplesRequest { sequence: 2, ..first.clone() }),
        pushed("park/e01/gw1", request(vec![value("P", Value::Number(2.0))])),
    ];
    assert!(others.iter().all(|other| *other != pushed("park/e01/gw1", first.clone())));
}

/// Hands messages over as a reader does, and lets them settle as the writer would.
struct Stream {
    handle: crate::PushHandle,
    receiver: PushReceiver,
    pending: mpsc::Sender<Pending>,
    acks: Vec<Ack>,
}

impl Stream {
    fn new() -> (Self, Answers) {
        let (handle, receiver) = push_link();
        let (pending, waiting) = mpsc::channel(100);
        (Self { handle, receiver, pending, acks: Vec::new() }, Answers::new(waiting))
    }

    async fn send(&mut self, gateway: &str, sequence: u64) {
        let gateway = GatewayPath::new(gateway).expect("valid");
        let request = v1::PushSamplesRequest { sequence, ..v1::PushSamplesRequest::default() };
        let pushed = if sequence == 0 { Pushed::opening(gateway.clone()) } else { Pushed::samples(gateway.clone(), request) };
        let opening = pushed.is_opening();
        let pushing = self.handle.push(pushed).await.expect("the queue is there");
        self.pending.send(Pending { gateway, sequence, opening, pushing }).await.expect("somebody answers");
        let Some(Arrival::Delivery(delivery)) = self.receiver.queue.recv().await else { panic!("a delivery") };
        self.acks.push(delivery.ack);
    }

    fn settle(&mut self, count: usize, refused: bool) {
        for ack in self.acks.drain(..count) {
            let Ack::Push { tell, .. } = ack else { panic!("a push") };
            let refusals = if refused { vec![v1::Refusal::default()] } else { Vec::new() };
            let receipt = Receipt { seq: Some(9), ..Receipt::default() };
            tell.send(Taken { refusals, receipt, ..Taken::default() }).expect("somebody waits");
        }
    }
}

fn told(response: &v1::PushSamplesResponse) -> (&str, u64, u64, Vec<u64>) {
    let refused = response.refusals.iter().map(|it| it.sequence).collect();
    (&response.gateway, response.acknowledged_sequence, response.acknowledged_messages, refused)
}

#[tokio::test]
async fn what_settles_together_is_one_response() {
    let (mut stream, mut answers) = Stream::new();
    for sequence in [0, 7, 8, 9] {
        stream.send("park/e01/gw1", sequence).await;
    }
    stream.send("park/e01/gw2", 1).await;
    stream.settle(3, true);
    let response = answers.next().await.expect("where it stands");
    assert_eq!((response.last_sequence, response.acknowledged_sequence, response.acknowledged_messages), (9, 0, 0));
    let response = answers.next().await.expect("two have settled");
    assert_eq!(told(&response), ("park/e01/gw1", 8, 2, vec![7, 8]));
    stream.settle(2, false);
    let response = answers.next().await.expect("one more of this gateway");
    assert_eq!(told(&response), ("park/e01/gw1", 9, 3, vec![]));
    let response = answers.next().await.expect("the other gateway");
    assert_eq!(told(&response), ("park/e01/gw2", 1, 4, vec![]));
    drop(stream);
    assert!(answers.next().await.is_none() && !answers.is_cut());
}

#[tokio::test]
async fn nothing_is_acknowledged_behind_one_that_never_settled() {
    let (mut stream, mut answers) = Stream::new();
    for sequence in [1, 2, 3] {
        stream.send("park/e01/gw1", sequence).await;
    }
    let second = stream.acks.remove(1);
    stream.settle(2, false);
    drop(second);
    assert_eq!(answers.next().await.map(|it| it.acknowledged_sequence), Some(1));
    assert!(answers.next().await.is_none() && answers.is_cut());
}

#[test]
fn lists_are_paged_and_filtered() {
    let report = |protocol, path: &str| crate::report::Book::default().report(protocol, path, None, NOW);
    use model::Protocol::{Grpc, Mqtt};
    let reports = [report(Grpc, "p/e/b"), report(Mqtt, "p/e/z"), report(Grpc, "p/e/a")];
    let page = |request: v1::ListGatewaysRequest| Page::check(&request).map(|page| page.of(&reports)).map_err(|it| it.field);
    let first = page(v1::ListGatewaysRequest { page_size: 2, ..v1::ListGatewaysRequest::default() }).expect("well formed");
    let paths = |page: &v1::ListGatewaysResponse| page.gateways.iter().map(|it| it.path.clone()).collect::<Vec<_>>();
    assert_eq!((paths(&first), first.total_size), (vec!["p/e/a".to_owned(), "p/e/b".to_owned()], 3));
    let next = v1::ListGatewaysRequest { page_token: first.next_page_token, ..v1::ListGatewaysRequest::default() };
    let last = page(next).expect("well formed");
    assert_eq!((paths(&last), last.next_page_token.as_str()), (vec!["p/e/z".to_owned()], ""));
    let mqtt = v1::ListGatewaysRequest { protocol: "mqtt".to_owned(), ..v1::ListGatewaysRequest::default() };
    assert_eq!(page(mqtt).expect("well formed").total_size, 1);
    for (request, field) in [
        (v1::ListGatewaysRequest { page_size: -1, ..v1::ListGatewaysRequest::default() }, "page_size"),
        (v1::ListGatewaysRequest { page_token: "x".to_owned(), ..v1::ListGatewaysRequest::default() }, "page_token"),
        (v1::ListGatewaysRequest { protocol: "opc".to_owned(), ..v1::ListGatewaysRequest::default() }, "protocol"),
    ] {
        assert_eq!(page(request), Err(Some(field)));
    }
}

#[test]
fn a_page_ends_before_it_is_longer_than_clients_take() {
    let mut book = crate::report::Book::default();
    for n in 0..512 {
        let name = format!("{n:064}");
        book.stray(&crate::report::Stray { tag: &name, value: format!("{n:080}"), ..crate::report::Stray::default() });
    }
    let reports: Vec<_> = (0..100).map(|n| book.report(model::Protocol::Grpc, &format!("p/e/{n:03}"), None, NOW)).collect();
    let (mut seen, mut request) = (0, v1::ListGatewaysRequest::default());
    loop {
        let page = Page::check(&request).expect("well formed").of(&reports);
        assert!(page.encoded_len() < 4 * 1024 * 1024 && !page.gateways.is_empty(), "{}", page.encoded_len());
        assert!(page.gateways.len() < 100, "they are too long for one page");
        seen += page.gateways.len();
        if page.next_page_token.is_empty() {
            break;
        }
        request.page_token = page.next_page_token;
    }
    assert_eq!(seen, 100);
}

#[test]
fn a_message_counts_what_it_takes_and_holds_no_more_than_it_may() {
    let empty = |count: usize| request(vec![v1::TagValue::default(); count]);
    let pushed = Pushed::samples(GatewayPath::new("park/e01/gw1").expect("valid"), empty(20_001));
    assert!(pushed.bytes() > 20_000 * size_of::<v1::TagValue>(), "{}", pushed.bytes());
    let mut values = vec![value("P", Value::Number(1.0))];
    values.resize(20_001, value("X", Value::Number(1.0)));
    let (decoded, _) = read(&request(values.clone()));
    assert_eq!((show(&decoded).as_str(), decoded.faults.reason()), ("", Some(crate::Reason::TooManyValues)));
    assert_eq!(decoded.messages[0].seq, Some(1), "it came all the same");
    values.pop();
    assert_eq!(show(&read(&request(values)).0), "P=1");
}

fn any_value() -> impl Strategy<Value = v1::TagValue> {
    let tag = prop_oneof![Just("PI-101"), Just("TI-1"), Just("XV-1"), Just("else"), Just("")];
    let value = prop_oneof![
        any::<f64>().prop_map(|it| Some(Value::Number(it))),
        "open|ajar".prop_map(|it| Some(Value::Text(it))),
        any::<bool>().prop_map(|it| Some(Value::Boolean(it))),
        any::<i64>().prop_map(|it| Some(Value::Integer(it))),
        Just(Some(Value::Null(0))),
        Just(None),
    ];
    let time = proptest::option::of((any::<i64>(), any::<i32>()));
    (tag, value, -1..6_i32, time).prop_map(|(tag, value, quality, time)| v1::TagValue {
        tag: tag.to_owned(),
        value,
        quality,
        time: time.map(|(seconds, nanos)| prost_types::Timestamp { seconds, nanos }),
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn valid_messages_read_back(
        micros in 946_684_800_000_000_i64..1_732_456_400_000_000,
        p in any::<f64>().prop_filter("finite", |it| it.is_finite()),
        t in any::<i32>(),
        sequence in 1..u64::MAX,
        historical: bool,
    ) {
        let values = vec![value("P", Value::Number(p)), value("T", Value::Integer(i64::from(t)))];
        let time = Some(wire::time_to_v1(Time::from_micros(micros)));
        let sent = v1::PushSamplesRequest { sequence, time, historical, values, ..v1::PushSamplesRequest::default() };
        let received = v1::PushSamplesRequest::decode(&*sent.encode_to_vec()).expect("what was encoded");
        let (decoded, faulty) = read(&received);
        prop_assert!(faulty.is_empty() && decoded.faulty == 0);
        prop_assert_eq!((decoded.messages[0].seq, decoded.messages[0].samples), (Some(sequence), 2));
        let (first, second) = (decoded.samples[0], decoded.samples[1]);
        prop_assert_eq!((first.point, first.value.map(f64::to_bits)), (PointNumber(1), Some(p.to_bits())));
        prop_assert_eq!((second.value, second.quality), (Some(f64::from(t)), Quality::Good));
        prop_assert!(decoded.samples.iter().all(|it| it.time.micros() == micros && it.flags.historical == historical));
    }

    #[test]
    fn whatever_a_message_says_holds_the_laws(values in proptest::collection::vec(any_value(), 0..40), sequence: u64, historical: bool) {
        let message = v1::PushSamplesRequest { sequence, historical, values, ..v1::PushSamplesRequest::default() };
        decode_for_fuzzing(&message.encode_to_vec());
    }

    #[test]
    fn arbitrary_bytes_never_panic(payload in proptest::collection::vec(any::<u8>(), 0..256)) {
        decode_for_fuzzing(&payload);
    }
}
