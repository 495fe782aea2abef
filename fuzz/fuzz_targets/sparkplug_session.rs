//! A host and what comes to it: messages, time, outages, restarts. Accepted: at least one value came out. Every delivery is done with
//! exactly once, and what is kept is read.
//!
//! The input is a list of steps: a byte that says which, a byte of time (100 ms each), and for a message two bytes of length and its
//! payload. Made by examples/sparkplug_seeds.rs.
#![no_main]

use std::collections::BTreeMap;

use fuzz_targets::Tally;
use libfuzzer_sys::fuzz_target;
use model::{Span, Time};
use sparkplug::{Host, HostConfig, Output};

static TALLY: Tally = Tally::new();

const TOPICS: [&str; 12] = [
    "spBv1.0/g/NBIRTH/n",
    "spBv1.0/g/NDATA/n",
    "spBv1.0/g/NDEATH/n",
    "spBv1.0/g/DBIRTH/n/d",
    "spBv1.0/g/DDATA/n/d",
    "spBv1.0/g/DDEATH/n/d",
    "spBv1.0/g/NCMD/n",
    "spBv1.0/STATE/davy",
    "spBv1.0/g/NBIRTH/N",
    "spBv1.0/g/DBIRTH/n/D",
    "spBv1.0/g/DDATA/N/d",
    "spBv1.0/g/NDATA",
];
const DOWN: u8 = 12;
const UP: u8 = 13;
const RESTART: u8 = 14;

fuzz_target!(|input: &[u8]| {
    let mut session = Session::new();
    let mut rest = input;
    while let [step, time, after @ ..] = rest {
        rest = session.step(step % 16, *time, after);
    }
    TALLY.note(session.end() > 0);
});

struct Session {
    host: Host,
    now: Time,
    out: Vec<Output>,
    sent: u64,
    done: BTreeMap<u64, u32>,
    values: usize,
}

impl Session {
    fn new() -> Self {
        let host = Host::new(HostConfig::default(), 1);
        let now = Time::from_micros(1_732_370_000_000_000);
        let mut session = Self { host, now, out: Vec::new(), sent: 0, done: BTreeMap::new(), values: 0 };
        session.host.link_up(now, &mut session.out);
        session
    }

    fn step<'a>(&mut self, step: u8, time: u8, after: &'a [u8]) -> &'a [u8] {
        self.pass(Span::from_millis(100 * i64::from(time)));
        let mut rest = after;
        match step {
            DOWN => self.host.link_down(self.now, &mut self.out),
            UP => self.host.link_up(self.now, &mut self.out),
            RESTART => self.restart(),
            // A long time.
            15 => self.pass(Span::from_secs(10 * i64::from(time))),
            message => {
                let Some((length, after)) = after.split_first_chunk() else { return &[] };
                let (payload, after) = after.split_at(after.len().min(u16::from_le_bytes(*length).into()));
                self.sent += 1;
                self.host.take(TOPICS[usize::from(message)], payload, self.sent, self.now, &mut self.out);
                rest = after;
            }
        }
        self.note();
        rest
    }

    fn pass(&mut self, span: Span) {
        let until = self.now + span;
        while let Some(at) = self.host.next_deadline().filter(|at| *at <= until) {
            assert!(at >= self.now, "a deadline that was missed");
            self.now = at;
            self.host.run(self.now, &mut self.out);
        }
        self.now = until;
        self.note();
    }

    fn restart(&mut self) {
        self.host.link_down(self.now, &mut self.out);
        let nodes: Vec<_> = self.host.reports().map(|report| report.node).collect();
        let mut host = Host::new(HostConfig::default(), 2);
        for node in nodes {
            let kept = self.host.keep(&node).expect("it is known");
            assert_eq!(host.restore(&kept), Ok(node.clone()));
            assert_eq!(host.keep(&node), Some(kept));
            host.resume_seq(&node, 3);
        }
        self.host = host;
        self.host.link_up(self.now, &mut self.out);
    }

    fn note(&mut self) {
        for said in self.out.drain(..) {
            match said {
                Output::Done { delivery } => *self.done.entry(delivery).or_default() += 1,
                Output::Values { values, .. } => self.values += values.len(),
                _ => {}
            }
        }
    }

    fn end(mut self) -> usize {
        self.host.link_down(self.now, &mut self.out);
        self.note();
        assert!(self.done.values().all(|times| *times == 1), "done with more than once");
        assert_eq!(self.done.len() as u64, self.sent, "not done with");
        self.values
    }
}
