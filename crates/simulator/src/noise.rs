//! Chance that is a function of a key and a time: no state, so any step of time may be asked for in any order.

use model::Span;

/// One round of splitmix64 (Steele, Lea, Flood 2014): well mixed 64 bits from any 64 bits.
pub(crate) const fn mix(key: u64) -> u64 {
    let key = key.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let key = (key ^ (key >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let key = (key ^ (key >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    key ^ (key >> 31)
}

/// The key of a name under a seed, so that a point keeps its course when others come and go.
pub(crate) fn key(seed: u64, name: &str) -> u64 {
    name.bytes().fold(mix(seed), |key, byte| mix(key ^ u64::from(byte)))
}

/// From -1 to 1, evenly.
pub(crate) fn even(key: u64, at: i64) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "53 bits fit exactly")]
    let unit = (mix(key ^ mix(at.cast_unsigned())) >> 11) as f64 / (1_u64 << 53) as f64;
    2.0 * unit - 1.0
}

/// From -1 to 1, smoothly from one random height to the next in each period.
pub(crate) fn wave(key: u64, elapsed: Span, period: Span) -> f64 {
    let (at, period) = (elapsed.micros(), period.micros().max(1));
    let step = at.div_euclid(period);
    #[expect(clippy::cast_precision_loss, reason = "a period is far below 2^53 microseconds")]
    let part = at.rem_euclid(period) as f64 / period as f64;
    let (from, to) = (even(key, step), even(key, step.wrapping_add(1)));
    from + (to - from) * part * part * (3.0 - 2.0 * part)
}

/// From -1 to 1: a slow drift, a quicker one, and the jitter of an instrument.
pub(crate) fn drift(key: u64, elapsed: Span) -> f64 {
    let slow = wave(key, elapsed, Span::from_secs(90));
    let quick = wave(mix(key ^ 1), elapsed, Span::from_secs(7));
    0.7 * slow + 0.25 * quick + 0.05 * even(mix(key ^ 2), elapsed.micros())
}
