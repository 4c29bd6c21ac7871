//! `mailtrail`: arguments in, exit code out.

use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    let args = mailtrail::cli::Args::parse();
    match mailtrail::runtime() {
        Ok(runtime) => runtime.block_on(mailtrail::cli::run(args)),
        Err(error) => {
            eprintln!("mailtrail: the runtime cannot be started: {error}");
            ExitCode::FAILURE
        }
    }
}
