//! Headless Chromium, driven over WebDriver (W3C).

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::{Value, json};

use super::guard::Guard;

const DRIVER: &str = "/usr/bin/chromedriver";
const BROWSER: &str = "/usr/bin/chromium";

/// A browser with one window.
pub struct Chromium {
    session: String,
    client: reqwest::Client,
    _driver: Guard,
}

impl Chromium {
    /// `None` where it is not installed.
    pub async fn start() -> Option<Self> {
        if !Path::new(DRIVER).exists() || !Path::new(BROWSER).exists() {
            super::missing("Chromium", "chromium-driver");
            return None;
        }
        let _ = rustls::crypto::ring::default_provider().install_default();
        let folder = tempfile::Builder::new().prefix("mailtrail-chromium").tempdir().unwrap().keep();
        let driver = Guard::start(&folder, "TERM", &[DRIVER.to_owned(), "--port=0".to_owned()]);
        let mut port = None;
        driver.wait_until(|| {
            port = told_port(&folder.join("output"));
            port.is_some()
        });
        let base = format!("http://127.0.0.1:{}/session", port.expect("chromedriver names its port"));
        let client = reqwest::Client::new();
        let profile: PathBuf = folder.join("profile");
        let options = json!({
            "binary": BROWSER,
            "args": ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
                     format!("--user-data-dir={}", profile.display())],
        });
        let wanted = json!({"capabilities": {"alwaysMatch": {"goog:chromeOptions": options}}});
        let made: Value = answer(client.post(&base).body(wanted.to_string())).await;
        let session = format!("{base}/{}", made["sessionId"].as_str().expect("a session"));
        Some(Self { session, client, _driver: driver })
    }

    pub async fn open(&self, url: &str) {
        self.post("url", &json!({"url": url})).await;
    }

    pub async fn title(&self) -> String {
        let title = answer(self.client.get(format!("{}/title", self.session))).await;
        title.as_str().unwrap().to_owned()
    }

    /// The title as soon as it is another.
    pub async fn title_after(&self, before: &str) -> String {
        for _ in 0..300 {
            let title = self.title().await;
            if title != before {
                return title;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        panic!("the page stays {before}");
    }

    pub async fn click(&self, css: &str) {
        let found = self.post("element", &json!({"using": "css selector", "value": css})).await;
        let id = found.as_object().unwrap().values().next().unwrap().as_str().unwrap().to_owned();
        self.post(&format!("element/{id}/click"), &json!({})).await;
    }

    async fn post(&self, command: &str, body: &Value) -> Value {
        answer(self.client.post(format!("{}/{command}", self.session)).body(body.to_string())).await
    }
}

async fn answer(request: reqwest::RequestBuilder) -> Value {
    let text = request.send().await.unwrap().text().await.unwrap();
    let answer: Value = serde_json::from_str(&text).unwrap();
    assert!(answer["value"]["error"].is_null(), "{text}");
    answer["value"].clone()
}

fn told_port(output: &Path) -> Option<u16> {
    let lines = BufReader::new(std::fs::File::open(output).ok()?).lines();
    let told = lines.map_while(Result::ok).find(|line| line.contains("successfully on port "))?;
    told.rsplit("on port ").next()?.trim_end_matches('.').parse().ok()
}
