//! A child process whose output is kept and that never outlives its test.

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use crate::until_within;

/// Lines of output shown when a test fails.
const SHOWN: usize = 60;

/// A running child; killed when dropped.
#[derive(Debug)]
pub struct Process {
    name: String,
    child: Child,
    out: Arc<Mutex<Vec<String>>>,
    err: Arc<Mutex<Vec<String>>>,
}

impl Process {
    /// Starts it with its output caught.
    pub fn start(name: &str, command: &mut Command) -> Self {
        let spawned = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
        let mut child = spawned.unwrap_or_else(|error| panic!("start {name}: {error}"));
        let out = collect(child.stdout.take().expect("stdout is piped"));
        let err = collect(child.stderr.take().expect("stderr is piped"));
        Self { name: name.to_owned(), child, out, err }
    }

    /// Its process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Standard output so far.
    pub fn out(&self) -> Vec<String> {
        self.out.lock().expect("no reader panics").clone()
    }

    /// Standard error so far.
    pub fn err(&self) -> Vec<String> {
        self.err.lock().expect("no reader panics").clone()
    }

    /// How it ended, if it has.
    pub fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().expect("a child can be asked")
    }

    /// Sends SIGKILL and waits for the end.
    pub fn kill(&mut self) {
        // An error means that it has ended already, which is what is wanted.
        drop(self.child.kill());
        self.child.wait().expect("a child can be waited for");
    }

    /// Sends a signal by name, such as TERM.
    pub fn signal(&self, name: &str) {
        let sent = Command::new("kill").arg(format!("-{name}")).arg(self.id().to_string()).status();
        assert!(sent.expect("kill is part of every system").success(), "kill -{name} {}", self.name);
    }

    /// Sends SIGTERM; how it ended and how long that took.
    pub async fn terminate(&mut self, within: Duration) -> (ExitStatus, Duration) {
        let asked = Instant::now();
        self.signal("TERM");
        let name = self.name.clone();
        let status = until_within(within, &format!("{name} ends after SIGTERM"), async || self.ended()).await;
        (status, asked.elapsed())
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
        if std::thread::panicking() {
            for (stream, lines) in [("out", self.out()), ("err", self.err())] {
                for line in &lines[lines.len().saturating_sub(SHOWN)..] {
                    eprintln!("{} {stream}| {line}", self.name);
                }
            }
        }
    }
}

fn collect(stream: impl Read + Send + 'static) -> Arc<Mutex<Vec<String>>> {
    let lines = Arc::new(Mutex::new(Vec::new()));
    let kept = Arc::clone(&lines);
    // Ends with the child's end of the pipe.
    std::thread::spawn(move || {
        let mut reader = BufReader::new(stream);
        let mut line = Vec::new();
        while reader.read_until(b'\n', &mut line).is_ok_and(|bytes| bytes > 0) {
            kept.lock().expect("no reader panics").push(String::from_utf8_lossy(&line).trim_end().to_owned());
            line.clear();
        }
    });
    lines
}
