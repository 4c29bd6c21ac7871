//! Where the elements of mail programs say that history or a signature begins: marks put into the HTML, which the lines
//! of its text then show.

use std::borrow::Cow;

use crate::mail::tags::{Tag, Tags};

use super::lines::{HISTORY, HISTORY_END, SIGNATURE, SIGNATURE_END, without_marks};

/// Elements that hold history, by a word of their class or by their id or name. Programs that quote them again put `x_`,
/// `ecx` or `ydp…` before.
const HISTORY_WORDS: &[&str] = &[
    "gmail_quote",
    "gmail_quote_container",
    "gmail_attr",
    "yahoo_quoted",
    "protonmail_quote",
    "moz-cite-prefix",
    "moz-forward-container",
    "tutanota_quote",
    "zmail_extra",
    "zmail_extra_hr",
    "quoted-content",
    "front-blockquote",
    "olk_src_body_section",
    "mail-editor-reference-message-container",
    "ms-outlook-mobile-reference-message",
    "messagereplysection",
    "freshdesk_quote",
    "mimestream_quote",
    "replyforwardmessage",
    "reply-intro",
    "airmail_on",
    "isforwardcontent",
    "isreplycontent",
    "ntes-mailmaster-quote",
    "foxmail_quote",
    "qmquote",
];

/// Elements below which everything is history, whatever holds it.
const HISTORY_STARTS: &[&str] =
    &["divrplyfwdmsg", "appendonsend", "outlookmessageheader", "stopspelling", "zwchr", "mail_header_separator"];

const SIGNATURE_WORDS: &[&str] = &[
    "gmail_signature",
    "moz-signature",
    "applemailsignature",
    "lineseparatorapplemailsignature",
    "protonmail_signature_block",
    "ms-outlook-mobile-signature",
    "signature",
    "divtagdefaultsignature",
    "mimestream_signature",
    "tutanota_signature",
    "messagesignaturesection",
];

/// Elements that may be closed without their own end tag: only where they begin counts.
const UNCLOSED: &[&str] = &["p", "hr", "br", "img", "li", "td", "tr", "a", "o:p"];

/// The HTML with marks in paragraphs of their own, if there is anything to mark. Indentation that Gmail and Outlook write
/// as a quote becomes plain.
pub(super) fn marked(html: &str) -> Option<String> {
    let own = without_marks(html);
    let html = own.as_ref();
    let mut marker = Marker { out: String::new(), open: Vec::new(), changed: matches!(own, Cow::Owned(_)) };
    let lone_quote = lone_quote(html);
    let mut from = 0;
    for tag in Tags::new(html) {
        marker.out.push_str(html.get(from..tag.start).unwrap_or_default());
        from = tag.end;
        let source = html.get(tag.start..tag.end).unwrap_or_default();
        if tag.closes {
            marker.close(tag.name, source);
        } else {
            marker.open(&tag, source, lone_quote == Some(tag.start));
        }
    }
    marker.out.push_str(html.get(from..).unwrap_or_default());
    Some(marker.out).filter(|_| marker.changed)
}

/// An element that is followed to its end tag.
struct Open {
    name: String,
    /// How many elements of this name are open within, itself included.
    depth: usize,
    at_end: AtEnd,
}

enum AtEnd {
    Mark(char),
    /// The end tag that closes what was put in place of the element.
    Tag(&'static str),
}

struct Marker {
    out: String,
    open: Vec<Open>,
    changed: bool,
}

impl Marker {
    fn open(&mut self, tag: &Tag, source: &str, lone: bool) {
        if let Some(open) = self.open.last_mut().filter(|open| open.name.eq_ignore_ascii_case(tag.name)) {
            open.depth += 1;
        }
        let is_quote = tag.name.eq_ignore_ascii_case("blockquote");
        let attributes = Attributes::of(source, tag.name.len() + 1);
        if attributes.is_one_of(HISTORY_STARTS) || attributes.has_outlook_border() {
            self.mark(HISTORY);
            self.out.push_str(source);
        } else if is_quote && attributes.is_indentation() {
            self.out.push_str("<div>");
            self.follow(tag.name, AtEnd::Tag("</div>"));
        } else if is_quote && (lone || attributes.is_cited()) {
            // The text shows the quote itself.
            self.mark(HISTORY);
            self.mark(HISTORY_END);
            self.out.push_str(source);
        } else if let Some((start, end)) = attributes.region().filter(|_| !is_quote) {
            self.mark(start);
            self.out.push_str(source);
            if super::super::tags::is_one_of(tag.name, UNCLOSED) {
                if start == SIGNATURE {
                    self.mark(end);
                }
            } else {
                self.follow(tag.name, AtEnd::Mark(end));
            }
        } else {
            self.out.push_str(source);
        }
    }

    fn close(&mut self, name: &str, source: &str) {
        let Some(open) = self.open.last_mut().filter(|open| open.name.eq_ignore_ascii_case(name)) else {
            return self.out.push_str(source);
        };
        open.depth -= 1;
        if open.depth > 0 {
            return self.out.push_str(source);
        }
        match self.open.pop().map(|open| open.at_end) {
            Some(AtEnd::Tag(tag)) => self.out.push_str(tag),
            Some(AtEnd::Mark(mark)) => {
                self.out.push_str(source);
                self.mark(mark);
            }
            None => self.out.push_str(source),
        }
    }

    fn follow(&mut self, name: &str, at_end: AtEnd) {
        self.changed = true;
        self.open.push(Open { name: name.to_owned(), depth: 1, at_end });
    }

    fn mark(&mut self, mark: char) {
        self.changed = true;
        self.out.push_str("<p>");
        self.out.push(mark);
        self.out.push_str("</p>");
    }
}

/// Where the only quote begins, if there is only one that is not within another: it is the mail that is answered.
fn lone_quote(html: &str) -> Option<usize> {
    let (mut depth, mut found) = (0usize, None);
    for tag in Tags::new(html).filter(|tag| tag.name.eq_ignore_ascii_case("blockquote")) {
        if tag.closes {
            depth = depth.saturating_sub(1);
            continue;
        }
        if depth == 0 && found.replace(tag.start).is_some() {
            return None;
        }
        depth += 1;
    }
    found
}

/// The attributes of a tag in lower case without blanks around `=` and in styles.
struct Attributes {
    /// Words of class, id and name.
    words: Vec<String>,
    style: String,
    cited: bool,
}

/// The longest attribute value that is looked at, in octets.
const MAX_VALUE: usize = 400;

impl Attributes {
    fn of(source: &str, from: usize) -> Self {
        let mut found = Self { words: Vec::new(), style: String::new(), cited: false };
        let mut rest = source.get(from..).unwrap_or_default();
        while let Some((name, value, after)) = next_attribute(rest) {
            rest = after;
            let value = value.get(..value.floor_char_boundary(MAX_VALUE)).unwrap_or(value);
            match name.to_ascii_lowercase().as_str() {
                "class" | "id" | "name" | "data-smartmail" | "data-marker" => {
                    found.words.extend(value.split_whitespace().map(str::to_ascii_lowercase));
                }
                "style" => {
                    let style: String = value.chars().filter(|c| !c.is_whitespace()).collect();
                    found.style = style.to_ascii_lowercase();
                }
                "type" => found.cited = value.eq_ignore_ascii_case("cite"),
                _ => {}
            }
        }
        found
    }

    fn is_one_of(&self, list: &[&str]) -> bool {
        self.words.iter().any(|word| {
            let word = word.trim_start_matches("x_").trim_start_matches("ecx");
            list.contains(&word) || (word.starts_with("ydp") && list.iter().any(|known| word.ends_with(known)))
        })
    }

    fn region(&self) -> Option<(char, char)> {
        let named_quote = self.words.iter().any(|word| word == "quote");
        if named_quote || self.is_one_of(HISTORY_WORDS) {
            return Some((HISTORY, HISTORY_END));
        }
        self.is_one_of(SIGNATURE_WORDS).then_some((SIGNATURE, SIGNATURE_END))
    }

    fn is_cited(&self) -> bool {
        self.cited || self.is_one_of(HISTORY_WORDS)
    }

    /// The line that Outlook draws above the header of what is answered.
    fn has_outlook_border(&self) -> bool {
        self.style.contains("border:none;border-top:solid") && self.style.contains("1.0pt;padding:3.0pt0")
    }

    /// What the button for more indentation makes in Gmail and Outlook.
    fn is_indentation(&self) -> bool {
        !self.cited && self.words.is_empty() && self.style.contains("40px") && self.style.contains("border:none")
    }
}

/// The first attribute: its name, its value, and what comes after it.
fn next_attribute(source: &str) -> Option<(&str, &str, &str)> {
    let source = source.trim_start_matches(|c: char| c.is_whitespace() || c == '/');
    let end = source.find(|c: char| c.is_whitespace() || matches!(c, '=' | '>' | '/')).unwrap_or(source.len());
    let (name, rest) = source.split_at_checked(end.max(usize::from(source.starts_with('='))))?;
    if name.is_empty() {
        return None;
    }
    let Some(value) = rest.trim_start().strip_prefix('=') else { return Some((name, "", rest)) };
    let value = value.trim_start();
    match value.chars().next().filter(|c| matches!(c, '"' | '\'')) {
        Some(quote) => {
            let value = value.get(1..)?;
            let end = value.find(quote).unwrap_or(value.len());
            Some((name, value.get(..end)?, value.get(end + 1..).unwrap_or_default()))
        }
        None => {
            let end = value.find(|c: char| c.is_whitespace() || c == '>').unwrap_or(value.len());
            value.split_at_checked(end).map(|(value, after)| (name, value, after))
        }
    }
}
