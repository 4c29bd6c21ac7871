//! `connect --link`: a person connects his inbox on the service's own pages.

use std::net::TcpListener;

use provider::{Certificate, OAuthSettings, Profile, Provider};
use url::Url;

use crate::support::browser::{Browser, Seen, browser};
use crate::support::chromium::Chromium;
use crate::support::faults::{Ended, Started, account, no_secret};
use crate::support::world::{Engine, Trail, engines};

const ANNA: &str = "anna@ours.example";

/// A service at work, and Anna's inbox, which nobody has consented to.
struct Desk {
    provider: Provider,
    trail: Trail,
    service: Option<Started>,
    _files: tempfile::TempDir,
}

impl Desk {
    async fn new(engine: Engine, more: &str) -> Self {
        let provider = Provider::start_with(Profile::Plain, OAuthSettings::google(), Certificate::Good).await;
        let files = tempfile::TempDir::new().unwrap();
        let connection = provider.connection(files.path());
        provider.create_user(ANNA);
        provider.oauth.revoke(ANNA);
        let listen = free_address();
        let trail = Trail::new(engine, Some(&connection), &format!("[http]\nlisten = \"{listen}\"\n{more}"));
        trail.import("users", "login,name,aliases,seat,active\nanna@ours.example,Anna,,core,true\n");
        let port = connection.port.to_string();
        let to = ["--host", "localhost", "--port", &port, "--auth", "oauth", "--address", ANNA, "--user", ANNA];
        trail.run(&[&["account", "add", "--kind", "personal", "--provider", "google"], &to[..]].concat());
        let service = Some(Started::new(trail.command(&["run"])));
        answers(&format!("http://{listen}/")).await;
        Self { provider, trail, service, _files: files }
    }

    fn link(&self) -> String {
        self.trail.run(&["connect", ANNA, "--link"]).trim().to_owned()
    }

    /// Ends the service.
    fn end(&mut self) -> Ended {
        self.service.take().expect("it runs").terminate()
    }

    /// Follows a link to the end.
    async fn follow(&self, browser: &Browser, link: &str) -> Seen {
        let page = browser.visit(link).await;
        assert!(page.status == 200 && page.text.contains("<button"), "{page:?}");
        browser.submit(link).await
    }
}

impl Drop for Desk {
    fn drop(&mut self) {
        if let Some(service) = self.service.take() {
            service.kill();
        }
    }
}

/// An address that was free just now.
fn free_address() -> String {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string()
}

async fn answers(url: &str) {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let client = reqwest::Client::new();
    for _ in 0..600 {
        if client.get(url).send().await.is_ok() {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    panic!("{url} never answers");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_connects_an_inbox_once_and_the_service_reads_it() {
    for engine in engines() {
        let mut desk = Desk::new(engine, "").await;
        let link = desk.link();
        // Scanners of mail look at links before people do.
        for _ in 0..3 {
            assert!(browser().visit(&link).await.text.contains("What never happens"));
        }
        let seen = desk.follow(&browser(), &link).await;
        assert!(seen.status == 200 && seen.text.contains("anna@ours.example is connected"), "{seen:?}");
        assert_eq!(account(&desk.trail, ANNA)["state"], "active");
        let idle = desk.provider.mail.wait_for_command(|command| command.verb == "IDLE");
        tokio::time::timeout(std::time::Duration::from_secs(30), idle).await.expect("the inbox is watched");
        let again = browser().visit(&link).await;
        assert!(again.status == 404 && again.text.contains("It works once"), "{again:?}");
        let replayed = browser().visit(seen.url.as_str()).await;
        assert!(replayed.status == 400 && replayed.text.contains("belongs to no request"), "{replayed:?}");
        let ended = desk.end();
        no_secret(&desk.trail, &desk.provider, &[&ended]);
        for part in link.rsplit('/').take(1).chain(seen.url.query()) {
            assert!(!ended.out.contains(part) && !ended.err.contains(part), "the log holds no link and no code");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_counts_only_in_the_browser_that_asked_and_only_once() {
    let desk = Desk::new(Engine::Sqlite, "").await;
    let link = desk.link();
    let (anna, eve) = (browser(), browser());
    let page = anna.visit(&link).await;
    // Eve begins as well, and has Anna's browser end it.
    let authorize = post_target(&link).await;
    let end = eve.sent_to(&authorize).await;
    for forged in [end.clone(), end.replace("state=", "state=x"), end.split("&state").next().unwrap().to_owned()] {
        let seen = anna.visit(&forged).await;
        assert!(seen.status == 400 && seen.text.contains("belongs to no request"), "{seen:?}");
    }
    assert!(desk.provider.oauth.token_requests().is_empty());
    assert!(page.text.contains("Continue to Google"));
    assert!(desk.follow(&anna, &link).await.text.contains("is connected"));
}

/// Where a form that is sent without a cookie jar leads.
async fn post_target(link: &str) -> String {
    let client = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build().unwrap();
    let response = client.post(link).send().await.unwrap();
    response.headers()["location"].to_str().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn links_that_are_none_of_ours_are_none() {
    let desk = Desk::new(Engine::Sqlite, "").await;
    let (old, new) = (desk.link(), desk.link());
    let seen = browser().visit(&old).await;
    assert!(seen.status == 404 && seen.text.contains("there is a newer one"), "{seen:?}");
    let mut forged = new.clone();
    let last = forged.remove(new.len() - 2);
    forged.insert(new.len() - 2, if last == 'A' { 'B' } else { 'A' });
    for link in [forged.as_str(), &new[..new.len() - 4]] {
        let seen = browser().visit(link).await;
        assert!(seen.status == 404 && seen.text.contains("not made here"), "{seen:?}");
        assert_eq!(browser().submit(link).await.status, 404);
    }
    let base = Url::parse(&new).unwrap();
    assert_eq!(browser().visit(base.join("/").unwrap().as_str()).await.status, 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_wrong_person_can_try_again_with_the_same_link() {
    let desk = Desk::new(Engine::Sqlite, "").await;
    let link = desk.link();
    desk.provider.oauth.sign_in_next("eve@ours.example");
    let seen = desk.follow(&browser(), &link).await;
    assert!(seen.status == 400 && seen.text.contains("eve@ours.example signed in"), "{seen:?}");
    assert!(desk.follow(&browser(), &link).await.text.contains("is connected"));
}

#[tokio::test(flavor = "multi_thread")]
async fn who_comes_back_to_an_account_that_was_removed_meanwhile_does_not_revive_it() {
    let desk = Desk::new(Engine::Sqlite, "").await;
    let (link, anna) = (desk.link(), browser());
    let end = anna.almost_back(&link).await;
    desk.trail.run(&["account", "remove", ANNA]);
    let seen = anna.visit(&end).await;
    assert!(seen.status == 400 && seen.text.contains("belongs to no request"), "{seen:?}");
    assert!(desk.trail.json(&["account", "list", "--json"]).is_empty());
    assert!(desk.provider.oauth.token_requests().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_ends() {
    let desk = Desk::new(Engine::Sqlite, "link_hours = 0\n").await;
    let seen = browser().visit(&desk.link()).await;
    assert!(seen.status == 404 && seen.text.contains("Its time is over"), "{seen:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_connects_an_inbox_in_a_real_browser() {
    let Some(chromium) = Chromium::start().await else { return };
    let desk = Desk::new(Engine::Sqlite, "").await;
    chromium.open(&desk.link()).await;
    assert_eq!(chromium.title().await, "Connect anna@ours.example");
    chromium.click("button").await;
    assert_eq!(chromium.title_after("Connect anna@ours.example").await, "anna@ours.example is connected");
    assert_eq!(account(&desk.trail, ANNA)["state"], "active");
}
