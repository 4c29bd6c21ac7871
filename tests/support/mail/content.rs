//! The bulk of a mail: the trace fields of its way here, and bodies of the kinds people send.

use chrono::{DateTime, Utc};
use std::sync::OnceLock;

use super::chance::Chance;
use super::mime::{self, file_part, inline_part, multipart, text_part};
use super::words::Language;
use super::{File, sha256};

/// File names and media types of attachments.
const FILES: &[(&str, &str)] = &[
    ("quote.pdf", "application/pdf"),
    ("följesedel åäö.pdf", "application/pdf"),
    ("część 2.docx", "application/vnd.openxmlformats-officedocument.wordprocessingml.document"),
    ("見積書.xlsx", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
    ("site photo.jpg", "image/jpeg"),
    ("measurements.zip", "application/zip"),
];

/// Attachments are cut from this: making bytes for each would take longer than sending them.
static POOL: OnceLock<Vec<u8>> = OnceLock::new();
const POOL_BYTES: usize = 2 << 20;

/// What the servers between sender and mailbox add, as large as it is in practice.
pub fn trace(chance: &mut Chance, log_address: &str, domain: &str, date: DateTime<Utc>) -> String {
    let mut trace = format!("Delivered-To: {log_address}\r\nReturn-Path: <{}@{domain}>\r\n", chance.hex(12));
    for hop in 0..chance.between(2, 4) {
        trace += &format!(
            "Received: from out{hop}.{domain} (out{hop}.{domain} [192.0.2.{}])\r\n\tby mx{hop}.transit.example with ESMTPS id {}\r\n\tfor <{log_address}>; {}\r\n",
            chance.between(1, 254),
            chance.hex(20),
            date.to_rfc2822()
        );
    }
    for name in ["DKIM-Signature", "ARC-Seal", "ARC-Message-Signature"] {
        let signature = folded(&chance.bytes(256));
        trace += &format!("{name}: a=rsa-sha256; d={domain}; s=k1; i=1;\r\n\tb={signature}\r\n");
    }
    let opinion = chance.between(100, 900);
    trace + &format!("X-Filter-Opinion: {}\r\n", folded(&chance.bytes(opinion)))
}

/// A body of a random kind that ends with `phrase`, and the files in it.
pub fn body(chance: &mut Chance, language: &Language, charset: &str, phrase: &str) -> (Vec<u8>, Vec<File>) {
    let size = *chance.pick(&[250, 900, 2_400, 4_800]);
    let mut lines = language.lines(chance, size);
    if chance.percent(35) {
        lines.extend(language.lines(chance, 2_500).iter().map(|line| format!("> {line}")));
    }
    lines.push(phrase.to_owned());
    let text = lines.join("\r\n") + "\r\n";
    match chance.below(100) {
        0..48 => (text_part(chance, "plain", &text, charset), Vec::new()),
        48..73 => (alternative(chance, language, charset, &text, 3), Vec::new()),
        73..87 => (alternative(chance, language, "utf-8", &text, 14), Vec::new()),
        87..97 => with_attachment(chance, language, charset, &text),
        97..99 => with_image(chance, language, charset, &text),
        _ => with_message(chance, language, charset, &text),
    }
}

fn alternative(chance: &mut Chance, language: &Language, charset: &str, text: &str, weight: usize) -> Vec<u8> {
    let plain = text_part(chance, "plain", text, charset);
    let page = html(chance, language, text, weight);
    let rich = text_part(chance, "html", &page, charset);
    multipart(chance, "alternative", &[plain, rich])
}

fn with_attachment(chance: &mut Chance, language: &Language, charset: &str, text: &str) -> (Vec<u8>, Vec<File>) {
    let (name, media_type) = *chance.pick(FILES);
    let size = chance.between(20_000, 200_000);
    let bytes = cut(chance, size);
    let parts = [alternative(chance, language, charset, text, 1), file_part(chance, name, media_type, bytes)];
    (multipart(chance, "mixed", &parts), vec![file(name, media_type, bytes, false)])
}

fn with_image(chance: &mut Chance, language: &Language, charset: &str, text: &str) -> (Vec<u8>, Vec<File>) {
    let size = chance.between(2_000, 20_000);
    let bytes = cut(chance, size);
    let cid = format!("{}@picture.example", chance.hex(16));
    let page = html(chance, language, text, 1) + &format!("<p><img src=\"cid:{cid}\" alt=\"\"></p>\r\n");
    let parts = [text_part(chance, "html", &page, charset), inline_part(&cid, "logo.png", bytes)];
    (multipart(chance, "related", &parts), vec![file("logo.png", "image/png", bytes, true)])
}

fn with_message(chance: &mut Chance, language: &Language, charset: &str, text: &str) -> (Vec<u8>, Vec<File>) {
    let id = chance.hex(16);
    let head = format!(
        "From: someone@elsewhere.example\r\nTo: other@elsewhere.example\r\nSubject: inner {id}\r\nMessage-ID: <{id}@elsewhere.example>\r\nMIME-Version: 1.0\r\n"
    );
    let lines = language.lines(chance, 600).join("\r\n");
    let inner = [head.into_bytes(), text_part(chance, "plain", &lines, charset)].concat();
    let attached = b"Content-Type: message/rfc822\r\nContent-Disposition: attachment\r\n\r\n";
    let parts = [text_part(chance, "plain", text, charset), [&attached[..], &inner].concat()];
    (multipart(chance, "mixed", &parts), vec![file("", "message/rfc822", &inner, false)])
}

/// What word processors make of `text`: `weight` is how much styling comes with a line.
fn html(chance: &mut Chance, language: &Language, text: &str, weight: usize) -> String {
    let style = "margin:0;font-family:Verdana,Arial,sans-serif;font-size:10.5pt;line-height:1.4;color:#222b35";
    let mut page = format!("<html lang=\"{}\"><head><style>p{{{style}}}</style></head><body>\r\n", language.tag);
    for line in text.lines() {
        page += &format!("<p style=\"{style}\">{}</p>\r\n", line.replace('>', "&gt;"));
    }
    for _ in 1..weight {
        let (link, picture) = (chance.hex(32), chance.hex(16));
        let caption = language.phrase(chance, 12);
        page += &format!(
            "<table width=\"640\" style=\"{style}\"><tr><td style=\"{style}\">\r\n<a href=\"https://go.letters.example/{link}\"><img src=\"https://static.letters.example/{picture}.png\" width=\"600\"\r\n height=\"180\" alt=\"\"></a></td><td style=\"{style}\">\r\n{caption}</td></tr></table>\r\n"
        );
    }
    page + "</body></html>\r\n"
}

fn file(name: &str, media_type: &str, bytes: &[u8], inline: bool) -> File {
    File { name: name.to_owned(), media_type: media_type.to_owned(), size: bytes.len(), sha256: sha256(bytes), inline }
}

fn cut(chance: &mut Chance, size: usize) -> &'static [u8] {
    let pool = POOL.get_or_init(|| Chance::of(7, 7).bytes(POOL_BYTES));
    let start = chance.below(pool.len() - size);
    &pool[start..start + size]
}

fn folded(bytes: &[u8]) -> String {
    let text = mime::base64_lines(bytes);
    String::from_utf8_lossy(&text).trim_end().replace("\r\n", "\r\n\t")
}
