//! The model test: random programs against the state machines on a disk that forgets, with crashes between any two of its steps, held
//! against a plain list of what was written.
//!
//! Laws: what was said to be durable is there after any crash; what is read is a prefix of what was written, in order, with its key_seq,
//! once; a fence lets exactly the right one through; trimming never passes the second snapshot, or
//! the first with nothing behind it; snapshots that were acknowledged are there;
//! `events` is complete for ever; a start after a crash never finds damage.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use bytes::Bytes;
use model::{KeySeq, Partition, Position, Span, Time};
use tokio::sync::oneshot;

use super::clock::TestClock;
use super::config::EmbeddedConfig;
use super::lane::Plan;
use super::open::{Opened, open};
use super::reader::{ReadFault, read_stored};
use super::sim::{Fault, Random, SimDisk};
use super::tests::key;
use super::writer::{Closed, Outcome, Request, SEAL_KEY, Work};
use crate::{Append, JournalError, JournalId, JournalRecord, Key, Level, ReadLimit, Snapshot};

const JOURNALS: [JournalId; 4] =
    [JournalId::Telemetry(Partition(3)), JournalId::Telemetry(Partition(200)), JournalId::Events, JournalId::Dead];
const KEYS: [&str; 2] = ["engine/3", "ingest"];
const PROGRAMS: u64 = 400;

/// A record as it must be read; no body for a seal.
#[derive(Clone, Debug)]
struct Entry {
    key: Key,
    key_seq: u64,
    body: Option<Bytes>,
}

type Written = BTreeMap<JournalId, Vec<Entry>>;

/// How often the interesting things happened.
#[derive(Clone, Copy, Debug, Default)]
struct Seen {
    restarts: u64,
    /// Restarts that lost something written.
    lost: u64,
    /// Segments dropped.
    dropped: u64,
    /// Restarts with events in files of their own.
    moved: u64,
    seals: u64,
    /// Upkeep with a newest snapshot that nothing stands behind.
    spared: u64,
    /// Restarts where the ring of dead letters had given something up.
    dead_trimmed: u64,
    /// Journals stopped by a failed sync.
    faults: u64,
}

impl Seen {
    fn add(&mut self, other: &Self) {
        self.restarts += other.restarts;
        self.lost += other.lost;
        self.dropped += other.dropped;
        self.moved += other.moved;
        self.seals += other.seals;
        self.spared += other.spared;
        self.dead_trimmed += other.dead_trimmed;
        self.faults += other.faults;
    }
}

struct Program {
    random: Random,
    disk: SimDisk,
    clock: Arc<TestClock>,
    opened: Opened,
    /// What was written, acknowledged or perhaps there, by position.
    written: Written,
    durable: BTreeMap<JournalId, u64>,
    /// What each of two writers believes of a key.
    beliefs: [BTreeMap<(JournalId, Key), KeySeq>; 2],
    snapshots: BTreeMap<Key, Vec<u64>>,
    /// How far telemetry may be trimmed.
    spare: BTreeMap<JournalId, u64>,
    waiting: Vec<Closed>,
    bodies: u64,
    seen: Seen,
}

fn config(clock: &Arc<TestClock>) -> EmbeddedConfig {
    EmbeddedConfig {
        segment_bytes: 3_000,
        telemetry_bytes: 9_000,
        telemetry_keep: Span::from_secs(60),
        dead_bytes: 2_000,
        tail_cache_bytes: 1_500,
        clock: Arc::clone(clock) as Arc<_>,
        ..EmbeddedConfig::new(PathBuf::from("/sim"))
    }
}

fn body_of(key: &Key, position: u64) -> Bytes {
    Bytes::from(format!("{key} at {position}").repeat(20))
}

impl Program {
    fn new(seed: u64) -> Self {
        let (disk, clock) = (SimDisk::new(seed), TestClock::at(Time::from_micros(1_000_000_000)));
        let opened = open(Arc::new(disk.clone()), config(&clock)).expect("a new journal opens");
        Self {
            random: Random::new(!seed),
            disk,
            clock,
            opened,
            written: BTreeMap::new(),
            durable: BTreeMap::new(),
            beliefs: Default::default(),
            snapshots: BTreeMap::new(),
            spare: BTreeMap::new(),
            waiting: Vec::new(),
            bodies: 0,
            seen: Seen::default(),
        }
    }

    fn run(&mut self) {
        let steps = 1 + self.random.below(150);
        self.disk.crash_in(steps);
        for _ in 0..60 {
            self.operate();
            if self.disk.is_down() {
                self.disk.come_up();
                self.restart();
                let steps = 1 + self.random.below(150);
                self.disk.crash_in(steps);
            } else if self.opened.shared.failed() {
                self.seen.faults += 1;
                // The process is started anew; the machine stays up, and with it what the page cache pretends.
                self.restart();
            }
        }
    }

    fn operate(&mut self) {
        match self.random.below(16) {
            0..=5 => self.write(),
            6..=7 => self.sync(false),
            8 => self.sync(true),
            9 => self.upkeep(),
            10..=11 => self.snapshot(),
            12 => self.clock.pass(Span::from_millis(20_000)),
            13 => self.check_all(),
            14 => self.fault(),
            _ => self.close(),
        }
    }

    fn fault(&mut self) {
        let fault = if self.random.percent(50) { Fault::Write } else { Fault::Sync };
        self.disk.fault(Some(fault));
        if fault == Fault::Write {
            self.write()
        } else {
            self.sync(false)
        }
        self.disk.fault(None);
    }

    fn write(&mut self) {
        let count = 1 + self.random.below(4);
        let works: Vec<(Work, usize)> = (0..count).map(|_| self.work()).collect();
        let (requests, answers): (Vec<Request>, Vec<oneshot::Receiver<Outcome>>) =
            works.iter().map(|(work, _)| request(work)).unzip();
        let before = self.written.clone();
        self.opened.writer.write(requests);
        self.waiting.extend(self.opened.writer.take_closed());
        let answers: Vec<Outcome> =
            answers.into_iter().map(|mut answer| answer.try_recv().expect("every request is answered")).collect();
        let broken = answers.iter().any(|answer| matches!(answer, Err(JournalError::Storage { .. } | JournalError::Closed)));
        for ((work, writer), answer) in works.iter().zip(&answers) {
            self.expect(work, *writer, answer);
        }
        if broken && !self.disk.is_down() {
            // It was taken back; the next write must stand where this one would have.
            self.written = before;
        }
    }

    fn work(&mut self) -> (Work, usize) {
        if self.random.percent(8) {
            return (Work::Seal, 0);
        }
        let journal = JOURNALS[usize::try_from(self.random.below(4)).expect("small")];
        let key = key(KEYS[usize::try_from(self.random.below(2)).expect("small")]);
        let writer = usize::try_from(self.random.below(2)).expect("small");
        let belief = self.beliefs[writer].get(&(journal, key.clone())).copied().unwrap_or_default();
        let fence = self.random.percent(60).then_some(belief);
        let count = 1 + self.random.below(3);
        let bodies = (0..count).map(|_| self.body()).collect();
        (Work::Append(Append { journal, key, fence, bodies }), writer)
    }

    fn body(&mut self) -> Bytes {
        self.bodies += 1;
        let len = usize::try_from(self.random.below(700)).expect("small");
        Bytes::from(format!("{:>len$}", self.bodies))
    }

    /// Works out what a request should have done, holds the answer against it, and takes it down as written. An answer that is lost in a
    /// crash counts as perhaps written.
    fn expect(&mut self, work: &Work, writer: usize, answer: &Outcome) {
        let Work::Append(append) = work else {
            let events = self.written.entry(JournalId::Events).or_default();
            let due = events.last().is_some_and(|entry| entry.body.is_some());
            if due {
                self.seen.seals += 1;
                let key_seq = 1 + events.iter().filter(|entry| entry.key.as_str() == SEAL_KEY).count() as u64;
                events.push(Entry { key: key(SEAL_KEY), key_seq, body: None });
            }
            assert!(answer.is_err() || answer.as_ref().is_ok_and(|sealed| sealed.is_some() == due), "sealed although {due}");
            return;
        };
        let entries = self.written.entry(append.journal).or_default();
        let actual = entries.iter().filter(|entry| entry.key == append.key).count() as u64;
        let belief = self.beliefs[writer].entry((append.journal, append.key.clone())).or_default();
        *belief = KeySeq(actual);
        if append.fence.is_some_and(|fence| fence.0 != actual) {
            let refused = matches!(answer, Err(JournalError::Fenced { actual: said, .. }) if said.0 == actual);
            assert!(refused || matches!(answer, Err(JournalError::Storage { .. } | JournalError::Closed)), "{answer:?}");
            return;
        }
        for (at, body) in append.bodies.iter().enumerate() {
            entries.push(Entry { key: append.key.clone(), key_seq: actual + 1 + at as u64, body: Some(body.clone()) });
        }
        if let Ok(appended) = answer {
            let appended = appended.expect("an append has a place");
            assert_eq!(appended.last, Position(entries.len() as u64));
            assert_eq!(appended.first.0, entries.len() as u64 + 1 - append.bodies.len() as u64);
            assert_eq!(appended.key_seq.0, actual + append.bodies.len() as u64);
            *belief = appended.key_seq;
        } else {
            assert!(!matches!(answer, Err(JournalError::Fenced { .. })), "refused although the fence was right");
        }
    }

    /// A sync; with a write while it runs, if asked: what is written after its beginning is not covered by it.
    fn sync(&mut self, busy: bool) {
        let shared = Arc::clone(&self.opened.shared);
        if !busy {
            assert!(shared.sync_now().is_ok() || self.disk.is_down() || shared.failed());
        } else if let Some(ticket) = shared.begin_sync() {
            let result = ticket.handle.sync();
            if result.is_ok() {
                self.write();
            }
            assert!(shared.finish_sync(&ticket, result).is_ok() || self.disk.is_down() || shared.failed());
        }
        self.note_durable();
    }

    fn note_durable(&mut self) {
        for journal in JOURNALS {
            let bounds = self.opened.shared.lane(journal).bounds();
            assert!(bounds.durable <= bounds.appended);
            self.durable.insert(journal, bounds.durable.0);
        }
    }

    fn upkeep(&mut self) {
        for closed in std::mem::take(&mut self.waiting) {
            // A failed index is made by the next start.
            _ = self.opened.keeper.take(closed);
        }
        self.note_spare();
        let result = self.opened.keeper.retain();
        assert!(result.is_ok() || self.disk.is_down(), "{result:?}");
        self.seen.dropped += result.unwrap_or_default() as u64;
        self.check_trimmed();
    }

    fn snapshot(&mut self) {
        self.note_durable();
        let journal = JOURNALS[usize::try_from(self.random.below(2)).expect("small")];
        let JournalId::Telemetry(partition) = journal else { return };
        let durable = self.durable[&journal];
        if durable == 0 {
            return;
        }
        let (key, position) = (Key::engine(partition), durable - self.random.below(3).min(durable - 1));
        let snapshot = Snapshot { key: key.clone(), journal, position: Position(position), body: body_of(&key, position) };
        if self.opened.shared.put_snapshot(&snapshot).is_ok() {
            let kept = self.snapshots.entry(key).or_default();
            kept.retain(|known| *known != position);
            kept.push(position);
            kept.sort_unstable_by(|one, other| other.cmp(one));
            kept.truncate(2);
        }
    }

    fn close(&mut self) {
        if !self.random.percent(30) {
            return;
        }
        for closed in std::mem::take(&mut self.waiting) {
            _ = self.opened.keeper.take(closed);
        }
        if let Ok(closed) = self.opened.writer.finish() {
            self.note_durable();
            if let Some(closed) = closed {
                _ = self.opened.keeper.take(closed);
            }
        }
        if !self.disk.is_down() {
            self.restart();
        }
    }

    /// Opens again, as often as it takes, and checks that everything that must be there is.
    fn restart(&mut self) {
        self.seen.restarts += 1;
        self.waiting.clear();
        self.disk.fault(None);
        let time = self.opened.shared.clock.now();
        if self.random.percent(20) {
            self.clock.set_wall(Time::from_micros(time.micros() - 5_000_000));
        }
        if self.random.percent(30) {
            let steps = 1 + self.random.below(20);
            self.disk.crash_in(steps);
        }
        self.opened = loop {
            match open(Arc::new(self.disk.clone()), config(&self.clock)) {
                Ok(opened) => break opened,
                Err(error) => {
                    assert!(self.disk.is_down(), "start: {error}");
                    self.disk.come_up();
                }
            }
        };
        for journal in JOURNALS {
            let recovered = self.opened.shared.lane(journal).bounds().appended.0;
            let durable = self.durable.get(&journal).copied().unwrap_or_default();
            assert!(recovered >= durable, "{journal} was durable up to {durable} and comes back up to {recovered}");
            let entries = self.written.entry(journal).or_default();
            assert!(recovered <= entries.len() as u64, "{journal} has more than was written");
            self.seen.lost += u64::from(recovered < entries.len() as u64);
            entries.truncate(usize::try_from(recovered).expect("small"));
        }
        self.note_durable();
        self.seen.moved += u64::from(self.opened.keeper.has_moved(JournalId::Events));
        self.seen.dead_trimmed += u64::from(self.opened.shared.lane(JournalId::Dead).bounds().first.0 > 1);
        self.check_all();
    }

    fn check_all(&mut self) {
        for journal in JOURNALS {
            let records = self.read_all(journal);
            let entries = self.written.get(&journal).map(Vec::as_slice).unwrap_or_default();
            let first = entries.len() - records.len();
            if journal == JournalId::Events {
                assert_eq!(first, 0, "events are complete");
            }
            for ((entry, record), position) in entries[first..].iter().zip(&records).zip(first as u64 + 1..) {
                assert_eq!((record.journal, record.position.0), (journal, position));
                assert_eq!((&record.key, record.key_seq.0), (&entry.key, entry.key_seq), "{journal} {position}");
                assert!(entry.body.as_ref().is_none_or(|body| *body == record.body), "{journal} {position}");
            }
            assert!(records.windows(2).all(|pair| pair[0].time <= pair[1].time));
        }
        self.check_trimmed();
        self.check_snapshots();
    }

    /// What was trimmed rightly stays so: `spare` only grows.
    fn note_spare(&mut self) {
        for journal in &JOURNALS[..2] {
            let JournalId::Telemetry(partition) = journal else { continue };
            let kept = self.opened.shared.snapshots.lock().get(&Key::engine(*partition)).cloned().unwrap_or_default();
            let positions: Vec<u64> = kept.iter().map(|(_, position)| position.0).collect();
            let appended = self.opened.shared.lane(*journal).bounds().appended.0;
            let (spare, second) = (self.spare.entry(*journal).or_default(), positions.get(1).copied().unwrap_or_default());
            let whole = positions.contains(&appended);
            self.seen.spared += u64::from(whole && appended > second);
            *spare = (*spare).max(if whole { appended } else { second });
        }
    }

    fn check_trimmed(&self) {
        for journal in &JOURNALS[..2] {
            let spare = self.spare.get(journal).copied().unwrap_or_default();
            assert!(self.opened.shared.lane(*journal).bounds().first.0 <= spare + 1, "trimmed past what the snapshots make good");
        }
    }

    fn check_snapshots(&self) {
        for (key, kept) in &self.snapshots {
            let read = self.opened.shared.read_snapshots(key);
            assert!(read.len() >= kept.len(), "{key}: acknowledged {kept:?}");
            for (snapshot, position) in read.iter().zip(kept) {
                assert!(snapshot.position.0 >= *position);
            }
            for snapshot in &read {
                assert_eq!(snapshot.body, body_of(key, snapshot.position.0));
            }
        }
    }

    /// Everything of a journal, with whatever way of reading comes up.
    fn read_all(&mut self, journal: JournalId) -> Vec<JournalRecord> {
        let lane = self.opened.shared.lane(journal);
        let (mut after, mut all) = (Position(lane.bounds().first.0 - 1), Vec::new());
        loop {
            let limit = ReadLimit { records: 5, bytes: 2_000 };
            let records = match lane.plan(after, Level::Appended, limit) {
                Plan::Ready(records) => records,
                Plan::Trimmed(first) => panic!("{journal} after {after:?}: trimmed up to {first:?}"),
                Plan::Stored(runs) => match read_stored(&self.disk, journal, &runs, limit) {
                    Ok(records) => records,
                    Err(ReadFault::Moved) => panic!("{journal} after {after:?}: no such file"),
                    Err(ReadFault::Failed(error)) => panic!("{journal} after {after:?}: {error}"),
                },
            };
            let Some(last) = records.last() else { return all };
            after = last.position;
            all.extend(records);
        }
    }
}

fn request(work: &Work) -> (Request, oneshot::Receiver<Outcome>) {
    let (reply, answer) = oneshot::channel();
    let work = match work {
        Work::Append(append) => Work::Append(append.clone()),
        Work::Seal => Work::Seal,
    };
    (Request { work, reply, permit: None }, answer)
}

#[test]
fn no_crash_breaks_a_law() {
    let mut seen = Seen::default();
    for seed in 0..PROGRAMS {
        let mut program = Program::new(seed);
        if let Err(panic) = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| program.run())) {
            eprintln!("program {seed} broke a law");
            std::panic::resume_unwind(panic);
        }
        seen.add(&program.seen);
    }
    // A law is only held where what it is about happens.
    let Seen { restarts, lost, dropped, moved, seals, spared, dead_trimmed, faults } = seen;
    for (what, count) in [
        ("restarts", restarts),
        ("lost", lost),
        ("dropped", dropped),
        ("moved", moved),
        ("seals", seals),
        ("spared", spared),
        ("dead", dead_trimmed),
        ("faults", faults),
    ] {
        assert!(count >= PROGRAMS / 20, "{what} happened only {count} times: {seen:?}");
    }
}
