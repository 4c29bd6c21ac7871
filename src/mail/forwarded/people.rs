//! Whom a line of a header block names, as mail programs print people.

use serde::Serialize;

use crate::mail::address::Address;
use crate::mail::fields::clean;
use crate::mail::forms::BEHALF;
use crate::mail::reply::fold::{find_phrase, fold, is_invisible};

/// How many people one line is read for.
const MAX_PEOPLE: usize = 1_000;

/// How many words may say that a mail was sent in the name of somebody.
const MAX_BEHALF: usize = 5;

/// How far behind an address its bracket may close, in octets.
const MAX_CLOSING: usize = 400;

/// Somebody in a forwarded header: some programs print no address, some no name (B22).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Default)]
pub struct Person {
    /// The name as printed.
    pub name: Option<String>,
    /// The address.
    pub address: Option<Address>,
}

impl Person {
    /// As it may be shown and stored: a body may hold anything where a header field holds a name.
    pub(super) fn on_one_line(self) -> Self {
        Self { name: self.name.map(|name| clean(&name)).filter(|name| !name.is_empty()), ..self }
    }
}

/// Why nobody can be said to have sent a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NoSender {
    Nobody,
    Several,
}

/// The one who sent the message. Where it was sent in the name of somebody who has a name and an address, that is who.
pub(super) fn sender(value: &str) -> Result<Person, NoSender> {
    let whole = strip(value);
    let mailboxes = mailboxes_in(whole);
    let principal = in_whose_name(whole, &mailboxes).map(|principal| sole(principal, &mailboxes_in(principal)));
    match principal {
        Some(Err(reason)) => Err(reason),
        Some(Ok(person)) if person.name.is_some() => Ok(person),
        // An address alone is a mailbox that several share.
        _ => sole(whole, &mailboxes),
    }
}

/// `Kim <kim@x>` of `Desk <desk@x> on behalf of Kim <kim@x>`
fn in_whose_name<'a>(whole: &'a str, mailboxes: &[Mailbox]) -> Option<&'a str> {
    mailboxes.iter().zip(mailboxes.iter().skip(1)).find_map(|(one, next)| {
        let between = whole.get(one.end..next.start)?;
        let words = between.trim_start_matches(|c: char| !c.is_alphabetic() && !matches!(c, ',' | ';'));
        let ends = words.char_indices().filter(|(_, c)| c.is_whitespace()).map(|(at, _)| at);
        let ends = ends.take(MAX_BEHALF).chain(std::iter::once(words.len()));
        // What a list passes on stays its author's.
        let is_behalf = |folded: String| BEHALF.iter().any(|known| *known == folded && known != "via");
        let end = ends.filter(|end| words.get(..*end).is_some_and(|words| is_behalf(fold(words.trim())))).last()?;
        whole.get(next.start - (words.len() - end)..)
    })
}

fn sole(whole: &str, mailboxes: &[Mailbox]) -> Result<Person, NoSender> {
    let Some(first) = mailboxes.first() else {
        // Exchange may print a directory path where the address should be.
        let path = whole.find(" </").or_else(|| whole.find(" [/"));
        let name = name_of(path.and_then(|at| whole.get(..at)).unwrap_or(whole), None);
        let name = name.filter(|name| name.chars().any(char::is_alphanumeric));
        // A broken address is no name.
        let name = name.filter(|name| !name.contains('@'));
        return name.map(|name| Person { name: Some(name), address: None }).ok_or(NoSender::Nobody);
    };
    let mine = chosen(mailboxes).unwrap_or(first);
    let others = mailboxes.iter().any(|other| other.address != mine.address && other.start > mine.start);
    let after = whole.get(mine.end..).unwrap_or_default();
    if others && !stands_for_another(after) {
        return Err(NoSender::Several);
    }
    let before = whole.get(..mine.start).unwrap_or_default();
    let name = name_of(before, Some(&mine.address)).or_else(|| comment(after, mine));
    Ok(Person { name, address: Some(mine.address.clone()) })
}

/// Everybody in a list, however it is separated.
pub(super) fn list(value: &str) -> Vec<Person> {
    pieces(strip(value)).into_iter().filter_map(|piece| one(&piece)).take(MAX_PEOPLE).collect()
}

fn one(piece: &str) -> Option<Person> {
    let mailboxes = mailboxes_in(piece);
    let Some(mine) = chosen(&mailboxes) else {
        let name = name_of(piece, None).filter(|name| !name.contains('@') && name.chars().any(char::is_alphanumeric));
        return name.map(|name| Person { name: Some(name), address: None });
    };
    let before = piece.get(..mine.start).unwrap_or_default();
    let after = piece.get(mine.end..).unwrap_or_default();
    let name = name_of(before, Some(&mine.address)).or_else(|| comment(after, mine));
    Some(Person { name, address: Some(mine.address.clone()) })
}

/// `Ana <a@b> on behalf of Sales <s@b>`, `Ana <a@b<mailto:a@b>> im Auftrag von …`
fn stands_for_another(after: &str) -> bool {
    let folded = fold(after);
    let at = BEHALF.iter().filter_map(|words| find_phrase(&folded, words)).min();
    // A list goes on with a comma.
    at.and_then(|at| folded.get(..at)).is_some_and(|between| !between.contains([',', ';']))
}

/// An address in a text, and the range of the text that it takes with its brackets.
struct Mailbox {
    address: Address,
    start: usize,
    end: usize,
    bracket: Option<char>,
}

/// The mailbox that a name belongs to: a display name may look like an address itself.
fn chosen(mailboxes: &[Mailbox]) -> Option<&Mailbox> {
    let in_brackets = |bracket| mailboxes.iter().find(|mailbox| mailbox.bracket == Some(bracket));
    in_brackets('<').or_else(|| in_brackets('[')).or_else(|| mailboxes.first())
}

fn ends_address(c: char) -> bool {
    c.is_whitespace()
        || matches!(
            c,
            '<' | '>'
                | '('
                | ')'
                | '['
                | ']'
                | ','
                | ';'
                | ':'
                | '"'
                | '“'
                | '”'
                | '«'
                | '»'
                | '、'
                | '，'
                | '；'
                | '：'
                | '＜'
                | '＞'
                | '|'
                | '*'
        )
}

fn mailboxes_in(text: &str) -> Vec<Mailbox> {
    let mut found: Vec<Mailbox> = Vec::new();
    let mut taken = 0;
    for (at, _) in text.match_indices('@').take(MAX_PEOPLE) {
        if at < taken {
            continue;
        }
        let before = text.get(taken..at).unwrap_or_default();
        let start = before
            .char_indices()
            .rev()
            .find(|(_, c)| ends_address(*c))
            .map_or(taken, |(i, c)| taken + i + c.len_utf8());
        let after = text.get(at..).unwrap_or_default();
        let end = after.find(ends_address).map_or(text.len(), |len| at + len);
        taken = end;
        if let Some(address) = text.get(start..end).and_then(address) {
            let (start, end, bracket) = with_brackets(text, start, end);
            found.push(Mailbox { address, start, end, bracket });
        }
    }
    found
}

/// Where the only mailbox of a text stands, with its brackets.
pub(super) fn mailbox_range(text: &str) -> Option<(usize, usize)> {
    match mailboxes_in(text).as_slice() {
        [only] => {
            // `(<a@b>)`
            let nested = text.get(..only.start).is_some_and(|t| t.ends_with('('))
                && text.get(only.end..).is_some_and(|t| t.starts_with(')'));
            Some((only.start - usize::from(nested), only.end + usize::from(nested)))
        }
        _ => None,
    }
}

/// What no reader sees may stand around an address, but not within.
fn address(token: &str) -> Option<Address> {
    let token = token.trim_matches(|c: char| is_invisible(c) || matches!(c, '\'' | '‘' | '’' | '`'));
    let token = token.trim_end_matches(['.', '!', '?', '>']);
    if token.contains(is_invisible) { None } else { Address::parse(token) }
}

/// `<a@b>`, `[mailto:a@b]`, `<mailto:a@b>`, `(a@b)`.
fn with_brackets(text: &str, start: usize, end: usize) -> (usize, usize, Option<char>) {
    let before = text.get(..start).unwrap_or_default();
    let without = before.len() - "mailto:".len().min(before.len());
    let link = before.get(without..).is_some_and(|tail| tail.eq_ignore_ascii_case("mailto:"));
    let before = before.get(..if link { without } else { before.len() }).unwrap_or_default();
    let trimmed = before.trim_end_matches(|c: char| is_invisible(c) || c == ' ');
    let Some(open) = trimmed.chars().next_back() else { return (start, end, None) };
    let (bracket, close) = match open {
        '<' | '＜' => ('<', ['>', '＞']),
        '[' => ('[', [']', ']']),
        '(' => ('(', [')', ')']),
        _ => return (before.len(), end, None),
    };
    let after = text.get(end..).unwrap_or_default();
    let after = after.get(..after.floor_char_boundary(MAX_CLOSING)).unwrap_or(after);
    let length =
        after.find(close).map_or(0, |at| at + after.get(at..).and_then(|s| s.chars().next()).map_or(0, char::len_utf8));
    (trimmed.len() - open.len_utf8(), end + length, Some(bracket))
}

/// The name before an address. The same address printed for a name is none.
fn name_of(text: &str, address: Option<&Address>) -> Option<String> {
    // `Ana<mailto:ana@x> <ana@x<mailto:ana@x>>` names a link first.
    let text = text.find("<mailto:").or_else(|| text.find("[mailto:")).and_then(|at| text.get(..at)).unwrap_or(text);
    let mut name = text.trim_matches(|c: char| {
        c.is_whitespace() || is_invisible(c) || matches!(c, '*' | ',' | ';' | '<' | '＜' | '_')
    });
    for (open, close) in
        [('"', '"'), ('\'', '\''), ('“', '”'), ('„', '”'), ('„', '“'), ('«', '»'), ('‘', '’'), ('"', '"')]
    {
        if let Some(inner) = name.strip_prefix(open).and_then(|name| name.strip_suffix(close)) {
            name = inner.trim();
        }
    }
    let name = name.split_whitespace().collect::<Vec<_>>().join(" ").replace("\\\"", "\"");
    let is_address = address.is_some() && Address::parse(&name).as_ref() == address;
    (!name.is_empty() && !is_address && name.len() <= 400).then_some(name)
}

/// `a@b (Ana)`
fn comment(after: &str, mailbox: &Mailbox) -> Option<String> {
    let inner = after.trim_start().strip_prefix('(').filter(|_| mailbox.bracket.is_none())?;
    name_of(inner.split(')').next()?, Some(&mailbox.address))
}

fn strip(value: &str) -> &str {
    value.trim_matches(|c: char| c.is_whitespace() || is_invisible(c) || c == '*')
}

/// The entries of a list. A comma may stand within a name: `Berg, Ana <ana@x>; Doe, Jo`.
fn pieces(value: &str) -> Vec<String> {
    let by_semicolon = split(value, |c| matches!(c, ';' | '；'));
    let several = by_semicolon.len() > 1;
    by_semicolon.iter().flat_map(|part| by_comma(part, several)).collect()
}

fn by_comma(part: &str, several: bool) -> Vec<String> {
    let pieces = split(part, |c| matches!(c, ',' | '，' | '、'));
    let with_address = pieces.iter().filter(|piece| piece.contains('@')).count();
    // Names alone: between semicolons each is one.
    if with_address == 0 {
        return if several { vec![part.to_owned()] } else { pieces.into_iter().map(str::to_owned).collect() };
    }
    let mut whole: Vec<String> = Vec::new();
    let mut before: Vec<&str> = Vec::new();
    for piece in pieces {
        if piece.contains('@') {
            let named = piece.trim_start().find(['<', '[', '(']).is_some_and(|at| at > 0);
            if !before.is_empty() && !named {
                whole.push(std::mem::take(&mut before).join(","));
            }
            before.push(piece);
            whole.push(std::mem::take(&mut before).join(","));
        } else {
            before.push(piece);
        }
    }
    if !before.is_empty() {
        whole.push(before.join(","));
    }
    whole
}

/// Splits outside of quotes and brackets.
fn split(text: &str, at: impl Fn(char) -> bool) -> Vec<&str> {
    let mut parts = Vec::new();
    let (mut from, mut quoted, mut depth) = (0, false, 0usize);
    let balanced = text.matches('"').count().is_multiple_of(2);
    for (index, c) in text.char_indices() {
        match c {
            '"' if balanced => quoted = !quoted,
            '<' | '(' | '[' if !quoted => depth += 1,
            '>' | ')' | ']' if !quoted => depth = depth.saturating_sub(1),
            c if at(c) && !quoted && depth == 0 => {
                parts.extend(text.get(from..index));
                from = index + c.len_utf8();
            }
            _ => {}
        }
    }
    parts.extend(text.get(from..));
    parts.retain(|part| !part.trim().is_empty());
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(person: &Person) -> String {
        let address = person.address.as_ref().map(|address| address.as_str().to_owned()).unwrap_or_default();
        format!("{}|{address}", person.name.clone().unwrap_or_default())
    }

    #[test]
    fn a_sender_is_read_as_programs_print_it() {
        for (value, expected) in [
            ("Ana Berg <ana@customer.example>", "Ana Berg|ana@customer.example"),
            ("\"Berg, Ana\" <ana@customer.example>", "Berg, Ana|ana@customer.example"),
            ("Berg, Ana <ana@customer.example>", "Berg, Ana|ana@customer.example"),
            ("Ana Berg [mailto:ana@customer.example]", "Ana Berg|ana@customer.example"),
            ("Ana Berg <mailto:ana@customer.example>", "Ana Berg|ana@customer.example"),
            ("ana@customer.example", "|ana@customer.example"),
            ("<ana@customer.example>", "|ana@customer.example"),
            ("ana@customer.example <ana@customer.example>", "|ana@customer.example"),
            ("ana@customer.example [mailto:ana@customer.example]", "|ana@customer.example"),
            ("ana@customer.example (Ana Berg)", "Ana Berg|ana@customer.example"),
            ("Ana Berg (ana@customer.example)", "Ana Berg|ana@customer.example"),
            ("'Ana Berg' <ana@customer.example>", "Ana Berg|ana@customer.example"),
            ("Ana Berg", "Ana Berg|"),
            ("Ana Berg </O=CUSTOMER/OU=SITE/CN=ANA>", "Ana Berg|"),
            ("ana@home.example via List <list@forum.example>", "ana@home.example via List|list@forum.example"),
            ("Ana [ana@old.example] <ana@new.example>", "Ana [ana@old.example]|ana@new.example"),
            ("\u{202b}דנה <dana@customer.example>\u{202c}", "דנה|dana@customer.example"),
            ("*Ana* <ana@customer.example>", "Ana|ana@customer.example"),
            (
                "Ana<mailto:ana@x.example> <ana@x.example<mailto:ana@x.example>> on behalf of desk@x.example",
                "Ana|ana@x.example",
            ),
            ("Ana Berg <ana@x.example> on behalf of Kasse", "Ana Berg|ana@x.example"),
            ("Ana Berg <ana@x.example> via List <list@forum.example>", "Ana Berg|ana@x.example"),
        ] {
            assert_eq!(sender(value).map(|person| shown(&person)).as_deref(), Ok(expected), "{value}");
        }
    }

    #[test]
    fn the_one_in_whose_name_it_was_sent_is_the_sender() {
        for value in [
            "Desk <desk@x.example> on behalf of Kim Berg <kim@x.example>",
            "Desk <desk@x.example> Im Auftrag von Kim Berg <kim@x.example>",
            "Desk <desk@x.example> för Kim Berg <kim@x.example>",
            "desk@x.example on behalf of Kim Berg <kim@x.example>",
            "Desk [mailto:desk@x.example] On Behalf Of Kim Berg [mailto:kim@x.example]",
            "Desk<mailto:desk@x.example> <desk@x.example<mailto:desk@x.example>> on behalf of Kim Berg <kim@x.example>",
        ] {
            assert_eq!(sender(value).map(|person| shown(&person)).as_deref(), Ok("Kim Berg|kim@x.example"), "{value}");
        }
        let several = "Desk <desk@x.example> on behalf of Kim <kim@x.example>, Bo <bo@x.example>";
        assert_eq!(sender(several), Err(NoSender::Several));
    }

    #[test]
    fn several_senders_or_none_are_no_sender() {
        assert_eq!(sender("Ana <ana@x.example>, Bo <bo@x.example>"), Err(NoSender::Several));
        assert_eq!(sender("Ana <ana@x.example>; bo@x.example"), Err(NoSender::Several));
        assert_eq!(sender("  "), Err(NoSender::Nobody));
        assert_eq!(sender("ana@"), Err(NoSender::Nobody));
        assert_eq!(sender("ce\u{200b}o@x.example"), Err(NoSender::Nobody));
    }

    #[test]
    fn lists_are_split_where_programs_split_them() {
        for (value, expected) in [
            ("a@x.example, Bo <bo@x.example>", vec!["|a@x.example", "Bo|bo@x.example"]),
            (
                "Berg, Ana <ana@x.example>; Doe, Jo <jo@x.example>",
                vec!["Berg, Ana|ana@x.example", "Doe, Jo|jo@x.example"],
            ),
            (
                "Berg, Ana <ana@x.example>, Doe, Jo <jo@x.example>",
                vec!["Berg, Ana|ana@x.example", "Doe, Jo|jo@x.example"],
            ),
            ("Ana Berg; Jo Doe", vec!["Ana Berg|", "Jo Doe|"]),
            ("Berg, Ana; Doe, Jo", vec!["Berg, Ana|", "Doe, Jo|"]),
            ("<a@x.example>, b@x.example", vec!["|a@x.example", "|b@x.example"]),
            ("\"a@x.example\" <a@x.example>; 'b@x.example' <b@x.example>", vec!["|a@x.example", "|b@x.example"]),
            ("Ana [mailto:a@x.example], Bo [mailto:b@x.example]", vec!["Ana|a@x.example", "Bo|b@x.example"]),
            ("undisclosed-recipients:;", vec!["undisclosed-recipients:|"]),
        ] {
            assert_eq!(list(value).iter().map(shown).collect::<Vec<_>>(), expected, "{value}");
        }
    }
}
