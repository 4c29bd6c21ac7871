//! Mail that users forward, as their programs write it.

use super::world::{Engine, World};

/// The address that users forward to.
pub const LOG: &str = "log@crm.example";
pub const CARLA: &str = "carla@customer.example";
pub const ANNA: &str = "anna@ours.example";

/// A provider with a BCC and a forwarding mailbox.
pub async fn world(engine: Engine, more: &str) -> World {
    let world = World::new(engine, provider::Profile::Plain, more).await;
    world.add_account(&["--kind", "forwarding", "--provider", "imap"], LOG);
    world
}

/// A mail reaches the forwarding mailbox.
pub fn forwarded(world: &World, mail: impl AsRef<[u8]>) -> u32 {
    world.provider.mail.deliver(LOG, "INBOX", mail.as_ref())
}

/// Anna forwards a mail of this sender, as Gmail in Polish writes it, both parts. `header` is the forward's.
pub fn forward(id: &str, from: &str, header: &str) -> String {
    let plain = format!(
        "Do akt.\r\n\r\n---------- Forwarded message ---------\r\nOd: {from}\r\nDate: niedz., 22 lis 2026 o 10:05\r\n\
         Subject: Oferta 41\r\nTo: Anna Berg <{ANNA}>\r\nCc: Nowak <nowak@customer.example>\r\n\r\n\r\nDzień dobry,\r\n\r\n\
         bierzemy tę ofertę.\r\n"
    );
    let shown = plain.replace('<', "&lt;").replace('>', "&gt;").replace("\r\n", "<br>\r\n");
    format!(
        "Date: Sun, 22 Nov 2026 12:00:00 +0100\r\nMessage-ID: <{id}>\r\nFrom: Anna Berg <{ANNA}>\r\nTo: {LOG}\r\n\
         Subject: Fwd: Oferta 41\r\n{header}MIME-Version: 1.0\r\n\
         Content-Type: multipart/alternative; boundary=\"b\"\r\n\r\n--b\r\n\
         Content-Type: text/plain; charset=utf-8\r\n\r\n{plain}--b\r\nContent-Type: text/html; charset=utf-8\r\n\r\n\
         <div>{shown}</div>\r\n--b--\r\n"
    )
}

pub fn carla() -> String {
    format!("Carla Customer <{CARLA}>")
}

/// The same without the HTML.
pub fn plain_only(forward: &str) -> String {
    let (header, rest) = forward.split_once("Content-Type: multipart").unwrap();
    let plain = rest.split_once("charset=utf-8\r\n\r\n").unwrap().1.split("--b\r\n").next().unwrap();
    format!("{header}Content-Type: text/plain; charset=utf-8\r\n\r\n{plain}")
}

/// A forward with messages attached, each with its header.
pub fn attached(id: &str, messages: &[&str]) -> String {
    let mut mail = format!(
        "Date: Sun, 22 Nov 2026 12:00:00 +0100\r\nMessage-ID: <{id}>\r\nFrom: {ANNA}\r\nTo: {LOG}\r\n\
         Subject: Fwd: Offer\r\nContent-Type: multipart/mixed; boundary=\"m\"\r\n\r\n--m\r\n\
         Content-Type: text/plain\r\n\r\nFor the file.\r\n"
    );
    for message in messages {
        mail.push_str(&format!("--m\r\nContent-Type: message/rfc822\r\n\r\n{message}\r\n"));
    }
    mail + "--m--\r\n"
}

pub fn original(id: &str) -> String {
    format!(
        "Date: Sun, 22 Nov 2026 10:05:07 +0100\r\nMessage-ID: <{id}>\r\nFrom: {}\r\nTo: {ANNA}\r\nSubject: Offer\r\n\r\n\
         We take it.\r\n",
        carla()
    )
}
