//! Tests of warnings: a small park with its departments, told alarm by alarm.

mod elsewhere;
mod laws;
mod lives;
mod pictures;
mod responses;

use std::sync::Arc;

use model::{
    Addressed, AlarmFilter, AlarmId, AlarmKind, AlarmState, AlarmTransition, Colour, Department, DepartmentId, DepartmentKind,
    Enterprise, EnterpriseId, Epoch, Event, EventBody, EventId, KeySeq, Level, Origin, ParkId, Position, Priority, Quantity,
    RecordedEvent, RequestId, Revision, RevisionNumber, Scope, Site, Span, StepSpans, Time, Transition, WarningAction,
    WarningChange, WarningPlace, WarningRule, WarningRuleId,
};

use crate::{Response, Warnings};

pub(super) fn at(seconds: i64) -> Time {
    Time::YEAR_2000.plus(Span::from_secs(seconds))
}

pub(super) fn department(id: &str, kind: DepartmentKind) -> Department {
    Department {
        id: DepartmentId::new(id).expect("valid"),
        name: format!("{id} 办"),
        kind,
        level: kind.usual_level(),
        enterprise: None,
        park: None,
        district: String::new(),
    }
}

/// Received in 60 s, responded in 300 s, resolved in an hour; the enterprise, then the park, then the county.
pub(super) fn rule(id: &str, colour: Colour, when: AlarmFilter) -> WarningRule {
    WarningRule {
        id: WarningRuleId::new(id).expect("valid"),
        name: format!("{id} 预警"),
        topic: "alarm".to_owned(),
        colour,
        when,
        count: 1,
        per: WarningPlace::Installation,
        hold: Span::ZERO,
        addressees: vec![
            (Level::Enterprise, vec![Addressed::Kind(DepartmentKind::Enterprise)]),
            (Level::Park, vec![Addressed::Department(DepartmentId::new("park").expect("valid"))]),
            (Level::County, vec![Addressed::Kind(DepartmentKind::Emergency), Addressed::Kind(DepartmentKind::Fire)]),
        ],
        level: None,
        action: "evacuate".to_owned(),
        deadlines: StepSpans { received: Span::from_secs(60), responded: Span::from_secs(300), resolved: Span::from_secs(3_600) },
        escalate: true,
        close_on_return: false,
        picture: None,
    }
}

pub(super) fn kinds(kinds: &[AlarmKind]) -> AlarmFilter {
    AlarmFilter { kinds: kinds.to_vec(), ..AlarmFilter::default() }
}

pub(super) fn revision(number: u32, warnings: Vec<WarningRule>) -> Revision {
    let enterprise = |id: &str| Enterprise {
        id: EnterpriseId::new(id).expect("valid"),
        name: id.to_owned(),
        park: ParkId::new("p").ok(),
        district: String::new(),
    };
    let office = |id: &str| Department { enterprise: EnterpriseId::new(id).ok(), ..department(id, DepartmentKind::Enterprise) };
    let departments = vec![
        office("e1"),
        office("e2"),
        department("county-emergency", DepartmentKind::Emergency),
        department("county-fire", DepartmentKind::Fire),
        department("park", DepartmentKind::Park),
    ];
    let site = Site { enterprises: vec![enterprise("e1"), enterprise("e2")], departments, warnings, ..Site::default() };
    Revision { number: RevisionNumber(number), site, ..Revision::default() }
}

/// A fold and the journal that it is fed from.
#[derive(Clone)]
pub(super) struct Plant {
    pub(super) fold: Warnings,
    pub(super) journal: Vec<RecordedEvent>,
    pub(super) revision: Revision,
}

impl Plant {
    pub(super) fn new(warnings: Vec<WarningRule>) -> Self {
        let (mut fold, revision) = (Warnings::default(), revision(1, warnings));
        fold.revise(&revision, at(0));
        Self { fold, journal: Vec::new(), revision }
    }

    pub(super) fn record(&mut self, key: &str, recorded_at: Time, event: Event) -> EventId {
        let seq = self.journal.len() as u64 + 1;
        let id = EventId { epoch: Epoch(7), key: Arc::from(key), key_seq: KeySeq(seq), ordinal: 0 };
        let recorded = RecordedEvent { id: id.clone(), position: Position(seq), ordinal: 0, recorded_at, event, origin: None };
        self.fold.apply(&recorded);
        self.journal.push(recorded);
        id
    }

    /// An event that another Davy recorded first, half a minute ago.
    pub(super) fn record_of(&mut self, node: &str, seconds: i64, event: Event) -> EventId {
        let seq = self.journal.len() as u64 + 1;
        let id = EventId { epoch: Epoch(9), key: Arc::from("exchange/warnings"), key_seq: KeySeq(seq), ordinal: 0 };
        let origin = Some(Arc::new(Origin { node: Arc::from(node), recorded_at: at(seconds - 30) }));
        let recorded =
            RecordedEvent { id: id.clone(), position: Position(seq), ordinal: 0, recorded_at: at(seconds), event, origin };
        self.fold.apply(&recorded);
        self.journal.push(recorded);
        id
    }

    /// An alarm's state from here on; the point's name begins with the installation's, that with the enterprise's: `e1-u1-PI`.
    pub(super) fn alarm(&mut self, seconds: i64, point: &str, kind: AlarmKind, state: AlarmState) {
        let event = alarm_event(seconds, point, kind, state);
        self.record("engine/1", at(seconds), event);
    }

    pub(super) fn raise(&mut self, seconds: i64, point: &str, kind: AlarmKind) {
        self.alarm(seconds, point, kind, AlarmState::Unacknowledged);
    }

    pub(super) fn clear(&mut self, seconds: i64, point: &str, kind: AlarmKind) {
        self.alarm(seconds, point, kind, AlarmState::Normal);
    }

    /// Appends what is due until nothing is, and tells it.
    pub(super) fn say(&mut self, seconds: i64) -> Vec<String> {
        let mut said = Vec::new();
        for round in 0.. {
            let events = self.fold.due(at(seconds));
            if events.is_empty() {
                return said;
            }
            assert!(round < 100, "it never stops saying: {:?}", events.first().map(line));
            for event in events {
                said.push(line(&event));
                self.record("exchange/warnings", at(seconds), event);
            }
        }
        said
    }

    pub(super) fn respond(&mut self, seconds: i64, who: &str, action: WarningAction) -> String {
        let response = self.response(who, action);
        self.send(seconds, &response)
    }

    pub(super) fn response(&self, who: &str, action: WarningAction) -> Response {
        Response {
            request_id: RequestId::new(&format!("r{}", self.journal.len())).expect("valid"),
            warning: self.warning_id(),
            department: DepartmentId::new(who).expect("valid"),
            action,
            actor: "li".to_owned(),
            text: "done so".to_owned(),
            evidence: vec![self.journal[0].id.clone()],
        }
    }

    pub(super) fn send(&mut self, seconds: i64, response: &Response) -> String {
        let event = self.fold.judge(response, at(seconds)).expect("a warning");
        let said = line(&event);
        self.record("exchange/warnings", at(seconds), event);
        said
    }

    /// The one that was opened last.
    pub(super) fn warning_id(&self) -> EventId {
        let opened = |it: &&RecordedEvent| it.event.body.kind() == "warning.opened";
        self.journal.iter().rev().find(opened).expect("a warning").id.clone()
    }
}

pub(super) fn alarm_event(seconds: i64, point: &str, kind: AlarmKind, state: AlarmState) -> Event {
    let mut parts = point.split('-');
    let enterprise = parts.next().expect("one");
    let installation = parts.next().map(|unit| Arc::from(format!("{enterprise}-{unit}")));
    let in_alarm = matches!(state, AlarmState::Unacknowledged | AlarmState::Acknowledged | AlarmState::Shelved);
    Event {
        occurred_at: at(seconds),
        subject: Arc::from(point),
        scope: Scope { park: Some(Arc::from("p")), enterprise: Some(Arc::from(enterprise)), installation },
        revision: RevisionNumber(1),
        body: EventBody::Alarm(Box::new(AlarmTransition {
            transition: if in_alarm { Transition::Raised } else { Transition::Returned },
            alarm: AlarmId::new(kind.as_str()).expect("valid"),
            alarm_kind: kind,
            priority: if kind == AlarmKind::HighHigh { Priority::Critical } else { Priority::High },
            state,
            occurrence: None,
            activation: 1,
            in_alarm,
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

pub(super) fn change(event: &Event) -> &WarningChange {
    match &event.body {
        EventBody::Warning(change) => change,
        other => panic!("{other:?}"),
    }
}

/// `opened e1-u1 yellow enterprise: e1@60 park`: who is told with the seconds until receipt, or the step that is late or done.
pub(super) fn line(event: &Event) -> String {
    let change = change(event);
    let word = change.transition.as_str().trim_start_matches("warning.");
    let (colour, level) = (change.colour.as_str(), change.level.as_str());
    let told = change.addressees.iter().map(|it| match it.deadlines {
        Some(deadlines) => format!(" {}@{}", it.department, deadlines.received.since(at(0)).micros() / 1_000_000),
        None => format!(" {}", it.department),
    });
    let told: String = told.collect();
    let who = change.department.as_ref().map(|it| format!(" {it}")).unwrap_or_default();
    let step = change.step.map(|it| format!(" {}", it.as_str())).unwrap_or_default();
    let late = if change.late { " late" } else { "" };
    let refused = change.refused.map(|(action, why)| format!(" {} {}", action.as_str(), why.as_str())).unwrap_or_default();
    let colon = if told.is_empty() { "" } else { ":" };
    format!("{word} {} {colour} {level}{colon}{told}{who}{step}{late}{refused}", event.subject)
}
