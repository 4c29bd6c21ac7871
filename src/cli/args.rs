//! What can be typed.

mod accounts;
mod connect;
mod events;

use std::path::PathBuf;

use clap::{CommandFactory, Parser, Subcommand};
use clap_complete::Shell;
use uuid::Uuid;

pub use accounts::{AccountAdd, AccountCommand, AccountName};
pub use connect::Connect;
pub use events::{Events, EventsCommand, Listing, WebhookAdd, WebhookCommand, WebhookName};

/// Logs the mail that belongs on a CRM timeline, once, with the reason.
#[derive(Debug, Parser)]
#[command(name = "mailtrail", version, after_help = FIRST_STEPS)]
pub struct Args {
    /// Configuration file [default: ./mailtrail.toml]
    #[arg(long, global = true, env = "MAILTRAIL_CONFIG", value_name = "FILE", display_order = 900)]
    pub config: Option<PathBuf>,
    /// The CRM tenant that the command is about
    #[arg(long, global = true, default_value = "default", value_name = "NAME", display_order = 901)]
    pub workspace: String,
    /// What to do
    #[command(subcommand)]
    pub command: Command,
}

const FIRST_STEPS: &str = "First steps:
  mailtrail import users users.csv
  mailtrail account add --kind bcc --provider google --address bcc@crm.example --refresh-token-file token
  mailtrail run --once
  mailtrail activity list";

/// Every command.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Watch every account until stopped
    Run {
        /// Read every account up to now, then exit; 1 if any failed
        #[arg(long)]
        once: bool,
    },
    /// Bring the database up to date with this version and the configuration (run does it too)
    Migrate,
    /// Check or print the configuration
    #[command(subcommand)]
    Config(ConfigCommand),
    /// Check everything there is to check, and say what is wrong and how to mend it; 1 if something failed
    Doctor(Json),
    /// Mirror the CRM's records: CSV or JSON Lines, updated by key
    #[command(after_help = IMPORT_COLUMNS)]
    Import(Import),
    /// CRM tenants
    #[command(subcommand)]
    Workspace(WorkspaceCommand),
    /// Logins at mail providers
    #[command(subcommand)]
    Account(AccountCommand),
    /// Let a person consent to an account being read
    #[command(after_help = connect::EXAMPLES)]
    Connect(Connect),
    /// Revoke the consent of an account and erase its tokens
    Disconnect(AccountName),
    /// Seal every token with the first key of the key file, so that older keys can be taken out of it
    #[command(after_help = REKEY_STEPS)]
    Rekey {
        /// Forget what no key of the file opens: accounts then have to be connected again
        #[arg(long)]
        lost: bool,
    },
    /// Print the BCC and the forwarding address of the workspace
    Address(Json),
    /// Addresses and domains whose mail is never logged
    #[command(subcommand)]
    NeverLog(NeverLogCommand),
    /// The timeline
    #[command(subcommand)]
    Activity(ActivityCommand),
    /// Contacts
    #[command(subcommand)]
    Contact(ContactCommand),
    /// Every verdict, logged or not
    #[command(subcommand)]
    Ledger(ListCommand),
    /// Why a mail was, or was not, logged
    #[command(
        override_usage = "mailtrail explain FILE
       mailtrail explain --message-id ID
       mailtrail explain --account ADDRESS [--mailbox MAILBOX] --uid UID",
        after_help = "Examples:
  mailtrail explain mail.eml
  mailtrail explain --message-id 20261122.1@ours.example
  mailtrail explain --account bcc@crm.example --uid 17"
    )]
    Explain(Explain),
    /// Put one mail of a personal inbox on the timeline, whatever it refers to
    #[command(after_help = "Example:
  mailtrail log --account anna@ours.example --mailbox INBOX --uid 17")]
    Log(LogRequest),
    /// What was seen of a personal inbox, what was opened, and what is kept of the rest
    Privacy(PrivacyRequest),
    /// What the parser sees in a mail; touches no database
    Inspect(Inspect),
    /// Look for messages on the server that were passed without a verdict; 1 if there is one
    Audit(AuditRequest),
    /// Messages set aside
    #[command(subcommand)]
    Quarantine(QuarantineCommand),
    /// Settle forwards that could not be processed
    #[command(subcommand)]
    Review(ReviewCommand),
    /// Messages to users that wait to be sent
    #[command(subcommand)]
    Notice(ListCommand),
    /// What happened, for other programs
    #[command(after_help = events::EXAMPLES)]
    Events(Events),
    /// URLs of other programs that are told what happens
    #[command(subcommand)]
    Webhook(WebhookCommand),
    /// Print a script that completes commands in a shell
    Completions {
        /// The shell
        shell: Shell,
    },
}

const REKEY_STEPS: &str = "To put a new key in the place of the old one:
  1. Put a line above the old key: head -c 32 /dev/urandom | base64
  2. Restart the service, then run this.
  3. Take the old line out, restart the service, and back the file up.";

const IMPORT_COLUMNS: &str = "Columns (CSV header, or keys of each JSON object; lists are ;-separated in CSV):
  users      login,name,aliases,seat(core|view-only),active
  companies  key,name,domains
  contacts   key,name,addresses,companies,primary_company,owner
  deals      key,name,stage(open|won|lost),created_at,contacts

If one line is bad, every bad line is reported and nothing is written.";

/// `--json` on its own.
#[derive(Debug, clap::Args)]
pub struct Json {
    /// Print JSON Lines
    #[arg(long)]
    pub json: bool,
}

/// How to audit.
#[derive(Debug, clap::Args)]
pub struct AuditRequest {
    /// Ask no server: show what the last audits found, also those that the service does by itself
    #[arg(long, conflicts_with = "heal")]
    pub last: bool,
    /// Judge messages that were passed without a verdict
    #[arg(long)]
    pub heal: bool,
    /// Print JSON Lines
    #[arg(long)]
    pub json: bool,
}

/// What to import.
#[derive(Debug, clap::Args)]
pub struct Import {
    /// Which records
    pub kind: super::import::Kind,
    /// CSV or JSON Lines; - reads standard input
    pub file: PathBuf,
}

/// Configuration commands.
#[derive(Debug, Subcommand)]
pub enum ConfigCommand {
    /// Report everything that is wrong with it; 2 if something is
    Check,
    /// Print the effective configuration, secrets redacted
    Show,
}

/// Workspace commands.
#[derive(Debug, Subcommand)]
pub enum WorkspaceCommand {
    /// Make a CRM tenant
    Add {
        /// Its name
        name: String,
        /// A mail domain of its own, repeatable: addresses there never become contacts
        #[arg(long = "own-domain", value_name = "DOMAIN")]
        own_domains: Vec<String>,
    },
    /// Print every tenant
    List(Json),
}

/// Never-log commands.
#[derive(Debug, Subcommand)]
pub enum NeverLogCommand {
    /// Put an address, a domain or *.domain on a list
    Add(NeverLogEntry),
    /// Take an entry off a list; only later mail is affected
    Remove(NeverLogEntry),
    /// Print the lists
    List(Json),
}

/// An entry of a never-log list.
#[derive(Debug, clap::Args)]
pub struct NeverLogEntry {
    /// Whose list [default: everybody's]
    #[arg(long, value_name = "LOGIN")]
    pub user: Option<String>,
    /// ann@secret.example, secret.example, *@secret.example, or *.secret.example for the domains below it
    pub entry: String,
}

/// Timeline commands.
#[derive(Debug, Subcommand)]
pub enum ActivityCommand {
    /// Print the timeline, newest first
    List {
        /// Print JSON Lines
        #[arg(long)]
        json: bool,
        /// At most so many [default: 50 for people, all as JSON]
        #[arg(long, value_name = "N")]
        limit: Option<u64>,
    },
    /// Print one activity
    Show {
        /// Its identifier
        id: Uuid,
        /// Print its HTML, sanitised, with no remote images
        #[arg(long, conflicts_with = "json")]
        html: bool,
        /// Print it as in `activity list --json`
        #[arg(long)]
        json: bool,
    },
}

/// Contact commands.
#[derive(Debug, Subcommand)]
pub enum ContactCommand {
    /// Print every contact
    List(Json),
    /// Delete a contact; mail does not bring it back
    Remove {
        /// One of its addresses
        address: String,
    },
}

/// A list.
#[derive(Debug, Subcommand)]
pub enum ListCommand {
    /// Print them, oldest first
    List(Json),
}

/// Which mail to explain.
#[derive(Debug, clap::Args)]
pub struct Explain {
    /// The mail as a file; - reads standard input
    #[arg(required_unless_present_any = ["message_id", "uid"], conflicts_with_all = ["message_id", "uid"])]
    pub file: Option<PathBuf>,
    /// Its Message-ID
    #[arg(long, value_name = "ID", conflicts_with = "uid")]
    pub message_id: Option<String>,
    /// The account it is in; of a file, the account whose rules it is judged by
    #[arg(long, value_name = "ADDRESS")]
    pub account: Option<String>,
    /// The mailbox it is in
    #[arg(long, default_value = "INBOX")]
    pub mailbox: String,
    /// Its UID there
    #[arg(long, requires = "account")]
    pub uid: Option<u32>,
    /// Print JSON Lines
    #[arg(long)]
    pub json: bool,
}

/// Which mail to log.
#[derive(Debug, clap::Args)]
pub struct LogRequest {
    /// The personal account it is in
    #[arg(long, value_name = "ADDRESS")]
    pub account: String,
    /// The mailbox it is in
    #[arg(long, default_value = "INBOX")]
    pub mailbox: String,
    /// Its UID there
    #[arg(long)]
    pub uid: u32,
    /// Print JSON Lines
    #[arg(long)]
    pub json: bool,
}

/// Whose inbox to report on.
#[derive(Debug, clap::Args)]
pub struct PrivacyRequest {
    /// The address of the account
    #[arg(value_name = "ADDRESS")]
    pub account: String,
    /// Print JSON Lines
    #[arg(long)]
    pub json: bool,
}

/// What to inspect.
#[derive(Debug, clap::Args)]
pub struct Inspect {
    /// Print JSON Lines
    #[arg(long)]
    pub json: bool,
    /// A mail, a folder of .eml files, or - for standard input
    pub path: PathBuf,
}

/// Quarantine commands.
#[derive(Debug, Subcommand)]
pub enum QuarantineCommand {
    /// Print what was set aside
    List(Json),
    /// Try a message again, or all of them
    Retry {
        /// Its identifier
        id: Option<Uuid>,
    },
    /// Forget a message; its verdict stays in the ledger
    Drop {
        /// Its identifier
        id: Uuid,
    },
}

/// Review commands.
#[derive(Debug, Subcommand)]
pub enum ReviewCommand {
    /// Print the forwards that wait
    List(Json),
    /// Log a forward on a contact, who is made if there is none
    Assign {
        /// Its identifier
        id: Uuid,
        /// The contact's address
        contact: String,
        /// The name of a new contact
        #[arg(long)]
        name: Option<String>,
    },
    /// Forget a forward; its verdict stays in the ledger
    Drop {
        /// Its identifier
        id: Uuid,
    },
}

/// Prints the completion script of a shell.
pub(super) fn completions(shell: Shell) {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Args::command(), "mailtrail", &mut script);
    // A reader that goes away early has read enough.
    let _ = std::io::Write::write_all(&mut std::io::stdout(), &script);
}
