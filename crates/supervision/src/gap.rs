//! Stretches of journal time in which something could not be supervised.

use model::{Position, Span, Time};

use crate::needs::RuleSpan;

/// The least step of time.
pub(crate) const TICK: Span = Span::from_micros(1);

macro_rules! reasons {
    ($($(#[$doc:meta])* $variant:ident = $text:literal),+ $(,)?) => {
        /// What kept something from being supervised.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Reason { $($(#[$doc])* $variant),+ }

        impl Reason {
            /// Every one; their places are part of the stored format.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// The word in the store and in answers.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text),+ }
            }

            /// What a word names.
            pub fn parse(word: &str) -> Option<Self> {
                match word { $($text => Some(Self::$variant),)+ _ => None }
            }
        }
    };
}

reasons! {
    /// Davy did not run, or stood still: the journal has a hole.
    EngineDown = "engine_down",
    /// The source is down, or not yet known to be up: the clocks of its points stand still.
    GatewayOffline = "gateway_offline",
    /// Nothing newer came for longer than the point's patience, on its clock.
    Stale = "stale",
    /// The point has not sent anything since it is in the site.
    NeverSeen = "never_seen",
    /// Its newest sample is bad.
    BadQuality = "bad_quality",
    /// Its instrument is being calibrated.
    Calibrating = "calibrating",
    /// A clock is wrong: the gateway's is more than 60 s ahead, or this machine's was set.
    ClockNotTrusted = "clock_not_trusted",
    /// An operator shelved the alarm.
    Shelved = "shelved",
    /// It is suppressed, by design or by an operator.
    Suppressed = "suppressed",
    /// It is out of service.
    OutOfService = "out_of_service",
    /// The rule cannot judge.
    RuleFault = "rule_fault",
    /// The journal was trimmed before it was read: nobody can say any more.
    NotRecorded = "not_recorded",
}

impl Reason {
    pub(crate) const fn bit(self) -> u16 {
        1 << self as u16
    }
}

/// A stretch of journal time in which something could not be supervised.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Gap {
    /// What it concerns: `partition/17`, `source/17/mqtt`, `gateway/17/rugang/e01/gw1`, `point/e01-PI-101`, `rule/e01-PI-101/high`,
    /// `journal`, `events`. Sources and gateways are named with their partition, for each partition sees them go and come at a time of
    /// its own.
    pub scope: String,
    /// Why.
    pub reason: Reason,
    /// Inclusive; with scope and reason its name.
    pub from: Time,
    /// Exclusive; `None` while it goes on.
    pub to: Option<Time>,
    /// The record (`telemetry/17@123`) or event (its id) that proves its begin.
    pub evidence: String,
}

/// What a fold has to say. A gap is said when it begins, and again with its end; a rule when it comes into force, and again with its end.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Said {
    /// Gaps that began or ended.
    pub gaps: Vec<Gap>,
    /// Rules that came into force or went out of it.
    pub rules: Vec<RuleSpan>,
}

/// Names of what gaps concern.
pub(crate) mod scope {
    pub(crate) const JOURNAL: &str = "journal";
    pub(crate) const EVENTS: &str = "events";

    pub(crate) fn partition(number: u8) -> String {
        format!("partition/{number}")
    }

    pub(crate) fn source(number: u8, name: &str) -> String {
        format!("source/{number}/{name}")
    }

    pub(crate) fn gateway(number: u8, path: &str) -> String {
        format!("gateway/{number}/{path}")
    }

    pub(crate) fn point(id: &str) -> String {
        format!("point/{id}")
    }

    pub(crate) fn rule(point: &str, alarm: &str) -> String {
        format!("rule/{point}/{alarm}")
    }
}

/// The record that proves a gap.
pub(crate) fn record(partition: u8, position: Position) -> String {
    format!("telemetry/{partition}@{}", position.0)
}
