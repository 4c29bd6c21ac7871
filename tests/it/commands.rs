//! What commands promise to whoever calls them: exit codes, and that doing it again changes nothing.

use provider::Profile;

use crate::support::world::{Engine, Trail, World, engines, mail, mail_from, mail_with};

const CARLA: &str = "carla@customer.example";

#[tokio::test(flavor = "multi_thread")]
async fn a_second_run_changes_nothing() {
    for engine in engines() {
        let world = World::new(engine, Profile::Plain, "attachments.max_bytes = 10\n").await;
        world.trail.run(&["never-log", "add", "secret.example"]);
        world.deliver(mail("1@ours.example", CARLA, "Cc: ann@secret.example\r\n"));
        world.deliver(mail_from("mallory@elsewhere.example", "2@elsewhere.example", CARLA, ""));
        world.deliver(mail_with("3@ours.example", CARLA, &[("a.bin", b"12345678901")]));
        world.deliver(mail("1@ours.example", CARLA, ""));
        world.deliver(b"no mail at all".as_slice());
        world.deliver(b"".as_slice());
        world.sync();
        let before = world.everything();
        assert!(before[0].lines().count() == 2 && before[2].lines().count() == 6, "{before:#?}");
        world.sync();
        assert_eq!(world.everything(), before);
        world.trail.run(&["audit"]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_account_that_fails_makes_the_run_fail_and_the_others_are_read() {
    for engine in engines() {
        let world = World::plain(engine).await;
        world.add_account(&["--kind", "bcc", "--provider", "imap"], "second@crm.example");
        world.deliver(mail("1@ours.example", CARLA, ""));
        world.provider.oauth.revoke("second@crm.example");
        let told = world.trail.fails(1, &["run", "--once"]);
        assert!(told.contains("second@crm.example: failed"), "{told}");
        assert_eq!(world.logged(), ["1@ours.example"]);
        let accounts = world.trail.json(&["account", "list", "--json"]);
        let second = accounts.iter().find(|account| account["address"] == "second@crm.example").unwrap();
        assert_eq!(second["state"], "needs-reauth", "{second}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_paused_account_waits_and_a_resumed_one_reads_what_came_meanwhile() {
    for engine in engines() {
        let world = World::plain(engine).await;
        let bcc = crate::support::world::BCC;
        world.trail.run(&["account", "pause", bcc]);
        world.deliver(mail("1@ours.example", CARLA, ""));
        world.sync();
        assert!(world.codes().is_empty());
        world.trail.run(&["account", "resume", bcc]);
        world.sync();
        assert_eq!(world.codes(), ["logged"]);
        world.trail.fails(1, &["account", "pause", "nobody@crm.example"]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn mail_from_before_the_given_day_is_not_logged() {
    for engine in engines() {
        let world = World::plain(engine).await;
        world.add_account(&["--kind", "bcc", "--provider", "imap", "--since", "2026-06-01"], "second@crm.example");
        let at = |id: &str, time: &str| {
            let time = chrono::DateTime::parse_from_rfc3339(time).unwrap().to_utc();
            world.provider.mail.deliver_at("second@crm.example", "INBOX", mail(id, CARLA, ""), time);
        };
        at("1@ours.example", "2026-05-31T10:00:00Z");
        at("2@ours.example", "2026-06-01T10:00:00Z");
        at("3@ours.example", "2026-05-30T10:00:00Z");
        world.sync();
        assert_eq!(world.logged(), ["2@ours.example"]);
        world.trail.run(&["audit"]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_start_that_is_moved_back_brings_the_mail_before_the_former_one() {
    for engine in engines() {
        let world = World::plain(engine).await;
        let second = "second@crm.example";
        let since = |day: &'static str| ["--kind", "bcc", "--provider", "imap", "--since", day];
        world.add_account(&since("2026-06-01"), second);
        let at = |id: &str, time: &str| {
            let time = chrono::DateTime::parse_from_rfc3339(time).unwrap().to_utc();
            world.provider.mail.deliver_at(second, "INBOX", mail(id, CARLA, ""), time);
        };
        // The second lies below the start, the last is met behind it.
        at("1@ours.example", "2026-03-31T10:00:00Z");
        at("2@ours.example", "2026-05-31T10:00:00Z");
        at("3@ours.example", "2026-06-01T10:00:00Z");
        at("4@ours.example", "2026-05-30T10:00:00Z");
        world.sync();
        assert_eq!(world.logged(), ["3@ours.example"]);
        let change = |day: &'static str| {
            let args = [&["account", "add", "--address", second][..], &since(day)].concat();
            world.trail.run(&args)
        };
        assert!(!change("2026-07-01").contains("former start"));
        assert!(change("2026-04-01").contains("former start"));
        world.sync();
        assert_eq!(world.logged(), ["2@ours.example", "3@ours.example", "4@ours.example"]);
        let before = world.everything();
        assert!(!change("2026-04-01").contains("former start"));
        world.sync();
        assert_eq!(world.everything(), before);
        world.trail.run(&["audit"]);
        // Removed and added again it starts where it did.
        world.trail.run(&["account", "remove", second]);
        let (port, token) = (world.connection().port.to_string(), world.trail.path("token"));
        std::fs::write(&token, world.provider.oauth.grant(second)).unwrap();
        let server = ["--host", "localhost", "--port", &port, "--refresh-token-file", token.to_str().unwrap()];
        let again = ["account", "add", "--kind", "bcc", "--provider", "imap", "--address", second];
        world.trail.run(&[&again[..], &server].concat());
        world.sync();
        // That it went and came is told, and nothing else.
        let told = |list: &String| list.lines().filter(|line| !line.contains("account.state_changed")).count();
        assert_eq!(
            world.everything().iter().map(told).collect::<Vec<_>>(),
            before.iter().map(told).collect::<Vec<_>>()
        );
        assert_eq!(world.everything()[..4], before[..4]);
        assert!(change("2026-01-01").contains("former start"));
        world.sync();
        assert_eq!(world.logged().len(), 4);
        world.trail.run(&["audit"]);
    }
}

#[test]
fn a_wrong_command_line_is_2() {
    let trail = Trail::new(Engine::Sqlite, None, "");
    for wrong in [
        &["sing"][..],
        &["run", "--twice"],
        &["account", "add", "--kind", "pigeon", "--provider", "imap", "--address", "a@b.example"],
        &["account", "pause", "no address"],
        &["workspace", "add", "two words"],
        &["workspace", "add", "a+b"],
        &["explain", "--message-id", ""],
        &["--workspace", "nowhere", "activity", "list"],
        &["--workspace", "nowhere", "import", "users", "users.csv"],
    ] {
        let told = trail.fails(2, wrong);
        assert!(!told.is_empty(), "{wrong:?}");
    }
    let told = trail.fails(2, &["--workspace", "nowhere", "contact", "list"]);
    assert!(told.contains("mailtrail workspace add nowhere"), "{told}");
}

#[test]
fn an_argument_that_names_nothing_is_2_and_says_so() {
    for engine in engines() {
        let trail = Trail::new(engine, None, "");
        let account = ["account", "add", "--kind", "personal", "--provider", "imap", "--address", "a@b.example"];
        let named = |more: &[&'static str]| [&account[..], &["--host", "localhost"], more].concat();
        for (args, told) in [
            (vec!["import", "users", "no-such-file.csv"], "no-such-file.csv cannot be read"),
            (vec!["explain", "no-such-file.eml"], "no-such-file.eml cannot be read"),
            (vec!["inspect", "no-such-file.eml"], "there is no file no-such-file.eml"),
            (vec!["inspect", "."], "there is no .eml file"),
            (named(&["--password-file", "no-such-file"]), "no-such-file cannot be read"),
            (named(&["--refresh-token-file", "no-such-file"]), "no-such-file cannot be read"),
            (named(&["--user", "nobody@ours.example"]), "there is no user nobody@ours.example"),
            (vec!["never-log", "add", "--user", "nobody@ours.example", "c.example"], "there is no user nobody"),
            (vec!["never-log", "remove", "--user", "nobody@ours.example", "c.example"], "there is no user nobody"),
        ] {
            let complaint = trail.fails(2, &args);
            assert!(complaint.contains(told), "{args:?}: {complaint}");
        }
    }
}

#[test]
fn a_wrong_configuration_is_2_and_says_which_key() {
    for (wrong, key) in [
        ("[policy]\nnever_log = \"sometimes\"\n", "never_log"),
        ("[policy]\ndeal_order = \"key\"\n", "deal_order"),
        ("[worker]\npoll_seconds = 0\n", "worker.poll_seconds"),
        ("[workspace]\nown_domains = [\"no domain\"]\n", "workspace.own_domains"),
        ("this is no toml", "mailtrail.toml"),
    ] {
        let trail = Trail::new(Engine::Sqlite, None, wrong);
        for command in [&["config", "check"][..], &["activity", "list"]] {
            let told = trail.fails(2, command);
            assert!(told.contains(key), "{command:?}: {told}");
        }
    }
    let trail = Trail::new(Engine::Sqlite, None, "");
    trail.run(&["config", "check"]);
    assert!(trail.run(&["config", "show"]).contains("never_log"));
    let output = trail.command(&["--config", "missing.toml", "activity", "list"]).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    let mut command = trail.command(&["activity", "list"]);
    let output = command.env("MAILTRAIL_POLICY__NEVER_LOG", "sometimes").output().unwrap();
    assert_eq!(output.status.code(), Some(2));
}

#[test]
fn a_bad_line_is_told_by_its_number_and_nothing_is_written() {
    for engine in engines() {
        let trail = Trail::new(engine, None, "");
        let file = trail.path("users.csv");
        std::fs::write(&file, "login,name\nanna@ours.example,Anna\nnonsense,Bert\n").unwrap();
        let told = trail.fails(1, &["import", "users", file.to_str().unwrap()]);
        assert!(told.contains("line 3") && told.contains("nothing was written"), "{told}");
        std::fs::write(&file, "login,name\nanna@ours.example,Anna\n").unwrap();
        assert!(trail.run(&["import", "users", file.to_str().unwrap()]).contains("1 new, 0 changed, 0 unchanged"));
        assert!(trail.run(&["import", "users", file.to_str().unwrap()]).contains("0 new, 0 changed, 1 unchanged"));
    }
}

#[test]
fn a_command_without_the_configuration_pauses_nothing() {
    for engine in engines() {
        let declares = "workspace.own_domains = [\"ours.example\"]\n[[accounts]]\nkind = \"bcc\"\nprovider = \"imap\"\n\
                        host = \"127.0.0.1\"\nport = 1\naddress = \"log@ours.example\"\npassword_file = \"password\"\n";
        let trail = Trail::new(engine, None, declares);
        std::fs::write(trail.path("password"), "secret").unwrap();
        trail.run(&["migrate"]);
        let known = || (trail.json(&["account", "list", "--json"]), trail.json(&["workspace", "list", "--json"]));
        let before = known();
        assert_eq!((before.0.len(), &before.0[0]["state"]), (1, &"active".into()), "{before:?}");
        let config = std::fs::read_to_string(trail.path("mailtrail.toml")).unwrap();
        let (bare, _) = config.split_once("workspace.own_domains").unwrap();
        std::fs::write(trail.path("mailtrail.toml"), bare).unwrap();
        assert_eq!(known(), before);
        trail.run(&["migrate"]);
        assert_eq!(trail.json(&["account", "list", "--json"])[0]["state"], "paused");
        std::fs::write(trail.path("mailtrail.toml"), &config).unwrap();
        trail.run(&["migrate"]);
        assert_eq!(known(), before);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_whose_reader_went_away_does_its_work_and_ends_quietly() {
    let world = World::plain(Engine::Sqlite).await;
    world.deliver(mail("1@ours.example", CARLA, ""));
    let users = world.trail.path("users.csv");
    std::fs::write(&users, "login,name\nbert@ours.example,Bert\n").unwrap();
    let bcc = crate::support::world::BCC;
    let without_reader = |args: &[&str]| {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let output = world.trail.command(args).stdout(writer).output().unwrap();
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(0), "{args:?}: {told}");
        assert!(!told.contains("panicked") && !told.contains("a bug"), "{args:?}: {told}");
    };
    for command in [
        &["migrate"][..],
        &["config", "check"],
        &["config", "show"],
        &["completions", "bash"],
        &["workspace", "add", "second"],
        &["workspace", "list"],
        &["import", "users", users.to_str().unwrap()],
        &["never-log", "add", "secret.example"],
        &["never-log", "list"],
        &["account", "pause", bcc],
        &["account", "resume", bcc],
        &["account", "list"],
        &["address"],
        &["run", "--once"],
        &["activity", "list"],
        &["activity", "list", "--json"],
        &["contact", "list"],
        &["ledger", "list"],
        &["events", "list"],
        &["notice", "list"],
        &["quarantine", "retry"],
        &["explain", "--account", bcc, "--uid", "1"],
        &["audit"],
        &["contact", "remove", CARLA],
    ] {
        without_reader(command);
    }
    assert_eq!((world.codes().len(), world.contacts().len()), (1, 0));
    without_reader(&["account", "remove", bcc]);
    assert!(world.trail.run(&["never-log", "list"]).contains("secret.example"));
    assert!(world.trail.run(&["workspace", "list"]).contains("second"));
}

#[test]
fn the_exit_code_holds_where_nobody_reads_the_complaint() {
    let trail = Trail::new(Engine::Sqlite, None, "");
    for (code, args) in
        [(2, &["--workspace", "nowhere", "activity", "list"][..]), (1, &["account", "pause", "a@b.example"])]
    {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        assert_eq!(trail.command(args).stderr(writer).status().unwrap().code(), Some(code), "{args:?}");
    }
}
