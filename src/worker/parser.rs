//! Parsing on a thread beside the runtime's. A parser that does not come to an end cannot be stopped, only left behind: the
//! message is set aside, and everybody else goes on.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, mpsc as jobs};
use std::time::Duration;

use tokio::sync::mpsc;

use super::parse_stage::{Read, Wants, What, read};

/// How long messages that are parsed together may take: some thousand times as long as they do.
const WITHIN: Duration = Duration::from_secs(60);

/// As the runtime's own threads have.
const STACK: usize = 8 << 20;

/// Threads that were left behind since the program began.
static LEFT_BEHIND: AtomicU64 = AtomicU64::new(0);

/// Parses for one run of messages, on one thread as long as that answers.
pub(super) struct Parser {
    wants: Wants,
    within: Duration,
    read: fn(&[u8], Wants) -> Read,
    thread: Option<Thread>,
}

/// Shared, because a thread that is left behind keeps its messages.
type Batch = Vec<Arc<Vec<u8>>>;

struct Thread {
    jobs: jobs::Sender<Batch>,
    done: mpsc::Receiver<Vec<Read>>,
}

impl Parser {
    pub(super) fn new(wants: Wants) -> Self {
        Self { wants, within: WITHIN, read, thread: None }
    }

    /// What came of one message.
    pub(super) async fn one(bytes: Vec<u8>, wants: Wants) -> What {
        let parsed = Self::new(wants).parse(vec![bytes]).await;
        parsed.into_iter().next().unwrap_or(What::Gone)
    }

    /// What came of each message, in order.
    pub(super) async fn parse(&mut self, messages: Vec<Vec<u8>>) -> Vec<What> {
        let batch: Batch = messages.into_iter().map(Arc::new).collect();
        let reads = match self.together(&batch).await {
            Some(reads) => reads,
            None if batch.len() == 1 => vec![stuck()],
            None => self.one_by_one(&batch).await,
        };
        let whole = batch.into_iter().zip(reads);
        whole.map(|(bytes, read)| What::of(read, Arc::unwrap_or_clone(bytes), self.wants)).collect()
    }

    /// To find the one that does not come to an end.
    async fn one_by_one(&mut self, batch: &Batch) -> Vec<Read> {
        let mut reads = Vec::with_capacity(batch.len());
        for message in batch {
            let read = self.together(&vec![Arc::clone(message)]).await;
            reads.push(read.and_then(|mut read| read.pop()).unwrap_or_else(stuck));
        }
        reads
    }

    /// None if it takes too long; the thread is left behind then.
    async fn together(&mut self, batch: &Batch) -> Option<Vec<Read>> {
        let mut thread = match self.thread.take() {
            Some(thread) => thread,
            None => match Thread::start(self.read, self.wants) {
                Some(thread) => thread,
                // A machine without room for a thread: as well as can be.
                None => return Some(batch.iter().map(|bytes| (self.read)(bytes, self.wants)).collect()),
            },
        };
        thread.jobs.send(batch.clone()).ok()?;
        match tokio::time::timeout(self.within, thread.done.recv()).await {
            Ok(reads) => {
                self.thread = Some(thread);
                reads
            }
            Err(_) => {
                let all = LEFT_BEHIND.fetch_add(1, Ordering::Relaxed) + 1;
                crate::metrics::parsers_left_behind(all);
                tracing::error!(all, "a parser does not come to an end and is left behind; this is a defect");
                None
            }
        }
    }
}

impl Thread {
    /// Ends when nobody has messages for it any more.
    fn start(read: fn(&[u8], Wants) -> Read, wants: Wants) -> Option<Self> {
        let (send, receive) = jobs::channel::<Batch>();
        let (answer, done) = mpsc::channel(1);
        let work = move || {
            while let Ok(batch) = receive.recv() {
                let reads = batch.iter().map(|bytes| read(bytes, wants)).collect();
                // The bytes are whole again when nobody else has a share in them.
                drop(batch);
                if answer.blocking_send(reads).is_err() {
                    return;
                }
            }
        };
        std::thread::Builder::new().name("parser".to_owned()).stack_size(STACK).spawn(work).ok()?;
        Some(Self { jobs: send, done })
    }
}

fn stuck() -> Read {
    Err("The parser did not come to an end on the message.".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Does not come to an end on one message.
    fn may_hang(bytes: &[u8], wants: Wants) -> Read {
        if bytes == b"for ever" {
            loop {
                std::thread::park();
            }
        }
        read(bytes, wants)
    }

    #[tokio::test]
    async fn a_message_that_keeps_its_parser_for_ever_is_set_aside_alone_with_its_bytes() {
        let mut parser = Parser { within: Duration::from_millis(300), read: may_hang, ..Parser::new(Wants::default()) };
        let mail =
            |subject: &str| format!("From: anna@ours.example\r\nSubject: {subject}\r\n\r\nHello.\r\n").into_bytes();
        let before = LEFT_BEHIND.load(Ordering::Relaxed);
        let parsed = parser.parse(vec![mail("one"), b"for ever".to_vec(), mail("three")]).await;
        let [What::Mail(..), What::Unparsable(reason, bytes), What::Mail(..)] = &parsed[..] else {
            panic!("others are set aside")
        };
        assert_eq!((reason.contains("end"), bytes.as_slice()), (true, &b"for ever"[..]));
        assert_eq!(LEFT_BEHIND.load(Ordering::Relaxed) - before, 2);
        let parsed = parser.parse(vec![mail("four")]).await;
        assert!(matches!(&parsed[..], [What::Mail(..)]));
        assert!(matches!(&parser.parse(vec![b"for ever".to_vec()]).await[..], [What::Unparsable(..)]));
        assert_eq!(LEFT_BEHIND.load(Ordering::Relaxed) - before, 3);
    }
}
