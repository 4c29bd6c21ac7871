//! The lines of HTML, and where each begins in it: enough to read a header block and to cut what is below it.
//!
//! Every tag is looked at once and no tree is built, so that no nesting costs more than its length.

use mail_parser::decoders::html::add_html_token;

use crate::mail::tags::{Tag, Tags, is_one_of};

/// The longest character reference, in octets (`&CounterClockwiseContourIntegral;`).
const MAX_ENTITY: usize = 34;

/// How many quotes may stand within each other. What is deeper looks like this deep.
const MAX_QUOTES: usize = 16;

/// How far into a line a label ends, in octets.
const LABEL_WITHIN: usize = 64;

const BLOCKS: &[&str] = &[
    "address",
    "article",
    "blockquote",
    "body",
    "center",
    "dd",
    "div",
    "dl",
    "dt",
    "fieldset",
    "footer",
    "form",
    "h1",
    "h2",
    "h3",
    "h4",
    "h5",
    "h6",
    "header",
    "hr",
    "html",
    "li",
    "ol",
    "p",
    "pre",
    "section",
    "table",
    "tbody",
    "tr",
    "ul",
];

/// Blocks with an empty line around them.
const SPACED: &[&str] = &["h1", "h2", "h3", "h4", "h5", "h6", "p", "pre", "table"];

const HIDDEN: &[&str] = &["head", "script", "style", "template", "title"];

/// The text of HTML, with `>` before quoted lines.
#[derive(Default)]
pub(super) struct Rendered {
    pub(super) text: String,
    /// Where in the HTML each line of the text begins.
    pub(super) starts: Vec<usize>,
    /// Whether some of it may be too faint to be seen.
    pub(super) may_be_faint: bool,
}

pub(super) fn render(html: &str) -> Rendered {
    rendered(html, false)
}

/// The same without what may be there for programs only: white text, and text without size. Programs write such tags around
/// what is seen, too, so that this is for a second opinion.
pub(super) fn render_visible(html: &str) -> Rendered {
    rendered(html, true)
}

fn rendered(html: &str, visible: bool) -> Rendered {
    let mut page = Page { html, visible, out: Rendered::default(), ..Page::default() };
    let mut from = 0;
    for tag in Tags::new(html) {
        page.text(html.get(from..tag.start).unwrap_or_default(), from);
        from = tag.end;
        page.tag(&tag);
    }
    page.text(html.get(from..).unwrap_or_default(), from);
    page.end_line();
    page.out
}

#[derive(Default)]
struct Page<'a> {
    html: &'a str,
    /// Whether faint text is left out.
    visible: bool,
    out: Rendered,
    line: String,
    /// Where the line begins in the HTML.
    start: usize,
    quotes: usize,
    /// The blockquotes that are open, and whether each is a quote.
    quoting: Vec<bool>,
    preformatted: usize,
    /// The element whose content nobody sees, and how many of its name are open.
    hidden: Option<(&'a str, usize)>,
    /// Where a link to a mailbox leads, and how long the line was when it began.
    link: Option<(String, usize)>,
}

impl<'a> Page<'a> {
    fn tag(&mut self, tag: &Tag<'a>) {
        let source = self.html.get(tag.start..tag.end).unwrap_or_default();
        if let Some((name, depth)) = &mut self.hidden {
            if tag.name.eq_ignore_ascii_case(name) && !source.ends_with("/>") {
                *depth = if tag.closes { *depth - 1 } else { *depth + 1 };
                if *depth == 0 {
                    self.hidden = None;
                    self.start = tag.end;
                }
            }
            return;
        }
        let faint = !tag.closes && may_be_faint(source);
        self.out.may_be_faint |= faint;
        let unseen = || is_invisible(tag.name, source) || (self.visible && faint && is_faint(tag.name, source));
        if !tag.closes && (is_one_of(tag.name, HIDDEN) || unseen()) {
            self.hidden = Some((tag.name, 1));
            return;
        }
        if tag.name.eq_ignore_ascii_case("br") {
            self.end_line();
            self.start = tag.end;
        } else if !tag.closes && is_one_of(tag.name, &["td", "th"]) {
            if !self.line.is_empty() {
                self.line.push('\t');
            }
        } else if tag.name.eq_ignore_ascii_case("a") {
            if tag.closes { self.end_link() } else { self.link = mailbox(source).map(|to| (to, self.line.len())) }
        } else if is_one_of(tag.name, BLOCKS) {
            self.block(tag, source);
        }
    }

    fn block(&mut self, tag: &Tag<'_>, source: &str) {
        if !self.line.trim().is_empty() {
            self.end_line();
        }
        self.line.clear();
        if is_one_of(tag.name, SPACED) && !self.out.text.ends_with("\n\n") && !self.out.text.is_empty() {
            self.end_line();
        }
        self.start = if tag.closes { tag.end } else { tag.start };
        if tag.name.eq_ignore_ascii_case("blockquote") {
            if tag.closes {
                self.quotes -= usize::from(self.quoting.pop().unwrap_or_default());
            } else {
                // The button for more indentation writes quotes, too.
                let quotes = !source.contains("40px") && self.quotes < MAX_QUOTES;
                self.quotes += usize::from(quotes);
                self.quoting.push(quotes);
            }
        } else if tag.name.eq_ignore_ascii_case("pre") {
            self.preformatted =
                if tag.closes { self.preformatted.saturating_sub(1) } else { self.preformatted.saturating_add(1) };
        } else if tag.name.eq_ignore_ascii_case("li") && !tag.closes {
            self.line.push_str("* ");
        }
    }

    fn text(&mut self, text: &str, at: usize) {
        if self.hidden.is_some() || text.is_empty() {
            return;
        }
        if self.line.is_empty() && self.start > at {
            self.start = at;
        }
        let mut rest = text;
        while let Some(c) = rest.chars().next() {
            let entity = (c == '&').then(|| entity_len(rest)).flatten();
            let (token, behind) = rest.split_at(entity.unwrap_or(c.len_utf8()));
            rest = behind;
            match c {
                '&' if entity.is_some() => {
                    let begin = self.line.len();
                    add_html_token(&mut self.line, token.as_bytes(), false);
                    // A line ends where an element or the text ends it, not by a reference (`&#10;`).
                    let decoded = self.line.split_off(begin);
                    self.line.push_str(&decoded.replace(['\n', '\r'], " "));
                }
                '\n' if self.preformatted > 0 => {
                    self.end_line();
                    self.start = at + (text.len() - rest.len());
                }
                ' ' | '\t' | '\n' | '\r' if self.preformatted == 0 => {
                    if !self.line.is_empty() && !self.line.ends_with([' ', '\t']) {
                        self.line.push(' ');
                    }
                }
                c => self.line.push(c),
            }
        }
    }

    /// The address of a mailbox that a header names without showing it.
    fn end_link(&mut self) {
        let Some((to, from)) = self.link.take() else { return };
        let shown = self.line.get(from..).unwrap_or_default();
        let head = self.line.get(..self.line.floor_char_boundary(LABEL_WITHIN)).unwrap_or_default();
        if !shown.contains('@') && head.contains([':', '：']) {
            self.line.push_str(" [mailto:");
            self.line.push_str(&to);
            self.line.push(']');
        }
    }

    fn end_line(&mut self) {
        self.out.starts.push(self.start);
        for _ in 0..self.quotes {
            self.out.text.push_str("> ");
        }
        self.out.text.push_str(self.line.trim_end());
        self.out.text.push('\n');
        self.line.clear();
        // What a link has shown is on the line above.
        self.link = self.link.take().map(|(to, _)| (to, 0));
    }
}

fn entity_len(text: &str) -> Option<usize> {
    let head = text.get(..text.floor_char_boundary(MAX_ENTITY))?;
    let end = head.find(';')?;
    let name = head.get(1..end)?;
    let is_name = !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'#');
    is_name.then_some(end + 1)
}

const VOID: &[&str] = &["br", "hr", "img", "input", "link", "meta"];

/// Whether a tag has a word of those that make text too faint: cheap, for all tags are asked.
fn may_be_faint(source: &str) -> bool {
    let bytes = source.as_bytes();
    let ends = |at: usize, with: &str| {
        let head = bytes.get(..at).unwrap_or_default().trim_ascii_end();
        head.len() >= with.len()
            && head.get(head.len() - with.len()..).is_some_and(|end| end.eq_ignore_ascii_case(with.as_bytes()))
    };
    let mut signs = bytes.iter().enumerate().filter(|(_, byte)| matches!(byte, b':' | b'='));
    signs.any(|(at, _)| {
        let value = bytes.get(at + 1..).unwrap_or_default().trim_ascii_start();
        let value = value.strip_prefix(b"\"").or_else(|| value.strip_prefix(b"'")).unwrap_or(value);
        match value.first().map(u8::to_ascii_lowercase) {
            Some(b'0') => ends(at, "size") || ends(at, "opacity") || ends(at, "height"),
            Some(b'#' | b'w' | b'r' | b't') => ends(at, "color"),
            Some(b'h') => ends(at, "visibility"),
            Some(b'a') => ends(at, "hide"),
            _ => false,
        }
    })
}

/// Elements whose text is too small or too pale to be seen: on a background of its own white is a colour like others.
fn is_faint(name: &str, source: &str) -> bool {
    const PALE: &[&str] = &["#fff", "#ffffff", "white", "rgb(255,255,255)", "rgba(255,255,255,1)", "transparent"];
    if is_one_of(name, VOID) || source.ends_with("/>") {
        return false;
    }
    let bare: String = source.chars().take(2_000).filter(|c| !c.is_whitespace()).collect();
    let bare = bare.to_ascii_lowercase();
    let Some((_, style)) = bare.split_once("style=") else {
        return name.eq_ignore_ascii_case("font")
            && bare.split_once("color=").is_some_and(|(_, value)| {
                PALE.contains(&value.trim_start_matches(['"', '\'']).split(['"', '\'', '>']).next().unwrap_or_default())
            });
    };
    let mut declared = style.split(['"', '\'', ';', '>']).filter_map(|one| one.split_once(':'));
    let on_ground = style.contains("background") || bare.contains("bgcolor");
    declared.any(|(property, value)| {
        let value = value.trim_end_matches("!important");
        let nothing = value.starts_with('0') && !value.contains(|c: char| ('1'..='9').contains(&c));
        match property {
            "font-size" | "opacity" | "max-height" => nothing,
            "visibility" => value == "hidden",
            "mso-hide" => value == "all",
            "color" => PALE.contains(&value) && !on_ground,
            _ => false,
        }
    })
}

/// Elements that are not shown: what they say is nobody's message.
fn is_invisible(name: &str, source: &str) -> bool {
    if is_one_of(name, VOID) || !source.contains("none") && !source.contains("NONE") || source.ends_with("/>") {
        return false;
    }
    let bare: String = source.chars().take(2_000).filter(|c| !c.is_whitespace()).collect();
    bare.to_ascii_lowercase().contains("display:none")
}

/// Where `<a href="mailto:…">` leads.
fn mailbox(source: &str) -> Option<String> {
    let at = source.to_ascii_lowercase().find("mailto:")? + "mailto:".len();
    let to = source.get(at..)?.split(['"', '\'', '>', '?', ' ']).next()?;
    let to = to.replace("%40", "@");
    (to.contains('@') && to.len() < 300).then_some(to)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn lines_are_those_that_a_reader_sees() {
        for (html, text) in [
            ("<div>a</div><div><br></div><div>b</div>", "a\n\nb\n"),
            ("<p>a</p><p>b</p>", "a\n\nb\n"),
            ("a<br>\n b &amp; c<br/>", "a\nb & c\n"),
            (
                "<table><tr><th>From: </th><td>Ana</td></tr><tr><th>To:</th><td>us</td></tr></table>",
                "From: \tAna\nTo:\tus\n",
            ),
            ("x<blockquote type=cite><div>q</div><blockquote>r</blockquote></blockquote>y", "x\n> q\n> > r\ny\n"),
            ("<head><title>t</title><style>p{}</style></head><p>a&nbsp;&uuml;</p>", "a\u{a0}ü\n"),
            ("<div style='display: none'>From: <div>x</div></div>b", "b\n"),
            ("From: <a href=\"mailto:ana@customer.example?x\">Ana</a>", "From: Ana [mailto:ana@customer.example]\n"),
            ("<pre>a\n  b</pre>", "a\n  b\n"),
        ] {
            let found = render(html).text;
            assert_eq!(found.trim(), text.trim(), "{html}");
        }
    }

    #[test]
    fn a_reference_ends_no_line() {
        let found = render("a&#10;b&#13;c");
        assert_eq!((found.text.trim(), found.starts.len()), ("a b c", 1));
    }

    #[test]
    fn a_line_knows_where_it_begins() {
        let html = "<div>one<br>two</div><p class=x>three</p>";
        let found = render(html);
        let at = found.text.lines().position(|line| line == "three").unwrap();
        assert_eq!(&html[found.starts[at]..], "<p class=x>three</p>");
    }

    proptest! {
        #[test]
        fn any_text_is_html(html in "(<[a-z/!]{0,6}( (style|href)=['\"]?[a-z:@]{0,8}['\"]?)?>?|&[#a-zA-Z0-9]{0,6};?|[a-zå >\n]{0,5}){0,40}") {
            let found = render(&html);
            prop_assert_eq!(found.text.lines().count(), found.starts.len());
            for start in &found.starts {
                prop_assert!(html.get(*start..).is_some());
            }
        }
    }
}
