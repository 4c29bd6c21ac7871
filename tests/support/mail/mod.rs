//! Realistic mail, the same for the same seed, with the verdict it must get.

pub mod cast;
pub mod chance;
mod content;
pub mod mime;
mod words;

use chrono::{DateTime, TimeDelta, Utc};
use sha2::{Digest, Sha256};

pub use cast::Cast;
use chance::Chance;
use words::{LANGUAGES, Language};

/// A mail as it lies in the BCC mailbox, and what must become of it.
pub struct Sample {
    /// RFC 5322 message with CRLF.
    pub raw: Vec<u8>,
    /// What a correct worker makes of it.
    pub expected: Expected,
}

/// The verdict and, for a logged mail, its content.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Expected {
    /// Kebab-case code of the ledger.
    pub code: &'static str,
    /// Without angle brackets.
    pub message_id: String,
    /// Decoded.
    pub subject: String,
    /// The Date field.
    pub sent_at: DateTime<Utc>,
    /// Login of the attributed user; none where nothing is logged.
    pub user: Option<String>,
    /// Addresses of the contacts the activity is put on, sorted.
    pub contacts: Vec<String>,
    /// Words of the body's last line, to be found in the text.
    pub phrase: String,
    /// In order.
    pub files: Vec<File>,
}

/// An attachment or inline image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct File {
    /// Decoded; empty for an attached message.
    pub name: String,
    /// For example `application/pdf`.
    pub media_type: String,
    /// Of the decoded bytes.
    pub size: usize,
    /// Of the decoded bytes, hexadecimal.
    pub sha256: String,
    /// Shown inside the text.
    pub inline: bool,
}

/// Why a mail is in the mailbox.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Case {
    /// A user wrote to customers.
    Plain,
    /// A colleague is in Cc (A13).
    Colleague,
    /// One of the recipients is never logged (F4).
    PartlyNever,
    /// All of them are (scenario 6).
    Never,
    /// Nobody but colleagues (F9).
    Internal,
    /// Nobody but the log address (A15).
    NoRecipient,
    /// Someone else knows the log address (A12).
    Stranger,
    /// The same mail was delivered before (D20).
    Duplicate,
}

/// The mail at position `n` of the mailbox that `seed` and `cast` describe.
pub fn sample(cast: &Cast, seed: u64, n: u64) -> Sample {
    let case = case_of(seed, n);
    if case != Case::Duplicate {
        return write(cast, seed, n, case);
    }
    // `case_of` made sure that there is one.
    let original = (0..n).rev().find(|earlier| case_of(seed, *earlier) == Case::Plain).expect("a mail to repeat");
    let first = write(cast, seed, original, Case::Plain);
    let again = format!("Received: from backup.mx.example by crm.example; {}\r\n", date(n).to_rfc2822());
    let expected =
        Expected { code: "duplicate", user: None, contacts: Vec::new(), files: Vec::new(), ..first.expected };
    Sample { raw: [again.into_bytes(), first.raw].concat(), expected }
}

/// The first `count` mails.
pub fn samples(cast: &Cast, seed: u64, count: u64) -> impl Iterator<Item = Sample> {
    (0..count).map(move |n| sample(cast, seed, n))
}

fn case_of(seed: u64, n: u64) -> Case {
    match Chance::of(seed ^ 0xCA5E, n).below(200) {
        _ if n == 0 => Case::Plain,
        0..10 => Case::Colleague,
        10..14 => Case::PartlyNever,
        14..17 => Case::Never,
        17..19 => Case::Internal,
        19..21 => Case::NoRecipient,
        21..25 => Case::Stranger,
        25..28 => Case::Duplicate,
        _ => Case::Plain,
    }
}

fn date(n: u64) -> DateTime<Utc> {
    let minutes = i64::try_from(n).expect("fits") * 7;
    DateTime::UNIX_EPOCH + TimeDelta::days(20_000) + TimeDelta::minutes(minutes)
}

struct Envelope {
    from: String,
    user: String,
    to: Vec<String>,
    cc: Vec<String>,
    contacts: Vec<String>,
    code: &'static str,
}

fn write(cast: &Cast, seed: u64, n: u64, case: Case) -> Sample {
    let chance = &mut Chance::of(seed, n);
    let language = chance.pick(LANGUAGES);
    let charset = *chance.pick(language.charsets);
    let envelope = address(cast, chance, case);
    let words = chance.between(3, 7);
    let prefix = if chance.percent(35) { language.reply } else { "" };
    let subject = format!("{prefix}{} {n}", language.phrase(chance, words));
    let domain = envelope.from.rsplit_once('@').map_or("", |(_, domain)| domain);
    let message_id = format!("{}.{n}@{domain}", chance.hex(24));
    let mut raw = content::trace(chance, &cast.log_address, domain, date(n));
    raw += &head(&envelope, &subject, &message_id, date(n), (language, charset));
    if !prefix.is_empty() {
        let parent = format!("<{}@{domain}>", chance.hex(24));
        raw += &format!("In-Reply-To: {parent}\r\nReferences: <{}@{domain}>\r\n {parent}\r\n", chance.hex(24));
    }
    raw += "MIME-Version: 1.0\r\n";
    let phrase = format!("{} {n}", language.phrase(chance, 4));
    let (body, files) = content::body(chance, language, charset, &phrase);
    let logged = envelope.code == "logged";
    let mut contacts = if logged { envelope.contacts } else { Vec::new() };
    contacts.sort();
    contacts.dedup();
    let expected = Expected {
        code: envelope.code,
        message_id,
        subject,
        sent_at: date(n),
        user: logged.then_some(envelope.user),
        contacts,
        phrase,
        files: if logged { files } else { Vec::new() },
    };
    Sample { raw: [raw.into_bytes(), body].concat(), expected }
}

fn address(cast: &Cast, chance: &mut Chance, case: Case) -> Envelope {
    let index = chance.below(cast.users);
    let user = cast.user(index);
    let from = if chance.percent(15) { cast.alias(index) } else { user.clone() };
    let mut to: Vec<String> = (0..chance.between(1, 2)).map(|_| cast.any_customer(chance)).collect();
    let mut cc = Vec::new();
    if chance.percent(20) {
        cc.extend((0..chance.between(1, 3)).map(|_| cast.any_customer(chance)));
    }
    let mut contacts = [to.clone(), cc.clone()].concat();
    let private = format!("partner{}@private.example", chance.below(50));
    let colleague = cast.user(index + 1);
    let (mut from, mut code) = (from, "logged");
    match case {
        Case::Plain | Case::Duplicate => {}
        Case::Colleague => cc.push(colleague),
        Case::PartlyNever => to.push(private),
        Case::Never => (to, cc, code) = (vec![private], Vec::new(), "never-log"),
        Case::Internal => (to, cc, code) = (vec![colleague], Vec::new(), "internal-only"),
        Case::NoRecipient => (to, cc, code) = (vec![cast.log_address.clone()], Vec::new(), "no-recipient"),
        Case::Stranger => (from, code) = (format!("visitor{}@elsewhere.example", chance.below(900)), "unknown-sender"),
    }
    contacts.retain(|_| code == "logged");
    Envelope { from, user, to, cc, contacts, code }
}

/// The fields that the writer's program sets.
fn head(
    envelope: &Envelope,
    subject: &str,
    message_id: &str,
    date: DateTime<Utc>,
    (language, charset): (&Language, &str),
) -> String {
    let charset = if charset == "us-ascii" { "utf-8" } else { charset };
    let name = mime::header(language.words[0], charset);
    let list = |addresses: &[String]| {
        let named =
            addresses.iter().map(|address| format!("{} <{address}>", address.split('@').next().unwrap_or_default()));
        named.collect::<Vec<_>>().join(",\r\n ")
    };
    let mut head = format!("From: {name} <{}>\r\nTo: {}\r\n", envelope.from, list(&envelope.to));
    if !envelope.cc.is_empty() {
        head += &format!("Cc: {}\r\n", list(&envelope.cc));
    }
    let (subject, date) = (mime::header(subject, charset), date.to_rfc2822());
    head + &format!("Subject: {subject}\r\nDate: {date}\r\nMessage-ID: <{message_id}>\r\nX-Mailer: Post 4.2\r\n")
}

/// Lower-case hexadecimal SHA-256.
pub fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}
