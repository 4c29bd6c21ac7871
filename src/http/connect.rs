//! Connecting an account by a link.

use std::sync::Arc;

use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, header};
use axum::response::{AppendHeaders, IntoResponse, Redirect, Response};
use chrono::TimeDelta;
use entity::{account, consent};
use secrecy::ExposeSecret;
use sha2::{Digest, Sha256};
use url::Url;
use uuid::Uuid;

use super::link;
use super::pages::{Page, Way};
use crate::oauth::consent::{Answer, Attempt, Refused, Secrets, Wanted};
use crate::oauth::provider;
use crate::oauth::vault::Place;
use crate::store::{StoreError, consents};
use crate::trouble::Trouble;
use crate::worker::Worker;

/// Where providers send browsers back to.
pub const CALLBACK: &str = "/oauth/callback";

/// What ties an answer to the browser that began (RFC 9700 section 4.7).
const COOKIE: &str = "mailtrail_connect";

/// Seconds for which the cookie is kept: longer than codes live.
const COOKIE_SECONDS: u32 = 1_800;

const SECRETS: &str = "consent";

type Shared = State<Arc<Worker>>;

/// A new link for an account, in place of earlier ones.
pub async fn new_link(worker: &Worker, account: &account::Model, signs_in_as: Option<&str>) -> Result<Url, Trouble> {
    let (id, now) = (worker.clock.id(), worker.clock.now());
    let url = worker.config.http.url(&format!("/connect/{}", link::sign(&worker.hash_key, id)));
    let url = url.ok_or_else(|| Trouble::operator("the service serves no pages: set http.listen"))?;
    let row = consent::Model {
        id,
        account_id: account.id,
        signs_in_as: signs_in_as.map(str::to_owned),
        created_at: now,
        expires_at: now + TimeDelta::hours(worker.config.http.link_hours.into()),
        used_at: None,
        state_mark: None,
        browser_mark: None,
        secrets: None,
    };
    consents::create(&worker.store, row).await.map_err(Trouble::from)?;
    Ok(url)
}

/// The page behind a link.
pub(super) async fn ask(State(worker): Shared, Path(text): Path<String>) -> Page {
    match open(&worker, &text).await {
        Ok((link, account)) => match attempt(&worker, &link, &account, false) {
            Ok((wanted, _)) => Page::ask(&account, &wanted.signs_in_as, provider::of(wanted.provider).name),
            Err(trouble) => told(&account, &Refused::Trouble(trouble)),
        },
        Err(page) => *page,
    }
}

/// The person goes on to the provider.
pub(super) async fn begin(State(worker): Shared, Path(text): Path<String>) -> Response {
    match open(&worker, &text).await {
        Ok((link, account)) => send_on(&worker, &link, &account, false).await,
        Err(page) => page.into_response(),
    }
}

/// The person comes back from the provider.
pub(super) async fn answer(State(worker): Shared, headers: HeaderMap, Query(answer): Query<Answer>) -> Response {
    if answer.admin_consent.as_deref().is_some_and(|said| said.eq_ignore_ascii_case("true")) && answer.error.is_none() {
        return Page::admin_consented().into_response();
    }
    let taken = match take(&worker, &headers, &answer).await {
        Ok(taken) => taken,
        Err(refused) => return Page::refused(&refused, Way::Link).into_response(),
    };
    let (link, account, wanted, secrets) = taken;
    match worker.tokens.consents().redeem(&wanted, secrets, answer).await {
        Ok(consented) => {
            let opened = match worker.connected(&account, &consented).await {
                Ok(opened) => opened,
                Err(trouble) => return told(&account, &Refused::Trouble(trouble)).into_response(),
            };
            if let Err(error) = consents::used(&worker.store, link.id, worker.clock.now()).await {
                tracing::warn!(account = %account.id, %error, "that a link was used could not be written");
            }
            Page::connected(&account, &opened).into_response()
        }
        // Asked once more, with the screen that brings what is missing.
        Err(Refused::NotLasting) if !has_insisted(&headers) => send_on(&worker, &link, &account, true).await,
        Err(refused) => {
            worker.not_connected(&account, &refused).await;
            told(&account, &refused).into_response()
        }
    }
}

pub(super) async fn nothing() -> Page {
    Page::nothing()
}

fn told(account: &account::Model, refused: &Refused) -> Page {
    tracing::warn!(account = %account.id, reason = reason(refused), "not connected");
    Page::refused(refused, Way::Link)
}

/// What the log may hold of it: no address and no link.
fn reason(refused: &Refused) -> String {
    match refused {
        Refused::WrongPerson { .. } => "somebody else signed in".to_owned(),
        Refused::Unverified { .. } => "the provider has not verified the address".to_owned(),
        Refused::Declined { error, .. } => format!("declined ({error})"),
        Refused::NeedsAdminConsent { .. } => "an administrator must consent".to_owned(),
        other => other.to_string(),
    }
}

/// The link of that text and its account.
async fn open(worker: &Worker, text: &str) -> Result<(consent::Model, account::Model), Box<Page>> {
    let no = |why: &str| Box::new(Page::no_link(why));
    let away = |error| Box::new(Page::refused(&Refused::Trouble(Trouble::from(error)), Way::Link));
    let id = link::verify(&worker.hash_key, text).ok_or_else(|| no("It was not made here, or is not whole."))?;
    let link = consents::find(&worker.store, id).await.map_err(away)?.ok_or_else(|| no("It is known no more."))?;
    if link.used_at.is_some() {
        return Err(no("The mailbox was connected by it already. It works once."));
    }
    if link.expires_at <= worker.clock.now() {
        return Err(no("Its time is over, or there is a newer one."));
    }
    let account = account_of(worker, &link).await.map_err(away)?.ok_or_else(|| no("The account is gone."))?;
    Ok((link, account))
}

/// An account may be removed while its person is at the provider.
async fn account_of(worker: &Worker, link: &consent::Model) -> Result<Option<account::Model>, StoreError> {
    let account = worker.store.account(link.account_id).await?;
    Ok(account.filter(|account| account.state != "removed"))
}

fn attempt(
    worker: &Worker,
    link: &consent::Model,
    account: &account::Model,
    insist: bool,
) -> Result<(Wanted, Attempt), Trouble> {
    let back = worker.config.http.url(CALLBACK);
    let back = back.ok_or_else(|| Trouble::operator("http.public_url is no URL"))?;
    let wanted = Wanted::of(account, link.signs_in_as.as_deref(), back)?;
    let attempt = worker.tokens.consents().attempt(&wanted, insist)?;
    Ok((wanted, attempt))
}

/// To the provider, with what the answer is told by.
async fn send_on(worker: &Worker, link: &consent::Model, account: &account::Model, insist: bool) -> Response {
    match remembered(worker, link, account, insist).await {
        Ok((url, cookie)) => {
            (AppendHeaders([(header::SET_COOKIE, cookie)]), no_store(), Redirect::to(url.as_str())).into_response()
        }
        Err(refused) => told(account, &refused).into_response(),
    }
}

fn no_store() -> [(header::HeaderName, &'static str); 2] {
    [(header::CACHE_CONTROL, "no-store"), (header::REFERRER_POLICY, "no-referrer")]
}

async fn remembered(
    worker: &Worker,
    link: &consent::Model,
    account: &account::Model,
    insist: bool,
) -> Result<(Url, String), Refused> {
    let (wanted, attempt) = attempt(worker, link, account, insist)?;
    let browser = fresh()?;
    let clear = serde_json::to_vec(&attempt.secrets).map_err(Trouble::retry)?;
    let kept = consents::Attempt {
        state_mark: mark(attempt.state.expose_secret()),
        browser_mark: mark(&browser),
        secrets: worker.tokens.vault().seal(Place::of_account(account.id, SECRETS), &clear)?,
    };
    if !consents::attempt(&worker.store, link.id, kept, worker.clock.now()).await.map_err(Trouble::from)? {
        return Err(Refused::TooLate);
    }
    let secure = if worker.config.http.public_url.starts_with("https:") { "; Secure" } else { "" };
    let insisted = if insist { "!" } else { "" };
    // A proxy may have put a path before ours.
    let path = wanted.redirect_uri.path();
    let cookie =
        format!("{COOKIE}={browser}{insisted}; Path={path}; HttpOnly; SameSite=Lax; Max-Age={COOKIE_SECONDS}{secure}");
    Ok((attempt.url, cookie))
}

type Taken = (consent::Model, account::Model, Wanted, Secrets);

/// The attempt that the answer belongs to, which is over by that.
async fn take(worker: &Worker, headers: &HeaderMap, answer: &Answer) -> Result<Taken, Refused> {
    let state = answer.state.as_deref().ok_or(Refused::Forged)?;
    let browser = cookie(headers).ok_or(Refused::Forged)?;
    let taken = consents::take(&worker.store, &mark(state)).await.map_err(Trouble::from)?;
    let link = taken.ok_or(Refused::Forged)?;
    // Both are digests: that they are compared byte by byte tells nobody anything.
    if link.browser_mark.as_deref() != Some(&mark(browser.trim_end_matches('!'))) {
        return Err(Refused::Forged);
    }
    if link.used_at.is_some() || link.expires_at <= worker.clock.now() {
        return Err(Refused::TooLate);
    }
    let account = account_of(worker, &link).await.map_err(Trouble::from)?.ok_or(Refused::Forged)?;
    let sealed = link.secrets.as_deref().ok_or(Refused::Forged)?;
    let clear = worker.tokens.vault().open(Place::of_account(account.id, SECRETS), sealed)?;
    let secrets = serde_json::from_slice(clear.expose_secret()).map_err(Trouble::retry)?;
    let back = worker.config.http.url(CALLBACK).ok_or(Refused::Forged)?;
    let wanted = Wanted::of(&account, link.signs_in_as.as_deref(), back)?;
    Ok((link, account, wanted, secrets))
}

fn cookie(headers: &HeaderMap) -> Option<String> {
    let all = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    let mut pairs = all.flat_map(|line| line.split(';')).filter_map(|pair| pair.trim().split_once('='));
    pairs.find(|(name, _)| *name == COOKIE).map(|(_, value)| value.to_owned())
}

fn has_insisted(headers: &HeaderMap) -> bool {
    cookie(headers).is_some_and(|value| value.ends_with('!'))
}

fn mark(text: &str) -> Vec<u8> {
    Sha256::digest(text.as_bytes()).to_vec()
}

/// 128 bits of chance.
fn fresh() -> Result<String, Trouble> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).map_err(|error| Trouble::retry(format!("no randomness: {error}")))?;
    Ok(Uuid::from_bytes(bytes).simple().to_string())
}
