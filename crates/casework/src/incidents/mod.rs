//! Incidents: what is known of each, and how each event changes it.

mod due;
mod judge;
mod record;
mod rows;
mod sightings;

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use model::{
    AccidentClass, DepartmentId, DutyChange, DutyTransition, EventId, IncidentChange, IncidentDoubt, IncidentDuty, IncidentKind,
    IncidentLosses, IncidentNotice, IncidentTransition, RecordedEvent, RevisionNumber, Scope, Time,
};

pub use record::Entry;
pub use sightings::About;
pub(crate) use sightings::{Sighting, Sightings};

use crate::book::Book;
use crate::sites::Place;
use crate::{CLOSED_KEPT, NOTES_MAX};

/// By which notice a duty was done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Done {
    /// The event that put it on record.
    pub event: EventId,
    /// When somebody was told, as they say.
    pub told_at: Time,
    /// When that came on record, journal time.
    pub recorded_at: Time,
    /// Whether they were told too late.
    pub late: bool,
}

/// A duty to tell somebody, and what became of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// The duty.
    pub duty: IncidentDuty,
    /// Of another class or kind than the incident was found to have: it need not be done any more.
    pub waived: bool,
    /// How much of its time was over at the last reminder, in percent; 0 before the first.
    pub reminded: u32,
    /// It was said that it is late.
    pub overdue: bool,
    /// The first notice of it.
    pub done: Option<Done>,
}

impl Row {
    const fn new(duty: IncidentDuty) -> Self {
        Self { duty, waived: false, reminded: 0, overdue: false, done: None }
    }

    /// Whether it has to be done for certain, and is not.
    pub const fn is_open(&self) -> bool {
        !self.waived && !self.duty.if_of_class && self.done.is_none()
    }

    /// Whether its time was over before it was done.
    pub fn is_late(&self, now: Time) -> bool {
        self.done.as_ref().map_or_else(|| self.is_open() && self.duty.due <= now, |done| done.late)
    }
}

/// A notice on record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice {
    /// The event that put it there.
    pub event: EventId,
    /// When, journal time.
    pub recorded_at: Time,
    /// The duty that it is of; empty: none of those by law.
    pub duty: String,
    /// Who told whom, when and how.
    pub notice: IncidentNotice,
    /// Whether that was later than the latest time.
    pub late: bool,
    /// Who put it on record.
    pub department: Option<DepartmentId>,
    /// Who, in person.
    pub actor: String,
    /// What they wrote.
    pub text: String,
}

/// How an incident ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Closing {
    /// When, journal time.
    pub at: Time,
    /// It was declared in error.
    pub in_error: bool,
    /// By whom.
    pub department: Option<DepartmentId>,
    /// By whom, in person.
    pub actor: String,
    /// What they wrote.
    pub text: String,
}

/// An incident, open or closed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Incident {
    /// The id of the event that declared it.
    pub id: EventId,
    /// What happened.
    pub kind: IncidentKind,
    /// The same in words.
    pub title: String,
    /// Where.
    pub place: Place,
    /// Whom it concerns.
    pub scope: Scope,
    /// The site revision that it was declared under.
    pub revision: RevisionNumber,
    /// When it happened, as declared.
    pub happened_at: Time,
    /// When the first one who has to report knew, as declared.
    pub known_at: Time,
    /// What it cost, as far as known.
    pub losses: IncidentLosses,
    /// The class; `None` where the losses do not tell, and for what has none.
    pub class: Option<AccidentClass>,
    /// Duties in the order of the law; those of a correction behind.
    pub rows: Vec<Row>,
    /// In order.
    pub notices: Vec<Notice>,
    /// Alarms and warnings about it.
    pub about: Vec<About>,
    /// What is doubtful, in the order in which it came out.
    pub doubts: Vec<IncidentDoubt>,
    /// When it was declared, journal time.
    pub declared_at: Time,
    /// When it last moved, journal time.
    pub changed_at: Time,
    /// Who declared it.
    pub department: Option<DepartmentId>,
    /// Who, in person.
    pub actor: String,
    /// What they wrote.
    pub text: String,
    /// How it ended.
    pub closing: Option<Closing>,
    /// Everything that was said of it, in the order of the journal; `NOTES_MAX` at most.
    pub entries: Vec<Entry>,
    /// What came after that.
    pub more_entries: u32,
}

impl Incident {
    fn declared(recorded: &RecordedEvent, change: &IncidentChange) -> Self {
        let event = &recorded.event;
        Self {
            id: recorded.id.clone(),
            kind: change.kind,
            title: change.title.clone(),
            place: Place { kind: change.place, id: Arc::clone(&event.subject) },
            scope: event.scope.clone(),
            revision: event.revision,
            happened_at: change.happened_at,
            known_at: change.known_at,
            losses: change.losses,
            class: change.class,
            rows: change.duties.iter().cloned().map(Row::new).collect(),
            notices: Vec::new(),
            about: Vec::new(),
            doubts: change.doubts.clone(),
            declared_at: recorded.recorded_at,
            changed_at: recorded.recorded_at,
            department: change.department.clone(),
            actor: change.actor.clone(),
            text: change.text.clone(),
            closing: None,
            entries: Vec::new(),
            more_entries: 0,
        }
    }

    /// One of its duties.
    pub fn row(&self, duty: &str) -> Option<&Row> {
        self.rows.iter().find(|row| row.duty.duty == duty)
    }

    /// Whether a duty is late and not done.
    pub fn is_late(&self, now: Time) -> bool {
        self.closing.is_none() && self.rows.iter().any(|row| row.done.is_none() && row.is_late(now))
    }

    /// Takes an event about it other than its declaration.
    fn take(&mut self, recorded: &RecordedEvent, change: &IncidentChange) {
        let at = recorded.recorded_at;
        let row = self.rows.iter_mut().find(|row| row.duty.duty == change.duty);
        match (change.transition, row) {
            (IncidentTransition::Corrected, _) => self.corrected(change),
            (IncidentTransition::Notified, _) => self.notified(recorded, change),
            (IncidentTransition::Reminder, Some(row)) => row.reminded = change.percent,
            (IncidentTransition::Overdue, Some(row)) => row.overdue = true,
            (IncidentTransition::Closed, _) => {
                let (department, actor) = (change.department.clone(), change.actor.clone());
                self.closing = Some(Closing { at, in_error: change.in_error, department, actor, text: change.text.clone() });
            }
            _ => return,
        }
        self.doubt(&change.doubts);
        self.changed_at = at;
    }

    fn doubt(&mut self, doubts: &[IncidentDoubt]) {
        for doubt in doubts {
            if !self.doubts.contains(doubt) {
                self.doubts.push(*doubt);
            }
        }
    }

    fn corrected(&mut self, change: &IncidentChange) {
        (self.kind, self.title) = (change.kind, change.title.clone());
        (self.losses, self.class) = (change.losses, change.class);
        for row in &mut self.rows {
            row.waived = row.done.is_none() && !change.duties.iter().any(|it| it.duty == row.duty.duty);
        }
        for duty in &change.duties {
            match self.rows.iter_mut().find(|row| row.duty.duty == duty.duty) {
                Some(row) if row.duty == *duty || row.done.is_some() => {}
                Some(row) => *row = Row::new(duty.clone()),
                None => self.rows.push(Row::new(duty.clone())),
            }
        }
    }

    fn notified(&mut self, recorded: &RecordedEvent, change: &IncidentChange) {
        let Some(notice) = &change.notice else { return };
        let (event, recorded_at) = (recorded.id.clone(), recorded.recorded_at);
        let done = Done { event: event.clone(), told_at: notice.told_at, recorded_at, late: change.late };
        if let Some(row) = self.rows.iter_mut().find(|row| row.duty.duty == change.duty) {
            row.done.get_or_insert(done);
        }
        if self.notices.len() < NOTES_MAX {
            self.notices.push(Notice {
                event,
                recorded_at,
                duty: change.duty.clone(),
                notice: notice.clone(),
                late: change.late,
                department: change.department.clone(),
                actor: change.actor.clone(),
                text: change.text.clone(),
            });
        }
    }
}

/// All that are known.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Incidents {
    /// Open ones, and those closed last.
    pub(crate) all: BTreeMap<EventId, Incident>,
    /// Closed ones, oldest first.
    pub(crate) closed: VecDeque<EventId>,
    /// When alarms and warnings came.
    pub(crate) sightings: Sightings,
    /// When something is to be said next, made anew after each change.
    pub(crate) next: Option<Time>,
}

impl Incidents {
    /// An alarm or a warning: when it came.
    pub(crate) fn sighted(&mut self, recorded: &RecordedEvent) {
        self.sightings.apply(recorded);
    }

    pub(crate) fn apply(&mut self, recorded: &RecordedEvent, change: &IncidentChange, book: &Book) {
        let id = if change.transition == IncidentTransition::Declared {
            self.all.insert(recorded.id.clone(), Incident::declared(recorded, change));
            recorded.id.clone()
        } else {
            let Some(id) = change.incident.clone() else { return };
            id
        };
        let Some(incident) = self.all.get_mut(&id).filter(|it| it.closing.is_none()) else { return };
        incident.take(recorded, change);
        incident.note(Entry::of(recorded, change));
        incident.learn(&change.about, &self.sightings, book);
        if incident.closing.is_some() {
            self.closed.push_back(id);
        }
        while self.closed.len() > CLOSED_KEPT {
            self.closed.pop_front().map(|id| self.all.remove(&id));
        }
        self.index();
    }

    /// Somebody on duty has seen events, or they were handed over: that is told of the incidents that they are about.
    pub(crate) fn noted(&mut self, recorded: &RecordedEvent, change: &DutyChange) {
        if !matches!(change.transition, DutyTransition::Seen | DutyTransition::HandedOver) {
            return;
        }
        for incident in self.all.values_mut().filter(|it| it.closing.is_none()) {
            if change.events.iter().any(|event| incident.concerns(event)) {
                incident.note(Entry::of_book(recorded, change));
            }
        }
    }

    pub(crate) fn index(&mut self) {
        self.next = self.open().filter_map(Incident::next).min();
    }

    fn open(&self) -> impl Iterator<Item = &Incident> {
        self.all.values().filter(|it| it.closing.is_none())
    }
}
