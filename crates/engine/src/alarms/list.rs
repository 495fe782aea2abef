//! `ListAlarms`: filters, order and pages.
//!
//! A page token is the cursor of the first page, bound to the request's filters, and the place of the last alarm shown. All pages carry the
//! first page's cursor: what changed while somebody turned pages comes after it.

use std::cmp::Reverse;

use model::{AlarmKey, Epoch, OpenAlarm, Position, Priority, Time};
use prost::Message as _;
use wire::{Cursor, Failure, FilterBinding, v1};

use super::fold::Open;

const PAGE_DEFAULT: usize = 1_000;
const PAGE_MAX: usize = 10_000;
/// Clients take messages up to 4 MiB unless told otherwise (traps 56).
const PAGE_BYTES_MAX: usize = 3 * 1024 * 1024;
/// Values of one filter.
const FILTER_MAX: usize = 1_000;

/// A checked request.
pub(crate) struct ListRequest {
    parks: Vec<String>,
    enterprises: Vec<String>,
    installations: Vec<String>,
    min_priority: Option<Priority>,
    page_size: usize,
    filters: u64,
    from: Option<(Cursor, Place)>,
}

/// Where an alarm stands in the list: highest priority first, then oldest first.
type Place = (Reverse<Priority>, Time, String, String);

fn place((point, alarm): &AlarmKey, open: &OpenAlarm) -> Place {
    (
        Reverse(open.now().priority),
        open.first_raised_at().unwrap_or(open.last.event.occurred_at),
        point.to_string(),
        alarm.to_string(),
    )
}

impl ListRequest {
    /// Checks a request; the token must be of the same filters and the same epoch.
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
            min_priority,
            page_size,
            filters: 0,
            from: None,
        };
        checked.filters = checked.hash();
        if !request.page_token.is_empty() {
            let wrong =
                || Failure::field("page_token", "this token is of another request; leave it out to start at the first page");
            let (cursor, place) = read_token(&request.page_token).ok_or_else(wrong)?;
            if cursor.epoch != epoch || cursor.filter != FilterBinding::Hash(checked.filters) {
                return Err(wrong());
            }
            checked.from = Some((cursor, place));
        }
        Ok(checked)
    }

    /// FNV-1a over the filters; equal sets hash equally.
    fn hash(&self) -> u64 {
        let mut hash = 0xcbf2_9ce4_8422_2325_u64;
        let mut take = |bytes: &[u8]| {
            for byte in bytes {
                hash = (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
            }
        };
        for (name, values) in [("p", &self.parks), ("e", &self.enterprises), ("i", &self.installations)] {
            take(name.as_bytes());
            for value in values {
                take(value.as_bytes());
                take(&[0]);
            }
        }
        take(self.min_priority.map_or("", Priority::as_str).as_bytes());
        hash
    }

    /// One page of the list as it is now.
    pub(crate) fn page(&self, open: &Open, epoch: Epoch) -> v1::ListAlarmsResponse {
        let mut matching: Vec<_> = open.list.iter().filter(|(_, alarm)| self.lets_through(alarm)).collect();
        matching.sort_by_cached_key(|(key, alarm)| place(key, alarm));
        let total = matching.len();
        let skipped = match &self.from {
            Some((_, last)) => matching.partition_point(|(key, alarm)| place(key, alarm) <= *last),
            None => 0,
        };
        let first = self.from.as_ref().map_or(open.position, |(cursor, _)| cursor.position);
        let (alarms, last) = self.fill(&matching[skipped..]);
        let next_page_token = match last {
            Some(last) if skipped + alarms.len() < total => self.token(epoch, first, &last),
            _ => String::new(),
        };
        v1::ListAlarmsResponse {
            alarms,
            next_page_token,
            cursor: Cursor::after(epoch, first).encode(),
            total_size: i32::try_from(total).unwrap_or(i32::MAX),
        }
    }

    /// As many alarms as fit into a page, one at least where there is one; and the place of the last.
    fn fill(&self, matching: &[(&AlarmKey, &OpenAlarm)]) -> (Vec<v1::Alarm>, Option<Place>) {
        let (mut alarms, mut bytes, mut last) = (Vec::new(), 0, None);
        for (key, open) in matching.iter().take(self.page_size) {
            let alarm = wire::alarm_to_v1(key, open);
            bytes += alarm.encoded_len() + 8;
            if bytes > PAGE_BYTES_MAX && !alarms.is_empty() {
                break;
            }
            alarms.push(alarm);
            last = Some(place(key, open));
        }
        (alarms, last)
    }

    fn lets_through(&self, open: &OpenAlarm) -> bool {
        let scope = &open.last.event.scope;
        let within = |wanted: &[String], value: Option<&str>| {
            wanted.is_empty() || value.is_some_and(|value| wanted.binary_search_by(|it| it.as_str().cmp(value)).is_ok())
        };
        within(&self.parks, scope.park.as_deref())
            && within(&self.enterprises, scope.enterprise.as_deref())
            && within(&self.installations, scope.installation.as_deref())
            && self.min_priority.is_none_or(|least| open.now().priority >= least)
    }

    fn token(&self, epoch: Epoch, first: Position, (priority, at, point, alarm): &Place) -> String {
        let cursor = Cursor { filter: FilterBinding::Hash(self.filters), ..Cursor::after(epoch, first) };
        // No id holds a `~`.
        format!("{}~{}~{}~{point}~{alarm}", cursor.encode(), priority.0.as_str(), at.micros())
    }
}

fn read_token(token: &str) -> Option<(Cursor, Place)> {
    let parts: Vec<_> = token.split('~').collect();
    let [cursor, priority, at, point, alarm] = parts.as_slice() else { return None };
    let place =
        (Reverse(Priority::parse(priority)?), Time::from_micros(at.parse().ok()?), (*point).to_owned(), (*alarm).to_owned());
    Some((Cursor::decode(cursor).ok()?, place))
}

fn set(field: &'static str, mut values: Vec<String>) -> Result<Vec<String>, Failure> {
    if values.len() > FILTER_MAX {
        return Err(Failure::field(field, format!("name {FILTER_MAX} at most")));
    }
    values.sort_unstable();
    values.dedup();
    Ok(values)
}
