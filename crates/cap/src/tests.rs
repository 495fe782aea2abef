//! Alerts of others, alerts that break a rule, and warnings of one's own; laws.rs holds what is so for every alert.

mod laws;
mod warnings;

use crate::*;

/// An alert as a foreign sender may write it: prefix, CDATA, comment, white space, an extension and a signature.
const FOREIGN: &str = r#"<?xml version="1.0" encoding="UTF-8"?>
<cap:alert xmlns:cap="urn:oasis:names:tc:emergency:cap:1.2" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:schemaLocation="x y">
  <cap:identifier>
    KSTO1055887203
  </cap:identifier>
  <cap:sender>KSTO@NWS.NOAA.GOV</cap:sender>
  <cap:sent>2003-06-17T14:57:00-07:00</cap:sent>
  <cap:status>Actual</cap:status>
  <cap:msgType>Alert</cap:msgType>
  <cap:source></cap:source>
  <cap:scope>Private</cap:scope>
  <cap:restriction/>
  <cap:addresses>fire@example.org "transport bureau"</cap:addresses>
  <cap:code>one</cap:code>
  <cap:code/>
  <cap:code>two</cap:code>
  <!-- no note -->
  <x:more xmlns:x="urn:example:more"><cap:note>not this one</cap:note></x:more>
  <cap:incidents>14/07-2</cap:incidents>
  <cap:info>
    <cap:category>Met</cap:category>
    <cap:category> Env </cap:category>
    <cap:event>SEVERE THUNDERSTORM</cap:event>
    <cap:responseType>Shelter</cap:responseType>
    <cap:urgency>Immediate</cap:urgency>
    <cap:severity>Severe</cap:severity>
    <cap:certainty>Observed</cap:certainty>
    <cap:eventCode><cap:valueName>SAME</cap:valueName><cap:value>SVR</cap:value></cap:eventCode>
    <cap:expires>2003-06-17T16:00:00-07:00</cap:expires>
    <cap:description><![CDATA[WINDS > 60 MPH & HAIL]]> &#x2014; now</cap:description>
    <cap:web>http://example.org/a?b=1&amp;c=2</cap:web>
    <cap:resource>
      <cap:resourceDesc>Image</cap:resourceDesc><cap:mimeType>image/gif</cap:mimeType><cap:size>4096</cap:size><cap:uri>a.gif</cap:uri>
    </cap:resource>
    <cap:area>
      <cap:areaDesc>NORTH</cap:areaDesc>
      <cap:polygon>38.47,-120.14 38.34,-119.95
        38.52,-119.74 38.47,-120.14</cap:polygon>
      <cap:circle>32.9525,-115.5527 0</cap:circle>
      <cap:geocode><cap:valueName>SAME</cap:valueName><cap:value>006109</cap:value></cap:geocode>
      <cap:altitude>100</cap:altitude>
      <cap:ceiling>2500.5</cap:ceiling>
    </cap:area>
  </cap:info>
  <ds:Signature xmlns:ds="http://www.w3.org/2000/09/xmldsig#"><ds:SignedInfo/></ds:Signature>
</cap:alert>
"#;

const PLAIN: &str = r#"<alert xmlns="urn:oasis:names:tc:emergency:cap:1.2">
<identifier>a-1</identifier>
<sender>davy@rugao</sender>
<sent>2026-11-29T08:36:00+08:00</sent>
<status>Actual</status>
<msgType>Alert</msgType>
<source>davy</source>
<scope>Restricted</scope>
<restriction>departments</restriction>
<references>davy@rugao,a-0,2026-11-29T08:35:00+08:00</references>
<info>
<language>zh-CN</language>
<category>Safety</category>
<event>氯气泄漏</event>
<urgency>Immediate</urgency>
<severity>Severe</severity>
<certainty>Likely</certainty>
<expires>2026-11-29T10:36:00+08:00</expires>
<area>
<areaDesc>北园区</areaDesc>
<polygon>32.0,120.5 32.1,120.5 32.1,120.6 32.0,120.5</polygon>
<circle>32.06,120.51 0.15</circle>
</area>
</info>
</alert>
"#;

fn faults(text: &str) -> Vec<String> {
    match decode(text.as_bytes()) {
        Err(DecodeError::Rules(Faults(faults))) => faults.iter().map(ToString::to_string).collect(),
        Err(DecodeError::Xml(fault)) => vec![fault.to_string()],
        Ok(_) => Vec::new(),
    }
}

#[test]
fn an_alert_of_another_sender_is_read() {
    let decoded = decode(FOREIGN.as_bytes()).unwrap();
    assert_eq!((decoded.signed, decoded.skipped), (true, 2));
    let alert = decoded.alert;
    assert_eq!(
        (alert.identifier.as_str(), alert.scope, &alert.source, &alert.note),
        ("KSTO1055887203", Scope::Private, &None, &None)
    );
    let addresses: Vec<_> = alert.addresses.iter().map(Listed::as_str).collect();
    assert_eq!(addresses, ["fire@example.org", "transport bureau"]);
    assert_eq!(alert.code.iter().map(Text::as_str).collect::<Vec<_>>(), ["one", "two"]);
    let info = &alert.info[0];
    assert_eq!((info.category.as_slice(), &info.language), (&[Category::Met, Category::Env][..], &None));
    assert_eq!(info.description.as_ref().unwrap().as_str(), "WINDS > 60 MPH & HAIL \u{2014} now");
    assert_eq!(info.web.as_ref().unwrap().as_str(), "http://example.org/a?b=1&c=2");
    assert_eq!((info.resource[0].size, info.area[0].polygon[0].points().len()), (Some(4_096), 4));
    assert_eq!(info.area[0].ceiling.unwrap().get(), 2_500.5);
    let again = decode(encode(&alert).unwrap().as_bytes()).unwrap();
    assert_eq!((again.alert, again.signed, again.skipped), (alert, false, 0));
}

#[test]
fn a_broken_rule_is_told_by_element_and_value() {
    assert_eq!(faults(PLAIN), [""; 0]);
    for (from, to, wanted) in [
        (">a-1<", ">a 1<", "alert/identifier: `a 1`: it holds no spaces"),
        (">a-1<", "><", "alert/identifier: it has 1 to 256 bytes"),
        (">davy@rugao<", ">davy,rugao<", "alert/sender: `davy,rugao`"),
        ("08:36:00+08:00", "08:36:00Z", "alert/sent: `2026-11-29T08:36:00Z`: it has to be like"),
        (">Actual<", ">actual<", "alert/status: `actual`: it has to be one of Actual Exercise System Test Draft"),
        (">Alert<", ">Warning<", "alert/msgType: `Warning`"),
        (">Restricted<", ">Secret<", "alert/scope: `Secret`"),
        ("<restriction>departments</restriction>\n", "", "alert/restriction: it is missing; scope Restricted needs it"),
        ("<restriction>departments</restriction>", "<restriction> </restriction>", "alert/restriction: it is missing"),
        (">Restricted<", ">Public<", "alert/restriction: `departments`: it says who may read, which only scope Restricted does"),
        (
            "davy@rugao,a-0,2026",
            "davy@rugao;a-0,2026",
            "alert/references: `davy@rugao;a-0,2026-11-29T08:35:00+08:00`: a reference is",
        ),
        ("08:35:00+08:00", "08:35:00Z", "alert/references: `2026-11-29T08:35:00Z`"),
        ("<category>Safety</category>", "", "alert/info[1]/category: it is missing"),
        (">Safety<", ">Chemical<", "alert/info[1]/category: `Chemical`"),
        ("<event>氯气泄漏</event>", "<event> </event>", "alert/info[1]/event: ` `: it is empty"),
        ("<event>氯气泄漏</event>", "", "alert/info[1]/event: it is missing, or not in its place"),
        (">Severe<", ">Red<", "alert/info[1]/severity: `Red`"),
        ("10:36:00+08:00", "10:36:00", "alert/info[1]/expires: `2026-11-29T10:36:00`"),
        (">zh-CN<", ">zh_CN<", "alert/info[1]/language: `zh_CN`"),
        (
            "32.1,120.6 32.0,120.5<",
            "32.1,120.6<",
            "alert/info[1]/area[1]/polygon: `32,120.5 32.1,120.5 32.1,120.6`: a polygon has four",
        ),
        ("32.1,120.6 32.0,120.5<", "32.1,120.6 32.0,120.6<", "a polygon ends where it begins"),
        (
            "32.1,120.6 32",
            "120.6,32.1 32",
            "alert/info[1]/area[1]/polygon: `120.6,32.1`: its latitude is not in -90 to 90; latitude comes first",
        ),
        ("120.51 0.15", "120.51", "alert/info[1]/area[1]/circle: `32.06,120.51`: a circle is"),
        ("</area>", "<ceiling>10</ceiling></area>", "alert/info[1]/area[1]/ceiling: `10`: a ceiling needs an altitude"),
        ("<source>davy</source>", "<source><b>davy</b></source>", "alert/source/b: no element is expected here"),
        ("<source>", "text<source>", "alert: `text`: no text is expected between its elements"),
        ("<source>davy</source>", "<source>&#1;</source>", "alert/source: `\u{1}`: it holds a character that XML cannot carry"),
        ("<source>davy</source>", "<colour>red</colour>", "alert/colour: `red`: it is not expected here"),
        ("</info>", "</info><note>late</note>", "alert/note: `late`: it is not expected here: out of order"),
        (
            "<language>zh-CN</language>",
            "<language>zh-CN</language><language>en-US</language>",
            "alert/info[1]/language: `en-US`: it is not expected here",
        ),
    ] {
        assert!(PLAIN.contains(from), "{from}");
        let found = faults(&PLAIN.replacen(from, to, 1));
        assert!(found.iter().any(|fault| fault.starts_with(wanted) || fault.contains(wanted)), "{to}: {found:?}");
    }
    let two_things = PLAIN.replace("Likely", "Maybe").replace("zh-CN", "?");
    assert_eq!(faults(&two_things).len(), 2, "all faults are told");
}

#[test]
fn elements_out_of_order_are_told() {
    let swapped =
        PLAIN.replace("<status>Actual</status>\n<msgType>Alert</msgType>", "<msgType>Alert</msgType>\n<status>Actual</status>");
    let found = faults(&swapped);
    assert!(found.iter().any(|fault| fault.starts_with("alert/status: it is missing, or not in its place")), "{found:?}");
    assert!(found.iter().any(|fault| fault.starts_with("alert/status: `Actual`: it is not expected here")), "{found:?}");
}

#[test]
fn only_answers_do_without_info_and_only_alerts_without_references() {
    let info = PLAIN.find("<info>").unwrap()..PLAIN.find("</info>").unwrap() + "</info>".len();
    let bare = PLAIN.replace(&PLAIN[info], "");
    let references = "<references>davy@rugao,a-0,2026-11-29T08:35:00+08:00</references>";
    for kind in MsgType::ALL {
        let of = |text: &str| faults(&text.replace(">Alert<", &format!(">{}<", kind.as_str())));
        let asks_info = matches!(kind, MsgType::Alert | MsgType::Update);
        assert_eq!(of(&bare).iter().any(|fault| fault.starts_with("alert/info: it is missing")), asks_info, "{kind:?}");
        let alone = of(&PLAIN.replace(references, ""));
        assert_eq!(
            alone.iter().any(|fault| fault.starts_with("alert/references: it is missing")),
            *kind != MsgType::Alert,
            "{kind:?}"
        );
    }
    let private = PLAIN.replace(">Restricted<", ">Private<").replace("<restriction>departments</restriction>", "");
    assert_eq!(faults(&private), ["alert/addresses: it is missing; scope Private needs it"]);
}

#[test]
fn faults_and_lists_are_bounded() {
    let many = PLAIN.replace("<category>Safety</category>", &"<category>x</category>".repeat(5_000));
    assert_eq!(faults(&many).len(), 100);
    let many = PLAIN.replace("<category>Safety</category>", &"<category>Env</category>".repeat(LIST_MAX + 1));
    assert_eq!(faults(&many), ["alert/info[1]/category: more than 1000 of these are not read"]);
    let mut large = decode(PLAIN.as_bytes()).unwrap().alert.into_message();
    large.info[0].description = Some(Text::new(&"x".repeat(TEXT_BYTES_MAX)).unwrap());
    large.info = vec![large.info[0].clone(); 5];
    assert!(
        encode(&Alert::new(large).unwrap()).unwrap_err().to_string().contains("1 elements")
            || MESSAGE_BYTES_MAX < 5 * TEXT_BYTES_MAX
    );
}
