//! LOGIN and AUTHENTICATE: passwords, and tokens of the OAuth server.

use std::io;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::command::Request;
use super::profile::Profile;
use super::response::{End, Reply};
use super::session::{Login, Session};

/// What a refused token is answered with before the NO, in base64.
const CHALLENGE: &str = r#"{"status":"400","schemes":"Bearer","scope":"https://mail.google.com/"}"#;

impl Session {
    pub(crate) async fn authenticate(&mut self, request: &Request) -> io::Result<Reply> {
        let mechanism = request.text(0).unwrap_or_default().to_uppercase();
        if !matches!(mechanism.as_str(), "XOAUTH2" | "PLAIN") {
            return Ok(Reply::tagged("NO Unsupported authentication mechanism."));
        }
        // RFC 4959: an initial response comes with the command.
        let response = match request.text(1) {
            Some(initial) => initial.as_bytes().to_vec(),
            None => {
                self.wire.send(b"+ \r\n").await?;
                let Some(line) = self.wire.line().await? else { return Ok(Reply::nothing(End::Cut)) };
                line
            }
        };
        if response == b"*" {
            return Ok(Reply::tagged("BAD AUTHENTICATE cancelled."));
        }
        let Ok(plain) = STANDARD.decode(&response) else {
            return Ok(Reply::tagged("BAD Invalid SASL argument."));
        };
        let text = String::from_utf8_lossy(&plain).into_owned();
        if mechanism == "PLAIN" {
            return Ok(self.plain(&text));
        }
        match self.token_login(&text) {
            Some(login) => Ok(self.welcome(login, "AUTHENTICATE")),
            None => self.refuse_token().await,
        }
    }

    pub(crate) fn login_with_password(&mut self, request: &Request) -> Reply {
        match (request.text(0), request.text(1)) {
            (Some(user), Some(password)) => self.password(user, password, "LOGIN"),
            _ => Reply::tagged(self.server.profile.bad_arguments()),
        }
    }

    /// Whether the token this session logged in with has died since.
    pub(crate) fn token_is_dead(&self, login: &Login) -> bool {
        let oauth = self.server.oauth.as_ref();
        login.token.as_ref().is_some_and(|token| oauth.is_none_or(|oauth| oauth.live(token).is_none()))
    }

    /// RFC 4616: authorization identity, user, password, with NULs between.
    fn plain(&mut self, text: &str) -> Reply {
        match text.split('\0').collect::<Vec<_>>().as_slice() {
            [_, user, password] => self.password(user, password, "AUTHENTICATE"),
            _ => Reply::tagged("BAD Invalid SASL argument."),
        }
    }

    fn password(&mut self, user: &str, password: &str, verb: &str) -> Reply {
        let expected = self.server.state().account(user).and_then(|account| account.password.clone());
        if expected.as_deref() != Some(password) {
            return Reply::tagged(self.server.profile.login_refused(verb));
        }
        self.welcome(Login { user: user.to_lowercase(), token: None, connected: true }, verb)
    }

    /// `user=U^Aauth=Bearer T^A^A`: the token must live and open this user's mailbox.
    fn token_login(&self, text: &str) -> Option<Login> {
        let mut fields = text.split('\x01');
        let user = fields.next()?.strip_prefix("user=")?.to_lowercase();
        let token = fields.next()?.strip_prefix("auth=Bearer ")?.to_owned();
        let live = self.server.oauth.as_ref()?.live(&token)?;
        let state = self.server.state();
        let known = state.account(&user).is_some();
        // A token without a user is the client's own, as Microsoft's app-only tokens are.
        let connected = known && live.user.is_none_or(|owner| state.may_open(&owner, &user));
        let lenient = self.server.profile == Profile::Exchange;
        (connected || lenient).then_some(Login { user, token: Some(token), connected })
    }

    async fn refuse_token(&mut self) -> io::Result<Reply> {
        let profile = self.server.profile;
        if profile.challenges() {
            self.wire.send(format!("+ {}\r\n", STANDARD.encode(CHALLENGE)).as_bytes()).await?;
            match self.wire.line().await? {
                None => return Ok(Reply::nothing(End::Cut)),
                Some(line) if line.is_empty() => {}
                Some(_) => return Ok(Reply::tagged("BAD Expected an empty line.")),
            }
        }
        Ok(Reply::tagged(profile.login_refused("AUTHENTICATE")))
    }

    fn welcome(&mut self, login: Login, verb: &str) -> Reply {
        let profile = self.server.profile;
        let words = profile.capabilities(true);
        let user = login.user.clone();
        self.login = Some(login);
        match profile {
            Profile::Gmail => {
                Reply::with([format!("* CAPABILITY {words}")], format!("OK {user} authenticated (Success)"))
            }
            Profile::Exchange => Reply::tagged(format!("OK {verb} completed.")),
            Profile::Plain => Reply::tagged(format!("OK [CAPABILITY {words}] Logged in")),
        }
    }
}
