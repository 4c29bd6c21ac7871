//! A running service, seen from outside.

use std::fs;
use std::process::{Child, Command};
use std::time::{Duration, Instant};

use crate::subject::Subject;

/// How long anything that is waited for may take.
const PATIENCE: Duration = Duration::from_secs(180);

/// A look reads the server's whole record.
const LOOKS_EVERY: Duration = Duration::from_millis(50);

/// A service that is told to stop when this is dropped.
pub struct Service {
    child: Child,
}

impl Service {
    /// Starts it, with these environment variables.
    pub fn start(subject: &Subject, environment: &[(&str, &str)]) -> Self {
        Self { child: subject.serve(environment) }
    }

    /// Waits for `done`, which is seen by looking: what another process has come to nobody tells.
    pub fn wait_until(&mut self, what: &str, mut done: impl FnMut() -> bool) {
        let start = Instant::now();
        while !done() {
            assert!(self.child.try_wait().expect("its state").is_none(), "the service ended while waiting for {what}");
            assert!(start.elapsed() < PATIENCE, "{what} did not come in time");
            std::thread::sleep(LOOKS_EVERY);
        }
    }

    /// Memory that is its own, and its share of what it shares, in KiB.
    pub fn pss_kib(&self) -> u64 {
        let text = fs::read_to_string(format!("/proc/{}/smaps_rollup", self.child.id())).expect("smaps_rollup");
        let line = text.lines().find_map(|line| line.strip_prefix("Pss:")).expect("a line for Pss");
        line.split_whitespace().next().and_then(|number| number.parse().ok()).expect("a number")
    }

    /// CPU time of all its threads so far. None of them ends while it runs idle.
    pub fn cpu(&self) -> Duration {
        let tasks = fs::read_dir(format!("/proc/{}/task", self.child.id())).expect("its threads");
        let nanos = tasks.map(|task| {
            // Nanoseconds on a processor are the first number.
            let text = fs::read_to_string(task.expect("a thread").path().join("schedstat")).unwrap_or_default();
            text.split_whitespace().next().and_then(|number| number.parse::<u64>().ok()).unwrap_or(0)
        });
        Duration::from_nanos(nanos.sum())
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        let told = Command::new("kill").args(["-TERM", &self.child.id().to_string()]).status();
        if !told.is_ok_and(|status| status.success()) {
            let _ = self.child.kill();
        }
        let _ = self.child.wait();
    }
}
