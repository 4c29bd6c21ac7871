//! `events`: what happened, and what happens.

use std::os::fd::AsFd;
use std::time::Duration;

use entity::outbox;
use serde_json::{Value, json};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;
use uuid::Uuid;

use super::args::{Events, EventsCommand, Listing};
use super::installation::Installation;
use super::output::{Output, complain};
use super::{Answer, Usage};
use crate::events::body::{self, Told, contact_of};
use crate::store::StoreError;
use crate::store::outbox::Window;

/// Between two looks for what other processes have committed.
const LOOK_EVERY: Duration = Duration::from_millis(250);

/// Events read at once while following.
const PAGE: u64 = 500;

pub(super) async fn events(installation: &Installation, events: Events) -> anyhow::Result<Answer> {
    let Events { command, listing } = events;
    let listing = command.map_or(listing, |EventsCommand::List(listing)| listing);
    let workspace = installation.workspace().await?.id;
    if listing.follow {
        follow(installation, workspace, &listing).await
    } else {
        list(installation, workspace, &listing).await
    }
}

async fn list(installation: &Installation, workspace: Uuid, listing: &Listing) -> anyhow::Result<Answer> {
    let mut output = Output::new(listing.json);
    let mut after = listing.since;
    loop {
        let page = installation.store.events(workspace, after).await?;
        let Some(last) = page.last() else { break };
        after = Some(last.id);
        print(&page, &installation.store.told(&page).await?, &mut output)?;
    }
    output.finish_list("Nothing has happened yet.")?;
    Ok(Answer::Yes)
}

/// Prints events in the order of their numbers, so that none is missed, until Ctrl-C or until nobody reads any more.
async fn follow(installation: &Installation, workspace: Uuid, listing: &Listing) -> anyhow::Result<Answer> {
    let store = &installation.store;
    let last = store.number_events().await?;
    let mut after = match listing.since {
        None => last,
        Some(event) => store.number_of(workspace, event).await?.ok_or_else(|| {
            Usage(format!("there is no event {event} in this workspace; `mailtrail events list --json` shows the ids"))
        })?,
    };
    let mut output = Output::new(listing.json);
    let mut interrupted = std::pin::pin!(tokio::signal::ctrl_c());
    let mut unread = std::pin::pin!(unread());
    loop {
        match news(installation, workspace, after).await {
            Ok((page, told)) if page.is_empty() => drop(told),
            Ok((page, told)) => {
                print(&page, &told, &mut output)?;
                output.flush()?;
                after = page.last().and_then(|event| event.seq).unwrap_or(after);
                continue;
            }
            Err(error) if error.is_retryable() => complain(format_args!("mailtrail: {error}; looking again")),
            Err(error) => return Err(error.into()),
        }
        tokio::select! {
            _ = &mut interrupted => return Ok(Answer::Stopped),
            () = &mut unread => return Ok(Answer::Yes),
            () = tokio::time::sleep(LOOK_EVERY) => {}
        }
    }
}

async fn news(
    installation: &Installation,
    workspace: Uuid,
    after: i64,
) -> Result<(Vec<outbox::Model>, Told), StoreError> {
    let store = &installation.store;
    let to = store.number_events().await?;
    let page = store.numbered_events(workspace, &Window { after, to, limit: PAGE, ..Window::default() }).await?;
    let told = if page.is_empty() { Told::default() } else { store.told(&page).await? };
    Ok((page, told))
}

/// Ends when whoever reads standard output goes away, which a program that writes nothing would not notice. Files have
/// no such end.
async fn unread() {
    if let Ok(output) = std::io::stdout().as_fd().try_clone_to_owned() {
        #[expect(deprecated, reason = "unsound for a descriptor that somebody else closes: this one is ours alone")]
        let watched = AsyncFd::with_interest(output, Interest::ERROR);
        if let Ok(watched) = watched
            && watched.ready(Interest::ERROR).await.is_ok()
        {
            return;
        }
    }
    std::future::pending::<()>().await;
}

fn print(page: &[outbox::Model], told: &Told, output: &mut Output) -> anyhow::Result<()> {
    for row in page {
        let account = row.account_id.and_then(|id| told.accounts.get(&id));
        let contact = contact_of(row).and_then(|id| told.contacts.get(&id)).and_then(|one| one.address.as_ref());
        let data = body::data(row, told);
        let about = about(row, &data).or_else(|| contact.cloned()).unwrap_or_default();
        let record = json!({
            "id": row.id, "type": row.kind, "at": row.at, "activity": row.activity_id, "account": account,
            "contact": contact, "data": data,
        });
        output.record(&record, |_| format!("{}  {}  {about}", row.at.format("%Y-%m-%d %H:%M:%S"), row.kind))?;
    }
    Ok(())
}

/// What a line says of an event.
fn about(row: &outbox::Model, data: &Value) -> Option<String> {
    let text = |name: &str| data.get(name).and_then(Value::as_str);
    match (row.activity_id, text("to"), text("reason")) {
        (Some(activity), ..) => Some(activity.to_string()),
        (None, Some(to), Some(reason)) => Some(format!("{} → {to}: {reason}", text("from").unwrap_or_default())),
        (None, Some(to), None) => Some(format!("{} → {to}", text("from").unwrap_or_default())),
        (None, None, reason) => reason.map(str::to_owned),
    }
}
