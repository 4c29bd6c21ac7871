//! Mailboxes that nobody has to consent for: a service account at Google, an application at Microsoft.

use std::path::PathBuf;
use std::process::Output;

use provider::{Connection, Fault, Profile, Provider, When};

use crate::support::faults::{Ended, Started, account, no_secret};
use crate::support::world::{BCC, Engine, Trail, mail};

const CARLA: &str = "carla@customer.example";

/// A provider with a BCC mailbox, and the program as its operator has set it up.
struct Office {
    provider: Provider,
    trail: Trail,
    connection: Connection,
    files: tempfile::TempDir,
    settings: Vec<(&'static str, String)>,
}

impl Office {
    async fn new(profile: Profile) -> Self {
        let provider = Provider::start(profile).await;
        let files = tempfile::TempDir::new().unwrap();
        let connection = provider.connection(files.path());
        let trail = Trail::new(Engine::Sqlite, Some(&connection), "policy.sender_authentication = \"off\"\n");
        trail.import("users", "login,name,aliases,seat,active\nanna@ours.example,Anna,,core,true\n");
        provider.mail.create_user(BCC, None);
        provider.mail.deliver(BCC, "INBOX", mail("1@ours.example", CARLA, ""));
        let tenant = provider.oauth.settings().tenant.clone();
        let mut office = Self { settings: Vec::new(), provider, trail, connection, files };
        let own = office.provider.oauth.settings().service_account.key_file(&office.provider.oauth.token_url());
        let file = office.key_file("service.json", &own);
        office.settings = vec![
            ("MAILTRAIL_OAUTH__GOOGLE__SERVICE_ACCOUNT_FILE", file.display().to_string()),
            ("MAILTRAIL_OAUTH__MICROSOFT__TOKEN_URL", office.provider.oauth.tenant_token_url()),
            ("MAILTRAIL_OAUTH__MICROSOFT__TENANT", tenant),
        ];
        office
    }

    fn key_file(&self, name: &str, text: &str) -> PathBuf {
        let file = self.files.path().join(name);
        std::fs::write(&file, text).unwrap();
        file
    }

    fn set(&mut self, name: &str, value: &str) {
        let setting = self.settings.iter_mut().find(|(known, _)| known.ends_with(name)).unwrap();
        setting.1 = value.to_owned();
    }

    fn command(&self, args: &[&str]) -> std::process::Command {
        let mut command = self.trail.command(args);
        command.envs(self.settings.iter().map(|(name, value)| (name, value)));
        command
    }

    fn add(&self, provider: &str, more: &[&str]) -> Output {
        let port = self.connection.port.to_string();
        let fixed = ["account", "add", "--kind", "bcc", "--auth", "service", "--host", "localhost", "--address", BCC];
        let args = [&fixed[..], &["--port", &port, "--provider", provider], more].concat();
        self.command(&args).output().unwrap()
    }

    fn once(&self) -> Ended {
        Started::new(self.command(&["run", "--once"])).wait()
    }

    fn logged(&self) -> usize {
        self.trail.json(&["activity", "list", "--json"]).len()
    }
}

fn complaint(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bcc_mailbox_is_read_without_anybodys_consent() {
    for (profile, provider) in [(Profile::Gmail, "google"), (Profile::Exchange, "microsoft")] {
        let office = Office::new(profile).await;
        let added = office.add(provider, &[]);
        assert!(added.status.success(), "{added:?}");
        let ended = office.once();
        assert_eq!(ended.code, Some(0), "{provider}: {ended:?}");
        assert_eq!(office.logged(), 1, "{provider}");
        let asked = office.provider.oauth.token_requests();
        assert!(asked.iter().all(|request| request.grant_type != "refresh_token"), "{asked:?}");
        // Nothing of it is kept.
        no_secret(&office.trail, &office.provider, &[&ended]);
        let key = "MIIEv";
        assert!(!ended.err.contains(key) && !office.trail.run(&["config", "show"]).contains(key));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_the_mail_server_refuses_is_asked_for_once_more() {
    let office = Office::new(Profile::Gmail).await;
    assert!(office.add("google", &[]).status.success());
    let refused = When::verb("AUTHENTICATE");
    office.provider.mail.inject(refused, Fault::No("[AUTHENTICATIONFAILED] Invalid credentials (Failure)".to_owned()));
    let ended = office.once();
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert_eq!(office.provider.oauth.token_requests().len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_key_is_the_operators_to_mend() {
    let mut office = Office::new(Profile::Gmail).await;
    assert!(office.add("google", &[]).status.success());
    let settings = office.provider.oauth.settings().service_account.clone();
    let forged = office.key_file("forged.json", &settings.forged_key_file(&office.provider.oauth.token_url()));
    let own = std::mem::take(&mut office.settings[0].1);
    office.set("SERVICE_ACCOUNT_FILE", &forged.display().to_string());
    let failed = office.once();
    assert_eq!(failed.code, Some(1), "{failed:?}");
    assert!(failed.err.contains("make a new JSON key"), "{failed:?}");
    assert_eq!(account(&office.trail, BCC)["state"], "broken");
    assert_eq!(office.provider.oauth.token_requests()[0].error.as_deref(), Some("invalid_grant"));
    office.set("SERVICE_ACCOUNT_FILE", &own);
    assert_eq!(office.once().code, Some(0));
    assert_eq!(account(&office.trail, BCC)["state"], "active");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_directory_is_the_operators_to_mend() {
    let mut office = Office::new(Profile::Exchange).await;
    let own = office.settings[2].1.clone();
    office.set("TENANT", "common");
    let told = complaint(&office.add("microsoft", &[]));
    assert!(told.contains("an application logs in to one directory"), "{told}");
    office.set("TENANT", "other.example");
    assert!(office.add("microsoft", &[]).status.success());
    let failed = office.once();
    assert_eq!(failed.code, Some(1), "{failed:?}");
    assert!(failed.err.contains("oauth.microsoft.tenant is the id of your directory"), "{failed:?}");
    assert_eq!(account(&office.trail, BCC)["state"], "broken");
    office.set("TENANT", &own);
    assert_eq!(office.once().code, Some(0));
    assert_eq!(office.logged(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_application_without_the_right_to_a_mailbox_is_told_the_command() {
    let office = Office::new(Profile::Exchange).await;
    assert!(office.add("microsoft", &[]).status.success());
    office.provider.mail.inject(When::verb("EXAMINE"), Fault::NotConnected);
    let failed = office.once();
    assert_eq!(failed.code, Some(1), "{failed:?}");
    assert!(failed.err.contains("New-ServicePrincipal") && failed.err.contains("Add-MailboxPermission"), "{failed:?}");
    assert_eq!(account(&office.trail, BCC)["state"], "broken");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_service_identity_lacks_is_said_when_it_is_added() {
    let mut office = Office::new(Profile::Gmail).await;
    office.set("SERVICE_ACCOUNT_FILE", "");
    let added = office.add("google", &[]);
    assert_eq!(added.status.code(), Some(2));
    assert!(complaint(&added).contains("oauth.google.service_account_file is empty"), "{added:?}");
    let token = office.key_file("token", "refresh");
    let added = office.add("google", &["--refresh-token-file", token.to_str().unwrap()]);
    assert_eq!(added.status.code(), Some(2));
    assert!(complaint(&added).contains("has no refresh token"), "{added:?}");
    assert!(office.trail.json(&["account", "list", "--json"]).is_empty());
}
