//! A real Dovecot with tokens that a real introspection vouches for, and a mailbox whose every verdict is known.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::Path;

use provider::{Connection, OAuthServer, OAuthSettings};
use serde_json::{Value, json};

use crate::support::dovecot::{Dovecot, Introspection, PASSWORD};
use crate::support::faults::{Started, add_account, is_allowed, once, state};
use crate::support::mail::{Cast, Expected, cast, samples, sha256};
use crate::support::world::{Engine, Trail, engines, strings};

const MAILS: u64 = 1_000;

fn cast() -> Cast {
    Cast { users: 10, customers: 300, ..Cast::default() }
}

fn connection(oauth: &OAuthServer, server: &Dovecot, folder: &Path) -> Connection {
    let OAuthSettings { client_id, client_secret, .. } = oauth.settings().clone();
    let client_secret = client_secret.unwrap_or_default();
    let client_secret_file = folder.join("client-secret");
    std::fs::write(&client_secret_file, &client_secret).unwrap();
    Connection {
        host: server.host().to_owned(),
        port: server.port(),
        ca_file: server.ca_file(),
        client_id,
        client_secret,
        client_secret_file,
        authorize_url: oauth.authorize_url(),
        device_url: oauth.device_url(),
        token_url: oauth.token_url(),
        revoke_url: oauth.revoke_url(),
        introspect_url: oauth.introspect_url(),
    }
}

fn crm(engine: Engine, connection: &Connection, cast: &Cast) -> Trail {
    let trail = Trail::new(engine, Some(connection), "");
    trail.import("users", &cast.users_csv());
    trail.import("companies", &cast.companies_csv());
    trail.import("contacts", &cast.contacts_csv());
    trail.import("deals", &cast.deals_csv());
    trail.run(&["never-log", "add", cast::NEVER_LOG]);
    trail
}

/// The newest five open deals of each of these contacts (E3), as `Cast` made them.
fn deals(cast: &Cast, contacts: &[String]) -> Vec<String> {
    let with_deals = (0..cast.customers).step_by(10).filter(|n| contacts.contains(&cast.customer(*n)));
    let mut keys: Vec<String> = with_deals.flat_map(|n| (3..=7).map(move |month| format!("deal{n}-{month}"))).collect();
    keys.sort();
    keys
}

fn sorted(list: &Value) -> Vec<String> {
    let mut list = strings(list);
    list.sort();
    list
}

fn check_activity(cast: &Cast, activity: &Value, expected: &Expected) {
    let id = &expected.message_id;
    assert_eq!(activity["subject"], json!(expected.subject), "{id}");
    assert_eq!(activity["sent_at"], json!(expected.sent_at), "{id}");
    assert_eq!(activity["user"], json!(expected.user), "{id}");
    assert_eq!(sorted(&activity["contacts"]), expected.contacts, "{id}");
    assert_eq!(sorted(&activity["deals"]), deals(cast, &expected.contacts), "{id}");
    let text = activity["text"].as_str().unwrap_or_default().split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(text.contains(&expected.phrase), "{id}: {:?} is not in {text:?}", expected.phrase);
    let files: Vec<Value> = activity["attachments"].as_array().unwrap().clone();
    assert_eq!(files.len(), expected.files.len(), "{id}: {files:?}");
    for (file, expected) in files.iter().zip(&expected.files) {
        let found = (&file["name"], &file["size"], &file["sha256"], &file["stored"]);
        let wanted = (&json!(expected.name), &json!(expected.size), &json!(expected.sha256), &json!(true));
        assert!(found == wanted || expected.name.is_empty(), "{id}: {file} is not {expected:?}");
        assert_eq!(file["type"], json!(expected.media_type), "{id}");
        assert_eq!(file["sha256"], json!(expected.sha256), "{id}");
    }
}

fn check(trail: &Trail, cast: &Cast, mailbox: &[Expected]) {
    let ledger = trail.json(&["ledger", "list", "--json"]);
    let codes: BTreeMap<u64, &str> =
        ledger.iter().map(|row| (row["uid"].as_u64().unwrap(), row["code"].as_str().unwrap())).collect();
    let expected: BTreeMap<u64, &str> = (1..).zip(mailbox).map(|(uid, one)| (uid, one.code)).collect();
    assert_eq!(codes, expected);
    let activities = trail.json(&["activity", "list", "--json"]);
    let by_id: HashMap<&str, &Value> =
        activities.iter().map(|activity| (activity["message_id"].as_str().unwrap(), activity)).collect();
    let logged: Vec<&Expected> = mailbox.iter().filter(|one| one.code == "logged").collect();
    assert_eq!((activities.len(), by_id.len()), (logged.len(), logged.len()));
    logged.iter().for_each(|expected| check_activity(cast, by_id[expected.message_id.as_str()], expected));
    let contacts = trail.json(&["contact", "list", "--json"]);
    let addresses: Vec<String> = contacts.iter().flat_map(|contact| strings(&contact["addresses"])).collect();
    assert_eq!(addresses.iter().collect::<BTreeSet<_>>().len(), addresses.len(), "each contact once");
    for expected in logged {
        for file in &expected.files {
            let stored = trail.blob(&file.sha256).expect("the attachment is in the folder");
            assert_eq!(sha256(&stored), file.sha256);
        }
    }
    let audits = trail.json(&["audit", "--json"]);
    assert_eq!((audits.len(), &audits[0]["waiting"], &audits[0]["holes"]), (1, &json!(0), &json!([])));
    assert_eq!(audits[0]["on_server"], json!(MAILS));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_real_mailbox_has_the_verdicts_its_manifest_expects_on_every_database() {
    if !Dovecot::installed() {
        return;
    }
    let cast = cast();
    let oauth = OAuthServer::start(OAuthSettings::google()).await;
    let OAuthSettings { client_id, client_secret, .. } = oauth.settings().clone();
    let server = Dovecot::start(&Introspection {
        url: oauth.introspect_url(),
        client_id,
        client_secret: client_secret.unwrap_or_default(),
    });
    let (raws, mailbox): (Vec<_>, Vec<_>) = samples(&cast, 5, MAILS).map(|mail| (mail.raw, mail.expected)).unzip();
    server.deliver(&cast.log_address, "INBOX", raws);
    let files = tempfile::TempDir::new().unwrap();
    let connection = connection(&oauth, &server, files.path());
    for engine in engines() {
        let trail = crm(engine, &connection, &cast);
        let by_token = engine == Engine::Sqlite;
        if by_token {
            add_account(&trail, &connection, "imap", &cast.log_address, &oauth.grant(&cast.log_address));
        } else {
            add_by_password(&trail, &connection, &cast.log_address);
        }
        let mut first = Started::new(trail.command(&["run", "--once"]));
        let before = server.commands().len();
        let fetching = || server.commands().iter().skip(before).any(|line| line.contains("BODY.PEEK[]"));
        if by_token && first.runs_until(fetching) {
            server.kick(&cast.log_address);
        }
        let ended = first.wait();
        assert_eq!(ended.code, Some(0), "{ended:?}");
        check(&trail, &cast, &mailbox);
        let settled = state(&trail);
        let again = once(&trail);
        assert_eq!(again.code, Some(0), "{again:?}");
        assert!(again.out.contains(": 0 logged, 0 seen again, 0 not logged, 0 set aside"), "{again:?}");
        assert_eq!(state(&trail), settled);
        let method = if by_token { "XOAUTH2" } else { "PLAIN" };
        let login = server.logins().into_iter().rfind(|login| login.user == cast.log_address).unwrap();
        assert_eq!((login.method.as_str(), login.tls), (method, true));
    }
    let commands = server.commands();
    let strange: Vec<&String> = commands.iter().filter(|line| !is_allowed(line)).collect();
    assert!(!commands.is_empty() && strange.is_empty(), "{strange:?}");
    let mut other = server.appender(&cast.log_address);
    other.command("EXAMINE INBOX");
    assert_eq!(other.command("UID SEARCH OR SEEN OR FLAGGED OR ANSWERED DELETED"), ["* SEARCH"]);
}

fn add_by_password(trail: &Trail, connection: &Connection, address: &str) {
    let file = trail.path("password");
    std::fs::write(&file, PASSWORD).unwrap();
    let port = connection.port.to_string();
    let args = ["account", "add", "--kind", "bcc", "--provider", "imap", "--address", address, "--host", "localhost"];
    let login = ["--port", &port, "--auth", "password", "--password-file", file.to_str().unwrap()];
    trail.run(&[&args[..], &login[..]].concat());
}
