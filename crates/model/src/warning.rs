//! Warnings (预警): who is told by which rule, what has to be done until when, and what became of it.
//!
//! An alarm tells an operator; a warning tells departments, and asks each of them to say that it has it (received), what it does
//! (responded) and that it is done (resolved), each until a deadline.

use std::sync::Arc;

use crate::site::words;
use crate::{
    AlarmId, AlarmKind, DepartmentId, EnterpriseId, EventId, InstallationId, ParkId, PointId, Priority, Quantity, RequestId,
    Scope, Span, Time, WarningRuleId,
};

words!(
    /// The colour of a warning, from the least to the most severe.
    Colour {
        /// Level IV (蓝色, 一般).
        Blue = "blue",
        /// Level III (黄色, 较重).
        Yellow = "yellow",
        /// Level II (橙色, 严重).
        Orange = "orange",
        /// Level I (红色, 特别严重).
        Red = "red",
    }
);

impl Colour {
    /// The colour as people in China read it.
    pub const fn chinese(self) -> &'static str {
        match self {
            Self::Blue => "蓝色",
            Self::Yellow => "黄色",
            Self::Orange => "橙色",
            Self::Red => "红色",
        }
    }

    /// The level of the national convention: I is the most severe.
    pub const fn roman(self) -> &'static str {
        match self {
            Self::Blue => "IV",
            Self::Yellow => "III",
            Self::Orange => "II",
            Self::Red => "I",
        }
    }
}

words!(
    /// Who answers for a warning, from the nearest to the farthest; a late step lifts it to the next.
    Level {
        /// The enterprise itself.
        Enterprise = "enterprise",
        /// The park.
        Park = "park",
        /// The county (区县).
        County = "county",
        /// The city (设区的市).
        City = "city",
    }
);

words!(
    /// What a department is.
    DepartmentKind {
        /// An enterprise's own office.
        Enterprise = "enterprise",
        /// A park's management.
        Park = "park",
        /// Transport (交通运输).
        Transport = "transport",
        /// Emergency management (应急管理).
        Emergency = "emergency",
        /// Police (公安).
        Police = "police",
        /// Ecology and environment (生态环境).
        Ecology = "ecology",
        /// Fire and rescue (消防救援).
        Fire = "fire",
        /// Health (卫生健康).
        Health = "health",
        /// A county's government.
        County = "county",
        /// A city's government.
        City = "city",
    }
);

impl DepartmentKind {
    /// The level of a department where its entry says none: its own, or that of the county, where line departments are.
    pub const fn usual_level(self) -> Level {
        match self {
            Self::Enterprise => Level::Enterprise,
            Self::Park => Level::Park,
            Self::City => Level::City,
            _ => Level::County,
        }
    }
}

words!(
    /// What an addressee has to do, in order.
    WarningStep {
        /// It says that it has the warning (签收).
        Received = "received",
        /// It says what it does about it (响应).
        Responded = "responded",
        /// It says that it has done its part (办结).
        Resolved = "resolved",
    }
);

words!(
    /// The place that a warning is about: alarms of one place count together, and one place has one open warning of a topic.
    WarningPlace {
        /// One point.
        Point = "point",
        /// One installation.
        Installation = "installation",
        /// One enterprise.
        Enterprise = "enterprise",
        /// One park.
        Park = "park",
    }
);

words!(
    /// How a warning moved.
    WarningTransition {
        /// Its rule's condition is met.
        Opened = "warning.opened",
        /// A worse rule is met too, further addressees are told, or the condition is back.
        Adjusted = "warning.adjusted",
        /// An addressee has it.
        Received = "warning.received",
        /// An addressee said what it does; may be said again as feedback.
        Responded = "warning.responded",
        /// An addressee has done its part.
        Resolved = "warning.resolved",
        /// An addressee's step is late; said once for a step.
        Overdue = "warning.overdue",
        /// The next level is told because a step is late.
        Escalated = "warning.escalated",
        /// The alarms behind it have returned.
        ConditionReturned = "warning.condition_returned",
        /// It is over.
        Closed = "warning.closed",
        /// It was issued in error.
        Cancelled = "warning.cancelled",
        /// A response was not taken.
        Refused = "warning.refused",
    }
);

impl WarningTransition {
    /// Whether those outside of the warning have to hear of it: how bad it is, who answers for it, or that it is over.
    pub const fn is_news(self) -> bool {
        matches!(self, Self::Opened | Self::Adjusted | Self::Escalated | Self::Closed | Self::Cancelled)
    }
}

words!(
    /// What an addressee wants.
    WarningAction {
        /// To say that it has the warning.
        Receive = "receive",
        /// To say what it does about it.
        Respond = "respond",
        /// To say that it has done its part.
        Resolve = "resolve",
        /// To end it.
        Close = "close",
        /// To take it back: it was issued in error.
        Cancel = "cancel",
    }
);

impl WarningAction {
    /// The step that it does.
    pub const fn step(self) -> Option<WarningStep> {
        match self {
            Self::Receive => Some(WarningStep::Received),
            Self::Respond => Some(WarningStep::Responded),
            Self::Resolve => Some(WarningStep::Resolved),
            Self::Close | Self::Cancel => None,
        }
    }

    /// How the warning moves by it.
    pub const fn transition(self) -> WarningTransition {
        match self {
            Self::Receive => WarningTransition::Received,
            Self::Respond => WarningTransition::Responded,
            Self::Resolve => WarningTransition::Resolved,
            Self::Close => WarningTransition::Closed,
            Self::Cancel => WarningTransition::Cancelled,
        }
    }
}

words!(
    /// Why a response was not taken.
    WarningRefusal {
        /// The department is none of those that the warning is addressed to.
        NotAddressed = "not_addressed",
        /// The warning is over, or the step is done.
        WrongState = "wrong_state",
        /// Only the level that answers for the warning may do that.
        NotAllowed = "not_allowed",
        /// Nothing shows what was done.
        NoEvidence = "no_evidence",
    }
);

/// Who may be addressed by warnings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Department {
    /// Its id.
    pub id: DepartmentId,
    /// Name as people read it.
    pub name: String,
    /// What it is.
    pub kind: DepartmentKind,
    /// Where it stands.
    pub level: Level,
    /// The enterprise that it is an office of; `None` where it is none.
    pub enterprise: Option<EnterpriseId>,
    /// The park that it answers for; `None`: not bound to one.
    pub park: Option<ParkId>,
    /// The district that it answers for (GB/T 2260; `320600` is all of `3206..`); empty: not bound to one.
    pub district: String,
}

impl Department {
    /// Whether what happens there is its matter. A place whose district nobody wrote down is everybody's: better one told too many.
    pub fn answers_for(&self, scope: &Scope, district: &str) -> bool {
        let same = |own: Option<&str>, there: Option<&str>| own.is_none_or(|own| there == Some(own));
        same(self.enterprise.as_ref().map(EnterpriseId::as_str), scope.enterprise.as_deref())
            && same(self.park.as_ref().map(ParkId::as_str), scope.park.as_deref())
            && (district.is_empty() || district.starts_with(within(&self.district)))
    }
}

/// The digits that all districts below one have in common: `320600` has `3206`.
fn within(district: &str) -> &str {
    let county = district.strip_suffix("00").unwrap_or(district);
    if county.len() < district.len() { county.strip_suffix("00").unwrap_or(county) } else { district }
}

/// Which alarms count; an empty list lets all through.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AlarmFilter {
    /// Kinds of rules.
    pub kinds: Vec<AlarmKind>,
    /// Ids of alarms on their points.
    pub alarms: Vec<AlarmId>,
    /// What the point measures.
    pub quantities: Vec<Quantity>,
    /// The least priority.
    pub min_priority: Option<Priority>,
    /// Parks.
    pub parks: Vec<ParkId>,
    /// Enterprises.
    pub enterprises: Vec<EnterpriseId>,
    /// Installations.
    pub installations: Vec<InstallationId>,
    /// Points.
    pub points: Vec<PointId>,
}

/// What a filter looks at in an alarm.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AlarmFacts {
    /// Its point, or the gateway or enterprise that nothing comes from.
    pub point: Arc<str>,
    /// The alarm on it.
    pub alarm: AlarmId,
    /// The kind of its rule.
    pub kind: AlarmKind,
    /// What the point measures.
    pub quantity: Quantity,
    /// How urgent.
    pub priority: Priority,
    /// Whom it concerns.
    pub scope: Scope,
    /// The id of its first raise.
    pub occurrence: Option<EventId>,
}

impl AlarmFacts {
    /// Whether a gas detector is at its second level (GB/T 50493-2019), by itself or by vote.
    pub fn is_second_level_of_gas(&self) -> bool {
        self.quantity.is_gas_detector() && matches!(self.kind, AlarmKind::HighHigh | AlarmKind::Vote)
    }
}

impl AlarmFilter {
    /// Whether an alarm counts.
    pub fn lets_through(&self, alarm: &AlarmFacts) -> bool {
        let Self { kinds, alarms, quantities, min_priority, parks, enterprises, installations, points } = self;
        let scope = &alarm.scope;
        any(kinds, |it| *it == alarm.kind)
            && any(alarms, |it| *it == alarm.alarm)
            && any(quantities, |it| *it == alarm.quantity)
            && min_priority.is_none_or(|least| alarm.priority >= least)
            && any(parks, |it| scope.park.as_deref() == Some(it.as_str()))
            && any(enterprises, |it| scope.enterprise.as_deref() == Some(it.as_str()))
            && any(installations, |it| scope.installation.as_deref() == Some(it.as_str()))
            && any(points, |it| *alarm.point == *it.as_str())
    }

    /// Whether it lets every alarm through.
    pub fn is_open(&self) -> bool {
        *self == Self::default()
    }
}

fn any<T>(wanted: &[T], is: impl Fn(&T) -> bool) -> bool {
    wanted.is_empty() || wanted.iter().any(is)
}

/// Whom a rule addresses.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Addressed {
    /// One department.
    Department(DepartmentId),
    /// All departments of a kind and of the level.
    Kind(DepartmentKind),
}

/// How long an addressee has for each step, counted from the moment it is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StepSpans {
    /// To say that it has the warning.
    pub received: Span,
    /// To say what it does.
    pub responded: Span,
    /// To have done its part.
    pub resolved: Span,
}

impl Default for StepSpans {
    /// An hour to respond is the hour within which a unit has to report an accident (State Council Order 493, article 9); a quarter of an
    /// hour to receive and a day to resolve are Davy's own, for sites that say nothing.
    fn default() -> Self {
        Self { received: Span::from_secs(900), responded: Span::from_secs(3_600), resolved: Span::from_secs(24 * 3_600) }
    }
}

impl StepSpans {
    /// The deadlines of an addressee that is told now.
    pub const fn from(self, now: Time) -> StepTimes {
        StepTimes { received: now.plus(self.received), responded: now.plus(self.responded), resolved: now.plus(self.resolved) }
    }
}

/// Until when an addressee has to have done each step, journal time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StepTimes {
    /// Said that it has the warning.
    pub received: Time,
    /// Said what it does.
    pub responded: Time,
    /// Done its part.
    pub resolved: Time,
}

impl StepTimes {
    /// That of one step.
    pub const fn of(self, step: WarningStep) -> Time {
        match step {
            WarningStep::Received => self.received,
            WarningStep::Responded => self.responded,
            WarningStep::Resolved => self.resolved,
        }
    }
}

/// When a warning is opened, and who is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WarningRule {
    /// Its id.
    pub id: WarningRuleId,
    /// What the warning is called.
    pub name: String,
    /// Rules of one topic share the open warning of a place: a worse one lifts its colour.
    pub topic: String,
    /// How severe.
    pub colour: Colour,
    /// Which alarms count.
    pub when: AlarmFilter,
    /// How many of them must be in alarm at the same time, at least 1.
    pub count: u32,
    /// Over which place they are counted.
    pub per: WarningPlace,
    /// How long that must hold without a break, journal time.
    pub hold: Span,
    /// Whom to tell, each level once, from the nearest.
    pub addressees: Vec<(Level, Vec<Addressed>)>,
    /// Up to which level it is told at once; `None`: the nearest that has an addressee.
    pub level: Option<Level>,
    /// What is to be done.
    pub action: String,
    /// The time there is.
    pub deadlines: StepSpans,
    /// Whether a late step lifts it to the next level.
    pub escalate: bool,
    /// Whether it closes by itself when the alarms behind it have returned.
    pub close_on_return: bool,
    /// Whether the first picture belongs to its warnings; `None`: where gas of level 2, fire or explosion is behind them.
    pub picture: Option<bool>,
}

impl WarningRule {
    /// Whether a warning with such alarms behind it gets a first picture.
    pub fn wants_picture<'a>(&self, alarms: impl IntoIterator<Item = &'a AlarmFacts>) -> bool {
        let by_alarms = || alarms.into_iter().any(AlarmFacts::is_second_level_of_gas);
        self.picture.unwrap_or_else(|| PICTURE_TOPICS.contains(&self.topic.as_str()) || by_alarms())
    }
}

/// Topics whose warnings get a first picture where the rule says nothing.
const PICTURE_TOPICS: &[&str] = &["fire", "explosion", "incident"];

/// One addressee of a warning.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Addressee {
    /// Who.
    pub department: DepartmentId,
    /// Name as people read it.
    pub name: String,
    /// Where it stands.
    pub level: Level,
    /// Its deadlines; `None`: it is told only when the warning reaches its level.
    pub deadlines: Option<StepTimes>,
}

/// An alarm behind a warning.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WarningCause {
    /// Its point.
    pub point: Arc<str>,
    /// The alarm on it.
    pub alarm: AlarmId,
    /// The id of its first raise.
    pub occurrence: Option<EventId>,
}

/// A warning moved; the event's subject is the place that it is about. What a transition has no word for stays empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WarningChange {
    /// How.
    pub transition: WarningTransition,
    /// Its name: the id of the event that opened it; `None` in that event itself.
    pub warning: Option<EventId>,
    /// The rule that opened it or adjusted it last.
    pub rule: WarningRuleId,
    /// What it is called.
    pub name: String,
    /// The topic of its rule.
    pub topic: String,
    /// How severe, after this.
    pub colour: Colour,
    /// What kind of place the subject is.
    pub place: WarningPlace,
    /// The level that answers for it, after this.
    pub level: Level,
    /// What is to be done.
    pub action: String,
    /// The time an addressee has.
    pub within: StepSpans,
    /// Whether a late step lifts it to the next level.
    pub escalate: bool,
    /// Whether it closes by itself when the alarms behind it have returned.
    pub close_on_return: bool,
    /// Of an opening and an adjustment: the alarms behind it, in order, 100 at most.
    pub alarms: Vec<WarningCause>,
    /// How many more alarms.
    pub more_alarms: u32,
    /// Those who are told by this with their deadlines; of an opening and an adjustment also those who will be by escalation.
    pub addressees: Vec<Addressee>,
    /// Who did it, or whose step is late.
    pub department: Option<DepartmentId>,
    /// The step that is done or late.
    pub step: Option<WarningStep>,
    /// Until when the step was to be done.
    pub deadline: Option<Time>,
    /// Whether it was done later than that.
    pub late: bool,
    /// Who, in person; empty for Davy itself.
    pub actor: String,
    /// What they wrote, or why it was refused.
    pub text: String,
    /// Events that show it.
    pub evidence: Vec<EventId>,
    /// The request behind it.
    pub request_id: Option<RequestId>,
    /// Of a refusal: what was wanted, and why not.
    pub refused: Option<(WarningAction, WarningRefusal)>,
    /// Of an opening and an adjustment: a picture follows.
    pub picture: bool,
}

impl WarningChange {
    /// A transition with nothing else said yet.
    pub fn new(transition: WarningTransition, rule: WarningRuleId) -> Self {
        Self {
            transition,
            warning: None,
            rule,
            name: String::new(),
            topic: String::new(),
            colour: Colour::Blue,
            place: WarningPlace::Point,
            level: Level::Enterprise,
            action: String::new(),
            within: StepSpans::default(),
            escalate: false,
            close_on_return: false,
            alarms: Vec::new(),
            more_alarms: 0,
            addressees: Vec::new(),
            department: None,
            step: None,
            deadline: None,
            late: false,
            actor: String::new(),
            text: String::new(),
            evidence: Vec::new(),
            request_id: None,
            refused: None,
            picture: false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn county(district: &str) -> Department {
        Department {
            id: DepartmentId::new("d").expect("valid"),
            name: String::new(),
            kind: DepartmentKind::Emergency,
            level: Level::County,
            enterprise: None,
            park: None,
            district: district.to_owned(),
        }
    }

    #[test]
    fn a_district_holds_those_below_it() {
        let scope = Scope::default();
        for (own, there, answers) in [
            ("320682", "320682", true),
            ("320600", "320682", true),
            ("320000", "320682", true),
            ("320682", "320683", false),
            ("320700", "320682", false),
            ("", "320682", true),
            ("320682", "", true),
        ] {
            assert_eq!(county(own).answers_for(&scope, there), answers, "{own} {there}");
        }
    }

    #[test]
    fn an_office_answers_for_its_own_place_alone() {
        let office = Department { enterprise: EnterpriseId::new("e01").ok(), park: ParkId::new("p").ok(), ..county("") };
        let scope = |park: &str, enterprise: Option<&str>| Scope {
            park: Some(Arc::from(park)),
            enterprise: enterprise.map(Arc::from),
            installation: None,
        };
        assert!(office.answers_for(&scope("p", Some("e01")), ""));
        for other in [scope("p", Some("e02")), scope("q", Some("e01")), scope("p", None)] {
            assert!(!office.answers_for(&other, ""), "{other:?}");
        }
    }

    #[test]
    fn colours_have_their_order_names_and_levels() {
        let all: Vec<_> = Colour::ALL.iter().map(|it| (it.as_str(), it.chinese(), it.roman())).collect();
        let expected = [("blue", "蓝色", "IV"), ("yellow", "黄色", "III"), ("orange", "橙色", "II"), ("red", "红色", "I")];
        assert_eq!(all, expected);
        assert!(Colour::Red > Colour::Orange && Level::City > Level::Enterprise);
    }
}
