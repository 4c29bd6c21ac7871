//! What happens in a user's own inbox, of which only mail on logged threads is opened.

use crate::scene::{MAIL, Mail, SCENE, Scene};

/// Whose inbox it is.
pub const OWNER: &str = "anna@ours.example";

const ANNA: &str = "Anna Berg <anna@ours.example>";

/// A reply that is here before the mail that it answers is logged.
const EARLY: Mail = Mail {
    id: "svar-1@konditori.example",
    from: "Lena Dahl <lena@konditori.example>",
    to: ANNA,
    subject: "Re: Provbakning på torsdag",
    text: "Torsdag passar bra.\n\nLena\n\nDen 16 nov. 2026 kl. 12:05 skrev Anna Berg <anna@ours.example>:\n\n> Hej Lena,\n>\n> kan vi provbaka hos er på torsdag?",
    language: "sv",
    answers: Some("provbakning-1@ours.example"),
    ..MAIL
};

/// What arrives after it was connected.
pub const ARRIVALS: &[Scene] = &[
    Scene {
        title: "Maja answers the very first mail, with the Swedish prefix; the text above the history is the new text",
        mail: Mail {
            id: "svar-1@nordbrod.example",
            from: "Maja Ek <maja@nordbrod.example>",
            to: ANNA,
            subject: "SV: Offert på jäskorgar",
            text: "Tack Anna, vi tar tolv.\n\nFrån: Anna Berg <anna@ours.example>\nSkickat: den 16 november 2026 08:00\nTill: Maja Ek <maja@nordbrod.example>\nÄmne: Offert på jäskorgar\n\nHej Maja,\n\nhär kommer offerten vi talade om.",
            language: "sv",
            charset: "iso-8859-1",
            answers: Some("offert-1@ours.example"),
            ..MAIL
        },
        inbox: Some(OWNER),
        contacts: &["maja@nordbrod.example"],
        ..SCENE
    },
    Scene {
        title: "Claire answers under another subject, which ends the thread",
        mail: Mail {
            id: "question-1@brioche.example",
            from: "Claire Lefèvre <claire@brioche.example>",
            to: ANNA,
            subject: "Une question de farine",
            text: "Bonjour Anna,\n\nautre chose : quelle farine prenez-vous ?\n\nClaire",
            language: "fr",
            answers: Some("recette-1@ours.example"),
            ..MAIL
        },
        inbox: Some(OWNER),
        code: "subject-changed",
        ..SCENE
    },
    Scene {
        title: "A private mail, which is nobody's business",
        mail: Mail {
            id: "provsvar-1@surgery.example",
            from: "Mottagningen <reception@surgery.example>",
            to: ANNA,
            subject: "Dina provsvar",
            text: "Hej Anna,\n\ndina provsvar ser bra ut.",
            language: "sv",
            ..MAIL
        },
        inbox: Some(OWNER),
        code: "not-in-known-thread",
        ..SCENE
    },
    Scene {
        title: "Lena's answer is here before the BCC copy of the mail that it answers",
        mail: EARLY,
        inbox: Some(OWNER),
        code: "not-in-known-thread",
        ..SCENE
    },
    Scene {
        title: "Kees is out of office: flagged, because a program wrote it",
        mail: Mail {
            id: "afwezig-1@molen.example",
            from: "Kees de Molenaar <kees@molen.example>",
            to: ANNA,
            subject: "Automatisch antwoord: Offerte voor één paar molenstenen",
            text: "Ik ben tot en met vrijdag afwezig.",
            language: "nl",
            answers: Some("molenstenen-1@ours.example"),
            fields: "Auto-Submitted: auto-replied\r\n",
            ..MAIL
        },
        inbox: Some(OWNER),
        contacts: &["kees@molen.example"],
        flags: &["auto-reply"],
        ..SCENE
    },
    Scene {
        title: "A mail came back: no reply, but the mail that it is about is marked",
        mail: Mail {
            id: "retur-1@sakura.example",
            from: "Mail Delivery System <mailer-daemon@sakura.example>",
            to: ANNA,
            subject: "Undelivered Mail Returned to Sender",
            text: "This mail could not be delivered: no such user.",
            answers: Some("mitsumori-1@ours.example"),
            fields: "Auto-Submitted: auto-replied\r\n",
            ..MAIL
        },
        inbox: Some(OWNER),
        code: "bounce",
        returns: Some("mitsumori-1@ours.example"),
        ..SCENE
    },
];

/// What follows when the mail is known that Lena answered.
pub const AFTERWARDS: &[Scene] = &[
    Scene {
        title: "The BCC copy of Anna's mail to Lena arrives",
        mail: Mail {
            id: "provbakning-1@ours.example",
            to: "Lena Dahl <lena@konditori.example>",
            subject: "Provbakning på torsdag",
            text: "Hej Lena,\n\nkan vi provbaka hos er på torsdag?",
            language: "sv",
            sent: Some((12, 5)),
            ..MAIL
        },
        contacts: &["lena@konditori.example"],
        ..SCENE
    },
    Scene {
        title: "Lena's answer, which waited for it, is judged again",
        mail: EARLY,
        inbox: Some(OWNER),
        again: true,
        contacts: &["lena@konditori.example"],
        ..SCENE
    },
];
