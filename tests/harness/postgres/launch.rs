//! Where a server lives and how its processes are started.

use std::ffi::OsString;
use std::fs;
use std::os::unix::fs::{MetadataExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

use super::Kind;
use crate::foreign::installed;
use crate::{Process, until};

/// For every server: no password for who reaches 127.0.0.1, enough sessions for a test, messages in English. Tests end processes, not
/// machines: what the operating system was given is not lost by that, and nobody waits for the disk. The write-ahead log stays small, for
/// the machine's disk may be.
const SETTINGS: [&str; 8] = [
    "listen_addresses=127.0.0.1",
    "max_connections=60",
    "lc_messages=C",
    "timezone=UTC",
    "fsync=off",
    "shared_buffers=64MB",
    "min_wal_size=32MB",
    "max_wal_size=128MB",
];

/// With what TimescaleDB's library needs; the folder it runs in has no shared memory of its own, nothing asks who uses it, and of its
/// workers in the background, which Davy leaves alone, there are none: each database would have one that complains.
const APACHE: [&str; 5] = [
    "shared_preload_libraries=timescaledb",
    "timescaledb.telemetry_level=off",
    "dynamic_shared_memory_type=mmap",
    "timescaledb.license=apache",
    "timescaledb.max_background_workers=0",
];

/// What a server has on a disk of its own, of so many megabytes, which a test can fill.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Disk {
    /// Nothing.
    None,
    /// The tablespace `small`.
    Tables(u32),
    /// The write-ahead log.
    Log(u32),
}

/// A server's folder.
#[derive(Debug)]
pub(super) struct Place {
    kind: Kind,
    /// Sees a mount that nothing else sees, and which is gone with it.
    mounted: Option<Process>,
    /// What is `/` to the server.
    root: Option<PathBuf>,
    /// Below the root, where there is one; removed with this.
    folder: TempDir,
    /// A short way to the folder: the path of a socket has 107 bytes at most.
    short: Option<TempDir>,
}

impl Place {
    /// Makes a folder with an empty database cluster.
    pub(super) async fn make(kind: Kind, disk: Disk) -> Self {
        let temporary = || tempfile::tempdir().expect("a temporary folder");
        let mut place = match kind {
            // The data of the one in WebAssembly is in the memory of its process.
            Kind::Plain | Kind::Community => Self { kind, mounted: None, root: None, folder: temporary(), short: None },
            Kind::Apache => {
                let root = trixie();
                let folder = tempfile::tempdir_in(root.join("srv")).expect("a folder in that of Debian 13");
                let short = temporary();
                symlink(folder.path(), short.path().join("s")).expect("a symbolic link");
                Self { kind, mounted: None, root: Some(root), folder, short: Some(short) }
            }
        };
        if kind != Kind::Community {
            place.make_cluster(disk).await;
        }
        place
    }

    async fn make_cluster(&mut self, disk: Disk) {
        if is_root() {
            let mut chown = self.outside("chown");
            succeed(chown.arg("postgres:").arg(self.inside("")));
        }
        if let Disk::Tables(megabytes) | Disk::Log(megabytes) = disk {
            self.mounted = Some(mount(&self.folder.path().join("small"), megabytes).await);
        }
        let mut initdb = self.as_postgres("initdb");
        // `C` sorts text by its bytes, whatever the machine speaks.
        initdb.args(["--no-sync", "--auth=trust", "--username=postgres", "--encoding=UTF8", "--locale=C", "-D"]);
        initdb.arg(self.inside("data"));
        if let Disk::Log(_) = disk {
            initdb.arg("--wal-segsize=1").arg("--waldir").arg(self.inside("small/log"));
        }
        succeed(&mut initdb);
    }

    /// The disk of its own as the server sees it.
    pub(super) fn small(&self) -> PathBuf {
        self.inside("small")
    }

    /// A file on the disk of its own, as the test sees it.
    pub(super) fn ballast(&self) -> PathBuf {
        let mounted = self.mounted.as_ref().expect("the server has a disk of its own").id();
        let seen = self.folder.path().join("small/ballast");
        Path::new("/proc").join(mounted.to_string()).join("root").join(seen.strip_prefix("/").expect("an absolute path"))
    }

    /// Where the server's Unix socket is.
    pub(super) fn socket_folder(&self) -> PathBuf {
        self.short.as_ref().map_or_else(|| self.folder.path().to_owned(), |short| short.path().join("s"))
    }

    /// The command that is the server.
    pub(super) fn server(&self, port: u16, settings: &[String]) -> Command {
        if self.kind == Kind::Community {
            assert!(settings.is_empty(), "the server in WebAssembly takes no settings");
            let mut command = Command::new("setpriv");
            command.args(["--pdeathsig", "KILL", "node"]);
            command.arg(installed("tests/foreign/node_modules").with_file_name("timescaledb_community.mjs"));
            command.arg(port.to_string()).arg(self.folder.path().join(format!(".s.PGSQL.{port}")));
            return command;
        }
        let mut command = self.as_postgres("postgres");
        command.arg("-D").arg(self.inside("data")).arg("-p").arg(port.to_string()).arg("-k").arg(self.inside(""));
        let own: &[&str] = if self.kind == Kind::Apache { &APACHE } else { &[] };
        for setting in SETTINGS.iter().chain(own).copied().chain(settings.iter().map(String::as_str)) {
            command.arg("-c").arg(setting);
        }
        command
    }

    /// A path in the folder as the server sees it.
    fn inside(&self, path: &str) -> PathBuf {
        let folder = self.folder.path();
        let seen = self.root.as_ref().map_or(folder.to_owned(), |root| {
            Path::new("/").join(folder.strip_prefix(root).expect("the folder lies below the root"))
        });
        if path.is_empty() { seen } else { seen.join(path) }
    }

    /// A program of what is `/` to the server.
    fn outside(&self, program: &str) -> Command {
        let mut words: Vec<OsString> = Vec::new();
        if let Some(mounted) = &self.mounted {
            words.extend(["nsenter".into(), format!("--mount=/proc/{}/ns/mnt", mounted.id()).into()]);
        }
        if let Some(root) = &self.root {
            words.extend(["chroot".into(), root.into()]);
        }
        words.push(program.into());
        let mut command = Command::new(&words[0]);
        command.args(&words[1..]);
        command
    }

    /// A program of the server, which refuses to run as root, and which the kernel ends with the thread that starts it: should the test be
    /// killed, nothing of it is left.
    fn as_postgres(&self, program: &str) -> Command {
        let mut command = self.outside("setpriv");
        command.args(["--pdeathsig", "KILL"]);
        if is_root() {
            command.args(["--reuid=postgres", "--regid=postgres", "--init-groups"]);
        }
        // Where the caller stands may be closed to the other user.
        command.arg(programs(self.root.as_deref()).join(program)).current_dir("/");
        command
    }
}

/// Mounts a disk in memory where only the returned process and what joins it can see it: however a test ends, no mount is left.
async fn mount(folder: &Path, megabytes: u32) -> Process {
    assert!(is_root(), "a disk of its own is mounted, for which root is needed");
    fs::create_dir(folder).expect("a folder");
    let mut command = Command::new("setpriv");
    command.args(["--pdeathsig", "KILL", "unshare", "--mount", "sh", "-c"]);
    command.arg(
        "mount -t tmpfs -o mode=700,size=$1m tmpfs \"$0\" && chown --reference=\"$0/..\" \"$0\" && echo mounted && exec tail -f /dev/null",
    );
    command.arg(folder).arg(megabytes.to_string());
    let mut process = Process::start("disk", &mut command);
    until("the disk is mounted", async || {
        assert!(process.ended().is_none(), "no disk can be mounted: {:?}", process.err());
        process.out().contains(&"mounted".to_owned()).then_some(())
    })
    .await;
    process
}

fn is_root() -> bool {
    fs::metadata("/proc/self").expect("a system with /proc").uid() == 0
}

/// The folder that tests/trixie.sh makes, by the same rule.
fn trixie() -> PathBuf {
    let set = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let cache = set("DAVY_TEST_CACHE")
        .or_else(|| Some(set("XDG_CACHE_HOME")?.join("davy-tests")))
        .or_else(|| Some(set("HOME")?.join(".cache/davy-tests")));
    let root = cache.expect("a home folder").join("trixie-timescaledb");
    assert!(root.join("complete").exists(), "{} is missing; ./tests/run makes it", root.display());
    assert!(is_root(), "TimescaleDB's server runs in a folder of Debian 13, for which chroot and so root is needed");
    root
}

/// The newest server that Debian's package has put there.
fn programs(root: Option<&Path>) -> PathBuf {
    let all = PathBuf::from("/usr/lib/postgresql");
    let listed = root.map_or_else(|| all.clone(), |root| root.join("usr/lib/postgresql"));
    let versions = fs::read_dir(&listed).into_iter().flatten().flatten().filter(|it| it.path().join("bin/postgres").exists());
    let version = versions.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok()).max();
    let version = version.unwrap_or_else(|| panic!("no server in {}; ./tests/run installs it", listed.display()));
    all.join(version.to_string()).join("bin")
}

fn succeed(command: &mut Command) {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
}
