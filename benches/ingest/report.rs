//! Tables of what was measured, against the targets.

use std::time::Duration;

use super::arguments::Store;
use super::drain::Drained;
use super::measure::Measured;

/// Client CPU a message, the gate: unlike wall time it hardly depends on what else the machine does.
const CPU_MICROS: u128 = 400;
/// Wall time against the raw drain.
const RATIO_SQLITE: f64 = 1.5;
const RATIO_POSTGRES: f64 = 2.0;
const PEAK_BYTES: u64 = 64 << 20;
/// 1,000 messages over 40 ms.
const DISTANCE: Duration = Duration::from_millis(1_500);
/// How much more memory a mailbox fifty times as large may take.
const GROWTH_BYTES: u64 = 8 << 20;

/// A drain and the ingest that followed it.
pub struct Pair {
    /// In the mailbox.
    pub messages: u64,
    /// The floor.
    pub raw: Drained,
    /// The program.
    pub ingest: Measured,
}

impl Pair {
    fn ratio(&self) -> f64 {
        self.ingest.wall.as_secs_f64() / self.raw.wall.as_secs_f64()
    }

    fn cpu_micros(&self) -> u128 {
        self.ingest.cpu.as_micros() / u128::from(self.messages)
    }

    fn print(&self) {
        println!(
            "{:>9} {:>8.1} {:>9.2} {:>9.2} {:>7.2} {:>11} {:>11} {:>9.1}",
            self.messages,
            mebibytes(self.raw.bytes),
            self.raw.wall.as_secs_f64(),
            self.ingest.wall.as_secs_f64(),
            self.ratio(),
            self.raw.cpu.as_micros() / u128::from(self.messages),
            self.cpu_micros(),
            mebibytes(self.ingest.peak_bytes),
        );
    }
}

/// CPU and memory decide; the wall ratio is told.
pub fn ingest(pairs: &[Pair], store: Store) -> bool {
    print(pairs);
    let target = if store == Store::Postgres { RATIO_POSTGRES } else { RATIO_SQLITE };
    let (ratio, cpu) = (median(pairs, Pair::ratio), median(pairs, Pair::cpu_micros));
    let peak = pairs.iter().map(|pair| pair.ingest.peak_bytes).max().unwrap_or_default();
    told(&format!("wall against the raw drain {ratio:.2} (target {target})"), ratio <= target);
    let cpu_kept = told(&format!("client CPU {cpu} µs a message (target {CPU_MICROS})"), cpu <= CPU_MICROS);
    let peak_kept = told(&format!("peak memory {:.1} MiB (target 64)", mebibytes(peak)), peak < PEAK_BYTES);
    cpu_kept && peak_kept
}

/// The time to have it all.
pub fn distance(pairs: &[Pair]) -> bool {
    print(pairs);
    let wall = median(pairs, |pair| pair.ingest.wall);
    let target = DISTANCE.mul_f64(pairs[0].messages as f64 / 1_000.0);
    told(&format!("{:.2} s over the distance (target {:.2})", wall.as_secs_f64(), target.as_secs_f64()), wall <= target)
}

/// The difference between a small and a large mailbox.
pub fn flat(pairs: &[Pair]) -> bool {
    print(pairs);
    let peaks = pairs.iter().map(|pair| pair.ingest.peak_bytes);
    let growth = peaks.clone().max().unwrap_or_default() - peaks.min().unwrap_or_default();
    told(&format!("peak memory differs by {:.1} MiB (target 8)", mebibytes(growth)), growth <= GROWTH_BYTES)
}

/// A fast wrong answer is no result.
pub fn check(verdicts: &[String], expected: impl Iterator<Item = &'static str>) {
    let expected: Vec<&str> = expected.collect();
    assert_eq!(verdicts.len(), expected.len(), "messages with a verdict");
    let wrong: Vec<String> = (1..)
        .zip(verdicts.iter().zip(&expected))
        .filter(|(_, (got, wanted))| got != *wanted)
        .map(|(uid, (got, wanted))| format!("UID {uid}: {got}, expected {wanted}"))
        .collect();
    assert!(wrong.is_empty(), "{} wrong verdicts, first {:?}", wrong.len(), &wrong[..wrong.len().min(5)]);
}

fn print(pairs: &[Pair]) {
    println!(
        "{:>9} {:>8} {:>9} {:>9} {:>7} {:>11} {:>11} {:>9}",
        "messages", "MiB", "raw s", "ingest s", "ratio", "raw µs/msg", "CPU µs/msg", "peak MiB"
    );
    pairs.iter().for_each(Pair::print);
}

/// One target, and whether it was met.
pub fn told(what: &str, kept: bool) -> bool {
    println!("{} {what}", if kept { "kept:  " } else { "missed:" });
    kept
}

/// The one in the middle.
pub fn median<P, T: PartialOrd>(pairs: &[P], of: impl Fn(&P) -> T) -> T {
    let mut values: Vec<T> = pairs.iter().map(of).collect();
    values.sort_by(|a, b| a.partial_cmp(b).expect("numbers"));
    values.swap_remove(values.len() / 2)
}

/// For people.
pub fn mebibytes(bytes: u64) -> f64 {
    bytes as f64 / f64::from(1 << 20)
}
