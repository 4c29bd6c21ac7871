//! Every way a mail server can fail, at every moment: after it, the next run completes, once each.

use std::time::Duration;

use provider::{Fault, Profile, When};

use crate::support::faults::{IMPATIENT, MEMORY_KIB, no_secret, nothing_lost, numbered, once, verdicts};
use crate::support::world::{BCC, Engine, World, engines, mail};

/// Failures that say something, and those that only stop.
fn refusals() -> Vec<Fault> {
    vec![
        Fault::No("something else".to_owned()),
        Fault::No("[SERVERBUG] Internal error occurred.".to_owned()),
        Fault::Bad("Command Argument Error. 11".to_owned()),
        Fault::Bye("System Error".to_owned()),
        Fault::Unavailable,
        Fault::SessionExpired,
        Fault::OverQuota,
        Fault::Throttled(Duration::from_millis(92_415)),
        Fault::Cut,
        Fault::Hang,
    ]
}

/// Answers that are broken in themselves.
fn broken() -> Vec<Fault> {
    vec![
        Fault::CutInLiteral,
        Fault::Line("Server Unavailable. 15".to_owned()),
        Fault::Line("\u{1}\u{2}\u{3} junk".to_owned()),
        Fault::Alert,
        Fault::HugeLiteral(4 << 30),
        Fault::HugeLiteral(400_000_000),
        Fault::DeepParentheses(100_000),
        Fault::EndlessLine,
        Fault::WrongLiteralLength(7),
        Fault::WrongLiteralLength(-7),
        Fault::MissingMessages(1),
        Fault::DuplicateMessages,
        Fault::NoBody,
    ]
}

async fn survives(engine: Engine, profile: Profile, moments: &[When], faults: &[Fault]) {
    let more = format!("[policy]\nsender_authentication = \"off\"\n{IMPATIENT}");
    let world = World::new(engine, profile, &more).await;
    let mut said = Vec::new();
    let mut delivered = 0;
    for moment in moments {
        for fault in faults {
            for _ in 0..2 {
                delivered += 1;
                world.deliver(mail(&format!("{delivered}@ours.example"), "carla@customer.example", ""));
            }
            world.provider.mail.inject(moment.clone(), fault.clone());
            let ended = once(&world.trail);
            assert!(matches!(ended.code, Some(0 | 1)), "{moment:?} {fault:?}: {ended:?}");
            assert!(ended.code == Some(0) || ended.err.contains(BCC), "{moment:?} {fault:?}: {ended:?}");
            assert!(ended.peak_kib < MEMORY_KIB, "{moment:?} {fault:?}: {ended:?}");
            world.provider.mail.clear_faults();
            let again = once(&world.trail);
            assert_eq!(again.code, Some(0), "{moment:?} {fault:?}: {again:?}");
            said.extend([ended, again]);
        }
    }
    assert_eq!(verdicts(&world.trail), numbered(&vec!["logged"; delivered]));
    assert_eq!(world.activities().len(), delivered);
    nothing_lost(&world);
    no_secret(&world.trail, &world.provider, &said.iter().collect::<Vec<_>>());
}

fn examine() -> When {
    When::verb("EXAMINE")
}

fn listing() -> When {
    When::verb("UID FETCH").containing("RFC822.SIZE")
}

fn body() -> When {
    When::verb("UID FETCH").containing("BODY.PEEK[]")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_at_any_command_costs_nothing_but_time() {
    survives(Engine::Sqlite, Profile::Plain, &[examine(), listing(), body()], &refusals()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broken_answer_at_any_command_costs_nothing_but_time() {
    survives(Engine::Sqlite, Profile::Plain, &[examine(), listing(), body()], &broken()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failure_before_the_login_costs_nothing_but_time() {
    let faults = [Fault::Bye("busy".to_owned()), Fault::Cut, Fault::Hang, Fault::EndlessLine, Fault::Unavailable];
    let moments = [When::verb("GREETING"), When::verb("AUTHENTICATE")];
    survives(Engine::Sqlite, Profile::Plain, &moments, &faults).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn google_and_microsoft_fail_in_their_own_words() {
    let faults = [
        Fault::Throttled(Duration::from_millis(201_317)),
        Fault::OverQuota,
        Fault::SessionExpired,
        Fault::Unavailable,
        Fault::Line("Server Unavailable. 15".to_owned()),
    ];
    for profile in [Profile::Gmail, Profile::Exchange] {
        survives(Engine::Sqlite, profile, &[examine(), body()], &faults).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failure_in_the_middle_of_mail_is_the_same_on_every_database() {
    for engine in engines().into_iter().filter(|engine| *engine != Engine::Sqlite) {
        let faults = [Fault::CutInLiteral, Fault::HugeLiteral(4 << 30), Fault::Unavailable, Fault::NoBody];
        survives(engine, Profile::Plain, &[body()], &faults).await;
    }
}
