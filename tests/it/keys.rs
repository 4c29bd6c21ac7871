//! The key that seals tokens, and consents that are taken back.

use std::os::unix::fs::PermissionsExt as _;

use mailtrail::store::{Options, Store};
use provider::{Certificate, OAuthSettings, Profile, Provider};
use sea_orm::ConnectionTrait as _;

use crate::support::faults::{Started, account, add_account, database_url, no_secret, once};
use crate::support::world::{BCC, Engine, Trail, World, engines, mail};

const CARLA: &str = "carla@customer.example";
const NEW: &str = "CQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQk=\n";

#[tokio::test(flavor = "multi_thread")]
async fn a_new_key_takes_the_place_of_the_old_one() {
    for engine in engines() {
        let world = World::plain(engine).await;
        world.sync();
        let (trail, file) = (&world.trail, world.trail.path("key"));
        let old = std::fs::read_to_string(&file).unwrap();
        std::fs::write(&file, format!("{NEW}{old}")).unwrap();
        let said = trail.run(&["rekey"]);
        assert!(
            said.starts_with("2 sealed anew with the key ") && said.contains("older keys can be taken out"),
            "{said}"
        );
        let said = trail.run(&["rekey"]);
        assert!(said.starts_with("All 2 were sealed with the key "), "{said}");
        std::fs::write(&file, NEW).unwrap();
        world.deliver(mail("1@ours.example", CARLA, ""));
        world.sync();
        assert_eq!(world.logged(), ["1@ours.example"]);

        std::fs::write(&file, &old).unwrap();
        let told = trail.fails(1, &["rekey"]);
        assert!(
            told.contains(BCC) && told.contains("put the old key back") && told.contains("keep the older keys"),
            "{told}"
        );
        std::fs::remove_file(&file).unwrap();
        let told = trail.fails(2, &["rekey"]);
        assert!(told.contains("there is no key file") && !file.exists(), "{told}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_file_is_made_private_and_talked_about() {
    let world = World::plain(Engine::Sqlite).await;
    let file = world.trail.path("key");
    assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    // Whoever makes it says that it wants a backup.
    std::fs::remove_file(&file).unwrap();
    for name in ["crm.db", "crm.db-wal", "crm.db-shm"] {
        let _ = std::fs::remove_file(world.trail.path(name));
    }
    let output = world.try_add_account(&["--kind", "forwarding", "--provider", "imap"], "fwd@crm.example");
    let told = String::from_utf8(output.stderr).unwrap();
    assert!(told.contains("made a new key file") && told.contains("back it up"), "{told}");

    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o644)).unwrap();
    let told = once(&world.trail).err;
    assert!(told.contains("can read the key file") && told.contains("chmod 600"), "{told}");
}

/// How long anything may take.
const PATIENCE: std::time::Duration = std::time::Duration::from_secs(30);

/// The sealed refresh token of the BCC account.
async fn sealed(trail: &Trail) -> Vec<u8> {
    let store = Store::open(&database_url(trail), &Options::default()).await.unwrap();
    let statement = sea_orm::Statement::from_string(store.backend, "select refresh_token from oauth_grant");
    let row = store.db.query_one_raw(statement).await.unwrap().unwrap();
    let sealed = row.try_get("", "refresh_token").unwrap();
    store.close().await.unwrap();
    sealed
}

/// The files of the SQLite database that hold `bytes`.
fn holders(trail: &Trail, bytes: &[u8]) -> Vec<String> {
    let files = std::fs::read_dir(trail.folder()).unwrap().map(|entry| entry.unwrap().path());
    let files =
        files.filter(|file| file.is_file() && memchr::memmem::find(&std::fs::read(file).unwrap(), bytes).is_some());
    files.map(|file| file.display().to_string()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_disconnected_account_is_revoked_at_the_provider_and_erased_here() {
    for engine in engines() {
        let world = World::new(engine, Profile::Gmail, "[policy]\nsender_authentication = \"off\"\n").await;
        world.sync();
        let (trail, refresh) = (&world.trail, world.provider.oauth.issued().remove(0));
        assert!(world.provider.oauth.is_alive(&refresh));
        let sealed = sealed(trail).await;
        assert_eq!(holders(trail, &sealed).is_empty(), engine == Engine::Postgres);

        let said = trail.run(&["disconnect", BCC]);
        assert!(said.contains("tokens are erased here. The provider has revoked its consent."), "{said}");
        assert!(!world.provider.oauth.is_alive(&refresh));
        assert_eq!(holders(trail, &sealed), Vec::<String>::new());
        for _ in 0..2 {
            let row = account(trail, BCC);
            assert_eq!(row["state"], "needs-reauth");
            let reason = row["reason"].as_str().unwrap();
            assert!(
                reason.starts_with("disconnected") && reason.contains("mailtrail connect bcc@crm.example"),
                "{reason}"
            );
            // A look at it does not make the reason another one.
            assert_eq!(once(trail).code, Some(1));
        }
        assert!(trail.run(&["disconnect", BCC]).contains("There was no consent to revoke."));

        world.add_account(&["--kind", "bcc", "--provider", "google"], BCC);
        world.deliver(mail("1@ours.example", CARLA, ""));
        let ended = once(trail);
        assert_eq!(ended.code, Some(0), "{ended:?}");
        assert_eq!(world.logged(), ["1@ours.example"]);
        no_secret(trail, &world.provider, &[&ended]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_revoked_is_said() {
    let world = World::new(Engine::Sqlite, Profile::Exchange, "").await;
    let said = world.trail.run(&["disconnect", BCC]);
    assert!(said.contains("myapps.microsoft.com"), "{said}");
    let told = world.trail.fails(1, &["disconnect", "nobody@crm.example"]);
    assert!(told.contains("there is no account nobody@crm.example"), "{told}");

    let password = world.trail.path("password");
    std::fs::write(&password, "word").unwrap();
    let add = ["account", "add", "--kind", "forwarding", "--provider", "imap", "--host", "localhost", "--address"];
    world.trail.run(&[&add[..], &["fwd@crm.example", "--password-file", password.to_str().unwrap()]].concat());
    let told = world.trail.fails(2, &["disconnect", "fwd@crm.example"]);
    assert!(told.contains("logs in by password") && told.contains("mailtrail account pause"), "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_removed_account_is_revoked_as_well() {
    let world = World::plain(Engine::Sqlite).await;
    let refresh = world.provider.oauth.issued().remove(0);
    let sealed = sealed(&world.trail).await;
    let said = world.trail.run(&["account", "remove", BCC]);
    assert!(said.contains("The provider has revoked its consent."), "{said}");
    assert!(!world.provider.oauth.is_alive(&refresh));
    assert_eq!(holders(&world.trail, &sealed), Vec::<String>::new());
}

/// A provider that ends a consent whose refresh token is shown twice would tell of any token that was lost on the way.
#[tokio::test(flavor = "multi_thread")]
async fn keys_change_while_tokens_are_renewed() {
    for engine in engines() {
        let settings = OAuthSettings {
            rotate: true,
            reuse_detection: true,
            expires_in: std::time::Duration::from_secs(1),
            ..OAuthSettings::default()
        };
        let provider = Provider::start_with(Profile::Plain, settings, Certificate::Good).await;
        let files = tempfile::TempDir::new().unwrap();
        let connection = provider.connection(files.path());
        let trail = Trail::new(engine, Some(&connection), "");
        add_account(&trail, &connection, "imap", BCC, &provider.create_user(BCC));
        let old = std::fs::read_to_string(trail.path("key")).unwrap();
        for round in 0..6 {
            let keys = if round % 2 == 0 { format!("{NEW}{old}") } else { format!("{old}{NEW}") };
            // Whole or not at all: the other program may be reading it.
            std::fs::write(trail.path("draft"), keys).unwrap();
            std::fs::rename(trail.path("draft"), trail.path("key")).unwrap();
            provider.oauth.expire_access(BCC);
            provider.oauth.advance(std::time::Duration::from_secs(1));
            let reading = Started::new(trail.command(&["run", "--once"]));
            let sealing = [(); 3].map(|()| Started::new(trail.command(&["rekey"])));
            for ended in sealing.into_iter().chain([reading]).map(Started::wait) {
                assert_eq!(ended.code, Some(0), "{ended:?}");
            }
        }
        assert!(provider.oauth.token_requests().iter().filter(|request| request.error.is_none()).count() >= 6);
        assert_eq!(account(&trail, BCC)["state"], "active");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_running_service_lets_go_of_a_disconnected_account() {
    for engine in engines() {
        let world = World::plain(engine).await;
        let service = Started::new(world.trail.command(&["run"]));
        let idle = world.provider.mail.wait_for_command(|command| command.verb == "IDLE");
        tokio::time::timeout(PATIENCE, idle).await.expect("the service waits for mail");
        assert_eq!(world.provider.mail.open_sessions(), 1);
        world.trail.run(&["disconnect", BCC]);
        let gone = async {
            while world.provider.mail.open_sessions() > 0 {
                tokio::time::sleep(std::time::Duration::from_millis(20)).await;
            }
        };
        tokio::time::timeout(PATIENCE, gone).await.expect("the session ends");
        let row = account(&world.trail, BCC);
        assert_eq!(row["state"], "needs-reauth");
        assert!(row["reason"].as_str().unwrap().starts_with("disconnected"), "{row}");
        // The same service goes on when it is connected again.
        world.add_account(&["--kind", "bcc", "--provider", "imap"], BCC);
        world.deliver(mail("1@ours.example", CARLA, ""));
        let body = world.provider.mail.wait_for_command(|command| command.line.contains("BODY.PEEK[]"));
        tokio::time::timeout(PATIENCE, body).await.expect("the mail is read");
        service.terminate();
        assert_eq!(world.logged(), ["1@ours.example"]);
    }
}
