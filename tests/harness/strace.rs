//! What a process did, in order, seen by `strace` from outside.

use std::path::PathBuf;
use std::process::Command;

use tempfile::TempDir;

use crate::{Process, until};

const CALLS: &str = "trace=read,readv,recvfrom,recvmsg,write,writev,pwrite64,pwritev,pwritev2,sendto,sendmsg,fdatasync,fsync";

/// What a call was about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// A file, by its path.
    File(String),
    /// A TCP connection: port of this end, port of the other.
    Tcp(u16, u16),
    /// Anything else.
    Other,
}

/// One call; `begin` and `end` order all calls of the process: one that begins after another's end came after it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    /// `fdatasync` ...
    pub name: String,
    /// What it was about.
    pub target: Target,
    /// The bytes that were moved.
    pub bytes: Vec<u8>,
    /// When it was entered.
    pub begin: usize,
    /// When it came back.
    pub end: usize,
}

impl Call {
    /// It made a file's bytes durable.
    pub fn is_sync(&self) -> bool {
        ["fdatasync", "fsync"].contains(&self.name.as_str())
    }

    /// It took bytes in.
    pub fn is_read(&self) -> bool {
        ["read", "readv", "recvfrom", "recvmsg"].contains(&self.name.as_str())
    }

    /// It gave bytes out.
    pub fn is_write(&self) -> bool {
        !self.is_sync() && !self.is_read()
    }
}

/// A tracer at work; the traced process lives on when it is dropped.
#[derive(Debug)]
pub struct Strace {
    folder: TempDir,
    _tracer: Process,
}

impl Strace {
    /// Attaches to all threads of a process.
    pub async fn attach(process: &Process) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let id = process.id().to_string();
        let mut command = Command::new("strace");
        command.args(["-f", "-yy", "-xx", "-s", "4000000", "-e", CALLS, "-p", &id, "-o"]).arg(folder.path().join("calls"));
        let mut tracer = Process::start("strace", &mut command);
        until("strace has every thread", async || {
            assert!(tracer.ended().is_none(), "strace ended: {}", tracer.err().join("\n"));
            traced(&id).then_some(())
        })
        .await;
        Self { folder, _tracer: tracer }
    }

    /// The calls that came back so far.
    pub fn calls(&self) -> Vec<Call> {
        let path: PathBuf = self.folder.path().join("calls");
        parse(&std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display())))
    }
}

fn traced(id: &str) -> bool {
    let threads = std::fs::read_dir(format!("/proc/{id}/task")).expect("the process lives");
    threads.filter_map(Result::ok).all(|thread| {
        // A thread that has ended meanwhile needs no tracer.
        let Ok(status) = std::fs::read_to_string(thread.path().join("status")) else { return true };
        status.lines().any(|line| line.strip_prefix("TracerPid:").is_some_and(|tracer| tracer.trim() != "0"))
    })
}

/// Reads the output of `strace -f -yy -xx`; calls in the order they came back.
pub fn parse(text: &str) -> Vec<Call> {
    let mut open: Vec<(&str, usize, String)> = Vec::new();
    let mut calls = Vec::new();
    for (index, line) in text.lines().enumerate() {
        let Some((thread, rest)) = line.split_once(' ') else { continue };
        let rest = rest.trim_start();
        if let Some(start) = rest.strip_suffix(" <unfinished ...>") {
            open.push((thread, index, start.to_owned()));
        } else if rest.starts_with("<... ") {
            let Some((_, end)) = rest.split_once(" resumed>") else { continue };
            let Some(place) = open.iter().position(|(it, _, _)| *it == thread) else { continue };
            let (_, begin, start) = open.swap_remove(place);
            calls.extend(call(&format!("{start}{end}"), begin, index));
        } else {
            calls.extend(call(rest, index, index));
        }
    }
    calls
}

/// A finished call that went well.
fn call(text: &str, begin: usize, end: usize) -> Option<Call> {
    let (name, rest) = text.split_once('(')?;
    let (arguments, result) = rest.rsplit_once(") ")?;
    let result: i64 = result.trim_start().strip_prefix("= ")?.split_whitespace().next()?.parse().ok()?;
    if result < 0 {
        return None;
    }
    let quoted = arguments.split('"').skip(1).step_by(2).flat_map(unescape);
    // A read says how much of its buffer it filled; strace prints no more than that.
    Some(Call { name: name.to_owned(), target: target(arguments), bytes: quoted.collect(), begin, end })
}

fn target(arguments: &str) -> Target {
    let described = arguments.split_once('<').map_or("", |(_, rest)| rest);
    if let Some(ends) = described.strip_prefix("TCP:[").or_else(|| described.strip_prefix("TCPv6:[")) {
        let ports: Vec<u16> = ends.split(']').next().unwrap_or("").split("->").filter_map(port).collect();
        return if let [here, there] = ports[..] { Target::Tcp(here, there) } else { Target::Other };
    }
    let path = described.split(['<', '>']).next().unwrap_or("");
    let path = String::from_utf8_lossy(&unescape(path)).into_owned();
    if path.starts_with('/') { Target::File(path) } else { Target::Other }
}

fn port(end: &str) -> Option<u16> {
    end.rsplit_once(':')?.1.parse().ok()
}

fn unescape(text: &str) -> Vec<u8> {
    text.split("\\x").skip(1).filter_map(|hex| u8::from_str_radix(hex.get(..2)?, 16).ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_are_read_with_their_order() {
        let text = "\
1  write(3<\\x2f\\x6a>, \"\\x61\\x62\", 2) = 2
2  fdatasync(3<\\x2f\\x6a> <unfinished ...>
1  sendto(5<TCP:[127.0.0.1:56676->127.0.0.1:55343]>, \"\\x40\\x02\", 2, 0, NULL, 0) = 2
2  <... fdatasync resumed>) = 0
1  writev(3<\\x2f\\x6a>, [{iov_base=\"\\x61\", iov_len=1}, {iov_base=\"\\x62\", iov_len=1}], 2) = 2
1  read(9<TCP:[127.0.0.1:1->127.0.0.1:2]>, 0x1, 10) = -1 EAGAIN (Resource temporarily unavailable)
";
        let calls = parse(text);
        let names: Vec<_> = calls.iter().map(|it| (it.name.as_str(), it.begin, it.end)).collect();
        assert_eq!(names, [("write", 0, 0), ("sendto", 2, 2), ("fdatasync", 1, 3), ("writev", 4, 4)]);
        assert_eq!((calls[0].target.clone(), calls[0].bytes.as_slice()), (Target::File("/j".to_owned()), b"ab".as_slice()));
        assert_eq!((calls[1].target.clone(), calls[1].bytes.as_slice()), (Target::Tcp(56_676, 55_343), [0x40, 2].as_slice()));
        assert!(calls[2].is_sync() && calls[3].is_write() && calls[3].bytes == b"ab");
    }
}
