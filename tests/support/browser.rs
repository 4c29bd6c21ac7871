//! A browser as far as OAuth needs one: it follows redirects and carries cookies.

use std::collections::HashMap;
use std::sync::Mutex;

use reqwest::header::{COOKIE, LOCATION, SET_COOKIE};
use reqwest::redirect::Policy;
use url::Url;

/// What it ends at.
#[derive(Debug)]
pub struct Seen {
    pub url: Url,
    pub status: u16,
    pub text: String,
}

pub struct Browser {
    client: reqwest::Client,
    /// By host and port: cookies do not know ports, but two servers of a test are two machines.
    cookies: Mutex<HashMap<String, String>>,
}

pub fn browser() -> Browser {
    // The first of all tests installs it.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let client = reqwest::Client::builder().redirect(Policy::none()).build().unwrap();
    Browser { client, cookies: Mutex::default() }
}

impl Browser {
    /// Opens an address and goes where it is sent.
    pub async fn visit(&self, address: &str) -> Seen {
        let response = self.get(address).await;
        self.follow(response).await
    }

    /// Sends the form of a page.
    pub async fn submit(&self, address: &str) -> Seen {
        let url = Url::parse(address).unwrap();
        let request = self.client.post(url.clone()).header(COOKIE, self.cookie(&url));
        let response = request.send().await.unwrap();
        self.remember(&url, &response);
        self.follow(response).await
    }

    /// Sends the form of a page, goes where it leads, and stops before where that leads.
    pub async fn almost_back(&self, address: &str) -> String {
        let url = Url::parse(address).unwrap();
        let response = self.client.post(url.clone()).send().await.unwrap();
        self.remember(&url, &response);
        self.sent_to(location(&response).expect("a redirect").as_str()).await
    }

    /// Where the first redirect goes.
    pub async fn sent_to(&self, address: &str) -> String {
        location(&self.get(address).await).expect("a redirect").into()
    }

    async fn get(&self, address: &str) -> reqwest::Response {
        let url = Url::parse(address).unwrap();
        let response = self.client.get(url.clone()).header(COOKIE, self.cookie(&url)).send().await.unwrap();
        self.remember(&url, &response);
        response
    }

    async fn follow(&self, mut response: reqwest::Response) -> Seen {
        for _ in 0..10 {
            match location(&response) {
                Some(next) => response = self.get(next.as_str()).await,
                None => break,
            }
        }
        let (url, status) = (response.url().clone(), response.status().as_u16());
        Seen { url, status, text: response.text().await.unwrap() }
    }

    fn cookie(&self, url: &Url) -> String {
        self.cookies.lock().unwrap().get(url.authority()).cloned().unwrap_or_default()
    }

    fn remember(&self, url: &Url, response: &reqwest::Response) {
        if let Some(cookie) = response.headers().get(SET_COOKIE) {
            let pair = cookie.to_str().unwrap().split(';').next().unwrap().to_owned();
            self.cookies.lock().unwrap().insert(url.authority().to_owned(), pair);
        }
    }
}

fn location(response: &reqwest::Response) -> Option<Url> {
    let to = response.headers().get(LOCATION)?.to_str().unwrap();
    Some(response.url().join(to).unwrap())
}
