//! Who hosts an address, as its mail exchanges tell.

use std::process::Output;

use provider::DnsServer;

use crate::support::world::{Engine, Trail};

fn add(trail: &Trail, dns: &DnsServer, domain: &str, more: &[&str]) -> Output {
    let address = format!("log@{domain}");
    let mut command = trail.command(&["account", "add", "--kind", "bcc", "--address", &address]);
    command.args(more).env("MAILTRAIL_DNS__SERVER", dns.address().to_string());
    command.output().unwrap()
}

/// The exit code, and everything that was said.
fn told(output: &Output) -> (Option<i32>, String) {
    let said = [&output.stdout[..], &output.stderr].concat();
    (output.status.code(), String::from_utf8(said).unwrap())
}

fn account(trail: &Trail, domain: &str) -> Option<serde_json::Value> {
    let accounts = trail.json(&["account", "list", "--json"]);
    accounts.into_iter().find(|account| account["address"] == format!("log@{domain}"))
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_without_a_provider_is_where_its_mail_exchanges_say() {
    let (trail, dns) = (Trail::new(Engine::Sqlite, None, ""), DnsServer::start().await);
    dns.mx("google.example", &["smtp.google.com"]);
    dns.mx("office.example", &["office-example.mail.protection.outlook.com"]);
    dns.mx("federal.example", &["federal.mail.protection.office365.us"]);
    for (domain, provider, name, host) in [
        ("google.example", "google", "Google (its mail goes to smtp.google.com)", "imap.gmail.com:993"),
        ("office.example", "microsoft", "Microsoft", "outlook.office365.com:993"),
        ("federal.example", "microsoft", "Microsoft", "outlook.office365.us:993"),
    ] {
        let (code, said) = told(&add(&trail, &dns, domain, &[]));
        assert_eq!(code, Some(0), "{said}");
        assert!(said.contains(&format!("{domain} is hosted by {name}")) && said.contains(host), "{said}");
        assert_eq!(account(&trail, domain).unwrap()["provider"], provider);
        assert_eq!(said.contains("of a cloud with URLs of its own"), domain == "federal.example", "{said}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn mail_exchanges_that_tell_nothing_make_the_operator_say_it() {
    let (trail, dns) = (Trail::new(Engine::Sqlite, None, ""), DnsServer::start().await);
    dns.mx("filtered.example", &["mxa-0001.gslb.pphosted.com"]);
    dns.mx("own.example", &["mx.own.example"]);
    dns.mx("nothing.example", &[]);
    dns.mx("refuses.example", &["."]);
    dns.mx("both.example", &["smtp.google.com", "both.mail.protection.outlook.com"]);
    dns.broken("broken.example");
    for (domain, why) in [
        ("filtered.example", "Proofpoint receives the mail of filtered.example"),
        ("own.example", "goes to mx.own.example, which is neither Google nor Microsoft"),
        ("nothing.example", "has no mail exchange (MX)"),
        ("refuses.example", "has no mail exchange (MX)"),
        ("both.example", "goes to two providers"),
        ("broken.example", "the DNS gives no answer about broken.example"),
        ("missing.example", "there is no domain missing.example"),
    ] {
        let (code, said) = told(&add(&trail, &dns, domain, &[]));
        assert_eq!(code, Some(2), "{said}");
        assert!(said.contains(why) && said.contains("--provider imap --host HOST"), "{said}");
        assert_eq!(account(&trail, domain), None);
    }
    for domain in ["filtered.example", "own.example", "nothing.example", "both.example", "broken.example"] {
        let (code, said) = told(&add(&trail, &dns, domain, &["--provider", "google"]));
        assert_eq!(code, Some(0), "{said}");
        assert!(said.contains("taken to be at Google, as told"), "{said}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_provider_that_the_mail_exchanges_contradict_is_refused() {
    let (trail, dns) = (Trail::new(Engine::Sqlite, None, ""), DnsServer::start().await);
    dns.mx("office.example", &["office-example.mail.protection.outlook.com"]);
    let (code, said) = told(&add(&trail, &dns, "office.example", &["--provider", "google"]));
    assert_eq!(code, Some(2), "{said}");
    for part in [
        "office.example is hosted by Microsoft, not by Google",
        "office-example.mail.protection.outlook.com",
        "Use --provider microsoft",
        "--host imap.gmail.com",
    ] {
        assert!(said.contains(part), "{said}");
    }
    assert_eq!(account(&trail, "office.example"), None);
    // Whoever names the server knows better.
    let (code, said) =
        told(&add(&trail, &dns, "office.example", &["--provider", "google", "--host", "imap.gmail.com"]));
    assert_eq!(code, Some(0), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_server_that_says_nothing_is_not_waited_for() {
    let (trail, dns) = (Trail::new(Engine::Sqlite, None, "dns.timeout_seconds = 1\n"), DnsServer::start().await);
    dns.silent("slow.example");
    let (code, said) = told(&add(&trail, &dns, "slow.example", &["--provider", "microsoft"]));
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("the DNS gives no answer about slow.example (nothing within 1 s)"), "{said}");
    assert_eq!(account(&trail, "slow.example").unwrap()["provider"], "microsoft");
    // It is known now, and asked about no more.
    let (code, said) = told(&add(&trail, &dns, "slow.example", &[]));
    assert_eq!(code, Some(0), "{said}");
    assert!(!said.contains("DNS"), "{said}");
}
