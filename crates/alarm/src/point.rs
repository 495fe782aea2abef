//! What is remembered of a point and of each of its alarms: 64 bytes that every sample touches, and a cell per alarm that only changes touch.

use model::{AlarmKind, AlarmRule, Condition, Direction, Quality, Range, Reference, Sample, Span, Time};

use crate::life::Flags;

/// More than this behind journal time is `late`; more than this ahead is a wrong clock.
pub(crate) const SKEW: Span = Span::from_secs(60);
/// The least step of time.
pub(crate) const TICK: Span = Span::from_micros(1);

/// A point's state between samples.
#[derive(Clone, Copy, Debug)]
#[repr(align(64))]
pub(crate) struct Hot {
    /// Judged time of the newest sample; of a point never seen the time its clock started.
    pub(crate) last: Time,
    /// Journal time at which the clock stood at `last`; of a frozen clock how far it stands beyond `last`, in microseconds.
    pub(crate) anchor: Time,
    /// A good value strictly between `lo` and `hi` changes nothing on any alarm: a cache, made anew by `Core::refresh`.
    pub(crate) lo: f64,
    /// See `lo`.
    pub(crate) hi: f64,
    /// Earliest due time of any running delay, `Time::MAX` if none runs: a cache like `lo`.
    pub(crate) timer: Time,
    /// The newest sample's value as it came, where `VALUE` is set; 0 otherwise.
    pub(crate) value: f64,
    /// Copy of the point's `stale_after`.
    pub(crate) stale_after: Span,
    /// See the constants.
    pub(crate) flags: u16,
}

// One cache line, and aligned to one: across two, every sample waits for memory twice. Whoever adds a field measures first.
const _: () = assert!(size_of::<Hot>() == 64);

impl Hot {
    /// A sample was judged or bad and newer; without it `last` is the start of the clock.
    pub(crate) const SEEN: u16 = 1;
    /// The newest sample has a value.
    pub(crate) const VALUE: u16 = 1 << 1;
    /// The newest sample is bad.
    pub(crate) const BAD: u16 = 1 << 2;
    /// The newest sample is uncertain.
    pub(crate) const UNCERTAIN: u16 = 1 << 3;
    /// The newest sample's clock ran ahead.
    pub(crate) const SUSPECT: u16 = 1 << 4;
    /// The newest sample's value lay outside the range.
    pub(crate) const OUT_OF_RANGE: u16 = 1 << 5;
    /// An outage lies between the newest sample and the next.
    pub(crate) const OUTAGE: u16 = 1 << 6;
    /// The gateway's clock was set back: the next sample counts whatever its time.
    pub(crate) const SET_BACK: u16 = 1 << 7;
    /// The source is down.
    pub(crate) const DOWN: u16 = 1 << 8;
    /// Recorded data end here.
    pub(crate) const STOPPED: u16 = 1 << 9;
    /// The newest sample is of an instrument that is being calibrated.
    pub(crate) const CALIBRATING: u16 = 1 << 10;
    /// Rules over several points look at this one, so no sample of it is quiet; of the layout, not of the state.
    pub(crate) const MEMBER: u16 = 1 << 11;
    /// It is silent, and the rules that look at it know.
    pub(crate) const SILENT: u16 = 1 << 12;
    /// Every flag there is.
    pub(crate) const ALL: u16 = (1 << 13) - 1;
    const FROZEN: u16 = Self::DOWN | Self::STOPPED;
    const QUIET: u16 = Self::SEEN | Self::VALUE;

    /// A point never seen, whose clock starts now.
    pub(crate) fn new(now: Time) -> Self {
        Self {
            last: now,
            anchor: now,
            lo: f64::INFINITY,
            hi: f64::NEG_INFINITY,
            timer: Time::MIN,
            value: 0.0,
            stale_after: Span::ZERO,
            flags: 0,
        }
    }

    pub(crate) const fn has(&self, flag: u16) -> bool {
        self.flags & flag != 0
    }

    pub(crate) const fn set(&mut self, flag: u16, on: bool) {
        if on {
            self.flags |= flag;
        } else {
            self.flags &= !flag;
        }
    }

    pub(crate) const fn frozen(&self) -> bool {
        self.has(Self::FROZEN)
    }

    /// How far the clock stands beyond the newest sample.
    pub(crate) const fn elapsed(&self, now: Time) -> Span {
        if self.frozen() { Span::from_micros(self.anchor.micros()) } else { now.since(self.anchor) }
    }

    /// The point's clock.
    pub(crate) const fn clock(&self, now: Time) -> Time {
        self.last.plus(self.elapsed(now))
    }

    /// Journal time at which the clock will stand at `due`; never, while it is frozen.
    pub(crate) const fn journal_time_of(&self, due: Time) -> Time {
        if self.frozen() { Time::MAX } else { self.anchor.plus(due.since(self.last)) }
    }

    /// The last instant that is not yet silence.
    pub(crate) const fn silence(&self) -> Time {
        self.last.plus(self.stale_after)
    }

    /// Stops the clock where it stands, for a reason of its own.
    pub(crate) const fn freeze(&mut self, reason: u16, now: Time) {
        self.anchor = Time::from_micros(self.elapsed(now).micros());
        self.flags |= reason;
    }

    /// Lets the clock go on from where it stands, if no other reason holds it.
    pub(crate) const fn thaw(&mut self, reason: u16, now: Time) {
        let stood = self.frozen();
        let elapsed = self.elapsed(now);
        self.flags &= !reason;
        if stood && !self.frozen() {
            self.anchor = Time::from_micros(now.micros().saturating_sub(elapsed.micros()));
        }
    }

    /// The clock stands at `time` now.
    pub(crate) const fn restart(&mut self, time: Time, now: Time) {
        self.last = time;
        self.anchor = if self.frozen() { Time::from_micros(0) } else { now };
    }

    /// Whether a sample of this time is older than the newest one.
    pub(crate) fn is_behind(&self, time: Time) -> bool {
        self.has(Self::SEEN) && !self.has(Self::SET_BACK) && time < self.last
    }

    /// The newest sample's value, if it can be judged: it is neither bad nor of an instrument in calibration.
    pub(crate) fn judged_value(&self) -> Option<f64> {
        (self.has(Self::VALUE) && !self.has(Self::BAD | Self::CALIBRATING)).then_some(self.value)
    }

    /// The newest sample's value as it came.
    pub(crate) fn raw_value(&self) -> Option<f64> {
        self.has(Self::VALUE).then_some(self.value)
    }

    /// Takes a sample that changes nothing but the held value and the clock; `false` leaves it to be judged.
    #[inline]
    pub(crate) fn take_quiet(&mut self, sample: &Sample, now: Time, ahead: Time) -> bool {
        let Some(value) = sample.value else { return false };
        let quiet = self.flags == Self::QUIET
            && self.lo < value
            && value < self.hi
            && sample.time > self.last
            && sample.time < self.timer
            && sample.time <= ahead
            && sample.time.since(self.last) <= self.stale_after
            && now.since(self.anchor) <= self.stale_after
            && sample.quality == Quality::Good
            && !sample.flags.historical
            && !sample.flags.out_of_range;
        if quiet {
            (self.last, self.anchor, self.value) = (sample.time, now, value);
        }
        quiet
    }
}

/// An alarm's state.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cell {
    /// Its life.
    pub(crate) flags: Flags,
    /// A delay runs: the on-delay while the condition is false, the off-delay while it is true.
    pub(crate) pending: bool,
    /// When the delay is over; of a stale alarm not raised, the earliest time its silence may count from.
    pub(crate) due: Time,
    /// When its last transition was dated.
    pub(crate) moved: Time,
    /// Its first raise: epoch, key_seq and ordinal of that event.
    pub(crate) occurrence: (u64, u64, u32),
    /// Raises of this occurrence so far.
    pub(crate) activation: u32,
}

impl Cell {
    /// Normal, and nothing ever happened.
    pub(crate) const NEW: Self =
        Self { flags: Flags::NORMAL, pending: false, due: Time::MIN, moved: Time::MIN, occurrence: (0, 0, 0), activation: 0 };
}

/// What a rule judges by, ready for comparing.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rule {
    pub(crate) kind: RuleKind,
    pub(crate) on_delay: Span,
    pub(crate) off_delay: Span,
    pub(crate) latching: bool,
}

/// The shape of a rule's condition.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum RuleKind {
    /// Active at or above the first, clear below the second.
    High(f64, f64),
    /// Active at or below the first, clear above the second.
    Low(f64, f64),
    /// Active while the newest sample is bad.
    Bad,
    /// Active while the instrument is being calibrated.
    Calibrating,
    /// Active in silence.
    Stale,
    /// Active outside the first two, clear inside the last two.
    Outside([f64; 4]),
    /// Active where the distance from the first reaches the second, clear below the third.
    Apart([f64; 3], Direction),
    /// Active where the value is one of a set.
    OneOf,
    /// Judged over what its window remembers.
    Window,
    /// Judged by what several points say together.
    Group,
    /// Active while the group rule beside it cannot judge all that it should.
    Fault,
    /// Active while nothing comes from a gateway or an enterprise.
    Link,
    /// What it needs is missing: never active, never clear; `site` lets no such rule through.
    Never,
}

impl Rule {
    /// What of a configured rule counts for judging; `range` is its point's.
    pub(crate) fn of(rule: &AlarmRule, range: Option<Range>) -> Self {
        let kind = match (rule.kind, rule.limit, &rule.condition) {
            (AlarmKind::HighHigh | AlarmKind::High, Some(limit), _) => RuleKind::High(limit, limit - rule.deadband),
            (AlarmKind::Low | AlarmKind::LowLow, Some(limit), _) => RuleKind::Low(limit, limit + rule.deadband),
            (AlarmKind::Stale, ..) => RuleKind::Stale,
            (AlarmKind::BadQuality, ..) => RuleKind::Bad,
            (AlarmKind::Calibrating, ..) => RuleKind::Calibrating,
            (AlarmKind::OutOfRange, ..) => range.map_or(RuleKind::Never, |Range { low, high }| {
                RuleKind::Outside([low, high, low + rule.deadband, high - rule.deadband])
            }),
            (AlarmKind::Deviation, Some(limit), Condition::Deviation { from: Reference::Value(from), direction }) => {
                RuleKind::Apart([*from, limit, limit - rule.deadband], *direction)
            }
            (AlarmKind::Deviation, Some(_), Condition::Deviation { from: Reference::Point { .. }, .. }) => RuleKind::Group,
            (AlarmKind::Vote | AlarmKind::Expression, ..) => RuleKind::Group,
            (AlarmKind::RuleFault, _, Condition::FaultOf { .. }) => RuleKind::Fault,
            (AlarmKind::State, _, Condition::State { .. }) => RuleKind::OneOf,
            (AlarmKind::Rate, Some(_), Condition::Rate { .. })
            | (AlarmKind::TimeToLimit, Some(_), Condition::TimeToLimit { .. })
            | (AlarmKind::Stuck, _, Condition::Stuck { .. }) => RuleKind::Window,
            (AlarmKind::GatewayDown | AlarmKind::EnterpriseDown, ..) => RuleKind::Link,
            _ => RuleKind::Never,
        };
        let delay = |span: Span| span.max(Span::ZERO);
        Self { kind, on_delay: delay(rule.on_delay), off_delay: delay(rule.off_delay), latching: rule.latching }
    }
}

/// How far apart two values are, by the side that counts; negative on the other side.
pub(crate) fn distance(value: f64, from: f64, direction: Direction) -> f64 {
    match direction {
        Direction::Up => value - from,
        Direction::Down => from - value,
        Direction::Both => (value - from).abs(),
    }
}

impl RuleKind {
    /// Whether a good value makes it active, and whether it makes it clear.
    pub(crate) fn of_value(self, value: f64) -> (bool, bool) {
        match self {
            Self::High(active, clear) => (value >= active, value < clear),
            Self::Low(active, clear) => (value <= active, value > clear),
            Self::Outside([low, high, low_clear, high_clear]) => {
                (value < low || value > high, value >= low_clear && value <= high_clear)
            }
            Self::Apart([from, active, clear], direction) => {
                let apart = distance(value, from, direction);
                (apart >= active, apart < clear)
            }
            Self::Bad | Self::Calibrating => (false, true),
            Self::Stale | Self::OneOf | Self::Window | Self::Group | Self::Fault | Self::Link | Self::Never => (false, false),
        }
    }

    /// Whether bad quality, silence and calibration leave it as it is, since it judges values.
    pub(crate) const fn judges_values(self) -> bool {
        !matches!(self, Self::Bad | Self::Calibrating | Self::Stale | Self::Fault | Self::Link)
    }

    /// The open interval of good values that move neither the condition nor a delay.
    pub(crate) fn quiet_values(self, cond: bool, pending: bool) -> (f64, f64) {
        const ANY: (f64, f64) = (f64::NEG_INFINITY, f64::INFINITY);
        const NONE: (f64, f64) = (f64::INFINITY, f64::NEG_INFINITY);
        match (self, cond, pending) {
            (Self::High(active, _), false, false) => (ANY.0, active),
            (Self::High(active, _), false, true) => (active.next_down(), ANY.1),
            (Self::High(_, clear), true, false) => (clear.next_down(), ANY.1),
            (Self::High(_, clear), true, true) => (ANY.0, clear),
            (Self::Low(active, _), false, false) => (active, ANY.1),
            (Self::Low(active, _), false, true) => (ANY.0, active.next_up()),
            (Self::Low(_, clear), true, false) => (ANY.0, clear.next_up()),
            (Self::Low(_, clear), true, true) => (clear, ANY.1),
            (Self::Outside([low, high, ..]), false, false) => (low.next_down(), high.next_up()),
            // A good sample ends a bad condition's on-delay and starts a broken off-delay.
            (Self::Bad | Self::Calibrating, false, true) | (Self::Bad | Self::Calibrating | Self::Stale, true, false) => NONE,
            (Self::Outside(_) | Self::Apart(..) | Self::OneOf | Self::Window, ..) => NONE,
            _ => ANY,
        }
    }
}
