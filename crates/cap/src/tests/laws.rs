//! What holds for every alert and for every input.

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;

use super::*;

fn text() -> impl Strategy<Value = Text> {
    "[ -~\\t\\n“疏散😀&<>\"']{0,12}[a-z氯\\]]".prop_map(|it| Text::new(&it).unwrap())
}

fn token() -> impl Strategy<Value = Token> {
    "[!-%'-+--;=-~园]{1,12}".prop_map(|it| Token::new(&it).unwrap())
}

fn listed() -> impl Strategy<Value = Listed> {
    "[a-z@氯,&<]{1,5}( [a-z]{1,5}){0,2}".prop_map(|it| Listed::new(&it).unwrap())
}

fn word<T: Copy + std::fmt::Debug + 'static>(all: &'static [T]) -> impl Strategy<Value = T> {
    proptest::sample::select(all)
}

fn stamp() -> impl Strategy<Value = Stamp> {
    let offset = prop_oneof![Just(Offset::UTC), (-840..=840_i16).prop_map(|it| Offset::minutes(it).unwrap())];
    (-30_000_000_000..200_000_000_000_i64, offset)
        .prop_map(|(seconds, offset)| Stamp::new(model::Time::from_micros(seconds * 1_000_000), offset).unwrap())
}

fn point() -> impl Strategy<Value = Point> {
    (-90.0..=90.0, -180.0..=180.0).prop_map(|(lat, lon)| Point::new(lat, lon).unwrap())
}

fn polygon() -> impl Strategy<Value = Polygon> {
    vec(point(), 3..8).prop_map(|mut points| {
        points.push(points[0]);
        Polygon::new(points).unwrap()
    })
}

fn circle() -> impl Strategy<Value = Circle> {
    (point(), 0.0..20_000.0).prop_map(|(centre, radius)| Circle::new(centre, radius).unwrap())
}

fn named() -> impl Strategy<Value = Named> {
    (text(), text()).prop_map(|(name, value)| Named { name, value })
}

fn reference() -> impl Strategy<Value = Reference> {
    (token(), token(), stamp()).prop_map(|(sender, identifier, sent)| Reference { sender, identifier, sent })
}

fn resource() -> impl Strategy<Value = Resource> {
    let uri = option::of("[a-z/?=&-]{1,20}(%2F#a:)?".prop_map(|it| Uri::new(&it).unwrap()));
    (text(), text(), option::of(any::<u64>()), uri, option::of(text()), option::of(text()))
        .prop_map(|(desc, mime_type, size, uri, deref_uri, digest)| Resource { desc, mime_type, size, uri, deref_uri, digest })
}

fn area() -> impl Strategy<Value = Area> {
    let height = option::of((-1e6..=1e6, option::of(-1e6..=1e6)));
    (text(), vec(polygon(), 0..3), vec(circle(), 0..3), vec(named(), 0..3), height).prop_map(
        |(desc, polygon, circle, geocode, height)| Area {
            desc,
            polygon,
            circle,
            geocode,
            altitude: height.map(|(altitude, _): (f64, _)| Decimal::new(altitude).unwrap()),
            ceiling: height.and_then(|(_, ceiling)| ceiling).map(|it: f64| Decimal::new(it).unwrap()),
        },
    )
}

fn info() -> impl Strategy<Value = Info> {
    let words = (
        vec(word(Category::ALL), 1..3),
        vec(word(ResponseType::ALL), 0..3),
        word(Urgency::ALL),
        word(Severity::ALL),
        word(Certainty::ALL),
    );
    let stamps = (option::of(stamp()), option::of(stamp()), option::of(stamp()));
    let texts = (text(), option::of(text()), option::of(text()), option::of(text()), option::of(text()), option::of(text()));
    let lists = (vec(named(), 0..3), vec(named(), 0..3), vec(resource(), 0..2), vec(area(), 0..3));
    let language = option::of("[a-z]{2}(-[A-Z]{2})?".prop_map(|it| Language::new(&it).unwrap()));
    (words, stamps, texts, lists, language).prop_map(|(words, stamps, texts, lists, language)| Info {
        language,
        category: words.0,
        event: texts.0,
        response_type: words.1,
        urgency: words.2,
        severity: words.3,
        certainty: words.4,
        audience: texts.1.clone(),
        event_code: lists.0,
        effective: stamps.0,
        onset: stamps.1,
        expires: stamps.2,
        sender_name: texts.1,
        headline: texts.2,
        description: texts.3,
        instruction: texts.4,
        web: language_page(),
        contact: texts.5,
        parameter: lists.1,
        resource: lists.2,
        area: lists.3,
    })
}

fn language_page() -> Option<Uri> {
    Some(Uri::new("https://例子.example/a?b=1&c='2'").unwrap())
}

fn alert() -> impl Strategy<Value = Alert> {
    let words = (word(Status::ALL), word(MsgType::ALL), word(Scope::ALL));
    let texts = (option::of(text()), text(), vec(text(), 0..3), option::of(text()));
    let lists = (vec(listed(), 1..3), vec(reference(), 1..4), vec(listed(), 0..3), vec(info(), 1..3));
    (token(), token(), stamp(), words, texts, lists).prop_map(|(identifier, sender, sent, words, texts, lists)| {
        let message = Message {
            identifier,
            sender,
            sent,
            status: words.0,
            msg_type: words.1,
            source: texts.0,
            scope: words.2,
            restriction: Some(texts.1).filter(|_| words.2 == Scope::Restricted),
            addresses: lists.0,
            code: texts.2,
            note: texts.3,
            references: lists.1,
            incidents: lists.2,
            info: if words.1 == MsgType::Ack { Vec::new() } else { lists.3 },
        };
        Alert::new(message).unwrap()
    })
}

proptest! {
    #[test]
    fn what_is_written_is_read_as_the_same(alert in alert()) {
        let text = encode(&alert).unwrap();
        let decoded = decode(text.as_bytes());
        prop_assert_eq!(decoded, Ok(Decoded { alert, signed: false, skipped: 0 }), "{}", text);
    }

    #[test]
    fn no_bytes_panic(bytes in vec(any::<u8>(), 0..200)) {
        prop_assert!(decode(&bytes).is_err());
    }

    #[test]
    fn no_change_of_an_alert_panics(at in 0..FOREIGN.len(), length in 0..40_usize, with in "[<>/&;a-z\"'=\\[\\]!-]{0,6}") {
        let (head, tail) = (&FOREIGN[..at], &FOREIGN[(at + length).min(FOREIGN.len())..]);
        if let Ok(decoded) = decode(format!("{head}{with}{tail}").as_bytes()) {
            let text = encode(&decoded.alert).unwrap();
            prop_assert_eq!(decode(text.as_bytes()).unwrap().alert, decoded.alert);
        }
    }
}
