//! The provider spoken to as a client would: raw bytes over real sockets.

#[cfg(test)]
mod client;

#[cfg(test)]
mod faults;

#[cfg(test)]
mod imap;

#[cfg(test)]
mod oauth;

#[cfg(test)]
mod sync;
