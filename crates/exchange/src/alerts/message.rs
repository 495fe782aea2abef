//! A warning's latest message as an alert, with references to those before it.
//!
//! What it says follows from the state of the warning after that message; what is no message (a step that is done or late) changes none of
//! it. Names of places are those of the site in force.

use cap::{Audience, Kind, Named, Offset, Reference, ResponseType, Stamp, Subject, Text, Token, WarningError, Words};
use model::{Colour, Picture, Site, Span, Time, WarningTransition};
use warning::{Message, Party, Warning};

use super::place::{locality, park, place};

/// How long a consumer who hears nothing more may show a message. A warning is in force until a message ends it, which may be longer.
const IN_FORCE: Span = Span::from_secs(7 * 24 * 3_600);

/// The alert of the latest message.
pub(super) fn alert(warning: &Warning, picture: Option<&Picture>, site: &Site) -> Result<cap::Warning, WarningError> {
    let none = || WarningError::Earlier { fault: "it has no message yet" };
    let (last, earlier) = warning.messages.split_last().ok_or_else(none)?;
    let offset = offset(warning, site);
    let colour = colour(warning.colour);
    Ok(cap::Warning {
        identifier: Token::new(&last.event.to_string())?,
        sender: sender(warning)?,
        sent: Stamp::new(last.at, offset)?,
        drill: None,
        kind: kind(warning, last, earlier, offset)?,
        audience: Audience::default(),
        subject: Subject::EarlyWarning(colour),
        source: Some(text(&format!("Davy, {}", warning.rule))?),
        incidents: Vec::new(),
        zh: chinese(warning, last, site)?,
        en: english(warning, last, site)?,
        response: vec![if warning.action.is_empty() { ResponseType::Monitor } else { ResponseType::Execute }],
        event_code: Vec::new(),
        onset: Some(Stamp::new(warning.occurred_at, offset)?),
        expires: Stamp::new(last.at.plus(IN_FORCE), offset)?,
        parameters: vec![
            Named { name: text("davyWarning")?, value: text(&warning.id.to_string())? },
            Named { name: text("davyLevel")?, value: text(warning.level.as_str())? },
        ],
        locality: locality(warning, picture, site)?,
    })
}

/// The identifiers are unique for ever; the sender says for people whose they are.
fn sender(warning: &Warning) -> Result<Token, WarningError> {
    Ok(Token::new(&warning.scope.park.as_ref().map_or_else(|| "davy".to_owned(), |park| format!("davy@{park}")))?)
}

fn kind(warning: &Warning, last: &Message, earlier: &[Message], offset: Offset) -> Result<Kind, WarningError> {
    let sender = sender(warning)?;
    let reference = |it: &Message| -> Result<Reference, WarningError> {
        let (identifier, sent) = (Token::new(&it.event.to_string())?, Stamp::new(it.at, offset)?);
        Ok(Reference { sender: sender.clone(), identifier, sent })
    };
    let earlier = earlier.iter().map(reference).collect::<Result<Vec<_>, _>>()?;
    Ok(match last.transition {
        WarningTransition::Opened => Kind::First,
        WarningTransition::Closed => Kind::Lifted(earlier),
        WarningTransition::Cancelled => Kind::Cancelled { earlier, why: text(&or(reason(warning), "误发 (issued in error)"))? },
        _ => Kind::Update(earlier),
    })
}

fn reason(warning: &Warning) -> &str {
    warning.closed.as_ref().map_or("", |closing| &closing.text)
}

/// Local time where that is known to be China's.
fn offset(warning: &Warning, site: &Site) -> Offset {
    match park(warning, site) {
        Some(park) if park.time_zone != "Asia/Shanghai" => Offset::UTC,
        _ => Offset::CHINA,
    }
}

pub(super) const fn colour(colour: Colour) -> cap::Colour {
    match colour {
        Colour::Red => cap::Colour::Red,
        Colour::Orange => cap::Colour::Orange,
        Colour::Yellow => cap::Colour::Yellow,
        Colour::Blue => cap::Colour::Blue,
    }
}

fn or(text: &str, otherwise: &str) -> String {
    let text = text.trim();
    if text.is_empty() { otherwise.to_owned() } else { text.to_owned() }
}

/// What a person typed may hold characters that XML cannot carry.
fn text(text: &str) -> Result<Text, WarningError> {
    let plain = |it: char| if it.is_control() && it != '\n' { ' ' } else { it };
    let text: String = text.chars().filter(|it| !matches!(it, '\u{fffe}' | '\u{ffff}')).map(plain).collect();
    Ok(Text::new(&or(&text, "-"))?)
}

/// What happened to the warning, in Chinese and English.
pub(super) const fn said(transition: WarningTransition) -> (&'static str, &'static str) {
    match transition {
        WarningTransition::Adjusted => ("调整", "adjusted"),
        WarningTransition::Escalated => ("升级", "escalated"),
        WarningTransition::Closed => ("解除", "lifted"),
        WarningTransition::Cancelled => ("撤销", "cancelled"),
        _ => ("发布", "issued"),
    }
}

/// Headlines in Chinese and English.
pub(super) fn headlines(warning: &Warning, last: &Message, site: &Site) -> (String, String) {
    let (zh, en) = said(last.transition);
    let (name, place) = (&warning.name, place(warning, site));
    let colour = colour(warning.colour);
    let chinese = format!("{place}{name}{zh}：{}", colour.zh());
    (chinese, format!("{name} at {place}: {} warning {en}", colour.as_str()))
}

fn chinese(warning: &Warning, last: &Message, site: &Site) -> Result<Words, WarningError> {
    let told = told(warning, "、");
    let alarms = warning.alarms.len() as u64 + u64::from(warning.more_alarms);
    let end = if reason(warning).is_empty() { String::new() } else { format!("说明：{}。", reason(warning)) };
    let description = format!("{}起，{alarms}条报警。已通知：{}。{end}", moment(warning.occurred_at), or(&told, "无"));
    Ok(Words {
        event: text(&warning.name)?,
        sender_name: text(&or(&park(warning, site).map(|it| it.name.clone()).unwrap_or_default(), "Davy"))?,
        headline: text(&headlines(warning, last, site).0)?,
        description: text(&description)?,
        instruction: instruction(warning)?,
        place: text(&place(warning, site))?,
        contact: None,
    })
}

fn english(warning: &Warning, last: &Message, site: &Site) -> Result<Words, WarningError> {
    let told = told(warning, ", ");
    let alarms = warning.alarms.len() as u64 + u64::from(warning.more_alarms);
    let end = if reason(warning).is_empty() { String::new() } else { format!(" Said at its end: {}", reason(warning)) };
    let began = moment(warning.occurred_at);
    let description = format!("Since {began}, {alarms} alarms. Told: {}.{end}", or(&told, "nobody"));
    Ok(Words {
        headline: text(&headlines(warning, last, site).1)?,
        description: text(&description)?,
        ..chinese(warning, last, site)?
    })
}

/// An action is for the time in which there is danger.
fn instruction(warning: &Warning) -> Result<Option<Text>, WarningError> {
    let stands = warning.closed.is_none() && !warning.action.trim().is_empty();
    stands.then(|| text(&warning.action)).transpose()
}

fn told(warning: &Warning, between: &str) -> String {
    let names = warning.addressees.iter().filter(|party| party.steps.is_some()).map(|party: &Party| party.name.as_str());
    names.collect::<Vec<_>>().join(between)
}

fn moment(time: Time) -> String {
    wire::format_time(time)
}
