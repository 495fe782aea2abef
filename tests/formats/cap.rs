//! CAP and other people's readers: the OASIS schema says of every file what the standard says, and data bindings that know nothing of
//! Davy see the same fields.

use std::path::{Path, PathBuf};

use ::cap::{
    Alert, Area, Audience, Circle, Colour, Info, Kind, Language, Listed, Locality, Named, Offset, Point, Polygon, Resource,
    Stamp, Subject, Text, Token, Uri, Warning, Words, decode, encode,
};
use harness::foreign::python;
use model::{Location, Span, Time};
use serde_json::{Value, json};

/// What the foreign readers make of files: a line of JSON for each.
fn read(files: &[PathBuf]) -> Vec<Value> {
    let output = python(".venv-formats", "tests/foreign/cap_reader.py").args(files).output().expect("python runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).expect("JSON is UTF-8");
    let lines: Vec<_> = text.lines().map(|line| serde_json::from_str(line).expect("a line of JSON")).collect();
    assert_eq!(lines.len(), files.len(), "a line for each file");
    lines
}

fn golden() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../crates/cap/tests/golden");
    let entries = std::fs::read_dir(folder).expect("the golden files");
    let mut files: Vec<_> = entries.map(|entry| entry.expect("an entry").path()).collect();
    files.sort();
    assert!(files.len() >= 10, "the walk found only {} files", files.len());
    files
}

fn text(text: Option<&Text>) -> Option<&str> {
    text.map(Text::as_str)
}

fn stamp(stamp: Stamp) -> Value {
    json!([stamp.time().micros() / 1_000_000, stamp.offset().get()])
}

fn named(values: &[Named]) -> Vec<[&str; 2]> {
    values.iter().map(|it| [it.name.as_str(), it.value.as_str()]).collect()
}

fn polygon(polygon: &Polygon) -> Vec<[f64; 2]> {
    polygon.points().iter().map(|it| [it.lat(), it.lon()]).collect()
}

fn circle(circle: &Circle) -> [f64; 3] {
    [circle.centre().lat(), circle.centre().lon(), circle.radius_km()]
}

fn area(area: &Area) -> Value {
    json!({
        "areaDesc": area.desc.as_str(),
        "polygon": area.polygon.iter().map(polygon).collect::<Vec<_>>(),
        "circle": area.circle.iter().map(circle).collect::<Vec<_>>(),
        "geocode": named(&area.geocode),
        "altitude": area.altitude.map(|it| it.get()),
        "ceiling": area.ceiling.map(|it| it.get()),
    })
}

fn resource(it: &Resource) -> Value {
    let uri = it.uri.as_ref().map(Uri::as_str);
    json!([it.desc.as_str(), it.mime_type.as_str(), it.size, uri, text(it.deref_uri.as_ref()), text(it.digest.as_ref())])
}

fn info(info: &Info) -> Value {
    let texts = [&info.sender_name, &info.headline, &info.description, &info.instruction].map(|it| text(it.as_ref()));
    let [sender_name, headline, description, instruction] = texts;
    let web = info.web.as_ref().map(Uri::as_str);
    json!({
        "language": info.language.as_ref().map(Language::as_str),
        "category": info.category.iter().map(|it| it.as_str()).collect::<Vec<_>>(),
        "event": info.event.as_str(),
        "responseType": info.response_type.iter().map(|it| it.as_str()).collect::<Vec<_>>(),
        "grade": [info.urgency.as_str(), info.severity.as_str(), info.certainty.as_str()],
        "audience": text(info.audience.as_ref()),
        "eventCode": named(&info.event_code),
        "times": [info.effective.map(stamp), info.onset.map(stamp), info.expires.map(stamp)],
        "texts": [sender_name, headline, description, instruction, web, text(info.contact.as_ref())],
        "parameter": named(&info.parameter),
        "resource": info.resource.iter().map(resource).collect::<Vec<_>>(),
        "area": info.area.iter().map(area).collect::<Vec<_>>(),
    })
}

/// The fields of an alert as the script names them.
fn fields(alert: &Alert) -> Value {
    let listed = |items: &[Listed]| items.iter().map(|it| it.as_str().to_owned()).collect::<Vec<_>>();
    let references: Vec<_> =
        alert.references.iter().map(|it| json!([it.sender.as_str(), it.identifier.as_str(), stamp(it.sent)])).collect();
    json!({
        "identifier": alert.identifier.as_str(),
        "sender": alert.sender.as_str(),
        "sent": stamp(alert.sent),
        "kind": [alert.status.as_str(), alert.msg_type.as_str(), alert.scope.as_str()],
        "source": text(alert.source.as_ref()),
        "restriction": text(alert.restriction.as_ref()),
        "addresses": listed(&alert.addresses),
        "code": alert.code.iter().map(Text::as_str).collect::<Vec<_>>(),
        "note": text(alert.note.as_ref()),
        "references": references,
        "incidents": listed(&alert.incidents),
        "info": alert.info.iter().map(info).collect::<Vec<_>>(),
    })
}

#[test]
fn what_davy_writes_follows_the_schema_and_is_read_alike() {
    let files = golden();
    for (file, seen) in files.iter().zip(read(&files)) {
        assert_eq!(seen["schema"], json!(true), "{}", file.display());
        let alert = decode(&std::fs::read(file).expect("a golden file")).expect("an alert").alert;
        assert_eq!(seen["alert"], fields(&alert), "{}", file.display());
    }
}

/// What becomes of the file with every element when a piece of it is another.
struct Change {
    from: &'static str,
    to: &'static str,
    /// By the schema.
    follows: bool,
    /// By Davy.
    read: bool,
}

const fn change(from: &'static str, to: &'static str, follows: bool, read: bool) -> Change {
    Change { from, to, follows, read }
}

const CHANGES: &[Change] = &[
    // What the schema refuses, Davy refuses.
    change("<sent>2026-11-29T08:36:00+08:00", "<sent>2026-11-29T00:36:00Z", false, false),
    change("<sent>2026-11-29T08:36:00+08:00", "<sent>2026-11-29T08:36:00", false, false),
    change("<sent>2026-11-29T08:36:00+08:00", "<sent>2026-11-29T08:36:00.0+08:00", false, false),
    change("<sent>2026-11-29T08:36:00+08:00", "<sent>2026-02-29T08:36:00+08:00", false, false),
    change("<expires>2026-11-29", "<expires>26-11-29", false, false),
    change(">Test<", ">test<", false, false),
    change(">Error<", ">Warning<", false, false),
    change("<scope>Restricted</scope>", "", false, false),
    change(">Geo<", ">Chemical<", false, false),
    change("<event>  every element  </event>", "", false, false),
    change(
        "<urgency>Unknown</urgency>\n    <severity>Unknown</severity>",
        "<severity>Unknown</severity><urgency>Unknown</urgency>",
        false,
        false,
    ),
    change("<value>1</value>", "", false, false),
    change("<areaDesc>everywhere</areaDesc>", "", false, false),
    change("<mimeType>image/png</mimeType>", "", false, false),
    change("<size>68</size>", "<size>6.8</size>", false, false),
    change("<ceiling>30000</ceiling>", "<ceiling>3e4</ceiling>", false, false),
    change("<language>zh-Hans-CN", "<language>zh_Hans_CN", false, false),
    change("<source>source</source>", "<source>source</source><source>source</source>", false, false),
    change("<source>source</source>", "<origin>source</origin>", false, false),
    change("<source>source</source>", "<source><b>source</b></source>", false, false),
    change("<source>", "text<source>", false, false),
    change("<source>source</source>", "<source>&undeclared;</source>", false, false),
    change("urn:oasis:names:tc:emergency:cap:1.2", "urn:oasis:names:tc:emergency:cap:1.1", false, false),
    // What only the text of the standard rules out.
    change(">every/element#1<", ">every element 1<", true, false),
    change(">davy@rugang.example<", ">davy,rugang<", true, false),
    change("<restriction>restriction</restriction>", "", true, false),
    change("<references>a@b,c,2026", "<references>a@b;c,2026", true, false),
    change("<polygon>0,-0.5 ", "<polygon>", true, false),
    change("<polygon>0,-0.5 ", "<polygon>0.1,-0.5 ", true, false),
    change("<circle>-90,-180 0<", "<circle>-180,-90 0<", true, false),
    change("<altitude>-10.5</altitude>", "", true, false),
    change("<event>  every element  </event>", "<event/>", true, false),
    // What both take.
    change("<note>note</note>", "<note><![CDATA[note]]><!-- a comment --></note>", true, true),
    change("<note>note</note>", "<note/>", true, true),
    change("</alert>", "<s:Signature xmlns:s=\"http://www.w3.org/2000/09/xmldsig#\"/></alert>", true, true),
    change("<sent>2026-11-29T08:36:00+08:00", "<sent>\n 2026-11-29T00:36:00-00:00 ", true, true),
    // What Davy takes more than the schema: extensions in any place, space around a word.
    change("<note>note</note>", "<x:note xmlns:x=\"urn:x\">other</x:note><note>note</note>", false, true),
    change(">Test<", "> Test <", false, true),
];

#[test]
fn what_the_schema_refuses_is_refused_and_the_rest_is_known() {
    let every = golden().into_iter().find(|file| file.ends_with("every_element.xml")).expect("a golden file");
    let every = std::fs::read_to_string(every).expect("a text");
    let folder = tempfile::tempdir().expect("a folder");
    let mut files = Vec::new();
    for (number, change) in CHANGES.iter().enumerate() {
        assert!(every.contains(change.from), "{}", change.from);
        let file = folder.path().join(format!("{number}.xml"));
        std::fs::write(&file, every.replacen(change.from, change.to, 1)).expect("a file can be written");
        files.push(file);
    }
    for ((change, file), seen) in CHANGES.iter().zip(&files).zip(read(&files)) {
        let decoded = decode(&std::fs::read(file).expect("it was written"));
        let verdicts = (seen["schema"].as_bool(), decoded.is_ok());
        assert_eq!(verdicts, (Some(change.follows), change.read), "{} -> {}: {decoded:?}", change.from, change.to);
        if change.follows && change.read {
            assert_eq!(seen["alert"], fields(&decoded.expect("read").alert), "{} -> {}", change.from, change.to);
        }
    }
}

/// A chlorine release in a south-west wind, its zone and its figures, as a warning that others read.
#[test]
fn a_zone_goes_into_a_warning_as_it_is() {
    let at = Time::from_micros(1_795_912_560_000_000);
    let release = zone::Release {
        substance: zone::SubstanceKey::Un(zone::UnNumber::new(1_017).expect("chlorine")),
        variant: None,
        spill: zone::Spill::Unknown,
        tank_on_fire: false,
        orange_guide: None,
        light: zone::Light::BySun,
        wind: Some(zone::Wind { from_deg: 225.0, speed_mps: 4.0, measured_at: at }),
        location: Location { lat: 32.061, lon: 120.513 },
        at,
    };
    let guide = zone::guide(&zone::Tables::shipped(), &release, &zone::Bounds::default()).expect("it is listed");
    let Ok(Some(zone::Area::Polygon(outline))) = guide.protective() else { panic!("a square: {guide:?}") };
    let points = outline.iter().map(|it| Point::new(it.lat, it.lon).expect("a point")).collect();
    let centre = Point::new(guide.source.lat, guide.source.lon).expect("a point");
    let sent = Stamp::new(at, Offset::CHINA).expect("a time");
    let text = |text: &str| Text::new(text).expect("a text");
    let words = Words {
        event: text("chlorine"),
        sender_name: text("park"),
        headline: text("chlorine"),
        description: text(&guide.notes.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")),
        instruction: None,
        place: text("north-east of the source"),
        contact: None,
    };
    let warning = Warning {
        identifier: Token::new("z-1").expect("a name"),
        sender: Token::new("davy@rugang.example").expect("a name"),
        sent,
        drill: None,
        kind: Kind::First,
        audience: Audience::default(),
        subject: Subject::EarlyWarning(Colour::Red),
        source: None,
        incidents: Vec::new(),
        zh: words.clone(),
        en: words,
        response: Vec::new(),
        event_code: Vec::new(),
        onset: None,
        expires: Stamp::new(at + Span::from_secs(1_800), Offset::CHINA).expect("a time"),
        parameters: vec![Named { name: text("basis"), value: text(zone::LABEL) }],
        locality: Locality {
            polygons: vec![Polygon::new(points).expect("closed")],
            circles: vec![Circle::new(centre, guide.isolate_m / 1e3).expect("a circle")],
            codes: Vec::new(),
        },
    };
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("zone.xml");
    std::fs::write(&file, encode(&warning.alert().expect("an alert")).expect("small")).expect("a file can be written");
    let seen = &read(&[file])[0];
    assert_eq!(seen["schema"], json!(true));
    let area = &seen["alert"]["info"][1]["area"][0];
    let outline: Vec<_> = outline.iter().map(|it| [it.lat, it.lon]).collect();
    assert_eq!(area["polygon"], json!([outline]), "to the last digit");
    assert_eq!(area["circle"], json!([[32.061, 120.513, 0.15]]));
}
