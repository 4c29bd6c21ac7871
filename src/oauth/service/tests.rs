use std::time::Duration;

use ::provider::{Failure, OAuthServer, OAuthSettings, ServiceAccount};

use super::*;
use crate::config::Tls;

/// A provider, and a configuration that fits it.
struct Scene {
    server: OAuthServer,
    config: OAuth,
    folder: tempfile::TempDir,
}

impl Scene {
    async fn new(settings: OAuthSettings) -> Self {
        let server = OAuthServer::start(settings).await;
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("service.json");
        std::fs::write(&file, server.settings().service_account.key_file(&server.token_url())).unwrap();
        let mut config = OAuth::default();
        config.google.service_account_file = Some(file);
        let settings = server.settings();
        config.microsoft.client_id = settings.client_id.clone();
        config.microsoft.client_secret = settings.client_secret.as_deref().map(Secret::from);
        config.microsoft.token_url = server.tenant_token_url();
        config.microsoft.tenant = settings.tenant.clone();
        Self { server, config, folder }
    }

    fn identities(&self) -> Identities {
        let clock = Clock::system();
        let http = Http::new(&Tls::default(), Duration::from_secs(20), clock.clone()).unwrap();
        Identities::new(self.config.clone(), http, clock)
    }

    fn asked(&self) -> usize {
        self.server.token_requests().len()
    }
}

fn account(provider: &str) -> account::Model {
    account::Model {
        id: Uuid::from_u128(1),
        address: "log@ours.example".into(),
        address_folded: "log@ours.example".into(),
        kind: "bcc".into(),
        provider: provider.into(),
        host: "imap.ours.example".into(),
        port: 993,
        auth: "service".into(),
        security: "tls".into(),
        imap_user: None,
        password_file: None,
        state: "active".into(),
        reason: None,
        declared: false,
        withdrawn: false,
        since: None,
        connected_by: None,
        connected_at: None,
        created_at: DateTime::UNIX_EPOCH,
        last_success: None,
        last_attempt: None,
        failures: 0,
        trouble: None,
        next_try: None,
        verification: None,
    }
}

#[tokio::test]
async fn a_signed_statement_brings_a_token_for_the_mailbox() {
    let scene = Scene::new(OAuthSettings::google()).await;
    let token = scene.identities().access(&account("google")).await.unwrap();
    let live = scene.server.handle().live(token.expose_secret()).unwrap();
    assert_eq!(live.user.as_deref(), Some("log@ours.example"));
    assert_eq!(live.scope, "https://mail.google.com/");
}

#[tokio::test]
async fn an_application_gets_a_token_of_its_own() {
    let scene = Scene::new(OAuthSettings::microsoft()).await;
    let token = scene.identities().access(&account("microsoft")).await.unwrap();
    let live = scene.server.handle().live(token.expose_secret()).unwrap();
    assert_eq!((live.user, live.scope.as_str()), (None, "https://outlook.office365.com/.default"));
}

#[tokio::test]
async fn many_who_ask_at_once_are_one_question() {
    let scene = Scene::new(OAuthSettings::google()).await;
    let (identities, account) = (scene.identities(), account("google"));
    let all = futures::future::join_all((0..8).map(|_| identities.access(&account))).await;
    let all: Vec<String> = all.into_iter().map(|token| token.unwrap().expose_secret().to_owned()).collect();
    assert!(all.iter().all(|token| *token == all[0]));
    assert_eq!(scene.asked(), 1);
    identities.refused(&account, &"another".into()).await;
    identities.access(&account).await.unwrap();
    assert_eq!(scene.asked(), 1);
    identities.refused(&account, &all[0].as_str().into()).await;
    assert_ne!(identities.access(&account).await.unwrap().expose_secret(), all[0]);
    assert_eq!(scene.asked(), 2);
}

#[tokio::test]
async fn a_refusal_names_the_cure() {
    let mut scene = Scene::new(OAuthSettings::google()).await;
    let refused = async |scene: &Scene, provider: &str| {
        let trouble = scene.identities().access(&account(provider)).await.unwrap_err();
        assert_eq!(trouble.kind(), "operator", "{trouble}");
        assert!(!trouble.to_string().contains("log@ours.example"), "{trouble}");
        trouble.to_string()
    };
    let forged = scene.folder.path().join("forged.json");
    std::fs::write(&forged, ServiceAccount::default().forged_key_file(&scene.server.token_url())).unwrap();
    let own = scene.config.google.service_account_file.replace(forged);
    assert!(refused(&scene, "google").await.contains("make a new JSON key"));
    scene.config.google.service_account_file = own;

    scene.config.google.service_scope = "https://www.googleapis.com/auth/gmail.imap_admin".into();
    let told = refused(&scene, "google").await;
    for part in ["Domain-wide delegation", "104857600000000000001", "gmail.imap_admin"] {
        assert!(told.contains(part), "{told}");
    }
    scene.config.microsoft.tenant = "other.example".into();
    assert!(refused(&scene, "microsoft").await.contains("IMAP.AccessAsApp"));
    scene.config.microsoft.tenant = "common".into();
    assert!(refused(&scene, "microsoft").await.contains("an application logs in to one directory"));
    scene.config.google.service_account_file = None;
    assert!(refused(&scene, "google").await.contains("service_account_file is empty"));
}

#[tokio::test]
async fn a_provider_in_trouble_is_asked_again_later() {
    let scene = Scene::new(OAuthSettings::google()).await;
    scene.server.fail_next(1, Failure::TooManyRequests(Some(60)));
    let (identities, account) = (scene.identities(), account("google"));
    for _ in 0..2 {
        assert_eq!(identities.access(&account).await.unwrap_err().kind(), "retry");
    }
    assert_eq!(scene.asked(), 1, "it wants to be left alone");
}

#[test]
fn a_file_that_is_no_key_is_not_quoted() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("service.json");
    let app = OAuthApp { service_account_file: Some(file.clone()), ..OAuth::default().google };
    let secret = "c2VjcmV0";
    let fields = format!(r#""client_email":"a","client_id":"1","token_uri":"t","private_key":"{secret}""#);
    for text in [secret.to_owned(), format!("{{{fields}}}"), format!("{{\"private_key\":{secret}}}")] {
        std::fs::write(&file, text).unwrap();
        let trouble = key_file::KeyFile::of(&app).err().unwrap();
        assert!(!trouble.to_string().contains(secret) && trouble.kind() == "operator", "{trouble}");
    }
}

#[tokio::test]
async fn a_token_is_renewed_at_four_fifths_of_its_life_and_serves_to_its_end() {
    let settings = OAuthSettings { expires_in: Duration::from_secs(1_000), ..OAuthSettings::google() };
    let scene = Scene::new(settings).await;
    let (mut identities, account) = (scene.identities(), account("google"));
    let start = Clock::system().now();
    let mut at = async |second: i64| {
        identities.clock = Clock::fixed(start + chrono::TimeDelta::seconds(second));
        identities.access(&account).await.map(|token| token.expose_secret().to_owned())
    };
    let first = at(0).await.unwrap();
    assert_eq!(at(799).await.unwrap(), first);
    scene.server.fail_next(2, Failure::Unavailable(None));
    assert_eq!(at(801).await.unwrap(), first, "it lives, and the provider is away");
    assert_eq!(at(960).await.unwrap_err().kind(), "retry", "it is about to end");
    assert_ne!(at(961).await.unwrap_or_default(), first);
}
