//! What a message says: pure functions from bytes to values. The only place that knows `mail_parser`.

pub mod address;
pub mod authentication;
pub mod automatic;
pub mod bounce;
mod charset;
pub mod content;
pub mod domain;
mod encoded_word;
pub mod envelope;
mod failure;
mod fields;
mod file_name;
mod forms;
pub mod forwarded;
pub mod message;
pub mod message_id;
mod parameters;
mod parties;
mod plain;
mod prefixes;
pub mod reply;
mod structure;
pub mod subject;
mod tags;
mod transfer;
