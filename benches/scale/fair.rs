//! Accounts with backlogs share what there is.

use std::collections::HashMap;

use sea_orm::{EntityTrait, QuerySelect};

use super::office::{Office, Watching};
use super::support::mail::{Cast, samples};
use super::told;

/// Messages in each mailbox.
const BACKLOG: u64 = 400;
/// Accounts that may be busy at once: fewer than there are.
const AT_ONCE: usize = 4;
/// No account waits more than this many times its share.
const SHARES: f64 = 2.0;

pub async fn measure(accounts: usize) -> bool {
    // A turn is four FETCHes: a backlog is ten turns, as one of 4,000 messages would be by default.
    let settings = format!(
        "worker.connects_per_second = 1000\nworker.concurrent_accounts = {AT_ONCE}\nworker.batch_messages = 10\n"
    );
    let office = Office::new(accounts, Watching::BccMailboxes, false, &settings).await;
    for number in 0..accounts {
        let address = Office::address(number);
        let cast = Cast { log_address: address.clone(), ..Cast::default() };
        for sample in samples(&cast, number as u64, BACKLOG) {
            office.mail.deliver(&address, "INBOX", &sample.raw);
        }
    }
    let all = accounts as u64 * BACKLOG;
    let mut service = office.serve();
    let (mut looks, mut worst) = (0, 0.0_f64);
    service
        .until("all mail", async || {
            let read = read(&office).await;
            let sum: u64 = read.values().sum();
            // At the beginning and at the end a single batch decides.
            if sum * 10 > all * 2 && sum * 10 < all * 9 {
                let share = sum as f64 / accounts as f64;
                let slowest = if read.len() < accounts { 0 } else { read.values().min().copied().unwrap_or(0) };
                (looks, worst) = (looks + 1, worst.max(share / (slowest.max(1)) as f64));
            }
            sum == all
        })
        .await;
    let line = format!(
        "{accounts} accounts with {BACKLOG} messages each, {AT_ONCE} at once: in {looks} looks between a fifth and nine tenths \
         of the work the slowest was at worst {worst:.2} times behind its share (target {SHARES})"
    );
    told(&line, looks > 0 && worst <= SHARES)
}

/// Messages that every account's cursor has passed.
async fn read(office: &Office) -> HashMap<uuid::Uuid, u64> {
    let rows: Vec<(uuid::Uuid, i64)> = entity::mailbox::Entity::find()
        .select_only()
        .column(entity::mailbox::Column::AccountId)
        .column(entity::mailbox::Column::Cursor)
        .into_tuple()
        .all(&office.store.db)
        .await
        .expect("the database answers");
    rows.into_iter().map(|(account, cursor)| (account, u64::try_from(cursor).unwrap_or(0))).collect()
}
