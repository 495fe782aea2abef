//! The site model: what is watched, and what counts as an alarm.

use crate::{
    AlarmId, Department, EnterpriseId, GatewayPath, InstallationId, ParkId, Partition, Place, Plan, PointId, PointNumber,
    Resource, RevisionNumber, SampleFlags, SourceId, Span, WarningRule, WindPoints,
};

/// Names a closed set of words, each with its text in site files, JSON and records.
macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($(#[$vdoc:meta])* $variant:ident = $text:literal),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $name { $($(#[$vdoc])* $variant),+ }

        impl $name {
            /// Every word there is, in order.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// The word in site files and JSON.
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

pub(crate) use words;

words!(
    /// What a point measures.
    Quantity {
        /// Pressure.
        Pressure = "pressure",
        /// Temperature.
        Temperature = "temperature",
        /// Level.
        Level = "level",
        /// Flow.
        Flow = "flow",
        /// Combustible gas (可燃气体), a gas detector by GB/T 50493.
        CombustibleGas = "combustible_gas",
        /// Toxic gas (有毒气体), a gas detector by GB/T 50493.
        ToxicGas = "toxic_gas",
        /// Oxygen, a gas detector by GB/T 50493.
        Oxygen = "oxygen",
        /// People present.
        Headcount = "headcount",
        /// Wind speed.
        WindSpeed = "wind_speed",
        /// Wind direction.
        WindDirection = "wind_direction",
        /// A discrete state; the only one that takes text, by its table of states.
        State = "state",
        /// Anything else.
        Other = "other",
    }
);

impl Quantity {
    /// Whether it is a gas detector: bad quality and silence are alarms of their own, and alarms latch (GB/T 50493-2019).
    pub const fn is_gas_detector(self) -> bool {
        matches!(self, Self::CombustibleGas | Self::ToxicGas | Self::Oxygen)
    }
}

words!(
    /// What kind of place an installation is.
    InstallationKind {
        /// A process unit (生产装置).
        Process = "process",
        /// A tank farm (罐区).
        TankFarm = "tank_farm",
        /// A warehouse (仓库).
        Warehouse = "warehouse",
        /// A loading station (装卸).
        Loading = "loading",
    }
);

words!(
    /// How urgent an alarm is (ISA-18.2); ordered from lowest to highest.
    Priority {
        /// Lowest.
        Low = "low",
        /// Below high.
        Medium = "medium",
        /// Below critical.
        High = "high",
        /// Highest.
        Critical = "critical",
    }
);

words!(
    /// The kind of rule behind an alarm.
    AlarmKind {
        /// Active at `value >= limit`, clears at `value < limit - deadband`.
        HighHigh = "high_high",
        /// Active at `value >= limit`, clears at `value < limit - deadband`.
        High = "high",
        /// Active at `value <= limit`, clears at `value > limit + deadband`.
        Low = "low",
        /// Active at `value <= limit`, clears at `value > limit + deadband`.
        LowLow = "low_low",
        /// Active when nothing newer came for more than the point's `stale_after`.
        Stale = "stale",
        /// Active while the newest sample is of bad quality.
        BadQuality = "bad_quality",
        /// Active while the newest value lies outside the instrument's range.
        OutOfRange = "out_of_range",
        /// Active while the instrument is being calibrated.
        Calibrating = "calibrating",
        /// Active while the value changes faster than the limit, over a window of source time.
        Rate = "rate",
        /// Active while the value is farther than the limit from a set value or from another point.
        Deviation = "deviation",
        /// Active when the value has not moved beyond the instrument's noise for a time.
        Stuck = "stuck",
        /// Active while the value is one of a set of states.
        State = "state",
        /// Active while M of N points are beyond the limit.
        Vote = "vote",
        /// Active while a condition in CEL is true.
        Expression = "expression",
        /// Active while a robust slope says that the limit will be reached within a time.
        TimeToLimit = "time_to_limit",
        /// Active while another rule of the point cannot judge all that it should: an input is missing, an expression fails.
        RuleFault = "rule_fault",
        /// Active while nothing comes from a gateway; implied for every gateway, never configured.
        GatewayDown = "gateway_down",
        /// Active while nothing comes from any gateway of an enterprise; implied for every enterprise, never configured.
        EnterpriseDown = "enterprise_down",
    }
);

impl AlarmKind {
    /// Whether the rule compares with a limit.
    pub const fn has_limit(self) -> bool {
        self.is_limit() || matches!(self, Self::Rate | Self::Deviation | Self::Vote | Self::TimeToLimit)
    }

    /// Whether the rule compares the value itself with a fixed limit.
    pub const fn is_limit(self) -> bool {
        matches!(self, Self::HighHigh | Self::High | Self::Low | Self::LowLow)
    }

    /// Whether the rule judges several points together, once after each message.
    pub const fn is_group(self) -> bool {
        matches!(self, Self::Vote | Self::Expression)
    }

    /// Whether site files may configure it.
    pub const fn is_configurable(self) -> bool {
        !matches!(self, Self::RuleFault | Self::GatewayDown | Self::EnterpriseDown)
    }
}

words!(
    /// How a gateway speaks.
    Protocol {
        /// Plain JSON over MQTT.
        Mqtt = "mqtt",
        /// Sparkplug B over MQTT.
        Sparkplug = "sparkplug",
        /// `IngestService.PushSamples` over gRPC.
        Grpc = "grpc",
    }
);

/// A chemical park (化工园区).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Park {
    /// Its id.
    pub id: ParkId,
    /// Name as people in the park read it.
    pub name: String,
    /// IANA time zone, for schedules and reports only.
    pub time_zone: String,
    /// Administrative district code (GB/T 2260), empty where not given.
    pub district: String,
    /// Where the wind is measured for installations that name no points of their own.
    pub wind: Option<WindPoints>,
}

/// An enterprise.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Enterprise {
    /// Its id.
    pub id: EnterpriseId,
    /// Name as people in the park read it.
    pub name: String,
    /// Its park; `None` outside any park.
    pub park: Option<ParkId>,
    /// Administrative district code, for enterprises outside any park; empty where not given.
    pub district: String,
}

/// A place on earth, WGS 84.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Location {
    /// Degrees north, -90 to 90.
    pub lat: f64,
    /// Degrees east, -180 to 180.
    pub lon: f64,
}

/// A substance an installation may hold.
#[derive(Clone, Debug, PartialEq)]
pub struct Substance {
    /// CAS registry number.
    pub cas: String,
    /// Name; empty where not given.
    pub name: String,
    /// The most that the design allows, tonnes.
    pub design_max_tonnes: f64,
}

/// A major hazard source (重大危险源, GB 18218).
#[derive(Clone, Debug, PartialEq)]
pub struct Installation {
    /// Its id.
    pub id: InstallationId,
    /// Name as people in the park read it.
    pub name: String,
    /// Whose it is.
    pub enterprise: EnterpriseId,
    /// What kind of place.
    pub kind: InstallationKind,
    /// People within 500 m outside the plant, for the level by GB 18218.
    pub exposed_people: u32,
    /// Where it is.
    pub location: Option<Location>,
    /// What it may hold.
    pub substances: Vec<Substance>,
    /// Where the wind is measured; `None`: as for its park.
    pub wind: Option<WindPoints>,
}

/// An instrument's range, in the point's unit; low < high, both finite.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Range {
    /// Lower end.
    pub low: f64,
    /// Upper end.
    pub high: f64,
}

/// Where a point's samples come from.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct PointSource {
    /// How the gateway speaks.
    pub protocol: Protocol,
    /// The gateway.
    pub gateway: GatewayPath,
    /// The gateway's name for the point.
    pub tag: String,
}

/// A measured variable.
#[derive(Clone, Debug, PartialEq)]
pub struct Point {
    /// Its id.
    pub id: PointId,
    /// Name as people in the park read it; empty where not given.
    pub name: String,
    /// Where it is.
    pub installation: InstallationId,
    /// Whose it is: that of its installation.
    pub enterprise: EnterpriseId,
    /// The park of its enterprise.
    pub park: Option<ParkId>,
    /// What it measures.
    pub quantity: Quantity,
    /// The unit that travels with its values.
    pub unit: String,
    /// The instrument's range; a finite value outside is flagged and judged.
    pub range: Option<Range>,
    /// Silence is more than this on the point's clock.
    pub stale_after: Span,
    /// Where its samples come from.
    pub source: PointSource,
    /// Text values and the numbers they stand for; only for quantity `state`.
    pub states: Vec<(String, f64)>,
    /// Its alarms, the implied ones of gas detectors included.
    pub alarms: Vec<AlarmRule>,
    /// CAS number of what a gas detector measures; empty where not given.
    pub cas: String,
}

impl Point {
    /// The source whose outages stop this point's clock: the protocol's connection for plain JSON, whose gateways cannot be told to be
    /// connected; the gateway or device itself for the others.
    pub fn source_id(&self) -> SourceId {
        match self.source.protocol {
            Protocol::Mqtt => SourceId::of(Protocol::Mqtt),
            protocol => SourceId::gateway(protocol, &self.source.gateway),
        }
    }

    /// The flags that configuration gives to a value as it comes in.
    pub fn flags_of(&self, value: Option<f64>) -> SampleFlags {
        let outside = |range: Range| value.is_some_and(|value| value.is_finite() && (value < range.low || value > range.high));
        SampleFlags { out_of_range: self.range.is_some_and(outside), ..SampleFlags::default() }
    }
}

words!(
    /// Which way a value moves, or on which side of a limit it is active.
    Direction {
        /// Rising; at or above.
        Up = "up",
        /// Falling; at or below.
        Down = "down",
        /// Either way.
        Both = "both",
    }
);

words!(
    /// How a vote counts a member that is bad, calibrated, stale or was never seen (traps 38).
    MissingMember {
        /// As one that votes for the alarm.
        Vote = "vote",
        /// As one that votes against it.
        NoVote = "no_vote",
        /// Not at all: M of the others, at most all of them.
        Degrade = "degrade",
    }
);

/// What a deviation is measured from.
#[derive(Clone, Debug, PartialEq)]
pub enum Reference {
    /// A set value in the point's unit.
    Value(f64),
    /// The newest value of another point of the enterprise; `fallback` while that one is bad or silent, if there is one (traps 39).
    Point {
        /// The other point.
        point: PointId,
        /// In the point's unit.
        fallback: Option<f64>,
    },
}

/// What a rule judges by beside its limit and deadband.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Condition {
    /// Nothing else.
    #[default]
    Plain,
    /// `rate`: the limit is in units per `per`, not negative; the slope is that of least squares over `window`.
    Rate {
        /// Over how much source time.
        window: Span,
        /// The limit's time base.
        per: Span,
        /// Which way counts.
        direction: Direction,
    },
    /// `deviation`: the limit is the distance, not negative.
    Deviation {
        /// From where.
        from: Reference,
        /// Which side counts.
        direction: Direction,
    },
    /// `stuck`: all values of the last `window` lie within `noise`.
    Stuck {
        /// In the point's unit, not negative: the greatest difference that is no movement.
        noise: f64,
        /// For how long.
        window: Span,
    },
    /// `state`: the value is one of these.
    State {
        /// Ascending, each once.
        values: Vec<f64>,
    },
    /// `vote`: at least `votes` of the members are beyond the limit.
    Vote {
        /// In order of id, each once, all of one installation.
        members: Vec<PointId>,
        /// M, at least 1 and at most the number of members.
        votes: u32,
        /// `Up`: at or above the limit; `Down`: at or below it; never `Both`.
        direction: Direction,
        /// How missing members count.
        missing: MissingMember,
    },
    /// `expression`.
    Expression(Formula),
    /// `time_to_limit`.
    TimeToLimit {
        /// The slope is the median of all slopes between samples of this much source time (Theil and Sen).
        window: Span,
        /// Active when the limit will be reached within this.
        within: Span,
        /// From which side the limit is approached: `Up` from below, `Down` from above; never `Both`.
        direction: Direction,
    },
    /// `rule_fault`.
    FaultOf {
        /// The rule of the same point that it watches.
        alarm: AlarmId,
    },
}

/// A condition in CEL over the newest values of points of one enterprise.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Formula {
    /// As written; it compiles.
    pub text: String,
    /// The names it may use, in order, and the points behind them.
    pub inputs: Vec<(String, PointId)>,
}

/// Alarms that are suppressed by design while a condition holds, such as a unit that is shut down (ISA-18.2-2016, 12).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Suppression {
    /// Its id.
    pub id: String,
    /// Whose points it looks at and whose alarms it suppresses.
    pub enterprise: EnterpriseId,
    /// While this is known to be true.
    pub when: Formula,
    /// Which alarms, in order: one of a point, or all of it.
    pub alarms: Vec<(PointId, Option<AlarmId>)>,
}

/// One configured rule on a point: an alarm of its own, with its own life.
#[derive(Clone, Debug, PartialEq)]
pub struct AlarmRule {
    /// Its id on the point; default: its kind.
    pub id: AlarmId,
    /// The kind of rule.
    pub kind: AlarmKind,
    /// The limit in the point's unit; there exactly where `kind.has_limit()`, and finite.
    pub limit: Option<f64>,
    /// In the point's unit, not negative.
    pub deadband: f64,
    /// How long the active condition must hold without a break.
    pub on_delay: Span,
    /// How long the clear condition must hold without a break.
    pub off_delay: Span,
    /// How urgent.
    pub priority: Priority,
    /// Whether it holds after the value has returned until somebody resets it; default: true for gas detectors.
    pub latching: bool,
    /// What the operator reads: why it may have come.
    pub cause: String,
    /// What the operator reads: what may follow.
    pub consequence: String,
    /// What the operator reads: what to do.
    pub action: String,
    /// The time there is for it.
    pub respond_within: Option<Span>,
    /// The operator position it belongs to; empty where not given.
    pub position: String,
    /// Not configured, but implied by the point being a gas detector.
    pub implied: bool,
    /// What it judges by beside limit and deadband.
    pub condition: Condition,
    /// The group of alarms of the enterprise in which the first one is marked; empty for none.
    pub group: String,
    /// The longest time for which it may be shelved; zero: not at all.
    pub shelve_max: Span,
    /// Announced anew when it stands that long, acknowledged or not (RAL of ISA-18.2).
    pub realarm_after: Option<Span>,
    /// An alarm that comes back so soon after it returned is listed and not annunciated again; zero: it always is.
    pub repeat_within: Span,
}

/// The longest time for which an alarm may be shelved where nothing else is said.
pub const SHELVE_MAX: Span = Span::from_secs(8 * 3_600);

impl Default for AlarmRule {
    /// A rule that never judges anything: to be filled in.
    fn default() -> Self {
        Self {
            id: AlarmId::new(AlarmKind::High.as_str()).expect("the words of kinds are ids"),
            kind: AlarmKind::High,
            limit: None,
            deadband: 0.0,
            on_delay: Span::ZERO,
            off_delay: Span::ZERO,
            priority: Priority::Medium,
            latching: false,
            cause: String::new(),
            consequence: String::new(),
            action: String::new(),
            respond_within: None,
            position: String::new(),
            implied: false,
            condition: Condition::Plain,
            group: String::new(),
            shelve_max: SHELVE_MAX,
            realarm_after: None,
            repeat_within: Span::ZERO,
        }
    }
}

impl AlarmRule {
    /// Whether two rules judge alike: everything but texts, priority and who reads it (traps 40).
    pub fn judges_like(&self, other: &Self) -> bool {
        self.kind == other.kind
            && self.limit == other.limit
            && self.deadband == other.deadband
            && self.on_delay == other.on_delay
            && self.off_delay == other.off_delay
            && self.condition == other.condition
    }
}

/// A whole site as its files say it, checked.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Site {
    /// In order of id.
    pub parks: Vec<Park>,
    /// In order of id.
    pub enterprises: Vec<Enterprise>,
    /// In order of id.
    pub installations: Vec<Installation>,
    /// In order of id.
    pub points: Vec<Point>,
    /// In order of id.
    pub suppressions: Vec<Suppression>,
    /// In order of id.
    pub departments: Vec<Department>,
    /// In order of id.
    pub warnings: Vec<WarningRule>,
    /// In order of id.
    pub places: Vec<Place>,
    /// In order of id.
    pub resources: Vec<Resource>,
    /// In order of id.
    pub plans: Vec<Plan>,
}

/// A site with a number, and numbers for its points; or the part of it that concerns one partition.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Revision {
    /// From 1, growing by one.
    pub number: RevisionNumber,
    /// SHA-256 of the canonical content of the whole site.
    pub content_hash: [u8; 32],
    /// The site, or a part of it.
    pub site: Site,
    /// The number of each of `site.points`, in the same order.
    pub numbers: Vec<PointNumber>,
    /// The lowest number never given to any point.
    pub next_point_number: PointNumber,
    /// Points that once were, with their numbers; empty in a part.
    pub retired: Vec<(PointId, PointNumber)>,
}

impl Revision {
    /// Each point with its number.
    pub fn points(&self) -> impl Iterator<Item = (PointNumber, &Point)> {
        self.numbers.iter().copied().zip(&self.site.points)
    }

    /// The part that concerns the enterprises of one partition.
    pub fn part(&self, partition: Partition) -> Self {
        let here = |enterprise: &EnterpriseId| Partition::of(enterprise) == partition;
        let enterprises: Vec<_> = self.site.enterprises.iter().filter(|it| here(&it.id)).cloned().collect();
        let parks = self.site.parks.iter().filter(|park| enterprises.iter().any(|it| it.park.as_ref() == Some(&park.id)));
        let (numbers, points) = self.points().filter(|(_, point)| here(&point.enterprise)).map(|(n, p)| (n, p.clone())).unzip();
        Self {
            number: self.number,
            content_hash: self.content_hash,
            numbers,
            next_point_number: self.next_point_number,
            retired: Vec::new(),
            site: Site {
                parks: parks.cloned().collect(),
                installations: self.site.installations.iter().filter(|it| here(&it.enterprise)).cloned().collect(),
                points,
                enterprises,
                suppressions: self.site.suppressions.iter().filter(|it| here(&it.enterprise)).cloned().collect(),
                // Warnings are no matter of a partition: they are opened over events.
                departments: Vec::new(),
                warnings: Vec::new(),
                places: Vec::new(),
                resources: Vec::new(),
                plans: Vec::new(),
            },
        }
    }

    /// The partitions that any enterprise of this site lives in, each once, in order.
    pub fn partitions(&self) -> Vec<Partition> {
        let mut partitions: Vec<_> = self.site.enterprises.iter().map(|it| Partition::of(&it.id)).collect();
        partitions.sort_unstable();
        partitions.dedup();
        partitions
    }
}
