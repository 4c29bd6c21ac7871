//! The program dies, or fails, before and after every step that lasts. Afterwards the database is what it would have been.

use std::collections::BTreeMap;
use std::path::Path;

use mailtrail::clock::Clock;
use mailtrail::seam::ALL;
use provider::Profile;

use crate::support::dump::{difference, dump};
use crate::support::faults::{Ended, Started, database_url};
use crate::support::forward::{self, LOG};
use crate::support::inbox::{ANNA, CARLA, answer, reply};
use crate::support::world::{BCC, Engine, Trail, World, mail, mail_from, mail_with};

/// Runs after which a fault must be over: in the first of them a claim of the dead may still hold.
const RUNS: usize = 3;

/// Small enough that the story has a message in pieces, one that is too large, several batches and several windows.
const SMALL: &str = "attachments.max_bytes = 30000\n\
                     [worker]\nbatch_messages = 3\nbatch_bytes = 20000\nslice_bytes = 20000\ntoken_timeout_seconds = 1\n";

/// Mail of every kind, all of it there; the inbox was connected before it came, and is read before the BCC mailbox.
async fn story(engine: Engine) -> World {
    let world = World::new(engine, Profile::Plain, SMALL).await;
    world.add_account(&["--kind", "forwarding", "--provider", "imap"], LOG);
    world.connect(ANNA, ANNA);
    world.companies(&["c,Customer,customer.example"]);
    world.contacts_known(&["carla,Carla,carla@customer.example,c,c,"]);
    world.deals(&["d,Deal,open,2026-01-01T00:00:00Z,carla"]);
    world.trail.run(&["never-log", "add", "lawyer@law.example"]);
    world.trail.run(&["account", "pause", BCC]);
    world.sync();
    behind_the_bcc_address(&world);
    behind_the_forwarding_address(&world);
    in_the_inbox(&world);
    for user in [BCC, LOG, ANNA] {
        world.provider.oauth.expire_access(user);
    }
    world
}

fn behind_the_bcc_address(world: &World) {
    world.deliver_now(mail("1@ours.example", CARLA, ""));
    world.deliver_now(mail_with("2@ours.example", "new@other.example", &[("a.bin", &[7; 5_000])]));
    world.deliver_now(mail_with("3@ours.example", CARLA, &[("kept.bin", &[1; 22_000]), ("dropped.bin", &[2; 31_000])]));
    world.deliver_now(mail("1@ours.example", CARLA, ""));
    world.deliver_now(mail("4@ours.example", "lawyer@law.example", ""));
    world.deliver_now(mail_from("stranger@nowhere.example", "5@nowhere.example", CARLA, ""));
    world.deliver_now(mail("6@ours.example", CARLA, "In-Reply-To: <1@ours.example>\r\n"));
    let report = "Auto-Submitted: auto-replied\r\nIn-Reply-To: <2@ours.example>\r\n";
    world.deliver_now(mail_from("mailer-daemon@ours.example", "7@ours.example", ANNA, report));
}

fn behind_the_forwarding_address(world: &World) {
    let put = |mail: String| {
        let now = Clock::system().now() + chrono::TimeDelta::seconds(1);
        world.provider.mail.deliver_at(LOG, "INBOX", mail, now)
    };
    put(forward::forward("f1@ours.example", &forward::carla(), ""));
    put(forward::attached(
        "f2@ours.example",
        &[&forward::original("o1@c.example"), &forward::original("o2@c.example")],
    ));
    put(mail_from(ANNA, "f3@ours.example", LOG, ""));
}

/// The first two come before what they answer is known (D21).
fn in_the_inbox(world: &World) {
    let receive = |mail: String| {
        let now = Clock::system().now() + chrono::TimeDelta::seconds(1);
        world.provider.mail.deliver_at(ANNA, "INBOX", mail, now)
    };
    receive(reply("r1@c.example", "Re: Offer 1@ours.example", "1@ours.example"));
    receive(reply("r2@c.example", "Re: Offer 1@ours.example", "r1@c.example"));
    receive(answer(CARLA, ANNA, "p1@c.example", "Lunch", ""));
    receive(reply("r3@c.example", "Re: Oferta 41", "f1@ours.example"));
    receive(mail_from("friend@home.example", "p2@home.example", ANNA, ""));
}

/// One run of a twin. `heeding` is what tests tell the seams.
fn run(trail: &Trail, heeding: &str) -> Ended {
    let mut command = trail.command(&["run", "--once"]);
    command.env("FAILPOINTS", heeding);
    Started::new(command).wait()
}

/// The story without its BCC mailbox, then with it; in the phase of the fault, the first run meets it.
fn live_through(trail: &Trail, fault: Option<&Fault>) {
    for phase in 0..2 {
        if phase == 1 {
            trail.run(&["account", "resume", BCC]);
        }
        let Some(fault) = fault.filter(|fault| fault.phase == phase) else {
            assert_eq!(run(trail, "").code, Some(0));
            continue;
        };
        let met = run(trail, &fault.heeding());
        assert_ne!(met.code, Some(2), "{fault:?}: {met:?}");
        // What failed without being an account's failure is made up for by the run after.
        let over = (0..RUNS).any(|_| run(trail, "").code == Some(0));
        assert!(over, "{fault:?}: it never ends well");
    }
}

/// What is done to the `hit`-th passage of a seam.
#[derive(Debug, Clone, Copy)]
struct Fault {
    seam: &'static str,
    phase: usize,
    hit: usize,
    dies: bool,
}

impl Fault {
    fn heeding(&self) -> String {
        let before = if self.hit == 0 { String::new() } else { format!("{}*off->", self.hit) };
        format!("{}={before}1*return({})->off", self.seam, if self.dies { "abort" } else { "error" })
    }
}

/// How often each seam is passed in each phase.
fn passages(trail: &Trail) -> BTreeMap<&'static str, [usize; 2]> {
    let all: Vec<String> = ALL.iter().map(|seam| format!("{seam}=return(tell)")).collect();
    let mut passed: BTreeMap<&'static str, [usize; 2]> = BTreeMap::new();
    for phase in 0..2 {
        if phase == 1 {
            trail.run(&["account", "resume", BCC]);
        }
        let ended = run(trail, &all.join(";"));
        assert_eq!(ended.code, Some(0), "{ended:?}");
        for seam in ALL {
            let told = format!("seam=\"{seam}\"");
            passed.entry(seam).or_default()[phase] = ended.err.lines().filter(|line| line.contains(&told)).count();
        }
    }
    passed
}

/// A death and an error at every seam, in the phase that passes it more: one at the first passage, the other at the last.
fn faults(passed: &BTreeMap<&'static str, [usize; 2]>) -> Vec<Fault> {
    let mut faults = Vec::new();
    for (number, (seam, [first, second])) in passed.iter().enumerate() {
        let (phase, hits) = if first > second { (0, *first) } else { (1, *second) };
        let dies_first = number.is_multiple_of(2);
        faults.push(Fault { seam, phase, hit: 0, dies: dies_first });
        faults.push(Fault { seam, phase, hit: hits.saturating_sub(1), dies: !dies_first });
    }
    faults
}

/// What is on the disk and no longer referred to is swept later; what is referred to must be there.
fn blobs_are_there(trail: &Trail) {
    for activity in trail.json(&["activity", "list", "--json"]) {
        for attachment in activity["attachments"].as_array().unwrap() {
            if let Some(name) = attachment["sha256"].as_str().filter(|_| attachment["stored"] == true) {
                assert!(trail.blob(name).is_some(), "{name} is not there");
            }
        }
    }
}

async fn the_same_with_and_without(engine: Engine, chosen: impl Fn(&Fault) -> bool) {
    let world = story(engine).await;
    let undisturbed = world.trail.twin();
    live_through(&undisturbed, None);
    let expected = dump(&database_url(&undisturbed)).await;
    let passed = passages(&world.trail.twin());
    for seam in ALL {
        assert!(passed[seam].iter().sum::<usize>() > 0, "the story does not pass {seam}");
    }
    for fault in faults(&passed).into_iter().filter(chosen) {
        let twin = world.trail.twin();
        live_through(&twin, Some(&fault));
        let found = dump(&database_url(&twin)).await;
        assert!(found == expected, "{fault:?}\n{:#?}", difference(&found, &expected));
        blobs_are_there(&twin);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_death_or_an_error_at_any_seam_changes_nothing_in_the_end() {
    the_same_with_and_without(Engine::Sqlite, |_| true).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nor_does_it_where_postgresql_keeps_the_records() {
    if crate::support::postgres::Database::available() {
        let writes = ["commit", "token", "epoch", "late"];
        let chosen = |fault: &Fault| writes.iter().any(|part| fault.seam.starts_with(part));
        the_same_with_and_without(Engine::Postgres, chosen).await;
    }
}

/// A seam that is not in the list would not be visited, and one that is in no code would be a promise.
#[test]
fn every_seam_of_the_code_is_in_the_list() {
    fn collect(folder: &Path, found: &mut Vec<String>) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                collect(&path, found);
            } else if path.extension().is_some_and(|kind| kind == "rs") {
                let text = std::fs::read_to_string(&path).unwrap();
                found.extend(text.split("seam(\"").skip(1).filter_map(|rest| Some(rest.split_once('"')?.0.to_owned())));
            }
        }
    }
    let mut found = Vec::new();
    collect(Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/src")), &mut found);
    found.sort();
    let mut listed = ALL.map(str::to_owned).to_vec();
    listed.sort();
    assert_eq!(found, listed);
}
