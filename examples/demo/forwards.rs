//! What users forward to the log address, from their programs in their languages.

use crate::crm::LOG;
use crate::scene::{MAIL, Mail, SCENE, Scene, Shown};

/// What reaches the forwarding mailbox.
pub const FORWARDS: &[Scene] = &[
    Scene {
        title: "Zofia forwards an order from Gmail, in Polish; whoever was in Cc does not become a contact",
        mail: Mail {
            id: "podaj-1@ours.example",
            from: "Zofia Nowak <z.nowak@ours.example>",
            to: LOG,
            subject: "Fwd: Zamówienie na sobotę",
            text: "Do kartoteki.\n\n---------- Forwarded message ---------\nOd: Ewa Lis <ewa@piekarnia.example>\nDate: pon., 16 lis 2026 o 09:12\nSubject: Zamówienie na sobotę\nTo: Zofia Nowak <z.nowak@ours.example>\nCc: Adam Lis <adam@piekarnia.example>\n\n\nDzień dobry,\n\nprosimy o dziesięć koszy.",
            language: "pl",
            ..MAIL
        },
        inbox: Some(LOG),
        contacts: &["ewa@piekarnia.example"],
        shows: Some(Shown { subject: "Zamówienie na sobotę", text: "Dzień dobry,", ..SHOWN }),
        ..SCENE
    },
    Scene {
        title: "Bjorn forwards from Outlook, in Swedish, which draws no line between his words and the mail",
        mail: Mail {
            id: "vb-1@ours.example",
            from: "Bjorn Lund <bjorn@ours.example>",
            to: LOG,
            subject: "VB: Leverans i december",
            text: "till loggen\n\nFrån: Per Ask <per@brodboden.example>\nSkickat: den 16 november 2026 10:40\nTill: Bjorn Lund <bjorn@ours.example>\nÄmne: Leverans i december\n\nHej Björn,\n\nkan ni leverera den tredje?",
            language: "sv",
            ..MAIL
        },
        inbox: Some(LOG),
        contacts: &["per@brodboden.example"],
        shows: Some(Shown { subject: "Leverans i december", text: "Hej Björn,", ..SHOWN }),
        ..SCENE
    },
    Scene {
        title: "Anna forwards from her telephone, in Dutch",
        mail: Mail {
            id: "doorgestuurd-1@ours.example",
            to: LOG,
            subject: "Fwd: Proefbakken",
            text: "Verstuurd vanaf mijn iPhone\n\n> Begin doorgestuurd bericht:\n>\n> Van: Noor Bos <noor@bakkerij.example>\n> Datum: 16 november 2026 om 11:07:09 CET\n> Aan: Anna Berg <anna@ours.example>\n> Onderwerp: Proefbakken\n>\n> Dag Anna,\n>\n> kom gerust langs.",
            language: "nl",
            ..MAIL
        },
        inbox: Some(LOG),
        contacts: &["noor@bakkerij.example"],
        shows: Some(Shown { subject: "Proefbakken", text: "Dag Anna,", ..SHOWN }),
        ..SCENE
    },
    Scene {
        title: "Bjorn forwards the same mail as Anna: it is on the timeline already",
        mail: Mail {
            id: "doorgestuurd-2@ours.example",
            from: "Bjorn Lund <bjorn@ours.example>",
            to: LOG,
            subject: "Fwd: Proefbakken",
            text: "> Begin doorgestuurd bericht:\n>\n> Van: Noor Bos <noor@bakkerij.example>\n> Datum: 16 november 2026 om 11:07:09 CET\n> Aan: Anna Berg <anna@ours.example>\n> Onderwerp: Proefbakken\n>\n> Dag Anna,\n>\n> kom gerust langs.",
            language: "nl",
            ..MAIL
        },
        inbox: Some(LOG),
        code: "duplicate",
        ..SCENE
    },
    Scene {
        title: "A mail that is forwarded as an attachment has its own header, to the second",
        mail: Mail {
            id: "bilaga-1@ours.example",
            to: LOG,
            subject: "Fwd: Autumn fair",
            text: "For the file.",
            attached: Some(
                "Date: Mon, 16 Nov 2026 09:30:07 +0000\nMessage-ID: <fair-1@harbour.example>\nFrom: Tom Hart <tom@harbour.example>\nTo: Anna Berg <anna@ours.example>\nSubject: Autumn fair\nMIME-Version: 1.0\nContent-Type: text/plain; charset=utf-8\n\nDear Anna,\n\nshall we share a stand?",
            ),
            ..MAIL
        },
        inbox: Some(LOG),
        contacts: &["tom@harbour.example"],
        shows: Some(Shown { id: Some("fair-1@harbour.example"), subject: "Autumn fair", text: "Dear Anna," }),
        ..SCENE
    },
    Scene {
        title: "Nobody can say who wrote this one: it waits in the review queue, and Anna is told",
        mail: Mail {
            id: "om-1@ours.example",
            to: LOG,
            subject: "Fwd: About the oven",
            text: "Claire called, her address is in here somewhere: claire@brioche.example, or was it paul@brioche.example?",
            ..MAIL
        },
        inbox: Some(LOG),
        code: "no-forward-header",
        ..SCENE
    },
];

const SHOWN: Shown = Shown { id: None, subject: "", text: "" };
