//! Which mailboxes of a personal inbox are watched: as few as show every mail once. Pure.

use super::imap::{MailboxInfo, Role};

/// A mailbox that is watched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Choice {
    /// Its name as the server knows it.
    pub wire_name: String,
    /// Its name for people.
    pub name: String,
    /// What it is watched for.
    pub role: &'static str,
}

/// The word for a mailbox that is watched no longer.
pub const LEFT: &str = "left";

/// All Mail where there is one, which holds what is received and what is sent; else the inbox and the sent mail: found
/// by attribute, then by a known name, then by a name of `sent`. Besides, those of `more` that exist.
///
/// All Mail is hidden where the user says so; then the inbox and the sent mail take its place.
pub fn choose(mailboxes: &[MailboxInfo], more: &[String], sent: &[String]) -> Vec<Choice> {
    let open = || mailboxes.iter().filter(|mailbox| mailbox.selectable);
    let with = |role: Role| open().find(|mailbox| mailbox.roles.contains(&role));
    let mut chosen: Vec<Choice> = Vec::new();
    let mut take = |mailbox: Option<&MailboxInfo>, role: &'static str| {
        if let Some(mailbox) = mailbox.filter(|mailbox| chosen.iter().all(|one| one.wire_name != mailbox.wire_name)) {
            let (wire_name, name) = (mailbox.wire_name.clone(), mailbox.name.clone());
            chosen.push(Choice { wire_name, name, role });
        }
    };
    match with(Role::All) {
        Some(all) => take(Some(all), Role::All.as_str()),
        None => {
            take(with(Role::Inbox), Role::Inbox.as_str());
            let known = || open().find(|mailbox| SENT.contains(&last_part(&mailbox.name).to_lowercase().as_str()));
            let named = || open().find(|mailbox| sent.iter().any(|name| same(name, &mailbox.name)));
            take(with(Role::Sent).or_else(known).or_else(named), Role::Sent.as_str());
        }
    }
    for name in more {
        take(open().find(|mailbox| same(name, &mailbox.name)), "more");
    }
    chosen
}

fn same(a: &str, b: &str) -> bool {
    a == b || a.to_lowercase() == b.to_lowercase()
}

/// The name without the folders above it, whatever separates them.
fn last_part(name: &str) -> &str {
    name.rsplit(['/', '.', '\\']).next().unwrap_or(name)
}

/// What mail servers and clients call the mailbox of sent mail, in lower case.
const SENT: &[&str] = &[
    "sent",
    "sent items",
    "sent mail",
    "sent messages",
    "sent-mail",
    "sentbox",
    "gesendet",
    "gesendete elemente",
    "gesendete objekte",
    "gesendete nachrichten",
    "postausgang",
    "skickat",
    "skickade objekt",
    "skickade",
    "skickade meddelanden",
    "sendt",
    "sendt post",
    "sendte elementer",
    "sendte",
    "lähetetyt",
    "lähetetyt viestit",
    "sendir hlutir",
    "verzonden",
    "verzonden items",
    "verzonden berichten",
    "envoyés",
    "éléments envoyés",
    "messages envoyés",
    "objets envoyés",
    "enviados",
    "elementos enviados",
    "mensajes enviados",
    "elements enviats",
    "enviats",
    "itens enviados",
    "e-mails enviados",
    "posta inviata",
    "inviata",
    "elementi inviati",
    "inviati",
    "wysłane",
    "elementy wysłane",
    "odeslané",
    "odeslaná pošta",
    "odoslané",
    "odoslaná pošta",
    "elküldött",
    "elküldött elemek",
    "elemente trimise",
    "trimise",
    "poslano",
    "poslane stavke",
    "poslati",
    "saadetud",
    "saadetud üksused",
    "nosūtītie",
    "nosūtītie vienumi",
    "išsiųsti",
    "išsiųsti laiškai",
    "gönderilmiş",
    "gönderilmiş öğeler",
    "gönderilenler",
    "απεσταλμένα",
    "отправленные",
    "отправленные элементы",
    "надіслані",
    "відправлені",
    "изпратени",
    "изпратени елементи",
    "送信済み",
    "送信済みアイテム",
    "送信済みメール",
    "已发送",
    "已发送邮件",
    "已傳送",
    "寄件備份",
    "보낸 편지함",
    "보낸편지함",
    "đã gửi",
    "terkirim",
    "รายการที่ส่ง",
    "פריטים שנשלחו",
    "العناصر المرسلة",
    "المرسلة",
];

#[cfg(test)]
mod tests {
    use super::*;

    fn mailbox(name: &str, roles: &[Role]) -> MailboxInfo {
        MailboxInfo { wire_name: name.into(), name: name.into(), roles: roles.to_vec(), selectable: true }
    }

    fn chosen(mailboxes: &[MailboxInfo], more: &[&str], sent: &[&str]) -> Vec<String> {
        let owned = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        let choices = choose(mailboxes, &owned(more), &owned(sent));
        choices.into_iter().map(|one| format!("{} {}", one.role, one.name)).collect()
    }

    #[test]
    fn all_mail_is_enough_and_hidden_it_is_replaced() {
        let inbox = mailbox("INBOX", &[Role::Inbox]);
        let (all, sent) = (mailbox("[Gmail]/All Mail", &[Role::All]), mailbox("[Gmail]/Sent Mail", &[Role::Sent]));
        assert_eq!(chosen(&[inbox.clone(), all, sent.clone()], &[], &[]), ["all [Gmail]/All Mail"]);
        assert_eq!(chosen(&[inbox.clone(), sent.clone()], &[], &[]), ["inbox INBOX", "sent [Gmail]/Sent Mail"]);
        let hidden = MailboxInfo { selectable: false, ..mailbox("[Gmail]/All Mail", &[Role::All]) };
        assert_eq!(chosen(&[inbox, hidden, sent], &[], &[]).len(), 2);
    }

    #[test]
    fn the_sent_mail_is_found_by_attribute_then_by_name_then_by_configuration() {
        let inbox = mailbox("INBOX", &[Role::Inbox]);
        let (marked, named) = (mailbox("Ut", &[Role::Sent]), mailbox("INBOX.Elementy wysłane", &[]));
        assert_eq!(chosen(&[inbox.clone(), named.clone(), marked], &[], &[])[1], "sent Ut");
        assert_eq!(chosen(&[inbox.clone(), named], &[], &[])[1], "sent INBOX.Elementy wysłane");
        let own = mailbox("Utgående", &[]);
        assert_eq!(chosen(&[inbox.clone(), own.clone()], &[], &[]), ["inbox INBOX"]);
        assert_eq!(chosen(&[inbox, own], &[], &["utgående"])[1], "sent Utgående");
    }

    #[test]
    fn further_mailboxes_are_watched_once_and_where_they_exist() {
        let mailboxes = [mailbox("INBOX", &[Role::Inbox]), mailbox("Archive", &[])];
        assert_eq!(chosen(&mailboxes, &["Archive", "inbox", "None"], &[]), ["inbox INBOX", "more Archive"]);
    }

    #[test]
    fn every_known_name_is_in_lower_case() {
        assert!(SENT.iter().all(|name| name.to_lowercase() == *name));
    }
}
