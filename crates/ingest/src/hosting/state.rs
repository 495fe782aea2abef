//! STATE: how a host says that it is there (Sparkplug B 3.0, 6.4.34; traps 19).

use serde::Deserialize;

/// The host's own STATE over all its connections.
#[derive(Clone, Debug)]
pub(crate) struct HostState {
    topic: String,
    /// Of the present connection, milliseconds since 1970; of the Will and of what is said online alike.
    timestamp: u64,
}

impl HostState {
    pub(crate) fn new(host_id: &str) -> Self {
        Self { topic: format!("spBv1.0/STATE/{host_id}"), timestamp: 0 }
    }

    /// The next connection: a new timestamp, greater than every one before.
    pub(crate) fn reconnect(&mut self, now_ms: u64) {
        self.timestamp = now_ms.max(self.timestamp + 1);
    }

    pub(crate) fn topic(&self) -> &str {
        &self.topic
    }

    pub(crate) fn payload(&self, online: bool) -> String {
        format!(r#"{{"online":{online},"timestamp":{}}}"#, self.timestamp)
    }

    /// Whether somebody said that this host is gone, or cleared what it said, so that it must say again that it is there. Another host's
    /// `online` under the same id is no reason: the two would never stop.
    pub(crate) fn is_denied_by(&self, topic: &[u8], payload: &[u8]) -> bool {
        #[derive(Deserialize)]
        struct State {
            online: bool,
        }
        topic == self.topic.as_bytes() && !serde_json::from_slice::<State>(payload).is_ok_and(|state| state.online)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timestamps_only_grow_and_denials_are_told_from_echoes() {
        let mut state = HostState::new("davy");
        state.reconnect(1_000);
        let (will, birth) = (state.payload(false), state.payload(true));
        assert_eq!((&*will, &*birth), (r#"{"online":false,"timestamp":1000}"#, r#"{"online":true,"timestamp":1000}"#));
        state.reconnect(900);
        assert_eq!(state.payload(true), r#"{"online":true,"timestamp":1001}"#);
        let own = b"spBv1.0/STATE/davy";
        for (topic, payload, denied) in [
            (&own[..], birth.as_bytes(), false),
            (own, will.as_bytes(), true),
            (own, b"", true),
            (own, b"OFFLINE", true),
            (b"spBv1.0/STATE/other", b"", false),
        ] {
            assert_eq!(state.is_denied_by(topic, payload), denied, "{}", String::from_utf8_lossy(payload));
        }
    }
}
