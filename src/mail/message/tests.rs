use base64::Engine;
use proptest::prelude::*;

use super::*;

/// A message as clients send it: text and HTML, an image the HTML shows, and a document.
const RICH: &str = "From: =?utf-8?Q?=C3=85sa?= <asa@ours.example>\r\n\
    Subject: Offert\r\n\
    Content-Type: multipart/mixed; boundary=\"mixed\"\r\n\
    \r\n\
    A preamble nobody sees.\r\n\
    --mixed\r\n\
    Content-Type: multipart/alternative; boundary=alternative\r\n\
    \r\n\
    --alternative\r\n\
    Content-Type: text/plain; charset=iso-8859-1\r\n\
    Content-Transfer-Encoding: quoted-printable\r\n\
    \r\n\
    Hej,\r\nh=E4r =E4r den.\r\n\
    --alternative\r\n\
    Content-Type: multipart/related; boundary=related\r\n\
    \r\n\
    --related\r\n\
    Content-Type: text/html; charset=utf-8\r\n\
    \r\n\
    <p>Hej, h\u{e4}r \u{e4}r den. <img src=\"cid:logo%40ours.example\"></p>\r\n\
    --related\r\n\
    Content-Type: image/png; name=logo.png\r\n\
    Content-ID: <logo@ours.example>\r\n\
    Content-Transfer-Encoding: base64\r\n\
    \r\n\
    iVBORw0KGgo=\r\n\
    --related--\r\n\
    --alternative--\r\n\
    --mixed\r\n\
    Content-Type: application/pdf\r\n\
    Content-Disposition: attachment; filename*=utf-8''offert%20%C3%A5.pdf\r\n\
    Content-Transfer-Encoding: base64\r\n\
    \r\n\
    JVBERi0xLjQK\r\n\
    --mixed--\r\n";

fn mail(raw: impl AsRef<[u8]>) -> Mail {
    Mail::parse(raw.as_ref()).unwrap()
}

fn mixed(parts: &[&str]) -> Mail {
    let parts: String = parts.iter().map(|part| format!("--b\r\n{part}\r\n")).collect();
    mail(format!("Subject: x\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n{parts}--b--\r\n"))
}

#[test]
fn a_rich_message_is_read_whole() {
    let mail = mail(RICH);
    assert_eq!(mail.envelope, Envelope::parse(RICH.as_bytes()));
    assert_eq!(mail.text.as_deref(), Some("Hej,\nhär är den."));
    assert!(mail.has_plain_text);
    assert!(mail.html.unwrap().starts_with("<p>Hej, här är den."));
    let parts: Vec<_> = mail.attachments.iter().map(|p| (p.name.as_str(), p.media_type.as_str(), p.inline)).collect();
    assert_eq!(parts, [("logo.png", "image/png", true), ("offert å.pdf", "application/pdf", false)]);
    assert_eq!(mail.attachments[0].content_id.as_deref(), Some("logo@ours.example"));
    assert_eq!(mail.attachments[0].bytes, b"\x89PNG\r\n\x1a\n");
    assert_eq!(mail.attachments[1].bytes, b"%PDF-1.4\n");
    assert_eq!(mail.omitted, 0);
}

#[test]
fn html_alone_gives_the_text() {
    let mail = mail("Content-Type: text/html\r\n\r\n<p>Hello</p><p>there</p>");
    assert_eq!(mail.text.as_deref(), Some("Hello\n\nthere"));
    assert!(!mail.has_plain_text);
    assert_eq!(mail.html.as_deref(), Some("<p>Hello</p><p>there</p>"));
}

#[test]
fn text_alone_has_no_html() {
    let mail = mail("Subject: x\r\n\r\nhello\r\n");
    assert_eq!((mail.text.as_deref(), mail.html), (Some("hello\n"), None));
}

#[test]
fn an_empty_text_beside_html_is_filled() {
    let raw = "Content-Type: multipart/alternative; boundary=a\n\n--a\n\n \n--a\nContent-Type: text/html\n\n<p>Hello</p>\n--a--";
    assert_eq!(mail(raw).text.as_deref(), Some("Hello"));
    assert!(mail(raw).has_plain_text);
}

#[test]
fn a_message_without_a_body_has_no_text() {
    let mail = mail("Content-Type: application/pdf; name=a.pdf\r\n\r\n%PDF");
    assert_eq!((mail.text, mail.html), (None, None));
    assert_eq!(mail.attachments[0].bytes, b"%PDF");
}

#[test]
fn a_body_in_several_pieces_is_joined() {
    let text = "Content-Type: text/plain\r\n\r\nbefore";
    let html = "Content-Type: text/html\r\n\r\n<p>after</p>";
    let mail = mixed(&[text, "Content-Type: image/png\r\n\r\npng", html]);
    assert_eq!(mail.text.as_deref(), Some("before\nafter"));
    assert_eq!(mail.html.as_deref(), Some("<pre>before</pre>\n<p>after</p>"));
    assert_eq!(mail.attachments.len(), 1);
}

#[test]
fn html_in_pieces_within_an_alternative_is_not_said_twice() {
    let raw = "Content-Type: multipart/alternative; boundary=a\n\n--a\n\nplain\n--a\nContent-Type: multipart/mixed; boundary=m\n\n\
        --m\nContent-Type: text/html\n\n<p>one</p>\n--m\nContent-Type: application/pdf\n\n%PDF\n--m\n\
        Content-Type: text/html\n\n<p>two</p>\n--m--\n--a--";
    let mail = mail(raw);
    assert_eq!(mail.text.as_deref(), Some("plain"));
    assert_eq!(mail.html.as_deref(), Some("<p>one</p><p>two</p>"));
    assert_eq!(mail.attachments.len(), 1);
}

#[test]
fn a_named_or_attached_text_is_an_attachment_in_its_own_bytes() {
    let mail = mixed(&[
        "Content-Type: text/plain\r\n\r\nbody",
        "Content-Type: text/plain; charset=iso-8859-1; name=notes.txt\r\n\r\ncaf=E9",
        "Content-Type: text/html\r\nContent-Disposition: attachment\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n=E9",
        "Content-Type: text/csv; charset=windows-1252\r\nContent-Transfer-Encoding: base64\r\n\r\nYTvkDQo=",
    ]);
    assert_eq!(mail.text.as_deref(), Some("body"));
    let bytes: Vec<_> = mail.attachments.iter().map(|p| p.bytes.as_slice()).collect();
    assert_eq!(bytes, [&b"caf=E9"[..], b"\xe9", b"a;\xe4\r\n"]);
    assert_eq!(mail.attachments[1].name, "page.html");
}

#[test]
fn an_attached_message_is_kept_byte_for_byte() {
    let nested =
        "From: a@x.example\r\nSubject: inner\r\nContent-Type: multipart/mixed; boundary=c\r\n\r\n--c\r\n\r\nx\r\n--c--";
    let plain = format!("Content-Type: message/rfc822\r\n\r\n{nested}");
    let encoded = base64::engine::general_purpose::STANDARD.encode(nested);
    let encoded =
        format!("Content-Type: message/rfc822; name=\"inner\"\r\nContent-Transfer-Encoding: base64\r\n\r\n{encoded}");
    let mail = mixed(&["\r\nsee attached", &plain, &encoded]);
    let names: Vec<_> = mail.attachments.iter().map(|p| p.name.as_str()).collect();
    assert_eq!(names, ["message.eml", "inner.eml"]);
    assert!(mail.attachments.iter().all(|p| p.bytes == nested.as_bytes()));
    assert_eq!(mail.text.as_deref(), Some("see attached"));
}

#[test]
fn invitations_and_outlooks_bag_are_kept() {
    let raw = "Content-Type: multipart/alternative; boundary=a\n\n--a\n\nplain\n--a\nContent-Type: text/calendar; method=REQUEST\n\n\
        BEGIN:VCALENDAR\n--a\nContent-Type: text/x-amp-html\n\n<html amp>\n--a--";
    let invitation = mail(raw);
    assert_eq!(invitation.attachments.len(), 1);
    assert_eq!(invitation.attachments[0].name, "invite.ics");
    let bag =
        mixed(&["\r\nx", "Content-Type: application/ms-tnef\r\nContent-Transfer-Encoding: base64\r\n\r\neJ8+Ig=="]);
    assert_eq!(
        (bag.attachments[0].name.as_str(), bag.attachments[0].bytes.as_slice()),
        ("winmail.dat", &b"x\x9f>\""[..])
    );
}

#[test]
fn an_image_nobody_refers_to_is_an_attachment() {
    let image = "Content-Type: image/png\r\nContent-ID: <photo>\r\nContent-Disposition: inline\r\n\r\npng";
    let with = |html: &str| mixed(&[&format!("Content-Type: text/html\r\n\r\n{html}"), image]).attachments[0].inline;
    assert!(with("<img src='cid:photo'>"));
    assert!(!with("<img src='cid:photograph'>"));
    assert!(!with("no image"));
    assert!(!mixed(&["\r\ntext only", image]).attachments[0].inline);
}

#[test]
fn text_is_read_in_any_charset() {
    let text = |label: &str, bytes: &[u8]| {
        let head = format!("Content-Type: text/plain; charset={label}\r\nContent-Transfer-Encoding: 8bit\r\n\r\n");
        mail([head.as_bytes(), bytes].concat()).text.unwrap()
    };
    assert_eq!(text("cp932", b"\x93\xfa\x96{"), "日本");
    assert_eq!(text("gb2312", b"\xc4\xe3\xba\xc3"), "你好");
    assert_eq!(text("ks_c_5601-1987", b"\xbe\xc8\xb3\xe7"), "안녕");
    assert_eq!(text("koi8-r", b"\xf0\xd2\xc9"), "При");
    assert_eq!(text("no-such-charset", b"caf\xe9"), "café");
    assert_eq!(text("utf-8", b"\xef\xbb\xbfa\0b"), "ab");
    let html =
        mail(&b"Content-Type: text/html\r\n\r\n<html><META content='text/html; charset=koi8-r'>\xf0\xd2\xc9"[..]);
    assert!(html.html.unwrap().ends_with("При"));
}

#[test]
fn garbage_in_the_encoding_is_tolerated() {
    let mail = mixed(&[
        "Content-Transfer-Encoding: 8-bit, honest\r\n\r\nplain",
        "Content-Type: application/pdf\r\nContent-Transfer-Encoding: BASE64 (of course)\r\n\r\nJVBE\r\n*\r\nRg==",
    ]);
    assert_eq!(mail.text.as_deref(), Some("plain"));
    assert_eq!(mail.attachments[0].bytes, b"%PDF");
}

#[test]
fn what_has_no_header_is_no_message() {
    assert_eq!(Mail::parse(b""), Err(ParseError::Empty));
    assert_eq!(Mail::parse(b" \r\n "), Err(ParseError::Empty));
    assert_eq!(Mail::parse(b"hello\r\n\r\nworld"), Err(ParseError::NoHeader));
}

#[test]
fn hostile_depth_and_number_are_bounded() {
    let deep: String =
        (0..100_000).map(|n| format!("Content-Type: multipart/mixed; boundary=b{n}\n\n--b{n}\n")).collect();
    let deep = mail(format!("{deep}\nend"));
    assert_eq!(deep.attachments.len(), 1);
    assert_eq!(deep.attachments[0].media_type, "multipart/mixed");
    let nested = mail(format!("Subject: x\n{}end", "Content-Type: message/rfc822\n\n".repeat(100_000)));
    assert_eq!(nested.attachments.len(), 1);
    let never = "--b\nContent-Type: multipart/mixed; boundary=never\n\n".repeat(20_000);
    let never = mail(format!("Content-Type: multipart/mixed; boundary=b\n\n{never}"));
    assert!(never.attachments.len() <= 1_000 && never.omitted > 0);
    let many = "--b\nContent-Type: image/png\n\nx\n".repeat(5_000);
    let many = mail(format!("Content-Type: multipart/mixed; boundary=b\n\n{many}"));
    assert_eq!((many.attachments.len(), many.omitted), (1_000, 4_000));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn attachments_come_back_byte_for_byte(bytes in proptest::collection::vec(any::<u8>(), 0..2000)) {
        let encoded = base64::engine::general_purpose::STANDARD.encode(&bytes);
        let folded = encoded.as_bytes().chunks(76).map(|l| std::str::from_utf8(l).unwrap()).collect::<Vec<_>>().join("\r\n");
        let part = format!("Content-Type: text/csv; name=a.csv\r\nContent-Transfer-Encoding: base64\r\n\r\n{folded}");
        prop_assert_eq!(&mixed(&["\r\nx", &part]).attachments[0].bytes, &bytes);
    }

    #[test]
    fn any_bytes_are_a_message_or_not(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        let _ = Mail::parse(&bytes);
    }

    #[test]
    fn a_damaged_message_is_read(cuts in proptest::collection::vec((0..RICH.len(), 0usize..40, proptest::collection::vec(any::<u8>(), 0..6)), 1..6)) {
        let mut raw = RICH.as_bytes().to_vec();
        for (at, len, bytes) in cuts {
            let at = at.min(raw.len());
            raw.splice(at..(at + len).min(raw.len()), bytes);
        }
        if let Ok(mail) = Mail::parse(&raw) {
            prop_assert!(!mail.text.unwrap_or_default().contains('\0'));
            prop_assert!(!mail.html.unwrap_or_default().contains('\0'));
        }
    }
}
