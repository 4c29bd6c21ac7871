//! A long cable: a proxy that delivers every byte half a round trip after it was sent, without slowing the flow.

use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio::time::Instant;

/// What may be under way in one direction; a window that long distances do have.
const WINDOW: usize = 16 << 20;
const CHUNK: usize = 32 << 10;

/// A running proxy; dropped, it is gone.
pub struct Distance {
    port: u16,
    runtime: Option<tokio::runtime::Runtime>,
}

struct Chunk {
    due: Instant,
    bytes: Vec<u8>,
    _window: OwnedSemaphorePermit,
}

impl Distance {
    /// Listens on a port of its own and carries every connection to `target`.
    pub fn start(target: u16, round_trip: Duration) -> Self {
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().expect("a runtime");
        let listener = runtime.block_on(TcpListener::bind(("127.0.0.1", 0))).expect("a loopback port");
        let port = listener.local_addr().expect("its address").port();
        runtime.spawn(async move {
            while let Ok((near, _)) = listener.accept().await {
                tokio::spawn(carry(near, target, round_trip));
            }
        });
        Self { port, runtime: Some(runtime) }
    }

    /// The near end.
    pub fn port(&self) -> u16 {
        self.port
    }
}

impl Drop for Distance {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

async fn carry(near: TcpStream, target: u16, round_trip: Duration) {
    // The TCP handshake takes a round trip too; the kernel has answered the near end at once.
    tokio::time::sleep(round_trip).await;
    let Ok(far) = TcpStream::connect(("127.0.0.1", target)).await else { return };
    let _ = (near.set_nodelay(true), far.set_nodelay(true));
    let ((near_in, near_out), (far_in, far_out)) = (near.into_split(), far.into_split());
    tokio::join!(lane(near_in, far_out, round_trip / 2), lane(far_in, near_out, round_trip / 2));
}

/// One direction. Reading goes on while earlier chunks are still on their way.
async fn lane(input: OwnedReadHalf, mut output: OwnedWriteHalf, delay: Duration) {
    let (sender, mut receiver) = mpsc::unbounded_channel::<Chunk>();
    let reader = tokio::spawn(read(input, sender, delay));
    while let Some(chunk) = receiver.recv().await {
        tokio::time::sleep_until(chunk.due).await;
        if output.write_all(&chunk.bytes).await.is_err() {
            break;
        }
    }
    reader.abort();
    let _ = output.shutdown().await;
}

async fn read(mut input: OwnedReadHalf, sender: mpsc::UnboundedSender<Chunk>, delay: Duration) {
    let window = Arc::new(Semaphore::new(WINDOW));
    loop {
        let mut bytes = vec![0; CHUNK];
        let Ok(length @ 1..) = input.read(&mut bytes).await else { return };
        bytes.truncate(length);
        let due = Instant::now() + delay;
        let weight = u32::try_from(length).expect("a chunk is small");
        let Ok(permit) = Arc::clone(&window).acquire_many_owned(weight).await else { return };
        if sender.send(Chunk { due, bytes, _window: permit }).is_err() {
            return;
        }
    }
}
