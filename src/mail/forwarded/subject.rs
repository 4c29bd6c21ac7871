//! What the outer subject says: that the mail is a forward, that it is a reply, or neither.

use crate::mail::forms::{Languages, PREFIXES};
use crate::mail::reply::fold::fold;

/// The longest prefix, in characters.
const MAX_PREFIX: usize = 24;

/// What stands before a subject.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Prefix {
    Forward,
    Reply,
    /// A word that means the one in some languages and the other in others.
    Either {
        forward: Languages,
        reply: Languages,
    },
    None,
}

impl Prefix {
    /// What the prefix means in a mail whose header block is in one of these languages.
    pub(super) fn among(self, languages: Languages) -> Self {
        match self {
            Self::Either { forward, reply } if reply & languages == 0 && forward & languages != 0 => Self::Forward,
            Self::Either { forward, reply } if forward & languages == 0 && reply & languages != 0 => Self::Reply,
            Self::Either { .. } => Self::None,
            known => known,
        }
    }
}

/// The outermost prefix, and the subject without it. Tags of gateways and lists may stand before it.
pub(super) fn prefix_of(subject: &str) -> (Prefix, &str) {
    let mut text = subject.trim();
    for _ in 0..4 {
        let word = text.find([':', '：']).and_then(|at| text.split_at_checked(at));
        if let Some((word, rest)) = word.filter(|(word, _)| word.chars().count() <= MAX_PREFIX)
            && let Some(prefix) = meaning(word.trim_start_matches('['))
        {
            let rest = rest.trim_start_matches([':', '：']).trim();
            let inner = if word.starts_with('[') { rest.strip_suffix(']').unwrap_or(rest) } else { rest };
            return (prefix, inner.trim());
        }
        let Some(after) = after_tag(text) else { break };
        text = after;
    }
    match text.to_ascii_lowercase().strip_suffix("(fwd)").and_then(|before| text.get(..before.len())) {
        Some(before) => (Prefix::Forward, before.trim()),
        None => (Prefix::None, text),
    }
}

fn after_tag(text: &str) -> Option<&str> {
    let after = text.strip_prefix('[')?.split_once(']')?.1.trim_start();
    (!after.is_empty()).then_some(after)
}

fn meaning(word: &str) -> Option<Prefix> {
    let folded = fold(word);
    // `Re[2]`, `AW(3)`, `Redir.`
    let plain = folded.trim_end_matches(|c: char| c.is_ascii_digit() || matches!(c, '[' | ']' | '(' | ')' | ' ' | '.'));
    let forward = PREFIXES.forward.get(plain).copied();
    let reply = PREFIXES.reply.get(plain).copied();
    match (forward, reply) {
        (Some(forward), Some(reply)) => Some(Prefix::Either { forward, reply }),
        (Some(_), None) => Some(Prefix::Forward),
        (None, Some(_)) => Some(Prefix::Reply),
        (None, None) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mail::forms::bit;

    #[test]
    fn the_outermost_prefix_says_what_the_mail_is() {
        for (subject, prefix, rest) in [
            ("Fwd: Offer", Prefix::Forward, "Offer"),
            ("FW: Re: Offer", Prefix::Forward, "Re: Offer"),
            ("Re: Fwd: Offer", Prefix::Reply, "Fwd: Offer"),
            ("WG: Angebot", Prefix::Forward, "Angebot"),
            ("TR : Offre", Prefix::Forward, "Offre"),
            ("İLT: Teklif", Prefix::Forward, "Teklif"),
            ("Re[2]: Offer", Prefix::Reply, "Offer"),
            ("[EXTERNAL] Fwd: Offer", Prefix::Forward, "Offer"),
            ("[Fwd: Offer]", Prefix::Forward, "Offer"),
            ("Offer (fwd)", Prefix::Forward, "Offer"),
            ("转发：报价", Prefix::Forward, "报价"),
            ("Offer: the second", Prefix::None, "Offer: the second"),
            ("", Prefix::None, ""),
        ] {
            assert_eq!(prefix_of(subject), (prefix, rest), "{subject}");
        }
    }

    #[test]
    fn one_word_forwards_in_danish_and_answers_in_finnish() {
        let (prefix, _) = prefix_of("VS: tilbud");
        assert_eq!(prefix.among(bit("da")), Prefix::Forward);
        assert_eq!(prefix.among(bit("fi")), Prefix::Reply);
        assert_eq!(prefix.among(0), Prefix::None);
    }
}
