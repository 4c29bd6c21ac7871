//! Where messages come from: a mailbox on an IMAP server, and the plan of what to fetch from it.
//!
//! [`plan()`] and [`choice`] are pure. [`imap`] is the only user of `async_imap`; nothing it can say changes a mailbox: it sends EXAMINE,
//! LIST, STATUS, UID SEARCH, UID FETCH with `BODY.PEEK`, IDLE and NOOP, and no other command exists in it.

pub mod choice;
pub mod imap;
pub mod plan;
pub mod uid;

pub use imap::{
    Bodies, Body, Budget, Capabilities, Endpoint, Header, Interrupt, Limits, Listed, Login, MailboxInfo, Mark, Meter,
    Polled, Role, Security, Session, Spent, Waited, asks_to_slow_down, client_config, connect, reach, shrink,
};
/// A message's share of the memory budget, given back when it is dropped.
pub type Permit = tokio::sync::OwnedSemaphorePermit;

/// Where messages arrive, in UID order.
pub type Arrivals = tokio::sync::mpsc::Receiver<Body>;

#[doc(hidden)]
pub use imap::probe;
pub use plan::{Cursor, Selected, Step, plan};
pub use uid::Uid;
