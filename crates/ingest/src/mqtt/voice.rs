//! What the connections say of themselves, as one component: ready when all of them are.

use std::collections::BTreeMap;
use std::sync::Arc;

use parking_lot::Mutex;
use service::Component;

/// How one connection is doing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Say {
    Ready,
    /// Something is wrong that nothing waits for.
    Degraded(String),
    Unready(String),
}

/// The voice of all connections. Clones speak for the same component.
#[derive(Clone, Debug)]
pub(crate) struct Voice {
    said: Arc<Mutex<BTreeMap<&'static str, Say>>>,
    component: Component,
}

impl Voice {
    pub(crate) fn new(component: Component) -> Self {
        Self { said: Arc::default(), component }
    }

    /// One connection says how it is doing; the worst of all is what is heard, with every reason.
    pub(crate) fn say(&self, link: &'static str, say: Say) {
        let mut said = self.said.lock();
        said.insert(link, say);
        let unready: Vec<&str> =
            said.values().filter_map(|it| if let Say::Unready(why) = it { Some(&**why) } else { None }).collect();
        let degraded: Vec<&str> =
            said.values().filter_map(|it| if let Say::Degraded(why) = it { Some(&**why) } else { None }).collect();
        match (&*unready, &*degraded) {
            ([], []) => self.component.ready(),
            ([], degraded) => self.component.degraded(degraded.join("; ")),
            (unready, degraded) => self.component.unready([unready, degraded].concat().join("; ")),
        }
    }
}

#[cfg(test)]
mod tests {
    use service::Health;

    use super::*;

    #[test]
    fn all_connections_must_be_ready_and_each_trouble_is_heard() {
        let health = Health::new();
        let voice = Voice::new(health.latch("ingest").component().clone());
        voice.say("a", Say::Unready("a waits".to_owned()));
        voice.say("b", Say::Degraded("b is refused".to_owned()));
        assert!(!health.is_ready() && health.report().contains("a waits; b is refused"), "{}", health.report());
        voice.say("a", Say::Ready);
        assert!(health.is_ready() && health.report().contains("degraded: b is refused"), "{}", health.report());
        voice.say("b", Say::Ready);
        assert_eq!(health.report(), "ingest: ready\n");
    }
}
