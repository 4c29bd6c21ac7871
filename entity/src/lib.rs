//! mailtrail's tables as SeaORM entities: what a CRM in Rust reads the timeline with.
//!
//! Text columns with a fixed set of values name the values in their documentation. Times are UTC to the microsecond.
//! `*_folded` columns are for comparison (lower-case, domain as A-labels), their neighbours are as written.
//! Only mailtrail writes `activity`, `ledger`, `mailbox`, `sighting` and what hangs on them; contacts, companies and
//! deals may be written by the CRM too, if it keeps the folded columns right.

pub mod account;
pub mod account_user;
pub mod account_workspace;
pub mod activity;
pub mod activity_company;
pub mod activity_contact;
pub mod activity_deal;
pub mod attachment;
pub mod attempt;
pub mod audit;
pub mod company;
pub mod company_domain;
pub mod consent;
pub mod contact;
pub mod contact_address;
pub mod contact_company;
pub mod deal;
pub mod deal_contact;
pub mod grant;
pub mod late_attachment;
pub mod lease;
pub mod ledger;
pub mod mailbox;
pub mod never_log;
pub mod notice;
pub mod outbox;
pub mod outbox_counter;
pub mod pending_reference;
pub mod quarantine;
pub mod review;
pub mod setting;
pub mod sighting;
pub mod thread;
pub mod thread_message;
pub mod tombstone;
pub mod usage;
pub mod user;
pub mod user_address;
pub mod webhook;
pub mod webhook_lane;
pub mod worker;
pub mod workspace;

pub mod prelude;
