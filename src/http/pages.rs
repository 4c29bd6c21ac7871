//! What people see.

use askama::Template;
use axum::http::{HeaderName, StatusCode, header};
use axum::response::{Html, IntoResponse, Response};
use entity::account;
use url::Url;

use crate::oauth::consent::Refused;
use crate::trouble::Trouble;
use crate::worker::connected::Opened;

const STYLE: &str = "body{font:17px/1.5 system-ui,sans-serif;max-width:34em;margin:3em auto;padding:0 1em;color:#222;\
    background:#fff}h1{font-size:1.4em}button{font:inherit;padding:.6em 1.4em;border:0;border-radius:.3em;color:#fff;\
    background:#0a5c36;cursor:pointer}footer{margin-top:2.5em;color:#666;font-size:.85em}li{margin:.3em 0}\
    a{color:#0a5c36;overflow-wrap:anywhere}@media(prefers-color-scheme:dark){body{color:#ddd;background:#181818}\
    a{color:#6c9}footer{color:#999}}";

/// A page. It needs no script, loads nothing, and fits a telephone.
#[derive(Template, Default)]
#[template(
    ext = "html",
    source = r#"<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
<title>{{ title }}</title>
<style>{{ style|safe }}</style>
</head>
<body>
<h1>{{ title }}</h1>
{% for text in paragraphs %}<p>{{ text }}</p>
{% endfor %}{% for (heading, points) in lists %}<h2>{{ heading }}</h2>
<ul>
{% for point in points %}<li>{{ point }}</li>
{% endfor %}</ul>
{% endfor %}{% if let Some((href, text)) = link %}<p><a href="{{ href }}" rel="noreferrer">{{ text }}</a></p>
{% endif %}{% if let Some(text) = button %}<form method="post"><button type="submit">{{ text }}</button></form>
{% endif %}<footer>mailtrail</footer>
</body>
</html>
"#
)]
pub struct Page {
    title: String,
    paragraphs: Vec<String>,
    lists: Vec<(&'static str, Vec<&'static str>)>,
    link: Option<(Url, &'static str)>,
    button: Option<String>,
    style: &'static str,
    status: u16,
}

/// Where somebody whose consent was refused goes from there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// To the link that he was given.
    Link,
    /// Back to the command line.
    Command,
}

impl Page {
    fn titled(title: impl Into<String>) -> Self {
        Self { title: title.into(), style: STYLE, status: 200, ..Self::default() }
    }

    /// What a person is asked before anything happens.
    pub(super) fn ask(account: &account::Model, signs_in_as: &str, provider: &str) -> Self {
        let mut page = Self::titled(format!("Connect {}", account.address));
        page.paragraphs = vec![
            "Your CRM logs mail that belongs on a contact's timeline. To do so it asks you to let mailtrail read this \
             mailbox."
                .to_owned(),
        ];
        if signs_in_as != account.address {
            page.paragraphs.push(format!("Sign in as {signs_in_as}, who may open it."));
        }
        page.lists = vec![
            ("What is read", what_is_read(&account.kind)),
            (
                "What never happens",
                vec![
                    "Nothing in the mailbox is changed, moved, deleted or marked as read.",
                    "Nothing is sent in your name.",
                    "Nobody learns your password: you sign in at your provider, and can take the permission back there \
                     at any time.",
                ],
            ),
        ];
        page.button = Some(format!("Continue to {provider}"));
        page
    }

    /// The account is connected.
    pub fn connected(account: &account::Model, opened: &Opened) -> Self {
        let mut page = Self::titled(format!("{} is connected", account.address));
        page.paragraphs = vec![match opened {
            Opened::Reads(mailboxes) => format!("{} is watched from now on.", mailboxes.join(" and ")),
            Opened::Paused => "It is paused by its operator and will be read when that ends.".to_owned(),
            Opened::NotYet(trouble) => {
                format!("The mailbox cannot be read yet, and is tried again by itself. {trouble}")
            }
        }];
        page.paragraphs.push("You can close this page.".to_owned());
        page
    }

    /// The account is not connected.
    pub fn refused(refused: &Refused, way: Way) -> Self {
        let mut page = Self::titled("The mailbox is not connected");
        page.status = match refused {
            Refused::Trouble(Trouble::Retry { .. }) => 503,
            Refused::Trouble(_) => 500,
            _ => 400,
        };
        let operators = matches!(refused, Refused::Trouble(Trouble::Operator { .. }));
        page.paragraphs = vec![match operators {
            true => {
                "This cannot be mended here: tell whoever sent you the link that mailtrail's registration with the \
                     provider is refused. The service's log says how."
                    .to_owned()
            }
            false => refused.to_string(),
        }];
        if let Refused::NeedsAdminConsent { link: Some(link) } | Refused::Declined { admin: Some(link), .. } = refused {
            page.link = Some((link.clone(), "For the administrator: allow mailtrail for the organisation"));
        }
        if *refused == Refused::Forged {
            page.title = "This answer is not expected here".to_owned();
        } else {
            page.paragraphs.push(match way {
                Way::Link => "The link that you were given works until the mailbox is connected by it.".to_owned(),
                Way::Command => "The command line says more.".to_owned(),
            });
        }
        page
    }

    /// An administrator has consented for the organisation.
    pub fn admin_consented() -> Self {
        let mut page = Self::titled("Back from the administrator's page");
        page.paragraphs = vec![
            "If your organisation allows mailtrail now, its people can connect their mailboxes, each by a link of \
             their own."
                .to_owned(),
        ];
        page
    }

    /// A link that is none, or is one no more.
    pub(super) fn no_link(why: &str) -> Self {
        let mut page = Self::titled("This link does not work");
        page.paragraphs = vec![why.to_owned(), "Ask whoever sent it for a new one.".to_owned()];
        page.status = 404;
        page
    }

    pub(super) fn nothing() -> Self {
        let mut page = Self::titled("There is nothing here");
        page.paragraphs = vec!["Inboxes are connected by the links that `mailtrail connect --link` makes.".to_owned()];
        page.status = 404;
        page
    }
}

fn what_is_read(kind: &str) -> Vec<&'static str> {
    match kind {
        "personal" => vec![
            "The headers of new mail (from, to, subject, date, and which mail it answers), to find replies on threads that \
             are in the CRM.",
            "The text of those replies, and of your answers on those threads: they are logged.",
            "The text of all other mail is never fetched. Of its headers nothing is kept but fingerprints that cannot be \
             read.",
        ],
        _ => vec!["All mail in this mailbox: it exists to be logged."],
    }
}

impl IntoResponse for Page {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        match self.render() {
            Ok(html) => (status, SAFE, Html(html)).into_response(),
            Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
        }
    }
}

/// The address of a page holds what must not travel on; a page is nobody's frame and nobody's cache. Where its form leads in
/// the end is not limited: providers send people on to their organisations' own sign-in, and browsers hold that against us.
const SAFE: [(HeaderName, &str); 5] = [
    (
        header::CONTENT_SECURITY_POLICY,
        "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; frame-ancestors 'none'",
    ),
    (header::REFERRER_POLICY, "no-referrer"),
    (header::CACHE_CONTROL, "no-store"),
    (header::X_FRAME_OPTIONS, "DENY"),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
];
