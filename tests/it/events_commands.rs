//! `webhook` and `events --follow` as they are typed.

use std::io::{BufRead, BufReader};
use std::process::{Child, Stdio};

use serde_json::Value;

use crate::support::events::fill;
use crate::support::receiver::{Receiver, Reply};
use crate::support::world::{Engine, Trail, World, engines, mail};

/// A follower, and the lines that it prints.
struct Follower {
    child: Child,
    lines: Option<BufReader<std::process::ChildStdout>>,
}

impl Follower {
    fn start(trail: &Trail, more: &[&str]) -> Self {
        let mut command = trail.command(&[&["events", "--follow", "--json"], more].concat());
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let lines = Some(BufReader::new(child.stdout.take().unwrap()));
        Self { child, lines }
    }

    fn next(&mut self) -> Value {
        let mut line = String::new();
        self.lines.as_mut().unwrap().read_line(&mut line).unwrap();
        serde_json::from_str(&line).unwrap()
    }

    fn interrupt(&mut self) -> Option<i32> {
        let told = std::process::Command::new("kill").args(["-INT", &self.child.id().to_string()]).status().unwrap();
        assert!(told.success());
        self.child.wait().unwrap().code()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_follows_sees_each_event_once_as_it_happens() {
    for engine in engines() {
        let world = World::plain(engine).await;
        world.deliver(mail("1@ours.example", "carla@customer.example", ""));
        world.sync();
        let before = world.trail.json(&["events", "list", "--json"]);
        let first = before[0]["id"].as_str().unwrap();
        let mut since = Follower::start(&world.trail, &["--since", first]);
        // It stands behind the first one, and so it is seen to be there.
        assert_eq!(since.next()["id"], before[1]["id"]);
        world.deliver(mail("2@ours.example", "carla@customer.example", ""));
        world.sync();
        let all = world.trail.json(&["events", "list", "--json"]);
        assert_eq!(all.len(), before.len() + 1);
        assert_eq!(since.next(), all[2]);
        assert_eq!(since.interrupt(), Some(130));
        let listed = world.trail.json(&["events", "list", "--json", "--since", first]);
        assert_eq!(listed, all[1..]);
        let unknown = "00000000-0000-0000-0000-000000000001";
        assert!(world.trail.fails(2, &["events", "--follow", "--since", unknown]).contains("there is no event"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_follower_that_nobody_reads_any_more_ends() {
    let trail = Trail::new(Engine::Sqlite, None, "");
    trail.run(&["migrate"]);
    fill(&trail, 1, 2).await;
    let first = trail.json(&["events", "list", "--json"])[0]["id"].as_str().unwrap().to_owned();
    let mut follower = Follower::start(&trail, &["--since", &first]);
    follower.next();
    follower.lines = None;
    assert_eq!(follower.child.wait().unwrap().code(), Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_webhook_is_tried_listed_disabled_and_removed_by_its_url_or_id() {
    let trail = Trail::new(Engine::Sqlite, None, "[events]\ntimeout_seconds = 1\n");
    let receiver = Receiver::start();
    let told = trail.run(&["webhook", "add", &receiver.url, "--events", "reply.received"]);
    receiver.expect_secret(told.lines().last().unwrap());
    let id = told.split_whitespace().next().unwrap();
    assert!(trail.run(&["webhook", "test", id]).contains("HTTP 204"));
    let got = receiver.got();
    assert!(got[0].is_genuine && got[0].kind() == "webhook.tested" && got[0].body["data"]["webhook"] == id);
    assert!(trail.json(&["events", "list", "--json"]).is_empty(), "a test is nothing that happened");
    for (reply, told) in
        [(Reply::Status(500), "HTTP 500"), (Reply::Elsewhere, "HTTP 307"), (Reply::Silence, "too long")]
    {
        receiver.always(reply);
        let output = trail.output(&["webhook", "test", id]);
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(output.status.code() == Some(1) && said.contains(told), "{said}");
    }
    assert_eq!(receiver.got().len(), 4, "no redirect is followed");
    assert!(trail.fails(1, &["webhook", "add", &receiver.url]).contains("already"));
    trail.run(&["webhook", "disable", &receiver.url]);
    let listed = &trail.json(&["webhook", "list", "--json"])[0];
    assert_eq!((&listed["state"], &listed["events"][0]), (&Value::from("disabled"), &Value::from("reply.received")));
    assert!(listed.get("secret").is_none());
    trail.run(&["webhook", "remove", id]);
    assert!(trail.run(&["webhook", "list"]).contains("There is no webhook"));
    assert!(trail.fails(1, &["webhook", "test", id]).contains("no such webhook"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_url_that_would_show_events_to_others_and_an_unknown_type_are_refused() {
    let trail = Trail::new(Engine::Sqlite, None, "");
    trail.run(&["migrate"]);
    for (url, why) in [
        ("http://crm.example/hooks", "https://"),
        ("https://user:word@crm.example/hooks", "password"),
        ("crm.example", "no URL"),
    ] {
        let told = trail.fails(2, &["webhook", "add", url]);
        assert!(told.contains(why) && !told.contains("word@"), "{told}");
    }
    let told = trail.fails(2, &["webhook", "add", "https://crm.example/", "--events", "mail.read"]);
    assert!(told.contains("activity.logged"), "{told}");
    let file = trail.path("secret");
    std::fs::write(&file, "whsec_c2hvcnQ=\n").unwrap();
    let given = ["webhook", "add", "https://crm.example/", "--secret-file", file.to_str().unwrap()];
    assert!(trail.fails(2, &given).contains("24 to 64 octets"));
    std::fs::write(&file, "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\n").unwrap();
    assert!(!trail.run(&given).contains("whsec_"), "a secret that was given is not printed");
}
