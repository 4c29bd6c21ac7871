//! From an endpoint to a session.

use std::sync::Arc;
use std::time::Duration;

use rustls::ClientConfig;
use socket2::{SockRef, TcpKeepalive};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::answer::{Answer, Standing};
use super::capabilities::Capabilities;
use super::endpoint::{Endpoint, Limits, Login, Security};
use super::guard::Io;
use super::login::log_in;
use super::session::Session;
use super::tls::shake;
use super::wire::{Fault, Stage, Wire};
use crate::trouble::Trouble;

/// Silence after which the system asks the other end whether it is still there: also what keeps firewalls and load
/// balancers from forgetting a connection that waits in IDLE.
const ALIVE_AFTER: Duration = Duration::from_secs(30);

/// Between two such questions, and how many are asked in vain until the connection counts as lost.
const ALIVE_AGAIN: Duration = Duration::from_secs(10);
const ALIVE_QUESTIONS: u32 = 3;

/// Connects, logs in and asks what the server can do.
pub async fn connect(
    endpoint: &Endpoint,
    tls: &Arc<ClientConfig>,
    login: &Login,
    limits: &Limits,
) -> Result<Session, Trouble> {
    endpoint.check()?;
    let opening = timeout(limits.connect_timeout, open(endpoint, tls)).await;
    let io = opening.unwrap_or_else(|_| Err(silent(endpoint)))?;
    establish(io, login, limits).await
}

fn silent(endpoint: &Endpoint) -> Trouble {
    let Endpoint { host, port, .. } = endpoint;
    Trouble::retry(format!("{host} does not answer on port {port}: check host, port and firewall"))
}

/// Connects and shakes hands, and no more.
pub async fn reach(endpoint: &Endpoint, tls: &Arc<ClientConfig>, limits: &Limits) -> Result<(), Trouble> {
    endpoint.check()?;
    match timeout(limits.connect_timeout, open(endpoint, tls)).await {
        Ok(opened) => opened.map(|_| ()),
        Err(_) => Err(silent(endpoint)),
    }
}

async fn open(endpoint: &Endpoint, tls: &Arc<ClientConfig>) -> Result<Box<dyn Io>, Trouble> {
    let Endpoint { host, port, security } = endpoint;
    let failed = |error: std::io::Error| {
        Trouble::retry(format!("no connection to {host} on port {port} ({error}): check host, port and network"))
    };
    let tcp = TcpStream::connect((host.as_str(), *port)).await.map_err(failed)?;
    tcp.set_nodelay(true).map_err(failed)?;
    let alive = TcpKeepalive::new().with_time(ALIVE_AFTER).with_interval(ALIVE_AGAIN).with_retries(ALIVE_QUESTIONS);
    SockRef::from(&tcp).set_tcp_keepalive(&alive).map_err(failed)?;
    match security {
        Security::Tls => Ok(Box::new(shake(tls, host, tcp).await?)),
        // The name `localhost` is what the resolver makes of it.
        Security::Plaintext if !tcp.peer_addr().map_err(failed)?.ip().is_loopback() => Err(Trouble::operator(format!(
            "{host} is another machine, and without TLS only this machine may be reached: use TLS (port 993)"
        ))),
        Security::Plaintext => Ok(Box::new(tcp)),
    }
}

/// Makes a session of an open connection.
pub(super) async fn establish(io: Box<dyn Io>, login: &Login, limits: &Limits) -> Result<Session, Trouble> {
    let mut wire = Wire::new(io, limits);
    let offered = greet(&mut wire, limits).await?;
    let told = log_in(&mut wire, &offered, login).await?;
    wire.stage = Stage::Unproven;
    // What was offered before the login no longer holds (RFC 3501 section 6.2); some servers tell the new list unasked.
    let capabilities = match told {
        Some(names) => Capabilities::new(names),
        None => ask(&mut wire).await.map_err(|fault| wire.trouble(fault))?,
    };
    if capabilities.has("ID") {
        introduce(&mut wire).await?;
    }
    Ok(Session::new(wire, capabilities, limits.clone()))
}

/// Reads the greeting and what the server offers before the login.
async fn greet(wire: &mut Wire, limits: &Limits) -> Result<Capabilities, Trouble> {
    let first = timeout(limits.command_timeout, wire.next()).await;
    let first = first.map_err(|_| Trouble::retry("the server does not greet: check host and port"))?;
    match first.map_err(|fault| wire.trouble(fault))? {
        Answer::Capabilities(names) => Ok(Capabilities::new(names)),
        Answer::Greeting(Standing::Unknown) => ask(wire).await.map_err(|fault| wire.trouble(fault)),
        Answer::Greeting(Standing::PreAuthenticated) => Err(Trouble::operator(
            "the server takes us for somebody already (PREAUTH), so nobody can tell whose mailbox this is: use a port that \
             asks for a login",
        )),
        _ => Err(Trouble::retry("the server greets with something that is not IMAP: check host and port")),
    }
}

async fn ask(wire: &mut Wire) -> Result<Capabilities, Fault> {
    let mut names = Vec::new();
    let done = wire
        .run("CAPABILITY", |answer| {
            if let Answer::Capabilities(list) = answer {
                names = list;
            }
        })
        .await?;
    Ok(Capabilities::new(done.capabilities.unwrap_or(names)))
}

/// RFC 2971, which Gmail asks of its clients. What the server says about itself, or that it minds, is no matter.
async fn introduce(wire: &mut Wire) -> Result<(), Trouble> {
    let id = concat!(r#"ID ("name" "mailtrail" "version" ""#, env!("CARGO_PKG_VERSION"), r#"")"#);
    match wire.run(id, |_| {}).await {
        Err(Fault::Refused { notice, no }) => {
            let trouble = wire.refusal(no, &notice);
            if matches!(trouble, Trouble::NeedsReauth { .. }) { Err(trouble) } else { Ok(()) }
        }
        Err(fault) => Err(wire.trouble(fault)),
        Ok(_) => Ok(()),
    }
}
