//! Readiness (does every part serve?) and health (what is wrong, in words an operator can act on).

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

#[derive(Debug, Default)]
struct Parts(BTreeMap<&'static str, State>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum State {
    Starting,
    Ready,
    /// Serves, but something is wrong.
    Degraded(String),
    /// Was ready and is not any more.
    Unready(String),
}

/// What all parts say of themselves. Clones share it.
#[derive(Clone, Debug, Default)]
pub struct Health(Arc<Mutex<Parts>>);

/// One part's say in the readiness of the whole; the part is not ready until it lets go.
#[derive(Debug)]
pub struct Latch(Component);

/// One part's voice.
#[derive(Clone, Debug)]
pub struct Component {
    health: Health,
    name: &'static str,
}

impl Health {
    /// Nobody has said anything yet: ready.
    pub fn new() -> Self {
        Self::default()
    }

    /// Registers a part, which holds readiness back until its latch is released.
    pub fn latch(&self, name: &'static str) -> Latch {
        self.parts().0.insert(name, State::Starting);
        Latch(Component { health: self.clone(), name })
    }

    /// Whether every part serves.
    pub fn is_ready(&self) -> bool {
        self.parts().0.values().all(|state| matches!(state, State::Ready | State::Degraded(_)))
    }

    /// One line a part: name, state, and what is wrong.
    pub fn report(&self) -> String {
        let line = |(name, state): (&&str, &State)| match state {
            State::Starting => format!("{name}: starting\n"),
            State::Ready => format!("{name}: ready\n"),
            State::Degraded(why) => format!("{name}: degraded: {why}\n"),
            State::Unready(why) => format!("{name}: not ready: {why}\n"),
        };
        self.parts().0.iter().map(line).collect()
    }

    fn set(&self, name: &'static str, state: State) {
        self.parts().0.insert(name, state);
    }

    fn parts(&self) -> MutexGuard<'_, Parts> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Latch {
    /// The part serves from now on.
    pub fn release(self) -> Component {
        self.0.ready();
        self.0
    }

    /// The part's voice, while it still starts.
    pub fn component(&self) -> &Component {
        &self.0
    }
}

impl Component {
    /// All is well.
    pub fn ready(&self) {
        self.health.set(self.name, State::Ready);
    }

    /// It serves, but something is wrong.
    pub fn degraded(&self, why: impl Into<String>) {
        self.health.set(self.name, State::Degraded(why.into()));
    }

    /// It does not serve at present.
    pub fn unready(&self, why: impl Into<String>) {
        self.health.set(self.name, State::Unready(why.into()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ready_only_when_every_part_has_let_go() {
        let health = Health::new();
        let (a, b) = (health.latch("ingest"), health.latch("engine"));
        assert!(!health.is_ready());
        let a = a.release();
        assert!(!health.is_ready());
        b.release().degraded("store is away");
        assert!(health.is_ready(), "degraded still serves");
        a.unready("the broker is away");
        assert!(!health.is_ready());
        assert_eq!(health.report(), "engine: degraded: store is away\ningest: not ready: the broker is away\n");
    }
}
