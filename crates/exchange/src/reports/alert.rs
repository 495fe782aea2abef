//! Alerts of other systems: a CAP document becomes what an event says of it.

use std::error::Error as _;

use cap::{DecodeError, Info};
use model::report::ExternalAlert;
use wire::Failure;

/// The longest document, bytes.
const XML_BYTES_MAX: usize = 64 * 1024;

/// Characters of a text of the document that an event keeps.
const TEXT_MAX: usize = 2_000;

const FIELD: &str = "external_alert.xml";

/// What a document says, of its first information where it has several.
pub(crate) fn read(xml: &str) -> Result<ExternalAlert, Failure> {
    if xml.is_empty() || xml.len() > XML_BYTES_MAX {
        return Err(Failure::field(FIELD, format!("give a document of CAP 1.2, up to {XML_BYTES_MAX} bytes")));
    }
    let alert = cap::decode(xml.as_bytes()).map_err(|error| faults(&error))?.alert;
    let first = alert.info.first();
    let text = |of: fn(&Info) -> &str| first.map(of).map(cut).unwrap_or_default();
    Ok(ExternalAlert {
        identifier: alert.identifier.as_str().to_owned(),
        sender: alert.sender.as_str().to_owned(),
        sent: alert.sent.time(),
        msg_type: alert.msg_type.as_str().to_owned(),
        headline: text(|it| it.headline.as_ref().map_or("", cap::Text::as_str)),
        event: text(|it| it.event.as_str()),
        severity: text(|it| it.severity.as_str()),
        urgency: text(|it| it.urgency.as_str()),
        certainty: text(|it| it.certainty.as_str()),
        expires: first.and_then(|it| it.expires).map(cap::Stamp::time),
        area: text(|it| it.area.first().map_or("", |area| area.desc.as_str())),
    })
}

fn cut(text: &str) -> String {
    text.chars().take(TEXT_MAX).collect()
}

fn faults(error: &DecodeError) -> Failure {
    let cause = error.source().map(|cause| format!(": {cause}")).unwrap_or_default();
    Failure::field(FIELD, cut(&format!("{error}{cause}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    pub(crate) const ALERT: &str = r#"<?xml version="1.0" encoding="UTF-8"?>
<alert xmlns="urn:oasis:names:tc:emergency:cap:1.2">
  <identifier>A1</identifier><sender>cma@example.cn</sender><sent>2026-11-29T08:36:00+08:00</sent>
  <status>Actual</status><msgType>Alert</msgType><scope>Public</scope>
  <info>
    <language>zh-CN</language><category>Met</category><event>雷电</event><urgency>Expected</urgency>
    <severity>Severe</severity><certainty>Likely</certainty><expires>2026-11-29T12:00:00+08:00</expires>
    <headline>雷电橙色预警</headline><area><areaDesc>如皋市</areaDesc></area>
  </info>
</alert>"#;

    #[test]
    fn an_event_keeps_what_people_need() {
        let alert = read(ALERT).expect("valid");
        let said = [&alert.identifier, &alert.sender, &alert.msg_type, &alert.event, &alert.headline, &alert.area];
        assert_eq!(said, ["A1", "cma@example.cn", "Alert", "雷电", "雷电橙色预警", "如皋市"]);
        assert_eq!([&alert.severity, &alert.urgency, &alert.certainty], ["Severe", "Expected", "Likely"]);
        assert_eq!(alert.expires.map(|it| it.since(alert.sent).micros()), Some(12_240_000_000));
    }

    #[test]
    fn faults_are_told_with_element_and_value() {
        let failure = |xml: &str| read(xml).expect_err("not valid");
        for (xml, said) in [
            (ALERT.replace("Severe", "Grave"), "Grave"),
            (ALERT.replace("<sender>cma@example.cn</sender>", ""), "sender"),
            ("<alert".to_owned(), "read the message"),
            (String::new(), "CAP 1.2"),
            (format!("{ALERT}{}", " ".repeat(XML_BYTES_MAX)), "65536"),
        ] {
            let failure = failure(&xml);
            assert_eq!(failure.field, Some(FIELD));
            assert!(failure.message.contains(said), "{said}: {}", failure.message);
        }
    }
}
