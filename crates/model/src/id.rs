//! Names and numbers of things, checked when they are made.

use std::fmt;
use std::ops::RangeInclusive;
use std::sync::Arc;

/// Why a text is no id.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{value}` is no valid id: 1 to 64 of A-Z a-z 0-9 _ . - are allowed")]
pub struct InvalidId {
    /// The text as given, cut after 80 characters.
    pub value: String,
}

/// Why a text is no gateway's path.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{value}` is no valid gateway path: names joined by `/`")]
pub struct InvalidPath {
    /// The text as given, cut after 80 characters.
    pub value: String,
}

fn checked(text: &str) -> Result<Arc<str>, InvalidId> {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"_.-".contains(&byte);
    if (1..=64).contains(&text.len()) && text.bytes().all(allowed) {
        Ok(Arc::from(text))
    } else {
        Err(InvalidId { value: text.chars().take(80).collect() })
    }
}

macro_rules! text_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Arc<str>);

        impl $name {
            /// Checks the text: `[A-Za-z0-9_.-]{1,64}`.
            pub fn new(text: &str) -> Result<Self, InvalidId> {
                checked(text).map(Self)
            }

            /// The id as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }

            /// The id as shared text.
            pub fn shared(&self) -> Arc<str> {
                Arc::clone(&self.0)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{:?}", &*self.0)
            }
        }
    };
}

text_id!(
    /// A chemical park (化工园区).
    ParkId
);
text_id!(
    /// An enterprise; everything of one enterprise lives in one partition.
    EnterpriseId
);
text_id!(
    /// An installation: a major hazard source (重大危险源).
    InstallationId
);
text_id!(
    /// A measured variable, unique in the deployment.
    PointId
);
text_id!(
    /// An alarm on its point: `high`, `low_low`, or what the site file names it.
    AlarmId
);

text_id!(
    /// A department or an enterprise's office that warnings are addressed to.
    DepartmentId
);
text_id!(
    /// A rule by which warnings are opened.
    WarningRuleId
);
text_id!(
    /// A place where people may be, or that counts when they have to go.
    PlaceId
);
text_id!(
    /// A team, a vehicle, a shelter: what helps.
    ResourceId
);
text_id!(
    /// An emergency plan.
    PlanId
);

/// The longest part of a gateway's path, in bytes.
const PATH_PART_BYTES_MAX: usize = 128;

/// A gateway's path: `park/enterprise/gateway` for plain JSON and gRPC, which are ids (`strict`); `group/node[/device]` for Sparkplug B,
/// whose names are whatever a gateway engineer typed: blanks, Chinese, upper and lower case.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct GatewayPath(Arc<str>);

impl GatewayPath {
    /// Checks that the text is two or three names joined by `/`: 1 to 128 bytes each, without control characters, `+` and `#`.
    pub fn new(text: &str) -> Result<Self, InvalidPath> {
        let named = |part: &str| {
            (1..=PATH_PART_BYTES_MAX).contains(&part.len()) && !part.contains(|it: char| it.is_control() || "+#".contains(it))
        };
        Self::of_parts(text, 2..=3, named).ok_or_else(|| InvalidPath { value: text.chars().take(80).collect() })
    }

    /// Checks that the text is three ids joined by `/`: `park/enterprise/gateway`.
    pub fn strict(text: &str) -> Result<Self, InvalidPath> {
        Self::of_parts(text, 3..=3, |part| checked(part).is_ok())
            .ok_or_else(|| InvalidPath { value: text.chars().take(80).collect() })
    }

    fn of_parts(text: &str, parts: RangeInclusive<usize>, named: impl Fn(&str) -> bool) -> Option<Self> {
        (parts.contains(&text.split('/').count()) && text.split('/').all(named)).then(|| Self(Arc::from(text)))
    }

    /// The path as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The path as shared text.
    pub fn shared(&self) -> Arc<str> {
        Arc::clone(&self.0)
    }
}

impl fmt::Display for GatewayPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for GatewayPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", &*self.0)
    }
}

/// What an alarm is about: a point's id; a gateway's path or an enterprise's id where nothing comes from it.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Subject(Arc<str>);

impl Subject {
    /// Checks that the text is an id or a gateway's path.
    pub fn new(text: &str) -> Result<Self, InvalidId> {
        if checked(text).is_ok() || GatewayPath::new(text).is_ok() {
            Ok(Self(Arc::from(text)))
        } else {
            Err(InvalidId { value: text.chars().take(80).collect() })
        }
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The shared text.
    pub fn shared(&self) -> Arc<str> {
        Arc::clone(&self.0)
    }
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The name of one request for a command, given by the caller so that a repeat is harmless: 1 to 128 printable ASCII characters.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct RequestId(Arc<str>);

impl RequestId {
    /// Checks length and characters.
    pub fn new(text: &str) -> Result<Self, InvalidId> {
        let ok = (1..=128).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic());
        if ok { Ok(Self(Arc::from(text))) } else { Err(InvalidId { value: text.chars().take(80).collect() }) }
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The id as shared text.
    pub fn shared(&self) -> Arc<str> {
        Arc::clone(&self.0)
    }
}

/// A point's number: given by the registry for life, never reused. Zero is no point.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PointNumber(pub u32);

/// A site revision's number, from 1; zero is none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RevisionNumber(pub u32);

/// A place in one journal: 1 is its first record, 0 is before it. Grows strictly, not always by one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Position(pub u64);

/// A writer's own counter of records in one journal, from 1 without holes; 0 is none yet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeySeq(pub u64);

/// The random id of a journal, changed by a restore; 0 only in recorded data that never was in a journal.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Epoch(pub u64);

impl fmt::Display for Epoch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

/// How many virtual partitions telemetry has, for ever (traps 72).
pub const PARTITIONS: u16 = 256;

/// One of the 256 virtual partitions of telemetry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Partition(pub u8);

impl Partition {
    /// The partition of an enterprise: FNV-1a over the id in lower case (ids are unique ignoring case), folded to a byte.
    /// Part of the stored format: it never changes.
    pub fn of(enterprise: &EnterpriseId) -> Self {
        let hash = enterprise.as_str().bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
            (hash ^ u64::from(byte.to_ascii_lowercase())).wrapping_mul(0x0100_0000_01b3)
        });
        Self(hash.to_le_bytes().into_iter().fold(0, |folded, byte| folded ^ byte))
    }
}

impl fmt::Display for Partition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_hold_to_their_alphabet() {
        assert!(PointId::new("e01-PI_1.0").is_ok());
        for bad in ["", "a b", "反应", "a/b", &"x".repeat(65)] {
            assert!(PointId::new(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn gateway_paths_have_two_or_three_parts() {
        assert!(GatewayPath::new("rugang/e01/gw1").is_ok());
        assert!(GatewayPath::new("rugang/gw1").is_ok());
        for bad in ["gw1", "a/b/c/d", "a//c", "a/+/c", "a/#", "a/b\u{7}", "a/b\u{85}", &format!("a/{}", "x".repeat(129))] {
            assert!(GatewayPath::new(bad).is_err(), "{bad}");
            assert!(GatewayPath::strict(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn sparkplug_names_are_taken_as_they_are_and_ids_are_not() {
        assert!(GatewayPath::strict("rugang/e01/gw1").is_ok());
        for wide in ["My Group/节点 1", "rugang/gw1", "rugang/e 01/gw1", &format!("a/b/{}", "x".repeat(128))] {
            assert_eq!(GatewayPath::new(wide).expect("valid").as_str(), wide);
            assert!(GatewayPath::strict(wide).is_err(), "{wide}");
        }
    }

    #[test]
    fn partitions_stay_where_they_are() {
        let partition = |id: &str| Partition::of(&EnterpriseId::new(id).expect("valid")).0;
        assert_eq!(partition("e01"), partition("E01"));
        assert_eq!((partition("e01"), partition("e02"), partition("demo")), (PINNED.0, PINNED.1, PINNED.2));
    }

    // Worked out once; a change here orphans every journal.
    const PINNED: (u8, u8, u8) = (68, 18, 76);
}
