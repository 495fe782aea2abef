//! The watch at its desk.

use std::convert::Infallible;

use bytes::Bytes;
use desk::{Clerk, Standing};
use figures::{FloodConfig, Watch};
use metrics::{counter, gauge};
use model::{Event, EventBody, RecordedEvent, RequestId, Time};
use wire::Failure;

use crate::metrics::{FLOODS, NUISANCES, UNREADABLE};

/// The watch, and when it calls a position flooded.
#[derive(Debug)]
pub(crate) struct FloodClerk {
    watch: Watch,
    config: FloodConfig,
}

impl FloodClerk {
    pub(crate) const fn new(config: FloodConfig) -> Self {
        Self { watch: Watch::new(config), config }
    }
}

impl Clerk for FloodClerk {
    type Ask = Infallible;
    type Answer = Infallible;

    const KEY: &'static str = "floods";
    const KEEPS: &'static str = "floods and nuisances";
    const LOSS: &'static str = "a flood or a nuisance may be missed";

    fn apply(&mut self, event: &RecordedEvent) {
        self.watch.apply(event);
    }

    fn snapshot(&self) -> Bytes {
        self.watch.snapshot().into()
    }

    fn restore(&mut self, body: &[u8]) -> bool {
        Watch::restore(self.config, body).map(|watch| self.watch = watch).is_ok()
    }

    fn due(&mut self, now: Time) -> Vec<Event> {
        self.watch.due(now)
    }

    fn next_deadline(&self) -> Option<Time> {
        self.watch.next_deadline()
    }

    fn request_id(ask: &Infallible) -> &RequestId {
        match *ask {}
    }

    fn judge(&self, ask: &Infallible, _: Time) -> Option<Event> {
        match *ask {}
    }

    fn answer(&self, ask: &Infallible, _: Standing) -> Result<Infallible, Failure> {
        match *ask {}
    }

    fn missed(&self) {
        counter!(UNREADABLE).increment(1);
    }

    fn said(&self, event: &Event) {
        if let EventBody::Nuisance(nuisance) = &event.body {
            counter!(NUISANCES, "kind" => nuisance.kind.as_str()).increment(1);
        }
    }

    fn tell(&self, _: Time) {
        gauge!(FLOODS).set(u32::try_from(self.watch.floods()).unwrap_or(u32::MAX));
    }
}
