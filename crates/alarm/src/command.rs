//! Operators' commands: each request is judged once, and answered by exactly one outcome (traps 41).

use model::{AlarmState, Command, CommandKind, CommandOutcome, CommandVerdict, Event, EventBody, Refusal, Scope};

use crate::apply::{Core, REQUESTS_KEPT};
use crate::emit::{Cause, scope_of};
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
        let target = self.target_of(command);
        let verdict = self.verdict_on(command, target.map(|(_, cell)| cell));
        let accepted = verdict.as_ref().ok().copied();
        events.push(self.outcome(command, target, verdict));
        if let (Some(_), Some((local, cell))) = (accepted, target) {
            let cause = Cause {
                at: now,
                reason: &command.why,
                actor: &command.actor,
                request_id: Some(&command.request_id),
                ..Cause::default()
            };
            self.change(local, cell, happening(command.kind), &cause, events);
        }
    }

    /// The point and the alarm that a command names.
    fn target_of(&self, command: &Command) -> Option<(usize, usize)> {
        let revision = self.revision.as_deref()?;
        let local = self.layout.local_of_id(revision, command.subject.as_str())?;
        let rule = self.layout.point(revision, local).alarms.iter().position(|rule| rule.id == command.alarm)?;
        Some((local, self.layout.rules_of(local).start + rule))
    }

    /// The flags after a command, or why it is refused.
    fn verdict_on(&self, command: &Command, cell: Option<usize>) -> Result<Flags, (Refusal, &'static str)> {
        let cell = cell.ok_or((Refusal::NotFound, "there is no such alarm"))?;
        let (state, rule) = (&self.cells[cell], &self.layout.rules[cell]);
        if state_of(state.flags) == AlarmState::Normal && command.occurrence.is_some() {
            return Err((Refusal::StaleActivation, "that occurrence has ended"));
        }
        if state_of(state.flags) == AlarmState::Normal {
            return Err((Refusal::NotFound, "nothing is open"));
        }
        if command.occurrence.as_ref().is_some_and(|seen| *seen != self.event_id(state.occurrence)) {
            return Err((Refusal::StaleActivation, "that occurrence has ended; another is open"));
        }
        if command.activation != 0 && command.activation != state.activation {
            return Err((Refusal::StaleActivation, "it has been raised again since"));
        }
        step(state.flags, happening(command.kind), rule.latching).map_err(|reason| (Refusal::WrongState, reason))
    }

    fn outcome(
        &self,
        command: &Command,
        target: Option<(usize, usize)>,
        verdict: Result<Flags, (Refusal, &'static str)>,
    ) -> Event {
        let open = target.map(|(_, cell)| &self.cells[cell]).filter(|it| state_of(it.flags) != AlarmState::Normal);
        let state = verdict.as_ref().ok().copied().or(open.map(|it| it.flags)).map_or(AlarmState::Normal, state_of);
        let verdict = match verdict {
            Ok(_) => CommandVerdict::Accepted,
            Err((refusal, reason)) => CommandVerdict::Refused { refusal, reason: reason.to_owned() },
        };
        let outcome = CommandOutcome {
            request_id: command.request_id.clone(),
            command: command.kind,
            alarm: command.alarm.clone(),
            occurrence: open.map(|it| self.event_id(it.occurrence)),
            activation: open.map_or(0, |it| it.activation),
            actor: command.actor.clone(),
            verdict,
            state,
        };
        self.event(self.now, command.subject.shared(), self.scope_of_command(command), EventBody::Command(outcome))
    }

    fn scope_of_command(&self, command: &Command) -> Scope {
        let Some(revision) = self.revision.as_deref() else { return Scope::default() };
        let local = self.layout.local_of_id(revision, command.subject.as_str());
        local.map_or_else(Scope::default, |local| scope_of(self.layout.point(revision, local)))
    }
}

const fn happening(kind: CommandKind) -> Happening {
    match kind {
        CommandKind::Acknowledge => Happening::Ack,
        _ => Happening::Rst,
    }
}
