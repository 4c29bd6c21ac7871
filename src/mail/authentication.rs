//! Whether the receiving server vouches for the sender (spec L13), by its `Authentication-Results` (RFC 8601).
//!
//! Anybody can write such a field. The one to believe is the topmost, and only in the shape that the provider of this
//! mailbox writes; a field in another shape came with the message.

use serde::Serialize;

use super::domain;
use super::envelope::Envelope;

/// Who stamps the results in a mailbox.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Stamp {
    /// Gmail: `mx.google.com; …`.
    Google,
    /// Exchange Online: no authserv-id, and a `compauth` result.
    Microsoft,
    /// Servers that the operator trusts, by their authserv-ids.
    Named(Vec<String>),
    /// Nobody we know of: the topmost field counts, whoever wrote it. Enough to warn by, not to trust.
    Unknown,
}

/// What the results say about the address in `From`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "result", rename_all = "kebab-case")]
pub enum Assessment {
    /// The sender's domain stands by the message.
    Pass {
        /// The method that passed: `dmarc`, `dkim`, `spf` or `tenant-internal`.
        method: String,
    },
    /// There are results to believe, and they do not pass.
    Fail {
        /// The results, without addresses.
        detail: String,
        /// Whether they speak against the sender (`dmarc=fail` and kin), and do not merely say nothing for it.
        refuted: bool,
    },
    /// There are no results to believe, as in mail that a user sent himself.
    Absent,
}

/// Reads the topmost `Authentication-Results` in the shape that `stamp` has.
pub fn assess(envelope: &Envelope, stamp: &Stamp) -> Assessment {
    let internal = *stamp == Stamp::Microsoft && envelope.auth_as_internal;
    let results = envelope.authentication_results.first().and_then(|field| believed(field, stamp));
    if !internal && results.is_none() {
        return Assessment::Absent;
    }
    // With several authors, which of them did the results vouch for?
    let [author] = envelope.from.as_slice() else { return fail("the message does not have exactly one author", true) };
    if envelope.from_mailboxes > 1 {
        return fail("the message does not have exactly one author", true);
    }
    if internal {
        return pass("tenant-internal");
    }
    judge(&results.unwrap_or_default(), author.address.domain())
}

/// Whether results that cannot have come with the message say that a server of this domain sent it on (RFC 7208): who
/// redirects mail under an envelope sender of their own leaves that trace.
pub fn was_sent_by(envelope: &Envelope, stamp: &Stamp, domain: &str) -> bool {
    let field = envelope.authentication_results.first().filter(|_| *stamp != Stamp::Unknown);
    let results = field.and_then(|field| believed(field, stamp)).unwrap_or_default();
    results.iter().any(|result| result.method == "spf" && result.vouches_for(domain))
}

fn judge(results: &[Outcome], from: &str) -> Assessment {
    let failed = results.iter().any(|r| matches!(r.method.as_str(), "dmarc" | "compauth") && r.result == "fail");
    let passed = results.iter().find(|r| r.vouches_for(from));
    match passed {
        Some(result) if !failed => pass(&result.method),
        _ => fail(&summary(results), failed || speak_against(results)),
    }
}

fn pass(method: &str) -> Assessment {
    Assessment::Pass { method: method.to_owned() }
}

fn fail(detail: &str, refuted: bool) -> Assessment {
    Assessment::Fail { detail: detail.to_owned(), refuted }
}

/// Without a DMARC verdict, a failed signature or SPF check is what there is.
fn speak_against(results: &[Outcome]) -> bool {
    let has_verdict = results.iter().any(|r| r.method == "dmarc" && r.result != "none");
    !has_verdict && results.iter().any(|r| matches!(r.method.as_str(), "dkim" | "spf") && r.result == "fail")
}

fn summary(results: &[Outcome]) -> String {
    // Keywords (RFC 8601 section 2.2): what a damaged field has in their places may be an address.
    let word = |text: &str| -> String {
        text.chars().map(|c| if c.is_ascii_alphanumeric() || c == '-' { c } else { '_' }).take(40).collect()
    };
    let words: Vec<String> =
        results.iter().take(8).map(|r| format!("{}={}", word(&r.method), word(&r.result))).collect();
    format!("{}, none of them a pass for the domain in From", words.join(" "))
}

/// The results of a field, if it has the shape that `stamp` writes and holds any.
fn believed(field: &str, stamp: &Stamp) -> Option<Vec<Outcome>> {
    let (server, results) = read(field);
    let known = match stamp {
        Stamp::Google => server.as_deref() == Some("mx.google.com"),
        // The sending tenant's own field has no `compauth`: only the receiving one computes it.
        Stamp::Microsoft => server.is_none() && results.iter().any(|r| r.method == "compauth"),
        Stamp::Named(trusted) => server.is_some_and(|s| trusted.iter().any(|t| t.trim().eq_ignore_ascii_case(&s))),
        Stamp::Unknown => true,
    };
    (known && !results.is_empty()).then_some(results)
}

/// One `method=result` with its properties, all in lower case.
#[derive(Debug, PartialEq, Eq)]
struct Outcome {
    method: String,
    result: String,
    properties: Vec<(String, String)>,
}

impl Outcome {
    /// A pass for a domain that the domain in `From` belongs to (RFC 7489 section 3.1, relaxed).
    fn vouches_for(&self, from: &str) -> bool {
        let names: &[&str] = match (self.method.as_str(), self.result.as_str()) {
            ("dmarc", "pass" | "bestguesspass") => &["header.from"],
            ("dkim", "pass") => &["header.d", "header.i"],
            ("spf", "pass") => &["smtp.mailfrom"],
            _ => return false,
        };
        // The signing domain is `header.d`; `header.i` stands in for it, it does not add to it.
        let named = names.iter().find_map(|name| self.properties.iter().find(|(n, _)| n == name));
        named.is_some_and(|(_, value)| is_aligned(value.rsplit('@').next().unwrap_or_default(), from))
    }
}

fn is_aligned(domain: &str, from: &str) -> bool {
    match (domain::registrable(domain), domain::registrable(from)) {
        (Some(a), Some(b)) => a == b,
        _ => domain::fold(domain).is_some_and(|d| d == from),
    }
}

/// The authserv-id, if the field has one, and the results.
fn read(field: &str) -> (Option<String>, Vec<Outcome>) {
    let mut elements = elements(field).into_iter();
    let mut results = Vec::new();
    let mut server = None;
    if let Some(first) = elements.next() {
        match outcome(&first) {
            Some(result) => results.push(result),
            // A version may follow the authserv-id (RFC 8601 section 2.2).
            None => server = first.first().cloned(),
        }
    }
    results.extend(elements.filter_map(|element| outcome(&element)));
    (server, results)
}

fn outcome(words: &[String]) -> Option<Outcome> {
    let mut pairs = words.iter().filter_map(|word| word.split_once('='));
    let (method, result) = words.first()?.split_once('=')?;
    pairs.next();
    // A method may carry a version: `dkim/1=pass`.
    let method = method.split('/').next().unwrap_or_default();
    let properties = pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
    Some(Outcome { method: method.to_owned(), result: result.to_owned(), properties })
}

/// How many elements one field is read for.
const MAX_ELEMENTS: usize = 100;

/// The `;`-separated elements as words, in lower case, without comments and quotes. Blanks around `=` are dropped.
fn elements(field: &str) -> Vec<Vec<String>> {
    let mut elements = vec![String::new()];
    let (mut depth, mut quoted, mut escaped) = (0usize, false, false);
    for c in field.chars() {
        if std::mem::take(&mut escaped) {
            push(&mut elements, c, depth);
            continue;
        }
        match c {
            '\\' if quoted || depth > 0 => escaped = true,
            '"' if depth == 0 => quoted = !quoted,
            '(' if !quoted => depth += 1,
            ')' if !quoted && depth > 0 => {
                depth -= 1;
                push(&mut elements, ' ', depth);
            }
            ';' if !quoted && depth == 0 => {
                if elements.len() == MAX_ELEMENTS {
                    break;
                }
                elements.push(String::new());
            }
            // What is quoted must not turn into further words.
            c if quoted && (c.is_whitespace() || c == '=' || c == ';') => push(&mut elements, '_', depth),
            c => push(&mut elements, c, depth),
        }
    }
    elements.iter().map(|element| words(element)).filter(|words| !words.is_empty()).collect()
}

fn push(elements: &mut [String], c: char, depth: usize) {
    if depth == 0
        && let Some(last) = elements.last_mut()
    {
        // Keywords are ASCII: nothing else may turn into one (the Kelvin sign is a k in lower case).
        last.push(c.to_ascii_lowercase());
    }
}

fn words(element: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    let mut joins = false;
    for word in element.split_whitespace() {
        match words.last_mut() {
            Some(last) if joins || word.starts_with('=') => last.push_str(word),
            _ => words.push(word.to_owned()),
        }
        joins = word.ends_with('=');
    }
    words
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn envelope(from: &str, fields: &[&str]) -> Envelope {
        let stamped: String = fields.iter().map(|f| format!("Authentication-Results: {f}\r\n")).collect();
        Envelope::parse(format!("{stamped}From: {from}\r\n\r\n").as_bytes())
    }

    fn ours(fields: &[&str], stamp: &Stamp) -> Assessment {
        assess(&envelope("Åsa <asa@ours.example>", fields), stamp)
    }

    fn named() -> Stamp {
        Stamp::Named(vec!["mx.ours.example".to_owned()])
    }

    const GOOGLE: &str = "mx.google.com; dkim=pass header.i=@ours.example header.s=s1 header.b=abc; spf=pass (google.com: \
        domain of asa@ours.example designates 192.0.2.1 as permitted sender) smtp.mailfrom=asa@ours.example; dmarc=pass \
        (p=NONE sp=NONE dis=NONE) header.from=ours.example";
    const MICROSOFT: &str = "spf=pass (sender IP is 192.0.2.1) smtp.mailfrom=ours.example; dkim=pass (signature was \
        verified) header.d=ours.example;dmarc=pass action=none header.from=ours.example;compauth=pass reason=100";

    #[test]
    fn a_damaged_result_tells_no_address() {
        let told = ours(&["spf=fail=asa@ours.example; dkim@ours.example=none"], &Stamp::Unknown);
        let Assessment::Fail { detail, .. } = told else { panic!("{told:?}") };
        let odd =
            GOOGLE.replace("dkim=", "d\u{212a}im=").replace("dmarc=pass", "dmarc=none").replace("spf=pass", "spf=none");
        assert!(matches!(ours(&[&odd], &Stamp::Google), Assessment::Fail { .. }), "no method of that name");
        assert!(detail.starts_with("spf=fail_asa_ours_example dkim_ours_example=none, "), "{detail}");
    }

    #[test]
    fn each_provider_is_believed_in_its_own_shape_only() {
        assert_eq!(ours(&[GOOGLE], &Stamp::Google), pass("dkim"));
        assert_eq!(ours(&[MICROSOFT], &Stamp::Microsoft), pass("spf"));
        assert_eq!(ours(&["mx.ours.example 1; dmarc=pass header.from=ours.example"], &named()), pass("dmarc"));
        assert_eq!(ours(&[GOOGLE], &Stamp::Microsoft), Assessment::Absent);
        assert_eq!(ours(&[MICROSOFT], &Stamp::Google), Assessment::Absent);
        assert_eq!(ours(&[GOOGLE], &named()), Assessment::Absent);
        assert_eq!(ours(&[GOOGLE], &Stamp::Unknown), pass("dkim"), "where nobody is known, the topmost counts");
    }

    #[test]
    fn only_the_topmost_field_counts() {
        let foreign = "mx.elsewhere.example; dmarc=fail header.from=ours.example";
        assert_eq!(ours(&[foreign, GOOGLE], &Stamp::Google), Assessment::Absent);
        let failed = "mx.google.com; dmarc=fail header.from=ours.example";
        assert!(matches!(ours(&[failed, GOOGLE], &Stamp::Google), Assessment::Fail { .. }));
    }

    #[test]
    fn mail_without_results_is_absent() {
        assert_eq!(ours(&[], &Stamp::Google), Assessment::Absent);
        assert_eq!(ours(&["mx.google.com; none"], &Stamp::Google), Assessment::Absent);
        assert_eq!(ours(&[""], &named()), Assessment::Absent);
    }

    #[test]
    fn the_sending_tenants_own_field_is_not_believed() {
        let sending = "dkim=none (message not signed) header.d=none;dmarc=none action=none header.from=ours.example;";
        assert_eq!(ours(&[sending], &Stamp::Microsoft), Assessment::Absent);
    }

    #[test]
    fn tenant_internal_mail_passes_for_one_author_only() {
        let internal = |from: &str, stamp| {
            let header = format!("X-MS-Exchange-Organization-AuthAs: Internal\r\nFrom: {from}\r\n\r\n");
            assess(&Envelope::parse(header.as_bytes()), &stamp)
        };
        assert_eq!(internal("a@ours.example", Stamp::Microsoft), pass("tenant-internal"));
        assert_eq!(internal("a@ours.example", Stamp::Google), Assessment::Absent);
        assert!(matches!(internal("a@ours.example, b@ours.example", Stamp::Microsoft), Assessment::Fail { .. }));
    }

    #[test]
    fn several_authors_never_pass() {
        for from in ["asa@ours.example, bo@ours.example", "asa@ours.example, <boss>", "nobody"] {
            let result = assess(&envelope(from, &[GOOGLE]), &Stamp::Google);
            assert!(matches!(result, Assessment::Fail { .. }), "{from}: {result:?}");
        }
    }

    #[test]
    fn a_pass_must_be_aligned_with_the_author() {
        let google = |results: &str| ours(&[&format!("mx.google.com; {results}")], &Stamp::Google);
        assert_eq!(google("dkim=pass header.d=mail.ours.example"), pass("dkim"));
        assert_eq!(google("dkim=pass header.i=desk@ours.example"), pass("dkim"));
        assert_eq!(google("spf=pass smtp.mailfrom=bounce.ours.example"), pass("spf"));
        assert_eq!(google("dmarc=bestguesspass header.from=ours.example"), pass("dmarc"));
        for unaligned in [
            "dkim=pass header.d=evil.example",
            "dkim=pass header.d=evil.example header.i=@ours.example",
            "dkim=pass header.i=@notours.example",
            "spf=pass smtp.mailfrom=asa@evil.example",
            "dmarc=pass header.from=evil.example",
            "dmarc=pass",
            "dkim=fail header.d=ours.example",
            "dkim=pass header.d=example",
            "dkim=pass header.d=ours.example; dmarc=fail header.from=ours.example",
        ] {
            assert!(matches!(google(unaligned), Assessment::Fail { .. }), "{unaligned}");
        }
    }

    #[test]
    fn a_failed_composite_check_is_no_pass() {
        let failed = MICROSOFT.replace("compauth=pass reason=100", "compauth=fail reason=001");
        assert!(matches!(ours(&[&failed], &Stamp::Microsoft), Assessment::Fail { .. }));
    }

    #[test]
    fn the_old_form_with_a_recipient_domain_is_read() {
        let old = "spf=softfail smtp.mailfrom=x.example; alum.example; dkim=pass header.d=ours.example;compauth=none";
        assert_eq!(ours(&[old], &Stamp::Microsoft), pass("dkim"));
    }

    #[test]
    fn comments_and_quotes_cannot_smuggle_a_result() {
        for smuggled in [
            "mx.google.com; spf=fail (; dmarc=pass header.from=ours.example) smtp.mailfrom=evil.example",
            "mx.google.com; spf=fail (a \\) ; dmarc=pass header.from=ours.example) smtp.mailfrom=evil.example",
            "mx.google.com; spf=fail smtp.mailfrom=\"x;dmarc=pass header.from=ours.example\"@evil.example",
            "mx.google.com; spf=pass smtp.mailfrom=\"x header.d=ours.example\"@evil.example",
        ] {
            assert!(matches!(ours(&[smuggled], &Stamp::Google), Assessment::Fail { .. }), "{smuggled}");
        }
    }

    proptest! {
        #[test]
        fn any_field_is_assessed(field in "(mx.google.com; )?[a-z=;()\"\\\\. @]{0,60}") {
            for stamp in [Stamp::Google, Stamp::Microsoft, named(), Stamp::Unknown] {
                let result = ours(&[&field], &stamp);
                if !field.contains("pass") {
                    let passed = matches!(result, Assessment::Pass { .. });
                    prop_assert!(!passed);
                }
            }
        }
    }
}
