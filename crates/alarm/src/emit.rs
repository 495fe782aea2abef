//! Alarm transitions and how events are made of them.

use std::sync::Arc;

use model::{
    Advice, AlarmKind, AlarmRule, AlarmTransition, Epoch, Event, EventBody, EventId, KeySeq, Point, Quantity, RequestId,
    Revision, RevisionNumber, Scope, Span, Time, Transition,
};

use crate::apply::Core;
use crate::layout::Owner;
use crate::life::{Flags, Happening, step};
use crate::point::{Hot, RuleKind};
use crate::window::WindowKind;

/// Why an alarm moves, and what its events say of it.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Cause<'a> {
    pub(crate) at: Time,
    /// Journal time at which it happens, where that is before the record at hand.
    pub(crate) journal: Option<Time>,
    pub(crate) value: Option<f64>,
    pub(crate) late: bool,
    pub(crate) held: bool,
    pub(crate) clock_suspect: bool,
    pub(crate) out_of_range: bool,
    pub(crate) reason: &'a str,
    pub(crate) actor: &'a str,
    pub(crate) request_id: Option<&'a RequestId>,
    pub(crate) until: Option<Time>,
}

impl Cause<'_> {
    /// The newest sample of a point, at a time.
    pub(crate) fn of_held(hot: &Hot, at: Time) -> Self {
        Self { at, clock_suspect: hot.has(Hot::SUSPECT), out_of_range: hot.has(Hot::OUT_OF_RANGE), ..Self::default() }
    }
}

/// What an alarm is about.
struct About<'a> {
    rule: &'a AlarmRule,
    subject: Arc<str>,
    scope: Scope,
    unit: &'a str,
    quantity: Quantity,
    gateway: Option<usize>,
}

/// What a raise says beside its cause.
#[derive(Clone, Copy, Debug, Default)]
struct Raise {
    annunciated: bool,
    first_out: bool,
}

impl Core {
    /// Moves an alarm if its state machine has the arc, and says so; whenever nothing of it is open any more its occurrence closes.
    pub(crate) fn change(&mut self, cell: usize, happening: Happening, cause: &Cause<'_>, events: &mut Vec<Event>) {
        let next = (self.header.epoch.0, self.key_seq.0.saturating_add(1), u32::try_from(events.len()).unwrap_or(u32::MAX));
        let before = self.cells[cell].flags;
        let Ok(flags) = step(before, happening, self.layout.rules[cell].latching) else { return };
        let same = flags == before && !says_itself_again(happening, flags, cause);
        if same {
            return;
        }
        let state = &mut self.cells[cell];
        state.flags = flags;
        // Nothing is dated before what it follows.
        state.moved = state.moved.max(cause.at);
        if happening == Happening::Alm && !before.is_open() {
            (state.occurrence, state.activation) = (next, 0);
        }
        if happening == Happening::Rtn {
            // A stale alarm's silence counts from the newest sample again.
            state.due = Time::MIN;
        }
        self.say(cell, (before, happening), cause, events);
    }

    /// The events of a transition, what comes to light by it, and the end of the occurrence.
    fn say(&mut self, cell: usize, (before, happening): (Flags, Happening), cause: &Cause<'_>, events: &mut Vec<Event>) {
        let flags = self.cells[cell].flags;
        if matches!(happening, Happening::Alm | Happening::Ral) {
            self.say_raise(cell, cause, events);
        } else {
            self.note(cell, happening, cause);
            events.extend(self.alarm_event(cell, transition(happening), cause, Raise::default()));
            if before.hidden() && !flags.hidden() && flags.cond() {
                self.say_raise(cell, cause, events);
            }
        }
        if before.is_open() && !flags.is_open() {
            events.extend(self.alarm_event(cell, Transition::Closed, cause, Raise::default()));
        }
    }

    fn say_raise(&mut self, cell: usize, cause: &Cause<'_>, events: &mut Vec<Event>) {
        let state = &mut self.cells[cell];
        state.activation = state.activation.saturating_add(1);
        let hidden = state.flags.hidden();
        let raise = Raise { annunciated: !hidden && !self.is_repeat(cell, cause.at), first_out: self.is_first_out(cell) };
        if self.layout.first_out_of(cell).is_some() {
            let at = self.cells[cell].moved;
            self.extras.change(cell, |extra| extra.raised_at = Some(at));
        }
        self.set_realarm(cell, Some(cause.journal.unwrap_or(self.now)));
        events.extend(self.alarm_event(cell, Transition::Raised, cause, raise));
    }

    /// What transitions other than raises leave behind.
    fn note(&mut self, cell: usize, happening: Happening, cause: &Cause<'_>) {
        match happening {
            Happening::Rtn if self.repeat_within(cell) > Span::ZERO => {
                let at = self.cells[cell].moved;
                self.extras.change(cell, |extra| extra.returned_at = Some(at));
            }
            Happening::Shv => self.extras.change(cell, |extra| extra.shelved_until = cause.until),
            Happening::Sup => self.extras.change(cell, |extra| extra.suppressed_until = cause.until),
            Happening::Oos => self.extras.change(cell, |extra| extra.out_until = cause.until),
            _ => {}
        }
        self.drop_timers(cell);
        self.set_realarm(cell, None);
    }

    fn repeat_within(&self, cell: usize) -> Span {
        self.revision.as_deref().map_or(Span::ZERO, |revision| self.layout.rule(revision, cell).repeat_within)
    }

    /// It comes back so soon that the operator still knows.
    fn is_repeat(&self, cell: usize, at: Time) -> bool {
        let within = self.repeat_within(cell);
        within > Span::ZERO && self.extras.get(cell).returned_at.is_some_and(|returned| at.since(returned) <= within)
    }

    /// No other alarm of its group that is in alarm was raised as early, in source time (traps 44).
    fn is_first_out(&self, cell: usize) -> bool {
        let Some(group) = self.layout.first_out_of(cell) else { return false };
        let at = self.cells[cell].moved;
        let mut others = self.layout.first_outs[group].iter().filter(|other| **other != cell && self.cells[**other].flags.cond());
        others.all(|other| self.extras.get(*other).raised_at.is_some_and(|raised| raised > at))
    }

    /// The event of a transition that has just taken place.
    fn alarm_event(&self, cell: usize, transition: Transition, cause: &Cause<'_>, raise: Raise) -> Option<Event> {
        let revision = self.revision.as_deref()?;
        let about = self.about(revision, cell);
        let state = &self.cells[cell];
        let modern = !self.judges_like_the_second();
        let open = state.flags.is_open() || transition == Transition::Closed || closes(transition);
        let alarm = AlarmTransition {
            transition,
            alarm: about.rule.id.clone(),
            alarm_kind: about.rule.kind,
            priority: about.rule.priority,
            state: crate::life::state_of(state.flags),
            occurrence: (open && state.activation > 0).then(|| self.event_id(state.occurrence)),
            activation: if open { state.activation } else { 0 },
            in_alarm: modern && state.flags.cond(),
            value: cause.value,
            limit: about.rule.limit,
            annunciated: raise.annunciated,
            late: cause.late,
            held: cause.held,
            clock_suspect: cause.clock_suspect,
            out_of_range: cause.out_of_range && cause.value.is_some(),
            reason: self.reason(revision, cell, transition, cause),
            actor: cause.actor.to_owned(),
            request_id: cause.request_id.cloned(),
            unit: Arc::from(about.unit),
            quantity: about.quantity,
            position: Arc::from(if modern { about.rule.position.as_str() } else { "" }),
            group: Arc::from(if modern { about.rule.group.as_str() } else { "" }),
            first_out: raise.first_out,
            until: cause.until,
            clock: about.gateway.filter(|_| modern).and_then(|gateway| self.gateways[gateway].offset()),
            advice: (modern && transition == Transition::Raised).then(|| advice(about.rule)).flatten(),
        };
        Some(self.event(state.moved, about.subject, about.scope, EventBody::Alarm(Box::new(alarm))))
    }

    fn about<'a>(&'a self, revision: &'a Revision, cell: usize) -> About<'a> {
        let rule = self.layout.rule(revision, cell);
        match self.layout.owners[cell] {
            Owner::Rule { local, .. } => {
                let point = self.layout.point(revision, local);
                let (subject, scope, gateway) = (point.id.shared(), scope_of(point), Some(self.layout.gateway[local]));
                About { rule, subject, scope, unit: &point.unit, quantity: point.quantity, gateway }
            }
            Owner::Link(link) => {
                let link = &self.layout.links.all[link];
                let (subject, scope) = (Arc::clone(&link.subject), link.scope.clone());
                About { rule, subject, scope, unit: "", quantity: Quantity::Other, gateway: None }
            }
        }
    }

    /// What the cause says, or what only the rule knows.
    fn reason(&self, revision: &Revision, cell: usize, transition: Transition, cause: &Cause<'_>) -> String {
        if !cause.reason.is_empty() || transition != Transition::Raised {
            return cause.reason.to_owned();
        }
        let rule = self.layout.rule(revision, cell);
        match (self.layout.rules[cell].kind, rule.kind) {
            (RuleKind::Fault, _) => self.fault_of(self.layout.place_of_cell(cell)),
            (RuleKind::Window, AlarmKind::TimeToLimit) => {
                let kind = WindowKind::of(rule);
                let seconds = kind.and_then(|kind| self.windows.get(&cell)?.seconds_to_limit(kind));
                seconds.map_or_else(String::new, |seconds| format!("reaches the limit in {seconds:.0} s"))
            }
            (RuleKind::Link, AlarmKind::GatewayDown) => "its link is down".to_owned(),
            (RuleKind::Link, _) => "its connection is down".to_owned(),
            _ => String::new(),
        }
    }

    /// Ends an alarm whose rule is gone, in the words of the old revision.
    pub(crate) fn close(&mut self, cell: usize, at: Time, revision: RevisionNumber, events: &mut Vec<Event>) {
        let state = &mut self.cells[cell];
        let was_open = state.flags.is_open();
        state.flags = Flags::NORMAL;
        state.moved = state.moved.max(at);
        let cause = Cause { at, reason: "rule_removed", ..Cause::default() };
        if let Some(mut event) = self.alarm_event(cell, Transition::Closed, &cause, Raise::default()) {
            if let (EventBody::Alarm(alarm), false) = (&mut event.body, was_open) {
                (alarm.occurrence, alarm.activation) = (None, 0);
            }
            // The words are the old revision's, the deed is the new one's.
            event.revision = revision;
            events.push(event);
        }
    }

    /// The id behind an alarm's stored occurrence.
    pub(crate) fn event_id(&self, (epoch, key_seq, ordinal): (u64, u64, u32)) -> EventId {
        EventId { epoch: Epoch(epoch), key: Arc::clone(&self.key), key_seq: KeySeq(key_seq), ordinal }
    }

    /// An event under the revision in force.
    pub(crate) fn event(&self, occurred_at: Time, subject: Arc<str>, scope: Scope, body: EventBody) -> Event {
        let revision = self.revision.as_ref().map_or(RevisionNumber(0), |revision| revision.number);
        Event { occurred_at, subject, scope, revision, body }
    }
}

/// Transitions that may end an occurrence, and so still speak of it.
const fn closes(transition: Transition) -> bool {
    matches!(transition, Transition::Returned | Transition::Acknowledged | Transition::Reset)
}

/// Whether a happening that changes nothing is told all the same: a shelf with another end, an alarm announced anew.
fn says_itself_again(happening: Happening, flags: Flags, cause: &Cause<'_>) -> bool {
    match happening {
        Happening::Shv => true,
        Happening::Sup | Happening::Oos => cause.until.is_some(),
        Happening::Ral => flags.cond() && !flags.hidden(),
        _ => false,
    }
}

const fn transition(happening: Happening) -> Transition {
    match happening {
        Happening::Alm | Happening::Ral => Transition::Raised,
        Happening::Rtn => Transition::Returned,
        Happening::Ack => Transition::Acknowledged,
        Happening::Rst => Transition::Reset,
        Happening::Shv => Transition::Shelved,
        Happening::Uns | Happening::Exp => Transition::Unshelved,
        Happening::Sup | Happening::Dsu => Transition::Suppressed,
        Happening::Usp | Happening::Dus => Transition::Unsuppressed,
        Happening::Oos => Transition::OutOfService,
        Happening::Rts => Transition::InService,
        Happening::Sil => Transition::Silenced,
    }
}

fn advice(rule: &AlarmRule) -> Option<Box<Advice>> {
    let advice = Advice {
        cause: rule.cause.clone(),
        consequence: rule.consequence.clone(),
        action: rule.action.clone(),
        respond_within: rule.respond_within,
    };
    (advice != Advice::default()).then(|| Box::new(advice))
}

/// Whom a point's events concern.
pub(crate) fn scope_of(point: &Point) -> Scope {
    Scope { installation: Some(point.installation.shared()), ..enterprise_scope_of(point) }
}

/// Whom the events of a point's gateway or source concern.
pub(crate) fn enterprise_scope_of(point: &Point) -> Scope {
    Scope {
        park: point.park.as_ref().map(model::ParkId::shared),
        enterprise: Some(point.enterprise.shared()),
        installation: None,
    }
}
