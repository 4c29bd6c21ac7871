//! One account: its state, its consent, its login, its mailboxes, and when it was last read.

use chrono::{DateTime, TimeDelta, Utc};
use entity::{account, grant};

use super::Scene;
use super::report::Finding;
use crate::config::Provider;
use crate::oauth::tokens::Tokens;
use crate::source::choice;
use crate::source::{self, Login, Role, Session};
use crate::store::grants;
use crate::trouble::Trouble;
use crate::worker::account::{refused_for_good, without_consent};
use crate::worker::login::{endpoint, imap_user, limits, read_password};

/// An account that was not read for so long is late, however rarely it is polled.
const LATE: TimeDelta = TimeDelta::minutes(15);

/// Everything about one account, in order; the first that makes the next pointless ends it.
pub(super) async fn examine(scene: &Scene, account: &account::Model) -> Vec<Finding> {
    let address = &account.address;
    if account.state == "paused" {
        let why = account.reason.as_deref().unwrap_or("paused");
        return vec![Finding::skip("account", format!("is not read: {why}")).of(address)];
    }
    if account.kind == "team" {
        return vec![Finding::skip("account", "is of a kind whose mailbox is not read").of(address)];
    }
    let mut findings = Vec::new();
    let consent = match account.auth.as_str() {
        "oauth" => consent(scene, account).await,
        _ => None,
    };
    let stop = consent.as_ref().is_some_and(|finding| finding.cure.is_some());
    findings.extend(consent);
    if stop {
        findings.push(Finding::skip("login", "without a consent there is none"));
    } else {
        findings.extend(read(scene, account).await);
    }
    findings.push(lag(scene, account));
    findings.into_iter().map(|finding| finding.of(address)).collect()
}

/// The grant and what it allows.
async fn consent(scene: &Scene, account: &account::Model) -> Option<Finding> {
    const CHECK: &str = "consent";
    let cure = format!("`mailtrail connect {}`", account.address);
    let store = scene.store.as_ref()?;
    let grant = match grants::find(&store.db, account.id).await {
        Ok(Some(grant)) => grant,
        Ok(None) => {
            let why = account.reason.clone().filter(|_| account.state == "needs-reauth");
            let why = why.unwrap_or_else(|| "there is none yet".to_owned());
            return Some(Finding::fail(CHECK, why, cure));
        }
        Err(error) => return Some(Finding::fail(CHECK, error.to_string(), "check the database")),
    };
    if let Some(missing) = missing_scope(scene, account, &grant) {
        let what = format!("it does not allow {missing}: a box on the consent page was left empty");
        return Some(Finding::fail(CHECK, what, format!("{cure}, and leave every box ticked")));
    }
    if account.state == "needs-reauth" {
        let why = account.reason.clone().unwrap_or_else(|| "a person must consent again".to_owned());
        return Some(Finding::fail(CHECK, why, cure));
    }
    let until = grant.access_expires_at.map(|end| format!(", its token ends {}", end.format("%Y-%m-%d %H:%M")));
    let since = grant.updated_at.format("%Y-%m-%d %H:%M");
    Some(Finding::ok(CHECK, format!("renewed {since}{}", until.unwrap_or_default())))
}

/// What our registration asks for and the provider did not grant, where it said what it granted.
fn missing_scope(scene: &Scene, account: &account::Model, grant: &grant::Model) -> Option<String> {
    let app = scene.config.oauth.app(Provider::named(&account.provider)?)?;
    let granted: Vec<String> = grant.scope.as_ref()?.split_whitespace().map(str::to_lowercase).collect();
    // The others are about the consent itself, and are not always repeated.
    let wanted = app.scope.split_whitespace().filter(|word| word.contains("://"));
    let mut missing = wanted.filter(|word| !granted.contains(&word.to_lowercase()));
    missing.next().map(str::to_owned)
}

/// The login, the mailboxes behind it, and whether the first may be opened.
async fn read(scene: &Scene, account: &account::Model) -> Vec<Finding> {
    let cure = match account.auth.as_str() {
        "oauth" => format!("`mailtrail connect {}`", account.address),
        _ => "check the login with the provider".to_owned(),
    };
    let mut session = match log_in(scene, account).await {
        Ok(session) => session,
        Err(trouble) => return vec![Finding::failed("login", &trouble, &cure)],
    };
    let mut findings = vec![Finding::ok("login", format!("{} lets us in", account.host))];
    // First, since Exchange lets a login in that may open nothing, and says so to the first command.
    match session.examine("INBOX").await {
        Ok(selected) => {
            findings.push(mailboxes(scene, account, &mut session).await);
            findings.push(Finding::ok("permission", format!("INBOX may be read ({} messages)", selected.exists)));
        }
        Err(trouble) => {
            let trouble = without_consent(account, trouble);
            let cure = "give this login the right to the mailbox, or name the right login with --imap-user";
            findings.push(Finding::failed("permission", &trouble, cure));
        }
    }
    session.logout().await;
    findings
}

/// A login with the token at hand, renewed only where it is due.
async fn log_in(scene: &Scene, account: &account::Model) -> Result<Session, Trouble> {
    let (endpoint, limits) = (endpoint(account)?, limits(&scene.config, account));
    let user = imap_user(account);
    let login = match account.auth.as_str() {
        "password" => Login::Password { user, password: read_password(account).await? },
        _ => Login::XOAuth2 { user, token: tokens(scene)?.access(account).await? },
    };
    let tls = scene.tls.as_ref().map_err(Clone::clone)?;
    let session = source::connect(&endpoint, tls, &login, &limits).await;
    refused_for_good(session).map_err(|trouble| without_consent(account, trouble))
}

fn tokens(scene: &Scene) -> Result<&Tokens, Trouble> {
    scene.tokens.as_ref().ok_or_else(|| Trouble::operator("the key that opens its tokens is not there: see above"))
}

async fn mailboxes(scene: &Scene, account: &account::Model, session: &mut Session) -> Finding {
    const CHECK: &str = "mailboxes";
    let listed = match session.mailboxes().await {
        Ok(listed) => listed,
        Err(trouble) => return Finding::failed(CHECK, &trouble, "try again"),
    };
    if account.kind != "personal" {
        return Finding::ok(CHECK, format!("INBOX is read, of {}", listed.len()));
    }
    let watch = &scene.config.watch;
    let chosen = choice::choose(&listed, &watch.mailboxes, &watch.sent);
    let names: Vec<&str> = chosen.iter().map(|one| one.name.as_str()).collect();
    let whole = chosen.iter().any(|one| one.role == Role::All.as_str() || one.role == Role::Sent.as_str());
    let what = format!("{} watched, of {}", names.join(" and "), listed.len());
    match whole {
        true => Finding::ok(CHECK, what),
        false => Finding::warn(
            CHECK,
            format!("{what}; none of sent mail is found, so the user's own answers are not logged"),
            "name it in watch.sent",
        ),
    }
}

/// When it was last read.
fn lag(scene: &Scene, account: &account::Model) -> Finding {
    const CHECK: &str = "lag";
    let now: DateTime<Utc> = scene.clock.now();
    let Some(last) = account.last_success else {
        return Finding::warn(CHECK, "it was never read", "start `mailtrail run`");
    };
    let late = (now - last).max(TimeDelta::zero());
    let slowest = i64::try_from(scene.config.worker.pace().longest().as_secs()).unwrap_or(i64::MAX / 4_000);
    let what = format!("last read {} ({} s ago)", last.format("%Y-%m-%d %H:%M:%S"), late.num_seconds());
    if late <= LATE.max(TimeDelta::seconds(slowest.min(1_000_000) * 3)) {
        return Finding::ok(CHECK, what);
    }
    match &account.reason {
        Some(reason) => Finding::warn(CHECK, format!("{what}, since then: {reason}"), "mend that"),
        None => Finding::warn(CHECK, what, "start `mailtrail run`, or look at its log"),
    }
}
