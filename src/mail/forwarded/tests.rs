use std::time::{Duration, Instant};

use proptest::prelude::*;

use super::*;

fn mail(subject: &str, text: &str) -> Mail {
    let raw = format!(
        "From: desk@ours.example\r\nTo: log@crm.example\r\nSubject: {subject}\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n{text}"
    );
    Mail::parse(raw.as_bytes()).unwrap()
}

fn page(subject: &str, html: &str) -> Mail {
    let raw = format!(
        "From: desk@ours.example\r\nTo: log@crm.example\r\nSubject: {subject}\r\nContent-Type: text/html; charset=utf-8\r\n\r\n{html}"
    );
    Mail::parse(raw.as_bytes()).unwrap()
}

fn sender(mail: &Mail) -> Result<Option<String>, Reason> {
    read(mail).map(|found| found.original().from.address.as_ref().map(|address| address.as_str().to_owned()))
}

const BLOCK: &str = "---------- Forwarded message ---------\nFrom: Ana <ana@customer.example>\nDate: Tue, Mar 5, 2024 at 2:07 PM\nSubject: Quote\nTo: desk@ours.example\n\n\nHello\n";

#[test]
fn only_the_outermost_block_is_the_message() {
    let inner = BLOCK.replace("ana@", "deep@");
    let found = read(&mail("Fwd: Quote", &format!("{BLOCK}\n{inner}"))).unwrap();
    assert_eq!(found.original().from.address.as_ref().unwrap().as_str(), "ana@customer.example");
    assert!(found.original().text.contains("deep@customer.example"), "its history stays in its text");
}

/// As Orange writes it, and Apple Mail in a language without a row.
#[test]
fn one_line_above_a_quoted_block_is_the_heading_of_a_program_if_the_subject_says_so() {
    let block = "> De : Ana <ana@customer.example>\n> A : desk@ours.example\n> Objet : Offre 41\n>\n> Hello\n";
    for heading in
        ["> Message du 05/03/24 14:07", "> Hasi da birbidalitako mezua:\n>", "Hasi da birbidalitako mezua:\n"]
    {
        let found = read(&mail("Fwd: Offre 41", &format!("{heading}\n{block}"))).unwrap();
        assert_eq!(found.original().from.address.as_ref().unwrap().as_str(), "ana@customer.example");
        assert_eq!((found.note.as_deref(), found.original().text.trim()), (None, "Hello"), "{heading}");
        assert_eq!(sender(&mail("Re: Offre 41", &format!("{heading}\n{block}"))).ok(), None, "{heading}");
    }
    for message in ["> Ours is cheaper.", "> Hello,\n> what follows is old:"] {
        assert_eq!(sender(&mail("Fwd: Offre 41", &format!("{message}\n{block}"))), Err(Reason::Quoted), "{message}");
    }
}

#[test]
fn addresses_outside_of_the_block_are_nobody() {
    let text = format!("Call mallory@evil.example!\nMallory <mallory@evil.example>\n\n{BLOCK}\n-- \nx@other.example");
    assert_eq!(sender(&mail("Fwd: Quote", &text)), Ok(Some("ana@customer.example".to_owned())));
    let name_only =
        "-----Original Message-----\nFrom: Ana\nSent: Monday\nTo: us\nSubject: Quote\n\nana@customer.example";
    assert_eq!(sender(&mail("FW: Quote", name_only)), Ok(None));
}

#[test]
fn the_prefix_tells_a_forward_from_an_answer_where_both_look_alike() {
    let block = "From: Ana <ana@customer.example>\nSent: Monday\nTo: us@ours.example\nSubject: Quote\n\nHello";
    assert_eq!(sender(&mail("FW: Quote", block)), Ok(Some("ana@customer.example".to_owned())));
    assert_eq!(sender(&mail("RE: Quote", block)), Err(Reason::Reply));
    assert_eq!(sender(&mail("Lunch", block)), Err(Reason::Unsure));
    assert_eq!(read(&mail("Quote", block)).unwrap().certainty, Certainty::Fair);
}

#[test]
fn the_html_of_the_message_is_cut_out() {
    let html = "<div>note</div><div class=gmail_quote><div class=gmail_attr>---------- Forwarded message ---------<br>From: <b>Ana</b> &lt;ana@customer.example&gt;<br>Date: Monday<br>Subject: Quote<br>To: us<br></div><p class=x>Hello <i>you</i></p></div>";
    let found = read(&page("Fwd: Quote", html)).unwrap();
    let cut = found.original().html.as_deref().unwrap();
    assert!(cut.contains("<p class=x>Hello <i>you</i></p>") && !cut.contains("customer.example"), "{cut}");
}

#[test]
fn an_address_that_only_the_link_shows_is_the_senders() {
    let html = "<b>From:</b> <a href=\"mailto:ana@customer.example\">Ana</a><br><b>Sent:</b> Monday<br><b>To:</b> us<br><b>Subject:</b> Quote<br><br>Hello";
    assert_eq!(sender(&page("FW: Quote", html)), Ok(Some("ana@customer.example".to_owned())));
}

#[test]
fn a_label_with_its_value_on_the_next_line_is_one() {
    let text = "-----Original Message-----\nFrom:\nAna <ana@customer.example>\nSent:\nMonday\nTo:\nus@ours.example\nSubject:\nQuote\n\nHello";
    assert_eq!(sender(&mail("FW: Quote", text)), Ok(Some("ana@customer.example".to_owned())));
}

#[test]
fn a_broken_address_is_put_together() {
    let text = "-----Original Message-----\nFrom: Ana Berg <ana.berg.of.the.long.department@\ncustomer.example>\nSent: Monday\nTo: us@ours.example\nSubject: Quote\n\nHello";
    let expected = "ana.berg.of.the.long.department@customer.example";
    assert_eq!(sender(&mail("FW: Quote", text)), Ok(Some(expected.to_owned())));
}

#[test]
fn what_the_message_begins_with_is_not_its_header() {
    let text = "From: Ana <ana@customer.example>\nDate: Monday\nTo: us@ours.example\nSubject: Quote\nDate: 5 May\nFrom: here\n";
    let found = read(&mail("FW: Quote", text)).unwrap();
    assert_eq!(found.original().text, "Date: 5 May\nFrom: here");
}

#[test]
fn a_subject_that_the_program_leaves_out_is_the_outer_one() {
    let text =
        "---------- Forwarded message ---------\nFrom: Ana <ana@customer.example>\nDate: Monday\nTo: us\n\nHello";
    assert_eq!(read(&mail("Fwd: Re: Quote", text)).unwrap().original().subject.as_deref(), Some("Re: Quote"));
}

#[test]
fn the_history_below_a_block_in_unknown_words_is_not_the_message() {
    for words in [
        "Nork: Kim Cust\nBidalia: 2024(e)ko martxoaren 5a 14:07\nNori: Anna Berg\nGaia: Quote",
        "Nork: Kim <kim@customer.example>\nNori: Anna <anna@ours.example>\nGaia: Quote",
        "Nork: Kim Cust\nNori: Anna Berg\nGaia: Re: Quote",
        "-------- Mezua --------\nNork: Kim Cust\nNori: Anna Berg\nGaia: Quote",
    ] {
        for subject in ["Fwd: Quote", "Quote"] {
            let text = format!("see below\n\n{words}\n\nkaixo\n\n{BLOCK}");
            assert_eq!(sender(&mail(subject, &text)), Err(Reason::UnknownLanguage), "{subject}: {words}");
            let words = words.replace('<', "&lt;").replace('\n', "<br>");
            let html = format!(
                "<p>see</p><div style='border-top:solid #E1E1E1 1.0pt'><p>{words}</p></div><p>kaixo</p><div><div style='border-top:solid'><p><b>From:</b> Deep &lt;deep@x.example&gt;<br><b>Sent:</b> Monday, March 4, 2024 1:00 PM<br><b>To:</b> us<br><b>Subject:</b> Quote</p></div></div>"
            );
            assert_eq!(sender(&page(subject, &html)), Err(Reason::UnknownLanguage), "{subject}: {words}");
        }
    }
}

#[test]
fn labels_in_the_users_own_note_are_no_block() {
    for note in [
        "Client: Kim\nPriority: high\nNext: call on Monday",
        "Quote: Quote\nTel: +46 2012 34 56\nWeb: https://ours.example\nE-mail: desk@ours.example",
        "Project: Roof\nDeadline: 2024-03-05 14:00\nBudget: 500",
    ] {
        let text = format!("Please log\n\n{note}\n\n{BLOCK}");
        assert_eq!(sender(&mail("Fwd: Quote", &text)), Ok(Some("ana@customer.example".to_owned())), "{note}");
    }
}

#[test]
fn a_block_that_the_note_quotes_is_not_the_message() {
    let quoted = "> From: Boss <boss@partner.example>\n> Sent: Monday\n> To: us@ours.example\n> Subject: S\n>\n> text";
    let text = format!("See what Boss wrote:\n{quoted}\n\nand now:\n\n{BLOCK}");
    assert_eq!(sender(&mail("Fwd: Quote", &text)), Ok(Some("ana@customer.example".to_owned())));
    let html = "<div>See:</div><blockquote>From: Boss &lt;boss@partner.example&gt;<br>Sent: Monday<br>To: us@ours.example<br>Subject: S<br><br>text</blockquote><div class=gmail_quote><div class=gmail_attr>---------- Forwarded message ---------<br>From: <b>Ana</b> &lt;ana@customer.example&gt;<br>Date: Tue, Mar 5, 2024 at 2:07 PM<br>Subject: Quote<br>To: us<br></div><p>Hello</p></div>";
    assert_eq!(sender(&page("Fwd: Quote", html)), Ok(Some("ana@customer.example".to_owned())));
    let alone = format!("See:\n{quoted}");
    assert_eq!(sender(&mail("Fwd: S", &alone)), Ok(Some("boss@partner.example".to_owned())));
}

#[test]
fn a_block_that_shows_how_one_looks_is_no_forward() {
    let block = "---------- Forwarded message ---------\nFrom: X <x@x.example>\nDate: ...\nSubject: ...\nTo: ...\n\n";
    let text = format!("Hi, when you forward mail, the program writes\n\n{block}at the top.");
    assert_eq!(sender(&mail("how forwarding works", &text)), Err(Reason::Unsure));
    assert_eq!(sender(&mail("please log", BLOCK)), Ok(Some("ana@customer.example".to_owned())));
}

#[test]
fn a_recipients_address_on_the_next_line_is_the_headers() {
    let to = "To: Anna Berg <anna@ours.example>, Bo With A Rather Long Name\n<bo@x.example>, Cec <c@x.example>\n";
    let found = read(&mail("Fwd: Quote", &BLOCK.replace("To: desk@ours.example\n", to))).unwrap();
    let to: Vec<&str> = found.original().to.iter().filter_map(|to| Some(to.address.as_ref()?.as_str())).collect();
    assert_eq!(to, ["anna@ours.example", "bo@x.example", "c@x.example"]);
    assert_eq!(found.original().text.trim(), "Hello");
}

/// What could make a reader go back and forth, repeated.
const UNITS: &[&str] = &[
    "From: a@b.example\n",
    "From:\n",
    "From: a@b.example To: b@c.example Subject: x Sent: y ",
    "From: a@b.example\n\n",
    "---------- Forwarded message ---------\n",
    "---------- Forwarded message ---------\nFrom: a\n",
    "---- x ---- From: y\n",
    "To: a@b.example,\n",
    "> From: a@b.example\n",
    "> ",
    "________________________________\n",
    "On 4 May 2021 at 10:12, Ana <a@b.example> wrote:\n",
    "On 4 May 2021 at 10:12, ",
    "a@b.example, ",
    "<a@b.example",
    "\"a, ",
    "word ",
    "\n",
    "Subject: ",
    ":",
    "<div>",
    "<a href=mailto:a@b.example>x",
    "<blockquote><p>x",
    "<td>",
    "&amp;",
    "<div style=display:none>",
];

#[test]
fn no_body_costs_more_than_its_length() {
    for subject in ["Fwd: x", "x"] {
        for unit in UNITS {
            let body = unit.repeat(100_000 / unit.len());
            for body in [body.clone(), format!("From: a@b.example\nSubject: x\nTo: {body}")] {
                for mail in [mail(subject, &body), page(subject, &body)] {
                    let before = Instant::now();
                    let _ = read(&mail);
                    let took = before.elapsed();
                    assert!(took < Duration::from_secs(2), "{unit:?}: {took:?}");
                }
            }
        }
    }
}

/// Pieces that forwards are made of, in any order.
fn pieces() -> impl Strategy<Value = String> {
    let known = proptest::sample::select(
        &[
            "From: ",
            "Von: ",
            "De : ",
            "差出人：",
            "To: ",
            "Cc: ",
            "Subject: ",
            "Sent: ",
            "Date: ",
            "Kopie: ",
            "*From:* ",
            "\n",
            "\n",
            "\n\n",
            "> ",
            "---------- Forwarded message ---------",
            "-----Original Message-----",
            "________________________________",
            "Ana <ana@customer.example>",
            "bo@partner.example",
            "[mailto:carl@x.example]",
            "<",
            ">",
            "\"",
            ", ",
            "; ",
            " on behalf of ",
            "Tue, 5 Mar 2024 14:07:00 +0100",
            "05/03/2024",
            "Begin forwarded message:",
            "On 5/3/2024 14:07, ",
            " wrote:",
            "\u{200f}",
            "\u{200b}",
            "<br>",
            "<div>",
            "</div>",
            "<blockquote>",
            "<td>",
            "<a href=\"mailto:dora@x.example\">",
            "</a>",
            "&lt;",
            "é",
            "日",
            "\t",
            "(",
            ")",
        ][..],
    );
    proptest::collection::vec(prop_oneof![4 => known.prop_map(str::to_owned), 1 => "\\PC{0,6}"], 0..60)
        .prop_map(|all| all.concat())
}

/// Every address that the reading names, whatever for.
fn addresses(found: &Forwarded) -> Vec<String> {
    let original = found.original();
    let people = std::iter::once(&original.from).chain(&original.to).chain(&original.cc);
    people.filter_map(|person| person.address.as_ref()).map(|address| address.as_str().to_owned()).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    #[test]
    fn no_mail_makes_it_name_an_address_that_is_not_there(subject in "(Fwd: |VB: |Re: )?x", body in pieces()) {
        for mail in [mail(&subject, &body), page(&subject, &body)] {
            if let Ok(found) = read(&mail) {
                // A line end may stand within an address that was broken.
                let whole: String = [mail.text.as_deref(), mail.html.as_deref()].into_iter().flatten().collect();
                let whole: String = whole.chars().filter(|c| !c.is_whitespace()).collect();
                for address in addresses(&found) {
                    prop_assert!(whole.contains(&address), "{} is not in {:?}", address, body);
                }
            }
        }
    }
}
