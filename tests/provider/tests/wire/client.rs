//! The smallest IMAP and HTTP clients that can show what comes over the wire.

use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use provider::{MailServer, Profile, Provider};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

pub const ANNA: &str = "anna@ours.example";

pub trait Io: AsyncRead + AsyncWrite + Unpin + Send {}
impl<T: AsyncRead + AsyncWrite + Unpin + Send> Io for T {}

pub struct Client {
    stream: BufReader<Box<dyn Io>>,
    pub greeting: String,
}

impl Client {
    pub async fn tls(server: &MailServer, name: &'static str) -> std::io::Result<Self> {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_slice(server.ca_pem().as_bytes()).unwrap()).unwrap();
        let config = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        let socket = TcpStream::connect(("127.0.0.1", server.port())).await?;
        let stream = TlsConnector::from(Arc::new(config)).connect(ServerName::try_from(name).unwrap(), socket).await?;
        Ok(Self::over(Box::new(stream)).await)
    }

    pub async fn plaintext(server: &MailServer) -> Self {
        Self::over(Box::new(TcpStream::connect(("127.0.0.1", server.port())).await.unwrap())).await
    }

    async fn over(stream: Box<dyn Io>) -> Self {
        let mut client = Self { stream: BufReader::new(stream), greeting: String::new() };
        client.greeting = client.line().await;
        client
    }

    /// Connected and logged in as Anna with a fresh token.
    pub async fn of(provider: &Provider) -> Self {
        let mut client = Self::tls(&provider.mail, "localhost").await.unwrap();
        let answer = client.ask(&format!("AUTHENTICATE XOAUTH2 {}", sasl(provider, ANNA))).await;
        assert!(answer.contains("a OK"), "{answer}");
        client
    }

    pub async fn send(&mut self, text: &str) {
        self.stream.write_all(text.as_bytes()).await.unwrap();
        self.stream.flush().await.unwrap();
    }

    /// A line with its end; empty when the server is gone.
    pub async fn line(&mut self) -> String {
        let mut line = Vec::new();
        // A cut connection is an error to rustls, and the end of the line to us.
        let _cut = self.stream.read_until(b'\n', &mut line).await;
        String::from_utf8_lossy(&line).into_owned()
    }

    /// Sends one command with the tag `a` and reads to its tagged answer, or to the end of the connection.
    pub async fn ask(&mut self, command: &str) -> String {
        self.send(&format!("a {command}\r\n")).await;
        self.answer("a").await
    }

    pub async fn answer(&mut self, tag: &str) -> String {
        let mut all = String::new();
        loop {
            let line = self.line().await;
            all.push_str(&line);
            if line.is_empty() || line.starts_with(&format!("{tag} ")) {
                return all;
            }
        }
    }

    /// Exactly so many bytes.
    pub async fn bytes(&mut self, count: usize) -> Vec<u8> {
        let mut bytes = vec![0; count];
        self.stream.read_exact(&mut bytes).await.unwrap();
        bytes
    }

    /// The end of the connection: `Ok` with close_notify, `Err` without.
    pub async fn end(&mut self) -> std::io::Result<Vec<u8>> {
        let mut rest = Vec::new();
        self.stream.read_to_end(&mut rest).await.map(|_| rest)
    }
}

pub fn sasl(provider: &Provider, user: &str) -> String {
    sasl_with(user, &provider.oauth.access_token(user))
}

pub fn sasl_with(user: &str, token: &str) -> String {
    STANDARD.encode(format!("user={user}\x01auth=Bearer {token}\x01\x01"))
}

/// A provider with Anna, and a client logged in as her.
pub async fn anna(profile: Profile) -> (Provider, Client) {
    let provider = Provider::start(profile).await;
    provider.create_user(ANNA);
    let client = Client::of(&provider).await;
    (provider, client)
}

pub fn mail(id: &str, subject: &str) -> String {
    format!(
        "Message-ID: <{id}@there.example>\r\nFrom: Bo <bo@there.example>\r\nTo: anna@ours.example,\r\n\tlog@ours.example\r\n\
         Subject: {subject}\r\n\r\nBody of {id}.\r\n"
    )
}

/// One HTTP exchange: status, head and body.
pub async fn http(method: &str, url: &str, form: &[(&str, &str)]) -> (u16, String, String) {
    let url = url::Url::parse(url).unwrap();
    let body: String = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish();
    let target = match url.query() {
        Some(query) => format!("{}?{query}", url.path()),
        None => url.path().to_owned(),
    };
    let request = format!(
        "{method} {target} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\
         Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    let mut socket = TcpStream::connect(("127.0.0.1", url.port().unwrap())).await.unwrap();
    socket.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    socket.read_to_string(&mut answer).await.unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    (status, head.to_owned(), body.to_owned())
}
