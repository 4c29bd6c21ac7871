//! A token endpoint on loopback that answers as a test tells it to.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use futures::future::BoxFuture;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::AbortHandle;

pub(super) type Form = HashMap<String, String>;

pub(super) struct Endpoint {
    pub(super) url: String,
    seen: Arc<Mutex<Vec<Form>>>,
    count: watch::Receiver<usize>,
    server: Option<AbortHandle>,
}

impl Drop for Endpoint {
    fn drop(&mut self) {
        if let Some(server) = &self.server {
            server.abort();
        }
    }
}

/// A response that is ready.
pub(super) fn answer(response: &str) -> BoxFuture<'static, String> {
    Box::pin(std::future::ready(response.to_owned()))
}

pub(super) fn json(status: u16, body: &str) -> String {
    let length = body.len();
    format!(
        "HTTP/1.1 {status} x\r\ncontent-type: application/json\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}"
    )
}

impl Endpoint {
    /// Starts an endpoint; `respond` gets the number of the request, from 1, and its form.
    pub(super) async fn start(
        respond: impl Fn(usize, &Form) -> BoxFuture<'static, String> + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/token", listener.local_addr().unwrap());
        let seen = Arc::new(Mutex::new(Vec::new()));
        let (counter, count) = watch::channel(0);
        let (respond, forms) = (Arc::new(respond), Arc::clone(&seen));
        let server = tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let form = read(&mut stream).await;
                let number = {
                    let mut forms = forms.lock().unwrap();
                    forms.push(form.clone());
                    forms.len()
                };
                counter.send_replace(number);
                let respond = Arc::clone(&respond);
                tokio::spawn(async move {
                    let response = respond(number, &form).await;
                    let _ = stream.write_all(response.as_bytes()).await;
                    let _ = stream.shutdown().await;
                });
            }
        });
        Self { url, seen, count, server: Some(server.abort_handle()) }
    }

    /// A place where nobody listens.
    pub(super) async fn gone() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/token", listener.local_addr().unwrap());
        Self { url, seen: Arc::default(), count: watch::channel(0).1, server: None }
    }

    /// The forms of the requests so far.
    pub(super) fn seen(&self) -> Vec<Form> {
        self.seen.lock().unwrap().clone()
    }

    /// Waits until there were so many requests.
    pub(super) async fn has_seen(&self, number: usize) {
        self.count.clone().wait_for(|count| *count >= number).await.unwrap();
    }
}

async fn read(stream: &mut TcpStream) -> Form {
    let mut reader = BufReader::new(stream);
    let mut length = 0;
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).await.unwrap();
        if line.trim().is_empty() {
            break;
        }
        if let Some(value) = line.to_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().unwrap();
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).await.unwrap();
    url::form_urlencoded::parse(&body).into_owned().collect()
}
