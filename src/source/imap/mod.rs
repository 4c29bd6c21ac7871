//! One session with one IMAP server, read-only.
//!
//! ```text
//! Session        what the worker asks for: mailboxes, examine, list, headers, bodies, wait
//!   │ fetch, bodies, idle        the commands, and what their answers mean
//! Wire           one tagged command after the other, its timeouts, and no answer lost
//!   │ answer                     imap-proto's types become ours; quirks: server words become Trouble
//! async_imap     buffers and parses
//!   │
//! Guard          bounds literals, lines and parentheses before anything is parsed
//!   │
//! TLS, TCP
//! ```
//!
//! `async_imap::Session` is never made: its FETCH, SEARCH, CAPABILITY and NOOP take a tagged NO, a BAD or the end of
//! the connection for an answer without messages, and its login keeps of a refusal only its Debug text. What is used is
//! the connection below, which reads and parses, and every command goes through `wire`.
//!
//! A panic of the parser is caught and ends the session like any unreadable answer; an account still runs in a task of
//! its own, so that one server can hurt nobody else.

mod answer;
mod bodies;
mod capabilities;
mod connect;
mod endpoint;
mod fetch;
mod guard;
mod idle;
mod login;
mod mailboxes;
mod meter;
#[doc(hidden)]
pub mod probe;
mod quirks;
mod read_ahead;
mod response_code;
mod scan;
mod session;
mod slices;
mod spoken;
#[cfg(test)]
mod tests;
mod tls;
mod wire;

pub use bodies::{Bodies, Body, Budget, Interrupt, shrink};
pub use capabilities::Capabilities;
pub use connect::{connect, reach};
pub use endpoint::{Endpoint, Limits, Login, Security};
pub use fetch::{Header, Listed};
pub use idle::{Polled, Waited};
pub use mailboxes::{MailboxInfo, Role};
pub use meter::{Mark, Meter, Spent};
pub use quirks::asks_to_slow_down;
pub use session::Session;
pub use tls::client_config;
