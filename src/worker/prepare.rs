//! From a parsed mail to what is stored: body limits, attachments into the blob store, the notice for what was left out.

use crate::attachments::Deposit;
use crate::config::{BodyOverLimit, Config};
use crate::decide::decision::{Activity, Direction, Flag};
use crate::decide::{Code, Finding, MessageKey, Trace};
use crate::mail::address::Party;
use crate::mail::automatic::Class;
use crate::mail::content::truncate_text;
use crate::mail::message::{Mail, Part};
use crate::mail::placeholder::is_placeholder;
use crate::mail::reply::reply_text;
use crate::store::commit::{Attachment, Content, Entrant, Notice, Outcome};
use crate::trouble::Trouble;
use chrono::{DateTime, Utc};

/// What a logged mail becomes. Blobs are deposited, and the deposit settled, before the commit that refers to them: a crash
/// between leaves a blob that nobody refers to, never a reference without a blob.
pub(super) async fn prepare(
    mut activity: Activity,
    mail: Mail,
    received: DateTime<Utc>,
    config: &Config,
    deposit: &Deposit<'_>,
    trace: &mut Trace,
) -> Result<Outcome, Trouble> {
    let Mail { envelope, mut text, mut html, attachments, omitted, has_plain_text, .. } = mail;
    let body = text.as_ref().map_or(0, String::len).max(html.as_ref().map_or(0, String::len));
    let limit = config.limits.body_bytes;
    if body as u64 > limit {
        if config.limits.body_over_limit == BodyOverLimit::Reject {
            trace.found_by(Finding::BodyRefused, format!("{body} bytes"));
            return Ok(Outcome::Skip(Code::BodyTooLarge));
        }
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        text = text.map(|text| truncate_text(&text, limit).to_owned());
        html = html.map(|html| truncate_text(&html, limit).to_owned());
        activity.flags.push(Flag::BodyTruncated);
        trace.found_by(Finding::BodyTruncated, format!("{body} bytes"));
    }
    // What was attached with its message stays as it is.
    let may_come = activity.forward.as_ref().is_none_or(|forward| !forward.attached);
    let mut parts = attachments.iter().filter(|_| may_come);
    let pending = parts.find(|part| is_placeholder(part, &config.attachments.placeholders));
    if let Some(part) = pending {
        activity.flags.push(Flag::AttachmentPending);
        trace.found_by(Finding::AttachmentPending, part.name.as_str());
    }
    let stored = self::attachments(attachments, omitted, config, deposit).await?;
    let dropped: Vec<&Attachment> = dropped(&stored).collect();
    // A contact gets no mail from us (H9): of a reply, nobody of ours is the sender.
    let notice = match &activity.forward {
        Some(forward) if forward.redirected => None,
        Some(forward) => notice_to(&stored, &forward.by),
        None => notice(&stored, &envelope).filter(|_| activity.direction == Direction::Outgoing),
    }
    // RFC 3834 section 2: what a program sent is answered by none.
    .filter(|_| matches!(envelope.class, Class::Human | Class::List));
    if !dropped.is_empty() {
        activity.flags.push(Flag::AttachmentDropped);
        dropped
            .iter()
            .for_each(|one| trace.found_by(Finding::AttachmentDropped, format!("{} ({} bytes)", one.name, one.size)));
    }
    let key = activity.key.unwrap_or_else(|| MessageKey::fingerprint(&envelope, text.as_deref().unwrap_or_default()));
    let sent_at = envelope.date.unwrap_or(received);
    let reply_text = reply_text(text.as_deref(), html.as_deref(), has_plain_text);
    let content = Content { text, html, reply_text, attachments: stored };
    trace.found(Finding::Logged);
    Ok(Outcome::Log(Box::new(Entrant { activity, envelope, key, sent_at, received, content, notice })))
}

/// Whether a mail's attachments are still to come (H7).
pub(super) fn is_pending(mail: &Mail, config: &Config) -> bool {
    mail.attachments.iter().any(|part| is_placeholder(part, &config.attachments.placeholders))
}

/// The attachments of a mail, kept or left out.
pub(super) async fn attachments(
    parts: Vec<Part>,
    omitted: usize,
    config: &Config,
    deposit: &Deposit<'_>,
) -> Result<Vec<Attachment>, Trouble> {
    let mut stored = Vec::with_capacity(parts.len());
    for part in parts {
        stored.push(if is_placeholder(&part, &config.attachments.placeholders) {
            to_come(part)
        } else {
            store(part, config.attachments.max_bytes, deposit).await?
        });
    }
    stored.extend(left_out(omitted));
    Ok(stored)
}

const BEING_SCANNED: &str = "still being scanned";

/// What stands for attachments that are not there yet: nothing of it is worth keeping but its name.
fn to_come(part: Part) -> Attachment {
    let Part { name, media_type, content_id, inline, bytes } = part;
    let reason = Some(BEING_SCANNED.to_owned());
    Attachment { name, media_type, size: bytes.len() as u64, sha256: None, content_id, inline, reason }
}

/// Those that were left out for good.
fn dropped(stored: &[Attachment]) -> impl Iterator<Item = &Attachment> {
    stored.iter().filter(|one| one.reason.as_deref().is_some_and(|reason| reason != BEING_SCANNED))
}

/// Keeps an attachment, or its name, size and reason when it is over the limit: exactly the limit passes (H1, H8).
async fn store(part: Part, max_bytes: u64, deposit: &Deposit<'_>) -> Result<Attachment, Trouble> {
    let Part { name, media_type, content_id, inline, bytes } = part;
    let size = bytes.len() as u64;
    let (sha256, reason) = if size > max_bytes {
        (None, Some(format!("larger than {max_bytes} bytes")))
    } else {
        (Some(deposit.put(bytes).await?.to_string()), None)
    };
    Ok(Attachment { name, media_type, size, sha256, content_id, inline, reason })
}

/// What stands for the parts of a message that has more of them than are kept (H8).
fn left_out(parts: usize) -> Option<Attachment> {
    let reason = Some("the message has too many parts".to_owned());
    (parts > 0).then(|| Attachment {
        name: format!("{parts} further parts"),
        media_type: "application/octet-stream".to_owned(),
        size: 0,
        sha256: None,
        content_id: None,
        inline: false,
        reason,
    })
}

/// At most one notice a message, to the sender, never to a contact (H2, H9).
pub(super) fn notice(stored: &[Attachment], envelope: &crate::mail::envelope::Envelope) -> Option<Notice> {
    notice_to(stored, envelope.from.first()?)
}

fn notice_to(stored: &[Attachment], recipient: &Party) -> Option<Notice> {
    let list: String = dropped(stored).map(|one| format!("- {} ({} bytes)\n", one.name, one.size)).collect();
    let recipient = Some(recipient).filter(|_| !list.is_empty())?.clone();
    let body = format!(
        "Your mail was logged without these attachments, because they are larger than the limit:\n\n{list}\nThe mail \
         itself is complete on the timeline; the recipients have received everything."
    );
    Some(Notice { recipient, body })
}
