use std::path::Path;

use toml::{Table, Value};

use super::*;

const EXAMPLE: &str = include_str!("../../config.example.toml");

fn parse(text: &str, environment: &[(&str, &str)]) -> Result<Config, ConfigError> {
    Config::parse(text, "mailtrail.toml", environment.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())))
}

fn refused(text: &str) -> String {
    parse(text, &[]).unwrap_err().to_string()
}

/// The example's settings without their `#`: those with a default, and the sample lists.
fn example() -> (String, String) {
    let uncomment = |text: &str| {
        let settings = text.lines().filter_map(|line| line.strip_prefix('#'));
        settings.filter(|line| line.starts_with(|c: char| c.is_alphabetic() || c == '[')).collect::<Vec<_>>().join("\n")
    };
    let (defaults, lists) = EXAMPLE.split_once("# ---- Lists").unwrap();
    (uncomment(defaults), uncomment(lists))
}

fn key_paths(table: &Table, prefix: &str, into: &mut Vec<String>) {
    for (key, value) in table {
        let path = format!("{prefix}{key}");
        match value {
            Value::Table(table) => key_paths(table, &format!("{path}."), into),
            _ => into.push(path),
        }
    }
}

fn keys_of(text: &str) -> Vec<String> {
    let mut keys = Vec::new();
    key_paths(&text.parse().unwrap(), "", &mut keys);
    keys.sort();
    keys
}

#[test]
fn the_example_shows_the_defaults() {
    assert_eq!(parse(&example().0, &[]).unwrap(), Config::default());
}

#[test]
fn the_example_misses_no_key() {
    let mut all = keys_of(&Config::default().redacted().unwrap());
    all.retain(|key| key != "accounts" && key != "workspaces");
    assert_eq!(keys_of(&example().0), all);
}

#[test]
fn the_example_shows_every_key_of_the_lists() {
    let lists = example().1;
    let config = parse(&lists, &[]).unwrap();
    let shown: Table = lists.parse().unwrap();
    let all: Table = config.redacted().unwrap().parse().unwrap();
    for list in ["accounts", "workspaces"] {
        let keys = |table: &Table| table[list][0].as_table().unwrap().keys().cloned().collect::<Vec<_>>();
        let (mut shown, mut all) = (keys(&shown), keys(&all));
        shown.sort();
        all.sort();
        assert_eq!(shown, all);
    }
    assert_eq!(config.accounts[0].since.unwrap().to_string(), "2026-11-01");
}

#[test]
fn a_file_with_nothing_but_the_database_is_complete() {
    let config = parse("database.url = \"postgres://db.example/crm\"", &[]).unwrap();
    assert_eq!(config.database.url.expose(), "postgres://db.example/crm");
    assert_eq!(Config { database: Database::default(), ..config }, Config::default());
}

#[test]
fn an_unknown_key_is_told_with_its_place_and_the_known_ones() {
    let error = refused("[database]\nurl = \"sqlite://a\"\n\n[policy]\n  subjekt = \"strict\"\n");
    assert!(error.starts_with("mailtrail.toml:5:3: unknown field `subjekt`, expected one of "), "{error}");
    assert!(error.contains("`sender_authentication`") && error.contains("`forward_own`"), "{error}");
    assert!(error.ends_with("\n  5 |   subjekt =\n    |   ^"), "{error}");
}

#[test]
fn an_unknown_value_is_told_with_the_known_ones() {
    let error = refused("policy.never_log = \"never\"");
    assert!(error.contains("unknown variant `never`, expected `per-recipient` or `whole-message`"), "{error}");
}

#[test]
fn an_error_never_repeats_a_secret() {
    for text in [
        "oauth.google.client_secret = 31337",
        "oauth.google.client_secret = 31337.5",
        "oauth.google.client_secret = [\"31337\"]",
        "oauth.google.client_secret = 31337\"",
        "database.url = 31337",
        "secrets.key = true31337",
    ] {
        let error = refused(text);
        assert!(!error.contains("31337"), "{error}");
    }
}

#[test]
fn the_environment_goes_before_the_file() {
    let config = parse(
        "[database]\nurl = \"sqlite://file\"\nmax_connections = 3",
        &[
            ("MAILTRAIL_DATABASE__URL", "postgres://env.example/db"),
            ("MAILTRAIL_WORKSPACE__OWN_DOMAINS", "[\"ours.example\"]"),
            ("MAILTRAIL_POLICY__LOG_GAP", "false"),
            ("MAILTRAIL_LIMITS__DEALS", "2"),
            ("MAILTRAIL_OAUTH__GOOGLE__CLIENT_ID", "12345"),
            ("MAILTRAIL_OAUTH__GOOGLE__CLIENT_SECRET", "true"),
            ("MAILTRAIL_CONFIG", "elsewhere.toml"),
            ("HOME", "/root"),
        ],
    )
    .unwrap();
    assert_eq!(config.database.url.expose(), "postgres://env.example/db");
    assert_eq!(config.database.max_connections, 3);
    assert_eq!(config.workspace.own_domains, ["ours.example"]);
    assert!(!config.policy.log_gap);
    assert_eq!(config.limits.deals, 2);
    assert_eq!(config.oauth.google.client_id, "12345");
    assert_eq!(config.oauth.google.client_secret.unwrap().expose(), "true");
}

#[test]
fn a_bad_variable_is_named() {
    let error = parse("", &[("MAILTRAIL_DATABASE__URI", "x")]).unwrap_err().to_string();
    assert!(error.starts_with("environment variable MAILTRAIL_DATABASE__URI: unknown field `uri`"), "{error}");
    let error = parse("", &[("MAILTRAIL_LIMITS__DEALS", "many")]).unwrap_err().to_string();
    assert!(error.contains("MAILTRAIL_LIMITS__DEALS"), "{error}");
}

#[test]
fn a_variable_that_takes_a_list_shows_how_one_is_written() {
    for value in ["ours.example", "[ours.example]", "ours.example;ours.test", "\"ours.example\"", "7", "["] {
        let error = parse("", &[("MAILTRAIL_WORKSPACE__OWN_DOMAINS", value)]).unwrap_err().to_string();
        let told = "environment variable MAILTRAIL_WORKSPACE__OWN_DOMAINS: workspace.own_domains takes a list, written as \
                    [\"a.example\", \"b.example\"]";
        assert_eq!(error, told, "{value}");
    }
    let error = parse("", &[("MAILTRAIL_WORKSPACE__OWN_DOMAINS", "[7]")]).unwrap_err().to_string();
    assert!(error.contains("expected a string"), "{error}");
    let error = parse("", &[("MAILTRAIL_ACCOUNTS", "{ refresh_token = \"31337\" }")]).unwrap_err().to_string();
    assert!(error.contains("accounts takes a list") && !error.contains("31337"), "{error}");
}

#[test]
fn files_that_hold_no_certificate_or_no_key_are_problems() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, text: &[u8]| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.display().to_string()
    };
    let broken = b"-----BEGIN CERTIFICATE-----\nbm9uZQ==\n-----END CERTIFICATE-----\n";
    for ca in [file("none.pem", b"no certificate\n"), file("broken.pem", broken), folder.path().display().to_string()] {
        let problems = parse(&format!("tls.ca_file = {ca:?}"), &[]).unwrap().check();
        assert_eq!(problems.iter().map(|problem| problem.key.as_str()).collect::<Vec<_>>(), ["tls.ca_file"], "{ca}");
    }
    let missing = folder.path().join("nowhere/key").display().to_string();
    for key in [file("short", b"c2hvcnQ="), file("empty", b""), file("binary", b"\xff\x00"), missing] {
        let config = parse(&format!("secrets.key_file = {key:?}"), &[]).unwrap();
        let problems = config.check_all();
        assert_eq!(
            problems.iter().map(|problem| problem.key.as_str()).collect::<Vec<_>>(),
            ["secrets.key_file"],
            "{key}"
        );
        assert_eq!(config.check(), [], "lists can be read without the key");
    }
    let fresh = folder.path().join("key");
    let config = parse(&format!("secrets.key_file = {:?}", fresh.display().to_string()), &[]).unwrap();
    assert_eq!(config.check_all(), []);
    assert!(!fresh.exists(), "a check makes nothing");
}

#[test]
fn a_file_that_is_named_must_exist() {
    let error = Config::load(Some(Path::new("/nonexistent/mailtrail.toml")), []).unwrap_err();
    assert!(matches!(error, ConfigError::Unreadable { .. }));
}

#[test]
fn no_file_at_the_default_place_means_the_defaults() {
    let loaded = Config::load_from(Path::new("/nonexistent/mailtrail.toml"), false, []).unwrap();
    assert_eq!(loaded.config, Config::default());
    assert!(loaded.hint().unwrap().contains("--config FILE"));
}

#[test]
fn what_is_shown_holds_no_secret() {
    let text = "database.url = \"postgres://crm:hunter2@db.example/crm\"\noauth.microsoft.client_secret = \"hunter2\"\n\
                secrets.key = \"hunter2\"\n[[accounts]]\nkind = \"bcc\"\nprovider = \"google\"\naddress = \
                \"log@ours.example\"\nrefresh_token = \"hunter2\"";
    let config = parse(text, &[]).unwrap();
    for shown in [config.redacted().unwrap(), format!("{config:?}")] {
        assert!(!shown.contains("hunter2"), "{shown}");
        assert!(shown.contains("db.example"));
    }
}

#[test]
fn what_is_shown_can_be_read_again() {
    let config = parse(&example().1, &[]).unwrap();
    assert_eq!(parse(&config.redacted().unwrap(), &[]).unwrap(), config);
}

#[test]
fn a_provider_fills_in_what_the_file_leaves_out() {
    let config = parse("oauth.microsoft.tenant = \"ours.example\"", &[]).unwrap();
    let app = &config.oauth.microsoft;
    assert_eq!(app.with_tenant(&app.token_url), "https://login.microsoftonline.com/ours.example/oauth2/v2.0/token");
}

#[test]
fn the_defaults_have_no_problem() {
    assert_eq!(Config::default().check(), []);
}

#[test]
fn all_problems_are_told_at_once() {
    let text = r#"
        database.url = "mysql://db.example/crm"
        attachments.url = "ftp://files.example"
        limits.attempts = 0
        worker.memory_bytes = 1
        workspace.own_domains = ["anna@ours.example"]
        log.level = "mailtrail=loud"
        tls.ca_file = "/nonexistent/ca.pem"
        oauth.google.token_url = "http://tokens.example/"
        workspaces = [{ name = "default" }]
        [[accounts]]
        kind = "personal"
        provider = "imap"
        address = "log"
        workspaces = ["sales"]
        security = "plaintext"
        host = "mail.ours.example"
        [[accounts]]
        kind = "bcc"
        provider = "google"
        address = "log"
        refresh_token = "1"
        refresh_token_file = "/nonexistent/token"
    "#;
    let problems = parse(text, &[]).unwrap().check();
    let keys: Vec<_> = problems.iter().map(|problem| problem.key.as_str()).collect();
    assert_eq!(
        keys,
        [
            "database.url",
            "attachments.url",
            "tls.ca_file",
            "limits.attempts",
            "worker.memory_bytes",
            "workspace.own_domains",
            "workspaces[0].name",
            "log.level",
            "oauth.google.token_url",
            "accounts[0].address",
            "accounts[0].kind",
            "accounts[0].workspaces",
            "accounts[0].security",
            "accounts[0].password_file",
            "accounts[1].address",
            "accounts[1].address",
            "oauth.google.client_id",
            "accounts[1].refresh_token",
            "accounts[1].refresh_token_file",
        ]
    );
}

#[test]
fn a_secret_in_a_file_ends_before_the_line_break() {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), "a b \r\n").unwrap();
    assert_eq!(Secret::read(file.path()).unwrap().expose(), "a b ");
}

proptest::proptest! {
    #[test]
    fn any_text_is_read_or_refused(text in "[a-z.=\\[\\]\"\n# é0-9]{0,60}", variable in "[A-Z_]{0,20}", value: String) {
        let _ = parse(&text, &[(&format!("MAILTRAIL_{variable}"), &value)]);
    }
}

#[test]
fn the_promised_keys_and_values_are_taken() {
    let policies = [
        ("sender_authentication", &["auto", "strict", "warn", "off"][..]),
        ("subject", &["strict", "trust-in-reply-to"]),
        ("participants", &["flag", "strict"]),
        ("auto_replies", &["flag", "skip", "log"]),
        ("never_log", &["per-recipient", "whole-message"]),
        ("logging_rule", &["replies-only", "known-contacts"]),
        ("forward_own", &["skip", "log-outgoing"]),
    ];
    for (key, values) in policies {
        for value in values {
            parse(&format!("policy.{key} = \"{value}\""), &[]).unwrap();
        }
    }
    for provider in ["google", "microsoft"] {
        for key in ["client_id", "client_secret_file", "authorize_url", "token_url", "device_url", "tenant"] {
            parse(&format!("oauth.{provider}.{key} = \"x\""), &[]).unwrap();
        }
    }
    let rest = "policy.log_gap = false\npolicy.forward_require_both_parts = true\ntls.ca_file = \"ca.pem\"\n\
                attachments.url = \"file:///blobs\"\nsecrets.key_file = \"key\"\nworkspace.own_domains = [\"a.example\"]";
    parse(rest, &[]).unwrap();
}
