//! A world in which a user has connected a personal inbox.

use std::ops::Deref;

use mailtrail::clock::Clock;
use provider::Profile;

use super::world::{BCC, Engine, World, mail_from};

/// The user, and the address of the inbox.
pub const ANNA: &str = "anna@ours.example";
/// The customer.
pub const CARLA: &str = "carla@customer.example";
/// The profiles whose habits differ.
pub const PROFILES: [Profile; 3] = [Profile::Gmail, Profile::Exchange, Profile::Plain];

/// A desk: a BCC mailbox, and Anna's inbox at the same provider.
pub struct Desk {
    world: World,
    profile: Profile,
}

impl Deref for Desk {
    type Target = World;

    fn deref(&self) -> &World {
        &self.world
    }
}

impl Desk {
    /// With `more` settings, which may begin with the rest of `[policy]`.
    pub async fn with(engine: Engine, profile: Profile, more: &str) -> Self {
        // The BCC copies of these stories carry no results of a check.
        let policy = format!("[policy]\nsender_authentication = \"warn\"\n{more}");
        let desk = Self { world: World::new(engine, profile, &policy).await, profile };
        desk.join(ANNA, ANNA);
        desk
    }

    pub async fn new(engine: Engine, profile: Profile) -> Self {
        Self::with(engine, profile, "").await
    }

    /// The provider's name for `account add`.
    pub fn provider_name(&self) -> &'static str {
        match self.profile {
            Profile::Gmail => "google",
            Profile::Exchange => "microsoft",
            Profile::Plain => "imap",
        }
    }

    /// A user connects an inbox.
    pub fn join(&self, user: &str, address: &str) {
        self.world.add_account(&["--kind", "personal", "--provider", self.provider_name(), "--user", user], address);
    }

    /// Anna sent this mail to Carla, with the log address in Bcc.
    pub fn log_by_bcc(&self, id: &str) {
        self.world.deliver_now(mail_from(ANNA, id, CARLA, ""));
    }

    /// A mail arrives in somebody's mailbox now.
    pub fn put(&self, user: &str, mailbox: &str, mail: impl AsRef<[u8]>) -> u32 {
        let now = Clock::system().now() + chrono::TimeDelta::seconds(1);
        self.world.provider.mail.deliver_at(user, mailbox, mail.as_ref(), now)
    }

    /// A mail arrives in Anna's inbox.
    pub fn receive(&self, mail: impl AsRef<[u8]>) -> u32 {
        self.put(ANNA, "INBOX", mail)
    }

    /// A copy of what Anna sent.
    pub fn sent(&self, mail: impl AsRef<[u8]>) -> u32 {
        self.put(ANNA, self.profile.sent(), mail)
    }

    /// The verdict on a message, by its id.
    pub fn code(&self, id: &str) -> String {
        let told = self.world.trail.json(&["explain", "--message-id", id, "--json"]);
        told[0]["code"].as_str().unwrap().to_owned()
    }

    /// The commands that opened mail of an inbox.
    pub fn opened(&self) -> Vec<String> {
        let commands = self.world.provider.mail.commands().into_iter();
        let of_inbox = commands.filter(|one| one.user.as_deref().is_some_and(|user| user != BCC));
        of_inbox.filter(|one| one.line.contains("BODY.PEEK[]")).map(|one| one.line).collect()
    }

    /// What `privacy` says of Anna's mailboxes together: seen, opened, opened without being logged.
    pub fn privacy(&self) -> (u64, u64, u64) {
        let rows = self.world.trail.json(&["privacy", ANNA, "--json"]);
        let sum = |key: &str| rows.iter().map(|row| row[key].as_u64().unwrap()).sum();
        (sum("seen"), sum("opened"), sum("bodies_fetched_unlogged_total"))
    }
}

/// Carla's answer to `parent`, on the thread that began with `1@ours.example`.
pub fn reply(id: &str, subject: &str, parent: &str) -> String {
    answer(CARLA, ANNA, id, subject, &format!("In-Reply-To: <{parent}>\r\nReferences: <{parent}>\r\n"))
}

/// A mail with this subject and these further fields.
pub fn answer(from: &str, to: &str, id: &str, subject: &str, header: &str) -> String {
    mail_from(from, id, to, header).replace(&format!("Subject: Offer {id}"), &format!("Subject: {subject}"))
}
