//! The message that somebody forwarded, from what the mail program left of it (spec B).
//!
//! In order of trust: an attached message, whose header is exact; the block of header lines that the program printed, in
//! plain text and in HTML, which must agree. Only the outermost block is the message (B26), and nothing is taken from
//! anywhere else: not the first address of a body, never the forwarder's. What is not certain is no forward, and
//! [`Reason`] says why.
//!
//! The words of the programs are tables in `src/mail/forms/`.

mod attached;
mod attribution;
mod block;
mod body;
mod client;
mod date;
#[cfg(test)]
mod golden;
mod html;
mod lines;
mod one_line;
mod original;
mod people;
mod subject;
#[cfg(test)]
mod tests;
mod unknown;

use chrono::{DateTime, NaiveDateTime, Utc};
use serde::Serialize;
use serde_json::{Value, json};

pub use attached::{MAX_ORIGINALS, each};
pub use original::{envelope_of, into_original};
pub use people::Person;

use super::automatic::Class;
use super::envelope::subject_line;
use super::forms;
use super::message::Mail;
use super::message_id::MessageId;
use block::Block;
use body::{Found, Outer};
use subject::Prefix;

/// What was forwarded, and how it was told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Forwarded {
    first: Original,
    /// More originals, where several messages were attached: each is a mail of its own ([`each`]).
    pub others: Vec<Original>,
    /// Which of how many this is, once they are parted.
    #[serde(skip)]
    pub place: Option<(usize, usize)>,
    /// How many more messages are attached than are logged of one mail.
    #[serde(skip)]
    pub beyond: usize,
    /// What the forwarder wrote above it.
    pub note: Option<String>,
    /// What the forwarder wrote below it.
    pub below: Option<String>,
    /// The mail program, where it can be told.
    pub client: Option<&'static str>,
    /// The language of the header block.
    pub language: Option<&'static str>,
    /// How sure it is that this was forwarded, and by whom it was sent.
    pub certainty: Certainty,
}

/// A message as it was before it was forwarded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Original {
    /// Who sent it. Some programs print no address (B22).
    pub from: Person,
    /// Its recipients.
    pub to: Vec<Person>,
    /// Its further recipients.
    pub cc: Vec<Person>,
    /// Its subject; that of the forward without prefix where the program prints none (B21).
    pub subject: Option<String>,
    /// The date as printed.
    pub date: Option<String>,
    /// The moment that it means, where that can be told.
    pub date_utc: Option<DateTime<Utc>>,
    /// What the clocks showed where it was printed, if it names no zone.
    #[serde(skip)]
    pub date_local: Option<NaiveDateTime>,
    /// Its text, with the history that it had.
    pub text: String,
    /// Its HTML, where that can be cut out; not safe to be shown before `content::display_html`.
    pub html: Option<String>,
    /// Its identifier, of an attached message only.
    pub message_id: Option<MessageId>,
    /// Its place among the attachments of the mail that it came with.
    #[serde(skip)]
    attachment: Option<usize>,
}

/// How sure it is that a mail is a forward of this sender's message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Certainty {
    /// One sign is missing: the separator or the prefix does not say so, or only one part of the mail does.
    Fair,
    /// Separator, header block and subject say so.
    Sure,
    /// The message itself is attached.
    Exact,
}

/// Why a mail is no forward.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reason {
    /// A program sent it: a bounce, a report, an automatic answer.
    Automatic,
    /// It has no header block of a forwarded message (B9).
    NoHeader,
    /// It answers a message and quotes it.
    Reply,
    /// The only block is within the quoted history of another message (B26).
    Quoted,
    /// There is a block, but neither separator nor subject say that it was forwarded.
    Unsure,
    /// Its block is in words that no table has (B10).
    UnknownLanguage,
    /// Its block names nobody as sender.
    NoSender,
    /// Its block names several senders.
    SeveralSenders,
    /// Plain text and HTML name different senders, or only one of them names one.
    PartsDisagree,
    /// Its block is in text that a reader does not see.
    Hidden,
    /// So many lines look like a header that none can be trusted.
    TooManyCandidates,
}

impl Reason {
    /// Whether a part of which this is said does not contradict another part that has a block.
    fn is_silence(self) -> bool {
        matches!(self, Self::NoHeader | Self::NoSender | Self::Quoted | Self::Unsure | Self::TooManyCandidates)
    }
}

/// The message that this mail forwards, or why it forwards none.
pub fn read(mail: &Mail) -> Result<Forwarded, Reason> {
    let class = mail.envelope.class;
    if mail.bounce.is_some() || matches!(class, Class::Bounce | Class::Feedback | Class::Receipt | Class::AutoReply) {
        return Err(Reason::Automatic);
    }
    let (prefix, subject) = subject::prefix_of(&mail.envelope.subject);
    let outer = Outer { prefix, subject };
    let by_body = read_body(mail, &outer);
    let originals = attached::originals(mail);
    let about =
        |originals: &[Original]| originals.iter().filter_map(|o| o.subject.as_deref()).any(|s| outer.is_about(s));
    match by_body {
        // A message that had a message attached: the subject tells which of them was forwarded.
        Ok(found) if originals.is_empty() => Ok(found),
        Ok(found)
            if !found.is_one_of(&originals)
                && found.original().subject.as_deref().is_some_and(|s| outer.is_about(s))
                && !about(&originals) =>
        {
            Ok(found)
        }
        Ok(_) => attached(mail, originals),
        Err(reason) if originals.is_empty() => Err(reason),
        // An answer may have a message attached, and so may a mailing list's digest.
        Err(_) if prefix == Prefix::Reply => Err(Reason::Reply),
        Err(_) if class != Class::Human && prefix == Prefix::None => Err(Reason::Automatic),
        Err(_) => attached(mail, originals),
    }
}

impl Forwarded {
    /// The forwarded message; the first, where several are attached.
    pub fn original(&self) -> &Original {
        &self.first
    }

    /// As `inspect` prints it, and the corpus of forwards has it.
    pub fn shown(&self) -> Value {
        let Original { from, to, cc, subject, date, date_utc, text, message_id, .. } = &self.first;
        json!({
            "from": from, "to": to, "cc": cc, "subject": subject, "date": date, "date_utc": date_utc,
            "note": self.note, "below": self.below, "body": text, "message_id": message_id, "others": self.others,
            "client": self.client, "language": self.language, "certainty": self.certainty,
        })
    }
}

fn attached(mail: &Mail, originals: Vec<Original>) -> Result<Forwarded, Reason> {
    let mut originals = originals.into_iter();
    let first = originals.next().ok_or(Reason::NoHeader)?;
    Ok(Forwarded {
        first,
        others: originals.collect(),
        place: None,
        beyond: attached::beyond(mail),
        note: mail.text.as_deref().and_then(filled),
        below: None,
        client: None,
        language: None,
        certainty: Certainty::Exact,
    })
}

/// What the body shows. Both of its forms are read and must agree, where there are two.
fn read_body(mail: &Mail, outer: &Outer) -> Result<Forwarded, Reason> {
    let plain = mail.text.as_deref().filter(|_| mail.has_plain_text);
    let page = mail.html.as_deref().map(html::render);
    let by_plain = plain.map(|text| body::find(text, outer));
    let by_page = page.as_ref().map(|page| {
        let found = body::find(&page.text, outer)?;
        if page.may_be_faint { seen(found, mail.html.as_deref(), outer) } else { Ok(found) }
    });
    let begins = by_page.as_ref().and_then(|found| found.as_ref().ok()).map(|found| found.begins);
    let starts = || begins.and_then(|line| page.as_ref()?.starts.get(line).copied());
    let cut = || mail.html.as_deref()?.get(starts()?..).map(str::to_owned);
    let found = match (by_plain, by_page) {
        (Some(Ok(plain)), Some(Ok(page))) => agreed(plain, page)?,
        (Some(Ok(_)), Some(Err(reason))) | (Some(Err(reason)), Some(Ok(_))) if !reason.is_silence() => {
            return Err(Reason::PartsDisagree);
        }
        (Some(Ok(found)), Some(Err(_))) => backed(found, page.as_ref().map(|page| page.text.as_str()))?,
        (Some(Err(_)), Some(Ok(found))) => backed(found, plain)?,
        (Some(found), _) | (None, Some(found)) => found?,
        (None, None) => return Err(Reason::NoHeader),
    };
    Ok(finished(found, outer, mail.html.as_deref(), cut()))
}

/// A block that a reader of the page sees, too.
fn seen(found: Found, html: Option<&str>, outer: &Outer) -> Result<Found, Reason> {
    let page = html::render_visible(html.unwrap_or_default());
    match body::find(&page.text, outer) {
        Ok(visible) if visible.from == found.from => Ok(found),
        _ => Err(Reason::Hidden),
    }
}

/// One reading of both parts: the plain one, with the address that only the other has.
fn agreed(plain: Found, page: Found) -> Result<Found, Reason> {
    let same = |a: &Option<String>, b: &Option<String>| match (a, b) {
        (Some(a), Some(b)) => a.eq_ignore_ascii_case(b) || a.contains(b.as_str()) || b.contains(a.as_str()),
        _ => true,
    };
    match (&plain.from.address, &page.from.address) {
        (Some(one), Some(other)) if one != other => Err(Reason::PartsDisagree),
        (None, Some(_)) if same(&plain.from.name, &page.from.name) => Ok(Found { from: page.from, ..plain }),
        (None, Some(_)) => Err(Reason::PartsDisagree),
        _ => Ok(plain),
    }
}

/// A reading of one part only: the other must at least name the sender, unless it says nothing at all.
fn backed(found: Found, other: Option<&str>) -> Result<Found, Reason> {
    let other = other.unwrap_or_default().to_lowercase();
    let named = match (&found.from.address, &found.from.name) {
        (Some(address), _) => other.contains(&address.as_str().to_lowercase()),
        (None, Some(name)) => other.contains(&name.to_lowercase()),
        (None, None) => false,
    };
    if named || other.trim().is_empty() {
        Ok(Found { certainty: Certainty::Fair, ..found })
    } else {
        Err(Reason::PartsDisagree)
    }
}

fn finished(found: Found, outer: &Outer, page: Option<&str>, html: Option<String>) -> Forwarded {
    let Found { block, from, separator, separator_line, note, below, text, certainty, .. } = found;
    let people = |value: &Option<String>| -> Vec<Person> {
        let list = value.as_deref().map(people::list).unwrap_or_default();
        list.into_iter().map(Person::on_one_line).collect()
    };
    let (from, to, cc) = (from.on_one_line(), people(&block.to), people(&block.cc));
    let line = separator_line.as_deref();
    let languages = language_of(&block, line);
    let client = client::client_of_forward(line, separator, &block, page);
    let date = block.date.filter(|date| !date.is_empty());
    let subject = block.subject.or_else(|| filled(outer.subject)).map(|subject| subject_line(&subject));
    let subject = subject.filter(|subject| !subject.is_empty());
    // The HTML goes on with what the forwarder wrote below.
    let html = html.filter(|_| below.is_empty());
    let date_utc = date.as_deref().and_then(|date| date::moment(date, languages));
    let date_local = date.as_deref().and_then(|date| date::local(date, languages));
    let first =
        Original { from, to, cc, subject, date, date_utc, date_local, text, html, message_id: None, attachment: None };
    Forwarded {
        first,
        others: Vec::new(),
        place: None,
        beyond: 0,
        note: filled(&note),
        below: filled(&below),
        client,
        language: forms::name_of(languages),
        certainty,
    }
}

/// The languages of the labels; where they may be in several, that of the separator and of the date.
fn language_of(block: &Block, separator: Option<&str>) -> forms::Languages {
    let (labels, english) = (block.languages, forms::bit("en"));
    if labels.count_ones() == 1 && labels != english {
        return labels;
    }
    let said = separator.map_or(0, forms::languages_of_separator);
    let languages = match labels & said {
        0 if labels == english && said != 0 && said & english == 0 => said,
        0 => labels,
        both => both,
    };
    match &block.date {
        Some(date) if languages.count_ones() > 1 => date::languages_of(date, languages),
        _ => languages,
    }
}

fn filled(text: &str) -> Option<String> {
    Some(text.trim()).filter(|text| !text.is_empty()).map(str::to_owned)
}
