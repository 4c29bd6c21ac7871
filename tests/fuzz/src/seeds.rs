//! What mutations begin with: the corpus of the tests, and lines that servers and people write.

use std::fs;
use std::path::{Path, PathBuf};

use mailtrail::mail::message::Mail;

/// Whole messages.
pub fn mails() -> Vec<Vec<u8>> {
    let mut mails = corpus("mail");
    mails.extend(corpus("forward").into_iter().step_by(8));
    mails.push(BOUNCE.as_bytes().to_vec());
    mails
}

/// Forwards, one of each program and language.
pub fn forwards() -> Vec<Vec<u8>> {
    corpus("forward")
}

/// Texts with history, each as plain text, as HTML, and as both.
pub fn replies() -> Vec<Vec<u8>> {
    let mut all = Vec::new();
    for mail in mails().iter().chain(corpus("forward").iter().step_by(3)).filter_map(|raw| Mail::parse(raw).ok()) {
        let (text, html) = (mail.text.unwrap_or_default(), mail.html.unwrap_or_default());
        all.push([b"\0", text.as_bytes()].concat());
        all.push([b"\x01", html.as_bytes()].concat());
        all.push([b"\x02", text.as_bytes(), b"\0", html.as_bytes()].concat());
    }
    all.extend(QUOTED.iter().map(|text| [b"\0", text.as_bytes()].concat()));
    all
}

/// Subjects.
pub fn subjects() -> Vec<Vec<u8>> {
    let of_mails =
        mails().into_iter().filter_map(|raw| Mail::parse(&raw).ok()).map(|mail| mail.envelope.subject.into_bytes());
    of_mails.chain(SUBJECTS.iter().map(|text| text.as_bytes().to_vec())).collect()
}

/// Results of checks.
pub fn authentication() -> Vec<Vec<u8>> {
    RESULTS.iter().map(|text| text.as_bytes().to_vec()).collect()
}

/// What an IMAP server says.
pub fn answers() -> Vec<Vec<u8>> {
    ANSWERS.iter().map(|text| text.as_bytes().to_vec()).collect()
}

/// The mails below a folder of the corpus, by name.
fn corpus(folder: &str) -> Vec<Vec<u8>> {
    let mut open = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("../corpus").join(folder)];
    let mut files: Vec<PathBuf> = Vec::new();
    while let Some(path) = open.pop() {
        if path.is_dir() {
            open.extend(fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()));
        } else if path.extension().is_some_and(|kind| kind == "eml") {
            files.push(path);
        }
    }
    files.sort();
    assert!(!files.is_empty(), "the corpus is not where it was");
    files.iter().map(|file| fs::read(file).unwrap()).collect()
}

const BOUNCE: &str = "From: MAILER-DAEMON@mx.customer.example\r\nTo: anna@ours.example\r\nSubject: Undelivered Mail\r\n\
    Content-Type: multipart/report; report-type=delivery-status; boundary=b\r\n\r\n--b\r\n\r\nIt came back.\r\n--b\r\n\
    Content-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; mx.customer.example\r\n\r\n\
    Final-Recipient: rfc822; carla@customer.example\r\nAction: failed\r\nStatus: 5.1.1\r\n\r\n--b\r\n\
    Content-Type: message/rfc822\r\n\r\nMessage-ID: <1@ours.example>\r\nSubject: Offer\r\n\r\nHello.\r\n--b--\r\n";

const QUOTED: &[&str] = &[
    "We take it.\n\nOn Sun, 22 Nov 2026 at 10:05, Anna Berg <anna@ours.example> wrote:\n> Offer\n> 41\n",
    "Ja.\n\nAm 22.11.2026 um 10:05 schrieb Anna Berg:\n> Angebot\n\nUnd noch etwas.\n-- \nCarla\n",
    "Top\n\n-----Original Message-----\nFrom: Anna <anna@ours.example>\nSent: Sunday\nTo: Carla\nSubject: Offer\n\nText\n",
    "> only\n> quoted\n>> twice\n",
];

const SUBJECTS: &[&str] = &[
    "Re: Offer",
    "SV: AW: Re[2]: [External] Offer (fwd)",
    "RE: re : Fwd: TR: Rif: WG: Angebot",
    "[list] Re: [list] Question",
    "回复：报价",
    "Re：全角",
    "ΑΠ: Προσφορά ς",
    "İstanbul İLETİ",
    "Re:",
    "[",
    "[[a] b] c",
    "Automatic reply: Offer",
];

const RESULTS: &[&str] = &[
    "mx.google.com; dkim=pass header.i=@customer.example header.s=a header.b=x; spf=pass (google.com: domain of \
     anna@customer.example designates 192.0.2.1 as permitted sender) smtp.mailfrom=anna@customer.example; dmarc=pass \
     (p=REJECT sp=REJECT dis=NONE) header.from=customer.example",
    "spf=pass (sender IP is 192.0.2.1) smtp.mailfrom=customer.example; dkim=pass (signature was verified) \
     header.d=customer.example;dmarc=pass action=none header.from=customer.example;compauth=pass reason=100",
    "mx.ours.example; dmarc=fail header.from=customer.example",
    "mx.ours.example 1; none",
    "mx.ours.example; spf=softfail smtp.mailfrom=\"a b\"@customer.example; dkim=neutral (a (b) c) header.d=customer.example",
];

const ANSWERS: &[&str] = &[
    "* 9 EXISTS\r\n* 0 RECENT\r\n* FLAGS (\\Seen)\r\n* OK [UIDVALIDITY 7] ok\r\n* OK [UIDNEXT 40] ok\r\nM2 OK [READ-ONLY] \
     done\r\n* 3 FETCH (UID 3 RFC822.SIZE 100 INTERNALDATE \"22-Nov-2026 10:00:00 +0000\")\r\n* 4 FETCH (UID 4 RFC822.SIZE \
     5 INTERNALDATE \" 2-Nov-2026 10:00:00 +0000\")\r\nM3 OK done\r\n* 3 FETCH (UID 3 BODY[HEADER.FIELDS (SUBJECT)] \
     {13}\r\nSubject: a\r\n\r\n)\r\nM4 OK done\r\n* SEARCH 3 4 9\r\nM5 OK done\r\n* LIST (\\HasNoChildren) \"/\" \
     \"INBOX\"\r\n* LIST (\\Sent) \"/\" {4}\r\nSent\r\nM6 OK done\r\n* BYE bye\r\nM7 OK done\r\n",
    "* OK [UIDVALIDITY 7] ok\r\n* 2 EXISTS\r\nM2 OK done\r\n* 3 FETCH (FLAGS (\\Seen) UID 3)\r\n* VANISHED 4\r\n* 4 EXPUNGE\r\n\
     M3 OK [THROTTLED] done\r\n* 3 FETCH (BODY[HEADER.FIELDS (\"FROM\")] NIL UID 3)\r\nM4 NO [LIMIT] no\r\n",
    "* OK [ALERT] \u{e9}\r\n* NO [OVERQUOTA] full\r\nM2 BAD Request is throttled. Suggested Backoff Time: 1000000000 \
     milliseconds\r\n* ID (\"name\" \"x\")\r\n* CAPABILITY IMAP4rev1 IDLE\r\nM3 NO [UNAVAILABLE] later\r\n",
    "* 1 FETCH (UID 3 BODYSTRUCTURE ((\"text\" \"plain\" NIL NIL NIL \"7bit\" 5 1) \"mixed\"))\r\n* STATUS INBOX (MESSAGES 3 \
     UIDNEXT 4 UIDVALIDITY 7)\r\n* 1 FETCH (UID 3 X-GM-THRID 9 X-GM-MSGID 8 RFC822.SIZE 4294967296)\r\n",
];
