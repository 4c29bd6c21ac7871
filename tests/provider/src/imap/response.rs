//! What the server says, as data, so that a fault can bend it before it is bytes.

use std::ops::Range;
use std::sync::Arc;

/// The answer to one command.
#[derive(Debug)]
pub(crate) struct Reply {
    pub untagged: Vec<Untagged>,
    /// The tagged line without its tag; none where the connection ends instead.
    pub tagged: Option<String>,
    pub end: End,
}

/// What happens after the answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    Open,
    /// With close_notify.
    Close,
    /// Without: the socket is dropped.
    Cut,
    /// Nothing more is said until the client goes away.
    Hang,
    /// A line that never ends.
    Endless,
}

#[derive(Clone, Debug)]
pub(crate) enum Untagged {
    Line(String),
    Fetch(Fetched),
    /// Bytes as they are.
    Raw(Vec<u8>),
}

#[derive(Clone, Debug)]
pub(crate) struct Fetched {
    pub sequence: u32,
    pub items: Vec<(String, Value)>,
}

#[derive(Clone, Debug)]
pub(crate) enum Value {
    Text(String),
    /// Part of a message; `announced` is the length it claims to have.
    Literal {
        data: Arc<[u8]>,
        range: Range<usize>,
        announced: u64,
    },
}

impl Value {
    pub(crate) fn literal(data: Arc<[u8]>, range: Range<usize>) -> Self {
        let announced = u64::try_from(range.len()).unwrap_or(u64::MAX);
        Self::Literal { data, range, announced }
    }

    fn write(&self, out: &mut Vec<u8>) {
        match self {
            Self::Text(text) => out.extend_from_slice(text.as_bytes()),
            Self::Literal { data, range, announced } => {
                out.extend_from_slice(format!("{{{announced}}}\r\n").as_bytes());
                out.extend_from_slice(data.get(range.clone()).unwrap_or_default());
            }
        }
    }
}

impl Fetched {
    pub(crate) fn has_literal(&self) -> bool {
        self.items.iter().any(|(_, value)| matches!(value, Value::Literal { .. }))
    }

    pub(crate) fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(format!("* {} FETCH (", self.sequence).as_bytes());
        for (index, (name, value)) in self.items.iter().enumerate() {
            let space = if index == 0 { "" } else { " " };
            out.extend_from_slice(format!("{space}{name} ").as_bytes());
            value.write(out);
        }
        out.extend_from_slice(b")\r\n");
    }
}

impl Untagged {
    pub(crate) fn write(&self, out: &mut Vec<u8>) {
        match self {
            Self::Line(line) => out.extend_from_slice(format!("{line}\r\n").as_bytes()),
            Self::Fetch(fetched) => fetched.write(out),
            Self::Raw(bytes) => out.extend_from_slice(bytes),
        }
    }
}

impl Reply {
    pub(crate) fn tagged(text: impl Into<String>) -> Self {
        Self { untagged: Vec::new(), tagged: Some(text.into()), end: End::Open }
    }

    pub(crate) fn with(lines: impl IntoIterator<Item = String>, tagged: impl Into<String>) -> Self {
        Self { untagged: lines.into_iter().map(Untagged::Line).collect(), ..Self::tagged(tagged) }
    }

    pub(crate) fn bye(text: &str) -> Self {
        Self { untagged: vec![Untagged::Line(format!("* BYE {text}"))], tagged: None, end: End::Close }
    }

    pub(crate) fn nothing(end: End) -> Self {
        Self { untagged: Vec::new(), tagged: None, end }
    }
}
