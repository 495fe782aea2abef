//! Other people's clients, as processes: the scripts under foreign/ and the examples under deploy/, with what `./tests/run` installed.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use crate::{Process, until_within};

/// A start of an interpreter on a busy machine, births and all rows included.
const WITHIN: Duration = Duration::from_secs(90);

/// Which Sparkplug library speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Library {
    /// pysparkplug 0.6.1, Python.
    PySparkplug,
    /// sparkplug-client 3.2.4, JavaScript.
    SparkplugClient,
    /// mqtt-spb-wrapper 2.1.2, Python.
    SpbWrapper,
}

/// How a peer ends when its rows are out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// By the library's own disconnect.
    Graceful,
    /// By SIGKILL: the broker speaks its Will.
    Killed,
    /// It stays until SIGTERM, and ends gracefully then.
    Stays,
}

/// An edge node of a library, publishing rows.
#[derive(Debug)]
pub struct Peer {
    process: Process,
}

impl Peer {
    /// Starts an edge node `group/node` with one device; rows are JSON objects with `ts` and `values`, one a line.
    pub fn start(library: Library, port: u16, path: [&str; 3], rows: &Path, end: End, more: &[&str]) -> Self {
        let [group, node, device] = path;
        let mut command = match library {
            Library::PySparkplug => python(".venv", "tests/foreign/pysparkplug_node.py"),
            Library::SpbWrapper => python(".venv-spb", "tests/foreign/spb_wrapper_node.py"),
            Library::SparkplugClient => {
                let mut node = Command::new("node");
                node.arg(installed("tests/foreign/node_modules").with_file_name("sparkplug_client_node.js"));
                node
            }
        };
        let end = match end {
            End::Graceful => "graceful",
            End::Killed => "killed",
            End::Stays => "stays",
        };
        command.args(["--port", &port.to_string(), "--group", group, "--node", node, "--device", device, "--end", end]);
        command.arg("--rows").arg(rows).args(more);
        Self { process: Process::start(&format!("{library:?}"), &mut command) }
    }

    /// Waits for a line that opens with a word, and gives the rest of it.
    pub async fn says(&mut self, word: &str) -> String {
        let process = &mut self.process;
        let what = format!("the peer says `{word}`");
        let said = until_within(WITHIN, &what, async || {
            // Asked before the lines: what it said last is caught by then or in the next look.
            let ended = process.ended();
            let line = process.out().into_iter().find_map(|line| line.strip_prefix(word).map(|rest| rest.trim().to_owned()));
            assert!(line.is_some() || ended.is_none_or(|status| status.success()), "it ended: {ended:?}");
            line
        });
        said.await
    }

    /// Waits until it has ended by itself.
    pub async fn ended(&mut self) {
        let process = &mut self.process;
        until_within(WITHIN, "the peer ends", async || process.ended().map(drop)).await;
    }

    /// How often it was asked for a rebirth, as far as its library tells.
    pub fn rebirths(&self) -> usize {
        self.process.out().iter().filter(|line| *line == "rebirth").count()
    }

    /// The process, to stop or to kill it.
    pub fn process(&mut self) -> &mut Process {
        &mut self.process
    }
}

/// A Python script of the project, to be run in one of its environments.
pub fn python(environment: &str, script: &str) -> Command {
    let mut command = Command::new(installed(environment).join("bin/python"));
    command.arg("-u").arg(root().join(script)).env("PYTHONDONTWRITEBYTECODE", "1");
    command
}

pub(crate) fn installed(path: &str) -> PathBuf {
    let path = root().join(path);
    assert!(path.exists(), "{} is missing; ./tests/run installs it", path.display());
    path
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the tests package lies in the workspace")
}
