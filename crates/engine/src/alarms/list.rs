//! `ListAlarms`: filters, order and pages.
//!
//! A page token is the cursor of the first page, bound to the request, the time that page stands for, and the place of the last alarm shown.
//! All pages carry the first page's cursor: what changed while somebody turned pages comes after it.

use std::cmp::Reverse;

use model::{AlarmKey, AlarmState, Epoch, OpenAlarm, Priority, Time};
use prost::Message as _;
use wire::{Cursor, Failure, FilterBinding, v1};

use super::fold::Open;
use super::groups::Groups;

const PAGE_DEFAULT: usize = 1_000;
const PAGE_MAX: usize = 10_000;
/// Clients take messages up to 4 MiB unless told otherwise (traps 56).
const PAGE_BYTES_MAX: usize = 3 * 1024 * 1024;
/// Values of one filter.
const FILTER_MAX: usize = 1_000;

/// Which list is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Moment {
    /// That of now.
    Now,
    /// As it was after the event of this cursor.
    Cursor(Cursor),
    /// As it was with all that was recorded until then.
    Time(Time),
}

/// A list, and what it stands for.
pub(crate) struct View<'a> {
    pub(crate) open: &'a Open,
    pub(crate) cursor: Cursor,
    pub(crate) time: Option<Time>,
}

/// A checked request.
pub(crate) struct ListRequest {
    parks: Vec<String>,
    enterprises: Vec<String>,
    installations: Vec<String>,
    positions: Vec<String>,
    states: Vec<AlarmState>,
    min_priority: Option<Priority>,
    moment: Moment,
    page_size: usize,
    filters: u64,
    from: Option<Token>,
}

/// Where a page goes on.
struct Token {
    cursor: Cursor,
    time: Option<Time>,
    last: Place,
}

/// Where an alarm stands in the list: what is in alarm and told first, hidden ones last; of each the highest priority, then the oldest.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Place {
    rank: u8,
    priority: Reverse<Priority>,
    at: Time,
    point: String,
    alarm: String,
    node: String,
}

impl Place {
    fn of((point, alarm): &AlarmKey, open: &OpenAlarm) -> Self {
        let now = open.now();
        let told = now.in_alarm && open.raised().is_some_and(|it| it.annunciated);
        Self {
            rank: if is_hidden(open) { 2 } else { u8::from(!told) },
            priority: Reverse(now.priority),
            at: open.first_raised_at().unwrap_or(open.last.event.occurred_at),
            point: point.to_string(),
            alarm: alarm.to_string(),
            node: open.last.node().to_owned(),
        }
    }
}

fn is_hidden(open: &OpenAlarm) -> bool {
    matches!(open.now().state, AlarmState::Shelved | AlarmState::Suppressed | AlarmState::OutOfService)
}

const fn is_unacknowledged(state: AlarmState) -> bool {
    matches!(state, AlarmState::Unacknowledged | AlarmState::ReturnedUnacknowledged | AlarmState::LatchedUnacknowledged)
}

impl ListRequest {
    /// Checks a request; the token must be of the same request and the same epoch.
    pub(crate) fn check(request: v1::ListAlarmsRequest, epoch: Epoch) -> Result<Self, Failure> {
        let min_priority = match v1::Priority::try_from(request.min_priority) {
            Ok(priority) => wire::priority_from_v1(priority.into()),
            Err(_) => {
                return Err(Failure::field("min_priority", "use PRIORITY_LOW, _MEDIUM, _HIGH or _CRITICAL, or leave it out"));
            }
        };
        let page_size = match usize::try_from(request.page_size) {
            Ok(0) => PAGE_DEFAULT,
            Ok(size) => size.min(PAGE_MAX),
            Err(_) => return Err(Failure::field("page_size", "use 0 to 10000")),
        };
        let mut checked = Self {
            parks: set("parks", request.parks)?,
            enterprises: set("enterprises", request.enterprises)?,
            installations: set("installations", request.installations)?,
            positions: set("positions", request.positions)?,
            states: states(&request.states)?,
            min_priority,
            moment: moment(&request.cursor, request.time.as_ref().map(wire::time_from_v1))?,
            page_size,
            filters: 0,
            from: None,
        };
        checked.filters = checked.hash();
        if !request.page_token.is_empty() {
            let wrong =
                || Failure::field("page_token", "this token is of another request; leave it out to start at the first page");
            let token = read_token(&request.page_token).ok_or_else(wrong)?;
            if token.cursor.epoch != epoch || token.cursor.filter != FilterBinding::Hash(checked.filters) {
                return Err(wrong());
            }
            checked.from = Some(token);
        }
        Ok(checked)
    }

    /// FNV-1a over what is asked for; equal requests hash equally.
    fn hash(&self) -> u64 {
        let mut hash = 0xcbf2_9ce4_8422_2325_u64;
        let mut take = |bytes: &[u8]| {
            for byte in bytes {
                hash = (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
            }
        };
        let sets = [("p", &self.parks), ("e", &self.enterprises), ("i", &self.installations), ("o", &self.positions)];
        for (name, values) in sets {
            take(name.as_bytes());
            for value in values {
                take(value.as_bytes());
                take(&[0]);
            }
        }
        for state in &self.states {
            take(state.as_str().as_bytes());
        }
        take(self.min_priority.map_or("", Priority::as_str).as_bytes());
        match self.moment {
            Moment::Now => take(b"n"),
            Moment::Cursor(cursor) => take(cursor.encode().as_bytes()),
            Moment::Time(time) => take(&time.micros().to_be_bytes()),
        }
        hash
    }

    /// Which list to show; every page of a past moment is of the list that the first one showed.
    pub(crate) fn moment(&self) -> Moment {
        match (&self.from, self.moment) {
            (_, Moment::Now) => Moment::Now,
            (Some(token), _) => Moment::Cursor(Cursor { filter: FilterBinding::Any, ..token.cursor }),
            (None, moment) => moment,
        }
    }

    /// One page of a list.
    pub(crate) fn page(&self, view: &View<'_>) -> v1::ListAlarmsResponse {
        let open = view.open;
        let mut matching: Vec<_> = open.list.iter().filter(|(_, alarm)| self.lets_through(alarm)).collect();
        matching.sort_by_cached_key(|(key, alarm)| Place::of(key, alarm));
        let total = matching.len();
        let (skipped, cursor, time) = match &self.from {
            Some(Token { cursor, time, last }) => {
                let skipped = matching.partition_point(|(key, alarm)| Place::of(key, alarm) <= *last);
                (skipped, Cursor { filter: FilterBinding::Any, ..*cursor }, *time)
            }
            None => (0, view.cursor, view.time),
        };
        let (alarms, last) = self.fill(open, &matching[skipped..]);
        let next_page_token = match last {
            Some(last) if skipped + alarms.len() < total => self.token(&Token { cursor, time, last }),
            _ => String::new(),
        };
        let (counts, hidden_size) = count(&matching);
        v1::ListAlarmsResponse {
            alarms,
            next_page_token,
            cursor: cursor.encode(),
            total_size: size(total),
            counts,
            hidden_size,
            time: time.map(wire::time_to_v1),
        }
    }

    /// As many alarms as fit into a page, one at least where there is one; and the place of the last.
    fn fill(&self, open: &Open, matching: &[(&AlarmKey, &OpenAlarm)]) -> (Vec<v1::Alarm>, Option<Place>) {
        let groups = Groups::of(open);
        let (mut alarms, mut bytes, mut last) = (Vec::new(), 0, None);
        for (key, alarm) in matching.iter().take(self.page_size) {
            let shown = wire::alarm_to_v1(key, alarm, groups.beside(key, alarm));
            bytes += shown.encoded_len() + 8;
            if bytes > PAGE_BYTES_MAX && !alarms.is_empty() {
                break;
            }
            alarms.push(shown);
            last = Some(Place::of(key, alarm));
        }
        (alarms, last)
    }

    fn lets_through(&self, open: &OpenAlarm) -> bool {
        let (scope, now) = (&open.last.event.scope, open.now());
        within(&self.parks, scope.park.as_deref())
            && within(&self.enterprises, scope.enterprise.as_deref())
            && within(&self.installations, scope.installation.as_deref())
            && within(&self.positions, Some(&now.position))
            && (self.states.is_empty() || self.states.contains(&now.state))
            && self.min_priority.is_none_or(|least| now.priority >= least)
    }

    fn token(&self, Token { cursor, time, last }: &Token) -> String {
        let cursor = Cursor { filter: FilterBinding::Hash(self.filters), ..*cursor };
        let Place { rank, priority: Reverse(priority), at, point, alarm, node } = last;
        let time = time.map(|it| it.micros().to_string()).unwrap_or_default();
        // Only the path of a gateway may hold a `~`: it comes last.
        format!("{}~{time}~{rank}~{}~{}~{node}~{alarm}~{point}", cursor.encode(), priority.as_str(), at.micros())
    }
}

fn read_token(token: &str) -> Option<Token> {
    let parts: Vec<_> = token.splitn(8, '~').collect();
    let [cursor, time, rank, priority, at, node, alarm, point] = parts.as_slice() else { return None };
    let last = Place {
        rank: rank.parse().ok()?,
        priority: Reverse(Priority::parse(priority)?),
        at: Time::from_micros(at.parse().ok()?),
        point: (*point).to_owned(),
        alarm: (*alarm).to_owned(),
        node: (*node).to_owned(),
    };
    let time = if time.is_empty() { None } else { Some(Time::from_micros(time.parse().ok()?)) };
    Some(Token { cursor: Cursor::decode(cursor).ok()?, time, last })
}

/// How many of each priority are not hidden, and how many are: in a flood the urgent ones stay visible (traps 44).
fn count(matching: &[(&AlarmKey, &OpenAlarm)]) -> (Vec<v1::PriorityCount>, i32) {
    let (hidden, shown): (Vec<_>, Vec<_>) = matching.iter().partition(|(_, alarm)| is_hidden(alarm));
    let counts = Priority::ALL.iter().rev().map(|priority| {
        let those: Vec<_> = shown.iter().map(|(_, alarm)| alarm.now()).filter(|now| now.priority == *priority).collect();
        v1::PriorityCount {
            priority: wire::priority_to_v1(*priority).into(),
            unacknowledged: size(those.iter().filter(|now| is_unacknowledged(now.state)).count()),
            total: size(those.len()),
        }
    });
    (counts.collect(), size(hidden.len()))
}

fn size(count: usize) -> i32 {
    i32::try_from(count).unwrap_or(i32::MAX)
}

fn moment(cursor: &str, time: Option<Time>) -> Result<Moment, Failure> {
    match (cursor, time) {
        ("", None) => Ok(Moment::Now),
        ("", Some(time)) => Ok(Moment::Time(time)),
        (cursor, None) => {
            let cursor = Cursor::decode(cursor)
                .map_err(|_| Failure::field("cursor", "the cursor is not one that Davy gave; pass it back unchanged"))?;
            Ok(Moment::Cursor(Cursor { filter: FilterBinding::Any, in_snapshot: false, ..cursor }))
        }
        (_, Some(_)) => Err(Failure::field("time", "give a cursor or a time, not both")),
    }
}

fn states(values: &[i32]) -> Result<Vec<AlarmState>, Failure> {
    let read = |value: &i32| wire::state_from_v1(*value).filter(|state| *state != AlarmState::Normal);
    let wrong = || Failure::field("states", "use the states of open and hidden alarms, such as ALARM_STATE_SHELVED");
    let mut states = values.iter().map(|value| read(value).ok_or_else(wrong)).collect::<Result<Vec<_>, _>>()?;
    states.sort_unstable();
    states.dedup();
    Ok(states)
}

/// Whether a value is one of those wanted, in order; any is where none is.
pub(crate) fn within(wanted: &[String], value: Option<&str>) -> bool {
    wanted.is_empty() || value.is_some_and(|value| wanted.binary_search_by(|it| it.as_str().cmp(value)).is_ok())
}

/// The values of a filter, in order and each once.
pub(crate) fn set(field: &'static str, mut values: Vec<String>) -> Result<Vec<String>, Failure> {
    if values.len() > FILTER_MAX {
        return Err(Failure::field(field, format!("name {FILTER_MAX} at most")));
    }
    values.sort_unstable();
    values.dedup();
    Ok(values)
}
