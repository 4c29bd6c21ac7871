//! Memory and open files of a process over time.

use std::fs;
use std::time::Duration;

/// What the last quarter may have on top of the first one.
const GROWTH: f64 = 1.05;
const SLACK_KIB: f64 = 2_048.0;
const SLACK_FILES: f64 = 4.0;

/// Caches fill at first: so much of the time does not count.
const WARM_UP: f64 = 0.25;

#[derive(Clone, Copy)]
struct Sample {
    at: Duration,
    /// Its heap and stacks: pages of the program itself are shared with whoever else runs it.
    own_kib: u64,
    files: u64,
}

pub struct Samples {
    length: Duration,
    taken: Vec<Sample>,
}

impl Samples {
    pub fn new(length: Duration) -> Self {
        println!("{:>8} {:>10} {:>10} {:>6} {:>10}", "seconds", "own KiB", "PSS KiB", "files", "delivered");
        Self { length, taken: Vec::new() }
    }

    pub fn take(&mut self, process: u32, at: Duration, delivered: u64) {
        let text = fs::read_to_string(format!("/proc/{process}/smaps_rollup")).expect("the service runs");
        let number = |name: &str| -> u64 {
            let line = text.lines().find_map(|line| line.strip_prefix(name)).expect("a line for it");
            line.split_whitespace().next().and_then(|number| number.parse().ok()).expect("a number")
        };
        let (own_kib, pss_kib) = (number("Pss_Anon:"), number("Pss:"));
        let files = fs::read_dir(format!("/proc/{process}/fd")).expect("its files").count() as u64;
        if self.taken.len().is_multiple_of(12) {
            println!("{:>8} {own_kib:>10} {pss_kib:>10} {files:>6} {delivered:>10}", at.as_secs());
        }
        self.taken.push(Sample { at, own_kib, files });
    }

    /// Whether the last quarter is like the first.
    pub fn judge(&self) -> bool {
        let begin = self.length.mul_f64(WARM_UP);
        let warm: Vec<Sample> = self.taken.iter().copied().filter(|sample| sample.at >= begin).collect();
        let quarter = warm.len() / 4;
        if quarter == 0 {
            return crate::told("too few samples: let it run longer", false);
        }
        let (first, last) = (&warm[..quarter], &warm[warm.len() - quarter..]);
        let memory = |part: &[Sample]| median(part.iter().map(|sample| sample.own_kib));
        let files = |part: &[Sample]| median(part.iter().map(|sample| sample.files));
        let flat = told("KiB of memory of its own", memory(first), memory(last), memory(first) * GROWTH + SLACK_KIB);
        flat & told("open files", files(first), files(last), files(first) + SLACK_FILES)
    }
}

fn median(values: impl Iterator<Item = u64>) -> f64 {
    let mut values: Vec<u64> = values.collect();
    values.sort_unstable();
    values[values.len() / 2] as f64
}

fn told(what: &str, first: f64, last: f64, most: f64) -> bool {
    let words =
        format!("{what}, medians: {first} in the first quarter after warm-up, {last} in the last (at most {most:.0})");
    crate::told(&words, last <= most)
}
