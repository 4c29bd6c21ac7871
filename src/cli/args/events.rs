//! `events` and `webhook`.

use std::path::PathBuf;

use clap::Subcommand;
use uuid::Uuid;

pub(super) const EXAMPLES: &str = "Examples:
  mailtrail events list --json
  mailtrail events --follow --json                      what happens from now on
  mailtrail events --follow --since EVENT               and what happened after that event";

/// What to print of events.
#[derive(Debug, clap::Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct Events {
    /// A list
    #[command(subcommand)]
    pub command: Option<EventsCommand>,
    /// The same without a word
    #[command(flatten)]
    pub listing: Listing,
}

/// Events commands.
#[derive(Debug, Subcommand)]
pub enum EventsCommand {
    /// Print them, oldest first
    List(Listing),
}

/// Which events, and how.
#[derive(Debug, clap::Args)]
pub struct Listing {
    /// Print what happens from now on, until stopped
    #[arg(long)]
    pub follow: bool,
    /// Only what happened after this event
    #[arg(long, value_name = "EVENT")]
    pub since: Option<Uuid>,
    /// Print JSON Lines
    #[arg(long)]
    pub json: bool,
}

/// Webhook commands.
#[derive(Debug, Subcommand)]
pub enum WebhookCommand {
    /// Tell a URL what happens from now on; prints its signing secret, once
    Add(WebhookAdd),
    /// Print every webhook and how far it is
    List(super::Json),
    /// Deliver again, from where it stopped
    Enable(WebhookName),
    /// Deliver no longer; what happens meanwhile waits
    Disable(WebhookName),
    /// Forget a webhook
    Remove(WebhookName),
    /// Send a signed event to try it; 1 if it is not taken
    Test(WebhookName),
}

/// A webhook to add.
#[derive(Debug, clap::Args)]
pub struct WebhookAdd {
    /// Where events are sent: https://, or http:// on this machine
    pub url: String,
    /// Types of events, separated by commas [default: all]
    #[arg(long, value_name = "TYPES", value_delimiter = ',')]
    pub events: Vec<String>,
    /// File with the signing secret, where the receiver has made it: whsec_ and base64
    #[arg(long, value_name = "FILE")]
    pub secret_file: Option<PathBuf>,
}

/// Which webhook.
#[derive(Debug, clap::Args)]
pub struct WebhookName {
    /// Its identifier or its URL
    #[arg(value_name = "WEBHOOK")]
    pub name: String,
}
