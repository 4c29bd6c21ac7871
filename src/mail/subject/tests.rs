use proptest::prelude::*;

use super::*;

fn base_of(subject: &str) -> String {
    BaseSubject::of(subject).0
}

#[test]
fn a_reply_in_any_language_keeps_its_base() {
    let original = BaseSubject::of("Offert på tak");
    for (language, words) in PREFIXES {
        for word in *words {
            for written in [format!("{word}: Offert på tak"), format!("{} :offert  PÅ tak", word.to_uppercase())] {
                assert_eq!(BaseSubject::of(&written), original, "{language} {written}");
            }
        }
    }
    assert!(PREFIXES.len() >= 26);
}

#[test]
fn prefixes_pile_up_in_every_form() {
    for subject in [
        "SV: AW: Re[2]: offer",
        "Re:offer",
        "RE : offer",
        "Re： offer",
        "Re(3): Fwd[7]: offer",
        "re^2: offer",
        "Réf. : offer",
        "Redir.: offer",
        "回复：轉寄: offer",
        "İLT: offer",
        "[Fwd: Re: offer (fwd)]",
        "[EXTERN] Re: [EXT] offer",
        "Re: [External] offer",
        "***SPAM*** Re: offer",
        "{Spam?} offer",
        "Autosvar: Re: offer",
        "Automatic reply: offer",
        "[Automatyczna odpowiedź] offer",
        "offer (Automatic Response)",
        "\u{200f}Re: offer",
        "[TR: offer]",
        "［外部］ offer （转发）",
        "<External> offer",
        " \tOFFER ",
    ] {
        assert_eq!(base_of(subject), "offer", "{subject}");
    }
}

#[test]
fn a_tag_at_the_front_comes_and_goes_within_a_thread() {
    for subject in [
        "[Ticket 1] help",
        "Re: [Ticket 1] help",
        "[Ticket 1] Re: help",
        "[EXT] [Ticket 1]  SV: help (fwd)",
        "[List]AW:[#7] help",
        "[] help",
    ] {
        assert_eq!(base_of(subject), "help", "{subject}");
    }
    assert_eq!(base_of("[list] help [urgent]"), "help [urgent]");
}

#[test]
fn tags_alone_are_a_subject() {
    for subject in ["[hello world]", "[one] [two]", "[open [two]", "(one) [two]"] {
        assert_eq!(base_of(subject), subject);
    }
    assert_eq!(base_of("Re: [one] Fwd: [two]"), "[one] [two]");
    assert_eq!(base_of("[list] Re:"), "[list]");
    assert_eq!(base_of("[Fwd: Re:] Fwd:"), "");
}

#[test]
fn a_changed_subject_is_another_base() {
    for (one, other) in [
        ("[Ticket 1]", "[Ticket 2]"),
        ("offer", "offer 2"),
        ("Retail: offer", "offer"),
        ("Project: offer", "offer"),
        ("z: hello", "hello"),
        ("(b) offer", "offer"),
        ("(ext) offer", "offer"),
    ] {
        assert_ne!(BaseSubject::of(one), BaseSubject::of(other), "{one}");
    }
}

#[test]
fn spelling_does_not_change_the_base() {
    assert_eq!(base_of("Straße"), base_of("STRASSE"));
    assert_eq!(base_of("ΟΔΟΣ"), base_of("οδος"));
    assert_eq!(base_of("A\u{30a}ngström"), base_of("ångström"));
    assert_eq!(base_of("a\r\n\t b"), "a b");
}

#[test]
fn an_empty_subject_equals_an_empty_subject() {
    for subject in ["", " ", "Re:", "SV: Fwd: ", "[EXTERN]", "[Fwd: Re: ]"] {
        assert_eq!(base_of(subject), "", "{subject}");
    }
}

#[test]
fn automatic_replies_are_told_by_their_opening() {
    for subject in [
        "Automatic reply: offer",
        "Autosvar: offert",
        "[EXTERN] Automatische Antwort: Angebot",
        "Réponse automatique : devis",
    ] {
        assert!(is_automatic_reply(subject), "{subject}");
    }
    for subject in ["Re: Automatic reply: offer", "About the automatic reply: offer", "offer"] {
        assert!(!is_automatic_reply(subject), "{subject}");
    }
}

#[test]
fn what_only_a_program_puts_in_front_ends_no_thread_and_is_a_word_in_mail_of_people() {
    let base = |header: &str, subject: &str| {
        let mail = format!("From: carla@customer.example\r\n{header}Subject: {subject}\r\n\r\n");
        BaseSubject::of_mail(&Envelope::parse(mail.as_bytes())).0
    };
    for prefix in [
        "Frånvarande:",
        "Nieobecny:",
        "Abwesend:",
        "Afwezig:",
        "Absent:",
        "Auto: Re:",
        "Out of Office Re:",
        "Re: Abwesend: AW:",
        "[EXTERN] Accepted:",
        "Declined:",
        "Tentative:",
        "Accepterat:",
        "Zugesagt:",
        "Abgelehnt:",
        "Accepté :",
    ] {
        let subject = format!("{prefix} Offer");
        assert_eq!(base("Auto-Submitted: auto-replied\r\n", &subject), "offer", "{prefix}");
        assert_eq!(base("Content-Type: text/calendar; method=REPLY\r\n", &subject), "offer", "{prefix}");
    }
    for subject in ["Accepted: offer", "Absent: Carla", "Tentative: dates"] {
        assert_eq!(base("", subject), fold(subject));
    }
}

#[test]
fn a_gateway_marks_mail_in_front_without_brackets_and_behind() {
    for subject in ["EXTERNAL: Re: offer", "Re: EXT: offer", "Re: offer [EXTERN]", "EXTERN: offer [EXT]"] {
        assert_eq!(base_of(subject), "offer", "{subject}");
    }
    for subject in ["external audit: offer", "offer [urgent]", "offer [spam]", "extension: offer"] {
        assert_eq!(base_of(subject), subject);
    }
}

#[test]
fn the_tables_are_folded() {
    let words = PREFIXES
        .iter()
        .flat_map(|(_, words)| *words)
        .chain(AUTOMATIC)
        .chain(FORWARDED)
        .chain(FORWARDED_SHORT)
        .chain(PROGRAM_ONLY)
        .chain(GATEWAY_PREFIXES)
        .chain(GATEWAY_TAGS);
    for word in words {
        assert_eq!(fold(word), **word);
    }
}

#[test]
fn a_long_pile_of_prefixes_is_read_in_one_go() {
    assert_eq!(base_of(&format!("{}offer{}", "re: ".repeat(500), " (fwd)".repeat(500))), "offer");
}

proptest! {
    #[test]
    fn the_base_of_a_base_is_the_same(subject in "((re|FW|Sv|automatic reply|İLT)( |\\[2\\])?[:：] ?|\\[ext\\]|\\[fwd:|\\(fwd\\)|\\]|\\PC| ){0,12}") {
        let once = BaseSubject::of(&subject);
        prop_assert_eq!(&BaseSubject::of(once.as_str()), &once);
    }
}
