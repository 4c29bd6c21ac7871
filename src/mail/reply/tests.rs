//! Replies as mail programs write them, in words of our own.

use proptest::prelude::*;

use super::fold::EXAMINED;
use super::reply_text;

const NEW: &str = "Thank you, that suits us.\nPlease send the contract.";
const QUOTED: &str = "> Hello,\n> when can we meet?\n>\n> Ana";
const BARE: &str = "Hello,\nwhen can we meet?\n\nAna";

/// What is new in a mail of plain text.
fn plain(text: &str) -> String {
    reply_text(Some(text), None, true).unwrap()
}

fn html(html: &str) -> String {
    reply_text(None, Some(html), false).unwrap()
}

#[test]
fn a_text_of_blank_lines_says_nothing() {
    assert_eq!(plain("\n \n\n"), "");
}

/// A line above a quote for every language, as Gmail, Apple Mail, Outlook, Thunderbird or Roundcube writes it.
const INTROS: &[&str] = &[
    "On Tue, May 4, 2021 at 10:12 AM Ana Berg <ana@customer.example> wrote:",
    "On 04/05/2021 10:12, Ana Berg wrote:",
    "Den tis 4 maj 2021 kl 10:12 skrev Ana Berg <ana@customer.example>:",
    "4 maj 2021 kl. 10:12 skrev Ana Berg <ana@customer.example>:",
    "wt., 4 maj 2021 o 10:12 Ana Berg <ana@customer.example> napisał(a):",
    "W dniu 4.05.2021 o 10:12, Ana Berg pisze:",
    "Op di 4 mei 2021 om 10:12 schreef Ana Berg <ana@customer.example>:",
    "Op 4 mei 2021 om 10:12 heeft Ana Berg <ana@customer.example> het volgende geschreven:",
    "Am Di., 4. Mai 2021 um 10:12 Uhr schrieb Ana Berg <ana@customer.example>:",
    "Am 04.05.2021 um 10:12 schrieb Ana Berg:",
    "Le mar. 4 mai 2021 à 10:12, Ana Berg <ana@customer.example> a écrit\u{a0}:",
    "El mar, 4 may 2021 a las 10:12, Ana Berg (<ana@customer.example>) escribió:",
    "Il giorno mar 4 mag 2021 alle ore 10:12 Ana Berg <ana@customer.example> ha scritto:",
    "Ana Berg <ana@customer.example> escreveu (terça, 4/05/2021 à(s) 10:12):",
    "Em ter., 4 de mai. de 2021 às 10:12, Ana Berg <ana@customer.example> escreveu:",
    "Den 4. maj 2021 kl. 10.12 skrev Ana Berg <ana@customer.example>:",
    "tir. 4. mai 2021 kl. 10:12 skrev Ana Berg <ana@customer.example>:",
    "ti 4. toukok. 2021 klo 10.12 Ana Berg (ana@customer.example) kirjoitti:",
    "Ana Berg <ana@customer.example> kirjutas kuupäeval T, 4. mai 2021 kell 10:12:",
    "út 4. 5. 2021 v 10:12 odesílatel Ana Berg <ana@customer.example> napsal:",
    "ut 4. 5. 2021 o 10:12 Ana Berg <ana@customer.example> napísal(a):",
    "Ana Berg <ana@customer.example> ezt írta (időpont: 2021. máj. 4., K, 10:12):",
    "mar., 4 mai 2021 la 10:12 Ana Berg <ana@customer.example> a scris:",
    "uto, 4. svi 2021. u 10:12 Ana Berg <ana@customer.example> napisao je:",
    "Ana Berg <ana@customer.example>, 4 May 2021 Sal, 10:12 tarihinde şunu yazdı:",
    "вт, 4 трав. 2021 р. о 10:12 Ana Berg <ana@customer.example> пише:",
    "вт, 4 мая 2021 г. в 10:12, Ana Berg <ana@customer.example>:",
    "4 мая 2021 г., в 10:12, Ana Berg <ana@customer.example> написал(а):",
    "2021年5月4日(火) 10:12 Ana Berg <ana@customer.example>:",
    "2021/05/04 10:12、Ana Berg <ana@customer.example>のメール:",
    "2021년 5월 4일 (화) 오전 10:12, Ana Berg <ana@customer.example>님이 작성:",
    "Ana Berg <ana@customer.example> 于2021年5月4日周二 10:12写道：",
    "Ana Berg <ana@customer.example> 於 2021年5月4日 週二 上午10:12寫道：",
    "\u{202b}בתאריך 4.5.2021 10:12 מאת Ana Berg <ana@customer.example>\u{200f}:\u{202c}",
    "Quoting Ana Berg <ana@customer.example>:",
    "---- On Tue, 04 May 2021 10:12:00 +0200 Ana Berg <ana@customer.example> wrote ----",
];

#[test]
fn what_is_above_an_introduction_is_new_in_every_language() {
    for intro in INTROS {
        assert_eq!(plain(&format!("{NEW}\n\n{intro}\n\n{QUOTED}\n")), NEW, "{intro}");
        assert_eq!(plain(&format!("{NEW}\r\n\r\n{intro}\r\n\r\n{BARE}\r\n")).replace('\r', ""), NEW, "{intro}");
        assert_eq!(plain(&format!("{NEW}\n{intro}\n{QUOTED}")), NEW, "{intro}");
    }
}

#[test]
fn an_introduction_may_be_broken_anywhere() {
    let mut wrong = Vec::new();
    for intro in INTROS.iter().filter(|intro| !intro.starts_with("----")) {
        for (at, _) in intro.match_indices(' ').filter(|(at, _)| *at > 12) {
            let broken = format!("{}\n{}", &intro[..at], &intro[at + 1..]);
            let text = format!("{NEW}\n\n{broken}\n\n{QUOTED}\n");
            // A line with nothing but a name may be anything.
            if broken.lines().next().unwrap().contains(|c: char| c == '@' || c.is_ascii_digit()) && plain(&text) != NEW
            {
                wrong.push(broken);
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}

#[test]
fn what_is_below_the_quote_is_new() {
    for intro in INTROS {
        assert_eq!(plain(&format!("{intro}\n{QUOTED}\n\n{NEW}\n\n-- \nOla\nSales\n")), NEW, "{intro}");
    }
    let around = plain(&format!("Thank you!\n\nOn 04/05/2021 10:12, Ana Berg wrote:\n{QUOTED}\n\nKind regards,\nOla"));
    assert_eq!(around, "Thank you!\n\nKind regards,\nOla");
}

#[test]
fn answers_between_quotes_keep_what_they_answer() {
    let text = "Hello Ana,\n\nOn 04/05/2021 10:12, Ana Berg wrote:\n> When can we meet?\n\nOn Monday.\n\n> And where?\n\nHere.\n\n> Ana\n";
    assert_eq!(plain(text), "Hello Ana,\n\n> When can we meet?\n\nOn Monday.\n\n> And where?\n\nHere.");
}

#[test]
fn a_quote_that_was_wrapped_badly_is_no_answer() {
    let text = format!(
        "{NEW}\n\nOn 04/05/2021 10:12, Ana Berg wrote:\n\n> The offer that you sent us last week is much higher than\nthe one before\n> so that we have to ask.\n>\n <https://customer.example/offer> >\n> Ana\n"
    );
    assert_eq!(plain(&text), NEW);
}

#[test]
fn header_blocks_and_separators_end_the_new_text() {
    for block in [
        "From: Ana Berg <ana@customer.example>\nSent: Tuesday, 4 May 2021 10:12\nTo: Ola\nSubject: Offer",
        "________________________________\nFrom: Ana Berg\nSent: Tuesday, 4 May 2021 10:12\nTo: Ola\nSubject: Offer",
        "-----Ursprüngliche Nachricht-----\nVon: Ana Berg [mailto:ana@customer.example]\nGesendet: Dienstag\nAn: Ola\nBetreff: Angebot",
        "*De :* Ana Berg\n*Envoyé :* mardi 4 mai 2021\n*À :* Ola\n*Objet :* Offre",
        "-------- Wiadomość oryginalna --------",
        "-----Mensaje original-----",
        "寄件者: Ana Berg <ana@customer.example>\n寄件日期: 2021年5月4日\n收件者: Ola\n主旨: 報價",
        "--------- Lost in another language ---------\nFrom: Ana Berg\nDate: Tuesday\nSubject: Offer",
    ] {
        assert_eq!(plain(&format!("{NEW}\n\n{block}\n\n{BARE}\n")), NEW, "{block}");
    }
}

#[test]
fn a_person_who_tells_of_writing_is_not_cut_short() {
    for text in [
        "As I wrote:\nthe price holds until May.",
        "On Monday I wrote something.\n\nOn Tuesday Ana wrote back.",
        "Here are the steps:\n\n1. Call us\n2. Wait",
        "From: Lund\nTo: Malmö\nDate: Friday\n\nCan you book that?",
        "Free on:\n2021-05-04 10:12\n2021-05-05 10:30\nWhich one?",
        "> a line that I like\n\nand what I think of it.",
        "The original message was lost. Can you send it again?",
        "10:30 is fine:\nI wrote it down.",
    ] {
        assert_eq!(plain(text), text);
    }
}

#[test]
fn signatures_and_the_lines_of_programs_are_left_out() {
    for footer in [
        "-- \nOla User\nSales\n+46 8 123 45 67",
        "--\nOla User",
        "Sent from my iPhone",
        "Von meinem iPhone gesendet",
        "Get Outlook for iOS<https://aka.example/o0ukef>",
        "_______________________\nOla User\nola@ours.example",
        "—\nOla User\nSales",
        "Skickat från min iPhone\n\n-- \nOla User",
    ] {
        assert_eq!(plain(&format!("{NEW}\n\n{footer}\n")), NEW, "{footer}");
        let replied = format!("{NEW}\n\n{footer}\n\nOn 04/05/2021 10:12, Ana Berg wrote:\n{QUOTED}\n");
        assert_eq!(plain(&replied), NEW, "{footer}");
    }
    let warned = format!("CAUTION: This message is from outside.\nDo not click.\n\n{NEW}");
    assert_eq!(plain(&warned), NEW);
    let headed =
        "Agenda\n------\nAsk Ana, ana@customer.example.\n\n----\n\nThen https://ours.example\n\n----\n\nThe end.";
    assert_eq!(plain(headed), headed);
    let divided = "Two things:\n\n----\n\nThe first is the price.\n\n----\n\nThe second is the date.";
    assert_eq!(plain(divided), divided);
}

#[test]
fn there_is_always_something_unless_there_is_only_a_quote() {
    let intro = "On 04/05/2021 10:12, Ana Berg wrote:";
    assert_eq!(plain(&format!("{intro}\n{QUOTED}\n")), "");
    assert_eq!(plain(&format!("{intro}\n\n{BARE}\n")), BARE);
    assert_eq!(plain(QUOTED), QUOTED);
    assert_eq!(plain(&format!("Sent from my iPhone\n\n{intro}\n{QUOTED}")), "Sent from my iPhone");
    assert_eq!(plain("--\nOla"), "--\nOla");
    let forwarded =
        format!("---------- Forwarded message ---------\nFrom: Ana <ana@customer.example>\nSubject: x\n\n{BARE}");
    assert_eq!(plain(&forwarded), forwarded);
    assert_eq!(plain(&format!("Look at this.\n\n{forwarded}")), "Look at this.");
    assert_eq!(reply_text(None, None, false), None);
    assert_eq!(reply_text(Some(" \n"), Some("<p>Hello</p>"), true).as_deref(), Some("Hello"));
    assert_eq!(plain("👍"), "👍");
}

#[test]
fn the_elements_of_mail_programs_hold_history() {
    let quote = "<p>when can we meet?</p>";
    for history in [
        format!(
            "<div class=\"gmail_quote\"><div class=gmail_attr>Ana 4/5:<br></div><blockquote class=gmail_quote>{quote}</blockquote></div>"
        ),
        format!("<div class=x_gmail_quote>{quote}</div>"),
        format!("<div id=\"ydp1234yahoo_quoted\">{quote}</div>"),
        format!(
            "<div class=moz-cite-prefix>4/5 Ana:<br></div><blockquote type=\"cite\" cite=\"mid:1\">{quote}</blockquote>"
        ),
        format!("<div id=appendonsend></div><hr tabindex=-1><div id=divRplyFwdMsg><b>Lähettäjä:</b> Ana</div>{quote}"),
        format!(
            "<div style='border:none;border-top:solid #B5C4DF 1.0pt;padding:3.0pt 0cm 0cm 0cm'><p>Ana</p></div>{quote}"
        ),
        format!("<div class=protonmail_quote>Ana:<blockquote type=cite>{quote}</blockquote></div>"),
        format!("<div name=\"quote\" style=\"margin:10px\">{quote}</div>"),
        format!("<hr id=zwchr><b>Ana</b>{quote}"),
        format!("<span id=\"OLK_SRC_BODY_SECTION\">{quote}</span>"),
        format!("<blockquote>{quote}</blockquote>"),
        format!("<hr><b>From:</b> ana@customer.example<br><b>Sent:</b> Tuesday<br><b>Subject:</b> Offer<br>{quote}"),
    ] {
        assert_eq!(
            html(&format!("<html><body><p>Thank you.</p><div><br></div>{history}</body></html>")),
            "Thank you.",
            "{history}"
        );
    }
}

#[test]
fn answers_in_html_stay_wherever_they_are() {
    let below =
        "<div class=moz-cite-prefix>Ana, 4/5:</div><blockquote type=cite><p>When?</p></blockquote><p>On Monday.</p>";
    assert_eq!(html(below), "On Monday.");
    let between = "<p>Hello</p><div class=gmail_quote><div class=gmail_attr>Ana, 4/5:</div><blockquote class=gmail_quote>When?</blockquote>\
        <div>On Monday.</div><blockquote class=gmail_quote>Where?</blockquote><div>Here.</div></div>";
    assert_eq!(html(between), "Hello\n\n> When?\n\nOn Monday.\n\n> Where?\n\nHere.");
    let indented =
        "<p>Look:</p><blockquote style=\"margin:0 0 0 40px;border:none;padding:0px\"><div>our price</div></blockquote>";
    assert_eq!(html(indented), "Look:\n\nour price");
    let signed = "<p>Yes.</p><div class=\"gmail_signature\" data-smartmail=\"gmail_signature\">Ola<br>Sales</div>";
    assert_eq!(html(signed), "Yes.");
    let forwarded =
        "<div class=gmail_quote>---------- Forwarded message ---------<br>From: Ana<br>Subject: x<br><br>Hello</div>";
    assert!(html(forwarded).ends_with("Hello"));
}

#[test]
fn the_work_grows_with_the_text_and_not_faster() {
    let size = 16 * 1024;
    for unit in [
        "On 4 May 2021 at 10:12, ",
        "On 4 May 2021 at 10:12,\n",
        "wrote: ",
        "a@b.example> wrote:\n",
        "> > >",
        ">:\n<\n",
        "From: a@b.example ",
        "From:\n",
        "--\n",
        "- ",
        "a\n>\n",
        "<a@b.example>:\n\n",
        "Sent from my (<(<",
        "\u{e000}\n",
        "----- Original ",
    ] {
        let worked = |times: usize| {
            EXAMINED.with(|sum| sum.set(0));
            plain(&unit.repeat(times * size / unit.len()));
            EXAMINED.with(std::cell::Cell::get)
        };
        let (one, four) = (worked(1), worked(4));
        assert!(four <= 40 * 4 * size && four <= 5 * one + 100_000, "{unit:?}: {one}, then {four}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]
    #[test]
    fn any_text_has_a_reply(parts in proptest::collection::vec(0..12usize, 0..24), noise in "\\PC{0,20}") {
        let piece = |at: &usize| match at {
            0 => "\n", 1 => "> q\n", 2 => "On 4 May 2021 at 10:12, Ana wrote:\n", 3 => "-- \n", 4 => "From: a@b.example\nSubject: x\n",
            5 => "text\n", 6 => "-----Original Message-----\n", 7 => "Sent from my iPhone\n", 8 => ">:\n", 9 => "\u{e000}\n", 10 => "\u{e001}",
            _ => noise.as_str(),
        };
        let text: String = parts.iter().map(piece).collect();
        let new = reply_text(Some(&text), None, true).unwrap_or_default();
        prop_assert!(new.len() <= text.len() + text.lines().count());
        reply_text(None, Some(&format!("<div class=gmail_quote>{text}</div><blockquote type=cite {noise}>{text}")), false);
    }
}
