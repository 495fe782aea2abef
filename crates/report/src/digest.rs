//! Whether two reports say the same, in 16 bytes: FNV-1a of 128 bits over who says what. It finds mistakes, not forgers.

use model::report::Shown;
use model::{DepartmentId, EventId, ReportBody};

const OFFSET: u128 = 0x6c62_272e_07bb_0142_62b8_2175_6295_c58d;
const PRIME: u128 = 0x0000_0000_0100_0000_0000_0000_0000_013b;

struct Hash(u128);

impl Hash {
    /// Texts are told apart by their lengths.
    fn text(&mut self, text: &str) {
        self.bytes(&(text.len() as u64).to_le_bytes());
        self.bytes(text.as_bytes());
    }

    fn bytes(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = (self.0 ^ u128::from(*byte)).wrapping_mul(PRIME);
        }
    }

    fn value(&mut self, value: Shown<'_>) {
        match value {
            Shown::Nothing => self.bytes(&[0]),
            Shown::Text(text) => self.text(text),
            Shown::Count(count) => self.bytes(&count.to_le_bytes()),
            Shown::Number(number) => self.bytes(&number.to_le_bytes()),
            Shown::Place(at) => {
                self.bytes(&at.lat.to_le_bytes());
                self.bytes(&at.lon.to_le_bytes());
            }
            Shown::Time(time) => self.bytes(&time.micros().to_le_bytes()),
            Shown::Event(id) => self.text(&id.to_string()),
        }
    }
}

/// What is said, without when and where. Part of snapshots: it never changes within their version.
pub(crate) fn digest(who: (&DepartmentId, &str), text: &str, about: &[EventId], body: &ReportBody) -> u128 {
    let mut hash = Hash(OFFSET);
    hash.text(who.0.as_str());
    hash.text(who.1);
    hash.text(text);
    about.iter().for_each(|id| hash.text(&id.to_string()));
    hash.text(body.kind().as_str());
    for (name, value) in body.fields() {
        hash.text(name);
        hash.value(value);
    }
    hash.0
}
