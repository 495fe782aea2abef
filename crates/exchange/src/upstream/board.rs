//! How it is with each upstream, written by links and inlet, read by `ListUpstreams`, metrics and health.

use metrics::{counter, gauge};
use model::{Position, Time};
use parking_lot::Mutex;
use wire::{Cursor, UpstreamMark, time_to_v1, v1};

use super::Upstream;
use super::judge::Skip;
use crate::metrics::{UPSTREAM_CONNECTED, UPSTREAM_EVENTS, UPSTREAM_LAG, UPSTREAM_LAG_RECORDS};

/// All upstreams, in the order of the settings.
pub(crate) struct Board {
    /// The name of this Davy.
    pub(crate) node: String,
    lines: Mutex<Vec<Line>>,
}

#[derive(Clone, Debug)]
struct Line {
    name: String,
    url: String,
    connected: bool,
    since: Time,
    trouble: String,
    /// On disk here.
    mark: UpstreamMark,
    last_event_at: Option<Time>,
    taken: u64,
    skipped: [u64; Skip::ALL.len()],
    /// Everything that was recorded there until then is taken or of no concern.
    complete_to: Option<Time>,
    /// How far its feed is read.
    read: Option<Cursor>,
    /// Its last record, as it said.
    end: Option<Cursor>,
}

impl Board {
    pub(crate) fn new(node: String, upstreams: &[Upstream], now: Time) -> Self {
        let line = |it: &Upstream| Line {
            name: it.name.clone(),
            url: it.url.clone(),
            connected: false,
            since: now,
            trouble: "not connected yet".to_owned(),
            mark: UpstreamMark::default(),
            last_event_at: None,
            taken: 0,
            skipped: [0; Skip::ALL.len()],
            complete_to: None,
            read: None,
            end: None,
        };
        Self { node, lines: Mutex::new(upstreams.iter().map(line).collect()) }
    }

    fn with(&self, upstream: usize, change: impl FnOnce(&mut Line)) {
        if let Some(line) = self.lines.lock().get_mut(upstream) {
            change(line);
        }
    }

    /// Its feed is open.
    pub(super) fn connected(&self, upstream: usize, now: Time) {
        self.with(upstream, |line| {
            (line.connected, line.since) = (true, now);
            line.trouble.clear();
        });
    }

    /// Its feed is not open, and why.
    pub(super) fn lost(&self, upstream: usize, why: &str, now: Time) {
        self.with(upstream, |line| {
            if line.connected {
                line.since = now;
            }
            line.connected = false;
            why.clone_into(&mut line.trouble);
        });
    }

    /// Where its journal ends.
    pub(super) fn ends_at(&self, upstream: usize, end: Cursor) {
        self.with(upstream, |line| line.end = Some(end));
    }

    /// Whether a cursor is at the end of its journal, as far as it said.
    pub(super) fn is_level(&self, upstream: usize, cursor: &Cursor) -> bool {
        let end = self.lines.lock().get(upstream).and_then(|line| line.end);
        end.is_some_and(|end| end.epoch == cursor.epoch && end.position <= cursor.position)
    }

    /// What is on disk of it, ever.
    pub(super) fn stored(&self, upstream: usize, mark: &UpstreamMark, taken: u64, last_event_at: Option<Time>) {
        self.with(upstream, |line| {
            (line.mark, line.taken) = (mark.clone(), taken);
            line.last_event_at = last_event_at.or(line.last_event_at);
            line.complete_to = line.complete_to.max(mark.complete_to);
        });
    }

    /// How far its feed is read, all of it on disk or of no concern.
    pub(super) fn read(&self, upstream: usize, mark: &UpstreamMark) {
        self.with(upstream, |line| {
            line.read = Cursor::decode(&mark.cursor).ok();
            line.complete_to = line.complete_to.max(mark.complete_to);
        });
    }

    /// Counts events.
    pub(super) fn count(&self, upstream: usize, skip: Option<Skip>, events: u64) {
        self.with(upstream, |line| {
            let result = skip.map_or("taken", Skip::as_str);
            counter!(UPSTREAM_EVENTS, "upstream" => line.name.clone(), "result" => result).increment(events);
            if let Some(at) = skip.and_then(|skip| Skip::ALL.iter().position(|it| *it == skip)) {
                line.skipped[at] += events;
            }
        });
    }

    /// What is wrong with those that are not connected, in words.
    pub(crate) fn troubled(&self) -> Vec<String> {
        let lines = self.lines.lock();
        lines.iter().filter(|line| !line.connected).map(|line| format!("upstream {}: {}", line.name, line.trouble)).collect()
    }

    /// Tells how far each is, as gauges.
    pub(crate) fn tell(&self, now: Time) {
        for line in &*self.lines.lock() {
            let name = || line.name.clone();
            gauge!(UPSTREAM_CONNECTED, "upstream" => name()).set(if line.connected { 1.0 } else { 0.0 });
            gauge!(UPSTREAM_LAG, "upstream" => name()).set(line.lag_seconds(now));
            if let Some(behind) = line.records_behind() {
                gauge!(UPSTREAM_LAG_RECORDS, "upstream" => name()).set(u32::try_from(behind).unwrap_or(u32::MAX));
            }
        }
    }

    /// The answer to `ListUpstreams`.
    pub(crate) fn list(&self, now: Time) -> v1::ListUpstreamsResponse {
        let mut upstreams: Vec<_> = self.lines.lock().iter().map(|line| line.to_v1(now)).collect();
        upstreams.sort_by(|a, b| a.name.cmp(&b.name));
        v1::ListUpstreamsResponse { node: self.node.clone(), upstreams }
    }
}

impl Line {
    /// By both journals' times; their clocks may differ.
    fn lag_seconds(&self, now: Time) -> f64 {
        let micros = self.complete_to.map_or(0, |to| now.since(to).micros().max(0));
        std::time::Duration::from_micros(micros.unsigned_abs()).as_secs_f64()
    }

    fn records_behind(&self) -> Option<u64> {
        let stored = || Cursor::decode(&self.mark.cursor).ok();
        let (end, read) = (self.end?, self.read.or_else(stored)?);
        // What lies before the start of a snapshot is not to come.
        let Position(read_to) = read.position;
        (end.epoch == read.epoch).then(|| end.position.0.saturating_sub(read_to))
    }

    fn to_v1(&self, now: Time) -> v1::Upstream {
        let skipped = Skip::ALL.iter().zip(self.skipped).filter(|(_, count)| *count > 0);
        v1::Upstream {
            name: self.name.clone(),
            url: self.url.clone(),
            node: self.mark.node.clone(),
            connected: self.connected,
            since: Some(time_to_v1(self.since)),
            cursor: self.mark.cursor.clone(),
            last_event_at: self.last_event_at.map(time_to_v1),
            complete_to: self.complete_to.map(time_to_v1),
            lag_seconds: self.lag_seconds(now),
            records_behind: self.records_behind().map(u64::cast_signed),
            taken: self.taken,
            skipped: skipped.map(|(skip, count)| v1::SkippedEvents { reason: skip.as_str().to_owned(), count }).collect(),
            trouble: self.trouble.clone(),
        }
    }
}
