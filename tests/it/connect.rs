//! `connect`: a person's consent at the command line.

use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Child, ChildStderr, ChildStdout, Stdio};

use mailtrail::oauth::is_safe;
use provider::{Certificate, OAuthSettings, Profile, Provider, RefreshRule};
use url::Url;

use crate::support::browser::{Seen, browser};
use crate::support::faults::account;
use crate::support::world::{Engine, Trail, engines};

const ANNA: &str = "anna@ours.example";

/// A provider with Anna's inbox, which is added and which nobody has consented to.
struct Desk {
    provider: Provider,
    trail: Trail,
    _files: tempfile::TempDir,
}

impl Desk {
    async fn new(engine: Engine, kind: &str, settings: OAuthSettings) -> Self {
        let provider = Provider::start_with(Profile::Plain, settings, Certificate::Good).await;
        let files = tempfile::TempDir::new().unwrap();
        let connection = provider.connection(files.path());
        provider.create_user(ANNA);
        provider.oauth.revoke(ANNA);
        let trail = Trail::new(engine, Some(&connection), "");
        trail.import("users", "login,name,aliases,seat,active\nanna@ours.example,Anna,,core,true\n");
        let port = connection.port.to_string();
        let to = ["--host", "localhost", "--port", &port, "--auth", "oauth", "--address", ANNA, "--user", ANNA];
        let said = trail.run(&[&["account", "add", "--kind", "personal", "--provider", kind], &to[..]].concat());
        assert!(said.contains("mailtrail connect anna@ours.example"), "{said}");
        Self { provider, trail, _files: files }
    }

    fn connect(&self, how: &[&str]) -> Connecting {
        let mut command = self.trail.command(&[&["connect", ANNA], how].concat());
        let mut child =
            command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it starts");
        let out = BufReader::new(child.stdout.take().unwrap());
        let err = child.stderr.take().unwrap();
        Connecting { child, out, err }
    }

    /// Connects by a browser that goes wherever it is sent.
    async fn by_browser(&self) -> (Seen, Ended) {
        let mut connecting = self.connect(&["--print-url"]);
        let seen = browser().visit(&connecting.line()).await;
        (seen, connecting.end())
    }
}

/// `mailtrail connect`, under way.
struct Connecting {
    child: Child,
    out: BufReader<ChildStdout>,
    err: ChildStderr,
}

#[derive(Debug)]
struct Ended {
    code: Option<i32>,
    out: String,
    err: String,
}

impl Connecting {
    /// The next line that it prints.
    fn line(&mut self) -> String {
        let mut line = String::new();
        self.out.read_line(&mut line).unwrap();
        line.trim().to_owned()
    }

    fn paste(&mut self, line: &str) {
        writeln!(self.child.stdin.as_mut().unwrap(), "{line}").unwrap();
    }

    fn end(mut self) -> Ended {
        let (mut out, mut err) = (String::new(), String::new());
        self.out.read_to_string(&mut out).unwrap();
        self.err.read_to_string(&mut err).unwrap();
        Ended { code: self.child.wait().unwrap().code(), out, err }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_browser_on_the_same_machine_connects_an_inbox() {
    for engine in engines() {
        for (kind, settings) in [("google", OAuthSettings::google()), ("microsoft", OAuthSettings::microsoft())] {
            let desk = Desk::new(engine, kind, settings).await;
            let (seen, ended) = desk.by_browser().await;
            assert_eq!(ended.code, Some(0), "{ended:?}");
            assert!(seen.text.contains("anna@ours.example is connected"), "{seen:?}");
            assert!(ended.out.contains("`mailtrail run` reads INBOX"), "{ended:?}");
            let asked = &desk.provider.oauth.authorizations()[0];
            assert_eq!((asked["code_challenge_method"].as_str(), asked["login_hint"].as_str()), ("S256", ANNA));
            assert!(!asked["state"].is_empty() && !asked["nonce"].is_empty());
            assert_eq!(account(&desk.trail, ANNA)["state"], "active");
            desk.trail.run(&["run", "--once"]);
            assert_eq!(desk.provider.oauth.token_requests().len(), 1, "the first token serves");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_signs_in_as_somebody_else_connects_nothing() {
    let desk = Desk::new(Engine::Sqlite, "google", OAuthSettings::google()).await;
    desk.provider.oauth.sign_in_next("eve@ours.example");
    let (seen, ended) = desk.by_browser().await;
    assert_eq!(ended.code, Some(1), "{ended:?}");
    let told = "eve@ours.example signed in, but anna@ours.example is to be connected";
    assert!(seen.text.contains(told) && ended.err.contains(told), "{seen:?} {ended:?}");
    assert!(desk.trail.fails(1, &["run", "--once"]).contains("mailtrail connect"));
    let (_, ended) = desk.by_browser().await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mailbox_that_another_may_open_is_connected_as_him() {
    let desk = Desk::new(Engine::Sqlite, "microsoft", OAuthSettings::microsoft()).await;
    let mut connecting = desk.connect(&["--print-url", "--as", "boris@ours.example"]);
    let seen = browser().visit(&connecting.line()).await;
    assert!(seen.text.contains("anna@ours.example is connected"), "{seen:?}");
    assert_eq!(desk.provider.oauth.authorizations()[0]["login_hint"], "boris@ours.example");
    // This server does not let Boris open it: the consent is kept, and the command says what is wrong.
    let ended = connecting.end();
    assert!(ended.code == Some(0) && ended.out.contains("cannot be read yet"), "{ended:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unticked_box_for_mail_is_named() {
    let settings = OAuthSettings { granted_scope: Some("openid email".into()), ..OAuthSettings::google() };
    let desk = Desk::new(Engine::Sqlite, "google", settings).await;
    let (seen, ended) = desk.by_browser().await;
    assert_eq!(ended.code, Some(1));
    assert!(seen.text.contains("the box for https://mail.google.com/ was left open"), "{seen:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_consent_that_does_not_last_is_asked_for_again_with_the_screen() {
    let settings = OAuthSettings { refresh_rule: RefreshRule::ConsentScreen, ..OAuthSettings::default() };
    let desk = Desk::new(Engine::Sqlite, "microsoft", settings).await;
    let (seen, ended) = desk.by_browser().await;
    assert!(ended.code == Some(0) && seen.text.contains("is connected"), "{seen:?} {ended:?}");
    let prompts: Vec<_> =
        desk.provider.oauth.authorizations().iter().map(|query| query.get("prompt").cloned()).collect();
    assert_eq!(prompts, [None, Some("consent".to_owned())]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_without_our_state_is_nobodys() {
    let desk = Desk::new(Engine::Sqlite, "google", OAuthSettings::google()).await;
    let mut connecting = desk.connect(&["--print-url"]);
    let url = Url::parse(&connecting.line()).unwrap();
    let back = url.query_pairs().find(|(name, _)| name == "redirect_uri").unwrap().1.into_owned();
    assert!(is_safe(&Url::parse(&back).unwrap()));
    for forged in ["?code=x", "?code=x&state=", "?code=x&state=other", "?error=access_denied", ""] {
        let seen = browser().visit(&format!("{back}{forged}")).await;
        assert!(seen.status == 400 && seen.text.contains("belongs to no request"), "{forged}: {seen:?}");
    }
    assert!(desk.provider.oauth.token_requests().is_empty(), "no code of others is redeemed");
    assert!(browser().visit(url.as_str()).await.text.contains("is connected"));
    assert_eq!(connecting.end().code, Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_address_at_which_a_browser_elsewhere_ended_can_be_pasted() {
    let desk = Desk::new(Engine::Sqlite, "google", OAuthSettings::google()).await;
    let mut connecting = desk.connect(&["--print-url"]);
    let end = browser().sent_to(&connecting.line()).await;
    connecting.paste("what is this?");
    connecting.paste(&end);
    let ended = connecting.end();
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(ended.err.contains("That is not the address"), "{ended:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_machine_without_a_browser_connects_by_a_code() {
    let desk = Desk::new(Engine::Sqlite, "microsoft", OAuthSettings::microsoft()).await;
    let mut connecting = desk.connect(&["--device"]);
    let (address, code) = (connecting.line(), connecting.line());
    assert!(address.ends_with("/activate"), "{address}");
    assert!(desk.provider.oauth.approve_device(&code, ANNA));
    let ended = connecting.end();
    assert_eq!(ended.code, Some(0), "{ended:?}");
    desk.trail.run(&["run", "--once"]);

    let mut connecting = desk.connect(&["--device"]);
    let (_, code) = (connecting.line(), connecting.line());
    assert!(desk.provider.oauth.deny_device(&code));
    let ended = connecting.end();
    assert!(ended.code == Some(1) && ended.err.contains("authorization_declined"), "{ended:?}");

    let mut connecting = desk.connect(&["--device"]);
    let (_, code) = (connecting.line(), connecting.line());
    assert!(desk.provider.oauth.approve_device(&code, "eve@ours.example"));
    let ended = connecting.end();
    assert!(ended.code == Some(1) && ended.err.contains("eve@ours.example signed in"), "{ended:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_organisation_that_asks_its_administrator_gets_the_link_for_him() {
    let desk = Desk::new(Engine::Sqlite, "microsoft", OAuthSettings::microsoft()).await;
    desk.provider.oauth.deny_next("consent_required");
    let (seen, ended) = desk.by_browser().await;
    assert_eq!(ended.code, Some(1));
    assert!(seen.text.contains("adminconsent?client_id=") && ended.err.contains("adminconsent?"), "{seen:?} {ended:?}");
    let row = account(&desk.trail, ANNA);
    assert_eq!(row["state"], "needs-admin-consent", "{row}");
    assert!(row["reason"].as_str().unwrap().contains("/v2.0/adminconsent?"), "{row}");
    let (_, ended) = desk.by_browser().await;
    assert_eq!((ended.code, account(&desk.trail, ANNA)["state"].as_str()), (Some(0), Some("active")));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_who_says_no_is_taken_at_his_word() {
    let desk = Desk::new(Engine::Sqlite, "google", OAuthSettings::google()).await;
    desk.provider.oauth.deny_next("access_denied");
    let (seen, ended) = desk.by_browser().await;
    assert_eq!(ended.code, Some(1));
    assert!(seen.text.contains("access was not allowed (access_denied)"), "{seen:?}");
    assert_eq!(desk.provider.oauth.token_requests().len(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_installation_whose_key_is_lost_begins_anew() {
    let desk = Desk::new(Engine::Sqlite, "google", OAuthSettings::google()).await;
    assert_eq!(desk.by_browser().await.1.code, Some(0));
    std::fs::remove_file(desk.trail.path("key")).unwrap();
    for command in [&["run", "--once"][..], &["connect", ANNA, "--print-url"]] {
        let told = desk.trail.fails(2, command);
        assert!(told.contains("is missing") && told.contains("mailtrail rekey --lost"), "{told}");
    }
    assert!(!desk.trail.path("key").exists(), "no key is made where another sealed");
    let told = desk.trail.run(&["rekey", "--lost"]);
    assert!(told.contains("2 that no key opens are forgotten"), "{told}");
    assert!(desk.trail.fails(1, &["run", "--once"]).contains("the key of its tokens is lost: `mailtrail connect"));
    assert_eq!(desk.by_browser().await.1.code, Some(0));
    desk.trail.run(&["run", "--once"]);
}
