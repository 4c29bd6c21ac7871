//! Lines for people, JSON Lines for programs.

use std::io::{self, BufWriter, StdoutLock, Write};

use serde::Serialize;

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
            serde_json::to_writer(&mut self.out, record)?;
            self.out.write_all(b"\n")?;
        } else {
            writeln!(self.out, "{}", printable(&text(record)))?;
        }
        Ok(())
    }

    /// A line for people only.
    pub(super) fn line(&mut self, text: &str) -> anyhow::Result<()> {
        if !self.json {
            writeln!(self.out, "{}", printable(text))?;
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

    pub(super) fn finish(mut self) -> anyhow::Result<()> {
        Ok(self.out.flush()?)
    }
}

/// Without control characters other than line ends and tabs: a subject must not drive the terminal.
fn printable(text: &str) -> String {
    text.chars().filter(|c| !c.is_control() || matches!(c, '\n' | '\t')).collect()
}

/// Whether the reader of our output went away, which is no failure of ours.
pub(super) fn is_broken_pipe(error: &anyhow::Error) -> bool {
    error.chain().any(|cause| {
        let io = cause.downcast_ref::<io::Error>();
        let json = cause.downcast_ref::<serde_json::Error>().and_then(serde_json::Error::io_error_kind);
        io.map(io::Error::kind).or(json) == Some(io::ErrorKind::BrokenPipe)
    })
}
