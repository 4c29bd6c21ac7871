//! `mailtrail`: arguments in, exit code out.

use std::process::ExitCode;

use clap::Parser;

/// A third of the CPU of an ingest was spent in the C library's allocator (`scripts/bench ingest`).
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    mailtrail::cli::main(mailtrail::cli::Args::parse())
}
