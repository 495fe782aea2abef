//! Ports for servers that end and start again, and keep theirs while they are down.

use std::fs::{self, File, TryLockError};
use std::net::{Ipv4Addr, TcpListener};
use std::ops::Range;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// Where ports are looked for, as far as the system does not give them away itself.
const WANTED: Range<u16> = 12_000..32_000;

/// Fewer than this would soon be all taken.
const PORTS_MIN: usize = 1_000;

/// A port of 127.0.0.1 that belongs to one test as long as this lives, also while nothing listens on it.
///
/// The system gives the ports of its own range to whoever binds port 0 or connects somewhere, so a port found by binding 0 may be
/// somebody else's a moment after its server was killed. These lie outside that range, and a locked file keeps other tests away.
#[derive(Debug)]
pub struct Port {
    number: u16,
    _lock: File,
}

impl Port {
    /// One that nobody holds and nothing listens on.
    pub fn take() -> Self {
        let (folder, candidates) = (folder(), candidates(&systems_own()));
        assert!(
            candidates.len() >= PORTS_MIN,
            "the system gives away nearly all ports from {} to {} itself; set net.ipv4.ip_local_port_range to \"32768 60999\"",
            WANTED.start,
            WANTED.end
        );
        let start = getrandom::u32().expect("random bytes") as usize % candidates.len();
        let mut turned = candidates[start..].iter().chain(&candidates[..start]);
        turned.find_map(|&number| Self::try_take(&folder, number)).expect("one of a thousand ports is free")
    }

    fn try_take(folder: &Path, number: u16) -> Option<Self> {
        // The file stays when the lock is gone: a file that is deleted could be locked by two.
        let lock = File::options().write(true).create(true).truncate(false).open(folder.join(number.to_string()));
        let lock = lock.expect("a file for the port can be made");
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return None,
            Err(TryLockError::Error(error)) => panic!("{}: no file can be locked here: {error}", folder.display()),
        }
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
    let folder = std::env::temp_dir().join(format!("davy-test-ports-{user}"));
    fs::create_dir_all(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let owner = fs::symlink_metadata(&folder).expect("it was just made").uid();
    assert_eq!(owner, user, "{} is somebody else's; remove it", folder.display());
    folder
}

/// The ports that the system gives away itself.
fn systems_own() -> Range<u16> {
    let text = fs::read_to_string("/proc/sys/net/ipv4/ip_local_port_range").unwrap_or_default();
    let mut ends = text.split_whitespace().filter_map(|end| end.parse().ok());
    ends.next().unwrap_or(WANTED.end)..ends.next().unwrap_or(u16::MAX)
}

fn candidates(systems_own: &Range<u16>) -> Vec<u16> {
    WANTED.filter(|port| !(systems_own.start..=systems_own.end).contains(port)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_system_gives_away_is_left_out() {
        assert_eq!(candidates(&(32_768..60_999)).len(), WANTED.len());
        assert_eq!(candidates(&(30_000..60_999)).last(), Some(&29_999));
        assert_eq!(candidates(&(1_024..20_000)).first(), Some(&20_001));
        assert!(candidates(&(1_024..65_535)).is_empty());
    }

    #[test]
    fn a_port_is_kept_from_others_also_while_nothing_listens() {
        let port = Port::take();
        assert!(WANTED.contains(&port.number()) && !systems_own().contains(&port.number()));
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
