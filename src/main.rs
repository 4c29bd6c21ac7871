//! `mailtrail`: arguments in, exit code out.

use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    mailtrail::cli::main(mailtrail::cli::Args::parse())
}
