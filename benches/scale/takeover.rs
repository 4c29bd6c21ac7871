//! A service dies, and another one has its accounts.

use std::time::Duration;

use super::office::{Office, Watching};
use super::support::postgres::Database;
use super::told;

/// Life of a lease.
const LIFE: Duration = Duration::from_secs(6);
const LIVES: f64 = 2.0;

pub async fn measure(accounts: usize) -> bool {
    if !Database::available() {
        return false;
    }
    let settings = format!("worker.connects_per_second = 200\nworker.lease_seconds = {}\n", LIFE.as_secs());
    let office = Office::new(accounts, Watching::BccMailboxes, true, &settings).await;
    let dies = office.serve();
    let mut lives = office.serve();
    lives.until("both to work", async || sessions(&office) >= accounts && holders(&office).await.len() == 2).await;
    lives.until("even shares", async || holders(&office).await.iter().all(|held| *held >= accounts / 2)).await;
    dies.kill();
    let taken = lives.until("the other's accounts", async || holders(&office).await == [accounts]).await;
    told(
        &format!(
            "{accounts} accounts on two workers: after SIGKILL of one the other had all of them in {:.2} s, {:.2} lives of a \
             lease (target {LIVES})",
            taken.as_secs_f64(),
            taken.as_secs_f64() / LIFE.as_secs_f64()
        ),
        taken.as_secs_f64() <= LIVES * LIFE.as_secs_f64(),
    )
}

fn sessions(office: &Office) -> usize {
    office.mail.commands().iter().filter(|one| one.verb == "IDLE").count()
}

/// How many accounts each worker holds.
async fn holders(office: &Office) -> Vec<usize> {
    use sea_orm::EntityTrait;
    let leases = entity::lease::Entity::find().all(&office.store.db).await.expect("the database answers");
    let mut counts = std::collections::HashMap::new();
    for lease in leases {
        if let Some(worker) = lease.worker_id {
            *counts.entry(worker).or_insert(0) += 1;
        }
    }
    counts.into_values().collect()
}
