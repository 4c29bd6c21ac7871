//! The answer of a browser on the same machine (RFC 8252 section 7.3).

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use axum::Router;
use axum::extract::{Query, State};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::get;
use tokio::net::TcpListener;
use tokio::sync::{mpsc, oneshot};
use tokio::time::timeout;
use tokio_util::sync::{CancellationToken, DropGuard};
use tokio_util::task::TaskTracker;
use url::Url;

use super::pages::Page;
use crate::oauth::consent::Answer;
use crate::trouble::Trouble;

/// What the browser is told.
pub enum Reply {
    /// A page.
    Page(Box<Page>),
    /// Where to go next.
    Goto(Url),
}

type Question = (Answer, oneshot::Sender<Reply>);

/// A port on this machine that waits for answers, until it is dropped.
pub struct Loopback {
    /// Where the browser brings them.
    pub redirect_uri: Url,
    questions: mpsc::Receiver<Question>,
    servers: TaskTracker,
    stop: DropGuard,
}

/// How long a browser may take to fetch the last page.
const LAST_PAGE: Duration = Duration::from_secs(5);

impl Loopback {
    /// Listens for what comes to `base`, on its port or on a free one.
    pub async fn bind(base: &Url) -> Result<Self, Trouble> {
        let taken = |error| Trouble::operator(format!("cannot listen for the browser's answer: {error}"));
        let first = TcpListener::bind((Ipv4Addr::LOCALHOST, base.port().unwrap_or(0))).await.map_err(taken)?;
        let port = first.local_addr().map_err(taken)?.port();
        let mut redirect_uri = base.clone();
        let with_port = redirect_uri.set_port(Some(port));
        with_port.map_err(|()| Trouble::operator("loopback_redirect_uri takes no port"))?;
        let (ask, questions) = mpsc::channel(8);
        let (stop, servers) = (CancellationToken::new(), TaskTracker::new());
        let path = redirect_uri.path().to_owned();
        // `localhost` may be either of them; that IPv6 is missing is no obstacle.
        let second = TcpListener::bind(SocketAddr::from((Ipv6Addr::LOCALHOST, port))).await.ok();
        for listener in std::iter::once(first).chain(second) {
            let app =
                Router::new().route(&path, get(answered)).fallback(super::connect::nothing).with_state(ask.clone());
            let stopped = stop.clone().cancelled_owned();
            servers.spawn(async move { axum::serve(listener, app).with_graceful_shutdown(stopped).await });
        }
        Ok(Self { redirect_uri, questions, servers, stop: stop.drop_guard() })
    }

    /// The next answer, and where its reply goes.
    pub async fn next(&mut self) -> Option<(Answer, oneshot::Sender<Reply>)> {
        self.questions.recv().await
    }

    /// Ends when the browser has got its last page.
    pub async fn close(self) {
        drop(self.stop);
        self.servers.close();
        let _ = timeout(LAST_PAGE, self.servers.wait()).await;
    }
}

async fn answered(State(ask): State<mpsc::Sender<Question>>, Query(answer): Query<Answer>) -> Response {
    let (reply, replied) = oneshot::channel();
    if ask.send((answer, reply)).await.is_err() {
        return Page::nothing().into_response();
    }
    match replied.await {
        Ok(Reply::Page(page)) => page.into_response(),
        Ok(Reply::Goto(url)) => Redirect::to(url.as_str()).into_response(),
        Err(_) => Page::nothing().into_response(),
    }
}
