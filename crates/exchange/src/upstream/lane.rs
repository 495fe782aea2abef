//! One upstream's events on their way into records. Pure.

use std::sync::Arc;

use model::{Event, KeySeq, RecordedEvent, Span, Time};
use prost::Message as _;
use wire::{Cursor, EventRecord, Kept, UpstreamMark, v1};

use super::gap::{self, Seen, Standing};
use super::judge::{Skip, judge};
use super::taken::Taken;
use super::{RECORD_BYTES, RECORD_EVENTS};

/// A feed that brings nothing to take gets a record of how far it is after so many events ...
const MARK_EVENTS: u64 = 10_000;

/// ... but not sooner after the last one than this ...
const MARK_AFTER: Span = Span::from_secs(60);

/// ... and in any case after this. What a restart reads again until then is skipped again.
const MARK_AT_LAST: Span = Span::from_secs(3_600);

/// An upstream.
pub(super) struct Lane {
    name: String,
    /// As it names itself.
    pub(super) node: Arc<str>,
    /// Our count under its key.
    pub(super) fence: KeySeq,
    /// How far its feed is read.
    pub(super) mark: UpstreamMark,
    /// The cursor of its last record, and when that was.
    written: (String, Time),
    /// Events passed over since then.
    passed: u64,
    /// While its feed opens with what is active: that.
    standing: Option<Standing>,
    /// They are all there, and the ends that follow from them are not yet said.
    comparing: bool,
    /// They are said, and no record has the cursor behind them yet.
    unfinished: bool,
    events: Vec<Event>,
    kept: Vec<Option<Kept>>,
    bytes: usize,
    full: Vec<EventRecord>,
}

impl Lane {
    pub(super) fn new(name: &str, mark: UpstreamMark, fence: KeySeq, now: Time) -> Self {
        Self {
            name: name.to_owned(),
            node: Arc::from(mark.node.as_str()),
            fence,
            written: (mark.cursor.clone(), now),
            mark,
            passed: 0,
            standing: None,
            comparing: false,
            unfinished: false,
            events: Vec::new(),
            kept: Vec::new(),
            bytes: 0,
            full: Vec::new(),
        }
    }

    /// Its feed is open; `anew`: with what is active.
    pub(super) fn began(&mut self, node: &str, anew: bool) {
        self.node = Arc::from(node);
        node.clone_into(&mut self.mark.node);
        // One that goes on behind its opening still waits for the comparison.
        if anew {
            self.standing = Some(Standing::default());
        }
        self.comparing = false;
    }

    /// Its cursor is of no use any more.
    pub(super) fn lost(&mut self, reason: &str, now: Time) {
        let from = self.mark.complete_to.unwrap_or(now);
        self.push(gap::possible(&self.name, (from, now), reason), None);
        self.mark.cursor.clear();
        self.cut();
    }

    /// The next event of its feed.
    pub(super) fn event(
        &mut self,
        event: &v1::Event,
        taken: &mut Taken,
        own_node: &str,
        is_told_elsewhere: bool,
    ) -> Result<(), Skip> {
        let judged = if is_told_elsewhere { Err(Skip::Duplicate) } else { judge(event, taken, &self.node, own_node) };
        // Also what comes behind the snapshot, while the comparison waits: it stands there, and must not be closed here.
        self.stands(event, judged.as_ref().err());
        if !event.snapshot {
            let recorded_at = event.recorded_at.as_ref().map(wire::time_from_v1);
            self.mark.complete_to = self.mark.complete_to.max(recorded_at);
        }
        event.cursor.clone_into(&mut self.mark.cursor);
        match judged {
            Ok(recorded) => self.take(recorded, event.encoded_len(), taken),
            Err(skip) => {
                self.passed += 1;
                return Err(skip);
            }
        }
        Ok(())
    }

    fn stands(&mut self, event: &v1::Event, skip: Option<&Skip>) {
        let (Some(standing), Ok(recorded)) = (&mut self.standing, wire::v1_to_recorded(event)) else { return };
        let seen = match (event.snapshot, skip) {
            (false, _) => Seen::Live,
            (true, Some(Skip::Duplicate)) => Seen::OpeningAgain,
            (true, _) => Seen::Opening,
        };
        standing.note(recorded, &self.node, seen);
    }

    fn take(&mut self, recorded: RecordedEvent, bytes: usize, taken: &mut Taken) {
        let RecordedEvent { id, event, origin, .. } = recorded;
        taken.take(&id);
        self.push(event, origin.map(|origin| Kept { id: Some(id), origin }));
        self.bytes += bytes;
        if self.events.len() >= RECORD_EVENTS || self.bytes >= RECORD_BYTES {
            self.cut();
        }
    }

    fn push(&mut self, event: Event, kept: Option<Kept>) {
        self.events.push(event);
        self.kept.push(kept);
    }

    /// Says in what the comparison differs: what stands here and no more there, and the other way round.
    pub(super) fn compared(&mut self, said: Vec<(Event, Kept)>) {
        for (event, kept) in said {
            self.push(event, Some(kept));
            if self.events.len() >= RECORD_EVENTS {
                self.cut();
            }
        }
        (self.comparing, self.unfinished) = (false, true);
    }

    /// Nothing but a cursor; `complete_to` where everything recorded until then was sent before it.
    pub(super) fn heartbeat(&mut self, cursor: &str, complete_to: Option<Time>) {
        cursor.clone_into(&mut self.mark.cursor);
        self.mark.complete_to = self.mark.complete_to.max(complete_to);
    }

    /// What its feed opened with, once it has sent them all.
    pub(super) fn opened_with(&mut self) -> Option<Standing> {
        self.standing.as_ref()?;
        let is_over = Cursor::decode(&self.mark.cursor).is_ok_and(|cursor| !cursor.in_snapshot);
        self.comparing = is_over;
        if is_over { self.standing.take() } else { None }
    }

    /// They could not be compared yet.
    pub(super) fn put_back(&mut self, standing: Standing) {
        self.standing.get_or_insert(standing);
        self.comparing = false;
    }

    /// The events so far are a record, with the cursor of the last of them. As long as what has ended is not said, the cursor is one of the
    /// midst of a snapshot: after a crash it begins anew, and the comparison is made again.
    fn cut(&mut self) {
        self.bytes = 0;
        let mut mark = self.mark.clone();
        if self.standing.is_none() && !self.comparing {
            self.unfinished = false;
        } else if let Ok(cursor) = Cursor::decode(&mark.cursor) {
            mark.cursor = Cursor { in_snapshot: true, ..cursor }.encode();
        }
        self.full.push(EventRecord {
            events: std::mem::take(&mut self.events),
            kept: std::mem::take(&mut self.kept),
            upstream: Some(mark),
            ..EventRecord::default()
        });
    }

    /// What is to be written now.
    pub(super) fn records(&mut self, now: Time) -> Vec<EventRecord> {
        if !self.events.is_empty() || (self.full.is_empty() && self.is_mark_due(now)) {
            self.cut();
        }
        if !self.full.is_empty() {
            self.written = (self.mark.cursor.clone(), now);
            self.passed = 0;
        }
        std::mem::take(&mut self.full)
    }

    fn is_mark_due(&self, now: Time) -> bool {
        let (cursor, at) = (&self.written.0, now.since(self.written.1));
        let often = self.passed >= MARK_EVENTS && at >= MARK_AFTER;
        let is_due = self.unfinished || cursor.is_empty() || often || at >= MARK_AT_LAST;
        (*cursor != self.mark.cursor || self.unfinished) && self.standing.is_none() && is_due
    }
}

#[cfg(test)]
mod tests {
    use model::{Epoch, Position};

    use super::*;

    const AT: Time = Time::YEAR_2000;

    fn cursor(position: u64, in_snapshot: bool) -> String {
        Cursor { in_snapshot, ..Cursor::after(Epoch(2), Position(position)) }.encode()
    }

    fn event(seq: u64) -> v1::Event {
        let since = Some(wire::time_to_v1(AT));
        let change = v1::SourceChange { source: "mqtt".to_owned(), since, reason: String::new() };
        v1::Event {
            id: format!("0000000000000002-engine/1-{seq}-0"),
            cursor: cursor(seq, false),
            kind: "source.down".to_owned(),
            occurred_at: since,
            recorded_at: since,
            body: Some(v1::event::Body::Source(change)),
            ..v1::Event::default()
        }
    }

    fn lane() -> Lane {
        let mut lane = Lane::new("a", UpstreamMark { cursor: cursor(1, false), ..UpstreamMark::default() }, KeySeq(0), AT);
        lane.began("county-a", false);
        lane
    }

    #[test]
    fn each_record_carries_the_cursor_of_its_last_event() {
        let (mut lane, mut taken) = (lane(), Taken::new(10_000));
        let events = RECORD_EVENTS as u64 + 5;
        for seq in 1..=events {
            assert_eq!(lane.event(&event(seq), &mut taken, "city", false), Ok(()));
            assert_eq!(lane.event(&event(seq), &mut taken, "city", false), Err(Skip::Duplicate));
        }
        let records = lane.records(AT);
        let seen: Vec<_> = records.iter().map(|it| (it.events.len(), it.upstream.clone().unwrap_or_default().cursor)).collect();
        assert_eq!(seen, [(RECORD_EVENTS, cursor(RECORD_EVENTS as u64, false)), (5, cursor(events, false))]);
        let decoded = wire::decode_event_record(&wire::encode_event_record(&records[1])).expect("own bytes");
        assert_eq!(decoded, records[1]);
        assert!(lane.records(AT).is_empty());
    }

    #[test]
    fn a_quiet_feed_is_marked_now_and_then() {
        let (mut lane, mut taken) = (lane(), Taken::new(10));
        let after = |seconds| AT.plus(Span::from_secs(seconds));
        lane.heartbeat(&cursor(9, false), Some(AT));
        assert!(lane.records(after(3_599)).is_empty());
        let mark = |lane: &mut Lane, at| {
            lane.records(at).into_iter().map(|it| it.upstream.unwrap_or_default().cursor).collect::<Vec<_>>()
        };
        assert_eq!(mark(&mut lane, after(3_600)), [cursor(9, false)]);
        for seq in 0..MARK_EVENTS {
            let seal = v1::Event { kind: "journal.seal".to_owned(), ..event(seq + 10) };
            assert_eq!(lane.event(&seal, &mut taken, "city", false), Err(Skip::NotCarried));
        }
        assert!(lane.records(after(3_659)).is_empty());
        assert_eq!(mark(&mut lane, after(3_660)), [cursor(MARK_EVENTS + 9, false)]);
        assert!(lane.records(after(9_999)).is_empty(), "nothing has moved");
    }

    #[test]
    fn after_a_hole_it_begins_anew() {
        let mut lane = lane();
        lane.lost("events before position 9 are no longer kept here", AT);
        let records = lane.records(AT);
        assert_eq!((records.len(), records[0].events[0].body.kind()), (1, "gap.possible"));
        assert_eq!(records[0].upstream.clone().map(|it| it.cursor), Some(String::new()), "a crash now begins anew as well");
        lane.began("county-a", true);
        lane.heartbeat(&cursor(20, true), None);
        assert_eq!(lane.opened_with(), None, "cut off in the midst of it");
        lane.began("county-a", true);
        lane.heartbeat(&cursor(20, false), Some(AT));
        assert_eq!(lane.opened_with(), Some(Standing::default()));
        assert_eq!(lane.records(AT).len(), 1, "where it goes on is written at once");
    }

    #[test]
    fn what_comes_while_a_comparison_waits_stands_too() {
        let (mut lane, mut taken) = (lane(), Taken::new(10_000));
        lane.began("county-a", true);
        lane.heartbeat(&cursor(1, false), None);
        let standing = lane.opened_with().expect("nothing is active");
        lane.put_back(standing);
        let alarm = v1::AlarmTransition {
            alarm: "high".to_owned(),
            alarm_kind: "high".to_owned(),
            priority: v1::Priority::High.into(),
            state: v1::AlarmState::Unacknowledged.into(),
            quantity: "pressure".to_owned(),
            ..v1::AlarmTransition::default()
        };
        let raised = v1::Event {
            kind: "alarm.raised".to_owned(),
            subject: "PI-1".to_owned(),
            body: Some(v1::event::Body::Alarm(alarm)),
            ..event(2)
        };
        assert_eq!(lane.event(&raised, &mut taken, "city", false), Ok(()));
        assert_eq!(lane.opened_with().map(|standing| standing.alarms.len()), Some(1));
    }

    #[test]
    fn a_comparison_that_waits_is_made_after_a_reconnect() {
        let mut lane = lane();
        lane.began("county-a", true);
        lane.heartbeat(&cursor(1, false), None);
        let standing = lane.opened_with().expect("nothing is active");
        lane.put_back(standing);
        lane.began("county-a", false);
        assert_eq!(lane.opened_with(), Some(Standing::default()), "it goes on behind its opening");
        lane.compared(Vec::new());
        lane.began("county-a", false);
        assert_eq!(lane.opened_with(), None, "once");
    }
}
