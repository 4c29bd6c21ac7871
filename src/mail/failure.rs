//! What bounces put into their subject: the last resort where the header holds no other sign.

use super::subject::fold;

/// Openings that no person writes.
const CERTAIN: &[&str] = &[
    "undeliverable:",
    "undelivered mail returned to sender",
    "delivery status notification (",
    "delivery report (failure)",
    "delivery notification: delivery has failed",
    "mail delivery failed: returning message to sender",
    "returned mail:",
    "returned mail -",
    "mail system error - returned mail",
    "automatically rejected mail",
    "warning: could not send message",
    "warning: message delayed",
    "delayed mail (still being retried)",
    "message status - undeliverable",
    "[bounce]",
    "loop alert:",
    "loop back warning:",
    "warning unix from loop",
    "not member article from",
    "fml system error message",
    // Exchange and Outlook in other languages than English.
    "unzustellbar:",
    "non remis :",
    "non remis:",
    "non distribuable :",
    "no se puede entregar:",
    "no entregable:",
    "non recapitabile:",
    "recapito non riuscito:",
    "não é possível entregar:",
    "não entregue:",
    "onbestelbaar:",
    "niet te bezorgen:",
    "kan inte levereras:",
    "olevererbart:",
    "det går inte att leverera:",
    "kan ikke leveres:",
    "uleverligt:",
    "kan ikke levere:",
    "kunne ikke leveres:",
    "ei voi toimittaa:",
    "perille toimittamaton:",
    "niedostarczalne:",
    "nie można dostarczyć:",
    "nedoručitelné:",
    "nedoručitelná zpráva:",
    "nedoručiteľné:",
    "kézbesíthetetlen:",
    "nelivrabil:",
    "nepredano:",
    "teslim edilemedi:",
    "teslim edilemiyor:",
    "αδύνατη η παράδοση:",
    "недоставлено:",
    "не удается доставить:",
    "не вдалося доставити:",
    "配信不能:",
    "未送达:",
    "无法送达:",
    "無法傳遞:",
    "未傳遞:",
    "배달되지 않음:",
    "לא ניתן למסירה:",
];

/// Openings that people write as well. They count with another sign.
const LIKELY: &[&str] = &[
    "undeliver",
    "delivery fail",
    "delivery status",
    "delivery report",
    "delivery problem",
    "delivery error",
    "delivery delayed",
    "email delivery fail",
    "email bounce",
    "failure notice",
    "failed mail",
    "failure delivering",
    "mail delivery",
    "mail could not be delivered",
    "mail failed",
    "mail not delivered",
    "mail error",
    "message could not be delivered",
    "message delivery",
    "message not delivered",
    "message undeliverable",
    "message status",
    "message you sent blocked",
    "message rejected",
    "message delayed",
    "warning: message",
    "fail delivery",
    "failed delivery",
    "failed to deliver",
    "rejected mail",
    "reject mail",
    "mail rejected",
    "mail system error",
    "error sending",
    "your message to",
    "your message could not be delivered",
    "your mail could not be delivered",
    "your email could not be delivered",
    "sorry, your message",
    "nondeliverable",
    "non-delivery",
    "non delivery",
    "permanent delivery failure",
    "returned mail",
    "returned email",
    "returned message",
    "returned to sender",
    "there was an error sending your mail",
    "could not deliver",
    "could not send",
    "unable to deliver",
    "unzustellbar",
    "nicht zustellbar",
    "zustellung fehlgeschlagen",
    "non remis",
    "échec de la remise",
    "échec de remise",
    "no se pudo entregar",
    "error de entrega",
    "mancata consegna",
    "falha na entrega",
    "kunde inte levereras",
    "ikke leveret",
    "niedostarczone",
    "недоставленное",
    "не доставлено",
    "配信エラー",
    "メッセージを配信できません",
    "メール配信に失敗しました",
    "メールが配信できませんでした",
    "送信エラー",
    "配信不能",
    "退信",
    "系统退信",
    "系統退信",
    "傳遞失敗",
    "반송",
];

/// Whether the subject alone makes a message a bounce. A reply to a bounce begins with its own prefix.
pub fn is_certain(subject: &str) -> bool {
    let folded = fold(subject);
    CERTAIN.iter().any(|opening| folded.starts_with(opening)) || folded.ends_with("(delivery failed)")
}

/// Whether the subject and another sign make a message a bounce.
pub fn is_likely(subject: &str) -> bool {
    let folded = fold(subject);
    let text = folded.trim_start_matches(|c: char| !c.is_alphanumeric());
    let text = text.strip_prefix("postmaster]").unwrap_or(text).trim_start();
    LIKELY.iter().any(|opening| text.starts_with(opening)) || is_certain(subject)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_no_person_writes_is_certain() {
        for subject in
            ["Undeliverable: offer", "UNZUSTELLBAR: Angebot", "Non remis : devis", "RE: offer (delivery failed)"]
        {
            assert!(is_certain(subject), "{subject}");
        }
        for subject in ["Delivery failure of order 5", "Re: Undeliverable: offer", "offer", "Undeliverable"] {
            assert!(!is_certain(subject), "{subject}");
        }
    }

    #[test]
    fn a_likely_subject_opens_with_the_failure() {
        assert!(is_likely("**Mail Delivery Failure**"));
        assert!(is_likely("[Postmaster] Email Delivery Failure"));
        assert!(!is_likely("About the delivery failure"));
        assert!(!is_likely("Re: failure notice"));
    }

    #[test]
    fn the_tables_are_folded() {
        for opening in CERTAIN.iter().chain(LIKELY) {
            assert_eq!(fold(opening), **opening);
        }
    }
}
