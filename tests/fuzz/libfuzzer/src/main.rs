//! libFuzzer around the target that `MAILTRAIL_FUZZ_TARGET` names; with `MAILTRAIL_FUZZ_SEEDS`, writes its seeds there first.
#![no_main]

use std::path::PathBuf;
use std::sync::OnceLock;

use fuzz_targets::target;

fn begin() -> fn(&[u8]) {
    // A panic of the IMAP parser is caught and ends the session (ARCHITECTURE.md): only what gets out is a finding.
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(|location| location.file()).unwrap_or_default();
        if !place.contains("imap-proto") {
            eprintln!("{panic}");
        }
    }));
    let name = std::env::var("MAILTRAIL_FUZZ_TARGET").unwrap_or_default();
    let Some(target) = target(&name) else { panic!("there is no target {name:?}") };
    if let Some(folder) = std::env::var_os("MAILTRAIL_FUZZ_SEEDS").map(PathBuf::from) {
        for (at, seed) in (target.seeds)().into_iter().enumerate() {
            std::fs::write(folder.join(format!("seed-{at}")), seed).unwrap_or_else(|error| panic!("{error}"));
        }
    }
    target.run
}

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    static RUN: OnceLock<fn(&[u8])> = OnceLock::new();
    RUN.get_or_init(begin)(data);
});
