//! `doctor`: each check fails once, and names the cure.

use std::io::{Read as _, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::process::Command;

use mailtrail::store::{Options, Store};
use provider::{Certificate, DnsServer, Fault, OAuthSettings, Profile, Provider, When};
use sea_orm::ConnectionTrait as _;
use serde_json::Value;

use crate::support::faults::{Ended, IMPATIENT, Started, add_account, database_url, no_secret, only_read};
use crate::support::world::{BCC, Engine, Trail, World, engines};

/// The exit code, and every finding.
fn examined(command: Command) -> (Option<i32>, Vec<Value>) {
    let Ended { code, out, err, .. } = Started::new(command).wait();
    let findings: Vec<Value> = out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert!(!findings.is_empty(), "{err}");
    for finding in &findings {
        let keys: Vec<&str> = finding.as_object().unwrap().keys().map(String::as_str).collect();
        assert_eq!(keys, ["account", "check", "cure", "detail", "result"], "{finding}");
        let wants_a_cure = ["warn", "fail"].contains(&finding["result"].as_str().unwrap());
        assert_eq!(finding["cure"].is_string(), wants_a_cure, "{finding}");
    }
    let failed = findings.iter().any(|finding| finding["result"] == "fail");
    assert_eq!(code, Some(i32::from(failed)), "{findings:#?}");
    (code, findings)
}

fn doctor(trail: &Trail, settings: &[(&str, &str)]) -> Vec<Value> {
    let mut command = trail.command(&["doctor", "--json"]);
    command.envs(settings.iter().copied());
    examined(command).1
}

/// The one bad finding of a check holds `what`, and its cure `cure`.
fn told(findings: &[Value], result: &str, check: &str, what: &str, cure: &str) {
    let mut of_check = findings.iter().filter(|finding| finding["check"] == check && finding["result"] == result);
    let finding = of_check.next().unwrap_or_else(|| panic!("no {result} {check}: {findings:#?}"));
    assert!(finding["detail"].as_str().unwrap().contains(what), "{finding}");
    assert!(finding["cure"].as_str().unwrap().contains(cure), "{finding}");
    assert!(of_check.next().is_none(), "{findings:#?}");
}

async fn execute(trail: &Trail, statement: &str) {
    let store = Store::open(&database_url(trail), &Options::default()).await.unwrap();
    store.db.execute_unprepared(statement).await.unwrap();
    store.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sound_installation_has_nothing_to_mend_and_nothing_is_changed() {
    for engine in engines() {
        let world = World::plain(engine).await;
        world.sync();
        let (issued, asked) = (world.provider.oauth.issued(), world.provider.oauth.token_requests().len());
        let findings = doctor(&world.trail, &[]);
        assert!(findings.iter().all(|one| one["result"] == "ok" || one["result"] == "skip"), "{findings:#?}");
        let checks: Vec<&str> = findings.iter().map(|finding| finding["check"].as_str().unwrap()).collect();
        let expected = [
            "configuration",
            "database",
            "key",
            "seals",
            "registration",
            "redirect",
            "token endpoint",
            "clock",
            "dns",
            "tls",
            "consent",
            "login",
            "mailboxes",
            "permission",
            "lag",
        ];
        assert_eq!(checks, expected);
        // It has shown the token endpoint a token that is none, and asked for no other.
        assert_eq!(world.provider.oauth.issued(), issued);
        assert_eq!(world.provider.oauth.token_requests().len(), asked + 1);
        only_read(&world.provider);
        let ended = Started::new(world.trail.command(&["doctor"])).wait();
        assert!(ended.out.ends_with("All is well.\n"), "{ended:?}");
        assert!(
            ended.out.lines().any(|line| line.starts_with("ok       login          bcc@crm.example: ")),
            "{ended:?}"
        );
        no_secret(&world.trail, &world.provider, &[&ended]);
    }
}

#[test]
fn an_empty_folder_is_left_empty() {
    let folder = tempfile::tempdir().unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_mailtrail"));
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("MAILTRAIL_")) {
        command.env_remove(name);
    }
    command.args(["doctor", "--json"]).current_dir(folder.path());
    let (code, findings) = examined(command);
    assert_eq!(code, Some(1));
    told(&findings, "warn", "configuration", "there is no mailtrail.toml here", "--config FILE");
    told(&findings, "fail", "database", "there is no database", "mailtrail migrate");
    told(&findings, "warn", "key", "there is no key file", "back it up");
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_configuration_or_a_database_that_does_not_fit_is_told() {
    let world = World::plain(Engine::Sqlite).await;
    let trail = &world.trail;
    let findings = doctor(trail, &[("MAILTRAIL_WORKER__POLL_SECONDS", "0")]);
    told(&findings, "fail", "configuration", "worker.poll_seconds: is 0", "set it to 1 or more");
    told(
        &doctor(trail, &[("MAILTRAIL_WORKER__POOL", "1")]),
        "fail",
        "configuration",
        "unknown field",
        "config.example.toml",
    );

    let findings = doctor(trail, &[("MAILTRAIL_DATABASE__URL", "postgres://crm@127.0.0.1:9/crm")]);
    told(&findings, "fail", "database", "127.0.0.1:9", "whether the server runs");
    execute(trail, "insert into seaql_migrations (version, applied_at) values ('m9999_later', 0)").await;
    told(&doctor(trail, &[]), "fail", "database", "changed by a newer version", "use that version");
    execute(trail, "delete from seaql_migrations where version in ('m9999_later', 'm0008_reviews')").await;
    told(&doctor(trail, &[]), "fail", "database", "1 steps behind", "mailtrail migrate");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_others_read_or_that_does_not_fit_is_told() {
    let world = World::plain(Engine::Sqlite).await;
    world.sync();
    let (trail, file) = (&world.trail, world.trail.path("key"));
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o640)).unwrap();
    told(&doctor(trail, &[]), "warn", "key", "(mode 640)", "chmod 600");
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o600)).unwrap();

    let old = std::fs::read_to_string(&file).unwrap();
    let new = "CQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQk=\n";
    std::fs::write(&file, format!("{new}{old}")).unwrap();
    told(&doctor(trail, &[]), "warn", "seals", "2 of 2 sealed values need an older key", "mailtrail rekey");
    std::fs::write(&file, new).unwrap();
    let findings = doctor(trail, &[]);
    let sealed = findings.iter().filter(|one| one["check"] == "seals" && one["result"] == "fail");
    let sealed: Vec<&Value> = sealed.collect();
    assert_eq!(sealed.len(), 2, "{findings:#?}");
    assert!(sealed.iter().any(|one| one["account"] == BCC), "{sealed:#?}");
    assert!(sealed.iter().all(|one| one["cure"].as_str().unwrap().contains("put the old key back")), "{sealed:#?}");
    std::fs::remove_file(&file).unwrap();
    told(&doctor(trail, &[]), "fail", "key", "the tokens of 1 accounts need it", "restore it from your backup");
    assert!(!file.exists(), "doctor makes no key");
}

/// A token endpoint whose clock says `date`. It answers as long as the test runs.
fn endpoint_at(date: &'static str) -> String {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/token", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut seen = Vec::new();
            while !seen.windows(13).any(|window| window == b"refresh_token") {
                let mut piece = [0; 2048];
                let read = stream.read(&mut piece).unwrap();
                seen.extend_from_slice(&piece[..read]);
            }
            let body = "{\"error\":\"invalid_grant\"}";
            let head = format!("HTTP/1.1 400 Bad Request\r\ndate: {date}\r\ncontent-length: {}\r\n", body.len());
            stream.write_all(format!("{head}connection: close\r\n\r\n{body}").as_bytes()).unwrap();
        }
    });
    url
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clock_that_is_off_is_told() {
    let world = World::plain(Engine::Sqlite).await;
    world.sync();
    let url = endpoint_at("Sun, 01 Mar 2020 10:00:00 GMT");
    let findings = doctor(&world.trail, &[("MAILTRAIL_OAUTH__IMAP__TOKEN_URL", &url)]);
    told(&findings, "fail", "clock", "ahead of that of imap", "NTP");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_provider_that_the_dns_contradicts_is_told() {
    let (trail, dns) = (Trail::new(Engine::Sqlite, None, "oauth.google.client_id = \"1\"\n"), DnsServer::start().await);
    let address = dns.address().to_string();
    dns.mx("crm.example", &["smtp.google.com"]);
    let mut add = trail.command(&["account", "add", "--kind", "bcc", "--address", BCC]);
    assert!(add.env("MAILTRAIL_DNS__SERVER", &address).status().unwrap().success());
    // What is paused is not connected to.
    trail.run(&["account", "pause", BCC]);
    let findings = doctor(&trail, &[("MAILTRAIL_DNS__SERVER", &address)]);
    assert!(findings.iter().any(|one| one["check"] == "dns" && one["result"] == "ok"), "{findings:#?}");
    assert!(findings.iter().any(|one| one["check"] == "account" && one["result"] == "skip"), "{findings:#?}");
    dns.mx("crm.example", &["crm.mail.protection.outlook.com"]);
    let findings = doctor(&trail, &[("MAILTRAIL_DNS__SERVER", &address)]);
    told(&findings, "fail", "dns", "crm.example is hosted by Microsoft", "--provider microsoft");
    dns.mx("crm.example", &["mx.mimecast.com"]);
    told(&doctor(&trail, &[("MAILTRAIL_DNS__SERVER", &address)]), "warn", "dns", "Mimecast", "if google hosts it");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_not_trusted_is_told() {
    let provider = Provider::start_with(Profile::Plain, OAuthSettings::default(), Certificate::OtherAuthority).await;
    let files = tempfile::TempDir::new().unwrap();
    let connection = provider.connection(files.path());
    let trail = Trail::new(Engine::Sqlite, Some(&connection), IMPATIENT);
    add_account(&trail, &connection, "imap", BCC, &provider.create_user(BCC));
    let findings = doctor(&trail, &[("MAILTRAIL_OAUTH__IMAP__TOKEN_URL", "http://127.0.0.1:9/token")]);
    told(&findings, "fail", "tls", "certificate of localhost is not trusted", "tls.ca_file");
    told(&findings, "fail", "token endpoint", "no answer from the token endpoint", "check the network");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_registration_that_is_not_taken_is_told() {
    let world = World::plain(Engine::Sqlite).await;
    world.sync();
    let findings = doctor(&world.trail, &[("MAILTRAIL_OAUTH__IMAP__CLIENT_ID", "another")]);
    told(&findings, "fail", "registration", "imap does not know oauth.imap.client_id", "a secret may have expired");
    let findings = doctor(&world.trail, &[("MAILTRAIL_OAUTH__IMAP__CLIENT_ID", "")]);
    told(&findings, "fail", "registration", "oauth.imap.client_id is empty", "register an application");
    let missing = ("MAILTRAIL_OAUTH__IMAP__SCOPE", "https://mail.ours.example/read");
    told(
        &doctor(&world.trail, &[missing]),
        "fail",
        "consent",
        "does not allow https://mail.ours.example/read",
        "ticked",
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_identity_that_lacks_something_is_told() {
    let world = World::new(Engine::Sqlite, Profile::Exchange, "").await;
    let tenant = ("MAILTRAIL_OAUTH__MICROSOFT__TENANT", "0000");
    let mut add = world.trail.command(&["account", "add", "--kind", "forwarding", "--auth", "service", "--port", "9"]);
    add.args(["--provider", "microsoft", "--host", "localhost", "--address", "fwd@crm.example"])
        .env(tenant.0, tenant.1);
    assert!(add.status().unwrap().success());
    told(&doctor(&world.trail, &[]), "fail", "service", "oauth.microsoft.tenant is \"common\"", "one directory");
}

#[tokio::test(flavor = "multi_thread")]
async fn one_sick_account_does_not_hide_the_others() {
    let world = World::plain(Engine::Sqlite).await;
    let (trail, other) = (&world.trail, "second@crm.example");
    world.add_account(&["--kind", "bcc", "--provider", "imap"], other);
    let of = |findings: &[Value], account: &str, check: &str| -> Value {
        let mut found = findings.iter().filter(|one| one["account"] == account && one["check"] == check);
        found.next().unwrap_or_else(|| panic!("{findings:#?}")).clone()
    };
    assert_eq!(of(&doctor(trail, &[]), BCC, "lag")["result"], "warn", "it was never read");
    world.sync();
    world.provider.oauth.revoke(BCC);
    let findings = doctor(trail, &[]);
    let login = of(&findings, BCC, "login");
    assert_eq!((&login["result"], login["cure"].is_string()), (&Value::from("fail"), true), "{login}");
    assert_eq!(of(&findings, other, "permission")["result"], "ok");

    trail.run(&["disconnect", BCC]);
    let findings = doctor(trail, &[]);
    told(&findings, "fail", "consent", "disconnected", "mailtrail connect bcc@crm.example");
    assert_eq!(of(&findings, BCC, "login")["result"], "skip");
    assert_eq!(of(&findings, other, "login")["result"], "ok");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mailbox_that_may_not_be_opened_is_told() {
    let world = World::new(Engine::Sqlite, Profile::Exchange, "").await;
    world.provider.mail.inject(When::verb("EXAMINE"), Fault::NotConnected);
    let what = "User is authenticated but not connected.";
    told(&doctor(&world.trail, &[]), "fail", "permission", what, "the connected user may open this mailbox");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_inbox_without_sent_mail_is_told() {
    let world = World::plain(Engine::Sqlite).await;
    let (anna, mail) = ("anna@ours.example", &world.provider.mail);
    world.connect(anna, anna);
    assert!(doctor(&world.trail, &[]).iter().all(|one| one["check"] != "mailboxes" || one["result"] == "ok"));
    mail.remove_mailbox(anna, "Sent");
    told(&doctor(&world.trail, &[]), "warn", "mailboxes", "none of sent mail is found", "watch.sent");
}
