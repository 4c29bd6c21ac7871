//! Progress on a terminal. Where standard error is none, nothing is drawn.

use std::io::Read;

use indicatif::{ProgressBar, ProgressBarIter, ProgressStyle};

/// Shows how much of `input` was read; of `total` bytes where that is known.
pub fn reading<R: Read>(input: R, total: Option<u64>, what: &str) -> ProgressBarIter<R> {
    let (bar, template) = match total {
        Some(total) => (ProgressBar::new(total), "{msg} {wide_bar} {bytes}/{total_bytes} {eta}"),
        None => (ProgressBar::new_spinner(), "{msg} {spinner} {bytes} {elapsed}"),
    };
    if let Ok(style) = ProgressStyle::with_template(template) {
        bar.set_style(style);
    }
    bar.with_message(what.to_owned()).wrap_read(input)
}
