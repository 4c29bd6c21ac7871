//! Personal inboxes: what they cost on the wire, in memory and in time.

mod correspondence;
mod counter;
pub mod delivery;
pub mod idle;
pub mod inbox;
mod process;
mod watcher;

use super::arguments::Arguments;

/// Every target, one measurement after the other.
pub fn all(arguments: &Arguments) -> bool {
    let usual = Arguments { mode: arguments.mode.clone(), messages: None, ..*arguments };
    let kept = [inbox::measure(arguments), idle::measure(&usual), delivery::measure(&usual)];
    kept.into_iter().all(|kept| kept)
}
