//! Tokens, certificates, and the accounts beside the one in trouble.

use std::time::Duration;

use mailtrail::store::{Options, Store};
use provider::{Certificate, Failure, OAuthSettings, Profile, Provider};
use sea_orm::ConnectionTrait;

use crate::support::faults::{
    IMPATIENT, account, add_account, database_url, no_secret, nothing_lost, numbered, once, verdicts,
};
use crate::support::world::{BCC, Engine, Trail, World, engines, mail};

const OTHER: &str = "second@crm.example";
const CARLA: &str = "carla@customer.example";

#[tokio::test(flavor = "multi_thread")]
async fn a_dead_token_stops_one_account_until_it_has_a_new_one() {
    for engine in engines() {
        let provider = Provider::start(Profile::Plain).await;
        let files = tempfile::TempDir::new().unwrap();
        let connection = provider.connection(files.path());
        let trail = Trail::new(engine, Some(&connection), IMPATIENT);
        trail.import("users", "login,name,aliases,seat,active\nanna@ours.example,Anna,,core,true\n");
        for address in [BCC, OTHER] {
            add_account(&trail, &connection, "imap", address, &provider.create_user(address));
        }
        let deliver = |to: &str, id: &str| provider.mail.deliver(to, "INBOX", mail(id, CARLA, ""));
        deliver(BCC, "1@ours.example");
        assert_eq!(once(&trail).code, Some(0));
        provider.oauth.expire_access(BCC);
        provider.oauth.revoke(BCC);
        deliver(BCC, "2@ours.example");
        deliver(OTHER, "3@ours.example");
        let failed = once(&trail);
        assert_eq!(failed.code, Some(1), "{failed:?}");
        assert!(failed.err.contains(BCC) && !failed.err.contains(&format!("{OTHER}: failed")), "{failed:?}");
        let row = account(&trail, BCC);
        assert_eq!(row["state"], "needs-reauth", "{row}");
        assert!(!row["reason"].as_str().unwrap().is_empty());
        assert_eq!(account(&trail, OTHER)["state"], "active");
        assert_eq!(trail.json(&["activity", "list", "--json"]).len(), 2);

        add_account(&trail, &connection, "imap", BCC, &provider.oauth.grant(BCC));
        let ended = once(&trail);
        assert_eq!(ended.code, Some(0), "{ended:?}");
        assert_eq!(account(&trail, BCC)["state"], "active");
        assert_eq!(trail.json(&["activity", "list", "--json"]).len(), 3);
        no_secret(&trail, &provider, &[&failed, &ended]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_endpoint_in_trouble_is_asked_again_later() {
    let world = World::new(Engine::Sqlite, Profile::Plain, IMPATIENT).await;
    let failures = [
        Failure::Unavailable(None),
        Failure::Unavailable(Some(60)),
        Failure::TooManyRequests(Some(1)),
        Failure::MalformedJson,
        Failure::Hang,
    ];
    let mut said = Vec::new();
    for (number, failure) in failures.iter().enumerate() {
        world.deliver(mail(&format!("{number}@ours.example"), CARLA, ""));
        world.provider.oauth.expire_access(BCC);
        world.provider.oauth.advance(Duration::from_secs(3_600));
        world.provider.oauth.fail_next(1, failure.clone());
        let failed = once(&world.trail);
        assert_eq!(failed.code, Some(1), "{failure:?}: {failed:?}");
        assert_eq!(account(&world.trail, BCC)["state"], "active", "{failure:?}");
        let ended = once(&world.trail);
        assert_eq!(ended.code, Some(0), "{failure:?}: {ended:?}");
        said.extend([failed, ended]);
    }
    assert_eq!(verdicts(&world.trail), numbered(&["logged"; 5]));
    no_secret(&world.trail, &world.provider, &said.iter().collect::<Vec<_>>());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mended_registration_is_noticed_at_the_next_start() {
    for engine in engines() {
        let world = World::new(engine, Profile::Plain, IMPATIENT).await;
        world.provider.oauth.fail_next(1, Failure::InvalidClient);
        let failed = once(&world.trail);
        assert_eq!(
            (failed.code, account(&world.trail, BCC)["state"].as_str()),
            (Some(1), Some("broken")),
            "{failed:?}"
        );
        let ended = once(&world.trail);
        assert_eq!((ended.code, account(&world.trail, BCC)["state"].as_str()), (Some(0), Some("active")), "{ended:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn rotated_refresh_tokens_survive_a_restart() {
    for engine in engines() {
        let settings = OAuthSettings { rotate: true, reuse_detection: true, ..OAuthSettings::default() };
        let provider = Provider::start_with(Profile::Plain, settings, Certificate::Good).await;
        let files = tempfile::TempDir::new().unwrap();
        let connection = provider.connection(files.path());
        let trail = Trail::new(engine, Some(&connection), "");
        add_account(&trail, &connection, "imap", BCC, &provider.create_user(BCC));
        for refreshes in 1..=3 {
            let ended = once(&trail);
            assert_eq!(ended.code, Some(0), "{ended:?}");
            assert_eq!(provider.oauth.token_requests().len(), refreshes);
            provider.oauth.expire_access(BCC);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_that_proves_nothing_is_told_no_secret() {
    for certificate in [Certificate::OtherAuthority, Certificate::OtherName, Certificate::Expired] {
        let provider = Provider::start_with(Profile::Plain, OAuthSettings::default(), certificate).await;
        let files = tempfile::TempDir::new().unwrap();
        let connection = provider.connection(files.path());
        let trail = Trail::new(Engine::Sqlite, Some(&connection), IMPATIENT);
        add_account(&trail, &connection, "imap", BCC, &provider.create_user(BCC));
        let ended = once(&trail);
        assert_eq!(ended.code, Some(1), "{certificate:?}: {ended:?}");
        assert!(ended.err.contains("certificate"), "{certificate:?}: {ended:?}");
        assert!(provider.mail.commands().iter().all(|command| command.verb == "GREETING"), "{certificate:?}");
        no_secret(&trail, &provider, &[&ended]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_whose_token_expires_goes_on_with_a_fresh_one() {
    let world = World::new(Engine::Sqlite, Profile::Exchange, "[policy]\nsender_authentication = \"off\"\n").await;
    for id in 1..=4 {
        world.deliver(mail(&format!("{id}@ours.example"), CARLA, ""));
    }
    let body = provider::When::verb("UID FETCH").containing("BODY.PEEK[]");
    world.provider.mail.inject(body, provider::Fault::SessionExpired);
    world
        .provider
        .mail
        .inject(provider::When::verb("AUTHENTICATE").after(1), provider::Fault::No("AUTHENTICATE failed.".to_owned()));
    let ended = once(&world.trail);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert_eq!(verdicts(&world.trail), numbered(&["logged"; 4]));
    assert!(world.provider.oauth.token_requests().len() >= 2);
    nothing_lost(&world);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_without_the_right_to_the_mailbox_needs_a_person() {
    let world = World::new(Engine::Sqlite, Profile::Exchange, "[policy]\nsender_authentication = \"off\"\n").await;
    world.deliver(mail("1@ours.example", CARLA, ""));
    world.provider.mail.inject(provider::When::verb("EXAMINE"), provider::Fault::NotConnected);
    let failed = once(&world.trail);
    assert_eq!(failed.code, Some(1), "{failed:?}");
    assert_eq!(account(&world.trail, BCC)["state"], "needs-reauth");
    world.sync();
    assert_eq!(account(&world.trail, BCC)["state"], "active");
    assert_eq!(verdicts(&world.trail), numbered(&["logged"]));
    // The same words, once it has worked: too many connections.
    world.provider.mail.inject(provider::When::verb("EXAMINE"), provider::Fault::NotConnected);
    assert_eq!(once(&world.trail).code, Some(1));
    assert_eq!(account(&world.trail, BCC)["state"], "active");
}

/// A provider that rotates refresh tokens has forgotten the old one: SQLite must not undo the new one in a power cut.
#[tokio::test(flavor = "multi_thread")]
async fn a_renewed_grant_is_on_the_disk_before_it_is_used() {
    let world = World::plain(Engine::Sqlite).await;
    world.sync();
    let store = Store::open(&database_url(&world.trail), &Options::default()).await.unwrap();
    // 2 is FULL: a commit waits for the disk.
    for what in ["insert", "update"] {
        let trigger = format!(
            "create trigger hasty_{what} before {what} on oauth_grant \
             when (select synchronous from pragma_synchronous) <> 2 begin select raise(abort, 'hasty'); end"
        );
        store.db.execute_unprepared(&trigger).await.unwrap();
    }
    let hasty = store.db.execute_unprepared("update oauth_grant set version = version").await.unwrap_err();
    assert!(hasty.to_string().contains("hasty"), "{hasty}");
    store.close().await.unwrap();
    world.deliver(mail("1@ours.example", CARLA, ""));
    world.provider.oauth.expire_access(BCC);
    world.provider.oauth.advance(Duration::from_secs(3_600));
    let issued = world.provider.oauth.issued().len();
    world.sync();
    assert!(world.provider.oauth.issued().len() > issued);
    assert_eq!(world.logged(), ["1@ours.example"]);
    world.add_account(&["--kind", "bcc", "--provider", "imap"], "second@crm.example");
}
