//! What is typed wrongly, in the wrong place, or stopped halfway.

use std::process::{Command, Output};

use provider::{Fault, Profile, When};

use crate::support::faults::{IMPATIENT, Started, account, numbered, verdicts};
use crate::support::world::{BCC, Engine, Trail, World, mail, mail_with};

const CARLA: &str = "carla@customer.example";

/// The program in a folder, with neither a configuration file nor variables.
fn bare(folder: &std::path::Path, args: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_mailtrail"));
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("MAILTRAIL_")) {
        command.env_remove(name);
    }
    command.args(args).current_dir(folder).output().unwrap()
}

fn complaint(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn a_question_in_a_folder_without_configuration_makes_no_database() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("a.eml");
    std::fs::write(&file, mail("1@ours.example", CARLA, "")).unwrap();
    for question in [
        &["activity", "list"][..],
        &["explain", "a.eml"],
        &["account", "list"],
        &["account", "pause", "a@b.example"],
        &["workspace", "list"],
        &["never-log", "list"],
        &["contact", "list", "--json"],
        &["audit"],
        &["quarantine", "retry"],
    ] {
        let output = bare(folder.path(), question);
        let told = complaint(&output);
        assert_eq!(output.status.code(), Some(2), "{question:?}: {told}");
        assert!(told.contains("no mailtrail.toml here") && told.contains("There is no database here"), "{told}");
        assert!(output.stdout.is_empty() && !folder.path().join("mailtrail.db").exists(), "{question:?}");
    }
    assert!(bare(folder.path(), &["migrate"]).status.success());
    assert!(folder.path().join("mailtrail.db").exists());
    assert!(bare(folder.path(), &["activity", "list"]).status.success());
}

#[test]
fn a_folder_in_the_place_of_a_file_is_2() {
    let trail = Trail::new(Engine::Sqlite, None, "");
    let told = trail.fails(2, &["import", "users", "."]);
    assert!(told.contains(". is a folder: name one file"), "{told}");
}

#[test]
fn an_account_of_a_user_without_the_user_is_2() {
    let trail = Trail::new(Engine::Sqlite, None, "");
    for kind in ["personal", "team"] {
        let add = ["account", "add", "--kind", kind, "--provider", "google", "--address", "a@b.example"];
        let told = trail.fails(2, &add);
        assert!(told.contains("--user LOGIN"), "{told}");
    }
    assert!(trail.json(&["account", "list", "--json"]).is_empty());
}

#[test]
fn a_password_file_without_a_password_is_refused() {
    let trail = Trail::new(Engine::Sqlite, None, "");
    let file = trail.path("password");
    for nothing in ["", "\n", "\r\n\n"] {
        std::fs::write(&file, nothing).unwrap();
        let server = ["account", "add", "--kind", "bcc", "--provider", "imap", "--host", "localhost"];
        let whose = ["--address", BCC, "--password-file", file.to_str().unwrap()];
        let told = trail.fails(2, &[&server[..], &whose].concat());
        assert!(told.contains("holds no password"), "{told}");
    }
    assert!(trail.json(&["account", "list", "--json"]).is_empty());
}

#[test]
fn a_variable_that_is_no_list_is_told_by_its_key() {
    let trail = Trail::new(Engine::Sqlite, None, "");
    let mut command = trail.command(&["config", "check"]);
    let output = command.env("MAILTRAIL_WORKSPACE__OWN_DOMAINS", "ours.example").output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(complaint(&output).contains("workspace.own_domains takes a list, written as [\""), "{output:?}");
}

#[test]
fn a_key_file_that_holds_no_key_is_found_by_a_check() {
    let trail = Trail::new(Engine::Sqlite, None, "");
    trail.run(&["config", "check"]);
    assert!(!trail.path("key").exists(), "a check makes nothing");
    std::fs::write(trail.path("key"), "no key").unwrap();
    let told = trail.fails(2, &["config", "check"]);
    assert!(told.contains("secrets.key_file: ") && told.contains("is no key file"), "{told}");
    trail.run(&["activity", "list"]);
}

#[test]
fn what_is_no_mail_is_inspected_in_vain() {
    let trail = Trail::new(Engine::Sqlite, None, "");
    let folder = trail.path("mails");
    std::fs::create_dir(&folder).unwrap();
    for (name, bytes) in
        [("empty.eml", &b" \r\n"[..]), ("no-header.eml", b"\r\nno header"), ("binary.eml", &[0xff; 99])]
    {
        let file = folder.join(name);
        std::fs::write(&file, bytes).unwrap();
        let told = trail.fails(1, &["inspect", file.to_str().unwrap()]);
        assert!(told.contains(name) && told.len() > name.len() + 20, "{told}");
    }
    // Weird, but a mail.
    let file = folder.join("weird.eml");
    std::fs::write(&file, b"Subject: a\r\nContent-Type: multipart/mixed\r\n\r\n\xff").unwrap();
    assert_eq!(trail.json(&["inspect", "--json", file.to_str().unwrap()])[0]["subject"], "a");
    // Among others it has its place.
    let output = trail.output(&["inspect", "--json", folder.to_str().unwrap()]);
    let lines = String::from_utf8(output.stdout).unwrap();
    assert_eq!((output.status.code(), lines.lines().count()), (Some(1), 4), "{lines}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_activity_is_shown_to_people_and_to_programs() {
    let world = World::plain(Engine::Sqlite).await;
    world.deliver(mail_with("1@ours.example", CARLA, &[("offer.bin", b"bytes")]));
    world.sync();
    let listed = world.activity();
    let id = listed["id"].as_str().unwrap();
    let told = world.trail.run(&["activity", "show", id]);
    for line in [
        "Subject      Offer 1@ours.example",
        "From         anna@ours.example",
        "To           carla@customer.example",
        "Is           outgoing (bcc), for everyone",
        "By           anna@ours.example (login)",
        "Attachments  offer.bin (application/octet-stream, 5 bytes)",
        "Seen in      bcc@crm.example INBOX UID 1",
    ] {
        assert!(told.lines().any(|told| told == line), "{line}\n{told}");
    }
    assert!(told.trim_end().ends_with(listed["text"].as_str().unwrap().trim_end()), "{told}");
    assert_eq!(world.trail.json(&["activity", "show", id, "--json"]), std::slice::from_ref(&listed));
    world.trail.fails(2, &["activity", "show", id, "--json", "--html"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_round_that_is_stopped_says_so_and_loses_nothing() {
    for signal in ["INT", "TERM"] {
        let world =
            World::new(Engine::Sqlite, Profile::Plain, &IMPATIENT.replace("command_timeout_seconds = 1\n", "")).await;
        world.deliver(mail("1@ours.example", CARLA, ""));
        world.sync();
        world.deliver(mail("2@ours.example", CARLA, ""));
        let body = When::verb("UID FETCH").containing("BODY.PEEK[]");
        world.provider.mail.inject(body.always(), Fault::Hang);
        let bodies = || world.provider.mail.commands().iter().filter(|one| one.line.contains("BODY.PEEK[]")).count();
        let before = bodies();
        let mut started = Started::new(world.trail.command(&["run", "--once"]));
        assert!(started.runs_until(|| bodies() > before));
        let ended = started.signal(signal);
        assert_eq!(ended.code, Some(130), "{ended:?}");
        assert!(ended.err.contains("stopped; what is committed stays"), "{ended:?}");
        assert_eq!(verdicts(&world.trail), ["1 logged"]);
        assert_eq!(account(&world.trail, BCC)["reason"], serde_json::Value::Null);
        world.provider.mail.clear_faults();
        world.sync();
        assert_eq!(verdicts(&world.trail), numbered(&["logged"; 2]));
    }
}
