//! Accepts connections, shakes hands, starts sessions.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use rustls::ServerConfig;
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

use super::Server;
use super::session::Session;
use super::wire::Io;

pub(crate) async fn listen(server: Arc<Server>, listener: TcpListener, tls: Option<Arc<ServerConfig>>) {
    let acceptor = tls.map(TlsAcceptor::from);
    loop {
        let accepted = tokio::select! {
            () = server.stop.cancelled() => return,
            accepted = listener.accept() => accepted,
        };
        if let Ok((socket, _)) = accepted {
            let id = server.sessions.fetch_add(1, Ordering::Relaxed) + 1;
            tokio::spawn(serve(Arc::clone(&server), id, socket, acceptor.clone()));
        }
    }
}

/// Ends with the client, with the server, or with the first broken read or write: that is the client's doing, and the
/// client is what the test looks at.
async fn serve(server: Arc<Server>, id: u64, socket: TcpStream, acceptor: Option<TlsAcceptor>) {
    let stop = server.stop.clone();
    let session = async move {
        socket.set_nodelay(true)?;
        let stream: Box<dyn Io> = match acceptor {
            Some(acceptor) => Box::new(acceptor.accept(socket).await?),
            None => Box::new(socket),
        };
        Session::new(&server, id, stream).run().await
    };
    tokio::select! {
        () = stop.cancelled() => {},
        _ended = session => {},
    }
}
