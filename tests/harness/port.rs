//! Ports for servers that end and start again, and keep theirs while they are down.

use std::fs::{self, File};
use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;

/// Where ports are looked for; the end is lower where the system itself gives away lower ones.
const FIRST: u16 = 12_000;
const LAST: u16 = 32_000;

/// A port of 127.0.0.1 that belongs to one test as long as this lives, also while nothing listens on it.
///
/// The system gives the ports of its own range to whoever binds port 0 or connects somewhere, so a port found by binding 0 may be
/// somebody else's a moment after its server was killed. These lie below that range, and a locked file keeps other tests away.
#[derive(Debug)]
pub struct Port {
    number: u16,
    _lock: File,
}

impl Port {
    /// One that nobody holds and nothing listens on.
    pub fn take() -> Self {
        let folder = folder();
        fs::create_dir_all(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
        let end = system_first().clamp(FIRST + 1, LAST);
        let count = u32::from(end - FIRST);
        let start = getrandom::u32().expect("random bytes") % count;
        let candidates = (0..count).map(|step| FIRST + u16::try_from((start + step) % count).expect("below the end"));
        candidates.into_iter().find_map(|number| Self::try_take(&folder, number)).expect("a free port below the system's own")
    }

    fn try_take(folder: &std::path::Path, number: u16) -> Option<Self> {
        // The file stays when the lock is gone: a file that is deleted could be locked by two.
        let lock = File::create(folder.join(number.to_string())).expect("a file for the port can be made");
        lock.try_lock().ok()?;
        TcpListener::bind((Ipv4Addr::LOCALHOST, number)).ok()?;
        Some(Self { number, _lock: lock })
    }

    /// Its number.
    pub fn number(&self) -> u16 {
        self.number
    }
}

/// One for each user: what root has made others cannot write.
fn folder() -> PathBuf {
    let user = fs::metadata("/proc/self").expect("a system with /proc").uid();
    std::env::temp_dir().join(format!("davy-test-ports-{user}"))
}

/// The first port that the system gives away itself.
fn system_first() -> u16 {
    let range = fs::read_to_string("/proc/sys/net/ipv4/ip_local_port_range").unwrap_or_default();
    range.split_whitespace().next().and_then(|first| first.parse().ok()).unwrap_or(LAST)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_is_kept_from_others_also_while_nothing_listens() {
        let port = Port::take();
        assert!((FIRST..system_first()).contains(&port.number()));
        assert!(Port::try_take(&folder(), port.number()).is_none(), "held");
        let number = port.number();
        drop(port);
        let again = Port::try_take(&folder(), number).expect("free again");
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, number)).expect("its holder listens");
        drop(again);
        assert!(Port::try_take(&folder(), number).is_none(), "somebody who holds no lock listens there");
        drop(listener);
    }
}
