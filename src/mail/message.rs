//! A whole message: its envelope, its text and what is attached to it.

use std::collections::HashSet;

use super::automatic::{self, Class};
use super::bounce::{self, Bounce};
use super::content;
use super::envelope::Envelope;
use super::forwarded::{self, Forwarded, Reason};
use super::message_id::MessageId;
use super::structure::{self, Node};
use super::{charset, file_name, transfer};

/// How many attachments one message may have; the others are counted in [`Mail::omitted`].
const MAX_ATTACHMENTS: usize = 1_000;

/// The longest content identifier that is looked for in the HTML, in octets.
const MAX_CONTENT_ID: usize = 512;

/// A message, decoded.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Mail {
    /// What its header says.
    pub envelope: Envelope,
    /// The plain text as sent, or the text of the HTML where there is no other.
    pub text: Option<String>,
    /// The HTML as sent; not safe to be shown before [`content::display_html`].
    pub html: Option<String>,
    /// Whether the message itself has a plain text (`text` may come from the HTML).
    pub has_plain_text: bool,
    /// Everything that is not the body, in order.
    pub attachments: Vec<Part>,
    /// Its size in octets as it was sent.
    pub size: usize,
    /// How many parts were left out because the message has too many.
    pub omitted: usize,
    /// What the message reports about another one, where it is a bounce (J12).
    pub bounce: Option<Bounce>,
    /// What it forwards or why it forwards nothing, if it was in a mailbox for forwards and read for that.
    pub forward: Option<Box<Result<Forwarded, Reason>>>,
}

/// Something attached to a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// The file name, safe to be used as one; made up from the type where the sender gave none.
    pub name: String,
    /// The media type in lower case.
    pub media_type: String,
    /// `Content-ID` without `<>`.
    pub content_id: Option<String>,
    /// Whether the HTML shows it in its place, so that it is no attachment to a reader (L14).
    pub inline: bool,
    /// The bytes as they were attached.
    pub bytes: Vec<u8>,
}

/// Why bytes are no message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ParseError {
    /// There is nothing.
    #[error("the message is empty: the server sent no bytes for it")]
    Empty,
    /// There is no header field.
    #[error("this is no mail message: it has no header field")]
    NoHeader,
}

impl Mail {
    /// Reads a message. Whatever has a header field is one; damage costs no more than the damaged part.
    pub fn parse(raw: &[u8]) -> Result<Self, ParseError> {
        if raw.trim_ascii().is_empty() {
            return Err(ParseError::Empty);
        }
        let structure = structure::parse(raw);
        if structure.fields.is_empty() {
            return Err(ParseError::NoHeader);
        }
        let mut body = Body::default();
        let mut attached = Vec::new();
        for (index, node) in structure.nodes.iter().enumerate().filter(|(_, node)| !node.is_split) {
            match role(&structure.nodes, index, node) {
                Role::Text => body.add_text(block(&structure.nodes, index), decode_text(raw, node)),
                Role::Html => body.add_html(block(&structure.nodes, index), decode_text(raw, node)),
                Role::Attachment => attached.push(node),
                Role::Nothing => {}
            }
        }
        let has_plain_text = body.blocks.iter().any(|block| block.text.is_some());
        let (text, html) = body.join();
        let omitted = structure.omitted + attached.len().saturating_sub(MAX_ATTACHMENTS);
        let attachments = attached.into_iter().take(MAX_ATTACHMENTS);
        let shown = html.as_deref().map(content_ids).unwrap_or_default();
        let attachments = attachments.map(|node| part(raw, &structure.nodes, node, &shown)).collect();
        let mut envelope = Envelope::read(&structure.fields);
        let bounce = bounce::find(raw, &structure, &envelope, text.as_deref());
        // Some systems mark what they send in the body alone.
        let by_parts = automatic::with_parts(envelope.class, &structure.nodes);
        envelope.class = if bounce.is_some() { Class::Bounce } else { by_parts };
        let size = raw.len();
        Ok(Self { envelope, text, html, has_plain_text, attachments, size, omitted, bounce, forward: None })
    }

    /// With what it forwards.
    pub fn with_forward(mut self) -> Self {
        self.forward = Some(Box::new(forwarded::read(&self)));
        self
    }

    /// The message that it reports on, where it is a bounce.
    pub fn reported(&self) -> Option<&MessageId> {
        self.bounce.as_ref()?.original_message_id.as_ref()
    }
}

enum Role {
    Text,
    Html,
    Attachment,
    /// An alternative that no reader of ours shows, such as AMP.
    Nothing,
}

fn role(nodes: &[Node], index: usize, node: &Node) -> Role {
    let in_alternative =
        node.parent.and_then(|p| nodes.get(p)).is_some_and(|p| p.media_type == "multipart/alternative");
    let is_body = node.disposition.value != "attachment" && (index == 0 || in_alternative || sent_name(node).is_none());
    match node.media_type.as_str() {
        "text/plain" if is_body => Role::Text,
        "text/html" if is_body => Role::Html,
        // A part with nothing to it, as some clients put around a body.
        other if other.starts_with("multipart/") && node.body.is_empty() => Role::Nothing,
        other if in_alternative && other.starts_with("text/") && other != "text/calendar" && is_body => Role::Nothing,
        _ => Role::Attachment,
    }
}

/// The outermost alternative a part stands in, else the part itself: the parts of one block say the same thing.
fn block(nodes: &[Node], index: usize) -> usize {
    let mut block = index;
    let mut at = nodes.get(index).and_then(|n| n.parent);
    while let Some((index, node)) = at.and_then(|at| Some((at, nodes.get(at)?))) {
        if node.media_type == "multipart/alternative" {
            block = index;
        }
        at = node.parent;
    }
    block
}

#[derive(Default)]
struct Body {
    blocks: Vec<Block>,
}

/// Text and HTML that say the same thing.
#[derive(Default)]
struct Block {
    id: usize,
    text: Option<String>,
    html: Option<String>,
}

impl Block {
    /// With the text of the HTML where the plain one is missing or left empty, as some clients do.
    fn filled(mut self) -> Self {
        if self.text.as_ref().is_none_or(|text| text.trim().is_empty())
            && let Some(html) = &self.html
        {
            self.text = Some(content::text_of_html(html));
        }
        self
    }
}

impl Body {
    fn block(&mut self, id: usize) -> Option<&mut Block> {
        if self.blocks.last().is_none_or(|last| last.id != id) {
            self.blocks.push(Block { id, ..Block::default() });
        }
        self.blocks.last_mut()
    }

    /// Of several plain alternatives the first counts.
    fn add_text(&mut self, id: usize, text: String) {
        if let Some(block) = self.block(id) {
            block.text.get_or_insert(text);
        }
    }

    /// An alternative may hold HTML in several pieces, with attachments between them.
    fn add_html(&mut self, id: usize, html: String) {
        if let Some(block) = self.block(id) {
            match &mut block.html {
                Some(before) => before.push_str(&html),
                None => block.html = Some(html),
            }
        }
    }

    /// The whole body as text and as HTML. A block that has only one form is turned into the other where that is needed.
    fn join(mut self) -> (Option<String>, Option<String>) {
        if let [_] = self.blocks.as_slice()
            && let Some(block) = self.blocks.pop()
        {
            let Block { text, html, .. } = block.filled();
            return (text, html);
        }
        let has_html = self.blocks.iter().any(|block| block.html.is_some());
        let (mut text, mut html) = (Vec::new(), Vec::new());
        for block in self.blocks {
            let as_html = has_html.then(|| match (&block.html, &block.text) {
                (Some(html), _) => html.clone(),
                (None, text) => format!("<pre>{}</pre>", content::escape(text.as_deref().unwrap_or_default())),
            });
            html.extend(as_html);
            text.extend(block.filled().text);
        }
        ((!text.is_empty()).then(|| text.join("\n")), (!html.is_empty()).then(|| html.join("\n")))
    }
}

/// The text of a part: in Unicode, with `\n` line ends, without NUL, which no PostgreSQL text can hold.
fn decode_text(raw: &[u8], node: &Node) -> String {
    let bytes = transfer::decode(&node.encoding, raw.get(node.body.clone()).unwrap_or_default());
    let declared = node.content_type.parameter("charset").map(str::to_owned);
    let label = declared.or_else(|| if node.media_type == "text/html" { meta_charset(&bytes) } else { None });
    let mut text = without_line_ends(charset::decode(label.as_deref(), bytes));
    if text.starts_with('\u{feff}') {
        text.remove(0);
    }
    text
}

/// The text with `\n` for `\r\n`, and without NUL.
fn without_line_ends(text: String) -> String {
    let mut stops = memchr::memchr2_iter(b'\r', b'\0', text.as_bytes()).peekable();
    if stops.peek().is_none() {
        return text;
    }
    let mut clean = String::with_capacity(text.len());
    let mut from = 0;
    for at in stops {
        let rest = text.get(at..).unwrap_or_default();
        if rest.starts_with("\r\n") || rest.starts_with('\0') {
            clean.push_str(text.get(from..at).unwrap_or_default());
            from = at + 1;
        }
    }
    clean.push_str(text.get(from..).unwrap_or_default());
    clean
}

/// The charset an HTML page declares in itself, for parts that declare none.
fn meta_charset(bytes: &[u8]) -> Option<String> {
    let start = String::from_utf8_lossy(bytes.get(..1024).unwrap_or(bytes)).to_ascii_lowercase();
    let (_, after) = start.split_once("<meta")?.1.split_once("charset=")?;
    let name: String =
        after.trim_start_matches(['"', '\'', ' ']).chars().take_while(|c| is_label(*c)).take(40).collect();
    (!name.is_empty() && !name.starts_with("utf-16")).then_some(name)
}

fn is_label(c: char) -> bool {
    c.is_ascii_alphanumeric() || "-_:.".contains(c)
}

fn part(raw: &[u8], nodes: &[Node], node: &Node, shown: &HashSet<String>) -> Part {
    Part {
        name: file_name::of(sent_name(node).unwrap_or_default(), &node.media_type),
        media_type: node.media_type.clone(),
        content_id: node.content_id.clone(),
        inline: is_inline(nodes, node, shown),
        bytes: transfer::decode(&node.encoding, raw.get(node.body.clone()).unwrap_or_default()),
    }
}

/// Shown by the HTML: it refers to the part, or the part says so where only shown parts are (RFC 2387).
fn is_inline(nodes: &[Node], node: &Node, shown: &HashSet<String>) -> bool {
    let Some(id) = &node.content_id else { return false };
    let related = node.parent.and_then(|p| nodes.get(p)).is_some_and(|p| p.media_type == "multipart/related");
    shown.contains(id) || (related && node.disposition.value == "inline" && node.media_type.starts_with("image/"))
}

/// The content identifiers that the HTML refers to (RFC 2392), with the `@` that some clients percent-encode.
fn content_ids(html: &str) -> HashSet<String> {
    let ends = |c: char| c.is_whitespace() || "\"'<>)&?#;".contains(c);
    let mut ids = HashSet::new();
    for (at, prefix) in html.match_indices("cid:") {
        let after = html.get(at + prefix.len()..).unwrap_or_default();
        let near = content::truncate_text(after, MAX_CONTENT_ID);
        let id = near.split(ends).next().unwrap_or_default();
        ids.insert(id.replace("%40", "@"));
    }
    ids
}

fn sent_name(node: &Node) -> Option<&str> {
    node.disposition.parameter("filename").or_else(|| node.content_type.parameter("name"))
}

#[cfg(test)]
mod golden;
#[cfg(test)]
mod tests;
