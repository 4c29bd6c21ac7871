use std::collections::BTreeMap;

use chrono::TimeDelta;

use super::*;
use crate::store::testing::{account, on_each_engine};
use crate::store::workspaces;

async fn webhook(store: &Store, clock: &Clock) -> webhook::Model {
    let workspace = workspaces::ensure_default(store, clock).await.unwrap().id;
    let url = format!("https://crm.example/{}", clock.id());
    let new = NewWebhook { id: clock.id(), workspace, url, kinds: Vec::new(), secret: vec![1] };
    add(store, new, clock).await.unwrap()
}

async fn happens(store: &Store, workspace: Uuid, account: Option<Uuid>, clock: &Clock) -> i64 {
    let row = events::row(workspace, account, &Event::ContactCreated { contact: clock.id() }, clock);
    outbox::Entity::insert(row).exec_without_returning(&store.db).await.unwrap();
    store.number_events().await.unwrap()
}

fn process(clock: &Clock, life: Duration) -> Claim {
    Claim { by: clock.id(), life }
}

fn at(cursor: i64, apart: &[(Uuid, i64)], joined: &[Uuid]) -> Changes {
    let lane = |delivered| Apart { delivered, failures: 1, since: None, next_try: None };
    Changes {
        cursor,
        standing: Standing::default(),
        apart: apart.iter().map(|(id, delivered)| (*id, lane(*delivered))).collect(),
        joined: joined.to_vec(),
    }
}

async fn kept(store: &Store, id: Uuid, claim: Claim, changes: Changes, then: Then) -> bool {
    keep(store, (id, claim), changes, (None, None), then, &Clock::system()).await.unwrap()
}

#[tokio::test]
async fn a_webhook_is_one_processs_until_it_lets_go_or_is_silent_for_too_long() {
    on_each_engine(async |store| {
        let clock = Clock::system();
        let id = webhook(store, &clock).await.id;
        let (long, brief) = (Duration::from_secs(600), Duration::ZERO);
        let (one, other, silent) = (process(&clock, long), process(&clock, long), process(&clock, brief));
        assert!(claim(store, id, one).await.unwrap().is_some());
        assert!(claim(store, id, other).await.unwrap().is_none());
        assert!(!kept(store, id, other, at(9, &[], &[]), Then::GoOn).await, "it is not its own");
        assert!(kept(store, id, one, at(1, &[], &[]), Then::Release).await);
        assert!(claim(store, id, silent).await.unwrap().is_some());
        tokio::time::sleep(Duration::from_millis(5)).await;
        let (row, _) = claim(store, id, other).await.unwrap().expect("its time is over");
        assert_eq!(row.cursor, 1);
        assert!(!kept(store, id, silent, at(9, &[], &[]), Then::GoOn).await, "who wakes up late has lost it");
        disable(store, id, "for a test").await.unwrap();
        assert!(!kept(store, id, other, at(9, &[], &[]), Then::GoOn).await, "nor does it undo what a person does");
        assert!(claim(store, id, one).await.unwrap().is_none());
    })
    .await;
}

#[tokio::test]
async fn lanes_are_kept_with_the_cursor_and_count_as_waiting() {
    on_each_engine(async |store| {
        let clock = Clock::system();
        let row = webhook(store, &clock).await;
        let (slow, other) = (account(store).await.id, account(store).await.id);
        for of in [Some(slow), Some(other), None, Some(slow)] {
            happens(store, row.workspace_id, of, &clock).await;
        }
        let waits = async || list(store, row.workspace_id).await.unwrap()[0].1;
        assert_eq!(waits().await, 4);
        let me = process(&clock, Duration::from_secs(600));
        claim(store, row.id, me).await.unwrap();
        assert!(kept(store, row.id, me, at(4, &[(slow, 0)], &[]), Then::GoOn).await);
        assert_eq!(waits().await, 2);
        assert!(kept(store, row.id, me, at(4, &[(slow, 1)], &[]), Then::GoOn).await);
        assert_eq!(waits().await, 1);
        let (_, apart) = claim(store, row.id, me).await.unwrap().unwrap();
        assert_eq!(BTreeMap::from_iter(apart)[&slow].delivered, 1);
        assert!(kept(store, row.id, me, at(4, &[], &[slow]), Then::GoOn).await);
        assert_eq!(waits().await, 0);
    })
    .await;
}

#[tokio::test]
async fn an_old_event_stays_while_a_webhook_at_work_waits_for_it() {
    on_each_engine(async |store| {
        let clock = Clock::system();
        let row = webhook(store, &clock).await;
        let slow = account(store).await.id;
        for of in [Some(slow), None, Some(slow)] {
            happens(store, row.workspace_id, of, &clock).await;
        }
        let later = clock.now() + TimeDelta::hours(1);
        let left = async || store.events(row.workspace_id, None).await.unwrap().len();
        assert_eq!(store.remove_events(later).await.unwrap(), 0);
        let me = process(&clock, Duration::from_secs(600));
        claim(store, row.id, me).await.unwrap();
        assert!(kept(store, row.id, me, at(3, &[(slow, 1)], &[]), Then::GoOn).await);
        assert_eq!((store.remove_events(later).await.unwrap(), left().await), (1, 2), "the lane is at 1");
        assert_eq!(store.remove_events(clock.now() - TimeDelta::hours(1)).await.unwrap(), 0, "they are young");
        disable(store, row.id, "for a test").await.unwrap();
        assert_eq!((store.remove_events(later).await.unwrap(), left().await), (2, 0));
    })
    .await;
}
