//! What alarms there must be, computed a second time: good samples in order, one limit rule, one point.
//! Written from the description of the alarms' meaning alone, so that an error of the core is not copied here.

/// Which side is dangerous.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// Active at the limit and above.
    High,
    /// Active at the limit and below.
    Low,
}

/// A limit rule; times in microseconds.
#[derive(Clone, Debug, PartialEq)]
pub struct Rule {
    /// The point it is on.
    pub point: String,
    /// Its id there.
    pub alarm: String,
    /// Which side is dangerous.
    pub side: Side,
    /// Where it starts.
    pub limit: f64,
    /// How far back the value must come.
    pub deadband: f64,
    /// How long it must be active.
    pub on_delay: i64,
    /// How long it must be clear.
    pub off_delay: i64,
}

/// One raise or return of an alarm that nobody acknowledges.
#[derive(Clone, Debug, PartialEq)]
pub struct Transition {
    /// The point.
    pub point: String,
    /// The alarm on it.
    pub alarm: String,
    /// True for `alarm.raised`, false for `alarm.returned`.
    pub raised: bool,
    /// Microseconds since 1970.
    pub at: i64,
    /// 1 for the first raise and its return.
    pub activation: u32,
    /// The value in force at that moment.
    pub value: f64,
}

impl Rule {
    fn active(&self, value: f64) -> bool {
        match self.side {
            Side::High => value >= self.limit,
            Side::Low => value <= self.limit,
        }
    }

    fn clear(&self, value: f64) -> bool {
        match self.side {
            Side::High => value < self.limit - self.deadband,
            Side::Low => value > self.limit + self.deadband,
        }
    }

    /// The transitions up to the last sample; what would come due after it is not told.
    pub fn judge(&self, samples: impl IntoIterator<Item = (i64, f64)>) -> Vec<Transition> {
        let mut told = Vec::new();
        let mut raised = false;
        let mut activation = 0;
        let mut since: Option<i64> = None;
        let mut held = f64::NAN;
        for (time, value) in samples {
            // A timer due at the very moment of a sample fires before that sample counts, so with the value held till then.
            let delay = if raised { self.off_delay } else { self.on_delay };
            if let Some(due) = since.map(|start| start + delay).filter(|due| *due <= time) {
                raised = !raised;
                activation += u32::from(raised);
                told.push(self.transition(raised, due, activation, held));
                since = None;
            }
            let (towards_change, delay) =
                if raised { (self.clear(value), self.off_delay) } else { (self.active(value), self.on_delay) };
            since = if towards_change { since.or(Some(time)) } else { None };
            if towards_change && delay == 0 {
                raised = !raised;
                activation += u32::from(raised);
                told.push(self.transition(raised, time, activation, value));
                since = None;
            }
            held = value;
        }
        told
    }

    fn transition(&self, raised: bool, at: i64, activation: u32, value: f64) -> Transition {
        Transition { point: self.point.clone(), alarm: self.alarm.clone(), raised, at, activation, value }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(on_delay: i64, off_delay: i64) -> Rule {
        Rule {
            point: "p".to_owned(),
            alarm: "high".to_owned(),
            side: Side::High,
            limit: 80.0,
            deadband: 2.0,
            on_delay,
            off_delay,
        }
    }

    fn told(rule: &Rule, samples: &[(i64, f64)]) -> Vec<(bool, i64, u32, f64)> {
        rule.judge(samples.iter().copied()).into_iter().map(|it| (it.raised, it.at, it.activation, it.value)).collect()
    }

    #[test]
    fn boundaries_belong_to_the_dangerous_side() {
        let samples = [(0, 79.9), (1, 80.0), (2, 78.0), (3, 77.9), (4, 79.0), (5, 81.0)];
        assert_eq!(told(&rule(0, 0), &samples), [(true, 1, 1, 80.0), (false, 3, 1, 77.9), (true, 5, 2, 81.0)]);
        let low = Rule { side: Side::Low, ..rule(0, 0) };
        assert_eq!(told(&low, &[(0, 80.1), (1, 80.0), (2, 82.0), (3, 82.1)]), [(true, 1, 1, 80.0), (false, 3, 1, 82.1)]);
    }

    #[test]
    fn delays_fire_at_their_due_time_and_break() {
        let rule = rule(10, 5);
        assert_eq!(told(&rule, &[(0, 80.0), (9, 79.0), (10, 80.0), (19, 80.0)]), [], "broken, then not yet due");
        assert_eq!(told(&rule, &[(0, 80.0), (10, 70.0)]), [(true, 10, 1, 80.0)], "due at the sample that would break it");
        let samples = [(0, 80.0), (12, 77.0), (16, 78.0), (17, 77.0), (30, 90.0)];
        assert_eq!(told(&rule, &samples), [(true, 10, 1, 80.0), (false, 22, 1, 77.0)]);
    }
}
