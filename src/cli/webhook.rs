//! `webhook`: URLs of other programs that are told what happens.

use bytes::Bytes;
use entity::webhook;
use secrecy::ExposeSecret;
use serde_json::json;

use super::args::{WebhookAdd, WebhookCommand, WebhookName};
use super::installation::Installation;
use super::output::{Output, say};
use super::{Answer, Usage};
use crate::config::Secret;
use crate::events::sender::{Answer as Received, Sender, Target, checked};
use crate::events::signature::SigningSecret;
use crate::events::{Kind, body};
use crate::oauth::vault::Place;
use crate::store::webhooks::{self, NewWebhook};

pub(super) async fn webhook(installation: &Installation, command: WebhookCommand) -> anyhow::Result<Answer> {
    let store = &installation.store;
    match command {
        WebhookCommand::Add(new) => add(installation, new).await?,
        WebhookCommand::List(list) => show(installation, list.json).await?,
        WebhookCommand::Enable(name) => {
            let row = named(installation, &name).await?;
            if row.secret.is_empty() {
                anyhow::bail!("its secret is lost: `mailtrail webhook remove {0}`, and add it again", row.id);
            }
            webhooks::enable(store, row.id).await?;
            say(format_args!("{} is enabled, and gets what it missed.", row.id))?;
        }
        WebhookCommand::Disable(name) => {
            let row = named(installation, &name).await?;
            webhooks::disable(store, row.id, "disabled by an operator").await?;
            let days = installation.config.events.keep_days;
            say(format_args!("{} is disabled. What happens waits for {days} days.", row.id))?;
        }
        WebhookCommand::Remove(name) => {
            let row = named(installation, &name).await?;
            webhooks::remove(store, row.id).await?;
            say(format_args!("{} is removed.", row.id))?;
        }
        WebhookCommand::Test(name) => return test(installation, &name).await,
    }
    Ok(Answer::Yes)
}

async fn named(installation: &Installation, name: &WebhookName) -> anyhow::Result<webhook::Model> {
    let workspace = installation.workspace().await?.id;
    Ok(webhooks::named(&installation.store, workspace, &name.name).await?)
}

async fn add(installation: &Installation, new: WebhookAdd) -> anyhow::Result<()> {
    let url = checked(&new.url).map_err(|why| Usage(format!("the URL cannot be used: {why}")))?;
    let kinds = new.events.iter().map(|word| {
        let all = Kind::ALL.map(Kind::as_str).join(", ");
        Kind::named(word.trim()).ok_or_else(|| Usage(format!("there is no event \"{word}\"; there are {all}")))
    });
    let kinds = kinds.collect::<Result<Vec<_>, _>>()?;
    let secret = match &new.secret_file {
        None => SigningSecret::generate()?,
        Some(file) => {
            let text = Secret::read(file).map_err(|error| Usage(format!("cannot read {}: {error}", file.display())))?;
            let shape = "the secret file must hold whsec_ and base64 of 24 to 64 octets";
            SigningSecret::parse(text.expose().trim()).ok_or_else(|| Usage(shape.to_owned()))?
        }
    };
    installation.check_key_file().await?;
    let (id, workspace) = (installation.clock.id(), installation.workspace().await?.id);
    let sealed = installation.vault()?.seal(Place::of_webhook(id), secret.octets())?;
    let row = NewWebhook { id, workspace, url: url.to_string(), kinds, secret: sealed };
    webhooks::add(&installation.store, row, &installation.clock).await?;
    say(format_args!("{id} gets what happens from now on, while `mailtrail run` runs."))?;
    if new.secret_file.is_none() {
        say("Its signing secret, which is not shown again:")?;
        say(secret.shown().expose_secret())?;
    }
    Ok(())
}

async fn show(installation: &Installation, json: bool) -> anyhow::Result<()> {
    let mut output = Output::new(json);
    for (row, waiting) in webhooks::list(&installation.store, installation.workspace().await?.id).await? {
        let kinds = webhooks::kinds(&row);
        let record = json!({
            "id": row.id, "url": row.url, "events": kinds, "state": row.state, "reason": row.reason,
            "waiting": waiting, "failing_since": row.failing_since, "next_try": row.next_try,
            "last_success": row.last_success, "created_at": row.created_at,
        });
        output.record(&record, |_| {
            let why = row.reason.as_ref().map(|why| format!(": {why}")).unwrap_or_default();
            let which = kinds.map_or_else(|| "all events".to_owned(), |kinds| kinds.join(", "));
            let failing = row.failing_since.map(|at| format!(", failing since {}", at.format("%Y-%m-%d %H:%M")));
            let failing = failing.unwrap_or_default();
            format!("{}  {}\n    {}{why}, {waiting} waiting{failing}, {which}", row.id, row.url, row.state)
        })?;
    }
    output.finish_list("There is no webhook. `mailtrail webhook add URL` adds one.")
}

/// One event, sent at once, whatever state the webhook is in.
async fn test(installation: &Installation, name: &WebhookName) -> anyhow::Result<Answer> {
    let row = named(installation, name).await?;
    let target = Target::of(&installation.vault()?, &row)?;
    let sender = Sender::new(&installation.config, installation.clock.clone())?;
    let (id, now) = (installation.clock.id(), installation.clock.now());
    let body = body::of_test(&row, &installation.workspace().await?.name, id, now);
    let answer = sender.send(&target, id, Bytes::from(body.to_string())).await;
    say(format_args!("{id} sent: {answer}"))?;
    Ok(if matches!(answer, Received::Taken(_)) { Answer::Yes } else { Answer::No })
}
