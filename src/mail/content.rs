//! Bodies for people: HTML that is safe to show, and the text of HTML.

use std::borrow::Cow;
use std::collections::HashSet;
use std::sync::LazyLock;

use ammonia::{Builder, UrlRelative};

use super::plain::Plain;
use super::tags::{Tags, is_hostile, is_one_of};

/// The widest line of text: paragraphs are not broken, the reader's window does that.
const WIDTH: usize = 1_000_000;

/// Images that show without asking anybody: parts of the message, and pixels within the HTML itself.
const LOCAL_IMAGES: &[&str] = &[
    "cid:",
    "data:image/png",
    "data:image/jpeg",
    "data:image/jpg",
    "data:image/gif",
    "data:image/webp",
    "data:image/bmp",
];

static SANITIZER: LazyLock<Builder<'static>> = LazyLock::new(|| {
    let mut builder = Builder::default();
    builder
        .url_schemes(HashSet::from(["http", "https", "mailto", "tel", "cid", "data"]))
        .url_relative(UrlRelative::Deny)
        .link_rel(Some("noopener noreferrer nofollow"))
        .add_clean_content_tags(["title"])
        .attribute_filter(|element, attribute, value| {
            let local = LOCAL_IMAGES.iter().any(|prefix| starts_with_ignore_case(value, prefix));
            let kept = match (element, attribute) {
                ("img", "src") => local,
                // Anything else that holds an address of these schemes would be a link to run or to fetch.
                (_, "href" | "cite") => links_away(value),
                (_, "src" | "srcset" | "background" | "poster" | "style") => false,
                _ => true,
            };
            kept.then_some(Cow::Borrowed(value))
        });
    builder
});

/// Whether a link leads to a page, a mailbox or a telephone, read as a browser reads it: it overlooks tabs and line ends
/// within the scheme.
fn links_away(value: &str) -> bool {
    url::Url::parse(value).is_ok_and(|url| matches!(url.scheme(), "http" | "https" | "mailto" | "tel"))
}

/// HTML that can be shown in a page: no script, no style, nothing that is fetched when it is shown. Images are the
/// message's own (`cid:`) or in the HTML (`data:`); remote ones lose their address.
pub fn display_html(html: &str) -> String {
    if is_hostile(html) {
        return format!("<pre>{}</pre>", escape(&strip_tags(html)));
    }
    SANITIZER.clean(html).to_string()
}

/// The text of HTML, one line a paragraph.
pub fn text_of_html(html: &str) -> String {
    let rendered = if is_hostile(html) {
        None
    } else {
        let config =
            html2text::config::with_decorator(Plain).raw_mode(true).unicode_strikeout(false).allow_width_overflow();
        config.string_from_read(html.as_bytes(), WIDTH).ok()
    };
    tidy(&rendered.unwrap_or_else(|| strip_tags(html)))
}

/// The longest part of the text that fits into `limit` octets (H5).
pub fn truncate_text(text: &str, limit: usize) -> &str {
    text.get(..text.floor_char_boundary(limit)).unwrap_or(text)
}

/// Text as HTML.
pub(super) fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + text.len() / 8);
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            c => out.push(c),
        }
    }
    out
}

/// No blanks at line ends, no more than one empty line at a time.
fn tidy(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut empty = 0;
    for line in text.lines().map(str::trim_end) {
        empty = if line.is_empty() { empty + 1 } else { 0 };
        if empty > 1 || (line.is_empty() && out.is_empty()) {
            continue;
        }
        out.push_str(line);
        out.push('\n');
    }
    out.truncate(out.trim_end().len());
    out
}

/// The text between the tags, without scripts and styles, for HTML that no parser should see.
fn strip_tags(html: &str) -> String {
    let mut out = String::with_capacity(html.len() / 2);
    let mut from = 0;
    let mut hidden: Option<&str> = None;
    for tag in Tags::new(html) {
        if hidden.is_none() {
            out.push_str(html.get(from..tag.start).unwrap_or_default());
        }
        from = tag.end;
        match hidden {
            Some(name) if tag.closes && tag.name.eq_ignore_ascii_case(name) => hidden = None,
            Some(_) => {}
            None if !tag.closes => {
                hidden = ["script", "style", "title"].into_iter().find(|n| tag.name.eq_ignore_ascii_case(n));
            }
            None => {}
        }
        if is_block(tag.name) && !out.ends_with('\n') {
            out.push('\n');
        }
    }
    if hidden.is_none() {
        out.push_str(html.get(from..).unwrap_or_default());
    }
    let entities = [("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&nbsp;", " "), ("&amp;", "&")];
    entities.iter().fold(out, |text, (entity, c)| if text.contains(entity) { text.replace(entity, c) } else { text })
}

fn is_block(name: &str) -> bool {
    is_one_of(name, &["p", "br", "div", "li", "tr", "table", "blockquote", "h1", "h2", "h3", "pre"])
}

fn starts_with_ignore_case(text: &str, prefix: &str) -> bool {
    text.trim_start().get(..prefix.len()).is_some_and(|start| start.eq_ignore_ascii_case(prefix))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn nothing_is_fetched_when_html_is_shown() {
        for html in [
            "<img src=\"https://track.example/p.gif\">",
            "<img src=\"//track.example/p.gif\">",
            "<img srcset=\"https://track.example/p.gif 2x\" src=p.gif>",
            "<img src=\" HTTP://track.example/p.gif\">",
            "<table background=\"https://track.example/b.png\"><tr><td background=https://track.example/c>x</table>",
            "<div style=\"background:url(https://track.example/b.png)\">x</div>",
            "<style>@import url(https://track.example/s.css)</style>",
            "<link rel=stylesheet href=https://track.example/s.css>",
            "<iframe src=https://track.example></iframe><video poster=https://track.example/v></video>",
            "<svg><image href=https://track.example/x></svg><object data=https://track.example></object>",
            "<img src=\"data:text/html,https://track.example\">",
        ] {
            assert!(!display_html(html).contains("track.example"), "{html}: {}", display_html(html));
        }
    }

    #[test]
    fn a_link_that_a_browser_would_run_is_none_however_it_is_written() {
        for href in ["da&#9;ta:text/html,x", "&#1;data:text/html,x", "java\nscript:x()", "cid:logo", "vbscript:x"] {
            let shown = display_html(&format!("<a href=\"{href}\">x</a>"));
            assert!(!shown.contains("href"), "{href}: {shown}");
        }
        assert!(display_html("<a href=\"https://ours.example\">x</a>").contains("href=\"https://ours.example\""));
    }

    #[test]
    fn the_messages_own_images_stay() {
        assert!(display_html("<img src=\"cid:logo@ours.example\">").contains("cid:logo@ours.example"));
        assert!(display_html("<img src=\"data:image/png;base64,AAAA\">").contains("data:image/png"));
    }

    #[test]
    fn nothing_runs_when_html_is_shown() {
        for html in [
            "<script>evil()</script>",
            "<p onclick=evil()>x</p>",
            "<a href=\"javascript:evil()\">x</a>",
            "<a href=\"data:text/html,<script>evil()</script>\">x</a>",
            "<svg onload=evil()>",
            "<form action=evil()><input name=evil()></form>",
        ] {
            assert!(!display_html(html).contains("evil()"), "{html}: {}", display_html(html));
        }
    }

    #[test]
    fn links_stay_without_telling_where_they_came_from() {
        let html = display_html("<a href=\"https://customer.example/\">here</a>");
        assert!(html.contains("href=\"https://customer.example/\"") && html.contains("noopener noreferrer nofollow"));
    }

    #[test]
    fn html_becomes_text_a_person_can_read() {
        let text = text_of_html(
            "<style>p{}</style><p>Hello&nbsp;Åsa,</p><p>the <b>offer</b><br>is here</p><ul><li>one<li>two</ul>",
        );
        assert_eq!(text.replace('\u{a0}', " "), "Hello Åsa,\n\nthe offer\nis here\n* one\n* two");
        assert_eq!(
            text_of_html("<table><tr><td>a</td><td>b</td></tr></table>").split_whitespace().collect::<Vec<_>>(),
            ["a", "b"]
        );
        assert_eq!(text_of_html(""), "");
        let quoted = "<b>From:</b> <a href=\"mailto:a@x.example\">a@x.example</a><hr><blockquote>q<br>r</blockquote><ol><li>one</ol>";
        assert_eq!(text_of_html(quoted), "From: a@x.example\n\n> q\n> r\n1. one");
        let paragraph = "word ".repeat(1_000);
        assert_eq!(text_of_html(&format!("<p>{paragraph}</p>")), paragraph.trim_end());
    }

    #[test]
    fn hostile_nesting_is_neither_deep_nor_slow() {
        for (open, close) in
            [("<div>", ""), ("<b>", ""), ("<table><tr><td>", ""), ("<blockquote>", "</blockquote>"), ("<a b=", "")]
        {
            let html = format!("{}words &lt;here&gt;<p>last{}", open.repeat(100_000), close.repeat(100_000));
            let text = text_of_html(&html);
            assert!(open == "<a b=" || text.contains("words <here>"), "{open}");
            assert!(!display_html(&html).contains("<div"));
        }
    }

    #[test]
    fn text_is_cut_between_characters() {
        assert_eq!(truncate_text("åäö", 3), "å");
        assert_eq!(truncate_text("åäö", 4), "åä");
        assert_eq!(truncate_text("åäö", 100), "åäö");
        assert_eq!(truncate_text("åäö", 0), "");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn any_text_is_html(html in "(<[a-z/!]{0,6}( [a-z]{1,5}=['\"]?[a-z:]{0,8}['\"]?)?>?|&[a-z]{0,4};?|[a-zå ]{0,5}){0,30}") {
            display_html(&html);
            text_of_html(&html);
            strip_tags(&html);
        }
    }
}
