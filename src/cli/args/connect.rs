//! `connect`.

pub(super) const EXAMPLES: &str = "Examples:
  mailtrail connect anna@ours.example               a browser on this machine
  mailtrail connect anna@ours.example --print-url   a browser anywhere
  mailtrail connect anna@ours.example --device      Microsoft, from a machine without a browser
  mailtrail connect anna@ours.example --link        a link for Anna, while `mailtrail run` runs
  mailtrail connect sales@ours.example --as anna@ours.example   a shared mailbox that Anna may open";

/// Whose consent is wanted, and how.
#[derive(Debug, clap::Args)]
pub struct Connect {
    /// The address of the account
    #[arg(value_name = "ADDRESS")]
    pub account: String,
    /// Who signs in, where it is not the account's own address
    #[arg(long = "as", value_name = "LOGIN")]
    pub signs_in_as: Option<String>,
    /// Show a code to be typed in a browser anywhere (RFC 8628)
    #[arg(long, conflicts_with_all = ["print_url", "link"])]
    pub device: bool,
    /// Open no browser; the address at which one ended can be pasted
    #[arg(long, conflicts_with = "link")]
    pub print_url: bool,
    /// Print a link by which the person connects it himself, once, on the service's own pages
    #[arg(long)]
    pub link: bool,
}
