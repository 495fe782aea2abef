//! Operators' commands: each request is judged once, and answered by exactly one outcome (traps 41).

use model::{AlarmState, Command, CommandKind, CommandOutcome, CommandVerdict, Event, EventBody, Refusal, Scope, Span};

use crate::apply::{Core, REQUESTS_KEPT};
use crate::emit::{Cause, scope_of};
use crate::layout::Owner;
use crate::life::{Flags, Happening, state_of, step};

impl Core {
    /// Judges a command; a repeat of its request within 24 h does nothing and says nothing.
    pub(crate) fn command(&mut self, command: &Command, events: &mut Vec<Event>) {
        let now = self.now;
        self.requests.retain(|_, at| now.since(*at) <= REQUESTS_KEPT);
        if self.requests.contains_key(&command.request_id) {
            return;
        }
        self.requests.insert(command.request_id.clone(), now);
        let cell = self.target_of(command);
        let verdict = self.verdict_on(command, cell);
        let accepted = verdict.is_ok();
        events.push(self.outcome(command, cell, verdict));
        if let (true, Some(cell)) = (accepted, cell) {
            let cause = Cause {
                at: now,
                reason: &command.why,
                actor: &command.actor,
                request_id: Some(&command.request_id),
                until: command.until,
                ..Cause::default()
            };
            self.change(cell, happening(command.kind), &cause, events);
        }
    }

    /// The alarm that a command names: of a point, a gateway or an enterprise.
    fn target_of(&self, command: &Command) -> Option<usize> {
        let revision = self.revision.as_deref()?;
        let subject = command.subject.as_str();
        if let Some(local) = self.layout.local_of_id(revision, subject) {
            let alarms = &self.layout.point(revision, local).alarms;
            let alarm = alarms.iter().position(|rule| rule.id == command.alarm);
            if let Some(alarm) = alarm {
                return Some(self.layout.cell_of(local, alarm));
            }
        }
        let enterprise = || self.layout.enterprises.iter().position(|it| it.as_str() == subject);
        let links = &self.layout.links;
        let link = links.of_path(subject).or_else(|| enterprise().map(|it| links.of_enterprise(it)))?;
        let cell = self.layout.rules_of(self.layout.place_of_link(link)).start;
        (self.layout.rule(revision, cell).id == command.alarm).then_some(cell)
    }

    /// The flags after a command, or why it is refused.
    fn verdict_on(&self, command: &Command, cell: Option<usize>) -> Result<Flags, (Refusal, String)> {
        let refuse = |refusal, reason: &str| Err((refusal, reason.to_owned()));
        let Some(cell) = cell else { return refuse(Refusal::NotFound, "there is no such alarm") };
        let state = &self.cells[cell];
        let is_open = state.flags.is_open();
        match &command.occurrence {
            Some(_) if !is_open => return refuse(Refusal::StaleActivation, "that occurrence has ended"),
            Some(seen) if *seen != self.event_id(state.occurrence) => {
                return refuse(Refusal::StaleActivation, "that occurrence has ended; another is open");
            }
            _ => {}
        }
        if command.activation != 0 && is_open && command.activation != state.activation {
            return refuse(Refusal::StaleActivation, "it has been raised again since");
        }
        if !is_open && is_answer(command.kind) && !state.flags.hidden() {
            return refuse(Refusal::NotFound, "nothing is open");
        }
        if command.activation != 0 && !is_open {
            return refuse(Refusal::StaleActivation, "that occurrence has ended");
        }
        let after = step(state.flags, happening(command.kind), self.layout.rules[cell].latching);
        let after = after.map_err(|reason| (Refusal::WrongState, reason.to_owned()))?;
        self.check_until(command, cell)?;
        Ok(after)
    }

    /// A shelf has an end, which its rule bounds; every end lies ahead.
    fn check_until(&self, command: &Command, cell: usize) -> Result<(), (Refusal, String)> {
        let refuse = |reason: String| Err((Refusal::NotAllowed, reason));
        if let Some(until) = command.until.filter(|until| *until <= self.now) {
            let past = self.now.since(until);
            return refuse(format!("the time it should end has passed by {past}"));
        }
        if command.kind != CommandKind::Shelve {
            return Ok(());
        }
        let max = self.revision.as_deref().map_or(Span::ZERO, |revision| self.layout.rule(revision, cell).shelve_max);
        match command.until {
            _ if max <= Span::ZERO => refuse("this alarm may not be shelved".to_owned()),
            None => refuse(format!("a shelf needs an end, at most {max} ahead")),
            Some(until) if until.since(self.now) > max => refuse(format!("this alarm may be shelved for {max} at most")),
            Some(_) => Ok(()),
        }
    }

    fn outcome(&self, command: &Command, cell: Option<usize>, verdict: Result<Flags, (Refusal, String)>) -> Event {
        let state = cell.map(|cell| &self.cells[cell]);
        let open = state.filter(|it| it.flags.is_open());
        let after = verdict.as_ref().ok().copied().or(state.map(|it| it.flags)).map_or(AlarmState::Normal, state_of);
        let verdict = match verdict {
            Ok(_) => CommandVerdict::Accepted,
            Err((refusal, reason)) => CommandVerdict::Refused { refusal, reason },
        };
        let outcome = CommandOutcome {
            request_id: command.request_id.clone(),
            command: command.kind,
            alarm: command.alarm.clone(),
            occurrence: open.map(|it| self.event_id(it.occurrence)),
            activation: open.map_or(0, |it| it.activation),
            actor: command.actor.clone(),
            verdict,
            state: after,
        };
        self.event(self.now, command.subject.shared(), self.scope_of_command(command, cell), EventBody::Command(outcome))
    }

    fn scope_of_command(&self, command: &Command, cell: Option<usize>) -> Scope {
        let Some(revision) = self.revision.as_deref() else { return Scope::default() };
        if let Some(Owner::Link(link)) = cell.map(|cell| self.layout.owners[cell]) {
            return self.layout.links.all[link].scope.clone();
        }
        let local = self.layout.local_of_id(revision, command.subject.as_str());
        local.map_or_else(Scope::default, |local| scope_of(self.layout.point(revision, local)))
    }
}

/// Commands that answer what is open; the others may come at any time.
const fn is_answer(kind: CommandKind) -> bool {
    matches!(kind, CommandKind::Acknowledge | CommandKind::Reset | CommandKind::Silence)
}

const fn happening(kind: CommandKind) -> Happening {
    match kind {
        CommandKind::Acknowledge => Happening::Ack,
        CommandKind::Reset => Happening::Rst,
        CommandKind::Silence => Happening::Sil,
        CommandKind::Shelve => Happening::Shv,
        CommandKind::Unshelve => Happening::Uns,
        CommandKind::Suppress => Happening::Sup,
        CommandKind::Unsuppress => Happening::Usp,
        CommandKind::OutOfService => Happening::Oos,
        CommandKind::ReturnToService => Happening::Rts,
    }
}
