//! Lines for people, JSON Lines for programs.

use std::fmt;
use std::io::{self, BufWriter, StdoutLock, Write};

use serde::Serialize;

/// Whoever reads standard output went away: no failure of ours, and the end of a list.
#[derive(Debug, thiserror::Error)]
#[error("nobody reads the output any more")]
pub(super) struct ReaderGone;

fn unwritten(error: io::Error) -> anyhow::Error {
    if error.kind() == io::ErrorKind::BrokenPipe { ReaderGone.into() } else { error.into() }
}

/// Standard output, for one or the other.
pub(super) struct Output {
    out: BufWriter<StdoutLock<'static>>,
    json: bool,
    empty: bool,
}

impl Output {
    pub(super) fn new(json: bool) -> Self {
        Self { out: BufWriter::new(io::stdout().lock()), json, empty: true }
    }

    /// One record: as JSON, or as the line that `text` makes of it.
    pub(super) fn record<T: Serialize>(&mut self, record: &T, text: impl FnOnce(&T) -> String) -> anyhow::Result<()> {
        self.empty = false;
        if self.json {
            serde_json::to_writer(&mut self.out, record).map_err(|e| unwritten(e.into()))?;
            self.out.write_all(b"\n").map_err(unwritten)
        } else {
            writeln!(self.out, "{}", printable(&text(record))).map_err(unwritten)
        }
    }

    /// A line for people only.
    pub(super) fn line(&mut self, text: &str) -> anyhow::Result<()> {
        if !self.json {
            writeln!(self.out, "{}", printable(text)).map_err(unwritten)?;
        }
        Ok(())
    }

    /// Ends a list; people are told that there is nothing in it, and what would change that.
    pub(super) fn finish_list(mut self, nothing: &str) -> anyhow::Result<()> {
        if self.empty {
            self.line(nothing)?;
        }
        self.finish()
    }

    /// Hands out what was written so far.
    pub(super) fn flush(&mut self) -> anyhow::Result<()> {
        self.out.flush().map_err(unwritten)
    }

    pub(super) fn finish(mut self) -> anyhow::Result<()> {
        self.out.flush().map_err(unwritten)
    }
}

/// A line about what was done. `println!` would panic where the reader went away: it has read enough, and what is left to
/// do is done all the same.
pub(super) fn say(line: impl fmt::Display) -> anyhow::Result<()> {
    match writeln!(io::stdout().lock(), "{}", printable(&line.to_string())) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(error.into()),
        _ => Ok(()),
    }
}

/// A line about what went wrong. Where nobody reads these, the exit code is left to tell.
pub(super) fn complain(line: impl fmt::Display) {
    let _ = writeln!(io::stderr().lock(), "{}", printable(&line.to_string()));
}

/// Without control characters other than line ends and tabs: a subject must not drive the terminal.
fn printable(text: &str) -> String {
    text.chars().filter(|c| !c.is_control() || matches!(c, '\n' | '\t')).collect()
}
