//! Tests of casework: a small park with its departments, told ask by ask.

mod book;
mod cases;
mod incidents;
mod laws;

use std::sync::Arc;

use model::{
    AlarmId, AlarmKind, AlarmState, AlarmTransition, Department, DepartmentId, DepartmentKind, Enterprise, EnterpriseId, Epoch,
    Event, EventBody, EventId, Installation, InstallationId, InstallationKind, KeySeq, Park, ParkId, Position, Priority,
    Quantity, RecordedEvent, RequestId, Revision, RevisionNumber, Scope, Site, Span, Time, Transition, WarningPlace,
};

use crate::{Ask, Casework, Place, Want};

/// Seconds after a time that is no special one.
pub(super) fn at(seconds: i64) -> Time {
    Time::YEAR_2000.plus(Span::from_secs(1_000_000 + seconds))
}

pub(super) fn department(id: &str) -> DepartmentId {
    DepartmentId::new(id).expect("valid")
}

pub(super) fn revision(number: u32) -> Revision {
    let office = |id: &str, kind: DepartmentKind| Department {
        id: department(id),
        name: format!("{id} 局"),
        kind,
        level: kind.usual_level(),
        enterprise: EnterpriseId::new(id).ok().filter(|_| kind == DepartmentKind::Enterprise),
        park: None,
        district: String::new(),
    };
    let enterprise = |id: &str| Enterprise {
        id: EnterpriseId::new(id).expect("valid"),
        name: id.to_owned(),
        park: ParkId::new("p").ok(),
        district: String::new(),
    };
    let park = |id: &str| Park {
        id: ParkId::new(id).expect("valid"),
        name: id.to_owned(),
        time_zone: String::new(),
        district: String::new(),
        wind: None,
    };
    let installation = Installation {
        id: InstallationId::new("e1-u1").expect("valid"),
        name: "装置".to_owned(),
        enterprise: EnterpriseId::new("e1").expect("valid"),
        kind: InstallationKind::Process,
        exposed_people: 0,
        location: None,
        substances: Vec::new(),
        wind: None,
    };
    let departments = vec![
        office("emergency", DepartmentKind::Emergency),
        office("transport", DepartmentKind::Transport),
        office("ecology", DepartmentKind::Ecology),
        office("e1", DepartmentKind::Enterprise),
    ];
    let enterprises = vec![enterprise("e1"), enterprise("e2")];
    let site = Site { parks: vec![park("p")], enterprises, departments, installations: vec![installation], ..Site::default() };
    Revision { number: RevisionNumber(number), site, ..Revision::default() }
}

pub(super) fn place(kind: WarningPlace, id: &str) -> Place {
    Place { kind, id: Arc::from(id) }
}

/// A fold and the journal that it is fed from.
#[derive(Clone)]
pub(super) struct Office {
    pub(super) fold: Casework,
    pub(super) journal: Vec<RecordedEvent>,
}

impl Office {
    pub(super) fn new() -> Self {
        let mut fold = Casework::default();
        fold.revise(&revision(1), at(0));
        Self { fold, journal: Vec::new() }
    }

    pub(super) fn record(&mut self, key: &str, recorded_at: Time, event: Event) -> EventId {
        let seq = self.journal.len() as u64 + 1;
        let id = EventId { epoch: Epoch(7), key: Arc::from(key), key_seq: KeySeq(seq), ordinal: 0 };
        let recorded = RecordedEvent { id: id.clone(), position: Position(seq), ordinal: 0, recorded_at, origin: None, event };
        self.fold.apply(&recorded);
        self.journal.push(recorded);
        id
    }

    /// An alarm is raised.
    pub(super) fn raise(&mut self, seconds: i64) -> EventId {
        self.record("engine/1", at(seconds), alarm(seconds))
    }

    /// Appends what is due until nothing is, and tells it.
    pub(super) fn say(&mut self, seconds: i64) -> Vec<String> {
        let mut said = Vec::new();
        for round in 0.. {
            let events = self.fold.due(at(seconds));
            if events.is_empty() {
                assert!(self.fold.next_deadline().is_none_or(|it| it > at(seconds)), "what is due is said");
                return said;
            }
            assert!(round < 100, "it never stops saying: {:?}", events.first().map(line));
            for event in events {
                said.push(line(&event));
                self.record("exchange/casework", at(seconds), event);
            }
        }
        said
    }

    pub(super) fn ask(&self, who: &str, want: Want) -> Ask {
        Ask {
            request_id: RequestId::new(&format!("r{}", self.journal.len())).expect("valid"),
            department: department(who),
            actor: "li".to_owned(),
            text: "done so".to_owned(),
            at: Time::MIN,
            want,
        }
    }

    /// Asks, and tells what is on record then.
    pub(super) fn want(&mut self, seconds: i64, who: &str, want: Want) -> String {
        let ask = self.ask(who, want);
        self.send(seconds, &ask)
    }

    pub(super) fn send(&mut self, seconds: i64, ask: &Ask) -> String {
        let event = self.fold.judge(ask, at(seconds)).expect("known");
        let said = line(&event);
        self.record("exchange/casework", at(seconds), event);
        said
    }

    pub(super) fn last(&self) -> EventId {
        self.journal.last().expect("one").id.clone()
    }
}

pub(super) fn alarm(seconds: i64) -> Event {
    let scope = Scope { park: Some(Arc::from("p")), enterprise: Some(Arc::from("e1")), installation: Some(Arc::from("e1-u1")) };
    Event {
        occurred_at: at(seconds),
        subject: Arc::from("e1-PI-1"),
        scope,
        revision: RevisionNumber(1),
        body: EventBody::Alarm(Box::new(AlarmTransition {
            transition: Transition::Raised,
            alarm: AlarmId::new("high").expect("valid"),
            alarm_kind: AlarmKind::High,
            priority: Priority::High,
            state: AlarmState::Unacknowledged,
            occurrence: None,
            activation: 1,
            in_alarm: true,
            value: None,
            limit: None,
            annunciated: true,
            late: false,
            held: false,
            clock_suspect: false,
            out_of_range: false,
            reason: String::new(),
            actor: String::new(),
            request_id: None,
            unit: Arc::from("kPa"),
            quantity: Quantity::Pressure,
            position: Arc::from(""),
            group: Arc::from(""),
            first_out: false,
            until: None,
            clock: None,
            advice: None,
        })),
    }
}

/// `case.overdue e1 transport late`: kind, subject, department or duty, and what else matters.
pub(super) fn line(event: &Event) -> String {
    let (kind, subject) = (event.body.kind(), &event.subject);
    let word = |text: &str| if text.is_empty() { String::new() } else { format!(" {text}") };
    let (who, rest, refused) = match &event.body {
        EventBody::Case(it) => (it.department.clone(), if it.late { " late".to_owned() } else { String::new() }, it.refused),
        EventBody::Incident(it) => {
            let percent = if it.percent > 0 { format!(" {}%", it.percent) } else { String::new() };
            let doubts: String = it.doubts.iter().map(|it| format!(" {}", it.as_str())).collect();
            let class = it.class.map(|it| word(it.as_str())).filter(|_| !it.duties.is_empty() && it.duty.is_empty());
            let late = if it.late { " late" } else { "" };
            let rest = format!("{}{}{percent}{late}{doubts}", class.unwrap_or_default(), word(&it.duty));
            (it.department.clone(), rest, it.refused)
        }
        EventBody::Duty(it) => (None, word(&it.to_person), it.refused),
        other => panic!("{other:?}"),
    };
    let who = who.map(|it| format!(" {it}")).unwrap_or_default();
    let refused = refused.map(|(action, why)| format!(" {} {}", action.as_str(), why.as_str())).unwrap_or_default();
    format!("{kind} {subject}{who}{rest}{refused}")
}
