//! What arrives, and what breaks.

use std::time::Duration;

use mailtrail::clock::Clock;
use provider::{Fault, When};

use crate::support::world::{BCC, World, mail_from};

/// Users with an inbox.
const USERS: usize = 8;

/// The address behind which forwards arrive.
const FORWARD: &str = "forward@crm.example";

/// The customer.
const CARLA: &str = "carla@customer.example";

/// A mail of one of many threads, in one of many mailboxes, then the next.
pub struct Traffic<'a> {
    world: &'a World,
    users: Vec<String>,
    delivered: u64,
    broken: usize,
}

impl<'a> Traffic<'a> {
    /// Accounts of every kind that is read.
    pub fn prepare(world: &'a World) -> Self {
        let users: Vec<String> = (0..USERS).map(|number| format!("user{number}@ours.example")).collect();
        let lines: Vec<String> = users.iter().map(|user| format!("{user},User,,core,true")).collect();
        world.users(&lines.iter().map(String::as_str).collect::<Vec<_>>());
        users.iter().for_each(|user| world.connect(user, user));
        world.add_account(&["--kind", "forwarding", "--provider", "imap"], FORWARD);
        Self { world, users, delivered: 0, broken: 0 }
    }

    pub fn accounts(&self) -> usize {
        self.users.len() + 2
    }

    pub fn delivered(&self) -> u64 {
        self.delivered
    }

    /// The next mail: one in four a new thread by Bcc, answers to it, mail that is nobody's business, and forwards.
    pub fn deliver(&mut self) {
        let number = self.delivered;
        let user = self.users[usize::try_from(number / 8).unwrap() % USERS].clone();
        let id = format!("{number}@soak.example");
        let now = Clock::system().now();
        let put = |to: &str, mail: String| self.world.provider.mail.deliver_at(to, "INBOX", mail.as_bytes(), now);
        match number % 8 {
            0 | 4 => put(BCC, mail_from(&user, &id, CARLA, "")),
            1 | 5 => put(&user, answer(&user, &id, number - 1)),
            2 => put(FORWARD, forward(&user, &id)),
            _ => put(&user, mail_from("shop@news.example", &id, &user, "")),
        };
        self.delivered += 1;
    }

    /// The next thing that goes wrong.
    pub fn break_something(&mut self) {
        let mail = &self.world.provider.mail;
        let user = self.users[self.broken % USERS].as_str();
        match self.broken % 7 {
            0 => mail.cut(None),
            1 => mail.kick(None, "Server shutting down."),
            2 => mail.inject(When::verb("EXAMINE").times(3), Fault::Throttled(Duration::from_millis(500))),
            3 => {
                self.world.provider.oauth.expire_access(user);
                mail.kick(Some(user), "Session invalidated - AccessTokenExpired");
            }
            4 => mail.inject(When::verb("UID FETCH"), Fault::CutInLiteral),
            5 => mail.inject(When::verb("AUTHENTICATE").times(2), Fault::Unavailable),
            _ => mail.inject(When::verb("IDLE").times(2), Fault::Cut),
        }
        if self.broken % 7 == 2 || self.broken % 7 == 5 {
            // Nobody connects or opens anything anew without a reason.
            mail.cut(Some(user));
        }
        self.broken += 1;
        // The server's record of what was said is nobody's subject here.
        mail.clear_commands();
    }
}

fn answer(user: &str, id: &str, parent: u64) -> String {
    let parent = format!("{parent}@soak.example");
    let header = format!("In-Reply-To: <{parent}>\r\nReferences: <{parent}>\r\n");
    mail_from(CARLA, id, user, &header)
        .replace(&format!("Subject: Offer {id}"), &format!("Subject: Re: Offer {parent}"))
}

fn forward(user: &str, id: &str) -> String {
    let text = format!(
        "Please see below.\r\n\r\n---------- Forwarded message ---------\r\nFrom: Carla <{CARLA}>\r\n\
         Date: Sun, Nov 22, 2026 at 10:00 AM\r\nSubject: Question {id}\r\nTo: <{user}>\r\n\r\nHow much is it?\r\n"
    );
    mail_from(user, id, FORWARD, "").replace("Subject: Offer", "Subject: Fwd: Question").replace("Hello.\r\n", &text)
}
