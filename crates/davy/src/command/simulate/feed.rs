//! What one edge node has to say, and when: from the simulated park, or from recorded rows.

use std::sync::Arc;
use std::time::Duration;

use model::{Quality, Span, Time};
use service::Shutdown;
use simulator::Park;
use tokio::sync::mpsc;
use tokio::time::{Instant, Interval, MissedTickBehavior, interval_at};

use super::{now, span};

/// One value: the index of its point, the value if it has one, and its quality.
pub(super) type Value = (usize, Option<f64>, Quality);

/// Values of one instant, by the clock of their node.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Row {
    pub(super) time: Time,
    pub(super) values: Vec<Value>,
}

/// What comes next.
#[derive(Debug)]
pub(super) enum Fed {
    Row(Row),
    /// Nothing is said, and the connection is gone without a word.
    CutOff,
    /// Nothing will come any more.
    Over,
}

/// Where rows come from.
pub(super) enum Feed {
    Played(Played),
    Recorded(mpsc::Receiver<Row>),
}

/// A node of the simulated park.
pub(super) struct Played {
    pub(super) park: Arc<Park>,
    pub(super) gateway: String,
    pub(super) points: Vec<usize>,
    pub(super) started: Instant,
    pub(super) until: Option<Duration>,
    pub(super) ticks: Interval,
    pub(super) shutdown: Shutdown,
}

/// Ticks of a node; each begins a little later than the one before, so that hundreds do not send in the same instant.
pub(super) fn ticks(started: Instant, rate: f64, node: usize) -> Interval {
    let period = Duration::from_secs_f64(1.0 / rate);
    let part = u32::try_from(node % 100).expect("below 100");
    let mut ticks = interval_at(started + period * part / 100, period);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
    ticks
}

impl Feed {
    /// Waits for what comes next; nothing is lost when the wait is dropped.
    pub(super) async fn next(&mut self) -> Fed {
        match self {
            Self::Played(played) => played.next().await,
            Self::Recorded(rows) => rows.recv().await.map_or(Fed::Over, Fed::Row),
        }
    }

    /// What the node's clock shows now.
    pub(super) fn clock(&self) -> Time {
        match self {
            Self::Played(played) => now() + played.park.link_at(&played.gateway, span(played.started.elapsed())).clock_offset,
            Self::Recorded(_) => now(),
        }
    }
}

impl Played {
    async fn next(&mut self) -> Fed {
        tokio::select! {
            // Waiting for a tick or the end; neither loses anything.
            _ = self.ticks.tick() => {}
            () = self.shutdown.requested() => return Fed::Over,
        }
        let elapsed = self.started.elapsed();
        if self.until.is_some_and(|until| elapsed > until) {
            return Fed::Over;
        }
        self.at(now(), span(elapsed))
    }

    fn at(&self, now: Time, elapsed: Span) -> Fed {
        let link = self.park.link_at(&self.gateway, elapsed);
        if !link.connected {
            return Fed::CutOff;
        }
        let sample = |point: &usize| self.park.sample_at(*point, now, elapsed);
        let values = self.points.iter().filter_map(sample).map(|(point, value, quality)| (point, Some(value), quality));
        Fed::Row(Row { time: now + link.clock_offset, values: values.collect() })
    }
}

#[cfg(test)]
mod tests {
    use model::Protocol;
    use simulator::{Scenario, generated_site};

    use super::*;

    const START: Time = Time::from_micros(1_740_787_200_000_000);

    fn played(scenario: Scenario) -> Played {
        let file = site::SourceFile { name: "site.toml".to_owned(), text: generated_site(1, 4, Protocol::Sparkplug) };
        let site = site::load(&[file]).expect("a generated site loads").site;
        let started = Instant::now();
        Played {
            park: Arc::new(Park::new(&site, 1, scenario)),
            gateway: "p001/e00001-gw1".to_owned(),
            points: vec![1, 3],
            started,
            until: Some(Duration::from_secs(3)),
            ticks: ticks(started, 2.0, 150),
            shutdown: Shutdown::new(),
        }
    }

    #[tokio::test(start_paused = true)]
    async fn rows_come_at_the_rate_until_the_time_is_over() {
        let mut feed = Feed::Played(played(Scenario::Normal));
        let started = Instant::now();
        let mut times = Vec::new();
        while let Fed::Row(row) = feed.next().await {
            assert_eq!(row.values.iter().map(|(point, ..)| *point).collect::<Vec<_>>(), [1, 3]);
            times.push(started.elapsed().as_millis());
        }
        assert_eq!(times, [250, 750, 1_250, 1_750, 2_250, 2_750], "half a period late, as node 150 of 100 is");
        assert!(matches!(feed.next().await, Fed::Over));
    }

    #[tokio::test]
    async fn clocks_and_cuts_are_those_of_the_scenario() {
        let stepping = played(Scenario::ClockStep);
        let Fed::Row(row) = stepping.at(START, Span::from_secs(30)) else { panic!("it is connected") };
        assert_eq!(row.time, START + Span::from_secs(120));
        let flapping = played(Scenario::GatewayFlapping);
        let cut = (0..200).filter(|tenth| matches!(flapping.at(START, Span::from_millis(100 * tenth)), Fed::CutOff)).count();
        assert!((20..=40).contains(&cut), "{cut} tenths of 20 s");
    }
}
