//! What happens, in order: one mail a row, with the verdict it must get.

use crate::forwards::FORWARDS;
use crate::inbox::{AFTERWARDS, ARRIVALS, OWNER};
use crate::scene::{Chapter, MAIL, Mail, SCENE, Scene};

const ANNA: &str = "Anna Berg <anna@ours.example>";
const BJORN: &str = "Bjorn Lund <bjorn@ours.example>";
const KEES: &str = "Kees de Molenaar <kees@molen.example>";

/// The story.
pub const STORY: &[Chapter] = &[
    Chapter { title: "Users write to customers, with the BCC address in Bcc", connects: None, scenes: BY_BCC },
    Chapter { title: "Anna connects her own inbox, and mail arrives in it", connects: Some(OWNER), scenes: ARRIVALS },
    Chapter { title: "A BCC copy that was held up on its way", connects: None, scenes: AFTERWARDS },
    Chapter {
        title: "Users forward what they received, each from their own program",
        connects: None,
        scenes: FORWARDS,
    },
];

/// What reaches the BCC mailbox.
const BY_BCC: &[Scene] = &[
    Scene {
        title: "Anna writes to a prospect and puts the BCC address in Bcc",
        mail: Mail {
            id: "offert-1@ours.example",
            to: "Maja Ek <maja@nordbrod.example>",
            subject: "Offert på jäskorgar",
            text: "Hej Maja,\n\nhär kommer offerten vi talade om.\n\nHälsningar\nAnna",
            language: "sv",
            ..MAIL
        },
        contacts: &["maja@nordbrod.example"],
        ..SCENE
    },
    Scene {
        title: "A known contact with six open deals, and a colleague in Cc",
        mail: Mail {
            id: "molenstenen-1@ours.example",
            to: KEES,
            cc: BJORN,
            subject: "Offerte voor één paar molenstenen",
            text: "Beste Kees,\n\nhierbij onze offerte, met levering vóór de zomer.\n\nGroet,\nAnna",
            language: "nl",
            charset: "iso-8859-15",
            ..MAIL
        },
        contacts: &["kees@molen.example"],
        ..SCENE
    },
    Scene {
        title: "A user who sends from an alias, in an old Windows charset",
        mail: Mail {
            id: "probki-1@ours.example",
            from: "Zofia Nowak <z.nowak@ours.example>",
            to: "Jan Wójcik <jan@cukiernia.example>",
            subject: "Próbki mąki żytniej",
            text: "Dzień dobry,\n\npróbki wyślemy jutro.\n\nPozdrawiam\nZofia",
            language: "pl",
            charset: "windows-1250",
            ..MAIL
        },
        contacts: &["jan@cukiernia.example"],
        ..SCENE
    },
    Scene {
        title: "A charset that changes its meaning in mid-line (ISO-2022-JP)",
        mail: Mail {
            id: "mitsumori-1@ours.example",
            to: "佐藤 <sato@sakura.example>",
            subject: "お見積りの件",
            text: "佐藤様\n\nお見積書をお送りいたします。\n\nアンナ",
            language: "ja",
            charset: "iso-2022-jp",
            ..MAIL
        },
        contacts: &["sato@sakura.example"],
        ..SCENE
    },
    Scene {
        title: "Two attachments, one of them over the limit: the mail is logged without it, the sender gets a notice",
        mail: Mail {
            id: "preisliste-1@ours.example",
            from: BJORN,
            to: "Jürgen Weiß <juergen@backhaus.example>",
            subject: "Preisliste für Backöfen",
            text: "Guten Tag Herr Weiß,\n\nanbei Preisliste und Prospekt.\n\nGrüße\nBjörn",
            language: "de",
            files: &[("Preisliste.pdf", 20_000), ("Prospekt.pdf", 200_000)],
            ..MAIL
        },
        contacts: &["juergen@backhaus.example"],
        flags: &["attachment-dropped"],
        ..SCENE
    },
    Scene {
        title: "One recipient on the never-log list, another one not",
        mail: Mail {
            id: "delivery-1@ours.example",
            to: "ward@clinic.example",
            cc: "Tom Hart <tom@harbour.example>",
            subject: "Delivery on Friday",
            text: "Dear both,\n\nthe rolls arrive on Friday at six.\n\nAnna",
            ..MAIL
        },
        contacts: &["tom@harbour.example"],
        ..SCENE
    },
    Scene {
        title: "Nobody but a recipient on the never-log list",
        mail: Mail {
            id: "appointment-1@ours.example",
            to: "ward@clinic.example",
            subject: "My appointment",
            text: "May I come on Monday instead?",
            ..MAIL
        },
        code: "never-log",
        ..SCENE
    },
    Scene {
        title: "Nobody but a colleague",
        mail: Mail {
            id: "fika-1@ours.example",
            to: BJORN,
            subject: "Fika?",
            text: "Klockan tre?",
            language: "sv",
            ..MAIL
        },
        code: "internal-only",
        ..SCENE
    },
    Scene {
        title: "A stranger who found out the BCC address",
        mail: Mail {
            id: "winner-1@lottery.example",
            from: "Lucky Draw <prize@lottery.example>",
            to: "bcc@crm.example",
            subject: "You have won",
            text: "Click here.",
            ..MAIL
        },
        code: "unknown-sender",
        ..SCENE
    },
    Scene {
        title: "The first mail once more, by another way",
        mail: Mail {
            id: "offert-1@ours.example",
            to: "Maja Ek <maja@nordbrod.example>",
            subject: "Offert på jäskorgar",
            text: "Hej Maja,\n\nhär kommer offerten vi talade om.\n\nHälsningar\nAnna",
            language: "sv",
            ..MAIL
        },
        code: "duplicate",
        contacts: &["maja@nordbrod.example"],
        ..SCENE
    },
    Scene {
        title: "A customer replies to all, and the BCC address was among them",
        mail: Mail {
            id: "antwoord-1@molen.example",
            from: KEES,
            to: ANNA,
            cc: "bcc@crm.example",
            subject: "Antw: Offerte voor één paar molenstenen",
            text: "Dag Anna,\n\nakkoord. Wanneer komen ze?\n\nKees",
            language: "nl",
            answers: Some("molenstenen-1@ours.example"),
            ..MAIL
        },
        contacts: &["kees@molen.example"],
        ..SCENE
    },
    Scene {
        title: "The same customer replies under another subject, which ends the thread",
        mail: Mail {
            id: "anders-1@molen.example",
            from: KEES,
            to: ANNA,
            cc: "bcc@crm.example",
            subject: "Iets anders: de maalstoel",
            text: "Dag Anna,\n\nnog een vraag.\n\nKees",
            language: "nl",
            answers: Some("molenstenen-1@ours.example"),
            ..MAIL
        },
        code: "subject-changed",
        ..SCENE
    },
    Scene {
        title: "A picture in the text, which is not an attachment of its own",
        mail: Mail {
            id: "recette-1@ours.example",
            to: "Claire Lefèvre <claire@brioche.example>",
            subject: "La brioche d'été",
            text: "Bonjour Claire,\n\nvoilà à quoi elle ressemble.\n\nAnna",
            language: "fr",
            picture: true,
            ..MAIL
        },
        contacts: &["claire@brioche.example"],
        ..SCENE
    },
    Scene {
        title: "Somebody writes as Anna; the receiving server says that it is not her",
        mail: Mail {
            id: "urgent-1@elsewhere.example",
            to: "Maja Ek <maja@nordbrod.example>",
            subject: "New bank account",
            text: "Please pay to this account from now on.",
            genuine: false,
            ..MAIL
        },
        code: "auth-failed",
        ..SCENE
    },
];
