//! The other side of a mailbox: a blocking IMAP client that delivers and removes mail over the plaintext loopback port.

use std::io::{BufRead, BufReader, BufWriter, Write};
use std::net::TcpStream;

/// A MULTIAPPEND (RFC 3502) is closed when it holds this much.
const BATCH_BYTES: usize = 8 << 20;
const BATCH_MAILS: usize = 500;

/// How the sessions of this client are told from those that a test looks at.
pub const MARK: &str = "ID (\"name\" \"appender\")";

/// One logged-in connection.
pub struct Appender {
    reader: BufReader<TcpStream>,
    writer: BufWriter<TcpStream>,
    tag: u32,
}

impl Appender {
    /// Connects and logs in.
    pub fn connect(port: u16, user: &str, password: &str) -> Self {
        let stream = TcpStream::connect(("127.0.0.1", port)).expect("the server listens");
        stream.set_nodelay(true).expect("TCP_NODELAY");
        let reader = BufReader::new(stream.try_clone().expect("a second handle"));
        let mut client = Self { reader, writer: BufWriter::with_capacity(1 << 18, stream), tag: 0 };
        client.line();
        client.command(&format!("LOGIN \"{user}\" \"{password}\""));
        client.command(MARK);
        client
    }

    /// Delivers in order; UIDs ascend with it.
    pub fn append<M: AsRef<[u8]>>(&mut self, mailbox: &str, mails: impl IntoIterator<Item = M>) {
        let (mut bytes, mut count) = (0, 0);
        for mail in mails {
            let mail = mail.as_ref();
            if count == 0 {
                self.begin(&format!("APPEND \"{mailbox}\""));
            }
            // Non-synchronising literals (RFC 7888): no wait for the server between the mails.
            self.write(format!(" {{{}+}}\r\n", mail.len()).as_bytes());
            self.write(mail);
            (bytes, count) = (bytes + mail.len(), count + 1);
            if bytes >= BATCH_BYTES || count >= BATCH_MAILS {
                self.finish();
                (bytes, count) = (0, 0);
            }
        }
        if count > 0 {
            self.finish();
        }
    }

    /// Makes a mailbox; `name` as on the wire (modified UTF-7).
    pub fn create(&mut self, name: &str) {
        self.command(&format!("CREATE \"{name}\""));
    }

    /// Removes a mailbox; made again it has another UIDVALIDITY.
    pub fn delete(&mut self, name: &str) {
        self.command(&format!("DELETE \"{name}\""));
    }

    /// Removes messages for good; `uids` as in a command, for example `3:5,9`.
    pub fn expunge(&mut self, mailbox: &str, uids: &str) {
        self.command(&format!("SELECT \"{mailbox}\""));
        self.command(&format!("UID STORE {uids} +FLAGS.SILENT (\\Deleted)"));
        self.command(&format!("UID EXPUNGE {uids}"));
        self.command("UNSELECT");
    }

    /// Runs a command and returns its untagged lines. Anything but OK is a failed test.
    pub fn command(&mut self, command: &str) -> Vec<String> {
        self.begin(command);
        self.finish()
    }

    /// Logs out, so that the server has written its record of this session.
    pub fn leave(mut self) {
        self.command("LOGOUT");
    }

    fn begin(&mut self, command: &str) {
        self.tag += 1;
        self.write(format!("a{} {command}", self.tag).as_bytes());
    }

    fn finish(&mut self) -> Vec<String> {
        self.write(b"\r\n");
        self.writer.flush().expect("the server reads");
        let tag = format!("a{} ", self.tag);
        let mut untagged = Vec::new();
        loop {
            let line = self.line();
            match line.strip_prefix(&tag) {
                Some(answer) => {
                    assert!(answer.starts_with("OK"), "refused: {answer}");
                    return untagged;
                }
                None => untagged.push(line),
            }
        }
    }

    fn write(&mut self, bytes: &[u8]) {
        self.writer.write_all(bytes).expect("the server reads");
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        let read = self.reader.read_line(&mut line).expect("the server answers");
        assert!(read > 0, "the server closed the connection");
        line.truncate(line.trim_end().len());
        line
    }
}
