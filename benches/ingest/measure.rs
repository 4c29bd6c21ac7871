//! Wall time, CPU time and peak memory of one program.
//!
//! `getrusage(RUSAGE_CHILDREN)` is exact, but sums up all children a process ever had. So each program is run by a
//! fresh, small copy of this one, which has no other child.

use std::path::Path;
use std::process::{Command, ExitCode};
use std::time::{Duration, Instant};

use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::TimeVal;

/// First argument of the copy that measures.
pub const ROLE: &str = "measure";

/// What a program took.
#[derive(Clone, Debug)]
pub struct Measured {
    /// From its start to its end.
    pub wall: Duration,
    /// User and system.
    pub cpu: Duration,
    /// Peak resident memory.
    pub peak_bytes: u64,
    /// Its standard output.
    pub output: String,
}

/// Runs a program to its end; another exit code than 0 ends the benchmark.
pub fn run(program: &Path, arguments: &[String]) -> Measured {
    let report = tempfile::NamedTempFile::new().expect("a temporary file");
    let result = Command::new(std::env::current_exe().expect("our own path"))
        .arg(ROLE)
        .arg(report.path())
        .arg(program)
        .args(arguments)
        .output()
        .expect("a copy of this program starts");
    let errors = String::from_utf8_lossy(&result.stderr);
    assert!(result.status.success(), "{} {arguments:?}: {errors}", program.display());
    let report = std::fs::read_to_string(report.path()).expect("the report");
    let numbers: Vec<u64> = report.split_whitespace().map(|word| word.parse().expect("a number")).collect();
    Measured {
        wall: Duration::from_micros(numbers[0]),
        cpu: Duration::from_micros(numbers[1]),
        peak_bytes: numbers[2],
        output: String::from_utf8_lossy(&result.stdout).into_owned(),
    }
}

/// The copy: report file, program, arguments.
pub fn act(mut words: impl Iterator<Item = String>) -> ExitCode {
    let (report, program) = (words.next().expect("a report file"), words.next().expect("a program"));
    let start = Instant::now();
    let status = Command::new(program).args(words).status().expect("the program starts");
    let wall = start.elapsed().as_micros();
    let usage = getrusage(UsageWho::RUSAGE_CHILDREN).expect("getrusage");
    let cpu = micros(usage.user_time()) + micros(usage.system_time());
    let peak = usage.max_rss() * 1024;
    std::fs::write(report, format!("{wall} {cpu} {peak}")).expect("the report");
    if status.success() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn micros(time: TimeVal) -> i64 {
    time.tv_sec() * 1_000_000 + time.tv_usec()
}
