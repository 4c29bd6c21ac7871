//! Leases in the database, and the fence: who was taken for dead writes nothing.

use std::time::Duration;

use mailtrail::clock::Clock;
use mailtrail::config::Config;
use mailtrail::decide::{Code, Trace};
use mailtrail::store::commit::late::Arrived;
use mailtrail::store::commit::{Batch, CommitPolicy, Entry, Outcome, WaitingKey};
use mailtrail::store::leases::{Fence, Held, Lease};
use mailtrail::store::listen::Heard;
use mailtrail::store::{Options, Store, StoreError};
use sea_orm::EntityTrait as _;
use uuid::Uuid;

use crate::support::faults::database_url;
use crate::support::postgres::Database;
use crate::support::world::{World, engines, mail};

/// A lease that lasts as long as the test.
const LONG: f64 = 600.0;

struct Place {
    database: Database,
    store: Store,
    clock: Clock,
}

impl Place {
    async fn new() -> Option<Self> {
        if !Database::available() {
            return None;
        }
        let database = Database::create();
        let store =
            Store::open(&database.url, &Options { connections: 4, wait: Duration::from_secs(3) }).await.unwrap();
        store.migrate().await.unwrap();
        Some(Self { database, store, clock: Clock::system() })
    }

    /// Accounts of a kind and in a state.
    fn accounts(&self, count: usize, kind: &str, state: &str) -> Vec<Uuid> {
        let ids: Vec<Uuid> = (0..count).map(|_| self.clock.id()).collect();
        for id in &ids {
            self.database.query(&format!(
                "insert into account (id, address, address_folded, kind, provider, host, port, auth, security, state, \
                 declared, withdrawn, created_at, failures) values ('{id}', '{id}@ours.example', '{id}@ours.example', \
                 '{kind}', 'imap', 'localhost', 993, 'password', 'tls', '{state}', false, false, now(), 0)"
            ));
        }
        ids
    }

    async fn worker(&self) -> Uuid {
        let id = self.clock.id();
        self.store.enter(id, "here:1", LONG).await.unwrap();
        id
    }

    /// The worker has not been heard of for long.
    fn expire(&self, worker: Uuid) {
        self.database
            .query(&format!("update worker set expires_at = now() - interval '1 second' where id = '{worker}'"));
    }

    async fn leases(&self, worker: Uuid) -> Vec<Lease> {
        self.store.leases_of(worker).await.unwrap().into_iter().map(|held| held.lease).collect()
    }
}

fn policy() -> CommitPolicy {
    let patience = Config::default().attachments.patience();
    CommitPolicy {
        deals: 5,
        contact_owner: false,
        create_companies: false,
        patience,
        waiting: WaitingKey::new([7; 32]),
    }
}

fn batch(lease: Lease, mailbox: &entity::mailbox::Model, uid: u32, replaces: bool) -> Batch {
    let entry = Entry { uid, outcome: Outcome::Skip(Code::BeforeStart), trace: Trace::default(), message_hash: None };
    let from = u32::try_from(mailbox.cursor).unwrap();
    Batch {
        account: lease.account,
        mailbox: mailbox.id,
        uid_validity: u32::try_from(mailbox.uid_validity).unwrap(),
        from,
        to: if replaces { from } else { uid },
        entries: vec![entry],
        replaces,
        fence: Fence::Lease(lease),
    }
}

#[tokio::test]
async fn whoever_was_taken_for_dead_writes_nothing() {
    let Some(place) = Place::new().await else { return };
    let Place { store, clock, database } = &place;
    place.accounts(1, "bcc", "active");
    let (slow, quick) = (place.worker().await, place.worker().await);
    assert_eq!(store.claim(slow, 9).await.unwrap(), 1);
    let old = place.leases(slow).await[0];
    let mailbox = store.mailbox(old.account, "INBOX", "INBOX", "inbox", clock).await.unwrap();
    store.adopt(&mailbox, 5, 1, Fence::Lease(old)).await.unwrap();
    let mailbox = store.mailbox_again(&mailbox).await.unwrap();
    store.commit(batch(old, &mailbox, 1, false), policy(), clock).await.unwrap();
    let mailbox = store.mailbox_again(&mailbox).await.unwrap();

    place.expire(slow);
    assert_eq!(store.bury().await.unwrap(), 1);
    assert!(!store.renew(slow, LONG).await.unwrap());
    assert_eq!(store.claim(quick, 9).await.unwrap(), 1);
    let new = place.leases(quick).await[0];
    assert_eq!((new.account, new.epoch), (old.account, old.epoch + 1));

    let before = database.query("select * from mailbox; select * from ledger");
    let old = Fence::Lease(old);
    let lost = Err(StoreError::LeaseLost);
    let commit =
        |replaces, uid| store.commit(Batch { fence: old, ..batch(new, &mailbox, uid, replaces) }, policy(), clock);
    assert_eq!(commit(false, 2).await, Err(StoreError::LeaseLost));
    assert_eq!(commit(true, 1).await, Err(StoreError::LeaseLost));
    assert_eq!(store.adopt(&mailbox, 6, 1, old).await, lost);
    assert_eq!(store.regress(&mailbox, 1, old).await, lost);
    assert_eq!(store.polled(mailbox.id, Some(9), old, clock).await, lost);
    let arrived = Arrived { attachments: Vec::new(), notice: None };
    assert_eq!(store.attachments_came(clock.id(), arrived, old, clock).await, Err(StoreError::LeaseLost));
    assert_eq!(database.query("select * from mailbox; select * from ledger"), before);
    store.commit(batch(new, &mailbox, 2, false), policy(), clock).await.unwrap();
}

#[tokio::test]
async fn a_take_over_waits_for_what_is_being_written() {
    let Some(place) = Place::new().await else { return };
    let store = &place.store;
    place.accounts(2, "bcc", "active");
    let (slow, quick) = (place.worker().await, place.worker().await);
    store.claim(slow, 9).await.unwrap();
    let writing = store.begin_fenced(Fence::Lease(place.leases(slow).await[0])).await.unwrap();
    place.expire(slow);
    assert_eq!(store.bury().await.unwrap(), 1, "the other account is free, this one is not");
    assert_eq!(store.claim(quick, 9).await.unwrap(), 1);
    assert!(store.workers().await.unwrap().expired, "the dead worker's row stays as long as it has a lease");
    writing.commit().await.unwrap();
    assert_eq!(store.bury().await.unwrap(), 1);
    assert_eq!(store.claim(quick, 9).await.unwrap(), 1);
    assert!(!store.workers().await.unwrap().expired);
}

#[tokio::test]
async fn a_process_that_is_stopped_within_a_transaction_does_not_keep_the_others_out() {
    let Some(place) = Place::new().await else { return };
    let store = &place.store;
    place.accounts(1, "bcc", "active");
    let (slow, quick) = (place.worker().await, place.worker().await);
    store.claim(slow, 9).await.unwrap();
    let hung = store.begin_fenced(Fence::Lease(place.leases(slow).await[0])).await.unwrap();
    place.expire(slow);
    let began = std::time::Instant::now();
    while store.bury().await.unwrap() == 0 {
        assert!(began.elapsed() < Duration::from_secs(30), "the server keeps the lock");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(store.claim(quick, 9).await.unwrap(), 1);
    assert!(hung.commit().await.is_err());
}

#[tokio::test]
async fn many_who_claim_at_once_get_every_account_once() {
    let Some(place) = Place::new().await else { return };
    let ids = place.accounts(60, "bcc", "active");
    let mut claims = Vec::new();
    for _ in 0..4 {
        let (store, worker) = (place.store.clone(), place.worker().await);
        claims.push(tokio::spawn(async move {
            let mut taken = 0;
            while taken < 15 {
                taken += store.claim(worker, 15 - taken).await.unwrap();
            }
            store.leases_of(worker).await.unwrap()
        }));
    }
    let mut held: Vec<Uuid> = Vec::new();
    for claim in claims {
        held.extend(claim.await.unwrap().into_iter().map(|held: Held| held.lease.account));
    }
    held.sort();
    assert_eq!(held, ids);
    assert_eq!(place.database.query("select distinct epoch from lease").trim(), "1");
    let counted = place.store.workers().await.unwrap();
    assert_eq!(counted.alive.iter().map(|(_, held)| *held).collect::<Vec<_>>(), [15; 4]);
}

#[tokio::test]
async fn only_accounts_that_are_to_be_read_are_taken_and_the_trigger_agrees_with_the_store() {
    let Some(place) = Place::new().await else { return };
    let store = &place.store;
    for kind in ["bcc", "forwarding", "personal", "team"] {
        for state in ["active", "paused", "needs-reauth", "needs-admin-consent", "broken", "removed"] {
            place.accounts(1, kind, state);
        }
    }
    let mut watched: Vec<Uuid> = store.watched().await.unwrap().into_iter().map(|account| account.id).collect();
    watched.sort();
    let wanted = place.database.query("select account_id from lease where wanted order by 1");
    let wanted: Vec<Uuid> = wanted.lines().map(|id| id.parse().unwrap()).collect();
    assert_eq!(wanted, watched);
    assert_eq!(store.mend_leases().await.unwrap(), 0, "mending has nothing to do");
    let worker = place.worker().await;
    assert_eq!(store.claim(worker, 99).await.unwrap(), watched.len());

    // Who holds an account learns that it is not to be read any more, and who wants one that it is.
    place.database.query(&format!("update account set state = 'paused' where id = '{}'", watched[0]));
    let told = |held: &Held| !held.wanted;
    let paused: Vec<Held> = store.leases_of(worker).await.unwrap().into_iter().filter(told).collect();
    assert_eq!(paused.iter().map(|held| held.lease.account).collect::<Vec<_>>(), [watched[0]]);
    store.release(worker, &[watched[0]]).await.unwrap();
    assert_eq!(store.free(9).await.unwrap(), 0);
    place.database.query(&format!("update account set state = 'active' where id = '{}'", watched[0]));
    assert_eq!(store.free(9).await.unwrap(), 1);
    store.leave(worker).await.unwrap();
    assert_eq!(store.free(99).await.unwrap(), watched.len());

    place.database.query("delete from lease where wanted; update lease set wanted = true");
    assert_eq!(store.mend_leases().await.unwrap(), 24);
    assert_eq!(store.free(99).await.unwrap(), watched.len());
}

#[tokio::test]
async fn an_account_that_is_changed_and_a_lease_that_becomes_free_are_told() {
    let Some(place) = Place::new().await else { return };
    let mut listener = place.store.listen().await.unwrap().expect("a direct connection");
    let account = place.accounts(1, "bcc", "active")[0];
    assert_eq!(listener.next().await.unwrap(), Heard::Account(account));
    let worker = place.worker().await;
    place.store.claim(worker, 1).await.unwrap();
    // What a sync notes is no change.
    place.database.query("update account set last_success = now(), state = 'active', failures = 3");
    place.store.release(worker, &[account]).await.unwrap();
    assert_eq!(listener.next().await.unwrap(), Heard::Free);
    place.database.query("update account set connected_at = now()");
    assert_eq!(listener.next().await.unwrap(), Heard::Account(account));
    place.database.query(
        "select pg_terminate_backend(pid) from pg_stat_activity where query ilike 'listen%' and pid <> pg_backend_pid()",
    );
    assert_eq!(listener.next().await.unwrap(), Heard::Gap);
    place.database.query("update account set connected_at = now()");
    assert_eq!(listener.next().await.unwrap(), Heard::Account(account));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_look_that_comes_late_takes_nothing_off_the_timeline() {
    for engine in engines() {
        let world = World::plain(engine).await;
        world.deliver(mail("1@ours.example", "carla@customer.example", ""));
        world.sync();
        let store = Store::open(&database_url(&world.trail), &Options::default()).await.unwrap();
        let mailbox = entity::mailbox::Entity::find().one(&store.db).await.unwrap().unwrap();
        let lease = Lease { account: mailbox.account_id, worker: Uuid::nil(), epoch: 0 };
        let late = Batch { fence: Fence::Open, ..batch(lease, &mailbox, 1, true) };
        assert_eq!(store.commit(late, policy(), &Clock::system()).await, Err(StoreError::CursorMoved));
        store.close().await.unwrap();
        assert_eq!(world.codes(), ["logged"]);
    }
}
