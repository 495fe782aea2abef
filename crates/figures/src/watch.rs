//! Nuisances and floods of the present: a fold over `events`, its own former outputs included.
//!
//! What was said is known from the events that said it, so whoever replays them never says anything twice, and what was decided but
//! never written is decided again. `due` gives what is to be appended; it changes nothing by itself, and gives the same again until the
//! events have been applied. Floods go by `recorded_at`, the time of the operator, as does how long an alarm stands; chattering and
//! fleeting go by `occurred_at`, the time of the alarm's source.
//!
//! Said are: an episode of chattering once; fleeting at the third time within an hour, and once an hour for an alarm; standing once for
//! an activation, while nothing hides it. What is an hour old when it could be said first (nobody was there to say it) is not said any more.
//! Memory: a few times for each alarm that was active in the last two hours or is in alarm; the windows of flood.rs.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use model::{
    AlarmId, AlarmKey, AlarmState, AlarmTransition, Event, EventBody, EventId, FloodChange, Nuisance, NuisanceKind,
    RecordedEvent, RevisionNumber, Scope, Span, Time, Transition,
};

use crate::chatter::{ACTIVATIONS, CHATTER, Chatter};
use crate::flood::{Flood, FloodConfig, Meter};
use crate::{FLEETING, STANDING, position_of, transition};

/// So many fleeting activations within `FLEETING_WINDOW` are said.
const FLEETING_TIMES: usize = 3;

/// Also the least time between two sayings for one alarm.
const FLEETING_WINDOW: Span = Span::from_secs(3_600);

/// News of nuisances that nobody could say for so long is none.
const NEWS: Span = Span::from_secs(3_600);

/// The first instant at which an alarm has stood for longer than a day.
const STANDS_AFTER: Span = Span::from_micros(STANDING.micros() + 1);

/// An alarm that is not in alarm is forgotten after this.
const FORGET: Span = Span::from_secs(2 * 3_600);

/// How often what can be forgotten is looked for, in alarm transitions.
const FORGET_EVERY: u64 = 4_096;

/// For how long a chattering alarm may be shelved, by proposal (ISA-18.2-2016, clause 11: a shift at most).
const PROPOSED_SHELF: Span = Span::from_secs(3_600);

/// An annunciated activation that lasts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Raise {
    pub(crate) occurred_at: Time,
    pub(crate) recorded_at: Time,
    pub(crate) occurrence: Option<EventId>,
    pub(crate) standing_said: bool,
}

/// What is known of one alarm.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Track {
    pub(crate) chatter: Chatter,
    /// When its last fleeting activations began, by its source's time.
    pub(crate) fleeting: VecDeque<Time>,
    /// Which return was last said to be fleeting.
    pub(crate) fleeting_said: Option<Time>,
    pub(crate) raise: Option<Raise>,
    /// Shelved, suppressed or out of service.
    pub(crate) hidden: bool,
    pub(crate) gas: bool,
    pub(crate) scope: Scope,
    pub(crate) revision: RevisionNumber,
    /// Journal time of its last transition.
    pub(crate) touched: Time,
}

impl Track {
    fn stands_at(&self) -> Option<Time> {
        let raise = self.raise.as_ref().filter(|raise| !self.hidden && !raise.standing_said)?;
        Some(raise.recorded_at.plus(STANDS_AFTER))
    }
}

/// A nuisance that was seen and not yet said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Owed {
    /// Journal time when it was seen.
    pub(crate) seen: Time,
    pub(crate) occurred_at: Time,
    pub(crate) occurrence: Option<EventId>,
    pub(crate) span: Span,
}

/// What is known of one operator position.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) meter: Meter,
    /// The flood that the last flood event began.
    pub(crate) told: Option<Flood>,
    /// The flood that ended last.
    pub(crate) over: Option<Flood>,
    /// What all its alarms have in common.
    pub(crate) scope: Scope,
    pub(crate) revision: RevisionNumber,
}

/// The fold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Watch {
    pub(crate) config: FloodConfig,
    pub(crate) tracks: BTreeMap<AlarmKey, Track>,
    /// When each alarm will stand for too long.
    standing: BTreeSet<(Time, AlarmKey)>,
    pub(crate) owed: BTreeMap<(AlarmKey, NuisanceKind), Owed>,
    pub(crate) places: BTreeMap<Arc<str>, Place>,
    pub(crate) now: Time,
    pub(crate) transitions: u64,
}

impl Watch {
    /// A fold before the first event.
    pub const fn new(config: FloodConfig) -> Self {
        Self {
            config,
            tracks: BTreeMap::new(),
            standing: BTreeSet::new(),
            owed: BTreeMap::new(),
            places: BTreeMap::new(),
            now: Time::MIN,
            transitions: 0,
        }
    }

    /// Takes the next event in the order of the journal.
    pub fn apply(&mut self, recorded: &RecordedEvent) {
        self.now = self.now.max(recorded.recorded_at);
        // What another Davy judges it also watches; its operators are not ours.
        if recorded.is_foreign() {
            return;
        }
        match &recorded.event.body {
            EventBody::Nuisance(nuisance) => self.said(&recorded.event, nuisance),
            EventBody::Flood(change) => self.told(&recorded.event.subject, change),
            _ => {}
        }
        let Some(alarm) = transition(&recorded.event) else { return };
        let key = (Arc::clone(&recorded.event.subject), alarm.alarm.clone());
        self.moved(recorded, alarm, &key);
        self.transitions += 1;
        if self.transitions.is_multiple_of(FORGET_EVERY) {
            self.forget();
        }
    }

    fn moved(&mut self, recorded: &RecordedEvent, alarm: &AlarmTransition, key: &AlarmKey) {
        let track = self.tracks.entry(key.clone()).or_default();
        let stood = track.stands_at();
        track.hidden = matches!(alarm.state, AlarmState::Shelved | AlarmState::Suppressed | AlarmState::OutOfService);
        track.gas = alarm.quantity.is_gas_detector();
        track.scope = recorded.event.scope.clone();
        track.revision = recorded.event.revision;
        track.touched = self.now;
        let owed = match alarm.transition {
            Transition::Raised if alarm.annunciated => raised(track, recorded, alarm),
            Transition::Returned => returned(track, recorded, alarm),
            _ => None,
        };
        if alarm.transition == Transition::Closed || alarm.state == AlarmState::Normal {
            track.raise = None;
        }
        let stands = track.stands_at();
        if stood != stands {
            stood.map(|at| self.standing.remove(&(at, key.clone())));
            self.standing.extend(stands.map(|at| (at, key.clone())));
        }
        self.owed.extend(owed.map(|(kind, owed)| ((key.clone(), kind), owed)));
        if alarm.transition == Transition::Raised && alarm.annunciated {
            self.annunciated(&recorded.event, alarm);
        }
    }

    fn annunciated(&mut self, event: &Event, alarm: &AlarmTransition) {
        let (scope, revision) = (&event.scope, event.revision);
        let new = || Place { meter: Meter::new(self.config), told: None, over: None, scope: scope.clone(), revision };
        let place = self.places.entry(position_of(event, alarm)).or_insert_with(new);
        place.scope = common(&place.scope, scope);
        place.revision = revision;
        place.take_over(|meter| meter.take(self.now, alarm.priority));
    }

    fn said(&mut self, event: &Event, nuisance: &Nuisance) {
        let key = (Arc::clone(&event.subject), nuisance.alarm.clone());
        let owed = (key.clone(), nuisance.kind);
        // A newer one of the same kind is news still.
        if self.owed.get(&owed).is_some_and(|owed| owed.occurred_at <= event.occurred_at) {
            self.owed.remove(&owed);
        }
        let Some(raise) = self.tracks.get_mut(&key).and_then(|track| track.raise.as_mut()) else { return };
        if nuisance.kind == NuisanceKind::Standing && raise.occurred_at.plus(STANDING) == event.occurred_at {
            raise.standing_said = true;
            self.standing.remove(&(raise.recorded_at.plus(STANDS_AFTER), key));
        }
    }

    fn told(&mut self, position: &Arc<str>, change: &FloodChange) {
        let new = || Place {
            meter: Meter::new(self.config),
            told: None,
            over: None,
            scope: Scope::default(),
            revision: RevisionNumber(0),
        };
        let place = self.places.entry(Arc::clone(position)).or_insert_with(new);
        // What was told stands: an alarm whose record was on its way when the end was told does not take that back.
        if let Some(ended) = change.ended
            && let Some(flood) = place.meter.open.take_if(|flood| flood.since == change.since)
        {
            place.over = Some(Flood { ended: Some(ended), ..flood });
        }
        place.told = change.ended.is_none().then_some(Flood {
            since: change.since,
            ended: None,
            alarms: change.alarms,
            by_priority: change.by_priority,
        });
    }

    /// What is to be appended to `events` now. Asked again before those events were applied, it gives them again.
    pub fn due(&mut self, now: Time) -> Vec<Event> {
        let now = now.max(self.now);
        self.owed.retain(|_, owed| now.since(owed.seen) <= NEWS);
        let owed = self.owed.iter().filter_map(|((key, kind), owed)| Some(nuisance(key, self.tracks.get(key)?, *kind, owed)));
        let standing = self.standing.iter().take_while(|(at, _)| *at <= now);
        let standing = standing.filter_map(|(_, key)| stands(key, self.tracks.get(key)?));
        let mut events: Vec<_> = owed.chain(standing).collect();
        for (position, place) in &mut self.places {
            place.take_over(|meter| meter.advance(now));
            events.extend(place.news(position, self.config.window, now));
        }
        self.places.retain(|_, place| place.told.is_some() || !place.meter.entries.is_empty());
        events
    }

    /// When `due` will have more to give though nothing happens.
    pub fn next_deadline(&self) -> Option<Time> {
        let standing = self.standing.first().map(|(at, _)| *at);
        let floods = self.places.values().filter_map(|place| place.meter.ends_at());
        standing.into_iter().chain(floods).min()
    }

    /// Positions in flood, as told.
    pub fn floods(&self) -> usize {
        self.places.values().filter(|place| place.told.is_some()).count()
    }

    fn forget(&mut self) {
        let (now, owed) = (self.now, &self.owed);
        let is_owed = |key: &AlarmKey| NuisanceKind::ALL.iter().any(|kind| owed.contains_key(&(key.clone(), *kind)));
        self.tracks.retain(|key, track| track.raise.is_some() || now.since(track.touched) <= FORGET || is_owed(key));
    }

    /// Deadlines are not kept but made anew.
    pub(crate) fn index(&mut self) {
        let stands = |(key, track): (&AlarmKey, &Track)| Some((track.stands_at()?, key.clone()));
        self.standing = self.tracks.iter().filter_map(stands).collect();
    }
}

impl Place {
    /// Lets time or an alarm pass, and remembers the flood that ended by it.
    fn take_over(&mut self, pass: impl FnOnce(&mut Meter) -> Option<Flood>) {
        // A short flood after the one that is told must not hide when that one ended.
        let told = self.told.map(|told| told.since);
        if let Some(ended) = pass(&mut self.meter)
            && self.over.is_none_or(|over| Some(over.since) != told)
        {
            self.over = Some(ended);
        }
    }

    /// What was not told of it yet: the end of the flood that was told, then the beginning of the one under way.
    fn news(&self, position: &Arc<str>, window: Span, now: Time) -> Vec<Event> {
        let open = self.meter.open;
        let event = |at: Time, flood: Flood| Event {
            occurred_at: at,
            subject: Arc::clone(position),
            scope: self.scope.clone(),
            revision: self.revision,
            body: EventBody::Flood(FloodChange {
                since: flood.since,
                ended: flood.ended,
                alarms: flood.alarms,
                by_priority: flood.by_priority,
                window,
            }),
        };
        if open.map(|flood| flood.since) == self.told.map(|told| told.since) {
            return Vec::new();
        }
        let ended = self.told.map(|told| {
            // Where settings changed, the flood that was told may be one that never was by the new ones.
            let known = self.over.filter(|over| over.since == told.since);
            let flood = known.unwrap_or(Flood { ended: Some(now), ..told });
            event(flood.ended.unwrap_or(now), flood)
        });
        let started = open.map(|flood| event(flood.since, flood));
        ended.into_iter().chain(started).collect()
    }
}

fn raised(track: &mut Track, recorded: &RecordedEvent, alarm: &AlarmTransition) -> Option<(NuisanceKind, Owed)> {
    let occurred_at = recorded.event.occurred_at;
    let raise =
        Raise { occurred_at, recorded_at: recorded.recorded_at, occurrence: alarm.occurrence.clone(), standing_said: false };
    // Announced anew while in alarm, it has been in alarm since before.
    track.raise.get_or_insert(raise);
    let episode = track.chatter.take(occurred_at)?;
    // What came and went fast in this minute was the chatter's beginning.
    track.fleeting.retain(|began| *began < episode.first);
    let span = episode.trigger.since(episode.first);
    let owed = Owed { seen: recorded.recorded_at, occurred_at: episode.trigger, occurrence: alarm.occurrence.clone(), span };
    Some((NuisanceKind::Chattering, owed))
}

fn returned(track: &mut Track, recorded: &RecordedEvent, alarm: &AlarmTransition) -> Option<(NuisanceKind, Owed)> {
    let raise = track.raise.take()?;
    let (began, ended) = (raise.occurred_at, recorded.event.occurred_at);
    if ended.since(began) >= FLEETING || track.chatter.holds(began) {
        return None;
    }
    track.fleeting.push_back(began);
    if track.fleeting.len() > FLEETING_TIMES {
        track.fleeting.pop_front();
    }
    let first = track.fleeting.front().filter(|_| track.fleeting.len() == FLEETING_TIMES)?;
    let span = began.since(*first);
    let said_lately = track.fleeting_said.is_some_and(|said| ended.since(said) < FLEETING_WINDOW);
    if span > FLEETING_WINDOW || said_lately {
        return None;
    }
    track.fleeting_said = Some(ended);
    let owed = Owed { seen: recorded.recorded_at, occurred_at: ended, occurrence: alarm.occurrence.clone(), span };
    Some((NuisanceKind::Fleeting, owed))
}

fn nuisance(key: &AlarmKey, track: &Track, kind: NuisanceKind, owed: &Owed) -> Event {
    let chatters = kind == NuisanceKind::Chattering;
    let advice = match (chatters, track.gas) {
        (true, true) => "a gas alarm is not shelved: check detector, deadband and delay",
        (true, false) => "shelve it for now; `davy backtest --suggest` shows which deadband or delay would still it",
        (false, true) => "nobody can act so fast: check detector, deadband and delay",
        (false, false) => "nobody can act so fast: `davy backtest --suggest` shows which on-delay would spare it",
    };
    let nuisance = Nuisance {
        kind,
        alarm: key.1.clone(),
        occurrence: owed.occurrence.clone(),
        activations: ACTIVATIONS,
        span: owed.span,
        propose_shelve: (chatters && !track.gas).then_some(PROPOSED_SHELF),
        advice: advice.to_owned(),
    };
    of_alarm(key, track, owed.occurred_at, nuisance)
}

fn stands(key: &AlarmKey, track: &Track) -> Option<Event> {
    let raise = track.raise.as_ref()?;
    let nuisance = Nuisance {
        kind: NuisanceKind::Standing,
        alarm: AlarmId::clone(&key.1),
        occurrence: raise.occurrence.clone(),
        activations: 1,
        span: STANDING,
        propose_shelve: None,
        advice: "in alarm for more than 24 h: deal with its cause, or review whether it is an alarm at all".to_owned(),
    };
    Some(of_alarm(key, track, raise.occurred_at.plus(STANDING), nuisance))
}

fn of_alarm(key: &AlarmKey, track: &Track, occurred_at: Time, nuisance: Nuisance) -> Event {
    Event {
        occurred_at,
        subject: Arc::clone(&key.0),
        scope: track.scope.clone(),
        revision: track.revision,
        body: EventBody::Nuisance(nuisance),
    }
}

/// What two scopes have in common.
fn common(one: &Scope, other: &Scope) -> Scope {
    let both = |one: &Option<Arc<str>>, other: &Option<Arc<str>>| one.clone().filter(|_| one == other);
    Scope {
        park: both(&one.park, &other.park),
        enterprise: both(&one.enterprise, &other.enterprise),
        installation: both(&one.installation, &other.installation),
    }
}

const _: () = assert!(CHATTER.micros() < FORGET.micros() && FLEETING_WINDOW.micros() < FORGET.micros());
