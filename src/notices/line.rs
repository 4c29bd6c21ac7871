//! A connection to the mail server. Up to TLS it is ours: the certificates that we trust are those of every other
//! connection, and nothing that was said in clear is taken for an answer under TLS. From then on it is lettre's.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::{Buf, Bytes};
use chrono::TimeDelta;
use lettre::transport::smtp::client::{AsyncSmtpConnection, AsyncTokioStream};
use lettre::transport::smtp::extension::ClientId;
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

use crate::config::{Smtp, SmtpSecurity};
use crate::trouble::Trouble;

/// The longest answer before TLS, in bytes.
const LONGEST_ANSWER: usize = 8 * 1024;

/// How long a server may think about a mail that it has got (RFC 5321 section 4.5.3.2.6): giving up earlier would leave
/// unknown what became of it.
const TO_THINK: Duration = Duration::from_secs(600);

/// A connection on which a mail can be sent.
pub(super) struct Line {
    connection: AsyncSmtpConnection,
    timeout: Duration,
    broken: Option<String>,
}

/// How an exchange ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Said {
    Yes,
    /// No, for now (4yz).
    NotNow(String),
    /// No (5yz).
    Never(String),
    /// Nothing that can be understood; the connection is of no more use.
    Nothing(String),
}

impl Line {
    /// Connects, and has TLS begin where it is to.
    pub(super) async fn open(smtp: &Smtp, tls: &Arc<ClientConfig>) -> Result<Self, Trouble> {
        let late = |_| Err(Trouble::retry(format!("{} took too long: check smtp.host and smtp.port", place(smtp))));
        timeout(smtp.timeout(), connect(smtp, tls)).await.unwrap_or_else(late)
    }

    pub(super) fn connection(&mut self) -> &mut AsyncSmtpConnection {
        &mut self.connection
    }

    pub(super) fn timeout(&self) -> Duration {
        self.timeout
    }

    /// Longer than everything together that comes before a mail is handed over.
    pub(super) fn longest(&self) -> TimeDelta {
        TimeDelta::from_std(self.timeout.saturating_mul(10)).unwrap_or(TimeDelta::hours(1))
    }

    /// Nothing more is to be said, in the middle of a mail that is not to arrive.
    pub(super) fn hang_up(&mut self, why: &str) {
        self.broken = Some(why.to_owned());
    }

    /// Why nothing more can be said, if so.
    pub(super) fn broken(&self) -> Option<Trouble> {
        self.broken.as_ref().map(|why| Trouble::retry(format!("the mail server ended the connection: {why}")))
    }

    /// Says a command and waits for the answer.
    pub(super) async fn say(&mut self, command: impl fmt::Display) -> Said {
        let answer = timeout(self.timeout, self.connection.command(command)).await;
        self.understood(answer.map(|answer| answer.map(|_| ())))
    }

    /// Hands over the text of a mail.
    pub(super) async fn tell(&mut self, text: &[u8]) -> Said {
        let answer = timeout(TO_THINK.max(self.timeout), self.connection.message(text)).await;
        self.understood(answer.map(|answer| answer.map(|_| ())))
    }

    fn understood(
        &mut self,
        answer: Result<Result<(), lettre::transport::smtp::Error>, tokio::time::error::Elapsed>,
    ) -> Said {
        let why = match answer {
            Ok(Ok(())) => return Said::Yes,
            // 421 closes the connection (RFC 5321 section 3.8).
            Ok(Err(error)) if error.status().is_some_and(|code| code.to_string() == "421") => {
                self.broken = Some(shown(&error));
                return Said::NotNow(shown(&error));
            }
            Ok(Err(error)) if error.is_transient() => return Said::NotNow(shown(&error)),
            Ok(Err(error)) if error.is_permanent() => return Said::Never(shown(&error)),
            Ok(Err(error)) => shown(&error),
            Err(_) => "the mail server did not answer in time".to_owned(),
        };
        self.broken = Some(why.clone());
        Said::Nothing(why)
    }

    /// Ends the session, if the server still listens.
    pub(super) async fn quit(mut self) {
        let _ = timeout(Duration::from_secs(2), self.connection.quit()).await;
    }
}

/// What a server said, for people: one short line.
pub(super) fn shown(error: &lettre::transport::smtp::Error) -> String {
    let text: String = error.to_string().chars().map(|c| if c.is_control() { ' ' } else { c }).take(300).collect();
    text.trim().to_owned()
}

pub(super) fn place(smtp: &Smtp) -> String {
    format!("the mail server {}:{}", smtp.host, smtp.port)
}

async fn connect(smtp: &Smtp, tls: &Arc<ClientConfig>) -> Result<Line, Trouble> {
    let name = ClientId::default();
    let away = |error: io::Error| {
        Trouble::retry(format!(
            "{} cannot be reached ({error}): check smtp.host, smtp.port and the network",
            place(smtp)
        ))
    };
    let mut tcp = TcpStream::connect((smtp.host.as_str(), smtp.port)).await.map_err(away)?;
    let _ = tcp.set_nodelay(true);
    let peer = tcp.peer_addr().map_err(away)?;
    let wire = match smtp.security {
        SmtpSecurity::PlaintextLoopback if !peer.ip().is_loopback() => {
            return Err(Trouble::operator(format!(
                "{} is not this machine: set smtp.security = \"starttls\"",
                place(smtp)
            )));
        }
        SmtpSecurity::PlaintextLoopback => Wire { said: Bytes::new(), io: Box::new(tcp), peer },
        SmtpSecurity::Tls => Wire { said: Bytes::new(), io: shake(smtp, tls, tcp).await?, peer },
        SmtpSecurity::Starttls => {
            start_tls(smtp, &mut tcp, &name).await?;
            // After STARTTLS the server greets nobody, and lettre waits for a greeting.
            Wire { said: Bytes::from_static(b"220 TLS\r\n"), io: shake(smtp, tls, tcp).await?, peer }
        }
    };
    let greeted = AsyncSmtpConnection::connect_with_transport(Box::new(wire), &name).await;
    let connection =
        greeted.map_err(|error| Trouble::retry(format!("{} does not take mail: {}", place(smtp), shown(&error))))?;
    Ok(Line { connection, timeout: smtp.timeout(), broken: None })
}

/// Up to the answer to STARTTLS (RFC 3207), byte by byte: what somebody slips in behind it ends the handshake.
async fn start_tls(smtp: &Smtp, tcp: &mut TcpStream, name: &ClientId) -> Result<(), Trouble> {
    let broke = |error: io::Error| Trouble::retry(format!("{} broke off before TLS ({error})", place(smtp)));
    let steps = [(None, 220), (Some(format!("EHLO {name}\r\n")), 250), (Some("STARTTLS\r\n".to_owned()), 220)];
    for (command, expected) in steps {
        if let Some(command) = &command {
            tcp.write_all(command.as_bytes()).await.map_err(broke)?;
        }
        match answer(tcp).await.map_err(broke)? {
            code if code == expected => {}
            code if code / 100 == 5 && command.is_some_and(|command| command.starts_with("STARTTLS")) => {
                return Err(Trouble::operator(format!(
                    "{} has no STARTTLS ({code}): use its port for TLS with smtp.security = \"tls\"",
                    place(smtp)
                )));
            }
            code => return Err(Trouble::retry(format!("{} answers {code} where {expected} is due", place(smtp)))),
        }
    }
    Ok(())
}

/// The code of an answer of one line or several (RFC 5321 section 4.2).
async fn answer(tcp: &mut TcpStream) -> io::Result<u16> {
    let mut line = Vec::new();
    for _ in 0..LONGEST_ANSWER {
        match tcp.read_u8().await? {
            b'\n' => {
                if line.get(3) != Some(&b'-') {
                    let code = line.get(..3).and_then(|code| std::str::from_utf8(code).ok()?.parse().ok());
                    return code.ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, "it does not speak SMTP"));
                }
                line.clear();
            }
            byte => line.push(byte),
        }
    }
    Err(io::Error::new(io::ErrorKind::InvalidData, "its answer has no end"))
}

async fn shake(smtp: &Smtp, tls: &Arc<ClientConfig>, tcp: TcpStream) -> Result<Box<dyn Io>, Trouble> {
    use rustls::Error::{InvalidCertificate, InvalidMessage};
    let name = ServerName::try_from(smtp.host.clone())
        .map_err(|_| Trouble::operator("smtp.host is neither a host name nor an IP address"))?;
    let shaken = TlsConnector::from(Arc::clone(tls)).connect(name, tcp).await;
    let stream = shaken.map_err(|error| match error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>()) {
        Some(InvalidCertificate(why)) => Trouble::operator(format!(
            "the certificate of {} is not trusted ({why}): if it has a certification authority of its own, name its \
             certificate in `tls.ca_file`; otherwise check smtp.host",
            place(smtp)
        )),
        Some(InvalidMessage(_)) => Trouble::operator(format!(
            "{} does not speak TLS: check smtp.port and smtp.security",
            place(smtp)
        )),
        _ => Trouble::retry(format!("TLS with {} failed ({error})", place(smtp))),
    })?;
    Ok(Box::new(stream))
}

trait Io: AsyncRead + AsyncWrite + Send + Sync + Unpin + fmt::Debug {}

impl<T: AsyncRead + AsyncWrite + Send + Sync + Unpin + fmt::Debug> Io for T {}

/// What is read first, and then the connection.
#[derive(Debug)]
struct Wire {
    said: Bytes,
    io: Box<dyn Io>,
    peer: SocketAddr,
}

impl AsyncTokioStream for Wire {
    fn peer_addr(&self) -> io::Result<SocketAddr> {
        Ok(self.peer)
    }
}

impl AsyncRead for Wire {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, out: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        if self.said.has_remaining() {
            let length = self.said.len().min(out.remaining());
            out.put_slice(&self.said.split_to(length));
            return Poll::Ready(Ok(()));
        }
        Pin::new(&mut self.io).poll_read(cx, out)
    }
}

impl AsyncWrite for Wire {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(cx)
    }
}
