//! Where a server lives and how its processes are started.

use std::fs;
use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

use super::Kind;

/// For every server: no password for who reaches 127.0.0.1, enough sessions for a test, messages in English.
const SETTINGS: [&str; 4] = ["listen_addresses=127.0.0.1", "max_connections=60", "lc_messages=C", "timezone=UTC"];

/// A server's folder.
#[derive(Debug)]
pub(super) struct Place {
    folder: TempDir,
}

impl Place {
    /// Makes a folder with an empty database cluster.
    pub(super) fn make(kind: Kind) -> Self {
        match kind {
            Kind::Plain => Self::plain(),
        }
    }

    fn plain() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        if root() {
            succeed(Command::new("chown").arg("postgres:").arg(folder.path()));
        }
        let mut initdb = as_postgres(&programs().join("initdb"));
        // `C` sorts text by its bytes, whatever the machine speaks.
        initdb.args(["--no-sync", "--auth=trust", "--username=postgres", "--encoding=UTF8", "--locale=C", "-D"]);
        succeed(initdb.arg(folder.path().join("data")));
        Self { folder }
    }

    /// Where the server's Unix socket is.
    pub(super) fn socket_folder(&self) -> &Path {
        self.folder.path()
    }

    /// The command that is the server.
    pub(super) fn server(&self, port: u16, settings: &[String]) -> Command {
        let mut command = as_postgres(&programs().join("postgres"));
        command.arg("-D").arg(self.folder.path().join("data")).arg("-p").arg(port.to_string());
        command.arg("-k").arg(self.socket_folder());
        for setting in SETTINGS.into_iter().chain(settings.iter().map(String::as_str)) {
            command.arg("-c").arg(setting);
        }
        command
    }
}

pub(super) fn free_port() -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
    listener.local_addr().expect("a bound listener has an address").port()
}

/// A program of the server, which refuses to run as root, and which the kernel ends should the test be killed.
fn as_postgres(program: &Path) -> Command {
    let mut command = Command::new("setpriv");
    command.args(["--pdeathsig", "KILL"]);
    if root() {
        command.args(["--reuid=postgres", "--regid=postgres", "--init-groups"]);
    }
    // Where the caller stands may be closed to the other user.
    command.arg(program).current_dir("/");
    command
}

fn root() -> bool {
    fs::metadata("/proc/self").expect("a system with /proc").uid() == 0
}

/// The newest server that Debian's package `postgresql` has put here.
fn programs() -> PathBuf {
    let versions = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let version = |path: &PathBuf| path.file_name().and_then(|name| name.to_str()?.parse::<u32>().ok());
    let newest = versions.map(|entry| entry.path()).filter(|path| path.join("bin/postgres").exists()).max_by_key(version);
    newest.expect("no server under /usr/lib/postgresql; ./tests/run installs it").join("bin")
}

fn succeed(command: &mut Command) {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
}
