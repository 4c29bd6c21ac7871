//! LIST, EXAMINE, SELECT and STATUS.

use super::command::{Request, Token};
use super::mailbox::{Kind, Mailbox};
use super::names;
use super::profile::Profile;
use super::response::{Reply, Untagged};
use super::session::{Selected, Session};

impl Session {
    pub(crate) fn list(&mut self, request: &Request) -> Reply {
        let profile = self.server.profile;
        let Some((reference, pattern, status)) = list_arguments(&request.arguments, profile) else {
            return Reply::tagged(profile.bad_arguments());
        };
        if pattern.is_empty() {
            return Reply::with(["* LIST (\\Noselect) \"/\" \"\"".to_owned()], "OK LIST completed.");
        }
        let pattern = format!("{reference}{pattern}");
        let state = self.server.state();
        let account = self.login.as_ref().and_then(|login| state.account(&login.user));
        let mut lines = Vec::new();
        for mailbox in account.iter().flat_map(|account| &account.mailboxes) {
            if names::matches(&pattern, &mailbox.wire_name) || (mailbox.is_called(&pattern)) {
                let attributes = mailbox.attributes.join(" ");
                lines.push(format!("* LIST ({attributes}) \"/\" {}", names::quote(&mailbox.wire_name)));
                let counts = mailbox.selectable().then(|| counts(mailbox, &status, profile)).flatten();
                lines.extend(counts.filter(|_| !status.is_empty()));
            }
        }
        Reply::with(lines, "OK LIST completed.")
    }

    pub(crate) fn status(&mut self, request: &Request) -> Reply {
        let profile = self.server.profile;
        let state = self.server.state();
        let login = self.login.as_ref();
        let (Some(name), Some(login)) = (request.text(0), login) else { return Reply::tagged(profile.bad_arguments()) };
        let Some(mailbox) = state.mailbox(&login.user, name).filter(|mailbox| mailbox.selectable()) else {
            return Reply::tagged(profile.no_such_mailbox());
        };
        if mailbox.kind == Kind::NotMail {
            return Reply::tagged("NO Server Unavailable. 15");
        }
        let items: Vec<&str> = request.arguments.iter().skip(1).filter_map(Token::text).collect();
        match counts(mailbox, &items, profile) {
            Some(line) if !items.is_empty() => Reply::with([line], "OK STATUS completed."),
            _ => Reply::tagged(profile.bad_arguments()),
        }
    }

    /// EXAMINE, or SELECT, which no watcher should send.
    pub(crate) fn open(&mut self, request: &Request, read_only: bool) -> Reply {
        let profile = self.server.profile;
        self.selected = None;
        let (Some(name), Some(login)) = (request.text(0), self.login.as_ref()) else {
            return Reply::tagged(profile.bad_arguments());
        };
        if request.arguments.len() > 1 && !profile.condstore() {
            return Reply::tagged(profile.bad_arguments());
        }
        let state = self.server.state();
        let Some(mailbox) = state.mailbox(&login.user, name).filter(|mailbox| mailbox.selectable()) else {
            return Reply::tagged(profile.no_such_mailbox());
        };
        let mut reply = Reply::with(opened(mailbox, profile, read_only), "");
        let access = if read_only { "READ-ONLY" } else { "READ-WRITE" };
        reply.tagged = Some(format!("OK [{access}] {} completed.", request.verb));
        self.selected = Some(Selected {
            mailbox: mailbox.name.clone(),
            read_only,
            uids: mailbox.messages.iter().map(|message| message.uid).collect(),
        });
        reply
    }

    /// EXPUNGE and EXISTS for what has changed since the client was last told.
    pub(crate) fn news(&mut self) -> Vec<Untagged> {
        let (Some(selected), Some(login)) = (self.selected.as_mut(), self.login.as_ref()) else { return Vec::new() };
        let state = self.server.state();
        let Some(mailbox) = state.mailbox(&login.user, &selected.mailbox) else { return Vec::new() };
        let mut lines = Vec::new();
        let mut place = 0;
        selected.uids.retain(|uid| {
            let stays = mailbox.find(*uid).is_some();
            if stays {
                place += 1;
            } else {
                lines.push(Untagged::Line(format!("* {} EXPUNGE", place + 1)));
            }
            stays
        });
        let now: Vec<u32> = mailbox.messages.iter().map(|message| message.uid).collect();
        if now != selected.uids {
            lines.push(Untagged::Line(format!("* {} EXISTS", now.len())));
            selected.uids = now;
        }
        lines
    }

    pub(crate) fn with_news(&mut self, mut reply: Reply) -> Reply {
        reply.untagged.extend(self.news());
        reply
    }
}

fn opened(mailbox: &Mailbox, profile: Profile, read_only: bool) -> Vec<String> {
    let flags = match profile {
        Profile::Exchange => "\\Seen \\Answered \\Flagged \\Deleted \\Draft $MDNSent",
        _ => "\\Answered \\Flagged \\Draft \\Deleted \\Seen $NotPhishing $Phishing",
    };
    let permanent = match (read_only, profile) {
        (true, _) => String::new(),
        (false, Profile::Exchange) => flags.to_owned(),
        (false, _) => format!("{flags} \\*"),
    };
    let mut lines = vec![
        format!("* FLAGS ({flags})"),
        format!("* OK [PERMANENTFLAGS ({permanent})] Permanent flags."),
        format!("* {} EXISTS", mailbox.messages.len()),
        "* 0 RECENT".to_owned(),
        format!("* OK [UIDVALIDITY {}] UIDs valid.", mailbox.uid_validity),
    ];
    lines.extend(mailbox.announced_uid_next().map(|uid| format!("* OK [UIDNEXT {uid}] Predicted next UID.")));
    lines.extend(profile.condstore().then(|| format!("* OK [HIGHESTMODSEQ {}]", mailbox.highest_modseq)));
    lines
}

fn counts(mailbox: &Mailbox, items: &[&str], profile: Profile) -> Option<String> {
    let mut values = Vec::new();
    for item in items {
        let item = item.to_uppercase();
        let value = match item.as_str() {
            "MESSAGES" => mailbox.messages.len().to_string(),
            "RECENT" => "0".to_owned(),
            "UIDVALIDITY" => mailbox.uid_validity.to_string(),
            "UNSEEN" => mailbox.unseen().to_string(),
            "HIGHESTMODSEQ" if profile.condstore() => mailbox.highest_modseq.to_string(),
            "UIDNEXT" => match mailbox.announced_uid_next() {
                Some(uid) => uid.to_string(),
                None => continue,
            },
            _ => return None,
        };
        values.push(format!("{item} {value}"));
    }
    Some(format!("* STATUS {} ({})", names::quote(&mailbox.wire_name), values.join(" ")))
}

/// Reference, pattern and the items of LIST-STATUS (RFC 5258, RFC 5819, RFC 6154).
fn list_arguments(arguments: &[Token], profile: Profile) -> Option<(&str, &str, Vec<&str>)> {
    let extended = profile != Profile::Exchange;
    let mut rest = arguments;
    if extended && rest.first() == Some(&Token::Open) {
        let close = rest.iter().position(|token| *token == Token::Close)?;
        rest = rest.get(close + 1..)?;
    }
    let [reference, pattern, options @ ..] = rest else { return None };
    let status = match options {
        [] => Vec::new(),
        [word, Token::Open, options @ ..] if extended && word.is("RETURN") => {
            let after = options.iter().skip_while(|token| !token.is("STATUS")).skip(1);
            after.filter_map(Token::text).collect()
        }
        _ => return None,
    };
    Some((reference.text()?, pattern.text()?, status))
}
