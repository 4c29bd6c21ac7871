//! `connect`: a person's consent, by a browser here, a browser anywhere, or a link.

use std::time::Duration;

use anyhow::bail;
use entity::account;
use secrecy::ExposeSecret;
use tokio::sync::{mpsc, oneshot};
use tokio::time::timeout;
use url::{Url, form_urlencoded};

use super::args::Connect;
use super::installation::{Installation, address as parse_address};
use super::output::{complain, say};
use super::{Answer, Usage};
use crate::http::loopback::{Loopback, Reply};
use crate::http::{Page, Way, new_link};
use crate::mail::address::Address;
use crate::oauth::consent::{self, Attempt, Consented, Refused, Wanted};
use crate::store::accounts;
use crate::trouble::Trouble;
use crate::worker::Worker;
use crate::worker::connected::Opened;

/// How long a browser is waited for.
const PATIENCE: Duration = Duration::from_secs(15 * 60);

pub(super) async fn connect(installation: &Installation, what: Connect) -> anyhow::Result<Answer> {
    let account = accounts::named(&installation.store, &parse_address(&what.account)?).await?;
    if account.auth != "oauth" {
        bail!(Usage(format!(
            "{} does not log in by a person's consent (--auth {}); `mailtrail account add` with --auth oauth changes that",
            account.address, account.auth
        )));
    }
    installation.check_host(&account).await?;
    let signs_in_as = what.signs_in_as.as_deref().map(parse_address).transpose()?;
    let signs_in_as = signs_in_as.as_ref().map(Address::as_str);
    let worker = installation.worker().await?;
    if what.link {
        let url = new_link(&worker, &account, signs_in_as).await?;
        let hours = installation.config.http.link_hours;
        say(format_args!("{url}"))?;
        complain(format_args!(
            "Send this link to whoever opens {}. It works once, for {hours} hours, while `mailtrail run` runs.",
            account.address
        ));
        return Ok(Answer::Yes);
    }
    let ended = match what.device {
        true => by_device(&worker, &account, signs_in_as).await,
        false => Browser::new(&worker, &account, signs_in_as, what.print_url).await?.consent().await,
    };
    match ended {
        Ok(opened) => {
            say(became(&account, &opened))?;
            Ok(Answer::Yes)
        }
        Err(refused) => {
            worker.not_connected(&account, &refused).await;
            complain(format_args!("mailtrail: {} is not connected: {refused}", account.address));
            Ok(Answer::No)
        }
    }
}

fn became(account: &account::Model, opened: &Opened) -> String {
    let follows = match opened {
        Opened::Reads(mailboxes) => format!("`mailtrail run` reads {}.", mailboxes.join(" and ")),
        Opened::Paused => "It is paused: `mailtrail account resume` watches it again.".to_owned(),
        Opened::NotYet(trouble) => format!("The mailbox cannot be read yet: {trouble}"),
    };
    format!("{} is connected. {follows}", account.address)
}

async fn by_device(worker: &Worker, account: &account::Model, signs_in_as: Option<&str>) -> Result<Opened, Refused> {
    let consents = worker.tokens.consents();
    let wanted = Wanted::of(account, signs_in_as, consents.loopback(account)?)?;
    let device = consents.device(&wanted).await?;
    let minutes = device.expires_in.as_secs().div_ceil(60);
    let _ = say(format_args!("{}\n{}", device.verification_uri, device.user_code));
    complain(format_args!(
        "Open this address in any browser within {minutes} minutes, type the code, and sign in as {}. Waiting …",
        wanted.signs_in_as
    ));
    let consented = consents.wait(&wanted, &device).await?;
    Ok(worker.connected(account, &consented).await?)
}

/// A consent by a browser that brings its answer here.
struct Browser<'a> {
    worker: &'a Worker,
    account: &'a account::Model,
    wanted: Wanted,
    loopback: Loopback,
    /// Where a person can paste the address at which his browser ended, if it runs elsewhere.
    pasted: Option<mpsc::Receiver<String>>,
}

impl<'a> Browser<'a> {
    async fn new(
        worker: &'a Worker,
        account: &'a account::Model,
        signs_in_as: Option<&str>,
        print_url: bool,
    ) -> Result<Self, Trouble> {
        let base = worker.tokens.consents().loopback(account)?;
        let loopback = Loopback::bind(&base).await?;
        let wanted = Wanted::of(account, signs_in_as, loopback.redirect_uri.clone())?;
        let pasted = print_url.then(typed_lines);
        Ok(Self { worker, account, wanted, loopback, pasted })
    }

    async fn consent(mut self) -> Result<Opened, Refused> {
        let attempt = self.worker.tokens.consents().attempt(&self.wanted, false)?;
        self.show(&attempt.url);
        let ended = timeout(PATIENCE, self.answers(attempt)).await.unwrap_or(Err(Refused::TooLate));
        self.loopback.close().await;
        ended
    }

    fn show(&self, url: &Url) {
        let is_open = self.pasted.is_none() && webbrowser::open(url.as_str()).is_ok();
        let _ = say(url);
        let address = &self.wanted.signs_in_as;
        complain(match (is_open, self.pasted.is_some()) {
            (true, _) => format!("A browser opens this address: sign in as {address}. Waiting …"),
            (false, false) => {
                format!("Open this address in a browser on this machine and sign in as {address}. Waiting …")
            }
            (false, true) => format!(
                "Open this address and sign in as {address}. If the browser runs on another machine, it ends at an address \
                 that does not load: paste that here. Waiting …"
            ),
        });
    }

    /// Takes answers until one of them is to the point.
    async fn answers(&mut self, mut attempt: Attempt) -> Result<Opened, Refused> {
        let mut insisted = false;
        loop {
            let (answer, reply) = self.next().await?;
            if answer.state.as_deref() != Some(attempt.state.expose_secret()) {
                if reply.is_none() {
                    complain(
                        "That address is the end of another attempt: open the address above, and paste where it ends",
                    );
                }
                tell(reply, Reply::Page(Box::new(Page::refused(&Refused::Forged, Way::Command))));
                continue;
            }
            let redeemed = self.worker.tokens.consents().redeem(&self.wanted, attempt.secrets, answer).await;
            match redeemed {
                // Asked once more, with the screen that brings what is missing.
                Err(Refused::NotLasting) if !insisted => {
                    insisted = true;
                    attempt = self.worker.tokens.consents().attempt(&self.wanted, true)?;
                    if reply.is_none() {
                        self.show(&attempt.url);
                    }
                    tell(reply, Reply::Goto(attempt.url.clone()));
                }
                Err(refused) => {
                    tell(reply, Reply::Page(Box::new(Page::refused(&refused, Way::Command))));
                    return Err(refused);
                }
                Ok(consented) => return self.connected(&consented, reply).await,
            }
        }
    }

    async fn connected(&self, consented: &Consented, reply: Option<oneshot::Sender<Reply>>) -> Result<Opened, Refused> {
        let opened = self.worker.connected(self.account, consented).await.map_err(Refused::Trouble);
        let page = match &opened {
            Ok(opened) => Page::connected(self.account, opened),
            Err(refused) => Page::refused(refused, Way::Command),
        };
        tell(reply, Reply::Page(Box::new(page)));
        opened
    }

    /// The next answer: from the browser, or pasted.
    async fn next(&mut self) -> Result<(consent::Answer, Option<oneshot::Sender<Reply>>), Refused> {
        loop {
            tokio::select! {
                answer = self.loopback.next() => {
                    let (answer, reply) = answer.ok_or(Refused::TooLate)?;
                    return Ok((answer, Some(reply)));
                }
                line = pasted(&mut self.pasted) => match line.as_deref().map(parse) {
                    Some(Some(answer)) => return Ok((answer, None)),
                    Some(None) => complain("That is not the address at which the browser ended: it holds code= and state="),
                    None => self.pasted = None,
                },
            }
        }
    }
}

/// The lines of standard input. Read by a thread of its own, which a program that ends does not wait for.
fn typed_lines() -> mpsc::Receiver<String> {
    let (typed, lines) = mpsc::channel(1);
    std::thread::spawn(move || {
        for line in std::io::stdin().lines() {
            let Ok(line) = line else { return };
            if typed.blocking_send(line).is_err() {
                return;
            }
        }
    });
    lines
}

/// A line that was pasted; never, where none can be.
async fn pasted(lines: &mut Option<mpsc::Receiver<String>>) -> Option<String> {
    match lines {
        Some(lines) => lines.recv().await,
        None => std::future::pending().await,
    }
}

fn parse(line: &str) -> Option<consent::Answer> {
    let url = Url::parse(line.trim()).ok()?;
    let mut answer = consent::Answer::default();
    for (name, value) in form_urlencoded::parse(url.query()?.as_bytes()) {
        match &*name {
            "code" => answer.code = Some(value.into_owned()),
            "state" => answer.state = Some(value.into_owned()),
            "error" => answer.error = Some(value.into_owned()),
            "iss" => answer.iss = Some(value.into_owned()),
            _ => {}
        }
    }
    (answer.code.is_some() || answer.error.is_some()).then_some(answer)
}

fn tell(browser: Option<oneshot::Sender<Reply>>, reply: Reply) {
    if let Some(browser) = browser {
        // A browser that was closed has no need of it.
        let _ = browser.send(reply);
    }
}
