//! Values of Sparkplug metrics to samples: pure, by the same laws as plain JSON.

use model::{Quality, Sample, Time};
use sparkplug::{Datum, Value};

use crate::index::TagPoint;
use crate::json::{Faults, MAX_AHEAD, Reason};

/// The sample that a metric's value is for its point; `None` where it is refused, which is then among the faults.
pub(super) fn sample(point: &TagPoint, value: &Value, arrived: Time, faults: &mut Faults) -> Option<Sample> {
    let field = || format!("metrics.{}", point.tag);
    if let Some(time) = value.time.filter(|time| *time < Time::YEAR_2000 || *time > arrived.plus(MAX_AHEAD)) {
        faults.add(Reason::TimeOutOfRange, || format!("{}.timestamp", field()), time.micros().div_euclid(1_000));
        return None;
    }
    let number = match &value.value {
        Datum::Number(number) => {
            if !number.is_finite() {
                faults.add(Reason::NotANumber, field, number);
            }
            Some(*number)
        }
        Datum::Null => None,
        Datum::Text(text) if point.is_state => match point.state(text) {
            Some(number) => Some(number),
            None => {
                faults.add(Reason::UnknownState, field, text);
                return None;
            }
        },
        Datum::Text(text) => {
            faults.add(Reason::WrongType, field, text);
            return None;
        }
        Datum::Refused(why) => {
            faults.add(Reason::UnsupportedType, field, why);
            return None;
        }
    };
    let quality = if value.alias_only { value.quality.max(Quality::Uncertain) } else { value.quality };
    let mut sample = Sample::new(point.number, value.time.unwrap_or(arrived), number, quality);
    sample.flags.arrival_time = value.time.is_none();
    sample.flags.historical = value.historical;
    sample.flags.transient = value.transient;
    sample.flags.out_of_range = point.is_out_of_range(sample.value);
    Some(sample)
}

/// What a value says, for a list of tags that no point claims.
pub(super) fn text_of(value: &Value) -> String {
    match &value.value {
        Datum::Number(number) => number.to_string(),
        Datum::Text(text) => text.to_string(),
        Datum::Null => "null".to_owned(),
        Datum::Refused(why) => why.clone(),
    }
}

/// Metrics that are the protocol's own business and never a point's.
pub(super) fn is_protocols_own(name: &str) -> bool {
    name == "bdSeq" || name.starts_with("Node Control/") || name.starts_with("Device Control/")
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::GatewayTags;

    const NOW: Time = Time::from_micros(1_732_370_000_000_000);

    fn value(datum: Datum) -> Value {
        Value {
            name: "PI-101".into(),
            time: Some(NOW),
            value: datum,
            datatype: None,
            quality: Quality::Good,
            historical: false,
            transient: false,
            unit: None,
            alias_only: false,
        }
    }

    fn read(tag: &str, value: &Value) -> (Option<Sample>, Vec<Reason>) {
        let tags = GatewayTags::for_tests(&["PI-101"], &[("XV-1", &[("open", 1.0)])]);
        let mut faults = Faults::default();
        let sample = sample(tags.point(tags.index_of(tag).expect("a tag")), value, NOW, &mut faults);
        (sample, faults.listed.iter().map(|it| it.reason).collect())
    }

    #[test]
    fn values_are_taken_as_the_site_says() {
        let (sample, faults) = read("PI-101", &value(Datum::Number(5_000.0)));
        let sample = sample.expect("taken");
        assert_eq!(
            (sample.value, sample.quality, sample.flags.out_of_range, faults.len()),
            (Some(5_000.0), Quality::Good, true, 0)
        );
        let null = read("PI-101", &value(Datum::Null)).0.expect("taken");
        assert_eq!((null.value, null.quality), (None, Quality::Bad), "null is no zero (traps 22)");
        let (nan, faults) = read("PI-101", &value(Datum::Number(f64::NAN)));
        assert_eq!((nan.expect("taken").quality, faults), (Quality::Bad, vec![Reason::NotANumber]));
        assert_eq!(read("XV-1", &value(Datum::Text("open".into()))).0.expect("taken").value, Some(1.0));
        assert_eq!(read("XV-1", &value(Datum::Number(1.0))).0.expect("taken").value, Some(1.0), "a boolean");
        for (tag, datum, reason) in [
            ("XV-1", Datum::Text("ajar".into()), Reason::UnknownState),
            ("PI-101", Datum::Text("1".into()), Reason::WrongType),
            ("PI-101", Datum::Refused("Int8Array".to_owned()), Reason::UnsupportedType),
        ] {
            assert_eq!(read(tag, &value(datum)), (None, vec![reason]));
        }
    }

    #[test]
    fn times_are_those_of_the_metric_and_doubt_stays_doubt() {
        let none = read("PI-101", &Value { time: None, ..value(Datum::Number(1.0)) }).0.expect("taken");
        assert_eq!((none.time, none.flags.arrival_time), (NOW, true));
        for time in [Time::from_micros(0), NOW.plus(MAX_AHEAD).plus(model::Span::from_micros(1))] {
            let (sample, faults) = read("PI-101", &Value { time: Some(time), ..value(Datum::Number(1.0)) });
            assert_eq!((sample, faults), (None, vec![Reason::TimeOutOfRange]));
        }
        let doubtful =
            Value { alias_only: true, historical: true, transient: true, name: Arc::from("x"), ..value(Datum::Number(1.0)) };
        let sample = read("PI-101", &doubtful).0.expect("taken");
        assert_eq!((sample.quality, sample.flags.historical, sample.flags.transient), (Quality::Uncertain, true, true));
    }
}
