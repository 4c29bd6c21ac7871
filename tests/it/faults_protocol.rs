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

async fn survives(engine: Engine, profile: Profile, moments: &[Moment], faults: &[Fault]) {
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
            world.provider.mail.inject(moment.when(), fault.clone());
            let ended = once(&world.trail);
            let code = i32::from(!moment.is_overcome(profile, fault));
            assert_eq!(ended.code, Some(code), "{moment:?} {fault:?}: {ended:?}");
            assert!(code == 0 || ended.err.contains(BCC), "{moment:?} {fault:?}: {ended:?}");
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

/// Where a fault strikes.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Moment {
    Greeting,
    Login,
    Examine,
    Listing,
    Body,
}

impl Moment {
    fn when(self) -> When {
        match self {
            Self::Greeting => When::verb("GREETING"),
            Self::Login => When::verb("AUTHENTICATE"),
            Self::Examine => When::verb("EXAMINE"),
            Self::Listing => When::verb("UID FETCH").containing("RFC822.SIZE"),
            Self::Body => When::verb("UID FETCH").containing("BODY.PEEK[]"),
        }
    }

    /// Whether `run --once` gets past a fault that strikes once; otherwise the account has to wait for the next run.
    fn is_overcome(self, profile: Profile, fault: &Fault) -> bool {
        match fault {
            // Gmail throttles with a word behind the answer, the others instead of one.
            Fault::Throttled(_) => profile == Profile::Gmail,
            // Who is asked to come back later does not come back at once.
            Fault::Unavailable | Fault::OverQuota => false,
            // A session that broke is made anew; one that never began may never begin.
            Fault::Bye(_) | Fault::SessionExpired | Fault::Cut | Fault::CutInLiteral | Fault::Hang => {
                !matches!(self, Self::Greeting | Self::Login)
            }
            // A message that is refused is asked for once more, alone; any other command is meant as it is answered.
            Fault::No(_) | Fault::Bad(_) => self == Self::Body,
            // What cannot be read may be one message's fault as soon as messages are spoken of.
            Fault::Line(_) | Fault::HugeLiteral(_) | Fault::DeepParentheses(_) | Fault::EndlessLine => {
                matches!(self, Self::Listing | Self::Body)
            }
            // These bend answers about messages only, and leave the session whole or break it.
            _ => true,
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_at_any_command_costs_nothing_but_time() {
    survives(Engine::Sqlite, Profile::Plain, &[Moment::Examine, Moment::Listing, Moment::Body], &refusals()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broken_answer_at_any_command_costs_nothing_but_time() {
    survives(Engine::Sqlite, Profile::Plain, &[Moment::Examine, Moment::Listing, Moment::Body], &broken()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failure_before_the_login_costs_nothing_but_time() {
    let faults = [Fault::Bye("busy".to_owned()), Fault::Cut, Fault::Hang, Fault::EndlessLine, Fault::Unavailable];
    let moments = [Moment::Greeting, Moment::Login];
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
        survives(Engine::Sqlite, profile, &[Moment::Examine, Moment::Body], &faults).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failure_in_the_middle_of_mail_is_the_same_on_every_database() {
    for engine in engines().into_iter().filter(|engine| *engine != Engine::Sqlite) {
        let faults = [Fault::CutInLiteral, Fault::HugeLiteral(4 << 30), Fault::Unavailable, Fault::NoBody];
        survives(engine, Profile::Plain, &[Moment::Body], &faults).await;
    }
}
