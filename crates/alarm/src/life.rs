//! The life of one alarm: ISA-18.2-2016 (5.4) in flag form, one row a happening.

use model::AlarmState;

/// What can happen to an alarm.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Happening {
    /// The condition became true, its on-delay over.
    Alm,
    /// The condition became false, its off-delay over.
    Rtn,
    /// An operator acknowledges.
    Ack,
    /// An operator lets go of the latch.
    Rst,
}

/// What is known of an alarm's life; the state is read from it, never stored beside it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Flags(u8);

impl Flags {
    pub(crate) const COND: u8 = 1;
    pub(crate) const ACKED: u8 = 2;
    pub(crate) const LATCHED: u8 = 4;
    pub(crate) const HIDDEN_ACTIVATION: u8 = 8;
    pub(crate) const SHELVED: u8 = 16;
    pub(crate) const SUPPRESSED: u8 = 32;
    pub(crate) const OUT_OF_SERVICE: u8 = 64;
    const ALL: u8 = 127;

    /// Normal, nothing to acknowledge.
    pub(crate) const NORMAL: Self = Self(Self::ACKED);

    /// The flags behind stored bits, if all of them are known.
    pub(crate) const fn from_bits(bits: u8) -> Option<Self> {
        if bits & !Self::ALL == 0 { Some(Self(bits)) } else { None }
    }

    pub(crate) const fn bits(self) -> u8 {
        self.0
    }

    pub(crate) const fn has(self, flag: u8) -> bool {
        self.0 & flag != 0
    }

    const fn with(self, flag: u8, on: bool) -> Self {
        Self(if on { self.0 | flag } else { self.0 & !flag })
    }

    /// The condition, as it is tracked in every state.
    pub(crate) const fn cond(self) -> bool {
        self.has(Self::COND)
    }
}

/// The state that flags stand for; total.
pub(crate) const fn state_of(flags: Flags) -> AlarmState {
    if flags.has(Flags::OUT_OF_SERVICE) {
        AlarmState::OutOfService
    } else if flags.has(Flags::SUPPRESSED) {
        AlarmState::Suppressed
    } else if flags.has(Flags::SHELVED) {
        AlarmState::Shelved
    } else {
        match (flags.cond(), flags.has(Flags::LATCHED), flags.has(Flags::ACKED)) {
            (true, _, true) => AlarmState::Acknowledged,
            (true, _, false) => AlarmState::Unacknowledged,
            (false, true, true) => AlarmState::LatchedAcknowledged,
            (false, true, false) => AlarmState::LatchedUnacknowledged,
            (false, false, false) => AlarmState::ReturnedUnacknowledged,
            (false, false, true) => AlarmState::Normal,
        }
    }
}

/// The flags after a happening, or why the state machine has no such arc (traps 46: every cell is defined).
pub(crate) const fn step(flags: Flags, happening: Happening, latching: bool) -> Result<Flags, &'static str> {
    use AlarmState::{
        Acknowledged as C, LatchedAcknowledged as F, LatchedUnacknowledged as E, Normal as A, OutOfService as I,
        ReturnedUnacknowledged as D, Shelved as G, Suppressed as H, Unacknowledged as B,
    };
    use Happening::{Ack, Alm, Rst, Rtn};
    match (happening, state_of(flags)) {
        (Alm, A | D | E | F) => {
            let latched = flags.has(Flags::LATCHED) || latching;
            Ok(flags.with(Flags::COND, true).with(Flags::ACKED, false).with(Flags::LATCHED, latched))
        }
        (Alm, G | H | I) => Ok(flags.with(Flags::COND, true).with(Flags::HIDDEN_ACTIVATION, true)),
        // Whether it latches is decided here, by the rule as it is now.
        (Rtn, B | C) => Ok(flags.with(Flags::COND, false).with(Flags::LATCHED, latching)),
        (Rtn, G | H | I) => Ok(flags.with(Flags::COND, false)),
        (Alm, B | C) | (Rtn, A | D | E | F) => Ok(flags),
        (Ack, B | D | E) => Ok(flags.with(Flags::ACKED, true)),
        (Ack, C | F) => Err("already acknowledged"),
        (Rst, F) => Ok(flags.with(Flags::LATCHED, false)),
        (Rst, D | E) => Err("acknowledge first"),
        (Rst, B | C) => Err("the value has not returned"),
        (Ack | Rst, A) => Err("nothing is open"),
        (Ack | Rst, G | H | I) => Err("the alarm is hidden"),
    }
}

#[cfg(test)]
mod tests {
    use std::fmt::Write;

    use super::*;

    fn letter(state: AlarmState) -> char {
        let at = AlarmState::ALL.iter().position(|it| *it == state).expect("all are listed");
        char::from(b"ABCDEFGHI"[at])
    }

    fn flags_of(letter: char) -> Flags {
        let bits = match letter {
            'A' => Flags::ACKED,
            'B' => Flags::COND,
            'C' => Flags::COND | Flags::ACKED,
            'D' => 0,
            'E' => Flags::LATCHED,
            'F' => Flags::LATCHED | Flags::ACKED,
            'G' => Flags::SHELVED,
            'H' => Flags::SUPPRESSED,
            _ => Flags::OUT_OF_SERVICE,
        };
        Flags::from_bits(bits).expect("known bits")
    }

    fn table(latching: bool) -> String {
        let mut text = String::from("  ALM RTN ACK RST\n");
        for row in "ABCDEFGHI".chars() {
            text.push(row);
            for happening in [Happening::Alm, Happening::Rtn, Happening::Ack, Happening::Rst] {
                let cell = step(flags_of(row), happening, latching).map_or('x', |after| letter(state_of(after)));
                write!(text, "   {}", if cell == row { '-' } else { cell }).expect("strings take everything");
            }
            text.push('\n');
        }
        text
    }

    #[test]
    fn without_latch_it_is_the_table_of_the_standard() {
        let want = "  ALM RTN ACK RST\nA   B   -   x   x\nB   -   D   C   x\nC   -   A   x   x\nD   B   -   A   x\n\
                    E   B   -   F   x\nF   B   -   x   A\nG   -   -   x   x\nH   -   -   x   x\nI   -   -   x   x\n";
        assert_eq!(table(false), want, "\n{}", table(false));
    }

    #[test]
    fn with_latch_it_is_the_table_of_the_standard() {
        let want = "  ALM RTN ACK RST\nA   B   -   x   x\nB   -   E   C   x\nC   -   F   x   x\nD   B   -   A   x\n\
                    E   B   -   F   x\nF   B   -   x   A\nG   -   -   x   x\nH   -   -   x   x\nI   -   -   x   x\n";
        assert_eq!(table(true), want, "\n{}", table(true));
    }

    #[test]
    fn every_combination_of_flags_has_a_state_that_fits() {
        for bits in 0..=Flags::ALL {
            let flags = Flags::from_bits(bits).expect("known bits");
            let state = state_of(flags);
            if matches!(state, AlarmState::Unacknowledged | AlarmState::Acknowledged) {
                assert!(flags.cond(), "{bits:#b}");
            }
            if state == AlarmState::Normal {
                assert!(flags.has(Flags::ACKED) && !flags.cond(), "{bits:#b}");
            }
        }
        assert_eq!(Flags::from_bits(128), None);
    }
}
