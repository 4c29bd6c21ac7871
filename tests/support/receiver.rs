//! A CRM that receives webhooks: a real HTTP server on loopback, which checks signatures by itself and fails on demand.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use mailtrail::clock::Clock;
use serde_json::Value;
use sha2::Sha256;

/// How long a test waits for what must come.
const PATIENCE: Duration = Duration::from_secs(60);

/// What the server does with a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reply {
    /// Answers with this status.
    Status(u16),
    /// The same, and asks to be left alone for so many seconds.
    After(u16, u64),
    /// Sends the sender elsewhere.
    Elsewhere,
    /// Never answers.
    Silence,
}

/// A request as it came.
#[derive(Clone, Debug)]
pub struct Got {
    pub id: String,
    pub body: Value,
    pub text: String,
    pub at: Instant,
    pub reply: Reply,
    /// Whether the signature is that of the secret, and fresh.
    pub is_genuine: bool,
}

impl Got {
    pub fn is_taken(&self) -> bool {
        self.reply == Reply::Status(204)
    }

    pub fn kind(&self) -> &str {
        self.body["type"].as_str().unwrap()
    }
}

type Rule = Box<dyn FnMut(&Value) -> Reply + Send>;

struct Inner {
    got: Vec<Got>,
    secret: Option<Vec<u8>>,
    rule: Rule,
    count: usize,
    records: bool,
}

/// The server; it ends with the process.
pub struct Receiver {
    pub url: String,
    inner: Arc<Mutex<Inner>>,
}

impl Receiver {
    /// Listens on a free port, on a thread of its own: a test that blocks keeps nobody waiting.
    pub fn start() -> Self {
        let inner =
            Inner { got: Vec::new(), secret: None, rule: Box::new(|_| Reply::Status(204)), count: 0, records: true };
        let inner = Arc::new(Mutex::new(inner));
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let url = format!("http://{}/hooks", listener.local_addr().unwrap());
        let app = Router::new().route("/hooks", post(receive)).with_state(Arc::clone(&inner));
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                let listener = tokio::net::TcpListener::from_std(listener).unwrap();
                axum::serve(listener, app).await.unwrap();
            });
        });
        Self { url, inner }
    }

    /// Checks signatures by this secret from now on.
    pub fn expect_secret(&self, text: &str) {
        self.inner().secret = Some(STANDARD.decode(text.trim().strip_prefix("whsec_").unwrap()).unwrap());
    }

    /// Decides from now on what becomes of a request.
    pub fn decide(&self, rule: impl FnMut(&Value) -> Reply + Send + 'static) {
        self.inner().rule = Box::new(rule);
    }

    /// Every request is answered so.
    pub fn always(&self, reply: Reply) {
        self.decide(move |_| reply);
    }

    /// Counts requests from now on, and keeps none.
    pub fn only_count(&self) {
        self.inner().records = false;
    }

    pub fn count(&self) -> usize {
        self.inner().count
    }

    pub fn got(&self) -> Vec<Got> {
        self.inner().got.clone()
    }

    pub fn forget(&self) {
        self.inner().got.clear();
    }

    /// The bodies that were taken, each once, in the order in which they first came.
    pub fn taken(&self) -> Vec<Value> {
        let mut seen = std::collections::HashSet::new();
        let taken = self.got().into_iter().filter(|got| got.is_taken() && seen.insert(got.id.clone()));
        taken.map(|got| got.body).collect()
    }

    /// Waits until what came is enough.
    pub fn wait(&self, enough: impl Fn(&[Got]) -> bool) {
        let until = Instant::now() + PATIENCE;
        while !enough(&self.inner().got) {
            let kinds = || self.got().iter().map(|got| format!("{} {:?}", got.kind(), got.reply)).collect::<Vec<_>>();
            assert!(Instant::now() < until, "it never comes: {:?}", kinds());
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn receive(State(inner): State<Arc<Mutex<Inner>>>, headers: HeaderMap, bytes: Bytes) -> Response {
    let reply = {
        let mut inner = inner.lock().unwrap_or_else(PoisonError::into_inner);
        let body: Value = serde_json::from_slice(&bytes).unwrap_or_default();
        let reply = (inner.rule)(&body);
        inner.count += 1;
        if inner.records {
            let is_genuine = inner.secret.as_ref().is_some_and(|secret| is_genuine(secret, &headers, &bytes));
            let id = text(&headers, "webhook-id");
            let text = String::from_utf8_lossy(&bytes).into_owned();
            inner.got.push(Got { id, body, text, at: Instant::now(), reply, is_genuine });
        }
        reply
    };
    let status = |status| StatusCode::from_u16(status).unwrap();
    match reply {
        Reply::Status(code) => status(code).into_response(),
        Reply::After(code, seconds) => (status(code), [("retry-after", seconds.to_string())]).into_response(),
        Reply::Elsewhere => (status(307), [("location", "/hooks")]).into_response(),
        Reply::Silence => std::future::pending().await,
    }
}

/// As a receiver does that knows the standard and nothing of us.
fn is_genuine(secret: &[u8], headers: &HeaderMap, body: &[u8]) -> bool {
    let (id, timestamp) = (text(headers, "webhook-id"), text(headers, "webhook-timestamp"));
    let age = timestamp.parse::<i64>().map_or(i64::MAX, |sent| (Clock::system().now().timestamp() - sent).abs());
    let mut mac = Hmac::<Sha256>::new_from_slice(secret).unwrap();
    for part in [id.as_bytes(), b".", timestamp.as_bytes(), b".", body] {
        mac.update(part);
    }
    let signed = text(headers, "webhook-signature");
    let signature = signed.strip_prefix("v1,").and_then(|signature| STANDARD.decode(signature).ok());
    age < 300 && signature.is_some_and(|signature| mac.verify_slice(&signature).is_ok())
}

fn text(headers: &HeaderMap, name: &str) -> String {
    headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned()
}
