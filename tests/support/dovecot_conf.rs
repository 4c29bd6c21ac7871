//! The configuration of a private Dovecot 2.3: XOAUTH2 by introspection, a static password, everything in one folder.

use std::path::Path;

/// Who owns the mail when the server runs as root.
const MAIL_USER: &str = "mail";

/// An OAuth server's introspection endpoint (RFC 7662); the client authenticates by the form (`client_secret_post`).
#[derive(Clone, Debug)]
pub struct Introspection {
    /// For example `http://127.0.0.1:PORT/introspect`.
    pub url: String,
    /// The resource server's client id.
    pub client_id: String,
    /// And its secret.
    pub client_secret: String,
}

/// What a test may choose.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Without it no token is accepted.
    pub introspection: Option<Introspection>,
    /// Keep every command; costs a copy of every byte, so benchmarks leave it off.
    pub record: bool,
    /// Connections one user may have; 0 for any number. Gmail's limit is 15.
    pub connections: u32,
    /// More lines for `dovecot.conf`.
    pub extra: String,
}

/// One attempt at starting: the folder and its ports.
pub struct Place<'a> {
    /// Everything lives here.
    pub folder: &'a Path,
    /// IMAP in clear.
    pub imap: u16,
    /// IMAP over TLS.
    pub imaps: u16,
    /// Who runs this process, for a server that is not started by root.
    pub own_user: &'a str,
    /// And its group.
    pub own_group: &'a str,
    /// The password of every user.
    pub password: &'a str,
}

impl Place<'_> {
    /// The user who owns the mail.
    pub fn mail_user(&self) -> (&str, &str) {
        if super::is_root() { (MAIL_USER, MAIL_USER) } else { (self.own_user, self.own_group) }
    }

    /// `dovecot.conf`.
    pub fn main_file(&self, options: &Options) -> String {
        let folder = self.folder.display();
        let Self { imap, imaps, password, .. } = self;
        let (user, group) = self.mail_user();
        let rawlog = if options.record { format!("rawlog_dir = {folder}/commands") } else { String::new() };
        let (token, plain) = (self.token_passdb(options), self.identity());
        let Options { connections, extra, .. } = options;
        format!(
            "base_dir = {folder}/base
state_dir = {folder}/state
log_path = {folder}/log
protocols = imap
listen = 127.0.0.1
login_greeting = {folder}
ssl = yes
ssl_cert = <{folder}/cert.pem
ssl_key = <{folder}/key.pem
ssl_min_protocol = TLSv1.2
disable_plaintext_auth = no
auth_mechanisms = plain login xoauth2 oauthbearer
auth_cache_size = 0
auth_failure_delay = 0
{token}
passdb {{
  driver = static
  mechanisms = plain login
  args = password={password}
}}
userdb {{
  driver = static
  args = uid={user} gid={group} home={folder}/mail/%u allow_all_users=yes
}}
first_valid_uid = 1
first_valid_gid = 1
mail_location = sdbox:~/mail
mail_fsync = never
mail_max_userip_connections = {connections}
mailbox_list_index = yes
imap_idle_notify_interval = 29 mins
namespace inbox {{
  inbox = yes
  separator = /
  mailbox Sent {{
    special_use = \\Sent
    auto = create
  }}
}}
service imap-login {{
  chroot =
  service_count = 0
  process_min_avail = 1
  inet_listener imap {{
    port = {imap}
  }}
  inet_listener imaps {{
    port = {imaps}
    ssl = yes
  }}
}}
service imap {{
  process_limit = 200
  service_count = 100
}}
# Without this a refused login delays the next one by up to 15 seconds.
service anvil {{
  chroot =
  unix_listener anvil-auth-penalty {{
    mode = 0
  }}
}}
{rawlog}
{plain}
{extra}
"
        )
    }

    /// The file the `oauth2` passdb reads.
    pub fn token_file(introspection: &Introspection) -> String {
        let Introspection { url, client_id, client_secret } = introspection;
        format!(
            "introspection_mode = post
introspection_url = {url}
force_introspection = yes
client_id = {client_id}
client_secret = {client_secret}
username_attribute = email
active_attribute = active
active_value = true
"
        )
    }

    fn token_passdb(&self, options: &Options) -> String {
        if options.introspection.is_none() {
            return String::new();
        }
        format!(
            "passdb {{
  driver = oauth2
  mechanisms = xoauth2 oauthbearer
  args = {}/oauth2.conf
}}",
            self.folder.display()
        )
    }

    /// Root lets Dovecot use its own users; anyone else can only be themselves, without chroot.
    fn identity(&self) -> String {
        if super::is_root() {
            return String::new();
        }
        format!(
            "default_internal_user = {0}
default_internal_group = {1}
default_login_user = {0}
service stats {{
  chroot =
}}",
            self.own_user, self.own_group
        )
    }
}
