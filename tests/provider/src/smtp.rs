//! A submission server on loopback (RFC 6409): STARTTLS, TLS or plain, with passwords or tokens, and the ways in which
//! such servers say no, or nothing.

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rustls::ServerConfig;
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::oauth::OAuthHandle;
use crate::tls::{self, Certificate};
use crate::{lock, must};

/// How a connection begins.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Hello {
    /// In clear, with STARTTLS on offer.
    #[default]
    Starttls,
    /// TLS at once.
    Tls,
    /// In clear, for ever.
    Plain,
}

/// How a server is started.
#[derive(Clone, Default)]
pub struct SmtpSettings {
    /// How a connection begins.
    pub hello: Hello,
    /// The certificate it shows.
    pub certificate: Certificate,
    /// A user and a password, by PLAIN and LOGIN.
    pub password: Option<(String, String)>,
    /// XOAUTH2 with live tokens of this server.
    pub tokens: Option<OAuthHandle>,
    /// Only LOGIN is offered, as at Exchange.
    pub login_only: bool,
    /// `MAIL FROM:<>` is refused.
    pub wants_sender: bool,
    /// Whatever comes behind the answer to STARTTLS in clear, as somebody between the two would write it.
    pub injected: Option<String>,
}

/// What goes wrong, once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SmtpFault {
    /// The next command that begins so is answered with this line.
    Answer(&'static str, &'static str),
    /// The text is answered with this line, and not kept.
    AnswerText(&'static str),
    /// The connection ends when the text has come; it is kept.
    VanishAfterText,
    /// When the text has come it is kept, and nothing is said for ever.
    HoldAfterText,
    /// The connection ends at this command.
    VanishAt(&'static str),
}

/// A mail that was taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mail {
    /// What stood in `MAIL FROM:<>`.
    pub from: String,
    /// What stood in `RCPT TO:<>`.
    pub to: Vec<String>,
    /// Header and body, without the dots of the wire.
    pub text: String,
    /// Who had logged in.
    pub user: Option<String>,
    /// Whether it came under TLS.
    pub secret: bool,
}

struct Server {
    settings: SmtpSettings,
    tls: TlsAcceptor,
    faults: Mutex<Vec<SmtpFault>>,
    mails: watch::Sender<Vec<Mail>>,
    commands: watch::Sender<Vec<String>>,
    stop: CancellationToken,
}

/// The running server; dropping it ends it and its connections.
pub struct SmtpServer {
    server: Arc<Server>,
    address: SocketAddr,
    ca_pem: String,
    _stop: DropGuard,
}

impl SmtpServer {
    /// On a free port of 127.0.0.1.
    pub async fn start(settings: SmtpSettings) -> Self {
        let listener = must(TcpListener::bind("127.0.0.1:0").await, "no free port on 127.0.0.1");
        let address = must(listener.local_addr(), "the listener has no address");
        let (config, ca_pem): (Arc<ServerConfig>, String) = tls::server(settings.certificate);
        let stop = CancellationToken::new();
        let guard = stop.clone().drop_guard();
        let server = Arc::new(Server {
            settings,
            tls: TlsAcceptor::from(config),
            faults: Mutex::default(),
            mails: watch::Sender::default(),
            commands: watch::Sender::default(),
            stop,
        });
        tokio::spawn(listen(Arc::clone(&server), listener));
        Self { server, address, ca_pem, _stop: guard }
    }

    /// The port on 127.0.0.1, which is also `localhost`.
    pub fn port(&self) -> u16 {
        self.address.port()
    }

    /// The authority a client must trust.
    pub fn ca_pem(&self) -> &str {
        &self.ca_pem
    }

    /// What goes wrong from now on, in this order for each command.
    pub fn inject(&self, fault: SmtpFault) {
        lock(&self.server.faults).push(fault);
    }

    /// The mails that were taken.
    pub fn mails(&self) -> Vec<Mail> {
        self.server.mails.borrow().clone()
    }

    /// Every command, of all connections.
    pub fn commands(&self) -> Vec<String> {
        self.server.commands.borrow().clone()
    }

    /// Waits until so many mails were taken.
    pub async fn wait_for_mails(&self, count: usize) -> Vec<Mail> {
        let mut mails = self.server.mails.subscribe();
        must(mails.wait_for(|mails| mails.len() >= count).await, "the server is gone").clone()
    }
}

async fn listen(server: Arc<Server>, listener: TcpListener) {
    loop {
        let accepted = tokio::select! {
            () = server.stop.cancelled() => return,
            accepted = listener.accept() => accepted,
        };
        let Ok((socket, _)) = accepted else { continue };
        let server = Arc::clone(&server);
        tokio::spawn(async move {
            let stop = server.stop.clone();
            // A broken connection is the client's doing, which the test looks at.
            tokio::select! {
                () = stop.cancelled() => {}
                _ended = serve(&server, socket) => {}
            }
        });
    }
}

async fn serve(server: &Server, socket: TcpStream) -> io::Result<()> {
    match server.settings.hello {
        Hello::Tls => Session::new(server, server.tls.accept(socket).await?, true).run(true).await.map(|_| ()),
        Hello::Plain => Session::new(server, socket, false).run(true).await.map(|_| ()),
        Hello::Starttls => match Session::new(server, socket, false).run(true).await? {
            Some(socket) => Session::new(server, server.tls.accept(socket).await?, true).run(false).await.map(|_| ()),
            None => Ok(()),
        },
    }
}

struct Session<'a, S> {
    server: &'a Server,
    stream: BufReader<S>,
    secret: bool,
    user: Option<String>,
    from: Option<String>,
    to: Vec<String>,
}

impl<'a, S: AsyncRead + AsyncWrite + Unpin> Session<'a, S> {
    fn new(server: &'a Server, stream: S, secret: bool) -> Self {
        Self { server, stream: BufReader::new(stream), secret, user: None, from: None, to: Vec::new() }
    }

    /// Until it ends, or until TLS is to begin: then the socket.
    async fn run(mut self, greets: bool) -> io::Result<Option<S>> {
        if greets {
            self.say("220 mx.provider.example ESMTP").await?;
        }
        loop {
            let Some(line) = self.line().await? else { return Ok(None) };
            let verb = line.to_uppercase();
            self.server.commands.send_modify(|commands| commands.push(line.clone()));
            match self.fault(&verb) {
                Some(SmtpFault::Answer(_, answer)) => {
                    self.say(answer).await?;
                    continue;
                }
                Some(_) => return Ok(None),
                None => {}
            }
            match verb.split([' ', ':']).next().unwrap_or_default() {
                "EHLO" => self.greet().await?,
                "STARTTLS" if self.server.settings.hello == Hello::Starttls && !self.secret => {
                    let injected = self.server.settings.injected.clone().unwrap_or_default();
                    self.stream.get_mut().write_all(format!("220 go ahead\r\n{injected}").as_bytes()).await?;
                    return Ok(Some(self.stream.into_inner()));
                }
                "AUTH" => self.auth(&line).await?,
                "MAIL" => self.mail(&line).await?,
                "RCPT" => {
                    self.to.push(inside(&line));
                    self.say("250 2.1.5 ok").await?;
                }
                "DATA" => {
                    self.say("354 go ahead").await?;
                    if !self.text().await? {
                        return Ok(None);
                    }
                }
                "RSET" => {
                    (self.from, self.to) = (None, Vec::new());
                    self.say("250 2.0.0 ok").await?;
                }
                "QUIT" => {
                    self.say("221 2.0.0 bye").await?;
                    return Ok(None);
                }
                _ => self.say("502 5.5.1 unknown command").await?,
            }
        }
    }

    fn fault(&self, verb: &str) -> Option<SmtpFault> {
        let mut faults = lock(&self.server.faults);
        let at = faults.iter().position(|fault| match fault {
            SmtpFault::Answer(at, _) | SmtpFault::VanishAt(at) => verb.starts_with(at),
            _ => false,
        })?;
        Some(faults.remove(at))
    }

    async fn greet(&mut self) -> io::Result<()> {
        let settings = &self.server.settings;
        let mut words = vec!["mx.provider.example".to_owned(), "8BITMIME".to_owned()];
        if settings.hello == Hello::Starttls && !self.secret {
            words.push("STARTTLS".to_owned());
        } else {
            let mut mechanisms = Vec::new();
            if settings.password.is_some() {
                mechanisms.extend(if settings.login_only { vec!["LOGIN"] } else { vec!["PLAIN", "LOGIN"] });
            }
            mechanisms.extend(settings.tokens.is_some().then_some("XOAUTH2"));
            if !mechanisms.is_empty() {
                words.push(format!("AUTH {}", mechanisms.join(" ")));
            }
        }
        let last = words.len() - 1;
        for (at, word) in words.into_iter().enumerate() {
            self.say(&format!("250{}{word}", if at == last { ' ' } else { '-' })).await?;
        }
        Ok(())
    }

    async fn auth(&mut self, line: &str) -> io::Result<()> {
        let mut words = line.split(' ').skip(1);
        let (mechanism, initial) = (words.next().unwrap_or_default().to_uppercase(), words.next().map(str::to_owned));
        let user = match mechanism.as_str() {
            "LOGIN" => {
                let user = self.ask("Username:").await?;
                let password = self.ask("Password:").await?;
                self.with_password(&user, &password)
            }
            "PLAIN" => {
                let secret = decoded(&initial.unwrap_or_default());
                let fields: Vec<&str> = secret.split('\0').collect();
                match fields.as_slice() {
                    [_, user, password] => self.with_password(user, password),
                    _ => None,
                }
            }
            "XOAUTH2" => {
                let user = self.with_token(&decoded(&initial.unwrap_or_default()));
                if user.is_none() {
                    let why = STANDARD.encode(r#"{"status":"400","schemes":"Bearer"}"#);
                    self.say(&format!("334 {why}")).await?;
                    if self.line().await?.is_none() {
                        return Ok(());
                    }
                }
                user
            }
            _ => None,
        };
        self.user = user;
        let answer = if self.user.is_some() { "235 2.7.0 welcome" } else { "535 5.7.8 not accepted" };
        self.say(answer).await
    }

    async fn ask(&mut self, what: &str) -> io::Result<String> {
        self.say(&format!("334 {}", STANDARD.encode(what))).await?;
        Ok(decoded(&self.line().await?.unwrap_or_default()))
    }

    fn with_password(&self, user: &str, password: &str) -> Option<String> {
        let known = self.server.settings.password.as_ref()?;
        (known.0 == user && known.1 == password).then(|| user.to_owned())
    }

    fn with_token(&self, text: &str) -> Option<String> {
        let mut fields = text.split('\x01');
        let user = fields.next()?.strip_prefix("user=")?.to_lowercase();
        let live = self.server.settings.tokens.as_ref()?.live(fields.next()?.strip_prefix("auth=Bearer ")?)?;
        live.user.is_none_or(|owner| owner == user).then_some(user)
    }

    async fn mail(&mut self, line: &str) -> io::Result<()> {
        let settings = &self.server.settings;
        let must_log_in = settings.password.is_some() || settings.tokens.is_some();
        let from = inside(line);
        if must_log_in && self.user.is_none() {
            return self.say("530 5.7.0 log in first").await;
        }
        if settings.wants_sender && from.is_empty() {
            return self.say("550 5.7.1 a sender is wanted").await;
        }
        self.from = Some(from);
        self.say("250 2.1.0 ok").await
    }

    /// Whether the session goes on.
    async fn text(&mut self) -> io::Result<bool> {
        let mut text = String::new();
        loop {
            let Some(line) = self.line().await? else { return Ok(false) };
            if line == "." {
                break;
            }
            text.push_str(line.strip_prefix('.').unwrap_or(&line));
            text.push_str("\r\n");
        }
        let fault = {
            let mut faults = lock(&self.server.faults);
            let at = faults.iter().position(|fault| {
                matches!(fault, SmtpFault::AnswerText(_) | SmtpFault::VanishAfterText | SmtpFault::HoldAfterText)
            });
            at.map(|at| faults.remove(at))
        };
        let (from, to) = (self.from.take().unwrap_or_default(), std::mem::take(&mut self.to));
        if let Some(SmtpFault::AnswerText(answer)) = fault {
            self.say(answer).await?;
            return Ok(true);
        }
        let mail = Mail { from, to, text, user: self.user.clone(), secret: self.secret };
        self.server.mails.send_modify(|mails| mails.push(mail));
        match fault {
            Some(SmtpFault::VanishAfterText) => return Ok(false),
            Some(_) => std::future::pending().await,
            None => self.say("250 2.0.0 queued").await?,
        }
        Ok(true)
    }

    async fn line(&mut self) -> io::Result<Option<String>> {
        let mut line = String::new();
        if self.stream.read_line(&mut line).await? == 0 {
            return Ok(None);
        }
        Ok(Some(line.trim_end_matches(['\r', '\n']).to_owned()))
    }

    async fn say(&mut self, line: &str) -> io::Result<()> {
        let stream = self.stream.get_mut();
        stream.write_all(format!("{line}\r\n").as_bytes()).await?;
        stream.flush().await
    }
}

/// What stands between the angle brackets.
fn inside(line: &str) -> String {
    line.split_once('<')
        .and_then(|(_, rest)| rest.split_once('>'))
        .map(|(inside, _)| inside.to_owned())
        .unwrap_or_default()
}

fn decoded(text: &str) -> String {
    String::from_utf8_lossy(&STANDARD.decode(text).unwrap_or_default()).into_owned()
}
