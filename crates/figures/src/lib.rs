//! The figures by which an alarm system is judged (ISA-18.2, EEMUA 191), and the floods and nuisances of the present.
//! In: alarm events in the order of their journal, a period.
//! Out: tables beside the standard's targets; floods that begin and end, alarms that chatter.
//! May not enter: clocks, IO, async, logging, any Davy crate but model.
//! Start at table.rs.
