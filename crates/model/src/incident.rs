//! Incidents (事故, 突发事件): what happened, what it cost, who has to be told by law until when, and who was.

use crate::site::words;
use crate::{CaseworkAction, CaseworkRefusal, DepartmentId, EventId, RequestId, Time, WarningPlace};

words!(
    /// How an incident moved.
    IncidentTransition {
        /// Somebody declared it.
        Declared = "incident.declared",
        /// What it is or what it cost is known better.
        Corrected = "incident.corrected",
        /// Somebody was told of it.
        Notified = "incident.notified",
        /// Half or four fifths of the time of a duty are over.
        Reminder = "incident.reminder",
        /// The time of a duty is over, and no notice is on record.
        Overdue = "incident.overdue",
        /// It is over.
        Closed = "incident.closed",
        /// What was asked was not done.
        Refused = "incident.refused",
    }
);

words!(
    /// What happened.
    IncidentKind {
        /// An accident at work (生产安全事故).
        Accident = "accident",
        /// One of road traffic, or a fire.
        TrafficOrFire = "traffic_or_fire",
        /// An environmental event (突发环境事件).
        Environmental = "environmental",
        /// Highly toxic or precursor chemicals are lost or stolen.
        LossOrTheft = "loss_or_theft",
        /// A near miss (未遂): nothing that the law wants reported.
        NearMiss = "near_miss",
    }
);

impl IncidentKind {
    /// In Chinese.
    pub const fn chinese(self) -> &'static str {
        match self {
            Self::Accident => "生产安全事故",
            Self::TrafficOrFire => "交通或火灾事故",
            Self::Environmental => "突发环境事件",
            Self::LossOrTheft => "丢失被盗",
            Self::NearMiss => "未遂事件",
        }
    }
}

words!(
    /// How bad an accident is by law: Order 493 of the State Council of 2007, article 3.
    AccidentClass {
        /// 一般.
        Ordinary = "ordinary",
        /// 较大.
        Larger = "larger",
        /// 重大.
        Serious = "serious",
        /// 特别重大.
        ExtraordinarilySerious = "extraordinarily_serious",
    }
);

impl AccidentClass {
    /// In Chinese.
    pub const fn zh(self) -> &'static str {
        match self {
            Self::Ordinary => "一般事故",
            Self::Larger => "较大事故",
            Self::Serious => "重大事故",
            Self::ExtraordinarilySerious => "特别重大事故",
        }
    }
}

words!(
    /// What makes it doubtful that an incident was reported when it was known (迟报, 瞒报).
    IncidentDoubt {
        /// A notice says that it was known earlier than declared.
        KnownEarlier = "known_earlier",
        /// An alarm or a warning about it is older than the time it was known by more than the first limit.
        AlarmEarlier = "alarm_earlier",
        /// A notice that was given in time by its own words came on record only after that time.
        RecordedAfterDue = "recorded_after_due",
    }
);

/// What it cost, as far as known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct IncidentLosses {
    /// The dead.
    pub dead: Option<u32>,
    /// The severely injured.
    pub severely_injured: Option<u32>,
    /// The acutely poisoned; the law counts them among the severely injured.
    pub poisoned: Option<u32>,
    /// Direct economic loss, yuan.
    pub direct_loss_yuan: Option<u64>,
}

/// A duty to tell somebody, as the law stood when it was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IncidentDuty {
    /// Its name: `head-to-county`.
    pub duty: String,
    /// Who: `head_of_unit`.
    pub who: String,
    /// Whom: `county`.
    pub whom: String,
    /// From when it is counted.
    pub from: Time,
    /// The latest time.
    pub due: Time,
    /// It applies only if the class is found to be worse than it is known to be.
    pub if_of_class: bool,
    /// The law.
    pub source: String,
}

/// That somebody was told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IncidentNotice {
    /// Who told, in person or as an office.
    pub who: String,
    /// Whom.
    pub whom: String,
    /// When, as they say.
    pub told_at: Time,
    /// How: telephone, fax, system ...
    pub how: String,
    /// The reference number; empty where there is none.
    pub reference: String,
    /// Since when the one who told had known, where they say so.
    pub known_at: Option<Time>,
}

/// An incident moved; the event's subject is the place where it happened. What a transition has no word for stays empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IncidentChange {
    /// How.
    pub transition: IncidentTransition,
    /// Its name: the id of the event that declared it; `None` in that event itself, and where a declaration was refused.
    pub incident: Option<EventId>,
    /// What happened, after this.
    pub kind: IncidentKind,
    /// The same in words.
    pub title: String,
    /// What kind of place the subject is.
    pub place: WarningPlace,
    /// When it happened.
    pub happened_at: Time,
    /// When the first one who has to report knew.
    pub known_at: Time,
    /// What it cost, after this.
    pub losses: IncidentLosses,
    /// The class, after this; `None` where the losses do not tell, and for what has none.
    pub class: Option<AccidentClass>,
    /// Of a declaration and a correction: the duties from then on. Of a reminder and of what is late: that duty.
    pub duties: Vec<IncidentDuty>,
    /// Alarms and warnings about it.
    pub about: Vec<EventId>,
    /// When the first of these was on record, where that is known.
    pub about_since: Option<Time>,
    /// The duty that is done, due or late.
    pub duty: String,
    /// Its latest time.
    pub due: Option<Time>,
    /// Of a reminder: how much of its time is over.
    pub percent: u32,
    /// Who told whom.
    pub notice: Option<IncidentNotice>,
    /// Whether that was later than the latest time.
    pub late: bool,
    /// What is doubtful from here on.
    pub doubts: Vec<IncidentDoubt>,
    /// Of a closing: it was declared in error.
    pub in_error: bool,
    /// Who did it: a department or an enterprise.
    pub department: Option<DepartmentId>,
    /// Who, in person; empty for Davy itself.
    pub actor: String,
    /// What they wrote, or why it was refused.
    pub text: String,
    /// The request behind it.
    pub request_id: Option<RequestId>,
    /// Of a refusal: what was wanted, and why not.
    pub refused: Option<(CaseworkAction, CaseworkRefusal)>,
}

impl IncidentChange {
    /// A transition with nothing else said yet.
    pub const fn new(transition: IncidentTransition, kind: IncidentKind, place: WarningPlace) -> Self {
        Self {
            transition,
            incident: None,
            kind,
            title: String::new(),
            place,
            happened_at: Time::MIN,
            known_at: Time::MIN,
            losses: IncidentLosses { dead: None, severely_injured: None, poisoned: None, direct_loss_yuan: None },
            class: None,
            duties: Vec::new(),
            about: Vec::new(),
            about_since: None,
            duty: String::new(),
            due: None,
            percent: 0,
            notice: None,
            late: false,
            doubts: Vec::new(),
            in_error: false,
            department: None,
            actor: String::new(),
            text: String::new(),
            request_id: None,
            refused: None,
        }
    }
}
