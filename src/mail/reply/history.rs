//! Which lines are new: those above the history, below it, and between quotes.

use super::header::{block, is_dashed, may_separate, separator};
use super::intro::{intro_ending_at, may_end_intro};
use super::lines::{Kind, Line};

/// How many lines are looked at as possible introductions, and as possible header blocks. People's mail has a few; where
/// there are more, history has long begun.
const MAX_CANDIDATES: usize = 400;

/// What a body has of its own.
pub(super) enum Found<'a> {
    /// Stretches of new text, in order.
    New(Vec<Vec<Line<'a>>>),
    /// Somebody else's words, and whose they are, and nothing else.
    OnlyQuoted,
    /// Nothing that could be taken away: no history, or nothing but a forwarded mail.
    Whole,
}

pub(super) fn new_text<'a>(lines: &[Line<'a>]) -> Found<'a> {
    let mut lines = lines.to_vec();
    mark_intros(&mut lines);
    let (mut body, cut) = above_block(&lines);
    heal_wrapped_quotes(&mut body);
    let attributed = body.iter().any(|line| line.kind == Kind::Intro);
    let parts = own_parts(&body);
    if parts.iter().flatten().any(|line| matches!(line.kind, Kind::Text | Kind::Signature)) {
        return Found::New(parts);
    }
    let quoted_intro = || body.iter().find(|line| line.kind == Kind::Quote).is_some_and(is_quoted_intro);
    if !cut && !body.iter().any(is_text) && (attributed || quoted_intro()) {
        return Found::OnlyQuoted;
    }
    Found::Whole
}

fn is_text(line: &Line) -> bool {
    line.kind == Kind::Text
}

fn is_quoted_intro(line: &Line) -> bool {
    let text = line.text.trim_start_matches(|c: char| c == '>' || c.is_whitespace());
    let text = Line { text, kind: Kind::Text };
    intro_ending_at(&[text, Line { text: ">", kind: Kind::Quote }], 0).is_some()
}

fn mark_intros(lines: &mut [Line]) {
    let candidates = (0..lines.len()).filter(|end| may_end_intro(lines, *end)).take(MAX_CANDIDATES);
    for end in candidates.collect::<Vec<_>>() {
        if let Some(start) = intro_ending_at(lines, end) {
            lines.iter_mut().take(end + 1).skip(start).for_each(|line| line.kind = Kind::Intro);
        }
    }
}

/// What stands above a block of header lines or a separator, and whether there was one. Where it is the first thing and
/// a marked quote follows, the new text is below that.
fn above_block<'a>(lines: &[Line<'a>]) -> (Vec<Line<'a>>, bool) {
    let mut kept: Vec<Line> = Vec::new();
    let (mut at, mut candidates) = (0, 0);
    while let Some(line) = lines.get(at) {
        let rest = lines.get(at..).unwrap_or_default();
        let taken = match line.kind {
            Kind::Forward => Some(1),
            Kind::Text if candidates < MAX_CANDIDATES && may_separate(line.text) => {
                candidates += 1;
                separator(line.text).map(|_| 1).or_else(|| block(rest))
            }
            _ => None,
        };
        let Some(taken) = taken else {
            kept.push(*line);
            at += 1;
            continue;
        };
        let below = rest.get(taken..).unwrap_or_default();
        let quote_follows =
            below.iter().find(|line| line.kind != Kind::Empty).is_some_and(|line| line.kind == Kind::Quote);
        // A separator in words that are not known.
        while kept.last().is_some_and(|line| line.kind == Kind::Empty || is_dashed(line.text)) {
            kept.pop();
        }
        if kept.iter().any(is_text) || line.kind == Kind::Forward || !quote_follows || !below.iter().any(is_text) {
            return (kept, true);
        }
        kept.push(Line { text: "", kind: Kind::Intro });
        at += taken;
    }
    (kept, false)
}

/// Lines that a mail program broke within a quote without marking the rest.
fn heal_wrapped_quotes(lines: &mut [Line]) {
    for at in 1..lines.len() {
        let (Some(above), Some(line), below) = (lines.get(at - 1), lines.get(at), lines.get(at + 1)) else { continue };
        let quoted = |line: Option<&Line>| line.is_some_and(|line| line.kind == Kind::Quote);
        let text = line.text.trim();
        let link = text.trim_start_matches(['<', '(', '[']);
        let is_link = link.len() < text.len() && (link.starts_with("http://") || link.starts_with("https://"));
        let goes_on = !text.starts_with(char::is_uppercase)
            && !above.text.trim_end().ends_with(['.', '?', '!', ':', ';', '。', '？', '！', '>'])
            && above.text.trim().len() > 30;
        let broken = line.kind == Kind::Text && above.kind == Kind::Quote && quoted(below) && (goes_on || is_link);
        if broken && let Some(line) = lines.get_mut(at) {
            line.kind = Kind::Quote;
        }
    }
}

/// The stretches of text that are new in a body without header blocks.
fn own_parts<'a>(lines: &[Line<'a>]) -> Vec<Vec<Line<'a>>> {
    let lines = above_unmarked(lines);
    let last_text = lines.iter().rposition(|line| matches!(line.kind, Kind::Text | Kind::Signature));
    let lines = lines.get(..last_text.map_or(0, |at| at + 1)).unwrap_or_default();
    let keep_quotes = is_interleaved(lines);
    let mut parts: Vec<Vec<Line>> = vec![Vec::new()];
    let mut attributed = false;
    for line in lines {
        match line.kind {
            Kind::Intro | Kind::Forward => attributed = true,
            Kind::Quote if attributed && !keep_quotes => parts.push(Vec::new()),
            _ => parts.last_mut().into_iter().for_each(|part| part.push(*line)),
        }
    }
    parts.retain(|part| part.iter().any(|line| line.kind != Kind::Empty));
    parts
}

/// The lines above an introduction that no marked quote follows: what is below it is history. When nothing is above it,
/// the text below is taken for the reply, as some programs put the introduction first.
fn above_unmarked<'l, 'a>(lines: &'l [Line<'a>]) -> &'l [Line<'a>] {
    let mut text_above = false;
    for (at, line) in lines.iter().enumerate() {
        text_above |= is_text(line);
        if line.kind == Kind::Intro && text_above {
            let next =
                lines.get(at + 1..).unwrap_or_default().iter().find(|l| !matches!(l.kind, Kind::Empty | Kind::Intro));
            if next.is_none_or(is_text) {
                return lines.get(..at).unwrap_or_default();
            }
        }
    }
    lines
}

/// Whether answers stand between quotes: those say what is answered, and stay.
fn is_interleaved(lines: &[Line]) -> bool {
    let mut runs = 0;
    let mut last = Kind::Empty;
    let mut after_intro = false;
    for line in lines.iter().filter(|line| line.kind != Kind::Empty) {
        after_intro |= line.kind == Kind::Intro;
        if after_intro && line.kind == Kind::Quote && last != Kind::Quote {
            runs += usize::from(last == Kind::Text || runs == 0);
        }
        last = if line.kind == Kind::Intro { last } else { line.kind };
    }
    runs > 1
}
