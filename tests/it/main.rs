//! Everything tried from outside: the program as it is shipped, against real protocols on loopback.
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test that cannot go on has failed"
)]

#[path = "../support/mod.rs"]
mod support;

mod alive;
mod architecture;
mod associations;
mod attachments;
mod attribution;
mod bcc;
mod bounces;
mod command_line;
mod commands;
mod connect;
mod connect_link;
mod doctor;
mod events;
mod events_commands;
mod faults_database;
mod faults_hostile;
mod faults_kill;
mod faults_list;
mod faults_login;
mod faults_mailbox;
mod faults_outage;
mod faults_poison;
mod faults_protocol;
mod faults_refused;
mod faults_service;
mod forwards;
mod forwards_inbox;
mod forwards_known;
mod forwards_review;
mod forwards_several;
mod hosts;
mod imports;
mod inbox;
mod inbox_edges;
mod inbox_late;
mod inbox_live;
mod inbox_modes;
mod keys;
mod late_attachments;
mod live;
mod metrics;
mod never_log;
mod notices;
mod notices_refused;
mod oddities;
mod questions;
mod readme;
mod recipients;
mod replies;
mod seams;
mod secrets;
mod sender;
mod servers;
mod service_identity;
mod shared_mailbox;
mod supervisor;
mod supervisor_manager;
mod workers;
mod workers_chaos;
mod workers_store;
