//! Closed sets of words: model <-> protobuf. Zero is unspecified and never taken for normal, good or lowest (traps 56).

use model::{AlarmState, Priority, Quality};

use crate::v1;

/// A quality for the network.
pub fn quality_to_v1(quality: Quality) -> v1::Quality {
    match quality {
        Quality::Good => v1::Quality::Good,
        Quality::Uncertain => v1::Quality::Uncertain,
        Quality::Bad => v1::Quality::Bad,
        Quality::Calibrating => v1::Quality::Calibrating,
    }
}

/// A priority for the network.
pub fn priority_to_v1(priority: Priority) -> v1::Priority {
    match priority {
        Priority::Low => v1::Priority::Low,
        Priority::Medium => v1::Priority::Medium,
        Priority::High => v1::Priority::High,
        Priority::Critical => v1::Priority::Critical,
    }
}

/// A priority from the network: `None` where not said, the highest where unknown.
pub fn priority_from_v1(priority: i32) -> Option<Priority> {
    match v1::Priority::try_from(priority) {
        Ok(v1::Priority::Unspecified) => None,
        Ok(v1::Priority::Low) => Some(Priority::Low),
        Ok(v1::Priority::Medium) => Some(Priority::Medium),
        Ok(v1::Priority::High) => Some(Priority::High),
        Ok(v1::Priority::Critical) | Err(_) => Some(Priority::Critical),
    }
}

/// An alarm's state for the network.
pub fn state_to_v1(state: AlarmState) -> v1::AlarmState {
    match state {
        AlarmState::Normal => v1::AlarmState::Normal,
        AlarmState::Unacknowledged => v1::AlarmState::Unacknowledged,
        AlarmState::Acknowledged => v1::AlarmState::Acknowledged,
        AlarmState::ReturnedUnacknowledged => v1::AlarmState::ReturnedUnacknowledged,
        AlarmState::LatchedUnacknowledged => v1::AlarmState::LatchedUnacknowledged,
        AlarmState::LatchedAcknowledged => v1::AlarmState::LatchedAcknowledged,
        AlarmState::Shelved => v1::AlarmState::Shelved,
        AlarmState::Suppressed => v1::AlarmState::Suppressed,
        AlarmState::OutOfService => v1::AlarmState::OutOfService,
    }
}

/// An alarm's state from the network; `None` where not said or unknown.
pub fn state_from_v1(state: i32) -> Option<AlarmState> {
    AlarmState::ALL.iter().copied().find(|it| state_to_v1(*it) as i32 == state)
}
