//! A model of one alarm's life, written from the tables of ISA-18.2-2016 and not from the core: states are letters, the table is text.
//! 100,000 random sequences of samples, commands and pauses must come out of both alike.

use std::sync::Arc;

use alarm::Core;
use model::{
    AlarmKind, AlarmRule, AlarmState, Body, Command, CommandKind, CommandVerdict, EventBody, RequestId, Revision, Span, Subject,
    Time, Transition,
};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

use crate::plant::{ZERO, point, revision, rule};
use crate::random::{core, number, replay};
use crate::reference::one_sample;

/// Rows are states, columns events: the letter it goes to, `-` it stays, `x` it is refused, `*` it leaves what hid it.
const TABLE: &str = "
  ALM RTN ACK RST SIL SHV UNS SUP USP OOS RTS
A  B   -   x   x   x   G   x   H   -   I   x
B  -   R   C   x   -   G   x   H   -   I   x
C  -   r   x   x   x   G   x   H   -   I   x
D  B   -   A   x   -   G   x   H   -   I   x
E  B   -   F   x   -   G   x   H   -   I   x
F  B   -   x   A   x   G   x   H   -   I   x
G  -   -   x   x   x   -   *   H   -   I   x
H  -   -   x   x   x   x   x   -   *   I   x
I  -   -   x   x   x   x   x   -   -   -   *";

fn cell(state: char, event: &str) -> char {
    let mut lines = TABLE.lines().skip(1);
    let column = lines.next().expect("a head").split_whitespace().position(|it| it == event).expect("a column");
    let row = lines.find(|line| line.starts_with(state)).expect("a row");
    let cell = row.split_whitespace().nth(column + 1).expect("a cell");
    cell.chars().next().expect("a letter")
}

fn letter(state: AlarmState) -> char {
    let at = AlarmState::ALL.iter().position(|it| *it == state).expect("all are listed");
    char::from(b"ABCDEFGHI"[at])
}

/// What is said: the transition, the letter after it, the activation, and whether a raise is annunciated.
type Said = (Time, String);

/// One alarm at `value >= 10`.
struct Model {
    rule: AlarmRule,
    now: Time,
    /// The letter of A to F that it has, or had when it was hidden.
    seen: char,
    cond: bool,
    /// It went into alarm while hidden.
    alarmed: bool,
    silenced: bool,
    shelf: Option<Time>,
    suppressed: Option<Option<Time>>,
    out: Option<Option<Time>>,
    activation: u32,
    value: Option<f64>,
    due: Option<Time>,
    said: Vec<Said>,
}

impl Model {
    fn new(rule: AlarmRule) -> Self {
        let now = Time::from_micros(ZERO);
        Self {
            rule,
            now,
            seen: 'A',
            cond: false,
            alarmed: false,
            silenced: false,
            shelf: None,
            suppressed: None,
            out: None,
            activation: 0,
            value: None,
            due: None,
            said: Vec::new(),
        }
    }

    fn hidden(&self) -> bool {
        self.shelf.is_some() || self.suppressed.is_some() || self.out.is_some()
    }

    fn state(&self) -> char {
        match (self.out.is_some(), self.suppressed.is_some(), self.shelf.is_some()) {
            (true, ..) => 'I',
            (_, true, _) => 'H',
            (_, _, true) => 'G',
            _ => self.seen,
        }
    }

    /// Whether an occurrence is open, whatever hides it.
    fn open(&self) -> bool {
        self.cond || self.comes_out_at() != 'A' || "BDE".contains(self.seen)
    }

    /// The second table: where it goes when nothing hides it any more.
    fn comes_out_at(&self) -> char {
        let unacknowledged = "BDE".contains(self.seen);
        match (self.cond, self.rule.latching) {
            (true, _) => 'B',
            (false, true) if self.alarmed => 'E',
            (false, true) if "BCEF".contains(self.seen) => {
                if unacknowledged {
                    'E'
                } else {
                    'F'
                }
            }
            _ if unacknowledged => 'D',
            _ => 'A',
        }
    }

    fn say(&mut self, at: Time, what: &str) {
        let activation = if self.activation_counts(what) { self.activation } else { 0 };
        self.said.push((at, format!("{what} {} {activation}", self.state())));
    }

    /// Where nothing is open, nothing has an activation.
    fn activation_counts(&self, what: &str) -> bool {
        self.open() || matches!(what, "alarm.returned" | "alarm.acknowledged" | "alarm.reset" | "alarm.closed")
    }

    fn alm(&mut self, at: Time) {
        if !self.open() {
            self.activation = 0;
        }
        self.activation += 1;
        self.cond = true;
        if self.hidden() {
            self.alarmed = true;
            self.say(at, "quiet alarm.raised");
        } else {
            (self.seen, self.silenced) = (cell(self.seen, "ALM"), false);
            self.say(at, "alarm.raised");
        }
    }

    fn rtn(&mut self, at: Time) {
        let was_open = self.open();
        self.cond = false;
        if !self.hidden() {
            // R and r of the table: to the latched states where the alarm latches.
            self.seen = match (cell(self.seen, "RTN"), self.rule.latching) {
                ('R', true) => 'E',
                ('R', false) => 'D',
                ('r', true) => 'F',
                ('r', false) => 'A',
                _ => self.seen,
            };
        }
        self.say(at, "alarm.returned");
        self.close_after(was_open, at);
    }

    fn close_after(&mut self, was_open: bool, at: Time) {
        if was_open && !self.open() {
            self.say(at, "alarm.closed");
            if self.hidden() {
                (self.seen, self.alarmed) = ('A', false);
            }
        }
    }

    fn come_out(&mut self, at: Time, what: &str) {
        if self.hidden() {
            return self.say(at, what);
        }
        let anew = self.cond;
        self.seen = self.comes_out_at();
        self.alarmed = false;
        self.say(at, what);
        if anew {
            self.activation += 1;
            // The horn stays as it was silenced; the state is annunciated anew.
            self.say(at, "alarm.raised");
        }
    }

    /// Everything that ends or falls due until `time`, in order.
    fn run(&mut self, time: Time) {
        loop {
            let ends = [(self.shelf, 0), (self.suppressed.flatten(), 1), (self.out.flatten(), 2), (self.due, 3)];
            let due = ends.into_iter().filter_map(|(at, what)| Some((at?, what))).min();
            match due.filter(|(at, _)| *at <= time) {
                Some((at, 0)) => {
                    self.shelf = None;
                    self.come_out(at, "alarm.unshelved");
                }
                Some((at, 1)) => {
                    self.suppressed = None;
                    self.come_out(at, "alarm.unsuppressed");
                }
                Some((at, 2)) => {
                    self.out = None;
                    self.come_out(at, "alarm.in_service");
                }
                Some((at, _)) => {
                    self.due = None;
                    if self.cond { self.rtn(at) } else { self.alm(at) }
                }
                None => break,
            }
        }
        self.now = time;
    }

    fn sample(&mut self, value: f64) {
        self.value = Some(value);
        let wanted = if self.cond { value < 8.0 } else { value >= 10.0 };
        let delay = if self.cond { self.rule.off_delay } else { self.rule.on_delay };
        match (wanted, self.due) {
            (false, _) => self.due = None,
            (true, Some(_)) => {}
            (true, None) if delay > Span::ZERO => self.due = Some(self.now + delay),
            (true, None) => {
                if self.cond {
                    self.rtn(self.now)
                } else {
                    self.alm(self.now)
                }
            }
        }
    }

    fn command(&mut self, kind: CommandKind, until: Option<Time>) {
        let event = match kind {
            CommandKind::Acknowledge => "ACK",
            CommandKind::Reset => "RST",
            CommandKind::Silence => "SIL",
            CommandKind::Shelve => "SHV",
            CommandKind::Unshelve => "UNS",
            CommandKind::Suppress => "SUP",
            CommandKind::Unsuppress => "USP",
            CommandKind::OutOfService => "OOS",
            CommandKind::ReturnToService => "RTS",
        };
        let (state, at) = (self.state(), self.now);
        let cell = cell(state, event);
        let ends = until.is_none_or(|until| until > at);
        let shelvable = kind != CommandKind::Shelve
            || until.is_some_and(|until| until.since(at) <= self.rule.shelve_max && self.rule.shelve_max > Span::ZERO);
        if cell == 'x' || !ends || !shelvable {
            return self.said.push((at, format!("refused {state}")));
        }
        let place = self.said.len();
        self.obey(kind, cell, until);
        // The outcome comes before what it causes, and tells the state after.
        let after = self.said[place..]
            .first()
            .map_or(state, |(_, said)| said.split(' ').rev().nth(1).and_then(|it| it.chars().next()).expect("a letter"));
        self.said.insert(place, (at, format!("accepted {after}")));
    }

    fn obey(&mut self, kind: CommandKind, cell: char, until: Option<Time>) {
        let (at, was_open) = (self.now, self.open());
        match kind {
            CommandKind::Acknowledge | CommandKind::Reset => {
                self.seen = cell;
                self.say(at, if kind == CommandKind::Reset { "alarm.reset" } else { "alarm.acknowledged" });
                self.close_after(was_open, at);
            }
            CommandKind::Silence => {
                if !std::mem::replace(&mut self.silenced, true) {
                    self.say(at, "alarm.silenced");
                }
            }
            CommandKind::Shelve => {
                self.shelf = until;
                self.say(at, "alarm.shelved");
            }
            CommandKind::Unshelve => {
                self.shelf = None;
                self.come_out(at, "alarm.unshelved");
            }
            CommandKind::Suppress => {
                let new = self.suppressed.is_none();
                if new || until.is_some() {
                    self.suppressed = Some(until);
                    self.say(at, "alarm.suppressed");
                }
            }
            CommandKind::Unsuppress => {
                if self.suppressed.take().is_some() {
                    self.come_out(at, "alarm.unsuppressed");
                }
            }
            CommandKind::OutOfService => {
                let new = self.out.is_none();
                if new || until.is_some() {
                    self.out = Some(until);
                    self.say(at, "alarm.out_of_service");
                }
            }
            CommandKind::ReturnToService => {
                self.out = None;
                self.come_out(at, "alarm.in_service");
            }
        }
    }
}

#[derive(Clone, Debug)]
enum Step {
    Sample(f64),
    Command(CommandKind, Option<i64>),
    Tick,
}

fn steps() -> impl Strategy<Value = Vec<(i64, Step)>> {
    let value = select(vec![0.0, 7.5, 8.0, 9.0, 10.0, 20.0]);
    let command = (select(CommandKind::ALL.to_vec()), prop_oneof![1 => Just(None), 3 => (0..12_i64).prop_map(Some)]);
    let step = prop_oneof![
        4 => value.prop_map(Step::Sample),
        5 => command.prop_map(|(kind, until)| Step::Command(kind, until)),
        1 => Just(Step::Tick),
    ];
    vec((prop_oneof![3 => Just(1), 1 => 2..9_i64], step), 1..30)
}

fn rules() -> impl Strategy<Value = AlarmRule> {
    let delay = || select(vec![0, 0, 2, 3]).prop_map(Span::from_secs);
    (any::<bool>(), delay(), delay(), select(vec![0, 10, 100])).prop_map(|(latching, on_delay, off_delay, shelve)| AlarmRule {
        latching,
        on_delay,
        off_delay,
        deadband: 2.0,
        shelve_max: Span::from_secs(shelve),
        ..rule(AlarmKind::High, Some(10.0))
    })
}

fn plant(rule: &AlarmRule) -> Arc<Revision> {
    let mut alarmed = point(1);
    alarmed.stale_after = Span::from_secs(3_600);
    alarmed.alarms.push(rule.clone());
    revision(1, vec![(1, alarmed)])
}

fn bodies(steps: &[(i64, Step)], revision: Arc<Revision>) -> Vec<(Time, Body)> {
    let mut now = Time::from_micros(ZERO);
    let mut bodies = vec![(now, Body::Revision(revision))];
    for (request, (pause, step)) in steps.iter().enumerate() {
        now = now + Span::from_secs(*pause);
        let body = match step {
            Step::Sample(value) => one_sample(now.micros(), *value),
            Step::Tick => Body::Tick,
            Step::Command(kind, until) => Body::Command(Command {
                request_id: RequestId::new(&format!("r{request}")).expect("an id"),
                kind: *kind,
                subject: Subject::new("p1").expect("an id"),
                alarm: rule(AlarmKind::High, None).id,
                occurrence: None,
                activation: 0,
                actor: "孙".to_owned(),
                why: String::new(),
                until: until.map(|seconds| now + Span::from_secs(seconds)),
            }),
        };
        bodies.push((now, body));
    }
    bodies
}

/// What the core says, in the words of the model.
fn of_core(said: &[(model::EventId, model::Event)]) -> Vec<Said> {
    let words = said.iter().filter_map(|(_, event)| match &event.body {
        EventBody::Alarm(alarm) => {
            let quiet = alarm.transition == Transition::Raised && !alarm.annunciated;
            let mark = if quiet { "quiet " } else { "" };
            let text = format!("{mark}{} {} {}", alarm.transition.as_str(), letter(alarm.state), alarm.activation);
            Some((event.occurred_at, text))
        }
        EventBody::Command(outcome) => {
            let word = if outcome.verdict == CommandVerdict::Accepted { "accepted" } else { "refused" };
            Some((event.occurred_at, format!("{word} {}", letter(outcome.state))))
        }
        _ => None,
    });
    words.collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 100_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_core_lives_as_the_tables_say(rule in rules(), steps in steps(), cut in any::<prop::sample::Index>()) {
        let mut model = Model::new(rule.clone());
        for (pause, step) in &steps {
            model.run(model.now + Span::from_secs(*pause));
            match step {
                Step::Sample(value) => model.sample(*value),
                Step::Command(kind, until) => model.command(*kind, until.map(|seconds| model.now + Span::from_secs(seconds))),
                Step::Tick => {}
            }
        }
        let revision = plant(&rule);
        let records = number(bodies(&steps, Arc::clone(&revision)));
        // Somewhere in between it is kept and restored.
        let (before, after) = records.split_at(cut.index(records.len()) + 1);
        let mut first = core();
        let mut said = replay(&mut first, before);
        let mut second = Core::restore(Arc::from("engine/7"), Some(revision), &first.snapshot()).expect("its own snapshot");
        said.extend(replay(&mut second, after));
        prop_assert_eq!(of_core(&said), model.said);
    }
}

#[test]
fn the_model_knows_the_tables() {
    assert_eq!(
        (cell('A', "ALM"), cell('C', "ACK"), cell('F', "RST"), cell('G', "UNS"), cell('I', "SHV")),
        ('B', 'x', 'A', '*', 'x')
    );
}
