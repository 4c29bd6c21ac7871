//! The command line of the benchmark.

/// What is possible.
pub const USAGE: &str = "usage: scripts/bench [ingest | distance | flat | watch | inbox | idle | delivery] [--messages N] [--runs K] [--database sqlite|postgres]";

/// The database that is written to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Store {
    /// A file.
    Sqlite,
    /// A private server.
    Postgres,
}

/// What to measure.
pub struct Arguments {
    /// One of [`USAGE`].
    pub mode: String,
    /// Each mode has its own usual number.
    pub messages: Option<u64>,
    /// How often.
    pub runs: usize,
    /// Where to.
    pub store: Store,
}

impl Arguments {
    /// Reads them. `cargo bench` adds `--bench`, which says nothing.
    pub fn read(words: impl Iterator<Item = String>) -> Result<Self, String> {
        let mut arguments = Self { mode: "ingest".to_owned(), messages: None, runs: 3, store: Store::Sqlite };
        let mut words = words.filter(|word| word != "--bench");
        while let Some(word) = words.next() {
            let mut value = || words.next().ok_or_else(|| format!("{word} needs a value"));
            match word.as_str() {
                "ingest" | "distance" | "flat" | "watch" | "inbox" | "idle" | "delivery" => arguments.mode = word,
                "--messages" => arguments.messages = Some(number(&value()?)?),
                "--runs" => arguments.runs = usize::try_from(number(&value()?)?).map_err(|error| error.to_string())?,
                "--database" => arguments.store = Store::parse(&value()?)?,
                _ => return Err(format!("{word} is not known")),
            }
        }
        Ok(arguments)
    }
}

impl Store {
    fn parse(word: &str) -> Result<Self, String> {
        match word {
            "sqlite" => Ok(Self::Sqlite),
            "postgres" => Ok(Self::Postgres),
            _ => Err(format!("{word} is no database: sqlite or postgres")),
        }
    }
}

fn number(word: &str) -> Result<u64, String> {
    match word.parse() {
        Ok(number) if number > 0 => Ok(number),
        _ => Err(format!("{word} is not a number above 0")),
    }
}
