//! The bytes of a mail, as a Gmail mailbox holds it.

use anyhow::Context as _;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use encoding_rs::Encoding;

use crate::crm::BCC;
use crate::scene::{Mail, Scene};

/// One black pixel.
const PICTURE: &str = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAQAAAC1HAwCAAAAC0lEQVR42mNkYAAAAAYAAjCB0C8AAAAASUVORK5CYII=";

/// The whole mail, with what the receiving server puts on top. `number` tells when it was sent.
pub fn bytes(scene: &Scene, number: usize) -> anyhow::Result<Vec<u8>> {
    let mail = &scene.mail;
    let mut raw = header(mail, scene.inbox.unwrap_or(BCC), number)?.into_bytes();
    let text = part(&format!("text/plain; charset={}", mail.charset), &encode(mail, mail.text)?);
    raw.extend(match (mail.picture, mail.files) {
        (true, _) => multipart("related", &[page(mail)?, picture()]),
        (false, []) if scene.returns.is_some() => {
            multipart("report; report-type=delivery-status", &[text, delivery_status()])
        }
        (false, files) if mail.attached.is_some() || !files.is_empty() => {
            let files = files.iter().map(|(name, size)| file(name, *size)).chain(mail.attached.map(message));
            multipart("mixed", &std::iter::once(text).chain(files).collect::<Vec<_>>())
        }
        (false, _) => text,
    });
    Ok(raw)
}

fn header(mail: &Mail, mailbox: &str, number: usize) -> anyhow::Result<String> {
    let (hour, minute) = mail.sent.unwrap_or((8 + number / 4, number % 4 * 15));
    let mut lines = vec![
        format!("Delivered-To: {mailbox}"),
        authentication_results(mail),
        format!("Date: Mon, 16 Nov 2026 {hour:02}:{minute:02}:00 +0100"),
        format!("Message-ID: <{}>", mail.id),
        format!("From: {}", people(mail, mail.from)?),
        format!("To: {}", people(mail, mail.to)?),
        format!("Subject: {}", word(mail, mail.subject)?),
        "MIME-Version: 1.0".to_owned(),
    ];
    if !mail.cc.is_empty() {
        lines.push(format!("Cc: {}", people(mail, mail.cc)?));
    }
    if let Some(id) = mail.answers {
        lines.push(format!("In-Reply-To: <{id}>\r\nReferences: <{id}>"));
    }
    Ok(lines.join("\r\n") + "\r\n" + mail.fields)
}

/// In the shape that Gmail writes it.
fn authentication_results(mail: &Mail) -> String {
    let domain = mail.from.rsplit('@').next().unwrap_or_default().trim_end_matches('>');
    if mail.genuine {
        format!("Authentication-Results: mx.google.com; dkim=pass header.d={domain}; dmarc=pass header.from={domain}")
    } else {
        format!(
            "Authentication-Results: mx.google.com; spf=softfail smtp.mailfrom=elsewhere.example; dmarc=fail header.from={domain}"
        )
    }
}

/// `Name <address>`, the name encoded where it has to be.
fn people(mail: &Mail, written: &str) -> anyhow::Result<String> {
    match written.split_once(" <") {
        Some((name, address)) => Ok(format!("{} <{address}", word(mail, name)?)),
        None => Ok(written.to_owned()),
    }
}

/// An encoded word (RFC 2047), where the text is not plain ASCII.
fn word(mail: &Mail, text: &str) -> anyhow::Result<String> {
    if text.is_ascii() {
        return Ok(text.to_owned());
    }
    Ok(format!("=?{}?B?{}?=", mail.charset, STANDARD.encode(encode(mail, text)?)))
}

/// The text in the mail's charset, with the line ends of mail.
fn encode(mail: &Mail, text: &str) -> anyhow::Result<Vec<u8>> {
    let charset = Encoding::for_label(mail.charset.as_bytes()).context("the story names an unknown charset")?;
    let text = text.replace('\n', "\r\n");
    let (bytes, _, lossy) = charset.encode(&text);
    anyhow::ensure!(!lossy, "\"{text}\" cannot be written in {}", mail.charset);
    Ok(bytes.into_owned())
}

fn part(content_type: &str, body: &[u8]) -> Vec<u8> {
    let head = format!("Content-Type: {content_type}\r\nContent-Transfer-Encoding: 8bit\r\n\r\n");
    [head.as_bytes(), body, b"\r\n"].concat()
}

fn page(mail: &Mail) -> anyhow::Result<Vec<u8>> {
    let html = format!("<p>{}</p>\n<img src=\"cid:brioche\" alt=\"\">", mail.text.replace("\n\n", "</p>\n<p>"));
    Ok(part(&format!("text/html; charset={}", mail.charset), &encode(mail, &html)?))
}

/// RFC 3464: nobody of that name.
fn delivery_status() -> Vec<u8> {
    b"Content-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; mx.sakura.example\r\n\r\n\
      Final-Recipient: rfc822; sato@sakura.example\r\nAction: failed\r\nStatus: 5.1.1\r\n\r\n"
        .to_vec()
}

fn picture() -> Vec<u8> {
    format!(
        "Content-Type: image/png; name=brioche.png\r\nContent-ID: <brioche>\r\n\
         Content-Disposition: inline; filename=brioche.png\r\nContent-Transfer-Encoding: base64\r\n\r\n{PICTURE}\r\n"
    )
    .into_bytes()
}

/// A whole message (RFC 2046 section 5.2.1).
fn message(original: &str) -> Vec<u8> {
    format!("Content-Type: message/rfc822\r\n\r\n{}\r\n", original.replace('\n', "\r\n")).into_bytes()
}

/// A file of `size` bytes.
fn file(name: &str, size: usize) -> Vec<u8> {
    let bytes: Vec<u8> = b"%PDF-1.7 demo ".iter().copied().cycle().take(size).collect();
    let lines: Vec<String> = bytes.chunks(57).map(|line| STANDARD.encode(line)).collect();
    format!(
        "Content-Type: application/pdf\r\nContent-Disposition: attachment; filename=\"{name}\"\r\n\
         Content-Transfer-Encoding: base64\r\n\r\n{}\r\n",
        lines.join("\r\n")
    )
    .into_bytes()
}

fn multipart(kind: &str, parts: &[Vec<u8>]) -> Vec<u8> {
    let mut raw = format!("Content-Type: multipart/{kind}; boundary=between\r\n\r\n").into_bytes();
    for part in parts {
        raw.extend(b"--between\r\n");
        raw.extend(part);
    }
    raw.extend(b"--between--\r\n");
    raw
}
