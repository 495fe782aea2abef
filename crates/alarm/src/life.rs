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
    /// It stands for too long and is announced anew.
    Ral,
    /// An operator shelves it, or gives the shelf another end.
    Shv,
    /// An operator takes it from the shelf.
    Uns,
    /// The shelf's time is over, whatever else hides the alarm.
    Exp,
    /// An operator suppresses it.
    Sup,
    /// An operator ends that, or its time is over.
    Usp,
    /// The design suppresses it: a condition began to hold.
    Dsu,
    /// That condition no longer holds.
    Dus,
    /// It is taken out of service.
    Oos,
    /// It is returned to service.
    Rts,
    /// An operator silences the horn.
    Sil,
}

impl Happening {
    /// Every one there is.
    #[cfg(test)]
    pub(crate) const ALL: &'static [Self] = &[
        Self::Alm,
        Self::Rtn,
        Self::Ack,
        Self::Rst,
        Self::Ral,
        Self::Shv,
        Self::Uns,
        Self::Exp,
        Self::Sup,
        Self::Usp,
        Self::Dsu,
        Self::Dus,
        Self::Oos,
        Self::Rts,
        Self::Sil,
    ];
}

/// What is known of an alarm's life; the state is read from it, never stored beside it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Flags(u16);

impl Flags {
    pub(crate) const COND: u16 = 1;
    pub(crate) const ACKED: u16 = 2;
    pub(crate) const LATCHED: u16 = 4;
    pub(crate) const HIDDEN_ACTIVATION: u16 = 8;
    pub(crate) const SHELVED: u16 = 16;
    pub(crate) const SUPPRESSED: u16 = 32;
    pub(crate) const OUT_OF_SERVICE: u16 = 64;
    pub(crate) const BY_DESIGN: u16 = 128;
    pub(crate) const SILENCED: u16 = 256;
    const ALL: u16 = 511;
    const HIDDEN: u16 = Self::SHELVED | Self::SUPPRESSED | Self::OUT_OF_SERVICE | Self::BY_DESIGN;

    /// Normal, nothing to acknowledge.
    pub(crate) const NORMAL: Self = Self(Self::ACKED);

    /// The flags behind stored bits, if all of them are known.
    pub(crate) const fn from_bits(bits: u16) -> Option<Self> {
        if bits & !Self::ALL == 0 { Some(Self(bits)) } else { None }
    }

    pub(crate) const fn bits(self) -> u16 {
        self.0
    }

    pub(crate) const fn has(self, flag: u16) -> bool {
        self.0 & flag != 0
    }

    pub(crate) const fn with(self, flag: u16, on: bool) -> Self {
        Self(if on { self.0 | flag } else { self.0 & !flag })
    }

    /// The condition, as it is tracked in every state.
    pub(crate) const fn cond(self) -> bool {
        self.has(Self::COND)
    }

    /// Whether something hides it from the operator.
    pub(crate) const fn hidden(self) -> bool {
        self.has(Self::HIDDEN)
    }

    /// Whether an occurrence is open, seen or hidden.
    pub(crate) const fn is_open(self) -> bool {
        self.cond() || self.has(Self::LATCHED) || !self.has(Self::ACKED)
    }

    /// These without one of the flags that hide; where nothing hides the alarm any more, what happened meanwhile comes to light.
    const fn let_out(self, flag: u16) -> Self {
        let after = self.with(flag, false);
        if !self.hidden() || after.hidden() {
            return after;
        }
        let unseen = after.cond() || (after.has(Self::HIDDEN_ACTIVATION) && after.has(Self::LATCHED));
        let acked = after.has(Self::ACKED) && !unseen;
        after.with(Self::ACKED, acked).with(Self::HIDDEN_ACTIVATION, false)
    }
}

/// The state that flags stand for; total.
pub(crate) const fn state_of(flags: Flags) -> AlarmState {
    if flags.has(Flags::OUT_OF_SERVICE) {
        AlarmState::OutOfService
    } else if flags.has(Flags::SUPPRESSED | Flags::BY_DESIGN) {
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
    match happening {
        Happening::Alm | Happening::Rtn | Happening::Ral => Ok(step_of_plant(flags, happening, latching)),
        Happening::Ack | Happening::Rst | Happening::Sil => step_of_answer(flags, happening),
        _ => step_of_hiding(flags, happening),
    }
}

const fn step_of_plant(flags: Flags, happening: Happening, latching: bool) -> Flags {
    match (happening, flags.cond(), flags.hidden()) {
        (Happening::Alm, false, false) => {
            let latched = flags.has(Flags::LATCHED) || latching;
            let raised = flags.with(Flags::COND, true).with(Flags::ACKED, false).with(Flags::SILENCED, false);
            raised.with(Flags::LATCHED, latched)
        }
        (Happening::Alm, false, true) => flags.with(Flags::COND, true).with(Flags::HIDDEN_ACTIVATION, true),
        // Whether it latches is decided here, by the rule as it is now.
        (Happening::Rtn, true, _) => flags.with(Flags::COND, false).with(Flags::LATCHED, latching),
        (Happening::Ral, true, false) => flags.with(Flags::ACKED, false).with(Flags::SILENCED, false),
        _ => flags,
    }
}

const fn step_of_answer(flags: Flags, happening: Happening) -> Result<Flags, &'static str> {
    use AlarmState::{
        Acknowledged as C, LatchedAcknowledged as F, LatchedUnacknowledged as E, Normal as A, ReturnedUnacknowledged as D,
        Unacknowledged as B,
    };
    use Happening::{Ack, Rst};
    match (happening, state_of(flags)) {
        (Ack, B | D | E) => Ok(flags.with(Flags::ACKED, true)),
        (Ack, C | F) => Err("already acknowledged"),
        (Rst, F) => Ok(flags.with(Flags::LATCHED, false)),
        (Rst, D | E) => Err("acknowledge first"),
        (Rst, B | C) => Err("the value has not returned"),
        // The horn sounds for what nobody has acknowledged.
        (_, B | D | E) => Ok(flags.with(Flags::SILENCED, true)),
        (_, C | F) => Err("acknowledged alarms are silent"),
        (_, A) => Err("nothing is open"),
        _ => Err("the alarm is hidden"),
    }
}

const fn step_of_hiding(flags: Flags, happening: Happening) -> Result<Flags, &'static str> {
    use AlarmState::{OutOfService as I, Shelved as G, Suppressed as H};
    match (happening, state_of(flags)) {
        (Happening::Shv, H) => Err("the alarm is suppressed"),
        (Happening::Shv | Happening::Uns, I) => Err("the alarm is out of service"),
        (Happening::Shv, _) => Ok(flags.with(Flags::SHELVED, true)),
        (Happening::Uns, G) | (Happening::Exp, _) => Ok(flags.let_out(Flags::SHELVED)),
        (Happening::Uns, H) => Err("the alarm is suppressed"),
        (Happening::Uns, _) => Err("the alarm is not shelved"),
        (Happening::Sup, _) => Ok(flags.with(Flags::SUPPRESSED, true)),
        (Happening::Usp, H) if !flags.has(Flags::SUPPRESSED) => Err("it is suppressed by design, while its condition holds"),
        (Happening::Usp, _) => Ok(flags.let_out(Flags::SUPPRESSED)),
        (Happening::Dsu, _) => Ok(flags.with(Flags::BY_DESIGN, true)),
        (Happening::Dus, _) => Ok(flags.let_out(Flags::BY_DESIGN)),
        (Happening::Oos, _) => Ok(flags.with(Flags::OUT_OF_SERVICE, true)),
        (Happening::Rts, I) => Ok(flags.let_out(Flags::OUT_OF_SERVICE)),
        _ => Err("the alarm is in service"),
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
            'G' => Flags::SHELVED | Flags::ACKED,
            'H' => Flags::SUPPRESSED | Flags::ACKED,
            _ => Flags::OUT_OF_SERVICE | Flags::ACKED,
        };
        Flags::from_bits(bits).expect("known bits")
    }

    /// `-`: it stays; `x`: refused; `*`: it leaves what hid it, see the next table.
    fn table(latching: bool) -> String {
        use Happening::{Ack, Alm, Oos, Ral, Rst, Rtn, Rts, Shv, Sup, Uns, Usp};
        let mut text = String::from("  ALM RTN ACK RST RAL SHV UNS SUP USP OOS RTS\n");
        for row in "ABCDEFGHI".chars() {
            text.push(row);
            for happening in [Alm, Rtn, Ack, Rst, Ral, Shv, Uns, Sup, Usp, Oos, Rts] {
                let leaves = matches!((row, happening), ('G', Uns) | ('H', Usp) | ('I', Rts));
                let cell = step(flags_of(row), happening, latching).map_or('x', |after| letter(state_of(after)));
                let cell = if leaves { '*' } else { cell };
                write!(text, "   {}", if cell == row { '-' } else { cell }).expect("strings take everything");
            }
            text.push('\n');
        }
        text
    }

    /// The table of ISA-18.2-2016 (5.4) and IEC 62682, whole: rows are states, columns events.
    #[test]
    fn without_latch_it_is_the_table_of_the_standard() {
        let want = "  ALM RTN ACK RST RAL SHV UNS SUP USP OOS RTS\n\
                    A   B   -   x   x   -   G   x   H   -   I   x\n\
                    B   -   D   C   x   -   G   x   H   -   I   x\n\
                    C   -   A   x   x   B   G   x   H   -   I   x\n\
                    D   B   -   A   x   -   G   x   H   -   I   x\n\
                    E   B   -   F   x   -   G   x   H   -   I   x\n\
                    F   B   -   x   A   -   G   x   H   -   I   x\n\
                    G   -   -   x   x   -   -   *   H   -   I   x\n\
                    H   -   -   x   x   -   x   x   -   *   I   x\n\
                    I   -   -   x   x   -   x   x   -   -   -   *\n";
        assert_eq!(table(false), want, "\n{}", table(false));
    }

    #[test]
    fn with_latch_it_is_the_table_of_the_standard() {
        let want = "  ALM RTN ACK RST RAL SHV UNS SUP USP OOS RTS\n\
                    A   B   -   x   x   -   G   x   H   -   I   x\n\
                    B   -   E   C   x   -   G   x   H   -   I   x\n\
                    C   -   F   x   x   B   G   x   H   -   I   x\n\
                    D   B   -   A   x   -   G   x   H   -   I   x\n\
                    E   B   -   F   x   -   G   x   H   -   I   x\n\
                    F   B   -   x   A   -   G   x   H   -   I   x\n\
                    G   -   -   x   x   -   -   *   H   -   I   x\n\
                    H   -   -   x   x   -   x   x   -   *   I   x\n\
                    I   -   -   x   x   -   x   x   -   -   -   *\n";
        assert_eq!(table(true), want, "\n{}", table(true));
    }

    /// Leaving what hides an alarm looks at the tracked condition: each row before, what happens while hidden, and where it comes out.
    #[test]
    fn what_comes_to_light_is_the_table_of_the_standard() {
        use Happening::{Alm, Dsu, Dus, Oos, Rtn, Rts, Shv, Sup, Uns, Usp};
        let meanwhile: [(&str, &[Happening]); 4] =
            [("nothing", &[]), ("alarm", &[Alm]), ("return", &[Rtn]), ("both", &[Alm, Rtn])];
        let mut text = String::new();
        for latching in [false, true] {
            for row in "ABCDEF".chars() {
                write!(text, "{row}").expect("strings take everything");
                for (_, happenings) in meanwhile {
                    let ways = [(Shv, Uns), (Sup, Usp), (Oos, Rts), (Dsu, Dus)].map(|(hide, show)| {
                        let mut flags = step(flags_of(row), hide, latching).expect("an arc");
                        for happening in happenings {
                            flags = step(flags, *happening, latching).expect("tracked");
                        }
                        letter(state_of(step(flags, show, latching).expect("an arc")))
                    });
                    assert!(ways.iter().all(|way| *way == ways[0]), "whatever hid it");
                    write!(text, " {}", ways[0]).expect("strings take everything");
                }
                text.push('\n');
            }
        }
        // Columns: nothing, alarm, return, both. First not latching (rows E and F as after a change of the rule), then latching.
        let want = "A A B A A\nB B B D D\nC B B A A\nD D B D D\nE E B E D\nF F B F A\n\
                    A A B A E\nB B B E E\nC B B F F\nD D B D E\nE E B E E\nF F B F E\n";
        assert_eq!(text, want, "\n{text}");
    }

    #[test]
    fn what_hides_has_a_precedence_and_goes_one_by_one() {
        use Happening::{Exp, Oos, Rts, Shv, Sup, Usp};
        let walk = |steps: &[Happening]| {
            steps.iter().fold(flags_of('C'), |flags, happening| step(flags, *happening, false).expect("an arc"))
        };
        assert_eq!(state_of(walk(&[Shv, Sup, Oos])), AlarmState::OutOfService);
        assert_eq!(state_of(walk(&[Shv, Sup, Oos, Exp, Rts])), AlarmState::Suppressed);
        assert_eq!(state_of(walk(&[Shv, Sup, Oos, Exp, Usp])), AlarmState::OutOfService);
        assert_eq!(state_of(walk(&[Shv, Sup, Oos, Exp, Usp, Rts])), AlarmState::Unacknowledged, "annunciated anew");
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
                assert!(flags.has(Flags::ACKED) && !flags.cond() && !flags.is_open(), "{bits:#b}");
            }
            for happening in Happening::ALL {
                for latching in [false, true] {
                    if let Ok(after) = step(flags, *happening, latching) {
                        assert!(Flags::from_bits(after.bits()).is_some());
                        assert_eq!(step(flags, *happening, latching), Ok(after), "total and the same each time");
                    }
                }
            }
        }
        assert_eq!(Flags::from_bits(512), None);
    }
}
