//! Davy itself: the binary as built, as a process of its own.

use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus};
use std::time::Duration;

use tempfile::TempDir;
use tokio::sync::watch;

use crate::{Port, Process, ready, until_within};

/// How long a start may take: replay on a busy machine included.
const START_WITHIN: Duration = Duration::from_secs(60);

/// The binary beside the tests; by hand also another build of it, which `DAVY_TEST_BINARY` names.
pub fn binary() -> PathBuf {
    if let Some(given) = std::env::var_os("DAVY_TEST_BINARY") {
        return PathBuf::from(given);
    }
    let test = std::env::current_exe().expect("a test knows its own path");
    let profile = test.parent().and_then(Path::parent).expect("tests lie in target/<profile>/deps");
    let binary = profile.join("davy");
    assert!(binary.exists(), "{} is missing; run: cargo build --workspace", binary.display());
    binary
}

/// A command's end and what it said.
#[derive(Debug)]
pub struct Run {
    /// How it ended.
    pub status: ExitStatus,
    /// Standard output.
    pub out: String,
    /// Standard error.
    pub err: String,
}

impl Run {
    /// Its exit code.
    pub fn code(&self) -> i32 {
        self.status.code().expect("it was not ended by a signal")
    }

    /// Standard output of a run that must have gone well.
    #[track_caller]
    pub fn succeeded(self) -> String {
        assert!(self.status.success(), "exit {:?}\n{}\n{}", self.status.code(), self.out, self.err);
        self.out
    }
}

/// Runs a command of Davy to its end.
pub fn run<S: AsRef<std::ffi::OsStr>>(arguments: impl IntoIterator<Item = S>) -> Run {
    run_with(Command::new(binary()).args(arguments))
}

/// Runs any command to its end.
pub fn run_with(command: &mut Command) -> Run {
    let output = command.stdin(std::process::Stdio::null()).output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
    Run { status: output.status, out: text(output.stdout), err: text(output.stderr) }
}

/// `davy up` on a data folder of its own.
#[derive(Debug)]
pub struct Davy {
    folder: TempDir,
    arguments: Vec<String>,
    /// What it trusts instead of what the machine trusts.
    authority: Option<PathBuf>,
    grpc: watch::Sender<String>,
    http: String,
    /// Of gRPC, of HTTP, and of the broker inside, if it has one: kept over kills, for clients call there meanwhile.
    ports: (Port, Port, Option<Port>),
    process: Option<Process>,
}

impl Davy {
    /// Starts with a site on a broker and waits until every part is ready.
    pub async fn start(site: &str, mqtt: &str) -> Self {
        let mut davy = Self::prepare(site, mqtt);
        davy.start_again().await;
        davy
    }

    /// The same without starting it yet.
    pub fn prepare(site: &str, mqtt: &str) -> Self {
        Self::with(site, &["--mqtt", mqtt], None)
    }

    /// One that is its own broker, not started yet; a start again keeps the port.
    pub fn embedded(site: &str, arguments: &[&str]) -> Self {
        let port = Port::take();
        let listen = format!("127.0.0.1:{}", port.number());
        Self::with(site, &[&["--mqtt-listen", listen.as_str()], arguments].concat(), Some(port))
    }

    fn with(site: &str, arguments: &[&str], mqtt: Option<Port>) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        std::fs::write(folder.path().join("site.toml"), site).expect("a site file can be written");
        let arguments = arguments.iter().map(|it| (*it).to_owned()).collect();
        Self {
            folder,
            arguments,
            authority: None,
            grpc: watch::Sender::new(String::new()),
            http: String::new(),
            ports: (Port::take(), Port::take(), mqtt),
            process: None,
        }
    }

    /// From the next start on it trusts this authority instead of those that the machine trusts.
    #[must_use]
    pub fn trusting(mut self, authority: &Path) -> Self {
        self.authority = Some(authority.to_owned());
        self
    }

    /// Starts on the folder as it is and waits until every part is ready.
    pub async fn start_again(&mut self) {
        self.launch();
        self.wait_ready().await;
    }

    /// Starts without waiting.
    pub fn launch(&mut self) {
        assert!(self.process.is_none(), "davy runs already");
        let mut command = Command::new(binary());
        command.current_dir(self.folder.path()).args(["up", "--site"]).arg(self.site()).arg("--data").arg(self.data());
        let listen = |port: &Port| format!("127.0.0.1:{}", port.number());
        command.args(["--grpc-listen", &listen(&self.ports.0), "--http-listen", &listen(&self.ports.1)]).args(&self.arguments);
        if let Some(authority) = &self.authority {
            command.env("SSL_CERT_FILE", authority).env_remove("SSL_CERT_DIR");
        }
        self.process = Some(Process::start("davy", &mut command));
    }

    /// Waits until the addresses are said and `/readyz` is 200.
    pub async fn wait_ready(&mut self) {
        self.wait_addresses().await;
        let (http, process) = (self.http.clone(), self.process.as_mut().expect("davy was started"));
        until_within(START_WITHIN, "/readyz is 200", async || {
            assert!(process.ended().is_none(), "davy ended before it was ready\n{}", process.err().join("\n"));
            ready(&http).await.then_some(())
        })
        .await;
    }

    /// Waits until the addresses are said, ready or not.
    pub async fn wait_addresses(&mut self) {
        let process = self.process.as_mut().expect("davy was started");
        let addresses = until_within(START_WITHIN, "davy says its addresses", async || {
            assert!(process.ended().is_none(), "davy ended while starting: {:?}\n{}", process.ended(), process.err().join("\n"));
            let lines = [process.out(), process.err()].concat();
            Some((address(&lines, "grpc")?, address(&lines, "http")?))
        });
        let (grpc, http) = addresses.await;
        self.http = http;
        self.grpc.send_replace(grpc);
    }

    /// kill -9.
    pub fn kill(&mut self) {
        self.process = None;
    }

    /// SIGTERM; how it ended and how long that took.
    pub async fn terminate(&mut self) -> (ExitStatus, Duration) {
        let mut process = self.process.take().expect("davy runs");
        process.terminate(Duration::from_secs(30)).await
    }

    /// Where gRPC is served now.
    pub fn grpc(&self) -> String {
        self.grpc.borrow().clone()
    }

    /// The same, for those who follow it over restarts.
    pub fn addresses(&self) -> watch::Receiver<String> {
        self.grpc.subscribe()
    }

    /// The HTTP pages' address, host and port.
    pub fn http(&self) -> &str {
        &self.http
    }

    /// The port of the broker inside on 127.0.0.1.
    pub fn mqtt(&self) -> u16 {
        self.ports.2.as_ref().expect("davy is its own broker").number()
    }

    /// The process.
    pub fn process(&self) -> &Process {
        self.process.as_ref().expect("davy runs")
    }

    /// Its site file.
    pub fn site(&self) -> PathBuf {
        self.folder.path().join("site.toml")
    }

    /// Its data folder.
    pub fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// A folder for the test's own files, gone with this Davy.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Bytes that the data folder takes on disk.
    pub fn disk_bytes(&self) -> u64 {
        disk_bytes(&self.data())
    }
}

fn disk_bytes(path: &Path) -> u64 {
    use std::os::unix::fs::MetadataExt;
    // A file may be gone between the look at its folder and the look at it.
    let Ok(metadata) = path.symlink_metadata() else { return 0 };
    let below = if metadata.is_dir() { std::fs::read_dir(path).ok() } else { None };
    let below = below.into_iter().flatten().filter_map(Result::ok).map(|entry| disk_bytes(&entry.path()));
    metadata.blocks() * 512 + below.sum::<u64>()
}

/// The address on the line that opens with this word, without its scheme.
fn address(lines: &[String], word: &str) -> Option<String> {
    let line = lines.iter().find(|line| line.split_whitespace().next().is_some_and(|first| first.eq_ignore_ascii_case(word)))?;
    let (_, address) = line.split_once("://")?;
    Some(address.split(['/', ' ', ',']).next()?.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read_from_the_first_lines() {
        let lines =
            ["mqtt    127.0.0.1:1883 topics", "grpc    http://127.0.0.1:4001", "http    http://127.0.0.1:4002/readyz and more"]
                .map(str::to_owned);
        assert_eq!(address(&lines, "grpc").as_deref(), Some("127.0.0.1:4001"));
        assert_eq!(address(&lines, "http").as_deref(), Some("127.0.0.1:4002"));
        assert_eq!(address(&lines, "mqtt"), None);
    }
}
