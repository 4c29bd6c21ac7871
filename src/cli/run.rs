//! `run`, `run --once` and `migrate`.

use super::Answer;
use super::installation::Installation;
use super::output::{complain, say};
use crate::store::grants;
use crate::worker::{once, service};

pub(super) async fn run(installation: &Installation, once: bool) -> anyhow::Result<Answer> {
    let _only = installation.store.lock_service()?;
    installation.reconcile().await?;
    let worker = installation.worker().await?;
    grants::begin_anew(&installation.store, installation.clock.now()).await?;
    if !once {
        service::run(&worker, installation.file.as_deref()).await?;
        return Ok(Answer::Yes);
    }
    let report = once::once(&worker).await?;
    for (account, result) in &report.accounts {
        match result {
            Ok(done) => say(format_args!(
                "{account}: {} logged, {} seen again, {} not logged, {} set aside",
                done.logged, done.duplicates, done.skipped, done.quarantined
            ))?,
            Err(trouble) => complain(format_args!("{account}: failed: {trouble}")),
        }
    }
    if report.stopped {
        complain("mailtrail: stopped; what is committed stays, and the next run goes on behind it");
        return Ok(Answer::Stopped);
    }
    if report.accounts.is_empty() {
        say("No account to read. Add one: mailtrail account add --kind bcc --provider google --address ADDRESS …")?;
    }
    Ok(if report.accounts.iter().all(|(_, result)| result.is_ok()) { Answer::Yes } else { Answer::No })
}

/// Opening the database has brought its tables up to date; what is left are the declared rows.
pub(super) async fn migrate(installation: &Installation) -> anyhow::Result<Answer> {
    installation.reconcile().await?;
    installation.workspace().await?;
    say("The database is up to date.")?;
    Ok(Answer::Yes)
}
