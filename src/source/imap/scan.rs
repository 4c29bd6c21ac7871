//! A scanner over the bytes a server sends, which keeps the parser above it from harm.
//!
//! The parser buffers a literal whole, reads a line again for every piece that arrives, and descends once per
//! parenthesis of a body structure, on the stack of the whole process. It also takes any text as the value of a FETCH
//! attribute it does not know, so whoever wants to hide parentheses from a scanner writes something that looks like a
//! literal there. Hence the rules, which are stricter than the grammar (RFC 3501 section 9) where we never ask for more:
//!
//! - every `(` counts, quoted or not, closed again or not: no answer we ask for needs more than a handful;
//! - a literal may stand only where we expect one: in FETCH as the value of `BODY[…]`, in LIST and in ID;
//! - nothing follows the parenthesis that closes a FETCH, and no FETCH ends before it.

/// What a server may send in one answer.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bounds {
    /// Bytes of literals.
    pub(super) literal: u64,
    /// Bytes outside literals.
    pub(super) line: u64,
    /// Opening parentheses.
    pub(super) nesting: u32,
}

/// The rule a server broke.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum Excess {
    #[error("the server announced a literal longer than allowed")]
    Literal,
    #[error("the server sent a line longer than allowed")]
    Line,
    #[error("the server sent more parentheses than allowed")]
    Nesting,
    #[error("the server sent a literal where none belongs")]
    Misplaced,
    #[error("the server sent a FETCH answer with unbalanced parentheses")]
    Unbalanced,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// `+ …`, `* OK …`, `A1 NO …`: text for people.
    Status,
    Fetch,
    /// LIST and ID, which hold strings.
    Strings,
    Other,
}

/// The state between two pieces of input. One answer may have several lines: a literal continues it.
#[derive(Debug)]
pub(super) struct Scanner {
    bounds: Bounds,
    /// Bytes of the current literal still to come.
    literal: u64,
    /// Bytes of literals in this answer so far.
    literals: u64,
    /// Bytes outside literals in this answer so far.
    line: u64,
    opened: u32,
    depth: i64,
    /// The first bytes of the answer, enough to know its kind.
    head: Vec<u8>,
    /// Bytes of all answers so far, and of those before the present line.
    read: u64,
    began: u64,
    /// Where lines began and ended that are text for people, since that was last asked.
    spoken: Vec<(u64, u64)>,
    /// The last bytes, enough to hold a literal's announcement and what stands before it.
    tail: Vec<u8>,
}

const HEAD: usize = 40;
const TAIL: usize = 32;

impl Scanner {
    pub(super) fn new(bounds: Bounds) -> Self {
        let (head, tail) = (Vec::with_capacity(HEAD), Vec::with_capacity(2 * TAIL));
        Self {
            bounds,
            literal: 0,
            literals: 0,
            line: 0,
            opened: 0,
            depth: 0,
            head,
            read: 0,
            began: 0,
            spoken: Vec::new(),
            tail,
        }
    }

    /// The lines that are text for people and came to their end since this was last asked: where each begins and ends,
    /// counted from the first byte of all.
    pub(super) fn spoken(&mut self) -> Vec<(u64, u64)> {
        std::mem::take(&mut self.spoken)
    }

    /// Scans the next piece. Tells how many of its bytes belong to whole lines or to a literal, and the rule that what
    /// comes after them breaks.
    pub(super) fn scan(&mut self, piece: &[u8]) -> (usize, Option<Excess>) {
        let (mut at, mut whole) = (0, 0);
        while let Some(byte) = piece.get(at) {
            if self.literal > 0 {
                let take = usize::try_from(self.literal).unwrap_or(usize::MAX).min(piece.len() - at);
                self.literal -= take as u64;
                self.read += take as u64;
                at += take;
                whole = at;
                continue;
            }
            at += 1;
            match self.byte(*byte) {
                Ok(true) => whole = at,
                Ok(false) => {}
                Err(excess) => return (whole, Some(excess)),
            }
        }
        (whole, None)
    }

    /// Takes one byte outside a literal; true when it ends a line.
    fn byte(&mut self, byte: u8) -> Result<bool, Excess> {
        self.line += 1;
        self.read += 1;
        if self.line > self.bounds.line {
            return Err(Excess::Line);
        }
        if self.head.len() < HEAD {
            self.head.push(byte);
        }
        if self.tail.len() == 2 * TAIL {
            self.tail.drain(..TAIL);
        }
        self.tail.push(byte);
        match byte {
            b'\n' if self.tail.ends_with(b"\r\n") => return self.end_of_line().map(|()| true),
            b'(' => {
                self.opened += 1;
                self.depth += 1;
                if self.opened > self.bounds.nesting && self.kind() != Kind::Status {
                    return Err(Excess::Nesting);
                }
            }
            b')' => self.depth -= 1,
            _ => return Ok(false),
        }
        // A parenthesis after the last one, or a closing one too many.
        let reopened = byte == b'(' && self.depth == 1 && self.opened > 1;
        if (reopened || self.depth < 0) && self.kind() == Kind::Fetch {
            return Err(Excess::Unbalanced);
        }
        Ok(false)
    }

    fn end_of_line(&mut self) -> Result<(), Excess> {
        let kind = self.kind();
        if let Some((length, before)) = announced(&self.tail) {
            let bodily = self.depth == 1 && (before.ends_with(b"] ") || before.ends_with(b"> "));
            match kind {
                Kind::Fetch if bodily => {}
                Kind::Strings if before.ends_with(b" ") || before.ends_with(b"(") => {}
                _ => return Err(Excess::Misplaced),
            }
            self.literals = self.literals.saturating_add(length.unwrap_or(u64::MAX));
            if self.literals > self.bounds.literal {
                return Err(Excess::Literal);
            }
            self.literal = length.unwrap_or(0);
            self.tail.clear();
            return Ok(());
        }
        if kind == Kind::Fetch && (self.depth != 0 || !self.tail.trim_ascii_end().ends_with(b")")) {
            return Err(Excess::Unbalanced);
        }
        if kind == Kind::Status {
            self.spoken.push((self.began, self.read));
        }
        self.began = self.read;
        (self.literals, self.line, self.opened, self.depth) = (0, 0, 0, 0);
        self.head.clear();
        self.tail.clear();
        Ok(())
    }

    fn kind(&self) -> Kind {
        if self.head.starts_with(b"+") {
            return Kind::Status;
        }
        let untagged = self.head.starts_with(b"* ");
        let mut words = self.head.split(|byte| *byte == b' ' || *byte == b'\r').skip(1);
        let (second, third) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
        let is = |word: &[u8], names: &[&str]| names.iter().any(|name| word.eq_ignore_ascii_case(name.as_bytes()));
        if is(second, &["OK", "NO", "BAD", "BYE", "PREAUTH"]) {
            Kind::Status
        } else if untagged && is(third, &["FETCH"]) && second.iter().all(u8::is_ascii_digit) {
            Kind::Fetch
        } else if untagged && is(second, &["LIST", "ID"]) {
            Kind::Strings
        } else {
            Kind::Other
        }
    }
}

/// The literal a line announces at its end, `{12}` CRLF, with what stands before it. No number stands for one that no
/// one could hold.
fn announced(line: &[u8]) -> Option<(Option<u64>, &[u8])> {
    let line = line.strip_suffix(b"}\r\n")?;
    let digits = line.iter().rev().take_while(|byte| byte.is_ascii_digit()).count();
    let (before, digits) = line.split_at_checked(line.len() - digits)?;
    match before.strip_suffix(b"{") {
        Some(before) if !digits.is_empty() => Some((str::from_utf8(digits).ok()?.parse().ok(), before)),
        // So many digits that the brace before them is out of sight.
        None if before.is_empty() => Some((None, b"")),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use async_imap::imap_proto::Response;
    use proptest::prelude::*;

    use super::*;

    const BOUNDS: Bounds = Bounds { literal: 100, line: 200, nesting: 8 };

    /// Scans `input` in pieces of every size: each way must come to the same end.
    fn scan(input: &str) -> Option<Excess> {
        let outcome = |size: usize| {
            let mut scanner = Scanner::new(BOUNDS);
            input.as_bytes().chunks(size).find_map(|piece| scanner.scan(piece).1)
        };
        let whole = outcome(input.len().max(1));
        for size in 1..input.len() {
            assert_eq!(outcome(size), whole, "in pieces of {size}: {input}");
        }
        whole
    }

    #[test]
    fn what_servers_say_may_pass() {
        for input in [
            "* OK [PERMANENTFLAGS (\\Seen \\*)] \"quoted ((((((((((\r\n",
            "+ idling\r\nA1 OK done (((((((((\r\n",
            "* LIST (\\Sent) \"/\" \"a \\\"(b\"\r\n* LIST () \"/\" {5}\r\n(((((\r\n",
            "* 1 FETCH (UID 5 BODY[HEADER.FIELDS (\"FROM\" TO)] {12}\r\n)))((({99}\r\n!)\r\nA1 OK\r\n",
            "* 1 FETCH (BODY[]<0> {3}\r\n(\r\n UID 5 FLAGS (\\Seen))\r\n* 2 FETCH (UID 6 THREADID (T1))\r\n",
            "* 1 FETCH (UID 5 INTERNALDATE \"17-Jul-1996 02:44:25 -0700\" RFC822.SIZE 3) \r\n",
            "* SEARCH 1 2 3\r\n* 4 EXISTS\r\n* ID (\"name\" {3}\r\nabc)\r\n",
        ] {
            assert_eq!(scan(input), None, "{input}");
        }
    }

    #[test]
    fn each_bound_holds_for_a_whole_answer() {
        let fetch = |size: usize| format!("* 1 FETCH (UID 5 BODY[] {{{size}}}\r\n{}", "x".repeat(size));
        assert_eq!(scan(&(fetch(100) + ")\r\n")), None);
        assert_eq!(scan(&(fetch(60) + " BODY[] {41}\r\n")), Some(Excess::Literal));
        assert_eq!(scan("* 1 FETCH (BODY[] {4294967296}\r\n"), Some(Excess::Literal));
        assert_eq!(scan(&format!("* 1 FETCH (BODY[] {{{}}}\r\n", "9".repeat(40))), Some(Excess::Literal));
        assert_eq!(scan(&format!("* OK {}\r\n", "x".repeat(200))), Some(Excess::Line));
        assert_eq!(scan(&format!("* 1 FETCH (BODY {}", "(".repeat(8))), Some(Excess::Nesting));
        assert_eq!(scan("* 1 FETCH (BODY () () () () () () () ()"), Some(Excess::Nesting));
    }

    #[test]
    fn nothing_hides_in_what_only_looks_like_a_literal() {
        for input in [
            "* OK here {5}\r\n",
            "* OK [BADCHARSET ({400}\r\n",
            "+ {5}\r\n",
            "A1 NO {5}\r\n",
            "* 1 FETCH (FOO a{50}\r\n",
            "* 1 FETCH (FOO (x {50}\r\n",
            "* 1 FETCH (FOO (x] {50}\r\n",
            "* 1 FETCH (FOO ({50}\r\n",
            "* 1 FETCH (FOO \")\" {50}\r\n",
            "* STATUS {5}\r\n",
            "* LIST () \"/\" a{5}\r\n",
        ] {
            assert_eq!(scan(input), Some(Excess::Misplaced), "{input}");
        }
    }

    #[test]
    fn a_fetch_ends_with_the_parenthesis_that_opened_it() {
        for input in [
            "* 1 FETCH (FOO \")\" BAR (x] {50}\r\n",
            "* 1 FETCH (FOO a\r\n BODYSTRUCTURE (((\r\n",
            "* 1 FETCH (UID 5))\r\n",
            "* 1 FETCH (UID 5) more\r\n",
            "* 1 FETCH\r\n",
        ] {
            let excess = scan(input);

            assert_eq!(excess, Some(Excess::Unbalanced), "{input}");
        }
    }

    #[test]
    fn whole_lines_and_parts_of_literals_are_let_pass() {
        let mut scanner = Scanner::new(BOUNDS);
        assert_eq!(scanner.scan(b"* 1 FET"), (0, None));
        assert_eq!(scanner.scan(b"CH (BODY[] {5}\r\nab"), (18, None));
        assert_eq!(scanner.scan(b"c"), (1, None));
        assert_eq!(scanner.scan(b"de UID 5"), (2, None));
        assert_eq!(scanner.scan(b")\r\n* OK\r\n+"), (9, None));
    }

    /// Scans up to `end`; true if that is the end of an answer for the scanner too, none if it stopped before.
    fn agrees(input: &[u8], end: usize) -> Option<bool> {
        let mut scanner = Scanner::new(Bounds { literal: 1_000, line: 1_000, nesting: 32 });
        let (_, excess) = scanner.scan(&input[..end]);
        excess.is_none().then_some(scanner.line == 0 && scanner.literal == 0)
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(20_000))]

        /// Else something could be hidden from the one that shows to the other.
        #[test]
        fn scanner_and_parser_agree_where_an_answer_ends(
            words in prop::collection::vec(prop::sample::select(WORDS), 1..24),
        ) {
            let input = ["* 1 FETCH (", &words.concat(), "UID 5)\r\n* 2 EXISTS\r\n"].concat().into_bytes();
            let mut rest = &input[..];
            while let Ok((after, _)) = Response::parse(rest) {
                match agrees(&input, input.len() - after.len()) {
                    Some(agreed) => prop_assert!(agreed, "{}", String::from_utf8_lossy(&input)),
                    None => break,
                }
                rest = after;
            }
        }
    }

    const WORDS: &[&str] = &[
        "FOO ",
        "UID 5 ",
        "BODY[] ",
        "BODY[]<0> ",
        "BODY[HEADER.FIELDS (\"A\" B)] ",
        "BODYSTRUCTURE ",
        "FLAGS ",
        "NIL ",
        "a",
        "\\",
        "x] ",
        "x> ",
        " ",
        "(",
        ")",
        ") ",
        "(x",
        "\"",
        "\" ",
        "\")\" ",
        "\"(\" ",
        "{0}\r\n",
        "{3}\r\n",
        "{9}\r\n",
        "{12}\r\n",
        "\r\n",
        ")\r\n",
        "* OK ",
        "* LIST () NIL ",
        "* ID (",
        "* 1 FETCH (",
        "+ ",
        "A1 OK ",
        "[BADCHARSET (",
    ];
}
