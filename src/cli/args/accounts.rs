//! `account`.

use std::path::PathBuf;

use chrono::NaiveDate;
use clap::Subcommand;

use super::Json;

const ACCOUNT_EXAMPLES: &str = "Examples:
  mailtrail account add --kind bcc --provider google --address bcc@crm.example --refresh-token-file token
  mailtrail account add --kind bcc --provider imap --host mail.ours.example --address bcc@ours.example --password-file pw
  mailtrail account add --kind personal --address anna@ours.example --user anna@ours.example

A mailbox of kind team is not read; its address counts when it is asked whose mail it is.";

/// Account commands.
#[derive(Debug, Subcommand)]
pub enum AccountCommand {
    /// Watch another mailbox, or change one that is watched
    #[command(after_help = ACCOUNT_EXAMPLES)]
    Add(Box<AccountAdd>),
    /// Print every account with its state
    List(Json),
    /// Stop watching for now
    Pause(AccountName),
    /// Watch again; mail that came meanwhile is read
    Resume(AccountName),
    /// Stop watching; what is logged stays
    Remove(AccountName),
    /// Judge again every mail that was not logged
    Resync(AccountName),
}

/// The address that names an account.
#[derive(Debug, clap::Args)]
pub struct AccountName {
    /// Its mail address
    #[arg(value_name = "ADDRESS")]
    pub address: String,
}

/// A new account.
#[derive(Debug, clap::Args)]
pub struct AccountAdd {
    /// What its mail is for
    #[arg(long)]
    pub kind: crate::config::AccountKind,
    /// Who hosts it [default: whom the MX records of the address name]
    #[arg(long)]
    pub provider: Option<crate::config::Provider>,
    /// Its mail address
    #[arg(long)]
    pub address: String,
    /// Login of the CRM user it belongs to (personal and team accounts)
    #[arg(long, value_name = "LOGIN")]
    pub user: Option<String>,
    /// IMAP login, where it is not the address
    #[arg(long, value_name = "LOGIN")]
    pub imap_user: Option<String>,
    /// IMAP server, where it is not the provider's own
    #[arg(long)]
    pub host: Option<String>,
    /// TLS port of the IMAP server [default: 993]
    #[arg(long)]
    pub port: Option<u16>,
    /// How to log in: by a consent, without one (service account, application), or by password [default: oauth for google and microsoft, password for imap]
    #[arg(long)]
    pub auth: Option<crate::config::Auth>,
    /// File that holds the password
    #[arg(long, value_name = "FILE")]
    pub password_file: Option<PathBuf>,
    /// File that holds an OAuth refresh token, which is kept encrypted
    #[arg(long, value_name = "FILE")]
    pub refresh_token_file: Option<PathBuf>,
    /// Log mail from this day on (YYYY-MM-DD) [default: a dedicated mailbox from its first mail, a personal one from now]
    #[arg(long, value_name = "DATE")]
    pub since: Option<NaiveDate>,
}
