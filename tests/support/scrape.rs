//! An operator's view of a running service: its metrics and its health.

use std::collections::BTreeMap;
use std::net::TcpListener;
use std::time::{Duration, Instant};

/// How long anything that is waited for may take.
const PATIENCE: Duration = Duration::from_secs(90);

/// An address that was free just now.
pub fn free_address() -> String {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string()
}

/// The service at an address.
pub struct Scrape {
    client: reqwest::Client,
    base: String,
}

impl Scrape {
    pub fn of(listen: &str) -> Self {
        // The first of all tests installs it.
        let _ = rustls::crypto::ring::default_provider().install_default();
        Self { client: reqwest::Client::new(), base: format!("http://{listen}") }
    }

    /// A page: its status and its text.
    pub async fn get(&self, path: &str) -> (u16, String) {
        let answer = self.client.get(format!("{}{path}", self.base)).send().await.unwrap();
        (answer.status().as_u16(), answer.text().await.unwrap())
    }

    /// Waits until the service says that it is ready.
    pub async fn until_ready(&self) {
        let start = Instant::now();
        loop {
            let answer = self.client.get(format!("{}/readyz", self.base)).send().await;
            if answer.is_ok_and(|answer| answer.status().is_success()) {
                return;
            }
            assert!(start.elapsed() < PATIENCE, "the service is never ready");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    pub async fn metrics(&self) -> String {
        let (status, text) = self.get("/metrics").await;
        assert_eq!(status, 200, "{text}");
        text
    }

    /// Waits until the metrics have a line that begins so.
    pub async fn until(&self, begins: &str) {
        self.until_that(begins, |text| text.lines().any(|line| line.starts_with(begins))).await;
    }

    /// Waits until the metrics are so.
    pub async fn until_that(&self, what: &str, is_so: impl Fn(&str) -> bool) -> Duration {
        let start = Instant::now();
        loop {
            let text = self.metrics().await;
            if is_so(&text) {
                return start.elapsed();
            }
            assert!(start.elapsed() < PATIENCE, "never {what}: {text}");
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }
}

/// The accounts that are unwell by a text of metrics: id, and the kind of trouble.
pub fn unwell(text: &str) -> BTreeMap<String, String> {
    let lines = text.lines().filter_map(|line| line.strip_prefix("mailtrail_account_unwell{account=\""));
    let label = |line: &str, name: &str| {
        let (_, rest) = line.split_once(&format!("{name}=\""))?;
        Some(rest.split_once('"')?.0.to_owned())
    };
    lines.filter_map(|line| Some((line.split_once('"')?.0.to_owned(), label(line, "trouble")?))).collect()
}
