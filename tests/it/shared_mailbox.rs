//! One BCC mailbox behind several workspaces (A18).

use serde_json::Value;

use crate::support::forward::{LOG, forward, forwarded};
use crate::support::world::{BCC, Engine, World, engines, mail, mail_from};

const CARLA: &str = "carla@customer.example";
const ANNA: &str = "anna@ours.example";

/// The workspaces `default` and `sales` behind one mailbox. Anna is in both, Bert only in `sales`.
async fn shared(engine: Engine) -> World {
    let world = World::plain(engine).await;
    world.trail.run(&["workspace", "add", "sales"]);
    let users =
        "login,name,aliases,seat,active\nanna@ours.example,Anna,,core,true\nbert@ours.example,Bert,,core,true\n";
    world.trail.import_into("sales", "users", users);
    let add = ["--workspace", "sales", "account", "add", "--kind", "bcc", "--provider", "imap", "--address", BCC];
    world.trail.run(&add);
    world
}

/// The ids logged in a workspace, in order.
fn logged(world: &World, workspace: &str) -> Vec<String> {
    let rows = world.trail.json(&["--workspace", workspace, "activity", "list", "--json"]);
    let mut ids: Vec<String> = rows.iter().map(|row| row["message_id"].as_str().unwrap().to_owned()).collect();
    ids.sort();
    ids
}

#[tokio::test(flavor = "multi_thread")]
async fn the_tag_of_the_delivery_address_tells_the_workspace() {
    for engine in engines() {
        let world = shared(engine).await;
        let fields = [
            "Delivered-To: bcc+sales@crm.example\r\n",
            "X-Original-To: BCC+Sales@crm.example\r\n",
            "Cc: bcc+sales@crm.example\r\n",
            "Received: from mx.ours.example by mx.crm.example with ESMTPS id x for <bcc+sales@crm.example>;\r\n \
             Sun, 22 Nov 2026 10:00:00 +0000\r\n",
            "Envelope-To: bcc+sales@crm.example\r\n",
        ];
        for (n, field) in fields.into_iter().enumerate() {
            world.deliver(mail(&format!("{n}@ours.example"), CARLA, field));
        }
        world.deliver(mail("5@ours.example", &format!("{CARLA}, bcc+sales@crm.example"), ""));
        world.sync();
        assert_eq!(logged(&world, "sales").len(), 6, "{:?}", world.codes());
        assert!(logged(&world, "default").is_empty());
        let contacts = world.trail.json(&["--workspace", "sales", "contact", "list", "--json"]);
        assert_eq!(contacts.len(), 1, "the tagged address is no contact: {contacts:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_a_mail_to_two_tags_each_copy_goes_where_it_was_delivered() {
    for engine in engines() {
        let world = shared(engine).await;
        let both = format!("{CARLA}, bcc+default@crm.example, bcc+sales@crm.example");
        for tag in ["default", "sales"] {
            world.deliver(mail("1@ours.example", &both, &format!("Delivered-To: bcc+{tag}@crm.example\r\n")));
        }
        world.sync();
        assert_eq!((logged(&world, "default").len(), logged(&world, "sales").len()), (1, 1));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_plain_address_is_the_first_workspaces_own() {
    for engine in engines() {
        let world = shared(engine).await;
        world.deliver(mail("1@ours.example", CARLA, &format!("Delivered-To: {BCC}\r\n")));
        world.sync();
        assert_eq!(logged(&world, "default"), ["1@ours.example"]);
        assert!(logged(&world, "sales").is_empty());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_tag_a_sender_of_one_workspace_tells_it() {
    for engine in engines() {
        let world = shared(engine).await;
        world.deliver(mail_from("bert@ours.example", "1@ours.example", CARLA, ""));
        world.deliver(mail_from("bert@ours.example", "2@ours.example", CARLA, &format!("Delivered-To: {BCC}\r\n")));
        world.sync();
        assert_eq!(logged(&world, "sales"), ["1@ours.example", "2@ours.example"]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sender_of_both_without_any_delivery_address_is_ambiguous() {
    for engine in engines() {
        let world = shared(engine).await;
        world.deliver(mail("1@ours.example", CARLA, ""));
        world.deliver(mail_from("mallory@elsewhere.example", "2@ours.example", CARLA, ""));
        world.sync();
        assert_eq!(world.codes(), ["ambiguous-sender", "unknown-sender"]);
        assert!(logged(&world, "default").is_empty() && logged(&world, "sales").is_empty());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn each_workspace_names_its_own_address_and_keeps_its_own_records() {
    for engine in engines() {
        let world = shared(engine).await;
        let bcc = |workspace: &str| -> Value {
            world.trail.json(&["--workspace", workspace, "address", "--json"])[0]["bcc"].take()
        };
        assert_eq!((bcc("default"), bcc("sales")), (BCC.into(), "bcc+sales@crm.example".into()));
        world.trail.run(&["--workspace", "sales", "never-log", "add", "customer.example"]);
        world.deliver(mail("1@ours.example", CARLA, &format!("Delivered-To: {BCC}\r\n")));
        world.deliver(mail("1@ours.example", CARLA, "Delivered-To: bcc+sales@crm.example\r\n"));
        world.sync();
        assert_eq!(world.codes(), ["logged", "never-log"], "the same mail, another tenant, another list");
        assert_eq!(world.activity()["user"], ANNA);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_workspace_has_a_tag_the_first_one_too() {
    for engine in engines() {
        let world = shared(engine).await;
        world.deliver(mail("1@ours.example", CARLA, "Delivered-To: bcc+default@crm.example\r\n"));
        world.sync();
        assert_eq!(logged(&world, "default"), ["1@ours.example"]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_workspace_does_not_see_what_another_one_logged() {
    for engine in engines() {
        let world = shared(engine).await;
        world.deliver(mail("1@ours.example", CARLA, "Delivered-To: bcc+sales@crm.example\r\n"));
        world.deliver(mail_from("stranger@elsewhere.example", "2@elsewhere.example", CARLA, ""));
        world.sync();
        assert_eq!(world.codes(), ["unknown-sender"], "the verdict on mail of nobody is everybody's");
        assert!(!world.trail.output(&["explain", "--message-id", "1@ours.example"]).status.success());
        let told = world.trail.run(&["explain", "--account", BCC, "--uid", "1"]);
        assert!(!told.contains(CARLA) && !told.contains(ANNA), "{told}");
        let own = world.trail.run(&["--workspace", "sales", "explain", "--message-id", "1@ours.example"]);
        assert!(own.contains(CARLA), "{own}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_forward_goes_to_the_workspace_whose_address_it_was_sent_to() {
    for engine in engines() {
        let world = crate::support::forward::world(engine, "").await;
        world.trail.run(&["workspace", "add", "sales"]);
        let users = "login,name,aliases,seat,active\nanna@ours.example,Anna,,core,true\n";
        world.trail.import_into("sales", "users", users);
        let add =
            ["--workspace", "sales", "account", "add", "--kind", "forwarding", "--provider", "imap", "--address", LOG];
        world.trail.run(&add);
        let sales = forward("1@ours.example", "Carla <carla@customer.example>", "");
        forwarded(&world, sales.replace(&format!("To: {LOG}"), "To: log+sales@crm.example"));
        forwarded(&world, forward("2@ours.example", "Carla <carla@customer.example>", ""));
        world.sync();
        assert_eq!(logged(&world, "sales"), ["1@ours.example"], "{:?}", world.codes());
        assert_eq!(logged(&world, "default"), ["2@ours.example"]);
        let told: Value =
            serde_json::from_str(&world.trail.run(&["--workspace", "sales", "address", "--json"])).unwrap();
        assert_eq!(told["forwarding"], "log+sales@crm.example");
    }
}
