//! The server as a test holds it.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use chrono::{DateTime, Utc};
use tokio::net::TcpListener;
use tokio_util::sync::DropGuard;

use super::command::Command;
use super::fault::Fault;
use super::mailbox::{Kind, Mailbox, UidNext};
use super::profile::Profile;
use super::response::End;
use super::state::{Account, Delivery};
use super::when::When;
use super::{Push, Server, listener};
use crate::oauth::OAuthHandle;
use crate::tls::{self, Certificate};
use crate::{lock, must};

/// How users log in. A password that a user has always works.
#[derive(Clone)]
pub enum Logins {
    /// XOAUTH2 with live tokens of this server.
    OAuth(OAuthHandle),
    /// Passwords only.
    Passwords,
}

/// How a server is started.
#[derive(Clone)]
pub struct MailSettings {
    /// Whose server it behaves like.
    pub profile: Profile,
    /// How users log in.
    pub logins: Logins,
    /// The certificate it shows; `None` is plaintext.
    pub certificate: Option<Certificate>,
}

/// The running server; dropping it ends it and its connections.
pub struct MailServer {
    server: Arc<Server>,
    address: SocketAddr,
    ca_pem: String,
    _stop: DropGuard,
}

impl MailServer {
    /// Over TLS, with a good certificate, on a free port of 127.0.0.1.
    pub async fn start(profile: Profile, logins: Logins) -> Self {
        Self::start_with(MailSettings { profile, logins, certificate: Some(Certificate::Good) }).await
    }

    /// With a bad certificate, or with none.
    pub async fn start_with(settings: MailSettings) -> Self {
        let listener = must(TcpListener::bind("127.0.0.1:0").await, "no free port on 127.0.0.1");
        let address = must(listener.local_addr(), "the listener has no address");
        let oauth = match settings.logins {
            Logins::OAuth(handle) => Some(handle),
            Logins::Passwords => None,
        };
        let server = Server::new(settings.profile, oauth);
        let (config, ca_pem) = tls::server(settings.certificate.unwrap_or_default());
        tokio::spawn(listener::listen(Arc::clone(&server), listener, settings.certificate.map(|_| config)));
        let stop = server.stop.clone().drop_guard();
        Self { server, address, ca_pem, _stop: stop }
    }

    /// The port on 127.0.0.1, which is also `localhost`.
    pub fn port(&self) -> u16 {
        self.address.port()
    }

    /// The authority a client must trust.
    pub fn ca_pem(&self) -> &str {
        &self.ca_pem
    }

    /// Whose server it behaves like.
    pub fn profile(&self) -> Profile {
        self.server.profile
    }

    /// A user with the mailboxes of the profile.
    pub fn create_user(&self, address: &str, password: Option<&str>) {
        self.server.state().create_user(address, password);
    }

    /// The user is gone; its sessions end with the next command that needs a mailbox.
    pub fn remove_user(&self, address: &str) {
        self.server.state().remove_user(address);
    }

    /// Tokens of `delegate` open the mailbox of `owner` too, as with a shared mailbox.
    pub fn share(&self, owner: &str, delegate: &str) {
        self.server.state().share(owner, delegate);
    }

    /// A further mailbox, by its decoded name.
    pub fn create_mailbox(&self, user: &str, name: &str, attributes: &[&str]) {
        let profile = self.server.profile;
        self.account(user, |account| account.create_mailbox(profile, name, attributes, Kind::Mail));
    }

    /// Takes a mailbox away, as when All Mail is hidden from IMAP.
    pub fn remove_mailbox(&self, user: &str, name: &str) {
        self.account(user, |account| account.mailboxes.retain(|mailbox| !mailbox.is_called(name)));
    }

    /// Delivers these bytes as they are and answers their UID. INTERNALDATE is the UID in seconds after 2026-01-01.
    pub fn deliver(&self, user: &str, mailbox: &str, raw: impl AsRef<[u8]>) -> u32 {
        self.put(user, &Delivery { mailbox, raw: raw.as_ref(), date: None, uid: None })
    }

    /// With this INTERNALDATE.
    pub fn deliver_at(&self, user: &str, mailbox: &str, raw: impl AsRef<[u8]>, date: DateTime<Utc>) -> u32 {
        self.put(user, &Delivery { mailbox, raw: raw.as_ref(), date: Some(date), uid: None })
    }

    /// With this UID, even one below the last.
    pub fn deliver_uid(&self, user: &str, mailbox: &str, raw: impl AsRef<[u8]>, uid: u32) -> u32 {
        self.put(user, &Delivery { mailbox, raw: raw.as_ref(), date: None, uid: Some(uid) })
    }

    /// Puts other bytes in the place of a message, as a scanner does that holds attachments back.
    pub fn replace_raw(&self, user: &str, mailbox: &str, uid: u32, raw: impl AsRef<[u8]>) {
        let replaced = self.account(user, |account| account.replace_raw(mailbox, uid, raw.as_ref()));
        must(replaced.then_some(()).ok_or((user, mailbox, uid)), "no such message");
    }

    /// The message is gone from this mailbox; from Gmail's All Mail means from everywhere.
    pub fn expunge(&self, user: &str, mailbox: &str, uid: u32) {
        let found = self.account(user, |account| account.expunge(mailbox, uid));
        must(found.then_some(()).ok_or((user, mailbox, uid)), "no such message");
    }

    /// The same message in another mailbox too (on Gmail: a second label), with a UID of its own. To move it, expunge
    /// the first.
    pub fn copy(&self, user: &str, from: &str, uid: u32, to: &str) -> u32 {
        let copied = self.account(user, |account| account.copy(from, uid, to));
        must(copied.ok_or((from, uid, to)), "no such message or mailbox")
    }

    /// A new epoch: the messages stay, with the UIDs they have.
    pub fn set_uid_validity(&self, user: &str, mailbox: &str, uid_validity: u32) {
        self.mailbox(user, mailbox, |mailbox| mailbox.uid_validity = uid_validity);
    }

    /// A new epoch in which the messages are counted again from 1.
    pub fn renumber(&self, user: &str, mailbox: &str, uid_validity: u32) {
        self.mailbox(user, mailbox, |mailbox| {
            mailbox.uid_validity = uid_validity;
            mailbox.next_uid = 1;
            for message in std::mem::take(&mut mailbox.messages) {
                let uid = mailbox.next_uid;
                mailbox.put(super::mailbox::Message { uid, ..message });
            }
        });
    }

    /// What EXAMINE and STATUS say as UIDNEXT.
    pub fn set_uid_next(&self, user: &str, mailbox: &str, uid_next: UidNext) {
        self.mailbox(user, mailbox, |mailbox| mailbox.uid_next = uid_next);
    }

    /// The flags of a message, in every mailbox that shows it.
    pub fn set_flags(&self, user: &str, mailbox: &str, uid: u32, flags: &[&str]) {
        let flags: Vec<String> = flags.iter().map(|flag| (*flag).to_owned()).collect();
        let found = self.account(user, |account| account.set_flags(mailbox, uid, &flags));
        must(found.then_some(()).ok_or((user, mailbox, uid)), "no such message");
    }

    /// The flags a message has now.
    pub fn flags(&self, user: &str, mailbox: &str, uid: u32) -> Vec<String> {
        must(self.server.state().flags(user, mailbox, uid).ok_or((user, mailbox, uid)), "no such message")
    }

    /// The UIDs in a mailbox.
    pub fn uids(&self, user: &str, mailbox: &str) -> Vec<u32> {
        self.mailbox(user, mailbox, |mailbox| mailbox.messages.iter().map(|message| message.uid).collect())
    }

    /// The UIDVALIDITY of a mailbox.
    pub fn uid_validity(&self, user: &str, mailbox: &str) -> u32 {
        self.mailbox(user, mailbox, |mailbox| mailbox.uid_validity)
    }

    /// The next matching commands fail so. Of several that match, the oldest counted one is
    /// taken, and a standing one (`always`) only when there is none.
    pub fn inject(&self, when: When, fault: Fault) {
        lock(&self.server.faults).arm(when, fault);
    }

    /// Forgets the faults that have not happened.
    pub fn clear_faults(&self) {
        lock(&self.server.faults).clear();
    }

    /// Says this line to every session of the user (`None`: of everyone), in the middle of IDLE or between commands.
    pub fn say(&self, user: Option<&str>, line: &str) {
        self.push(user, Some(line), End::Open);
    }

    /// Ends the sessions of the user, with a BYE of these words.
    pub fn kick(&self, user: Option<&str>, words: &str) {
        self.push(user, Some(&format!("* BYE {words}")), End::Close);
    }

    /// Cuts the sessions of the user, without a word and without close_notify.
    pub fn cut(&self, user: Option<&str>) {
        self.push(user, None, End::Cut);
    }

    /// Every command so far, in the order of arrival.
    pub fn commands(&self) -> Vec<Command> {
        self.server.log.borrow().clone()
    }

    /// Forgets the commands so far.
    pub fn clear_commands(&self) {
        self.server.log.send_modify(Vec::clear);
    }

    /// Bytes of IMAP sent to clients, before TLS.
    pub fn bytes_sent(&self) -> u64 {
        self.server.sent.load(Ordering::Relaxed)
    }

    /// Sessions that are open now.
    pub fn open_sessions(&self) -> usize {
        self.server.pushes.receiver_count()
    }

    /// Connections accepted so far.
    pub fn connections(&self) -> u64 {
        self.server.sessions.load(Ordering::Relaxed)
    }

    /// The first command that fits, among those recorded or the next to come.
    pub async fn wait_for_command(&self, fits: impl Fn(&Command) -> bool) -> Command {
        let mut log = self.server.log.subscribe();
        let mut found = None;
        let seen = log.wait_for(|log| {
            found = log.iter().find(|command| fits(command)).cloned();
            found.is_some()
        });
        must(seen.await.map(drop), "the server is gone");
        must(found.ok_or("waited for it"), "no such command")
    }

    fn put(&self, user: &str, delivery: &Delivery<'_>) -> u32 {
        let uid = self.account(user, |account| account.deliver(delivery));
        must(uid.ok_or(delivery.mailbox), "no such mailbox")
    }

    fn account<T>(&self, user: &str, change: impl FnOnce(&mut Account) -> T) -> T {
        let result = change(must(self.server.state().account_mut(user).ok_or(user), "no such user"));
        self.server.changed();
        result
    }

    fn mailbox<T>(&self, user: &str, name: &str, change: impl FnOnce(&mut Mailbox) -> T) -> T {
        let mut state = self.server.state();
        let result = change(must(state.mailbox_mut(user, name).ok_or((user, name)), "no such mailbox"));
        drop(state);
        self.server.changed();
        result
    }

    fn push(&self, user: Option<&str>, line: Option<&str>, end: End) {
        let push = Push { user: user.map(str::to_lowercase), line: line.map(str::to_owned), end };
        // Nobody connected is nobody to tell.
        drop(self.server.pushes.send(push));
    }
}
