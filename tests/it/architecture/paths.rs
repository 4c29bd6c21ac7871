//! The paths that a Rust source text names, in full: what it imports, however grouped and renamed, and what it calls
//! by way of those imports, of `super` or of nothing.

use std::collections::HashMap;
use std::iter::Peekable;
use std::vec::IntoIter;

/// A path and the line that names it. A glob ends in `*`.
#[derive(Debug, PartialEq)]
pub struct Named {
    pub line: usize,
    pub path: String,
}

impl Named {
    /// Whether this is `wanted`, something below it, or a glob that brings it along.
    pub fn reaches(&self, wanted: &str) -> bool {
        let below =
            |path: &str, root: &str| path.strip_prefix(root).is_some_and(|r| r.is_empty() || r.starts_with("::"));
        below(&self.path, wanted) || self.path.strip_suffix("::*").is_some_and(|root| below(wanted, root))
    }
}

/// The paths of `text`, which is the source of `file`.
pub fn named(file: &str, text: &str) -> Vec<Named> {
    let mut reader = Reader { tokens: tokens(text).into_iter().peekable(), imports: Vec::new(), calls: Vec::new() };
    reader.read();
    let module = module(file);
    let imports: Vec<_> =
        reader.imports.into_iter().map(|(line, name, path)| (line, name, absolute(&module, path))).collect();
    let names: HashMap<String, Vec<String>> = imports
        .iter()
        .filter(|(_, name, path)| path.first() != Some(name))
        .map(|(_, n, p)| (n.clone(), p.clone()))
        .collect();
    let calls = reader.calls.into_iter().map(|(line, path)| (line, absolute(&module, path)));
    let all = imports.iter().map(|(line, _, path)| (*line, path.clone())).chain(calls);
    all.map(|(line, path)| Named { line, path: resolved(path, &names).join("::") }).collect()
}

/// An import may stand on another import; four deep is more than anybody reads.
fn resolved(mut path: Vec<String>, names: &HashMap<String, Vec<String>>) -> Vec<String> {
    for _ in 0..4 {
        let Some(root) = path.first().and_then(|first| names.get(first)) else { break };
        path = root.iter().chain(&path[1..]).cloned().collect();
    }
    path
}

/// `src/mail/address.rs` is `crate::mail::address`.
fn module(file: &str) -> Vec<String> {
    let inner = file.strip_prefix("src/").unwrap_or(file).trim_end_matches(".rs").trim_end_matches("/mod");
    std::iter::once("crate").chain(inner.split('/').filter(|part| *part != "lib")).map(str::to_owned).collect()
}

fn absolute(module: &[String], path: Vec<String>) -> Vec<String> {
    let up = path.iter().take_while(|part| *part == "super" || *part == "self").count();
    if up == 0 {
        return path;
    }
    let supers = path.iter().take(up).filter(|part| *part == "super").count();
    module[..module.len() - supers].iter().chain(&path[up..]).cloned().collect()
}

#[derive(Debug, Clone, PartialEq)]
enum Token {
    Word(String),
    Colons,
    Other(char),
}

struct Reader {
    tokens: Peekable<IntoIter<(usize, Token)>>,
    /// Line, name in this file, path.
    imports: Vec<(usize, String, Vec<String>)>,
    calls: Vec<(usize, Vec<String>)>,
}

impl Reader {
    fn read(&mut self) {
        while let Some((line, token)) = self.tokens.next() {
            match token {
                Token::Word(word) if word == "use" => self.tree(&[]),
                Token::Word(word) => {
                    let mut path = vec![word];
                    while self.skip(&Token::Colons) {
                        match self.word() {
                            Some(word) => path.push(word),
                            None => break,
                        }
                    }
                    if path.len() > 1 {
                        self.calls.push((line, path));
                    }
                }
                Token::Colons | Token::Other(_) => {}
            }
        }
    }

    /// One branch of a `use`: below `root` a path, a group or a glob.
    fn tree(&mut self, root: &[String]) {
        let mut path = root.to_vec();
        self.skip(&Token::Colons);
        let line = self.tokens.peek().map_or(0, |(line, _)| *line);
        loop {
            if self.skip(&Token::Other('{')) {
                while !self.skip(&Token::Other('}')) && self.tokens.peek().is_some() {
                    self.tree(&path);
                    self.skip(&Token::Other(','));
                }
                return;
            }
            if self.skip(&Token::Other('*')) {
                path.push("*".to_owned());
                self.imports.push((line, "*".to_owned(), path));
                return;
            }
            match self.word() {
                // `{self}` is the module before it, a leading `self` this one.
                Some(word) if word == "self" && !path.is_empty() => {}
                Some(word) => path.push(word),
                None => {
                    self.tokens.next();
                    return;
                }
            }
            if !self.skip(&Token::Colons) {
                break;
            }
        }
        let renamed = self.skip(&Token::Word("as".to_owned())).then(|| self.word()).flatten();
        let name = renamed.or_else(|| path.last().cloned()).unwrap_or_default();
        self.imports.push((line, name, path));
    }

    fn skip(&mut self, token: &Token) -> bool {
        self.tokens.next_if(|(_, next)| next == token).is_some()
    }

    fn word(&mut self) -> Option<String> {
        match self.tokens.next_if(|(_, next)| matches!(next, Token::Word(_))) {
            Some((_, Token::Word(word))) => Some(word),
            _ => None,
        }
    }
}

/// The code's words and signs. Comments and literals are none.
fn tokens(text: &str) -> Vec<(usize, Token)> {
    let mut found = Vec::new();
    let (mut rest, mut line) = (text, 1);
    while let Some(first) = rest.chars().next() {
        let word = rest.len() - rest.trim_start_matches(|c: char| c.is_alphanumeric() || c == '_').len();
        let length = literal_or_comment(rest).unwrap_or_else(|| {
            let (token, length) = match first {
                _ if word > 0 => (Token::Word(rest[..word].to_owned()), word),
                ':' if rest.starts_with("::") => (Token::Colons, 2),
                sign => (Token::Other(sign), sign.len_utf8()),
            };
            if !first.is_whitespace() {
                found.push((line, token));
            }
            length
        });
        line += rest[..length].matches('\n').count();
        rest = &rest[length..];
    }
    found
}

/// The length of the comment, string or character that `text` begins with.
fn literal_or_comment(text: &str) -> Option<usize> {
    let until = |from: usize, end: &str| text[from..].find(end).map_or(text.len(), |at| from + at + end.len());
    if text.starts_with("//") {
        return Some(until(2, "\n"));
    }
    if text.starts_with("/*") {
        return Some(until(2, "*/"));
    }
    let inner = text.strip_prefix('b').or_else(|| text.strip_prefix('c')).unwrap_or(text);
    let prefix = text.len() - inner.len();
    if let Some(raw) = inner.strip_prefix('r') {
        let hashes = raw.len() - raw.trim_start_matches('#').len();
        if raw[hashes..].starts_with('"') {
            return Some(until(prefix + 1 + hashes + 1, &format!("\"{}", "#".repeat(hashes))));
        }
    }
    match inner.chars().next()? {
        '"' => Some(prefix + quoted(inner, '"')),
        '\'' => {
            let mut next = inner.chars().skip(1);
            let (first, second) = (next.next()?, next.next()?);
            // Without its second quote it is a lifetime.
            let is_character = first == '\\' || second == '\'';
            Some(if is_character { prefix + quoted(inner, '\'') } else { prefix + 1 })
        }
        _ => None,
    }
}

/// The length of a literal with both its quotes.
fn quoted(text: &str, quote: char) -> usize {
    let mut escaped = false;
    for (at, c) in text.char_indices().skip(1) {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            c if c == quote => return at + 1,
            _ => {}
        }
    }
    text.len()
}

#[test]
fn an_import_is_seen_however_it_is_written() {
    for (source, path) in [
        ("use std::fs;", "std::fs"),
        ("use std::{fmt, fs, io};", "std::fs"),
        ("use std::{\n    fmt,\n    fs::{self, File},\n};", "std::fs::File"),
        ("pub(crate) use ::std::fs::File as Paper;", "std::fs"),
        ("use std::time;\nfn f() { time::Instant::now(); }", "std::time::Instant"),
        ("use std as s;\nuse s::time as t;\nfn f() -> t::Instant { t::Instant::now() }", "std::time::Instant"),
        ("use std::*;", "std::fs"),
        ("use crate::{mail::address, store::{Store, users}};", "crate::store::users"),
        ("use super::super::store::Store;", "crate::store"),
        ("use super::{envelope, super::config};", "crate::config"),
        ("fn f() { let x: Vec<super::super::worker::Worker> = Vec::new(); }", "crate::worker"),
        ("fn f() { tokio::spawn(async {}); }", "tokio"),
        ("fn f() { let c = '\"'; tracing::info!(\"x\"); }", "tracing"),
        ("fn f<'a>(x: &'a str) { getrandom::fill(x); }", "getrandom"),
        ("const Q: &str = r#\"\"\"#; fn f() { rand::random(); }", "rand"),
    ] {
        let found = named("src/mail/address.rs", source);
        assert!(found.iter().any(|named| named.reaches(path)), "{path} is not seen in {source}: {found:?}");
    }
}

#[test]
fn what_only_looks_like_an_import_is_none() {
    for source in [
        "// std::fs\n/* use std::fs; */ /// [`crate::std::fs`]",
        "const A: &str = \"use std::fs; \\\" std::fs\";",
        "const A: &[u8] = br##\"\"# std::fs\"##; const B: char = '\\'';",
        "use std::fmt::fs; use crate::std::fs; use std::fs_like;",
        "fn f(fs: u8) -> u8 { fs }",
        "fn f() -> impl Fn() + use<> { || () }",
    ] {
        let found = named("src/mail/address.rs", source);
        assert!(!found.iter().any(|named| named.reaches("std::fs")), "{source}: {found:?}");
    }
}

#[test]
fn a_path_is_found_at_its_line() {
    let found = named("src/decide/mod.rs", "use std::fmt;\n\n/* a\nb */ fn f() { self::key::of(); }");
    let named = |line, path: &str| Named { line, path: path.to_owned() };
    assert_eq!(found, [named(1, "std::fmt"), named(4, "crate::decide::key::of")]);
}
