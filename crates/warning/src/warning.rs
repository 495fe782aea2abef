//! One warning: its addressees with their steps, and how each event changes it.

use std::sync::Arc;

use model::{
    Addressee, Colour, DepartmentId, EventId, Level, RecordedEvent, RevisionNumber, Scope, StepSpans, StepTimes, Time,
    WarningCause, WarningChange, WarningPlace, WarningRuleId, WarningStep, WarningTransition,
};

use crate::MESSAGES_KEPT;

/// What a warning is about.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// What kind of place.
    pub kind: WarningPlace,
    /// Its id.
    pub id: Arc<str>,
}

/// A step that was done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Done {
    /// When, journal time; of a response that was said again, the first time.
    pub at: Time,
    /// Whether that was too late.
    pub late: bool,
    /// Who, in person.
    pub actor: String,
    /// What they wrote, the last time.
    pub text: String,
    /// Events that show it.
    pub evidence: Vec<EventId>,
}

/// A step of an addressee that was told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// Until when, journal time.
    pub deadline: Time,
    /// Done, if it is.
    pub done: Option<Done>,
    /// It was said that it is late.
    pub overdue: bool,
}

/// One addressee.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Party {
    /// Who.
    pub department: DepartmentId,
    /// Name as people read it.
    pub name: String,
    /// Where it stands.
    pub level: Level,
    /// Received, responded, resolved; `None` before the warning reached its level.
    pub steps: Option<[Step; 3]>,
}

impl Party {
    /// The steps of one that was told, each with its name.
    pub fn steps(&self) -> impl Iterator<Item = (WarningStep, &Step)> {
        WarningStep::ALL.iter().copied().zip(self.steps.iter().flatten())
    }

    /// One step of one that was told.
    pub fn step(&self, step: WarningStep) -> Option<&Step> {
        self.steps().find(|(it, _)| *it == step).map(|(_, step)| step)
    }

    /// It is told, for the first time or anew. Who is told anew gets no more time for what it still had to do.
    fn told(&mut self, deadlines: StepTimes) {
        let before = self.steps.take();
        self.steps = Some(std::array::from_fn(|at| {
            let own = deadlines.of(WarningStep::ALL[at]);
            let pending = before.as_ref().map(|steps| &steps[at]).filter(|step| step.done.is_none() && !step.overdue);
            Step { deadline: pending.map_or(own, |step| own.min(step.deadline)), done: None, overdue: false }
        }));
    }

    /// It did a step, and with it those before.
    fn did(&mut self, step: WarningStep, done: &Done) {
        for (name, own) in WarningStep::ALL.iter().zip(self.steps.iter_mut().flatten()).filter(|(name, _)| **name <= step) {
            let implied = || Done {
                late: own.overdue || done.at >= own.deadline,
                text: String::new(),
                evidence: Vec::new(),
                ..done.clone()
            };
            match &mut own.done {
                Some(known) if *name == step => {
                    (known.actor, known.text, known.evidence) = (done.actor.clone(), done.text.clone(), done.evidence.clone());
                }
                Some(_) => {}
                None if *name == step => own.done = Some(done.clone()),
                None => own.done = Some(implied()),
            }
        }
    }

    fn is_late(&mut self, step: WarningStep) {
        let own = WarningStep::ALL.iter().zip(self.steps.iter_mut().flatten()).find(|(name, _)| **name == step);
        if let Some((_, own)) = own {
            own.overdue = true;
        }
    }
}

/// How a warning ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Closing {
    /// When, journal time.
    pub at: Time,
    /// Taken back rather than closed.
    pub cancelled: bool,
    /// By whom; `None`: by itself.
    pub department: Option<DepartmentId>,
    /// By whom, in person.
    pub actor: String,
    /// What they wrote.
    pub text: String,
    /// Events that show it.
    pub evidence: Vec<EventId>,
}

/// What was said of a warning that is news to those who are outside of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// The event that says it.
    pub event: EventId,
    /// When, journal time.
    pub at: Time,
    /// Opened, adjusted, escalated, closed or cancelled.
    pub transition: WarningTransition,
}

/// A warning, open or closed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Warning {
    /// The id of the event that opened it.
    pub id: EventId,
    /// The rule that opened it, or adjusted it last.
    pub rule: WarningRuleId,
    /// What it is called.
    pub name: String,
    /// The topic of its rule.
    pub topic: String,
    /// What it is about.
    pub place: Place,
    /// Whom it concerns.
    pub scope: Scope,
    /// The site revision that it was opened under.
    pub revision: RevisionNumber,
    /// How severe.
    pub colour: Colour,
    /// Who answers for it.
    pub level: Level,
    /// What is to be done.
    pub action: String,
    /// The time an addressee has.
    pub within: StepSpans,
    /// Whether a late step lifts it to the next level.
    pub escalate: bool,
    /// Whether it closes by itself.
    pub close_on_return: bool,
    /// When its condition was met.
    pub occurred_at: Time,
    /// When it was opened, journal time of where it was.
    pub opened_at: Time,
    /// When it last moved, journal time.
    pub changed_at: Time,
    /// In the order in which they were named.
    pub addressees: Vec<Party>,
    /// The alarms behind it when it was opened or adjusted last.
    pub alarms: Vec<WarningCause>,
    /// How many more.
    pub more_alarms: u32,
    /// When it was said that the alarms behind it have returned.
    pub returned_at: Option<Time>,
    /// How it ended.
    pub closed: Option<Closing>,
    /// What was said of it, from its opening on; of more than `MESSAGES_KEPT` the opening and the last ones.
    pub messages: Vec<Message>,
    /// Since when no rule of its topic holds at its place.
    pub(crate) gone_since: Option<Time>,
}

impl Warning {
    pub(crate) fn opened(recorded: &RecordedEvent, change: &WarningChange) -> Self {
        let event = &recorded.event;
        let mut warning = Self {
            id: recorded.id.clone(),
            rule: change.rule.clone(),
            name: change.name.clone(),
            topic: change.topic.clone(),
            place: Place { kind: change.place, id: Arc::clone(&event.subject) },
            scope: event.scope.clone(),
            revision: event.revision,
            colour: change.colour,
            level: change.level,
            action: change.action.clone(),
            within: change.within,
            escalate: change.escalate,
            close_on_return: change.close_on_return,
            occurred_at: event.occurred_at,
            opened_at: recorded.first_recorded_at(),
            changed_at: recorded.first_recorded_at(),
            addressees: Vec::new(),
            alarms: change.alarms.clone(),
            more_alarms: change.more_alarms,
            returned_at: None,
            closed: None,
            messages: Vec::new(),
            gone_since: None,
        };
        warning.tell(&change.addressees);
        warning.say(recorded, change.transition);
        warning
    }

    /// One of its addressees.
    pub fn party(&self, department: &DepartmentId) -> Option<&Party> {
        self.addressees.iter().find(|party| party.department == *department)
    }

    /// Takes an event about it other than its opening.
    pub(crate) fn take(&mut self, recorded: &RecordedEvent, change: &WarningChange) {
        let at = recorded.first_recorded_at();
        match change.transition {
            WarningTransition::Opened | WarningTransition::Refused => return,
            WarningTransition::Adjusted => self.adjusted(change),
            WarningTransition::Escalated => {
                self.level = change.level;
                self.tell(&change.addressees);
            }
            WarningTransition::Received | WarningTransition::Responded | WarningTransition::Resolved => self.did(change, at),
            WarningTransition::Overdue => self.late(change),
            WarningTransition::ConditionReturned => self.returned_at = Some(at),
            WarningTransition::Closed | WarningTransition::Cancelled => self.closed = Some(closing(change, at)),
        }
        self.changed_at = at;
        if change.transition.is_news() {
            self.say(recorded, change.transition);
        }
    }

    /// One more message about it.
    pub(crate) fn say(&mut self, recorded: &RecordedEvent, transition: WarningTransition) {
        if self.messages.len() >= MESSAGES_KEPT {
            self.messages.remove(1);
        }
        self.messages.push(Message { event: recorded.id.clone(), at: recorded.recorded_at, transition });
    }

    fn adjusted(&mut self, change: &WarningChange) {
        self.rule = change.rule.clone();
        self.name = change.name.clone();
        self.colour = change.colour;
        self.level = change.level;
        self.action = change.action.clone();
        self.within = change.within;
        self.escalate = change.escalate;
        self.close_on_return = change.close_on_return;
        self.alarms = change.alarms.clone();
        self.more_alarms = change.more_alarms;
        self.returned_at = None;
        self.tell(&change.addressees);
    }

    fn tell(&mut self, addressees: &[Addressee]) {
        for Addressee { department, name, level, deadlines } in addressees {
            let known = self.addressees.iter().position(|party| party.department == *department);
            let at = known.unwrap_or_else(|| {
                let (department, name) = (department.clone(), name.clone());
                self.addressees.push(Party { department, name, level: *level, steps: None });
                self.addressees.len() - 1
            });
            if let Some(deadlines) = deadlines {
                self.addressees[at].told(*deadlines);
            }
        }
    }

    fn did(&mut self, change: &WarningChange, at: Time) {
        let Some((step, party)) = change.step.zip(self.named(change)) else { return };
        let (actor, text, evidence) = (change.actor.clone(), change.text.clone(), change.evidence.clone());
        party.did(step, &Done { at, late: change.late, actor, text, evidence });
    }

    fn late(&mut self, change: &WarningChange) {
        if let Some((step, party)) = change.step.zip(self.named(change)) {
            party.is_late(step);
        }
    }

    fn named(&mut self, change: &WarningChange) -> Option<&mut Party> {
        self.addressees.iter_mut().find(|party| change.department.as_ref() == Some(&party.department))
    }
}

fn closing(change: &WarningChange, at: Time) -> Closing {
    Closing {
        at,
        cancelled: change.transition == WarningTransition::Cancelled,
        department: change.department.clone(),
        actor: change.actor.clone(),
        text: change.text.clone(),
        evidence: change.evidence.clone(),
    }
}
