//! What Davy itself sends: a warning as plain fields becomes an alert in Chinese and English.
//!
//! Colour, alarm or violation decide category, urgency, severity and certainty. Restricted unless somebody approved more: only
//! authorities release a warning to the public, and who did is written into it.

use crate::check::{Alert, Faults};
use crate::leaf::{Invalid, Language, Text, Token};
use crate::list::{LIST_MAX, Listed, Reference};
use crate::message::{Area, Info, Message, Named};
use crate::shape::{Circle, Polygon};
use crate::stamp::Stamp;
use crate::words::{Category, Certainty, MsgType, ResponseType, Scope, Severity, Status, Urgency};

/// The colours of Chinese early warnings, I to IV.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Colour {
    /// I, 特别严重.
    Red,
    /// II, 严重.
    Orange,
    /// III, 较重.
    Yellow,
    /// IV, 一般.
    Blue,
}

/// What the warning is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Subject {
    /// An early warning of a colour.
    EarlyWarning(Colour),
    /// A critical gas alarm that people on the spot have confirmed.
    ConfirmedGasAlarm,
    /// A critical alarm that nobody has confirmed yet.
    CriticalAlarm,
    /// A transport that is not as its waybill says.
    WaybillViolation,
}

/// Which message of a chain it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The first one.
    First,
    /// Replaces the earlier ones.
    Update(Vec<Reference>),
    /// The danger is over.
    Lifted(Vec<Reference>),
    /// There was no danger: takes the earlier ones back.
    Cancelled {
        /// The earlier ones.
        earlier: Vec<Reference>,
        /// Why.
        why: Text,
    },
}

/// Whom it may reach.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Audience {
    /// Those whom the rule names.
    Restricted(Text),
    /// Those at the addresses only.
    Private(Vec<Listed>),
    /// Everybody, on somebody's order.
    Public(Approval),
}

/// Who let a warning go to the public.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Approval {
    /// The authority and the person.
    pub by: Text,
    /// When.
    pub at: Stamp,
    /// The order's number, or where it is recorded.
    pub document: Text,
}

/// The words of a warning in one language.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Words {
    /// The event.
    pub event: Text,
    /// The sender for people.
    pub sender_name: Text,
    /// The headline.
    pub headline: Text,
    /// What happens.
    pub description: Text,
    /// What to do (防御指南).
    pub instruction: Option<Text>,
    /// The place.
    pub place: Text,
    /// Whom to ask.
    pub contact: Option<Text>,
}

/// Where: shapes, codes of districts, or both.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Locality {
    /// Outlines.
    pub polygons: Vec<Polygon>,
    /// Circles.
    pub circles: Vec<Circle>,
    /// Codes, such as six-digit districts.
    pub codes: Vec<Named>,
}

/// A warning.
#[derive(Clone, Debug, PartialEq)]
pub struct Warning {
    /// Unique for its sender.
    pub identifier: Token,
    /// Who sends it.
    pub sender: Token,
    /// When.
    pub sent: Stamp,
    /// The drill it belongs to, if it is one.
    pub drill: Option<Text>,
    /// Which message of its chain.
    pub kind: Kind,
    /// Whom it may reach.
    pub audience: Audience,
    /// What it is about.
    pub subject: Subject,
    /// The operator or device it comes from.
    pub source: Option<Text>,
    /// Names of the incident.
    pub incidents: Vec<Listed>,
    /// In Chinese.
    pub zh: Words,
    /// In English.
    pub en: Words,
    /// What to do; where the danger is over, that is said instead.
    pub response: Vec<ResponseType>,
    /// Codes of the event.
    pub event_code: Vec<Named>,
    /// When it begins or began.
    pub onset: Option<Stamp>,
    /// Until when it holds.
    pub expires: Stamp,
    /// More, such as what the area rests on.
    pub parameters: Vec<Named>,
    /// Where.
    pub locality: Locality,
}

/// Why a warning cannot be sent.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WarningError {
    /// It would be over before it is sent.
    #[error("make the alert: expires {expires} is not after sent {sent}")]
    Expires {
        /// When it is sent.
        sent: Stamp,
        /// When it ends.
        expires: Stamp,
    },
    /// It has no earlier message, or one that is itself or later.
    #[error("make the alert: {fault}")]
    Earlier {
        /// What is wrong.
        fault: &'static str,
    },
    /// It was approved after it is sent.
    #[error("make the alert: approved {approved}, after sent {sent}")]
    Approval {
        /// When it is sent.
        sent: Stamp,
        /// When it was approved.
        approved: Stamp,
    },
    /// No shape and no code.
    #[error("make the alert: it has no place; give a polygon, a circle or a code")]
    NoPlace,
    /// A text that is too long with what is added to it.
    #[error("make the alert: {0}")]
    Text(#[from] Invalid),
    /// A rule of the standard.
    #[error(transparent)]
    Rules(#[from] Faults),
}

impl Default for Audience {
    fn default() -> Self {
        let rule =
            "仅限负有应急职责的部门和单位，不得向公众发布 (departments and units with emergency duties only, not for the public)";
        Self::Restricted(Text::new(rule).expect("a constant text"))
    }
}

impl Colour {
    /// All, the worst first.
    pub const ALL: [Self; 4] = [Self::Red, Self::Orange, Self::Yellow, Self::Blue];

    /// In English.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Red => "red",
            Self::Orange => "orange",
            Self::Yellow => "yellow",
            Self::Blue => "blue",
        }
    }

    /// In Chinese, with its level.
    pub const fn zh(self) -> &'static str {
        match self {
            Self::Red => "红色（I级，特别严重）",
            Self::Orange => "橙色（II级，严重）",
            Self::Yellow => "黄色（III级，较重）",
            Self::Blue => "蓝色（IV级，一般）",
        }
    }

    /// In CAP.
    pub const fn severity(self) -> Severity {
        match self {
            Self::Red => Severity::Extreme,
            Self::Orange => Severity::Severe,
            Self::Yellow => Severity::Moderate,
            Self::Blue => Severity::Minor,
        }
    }
}

impl Subject {
    /// What kind of event, how soon, how bad, how sure.
    pub fn graded(self) -> (&'static [Category], Urgency, Severity, Certainty) {
        use Category::{Cbrne, Env, Safety, Transport};
        match self {
            Self::ConfirmedGasAlarm => (&[Safety, Cbrne], Urgency::Immediate, Severity::Severe, Certainty::Observed),
            Self::CriticalAlarm => (&[Safety], Urgency::Immediate, Severity::Severe, Certainty::Likely),
            Self::EarlyWarning(Colour::Red) => (&[Safety, Cbrne, Env], Urgency::Immediate, Severity::Extreme, Certainty::Likely),
            Self::EarlyWarning(colour) => (&[Safety], Urgency::Expected, colour.severity(), Certainty::Possible),
            Self::WaybillViolation => (&[Transport], Urgency::Expected, Severity::Moderate, Certainty::Observed),
        }
    }
}

/// The references of the message that follows an alert: those of the alert, then the alert itself.
///
/// # Errors
/// An alert that ends its chain, or one of a chain that is too long.
pub fn chain(alert: &Alert) -> Result<Vec<Reference>, WarningError> {
    if !matches!(alert.msg_type, MsgType::Alert | MsgType::Update) {
        return Err(WarningError::Earlier { fault: "nothing follows a Cancel, Ack or Error; begin with a new Alert" });
    }
    if alert.references.len() >= LIST_MAX {
        return Err(WarningError::Earlier { fault: "its chain is too long; begin with a new Alert" });
    }
    let itself = Reference { sender: alert.sender.clone(), identifier: alert.identifier.clone(), sent: alert.sent };
    let mut references = alert.references.clone();
    references.push(itself);
    Ok(references)
}

impl Warning {
    /// The alert to send.
    ///
    /// # Errors
    /// An end before the beginning, a chain or an approval that does not fit, no place; a rule of the standard.
    pub fn alert(&self) -> Result<Alert, WarningError> {
        self.checked()?;
        let (msg_type, references, why) = match &self.kind {
            Kind::First => (MsgType::Alert, Vec::new(), None),
            Kind::Update(earlier) | Kind::Lifted(earlier) => (MsgType::Update, earlier.clone(), None),
            Kind::Cancelled { earlier, why } => (MsgType::Cancel, earlier.clone(), Some(why)),
        };
        let (scope, restriction, addresses) = match &self.audience {
            Audience::Restricted(rule) => (Scope::Restricted, Some(rule.clone()), Vec::new()),
            Audience::Private(addresses) => (Scope::Private, None, addresses.clone()),
            Audience::Public(_) => (Scope::Public, None, Vec::new()),
        };
        Ok(Alert::new(Message {
            identifier: self.identifier.clone(),
            sender: self.sender.clone(),
            sent: self.sent,
            status: if self.drill.is_some() { Status::Exercise } else { Status::Actual },
            msg_type,
            source: self.source.clone(),
            scope,
            restriction,
            addresses,
            code: Vec::new(),
            note: self.note(why)?,
            references,
            incidents: self.incidents.clone(),
            info: vec![self.info("zh-CN", &self.zh)?, self.info("en-US", &self.en)?],
        })?)
    }

    fn checked(&self) -> Result<(), WarningError> {
        if self.expires.time() <= self.sent.time() {
            return Err(WarningError::Expires { sent: self.sent, expires: self.expires });
        }
        let locality = &self.locality;
        if locality.polygons.is_empty() && locality.circles.is_empty() && locality.codes.is_empty() {
            return Err(WarningError::NoPlace);
        }
        if let Audience::Public(approval) = &self.audience
            && approval.at.time() > self.sent.time()
        {
            return Err(WarningError::Approval { sent: self.sent, approved: approval.at });
        }
        let earlier = match &self.kind {
            Kind::First => return Ok(()),
            Kind::Update(earlier) | Kind::Lifted(earlier) | Kind::Cancelled { earlier, .. } => earlier,
        };
        if earlier.is_empty() {
            return Err(WarningError::Earlier { fault: "it follows earlier messages but names none" });
        }
        if earlier.iter().any(|it| it.sender == self.sender && it.identifier == self.identifier) {
            return Err(WarningError::Earlier { fault: "its identifier is that of an earlier message" });
        }
        if earlier.iter().any(|it| it.sent.time() > self.sent.time()) {
            return Err(WarningError::Earlier { fault: "an earlier message was sent later" });
        }
        Ok(())
    }

    /// The drill and why it was taken back, as far as they are there.
    fn note(&self, why: Option<&Text>) -> Result<Option<Text>, Invalid> {
        let parts: Vec<_> = self.drill.iter().chain(why).map(Text::as_str).collect();
        if parts.is_empty() { Ok(None) } else { Text::new(&parts.join("; ")).map(Some) }
    }

    fn over(&self) -> bool {
        matches!(self.kind, Kind::Lifted(_) | Kind::Cancelled { .. })
    }

    fn info(&self, language: &str, words: &Words) -> Result<Info, Invalid> {
        let (category, urgency, severity, certainty) = self.subject.graded();
        let locality = &self.locality;
        Ok(Info {
            language: Some(Language::new(language)?),
            category: category.to_vec(),
            event: words.event.clone(),
            response_type: if self.over() { vec![ResponseType::AllClear] } else { self.response.clone() },
            urgency: if self.over() { Urgency::Past } else { urgency },
            severity,
            certainty,
            audience: None,
            event_code: self.event_code.clone(),
            effective: Some(self.sent),
            onset: self.onset,
            expires: Some(self.expires),
            sender_name: Some(words.sender_name.clone()),
            headline: Some(self.headline(language, words)?),
            description: Some(words.description.clone()),
            instruction: words.instruction.clone(),
            web: None,
            contact: words.contact.clone(),
            parameter: self.parameters(language)?,
            resource: Vec::new(),
            area: vec![Area {
                desc: words.place.clone(),
                polygon: locality.polygons.clone(),
                circle: locality.circles.clone(),
                geocode: locality.codes.clone(),
                altitude: None,
                ceiling: None,
            }],
        })
    }

    /// A screen that shows headlines only must show that it is a drill.
    fn headline(&self, language: &str, words: &Words) -> Result<Text, Invalid> {
        match (&self.drill, language) {
            (None, _) => Ok(words.headline.clone()),
            (Some(_), "zh-CN") => Text::new(&format!("【演练】{}", words.headline.as_str())),
            (Some(_), _) => Text::new(&format!("EXERCISE: {}", words.headline.as_str())),
        }
    }

    fn parameters(&self, language: &str) -> Result<Vec<Named>, Invalid> {
        let mut parameters = Vec::new();
        if let Subject::EarlyWarning(colour) = self.subject {
            let word = if language == "zh-CN" { colour.zh() } else { colour.as_str() };
            parameters.push(named("warningColour", word)?);
        }
        if let Audience::Public(approval) = &self.audience {
            parameters.push(named("approvedBy", approval.by.as_str())?);
            parameters.push(named("approvedAt", &approval.at.to_string())?);
            parameters.push(named("approvalDocument", approval.document.as_str())?);
        }
        parameters.extend(self.parameters.iter().cloned());
        Ok(parameters)
    }
}

fn named(name: &str, value: &str) -> Result<Named, Invalid> {
    Ok(Named { name: Text::new(name)?, value: Text::new(value)? })
}
