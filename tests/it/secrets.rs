//! A whole session of the program, after which no secret stands anywhere: in no output, no log, no file and no process list.

use std::collections::BTreeSet;
use std::path::Path;

use provider::{Profile, Provider};

use crate::support::faults::{Ended, Started, add_account};
use crate::support::world::{BCC, Engine, Trail, engines, mail, mail_with};

const CARLA: &str = "carla@customer.example";
const PASSWORD: &str = "correct-horse-battery";

/// The loudest that the program can be made.
const LOUD: &str = "trace,mailtrail=trace,reqwest=trace,hyper=trace,hyper_util=trace,rustls=trace,oauth2=trace,\
                    hickory_resolver=trace,hickory_proto=trace,hickory_net=trace,sqlx=trace,sea_orm=trace,async_imap=trace";

/// What the program said, and how it was called.
#[derive(Default)]
struct Heard {
    said: Vec<(String, String)>,
    called: BTreeSet<String>,
}

impl Heard {
    fn run(&mut self, trail: &Trail, more: &[(&str, &str)], args: &[&str]) -> Ended {
        let mut command = trail.command(args);
        command.env("MAILTRAIL_LOG__LEVEL", LOUD).env("RUST_LOG", LOUD).env("RUST_BACKTRACE", "1");
        command.envs(more.iter().copied());
        self.called.extend(command.get_args().map(|arg| arg.to_string_lossy().into_owned()));
        let mut started = Started::new(command);
        while started.runs() {
            self.called.extend(started.command_line());
            std::thread::sleep(std::time::Duration::from_millis(2));
        }
        let ended = started.wait();
        self.said.push((args.join(" "), format!("{}{}", ended.out, ended.err)));
        ended
    }
}

/// Every file below `folder`, but for those that the operator has put secrets into.
fn files(folder: &Path, given: &[&str], places: &mut Vec<(String, Vec<u8>)>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files(&path, given, places);
        } else if !given.iter().any(|name| path.ends_with(name)) {
            places.push((path.display().to_string(), std::fs::read(&path).unwrap()));
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_secret_stands_in_what_is_said_or_left_behind() {
    for engine in engines() {
        session(engine, Profile::Gmail, "google").await;
    }
    session(Engine::Sqlite, Profile::Exchange, "microsoft").await;
}

async fn session(engine: Engine, profile: Profile, name: &str) {
    let provider = Provider::start(profile).await;
    let folder = tempfile::TempDir::new().unwrap();
    let connection = provider.connection(folder.path());
    let trail = Trail::new(engine, Some(&connection), "policy.sender_authentication = \"off\"\n");
    trail.import("users", "login,name,aliases,seat,active\nanna@ours.example,Anna,,core,true\n");
    let (fwd, service, oauth) = ("fwd@crm.example", "service@crm.example", &provider.oauth);
    provider.mail.create_user(service, None);
    add_account(&trail, &connection, name, BCC, &provider.create_user(BCC));
    add_account(&trail, &connection, name, fwd, &provider.create_user(fwd));
    let account = oauth.settings().service_account.clone();
    let key_file = folder.path().join("service.json");
    std::fs::write(&key_file, account.key_file(&oauth.token_url())).unwrap();
    std::fs::write(trail.path("password"), PASSWORD).unwrap();
    let (key_file, tenant_url) = (key_file.display().to_string(), oauth.tenant_token_url());
    let settings = [
        ("MAILTRAIL_OAUTH__GOOGLE__SERVICE_ACCOUNT_FILE", key_file.as_str()),
        ("MAILTRAIL_OAUTH__MICROSOFT__TENANT", &oauth.settings().tenant),
        ("MAILTRAIL_OAUTH__MICROSOFT__TOKEN_URL", &tenant_url),
    ];

    let mut heard = Heard::default();
    let port = connection.port.to_string();
    let add = ["account", "add", "--kind", "bcc", "--host", "localhost", "--port", &port, "--provider", name];
    let by_service = [&add[..], &["--auth", "service", "--address", service]].concat();
    assert_eq!(heard.run(&trail, &settings, &by_service).code, Some(0));
    let password = ["--auth", "password", "--password-file", "password", "--address", "other@crm.example"];
    assert_eq!(heard.run(&trail, &settings, &[&add[..], &password].concat()).code, Some(0));

    provider.mail.deliver(BCC, "INBOX", mail("1@ours.example", CARLA, ""));
    provider.mail.deliver(service, "INBOX", mail_with("2@ours.example", CARLA, &[("offer.bin", b"bytes")]));
    // The account that logs in by a password that nobody knows fails.
    let ended = heard.run(&trail, &settings, &["run", "--once"]);
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert!(ended.err.contains("DEBUG") || ended.err.contains("INFO"), "the log is as loud as it gets: {ended:?}");
    // Tokens die, are renewed, are refused, and the provider answers nonsense.
    oauth.expire_access(BCC);
    oauth.revoke(fwd);
    oauth.fail_next(1, provider::Failure::MalformedJson);
    heard.run(&trail, &settings, &["run", "--once"]);
    heard.run(&trail, &settings, &["run", "--once"]);
    for args in [
        &["account", "list", "--json"][..],
        &["activity", "list"],
        &["ledger", "list", "--json"],
        &["notice", "list"],
        &["events", "list", "--json"],
        &["doctor"],
        &["doctor", "--json"],
        &["config", "show"],
        &["config", "check"],
        &["explain", "--message-id", "1@ours.example"],
        &["audit"],
        &["rekey"],
        &["disconnect", BCC],
        &["account", "remove", fwd],
        &["account", "remove", service],
    ] {
        heard.run(&trail, &settings, args);
    }
    assert_eq!(trail.json(&["activity", "list", "--json"]).len(), 2);
    nothing_told(&trail, &provider, &heard);
}

/// No secret that the provider gave or that the program was configured with.
fn nothing_told(trail: &Trail, provider: &Provider, heard: &Heard) {
    let mut secrets = provider.oauth.issued();
    assert!(secrets.len() > 6, "{}", secrets.len());
    secrets.extend(provider.oauth.settings().client_secret.clone());
    secrets.push(PASSWORD.to_owned());
    let key = include_str!("../provider/keys/service-account.pem");
    secrets.extend(key.lines().filter(|line| line.len() == 64).map(str::to_owned));
    let own = std::fs::read_to_string(trail.path("key")).unwrap();
    let seal = own.trim().to_owned();

    let mut places: Vec<(String, Vec<u8>)> =
        heard.said.iter().map(|(what, said)| (what.clone(), said.clone().into_bytes())).collect();
    places
        .push(("the process list".to_owned(), heard.called.iter().cloned().collect::<Vec<_>>().join(" ").into_bytes()));
    files(trail.folder(), &["token", "password", "key"], &mut places);
    if let Some(database) = trail.database() {
        let dump = database.query("select schema_to_xml('public', true, false, '')");
        places.push(("PostgreSQL".to_owned(), dump.into_bytes()));
    }
    assert!(places.len() > 20, "{}", places.len());
    for secret in secrets.iter().chain([&seal]) {
        // Base64 of a login or of a form would hide it from a search for the text alone.
        for shape in [secret.clone(), url::form_urlencoded::byte_serialize(secret.as_bytes()).collect()] {
            for (place, bytes) in &places {
                assert!(memchr::memmem::find(bytes, shape.as_bytes()).is_none(), "a secret stands in {place}");
            }
        }
    }
}
